"""Translate and call, never choose: Prometheus, the API server, our own metrics and pages."""

import os

# gRPC reads this once, at its import, and would write lines of its own among our JSON lines for every failed handshake
# of a stranger. Set it to debug, in the environment, to see them.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
