"""The user's own workbook: which language it speaks, and the list of its faults beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from models.faults import Place, ScenarioError
from models.files.decoding import read_bytes
from models.files.reading import WORKBOOKS
from models.files.tabs import names_of, tabs
from models.language import Language
from optimizer.cli.disk.save import write_whole
from optimizer.report.fault_sheet import Finding, fault_sheet


def is_workbook(path: Path) -> bool:
    """Whether a scenario file is a workbook, by its name."""
    return path.suffix.lower() in WORKBOOKS


def is_open(path: Path) -> bool:
    """Whether a spreadsheet program has a file open; both leave a file beside it that says so."""
    marks = (f"~${path.name}", f".~lock.{path.name}#")
    return any((path.parent / mark).exists() for mark in marks)


def language_of(path: Path) -> Language | None:
    """The language in which a workbook's sheets are named; None where it cannot be told."""
    from models.files.workbook import check_packed, sheet_names

    place = Place(str(path))
    try:
        raw = read_bytes(path, place)
        check_packed(raw, str(path), place)
        names = set(sheet_names(raw, str(path), place))
    except ScenarioError:
        # What is wrong with it is told by the reading that follows.
        return None
    english, german = zip(*(names_of(tab.label) for tab in tabs()), strict=True)
    count_en, count_de = len(names & set(english)), len(names & set(german))
    return None if count_en == count_de else "de" if count_de > count_en else "en"


def leave(findings: Sequence[Finding], workbook: Path, beside: Path) -> None:
    """List findings in the file ``beside``, with links to the cells. Raises NotWritten."""
    try:
        target = Path(os.path.relpath(workbook, beside.parent)).as_posix()
    except ValueError:  # on another drive
        target = workbook.resolve().as_posix()
    write_whole(beside, fault_sheet(findings, target))
