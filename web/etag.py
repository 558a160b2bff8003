"""What has not changed is not sent again: replies by address and by edition of the library.

This file must not know any route.
"""

from hashlib import sha256
from importlib.metadata import version

from flask import Blueprint, Response, g, request

from web import service


def tag_replies(blueprint: Blueprint) -> None:
    """Give the blueprint's GET replies an ETag, and answer 304 to whoever has it already."""
    blueprint.before_request(_not_modified)
    blueprint.after_request(_tag)


def forget() -> None:
    """Have no tag on this reply: it may be another when it is asked for again."""
    g.pop("tag", None)


def _not_modified() -> Response | None:
    if request.method not in ("GET", "HEAD"):
        return None
    # Taken before the reply is made: should the library change meanwhile, the tag is an old one.
    edition = f"{version('citespan')}\n{service.current().qa.edition}\n{request.full_path}"
    g.tag = sha256(edition.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    known = request.if_none_match
    if known.star_tag or not known.contains_weak(g.tag):  # "*" would hide what is wrong
        return None
    return Response(status=304)


def _tag(reply: Response) -> Response:
    if "tag" in g and reply.status_code in (200, 304):
        reply.set_etag(g.tag, weak=True)  # weak: the time it took is another each time
    return reply
