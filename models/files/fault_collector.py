"""Collection of the faults of one scenario, sorted by location and limited in number."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from models.currencies import replace_currency
from models.faults import Fault, SourceLocation

MAX_FAULTS = 1_000
"""Largest number of errors, and of warnings, that are listed for one scenario; reading ends after
the step that finds more errors."""
MAX_MESSAGE_LENGTH = 1_000


class FaultCollector:
    """Collector of distinct faults; it keeps ``MAX_FAULTS`` errors and as many warnings at most."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._seen: set[int] = set()
        self.counts = {"error": 0, "warning": 0}

    def __call__(self, fault: Fault) -> None:
        """Count a fault and add it, unless one of the same place, message and hint was counted.

        Once ``MAX_FAULTS`` faults of its severity were added, the fault is only counted.
        """
        key = hash((fault.location, fault.message, fault.hint))
        if key not in self._seen:
            self._seen.add(key)
            self.counts[fault.severity] += 1
            if self.counts[fault.severity] <= MAX_FAULTS:
                message, hint = _truncate(fault.message), _truncate(fault.hint)
                self.faults.append(replace(fault, message=message, hint=hint))

    @property
    def is_full(self) -> bool:
        """Whether more errors were found than are listed, so that the search can end."""
        return self.counts["error"] > MAX_FAULTS

    @property
    def accepts_warnings(self) -> bool:
        """Whether a further warning would be listed."""
        return self.counts["warning"] < MAX_FAULTS

    def sorted_faults(self) -> tuple[Fault, ...]:
        """Return the faults sorted by file, line and column (or cell).

        If more errors or more warnings were found than are kept, an entry at the end states how
        many more.
        """
        faults, location = sorted(self.faults, key=_sort_key), SourceLocation(self.file)
        if (count := self.counts["error"] - MAX_FAULTS) > 0:
            faults.append(Fault((), f"and {count} more errors", location=location))
        if (count := self.counts["warning"] - MAX_FAULTS) > 0:
            message = f"and {count} more warnings"
            faults.append(Fault((), message, severity="warning", location=location))
        return tuple(faults)


def _truncate(text: str) -> str:
    """Return a text cut to ``MAX_MESSAGE_LENGTH`` characters: it may quote a very long value."""
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 3] + "..."


def _sort_key(fault: Fault) -> tuple[Any, ...]:
    location = fault.location or SourceLocation("")
    cell = re.fullmatch(r"(.*!)([A-Z]+)(\d+)", location.cell, re.DOTALL)
    cell_key = (cell[1], int(cell[3]), len(cell[2]), cell[2]) if cell else ("", 0, 0, "")
    return (location.file, location.line, location.column, cell_key)


def with_currency(fault: Fault, code: Any) -> Fault:
    """Return a fault in whose texts the currency ``code`` of the file replaces EUR.

    The fault is unchanged if it concerns the currency itself, or if ``code`` is not a text.
    """
    if fault.path == ("currency",) or not isinstance(code, str) or code == "EUR":
        return fault
    message, hint = (replace_currency(text, code) for text in (fault.message, fault.hint))
    return replace(fault, message=message, hint=hint)
