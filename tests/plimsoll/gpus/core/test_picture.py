from __future__ import annotations

from dataclasses import replace

from extender.core.devices import MappedDevice, MappedNode
from extender.core.ledger.holding import State
from kube.gpus import MiB, MilliGpu
from plimsoll.gpus.core.picture import FEW, picture
from tests.plimsoll.gpus.mapped import TWO, device, held, many, node


def test_a_few_nodes_are_shown_with_every_pod_and_what_is_closed() -> None:
    assert picture(TWO).splitlines() == [
        "gpu-00  NVIDIA-A100-SXM4-80GB, 4 GPUs of 81920 MiB: 1.2 free",
        "  0  ████████··  0.2 free  chat/llama-0 0.5, chat/llama-1 0.3 (binding)",
        "  1  ··········  1 free",
        "  2  ██████████  full      chat/train-0 1",
        "  3  xxxxxxxxxx  closed    takes no new pod: unhealthy",
        "",
        "gpu-01  NVIDIA-A100-SXM4-80GB, 2 GPUs of 81920 MiB: 0 free",
        "  0  xxxxxxxxxx  closed  takes no new pod: nobody knows which GPUs of the node chat/other uses",
        "  1  xxxxxxxxxx  closed  takes no new pod: nobody knows which GPUs of the node chat/other uses",
        "  on devices that nobody knows: chat/other 1",
        "",
        "left out: 1 node (MIG is on): gpu-02",
        "2 nodes, 6 GPUs: 1.2 free, 1 of them whole; 4 pods; 3 GPUs take no new pod",
    ]


def test_a_closed_device_still_shows_who_is_on_it() -> None:
    said = picture((node("a", replace(device("0", held("p", 300)), closed="hot")),))
    assert "  0  ███xxxxxxx  closed  chat/p 0.3; takes no new pod: hot" in said.splitlines()


def test_uuids_are_cut_where_that_leaves_them_different() -> None:
    cut = picture((node("a", device("GPU-8f3c1a2b-1111"), device("GPU-9f3c1a2b-1111")),))
    assert [line.split()[0] for line in cut.splitlines()[1:3]] == ["GPU-8f3c1a2b", "GPU-9f3c1a2b"]
    whole = picture((node("a", device("GPU-8f3c1a2b-1111"), device("GPU-8f3c1a2b-2222")),))
    assert [line.split()[0] for line in whole.splitlines()[1:3]] == ["GPU-8f3c1a2b-1111", "GPU-8f3c1a2b-2222"]


def test_many_nodes_are_sums_then_those_in_between_then_counts() -> None:
    lines = picture(many(100)).splitlines()
    assert lines[:3] == [
        "MODEL  NODES  GPUS  FREE  WHOLE  SHARED  CLOSED  PODS",
        "G2        90   720   163     80       0      10   630",
        "T4        10    80    80     80       0       0     0",
    ]
    assert lines[4:6] == ["NODE     MODEL  FREE      DEVICES   PODS", "gpu-006  G2     3.5 of 8  ▄▄▄▄▄▄▄x     7"]
    assert len(lines) == 32
    names = [f"gpu-{number:03}" for number in range(100)]
    assert lines[-5:-2] == [
        f"full: 60 nodes G2, 480 GPUs: {', '.join((*names[:6], *names[10:12]))} and 52 more",
        f"free: 10 nodes G2, 80 GPUs: {', '.join(names[7:78:10])} and 2 more",
        f"free: 10 nodes T4, 80 GPUs: {', '.join(names[8:79:10])} and 2 more",
    ]
    closed = ", ".join(f"{name} 7" for name in names[6:77:10])
    assert lines[-2:] == [
        f"10 devices take no new pod (unhealthy): {closed} and 2 more",
        "100 nodes, 800 GPUs: 243 free, 160 of them whole; 630 pods; 10 GPUs take no new pod",
    ]


def test_many_nodes_are_no_more_lines_than_there_are_nodes_in_between_and_a_dozen() -> None:
    assert len(picture(many(500)).splitlines()) < 100 + 14


def test_every_pod_of_many_nodes_is_shown_when_it_is_asked_for() -> None:
    lines = picture(many(FEW + 1), verbose=True).splitlines()
    assert "  0  ██████████  full  chat/gpu-000-0 1" in lines
    assert len([line for line in lines if line.startswith("gpu-")]) == FEW + 1


def test_every_device_of_many_nodes_has_a_sign_by_what_is_used() -> None:
    levels = node("x", *(device(str(place), held(f"p{place}", 125 * (place + 1))) for place in range(8)))
    (line,) = [line for line in picture((*many(FEW), levels)).splitlines() if line.startswith("x ")]
    assert line.split()[-2] == "▁▂▃▄▅▆▇█"


def test_nodes_that_are_left_out_are_counted_by_their_reason() -> None:
    out = tuple(MappedNode(f"n{number}", left_out="MIG is on" if number else "time-sliced") for number in range(4))
    assert picture(out).splitlines() == [
        "left out: 3 nodes (MIG is on): n1, n2, n3",
        "left out: 1 node (time-sliced): n0",
        "0 nodes, 0 GPUs: 0 free, 0 of them whole; 0 pods",
    ]


def test_without_any_node_it_says_what_to_do() -> None:
    assert picture(()).startswith("no GPUs: label a node plimsoll.dev/devices=owned")


def test_who_is_promised_what_another_still_holds_is_told_as_nominated_beside_it() -> None:
    full = MappedDevice("0", MiB(0), MilliGpu(0), held=(held("train", 1000), held("serve", 1000, State.NOMINATED)))
    assert picture([node("gpu-00", full)]).splitlines()[1] == (
        "  0  ██████████  full  chat/train 1, chat/serve 1 (nominated)"
    )
