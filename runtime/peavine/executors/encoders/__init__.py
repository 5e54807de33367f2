"""Executors that turn content into vectors."""
