"""Of two kube-schedulers with extenders one places pods; when it goes no device is given twice, and no pod is lost."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from deploy.local import LocalCluster
from tests.e2e.killing import HELD_BACK, PODS, spec
from tests.e2e.placers import MISFORTUNES, Placer, hosts_can_be_named, pair_of, placed_through, taken_over
from tests.e2e.standby import TAKE_OVER_S, Misfortune, Pair, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 3

pytestmark = pytest.mark.skipif(not hosts_can_be_named(), reason="no program may have a host name of its own here")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair[Placer]]:
    with (
        LocalCluster.start(spec("e2e-one-writer"), progress=print) as running,
        pair_of(running, tmp_path_factory.mktemp("pair")) as both,
    ):
        yield both


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("misfortune", MISFORTUNES, ids=lambda each: each.name.lower())
def test_whatever_happens_to_the_leading_pair_the_other_goes_on_in_time_and_no_device_is_ever_over(
    pair: Pair[Placer], misfortune: Misfortune, number: int
) -> None:
    after = random.randrange(1, PODS - HELD_BACK)  # noqa: S311  any point will do
    found = taken_over(pair, f"{misfortune.name.lower().replace('_', '-')}-{number}", misfortune, after)
    assert found.bound_before < PODS, "it was to suffer while pods are being placed"
    assert found.fullest <= 1000
    assert found.lost == 0
    assert found.seconds < TAKE_OVER_S


def test_an_extender_that_is_stopped_alone_with_bindings_in_flight_gives_no_device_twice_when_it_wakes(
    pair: Pair[Placer],
) -> None:
    leader = pair.leader()

    def happens(struck: Callable[[], None]) -> float:
        leader.signal_one(0, signal.SIGSTOP)
        struck()
        time.sleep(8.0)  # longer than its right lasts; its kube-scheduler goes on leading
        leader.signal_one(0, signal.SIGCONT)
        return 8.0

    found = placed_through(pair, "stopped-alone", 60, happens)
    assert (found.fullest <= 1000, found.lost) == (True, 0)


def test_when_the_kube_scheduler_alone_is_killed_one_of_both_goes_on_in_time(pair: Pair[Placer]) -> None:
    leader = pair.leader()

    def happens(struck: Callable[[], None]) -> float:
        began = time.monotonic()
        leader.signal_one(1, signal.SIGKILL)
        struck()
        wait("its extender leads no more", lambda: not leader.leads(), 60.0)
        wait("one of both leads", lambda: any(each.leads() for each in pair.both), 60.0)
        return time.monotonic() - began

    found = placed_through(pair, "killed-alone", 60, happens)
    assert (found.fullest <= 1000, found.lost) == (True, 0)
    assert found.seconds < TAKE_OVER_S
