"""``vorrat report``: a saved plan, or several side by side, as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.results import Plan
from optimizer.cli import saved, speaking, workbook
from optimizer.cli.disk import save
from optimizer.cli.saved import Given

if TYPE_CHECKING:
    from optimizer.report.charts import Chart

REPORT_FILE = "report.html"


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no plan to report on; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="PLAN...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Write the page to this file; {REPORT_FILE} beside the plan if not given, and in the "
    "current folder for several plans.",
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

    PLAN is a plan.json or the folder it is in. Several plans are put side by side, and so are those
    in a folder that compare, frontier or batch wrote. A frontier.json or a split.json in the folder
    of a single plan, or given beside it, gets a section. Of other results (a split, an evaluation
    and the like) one makes a page of its own.
    """
    found, plans = saved.read_all(given)
    if out is None:
        main = next((one for one in found if isinstance(one.result, Plan)), found[0])
        apart = len(found) > 1 and len(plans) > 1
        out = Path(REPORT_FILE) if apart else main.path.parent / REPORT_FILE
    workbooks = [] if excel is None else [workbook.named(excel)]
    save.refuse([out, *workbooks], force)
    with saved.showing(found):
        page, drawn = _drawn(found, plans)
        files = _chart_files(drawn, charts)
    save.refuse([path for path, _ in files], force)
    with saved.showing(found):
        files += [(path, workbook.of(found, plans)) for path in workbooks]
    save.leave_all([*files, (out, page.encode())], force)
    click.echo(str(out))
    for path in workbooks:
        click.echo(str(path))
    return saved.code_of(found)


def _drawn(found: Sequence[Given], plans: Mapping[str, Plan]) -> tuple[str, list[Chart]]:
    """The page and its charts."""
    from optimizer.analyses.documents import document_of, has_document
    from optimizer.report import html
    from optimizer.report.render import html as rendering

    doubts = saved.doubts(found)
    if not plans:
        alone = found[0].result
        if has_document(alone):
            made = document_of(alone)
            return rendering.render(made, doubts), rendering.charts(made)
        return html.report_on(alone, doubts), html.charts_on(alone)
    comparison = saved.side_by_side(found, plans)
    if comparison is None:
        (plan,) = plans.values()
        frontier, split = saved.beside(found)
        beside = None
        if split is not None:
            from optimizer.analyses.split.document import plan_sections

            (beside,) = plan_sections(split)
        page = html.report(plan, frontier=frontier, split=beside, doubts=doubts)
        return page, html.charts(plan, frontier=frontier, split=beside)
    side_by_side = document_of(comparison, plans=plans)
    return rendering.render(side_by_side, comparison.said), rendering.charts(side_by_side)


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
