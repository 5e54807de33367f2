"""A client of the Flow at --host, or an error at once if nothing listens there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from peavine.errors import Unavailable

if TYPE_CHECKING:
    from peavine.client import Client

SECONDS = 5.0
"""How long a connection may take unless the command line says otherwise."""


@contextmanager
def reach(host: str, seconds: float = SECONDS) -> Iterator[Client]:
    """Yield a client of the gateway at `host`. Raises Unavailable where nothing listens there.

    A client alone would keep trying, because a gateway may be about to start; a person wants to know at once.
    """
    from peavine.client import Client
    from peavine.client.address import target

    _check(host, target(host), seconds)
    with Client(host, connect_timeout=seconds) as client:
        yield client


def _check(host: str, target: str, seconds: float) -> None:
    """Raise Unavailable if nothing listens at a gRPC target, in one sentence with the next command."""
    remedy = "start a Flow with `peavine run FILE`, or name the gRPC address of one that runs with --host HOST:PORT"
    try:
        if target.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(seconds)
                connection.connect(target.removeprefix("unix:").removeprefix("//"))
        else:
            machine, _, port = target.rpartition(":")
            socket.create_connection((machine.strip("[]"), int(port)), seconds).close()
    except (ConnectionRefusedError, FileNotFoundError):
        raise Unavailable(f"nothing listens at {host}; {remedy}") from None
    except socket.gaierror:
        raise Unavailable(f"{host}: the name of this host is not known; check its spelling, or {remedy}") from None
    except TimeoutError:
        raise Unavailable(f"{host} did not answer within {seconds:g} s; check the address, or {remedy}") from None
    except OSError as error:
        raise Unavailable(
            f"{host} cannot be reached: {error.strerror or error}; check the address, or {remedy}"
        ) from None
