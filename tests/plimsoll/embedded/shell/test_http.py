"""What does somebody see of a defect of the embedded cluster? An answer like any other, and the log says where."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from kube.client import Api, ApiError
from plimsoll.embedded import EmbeddedCluster
from plimsoll.embedded.core.api.server import ApiServer

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.exchange import Request


async def test_a_defect_is_an_answer_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    whole = ApiServer.answer

    def broken(self: ApiServer, request: Request) -> object:
        if request.path == "/api/v1/configmaps":  # which none of the controllers reads
            raise KeyError("name")
        return whole(self, request)

    async with EmbeddedCluster(nodes=1, gpus_per_node=1) as cluster:
        api = await Api.connect(cluster.admin_kubeconfig)
        try:
            with caplog.at_level(logging.ERROR), pytest.MonkeyPatch.context() as patched:
                patched.setattr(ApiServer, "answer", broken)
                with pytest.raises(ApiError) as caught:
                    await api.request("GET", "/api/v1/configmaps")
            assert (caught.value.status, caught.value.reason) == (500, "InternalError")
            assert caught.value.message == "a defect of the embedded cluster: KeyError('name')"
            assert "a request met a defect: GET /api/v1/configmaps" in caplog.text
            await api.request("GET", "/api/v1/configmaps")
        finally:
            await api.close()


async def test_what_is_forbidden_is_answered_as_to_somebody_whose_role_lacks_it(
    embedded: EmbeddedCluster, api: Api
) -> None:
    embedded.faults.forbid = lambda method, path: method == "GET" and path == "/api/v1/configmaps"
    with pytest.raises(ApiError) as caught:
        await api.request("GET", "/api/v1/configmaps")
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    await api.request("GET", "/api/v1/pods")
    embedded.faults.clear()
    await api.request("GET", "/api/v1/configmaps")
