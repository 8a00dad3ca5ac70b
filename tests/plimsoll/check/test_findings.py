"""What the programs would refuse is a problem; what they would pass over in silence is a warning."""

from __future__ import annotations

import pytest

from autoscaler.config.cluster import RULES
from plimsoll.check.documents import documents
from plimsoll.check.findings import check

MAP = """
kind: ConfigMap
metadata: {name: config-autoscaler, namespace: plimsoll-system}
data:
"""
WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
  namespace: ml
  labels: {plimsoll.dev/autoscale: "true"}
  annotations:
"""
K = "autoscaling.knative.dev/"
A = f"  {K}"
TEMPLATE = """spec:
  template:
    metadata:
      annotations:
"""


def told(*texts: str) -> list[str]:
    """Say the findings without the name of their object."""
    read = [each for at, text in enumerate(texts) for each in documents(f"{at}.yaml", text)]
    return [str(finding).replace(f" {finding.document.name}:", "") for finding in check(read).findings]


def test_what_is_in_order_is_passed_in_silence() -> None:
    data = '  _example: "stable-window: x"\n  stable-window: "30s"\n  somebody-elses: "1"\n'
    assert told(MAP + data, WORKLOAD + f'  {A}minScale: "1"\n    other: 3\n') == []


def test_a_finding_names_its_file_line_and_object() -> None:
    read = documents("a.yaml", MAP + "  min-scale: x\n  max_scale: '1'")
    assert [str(finding) for finding in check(read).findings] == [
        f'a.yaml:5: ConfigMap plimsoll-system/config-autoscaler: min-scale: "x" must be {RULES["min-scale"].says}',
        "a.yaml:6: warning: ConfigMap plimsoll-system/config-autoscaler: max_scale is not a key; was max-scale meant?",
    ]


def test_all_problems_of_a_map_are_told_by_line() -> None:
    assert told(MAP + '  max-scale: "x"\n  stable-window: 5s\n  min-scale: "-1"\n') == [
        f'0.yaml:5: max-scale: "x" must be {RULES["max-scale"].says}',
        f'0.yaml:6: stable-window: "5s" must be {RULES["stable-window"].says}',
        f'0.yaml:7: min-scale: "-1" must be {RULES["min-scale"].says}',
    ]


def test_a_problem_of_a_key_that_is_not_there_is_told_at_the_object() -> None:
    (only,) = told(MAP + '  max-scale-limit: "5"\n')
    assert only.startswith('0.yaml:2: max-scale: "0" must be from 1 to max-scale-limit (5); it is not set')


def test_the_other_map_has_its_own_rules() -> None:
    text = MAP.replace("config-autoscaler", "config-deployment")
    assert told(f"{text}  stable-window: x\n  progress-deadline: 10s") == []
    (only,) = told(f"{text}  progressDeadline: 0s")
    assert only.startswith('0.yaml:5: progressDeadline: "0s" must be a Go duration of at least 1s')


def test_the_extenders_map_has_its_own_rules_too() -> None:
    text = "kind: ConfigMap\nmetadata: {name: config-extender}\ndata: {filter-answer: none, quarantine-period: 1m}\n"
    assert told(text) == ['0.yaml:3: filter-answer: "none" must be one-node or all-nodes']


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_workloads_are_checked_against_the_map_among_the_files(order: tuple[int, int]) -> None:
    texts = (MAP + '  max-scale: "2"\n  max-scale-limit: "5"\n', f'{WORKLOAD}  {A}max-scale: "9"\n')
    (only,) = told(*(texts[at] for at in order))
    assert only.endswith('max-scale: "9" must be from 1 to the cluster\'s max-scale-limit (5)')
    assert told(texts[1]) == []


def test_it_is_said_when_that_map_is_not_the_one_in_force() -> None:
    refused, sound = (f'{MAP}  initial-scale: "{scale}"\n' for scale in (0, 2))
    workload = f"{WORKLOAD}  {A}target: '1'\n"
    assert told(refused, workload)[-1] == (
        "0.yaml:2: warning: it is refused, so workloads were checked against the defaults"
    )
    assert told(sound, sound, workload) == [
        "1.yaml:2: warning: of several, this is the one that workloads were checked against"
    ]
    assert told(sound, sound) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"": f'  {A}window: "5s"\n'}, f'9: {K}window: "5s" must be a Go duration from 6s'),
        ({"": f"  {A}min-scale: 3\n"}, f'9: {K}min-scale: "3" must be a string: put it in quotes'),
        ({"": f"  {A}target: '1'\n  {A}target: '2'\n"}, f"10: {K}target is there twice"),
        ({'"true"': "true"}, '7: plimsoll.dev/autoscale: "true" must be a string: put it in quotes'),
        ({'"true"': '"True"'}, '7: warning: plimsoll.dev/autoscale: "True" is not "true", so Plimsoll leaves it alone'),
        (
            {"plimsoll.dev/autoscale": "app", "": f'  {A}window: "50s"\n'},
            '2: warning: it has no label plimsoll.dev/autoscale: "true", so Plimsoll leaves it alone',
        ),
        (
            {"": f"  {A}class: hpa.autoscaling.knative.dev\n"},
            "2: warning: its class is hpa.autoscaling.knative.dev, so Plimsoll leaves it alone",
        ),
        (
            {"": "    plimsoll.dev/mode: watch\n"},
            '9: plimsoll.dev/mode: "watch" must be scale or observe',
        ),
        ({"": f"  {A}max_scale: '1'\n"}, f"9: warning: {K}max_scale is not a key; was max-scale meant?"),
        ({"": f"  {A}foo: '1'\n"}, f"9: warning: {K}foo is not a key, so nobody reads it"),
        (
            {"": "    plimsoll.dev/metric-key: x\n"},
            "9: warning: plimsoll.dev/metric-key is not a key; was metrics-key meant?",
        ),
        (
            {"": f"{TEMPLATE}      {A}window: 30s\n"},
            f"13: warning: {K}window stands on the pod template, where it is not read",
        ),
    ],
)
def test_a_workload_is_told_what_would_happen_to_it(change: dict[str, str], complaint: str) -> None:
    text = WORKLOAD
    for old, new in change.items():
        text = text.replace(old, new) if old else text + new
    (only,) = told(text)
    assert only.startswith(f"0.yaml:{complaint}")


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("max-scale", f"{K}max-scale"),
        ("plimsoll.dev/target", f"{K}target"),
        ("serving.knative.dev/minScale", f"{K}minScale"),
        (f"{K}metrics-preset", "plimsoll.dev/metrics-preset"),
        ("metric", f"{K}metric or plimsoll.dev/metric"),
    ],
)
def test_a_known_name_behind_the_wrong_prefix_is_told(key: str, like: str) -> None:
    assert f"0.yaml:9: warning: {key} is not a key; was {like} meant?" in told(WORKLOAD + f'    {key}: "1"\n')


@pytest.mark.parametrize("metric", [f"{K}metric: rps", "plimsoll.dev/metric: latency"])
def test_a_name_that_is_a_key_behind_both_prefixes_is_in_order_behind_either(metric: str) -> None:
    assert not [each for each in told(f"{WORKLOAD}    {metric}\n") if "is not a key" in each]


def test_a_known_name_behind_the_prefix_of_somebody_else_is_left_alone() -> None:
    assert told(WORKLOAD + '    example.com/target: "1"\n') == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (MAP.replace("\ndata:", "\ndata: [a]"), "0.yaml:4: data must be a mapping: lines of KEY: VALUE"),
        (MAP + '  min-scale: "1"\ndata: {}\n', "0.yaml:6: data is there twice"),
        (MAP + "  [a]: b\n", '0.yaml:5: (a key that is no text): "b" must be a string: put it in quotes'),
        (
            WORKLOAD.replace("annotations:", "annotations: x"),
            "0.yaml:8: annotations must be a mapping: lines of KEY: VALUE",
        ),
        (WORKLOAD + '    a: "1"\n  annotations: {}\n', "0.yaml:10: annotations is there twice"),
    ],
)
def test_what_kubernetes_itself_refuses_is_a_problem(text: str, complaint: str) -> None:
    assert told(text) == [complaint]


@pytest.mark.parametrize("text", [MAP + "  <<: {a: b}\n", WORKLOAD + "    <<: {a: b}\n"])
def test_what_a_merge_key_brings_is_not_checked_and_that_is_said(text: str) -> None:
    (finding,) = told(text)
    assert finding.endswith("warning: what << brings is not checked: write it out to have it checked")


def test_a_map_that_is_nearly_ours_is_told() -> None:
    misnamed, other = MAP.replace("config-autoscaler", "config_autoscaler"), MAP.replace("config-autoscaler", "config")
    assert told(misnamed) == ["0.yaml:2: warning: nobody reads it; was the name config-autoscaler meant?"]
    assert told(other) == []


def test_a_map_of_very_many_keys_is_checked() -> None:
    assert told(MAP + "".join(f'  {at}: "1"\n' for at in range(5000))) == []


def test_keys_of_plimsolls_other_parts_are_left_alone() -> None:
    assert told(WORKLOAD + '    plimsoll.dev/project: "search"\n') == []
    assert told(WORKLOAD + f"{TEMPLATE}        gpu-fraction: '0.5'\n        plimsoll.dev/enforcement: hami\n") == []


def test_objects_of_knative_itself_keep_their_annotations_where_they_are() -> None:
    service = (
        f"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {{name: chat}}\n{TEMPLATE}      {A}window: 30s\n"
    )
    assert told(service) == []


def test_what_is_neither_map_nor_workload_is_not_counted() -> None:
    pod = documents("0.yaml", "kind: Pod\nmetadata: {name: x, annotations: {gpu-fraction: '0.5'}}")
    maps = documents("0.yaml", MAP + "---" + MAP.replace("config-autoscaler", "other"))
    assert check(pod).objects == 0
    assert check([*pod, *maps, *documents("1.yaml", WORKLOAD)]).objects == 2


@pytest.mark.parametrize(
    ("kind", "value", "warned"), [("StatefulSet", "true", 1), ("StatefulSet", "false", 0), ("Deployment", "true", 0)]
)
def test_a_key_that_does_nothing_for_a_kind_is_warned_of(kind: str, value: str, warned: int) -> None:
    text = (
        WORKLOAD.replace("kind: Deployment", f"kind: {kind}") + f'    plimsoll.dev/drain-aware-scale-down: "{value}"\n'
    )
    found = told(text)
    assert len(found) == warned
    assert all("has no effect: a StatefulSet removes its replicas by ordinal" in each for each in found)


def test_a_key_that_does_nothing_beside_the_others_is_warned_of() -> None:
    keys = '    plimsoll.dev/drain-aware-scale-down: "true"\n    plimsoll.dev/metrics-preset: triton\n'
    (finding,) = told(WORKLOAD + keys)
    assert finding.startswith(
        "0.yaml:9: warning: plimsoll.dev/drain-aware-scale-down has no effect: the preset triton counts requests"
    )
    assert told(MAP + '  drain-aware-scale-down: "true"\n', WORKLOAD + keys.splitlines()[1] + "\n") == []


def test_what_is_wrong_inside_of_config_projects_is_told_at_its_key_with_its_path() -> None:
    head = "kind: ConfigMap\nmetadata: {name: config-projects}\ndata:\n"
    assert told(f"{head}  projects: |\n    - {{name: a, quota: -1, namespaces: [a]}}\n") == [
        '0.yaml:4: projects[0].quota: "-1" must be a number of GPUs from 0 to 1000000, a multiple of 0.001'
    ]
    assert told(f"{head}  project: '[]'\n") == ["0.yaml:4: warning: project is not a key; was projects meant?"]
