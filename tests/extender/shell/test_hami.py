"""HAMi's annotations are read as its own programs write them; what is none of theirs is said to be unreadable."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.inventory.facts import Handshake, KnownGpu
from extender.shell.hami import Unreadable, cordoned_on, devices_on, handshake_on, held_by
from kube.gpus import MiB, MilliGpu, Placement
from kube.objects import BarePodSpec

REGISTER, HANDSHAKE = "hami.io/node-nvidia-register", "hami.io/node-handshake"
ONE, TWO = "GPU-03f69c50-207a-2038-9b45-23cac89cb67d", "GPU-1afede84-4e70-2174-49af-f07ebb94d1ae"

# As seen on clusters: by HAMi 2.4 (text), 2.6 (text with an index), its documentation (JSON), and 2.10 (JSON).
TEXT = f"{ONE},10,46068,100,NVIDIA-NVIDIA A40,0,true:{TWO},10,46068,100,NVIDIA-NVIDIA A40,0,true:"
TEXT_WITH_INDEX = "GPU-8b644fb4-b7e8-56df-3fda-912e3a5c643c,10,23034,100,NVIDIA-NVIDIA L4,0,true,0:"
TEXT_WITH_MODE = f"{ONE},10,46068,100,NVIDIA A40,0,false,1,hami-core:{TWO},7,46068,100,NVIDIA A40,0,true,0,mig:"
JSON = (
    '[{"id":"GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448","index":1,"count":10,"devmem":32768,"devcore":100,'
    '"type":"NVIDIA-Tesla V100-PCIE-32GB","numa":1,"mode":"hami-core","health":true},'
    '{"id":"GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec","count":10,"devmem":32768,"devcore":100,'
    '"type":"NVIDIA-Tesla V100-PCIE-32GB","numa":1,"mode":"hami-core"}]'
)
JSON_WITH_PROFILES = (
    '[{"id":"GPU-4c395b7a-a7e6-d90f-1ced-d96e8dd68288","index":4,"count":10,"devmem":97887,"devcore":100,'
    '"type":"NVIDIA RTX PRO 6000 Blackwell Server Edition","mode":"mig","migProfiles":[{"name":"1g.24gb",'
    '"memoryMB":24064,"core":25,"sliceCount":1,"placements":[{"start":0,"size":3}]}],"health":true}]'
)
UNHEALTHY = "unhealthy, says HAMi"


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        pytest.param(
            TEXT,
            (KnownGpu(ONE, MiB(46068), "NVIDIA A40"), KnownGpu(TWO, MiB(46068), "NVIDIA A40")),
            id="text of seven fields",
        ),
        pytest.param(
            TEXT_WITH_INDEX,
            (KnownGpu("GPU-8b644fb4-b7e8-56df-3fda-912e3a5c643c", MiB(23034), "NVIDIA L4", 0),),
            id="text with an index",
        ),
        pytest.param(
            TEXT_WITH_MODE,
            (
                KnownGpu(ONE, MiB(46068), "NVIDIA A40", 1, UNHEALTHY),
                KnownGpu(TWO, MiB(46068), "NVIDIA A40", 0, split=True),
            ),
            id="text with a mode",
        ),
        pytest.param(
            JSON,
            (
                KnownGpu("GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448", MiB(32768), "NVIDIA-Tesla V100-PCIE-32GB", 1),
                KnownGpu(
                    "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec", MiB(32768), "NVIDIA-Tesla V100-PCIE-32GB", 0, UNHEALTHY
                ),
            ),
            id="JSON leaves out an index of zero and a health of false",
        ),
        pytest.param(
            JSON_WITH_PROFILES,
            (
                KnownGpu(
                    "GPU-4c395b7a-a7e6-d90f-1ced-d96e8dd68288",
                    MiB(97887),
                    "NVIDIA RTX PRO 6000 Blackwell Server Edition",
                    4,
                    split=True,
                ),
            ),
            id="JSON of a device in MIG mode",
        ),
        pytest.param("[]", (), id="a device plugin that found nothing"),
        pytest.param(
            TEXT.replace(":", ":\n"),
            (KnownGpu(ONE, MiB(46068), "NVIDIA A40"), KnownGpu(TWO, MiB(46068), "NVIDIA A40")),
            id="folded by an editor",
        ),
    ],
)
def test_registered_devices_are_read(text: str, gpus: tuple[KnownGpu, ...]) -> None:
    assert devices_on({REGISTER: text}) == gpus


def test_a_node_without_hami_has_none() -> None:
    assert devices_on({}) is None
    assert handshake_on({}, 0.0) is None
    assert cordoned_on({}) == frozenset()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{", "truncated"),
        ('[{"id":7}]', "Expected `str`, got `int` - at `$[0].id`"),
        ('[{"count":10}]', '"" is no name of a device'),
        ("nonsense", '"nonsense" is not UUID,splits,MiB,cores,type,NUMA,health'),
        (f"{ONE},10,many,100,A40,0,true:", "is not UUID,splits,MiB"),
        (TEXT + TEXT, "one device twice"),
        ('[{"custominfo":' + "[" * 100_000, "maximum recursion depth exceeded"),
        ("a b,10,46068,100,A40,0,true:", '"a b" is no name of a device'),
    ],
)
def test_what_hami_does_not_write_is_unreadable(text: str, problem: str) -> None:
    with pytest.raises(Unreadable) as refused:
        devices_on({REGISTER: text})
    assert problem in str(refused.value)


@given(st.text())
def test_any_other_text_is_unreadable_or_read_and_never_an_accident(text: str) -> None:
    try:
        gpus = devices_on({REGISTER: text})
    except Unreadable:
        return
    assert gpus is not None


def test_cordoned_devices_are_a_list_with_commas() -> None:
    assert cordoned_on({"hami.io/device-cordon": f"{ONE}, {TWO},"}) == {ONE, TWO}


NOON = 1706011200.0  # 2024-01-23 12:00:00 UTC


@pytest.mark.parametrize(
    ("text", "handshake"),
    [
        (
            "Reported 2024-01-23 12:00:00.434037031 +0000 UTC m=+1104711.777756895",
            Handshake("Reported", NOON, zoned=True),
        ),
        ("Requesting_2024-01-23 20:00:00.4 +0800 CST m=+1.7", Handshake("Requesting", NOON, zoned=True)),
        ("Requesting_2024-01-23 07:30:00.4 -0430 -0430 m=+1.7", Handshake("Requesting", NOON, zoned=True)),
        ("Requesting_2024-01-23 12:00:00", Handshake("Requesting", NOON)),
        ("Requesting_2024.01.23 12:00:00", Handshake("Requesting", NOON)),
        ("Reported_2024-01-23 12:00:00", Handshake("Reported", NOON)),
        ("Deleted_2024.01.23 12:00:00", Handshake("Deleted", NOON)),
        ("Reported_2024.13.41 12:00:00", Handshake("Reported")),
        ("Deleted", Handshake("Deleted")),
        ("", Handshake("")),
    ],
)
def test_a_handshake_is_read_with_the_time_that_its_writer_gave(text: str, handshake: Handshake) -> None:
    assert handshake_on({HANDSHAKE: text}, 0.0) == handshake


SPEC: dict[str, Any] = {"containers": [{"name": "a"}, {"name": "b"}]}
SIDECAR = {"name": "s", "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("text", "spec", "held"),
    [
        pytest.param(f"{ONE},NVIDIA,4096,30:;", SPEC, ((ONE,), 300, 4096), id="one device of the first container"),
        pytest.param(f";{ONE},NVIDIA,4096,30:;", SPEC, ((ONE,), 300, 4096), id="of the second container"),
        pytest.param(f"{ONE},NVIDIA,4096,0:;", SPEC, ((ONE,), 0, 4096), id="memory alone"),
        pytest.param(
            f"{ONE},NVIDIA,4096,30:{TWO},NVIDIA,4096,30:;", SPEC, ((ONE, TWO), 300, 4096), id="two devices of one"
        ),
        pytest.param(
            f"{ONE},NVIDIA,4096,30:;{ONE},NVIDIA,1024,20:;", SPEC, ((ONE,), 500, 5120), id="two containers add up"
        ),
        pytest.param(
            f"{ONE},NVIDIA,8192,10:;{TWO},NVIDIA,1024,20:;", SPEC, ((ONE, TWO), 200, 8192), id="the largest of each"
        ),
        pytest.param(
            f"{ONE},NVIDIA,8192,10:;{ONE},NVIDIA,4096,20:;",
            {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}]},
            ((ONE,), 200, 8192),
            id="an init container is over when the others run",
        ),
        pytest.param(
            f"{ONE},NVIDIA,8192,10:;{ONE},NVIDIA,4096,20:;",
            {"containers": [{"name": "a"}], "initContainers": [SIDECAR]},
            ((ONE,), 300, 12288),
            id="a sidecar is not",
        ),
        pytest.param(f"{ONE},NVIDIA,46068,100:;{ONE},NVIDIA,1,100:;", SPEC, ((ONE,), 1000, 46069), id="never over one"),
    ],
)
def test_what_hami_gave_a_pod_is_held(text: str, spec: dict[str, Any], held: tuple[tuple[str, ...], int, int]) -> None:
    devices, milli, memory = held
    expected = (Placement(devices, MilliGpu(milli)), MiB(memory))
    assert held_by(text, msgspec.convert(spec, BarePodSpec)) == expected


@pytest.mark.parametrize(
    "text", [";", "", f"{ONE},MLU,4096,30:;", f"{ONE},NVIDIA,4096:;", f"{ONE},NVIDIA,-1,30:;", "x"]
)
def test_what_cannot_be_read_names_no_device(text: str) -> None:
    assert held_by(text, msgspec.convert(SPEC, BarePodSpec)) is None
