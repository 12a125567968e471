"""``vorrat report``, ``vorrat brief`` and ``vorrat workbook``: results as pages, as one page for
those who decide, and as an Excel workbook."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.language import language, tr
from models.results import Evaluation, Explanation, Plan, Result
from optimizer.cli import disk, options, saved, usage
from optimizer.cli.usage import announce, misused

if TYPE_CHECKING:
    from optimizer.report.document import Document

PLAN, REPORT, RESULTS, FAULTS = "plan.json", "report.html", "results.xlsx", "faults.xlsx"
OPTIONS = "options.html"
BRIEFS = ("brief.html", "brief.docx")
SLIDES = "brief.pptx"
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
    are several results of another kind. Results of a single plan that lie in its folder, or are
    given beside it, get sections: a frontier, a split, and any number of stress tests. Its brief is
    written beside the page, unless one is there.
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
        if saved.single(found, plans) is not None:
            from optimizer.analyses.plan.document import brief as brief_of

            pages = briefs(saved.made_of(found, {}, brief_of), doubts)
            beside = [(_beside(out, name), content) for name, content in pages.items()]
            # One that is there may say who wrote it, and for which options.
            files = [(path, content) for path, content in beside if force or not path.exists()]
            for path in (path for path, _ in beside if not force and path.exists()):
                announce("'{path}' is there already, and stays as it is.", path=path)
        shown = [out, *workbooks, *(path for path, _ in files)]
        for place, chart in enumerate(html.charts(made) if charts is not None else (), start=1):
            # In the order of the page.
            name = f"{place:02}-{chart.name}"
            files.append((Path(charts or "", f"{name}.svg"), chart.svg_file()))
            files.append((Path(charts or "", f"{name}.png"), chart.png_file()))
    disk.refuse([path for path, _ in files], force)
    with saved.showing(found):
        files += [(path, sheets.render(made, doubts)) for path in workbooks]
    disk.leave_all([*files, (out, page.encode())], force)
    for path in shown:
        click.echo(str(path))
    return saved.code_of(found)


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole or not proven to the "
    "gap, and says so; 2 wrong usage, or a file that holds no plan; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path(
    "--out", "DIR", "Write into this folder; beside the plan if not given, or beside a comparison."
)
@click.option(
    "--option", "label", metavar="LABEL", help="The option of a comparison; its base if not given."
)
@click.option(
    "--for",
    "payer",
    metavar="FUNDER",
    help="The options of a comparison as a company, or a public funder that is not federal, sees "
    "them; solves nothing.",
)
@click.option(
    "--slides", is_flag=True, help="Write slides as well: five charts and a sentence each."
)
@click.option("--author", default="", metavar="TEXT", help="Who wrote it, for its last line.")
@click.option("--date", metavar="TEXT", help="When it was written; today if not given.")
@click.option("--as-is", is_flag=True, help="Solve nothing: show what lies beside the plan.")
@click.option(
    "--explain", is_flag=True, help="Find why candidates are left out as well, which takes minutes."
)
@options.force("Overwrite existing files of the same names.")
@options.as_json()
@usage.language_option
def brief(
    given: tuple[str, ...], out: Path | None, label: str | None, payer: str | None, slides: bool,
    author: str, date: str | None, as_is: bool, explain: bool, force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Put a saved plan on one page for those who decide: as a web page and for Word.

    RESULT is a plan or its folder, with results of it beside it, or a comparison, whose other
    options the plan is compared with; with --for it is a comparison, or several plans. What is not
    known yet of fresh states, and of what would be done without the plan, is evaluated first and
    written beside the plan.
    """
    compared, plans = saved.read_all(given)
    today = date or _written(datetime.date.today())
    if payer is not None:
        if label is not None or slides or explain:
            raise misused("--for does not go with --option, --slides or --explain.")
        return _for_one(compared, plans, payer, (author, today), out, force, as_json)
    found, others = compared, dict[str, Plan]()
    main = saved.single(found, plans)
    if main is None:
        path, others = saved.option_of(compared, plans, label)
        given = (str(path),)
        found, plans = saved.read_all(given)
        main = saved.single(found, plans)
    elif label is not None:
        raise misused("--option goes with a comparison.")
    assert main is not None
    at, plan = main
    place = out or (at if found is compared else compared[0].path).parent
    names = [*BRIEFS, *([SLIDES] if slides else [])]
    disk.refuse([place / name for name in names], force)
    code = 0 if as_is else _complete(at, plan, {type(one.result) for one in found}, explain)
    if code not in (0, 1):
        return code
    found, plans = saved.read_all(given, tells=False)
    from optimizer.analyses.plan.document import brief as brief_of
    from optimizer.analyses.plan.document import figures as figures_of
    from optimizer.analyses.plan.document import slides as slides_of

    with saved.showing(found):
        figures = saved.made_of(found, others, figures_of)
        pages = saved.made_of(found, others, brief_of, author=author, date=today)
        doubts = saved.doubts({one.path: one for one in (*compared, *found)}.values())
        files = [(place / name, content) for name, content in briefs(pages, doubts).items()]
        if slides:
            from optimizer.report.render import slides as renderer

            made = saved.made_of(found, others, slides_of)
            files.append((place / SLIDES, renderer.render(made, doubts)))
    disk.leave_all(files, force)
    if as_json:
        click.echo(disk.document(figures), nl=False)
    for path, _ in files if not as_json else ():
        click.echo(str(path))
    return max(code, int(bool(doubts.against)))


def _for_one(
    found: Sequence[saved.Given],
    plans: Mapping[str, Plan],
    payer: str,
    made: tuple[str, str],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the page of a funder, and say where it is, or what it has of each option."""
    from optimizer.analyses.comparison.own_page import page

    with saved.showing(found):
        comparison = saved.compared(found, plans)
    views = {view.funder: view for view in comparison.own_views}
    if payer not in views:
        raise misused(
            "'{name}' is no company that pays in any of these options, and no public funder that "
            "'vorrat compare --federal' leaves out; there are {known}.",
            name=payer,
            known=", ".join(views) or tr("none"),
        )
    place = out or (found[0].path.parent if len(found) == 1 else Path())
    names = [f"brief-{disk.safe_name(payer)}{Path(name).suffix}" for name in BRIEFS]
    disk.refuse([place / name for name in names], force)
    with saved.showing(found):
        pages = briefs(page(comparison, plans, payer, *made), comparison.said)
    disk.leave_all([(place / n, c) for n, c in zip(names, pages.values(), strict=True)], force)
    if as_json:
        click.echo(disk.document(views[payer]), nl=False)
    for name in names if not as_json else ():
        click.echo(str(place / name))
    return saved.code_of(found)


def briefs(made: "Document", doubts: Any) -> dict[str, bytes]:
    """The pages of a brief by their names: for a browser and for Word."""
    from optimizer.report.render import html, word

    page, text = html.render(made, doubts).encode(), word.render(made, doubts)
    return dict(zip(BRIEFS, (page, text), strict=True))


def _beside(report: Path, name: str) -> Path:
    """The place of a brief beside a report, named alike."""
    end = Path(name).suffix
    stem = report.stem if report.suffix.lower() in (".html", ".htm") else report.name
    stem = f"{stem.removesuffix('report')}brief" if stem.endswith("report") else f"{stem}-brief"
    return report.with_name(stem + end)


def _written(day: datetime.date) -> str:
    """A date as the language writes it."""
    return f"{day:%d.%m.%Y}" if language() == "de" else f"{day.day} {day:%B %Y}"


def quick(plan: Plan) -> list[str]:
    """Options of an evaluation that says no more than a brief needs."""
    none = ("replications", "wait-and-see", "tail-weight", "longer", "rare", "reserve")
    sampled = ["--states", "10000"] if plan.certificate.seed is not None else []
    return [*(f"--{name}=0" for name in none), *sampled, "--gap", "0.001"]


def _complete(at: Path, plan: Plan, known: set[type], explain: bool) -> int:
    """Find what a brief is missing, and write it beside the plan; the exit code."""
    from optimizer import cli

    code = 0
    for command, kind, asked, more in (
        ("evaluate", Evaluation, True, quick(plan)),
        ("explain", Explanation, explain, []),
    ):
        if asked and kind not in known:
            # One that lies there is of another plan, or would be known.
            line = [command, str(at), "--out", str(saved.home(at)), "--force", *more]
            code = max(code, cli.quietly(line))
            if code not in (0, 1):
                break
    return code


@click.command(epilog=EXITS)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path("--out", "FILE.xlsx", "Write the workbook to this file.", required=True)
@options.force("Overwrite an existing file.")
@usage.language_option
def workbook(given: tuple[str, ...], out: Path, force: bool) -> int:
    """Make an Excel workbook of saved results, with live formulas and checks; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, with
    differences to the first, and so are several results of another kind. Results of a single plan
    that lie in its folder, or are given beside it, get sheets.
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


def products(
    plan: Plan, results: Iterable[Result] = (), others: Mapping[str, Plan] | None = None
) -> dict[str, bytes]:
    """The content of each file by its name, in the current language; ``results`` go with the
    plan, and ``others`` are what it is compared with, by label."""
    from models.results.reservations import NONE
    from optimizer.analyses.documents import document_of
    from optimizer.analyses.plan.beside import by_kind
    from optimizer.analyses.plan.document import brief as brief_of
    from optimizer.report.render import html, workbook

    along = by_kind(results)
    made = document_of(plan, others=others or {}, **along)
    page, book = html.render(made).encode(), workbook.render(made)
    known = {PLAN: disk.document(plan), REPORT: page, RESULTS: book}
    return known | briefs(brief_of(plan, others or {}, **along), NONE)
