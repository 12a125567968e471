"""What runs in a process that solves: one scenario stays loaded, and is asked one thing after the
other. A document is rendered here as well, so that the server never waits.
"""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from models.faults import VorratError
from models.language import Language, current_language, tr
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.document_dispatch import build_result_document
from optimizer.errors import Infeasible, Misuse
from optimizer.page import views
from optimizer.parallel.services import ContentReporter, ServiceMessage
from optimizer.report.document import Document

MAX_ANSWERS, MAX_PLANS, MAX_PROBLEMS = 60, 12, 3
"""Answers that are kept, so that the same question has the same answer; those of them whose
documents are kept, and those whose states and sweeps are."""
DEFAULT_GAP = 1e-3


class SolveRequest(NamedTuple):
    """A question for the best plan."""

    key: str
    case: Case
    title: str
    variant: str | None
    gap: float = DEFAULT_GAP
    time_limit: float | None = None


class ViewRequest(NamedTuple):
    """A question for a view of plans, or for a file that is made of them, by their keys."""

    name: str
    keys: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()  # of the view: such as an event
    is_file: bool = False


class PlanRequest(NamedTuple):
    """A question for a plan that is kept, for another process."""

    key: str


class TransferredPlan(NamedTuple):
    """A plan that another process has lent."""

    key: str
    plan: Plan
    title: tuple[str, str | None]


class AnswerFigures(NamedTuple):
    """What is known of a plan at once, amounts in million, not rounded."""

    expected: float | None  # damage, or shortage in the unit of the scenario
    expected_without_plan: float | None  # the same without any plan
    cvar: float | None  # mean of the worst states
    cvar_without_plan: float | None
    net_cost: float  # discounted, whoever pays
    paid_by_funder: dict[str, float]  # put up by each funder over all years
    start_by_project: dict[str, int]
    stocked_materials: int  # of how many materials some is bought
    objective: float
    bound: float | None
    gap: float | None
    state: str  # ``first`` plan, ``better`` one, ``proven``, or ``stopped`` by a limit or question
    seconds: float


class AnswerFailure(NamedTuple):
    """Why there is no answer, and rules in conflict by their paths."""

    message: str
    rules: tuple[tuple[str, str, tuple[Any, ...]], ...] = ()
    plan_gone: bool = False  # whether a plan that was found is not kept any more
    is_conclusive: bool = (
        False  # whether it says all there is to say, such as that there is nothing
    )


@dataclass
class ScenarioWorker:
    """One scenario that stays loaded, with what was found for it (see ``staying.Stays``)."""

    stopped_requests: set[int] = field(default_factory=set)
    current_request: int = 0
    plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)
    solutions: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    finished_keys: set[str] = field(
        default_factory=set
    )  # keys of those that no limit or user ended
    titles: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    keys_with_chains: set[str] = field(default_factory=set)
    documents: dict[tuple[str, Language], Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from optimizer.solve.session import Session

        self.session = Session()

    def stop(self, number: int) -> None:
        """End what has this number, which comes back with the best plan so far."""
        self.stopped_requests.add(number)
        if number == self.current_request:
            self.session.stop()

    def answer(self, message: ServiceMessage, report: ContentReporter) -> Any:
        """Figures, a view or a file; Failed where there is none."""
        from optimizer.solve.session import release_free_memory

        try:
            if isinstance(message.question, SolveRequest):
                return self._solve(message.number, message.question, report)
            return self._show(message.question)
        except Infeasible as error:
            named = [replace(rule, says=rule.called or rule.says) for rule in error.conflict]
            rules = tuple((f"{r.tag} {r.name}", r.says, r.path) for r in named)
            return AnswerFailure(str(Infeasible(named)), rules)
        except VorratError as error:
            gone = isinstance(error, views.PlanNotKept)
            return AnswerFailure(
                str(error), plan_gone=gone, is_conclusive=isinstance(error, views.NothingToShow)
            )
        except Exception as error:  # the next question may well have an answer
            traceback.print_exc()
            about = {"error": type(error).__name__, "message": error}
            return AnswerFailure(tr("unexpected {error}: {message}", **about))
        finally:
            release_free_memory()

    def _solve(self, number: int, request: SolveRequest, tell: ContentReporter) -> AnswerFigures:
        began, self.current_request = time.perf_counter(), number
        if request.key in self.solutions and request.key in self.finished_keys:
            self._remember_solution(request.key, self.solutions[request.key])
            return self._final_figures(self.solutions[request.key], time.perf_counter() - began)

        def hear(incumbent: Any) -> None:
            if not incumbent.final:
                tell(self._interim_figures(incumbent, began))
            if number in self.stopped_requests:
                self.session.stop()

        how: dict[str, Any] = {"gap": request.gap, "time_limit": request.time_limit}
        found = self.session.ask(request.case, on_incumbent=hear, **how)
        self.titles[request.key] = request.title, request.variant
        self._remember_solution(request.key, found)
        self.plans.pop(request.key, None)  # it may have been stopped before, and go on from there
        self.keys_with_chains.discard(request.key)
        self.documents = {}
        if found.certificate.status == "optimal" or number not in self.stopped_requests:
            self.finished_keys.add(request.key)
        return self._final_figures(found, time.perf_counter() - began)

    def _remember_solution(self, key: str, solution: Any) -> None:
        self.solutions[key] = solution
        self.solutions.move_to_end(key)
        for old in [*self.solutions][
            :-MAX_PROBLEMS
        ]:  # states are drawn again where they are needed
            self.solutions[old] = replace(self.solutions[old], recourse=None, states=())
        while len(self.solutions) > MAX_ANSWERS:
            old = next(iter(self.solutions))
            for held in (self.solutions, self.plans, self.titles):
                held.pop(old, None)
            self.finished_keys.discard(old)
            self.keys_with_chains.discard(old)

    def _interim_figures(self, incumbent: Any, began: float) -> AnswerFigures:
        """What is known of a plan while the search goes on."""
        from optimizer.model.commitment import budget_use, net_cost, weighted_cost
        from optimizer.solve.gap import relative_gap

        instance, plan = self.session.latest_problem.instance, incumbent.commitment
        memory = (
            self.session.latest_problem.recourse.memo
            if self.session.latest_problem.recourse
            else {}
        )
        without = memory.get(True)
        least = 1e-9 if without is None else without.expected
        tail = float(instance.case.objective.cvar.weight) > 0
        return AnswerFigures(
            expected=None if tail else incumbent.objective - weighted_cost(instance, plan),
            expected_without_plan=None if without is None else without.expected,
            cvar=None,
            cvar_without_plan=None,
            net_cost=net_cost(instance, plan),
            paid_by_funder={f: float(x.sum()) for f, x in budget_use(instance, plan).items()},
            start_by_project=dict(plan.start),
            stocked_materials=_stocked_material_count(instance, plan),
            objective=incumbent.objective,
            bound=incumbent.bound,
            gap=relative_gap(incumbent.objective, incumbent.bound, least),
            state="first" if incumbent.bound is None else "better",
            seconds=time.perf_counter() - began,
        )

    def _final_figures(self, solution: Any, seconds: float) -> AnswerFigures:
        """What is known of a checked plan."""
        from optimizer.model.commitment import budget_use

        proof, plan = solution.certificate, solution.commitment
        level = float(solution.instance.case.objective.cvar.level)
        return AnswerFigures(
            expected=solution.with_plan.expected,
            expected_without_plan=solution.without_plan.expected,
            cvar=solution.with_plan.cvar(level),
            cvar_without_plan=solution.without_plan.cvar(level),
            net_cost=solution.net_cost,
            paid_by_funder={
                f: float(x.sum()) for f, x in budget_use(solution.instance, plan).items()
            },
            start_by_project=dict(plan.start),
            stocked_materials=_stocked_material_count(solution.instance, plan),
            objective=solution.objective,
            bound=proof.bound,
            gap=proof.gap,
            state="proven" if proof.status == "optimal" else "stopped",
            seconds=seconds,
        )

    def _solution_with_states(self, key: str) -> Any:
        """What was found, with its states. Raises Gone where it is not kept any more."""
        from optimizer.model.states import read_states

        if key not in self.solutions:
            raise views.PlanNotKept(tr("the plan is not kept any more"))
        found = self.solutions[key]
        return found if found.states else replace(found, states=read_states(found.instance))

    def _plan_document(self, key: str, with_chains: bool = False) -> Plan:
        """The document of a plan that was found; ``whole`` with what is told of chains."""
        from optimizer.solve.planner import with_full_outcome

        if key not in self.plans or (with_chains and key not in self.keys_with_chains):
            found = self._solution_with_states(key)
            told = with_full_outcome(found).to_plan(*self.titles[key], with_details=with_chains)
            self._remember_plan(key, told, with_chains)
        self.plans.move_to_end(key)
        if key not in self.solutions and self.plans[key].certificate.status == "limit":
            self.keys_with_chains.discard(key)  # lent, and where it comes from its search may go on
            return self.plans.pop(key)
        return self.plans[key]

    def _remember_plan(self, key: str, plan: Plan, with_chains: bool) -> None:
        self.plans[key] = plan
        self.keys_with_chains |= {key} if with_chains else set()
        while len(self.plans) > MAX_PLANS:
            self.keys_with_chains.discard(self.plans.popitem(last=False)[0])

    def _show(self, request: ViewRequest | PlanRequest | TransferredPlan) -> Any:
        if isinstance(request, PlanRequest):
            return TransferredPlan(
                request.key,
                self._plan_document(request.key, with_chains=True),
                self.titles[request.key],
            )
        if isinstance(request, TransferredPlan):
            self._remember_plan(request.key, request.plan, with_chains=True)
            self.titles[request.key] = request.title
            return ""
        if request.is_file:
            return views.render_download(
                request.name,
                self._plan_document(request.keys[0], request.name in views.DOWNLOADS_WITH_CHAINS),
            )
        if request.name in views.STRESS_VIEWS:
            from optimizer.analyses.stress.options import StressOptions, parse_events
            from optimizer.analyses.stress.stress_analysis import compute_stress

            found = self._solution_with_states(request.keys[0])
            try:
                asked = StressOptions(events=parse_events((dict(request.parameters)["event"],)))
            except ValueError as error:  # an address that somebody wrote
                raise Misuse(str(error)) from None
            return views.stress_view(compute_stress(found, asked, *self.titles[request.keys[0]]))
        plans = [self._plan_document(key) for key in request.keys]
        if request.name == views.KEEP_ONLY:
            return ""
        if request.name == "changed":
            return views.changes_view(*plans)
        if request.name in views.FUNDER_VIEWS:
            return views.funder_view(dict(request.parameters)["funder"], *plans)
        if request.name == "board":
            return views.options_view(plans)
        of = request.keys[0], current_language()
        if of not in self.documents:  # it takes a second to write, and has all views in it
            self.documents = {of: build_result_document(plans[0])}
        return views.plan_view(request.name, self.documents[of])


def _stocked_material_count(instance: Any, plan: Any) -> int:
    """Of how many materials a plan puts something in store."""
    return len({instance.stockpiles[id].material for id, lots in plan.buy.items() if lots.any()})
