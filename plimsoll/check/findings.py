"""What is wrong with these objects, by the rules of both programs' configuration?

ConfigMaps named config-autoscaler, config-deployment, config-extender and config-projects are read in any namespace;
workloads are the objects that carry the label of autoscaled ones or annotations of the autoscaler. What an object says
of a gang is checked, whatever it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler import config
from autoscaler.config.cluster import DEPLOYMENT_RULES
from autoscaler.config.cluster import RULES as CLUSTER_RULES
from autoscaler.config.workload import CAMEL, DRAIN_AWARE, KNATIVE, OURS
from autoscaler.config.workload import RULES as WORKLOAD_RULES
from autoscaler.core.targets.draining import without_effect as drains_nothing
from extender.config.cluster import RULES as EXTENDER_RULES
from extender.config.cluster import settings
from extender.config.projects import KEY as PROJECTS
from extender.config.projects import projects
from plimsoll.check.finding import Finding
from plimsoll.check.gangs import of_gang, speaks_of_gangs
from plimsoll.check.spelling import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from autoscaler.config.resolution import Resolved
    from plimsoll.check.documents import Document, Entry

LABEL = "plimsoll.dev/autoscale"

_MAPS: dict[str, Collection[str]] = {
    "config-autoscaler": CLUSTER_RULES,
    "config-deployment": DEPLOYMENT_RULES,
    "config-extender": EXTENDER_RULES,
    "config-projects": {PROJECTS},
}
_READERS: dict[str, Callable[[Mapping[str, str]], tuple[object, tuple[config.Problem, ...]]]] = {
    "config-autoscaler": config.defaults,
    "config-deployment": config.deployment,
    "config-extender": settings,
    "config-projects": projects,
}
_ANNOTATIONS = frozenset({*WORKLOAD_RULES, *CAMEL.values()})
_METADATA, _LABELS = ("metadata", "annotations"), ("metadata", "labels")
_PREFIXES = ("knative.dev", "plimsoll.dev")
_TEMPLATE = ("spec", "template", "metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Checked:
    """All findings in the order of the files, and of how many objects they are."""

    objects: int
    findings: tuple[Finding, ...]


def check(documents: Sequence[Document]) -> Checked:
    """Check every object that either program would read."""
    every_map = [each for each in documents if each.text("kind") == "ConfigMap"]
    maps = [each for each in every_map if each.text("metadata", "name") in _MAPS]
    workloads = [each for each in documents if each.text("kind") != "ConfigMap" and _is_workload(each)]
    ganged = [each for each in documents if speaks_of_gangs(each)]
    base, basis = _base([each for each in maps if each.text("metadata", "name") == "config-autoscaler"])
    found = [
        finding
        for each in documents
        for finding in sorted(
            [
                *(_of_map(each) if each in maps else _of_workload(each, base) if each in workloads else ()),
                *(of_gang(each) if each in ganged else ()),
            ],
            key=lambda finding: finding.line,
        )
    ]
    others = _misnamed([each for each in every_map if each not in maps])
    others_ganged = sum(each not in workloads for each in ganged)
    return Checked(len(maps) + len(workloads) + others_ganged, (*found, *(basis if workloads else []), *others))


def _base(maps: Sequence[Document]) -> tuple[config.Defaults, list[Finding]]:
    """Return what workloads are checked against: the last config-autoscaler where it is in order, else the defaults."""
    if not maps:
        return config.Defaults(), []
    last = maps[-1]
    several = [_warning(last, "of several, this is the one that workloads were checked against")]
    base, problems = config.defaults(_texts(last.entries("data")))
    if problems:
        return config.Defaults(), [_warning(last, "it is refused, so workloads were checked against the defaults")]
    return base, several if len(maps) > 1 else []


def _misnamed(maps: Iterable[Document]) -> list[Finding]:
    """Return the maps that nobody reads though they were meant to be read."""
    likely = ((each, meant(each.text("metadata", "name"), _MAPS)) for each in maps)
    return [_warning(each, f"nobody reads it; was the name {name} meant?") for each, name in likely if name is not None]


def _is_workload(document: Document) -> bool:
    labelled = any(each.key == LABEL for each in document.entries(*_LABELS))
    annotated = [*document.entries(*_METADATA), *document.entries(*_TEMPLATE)]
    return labelled or any(each.key.startswith(KNATIVE) or each.key in _ANNOTATIONS for each in annotated)


def _of_map(document: Document) -> list[Finding]:
    name = document.text("metadata", "name")
    entries = document.entries("data")
    _, problems = _READERS[name](_texts(entries))
    return [
        *_unshaped(document, ("data",)),
        *_unwritten(document, entries),
        *_told(document, entries, problems),
        *_misspelt(document, [each for each in entries if not each.key.startswith("_")], _MAPS[name]),
    ]


def _of_workload(document: Document, base: config.Defaults) -> list[Finding]:
    entries = [each for each in document.entries(*_METADATA) if each.key in _ANNOTATIONS]
    resolved, problems = config.resolve(
        base, config.DeploymentDefaults(), _texts(entries), name=document.text("metadata", "name")
    )
    labels = [each for each in document.entries(*_LABELS) if each.key == LABEL]
    merges = [each for path in (_LABELS, _METADATA) for each in document.entries(*path) if each.merges]
    found = [
        *_unshaped(document, _METADATA, _LABELS),
        *_unwritten(document, [*labels, *entries, *merges]),
        *_told(document, entries, problems),
    ]
    if entries and not labels:
        found.append(_warning(document, f'it has no label {LABEL}: "true", so Plimsoll leaves it alone'))
    found += [
        _warning(document, f'{LABEL}: "{each.text}" is not "true", so Plimsoll leaves it alone', each.line)
        for each in labels
        if each.text != "true"
    ]
    if labels and not resolved.ours and not resolved.observes:
        found.append(_warning(document, f"its class is {resolved.autoscaler_class}, so Plimsoll leaves it alone"))
    found += _without_effect(document, entries, resolved)
    return [*found, *_unread(document, labelled=bool(labels))]


def _without_effect(document: Document, entries: Sequence[Entry], resolved: Resolved) -> list[Finding]:
    """Return the annotations that do nothing for an object of this kind, or beside the others."""
    whys = dict(resolved.without_effect)
    if resolved.policy.drain_aware_scale_down:
        whys[DRAIN_AWARE] = drains_nothing(document.text("kind"))
    return [
        _warning(document, f"{each.key} has no effect: {whys[each.key]}", each.line)
        for each in entries
        if whys.get(each.key)
    ]


def _unread(document: Document, *, labelled: bool) -> list[Finding]:
    """Return the annotations that nobody reads: unknown ones, and those on the pod template."""
    # On the templates of Knative's own objects they are where they belong.
    others = not labelled and ".knative.dev/" in f".{document.text('apiVersion')}"
    moved = [
        _warning(document, f"{each.key} stands on the pod template, where it is not read", each.line)
        for each in document.entries(*_TEMPLATE)
        if not others and (each.key.startswith(KNATIVE) or each.key in _ANNOTATIONS)
    ]
    annotations = document.entries(*_METADATA)
    ours = [each for each in annotations if each.key.startswith((KNATIVE, OURS))]
    return [*moved, *_misspelt(document, ours, _ANNOTATIONS), *_misplaced(document, annotations)]


def _misplaced(document: Document, annotations: Sequence[Entry]) -> list[Finding]:
    """Return the annotations that have a known name behind no prefix, or behind the wrong one of ours."""
    known: dict[str, list[str]] = {}
    for key in sorted(_ANNOTATIONS):
        known.setdefault(key.rpartition("/")[2], []).append(key)
    found = []
    for each in annotations:
        prefix, _, name = each.key.rpartition("/")
        like = known.get(name)
        if like and each.key not in _ANNOTATIONS and (not prefix or prefix.endswith(_PREFIXES)):
            found.append(_warning(document, f"{each.key} is not a key; was {' or '.join(like)} meant?", each.line))
    return found


def _told(document: Document, entries: Sequence[Entry], problems: Iterable[config.Problem]) -> list[Finding]:
    lines = {each.key: each.line for each in entries}
    # What is wrong inside of a key's YAML stands under its path, such as projects[0].quota.
    return [
        Finding(document, lines.get(each.key.partition("[")[0], document.line), str(each), problem=True)
        for each in problems
    ]


def _unshaped(document: Document, *paths: tuple[str, ...]) -> list[Finding]:
    """Return what Kubernetes itself refuses around the entries."""
    lines = [(path[-1], document.misshapen(*path)) for path in paths]
    shapeless = [
        Finding(document, line, f"{name} must be a mapping: lines of KEY: VALUE", problem=True)
        for name, line in lines
        if line is not None
    ]
    outer = [*document.entries(), *document.entries("metadata")]
    return [*shapeless, *_repeated(document, outer)]


def _unwritten(document: Document, entries: Sequence[Entry]) -> list[Finding]:
    """Return the entries that Kubernetes itself refuses."""
    unquoted = [
        Finding(
            document, each.line, str(config.Problem(each.key, each.text, "a string: put it in quotes")), problem=True
        )
        for each in entries
        if not each.quoted_enough and not each.merges
    ]
    merged = [
        _warning(document, f"what {each.key} brings is not checked: write it out to have it checked", each.line)
        for each in entries
        if each.merges
    ]
    return [*unquoted, *merged, *_repeated(document, entries)]


def _repeated(document: Document, entries: Sequence[Entry]) -> list[Finding]:
    return [Finding(document, each.line, f"{each.key} is there twice", problem=True) for each in entries if each.twice]


def _misspelt(document: Document, entries: Sequence[Entry], known: Collection[str]) -> list[Finding]:
    found = []
    for each in entries:
        prefix, _, name = each.key.rpartition("/")
        if each.key in known or each.merges:
            continue
        like = meant(name, [key.rpartition("/")[2] for key in known if key.rpartition("/")[0] == prefix])
        if like is not None:
            found.append(_warning(document, f"{each.key} is not a key; was {like} meant?", each.line))
        elif each.key.startswith(KNATIVE):
            found.append(_warning(document, f"{each.key} is not a key, so nobody reads it", each.line))
    return found


def _texts(entries: Sequence[Entry]) -> dict[str, str]:
    return {each.key: each.text for each in entries}


def _warning(document: Document, text: str, line: int | None = None) -> Finding:
    return Finding(document, line or document.line, text, problem=False)
