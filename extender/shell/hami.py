"""What has HAMi written on a node and on a pod? Its devices, its handshake, and what its scheduler gave a pod.

Formats after HAMi's pkg/device/devices.go: EncodeNodeDevices (older device plugins), MarshalNodeDevices (newer ones),
EncodePodSingleDevice; the handshake after its device plugin and CheckHealth.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from extender.core.inventory.facts import HAMI_CORDON, HAMI_DEVICES, HAMI_HANDSHAKE, Handshake, KnownGpu
from kube.gpus import WHOLE, MiB, MilliGpu, Placement, is_device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.objects import BarePodSpec

ALLOCATED = "hami.io/vgpu-devices-allocated"
NVIDIA = "NVIDIA"

_UNHEALTHY = "unhealthy, says HAMi"
_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # as Go's ParseBool
_NUMBER = re.compile(r"[0-9]{1,9}")
_TOLD = re.compile(
    r"(Reported|Requesting|Deleted)[_ ]"
    r"(\d{4})[-.](\d\d)[-.](\d\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?(?: ([+-])(\d\d)(\d\d))?(?: .*)?"
)


class Unreadable(Exception):  # noqa: N818  another program's text
    """It is not what HAMi writes; the message says what is wrong with it."""


class _Registered(msgspec.Struct, gc=False):
    """One device, as JSON; Go leaves out what is zero or false."""

    id: str = ""
    index: int = 0
    devmem: int = 0
    type: str = ""
    mode: str = ""
    health: bool = False


_registered = msgspec.json.Decoder(list[_Registered])


def devices_on(annotations: Mapping[str, str]) -> tuple[KnownGpu, ...] | None:
    """Return the devices that HAMi's device plugin registered on a node, or None where it did not.

    Raises:
        Unreadable: something else stands there.
    """
    text = annotations.get(HAMI_DEVICES)
    if text is None:
        return None
    gpus = _by_json(text) if text.lstrip().startswith("[") else _by_text(text)
    names = {gpu.name for gpu in gpus}
    if len(names) < len(gpus):
        raise Unreadable("it has one device twice")
    for name in sorted(names):
        if not is_device(name):
            raise Unreadable(f'"{name[:80]}" is no name of a device')
    return gpus


def _by_json(text: str) -> tuple[KnownGpu, ...]:
    try:
        registered = _registered.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    return tuple(
        KnownGpu(
            one.id,
            MiB(max(one.devmem, 0)),
            one.type,
            one.index,
            "" if one.health else _UNHEALTHY,
            split=one.mode == "mig",
        )
        for one in registered
    )


def _by_text(text: str) -> tuple[KnownGpu, ...]:
    """Read "UUID,splits,MiB,cores,type,NUMA,health[,index[,mode]]:" for each device."""
    gpus: list[KnownGpu] = []
    for part in text.split(":"):
        if not part.strip():
            continue
        fields = [one.strip() for one in part.split(",")]
        if not 7 <= len(fields) <= 9 or not _NUMBER.fullmatch(fields[2]):
            raise Unreadable(f'"{part.strip()[:80]}" is not UUID,splits,MiB,cores,type,NUMA,health')
        index = int(fields[7]) if len(fields) > 7 and _NUMBER.fullmatch(fields[7]) else None
        gpus.append(
            KnownGpu(
                fields[0],
                MiB(int(fields[2])),
                fields[4].removeprefix("NVIDIA-") if fields[4].startswith("NVIDIA-NVIDIA") else fields[4],
                index,
                "" if fields[6] in _TRUE else _UNHEALTHY,
                split=len(fields) > 8 and fields[8] == "mig",
            )
        )
    return tuple(gpus)


def cordoned_on(annotations: Mapping[str, str]) -> frozenset[str]:
    """Return the devices of a node that take no new pod because its operator said so."""
    return frozenset(one.strip() for one in annotations.get(HAMI_CORDON, "").split(",") if one.strip())


def handshake_on(annotations: Mapping[str, str], unchanged_s: float) -> Handshake | None:
    """Return what stands in a node's handshake, which has stood there for `unchanged_s` seconds."""
    text = annotations.get(HAMI_HANDSHAKE)
    if text is None:
        return None
    found = _TOLD.fullmatch(text)
    if found is None:
        return Handshake(text.partition("_")[0].partition(" ")[0], None, unchanged_s=unchanged_s)
    word, *date, sign, hours, minutes = found.groups()
    try:
        at = datetime(*(int(one) for one in date), tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]
    except ValueError:
        return Handshake(word, None, unchanged_s=unchanged_s)
    if sign is None:
        return Handshake(word, at, unchanged_s=unchanged_s)
    ahead = (int(hours) * 60 + int(minutes)) * 60
    return Handshake(word, at - ahead if sign == "+" else at + ahead, zoned=True, unchanged_s=unchanged_s)


def held_by(allocated: str, spec: BarePodSpec) -> tuple[Placement, MiB] | None:
    """Return what HAMi's scheduler gave a pod, with the MiB of each device; None where that cannot be read.

    "UUID,NVIDIA,MiB,cores:" a device, ";" after each container, cores in hundredths of a GPU. What differs from device
    to device counts as the largest. Init containers come first, where they are written down at all.
    """
    containers = allocated.removesuffix(";").split(";")
    starting = spec.init_containers or []
    early = len(starting) if len(containers) == len(starting) + len(spec.containers) else 0
    running: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    before: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for place, container in enumerate(containers):
        given = _given(container)
        if given is None:
            return None
        for name, (memory, cores) in given.items():
            if place < early and starting[place].restart_policy != "Always":
                before[name] = max(before[name][0], memory), max(before[name][1], cores)
            else:
                running[name] = running[name][0] + memory, running[name][1] + cores
    names = tuple(sorted({*running, *before}))
    if not names:
        return None
    memory = max(max(running[name][0], before[name][0]) for name in names)
    cores = max(max(running[name][1], before[name][1]) for name in names)
    return Placement(names, MilliGpu(min(cores * 10, WHOLE))), MiB(memory)


def _given(container: str) -> dict[str, tuple[int, int]] | None:
    """Return the MiB and the cores of each device that a container got; None where that cannot be read."""
    given: dict[str, tuple[int, int]] = {}
    for part in container.split(":"):
        if not part:
            continue
        fields = part.split(",")
        if len(fields) < 4 or fields[1] != NVIDIA or not is_device(fields[0]):
            return None
        if not _NUMBER.fullmatch(fields[2]) or not _NUMBER.fullmatch(fields[3]):
            return None
        memory, cores = given.get(fields[0], (0, 0))
        given[fields[0]] = memory + int(fields[2]), cores + int(fields[3])
    return given
