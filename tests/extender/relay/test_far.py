"""The relay knows the extender by its certificate, and shows its own; both may be replaced."""

from __future__ import annotations

import shutil
import ssl
from typing import TYPE_CHECKING

import pytest

from extender.relay.far import Far, FarError, Trust
from kube.program import ProblemAtStart
from kube.tls import ServerTls
from tests.certificates import issued, self_signed, strict
from tests.extender.relay.standing import standing_in
from tests.story.programs import a_listener, url_of

if TYPE_CHECKING:
    from pathlib import Path


async def asked(url: str, trust: Trust) -> int:
    far = Far(url, trust)
    try:
        return (await far.ask("POST", "/filter", b"{}", 5.0)).status
    finally:
        await far.close()


async def test_it_believes_the_extender_by_its_authority_alone(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "extender")
    other, _ = self_signed(tmp_path, "other")
    async with standing_in(ServerTls(cert, key, None)) as (_, url):
        assert await asked(url, Trust(ca_file=cert)) == 200
        for trust in (Trust(ca_file=other), Trust()):
            with pytest.raises(FarError, match="certificate verify failed") as failed:
                await asked(url, trust)
            assert not failed.value.sent


async def test_it_believes_an_authority_that_does_not_say_what_its_key_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "create_default_context", strict(ssl.create_default_context))
    ca, cert, key = issued(tmp_path, "extender")
    async with standing_in(ServerTls(cert, key, None)) as (_, url):
        assert await asked(url, Trust(ca_file=ca)) == 200


async def test_what_finds_no_connection_in_time_was_not_sent(tmp_path: Path) -> None:
    cert, _ = self_signed(tmp_path, "extender")
    with a_listener() as silent:  # it takes connections, and shakes no hands
        far = Far(url_of(silent).replace("http:", "https:"), Trust(ca_file=cert))
        try:
            with pytest.raises(FarError) as failed:
                await far.ask("POST", "/bind", b"{}", 60.0, connect_s=0.05)
        finally:
            await far.close()
    assert not failed.value.sent


async def test_the_name_in_the_certificate_may_be_another_than_the_address(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "extender")
    async with standing_in(ServerTls(cert, key, None)) as (_, url):
        with pytest.raises(FarError, match=r"elsewhere\.svc"):
            await asked(url, Trust(ca_file=cert, server_name="elsewhere.svc"))
        by_name = url.replace("127.0.0.1", "localhost")
        with pytest.raises(FarError, match="localhost"):
            await asked(by_name, Trust(ca_file=cert))
        assert await asked(by_name, Trust(ca_file=cert, server_name="127.0.0.1")) == 200


async def test_replaced_certificates_are_used_and_unusable_ones_are_not(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "extender")
    other, _ = self_signed(tmp_path, "other")
    ca = tmp_path / "ca.crt"
    shutil.copy(other, ca)
    far = Far("", Trust(ca_file=ca))
    try:
        async with standing_in(ServerTls(cert, key, None)) as (_, url):
            far._url = url
            with pytest.raises(FarError, match="certificate verify failed"):
                await far.ask("GET", "/readyz", None, 5.0)
            shutil.copy(cert, ca)
            far.look_at_certificates()
            assert (await far.ask("GET", "/readyz", None, 5.0)).status == 200
            ca.write_text("no certificate")
            far.look_at_certificates()
            far.give_up()
            assert (await far.ask("GET", "/readyz", None, 5.0)).status == 200
    finally:
        await far.close()


def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "none.crt"
    with pytest.raises(ProblemAtStart, match=rf"certificates cannot be used, one of {missing}: "):
        Trust(ca_file=missing).context()
