"""A small cluster with its pods and their order, made here, for the tests of the replay."""

from __future__ import annotations

import gzip
from random import Random
from typing import TYPE_CHECKING

from extender.replay.trace import Trace, nodes_in, pods_in, trace_of

if TYPE_CHECKING:
    from pathlib import Path

NODES = ["sn,cpu_milli,memory_mib,gpu,model"] + [
    f"node-{number:02},{cpu},262144,{gpus},{model}"
    for number, (cpu, gpus, model) in enumerate(
        [(32_000, 4, "G2")] * 6 + [(64_000, 2, "T4")] * 4 + [(16_000, 2, "P100")] * 2
    )
]
_KINDS = [
    ("3000", "1", "810", ""),
    ("8000", "1", "470", ""),
    ("7900", "1", "1000", ""),
    ("6000", "0", "0", ""),
    ("16000", "2", "1000", ""),
    ("4000", "1", "1000", "T4"),
    ("4000", "1", "500", "P100|T4"),
]
_DRAWN = Random(7)  # noqa: S311  a made-up cluster, not a secret
PODS = ["name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"] + [
    f"pod-{number:03},{cpu},1024,{count},{milli},{spec}"
    for number, (cpu, count, milli, spec) in enumerate(_DRAWN.choices(_KINDS, [8, 4, 6, 2, 1, 2, 2], k=80))
]
ORDER = [" ".join(map(str, _DRAWN.sample(range(12), 12))), *map(str, _DRAWN.sample(range(80), 80))]


def trace() -> Trace:
    return trace_of(nodes_in("nodes.csv", NODES), pods_in("pods.csv", PODS), "order.txt", ORDER)


def written(folder: Path) -> list[str]:
    """Write the three files, the order gzipped; return the flags that name them."""
    flags: list[str] = []
    for flag, name, lines in (
        ("--nodes", "nodes.csv", NODES),
        ("--pods", "pods.csv", PODS),
        ("--order", "order.txt.gz", ORDER),
    ):
        path = folder / name
        text = "\n".join(lines).encode() + b"\n"
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
        flags += [flag, str(path)]
    return flags
