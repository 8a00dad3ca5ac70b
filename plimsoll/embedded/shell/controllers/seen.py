"""How do the controllers read objects? Their metadata as listed here, spec and status whole, as plain JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kube.objects import Named, Object, ObjectMeta

if TYPE_CHECKING:
    from plimsoll.embedded.core import problem


class Owner(Object, omit_defaults=True):
    """One of an object's ownerReferences, whole."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Meta(ObjectMeta, omit_defaults=True):
    """The metadata that the controllers look at."""

    owner_references: list[Owner] | None = None  # type: ignore[assignment]  # the same field, with more in it
    generation: int = 0
    finalizers: list[str] | None = None
    deletion_grace_period_seconds: int | None = None


class Seen(Named):
    """An object of any kind."""

    metadata: Meta
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)

    def plain(self) -> problem.Object:
        """Return it as the cores take it: spec and status are always there."""
        return {"metadata": msgspec.to_builtins(self.metadata), "spec": self.spec, "status": self.status}
