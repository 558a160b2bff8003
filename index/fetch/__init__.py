"""Pages of the web as bytes: politely, within limits, and never from inside this network."""

from index.fetch.client import Page, fetch
from index.fetch.guard import checked
from index.fetch.polite import Visitor

__all__ = ["Page", "Visitor", "checked", "fetch"]
