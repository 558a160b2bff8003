"""The network to train: from a model folder, or from a reader as it was written."""

import shutil
from copy import deepcopy

import pytest

from index import DEFAULT_EMBEDDER, embedder_folder
from qa import ReaderError
from qa.convert import reader_folder
from qa.reader import ABOUT, DEFAULT_READER, MODEL, TOKENIZER
from qa.training.export import export
from qa.training.network import FROZEN, new_network

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def network(tiny_embedder):
    import torch

    made = new_network(tiny_embedder, tiny_embedder, 3)
    with torch.no_grad():
        for one in made.parameters():
            if one.requires_grad:
                one.add_(torch.randn_like(one) * 0.1)  # no two alike, as after training
    return made


def weights(network):
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def test_all_but_the_words_vectors_are_trained(network):
    frozen = [name for name, one in network.named_parameters() if not one.requires_grad]
    assert len(frozen) == 1
    assert frozen[0].endswith(FROZEN)


@pytest.fixture(scope="module")
def two_layers(tmp_path_factory, tiny_embedder):
    """A small model of two layers without a span head."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("two-layers")
    size = BertConfig.from_pretrained(tiny_embedder)
    size.num_hidden_layers, size.initializer_range = 2, 0.02
    model = BertModel(size)
    for one in model.parameters():
        one.data.add_(0.5)  # no number as it is drawn
    model.save_pretrained(folder)
    return folder


def test_a_model_folder_gives_its_own_weights_but_those_of_the_top_layer(two_layers):
    from transformers import BertModel

    made = weights(new_network(two_layers, two_layers, 3))
    own = {
        f"bert.{name}": one
        for name, one in BertModel.from_pretrained(two_layers).named_parameters()
    }
    shared = set(own) & set(made)
    kept = {name for name in shared if (own[name] == made[name]).all()}
    top = {name for name in shared if ".layer.1." in name}
    assert len(top) == 16
    assert len(shared) > 32
    assert kept == shared - top
    for name in top:
        drawn = made[name].mean()
        assert float(drawn) == pytest.approx(float("LayerNorm.weight" in name), abs=0.01), name


def test_a_model_with_a_span_head_gives_all_its_weights(two_layers, tmp_path):
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering.from_pretrained(two_layers)
    model.save_pretrained(tmp_path)
    made = weights(new_network(tmp_path, two_layers, 3))
    assert all((made[name] == one).all() for name, one in model.named_parameters())


@pytest.fixture(scope="module")
def written(network, tiny_embedder, tmp_path_factory):
    """The network as an int8 reader."""
    folder = tmp_path_factory.mktemp("written")
    export(deepcopy(network), tiny_embedder / TOKENIZER, "tiny", folder, int8=True)
    return folder


def test_the_span_head_that_a_model_lacks_is_drawn_from_the_seed(tiny_embedder):
    one, again, other = (
        new_network(tiny_embedder, tiny_embedder, seed).qa_outputs.weight for seed in (3, 3, 4)
    )
    assert (one == again).all()
    assert not (one == other).any()


def test_a_reader_that_was_written_is_loaded_back_as_close_as_int8_lets_it(
    network, tiny_embedder, written
):
    before = weights(network)
    again = weights(new_network(written, tiny_embedder, 3))
    assert set(again) == set(before)
    rounded = 0
    for name, weight in before.items():
        if "word_embeddings" in name or (weight.ndim == 2 and "embeddings" not in name):
            step = weight.abs().amax(dim=1, keepdim=True) / 127
            assert ((again[name] - weight).abs() <= step * 0.51).all(), name
            rounded += 1
        else:
            assert (again[name] == weight).all(), name
    assert rounded == 8, "the words, six matrices of the one layer and the span head"


def test_the_shipped_reader_can_be_gone_on_from():
    network = new_network(DEFAULT_READER, embedder_folder(DEFAULT_EMBEDDER), 3)
    assert sum(one.numel() for one in network.parameters()) > 20e6
    assert float(network.qa_outputs.weight.detach().abs().max()) > 0


def test_a_tenth_of_the_numbers_is_dropped_in_training_and_none_in_reading(network):
    import torch

    ids = torch.randint(1000, 2000, (2, 32))
    for mode, same in ((network.train, False), (network.eval, True)):
        mode()
        one, other = (network(input_ids=ids).start_logits for _ in range(2))
        assert torch.equal(one, other) is same


def test_what_is_dropped_is_a_tenth_whose_weight_the_rest_takes_on(network):
    import torch

    ones = torch.ones(100, 99, 7)
    drop = next(one for one in network.train().modules() if isinstance(one, torch.nn.Dropout))
    torch.manual_seed(1)
    found = drop(ones)
    values, counts = found.unique(return_counts=True)
    assert values.tolist() == pytest.approx([0, 256 / 230])
    assert counts[0] / ones.numel() == pytest.approx(26 / 256, abs=0.005)
    assert float(found.mean()) == pytest.approx(1, abs=0.005)
    other = drop(ones)
    torch.manual_seed(1)
    assert torch.equal(drop(ones), found)
    assert not torch.equal(other, found)


def test_a_converted_reader_is_no_start(network, tiny_embedder, tmp_path):
    network.save_pretrained(tmp_path / "model")
    for name in (TOKENIZER, "tokenizer_config.json", "vocab.txt"):
        if (tiny_embedder / name).exists():
            shutil.copyfile(tiny_embedder / name, tmp_path / "model" / name)
    folder = reader_folder(str(tmp_path / "model"), tmp_path / "cache")
    with pytest.raises(ReaderError, match="is not a reader that citespan train wrote"):
        new_network(folder, tiny_embedder, 3)


def test_a_reader_of_another_shape_is_no_start(written, tiny_embedder, tmp_path):
    from transformers import BertConfig, BertModel

    wide = shutil.copytree(tiny_embedder, tmp_path / "wide")
    BertModel(BertConfig.from_pretrained(wide, hidden_size=32)).save_pretrained(wide)
    with pytest.raises(ReaderError, match="can't be a start"):
        new_network(written, wide, 3)
    with pytest.raises(ReaderError, match="can't be a start"):
        new_network(written, embedder_folder(DEFAULT_EMBEDDER), 3)


def test_a_damaged_reader_is_no_start(written, tiny_embedder, tmp_path):
    damaged = shutil.copytree(written, tmp_path / "damaged")
    with (damaged / MODEL).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ReaderError, match=f"is not the file that {ABOUT} names"):
        new_network(damaged, tiny_embedder, 3)
    (damaged / MODEL).unlink()
    with pytest.raises(ReaderError, match=f"{MODEL} is missing"):
        new_network(damaged, tiny_embedder, 3)


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_a_model_is_no_start(tiny_embedder, tmp_path, name):
    with pytest.raises(ReaderError, match="can't be loaded as a model to train"):
        new_network(tmp_path / name, tiny_embedder, 3)


def test_a_model_of_another_kind_is_no_start(tiny_embedder, tmp_path):
    from transformers import AlbertConfig, AlbertModel, DistilBertConfig, DistilBertModel

    size = {"vocab_size": 99, "hidden_size": 16, "intermediate_size": 32, "embedding_size": 16}
    AlbertModel(AlbertConfig(**size, num_attention_heads=2)).save_pretrained(tmp_path / "albert")
    small = DistilBertConfig(vocab_size=99, dim=16, hidden_dim=32, n_heads=2, n_layers=1)
    DistilBertModel(small).save_pretrained(tmp_path / "distilbert")
    for name in ("albert", "distilbert"):
        with pytest.raises(ReaderError, match="is it BERT's kind"):
            new_network(tmp_path / name, tiny_embedder, 3)
