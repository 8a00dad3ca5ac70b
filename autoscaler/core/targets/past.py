"""Whose was a pod in the past, and was it ready? Its name, since when it is ready, and how many were, tell.

The laws:
- A pod that is here now was its workload's from when it became ready.
- One that is gone was the workload's by whose name the controllers name their pods: NAME-HASH-SUFFIX of a Deployment,
  NAME-SUFFIX of a ReplicaSet or a ReplicationController, NAME-NUMBER of a StatefulSet. Other kinds name them as they
  like: of these only present pods count.
- No more pods were ready than the autoscaler said then: of those that are gone, those that told a load last have room;
  of equals the first by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from autoscaler.core.model import WorkloadKey

_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"  # what the API server makes a name unique by
_FORMS = {
    "Deployment": re.compile(rf"(.+)-[bcdfghjklmnpqrstvwxz2456789]{{1,10}}-{_SUFFIX}"),
    "ReplicaSet": re.compile(rf"(.+)-{_SUFFIX}"),
    "ReplicationController": re.compile(rf"(.+)-{_SUFFIX}"),
    "StatefulSet": re.compile(r"(.+)-\d+"),
}


@dataclass(frozen=True, slots=True)
class PresentPod:
    """A pod that is ready now: its name, and since when (Unix seconds)."""

    name: str
    ready_since_s: int


class Owners:
    """Which workload a pod that is gone belonged to."""

    def __init__(self, keys: Collection[WorkloadKey]) -> None:
        self._uids = {(key.namespace, key.kind, key.name): key.uid for key in keys}

    def of(self, namespace: str, pod: str) -> str:
        """Return the UID of the workload whose pod has that name, "" for none: the longest name counts."""
        found = [
            (len(form[1]), uid)
            for kind, pattern in _FORMS.items()
            if (form := pattern.fullmatch(pod)) and (uid := self._uids.get((namespace, kind, form[1])))
        ]
        return max(found)[1] if found else ""


def ready_then(
    present: Sequence[PresentPod], gone: Mapping[str, float], at_s: float, count: int | None
) -> tuple[str, ...]:
    """Return the names of the pods that were ready at a time, in order.

    `gone` are those of its pods that told a load then and are not here any more, and when they told it last; `count` is
    how many were ready, None where nobody said.
    """
    here = sorted(pod.name for pod in present if pod.ready_since_s <= at_s)
    room = len(gone) if count is None else max(0, count - len(here))
    newest_first = sorted(gone, key=lambda name: (-gone[name], name))
    return tuple(sorted((*here, *newest_first[:room])))


def gone_by_owner(
    shown: Mapping[tuple[str, str], float], present: Collection[tuple[str, str]], owners: Owners
) -> dict[str, dict[str, float]]:
    """Return the pods that told a load, and when last, and are not here any more, by the UID of their workload."""
    gone: dict[str, dict[str, float]] = {}
    for (namespace, pod), told_s in shown.items():
        if (namespace, pod) not in present and (uid := owners.of(namespace, pod)):
            gone.setdefault(uid, {})[pod] = told_s
    return gone
