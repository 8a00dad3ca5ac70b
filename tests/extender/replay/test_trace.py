"""A trace is read as it stands; what breaks its rule is named with its file, line, value and rule."""

from __future__ import annotations

import pytest

from extender.core.model import Shape
from extender.replay.trace import BadInput, nodes_in, pods_in, trace_of
from kube.gpus import MilliGpu, Share
from tests.extender.replay.traces import NODES, ORDER, PODS, trace

NODE, POD = "sn,cpu_milli,memory_mib,gpu,model", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"


def test_nodes_and_pods_are_what_the_tables_say() -> None:
    (node,) = nodes_in("n", [NODE, "a,64000,262144,2,T4"])
    assert (node.cpu, node.memory, len(node.devices), node.model) == (64_000, 262_144, 2, "T4")
    assert pods_in("p", [POD, "x,4000,100,1,470,T4|A10|T4", "y,1000,10,0,0,"]) == (
        Shape(Share(1, MilliGpu(470)), 4000, 100, ("A10", "T4")),
        Shape(None, 1000, 10),
    )


def test_columns_may_stand_in_another_order_and_beside_others_and_models_may_lack() -> None:
    pods = pods_in("p", ["qos,gpu_milli,num_gpu,memory_mib,cpu_milli,name", "LS,1000,8,3,2,x"])
    assert pods == (Shape(Share(8, MilliGpu(1000)), 2, 3),)


def test_the_first_node_by_name_is_the_one_of_least_rank() -> None:
    nodes = nodes_in("n", [NODE, "b,1,1,1,T4", "a,1,1,1,T4", "c,1,1,1,T4"])
    read = trace_of(nodes, pods_in("p", PODS), "o", ["2 10 1", "0"])
    assert [node.name for node in read.nodes] == ["01-c", "02-a", "10-b"]
    assert read.capacity == 3000


def test_the_small_trace_is_whole() -> None:
    assert (len(trace().nodes), len(trace().pods), len(trace().arrivals)) == (12, 80, 80)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["sn,cpu_milli"], 'n, line 1: head "sn,cpu_milli" must be a list of columns with memory_mib among them'),
        ([], 'n, line 1: head "" must be a list of columns with sn among them'),
        ([NODE, "a,64000,262144,2"], 'n, line 2: row "a,64000,262144,2" must be one of 5 values, as the head has'),
        ([NODE, "a,64000,262144,two,T4"], 'n, line 2: gpu "two" must be a whole number from 0 to 64'),
        ([NODE, "a,64000,262144,65,T4"], 'n, line 2: gpu "65" must be a whole number from 0 to 64'),
        ([NODE, "a,-1,262144,2,T4"], 'n, line 2: cpu_milli "-1" must be a whole number from 0 to 2147483647'),
        ([NODE, "a,1.5,262144,2,T4"], 'n, line 2: cpu_milli "1.5" must be a whole number from 0 to 2147483647'),
        ([NODE, "a,1,1,1,T4", "a,1,1,1,T4"], 'n, line 3: sn "a" must be a name that no other node has'),
        ([NODE, "a,1,1,0,T4"], 'n, line 1: gpu "0" must be above 0 on at least one node'),
    ],
)  # fmt: skip
def test_a_bad_table_of_nodes_is_named(lines: list[str], sentence: str) -> None:
    with pytest.raises(BadInput) as problem:
        nodes_in("n", lines)
    assert str(problem.value) == f"{sentence}; nothing was replayed"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("x,1,1,1,0,", 'p, line 2: gpu_milli "0" must be a whole number from 1 to 1000'),
        ("x,1,1,1,1001,", 'p, line 2: gpu_milli "1001" must be a whole number from 1 to 1000'),
        ("x,1,1,,1000,", 'p, line 2: num_gpu "" must be a whole number from 0 to 64'),
        ("x,1,1,0,0,", 'p, line 1: num_gpu "0" must be above 0 for at least one pod'),
        ("x,1,1,٣,1000,", 'p, line 2: num_gpu "٣" must be a whole number from 0 to 64'),
    ],
)
def test_a_bad_pod_is_named(row: str, sentence: str) -> None:
    with pytest.raises(BadInput) as problem:
        pods_in("p", [POD, row])
    assert str(problem.value) == f"{sentence}; nothing was replayed"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["0 1", "0"], 'o, line 1: number of ranks "2" must be that of the nodes, 12'),
        (["0 1 1", "0"], 'o, line 1: rank "1" must be a whole number that no other node has'),
        (["0 x", "0"], 'o, line 1: rank "x" must be a whole number that no other node has'),
        ([ORDER[0], "0", "80"], 'o, line 3: row "80" must be a row of the table of pods, a whole number from 0 to 79'),
        ([ORDER[0], "pod-1"], 'o, line 2: row "pod-1" must be a row of the table of pods, a whole number from 0 to 79'),
        ([ORDER[0]], 'o, line 2: row "" must be there: at least one pod has to arrive'),
        ([], 'o, line 1: number of ranks "0" must be that of the nodes, 12'),
    ],
)  # fmt: skip
def test_a_bad_order_is_named(lines: list[str], sentence: str) -> None:
    with pytest.raises(BadInput) as problem:
        trace_of(nodes_in("n", NODES), pods_in("p", PODS), "o", lines)
    assert str(problem.value) == f"{sentence}; nothing was replayed"


def test_arrivals_that_ask_for_no_gpu_at_all_are_refused() -> None:
    pods = pods_in("p", [POD, "x,1,1,0,0,", "y,1,1,1,500,"])
    with pytest.raises(BadInput) as problem:
        trace_of(nodes_in("n", NODES), pods, "o", [ORDER[0], "0", "0"])
    assert str(problem.value).startswith('o, line 2: row "0" must be that of a pod with a GPU')


def test_a_long_value_is_cut() -> None:
    with pytest.raises(BadInput) as problem:
        pods_in("p", [POD, f"x,{'9' * 500},1,1,1000,"])
    assert f'"{"9" * 64}..."' in str(problem.value)
