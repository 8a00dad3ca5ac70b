"""How is one question put to Prometheus? TLS, credentials, a limit on the whole answer; each failure as a sentence.

Secrets stay in files and are read for each question: tokens of service accounts rotate.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from autoscaler.shell.answers import refusal
from autoscaler.shell.source import SamplesError
from kube.tls import lenient

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("autoscaler")

# A refused connection is among them for the sake of old callers; it is none.
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_CHUNK = 1 << 20
_LARGEST_ANSWER = 512 << 20


@dataclass(frozen=True, slots=True)
class Access:
    """Where Prometheus answers, whom we trust there, and who we are.

    `ca_file` None trusts the system's authorities; `verify` False trusts everybody. At most one of `token_file` and
    `user` (with `password_file`) is set.
    """

    url: str
    ca_file: Path | None = None
    verify: bool = True
    client_certificate: Path | None = None
    client_key: Path | None = None
    token_file: Path | None = None
    user: str = ""
    password_file: Path | None = None


class Connection:
    """The connections to one Prometheus, used by several threads at once."""

    def __init__(self, access: Access) -> None:
        self._access = access
        session = requests.Session()
        session.verify = str(access.ca_file) if access.ca_file else access.verify
        if access.client_certificate:
            session.cert = (str(access.client_certificate), str(access.client_key or access.client_certificate))
        session.stream = True
        session.hooks["response"].append(_taken)
        # Within a cluster, packing and unpacking an answer costs more than sending it.
        session.headers["Accept-Encoding"] = "identity"
        if not access.verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            _log.warning("whoever answers at Prometheus' address is believed: its certificate is not verified")
        self._client = PrometheusConnect(url=access.url.rstrip("/"), session=session, auth=_Credentials(access))
        # In the place of the client's own. No retries: the next tick is one, and a late answer is worth nothing.
        session.adapters.clear()
        session.mount("", _Adapter(max_retries=Retry(total=0)))

    def ask(self, query: str, limit_s: float, at_s: float | None = None) -> bytes:
        """Return the content of the answer to an instant query, evaluated at a time (None: now).

        It takes hardly longer than `limit_s`.

        Raises:
            SamplesError: there is none in time, or a refusal.
        """
        # A part of the stores behind Thanos is no answer; Prometheus itself passes this parameter over.
        parameters = {"timeout": f"{int(limit_s * 1000)}ms", "partial_response": "false"}
        if at_s is not None:
            parameters["time"] = f"{at_s:.3f}"
        try:
            content = self._client.custom_query(query, parameters, timeout=limit_s)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            cause = _cause(error)
            if isinstance(cause, _TIMEOUTS) and not isinstance(cause, urllib3.exceptions.NewConnectionError):
                raise SamplesError(late(limit_s)) from error
            if isinstance(error, requests.exceptions.SSLError):
                raise SamplesError(f"TLS with {self._access.url} failed: {str(cause)[:500]}") from error
            raise SamplesError(f"{self._access.url}: {str(cause)[:500]}") from error
        return bytes(content)


class _Verified(HTTPSConnection):
    def connect(self) -> None:
        self.ssl_context = lenient(create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs)))
        super().connect()


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Verified


_POOLS = {"http": HTTPConnectionPool, "https": _Pool}


class _Adapter(HTTPAdapter):
    """As that of `requests`, which verifies as Python does; each connection reads the files of certificates anew."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **named: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Credentials(AuthBase):
    """Our token or password, as its file has it now."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.token_file:
            token = _secret(self._access.token_file)
            if not token.isascii():
                raise SamplesError(f"the token in {self._access.token_file} must be of ASCII characters")
            request.headers["Authorization"] = f"Bearer {token}"
        elif self._access.password_file:
            password = _secret(self._access.password_file)
            return HTTPBasicAuth(self._access.user.encode(), password.encode())(request)
        return request


def _secret(file: Path) -> str:
    """Return the secret in a file.

    Raises:
        SamplesError: there is none.
    """
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SamplesError(f"the credentials in {file} cannot be read: {error}") from error
    if not text or not text.isprintable():
        raise SamplesError(f"the credentials in {file} must be one line of printable characters")
    return text


def _taken(response: requests.Response, **sent: Any) -> None:
    """Read an answer whole and in time, and leave its content to us: the client would decode all of it, untyped.

    Raises:
        SamplesError: it is late, too large or a refusal.
    """
    limit_s: float = sent["timeout"]
    try:
        content = _content(response, time.monotonic() + limit_s - response.elapsed.total_seconds(), limit_s)
    finally:
        response.close()
    if response.status_code != 200:
        target = f" to {response.headers['Location']}, and is not followed" if "Location" in response.headers else ""
        raise SamplesError(refusal(response.status_code, response.reason + target, content))
    response.json = lambda **_: {"data": {"result": content}}  # type: ignore[method-assign]


def _content(response: requests.Response, deadline: float, limit_s: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    # One read at a time: the client's own limit is on each, and never ends an answer that drips.
    while chunk := response.raw.read1(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if time.monotonic() > deadline:
            raise SamplesError(late(limit_s))
        if size > _LARGEST_ANSWER:
            raise SamplesError(f"its answer is larger than {_LARGEST_ANSWER >> 20} MiB")
    return b"".join(chunks)


def late(limit_s: float) -> str:
    """Return what is said of an answer that takes too long."""
    return f"no whole answer within {limit_s:.1f} s"


def _cause(error: Exception) -> Exception:
    """Return the error at the bottom of nested ones: the others repeat it among names of classes."""
    while True:
        deeper = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(deeper, Exception):
            return error
        error = deeper
