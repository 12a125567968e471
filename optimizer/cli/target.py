"""``vorrat target``: the least budget that brings damage below a level, or stocks above one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from models.base import named
from models.faults import ScenarioError
from models.language import tr
from models.results import Target
from optimizer.cli import diagnostics, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.solve import PLAN_FILE
from optimizer.cli.supervision import child
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Kept, Steps

if TYPE_CHECKING:
    from optimizer.analyses.variation import Variation

TARGET_FILE = "target.json"


def _share(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """A share of one, or a percentage with its sign."""
    if value is None:
        return None
    text = value.strip()
    try:
        share = float(text[:-1].strip()) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise click.BadParameter(
            tr("'{value}' is not a share such as 60% or 0.6, above 0 and at most 1.", value=value)
        )
    return share


def _days(
    _ctx: click.Context, _option: click.Parameter, value: tuple[str, ...]
) -> dict[str, float]:
    """Days by the id of a stockpile or material."""
    found: dict[str, float] = {}
    for given in value:
        name, _, text = given.partition("=")
        try:
            days = float(text)
        except ValueError:
            days = math.nan
        if not name.strip() or not 0 <= days < 1e6:
            raise click.BadParameter(tr("'{value}' is not such as gallium=90.", value=given))
        if name.strip() in found:
            raise click.BadParameter(tr("'{name}' is named twice.", name=name.strip()))
        found[name.strip()] = days
    return found


@click.command(
    epilog="Exit codes: 0 proven to the tolerance; 1 stopped by a limit or by the user, what was "
    "found is written; 2 wrong usage or input; 3 no value reaches the goal; 4 nothing was found "
    "before the limit; 5 failure; 130 interrupted with nothing to keep."
)
@click.argument("file")
@varying.variant
@options.settings
@varying.vary
@varying.funder
@click.option(
    "--below",
    type=options.Finite(min=0),
    metavar="LEVEL",
    help="Bring damage to this level or below, in the unit of the measure.",
)
@click.option(
    "--reduce",
    "reduction",
    callback=_share,
    metavar="SHARE",
    help="Bring damage so much below what comes without any plan, for example 60%.",
)
@click.option(
    "--figure",
    type=click.Choice(["expected", "cvar", "worst"]),
    default="expected",
    show_default=True,
    help="Which figure of damage: the mean, the mean of the worst states, or the worst state.",
)
@click.option(
    "--days",
    callback=_days,
    multiple=True,
    metavar="ID=DAYS",
    help="Keep so many days of demand in stock: of a material, a stockpile, or all; may be given "
    "often.",
)
@click.option(
    "--from-year", type=int, metavar="YEAR", help="First year in which stocks must last so long."
)
@click.option(
    "--from", "first", type=options.Finite(), metavar="VALUE", help="Lowest value; 0 if not given."
)
@click.option(
    "--to",
    "last",
    type=options.Finite(),
    metavar="VALUE",
    help="Highest value; no limit for a budget if not given.",
)
@click.option(
    "--tolerance",
    type=options.Finite(min=0, min_open=True),
    metavar="WIDTH",
    help="How far apart what is reached and what is ruled out may be; a thousandth of "
    "the range if not given, and 1 at most for a budget.",
)
@options.gap
@varying.time_limit
@options.threads
@options.memory_limit
@options.as_json
@options.out(f"{TARGET_FILE} and {PLAN_FILE}")
@options.force
@options.reuse
@options.quiet
@speaking.language_option
def target(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    path: str | None,
    funder: str | None,
    below: float | None,
    reduction: float | None,
    figure: Literal["expected", "cvar", "worst"],
    days: dict[str, float],
    from_year: int | None,
    first: float | None,
    last: float | None,
    tolerance: float | None,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    memory_limit: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    reuse: Path | None,
    quiet: bool,
) -> int:
    """Find the least budget of the scenario FILE that reaches a goal, proven from both sides."""
    if as_json:
        speaking.for_machines()
    child.limit_memory(memory_limit)
    if below is not None and reduction is not None:
        raise click.UsageError(tr("--below and --reduce exclude each other."))
    if below is None and reduction is None and not days:
        raise click.UsageError(tr("A goal is missing: --below, --reduce or --days."))
    if from_year is not None and not days:
        raise click.UsageError(tr("--from-year goes with --days."))
    save.prepare(out, [TARGET_FILE, PLAN_FILE], force)
    kept = Kept(reuse, out)
    try:
        reading = varying.read(file, variant, settings)
        from optimizer.analyses.frontier.parametric_points import Effort
        from optimizer.analyses.target.goal import Wanted
        from optimizer.analyses.target.search import Between, reach

        number = varying.varied(reading, path, funder)
        _refuse(number, first, last)
        save.make_sure(out)
        steps = Steps(quiet)
        if not quiet:
            click.echo(f"{file}: {summed_up(reading.case)}", err=True)
        try:
            found = reach(
                number,
                Wanted(figure, below, reduction, days, from_year),
                Between(first or 0.0, last, tolerance),
                Effort(gap, time_limit, threads, steps.progress),
                pool=kept.open(reading),
                title=named(reading.case.title, Path(file).stem),
                variant=variant,
                on_trial=lambda value: steps.at(varying.shown(value)),
            )
        finally:
            steps.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    if found.ended == "interrupted" and found.status == "open":
        raise click.Abort
    code = _code(found)
    with telling(found, as_json) as document:
        files = {} if found.plan is None else {PLAN_FILE: save.document(found.plan)}
        files[TARGET_FILE] = document
        save.leave(out, "target", files, code, force=force, replace=[PLAN_FILE])
        kept.write()
    return code


def _refuse(number: Variation, first: float | None, last: float | None) -> None:
    """Refuse a number, or a range, that the least value of cannot be sought in."""
    if not number.loosens:
        from optimizer.analyses.variation import LOOSENING

        number.at(first or 0.0)
        raise click.UsageError(
            tr(
                "A higher {path} does not only loosen rules, so that its least value tells "
                "nothing; these do: {known}.",
                path=number.path,
                known=", ".join(LOOSENING),
            )
        )
    if last is None and number.funders is None:
        raise click.UsageError(tr("--vary {path} needs --to.", path=number.path))
    if last is not None and last <= (first or 0.0):
        raise click.UsageError(tr("--to must lie above --from."))
    for value in (first or 0.0, *([] if last is None else [last])):
        number.at(value)


def _code(found: Target) -> int:
    if found.status == "unreachable":
        return 3
    if found.status == "open":
        return 4
    return 0 if found.status == "proven" and found.ended == "complete" else 1
