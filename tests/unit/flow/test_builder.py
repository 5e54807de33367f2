"""A Flow written in Python is the manifest that YAML would say."""

from pathlib import Path

import pytest

from peavine import Flow
from peavine.errors import ManifestError, PeavineError
from peavine.executors.encoders.random_projection import RandomProjection

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted(ROOT.glob("examples/*/flow*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_survives_dump_and_load(path: Path) -> None:
    flow = Flow.load(path)
    assert Flow.load(flow.dump()) == flow
    assert Flow.load(flow.dump()).dump() == flow.dump()


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_python_and_yaml_say_the_same() -> None:
    flow = (
        Flow("fashion")
        .add("encode", uses=RandomProjection, executor={"with": {"output_dim": 64}}, replicas=2)
        .add("index", uses="_index", executor={"with": {"metric": "euclidean"}}, shards=2, storage={"size": "1Gi"})
    )
    assert flow == Flow.load(ROOT / "examples/01-fashion/flow.yaml")
    assert flow != Flow("fashion").add("encode", uses="_pass")


def test_settings_are_fields_of_the_manifest() -> None:
    flow = Flow("quick", timeout_seconds=3, gateway={"service": {"ports": {"grpc": 9000}}}).add(uses="_pass")
    assert flow.manifest().spec.timeout_seconds == 3
    assert flow.manifest().spec.gateway.service.ports.grpc == 9000
    assert flow.manifest().spec.pods[0].name == "pod0"


def test_an_unknown_field_is_named_when_it_is_given() -> None:
    with pytest.raises(ManifestError, match=r'spec\.pods\[0\]\.shard: is not a field; did you mean "shards"\?'):
        Flow("x").add("index", shard=2)
    with pytest.raises(ManifestError, match=r'spec\.timeout_second: .*"timeout_seconds"'):
        Flow("x", timeout_second=2)


def test_branches_are_joined() -> None:
    flow = Flow("x").add("cut").add("left", needs="cut").add("right", needs="cut").needs(["left", "right"])
    *_, joiner = flow.manifest().spec.pods
    assert (joiner.name, joiner.uses, joiner.needs) == ("joiner", "_merge", ["left", "right"])


def test_needs_all_joins_the_pods_that_nobody_needs() -> None:
    flow = Flow("x").add("cut").add("left", needs="cut").add("right", needs="cut").needs_all("end")
    assert flow.manifest().spec.pods[-1].needs == ["left", "right"]


def test_an_inspecting_pod_stands_beside_the_way() -> None:
    flow = Flow("x").add("encode").inspect("check", uses="_eval_pr").add("index")
    needs = {pod.name: pod.needs for pod in flow.manifest().spec.pods}
    assert needs == {"encode": ["gateway"], "check": ["encode"], "index": ["encode"], "gather": ["index", "check"]}


def test_a_flow_that_does_not_run_says_how_to_run_it() -> None:
    with pytest.raises(PeavineError, match="with flow:"):
        _ = Flow("x").add("a").client
    with pytest.raises(PeavineError, match="with flow:"):
        _ = Flow("x").add("a").url


def test_a_flow_is_drawn_as_mermaid_and_as_svg(tmp_path: Path) -> None:
    flow = Flow("x").add("cut").add("left", needs="cut", replicas=3).add("right", needs="cut", shards=2).needs_all()
    text = flow.plot()
    for edge in ("request --> cut", "cut --> left", "cut --> right", "right --> joiner", "joiner --> answer"):
        assert edge in text
    assert "3 replicas" in text
    drawn = flow.plot(tmp_path / "flow.svg")
    assert (tmp_path / "flow.svg").read_text() == drawn
    assert drawn.startswith("<svg")
    assert drawn.count("<path") == 1 + 6
