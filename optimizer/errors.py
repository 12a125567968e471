"""Exceptions of the project, each with the exit code of the command line (5 unless stated).

A plan that a limit stopped is no error: it is returned with its gap, and the exit code is 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.faults import PathStep, ScenarioError as ScenarioError, VorratError as VorratError


@dataclass(frozen=True)
class Rule:
    """Rule of the scenario: tag, name, statement and path in the scenario file. ``called`` is the
    statement with names in place of ids, for readers who do not have the file."""

    tag: str
    name: str
    says: str
    path: tuple[PathStep, ...]
    called: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the fields that results contain: all but ``called``."""
        return {name: value for name, value in vars(self).items() if name != "called"}


class Infeasible(VorratError):
    """No plan satisfies all rules; ``conflict`` is a minimal set of rules that exclude each
    other."""

    exit_code = 3

    def __init__(self, conflict: Sequence[Rule]) -> None:
        self.conflict = tuple(conflict)
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in self.conflict)
        super().__init__(f"no plan keeps all of these rules: {rules}")

    def __reduce__(self) -> tuple[type[Infeasible], tuple[tuple[Rule, ...]]]:
        """Support pickling between processes."""
        return Infeasible, (self.conflict,)


class Misuse(VorratError):
    """Options of an analysis exclude each other, or name something that the scenario lacks."""

    exit_code = 2


class UnknownName(Misuse, KeyError):
    """A mapping of results or fields has no item of the requested name."""

    __str__ = Exception.__str__


class InvalidCutPool(VorratError):
    """A file that should contain a cut pool does not."""

    exit_code = 2


class NoPlan(VorratError):
    """A limit was reached before any plan was found."""

    exit_code = 4


class OutOfMemory(NoPlan):
    """A process exceeded its memory limit."""


class TimedOut(NoPlan):
    """A process did not end within a grace period after its time limit."""


class Interrupted(VorratError):
    """The user stopped the command before there was any result."""

    exit_code = 130


class NotWritten(VorratError):
    """Results could not be written: none of the files was changed."""


class FileInUse(NotWritten):
    """The file at ``path`` cannot be replaced, since another program has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"'{path}' is open in another program, or may not be replaced.")

    def __reduce__(self) -> tuple[type[FileInUse], tuple[Path]]:
        """Support pickling between processes."""
        return FileInUse, (self.path,)


class ClusterError(VorratError):
    """A cluster cannot be reached or used."""


class SolverError(VorratError):
    """The solver failed."""


class WorkerDied(SolverError):
    """A worker process has died."""


class InvalidModelData(SolverError):
    """The model contains data that the solver would misread."""


NamedCoefficient = tuple[tuple[str, str], float]
"""A coefficient: the names of its column and row, and its absolute value."""


class CoefficientsOutOfRange(InvalidModelData):
    """Coefficients differ too much in size: ``extremes`` are the smallest and the largest."""

    def __init__(self, message: str, extremes: tuple[NamedCoefficient, NamedCoefficient]) -> None:
        self.extremes = extremes
        super().__init__(message)

    def __reduce__(
        self,
    ) -> tuple[type[CoefficientsOutOfRange], tuple[str, tuple[NamedCoefficient, NamedCoefficient]]]:
        """Support pickling between processes."""
        return CoefficientsOutOfRange, (str(self), self.extremes)


class UnknownOption(SolverError):
    """The solver has no such option."""


class CheckFailed(SolverError):
    """The solver's answer fails an independent check."""
