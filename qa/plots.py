"""Pictures of how far the confidence can be believed. The only file that knows matplotlib.

It must not know how an answer was found, and needs no display.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from qa.metrics import (
    BINS,
    PROMISE,
    Outcome,
    calibration_error,
    confidences,
    reliability,
    rights,
    risk_coverage,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RISK_COVERAGE, RELIABILITY = "risk-coverage.png", "reliability.png"
_INCHES, _DOTS = (7.2, 5.4), 150
_BLUE, _PALE, _ORANGE, _GREY = "#1f5fa8", "#8fb3de", "#c2500a", "#666666"


def plot(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write both pictures into the folder, which must be there, and nothing anywhere else."""
    with TemporaryDirectory(dir=folder) as cache:
        # Where matplotlib keeps its list of fonts; it would be the home folder.
        os.environ.setdefault("MPLCONFIGDIR", cache)
        for name, draw in ((RISK_COVERAGE, _draw_risk), (RELIABILITY, _draw_reliability)):
            figure = _new_figure()
            draw(figure, outcomes)
            figure.savefig(folder / name, format="png", dpi=_DOTS)


def _new_figure() -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=_INCHES, layout="constrained")


def _draw_risk(figure: "Figure", outcomes: Sequence[Outcome]) -> None:
    """Risk over coverage, with the point at which the shipped threshold stands."""
    right = rights(outcomes)
    answered = np.array([bool(one.answer) for one in outcomes], dtype=bool)
    coverage, risk, area = risk_coverage(confidences(outcomes), right, answered)
    axes = figure.subplots()
    axes.plot(coverage, risk, color=_BLUE, linewidth=2)
    axes.axhline(1 - PROMISE, color=_GREY, linewidth=1, linestyle="--")
    axes.annotate(
        f"{PROMISE:.0%} of the answers shown are right",
        (0.99, 1 - PROMISE),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        color=_GREY,
    )
    shown = np.array([one.shown for one in outcomes], dtype=bool)
    if shown.any():
        at = float(shown.mean()), float(1 - right[shown].mean())
        axes.plot(*at, "o", color=_ORANGE, markersize=9, clip_on=False, label="threshold in use")
        axes.legend(loc="upper left", frameon=False)
    axes.set_title(f"Risk and coverage, {len(outcomes):,} questions: AURC {area:.3f}")
    axes.set_xlabel("coverage: share of the questions to which an answer is shown")
    axes.set_ylabel("risk: share of the answers shown that are wrong")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(0.2, 1.1 * float(risk.max(initial=0))))
    _plain(axes)


def _draw_reliability(figure: "Figure", outcomes: Sequence[Outcome]) -> None:
    """Share of right answers over confidence, above the number of answers in each bin."""
    answered = [one for one in outcomes if one.answer]
    confidence, right = confidences(answered), rights(answered)
    bins = reliability(confidence, right)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="as promised")
    above.plot(
        [one.confidence for one in bins],
        [one.right for one in bins],
        "o-",
        color=_BLUE,
        linewidth=2,
        markersize=7,
        clip_on=False,
        label="as measured",
    )
    above.legend(loc="upper left", frameon=False)
    error = calibration_error(confidence, right)
    above.set_title(
        f"Reliability, {len(answered):,} answers" + ("" if error is None else f": ECE {error:.3f}")
    )
    above.set_ylabel("share of right answers")
    above.set_xlim(0, 1)
    above.set_ylim(0, 1.02)
    bars = below.bar(
        [one.low for one in bins],
        [one.size for one in bins],
        width=1 / BINS,
        align="edge",
        color=_PALE,
        edgecolor="white",
    )
    below.bar_label(bars, padding=2)
    below.margins(y=0.25)
    below.set_xlabel("confidence of the best answer")
    below.set_ylabel("answers")
    below.set_xticks(np.linspace(0, 1, BINS + 1))
    _plain(above)
    _plain(below)


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
