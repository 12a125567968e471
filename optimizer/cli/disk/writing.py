"""Single files: whole or not there; and, before the solve, whether a folder can be made."""

from __future__ import annotations

import errno
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

import click

from models.language import tr
from optimizer.cli.disk.durable import keep_rights, reason, sync_folders, write_new
from optimizer.cli.disk.locking import is_stale
from optimizer.cli.disk.naming import refuse_reserved
from optimizer.errors import InUse, NotWritten

_BESIDE = 40
"""Characters of a name that stand in that of the file beside it."""


def make_folder(folder: Path) -> None:
    """Make a folder.

    Raises click.UsageError where it cannot be made.
    """
    refuse_reserved(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = tr("'{path}' cannot be made: {problem}.", path=folder, problem=reason(error))
        raise click.UsageError(message) from None


def check_folder(folder: Path) -> None:
    """See before the solve that a folder can be made, and written: it comes with what it holds.

    Raises click.UsageError where it cannot.
    """
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    make_folder(folder)
    writable = os.access(folder, os.W_OK)
    for one in missing:
        with suppress(OSError):
            one.rmdir()
    if not writable:
        problem = reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        raise click.UsageError(
            tr("'{path}' cannot be written: {problem}.", path=folder, problem=problem)
        )


def write_whole(path: Path, content: bytes, *, force: bool = True) -> None:
    """Write a file whole or not at all: into a sibling first, which then takes its name.

    Raises NotWritten, and InUse where another program has the file open; what was there before is
    unchanged then. Without ``force`` a file that is there is not overwritten.
    """
    beside = path.parent / f".{path.name[:_BESIDE]}.{secrets.token_hex(6)}.tmp"
    try:
        try:
            _clear_beside(path)
            write_new(beside, content)
            keep_rights(beside, path)
            if force:
                beside.replace(path)
            else:
                _name_new(beside, path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
    except PermissionError as error:
        if beside.parent.is_dir() and os.access(path.parent, os.W_OK) and path.is_file():
            raise InUse(path) from error
        raise _refused(path, error) from error
    except OSError as error:
        raise _refused(path, error) from error
    with suppress(OSError):
        sync_folders([path.parent])


def _refused(path: Path, error: OSError) -> NotWritten:
    return NotWritten(
        tr("'{path}' cannot be written: {problem}.", path=path, problem=reason(error))
    )


def _name_new(beside: Path, path: Path) -> None:
    """Give a file its name where nobody else has it."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise NotWritten(tr("'{path}' exists already; --force overwrites it.", path=path)) from None
    except OSError:  # Some file systems know one name only.
        if os.path.lexists(path):
            raise
        beside.rename(path)
    else:
        beside.unlink()


def _clear_beside(path: Path) -> None:
    """Take away what processes that died long ago have left beside a file."""
    name = re.compile(re.escape(f".{path.name[:_BESIDE]}.") + r"[0-9a-f]{12}\.tmp")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for left in [path.parent / one.name for one in entries if name.fullmatch(one.name)]:
            if left.is_file() and is_stale(left):
                left.unlink()
