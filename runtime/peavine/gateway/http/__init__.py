"""The HTTP skin of the edge: JSON over HTTP and WebSocket, and what strangers may cost there."""
