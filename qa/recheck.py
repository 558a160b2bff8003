"""Whether a citation still holds in the article as it is now. Pure."""

from dataclasses import dataclass
from typing import Literal

from index import Article

Verdict = Literal["holds", "moved", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a citation; `start` and `end` say where its words stand now, if they do."""

    verdict: Verdict
    start: int | None = None
    end: int | None = None


def recheck(
    article: Article | None, start: int, end: int, quote: str | None, digest: str | None
) -> Standing:
    """How the citation of `article` at `start`:`end` stands.

    With its words in `quote` they are looked for; with the `digest` alone, that of the text
    which was cited, any change of the text counts.
    """
    if article is None:
        return Standing("gone")
    text = article.text
    inside = 0 <= start < end <= len(text)
    if quote is None:
        same = digest == article.text_digest and inside
        return Standing("holds", start, end) if same else Standing("changed")
    if inside and quote == text[start:end]:
        return Standing("holds", start, end)
    before = text.rfind(quote, 0, max(0, start) + len(quote))
    after = text.find(quote, max(0, start))
    places = [place for place in (before, after) if place >= 0]
    if not places or not quote:
        return Standing("changed")
    nearest = min(places, key=lambda place: abs(place - start))
    return Standing("moved", nearest, nearest + len(quote))
