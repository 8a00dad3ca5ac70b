"""How does the relay speak to the extender? Over HTTP, by certificates where it is to; old connections are given up.

A connection leads to one extender for as long as it lasts, whichever a Service would choose now: whenever the extender
did not answer, what is asked next goes over new ones.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from kube.pages import JSON, Page
from kube.program import ProblemAtStart
from kube.tls import lenient

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("extender.relay")

_LEFT_S = 2.0  # longer than anything that was asked over old connections may take


class FarError(Exception):
    """The extender gave no answer; `sent` tells whether it may have got the question all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe to be the extender, and who we are to it; `server_name` "": it is called as the URL does."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""

    def files(self) -> tuple[Path, ...]:
        """Return the files that others may replace."""
        return tuple(file for file in (self.ca_file, self.cert_file, self.key_file) if file)

    def context(self) -> ssl.SSLContext:
        """Return it as it is used in handshakes.

        Raises:
            ProblemAtStart: a file cannot be used.
        """
        try:
            context = lenient(ssl.create_default_context(cafile=self.ca_file))
            if self.cert_file and self.key_file:
                context.load_cert_chain(self.cert_file, self.key_file, password="")
        except OSError as error:  # which an error of TLS is too
            names = " ".join(map(str, self.files()))
            raise ProblemAtStart(f"certificates cannot be used, one of {names}: {error}") from error
        return context


class Far:
    """The extender, as the relay sees it; of one event loop."""

    def __init__(self, url: str, trust: Trust) -> None:
        self._url = url.rstrip("/")
        self._trust = trust
        self._stamps = self._stamped()
        self._context = trust.context()
        self._leaving: set[asyncio.Task[None]] = set()
        self._session = self._new_session()

    async def close(self) -> None:
        """Close every connection."""
        for leaving in self._leaving:
            leaving.cancel()
        await self._session.close()

    def give_up(self) -> None:
        """Ask nothing more over the connections that there are; what was asked over them may still be answered."""
        old, self._session = self._session, self._new_session()
        leaving = asyncio.create_task(_close_later(old))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def look_at_certificates(self) -> None:
        """Use the files of certificates as they are now; where they cannot be used, what was read last stays in use."""
        stamps = self._stamped()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._context = self._trust.context()
        except ProblemAtStart as problem:
            _log.warning("the certificates before stay in use", extra={"error": str(problem)})
        else:
            _log.info("certificates were read anew")
            self.give_up()

    async def ask(
        self, method: str, path: str, body: bytes | None, within_s: float, *, connect_s: float | None = None
    ) -> Page:
        """Return the answer of the extender; nothing is sent later than `connect_s` (> 0) seconds from now.

        Raises:
            FarError: there is none in time.
        """
        try:
            async with self._session.request(
                method,
                self._url + path,
                data=body,
                headers={"content-type": JSON} if body is not None else None,
                timeout=aiohttp.ClientTimeout(total=within_s, connect=connect_s),
                server_hostname=self._trust.server_name or None,
            ) as answer:
                return Page(answer.status, answer.content_type, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise FarError(str(error), sent=False) from error
        except TimeoutError as error:
            raise FarError(f"no answer within {within_s:g} s", sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise FarError(str(error) or type(error).__name__, sent=True) from error

    def _new_session(self) -> aiohttp.ClientSession:
        # kube-scheduler binds without limit: each finds a connection.
        connector = aiohttp.TCPConnector(ssl=self._context, limit=0, ttl_dns_cache=1)
        return aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)

    def _stamped(self) -> tuple[tuple[int, int], ...]:
        found = []
        for file in self._trust.files():
            try:
                stat = file.stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((stat.st_mtime_ns, stat.st_ino))
        return tuple(found)


async def _close_later(session: aiohttp.ClientSession) -> None:
    try:
        await asyncio.sleep(_LEFT_S)
    finally:
        await session.close()
