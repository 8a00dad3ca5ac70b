"""Which of the nodes that may take a pod is best? kube-scheduler's default scores, with its default weights.

TaintToleration 3, NodeAffinity 2, NodeResourcesFit (least allocated) 1, NodeResourcesBalancedAllocation 1; each goes
to 100. Not done, and worth the same for every node here: preferred pod affinity and the spreading of pods over zones
and hosts, which only prefer, and images, of which the nodes here have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.scheduling import node_affinity
from plimsoll.embedded.core.scheduling.fitting import tolerates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.embedded.core.scheduling.occupancy import Occupancy, Place
    from plimsoll.embedded.core.scheduling.requests import Amounts
    from plimsoll.embedded.core.scheduling.views import NodeView, PodView

_HIGHEST = 100
_TAINTS, _AFFINITY = 3, 2
_RESOURCES = ("cpu", "memory")


def scores(pod: PodView, names: Sequence[str], occupancy: Occupancy) -> dict[str, int]:
    """Return the score of each node."""
    places = [place for name in names if (place := occupancy.place(name)) and place.node]
    nodes = [place.node for place in places if place.node]
    hurts = _normalised([_avoided_taints(pod, node) for node in nodes])
    likes = _normalised([node_affinity.preferred(pod.spec, node.name, node.labels) for node in nodes])
    found = dict.fromkeys(names, 0)
    for node, place, hurt, like in zip(nodes, places, hurts, likes, strict=True):
        found[node.name] = (
            _TAINTS * (_HIGHEST - hurt) + _AFFINITY * like + _least_allocated(pod, place) + _balanced(pod, place)
        )
    return found


def _avoided_taints(pod: PodView, node: NodeView) -> int:
    return sum(1 for taint in node.taints if taint["effect"] == "PreferNoSchedule" and not tolerates(pod, taint))


def _normalised(raw: Sequence[int]) -> list[int]:
    highest = max(raw, default=0)
    return [_HIGHEST * each // highest if highest else 0 for each in raw]


def _least_allocated(pod: PodView, place: Place) -> int:
    """Return how much of the node would be left: the mean over its resources."""
    assert place.node is not None  # noqa: S101  only nodes are scored
    left = []
    for resource in _RESOURCES:
        if there := place.node.allocatable.get(resource, 0):
            free = there - place.scored.get(resource, 0) - pod.scored[resource]
            left.append(max(free, 0) * _HIGHEST // there)
    return sum(left) // len(left) if left else 0


def _balanced(pod: PodView, place: Place) -> int:
    """Return how much evener the pod makes the use of the node's resources: 75 where it changes nothing."""
    assert place.node is not None  # noqa: S101  as above
    if not any(pod.requests.get(resource) for resource in _RESOURCES):
        return 0
    with_pod = {each: place.taken.get(each, 0) + pod.requests.get(each, 0) for each in _RESOURCES}
    gained = _evenness(with_pod, place.node.allocatable) - _evenness(place.taken, place.node.allocatable)
    # Halved towards zero, as Go does.
    return _HIGHEST // 2 + int((_HIGHEST // 2 + gained) / 2)


def _evenness(taken: Mapping[str, int], allocatable: Amounts) -> int:
    used = [min(taken.get(each, 0) / allocatable[each], 1.0) for each in _RESOURCES if allocatable.get(each)]
    deviation = abs(used[0] - used[1]) / 2 if len(used) == 2 else 0.0
    return int((1 - deviation) * _HIGHEST)
