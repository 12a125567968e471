"""``vorrat evaluate``: how good a saved plan is on states that it was not made for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from models.faults import ScenarioError
from models.language import tr
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.given import read_plan
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

if TYPE_CHECKING:
    from optimizer.analyses.given import GivenPlan

EVALUATION_FILE = "evaluation.json"
SOLVING = ("replications", "replication_states", "wait_and_see", "tail_weight", "longer")
"""Options of parts that rest on the plan's own scenario."""
SAMPLING = ("states", "seed", "replications", "replication_states", "rare")
"""Options of what is drawn."""


@click.command(
    epilog="Exit codes: 0 judged, all solves to the gap; 1 some solve was stopped by a limit; 2 "
    "wrong usage or input; 4 nothing known of a problem before the limit; 5 failure; 130 "
    "interrupted."
)
@click.argument("plan")
@click.option(
    "--states",
    type=click.IntRange(min=2),
    default=100_000,
    show_default=True,
    metavar="N",
    help="How many fresh states.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Seed of the fresh states; the one after the plan's own if not given.",
)
@click.option(
    "--reserve",
    "reserves",
    type=options.Finite(min=0, max=1),
    multiple=True,
    default=(0.0, 0.25, 0.5),
    show_default=True,
    metavar="SHARE",
    help="Share of planned stock that the release rule keeps for the dearer steps; may be given "
    "often.",
)
@click.option(
    "--replications",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="R",
    help="Samples for each of which the best plan is sought; 0 leaves out how far from the best "
    "the plan can be.",
)
@click.option(
    "--replication-states",
    type=click.IntRange(min=1),
    metavar="N",
    help="States in each of these samples; as many as the plan's own if not given.",
)
@click.option(
    "--wait-and-see",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    metavar="N",
    help="States of the plan that are solved by themselves; 0 leaves out what it is worth to know.",
)
@click.option(
    "--tail-weight",
    type=options.Finite(min=0, max=1),
    metavar="WEIGHT",
    help="Weight of the worst states in the plan that minds them; the scenario's if not given, or "
    "0.5 where that is 0; 0 leaves out what minding them costs.",
)
@click.option(
    "--rare",
    type=click.IntRange(min=0),
    metavar="N",
    help="States in which rare events are drawn more often; a tenth of --states if not given; 0 "
    "leaves them out.",
)
@click.option(
    "--longer",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="YEARS",
    help="Years that the horizon is prolonged by; 0 leaves that out.",
)
@click.option(
    "--states-of",
    "other",
    metavar="FILE",
    help="Look at the plan in the states of this scenario instead of its own: another world, or "
    "the path that came. Nothing is solved then.",
)
@click.option(
    "--variant", metavar="ID", help="Read the file of --states-of as this variant changes it."
)
@options.settings
@click.option(
    "--quick",
    is_flag=True,
    help="Solve nothing: only fresh states, the release rule and rare events.",
)
@options.gap
@options.time_limit_each
@engines.chosen
@options.as_json
@options.out(EVALUATION_FILE)
@options.force
@options.quiet
@speaking.language_option
def evaluate(
    plan: str,
    states: int,
    seed: int | None,
    reserves: tuple[float, ...],
    replications: int,
    replication_states: int | None,
    wait_and_see: int,
    tail_weight: float | None,
    rare: int | None,
    longer: int,
    other: str | None,
    variant: str | None,
    settings: tuple[str, ...],
    quick: bool,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Judge a saved PLAN on states that it was not made for, and against what could be known.

    PLAN is a plan.json or the folder it is in.
    """
    if as_json:
        speaking.for_machines()
    save.prepare(out, [EVALUATION_FILE], force)
    if replications == 1:
        raise click.UsageError(tr("--replications 1 leaves chance open: take two at least, or 0."))
    if other is None and (variant is not None or settings):
        raise click.UsageError(tr("--variant and --set go with --states-of."))
    if other is not None or quick:
        _refuse_solving(quick)
    path, read = read_plan(plan)
    if seed is not None and seed == read.certificate.seed:
        raise click.UsageError(
            tr(
                "--seed {seed} is that of the plan's own states, on which it looks its best; take "
                "another.",
                seed=seed,
            )
        )

    # The solver and Pyomo take a second to import: not for those who mistyped an option.
    from optimizer.analyses.evaluation.evaluate import Asked, Effort, is_complete
    from optimizer.analyses.evaluation.evaluate import evaluate as judge
    from optimizer.analyses.evaluation.rare import FEWEST
    from optimizer.analyses.given import given

    if rare is not None and 0 < rare < FEWEST:
        raise click.UsageError(tr("--rare takes {fewest} states at least, or 0.", fewest=FEWEST))
    save.make_sure(out)
    judged = given(read, str(path))
    try:
        there = None if other is None else _there(judged, other, variant, settings)
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    _tell_of_idle(judged if there is None else there)
    steps = Steps(quiet)
    if not quiet:
        click.echo(f"{path}: {summed_up(judged.reading.case)}", err=True)
    asked = Asked(
        states=states,
        seed=seed,
        reserves=tuple(dict.fromkeys(reserves)),
        replications=0 if quick else replications,
        replication_states=replication_states,
        wait_and_see=0 if quick else wait_and_see,
        tail_weight=0.0 if quick else tail_weight,
        rare=rare,
        longer=0 if quick else longer,
    )
    effort = Effort(gap, time_limit, jobs, steps.named, steps.progress)
    try:
        found = judge(judged, asked, effort, there=there, there_variant=variant)
    finally:
        steps.close()
    code = 0 if is_complete(found, gap) else 1
    with telling(found, as_json) as document:
        save.leave(out, "evaluation", {EVALUATION_FILE: document}, code, force=force)
    return code


def _refuse_solving(quick: bool) -> None:
    """Refuse options that --quick or --states-of leaves nothing to do for."""
    for name, value in _given_options(SOLVING).items():
        option = "--" + name.replace("_", "-")
        if not quick:
            raise click.UsageError(
                tr("{option} rests on the plan's own scenario, not on --states-of.", option=option)
            )
        if value:
            raise click.UsageError(tr("{option} and --quick exclude each other.", option=option))


def _tell_of_idle(given: GivenPlan) -> None:
    """Warn of options that have nothing to draw."""
    uncertainty = given.reading.case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        return
    idle = [
        "--" + name.replace("_", "-") for name, value in _given_options(SAMPLING).items() if value
    ]
    if idle:
        warning = tr(
            "warning: the scenario does not sample its states; without effect: {options}",
            options=", ".join(idle),
        )
        click.echo(warning, err=True)


def _given_options(names: tuple[str, ...]) -> dict[str, Any]:
    """Those of some options that stand on the command line, with their values."""
    context = click.get_current_context()
    typed = ParameterSource.COMMANDLINE
    return {n: context.params[n] for n in names if context.get_parameter_source(n) is typed}


def _there(
    judged: GivenPlan, other: str, variant: str | None, settings: tuple[str, ...]
) -> GivenPlan:
    """The plan in another scenario, whose warnings are shown."""
    from optimizer.analyses.evaluation.elsewhere import in_world_of

    return in_world_of(judged, varying.read(other, variant, settings))
