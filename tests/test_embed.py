"""Two forms of one model: the same vectors, and nothing loaded that is not as published."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from index.embed import (
    DEFAULT_EMBEDDER,
    embedder_fingerprint,
    embedder_folder,
    load_embedder,
    load_question_embedder,
)
from index.errors import EmbedderError

TEXTS = [
    "Who signed the Reciprocal Access Agreement?",
    "",
    " ",
    "🙂 👩‍👩‍👧 naïve Émile e\u0301 日本 𝒜",
    "?",
    "a" * 10_000,
    "word " * 5_000,
    "The treaty was signed in London.\nIt rained (Kyodo).",
]


@pytest.fixture(scope="module")
def both(embedder_models):
    """The default embedder in its two forms."""
    [folder] = embedder_models.iterdir()
    return load_embedder(), load_question_embedder(folder, "a name")


@pytest.fixture
def tiny_copy(tiny_embedder, tmp_path):
    return Path(shutil.copytree(tiny_embedder, tmp_path / "tiny"))


@pytest.fixture
def exported(tiny_models, tmp_path):
    [folder] = tiny_models.iterdir()
    return Path(shutil.copytree(folder, tmp_path / "exported"))


def flip(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def test_both_forms_give_unit_vectors(both):
    for embedder in both:
        vectors = embedder.encode(TEXTS)
        assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 384), np.float32)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_both_forms_give_the_same_vectors(both):
    torch, onnx = both
    vectors = torch.encode(TEXTS)
    assert (vectors * onnx.encode(TEXTS)).sum(axis=1).min() > 0.999
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert float(onnx.encode([text])[0] @ vector) > 0.999


def test_the_same_text_gives_the_same_vector_each_time(both):
    for embedder in both:
        assert np.array_equal(embedder.encode(TEXTS[:1]), embedder.encode(TEXTS[:1]))


def test_what_means_the_same_is_near(both):
    _, onnx = both
    question, near, far = onnx.encode(
        ["Who signed the treaty?", "Ministers put their names to the pact.", "Cats like fish."]
    )
    assert question @ near > question @ far + 0.2


def test_each_form_tells_its_fingerprint(both):
    assert both[0].fingerprint == embedder_fingerprint(DEFAULT_EMBEDDER)
    assert both[1].fingerprint == "a name"


def test_the_fingerprint_is_the_same_each_time_and_wherever_the_model_lies(tiny_copy, tmp_path):
    fingerprint = embedder_fingerprint(str(tiny_copy))
    name, _, digest = fingerprint.partition(":")
    assert (name, len(digest)) == ("tiny", 16)
    hidden = shutil.copytree(tiny_copy, tmp_path / ".cache" / "tiny")
    assert embedder_fingerprint(str(tiny_copy)) == fingerprint == embedder_fingerprint(str(hidden))
    flip(hidden / "model.safetensors")
    assert embedder_fingerprint(str(hidden)) != fingerprint


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json"])
def test_the_fingerprint_changes_with_a_byte_of_any_file_that_matters(tiny_copy, name):
    before = embedder_fingerprint(str(tiny_copy))
    flip(tiny_copy / name)
    assert embedder_fingerprint(str(tiny_copy)) != before


def test_the_fingerprint_does_not_change_with_a_note_beside_the_model(tiny_copy):
    before = embedder_fingerprint(str(tiny_copy))
    (tiny_copy / "README.md").write_text("Changed.", encoding="utf-8")
    assert embedder_fingerprint(str(tiny_copy)) == before


@pytest.mark.model
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_the_default_embedder_is_compared_with_what_was_published(tmp_path, monkeypatch, name):
    package = tmp_path / "changed_embedder"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copytree(embedder_folder(DEFAULT_EMBEDDER), package / "model")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("index.embed._PACKAGE", package.name)
    embedder_fingerprint(DEFAULT_EMBEDDER)
    flip(package / "model" / name)
    for load in (embedder_fingerprint, load_embedder):
        with pytest.raises(EmbedderError, match=f"{name} is not the published file: reinstall"):
            load(DEFAULT_EMBEDDER)


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr("index.embed._PACKAGE", "no_such_package")
    with pytest.raises(EmbedderError, match="not installed: run make install"):
        embedder_fingerprint(DEFAULT_EMBEDDER)


@pytest.mark.parametrize("name", ["no-such-model-here", "someone/no-such-model", "/no/such", "a b"])
def test_an_unknown_model_is_one_sentence(monkeypatch, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EmbedderError) as raised:
        embedder_fingerprint(name)
    assert str(raised.value) == (
        f"the embedder {name} is neither a folder nor a model that can be fetched"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"{}"),
        ("modules.json", b"nothing"),
        ("tokenizer.json", b"{}"),
        ("model.safetensors", b""),
        ("model.safetensors", b"garbage" * 100),
        ("1_Pooling/config.json", b'{"no": "such"}'),
    ],
)
def test_a_broken_model_folder_is_one_sentence(tiny_copy, name, content):
    (tiny_copy / name).write_bytes(content)
    with pytest.raises(EmbedderError, match="tiny can't be loaded as a sentence-transformers mod"):
        load_embedder(str(tiny_copy))


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(EmbedderError, match="can't be loaded"):
        load_embedder(str(tmp_path))


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickled_checkpoint_is_never_opened(tiny_copy, tmp_path):
    (tiny_copy / "model.safetensors").unlink()
    (tiny_copy / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(EmbedderError):
        load_embedder(str(tiny_copy))
    assert not (tmp_path / "sprung").exists()


def test_an_export_is_whole_and_replaces_the_former(exported, tiny_embedder, tmp_path):
    flip(exported / "model.onnx")
    (exported / "old").touch()
    embedder = load_embedder(str(tiny_embedder))
    embedder.export(exported)
    again = load_question_embedder(exported, embedder.fingerprint)
    assert (again.encode(TEXTS) * embedder.encode(TEXTS)).sum(axis=1).min() > 0.999
    assert {file.name for file in exported.iterdir()} == {"model.onnx", "tokenizer.json", "sha256"}
    assert [folder.name for folder in tmp_path.iterdir()] == ["exported"]


def test_an_export_with_other_vectors_is_refused_and_the_former_stays(
    exported, tiny_embedder, monkeypatch
):
    embedder = load_embedder(str(tiny_embedder))
    model = (exported / "model.onnx").read_bytes()
    monkeypatch.setattr("index.embed.export_model", lambda *given: given[-1].write_bytes(model))
    monkeypatch.setattr("index.embed._PROBES", ["one", "two"])
    monkeypatch.setattr(embedder, "_encode", lambda *given: -np.eye(2, 16, dtype=np.float32))
    with pytest.raises(EmbedderError, match="gives other vectors than the model"):
        embedder.export(exported)
    load_question_embedder(exported, "x")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "sha256"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_flipped_byte_in_an_export_is_noticed(exported, name, place):
    flip(exported / name, place)
    with pytest.raises(EmbedderError, match="exported is damaged: run citespan index again"):
        load_question_embedder(exported, "x")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "sha256"])
def test_a_missing_file_of_an_export_is_noticed(exported, name):
    (exported / name).unlink()
    with pytest.raises(EmbedderError, match="holds no embedder: run citespan index again"):
        load_question_embedder(exported, "x")


def test_an_empty_list_of_checksums_is_noticed(exported):
    (exported / "sha256").write_bytes(b"")
    with pytest.raises(EmbedderError, match="damaged"):
        load_question_embedder(exported, "x")
