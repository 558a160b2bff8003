"""Trains, exports and calibrates the reader; meets the rest at a reader folder on disk."""
