"""What ``frontier`` and ``target`` share: which number is varied, and reading the scenario."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from models.files import Reading, read_case
from models.language import tr
from optimizer.cli import cuts, diagnostics, options
from optimizer.cli.disk.writing import write_whole
from optimizer.cli.progress import Progress

if TYPE_CHECKING:
    from optimizer.analyses.variation import Variation
    from optimizer.solve.decomposition import CutPool

_Made = TypeVar("_Made", bound=Callable[..., Any])

vary = click.option(
    "--vary",
    "path",
    metavar="PATH",
    help="The number to vary, by its dotted path as in --set; policy.budget_meur if not given.",
)
funder = click.option(
    "--funder",
    metavar="ID",
    help="Vary the budget of this funder: the same as --vary funders.ID.budget_meur.",
)
time_limit = click.option(
    "--time-limit",
    type=options.Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each single solve after this time with the best plan so far.",
)
variant = click.option("--variant", metavar="ID", help="Read the file as this variant changes it.")


def read(file: str, variant: str | None, settings: tuple[str, ...]) -> Reading:
    """The scenario, its warnings shown.

    Raises ScenarioError with every fault.
    """
    reading = read_case(file, variant, settings, check_variants=True)
    diagnostics.show(reading.warnings)
    diagnostics.show(diagnostics.never_striking(reading))
    return reading


def varied(reading: Reading, path: str | None, funder: str | None) -> Variation:
    """The number that is varied."""
    from optimizer.analyses.variation import BUDGET, Variation, budget_of

    if path is not None and funder is not None:
        raise click.UsageError(tr("--vary and --funder exclude each other."))
    if funder is not None and funder not in reading.case.funders:
        known = ", ".join(reading.case.funders) or "-"
        raise click.UsageError(
            tr("There is no funder '{funder}'; there are {known}.", funder=funder, known=known)
        )
    chosen = path if funder is None else budget_of(funder)
    if chosen is not None and "=" in chosen:
        raise click.UsageError(
            tr("--vary takes a path without a value; --from and --to give its values.")
        )
    return Variation(reading, chosen or BUDGET)


class Kept:
    """The pool of cuts of ``--reuse``, if one is asked for."""

    def __init__(self, reuse: Path | None, out: Path | None) -> None:
        self._folder = cuts.kept_in(reuse, out)
        self._file: Path | None = None
        self.pool: CutPool | None = None

    def open(self, reading: Reading) -> CutPool | None:
        """Read the pool that suits a scenario."""
        if self._folder is not None:
            self._file, _, self.pool = cuts.read_kept(self._folder, reading.case)
        return self.pool

    def write(self) -> None:
        """Leave it for the next run."""
        if self._file is not None and self.pool is not None:
            from optimizer.solve.decomposition import write_pool

            write_whole(self._file, write_pool(self.pool))


class Steps:
    """Progress over several solves: which value is being solved, and how far that is."""

    def __init__(self, quiet: bool) -> None:
        self.progress = None if quiet else Progress()

    def at(self, label: str) -> None:
        """Say what comes next."""
        if self.progress is not None:
            self.progress.label = f"{label}: "

    def counted(self, done: int, of: int | None, name: str) -> None:
        """Say how many of several solves are done, of how many where that is known, and which was
        the last or comes next."""
        if self.progress is not None:
            count = f"{done}" if of is None else tr("{done} of {all}", done=done, all=of)
            self.progress.label = f"{count}: {name}: "
            self.progress.say()

    def named(self, done: int, of: int | None, name: str) -> None:
        """Say what is being done, and how much of it where that is known."""
        if self.progress is not None:
            counted = "" if of is None else " " + tr("{done} of {all}", done=done, all=of)
            self.progress.label = f"{name}{counted}: "
            self.progress.say()

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self.progress is not None:
            self.progress.close()


def shown(value: float) -> str:
    """A value as progress names it."""
    return tr("no limit") if math.isinf(value) else f"{value:.6g}"
