"""A Pea: one running Executor behind a gRPC server; and the head, which looks like one and routes to shards."""

from peavine.pea.server import PeaServer, serve
from peavine.pea.settings import PeaSettings

__all__ = ["PeaServer", "PeaSettings", "serve"]
