from __future__ import annotations

from extender.core.ledger.holding import State
from plimsoll.explain.core.pods import ToldMisfits, ToldPlaced, ToldPod, ToldWaits, ToldWeighed, explained

NOW = 1_800_000_000_000
SINCE = NOW - 3_600_000
SINCE_SAID = "knows since 2027-01-15 07:00:00 UTC, 1 h ago"


def told(standing: ToldWaits | ToldPlaced, asks: str = "0.5 of a GPU") -> list[str]:
    return explained(ToldPod("chat", "llama-0", "uid", asks, standing, SINCE), NOW).splitlines()


def test_reasons_stand_under_each_other_with_examples_and_who_knows_the_rest() -> None:
    misfits = (
        ToldMisfits("no device with 500 milli-GPU free", 12, ("gpu-00", "gpu-01")),
        ToldMisfits("model G2 wanted, T4 found", 3),
    )
    waits = ToldWaits("...", misfits, 12, 1, NOW - 120_000, NOW - 3000, 31)
    assert told(waits) == [
        "chat/llama-0 waits for 0.5 of a GPU",
        "",
        "  12 nodes  no device with 500 milli-GPU free  gpu-00, gpu-01 and 10 more",
        "   3 nodes  model G2 wanted, T4 found",
        "    1 node  not asked about by kube-scheduler (CPU, memory, taints, selectors): its own Event says why",
        "",
        "kube-scheduler asked 31 times, first 2 min ago, last 3 s ago, then about 12 nodes; this extender "
        + SINCE_SAID,
    ]


def test_a_pod_that_nobody_asked_about_has_one_reason() -> None:
    assert told(ToldWaits("it is held back"), asks="") == [
        "chat/llama-0 waits for GPUs",
        "  it is held back",
        "kube-scheduler did not ask about it; this extender " + SINCE_SAID,
    ]


def test_asked_once_is_said_so() -> None:
    waits = ToldWaits("x", (ToldMisfits("full", 1),), 1, 0, NOW, NOW, 1)
    assert told(waits)[-1].startswith("kube-scheduler asked once, now, about 1 node; ")


def test_a_placed_pod_shows_what_was_weighed() -> None:
    weighed = ToldWeighed(NOW - 3000, 52, 4, 3, (("gpu-01", 40),), "little is left over")
    placed = ToldPlaced("gpu-00", ("1",), 500, 0, State.BOUND, "A100", weighed)
    assert told(placed) == [
        "chat/llama-0 is bound to node gpu-00: device 1 (A100), 0.5 GPU",
        "  it asks for 0.5 of a GPU",
        "  chosen 3 s ago (2027-01-15 07:59:57 UTC)",
        "  kube-scheduler asked about 4 nodes; it fitted on 3",
        "  chosen for little is left over",
        "",
        "  SCORE  NODE",
        "     52  gpu-00  chosen",
        "     40  gpu-01",
        "  and 1 node with lower scores",
    ]


def test_a_place_that_was_not_weighed_says_who_chose_it() -> None:
    lines = told(ToldPlaced("gpu-00", ("0", "1"), 250, 4096, State.BINDING, ""))
    assert lines[0] == "chat/llama-0 is being bound to node gpu-00: devices 0, 1, 0.25 GPU of each, 4096 MiB"
    assert lines[-1] == "  another chose its place, or an extender before this one, which " + SINCE_SAID


def test_unknown_devices_are_said() -> None:
    placed = ToldPlaced("gpu-00", (), 1000, 0, State.BOUND, "")
    assert told(placed, asks="")[0].endswith("on devices that nobody knows; no other pod is placed there")


def test_project_and_kind_stand_below_where_they_are_known() -> None:
    waits = ToldPod("chat", "llama-0", "uid", "1 GPU", ToldWaits("full"), SINCE, "search", "train")
    assert explained(waits, NOW).splitlines()[1] == "  it belongs to project search; its kind is train"
    nowhere = ToldPod("chat", "llama-0", "uid", "1 GPU", ToldWaits("full"), SINCE, "", "foreign")
    assert explained(nowhere, NOW).splitlines()[1] == "  it is in no project; its kind is foreign"
