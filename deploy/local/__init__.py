"""A real Kubernetes control plane on this machine, without containers, for the demo, the tests and the benchmarks."""

from deploy.local.cluster import LocalCluster
from deploy.local.problem import LocalProblem
from deploy.local.programs import ClusterSpec

__all__ = ["ClusterSpec", "LocalCluster", "LocalProblem"]
