"""Who else writes a workload's replicas, and for how long do we leave them alone?

Fed with every count that is seen, with our own writes and with the HorizontalPodAutoscalers there are.

The laws:
- The first sight of a workload is nobody's change: a restart of ours blames nobody, itself least of all.
- A count is ours where its manager is us, or where no manager is known and we wrote that count; what is older than our
  last write says nothing.
- An autoscaler that scales the same workload has it, as long as it is there.
- What another wrote is respected for one stable window.
- Three changes by others, each after a write of ours, within ten minutes (or four stable windows, if that is longer)
  are a fight: we stay away until nobody else has written for as long.
- Each of these is said once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.core.targets.target import older

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from autoscaler.core.model import WorkloadKey

MANAGER = "plimsoll-autoscaler"
"""The name under which we write; it stands in metadata.managedFields beside what we wrote."""

_FIGHT_CHANGES = 3
_FIGHT_MS = 600_000
_FIGHT_WINDOWS = 4  # each round of a fight lasts a stable window, for which we respect what was written
_UNKNOWN_MS = 60_000  # a write without an answer may still arrive for so long

_SET_BY_ANOTHER = "ReplicasSetByAnother"

Identity = tuple[str, str, str, str]
"""Namespace, API group, kind and name: how an autoscaler points at what it scales."""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler and what it scales."""

    uid: str
    name: str
    scales: Identity


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about a workload that a person should hear once, as an Event."""

    key: WorkloadKey
    reason: str
    message: str


@dataclass(slots=True)
class _Record:
    """What is known of one workload's count.

    `maybe`: counts that we may have written, one for each write, and until when that is possible; `change` is the last
    one by another, in words, `at_ms` when it was seen, and `fresh` says that it was not told yet; `contested` are the
    times of the last changes that undid a write of ours.
    """

    key: WorkloadKey
    count: int
    version: str
    maybe: list[tuple[int, int]] = field(default_factory=list)
    own_versions: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    wrote: bool = False
    change: str = ""
    at_ms: int = 0
    contested: deque[int] = field(default_factory=lambda: deque(maxlen=_FIGHT_CHANGES))
    told: str = ""
    fresh: bool = False

    def may_have_written(self, replicas: int, now_ms: int) -> bool:
        """Tell whether this count may be one of our writes without an answer."""
        return any(count == replicas and until_ms > now_ms for count, until_ms in self.maybe)

    def settle(self, replicas: int) -> None:
        """Take note of what became of the oldest of our writes of this count."""
        oldest = next((one for one in self.maybe if one[0] == replicas), None)
        if oldest is not None:
            self.maybe.remove(oldest)


def identity(key: WorkloadKey) -> Identity:
    """Return how an autoscaler would point at a workload."""
    group = key.api_version.rpartition("/")[0]
    return key.namespace, group, key.kind, key.name


class Writers:
    """The counts of all workloads and who wrote them; times are Unix milliseconds."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._uids: dict[Identity, str] = {}
        self._autoscalers: dict[str, Autoscaler] = {}
        self._claims: dict[Identity, set[str]] = {}
        self._stirred: set[str] = set()
        self._said: list[Said] = []

    # --- what is seen ---

    def seen(self, key: WorkloadKey, replicas: int, version: str, *, manager: str, now_ms: int) -> None:
        """Take note of the count of a workload at a version of it; `manager` wrote it, "" where nothing tells."""
        record = self._records.get(key.uid)
        if record is None:
            self._records[key.uid] = _Record(key, replicas, version)
            self._uids[identity(key)] = key.uid
            return
        if older(version, record.version) or version in record.own_versions:
            return
        record.version = version
        if replicas == record.count:
            return
        was, record.count = record.count, replicas
        ours = manager == MANAGER if manager else record.may_have_written(replicas, now_ms)
        if ours:
            record.settle(replicas)
            record.wrote = True
            return
        self._another(record, f"replicas {was} -> {replicas} were set by {_named(manager)}", now_ms)

    def put_autoscaler(self, found: Autoscaler) -> None:
        """Take note of an autoscaler as it is now."""
        self.drop_autoscaler(found.uid)
        self._autoscalers[found.uid] = found
        self._claims.setdefault(found.scales, set()).add(found.uid)

    def drop_autoscaler(self, uid: str) -> None:
        """Forget an autoscaler that is gone."""
        was = self._autoscalers.pop(uid, None)
        if was is not None:
            self._claims[was.scales].discard(uid)
            if not self._claims[was.scales]:
                del self._claims[was.scales]

    def only_autoscalers(self, found: Iterable[Autoscaler]) -> None:
        """Take a whole list of autoscalers over; what is not in it is gone."""
        listed = {each.uid: each for each in found}
        for uid in [uid for uid in self._autoscalers if uid not in listed]:
            self.drop_autoscaler(uid)
        for each in listed.values():
            self.put_autoscaler(each)

    def forget(self, uid: str) -> None:
        """Forget a workload that is gone."""
        record = self._records.pop(uid, None)
        if record is not None:
            self._stirred.discard(uid)
            if self._uids.get(identity(record.key)) == uid:
                del self._uids[identity(record.key)]

    # --- what we write ---

    def writing(self, uid: str, replicas: int, *, now_ms: int) -> None:
        """Take note that we are about to write; the watch may show it before we have an answer."""
        if uid in self._records:
            record = self._records[uid]
            record.maybe = [(count, until_ms) for count, until_ms in record.maybe if until_ms > now_ms]
            record.maybe.append((replicas, now_ms + _UNKNOWN_MS))

    def wrote(self, uid: str, replicas: int, version: str) -> None:
        """Take note that the API server has accepted it as this version of the object."""
        record = self._records.get(uid)
        if record is None:
            return
        record.settle(replicas)
        record.wrote = True
        record.own_versions.append(version)
        if not older(version, record.version):
            record.count, record.version = replicas, version

    def not_written(self, uid: str, replicas: int) -> None:
        """Take note that what we were about to write was not written, for certain."""
        if uid in self._records:
            self._records[uid].settle(replicas)

    # --- what follows ---

    def hold(self, uid: str, *, now_ms: int, stable_window_s: int) -> str:
        """Return why nothing may be written to a workload now, "" where nothing stands against it."""
        record = self._records.get(uid)
        if record is None:
            return ""
        reason, hold = self._hold(record, now_ms, stable_window_s)
        # The same change may be made twice, and is then told twice.
        if hold != record.told or (record.fresh and reason == _SET_BY_ANOTHER):
            record.told, record.fresh = hold, False
            if reason:
                self._said.append(Said(record.key, reason, hold))
        return hold

    def holds(
        self, *, now_ms: int, stable_window_s: Callable[[str], int], observed: Callable[[str], bool] = lambda _: False
    ) -> dict[str, str]:
        """Return the holds of all workloads that have one, by UID; `stable_window_s` tells a workload's window.

        What is `observed` is not written in any case: it has no hold, and nothing is said of who else writes it.
        """
        claimed = (self._uids[each] for each in self._claims if each in self._uids)
        uids = [uid for uid in sorted(self._stirred.union(claimed)) if not observed(uid)]
        found = {uid: self.hold(uid, now_ms=now_ms, stable_window_s=stable_window_s(uid)) for uid in uids}
        return {uid: hold for uid, hold in found.items() if hold}

    def setter(self, uid: str) -> str:
        """Return who sets the replicas of a workload besides us, as far as that was seen; "" for nobody."""
        record = self._records.get(uid)
        if record is None:
            return ""
        claims = self._claims.get(identity(record.key))
        return f"HorizontalPodAutoscaler {self._names(claims)} scales it" if claims else record.change

    def said(self) -> tuple[Said, ...]:
        """Return, once, what is to be said."""
        said, self._said = tuple(self._said), []
        return said

    def _another(self, record: _Record, change: str, now_ms: int) -> None:
        if identity(record.key) in self._claims:
            return  # its autoscaler does its work: that is said already, and no fight
        if record.wrote:
            record.contested.append(now_ms)
        record.wrote, record.change, record.at_ms, record.fresh = False, change, now_ms, True
        self._stirred.add(record.key.uid)

    def _hold(self, record: _Record, now_ms: int, stable_window_s: int) -> tuple[str, str]:
        """Return the reason of the Event that says it ("" for nothing new), and the hold."""
        claims = self._claims.get(identity(record.key))
        if claims:
            advice = "remove one of both; replicas are left to it"
            scaled = f"HorizontalPodAutoscaler {self._names(claims)} scales it too: {advice}"
            return "ScaledByAnotherAutoscaler", scaled
        if not record.change:
            return "", ""
        record.at_ms = min(record.at_ms, now_ms)  # a clock that was set back must not hold for ever
        age_ms, fight_ms = now_ms - record.at_ms, max(_FIGHT_MS, _FIGHT_WINDOWS * stable_window_s * 1000)
        contested = record.contested
        if len(contested) == _FIGHT_CHANGES and contested[-1] - contested[0] <= fight_ms and age_ms < fight_ms:
            fight = f"another writer undid {_FIGHT_CHANGES} changes of its replicas within {fight_ms // 60_000}m"
            same = record.told.startswith(fight)
            hold = record.told if same else f"{fight} (last: {record.change}): left alone until it rests for as long"
            return "ReplicasContested", hold
        if age_ms < stable_window_s * 1000:
            return _SET_BY_ANOTHER, f"{record.change}; respected for {stable_window_s}s"
        if age_ms >= fight_ms:
            record.change = ""
            self._stirred.discard(record.key.uid)
        return "", ""

    def _names(self, claims: set[str]) -> str:
        return ", ".join(sorted(self._autoscalers[uid].name for uid in claims))


def _named(manager: str) -> str:
    return f"another ({manager})" if manager else "another"
