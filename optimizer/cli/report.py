"""``vorrat report``: a saved plan, or several side by side, as one HTML page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from models.language import tr
from models.results import Frontier, Plan
from optimizer.cli import speaking
from optimizer.cli.writing import make_folder, write_whole

if TYPE_CHECKING:
    from optimizer.reporting.charts import Chart

PLAN_FILE, FRONTIER_FILE, REPORT_FILE = "plan.json", "frontier.json", "report.html"


@dataclass(frozen=True)
class _Given:
    """A result that was read, and the file it stands in."""

    path: Path
    result: Plan | Frontier


@click.command(
    epilog="Exit codes: 0 written; 2 wrong usage, or a file that holds no plan to report on; "
    "5 failure."
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
    "--charts",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write each chart into this folder as well, as SVG and as PNG for a text processor.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files of the same names.")
@speaking.language_option
def report(given: tuple[str, ...], out: Path | None, charts: Path | None, force: bool) -> int:
    """Make one HTML page of saved results, to be read, printed and sent on; needs no solver.

    PLAN is a plan.json or the folder it is in. Several plans are put side by side. A frontier.json
    in the folder of a single plan, or given beside it, gets a section.
    """
    found = [_read(text) for text in given]
    plans = [one for one in found if isinstance(one.result, Plan)]
    if not plans:
        raise click.UsageError(tr("A report needs a plan; a frontier goes beside one."))
    if out is None:
        out = plans[0].path.parent / REPORT_FILE if len(plans) == 1 else Path(REPORT_FILE)
    _refuse([out], force)
    page, drawn = _single(found, plans[0]) if len(plans) == 1 else _several(found, plans)
    files = _chart_files(drawn, charts)
    _refuse([path for path, _ in files], force)
    make_folder(out.parent)
    write_whole(out, page.encode())
    if charts is not None:
        make_folder(charts)
    for path, content in files:
        write_whole(path, content)
    click.echo(str(out))
    return 0


def _single(found: Sequence[_Given], given: _Given) -> tuple[str, list[Chart]]:
    from optimizer.reporting import html

    assert isinstance(given.result, Plan)
    plan, frontier = given.result, _frontier_for(found, given)
    return html.report(plan, frontier=frontier), html.charts(plan, frontier=frontier)


def _several(found: Sequence[_Given], given: Sequence[_Given]) -> tuple[str, list[Chart]]:
    if len(given) < len(found):
        raise click.UsageError(tr("A frontier goes with one plan, and here are several."))
    from optimizer.analyses.compare import compare, distinct
    from optimizer.reporting import html

    plans = [one.result for one in given if isinstance(one.result, Plan)]
    comparison = compare(plans, distinct([_label(one) for one in given]))
    return html.comparison_report(plans, comparison), html.comparison_charts(comparison)


def _label(given: _Given) -> str:
    """A short name: that of the folder of a plan.json, else that of the file."""
    own = given.path.name == PLAN_FILE
    return (given.path.resolve().parent.name or "plan") if own else given.path.stem


def _frontier_for(found: Sequence[_Given], given: _Given) -> Frontier | None:
    """The frontier that was given, or one beside the plan; it has to be of the same scenario."""
    assert isinstance(given.result, Plan)
    frontiers = [one for one in found if isinstance(one.result, Frontier)]
    if len(frontiers) > 1:
        raise click.UsageError(tr("One frontier goes into a report, and here are several."))
    beside = given.path.parent / FRONTIER_FILE
    if not frontiers and beside.is_file():
        frontiers = [_read(str(beside))]
    for one in frontiers:
        assert isinstance(one.result, Frontier)
        if not _same_scenario(given.result, one.result):
            raise click.UsageError(
                tr(
                    "'{frontier}' was computed for another scenario than '{plan}'.",
                    frontier=one.path,
                    plan=given.path,
                )
            )
        return one.result
    return None


def _same_scenario(plan: Plan, frontier: Frontier) -> bool:
    """Whether both rest on one scenario, but for the number that the frontier varies."""
    if plan.scenario is None or frontier.scenario is None:
        return False
    pair = [json.loads(json.dumps(of)) for of in (plan.scenario, frontier.scenario)]
    for content in pair:
        content.pop("variants", None)
        _drop(content, frontier.varied.split("."))
    return bool(pair[0] == pair[1])


def _drop(content: Any, steps: Sequence[str]) -> None:
    """Take a value out of nested mappings, and mappings that are empty then."""
    inside = content.get(steps[0]) if isinstance(content, dict) else None
    if inside is None:
        return
    if len(steps) > 1:
        _drop(inside, steps[1:])
    if len(steps) == 1 or not inside:
        content.pop(steps[0])


def _read(text: str) -> _Given:
    """A saved plan or frontier.

    Raises click.UsageError where there is none, or one that cannot be reported on.
    """
    path = Path(text)
    if path.is_dir():
        if not (path / PLAN_FILE).is_file():
            raise click.UsageError(
                tr("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
            )
        path = path / PLAN_FILE
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        reason = tr(str(error.strerror))
        raise click.UsageError(
            tr("'{path}' cannot be read: {reason}.", path=path, reason=reason)
        ) from None
    except ValueError:
        raise click.UsageError(
            tr("'{path}' is no saved result: it is not JSON.", path=path)
        ) from None
    kind = content.get("kind") if isinstance(content, dict) else None
    models: dict[str, type[Plan | Frontier]] = {"plan": Plan, "frontier": Frontier}
    if kind not in models:
        raise click.UsageError(
            tr(
                "'{path}' holds no plan but {kind}; reports are made of what solve --out writes.",
                path=path,
                kind=f"'{kind}'" if isinstance(kind, str) else tr("something else"),
            )
        )
    result = _validated(models[kind], content, path)
    if isinstance(result, Plan) and result.scenario is None:
        raise click.UsageError(
            tr(
                "'{path}' does not carry its scenario, since an earlier version wrote it; solve it "
                "again to report on it.",
                path=path,
            )
        )
    return _Given(path, result)


def _validated(model: type[Plan | Frontier], content: Any, path: Path) -> Plan | Frontier:
    try:
        result = model.model_validate(content)
        result.case  # noqa: B018 - the scenario in it is read here, so that faults are told here
    except ValidationError as error:
        raise _not_of_this_version(error, path) from None
    return result


def _not_of_this_version(error: ValidationError, path: Path) -> click.UsageError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or tr("the document")
    return click.UsageError(
        tr(
            "'{path}' is no result of this version: {where}: {message}.",
            path=path,
            where=where,
            message=first["msg"].splitlines()[0],
        )
    )


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


def _refuse(paths: Sequence[Path], force: bool) -> None:
    for path in paths:
        if path.exists() and not force:
            raise click.UsageError(tr("'{path}' exists already; --force overwrites it.", path=path))
