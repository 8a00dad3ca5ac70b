"""How do tests render and apply manifests? With the kubectl that stands beside this Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

KUBECTL = Path(sys.executable).with_name("kubectl")


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a folder with a kustomization, as `kubectl apply -k` sends them."""
    return [each for each in yaml.safe_load_all(run("kustomize", str(folder))) if each]


def run(*arguments: str, kubeconfig: Path | None = None) -> str:
    """Run kubectl; return what it prints.

    Raises:
        AssertionError: it failed; with its words.
    """
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)}
    done = subprocess.run([KUBECTL, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout
