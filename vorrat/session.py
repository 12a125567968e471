"""Sessions, which solve a scenario repeatedly with changed figures, and batches of scenarios."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast

from models.faults import ScenarioError
from models.results import Batch, Plan
from optimizer.analyses.options import BatchOptions, SolveOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.errors import Infeasible, Misuse, NoPlan, VorratError
from vorrat.analysis_result import Found, StoredPlans, gap_text, projects_text
from vorrat.arguments import (
    FLAG,
    FUNCTION,
    SETTING,
    SETTINGS,
    VARIANT,
    ArgumentKind,
    Progress,
    ProgressFunction,
    build_options,
    callbacks,
    check_arguments,
    check_init_arguments,
    convert_settings,
    convert_texts,
    document_options,
    reject_single_text,
    validate_options,
)
from vorrat.option_types import BatchKeywords, ExtraFunction, applying_extra
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:
    from models.results import BatchRun
    from optimizer.analyses.batch.batch_solving import BatchSolution
    from optimizer.cli.batch_runs import PlannedRun
    from optimizer.solve.checked_solution import CheckedSolution as Solved
    from optimizer.solve.solver_result import Incumbent

DEFAULT_GAP = 1e-3  # relative gap between objective and bound at which a solve ends


def _convert_questions(value: Any) -> list[tuple[str, ...]]:
    return [
        convert_settings(
            question if isinstance(question, Mapping) else reject_single_text(question)
        )
        for question in reject_single_text(value)
    ]


QUESTIONS = ArgumentKind(_convert_questions, "lists of texts such as [['policy.budget_meur=5']]")


@check_init_arguments(scenario=SCENARIO, settings=SETTINGS)
@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """Best plan found for a changed scenario, with its proven bound.

    Returned by :meth:`Session.ask`.
    """

    scenario: Scenario
    settings: tuple[str, ...]
    solved: Solved

    def __repr__(self) -> str:
        settings_text = f" with {reprlib.repr(self.settings)}" if self.settings else ""
        lines = (
            f"<Answer of {self.scenario.label!r}{settings_text}: "
            f"{self.solved.certificate.status}, objective {self.objective:.6g}, "
            f"{gap_text(self.gap)}",
            f"expected {self.expected:.6g}, without a plan {self.expected_without_plan:.6g}",
            f"net cost {self.net_cost_meur:.6g}",
            f"{projects_text([*self.projects])}>",
        )
        return "\n ".join(lines)

    @property
    def objective(self) -> float:
        """Objective of the plan, recomputed independently of the solver."""
        return self.solved.objective

    @property
    def bound(self) -> float | None:
        """Proven lower bound on the objective of all plans; None if there is none."""
        return self.solved.certificate.bound

    @property
    def gap(self) -> float | None:
        """Relative gap between the objective and the bound; None without a bound."""
        return self.solved.certificate.gap

    @property
    def complete(self) -> bool:
        """Whether the requested gap is proven."""
        return self.solved.certificate.status == "optimal"

    @property
    def seconds(self) -> float:
        """Wall time of the solve in seconds."""
        return self.solved.certificate.seconds

    @property
    def expected(self) -> float:
        """Mean damage over the states of the world with the plan, in the unit of the measure."""
        return self.solved.with_plan.expected

    @property
    def expected_without_plan(self) -> float:
        """Mean damage over the states of the world without a plan, in the unit of the measure."""
        return self.solved.without_plan.expected

    @property
    def net_cost_meur(self) -> float:
        """Discounted net cost of the plan over all funders, in million EUR."""
        return self.solved.net_cost

    @property
    def projects(self) -> dict[str, int]:
        """Projects that the plan starts, with the year in which each is decided; only those decided
        before the review if decisions differ between review branches."""
        return dict(self.solved.commitment.start)

    @check_arguments()
    def plan(self) -> Found[Plan]:
        """Return the complete plan document, as :func:`vorrat.solve` returns it.

        This evaluates the second stage again, which takes a while for a large scenario.

        Returns
        -------
        Found of Plan
        """
        from optimizer.solve.planner import with_full_outcome

        document = with_full_outcome(self.solved).to_plan(
            self.scenario.title, self.scenario.variant
        )
        return Found(document, self.scenario.label, self.complete)


class Session:
    """Repeated solves of one scenario, each with some figures changed.

    The session keeps what does not depend on the changed figures, and plans, cuts and leaves of the
    search tree, so that later solves start warm. Plans and bounds agree with those of
    :func:`vorrat.solve` within the gap.

    Parameters
    ----------
    scenario
        The scenario, as returned by :func:`vorrat.read`.
    gap
        Relative gap between objective and bound at which a solve ends.
    threads
        Number of threads of the recourse evaluation; all usable cores if None.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.

    Examples
    --------
    >>> import vorrat
    >>> session = vorrat.Session(vorrat.read("scenarios/tutorial.yaml"))
    >>> round(session.ask().expected, 3)
    12.0
    >>> less = session.ask("policy.budget_meur=5")
    >>> less.expected > 12, less.complete
    (True, True)
    """

    @check_arguments(scenario=SCENARIO, extra=FUNCTION)
    def __init__(
        self,
        scenario: Scenario,
        gap: float = DEFAULT_GAP,
        threads: int | None = None,
        extra: ExtraFunction | None = None,
    ) -> None:
        from optimizer.solve.session import Session as SolveSession

        solve_options = validate_options("Session", SolveOptions, {"gap": gap, "threads": threads})
        self.scenario, self.gap = scenario, solve_options.gap
        self._solve_session = SolveSession(solve_options.threads)
        self._extra = extra

    def __repr__(self) -> str:
        return f"<Session of {self.scenario!r}, gap {self.gap:g}>"

    @check_arguments(settings=SETTING, variant=VARIANT, on_plan=FUNCTION, progress=FUNCTION)
    def ask(
        self,
        *settings: str | Mapping[str, Any],
        variant: str | None = None,
        gap: float | None = None,
        time_limit: float | None = None,
        on_plan: Callable[[Incumbent], None] | None = None,
        progress: ProgressFunction | None = None,
    ) -> Answer:
        """Compute the best plan of the scenario with some figures changed.

        A call from another thread ends a call that is still running, which then returns its best
        plan so far. The first call takes as long as :func:`vorrat.solve`.

        Parameters
        ----------
        *settings
            Values to change in this call only: mappings from dotted paths to values, or texts
            ``path=value``.
        variant
            Id of a variant of the file to use instead of the session's scenario.
        gap
            Relative gap at which the solve ends; that of the session if None.
        time_limit
            Seconds after which the best plan so far is returned; no limit if None.
        on_plan
            Function that is called with the first checked plan, with each better plan and with
            each better bound.
        progress
            Function that is called with the state of the solve, a :class:`vorrat.Progress`.

        Returns
        -------
        Answer
            The best plan found, and its bound.

        Raises
        ------
        ScenarioError
            With all faults of the changed scenario.
        Infeasible
            If no plan satisfies all rules. The error names an irreducible set of conflicting rules.
        NoPlan, Interrupted
            If a limit was reached, or another call was made, before any plan was found.
        """
        limits = {"gap": self.gap if gap is None else gap, "time_limit": time_limit}
        solve_options = validate_options("Session.ask", SolveOptions, limits)
        texts: tuple[str, ...] = tuple(chain.from_iterable(cast(Any, settings)))
        scenario = self.scenario
        if variant is not None:
            scenario = scenario.changed(*texts, variant=variant)
            case = scenario.case
        else:
            case = scenario.reading.with_settings(texts).case if texts else scenario.case
        with applying_extra(self._extra, scenario), callbacks(progress, None):
            solved = self._solve_session.ask(
                case,
                gap=solve_options.gap,
                time_limit=solve_options.time_limit,
                on_incumbent=on_plan,
            )
        return Answer(scenario, texts, solved)

    @check_arguments(questions=QUESTIONS, progress=FUNCTION)
    def ask_each(
        self,
        questions: Iterable[Sequence[str] | Mapping[str, Any]],
        jobs: int | None = None,
        progress: ProgressFunction | None = None,
    ) -> list[Answer | VorratError]:
        """Compute the answers to many questions in parallel processes.

        Each process starts from the present state of the session and from its own earlier
        questions; the session itself is not changed. Results are the same on each run with the same
        number of processes. On a machine with few cores, successive calls of :meth:`ask` are
        faster.

        Parameters
        ----------
        questions
            Settings of each question, as for :meth:`ask`.
        jobs
            Number of processes, each with one thread; if None, the number of usable cores, or one
            for a small problem.
        progress
            Function that is called with the number of answers, in a :class:`vorrat.Progress`.

        Returns
        -------
        list of Answer or VorratError
            Answers in the order of the questions. Where :meth:`ask` would raise an error, the list
            holds that error.
        """
        from optimizer.parallel import Workers, choose_worker_count
        from optimizer.solve.planner import default_jobs

        jobs = validate_options("Session.ask_each", SolveOptions, {"jobs": jobs}).jobs
        settings_by_question = cast("list[tuple[str, ...]]", questions)
        solve_session = self._solve_session
        if solve_session.is_new:
            with suppress(Infeasible, NoPlan):  # a changed scenario may have a plan nevertheless
                self.ask()
        with applying_extra(self._extra, self.scenario):
            problem = solve_session.read_problem(self.scenario.case)
            default_count = default_jobs(problem.instance, problem.states)
            worker_session = copy(self)
            worker_session._solve_session = solve_session.for_worker()
            jobs = min(choose_worker_count(jobs, default_count), len(settings_by_question)) or 1
            with Workers[tuple[str, ...], Any](
                _make_question_solver, (worker_session,), jobs
            ) as workers:
                results: dict[int, Any] = {}
                for result in workers.as_completed(settings_by_question):
                    results[result.task_index] = result
                    if progress is not None:
                        progress(Progress("answers", len(results), len(settings_by_question)))
        return [
            results[n].error or Answer(self.scenario, settings, results[n].answer)
            for n, settings in enumerate(settings_by_question)
        ]

    @check_arguments()
    def stop(self) -> None:
        """End the running call of :meth:`ask`, which returns its best plan so far."""
        self._solve_session.stop()


def _make_question_solver(session: Session) -> Callable[[tuple[str, ...]], Solved]:
    """Return the function that a worker process calls with the settings of each question."""
    return lambda settings: session.ask(*settings).solved


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
