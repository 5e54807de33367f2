"""Executors that give matches their final scores."""
