"""Which presets of metrics may be named?"""

from __future__ import annotations

from autoscaler.core.load.presets import PRESETS
from kube.rules import Rule
from kube.texts import string

NAMES = tuple(sorted(PRESETS))

PRESET = Rule(f"one of {', '.join(NAMES)}", string, lambda name: name in NAMES)
