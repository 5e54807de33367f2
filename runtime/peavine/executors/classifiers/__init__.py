"""Executors that name what a Document is."""
