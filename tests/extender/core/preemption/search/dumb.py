"""The dumb twin: all closed sets in the order of their cost, each packed by plain trial. And random clusters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from extender.core.preemption.search.field import Candidate, Choice, Field, Need

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

Cost = tuple[tuple[tuple[int, int], ...], int, int]


def closure(field: Field, some: Iterable[int]) -> frozenset[int]:
    gone = frozenset(some)
    while True:
        more = gone.union(*(field.candidates[one].takes for one in gone))
        if more == gone:
            return gone
        gone = more


def within_quota(field: Field, gone: Iterable[int]) -> set[int]:
    """Tell which victims their project runs within its quota, as the glossary has it: one after the other."""
    lost: dict[str, int] = {}
    found = set()
    victims = sorted(
        gone, key=lambda one: (field.candidates[one].priority, field.candidates[one].charge, field.candidates[one].uid)
    )
    for one in victims:
        each = field.candidates[one]
        if each.reservation or not each.project:
            continue
        if lost.get(each.project, 0) >= max(0, (field.over or {}).get(each.project, 0)):
            found.add(one)
        lost[each.project] = lost.get(each.project, 0) + each.charge
    return found


def dumb_cost(field: Field, gone: Iterable[int]) -> Cost:
    gone = set(gone)
    within = within_quota(field, gone)
    pods = [one for one in gone if not field.candidates[one].reservation]
    levels = sorted({each.priority for each in field.candidates}, reverse=True)
    counts = tuple(
        (
            sum(1 for one in pods if field.candidates[one].priority == level and one in within),
            sum(1 for one in pods if field.candidates[one].priority == level and one not in within),
        )
        for level in levels
    )
    return counts, sum(field.candidates[one].work for one in pods), len(gone) - len(pods)


def allowed(field: Field, gone: Iterable[int]) -> bool:
    gone = set(gone)
    for budget, most in enumerate(field.budgets):
        if sum(1 for one in gone if budget in field.candidates[one].budgets) > most:
            return False
    return not (field.borrowed_only and within_quota(field, gone))


def room_after(field: Field, gone: Iterable[int]) -> tuple[list[list[int]], list[list[int]]]:
    gone = set(gone)
    free = [list(devices) for devices in field.devices]
    left = [list(each) for each in field.left]
    for at, each in enumerate(field.candidates):
        if at not in gone:
            for device, milli in each.held:
                free[each.node][device] -= milli
            for resource, amount in enumerate(each.requests):
                left[each.node][resource] -= amount
    return free, left


def packs(needs: Sequence[Need], free: list[list[int]], left: list[list[int]]) -> bool:
    if not needs:
        return True
    need, *rest = needs
    tried = set()
    for node, size in enumerate(need.milli):
        if not size or any(
            wanted > there for wanted, there in zip(need.requests, left[node], strict=True) if wanted > 0
        ):
            continue
        enough = [device for device, milli in enumerate(free[node]) if milli >= size]
        for devices in combinations(enough, need.devices):
            free_then = [list(each) for each in free]
            left_then = [list(each) for each in left]
            for device in devices:
                free_then[node][device] -= size
            left_then[node] = [there - wanted for there, wanted in zip(left[node], need.requests, strict=True)]
            state = (tuple(map(tuple, free_then)), tuple(map(tuple, left_then)))
            if state not in tried and packs(rest, free_then, left_then):
                return True
            tried.add(state)
    return False


def suffices(needs: Sequence[Need], field: Field, gone: Iterable[int]) -> bool:
    return packs(needs, *room_after(field, gone))


def closed_sets(field: Field) -> set[frozenset[int]]:
    closures = {closure(field, (one,)) for one in range(len(field.candidates))}
    sets = {frozenset[int]()}
    for each in closures:
        sets |= {one | each for one in sets}
    return sets


def dumb_cheapest(needs: Sequence[Need], field: Field) -> Cost | None:
    """Return what the cheapest sufficient set costs; None where there is none."""
    sets = [(dumb_cost(field, gone), sorted(gone)) for gone in closed_sets(field) if allowed(field, gone)]
    if not suffices(needs, field, range(len(field.candidates))):
        return None
    for price, gone in sorted(sets):
        if suffices(needs, field, gone):
            return price
    return None


def wrong(needs: Sequence[Need], field: Field, choice: Choice) -> str:  # noqa: C901 - a law a line
    """Return what is wrong with a choice, whatever it costs; "" where nothing is."""
    gone = frozenset(choice.victims)
    if closure(field, gone) != gone or list(choice.victims) != sorted(gone):
        return "not closed, or not in order"
    if not allowed(field, gone):
        return "a budget or a quota is hurt"
    free, left = room_after(field, gone)
    if len(choice.places) != len(needs):
        return "not all have been placed"
    for need, (node, devices) in zip(needs, choice.places, strict=True):
        if not need.milli[node] or len(set(devices)) != need.devices:
            return "a node does not suit, or the devices are not as many"
        for device in devices:
            free[node][device] -= need.milli[node]
            if free[node][device] < 0:
                return "a device is taken twice"
        for resource, amount in enumerate(need.requests):
            left[node][resource] -= amount
    for need, (node, _) in zip(needs, choice.places, strict=True):
        if any(wanted > 0 > there for wanted, there in zip(need.requests, left[node], strict=True)):
            return "a resource is taken twice"
    for one in sorted(gone):
        rest = gone - closure(field, (one,))
        if closure(field, rest) == rest and suffices(needs, field, rest):
            return f"{one} leaves in vain"
    return ""


@dataclass(frozen=True)
class Shape:
    """What random clusters are like."""

    nodes: int = 3
    devices: int = 3
    candidates: int = 9
    needs: int = 3
    kinds: int = 2
    resources: int = 1
    gangs: float = 0.3
    one_way: float = 0.05
    wide: float = 0.3
    budgets: int = 2
    projects: int = 2
    priorities: int = 2
    sizes: tuple[int, ...] = (200, 250, 300, 500, 700, 1000)


def cluster(random: Random, shape: Shape) -> tuple[list[Need], Field]:
    """Return a cluster that is as full as its candidates make it, and pods that need room there."""
    nodes = random.randint(1, shape.nodes)
    widths = [random.randint(1, shape.devices) for _ in range(nodes)]
    room = [[1000] * width for width in widths]
    resources = random.randint(0, shape.resources)
    raw: list[tuple[int, list[tuple[int, int]], tuple[int, ...]]] = []
    for _ in range(random.randint(0, shape.candidates)):
        node = random.randrange(nodes)
        wanted = 1 if random.random() > shape.wide else random.randint(0, widths[node])
        size = random.choice(shape.sizes)
        free = [device for device in range(widths[node]) if room[node][device] >= size]
        held = sorted(random.sample(free, min(wanted, len(free))))
        for device in held:
            room[node][device] -= size
        raw.append((node, [(device, size) for device in held], tuple(random.randint(0, 4) for _ in range(resources))))
    takes = [{at} for at in range(len(raw))]
    if raw:
        for _ in range(len(raw)):
            if random.random() < shape.gangs / 2:
                one, other = random.randrange(len(raw)), random.randrange(len(raw))
                together = takes[one] | takes[other]
                for at in together:
                    takes[at] = together
            elif random.random() < shape.one_way:
                one, other = random.randrange(len(raw)), random.randrange(len(raw))
                takes[one] = takes[one] | {other}
    budgets = random.randint(0, shape.budgets)
    projects = ["", *(f"project-{at}" for at in range(random.randint(0, shape.projects)))]
    uids = [f"uid-{at:03}" for at in range(len(raw))]
    random.shuffle(uids)
    candidates = tuple(
        Candidate(
            uid=uids[at],
            node=node,
            held=tuple(held),
            requests=requests,
            takes=tuple(sorted(takes[at])),
            budgets=tuple(sorted(random.sample(range(budgets), random.randint(0, budgets)))),
            reservation=random.random() < 0.1,
            priority=random.randrange(shape.priorities) * 100,
            project=random.choice(projects),
            charge=sum(milli for _, milli in held),
            work=random.choice([0, 10, 60, 61, 600]),
        )
        for at, (node, held, requests) in enumerate(raw)
    )
    elsewhere = [[random.choice([0, 0, 0, 300, 500]) for _ in range(width)] for width in widths]
    devices = tuple(
        tuple(1000 - min(other, spare) for other, spare in zip(elsewhere[node], room[node], strict=True))
        for node in range(nodes)
    )
    used = [
        [sum(each.requests[at] for each in candidates if each.node == node) for at in range(resources)]
        for node in range(nodes)
    ]
    left = tuple(tuple(amount + random.randint(-1, 4) for amount in used[node]) for node in range(nodes))
    kinds = []
    for _ in range(random.randint(1, shape.kinds)):
        size = random.choice(shape.sizes)
        milli = tuple(random.choice([size, size, size, size, 0, random.choice(shape.sizes)]) for _ in range(nodes))
        most = max(1, shape.devices - 1)
        kinds.append(
            Need(random.choice([1, 1, 1, most, 0]), milli, tuple(random.randint(0, 3) for _ in range(resources)))
        )
    needs = [random.choice(kinds) for _ in range(random.randint(1, shape.needs))]
    field = Field(
        devices,
        left,
        candidates,
        tuple(random.randint(0, 3) for _ in range(budgets)),
        random.choice([None, {project: random.choice([-100, 0, 300, 800, 5000]) for project in projects if project}]),
        borrowed_only=random.random() < 0.15,
    )
    return needs, field
