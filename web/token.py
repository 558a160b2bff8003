"""The token that writing needs. This file must not know what is written."""

from hmac import compare_digest

from flask import abort, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from web import service


def required() -> None:
    """Refuse the request unless it carries the token: 403 where none is set, else 401."""
    wanted = service.current().settings.token
    if wanted is None:
        abort(403, "this is off here: start the service with CITESPAN_TOKEN set to allow it")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_same = compare_digest(given.encode("latin-1", "replace"), wanted.get_secret_value().encode())
    if not is_same or scheme.lower() != "bearer":
        raise Unauthorized(
            "send the token of this service as Authorization: Bearer …",
            www_authenticate=WWWAuthenticate("bearer"),
        )
