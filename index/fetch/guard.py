"""Which addresses may be fetched from, and a socket that is surely connected to one of them.

A name is resolved once, every address it has is looked at, and the socket is connected to an
address, not to the name: between looking and connecting nothing can change. This file must not
know HTTP.
"""

import socket
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import inf
from urllib.parse import SplitResult, urlsplit

from index.errors import SourceError

_PORTS = {"http": 80, "https": 443}
_MOST = 2000  # characters of an address
_INSIDE = (  # that count as global, and lead inside all the same
    IPv6Network("::/96"),  # IPv4-compatible
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (SIIT)
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own (RFC 8215)
    IPv6Network("fec0::/10"),  # site-local
)


def checked(url: str, inside: bool) -> SplitResult:
    """The parts of an address that may be asked for. Raises `SourceError` for any other.

    `inside`: whether other ports will do, too.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SourceError("is not an address of the web") from error
    if (
        parts.scheme not in _PORTS
        or not parts.hostname
        or len(url) > _MOST
        or not url.isprintable()
    ):
        raise SourceError("is not an address of the web: http:// or https:// and a name")
    if "@" in parts.netloc:
        raise SourceError("holds a user's name: pages are fetched without")
    if port not in (None, _PORTS[parts.scheme]) and not inside:
        raise SourceError("names a port of its own: only those of http and https are fetched from")
    return parts


def port_of(parts: SplitResult) -> int:
    """The port that the address means."""
    return _PORTS[parts.scheme] if parts.port is None else parts.port


def host_of(parts: SplitResult) -> str:
    """The host that the address means, with a port only where it is an unusual one."""
    port = "" if port_of(parts) == _PORTS[parts.scheme] else f":{parts.port}"
    return f"{parts.hostname}{port}"


def connect(
    host: str, port: int, seconds: float, inside: bool, until: float = inf
) -> socket.socket:
    """A socket connected to `host`, all of whose addresses are public, or `inside` is set.

    `seconds`: for each address; `until`: for all, by the monotonic clock. Raises `SourceError`,
    before a byte is sent.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"{host} is not known as a name") from error
    if not inside:
        for *_, address in found:
            _refuse_inside(host, str(address[0]))
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        left = until - time.monotonic()
        if left <= 0:
            break
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(min(seconds, left))
            made.connect(address)
            if not inside:
                _refuse_inside(host, str(made.getpeername()[0]))
        except OSError as error:
            made.close()
            failure = error
        except SourceError:
            made.close()
            raise
        else:
            return made
    raise SourceError(f"{host} can't be reached") from failure


def _refuse_inside(host: str, address: str) -> None:
    if not is_public(address):
        raise SourceError(f"{host} is {address}, which is not an address of the open internet")


def is_public(address: str) -> bool:
    """Whether the address is one of the open internet, and stands for no other."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast
    meant = _meant(found)
    return (
        found.is_global
        and not found.is_multicast
        and not any(found in network for network in _INSIDE)
        and all(one.is_global and not one.is_multicast for one in meant)
    ) or (found.ipv4_mapped is not None and is_public(str(found.ipv4_mapped)))


def _meant(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads on to: 6to4, Teredo, NAT64 (RFC 6052)."""
    found = [] if address.sixtofour is None else [address.sixtofour]
    if address.teredo is not None:
        found += address.teredo
    if address.packed[:12] == bytes.fromhex("0064ff9b" + 16 * "0"):
        found.append(IPv4Address(address.packed[12:]))
    return found
