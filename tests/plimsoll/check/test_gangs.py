"""What a manifest says of a gang is told as the extender will read it."""

from __future__ import annotations

import pytest

from plimsoll.check.documents import documents
from plimsoll.check.findings import check

RULE = "a whole number from 1 to 10000"
LACKS = f'plimsoll.dev/gang-min: "" must be there beside the label plimsoll.dev/gang: {RULE}'
TWO = "warning: plimsoll.dev/gang-min: 2"
WAITS = "so that its gang waits for members"
ONE_BY_ONE = "podManagementPolicy is not Parallel: its second pod waits for the first, and the first for its gang"
NO_GANG = "plimsoll.dev/gang-min does nothing: the pods have no label plimsoll.dev/gang"


def deployment(
    labels: str = "plimsoll.dev/gang: g", annotations: str = 'plimsoll.dev/gang-min: "2"', *, spec: str = "replicas: 2"
) -> str:
    return f"""
kind: Deployment
metadata: {{name: d}}
spec:
  {spec}
  template:
    metadata:
      labels: {{{labels}}}
      annotations: {{{annotations}}}
"""


def told(text: str) -> list[str]:
    """Say the findings without file and name of their object."""
    found = check(documents("f", text)).findings
    return [str(finding).removeprefix("f:").replace(f" {finding.document.name}:", "") for finding in found]


def test_a_gang_as_it_is_to_be_is_passed_in_silence_and_counted() -> None:
    checked = check(documents("f", deployment()))
    assert (checked.objects, checked.findings) == (1, ())


def test_a_workload_that_is_autoscaled_too_counts_once() -> None:
    text = deployment().replace("{name: d}", '{name: d, labels: {plimsoll.dev/autoscale: "true"}}')
    assert check(documents("f", text)).objects == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (deployment(annotations=""), [f"8: {LACKS}"]),
        (deployment(annotations='plimsoll.dev/gang-min: "0"'), [f'9: plimsoll.dev/gang-min: "0" must be {RULE}']),
        (deployment(annotations="plimsoll.dev/gang-min: 2"),
         ['9: plimsoll.dev/gang-min: "2" must be a string: put it in quotes']),
        (deployment(labels=""), [f"9: warning: {NO_GANG}"]),
        (deployment(spec="replicas: 1"), [f"9: {TWO} is more than replicas: 1, {WAITS}"]),
        (deployment(spec="paused: false"), []),
        (deployment().replace("Deployment", "Job"), [f"9: {TWO} is more than parallelism: 1, {WAITS}"]),
        (deployment().replace("Deployment", "StatefulSet"),
         [f"9: warning: {ONE_BY_ONE}"]),
        (deployment(annotations='plimsoll.dev/gang-min: "2", plimsoll.dev/gang-plan: "n0 0 1000"'),
         ["9: plimsoll.dev/gang-plan is Plimsoll's alone to write: such pods are refused"]),
        (deployment(annotations='plimsoll.dev/gang: g, plimsoll.dev/gang-min: "2"'),
         ["9: warning: plimsoll.dev/gang is a label: among the annotations nobody reads it"]),
        ("kind: Deployment\nmetadata:\n  name: d\n  labels: {plimsoll.dev/gang: g}\n",
         ["4: warning: plimsoll.dev/gang stands not on the pod template, so nobody reads it"]),
        ("kind: Pod\nmetadata:\n  name: p\n  labels: {plimsoll.dev/gang: g}\n",
         [f"4: {LACKS}"]),
    ],
    ids=[
        "without a minimum", "a minimum that breaks its rule", "a minimum without quotes", "a minimum without a gang",
        "fewer replicas than the minimum", "replicas that others set", "a Job runs one pod at a time",
        "a StatefulSet makes its pods one by one", "a plan that was brought along", "the label among annotations",
        "the label on the workload itself", "a bare pod",
    ],
)  # fmt: skip
def test_what_would_be_refused_or_passed_over_is_told(text: str, says: list[str]) -> None:
    assert told(text) == says


def test_pods_of_a_cron_job_are_looked_for_where_they_stand() -> None:
    template = "{metadata: {labels: {plimsoll.dev/gang: g}}}"
    text = f"kind: CronJob\nmetadata: {{name: c}}\nspec:\n  jobTemplate:\n    spec:\n      template: {template}\n"
    assert told(text) == [f"6: {LACKS}"]
