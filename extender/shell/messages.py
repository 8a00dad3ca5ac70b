"""How do devices and explanations cross the process boundary? As messages of extender.v1, and back again unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.accounts import Account
from extender.core.devices import Held, MappedDevice, MappedNode
from extender.core.explaining import GonePod, Holder, Waiter
from extender.core.gang.progress import Stage
from extender.core.ledger.holding import State
from extender.core.model import PodKey
from extender.core.quota.kinds import Kind
from extender.core.quota.projects import Project
from extender.shell.message_error import MessageError
from extender.shell.preemption_messages import to_eviction, to_preemption
from extender.v1 import extender_pb2 as v1
from kube.gpus import MiB, MilliGpu

if TYPE_CHECKING:
    from extender.core.explanations import Waits, Weighed
    from extender.core.gang.progress import Progress
    from extender.shell.moments import Moments

_STATES = {
    State.RESERVED: v1.STATE_RESERVED,
    State.BINDING: v1.STATE_BINDING,
    State.BOUND: v1.STATE_BOUND,
    State.QUARANTINED: v1.STATE_QUARANTINED,
    State.NOMINATED: v1.STATE_NOMINATED,
}
_BY_NUMBER: dict[int, State] = {int(number): state for state, number in _STATES.items()}
_STAGES = {
    Stage.WAITING: v1.STAGE_WAITING,
    Stage.PLANNED: v1.STAGE_PLANNED,
    Stage.SHORT: v1.STAGE_SHORT,
    Stage.WHOLE: v1.STAGE_WHOLE,
    Stage.STOPPED: v1.STAGE_STOPPED,
}
_STAGE_BY_NUMBER: dict[int, Stage] = {int(number): stage for stage, number in _STAGES.items()}


def to_node(node: MappedNode) -> v1.Node:
    """Return a node as a message."""
    return v1.Node(
        name=node.name,
        model=node.model,
        devices=map(_to_device, node.devices),
        left_out=node.left_out,
        unmapped=map(_to_holding, node.unmapped),
    )


def from_node(message: v1.Node) -> MappedNode:
    """Return what a message says of a node.

    Raises:
        MessageError: it says what this version does not know.
    """
    return MappedNode(
        name=message.name,
        model=message.model,
        devices=tuple(map(_from_device, message.devices)),
        left_out=message.left_out,
        unmapped=tuple(map(_from_holding, message.unmapped)),
    )


def to_account(account: Account) -> v1.Project:
    """Return how a project stands as a message."""
    project, held = account.project, account.held
    return v1.Project(
        name=project.name,
        quota_milli=project.quota,
        namespaces=project.namespaces,
        inference_milli=held[Kind.INFERENCE],
        build_milli=held[Kind.BUILD],
        foreign_milli=held[Kind.FOREIGN],
        train_milli=held[Kind.TRAIN],
        over_milli=account.over,
        waiting_pods=account.waiting_pods,
        waiting_milli=account.waiting,
        models=(
            v1.ModelQuota(model=model, quota_milli=quota, used_milli=account.within_of[model])
            for model, quota in project.models
        ),
    )


def from_account(message: v1.Project) -> Account:
    """Return what a message says of a project."""
    models = tuple((one.model, one.quota_milli) for one in message.models)
    project = Project(message.name, message.quota_milli, models, tuple(message.namespaces))
    held = {
        Kind.INFERENCE: message.inference_milli,
        Kind.BUILD: message.build_milli,
        Kind.FOREIGN: message.foreign_milli,
        Kind.TRAIN: message.train_milli,
    }
    within_of = {one.model: one.used_milli for one in message.models}
    return Account(project, held, within_of, message.waiting_pods, message.waiting_milli)


def state_of(number: int) -> State:
    """Return a state.

    Raises:
        MessageError: it is unknown.
    """
    if number not in _BY_NUMBER:
        raise MessageError(f"state {number} is unknown")
    return _BY_NUMBER[number]


def stage_of(number: int) -> Stage:
    """Return how far a gang has come.

    Raises:
        MessageError: it is unknown.
    """
    if number not in _STAGE_BY_NUMBER:
        raise MessageError(f"stage {number} is unknown")
    return _STAGE_BY_NUMBER[number]


def to_explained(found: Waiter | Holder | GonePod, moments: Moments, since_ms: int) -> v1.ExplainResponse:
    """Return what is known of a pod as a message."""
    key = found.pod if not isinstance(found, GonePod) else found.eviction.victim.pod
    eviction = None if found.eviction is None else to_eviction(found.eviction, moments)
    if isinstance(found, GonePod):
        return v1.ExplainResponse(
            namespace=key.namespace, name=key.name, uid=key.uid, since_ms=since_ms, eviction=eviction
        )
    told = v1.ExplainResponse(
        namespace=key.namespace,
        name=key.name,
        uid=key.uid,
        asks=found.asks,
        since_ms=since_ms,
        project=found.project,
        kind=found.kind,
        gang=_to_gang(found.gang, moments) if found.gang else None,
        preemption=to_preemption(found.preemption, moments) if found.preemption else None,
        eviction=eviction,
    )
    if isinstance(found, Holder):
        told.placed.CopyFrom(_to_placed(found, moments))
    else:
        told.waits.CopyFrom(_to_waits(found.reason, found.waits, moments))
    return told


def _to_waits(reason: str, waits: Waits | None, moments: Moments) -> v1.Waits:
    if waits is None:
        return v1.Waits(reason=reason)
    misfits = (v1.Misfit(reason=group.reason, nodes=group.nodes, examples=group.examples) for group in waits.misfits)
    return v1.Waits(
        reason=reason,
        misfits=misfits,
        offered=waits.offered,
        not_offered=waits.not_offered,
        first_asked_ms=moments.ms(waits.first_at),
        last_asked_ms=moments.ms(waits.last_at),
        asked=waits.asked,
    )


def _to_placed(found: Holder, moments: Moments) -> v1.Placed:
    holding = found.holding
    return v1.Placed(
        node=holding.node,
        devices=holding.devices or (),
        milli=holding.milli,
        memory_mib=holding.device_memory,
        state=_STATES[holding.state],
        model=found.model,
        weighed=_to_weighed(found.weighed, moments) if found.weighed else None,
        by_plan=found.by_plan,
    )


def _to_gang(gang: Progress, moments: Moments) -> v1.Gang:
    return v1.Gang(
        name=gang.gang.name,
        stage=_STAGES[gang.stage],
        needed=gang.needed,
        bound=gang.bound,
        promised=gang.promised,
        waiting=gang.waiting,
        reason=gang.reason,
        since_ms=None if gang.since is None else moments.ms(gang.since),
        undone=gang.undone,
        kept_nodes=gang.kept,
    )


def _to_weighed(weighed: Weighed, moments: Moments) -> v1.Weighed:
    return v1.Weighed(
        at_ms=moments.ms(weighed.at),
        score=weighed.choice.score,
        offered=weighed.offered,
        fitted=weighed.choice.fitting,
        others=(v1.Considered(node=other.node, score=other.score) for other in weighed.others),
        because=weighed.choice.because,
    )


def _to_device(device: MappedDevice) -> v1.Device:
    return v1.Device(
        name=device.name,
        memory_mib=device.memory,
        free_milli=device.free,
        closed=device.closed,
        holdings=map(_to_holding, device.held),
    )


def _from_device(message: v1.Device) -> MappedDevice:
    return MappedDevice(
        name=message.name,
        memory=MiB(message.memory_mib),
        free=MilliGpu(message.free_milli),
        closed=message.closed,
        held=tuple(map(_from_holding, message.holdings)),
    )


def _to_holding(held: Held) -> v1.Holding:
    return v1.Holding(
        namespace=held.pod.namespace,
        name=held.pod.name,
        uid=held.pod.uid,
        milli=held.milli,
        memory_mib=held.memory,
        state=_STATES[held.state],
    )


def _from_holding(message: v1.Holding) -> Held:
    key = PodKey(message.uid, message.namespace, message.name)
    return Held(key, MilliGpu(message.milli), state_of(message.state), MiB(message.memory_mib))
