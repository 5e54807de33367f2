"""Where an object in the cluster differs from what was rendered for it: the reason of every write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

ATOMIC = frozenset(
    {
        "selector", "labelSelector", "podSelector", "nodeSelector", "tolerations", "scaleTargetRef", "metrics",
        "ingress", "data",
    }
)  # fmt: skip
"""Fields that Kubernetes replaces as a whole, or, as a ConfigMap's data, that have one owner: nobody can add to them
what is somebody else's. A label more in a Service's selector would cut it off from its pods."""
QUANTITIES = re.compile(r"\.(requests|limits)\.[^.]+$|averageValue$|sizeLimit$")
QUANTITY = re.compile(r"^([0-9.]+)(m|k|Ki|Mi|Gi|Ti|Pi|M|G|T|P)?$")
POWERS = {
    "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "P": Decimal(10**15), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), None: Decimal(1),
}  # fmt: skip
EMPTY = (None, "", 0, False)


def drift(rendered: Any, live: Any, exact: frozenset[str] = ATOMIC) -> list[str]:
    """Return the path of every field that is not as rendered, with both values; what tells most comes first.

    What the live object has besides is somebody else's: the API server's defaults, a controller's marks. But below the
    fields named in `exact` there is nothing besides.
    """
    return list(_drift(rendered, live, "", exact, False))


def _drift(rendered: Any, live: Any, path: str, exact: frozenset[str], whole: bool) -> Iterator[str]:
    if isinstance(rendered, Mapping):
        if not isinstance(live, Mapping):
            if rendered or live is not None:
                yield f"{path} is {_show(live)}"
            return
        # Labels and annotations often differ because something else does.
        for key in sorted(rendered, key=lambda key: (key == "metadata", key)):
            yield from _drift(rendered[key], live.get(key), _at(path, key), exact, whole or key in exact)
        if whole:
            for key in sorted(live.keys() - rendered.keys()):
                if live[key] is not None:
                    yield f"{_at(path, key)} is {_show(live[key])} and should be absent"
    elif isinstance(rendered, list):
        if not isinstance(live, list):
            if rendered or live is not None:
                yield f"{path} is {_show(live)}"
            return
        if rendered and _named(rendered) and _named(live):
            by_name = {item["name"]: item for item in live}
            for item in rendered:
                yield from _drift(item, by_name.get(item["name"]), f"{path}[{item['name']}]", exact, whole)
        elif len(rendered) != len(live):
            yield f"{path} has {len(live)} items instead of {len(rendered)}"
        else:
            for i, (item, other) in enumerate(zip(rendered, live, strict=True)):
                yield from _drift(item, other, f"{path}[{i}]", exact, whole)
    elif not (rendered == live or (rendered in EMPTY and live is None) or _same_amount(rendered, live, path)):
        yield f"{path} is {_show(live)} instead of {_show(rendered)}"


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in items)


def _show(value: Any) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _same_amount(rendered: Any, live: Any, path: str) -> bool:
    return bool(QUANTITIES.search(path)) and isinstance(live, str) and amount(rendered) == amount(live)


def amount(quantity: Any) -> Decimal | str:
    """Return what a quantity of Kubernetes amounts to; the text itself where it is written in another way."""
    match = QUANTITY.match(str(quantity))
    return Decimal(match[1]) * POWERS[match[2]] if match else str(quantity)
