"""May a replica count be written, seeing what stands there now? And what became of it?

The laws:
- What stands there already is not written again.
- A decision was made on a count; where another one stands by now, somebody else was here, and nothing is written.
- The write carries the version of what was read, so that nobody comes in between unseen.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written: a decision that was made on `decided_on` replicas."""

    decided_on: int
    desired: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a `scale` subresource tells: replicas asked for, the object's UID and version, its pods' selector."""

    replicas: int
    uid: str
    version: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """Ask for `replicas`, provided that the object still has this version."""

    replicas: int
    version: str


@dataclass(frozen=True, slots=True)
class Written:
    """It stands there now."""

    was: int
    now: int
    version: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It stood there already."""

    replicas: int
    version: str


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Another count than the one decided on stands there; `by` is who set it, "" where nothing tells."""

    found: int
    version: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such object any more."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server said no: to us, to the count, or to every try because others change the object all the time."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The API server did not answer, or is in trouble; `unknown`: the write may have been carried out, or still be."""

    reason: str
    unknown: bool


@dataclass(frozen=True, slots=True)
class Withheld:
    """By the time that it was to be written, we must not write it any more; `reason` says why."""

    reason: str


Outcome = Written | Unchanged | Overtaken | Gone | Refused | Failed | Withheld


def step(uid: str, change: Change, found: Found) -> Write | Unchanged | Overtaken | Gone:
    """Return what is to be done with an object that was decided on, seeing its scale."""
    if found.uid != uid:
        return Gone()  # deleted and made again: a decision about the old one says nothing about the new one
    if found.replicas == change.desired:
        return Unchanged(found.replicas, found.version)
    if found.replicas != change.decided_on:
        return Overtaken(found.replicas, found.version)
    return Write(change.desired, found.version)
