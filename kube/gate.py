"""Who may read over gRPC? Whoever's bearer token the API server knows and allows it, as with kube-rbac-proxy's metrics.

The API server is asked twice (TokenReview: who is it; SubjectAccessReview: may it `get` the URL that stands for what is
read); its answers are remembered shortly, so that a poll a second costs it two questions a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from kube.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api

_YES_S = 60.0  # how long a token that was withdrawn goes on working
_NO_S = 5.0  # how long a right that was just given may be refused yet
_MOST_REMEMBERED = 1024
_MOST_ASKED = 8  # at once: a flood of wrong tokens must not become one of questions
_TIMEOUT_S = 5.0
_TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105  a path
_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """What is read (a word for people), the nonResourceURL that a reader needs to `get`, and the ClusterRole with that.

    `program` is who serves it.
    """

    what: str
    url: str
    role: str
    program: str


class UnknownReaderError(Exception):
    """Nobody knows who asks; the message says what to do."""


class ForbiddenReaderError(Exception):
    """It is known who asks, and that is not allowed; the message says what is missing."""


class UnknowableReaderError(Exception):
    """It cannot be found out now who asks."""


class User(msgspec.Struct):
    """Who the API server takes a token's bearer for."""

    username: str = ""
    uid: str = ""
    groups: list[str] | None = None
    extra: dict[str, list[str]] | None = None


class _TokenStatus(msgspec.Struct):
    authenticated: bool = False
    user: User = msgspec.field(default_factory=User)


class _TokenReview(msgspec.Struct):
    status: _TokenStatus = msgspec.field(default_factory=_TokenStatus)


class _AccessStatus(msgspec.Struct):
    allowed: bool = False


class _AccessReview(msgspec.Struct):
    status: _AccessStatus = msgspec.field(default_factory=_AccessStatus)


Refusal = UnknownReaderError | ForbiddenReaderError | None


@dataclass(frozen=True, slots=True)
class _Answer:
    refusal: Refusal
    until: float


class Gate:
    """Lets readers in by their bearer tokens."""

    def __init__(self, api: Api, right: Right, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._right = right
        self._clock = clock
        # By a digest: whoever reads our memory must not find tokens there.
        self._answers: dict[bytes, _Answer] = {}
        self._places = asyncio.Semaphore(_MOST_ASKED)

    async def admit(self, authorization: str) -> None:
        """Return where the `authorization` of a call lets it in.

        Raises:
            UnknownReaderError: there is no token, or the API server does not know it.
            ForbiddenReaderError: its bearer lacks the right.
            UnknowableReaderError: the API server did not say.
        """
        token = bearer(authorization)
        digest = hashlib.sha256(token.encode()).digest()
        answer = self._remembered(digest)
        if answer is None:
            async with self._places:
                # Meanwhile another call with the same token may have been answered.
                answer = self._remembered(digest) or self._remember(digest, await self._ask(token))
        if answer.refusal is not None:
            raise type(answer.refusal)(*answer.refusal.args)  # a new one: a remembered one would collect its traces

    def _remembered(self, digest: bytes) -> _Answer | None:
        answer = self._answers.get(digest)
        return answer if answer is not None and self._clock() < answer.until else None

    def _remember(self, digest: bytes, refusal: Refusal) -> _Answer:
        answer = _Answer(refusal, self._clock() + (_YES_S if refusal is None else _NO_S))
        self._answers.pop(digest, None)
        self._answers[digest] = answer
        if len(self._answers) > _MOST_REMEMBERED:
            del self._answers[next(iter(self._answers))]  # the oldest
        return answer

    async def _ask(self, token: str) -> Refusal:
        body: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        review = await self._review(_TOKEN_REVIEWS, {**body, "spec": {"token": token}}, _TokenReview)
        user = review.status.user
        if not review.status.authenticated:
            return UnknownReaderError("the API server does not know this bearer token: take a fresh one")
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": access_of(user, self._right.url),
        }
        if (await self._review(_ACCESS_REVIEWS, body, _AccessReview)).status.allowed:
            return None
        return ForbiddenReaderError(
            f'{user.username} may not "get" the nonResourceURL {self._right.url}: bind it to the ClusterRole '
            f"{self._right.role}"
        )

    async def _review(self, path: str, body: dict[str, Any], kind: type[Any]) -> Any:
        try:
            answer = await self._api.request("POST", path, body=body, timeout_s=_TIMEOUT_S)
            return msgspec.json.decode(answer, type=kind)
        except (ApiError, msgspec.DecodeError) as error:
            self._cannot_know(path, error)

    def _cannot_know(self, path: str, error: Exception) -> NoReturn:
        asked = path.rpartition("/")[2]
        advice = (
            f"{self._right.program}'s service account needs the verb create on {asked}"
            if isinstance(error, ApiError) and error.status == 403
            else "try again"
        )
        what = self._right.what
        raise UnknowableReaderError(f"the API server did not say whether you may read {what} ({error}): {advice}")


def bearer(authorization: str) -> str:
    """Return the token of an `authorization` header."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnknownReaderError(
            "send a bearer token (metadata authorization: Bearer TOKEN); kubectl create token makes one"
        )
    return token.strip()


def access_of(user: User, url: str) -> dict[str, Any]:
    """Return the question whether a user may `get` a nonResourceURL."""
    return {
        "user": user.username,
        "uid": user.uid,
        "groups": user.groups or [],
        "extra": user.extra or {},
        "nonResourceAttributes": {"path": url, "verb": "get"},
    }
