"""Which names a request may call this service by: others are refused.

A page of any site can have its own name lead to this machine, and would then pass for a page
from here; with an address in numbers it can't. This file must not know any route.
"""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, abort, request

_FOREIGN = "citespan.foreign"

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@/?#\\\s]+))(?::\d{1,5})?", re.IGNORECASE)


def answer_to(app: Flask, names: Collection[str]) -> None:
    """Refuse requests to another host than these names, localhost, or an address in numbers.

    The name goes no further than here: no link, redirect or error of ours can repeat it.
    """
    inner = app.wsgi_app

    def renamed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not is_known(environ.get("HTTP_HOST", "localhost"), names):
            environ["HTTP_HOST"] = "localhost"
            environ[_FOREIGN] = True
        return inner(environ, start_response)

    app.wsgi_app = renamed  # type: ignore[method-assign]
    app.before_request(_refuse_foreign)


def _refuse_foreign() -> None:
    if _FOREIGN in request.environ:
        abort(
            400,
            "this service does not go by the name that was asked for:"
            " whoever runs it can add it to CITESPAN_HOSTS",
        )


def is_known(host: str, names: Collection[str]) -> bool:
    """Whether `host`, as a request names it, is one to answer to."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = (found[1] or found[2]).lower()
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost" or name in {one.lower() for one in names}
    return True
