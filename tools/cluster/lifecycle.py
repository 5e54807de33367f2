"""Start and stop the cluster and its parts."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster import control
from cluster.commands import ClusterError, answers, kubectl, quiet, sh, wait
from cluster.node import CONTROL, Node, nodes, running
from cluster.place import BIN, HOST, LOGS, NAME, RUN, SERVICES, VOLUMES
from cluster.space import end, groups

RULES = (
    # Nothing that a pod sends leaves this machine: no namespace has a route out, and this drops what finds one. Nor
    # does the cluster open connections to this machine, which has servers of its own.
    ("FORWARD", "-i", NAME, "-j", "DROP"),
    ("FORWARD", "-i", NAME, "-o", NAME, "-j", "ACCEPT"),
    ("INPUT", "-i", NAME, "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"),
)


def is_up() -> bool:
    """Return whether a cluster, or what is left of one, is on this machine."""
    return any(group.exists() for group in groups())


def is_healthy(count: int) -> bool:
    """Return whether a cluster of so many nodes runs and answers."""
    if len(running()) != count or not answers(f"https://{CONTROL.ip}:6443/readyz"):
        return False
    return _ready(nodes(), time.time() - 600)


def up(count: int) -> None:
    """Start a cluster, and wait until nodes, DNS and the metrics API answer. None may be up."""
    began = time.time()
    try:
        groups("control", "system")[0].mkdir(parents=True)  # one cluster on a machine, wherever its state is
    except FileExistsError:
        raise ClusterError("one is up already, or was not taken down: `tools/cluster/cluster down`") from None
    for folder in (RUN, LOGS, VOLUMES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for space in (CONTROL, *map(Node, range(1, count + 1))):
        space.home.mkdir()
    _bridge()
    _pause_image()
    with ThreadPoolExecutor() as pool:
        store = pool.submit(control.store)
        boots = [pool.submit(node.boot) for node in nodes()]
        control.certificates()
        store.result()
        control.apiserver()
        control.objects()
        control.controllers()
        for node, boot in zip(nodes(), boots, strict=True):
            boot.result()
            node.join()
        control.names()
        control.metrics()
    _reach_services()
    wait("nodes", lambda: _ready(nodes(), began))
    wait("CoreDNS", lambda: answers(f"http://{CONTROL.ip}:8181/ready"))
    wait("default service account", lambda: kubectl("get", "serviceaccount", "default").returncode == 0)
    wait("metrics API", lambda: kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1").returncode == 0)


def down() -> None:
    """Stop every process and remove every trace but the logs."""
    end()
    for link in Path("/sys/class/net").glob(f"{NAME}*"):
        quiet("ip", "link", "delete", link.name)
    for rule in RULES:
        quiet("iptables", "-w", "-D", *rule)
    for folder in (VOLUMES, RUN):
        shutil.rmtree(folder, ignore_errors=True)


def kill(node: Node) -> None:
    """Cut a node's power."""
    node.kill()
    _reach_services()


def start(node: Node) -> None:
    """Boot a killed node again, with what its disk held, and wait until it is Ready."""
    if node.pid.exists():
        raise ClusterError(f"{node.name} runs")
    began = time.time()
    node.boot()
    node.join()
    _reach_services()
    wait(f"{node.name} Ready", lambda: _ready([node], began))


def load(archives: Sequence[Path]) -> None:
    """Import the images of archives into every node that runs."""
    if not running():
        raise ClusterError("no node runs: `tools/cluster/cluster up`")
    with ThreadPoolExecutor() as pool:
        for archive in archives:
            list(pool.map(lambda node, archive=archive: node.load(archive), running()))


def _bridge() -> None:
    sh("ip", "link", "add", NAME, "address", "0a:00:00:00:00:01", "type", "bridge")
    v6 = Path(f"/proc/sys/net/ipv6/conf/{NAME}/disable_ipv6")
    if v6.exists():  # the rules are for IPv4
        v6.write_text("1")
    sh("ip", "address", "add", f"{HOST}/24", "dev", NAME)
    sh("ip", "link", "set", NAME, "up")
    for rule in RULES:
        sh("iptables", "-w", "-I", *rule)


def _reach_services() -> None:
    """Let this machine use Service addresses, through the kube-proxy of a node that runs."""
    for node in running()[:1]:
        sh("ip", "route", "replace", SERVICES, "via", node.ip)


def _pause_image() -> None:
    """Write the archive of the image whose one process holds a pod's namespaces open."""
    parts = RUN / "pause"
    parts.mkdir()
    sh("tar", "-C", BIN, "-cf", parts / "layer.tar", "pause")
    digest = "sha256:" + hashlib.sha256((parts / "layer.tar").read_bytes()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    index = [{"Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"]}]
    (parts / "config.json").write_text(json.dumps(config))
    (parts / "manifest.json").write_text(json.dumps(index))
    sh("tar", "-C", parts, "-cf", RUN / "pause.tar", "layer.tar", "config.json", "manifest.json")


def _ready(members: Sequence[Node], began: float) -> bool:
    """Return whether all of these nodes have said that they are Ready since that time: a lost one stays so a while."""
    since, said = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)), {}
    for node in json.loads(kubectl("get", "nodes", "-o", "json").stdout or '{"items": []}')["items"]:
        for condition in node["status"].get("conditions", ()):
            if condition["type"] == "Ready" and condition["status"] == "True":
                said[node["metadata"]["name"]] = condition["lastHeartbeatTime"]
    return all(said.get(node.name, "") >= since for node in members)
