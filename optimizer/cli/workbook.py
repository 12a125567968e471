"""``vorrat workbook``: a saved result, or several side by side, as an Excel workbook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.language import tr
from models.results.reservations import Doubts
from optimizer.cli import saved, speaking
from optimizer.cli.disk import save

if TYPE_CHECKING:
    from optimizer.report.document import Document

ENDING = ".xlsx"


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no result; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
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
    """Make an Excel workbook of saved results, with live formulas and checks; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, with
    differences to the first, and so are several results of another kind. A frontier.json or a
    split.json beside a single plan gets sheets.
    """
    save.refuse([named(out)], force)
    found, plans = saved.read_all(given)
    with saved.showing(found):
        book = of(*saved.as_document(found, plans))
    save.leave_all([(out, book)], force)
    click.echo(str(out))
    return saved.code_of(found)


def named(path: Path) -> Path:
    """The path, or a usage error where Excel would not take it for a workbook."""
    if path.suffix.lower() != ENDING:
        raise click.UsageError(tr("'{path}': a workbook's name ends in .xlsx.", path=path))
    return path


def of(made: Document, doubts: Doubts) -> bytes:
    """The workbook of a document."""
    # XlsxWriter takes a moment to import: only those who want a workbook wait for it.
    from optimizer.report.render.workbook import render

    return render(made, doubts)
