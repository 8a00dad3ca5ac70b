"""What is asked in PromQL, and whose is a series of the answer?

The laws:
- One query serves all workloads of a preset and metric. It is a range selector, so that raw samples come back with
  their own times: an instant selector would date all of them to the evaluation.
- Whatever is put into a query stands there as a quoted string, and where it is a pattern, as one that matches itself.
- A place is where a load is counted: (namespace, pod), or (namespace, key) where series know no pods. The namespace is
  "" where series know none, and both are for a workload's own query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from autoscaler.core.load.presets import PRESETS, Preset, Term
from autoscaler.core.model import Metric, Question, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from autoscaler.core.model import Reading

Place = tuple[str, str]

OWN_QUERY: Place = ("", "")
"""The place of the one value that a workload's own query answers with."""

LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What the name of a label looks like."""

# Quotes as numbers: right within either kind of quotes, where \" is not.
_ESCAPES = str.maketrans({code: rf"\x{code:02x}" for code in (*range(32), *map(ord, "\"'`"))} | {"\\": r"\\"})
_OPERATORS = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, slots=True)
class TargetLabels:
    """Which labels Prometheus puts on the series of a pod, and which it or what stands before it adds.

    Series that differ in the `replicas` labels alone are the same one, seen by several replicas of Prometheus.
    """

    namespace: str = "namespace"
    pod: str = "pod"
    replicas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The series of one preset and metric."""

    preset: Preset
    metric: Metric
    labels: TargetLabels = field(default_factory=TargetLabels)
    waiting: bool = False
    part: Signal | None = None

    @classmethod
    def of(cls, question: Question, labels: TargetLabels | None = None) -> Selection:
        """Return the selection of a question about a preset."""
        return cls(PRESETS[question.preset], question.metric, labels or TargetLabels(), question.waiting, question.part)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What makes up the load, or the signal."""
        if self.part is not None:
            return self.preset.latency_terms(self.part)
        return self.preset.waiting if self.waiting else self.preset.terms(self.metric)

    def query(self, lookback_s: int) -> str:
        """Return the PromQL that answers with the raw samples of the last `lookback_s` seconds."""
        names = [term.metric for term in self.terms]
        matchers = [matcher("__name__", names)]
        matchers += [matcher(name, values) for name, values in _common(self.terms)]
        matchers += [f'{name}!=""' for name in self._needed()]
        return f"{{{','.join(matchers)}}}[{lookback_s}s]"

    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return whose a series is, None where its labels do not say it."""
        by_key = self.preset.by_key
        if by_key is None:
            namespace, name = labels.get(self.labels.namespace, ""), labels.get(self.labels.pod, "")
            return (namespace, name) if namespace and name else None
        name = labels.get(by_key.key, "")
        if not by_key.namespaces:
            return ("", name) if name else None
        namespace = next(filter(None, (labels.get(label, "") for label in by_key.namespaces)), "")
        return (namespace, name) if namespace and name else None

    def _needed(self) -> Sequence[str]:
        by_key = self.preset.by_key
        if by_key is None:
            return (self.labels.namespace, self.labels.pod)
        # Of several labels for the namespace one is enough, which no matcher can say.
        return (*(by_key.namespaces if len(by_key.namespaces) == 1 else ()), by_key.key)


def places(reading: Reading, namespace: str, ready: Sequence[str]) -> tuple[Place, ...]:
    """Return where the load of a workload in `namespace` with these ready pods is counted."""
    if reading.question.query:
        return (OWN_QUERY,)
    by_key = PRESETS[reading.question.preset].by_key
    if by_key is None:
        return tuple((namespace, pod) for pod in ready)
    return ((namespace if by_key.namespaces else "", reading.key),)


def signal_question(signal: Signal, load: Question, *, latency: bool = False) -> Question | None:
    """Return what is asked for a signal of a workload whose load is asked by `load`; None where nothing can tell it.

    `latency`: the workload is scaled by it, and all signals are to be of the same requests.
    """
    if load.query:
        return None
    if latency:
        told = PRESETS[load.preset].latency_terms(signal)
        return Question(Metric.LATENCY, load.preset, part=signal) if told else None
    if signal is Signal.ENDED:
        return Question(Metric.RPS, load.preset)
    if signal is Signal.WAITING and PRESETS[load.preset].waiting:
        return Question(Metric.CONCURRENCY, load.preset, waiting=True)
    if signal is Signal.IN_FLIGHT and PRESETS[load.preset].in_flight:
        return Question(Metric.CONCURRENCY, load.preset)
    return None


def counts(term: Term, labels: Mapping[str, str]) -> bool:
    """Tell whether a series of a term's metric belongs to the term."""
    return all(labels.get(name, "") in values for name, values in term.labels)


def matcher(label: str, values: Sequence[str]) -> str:
    """Return the matcher of a label that has one of these values."""
    if len(values) == 1:
        return f"{label}={quoted(values[0])}"
    return f"{label}=~{quoted('|'.join(map(pattern, values)))}"


def quoted(text: str) -> str:
    """Return a text as a string of PromQL."""
    return f'"{text.translate(_ESCAPES)}"'


def pattern(text: str) -> str:
    """Return the regular expression (RE2) that matches this text alone; it still has to be quoted."""
    return _OPERATORS.sub(r"\\\g<0>", text)


def substituted(query: str, namespace: str, name: str) -> str:
    """Return a workload's own query with `$namespace` and `$name` replaced, each by the inside of a PromQL string.

    They are meant to stand between quotes: `sum(x{namespace="$namespace"})`. What follows a placeholder decides where
    it ends: `$names` is none.
    """
    known = {"$namespace": namespace, "$name": name}
    return re.sub(r"\$(?:namespace|name)\b", lambda found: quoted(known[found[0]])[1:-1], query)


def _common(terms: Iterable[Term]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Return the conditions that every term has: others are checked on the answer."""
    first, *others = terms
    return [condition for condition in first.labels if all(condition in term.labels for term in others)]
