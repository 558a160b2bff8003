"""What training makes small; three parts, all cross-entropies.

Joint: every row, over all its spans and "not answered here" (token 0), as they are compared
when an answer is chosen. Apart: the same for first and last tokens by themselves (Devlin et
al. 2019); the two together gain over either (Fajcik et al. 2021). Across: a question with
several rows, over the spans of all of them, scores taken minus each row's "not answered here",
as passages are compared when a question is asked (Clark and Gardner 2018).

Taught: joint and apart once more, with what a teacher gives each span and each token in place of
the one right answer (Hinton et al. 2015).
"""

from typing import Any

from qa.decode import MAX_TOKENS

_APART, _ACROSS = 0.5, 0.5  # weights beside the joint part
_LOW = -1e4


def span_loss(start: Any, end: Any, batch: Any) -> Any:
    """`start`, `end`: scores, (rows, tokens), float32; `batch`: a `Batch` as tensors."""
    import torch

    row, first, last = batch["target_row"], batch["target_first"], batch["target_last"]
    spans = _spans(start, end, batch["legal"])
    null = start[:, 0] + end[:, 0]
    row_sums = torch.logsumexp(spans.flatten(1), dim=1)
    wanted = spans[row, first, last - first]

    joint = torch.logaddexp(row_sums, null) - _per_row(wanted, batch, null)
    apart = [
        torch.logsumexp(scores.masked_fill(~_with_null(batch["legal"]), _LOW), dim=1)
        - _per_row(scores[row, token], batch, scores[:, 0])
        for scores, token in ((start, first), (end, last))
    ]
    within = (joint + _APART * (apart[0] + apart[1]) / 2).mean()

    questions = int(batch["group"].max()) + 1
    zeros = torch.zeros(questions, dtype=start.dtype, device=start.device)
    several = torch.bincount(batch["group"], minlength=questions) > 1
    weights = zeros.index_add(0, batch["group"][row], batch["target_weight"])
    asked = weights > 0
    if not (several & asked).any():
        return within
    # Over the question's own weight: a long text may show its answer in two rows.
    gained = batch["target_weight"] / weights[batch["group"][row]] * (wanted - null[row])
    across = _group_sums(row_sums - null, batch["group"], questions) - zeros.index_add(
        0, batch["group"][row], gained
    )
    return within + _ACROSS * across[several & asked].mean()


def taught_loss(start: Any, end: Any, teacher: tuple[Any, Any], batch: Any) -> Any:
    """How far the scores are from the teacher's, both like those of `span_loss`."""
    legal = _with_null(batch["legal"])
    joint = _cross_entropy(
        _all_spans(start, end, batch["legal"]), _all_spans(*teacher, batch["legal"])
    )
    apart = [
        _cross_entropy(scores.masked_fill(~legal, _LOW), wanted.masked_fill(~legal, _LOW))
        for scores, wanted in zip((start, end), teacher, strict=True)
    ]
    return (joint + _APART * (apart[0] + apart[1]) / 2).mean()


def _all_spans(start: Any, end: Any, legal: Any) -> Any:
    """Scores of all spans and, last, of "not answered here", (rows, spans + 1)."""
    import torch

    null = (start[:, 0] + end[:, 0])[:, None]
    return torch.cat([_spans(start, end, legal).flatten(1), null], dim=1)


def _cross_entropy(scores: Any, wanted: Any) -> Any:
    """That of the shares which two sets of scores give, (rows, …) to (rows,)."""
    import torch

    return -(torch.softmax(wanted, dim=1) * torch.log_softmax(scores, dim=1)).sum(dim=1)


def _spans(start: Any, end: Any, legal: Any) -> Any:
    """Scores of all spans, (rows, tokens, lengths): [r, i, d] is that of tokens i to i + d."""
    import torch

    pad = (0, MAX_TOKENS - 1)
    ends = torch.nn.functional.pad(end, pad).unfold(1, MAX_TOKENS, 1)
    stops = torch.nn.functional.pad(legal, pad).unfold(1, MAX_TOKENS, 1)
    return (start[:, :, None] + ends).masked_fill(~(legal[:, :, None] & stops), _LOW)


def _per_row(wanted: Any, batch: Any, null: Any) -> Any:
    """The score that each row should have most of: that of its answers, weighted, or the null."""
    answered = null.new_zeros(len(null)).index_add(
        0, batch["target_row"], batch["target_weight"] * wanted
    )
    has = null.new_zeros(len(null)).index_add(0, batch["target_row"], batch["target_weight"]) > 0
    return answered.where(has, null)


def _with_null(legal: Any) -> Any:
    allowed = legal.clone()
    allowed[:, 0] = True
    return allowed


def _group_sums(values: Any, group: Any, count: int) -> Any:
    """ln Σ exp(value) over the rows of each group."""
    top = values.new_full((count,), _LOW).scatter_reduce(0, group, values.detach(), "amax")
    sums = values.new_zeros(count).index_add(0, group, (values - top[group]).exp())
    return top + sums.log()
