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
from models.results.plan import Multiplied, WorthFrom
from models.scenario.case import Case
from optimizer.analyses.assumptions import Numbers, scaled, uncertain
from optimizer.analyses.sensitivity.looking import Look, Subject, best, decide, decided, look
from optimizer.analyses.variation import written
from optimizer.errors import Interrupted, SolverError
from optimizer.model.commitment import Commitment, net_cost
from optimizer.solve import outcomes
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import commitment_of
from optimizer.solve.planner import Problem, choose_method

AT_PAR = ("objective.cost_weight=1", "objective.cvar.weight=0")
MOST = 10.0  # the highest factor of rate and duration that is tried
WIDTH = 0.01  # to which share of itself a factor is narrowed down
TOLERANCE = 0.01  # share of damage without a plan by which a plan must gain to count
NARROW = 0.1  # the same of the bound on any plan, where it is halved down to
SOLVES, DIRECT = 6, 4  # for that bound at most, and before it is halved down to
LIMIT = 60.0  # seconds of each of them, where no other limit is asked for

Settings = Callable[[float], list[str]]
"""What a factor makes of the scenario, as ``path=value``."""


def with_break_even(plan: Plan, time_limit: float | None = None) -> Plan:
    """The plan, and from where on it and any plan is worth its money.

    A plan that commits to nothing, or whose measure is not damage, comes back as it is. Raises
    Interrupted if the user stopped it.
    """
    if plan.scenario is None or plan.outcome.measure != "damage" or _is_idle(plan):
        return plan
    reading = read_case_text(json.dumps(plan.scenario), "plan.json").changed(AT_PAR)
    problem = Problem.of(reading.case)
    instance = problem.instance
    pool = None if choose_method(instance, problem.states) == "extensive" else CutPool()
    commitment, limit = commitment_of(instance, plan), time_limit or LIMIT
    subject = Subject(reading, instance, commitment, TOLERANCE / 2, TOLERANCE, limit, pool)
    found, other = [], subject
    try:
        for of, settings in _multiplied(reading.case).items():
            own = _own(subject, of, settings)
            high = MOST if own is None else own
            if other is not subject:
                better = _own(other, of, settings)
                high = high if better is None else min(high, better)
            known = None
            with suppress(SolverError):  # what fails proves nothing
                known, other = _any(other, of, settings, high)
            found.append(WorthFrom(of=of, plan=own, any_plan=known))
    except KeyboardInterrupt:
        raise Interrupted(tr("interrupted")) from None
    return plan.model_copy(update={"worth_from": tuple(found)})


def _is_idle(plan: Plan) -> bool:
    return not plan.projects and not any(any(pile.buy_t.values()) for pile in plan.stockpiles)


def _multiplied(case: Case) -> Mapping[Multiplied, Settings]:
    """What is multiplied; what a scenario does not have is left out."""
    kinds = uncertain(case)
    rates = kinds["hazard"].get(None, [])
    if case.uncertainty is not None and case.uncertainty.sample is not None:
        rates = [
            scaled(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)
            for h, hazard in case.hazards.items()
            if any(hazard.annual_probability.values)
        ]
    found: dict[Multiplied, Settings] = {"damage": _dearer}
    if rates:
        found["rate"] = partial(_settings, rates)
    if case.hazards:
        found["duration"] = partial(_stretched, case)
    return found


def _dearer(factor: float) -> list[str]:
    """Damage times a factor beside cost is damage beside cost over it: so cuts hold as they are."""
    return [f"objective.cost_weight={written(1 / factor)}"]


def _settings(numbers: Sequence[Numbers], factor: float) -> list[str]:
    return [text for number in numbers for text in number.settings(factor)]


def _stretched(case: Case, factor: float) -> list[str]:
    """Events that last a factor times as long: each list of losses is stretched in time."""
    told, periods = [], len(case.horizon.years) * int(case.horizon.periods_per_year)
    for h, hazard in case.hazards.items():
        for profile, effects in hazard.courses.items():
            path = f"hazards.{h}" if profile is None else f"hazards.{h}.profiles.{profile}"
            for n, effect in enumerate(effects):
                losses = stretched(list(map(float, effect.loss)), factor)
                listed = ", ".join(map(written, losses[:periods]))
                told.append(f"{path}.effects.{n}.loss=[{listed}]")
    return told


def stretched(losses: Sequence[float], factor: float) -> list[float]:
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


def _own(subject: Subject, of: Multiplied, settings: Settings) -> float | None:
    """The factor from which on a plan is worth its money, from exact sweeps; None for none.

    What is avoided is proportional to damage. Of the others the factor is narrowed down on a line
    between what is known, and by halves where that leads nowhere.
    """

    def gain(factor: float) -> float:
        seen = look(subject, settings(factor))
        return _unaided(seen) - seen.own.expected - seen.own.net_cost_meur

    if of == "damage":
        seen = look(subject, ())
        return _ratio(_unaided(seen), seen.own.expected, seen.own.net_cost_meur)
    low, high = 0.0, 1.0
    lack, surplus = -gain(low), gain(high)
    if lack <= 0:
        return 0.0
    if surplus < 0:
        low, high, lack, surplus = high, MOST, -surplus, gain(MOST)
        if surplus < 0:
            return None
    tries = 0
    while high - low > WIDTH * high:
        root, tries = low + (high - low) * lack / (lack + surplus), tries + 1
        # To the side of it on which less is known.
        middle = root * (1 + WIDTH / 3 if high - root > root - low else 1 - WIDTH / 3)
        if tries % 3 == 0 or not low < middle < high:
            middle = (low + high) / 2
        found = gain(middle)
        if found >= 0:
            high, surplus = middle, found
        else:
            low, lack = middle, -found
    return high


def _unaided(seen: Look) -> float:
    """Expected damage without any plan."""
    instance, states, recourse = seen.problem.instance, seen.problem.states, seen.problem.recourse
    nothing = outcomes.evaluate(instance, states, [Commitment()], threads=1, recourse=recourse)
    return nothing[0].expected


def _ratio(without: float, left: float, cost: float) -> float | None:
    """Net cost over damage avoided; None where nothing is."""
    return 0.0 if cost <= 0 else None if without <= left else cost / (without - left)


def _any(
    other: Subject, of: Multiplied, settings: Settings, high: float
) -> tuple[float | None, Subject]:
    """The highest factor found at which no plan gains more than the tolerance, None for none; and
    the plan that gains first, as far as one was found; ``other`` is one to begin with.

    Where a plan is found that gains more, the factor from which on that is worth its money comes
    next; where that does not end soon, one below it, until what is known is halved down.
    """
    nothing, pool, low = replace(other, commitment=Commitment()), other.pool, None
    for solve in range(SOLVES):
        if high <= 0:
            return 0.0, other
        below = high * 0.8 if low is None else low
        factor = high if solve < DIRECT else (below + high) / 2
        # Rules that ask for a plan do not make one worth its money.
        seen = replace(look(nothing, settings(factor)), broken=())
        pool = None if pool is None else pool.for_problem(seen.problem.instance)
        found = best(nothing, seen, pool)
        decision = decided(nothing, seen, found)
        if decision == "open":
            decision, again = decide(nothing, seen, pool)
            found = again or found
        if decision == "same":
            low = factor
            if high - low <= NARROW * high:
                break
        elif decision == "changed" and found.commitment is not None and found.outcome is not None:
            instance, left = seen.problem.instance, found.outcome.expected
            other = replace(other, instance=instance, commitment=found.commitment)
            if of == "damage":
                own = _ratio(seen.outcome.expected, left, net_cost(instance, found.commitment))
            else:
                own = _own(other, of, settings)
            high = min(factor * (1 - WIDTH), factor if own is None else own)
        else:
            break
    return low, replace(other, pool=pool)
