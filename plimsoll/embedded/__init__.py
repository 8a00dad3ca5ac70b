"""A small Kubernetes cluster in one process, for the demo and for tests; docs/contract.md says what it keeps."""

from plimsoll.embedded.cluster import EmbeddedCluster

__all__ = ["EmbeddedCluster"]
