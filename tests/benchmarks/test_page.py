"""docs/benchmarks.md names every benchmark, in the order in which they are measured, and has a place for each table."""

from __future__ import annotations

import re

from tests.benchmarks.__main__ import PAGE, TABLES


def test_the_page_names_every_benchmark_that_there_is_and_no_other() -> None:
    said = PAGE.read_text().partition("`python -m tests.benchmarks NAME...`")[2].partition(". ")[0]
    assert re.findall(r"`([a-z-]+)`", said) == list(TABLES)


def test_the_page_has_a_place_for_every_table_and_for_no_other() -> None:
    text = PAGE.read_text()
    for end in ("begin", "end"):
        assert sorted(re.findall(rf"<!-- ([a-z-]+): {end} -->", text)) == sorted(TABLES)
