"""The same commitment with some years more: what it is still worth when its horizon has ended.

Nothing is bought or started in the years that are added. Stocks go on being held, for their cost of
storage and financing, and projects go on delivering to the end of their lives; yearly numbers go on
as the format has it. So the figures need no residual value, and none is counted at the new end.

What is reckoned differently in a longer horizon: instalments of capex and of interest that were
due in the old last year fall in years of their own, where they weigh less; a price floor pays and
receives in years that were left out; and where supply is entitled, a stock is divided by demand
over all years. So net cost can fall with the years, or rise.
"""

from __future__ import annotations

from models.results import LongerHorizon
from optimizer.analyses.evaluation import estimates
from optimizer.analyses.given import GivenPlan
from optimizer.model.commitment import Commitment, net_cost, residual
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State, draw_states, read_states
from optimizer.solve import outcomes
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.plan_document import commitment_of


def longer(
    given: GivenPlan, years: int, count: int, seed: int, threads: int | None
) -> LongerHorizon:
    """What a plan is worth if its horizon ends some years later.

    ``count`` states are drawn by ``seed``, with the longer horizon and with the plan's own: in the
    years of both they are the same. States that are written out go on undisturbed. Budgets and
    rules are not asked in years in which nothing is decided. ``avoided_within`` is what the plan
    avoids with its own horizon, so that nothing is held back for later.

    Raises
    ------
    ScenarioError
        If the scenario has faults with a longer horizon.
    ValueError
        If ``years`` is not positive.
    """
    found = given.found
    instance = prolonged(given, years)
    commitment = commitment_of(instance, given.plan)
    sampled = _is_sampled(instance)
    with_plan, without = _both(instance, commitment, count, seed, threads)
    own, own_without = found.with_plan, found.without_plan
    if sampled:
        own, own_without = _both(found.instance, found.commitment, count, seed, threads)
    level = float(instance.case.objective.cvar.level)
    return LongerHorizon(
        years=years,
        last_year=instance.years[-1],
        with_plan=estimates.performance(with_plan, level, sampled=sampled),
        without_plan=estimates.performance(without, level, sampled=sampled),
        avoided=estimates.difference(without, with_plan, sampled=sampled),
        net_cost_meur=net_cost(instance, commitment),
        avoided_within=own_without.expected - own.expected,
        net_cost_within_meur=found.net_cost,
        residual_meur=residual(found.instance, found.commitment),
    )


def prolonged(given: GivenPlan, years: int) -> Instance:
    """The plan's scenario with so many years more; raises as :func:`longer`."""
    if years < 1:
        raise ValueError(f"{years} is no number of years to add")
    last = given.found.instance.years[-1] + years
    return read_instance(given.reading.changed(_settings(given, last)).case)


def _settings(given: GivenPlan, last: int) -> list[str]:
    """The later last year, and nothing left at its end."""
    case = given.reading.case
    paths = ["horizon"]
    paths += [f"projects.{p}" for p, it in case.projects.items() if it.residual_value is not None]
    paths += [f"stockpiles.{s.id}" for s in case.stockpiles if s.residual_value is not None]
    return [f"horizon.last_year={last}", *(f"{path}.residual_value=0" for path in paths)]


def _is_sampled(instance: Instance) -> bool:
    uncertainty = instance.case.uncertainty
    return uncertainty is not None and uncertainty.sample is not None


def states_of(instance: Instance, count: int, seed: int) -> tuple[State, ...]:
    """So many states of a scenario that samples them, or those that it writes out."""
    return draw_states(instance, count, seed) if _is_sampled(instance) else read_states(instance)


def _both(
    instance: Instance, commitment: Commitment, count: int, seed: int, threads: int | None
) -> tuple[Evaluation, Evaluation]:
    """With the plan and without, in the same states."""
    states = states_of(instance, count, seed)
    with_plan, without = outcomes.evaluate(
        instance, states, [commitment, Commitment()], threads=threads
    )
    return with_plan, without
