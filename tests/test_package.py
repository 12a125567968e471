"""The wheel holds the three import packages and nothing else, and works from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(*args: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, made by the build backend of the lock."""
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder), folder=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_three_packages_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    (about,) = [name for name in top if name.endswith(".dist-info")]
    assert top == {"models", "optimizer", "vorrat", about}
    assert {Path(name).suffix for name in names if not name.startswith(about)} <= {
        ".py",
        ".toml",
        ".yaml",
        ".typed",
        ".j2",
        ".js",
        ".svg",
        ".command",
        ".desktop",
        ".json",
        ".css",
        ".mplstyle",
        ".cmd",
        ".csv",
    }
    assert f"{about}/licenses/LICENSE" in names


def test_the_wheel_has_every_module(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    written = {
        path.relative_to(ROOT).as_posix()
        for package in ("models", "optimizer", "vorrat")
        for path in (ROOT / package).rglob("*.py")
    }
    assert packed == written


def test_the_wheel_has_every_preset(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    packed = {
        Path(name).name: archive.read(name)
        for name in archive.namelist()
        if name.startswith("models/scenarios/presets/")
    }
    folder = ROOT / "scenarios" / "presets"
    assert packed == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(packed) > 5


@pytest.mark.parametrize(
    ("before", "environment", "processor"),
    [
        ("", {}, "generic"),
        ("", {"NUMBA_CPU_NAME": "nehalem"}, "nehalem"),
        ("import numba; ", {}, "None"),
    ],
)
def test_what_is_compiled_suits_any_processor_of_its_kind(
    before: str, environment: dict[str, str], processor: str, tmp_path: Path
) -> None:
    """Unless somebody says otherwise, or compiles functions of their own with numba already."""
    tells = "import vorrat, optimizer.solve.sweep, numba; print(numba.config.CPU_NAME)"
    own = {"PYTHONPATH": str(ROOT), "NUMBA_CPU_NAME": "", **environment}
    code = f"import os; os.environ['NUMBA_CPU_NAME'] or os.environ.pop('NUMBA_CPU_NAME'); {before}"
    assert python("-c", code + tells, folder=tmp_path, **own).stdout.strip() == processor


@pytest.mark.slow
def test_what_was_unpacked_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    """With the tree out of reach: the template that ``init`` writes has to be in the wheel."""
    unpacked, elsewhere = tmp_path / "unpacked", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(unpacked)
    command = ("-m", "optimizer")
    answer = python(*command, "--version", folder=elsewhere, PYTHONPATH=str(unpacked))
    assert re.fullmatch(r"vorrat \d+\.\d+\.\d+\n", answer.stdout)
    python(*command, "init", "first.yaml", folder=elsewhere, PYTHONPATH=str(unpacked))
    solved = python(*command, "solve", "first.yaml", folder=elsewhere, PYTHONPATH=str(unpacked))
    assert "How good the proof is" in solved.stdout
    including = f"include: [state_aid_c_area]\n{(elsewhere / 'first.yaml').read_text('utf-8')}"
    (elsewhere / "second.yaml").write_text(including, encoding="utf-8")
    python(*command, "validate", "second.yaml", folder=elsewhere, PYTHONPATH=str(unpacked))
    listed = python(*command, "presets", folder=elsewhere, PYTHONPATH=str(unpacked)).stdout
    assert "\nstate_aid_c_area\n" in listed
    where = python("-c", "import models; print(models.__file__)", folder=elsewhere,
                   PYTHONPATH=str(unpacked))  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(unpacked)


def test_the_locks_name_no_place_to_fetch_from() -> None:
    """Whoever installs decides where from; every requirement has a hash."""
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert not re.search(r"://|index|find-links|^-| @ ", text, re.MULTILINE), lock.name
        pins = re.findall(r"^\S+==.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)), lock.name
