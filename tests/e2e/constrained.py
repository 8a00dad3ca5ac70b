"""Nodes, volumes and pods with constraints of every kind, at random, for kube-scheduler and the predicates to judge.

As JSON that a person might write. Each kind of constraint is made so that it refuses some nodes and lets others pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kube.gpus import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Json = dict[str, Any]

HOSTNAME, ZONE, REGION = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"
ZONES, RACKS = ("z0", "z1", "z2", "z3"), tuple(f"r{number}" for number in range(8))
APPS, VERSIONS, TIERS = ("web", "api", "batch"), ("1", "2"), ("front", "back")
TAINTS = (
    {"key": "gpu", "value": "a100", "effect": "NoSchedule"},
    {"key": "maintenance", "effect": "NoExecute"},
    {"key": "slow", "value": "true", "effect": "PreferNoSchedule"},
)
CORDON = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
WIDGET, HUGE_PAGES = "example.com/widget", "hugepages-2Mi"
FEATURE = "RestartAllContainersOnContainerExits"
TEAMS = ("red", "blue", "red")
LABELS_OF_NAMESPACES = tuple({"team": team} for team in TEAMS)


@dataclass
class Cases:
    """Makes them, one after the other; `prefix` keeps names apart from those of anybody else, `seed`ed by `random`."""

    random: Random
    prefix: str
    claims: dict[str, list[str]] = field(default_factory=dict)
    """The names of the claims of each namespace."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces, of which two have one team."""
        return tuple(f"{self.prefix}-{number}" for number in range(len(TEAMS)))

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
        if chance(0.3):
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
        spec["containers"] = [self._container("main", small=True)]
        if chance(0.2):
            self._ports(spec)
        if chance(0.15):
            spec["affinity"] = {"podAntiAffinity": {_REQUIRED: [self._pod_term()]}}
        if chance(0.2):
            self._volumes(spec, self.claims[namespace][::2])  # so that some claims are nobody's
        if chance(0.1):
            self._sidecars(spec)
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
        container = self._container("main", small=self.chance(0.85))
        container["resources"].setdefault("limits", {})[MARKER] = "1"  # without it nobody asks the extender
        spec["containers"] = [container]
        spec["tolerations"] = [toleration for toleration in self._tolerations() if self.chance(0.6)]
        kinds: list[Callable[[Json], None]] = [
            self._ports,
            self._selector,
            self._node_affinity,
            self._spread,
            self._spread,
            self._affinity,
            self._affinity,
            lambda _: self._first_of_its_kind(pod),
            self._anti_affinity,
            self._anti_affinity,
            lambda spec: self._volumes(spec, self.claims[namespace]),
            lambda spec: self._volumes(spec, self.claims[namespace]),
            self._sidecars,
            self._features,
            self._of_the_pod,
        ]
        for kind in self.random.sample(kinds, self.random.randint(1, 3)):
            kind(spec)
        return pod

    def chance(self, often: float) -> bool:
        """Tell whether something happens that happens so often."""
        return self.random.random() < often

    def node_terms(self) -> list[Json]:
        """Return terms of node affinity, some of which say nothing or what no node can meet."""
        return [self._node_term() for _ in range(self.random.randint(1, 2))]

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

    def _container(self, name: str, *, small: bool) -> Json:
        requests = {}
        if self.chance(0.7):
            requests["cpu"] = self.random.choice(("100m", "250m", "1") if small else ("1500m", "3", "7"))
        if self.chance(0.7):
            requests["memory"] = self.random.choice(("64Mi", "500M", "1Gi") if small else ("3Gi", "6e9"))
        if self.chance(0.15 if small else 0.4):
            requests["ephemeral-storage"] = "2Gi" if small else "40Gi"
        limits = {}
        if self.chance(0.15 if small else 0.5):
            limits[WIDGET] = "1" if small else self.random.choice(("2", "3"))
        if self.chance(0.1 if small else 0.3) and {"cpu", "memory"} & set(requests):
            limits[HUGE_PAGES] = self.random.choice(("4Mi", "32Mi"))
        return {"name": name, "image": "model-server", "resources": {"requests": requests, "limits": limits}}

    def _tolerations(self) -> list[Json]:
        return [
            {"key": "gpu", "operator": "Equal", "value": self.random.choice(("a100", "h100")), "effect": "NoSchedule"},
            {"key": "maintenance", "operator": "Exists"},
            self.random.choice((CORDON, {"operator": "Exists"}, {"operator": "Exists", "effect": "NoSchedule"})),
        ]

    def _ports(self, spec: Json) -> None:
        port: Json = {"containerPort": 80, "hostPort": self.random.choice((8080, 8081))}
        more: tuple[Json, ...] = ({}, {}, {"hostIP": "127.0.0.1"}, {"hostIP": "10.0.0.1"}, {"protocol": "UDP"})
        port |= self.random.choice(more)
        spec["containers"][0]["ports"] = [port]

    def _selector(self, spec: Json) -> None:
        key, values = self.random.choice(((ZONE, ZONES), ("rack", RACKS), ("size", ("1", "5"))))
        spec["nodeSelector"] = {key: self.random.choice(values)}

    def _node_affinity(self, spec: Json) -> None:
        spec.setdefault("affinity", {})["nodeAffinity"] = {_REQUIRED: {"nodeSelectorTerms": self.node_terms()}}

    def _node_term(self) -> Json:
        term: Json = {}
        if self.chance(0.85):
            term["matchExpressions"] = [self._node_expression() for _ in range(self.random.randint(1, 2))]
        if self.chance(0.15):
            operator = self.random.choice(("In", "NotIn", "NotIn"))
            name = f"{self.prefix}-{self.random.randrange(20):02}"
            term["matchFields"] = [{"key": "metadata.name", "operator": operator, "values": [name]}]
        return term

    def _node_expression(self) -> Json:
        key, values = self.random.choice(((ZONE, ZONES), ("rack", (*RACKS, "")), ("size", ("1", "2", "5", "10"))))
        operator = self.random.choice(("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
        if operator in ("Gt", "Lt"):
            return {"key": "size", "operator": operator, "values": [self.random.choice(("1", "3", "0", "some"))]}
        if operator in ("Exists", "DoesNotExist"):
            return {"key": key, "operator": operator}
        return {"key": key, "operator": operator, "values": self.random.sample(values, 2)}

    def _label_selector(self) -> Json:
        selector: Json = {}
        if self.chance(0.7):
            selector["matchLabels"] = {"app": self.random.choice(APPS)}
        if self.chance(0.4):
            key, values = self.random.choice((("version", VERSIONS), ("tier", TIERS)))
            operator = self.random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
            expression: Json = {"key": key, "operator": operator}
            if operator in ("In", "NotIn"):
                expression["values"] = [self.random.choice(values)]
            selector["matchExpressions"] = [expression]
        return selector

    def _pod_term(self) -> Json:
        term: Json = {"topologyKey": self.random.choice((HOSTNAME, HOSTNAME, "rack", ZONE, REGION))}
        if self.chance(0.95):
            term["labelSelector"] = self._label_selector()
            for keys, key in (("matchLabelKeys", "version"), ("mismatchLabelKeys", "tier")):
                if self.chance(0.2) and not _speaks_of(term["labelSelector"], key):
                    term[keys] = [key]
        if self.chance(0.25):
            term["namespaces"] = [self.random.choice(self.namespaces)]
        if self.chance(0.25):
            selectors: tuple[Json, ...] = ({}, {"matchLabels": {"team": "red"}}, {"matchLabels": {"team": "green"}})
            term["namespaceSelector"] = self.random.choice(selectors)
        return term

    def _affinity(self, spec: Json) -> None:
        terms = [self._pod_term() for _ in range(self.random.choice((1, 1, 2)))]
        spec.setdefault("affinity", {})["podAffinity"] = {_REQUIRED: terms}

    def _first_of_its_kind(self, pod: Json) -> None:
        """Let a pod want to be near its like, of which there is none yet."""
        pod["metadata"]["labels"]["kind"] = pod["metadata"]["name"]
        wanted = pod["metadata"]["name"] if self.chance(0.7) else "another"
        keys = self.random.sample((HOSTNAME, "rack", ZONE), self.random.choice((1, 2)))
        terms = [{"topologyKey": key, "labelSelector": {"matchLabels": {"kind": wanted}}} for key in keys]
        pod["spec"].setdefault("affinity", {})["podAffinity"] = {_REQUIRED: terms}

    def _anti_affinity(self, spec: Json) -> None:
        terms = [self._pod_term() for _ in range(self.random.choice((1, 2)))]
        spec.setdefault("affinity", {})["podAntiAffinity"] = {_REQUIRED: terms}

    def _spread(self, spec: Json) -> None:
        keys = self.random.sample((HOSTNAME, "rack", ZONE, REGION), self.random.choice((1, 1, 2)))
        spec["topologySpreadConstraints"] = [self._spread_over(key) for key in keys]
        if self.chance(0.5):
            self._node_affinity(spec)  # nodes that it keeps the pod from may count or not

    def _spread_over(self, key: str) -> Json:
        # Racks and zones hold more pods than hosts do.
        skew = self.random.choice({HOSTNAME: (1, 2), "rack": (1, 3, 5), ZONE: (2, 8), REGION: (2, 10)}[key])
        constraint: Json = {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule"}
        if self.chance(0.15):
            constraint["whenUnsatisfiable"] = "ScheduleAnyway"
        elif self.chance(0.5):
            constraint["minDomains"] = self.random.choice((2, 5, 9))
        if self.chance(0.95):
            # Of what few pods have, no domain has any: then the least is zero, whatever else is said.
            common = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
            constraint["labelSelector"] = common if self.chance(0.5) else self._label_selector()
            if self.chance(0.3) and not _speaks_of(constraint["labelSelector"], "version"):
                constraint["matchLabelKeys"] = ["version"]
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if self.chance(0.5):
                constraint[policy] = self.random.choice(("Honor", "Ignore"))
        return constraint

    def _volumes(self, spec: Json, of: list[str]) -> None:
        claims = self.random.sample(of, self.random.choice((1, 1, 2)))
        spec["volumes"] = [
            {"name": f"v{number}", "persistentVolumeClaim": {"claimName": claim}} for number, claim in enumerate(claims)
        ] + [{"name": "scratch", "emptyDir": {}}]

    def _sidecars(self, spec: Json) -> None:
        first, sidecar, last = (self._container(name, small=True) for name in ("first", "sidecar", "last"))
        sidecar |= {"restartPolicy": "Always", "ports": [{"containerPort": 81, "hostPort": 8080}]}
        last["resources"]["requests"]["cpu"] = "2"
        spec["initContainers"] = [first, sidecar, last]

    def _features(self, spec: Json) -> None:
        rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
        spec["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": [rule]}
        spec["restartPolicy"] = "Never"

    def _of_the_pod(self, spec: Json) -> None:
        spec["resources"] = {"requests": {"cpu": "9", "memory": "8Gi"}}


def _speaks_of(selector: Json, key: str) -> bool:
    """Tell whether a selector has an expression of a label: its key may not be among matchLabelKeys then."""
    return any(expression["key"] == key for expression in selector.get("matchExpressions", ()))


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
