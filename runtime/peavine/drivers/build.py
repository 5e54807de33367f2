"""From plain nodes to chains of Drivers, bound to the Executors that they call. All mistakes are reported at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from peavine.drivers.defaults import DEFAULTS, requests_for
from peavine.drivers.driver import Driver, Executing, fits, registry
from peavine.errors import ManifestError, NotFound, Problem, did_you_mean
from peavine.spec import KINDS
from peavine.yaml import Tagged

__all__ = ["Bound", "build", "chains"]


_FORMER = {
    **dict.fromkeys(("RouteDriver", "ForwardDriver"), "leave it out: what no Driver touches passes as it is"),
    "ReduceDriver": "leave it out: a Pod unites what several others answered by itself",
    "ControlReqDriver": "leave it out: there are no control requests",
    "WaitDriver": "leave it out",
    "Blob2PngURI": "it is called Tensor2PngURI",
    "Prediction2DocBlobDriver": "it is called Prediction2DocTensorDriver",
    "URI2DataURI": "read files and addresses in the client; nothing here opens them",
}
"""Drivers that YAML of Jina 0.9 may name, and what has become of them."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A Driver and the Executor that it works with: the Pod's own, or a component of it."""

    driver: Driver
    executor: Any


def build(node: Any, path: str = "driver") -> Driver:
    """Return the Driver that a node `!Name {argument: value}` means. Raises ManifestError where it is wrong."""
    if not isinstance(node, Tagged):
        message = f"should be a Driver such as `{{class: VectorSearchDriver}}` (given: {node!r:.60})"
        raise ManifestError([Problem(path, message)])
    cls = registry.get(node.tag)
    if cls is None:
        hint = _FORMER.get(node.tag) or did_you_mean(node.tag, registry).removeprefix("; ")
        raise ManifestError([Problem(path, f'no Driver is named "{node.tag}"{"; " if hint else ""}{hint}')])
    arguments = {} if node.value in (None, "") else node.value
    if isinstance(arguments, Mapping) and set(arguments) == {"with"}:
        arguments = arguments["with"] or {}
    if not isinstance(arguments, Mapping):
        raise ManifestError([Problem(f"{path}.{node.tag}", f"its arguments are a mapping, not {arguments!r:.60}")])
    try:
        return cls.model_validate(dict(arguments))
    except ValidationError as error:
        raise ManifestError(list(fits(cls, error, path))) from None


def chains(executor: Any, path: str = "") -> dict[str, list[Bound]]:
    """Return the bound Drivers for each kind of request that the Executor answers.

    A compound without Drivers of its own has those of its components, one component after the other. `path` is where
    in the manifest the Executor is. Raises ManifestError with every problem.
    """
    prefix = f"{path}." if path else ""
    nodes: Mapping[str, Sequence[Any]] | None = executor.requests_on
    if nodes is None:
        nodes = requests_for(executor, f"{prefix}requests")
    if nodes is None:
        return _of_parts(executor, prefix)
    made: dict[str, list[Bound]] = {}
    problems: list[Problem] = []
    for kind, listed in nodes.items():
        if kind not in KINDS:
            problems.append(Problem(f"{prefix}requests.{kind}", f"is not a kind of request{did_you_mean(kind, KINDS)}"))
        made[kind] = []
        for place, node in enumerate(listed):
            here = f"{prefix}requests.{kind}[{place}]"
            try:
                bound = _bind(build(node, here), executor, kind, here)
            except ManifestError as error:
                problems += error.problems
                continue
            if bound.driver.joins and place > 0:
                problems.append(Problem(here, f"{node.tag} joins what several Pods answered, so it must come first"))
            if not (isinstance(bound.driver, Executing) and bound.driver.idle(bound.executor)):
                made[kind].append(bound)
    if problems:
        raise ManifestError(problems)
    if "read" not in made:
        # Whoever lists Drivers says what happens to Documents; reading shows what has become of them.
        made["read"] = _reading(executor, prefix)
    return made


def _reading(executor: Any, prefix: str) -> list[Bound]:
    """Return the Drivers of an Executor, or of its components, for `read`."""
    if executor.components:
        return _of_parts(executor, prefix)["read"]
    family = next(cls.__name__ for cls in type(executor).__mro__ if cls.__name__ in DEFAULTS)
    return [_bind(build(node), executor, "read", prefix) for node in DEFAULTS[family]["read"]]


def _of_parts(executor: Any, prefix: str) -> dict[str, list[Bound]]:
    """Return the chains of a compound: those of its components, one component after the other."""
    parts = _parts(executor, prefix)
    made = {kind: [bound for part in parts for bound in part.get(kind, ())] for kind in KINDS}
    made["read"].sort(key=lambda bound: bound.driver.completes)
    return made


def _parts(executor: Any, prefix: str) -> list[dict[str, list[Bound]]]:
    """Return the chains of the components. Raises ManifestError with the problems of all."""
    parts: list[dict[str, list[Bound]]] = []
    problems: list[Problem] = []
    for i, component in enumerate(executor.components):
        try:
            parts.append(chains(component, f"{prefix}components[{i}]"))
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    return parts


def _bind(driver: Driver, executor: Any, kind: str, path: str) -> Bound:
    if not isinstance(driver, Executing):
        return Bound(driver, executor)
    if driver.executor is not None:
        try:
            for part in driver.executor.split("."):
                executor = executor.component(part)
        except NotFound as error:
            raise ManifestError([Problem(f"{path}.executor", str(error))]) from None
    name = driver.method_for(kind)
    if name and not callable(getattr(executor, name, None)):
        known = [known for known in dir(executor) if not known.startswith("_") and callable(getattr(executor, known))]
        message = f"{executor.name} has no method {name}(){did_you_mean(name, known)}"
        raise ManifestError([Problem(f"{path}.{type(driver).__name__}", message)])
    return Bound(driver, executor)
