"""Where the test cluster keeps things, and the names and addresses it uses."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

VERSION = "1.35.4"
"""Of Kubernetes; kube/go.mod says the same."""
TOOLS = {
    # metrics-server compiles only against Kubernetes 1.36, so it cannot be in one binary with the components.
    "helm": "helm.sh/helm/v4/cmd/helm@v4.3.1",
    "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server@v0.9.0",
}
SOURCE = Path(__file__).resolve().parent / "kube"


def digest() -> str:
    """Return a short hash of all that the binaries are made from: they are built again when it changes."""
    hashed = hashlib.sha256(repr((VERSION, TOOLS)).encode())
    for path in sorted(path for path in SOURCE.rglob("*") if path.is_file()):
        hashed.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()[:12]


CACHE = Path(os.environ.get("PEAVINE_CACHE") or Path.home() / ".cache" / "peavine").resolve()
HOME = CACHE / "cluster"
BUILD = HOME / f"build-{digest()}"
BIN, RUN, LOGS, PKI = BUILD / "bin", HOME / "run", HOME / "logs", HOME / "run" / "pki"
KUBECONFIG = RUN / "admin.conf"
VOLUMES = Path("/tmp/hostpath_pv")
"""Where the host-path provisioner of Kubernetes puts volumes."""

NAME = "testcluster"
"""Of the bridge and of the cgroup."""
HOST, SERVICES = "10.243.0.1", "10.96.0.0/16"
"""This machine as the cluster sees it, and the Service addresses."""
