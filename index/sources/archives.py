"""Packed files are told by their first bytes, and never opened.

This file must not know how any of them is unpacked.
"""

from index.errors import SourceError

START = 512  # bytes of a file that tell what it is
_MARKS = {
    b"PK\x03\x04": "ZIP",  # so are .docx, .odt and .epub
    b"PK\x05\x06": "ZIP",
    b"\x1f\x8b": "gzip",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
}


def refuse_archive(start: bytes) -> None:
    """Raises `SourceError` when a file that starts with these bytes packs others."""
    kind = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    if start[257:262] == b"ustar":
        kind = "tar"
    if kind is not None:
        raise SourceError(f"is a packed file ({kind}): unpack it, and index what is in it")
