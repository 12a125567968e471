"""``vorrat alternatives``: what else would do, and how robust each choice is."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.base import named
from models.faults import ScenarioError
from models.files import Reading, read_case
from models.language import tr
from models.results import Alternatives
from models.scenario.case import Case
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.given import is_plan, read_plan
from optimizer.cli.solve import PLAN_FILE
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

if TYPE_CHECKING:
    from optimizer.analyses.alternatives import Stated
    from optimizer.analyses.given import GivenPlan

ALTERNATIVES_FILE = "alternatives.json"
PLANS = "plans"
_SETTING = re.compile(r",\s*(?=[\w.]+=)")
"""A comma between two settings; those within a value stay."""


def _share(_ctx: click.Context, _option: click.Parameter, value: str) -> float:
    """A share, as ``2%`` or ``0.02``."""
    text = value.strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise click.BadParameter(tr("'{value}' is not a share such as 2% or 0.02.", value=value))
    return number


def _stated(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names of assumption sets and their settings."""
    found = []
    for value in values:
        name, colon, rest = value.partition(":")
        settings = tuple(part.strip() for part in _SETTING.split(rest.strip()))
        if not colon or not name.strip() or not all("=" in part for part in settings):
            raise click.BadParameter(
                tr("'{value}' is not of the form 'NAME: PATH=VALUE, PATH=VALUE'.", value=value)
            )
        found.append((name.strip(), settings))
    return tuple(found)


@click.command(
    epilog="Exit codes: 0 done; 1 stopped by a limit or by the user before all was found or "
    "solved; 2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 "
    "failure; 130 interrupted with nothing to keep."
)
@click.argument("given", metavar="FILE_OR_PLAN")
@varying.variant
@options.settings
@click.option(
    "--within",
    default="2%",
    show_default=True,
    callback=_share,
    metavar="SHARE",
    help="How far above the best plan an alternative may be, for example 2% or 0.02.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1, max=100),
    default=10,
    show_default=True,
    metavar="N",
    help="How many alternatives.",
)
@click.option(
    "--least-days",
    type=options.Finite(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="DAYS",
    help="A stockpile counts as bought up from so many days of the demand that it serves.",
)
@click.option(
    "--assume",
    "stated",
    multiple=True,
    callback=_stated,
    metavar="'NAME: PATH=VALUE, ...'",
    help="Solve under these assumptions as well; may be given often.",
)
@click.option("--no-variants", is_flag=True, help="Leave out the variants of the file.")
@click.option(
    "--no-assumptions",
    is_flag=True,
    help="Leave out the low and the high of each group of assumptions.",
)
@options.gap
@options.time_limit_each
@engines.chosen
@options.as_json
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Write {ALTERNATIVES_FILE} and {PLANS}/N/{PLAN_FILE} into this folder as well; plan 0 "
    "is the one compared with.",
)
@options.force
@options.quiet
@speaking.language_option
def alternatives(
    given: str,
    variant: str | None,
    settings: tuple[str, ...],
    within: float,
    count: int,
    least_days: float,
    stated: tuple[tuple[str, tuple[str, ...]], ...],
    no_variants: bool,
    no_assumptions: bool,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Find other plans that are nearly as good and as unlike as can be, and how robust choices are.

    FILE_OR_PLAN is a scenario file, or a saved plan: a plan.json or the folder it is in.
    """
    if as_json:
        speaking.for_machines()
    save.prepare(out, [ALTERNATIVES_FILE, PLANS], force)
    try:
        plan, reading, title, variants = _read(given, variant, settings, no_variants, quiet)
        from optimizer.analyses.alternatives import Asked, Effort, Stated
        from optimizer.analyses.alternatives import alternatives as sought

        save.make_sure(out)
        sets: tuple[Stated, ...] = tuple(Stated(*one) for one in stated)
        steps = Steps(quiet)
        try:
            sighted = sought(
                reading,
                Asked(within, count, least_days, sets, assumptions=not no_assumptions),
                Effort(gap, time_limit, jobs, on_step=steps.counted, on_progress=steps.progress),
                given=plan,
                variants=variants,
                title=title,
                variant=variant if plan is None else plan.plan.variant,
            )
        finally:
            steps.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    found = sighted.alternatives
    code = _code(found)
    with telling(found, as_json) as document:
        files = {
            f"{PLANS}/{number}/{PLAN_FILE}": save.document(plan)
            for number, plan in sighted.plans.items()
        }
        files[ALTERNATIVES_FILE] = document
        save.leave(out, "alternatives", files, code, force=force, replace=[PLANS])
    return code


def _read(
    given: str, variant: str | None, settings: tuple[str, ...], no_variants: bool, quiet: bool
) -> tuple[GivenPlan | None, Reading, str, dict[str, Case]]:
    """The plan that was given, if it was one, its scenario, a title, and the variants of a file."""
    if is_plan(given):
        if variant is not None or settings:
            raise click.UsageError(tr("--variant and --set go with a scenario file."))
        from optimizer.analyses.given import given as read_given

        path, plan = read_plan(given)
        if not quiet and not no_variants:
            click.echo(tr("A plan carries no variants of its file: none are solved."), err=True)
        found = read_given(plan, str(path))
        return found, found.reading, plan.title, {}
    reading = varying.read(given, variant, settings)
    if not quiet:
        click.echo(f"{given}: {summed_up(reading.case)}", err=True)
    wanted = [] if no_variants else [id for id in reading.case.variants if id != variant]
    others = {id: read_case(given, id, settings).case for id in wanted}
    return None, reading, named(reading.case.title, Path(given).stem), others


def _code(found: Alternatives) -> int:
    short = len(found.alternatives) < found.wanted and not found.exhausted
    stopped = any(other.status in ("limit", "none") for other in found.others)
    from optimizer.solve.checked_solution import is_within

    # Of a given plan the distance from the bound says nothing of the solve.
    proven = found.given or is_within(found.plan.objective, found.bound, found.gap_target)
    return 1 if found.ended == "interrupted" or short or stopped or not proven else 0
