"""Where an article says the same words again; pure. It must not know HTML."""

import re

LONGEST = 200  # characters; a longer range is no name or number that is mentioned again


def mentions(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Every place of the words `text[start:end]`, in order, that range itself among them.

    Whole words, in any letter case and spacing; only the range itself when it is long.
    """
    own = (start, end)
    words = text[start:end].split()
    if end - start > LONGEST or not words:
        return [own]
    spaced = r"\s+".join(map(re.escape, words))
    same = re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
    found = [match.span() for match in same.finditer(text)]
    others = [one for one in found if one[1] <= start or end <= one[0]]
    return sorted([*others, own])
