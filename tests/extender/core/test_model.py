"""A request comes to a share of a device, or fits nowhere."""

from hypothesis import given
from hypothesis import strategies as st

from extender.core import model
from extender.core.model import PodKey, SeenPod, share_on
from kube.gpus import MemoryShare, MiB, MilliGpu, Share


def test_a_memory_share_is_rounded_up_to_milli_gpu() -> None:
    assert share_on(MemoryShare(1, MiB(4096)), MiB(16384)) == Share(1, MilliGpu(250))
    assert share_on(MemoryShare(1, MiB(1)), MiB(16384)) == Share(1, MilliGpu(1))


def test_more_memory_than_the_model_has_fits_nowhere() -> None:
    assert share_on(MemoryShare(1, MiB(16385)), MiB(16384)) is None
    assert share_on(MemoryShare(1, MiB(1)), MiB(0)) is None


@given(st.lists(st.integers(1, 81920), max_size=40), st.integers(1, 81920))
def test_shares_that_fit_in_milli_gpu_fit_in_memory(sizes: list[int], device: int) -> None:
    room, used = 1000, 0
    for size in sizes:
        share = share_on(MemoryShare(1, MiB(size)), MiB(device))
        if share is not None and share.milli <= room:
            room -= share.milli
            used += size
    assert used <= device


def test_of_a_pod_that_names_thousands_of_models_no_shape_is_kept() -> None:
    long = tuple(f"model-{number}" for number in range(1000))
    for models, kept in ((long, 0), (long[:10], 1), ((), 1)):
        pod = SeenPod(PodKey("u", "ns", "kept-of-many-models"), Share(1, MilliGpu(617)), models=models)
        for made in (model._shape, model._ask):
            made.cache_clear()
        assert (pod.shape().models, pod.ask().models) == (models, models)
        assert [made.cache_info().currsize for made in (model._shape, model._ask)] == [kept, kept]
