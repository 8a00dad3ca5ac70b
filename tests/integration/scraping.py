"""What do the tests on a real Prometheus have in common? Pages to scrape, and a Prometheus that scrapes them."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from deploy.local.binaries import Binaries
from deploy.local.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass
class Exporter:
    """What the scraped pages say: a text a path, and the media type of those that have one of their own."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def serving_pages() -> Iterator[Exporter]:
    """Serve pages as long as the block runs; a path without a text answers 503."""
    exporter = Exporter(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = exporter.pages.get(self.path)
            self.send_response(200 if page is not None else 503)
            self.send_header("Content-Type", exporter.kinds.get(self.path, "text/plain; version=0.0.4"))
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            del format, args

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # pages are asked for at once; a connection beyond the queue waits for a second

    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    exporter.port = server.server_address[1]
    try:
        yield exporter
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def running_prometheus(
    home: Path,
    scrape_configs: list[dict[str, Any]],
    *flags: str,
    scheme: str = "http",
    rule_files: Sequence[str] = (),
) -> Iterator[str]:
    """Run a Prometheus as long as the block runs; return its URL."""
    configuration = home / "prometheus.yml"
    configuration.write_text(json.dumps({"scrape_configs": scrape_configs, "rule_files": list(rule_files)}))
    (port,) = free_ports(1)
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [
                str(Binaries.ready(progress=print).prometheus),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                *flags,
            ],
            stdout=log,
            stderr=log,
        )
    address = f"{scheme}://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{address}/-/ready"), (home / "log").read_text)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, context=trusting) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == 401  # it answers, though not to strangers
    except OSError:
        return False


def wait_until(true: Callable[[], bool], why: Callable[[], str] = lambda: "", seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)
