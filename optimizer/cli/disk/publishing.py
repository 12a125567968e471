"""Results appear whole or not at all, whatever happens while they are written.

A folder that is not there yet, or is empty, is written beside its place under another name, and
takes its name in one step. Into a folder that holds other things, results are put by a journal
(:mod:`optimizer.cli.disk.journal`), which the next command ends if its own process could not.

A process that is dead is told from one that is alive by locks, which the system takes back: of the
folder as long as a journal is in it, of the folder beside the place as long as it is written. Where
a file system knows no locks, what is left there is taken away after a day.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from models.language import tr
from optimizer.cli.disk import journal
from optimizer.cli.disk.durable import reachable, reason, sync_folders, write_tree
from optimizer.cli.disk.locking import LOCK, abandoned, hold, locked
from optimizer.cli.disk.naming import folded
from optimizer.errors import NotWritten

TRIES = 5
"""How often another process may come between before that is told."""
_BESIDE = 40
"""Characters of a name that stand in that of the folder beside it."""


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    replace: Collection[str] = (),
    along: Mapping[str, bytes] | None = None,
    clear: Collection[str] = (),
    force: bool = False,
) -> None:
    """Put files into a folder, all at once or none of them; the folder is made if it is not there.

    Names are relative, with ``/`` between their parts, and the file that stands for the whole is
    the last. What ``replace`` names, files or folders, is taken away with all that is in it,
    whether anything comes in its place or not. Without ``force`` nothing is overwritten: neither
    what ``files`` nor what ``replace`` names.

    ``along`` are files that belong to ``files`` and have no life of their own, and ``clear`` names
    what goes with the like of an earlier run: ``force`` is not asked for these.

    Raises NotWritten, and has changed nothing then; InUse, which is one, where another program has
    a file open; ValueError where names are none, or two are one to a file system that knows no
    capitals.
    """
    everything = {**(along or {}), **files}
    refused = () if force else (*files, *replace)
    _check([*everything, *{*replace, *clear}])
    with _told(folder):
        where = reachable(folder.resolve(), journal.LONGEST + max(map(len, everything), default=0))
        for _ in range(TRIES):
            if _is_free(where) and _take_place(where, everything):
                return
            if where.is_dir():
                _put_among(where, everything, {*replace, *clear}, refused)
                return
            if os.path.lexists(where):
                raise NotADirectoryError(20, os.strerror(20), str(where))
    raise NotWritten(
        tr("'{folder}': another process has been writing there for too long.", folder=folder)
    )


def recover(folder: Path) -> None:
    """End what a process that died has begun to put into a folder, or into the one or two above it,
    whose results may lie as deep as ``plans/LABEL``.

    Raises NotWritten where the folder's own results are neither in place nor can be put there.
    """
    with _told(folder):  # The working folder may be gone.
        own = folder.resolve()
    for place in (own, *own.parents[:2]):
        if not journal.left_in(place) and not os.path.lexists(place / LOCK):
            continue
        try:
            with _told(place), locked(place) as alone:
                journal.settle(place, alone=alone)
        except NotWritten:
            if place == own and _is_torn(place):
                raise


def _is_torn(folder: Path) -> bool:
    return any(left.suffix != journal.TEMPORARY for left in journal.left_in(folder))


def _check(names: Collection[str]) -> None:
    """Raises ValueError where names do not fit into one folder on every system."""
    wrong = [name for name in names if not journal.is_name(name)]
    spelt: dict[str, str] = {}
    for name in names:
        for path in (name, *map(str, PurePosixPath(name).parents)):
            if spelt.setdefault(folded(path), path) != path:
                wrong.append(name)
    if wrong:
        raise ValueError(f"these cannot be names in one folder: {wrong}")


def _is_free(place: Path) -> bool:
    """Whether nothing is there, or an empty folder that another may stand for."""
    if not os.path.lexists(place):
        return True
    if not place.is_dir() or any(place.iterdir()):
        return False
    # A shell that stands in it, or what is mounted there, would not follow.
    return not place.is_mount() and not place.samefile(Path.cwd())


def _take_place(place: Path, files: Mapping[str, bytes]) -> bool:
    """Write a folder beside its place and let it take that; False where others have been faster, or
    the empty folder that is there has an owner or rights of its own.

    Raises OSError, and leaves nothing then.
    """
    parents = _missing(place.parent)
    beside = place.parent / f".{place.name[:_BESIDE]}.{secrets.token_hex(6)}.tmp"
    handle = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _clear_beside(place)
        beside.mkdir()
        try:
            handle = hold(beside)
            if place.is_dir() and not _is_alike(place, beside):
                beside.rmdir()
                return False
            write_tree(beside, files)
            taken = _rename(beside, place)
        except FileNotFoundError:
            if beside.exists():
                raise
            # Another process took it for what a dead one left, in the moment before it was held.
            return False
        if not taken:
            shutil.rmtree(beside, ignore_errors=True)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        for folder in parents:
            with suppress(OSError):
                folder.rmdir()
        raise
    finally:
        if handle is not None:
            with suppress(OSError):
                os.close(handle)
    if taken:
        with suppress(OSError):  # They are there, if not yet for good.
            sync_folders([place.parent, *(folder.parent for folder in parents)])
    return taken


def _rename(beside: Path, place: Path) -> bool:
    """One step; False where something is in the place by now."""
    try:
        if sys.platform == "win32" and place.is_dir():
            place.rmdir()  # No folder takes the name of another there, not of an empty one either.
        beside.rename(place)
    except OSError:
        if not os.path.lexists(place) or not place.is_dir():
            raise
        return False
    return True


def _missing(folder: Path) -> list[Path]:
    """The folder and those above it that are not there, the lowest first."""
    return [one for one in (folder, *folder.parents) if not os.path.lexists(one)]


def _is_alike(one: Path, other: Path) -> bool:
    """Whether two folders have the same owner and rights."""
    first, second = one.stat(), other.stat()
    return (first.st_uid, first.st_gid, first.st_mode) == (
        second.st_uid,
        second.st_gid,
        second.st_mode,
    )


def _clear_beside(place: Path) -> None:
    """Take away what processes that died have left beside a place."""
    name = re.compile(re.escape(f".{place.name[:_BESIDE]}.") + r"[0-9a-f]{12}\.tmp")
    with suppress(OSError), os.scandir(place.parent) as entries:
        left = [place.parent / one.name for one in entries if name.fullmatch(one.name)]
        for path in left:
            with abandoned(path) as dead:
                if dead:
                    shutil.rmtree(path, ignore_errors=True)


def _put_among(
    folder: Path, files: Mapping[str, bytes], replace: Collection[str], refused: Collection[str]
) -> None:
    """Put files into a folder that holds other things.

    Raises OSError or NotWritten, and has changed nothing then.
    """
    with locked(folder) as alone:
        journal.settle(folder, alone=alone)
        for name in refused:
            if os.path.lexists(folder / name):
                there = folder / name
                raise NotWritten(tr("'{path}' exists already; --force overwrites it.", path=there))
        journal.apply(journal.write(folder, files, replace))


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the system refuses, told with the folder that was to be written."""
    try:
        yield
    except OSError as error:
        raise NotWritten(
            tr("'{path}' cannot be written: {problem}.", path=folder, problem=reason(error))
        ) from error
