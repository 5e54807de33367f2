"""Executors that cut Documents into chunks."""
