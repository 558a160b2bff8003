"""Steps that learn, that a seed reproduces, and that can be cut off and gone on with."""

from dataclasses import replace

import pytest

import qa.training.lessons
import qa.training.train
from index import Passage
from qa.errors import TrainingError
from qa.labels import Labelled
from qa.reader import TOKENIZER, load_tokenizer
from qa.training.features import Features
from qa.training.lessons import Lesson, Settings
from qa.training.network import FROZEN, new_network
from qa.training.train import train

pytestmark = pytest.mark.model
TEXTS = {
    f"bridge {number}": f"The bridge number {number} was built by {name}. It rained in the valley."
    for number, name in enumerate(["Mary Stone", "Peter Wood", "Ann Lee", "Bo Ek", "Cy Fox"] * 4)
}
SETTINGS = Settings(epochs=2, learning_rate=1e-3, tokens=128)


@pytest.fixture(autouse=True)
def one_thread():
    """So small a network is slower on several, beside other work much slower."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def lessons(article):
    """A question about every bridge, each with the next bridge as its hard negative."""
    made = [article(text, name=name) for name, text in TEXTS.items()]
    found = []
    for one, other in zip(made, made[1:] + made[:1], strict=True):
        start, end = one.text.index(" by ") + 4, one.text.index(". It")
        place = (start, end)
        labelled = Labelled("Who built the bridge?", (one.text[start:end],), one.id, (place,))
        passage = Passage(other.id, 0, len(other.text), other.text)
        found.append(Lesson(labelled, [passage], 1.0))
    return found, {one.id: one for one in made}


@pytest.fixture
def trained(tiny_embedder, lessons, tmp_path):
    """Trains a new tiny network on the lessons, in a folder by name; gives its weights."""

    def run(name="run", settings=SETTINGS, shown=None, teacher=None):
        network = new_network(tiny_embedder, tiny_embedder, 3)
        tokenizer = load_tokenizer(tiny_embedder / TOKENIZER)
        given, articles = lessons
        folder = tmp_path / name
        taught = given if shown is None else shown
        train(network, tokenizer, taught, articles, settings, folder, False, teacher)
        return {key: one.detach().clone() for key, one in network.named_parameters()}

    return run


def same(one, other):
    return all((one[name] == other[name]).all() for name in one)


@pytest.fixture
def watched(monkeypatch):
    """What the loss of that name comes to in every step taken."""

    def watch(name):
        found = []
        whole = getattr(qa.training.train, name)

        def kept(*given):
            loss = whole(*given)
            found.append(float(loss.detach()))
            return loss

        monkeypatch.setattr(qa.training.train, name, kept)
        return found

    return watch


@pytest.fixture
def losses(watched):
    """The loss of every step taken."""
    return watched("span_loss")


@pytest.fixture
def cut_off(monkeypatch):
    """Checkpoints every fourth step, and Ctrl+C at the step that is given."""
    whole = qa.training.train._rate
    monkeypatch.setattr(qa.training.train, "_EVERY", 4)

    def at(number):
        def rate(settings, step, done):
            if step == number:
                raise KeyboardInterrupt
            return whole(settings, step, done)

        monkeypatch.setattr(qa.training.train, "_rate", rate)

    return at


def test_it_learns_what_it_is_shown(trained, losses):
    trained(settings=replace(SETTINGS, epochs=12, learning_rate=0.01))
    fifth = len(losses) // 5
    assert sum(losses[-fifth:]) < 0.7 * sum(losses[:fifth])


def test_the_same_seed_gives_the_same_weights_and_another_other_ones(trained):
    one = trained("one")
    assert same(one, trained("two"))
    assert not same(one, trained("three", replace(SETTINGS, seed=2)))


def test_who_is_taught_comes_nearer_to_the_teacher(trained, tiny_embedder, watched):
    found = watched("taught_loss")
    teacher = new_network(tiny_embedder, tiny_embedder, 8)
    before = {name: one.detach().bfloat16() for name, one in teacher.named_parameters()}
    trained(settings=replace(SETTINGS, epochs=12, learning_rate=0.01), teacher=teacher)
    fifth = len(found) // 5
    assert sum(found[-fifth:]) < 0.9 * sum(found[:fifth])
    assert all((before[name] == one).all() for name, one in teacher.named_parameters())


def test_who_is_taught_comes_nearer_to_the_teachers_last_layer(trained, tiny_embedder, monkeypatch):
    found = []
    real = Features.loss

    def seen(*given):
        loss = real(*given)
        found.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(Features, "loss", seen)
    teacher = new_network(tiny_embedder, tiny_embedder, 8)
    weights = trained(settings=replace(SETTINGS, epochs=12, learning_rate=0.01), teacher=teacher)
    fifth = len(found) // 5
    assert sum(found[-fifth:]) < 0.9 * sum(found[:fifth])
    assert not any("features" in name for name in weights)


def test_all_weights_but_the_words_vectors_change(trained, tiny_embedder):
    before = dict(new_network(tiny_embedder, tiny_embedder, 3).named_parameters())
    for name, weight in trained().items():
        assert (weight == before[name]).all() == name.endswith(FROZEN), name
        assert str(weight.dtype) == "torch.float32"


def test_what_is_kept_of_the_weights_begun_with_lies_between_them(trained, tiny_embedder):
    begun = dict(new_network(tiny_embedder, tiny_embedder, 3).named_parameters())
    moved = trained()
    half = trained("half", replace(SETTINGS, keep=0.5))
    for name, weight in half.items():
        assert ((begun[name] + moved[name]) / 2 - weight).abs().max() < 1e-6


@pytest.mark.parametrize("step", [3, 5, 12])
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(trained, cut_off, losses, step):
    whole = trained("whole")
    steps = len(losses)
    assert steps > 12
    cut_off(step)
    with pytest.raises(KeyboardInterrupt):
        trained("cut")
    cut_off(None)
    losses.clear()
    assert same(trained("cut"), whole)
    assert len(losses) == steps - (step - 1) // 4 * 4


def test_a_finished_run_goes_on_from_its_last_checkpoint(trained, cut_off, losses):
    cut_off(None)
    whole, steps = trained(), len(losses)
    losses.clear()
    assert same(trained(), whole)
    assert len(losses) == steps % 4


def test_a_run_cut_off_while_it_wrote_a_checkpoint_goes_on_from_the_one_before(
    trained, cut_off, monkeypatch, tmp_path
):
    import safetensors.torch

    whole = trained("whole")
    save = safetensors.torch.save_file
    written = []

    def torn(tensors, path, metadata):
        if written:
            path.write_bytes(b"torn")
            raise OSError("no space left")
        written.append(path)
        save(tensors, path, metadata=metadata)

    cut_off(None)
    monkeypatch.setattr(safetensors.torch, "save_file", torn)
    with pytest.raises(TrainingError, match=r"no space left.*make room there, and give the same"):
        trained("cut")
    assert not list((tmp_path / "cut").glob("*.new"))
    monkeypatch.setattr(safetensors.torch, "save_file", save)
    assert same(trained("cut"), whole)


@pytest.mark.parametrize(
    "changed",
    [{"seed": 2}, {"epochs": 3}, {"learning_rate": 2e-3}, {"tokens": 512}, {"negative_share": 0}],
)
def test_other_settings_do_not_go_on_with_a_run(trained, cut_off, changed, tmp_path):
    cut_off(5)
    with pytest.raises(KeyboardInterrupt):
        trained()
    cut_off(None)
    with pytest.raises(TrainingError, match="holds a training run with other settings") as told:
        trained(settings=replace(SETTINGS, **changed))
    assert "train into another folder, or delete it" in str(told.value)
    assert str(tmp_path / "run") in str(told.value)


def test_other_questions_do_not_go_on_with_a_run(trained, cut_off, lessons):
    cut_off(5)
    with pytest.raises(KeyboardInterrupt):
        trained()
    cut_off(None)
    with pytest.raises(TrainingError, match="holds a training run"):
        trained(shown=lessons[0][:-1])


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"no tensors", lambda raw: raw[:-99]])
def test_a_damaged_checkpoint_is_told(trained, cut_off, tmp_path, damage):
    cut_off(5)
    with pytest.raises(KeyboardInterrupt):
        trained()
    cut_off(None)
    path = tmp_path / "run" / "checkpoint.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TrainingError, match=r"can't be read.*delete it to train from the start"):
        trained()


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_a_checkpoint_of_another_network_is_told(trained, cut_off, tmp_path, change):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    cut_off(5)
    with pytest.raises(KeyboardInterrupt):
        trained()
    cut_off(None)
    path = tmp_path / "run" / "checkpoint.safetensors"
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    head = tensors.pop("weight qa_outputs.bias")
    if change == "shape":
        tensors["weight qa_outputs.bias"] = head[:1].repeat(3)
    save_file(tensors, path, metadata=about)
    with pytest.raises(TrainingError, match="is of another network"):
        trained()


def test_half_an_epoch_takes_half_of_its_steps(trained, losses):
    trained("whole", replace(SETTINGS, epochs=1, negative_share=0))
    steps = len(losses)
    losses.clear()
    trained("half", replace(SETTINGS, epochs=0.5, negative_share=0))
    assert abs(len(losses) - steps / 2) <= 0.5


def test_a_share_is_how_often_an_epoch_shows_a_question(trained, lessons, monkeypatch):
    shown = []
    whole = qa.training.lessons.examples

    def counted(labelled, *more):
        shown.append(labelled.article_id)
        return whole(labelled, *more)

    monkeypatch.setattr(qa.training.lessons, "examples", counted)
    twice, half = (
        [replace(one, share=share) for one in lessons[0][part]]
        for share, part in ((2.0, slice(0, 10)), (0.5, slice(10, 20)))
    )
    trained(shown=twice + half)
    counts = [shown.count(one.labelled.article_id) for one in twice + half]
    assert counts[:10] == [4] * 10
    assert set(counts[10:]) == {0, 1, 2}
    assert 5 <= sum(counts[10:]) <= 15


def test_a_question_asked_of_another_name_is_compared_with_none(trained, lessons, monkeypatch):
    groups = []
    whole = qa.training.lessons.batches

    def watched(found, *more):
        groups.extend(found)
        return whole(found, *more)

    monkeypatch.setattr(qa.training.lessons, "batches", watched)
    asked = [
        replace(one, labelled=replace(one.labelled, question=f"Who built bridge {number}?"))
        for number, one in enumerate(lessons[0])
    ]
    trained(shown=asked)
    alone = [group for group in groups if not any(row.targets for row in group)]
    assert len(groups) - len(alone) == 2 * len(asked)
    assert 4 <= len(alone) <= 28 and {len(group) for group in alone} == {1}


def test_lessons_that_are_never_shown_change_nothing(trained, lessons, tiny_embedder):
    never = [replace(one, share=1e-9) for one in lessons[0]]
    before = dict(new_network(tiny_embedder, tiny_embedder, 3).named_parameters())
    after = trained(shown=never)
    assert all(
        (after[name] == before[name]).all() for name in after if not name.startswith("qa_outputs")
    )


def test_the_rate_rises_over_the_first_steps_and_falls_to_nothing():
    rate = qa.training.train._rate
    rising = [rate(SETTINGS, step, 0.0) for step in (1, 50, 100, 200)]
    assert rising == [pytest.approx(1e-3 * share) for share in (0.01, 0.5, 1, 1)]
    assert rate(SETTINGS, 200, 0.5) == 5e-4
    assert rate(SETTINGS, 900, 1.0) == 0
