"""Hugging Face models as readers: converted once, refused when they can't answer."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from labelled import ferries, squad

from index import MODELS
from qa.cli import main
from qa.confidence import Confidence, load_confidence
from qa.convert import reader_folder
from qa.errors import ReaderError
from qa.reader import ABOUT, DEFAULT_READER, MODEL, load_reader

pytestmark = pytest.mark.model

QUESTION = "who signed it?"
TEXT = "Japan and Britain signed it in London, said Émile 😀."


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory):
    """Two small BERTs with random weights: one with a span head, one without."""
    import torch
    from transformers import BertConfig, BertForQuestionAnswering, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    home = tmp_path_factory.mktemp("models")
    tokenizer = BertTokenizerFast(tokenizer_file=str(DEFAULT_READER / "tokenizer.json"))
    for name, kind in (("spans", BertForQuestionAnswering), ("bare", BertModel)):
        kind(config).save_pretrained(home / name)
        tokenizer.save_pretrained(home / name)
    return home


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def converted(tiny_models, cache):
    """The model with a span head, as a reader."""
    return reader_folder(str(tiny_models / "spans"), cache)


def test_a_model_folder_is_converted_once_and_scores_as_the_model_does(
    tiny_models, cache, converted
):
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    source = tiny_models / "spans"
    written = (converted / MODEL).stat().st_mtime_ns
    assert reader_folder(str(source), cache) == converted
    assert (converted / MODEL).stat().st_mtime_ns == written

    reader = load_reader(converted, threads=1)
    tokens = AutoTokenizer.from_pretrained(source)(QUESTION, TEXT, return_tensors="pt")
    with torch.no_grad():
        expected = AutoModelForQuestionAnswering.from_pretrained(source).eval()(**tokens)
    start, end = reader._session.run(
        ["start_logits", "end_logits"], {name: value.numpy() for name, value in tokens.items()}
    )
    np.testing.assert_allclose(start, expected.start_logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(end, expected.end_logits.numpy(), atol=1e-4)


def test_a_reader_folder_is_taken_as_it_is(tmp_path):
    assert reader_folder(str(DEFAULT_READER), tmp_path) == DEFAULT_READER
    assert reader_folder(None, tmp_path) == DEFAULT_READER
    assert list(tmp_path.iterdir()) == []


def test_a_converted_reader_names_its_checksums(converted):
    about = json.loads((converted / ABOUT).read_text(encoding="utf-8"))
    assert about["name"] == "spans"
    assert set(about["sha256"]) == {"reader.onnx", "tokenizer.json"}


def test_a_converted_reader_answers_when_it_beats_no_answer_and_promises_nothing(converted):
    fingerprint = load_reader(converted, 1).fingerprint
    assert load_confidence(converted, fingerprint, "any") == Confidence()


def test_a_model_without_a_span_head_is_refused_and_leaves_nothing(tiny_models, tmp_path):
    with pytest.raises(ReaderError, match="no span head"):
        reader_folder(str(tiny_models / "bare"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ReaderError, match="can't be loaded"):
        reader_folder(str(tmp_path), tmp_path / "cache")


def test_a_name_that_can_not_be_fetched_is_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ReaderError, match="neither a folder nor a model"):
        reader_folder("citespan-tests/there-is-no-such-model", tmp_path)


def test_what_is_calibrated_is_the_reader_that_is_asked(tiny_models, tmp_path):
    """A converted model's numbers lie where `ask`, `eval` and `serve` look for them."""
    days = squad(tmp_path / "days.json", *ferries(range(60)))
    data, source = tmp_path / "data", str(tiny_models / "spans")
    data.mkdir()
    given = ["calibrate", str(days), "--data", str(data), "--reader", source]
    assert "too few to calibrate with" in CliRunner().invoke(main, given).output
    (made,) = data.rglob("reader-*")
    assert reader_folder(source, data / MODELS) == made
