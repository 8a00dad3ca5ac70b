from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from plimsoll.demo.core.arrivals import Arrival
from plimsoll.demo.core.trace import TraceError, parsed, read_trace

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "t_s,in_tokens,out_tokens\n"
GOOD = HEAD + "0.5,10,20\n1.5,30,40\n"
ARRIVALS = (Arrival(0.5, 10, 20), Arrival(1.5, 30, 40))


def test_a_plain_file_and_a_gzipped_one_say_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "trace.csv", tmp_path / "trace.csv.gz"
    plain.write_text(GOOD)
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert read_trace(plain) == read_trace(packed) == ARRIVALS


def test_columns_are_found_by_name_and_others_are_passed_over() -> None:
    assert parsed("x", ["out_tokens,model,t_s,in_tokens\n", "20,m,0.5,10\n", "40,m,1.5,30\n"]) == ARRIVALS


def test_requests_are_put_in_order() -> None:
    assert parsed("x", [HEAD, "1.5,30,40\n", "0.5,10,20\n"]) == ARRIVALS


def test_a_mark_of_the_encoding_at_the_start_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert read_trace(path) == ARRIVALS


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "trace x, line 1: no column t_s, in_tokens, out_tokens; "),
        ("t_s,in\n0,1\n", "trace x, line 1: no column in_tokens, out_tokens; "),
        (HEAD + "0,1,1\nabc,1,1\n", "trace x, line 3, column t_s: 'abc' must be a number of seconds, 0 or more"),
        (HEAD + "-1,1,1\n", "trace x, line 2, column t_s: '-1' must be a number of seconds, 0 or more"),
        (HEAD + "nan,1,1\n", "trace x, line 2, column t_s: 'nan' must be a number of seconds, 0 or more"),
        (HEAD + "inf,1,1\n", "trace x, line 2, column t_s: 'inf' must be a number of seconds, 0 or more"),
        (HEAD + "0,1.5,1\n", "trace x, line 2, column in_tokens: '1.5' must be a whole number from 0 to "),
        (HEAD + "0,1,-3\n", "trace x, line 2, column out_tokens: '-3' must be a whole number from 0 to "),
        (HEAD + "0,1\n", "trace x, line 2, column out_tokens: '' must be a whole number from 0 to "),
        (HEAD, "trace x has no two requests at different times"),
        (HEAD + "5,1,1\n5,2,2\n", "trace x has no two requests at different times"),
    ],
)
def test_a_broken_rule_is_named_with_its_place_and_value(lines: str, complaint: str) -> None:
    with pytest.raises(TraceError) as problem:
        parsed("x", lines.splitlines(keepends=True))
    assert str(problem.value).startswith(complaint)


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
