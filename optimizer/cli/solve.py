"""``vorrat solve``: the best plan for a scenario, with its proof."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, read_case
from models.language import tr
from optimizer.cli import diagnostics, speaking
from optimizer.cli.validate import summed_up
from optimizer.errors import Infeasible

if TYPE_CHECKING:
    from optimizer.decomposition import CutPool
    from optimizer.highs import Progress
    from optimizer.solved import Method

PLAN_FILE = "plan.json"
BESIDE = "beside the results"
"""What --reuse stands for without a folder."""
LINE_EVERY = 5.0
"""Seconds between two lines of progress where a line cannot be updated."""


class _Finite(click.FloatRange):
    """A number in a range; unlike click's own, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(tr("{value} is not a finite number.", value=value), param, ctx)
        return number


@click.command(
    epilog="Exit codes: 0 solved to the gap; 1 stopped by a limit, the plan is written; 2 wrong "
    "usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
    "130 interrupted with nothing to keep."
)
@click.argument("file")
@click.option("--variant", metavar="ID", help="Solve the file as this variant changes it.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value, for example horizon.last_year=2040; may be given often.",
)
@click.option(
    "--budget",
    type=_Finite(min=0),
    metavar="MEUR",
    help="The same as --set policy.budget_meur=MEUR: what all public funders may spend together.",
)
@click.option(
    "--gap",
    type=_Finite(min=0),
    default=1e-4,
    show_default=True,
    metavar="SHARE",
    help="Stop once the plan is proven to be this close to the best, as a share of its objective.",
)
@click.option(
    "--time-limit",
    type=_Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after this time with the best plan so far.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "extensive", "decomposition"]),
    default="auto",
    show_default=True,
    help="All states in one model, or a small model and cuts; auto goes by the size.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads of solver and sweep.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Write {PLAN_FILE} into this folder as well; it is made if it is not there.",
)
@click.option("--force", is_flag=True, help=f"Overwrite an existing {PLAN_FILE}.")
@click.option(
    "--reuse",
    is_flag=False,
    flag_value=BESIDE,
    type=click.Path(path_type=Path),
    metavar="[DIR]",
    help="Start from the cuts that earlier runs left in this folder, and leave more there; without "
    "DIR, the folder of --out. Write --reuse=DIR, or --reuse after FILE.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
@speaking.language_option
def solve(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    budget: float | None,
    gap: float,
    time_limit: float | None,
    method: Method | Literal["auto"],
    threads: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
) -> int:
    """Find the best plan for the scenario FILE and prove how good it is."""
    if as_json:
        speaking.for_machines()
    if out is not None and (out / PLAN_FILE).exists() and not force:
        there = out / PLAN_FILE
        raise click.UsageError(tr("'{path}' exists already; --force overwrites it.", path=there))
    kept = _kept_in(reuse, out, method)
    if budget is not None:
        settings = (*settings, f"policy.budget_meur={Decimal(str(budget)):f}")
    try:
        reading = read_case(file, variant, settings, check_variants=True)
    except ScenarioError as error:
        diagnostics.show(error.faults)
        return error.exit_code
    diagnostics.show(reading.warnings)
    if out is not None:
        _make(out)

    diagnostics.show(_never_striking(reading))

    # The solver and Pyomo take a second to import: not for those who mistyped an option.
    from optimizer.planner import plan

    pool = None if kept is None else _read_pool(kept, reading)
    progress = None if quiet else _Progress()
    if not quiet:
        click.echo(f"{file}: {summed_up(reading.case)}", err=True)
    try:
        found = plan(
            reading.case,
            gap=gap,
            time_limit=time_limit,
            threads=threads,
            method=method,
            pool=None if pool is None else pool[1],
            on_progress=progress,
            variant=variant,
            title=named(reading.case.title, Path(file).stem),
        )
    except Infeasible as error:
        _show_conflict(error, reading, as_json)
        return error.exit_code
    finally:
        if progress is not None:
            progress.close()

    document = found.model_dump_json(indent=2).encode() + b"\n"
    try:
        if out is not None:
            write_whole(out / PLAN_FILE, document)
        if pool is not None:
            from optimizer.decomposition import write_pool

            write_whole(pool[0], write_pool(pool[1]))
    finally:
        # A full disk must not cost the plan: it is printed whatever happens to the file.
        if as_json:
            click.echo(document, nl=False)
        else:
            from optimizer.reporting import terminal

            terminal.write(found, sys.stdout)
    return 0 if found.certificate.status == "optimal" else 1


def _kept_in(reuse: Path | None, out: Path | None, method: str) -> Path | None:
    """The folder of the pool of cuts, if one is asked for."""
    if reuse is None:
        return None
    if method == "extensive":
        message = tr("--reuse goes with the decomposition, not with --method extensive.")
        raise click.UsageError(message)
    if reuse.is_file():
        message = tr("--reuse takes a folder, and '{path}' is a file: put FILE first.", path=reuse)
        raise click.UsageError(message)
    if str(reuse) == BESIDE and out is None:
        message = tr("--reuse keeps cuts beside the results: name a folder, or --out.")
        raise click.UsageError(message)
    folder = out if str(reuse) == BESIDE else reuse
    assert folder is not None
    return folder


def _read_pool(folder: Path, reading: Reading) -> tuple[Path, CutPool]:
    """The file of the pool that suits a scenario, and the pool, empty if there is none yet."""
    from optimizer.decomposition import CutPool, pool_key, read_pool
    from optimizer.instance import read_instance

    _make(folder)
    path = folder / f"cuts-{pool_key(read_instance(reading.case))[:16]}.npz"
    pool = read_pool(path.read_bytes(), str(path)) if path.exists() else CutPool()
    return path, pool


def _make(folder: Path) -> None:
    """Make a folder before the solve, so that a name that cannot be is told at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = tr(str(error.strerror))
        message = tr("'{path}' cannot be made: {problem}.", path=folder, problem=problem)
        raise click.UsageError(message) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: into a sibling first, which then takes its name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as sibling:
            sibling.write(content)
            sibling.flush()
            os.fsync(sibling.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _never_striking(reading: Reading) -> list[Fault]:
    """Warnings of hazards that no sampled state drew; the reader sees written-out states itself."""
    from optimizer.instance import read_instance
    from optimizer.states import never_striking, read_states

    uncertainty = reading.case.uncertainty
    if uncertainty is None or uncertainty.sample is None:
        return []
    instance = read_instance(reading.case)
    count = int(uncertainty.sample.states)
    return [
        Fault(
            ("hazards", name),
            tr(
                "the hazard '{hazard}' strikes in none of the {count} sampled states",
                hazard=name,
                count=count,
            ),
            severity="warning",
            place=reading.place(("hazards", name)),
        )
        for name in never_striking(instance, read_states(instance))
        if reading.case.hazards[name].annual_probability > 0
    ]


def _show_conflict(error: Infeasible, reading: Reading, as_json: bool) -> None:
    """Say which rules exclude each other and where they are written."""
    click.echo(tr("No plan keeps all of these rules together; relax one of them:"), err=True)
    for rule in error.conflict:
        place = reading.place(rule.path)
        click.echo(f"{place}: {rule.tag} {rule.name}: {rule.says}", err=True)
    if as_json:
        conflict = [
            {
                "tag": rule.tag,
                "name": rule.name,
                "says": rule.says,
                "path": list(rule.path),
                "place": str(reading.place(rule.path)),
            }
            for rule in error.conflict
        ]
        document = {"schema_version": 1, "kind": "infeasible", "conflict": conflict}
        click.echo(json.dumps(document, indent=2))


class _Progress:
    """Prints progress to stderr: one line kept up to date, or a line now and then in a pipe."""

    def __init__(self) -> None:
        self._updates = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._width = 0
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        from optimizer.reporting.progress import progress_line

        now = time.monotonic()
        if now - self._last < (0.1 if self._updates else LINE_EVERY):
            return
        self._last = now
        line = progress_line(progress)
        if self._updates:
            click.echo(f"\r{line:<{self._width}}", err=True, nl=False)
            self._width = len(line)
        else:
            click.echo(line, err=True)

    def close(self) -> None:
        """Leave the line free for what comes next."""
        if self._width:
            click.echo(f"\r{'':<{self._width}}\r", err=True, nl=False)
