"""`kubectl scale`, the autoscaler and the operator do not fight over replicas."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.cluster import install
from tests.cluster.audit import Audit
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, condition, until
from tests.cluster.load import Load


def replicas(kube: Kube) -> int:
    return int(kube.must("deployment", "pictures-stamp")["spec"]["replicas"])


def test_kubectl_scale_is_kept_when_the_manifest_says_nothing(flow: Flow, kube: Kube) -> None:
    made = manifest()
    del made["spec"]["pods"][0]["replicas"]
    kube.apply(made)
    flow.wait_ready()
    kube.run("scale", "peapods.peavine.dev", "pictures-stamp", "--replicas=2")
    until("two replicas", lambda: replicas(kube) == 2)
    flow.wait_ready()
    flow.edit({"op": "add", "path": "/spec/pods/0/executor", "value": {"with": {"text": "two"}}})
    flow.wait_ready()
    assert replicas(kube) == 2
    assert kube.must("peapods.peavine.dev", "pictures-stamp")["status"]["replicas"] == 2


def test_kubectl_scale_is_kept_when_the_flow_is_edited_at_the_same_moment(flow: Flow, kube: Kube) -> None:
    wanted = {"requests": {"memory": "900Gi"}}  # no node has it: nothing needs to run for this
    kube.apply(manifest(pods=[{"name": "only", "resources": wanted}], gateway={"replicas": 0}))
    until("the Pod", lambda: kube.get("peapods.peavine.dev", "pictures-only"))
    for turn in range(10):
        count = 2 + turn % 2
        with ThreadPoolExecutor() as pool:
            edit = {"spec": {"env": [{"name": "TURN", "value": str(turn)}]}}
            edited = pool.submit(kube.patch, "flows.peavine.dev", "pictures", edit)
            pool.submit(kube.run, "scale", "peapods.peavine.dev", "pictures-only", f"--replicas={count}").result()
            edited.result()

        def carried_out(turn: int = turn) -> bool:
            spec = kube.must("peapods.peavine.dev", "pictures-only")["spec"]
            return {"name": "TURN", "value": str(turn)} in spec.get("env", [])

        until("the edit is carried out", carried_out)
        assert kube.must("peapods.peavine.dev", "pictures-only")["spec"]["replicas"] == count


def test_replicas_that_a_manifest_says_no_longer_stay_as_they_are(flow: Flow, kube: Kube) -> None:
    made = manifest()
    made["spec"]["pods"][0]["replicas"] = 2
    made["spec"]["gateway"] = {"replicas": 2}
    kube.apply(made)
    flow.wait_ready()
    del made["spec"]["pods"][0]["replicas"], made["spec"]["gateway"]
    kube.apply(made)
    flow.wait_ready()
    assert replicas(kube) == 2
    assert kube.must("deployment", "pictures-gateway")["spec"]["replicas"] == 2
    kube.run("scale", "peapods.peavine.dev", "pictures-stamp", "--replicas=1")
    until("one replica", lambda: replicas(kube) == 1)


BUSY = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 10}},
}


@install.built_in
def test_an_autoscaler_scales_by_load_and_nobody_undoes_it(flow: Flow, kube: Kube) -> None:
    made = manifest()
    del made["spec"]["pods"][0]["replicas"]
    made["spec"]["pods"][0] |= {
        "autoscaling": {"minReplicas": 1, "maxReplicas": 2, "metrics": [BUSY]},
        "resources": {"requests": {"cpu": "20m"}},
    }
    kube.apply(made)
    flow.wait_ready()
    scaler = kube.all("hpa")[0]
    assert scaler["spec"]["scaleTargetRef"]["kind"] == "Pod"
    assert scaler["spec"]["scaleTargetRef"]["name"] == "pictures-stamp"
    with Load(flow.host, rate=60) as load:
        until("two replicas", lambda: replicas(kube) == 2, pause=1)
        flow.wait_ready()
        audit = Audit()
        load.run_for(5)
        assert replicas(kube) == 2
        its = f"{kube.namespace}/pictures-stamp"
        ours = [write for write in audit.writes() if its in write and "status" not in write]
        assert ours == [], "the operator leaves the autoscaler's number alone"
    assert condition(kube.all("hpa")[0], "AbleToScale")["status"] == "True"
    print(load.check())


def test_scaled_to_nothing_the_status_says_so(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest(pods=[{"name": "only", "replicas": 0}], gateway={"replicas": 0}))
    found = until("it says so", lambda: condition(flow.resource, "Ready")["reason"])
    began = time.monotonic()
    until("scaled to zero", lambda: condition(flow.resource, "Ready")["status"] == "False")
    print(found, f"{time.monotonic() - began:.1f} s")
