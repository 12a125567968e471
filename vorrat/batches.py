"""Many scenarios, solved independently of one another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast

from models.faults import ScenarioError
from models.results import Batch, Plan
from optimizer.analyses.options import BatchOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.errors import Misuse
from vorrat.analysis_result import Found
from vorrat.arguments import (
    FLAG,
    FUNCTION,
    ArgumentKind,
    Progress,
    ProgressFunction,
    build_options,
    check_arguments,
    convert_settings,
    convert_texts,
    document_options,
    reject_single_text,
)
from vorrat.extra import ExtraFunction, applying_extra
from vorrat.loading import StoredPlans
from vorrat.option_types import BatchKeywords
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:
    from models.results import BatchRun
    from optimizer.analyses.batch.batch_solving import BatchSolution
    from optimizer.cli.batch_runs import PlannedRun


def _convert_grid(value: Any) -> dict[str, tuple[str, ...]]:
    """Return the values of a grid as texts, by path."""
    if not isinstance(value, Mapping):
        raise TypeError
    grid: dict[str, tuple[str, ...]] = {}
    for path, values in value.items():
        if not isinstance(values, Iterable):
            raise TypeError
        settings = (convert_settings({path: item})[0] for item in reject_single_text(values))
        grid[path] = tuple(dict.fromkeys(text.partition("=")[2] for text in settings))
    return grid


GRID = ArgumentKind(_convert_grid, "a mapping of paths to lists of values")
VARIANTS = ArgumentKind(
    lambda value: value if isinstance(value, bool) else convert_texts(reject_single_text(value)),
    "True, False, or a list of ids of variants",
)


@check_arguments(
    given=SCENARIO, variants=VARIANTS, grid=GRID, keep_going=FLAG, progress=FUNCTION,
    on_plan=FUNCTION, extra=FUNCTION,
)  # fmt: skip
@document_options("batch")
def batch(
    *given: Scenario,
    variants: bool | Sequence[str] = False,
    grid: Mapping[str, Iterable[Any]] | None = None,
    keep_going: bool = False,
    progress: ProgressFunction | None = None,
    on_plan: Callable[[Found[Plan]], None] | None = None,
    extra: ExtraFunction | None = None,
    **options: Unpack[BatchKeywords],
) -> Found[Batch]:
    """Solve many scenarios independently, each with its variants and all combinations of values.

    Parameters
    ----------
    *given
        The scenarios.
    variants
        True for all variants of each scenario besides the scenario itself, or the ids of variants
        to solve instead of it.
    grid
        Values of figures by dotted path. Of several paths, all combinations are solved.
    keep_going
        Whether the other runs are solved if one fails or its scenario has faults.
    progress
        Function that is called with the number of finished runs, in a :class:`vorrat.Progress`.
    on_plan
        Function that is called with the plan of each run as soon as it is found.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables
        to each run. It is not sent to other processes: ``jobs`` is then 1.
    **options

    Returns
    -------
    Found of Batch
        One row for each run. ``plans`` holds the plans by name of the run, ``failures`` the
        reasons why runs have no plan, and ``complete`` is True if all runs are solved to the gap.

    Raises
    ------
    ScenarioError
        If a combination has faults, unless ``keep_going`` is set.
    Misuse
        If nothing is given, an option is not valid, or there is ``extra`` with several ``jobs``.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> done = vorrat.batch(scenario, grid={"policy.budget_meur": [0, 20]}, jobs=1)
    >>> [(run.varied["policy.budget_meur"], round(run.expected)) for run in done.result.runs]
    [('0', 40), ('20', 12)]
    """
    from optimizer.analyses.batch.batch_solving import solve_batch
    from optimizer.cli.batch import STOPPING_EXIT_CODES, ledger_line, task_result_line
    from optimizer.cli.batch_runs import assign_run_names
    from optimizer.cli.saved_results import PLAN_FILE
    from optimizer.model.cores import usable_cores
    from optimizer.parallel import choose_worker_count
    from optimizer.solve.certification import package_versions

    started_at = time.perf_counter()
    batch_options = cast(BatchOptions, build_options(ANALYSES_BY_NAME["batch"], options))
    if not given:
        raise Misuse("there is nothing to solve")
    with applying_extra(extra, None):  # keys and the number of workers depend on it
        planned = list(
            _planned_runs(given, variants, cast(Any, grid) or {}, batch_options, keep_going)
        )
        jobs = choose_worker_count(batch_options.jobs, min(usable_cores(), len(planned)))
    scenarios, runs = [scenario for scenario, _ in planned], [run for _, run in planned]
    assign_run_names(runs)
    lines: dict[int, BatchRun] = {}
    for position, run in enumerate(runs):
        if run.task is None:
            message = "; ".join(str(fault) for fault in run.faults if fault.severity == "error")
            lines[position] = ledger_line(run, status="faulty", exit_code=2, error=message)
    pending = [position for position in range(len(runs)) if position not in lines]
    contents: dict[str, bytes] = {}
    ended: Literal["complete", "stopped"] = "complete"

    def tasks() -> Iterator[Any]:
        for position in pending:
            if ended == "complete":
                # With rules in Python, a task is solved here before the next one is taken.
                with applying_extra(extra, scenarios[position]):
                    yield runs[position].task

    solutions = solve_batch(tasks(), batch_options, jobs)
    plans = StoredPlans(contents)
    with closing(solutions):
        for result in solutions:
            run, solution = runs[pending[result.task_index]], cast("BatchSolution", result.answer)
            line = task_result_line(run, result)
            if solution is not None:
                contents[run.run] = solution.plan_json
                line = line.model_copy(update={"plan": f"runs/{run.run}/{PLAN_FILE}"})
                if on_plan is not None:
                    on_plan(plans[run.run])
            lines[pending[result.task_index]] = line
            if progress is not None:
                progress(Progress(run.run, len(lines), len(runs)))
            if line.exit_code in STOPPING_EXIT_CODES and not keep_going:
                ended = "stopped"
    all_lines = [lines.get(n) or ledger_line(run, status="open") for n, run in enumerate(runs)]
    limit_names = ("time_limit", "node_limit", "method", "memory_limit")
    result_document = Batch(
        gap_target=batch_options.gap,
        **{name: getattr(batch_options, name) for name in limit_names},
        ended=ended,
        kept=0,
        seconds=time.perf_counter() - started_at,
        versions=package_versions(),
        runs=tuple(all_lines),
    )
    return Found(
        result_document,
        ", ".join(dict.fromkeys(scenario.label for scenario in given)),
        all(line.status == "optimal" for line in all_lines),
        tuple(f"{line.run}: {line.error}" for line in all_lines if line.error is not None),
        plans,
        {line.run: line.plan for line in all_lines if line.plan is not None},
    )


def _planned_runs(
    given: Sequence[Scenario],
    variants: bool | Sequence[str],
    grid: Mapping[str, Sequence[str]],
    options: BatchOptions,
    keep_going: bool,
) -> Iterator[tuple[Scenario, PlannedRun]]:
    """Yield the runs of all scenarios with the scenario of each (its figures are in the task), in
    the order of the command. Raise ScenarioError for faults, unless ``keep_going`` is set."""
    from models.input_log import InputLog
    from optimizer.cli.batch_runs import PlannedRun, value_combinations

    for scenario in given:
        names: list[str | None] = [scenario.variant]
        if not isinstance(variants, bool):
            names = [*variants] or names
        elif variants:
            names += scenario.variants
        for variant in dict.fromkeys(names):
            for varied in value_combinations(grid):
                texts = tuple(f"{path}={value}" for path, value in varied.items())
                settings = (*scenario.settings, *texts)
                run = PlannedRun(scenario.path, variant, settings, varied)
                try:
                    changed = scenario if variant == scenario.variant else None
                    changed = changed or scenario.changed(variant=variant)
                    needs_file = any(path.split(".")[0] == "include" for path in varied)
                    reading = (
                        changed.changed(*texts).reading
                        if needs_file
                        else changed.reading.with_settings(texts)
                        if texts
                        else changed.reading
                    )
                except ScenarioError as error:
                    if not keep_going:
                        raise
                    run.faults = error.faults
                else:
                    run.keep_scenario(reading, InputLog(), options)
                yield replace(scenario, variant=variant, settings=settings), run
