"""Where a library is: in a folder, or on a Milvus server. Pure.

This file must not know how either is opened.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from index.errors import LibraryError

SCHEMES = ("milvus://", "milvus+tls://")
ADDRESS = f"{SCHEMES[0]}HOST:PORT/NAME"
SERVER = f"{SCHEMES[0]}HOST:PORT"
_ADDRESS = re.compile(
    r"milvus(?P<tls>\+tls)?://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})"
    r"/(?P<name>[A-Za-z_][A-Za-z0-9_]{0,99})"
)


@dataclass(frozen=True, slots=True)
class Remote:
    """A library by its name on a Milvus server.

    `folder`: where its models lie on this machine. `token`: what the server takes, USER:PASSWORD
    or a token; it is in no text.
    """

    host: str
    port: int
    name: str
    folder: Path
    tls: bool = False
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{SCHEMES[self.tls]}{self.host}:{self.port}/{self.name}"


Place = Path | Remote


def place_of(folder: Path, address: str | None, token: str | None = None) -> Place:
    """The library at the address; the one in the folder where there is no address.

    Raises `LibraryError` for what is no address.
    """
    if address is None:
        return folder
    if "@" in address:  # and not a word of what stands before it
        raise LibraryError(
            f"an address of a library holds no password: write {ADDRESS}, and set"
            " CITESPAN_MILVUS_TOKEN to USER:PASSWORD"
        )
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts["port"]) < 65536:
        raise LibraryError(
            f"{address} is no address of a library: write {ADDRESS}, the name of letters,"
            " digits and _"
        )
    tls = parts["tls"] is not None
    return Remote(parts["host"], int(parts["port"]), parts["name"], folder, tls, token)


def folder_of(place: Place) -> Path:
    """The folder on this machine: the library's own, or that of its models."""
    return place.folder if isinstance(place, Remote) else place


def server_of(address: str, name: str, folder: Path, token: str | None = None) -> Remote:
    """A library of this name on the server at the address. Raises `LibraryError` for what is none.

    `folder`: where its models lie on this machine.
    """
    try:
        place = place_of(folder, f"{address}/{name}", token)
    except LibraryError as error:
        if "@" in address:
            raise
        raise LibraryError(f"{address} is no address of a server: write {SERVER}") from error
    assert isinstance(place, Remote)
    return place
