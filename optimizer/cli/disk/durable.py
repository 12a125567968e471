"""Writing so that what was written outlives a crash, and how the system's refusals are told."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from models.language import tr

NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF}
"""How file systems say that they know no such thing, as some of networks do for folders."""
WINDOWS_LONGEST = 240
"""Characters that a path may have there before it needs another form, with some to spare."""


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, down to the disk.

    Raises OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        sync(handle)
    finally:
        os.close(handle)


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by their POSIX names, and the folders they stand in into a folder that is there.

    Raises OSError.
    """
    made: dict[Path, None] = {folder: None}
    for name, content in files.items():
        for above in reversed(PurePosixPath(name).parents[:-1]):
            if folder / above not in made:
                (folder / above).mkdir()
                made[folder / above] = None
        write_new(folder / name, content)
    sync_folders(reversed(made))


def keep_rights(new: Path, old: Path) -> None:
    """Give a file the rights of the one that it is going to replace, if there is one: who may not
    read a result may not read the next one either. Windows gives files those of their folder."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        before = old.lstat()
        if stat.S_ISREG(before.st_mode):
            new.chmod(stat.S_IMODE(before.st_mode))


def sync(handle: int) -> None:
    """Have the disk keep what was written."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def sync_folders(folders: Iterable[Path]) -> None:
    """Have the disk keep which names are in folders; Windows knows no such thing."""
    if sys.platform == "win32":
        return
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            sync(handle)
        finally:
            os.close(handle)


def reason(error: OSError) -> str:
    """What the system said, in the current language where it is known."""
    return tr(str(error.strerror or error))


def reachable(folder: Path, longest: int) -> Path:
    """A folder by a path that lets names of so many characters in it be used on Windows as well."""
    if sys.platform == "win32" and len(str(folder)) + longest >= WINDOWS_LONGEST:
        return Path(extended(str(folder)))
    return folder


def extended(path: str) -> str:
    r"""An absolute Windows path in the form that may be long: ``\\?\C:\...``."""
    if path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"
