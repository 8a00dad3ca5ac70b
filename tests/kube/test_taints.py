"""A pod goes where it bears every taint that keeps pods away, as kube-scheduler reads them."""

from __future__ import annotations

import pytest

from kube.taints import CORDONED, Taint, Toleration, that_keep_away, unborne

GPU = Taint("gpu", "a100", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "bears"),
    [
        pytest.param(Toleration("gpu", "Equal", "a100", "NoSchedule"), True, id="the very same"),
        pytest.param(Toleration("gpu", "", "a100"), True, id="any effect, Equal by default"),
        pytest.param(Toleration("gpu", "Exists"), True, id="any value"),
        pytest.param(Toleration("", "Exists"), True, id="any key"),
        pytest.param(Toleration("", "Exists", "", "NoExecute"), False, id="any key of another effect"),
        pytest.param(Toleration("gpu", "Equal", "h100"), False, id="another value"),
        pytest.param(Toleration("gpu"), False, id="no value"),
        pytest.param(Toleration("cpu", "Exists"), False, id="another key"),
        pytest.param(Toleration("", "Equal", "a100"), False, id="no key, and not Exists"),
        pytest.param(Toleration("gpu", "Gt", "a100"), False, id="an operator that is not known"),
    ],
)
def test_a_toleration_bears_a_taint(toleration: Toleration, bears: bool) -> None:  # noqa: FBT001  a parameter
    assert toleration.bears(GPU) is bears


def test_a_pod_goes_only_where_it_bears_every_taint() -> None:
    other = Taint("team", "", "NoExecute")
    assert unborne((GPU, other), ()) == GPU
    assert unborne((GPU, other), (Toleration("gpu", "Exists"),)) == other
    assert unborne((GPU, other), (Toleration("team", "Exists"), Toleration("gpu", "Exists"))) is None
    assert unborne((), ()) is None


def test_a_taint_that_is_only_better_avoided_keeps_nobody_away_and_a_cordon_does() -> None:
    taints = (Taint("x", "", "PreferNoSchedule"), GPU)
    assert that_keep_away(taints, cordoned=False) == (GPU,)
    assert that_keep_away((CORDONED, GPU), cordoned=True) == (GPU, CORDONED)
