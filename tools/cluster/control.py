"""The control plane: certificates, etcd, API server, controllers, scheduler, DNS and the metrics API."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

from cluster.commands import ClusterError, answers, kubectl, sh, wait
from cluster.node import CONTROL, nodes
from cluster.place import KUBECONFIG, LOGS, PKI, RUN, SERVICES, VERSION


def certificates() -> None:
    """Write the certificates and the kubeconfig of everybody."""
    config = RUN / "kubeadm.yaml"
    config.write_text(f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {CONTROL.ip}, bindPort: 6443}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v{VERSION}
certificatesDir: {PKI}
encryptionAlgorithm: ECDSA-P256
networking: {{podSubnet: 10.244.0.0/16, serviceSubnet: {SERVICES}}}
""")
    phase = "kubeadm", "init", "phase"
    sh(*phase, "certs", "all", "--config", config, stdout=subprocess.DEVNULL)
    sh(*phase, "kubeconfig", "all", "--config", config, "--kubeconfig-dir", RUN, stdout=subprocess.DEVNULL)
    # The administrator of a test cluster is in system:masters.
    shutil.copy(RUN / "super-admin.conf", KUBECONFIG)
    for node in nodes():
        user = "--org", "system:nodes", "--client-name", f"system:node:{node.name}"
        with open(node.home / "kubelet.conf", "w") as output:
            making = "kubeadm", "kubeconfig", "user", "--config", config, *user
            sh(*making, stdout=output, stderr=subprocess.DEVNULL)


def store() -> None:
    CONTROL.open("", "etcd", "--data-dir", RUN / "etcd", "--unsafe-no-fsync")


def apiserver() -> None:
    """Start the API server, and wait until it is ready."""
    # The audit log says who asked for what: tests read from it which rights were used, and how many writes there were.
    # It is not begun anew at 100 MB, which is half an hour of tests.
    (RUN / "audit.yaml").write_text("""\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
""")
    # Routing to the endpoints of webhooks by the aggregator, since no kube-proxy runs here.
    CONTROL.run(
        "kube-apiserver",
        *f"""
        --etcd-servers=http://127.0.0.1:2379 --advertise-address={CONTROL.ip} --secure-port=6443
        --service-cluster-ip-range={SERVICES} --authorization-mode=Node,RBAC
        --enable-admission-plugins=NodeRestriction --allow-privileged=true
        --client-ca-file={PKI}/ca.crt --tls-cert-file={PKI}/apiserver.crt --tls-private-key-file={PKI}/apiserver.key
        --kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt
        --kubelet-client-key={PKI}/apiserver-kubelet-client.key --kubelet-preferred-address-types=InternalIP
        --service-account-issuer=https://kubernetes.default.svc.cluster.local
        --service-account-key-file={PKI}/sa.pub --service-account-signing-key-file={PKI}/sa.key
        --requestheader-client-ca-file={PKI}/front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client
        --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group
        --requestheader-username-headers=X-Remote-User
        --proxy-client-cert-file={PKI}/front-proxy-client.crt --proxy-client-key-file={PKI}/front-proxy-client.key
        --audit-policy-file={RUN}/audit.yaml --audit-log-path={LOGS}/audit.log --audit-log-maxsize=4096
        --enable-aggregator-routing=true""".split(),
    )
    wait("kube-apiserver", lambda: answers(f"https://{CONTROL.ip}:6443/readyz"))


def kill_apiserver() -> None:
    """SIGKILL the API server; what it stored stays."""
    for pid in CONTROL.pids("kube-apiserver"):
        os.kill(pid, signal.SIGKILL)
    wait("the end of kube-apiserver", lambda: not CONTROL.pids("kube-apiserver"))


def controllers() -> None:
    # Volumes of the host-path provisioner have no node affinity, so a pod finds its data on every node: all share one
    # disk. A lost node is known to be lost after 20 s, not 50. With the default limit on requests, the controllers
    # would start 4 s later.
    CONTROL.run(
        "kube-controller-manager",
        *_clients("controller-manager"),
        *f"""
        --service-cluster-ip-range={SERVICES} --root-ca-file={PKI}/ca.crt
        --service-account-private-key-file={PKI}/sa.key --use-service-account-credentials=true
        --cluster-signing-cert-file={PKI}/ca.crt --cluster-signing-key-file={PKI}/ca.key
        --enable-hostpath-provisioner=true --node-monitor-grace-period=20s --node-monitor-period=2s
        --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000""".split(),
    )
    CONTROL.run("kube-scheduler", *_clients("scheduler"), "--leader-elect=false")


def names() -> None:
    """Start the DNS server."""
    (RUN / "Corefile").write_text(f"""\
.:53 {{
    bind {CONTROL.ip}
    errors
    ready
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {KUBECONFIG}
        ttl 5
    }}
    # As kubeadm sets it up: names of the cluster are not cached, so a name that was not there a second ago is found.
    cache 30 {{
        disable success cluster.local
        disable denial cluster.local
    }}
}}
""")
    CONTROL.run("coredns", "-conf", RUN / "Corefile")


def metrics() -> None:
    CONTROL.run(
        "metrics-server",
        *_clients("admin"),
        "--secure-port=4443",
        f"--cert-dir={RUN}/metrics-server",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-insecure-tls",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    )


def _clients(who: str) -> list[str]:
    return [f"--{use}kubeconfig={RUN}/{who}.conf" for use in ("", "authentication-", "authorization-")]


def objects() -> None:
    """Create what a new cluster needs: nodes with their pod ranges, a storage class, rights, and the metrics API."""
    manifest = f"""\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: standard, annotations: {{storageclass.kubernetes.io/is-default-class: "true"}}}}
provisioner: kubernetes.io/host-path
reclaimPolicy: Delete
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "kubeadm:cluster-admins"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "kubeadm:cluster-admins"}}]
---
apiVersion: v1
kind: Service
metadata: {{name: metrics-server, namespace: kube-system}}
spec: {{ports: [{{port: 443, targetPort: 4443}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: metrics-server, namespace: kube-system, labels: {{kubernetes.io/service-name: metrics-server}}}}
addressType: IPv4
endpoints: [{{addresses: [{CONTROL.ip}]}}]
ports: [{{port: 4443}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1beta1.metrics.k8s.io}}
spec:
  {{group: metrics.k8s.io, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100,
    insecureSkipTLSVerify: true, service: {{name: metrics-server, namespace: kube-system}}}}
"""
    for node in nodes():
        manifest += f"""\
---
apiVersion: v1
kind: Node
metadata: {{name: {node.name}}}
spec: {{podCIDR: {node.pods}, podCIDRs: [{node.pods}]}}
"""
    done = kubectl("create", "--validate=false", "-f", "-", input=manifest)
    if done.returncode:
        raise ClusterError(done.stderr)
