"""`requests`: which Drivers an Executor's YAML names for which kind of request."""

from __future__ import annotations

from typing import Any

from peavine.errors import Problem, did_you_mean
from peavine.spec import KINDS
from peavine.yaml import Tagged

KIND_OF = {kind: kind for kind in KINDS} | {f"{kind.capitalize()}Request": kind for kind in KINDS}
"""The kind that a key under `on` names."""


def requests_on(data: Any, path: str) -> tuple[dict[str, list[Tagged]], list[Problem]]:
    """Return the Drivers by kind, in their order, and what is wrong.

    A key is a kind (`IndexRequest`, or `index`), or a list of kinds. Drivers of a kind that several keys name follow
    each other. A Driver stands as `Tagged(class name, what follows it)`; whether there is such a Driver is not known
    here.
    """
    found: dict[str, list[Tagged]] = {}
    problems: list[Problem] = []
    if not isinstance(data, dict) or set(data) != {"on"} or not isinstance(data["on"], dict):
        message = "is a mapping from each kind of request to a list of Drivers, under `on:` in YAML with tags"
        return {}, [Problem(path, message)]
    for key, listed in data["on"].items():
        kinds = key if isinstance(key, tuple) else (key,)
        here = f"{path}.{key if not isinstance(key, tuple) else ', '.join(map(str, key))}"
        for kind in kinds:
            if kind == "ControlRequest":
                problems.append(Problem(here, "there are no control requests any more; leave it out"))
            elif kind not in KIND_OF:
                hint = did_you_mean(str(kind), KIND_OF) or f"; known: {', '.join(KIND_OF)}"
                problems.append(Problem(here, f'no kind of request is named "{kind}"{hint}'))
        drivers = [] if listed is None else listed
        if not isinstance(drivers, list):
            problems.append(Problem(here, "is a list of Drivers, such as [EncodeDriver]"))
            continue
        for i, driver in enumerate(drivers):
            if not isinstance(driver, Tagged):
                message = "a Driver is named by its class, such as `{class: EncodeDriver, with: {..}}`"
                problems.append(Problem(f"{here}[{i}]", message))
        for kind in kinds:
            if kind in KIND_OF:
                of_kind = found.setdefault(KIND_OF[kind], [])
                of_kind += [driver for driver in drivers if isinstance(driver, Tagged)]
    return found, problems
