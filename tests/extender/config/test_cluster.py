"""Every key of config-extender has its default and its rule, and every problem is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from extender.config.cluster import RULES, settings
from extender.core.gang.settings import Provision
from extender.core.gang.settings import Settings as Gang
from extender.core.packing.settings import Settings as Packing
from extender.core.packing.settings import Strategy
from extender.core.preemption.settings import Mode, Scope
from extender.core.preemption.settings import Settings as Preemption
from extender.core.quota.kinds import Kinds
from extender.core.settings import Settings


def shipped() -> dict[str, str]:
    data: dict[str, str] = yaml.safe_load(Path("deploy/base/config-extender.yaml").read_text())["data"]
    return data


def test_an_empty_map_is_the_defaults() -> None:
    assert settings({}) == (Settings(), ())


def test_the_shipped_example_documents_every_key_and_parses_to_exactly_the_defaults() -> None:
    example = yaml.safe_load(shipped()["_example"])
    assert set(example) == set(RULES)
    assert settings(example) == (Settings(), ())


def test_what_is_shipped_changes_no_default() -> None:
    assert settings(shipped()) == (Settings(), ())


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("filter-answer", "all-nodes", Settings(one_node=False)),
        ("packing-strategy", "spread", Settings(packing=Packing(strategy=Strategy.SPREAD))),
        ("scarce-node-weight", "1", Settings(packing=Packing(pressure=1))),
        ("starved-gpu-weight", "1", Settings(packing=Packing(starvation=1))),
        ("node-order-weight", "0", Settings(packing=Packing(order=0))),
        ("typical-pods-percentage", "50", Settings(packing=Packing(typical_share=50))),
        ("typical-pods-memory", "500", Settings(packing=Packing(memory=500))),
        ("reservation-period", "1m", Settings(reservation_s=60.0)),
        ("quarantine-period", "0s", Settings(quarantine_s=0.0)),
        ("gang-start-timeout", "1m", Settings(gang=Gang(start_s=60.0))),
        ("gang-grace-period", "0s", Settings(gang=Gang(grace_s=0.0))),
        ("gang-patience", "0s", Settings(gang=Gang(patience_s=0.0))),
        ("gang-keeping-limit", "1h", Settings(gang=Gang(keeping_s=3600.0))),
        ("gang-provisioning", "placeholder", Settings(gang=Gang(provision=Provision.PLACEHOLDER))),
        ("gang-provisioning", "provisioning-request", Settings(gang=Gang(provision=Provision.REQUEST))),
        ("gang-provisioning-class", "queued.example.com", Settings(gang=Gang(provision_class="queued.example.com"))),
        ("mode", "observe", Settings(preemption=Preemption(mode=Mode.OBSERVE))),
        ("preemption-scope", "borrowed", Settings(preemption=Preemption(scope=Scope.BORROWED))),
        ("preemption-delay", "10m", Settings(preemption=Preemption(delay_s=600.0))),
        ("preemption-delay", "0s", Settings(preemption=Preemption(delay_s=0.0))),
        ("min-run-time", "168h", Settings(preemption=Preemption(min_run_s=604_800.0))),
        ("preemption-cool-down", "0s", Settings(preemption=Preemption(cool_down_s=0.0))),
        ("enforcement", "none", Settings(enforcement_required=False)),
        ("nvfractions-annotation-prefix", "a.b/c.", Settings(nvfractions_prefix="a.b/c.")),
        ("nvfractions-annotation-prefix", "a.b/", Settings(nvfractions_prefix="a.b/")),
        ("inference-priority-classes", "serve, fast", Settings(kinds=Kinds(inference=("serve", "fast")))),
        ("build-priority-classes", "", Settings(kinds=Kinds(build=()))),
        ("train-priority-classes", "batch.low", Settings(kinds=Kinds(train=("batch.low",)))),
    ],
)
def test_a_key_changes_its_setting_and_no_other(key: str, text: str, expected: Settings) -> None:
    assert settings({key: text}) == (expected, ())


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("filter-answer", "some"),
        ("inference-priority-classes", "a,,b"),
        ("build-priority-classes", "Build"),
        ("mode", "Observe"),
        ("preemption-scope", "all"),
        ("preemption-delay", "2h"),
        ("min-run-time", "169h"),
        ("preemption-cool-down", "-1s"),
        ("packing-strategy", "fgd"),
        ("scarce-node-weight", "-1"),
        ("node-order-weight", "1.5"),
        ("typical-pods-percentage", "0"),
        ("typical-pods-memory", "99"),
        ("reservation-period", "1s"),
        ("reservation-period", "thirty"),
        ("quarantine-period", "-1s"),
        ("gang-start-timeout", "1s"),
        ("gang-grace-period", "2h"),
        ("gang-patience", "25h"),
        ("gang-keeping-limit", "169h"),
        ("gang-provisioning", "karpenter"),
        ("gang-provisioning-class", "Not_A_Name"),
        ("gang-provisioning-class", ""),
        ("quarantine-period", "2h"),
        ("enforcement", "hami"),
        ("nvfractions-annotation-prefix", "nvidia.com"),
        ("nvfractions-annotation-prefix", "Nvidia.com/container."),
        ("nvfractions-annotation-prefix", "nvidia.com/a/b"),
        ("nvfractions-annotation-prefix", "nvidia.com/" + "c" * 32),
    ],
)
def test_a_value_that_breaks_its_rule_is_told_with_key_value_and_rule(key: str, text: str) -> None:
    _, (problem,) = settings({key: text})
    assert str(problem) == f'{key}: "{text}" must be {RULES[key].says}'


def test_all_problems_are_told_at_once() -> None:
    _, problems = settings(dict.fromkeys(RULES, "?"))
    assert [problem.key for problem in problems] == list(RULES)


def test_a_class_is_of_one_kind_only_whether_its_kind_is_a_default_or_not() -> None:
    _, problems = settings({"train-priority-classes": "plimsoll-build, other"})
    assert [str(each) for each in problems] == [
        'train-priority-classes: "plimsoll-build" must be of one kind: another kind has it too'
    ]
    moved, problems = settings({"train-priority-classes": "plimsoll-build", "build-priority-classes": ""})
    assert (moved.kinds, problems) == (Kinds(build=(), train=("plimsoll-build",)), ())
