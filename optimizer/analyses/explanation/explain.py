"""Why a plan is as it is, from questions that are solved side by side."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from models.language import tr
from models.results import Explained, Explanation, Instead, Regret
from optimizer.analyses.explanation.active_constraints import StandingPlan
from optimizer.analyses.explanation.forcing import Force, Kind, holding
from optimizer.analyses.explanation.limits import Limit, limits, told_from_none, value
from optimizer.analyses.explanation.options import ExplainOptions
from optimizer.analyses.explanation.subproblem import Answer, Ask, Desk, Reply, clerk
from optimizer.analyses.frontier.summary import otherwise, stocks_held
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.series import Series
from optimizer.errors import Interrupted, Misuse, NoPlan
from optimizer.model.commitment import Commitment, net_cost, planned_stock, weighed_cost
from optimizer.model.instance import Instance
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import usual_jobs

BUYS_T = 1e-6
"""Tonnes: less is a solver's zero."""


USUAL = ExplainOptions()


def run(given: Input, options: ExplainOptions) -> Outcome:
    """Explain a saved plan."""
    assert given.plan is not None
    known = known_ids(given.plan.problem.instance)
    for id in options.only:
        if id not in known:
            raise Misuse(
                tr(
                    "There is no project or stockpile '{id}'; there are {known}.",
                    id=id,
                    known=", ".join(known) or "-",
                )
            )
    found = explain(given.plan, options)
    return Outcome(found, 1 if found.cut_short or found.ended == "interrupted" else 0)


def known_ids(instance: Instance) -> Collection[str]:
    """Ids that can be asked after."""
    return (*instance.projects, *instance.stockpiles)


def explain(
    given: GivenPlan, options: ExplainOptions = USUAL, *, pool: CutPool | None = None
) -> Explanation:
    """Why each project and each stock of a plan is in or out, and what more of a limit is worth.

    Every decision is forced the other way, every budget and every limit that binds is loosened,
    and the problem is solved anew, warm and each as closely as its answer needs. What is said is
    the range that the gaps prove. A Ctrl-C ends it with the answers so far.

    Raises
    ------
    Interrupted, NoPlan
        If it was stopped, or met its limit, before anything was proven of the plan itself.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    pool = CutPool() if pool is None else pool
    talk = _Talk(given, options, pool)
    talk.hold()
    found, instance = given.found, given.problem.instance
    case, plan, states = instance.case, given.plan, len(given.problem.states)
    return Explanation(
        cost_weight=float(case.objective.cost_weight),
        cvar_weight=float(case.objective.cvar.weight),
        days=options.days,
        objective=found.objective,
        best=talk.desk.best,
        bound=talk.desk.bound,
        expected=found.with_plan.expected,
        net_cost_meur=found.net_cost,
        items=tuple(talk.explained(kind, id) for kind, id in talk.items),
        values=tuple(
            value(limit, talk.answers.get(limit.ask), talk.desk, talk.instead)
            for limit in talk.limits
        ),
        ended="interrupted" if talk.interrupted else "complete",
        **head(Explanation, case, plan.title, plan.variant, began, states, options.gap),
    )


@dataclass(eq=False)
class _Talk:
    """The questions about a plan, and their answers."""

    given: GivenPlan
    options: ExplainOptions
    pool: CutPool
    answers: dict[Ask, Answer] = field(default_factory=dict)
    interrupted: bool = False

    def __post_init__(self) -> None:
        problem, found = self.given.problem, self.given.found
        self.instance = problem.instance
        self.standing = StandingPlan(problem, found.commitment, found.with_plan)
        every: list[tuple[Kind, str]] = [
            *(("project", p) for p in self.instance.projects),
            *(("stockpile", h) for h in self.instance.stockpiles),
        ]
        only = self.options.only
        self.items = [item for item in every if not only or item[1] in only]
        self.limits: list[Limit] = limits(self.standing) if self.options.values else []
        self.desk = self._again()

    def _again(self) -> Desk:
        """The plan's problem solved anew: its bound comes closer, and its cuts serve all others."""
        found, problem = self.given.found, self.given.problem
        series = Series(
            self.instance,
            problem.states,
            self.options.gap,
            self.pool,
            self.options.time_limit,
            None,
            self.options.on_progress,
        )
        solved = series.search(self.instance)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before anything was found out"))
        known = [solved.solution.bound]
        if found.certificate.input_sha256 == input_hash(self.instance.case):
            # What was proven of a scenario holds for no other.
            known.append(found.certificate.bound)
        bound = max((one for one in known if one is not None), default=-math.inf)
        if bound == -math.inf:
            raise NoPlan(tr("nothing was proven of the plan before the limit"))
        best = found.objective
        self.reference = found
        if solved.commitment is not None:
            again = series.judge(self.instance, solved, time.perf_counter())
            best = min(best, again.objective)
            if found.objective - best > 2 * self.options.gap * max(abs(best), 1e-6):
                # What a better plan does otherwise must not be told as an answer to a question.
                self.reference = again
        return Desk(
            self.instance,
            problem.states,
            self.given.reading,
            best,
            min(bound, best),
            self.options.gap,
        )

    def hold(self) -> None:
        """Ask all questions side by side."""
        asks: list[Ask] = [
            *(force for item in self.items if (force := self.force(*item)) is not None),
            *(limit.ask for limit in self.limits),
        ]
        done = 0

        def told(ask: Ask, answer: Answer) -> None:
            nonlocal done
            done += 1
            self.answers[ask] = answer
            name = ask.id if isinstance(ask, Force) else ask.path
            self.options.tell(done, len(asks), name)

        usual = usual_jobs(self.instance, self.desk.states)
        jobs = min(side_by_side(self.options.jobs, usual), len(asks)) or 1
        given = (self.desk, self.pool, self.options.time_limit)
        try:
            with Workers[Ask, Answer](clerk, given, jobs) as workers:
                workers.map(asks, told)
        except KeyboardInterrupt:
            self.interrupted = True
        self._take_in()

    def _take_in(self) -> None:
        """A plan that was found under force is one of the scenario's own: it may be the best."""
        found = [
            reply.objective
            for ask, answer in self.answers.items()
            if isinstance(ask, Force)
            for reply in answer.replies.values()
            if reply.objective is not None
        ]
        best = min([self.desk.best, *found])
        self.desk = Desk(
            self.instance,
            self.desk.states,
            self.desk.reading,
            best,
            min(self.desk.bound, best),
            self.desk.gap,
        )

    def force(self, kind: Kind, id: str) -> Force | None:
        """The other decision, if there is one."""
        if kind == "project":
            return Force(kind, id, id not in self.given.found.commitment.start)
        if self._buys(id):
            return Force(kind, id, False)
        lots, days = holding(self.instance, id, self.options.days)
        return Force(kind, id, True, lots) if days > 0 else None

    def explained(self, kind: Kind, id: str) -> Explained:
        """What is known of one project or stockpile."""
        commitment, standing = self.given.found.commitment, self.standing
        force = self.force(kind, id)
        answer = None if force is None else self.answers.get(force)
        reply = None if answer is None else answer.replies[0.0]
        into = force is not None and force.into
        hold = force.hold if force is not None and kind == "stockpile" else None
        stops = standing.stops(kind, id, hold) if into and not (reply and reply.conflict) else ()
        free = into and not stops and not (reply and reply.conflict)
        chosen = id in commitment.start if kind == "project" else self._buys(id)
        regret = None if reply is None else self._regret(reply)
        return Explained(
            kind=kind,
            id=id,
            chosen=chosen,
            start=commitment.start.get(id) if kind == "project" else None,
            held_t=self._most_held(commitment, id) if kind == "stockpile" else None,
            forced_days=holding(self.instance, id, self.options.days)[1]
            if kind == "stockpile" and into
            else None,
            regret=regret,
            tie=regret is not None and regret.low == 0 and regret.high is not None,
            conflict=() if reply is None else reply.conflict,
            stops=stops,
            beside=standing.beside(kind, id, hold) if free else None,
            tight=standing.tight(kind, id) if chosen else (),
        )

    def _regret(self, reply: Reply) -> Regret:
        found, desk = self.reference, self.desk
        objective, commitment = reply.objective, reply.commitment
        damage = cost = expected = money = None
        if objective is not None:
            own = weighed_cost(self.instance, found.commitment)
            cost = reply.weighed_cost - own
            damage = (objective - reply.weighed_cost) - (found.objective - own)
            expected = reply.expected - found.with_plan.expected
            money = reply.net_cost - net_cost(self.instance, found.commitment)
        low = None if reply.bound is None else told_from_none(reply.bound - desk.best, desk.best)
        return Regret(
            status=reply.status,
            objective=objective,
            bound=reply.bound,
            low=0.0 if low is None and commitment is not None else low,
            high=None
            if objective is None or not math.isfinite(desk.bound)
            else max(low or 0.0, told_from_none(objective - desk.bound, desk.best)),
            damage=damage,
            cost=cost,
            expected=expected,
            net_cost_meur=money,
            instead=self.instead(reply),
            seconds=reply.seconds,
        )

    def instead(self, reply: Reply) -> Instead | None:
        """What another plan does otherwise."""
        other, own = reply.commitment, self.reference.commitment
        if other is None:
            return None
        held, holds = (stocks_held(self.instance, plan) for plan in (own, other))
        return otherwise(own.start, other.start, held, holds)

    def _buys(self, h: str) -> bool:
        lot = self.instance.lot_t[self.instance.stockpiles[h].material]
        bought = self.given.found.commitment.bought(self.instance, h)
        return bool(float(bought.sum()) * lot > BUYS_T)

    def _most_held(self, commitment: Commitment, h: str) -> float:
        lot = self.instance.lot_t[self.instance.stockpiles[h].material]
        return float(planned_stock(self.instance, commitment, h).max() * lot)
