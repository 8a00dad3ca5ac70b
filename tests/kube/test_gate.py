from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from kube.client import NOT_SENT, ApiError
from kube.gate import (
    ForbiddenReaderError,
    Gate,
    Right,
    UnknowableReaderError,
    UnknownReaderError,
    User,
    access_of,
    bearer,
)

RIGHT = Right("decisions", "/plimsoll/decisions", "plimsoll-decision-reader", "the autoscaler")
ANN = {"username": "ann", "uid": "u-1", "groups": ["sre"], "extra": {"zone": ["a"]}}


@dataclass
class Reviewing:
    """An API server that knows the tokens of `users` and lets those in `allowed` read."""

    users: dict[str, dict[str, Any]] = field(default_factory=lambda: {"good": ANN})
    allowed: set[str] = field(default_factory=lambda: {"ann"})
    away: ApiError | None = None
    asked: list[str] = field(default_factory=list)
    access: list[dict[str, Any]] = field(default_factory=list)

    async def request(self, method: str, path: str, *, body: Any, timeout_s: float) -> bytes:
        assert (method, timeout_s) == ("POST", 5.0)
        assert path.endswith(body["kind"].lower() + "s")
        self.asked.append(body["kind"])
        if self.away is not None:
            raise self.away
        if body["kind"] == "TokenReview":
            user = self.users.get(body["spec"]["token"])
            return msgspec.json.encode({"status": {"authenticated": True, "user": user} if user else {"error": "no"}})
        self.access.append(body["spec"])
        return msgspec.json.encode({"status": {"allowed": body["spec"]["user"] in self.allowed}})


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def gate(server: Reviewing, clock: Clock | None = None) -> Gate:
    return Gate(server, RIGHT, clock or Clock())  # type: ignore[arg-type]


async def test_a_known_and_allowed_bearer_comes_in_and_is_asked_about_as_who_it_is() -> None:
    server = Reviewing()
    await gate(server).admit("Bearer good")
    assert server.access == [
        {
            "user": "ann",
            "uid": "u-1",
            "groups": ["sre"],
            "extra": {"zone": ["a"]},
            "nonResourceAttributes": {"path": "/plimsoll/decisions", "verb": "get"},
        }
    ]


async def test_a_yes_is_remembered_for_a_minute() -> None:
    server, clock = Reviewing(), Clock()
    door = gate(server, clock)
    await door.admit("Bearer good")
    clock.now = 59.9
    await door.admit("bearer good")
    assert len(server.asked) == 2
    clock.now = 60.0
    del server.users["good"]
    with pytest.raises(UnknownReaderError):
        await door.admit("Bearer good")


async def test_a_no_is_remembered_for_seconds() -> None:
    server, clock = Reviewing(allowed=set()), Clock()
    door = gate(server, clock)
    for _ in range(2):
        with pytest.raises(ForbiddenReaderError, match='ann may not "get" the nonResourceURL /plimsoll/decisions'):
            await door.admit("Bearer good")
    assert len(server.asked) == 2
    server.allowed.add("ann")
    clock.now = 5.0
    await door.admit("Bearer good")


async def test_an_unknown_token_is_refused_without_asking_what_it_may() -> None:
    server = Reviewing()
    with pytest.raises(UnknownReaderError, match="does not know this bearer token"):
        await gate(server).admit("Bearer bad")
    assert server.asked == ["TokenReview"]


async def test_an_api_server_that_is_away_is_asked_again_the_next_time() -> None:
    server = Reviewing(away=ApiError(NOT_SENT, "NoConnection", "no connection to the API server"))
    door = gate(server)
    with pytest.raises(UnknowableReaderError, match=r"did not say .* \(no connection to the API server\): try again"):
        await door.admit("Bearer good")
    server.away = None
    await door.admit("Bearer good")


async def test_a_service_account_without_the_right_to_ask_is_told_which() -> None:
    server = Reviewing(away=ApiError(403, "Forbidden", "forbidden"))
    with pytest.raises(UnknowableReaderError, match="needs the verb create on tokenreviews"):
        await gate(server).admit("Bearer good")


async def test_what_is_remembered_is_bounded_and_holds_no_token() -> None:
    door = gate(Reviewing())
    for number in range(1100):
        with pytest.raises(UnknownReaderError):
            await door.admit(f"Bearer wrong-{number}")
    assert len(door._answers) == 1024
    assert not any(b"wrong" in key for key in door._answers)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic YTpi", "good"])
def test_no_token_is_one_sentence(header: str) -> None:
    with pytest.raises(UnknownReaderError, match="send a bearer token"):
        bearer(header)


def test_a_user_without_groups_is_asked_about_all_the_same() -> None:
    assert access_of(User("ann"), "/x")["groups"] == []
