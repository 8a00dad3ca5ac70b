"""What of a query counts where something is said twice or cannot be read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from tests.contract.wire import Wire

_NAMED = b'{"metadata":{"name":"a"},"data":{"a":"b"}}'
_MUCH = 99_999_999_999_999_999_999


async def test_the_first_of_two_equal_parameters_counts(wire: Wire) -> None:
    _, answer = await wire.send("POST", f"{wire.maps}?fieldManager=one&fieldManager=two", _NAMED)
    (entry,) = msgspec.json.decode(answer)["metadata"]["managedFields"]
    assert entry["manager"] == "one"
    assert (await wire.send("GET", f"{wire.maps}?resourceVersion=1&resourceVersion=x"))[0] == 200


@pytest.mark.parametrize("query", ["dryRun=All&dryRun=None", "dryRun=None&dryRun=All"])
async def test_every_dry_run_is_of_everything(wire: Wire, query: str) -> None:
    assert (await wire.send("POST", f"{wire.maps}?dryRun=All&dryRun=All", _NAMED))[0] == 201
    assert (await wire.status("POST", f"{wire.maps}?{query}", _NAMED))[:2] == (422, "Invalid")
    assert (await wire.status("GET", f"{wire.maps}/a"))[0] == 404


@pytest.mark.parametrize("query", ["limit=1;x=2", "limit=%zz", "=1", "%zz=1&&"])
async def test_what_is_malformed_in_a_query_is_passed_over(wire: Wire, query: str) -> None:
    assert (await wire.send("GET", f"{wire.maps}?{query}"))[0] == 200


@pytest.mark.parametrize("name", ["limit", "timeoutSeconds"])
async def test_an_integer_has_64_bits(wire: Wire, name: str) -> None:
    for number in (str(_MUCH), "9" * 5000, "-" + str(_MUCH)):
        told = (400, "BadRequest", f'strconv.ParseInt: parsing "{number}": value out of range')
        assert await wire.status("GET", f"{wire.maps}?{name}={number}") == told
    assert (await wire.send("GET", f"{wire.maps}?{name}={'0' * 500}1"))[0] == 200


async def test_a_version_has_64_bits(wire: Wire) -> None:
    for number in (str(_MUCH), "9" * 5000):
        why = f'resourceVersion: Invalid value: "{number}": strconv.ParseUint: parsing "{number}": value out of range'
        told = (400, "BadRequest", f"invalid resource version: {why}")
        assert await wire.status("GET", f"{wire.maps}?resourceVersion={number}") == told
        status, _, sentence = await wire.status("GET", f"{wire.maps}?resourceVersion={number}&watch=1")
        assert (status, sentence) == (500, why)


@pytest.mark.parametrize(
    ("text", "why"), [("", "invalid syntax"), ("1.5", "invalid syntax"), (str(_MUCH), "value out of range")]
)
async def test_a_grace_period_that_is_no_integer_is_refused(wire: Wire, text: str, why: str) -> None:
    told = (400, "BadRequest", f'strconv.ParseInt: parsing "{text}": {why}')
    assert await wire.status("DELETE", f"{wire.maps}/a?gracePeriodSeconds={text}") == told


async def test_the_rest_of_a_list_is_not_watched(wire: Wire) -> None:
    status, reason, sentence = await wire.status("GET", f"{wire.maps}?watch=1&continue=x")
    assert (status, reason) == (422, "Invalid")
    assert sentence.startswith('ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ')
    assert "resourceVersionMatch is forbidden when continue is provided" in sentence


async def test_a_timeout_is_a_duration(wire: Wire) -> None:
    told = (400, "BadRequest", 'invalid timeout specified in the request URL - time: invalid duration "soon"')
    assert await wire.status("GET", f"{wire.maps}?timeout=soon") == told
    assert await wire.status("POST", f"{wire.maps}?timeout=soon", _NAMED) == told
    assert (await wire.send("GET", f"{wire.maps}?timeout=1m30s"))[0] == 200


async def test_a_field_manager_is_printable(wire: Wire) -> None:
    status, reason, sentence = await wire.status("POST", f"{wire.maps}?fieldManager=a%07", _NAMED)
    assert (status, reason) == (422, "Invalid")
    assert sentence.endswith(": invalid character U+0007 (at position 1)")
    assert sentence.startswith('CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: ')
