"""Reading of files as bytes and as text, with checks of size, encoding and characters."""

import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from pathlib import Path, PureWindowsPath

from models import input_log, spelling
from models.faults import Fault, ScenarioError, SourceLocation
from models.spelling import closest_name

MAX_BYTES = 20_000_000  #: Bytes of one file.
MAX_VALUES = 500_000
"""Values in the YAML of one scenario and its includes; each use of an alias counts."""
MAX_FILES = 500  #: Files of one scenario, each counted as often as it is read.
MAX_TOTAL_BYTES = 100_000_000  #: Bytes of all files of a scenario.
MAX_TOTAL_CELLS = 2_000_000  #: Cells of all tables of a scenario.
MAX_CELLS = 1_000_000  #: Cells of one table, empty ones included.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NON_TEXT_CHARACTER = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)  #: Control characters, lone surrogates, and characters that change the direction of writing.


def fatal_error(location: SourceLocation, message: str, hint: str = "") -> ScenarioError:
    """Return a ScenarioError with a single fault, to be raised when reading cannot continue."""
    return ScenarioError([Fault((), message, hint, location=location)])


_used_amounts_by_kind: ContextVar[Counter[str] | None] = ContextVar("taken", default=None)
"""Number of files, bytes, values and cells that the current scenario has used so far."""


@contextmanager
def shared_reading_limits() -> Iterator[None]:
    """Apply the limits of one scenario to all files that are read inside the context."""
    token = _used_amounts_by_kind.set(Counter())
    try:
        with spelling.shared_comparison_limit():
            yield
    finally:
        _used_amounts_by_kind.reset(token)


def read_bytes(
    path: Path,
    location: SourceLocation,
    limit: int = MAX_BYTES,
    role: input_log.FileRole = "scenario",
    other_names: Callable[[], Iterable[str]] = tuple,
) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes, and log it.

    Pipes and devices are refused, since reading them may never end. Raises ScenarioError, located
    at ``location``; if the file does not exist, the hint suggests a file in the same folder or one
    of ``other_names``.
    """
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        if not is_regular and not path.is_dir():
            message = f"'{path}' is a pipe or a device"
            raise fatal_error(location, message, "save it as a file")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        is_missing = isinstance(error, (FileNotFoundError, IsADirectoryError))
        hint = _nearest_file_hint(path, other_names) if is_missing else ""
        # Excel locks an open file on Windows; on other systems it leaves a lock file in the folder.
        excel_lock_file = path.parent / f"~${path.name}"
        if isinstance(error, PermissionError) and (
            sys.platform == "win32" or excel_lock_file.exists()
        ):
            hint = "close it in the program that has it open"
        problem = problem.lower()
        message = f"'{path}' cannot be read: {problem}"
        raise fatal_error(location, message, hint) from None
    if len(raw) > limit:
        message = "'{path}' is larger than {limit}".format(path=path, limit=f"{limit / 1e6:.0f} MB")
        raise fatal_error(
            location, message, "put long lists into tables" if limit == MAX_BYTES else ""
        )
    count_toward_limits("files", 1, location)
    count_toward_limits("bytes", len(raw), location)
    input_log.log_input(path, raw, role, location.file)
    return raw


def count_toward_limits(kind: str, number: int, location: SourceLocation) -> None:
    """Add ``number`` to the count of files, bytes, values or cells read for the scenario.

    Does nothing outside of :func:`shared_reading_limits`. Raises ScenarioError, located at
    ``location``, if the limit is exceeded.
    """
    amounts = _used_amounts_by_kind.get()
    if amounts is None:
        return
    amounts[kind] += number
    limits = {"files": MAX_FILES, "bytes": MAX_TOTAL_BYTES, "values": MAX_VALUES}
    if amounts[kind] <= (limit := limits.get(kind, MAX_TOTAL_CELLS)):
        return
    template = "the scenario takes more than {count} files"
    hint = "include fewer"
    if kind == "bytes":
        template = "the files of the scenario are larger than {limit} together"
    elif kind == "values":
        template = "the files of the scenario have more than {count} values together"
        hint = "put long lists into tables"
    elif kind == "cells":
        template = "the tables of the scenario have more than {count} cells together"
        hint = "delete what the scenario does not need"
    raise fatal_error(location, template.format(count=limit, limit=f"{limit / 1e6:.0f} MB"), hint)


def path_in_folder_of(file: str, name: str) -> Path | None:
    """Return the path of ``name`` in the folder of ``file`` or below; None if it lies outside.

    A name with a drive, a network share or an alternate data stream is refused on every system, so
    that a scenario has the same meaning on all of them.
    """
    if ":" in name or PureWindowsPath(name).anchor:
        return None
    folder = Path(file).parent
    try:
        path = folder / name
        is_inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return None
    return path if is_inside and not Path(name).is_absolute() else None


def is_file(path: Path) -> bool:
    """Return whether a file exists; False also for names that no file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def _nearest_file_hint(path: Path, other_names: Callable[[], Iterable[str]]) -> str:
    names: list[str] = []
    with suppress(OSError):
        names += [file.name for file in islice(path.parent.iterdir(), 1000) if file.is_file()]
    neighbor = closest_name(path.name, names)
    suggestion = str(path.parent / neighbor) if neighbor else closest_name(path.stem, other_names())
    return f"did you mean '{suggestion}'?" if suggestion else ""


def decode_text(raw: bytes, file: str) -> str:
    """Return the text of a file in UTF-8 or UTF-16, without its byte order mark.

    Raises ScenarioError for other encodings and for control characters.
    """
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw.decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _encoding_error(raw, error, file) from None
    match = _NON_TEXT_CHARACTER.search(text)
    if match:
        check_characters(match[0], SourceLocation(file, *line_and_column(text, match.start())))
    return text


def check_characters(text: str, location: SourceLocation) -> None:
    """Raise ScenarioError for a text with characters that do not belong into a text file."""
    if code := find_unprintable(text):
        message = f"character {code} does not belong into a text"
        raise fatal_error(location, message, "remove it")


def find_unprintable(text: str) -> str:
    """Return the code of the first control character, such as ``U+001B``; empty if none."""
    match = _NON_TEXT_CHARACTER.search(text)
    return f"U+{ord(match[0]):04X}" if match else ""


def replace_unprintable(text: str) -> str:
    """Return a text with each control character replaced by U+FFFD."""
    return _NON_TEXT_CHARACTER.sub("\ufffd", text)


def _encoding_error(raw: bytes, error: UnicodeDecodeError, file: str) -> ScenarioError:
    if error.encoding.startswith("utf-16"):
        return fatal_error(SourceLocation(file), "the file is not valid UTF-16", "save it as UTF-8")
    preceding_text = raw[: error.start].decode("utf-8-sig", "replace")
    line, column = line_and_column(preceding_text, len(preceding_text))
    byte = raw[error.start]
    character = bytes([byte]).decode("cp1252", "replace")
    hint = "save the file as UTF-8"
    if character != "\ufffd":
        hint = f"save the file as UTF-8 (in Windows-1252 this byte is '{character}')"
    message = "byte {code} is not UTF-8".format(code=f"0x{byte:02X}")
    return fatal_error(SourceLocation(file, line, column), message, hint)


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Return line and column, from 1, of the character at an index of a text."""
    line_ends = [match.end() for match in _LINE_BREAK.finditer(text, 0, index)]
    return len(line_ends) + 1, index - (line_ends[-1] if line_ends else 0) + 1


def split_lines(text: str) -> list[str]:
    """Split a text into lines, as :func:`line_and_column` counts them."""
    return _LINE_BREAK.split(text)
