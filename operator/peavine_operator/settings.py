"""What the environment of the operator's process says, read once."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from peavine.version import __version__

PREFIX = "PEAVINE_OPERATOR_"
CHOICES = {
    "network_policies": ("true", "false"),
    "image_pull_policy": ("Always", "IfNotPresent", "Never"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
}


@dataclass(frozen=True)
class Settings:
    """Every setting is an environment variable: PEAVINE_OPERATOR_ and the field's name in capitals."""

    image: str = f"peavine/runtime:{__version__}"
    """The runtime image, for gateways, heads and Pods that name none."""
    image_pull_policy: str = "IfNotPresent"
    """When nodes fetch that image."""
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets in the namespace of each Flow with which nodes fetch the images of its core Pods, separated by commas."""
    network_policies: bool = True
    """Whether each Flow and Pod gets NetworkPolicies, so that only a Flow's own gateway and heads reach its Peas."""
    fs_group: int | None = 10001
    """The group that owns the volumes of core Pods. Empty where the cluster assigns one, as OpenShift does."""
    cluster_domain: str = ""
    """The DNS domain of the cluster; when empty, the one that /etc/resolv.conf names, if it names one."""
    watch_namespaces: tuple[str, ...] = ()
    """Namespaces with Flows, separated by commas; empty: all of them."""
    namespace: str = "default"
    """The operator's own namespace, where its Lease is."""
    lease_name: str = "peavine-operator"
    """Name of the Lease that tells which replica works."""
    identity: str = ""
    """This replica's name in the Lease; the host's name when empty."""
    lease_seconds: int = 15
    """How long another replica waits for one that has gone silent. It gives up itself after two thirds of that."""
    port: int = 9090
    """Port of /metrics and /healthz."""
    resync_seconds: int = 60
    """How often everything is looked at again, from memory."""
    relist_seconds: int = 600
    """How often everything is listed again, for what a watch may have missed."""
    progress_seconds: int = 600
    """How long a Flow or Pod that is not ready may make no progress before it is Degraded and Stalled."""
    rolling_flows: int = 5
    """Flows that roll out at once when only the operator was upgraded. A Flow that is edited never waits."""
    workers: int = 4
    """Flows and Pods that are worked on at once."""
    request_seconds: int = 20
    """How long a request to the API server may take."""
    silence_seconds: int = 180
    """Without a word from a watch for so long, /healthz fails and Kubernetes restarts the process. A watch that has
    nothing to tell is opened again every minute."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises ValueError that names every variable that is wrong or not known."""
    known = {PREFIX + field.name.upper(): field for field in fields(Settings)}
    values: dict[str, object] = {}
    problems = []
    for name, text in environment.items():
        if not name.startswith(PREFIX):
            continue
        field = known.get(name)
        if field is None:
            problems.append(f"{name} is not known; known: {', '.join(sorted(known))}")
        elif field.type == "int | None" and not text:
            values[field.name] = None
        elif field.type in ("int", "int | None"):
            if text.isdigit() and int(text) > 0:
                values[field.name] = int(text)
            else:
                problems.append(f'{name} is "{text}", and a number above 0 is wanted')
        elif text not in CHOICES.get(field.name, (text,)):
            problems.append(f'{name} is "{text}"; known: {", ".join(CHOICES[field.name])}')
        elif field.type == "bool":
            values[field.name] = text == "true"
        elif field.type == "tuple[str, ...]":
            values[field.name] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            values[field.name] = text
    if problems:
        raise ValueError("\n".join(problems))
    values["identity"] = values.get("identity") or socket.gethostname()
    return Settings(**values)  # type: ignore[arg-type]
