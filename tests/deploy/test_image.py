"""The image, as far as it can be tested without Docker: its files are there, and what they make runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

IMAGE = Path("deploy/image")
DOCKERFILE = (IMAGE / "Dockerfile").read_text()
SCRIPTS = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"]


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    return [source for line in lines for source in line.split()]


def locked(file: Path) -> dict[str, str]:
    """Return each pinned package with its hashes, by name."""
    entries = re.findall(r"^([a-z0-9._-]+)(==.*(?:\n    .*)+)", file.read_text(), flags=re.MULTILINE)
    return dict(entries)


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    let_in = re.findall(r"^!(.+)$", (IMAGE / "Dockerfile.dockerignore").read_text(), flags=re.MULTILINE)
    for source in copied():
        assert Path(source).exists(), source
        assert Path(source).parts[0] in let_in, source


def test_the_image_holds_what_runs_in_the_versions_that_are_tested_and_nothing_of_the_tests() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    image, tested = locked(IMAGE / "requirements.lock"), locked(Path("requirements.lock"))
    names = {re.split(r"[^a-z0-9-]", one)[0] for one in project["dependencies"]}
    tools = {re.split(r"[^a-z0-9-]", one)[0] for one in project["optional-dependencies"]["dev"]}
    assert names <= set(image)
    assert not tools & set(image)
    assert {name: image[name] for name in image} == {name: tested.get(name) for name in image}


def test_the_builder_is_locked() -> None:
    assert "setuptools" in locked(Path("requirements.lock"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what the Dockerfile copies, unpacked."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in copied():
        there = source / name
        if Path(name).is_dir():
            shutil.copytree(name, there, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, there)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(target), str(source)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = target.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
    return target


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_script_starts_where_nothing_can_be_written(installed: Path, tmp_path: Path, script: str) -> None:
    tmp_path.chmod(0o555)
    module = SCRIPTS[script].partition(":")[0]
    code = (
        f"import sys, {module} as m; assert m.__file__.startswith({str(installed)!r}); "
        "sys.argv[1:] = ['--help']; sys.exit(m.main())"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "usage" in run.stdout
    assert list(tmp_path.iterdir()) == [], "root may write anywhere: it wrote nothing"


def test_the_image_is_run_by_nobody() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE) == ["65532:65532"]
