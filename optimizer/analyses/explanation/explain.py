"""Why a plan is as it is, from questions that are solved side by side."""

import math
import time
from dataclasses import replace

from models.language import tr
from models.results import Explained, Explanation, Instead, Regret
from optimizer.analyses.explanation.active_constraints import StandingPlan
from optimizer.analyses.explanation.limits import limits, told_from_none, value
from optimizer.analyses.explanation.options import ExplainOptions
from optimizer.analyses.explanation.subproblem import (
    Answer,
    Ask,
    Desk,
    Force,
    Kind,
    Reply,
    clerk,
    holding,
)
from optimizer.analyses.frontier.summary import otherwise, stocks_held
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.series import Series
from optimizer.errors import Interrupted, Misuse, NoPlan
from optimizer.model.commitment import moved, net_cost, planned_stock, weighed_cost
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_within
from optimizer.solve.planner import usual_jobs

BRANCHED = 1e-3
"""The gap to which the plan's problem is solved anew for the sake of the questions alone."""
BUYS_T = 1e-6
"""Tonnes: less is a solver's zero."""


def run(given: Input, options: ExplainOptions) -> Outcome:
    """Explain a saved plan."""
    assert given.plan is not None
    instance = given.plan.problem.instance
    known = (*instance.projects, *instance.stockpiles)
    for id in options.only:
        if id not in known:
            listed = ", ".join(known) or "-"
            raise Misuse(
                tr("There is no project or stockpile '{id}'; there are {known}.", id=id,
                   known=listed)
            )  # fmt: skip
    found = explain(given.plan, options)
    return Outcome(found, 1 if found.cut_short or found.ended == "interrupted" else 0)


def explain(given: GivenPlan, options: ExplainOptions) -> Explanation:
    """Why each project and each stock of a plan is in or out, and what more of a limit is worth.

    Every decision is forced the other way, every budget and every limit that binds is loosened,
    and the problem is solved anew, warm and each as closely as its answer needs. What is said is
    the range that the gaps prove. A Ctrl-C ends it with the answers so far.

    Raises Interrupted or NoPlan if it was stopped, or met its limit, before anything was proven of
    the plan itself.
    """
    began = time.perf_counter()
    talk = Talk(given, options)
    talk.hold()
    found, plan, states = given.found, given.plan, len(given.problem.states)
    case = given.problem.instance.case
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
            value(limit, talk.answers.get(limit.ask, {}), talk.desk, talk.instead)
            for limit in talk.limits
        ),
        adaptation=found.adaptation,
        ended="interrupted" if talk.interrupted else "complete",
        **head(Explanation, case, plan.title, plan.variant, began, states, options.gap),
    )


class Talk:
    """The questions about a plan, and their answers."""

    def __init__(self, given: GivenPlan, options: ExplainOptions) -> None:
        self.given, self.options, self.pool = given, options, CutPool()
        self.instance = given.problem.instance
        self.pool.remember(given.found.commitment, self.instance)  # no search need find it again
        self.standing = StandingPlan(given.problem, given.found.commitment, given.found.with_plan)
        every: list[tuple[Kind, str]] = [("project", p) for p in self.instance.projects]
        every += [("stockpile", h) for h in self.instance.stockpiles]
        self.items = [item for item in every if not options.only or item[1] in options.only]
        # Of a plan over sets, or with a review, it is not told which rules are tight: each set and
        # each group has its own.
        self.wide = bool(given.problem.sets or self.instance.paths)
        self.limits = limits(self.standing) if options.values and not self.wide else []
        self.answers: dict[Ask, Answer] = {}
        self.interrupted = False
        self.reference = given.found
        """What other plans are told against."""
        self.desk = self._again()

    def _again(self) -> Desk:
        """The plan's problem solved anew, for what serves all others: cuts, and leaves of a tree;
        and for a closer bound, unless what is known of the plan is as close as was asked for."""
        given, options, found = self.given, self.options, self.given.found
        states, limit, tell = given.problem.states, options.time_limit, options.on_progress
        # What was proven of a scenario holds for no other.
        same = found.certificate.input_sha256 == input_hash(self.instance.case)
        proven = found.certificate.bound if same else None
        gap = options.gap
        if is_within(found.objective, proven, gap):
            gap = max(gap, BRANCHED)
        series = Series(self.instance, states, gap, self.pool, limit, None, tell)
        solved = series.search(given.problem)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before anything was found out"))
        known = [solved.solution.bound, proven]
        bound = max((one for one in known if one is not None), default=-math.inf)
        if bound == -math.inf:
            raise NoPlan(tr("nothing was proven of the plan before the limit"))
        best = found.objective
        if solved.commitment is not None:
            again = series.judge(given.problem, solved, time.perf_counter())
            best = min(best, again.objective)
            if found.objective - best > 2 * options.gap * max(abs(best), 1e-6):
                # What a better plan does otherwise must not be told as an answer to a question.
                self.reference = again
        return Desk(given.problem.bare, given.reading, best, min(bound, best), options.gap)

    def hold(self) -> None:
        """Ask all questions side by side."""
        forces = [self.force(*item) for item in self.items]
        asks: list[Ask] = [force for force in forces if force is not None]
        asks += [limit.ask for limit in self.limits]

        def told(ask: Ask, answer: Answer) -> None:
            self.answers[ask] = answer
            name = ask.id if isinstance(ask, Force) else ask.path
            self.options.tell(len(self.answers), len(asks), name)

        usual = usual_jobs(self.instance, self.given.problem.states)
        jobs = min(side_by_side(self.options.jobs, usual), len(asks)) or 1
        given = (self.desk, self.pool, self.options.time_limit)
        try:
            with Workers[Ask, Answer](clerk, given, jobs) as workers:
                workers.map(asks, told)
        except KeyboardInterrupt:
            self.interrupted = True
        # A plan that was found under force is one of the scenario's own: it may be the best.
        found = (a[0.0].objective for ask, a in self.answers.items() if isinstance(ask, Force))
        best = min([self.desk.best, *(one for one in found if one is not None)])
        self.desk = replace(self.desk, best=best, bound=min(self.desk.bound, best))

    def force(self, kind: Kind, id: str) -> Force | None:
        """The other decision, if there is one."""
        if kind == "project":
            return Force(kind, id, id not in self.given.found.commitment.starts)
        if self._buys(id):
            return Force(kind, id, False)
        lots, days = holding(self.instance, id, self.options.days)
        return Force(kind, id, True, lots) if days > 0 else None

    def explained(self, kind: Kind, id: str) -> Explained:
        """What is known of one project or stockpile."""
        plan, standing, is_stock = self.given.found.commitment, self.standing, kind == "stockpile"
        force = self.force(kind, id)
        reply = None if force is None else self.answers.get(force, {}).get(0.0)
        conflict = () if reply is None else reply.conflict
        into = force is not None and force.into
        hold = force.hold if force is not None and is_stock else None
        alone = into and not conflict and not self.wide
        stops = standing.stops(kind, id, hold) if alone else ()
        chosen = self._buys(id) if is_stock else id in plan.starts
        brought_in = id if into and not is_stock else None
        regret = None if reply is None else self._regret(reply, brought_in)
        held = planned_stock(self.instance, plan, id).max() * self._lot(id) if is_stock else None
        days = holding(self.instance, id, self.options.days)[1] if is_stock and into else None
        return Explained(
            kind=kind,
            id=id,
            chosen=chosen,
            start=None if is_stock else plan.starts.get(id),
            held_t=held,
            forced_days=days,
            regret=regret,
            tie=regret is not None and regret.low == 0 and regret.high is not None,
            conflict=conflict,
            stops=stops,
            beside=standing.beside(kind, id, hold) if alone and not stops else None,
            tight=standing.tight(kind, id) if chosen and not self.wide else (),
        )

    def _regret(self, reply: Reply, forced: str | None) -> Regret:
        """What another decision costs; ``forced`` is the project that it brings in."""
        found, desk, instance = self.reference, self.desk, self.instance
        objective, other, low, high = reply.objective, reply.commitment, None, None
        damage = cost = expected = money = public = None
        under = dict[str, float]()
        if reply.bound is not None:
            low = told_from_none(reply.bound - desk.best, desk.best)
        if objective is not None and other is not None:
            low = low or 0.0
            high = max(low, told_from_none(objective - desk.bound, desk.best))
            if not self.given.problem.sets:  # each of which has cost and damage of its own
                cost = weighed_cost(instance, other) - weighed_cost(instance, found.commitment)
                damage = objective - found.objective - cost
            expected = reply.expected - found.with_plan.expected
            own = found.expected_under
            under = {id: there - own[id] for id, there in reply.expected_under.items()}
            money = net_cost(instance, other) - net_cost(instance, found.commitment)
            if forced is not None:
                public = math.fsum(
                    share * float(moves.paid.sum())
                    for p, f, _, share, moves in moved(instance, other)
                    if p == forced and instance.case.funders[f].kind == "public"
                )
        return Regret(
            status=reply.status,
            objective=objective,
            bound=reply.bound,
            low=low,
            high=high,
            damage=damage,
            cost=cost,
            expected=expected,
            expected_under=under,
            net_cost_meur=money,
            public_meur=public,
            instead=self.instead(reply),
            seconds=reply.seconds,
        )

    def instead(self, reply: Reply) -> Instead | None:
        """What another plan does otherwise."""
        other, own = reply.commitment, self.reference.commitment
        if other is None:
            return None
        held, holds = (stocks_held(self.instance, plan) for plan in (own, other))
        return otherwise(own.starts, other.starts, held, holds)

    def _buys(self, h: str) -> bool:
        bought = self.given.found.commitment.bought(self.instance, h)
        return bool(float(bought.sum()) * self._lot(h) > BUYS_T)

    def _lot(self, h: str) -> float:
        """Tonnes."""
        return self.instance.lot_t[self.instance.stockpiles[h].material]
