"""A control plane without nodes: etcd and kube-apiserver as two plain processes of whoever starts it.

It needs no root, no cgroups and no namespaces. etcd listens on a Unix socket in the plane's own folder and the API
server on a port of 127.0.0.1 that the kernel chooses, so any number of planes run next to each other and next to the
whole test cluster. Nothing runs Deployments, collects garbage or removes namespaces: there are no controllers.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.build import build
from cluster.commands import STARTED, ClusterError, answers, sh, wait
from cluster.place import BIN, VERSION

ADMIN = "admin"
"""The user of whom nothing is refused."""


class Plane:
    """The control plane in `folder`, whose path is short enough for a Unix socket in it."""

    def __init__(self, folder: Path, users: Mapping[str, Sequence[str]]) -> None:
        self.folder, self.audit_log = folder, folder / "audit.log"
        self.ca = folder / "certificates" / "apiserver.crt"
        self._users = {ADMIN: ("system:masters",), **users}
        self._tokens = {user: secrets.token_hex() for user in self._users}
        # Held for as long as the plane runs: it keeps the port for this user's processes, and the API server shares it.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._port.bind(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._port.getsockname()[1]}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def token(self, user: str) -> str:
        return self._tokens[user]

    def kubeconfig(self, user: str = ADMIN, server: str = "") -> Path:
        """Write and return a kubeconfig of a user, for the plane or for a proxy in front of it."""
        path = self.folder / f"{user.replace(':', '.')}-{secrets.token_hex(3)}.conf"
        cluster: dict[str, Any] = {"server": server or self.url}
        if not server:
            cluster["certificate-authority"] = str(self.ca)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "plane", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": user}}],
            "current-context": "plane",
        }
        path.write_text(json.dumps(config))
        return path

    def start(self) -> None:
        """Start both processes, and wait until the API server is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sockets = {name: f"unix://{self.folder}/{name}.sock" for name in ("clients", "peers")}
        # The advertised addresses are for members and clients that etcd would send elsewhere: there are none.
        nobody = "http://localhost:1"
        self._run(
            "etcd",
            "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", sockets["clients"], "--advertise-client-urls", nobody,
            "--listen-peer-urls", sockets["peers"], "--initial-advertise-peer-urls", nobody,
            "--initial-cluster", f"default={nobody}",
        )  # fmt: skip
        config = self.folder / "kubeadm.yaml"
        config.write_text(
            f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v{VERSION}\n"
            f"certificatesDir: {self.folder}\n"
        )
        sh("kubeadm", "init", "phase", "certs", "sa", "--config", config, stdout=subprocess.DEVNULL)
        tokens = self.folder / "tokens.csv"
        tokens.touch(0o600)
        tokens.write_text(
            "".join(f'{self._tokens[user]},{user},{user},"{",".join(self._users[user])}"\n' for user in self._users)
        )
        (self.folder / "audit.yaml").write_text(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
        )
        # Core Pods need no service account here, because nothing would create the `default` one.
        self._run(
            "kube-apiserver",
            *f"""
            --etcd-servers={sockets["clients"]} --bind-address=127.0.0.1 --advertise-address=127.0.0.1
            --secure-port={self._port.getsockname()[1]} --permit-port-sharing --endpoint-reconciler-type=none
            --cert-dir={self.ca.parent} --token-auth-file={tokens} --authorization-mode=RBAC
            --disable-admission-plugins=ServiceAccount --service-cluster-ip-range=10.0.0.0/16
            --service-account-issuer=https://kubernetes.default.svc.cluster.local
            --service-account-key-file={self.folder}/sa.pub --service-account-signing-key-file={self.folder}/sa.key
            --audit-policy-file={self.folder}/audit.yaml --audit-log-path={self.audit_log} --audit-log-maxsize=4096
            """.split(),
        )
        wait(f"kube-apiserver in {self.folder}", lambda: self.ca.exists() and answers(f"{self.url}/readyz", self.ca))

    def _run(self, program: str, *argv: object) -> None:
        """Start a program that the kernel ends together with this process, however this one ends."""
        log = self.folder / f"{program}.log"
        command = ["setpriv", "--pdeathsig", "KILL", "--", str(BIN / program), *map(str, argv)]
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        STARTED[log] = process
        self._processes.append(process)

    def stop(self) -> None:
        """Stop both processes: nothing of it is kept, so at once."""
        for log in [log for log, process in STARTED.items() if process in self._processes]:
            del STARTED[log]
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._port.close()


@contextmanager
def plane(users: Mapping[str, Sequence[str]] | None = None) -> Iterator[Plane]:
    """Have a control plane in a temporary folder, with users and the groups of each besides the administrator."""
    if not shutil.which("setpriv"):
        raise ClusterError("needs setpriv, which is in the package util-linux, on Linux")
    build()
    # Not pytest's tmp_path or $TMPDIR, which can be too long for the path of a Unix socket.
    with tempfile.TemporaryDirectory(prefix="peavine-plane-", dir="/tmp") as folder:
        made = Plane(Path(folder), users or {})
        try:
            made.start()
            yield made
        finally:
            made.stop()
