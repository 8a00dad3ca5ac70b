"""What does a pod count for on its node? Read once for all pods that are alike.

The replicas of a workload differ in name, node and conditions, and count for the same: what is remembered is found by
the very bytes that it is read from.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from extender.core.predicates.demands import Resident
from extender.core.predicates.ports import ANY_ADDRESS, HostPort
from extender.core.predicates.selectors import Labels
from extender.shell.predicates.requests import RESIZE, requested
from extender.shell.predicates.selecting import UnreadableSelectorError, pod_terms
from extender.shell.predicates.volumes import claims_of
from kube.constraints import (
    ClaimSource,
    ConstrainedAffinity,
    ConstrainedMeta,
    ConstrainedPod,
    ConstrainedSpec,
    PodVolume,
)
from kube.resources import SIDECAR

_ENDED = ("Succeeded", "Failed")
_REMEMBERED = 1024  # workloads, most of them of a kilobyte
_LARGE = 16_384  # bytes: of what anybody may write, no more is kept a workload

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ConstrainedPod).decode


def resident_of(pod: ConstrainedPod) -> Resident:
    """Return what a pod counts for on its node.

    A label selector in its anti-affinity that cannot be read: kube-scheduler takes the pod for one without.
    """
    text = _encode(_counting(pod))
    return _remembered(text) if len(text) <= _LARGE else _read(text)


def counts(pod: ConstrainedPod) -> bool:
    """Tell whether a pod is on a node and has not ended: kube-scheduler sees no other."""
    return bool(pod.spec.node_name) and not has_ended(pod)


def has_ended(pod: ConstrainedPod) -> bool:
    """Tell whether all that a pod was to do is done, or has failed."""
    return pod.status.phase in _ENDED


def _counting(pod: ConstrainedPod) -> ConstrainedPod:
    """Return a pod with what counts alone; a volume has a name of its own in every pod, its claim has not."""
    meta, spec, status = pod.metadata, pod.spec, pod.status
    affinity = spec.affinity.pod_anti_affinity if spec.affinity else None
    return ConstrainedPod(
        ConstrainedMeta(
            namespace=meta.namespace, labels=meta.labels, deletion_timestamp=meta.deletion_timestamp and "set"
        ),
        ConstrainedSpec(
            containers=spec.containers,
            init_containers=spec.init_containers,
            overhead=spec.overhead,
            resources=spec.resources,
            affinity=ConstrainedAffinity(pod_anti_affinity=affinity),
            volumes=[PodVolume(persistent_volume_claim=ClaimSource(name)) for name in claims_of(pod)],
        ),
        msgspec.structs.replace(
            status, phase="", start_time=None, conditions=[one for one in status.conditions or () if one.type == RESIZE]
        ),
    )


def _read(text: bytes) -> Resident:
    pod = _decode(text)
    affinity, namespace = pod.spec.affinity or ConstrainedAffinity(), pod.metadata.namespace
    try:
        anti_affinity = pod_terms(affinity.pod_anti_affinity, namespace)
    except UnreadableSelectorError:
        anti_affinity = ()
    return Resident(
        namespace,
        Labels(pod.metadata.labels),
        requested(pod),
        _ports(pod.spec),
        anti_affinity,
        frozenset(claims_of(pod)),
        leaving=pod.metadata.deletion_timestamp is not None,
    )


_remembered = lru_cache(_REMEMBERED)(_read)


def _ports(spec: ConstrainedSpec) -> tuple[HostPort, ...]:
    sidecars = [one for one in spec.init_containers or () if one.restart_policy == SIDECAR]
    return tuple(
        HostPort(port.host_port, port.protocol or "TCP", port.host_ip or ANY_ADDRESS)
        for container in (*sidecars, *spec.containers)
        for port in container.ports or ()
        if port.host_port > 0
    )
