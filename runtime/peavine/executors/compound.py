"""CompoundExecutor: several Executors that work as one in one Pea."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from peavine.errors import ManifestError, NotFound, Problem, did_you_mean
from peavine.executors.executor import METHODS, Executor


class CompoundExecutor(Executor):
    """Executors, its `components`, behind one name.

    A method that exactly one component has is the compound's own. For a method that several have, `routes` says whose
    it is (`encode: pca`, or `encode: pca.transform` for another name), or a Driver names the component it means.
    """

    def __init__(self, components: Sequence[Executor] = (), routes: Mapping[str, str] | None = None) -> None:
        self.components = list(components)
        self.routes = dict(routes or {})
        self._name_components()
        problems = []
        for method, route in self.routes.items():
            name, _, target = route.partition(".")
            try:
                component = self.component(name)
            except NotFound as error:
                problems.append(Problem(f"routes.{method}", str(error)))
                continue
            if not callable(getattr(component, target or method, None)):
                problems.append(Problem(f"routes.{method}", f"{component.name} has no method {target or method}()"))
        if problems:
            raise ManifestError(problems)

    def open(self, workspace: Path | None = None, *, read_only: bool = False) -> Self:
        """Open the components, each in a folder of its name, and then itself."""
        for component in self.components:
            folder = workspace / (component.subfolder or component.name) if workspace else None
            component.shard = self.shard
            component.open(folder, read_only=read_only or self.read_only)
        return super().open(workspace, read_only=read_only)

    def close(self) -> None:
        """End the components, all of them even if one fails."""
        with ExitStack() as stack:
            for component in self.components:
                stack.callback(component.close)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Surround a batch with the transactions of all components."""
        with ExitStack() as stack:
            for component in self.components:
                stack.enter_context(component.transaction())
            yield

    def snapshot(self, folder: Path) -> None:
        """Write the data of each component to a folder of its name."""
        for component in self.components:
            component.snapshot(folder / component.name)

    def component(self, name: str) -> Executor:
        """Return the component with this name, or else the only one of this class."""
        named = [component for component in self.components if component.name == name]
        classed = [
            component
            for component in self.components
            if name in (cls.__name__ for cls in type(component).__mro__) and component not in named
        ]
        found = named or classed
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(component.name for component in found)
            raise NotFound(f'"{name}" fits several components of {self.name}, {names}; use a name')
        known = [component.name for component in self.components]
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise NotFound(f'{self.name} has no component "{name}"{hint}')

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in METHODS or "components" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {method!r}")
        if method in self.routes:
            name, _, target = self.routes[method].partition(".")
            return getattr(self.component(name), target or method)  # type: ignore[no-any-return]
        able = [component for component in self.components if hasattr(component, method)]
        if not able:
            raise AttributeError(f"no component of {self.name} has {method}()")
        if len(able) > 1:
            names = ", ".join(component.name for component in able)
            raise AttributeError(f"{method}() of {self.name} could be that of {names}; say which under `routes`")
        return getattr(able[0], method)  # type: ignore[no-any-return]

    def _name_components(self) -> None:
        """Give each component a name of its own: folders are made from them."""
        seen: set[str] = set()
        for i, component in enumerate(self.components):
            if component.name in seen:
                if component.name != type(component).__name__:
                    raise ManifestError([Problem("components", f'two are named "{component.name}"')])
                component.name = f"{component.name}-{i}"
            seen.add(component.name)
