"""Which requests do the public traces hold? Read where they are at hand; the repository never contains them.

`PLIMSOLL_TRACES` names their directory. Service times are of the tokens: 0.2 s + input / 10,000 + 0.025 s x output.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
from pathlib import Path

from tests.benchmarks.queueing import Request

DIRECTORY = Path(os.environ.get("PLIMSOLL_TRACES", "../shared/data/traces"))
FILES = {
    "azure_conv": "azure_llm_2023_conv.csv.gz",
    "azure_code": "azure_llm_2023_code.csv.gz",
    "mooncake": "mooncake_conversation.csv.gz",
}
_SERVEGEN, _SERVEGEN_THINNED, _SERVEGEN_HOUR = "servegen_m-mid_10min.csv.gz", 200, 50
_MOONCAKE_BATCH_S = 3.0  # its stamps come in batches of so long


def absent() -> list[str]:
    """Return which traces are not at hand."""
    return [name for name, file in FILES.items() if not (DIRECTORY / file).is_file()]


def has_servegen() -> bool:
    """Tell whether the rates of ServeGen are at hand, and the requests that they are given."""
    return (DIRECTORY / _SERVEGEN).is_file() and "azure_conv" not in absent()


def servegen(seed: int) -> list[Request]:
    """Return an hour of requests at ServeGen's rates, thinned out, as gamma renewals of its dispersion.

    Another hour with each seed. Of a thinned stream the dispersion is as much less beyond that of pure chance. Service
    times are drawn from those of azure_conv, as it has none.
    """
    draw = random.Random(seed)  # noqa: S311  a seed, for the same requests each time
    services = [request.service_s for request in requests("azure_conv")]
    with gzip.open(DIRECTORY / _SERVEGEN, "rt") as file:
        rows = list(csv.DictReader(file))[_SERVEGEN_HOUR * 6 * seed :][:7]
    at_s, found = 0.0, []
    for number, row in enumerate(rows):
        mean_s = _SERVEGEN_THINNED / float(row["rate_rps"])
        dispersion = 1.0 + (float(row["dispersion"]) - 1.0) / _SERVEGEN_THINNED
        while at_s < 600.0 * (number + 1):
            at_s += draw.gammavariate(1 / dispersion, mean_s * dispersion)
            found.append(Request(at_s, draw.choice(services)))
    return found


def requests(name: str, *, keep: float = 1.0, seed: int = 1) -> list[Request]:
    """Return the requests of a trace in order; `keep` is the share of them that is drawn."""
    draw = random.Random(seed)  # noqa: S311  a seed, for the same requests each time
    spread_s = _MOONCAKE_BATCH_S if name == "mooncake" else 0.0
    with gzip.open(DIRECTORY / FILES[name], "rt") as file:
        found = [
            Request(
                float(row["t_s"]) + draw.uniform(0.0, spread_s),
                0.2 + int(row["in_tokens"]) / 10_000 + 0.025 * int(row["out_tokens"]),
            )
            for row in csv.DictReader(file)
            if draw.random() < keep
        ]
    return sorted(found, key=lambda request: request.at_s)
