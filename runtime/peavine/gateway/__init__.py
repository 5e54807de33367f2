"""The gateway: where requests for a Flow come in, over gRPC and HTTP."""

from peavine.gateway.server import GatewayServer, serve
from peavine.gateway.settings import GatewaySettings

__all__ = ["GatewayServer", "GatewaySettings", "serve"]
