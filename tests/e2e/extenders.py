"""Two extenders without a kube-scheduler beside them, by their own Lease and over TLS, and what a Service does.

The certificates are made by the commands of the guide.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.local.ports import free_ports
from tests.e2e.installing import GUIDE
from tests.e2e.standby import Pair, Rival, found, wait
from tests.e2e.wires import Wire

if TYPE_CHECKING:
    from deploy.local import LocalCluster

NAME = "plimsoll-extender-leader.plimsoll-system.svc"


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files that the guide's commands make, in one folder."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Certificates:
        """Run the commands."""
        (commands,) = re.findall(r"```sh\n(openssl .+?)```", GUIDE.read_text(), flags=re.DOTALL)
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        subprocess.run(["/bin/sh", "-euc", commands], cwd=folder, check=True, capture_output=True, timeout=60.0)
        return cls(folder)

    def file(self, name: str) -> Path:
        return self.folder / name

    def tls_config(self) -> dict[str, str]:
        """Return the files in `tlsConfig` of a kube-scheduler that has them."""
        files = {"caFile": "ca.crt", "certFile": "client.crt", "keyFile": "client.key"}
        return {key: str(self.file(name)) for key, name in files.items()}

    def relay_flags(self) -> tuple[str, ...]:
        """Return the flags of a relay that has them."""
        files = {"--ca-file": "ca.crt", "--client-cert-file": "client.crt", "--client-key-file": "client.key"}
        return (*(f"{flag}={self.file(name)}" for flag, name in files.items()), f"--server-name={NAME}")


@dataclass
class Extender(Rival):
    """An extender that is spoken to over TLS; `port` has its pages, `verbs` its verbs."""

    certificates: Certificates = field(default=Certificates(Path()))
    verbs: int = 0

    def start(self) -> None:
        """Start it, with a new wire, and wait until it has listed everything."""
        self.unwire()
        self.port, self.verbs = free_ports(2)
        command = [sys.executable, "-m", "extender", "run", "--rpc-listen", "off"]
        command += ["--kubeconfig", str(self.kubeconfig("plimsoll-extender"))]
        command += ["--listen", f"127.0.0.1:{self.verbs}", "--pages-listen", f"127.0.0.1:{self.port}"]
        files = {"--tls-cert-file": "tls.crt", "--tls-private-key-file": "tls.key", "--client-ca-file": "ca.crt"}
        command += [f"{flag}={self.certificates.file(name)}" for flag, name in files.items()]
        self.processes = [self.launch(command)]
        wait("an extender leads or follows", lambda: self.ready() or self.says().startswith(("follows", "takes")), 60.0)

    def leads(self) -> bool:
        """Tell whether it says that it places pods; one that does not answer does not."""
        return self.number("plimsoll_extender_leader") == 1.0

    def says(self) -> str:
        """Return why it is not ready, "" where it is, or does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1.0):
                return ""
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode()
        except OSError:
            return ""


class Service:
    """What a Service is to its callers: a new connection leads to who is ready, a kept one to where it always led."""

    def __init__(self, pair: Pair[Extender]) -> None:
        self._pair = pair
        self._wire = Wire(0)
        self.url = f"https://127.0.0.1:{self._wire.port}"
        self.probe()

    def probe(self) -> Extender:
        """Find the one that is ready, as the kubelet's probes do, waiting until one is."""
        ready = found(
            "one extender is ready", lambda: next((each for each in self._living() if each.ready()), None), 60.0
        )
        self._wire.to = ready.verbs
        return ready

    def close(self) -> None:
        self._wire.close()

    def _living(self) -> list[Extender]:
        return [each for each in self._pair.both if each.processes[0].poll() is None]


def extenders(cluster: LocalCluster, folder: Path, certificates: Certificates) -> Pair[Extender]:
    """Return two that are not started yet, in place of the cluster's own extender."""
    if cluster.pid("extender") is not None:
        cluster.stop("extender")
    return Pair(
        (
            Extender(cluster, "extender-one", folder, certificates=certificates),
            Extender(cluster, "extender-two", folder, certificates=certificates),
        )
    )
