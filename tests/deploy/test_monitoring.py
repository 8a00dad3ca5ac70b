"""Alerts, dashboard and documents name metrics that we export, and each alert has its runbook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.shell.gauges import gauges, gpu_gauges
from autoscaler.shell.telemetry import Telemetry as OfAutoscaler
from extender.core.scheduling import Scheduling
from extender.relay.relaying import Relay
from extender.shell.telemetry import Telemetry as OfExtender
from tests.autoscaler.shell.test_telemetry import fleet
from tests.kubectl import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

MONITORING = Path("deploy/components/monitoring")
MONITORED = Path("deploy/overlays/monitoring")
OPERATING = Path("docs/operating/README.md")
DOCUMENTS = [Path("README.md"), *sorted(Path("docs").rglob("*.md"))]
_NAME = re.compile(r"\bplimsoll_(?:autoscaler|extender)_[a-z_]+[a-z]\b(?!_)")
_OF_HISTOGRAM = ("_bucket", "_count", "_sum")


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]["groups"]:
        yield from group["rules"]


def exported() -> set[str]:
    """Return the name of every series that our programs may show."""
    autoscaler = OfAutoscaler({}, lambda: gauges(fleet().figures(), lambda _: None) + gpu_gauges({}, lambda _: None),
                              dict, dict, dict)  # fmt: skip
    extender = OfExtender(Scheduling(), lambda: 0, lambda: 0.0)
    relay = Relay(None)  # type: ignore[arg-type]  # it asks nobody
    names = set()
    for page in (autoscaler.exposition(), extender.exposition(), relay.exposition()):
        for family in text_string_to_metric_families(page.decode()):
            suffixes = {"counter": ("_total",), "histogram": _OF_HISTOGRAM}.get(family.type, ("",))
            names |= {family.name + suffix for suffix in suffixes}
    return names


def named(text: str) -> set[str]:
    return set(_NAME.findall(text))


def test_alerts_name_metrics_that_we_export() -> None:
    assert named("\n".join(each["expr"] for each in rules())) - exported() == set()


def test_the_dashboard_names_metrics_that_we_export() -> None:
    text = (MONITORING / "plimsoll.json").read_text()
    assert json.loads(text)["title"] == "Plimsoll"
    assert len(named(text)) > 20
    assert named(text) - exported() == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_document_names_metrics_that_we_export(document: Path) -> None:
    whole = {name for name in exported() if name.endswith("_bucket")}
    histograms = {name.removesuffix("_bucket") for name in whole}
    assert named(document.read_text()) - exported() - histograms == set()


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    runbooks = OPERATING.read_text().partition("\n## Runbooks\n")[2].partition("\n## ")[0]
    alerts = [each["alert"] for each in rules()]
    assert re.findall(r"^### (\w+)$", runbooks, flags=re.MULTILINE) == alerts
    for each in rules():
        assert each["annotations"]["runbook"] == f"{OPERATING}#{each['alert'].lower()}"


def test_what_looks_back_must_hold_for_longer_than_that() -> None:
    at_once = {"PlimsollExtenderErrors", "PlimsollNeedlessEvictions"}
    for each in rules():
        # What stands after "unless" keeps an alert quiet.
        wanted = each["expr"].partition(" unless ")[0]
        back = [seconds(text) for text in re.findall(r"\[(\w+)\]", wanted)]
        if each["alert"] not in at_once:
            assert max(back, default=0) < seconds(each["for"]), each["alert"]


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def test_every_alert_says_how_bad_it_is() -> None:
    assert {each["labels"]["severity"] for each in rules()} == {"critical", "warning", "info"}
    assert all(each["annotations"]["summary"] for each in rules())


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((MONITORING / "plimsoll.json").read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_metrics_are_read_where_the_programs_tell_them() -> None:
    objects = rendered(MONITORED)
    pods = {each["metadata"]["name"]: each["spec"]["template"] for each in objects if each["kind"] == "Deployment"}
    services = [each for each in objects if each["kind"] == "Service"]
    assert len(services) == 2
    for service in services:
        (port,) = service["spec"]["ports"]
        (pod,) = [one for one in pods.values()
                  if service["spec"]["selector"].items() <= one["metadata"]["labels"].items()]  # fmt: skip
        ports = [one for container in pod["spec"]["containers"] for one in container.get("ports", [])]
        assert [one["containerPort"] for one in ports if one["name"] == port["targetPort"]] == [port["port"]]
    for monitor in (each for each in objects if each["kind"] == "ServiceMonitor"):
        assert all(each["honorLabels"] for each in monitor["spec"]["endpoints"]), "the namespace is the workload's"


def test_a_relays_metrics_are_read_where_it_tells_them() -> None:
    (monitor,) = (each["spec"] for each in rendered(MONITORED) if each["kind"] == "PodMonitor")
    pod = yaml.safe_load(Path("deploy/overlays/shared-scheduler/relay.yaml").read_text())
    (relay,) = (each for each in pod["spec"]["containers"] if each["name"] == "plimsoll-relay")
    (port,) = relay["ports"]
    assert [each["port"] for each in monitor["podMetricsEndpoints"]] == [port["name"]]
    assert f"--pages-listen=0.0.0.0:{port['containerPort']}" in relay["command"]
    assert monitor["namespaceSelector"]["matchNames"] == [pod["metadata"]["namespace"]]
    assert monitor["selector"]["matchLabels"] == {"component": pod["metadata"]["name"]}, "as kubeadm labels it"
