from __future__ import annotations

import re
from html.parser import HTMLParser

from plimsoll.demo.core.report import _panics, report
from plimsoll.demo.core.summary import summarised
from tests.plimsoll.demo.pictures import history

VOID = {"meta", "path", "rect"}


class Balance(HTMLParser):
    """Collects what is open; complains where an end has no beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


def page() -> str:
    told = history()
    return report(told, summarised(told), load="Generated load, seed 1")


def test_every_element_is_closed() -> None:
    balance = Balance()
    balance.feed(page())
    assert balance.open == []


def test_the_page_needs_nothing_else() -> None:
    assert not re.search(r"<script|<link|<img|url\(|https?:", page())


def test_the_page_tells_load_workloads_decisions_and_gpus() -> None:
    text = page()
    for expected in ("Generated load, seed 1", "<h2>chat</h2>", "<h2>embed</h2>", "1 → 3", "At the busiest moment"):
        assert expected in text


def test_text_from_the_cluster_cannot_become_markup() -> None:
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in page()
    assert "<b>1 & 2" not in page()


def test_panics_are_shaded_from_their_start_to_their_end() -> None:
    modes = [(0.0, False), (1.0, True), (2.0, True), (3.0, False), (4.0, True), (5.0, True)]
    assert [(band.start_s, band.end_s) for band in _panics(modes)] == [(1.0, 3.0), (4.0, 5.0)]
