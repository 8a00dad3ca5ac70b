"""The keys of config-extender, their rules, and the settings that they come to.

Unknown keys and `_example` are passed over, as in the autoscaler's maps.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extender.core.gang.settings import Provision
from extender.core.gang.settings import Settings as Gang
from extender.core.packing.settings import Settings as Packing
from extender.core.packing.settings import Strategy
from extender.core.preemption.settings import Mode, Scope
from extender.core.preemption.settings import Settings as Preemption
from extender.core.quota.kinds import Kinds
from extender.core.settings import Settings
from kube import texts
from kube.problem import Problem
from kube.rules import Rule, duration, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.rules import Read

_SECOND_NS = 1_000_000_000
_HOUR_NS = 3600 * _SECOND_NS

_ONE_NODE, _ALL_NODES = "one-node", "all-nodes"

_REQUIRED, _NOT_REQUIRED = "auto", "none"
# Of an annotation's key, up to the container's name: a DNS name, a slash, and how the rest begins.
_PREFIX = re.compile(
    r"(?=.{1,253}/)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/([A-Za-z0-9][-._A-Za-z0-9]{0,30})?"
)

_CLASS = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CLASSES = Rule(
    "names of PriorityClasses with commas in between, each in one kind only; empty for none",
    lambda text: tuple(dict.fromkeys(one.strip() for one in text.split(","))) if text.strip() else (),
    lambda value: all(_CLASS.fullmatch(one) for one in value),
)
_KINDS = ("inference-priority-classes", "build-priority-classes", "train-priority-classes")

_WEIGHT = Rule("a whole number of milli-GPU from 0 to 10000", texts.int32, lambda value: 0 <= value <= 10_000)
_STRATEGIES = (Strategy.FRAGMENTATION, Strategy.BEST_FIT, Strategy.SPREAD)


def _one_of(words: Iterable[str]) -> Rule:
    known = tuple(words)
    return Rule(f"one of {', '.join(known)}", texts.string, lambda value: value in known)


RULES = {
    "packing-strategy": _one_of(one.value for one in _STRATEGIES),
    "scarce-node-weight": _WEIGHT,
    "starved-gpu-weight": _WEIGHT,
    "node-order-weight": _WEIGHT,
    "typical-pods-percentage": Rule("a whole number from 1 to 100", texts.int32, lambda value: 1 <= value <= 100),
    "typical-pods-memory": Rule(
        "a whole number of pods from 100 to 100000", texts.int32, lambda value: 100 <= value <= 100_000
    ),
    "filter-answer": Rule(f"{_ONE_NODE} or {_ALL_NODES}", texts.string, lambda value: value in (_ONE_NODE, _ALL_NODES)),
    # kube-scheduler may bind 16 s after it filtered: its httpTimeout, retries and the API server's own pace.
    "reservation-period": duration("from 5s to 1h", 5 * _SECOND_NS, _HOUR_NS),
    "quarantine-period": duration("from 0s to 1h", 0, _HOUR_NS),
    "gang-start-timeout": duration("from 5s to 1h", 5 * _SECOND_NS, _HOUR_NS),
    "gang-grace-period": duration("from 0s to 1h", 0, _HOUR_NS),
    "gang-patience": duration("from 0s to 24h", 0, 24 * _HOUR_NS),
    "gang-keeping-limit": duration("from 0s to 168h", 0, 168 * _HOUR_NS),
    "gang-provisioning": _one_of(one.value for one in Provision),
    "gang-provisioning-class": Rule("a DNS name", texts.string, lambda value: _CLASS.fullmatch(value) is not None),
    "mode": _one_of(mode.value for mode in Mode),
    "preemption-scope": _one_of(scope.value for scope in Scope),
    "preemption-delay": duration("from 0s to 1h", 0, _HOUR_NS),
    "min-run-time": duration("from 0s to 168h", 0, 168 * _HOUR_NS),
    "preemption-cool-down": duration("from 0s to 24h", 0, 24 * _HOUR_NS),
    "enforcement": Rule(
        f"{_REQUIRED} or {_NOT_REQUIRED}", texts.string, lambda value: value in (_REQUIRED, _NOT_REQUIRED)
    ),
    "nvfractions-annotation-prefix": Rule(
        "a DNS name, a slash, and up to 31 letters, digits, dots, hyphens or underscores: nvidia.com/container.",
        texts.string,
        lambda value: _PREFIX.fullmatch(value) is not None,
    ),
    **dict.fromkeys(_KINDS, _CLASSES),
}


def settings(data: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """Read config-extender's data; where there is any problem, the settings are not to be used."""
    told = read(data, RULES)
    kinds = _kinds(told)
    if told.problems:
        return Settings(), tuple(told.problems)
    values = told.values
    default = Settings()
    return Settings(
        one_node=values.get("filter-answer", _ONE_NODE) == _ONE_NODE,
        reservation_s=_seconds(values.get("reservation-period"), default.reservation_s),
        quarantine_s=_seconds(values.get("quarantine-period"), default.quarantine_s),
        enforcement_required=values.get("enforcement", _REQUIRED) == _REQUIRED,
        nvfractions_prefix=values.get("nvfractions-annotation-prefix", default.nvfractions_prefix),
        packing=_packing(values, default.packing),
        gang=_gang(values, default.gang),
        preemption=_preemption(values, default.preemption),
        kinds=kinds,
    ), ()


def _kinds(told: Read) -> Kinds:
    """Return the classes of each kind, and note those that stand in two of them, default or not."""
    default = Kinds()
    classes = [
        told.values.get(key, standing)
        for key, standing in zip(_KINDS, (default.inference, default.build, default.train), strict=True)
    ]
    for place, key in enumerate(_KINDS):
        others = [other for there, other in enumerate(classes) if there != place]
        twice = [one for one in classes[place] if any(one in other for other in others)]
        if twice and key in told.values and told.sound(key):
            told.break_rule(key, Problem(key, ", ".join(twice), "of one kind: another kind has it too"))
    return Kinds(*classes)


def _gang(values: Mapping[str, Any], default: Gang) -> Gang:
    return Gang(
        start_s=_seconds(values.get("gang-start-timeout"), default.start_s),
        grace_s=_seconds(values.get("gang-grace-period"), default.grace_s),
        patience_s=_seconds(values.get("gang-patience"), default.patience_s),
        keeping_s=_seconds(values.get("gang-keeping-limit"), default.keeping_s),
        provision_class=values.get("gang-provisioning-class", default.provision_class),
        provision=Provision(values.get("gang-provisioning", default.provision.value)),
    )


def _preemption(values: Mapping[str, Any], default: Preemption) -> Preemption:
    return Preemption(
        mode=Mode(values.get("mode", default.mode.value)),
        scope=Scope(values.get("preemption-scope", default.scope.value)),
        delay_s=_seconds(values.get("preemption-delay"), default.delay_s),
        min_run_s=_seconds(values.get("min-run-time"), default.min_run_s),
        cool_down_s=_seconds(values.get("preemption-cool-down"), default.cool_down_s),
    )


def _packing(values: Mapping[str, Any], default: Packing) -> Packing:
    return Packing(
        strategy=Strategy(values.get("packing-strategy", default.strategy.value)),
        pressure=values.get("scarce-node-weight", default.pressure),
        starvation=values.get("starved-gpu-weight", default.starvation),
        order=values.get("node-order-weight", default.order),
        typical_share=values.get("typical-pods-percentage", default.typical_share),
        memory=values.get("typical-pods-memory", default.memory),
    )


def _seconds(nanoseconds: int | None, default: float) -> float:
    return default if nanoseconds is None else nanoseconds / _SECOND_NS
