"""Questions to a scenario, answered while one is still looking at them."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.language import mark_translatable
from models.results import Plan
from optimizer.analyses.options import SolveOptions
from optimizer.errors import Infeasible, NoPlan, VorratError
from vorrat.analysis_result import Found, gap_text, projects_text
from vorrat.arguments import (
    SETTING,
    SETTINGS,
    VARIANT,
    ArgumentKind,
    check_arguments,
    check_init_arguments,
    convert_texts,
    reject_single_text,
    validate_options,
)
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:  # what solves is imported when a question is asked
    from optimizer.solve.checked_solution import CheckedSolution as Solved
    from optimizer.solve.solver_result import Incumbent

DEFAULT_GAP = 1e-3  # the relative gap between plan and bound at which a question counts as answered


def _convert_questions(value: Any) -> list[tuple[str, ...]]:
    return [convert_texts(reject_single_text(one)) for one in reject_single_text(value)]


def _require_function(value: Any) -> Any:
    if not callable(value):
        raise TypeError
    return value


QUESTIONS = ArgumentKind(
    _convert_questions, mark_translatable("lists of texts such as [['policy.budget_meur=5']]")
)
FUNCTION = ArgumentKind(_require_function, mark_translatable("a function"))


@check_init_arguments(scenario=SCENARIO, settings=SETTINGS)
@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """The best plan that was found of a changed scenario, and what is proven of all others."""

    scenario: Scenario
    settings: tuple[str, ...]
    solved: Solved

    def __repr__(self) -> str:
        changed = f" with {reprlib.repr(self.settings)}" if self.settings else ""
        return (
            f"<Answer of {self.scenario.label!r}{changed}: objective {self.objective:.6g}, "
            f"{gap_text(self.gap)}, expected {self.expected:.6g} (without a plan "
            f"{self.expected_without_plan:.6g}), net cost {self.net_cost_meur:.6g}, "
            f"{projects_text([*self.projects])}, {'complete' if self.complete else 'not complete'}>"
        )

    @property
    def objective(self) -> float:
        """The plan\'s objective, reckoned anew outside the solver."""
        return self.solved.objective

    @property
    def bound(self) -> float | None:
        """No plan has a lower objective."""
        return self.solved.certificate.bound

    @property
    def gap(self) -> float | None:
        """How far the plan may be from the best, as a share of its objective."""
        return self.solved.certificate.gap

    @property
    def complete(self) -> bool:
        """Whether the gap that was asked for is proven."""
        return self.solved.certificate.status == "optimal"

    @property
    def seconds(self) -> float:
        """Wall time from the question on."""
        return self.solved.certificate.seconds

    @property
    def expected(self) -> float:
        """Mean damage over the states of the world, with the plan."""
        return self.solved.with_plan.expected

    @property
    def expected_without_plan(self) -> float:
        """Mean damage over the states of the world, without any plan."""
        return self.solved.without_plan.expected

    @property
    def net_cost_meur(self) -> float:
        """Discounted million EUR that the plan costs, whoever pays."""
        return self.solved.net_cost

    @property
    def projects(self) -> dict[str, int]:
        """Projects that are built, and the year in which each is decided."""
        return dict(self.solved.commitment.start)

    @check_arguments()
    def plan(self) -> Found[Plan]:
        """The plan with all that there is to tell of it, as :func:`vorrat.solve` has it; it takes
        sweeps of its own."""
        from optimizer.solve.planner import with_full_outcome

        document = with_full_outcome(self.solved).to_plan(
            self.scenario.title, self.scenario.variant
        )
        return Found(document, self.scenario.label, self.complete)


class Session:
    """A scenario that stays loaded, to be asked one question after the other.

    Each question is the scenario with some figures changed. What does not depend on them is kept
    from one to the next, as are plans, cuts and the leaves of the tree of branches; what is found
    and proven is what :func:`vorrat.solve` would find and prove, within the gap.

    Parameters
    ----------
    scenario
        What :func:`vorrat.read` returned.
    gap
        Relative gap between plan and bound at which a question counts as answered.
    threads
        Threads that sweep; all usable cores where None.

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

    @check_arguments(scenario=SCENARIO)
    def __init__(
        self, scenario: Scenario, gap: float = DEFAULT_GAP, threads: int | None = None
    ) -> None:
        from optimizer.solve.session import Session as Kept

        how = validate_options("Session", SolveOptions, {"gap": gap, "threads": threads})
        self.scenario, self.gap = scenario, how.gap
        self._solve_session = Kept(how.threads)

    def __repr__(self) -> str:
        return f"<Session of {self.scenario!r}, gap {self.gap:g}>"

    @check_arguments(settings=SETTING, variant=VARIANT, on_plan=FUNCTION)
    def ask(
        self,
        *settings: str,
        variant: str | None = None,
        gap: float | None = None,
        time_limit: float | None = None,
        on_plan: Callable[[Incumbent], None] | None = None,
    ) -> Answer:
        """The best plan of the scenario with some figures changed.

        A question that is asked while another runs (in another thread) ends that one, which
        returns with the best plan it has. The first question takes as long as a solve.

        Parameters
        ----------
        settings
            Values that are changed for this question alone, each as ``path=value``.
        variant
            Id of a variant of the file, in whose place the question is asked.
        gap, time_limit
            How close the answer has to be proven, if otherwise than the session says, and seconds
            after which the best plan so far is the answer.
        on_plan
            Told the first checked plan, then better ones and bounds that rise under them.

        Raises
        ------
        ScenarioError
            With every fault of the changed scenario.
        Infeasible
            With a smallest set of rules in conflict, where they allow no plan.
        NoPlan, Interrupted
            If a limit, or a newer question, came before there was any plan.
        """
        given = {"gap": self.gap if gap is None else gap, "time_limit": time_limit}
        how, asked = validate_options("Session.ask", SolveOptions, given), self.scenario
        if variant is not None:
            asked = asked.changed(*settings, variant=variant)
            case = asked.case
        else:
            case = asked.reading.with_settings(settings).case if settings else asked.case
        solved = self._solve_session.ask(
            case, gap=how.gap, time_limit=how.time_limit, on_incumbent=on_plan
        )
        return Answer(asked, settings, solved)

    @check_arguments(questions=QUESTIONS)
    def ask_each(
        self, questions: Iterable[Sequence[str]], jobs: int | None = None
    ) -> list[Answer | VorratError]:
        """Answers to many questions, found side by side by processes that each go on from what this
        session knows by now and from their own earlier questions. Answers are the same each time
        for as many processes; the session itself learns nothing of them. On few cores ``ask``, one
        question after the other, is quicker, since each process learns for itself.

        Parameters
        ----------
        questions
            Settings of each question, as ``ask`` takes them.
        jobs
            Processes, each with one thread; if None as many as there are usable cores, and one for
            a small problem.

        Returns
        -------
        list
            In the order of the questions; in place of an answer the error that ``ask`` would raise.
        """
        from optimizer.parallel import Workers, choose_worker_count
        from optimizer.solve.planner import default_jobs

        jobs = validate_options("Session.ask_each", SolveOptions, {"jobs": jobs}).jobs
        asked, kept = [tuple(settings) for settings in questions], self._solve_session
        if not kept.pool.key:
            with suppress(Infeasible, NoPlan):  # a question may have a plan all the same
                self.ask()
        problem = kept.read_problem(self.scenario.case)
        usual = default_jobs(problem.instance, problem.states)
        there = copy(self)
        there._solve_session = replace(
            kept, threads=1, pool=kept.pool.copy_for_process(), _recent_problems=[]
        )
        found: dict[int, Answer | VorratError] = {}
        jobs = min(choose_worker_count(jobs, usual), len(asked)) or 1
        with Workers[tuple[str, ...], Any](_make_asker, (there,), jobs) as workers:
            for own in workers.iter_results(asked):
                if own.answer is not None:
                    found[own.task_index] = Answer(self.scenario, asked[own.task_index], own.answer)
                elif own.error is not None:
                    found[own.task_index] = own.error
        return [found[n] for n in range(len(asked))]

    @check_arguments()
    def stop(self) -> None:
        """End the question that is being answered; it returns with the best plan it has."""
        self._solve_session.stop()


def _make_asker(session: Session) -> Callable[[tuple[str, ...]], Solved]:
    """What answers questions in a process of its own."""
    return lambda settings: session.ask(*settings).solved
