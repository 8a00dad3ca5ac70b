from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Book, Record
from autoscaler.shell.record_text import written
from kube.rpc_address import rpc_address
from tests.autoscaler.recorded import AT_MS, KEY, seen
from tests.autoscaler.shell.test_rpc import flags
from tests.certificates import self_signed
from tests.plimsoll.explain.telling import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Call = Callable[..., tuple[Any, str]]

RECORD = Record(KEY, decide_again(seen()))


@pytest.fixture
def address() -> Iterator[str]:
    book = Book({KEY: RECORD.decision}, AT_MS)
    book.change(KEY, decide_again(seen(2)))
    with telling(book) as at:
        yield at


def test_explain_prints_chain_and_changes(call: Call, address: str) -> None:
    status, said = call("explain", "chat/llama", "--server", address)
    assert status == 0
    assert said.startswith("chat/llama (Deployment): 6 replicas, stable; 4 asked for, 4 ready\n")
    assert "  stable: 4 -> 6\n" in said
    assert "2 -> 6" in said


def test_what_is_printed_as_json_is_decided_again_to_the_same(call: Call, address: str, tmp_path: Path) -> None:
    for command in (("explain", "chat/llama"), ("workloads",)):
        status, printed = call(*command, "--server", address, "-o", "json")
        assert status == 0
        (tmp_path / "told.json").write_text(printed)
        status, said = call("explain", "--replay", str(tmp_path / "told.json"))
        assert status == 0
        assert said.splitlines()[-1] == (
            "chat/llama (Deployment) at 2027-01-15 08:00:00 UTC: the same again, 6 replicas"
        )


def test_workloads_prints_a_table(call: Call, address: str) -> None:
    status, said = call("workloads", "--server", address, "-n", "chat")
    assert status == 0
    assert said.splitlines()[1].startswith("chat/llama      Deployment      4        4        6  stable")


def test_a_record_on_the_standard_input_that_comes_out_otherwise_is_status_2(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(RECORD, decision=replace(RECORD.decision, desired=9))
    text = io.TextIOWrapper(io.BytesIO(msgspec.json.encode(written(wrong))))
    monkeypatch.setattr(sys, "stdin", text)
    status, said = call("explain", "--replay", "-")
    assert status == 2
    assert said.splitlines()[1] == "  desired  recorded 9, now 6"


@pytest.mark.parametrize("name", ["llama", "/llama", "chat/", "chat/llama/1", ""])
def test_a_malformed_name_is_one_sentence(call: Call, name: str) -> None:
    assert call("explain", name) == (
        f'plimsoll: "{name}" must be NAMESPACE/NAME, such as chat/llama: plimsoll workloads lists them',
        "",
    )


@pytest.mark.parametrize("arguments", [(), ("chat/llama", "--replay", "-"), ("chat/llama", "--server", "8902")])
def test_what_does_not_go_together_is_a_problem_of_usage(call: Call, arguments: tuple[str, ...]) -> None:
    assert call("explain", *arguments)[0] == 2


def test_a_file_that_holds_no_record_is_one_sentence(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert call("explain", "--replay", str(path))[0] == f"plimsoll: {path} cannot be read: No such file or directory"
    path.write_bytes(b"\xff{")
    assert call("explain", "--replay", str(path))[0].startswith(f"plimsoll: {path} is no JSON: ")
    path.write_text("{}")
    assert call("explain", "--replay", str(path))[0] == (
        f"plimsoll: {path} holds no record: $.version is missing: this version of Plimsoll reads "
        '"plimsoll.dev/decision/v2" alone'
    )


def test_a_refused_connection_leaves_one_sentence_and_nothing_of_grpcs_own(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "tls")
    (tmp_path / "other").mkdir()
    other, _ = self_signed(tmp_path / "other", "tls")
    at = rpc_address(flags(1, cert, key))
    assert at is not None
    with telling(Book({}, AT_MS), credentials=at.credentials) as address:
        asked = ("explain", "chat/llama", "--server", address, "--ca-file", str(other))
        done = subprocess.run(
            [sys.executable, "-m", "plimsoll", *asked], capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"plimsoll: the certificate of {address} is not from an authority that is trusted here: give the right one "
        "with --ca-file\n"
    )
