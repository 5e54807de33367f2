"""Keyword search: from text to terms, from terms to postings, from postings to BM25 scores.

It knows texts, names of rows and numbers; it knows no store and no Documents.
"""
