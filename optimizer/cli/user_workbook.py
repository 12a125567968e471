"""The user's own workbook: which language it speaks, and how faults get into it and out again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from models.faults import Place, ScenarioError
from models.files.decoding import read_bytes
from models.files.reading import WORKBOOKS
from models.files.tabs import FAULTS, names_of, tabs
from models.language import Language, language
from optimizer.cli.disk.save import write_whole
from optimizer.cli.usage import announce
from optimizer.errors import NotWritten
from optimizer.report.fault_sheet import (
    Finding,
    NotPlainError,
    listing,
    with_findings,
    without_findings,
)


def is_workbook(path: Path) -> bool:
    """Whether a scenario file is a workbook, by its name."""
    return path.suffix.lower() in WORKBOOKS


def is_open(path: Path) -> bool:
    """Whether a spreadsheet program has a file open; both leave a file beside it that says so."""
    marks = (f"~${path.name}", f".~lock.{path.name}#")
    return any((path.parent / mark).exists() for mark in marks)


def language_of(path: Path) -> Language | None:
    """The language in which a workbook's sheets are named; None where it cannot be told."""
    from models.files.workbook import sheet_names

    try:
        names = set(sheet_names(_content(path), str(path), Place(str(path))))
    except ScenarioError:
        # What is wrong with it is told by the reading that follows.
        return None
    english, german = zip(*(names_of(tab.label) for tab in tabs()), strict=True)
    count_en, count_de = len(names & set(english)), len(names & set(german))
    return None if count_en == count_de else "de" if count_de > count_en else "en"


def _content(path: Path) -> bytes:
    """A workbook that unpacks to no more than it may. Raises ScenarioError."""
    from models.files.workbook import check_packed

    place = Place(str(path))
    raw = read_bytes(path, place)
    check_packed(raw, str(path), place)
    return raw


def leave(findings: Sequence[Finding], workbook: Path, beside: Path) -> Path | None:
    """Put findings into the workbook, or where that cannot be into ``beside``. Returns the file
    that holds them now, or None where none could be written."""
    try:
        if is_open(workbook):
            raise PermissionError
        write_whole(workbook, with_findings(_content(workbook), findings))
    except (NotPlainError, NotWritten, OSError, ScenarioError):
        try:
            target = Path(os.path.relpath(workbook, beside.parent)).as_posix()
        except ValueError:  # on another drive
            target = workbook.resolve().as_posix()
        try:
            write_whole(beside, listing(findings, target))
        except NotWritten:
            return None
        return beside
    beside.unlink(missing_ok=True)
    return workbook


def clear(workbook: Path, beside: Path) -> None:
    """Take an earlier sheet of faults away, and an earlier list beside the workbook."""
    try:
        beside.unlink(missing_ok=True)
        without = without_findings(_content(workbook))
        if without is None:
            return
        if is_open(workbook):
            raise PermissionError
        write_whole(workbook, without)
    except (NotPlainError, NotWritten, OSError, ScenarioError):
        announce(
            "{file}: the sheet '{sheet}' is out of date, but the workbook is open and stays so",
            file=workbook,
            sheet=names_of(FAULTS)[language() == "de"],
        )
