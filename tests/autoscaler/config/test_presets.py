import re
from pathlib import Path

from autoscaler.config.presets import NAMES


def test_the_shipped_example_and_the_reference_name_every_preset() -> None:
    for path in ("deploy/base/config-autoscaler.yaml", "docs/configuration.md"):
        words = set(re.findall(r"[a-z][a-z-]*", Path(path).read_text()))
        assert set(NAMES) - words == set(), path
