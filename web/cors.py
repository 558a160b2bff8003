"""Pages of other origins may ask, if the settings name them; they may not write.

This file must not know any route.
"""

from flask import Flask, Response, request

from web.errors import in_json

_SHARED = ("/static/",)  # what a page of theirs loads from here
_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
    "Access-Control-Max-Age": "600",
}


def share(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of exactly these origins read what the API sends; none if there are none."""

    def add_headers(reply: Response) -> Response:
        if in_json(request.path) or request.path.startswith(_SHARED):
            reply.headers.add("Vary", "Origin")
            if request.headers.get("Origin") in origins:
                reply.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                reply.headers.extend(_HEADERS)
        return reply

    if origins:
        app.after_request(add_headers)
