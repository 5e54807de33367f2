"""A node: containerd, kubelet and kube-proxy in a space of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cluster.commands import ClusterError, quiet, sh, wait
from cluster.place import HOST, KUBECONFIG, NAME, PKI, RUN, SERVICES
from cluster.space import Space, end, numbers

CONTROL = Space(0)


class Node(Space):
    """A node of the cluster, in a space whose number is 1 or more."""

    def boot(self) -> None:
        """Start the machine: what is in `home` outlives a boot, as on a disk; /run is empty at each."""
        for folder in ("lib", "log", "cni"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "containerd.toml").write_text(f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.home}/cni"
""")
        # Point-to-point links: pod traffic is routed, so Service addresses work without br_netfilter.
        addresses = {"ranges": [[{"subnet": self.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
        links = {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "/run/ipam", **addresses}}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        network = {"cniVersion": "0.4.0", "name": "pods", "plugins": [links, ports]}
        (self.home / "cni" / "10-ptp.conflist").write_text(json.dumps(network))
        # A node has no default route: the one to Service addresses is for its own processes, whose packets kube-proxy's
        # rules send elsewhere after that. With no limit on ICMP errors, a pod that connects to the outside hears within
        # a second that it cannot. The kubelet insists on its values of the knobs, so it gets copies: they are the whole
        # machine's.
        setup = f"""\
mount --make-rshared /
mount --bind {self.home}/lib /var/lib
mount --bind {self.home}/log /var/log
mount -t tmpfs tmpfs /run
for knob in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
            kernel/keys/root_maxbytes; do
    cat /proc/sys/$knob > /run/${{knob##*/}}
    mount --bind /run/${{knob##*/}} /proc/sys/$knob
done
ip route add {SERVICES} via {HOST}
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit"""
        self.open(setup, "containerd", "--config", self.home / "containerd.toml")
        sh("ip", "route", "replace", self.pods, "via", self.ip)
        wait(f"containerd of {self.name}", lambda: quiet(*self.inside("ctr", "version")).returncode == 0)
        self.load(RUN / "pause.tar")

    def load(self, archive: Path) -> None:
        """Import the images of an archive."""
        with open(archive, "rb") as stream:
            importing = self.inside("ctr", "-n", "k8s.io", "images", "import", "-")
            sh(*importing, stdin=stream, stdout=subprocess.DEVNULL)

    def join(self) -> None:
        """Start what makes it a node of the cluster."""
        (self.home / "resolv.conf").write_text(f"nameserver {CONTROL.ip}\n")
        (self.home / "kubelet.yaml").write_text(f"""\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /{NAME}/{self.name}
enforceNodeAllocatable: []
failSwapOn: false
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
imageGCHighThresholdPercent: 100
clusterDomain: cluster.local
clusterDNS: [{CONTROL.ip}]
resolvConf: {self.home}/resolv.conf
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {PKI}/ca.crt}}}}
authorization: {{mode: Webhook}}
nodeLeaseDurationSeconds: 12
serializeImagePulls: false
syncFrequency: 10s
maxPods: 240
""")
        (self.home / "kube-proxy.yaml").write_text(f"""\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {{kubeconfig: {KUBECONFIG}}}
mode: iptables
clusterCIDR: 10.244.0.0/16
hostnameOverride: {self.name}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
""")
        self.run(
            "kubelet",
            f"--config={self.home}/kubelet.yaml",
            f"--kubeconfig={self.home}/kubelet.conf",
            f"--hostname-override={self.name}",
            f"--node-ip={self.ip}",
        )
        self.run("kube-proxy", f"--config={self.home}/kube-proxy.yaml")

    def kill(self) -> None:
        """Cut its power: SIGKILL everything that runs on it, and nobody hears of that."""
        quiet("ip", "link", "set", self.link, "down")  # else the kernel would say good-bye on every connection
        end(self.name)
        self.pid.unlink(missing_ok=True)
        quiet("ip", "link", "delete", self.link)


def nodes() -> list[Node]:
    return [Node(number) for number in numbers()]


def running() -> list[Node]:
    return [node for node in nodes() if node.pid.exists()]


def node(name: str) -> Node:
    """Return the node of this name."""
    for found in nodes():
        if found.name == name:
            return found
    raise ClusterError(f"no such node: {name}; there are {', '.join(found.name for found in nodes()) or 'none'}")
