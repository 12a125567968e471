"""The service in the process that solves. It answers one request after the other, and also renders
documents, so that the server is never blocked by that."""

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
from optimizer.analyses.registry import build_result_document
from optimizer.errors import Infeasible, Misuse
from optimizer.page import views
from optimizer.parallel.services import ContentReporter, ServiceMessage
from optimizer.report.document import Document

MAX_ANSWERS, MAX_PLANS, MAX_PROBLEMS = 60, 12, 3
"""Number of answers that are kept, so that the same question gets the same answer; of answers whose
documents are kept; and of answers whose states and recourse evaluations are
kept."""
DEFAULT_GAP = 1e-3


class SolveRequest(NamedTuple):
    """A request to find the best plan for a question."""

    key: str
    case: Case
    title: str
    variant: str | None
    scenario: str = ""  # its id: questions about one scenario start from earlier answers


class ViewRequest(NamedTuple):
    """A request for a view of plans, or for a file made from them. Plans are identified by keys."""

    name: str
    keys: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()  # of the view, such as an event
    is_file: bool = False


Request = SolveRequest | ViewRequest


class AnswerFigures(NamedTuple):
    """Figures of a plan. Amounts of money are in million and are not rounded."""

    expected: float | None  # damage or shortage in the unit of the scenario; None if not yet known
    expected_without_plan: float | None
    cvar: float | None  # mean of the worst states
    cvar_without_plan: float | None
    net_cost: float  # discounted, whoever pays
    paid_by_funder: dict[str, float]  # over all years
    start_by_project: dict[str, int]
    stocked_materials: int  # number of materials of which stock is bought
    objective: float
    bound: float | None
    gap: float | None
    state: str  # ``first`` plan, ``better`` plan, ``proven``, or ``stopped`` by a limit or user
    seconds: float


class AnswerFailure(NamedTuple):
    """The reason why there is no answer, with name, statement and path of each rule in conflict."""

    message: str
    rules: tuple[tuple[str, str, tuple[Any, ...]], ...] = ()
    plan_gone: bool = False  # whether a plan that was found is no longer kept
    is_conclusive: bool = False  # whether the failure is itself the content, as of an empty view


@dataclass
class ScenarioWorker:
    """Service that keeps one scenario loaded, with its solutions and plans (see
    :class:`optimizer.parallel.services.Service`)."""

    stopped_requests: set[int] = field(default_factory=set)
    current_request: int = 0
    plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)
    solutions: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    finished_keys: set[str] = field(default_factory=set)  # of searches that the user did not stop
    titles: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    keys_with_chains: set[str] = field(default_factory=set)
    documents: dict[tuple[str, Language], Document] = field(default_factory=dict)
    scenario: str = ""

    def __post_init__(self) -> None:
        from optimizer.solve.session import Session

        self.session = Session()

    def stop(self, number: int) -> None:
        """Stop the search of the request with this number. It then returns the best plan so far."""
        self.stopped_requests.add(number)
        if number == self.current_request:
            self.session.stop()

    def answer(self, message: ServiceMessage, report: ContentReporter) -> Any:
        """Return the answer to a request: figures, a view or a file, or AnswerFailure if there is
        none."""
        from optimizer.solve.session import release_free_memory

        try:
            if isinstance(message.question, SolveRequest):
                return self._solve(message.number, message.question, report)
            return self._show(message.question)
        except Infeasible as error:
            named_rules = [replace(rule, says=rule.called or rule.says) for rule in error.conflict]
            rules = tuple((f"{r.tag} {r.name}", r.says, r.path) for r in named_rules)
            return AnswerFailure(str(Infeasible(named_rules)), rules)
        except VorratError as error:
            is_gone = isinstance(error, views.PlanNotKept)
            return AnswerFailure(
                str(error), plan_gone=is_gone, is_conclusive=isinstance(error, views.NothingToShow)
            )
        except Exception as error:  # the process goes on: other requests may succeed
            traceback.print_exc()
            details = {"error": type(error).__name__, "message": error}
            return AnswerFailure(tr("unexpected {error}: {message}", **details))
        finally:
            release_free_memory()

    def _solve(self, number: int, request: SolveRequest, report: ContentReporter) -> AnswerFigures:
        from optimizer.solve.session import Session

        started_at, self.current_request = time.perf_counter(), number
        if request.key in self.solutions and request.key in self.finished_keys:
            self._remember_solution(request.key, self.solutions[request.key])
            return self._final_figures(
                self.solutions[request.key], time.perf_counter() - started_at
            )

        def on_incumbent(incumbent: Any) -> None:
            if not incumbent.final:
                report(self._interim_figures(incumbent, started_at))
            if number in self.stopped_requests:
                self.session.stop()

        if request.scenario != self.scenario:
            self.scenario, self.session = request.scenario, Session()
        solution = self.session.ask(request.case, on_incumbent=on_incumbent, gap=DEFAULT_GAP)
        self.titles[request.key] = request.title, request.variant
        self._remember_solution(request.key, solution)
        self.plans.pop(request.key, None)  # a stopped search may have gone on to a better plan
        self.keys_with_chains.discard(request.key)
        self.documents = {}
        if solution.certificate.status == "optimal" or number not in self.stopped_requests:
            self.finished_keys.add(request.key)
        return self._final_figures(solution, time.perf_counter() - started_at)

    def _remember_solution(self, key: str, solution: Any) -> None:
        self.solutions[key] = solution
        self.solutions.move_to_end(key)
        for old_key in [*self.solutions][:-MAX_PROBLEMS]:  # states are sampled again if needed
            self.solutions[old_key] = replace(self.solutions[old_key], recourse=None, states=())
        while len(self.solutions) > MAX_ANSWERS:
            old_key = next(iter(self.solutions))
            for cache in (self.solutions, self.plans, self.titles):
                cache.pop(old_key, None)
            self.finished_keys.discard(old_key)
            self.keys_with_chains.discard(old_key)

    def _interim_figures(self, incumbent: Any, started_at: float) -> AnswerFigures:
        """Return the figures of the incumbent during the search, which began at the time
        ``started_at``."""
        from optimizer.model.commitment import net_cost, weighted_cost
        from optimizer.solve.solver_result import relative_gap

        problem, commitment = self.session.latest_problem, incumbent.commitment
        instance = problem.instance
        without_plan = problem.recourse.memo.get(True) if problem.recourse else None
        objective_floor = 1e-9 if without_plan is None else without_plan.expected
        weighs_tail = float(instance.case.objective.cvar.weight) > 0
        cost = weighted_cost(instance, commitment)
        return _plan_figures(
            instance,
            commitment,
            expected=None if weighs_tail else incumbent.objective - cost,
            expected_without_plan=None if without_plan is None else without_plan.expected,
            cvar=None,
            cvar_without_plan=None,
            net_cost=net_cost(instance, commitment),
            objective=incumbent.objective,
            bound=incumbent.bound,
            gap=relative_gap(incumbent.objective, incumbent.bound, objective_floor),
            state="first" if incumbent.bound is None else "better",
            seconds=time.perf_counter() - started_at,
        )

    def _final_figures(self, solution: Any, seconds: float) -> AnswerFigures:
        """Return the figures of a plan that was checked."""
        certificate = solution.certificate
        level = float(solution.instance.case.objective.cvar.level)
        return _plan_figures(
            solution.instance,
            solution.commitment,
            expected=solution.with_plan.expected,
            expected_without_plan=solution.without_plan.expected,
            cvar=solution.with_plan.cvar(level),
            cvar_without_plan=solution.without_plan.cvar(level),
            net_cost=solution.net_cost,
            objective=solution.objective,
            bound=certificate.bound,
            gap=certificate.gap,
            state="proven" if certificate.status == "optimal" else "stopped",
            seconds=seconds,
        )

    def _solution_with_states(self, key: str) -> Any:
        """Return the solution with this key and its states, which are sampled again if needed.
        Raises PlanNotKept if the solution is no longer kept."""
        from optimizer.model.states import read_states

        if key not in self.solutions:
            raise views.PlanNotKept(tr("the plan is not kept any more"))
        solution = self.solutions[key]
        if not solution.states:
            solution = replace(solution, states=read_states(solution.instance))
        return solution

    def _plan_document(self, key: str, with_chains: bool = False) -> Plan:
        """Return the plan of the solution with this key. With ``with_chains`` it includes figures
        of chains."""
        from optimizer.solve.planner import with_full_outcome

        if key not in self.plans or (with_chains and key not in self.keys_with_chains):
            solution = self._solution_with_states(key)
            plan = with_full_outcome(solution).to_plan(*self.titles[key], with_details=with_chains)
            self.plans[key] = plan
            self.keys_with_chains |= {key} if with_chains else set()
            while len(self.plans) > MAX_PLANS:
                self.keys_with_chains.discard(self.plans.popitem(last=False)[0])
        self.plans.move_to_end(key)
        return self.plans[key]

    def _show(self, request: ViewRequest) -> Any:
        if request.is_file:
            return views.render_download(
                request.name,
                self._plan_document(request.keys[0], request.name in views.DOWNLOADS_WITH_CHAINS),
            )
        if request.name in views.STRESS_VIEWS:
            from optimizer.analyses.analysis_options import StressOptions, parse_events
            from optimizer.analyses.stress.stress_analysis import compute_stress

            solution = self._solution_with_states(request.keys[0])
            try:
                stress_options = StressOptions(
                    events=parse_events((dict(request.parameters)["event"],))
                )
            except ValueError as error:  # an edited address
                raise Misuse(str(error)) from None
            return views.stress_view(
                compute_stress(solution, stress_options, *self.titles[request.keys[0]])
            )
        plans = [self._plan_document(key) for key in request.keys]
        if request.name == views.KEEP_ONLY:
            return ""
        if request.name == "changed":
            return views.changes_view(*plans)
        if request.name in views.FUNDER_VIEWS:
            return views.funder_view(dict(request.parameters)["funder"], *plans)
        if request.name == "board":
            return views.options_view(plans)
        document_key = request.keys[0], current_language()
        if document_key not in self.documents:  # slow to make, and shared by all views of a plan
            self.documents = {document_key: build_result_document(plans[0])}
        return views.plan_view(request.name, self.documents[document_key])


def _plan_figures(instance: Any, commitment: Any, **figures: Any) -> AnswerFigures:
    """Return ``figures`` with those added that can be read from the commitment."""
    from optimizer.model.commitment import budget_use

    return AnswerFigures(
        paid_by_funder={f: float(x.sum()) for f, x in budget_use(instance, commitment).items()},
        start_by_project=dict(commitment.start),
        stocked_materials=_stocked_material_count(instance, commitment),
        **figures,
    )


def _stocked_material_count(instance: Any, commitment: Any) -> int:
    """Return the number of materials of which a commitment buys stock."""
    bought_ids = (id for id, lots in commitment.buy.items() if lots.any())
    return len({instance.stockpiles[id].material for id in bought_ids})
