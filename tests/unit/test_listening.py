"""Addresses of both families, written and read, and sockets that listen on them."""

from __future__ import annotations

import socket

import pytest

from peavine.errors import StartError
from peavine.listening import ANY, address, bind, reachable, split


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0.0.0.0:8081", ("0.0.0.0", 8081)),
        ("localhost:0", ("localhost", 0)),
        ("[::]:8081", ("::", 8081)),
        ("[fe80::1]:65535", ("fe80::1", 65535)),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, place: tuple[str, int]) -> None:
    assert split(text) == place
    assert address(*place) == text


@pytest.mark.parametrize("text", ["", "8081", ":8081", "host", "host:", "host:65536", "host:-1", "host:٣", "::1:8081"])
def test_what_is_not_an_address_is_not_read(text: str) -> None:
    assert split(text) is None


@pytest.mark.parametrize(
    ("listened", "found"),
    [
        ("0.0.0.0:5", "127.0.0.1:5"),
        ("[::]:5", "127.0.0.1:5"),
        ("[::1]:5", "[::1]:5"),
        ("10.0.0.1:5", "10.0.0.1:5"),
    ],
)
def test_what_listens_everywhere_is_reached_on_the_loopback_interface(listened: str, found: str) -> None:
    assert reachable(listened) == found


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_a_socket_listens_on_an_address_of_either_family(host: str) -> None:
    with bind(host, 0, "gRPC", "--grpc-port") as listening:
        bound = host.strip("[]")
        assert listening.getsockname()[0] == bound
        socket.create_connection((bound, listening.getsockname()[1]), timeout=10).close()


def test_a_socket_that_listens_everywhere_takes_both_families() -> None:
    with bind(ANY, 0, "gRPC", "--grpc-port") as listening:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, listening.getsockname()[1]), timeout=10).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_a_port_in_use_is_named_with_the_option_that_chooses_another(host: str) -> None:
    with bind(host, 0, "HTTP", "--http-port") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"HTTP port {port} on {host} is in use; .*--http-port"):
            bind(host, port, "HTTP", "--http-port")


def test_an_address_of_another_machine_is_named_with_the_reason() -> None:
    with pytest.raises(StartError, match=r"cannot listen on \[2001:db8::1\]:8081 for gRPC: Cannot assign"):
        bind("2001:db8::1", 8081, "gRPC", "--grpc-port")
