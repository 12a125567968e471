"""The exceptions of the project, each with the exit code of the command line: 5 where it says none.

A plan stopped by a limit is no error: it is returned with its gap, and the command line answers 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.faults import PathStep
from models.faults import ScenarioError as ScenarioError
from models.faults import VorratError as VorratError
from models.language import tr


@dataclass(frozen=True)
class Rule:
    """A rule of the scenario: its tag, its name, what it says, and its path in the scenario.
    ``called`` is what it says for those who do not have the file: with names in place of ids."""

    tag: str
    name: str
    says: str
    path: tuple[PathStep, ...]
    called: str = ""

    def as_record(self) -> dict[str, Any]:
        """Give what results keep of a rule: all but ``called``."""
        return {name: value for name, value in vars(self).items() if name != "called"}


class Infeasible(VorratError):
    """No plan keeps all rules; ``conflict`` is a smallest set of rules that exclude each other."""

    exit_code = 3

    def __init__(self, conflict: Sequence[Rule]) -> None:
        self.conflict = tuple(conflict)
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in self.conflict)
        super().__init__(tr("no plan keeps all of these rules: {rules}", rules=rules))

    def __reduce__(self) -> tuple[type[Infeasible], tuple[tuple[Rule, ...]]]:
        """How it comes from another process whole."""
        return Infeasible, (self.conflict,)


class Misuse(VorratError):
    """Options of an analysis do not go together, or name what its scenario does not have."""

    exit_code = 2


class UnknownName(Misuse, KeyError):
    """A mapping has nothing of this name."""

    __str__ = Exception.__str__


class InvalidCutPool(VorratError):
    """A file that should hold a pool of cuts and does not."""

    exit_code = 2


class NoPlan(VorratError):
    """A limit was met before any plan was found."""

    exit_code = 4


class OutOfMemory(NoPlan):
    """A process outgrew the memory that it may take."""


class TimedOut(NoPlan):
    """A process did not end long after the time limit that it was given."""


class Interrupted(VorratError):
    """Stopped by the user with nothing to keep."""

    exit_code = 130


class NotWritten(VorratError):
    """Results could not be written: none of them is there, and what was there before still is."""


class FileInUse(NotWritten):
    """A file at ``path`` cannot be replaced, since another program has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            tr("'{file}' is open in another program, or may not be replaced.", file=path)
        )

    def __reduce__(self) -> tuple[type[FileInUse], tuple[Path]]:
        """How it comes from another process whole."""
        return FileInUse, (self.path,)


class ClusterError(VorratError):
    """A cluster cannot be reached, or is not fit for use."""


class SolverError(VorratError):
    """The solver failed."""


class WorkerDied(SolverError):
    """A process that solved problems has died."""


class InvalidModelData(SolverError):
    """The model holds data that the solver would misread."""


NamedCoefficient = tuple[
    tuple[str, str], float
]  # a coefficient: the names of its column and row, and its size


class CoefficientsOutOfRange(InvalidModelData):
    """Coefficients too unlike in size: ``ends`` are the smallest and the largest."""

    def __init__(self, message: str, extremes: tuple[NamedCoefficient, NamedCoefficient]) -> None:
        self.extremes = extremes
        super().__init__(message)

    def __reduce__(
        self,
    ) -> tuple[type[CoefficientsOutOfRange], tuple[str, tuple[NamedCoefficient, NamedCoefficient]]]:
        """How it comes from another process whole."""
        return CoefficientsOutOfRange, (str(self), self.extremes)


class UnknownOption(SolverError):
    """The solver knows no such option."""


class CheckFailed(SolverError):
    """The solver's answer fails the check from outside."""
