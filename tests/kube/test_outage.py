"""An outage is told when it begins, once a minute meanwhile, and when it ends."""

import logging

import pytest

from kube.outage import Outage


def test_an_outage_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    outage = Outage("Prometheus", "decisions are held", logging.getLogger("t"), clock=lambda: now)
    with caplog.at_level(logging.INFO):
        for second in range(121):
            now = float(second)
            outage.hear(ConnectionError("refused"))
        outage.hear(None)
        outage.hear(None)
    said = [(r.getMessage(), vars(r)["away_s"]) for r in caplog.records]
    assert said == [
        ("Prometheus is away: decisions are held", 0),
        ("Prometheus is away: decisions are held", 60),
        ("Prometheus is away: decisions are held", 120),
        ("Prometheus is back", 120),
    ]
    assert vars(caplog.records[0])["error"] == "refused"


def test_what_comes_and_goes_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    outage = Outage("Prometheus", "decisions are held", logging.getLogger("t"), clock=lambda: now)
    with caplog.at_level(logging.INFO):
        for second in range(600):
            now = float(second)
            outage.hear(ConnectionError("refused") if second % 4 < 2 else None)
    assert len(caplog.records) <= 2 * 10
