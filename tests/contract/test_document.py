"""Does docs/contract.md list the claims of these tests, all of them and no others? `--rewrite` makes it so."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_HERE = Path(__file__).parent
_DOCUMENT = _HERE.parents[1] / "docs" / "contract.md"
_BEGIN = "<!-- claims: written by pytest tests/contract/test_document.py --rewrite -->\n"


def test_the_document_lists_every_claim_and_no_other(pytestconfig: pytest.Config) -> None:
    written = _DOCUMENT.read_text(encoding="utf-8")
    said, _, _ = written.partition(_BEGIN)
    whole = said + _BEGIN + "".join(claims())
    if pytestconfig.getoption("rewrite"):
        _DOCUMENT.write_text(whole, encoding="utf-8")
        return
    assert written == whole, "docs/contract.md is stale: pytest tests/contract/test_document.py --rewrite"


def claims() -> Iterator[str]:
    """The list, area by area: the names of the tests in the order in which they stand."""
    for path in sorted(_HERE.rglob("test_*.py"), key=_area):
        module = ast.parse(path.read_text(encoding="utf-8"))
        names = [each.name for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        tests = [name for name in names if name.startswith("test_")]
        if path == Path(__file__) or not tests:
            continue
        question = (ast.get_docstring(module) or "").replace("\n\n", "\n").splitlines()
        yield f"\n### {_area(path)}\n\n{' '.join(question)}\n\n"
        for name in tests:
            claim = name.removeprefix("test_").replace("_", " ")
            yield f"- {claim[0].upper()}{claim[1:]}\n"


def _area(path: Path) -> str:
    """What a file of tests is about: "Leases", or "Scheduler: errors" in a directory of its own."""
    words = [each.removeprefix("test_").replace("_", " ") for each in path.relative_to(_HERE).with_suffix("").parts]
    return ": ".join(words).capitalize()
