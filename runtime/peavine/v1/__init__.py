"""Stubs generated from proto/peavine/v1. Never edited."""
