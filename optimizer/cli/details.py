"""``vorrat details``: shortages, flows and multipliers of a saved plan in every state."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from models.results import Evaluation, Plan
from optimizer.analyses.second_stage import TableName, evaluated_states, long_table
from optimizer.cli import output_files, usage
from optimizer.cli.analysis_commands import misuse_as_usage_error
from optimizer.cli.options import force_option, path_option
from optimizer.cli.saved_results import read_stored_result
from optimizer.cli.usage import usage_error

TABLES = ("by-state", "flows", "values")
SUFFIXES = (".csv", ".parquet")


@click.command(
    # Python spells the names of tables with an underscore.
    context_settings={"token_normalize_func": lambda name: name.replace("_", "-")},
    epilog="Exit codes: 0 written; 2 wrong usage or input; 5 failure; 130 interrupted.",
)
@click.argument("given", metavar="RESULT")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default=TABLES[0],
    show_default=True,
    help="Shortage, damage and use of stocks; flows from sources to users; or the multipliers of "
    "all constraints.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Column that identifies a row; may be given often, or with commas; all if not given. "
    "Figures are summed over the others, and are expected values without the column state.",
)
@click.option(
    "--state", "states", multiple=True, metavar="NAME", help="Only this state; may be given often."
)
@click.option("--without-plan", is_flag=True, help="The states if nothing is built or bought.")
@path_option("--out", "FILE", "Write the table to this file, which ends in .parquet or .csv.")
@force_option("Overwrite an existing file.")
@usage.language_option
def details(
    given: str,
    table: str,
    by: tuple[str, ...],
    states: tuple[str, ...],
    without_plan: bool,
    out: Path | None,
    force: bool,
) -> int:
    """Tabulate a saved plan in every state of the world.

    RESULT is a plan.json, the evaluation.json of a plan in the same folder, or a folder with
    either. Without --out, the table is printed as CSV.
    """
    suffix = SUFFIXES[0] if out is None else out.suffix.lower()
    if suffix not in SUFFIXES:
        raise usage_error("'{path}': a table's name ends in .parquet or .csv.", path=out)
    by = tuple(column.strip() for names in by for column in names.split(","))
    if table == "values" and by:
        raise usage_error("--by does not go with --table values: multipliers are not summed.")
    output_files.refuse_existing([] if out is None else [out], force)
    # Imported late: these modules are slow to import.
    from models.scenario.chains import equal_steps_note
    from optimizer.analyses.saved_plan import load_saved_plan
    from optimizer.report.render.data_frames import render_frame

    with misuse_as_usage_error():
        stored = read_stored_result(given)
        if stored.warning:
            click.echo(f"WARNING: {stored.warning}", err=True)
        evaluation = stored.result if isinstance(stored.result, Evaluation) else None
        plan = stored.evaluated_plan if evaluation is not None else stored.result
        if not isinstance(plan, Plan):
            raise usage_error(
                "'{path}' is no plan, and no evaluation beside its plan.", path=stored.path
            )
        evaluated = evaluated_states(load_saved_plan(plan), without_plan, evaluation)
        name = cast(TableName, table.replace("-", "_"))
        frame = long_table(name, evaluated, by or None, states or None, plan.outcome.unit)
        content = render_frame(frame, suffix)
        shows_consumers = name != "values" and (not by or "consumer" in by)
        if shows_consumers and (note := equal_steps_note(evaluated.instance.case)):
            click.echo(note, err=True)
    if out is None:
        click.echo(content, nl=False)
    else:
        output_files.write_files([(out, content)], force)
        click.echo(str(out))
    return 0
