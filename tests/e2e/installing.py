"""What does an operator do with deploy/ on a real API server, and what stands there before and after?"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import kubectl

if TYPE_CHECKING:
    from deploy.local import LocalCluster

GUIDE = Path("docs/install.md")
DEPLOY = Path("deploy")
SHARED = DEPLOY / "overlays" / "shared-scheduler"
OURS = "app.kubernetes.io/part-of=plimsoll"
# What comes and goes by itself, and the copies that the API server makes of endpoints.
_PASSING = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}


def sweeping() -> list[list[str]]:
    """Return the guide's commands that delete what an upgrade left behind: everywhere, and of the monitoring."""
    text = GUIDE.read_text().replace("\\\n", "")
    found = [shlex.split(one) for one in re.findall(r"^kubectl (delete .*version!=.*)$", text, flags=re.MULTILINE)]
    assert len(found) == 2
    return found


@dataclass(frozen=True)
class Operator:
    """A person with kubectl, who may do everything."""

    cluster: LocalCluster

    def kubectl(self, *arguments: str) -> str:
        return kubectl.run(*arguments, kubeconfig=self.cluster.admin_kubeconfig)

    def apply(self, folder: Path) -> None:
        self.kubectl("apply", "--server-side", "-k", str(folder))

    def wait_rolled_out(self, folder: Path = DEPLOY) -> None:
        for name in (each["metadata"]["name"] for each in kubectl.rendered(folder) if each["kind"] == "Deployment"):
            self.kubectl("-n", "plimsoll-system", "rollout", "status", f"deployment/{name}", "--timeout=90s")

    def remove(self, folder: Path) -> None:
        self.kubectl("delete", "-k", str(folder), "--ignore-not-found", "--timeout=90s")

    def sweep(self) -> None:
        """Delete what an upgrade left behind, with the command of the guide; a Prometheus operator is not there."""
        command, _ = sweeping()
        self.kubectl(*command)

    def make_way(self) -> None:
        """Delete our own scheduler, with the commands of the guide."""
        text = GUIDE.read_text().replace("\\\n", "")
        (block,) = re.findall(r"```sh\n(kubectl -n plimsoll-system delete deployment.+?)\n(?:kubectl apply|```)", text,
                              flags=re.DOTALL)  # fmt: skip
        for command in block.splitlines():
            self.kubectl(*shlex.split(command)[1:])

    def everything(self) -> set[tuple[str, ...]]:
        """Return kind, namespace and name of every object there is."""
        kinds = set(self.kubectl("api-resources", "--verbs=list", "-o", "name").split()) - _PASSING
        columns = "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name"
        told = self.kubectl("get", ",".join(sorted(kinds)), "-A", "--no-headers", "-o", columns)
        return {tuple(line.split()) for line in told.splitlines()}

    def ours(self) -> dict[str, Any]:
        """Return every object with our label, without what the cluster writes of it, by kind and name."""
        kinds = {each["kind"] for folder in (DEPLOY, SHARED) for each in kubectl.rendered(folder)}
        found = json.loads(
            self.kubectl("get", ",".join(sorted(kinds)), "-A", "-l", OURS, "-o", "json", "--show-managed-fields")
        )
        result = {}
        for each in found["items"]:
            each.pop("status", None)
            meta = each["metadata"]
            meta.pop("resourceVersion")
            # Controllers write too: the status, and the revision on a Deployment.
            applied = [one for one in meta["managedFields"] if one["operation"] == "Apply"]
            # An admission policy that is applied again is written again, with nothing new but the time.
            meta["managedFields"] = [one | {"time": ""} for one in applied if "subresource" not in one]
            result[f"{each['kind']}/{meta['name']}"] = each
        return result
