"""Writing of results to disk, such that they are complete even if writing is interrupted.

All files are first written to a hidden folder and synced to disk, so that a full disk is noticed
before anything else changes. A new folder is then renamed into place in one step. In an existing
folder files are renamed into place one by one; the manifest of an earlier result is removed first,
and the new one comes last. So a result with a manifest is always complete.
"""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimizer.errors import FileInUse, NotWritten

if TYPE_CHECKING:
    from models.results import Result

STALE_SECONDS = 24 * 3600.0
"""Age in seconds at which a hidden folder counts as left by a process that was killed."""
RESERVED_NAMES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])", re.IGNORECASE
)
"""Names that Windows reserves for devices, with any suffix."""
MAX_NAME_LENGTH = 80
"""Maximal number of characters of a name made from data, and half of its maximal bytes: file
systems allow 255."""


def publish(
    folder: Path, files: Mapping[str, bytes], *, replace: Collection[str] = (), force: bool = False
) -> None:
    """Write files into a folder, which is made if it does not exist.

    Names are relative paths with ``/``, and the main file is the last. Files and folders in
    ``replace`` are removed. Unless ``force`` is set, none of ``files`` and ``replace`` may exist,
    except manifests. Raises NotWritten, or FileInUse if another program has a file open.
    """
    # Imported late: commands that write no result need not import all result models.
    from models.results.manifest import MANIFEST_SUFFIX

    manifests = [name for name in files if name.endswith(MANIFEST_SUFFIX)]
    names = [*(name for name in files if name not in manifests), *manifests]
    with report_write_errors(folder):
        target = folder.resolve()
        for name in () if force else (*files, *replace):
            if name not in manifests and os.path.lexists(target / name):
                raise NotWritten(f"'{target / name}' exists already; --force overwrites it.")
        is_new = not os.path.lexists(target)
        parent = target.parent if is_new else target
        parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(parent)
        with tempfile.TemporaryDirectory(prefix=".vorrat-", suffix=".tmp", dir=parent) as hidden:
            new_folder = Path(hidden, "new")
            for name in names:
                (new_folder / name).parent.mkdir(parents=True, exist_ok=True)
                with (new_folder / name).open("xb") as stream:
                    stream.write(files[name])
                    stream.flush()
                    os.fsync(stream.fileno())
            if is_new:
                new_folder.rename(target)
                return
            for name in (*manifests, *replace):
                _remove(target / name)
            for name in names:
                _move_into_place(new_folder / name, target / name)


def _remove_leftovers(folder: Path) -> None:
    """Remove hidden folders of processes that were killed."""
    for leftover in folder.glob(".vorrat-*.tmp"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _move_into_place(new_path: Path, path: Path) -> None:
    """Rename a file into place. If it replaces another, it gets the permissions of that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and not path.is_symlink():
        with suppress(OSError):
            shutil.copymode(path, new_path)
    try:
        new_path.replace(path)
    except PermissionError:
        if path.is_file():
            raise FileInUse(path) from None
        raise


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Within the context, raise errors of the system as NotWritten, with the file or folder that
    was to be written."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError for a name that no file can have
        problem = (isinstance(error, OSError) and error.strerror) or str(error)
        raise NotWritten(f"'{path}' cannot be written: {problem}.") from error


def write_files(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Write files, with all files of one folder together. Raises NotWritten if a folder fails; the
    folders after it are then unchanged."""
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
            raise click.UsageError(f"'{path}' exists already; --force overwrites it.")


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
        raise click.UsageError(f"'{out}' cannot be written: {os.strerror(errno.EACCES)}.")


def make_folder(folder: Path) -> None:
    """Make a folder. Raise click.UsageError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"'{folder}' cannot be made: {error.strerror}.") from None


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
