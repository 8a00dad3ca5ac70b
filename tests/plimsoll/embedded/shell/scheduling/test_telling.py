"""What is written on a pod is not lost to a change in between, and counts as seen once the watch has shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from kube.client import ApiError
from plimsoll.embedded.core.scheduling.verdict import Failed
from plimsoll.embedded.core.scheduling.views import PodView
from plimsoll.embedded.shell.scheduling.telling import Telling
from tests.plimsoll.embedded.scheduling import pod_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api


class OnePod:
    """An API server with one pod; `meanwhile` happens between a write and its answer."""

    def __init__(self) -> None:
        self.pod = pod_view().whole
        self.meanwhile: Callable[[], None] = lambda: None

    @property
    def view(self) -> PodView:
        """The pod as it is."""
        return PodView.of(self.pod)

    def change(self, **status: Any) -> None:
        """Make a new version of it."""
        version = str(int(self.pod["metadata"]["resourceVersion"]) + 1)
        metadata = {**self.pod["metadata"], "resourceVersion": version}
        self.pod = {**self.pod, "metadata": metadata, "status": {**self.pod["status"], **status}}

    async def request(self, method: str, _path: str, *, body: Any = None, **_: Any) -> bytes:
        """Answer as `Api.request`."""
        if method == "PATCH":
            if body["metadata"]["resourceVersion"] != self.pod["metadata"]["resourceVersion"]:
                raise ApiError(409, "Conflict", "another version")
            self.change(**body["status"])
            self.meanwhile()
        return msgspec.json.encode(self.pod)


class Story:
    """A server, and what the watch has shown of it."""

    def __init__(self) -> None:
        self.server = OnePod()
        self.seen = self.server.view
        self.telling = Telling(cast("Api", self.server), ["plimsoll"], lambda _: self.seen)

    def show(self) -> None:
        """Have the watch show the pod as it is."""
        self.seen = self.server.view
        self.telling.see(self.seen.uid, self.seen.version)


async def test_a_condition_is_unseen_until_the_watch_has_shown_it() -> None:
    story = Story()
    await story.telling.condition(story.seen, Failed("boom"))
    assert not story.telling.all_seen
    story.show()
    assert story.telling.all_seen


async def test_a_watch_that_is_faster_than_the_answer_leaves_nothing_unseen() -> None:
    story = Story()
    story.server.meanwhile = story.show
    await story.telling.condition(story.seen, Failed("boom"))
    assert story.telling.all_seen


async def test_a_pod_that_is_gone_leaves_nothing_unseen() -> None:
    story = Story()
    await story.telling.condition(story.seen, Failed("boom"))
    story.telling.listed({})
    assert story.telling.all_seen


async def test_a_condition_is_written_beside_what_was_written_meanwhile() -> None:
    story = Story()
    story.server.change(conditions=[{"type": "Mine", "status": "True"}])
    await story.telling.condition(story.seen, Failed("boom"))
    assert [each["type"] for each in story.server.pod["status"]["conditions"]] == ["Mine", "PodScheduled"]


async def test_a_pod_that_was_bound_meanwhile_is_left_alone() -> None:
    story = Story()
    story.server.change()
    story.server.pod = {**story.server.pod, "spec": {**story.server.pod["spec"], "nodeName": "node"}}
    await story.telling.condition(story.seen, Failed("boom"))
    assert "conditions" not in story.server.pod["status"]
