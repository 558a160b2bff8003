"""How often one client may come, and how it is told apart. The only file that imports the
limiter.

This file must not know any route but those that are never limited.
"""

from flask import Flask, Response, request
from flask_limiter import ApplicationLimit, Limiter
from flask_limiter.util import get_remote_address
from werkzeug.middleware.proxy_fix import ProxyFix

_OFTEN = "too many requests have come from your address: come again later"
_FREE = ("/healthz", "/readyz", "/metrics", "/static/")


def limit(app: Flask, rate: str | None, proxies: int) -> None:
    """Answer 429 beyond `rate` requests of one client, such as "60/minute"; None for no limit.

    `proxies`: how many in front are believed when they say who the client is.
    """
    if proxies > 0:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies
        )
    if rate is not None:
        limiter = Limiter(
            get_remote_address,
            application_limits=[ApplicationLimit(rate, error_message=_OFTEN)],
            storage_uri="memory://",  # there is one process
        )
        limiter.request_filter(lambda: request.path.startswith(_FREE))
        limiter.init_app(app)

        def say_when(reply: Response) -> Response:
            # The limiter's own headers would take the place of what a 503 says.
            if reply.status_code == 429 and limiter.current_limit is not None:
                # The most that it can be: what is left of it only the wall clock would tell.
                reply.headers["Retry-After"] = str(limiter.current_limit.limit.get_expiry())
            return reply

        app.after_request(say_when)
