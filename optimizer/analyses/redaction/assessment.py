"""The whole account for the owner: what was hidden, what it costs, and what can be recovered.

What the answer loses is told by the redacted scenario's plan, followed in the true scenario.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models import results
from models.base import display_name
from models.results import RecoveryRange, RedactedFigure, Redaction, RedactionLoss, RevealingResult
from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.analyses.redaction.attack import ATTACKS, Attacker
from optimizer.analyses.redaction.hidden_figures import (
    BandMethod,
    RedactionMethod,
    ReplacedFigure,
    ScenarioFigure,
)
from optimizer.analyses.redaction.insider import Insider
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.analyses.redaction.ranges import Ranges, best_guess, log_width, narrow_range
from optimizer.analyses.redaction.redacted_scenario import RedactedScenario
from optimizer.errors import CheckFailed, Infeasible, NoPlan
from optimizer.model.commitment import Commitment, planned_stock, weighted_cost
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.plan_document import MEASURE_UNITS, commitment_from_plan
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.verification import check_commitment

STOCK_TOLERANCE = 0.01
"""Stocks that differ by a smaller share, or by fewer tonnes, are called the same."""
VALUE_RESOLUTION = 0.01
"""Values of a figure that are told apart, relatively, where bits are counted."""
PRIOR_WIDTH = math.log(100)
"""Width of what an outsider knew before: up to a factor of ten, either way."""
EXACT_WIDTH = 1e-3
"""A range this narrow, relatively, gives a figure away."""
MAX_GUESSES = 1e9
"""Scenarios that can be tried against a published hash."""


class RedactionAssessment(NamedTuple):
    """The account, and the plan that may be published."""

    redaction: Redaction
    plan: results.Plan | None
    both_optimal: bool
    """Whether both plans are proven to the gap that was asked for."""


def assess_redaction(
    redacted: RedactedScenario,
    method: RedactionMethod,
    options: RedactOptions,
    *,
    title: str | None = None,
) -> RedactionAssessment:
    """Solve both scenarios, follow one plan in the other, and attack.

    Raises Interrupted if the user stopped it before both had a plan.
    """
    began, case = time.perf_counter(), redacted.true_case
    name, measure = title or display_name(case.title, "scenario"), case.objective.measure
    answer, both = _solve_both(redacted, options)
    plan = lost = attacked = None
    proven = False
    if both is not None:
        true, other = both
        # The document that may be published is made from the redacted scenario alone.
        plan = other.to_plan(name)
        lost = _compute_loss(true, other, plan, options)
        attacked = _run_attacks(redacted, true.to_plan(name))
        proven = {true.certificate.status, other.certificate.status} == {"optimal"}
    redaction = Redaction(
        title=name,
        currency=case.currency,
        method="band" if isinstance(method, BandMethod) else "scale",
        width=method.width,
        consumers=options.consumers,
        companies=options.companies,
        figures=tuple(
            _redacted_figure(one, redacted.replaced, attacked, options.values)
            for one in redacted.replaced
        ),
        left_out=redacted.left_out,
        hints=redacted.hints,
        answer=answer,
        unit=MEASURE_UNITS[measure].format(currency=case.currency),
        loss=lost,
        telling=() if attacked is None else attacked.revealing_results,
        seconds=time.perf_counter() - began,
    )
    return RedactionAssessment(redaction, plan, proven)


def _solve_both(
    redacted: RedactedScenario, options: RedactOptions
) -> tuple[results.AnswerState, tuple[CheckedSolution, CheckedSolution] | None]:
    """Both plans, each solved by itself, so that nothing of the one gets into the other."""
    if not options.solve:
        return "skipped", None
    state: results.AnswerState = "infeasible"
    try:
        true = _find_plan(redacted.true_case, options)
        state = "redacted_infeasible"
        return "solved", (true, _find_plan(redacted.redacted_case, options))
    except Infeasible:
        return state, None
    except NoPlan:
        return "no_plan", None


def _find_plan(case: Case, options: RedactOptions) -> CheckedSolution:
    return solve_and_certify(
        Problem.from_case(case),
        gap=options.gap,
        time_limit=options.time_limit,
        threads=options.threads,
        on_progress=options.on_progress,
    )


# What the answer loses


def _compute_loss(
    true_solution: CheckedSolution,
    redacted_solution: CheckedSolution,
    plan: results.Plan,
    options: RedactOptions,
) -> RedactionLoss:
    """What following the redacted scenario's plan costs in the true scenario."""
    instance = true_solution.instance
    followed = commitment_from_plan(instance, plan)
    broken: tuple[str, ...] = ()
    try:
        check_commitment(instance, followed)
    except CheckFailed as error:
        broken = tuple(str(error).removeprefix("the solver's answer breaks ").split("; "))
    (with_plan,) = outcomes.evaluate_commitments(
        instance, true_solution.states, [followed], threads=options.threads
    )
    reached = outcomes.objective_value(instance, with_plan, weighted_cost(instance, followed))
    nothing = outcomes.objective_value(
        instance, true_solution.without_plan, weighted_cost(instance, Commitment())
    )
    same = _solve_same_projects(instance.case, followed, options) if broken else None
    attained = same.objective if same is not None else None if broken else reached
    regret = None if attained is None else attained - true_solution.objective
    bound, gained = true_solution.certificate.bound, nothing - true_solution.objective
    started, before = followed.start, true_solution.commitment.start
    stocks = {}
    for h, pile in instance.stockpiles.items():
        plans, lot = (true_solution.commitment, followed), instance.lot_tonnes[pile.material]
        one, other = (float(np.max(planned_stock(instance, p, h))) * lot for p in plans)
        if abs(one - other) > STOCK_TOLERANCE * max(one, other) + STOCK_TOLERANCE:
            stocks[h] = (one, other)
    return RedactionLoss(
        objective=true_solution.objective,
        bound=bound,
        redacted_gap=redacted_solution.certificate.gap,
        without_plan=nothing,
        feasible=not broken,
        broken=broken,
        attained=None if broken else reached,
        same_projects=None if same is None else same.objective,
        regret=regret,
        regret_at_most=None if attained is None or bound is None else attained - bound,
        benefit_lost=None if regret is None or gained <= 0 else regret / gained,
        expected=true_solution.with_plan.expected,
        expected_attained=with_plan.expected if same is None else same.with_plan.expected,
        expected_said=redacted_solution.with_plan.expected,
        entering=tuple(p for p in started if p not in before),
        leaving=tuple(p for p in before if p not in started),
        moved={p: (y, started[p]) for p, y in before.items() if started.get(p, y) != y},
        stocks_t=stocks,
    )


def _solve_same_projects(
    case: Case, followed: Commitment, options: RedactOptions
) -> CheckedSolution | None:
    """The best plan with just these projects in these years; None where there is none."""
    start, projects = followed.start, dict(case.projects)
    for p, year in start.items():
        years = {"earliest_start": year, "latest_start": year}
        projects[p] = projects[p].model_copy(update=years)
    others = tuple(p for p in projects if p not in start)
    built = {"must_build": tuple(start), "must_not_build": others}
    policy = case.policy.model_copy(update=built)
    try:
        return _find_plan(case.model_copy(update={"projects": projects, "policy": policy}), options)
    except (Infeasible, NoPlan):
        return None


# What can be recovered


class _AttackResult(NamedTuple):
    """What results of the true scenario told."""

    ranges: Ranges
    narrowed_by: dict[str, str]
    """The result that narrowed most, by figure."""
    insider: Insider
    revealing_results: tuple[RevealingResult, ...]


def _run_attacks(redacted: RedactedScenario, plan: results.Plan) -> _AttackResult:
    attacker = Attacker(redacted, plan)
    ranges = attacker.ranges_from_file()
    by: dict[str, str] = {}
    gains: dict[str, float] = {}
    telling = []
    for result, tells in ATTACKS.items():
        # Damage tells the more the better demand is known: what came before is known there.
        start = ranges if result.startswith("materials.expected") else attacker.ranges_from_file()
        telling += _revealing_results(result, start, tells(attacker, start))
        after = tells(attacker, ranges)
        for name, ends in after.items():
            gain = log_width(*ranges[name]) - log_width(*ends)
            if gain > max(EXACT_WIDTH / 10, gains.get(name, 0.0)):
                by[name], gains[name] = result, gain
        ranges = after
    # The scenario in the plan gives all figures away at once, and so does its hash if few fit.
    every = tuple(one.figure.dotted_path for one in redacted.replaced)
    telling.append(RevealingResult(result="scenario", exact=every, narrowed=()))
    texts = any(one.reason in ("note", "description", "source") for one in redacted.left_out)
    values = (one.figure.value for one in redacted.replaced)
    texts = texts or any(isinstance(x, Number) and (x.source or x.note) for x in values)
    # How many values with three digits lie in a range: what an attacker would try first.
    widths = (log_width(one.low, one.high) for one in redacted.replaced)
    fitting = math.prod(max(1.0, math.ceil(wide / math.log(10) * 900)) for wide in widths)
    if fitting <= MAX_GUESSES and not texts:
        telling.append(RevealingResult(result="certificate.input_sha256", exact=every, narrowed=()))
    telling.sort(key=lambda one: (-len(one.exact), -len(one.narrowed)))
    return _AttackResult(
        ranges, by, Insider(redacted.true_case, plan, attacker.evaluator), tuple(telling)
    )


def _revealing_results(result: str, before: Ranges, after: Ranges) -> list[RevealingResult]:
    widths = {name: (log_width(*before[name]), log_width(*ends)) for name, ends in after.items()}
    exact = tuple(name for name, (old, new) in widths.items() if new <= EXACT_WIDTH < old)
    narrowed = tuple(n for n, (old, new) in widths.items() if new < old / 2 and n not in exact)
    one = RevealingResult(result=result, exact=exact, narrowed=narrowed)
    return [one] if exact or narrowed else []


def _redacted_figure(
    replaced_figure: ReplacedFigure,
    all_replaced: Sequence[ReplacedFigure],
    attack: _AttackResult | None,
    values: bool,
) -> RedactedFigure:
    figure, published, low, high = replaced_figure
    ends, path = log_width(low, high), figure.dotted_path
    by_results = insider = by_consumer = None
    if attack is not None:
        by_results = _recovered_range(figure, attack.ranges[path], attack.narrowed_by.get(path))
        insider = _recovered_range(figure, *attack.insider.recover_range(figure, low, high))
        learnt = attack.insider.recover_range(figure, low, high, by_consumer=True)
        by_consumer = _recovered_range(figure, *learnt)
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
        bits_left=math.log2(max(1.0, ends / math.log1p(VALUE_RESOLUTION))),
        bits_told=math.log2(max(1.0, PRIOR_WIDTH / max(ends, math.log1p(VALUE_RESOLUTION)))),
        known_shape=_recover_from_profile(replaced_figure, all_replaced),
        results=by_results,
        insider=insider,
        insider_by_consumer=by_consumer,
    )


def _recovered_range(
    figure: ScenarioFigure, value_range: tuple[float, float], narrowed_by: str | None
) -> RecoveryRange:
    error = abs(best_guess(*value_range) / figure.value - 1) if figure.value > 0 else 0.0
    return RecoveryRange(low=value_range[0], high=value_range[1], error=error, by=narrowed_by)


def _recover_from_profile(
    replaced_figure: ReplacedFigure, all_replaced: Sequence[ReplacedFigure]
) -> RecoveryRange | None:
    """The level of a profile lies in the bands of all its years at once."""
    years = [other for other in all_replaced if other.figure.path == replaced_figure.figure.path]
    if len(years) < 2 or replaced_figure.figure.value <= 0:
        return None
    level: Ranges = {"": (replaced_figure.low, replaced_figure.high)}
    for other in years:
        if other.figure.value > 0:
            ratio = replaced_figure.figure.value / other.figure.value
            narrow_range(level, "", other.low * ratio, other.high * ratio)
    return _recovered_range(replaced_figure.figure, level[""], None)
