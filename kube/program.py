"""How does a program of ours start, serve and end? Flags, log, socket, API server; then until a signal or a defect.

Exit status: 0 after a signal, 1 where something outside is not as it must be (one sentence says what), 2 for unusable
flags; an exception that nobody foresaw is our defect and ends the program with its trace.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import gc
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from kube.http import server_of
from kube.logs import log_to_stderr
from kube.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from kube.client import Api
    from kube.tls import ServerTls

GC_THRESHOLD = (100_000, 50, 1000)
"""An answer of Prometheus, or a list of pods, is some hundred thousand objects without a cycle: walking them again and
again would cost as much as reading them."""


class ProblemAtStart(Exception):  # noqa: N818  somebody else's fault, told to a person
    """The program cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a program has when it begins its work."""

    flags: argparse.Namespace
    api: Api
    listener: socket.socket


def flags(name: str, purpose: str, listen: str) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return the parser of a program, and that of its `run` command, with the flags that both programs have."""
    parser = argparse.ArgumentParser(prog=name, description=purpose)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run until a signal ends it", description=purpose)
    run.add_argument("--kubeconfig", type=Path, help="file with the API server's address and our credentials; default: "
                     "the pod's service account, else your own kubeconfig")  # fmt: skip
    run.add_argument("--listen", type=address, default=listen, metavar="HOST:PORT",
                     help="address to serve on (default: %(default)s)")  # fmt: skip
    run.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser, run


def run_program(
    parser: argparse.ArgumentParser, work: Callable[[Started], Awaitable[None]], arguments: Sequence[str] | None
) -> int:
    """Run `work` with what its flags ask for, a socket and the API server; return the exit status."""
    return run_until_signal(parser, lambda chosen: _start(chosen, work), arguments)


def run_until_signal(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], Coroutine[Any, Any, None]],
    arguments: Sequence[str] | None,
) -> int:
    """Run `work` with its flags alone; return the exit status."""
    chosen = parser.parse_args(arguments)
    log_to_stderr(chosen.log_level)
    keep_freed_memory()
    try:
        with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(chosen))
    except ProblemAtStart as problem:
        sys.stderr.write(f"{parser.prog}: {problem}\n")
        return 1
    return 0


async def _start(chosen: argparse.Namespace, work: Callable[[Started], Awaitable[None]]) -> None:
    gc.set_threshold(*GC_THRESHOLD)
    # Here, as it takes longer than all else together: the relay, which needs no API server, is to start at once.
    from kube.client import Api, CredentialsError  # noqa: PLC0415

    with listening(*chosen.listen) as listener:
        try:
            api = await Api.connect(chosen.kubeconfig)
        except CredentialsError as error:
            raise ProblemAtStart(str(error)) from error
        try:
            await work(Started(chosen, api, listener))
        finally:
            await api.close()


async def serve(
    application: Any, listener: socket.socket, work: Coroutine[Any, Any, None], tls: ServerTls | None = None
) -> None:
    """Serve an ASGI application beside `work`, until SIGTERM or SIGINT; a failure of `work` ends both and is raised."""
    server = server_of(application, tls)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    working = asyncio.create_task(work)
    working.add_done_callback(lambda _: server.end())
    await server.serve(sockets=[listener])
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


@contextlib.asynccontextmanager
async def serving_beside(application: Any, at: tuple[str, int] | None, flag: str) -> AsyncIterator[None]:
    """Serve another ASGI application on an address of its own, that of `flag`, while the block lasts; None: nowhere."""
    if at is None:
        yield
        return
    with listening(*at, flag) as listener:
        async with server_of(application).serving(listener):
            yield


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT as a flag's value."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f'"{text}" must be HOST:PORT with a port from 1 to 65535')
    return host.strip("[]"), int(port)


def listening(host: str, port: int, flag: str = "--listen") -> socket.socket:
    """Return a socket that listens on the address that `flag` gave.

    Raises:
        ProblemAtStart: it cannot; the message says what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        advice = (
            f"another process listens there; end it or choose another address with {flag}"
            if error.errno == errno.EADDRINUSE
            else f"choose another address with {flag}"
        )
        raise ProblemAtStart(f"cannot listen on {host}:{port}: {error.strerror or error}: {advice}") from error
