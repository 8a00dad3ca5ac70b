from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from deploy.local.kubeconfigs import SERVICE_ACCOUNTS, SYSTEM_NAMESPACE
from deploy.local.manifests import load
from deploy.local.places import DEPLOY
from tests.e2e.installing import sweeping
from tests.kubectl import rendered

BASE = DEPLOY / "base" / "kustomization.yaml"
WHOLE = DEPLOY / "kustomization.yaml"


def test_the_namespace_comes_before_what_lives_in_it() -> None:
    kinds = [(each["kind"], each["metadata"]["name"]) for each in load(BASE)]
    assert kinds[0] == ("Namespace", SYSTEM_NAMESPACE)


def test_every_service_account_is_there() -> None:
    accounts = {each["metadata"]["name"] for each in load(BASE) if each["kind"] == "ServiceAccount"}
    assert accounts == set(SERVICE_ACCOUNTS)


def test_the_base_runs_no_programs() -> None:
    assert not {each["kind"] for each in load(BASE)} & {"Deployment", "StatefulSet", "DaemonSet", "Pod"}


def test_every_manifest_is_listed_in_a_kustomization() -> None:
    def files(kustomization: Path) -> set[Path]:
        return {path for path in kustomization.parent.glob("*.yaml") if path.name != "kustomization.yaml"}

    listed = load(WHOLE)
    written = sum(
        path.read_text().count("\nkind: ")
        for folder in ("base", "programs")
        for path in files(DEPLOY / folder / "kustomization.yaml")
        if path.name != "scheduler.yaml"  # a configuration file, not an object
    )
    assert len(listed) == written


def test_every_object_has_a_name_and_is_there_once() -> None:
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in load(WHOLE)]
    assert len(names) == len(set(names))


def test_every_object_says_of_which_version_it_is() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    for each in rendered(DEPLOY):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "plimsoll", each["metadata"]["name"]
        assert labels["app.kubernetes.io/version"] == project["version"], each["metadata"]["name"]
    for command in sweeping():
        assert f"version!={project['version']}" in command[-1]


def test_the_guide_deletes_what_an_upgrade_left_behind_of_every_kind_that_we_install() -> None:
    for overlay, commands in (("gpu", sweeping()[:1]), ("monitoring", sweeping())):
        kinds = {each["kind"].lower() for each in rendered(DEPLOY / "overlays" / overlay)}
        # The namespace stays, with what is in it.
        assert kinds - {"namespace"} <= {singular(kind) for _, plurals, *_ in commands for kind in plurals.split(",")}


def test_another_account_of_hamis_device_plugin_is_patched_in_as_the_guide_says(tmp_path: Path) -> None:
    guide = Path("docs/operating/README.md").read_text()
    (patches,) = re.findall(r"```yaml\n(patches:\n.*?plimsoll-devices.*?)```", guide, flags=re.DOTALL)
    base = os.path.relpath(DEPLOY / "base", tmp_path.resolve())
    file = tmp_path / "kustomization.yaml"
    file.write_text(f"resources: [{base}]\n{patches}".replace("NAMESPACE:ACCOUNT", "gpus:mine"))
    (policy,) = [each for each in rendered(tmp_path) if each["metadata"]["name"] == "plimsoll-devices"
                 and each["kind"] == "ValidatingAdmissionPolicy"]  # fmt: skip
    assert [each["name"] for each in policy["spec"]["matchConditions"]] == [
        "not-by-a-writer-of-devices",
        "not-by-hamis-device-plugin",
    ]
    assert policy["spec"]["matchConditions"][1]["expression"] == (
        "request.userInfo.username != 'system:serviceaccount:gpus:mine'"
    )


def singular(kind: str) -> str:
    return f"{kind[:-3]}y" if kind.endswith("ies") else kind.removesuffix("es" if kind.endswith("sses") else "s")


def test_what_is_rendered_is_what_the_local_cluster_applies() -> None:
    def names(objects: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {(each["kind"], each["metadata"]["name"]) for each in objects if each["kind"] != "ConfigMap"}

    assert names(rendered(DEPLOY)) == names(load(WHOLE))


def test_no_program_may_write_its_root_or_become_another_user() -> None:
    for each in rendered(DEPLOY):
        if each["kind"] == "Deployment":
            pod = each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            for container in pod["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
                assert "memory" in container["resources"]["limits"], "one program must not take its node's memory"
                assert {"livenessProbe", "readinessProbe"} <= set(container)
