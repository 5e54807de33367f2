"""How large a filter may be, so that neither reading nor answering one can cost more than its request allows."""

from __future__ import annotations

from peavine.errors import InvalidRequest

__all__ = ["MAX_CONDITIONS", "MAX_DEPTH", "MAX_LENGTH", "MAX_VALUES", "Budget", "check_depth"]

MAX_LENGTH = 65_536
"""Characters of a text, and of all names and strings of an object."""
MAX_DEPTH = 16
"""How deep `and`, `or` and `not` may be nested."""
_MAX_PARENTHESES = 100
"""How deep a spelling may be nested; more than the filter it means, which may have more of a spelling than it needs."""
MAX_CONDITIONS = 256
MAX_VALUES = 10_000
"""Values in the lists of all `in` and `not in`."""


class Budget:
    """Counts the parts of one filter while it is read, and refuses it when there are too many."""

    def __init__(self) -> None:
        self._characters = self._conditions = self._values = 0

    def characters(self, text: str) -> None:
        """Count a text."""
        self._characters += len(text)
        if self._characters > MAX_LENGTH:
            raise InvalidRequest(f"filter: too long; the limit is {MAX_LENGTH:,} characters")

    def condition(self) -> None:
        """Count a condition."""
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidRequest(
                f"filter: too many conditions; the limit is {MAX_CONDITIONS}. Use `in` for many values"
            )

    def values(self, count: int) -> None:
        """Count values of a list."""
        self._values += count
        if self._values > MAX_VALUES:
            raise InvalidRequest(f"filter: too many values in lists; the limit is {MAX_VALUES:,}")

    def depth(self, depth: int) -> None:
        """Check how deep the spelling of a part is nested."""
        check_depth(depth if depth > _MAX_PARENTHESES else 0)


def check_depth(depth: int) -> None:
    """Raise InvalidRequest if a filter is nested too deep."""
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"filter: nested more than {MAX_DEPTH} deep")
