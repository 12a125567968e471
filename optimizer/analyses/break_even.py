"""At which damage, rate and duration of events a plan, and any plan, is worth its money.

A plan is worth its money where it avoids no less expected damage than it costs, net, discounted and
whoever pays: where its objective with a cost weight of 1 and no weight on the worst states is no
more than that of doing nothing. One thing of the scenario is multiplied by a factor at a time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from models.files import read_case_text
from models.language import tr
from models.results import Plan
from models.results.plan import BreakEvenFactor, ScaledQuantity
from models.scenario.case import Case
from optimizer.analyses.assumptions import LinkedNumbers, scaled_number, uncertain_numbers
from optimizer.analyses.sensitivity.plan_evaluation import (
    PlanAtValues,
    StudiedPlan,
    classify_decision,
    evaluate_plan,
    find_best_plan,
    solve_decision,
)
from optimizer.analyses.variation import format_setting
from optimizer.errors import Interrupted, SolverError
from optimizer.model.commitment import Commitment, net_cost
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import Problem, choose_method

BREAK_EVEN_SETTINGS = ("objective.cost_weight=1", "objective.cvar.weight=0")
MAX_FACTOR = 10.0  # the highest factor of rate and duration that is tried
FACTOR_TOLERANCE = 0.01  # to which share of itself a factor is narrowed down
GAIN_TOLERANCE = 0.01  # share of damage without a plan by which a plan must gain to count
BOUND_FACTOR_TOLERANCE = 0.1  # the same of the bound on any plan, where it is halved down to
MAX_BOUND_SOLVES, DIRECT_BOUND_SOLVES = (
    6,
    4,
)  # for that bound at most, and before it is halved down to
DEFAULT_TIME_LIMIT = 60.0  # seconds of each of them, where no other limit is asked for

SettingsOfFactor = Callable[[float], list[str]]
"""What a factor makes of the scenario, as ``path=value``."""


def add_break_even(plan: Plan, time_limit: float | None = None) -> Plan:
    """The plan, and from where on it and any plan is worth its money.

    A plan that commits to nothing, or whose measure is not damage, comes back as it is. Raises
    Interrupted if the user stopped it.
    """
    if plan.scenario is None or plan.outcome.measure != "damage" or _is_empty_plan(plan):
        return plan
    reading = read_case_text(json.dumps(plan.scenario), "plan.json").with_settings(
        BREAK_EVEN_SETTINGS
    )
    problem = Problem.from_case(reading.case)
    instance = problem.instance
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    commitment, limit = commitment_from_plan(instance, plan), time_limit or DEFAULT_TIME_LIMIT
    subject = StudiedPlan(
        reading, instance, commitment, GAIN_TOLERANCE / 2, GAIN_TOLERANCE, limit, pool
    )
    found, other = [], subject
    try:
        for of, settings in _settings_by_quantity(reading.case).items():
            own = _plan_break_even(subject, of, settings)
            high = MAX_FACTOR if own is None else own
            if other is not subject:
                better = _plan_break_even(other, of, settings)
                high = high if better is None else min(high, better)
            known = None
            with suppress(SolverError):  # what fails proves nothing
                known, other = _any_plan_break_even(other, of, settings, high)
            found.append(BreakEvenFactor(of=of, plan=own, any_plan=known))
    except KeyboardInterrupt:
        raise Interrupted(tr("interrupted")) from None
    return plan.model_copy(update={"worth_from": tuple(found)})


def _is_empty_plan(plan: Plan) -> bool:
    return not plan.projects and not any(any(pile.buy_t.values()) for pile in plan.stockpiles)


def _settings_by_quantity(case: Case) -> Mapping[ScaledQuantity, SettingsOfFactor]:
    """What is multiplied; what a scenario does not have is left out."""
    kinds = uncertain_numbers(case)
    rates = kinds["hazard"].get(None, [])
    if case.uncertainty is not None and case.uncertainty.sample is not None:
        rates = [
            scaled_number(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)
            for h, hazard in case.hazards.items()
            if any(hazard.annual_probability.values)
        ]
    found: dict[ScaledQuantity, SettingsOfFactor] = {"damage": _scaled_damage_settings}
    if rates:
        found["rate"] = partial(_scaled_number_settings, rates)
    if case.hazards:
        found["duration"] = partial(_stretched_event_settings, case)
    return found


def _scaled_damage_settings(factor: float) -> list[str]:
    """Damage times a factor beside cost is damage beside cost over it: so cuts hold as they are."""
    return [f"objective.cost_weight={format_setting(1 / factor)}"]


def _scaled_number_settings(numbers: Sequence[LinkedNumbers], factor: float) -> list[str]:
    return [text for number in numbers for text in number.settings_at(factor)]


def _stretched_event_settings(case: Case, factor: float) -> list[str]:
    """Events that last a factor times as long: each list of losses is stretched in time."""
    told, periods = [], len(case.horizon.years) * int(case.horizon.periods_per_year)
    for h, hazard in case.hazards.items():
        for profile, effects in hazard.effects_by_profile.items():
            path = f"hazards.{h}" if profile is None else f"hazards.{h}.profiles.{profile}"
            for n, effect in enumerate(effects):
                losses = stretch_losses(list(map(float, effect.loss)), factor)
                listed = ", ".join(map(format_setting, losses[:periods]))
                told.append(f"{path}.effects.{n}.loss=[{listed}]")
    return told


def stretch_losses(losses: Sequence[float], factor: float) -> list[float]:
    """Losses by period of an event that lasts a factor times as long.

    In period k it is the mean of what was lost between k and k + 1 divided by the factor: as much
    at its height, and in all the factor times as much.
    """
    count = max(1, math.ceil(len(losses) * factor - 1e-9))
    if factor <= 0:
        return [0.0]
    lost = np.concatenate([[0.0], np.cumsum(losses)])
    ends = np.interp(np.arange(count + 1) / factor, np.arange(len(lost)), lost)
    return [float(x) for x in np.clip(np.diff(ends * factor), 0, 1).round(12)]


def _plan_break_even(
    subject: StudiedPlan, quantity: ScaledQuantity, settings: SettingsOfFactor
) -> float | None:
    """The factor from which on a plan is worth its money, from exact sweeps; None for none.

    What is avoided is proportional to damage. Of the others the factor is narrowed down on a line
    between what is known, and by halves where that leads nowhere.
    """

    def gain(factor: float) -> float:
        seen = evaluate_plan(subject, settings(factor))
        return (
            _damage_without_plan(seen) - seen.own_outcome.expected - seen.own_outcome.net_cost_meur
        )

    if quantity == "damage":
        seen = evaluate_plan(subject, ())
        return _break_even_ratio(
            _damage_without_plan(seen), seen.own_outcome.expected, seen.own_outcome.net_cost_meur
        )
    low, high = 0.0, 1.0
    lack, surplus = -gain(low), gain(high)
    if lack <= 0:
        return 0.0
    if surplus < 0:
        low, high, lack, surplus = high, MAX_FACTOR, -surplus, gain(MAX_FACTOR)
        if surplus < 0:
            return None
    tries = 0
    while high - low > FACTOR_TOLERANCE * high:
        root, tries = low + (high - low) * lack / (lack + surplus), tries + 1
        # To the side of it on which less is known.
        middle = root * (
            1 + FACTOR_TOLERANCE / 3 if high - root > root - low else 1 - FACTOR_TOLERANCE / 3
        )
        if tries % 3 == 0 or not low < middle < high:
            middle = (low + high) / 2
        found = gain(middle)
        if found >= 0:
            high, surplus = middle, found
        else:
            low, lack = middle, -found
    return high


def _damage_without_plan(evaluated: PlanAtValues) -> float:
    """Expected damage without any plan."""
    instance, states, recourse = (
        evaluated.problem.instance,
        evaluated.problem.states,
        evaluated.problem.recourse,
    )
    nothing = outcomes.evaluate_commitments(
        instance, states, [Commitment()], threads=1, recourse=recourse
    )
    return nothing[0].expected


def _break_even_ratio(damage_without: float, damage_with: float, net_cost: float) -> float | None:
    """Net cost over damage avoided; None where nothing is."""
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
    """The highest factor found at which no plan gains more than the tolerance, None for none; and
    the plan that gains first, as far as one was found; ``other`` is one to begin with.

    Where a plan is found that gains more, the factor from which on that is worth its money comes
    next; where that does not end soon, one below it, until what is known is halved down.
    """
    nothing, pool, low = replace(subject, commitment=Commitment()), subject.pool, None
    for solve in range(MAX_BOUND_SOLVES):
        if max_factor <= 0:
            return 0.0, subject
        below = max_factor * 0.8 if low is None else low
        factor = max_factor if solve < DIRECT_BOUND_SOLVES else (below + max_factor) / 2
        # Rules that ask for a plan do not make one worth its money.
        seen = replace(evaluate_plan(nothing, settings(factor)), broken_rules=())
        pool = None if pool is None else pool.copy_for_problem(seen.problem.instance)
        found = find_best_plan(nothing, seen, pool)
        decision = classify_decision(nothing, seen, found)
        if decision == "open":
            decision, again = solve_decision(nothing, seen, pool)
            found = again or found
        if decision == "same":
            low = factor
            if max_factor - low <= BOUND_FACTOR_TOLERANCE * max_factor:
                break
        elif decision == "changed" and found.commitment is not None and found.outcome is not None:
            instance, left = seen.problem.instance, found.outcome.expected
            subject = replace(subject, instance=instance, commitment=found.commitment)
            if quantity == "damage":
                own = _break_even_ratio(
                    seen.outcome.expected, left, net_cost(instance, found.commitment)
                )
            else:
                own = _plan_break_even(subject, quantity, settings)
            max_factor = min(factor * (1 - FACTOR_TOLERANCE), factor if own is None else own)
        else:
            break
    return low, replace(subject, pool=pool)
