"""The law answers recorded cases of the original as the original did, every one of them."""

from __future__ import annotations

import math

from tests.conformance import kpa, scaler, window
from tests.conformance.recorded import recorded


def test_decisions_are_the_originals() -> None:
    for case in recorded("kpa"):
        answer = kpa.answer({**case, "ticks": [tick[:5] for tick in case["ticks"]]})
        name = f"case {case['id']}, {case['family']}"
        assert answer["init"] == [
            case[f"init_{field}"] for field in ("desired", "ebc", "in_panic", "max_panic_pods")
        ], name
        for number, tick in enumerate(case["ticks"]):
            assert answer["ticks"][number] == tick[5:], f"{name}, tick {number}"


def test_windows_are_the_originals() -> None:
    for case in recorded("window"):
        inputs = {"r": 6, "w": 4, "q": 2, "m": 3, "n": 2}
        answer = window.answer({**case, "ops": [each[: inputs[each[0]]] for each in case["ops"]]})
        for number, (told, operation) in enumerate(zip(answer["out"], case["ops"], strict=True)):
            name = f"case {case['id']}, operation {number}: {operation}"
            match operation[0]:
                case "r" | "w":
                    assert told is None, name
                case "m" | "n":
                    assert told == operation[-1], name
                case "q":
                    assert told[0] == operation[2], name
                    assert all(map(_alike, told[1:], operation[3:])), name


def test_scalings_are_the_originals() -> None:
    for case in recorded("scaler"):
        answer = scaler.answer({key: value for key, value in case.items() if key not in ("out", "status_out")})
        assert answer == {key: case[key] for key in ("id", "out", "status_out")}, f"case {case['id']}"


def _alike(told: float, recorded: float) -> bool:
    return math.isclose(told, recorded, rel_tol=1e-9, abs_tol=1e-12)
