"""A reader folder as it is written: whole, pinned, and reading as the network does."""

import json
import shutil
from copy import deepcopy
from hashlib import sha256

import numpy as np
import pytest

from index import open_session
from qa.reader import ABOUT, DEFAULT_READER, MODEL, TOKENIZER, load_reader
from qa.training.export import export
from qa.training.network import new_network
from qa.window import whole

pytestmark = pytest.mark.model
PACT = "Japan and Britain signed a pact in London on Wednesday, beside Émile 😀. It rained."
PAIRS = [("Who signed?", PACT), ("東京?", "😀"), ("When " * 40, PACT * 12)]


@pytest.fixture(scope="module")
def network(tiny_embedder):
    return new_network(tiny_embedder, tiny_embedder, 3).eval()


@pytest.fixture(scope="module")
def folders(network, tmp_path_factory):
    """The float form and the int8 form of the network, one written over another reader."""
    home = tmp_path_factory.mktemp("export")
    shutil.copytree(DEFAULT_READER, home / "int8")
    for name, int8 in (("float", False), ("int8", True)):
        export(deepcopy(network), DEFAULT_READER / TOKENIZER, name, home / name, int8=int8)
    return home


def scores(folder, feeds):
    session = open_session(folder / MODEL, 1)
    return session.run(["start_logits", "end_logits"], feeds)


def expected(network, feeds):
    import torch

    with torch.no_grad():
        found = network(**{name: torch.from_numpy(array) for name, array in feeds.items()})
    return found.start_logits.numpy(), found.end_logits.numpy()


def fed(folder, question, text):
    row = load_reader(folder, 1)._tokenizer.encode(question, text)
    arrays = zip(
        ("input_ids", "attention_mask", "token_type_ids"),
        (row.ids, row.attention_mask, row.type_ids),
        strict=True,
    )
    return {name: np.array([values], dtype=np.int64) for name, values in arrays}


@pytest.mark.parametrize(("question", "text"), PAIRS)
def test_the_float_form_scores_as_the_network_does(network, folders, question, text):
    feeds = fed(folders / "float", question, text)
    for one, other in zip(scores(folders / "float", feeds), expected(network, feeds), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(("question", "text"), PAIRS)
def test_the_int8_form_scores_about_as_the_network_does(network, folders, question, text):
    feeds = fed(folders / "int8", question, text)
    wanted = np.concatenate(expected(network, feeds)).ravel()
    found = np.concatenate(scores(folders / "int8", feeds)).ravel()
    assert wanted.std() > 1
    assert np.abs(found - wanted).mean() < 0.1 * wanted.std()


@pytest.mark.parametrize("name", ["float", "int8"])
def test_the_folder_names_its_checksums_and_loads(folders, name):
    folder = folders / name
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    assert about == {
        "name": name,
        "sha256": {
            file: sha256((folder / file).read_bytes()).hexdigest() for file in (MODEL, TOKENIZER)
        },
    }
    assert load_reader(folder, 1).fingerprint == f"{name}:{about['sha256'][MODEL][:16]}"


@pytest.mark.parametrize("name", ["float", "int8"])
def test_it_reads(folders, article, name):
    one = article(PACT, "The pact")
    found = load_reader(folders / name, 1).read("Who signed?", [whole(one)])
    assert len(found) > 1
    assert all(0 <= span.start < span.end <= len(PACT) for span in found)


def test_nothing_is_left_beside_the_reader(folders):
    assert {file.name for file in (folders / "float").iterdir()} == {MODEL, TOKENIZER, ABOUT}
    assert not list((folders / "int8").glob("*.whole"))


def test_every_matrix_and_word_is_of_8_bits(folders, network):
    import onnx

    stored = onnx.load(folders / "int8" / MODEL).graph.initializer
    whole_numbers = [one for one in stored if one.data_type == onnx.TensorProto.INT8]
    sizes = sorted(int(np.prod(one.dims)) for one in whole_numbers if len(one.dims) == 2)
    matrices = [
        one.numel()
        for name, one in network.named_parameters()
        if one.ndim == 2
        and not name.endswith(("position_embeddings.weight", "type_embeddings.weight"))
    ]
    assert sizes == sorted(matrices)
    assert (folders / "int8" / MODEL).stat().st_size < 0.4 * (
        folders / "float" / MODEL
    ).stat().st_size
