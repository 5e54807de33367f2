"""The docstrings under the fields of a class, read from its source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise

__all__ = ["attribute_docstrings"]


def attribute_docstrings(cls: type) -> dict[str, str]:
    """Return the docstring under each annotated field of a class and of those that it derives from."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        if one is object or one.__module__.startswith("pydantic."):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(definition, ast.ClassDef), definition
        for field, text in pairwise(definition.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    found[name] = inspect.cleandoc(said)
    return found
