"""One line of a list of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.faults import Fault, Place
from models.language import tr


@dataclass(frozen=True)
class Finding:
    """What is wrong in which cell of a workbook, and what would be right.

    ``conflict`` is a rule that excludes others; ``cell`` may be a place outside of the workbook.
    """

    severity: Literal["error", "warning", "conflict"]
    sheet: str
    cell: str
    message: str
    hint: str = ""

    @property
    def label(self) -> str:
        """The severity as a word."""
        words = {"error": tr("Error"), "warning": tr("Warning"), "conflict": tr("Rule")}
        return words[self.severity]

    @property
    def target(self) -> str:
        """What a link to the cell names; empty where it leads nowhere in the workbook."""
        if not self.sheet:
            return ""
        quoted = self.sheet.replace("'", "''")
        return f"'{quoted}'!{self.cell}"


def finding_of(fault: Fault, file: str) -> Finding:
    """A fault of a scenario file as a line."""
    return placed(fault.severity, fault.place, fault.message, fault.hint, file)


def placed(
    severity: Literal["error", "warning", "conflict"],
    place: Place | None,
    message: str,
    hint: str,
    file: str,
) -> Finding:
    """A line for what stands at a place."""
    if place is not None and place.cell and place.file == file:
        sheet, _, cell = place.cell.rpartition("!")
        return Finding(severity, sheet, cell, message, hint)
    elsewhere = str(place) if place is not None and str(place) != file else ""
    return Finding(severity, "", elsewhere, message, hint)
