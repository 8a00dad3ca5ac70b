"""Constraints of every kind on where a pod may run, at random, each such that it suits some nodes and not others.

As JSON that a person might write. Most functions put one kind into the spec of a pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Json = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"

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
class Constraints:
    """Makes them, one after the other; `prefix` keeps names apart from those of anybody else."""

    random: Random
    prefix: str

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces, of which two have one team."""
        return tuple(f"{self.prefix}-{number}" for number in range(len(TEAMS)))

    def chance(self, often: float) -> bool:
        """Tell whether something happens that happens so often."""
        return self.random.random() < often

    def node_terms(self) -> list[Json]:
        """Return terms of node affinity, some of which say nothing or what no node can meet."""
        return [self._node_term() for _ in range(self.random.randint(1, 2))]

    def ports(self, spec: Json) -> None:
        port: Json = {"containerPort": 80, "hostPort": self.random.choice((8080, 8081))}
        more: tuple[Json, ...] = ({}, {}, {"hostIP": "127.0.0.1"}, {"hostIP": "10.0.0.1"}, {"protocol": "UDP"})
        port |= self.random.choice(more)
        spec["containers"][0]["ports"] = [port]

    def selector(self, spec: Json) -> None:
        key, values = self.random.choice(((ZONE, ZONES), ("rack", RACKS), ("size", ("1", "5"))))
        spec["nodeSelector"] = {key: self.random.choice(values)}

    def node_affinity(self, spec: Json) -> None:
        spec.setdefault("affinity", {})["nodeAffinity"] = {REQUIRED: {"nodeSelectorTerms": self.node_terms()}}

    def spread(self, spec: Json) -> None:
        keys = self.random.sample((HOSTNAME, "rack", ZONE, REGION), self.random.choice((1, 1, 2)))
        spec["topologySpreadConstraints"] = [self._spread_over(key) for key in keys]
        if self.chance(0.5):
            self.node_affinity(spec)  # nodes that it keeps the pod from may count or not

    def affinity(self, spec: Json) -> None:
        terms = [self.pod_term() for _ in range(self.random.choice((1, 1, 2)))]
        spec.setdefault("affinity", {})["podAffinity"] = {REQUIRED: terms}

    def first_of_its_kind(self, pod: Json) -> None:
        """Let a pod want to be near its like, of which there is none yet."""
        pod["metadata"]["labels"]["kind"] = pod["metadata"]["name"]
        wanted = pod["metadata"]["name"] if self.chance(0.7) else "another"
        keys = self.random.sample((HOSTNAME, "rack", ZONE), self.random.choice((1, 2)))
        terms = [{"topologyKey": key, "labelSelector": {"matchLabels": {"kind": wanted}}} for key in keys]
        pod["spec"].setdefault("affinity", {})["podAffinity"] = {REQUIRED: terms}

    def anti_affinity(self, spec: Json) -> None:
        terms = [self.pod_term() for _ in range(self.random.choice((1, 2)))]
        spec.setdefault("affinity", {})["podAntiAffinity"] = {REQUIRED: terms}

    def volumes(self, spec: Json, of: list[str]) -> None:
        claims = self.random.sample(of, self.random.choice((1, 1, 2)))
        spec["volumes"] = [
            {"name": f"v{number}", "persistentVolumeClaim": {"claimName": claim}} for number, claim in enumerate(claims)
        ] + [{"name": "scratch", "emptyDir": {}}]

    def sidecars(self, spec: Json) -> None:
        first, sidecar, last = (self.container(name, small=True) for name in ("first", "sidecar", "last"))
        sidecar |= {"restartPolicy": "Always", "ports": [{"containerPort": 81, "hostPort": 8080}]}
        last["resources"]["requests"]["cpu"] = "2"
        spec["initContainers"] = [first, sidecar, last]

    def features(self, spec: Json) -> None:
        rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
        spec["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": [rule]}
        spec["restartPolicy"] = "Never"

    def of_the_pod(self, spec: Json) -> None:
        spec["resources"] = {"requests": {"cpu": "9", "memory": "8Gi"}}

    def container(self, name: str, *, small: bool) -> Json:
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

    def tolerations(self) -> list[Json]:
        return [
            {"key": "gpu", "operator": "Equal", "value": self.random.choice(("a100", "h100")), "effect": "NoSchedule"},
            {"key": "maintenance", "operator": "Exists"},
            self.random.choice((CORDON, {"operator": "Exists"}, {"operator": "Exists", "effect": "NoSchedule"})),
        ]

    def pod_term(self) -> Json:
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


def _speaks_of(selector: Json, key: str) -> bool:
    """Tell whether a selector has an expression of a label: its key may not be among matchLabelKeys then."""
    return any(expression["key"] == key for expression in selector.get("matchExpressions", ()))
