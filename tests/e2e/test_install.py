"""deploy/ is installed, upgraded and removed with kubectl on a real API server, and leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.local import ClusterSpec, LocalCluster
from tests.e2e.installing import DEPLOY, SHARED, Operator
from tests.kubectl import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

# The overlay monitoring has kinds of the Prometheus operator, which this server does not know.
OVERLAYS = [Path("deploy/overlays/gpu")]


@pytest.fixture(scope="module")
def bare() -> Iterator[Operator]:
    """The operator of a cluster on which nothing of ours stands, and no program of ours runs."""
    spec = ClusterSpec(name="install", nodes=2, gpus_per_node=1, prometheus=False)
    with LocalCluster.start(spec, progress=print) as cluster:
        cluster.stop("scheduler")
        operator = Operator(cluster)
        operator.remove(DEPLOY / "base")
        yield operator


@pytest.fixture
def operator(bare: Operator) -> Iterator[Operator]:
    """The same, and nothing that a test installs is left behind."""
    yield from _leaving_nothing(bare, DEPLOY)


@pytest.fixture
def sharing(bare: Operator) -> Iterator[Operator]:
    """The same for one who has a scheduler for all."""
    yield from _leaving_nothing(bare, SHARED)


def _leaving_nothing(bare: Operator, folder: Path) -> Iterator[Operator]:
    before = bare.everything()
    yield bare
    bare.sweep()  # a former version's objects under names that are no longer ours
    bare.remove(folder)
    left = bare.everything() - before
    assert left == set(), "removed without residue"


def names(folder: Path) -> set[str]:
    """Return kind and name of every object of a folder."""
    return {f"{each['kind']}/{each['metadata']['name']}" for each in rendered(folder)}


def former(tmp_path: Path) -> Path:
    """Return a version before this one: another tag, another setting, and an object under an earlier name."""
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns("local", "__pycache__"))
    for file in folder.rglob("kustomization.yaml"):
        file.write_text(file.read_text().replace("0.1.0", "0.0.9"))
    scheduler = folder / "programs" / "scheduler.yaml"
    scheduler.write_text(scheduler.read_text().replace("httpTimeout: 1s", "httpTimeout: 2s"))
    for name in ("base/rbac-autoscaler.yaml", "programs/network.yaml"):
        file = folder / name
        renamed = file.read_text().replace("plimsoll-decision-reader", "plimsoll-reader")
        file.write_text(renamed.replace("name: plimsoll\n", "name: plimsoll-old\n"))
    return folder


def test_all_of_it_is_accepted_and_its_pods_run(operator: Operator) -> None:
    operator.apply(DEPLOY)
    operator.wait_rolled_out()  # in a namespace that admits restricted pods alone
    assert set(operator.ours()) == names(DEPLOY), "each has our label, and nothing else has it"


def test_the_same_again_changes_nothing(operator: Operator) -> None:
    operator.apply(DEPLOY)
    operator.wait_rolled_out()
    before = operator.ours()
    operator.apply(DEPLOY)
    assert operator.ours() == before


def test_what_an_operator_set_outlives_an_upgrade(operator: Operator, tmp_path: Path) -> None:
    operator.apply(former(tmp_path))
    key = '{"data": {"stable-window": "90s"}}'
    operator.kubectl("-n", "plimsoll-system", "patch", "configmap", "config-autoscaler", "--type=merge", "-p", key)
    operator.apply(DEPLOY)
    assert operator.ours()["ConfigMap/config-autoscaler"]["data"]["stable-window"] == "90s"


def test_an_upgrade_ends_where_a_new_installation_does(operator: Operator, tmp_path: Path) -> None:
    operator.apply(former(tmp_path))
    operator.wait_rolled_out()
    assert "ClusterRole/plimsoll-reader" in operator.ours()
    operator.apply(DEPLOY)
    operator.wait_rolled_out()
    operator.sweep()
    there = operator.ours()
    assert set(there) == names(DEPLOY)
    images = {
        container["image"]
        for name in ("plimsoll-autoscaler", "plimsoll-scheduler")
        for container in there[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"]
    }
    assert not any("0.0.9" in image for image in images)


def test_the_way_back_is_the_former_version_applied_again(operator: Operator, tmp_path: Path) -> None:
    before = former(tmp_path)
    operator.apply(before)
    former_specs = {name: each.get("spec") for name, each in operator.ours().items()}
    operator.apply(DEPLOY)
    operator.apply(before)
    operator.wait_rolled_out()
    after = operator.ours()
    assert {name: after[name].get("spec") for name in former_specs} == former_specs


def test_the_extender_alone_takes_the_place_of_our_scheduler_and_is_upgraded(sharing: Operator, tmp_path: Path) -> None:
    before = former(tmp_path)
    sharing.apply(before)
    sharing.make_way()
    sharing.apply(before / SHARED.relative_to(DEPLOY))
    sharing.apply(SHARED)
    sharing.wait_rolled_out(SHARED)  # its pods are ready here at once: no program runs in them
    sharing.sweep()
    there = sharing.ours()
    assert set(there) == names(SHARED)
    sharing.apply(SHARED)
    assert sharing.ours() == there, "the same again changes nothing"


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_is_accepted(operator: Operator, overlay: Path) -> None:
    operator.kubectl("create", "namespace", "plimsoll-system")  # a dry run creates none
    operator.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-k", str(overlay))
