"""Which of two things that the API server said of objects of one type is the newer?

Their resource versions are whole numbers that grow with every change, and a list's is that of its last change
(Kubernetes promises so since 1.35: KEP-5504). What a list of version n shows is all that was up to n; so what a watch
told at a version above n is newer than the list, and what it tells at n or below is old news.
"""

from __future__ import annotations

from typing import NewType

Age = NewType("Age", tuple[int, str])
"""What orders versions; of numbers without leading zeros the longer is the greater. Before all: no version."""


def age(version: str) -> Age:
    """Return what orders versions of objects of one type."""
    return Age((len(version), version))


class Meanwhile:
    """What a watch told of objects, by name, while a list was under way."""

    def __init__(self) -> None:
        self._told: dict[str, Age] = {}
        self._relisted = age("")

    def told(self, name: str, version: str) -> None:
        """Take note that the watch told of a change, or of the end, of an object at `version`."""
        self._told[name] = age(version)

    def relisted(self, version: str) -> None:
        """Take note that the watch told of all there is at `version`."""
        self._relisted = age(version)

    def outdates(self, version: str) -> bool:
        """Tell whether a list of `version` tells nothing that the watch has not told."""
        return self._relisted > age(version)

    def newer(self, version: str) -> frozenset[str]:
        """Return the objects of which the watch told something newer than a list of `version`."""
        return frozenset(name for name, told in self._told.items() if told > age(version))
