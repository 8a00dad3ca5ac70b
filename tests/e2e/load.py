"""How do the autoscaler's end-to-end tests give pods a load? A small exporter that real Prometheus scrapes.

KWOK's pods run nothing, so this stands in for their metrics pages, in vLLM's words: the load that a test sets, spread
evenly over the pods that are ready.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from kube.client import ApiError
from tests.e2e import pods

if TYPE_CHECKING:
    from types import TracebackType

    from deploy.local import LocalCluster


class Load:
    """Gives the ready pods of a namespace `total` requests at once, together, but for those with a load `by_pod`."""

    def __init__(self, cluster: LocalCluster, namespace: str) -> None:
        self.total = 0.0
        self.by_pod: dict[str, float] = {}
        self.scraped: int | None = None
        """How many of the pods' pages Prometheus reads at most; None: all."""
        self._cluster = cluster
        self._namespace = namespace
        self._shown: tuple[str, ...] = ()
        self._targets: tuple[str, ...] = ()
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._threads = [
            threading.Thread(target=self._server.serve_forever, daemon=True),
            threading.Thread(target=self._follow, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._write_targets(())

    def page(self, pod: str) -> str:
        """Return the metrics page of a pod."""
        share = self.by_pod.get(pod, self.total / max(1, len(self._shown)))
        return f"vllm:num_requests_running {share}\nvllm:num_requests_waiting 0\n"

    def _follow(self) -> None:
        while not self._ended.wait(0.3):
            with contextlib.suppress(ApiError):  # a test may have taken the API server away: the pods stay as they were
                self._show(self._running())

    def _running(self) -> tuple[str, ...]:
        found = pods.pods_of(self._cluster, self._namespace)
        running = (p for p in found if p.status.phase == "Running" and p.metadata.deletion_timestamp is None)
        return tuple(sorted(pod.metadata.name for pod in running))

    def _show(self, names: tuple[str, ...]) -> None:
        self._shown = names
        if names[: self.scraped] != self._targets:
            self._targets = names[: self.scraped]
            self._write_targets(self._targets)

    def _write_targets(self, names: tuple[str, ...]) -> None:
        address = "{}:{}".format(*self._server.server_address[:2])
        targets = [
            {
                "targets": [address],
                "labels": {"namespace": self._namespace, "pod": name, "__metrics_path__": f"/{name}"},
            }
            for name in names
        ]
        path = self._cluster.scrape_targets
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(targets))
        os.replace(fresh, path)  # noqa: PTH105  the rename is what makes it whole

    def _handler(load: Load) -> type[BaseHTTPRequestHandler]:  # noqa: N805  `self` is the handler's, below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = load.page(self.path.strip("/")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
                del format, args

        return Handler
