"""Executors that measure how good answers are."""
