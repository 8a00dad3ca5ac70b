"""How does the scheduler read pods? Whole, for an extender is sent all of them but managedFields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kube.objects import Named, Object

if TYPE_CHECKING:
    from plimsoll.embedded.core import problem


class _Metadata(Object, omit_defaults=True):
    """Every field of metadata but managedFields, in Kubernetes' order: kube-scheduler keeps all but those."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    self_link: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[dict[str, Any]] | None = None
    finalizers: list[str] | None = None


class WholePod(Named):
    """A pod."""

    metadata: _Metadata  # type: ignore[assignment]  # the same fields, and the others
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)

    def plain(self) -> problem.Object:
        """Return it as the cores take it."""
        return {"metadata": msgspec.to_builtins(self.metadata), "spec": self.spec, "status": self.status}
