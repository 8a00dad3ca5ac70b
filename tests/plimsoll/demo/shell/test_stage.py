from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp import web

from kube.objects import ObjectMeta, Pod
from kube.watch import Gone, Put, Relisted
from plimsoll.demo.core.picture import Standing
from plimsoll.demo.problem import DemoError
from plimsoll.demo.shell import stage as stage_module
from plimsoll.demo.shell.stage import Stage, _keep

if TYPE_CHECKING:
    from kube.client import Api

DECISIONS = """{"workloads": [
  {"namespace": "demo", "name": "chat", "ready": 1, "current": 1, "desired": 4, "stable": 3.5,
   "panic": null, "mode": "panic", "reason": "much to do", "decided_at": 12.5, "new_key": "passed over"},
  {"namespace": "other", "name": "chat", "ready": 9, "current": 9, "desired": 9, "stable": 1.0,
   "panic": 1.0, "mode": "stable", "reason": "", "decided_at": 12.5}]}"""


@pytest.fixture
def no_api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """The autoscaler alone is asked."""
    monkeypatch.setattr(stage_module, "_ASK_S", 0.0)
    return cast("Api", None)


def test_decisions_of_the_demo_are_taken_over(no_api: Api) -> None:
    async def scenario() -> None:
        twice = asyncio.Event()
        asked: list[str] = []

        async def decisions(request: web.Request) -> web.Response:
            asked.append(request.path)
            if len(asked) > 1:
                twice.set()
            return web.Response(text=DECISIONS)

        app = web.Application()
        app.router.add_get("/decisions", decisions)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stage = Stage(no_api, f"http://127.0.0.1:{runner.addresses[0][1]}")
        asking = asyncio.create_task(stage._ask_autoscaler())
        async with asyncio.timeout(30):
            await twice.wait()
        asking.cancel()
        await runner.cleanup()
        assert stage.standings == {"chat": Standing("demo", "chat", 1, 1, 4, 3.5, None, "panic", "much to do", 12.5)}

    asyncio.run(scenario())


def test_an_autoscaler_that_stays_silent_has_failed(no_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "_PATIENCE_S", -1.0)

    async def scenario() -> None:
        await Stage(no_api, "http://127.0.0.1:1")._ask_autoscaler()

    with pytest.raises(DemoError, match="the autoscaler has not told its decisions for"):
        asyncio.run(scenario())


def test_what_is_kept_follows_the_changes() -> None:
    first, second, third = (Pod(ObjectMeta(name=name)) for name in "abc")
    kept = {"old": first}
    _keep(kept, Relisted((first, second), "2"))
    _keep(kept, Put(third))
    _keep(kept, Gone(first))
    assert kept == {"b": second, "c": third}
