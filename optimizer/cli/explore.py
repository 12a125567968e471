"""``vorrat explore``: a page to be mailed, with a family of plans that were solved beforehand."""

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
from models.language import tr
from models.results import Plan
from optimizer.analyses.options import BatchOptions
from optimizer.cli import diagnostics, options, output_files, usage
from optimizer.cli.batch import HANG_GRACE_SECONDS, BatchRunner, RunLedger, lock_folder
from optimizer.cli.batch_runs import PlannedRun, assign_run_names, parse_grids
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.options import build_options, declared_options
from optimizer.model.cores import usable_cores
from optimizer.page import plan_family
from optimizer.page.question import InvalidRequest, Question

DEFAULT_GAP = 1e-3
MAX_MAILED_BYTES = 5_000_000
"""Of a page that is still mailed."""


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
    began, where = time.perf_counter(), options.take_engine_values(values)
    asked = build_options(BatchOptions, values, memory_limit=where["memory_limit"])
    if "gap" not in asked.model_fields_set:
        asked = asked.model_copy(update={"gap": DEFAULT_GAP})
    with log_inputs() as record:
        base = read_case(file, check_variants=True)
    diagnostics.show_faults(base.warnings)
    axes = plan_family.make_axes(base, moves, variants)
    every = list(plan_family.make_points(file.stem, axes))
    steps = ProgressDisplay(quiet)
    with closing(steps):
        say = tr("reading")
        told = partial(steps.report_step, total=len(every), step_name=say)
        readings: dict[str | None, LoadedScenario] = {None: base}
        runs_of = list(_points_as_runs(file, readings, record, every, asked, told))
    wanted = [run for run in runs_of if run is not None]
    if left := len(runs_of) - len(wanted):
        usage.announce("{count} points stay open: their variant has not what is moved.", count=left)
    assign_run_names(wanted)
    jobs = asked.jobs
    if jobs is None and where["scheduler"] is None:
        jobs = min(usable_cores(), len(wanted))
    seconds = None if asked.time_limit is None else 2 * asked.time_limit + HANG_GRACE_SECONDS
    with options.engine_in_use(jobs=jobs, task_timeout=seconds, **where):
        output_files.make_folder(folder)
        with lock_folder(folder):
            solving = BatchRunner(
                wanted, asked, RunLedger(folder, resume=True), True, False, quiet, warm_start=True
            )
            code = solving.solve_all(jobs, began)
    found: dict[str, Any] = {}
    places = count()
    for run, point in zip(runs_of, every, strict=True):
        line = None if run is None else solving.lines.get(next(places))
        place = ".".join(map(str, point.indices))
        if line is not None and line.plan is not None:
            plan = Plan.model_validate_json((folder / line.plan).read_bytes())
            found[place] = plan_family.plan_figures(plan)
        elif line is not None and line.status != "open":
            found[place] = {"status": line.status}
    cases = [reading.case for reading in readings.values()]
    made = plan_family.render_page(plan_family.page_content(cases, axes, found, file.stem))
    output_files.write_files([(page, made.encode())], force)
    click.echo(str(page))
    if len(made) > MAX_MAILED_BYTES:
        usage.announce(
            "The page has {size} MB; fewer values make it smaller.", size=round(len(made) / 1e6, 1)
        )
    return max(code, 1) if left else code


def _points_as_runs(
    file: Path,
    readings: dict[str | None, LoadedScenario],
    record: InputLog,
    points: Sequence[plan_family.Point],
    batch_options: BatchOptions,
    on_read: Any,
) -> Iterator[PlannedRun | None]:
    """Each point as a run of a batch, and None for one whose variant has not what is moved there.
    Variants are read into ``readings``."""
    for n, point in enumerate(points):
        question: Question = point.question
        if question.variant not in readings:
            readings[question.variant] = read_case(file, question.variant)
        try:
            reading, made = question.apply_to(readings[question.variant])
        except InvalidRequest:
            if question.variant is None:
                raise
            yield None
            continue
        settings = tuple(f"{path}={value}" for path, value in made.items())
        run = PlannedRun(str(file), question.variant, settings, dict(question.moved))
        run.keep_scenario(reading, record, batch_options)
        on_read(n + 1)
        yield run
