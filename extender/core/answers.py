"""What do we answer to kube-scheduler's verbs? Values that the shell encodes or carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from extender.core.enforcement.granting import Grant

if TYPE_CHECKING:
    from extender.core.model import PodKey
    from extender.core.reasons import Reasons
    from kube.gpus import Placement


class Chosen(msgspec.Struct, frozen=True, gc=False):
    """Filter's yes: the nodes that may take the pod; one, where its devices are ours to name."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Filter's no: the reason of each node. No eviction by kube-scheduler itself would help, so it should try none."""

    reasons: Reasons


@dataclass(frozen=True, slots=True)
class BindTo:
    """Send a Binding to `node`; `placed` is written on the pod, None for a pod whose devices the kubelet picks.

    `again`: an earlier Binding of the same pod may still be under way. `grant` is written for the node to enforce.
    `version` is that of the pod as it is known: the Binding is to be refused where the pod was changed since, "" where
    it is known to be bound.
    """

    pod: PodKey
    node: str
    placed: Placement | None
    again: bool = False
    grant: Grant = field(default_factory=Grant)
    version: str = ""


@dataclass(frozen=True, slots=True)
class BindRefused:
    """Send no Binding."""

    reason: str
