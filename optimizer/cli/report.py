"""``vorrat report`` and ``vorrat workbook``: results as an HTML page, or as an Excel workbook."""

from pathlib import Path

import click

from models.results import Plan
from optimizer.cli import disk, options, saved, usage
from optimizer.cli.usage import misused

PLAN, REPORT, RESULTS, FAULTS = "plan.json", "report.html", "results.xlsx", "faults.xlsx"
NAMES = (PLAN, REPORT, RESULTS)  # what is made, without the name of the scenario in front
EXITS = (
    "Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no result; 5 failure."
)


@click.command(epilog=EXITS)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path(
    "--out",
    "FILE",
    f"Write the page to this file; {REPORT} beside the result if not given, and in the "
    "current folder for several.",
)
@options.path(
    "--excel", "FILE.xlsx", "Write an Excel workbook of the same results to this file as well."
)
@options.path(
    "--charts",
    "DIR",
    "Write each chart into this folder as well, as SVG and as PNG for a text processor.",
)
@options.force("Overwrite existing files of the same names.")
@usage.language_option
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
        out = Path(REPORT) if len(found) > 1 and len(plans) > 1 else main.path.parent / REPORT
    workbooks = [] if excel is None else [_named(excel)]
    disk.refuse([out, *workbooks], force)
    # Jinja and Matplotlib take a moment to import: only those who want a page wait for them.
    from optimizer.report.render import html
    from optimizer.report.render import workbook as sheets

    with saved.showing(found):
        made, doubts = saved.as_document(found, plans)
        page = html.render(made, doubts)
        files = []
        for place, chart in enumerate(html.charts(made) if charts is not None else (), start=1):
            # In the order of the page.
            name = f"{place:02}-{chart.name}"
            files.append((Path(charts or "", f"{name}.svg"), chart.svg_file()))
            files.append((Path(charts or "", f"{name}.png"), chart.png_file()))
    disk.refuse([path for path, _ in files], force)
    with saved.showing(found):
        files += [(path, sheets.render(made, doubts)) for path in workbooks]
    disk.leave_all([*files, (out, page.encode())], force)
    click.echo(str(out))
    for path in workbooks:
        click.echo(str(path))
    return saved.code_of(found)


@click.command(epilog=EXITS)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path("--out", "FILE.xlsx", "Write the workbook to this file.", required=True)
@options.force("Overwrite an existing file.")
@usage.language_option
def workbook(given: tuple[str, ...], out: Path, force: bool) -> int:
    """Make an Excel workbook of saved results, with live formulas and checks; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, with
    differences to the first, and so are several results of another kind. A frontier.json or a
    split.json beside a single plan gets sheets.
    """
    disk.refuse([_named(out)], force)
    # XlsxWriter takes a moment to import: only those who want a workbook wait for it.
    from optimizer.report.render.workbook import render

    found, plans = saved.read_all(given)
    with saved.showing(found):
        book = render(*saved.as_document(found, plans))
    disk.leave_all([(out, book)], force)
    click.echo(str(out))
    return saved.code_of(found)


def _named(path: Path) -> Path:
    """The path, or a usage error where Excel would not take it for a workbook."""
    if path.suffix.lower() != ".xlsx":
        raise misused("'{path}': a workbook's name ends in .xlsx.", path=path)
    return path


def products(plan: Plan) -> dict[str, bytes]:
    """The content of each file by its name, in the current language."""
    from optimizer.analyses.documents import document_of
    from optimizer.report.render import html, workbook

    made = document_of(plan)
    page, book = html.render(made).encode(), workbook.render(made)
    return {PLAN: disk.document(plan), REPORT: page, RESULTS: book}
