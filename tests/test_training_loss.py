"""What training makes small, against a plain sum over every span."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.decode import MAX_TOKENS
from qa.training.batches import Row, batches
from qa.training.loss import span_loss, taught_loss

pytestmark = pytest.mark.model


def made(random, length, answers):
    """A row of this many tokens, three of them the question's, with so many answers."""
    targets = []
    for _ in range(answers):
        first = random.randrange(3, length - 1)
        last = random.randrange(first, min(length - 1, first + MAX_TOKENS))
        targets.append((first, last, random.random() + 0.1))
    total = sum(weight for _, _, weight in targets)
    return Row(
        tuple(range(1, length + 1)),
        (3, length - 1),
        tuple((first, last, weight / total) for first, last, weight in targets),
    )


def one_batch(questions):
    (batch,) = batches(questions, 10**6, Random(0))
    return batch


def tensors(batch):
    import torch

    return {name: torch.from_numpy(getattr(batch, name)) for name in batch.__slots__}


def scores(batch, seed):
    import torch

    torch.manual_seed(seed)
    return (torch.randn(batch.ids.shape) * 3, torch.randn(batch.ids.shape) * 3)


def log_sum(values):
    top = max(values)
    return top + math.log(sum(math.exp(one - top) for one in values))


def plain(start, end, batch):
    """The loss, span by span: joint, apart, and across the rows of a question."""
    start, end = start.tolist(), end.tolist()
    legal = [[at for at, allowed in enumerate(row) if allowed] for row in batch.legal.tolist()]
    targets = [[] for _ in start]
    fields = (batch.target_row, batch.target_first, batch.target_last, batch.target_weight)
    for row, first, last, weight in zip(*(field.tolist() for field in fields), strict=True):
        targets[row].append((first, last, weight))
    spans = [
        [
            start[row][i] + end[row][j]
            for i in legal[row]
            for j in legal[row]
            if i <= j < i + MAX_TOKENS
        ]
        for row in range(len(start))
    ]
    null = [start[row][0] + end[row][0] for row in range(len(start))]

    within = 0.0
    for row, wanted in enumerate(targets):
        goal = sum(weight * (start[row][i] + end[row][j]) for i, j, weight in wanted)
        within += log_sum([*spans[row], null[row]]) - (goal if wanted else null[row])
        for ends, side in ((start[row], 0), (end[row], 1)):
            goal = sum(one[2] * ends[one[side]] for one in wanted) if wanted else ends[0]
            within += 0.25 * (log_sum([ends[0], *(ends[at] for at in legal[row])]) - goal)

    across = []
    for number in sorted(set(batch.group.tolist())):
        rows = [row for row, group in enumerate(batch.group.tolist()) if group == number]
        wanted = [(row, *one) for row in rows for one in targets[row]]
        if len(rows) > 1 and wanted:
            total = sum(weight for *_, weight in wanted)
            goal = sum(
                weight * (start[row][i] + end[row][j] - null[row]) for row, i, j, weight in wanted
            )
            every = [score - null[row] for row in rows for score in spans[row]]
            across.append(log_sum(every) - goal / total)
    loss = within / len(start)
    return loss + 0.5 * sum(across) / len(across) if across else loss


QUESTIONS = st.lists(
    st.lists(st.tuples(st.integers(5, 60), st.integers(0, 3)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=40)
@given(QUESTIONS, st.integers(0, 1000))
def test_the_loss_is_that_of_a_plain_sum(shape, seed):
    random = Random(seed)
    batch = one_batch([[made(random, *row) for row in question] for question in shape])
    start, end = scores(batch, seed)
    loss = span_loss(start, end, tensors(batch))
    assert float(loss) == pytest.approx(plain(start, end, batch), rel=1e-4, abs=1e-4)


def test_an_answer_that_two_parts_show_is_not_counted_twice():
    """Else the loss would fall without end as the scores of such questions rise."""
    import torch

    answered = Row(tuple(range(40)), (3, 39), ((5, 7, 1.0),))
    batch = one_batch([[answered, answered]])
    for height in (50.0, 500.0):
        start, end = torch.zeros(batch.ids.shape), torch.zeros(batch.ids.shape)
        start[:, 5] = end[:, 7] = height
        loss = float(span_loss(start, end, tensors(batch)))
        assert loss == pytest.approx(math.log(2) / 2, abs=1e-3)


def test_the_right_scores_leave_next_to_nothing():
    import torch

    answered = Row(tuple(range(40)), (3, 39), ((5, 7, 1.0),))
    silent = Row(tuple(range(40)), (3, 39), ())
    batch = one_batch([[answered, silent], [Row(tuple(range(300)), (3, 299), ())]])
    start, end = torch.zeros(batch.ids.shape), torch.zeros(batch.ids.shape)
    start[0, 5] = end[0, 7] = 50
    start[1:, 0] = end[1:, 0] = 50
    assert float(span_loss(start, end, tensors(batch))) < 1e-6
    assert float(span_loss(end, start, tensors(batch))) > 10


def test_what_is_no_answer_may_have_any_score():
    batch = one_batch([[Row(tuple(range(40)), (3, 39), ((5, 7, 1.0),))]])
    start, end = scores(batch, 1)
    before = float(span_loss(start, end, tensors(batch)))
    outside = [at for at in range(1, batch.ids.shape[1]) if not batch.legal[0, at]]
    start[:, outside] = end[:, outside] = 1000.0
    assert float(span_loss(start, end, tensors(batch))) == pytest.approx(before)


def test_every_score_that_counts_gets_a_finite_push():
    import torch

    random = Random(4)
    batch = one_batch([[made(random, 30, 2), made(random, 20, 0)], [made(random, 8, 1)]])
    start, end = (one.requires_grad_() for one in scores(batch, 4))
    span_loss(start, end, tensors(batch)).backward()
    counts = torch.from_numpy(batch.legal).clone()
    counts[:, 0] = True
    for one in (start, end):
        assert torch.isfinite(one.grad).all()
        assert (one.grad[counts] != 0).all()
        assert (one.grad[~counts] == 0).all()


def cross_entropy(scores, wanted):
    whole, other = log_sum(scores), log_sum(wanted)
    return sum(
        math.exp(goal - other) * (whole - one) for one, goal in zip(scores, wanted, strict=True)
    )


def plain_taught(start, end, teacher, batch):
    """The distance to a teacher, span by span: joint, and apart."""
    total = 0.0
    for row, allowed in enumerate(batch.legal.tolist()):
        legal = [at for at, one in enumerate(allowed) if one]
        pairs = [(i, j) for i in legal for j in legal if i <= j < i + MAX_TOKENS]
        own, wanted = (
            [
                [float(first[row][i] + last[row][j]) for i, j in [(0, 0), *pairs]],
                [float(first[row][at]) for at in [0, *legal]],
                [float(last[row][at]) for at in [0, *legal]],
            ]
            for first, last in ((start, end), teacher)
        )
        total += cross_entropy(own[0], wanted[0])
        total += sum(cross_entropy(own[at], wanted[at]) for at in (1, 2)) / 4
    return total / len(start)


@settings(deadline=None, max_examples=20)
@given(QUESTIONS, st.integers(0, 1000))
def test_the_distance_to_a_teacher_is_that_of_a_plain_sum(shape, seed):
    random = Random(seed)
    batch = one_batch([[made(random, *row) for row in question] for question in shape])
    own, teacher = scores(batch, seed), scores(batch, seed + 1)
    loss = taught_loss(*own, teacher, tensors(batch))
    assert float(loss) == pytest.approx(plain_taught(*own, teacher, batch), rel=1e-4, abs=1e-4)


def test_nothing_is_nearer_to_a_teacher_than_its_own_scores():
    import torch

    batch = one_batch([[made(Random(4), 30, 2), made(Random(5), 20, 0)]])
    teacher = scores(batch, 1)
    own = [one.clone().requires_grad_() for one in teacher]
    least = taught_loss(*own, teacher, tensors(batch))
    least.backward()
    assert all(float(one.grad.abs().max()) < 1e-6 for one in own)
    assert float(taught_loss(*scores(batch, 2), teacher, tensors(batch))) > float(least.detach())
    assert not any(torch.isnan(one.grad).any() for one in own)
