"""The whole account for the owner: what was hidden, what it costs, and what can be recovered.

What the answer loses is told by the redacted scenario's plan, followed in the true scenario.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models import results
from models.base import named
from models.results import Recovered, RedactedFigure, Redaction, RedactionLoss, TellingResult
from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.analyses.redaction.attack import TOLD, Attacker
from optimizer.analyses.redaction.hidden import Band, Figure, Method, Replaced
from optimizer.analyses.redaction.insider import Insider
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.analyses.redaction.ranges import Ranges, middle, narrow, width
from optimizer.analyses.redaction.rewriting import Redacted
from optimizer.errors import CheckFailed, Infeasible, NoPlan
from optimizer.model.commitment import Commitment, planned_stock, weighed_cost
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.plan_document import UNITS, commitment_of
from optimizer.solve.planner import Problem, find
from optimizer.solve.verification import check_commitment

NOTED = 0.01
"""Stocks that differ by a smaller share, or by fewer tonnes, are called the same."""
APART = 0.01
"""Values of a figure that are told apart, relatively, where bits are counted."""
PRIOR = math.log(100)
"""Width of what an outsider knew before: up to a factor of ten, either way."""
EXACT = 1e-3
"""A range this narrow, relatively, gives a figure away."""
GUESSES = 1e9
"""Scenarios that can be tried against a published hash."""


class Judged(NamedTuple):
    """The account, and the plan that may be published."""

    redaction: Redaction
    plan: results.Plan | None
    proven: bool
    """Whether both plans are proven to the gap that was asked for."""


def judge(
    redacted: Redacted, method: Method, options: RedactOptions, *, title: str | None = None
) -> Judged:
    """Solve both scenarios, follow one plan in the other, and attack.

    Raises Interrupted if the user stopped it before both had a plan.
    """
    began, case = time.perf_counter(), redacted.true
    name, measure = title or named(case.title, "scenario"), case.objective.measure
    answer, both = _answers(redacted, options)
    plan = lost = attacked = None
    proven = False
    if both is not None:
        true, other = both
        # The document that may be published is made from the redacted scenario alone.
        plan = other.plan(name)
        lost = _loss(true, other, plan, options)
        attacked = _attack(redacted, true.plan(name))
        proven = {true.certificate.status, other.certificate.status} == {"optimal"}
    redaction = Redaction(
        title=name,
        currency=case.currency,
        method="band" if isinstance(method, Band) else "scale",
        width=method.width,
        consumers=options.consumers,
        companies=options.companies,
        figures=tuple(
            _figure(one, redacted.replaced, attacked, options.values) for one in redacted.replaced
        ),
        left_out=redacted.left_out,
        hints=redacted.hints,
        answer=answer,
        unit=UNITS[measure].format(currency=case.currency),
        loss=lost,
        telling=() if attacked is None else attacked.telling,
        seconds=time.perf_counter() - began,
    )
    return Judged(redaction, plan, proven)


def _answers(
    redacted: Redacted, options: RedactOptions
) -> tuple[results.AnswerState, tuple[Found, Found] | None]:
    """Both plans, each solved by itself, so that nothing of the one gets into the other."""
    if not options.solve:
        return "skipped", None
    state: results.AnswerState = "infeasible"
    try:
        true = _find(redacted.true, options)
        state = "redacted_infeasible"
        return "solved", (true, _find(redacted.case, options))
    except Infeasible:
        return state, None
    except NoPlan:
        return "no_plan", None


def _find(case: Case, options: RedactOptions) -> Found:
    return find(
        Problem.of(case),
        gap=options.gap,
        time_limit=options.time_limit,
        threads=options.threads,
        on_progress=options.on_progress,
    )


# What the answer loses


def _loss(
    true: Found, redacted: Found, plan: results.Plan, options: RedactOptions
) -> RedactionLoss:
    """What following the redacted scenario's plan costs in the true scenario."""
    instance = true.instance
    followed = commitment_of(instance, plan)
    broken: tuple[str, ...] = ()
    try:
        check_commitment(instance, followed)
    except CheckFailed as error:
        broken = tuple(str(error).removeprefix("the solver's answer breaks ").split("; "))
    (with_plan,) = outcomes.evaluate(instance, true.states, [followed], threads=options.threads)
    reached = outcomes.objective(instance, with_plan, weighed_cost(instance, followed))
    nothing = outcomes.objective(instance, true.without_plan, weighed_cost(instance, Commitment()))
    same = _same_projects(instance.case, followed, options) if broken else None
    attained = same.objective if same is not None else None if broken else reached
    regret = None if attained is None else attained - true.objective
    bound, gained = true.certificate.bound, nothing - true.objective
    started, before = followed.start, true.commitment.start
    stocks = {}
    for h, pile in instance.stockpiles.items():
        plans, lot = (true.commitment, followed), instance.lot_t[pile.material]
        one, other = (float(np.max(planned_stock(instance, p, h))) * lot for p in plans)
        if abs(one - other) > NOTED * max(one, other) + NOTED:
            stocks[h] = (one, other)
    return RedactionLoss(
        objective=true.objective,
        bound=bound,
        redacted_gap=redacted.certificate.gap,
        without_plan=nothing,
        feasible=not broken,
        broken=broken,
        attained=None if broken else reached,
        same_projects=None if same is None else same.objective,
        regret=regret,
        regret_at_most=None if attained is None or bound is None else attained - bound,
        benefit_lost=None if regret is None or gained <= 0 else regret / gained,
        expected=true.with_plan.expected,
        expected_attained=with_plan.expected if same is None else same.with_plan.expected,
        expected_said=redacted.with_plan.expected,
        entering=tuple(p for p in started if p not in before),
        leaving=tuple(p for p in before if p not in started),
        moved={p: (y, started[p]) for p, y in before.items() if started.get(p, y) != y},
        stocks_t=stocks,
    )


def _same_projects(case: Case, followed: Commitment, options: RedactOptions) -> Found | None:
    """The best plan with just these projects in these years; None where there is none."""
    start, projects = followed.start, dict(case.projects)
    for p, year in start.items():
        years = {"earliest_start": year, "latest_start": year}
        projects[p] = projects[p].model_copy(update=years)
    others = tuple(p for p in projects if p not in start)
    built = {"must_build": tuple(start), "must_not_build": others}
    policy = case.policy.model_copy(update=built)
    try:
        return _find(case.model_copy(update={"projects": projects, "policy": policy}), options)
    except (Infeasible, NoPlan):
        return None


# What can be recovered


class _Attacked(NamedTuple):
    """What results of the true scenario told."""

    ranges: Ranges
    by: dict[str, str]
    """The result that narrowed most, by figure."""
    insider: Insider
    telling: tuple[TellingResult, ...]


def _attack(redacted: Redacted, plan: results.Plan) -> _Attacked:
    attacker = Attacker(redacted, plan)
    ranges = attacker.from_file()
    by: dict[str, str] = {}
    gains: dict[str, float] = {}
    telling = []
    for result, tells in TOLD.items():
        # Damage tells the more the better demand is known: what came before is known there.
        start = ranges if result.startswith("materials.expected") else attacker.from_file()
        telling += _telling(result, start, tells(attacker, start))
        after = tells(attacker, ranges)
        for name, ends in after.items():
            gain = width(*ranges[name]) - width(*ends)
            if gain > max(EXACT / 10, gains.get(name, 0.0)):
                by[name], gains[name] = result, gain
        ranges = after
    # The scenario in the plan gives all figures away at once, and so does its hash if few fit.
    every = tuple(one.figure.dotted for one in redacted.replaced)
    telling.append(TellingResult(result="scenario", exact=every, narrowed=()))
    texts = any(one.reason in ("note", "description", "source") for one in redacted.left_out)
    values = (one.figure.value for one in redacted.replaced)
    texts = texts or any(isinstance(x, Number) and (x.source or x.note) for x in values)
    # How many values with three digits lie in a range: what an attacker would try first.
    widths = (width(one.low, one.high) for one in redacted.replaced)
    fitting = math.prod(max(1.0, math.ceil(wide / math.log(10) * 900)) for wide in widths)
    if fitting <= GUESSES and not texts:
        telling.append(TellingResult(result="certificate.input_sha256", exact=every, narrowed=()))
    telling.sort(key=lambda one: (-len(one.exact), -len(one.narrowed)))
    return _Attacked(ranges, by, Insider(redacted.true, plan, attacker.world), tuple(telling))


def _telling(result: str, before: Ranges, after: Ranges) -> list[TellingResult]:
    widths = {name: (width(*before[name]), width(*ends)) for name, ends in after.items()}
    exact = tuple(name for name, (old, new) in widths.items() if new <= EXACT < old)
    narrowed = tuple(n for n, (old, new) in widths.items() if new < old / 2 and n not in exact)
    one = TellingResult(result=result, exact=exact, narrowed=narrowed)
    return [one] if exact or narrowed else []


def _figure(
    one: Replaced, replaced: Sequence[Replaced], attacked: _Attacked | None, values: bool
) -> RedactedFigure:
    figure, published, low, high = one
    ends, path = width(low, high), figure.dotted
    by_results = insider = by_consumer = None
    if attacked is not None:
        by_results = _recovered(figure, attacked.ranges[path], attacked.by.get(path))
        insider = _recovered(figure, *attacked.insider.learns(figure, low, high))
        learnt = attacked.insider.learns(figure, low, high, by_consumer=True)
        by_consumer = _recovered(figure, *learnt)
    return RedactedFigure(
        path=path,
        kind=figure.kind,
        owner=figure.owner,
        material=figure.material,
        published=published,
        value=float(figure.value) if values else None,
        low=low,
        high=high,
        error=math.expm1(ends / 2),
        bits_left=math.log2(max(1.0, ends / math.log1p(APART))),
        bits_told=math.log2(max(1.0, PRIOR / max(ends, math.log1p(APART)))),
        known_shape=_known_shape(one, replaced),
        results=by_results,
        insider=insider,
        insider_by_consumer=by_consumer,
    )


def _recovered(figure: Figure, ends: tuple[float, float], by: str | None) -> Recovered:
    error = abs(middle(*ends) / figure.value - 1) if figure.value > 0 else 0.0
    return Recovered(low=ends[0], high=ends[1], error=error, by=by)


def _known_shape(one: Replaced, replaced: Sequence[Replaced]) -> Recovered | None:
    """The level of a profile lies in the bands of all its years at once."""
    years = [other for other in replaced if other.figure.path == one.figure.path]
    if len(years) < 2 or one.figure.value <= 0:
        return None
    level: Ranges = {"": (one.low, one.high)}
    for other in years:
        if other.figure.value > 0:
            ratio = one.figure.value / other.figure.value
            narrow(level, "", other.low * ratio, other.high * ratio)
    return _recovered(one.figure, level[""], None)
