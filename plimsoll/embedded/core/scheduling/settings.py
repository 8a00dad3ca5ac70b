"""What of a KubeSchedulerConfiguration does the embedded scheduler do? All that stands here; the rest is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_API_VERSION = "kubescheduler.config.k8s.io/v1"
_DEFAULT_TIMEOUT_S = 5.0
# Of no meaning without processes and connections of its own.
_WITHOUT_MEANING = {"apiVersion", "kind", "clientConnection", "leaderElection"}
_DONE = {"percentageOfNodesToScore", "profiles", "extenders"}
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0}


class Unsupported(ValueError):  # noqa: N818  a refusal, in words
    """The configuration asks for what the embedded scheduler does not do; the message names everything."""


@dataclass(frozen=True, slots=True)
class ExtenderSettings:
    """One extender; a verb is "" where it is not asked."""

    url: str
    filter: str
    prioritize: str
    bind: str
    weight: int
    timeout_s: float
    managed: frozenset[str]
    """The resources that make it interested in a pod; empty: it is interested in all."""
    ignored: frozenset[str]
    """Those of them that the scheduler itself does not count."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration as far as it is done here."""

    profiles: tuple[str, ...]
    extenders: tuple[ExtenderSettings, ...]

    @property
    def ignored(self) -> frozenset[str]:
        """The resources that are left to the extenders."""
        return frozenset().union(*(each.ignored for each in self.extenders))


def settings(configuration: Mapping[str, Any]) -> Settings:
    """Read a KubeSchedulerConfiguration.

    Raises:
        Unsupported: it sets what is not done here, or what kube-scheduler itself refuses.
    """
    problems = list(_problems(configuration))
    extenders = configuration.get("extenders") or ()
    for index, each in enumerate(extenders):
        problems += [f"extenders[{index}]: {problem}" for problem in _extender_problems(each)]
    if sum(1 for each in extenders if each.get("bindVerb")) > 1:
        problems.append("extenders: only one of them can have a bindVerb")
    if problems:
        raise Unsupported("the embedded scheduler does not take this configuration: " + "; ".join(problems))
    profiles = tuple(each["schedulerName"] for each in configuration.get("profiles") or ())
    return Settings(profiles or ("default-scheduler",), tuple(_extender(each) for each in extenders))


def _problems(configuration: Mapping[str, Any]) -> Iterator[str]:
    if configuration.get("apiVersion") != _API_VERSION:
        yield f"apiVersion: {configuration.get('apiVersion')!r} is not {_API_VERSION!r}"
    if configuration.get("kind") != "KubeSchedulerConfiguration":
        yield f"kind: {configuration.get('kind')!r} is not 'KubeSchedulerConfiguration'"
    for key in sorted(configuration.keys() - _WITHOUT_MEANING - _DONE):
        yield f"{key} is not done here"
    if configuration.get("percentageOfNodesToScore", 100) != 100:
        yield "percentageOfNodesToScore: all nodes are looked at here, so it must be 100"
    for index, profile in enumerate(configuration.get("profiles") or ()):
        if not profile.get("schedulerName"):
            yield f"profiles[{index}].schedulerName: required"
        for key in sorted(profile.keys() - {"schedulerName"}):
            yield f"profiles[{index}].{key} is not done here"


def _extender_problems(extender: Mapping[str, Any]) -> Iterator[str]:
    known = {
        "urlPrefix", "filterVerb", "prioritizeVerb", "bindVerb", "weight", "httpTimeout", "nodeCacheCapable",
        "managedResources",
        "preemptVerb",  # never asked: nothing is preempted here, and the pod says so
    }  # fmt: skip
    # Set to what they are without being set, they ask for nothing.
    odd = {key for key in extender.keys() - known if extender[key] not in (False, "", None)}
    yield from (f"{key} is not done here" for key in sorted(odd))
    if not str(extender.get("urlPrefix", "")).startswith("http://"):
        yield f"urlPrefix: {extender.get('urlPrefix')!r} does not begin with http://"
    if extender.get("nodeCacheCapable") is not True:
        yield "nodeCacheCapable: nodes are sent by name here, so it must be true"
    if extender.get("prioritizeVerb") and not extender.get("weight", 0) > 0:
        yield "weight: must be positive where there is a prioritizeVerb"
    try:
        _seconds(extender.get("httpTimeout", "0s"))
    except ValueError as error:
        yield f"httpTimeout: {error}"
    for resource in extender.get("managedResources") or ():
        if "/" not in resource.get("name", ""):
            yield f"managedResources: {resource.get('name')!r} is not the name of an extended resource"


def _extender(extender: Mapping[str, Any]) -> ExtenderSettings:
    managed = extender.get("managedResources") or ()
    return ExtenderSettings(
        url=extender["urlPrefix"].rstrip("/"),
        filter=extender.get("filterVerb", ""),
        prioritize=extender.get("prioritizeVerb", ""),
        bind=extender.get("bindVerb", ""),
        weight=extender.get("weight", 0),
        timeout_s=_seconds(extender.get("httpTimeout", "0s")) or _DEFAULT_TIMEOUT_S,
        managed=frozenset(each["name"] for each in managed),
        ignored=frozenset(each["name"] for each in managed if each.get("ignoredByScheduler")),
    )


def _seconds(text: str) -> float:
    """Read a duration with one unit."""
    for unit, seconds in _UNITS_S.items():
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * seconds
    raise ValueError(f"{text!r} is not a number with ms, s or m")


def interested(extender: ExtenderSettings, spec: Mapping[str, Any]) -> bool:
    """Tell whether an extender is asked about a pod: it manages a resource in requests or limits of any container."""
    if not extender.managed:
        return True
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        for named in (resources.get("requests") or {}, resources.get("limits") or {}):
            if not extender.managed.isdisjoint(named):
                return True
    return False
