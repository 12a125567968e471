"""Faults of scenario files, and the root of the project's exceptions.

``optimizer.errors`` describes the whole tree of exceptions. Its root and the branch for faulty
input are here because ``models`` may not import ``optimizer``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

PathStep = str | int
"""One step of a path into a scenario: a key of a mapping or a position in a list."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escape_unprintable(text: str) -> str:
    """Return a text in one line, with control and invisible characters as escapes."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


@dataclass(frozen=True, order=True)
class SourceLocation:
    """The place where a value was written.

    ``file`` is the path as the user gave it; ``line`` and ``column`` count from 1. A value of a
    workbook has a ``cell`` such as ``Projects!C7`` instead. A value of the command line has
    ``file="--set ..."`` and no line.
    """

    file: str
    line: int = 0
    column: int = 0
    cell: str = ""

    def __str__(self) -> str:
        if self.cell:
            return escape_unprintable(f"{self.file}:{self.cell}")
        if self.line:
            return escape_unprintable(f"{self.file}:{self.line}:{self.column}")
        return escape_unprintable(self.file)


@dataclass(frozen=True)
class Fault:
    """One error or warning about a scenario.

    ``path`` leads from the root of the scenario to the value; ``at_key`` is True if the fault
    concerns the key itself, not its value; ``hint`` states what would be correct.
    """

    path: tuple[PathStep, ...]
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    at_key: bool = False
    variant: str = field(default="", compare=False)  # variant with the fault; empty for the file
    location: SourceLocation | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # Both texts quote the file, whose author may not be trusted, and go to a terminal.
        object.__setattr__(self, "message", escape_unprintable(self.message))
        object.__setattr__(self, "hint", escape_unprintable(self.hint))

    @property
    def label(self) -> str:
        """The severity as a word in the current language."""
        return "error" if self.severity == "error" else "warning"

    def __str__(self) -> str:
        place = str(self.location) if self.location else ".".join(map(str, self.path)) or "scenario"
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}: {self.label}: {self.message}{hint}"


class VorratError(Exception):
    """Base class of the errors that this project reports to its callers."""

    exit_code = 5  #: Exit code of the command line.


class ScenarioError(VorratError):
    """Error raised for a scenario file that cannot be used; it holds all faults found."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Fault, ...]]]:
        """Support pickling, since the constructor's argument is not in ``args``."""
        return ScenarioError, (self.faults,)


def warning(
    path: tuple[PathStep, ...], message: str, hint: str = "", at_key: bool = False
) -> Fault:
    """Return a warning about a value that is valid but probably a mistake.

    ``at_key`` states that the warning concerns the key at the end of ``path``.
    """
    return Fault(path, message, hint, "warning", at_key)
