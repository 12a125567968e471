"""``vorrat explain``: why each project and each stock of a saved plan is in or out."""

from __future__ import annotations

from pathlib import Path

import click

from models.faults import ScenarioError
from models.language import tr
from models.results import Explanation
from optimizer.cli import diagnostics, engines, options, speaking, varying
from optimizer.cli.disk import save
from optimizer.cli.given import read_plan
from optimizer.cli.telling import telling
from optimizer.cli.validate import summed_up
from optimizer.cli.varying import Steps

EXPLANATION_FILE = "explanation.json"


@click.command(
    epilog="Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is written; "
    "2 wrong usage, or a file that holds no plan; 4 nothing proven before the limit; 5 failure; "
    "130 interrupted with nothing to keep."
)
@click.argument("plan")
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Explain this project or stockpile alone; may be given often.",
)
@click.option(
    "--days",
    type=options.Finite(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="N",
    help="Days of demand that a stock which buys nothing is asked to hold, to see what that costs.",
)
@click.option(
    "--no-values", is_flag=True, help="Do not ask what more of budgets and limits is worth."
)
@click.option(
    "--gap",
    type=options.Finite(min=0),
    default=1e-5,
    show_default=True,
    metavar="SHARE",
    help="How close each answer may be proven, as a share of the objective; it is solved less "
    "closely where its answer is clear before.",
)
@varying.time_limit
@engines.chosen
@options.as_json
@options.out(EXPLANATION_FILE)
@options.force
@options.quiet
@speaking.language_option
def explain(
    plan: str,
    only: tuple[str, ...],
    days: float,
    no_values: bool,
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> int:
    """Say of each project and each stock of a saved PLAN why it is in or out.

    PLAN is a plan.json or the folder it is in. Each decision is made the other way and everything
    else decided anew; budgets and limits are loosened by steps.
    """
    if as_json:
        speaking.for_machines()
    save.prepare(out, [EXPLANATION_FILE], force)
    path, read = read_plan(plan)
    if read.scenario is None:
        raise click.UsageError(
            tr("'{path}' does not carry its scenario: solve it again, and explain that.", path=path)
        )
    try:
        from optimizer.analyses.explanation import Asked, known_ids
        from optimizer.analyses.explanation import explain as ask_all
        from optimizer.analyses.given import given

        taken = given(read, str(path))
    except ScenarioError as error:
        diagnostics.show_all(error.faults)
        return error.exit_code
    known = known_ids(taken.problem.instance)
    for id in only:
        if id not in known:
            raise click.UsageError(
                tr(
                    "There is no project or stockpile '{id}'; there are {known}.",
                    id=id,
                    known=", ".join(known) or "-",
                )
            )
    save.make_sure(out)
    shown = Steps(quiet)
    if not quiet:
        click.echo(f"{path}: {summed_up(taken.reading.case)}", err=True)
    asked = Asked(
        only, days, not no_values, gap, time_limit, jobs, shown.counted, shown.progress
    )  # fmt: skip
    try:
        found = ask_all(taken, asked)
    finally:
        shown.close()
    code = _code(found)
    with telling(found, as_json) as document:
        save.leave(out, "explanation", {EXPLANATION_FILE: document}, code, force=force)
    return code


def _code(found: Explanation) -> int:
    return 1 if found.cut_short or found.ended == "interrupted" else 0
