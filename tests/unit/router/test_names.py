"""From targets to addresses."""

from __future__ import annotations

import socket

import pytest

from peavine.router.names import is_fixed, resolve


@pytest.mark.parametrize("target", ["unix:/run/pea.sock", "10.0.0.7:8081", "[::1]:8081"])
async def test_an_address_stands_for_itself(target: str) -> None:
    assert is_fixed(target)
    assert await resolve(target) == {target}


async def test_a_name_stands_for_all_its_addresses() -> None:
    assert not is_fixed("localhost:8081")
    assert "127.0.0.1:8081" in await resolve("localhost:8081")


async def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid:8081")
