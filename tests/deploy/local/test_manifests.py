from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.local.kubeconfigs import SERVICE_ACCOUNTS, SYSTEM_NAMESPACE
from deploy.local.manifests import load
from deploy.local.places import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

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
