from __future__ import annotations

from xml.etree import ElementTree as ET

from plimsoll.observe.core.comparison import compared
from plimsoll.observe.core.document import document
from plimsoll.observe.core.history import exported, moments
from plimsoll.observe.core.text import Observed, drawn, told
from tests.plimsoll.observe.stories import BEGIN_S, OVER, Series, workload


def observed(series: list[Series]) -> Observed:
    seen = moments(exported(series, "chat"), [], OVER)
    return Observed("chat/llama", "Deployment", OVER, seen, compared(seen, OVER))


STORY = workload((0, 150, 4, 8), (150, 330, 8, 8), (450, 600, 2, 1), gpus=2.5)


def test_a_comparison_is_two_charts_a_table_and_what_was_left_out() -> None:
    assert (
        told(observed(STORY))
        == """\
chat/llama (Deployment), 2027-01-15 08:00:00 UTC to 2027-01-15 08:10:00 UTC, in steps of 10 s

decided, at most 8
  │               ████████████████████                         
  │               ████████████████████                         
  │▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄████████████████████                         
  │███████████████████████████████████          ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂
  │███████████████████████████████████··········███████████████
  └────────────────────────────────────────────────────────────  08:00 to 08:10
asked for by another, at most 8
  │███████████████████████████████████                         
  │███████████████████████████████████                         
  │███████████████████████████████████                         
  │███████████████████████████████████                         
  │███████████████████████████████████··········▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅
  └────────────────────────────────────────────────────────────  08:00 to 08:10

                 decided  by another  difference
replica-minutes     41.7        49.2        -7.5
GPU-minutes        104.2       122.9       -18.8
most replicas          8           8           0
changes                2           1          +1

compared 8 min 20 s of 10 min
left out 1 min 40 s: no data of it (no autoscaler ran, or Prometheus did not scrape it)
fewer than decided were asked for during 2 min 30 s, and ready during 2 min 30 s"""  # noqa: W291
    )


def test_what_nobody_knows_is_said() -> None:
    said = told(observed(workload((0, 600, 4, 4))))
    assert "GPU-minutes      unknown     unknown     unknown\n" in said
    assert said.endswith("GPU-minutes are unknown: none of its pods was seen to hold GPUs")


def test_the_picture_is_an_svg_with_holes() -> None:
    root = ET.fromstring(drawn(observed(STORY)))  # noqa: S314  it is our own text
    lines = [
        path.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path") if "line" in path.get("class", "")
    ]
    assert [line.count("M") for line in lines] == [2, 2, 2]


def test_the_document_says_the_same_and_every_moment_with_null_for_what_is_not_known() -> None:
    found = document(observed(STORY))
    assert found["seconds"] == {
        "compared": 500, "no_data": 100, "scaled": 0, "left": 0,
        "held": 0, "asked_for_below_decided": 150, "ready_below_decided": 150,
    }  # fmt: skip
    assert found["decided"]["peak"] == 8
    assert found["moments"][0] == {
        "at_s": BEGIN_S, "standing": "compared", "decided": 4.0, "asked_for": 8.0, "ready": 8.0,
        "gpus_per_replica": 2.5, "held": False,
    }  # fmt: skip
    assert found["moments"][40]["decided"] is None
