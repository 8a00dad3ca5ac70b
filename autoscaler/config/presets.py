"""Which presets of metrics may be named?"""

from __future__ import annotations

from autoscaler.config.rules import Rule
from autoscaler.config.texts import string
from autoscaler.core.load.presets import PRESETS

NAMES = tuple(sorted(PRESETS))

PRESET = Rule(f"one of {', '.join(NAMES)}", string, lambda name: name in NAMES)
