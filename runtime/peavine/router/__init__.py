"""Run a plan over streams: who gets a unit, what becomes of it when a Pea breaks off, and how answers come together.

Gateway and head use it alike. It never decodes a Document.
"""
