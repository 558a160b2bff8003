"""The documentation of the API: as OpenAPI for machines, as a page for people.

This file must not know any route but its own.
"""

from flask import Blueprint, Response, render_template

from web import inputs, send, service
from web.openapi import document

docs = Blueprint("docs", __name__)


@docs.get("/openapi.json")
def openapi() -> Response:
    """The document."""
    inputs.only()
    return send.value(document(service.current().settings))


@docs.get("/docs")
def page() -> str:
    """The document as a page, without a script."""
    return render_template("docs.html", document=document(service.current().settings))
