"""``vorrat workbook``: a saved plan, or several side by side, as an Excel workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from models.language import tr
from models.results import Plan
from optimizer.cli import saved, speaking
from optimizer.cli.disk import save
from optimizer.cli.saved import Given

ENDING = ".xlsx"


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no plan to report on; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="PLAN...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE.xlsx",
    help="Write the workbook to this file.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@speaking.language_option
def workbook(given: tuple[str, ...], out: Path, force: bool) -> int:
    """Make an Excel workbook of saved plans, with live formulas and checks; needs no solver.

    PLAN is a plan.json or the folder it is in. Several plans are put side by side, with differences
    to the first, and so are those in a folder that compare, frontier or batch wrote. A
    frontier.json or a split.json beside a single plan gets sheets. Of other results (a split, a
    participation, an evaluation and the like) one makes a workbook of its own.
    """
    save.refuse([named(out)], force)
    found, plans = saved.read_all(given)
    with saved.showing(found):
        book = of(found, plans)
    save.leave_all([(out, book)], force)
    click.echo(str(out))
    return saved.code_of(found)


def named(path: Path) -> Path:
    """The path, or a usage error where Excel would not take it for a workbook."""
    if path.suffix.lower() != ENDING:
        raise click.UsageError(tr("'{path}': a workbook's name ends in .xlsx.", path=path))
    return path


def of(found: Sequence[Given], plans: Mapping[str, Plan]) -> bytes:
    """The workbook of a plan with what goes with it, of several plans, or of another result."""
    # pandas and XlsxWriter take a moment to import: only those who want a workbook wait for them.
    from optimizer.analyses.documents import document_of, has_document
    from optimizer.report.render.workbook import render
    from optimizer.report.workbook import write, write_alone

    doubts = saved.doubts(found)
    if not plans:
        alone = found[0].result
        return (
            render(document_of(alone), doubts)
            if has_document(alone)
            else write_alone(alone, doubts)
        )
    comparison = saved.side_by_side(found, plans)
    if comparison is not None:
        return render(document_of(comparison, plans=plans), comparison.said)
    (plan,) = plans.values()
    frontier, split = saved.beside(found)
    if split is None:
        return write(plan, frontier=frontier, doubts=doubts)
    from optimizer.analyses.split.document import plan_checks, plan_sheets

    beside = plan_sheets(split), plan_checks(split)
    return write(plan, frontier=frontier, split=beside, doubts=doubts)
