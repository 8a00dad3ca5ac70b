"""The extender that the benchmark of serving measures answers what it is asked, and as the plain best fit would."""

from __future__ import annotations

import json
import time

from extender.core.packing.settings import Strategy
from extender.shell.http import Asgi
from tests.benchmarks.serving_extender import listed
from tests.benchmarks.serving_load import CPU, Questions, cluster

_GPUS = 8 * 1000


async def test_the_measured_extender_gives_each_pod_the_best_fit_among_the_nodes_it_is_asked_about() -> None:
    extender = listed(Strategy.BEST_FIT)
    served = Asgi(extender, extender.telemetry)
    body = next(Questions(1000).bodies())
    page = await served._verb("filter", body, time.monotonic())
    assert page.status == 200
    asked = json.loads(body)
    milli = round(float(asked["Pod"]["metadata"]["annotations"]["gpu-fraction"]) * 1000)
    fitting = [node for node in cluster() if node.name in set(asked["NodeNames"]) and max(node.free) >= milli]

    def left_over(cpu: int, free: int) -> float:
        return max(cpu, 0) / CPU + free / _GPUS

    best = min(fitting, key=lambda node: (-(-50 * left_over(node.cpu - 4000, sum(node.free) - milli) // 1), node.name))
    assert json.loads(page.body)["NodeNames"] == [best.name]
