"""How fast a KeywordIndexer indexes durably and searches, beside tantivy and bm25s, and whether it ranks as bm25s does.

    pip install tantivy bm25s
    python bench/words.py [--documents 100000] [--engines peavine,tantivy,bm25s] [--json]

Documents of 10 words, drawn by Zipf's law from 100,000. peavine and tantivy commit and make searchable every 1,000
Documents; bm25s, which keeps nothing and cannot change, indexes all at once. Queries have 3 words, drawn alike, and
want 10 matches, one query at a time. Each engine runs in a process of its own; memory is the growth of the process from
before the first Document until after the last query. Times are those of the processor, all threads together, so that
other work on the machine counts little; what is waited for the disk is left out. Ranks are compared on the same terms:
the share of queries whose 10 best scores are in the proportions of bm25s', to 5 digits (of tantivy it is not known how
far its lengths and terms are the same).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

VOCABULARY, WORDS, BATCH, QUERIES, TOP_K = 100_000, 10, 1000, 300, 10
K1, B = 1.2, 0.75


def collection(documents: int) -> tuple[list[str], list[str]]:
    chosen = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    # The number at the end makes the words differ.
    words = ["".join(chosen.choice(letters, size)) + str(n) for n, size in enumerate(chosen.integers(2, 7, VOCABULARY))]
    share = 1 / np.arange(1, VOCABULARY + 1)
    share /= share.sum()

    def texts(count: int, size: int) -> list[str]:
        return [" ".join(words[n] for n in row) for row in chosen.choice(VOCABULARY, (count, size), p=share).tolist()]

    return texts(documents, WORDS), texts(QUERIES, 3)


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peavine(texts: list[str], queries: list[str], folder: Path) -> dict[str, Any]:
    from peavine.executors.indexers import KeywordIndexer

    indexer = KeywordIndexer(k1=K1, b=B).open(folder)
    ids = [str(number) for number in range(len(texts))]
    begin = time.process_time()
    for start in range(0, len(texts), BATCH):
        part = ids[start : start + BATCH]
        indexer.add(part, [[text] for text in texts[start : start + BATCH]], part)
    indexed = time.process_time()
    scores = [indexer.query([query], TOP_K)[1][0] for query in queries]
    searched = time.process_time()
    indexer.close()
    closed = time.process_time()
    KeywordIndexer().open(folder).query(queries[:1], TOP_K)
    return measured(texts, indexed - begin, searched - indexed, time.process_time() - closed, scores)


def tantivy(texts: list[str], queries: list[str], folder: Path) -> dict[str, Any]:
    import tantivy as engine

    builder = engine.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("text")
    index = engine.Index(builder.build(), path=str(folder))
    writer = index.writer(heap_size=100_000_000, num_threads=1)
    begin = time.process_time()
    for start in range(0, len(texts), BATCH):
        for place, text in enumerate(texts[start : start + BATCH], start):
            writer.add_document(engine.Document(id=str(place), text=text))
        writer.commit()
        index.reload()
    indexed = time.process_time()
    searcher = index.searcher()
    scores = []
    for query in queries:
        hits = searcher.search(index.parse_query(query, ["text"]), TOP_K).hits
        scores.append([score for score, address in hits if searcher.doc(address)["id"]])
    searched = time.process_time()
    writer.wait_merging_threads()
    closed = time.process_time()
    index = engine.Index.open(str(folder))
    index.searcher().search(index.parse_query(queries[0], ["text"]), TOP_K)
    return measured(texts, indexed - begin, searched - indexed, time.process_time() - closed, scores)


def bm25s(texts: list[str], queries: list[str], folder: Path) -> dict[str, Any]:
    import bm25s as engine

    from peavine.executors.keywords.analysis import Analysis

    terms = Analysis().terms
    begin = time.process_time()
    index = engine.BM25(k1=K1, b=B, method="lucene")
    index.index([terms(text) for text in texts], show_progress=False)
    indexed = time.process_time()
    scores = [index.retrieve([terms(query)], k=TOP_K, show_progress=False)[1][0] for query in queries]
    searched = time.process_time()
    return measured(texts, indexed - begin, searched - indexed, float("nan"), scores)


ENGINES: dict[str, Callable[[list[str], list[str], Path], dict[str, Any]]] = {
    "peavine": peavine,
    "tantivy": tantivy,
    "bm25s": bm25s,
}


def measured(texts: list[str], indexing: float, searching: float, restart: float, scores: Any) -> dict[str, Any]:
    best = [sorted((float(score) for score in each if score > 0), reverse=True) for each in scores]
    return {
        "indexed a second": len(texts) / indexing,
        "queries a second": QUERIES / searching,
        "restart, s": restart,
        "scores": best,
    }


def measure(name: str, documents: int) -> dict[str, Any]:
    texts, queries = collection(documents)
    before = memory()
    with tempfile.TemporaryDirectory() as folder:
        found = ENGINES[name](texts, queries, Path(folder))
    return {**found, "memory, MiB": memory() - before}


def alike(scores: list[list[float]], others: list[list[float]]) -> float:
    return sum(len(a) == len(b) and np.allclose(a, b, rtol=1e-5) for a, b in zip(scores, others, strict=True)) / len(
        others
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure keyword search.")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.engines.split(","):
        with multiprocessing.get_context("spawn").Pool(1) as process:
            results[name] = process.apply(measure, (name, arguments.documents))
    baseline = results.get("bm25s", {}).get("scores")
    for result in results.values():
        scores = result.pop("scores")
        result["ranked as bm25s"] = alike(scores, baseline) if baseline else float("nan")
    if arguments.json:
        print(json.dumps(results))
        return
    table = Table("", *results, title=f"{arguments.documents:,} Documents of {WORDS} words")
    for row in next(iter(results.values())):
        table.add_row(row, *(f"{result[row]:,.2f}" for result in results.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
