"""Attack on hidden figures that uses published results of the true scenario.

The attacker has the redacted scenario, knows the method and its width, and has the plan of the true
scenario without the scenario in it; true figures are not used. Demand, budgets and stocks follow
from identities that the plan satisfies. Damage increases with the damage per tonne of each step, so
that the damage of the published commitment bounds one such figure while all others are at the ends
of their ranges.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

from scipy.optimize import brentq

from models.faults import PathStep
from models.results import BudgetLineUse, Plan
from models.scenario.chains import chain_of, conversion_inputs
from optimizer.analyses.redaction import ranges as bounds
from optimizer.analyses.redaction.hidden_figures import ScenarioFigure
from optimizer.analyses.redaction.insider import OutcomeEvaluator, chain_damage, with_figure_values
from optimizer.analyses.redaction.redacted_scenario import RedactedScenario

EXACT_WIDTH = 1e-6
"""A range of at most this log width counts as exact; published amounts are that exact at least."""
MAX_DAMAGE_ROUNDS = 3


class Attacker:
    """The knowledge of an attacker who has the redacted scenario and a plan of the true one."""

    def __init__(self, redacted: RedactedScenario, plan: Plan) -> None:
        self.plan, self.case, self.replaced_figures = (
            plan,
            redacted.redacted_case,
            redacted.replaced_figures,
        )
        self.evaluator = OutcomeEvaluator.for_plan(redacted.redacted_case, plan)
        self.figures_by_year = {m.id: m.by_year for m in plan.materials}

    def ranges_from_file(self) -> bounds.Ranges:
        """Return the range of each hidden figure that follows from the redacted scenario alone."""
        return {item.figure.dotted_path: (item.low, item.high) for item in self.replaced_figures}

    def hidden_of_kind(self, kind: str, *materials: str) -> list[ScenarioFigure]:
        """Return the hidden figures of a kind, for the given materials or, if none is given, for
        all."""
        figures = (replaced.figure for replaced in self.replaced_figures)
        return [f for f in figures if f.kind == kind and (not materials or f.material in materials)]

    def materials_of_kind(self, kind: str) -> list[str]:
        """Return the materials that have hidden figures of a kind."""
        return list(dict.fromkeys(figure.material or "" for figure in self.hidden_of_kind(kind)))

    def flow_years(self, material: str) -> set[int]:
        """Return the years for which the plan states the flows of a material in its chain."""
        chains = self.plan.chains
        return {chain.year for chain in chains if any(f.material == material for f in chain.forms)}


def _ranges_from_demand(
    result: str, attacker: Attacker, attacker_ranges: bounds.Ranges, *, in_flows: bool = False
) -> bounds.Ranges:
    """Narrow the ranges of demand figures by the published total demand of each year.

    ``result`` names the published figure: ``demand_t`` is the total itself, which the flows of a
    chain state for one year (``in_flows``); ``need_t`` also has the known intake of conversions;
    ``days_of_cover`` is the planned stock divided by need.
    """
    equations = []
    for m in attacker.materials_of_kind("demand"):
        hidden_demand_paths = {
            (f.path, f.year): f.dotted_path for f in attacker.hidden_of_kind("demand", m)
        }
        paths = {path for path, _ in hidden_demand_paths}
        stocks = [h.planned_t for h in attacker.plan.stockpiles if h.material == m]
        for year_key, figures in attacker.figures_by_year[m].items():
            year, total_demand = int(year_key), getattr(figures, result) or 0.0
            if in_flows and year not in attacker.flow_years(m):
                continue
            if result == "days_of_cover":
                total_demand = (
                    365 * math.fsum(p[year_key] for p in stocks) / total_demand
                    if total_demand
                    else 0.0
                )
                if total_demand <= 0:
                    continue
            if result != "demand_t":
                total_demand -= conversion_inputs(attacker.case, year).get(m, 0.0)
            weights: dict[str, float] = {}
            for position, row in enumerate(attacker.case.demand):
                path: tuple[PathStep, ...] = ("demand", position, "t_per_year")
                if row.material == m and path not in paths:
                    total_demand -= row.t_per_year.at(year)
                elif row.material == m:
                    for given_year, weight in bounds.interpolation_weights(
                        row.t_per_year.years, year
                    ):
                        name = hidden_demand_paths[path, given_year]
                        weights[name] = weights.get(name, 0.0) + weight
            equations.append(bounds.Equation(weights, total_demand))
    return bounds.tighten_ranges(attacker_ranges, equations)


def _ranges_from_budgets(attacker: Attacker, attacker_ranges: bounds.Ranges) -> bounds.Ranges:
    """Narrow the attacker's ranges of hidden budgets, using the plan's ``budget_lines``: the total
    amounts granted, the amounts granted for each year, and ``available_meur`` by year."""
    dotted_paths = {(f.path, f.year): f.dotted_path for f in attacker.hidden_of_kind("budget")}
    equations = []
    for use in attacker.plan.budget_lines:
        funder = attacker.case.funders[use.funder]
        path: tuple[PathStep, ...] = ("funders", use.funder)
        line = None if use.kind == "budget" else funder.budget_lines[use.line]
        total_field, yearly_field, carries_over = (
            "budget_meur",
            "budget_by_year_meur",
            funder.carry_over,
        )
        if line is not None:
            path = (*path, "budget_lines", use.line)
            total_field, yearly_field, carries_over = "total_meur", "by_year_meur", line.carry_over
        yearly_amounts = {
            ((*path, yearly_field), year): granted
            for year, granted in _yearly_grants(use, carries_over)
        }
        amounts = {((*path, total_field), None): use.total_meur} | yearly_amounts
        equations += [
            bounds.Equation({dotted_paths[key]: 1.0}, granted)
            for key, granted in amounts.items()
            if key in dotted_paths and granted is not None
        ]
        if line is not None and line.limit_meur is not None:
            limit = (*path, "limit_meur")
            for year_key, available in (use.available_meur or {}).items():
                year_weights = bounds.interpolation_weights(line.limit_meur.years, int(year_key))
                weights = {
                    dotted_paths[limit, y]: w for y, w in year_weights if (limit, y) in dotted_paths
                }
                equations += [bounds.Equation(weights, available)] if weights else []
    return bounds.tighten_ranges(attacker_ranges, equations)


def _yearly_grants(use: BudgetLineUse, carries_over: bool) -> Iterator[tuple[int, float]]:
    """Yield each year with the amount granted for it, without what was carried over from earlier
    years."""
    carried = 0.0
    for year, available in (use.available_meur or {}).items():
        yield int(year), available - carried
        carried = max(0.0, available - use.used_meur[year]) if carries_over else 0.0


def _ranges_from_spending(attacker: Attacker, attacker_ranges: bounds.Ranges) -> bounds.Ranges:
    """Narrow the ranges of budgets by spending: a budget is at least what is spent of it."""
    narrowed = dict(attacker_ranges)
    for figure in attacker.hidden_of_kind("budget"):
        f, name = str(figure.path[1]), figure.path[-1]
        spent = attacker.plan.spend_meur[f]
        if len(figure.path) == 3 and name == "budget_meur":
            bounds.narrow_range(
                narrowed, figure.dotted_path, math.fsum(spent.values()) * (1 - EXACT_WIDTH)
            )
        elif name == "budget_by_year_meur" and not attacker.case.funders[f].carry_over:
            bounds.narrow_range(
                narrowed, figure.dotted_path, spent.get(str(figure.year), 0.0) * (1 - EXACT_WIDTH)
            )
    return narrowed


def _ranges_from_stocks(attacker: Attacker, attacker_ranges: bounds.Ranges) -> bounds.Ranges:
    """Narrow the ranges of stock figures by ``planned_t``.

    ``planned_t`` of the first year, less purchases and without losses, is the initial stock;
    ``planned_t`` is at most ``max_t``.
    """
    narrowed, horizon = dict(attacker_ranges), attacker.case.horizon
    plans = {stockpile.id: stockpile for stockpile in attacker.plan.stockpiles}
    n, first_year = int(horizon.periods_per_year), str(horizon.first_year)
    for figure in attacker.hidden_of_kind("stock"):
        stockpile = attacker.case.stockpiles[int(figure.path[1])]
        plan, retention = plans[stockpile.id], (1 - float(stockpile.annual_loss)) ** (1 / n)
        if figure.path[2] == "initial_t":
            bought_tonnes = math.fsum(retention**k for k in range(n)) * plan.buy_t[first_year] / n
            initial = (plan.planned_t[first_year] - bought_tonnes) / retention**n
            slack = bounds.JSON_PRECISION * max(1.0, plan.planned_t[first_year])
            bounds.narrow_range(narrowed, figure.dotted_path, initial - slack, initial + slack)
        elif figure.path[2] == "max_t":
            bounds.narrow_range(
                narrowed, figure.dotted_path, max(plan.planned_t.values()) * (1 - EXACT_WIDTH)
            )
    return narrowed


def _ranges_from_damage(attacker: Attacker, attacker_ranges: bounds.Ranges) -> bounds.Ranges:
    """Narrow the ranges of damage per tonne by the damage of each material, with and without the
    plan.

    Damage is summed over the materials of a chain. Materials whose demand is not known are left
    out.
    """
    narrowed = dict(attacker_ranges)
    if attacker.plan.outcome.measure != "damage":
        return narrowed
    for m in attacker.materials_of_kind("damage_value"):
        chain = chain_of(attacker.case, m)
        if any(
            bounds.log_width(*narrowed[f.dotted_path]) > EXACT_WIDTH
            for f in attacker.hidden_of_kind("demand", *chain)
        ):
            continue
        materials = [material for material in attacker.plan.materials if material.id in chain]
        damages = (
            math.fsum(material.expected for material in materials),
            math.fsum(material.expected_without_plan for material in materials),
        )
        for _ in range(MAX_DAMAGE_ROUNDS):
            ranges_before = dict(narrowed)
            for figure in attacker.hidden_of_kind("damage_value", m):
                for outcome_index, damage in enumerate(damages):
                    if damage > bounds.ZERO_TOLERANCE:
                        _bound_by_damage(attacker, narrowed, figure, outcome_index, damage)
            if ranges_before == narrowed:
                break
    return narrowed


def _bound_by_damage(
    attacker: Attacker,
    attacker_ranges: bounds.Ranges,
    figure: ScenarioFigure,
    outcome_index: int,
    damage: float,
) -> None:
    """Narrow the range of one figure by a published damage.

    With all other figures at their highest, the damage gives a lower bound on the figure; with all
    others at their lowest, an upper bound.
    """
    for highest in (True, False):
        low, high = attacker_ranges[figure.dotted_path]
        damage_at = partial(
            _extreme_damage, attacker, dict(attacker_ranges), figure, outcome_index, highest
        )
        target = damage * (1 - bounds.JSON_PRECISION if highest else 1 + bounds.JSON_PRECISION)
        if not low < high:
            return
        min_damage, max_damage = damage_at(low), damage_at(high)
        if not (
            min_damage < target <= max_damage if highest else min_damage <= target < max_damage
        ):
            continue
        root = float(
            brentq(lambda x, damage_at=damage_at, t=target: damage_at(x) - t, low, high, rtol=1e-10)
        )
        if highest:
            bounds.narrow_range(
                attacker_ranges, figure.dotted_path, root * (1 - bounds.JSON_PRECISION)
            )
        else:
            bounds.narrow_range(
                attacker_ranges, figure.dotted_path, high=root * (1 + bounds.JSON_PRECISION)
            )


def _extreme_damage(
    attacker: Attacker,
    attacker_ranges: bounds.Ranges,
    figure: ScenarioFigure,
    outcome_index: int,
    is_highest: bool,
    value: float,
) -> float:
    """Return the highest or lowest damage of a material's chain for a given value of one figure.

    Other hidden figures are at the ends of their ranges that make damage extreme; demand is known.
    """
    end, material = int(is_highest), figure.material or ""
    chain = chain_of(attacker.case, material)
    extreme_values = {
        f: attacker_ranges[f.dotted_path][end]
        for f in attacker.hidden_of_kind("damage_value", *chain)
    }
    extreme_values |= {
        f: math.fsum(attacker_ranges[f.dotted_path]) / 2
        for f in attacker.hidden_of_kind("demand", *chain)
    }
    # Damage never rises with a stock.
    extreme_values |= {
        f: attacker_ranges[f.dotted_path][1 - end] for f in attacker.hidden_of_kind("stock", *chain)
    }
    for f in extreme_values:
        if f.path[:2] == figure.path[:2] and f.kind == "damage_value":
            # Values of steps rise: earlier steps are at most ``value``, later ones at least.
            is_earlier = int(f.path[3]) < int(figure.path[3])
            extreme_values[f] = (
                min(extreme_values[f], value) if is_earlier else max(extreme_values[f], value)
            )
    extreme_values[figure] = value
    # Choose shares of steps that make damage extreme and add up to 1.
    hidden_shares = attacker.hidden_of_kind("damage_share", *chain)
    for curve in dict.fromkeys(step.path[:2] for step in hidden_shares):
        steps = [step for step in hidden_shares if step.path[:2] == curve]
        remainder = 1 - math.fsum(attacker_ranges[step.dotted_path][0] for step in steps)
        for step in reversed(steps) if is_highest else steps:
            low, high = attacker_ranges[step.dotted_path]
            increase = max(0.0, min(high - low, remainder))
            extreme_values[step], remainder = low + increase, remainder - increase
    case = with_figure_values(attacker.case, extreme_values)
    return chain_damage(
        attacker.evaluator.chain_outcomes(case, material)[outcome_index], case, material
    )


ATTACKS: dict[str, Callable[[Attacker, bounds.Ranges], bounds.Ranges]] = {
    **{
        f"materials.by_year.{result}": partial(_ranges_from_demand, result)
        for result in ("demand_t", "need_t", "days_of_cover")
    },
    "chains": partial(_ranges_from_demand, "demand_t", in_flows=True),
    "budget_lines": _ranges_from_budgets,
    "spend_meur": _ranges_from_spending,
    "stockpiles.planned_t": _ranges_from_stocks,
    "materials.expected": _ranges_from_damage,
}
"""For each result, by its path in a plan: the function that narrows ranges by it."""
