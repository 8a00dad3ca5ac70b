"""Nodes, volumes and pods with constraints of every kind, at random, for kube-scheduler and the predicates to judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kube.gpus import MARKER
from tests.e2e.constraining import (
    APPS,
    FEATURE,
    HOSTNAME,
    HUGE_PAGES,
    OLD_ZONE,
    RACKS,
    REGION,
    REQUIRED,
    TAINTS,
    TIERS,
    VERSIONS,
    WIDGET,
    ZONE,
    ZONES,
    Constraints,
    Json,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Cases(Constraints):
    """Makes them, one after the other."""

    claims: dict[str, list[str]] = field(default_factory=dict)
    """The names of the claims of each namespace."""

    def node(self, number: int) -> Json:
        """Return a Node."""
        chance, name = self.chance, f"{self.prefix}-{number:02}"
        labels = {HOSTNAME: name, "size": self.random.choice(("1", "2", "5", "10", "many"))}
        for key, values, often in ((ZONE, ZONES, 0.85), ("rack", RACKS, 0.8), (REGION, ("east", "west"), 0.5)):
            if chance(often):
                labels[key] = self.random.choice(values)
        if chance(0.15):
            labels[OLD_ZONE] = self.random.choice(ZONES)
        if chance(0.1):
            labels["rack"] = ""
        room = {
            "cpu": self.random.choice(("3500m", "8", "16")),
            "memory": self.random.choice(("4Gi", "8Gi", "16384Mi", "9e9")),
            "ephemeral-storage": self.random.choice(("10Gi", "100Gi")),
            "pods": str(self.random.randint(4, 14)),
        }
        if chance(0.6):
            room[WIDGET] = str(self.random.randint(0, 4))
        if chance(0.5):
            room[HUGE_PAGES] = self.random.choice(("0", "64Mi", "1Gi"))
        spec: Json = {"taints": [taint for taint in TAINTS if chance(0.2)], "unschedulable": chance(0.12)}
        status: Json = {"capacity": room, "allocatable": room}
        if chance(0.5):
            status["declaredFeatures"] = [FEATURE]
        annotations = {"kwok.x-k8s.io/node": "fake"}
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}

    def volume(self, number: int, namespace: str) -> tuple[Json, Json]:
        """Return a PersistentVolume and the claim that is bound to it."""
        chance, name = self.chance, f"{self.prefix}-v{number:02}"
        labels = {}
        if chance(0.5):
            labels[self.random.choice((ZONE, OLD_ZONE))] = self.random.choice(("z0", "z1__z2", "z3", "z0____z1"))
        spec: Json = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": name},
            "nfs": {"server": "10.0.0.1", "path": "/"},
        }
        if chance(0.6):
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": self.node_terms()}}
        if number // len(self.namespaces) % 3 == 0:  # some of every namespace, of which some are in use
            spec["accessModes"] = ["ReadWriteOncePod"]
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
        }
        metadata = {"name": name, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
        claim_spec: Json = {
            "accessModes": spec["accessModes"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
            "volumeName": name,
        }
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim_spec}
        self.claims.setdefault(namespace, []).append(name)
        return volume, claim

    def resident(self, name: str, namespace: str) -> Json:
        """Return a pod that is to be bound, whether it suits or not."""
        chance = self.chance
        pod = self._pod(name, "nobody")
        spec = pod["spec"]
        spec["containers"] = [self.container("main", small=True)]
        if chance(0.2):
            self.ports(spec)
        if chance(0.15):
            spec["affinity"] = {"podAntiAffinity": {REQUIRED: [self.pod_term()]}}
        if chance(0.2):
            self.volumes(spec, self.claims[namespace][::2])  # so that some claims are nobody's
        if chance(0.1):
            self.sidecars(spec)
        if chance(0.1):
            spec["resources"] = {"requests": {"cpu": "5", "memory": "3Gi"}}
        if chance(0.06):
            pod["metadata"]["finalizers"] = ["plimsoll.dev/test"]  # it stays when it is deleted
        elif chance(0.06):
            pod["metadata"]["annotations"] = {"pod-complete.stage.kwok.x-k8s.io/delay": "0s"}
        return pod

    def resized(self) -> Json | None:
        """Return a patch of the status of a resident that is being resized in place; None of most."""
        if not self.chance(0.15):
            return None
        has = {"cpu": self.random.choice(("100m", "2500m")), "memory": self.random.choice(("64Mi", "3Gi"))}
        status = {"name": "main", "image": "model-server", "imageID": "", "ready": True, "restartCount": 0}
        given = status | {"resources": {"requests": has}, "allocatedResources": has | {"cpu": "1"}}
        reason = self.random.choice(("Infeasible", "Deferred"))
        conditions = [{"type": "PodResizePending", "status": "True", "reason": reason}]
        return {"status": {"containerStatuses": [given], "conditions": conditions}}

    def runtime_class(self) -> Json:
        """Return the RuntimeClass of pods that have an overhead."""
        overhead = {"podFixed": {"cpu": "350m", "memory": "700Mi"}}
        return {"metadata": {"name": self.prefix}, "handler": "heavy", "overhead": overhead}

    def pod(self, name: str, namespace: str, scheduler: str) -> Json:
        """Return a pod that is to be placed, with one to three kinds of constraints."""
        pod = self._pod(name, scheduler)
        spec = pod["spec"]
        spec["priorityClassName"] = "plimsoll-train"  # which preempts nobody
        container = self.container("main", small=self.chance(0.85))
        container["resources"].setdefault("limits", {})[MARKER] = "1"  # without it nobody asks the extender
        spec["containers"] = [container]
        spec["tolerations"] = [toleration for toleration in self.tolerations() if self.chance(0.6)]
        kinds: list[Callable[[Json], None]] = [
            self.ports,
            self.selector,
            self.node_affinity,
            self.spread,
            self.spread,
            self.affinity,
            self.affinity,
            lambda _: self.first_of_its_kind(pod),
            self.anti_affinity,
            self.anti_affinity,
            lambda spec: self.volumes(spec, self.claims[namespace]),
            lambda spec: self.volumes(spec, self.claims[namespace]),
            self.sidecars,
            self.features,
            self.of_the_pod,
        ]
        for kind in self.random.sample(kinds, self.random.randint(1, 3)):
            kind(spec)
        return pod

    def _pod(self, name: str, scheduler: str) -> Json:
        """Return what residents and others have in common."""
        labels = {
            key: self.random.choice(values)
            for key, values in (("app", APPS), ("version", VERSIONS), ("tier", TIERS))
            if self.chance(0.8)
        }
        spec = {"schedulerName": scheduler, "terminationGracePeriodSeconds": 0}
        if self.chance(0.1):
            spec["runtimeClassName"] = self.prefix
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
