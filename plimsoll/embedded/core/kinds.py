"""Which kinds of objects does the embedded API server hold? This table; all others are answered with 501."""

from __future__ import annotations

from dataclasses import dataclass


# Each kind is there once: it is known by its identity, and the cheaper for it as a key.
@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of object.

    `model` is the class of the `kubernetes` client that describes its fields. `status`: the main path leaves the status
    as it is, and `/status` changes nothing else. `counts_generations`: a change of the spec raises
    metadata.generation.
    """

    group: str
    version: str
    plural: str
    name: str
    model: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    status: bool = False
    subresources: tuple[str, ...] = ()
    counts_generations: bool = False

    @property
    def api_version(self) -> str:
        """The apiVersion in its objects: "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Its name in messages: "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """Its kind in messages: "Deployment.apps"."""
        return f"{self.name}.{self.group}" if self.group else self.name


NAMESPACES = Kind("", "v1", "namespaces", "Namespace", "V1Namespace", ("ns",), namespaced=False, status=True)
NODES = Kind("", "v1", "nodes", "Node", "V1Node", ("no",), namespaced=False, status=True)
PODS = Kind(
    "",
    "v1",
    "pods",
    "Pod",
    "V1Pod",
    ("po",),
    status=True,
    subresources=("binding", "eviction"),
    counts_generations=True,
)
SERVICES = Kind("", "v1", "services", "Service", "V1Service", ("svc",), status=True)
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap", "V1ConfigMap", ("cm",))
EVENTS = Kind("", "v1", "events", "Event", "CoreV1Event", ("ev",))
DEPLOYMENTS = Kind(
    "apps", "v1", "deployments", "Deployment", "V1Deployment", ("deploy",),
    status=True, subresources=("scale",), counts_generations=True,
)  # fmt: skip
REPLICA_SETS = Kind(
    "apps", "v1", "replicasets", "ReplicaSet", "V1ReplicaSet", ("rs",),
    status=True, subresources=("scale",), counts_generations=True,
)  # fmt: skip
AUTOSCALERS = Kind(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "V2HorizontalPodAutoscaler", ("hpa",),
    status=True,
)  # fmt: skip
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease", "V1Lease")
BUDGETS = Kind(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "V1PodDisruptionBudget", ("pdb",),
    status=True, counts_generations=True,
)  # fmt: skip
PRIORITY_CLASSES = Kind(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "V1PriorityClass", ("pc",),
    namespaced=False, counts_generations=True,
)  # fmt: skip

KINDS = (
    NAMESPACES, NODES, PODS, SERVICES, CONFIG_MAPS, EVENTS, DEPLOYMENTS, REPLICA_SETS, AUTOSCALERS, LEASES, BUDGETS,
    PRIORITY_CLASSES,
)  # fmt: skip
