"""A picture of a Flow: Mermaid text, or an SVG drawn here. Pure, and nothing is sent anywhere."""

from __future__ import annotations

import html
from dataclasses import dataclass

from peavine.spec import Flow, FlowPod
from peavine.spec.order import ordered
from peavine.spec.rules import GATEWAY

START, END = "request", "answer"

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 150, 62, 64, 34, 16
"""Size of a box and the space around it, in pixels."""

STACK = 5
"""How far each further Pea's box stands out from behind the first, in pixels."""


def mermaid(flow: Flow) -> str:
    """Return the graph as Mermaid text, which GitHub and many editors show as a picture."""
    lines = ["flowchart LR", f"    {START}([{START}])", f"    {END}([{END}])"]
    for pod in flow.spec.pods:
        label = "<br/>".join(["<b>" + pod.name + "</b>", *(html.escape(text) for text in _notes(pod))])
        lines.append(f'    {pod.name}["{label}"]')
    lines += [f"    {parent} --> {child}" for parent, child in _arrows(flow)]
    return "\n".join(lines) + "\n"


def svg(flow: Flow) -> str:
    """Return the graph as a complete SVG."""
    boxes = _boxes(flow)
    width = max(box.x for box in boxes.values()) + WIDTH + MARGIN
    height = max(box.y for box in boxes.values()) + HEIGHT + MARGIN + 2 * STACK
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Flow {flow.metadata.name}">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5b7083"/></marker></defs>',
    ]
    for parent, child in _arrows(flow):
        lines.append(_arrow(boxes[parent], boxes[child]))
    for box in boxes.values():
        lines += box.drawn()
    return "\n".join([*lines, "</svg>", ""])


@dataclass(frozen=True)
class _Box:
    x: int
    y: int
    title: str
    notes: tuple[str, ...] = ()
    copies: int = 1
    end: bool = False

    def drawn(self) -> list[str]:
        fill, line, round_ = ("#eef2f5", "#5b7083", HEIGHT // 2) if self.end else ("#e6f4ea", "#2f7d4f", 8)
        shape = f'width="{WIDTH}" height="{HEIGHT}" rx="{round_}" fill="{fill}" stroke="{line}"'
        lines = [
            f'<rect x="{self.x + i * STACK}" y="{self.y + i * STACK}" {shape}/>'
            for i in range(min(self.copies, 3) - 1, -1, -1)
        ]
        middle, top = self.x + WIDTH // 2, self.y + HEIGHT // 2 + 4 - 8 * len(self.notes)
        style = 'text-anchor="middle" fill="#1c2b36"'
        lines.append(f'<text x="{middle}" y="{top}" {style} font-weight="600">{html.escape(self.title)}</text>')
        for i, note in enumerate(self.notes, 1):
            lines.append(f'<text x="{middle}" y="{top + 16 * i}" {style} font-size="11">{html.escape(note)}</text>')
        return lines


def _boxes(flow: Flow) -> dict[str, _Box]:
    """Place every Pod: its column is the longest way from the request to it."""
    needs = {pod.name: pod.parents for pod in flow.spec.pods}
    depth = {GATEWAY: 0}
    for name in ordered(needs):
        depth[name] = 1 + max(depth[parent] for parent in needs[name])
    columns: dict[int, list[FlowPod]] = {}
    for pod in flow.spec.pods:
        columns.setdefault(depth[pod.name], []).append(pod)
    tallest = max(map(len, columns.values()))
    boxes = {START: _Box(MARGIN, _row(0, 1, tallest), START, end=True)}
    for column, pods in sorted(columns.items()):
        x = MARGIN + column * (WIDTH + GAP_X)
        for i, pod in enumerate(pods):
            notes = tuple(_notes(pod))
            boxes[pod.name] = _Box(x, _row(i, len(pods), tallest), pod.name, notes, max(pod.shards, pod.replicas or 1))
    boxes[END] = _Box(MARGIN + (max(columns) + 1) * (WIDTH + GAP_X), _row(0, 1, tallest), END, end=True)
    return boxes


def _row(place: int, of: int, tallest: int) -> int:
    return MARGIN + round((place + (tallest - of) / 2) * (HEIGHT + GAP_Y))


def _arrow(start: _Box, end: _Box) -> str:
    out = (min(start.copies, 3) - 1) * STACK
    x1, y1, x2, y2 = start.x + WIDTH + out, start.y + HEIGHT // 2, end.x - 2, end.y + HEIGHT // 2
    bend = (x2 - x1) // 2
    path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return f'<path d="{path}" fill="none" stroke="#5b7083" stroke-width="1.5" marker-end="url(#tip)"/>'


def _arrows(flow: Flow) -> list[tuple[str, str]]:
    """Return every edge as a pair of names, from the request to the answer."""
    pods = flow.spec.pods
    found = [(START if parent == GATEWAY else parent, pod.name) for pod in pods for parent in pod.parents]
    parents = {parent for parent, _ in found}
    return found + [(pod.name, END) for pod in pods if pod.name not in parents]


def _notes(pod: FlowPod) -> list[str]:
    """Return what a Pod runs, and how many times, in a few words."""
    uses = pod.runs.strip().split("\n")[0].split("{")[0].strip().removeprefix("!")
    notes = [pod.pod_ref.name if pod.pod_ref else uses]
    if pod.shards > 1:
        notes.append(f"{pod.shards} shards")
    elif (pod.replicas or 1) > 1:
        notes.append(f"{pod.replicas} replicas")
    return [note if len(note) <= 22 else note[:21] + "\N{HORIZONTAL ELLIPSIS}" for note in notes]
