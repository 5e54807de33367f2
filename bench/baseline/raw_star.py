"""The baseline of bench/data_plane.py: grpc.aio and nothing else. A gateway that makes one unary call a hop.

python bench/baseline/raw_star.py PORT [ADDRESS...]      without addresses it echoes
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
import uvloop


async def main(port: str, addresses: list[str]) -> None:
    hops: list[Any] = [grpc.aio.insecure_channel(address).unary_unary("/raw/Ask") for address in addresses]

    async def ask(raw: bytes, _: Any) -> bytes:
        for hop in hops:
            raw = await hop(raw)
        return raw

    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Ask": grpc.unary_unary_rpc_method_handler(ask)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("raw", handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2:]))
