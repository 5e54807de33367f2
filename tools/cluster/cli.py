"""A real Kubernetes on this machine, built from Go modules.

    cluster build              compile the components (minutes the first time, then cached)
    cluster up [--nodes N]     build what is missing, start, and wait until nodes, DNS and the metrics API answer;
                               a cluster that runs and is sound is left alone, any other is taken down first
    cluster load IMAGE.tar     import docker-archives or OCI archives into every node that runs
    cluster kill NODE          cut a node's power: SIGKILL everything that runs on it
    cluster start NODE         boot a killed node again, with what its disk held
    cluster kill apiserver     the same for the API server; `start apiserver` starts it again
    cluster down               stop every process and remove every trace but the logs
    cluster env                print export lines: KUBECONFIG and PATH
    cluster plane              run etcd and an API server without nodes until Ctrl-C or SIGTERM; any number of these run
                               next to each other and to the cluster, and they need neither root nor cgroups

The control plane (with CoreDNS and metrics-server) and each node (containerd, kubelet and kube-proxy) are plain
processes in namespaces and a cgroup of their own. A bridge joins them to this machine, which reaches pods, Services and
node ports; nothing routes beyond it. Each node claims the machine's processors and memory as its own.

Compiling needs Go. All but `build`, `env` and `plane` also need root and cgroup v1, and install the Debian packages
that they need. State is in $PEAVINE_CACHE (default ~/.cache/peavine).
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from cluster import control, lifecycle
from cluster.build import build
from cluster.node import node
from cluster.place import BIN, KUBECONFIG
from cluster.plane import plane
from cluster.requirements import CLUSTER, require, require_cgroups


def up(count: int) -> None:
    require(CLUSTER)
    require_cgroups()
    build()
    if lifecycle.is_up():
        if lifecycle.is_healthy(count):
            print("is up already")
            return
        print("removing what an earlier run left")
        lifecycle.down()
    began = time.monotonic()
    lifecycle.up(count)
    print(f"up in {time.monotonic() - began:.1f} s; {Path(__file__).parent / 'cluster'} env tells how to use it")


def kill(what: str) -> None:
    if what == "apiserver":
        control.kill_apiserver()
    else:
        lifecycle.kill(node(what))


def start(what: str) -> None:
    if what == "apiserver":
        control.apiserver()
    else:
        lifecycle.start(node(what))


def env() -> None:
    print(f"export KUBECONFIG={KUBECONFIG}")
    print(f"export PATH={BIN}:$PATH")


def alone() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with plane() as made:
        print(f"export KUBECONFIG={made.kubeconfig()}\nexport PATH={BIN}:$PATH", flush=True)
        signal.pause()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, run: object) -> argparse.ArgumentParser:
        added = verbs.add_parser(name)
        added.set_defaults(run=run)
        return added

    verb("build", build)
    verb("up", up).add_argument("--nodes", type=int, default=1, metavar="N", dest="count")
    verb("load", lifecycle.load).add_argument("archives", type=Path, nargs="+", metavar="IMAGE.tar")
    verb("kill", kill).add_argument("what", metavar="NODE")
    verb("start", start).add_argument("what", metavar="NODE")
    verb("down", lifecycle.down)
    verb("env", env)
    verb("plane", alone)
    options = vars(parser.parse_args())
    options.pop("verb")
    options.pop("run")(**options)
