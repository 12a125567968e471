"""``vorrat sensitivity``: what the answer rests on, and which inputs would turn it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.base import named
from models.faults import ScenarioError
from models.files import Reading
from models.language import tr
from models.results import Plan, Sensitivity
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.given import is_plan, read_plan
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

if TYPE_CHECKING:
    from optimizer.analyses.given import GivenPlan

SENSITIVITY_FILE = "sensitivity.json"


def _ranges(
    _ctx: click.Context, _option: click.Parameter, value: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Low and high by id or path."""
    found: dict[str, tuple[float, float]] = {}
    for given in value:
        name, _, text = given.partition("=")
        low, dots, high = text.partition("..")
        try:
            ends = (float(low), float(high))
        except ValueError:
            ends = (math.nan, math.nan)
        if not name.strip() or not dots or not all(map(math.isfinite, ends)):
            raise click.BadParameter(tr("'{value}' is not such as hazards=0.5..2.", value=given))
        if name.strip() in found:
            raise click.BadParameter(tr("'{name}' is named twice.", name=name.strip()))
        found[name.strip()] = ends
    return found


@click.command(
    epilog="Exit codes: 0 all values looked at; 1 some stopped by a limit or by the user; 2 wrong "
    "usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; 130 "
    "interrupted with nothing to keep."
)
@click.argument("given", metavar="FILE_OR_PLAN")
@varying.variant
@options.settings
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Vary this input alone, for example hazards or damage.gallium; may be given often.",
)
@click.option(
    "--each", is_flag=True, help="Vary projects and materials one by one as well as all together."
)
@click.option(
    "--range",
    "ranges",
    callback=_ranges,
    multiple=True,
    metavar="ID=LOW..HIGH",
    help="Vary an input between these factors; may be given often.",
)
@click.option(
    "--input",
    "inputs",
    callback=_ranges,
    multiple=True,
    metavar="PATH=LOW..HIGH",
    help="Vary any number of the scenario between these values, by its path as in --set; may be "
    "given often.",
)
@click.option(
    "--tolerance",
    type=options.Finite(min=0),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="The decision turns where another plan is better by more than this share of the "
    "objective.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    metavar="N",
    help="Values that are tried for each break-even at most, which ends at 2 % of the range; 0 "
    "seeks none.",
)
@click.option(
    "--morris",
    "trajectories",
    type=click.IntRange(min=2),
    metavar="R",
    help="Screen all inputs together as well, along so many random paths (needs SALib).",
)
@click.option("--resolve", is_flag=True, help="Seek the best plan at every point of the screen.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Of the paths of the screen.",
)
@options.gap
@varying.time_limit
@engines.chosen
@options.as_json
@options.out(SENSITIVITY_FILE)
@options.force
@options.quiet
@speaking.language_option
def sensitivity(
    given: str,
    variant: str | None,
    settings: tuple[str, ...],
    only: tuple[str, ...],
    each: bool,
    ranges: dict[str, tuple[float, float]],
    inputs: dict[str, tuple[float, float]],
    tolerance: float,
    steps: int,
    trajectories: int | None,
    resolve: bool,
    seed: int,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Vary what is uncertain, and find what moves the answer and what would turn it.

    Of a scenario its best plan is judged; of a saved plan, in a file or the folder it is in, that
    plan.
    """
    if as_json:
        speaking.for_machines()
    if resolve and trajectories is None:
        raise click.UsageError(tr("--resolve goes with --morris."))
    save.prepare(out, [SENSITIVITY_FILE], force)
    try:
        plan, reading, own = _read(given, variant, settings)
        from optimizer.analyses import sensitivity as analysis
        from optimizer.analyses.assumptions import assumptions

        made = assumptions(reading.case, each=each, ranges=ranges, only=only, inputs=inputs)
        path = None
        if trajectories is not None:
            analysis.check_installed()
            path = analysis.Path(trajectories, seed, resolve)
        save.make_sure(out)
        counted = Steps(quiet)
        if not quiet:
            click.echo(f"{given}: {summed_up(reading.case)}", err=True)
        effort = analysis.Effort(
            gap, time_limit, jobs, tolerance, steps, counted.counted, counted.progress
        )
        try:
            found = analysis.sensitivity(
                reading,
                made,
                effort,
                given=own,
                path=path,
                title=plan.title if plan else named(reading.case.title, Path(given).stem),
                variant=plan.variant if plan else variant,
            )
        finally:
            counted.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    if found.ended == "interrupted" and not found.inputs:
        raise click.Abort
    code = _code(found)
    with telling(found, as_json) as document:
        save.leave(out, "sensitivity", {SENSITIVITY_FILE: document}, code, force=force)
    return code


def _read(
    text: str, variant: str | None, settings: tuple[str, ...]
) -> tuple[Plan | None, Reading, GivenPlan | None]:
    """A scenario, or a saved plan and the scenario that it carries."""
    if not is_plan(text):
        return None, varying.read(text, variant, settings), None
    if variant is not None or settings:
        raise click.UsageError(
            tr("A plan carries its scenario: --variant and --set go with a scenario file.")
        )
    path, plan = read_plan(text)
    from optimizer.analyses.given import given

    own = given(plan, str(path))
    return plan, own.reading, own


def _code(found: Sensitivity) -> int:
    points = [point for one in found.inputs for point in (one.low, one.high)]
    limited = found.decision == "open" or any(
        p.status in ("limit", "none") or p.decision == "open" for p in points
    )
    return 1 if limited or found.ended == "interrupted" else 0
