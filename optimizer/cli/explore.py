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

from models.files import Reading, read_case
from models.language import tr
from models.recording import Record, recording
from models.results import Plan
from optimizer.analyses.options import BatchOptions
from optimizer.cli import diagnostics, disk, options, usage
from optimizer.cli.batch import PATIENCE, Ledger, Solving, alone
from optimizer.cli.batch_runs import Run, grids, name_all
from optimizer.cli.diagnostics import Steps
from optimizer.cli.options import built, declared
from optimizer.model.cores import usable_cores
from optimizer.page import family
from optimizer.page.question import Question, Unasked

GAP = 1e-3
MOST_BYTES = 5_000_000
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
    callback=grids,
    metavar="ID=A,B,...",
    help="What is moved, by the id that it has in addresses of 'vorrat open', and its values; may "
    "be given often. Public budgets, hazards and damage, as factors, if not given.",
)
@click.option(
    "--variants/--no-variants",
    default=True,
    help="Whether all variants are in it; they are if not said.",
)
@declared(BatchOptions)
@options.engine_options
@options.path("--out", "FILE", "Write the page here; beside the scenario if not given.")
@options.path(
    "--runs",
    "DIR",
    "Keep the solved points here, and go on from those that are there; beside the page.",
)
@options.force("Overwrite the page.")
@options.quiet
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
    disk.refuse([page], force)
    began, where = time.perf_counter(), options.taken(values)
    asked = built(BatchOptions, values, memory_limit=where["memory_limit"])
    if "gap" not in asked.model_fields_set:
        asked = asked.model_copy(update={"gap": GAP})
    with recording() as record:
        base = read_case(file, check_variants=True)
    diagnostics.show(base.warnings)
    axes = family.axes(base, moves, variants)
    every = list(family.points(file.stem, axes))
    steps = Steps(quiet)
    with closing(steps):
        say = tr("reading")
        told = partial(steps.counted, of=len(every), name=say)
        readings: dict[str | None, Reading] = {None: base}
        runs_of = list(_runs(file, readings, record, every, asked, told))
    wanted = [run for run in runs_of if run is not None]
    if left := len(runs_of) - len(wanted):
        usage.announce("{count} points stay open: their variant has not what is moved.", count=left)
    name_all(wanted)
    jobs = asked.jobs
    if jobs is None and where["scheduler"] is None:
        jobs = min(usable_cores(), len(wanted))
    seconds = None if asked.time_limit is None else 2 * asked.time_limit + PATIENCE
    with options.asked_for(jobs=jobs, seconds=seconds, **where):
        disk.make_folder(folder)
        with alone(folder):
            solving = Solving(
                wanted, asked, Ledger(folder, resume=True), True, False, quiet, related=True
            )
            code = solving.go(jobs, began)
    found: dict[str, Any] = {}
    places = count()
    for run, point in zip(runs_of, every, strict=True):
        line = None if run is None else solving.lines.get(next(places))
        place = ".".join(map(str, point.at))
        if line is not None and line.plan is not None:
            plan = Plan.model_validate_json((folder / line.plan).read_bytes())
            found[place] = family.figures(plan)
        elif line is not None and line.status != "open":
            found[place] = {"status": line.status}
    cases = [reading.case for reading in readings.values()]
    made = family.page(family.content(cases, axes, found, file.stem))
    disk.leave_all([(page, made.encode())], force)
    click.echo(str(page))
    if len(made) > MOST_BYTES:
        usage.announce(
            "The page has {size} MB; fewer values make it smaller.", size=round(len(made) / 1e6, 1)
        )
    return max(code, 1) if left else code


def _runs(
    file: Path,
    readings: dict[str | None, Reading],
    record: Record,
    every: Sequence[family.Point],
    asked: BatchOptions,
    told: Any,
) -> Iterator[Run | None]:
    """Each point as a run of a batch, and None for one whose variant has not what is moved there.
    Variants are read into ``readings``."""
    for n, point in enumerate(every):
        question: Question = point.question
        if question.variant not in readings:
            readings[question.variant] = read_case(file, question.variant)
        try:
            reading, made = question.asked(readings[question.variant])
        except Unasked:
            if question.variant is None:
                raise
            yield None
            continue
        settings = tuple(f"{path}={value}" for path, value in made.items())
        run = Run(str(file), question.variant, settings, dict(question.moved))
        run.take(reading, record, asked)
        told(n + 1)
        yield run
