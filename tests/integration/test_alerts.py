"""The alert rules on a real Prometheus: it takes all, each fires on its trouble, and none on a healthy cluster."""

from __future__ import annotations

import json
import struct
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.remote_write import RECEIVER, write
from tests.integration.scraping import running_prometheus, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALERTS = yaml.safe_load(Path("deploy/components/monitoring/alerts.yaml").read_text())["spec"]
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}
STEP_S, LONG_S, SCRAPED_S = 60, 5400, 15
A, X = "plimsoll_autoscaler_", "plimsoll_extender_"
CHAT = 'namespace="ns",workload="chat",kind="Deployment"'

Series = dict[str, "Callable[[float], float | None]"]
"""Of each series, as it is written in PromQL without instance and job, its value after so many seconds of the story."""


def constant(value: float) -> Callable[[float], float]:
    return lambda _: value


def growing(per_s: float) -> Callable[[float], float]:
    return lambda at_s: per_s * at_s


HEALTHY: Series = {
    f"{A}leader": constant(1),
    f'{A}query_errors_total{{preset="vllm"}}': constant(3),
    f'{A}scale_writes_total{{result="failed"}}': constant(1),
    f'{A}mode{{{CHAT},mode="held"}}': constant(0),
    f"{A}partly_measured{{{CHAT}}}": constant(0),
    f"{A}wanted_replicas{{{CHAT}}}": constant(4),
    f"{A}desired_replicas{{{CHAT}}}": constant(4),
    f"{A}requested_replicas{{{CHAT}}}": constant(4),
    f"{A}ready_replicas{{{CHAT}}}": constant(4),
    f"{A}placeable_replicas{{{CHAT}}}": constant(4),
    f"{A}latency_not_load_related{{{CHAT}}}": constant(0),
    f'{A}fits_questions_total{{result="failed"}}': constant(1),
    f'{A}deletion_costs_total{{result="failed"}}': constant(0),
    f"{X}leader": constant(1),
    f'{X}requests_total{{verb="filter",result="unready"}}': constant(2),
    f'{X}requests_total{{verb="filter",result="defect"}}': constant(0),
    f'{X}bindings_total{{result="accepted"}}': growing(1),
    f'{X}request_duration_seconds_bucket{{verb="filter",le="0.01"}}': growing(1),
    f'{X}request_duration_seconds_bucket{{verb="filter",le="0.5"}}': growing(1),
    f'{X}request_duration_seconds_bucket{{verb="filter",le="1.0"}}': growing(1),
    f'{X}request_duration_seconds_bucket{{verb="filter",le="+Inf"}}': growing(1),
    f'{X}holdings{{state="reserved"}}': constant(1),
    f'{X}holdings{{state="binding"}}': constant(0),
    f'{X}holdings{{state="quarantined"}}': constant(0),
    f"{X}overfull_devices": constant(0),
    f"{X}unmapped_pods": constant(0),
    f"{X}left_out_nodes": constant(0),
    f'{X}closed_devices{{model="T4"}}': constant(0),
    f"{X}longest_wait_seconds": constant(30),
    f"{X}configuration_problems": constant(0),
    f'{X}gangs{{stage="waiting"}}': constant(2),
    f'{X}gangs{{stage="stopped"}}': constant(0),
    f'{X}gang_plans_total{{result="made"}}': growing(0.02),
    f'{X}gang_plans_total{{result="undone"}}': constant(3),
    f"{X}needless_evictions_total": constant(0),
    f"{X}oldest_preemption_seconds": constant(45),
    f"{X}relay_answers": constant(1),
}
"""What both programs tell when all is well; the last tick is added, as it follows the clock."""

TROUBLE: dict[str, Series] = {
    "PlimsollAutoscalerDown": {f"{A}leader": lambda _: None},
    "PlimsollNobodyLeads": {f"{A}leader": constant(0)},
    "PlimsollSeveralLead": {f'{A}leader{{instance="other"}}': constant(1)},
    "PlimsollPrometheusAway": {f'{A}query_errors_total{{preset="vllm"}}': growing(0.5)},
    "PlimsollDecisionsHeld": {f'{A}mode{{{CHAT},mode="held"}}': constant(1)},
    "PlimsollPartlyMeasured": {f"{A}partly_measured{{{CHAT}}}": constant(1)},
    "PlimsollMaxScaleReached": {
        f"{A}wanted_replicas{{{CHAT}}}": constant(6),
        f"{A}placeable_replicas{{{CHAT}}}": constant(9),
    },
    "PlimsollReplicasNotPlaceable": {f"{A}wanted_replicas{{{CHAT}}}": constant(6)},
    "PlimsollReplicasMissing": {f"{A}ready_replicas{{{CHAT}}}": constant(3)},
    "PlimsollScaleWritesFail": {f'{A}scale_writes_total{{result="failed"}}': growing(0.03)},
    "PlimsollLatencyNotReached": {f"{A}latency_not_load_related{{{CHAT}}}": constant(1)},
    "PlimsollConfigurationProblems": {f"{X}configuration_problems": constant(2)},
    "PlimsollExtenderSilent": {f'{A}fits_questions_total{{result="failed"}}': growing(0.2)},
    "PlimsollNotDrainAware": {f'{A}deletion_costs_total{{result="failed"}}': growing(0.01)},
    "PlimsollKindRefused": {f'{A}kind_refused{{kind="things.example.com"}}': constant(1)},
    "PlimsollExtenderDown": {f"{X}leader": lambda _: None},
    "PlimsollNoExtenderLeads": {f"{X}leader": constant(0)},
    "PlimsollExtendersContend": {f'{X}leader{{instance="other"}}': constant(1)},
    "PlimsollExtenderUnready": {f'{X}requests_total{{verb="filter",result="unready"}}': growing(1)},
    "PlimsollExtenderErrors": {f'{X}requests_total{{verb="filter",result="defect"}}': growing(0.01)},
    "PlimsollFilterSlow": {
        f'{X}request_duration_seconds_bucket{{verb="filter",le="{le}"}}': growing(0.9) for le in ("0.01", "0.5")
    },
    "PlimsollBindingsUnknown": {f'{X}holdings{{state="binding"}}': constant(1)},
    "PlimsollReservationsStuck": {f'{X}bindings_total{{result="accepted"}}': constant(7)},
    "PlimsollDeviceOverfull": {f"{X}overfull_devices": constant(1)},
    "PlimsollUnmappedPods": {f"{X}unmapped_pods": constant(1)},
    "PlimsollNodesLeftOut": {f"{X}left_out_nodes": constant(1)},
    "PlimsollDevicesClosed": {f'{X}closed_devices{{model="T4"}}': constant(1)},
    "PlimsollDevicesQuarantined": {f'{X}holdings{{state="quarantined"}}': constant(1)},
    "PlimsollGpuPodsWait": {f"{X}longest_wait_seconds": constant(1200)},
    "PlimsollGangStopped": {f'{X}gangs{{stage="stopped"}}': constant(1)},
    "PlimsollGangPlansUndone": {f'{X}gang_plans_total{{result="undone"}}': growing(0.01)},
    "PlimsollNeedlessEvictions": {f"{X}needless_evictions_total": growing(0.01)},
    "PlimsollPreemptionStuck": {f"{X}oldest_preemption_seconds": constant(900)},
    "PlimsollRelayRefuses": {f"{X}relay_answers": constant(0)},
}
STANDS = "PlimsollAutoscalerStands"

FIRST_S, SECOND_S = LONG_S - 1800, LONG_S - 1755  # half an hour before the end, and three scrapes later
GONE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""What Prometheus takes for the end of a series: the target is there no more."""


def bursts(size: float) -> Callable[[float], float]:
    """Return what has happened so often when at each of the takeovers it happens `size` times within a moment."""
    return stepped({0: 0, FIRST_S + 1: size, SECOND_S + 1: 2 * size})


def stepped(values: dict[float, float]) -> Callable[[float], float]:
    """Return what has each value from its second on."""
    return lambda at_s: values[max(begins_s for begins_s in values if begins_s <= at_s)]


KILLED_FIRST = stepped({0: 1, FIRST_S: GONE, SECOND_S: 0, SECOND_S + 2 * SCRAPED_S: 1})
KILLED_SECOND = stepped({0: 0, FIRST_S + 2 * SCRAPED_S: 1, SECOND_S: GONE, SECOND_S + 2 * SCRAPED_S: 0})
"""Who leads; for two scrapes of each takeover nobody does."""

TWO_TAKEOVERS: Series = {
    f"{A}leader": KILLED_FIRST,
    f'{A}leader{{instance="two"}}': KILLED_SECOND,
    f"{X}leader": KILLED_FIRST,
    f'{X}leader{{instance="two"}}': KILLED_SECOND,
    f'{A}query_errors_total{{preset="vllm"}}': bursts(40),
    f'{A}scale_writes_total{{result="failed"}}': bursts(5),
    f'{A}fits_questions_total{{result="failed"}}': bursts(40),
    f'{A}deletion_costs_total{{result="failed"}}': bursts(5),
    f'{X}requests_total{{verb="filter",result="unready"}}': bursts(100),
    f'{X}requests_total{{verb="filter",result="cut"}}': bursts(2),
    f'{X}gang_plans_total{{result="undone"}}': bursts(3),
    f"{X}relay_answers": stepped({0: 1, FIRST_S: 0, FIRST_S + SCRAPED_S: 1, SECOND_S: 0, SECOND_S + SCRAPED_S: 1}),
}
"""The leader is killed, and shortly after it the one that took over; each time whatever is asked fails for a while."""


def get(url: str, path: str, **query: object) -> Any:
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}") as answer:  # noqa: S310
        return json.load(answer)["data"]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    with running_prometheus(tmp_path, [], RECEIVER) as url:
        yield url


def tell(url: str, story: Series, end_s: float, *, stands: bool = False, step_s: int = STEP_S) -> None:
    """Write an hour and a half that ends at `end_s`, a sample of each series every `step_s` seconds."""
    began_s = end_s - LONG_S
    last_tick = f"{A}last_tick_timestamp_seconds"
    told: Series = {last_tick: lambda at_s: began_s + (0.0 if stands else at_s), **story}
    write(
        url,
        [
            (labels(name), began_s + at_s, value)
            for at_s in range(0, LONG_S + 1, step_s)
            for name, value_at in told.items()
            if (value := value_at(at_s)) is not None
        ],
    )


def labels(series: str) -> dict[str, str]:
    name, _, rest = series.partition("{")
    pairs = (one.partition("=") for one in rest.rstrip("}").split(",") if one)
    job = "plimsoll-autoscaler" if name.startswith(A) else "plimsoll-extender"
    return {"instance": "one", "job": job, "__name__": name} | {key: value.strip('"') for key, _, value in pairs}


def firing(url: str, end_s: float) -> set[str]:
    """Return the alerts whose expression held at every minute of as long as they wait, up to `end_s`."""
    result = set()
    for name, rule in RULES.items():
        waits_s = waits(rule)
        found = get(url, "/api/v1/query_range", query=rule["expr"], start=end_s - waits_s, end=end_s, step=STEP_S)
        if any(len(series["values"]) == waits_s // STEP_S + 1 for series in found["result"]):
            result.add(name)
    return result


def rang(url: str, end_s: float, step_s: int) -> set[str]:
    """Return the alerts that rang at any moment of the last hour, with rules looked at every `step_s` seconds."""
    result = set()
    for name, rule in RULES.items():
        found = get(url, "/api/v1/query_range", query=rule["expr"], start=end_s - 3600, end=end_s, step=step_s)
        for series in found["result"]:
            began_s = before_s = 0.0
            for at_s, _ in series["values"]:
                began_s = began_s if at_s - before_s <= step_s else at_s
                before_s = at_s
                if at_s - began_s >= waits(rule):
                    result.add(name)
    return result


def waits(rule: dict[str, str]) -> int:
    """Return for how many seconds a rule's expression must hold before it rings."""
    text = rule.get("for", "0s")
    return {"s": 1, "m": 60, "h": 3600}[text[-1]] * int(text[:-1])


def test_every_alert_has_its_story() -> None:
    assert {*TROUBLE, STANDS} == set(RULES)


def test_prometheus_takes_every_rule(tmp_path: Path) -> None:
    file = tmp_path / "alerts.json"
    file.write_text(json.dumps({"groups": [{**group, "interval": "1s"} for group in ALERTS["groups"]]}))
    with running_prometheus(tmp_path, [], rule_files=[str(file)]) as url:

        def states() -> list[tuple[str, str]]:
            found = get(url, "/api/v1/rules")["groups"]
            return [(rule["name"], rule["health"]) for group in found for rule in group["rules"]]

        wait_until(lambda: all(health != "unknown" for _, health in states()))
        assert states() == [(name, "ok") for name in RULES]


def test_a_healthy_cluster_is_quiet(prometheus: str) -> None:
    now = time.time()
    tell(prometheus, HEALTHY, now)
    assert firing(prometheus, now) == set()


def test_two_takeovers_within_a_minute_are_quiet(prometheus: str) -> None:
    now = time.time()
    starts = stepped({0: 1, SECOND_S: GONE, SECOND_S + 2 * SCRAPED_S: 0, SECOND_S + 7 * SCRAPED_S: 1})
    ticks = {f'{A}last_tick_timestamp_seconds{{instance="two"}}': lambda at_s: starts(at_s) * (now - LONG_S + at_s)}
    tell(prometheus, {**HEALTHY, **TWO_TAKEOVERS, **ticks}, now, step_s=SCRAPED_S)
    assert {step_s: rang(prometheus, now, step_s) for step_s in (SCRAPED_S, 2 * SCRAPED_S)} == {
        SCRAPED_S: set(),
        2 * SCRAPED_S: set(),
    }


def test_a_story_of_a_minute_rings_where_an_alert_does_not_wait(prometheus: str) -> None:
    now = time.time()
    defect = {f'{X}requests_total{{verb="filter",result="defect"}}': bursts(1)}
    tell(prometheus, {**HEALTHY, **defect}, now, step_s=SCRAPED_S)
    assert rang(prometheus, now, SCRAPED_S) == {"PlimsollExtenderErrors"}


def test_a_single_needless_eviction_rings(prometheus: str) -> None:
    now = time.time()
    tell(prometheus, {**HEALTHY, f"{X}needless_evictions_total": stepped({0: 0, FIRST_S: 1})}, now, step_s=SCRAPED_S)
    assert rang(prometheus, now, SCRAPED_S) == {"PlimsollNeedlessEvictions"}


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_no_other_does(prometheus: str, alert: str) -> None:
    now = time.time()
    tell(prometheus, {**HEALTHY, **TROUBLE[alert]}, now)
    assert firing(prometheus, now) == {alert}


def test_what_a_former_leader_remembers_of_gangs_is_quiet(prometheus: str) -> None:
    now = time.time()
    former = {f'{X}leader{{instance="two"}}': constant(0), f'{X}gangs{{stage="stopped",instance="two"}}': constant(1)}
    tell(prometheus, {**HEALTHY, **former}, now)
    assert firing(prometheus, now) == set()


def test_an_autoscaler_that_stands_is_told(prometheus: str) -> None:
    now = time.time()
    tell(prometheus, HEALTHY, now, stands=True)
    assert firing(prometheus, now) == {STANDS}
