"""How dates, confidence and links read on a page; pure.

This file must not know HTML: what it returns is escaped by the templates.
"""

from datetime import date
from pathlib import PurePath
from urllib.parse import urlsplit

from qa import Answer, Reply


def day(published: str) -> str:
    """An ISO date as people read it, "11 January 2023"; anything else as it is."""
    try:
        when = date.fromisoformat(published)
    except ValueError:
        return published
    return f"{when.day} {when:%B} {when.year}"


def likelihood(confidence: float) -> str:
    """A confidence in words: "very likely" from 0.8, "likely" from 0.5, else "possible"."""
    if confidence >= 0.8:
        return "very likely"
    return "likely" if confidence >= 0.5 else "possible"


def standing(answer: Answer) -> str:
    """How surely an answer is right, in words: "sure", or its likelihood."""
    return "sure" if answer.sure else likelihood(answer.confidence)


def outcome(reply: Reply) -> str:
    """What a question came to, to be read out: how many answers, and the first of them."""
    if not reply.answers:
        return f"No answer. {reply.reason}"
    first, count = reply.answers[0], len(reply.answers)
    surely = f"{standing(first)}, {percent(first.confidence)}"
    return f"{count} {'answer' if count == 1 else 'answers'}: {first.text} ({surely})"


def percent(confidence: float) -> str:
    """A confidence as a number, "87%"; never a certainty."""
    return f"{min(max(round(confidence * 100), 1), 99)}%"


def web_link(url: str | None) -> str | None:
    """The address if a browser may be sent there, http or https with a host; else None."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def site(url: str) -> str:
    """The host of an address, without "www."."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def file_name(origin: str) -> str:
    """What an article was read from, without the folders that it lies in; an address whole."""
    return origin if web_link(origin) is not None else PurePath(origin).name


FILTERS = (day, percent, standing, outcome, web_link, site, file_name)
