"""Made-up moments of a demo, for what draws them."""

from __future__ import annotations

from plimsoll.demo.core.gpus import GpuNode, Share
from plimsoll.demo.core.picture import Answer, History, Notice, Picture, Standing, Traffic

WHOLE = (Share("train-0", "train", 1000),)
QUARTERS = tuple(Share(f"chat-{number}", "chat", 250) for number in range(3))
NODES = (GpuNode("gpu-00", (WHOLE, QUARTERS)), GpuNode("gpu-01", ((), ())))


def standing(name: str, ready: int, desired: int, mode: str = "stable", reason: str = "why not") -> Standing:
    return Standing("demo", name, ready, ready, desired, 3.25, None, mode, reason, 0.0)


def picture(at_s: float, *standings: Standing, phase: str = "burst") -> Picture:
    return Picture(
        at_s=at_s,
        phase=phase,
        left_s=60.0,
        standings={each.name: each for each in standings},
        nodes=NODES,
        notices=(Notice(at_s, "deployment/chat", "ScaledUp", "replicas 1 -> 2", warning=False),),
        traffic=Traffic(per_s=7, in_flight=5, served=100, failed=1),
    )


def history() -> History:
    told = History()
    for second in range(10):
        ready, mode = (1, "stable") if second < 4 else (3, "panic")
        told.add(picture(float(second), standing("chat", ready, ready, mode), standing("embed", 1, 1)))
    told.answers = [Answer("chat", 1.0, latency / 100, served=True) for latency in range(1, 101)]
    told.answers.append(Answer("embed", 2.0, 9.0, served=False))
    told.notices = [Notice(4.0, "deployment/chat", "ScaledUp", "<b>1 & 2</b>", warning=False)]
    return told
