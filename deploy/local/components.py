"""With which flags does each program of the control plane run? One function a program, all on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.ports import HOST

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.places import ClusterFiles
    from deploy.local.ports import Addresses

PORT_NAMES = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "default-scheduler",
    "scheduler",
    "kwok",
    "prometheus",
    "extender",
    "autoscaler",
    "decisions",
    "devices",
)

# The node's failure is not played by missed heartbeats, and there are no volumes, clouds or kubelet certificates.
_CONTROLLERS_LEFT_OUT = (
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "cloud-node-lifecycle-controller",
    "device-taint-eviction-controller",
    "node-ipam-controller",
    "node-lifecycle-controller",
    "node-route-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-expander-controller",
    "service-lb-controller",
    "taint-eviction-controller",
)


@dataclass(frozen=True, slots=True)
class Components:
    """The command lines of one cluster's programs."""

    files: ClusterFiles
    addresses: Addresses
    binary: Path
    prometheus_binary: Path

    def etcd(self) -> list[str]:
        """Keep the cluster's objects; a test's database needs no fsync."""
        client, peer = f"http://{self.addresses.of('etcd')}", f"http://{self.addresses.of('etcd-peer')}"
        return [
            *self._component("etcd"),
            f"--data-dir={self.files.run / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def apiserver(self, *, tokens: Path, service_account_key: Path) -> list[str]:
        """Serve the Kubernetes API with RBAC and a certificate that it makes itself."""
        return [
            *self._component("kube-apiserver"),
            f"--etcd-servers=http://{self.addresses.of('etcd')}",
            f"--bind-address={HOST}",
            f"--secure-port={self.addresses.ports['kube-apiserver']}",
            # Without it the server looks for an outward address, and ends on a machine that has none.
            f"--advertise-address={HOST}",
            f"--cert-dir={self.certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={service_account_key}",
            f"--service-account-signing-key-file={service_account_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            # ServiceAccount: pods would wait for their namespace's account. TaintNodesByCondition: the taint of a new
            # node is lifted by the node-lifecycle controller, which is left out.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        ]

    def controller_manager(self) -> list[str]:
        """Run the controllers of Deployments, ReplicaSets, Jobs, namespaces ..."""
        return [
            *self._component("kube-controller-manager"),
            f"--kubeconfig={self.files.kubeconfig('kube-controller-manager')}",
            f"--controllers=*,{','.join(f'-{name}' for name in _CONTROLLERS_LEFT_OUT)}",
            "--leader-elect=false",
            # The defaults (20 and 30) would make a Deployment of 500 replicas take half a minute.
            "--kube-api-qps=5000",
            "--kube-api-burst=5000",
            *self._serving("kube-controller-manager"),
        ]

    def scheduler(self, name: str, configuration: Path) -> list[str]:
        """Run a kube-scheduler with a configuration file."""
        return [*self._component("kube-scheduler"), f"--config={configuration}", *self._serving(name)]

    def kwok(self, stages: Path) -> list[str]:
        """Play the kubelets: nodes become ready, bound pods run."""
        return [
            *self._component("kwok"),
            f"--kubeconfig={self.files.kubeconfig('kwok')}",
            f"--config={stages}",
            "--manage-all-nodes=true",
            "--cidr=10.244.0.0/16",
            f"--server-address={self.addresses.of('kwok')}",
            "--v=WARN",  # else a line for each change of each pod
        ]

    def prometheus(self, configuration: Path) -> list[str]:
        """Scrape the targets and answer queries."""
        storage = self.files.run / "prometheus"
        return prometheus_command(self.prometheus_binary, configuration, storage, self.addresses.of("prometheus"))

    @property
    def certificates(self) -> Path:
        """Where the API server puts the certificate and key that it makes."""
        return self.files.run / "certificates"

    def _component(self, name: str) -> list[str]:
        return [str(self.binary), name]

    def _serving(self, name: str) -> list[str]:
        return [
            f"--bind-address={HOST}",
            f"--secure-port={self.addresses.ports[name]}",
            # Its certificate is made in memory and it asks nobody who is calling: health and metrics are open, all
            # else is closed.
            "--authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics",
        ]


def prometheus_command(binary: Path, configuration: Path, storage: Path, address: str) -> list[str]:
    """Return the command line of a Prometheus."""
    return [
        str(binary),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={storage}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]


def service_account_key_command(binary: Path) -> list[str]:
    """Return the command that prints a new key for signing service account tokens."""
    return [str(binary), "service-account-key"]
