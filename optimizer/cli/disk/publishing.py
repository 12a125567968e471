"""Results appear whole, whatever happens while they are written.

All files are written into a hidden folder first, down to the disk: so a full disk is met before
anything else is touched. A folder that is not there yet then takes its place in one step. In a
folder that is there, files take their names one after the other, each in one step, what stands for
the whole behind the others and the manifest as the last. The manifest of an earlier result goes
before anything else, so that results with one are whole.

A folder is held against other processes while that lasts, by a lock that the system takes back
when its holder dies; what the dead have left is taken away by the next who holds it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from models.language import tr
from optimizer.cli.disk.naming import folded
from optimizer.errors import InUse, NotWritten

if sys.platform != "win32":
    import fcntl

PATIENCE = 120.0
"""Seconds to wait for another process, which needs a moment to write results."""
PAUSE = 0.02
STALE = 24 * 3600.0
"""Seconds after which what was left counts as dead where nothing is locked."""
MANIFEST = ".manifest.json"
"""How the names of manifests end."""
_TEMPORARY = re.compile(r"\.vorrat-[0-9a-f]{12}\.tmp")
_LONGER = 40
"""Characters that the way to a file gets longer by in the hidden folder."""


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    replace: Collection[str] = (),
    along: Mapping[str, bytes] | None = None,
    clear: Collection[str] = (),
    force: bool = False,
) -> None:
    """Put files into a folder; the folder is made if it is not there.

    Names are relative, with ``/`` between their parts, and the file that stands for the whole is
    the last. What ``replace`` names, files or folders, is taken away with all that is in it,
    whether anything comes in its place or not. Without ``force`` nothing is overwritten: neither
    what ``files`` nor what ``replace`` names.

    ``along`` are files that belong to ``files`` and have no life of their own, and ``clear`` names
    what goes with the like of an earlier run: ``force`` is not asked for these.

    Raises NotWritten; nothing has changed then, unless a file could not take its name among those
    of a folder that was there: those before it have. InUse, which is one, where another program
    has a file open; ValueError where names are none, or two are one to a file system that knows no
    capitals.
    """
    everything = {**(along or {}), **files}
    manifests = [name for name in everything if name.endswith(MANIFEST)]
    gone = {*replace, *clear, *manifests}
    _check([*everything, *gone])
    for name in manifests:
        everything[name] = everything.pop(name)
    with told(folder):
        where = reachable(folder.resolve(), _LONGER + max(map(len, everything), default=0))
        _publish(where, everything, gone, () if force else (*files, *replace))


def _publish(
    where: Path, files: Mapping[str, bytes], gone: Collection[str], refused: Collection[str]
) -> None:
    missing = [one for one in (where.parent, *where.parents) if not os.path.lexists(one)]
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(where):
            with _beside(where.parent) as beside:
                # Another process may have been faster.
                if not os.path.lexists(where):
                    write_tree(beside, files)
                    beside.rename(where)
                    with suppress(OSError):  # they are there, if not yet for good
                        sync_folders([where.parent, *(one.parent for one in missing)])
                    return
        with _beside(where) as beside:
            for name in refused:
                refuse_existing(where / name)
            for name in files:
                if name not in gone and (where / name).is_dir():
                    raise IsADirectoryError(21, os.strerror(21))
            for part in ("new", "old"):
                (beside / part).mkdir()
            write_tree(beside / "new", files)
            _put_in_place(beside, where, files, gone)
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def refuse_existing(path: Path) -> None:
    """Raises NotWritten where something is there that nobody asked to overwrite."""
    if os.path.lexists(path):
        raise NotWritten(tr("'{path}' exists already; --force overwrites it.", path=path))


def _put_in_place(
    beside: Path, folder: Path, files: Mapping[str, bytes], gone: Collection[str]
) -> None:
    """Take away what goes, the manifests first, and let files take their names in their order."""
    aside: list[tuple[Path, Path]] = []
    taken: list[Path] = []
    try:
        for name in sorted(gone, key=lambda one: not one.endswith(MANIFEST)):
            if os.path.lexists(folder / name):
                aside.append((folder / name, beside / "old" / str(len(aside))))
                folder.joinpath(name).rename(aside[-1][1])
        last = {PurePosixPath(name).parts[0]: n for n, name in enumerate(files)}
        for name in sorted(last, key=last.__getitem__):
            _take_name(beside / "new" / name, folder / name, taken)
    except BaseException:
        if not taken:
            for place, kept in reversed(aside):
                if os.path.lexists(kept):
                    kept.rename(place)
        raise
    with suppress(OSError):  # they are there, if not yet for good
        sync_folders({folder, *(place.parent for place in taken)})


def _take_name(new: Path, place: Path, taken: list[Path]) -> None:
    """A file or a folder takes its name; the files of a folder do where that is there."""
    if new.is_dir() and place.is_dir():
        for one in sorted(new.iterdir()):
            _take_name(one, place / one.name, taken)
        return
    keep_rights(new, place)
    try:
        new.replace(place)
    except PermissionError:
        if place.is_file():
            raise InUse(place) from None
        raise
    taken.append(place)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A hidden folder in a folder that is held for as long, and goes afterwards."""
    with locked(folder) as alone:
        with suppress(OSError), os.scandir(folder) as entries:
            left = [folder / one.name for one in entries if _TEMPORARY.fullmatch(one.name)]
            for path in left:
                if alone or time.time() - path.stat().st_mtime > STALE:
                    shutil.rmtree(path, ignore_errors=True)
        beside = folder / f".vorrat-{secrets.token_hex(6)}.tmp"
        beside.mkdir()
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold a folder; False where the file system knows no locks. Raises NotWritten where another
    process holds it for too long, OSError where there is none."""
    until = time.monotonic() + PATIENCE
    while (taken := _taken(folder)) is None:
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
        with suppress(OSError):
            os.close(handle)


def _taken(folder: Path) -> tuple[int, bool] | None:
    """An open handle, and whether it holds the folder; None while another process does."""
    if sys.platform == "win32":
        # The system removes the file when its last handle goes, so also with a process that dies.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_TEMPORARY
        try:
            return os.open(folder / ".vorrat.lock", flags), True
        except (FileExistsError, PermissionError):
            if not folder.is_dir() or not os.access(folder, os.W_OK):
                raise
            return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        return handle, False
    return handle, True


def _check(names: Collection[str]) -> None:
    """Raises ValueError where names do not fit into one folder on every system."""
    wrong = [name for name in names if not is_name(name)]
    spelt: dict[str, str] = {}
    for name in names:
        for path in (name, *map(str, PurePosixPath(name).parents)):
            if spelt.setdefault(folded(path), path) != path:
                wrong.append(name)
    if wrong:
        raise ValueError(f"these cannot be names in one folder: {wrong}")


def is_name(text: str) -> bool:
    """Whether a text names something within a folder, and nothing else."""
    parts = PurePosixPath(text).parts
    windows = PureWindowsPath(text)
    if sys.platform == "win32" and (windows.drive or windows.root or "\\" in text):
        return False
    absolute = PurePosixPath(text).is_absolute()
    return bool(parts) and not absolute and ".." not in parts and "/".join(parts) == text


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the system refuses, told with the file or folder that was to be written."""
    try:
        yield
    except OSError as error:
        raise NotWritten(
            tr("'{path}' cannot be written: {problem}.", path=path, problem=reason(error))
        ) from error


NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF}
"""How file systems say that they know no such thing, as some of networks do for folders."""
WINDOWS_LONGEST = 240
"""Characters that a path may have there before it needs another form, with some to spare."""


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, down to the disk. Raises OSError."""
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
    Raises OSError."""
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
