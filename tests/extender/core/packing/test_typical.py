"""What was seen counts, less as time goes by, and what is remembered stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from extender.core.packing.typical import ALL, GRAIN, Experience
from tests.extender.core.packing.clusters import shape, shapes

if TYPE_CHECKING:
    from extender.core.model import Shape


def test_the_most_popular_come_first_until_they_are_the_share() -> None:
    experience = Experience(1000)
    for cpu, pods in ((100, 60), (200, 36), (300, 4)):
        experience.add(shape(1, 500, cpu), pods)
    assert [(one.shape, one.popularity) for one in experience.typical(95)] == [
        (shape(1, 500, 100), 60 * ALL // 96),
        (shape(1, 500, 200), 36 * ALL // 96),
    ]


def test_what_came_long_ago_counts_less_than_what_comes_now() -> None:
    experience = Experience(100)
    experience.add(shape(1, 100), 100)
    for _ in range(149):
        experience.add(shape(1, 200))
    experience.add(shape(1, 200), 100)
    counts = dict(experience.seen())
    assert counts[shape(1, 200)] > 3 * counts[shape(1, 100)]


def test_thousands_of_shapes_are_not_all_remembered_and_the_common_one_is() -> None:
    experience = Experience(10_000)
    experience.add(shape(1, 500), 100)
    for cpu in range(5000):
        experience.add(shape(1, 100, cpu))
    assert len(dict(experience.seen())) <= 1024
    assert shape(1, 500) in dict(experience.seen())


def test_a_pod_taken_back_was_never_there() -> None:
    experience = Experience(1000)
    experience.add(shape(1, 100))
    experience.remove(shape(1, 100))
    experience.remove(shape(1, 100))
    assert dict(experience.seen()) == {}
    assert experience.pods == 0


@given(st.lists(shapes, max_size=20))
def test_the_same_pods_in_another_order_teach_the_same(seen: list[Shape]) -> None:
    forwards, backwards = Experience(1000), Experience(1000)
    for one in seen:
        forwards.add(one)
    for one in reversed(seen):
        backwards.add(one)
    assert forwards.typical(95) == backwards.typical(95)


LESSONS = st.lists(st.tuples(shapes, st.integers(1, 60)), max_size=8)


@given(LESSONS, LESSONS)
def test_a_copy_has_the_same_experience_and_grows_apart(
    before: list[tuple[Shape, int]], after: list[tuple[Shape, int]]
) -> None:
    def seen(experience: Experience) -> tuple[object, ...]:
        return list(experience.seen()), experience.pods, experience.typical(95)

    one = Experience(100)
    for each, pods in before:
        one.add(each, pods)
    copied, at_first = one.copy(), seen(one)
    assert seen(copied) == at_first
    for each, pods in after:
        copied.add(each, pods)
    assert seen(one) == at_first
    for each, pods in after:
        one.add(each, pods)
    assert seen(copied) == seen(one)


def test_nothing_is_kept_of_pods_that_name_thousands_of_models() -> None:
    experience, long = Experience(1000), tuple(f"model-{number}" for number in range(1000))
    experience.add(shape(1, 500, models=long))
    assert experience.pods == 0
    experience.remove(shape(1, 500, models=long))
    experience.add(shape(1, 500, models=long[:10]))
    assert dict(experience.seen()) == {shape(1, 500, models=long[:10]): GRAIN}
    assert experience.pods == 1
