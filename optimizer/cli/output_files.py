"""Writing of results to disk, such that they are complete even if writing is interrupted.

All files are first written to a hidden folder and synced to disk, so that a full disk is noticed
before anything else changes. A new folder is then renamed into place in one step. In an existing
folder files are renamed into place one by one, the manifest last; the manifest of an earlier result
is removed first. So a result with a manifest is always complete. Files that are replaced stay in
the hidden folder until all others are in place, and are moved back if one fails.
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
"""Age in seconds at which a hidden folder counts as left by a process that was killed."""
LOCK_GRACE_SECONDS = 2.0
"""Seconds that a process has to lock the hidden folder that it has made."""
RESERVED_NAMES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])", re.IGNORECASE
)
"""Names that Windows reserves for devices, with any suffix."""
MAX_NAME_LENGTH = 80
"""Maximal number of characters of a name made from data, and half of its maximal bytes: file
systems allow 255."""


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    replace: Collection[str] = (),
    companions: Mapping[str, bytes] | None = None,
    clear: Collection[str] = (),
    force: bool = False,
) -> None:
    """Write files into a folder, which is made if it does not exist.

    Names are relative paths with ``/``, and the main file is the last. Files and folders in
    ``replace`` are removed. Unless ``force`` is set, none of ``files`` and ``replace`` may exist.
    ``companions`` are further files, which may exist, and ``clear`` names companions of an earlier
    run, which are removed. Raises NotWritten, or FileInUse if another program has a file open.
    After either error the folder is unchanged.
    """
    # Imported late: commands that write no result need not import all result models.
    from models.results.manifest import MANIFEST_SUFFIX

    all_files = {**(companions or {}), **files}
    manifests = [name for name in all_files if name.endswith(MANIFEST_SUFFIX)]
    for name in manifests:
        all_files[name] = all_files.pop(name)
    with report_write_errors(folder):
        target = folder.resolve()
        for name in () if force else (*files, *replace):
            path = target / name
            if os.path.lexists(path):
                raise NotWritten(tr("'{path}' exists already; --force overwrites it.", path=path))
        missing_folders = [folder for folder in target.parents if not os.path.lexists(folder)]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_all(target, all_files, (*manifests, *clear, *replace))
        except BaseException:
            for parent in missing_folders:
                with suppress(OSError):
                    parent.rmdir()
            raise


def _write_all(folder: Path, files: Mapping[str, bytes], obsolete_names: Sequence[str]) -> None:
    """Write all files and rename them into place. Files in ``obsolete_names`` are moved away,
    manifests first."""
    is_new = not os.path.lexists(folder)
    parent = folder.parent if is_new else folder
    with suppress(OSError):
        for leftover_folder in parent.glob(".vorrat-*.tmp"):
            if _is_abandoned(leftover_folder):
                shutil.rmtree(leftover_folder, ignore_errors=True)
    hidden_folder = parent / f".vorrat-{secrets.token_hex(6)}.tmp"
    new_folder = hidden_folder if is_new else hidden_folder / "new"
    moved_files: list[tuple[Path, Path]] = []
    with ExitStack() as stack:
        try:
            hidden_folder.mkdir()
            stack.enter_context(_try_lock(hidden_folder))
            for name, content in files.items():
                (new_folder / name).parent.mkdir(parents=True, exist_ok=True)
                with (new_folder / name).open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            if is_new:
                hidden_folder.rename(folder)
                return
            for name in obsolete_names:
                if os.path.lexists(folder / name):
                    _move_aside(folder / name, hidden_folder, moved_files)
            last_index = {PurePosixPath(name).parts[0]: n for n, name in enumerate(files)}
            for name in sorted(last_index, key=last_index.__getitem__):
                _move_into_place(new_folder / name, folder / name, hidden_folder, moved_files)
        except BaseException:
            for original_path, current_path in reversed(moved_files):
                with suppress(FileNotFoundError):
                    current_path.rename(original_path)
            # Not reached, so that nothing is lost, if a file cannot be moved back.
            shutil.rmtree(hidden_folder, ignore_errors=True)
            raise
        shutil.rmtree(hidden_folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Check whether the process that made a hidden folder no longer exists. A folder with replaced
    files does not count as abandoned for a day, since a process that was killed may not have moved
    them back."""
    age = time.time() - folder.stat().st_mtime
    if age > STALE_SECONDS:
        return True
    if age < LOCK_GRACE_SECONDS or os.path.lexists(folder / "0"):
        return False
    with _try_lock(folder) as is_held:
        return is_held


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Try to lock a hidden folder for this process, and yield whether that succeeded. The system
    releases the lock if the process is killed. On Windows there is no lock."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # locked by another process, or the file system has no locks
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _move_aside(path: Path, backup_folder: Path, moved_files: list[tuple[Path, Path]]) -> None:
    # Recorded before the move, so that an interrupt in between loses nothing.
    moved_files.append((path, backup_folder / str(len(moved_files))))
    path.rename(moved_files[-1][1])


def _move_into_place(
    new_path: Path, path: Path, backup_folder: Path, moved_files: list[tuple[Path, Path]]
) -> None:
    """Rename a file or folder into place. If the folder exists, its files are moved one by one. A
    file that replaces another gets its permissions. ``moved_files`` records what was done."""
    if new_path.is_dir() and path.is_dir():
        for entry in sorted(new_path.iterdir()):
            _move_into_place(entry, path / entry.name, backup_folder, moved_files)
        return
    replaces = not new_path.is_dir() and (path.is_file() or path.is_symlink())
    if replaces and not path.is_symlink() and sys.platform != "win32":
        with suppress(OSError):
            shutil.copymode(path, new_path)
    try:
        if replaces:
            _move_aside(path, backup_folder, moved_files)
        new_path.replace(path)
    except PermissionError:
        if replaces:
            raise FileInUse(path) from None
        raise
    moved_files.append((new_path, path))


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Within the context, raise errors of the system as NotWritten, with the file or folder that
    was to be written."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError for a name that no file can have
        problem = _error_reason(error) if isinstance(error, OSError) else str(error)
        raise NotWritten(
            tr("'{path}' cannot be written: {problem}.", path=path, problem=problem)
        ) from error


def _error_reason(error: OSError) -> str:
    return tr(str(error.strerror or error))


def write_files(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Write files, with all files of one folder together. Raises NotWritten if a folder fails; it
    and the folders after it are then unchanged."""
    folders: dict[Path, dict[str, bytes]] = {}
    for path, content in files:
        folders.setdefault(path.parent, {})[path.name] = content
    for folder, contents in folders.items():
        publish(folder, contents, force=force)


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file and sync it to disk. Raises NotWritten if this fails; earlier lines
    are then unchanged."""
    with report_write_errors(path), path.open("ab", buffering=0) as stream:
        size_before = stream.seek(0, os.SEEK_END)
        try:
            if stream.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                stream.truncate(size_before)
            raise


def to_json_bytes(result: "Result") -> bytes:
    """Return a result as the bytes of its JSON file."""
    return result.model_dump_json(indent=2).encode() + b"\n"


def refuse_existing(paths: Sequence[Path], force: bool) -> None:
    """Raise click.UsageError if one of the files exists and ``force`` is not set."""
    for path in paths:
        if not force and os.path.lexists(path):
            raise usage_error("'{path}' exists already; --force overwrites it.", path=path)


def check_destination(out: Path | None, names: Sequence[str], force: bool) -> None:
    """Check before a solve that its results can be written. Raise click.UsageError if one of
    ``names`` exists and ``force`` is not set, or if the folder cannot be made or written."""
    if out is None:
        return
    refuse_existing([out / name for name in names], force)
    missing_folders = [parent for parent in (out, *out.parents) if not os.path.lexists(parent)]
    make_folder(out)
    writable = os.access(out, os.W_OK)
    for parent in missing_folders:
        with suppress(OSError):
            parent.rmdir()
    if not writable:
        problem = _error_reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        raise usage_error("'{path}' cannot be written: {problem}.", path=out, problem=problem)


def make_folder(folder: Path) -> None:
    """Make a folder. Raise click.UsageError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = _error_reason(error)
        raise usage_error(
            "'{path}' cannot be made: {problem}.", path=folder, problem=problem
        ) from None


def safe_name(text: str, extra_characters: str = "") -> str:
    """Return a text as a file or folder name that is valid on any system. Letters, digits, ``_``,
    ``.``, ``-`` and ``extra_characters`` are kept. A long text is cut, and ends in a part of its
    SHA-256 hash."""
    name = (
        re.sub(rf"[^\w.{extra_characters}-]", "_", unicodedata.normalize("NFC", text)).strip(".")
        or "_"
    )
    shortened = name[:MAX_NAME_LENGTH].encode()[: 2 * MAX_NAME_LENGTH].decode("utf-8", "ignore")
    if shortened != name:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{shortened[: MAX_NAME_LENGTH - 9]}-{digest}"
    return f"{name}_" if RESERVED_NAMES.fullmatch(name.split(".")[0]) else name


def safe_names(texts: Sequence[str]) -> list[str]:
    """Return a valid name for each text, such that all can be in one folder. A number is added to
    names that a file system could confuse because it ignores case or the encoding of accents."""
    taken_names: set[str] = set()
    names = []
    for text in texts:
        name = base_name = safe_name(text)
        number = 1
        while fold_name(name) in taken_names:
            number += 1
            name = f"{base_name}-{number}"
        taken_names.add(fold_name(name))
        names.append(name)
    return names


def fold_name(name: str) -> str:
    """Return a name in a form that is equal for names that differ only in case or in the encoding
    of accents, as some file systems treat them."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
