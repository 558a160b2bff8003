"""What an indexing run tells when it is over."""

from dataclasses import asdict, dataclass, field
from typing import Any

from index.records import Failure


@dataclass(slots=True)
class Report:
    """What an indexing run found and did, in articles.

    `read` = `added` + `changed` + `unchanged` + `duplicate`; `embedded`: passages that went
    through the model; `notes`: sentences about what had to be mended.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicate: int = 0
    removed: int = 0
    failed: int = 0
    embedded: int = 0
    articles: int = 0
    passages: int = 0
    revision: int = 0
    seconds: float = 0.0
    passages_per_second: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        return asdict(self)
