"""Files of results: whole or not there, in folders that are made first."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from models.language import tr


def make_folder(folder: Path) -> None:
    """Make a folder before the solve, so that a name that cannot be is told at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = tr(str(error.strerror))
        message = tr("'{path}' cannot be made: {problem}.", path=folder, problem=problem)
        raise click.UsageError(message) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: into a sibling first, which then takes its name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as sibling:
            sibling.write(content)
            sibling.flush()
            os.fsync(sibling.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
