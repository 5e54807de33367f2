"""The one place that opens gRPC channels: what all of them have in common, and why some processes may not open any."""

from __future__ import annotations

import os
from typing import Any, Final

import grpc
import grpc.aio

from peavine.errors import PeavineError

__all__ = ["FORK_ADVICE", "Option", "blocking_channel", "channel", "is_http", "reason", "use_grpc"]

Option = tuple[str, Any]

_OPTIONS: Final[tuple[Option, ...]] = (
    # gRPC would take http_proxy, https_proxy and grpc_proxy from the environment, also on the way to this machine.
    ("grpc.enable_http_proxy", 0),
    # Every channel is a connection of its own: a new one may reach another process behind the same name.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)

FORK_ADVICE: Final = (
    'start workers with multiprocessing.get_context("spawn") or "forkserver", or use no Client before the fork'
)

_used = _inherited = False


def _after_fork() -> None:
    global _inherited
    _inherited = _inherited or _used


os.register_at_fork(after_in_child=_after_fork)


def use_grpc() -> None:
    """Note that this process uses gRPC from now on. Raises PeavineError if its parent did so before the fork.

    gRPC's threads and locks do not survive a fork: a child that used them would hang or be aborted.
    """
    global _used
    if _inherited:
        raise PeavineError(
            f"process {os.getpid()} cannot use gRPC: it was forked from a process that had already used it; "
            f"{FORK_ADVICE}"
        )
    _used = True


def channel(target: str, *options: Option) -> grpc.aio.Channel:
    """Return a channel for the running event loop."""
    use_grpc()
    return grpc.aio.insecure_channel(target, options=(*_OPTIONS, *options))


def blocking_channel(target: str, *options: Option) -> grpc.Channel:
    """Return a channel whose calls block."""
    use_grpc()
    return grpc.insecure_channel(target, options=(*_OPTIONS, *options))


_REASONS: Final = (
    ("Connection refused", "nothing listens there"),
    ("No such file or directory", "nothing listens there"),
    ("http1.x server", "what listens there speaks HTTP, not gRPC"),
    ("DNS resolution failed", "the name of this host is not known"),
    ("Name or service not known", "the name of this host is not known"),
    ("Domain name not found", "the name of this host is not known"),
)


def reason(error: grpc.aio.AioRpcError) -> str:
    """Return why an RPC failed; where no connection was made, in plain words instead of gRPC's."""
    details = error.details() or error.code().name
    return next((plain for sign, plain in _REASONS if sign in details), details)


def is_http(error: grpc.aio.AioRpcError) -> bool:
    """Whether a server of HTTP/1 answered, which will never speak gRPC."""
    return "http1.x server" in (error.details() or "")
