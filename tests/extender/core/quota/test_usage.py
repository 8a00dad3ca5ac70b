"""The sums of a project are what its charges come to, whatever came and went."""

from hypothesis import given
from hypothesis import strategies as st

from extender.core.model import PodKey
from extender.core.quota.charging import Charge
from extender.core.quota.kinds import Kind
from extender.core.quota.usage import Usage

charges = st.builds(
    lambda uid, kind, model, milli: Charge(PodKey(uid, "ns", uid), "search", kind, model, milli),
    st.sampled_from("abcd"),
    st.sampled_from(Kind),
    st.sampled_from(["", "L4", "T4"]),
    st.integers(0, 9000),
)


@given(st.lists(st.tuples(charges, st.booleans())))
def test_sums_equal_a_count_of_the_charges_that_are_there(changes: list[tuple[Charge, bool]]) -> None:
    usage, there = Usage(), dict[str, Charge]()
    for charge, stays in changes:
        uid = charge.pod.uid
        if uid in there:
            assert usage.charge(uid) == there.pop(uid)
            usage.take(uid)
        assert usage.charge(uid) is None
        if stays:
            usage.put(charge)
            there[uid] = charge
        within = [one for one in there.values() if one.kind is not Kind.TRAIN]
        assert usage.held == sum(one.milli for one in there.values())
        assert usage.within == sum(one.milli for one in within)
        for model in ("", "L4", "T4"):
            if model:
                assert usage.within_of(model) == sum(one.milli for one in within if one.model == model)
            users, others = usage.users(model)
            of_model = [one for one in within if model in ("", one.model)]
            assert len(users) + others == len(of_model)
            assert [one.milli for one in users] == sorted((one.milli for one in of_model), reverse=True)[:3]


def test_a_copy_goes_its_own_way() -> None:
    usage = Usage()
    usage.put(Charge(PodKey("a", "ns", "a"), "search", Kind.BUILD, "L4", 700))
    copied = usage.copy()
    copied.take("a")
    assert (usage.within, usage.within_of("L4"), copied.within, copied.held) == (700, 700, 0, 0)
    assert usage.users()[0][0].milli == 700


def test_of_models_that_nobody_holds_any_more_nothing_is_kept() -> None:
    usage = Usage()
    for number in range(1000):
        usage.put(Charge(PodKey("a", "ns", "a"), "search", Kind.BUILD, f"model-{number}", 700))
        usage.take("a")
    assert usage._by_model == {}
