"""How many lists may be read page by page at once, and how long is one remembered?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from plimsoll.embedded.core.api.listing import Pages
from plimsoll.embedded.core.api.routes import Route
from plimsoll.embedded.core.api.store import Store
from plimsoll.embedded.core.kinds import CONFIG_MAPS
from plimsoll.embedded.core.problem import Problem

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.store import Stored

_WHERE = Route(CONFIG_MAPS, "here", "", "")


@pytest.fixture
def three() -> list[Stored]:
    store = Store()
    return [store.put(CONFIG_MAPS, {"metadata": {"name": name, "namespace": "here"}}) for name in "abc"]


def begin(pages: Pages, items: list[Stored]) -> str:
    """Read the first page of a list; return the token of the next."""
    first = msgspec.json.decode(pages.page(_WHERE, {"limit": "1"}, 7, lambda: items))
    return str(first["metadata"]["continue"])


def following(pages: Pages, token: str) -> list[str]:
    page = msgspec.json.decode(pages.page(_WHERE, {"continue": token}, 9, list))
    assert page["metadata"]["resourceVersion"] == "7"
    return [each["metadata"]["name"] for each in page["items"]]


def test_sixty_four_lists_are_remembered_and_the_oldest_is_told_to_begin_again(three: list[Stored]) -> None:
    pages = Pages()
    oldest, *others = [begin(pages, three) for _ in range(64)]
    assert following(pages, oldest) == ["b", "c"]
    begin(pages, three)
    with pytest.raises(Problem, match="continue parameter is too old") as refused:
        following(pages, oldest)
    assert (refused.value.status, refused.value.reason) == (410, "Expired")
    assert following(pages, others[0]) == ["b", "c"]


def test_after_a_compaction_no_list_is_remembered(three: list[Stored]) -> None:
    pages = Pages()
    token = begin(pages, three)
    pages.forget()
    with pytest.raises(Problem, match="continue parameter is too old"):
        following(pages, token)


def test_a_token_that_was_never_given_out_is_refused(three: list[Stored]) -> None:
    pages = Pages()
    begin(pages, three)
    for token in ("list-0", "list-2", "list-x", "other"):
        with pytest.raises(Problem, match="invalid continue token") as refused:
            following(pages, token)
        assert refused.value.status == 400
