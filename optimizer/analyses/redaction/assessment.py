"""Assessment of a redaction for the owner of the figures: what is hidden, what it costs, and what
can be recovered.

The cost is the loss of objective if the redacted scenario's plan is followed in the true scenario.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from models import results
from models.base import display_name
from models.results import RecoveryRange, RedactedFigure, Redaction, RedactionLoss, RevealingResult
from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.analyses.plan_diff import DecisionDiff, Decisions
from optimizer.analyses.plan_figures import largest_stocks
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
from optimizer.model.commitment import Commitment, weighted_cost
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.plan_document import MEASURE_UNITS, commitment_from_plan
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.verification import check_commitment

STOCK_TOLERANCE = 0.01
"""Stocks whose relative difference, or difference in tonnes, is smaller count as equal."""
VALUE_RESOLUTION = 0.01
"""Relative difference of two values of a figure from which on they count as distinct, in bits."""
PRIOR_WIDTH = math.log(100)
"""Log width of an outsider's prior range: a factor of ten either way."""
EXACT_WIDTH = 1e-3
"""A range of at most this log width counts as exact recovery."""
MAX_GUESSES = 1e9
"""Number of scenarios that an attacker can try against a published hash."""


class RedactionAssessment(NamedTuple):
    """The assessment, and the plan that may be published."""

    redaction: Redaction
    plan: results.Plan | None
    both_optimal: bool
    """Whether both plans are proven to the requested gap."""


def assess_redaction(
    redacted: RedactedScenario,
    method: RedactionMethod,
    options: RedactOptions,
    *,
    title: str | None = None,
) -> RedactionAssessment:
    """Assess a redaction: solve both scenarios, follow the redacted plan in the true one, and run
    the attacks.

    Raises Interrupted if the user stops it before both scenarios have a plan.
    """
    started_at, case = time.perf_counter(), redacted.true_case
    name, measure = title or display_name(case.title, "scenario"), case.objective.measure
    answer, solutions = _solve_both(redacted, options)
    plan = loss = attack = None
    both_optimal = False
    if solutions is not None:
        true_solution, redacted_solution = solutions
        # The document that may be published is made from the redacted scenario alone.
        plan = redacted_solution.to_plan(name)
        loss = _compute_loss(true_solution, redacted_solution, plan, options)
        attack = _run_attacks(redacted, true_solution.to_plan(name))
        both_optimal = all(s.certificate.status == "optimal" for s in solutions)
    redaction = Redaction(
        title=name,
        currency=case.currency,
        method="band" if isinstance(method, BandMethod) else "scale",
        width=method.width,
        consumers=options.consumers,
        companies=options.companies,
        figures=tuple(
            _redacted_figure(replaced_figure, redacted.replaced_figures, attack, options.values)
            for replaced_figure in redacted.replaced_figures
        ),
        left_out=redacted.left_out,
        hints=redacted.hints,
        answer=answer,
        unit=MEASURE_UNITS[measure].format(currency=case.currency),
        loss=loss,
        telling=() if attack is None else attack.revealing_results,
        seconds=time.perf_counter() - started_at,
    )
    return RedactionAssessment(redaction, plan, both_optimal)


def _solve_both(
    redacted: RedactedScenario, options: RedactOptions
) -> tuple[results.AnswerState, tuple[CheckedSolution, CheckedSolution] | None]:
    """Solve the true and the redacted scenario independently, so that no information passes between
    them.

    The solutions are None if a scenario has no plan, or if nothing is to be solved.
    """
    if not options.solve:
        return "skipped", None
    infeasible_answer: results.AnswerState = "infeasible"
    try:
        true_solution = _find_plan(redacted.true_case, options)
        infeasible_answer = "redacted_infeasible"
        return "solved", (true_solution, _find_plan(redacted.redacted_case, options))
    except Infeasible:
        return infeasible_answer, None
    except NoPlan:
        return "no_plan", None


def _find_plan(case: Case, options: RedactOptions) -> CheckedSolution:
    return solve_and_certify(Problem.from_case(case), **options.solver_options)


# Loss of objective


def _compute_loss(
    true_solution: CheckedSolution,
    redacted_solution: CheckedSolution,
    plan: results.Plan,
    options: RedactOptions,
) -> RedactionLoss:
    """Compute the loss of objective if the redacted scenario's plan is followed in the true
    scenario."""
    instance = true_solution.instance
    followed_plan = commitment_from_plan(instance, plan)
    broken_rules: tuple[str, ...] = ()
    try:
        check_commitment(instance, followed_plan)
    except CheckFailed as error:
        broken_rules = tuple(str(error).removeprefix("the solver's answer breaks ").split("; "))
    (with_plan,) = outcomes.evaluate_commitments(
        instance, true_solution.states, [followed_plan], threads=options.threads
    )
    followed_objective = outcomes.objective_value(
        instance, with_plan, weighted_cost(instance, followed_plan)
    )
    objective_without_plan = outcomes.objective_value(
        instance, true_solution.without_plan, weighted_cost(instance, Commitment())
    )
    same_projects = (
        _solve_same_projects(instance.case, followed_plan, options) if broken_rules else None
    )
    objective = None if broken_rules else followed_objective
    if same_projects is not None:
        objective = same_projects.objective
    regret = None if objective is None else objective - true_solution.objective
    bound = true_solution.certificate.bound
    benefit = objective_without_plan - true_solution.objective
    commitments = (true_solution.commitment, followed_plan)
    changes = DecisionDiff.between(
        *(Decisions(x.start, largest_stocks(instance, x)) for x in commitments)
    )
    stocks = {
        h: (a, b)
        for h, (a, b) in changes.stocks_t.items()
        if abs(a - b) > STOCK_TOLERANCE * max(a, b) + STOCK_TOLERANCE
    }
    return RedactionLoss(
        objective=true_solution.objective,
        bound=bound,
        redacted_gap=redacted_solution.certificate.gap,
        without_plan=objective_without_plan,
        feasible=not broken_rules,
        broken=broken_rules,
        attained=None if broken_rules else followed_objective,
        same_projects=None if same_projects is None else same_projects.objective,
        regret=regret,
        regret_at_most=None if objective is None or bound is None else objective - bound,
        benefit_lost=None if regret is None or benefit <= 0 else regret / benefit,
        expected=true_solution.with_plan.expected,
        expected_attained=with_plan.expected
        if same_projects is None
        else same_projects.with_plan.expected,
        expected_said=redacted_solution.with_plan.expected,
        entering=changes.entering,
        leaving=changes.leaving,
        moved=changes.moved,
        stocks_t={h: stocks[h] for h in instance.stockpiles if h in stocks},
    )


def _solve_same_projects(
    case: Case, followed_plan: Commitment, options: RedactOptions
) -> CheckedSolution | None:
    """Return the best plan that has exactly the projects and start years of ``followed_plan``; None
    if there is none."""
    start_by_project, projects = followed_plan.start, dict(case.projects)
    for p, year in start_by_project.items():
        years = {"earliest_start": year, "latest_start": year}
        projects[p] = projects[p].model_copy(update=years)
    other_projects = tuple(p for p in projects if p not in start_by_project)
    project_rules = {"must_build": tuple(start_by_project), "must_not_build": other_projects}
    policy = case.policy.model_copy(update=project_rules)
    try:
        return _find_plan(case.model_copy(update={"projects": projects, "policy": policy}), options)
    except (Infeasible, NoPlan):
        return None


# Attacks


class _AttackResult(NamedTuple):
    """What an attacker can recover from results of the true scenario."""

    ranges: Ranges
    narrowed_by: dict[str, str]
    """The result that narrowed the range most, by figure."""
    insider: Insider
    revealing_results: tuple[RevealingResult, ...]


def _run_attacks(redacted: RedactedScenario, plan: results.Plan) -> _AttackResult:
    attacker = Attacker(redacted, plan)
    file_ranges = attacker.ranges_from_file()
    narrowed_by: dict[str, str] = {}
    gains: dict[str, float] = {}
    revealing = []
    for result, attack in ATTACKS.items():
        # Damage narrows more if demand is known, so it starts from ranges narrowed so far.
        starting_ranges = (
            file_ranges if result.startswith("materials.expected") else attacker.ranges_from_file()
        )
        revealing += _revealing_results(result, starting_ranges, attack(attacker, starting_ranges))
        narrowed = attack(attacker, file_ranges)
        for name, value_range in narrowed.items():
            gain = log_width(*file_ranges[name]) - log_width(*value_range)
            if gain > max(EXACT_WIDTH / 10, gains.get(name, 0.0)):
                narrowed_by[name], gains[name] = result, gain
        file_ranges = narrowed
    # The scenario in the plan reveals all figures, and so does its hash if few scenarios fit.
    all_paths = tuple(replaced.figure.dotted_path for replaced in redacted.replaced_figures)
    revealing.append(RevealingResult(result="scenario", exact=all_paths, narrowed=()))
    has_removed_texts = any(
        removed_field.reason in ("note", "description", "source")
        for removed_field in redacted.left_out
    )
    replaced_values = (replaced.figure.value for replaced in redacted.replaced_figures)
    has_removed_texts = has_removed_texts or any(
        isinstance(value, Number) and (value.source or value.note) for value in replaced_values
    )
    # Values with three digits in each range: what an attacker would try first.
    widths = (log_width(replaced.low, replaced.high) for replaced in redacted.replaced_figures)
    guess_count = math.prod(max(1.0, math.ceil(width / math.log(10) * 900)) for width in widths)
    if guess_count <= MAX_GUESSES and not has_removed_texts:
        revealing.append(
            RevealingResult(result="certificate.input_sha256", exact=all_paths, narrowed=())
        )
    revealing.sort(key=lambda result: (-len(result.exact), -len(result.narrowed)))
    return _AttackResult(
        file_ranges,
        narrowed_by,
        Insider(redacted.true_case, plan, attacker.evaluator),
        tuple(revealing),
    )


def _revealing_results(result: str, before: Ranges, after: Ranges) -> list[RevealingResult]:
    widths = {
        path: (log_width(*before[path]), log_width(*value_range))
        for path, value_range in after.items()
    }
    exact = tuple(
        path
        for path, (old_width, new_width) in widths.items()
        if new_width <= EXACT_WIDTH < old_width
    )
    narrowed = tuple(
        path
        for path, (old_width, new_width) in widths.items()
        if new_width < old_width / 2 and path not in exact
    )
    revealing = RevealingResult(result=result, exact=exact, narrowed=narrowed)
    return [revealing] if exact or narrowed else []


def _redacted_figure(
    replaced_figure: ReplacedFigure,
    all_replaced: Sequence[ReplacedFigure],
    attack: _AttackResult | None,
    values: bool,
) -> RedactedFigure:
    figure, published_value, low, high = replaced_figure
    width, path = log_width(low, high), figure.dotted_path
    results_range = insider_range = consumer_range = None
    if attack is not None:
        results_range = _recovered_range(figure, attack.ranges[path], attack.narrowed_by.get(path))
        insider_range = _recovered_range(figure, *attack.insider.recover_range(figure, low, high))
        recovered = attack.insider.recover_range(figure, low, high, by_consumer=True)
        consumer_range = _recovered_range(figure, *recovered)
    return RedactedFigure(
        path=path,
        kind=figure.kind,
        owner=figure.owner,
        material=figure.material,
        published=published_value,
        value=float(figure.value) if values else None,
        low=low,
        high=high,
        error=math.expm1(width / 2),
        bits_left=math.log2(max(1.0, width / math.log1p(VALUE_RESOLUTION))),
        bits_told=math.log2(max(1.0, PRIOR_WIDTH / max(width, math.log1p(VALUE_RESOLUTION)))),
        known_shape=_recover_from_profile(replaced_figure, all_replaced),
        results=results_range,
        insider=insider_range,
        insider_by_consumer=consumer_range,
    )


def _recovered_range(
    figure: ScenarioFigure, value_range: tuple[float, float], narrowed_by: str | None
) -> RecoveryRange:
    error = abs(best_guess(*value_range) / figure.value - 1) if figure.value > 0 else 0.0
    return RecoveryRange(low=value_range[0], high=value_range[1], error=error, by=narrowed_by)


def _recover_from_profile(
    replaced_figure: ReplacedFigure, all_replaced: Sequence[ReplacedFigure]
) -> RecoveryRange | None:
    """Return the range of a figure that follows from all years of its profile if their ratios are
    known.

    None if the profile has one year only, or if the figure is 0.
    """
    yearly_figures = [
        other_year
        for other_year in all_replaced
        if other_year.figure.path == replaced_figure.figure.path
    ]
    if len(yearly_figures) < 2 or replaced_figure.figure.value <= 0:
        return None
    level: Ranges = {"": (replaced_figure.low, replaced_figure.high)}
    for other_year in yearly_figures:
        if other_year.figure.value > 0:
            ratio = replaced_figure.figure.value / other_year.figure.value
            narrow_range(level, "", other_year.low * ratio, other_year.high * ratio)
    return _recovered_range(replaced_figure.figure, level[""], None)
