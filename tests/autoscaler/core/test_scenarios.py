"""The stories in tests/scenarios/autoscaler come out as they are written there.

A story: a comment that says what happens, then lines of input, `----`, and what was decided, one line for each change
of the replica count or the mode. `make unit` compares; `pytest tests/autoscaler/core/test_scenarios.py --rewrite`
writes what came out into the files, to be read as a diff.

Input, in order:
- `workload target=10 min=1 max=20 window=60 ready=2 start=5`: the parameters (utilisation 100 %, panic window a tenth),
  the replicas at the beginning, and the seconds that a new replica needs to become ready.
- `for 60s load=45`: time passes; `load` is the number of requests at once, spread evenly over the ready replicas.
  `seen=none`: Prometheus is away; `seen=some`: it has samples of the first replica only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autoscaler.core.fleet import Fleet, Look
from autoscaler.core.gathering import gather
from autoscaler.core.model import Policy, Question
from autoscaler.core.observation import NO_SAMPLES, Samples
from autoscaler.core.queries import Selection

STORIES = sorted(Path("tests/scenarios/autoscaler").glob("*.txt"))
BEGIN = 1_000_000
TICK_S = 2
_SELECTION = Selection.of(Question())


@dataclass
class World:
    """A workload whose replicas become ready `start` seconds after they are asked for, and go at once."""

    start: int
    ready: int
    asked: int
    coming: list[int] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)

    def second(self, now: int, load: float, seen: str) -> None:
        """Let one second pass, and remember what was scraped in it."""
        self.ready += sum(at <= now for at in self.coming)
        self.coming = [at for at in self.coming if at > now]
        shown = {"all": self.ready, "some": min(1, self.ready), "none": 0}[seen]
        self.history.append({f"p{i}": load / self.ready for i in range(shown)})

    def scale(self, now: int, replicas: int) -> None:
        """Ask for replicas; what was to come goes first."""
        gone = max(0, self.asked - replicas)
        kept = max(0, len(self.coming) - gone)
        self.ready -= gone - (len(self.coming) - kept)
        self.coming = self.coming[:kept] + [now + self.start] * max(0, replicas - self.asked)
        self.asked = replicas

    def samples(self, now: int) -> Samples:
        """Return what Prometheus has of the last 40 seconds."""
        recent = list(enumerate(self.history))[-40:]
        pods = sorted({pod for _, scraped in recent for pod in scraped})
        begin = now - len(self.history)
        name = {"__name__": "vllm:num_requests_running", "namespace": "ns"}
        return gather(
            _SELECTION,
            (
                (
                    {**name, "pod": pod},
                    tuple((begin + i + 0.5, scraped[pod]) for i, scraped in recent if pod in scraped),
                )
                for pod in pods
            ),
        )


def play(lines: list[str]) -> list[str]:
    """Return what was decided, a line a change."""
    given = _pairs(lines[0].removeprefix("workload "))
    policy = Policy(
        target=float(given["target"]),
        stable_window_s=int(given.get("window", "60")),
        panic_window_s=max(1, int(given.get("window", "60")) // 10),
        min_scale=int(given.get("min", "0")),
        max_scale=int(given.get("max", "0")),
        max_scale_up_rate=float(given.get("up", "1000")),
        max_scale_down_rate=float(given.get("down", "2")),
    )
    ready = int(given["ready"])
    world = World(start=int(given.get("start", "0")), ready=ready, asked=ready)
    fleet = Fleet()
    fleet.follow("a", policy, 1000 * BEGIN)
    now, told, out = BEGIN, None, []
    for line in lines[1:]:
        length, rest = line.removeprefix("for ").split("s ", 1)
        step = _pairs(rest)
        seen = step.get("seen", "all")
        for _ in range(int(length)):
            world.second(now, float(step["load"]), seen)
            now += 1
            if (now - BEGIN) % TICK_S:
                continue
            samples = NO_SAMPLES if seen == "none" else world.samples(now)
            fleet.tick(1000 * now, {"a": _look(world, samples)})
            decision = fleet.decision("a")
            assert decision is not None
            if (decision.desired, decision.mode) != told:
                told = decision.desired, decision.mode
                out.append(f"{now - BEGIN:4}s {decision.desired:3} {decision.mode.value:6} {decision.reason}")
            world.scale(now, decision.desired)
    return out


@pytest.mark.parametrize("file", STORIES, ids=lambda path: path.stem)
def test_the_stories_come_out_as_written(file: Path, request: pytest.FixtureRequest) -> None:
    written = file.read_text().strip().split("\n\n")
    played = []
    for story in written:
        given, _, _ = story.partition("\n----")
        lines = [line for line in given.splitlines() if not line.startswith("#")]
        played.append("\n".join([given, "----", *play(lines)]))
    if request.config.getoption("--rewrite"):
        file.write_text("\n\n".join(played) + "\n")
    assert played == written


def test_there_are_stories() -> None:
    assert STORIES


def _look(world: World, samples: Samples) -> Look:
    return Look(world.asked, world.ready, samples, tuple(("ns", f"p{i}") for i in range(world.ready)))


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())
