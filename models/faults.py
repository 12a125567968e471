"""What can be wrong with a scenario file, and the root of the project's exceptions.

The whole tree of exceptions is drawn in ``optimizer.errors``; its root and the branch for
faulty input live here, since ``models`` may not import ``optimizer``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from models.language import tr

PathStep = (
    str | int
)  #: One step of a path into a scenario: a key of a mapping or a position in a list.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escape_unprintable(text: str) -> str:
    """A text in one line, with signs that a terminal would obey, and others unseen, as escapes."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


@dataclass(frozen=True, order=True)
class SourceLocation:
    """Where a value was written.

    ``file`` is the path as the user gave it; ``line`` and ``column`` count from 1. A value of a
    workbook has a ``cell`` such as ``Projects!C7`` instead, a value of the command line has
    ``file="--set"`` and neither.
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
    """One thing that is wrong (or, as a warning, doubtful) in a scenario.

    ``path`` leads to the value from the root of the scenario; ``at_key`` says that the key
    itself, not its value, is meant; ``hint`` says what would be right.
    """

    path: tuple[PathStep, ...]
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    at_key: bool = False
    variant: str = field(default="", compare=False)  # that has it alone
    location: SourceLocation | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # What they name was written by whoever made the file, and is printed in a terminal.
        object.__setattr__(self, "message", escape_unprintable(self.message))
        object.__setattr__(self, "hint", escape_unprintable(self.hint))

    @property
    def label(self) -> str:
        """What kind of fault it is, in a word."""
        return tr("error") if self.severity == "error" else tr("warning")

    def __str__(self) -> str:
        where = (
            str(self.location) if self.location else ".".join(map(str, self.path)) or tr("scenario")
        )
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}: {self.label}: {self.message}{hint}"


class VorratError(Exception):
    """Root of everything this project raises on purpose."""

    exit_code = 5  #: What the command line answers with.


class ScenarioError(VorratError):
    """A scenario file that cannot be used; carries all its faults at once."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Fault, ...]]]:
        """How it comes from another process whole."""
        return ScenarioError, (self.faults,)
