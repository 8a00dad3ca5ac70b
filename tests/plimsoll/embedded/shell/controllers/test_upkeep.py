"""What becomes of pods whose node is not there? Time is an argument."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from kube.client import ApiError
from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.view import View
from plimsoll.embedded.shell.controllers.upkeep import Upkeep
from plimsoll.embedded.shell.controllers.writer import Writer
from plimsoll.embedded.shell.direct import DirectApi
from plimsoll.embedded.shell.serving import Serving

_PODS = "/api/v1/namespaces/n/pods"
_T = 1000.0


async def test_a_pod_goes_when_its_node_has_been_missing_for_forty_seconds() -> None:
    api = DirectApi(Serving(random.Random(0)), "test")  # noqa: S311  names of objects
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "n"}})
    spec = {"nodeName": "nowhere", "containers": [{"name": "main", "image": "x"}]}
    made: dict[str, Any] = msgspec.json.decode(
        await api.request("POST", _PODS, body={"metadata": {"name": "one"}, "spec": spec})
    )
    view = View()
    view.put(kinds.PODS, made, _T)
    upkeep = Upkeep(view, Writer(api, view))
    uid = made["metadata"]["uid"]
    assert await upkeep.pod(uid, _T) == _T + 40.0
    assert await upkeep.pod(uid, _T + 39.0) == _T + 40.0
    assert msgspec.json.decode(await api.request("GET", f"{_PODS}/one")) == made
    await upkeep.pod(uid, _T + 40.0)
    with pytest.raises(ApiError, match="not found"):
        await api.request("GET", f"{_PODS}/one")
