"""Sessions: repeated solves of one scenario with changed figures."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from models.results import Plan
from optimizer.analyses.options import SolveOptions
from optimizer.errors import Infeasible, NoPlan, VorratError
from vorrat.analysis_result import Found, gap_text, projects_text
from vorrat.arguments import (
    FUNCTION,
    SETTING,
    SETTINGS,
    VARIANT,
    ArgumentKind,
    Progress,
    ProgressFunction,
    callbacks,
    check_arguments,
    check_init_arguments,
    convert_settings,
    reject_single_text,
    validate_options,
)
from vorrat.extra import ExtraFunction, applying_extra
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:  # solver modules are imported only when a question is asked
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
