"""What kind of work is a pod? Its PriorityClass says, as config-extender maps it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a pod is there for, and so what may be asked of it."""

    INFERENCE = "inference"
    BUILD = "build"
    TRAIN = "train"
    """May exceed its project's quota while GPUs are free, and is the first to give way."""
    FOREIGN = "foreign"
    """Of no class that is mapped: counted, never evicted."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The names of the PriorityClasses of each kind; no name is in two of them."""

    inference: tuple[str, ...] = ("plimsoll-inference",)
    build: tuple[str, ...] = ("plimsoll-build",)
    train: tuple[str, ...] = ("plimsoll-train",)

    def of(self, priority_class: str) -> Kind:
        """Return the kind of a pod with such a class."""
        if priority_class in self.inference:
            return Kind.INFERENCE
        if priority_class in self.build:
            return Kind.BUILD
        return Kind.TRAIN if priority_class in self.train else Kind.FOREIGN
