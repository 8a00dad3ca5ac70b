"""A model is scarce as far as pods name it."""

from extender.core.packing.pressure import pressure
from tests.extender.core.packing.clusters import shape


def test_pods_that_name_no_model_press_on_none() -> None:
    assert pressure([(shape(1, 1000), 5)], {"T4": 4000, "V100": 1000}) == {"T4": 0, "V100": 0}


def test_pressure_is_demand_over_what_there_is_when_all_is_asked_for() -> None:
    seen = [(shape(1, 1000), 9), (shape(1, 1000, models=("V100",)), 1)]
    assert pressure(seen, {"T4": 8000, "V100": 2000}) == {"T4": 0, "V100": 500}


def test_a_pod_that_accepts_several_models_counts_for_each_by_how_much_there_is() -> None:
    seen = [(shape(1, 1000, models=("T4", "V100")), 1), (shape(1, 1000), 1)]
    assert pressure(seen, {"A10": 4000, "T4": 3000, "V100": 1000}) == {"A10": 0, "T4": 1000, "V100": 1000}


def test_pressure_has_an_end() -> None:
    assert pressure([(shape(1, 1000, models=("V100",)), 1)], {"T4": 9000, "V100": 1000}) == {"T4": 0, "V100": 2000}


def test_a_model_that_is_not_there_and_pods_without_gpus_press_on_none() -> None:
    assert pressure([(shape(1, 1000, models=("H100",)), 1), (shape(0, 0, models=("T4",)), 3)], {"T4": 1000}) == {
        "T4": 0
    }
    assert pressure([], {"T4": 1000}) == {"T4": 0}
