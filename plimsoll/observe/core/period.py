"""Over which time is compared, and how finely? What the flags say, or why that is no period."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from kube.durations import nanoseconds
from plimsoll.observe.problem import ObserveError

SINCE = "6h"

_SECOND_NS = 10**9
_LEAST_S = 60
_STEPS_S = (15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_FEW, _MOST = 720, 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """The flags --since, --from, --to and --step, as they were written; "" where one was not."""

    since: str = ""
    begin: str = ""
    end: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin_s` on (Unix), `steps` steps of `step_s` seconds."""

    begin_s: int
    step_s: int
    steps: int

    @property
    def end_s(self) -> int:
        """The end of the last step."""
        return self.begin_s + self.length_s

    @property
    def length_s(self) -> int:
        """How long it is."""
        return self.steps * self.step_s


def period(asked: Asked, now_s: float) -> Period:
    """Return what the flags ask for, of whole steps, until now at the latest.

    Raises:
        ObserveError: they ask for no period; the message names flag, value and rule.
    """
    if asked.since and asked.begin:
        raise ObserveError("--since and --from both say when it begins: give one of them")
    end_s = math.floor(min(_moment("--to", asked.end) if asked.end else now_s, now_s))
    length_s = _length("--since", asked.since or SINCE, _LEAST_S)
    begin_s = _moment("--from", asked.begin) if asked.begin else end_s - length_s
    if begin_s > now_s:
        raise ObserveError(f'--from "{asked.begin}" lies in the future')
    begin_s = math.ceil(begin_s)
    length_s = end_s - begin_s
    if length_s < _LEAST_S:
        raise ObserveError("the period is empty: --to must be at least a minute after --from")
    step_s = _length("--step", asked.step, 1) if asked.step else _fine(length_s)
    if step_s > length_s:
        raise ObserveError(f'--step "{asked.step}" is longer than the whole period')
    if length_s // step_s > _MOST:
        raise ObserveError(f'--step "{asked.step}" is too fine: it would make more than {_MOST} of the period')
    return Period(begin_s, step_s, length_s // step_s)


def _fine(length_s: int) -> int:
    """Return a step that is fine enough for a person."""
    days = -(-length_s // (_FEW * 86_400))
    return next((step for step in _STEPS_S if length_s / step <= _FEW), 86_400 * days)


def _length(flag: str, text: str, least_s: int) -> int:
    length = nanoseconds(text)
    if length is None or length < least_s * _SECOND_NS or length % _SECOND_NS:
        rule = f'a Go duration of at least {least_s}s in whole seconds, such as "6h" (seven days are "168h")'
        raise ObserveError(f'{flag} "{text}" must be {rule}')
    return length // _SECOND_NS


def _moment(flag: str, text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        rule = 'a date, or a date and a time, such as "2026-11-25T18:00" (UTC without an offset)'
        raise ObserveError(f'{flag} "{text}" must be {rule}') from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
