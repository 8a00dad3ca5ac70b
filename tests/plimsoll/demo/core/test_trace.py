from __future__ import annotations

import pytest

from plimsoll.demo.core.arrivals import Arrival
from plimsoll.demo.core.trace import TraceError, parsed

HEAD = "t_s,in_tokens,out_tokens\n"
ARRIVALS = (Arrival(0.5, 10, 20), Arrival(1.5, 30, 40))


def test_columns_are_found_by_name_and_others_are_passed_over() -> None:
    assert parsed("x", ["out_tokens,model,t_s,in_tokens\n", "20,m,0.5,10\n", "40,m,1.5,30\n"]) == ARRIVALS


def test_requests_are_put_in_order() -> None:
    assert parsed("x", [HEAD, "1.5,30,40\n", "0.5,10,20\n"]) == ARRIVALS


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
