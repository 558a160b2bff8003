"""Bytes become text, and text takes its one canonical form, here and nowhere else.

This file must not know which kind of file the text comes from.
"""

import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_LE

from index.errors import SourceError

# All but these are dropped: control characters, soft hyphens, byte order marks, surrogates.
_REPLACED = dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n") | dict.fromkeys("\xa0\u2007\u202f", " ")
_UNCLEAN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u2007\u2028\u2029\u202f\ud800-\udfff\ufeff]"
)
# Encodings in which a page is read as the web does it; all others that pages declare but Python
# would decode to something else (unicode-escape, idna) are refused. Those of seven bits would pass
# for UTF-8 where one of their marks is in the bytes.
_ENCODINGS = re.compile(
    r"(windows-125\d|iso-8859-\d+|koi8-[ru]|shift_jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5)"
)
_OF_SEVEN_BITS = re.compile(r"iso-2022-[\w-]+|hz(-gb-2312)?|utf-7")
_SEVEN_BITS_MARK = re.compile(rb"[\x0e\x1b]|~\{|\+[A-Za-z0-9+/]+-")
_BLANK_LINES = re.compile("\n{3,}")


def decode(data: bytes) -> str:
    """UTF-8, or UTF-16 that says so in its first two bytes, as text.

    Any other encoding could only be guessed. Raises `SourceError`.
    """
    if data.startswith(BOM_UTF32_LE):
        raise SourceError("is UTF-32 text, which is not read: save it as UTF-8")
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise SourceError(f"is not UTF-16 text (at byte {error.start})") from error
    if data.count(0) > len(data) // 4 and len(data) > 1:
        # It would pass for UTF-8 with letters missing: "ō" is 4d 01 there, so an M is left.
        raise SourceError("is UTF-16 text without its mark, or no text at all")
    try:
        return data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        byte, start = error.object[error.start], error.start + len(data) - len(error.object)
        raise SourceError(f"is not UTF-8 text (byte 0x{byte:02x} at {start})") from error


def decode_declared(data: bytes, declared: str) -> str:
    """UTF-8 if the bytes are, else the encoding that is declared; never a guess.

    Raises `SourceError`.
    """
    name = declared.lower()
    if _OF_SEVEN_BITS.fullmatch(name) and data.isascii() and _SEVEN_BITS_MARK.search(data):
        raise SourceError(f"is {name} text, which is not read: save it as UTF-8")
    try:
        return decode(data)
    except SourceError:
        if not _ENCODINGS.fullmatch(name):
            raise
    name = "windows-1252" if name == "iso-8859-1" else name
    try:
        return data.decode(name)
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceError(f"is neither UTF-8 nor {name}, which it declares") from error


def in_utf8(data: bytes, told: str) -> bytes:
    """The bytes in UTF-8, if that is not what is told and it is known; else as they are.

    Raises `SourceError`.
    """
    name = told.lower()
    if not (_ENCODINGS.fullmatch(name) or _OF_SEVEN_BITS.fullmatch(name)):
        return data  # a page may say it better of itself
    return decode_declared(data, name).encode(errors="surrogatepass")


def normalise(text: str) -> str:
    r"""The canonical form of `text`: NFC, `\n`, no control characters, no stray blanks.

    Normalising twice changes nothing.
    """
    text = text.replace("\r\n", "\n")
    text = _UNCLEAN.sub(lambda found: _REPLACED.get(found[0], ""), text)
    text = unicodedata.normalize("NFC", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", text).strip()


def one_line(text: str) -> str:
    """The canonical form of a title, name or other label: one line, single spaces."""
    return " ".join(normalise(text).split())


def shorten(text: str, length: int) -> str:
    """`text` in at most `length` code points, cut between words and marked with "…"."""
    if len(text) <= length:
        return text
    kept = text[:length]
    return (kept[: kept.rfind(" ")] if " " in kept else kept[:-1]).rstrip() + "…"
