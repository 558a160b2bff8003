"""What is counted for whoever watches the service. The only file that imports Prometheus.

It must not know what was asked.
"""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from qa import Reply

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """The counters of one app."""

    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        """`gauges`: what is looked up when asked, by name with its explanation."""
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "citespan_questions", "Questions that were answered.", registry=self._registry
        )
        self._silent = Counter(
            "citespan_abstentions", "Questions without an answer.", registry=self._registry
        )
        self._took = Histogram(
            "citespan_reply_seconds",
            "From question to reply.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "citespan_stage_seconds",
            "Each stage of a reply.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        for name, (text, look) in gauges.items():
            Gauge(name, text, registry=self._registry).set_function(look)

    def count(self, reply: Reply) -> None:
        """Count a question and how long it took."""
        self._questions.inc()
        if not reply.answers:
            self._silent.inc()
        self._took.observe(reply.took_ms / 1000)
        for stage, spent in reply.timings.items():
            self._stages.labels(stage).observe(spent / 1000)

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)
