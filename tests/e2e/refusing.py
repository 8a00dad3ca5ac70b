"""A kube-scheduler whose extender refuses every node: what it is asked are the nodes that passed all in-tree filters.

A pod that none of them suits it is not asked about. Nothing is ever bound, so that each pod is judged alone.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from deploy.local import configurations
from deploy.local.ports import free_ports
from deploy.local.processes import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.local import LocalCluster

SCHEDULER = "predicates"
REFUSED = "refused by the test"


class Refusing:
    """The extender: it keeps the nodes that it was `asked` about, by the name of the pod."""

    def __init__(self) -> None:
        self.asked: dict[str, frozenset[str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        names = body["NodeNames"] or []
        self.asked[body["Pod"]["metadata"]["name"]] = frozenset(names)
        return {"NodeNames": [], "FailedNodes": {}, "FailedAndUnresolvableNodes": dict.fromkeys(names, REFUSED)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                text = json.dumps(answer(body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                return

        return Handler


@contextlib.contextmanager
def refusing(cluster: LocalCluster, directory: Path) -> Iterator[Refusing]:
    """Run both: the kube-scheduler with the configuration that we ship, under a name of its own."""
    extender = Refusing()
    config = configurations.own_scheduler(
        kubeconfig=cluster.kubeconfig("plimsoll-scheduler"), extender_url=extender.url
    )
    config["profiles"] = [{"schedulerName": SCHEDULER}]
    path = directory / "refused-scheduler.json"
    write_json(path, config)
    (port,) = free_ports(1)
    command = [str(cluster.components.binary), "kube-scheduler", f"--config={path}", "--bind-address=127.0.0.1"]
    with (directory / "refused-scheduler.log").open("ab") as log:
        process = subprocess.Popen([*command, f"--secure-port={port}"], stdout=log, stderr=log)
    try:
        yield extender
    finally:
        process.terminate()
        process.wait(30.0)
        extender.close()
