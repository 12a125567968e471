"""What the results of the true scenario tell of the hidden figures, beside the redacted one.

The attacker has the redacted scenario, knows the method and its width, and sees the true
scenario's plan without the scenario in it. Nothing here looks at a true figure. Demand, budgets and
stocks come from identities of the plan; the value of a missing tonne from damage, which rises with
each value, so that the sweep of the published commitment bounds one while all others are at the
ends of their ranges.
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
from optimizer.analyses.redaction.insider import OutcomeEvaluator, tied_damage, with_figure_values
from optimizer.analyses.redaction.redacted_scenario import RedactedScenario

EXACT_WIDTH = 1e-6
"""A range this narrow is as good as the figure itself."""
MAX_DAMAGE_ROUNDS = 3


class Attacker:
    """Somebody with the redacted scenario and a plan of the true one."""

    def __init__(self, redacted: RedactedScenario, plan: Plan) -> None:
        self.plan, self.case, self.replaced = plan, redacted.redacted_case, redacted.replaced
        self.evaluator = OutcomeEvaluator.for_plan(redacted.redacted_case, plan)
        self.figures_by_year = {m.id: m.by_year for m in plan.materials}

    def ranges_from_file(self) -> bounds.Ranges:
        """What the redacted scenario alone tells."""
        return {one.figure.dotted_path: (one.low, one.high) for one in self.replaced}

    def hidden_of_kind(self, kind: str, *materials: str) -> list[ScenarioFigure]:
        """The hidden figures of a kind, of all materials or of some."""
        every = (one.figure for one in self.replaced)
        return [f for f in every if f.kind == kind and (not materials or f.material in materials)]

    def materials_of_kind(self, kind: str) -> list[str]:
        """The materials that hidden figures of a kind are of."""
        return list(dict.fromkeys(figure.material or "" for figure in self.hidden_of_kind(kind)))

    def flow_years(self, material: str) -> set[int]:
        """The years of which a chain tells the flows of a material."""
        chains = self.plan.chains
        return {own.year for own in chains if any(f.material == material for f in own.forms)}


def _ranges_from_demand(
    result: str, attacker: Attacker, ranges: bounds.Ranges, *, in_flows: bool = False
) -> bounds.Ranges:
    """What demand of all consumers in each year tells, where a part of it is hidden.

    ``demand_t`` is just that, which flows of a chain say for one year (``in_flows``); of
    ``need_t``, over which ``days_of_cover`` is the planned stock, what conversions take in is
    known.
    """
    equations = []
    for m in attacker.materials_of_kind("demand"):
        hidden = {(f.path, f.year): f.dotted_path for f in attacker.hidden_of_kind("demand", m)}
        paths = {path for path, _ in hidden}
        stocks = [p.planned_t for p in attacker.plan.stockpiles if p.material == m]
        for text, known in attacker.figures_by_year[m].items():
            year, told = int(text), getattr(known, result) or 0.0
            if in_flows and year not in attacker.flow_years(m):
                continue
            if result == "days_of_cover":
                told = 365 * math.fsum(held[text] for held in stocks) / told if told else 0.0
                if told <= 0:
                    continue
            if result != "demand_t":
                told -= conversion_inputs(attacker.case, year).get(m, 0.0)
            weights: dict[str, float] = {}
            for position, row in enumerate(attacker.case.demand):
                path: tuple[PathStep, ...] = ("demand", position, "t_per_year")
                if row.material == m and path not in paths:
                    told -= row.t_per_year.at(year)
                elif row.material == m:
                    for at, weight in bounds.interpolation_weights(row.t_per_year.years, year):
                        name = hidden[path, at]
                        weights[name] = weights.get(name, 0.0) + weight
            equations.append(bounds.Equation(weights, told))
    return bounds.tighten_ranges(ranges, equations)


def _ranges_from_budgets(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """``budget_lines`` gives what is granted, in all and by year."""
    names = {(f.path, f.year): f.dotted_path for f in attacker.hidden_of_kind("budget")}
    equations = []
    for use in attacker.plan.budget_lines:
        funder = attacker.case.funders[use.funder]
        at: tuple[PathStep, ...] = ("funders", use.funder)
        line = None if use.kind == "budget" else funder.budget_lines[use.line]
        total, yearly, carries = "budget_meur", "budget_by_year_meur", funder.carry_over
        if line is not None:
            at = (*at, "budget_lines", use.line)
            total, yearly, carries = "total_meur", "by_year_meur", line.carry_over
        known = {((*at, yearly), year): granted for year, granted in _yearly_grants(use, carries)}
        told = {((*at, total), None): use.total_meur} | known
        equations += [
            bounds.Equation({names[place]: 1.0}, granted)
            for place, granted in told.items()
            if place in names and granted is not None
        ]
        if line is not None and line.limit_meur is not None:
            limit = (*at, "limit_meur")
            for text, available in (use.available_meur or {}).items():
                pairs = bounds.interpolation_weights(line.limit_meur.years, int(text))
                weights = {names[limit, y]: w for y, w in pairs if (limit, y) in names}
                equations += [bounds.Equation(weights, available)] if weights else []
    return bounds.tighten_ranges(ranges, equations)


def _yearly_grants(use: BudgetLineUse, carries_over: bool) -> Iterator[tuple[int, float]]:
    """What each year grants, without what was carried over into it."""
    left = 0.0
    for year, available in (use.available_meur or {}).items():
        yield int(year), available - left
        left = max(0.0, available - use.used_meur[year]) if carries_over else 0.0


def _ranges_from_spending(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """A budget is no less than what is spent of it."""
    found = dict(ranges)
    for figure in attacker.hidden_of_kind("budget"):
        f, name = str(figure.path[1]), figure.path[-1]
        spent = attacker.plan.spend_meur[f]
        if len(figure.path) == 3 and name == "budget_meur":
            bounds.narrow_range(
                found, figure.dotted_path, math.fsum(spent.values()) * (1 - EXACT_WIDTH)
            )
        elif name == "budget_by_year_meur" and not attacker.case.funders[f].carry_over:
            bounds.narrow_range(
                found, figure.dotted_path, spent.get(str(figure.year), 0.0) * (1 - EXACT_WIDTH)
            )
    return found


def _ranges_from_stocks(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """``planned_t`` less what was bought is what lay there; a room is no less than that."""
    found, horizon = dict(ranges), attacker.case.horizon
    plans = {pile.id: pile for pile in attacker.plan.stockpiles}
    n, first = int(horizon.periods_per_year), str(horizon.first_year)
    for figure in attacker.hidden_of_kind("stock"):
        pile = attacker.case.stockpiles[int(figure.path[1])]
        plan, keeps = plans[pile.id], (1 - float(pile.annual_loss)) ** (1 / n)
        if figure.path[2] == "initial_t":
            kept = math.fsum(keeps**k for k in range(n)) * plan.buy_t[first] / n
            lay = (plan.planned_t[first] - kept) / keeps**n
            slack = bounds.JSON_PRECISION * max(1.0, plan.planned_t[first])
            bounds.narrow_range(found, figure.dotted_path, lay - slack, lay + slack)
        elif figure.path[2] == "max_t":
            bounds.narrow_range(
                found, figure.dotted_path, max(plan.planned_t.values()) * (1 - EXACT_WIDTH)
            )
    return found


def _ranges_from_damage(attacker: Attacker, ranges: bounds.Ranges) -> bounds.Ranges:
    """Damage of a material, with and without the plan: over what is missing, it is the value.

    Materials of a chain are looked at together. Where their demand is still open nothing is
    concluded.
    """
    found = dict(ranges)
    if attacker.plan.outcome.measure != "damage":
        return found
    for m in attacker.materials_of_kind("damage_value"):
        tied = chain_of(attacker.case, m)
        if any(
            bounds.log_width(*found[f.dotted_path]) > EXACT_WIDTH
            for f in attacker.hidden_of_kind("demand", *tied)
        ):
            continue
        some = [one for one in attacker.plan.materials if one.id in tied]
        both = (
            math.fsum(one.expected for one in some),
            math.fsum(one.expected_without_plan for one in some),
        )
        for _ in range(MAX_DAMAGE_ROUNDS):
            before = dict(found)
            for figure in attacker.hidden_of_kind("damage_value", m):
                for which, damage in enumerate(both):
                    if damage > bounds.ZERO_TOLERANCE:
                        _bound_by_damage(attacker, found, figure, which, damage)
            if before == found:
                break
    return found


def _bound_by_damage(
    attacker: Attacker,
    ranges: bounds.Ranges,
    figure: ScenarioFigure,
    outcome_index: int,
    damage: float,
) -> None:
    """Bound a value by damage: from below with all others at their highest, and the reverse."""
    for highest in (True, False):
        low, high = ranges[figure.dotted_path]
        of = partial(_extreme_damage, attacker, dict(ranges), figure, outcome_index, highest)
        target = damage * (1 - bounds.JSON_PRECISION if highest else 1 + bounds.JSON_PRECISION)
        if not low < high:
            return
        least, most = of(low), of(high)
        if not (least < target <= most if highest else least <= target < most):
            continue
        root = float(brentq(lambda x, of=of, t=target: of(x) - t, low, high, rtol=1e-10))
        if highest:
            bounds.narrow_range(ranges, figure.dotted_path, root * (1 - bounds.JSON_PRECISION))
        else:
            bounds.narrow_range(ranges, figure.dotted_path, high=root * (1 + bounds.JSON_PRECISION))


def _extreme_damage(
    attacker: Attacker,
    ranges: bounds.Ranges,
    figure: ScenarioFigure,
    outcome_index: int,
    is_highest: bool,
    value: float,
) -> float:
    """Damage of a material, and of those tied to it, with one value given, all else at its worst,
    or at its best."""
    end, material = int(is_highest), figure.material or ""
    tied = chain_of(attacker.case, material)
    values = {f: ranges[f.dotted_path][end] for f in attacker.hidden_of_kind("damage_value", *tied)}
    values |= {
        f: math.fsum(ranges[f.dotted_path]) / 2 for f in attacker.hidden_of_kind("demand", *tied)
    }
    # A larger stock never does harm.
    values |= {f: ranges[f.dotted_path][1 - end] for f in attacker.hidden_of_kind("stock", *tied)}
    for f in values:
        if f.path[:2] == figure.path[:2] and f.kind == "damage_value":
            # Steps rise: those before are no dearer, those after no cheaper.
            before = int(f.path[3]) < int(figure.path[3])
            values[f] = min(values[f], value) if before else max(values[f], value)
    values[figure] = value
    # Shares of steps make damage as high or as low as can be, and add up to 1.
    shares = attacker.hidden_of_kind("damage_share", *tied)
    for curve in dict.fromkeys(one.path[:2] for one in shares):
        steps = [one for one in shares if one.path[:2] == curve]
        rest = 1 - math.fsum(ranges[one.dotted_path][0] for one in steps)
        for one in reversed(steps) if is_highest else steps:
            low, high = ranges[one.dotted_path]
            more = max(0.0, min(high - low, rest))
            values[one], rest = low + more, rest - more
    case = with_figure_values(attacker.case, values)
    return tied_damage(
        attacker.evaluator.material_outcome(case, material)[outcome_index], case, material
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
"""What each result of a plan tells, by where it stands there."""
