"""Results are published atomically, and failures to write are reported."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from privileges import heeding_rights_of_files
from publications import (
    NEW,
    OLD,
    after,
    content,
    empty_folder,
    full_folder,
    lay,
    no_folder,
    put,
    tree,
)

from optimizer.cli.output_files import (
    STALE_SECONDS,
    check_destination,
    publish,
    safe_name,
    safe_names,
    write_files,
)
from optimizer.errors import FileInUse, NotWritten


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable fsync for speed."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.mark.parametrize("prepare", [full_folder, no_folder, empty_folder])
def test_what_is_published_is_there_and_nothing_else(
    tmp_path: Path, prepare: Callable[[Path], Path]
) -> None:
    place = prepare(tmp_path / "root")
    put(place)
    assert tree(place) == (after() if prepare is full_folder else content(NEW))
    assert [path.name for path in place.parent.iterdir()] == ["out"]


def test_a_file_that_is_open_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"plan.json": b"old", "chart.svg": b"old"})

    def held(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "replace", held)
    with pytest.raises(FileInUse, match=r"'.*plan\.json' is open in another program"):
        publish(tmp_path, {"plan.json": b"new"}, force=True)
    assert tree(tmp_path) == {"plan.json": b"old", "chart.svg": b"old"}


@pytest.mark.parametrize("name", ["plan.json", "plans"])
def test_nothing_is_overwritten_that_came_after_the_command_began(
    tmp_path: Path, name: str
) -> None:
    lay(tmp_path, {f"{name}/mine" if name == "plans" else name: b"mine"})
    before = tree(tmp_path)
    with pytest.raises(NotWritten, match=f"{name}' exists already; --force overwrites it"):
        publish(tmp_path, NEW, replace=["plans"])
    assert tree(tmp_path) == before


def test_accompanying_files_are_replaced_with_their_result(tmp_path: Path) -> None:
    lay(tmp_path, {"plan.manifest.json": b"old"})
    publish(tmp_path, {"plan.json": b"new", "plan.manifest.json": b"new"})
    assert tree(tmp_path) == {"plan.json": b"new", "plan.manifest.json": b"new"}


def test_what_is_replaced_by_nothing_goes(tmp_path: Path) -> None:
    lay(tmp_path, {"target.json": b"old", "plan.json": b"old", "other": b"mine"})
    publish(tmp_path, {"target.json": b"new"}, replace=["plan.json"], force=True)
    assert tree(tmp_path) == {"target.json": b"new", "other": b"mine"}


def test_a_folder_that_has_the_name_of_a_file_is_not_taken_away(tmp_path: Path) -> None:
    lay(tmp_path, {"plan.json/mine": b"mine"})
    with pytest.raises(NotWritten, match="irectory"):
        publish(tmp_path, {"plan.json": b"new"}, force=True)
    assert tree(tmp_path) == {"plan.json": None, "plan.json/mine": b"mine"}


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(NotWritten, match="out' cannot be written"):
        publish(tmp_path / "out", NEW)
    assert tree(tmp_path) == {"out": b"mine"}


@pytest.mark.skipif(sys.platform == "win32", reason="names have other limits there")
def test_a_name_that_is_too_long_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="too long"):
        publish(tmp_path / "out", {"x" * 300: b"new"})
    with pytest.raises(NotWritten, match="too long"):
        publish(tmp_path / "parent" / ("y" * 300), {"plan.json": b"new"})
    assert tree(tmp_path) == {"parent": None}
    publish(tmp_path / ("z" * 255), {"plan.json": b"new"})


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or (os.geteuid() == 0 and sys.platform != "linux"),
    reason="root may write anywhere",
)
@heeding_rights_of_files()
def test_a_folder_without_permission_is_reported(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(NotWritten, match="Permission denied"):
        publish(tmp_path / "shut" / "out", NEW)
    with pytest.raises(NotWritten, match="Permission denied"):
        publish(tmp_path / "shut", NEW)
    assert tree(tmp_path) == {"shut": None}


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such rights there")
def test_an_empty_folder_keeps_its_own_rights(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir(mode=0o700)
    before = place.stat()
    put(place)
    assert tree(place) == content(NEW)
    assert (place.stat().st_mode, place.stat().st_ino) == (before.st_mode, before.st_ino)


def test_a_folder_that_one_stands_in_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    publish(Path(), NEW)
    assert tree(Path.cwd()) == content(NEW)


def test_what_the_dead_have_left_goes_after_a_day(tmp_path: Path) -> None:
    young, old = (tmp_path / f".vorrat-{digit * 12}.tmp" for digit in "ab")
    young.mkdir()
    old.mkdir()
    long_ago = time.time() - 2 * STALE_SECONDS
    os.utime(old, (long_ago, long_ago))
    put(tmp_path)
    assert tree(tmp_path) == {young.name: None, **content(NEW)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fund_2500", "fund_2500"),
        ("a/b:c", "a_b_c"),
        ("..", "_"),
        ("", "_"),
        ("con", "con_"),
        ("COM1.json", "COM1.json_"),
        ("lpt¹", "lpt¹_"),
        ("ends. ", "ends._"),
        ("ends.", "ends"),
        ("O\u0308l", "\u00d6l"),
        ("a\x00b\n", "a_b_"),
    ],
)
def test_a_text_from_data_becomes_a_name_anywhere(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = safe_names(["ä" * 300 + "1", "ä" * 300 + "2"])
    assert one != other
    assert max(len(one.encode()), len(other.encode())) < 240


def test_names_differ_where_capitals_or_signs_are_all_that_does() -> None:
    assert safe_names(["A", "a", "a/b", "a:b", "a-2"]) == ["A", "a-2", "a_b", "a_b-2", "a-2-2"]


def test_a_single_file_that_is_open_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"mine")

    def held(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "replace", held)
    with pytest.raises(FileInUse) as reported:
        write_files([(path, b"yours")], force=True)
    assert reported.value.path == path
    assert tree(tmp_path) == {"plan.json": b"mine"}


def test_a_folder_that_can_be_made_is_not_made_yet(tmp_path: Path) -> None:
    check_destination(tmp_path / "a" / "b", [], force=False)
    assert tree(tmp_path) == {}
    (tmp_path / "mine").mkdir()
    check_destination(tmp_path / "mine", [], force=False)
    assert tree(tmp_path) == {"mine": None}


def test_a_folder_that_cannot_be_written_is_refused_before_the_solve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / "shut")
    (tmp_path / "shut").mkdir()
    with pytest.raises(click.UsageError, match="cannot be written: Permission denied"):
        check_destination(tmp_path / "shut", [], force=False)
    assert tree(tmp_path) == {"shut": None}


@pytest.mark.skipif(sys.platform == "win32", reason="no folder goes there in which one stands")
def test_a_working_folder_that_is_gone_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(NotWritten, match="No such file or directory"):
        publish(Path("out"), NEW)


@pytest.mark.skipif(sys.platform == "win32", reason="rights are the folder's there")
def test_what_nobody_else_may_read_stays_so(tmp_path: Path) -> None:
    lay(tmp_path, OLD)
    (tmp_path / "plan.json").chmod(0o600)
    publish(tmp_path, {"plan.json": b"new"}, force=True)
    write_files([(tmp_path / "plan.html", b"new")], force=True)
    (tmp_path / "plan.html").chmod(0o640)
    write_files([(tmp_path / "plan.html", b"newer")], force=True)
    modes = [stat.S_IMODE((tmp_path / f"plan.{end}").stat().st_mode) for end in ("json", "html")]
    assert modes == [0o600, 0o640]
