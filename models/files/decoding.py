"""From a file to its text: size, encoding and characters."""

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
from models.language import mark_translatable, tr
from models.spelling import closest_name

MAX_BYTES = 20_000_000
MAX_VALUES = 500_000
"""Values in the YAML of one scenario, with all it includes; what aliases repeat counts again."""
MAX_FILES = 500  #: Files that one scenario may take together, each counted as often as it is read.
MAX_TOTAL_BYTES = 100_000_000  #: What they may hold together.
MAX_TOTAL_CELLS = 2_000_000  #: Cells of all tables of a scenario.
MAX_CELLS = 1_000_000  #: Cells of one table, empty ones included.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NON_TEXT_CHARACTER = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)  #: Control characters, halves of pairs, and those that turn the direction of what follows.


def fatal_error(location: SourceLocation, message: str, hint: str = "") -> ScenarioError:
    """An error that ends the reading of a file at once."""
    return ScenarioError([Fault((), message, hint, location=location)])


_amounts_used: ContextVar[Counter[str] | None] = ContextVar("taken", default=None)
"""How much a scenario has taken so far of each thing that is bounded."""


@contextmanager
def shared_reading_limits() -> Iterator[None]:
    """What is read in the body belongs to one scenario, whose files are bounded together."""
    before = _amounts_used.set(Counter())
    try:
        with spelling.shared_comparison_limit():
            yield
    finally:
        _amounts_used.reset(before)


def read_bytes(
    path: Path,
    location: SourceLocation,
    limit: int = MAX_BYTES,
    role: input_log.FileRole = "scenario",
    other_names: Callable[[], Iterable[str]] = tuple,
) -> bytes:
    """The content of a regular file of at most ``limit`` bytes, which is recorded; faults name
    ``place``, and where no file is near, one of the ``others`` that could stand for it.

    Pipes and devices are refused: they may never end, or never begin.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        if not regular and not path.is_dir():
            message = tr("'{path}' is a pipe or a device", path=path)
            raise fatal_error(location, message, tr("save it as a file"))
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        elsewhere = isinstance(error, (FileNotFoundError, IsADirectoryError))
        hint = _nearest_file_hint(path, other_names) if elsewhere else ""
        # Excel keeps what it has open from being read on Windows, and leaves a file elsewhere.
        excel = path.parent / f"~${path.name}"
        if isinstance(error, PermissionError) and (sys.platform == "win32" or excel.exists()):
            hint = tr("close it in the program that has it open")
        problem = tr(problem.lower())
        message = tr("'{path}' cannot be read: {problem}", path=path, problem=problem)
        raise fatal_error(location, message, hint) from None
    if len(raw) > limit:
        message = tr("'{path}' is larger than {limit}", path=path, limit=f"{limit / 1e6:.0f} MB")
        raise fatal_error(
            location, message, tr("put long lists into tables") if limit == MAX_BYTES else ""
        )
    count_toward_limits("files", 1, location)
    count_toward_limits("bytes", len(raw), location)
    input_log.log_input(path, raw, role, location.file)
    return raw


def count_toward_limits(kind: str, number: int, location: SourceLocation) -> None:
    """Count files, bytes, values or cells that a scenario takes; refuse more than it may."""
    taken = _amounts_used.get()
    if taken is None:
        return
    taken[kind] += number
    limits = {"files": MAX_FILES, "bytes": MAX_TOTAL_BYTES, "values": MAX_VALUES}
    if taken[kind] <= (most := limits.get(kind, MAX_TOTAL_CELLS)):
        return
    said, hint = (
        mark_translatable("the scenario takes more than {count} files"),
        tr("include fewer"),
    )
    if kind == "bytes":
        said = mark_translatable("the files of the scenario are larger than {limit} together")
    elif kind == "values":
        said = mark_translatable("the files of the scenario have more than {count} values together")
        hint = tr("put long lists into tables")
    elif kind == "cells":
        said = mark_translatable("the tables of the scenario have more than {count} cells together")
        hint = tr("delete what the scenario does not need")
    raise fatal_error(location, tr(said, count=most, limit=f"{most / 1e6:.0f} MB"), hint)


def path_in_folder_of(file: str, name: str) -> Path | None:
    """The file of that name in the folder of another file or below it; None elsewhere.

    A name with a drive, a share or a stream is none on any system, so that a scenario means the
    same on all of them.
    """
    if ":" in name or PureWindowsPath(name).anchor:
        return None
    folder = Path(file).parent
    try:
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return None
    return path if inside and not Path(name).is_absolute() else None


def is_file(path: Path) -> bool:
    """Whether a file is there; a name that no file can have is that of none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _nearest_file_hint(path: Path, other_names: Callable[[], Iterable[str]]) -> str:
    names: list[str] = []
    with suppress(OSError):
        names += [one.name for one in islice(path.parent.iterdir(), 1000) if one.is_file()]
    near = closest_name(path.name, names)
    found = str(path.parent / near) if near else closest_name(path.stem, other_names())
    return tr("did you mean '{name}'?", name=found) if found else ""


def decode_text(raw: bytes, file: str) -> str:
    """The text of a file in UTF-8 or UTF-16, without its byte order mark."""
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw.decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _encoding_error(raw, error, file) from None
    bad = _NON_TEXT_CHARACTER.search(text)
    if bad:
        check_characters(bad[0], SourceLocation(file, *line_and_column(text, bad.start())))
    return text


def check_characters(text: str, location: SourceLocation) -> None:
    """Refuse a text with characters that no text file holds."""
    if code := find_unprintable(text):
        message = tr("character {code} does not belong into a text", code=code)
        raise fatal_error(location, message, tr("remove it"))


def find_unprintable(text: str) -> str:
    """The code of the first character that no text holds, such as ``U+001B``; empty if none."""
    bad = _NON_TEXT_CHARACTER.search(text)
    return f"U+{ord(bad[0]):04X}" if bad else ""


def replace_unprintable(text: str) -> str:
    """A text in which a substitute stands for what would steer a terminal."""
    return _NON_TEXT_CHARACTER.sub("\ufffd", text)


def _encoding_error(raw: bytes, error: UnicodeDecodeError, file: str) -> ScenarioError:
    if error.encoding.startswith("utf-16"):
        return fatal_error(
            SourceLocation(file), tr("the file is not valid UTF-16"), tr("save it as UTF-8")
        )
    before = raw[: error.start].decode("utf-8-sig", "replace")
    line, column = line_and_column(before, len(before))
    byte = raw[error.start]
    meant = bytes([byte]).decode("cp1252", "replace")
    hint = tr("save the file as UTF-8")
    if meant != "\ufffd":
        said = {"character": meant}
        hint = tr("save the file as UTF-8 (in Windows-1252 this byte is '{character}')", **said)
    message = tr("byte {code} is not UTF-8", code=f"0x{byte:02X}")
    return fatal_error(SourceLocation(file, line, column), message, hint)


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of a text."""
    breaks = [match.end() for match in _LINE_BREAK.finditer(text, 0, index)]
    return len(breaks) + 1, index - (breaks[-1] if breaks else 0) + 1


def split_lines(text: str) -> list[str]:
    """The lines of a text, as places count them."""
    return _LINE_BREAK.split(text)
