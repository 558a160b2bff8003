"""The word of some texts that is spelled most like a given one. Pure."""

import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

_WORD = re.compile(r"[^\W\d_]{3,}")
_CLOSE = 0.75  # of difflib's ratio; a swapped pair of letters in a word of six has 0.83


def nearest_word(word: str, texts: Iterable[str]) -> str | None:
    """The closest word, as the texts write it most often; None when none is close."""
    written = Counter(found for text in texts for found in _WORD.findall(text))
    forms: dict[str, str] = {}
    for form, _ in written.most_common():
        forms.setdefault(form.lower(), form)
    close = get_close_matches(word.lower(), forms, n=1, cutoff=_CLOSE)
    return forms[close[0]] if close else None
