"""What do a pod's volumes demand of a node, and what of them does nobody here answer for?

A claim is bound when it names a volume and the controller has said that it is done. Of all others kube-scheduler
chooses or makes the volume while it places the pod, which is not modelled; nor is how many volumes a node takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.predicates.volumes import ZONE_LABELS, BoundVolume
from extender.shell.predicates.selecting import node_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.constraints import (
        ConstrainedPod,
        CsiNode,
        PersistentVolume,
        PersistentVolumeClaim,
        PodVolume,
        VolumeSource,
    )

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
READ_WRITE_ONCE_POD = "ReadWriteOncePod"

_BETWEEN_ZONES = "__"
_MIGRATED = (
    "aws_elastic_block_store",
    "azure_disk",
    "azure_file",
    "cinder",
    "gce_persistent_disk",
    "portworx_volume",
    "vsphere_volume",
)
"""Kinds of volumes that kube-scheduler sees as those of a CSI driver that took over."""
_RESTRICTED = ("iscsi", "rbd")
"""Kinds of which kube-scheduler lets no two pods of a node have the same, unless they only read."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The claims by namespace and name, the volumes by name; `limited`: as `limited_drivers` of all nodes."""

    claims: Mapping[tuple[str, str], PersistentVolumeClaim] = field(default_factory=dict)
    volumes: Mapping[str, PersistentVolume] = field(default_factory=dict)
    limited: frozenset[str] = frozenset()


NO_STORAGE = Storage()


@dataclass(frozen=True, slots=True)
class VolumeDemands:
    """What a pod's volumes demand; as in `PodDemands`."""

    bound: tuple[BoundVolume, ...]
    exclusive: frozenset[str]
    unmodelled: tuple[str, ...]


def limited_drivers(nodes: Iterable[CsiNode]) -> frozenset[str]:
    """Return the CSI drivers of which some node takes only so many volumes."""
    return frozenset(
        driver.name
        for node in nodes
        for driver in node.spec.drivers or ()
        if driver.allocatable is not None and driver.allocatable.count is not None
    )


def claims_of(pod: ConstrainedPod) -> tuple[str, ...]:
    """Return the names of the claims that a pod has volumes by, each once."""
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes or ())
    return tuple(dict.fromkeys(source.claim_name for source in sources if source is not None))


def volumes_of(pod: ConstrainedPod, storage: Storage) -> VolumeDemands:
    """Return what the volumes of a pod that is to be placed demand."""
    bound, exclusive = [], []
    unmodelled = [text for volume in pod.spec.volumes or () for text in _inline(volume)]
    for name in claims_of(pod):
        claim = storage.claims.get((pod.metadata.namespace, name))
        if claim is not None and READ_WRITE_ONCE_POD in (claim.spec.access_modes or ()):
            exclusive.append(name)
        volume = _volume_of(claim, storage)
        if volume is None:
            unmodelled.append(f"PersistentVolumeClaim {name}, which is not bound")
            continue
        driver = volume.spec.csi.driver if volume.spec.csi else ""
        if driver in storage.limited:
            unmodelled.append(f"how many volumes of CSI driver {driver} a node takes (PersistentVolumeClaim {name})")
        kinds = _kinds(volume.spec, _MIGRATED)
        unmodelled += [f"volume of kind {kind} (PersistentVolumeClaim {name})" for kind in kinds]
        bound.append(_bound(volume))
    return VolumeDemands(tuple(bound), frozenset(exclusive), tuple(unmodelled))


def _inline(volume: PodVolume) -> list[str]:
    texts = [f"volume {volume.name} of kind {kind}" for kind in _kinds(volume, (*_MIGRATED, *_RESTRICTED))]
    if volume.ephemeral is not None:
        texts.append(f"volume {volume.name} of kind ephemeral")
    return texts


def _kinds(source: VolumeSource, which: tuple[str, ...]) -> list[str]:
    """Return those kinds that a volume is of, as they are written in it."""
    return [_camel(kind) for kind in which if getattr(source, kind) is not None]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _volume_of(claim: PersistentVolumeClaim | None, storage: Storage) -> PersistentVolume | None:
    """Return the volume that a claim is bound to; None where it is not, or not for much longer."""
    if claim is None or claim.metadata.deletion_timestamp is not None or claim.status.phase == "Lost":
        return None
    if BIND_COMPLETED not in (claim.metadata.annotations or {}):
        return None
    return storage.volumes.get(claim.spec.volume_name)


def _bound(volume: PersistentVolume) -> BoundVolume:
    affinity, labels = volume.spec.node_affinity, volume.metadata.labels or {}
    zones = ((key, _zones(labels[key])) for key in ZONE_LABELS if key in labels)
    terms = node_terms(affinity.required if affinity else None)
    return BoundVolume(terms, tuple((key, values) for key, values in zones if values))


def _zones(text: str) -> frozenset[str]:
    """Return the zones that a label of a volume names; of a list with a gap kube-scheduler takes no notice."""
    names = [name.strip() for name in text.split(_BETWEEN_ZONES)]
    return frozenset(names) if all(names) else frozenset()
