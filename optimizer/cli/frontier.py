"""``vorrat frontier``: damage against a budget, or against any number of the file."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import click

from models.base import named
from models.faults import ScenarioError
from models.language import tr
from models.results import Frontier
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.disk.naming import safe_name
from optimizer.cli.solve import PLAN_FILE
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Kept, Steps
from optimizer.errors import ClusterError, SolverError

FRONTIER_FILE = "frontier.json"
PLANS = "plans"


def _numbers(
    _ctx: click.Context, _option: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """Numbers with commas between them."""
    if value is None:
        return None
    try:
        found = tuple(float(part) for part in value.split(","))
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise click.BadParameter(tr("'{value}' is not a list such as 0,250,500.", value=value))
    return found


jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Points that are solved side by side, each by one process; if not given one after the "
    "other, or on all workers of --scheduler.",
)


@click.command(
    epilog="Exit codes: 0 all points solved to the gap, or proven to have no plan; 1 some stopped "
    "by a limit or by the user; 2 wrong usage or input; 3 no plan keeps all rules at any point; 4 "
    "no plan before the limit at any point; 5 failure; 130 interrupted with nothing to keep."
)
@click.argument("file")
@varying.variant
@options.settings
@varying.vary
@varying.funder
@click.option(
    "--tail",
    is_flag=True,
    help="Vary the weight of the tail, objective.cvar.weight, from 0 to 1: mean against CVaR.",
)
@click.option(
    "--from", "first", type=options.Finite(), metavar="VALUE", help="Lowest value; 0 if not given."
)
@click.option(
    "--to",
    "last",
    type=options.Finite(),
    metavar="VALUE",
    help="Highest value; for a budget, if not given, that from which on nothing more is bought.",
)
@click.option(
    "--points",
    type=click.IntRange(min=2),
    default=11,
    show_default=True,
    metavar="N",
    help="How many values, equally far apart.",
)
@click.option(
    "--values", callback=_numbers, metavar="A,B,...", help="These values instead of a range."
)
@click.option(
    "--refine",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="So many more points where the curve jumps or bends most.",
)
@options.gap
@varying.time_limit
@options.threads
@partial(engines.chosen, jobs=jobs)
@options.as_json
@options.out(f"{FRONTIER_FILE} and {PLANS}/VALUE/{PLAN_FILE}")
@options.force
@options.reuse
@options.quiet
@speaking.language_option
def frontier(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    path: str | None,
    funder: str | None,
    tail: bool,
    first: float | None,
    last: float | None,
    points: int,
    values: tuple[float, ...] | None,
    refine: int,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
) -> int:
    """Draw damage against a budget, or any number of the scenario FILE; each point is a plan."""
    if as_json:
        speaking.for_machines()
    if values is not None and (first is not None or last is not None):
        raise click.UsageError(tr("--values and --from or --to exclude each other."))
    if tail and (path is not None or funder is not None):
        raise click.UsageError(tr("--tail varies a number of its own."))
    save.prepare(out, [FRONTIER_FILE, PLANS], force)
    kept = Kept(reuse, out)
    try:
        reading = varying.read(file, variant, settings)
        from optimizer.analyses.frontier.curve import Grid, draw
        from optimizer.analyses.frontier.parametric_points import Effort
        from optimizer.analyses.variation import TAIL

        number = varying.varied(reading, TAIL if tail else path, funder)
        if tail and last is None and values is None:
            last = 1.0
        if last is None and values is None and number.funders is None:
            raise click.UsageError(tr("--vary {path} needs --to, or --values.", path=number.path))
        begins = first or 0.0
        if last is not None and last <= begins:
            raise click.UsageError(tr("--to must lie above --from."))
        # A path that leads nowhere is told before the first solve.
        for value in values or (begins, *([] if last is None else [last])):
            number.at(value)
        save.make_sure(out)
        steps = Steps(quiet)
        if not quiet:
            click.echo(f"{file}: {summed_up(reading.case)}", err=True)
        try:
            drawn = draw(
                number,
                Grid(values or (), begins, last, points, refine),
                Effort(gap, time_limit, threads, steps.progress, jobs),
                pool=kept.open(reading),
                title=named(reading.case.title, Path(file).stem),
                variant=variant,
                on_point=lambda done, total, value: steps.at(
                    f"{done + 1}/{total}, {varying.shown(value)}"
                ),
            )
        finally:
            steps.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    found = drawn.frontier
    if found.ended == "interrupted" and not drawn.plans:
        raise click.Abort
    failed = any(
        isinstance(failure, (SolverError, ClusterError)) for failure in drawn.failures.values()
    )
    code = SolverError.exit_code if failed else _code(found)
    with telling(found, as_json) as document:
        files = {
            f"{PLANS}/{folder_of(value)}/{PLAN_FILE}": save.document(plan)
            for value, plan in drawn.plans.items()
        }
        files[FRONTIER_FILE] = document
        save.leave(out, "frontier", files, code, force=force, replace=[PLANS])
        kept.write()
    for value, failure in drawn.failures.items():
        click.echo(
            tr("at {value}: {problem}", value=varying.shown(value), problem=failure), err=True
        )
    return code


def folder_of(value: float) -> str:
    """The name of the folder that the plan of a value goes into."""
    from optimizer.analyses.variation import written

    return safe_name(written(value))


def _code(found: Frontier) -> int:
    states = {point.status for point in found.points}
    if not states & {"optimal", "limit"}:
        return 3 if states <= {"infeasible"} else 4
    return 1 if found.ended == "interrupted" or states & {"limit", "none"} else 0
