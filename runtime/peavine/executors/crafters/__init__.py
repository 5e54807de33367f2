"""Executors that change a Document's fields."""
