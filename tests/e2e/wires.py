"""What lies between a program and what it speaks to, where a test wants to slow, cut and mend that?"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from threading import Event, Thread

_CHUNK = 65536


class Wire:
    """A TCP connection from a port of its own to another; one that is cut passes nothing on, and refuses nothing.

    What it passes takes `slow_s` seconds.
    """

    def __init__(self, port: int) -> None:
        self.to = port
        self.slow_s = 0.0
        self._whole, self._ended = Event(), Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Pass nothing on from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Pass everything on again, also what came meanwhile."""
        self._whole.set()

    def close(self) -> None:
        """End every connection."""
        self._ended.set()
        self._whole.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                continue
            Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while not self._ended.is_set():
                for key, _ in ready.select(timeout=0.5):
                    self._whole.wait()
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    read = source.recv(_CHUNK)
                    if not read:
                        return
                    time.sleep(self.slow_s)
                    key.data.sendall(read)
