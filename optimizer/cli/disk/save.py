"""What a command leaves in its folder: the files of its result, and what tells how they came."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from models.results import Result
from optimizer.cli.disk.naming import refuse_reserved
from optimizer.cli.disk.publishing import publish, reason
from optimizer.cli.repeating import manifest
from optimizer.cli.usage import misused


def prepare(out: Path | None, names: Sequence[str], force: bool) -> None:
    """Refuse before the solve what could not be written after it: names in a folder that are there,
    without ``force``. Raises click.UsageError."""
    refuse([] if out is None else [out / name for name in names], force)


def refuse(paths: Sequence[Path], force: bool) -> None:
    """Refuse to overwrite files without --force. Raises click.UsageError."""
    for path in paths:
        if not force and os.path.lexists(path):
            raise misused("'{path}' exists already; --force overwrites it.", path=path)


def leave(
    out: Path | None,
    result: str,
    files: Mapping[str, bytes],
    exit_code: int,
    *,
    force: bool,
    replace: Collection[str] = (),
) -> None:
    """Leave the files of a result in a folder, if one is given, with its manifest and the inputs.

    ``files`` are all the command writes there, the one that stands for the whole as the last;
    ``replace`` names what goes whether or not something comes in its place.

    Raises NotWritten, as ``publish``.
    """
    if out is None:
        return
    along = manifest.described(result, files, exit_code)
    own = (f"{result}.manifest.json", f"inputs/{result}")
    publish(out, files, replace=replace, along=along, clear=own, force=force)


def leave_all(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Leave files where the user wants each: those of one folder together. Raises NotWritten where
    some cannot be written; of that folder, and of those that come after it, nothing is changed
    then."""
    folders: dict[Path, dict[str, bytes]] = {}
    for path, content in files:
        folders.setdefault(path.parent, {})[path.name] = content
    for folder, own in folders.items():
        publish(folder, own, force=force)


def document(result: Result) -> bytes:
    """A result as it is written to a file."""
    return result.model_dump_json(indent=2).encode() + b"\n"


def make_folder(folder: Path) -> None:
    """Make a folder. Raises click.UsageError where it cannot be made."""
    refuse_reserved(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise misused(
            "'{path}' cannot be made: {problem}.", path=folder, problem=reason(error)
        ) from None


def check_folder(folder: Path | None) -> None:
    """See before the solve that a folder, if one is given, can be made, and written: it comes with
    what it holds. Raises click.UsageError where it cannot."""
    if folder is None:
        return
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    make_folder(folder)
    writable = os.access(folder, os.W_OK)
    for one in missing:
        with suppress(OSError):
            one.rmdir()
    if not writable:
        problem = reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        raise misused("'{path}' cannot be written: {problem}.", path=folder, problem=problem)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises NotWritten, and InUse where another program has the
    file open; what was there before is unchanged then."""
    publish(path.parent, {path.name: content}, force=True)
