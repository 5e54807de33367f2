"""A Flow checked as a whole: its manifest, the files that it names, and its Executors with their Drivers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from peavine import spec
from peavine.errors import Problem
from peavine.flow.files import Reading
from peavine.spec.plain import mapping
from peavine.spec.rules import MAX_PODS


def checked(reading: Reading) -> spec.Flow:
    """Return the manifest. Raises ManifestError with everything that is wrong, in the manifest and in its Executors.

    An Executor's own Python files are imported; no model is loaded. Executors that come with an image are not checked.
    """
    return reading.manifest(tuple(_problems(reading)))


def _problems(reading: Reading) -> Iterator[Problem]:
    from peavine.drivers import check_executors

    body = mapping(mapping(reading.written).get("spec"))
    pods = body.get("pods")
    for i, pod in enumerate(pods[:MAX_PODS] if isinstance(pods, list) else ()):
        if not isinstance(pod, Mapping):
            continue  # The schema refuses it.
        variables = [*_variables(body), *_variables(pod)]
        if body.get("envFrom") or pod.get("envFrom") or any(variable.get("valueFrom") for variable in variables):
            continue  # the values that its YAML may refer to are known in the cluster only
        own = {str(variable.get("name")): str(variable.get("value") or "") for variable in variables}
        yield from check_executors(pod, f"spec.pods[{i}]", reading.sources, {**os.environ, **own})


def _variables(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    env = body.get("env")
    return [variable for variable in env if isinstance(variable, Mapping)] if isinstance(env, list) else []
