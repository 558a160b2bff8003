"""A torch network and its ONNX file give the same numbers, whatever the shape."""

from pathlib import Path

import numpy as np
import pytest

from index.onnx import export_model, open_session

pytestmark = pytest.mark.model


def test_an_exported_network_gives_the_same_numbers_for_any_shape(tmp_path):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(50, 8)

        def forward(self, given):
            mask = given["attention_mask"].unsqueeze(-1).float()
            words = self.words(given["input_ids"])
            return (words * mask).sum(1) / (mask.sum(1) + 1), words.sum(-1)

    network = Network()
    path = tmp_path / "network.onnx"
    export_model(network, network, ["input_ids", "attention_mask"], ["mean", "sums"], path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.onnx"]
    session = open_session(path, threads=1)
    random = np.random.default_rng(3)
    for shape in ((1, 1), (1, 2), (2, 1), (3, 40), (70, 5), (2, 512)):
        for mask in (np.ones(shape), np.zeros(shape), random.integers(0, 2, shape)):
            feeds = {
                "input_ids": random.integers(0, 50, shape),
                "attention_mask": mask.astype(np.int64),
            }
            with torch.no_grad():
                wanted = network({name: torch.from_numpy(array) for name, array in feeds.items()})
            found = session.run(["mean", "sums"], feeds)
            for one, other in zip(found, wanted, strict=True):
                assert np.allclose(one, other.numpy(), atol=1e-5)


def test_random_layers_are_exported_as_they_answer(tmp_path):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, given):
            return self.drop(given["attention_mask"].float())

    network = Network().train()
    export_model(network, network, ["attention_mask"], ["kept"], tmp_path / "network.onnx")
    session = open_session(tmp_path / "network.onnx", threads=1)
    [kept] = session.run(["kept"], {"attention_mask": np.ones((4, 100), np.int64)})
    assert np.array_equal(kept, np.ones((4, 100), np.float32))


def test_an_exported_file_says_nothing_of_where_it_was_made(tmp_path):
    import torch

    network = torch.nn.Linear(3, 2)

    def forward(given):
        return network(given["attention_mask"].float()[:, :1].expand(-1, 3))

    export_model(forward, network, ["attention_mask"], ["out"], tmp_path / "network.onnx")
    written = (tmp_path / "network.onnx").read_bytes()
    assert b"stack_trace" not in written
    assert str(Path(torch.__file__).parents[1]).encode() not in written
    assert str(Path(__file__).parent).encode() not in written
