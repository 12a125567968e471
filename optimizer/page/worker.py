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
from models.language import Language, language, tr
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.documents import document_of
from optimizer.errors import Infeasible, Misuse
from optimizer.page import views
from optimizer.parallel.staying import Message, Tell
from optimizer.report.document import Document

KEPT, PLANS, PROBLEMS = 60, 12, 3
"""Answers that are kept, so that the same question has the same answer; those of them whose
documents are kept, and those whose states and sweeps are."""
GAP = 1e-3


class Asked(NamedTuple):
    """A question for the best plan."""

    key: str
    case: Case
    title: str
    variant: str | None
    gap: float = GAP
    time_limit: float | None = None


class Shown(NamedTuple):
    """A question for a view of plans, or for a file that is made of them, by their keys."""

    name: str
    keys: tuple[str, ...]
    about: tuple[tuple[str, str], ...] = ()  # of the view: such as an event
    is_file: bool = False


class Lent(NamedTuple):
    """A question for a plan that is kept, for another process."""

    key: str


class Given(NamedTuple):
    """A plan that another process has lent."""

    key: str
    plan: Plan
    title: tuple[str, str | None]


class Figures(NamedTuple):
    """What is known of a plan at once, amounts in million, not rounded."""

    expected: float | None  # damage, or shortage in the unit of the scenario
    without: float | None  # the same without any plan
    tail: float | None  # mean of the worst states
    tail_without: float | None
    net_cost: float  # discounted, whoever pays
    paid: dict[str, float]  # put up by each funder over all years
    start: dict[str, int]
    stocks: int  # of how many materials some is bought
    objective: float
    bound: float | None
    gap: float | None
    state: str  # ``first`` plan, ``better`` one, ``proven``, or ``stopped`` by a limit or question
    seconds: float


class Failed(NamedTuple):
    """Why there is no answer, and rules in conflict by their paths."""

    message: str
    rules: tuple[tuple[str, str, tuple[Any, ...]], ...] = ()
    gone: bool = False  # whether a plan that was found is not kept any more
    is_answer: bool = False  # whether it says all there is to say, such as that there is nothing


@dataclass
class Answerer:
    """One scenario that stays loaded, with what was found for it (see ``staying.Stays``)."""

    stopped: set[int] = field(default_factory=set)
    now: int = 0
    plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)
    found: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    ended: set[str] = field(default_factory=set)  # keys of those that no limit or user ended
    titles: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    documents: dict[tuple[str, Language], Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from optimizer.solve.session import Session

        self.session = Session()

    def stop(self, number: int) -> None:
        """End what has this number, which comes back with the best plan so far."""
        self.stopped.add(number)
        if number == self.now:
            self.session.stop()

    def answer(self, message: Message, tell: Tell) -> Any:
        """Figures, a view or a file; Failed where there is none."""
        from optimizer.solve.session import give_back

        try:
            if isinstance(message.asked, Asked):
                return self._solved(message.number, message.asked, tell)
            return self._view(message.asked)
        except Infeasible as error:
            named = [replace(rule, says=rule.called or rule.says) for rule in error.conflict]
            rules = tuple((f"{r.tag} {r.name}", r.says, r.path) for r in named)
            return Failed(str(Infeasible(named)), rules)
        except VorratError as error:
            gone = isinstance(error, views.Gone)
            return Failed(str(error), gone=gone, is_answer=isinstance(error, views.Unseen))
        except Exception as error:  # the next question may well have an answer
            traceback.print_exc()
            about = {"error": type(error).__name__, "message": error}
            return Failed(tr("unexpected {error}: {message}", **about))
        finally:
            give_back()

    def _solved(self, number: int, asked: Asked, tell: Tell) -> Figures:
        began, self.now = time.perf_counter(), number
        if asked.key in self.found and asked.key in self.ended:
            self._keep(asked.key, self.found[asked.key])
            return self._figures(self.found[asked.key], time.perf_counter() - began)

        def hear(incumbent: Any) -> None:
            if not incumbent.final:
                tell(self._early(incumbent, began))
            if number in self.stopped:
                self.session.stop()

        how: dict[str, Any] = {"gap": asked.gap, "time_limit": asked.time_limit}
        found = self.session.ask(asked.case, on_incumbent=hear, **how)
        self.titles[asked.key] = asked.title, asked.variant
        self._keep(asked.key, found)
        self.plans.pop(asked.key, None)  # it may have been stopped before, and go on from there
        self.whole.discard(asked.key)
        self.documents = {}
        if found.certificate.status == "optimal" or number not in self.stopped:
            self.ended.add(asked.key)
        return self._figures(found, time.perf_counter() - began)

    def _keep(self, key: str, found: Any) -> None:
        self.found[key] = found
        self.found.move_to_end(key)
        for old in [*self.found][:-PROBLEMS]:  # states are drawn again where they are needed
            self.found[old] = replace(self.found[old], recourse=None, states=())
        while len(self.found) > KEPT:
            old = next(iter(self.found))
            for held in (self.found, self.plans, self.titles):
                held.pop(old, None)
            self.ended.discard(old)
            self.whole.discard(old)

    def _early(self, incumbent: Any, began: float) -> Figures:
        """What is known of a plan while the search goes on."""
        from optimizer.model.commitment import net_cost, spend, weighed_cost
        from optimizer.solve.gap import gap_of

        instance, plan = self.session.latest.instance, incumbent.commitment
        memory = self.session.latest.recourse.memory if self.session.latest.recourse else {}
        without = memory.get(True)
        least = 1e-9 if without is None else without.expected
        tail = float(instance.case.objective.cvar.weight) > 0
        return Figures(
            expected=None if tail else incumbent.objective - weighed_cost(instance, plan),
            without=None if without is None else without.expected,
            tail=None,
            tail_without=None,
            net_cost=net_cost(instance, plan),
            paid={f: float(x.sum()) for f, x in spend(instance, plan).items()},
            start=dict(plan.start),
            stocks=_stocked(instance, plan),
            objective=incumbent.objective,
            bound=incumbent.bound,
            gap=gap_of(incumbent.objective, incumbent.bound, least),
            state="first" if incumbent.bound is None else "better",
            seconds=time.perf_counter() - began,
        )

    def _figures(self, found: Any, seconds: float) -> Figures:
        """What is known of a checked plan."""
        from optimizer.model.commitment import spend

        proof, plan = found.certificate, found.commitment
        level = float(found.instance.case.objective.cvar.level)
        return Figures(
            expected=found.with_plan.expected,
            without=found.without_plan.expected,
            tail=found.with_plan.cvar(level),
            tail_without=found.without_plan.cvar(level),
            net_cost=found.net_cost,
            paid={f: float(x.sum()) for f, x in spend(found.instance, plan).items()},
            start=dict(plan.start),
            stocks=_stocked(found.instance, plan),
            objective=found.objective,
            bound=proof.bound,
            gap=proof.gap,
            state="proven" if proof.status == "optimal" else "stopped",
            seconds=seconds,
        )

    def _with_states(self, key: str) -> Any:
        """What was found, with its states. Raises Gone where it is not kept any more."""
        from optimizer.model.states import read_states

        if key not in self.found:
            raise views.Gone(tr("the plan is not kept any more"))
        found = self.found[key]
        return found if found.states else replace(found, states=read_states(found.instance))

    def _plan(self, key: str, whole: bool = False) -> Plan:
        """The document of a plan that was found; ``whole`` with what is told of chains."""
        from optimizer.solve.planner import told_in_full

        if key not in self.plans or (whole and key not in self.whole):
            found = self._with_states(key)
            told = told_in_full(found).plan(*self.titles[key], chains=whole)
            self._put(key, told, whole)
        self.plans.move_to_end(key)
        if key not in self.found and self.plans[key].certificate.status == "limit":
            self.whole.discard(key)  # lent, and where it comes from its search may go on
            return self.plans.pop(key)
        return self.plans[key]

    def _put(self, key: str, plan: Plan, whole: bool) -> None:
        self.plans[key] = plan
        self.whole |= {key} if whole else set()
        while len(self.plans) > PLANS:
            self.whole.discard(self.plans.popitem(last=False)[0])

    def _view(self, shown: Shown | Lent | Given) -> Any:
        if isinstance(shown, Lent):
            return Given(shown.key, self._plan(shown.key, whole=True), self.titles[shown.key])
        if isinstance(shown, Given):
            self._put(shown.key, shown.plan, whole=True)
            self.titles[shown.key] = shown.title
            return ""
        if shown.is_file:
            return views.file(shown.name, self._plan(shown.keys[0], shown.name in views.WHOLE))
        if shown.name in views.STRESS:
            from optimizer.analyses.stress.options import StressOptions, strikes
            from optimizer.analyses.stress.stress import stress

            found = self._with_states(shown.keys[0])
            try:
                asked = StressOptions(events=strikes((dict(shown.about)["event"],)))
            except ValueError as error:  # an address that somebody wrote
                raise Misuse(str(error)) from None
            return views.stressed(stress(found, asked, *self.titles[shown.keys[0]]))
        plans = [self._plan(key) for key in shown.keys]
        if shown.name == views.KEEP:
            return ""
        if shown.name == "changed":
            return views.changed(*plans)
        if shown.name in views.COMPANY:
            return views.company(dict(shown.about)["funder"], *plans)
        if shown.name == "board":
            return views.board(plans)
        of = shown.keys[0], language()
        if of not in self.documents:  # it takes a second to write, and has all views in it
            self.documents = {of: document_of(plans[0])}
        return views.of_plan(shown.name, self.documents[of])


def _stocked(instance: Any, plan: Any) -> int:
    """Of how many materials a plan puts something in store."""
    return len({instance.stockpiles[id].material for id, lots in plan.buy.items() if lots.any()})
