"""In which order does a control plane come up? Each program as soon as what it needs is there."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from deploy.local import configurations, manifests, nodes, settled
from deploy.local.components import service_account_key_command
from deploy.local.kubeconfigs import (
    SERVICE_ACCOUNTS,
    service_account_token,
    static_identities,
    write_kubeconfig,
    write_token_file,
)
from deploy.local.places import DEPLOY
from deploy.local.problem import LocalProblem
from deploy.local.processes import write_json, write_whole
from kube.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.local.cluster import LocalCluster
    from kube.client import Api

_MANIFESTS = DEPLOY / "base" / "kustomization.yaml"
_STAGES = DEPLOY / "local" / "kwok.yaml"


def bring_up(cluster: LocalCluster, progress: Callable[[str], None]) -> None:
    """Start the programs, apply the manifests, create the nodes, and wait until all of it works.

    Raises:
        LocalProblem: a program does not start, or the API server refuses a manifest.
    """
    components = cluster.components
    _start_api(cluster, progress)

    started = ["kube-controller-manager", "kwok"]
    cluster.launch("kube-controller-manager", components.controller_manager())
    cluster.launch("kwok", components.kwok(_STAGES))
    if cluster.spec.default_scheduler:
        _launch_default_scheduler(cluster)
        started.append("default-scheduler")
    if cluster.spec.prometheus:
        _launch_prometheus(cluster)
        started.append("prometheus")

    try:
        tokens = cluster.call(_apply_manifests)
        for name, token in tokens.items():
            _write_kubeconfig(cluster, name, user=name, token=token)
        _launch_own_scheduler(cluster)
        started.append("scheduler")
        for name in started:
            cluster.wait_ready(name)
        cluster.call(lambda api: _create_nodes(api, cluster))
    except ApiError as error:
        raise LocalProblem(f"the manifests of deploy/ could not be applied: {error.message}") from error
    write_json(
        cluster.files.description,
        {
            "kubeconfig": str(cluster.admin_kubeconfig),
            "Kubernetes API": cluster.server,
            "Prometheus": cluster.prometheus_url if cluster.spec.prometheus else "not started",
            "scrape targets": str(cluster.scrape_targets),
            "extender": cluster.extender_url,
            "autoscaler": cluster.autoscaler_url,
            "decisions": cluster.decisions_address,
            "devices": cluster.devices_address,
        },
    )
    progress(f"ready: {', '.join(started)}, {cluster.spec.nodes} GPU nodes")


def _start_api(cluster: LocalCluster, progress: Callable[[str], None]) -> None:
    components, run = cluster.components, cluster.files.run
    run.mkdir(parents=True, mode=0o700)
    began = time.monotonic()
    cluster.launch("etcd", components.etcd())

    key = run / "service-account.key"
    write_whole(key, _new_service_account_key(components.binary))
    identities = static_identities()
    tokens = run / "tokens.csv"
    write_token_file(tokens, identities)
    for name, identity in identities.items():
        _write_kubeconfig(cluster, name, user=identity.user, token=identity.token)

    cluster.wait_ready("etcd")
    cluster.launch("kube-apiserver", components.apiserver(tokens=tokens, service_account_key=key))
    cluster.wait_ready("kube-apiserver")
    progress(f"ready: etcd, kube-apiserver ({time.monotonic() - began:.1f} s)")


def _new_service_account_key(binary: Path) -> bytes:
    try:
        return subprocess.run(service_account_key_command(binary), check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise LocalProblem(f"{binary} does not run ({error}): delete it, and the next start builds it again") from error


def _write_kubeconfig(cluster: LocalCluster, name: str, *, user: str, token: str) -> None:
    write_kubeconfig(
        cluster.files.kubeconfig(name),
        server=cluster.server,
        # The server's self-made file holds its certificate and, after it, the authority that signed it.
        certificate_authority=cluster.components.certificates / "apiserver.crt",
        user=user,
        token=token,
    )


def _launch_default_scheduler(cluster: LocalCluster) -> None:
    name, path = "default-scheduler", cluster.files.run / "default-scheduler.yaml"
    write_json(path, configurations.default_scheduler_of_marked_pods(kubeconfig=cluster.files.kubeconfig(name)))
    cluster.launch(name, cluster.components.scheduler(name, path))


def _launch_own_scheduler(cluster: LocalCluster) -> None:
    name, path = "scheduler", cluster.files.run / "scheduler.yaml"
    kubeconfig = cluster.files.kubeconfig("plimsoll-scheduler")
    write_json(path, configurations.own_scheduler(kubeconfig=kubeconfig, extender_url=cluster.extender_url))
    cluster.launch(name, cluster.components.scheduler(name, path))


def _launch_prometheus(cluster: LocalCluster) -> None:
    path = cluster.files.run / "prometheus.yaml"
    write_json(cluster.scrape_targets, [])
    programs = {name: cluster.addresses.of(name) for name in ("extender", "autoscaler")}
    write_json(path, configurations.prometheus(targets=cluster.scrape_targets, programs=programs))
    cluster.launch("prometheus", cluster.components.prometheus(path))


async def _apply_manifests(api: Api) -> dict[str, str]:
    await manifests.apply(api, manifests.without_processes(manifests.load(_MANIFESTS)))
    return {name: await service_account_token(api, name) for name in SERVICE_ACCOUNTS}


async def _create_nodes(api: Api, cluster: LocalCluster) -> None:
    spec = cluster.spec
    width = max(2, len(str(spec.nodes - 1)))
    await nodes.create(
        api,
        [
            nodes.gpu_node(
                f"gpu-{number:0{width}}",
                gpus=spec.gpus_per_node,
                product=spec.gpu_product,
                memory_mib=spec.gpu_memory_mib,
            )
            for number in range(spec.nodes)
        ],
    )
    await settled.nodes_ready(api, spec.nodes)
    await settled.admission_acts(api)
