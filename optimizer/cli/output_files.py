"""Results on disk: whole, whatever happens while they are written.

All files are written into a hidden folder first, down to the disk: so a full disk is met before
anything else is touched. A new folder then takes its place in one step. In one that is there, files
take their names one by one, each in one step, the manifest as the last; that of an earlier result
goes before anything else, so that results with one are whole. What was there is moved into the
hidden folder until all have theirs, and back where one cannot take it.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import sys
import time
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.cli.usage import usage_error
from optimizer.errors import FileInUse, NotWritten

if TYPE_CHECKING:
    from models.results import Result

STALE_SECONDS = 24 * 3600.0
"""Seconds after which a hidden folder counts as left by a process that was killed."""
LOCK_GRACE_SECONDS = 2.0
"""Seconds for which one may not be held yet by the process that has made it."""
RESERVED_NAMES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])", re.IGNORECASE
)
"""Names that Windows keeps for devices, whatever ending they have."""
MAX_NAME_LENGTH = 80
"""Characters of a name made from data, and half as many as its bytes: names may have 255."""


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    replace: Collection[str] = (),
    companions: Mapping[str, bytes] | None = None,
    clear: Collection[str] = (),
    force: bool = False,
) -> None:
    """Put files into a folder; the folder is made if it is not there.

    Names are relative, with ``/`` between their parts, and the file that stands for the whole is
    the last. What ``replace`` names, files or folders, is taken away with all in it. Without
    ``force`` nothing is overwritten of ``files`` and ``replace``; it is not asked for ``along``,
    files that belong to them, and ``clear``, names that go with the like of an earlier run.

    Raises NotWritten, and InUse where another program has a file open; nothing has changed then.
    """
    # Commands that write no result do not wait for the classes of all.
    from models.results.manifest import MANIFEST_SUFFIX

    everything = {**(companions or {}), **files}
    manifests = [name for name in everything if name.endswith(MANIFEST_SUFFIX)]
    for name in manifests:
        everything[name] = everything.pop(name)
    with report_write_errors(folder):
        where = folder.resolve()
        for name in () if force else (*files, *replace):
            if os.path.lexists(where / name):
                there = where / name
                raise NotWritten(tr("'{path}' exists already; --force overwrites it.", path=there))
        missing = [one for one in where.parents if not os.path.lexists(one)]
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
            _write_all(where, everything, (*manifests, *clear, *replace))
        except BaseException:
            for made in missing:
                with suppress(OSError):
                    made.rmdir()
            raise


def _write_all(folder: Path, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
    """Write files, and let them take their names where others go, manifests as the first."""
    is_new = not os.path.lexists(folder)
    around = folder.parent if is_new else folder
    with suppress(OSError):
        for left in around.glob(".vorrat-*.tmp"):
            if _is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
    beside = around / f".vorrat-{secrets.token_hex(6)}.tmp"
    new = beside if is_new else beside / "new"
    moved: list[tuple[Path, Path]] = []
    with ExitStack() as stack:
        try:
            beside.mkdir()
            stack.enter_context(_try_lock(beside))
            for name, content in files.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                with (new / name).open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            if is_new:
                beside.rename(folder)
                return
            for name in obsolete:
                if os.path.lexists(folder / name):
                    _move_aside(folder / name, beside, moved)
            last = {PurePosixPath(name).parts[0]: n for n, name in enumerate(files)}
            for name in sorted(last, key=last.__getitem__):
                _move_into_place(new / name, folder / name, beside, moved)
        except BaseException:
            for old, now in reversed(moved):
                with suppress(FileNotFoundError):
                    now.rename(old)
            shutil.rmtree(beside, ignore_errors=True)  # unless something could not go back
            raise
        shutil.rmtree(beside, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Whether a hidden folder is of nobody any more. One with what was there before is kept for a
    day: the process may have been killed before its results had all their names."""
    age = time.time() - folder.stat().st_mtime
    if age > STALE_SECONDS:
        return True
    if age < LOCK_GRACE_SECONDS or os.path.lexists(folder / "0"):
        return False
    with _try_lock(folder) as is_held:
        return is_held


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Keep a hidden folder from being taken for one that was left; whether nobody else does. The
    system lets go of it where a process is killed. On Windows it is not known."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # somebody holds it, or the file system has no locks
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _move_aside(path: Path, backup_folder: Path, moved: list[tuple[Path, Path]]) -> None:
    moved.append((path, backup_folder / str(len(moved))))  # before, whatever comes in between
    path.rename(moved[-1][1])


def _move_into_place(
    new: Path, path: Path, backup_folder: Path, moved: list[tuple[Path, Path]]
) -> None:
    """A file or a folder takes its name; the files of a folder do where that is there. Who may not
    read a file may not read the one that replaces it either."""
    if new.is_dir() and path.is_dir():
        for one in sorted(new.iterdir()):
            _move_into_place(one, path / one.name, backup_folder, moved)
        return
    replaces = not new.is_dir() and (path.is_file() or path.is_symlink())
    if replaces and not path.is_symlink() and sys.platform != "win32":
        with suppress(OSError):
            shutil.copymode(path, new)
    try:
        if replaces:
            _move_aside(path, backup_folder, moved)
        new.replace(path)
    except PermissionError:
        if replaces:
            raise FileInUse(path) from None
        raise
    moved.append((new, path))


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """What the system refuses, told with the file or folder that was to be written."""
    try:
        yield
    except (OSError, ValueError) as error:  # the latter for a name that no file can have
        problem = _error_reason(error) if isinstance(error, OSError) else str(error)
        raise NotWritten(
            tr("'{path}' cannot be written: {problem}.", path=path, problem=problem)
        ) from error


def _error_reason(error: OSError) -> str:
    return tr(str(error.strerror or error))


def write_files(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Leave files where the user wants each: those of one folder together. Raises NotWritten where
    some cannot be written; of the folders that come after that, nothing is changed then."""
    folders: dict[Path, dict[str, bytes]] = {}
    for path, content in files:
        folders.setdefault(path.parent, {})[path.name] = content
    for folder, own in folders.items():
        publish(folder, own, force=force)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, down to the disk. Raises NotWritten; the lines before it stand."""
    with report_write_errors(path), path.open("ab", buffering=0) as stream:
        before = stream.seek(0, os.SEEK_END)
        try:
            if stream.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                stream.truncate(before)
            raise


def to_json_bytes(result: "Result") -> bytes:
    """A result as it is written to a file."""
    return result.model_dump_json(indent=2).encode() + b"\n"


def refuse_existing(paths: Sequence[Path], force: bool) -> None:
    """Refuse to overwrite files without --force. Raises click.UsageError."""
    for path in paths:
        if not force and os.path.lexists(path):
            raise usage_error("'{path}' exists already; --force overwrites it.", path=path)


def check_destination(out: Path | None, names: Sequence[str], force: bool) -> None:
    """Refuse before the solve what could not be written after it: names that are there, without
    ``force``, and a folder that cannot be made or written. Raises click.UsageError."""
    if out is None:
        return
    refuse_existing([out / name for name in names], force)
    missing = [one for one in (out, *out.parents) if not os.path.lexists(one)]
    make_folder(out)
    writable = os.access(out, os.W_OK)
    for one in missing:
        with suppress(OSError):
            one.rmdir()
    if not writable:
        problem = _error_reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        raise usage_error("'{path}' cannot be written: {problem}.", path=out, problem=problem)


def make_folder(folder: Path) -> None:
    """Make a folder. Raises click.UsageError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = _error_reason(error)
        raise usage_error(
            "'{path}' cannot be made: {problem}.", path=folder, problem=problem
        ) from None


def safe_name(text: str, extra_characters: str = "") -> str:
    """A text as the name of a file or folder, on Windows as well. Letters, digits, ``_``, ``.``,
    ``-`` and signs that are named stay; a long text is cut, and told from others that begin as it
    does by a part of its SHA-256."""
    name = (
        re.sub(rf"[^\w.{extra_characters}-]", "_", unicodedata.normalize("NFC", text)).strip(".")
        or "_"
    )
    cut = name[:MAX_NAME_LENGTH].encode()[: 2 * MAX_NAME_LENGTH].decode("utf-8", "ignore")
    if cut != name:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{cut[: MAX_NAME_LENGTH - 9]}-{digest}"
    return f"{name}_" if RESERVED_NAMES.fullmatch(name.split(".")[0]) else name


def safe_names(texts: Sequence[str]) -> list[str]:
    """The names of several texts in one folder; a number tells those apart that a file system which
    knows no capitals, and one way to write an accent, would take for one."""
    taken: set[str] = set()
    names = []
    for text in texts:
        name = own = safe_name(text)
        number = 1
        while fold_name(name) in taken:
            number += 1
            name = f"{own}-{number}"
        taken.add(fold_name(name))
        names.append(name)
    return names


def fold_name(name: str) -> str:
    """A name as a file system sees it that knows no capitals, and one way to write an accent."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
