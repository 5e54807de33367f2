"""The page of pictures: each query beside its matches, right ones and wrong ones told apart. One file, no scripts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from peavine.hello.images import LABELS
from peavine.png import data_uri, png

STYLE = Path(__file__).with_suffix(".css")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """An image, 28 x 28 uint8, with its label, 0 to 9, and for a match its distance from the query."""

    pixels: Pixels
    label: int
    distance: float | None = None


def page(figures: Mapping[str, str], rows: Sequence[tuple[Picture, Sequence[Picture]]]) -> str:
    """Return the page: figures by what they are called, and each query with its matches, best first."""
    boxes = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in figures.items()
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>peavine hello</title>\n<style>{STYLE.read_text()}</style>\n<main>\n<h1>peavine hello</h1>\n"
        "<p>Each query, left, with its matches, the nearest first. A green frame: the same kind of thing; a red, "
        f"dashed one: another.</p>\n<dl>{boxes}</dl>\n"
        + "\n".join(_row(query, matches) for query, matches in rows)
        + "\n<footer>Images: Fashion-MNIST, Zalando SE, MIT licence.</footer>\n</main>\n</html>\n"
    )


def _row(query: Picture, matches: Sequence[Picture]) -> str:
    shown = "".join(_figure(match, "right" if match.label == query.label else "wrong") for match in matches)
    return f'<div class="row">{_figure(query, "query")}<div class="matches">{shown}</div></div>'


def _figure(picture: Picture, kind: str) -> str:
    name = LABELS[picture.label]
    far = "" if picture.distance is None else f", distance {picture.distance:.0f}"
    image = f'<img src="{data_uri("image/png", png(picture.pixels))}" alt="{name}" title="{name}{far}">'
    return f'<figure class="{kind}">{image}<figcaption>{name}</figcaption></figure>'
