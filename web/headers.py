"""What every reply says to the browser about safety; the policy allows nothing inline.

This file must not know any route.
"""

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, RequestURITooLarge

MAX_ADDRESS = 8000  # bytes; 500 four-byte characters are 6,000 when percent-encoded

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
}


def guard(app: Flask) -> None:
    """Refuse oversized requests before they are read, and put `HEADERS` on every reply."""
    app.before_request(_refuse_oversized)
    app.after_request(_add_headers)


def _refuse_oversized() -> None:
    if len(request.query_string) + len(request.path.encode()) > MAX_ADDRESS:
        raise RequestURITooLarge("the address is too long; a question has at most 500 characters")
    limit, length = request.max_content_length, request.content_length
    if limit is not None and length is not None and length > limit:
        raise RequestEntityTooLarge(f"the body is too large: at most {limit:,} bytes are read")


def _add_headers(reply: Response) -> Response:
    reply.headers.extend(HEADERS)
    reply.headers.setdefault("Cache-Control", "no-cache")
    return reply
