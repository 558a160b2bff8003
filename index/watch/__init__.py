"""Feeds, sitemaps, pages and folders are looked at again and again: the front door."""

from index.watch.loop import watch
from index.watch.round import Round

__all__ = ["Round", "watch"]
