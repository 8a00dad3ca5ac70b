"""How does a person read one decision? As a headline, the chain that led to it, and the last changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.explanation import chain
from plimsoll.explain.core.times import ago, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.core.decisions.explained_law import Step
    from autoscaler.core.decisions.record import Record
    from autoscaler.core.model import Decision
    from plimsoll.explain.core.told import ToldOne


def explained(told: ToldOne, now_ms: int, *, verbose: bool) -> str:
    """Return what is known of a workload; `verbose`: every step with its rule, also those that changed nothing."""
    return "\n".join(
        (
            *_headline(told.standing, now_ms),
            "",
            *_chain(told.standing.decision, verbose=verbose),
            "",
            *_changes(told, now_ms),
        )
    )


def _headline(record: Record, now_ms: int) -> Iterator[str]:
    key, decision, inputs = record.key, record.decision, record.decision.inputs
    yield (
        f"{key} ({key.kind}): {decision.desired} replicas, {decision.mode.value}; "
        f"{inputs.current} asked for, {inputs.ready} ready" + ("; only observed" if inputs.observed else "")
    )
    yield f"decided {ago(inputs.at_ms, now_ms)} ({utc(inputs.at_ms)})"


def _chain(decision: Decision, *, verbose: bool) -> Iterator[str]:
    steps = chain(decision)
    shown = [step for step in steps if step.mattered or verbose]
    name_width = max(len(step.name) for step in shown)
    count_width = max(len(_count(step)) for step in shown)
    for step in shown:
        quiet = "" if step.mattered else "  (changed nothing)"
        yield f"  {step.name:<{name_width}}  {_count(step):>{count_width}}  {step.says}{quiet}"
        if verbose:
            yield f"  {'':<{name_width}}  {'':>{count_width}}  rule: {step.rule}"
    left_out = len(steps) - len(shown)
    if left_out:
        yield f"  {left_out} more {'steps' if left_out > 1 else 'step'} changed nothing: -v shows all, with their rules"


def _changes(told: ToldOne, now_ms: int) -> Iterator[str]:
    since = f"this autoscaler knows since {utc(told.since_ms)}, {ago(told.since_ms, now_ms)}"
    if told.follows:
        yield f"this autoscaler follows {told.follows}, which makes all changes: ask that one for the latest"
    if not told.changes:
        yield f"no changes of the replica count; {since}"
        return
    yield f"last changes of the replica count, newest first; {since}"
    ages = [ago(change.decision.inputs.at_ms, now_ms) for change in told.changes]
    width = max(map(len, ages))
    for change, age in reversed(tuple(zip(told.changes, ages, strict=True))):
        decision = change.decision
        # What is only observed is not what is there: it changed from what was decided before.
        before = decision.inputs.standing if decision.inputs.observed else decision.inputs.current
        moved = f"{before} -> {decision.desired}"
        yield f"  {utc(decision.inputs.at_ms)}  {age:>{width}}  {moved}  {decision.reason}"


def _count(step: Step) -> str:
    return "" if step.replicas is None else str(step.replicas)
