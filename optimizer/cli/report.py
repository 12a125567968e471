"""``vorrat report``: a saved result, or several side by side, as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.results import Plan
from optimizer.cli import saved, speaking, workbook
from optimizer.cli.disk import save

if TYPE_CHECKING:
    from optimizer.report.charts import Chart

REPORT_FILE = "report.html"


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no result; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Write the page to this file; {REPORT_FILE} beside the result if not given, and in the "
    "current folder for several.",
)
@click.option(
    "--excel",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.xlsx",
    help="Write an Excel workbook of the same results to this file as well.",
)
@click.option(
    "--charts",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write each chart into this folder as well, as SVG and as PNG for a text processor.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files of the same names.")
@speaking.language_option
def report(
    given: tuple[str, ...], out: Path | None, excel: Path | None, charts: Path | None, force: bool
) -> int:
    """Make one HTML page of saved results, to be read, printed and sent on; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, and so
    are several results of another kind. A frontier.json or a split.json in the folder of a single
    plan, or given beside it, gets a section.
    """
    found, plans = saved.read_all(given)
    if out is None:
        main = next((one for one in found if isinstance(one.result, Plan)), found[0])
        apart = len(found) > 1 and len(plans) > 1
        out = Path(REPORT_FILE) if apart else main.path.parent / REPORT_FILE
    workbooks = [] if excel is None else [workbook.named(excel)]
    save.refuse([out, *workbooks], force)
    # Jinja and Matplotlib take a moment to import: only those who want a page wait for them.
    from optimizer.report.render import html

    with saved.showing(found):
        made, doubts = saved.as_document(found, plans)
        page = html.render(made, doubts)
        files = _chart_files(html.charts(made), charts)
    save.refuse([path for path, _ in files], force)
    with saved.showing(found):
        files += [(path, workbook.of(made, doubts)) for path in workbooks]
    save.leave_all([*files, (out, page.encode())], force)
    click.echo(str(out))
    for path in workbooks:
        click.echo(str(path))
    return saved.code_of(found)


def _chart_files(charts: Sequence[Chart], folder: Path | None) -> list[tuple[Path, bytes]]:
    """Each chart as SVG and PNG, numbered in the order of the page."""
    if folder is None:
        return []
    files = []
    for place, chart in enumerate(charts, start=1):
        name = f"{place:02}-{chart.name}"
        files.append((folder / f"{name}.svg", chart.svg_file()))
        files.append((folder / f"{name}.png", chart.png_file()))
    return files
