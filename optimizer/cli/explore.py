"""``vorrat explore``: one page that can be sent by mail, with a family of plans that are solved
beforehand."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import click

from models.files import LoadedScenario, read_case
from models.input_log import InputLog, log_inputs
from models.results import Plan
from optimizer.analyses.options import BatchOptions
from optimizer.cli import diagnostics, options, output_files, usage
from optimizer.cli.batch import BatchRunner
from optimizer.cli.batch_runs import PlannedRun, assign_run_names, parse_grids
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.options import build_options, declared_options
from optimizer.page import plan_family
from optimizer.page.scenario_store import InvalidRequest, Question

DEFAULT_GAP = 1e-3
MAX_MAILED_BYTES = 5_000_000
"""Size of a page above which a note says that it may be too large to mail."""


@click.command(
    epilog="Exit codes: 0 all points solved to the gap; 1 some stopped by a limit or left open; "
    "2 wrong usage or input; 3 no plan keeps all rules at some; 4 no plan before the limit at "
    "some; 5 a point failed; 130 interrupted with no point solved."
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--move",
    "moves",
    multiple=True,
    callback=parse_grids,
    metavar="ID=A,B,...",
    help="What is moved, by the id that it has in addresses of 'vorrat open', and its values; may "
    "be given often. Public budgets, hazards and damage, as factors, if not given.",
)
@click.option(
    "--variants/--no-variants",
    default=True,
    help="Whether all variants are in it; they are if not said.",
)
@declared_options(BatchOptions)
@options.engine_options
@options.path_option("--out", "FILE", "Write the page here; beside the scenario if not given.")
@options.path_option(
    "--runs",
    "DIR",
    "Keep the solved points here, and go on from those that are there; beside the page.",
)
@options.force_option("Overwrite the page.")
@options.quiet_option
@usage.language_option
def explore(
    file: Path,
    moves: dict[str, tuple[str, ...]],
    variants: bool,
    force: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Solve a family of plans and put it on one page, to be mailed and opened without Vorrat.

    Each combination of values is solved and kept as it is done; after an interruption the same
    command goes on. Between two solved values the page says what is proven, and nothing else.
    """
    out, runs = values.pop("out"), values.pop("runs")
    page = out or file.with_name(f"{file.stem}-explore.html")
    folder = runs or page.with_name(f"{page.stem}-runs")
    output_files.refuse_existing([page], force)
    start_time, engine = time.perf_counter(), options.take_engine_values(values)
    batch_options = build_options(BatchOptions, values, memory_limit=engine["memory_limit"])
    if "gap" not in batch_options.model_fields_set:
        batch_options = batch_options.model_copy(update={"gap": DEFAULT_GAP})
    with log_inputs() as input_log:
        base = read_case(file, check_variants=True)
    diagnostics.show_faults(base.warnings)
    axes = plan_family.make_axes(base, moves, variants)
    points = list(plan_family.make_points(file.stem, axes))
    progress = ProgressDisplay(quiet)
    with closing(progress):
        step = "reading"
        on_read = partial(progress.report_step, total=len(points), step_name=step)
        scenarios_by_variant: dict[str | None, LoadedScenario] = {None: base}
        point_runs = list(
            _points_as_runs(file, scenarios_by_variant, input_log, points, batch_options, on_read)
        )
    planned_runs = [run for run in point_runs if run is not None]
    if open_count := len(point_runs) - len(planned_runs):
        usage.announce(
            "{count} points stay open: their variant has not what is moved.", count=open_count
        )
    assign_run_names(planned_runs)
    runner = BatchRunner(planned_runs, batch_options, folder, True, quiet=quiet, warm_start=True)
    code = runner.solve_all(engine, start_time)
    figures: dict[str, Any] = {}
    run_positions = count()
    for run, point in zip(point_runs, points, strict=True):
        line = None if run is None else runner.lines.get(next(run_positions))
        point_key = ".".join(map(str, point.indices))
        if line is not None and line.plan is not None:
            plan = Plan.model_validate_json((folder / line.plan).read_bytes())
            figures[point_key] = plan_family.plan_figures(plan)
        elif line is not None and line.status != "open":
            figures[point_key] = {"status": line.status}
    cases = [loaded_scenario.case for loaded_scenario in scenarios_by_variant.values()]
    html = plan_family.render_page(plan_family.page_content(cases, axes, figures, file.stem))
    output_files.write_files([(page, html.encode())], force)
    click.echo(str(page))
    if len(html) > MAX_MAILED_BYTES:
        usage.announce(
            "The page has {size} MB; fewer values make it smaller.", size=round(len(html) / 1e6, 1)
        )
    return max(code, 1) if open_count else code


def _points_as_runs(
    file: Path,
    scenarios_by_variant: dict[str | None, LoadedScenario],
    input_log: InputLog,
    points: Sequence[plan_family.Point],
    batch_options: BatchOptions,
    on_read: Any,
) -> Iterator[PlannedRun | None]:
    """Yield for each point of the family the run of a batch that solves it; None if the variant of
    the point lacks something that the point changes. Variants that are read are added to
    ``scenarios_by_variant``."""
    for number, point in enumerate(points, start=1):
        question: Question = point.question
        if question.variant not in scenarios_by_variant:
            scenarios_by_variant[question.variant] = read_case(file, question.variant)
        try:
            loaded_scenario, values_by_path = question.apply_to(
                scenarios_by_variant[question.variant]
            )
        except InvalidRequest:
            if question.variant is None:
                raise
            yield None
            continue
        settings = tuple(f"{path}={value}" for path, value in values_by_path.items())
        run = PlannedRun(str(file), question.variant, settings, dict(question.moved))
        run.keep_scenario(loaded_scenario, input_log, batch_options)
        on_read(number)
        yield run
