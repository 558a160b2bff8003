"""A larger model over the reader's tokens."""

import json

import pytest
from larger import SHIFT, larger

from index import DEFAULT_EMBEDDER, embedder_folder
from qa import ReaderError
from qa.reader import DEFAULT_READER, TOKENIZER, load_tokenizer
from qa.training.network import FROZEN, new_network
from qa.training.tokens import is_translated, save_translated

pytestmark = pytest.mark.model
ASKED = ("Who signed it?", "Mary Stone signed the unaffable treaty in 1902.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return larger(tmp_path_factory.mktemp("larger") / "model")


@pytest.fixture(scope="module")
def network(folder, tiny_embedder):
    return new_network(folder, tiny_embedder, 3).eval()


def scores(network, tokenizer):
    import torch

    row = tokenizer.encode(*ASKED)
    given = {"input_ids": row.ids, "attention_mask": row.attention_mask}
    given |= {"token_type_ids": row.type_ids} if is_translated(network) else {}
    with torch.no_grad():
        out = network(**{name: torch.tensor([one]) for name, one in given.items()})
    return torch.stack([out.start_logits, out.end_logits])


def test_a_reader_s_tokens_are_shown_to_a_larger_model_as_its_own(network, folder):
    tokens, own = load_tokenizer(DEFAULT_READER / TOKENIZER), load_tokenizer(folder / TOKENIZER)
    row, other = tokens.encode(*ASKED), own.encode(*ASKED)
    assert row.ids != other.ids
    assert network.numbers[row.ids].tolist() == other.ids
    assert network.numbers[tokens.token_to_id("[CLS]")] == own.token_to_id("<s>")
    assert network.numbers[tokens.token_to_id("treaty")] == tokens.token_to_id("treaty") + SHIFT
    assert (scores(network, tokens) == scores(network.network, own)).all()


def test_the_lower_layers_of_a_larger_model_stay_as_they_are(network):
    learning = {name for name, one in network.named_parameters() if one.requires_grad}
    layers = {name.split(".layer.")[1].split(".")[0] for name in learning if ".layer." in name}
    assert layers == set("2345678")
    assert {name for name in learning if ".layer." not in name} == {
        "network.qa_outputs.weight",
        "network.qa_outputs.bias",
    }
    assert not any(name.endswith(FROZEN) for name in learning)


def test_what_is_saved_is_the_model_that_was_within(network, folder, tiny_embedder, tmp_path):
    save_translated(network, folder, tmp_path)
    again = new_network(tmp_path, tiny_embedder, 4).eval()
    tokens = load_tokenizer(DEFAULT_READER / TOKENIZER)
    assert (scores(network, tokens) == scores(again, tokens)).all()


def test_a_model_that_reads_in_other_tokens_is_refused(folder, tiny_embedder, tmp_path):
    other = larger(tmp_path / "other", 1)
    made = json.loads((other / TOKENIZER).read_text())
    special = {one["content"] for one in made["added_tokens"]}
    words = made["model"]["vocab"].items()
    made["model"]["vocab"] = {
        word if word in special else f"Ġ{word}": number for word, number in words
    }
    (other / TOKENIZER).write_text(json.dumps(made))
    with pytest.raises(ReaderError, match="does not read in the reader's tokens"):
        new_network(other, tiny_embedder, 3)


def test_a_model_without_a_sign_for_hidden_words_is_refused(tiny_embedder, tmp_path):
    other = larger(tmp_path / "other", 1)
    settings = json.loads((other / "tokenizer_config.json").read_text())
    del settings["mask_token"]
    (other / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ReaderError, match="does not read in the reader's tokens"):
        new_network(other, tiny_embedder, 3)


def test_a_model_without_a_tokenizer_is_refused(tiny_embedder, tmp_path):
    other = larger(tmp_path / "other", 1)
    (other / TOKENIZER).write_text("{")
    with pytest.raises(ReaderError, match="has no tokenizer that can be loaded"):
        new_network(other, tiny_embedder, 3)
    (other / TOKENIZER).unlink()
    with pytest.raises(ReaderError, match=r"has no tokenizer|does not read in the reader's tokens"):
        new_network(other, tiny_embedder, 3)


def test_the_shipped_reader_is_no_larger_model():
    assert not is_translated(new_network(DEFAULT_READER, embedder_folder(DEFAULT_EMBEDDER), 3))
