"""Wherever a process ends, whatever fails and whoever else writes: the old results or the new."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from publications import (
    NEW,
    Killed,
    after,
    among,
    content,
    counted,
    empty_folder,
    failing,
    failing_to_grow,
    full_folder,
    lay,
    no_folder,
    put,
    tree,
)

from optimizer.cli.disk import locking
from optimizer.cli.disk.publishing import publish, recover
from optimizer.errors import InUse, NotWritten


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is kept by mistake fails a test soon, and nobody cuts the power."""
    monkeypatch.setattr(locking, "PATIENCE", 20.0)
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.mark.parametrize("prepare", [full_folder, no_folder, empty_folder])
def test_a_process_that_dies_at_any_step_leaves_the_old_or_the_new(
    tmp_path: Path, prepare: Callable[[Path], Path]
) -> None:
    before = among() if prepare is full_folder else {}
    now = after() if prepare is full_folder else content(NEW)
    seen = set()
    for at in range(1, counted(prepare, tmp_path) + 1):
        place = prepare(tmp_path / str(at))
        with failing(at, Killed, lasting=True), pytest.raises(Killed):
            put(place)
        recover(place)
        found = tree(place) if place.exists() else {}
        assert found in (before, now), at
        seen.add(found == now)
        put(place)
        assert tree(place) == now
        assert [path.name for path in place.parent.iterdir()] == ["out"], at
    assert seen == {True, False}


@pytest.mark.parametrize("prepare", [full_folder, no_folder, empty_folder])
@pytest.mark.parametrize("lasting", [True, False])
def test_a_step_that_fails_is_told_and_changes_nothing(
    tmp_path: Path, prepare: Callable[[Path], Path], lasting: bool
) -> None:
    """A disk that stays full does not keep names from being changed back."""
    now = after() if prepare is full_folder else content(NEW)
    told = 0

    def refused() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for at in range(1, counted(prepare, tmp_path) + 1):
        place = prepare(tmp_path / str(at))
        root = tree(tmp_path / str(at))
        error = None
        with failing_to_grow(at, refused, lasting=lasting):
            try:
                put(place)
            except NotWritten as refusal:
                error = str(refusal)
        if error is not None:
            told += 1
            assert str(place) in error
            assert "No space left on device" in error
            assert tree(tmp_path / str(at)) == root, at
            continue
        recover(place)
        assert tree(place) == now, at
        assert [path.name for path in place.parent.iterdir()] == ["out"]
    assert told > 5


def test_recovery_that_dies_at_any_step_is_ended_by_the_next(tmp_path: Path) -> None:
    total = counted(full_folder, tmp_path)
    for at in range(total // 2, total + 1, 3):
        for again in range(1, 40, 5):
            place = full_folder(tmp_path / f"{at}-{again}")
            with failing(at, Killed, lasting=True), pytest.raises(Killed):
                put(place)
            with failing(again, Killed, lasting=True), suppress(Killed):
                recover(place)
            recover(place)
            assert tree(place) in (among(), after()), (at, again)


def test_what_cannot_be_put_in_place_is_put_back_wherever_that_ends(tmp_path: Path) -> None:
    """A file that another program has open is the last to be replaced: all before is undone."""
    real = os.replace

    def held(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == "plan.json" and Path(target).parent.name == "out":
            raise PermissionError(errno.EACCES, "in use")
        real(source, target, **options)

    for at in range(1, 200):
        place = full_folder(tmp_path / str(at))
        error: BaseException | None = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", held)
            with failing(at, Killed, lasting=True) as taken:
                try:
                    put(place)
                except (InUse, Killed) as refusal:
                    error = refusal
        if isinstance(error, InUse):
            assert error.path == place / "plan.json"
            assert tree(place) == among()
        recover(place)
        assert tree(place) in (among(), after())
        if len(taken) < at:
            return
    raise AssertionError("it never ends")


def of(number: int) -> dict[str, bytes]:
    text = str(number).encode()
    return {"plans/a/plan.json": text, f"plans/{number}/plan.json": text, "plan.json": text}


@pytest.mark.parametrize("there", [True, False])
def test_of_two_that_write_one_folder_one_is_refused(tmp_path: Path, there: bool) -> None:
    """And what is there is of one of them alone."""
    for turn in range(15):
        place = tmp_path / str(turn)
        if there:
            lay(place, {"notes": b"mine"})
        ends: list[str] = []
        ready = threading.Barrier(4)

        def write(number: int, place: Path = place, ends: Any = ends, ready: Any = ready) -> None:
            ready.wait()
            try:
                publish(place, of(number), replace=["plans"])
                ends.append("written")
            except NotWritten as error:
                ends.append(str(error))

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert ends.count("written") == 1
        assert sum("exists already" in end for end in ends) == 3, ends
        number = int((place / "plan.json").read_bytes())
        assert tree(place) == content({**of(number), **({"notes": b"mine"} if there else {})})


LOOP = """
import sys
from pathlib import Path
from optimizer.cli.disk.publishing import publish
place = Path(sys.argv[1])
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    text = str(number).encode()
    publish(
        place,
        {"plans/a/plan.json": text, f"plans/{number}/plan.json": text, "plan.json": text},
        replace=["plans"],
        force=True,
    )
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_kill_9_at_any_moment_leaves_one_state(tmp_path: Path) -> None:
    place, number = tmp_path / "out", 0
    lay(place, {"notes": b"mine"})
    for turn in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(place), str(number)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.02 + 0.013 * turn)  # The moment is any; what holds does so at each.
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        recover(place)
        if (place / "plan.json").exists():
            number = int((place / "plan.json").read_bytes())
            assert tree(place) == content({**of(number), "notes": b"mine"})
        else:
            assert tree(place) == {"notes": b"mine"}


LIMITED = """
import resource, sys
from pathlib import Path
from optimizer.cli.disk.publishing import publish
from optimizer.errors import NotWritten
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    publish(Path(sys.argv[1]), {"small": b"x", "plan.json": b"x" * 1_000_000}, force=True)
except NotWritten as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")
@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_may_not_grow_leaves_what_was_there(tmp_path: Path, there: bool) -> None:
    place = tmp_path / "out"
    if there:
        lay(place, {"plan.json": b"old"})
    before = tree(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(place)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert "out' cannot be written: File too large." in done.stdout
    assert tree(tmp_path) == before
