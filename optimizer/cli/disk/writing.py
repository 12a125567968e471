"""Single files; and, before the solve, whether a folder can be made."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import click

from models.language import tr
from optimizer.cli.disk.durable import reason
from optimizer.cli.disk.naming import refuse_reserved
from optimizer.cli.disk.publishing import publish


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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises NotWritten, and InUse where another program has the file open; what was there before is
    unchanged then.
    """
    publish(path.parent, {path.name: content}, force=True)
