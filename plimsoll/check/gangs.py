"""Is what a manifest says of a gang what the extender will read? Label and annotation, on pods and on pod templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.gangs import GANG, LEAST, PLAN, least_of
from kube.gpus import Malformed
from plimsoll.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.check.documents import Document, Entry

_OF_TEMPLATE = ("spec", "template")
_PODS: dict[str, tuple[str, ...]] = {"Pod": (), "CronJob": ("spec", "jobTemplate", "spec", "template")}
"""Where a kind says what its pods are, where that is not the template of its spec."""
_COUNTS = {"Deployment": "replicas", "StatefulSet": "replicas", "ReplicaSet": "replicas", "Job": "parallelism"}


def speaks_of_gangs(document: Document) -> bool:
    """Tell whether an object says anything of a gang, wherever it says it."""
    return any(each.key in (GANG, LEAST, PLAN) for path in _paths(document) for each in document.entries(*path))


def of_gang(document: Document) -> Iterator[Finding]:
    """Give what is wrong with what an object says of its pods' gang."""
    pods = _PODS.get(document.text("kind"), _OF_TEMPLATE)
    label = _last(document.entries(*pods, "metadata", "labels"), GANG)
    least = _last(document.entries(*pods, "metadata", "annotations"), LEAST)
    plan = _last(document.entries(*pods, "metadata", "annotations"), PLAN)
    if plan is not None:
        yield Finding(document, plan.line, f"{PLAN} is Plimsoll's alone to write: such pods are refused", problem=True)
    yield from _unquoted(document, [each for each in (label, least) if each is not None])
    if label is not None:
        number = least_of(None if least is None else least.text)
        if isinstance(number, Malformed):
            yield Finding(document, (least or label).line, str(number), problem=True)
        else:
            yield from _too_few(document, number, (least or label).line)
    elif least is not None:
        yield _warning(document, least, f"{LEAST} does nothing: the pods have no label {GANG}")
    yield from _misplaced(document, pods)


def _unquoted(document: Document, entries: list[Entry]) -> Iterator[Finding]:
    for each in entries:
        if not each.quoted_enough:
            text = f'{each.key}: "{each.text}" must be a string: put it in quotes'
            yield Finding(document, each.line, text, problem=True)


def _too_few(document: Document, number: int, line: int) -> Iterator[Finding]:
    """Give what keeps as many members as are needed at once from being there at once."""
    kind = document.text("kind")
    key = _COUNTS.get(kind, "")
    # Replicas that are not written are somebody else's to set.
    count = (document.text("spec", key) if key else "") or ("1" if kind == "Job" else "")
    if count.isdecimal() and int(count) < number:
        text = f"{LEAST}: {number} is more than {key}: {count}, so that its gang waits for members"
        yield Finding(document, line, text, problem=False)
    if kind == "StatefulSet" and number > 1 and document.text("spec", "podManagementPolicy") != "Parallel":
        text = "podManagementPolicy is not Parallel: its second pod waits for the first, and the first for its gang"
        yield Finding(document, line, text, problem=False)


def _misplaced(document: Document, pods: tuple[str, ...]) -> Iterator[Finding]:
    for path in _paths(document):
        kind, owner = path[-1], path[:-2]
        for each in document.entries(*path):
            if each.key not in (GANG, LEAST):
                continue
            if owner != pods:
                yield _warning(document, each, f"{each.key} stands not on the pod template, so nobody reads it")
            elif (each.key == GANG) != (kind == "labels"):
                right = "a label" if each.key == GANG else "an annotation"
                yield _warning(document, each, f"{each.key} is {right}: among the {kind} nobody reads it")


def _paths(document: Document) -> Iterator[tuple[str, ...]]:
    pods = _PODS.get(document.text("kind"), _OF_TEMPLATE)
    for owner in dict.fromkeys(((), pods)):
        yield from ((*owner, "metadata", "labels"), (*owner, "metadata", "annotations"))


def _last(entries: list[Entry], key: str) -> Entry | None:
    """Return the last entry of a key, which is the one that counts."""
    return next((each for each in reversed(entries) if each.key == key), None)


def _warning(document: Document, entry: Entry, text: str) -> Finding:
    return Finding(document, entry.line, text, problem=False)
