"""Results that are put among others: all at once, as far as anyone can tell.

A folder that others use as well cannot be exchanged as a whole. What is to be put into it is
written into a folder of its own within, with a list of what goes where, and reaches the disk before
anything else is touched. Its name says how far that is, and each change of name is one step of the
system:

- ``.vorrat-….tmp``: being written, or to be taken away; nothing outside has changed;
- ``.vorrat-….ready``: whole; from here on it is put in place, if not by its own process then by the
  next one that comes by;
- ``.vorrat-….undo``: something could not be put in place, and all is put back.

Either way can be begun again wherever it was left.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from models.language import tr
from optimizer.cli.disk.durable import keep_rights, sync_folders, write_new, write_tree
from optimizer.cli.disk.locking import is_stale
from optimizer.errors import InUse, NotWritten

TEMPORARY, READY, UNDO = ".tmp", ".ready", ".undo"
NAME = re.compile(r"\.vorrat-[0-9a-f]{12}(\.tmp|\.ready|\.undo)")
LONGEST = 40
"""Characters that the way to a file gets longer by in the journal."""
_NEW, _OLD, _MOVES = "new", "old", "moves.json"


@dataclass(frozen=True)
class Move:
    """One name in the folder: what stands there goes, and what is new comes in its place."""

    name: str
    comes: bool
    """Whether there is anything new."""


def is_name(text: str) -> bool:
    """Whether a text names something within a folder, and nothing else."""
    parts = PurePosixPath(text).parts
    windows = PureWindowsPath(text)
    if sys.platform == "win32" and (windows.drive or windows.root or "\\" in text):
        return False
    absolute = PurePosixPath(text).is_absolute()
    return bool(parts) and not absolute and ".." not in parts and "/".join(parts) == text


def write(folder: Path, files: Mapping[str, bytes], replace: Collection[str]) -> Path:
    """The journal of files that go into a folder, in their order, where ``replace`` is cleared;
    ready to be put in place.

    Raises OSError, and leaves nothing then.
    """
    journal = folder / f".vorrat-{secrets.token_hex(6)}{TEMPORARY}"
    try:
        moves = list(_moves(folder, files, replace))
        journal.mkdir()
        (journal / _OLD).mkdir()
        (journal / _NEW).mkdir()
        write_tree(journal / _NEW, files)
        for name in files:
            keep_rights(journal / _NEW / name, folder / name)
        listed = [[move.name, move.comes] for move in moves]
        write_new(journal / _MOVES, json.dumps(listed).encode())
        sync_folders([journal])
        return journal.rename(journal.with_suffix(READY))
    except BaseException:
        shutil.rmtree(journal, ignore_errors=True)
        raise


def _moves(folder: Path, files: Mapping[str, bytes], replace: Collection[str]) -> Iterator[Move]:
    """What has to be put where, so that no folder has to be made: each name leads to the first
    part of a path that is not there yet, or is replaced."""
    found: dict[str, Move] = {}
    for name in files:
        unit = _unit(folder, name, replace)
        if unit not in replace and (folder / unit).is_dir():
            raise IsADirectoryError(21, os.strerror(21), str(folder / unit))
        # A folder comes with the last of its files: what stands for the whole is the last of all.
        found.pop(unit, None)
        found[unit] = Move(unit, True)
    for name in replace:
        if name not in found and os.path.lexists(folder / name):
            yield Move(name, False)
    yield from found.values()


def _unit(folder: Path, name: str, replace: Collection[str]) -> str:
    steps = [str(step) for step in (*reversed(PurePosixPath(name).parents[:-1]), name)]
    for step in steps:
        if step in replace or not os.path.lexists(folder / step):
            return step
    return name


def apply(ready: Path) -> None:
    """Put what a journal holds in place; where that cannot be, put all back.

    Raises NotWritten, once everything is as it was.
    """
    try:
        sync_folders([ready.parent])
        forward(ready)
    except (OSError, NotWritten):
        backward(ready.rename(ready.with_suffix(UNDO)))
        raise
    except BaseException:
        # Too late to stop: half of it may be in place.
        forward(ready)
        _dispose(ready)
        raise
    _dispose(ready)


def forward(ready: Path) -> None:
    """Put everything in place that is not yet.

    Raises OSError, and NotWritten where a file is open in another program.
    """
    folder = ready.parent
    places = {folder}
    for number, move in enumerate(_listed(ready)):
        new, old, target = ready / _NEW / move.name, ready / _OLD / str(number), folder / move.name
        if move.comes and not os.path.lexists(new):
            continue
        try:
            if os.path.lexists(target) and not os.path.lexists(old):
                _set_aside(target, old, move)
            if move.comes:
                new.replace(target)
        except PermissionError:
            if target.is_file():
                raise InUse(target) from None
            raise
        places.add(target.parent)
    sync_folders(places)


def _set_aside(target: Path, old: Path, move: Move) -> None:
    """Keep what is replaced, to put it back if need be; a file stays in its place meanwhile."""
    if move.comes and not target.is_dir() and not target.is_symlink():
        with suppress(OSError):
            old.hardlink_to(target)
            return
    target.rename(old)


def backward(undo: Path) -> None:
    """Put everything back that was put in place."""
    folder = undo.parent
    places = {folder}
    for number, move in reversed(list(enumerate(_listed(undo)))):
        new, old, target = undo / _NEW / move.name, undo / _OLD / str(number), folder / move.name
        if move.comes and not os.path.lexists(new) and os.path.lexists(target):
            target.rename(new)
        # A file that was kept by a second name is still in its place, and may be open.
        if os.path.lexists(old) and not os.path.lexists(target):
            old.rename(target)
        places.add(target.parent)
    with suppress(OSError):  # The disk may be what has failed.
        sync_folders(places)
    _dispose(undo)


def _listed(journal: Path) -> list[Move]:
    """What a journal says; it may come from anywhere, so that no name leads out of the folder."""
    folder = journal.parent.resolve()
    try:
        listed = json.loads((journal / _MOVES).read_bytes())
        moves = [Move(str(name), bool(comes)) for name, comes in listed]
    except (ValueError, TypeError):
        moves = [Move("..", False)]
    for move in moves:
        above = (folder / move.name).parent
        if not is_name(move.name) or not above.resolve().is_relative_to(folder):
            raise NotWritten(tr("'{path}' is not what Vorrat writes: remove it.", path=journal))
    return moves


def settle(folder: Path, *, alone: bool) -> None:
    """End what processes that are dead now have left in a folder.

    ``alone`` says that the folder is locked: all that is found is of dead ones then.

    Raises OSError, or NotWritten, where results cannot be put in place.
    """
    for journal in left_in(folder):
        if journal.suffix == READY:
            forward(journal)
            _dispose(journal)
        elif journal.suffix == UNDO:
            backward(journal)
        elif alone or is_stale(journal):
            shutil.rmtree(journal, ignore_errors=True)


def left_in(folder: Path) -> list[Path]:
    """Journals that stand in a folder; where anybody may write, only those of the same user."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(folder / one.name for one in entries if NAME.fullmatch(one.name))
        if found and sys.platform != "win32" and folder.stat().st_mode & stat.S_IWOTH:
            return [one for one in found if one.lstat().st_uid == os.geteuid()]
    except OSError:
        return []
    return found


def _dispose(journal: Path) -> None:
    """Take a journal away that has done its work; that this fails costs nobody anything."""
    with suppress(OSError):
        shutil.rmtree(journal.rename(journal.with_suffix(TEMPORARY)), ignore_errors=True)
