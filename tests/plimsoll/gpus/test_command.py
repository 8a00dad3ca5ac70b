from __future__ import annotations

import io
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.ports import free_ports
from extender.shell import rpc
from plimsoll.gpus import command
from plimsoll.gpus.command import cropped
from plimsoll.gpus.shell import documents
from tests.extender.core.gang.playing import Cluster
from tests.extender.core.preemption.playing import Cluster as Preempting
from tests.extender.core.preemption.playing import until, whole
from tests.plimsoll.gpus.telling import WHOLE, place, pod, scheduling, telling

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., tuple[Any, str]]


def test_gpus_prints_the_map(call: Call) -> None:
    s = scheduling()
    place(s, pod("p"), "n0")
    with telling(s) as (address, _):
        status, said = call("gpus", "--server", address)
    assert status == 0
    assert said.splitlines()[:2] == ["n0  T4, 1 GPU of 16384 MiB: 0.5 free", "  0  █████·····  0.5 free  chat/p 0.5"]
    assert said.splitlines()[-1] == "2 nodes, 2 GPUs: 1.5 free, 1 of them whole; 1 pod"


def test_gpus_can_be_narrowed(call: Call) -> None:
    with telling(scheduling(3)) as (address, _):
        assert call("gpus", "--server", address, "--node", "n1")[1].splitlines()[-1].startswith("1 node, 1 GPU: ")
        assert call("gpus", "--server", address, "--model", "a*")[1].startswith("no GPUs: ")


def test_as_json_it_has_the_names_of_the_proto(call: Call) -> None:
    s = scheduling(1)
    place(s, pod("p"), "n0")
    s.left_out["mig"] = "MIG is on"
    with telling(s) as (address, _):
        status, said = call("gpus", "--server", address, "-o", "json")
    assert status == 0
    assert json.loads(said) == {
        "nodes": [
            {"name": "mig", "model": "", "devices": [], "left_out": "MIG is on", "unmapped": []},
            {
                "name": "n0",
                "model": "T4",
                "devices": [
                    {
                        "name": "0",
                        "memory_mib": 16384,
                        "free_milli": 500,
                        "closed": "",
                        "holdings": [
                            {
                                "namespace": "chat",
                                "name": "p",
                                "uid": "uid-p",
                                "milli": 500,
                                "memory_mib": 0,
                                "state": "bound",
                            }
                        ],
                    }
                ],
                "left_out": "",
                "unmapped": [],
            },
        ]
    }


def test_a_watch_shows_each_change_and_ctrl_c_ends_it_cleanly(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_PAUSE_S", 0.01)
    s = scheduling()
    with telling(s) as (address, there):
        changes = iter((lambda: place(s, pod("p"), "n0"), lambda: s.node_gone("n1"), lambda: place(s, pod("q"), "n0")))

        def looking(*_: Any, **__: Any) -> dict[str, Any]:
            document = real(*_, **__)
            try:
                there(next(changes))
            except StopIteration:
                raise KeyboardInterrupt from None
            return document

        real = documents.document
        monkeypatch.setattr(command, "document", looking)
        status, said = call("gpus", "--server", address, "--watch", "-o", "json")
    assert status == 0
    told = [json.loads(line)["nodes"] for line in said.splitlines()]
    assert [[node["devices"][0]["free_milli"] for node in nodes] for nodes in told] == [
        [1000, 1000],
        [500, 1000],
        [500],
    ]


def test_a_watch_waits_for_an_extender_that_is_started_again_and_says_so_once(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = io.StringIO()
    monkeypatch.setattr("sys.stderr", errors)
    monkeypatch.setattr(rpc, "_PAUSE_S", 0.01)
    (port,) = free_ports(1)
    tries: list[int] = []
    with ExitStack() as first, ExitStack() as second:
        address, _ = first.enter_context(telling(scheduling(1), port=port))

        def looking(*_: Any, **__: Any) -> dict[str, Any]:
            document = real(*_, **__)
            if tries:
                raise KeyboardInterrupt
            first.close()
            return document

        def pause() -> None:
            tries.append(1)
            if len(tries) == 2:
                second.enter_context(telling(scheduling(2), port=port))

        real = documents.document
        monkeypatch.setattr(command, "document", looking)
        monkeypatch.setattr(command, "_pause", pause)
        status, said = call("gpus", "--server", address, "--watch", "-o", "json")
    assert status == 0
    assert [len(json.loads(line)["nodes"]) for line in said.splitlines()] == [1]
    assert len(tries) >= 2
    told = errors.getvalue()  # the extender of this test may write its log to the same place
    assert f"plimsoll: the extender at {address} " in told
    assert told.count("The map above is of before; it goes on when the extender answers.\n") == 1, "not at every try"


def test_where_nothing_answers_the_way_to_a_cluster_is_said(call: Call) -> None:
    (port,) = free_ports(1)
    for arguments in (("gpus",), ("gpus", "--watch"), ("explain", "pod", "chat/p")):
        assert call(*arguments, "--server", f"127.0.0.1:{port}")[0] == (
            f"plimsoll: no extender answers at 127.0.0.1:{port}: name another with --server, or reach the one of a "
            "cluster with kubectl -n plimsoll-system port-forward deploy/plimsoll-scheduler 8903"
        )


def test_one_that_is_not_ready_says_so(call: Call) -> None:
    with telling(scheduling(), ready=False) as (address, _):
        assert call("gpus", "--server", address)[0] == (
            f"plimsoll: the extender at {address} cannot answer now: the extender is not ready: nodes and pods are "
            "still being listed; ask again"
        )


def test_explain_pod_says_why_a_pod_waits_and_why_another_is_where_it_is(call: Call) -> None:
    s = scheduling(1)
    place(s, pod("p", WHOLE), "n0")
    s.filter(pod("q"), ["n0"], 1.0)
    with telling(s) as (address, _):
        status, waits = call("explain", "pod", "chat/q", "--server", address)
        assert status == 0
        assert waits.splitlines()[:4] == [
            "chat/q waits for 0.5 of a GPU",
            "  it is in no project; its kind is foreign",
            "",
            "  1 node  no device with 500 milli-GPU free  n0",
        ]
        status, placed = call("explain", "pod", "chat/p", "--server", address)
        assert status == 0
        assert placed.splitlines()[0] == "chat/p is bound to node n0: device 0 (T4), 1 GPU"
        told = json.loads(call("explain", "pod", "chat/q", "--server", address, "-o", "json")[1])
        assert told["waits"]["misfits"] == [
            {"reason": "no device with 500 milli-GPU free", "nodes": 1, "examples": ["n0"]}
        ]
        told = json.loads(call("explain", "pod", "chat/p", "--server", address, "-o", "json")[1])
        assert (told["placed"]["node"], told["placed"]["weighed"]["fitted"]) == ("n0", 1)
        assert call("explain", "pod", "chat/r", "--server", address)[0].startswith(
            "plimsoll: there is no pod chat/r here that asks for GPUs"
        )


def test_explain_pod_tells_of_a_gang_that_waits_and_of_one_that_runs(call: Call) -> None:
    cluster = Cluster(nodes=1)
    cluster.create("small", 1)
    cluster.create("large", 2, 2)
    cluster.turn()
    with telling(cluster.scheduling) as (address, _):
        waits = call("explain", "pod", "default/large-002", "--server", address)[1].splitlines()
        assert waits[2] == "  it is one of gang large, which needs 2 pods at once"
        assert "  2 pods needed at once, 0 fit; the next: 1 node: no whole GPU free" in waits
        placed = call("explain", "pod", "default/small-001", "--server", address)[1].splitlines()
        assert placed[-1] == "  the plan of its gang put it there"
        told = json.loads(call("explain", "pod", "default/large-002", "--server", address, "-o", "json")[1])
        assert told["gang"].pop("since_ms") > 0
        assert told["gang"] == {
            "name": "large",
            "stage": "waiting",
            "needed": 2,
            "bound": 0,
            "promised": 0,
            "waiting": 2,
            "reason": "2 pods needed at once, 0 fit; the next: 1 node: no whole GPU free",
            "undone": 0,
            "kept_nodes": [],
        }
        told = json.loads(call("explain", "pod", "default/small-001", "--server", address, "-o", "json")[1])
        assert (told["gang"]["stage"], told["placed"]["by_plan"]) == ("whole", True)


def test_explain_pod_tells_who_left_for_whom_and_gpus_who_is_nominated(call: Call) -> None:
    cluster = Preempting(gpus=2)
    for name in "ab":
        cluster.train(name, whole())
    cluster.pod("serve", whole())
    cluster.turn()
    (victim,) = cluster.evicted
    with telling(cluster.scheduling) as (address, there):
        waits = call("explain", "pod", "search/serve", "--server", address)[1].splitlines()
        assert waits[2] == "  room is made for it on node n0: 1 pod has yet to leave"
        assert waits[3].startswith("  1 train pod of 2 that may leave is leaving for it; planned ")
        assert waits[5].split()[:4] == [f"vision/{victim}", "n0", "1", "vision"]
        map_ = call("gpus", "--server", address)[1]
        assert f"vision/{victim} 1" in map_
        assert "search/serve 1 (nominated)" in map_
        told = json.loads(call("explain", "pod", "search/serve", "--server", address, "-o", "json")[1])
        made = told["preemption"]
        assert (made["stage"], made["there"], made["victims"][0]["name"]) == ("leaving", 1, victim)
        assert told["eviction"] is None
        there(lambda: until(cluster, ["serve"]))
        gone = call("explain", "pod", f"vision/{victim}", "--server", address)[1].splitlines()
        assert gone[0].startswith(f"vision/{victim} is gone: it was evicted ")
        assert gone[0].endswith(" to make room for pod search/serve")
        told = json.loads(call("explain", "pod", f"vision/{victim}", "--server", address, "-o", "json")[1])
        assert "waits" not in told
        assert "placed" not in told
        assert (told["eviction"]["made_for"], told["eviction"]["candidates"]) == ("pod search/serve", 2)
        assert told["eviction"]["evicted_ms"] > 0


@pytest.mark.parametrize("name", ["p", "/p", "chat/", "chat/p/1", ""])
def test_a_malformed_name_of_a_pod_is_one_sentence(call: Call, name: str) -> None:
    assert call("explain", "pod", name)[0] == (
        f'plimsoll: "{name}" must be NAMESPACE/NAME, such as chat/llama-0: kubectl get pods -A lists them'
    )


@pytest.mark.parametrize(
    "arguments",
    [("pod", "a/b", "c/d"), ("pod", "a/b", "--kind", "Job"), ("a/b", "c/d"), ("pod", "a/b", "--replay", "-")],
)
def test_what_does_not_go_together_is_a_problem_of_usage(call: Call, arguments: tuple[str, ...]) -> None:
    assert call("explain", *arguments)[0] == 2


def test_a_picture_is_cut_to_the_screen_and_its_sums_stay() -> None:
    lines = [f"line {number}" for number in range(10)]
    assert cropped(lines, 5, 80) == [
        "line 0",
        "line 1",
        "line 2",
        "... 6 more lines: narrow it with --node or --model",
        "line 9",
    ]
    assert cropped(lines, 10, 4) == ["line"] * 10
