"""Our own parsers against inputs that grow toward code which none before has reached.

`python tests/guided.py FOLDER [libFuzzer's options]` takes one after the other, each in a process
of its own, and keeps in the folder what was worth keeping. It ends at the first that breaks, with
what broke it.
"""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["index", "qa", "web"]):
    import numpy as np
    import oracles

    from index.sources.normalise import normalise

TOKENS = np.dtype([("start", "<f4"), ("end", "<f4"), ("part", "i1"), ("borders", "u1")])


def split(data: bytes) -> None:
    oracles.check_split(text_of(data))


def cite(data: bytes) -> None:
    """Two bytes each for the first and the last character, one for how much comes before."""
    text = text_of(data[5:])
    if text:
        start = int.from_bytes(data[:2]) % len(text)
        end = start + 1 + int.from_bytes(data[2:4]) % (len(text) - start)
        oracles.check_cite(text, start, end, text[: data[4]])


def decode(data: bytes) -> None:
    """Ten bytes a token."""
    row = np.frombuffer(data[: len(data) // TOKENS.itemsize * TOKENS.itemsize], TOKENS)
    if len(row):
        oracles.check_decode(
            row["start"].copy(),
            row["end"].copy(),
            row["part"].astype(np.int64).clip(-1, 3),
            row["borders"] % 2 == 0,
            row["borders"] % 4 < 2,
        )


def front_matter(data: bytes) -> None:
    oracles.check_markdown_file(data)


def csv(data: bytes) -> None:
    oracles.check_table(data, ".csv")


def framing(data: bytes) -> None:
    """Four bytes for where the request is cut."""
    oracles.check_framing(data[4:], list(data[:4]))


def text_of(data: bytes) -> str:
    return normalise(data.decode(errors="ignore"))


NEWS = (
    "Anna Stone (AP) opened the U.S. bridge. “No!” she said.\n\nIt cost 3.5 m. (Pool photo)(AP)\n"
)
TARGETS: dict[Callable[[bytes], None], list[bytes]] = {
    split: [NEWS.encode(), b"a " * 260 + b". B"],
    cite: [bytes([0, 9, 0, 3, 2]) + NEWS.encode()],
    decode: [np.zeros(9, TOKENS).tobytes(), np.ones(40, TOKENS).tobytes()],
    front_matter: [
        b"---\ntitle: A bridge\nauthor: [A, B]\ndate: 2023-01-11\n---\n# A *bridge*\n\n- [a](b)\n",
        b"Title\n=====\n\n> **a** _b_ ~~c~~ `d`\n\n```\ne\n```\n|f|g|\n|-|-|\n\n[x]: /y\n[x][x]\n",
    ],
    csv: [b'text,title,id\n"One, ""two""\nthree.",T,1\n', b"body\na\n\nb,c\n\xff\n"],
    framing: [
        b"\1\2\3\4GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x50\0\0\0GET / HTTP/1.1\r\nX: " + b"x" * 60 + b"\r\n\r\n",
        b"\x20\0\0\0POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"\x20\x30\x40\0POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ],
}


def fuzz(target: Callable[[bytes], None], home: Path, options: Sequence[str]) -> None:
    """Does not come back: the process ends when the target has held, or with what broke it."""
    home.mkdir()
    for number, seed in enumerate(TARGETS[target]):
        (home / f"seed{number}").write_bytes(seed)
    warnings.simplefilter("error")
    atheris.Setup([sys.argv[0], str(home), f"-artifact_prefix={home}-broke-", *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    folder, *options = sys.argv[1:]
    for target in TARGETS:
        print(f"target {target.__name__}", flush=True)
        child = os.fork()  # so that all is imported once
        if child == 0:
            fuzz(target, Path(folder, target.__name__), options)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"{target.__name__} broke")
