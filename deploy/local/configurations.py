"""What stands in the configuration files of the schedulers and of Prometheus? What is shipped, with local addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from deploy.local.places import DEPLOY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NO_EXTENDER = "no-extender"
"""The name by which pods ask for a kube-scheduler that is as ours and has no extender."""

_SHIPPED = DEPLOY / "programs" / "scheduler.yaml"
_SHARED = DEPLOY / "overlays" / "shared-scheduler"


def own_scheduler(*, kubeconfig: Path, extender_url: str) -> dict[str, Any]:
    """Return the shipped configuration, changed only where a local process differs from a pod."""
    shipped = _local(kubeconfig)
    (extender,) = shipped["extenders"]
    extender["urlPrefix"] = extender_url
    return shipped


def default_scheduler(*, kubeconfig: Path) -> dict[str, Any]:
    """Return the same without the extender and under the default name: what a comparison is made against."""
    shipped = _local(kubeconfig)
    del shipped["extenders"]
    shipped["profiles"] = [{"schedulerName": "default-scheduler"}]
    return shipped


def default_scheduler_of_marked_pods(*, kubeconfig: Path) -> dict[str, Any]:
    """Return that of the default scheduler with a second profile, NO_EXTENDER, which binds pods with our marker too.

    It passes over what the extender's section of our own makes every profile pass over.
    """
    default = default_scheduler(kubeconfig=kubeconfig)
    (extender,) = _local(kubeconfig)["extenders"]
    passed_over = [one["name"] for one in extender["managedResources"] if one["ignoredByScheduler"]]
    fit = {"name": "NodeResourcesFit", "args": {"ignoredResources": passed_over}}
    default["profiles"].append({"schedulerName": NO_EXTENDER, "pluginConfig": [fit]})
    return default


def shared_scheduler(*, kubeconfig: Path, relay_url: str) -> dict[str, Any]:
    """Return the example of a scheduler that is there already, with the extender behind it, through a relay."""
    shipped = _local(kubeconfig, _SHARED / "kube-scheduler.yaml")
    shipped["extenders"][0]["urlPrefix"] = relay_url
    return shipped


def direct_scheduler(*, kubeconfig: Path, extender_url: str, tls: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the same without the relay; `tls`: the files of `tlsConfig`, None in the clear."""
    shipped = _local(kubeconfig, _SHARED / "kube-scheduler-direct.yaml")
    (extender,) = shipped["extenders"]
    extender["urlPrefix"] = extender_url
    if tls is None:
        del extender["enableHTTPS"], extender["tlsConfig"]
    else:
        extender["tlsConfig"] |= tls
    return shipped


def _local(kubeconfig: Path, file: Path = _SHIPPED) -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load(file.read_text())
    shipped["clientConnection"]["kubeconfig"] = str(kubeconfig)
    shipped["leaderElection"] = {"leaderElect": False}
    return shipped


def prometheus(*, targets: Path, programs: Mapping[str, str]) -> dict[str, Any]:
    """Return a configuration that scrapes the targets listed in a file, and our own programs, every second."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            # Prometheus sees a change of the file at once; the interval is for a notice that the kernel dropped.
            {"job_name": "workloads", "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "5s"}]},
            *({"job_name": name, "static_configs": [{"targets": [address]}]} for name, address in programs.items()),
        ],
    }
