"""The overlay for a scheduler that others share: what it has in place of our own one, and that it fits together."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.ports import free_ports
from extender.__main__ import main
from tests.kubectl import rendered, run

OVERLAY = Path("deploy/overlays/shared-scheduler")
VERSION = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): each for each in rendered(OVERLAY)}


def differing(objects: dict[tuple[str, str], dict[str, Any]], kind: str) -> tuple[set[str], set[str]]:
    """Return the names of a kind that are here alone, and those that are in the usual installation alone."""
    here = {name for which, name in objects if which == kind}
    usual = {each["metadata"]["name"] for each in rendered(Path("deploy")) if each["kind"] == kind}
    return here - usual, usual - here


def test_our_own_scheduler_is_not_there_and_has_no_rights(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert differing(objects, "Deployment") == ({"plimsoll-extender"}, {"plimsoll-scheduler"})
    assert differing(objects, "ServiceAccount") == (set(), {"plimsoll-scheduler"})
    given = [each for (kind, _), each in objects.items() if kind.endswith("RoleBinding")]
    assert all(subject["name"] != "plimsoll-scheduler" for each in given for subject in each.get("subjects", []))
    assert objects["ClusterRoleBinding", "plimsoll-extender"]["subjects"][0]["name"] == "plimsoll-extender"
    leases = [name for rule in objects["Role", "plimsoll-extender"]["rules"] for name in rule.get("resourceNames", [])]
    assert leases == ["config-extender", "config-projects", "plimsoll-extender"]


def test_everything_says_of_which_version_it_is(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    for each in objects.values():
        assert each["metadata"]["labels"]["app.kubernetes.io/version"] == VERSION, each["metadata"]["name"]
    (container,) = objects["Deployment", "plimsoll-extender"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"plimsoll:{VERSION}"
    assert f"image: plimsoll:{VERSION}\n" in (OVERLAY / "relay.yaml").read_text()


def test_a_rollout_and_a_drain_may_take_the_only_extender_that_is_ready(
    objects: dict[tuple[str, str], dict[str, Any]],
) -> None:
    deployment = objects["Deployment", "plimsoll-extender"]["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == deployment["replicas"] == 2
    assert ("PodDisruptionBudget", "plimsoll-extender") not in objects


def test_the_service_leads_to_the_verbs_of_the_extender(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    service = objects["Service", "plimsoll-extender-leader"]["spec"]
    pod = objects["Deployment", "plimsoll-extender"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert not service.get("publishNotReadyAddresses", False), "only the one that leads"
    (port,) = service["ports"]
    (verbs,) = (each for each in container["ports"] if each["name"] == port["targetPort"])
    assert f"--listen=0.0.0.0:{verbs['containerPort']}" in container["command"]
    assert container["readinessProbe"]["httpGet"]["port"] == "http", "the probe has no certificate"
    policy = objects["NetworkPolicy", "plimsoll-extender"]["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "verbs"}]}]


def test_nobody_is_obeyed_without_a_certificate(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    pod = objects["Deployment", "plimsoll-extender"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = container["volumeMounts"]
    for flag in ("--tls-cert-file", "--tls-private-key-file", "--client-ca-file"):
        assert any(one.startswith(f"{flag}={mount['mountPath']}/") for one in container["command"])
    assert [volume["secret"]["secretName"] for volume in pod["volumes"]] == ["plimsoll-extender-tls"]


def test_the_relay_is_a_patch_of_a_schedulers_pod_and_calls_the_service_with_flags_that_it_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    container = {"name": "kube-scheduler", "image": "kube-scheduler", "command": ["kube-scheduler", "--kubeconfig=x"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kube-scheduler", "namespace": "kube-system"},
           "spec": {"hostNetwork": True, "containers": [container]}}  # fmt: skip
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod))
    (tmp_path / "relay.yaml").write_text((OVERLAY / "relay.yaml").read_text())
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\npatches: [{path: relay.yaml}]\n")
    (patched,) = yaml.safe_load_all(run("kustomize", str(tmp_path)))
    scheduler, relay = sorted(patched["spec"]["containers"], key=lambda each: str(each["name"]))
    assert scheduler["command"] == ["kube-scheduler", "--kubeconfig=x"], "its own flags stay"
    direct = yaml.safe_load((OVERLAY / "kube-scheduler-direct.yaml").read_text())["extenders"][0]
    files = direct["tlsConfig"]
    assert f"--extender={direct['urlPrefix']}" in relay["command"]
    assert f"--server-name={files.pop('serverName')}" in relay["command"]
    assert {str(Path(file).parent) for file in files.values()} == {each["mountPath"] for each in relay["volumeMounts"]}
    assert relay["command"][0] == "plimsoll-extender"
    start, alive = relay["startupProbe"], relay["livenessProbe"]
    assert start["httpGet"] == alive["httpGet"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 30, "a node starts everything at once"
    (port,) = free_ports(1)
    assert main([*relay["command"][1:], f"--listen=127.0.0.1:{port}"]) == 1, "its files are not here"
    assert "certificates cannot be used, one of /etc/kubernetes/plimsoll/ca.crt" in capsys.readouterr().err


def test_metrics_are_read_of_it_too(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(Path("deploy").absolute())
    mine = tmp_path / "mine"
    mine.mkdir()
    parts = "resources: [../deploy/overlays/shared-scheduler]\ncomponents: [../deploy/components/monitoring]\n"
    (mine / "kustomization.yaml").write_text(parts)
    made = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in rendered(mine) if "spec" in each}
    service = made["Service", "plimsoll-extender"]
    pod = made["Deployment", "plimsoll-extender"]["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    ports = [each for container in pod["spec"]["containers"] for each in container["ports"]]
    assert [each["containerPort"] for each in ports if each["name"] == "http"] == [service["ports"][0]["port"]]
