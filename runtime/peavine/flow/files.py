"""Read a Flow from a file or text, with the files that its Pods name beside it taken into the manifest.

So what is read is complete: it can be sent to a cluster, or started in another folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from peavine import spec, yaml
from peavine.errors import ManifestError, Problem
from peavine.flow import earlier, legacy
from peavine.yaml import Tagged

USES = ("uses", "usesBefore", "usesAfter")


def read(path: str | Path) -> tuple[spec.Flow, list[str]]:
    """Return the Flow of a file, of the new kind or the old, and notes on what the conversion of an old one changed.

    Raises ManifestError with every problem.
    """
    path = Path(path)
    return read_text(_read(path), path.parent, str(path), path.stem)


def convert(path: str | Path) -> tuple[spec.Flow, list[str]]:
    """Return what `read` does, also of a file with fields of an earlier peavine, or with Pods linked by their order."""
    path = Path(path)
    document, notes = _document(_read(path), str(path), path.stem)
    return parse(earlier.upgraded(document), path.parent, str(path)), notes


def _read(path: Path) -> str:
    """Return the text of a manifest. Raises ManifestError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"is not UTF-8 text: {error.reason} at byte {error.start}", str(path)) from error


def read_text(text: str, folder: Path, source: str = "", name: str = "flow") -> tuple[spec.Flow, list[str]]:
    """Return the Flow of a manifest's text; files that it names are looked for in `folder`."""
    document, notes = _document(text, source, name)
    return parse(document, folder, source), notes


def _document(text: str, source: str, name: str) -> tuple[Any, list[str]]:
    """Return a manifest's text as plain data of the new kind, with notes on the conversion of an old one."""
    document = yaml.load(text, source)
    notes: list[str] = []
    if isinstance(document, Tagged):
        if document.tag.lstrip("!") != "Flow":
            raise ManifestError(f"begins with {document.tag}, and a Flow is wanted", source)
        try:
            converted = legacy.convert(yaml.substitute(document.value, _variables(document.value)), name)
        except ManifestError as error:
            raise ManifestError(error.problems, source) from error
        document, notes = converted.manifest, converted.notes
    return document, notes


def sources(path: str | Path) -> tuple[Path, ...]:
    """Return the folders that the files of a manifest which was read without an error come from."""
    path = Path(path)
    return named(yaml.load(path.read_text(encoding="utf-8"), str(path)), path.parent)


def named(plain: Any, folder: Path) -> tuple[Path, ...]:
    """Return `folder`, and those of the YAML files that plain data names, of a Flow of the new kind or the old."""
    return tuple(dict.fromkeys((folder, *((folder / name.strip()).parent for name in _uses(plain)))))


def _uses(node: Any) -> Iterator[str]:
    """Yield the names of the YAML files that stand under `uses`, at any place."""
    if isinstance(node, Tagged):
        yield from _uses(node.value)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(value, str):
                if str(key).startswith("uses") and is_file_name(value):
                    yield value
            else:
                yield from _uses(value)
    elif isinstance(node, list):
        for value in node:
            yield from _uses(value)


def write(flow: spec.Flow) -> str:
    """Return a manifest as YAML text; `read_text` of it gives an equal one. What a Pod is comes first."""
    plain = flow.manifest()
    first = ("name", "needs", "uses")
    for i, pod in enumerate(plain["spec"]["pods"]):
        said = {field: pod[field] for field in first if field in pod}
        plain["spec"]["pods"][i] = {**said, **pod}
    return yaml.dump(plain)


def parse(manifest: Any, folder: Path, source: str = "") -> spec.Flow:
    """Return the checked manifest of plain data, with the YAML and Python files that it names taken into it.

    Raises ManifestError with every problem, of the manifest and of the files.
    """
    problems: list[Problem] = []
    try:
        flow = spec.parse(_complete(manifest, folder, problems), source)
    except ManifestError as error:
        raise ManifestError(sorted([*error.problems, *problems]), source) from None
    if problems:
        raise ManifestError(problems, source)
    return flow


def _complete(manifest: Any, folder: Path, problems: list[Problem]) -> Any:
    body = manifest.get("spec") if isinstance(manifest, Mapping) else None
    pods = body.get("pods") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(pods, list):
        return manifest  # The schema says what is wrong with it.
    inlined = [
        _complete_pod(pod, folder, f"spec.pods[{i}]", problems) if isinstance(pod, Mapping) else pod
        for i, pod in enumerate(pods)
    ]
    return {**manifest, "spec": {**body, "pods": inlined}}


def _complete_pod(pod: Mapping[str, Any], folder: Path, path: str, problems: list[Problem]) -> dict[str, Any]:
    made = dict(pod)
    said = pod.get("files") or {}
    if not isinstance(said, Mapping):
        return made  # The schema says what is wrong with it.
    files = dict(said)
    for field in USES:
        uses = pod.get(field)
        if isinstance(uses, Tagged):
            remedy = f"is an Executor's YAML, which is text here: `{field}: |`, and !{uses.tag} .. on the next line"
            problems.append(Problem(f"{path}.{field}", remedy))
            del made[field]
        if not isinstance(uses, str):
            continue
        beside = folder
        if is_file_name(uses):
            text = _text(folder, uses.strip(), f"{path}.{field}", problems)
            if text is None:
                continue
            made[field], beside = text, (folder / uses.strip()).parent
        for key, name in _beside(made[field]):
            where = f"{path}.{field}.metas.{key}"
            if name in said:
                continue
            if "/" in name:
                problems.append(Problem(where, f'"{name}": put it in the folder of the YAML, and name it without one'))
                continue
            text = _text(beside, name, where, problems)
            if text is not None and files.setdefault(name, text) != text:
                problems.append(Problem(where, f'two different files are named "{name}"; rename one'))
    if files:
        made["files"] = files
    return made


def _variables(document: Any) -> dict[str, str]:
    """Return the environment that an old Flow file sees: this process's, and its own `env:`."""
    own = document.get("env") if isinstance(document, Mapping) else None
    return {
        **os.environ,
        **{str(name): str(value) for name, value in (own if isinstance(own, Mapping) else {}).items()},
    }


def is_file_name(uses: str) -> bool:
    """Return whether `uses` names a YAML file."""
    text = uses.strip()
    return "\n" not in text and not text.startswith(("!", "_")) and text.endswith((".yml", ".yaml"))


def _text(folder: Path, name: str, path: str, problems: list[Problem]) -> str | None:
    """Return a file's text, or say why there is none. Only files in `folder`, or below it, are read."""
    try:
        found = (folder / name).resolve()
        if found.is_relative_to(folder.resolve()):
            return found.read_text(encoding="utf-8")
        problems.append(Problem(path, f'"{name}" is outside the folder of the manifest; move it there'))
    except UnicodeDecodeError:
        problems.append(Problem(path, f'"{name}" is not UTF-8 text'))
    except OSError as error:
        problems.append(Problem(path, f'"{name}" cannot be read beside the manifest: {error.strerror}'))
    except ValueError:  # a name with a null character
        problems.append(Problem(path, f"{name!r} is no file name"))
    return None


def _beside(uses: str) -> Iterator[tuple[str, str]]:
    """Yield the files that an Executor's YAML names, with the key that names them.

    YAML that cannot be read is for its Pea to refuse.
    """
    try:
        found = yaml.load(uses)
    except ManifestError:
        return
    yield from _named(found)


def _named(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, Tagged):
        yield from _named(node.value)
    elif isinstance(node, Mapping):
        metas = node.get("metas")
        for key in ("py_modules", "files"):
            listed = metas.get(key) if isinstance(metas, Mapping) else None
            listed = [listed] if isinstance(listed, str) else listed
            yield from ((key, name) for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
        components = node.get("components")
        for component in components if isinstance(components, list) else ():
            yield from _named(component)
