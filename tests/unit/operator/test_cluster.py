from __future__ import annotations

import pytest
from kubernetes.aio.client import Configuration

from peavine_operator import kinds
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.settings import Settings


async def test_a_watch_that_never_opens_is_silent_from_the_beginning() -> None:
    cluster = Cluster(Settings(watch_namespaces=("one",)), Configuration())
    try:
        assert cluster.silence() == 0, "nothing is to be heard of"
        cluster.expect_watches()
        assert len(cluster.heard) == len(kinds.ALL)
        assert "/apis/peavine.dev/v1alpha1/namespaces/one/flows" in cluster.heard
        assert cluster.silence() > 0
    finally:
        await cluster.close()


async def test_an_api_server_that_cannot_be_reached_is_an_error_of_its_own() -> None:
    configuration = Configuration()
    configuration.host = "http://127.0.0.1:9"
    cluster = Cluster(Settings(), configuration)
    try:
        with pytest.raises(ApiError, match="cannot reach the API server") as error:
            await cluster.get(kinds.Ref(kinds.FLOW, "default", "f"))
        assert (error.value.status, error.value.refused) == (0, False)
    finally:
        await cluster.close()


@pytest.mark.parametrize(
    ("status", "message", "refused"),
    [
        pytest.param(422, "is invalid", True, id="a wrong object"),
        pytest.param(500, "failed to create typed patch object", True, id="a list that says a thing twice"),
        pytest.param(403, "exceeded quota", True, id="a quota"),
        pytest.param(413, "too large", True, id="too large"),
        pytest.param(409, "conflict", False, id="somebody wrote at the same time"),
        pytest.param(429, "too many requests", False, id="too many requests"),
        pytest.param(503, "etcd is away", False, id="an API server in trouble"),
    ],
)
def test_what_only_a_person_can_mend_is_told_from_what_time_will(status: int, message: str, refused: bool) -> None:
    assert ApiError(status, message).refused is refused
