"""From a file to its text: size, encoding and characters."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from models.faults import Fault, Place, ScenarioError
from models.language import tr

MAX_BYTES = 20_000_000
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def refuse(place: Place, message: str, hint: str = "") -> ScenarioError:
    """An error that ends the reading of a file at once."""
    return ScenarioError([Fault((), message, hint, place=place)])


def read_bytes(path: Path, place: Place) -> bytes:
    """The content of a file of bounded size; faults name ``place``."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        hint = _nearest_file(path) if isinstance(error, FileNotFoundError) else ""
        problem = tr(problem.lower())
        message = tr("'{path}' cannot be read: {problem}", path=path, problem=problem)
        raise refuse(place, message, hint) from None
    if len(raw) > MAX_BYTES:
        message = tr(
            "'{path}' is larger than {limit}", path=path, limit=f"{MAX_BYTES / 1e6:.0f} MB"
        )
        raise refuse(place, message, tr("put long lists into tables"))
    return raw


def beside(file: str, name: str) -> Path | None:
    """The file of that name in the folder of another file or below it; None elsewhere."""
    folder = Path(file).parent
    try:
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return None
    return path if inside and not Path(name).is_absolute() else None


def _nearest_file(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1, 0.6)
    return tr("did you mean '{name}'?", name=path.parent / near[0]) if near else ""


def decode(raw: bytes, file: str) -> str:
    """The text of a file in UTF-8 or UTF-16, without its byte order mark."""
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw.decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad_byte(raw, error, file) from None
    bad = _NOT_TEXT.search(text)
    if bad:
        raise _bad_character(Place(file, *line_and_column(text, bad.start())), bad[0])
    return text


def check_characters(text: str, place: Place) -> None:
    """Refuse a text with characters that no text file holds."""
    bad = _NOT_TEXT.search(text)
    if bad:
        raise _bad_character(place, bad[0])


def _bad_character(place: Place, character: str) -> ScenarioError:
    code = f"U+{ord(character):04X}"
    message = tr("character {code} does not belong into a text", code=code)
    return refuse(place, message, tr("remove it"))


def _bad_byte(raw: bytes, error: UnicodeDecodeError, file: str) -> ScenarioError:
    if error.encoding.startswith("utf-16"):
        return refuse(Place(file), tr("the file is not valid UTF-16"), tr("save it as UTF-8"))
    before = raw[: error.start].decode("utf-8-sig", "replace")
    line, column = line_and_column(before, len(before))
    byte = raw[error.start]
    meant = bytes([byte]).decode("cp1252", "replace")
    if meant == "\ufffd":
        hint = tr("save the file as UTF-8")
    else:
        hint = tr(
            "save the file as UTF-8 (in Windows-1252 this byte is '{character}')", character=meant
        )
    message = tr("byte {code} is not UTF-8", code=f"0x{byte:02X}")
    return refuse(Place(file, line, column), message, hint)


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of a text."""
    breaks = [match.end() for match in _BREAK.finditer(text, 0, index)]
    return len(breaks) + 1, index - (breaks[-1] if breaks else 0) + 1


def split_lines(text: str) -> list[str]:
    """The lines of a text, as places count them."""
    return _BREAK.split(text)
