"""Which pods and projects do the tests of quotas speak of?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Ask, PodKey
from extender.core.quota.kinds import Kinds
from extender.core.quota.projects import Project, Projects
from extender.core.quota.quota import Quota
from kube.gpus import NO_MIB, MemoryShare, MiB, MilliGpu, Share

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVE, TRAIN = "plimsoll-inference", "plimsoll-train"


def whole(gpus: int = 1, *, by: str = SERVE, of: str = "search", models: tuple[str, ...] = ()) -> Ask:
    """Ask for whole GPUs in a namespace."""
    return Ask(of, "", by, Share(gpus, MilliGpu(1000)), models=models)


def part(milli: int, *, by: str = SERVE, of: str = "search") -> Ask:
    """Ask for a part of one GPU."""
    return Ask(of, "", by, Share(1, MilliGpu(milli)))


def mib(memory: int, gpus: int = 1, *, models: tuple[str, ...] = ()) -> Ask:
    """Ask for MiB of each of some GPUs."""
    return Ask("search", "", SERVE, MemoryShare(gpus, MiB(memory)), models=models)


def ledger() -> Ledger:
    """Return one with eight T4 of 16 GiB on `t4`, four L4 of 24 GiB on `l4`."""
    book = Ledger()
    book.put_node(GpuNode("t4", alike(8, MiB(16_384)), "T4"))
    book.put_node(GpuNode("l4", alike(4, MiB(24_576)), "L4"))
    return book


def quota(book: Ledger, gpus: int = 10_000, models: Mapping[str, int] | None = None) -> Quota:
    """Return one of two projects that each authorise a namespace of their name: `search`, and `vision` with a GPU."""
    found = Quota(book)
    configure(found, gpus, models)
    return found


def configure(on: Quota, gpus: int, models: Mapping[str, int] | None = None) -> None:
    """Give `search` another quota."""
    search = Project("search", gpus, tuple(sorted((models or {}).items())), ("search",))
    on.configure(Projects((search, Project("vision", 1000, (), ("vision",)))), Kinds())


def hold(
    book: Ledger, name: str, ask: Ask, devices: str | None = "0", *, node: str = "t4", milli: int | None = None
) -> None:
    """Hold devices of a node for a pod; by default what it asks for of each."""
    share = ask.request.milli if isinstance(ask.request, Share) else MilliGpu(0)
    memory = ask.request.memory if isinstance(ask.request, MemoryShare) else NO_MIB
    names = None if devices is None else tuple(devices.split())
    held = share if milli is None else MilliGpu(milli)
    key = PodKey(f"uid-{name}", ask.namespace, name)
    book.hold(Holding(key, node, names, held, State.BOUND, device_memory=memory, ask=ask))
