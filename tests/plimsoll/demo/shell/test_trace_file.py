from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from plimsoll.demo.core.arrivals import Arrival
from plimsoll.demo.core.trace import TraceError
from plimsoll.demo.shell.trace_file import read_trace

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "t_s,in_tokens,out_tokens\n0.5,10,20\n1.5,30,40\n"
ARRIVALS = (Arrival(0.5, 10, 20), Arrival(1.5, 30, 40))


def test_a_plain_file_and_a_gzipped_one_say_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "trace.csv", tmp_path / "trace.csv.gz"
    plain.write_text(GOOD)
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert read_trace(plain) == read_trace(packed) == ARRIVALS


def test_a_mark_of_the_encoding_at_the_start_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert read_trace(path) == ARRIVALS


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(GOOD.encode())[:-12], "cannot be read"),
        (b"\x1f\x8bnothing of the kind", "cannot be read"),
        (b"t_s,\xff\xfe\n", "is not a text file"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_its_name(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "trace"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=complaint) as problem:
        read_trace(path)
    assert str(path) in str(problem.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        read_trace(tmp_path / "nothing.csv")
