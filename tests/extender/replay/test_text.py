"""A table lines up, and a line for programs holds numbers or null."""

from __future__ import annotations

import json

import numpy as np

from extender.replay.churn import Churn, Load
from extender.replay.inflation import Cost, Inflation
from extender.replay.text import churn_json, churn_table, inflation_json, inflation_table

STAYS = Inflation("fgd", np.array([89.8, 100.2]), np.array([80.0, 85.5]), None, 0, 0, Cost(2, 150.04, 200.0))
GOES = Churn("best-fit", Load(97, 3.0, 1), 91.25, 12.5, 4.0, 1, Cost(7, 150.0, 200.0))


def test_a_percentage_that_was_never_reached_is_a_dash_and_null() -> None:
    told = json.loads(inflation_json(STAYS))
    assert told == {
        "allocated": {"90": 80.0, "100": 85.5, "130": None},
        "first_failure": None,
        "refused_fitting": 0,
        "decisions": 2,
        "decision_us": {"mean": 150.0, "p99": 200.0},
        "policy": "fgd",
    }
    head, row = inflation_table([STAYS])[1:]
    assert row.split() == ["fgd", "-", "80.00", "85.50", "-", "-", "-", "none", "0", "0", "2", "150", "200"]
    assert len(head) == len(row)


def test_a_replay_with_lifetimes_tells_what_was_stranded() -> None:
    told = json.loads(churn_json(GOES))
    assert (told["offered"], told["allocated"], told["stranded_gpu_hours"], told["refused_fitting"]) == (
        97,
        91.25,
        12.5,
        1,
    )
    assert churn_table([GOES])[2].split() == ["best-fit", "97", "91.25", "4.00", "12.5", "1", "7", "150", "200"]
