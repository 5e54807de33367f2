"""The Executors of a Pod with their Drivers, checked together before any of them is opened.

A Pea prepares what it then opens; `peavine check`, `run` and `render` prepare all Pods of a Flow and report what is
wrong. No model is loaded and no data is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from peavine.drivers.build import build
from peavine.drivers.driver import registry
from peavine.drivers.runner import Runner
from peavine.errors import ManifestError, PeavineError, Problem, message_of, propagate_interrupt
from peavine.executors import Draft
from peavine.spec import Chosen, OnError, Part, chosen
from peavine.spec.uses import Image, parse_uses

__all__ = ["check_executors", "prepare"]


def prepare(
    choice: Chosen,
    *,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
    sources: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    on_error: OnError = OnError.FAIL,
    replicas: int = 1,
) -> Runner:
    """Return a Runner whose Executor is made but not open.

    Raises ManifestError with what is wrong with the Executor, its arguments and its Drivers, together; and
    ExecutorError where the Executor's own code fails.
    """
    draft = Draft(
        choice.what,
        arguments=choice.arguments,
        folder=folder,
        files=files,
        sources=sources,
        env=env,
        path=choice.path,
        arguments_path=choice.arguments_path,
    )
    for path, node in draft.drivers():
        try:
            build(node, path)
        except ManifestError as error:
            draft.problems += error.problems
    return Runner(draft.make(), on_error, replicas, choice.path)


def check_executors(
    pod: Mapping[str, Any], path: str, sources: Sequence[Path] = (), env: Mapping[str, str] | None = None
) -> list[Problem]:
    """Return what is wrong with the Executors of a Pod, given as the plain data of its spec at `path`.

    Where a Pod's code is elsewhere, in an image, a ConfigMap or a Pod resource, nothing is reported. The data may be
    wrong in any way; what does not concern Executors is left to the schema. `sources` are folders of the Pod's files,
    and `env` is the environment that its Peas would have.
    """
    if any(pod.get(field) for field in ("podRef", "image", "filesFrom")):
        return []
    files = pod.get("files")
    if files is not None and not (isinstance(files, Mapping) and all(isinstance(text, str) for text in files.values())):
        return []
    problems: list[Problem] = []
    for part in get_args(Part):
        choice = chosen(pod, part, path)
        if choice is None or (isinstance(choice.what, str) and isinstance(parse_uses(choice.what), Image)):
            continue
        known = dict(registry)
        try:
            prepare(choice, files=files, sources=sources, env=env)
        except ManifestError as error:
            problems += error.problems
        except PeavineError as error:
            problems.append(Problem(choice.path, str(error)))
        except BaseException as error:  # the user's code can raise anything, also while its class is inspected
            propagate_interrupt(error)
            problems.append(Problem(choice.path, f"cannot be checked: {message_of(error)}"))
        finally:  # the next Pod, which is another process, will not have imported this one's Drivers
            registry.clear()
            registry.update(known)
    return problems
