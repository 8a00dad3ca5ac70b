"""What is a nominated node good for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.scheduler.scheduled import NODES

if TYPE_CHECKING:
    from tests.contract.scheduler.extending import RecordingExtender
    from tests.contract.scheduler.scheduled import Pods


async def test_a_nominated_node_is_asked_about_first_and_alone(pods: Pods, extender: RecordingExtender) -> None:
    await pods.rejected("one")
    extender.filter = lambda _, nodes: {"NodeNames": list(nodes)}
    asked = len(extender.asked)
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    assert await pods.until_bound("one") == "gpu-03"
    assert [(each.verb, each.body.get("NodeNames")) for each in extender.asked[asked:]] == [
        ("filter", ["gpu-03"]),
        ("bind", None),
    ]


async def test_where_the_nominated_node_does_not_fit_all_are_asked_about(
    pods: Pods, extender: RecordingExtender
) -> None:
    await pods.rejected("one")
    extender.filter = lambda _, nodes: {"NodeNames": ["gpu-01"] if len(nodes) > 1 else []}
    asked = len(extender.asked)
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    assert await pods.until_bound("one") == "gpu-01"
    assert [each.nodes for each in extender.asked[asked:] if each.verb == "filter"] == [["gpu-03"], NODES]


async def test_a_nomination_ends_with_a_rejection(pods: Pods) -> None:
    await pods.rejected("one")
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    await pods.until_promised_nothing("one")
