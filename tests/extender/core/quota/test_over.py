"""What a pod over quota is told: who uses it, what it asks, what is missing; and in words that stay."""

from extender.core.model import PodKey
from extender.core.quota.charging import Charge
from extender.core.quota.kinds import Kind
from extender.core.quota.over import OverQuota, largest


def charge(name: str, milli: int) -> Charge:
    return Charge(PodKey(name, "ns", name), "search", Kind.INFERENCE, "L4", milli)


def test_a_refusal_says_what_is_asked_who_uses_how_much_and_what_is_missing() -> None:
    users, others = largest([charge("d", 500), charge("b", 1000), charge("a", 1000), charge("c", 3000), charge("e", 1)])
    over = OverQuota("search", 11_000, 10_000, 8000, "", users, others)
    assert str(over) == (
        "project search: over quota: asks 8 GPUs, 10 of 11 are used (3 by ns/c, 1 by ns/a, 1 by ns/b and 2 more), "
        "7 missing"
    )


def test_the_words_for_kube_scheduler_do_not_change_with_what_is_used() -> None:
    few, many = OverQuota("search", 1000, 700, 500), OverQuota("search", 1000, 900, 500)
    assert few.brief == many.brief == "project search: asks 0.5 GPUs, more than is left of its quota"
    assert str(few) == "project search: over quota: asks 0.5 GPUs, 0.7 of 1 are used, 0.2 missing"


def test_the_quota_of_a_model_is_named() -> None:
    over = OverQuota("search", 1000, 1000, 1000, "L4", (charge("a", 1000),))
    assert str(over) == "project search: over quota of L4: asks 1 GPU, 1 of 1 are used (1 by ns/a), 1 missing"
    assert over.brief == "project search: asks 1 GPU, more than is left of its quota of L4"
