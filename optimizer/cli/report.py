"""``vorrat report``, ``vorrat brief`` and ``vorrat workbook``: saved results as an HTML page, as a
one-page brief, and as an Excel workbook."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.language import current_language
from models.results import Evaluation, Explanation, Plan, Result
from optimizer.cli import options, output_files, saved_results, usage
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from optimizer.report.document import Document

PLAN_FILE = "plan.json"
REPORT_FILE = "report.html"
RESULTS_FILE = "results.xlsx"
FAULTS_FILE = "faults.xlsx"
OPTIONS_FILE = "options.html"
BRIEF_FILES = ("brief.html", "brief.docx")
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
    saved_items, plans = saved_results.read_results(given)
    if out is None:
        main_result = next(
            (saved for saved in saved_items if isinstance(saved.result, Plan)), saved_items[0]
        )
        out = (
            Path(REPORT_FILE)
            if len(saved_items) > 1 and len(plans) > 1
            else main_result.path.parent / REPORT_FILE
        )
    workbooks = [] if excel is None else [_check_workbook_name(excel)]
    output_files.refuse_existing([out, *workbooks], force)
    # Imported late: Jinja and Matplotlib are slow to import.
    from optimizer.report.render import html, workbook as workbook_renderer

    document = saved_results.document_of_results(saved_items, plans)
    page = html.render_page(document)
    files = []
    if saved_results.single_plan(saved_items, plans) is not None:
        from optimizer.analyses.plan.document import brief_document

        pages = render_briefs(saved_results.render_plan(saved_items, {}, brief_document))
        brief_files = [(_brief_path(out, name), content) for name, content in pages.items()]
        # An existing brief is kept: it may state its author and compare other options.
        files = [(path, content) for path, content in brief_files if force or not path.exists()]
        for path in (path for path, _ in brief_files if not force and path.exists()):
            announce("'{path}' is there already, and stays as it is.", path=path)
    shown_paths = [out, *workbooks, *(path for path, _ in files)]
    for number, chart in enumerate(
        html.document_charts(document) if charts is not None else (), start=1
    ):
        # Numbered, so that files are sorted in the order of the page.
        name = f"{number:02}-{chart.name}"
        files.append((Path(charts or "", f"{name}.svg"), chart.svg_file()))
        files.append((Path(charts or "", f"{name}.png"), chart.png_file()))
    output_files.refuse_existing([path for path, _ in files], force)
    files += [(path, workbook_renderer.render_workbook(document)) for path in workbooks]
    output_files.write_files([*files, (out, page.encode())], force)
    for path in shown_paths:
        click.echo(str(path))
    return saved_results.exit_code_of(saved_items)


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
@click.option("--author", default="", metavar="TEXT", help="Who wrote it, for its last line.")
@click.option("--date", metavar="TEXT", help="When it was written; today if not given.")
@click.option("--as-is", is_flag=True, help="Solve nothing: show only results that exist.")
@click.option(
    "--explain", is_flag=True, help="Find why candidates are left out as well, which takes minutes."
)
@options.path_option(
    "--template", "FILE.docx", "Fill this Word template in place of that of Vorrat.", exists=True
)
@options.force_option("Overwrite existing files of the same names.")
@options.json_option()
@usage.language_option
def brief(
    given: tuple[str, ...], out: Path | None, label: str | None, payer: str | None,
    author: str, date: str | None, as_is: bool, explain: bool, template: Path | None, force: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Put a saved plan on one page for those who decide: as a web page and for Word.

    RESULT is a plan or its folder, with results of it beside it, or a comparison, whose other
    options the plan is compared with; with --for it is a comparison, or several plans. What is not
    known yet of fresh states, and of what would be done without the plan, is evaluated first and
    written beside the plan.
    """
    inputs, plans = saved_results.read_results(given)
    today = date or _format_date(datetime.date.today())
    word_template = None if template is None else template.read_bytes()
    if payer is not None:
        if label is not None or explain:
            raise usage_error("--for does not go with --option or --explain.")
        return _write_funder_brief(
            inputs, plans, payer, (author, today), word_template, out, force, as_json
        )
    results, other_plans = inputs, dict[str, Plan]()
    plan_file_and_plan = saved_results.single_plan(results, plans)
    if plan_file_and_plan is None:
        path, other_plans = saved_results.plan_of_option(inputs, plans, label)
        given = (str(path),)
        results, plans = saved_results.read_results(given)
        plan_file_and_plan = saved_results.single_plan(results, plans)
    elif label is not None:
        raise usage_error("--option goes with a comparison.")
    assert plan_file_and_plan is not None
    plan_file, plan = plan_file_and_plan
    folder = out or (plan_file if results is inputs else inputs[0].path).parent
    output_files.refuse_existing([folder / name for name in BRIEF_FILES], force)
    known_types = {type(saved.result) for saved in results}
    code = 0 if as_is else _run_missing_analyses(plan_file, plan, known_types, explain)
    if code not in (0, 1):
        return code
    results, plans = saved_results.read_results(given, warn=False)
    from optimizer.analyses.plan.document import brief_document, brief_figures

    figures = saved_results.render_plan(results, other_plans, brief_figures)
    pages = saved_results.render_plan(
        results, other_plans, brief_document, author=author, date=today
    )
    files = [
        (folder / name, content) for name, content in render_briefs(pages, word_template).items()
    ]
    _write_and_print(files, force, figures if as_json else None)
    return max(code, saved_results.exit_code_of([*inputs, *results]))


def _write_funder_brief(
    results: Sequence[saved_results.SavedResult],
    plans: Mapping[str, Plan],
    payer: str,
    author_and_date: tuple[str, str],
    word_template: bytes | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the brief of one funder. Print the paths of its files, or with ``as_json`` the effects
    of each option on the funder."""
    from optimizer.analyses.comparison.funder_page import build_funder_page

    comparison = saved_results.comparison_of(results, plans)
    views = {view.funder: view for view in comparison.own_views}
    if payer not in views:
        raise usage_error(
            "'{name}' is no company that pays in any of these options, and no public funder that "
            "'vorrat compare --federal' leaves out; there are {known}.",
            name=payer,
            known=", ".join(views) or "none",
        )
    folder = out or (results[0].path.parent if len(results) == 1 else Path())
    names = [f"brief-{output_files.safe_name(payer)}{Path(name).suffix}" for name in BRIEF_FILES]
    output_files.refuse_existing([folder / name for name in names], force)
    document = build_funder_page(comparison, plans, payer, *author_and_date)
    pages = render_briefs(document, word_template)
    files = [(folder / name, page) for name, page in zip(names, pages.values(), strict=True)]
    _write_and_print(files, force, views[payer] if as_json else None)
    return saved_results.exit_code_of(results)


def _write_and_print(files: Sequence[tuple[Path, bytes]], force: bool, figures: Any = None) -> None:
    """Write files, and print their paths; the figures as JSON instead if they are given."""
    output_files.write_files(files, force)
    if figures is not None:
        click.echo(output_files.to_json_bytes(figures), nl=False)
    for path, _ in files if figures is None else ():
        click.echo(str(path))


def render_briefs(document: "Document", word_template: bytes | None = None) -> dict[str, bytes]:
    """Render a brief for browsers and for Word. Return the content of each file, by file name."""
    from optimizer.report.render import html, word

    page, text = html.render_page(document).encode(), word.render_word(document, word_template)
    return dict(zip(BRIEF_FILES, (page, text), strict=True))


def _brief_path(report: Path, name: str) -> Path:
    """Return the path of a brief beside a report, with a name made from that of the report."""
    end = Path(name).suffix
    stem = report.stem if report.suffix.lower() in (".html", ".htm") else report.name
    stem = f"{stem.removesuffix('report')}brief" if stem.endswith("report") else f"{stem}-brief"
    return report.with_name(stem + end)


def _format_date(day: datetime.date) -> str:
    """Return a date as text in the current language."""
    return f"{day:%d.%m.%Y}" if current_language() == "de" else f"{day.day} {day:%B %Y}"


def quick_evaluation_options(plan: Plan) -> dict[str, Any]:
    """Return the options of an evaluation that computes only what a brief needs."""
    omitted_parts = ("replications", "wait_and_see", "tail_weight")
    states = {"states": 10_000} if plan.certificate.seed is not None else {}
    return {**dict.fromkeys(omitted_parts, 0), "reserves": (0,), **states, "gap": 1e-3}


def _run_missing_analyses(
    plan_file: Path, plan: Plan, known_types: set[type], explain: bool
) -> int:
    """Run the analyses whose results a brief needs and does not have, and write the results beside
    the plan. Return the exit code."""
    from optimizer.analyses.analysis_options import EvaluateOptions, ExplainOptions
    from optimizer.cli.analysis_commands import run_nested
    from optimizer.cli.diagnostics import ProgressDisplay

    code, folder, progress = 0, saved_results.results_folder(plan_file), ProgressDisplay(False)
    if Evaluation not in known_types:
        evaluate_options = EvaluateOptions(**quick_evaluation_options(plan), listener=progress)
        code, _ = run_nested("evaluate", plan_file, evaluate_options, folder)
    if explain and Explanation not in known_types and code in (0, 1):
        explain_options = ExplainOptions(listener=progress)
        code = max(code, run_nested("explain", plan_file, explain_options, folder)[0])
    return code


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("given", nargs=-1, required=True, metavar="RESULT...")
@options.path_option("--out", "FILE.xlsx", "Write the workbook to this file.", is_required=True)
@options.force_option("Overwrite an existing file.")
@usage.language_option
def workbook(given: tuple[str, ...], out: Path, force: bool) -> int:
    """Make an Excel workbook of saved results; needs no solver.

    RESULT is a file that a command wrote, or its folder. Several plans are put side by side, with
    differences to the first, and so are several results of another kind. Results of a single plan
    that lie in its folder, or are given beside it, get sheets.
    """
    output_files.refuse_existing([_check_workbook_name(out)], force)
    # Imported late: XlsxWriter is slow to import.
    from optimizer.report.render.workbook import render_workbook

    results, plans = saved_results.read_results(given)
    book = render_workbook(saved_results.document_of_results(results, plans))
    _write_and_print([(out, book)], force)
    return saved_results.exit_code_of(results)


def _check_workbook_name(path: Path) -> Path:
    """Return the path unchanged. Raise click.UsageError if it does not end in .xlsx."""
    if path.suffix.lower() != ".xlsx":
        raise usage_error("'{path}': a workbook's name ends in .xlsx.", path=path)
    return path


def render_products(
    plan: Plan, results: Iterable[Result] = (), other_plans: Mapping[str, Plan] | None = None
) -> dict[str, bytes]:
    """Return the contents of all files that present a plan, by file name, in the current language.
    ``results`` are companion results of the plan, and ``other_plans`` are the plans with which it
    is compared, by label."""
    from optimizer.analyses.plan.companion_results import group_by_kind
    from optimizer.analyses.plan.document import brief_document
    from optimizer.analyses.registry import build_result_document
    from optimizer.report.render import html, workbook

    companions = group_by_kind(results)
    document = build_result_document(plan, other_plans=other_plans or {}, **companions)
    page, book = html.render_page(document).encode(), workbook.render_workbook(document)
    products = {PLAN_FILE: output_files.to_json_bytes(plan), REPORT_FILE: page, RESULTS_FILE: book}
    return products | render_briefs(brief_document(plan, other_plans or {}, **companions))
