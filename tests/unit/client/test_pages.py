import pydoc
from pathlib import Path

import grpc
import pytest

from peavine.client import Options, sources
from peavine.gateway.http.openapi import PLAIN, REQUESTS
from peavine.gateway.http.problems import HTTP
from peavine.gateway.http.schema import DeleteBody, RequestBody

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", [*Options.__annotations__, *sources.__all__])
def test_the_clients_page_tells_of_every_option_and_source(name: str) -> None:
    assert f"`{name}" in (DOCS / "client.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Options.__annotations__)
def test_help_describes_every_option(name: str) -> None:
    assert f"\n |  {name}: " in pydoc.plain(pydoc.render_doc(Options))


@pytest.mark.parametrize(
    "name", [*PLAIN, *(f"/v1/{kind}" for kind in REQUESTS), *RequestBody.model_fields, *DeleteBody.model_fields]
)
def test_the_page_on_http_tells_of_every_path_and_field(name: str) -> None:
    assert f"{name}`" in (DOCS / "http.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"]
)
def test_the_page_on_http_gives_each_code_its_status(name: str) -> None:
    status = HTTP[grpc.StatusCode[name]]
    rows = (DOCS / "http.md").read_text(encoding="utf-8").splitlines()
    assert any(row.startswith(f"| {status}") and name in row for row in rows)
