"""How does the scheduler speak to an extender? As kube-scheduler: one POST, one answer, no second try.

Its types have no JSON tags: names are CamelCase to the letter, nil is null and nothing is left out; answers are read
whatever the case of their names. Source: kubernetes' pkg/scheduler/extender.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aiohttp
import msgspec

from plimsoll.embedded.core.scheduling.settings import interested

if TYPE_CHECKING:
    from types import TracebackType

    from plimsoll.embedded.core.scheduling.settings import ExtenderSettings
    from plimsoll.embedded.core.scheduling.views import PodView

_OK = 200
_SCALE = 10  # an extender's scores go to 10, the scheduler's own to 100


class ExtenderError(Exception):
    """An extender gave no usable answer, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """The nodes that an extender leaves, and its reasons against others."""

    nodes: tuple[str, ...]
    failed: dict[str, str]
    unresolvable: dict[str, str]


class _FilterResult(msgspec.Struct):
    nodenames: list[str] | None = None
    failednodes: dict[str, str] | None = None
    failedandunresolvablenodes: dict[str, str] | None = None
    error: str | None = None


class _HostPriority(msgspec.Struct):
    host: str = ""
    score: int = 0


class _BindingResult(msgspec.Struct):
    error: str | None = None


_Answer = TypeVar("_Answer")


class Extender:
    """One extender, as it is configured."""

    def __init__(self, settings: ExtenderSettings) -> None:
        self.settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # One connection for each binding under way: there is no limit to them.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def interested(self, pod: PodView) -> bool:
        """Tell whether it is asked about a pod."""
        return interested(self.settings, pod.spec)

    async def filter(self, pod: PodView, nodes: tuple[str, ...]) -> Filtered:
        """Ask which of `nodes` may take a pod.

        Raises:
            ExtenderError: there is no usable answer, or it names a node that was not asked about.
        """
        if not self.settings.filter:
            return Filtered(nodes, {}, {})
        result = await self._ask(self.settings.filter, _arguments(pod, nodes), _FilterResult)
        if result.error:
            raise ExtenderError(result.error)
        for name in result.nodenames or ():
            if name not in nodes:
                raise ExtenderError(
                    f'extender "{self.settings.url}" claims a filtered node "{name}" '
                    "which is not found in the input node list"
                )
        return Filtered(
            tuple(result.nodenames or ()), result.failednodes or {}, result.failedandunresolvablenodes or {}
        )

    async def prioritize(self, pod: PodView, nodes: tuple[str, ...]) -> dict[str, int]:
        """Ask how good each of `nodes` is, on the scheduler's scale and with the extender's weight.

        Raises:
            ExtenderError: there is no usable answer.
        """
        if not self.settings.prioritize:
            return {}
        scores = await self._ask(self.settings.prioritize, _arguments(pod, nodes), list[_HostPriority])
        return {each.host: each.score * self.settings.weight * _SCALE for each in scores}

    async def bind(self, pod: PodView, node: str) -> None:
        """Have a pod bound.

        Raises:
            ExtenderError: it is not, or nobody knows.
        """
        asked = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node}
        result = await self._ask(self.settings.bind, asked, _BindingResult)
        if result.error:
            raise ExtenderError(result.error)

    async def _ask(self, verb: str, asked: dict[str, Any], answer: type[_Answer]) -> _Answer:
        assert self._session is not None  # noqa: S101  used inside its block only
        url = f"{self.settings.url}/{verb}"
        try:
            async with self._session.post(
                url,
                data=msgspec.json.encode(asked),
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout_s),
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TimeoutError as error:
            raise ExtenderError(
                f'Post "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ExtenderError(f'Post "{url}": {error}') from error
        if response.status != _OK:
            raise ExtenderError(f"failed {verb} with extender at URL {url}, code {response.status}")
        try:
            return msgspec.convert(_in_lower_case(msgspec.json.decode(body)), answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ExtenderError(f"{verb}: the extender's answer cannot be read: {error}") from error


def _arguments(pod: PodView, nodes: tuple[str, ...]) -> dict[str, Any]:
    return {"Pod": pod.whole, "Nodes": None, "NodeNames": nodes}


def _in_lower_case(answer: Any) -> Any:
    """Return an answer with the names of its fields in lower case; names of nodes stay."""
    if isinstance(answer, list):
        return [_in_lower_case(each) for each in answer]
    if isinstance(answer, dict):
        return {name.lower(): value for name, value in answer.items()}
    return answer
