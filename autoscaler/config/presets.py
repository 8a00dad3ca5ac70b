"""Which presets of metrics may be named?"""

from __future__ import annotations

from autoscaler.config.rules import Rule
from autoscaler.config.texts import string

NAMES = (
    "envoy",
    "istio",
    "knative",
    "kserve",
    "nginx-ingress",
    "ray-serve",
    "sglang",
    "tf-serving",
    "tgi",
    "torchserve",
    "triton",
    "vllm",
)

PRESET = Rule(f"one of {', '.join(NAMES)}", string, lambda name: name in NAMES)
