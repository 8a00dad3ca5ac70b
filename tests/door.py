"""A gate for the tests of both programs' gRPC."""

from __future__ import annotations

from kube.gate import Gate


class Door(Gate):
    """A gate that says what the test wants, and keeps what it was asked."""

    def __init__(self, says: Exception | None) -> None:
        self.says = says
        self.asked: list[str] = []

    async def admit(self, authorization: str) -> None:
        self.asked.append(authorization)
        if self.says is not None:
            raise self.says
