"""What is autoscaled, and what does the law look at of it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.selection import Selector


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is autoscaled.

    `replicas` are those asked for, `created_s` is Unix time, `selector` chooses its pods (None: they are owned), and
    `refused` is the reason why it is not autoscaled after all ("" where it is).
    """

    key: WorkloadKey
    replicas: int
    annotations: Mapping[str, str]
    created_s: int = 0
    resource_version: str = ""
    selector: Selector | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the law looks at: replicas asked for, and the names of the ready pods in order.

    `starting`: when the pods that are on their way were created, Unix seconds in order; `failed`: how many are not.
    """

    namespace: str
    name: str
    current: int
    ready: tuple[str, ...]
    starting: tuple[int, ...] = ()
    failed: int = 0


def older(version: str, than: str) -> bool:
    """Tell whether a resourceVersion is surely older than another: where both are numbers, as etcd's are."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
