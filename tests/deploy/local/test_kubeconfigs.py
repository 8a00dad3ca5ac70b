from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import yaml

from deploy.local.kubeconfigs import SERVICE_ACCOUNTS, static_identities, write_kubeconfig, write_token_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_token_file_has_a_row_for_each_identity(tmp_path: Path) -> None:
    identities = static_identities()
    write_token_file(tmp_path / "tokens.csv", identities)
    with (tmp_path / "tokens.csv").open() as rows:
        read = {row[1]: (row[0], *row[3:]) for row in csv.reader(rows)}
    assert read["admin"] == (identities["admin"].token, "system:masters")
    assert read["system:kube-scheduler"] == (identities["default-scheduler"].token,)
    assert len({token for token, *_ in read.values()}) == len(identities)


def test_our_own_programs_have_no_static_token() -> None:
    assert not set(static_identities()) & set(SERVICE_ACCOUNTS)


def test_a_kubeconfig_is_private_and_names_its_authority(tmp_path: Path) -> None:
    path = tmp_path / "admin.yaml"
    authority = tmp_path / "apiserver.crt"
    token = static_identities()["admin"].token
    write_kubeconfig(path, server="https://127.0.0.1:1", certificate_authority=authority, user="admin", token=token)
    assert path.stat().st_mode & 0o077 == 0
    assert token in path.read_text()
    read = yaml.safe_load(path.read_text())
    assert read["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority": str(authority),
    }
