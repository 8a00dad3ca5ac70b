"""How is the demo played? A cluster, the model servers, the users, and a screen; then the summary and the report."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local import ClusterSpec
from deploy.local.manifests import apply
from kube.client import Api, ApiError
from plimsoll.demo.core.gpus import gpu_map
from plimsoll.demo.core.picture import History, Picture
from plimsoll.demo.core.report import report
from plimsoll.demo.core.story import (
    GPUS_PER_NODE,
    NODES,
    TRAINING,
    WORKLOADS,
    inference,
    namespace,
    training,
)
from plimsoll.demo.core.summary import summarised, summary_lines
from plimsoll.demo.ground import Ground, introduction, start
from plimsoll.demo.problem import DemoError
from plimsoll.demo.shell.fleet import Fleet
from plimsoll.demo.shell.front import Front
from plimsoll.demo.shell.interrupt import Interrupt
from plimsoll.demo.shell.load import Users
from plimsoll.demo.shell.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.local.programs import Programs
    from plimsoll.demo.core.story import Load
    from plimsoll.demo.shell.screens import Screen

_READY_S = 90.0  # for the first replicas; a few seconds on an idle machine
_HOME_S = 120.0  # for the way back to the fewest replicas: one stable window, and the panic before it
_ANSWERS_S = 120.0  # for the last answers
_DRAW_S = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played: with which load (and its origin), where the report goes, and on which kind of cluster."""

    name: str
    load: Load
    origin: str
    report: Path
    ground: Ground


def run(plan: Plan, screen: Screen, say: Callable[[str], None]) -> None:
    """Play the demo from the first program to the report; nothing is left running, however it ends.

    Raises:
        LocalProblem: the cluster cannot be had.
        DemoError: a part of the demo failed.
        KeyboardInterrupt: the person has seen enough.
    """
    history = History()
    for line in introduction(plan.ground):
        say(line)
    with Interrupt() as interrupt:
        spec = ClusterSpec(name=plan.name, nodes=NODES, gpus_per_node=GPUS_PER_NODE, default_scheduler=False)
        with start(plan.ground, spec, progress=say) as cluster:
            logging.basicConfig(filename=cluster.log("demo"), level=logging.INFO, force=True)
            cluster.start_extender()
            cluster.start_autoscaler()
            say("ready: extender, autoscaler")
            try:
                with screen:
                    interrupt.run(_play(cluster, plan, screen, history))
            finally:
                interrupt.pass_over()
                say("ending the cluster")
    summary = summarised(history)
    for line in summary_lines(summary):
        say(line)
    plan.report.write_text(report(history, summary, load=plan.origin), encoding="utf-8")
    say(f"\nReport: {plan.report}")


async def _play(cluster: Programs, plan: Plan, screen: Screen, history: History) -> None:
    async with AsyncExitStack() as stack:
        api = await Api.connect(cluster.admin_kubeconfig)
        stack.push_async_callback(api.close)
        scales = plan.load.time_scale
        fleet = Fleet(targets=cluster.scrape_targets, logs=cluster.files.logs / "servers", time_scale=scales)
        await stack.enter_async_context(fleet)
        front = await stack.enter_async_context(Front(fleet))
        stage = Stage(api, cluster.autoscaler_url)
        story = _Story(cluster, plan, fleet, stage, Users(front.url, stage.now_s))
        try:
            async with asyncio.TaskGroup() as group:
                aside = [
                    group.create_task(stage.run(fleet.follow)),
                    group.create_task(fleet.failed()),
                    group.create_task(story.watch_programs()),
                    group.create_task(story.draw(screen, history)),
                ]
                await story.tell(api)
                for task in aside:
                    task.cancel()
        except BaseExceptionGroup as group:
            problems = group.subgroup(DemoError)
            if problems is None:
                raise
            raise _first(problems) from None
        finally:
            history.answers.extend(story.users.answers)
            history.notices.extend(stage.notices)


def _first(problem: BaseException) -> BaseException:
    """Return one problem of a group: the others follow from it, or come a moment later."""
    return _first(problem.exceptions[0]) if isinstance(problem, BaseExceptionGroup) else problem


class _Story:
    """The demo as it goes on; `_phase` and `_load_began_s` are all that changes."""

    def __init__(self, cluster: Programs, plan: Plan, fleet: Fleet, stage: Stage, users: Users) -> None:
        self.users = users
        self._cluster = cluster
        self._load = plan.load
        self._tempo = plan.ground.tempo
        self._fleet = fleet
        self._stage = stage
        self._phase = "getting ready"
        self._load_began_s: float | None = None

    async def tell(self, api: Api) -> None:
        """Deploy, wait for the first replicas, send the load, and wait until the replicas are down again.

        Raises:
            DemoError: one of these did not happen in time.
        """
        inferences = [inference(workload, self._tempo) for workload in WORKLOADS]
        try:
            await apply(api, [namespace(), training(TRAINING), *inferences])
        except ApiError as error:
            raise DemoError(f"the demo's workloads were refused: {error.message}") from error
        await self._until(self._unready, _READY_S, "after they were deployed")
        self._load_began_s = self._stage.now_s()
        try:
            async with asyncio.timeout(self._tempo.load_s + _ANSWERS_S):
                await self.users.ask(self._load.arrivals)
        except TimeoutError:
            left = self.users.traffic().in_flight
            raise DemoError(f"{left} requests have no answer {_ANSWERS_S:g} s after the load; {self._logs}") from None
        self._phase, self._load_began_s = "the load is over", None
        await self._until(self._above_least, _HOME_S, "after the last request")

    async def watch_programs(self) -> None:
        """Look after the programs of the cluster, without end.

        Raises:
            DemoError: one of them is gone.
        """
        while True:
            for name in self._cluster.ended():
                raise DemoError(f"{name} has ended by itself; its log is {self._cluster.log(name)}")
            await asyncio.sleep(1.0)

    async def draw(self, screen: Screen, history: History) -> None:
        """Show each moment and remember one a second, without end."""
        while True:
            picture = self._picture()
            new = not history.pictures or picture.at_s - history.pictures[-1].at_s >= 1 - _DRAW_S / 2
            screen.show(picture, history.add(picture) if new else ())
            await asyncio.sleep(_DRAW_S)

    def _picture(self) -> Picture:
        stage, now_s = self._stage, self._stage.now_s()
        loaded_s = None if self._load_began_s is None else now_s - self._load_began_s
        load_s, window_s = self._tempo.load_s, self._tempo.window_s
        ahead = {"getting ready": load_s + 1.5 * window_s, "the load is over": window_s}
        return Picture(
            at_s=now_s,
            phase=self._phase if loaded_s is None else self._load.phase(loaded_s),
            left_s=ahead[self._phase] if loaded_s is None else max(0.0, load_s - loaded_s) + 1.5 * window_s,
            standings=stage.standings,
            nodes=gpu_map(stage.nodes.values(), stage.pods.values()),
            notices=tuple(stage.notices[-40:]),
            traffic=self.users.traffic(),
        )

    async def _until(self, missing: Callable[[], list[str]], limit_s: float, since: str) -> None:
        deadline = self._stage.now_s() + limit_s
        while left := missing():
            if self._stage.now_s() > deadline:
                raise DemoError(f"{'; '.join(left)}: {limit_s:g} s {since}; {self._logs}")
            await asyncio.sleep(_DRAW_S)

    def _unready(self) -> list[str]:
        """Say what is missing before requests can be sent."""
        missing = [
            f"no model server of {workload.name} is ready"
            for workload in WORKLOADS
            if len(self._fleet.ready(workload.name)) < workload.least
        ]
        missing += [
            f"the autoscaler has seen no load of {workload.name}"
            for workload in WORKLOADS
            if (standing := self._stage.standings.get(workload.name)) is None or standing.panic is None
        ]
        waiting = [name for name, pod in self._stage.pods.items() if not pod.spec.node_name]
        return missing + [f"pod {name} has no node" for name in sorted(waiting)]

    def _above_least(self) -> list[str]:
        """Say which workloads have more replicas than the fewest."""
        return [
            f"{workload.name} still has {standing.ready} ready replicas of {standing.desired}"
            for workload in WORKLOADS
            if (standing := self._stage.standings[workload.name])
            and max(standing.ready, standing.desired) > workload.least
        ]

    @property
    def _logs(self) -> str:
        return f"the logs are in {self._cluster.files.logs}"
