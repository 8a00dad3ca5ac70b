"""Which nodes suit a pod, and what does kube-scheduler say of one that does not?

The verdicts stand in the order in which kube-scheduler 1.36 runs its filter plugins; it stops at the first that refuses
a node, and tells that one's reasons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.predicates.ground import all_of
from extender.core.predicates.resources import PODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extender.core.predicates.claims import Taken
    from extender.core.predicates.demands import PodDemands
    from extender.core.predicates.free_ports import FreePorts
    from extender.core.predicates.ground import Ground, Mask
    from extender.core.predicates.near import NearHolders, NearMeant, Together
    from extender.core.predicates.resources import Left
    from extender.core.predicates.spreading import Spreading

_NOT_SPREAD = "node(s) didn't match pod topology spread constraints"
_CLAIM_IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one plugin says: the nodes [nodes] that it lets pass, and its reason for the others."""

    plugin: str
    passes: Mask
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a pod's demands, as pods are placed.

    `spread`, `together`: with each, whether it speaks of the pod itself. `apart`: near pods that the pod's own
    anti-affinity speaks of; `kept_apart`: near pods whose anti-affinity speaks of it.
    """

    left: Left
    ports: FreePorts | None = None
    claims: Taken | None = None
    spread: tuple[tuple[Spreading, bool], ...] = ()
    together: tuple[Together, bool] | None = None
    apart: tuple[NearMeant, ...] = ()
    kept_apart: tuple[NearHolders, ...] = ()


@dataclass(frozen=True, slots=True)
class Checks:
    """The answer for one pod: `fits`, a bool array [nodes] that nobody may change."""

    demands: PodDemands
    ground: Ground
    standing: Standing
    unchanging: Mask
    """The nodes that suit whoever is placed: `unchanging_of` these demands."""
    fits: Mask = field(init=False)

    def __post_init__(self) -> None:
        """Put the answer together."""
        standing = self.standing
        fits = self.unchanging & standing.left.enough
        if standing.ports is not None:
            fits &= standing.ports.free
        if standing.claims is not None and standing.claims.taken:
            fits[:] = False
        for spreading, itself in standing.spread:
            fits &= spreading.allowed(itself=itself)
        if standing.together is not None:
            together, by_itself = standing.together
            fits &= together.met(by_itself=by_itself)
        for meant in standing.apart:
            fits &= ~meant.near
        for holders in standing.kept_apart:
            fits &= ~holders.near
        fits.flags.writeable = False
        object.__setattr__(self, "fits", fits)

    @property
    def apart(self) -> Mask:
        """The nodes [nodes] that suit, whatever it must be near to and is spread among."""
        standing = self.standing
        ports = self.ground.every if standing.ports is None else standing.ports.free
        others = near_none(self.ground, standing.apart), near_none(self.ground, standing.kept_apart)
        return all_of(self.unchanging, standing.left.enough, ports, *others)

    def reasons(self, node: int) -> tuple[str, ...]:
        """Return why a node does not suit, in kube-scheduler's words; () = it does."""
        refusing = next((verdict for verdict in self.verdicts() if not verdict.passes[node]), None)
        if refusing is None:
            return ()
        if refusing.plugin == "NodeResourcesFit":
            missing = self.standing.left.missing(node)
            return tuple("Too many pods" if name == PODS else f"Insufficient {name}" for name in missing)
        return (refusing.reason,)

    def verdicts(self) -> Iterator[Verdict]:
        """Tell what each plugin says, one after the other; one with several reasons has a verdict for each."""
        yield from self._of_the_node()
        yield from self._of_what_is_there()
        yield from self._of_pods()
        declaring = self.ground.declaring(self.demands.features)
        yield Verdict("NodeDeclaredFeatures", declaring, "node(s) didn't match Pod's required features")

    def _of_the_node(self) -> Iterator[Verdict]:
        ground, demands = self.ground, self.demands
        yield Verdict("NodeUnschedulable", ground.schedulable(demands.tolerations), "node(s) were unschedulable")
        yield Verdict("NodeName", ground.named(demands.node_name), "node(s) didn't match the requested node name")
        yield Verdict("TaintToleration", ground.tolerated(demands.tolerations), "node(s) had untolerated taint(s)")
        wanted = ground.wanted(demands.node_affinity)
        yield Verdict("NodeAffinity", wanted, "node(s) didn't match Pod's node affinity/selector")

    def _of_what_is_there(self) -> Iterator[Verdict]:
        ground, standing, volumes = self.ground, self.standing, self.demands.volumes
        if standing.ports is not None:
            reason = "node(s) didn't have free ports for the requested pod ports"
            yield Verdict("NodePorts", standing.ports.free, reason)
        yield Verdict("NodeResourcesFit", standing.left.enough, "")
        if standing.claims is not None:
            untaken = ground.every & (not standing.claims.taken)
            yield Verdict("VolumeRestrictions", untaken, _CLAIM_IN_USE)
        reason = "node(s) didn't match PersistentVolume's node affinity"
        yield Verdict("VolumeBinding", ground.reachable(volumes), reason)
        yield Verdict("VolumeZone", ground.in_zone(volumes), "node(s) had no available volume zone")

    def _of_pods(self) -> Iterator[Verdict]:
        standing = self.standing
        for spreading, itself in standing.spread:
            labelled = spreading.domains.labelled
            yield Verdict("PodTopologySpread", labelled, f"{_NOT_SPREAD} (missing required label)")
            yield Verdict("PodTopologySpread", spreading.allowed(itself=itself), _NOT_SPREAD)
        if standing.together is not None:
            together, by_itself = standing.together
            met = together.met(by_itself=by_itself)
            yield Verdict("InterPodAffinity", met, "node(s) didn't match pod affinity rules")
        reason = "node(s) didn't match pod anti-affinity rules"
        yield Verdict("InterPodAffinity", near_none(self.ground, standing.apart), reason)
        reason = "node(s) didn't satisfy existing pods anti-affinity rules"
        yield Verdict("InterPodAffinity", near_none(self.ground, standing.kept_apart), reason)


def unchanging_of(demands: PodDemands, ground: Ground) -> Mask:
    """Return the nodes [nodes] that suit by all that placing a pod does not change."""
    return all_of(
        ground.schedulable(demands.tolerations),
        ground.named(demands.node_name),
        ground.tolerated(demands.tolerations),
        ground.wanted(demands.node_affinity),
        ground.reachable(demands.volumes),
        ground.in_zone(demands.volumes),
        ground.declaring(demands.features),
    )


def near_none(ground: Ground, these: tuple[NearMeant | NearHolders, ...]) -> Mask:
    """Return the nodes [nodes] that are near none of them."""
    return all_of(ground.every, *(~one.near for one in these))
