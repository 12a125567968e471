"""What a company gets for its share, from none to all that it may take."""

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from models.base import named
from models.files import Reading
from models.language import tr
from models.results import Participation, ShareCurve, SharePoint, Standing
from optimizer.analyses.head import head
from optimizer.analyses.participation.company import Desk, desk_of, held_by_others
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.share_search import Line, Talk, best_share, indifferent_share
from optimizer.analyses.participation.subproblem import Ask, Clerk, Reply, clerk, standing
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.series import Series
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan
from optimizer.model.commitment import Commitment, by_chance, outlay
from optimizer.model.instance import group_of
from optimizer.parallel import Workers, side_by_side
from optimizer.solve import outcomes
from optimizer.solve.accounts import by_year
from optimizer.solve.conflicts import smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import UNITS
from optimizer.solve.planner import usual_jobs

TRACE = 1e-9


def run(given: Input, options: ParticipateOptions) -> Outcome:
    """Look for the share that a company should take."""
    case, company, project = given.reading.case, options.company, options.project
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        known = ", ".join(companies) or "-"
        raise Misuse(
            tr("There is no company '{company}'; there are {known}.", company=company, known=known)
        )
    if project is not None and project not in case.projects:
        known = ", ".join(case.projects) or "-"
        raise Misuse(
            tr("There is no project '{project}'; there are {known}.", project=project, known=known)
        )
    found = participate(
        given.reading, options, pool=given.pool, title=given.title, variant=given.variant
    )
    cut = any(p.status in ("limit", "none") for curve in found.curves for p in curve.points)
    return Outcome(found, 1 if cut or found.ended == "interrupted" else 0)


def participate(
    reading: Reading,
    options: ParticipateOptions,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Participation:
    """What each share of a project, or of all that is built, costs a company and brings it.

    Everybody else decides anew at each share, by the scenario's objective, or sticks to the plan
    in which the company's share is free. When supply is pooled a company's damage cannot be told
    from that of others before it has come about, so that there is neither a range nor an answer
    to what it would do by itself. A Ctrl-C ends it with the points so far.

    Raises Infeasible or NoPlan if the scenario itself has no plan, Interrupted if it was stopped
    before there was one, ScenarioError if it does not allow what the question needs, and
    SolverError if the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    company, project, case = options.company, options.project, reading.case
    pool = CutPool() if pool is None else pool
    desk = desk_of(reading, company, project, options.allocation)
    alike = (desk.instance, desk.states, options.gap, pool, options.time_limit)
    first = Clerk(desk, Series(*alike, threads=None, on_progress=options.on_progress))
    free = first(Ask("free"))
    if free.interrupted:
        raise Interrupted(tr("stopped before any plan was found"))
    if free.status == "infeasible":
        raise Infeasible(smallest_conflict(replace(desk.instance, paths=())))
    if free.commitment is None:
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended="time limit"))
    desk = replace(desk, free=free.commitment, held=held_by_others(desk, free.commitment))
    nobody = Commitment()
    found = outcomes.evaluate(desk.instance, desk.states, [nobody], consumers=desk.consumers)[0]
    without = standing(desk, desk.instance, found, nobody), found.expected
    talk = Talk(desk, options)
    jobs = side_by_side(options.jobs, usual_jobs(desk.instance, desk.states))
    try:
        shared = (desk, options.gap, pool, options.time_limit)
        with Workers[Ask, Reply](clerk, shared, jobs) as workers:
            talk.hold(workers)
    except KeyboardInterrupt:
        talk.interrupted = True
    return Participation(
        company=company,
        name=named(case.funders[company].name, company),
        consumers=desk.consumers,
        project=project,
        project_name=None if project is None else named(case.projects[project].name, project),
        allocation=options.allocation,
        tolerance=options.tolerance,
        without_plan=without[0],
        alone=talk.standing(Ask("alone")),
        free=free.standing,
        free_share=desk.share_in(free.commitment, (company,)),
        curves=tuple(_curve(desk, talk, line, without) for line in talk.lines),
        project_names={p: named(x.name, p) for p, x in case.projects.items()},
        material_names={m: named(x.name, m) for m, x in case.materials.items()},
        ended="interrupted" if talk.interrupted else "complete",
        **head(Participation, case, title, variant, began, len(desk.states), options.gap)
        | {"unit": UNITS["damage"].format(currency=case.currency)},
    )


def _curve(desk: Desk, talk: Talk, line: Line, without: tuple[Standing, float]) -> ShareCurve:
    replies, told, nothing = talk.on(line), talk.told(line), talk.standing(line.at(0.0))
    last = indifferent_share(told)
    tried = [reply.share for reply in replies if reply.standing is not None]
    above = min((share for share in tried if last is not None and share > last), default=last)
    return ShareCurve(
        others=line.way,
        public_share=line.public,
        limit=line.limit,
        points=tuple(_point(desk, talk, reply, without, nothing) for reply in replies),
        best_share=best_share(told),
        indifferent_share=last,
        indifferent_within=None if last is None or above is None else above - last,
    )


def _point(
    desk: Desk, talk: Talk, reply: Reply, without: tuple[Standing, float], nothing: Standing | None
) -> SharePoint:
    """What one share leads to: ``without`` is how the company fares without any plan, and the mean
    damage of all then, ``nothing`` how it fares at share 0."""
    plan, here = reply.commitment, reply.standing
    figures = ("stake_meur", "avoided", "avoided_per_euro", "to_others", "gain", "gain_per_euro")
    led: dict[str, Any] = dict.fromkeys(figures) | {"outlay_by_year_meur": {}, "offtake_t": {}}
    if plan is not None and here is not None and reply.damage is not None:
        avoided, together = without[0].expected - here.expected, without[1] - reply.damage
        capex = {p: project.capex for p, project in desk.instance.projects.items()}
        led |= {
            "stake_meur": math.fsum(capex[p] * x for p, x in desk.carried(plan, (desk.company,))),
            "outlay_by_year_meur": by_year(
                desk.instance, outlay(desk.instance, plan)[desk.company]
            ),
            "offtake_t": _offtake(desk, plan),
            "avoided": avoided,
            "avoided_per_euro": _per(avoided, here.net_cost_meur),
            "to_others": _per(together - avoided, together),
        }
        if nothing is not None:
            more = here.net_cost_meur - nothing.net_cost_meur
            led["gain"] = nothing.total - here.total
            led["gain_per_euro"] = _per(nothing.expected - here.expected, more)
    return SharePoint(
        share=reply.share,
        status=reply.status,
        objective=reply.objective,
        bound=reply.bound,
        gap=reply.gap,
        built=desk.builds(plan),
        projects={} if plan is None else plan.starts,
        standing=here,
        range=talk.spread(reply.ask),
        seconds=reply.seconds,
        **led,
    )


def _per(what: float, cost: float) -> float | None:
    return what / cost if cost > TRACE else None


def _offtake(desk: Desk, plan: Commitment) -> dict[str, dict[str, float]]:
    """Tonnes a year by material, at full running without delay or failure, of all projects."""
    instance, group = desk.instance, group_of(desk.company)
    tonnes: dict[str, np.ndarray] = {}
    for chance, _, own in by_chance(instance, plan):
        for (p, g), share in own.offtake.items():
            if g == group and p in own.start:
                project = instance.projects[p]
                running = chance * project.running(instance.years, own.start[p])
                for m, lots in project.output.items():
                    yearly = share * lots * instance.per_year * instance.lot_t[m] * running
                    tonnes[m] = tonnes.get(m, np.zeros(len(instance.years))) + yearly
    return {m: by_year(instance, yearly) for m, yearly in tonnes.items()}
