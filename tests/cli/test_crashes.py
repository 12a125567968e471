"""After crashes, errors and concurrent writes no file is torn, and results with a manifest are of
one run."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from publications import (
    GROWING,
    NEW,
    Killed,
    after,
    among,
    content,
    counted,
    empty_folder,
    failing,
    full_folder,
    lay,
    no_folder,
    put,
    tree,
    visible,
)

from optimizer.cli.output_files import publish
from optimizer.errors import FileInUse, NotWritten


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable fsync for speed."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.mark.slow
@pytest.mark.parametrize("prepare", [full_folder, no_folder, empty_folder])
def test_a_process_that_dies_at_any_step_leaves_whole_files(
    tmp_path: Path, prepare: Callable[[Path], Path]
) -> None:
    """A new folder is there or not; in one that is there, a manifest says that all are of one."""
    before, now = {no_folder: {}, empty_folder: {}}.get(prepare, among()), content(NEW)
    now = after() if prepare is full_folder else now
    states = set()
    for at in range(1, counted(prepare, tmp_path) + 1):
        place = prepare(tmp_path / str(at))
        with failing(at, Killed, lasting=True), pytest.raises(Killed):
            put(place)
        found = visible(place) if place.exists() else {}
        for name, held in found.items():
            assert held in (before.get(name, held), now.get(name, held)), (at, name)
            assert name in before or name in now
        if prepare is no_folder or "plan.manifest.json" in found:
            assert found in (before, now), at
        states.add("old" if found == before else "new" if found == now else "torn")
        put(place)
        assert visible(place) == now, at
    # A new folder takes its name with the last step of all.
    assert states >= ({"old"} if prepare is no_folder else {"old", "new"})


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("prepare", [full_folder, no_folder, empty_folder])
@pytest.mark.parametrize("lasting", [True, False])
def test_a_full_disk_is_reported_and_leaves_whole_files(
    tmp_path: Path, prepare: Callable[[Path], Path], lasting: bool
) -> None:
    now = after() if prepare is full_folder else content(NEW)
    reported = unchanged = 0

    def refused() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for at in range(1, counted(prepare, tmp_path) + 1):
        place = prepare(tmp_path / str(at))
        before = visible(place) if place.exists() else {}
        error = None
        with failing(at, refused, lasting=lasting, steps=GROWING):
            try:
                put(place)
            except NotWritten as refusal:
                error = str(refusal)
        if error is not None:
            reported += 1
            assert str(place) in error
            assert "No space left on device" in error
            found = visible(place) if place.exists() else {}
            assert found == before or "plan.manifest.json" not in found, at
            for name, held in found.items():
                assert held in (before.get(name, held), now.get(name, held)), (at, name)
            unchanged += found == before
            continue
        assert tree(place) == now, at
        assert [path.name for path in place.parent.iterdir()] == ["out"]
    # The disk is full while files are written, not when they take their names.
    assert reported >= unchanged > 5


def test_a_failed_rename_is_reported_and_leaves_no_manifest(tmp_path: Path) -> None:
    """A file that another program has open: the first that takes its name, or a later one."""
    real = os.replace

    def held(name: str) -> Callable[..., None]:
        def replace(source: Any, target: Any, **options: Any) -> None:
            if Path(target).name == name:
                raise PermissionError(errno.EACCES, "in use")
            real(source, target, **options)

        return replace

    for name in ("b.json", "plan.json"):
        place = tmp_path / name
        lay(place, {"b.json": b"old", "plan.json": b"old", "plan.manifest.json": b"old"})
        new = {"plan.manifest.json": b"new", "b.json": b"new", "plan.json": b"new"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", held(name))
            with pytest.raises(FileInUse) as reported:
                publish(place, new, force=True)
        assert reported.value.path == place / name
        assert (place / name).read_bytes() == b"old"
        assert set(tree(place)) == {"b.json", "plan.json"}


def of(number: int) -> dict[str, bytes]:
    text = str(number).encode()
    return {
        "plans/a/plan.json": text,
        f"plans/{number}/plan.json": text,
        "plan.json": text,
        "plan.manifest.json": text,
    }


LOOP = """
import sys
from pathlib import Path
from optimizer.cli.output_files import publish
place = Path(sys.argv[1])
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    text = str(number).encode()
    publish(
        place,
        {
            "plans/a/plan.json": text,
            f"plans/{number}/plan.json": text,
            "plan.json": text,
            "plan.manifest.json": text,
        },
        replace=["plans"],
        force=True,
    )
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_kill_9_at_any_moment_leaves_one_state_if_it_has_a_manifest(tmp_path: Path) -> None:
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
        found = visible(place)
        if "plan.manifest.json" in found:
            number = int((place / "plan.json").read_bytes())
            assert found == content({**of(number), "notes": b"mine"})
        assert found["notes"] == b"mine"
        assert all(held is None or held.isdigit() or held == b"mine" for held in found.values())


LIMITED = """
import resource, sys
from pathlib import Path
from optimizer.cli.output_files import publish
from optimizer.errors import NotWritten
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    publish(Path(sys.argv[1]), {"small": b"x", "plan.json": b"x" * 1_000_000}, force=True)
except NotWritten as error:
    print(error)
"""


@pytest.mark.slow
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
