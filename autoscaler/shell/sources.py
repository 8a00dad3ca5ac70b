"""Which flags say where samples come from, and which source do they name?"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.core.load.queries import LABEL_NAME, TargetLabels
from autoscaler.shell.connection import Access
from autoscaler.shell.exporters import Exporters
from autoscaler.shell.prometheus import Prometheus
from kube.program import ProblemAtStart

if TYPE_CHECKING:
    from autoscaler.shell.source import Source

_log = logging.getLogger("autoscaler")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the source of samples to a parser."""
    group = parser.add_argument_group("where samples come from")
    source = group.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus-url", type=url, metavar="URL", help="where Prometheus answers")
    source.add_argument(
        "--scrape-targets",
        type=Path,
        metavar="FILE",
        help="for a first look and small tests, instead of a Prometheus: read the metrics pages of the targets in "
        "FILE, in the JSON format of Prometheus' file_sd_configs, every second",
    )
    add_access_flags(group)
    group.add_argument(
        "--prometheus-namespace-label",
        type=_label,
        default="namespace",
        metavar="LABEL",
        help="label with the namespace of a scraped pod (default: %(default)s)",
    )
    group.add_argument(
        "--prometheus-pod-label",
        type=_label,
        default="pod",
        metavar="LABEL",
        help="label with the name of a scraped pod (default: %(default)s)",
    )


def add_access_flags(group: argparse._ActionsContainer) -> None:
    """Add the flags that say how a Prometheus is reached and read, but for its URL."""
    for flag, help_text in _FILES.items():
        group.add_argument(flag, type=Path, metavar="FILE", help=help_text)
    group.add_argument("--prometheus-user", default="", metavar="NAME", help="our name, for basic authentication")
    group.add_argument(
        "--prometheus-insecure-skip-verify",
        action="store_true",
        help="believe whoever answers, without verifying the certificate",
    )
    group.add_argument(
        "--prometheus-replica-label",
        type=_label,
        action="append",
        default=[],
        metavar="LABEL",
        help="label in which the series of several replicas of Prometheus differ, so that each counts once; repeatable",
    )


def problems(chosen: argparse.Namespace) -> list[str]:
    """Return what is wrong with the flags, all of it, as sentences."""
    address: str | None = chosen.prometheus_url
    if address is None:
        given = [flag for flag in (*_FILES, *_OTHERS) if getattr(chosen, _name(flag))]
        return [f"{flag} needs --prometheus-url" for flag in given]
    found = [
        f'{flag} "{file}" {trouble}'
        for flag in _FILES
        if (file := getattr(chosen, _name(flag))) and (trouble := _unreadable(file))
    ]
    if bool(chosen.prometheus_user) != bool(chosen.prometheus_password_file):
        found.append("--prometheus-user and --prometheus-password-file go together, and only one is given")
    if chosen.prometheus_token_file and chosen.prometheus_password_file:
        found.append("--prometheus-token-file and --prometheus-password-file exclude each other")
    if chosen.prometheus_client_key and not chosen.prometheus_client_cert:
        found.append("--prometheus-client-key needs --prometheus-client-cert")
    if chosen.prometheus_insecure_skip_verify and chosen.prometheus_ca_file:
        found.append("--prometheus-insecure-skip-verify and --prometheus-ca-file exclude each other")
    if address.startswith("http://"):
        found += [
            f"{flag} needs a --prometheus-url that begins with https://, which it does not"
            for flag in ("--prometheus-ca-file", "--prometheus-client-cert", "--prometheus-insecure-skip-verify")
            if getattr(chosen, _name(flag))
        ]
    return found


def source_of(chosen: argparse.Namespace) -> Source:
    """Return the source that the flags name.

    Raises:
        ProblemAtStart: something is wrong with them; the message says all of it.
    """
    found = problems(chosen)
    if found:
        raise ProblemAtStart("; ".join(found))
    if chosen.prometheus_url is None:
        return Exporters(chosen.scrape_targets)
    labels = TargetLabels(
        chosen.prometheus_namespace_label, chosen.prometheus_pod_label, tuple(chosen.prometheus_replica_label)
    )
    return Prometheus(access(chosen), labels)


def access(chosen: argparse.Namespace) -> Access:
    """Return how the flags say that Prometheus is reached; they have no problems.

    What should be known of it is logged.
    """
    secret = chosen.prometheus_token_file or chosen.prometheus_password_file
    if secret and chosen.prometheus_url.startswith("http://"):
        _log.warning("credentials are sent to Prometheus in the clear", extra={"url": chosen.prometheus_url})
    return Access(
        chosen.prometheus_url,
        ca_file=chosen.prometheus_ca_file,
        verify=not chosen.prometheus_insecure_skip_verify,
        client_certificate=chosen.prometheus_client_cert,
        client_key=chosen.prometheus_client_key,
        token_file=chosen.prometheus_token_file,
        user=chosen.prometheus_user,
        password_file=chosen.prometheus_password_file,
    )


_FILES = {
    "--prometheus-ca-file": "certificates of the authorities that may speak for Prometheus (default: the system's)",
    "--prometheus-client-cert": "our certificate, with its key unless --prometheus-client-key has that",
    "--prometheus-client-key": "the key of our certificate",
    "--prometheus-token-file": "our bearer token; read for each question, as tokens rotate",
    "--prometheus-password-file": "our password, for basic authentication; read for each question",
}
_OTHERS = ("--prometheus-user", "--prometheus-insecure-skip-verify", "--prometheus-replica-label")


def _name(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _unreadable(file: Path) -> str:
    try:
        with file.open("rb"):
            return ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def url(text: str) -> str:
    """Read an address from the command line."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f'"{text}" must begin with http:// or https://')
    return text


def _label(text: str) -> str:
    if not LABEL_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}" must be the name of a label: letters, digits and _')
    return text
