"""How is a list given out in pages? All pages show the same moment; a page asked for too late is 410."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from plimsoll.embedded.core.api.bodies import list_of
from plimsoll.embedded.core.notation.numbers import bad_natural
from plimsoll.embedded.core.problem import bad_request, expired, not_implemented

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.embedded.core.api.routes import Route
    from plimsoll.embedded.core.api.store import Stored
    from plimsoll.embedded.core.kinds import Kind

Asked = tuple["Kind", str, str, str]
"""Of what a list is: kind, namespace, label and field selector."""

_OPEN_LISTS = 64
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
)


class Pages:
    """The lists that are being read page by page."""

    def __init__(self) -> None:
        self._rest: OrderedDict[str, tuple[Asked, int, Sequence[Stored]]] = OrderedDict()
        self._given = 0

    def page(
        self, where: Route, query: Mapping[str, str], version: int, selected: Callable[[], Sequence[Stored]]
    ) -> bytes:
        """Return the page that a query asks for: the first of what is `selected` now, or a later one of an open list.

        Raises:
            Problem: 400 for a limit or a token that is none; 410 for a token that is forgotten; 501 for a page of what
                was there before now, and for one that is not selected as the first was.
        """
        kind = where.kind
        asked = (kind, where.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        limit, token = int(query.get("limit") or 0), query.get("continue", "")
        if query.get("resourceVersion") == "0":
            limit = 0  # such a list comes from memory, which knows no pages
        if token:
            if query.get("resourceVersion", "0") not in ("", "0"):
                raise bad_request("specifying resource version is not allowed when using continue")
            of, version, items = self._opened(token)
            if of != asked:
                raise not_implemented("a later page of a list that was selected otherwise")
        else:
            if limit > 0 and (query.get("resourceVersion") or str(version)) != str(version):
                raise not_implemented("pages of what was there at another version than now")
            items = selected()
        rest = items[limit:] if limit > 0 else []
        if not rest:
            return list_of(kind, items, version)
        self._given += 1
        following = f"list-{self._given}"
        self._rest[following] = (asked, version, rest)
        if len(self._rest) > _OPEN_LISTS:
            self._rest.popitem(last=False)
        # etcd counts keys, not what a selector leaves of them.
        selected_by = query.get("labelSelector") or query.get("fieldSelector")
        return list_of(kind, items[:limit], version, following, 0 if selected_by else len(rest))

    def forget(self) -> None:
        """Forget every list that is not read to its end."""
        self._rest.clear()

    def _opened(self, token: str) -> tuple[Asked, int, Sequence[Stored]]:
        if token in self._rest:
            return self._rest[token]
        number = token.removeprefix("list-")
        if bad_natural(number) or not 0 < int(number) <= self._given:
            raise bad_request("invalid continue token: continue key is not valid: no such one was given out")
        raise expired(_EXPIRED)
