"""``vorrat report``, ``vorrat brief`` and ``vorrat workbook``: results as pages, as one page for
those who decide, and as an Excel workbook."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.language import current_language, tr
from models.results import Evaluation, Explanation, Plan, Result
from optimizer.cli import options, output_files, saved_results, usage
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from optimizer.report.document import Document

PLAN_FILE, REPORT_FILE, RESULTS_FILE, FAULTS_FILE = (
    "plan.json",
    "report.html",
    "results.xlsx",
    "faults.xlsx",
)
OPTIONS_FILE = "options.html"
BRIEF_FILES = ("brief.html", "brief.docx")
SLIDES_FILE = "brief.pptx"
EXIT_CODES_HELP = (
    "Exit codes: 0 written; 1 written of a result that is not whole, and says so; 2 wrong "
    "usage, or a file that holds no result; 5 failure."
)


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path_option(
    "--out",
    "FILE",
    f"Write the page to this file; {REPORT_FILE} beside the result if not given, and in the "
    "current folder for several.",
)
@options.path_option(
    "--excel", "FILE.xlsx", "Write an Excel workbook of the same results to this file as well."
)
@options.path_option(
    "--charts",
    "DIR",
    "Write each chart into this folder as well, as SVG and as PNG for a text processor.",
)
@options.force_option("Overwrite existing files of the same names.")
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
    found, plans = saved_results.read_results(given)
    if out is None:
        main = next((one for one in found if isinstance(one.result, Plan)), found[0])
        out = (
            Path(REPORT_FILE)
            if len(found) > 1 and len(plans) > 1
            else main.path.parent / REPORT_FILE
        )
    workbooks = [] if excel is None else [_check_workbook_name(excel)]
    output_files.refuse_existing([out, *workbooks], force)
    # Jinja and Matplotlib take a moment to import: only those who want a page wait for them.
    from optimizer.report.render import html
    from optimizer.report.render import workbook as sheets

    with saved_results.explain_rendering_errors(found):
        made, doubts = saved_results.document_of_results(found, plans)
        page = html.render_page(made, doubts)
        files = []
        if saved_results.single_plan(found, plans) is not None:
            from optimizer.analyses.plan.document import brief_document as brief_of

            pages = render_briefs(saved_results.render_plan(found, {}, brief_of), doubts)
            beside = [(_brief_path(out, name), content) for name, content in pages.items()]
            # One that is there may say who wrote it, and for which options.
            files = [(path, content) for path, content in beside if force or not path.exists()]
            for path in (path for path, _ in beside if not force and path.exists()):
                announce("'{path}' is there already, and stays as it is.", path=path)
        shown = [out, *workbooks, *(path for path, _ in files)]
        for place, chart in enumerate(
            html.document_charts(made) if charts is not None else (), start=1
        ):
            # In the order of the page.
            name = f"{place:02}-{chart.name}"
            files.append((Path(charts or "", f"{name}.svg"), chart.svg_file()))
            files.append((Path(charts or "", f"{name}.png"), chart.png_file()))
    output_files.refuse_existing([path for path, _ in files], force)
    with saved_results.explain_rendering_errors(found):
        files += [(path, sheets.render_workbook(made, doubts)) for path in workbooks]
    output_files.write_files([*files, (out, page.encode())], force)
    for path in shown:
        click.echo(str(path))
    return saved_results.exit_code_of(found)


@click.command(
    epilog="Exit codes: 0 written; 1 written of a result that is not whole or not proven to the "
    "gap, and says so; 2 wrong usage, or a file that holds no plan; 5 failure."
)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path_option(
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
@options.force_option("Overwrite existing files of the same names.")
@options.json_option()
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
    compared, plans = saved_results.read_results(given)
    today = date or _format_date(datetime.date.today())
    if payer is not None:
        if label is not None or slides or explain:
            raise usage_error("--for does not go with --option, --slides or --explain.")
        return _write_funder_brief(compared, plans, payer, (author, today), out, force, as_json)
    found, others = compared, dict[str, Plan]()
    main = saved_results.single_plan(found, plans)
    if main is None:
        path, others = saved_results.plan_of_option(compared, plans, label)
        given = (str(path),)
        found, plans = saved_results.read_results(given)
        main = saved_results.single_plan(found, plans)
    elif label is not None:
        raise usage_error("--option goes with a comparison.")
    assert main is not None
    at, plan = main
    place = out or (at if found is compared else compared[0].path).parent
    names = [*BRIEF_FILES, *([SLIDES_FILE] if slides else [])]
    output_files.refuse_existing([place / name for name in names], force)
    code = 0 if as_is else _evaluate_missing(at, plan, {type(one.result) for one in found}, explain)
    if code not in (0, 1):
        return code
    found, plans = saved_results.read_results(given, show_doubts=False)
    from optimizer.analyses.plan.document import brief_document as brief_of
    from optimizer.analyses.plan.document import brief_figures as figures_of
    from optimizer.analyses.plan.document import slides_document as slides_of

    with saved_results.explain_rendering_errors(found):
        figures = saved_results.render_plan(found, others, figures_of)
        pages = saved_results.render_plan(found, others, brief_of, author=author, date=today)
        doubts = saved_results.combined_doubts(
            {one.path: one for one in (*compared, *found)}.values()
        )
        files = [(place / name, content) for name, content in render_briefs(pages, doubts).items()]
        if slides:
            from optimizer.report.render import slides as renderer

            made = saved_results.render_plan(found, others, slides_of)
            files.append((place / SLIDES_FILE, renderer.render_slides(made, doubts)))
    output_files.write_files(files, force)
    if as_json:
        click.echo(output_files.to_json_bytes(figures), nl=False)
    for path, _ in files if not as_json else ():
        click.echo(str(path))
    return max(code, int(bool(doubts.contradictions)))


def _write_funder_brief(
    results: Sequence[saved_results.SavedResult],
    plans: Mapping[str, Plan],
    payer: str,
    author_and_date: tuple[str, str],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the page of a funder, and say where it is, or what it has of each option."""
    from optimizer.analyses.comparison.funder_page import build_funder_page

    with saved_results.explain_rendering_errors(results):
        comparison = saved_results.comparison_of(results, plans)
    views = {view.funder: view for view in comparison.own_views}
    if payer not in views:
        raise usage_error(
            "'{name}' is no company that pays in any of these options, and no public funder that "
            "'vorrat compare --federal' leaves out; there are {known}.",
            name=payer,
            known=", ".join(views) or tr("none"),
        )
    place = out or (results[0].path.parent if len(results) == 1 else Path())
    names = [f"brief-{output_files.safe_name(payer)}{Path(name).suffix}" for name in BRIEF_FILES]
    output_files.refuse_existing([place / name for name in names], force)
    with saved_results.explain_rendering_errors(results):
        pages = render_briefs(
            build_funder_page(comparison, plans, payer, *author_and_date), comparison.caveats
        )
    output_files.write_files(
        [(place / n, c) for n, c in zip(names, pages.values(), strict=True)], force
    )
    if as_json:
        click.echo(output_files.to_json_bytes(views[payer]), nl=False)
    for name in names if not as_json else ():
        click.echo(str(place / name))
    return saved_results.exit_code_of(results)


def render_briefs(document: "Document", doubts: Any) -> dict[str, bytes]:
    """The pages of a brief by their names: for a browser and for Word."""
    from optimizer.report.render import html, word

    page, text = html.render_page(document, doubts).encode(), word.render_word(document, doubts)
    return dict(zip(BRIEF_FILES, (page, text), strict=True))


def _brief_path(report: Path, name: str) -> Path:
    """The place of a brief beside a report, named alike."""
    end = Path(name).suffix
    stem = report.stem if report.suffix.lower() in (".html", ".htm") else report.name
    stem = f"{stem.removesuffix('report')}brief" if stem.endswith("report") else f"{stem}-brief"
    return report.with_name(stem + end)


def _format_date(day: datetime.date) -> str:
    """A date as the language writes it."""
    return f"{day:%d.%m.%Y}" if current_language() == "de" else f"{day.day} {day:%B %Y}"


def quick_evaluation_options(plan: Plan) -> list[str]:
    """Options of an evaluation that says no more than a brief needs."""
    none = ("replications", "wait-and-see", "tail-weight", "longer", "rare", "reserve")
    sampled = ["--states", "10000"] if plan.certificate.seed is not None else []
    return [*(f"--{name}=0" for name in none), *sampled, "--gap", "0.001"]


def _evaluate_missing(plan_file: Path, plan: Plan, known_types: set[type], explain: bool) -> int:
    """Find what a brief is missing, and write it beside the plan; the exit code."""
    from optimizer import cli

    code = 0
    for command, kind, asked, more in (
        ("evaluate", Evaluation, True, quick_evaluation_options(plan)),
        ("explain", Explanation, explain, []),
    ):
        if asked and kind not in known_types:
            # One that lies there is of another plan, or would be known.
            line = [
                command,
                str(plan_file),
                "--out",
                str(saved_results.results_folder(plan_file)),
                "--force",
                *more,
            ]
            code = max(code, cli.run_silently(line))
            if code not in (0, 1):
                break
    return code


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path_option("--out", "FILE.xlsx", "Write the workbook to this file.", required=True)
@options.force_option("Overwrite an existing file.")
@usage.language_option
def workbook(given: tuple[str, ...], out: Path, force: bool) -> int:
    """Make an Excel workbook of saved results, with live formulas and checks; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, with
    differences to the first, and so are several results of another kind. Results of a single plan
    that lie in its folder, or are given beside it, get sheets.
    """
    output_files.refuse_existing([_check_workbook_name(out)], force)
    # XlsxWriter takes a moment to import: only those who want a workbook wait for it.
    from optimizer.report.render.workbook import render_workbook

    found, plans = saved_results.read_results(given)
    with saved_results.explain_rendering_errors(found):
        book = render_workbook(*saved_results.document_of_results(found, plans))
    output_files.write_files([(out, book)], force)
    click.echo(str(out))
    return saved_results.exit_code_of(found)


def _check_workbook_name(path: Path) -> Path:
    """The path, or a usage error where Excel would not take it for a workbook."""
    if path.suffix.lower() != ".xlsx":
        raise usage_error("'{path}': a workbook's name ends in .xlsx.", path=path)
    return path


def render_products(
    plan: Plan, results: Iterable[Result] = (), others: Mapping[str, Plan] | None = None
) -> dict[str, bytes]:
    """The content of each file by its name, in the current language; ``results`` go with the
    plan, and ``others`` are what it is compared with, by label."""
    from models.results.caveats import NO_CAVEATS
    from optimizer.analyses.document_dispatch import build_result_document
    from optimizer.analyses.plan.companion_results import group_by_kind
    from optimizer.analyses.plan.document import brief_document as brief_of
    from optimizer.report.render import html, workbook

    along = group_by_kind(results)
    made = build_result_document(plan, others=others or {}, **along)
    page, book = html.render_page(made).encode(), workbook.render_workbook(made)
    known = {PLAN_FILE: output_files.to_json_bytes(plan), REPORT_FILE: page, RESULTS_FILE: book}
    return known | render_briefs(brief_of(plan, others or {}, **along), NO_CAVEATS)
