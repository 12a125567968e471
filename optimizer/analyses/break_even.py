"""Break-even factors of a plan on damage, event rate and event duration, and the solution of
several cases in sequence, each of which may have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from models.files.reading import read_case_data
from models.results import Plan
from models.results.plan import BreakEvenFactor, ScaledQuantity
from models.scenario.case import Case
from optimizer.analyses.assumptions import LinkedNumbers, scaled_number, uncertain_numbers
from optimizer.analyses.sensitivity.subproblem import (
    PlanAtValues,
    StudiedPlan,
    classify_decision,
    evaluate_plan,
    find_best_plan,
    solve_decision,
)
from optimizer.analyses.variation import format_setting
from optimizer.errors import Infeasible, Interrupted, NoPlan, SolverError
from optimizer.model.commitment import Commitment, net_cost
from optimizer.model.instance import read_instance
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool, pool_key
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import Problem, check_supported, choose_method
from optimizer.solve.session import Session

BREAK_EVEN_SETTINGS = ("objective.cost_weight=1", "objective.cvar.weight=0")
MAX_FACTOR = 10.0  # highest factor of rate and duration that is tried
FACTOR_TOLERANCE = 0.01  # relative tolerance of a factor
GAIN_TOLERANCE = 0.01  # minimum gain of a plan, as a share of damage without one
BOUND_FACTOR_TOLERANCE = 0.1  # relative tolerance of the bound on any plan, when bisecting
MAX_BOUND_SOLVES, DIRECT_BOUND_SOLVES = (
    6,
    4,
)  # solves for that bound: all, and those before bisection
DEFAULT_TIME_LIMIT = 60.0  # seconds for each of these solves

SettingsOfFactor = Callable[[float], list[str]]
"""Function that returns the settings ``path=value`` of the scenario at a factor."""


def add_break_even(plan: Plan, time_limit: float | None = None) -> Plan:
    """Return the plan with the break-even factors for this plan and for any plan.

    A plan that builds and buys nothing, has no scenario or another measure than damage, is returned
    unchanged. Raises Interrupted if the user stopped the search.
    """
    if plan.scenario is None or plan.outcome.measure != "damage" or _is_empty_plan(plan):
        return plan
    loaded_scenario = read_case_data(plan.scenario, "plan.json").with_settings(BREAK_EVEN_SETTINGS)
    problem = Problem.from_case(loaded_scenario.case)
    instance = problem.instance
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    commitment = commitment_from_plan(instance, plan)
    solve_time_limit = time_limit or DEFAULT_TIME_LIMIT
    session = Session(1, pool, gap=GAIN_TOLERANCE / 2, time_limit=solve_time_limit)
    subject = StudiedPlan(loaded_scenario, instance, commitment, GAIN_TOLERANCE, session)
    factors, best_subject = [], subject
    try:
        for quantity, settings in _settings_by_quantity(loaded_scenario.case).items():
            plan_factor = _plan_break_even(subject, quantity, settings)
            max_factor = MAX_FACTOR if plan_factor is None else plan_factor
            if best_subject is not subject:
                other_factor = _plan_break_even(best_subject, quantity, settings)
                max_factor = max_factor if other_factor is None else min(max_factor, other_factor)
            bound = None
            with suppress(SolverError):  # a failed solve proves nothing
                bound, best_subject = _any_plan_break_even(
                    best_subject, quantity, settings, max_factor
                )
            factors.append(BreakEvenFactor(of=quantity, plan=plan_factor, any_plan=bound))
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    return plan.model_copy(update={"worth_from": tuple(factors)})


def _is_empty_plan(plan: Plan) -> bool:
    """Return whether a plan neither builds nor buys anything."""
    return not plan.projects and not any(
        any(stockpile.buy_t.values()) for stockpile in plan.stockpiles
    )


def _settings_by_quantity(case: Case) -> Mapping[ScaledQuantity, SettingsOfFactor]:
    """Return, for each quantity that the scenario has, the function that returns the settings at a
    factor."""
    kinds = uncertain_numbers(case)
    rates = kinds["hazard"].get(None, [])
    if case.uncertainty is not None and case.uncertainty.sample is not None:
        rates = [
            scaled_number(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)
            for h, hazard in case.hazards.items()
            if any(hazard.annual_probability.values)
        ]
    settings_by_quantity: dict[ScaledQuantity, SettingsOfFactor] = {
        "damage": _scaled_damage_settings
    }
    if rates:
        settings_by_quantity["rate"] = partial(_scaled_number_settings, rates)
    if case.hazards:
        settings_by_quantity["duration"] = partial(_stretched_event_settings, case)
    return settings_by_quantity


def _scaled_damage_settings(factor: float) -> list[str]:
    """Return settings with the effect of multiplying damage by a factor.

    The cost weight is divided by the factor instead, so that cuts stay valid.
    """
    return [f"objective.cost_weight={format_setting(1 / factor)}"]


def _scaled_number_settings(numbers: Sequence[LinkedNumbers], factor: float) -> list[str]:
    """Return the settings at which all ``numbers`` are scaled by a factor."""
    return [text for number in numbers for text in number.settings_at(factor)]


def _stretched_event_settings(case: Case, factor: float) -> list[str]:
    """Return the settings at which all events last ``factor`` times as long."""
    settings, period_count = [], len(case.horizon.years) * int(case.horizon.periods_per_year)
    for h, hazard in case.hazards.items():
        for profile, effects in hazard.effects_by_profile.items():
            path = f"hazards.{h}" if profile is None else f"hazards.{h}.profiles.{profile}"
            for n, effect in enumerate(effects):
                losses = stretch_losses(list(map(float, effect.loss)), factor)
                loss_list = ", ".join(map(format_setting, losses[:period_count]))
                settings.append(f"{path}.effects.{n}.loss=[{loss_list}]")
    return settings


def stretch_losses(losses: Sequence[float], factor: float) -> list[float]:
    """Stretch the losses of an event in each period to ``factor`` times its length.

    The losses are a step function of time, which is stretched and then averaged over each period,
    so that their sum is multiplied by the factor. A factor of 0 leaves no loss.
    """
    count = max(1, math.ceil(len(losses) * factor - 1e-9))
    if factor <= 0:
        return [0.0]
    cumulative_loss = np.concatenate([[0.0], np.cumsum(losses)])
    interpolated = np.interp(
        np.arange(count + 1) / factor, np.arange(len(cumulative_loss)), cumulative_loss
    )
    return [float(x) for x in np.clip(np.diff(interpolated * factor), 0, 1).round(12)]


def _plan_break_even(
    subject: StudiedPlan, quantity: ScaledQuantity, settings: SettingsOfFactor
) -> float | None:
    """Compute the factor on a quantity from which on a plan pays for itself; None if none up to
    ``MAX_FACTOR`` is found.

    Avoided damage is proportional to a factor on damage, so that this factor is a ratio. For other
    quantities the root is bracketed and found by false position, with a bisection in every third
    step.
    """

    def gain(factor: float) -> float:
        plan_at_values = evaluate_plan(subject, settings(factor))
        return (
            _damage_without_plan(plan_at_values)
            - plan_at_values.own_outcome.expected
            - plan_at_values.own_outcome.net_cost_meur
        )

    if quantity == "damage":
        plan_at_values = evaluate_plan(subject, ())
        return _break_even_ratio(
            _damage_without_plan(plan_at_values),
            plan_at_values.own_outcome.expected,
            plan_at_values.own_outcome.net_cost_meur,
        )
    low, high = 0.0, 1.0
    gain_shortfall, gain_surplus = -gain(low), gain(high)
    if gain_shortfall <= 0:
        return 0.0
    if gain_surplus < 0:
        low, high, gain_shortfall, gain_surplus = high, MAX_FACTOR, -gain_surplus, gain(MAX_FACTOR)
        if gain_surplus < 0:
            return None
    tries = 0
    while high - low > FACTOR_TOLERANCE * high:
        root, tries = (
            low + (high - low) * gain_shortfall / (gain_shortfall + gain_surplus),
            tries + 1,
        )
        # Step beyond the root towards the wider side of the bracket, so that both ends move.
        middle = root * (
            1 + FACTOR_TOLERANCE / 3 if high - root > root - low else 1 - FACTOR_TOLERANCE / 3
        )
        if tries % 3 == 0 or not low < middle < high:
            middle = (low + high) / 2
        middle_gain = gain(middle)
        if middle_gain >= 0:
            high, gain_surplus = middle, middle_gain
        else:
            low, gain_shortfall = middle, -middle_gain
    return high


def _damage_without_plan(plan_at_values: PlanAtValues) -> float:
    """Compute the expected damage without any plan, in the scenario of an evaluated plan."""
    instance = plan_at_values.problem.instance
    states = plan_at_values.problem.states
    recourse = plan_at_values.problem.recourse
    evaluated_outcomes = outcomes.evaluate_commitments(
        instance, states, [Commitment()], threads=1, recourse=recourse
    )
    return evaluated_outcomes[0].expected


def _break_even_ratio(damage_without: float, damage_with: float, net_cost: float) -> float | None:
    """Return the net cost over the damage avoided.

    Return 0 if the net cost is not positive; otherwise None if no damage is avoided.
    """
    return (
        0.0
        if net_cost <= 0
        else None
        if damage_without <= damage_with
        else net_cost / (damage_without - damage_with)
    )


def _any_plan_break_even(
    subject: StudiedPlan, quantity: ScaledQuantity, settings: SettingsOfFactor, max_factor: float
) -> tuple[float | None, StudiedPlan]:
    """Compute the highest factor found at which no plan gains more than the tolerance.

    Return the factor (None if there is none), and the last plan found that gains at a higher factor
    (``subject`` if there is none). Whenever such a plan is found, its break-even factor is tried
    next; after ``DIRECT_BOUND_SOLVES`` solves the interval is bisected.
    """
    empty_subject, session, low = replace(subject, commitment=Commitment()), subject.session, None
    for attempt_number in range(MAX_BOUND_SOLVES):
        if max_factor <= 0:
            return 0.0, subject
        lower_factor = max_factor * 0.8 if low is None else low
        factor = (
            max_factor if attempt_number < DIRECT_BOUND_SOLVES else (lower_factor + max_factor) / 2
        )
        # That rules require commitments does not make a plan worth its money.
        empty_plan_at_values = replace(
            evaluate_plan(empty_subject, settings(factor)), broken_rules=()
        )
        session = session.for_problem(empty_plan_at_values.problem.instance)
        best_known = find_best_plan(empty_plan_at_values, session)
        decision = classify_decision(empty_subject, empty_plan_at_values, best_known)
        if decision == "open":
            decision, new_best = solve_decision(empty_subject, empty_plan_at_values, session)
            best_known = new_best or best_known
        if decision == "same":
            low = factor
            if max_factor - low <= BOUND_FACTOR_TOLERANCE * max_factor:
                break
        elif (
            decision == "changed"
            and best_known.commitment is not None
            and best_known.outcome is not None
        ):
            instance, damage_with = (
                empty_plan_at_values.problem.instance,
                best_known.outcome.expected,
            )
            subject = replace(subject, instance=instance, commitment=best_known.commitment)
            if quantity == "damage":
                plan_factor = _break_even_ratio(
                    empty_plan_at_values.outcome.expected,
                    damage_with,
                    net_cost(instance, best_known.commitment),
                )
            else:
                plan_factor = _plan_break_even(subject, quantity, settings)
            max_factor = min(
                factor * (1 - FACTOR_TOLERANCE), factor if plan_factor is None else plan_factor
            )
        else:
            break
    return low, replace(subject, session=session)


SolveFailure = Infeasible | NoPlan | SolverError
"""Why a case has no plan."""


class SolveTask(NamedTuple):
    """A case to be solved, with the variant and the title for its plan."""

    case: Case
    variant: str | None
    title: str


def solve_sequentially(
    tasks: Sequence[SolveTask],
    *,
    pools: MutableMapping[str, CutPool] | None = None,
    on_start: Callable[[int], None] | None = None,
    break_even: bool = False,
    **solve_options: Any,
) -> list[Plan | SolveFailure | None]:
    """Solve several cases one after the other; return for each its plan or the error.

    Cases that were not solved because of an interrupt have None. Cases with larger budgets are
    solved first, since their cuts are useful for smaller budgets. Small cases are solved in the
    extensive form, unless ``pools`` are given. ``pools`` maps the key of a case to its cut pool,
    and missing pools are added. ``solve_options`` apply to each solve.

    Raises Interrupted if an interrupt leaves no plan at all, and Misuse if a break-even is
    requested for a case with assumption sets, a review or ambiguity.
    """
    for task in tasks if break_even else ():
        check_supported(task.case)
    shared_pools: MutableMapping[str, CutPool] = {} if pools is None else pools
    sessions: dict[str, Session] = {}
    answers: list[Plan | SolveFailure | None] = [None] * len(tasks)
    for index in sorted(range(len(tasks)), key=lambda k: -total_public_budget(tasks[k].case)):
        case, variant, title = tasks[index]
        if on_start is not None:
            on_start(index)
        key = pool_key(read_instance(case))
        pool = shared_pools.setdefault(key, CutPool())
        session = Session(
            solve_options.get("threads"), pool, always_keep_recourse=pools is not None
        )
        session = sessions.setdefault(key, session)
        try:
            answers[index] = plan = session.ask_for_plan(case, title, variant, **solve_options)
            if break_even:
                with suppress(Interrupted):  # the plan is kept, and the next case begins
                    answers[index] = add_break_even(plan, solve_options.get("time_limit"))
        except Interrupted:
            if not any(isinstance(answer, Plan) for answer in answers):
                raise
            break
        except (Infeasible, NoPlan, SolverError) as error:
            answers[index] = error
    return answers


def total_public_budget(case: Case) -> float:
    """Return the largest amount in million EUR that public funders can spend in total; infinite if
    there is no limit."""
    funder_total = 0.0
    for funder in case.funders.values():
        if funder.kind == "public":
            budget, budget_by_year = funder.budget_meur, funder.budget_by_year_meur
            over_years = (
                math.inf
                if budget_by_year is None
                else math.fsum(map(float, budget_by_year.values()))
            )
            funder_total += min(math.inf if budget is None else float(budget), over_years)
    limit = case.policy.budget_meur
    return funder_total if limit is None else min(float(limit), funder_total)
