"""One process at a time: locks that the system takes back when their holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.language import tr
from optimizer.errors import NotWritten

if sys.platform != "win32":
    import fcntl

LOCK = ".vorrat.lock"
PATIENCE = 120.0
"""Seconds to wait for another process, which needs a moment to write results."""
PAUSE = 0.02
STALE = 24 * 3600.0
"""Seconds after which what cannot be told to be alive counts as dead."""


@contextmanager
def locked(folder: Path, patience: float | None = None) -> Iterator[bool]:
    """Hold a folder against other processes of Vorrat, by a file in it that goes afterwards.

    False where the file system knows no locks: the folder is not held then.

    Raises NotWritten where another process holds it for longer than ``patience`` seconds, OSError
    where nothing can be written there.
    """
    path = folder / LOCK
    until = time.monotonic() + (PATIENCE if patience is None else patience)
    while (taken := _taken(path)) is None:
        if time.monotonic() > until:
            raise NotWritten(
                tr(
                    "'{folder}': another process has been writing there for too long.",
                    folder=folder,
                )
            )
        time.sleep(PAUSE)
    handle, holds = taken
    try:
        yield holds
    finally:
        _release(path, handle)


def _taken(path: Path) -> tuple[int, bool] | None:
    """The file of a lock, and whether it locks; None while another process has it."""
    if sys.platform == "win32":
        # The system removes the file when its last handle goes, so also with a process that dies.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_TEMPORARY
        try:
            return os.open(path, flags), True
        except (FileExistsError, PermissionError):
            if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
                raise
            return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        return handle, False
    if _is_same(path, handle):
        return handle, True
    os.close(handle)  # Its holder has removed it: whoever comes next makes another.
    return None


def _release(path: Path, handle: int) -> None:
    try:
        if sys.platform != "win32":
            with suppress(OSError):
                path.unlink()
    finally:
        with suppress(OSError):
            os.close(handle)


def hold(folder: Path) -> int | None:
    """Mark a folder as that of a living process, for as long as the handle is open.

    None where the system has no such marks. The folder may be gone by then, where another process
    has taken it for a dead one's.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


@contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether what stands there was left by a process that is dead; it stays so in the body.

    Where no mark tells, what was left long ago counts as dead.
    """
    handle = None
    try:
        if sys.platform == "win32":
            dead = is_stale(path)
        else:
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            dead = True
    except BlockingIOError:
        dead = False
    except OSError:
        dead = is_stale(path)
    try:
        yield dead
    finally:
        if handle is not None:
            os.close(handle)


def is_stale(path: Path) -> bool:
    """Whether it was left so long ago that nobody writes there any more."""
    try:
        return time.time() - path.stat().st_mtime > STALE
    except OSError:
        return False


def _is_same(path: Path, handle: int) -> bool:
    try:
        named, open_one = path.stat(), os.fstat(handle)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (open_one.st_dev, open_one.st_ino)
