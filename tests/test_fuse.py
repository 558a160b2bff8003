"""Attention fused into one operation gives the numbers that it gave apart."""

from collections import Counter

import numpy as np
import onnx
import pytest

from index import export_model, fuse_attention, open_session
from qa.training.network import new_network

pytestmark = pytest.mark.model
INPUTS, OUTPUTS = ("input_ids", "attention_mask", "token_type_ids"), ("start", "end")


@pytest.fixture
def exported(tiny_embedder, tmp_path):
    """A network as it is exported, and how many layers and heads it has."""
    network = new_network(tiny_embedder, tiny_embedder, 3).eval()

    def forward(given):
        found = network(**given)
        return found.start_logits, found.end_logits

    export_model(forward, network, INPUTS, OUTPUTS, tmp_path / "network.onnx")
    return (
        tmp_path / "network.onnx",
        network.config.num_hidden_layers,
        network.config.num_attention_heads,
    )


def run(path, length):
    session = open_session(path, threads=1)
    random = np.random.default_rng(length)
    feeds = {
        "input_ids": random.integers(0, 30, (1, length)),
        "attention_mask": np.ones((1, length), np.int64),
        "token_type_ids": np.zeros((1, length), np.int64),
    }
    return session.run(OUTPUTS, {one.name: feeds[one.name] for one in session.get_inputs()})


def kinds(path):
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def test_every_layer_is_fused_and_the_numbers_stay(exported):
    path, layers, heads = exported
    before = [run(path, length) for length in (1, 2, 17, 64)]
    assert kinds(path)["Softmax"] == layers
    assert fuse_attention(path, heads) == layers
    assert kinds(path)["MultiHeadAttention"] == layers and "Softmax" not in kinds(path)
    for length, wanted in zip((1, 2, 17, 64), before, strict=True):
        assert np.allclose(run(path, length), wanted, atol=1e-5)


def test_fusing_again_finds_nothing_and_leaves_the_file(exported):
    path, _, heads = exported
    fuse_attention(path, heads)
    written = path.read_bytes()
    assert fuse_attention(path, heads) == 0
    assert path.read_bytes() == written
