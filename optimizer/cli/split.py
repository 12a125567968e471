"""``vorrat split``: what joint action is worth to companies, and whether a share of it holds."""

from __future__ import annotations

from pathlib import Path

import click

from models.base import named
from models.faults import ScenarioError
from models.results import StateMode
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

SPLIT_FILE = "split.json"


@click.command(
    epilog="Exit codes: 0 done; 1 a coalition was stopped by the time limit, its range is wider; "
    "2 wrong usage or input; 4 nothing was found before the limit; 5 failure; 130 interrupted."
)
@click.argument("file")
@varying.variant
@options.settings
@click.option(
    "--state",
    "mode",
    type=click.Choice(["every", "none", "player", "gift", "joint"]),
    default="every",
    show_default=True,
    help="Public funders: in every coalition, their net cost counted with it; in none; as a player "
    "of their own; as a gift to every coalition; or as a gift to the coalition of all alone.",
)
@click.option(
    "--externality",
    is_flag=True,
    help="Solve the game once more with outsiders who each do what is best for them alone.",
)
@click.option(
    "--exact-up-to",
    type=click.IntRange(min=2, max=12),
    default=12,
    show_default=True,
    metavar="N",
    help="Solve all coalitions of up to so many players; of more, those of sampled orders.",
)
@click.option(
    "--orders",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    metavar="N",
    help="Pairs of orders of joining that are sampled.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Of the sampled orders.",
)
@options.gap
@click.option(
    "--time-limit",
    type=options.Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each coalition after this time with the best plan so far.",
)
@engines.chosen
@options.as_json
@options.out(SPLIT_FILE)
@options.force
@options.quiet
@speaking.language_option
def split(
    file: str,
    variant: str | None,
    settings: tuple[str, ...],
    mode: StateMode,
    externality: bool,
    exact_up_to: int,
    orders: int,
    seed: int,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Share what the companies of the scenario FILE gain together, and test who would leave."""
    if as_json:
        speaking.for_machines()
    save.prepare(out, [SPLIT_FILE], force)
    try:
        reading = varying.read(file, variant, settings)
        from optimizer.analyses.split import Draw, Effort
        from optimizer.analyses.split import split as split_game

        save.make_sure(out)
        steps = Steps(quiet)
        if not quiet:
            click.echo(f"{file}: {summed_up(reading.case)}", err=True)
        effort = Effort(gap, time_limit, jobs, steps.counted, steps.progress)
        try:
            found = split_game(
                reading,
                mode,
                effort,
                second_game=externality,
                most_exact=exact_up_to,
                draw=Draw(orders, seed),
                title=named(reading.case.title, Path(file).stem),
                variant=variant,
            )
        finally:
            steps.close()
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    code = 0 if all(_is_within(own.found, own.bound, gap) for own in found.coalitions) else 1
    with telling(found, as_json) as document:
        save.leave(out, "split", {SPLIT_FILE: document}, code, force=force)
    return code


def _is_within(found: float, bound: float, gap: float) -> bool:
    from optimizer.solve.checked_solution import is_within

    return is_within(found, bound, gap)
