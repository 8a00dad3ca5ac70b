"""The stories in tests/scenarios/autoscaler come out as they are written there.

A story: a comment that says what happens, then lines of input, `----`, and what was decided, one line for each change
of the replica count or the mode. `make unit` compares; `pytest tests/autoscaler/core/test_scenarios.py --rewrite`
writes what came out into the files, to be read as a diff.

Input, in order:
- `workload target=10 min=1 max=20 window=60 ready=2 start=5`: the parameters (utilisation 100 %, panic window a tenth),
  the replicas at the beginning, and the seconds that a new replica needs to become ready; also `up`, `down` (rates),
  `delay` (scale-down-delay), `activation` and `starting` (replicas that were asked for besides, and are not ready yet).
- `claim never below 4 after 60s` (or `never above`): what must hold here, and what the law of the original does not
  keep when it is fed as the original is.
- `for 60s load=45`: time passes; `load` is the number of requests at once, spread evenly over the ready replicas.
  `seen=none`: Prometheus is away; `seen=some`: it has samples of the first replica only; `seen=twice`: of each by two
  replicas of Prometheus; `seen=late`: what is measured arrives only with the next second that is not late.
  `signal=90`: what the workload's own query says, by which Plimsoll decides.
  `arrivals=20 service=2` in place of `load`: so many requests come a second and take so many seconds each; a replica
  works on `limit` at once (a key of `workload`), the others wait.
  `room=12`: so many replicas can be placed from now on, others stay pending; with `places=limit` in the first line the
  replicas are limited to what can be placed, as far as the extender answers (`extender=away`: it does not).
- The keys that are not the original's: `counting=starting` with `deadline` (start-deadline), `estimate=offered` with
  `drain`, `hold` (panic-exit-hold), `period` (rate-period), `places=limit` (limit-to-placeable).
- `set delay=60`: a key is changed. `restart`: the autoscaler is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.core.model import Estimate, Policy
from tests.autoscaler.core.playing import BEGIN, TICK_S, Original, Plimsoll, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.autoscaler.core.playing import Decider, Told

STORIES = sorted(Path("tests/scenarios/autoscaler").glob("*.txt"))
_CLAIM = re.compile(r"claim never (below|above) (\d+) after (\d+)s")
_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "target": ("target", float),
    "window": ("stable_window_s", int),
    "min": ("min_scale", int),
    "max": ("max_scale", int),
    "up": ("max_scale_up_rate", float),
    "down": ("max_scale_down_rate", float),
    "delay": ("scale_down_delay_s", int),
    "activation": ("activation_scale", int),
    "counting": ("count_starting_replicas", lambda text: text == "starting"),
    "estimate": ("load_estimate", Estimate),
    "drain": ("drain_period_s", int),
    "hold": ("panic_exit_hold_s", int),
    "period": ("rate_period_s", int),
    "deadline": ("start_deadline_s", int),
    "places": ("limit_to_placeable", lambda text: text == "limit"),
}


@dataclass(frozen=True)
class Claim:
    """Replicas never beyond a count after a time."""

    side: str
    replicas: int
    after_s: int

    def kept(self, told: list[tuple[int, Told]]) -> bool:
        late = [each.replicas for at_s, each in told if at_s > self.after_s]
        return min(late) >= self.replicas if self.side == "below" else max(late) <= self.replicas


def policy_of(given: dict[str, str], base: Policy) -> Policy:
    changed = {field: read(given[key]) for key, (field, read) in _KEYS.items() if key in given}
    policy = replace(base, **changed)
    return replace(policy, panic_window_s=max(1, policy.stable_window_s // 10))


def play(lines: list[str], who: type[Plimsoll | Original]) -> list[tuple[int, Told]]:
    """Return what was decided at each tick."""
    given = _pairs(lines[0].removeprefix("workload "))
    policy = policy_of(given, Policy())
    ready, starting = int(given["ready"]), int(given.get("starting", "0"))
    start = int(given.get("start", "0"))
    world = World(start=start, ready=ready, asked=ready + starting, coming=[BEGIN + start] * starting)
    decider: Decider = who(policy)
    now, told = BEGIN, []
    for line in lines[1:]:
        if line == "restart":
            decider.restart()
            continue
        if line.startswith("set "):
            policy = policy_of(_pairs(line.removeprefix("set ")), policy)
            decider.follow(policy, now)
            continue
        length, rest = line.removeprefix("for ").split("s ", 1)
        step = _pairs(rest)
        seen = step.get("seen", "all")
        for _ in range(int(length)):
            world.room = int(step["room"]) if "room" in step else world.room
            world.answers = step.get("extender") != "away"
            if "arrivals" in step:
                world.serve(now, float(step["arrivals"]), float(step["service"]), float(given["limit"]))
            else:
                world.second(now, float(step["load"]), seen, float(step["signal"]) if "signal" in step else None)
            now += 1
            if (now - BEGIN) % TICK_S:
                continue
            told.append((now - BEGIN, decider.decide(world, now, seen)))
            world.scale(now, told[-1][1].replicas)
    return told


def changes(told: list[tuple[int, Told]]) -> list[str]:
    """Return a line a change of the replica count or the mode."""
    lines, last = [], None
    for at_s, each in told:
        if (each.replicas, each.mode) != last:
            last = each.replicas, each.mode
            lines.append(f"{at_s:4}s {each.replicas:3} {each.mode:6} {each.reason}".rstrip())
    return lines


def stories(file: Path) -> list[tuple[str, list[str], Claim | None]]:
    """Return each story of a file: as it is given, its input, and its claim."""
    result = []
    for story in file.read_text().strip().split("\n\n"):
        given, _, _ = story.partition("\n----")
        lines = [line for line in given.splitlines() if not line.startswith("#")]
        claims = [found for line in lines if (found := _CLAIM.fullmatch(line))]
        claim = Claim(claims[0][1], int(claims[0][2]), int(claims[0][3])) if claims else None
        result.append((given, [line for line in lines if not line.startswith("claim")], claim))
    return result


@pytest.mark.parametrize("file", STORIES, ids=lambda path: path.stem)
def test_the_stories_come_out_as_written(file: Path, request: pytest.FixtureRequest) -> None:
    played = ["\n".join([given, "----", *changes(play(lines, Plimsoll))]) for given, lines, _ in stories(file)]
    written = file.read_text().strip().split("\n\n")
    if request.config.getoption("--rewrite"):
        file.write_text("\n\n".join(played) + "\n")
    assert played == written


CLAIMED = [
    pytest.param(lines, claim, id=f"{file.stem}, {given.splitlines()[0].strip('# ')}")
    for file in STORIES
    for given, lines, claim in stories(file)
    if claim is not None
]


@pytest.mark.parametrize(("lines", "claim"), CLAIMED)
def test_a_claim_is_kept_here_and_not_by_the_original(lines: list[str], claim: Claim) -> None:
    assert claim.kept(play(lines, Plimsoll))
    assert not claim.kept(play(lines, Original))


def test_there_are_stories_and_claims() -> None:
    assert STORIES
    assert len(CLAIMED) >= 5


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())
