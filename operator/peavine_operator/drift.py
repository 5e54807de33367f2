"""Where an object in the cluster differs from what was rendered for it: the reason of every write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

QUANTITIES = re.compile(r"\.(requests|limits)\.[^.]+$|averageValue$")
QUANTITY = re.compile(r"^([0-9.]+)(m|k|Ki|Mi|Gi|Ti|Pi|M|G|T|P)?$")
POWERS = {
    "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "P": Decimal(10**15), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), None: Decimal(1),
}  # fmt: skip


def drift(rendered: Any, live: Any, path: str = "") -> str | None:
    """Return the path of the first field that is not as rendered, with both values, or None.

    What the live object has besides is somebody else's: the API server's defaults, a controller's marks.
    """
    if isinstance(rendered, Mapping):
        if not isinstance(live, Mapping):
            return None if not rendered and live is None else f"{path} is {_show(live)}"
        # What tells most comes first: labels and annotations often differ because something else does.
        for key in sorted(rendered, key=lambda key: (key == "metadata", key)):
            found = drift(rendered[key], live.get(key), f"{path}.{key}" if path else key)
            if found:
                return found
        return None
    if isinstance(rendered, list):
        if not isinstance(live, list):
            return None if not rendered and live is None else f"{path} is {_show(live)}"
        if rendered and all(isinstance(item, Mapping) and "name" in item for item in rendered):
            by_name = {item.get("name"): item for item in live}
            pairs = [(item, by_name.get(item["name"]), item["name"]) for item in rendered]
        elif len(rendered) != len(live):
            return f"{path} has {len(live)} items instead of {len(rendered)}"
        else:
            pairs = [(item, other, i) for i, (item, other) in enumerate(zip(rendered, live, strict=True))]
        return next((found for item, other, at in pairs if (found := drift(item, other, f"{path}[{at}]"))), None)
    if rendered == live or (rendered in (None, "", 0, False) and live is None):
        return None
    if QUANTITIES.search(path) and isinstance(live, str) and _amount(rendered) == _amount(live):
        return None
    return f"{path} is {_show(live)} instead of {_show(rendered)}"


def _show(value: Any) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _amount(quantity: Any) -> Decimal | str:
    match = QUANTITY.match(str(quantity))
    return Decimal(match[1]) * POWERS[match[2]] if match else str(quantity)
