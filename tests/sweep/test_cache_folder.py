"""Compiled code is loaded only from a folder to which only the user can write."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from optimizer.solve.recourse import jit

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes")


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder; other candidates are next to it."""
    for name in ("current", "cache"):
        (tmp_path / name).mkdir()
    made = tmp_path / "cache" / "vorrat"
    monkeypatch.setattr(jit, "user_cache_dir", lambda name, appauthor: str(made.with_name(name)))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path / "current")
    return made


def parent() -> Path | None:
    found = jit._find_cache_folder()
    return None if found is None else found.parent


def test_it_is_made_in_the_folder_of_the_user(mine: Path) -> None:
    made = jit._find_cache_folder()
    assert made is not None
    assert made.parent == mine
    assert {one.stat().st_mode & 0o777 for one in (made, mine)} == {0o700}
    assert jit._find_cache_folder() == made


def test_of_other_sources_nothing_is_kept_or_loaded(mine: Path) -> None:
    made = jit._find_cache_folder()
    assert made is not None
    older = made.rename(f"{made}0")  # as if a module had changed since
    other = mine / "of-another-installation"
    other.mkdir()
    assert jit._find_cache_folder() == made
    assert not older.exists()
    assert other.exists()


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_folder_that_the_environment_names_is_taken(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named"
    named.mkdir()
    named.chmod(mode)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(named))
    assert parent() == named


@pytest.mark.parametrize("fault", ["relative", "writable", "planted", "foreign", "linked", "file"])
def test_an_unsafe_one_is_passed_over(
    fault: str, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, users = Path("named").absolute(), os.geteuid()
    named.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(named))
    made = jit._find_cache_folder()
    assert made is not None
    assert made.parent == named
    if fault == "relative":
        monkeypatch.setenv("NUMBA_CACHE_DIR", named.name)
    elif fault == "writable":
        named.chmod(0o777)
    elif fault == "planted":  # as an archive leaves it that others could write to
        (made / "sweep").mkdir()
        (made / "sweep" / "code.nbi").touch()
        (made / "sweep" / "code.nbi").chmod(0o666)
        made.chmod(0o755)
    elif fault == "file":
        made.rmdir()
        made.touch()
    else:
        owner = {"foreign": named.stat, "linked": named.lstat}[fault].__name__
        real = getattr(Path, owner)

        def of_another(path: Path, **how: object) -> os.stat_result:
            found = list(real(path, **how))
            if path == named:
                found[4] = users + 1
            return os.stat_result(found)

        monkeypatch.setattr(Path, owner, of_another)
    assert parent() == mine


def test_without_a_folder_of_the_user_it_lies_among_temporary_files(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.parent.rmdir()
    mine.parent.touch()
    assert parent() == tmp_path / f"vorrat-{os.geteuid()}"
    monkeypatch.chdir(tmp_path)  # Python's choice where no folder of temporary files can be written
    assert parent() is None


def test_functions_of_the_user_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    config = jit.numba.core.config
    monkeypatch.setattr(config, "CACHE_DIR", "elsewhere")
    made = jit.compiled(lambda x: x + 1)
    assert config.CACHE_DIR == "elsewhere"
    assert made.stats.cache_path.startswith(str(jit.CACHE_FOLDER))
