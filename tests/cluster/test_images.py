"""The images: small, labelled, run by nobody in particular, and with nothing in them that they do not need."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest

import images
from tests.cluster import install

pytestmark = install.built_in


def config(name: str) -> dict[str, Any]:
    """Return what an image says of itself."""
    with tarfile.open(images.archive(name)) as archive:
        (listed,) = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
        found: dict[str, Any] = json.load(archive.extractfile(listed["Config"]) or pytest.fail("no config"))["config"]
        return found


def files(name: str) -> set[str]:
    """Return the paths of all files in an image."""
    found: set[str] = set()
    with tarfile.open(images.archive(name)) as archive:
        (listed,) = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
        for layer in listed["Layers"]:
            target = archive.getmember(layer)
            content = archive.extractfile(target.linkname if target.issym() else target)
            with tarfile.open(fileobj=content) as inner:
                found |= {member.name for member in inner}
    return found


@pytest.fixture(autouse=True)
def built(installed: None) -> None:
    """The images that the cluster runs."""


@pytest.mark.parametrize("name", images.NAMES)
def test_an_image_is_small_and_says_what_it_is(name: str) -> None:
    size = images.archive(name).stat().st_size / 1e6
    print(f"{name}: {size:.0f} MB")
    assert size < 350
    about = config(name)
    assert about["User"] == "10001:10001"
    assert about["Labels"]["org.opencontainers.image.version"] == images.version()
    assert "PYTHONSAFEPATH=1" in about["Env"]


@pytest.mark.parametrize("name", images.NAMES)
def test_an_image_has_no_leftovers_and_nothing_of_this_machine(name: str) -> None:
    found = files(name)
    assert [path for path in found if path.startswith(("source/", "root/.cache/", "var/lib/apt/lists/deb"))] == []
    assert "etc/pip.conf" not in found


def test_the_operator_has_neither_grpc_nor_numpy() -> None:
    found = {path.split("site-packages/")[1].split("/")[0] for path in files("operator") if "site-packages/" in path}
    assert {"peavine_operator", "peavine", "kopf", "pydantic"} <= found
    assert found.isdisjoint({"grpc", "numpy", "lmdb", "fastapi"})
