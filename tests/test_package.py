"""The wheel holds the three import packages and nothing else, and works from any folder; the
source archive holds what git knows."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from types import ModuleType

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


@cache
def release() -> ModuleType:
    """What ``make release`` runs."""
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


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
        ".docx",
        ".txt",
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


def test_packages_say_that_they_are_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"{name}/py.typed" for name in ("models", "optimizer", "vorrat")} <= {*names}


def test_the_wheel_has_every_scenario_with_its_folder(wheel: Path) -> None:
    packed = {name for name in release().in_wheel(wheel) if name.startswith("scenarios/")}
    written = {one for one in (ROOT / "scenarios").rglob("*") if one.is_file()}
    assert packed == {one.relative_to(ROOT).as_posix() for one in written}


def test_the_version_is_the_same_wherever_it_stands(wheel: Path) -> None:
    """Programs know it from the metadata; the changelog and what is cited name it with its day."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert own["version"] == release().described(wheel) == wheel.name.split("-")[1]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## \[(.+)\] - (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert first is not None
    assert first[1] == own["version"]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {first[1]}\ndate-released: {first[2]}\n" in cited


@pytest.mark.slow
def test_the_source_archive_holds_what_git_knows(tmp_path: Path) -> None:
    """Of a release it is compared name by name; here the tree may hold more than a commit."""
    due = {
        "pyproject.toml",
        "Makefile",
        ".ci/run",
        "tests/test_package.py",
        "scenarios/tutorial.yaml",
    }
    if (ROOT / ".git").exists():
        known = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
        due |= {n for n in known if (ROOT / n).is_file() and not n.startswith(release().LEFT_OUT)}
    python(
        "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path), folder=ROOT
    )
    (built,) = tmp_path.glob("*.tar.gz")
    found = release().in_sdist(built)
    assert due - found == set()
    strays = re.compile(r"(^|/)(__pycache__|\.venv|\.git|\..*_cache|dist|out)/|\.pyc$|^\.github/")
    assert [name for name in found if strays.search(name)] == []
    with tarfile.open(built) as archive:
        assert {one.mtime for one in archive.getmembers()} == {archive.getmembers()[0].mtime}


def test_a_release_tells_strays_and_what_is_lacking() -> None:
    for found, due, reported in (
        ({"a", "b"}, {"a"}, "git does not know b"),
        (set(), {"a"}, "it lacks a"),
    ):
        with pytest.raises(release().NotReleasable, match=reported):
            release().compared(found, due, "wheel")


def test_a_release_asks_for_three_pythons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for asked, quick in ((None, False), ("python3.12", False), ("python3.12", True)):
        with pytest.raises(release().NotReleasable, match=r"python3\.1\d is not there"):
            release().interpreters(asked, quick)
    (tmp_path / "python3.13").symlink_to(sys.executable)
    assert release().interpreters(None, True) == [str(tmp_path / "python3.13")]
    assert release().interpreters("python3.13", False) == [str(tmp_path / "python3.13")]


def test_a_lock_is_read_requirement_by_requirement() -> None:
    text = (ROOT / "requirements" / "test.lock").read_text(encoding="utf-8")
    found = release().locked(text)
    blocks = [block for each in found.values() for block in each]
    assert "".join(blocks) == text[text.index(blocks[0]) :]
    assert [block.partition("==")[0] for block in found["hypothesis"]] == ["hypothesis"]
    assert len(found["contourpy"]) > 1  # by Python
    assert all("--hash=sha256:" in block for block in blocks)


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


@pytest.mark.slow
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
    tells = "import vorrat, optimizer.solve.recourse, numba; print(numba.config.CPU_NAME)"
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
    """The user selects the package index; every requirement has a hash."""
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert not re.search(r"://|index|find-links|^-| @ ", text, re.MULTILINE), lock.name
        pins = re.findall(r"^\S+==.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)), lock.name
