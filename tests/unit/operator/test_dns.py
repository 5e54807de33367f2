from __future__ import annotations

from pathlib import Path

import pytest

from peavine_operator.dns import cluster_domain


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        pytest.param("search system.svc.cluster.local svc.cluster.local cluster.local\n", "cluster.local", id="usual"),
        pytest.param("search a.svc.one.example. svc.one.example. one.example.\n", "one.example", id="with dots"),
        pytest.param("nameserver 10.0.0.1\nsearch lan\nsearch svc.k8s.lan k8s.lan\n", "k8s.lan", id="the last counts"),
        pytest.param("search example.com svc-team.example.com\n", "", id="outside of a cluster"),
        pytest.param("# search svc.cluster.local\nsearch\n", "", id="nothing"),
    ],
)
def test_the_domain_of_the_cluster_is_among_those_that_a_container_searches(
    text: str, domain: str, tmp_path: Path
) -> None:
    (tmp_path / "resolv.conf").write_text(text)
    assert cluster_domain(tmp_path / "resolv.conf") == domain


def test_without_a_resolver_there_is_no_domain(tmp_path: Path) -> None:
    assert cluster_domain(tmp_path / "resolv.conf") == ""
