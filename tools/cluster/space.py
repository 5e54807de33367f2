"""A space: network and mount namespaces and a cgroup, joined to the bridge. The control plane and each node have one.

Links, routes, iptables rules and mounts of a space go with its last process.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from cluster.commands import ENV, STARTED, sh, wait
from cluster.place import LOGS, NAME, RUN


def groups(*path: str) -> list[Path]:
    """Return the cgroup NAME/PATH in every hierarchy."""
    return [Path(top, NAME, *path) for top in sorted(Path("/sys/fs/cgroup").iterdir()) if top.is_dir()]


def end(*path: str) -> None:
    """SIGKILL every process in a cgroup and in those below it, and remove them."""

    def gone() -> bool:
        for group in groups(*path):
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    for pid in Path(folder, "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                    os.rmdir(folder)
                except OSError:  # a process that just ended, or that has yet to: look again
                    pass
        return not any(group.exists() for group in groups(*path))

    wait(f"the end of {'/'.join((NAME, *path))}", gone)


def numbers() -> list[int]:
    """Return the numbers of the nodes; 0 is the control plane's."""
    return [number + 1 for number in range(len(list(RUN.glob("node-*"))))]


class Space:
    """Number 0 is the control plane's."""

    def __init__(self, number: int) -> None:
        self.name = f"node-{number}" if number else "control"
        self.link, self.pods = f"{NAME}{number}", f"10.244.{number}.0/24"
        # Fixed, so that no neighbour remembers a link address from before a new start.
        self.ip, self.mac = f"10.243.0.{10 + number}", f"0a:00:00:00:00:{10 + number:02x}"
        self.home = RUN / self.name
        self.pid = self.home / "pid"  # names the first process, while that runs

    def open(self, setup: str, program: str, *argv: object) -> None:
        """Make the namespaces, and start the first program in them after some shell commands."""
        for group in groups(self.name, "system"):
            group.mkdir(parents=True, exist_ok=True)
        others = [Space(number) for number in numbers()]
        routes = "\n".join(f"ip route add {other.pods} via {other.ip}" for other in others if other.ip != self.ip)
        script = f"""
ip link set lo up
ip link add eth0 address {self.mac} type veth peer name {self.link} netns {os.getpid()}
ip address add {self.ip}/24 dev eth0
ip link set eth0 up
{routes}
{setup}
echo $$ > {self.pid}.new
mv {self.pid}.new {self.pid}
exec "$@"
"""
        self.spawn(program, "unshare", "--net", "--mount", "sh", "-ec", script, "sh", program, *argv)
        wait(f"namespaces of {self.name}", self.pid.exists)
        sh("ip", "link", "set", self.link, "master", NAME, "up")

    def spawn(self, program: str, *argv: object) -> None:
        """Start a command in the cgroup and in a session of its own, with its output in a log named by the program."""
        log = LOGS / f"{self.name}-{program}.log"
        enter = "sh", "-c", 'echo $$ > "$0" && exec "$@"', groups(self.name, "system")[0] / "cgroup.procs"
        command = [str(word) for word in (*enter, *argv)]
        with open(log, "ab") as output:
            STARTED[log] = subprocess.Popen(
                command, env=ENV, start_new_session=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def inside(self, *argv: object) -> tuple[object, ...]:
        """Return the command line that runs a command in the namespaces."""
        return "nsenter", "-t", self.pid.read_text().strip(), "--net", "--mount", *argv

    def run(self, program: str, *argv: object) -> None:
        """Start a program in the namespaces."""
        self.spawn(program, *self.inside(program, *argv))

    def pids(self, program: str) -> list[int]:
        """Return the processes of a program that was started here."""
        found = []
        for pid in (groups(self.name, "system")[0] / "cgroup.procs").read_text().split():
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
            if Path(words[0].decode()).name == program:
                found.append(int(pid))
        return found
