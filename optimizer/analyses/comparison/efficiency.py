"""Options that are efficient in public money and damage, what they choose, and the parts of their
difference from the base, which add up to the difference.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Literal

from models.results import Plan, ProjectPlan, StockpilePlan, comparison as results
from models.results.comparison import ExcludedFigures
from models.results.option import FunderMoney, Option
from optimizer.analyses.plan_diff import (
    DecisionDiff,
    Decisions,
    built_projects,
    differences,
    differs,
)

FIGURE_TOLERANCE = 1e-6
"""Relative tolerance of equal figures; absolute for figures below 1 (million EUR, damage unit)."""
ZERO_FUNDING_MEUR = 1e-3
"""Million EUR of public money up to which an option counts as unfunded."""


@dataclass(frozen=True)
class OptionPoint:
    """An option as a point of public money and damage; ``option`` is None for the point without any
    plan."""

    option: Option | None
    money: float  # public money, present value in million EUR
    damage: float  # expected damage, in the unit of the measure
    objective_comparable: bool = True  # whether its objective compares with others

    @property
    def label(self) -> str | None:
        """The label of the option; None for the point without any plan."""
        return None if self.option is None else self.option.label

    def dominates(self, other: "OptionPoint") -> bool:
        """Return whether this point is no worse than another in money and damage, and better in at
        least one of them."""
        differences = self._differences_to(other)
        return max(differences) <= 0 and min(differences) < 0

    def equals(self, other: "OptionPoint") -> bool:
        """Return whether money and damage of two points are equal within the tolerance."""
        return not any(self._differences_to(other))

    def _differences_to(self, other: "OptionPoint") -> list[float]:
        """Return this point's money and damage less those of another point.

        Differences within the tolerance are returned as 0.
        """
        compared_pairs = ((self.money, other.money), (self.damage, other.damage))
        return [
            a - b if abs(a - b) > FIGURE_TOLERANCE * max(1.0, abs(b)) else 0.0
            for a, b in compared_pairs
        ]


def combined_slack(first: Option | None, second: Option | None) -> float | None:
    """Return the sum of the two plans' gaps, each being the objective less the bound.

    None in place of an option stands for no plan, which has no gap. Return None if an option has no
    bound.
    """
    proofs = [option.proof for option in (first, second) if option is not None]
    slacks = [
        max(0.0, proof.objective - proof.bound) for proof in proofs if proof.bound is not None
    ]
    return math.fsum(slacks) if len(slacks) == len(proofs) else None


def is_significant(
    damage_difference: float | None, objective_difference: float | None, slack: float | None
) -> bool | None:
    """Return whether the differences of damage and of objective both exceed ``slack``.

    Return None if any of the three is not known.
    """
    if damage_difference is None or objective_difference is None or slack is None:
        return None
    return min(abs(damage_difference), abs(objective_difference)) > slack


def avoided_per_extra_euro(
    damage_avoided: float, extra_funding: float, option: Option
) -> float | None:
    """Return the additional damage avoided for each additional public euro.

    Return None if damage is not measured in money, or if no public money is added.
    """
    if extra_funding > FIGURE_TOLERANCE and option.benefit.measure == "damage":
        return damage_avoided / extra_funding
    return None


def compute_increment(option: OptionPoint, reference: OptionPoint) -> results.Increment:
    """Compute how much more an option costs, and how much more damage it avoids, than a reference
    point."""
    assert option.option is not None
    avoided, extra_money = reference.damage - option.damage, option.money - reference.money
    is_comparable = option.objective_comparable and reference.objective_comparable
    # A bound over assumption sets proves nothing about the set for which damage is reported.
    options = [point.option for point in (option, reference) if point.option is not None]
    is_comparable &= all(point.proof.over_assumptions is None for point in options)
    slack = combined_slack(option.option, reference.option) if is_comparable else None
    objective_difference = avoided  # without any plan there is no objective
    if reference.option is not None:
        objective_difference = option.option.proof.objective - reference.option.proof.objective
    return results.Increment(
        option=option.option.label,
        over=reference.label,
        public_present_meur=extra_money,
        avoided=avoided,
        avoided_per_euro=avoided_per_extra_euro(avoided, extra_money, option.option),
        resolution=slack,
        significant=is_significant(avoided, objective_difference, slack),
    )


@dataclass(frozen=True)
class EfficientFrontier:
    """Comparable options as points of public money and damage, with the point without any plan."""

    no_plan: OptionPoint
    points: Sequence[OptionPoint]  # sorted by public money

    @cached_property
    def efficient(self) -> list[OptionPoint]:
        """The points that are not dominated by another point."""
        candidates = (self.no_plan, *self.points)
        return [
            point
            for point in self.points
            if not any(other_point.dominates(point) for other_point in candidates)
        ]

    def steps(self) -> list[results.EfficientOption]:
        """Compute the increments of efficient options over the one before, or over no plan."""
        hull = _lower_convex_hull([self.no_plan, *self.efficient])
        reference_points = [self.no_plan, *self.efficient]
        return [
            results.EfficientOption(
                **dict(compute_increment(p, reference_point)), convex=any(map(p.equals, hull))
            )
            for p, reference_point in zip(self.efficient, reference_points, strict=False)
        ]

    def best_by_damage_value(self) -> list[results.BestOptionRange]:
        """Return the options that are best at some value of an avoided euro of damage.

        Each comes with the value (public euros per avoided euro) from which on it is best. The list
        is empty if damage is not measured in money or no option is distinguishable from others.
        """
        distinct_points = [
            point
            for point, step in zip(self.efficient, self.steps(), strict=True)
            if step.significant is not False and step.avoided_per_euro is not None
        ]
        free_points = [point for point in self.efficient if point.money <= ZERO_FUNDING_MEUR]
        hull = _lower_convex_hull(
            [self.no_plan, *free_points, *(p for p in distinct_points if p not in free_points)]
        )
        option_ranges: list[results.BestOptionRange] = []
        for previous_point, point in pairwise([None, *hull]):
            damage_value, extra_money = 0.0, 0.0
            if previous_point is not None and point is not None:
                extra_money = point.money - previous_point.money
            if previous_point is not None and point is not None and extra_money > 0:
                damage_value = extra_money / (previous_point.damage - point.damage)
            if option_ranges and damage_value <= 0:
                option_ranges.pop()
            option_ranges.append(
                results.BestOptionRange(option=point and point.label, worth=damage_value)
            )
        return option_ranges if distinct_points else []

    def dominated_increments(self) -> list[results.Increment]:
        """Compute the increments of all dominated options.

        The reference is the efficient option with the least damage among those that dominate the
        option.
        """
        increments = []
        for point in self.points:
            dominating_points = [p for p in self.efficient if p.dominates(point)]
            if dominating_points or self.no_plan.dominates(point):
                reference = min(dominating_points, key=lambda p: p.damage, default=self.no_plan)
                increments.append(compute_increment(point, reference))
        return increments

    @cached_property
    def unfunded(self) -> OptionPoint | None:
        """The option without public funding that has the least damage; None if there is none."""
        free_points = [p for p in self.points if abs(p.money) < ZERO_FUNDING_MEUR]
        return min(free_points, key=lambda p: p.damage, default=None)

    def increments_over_unfunded(self) -> list[results.Increment]:
        """Compute the increments of all other options over the unfunded option; empty if there is
        none."""
        unfunded = self.unfunded
        if unfunded is None:
            return []
        return [compute_increment(p, unfunded) for p in self.points if p is not unfunded]


def efficient_frontier(
    options: Sequence[Option],
    base_option: Option,
    excluded_by_option: Sequence[Collection[ExcludedFigures]],
    use_net_cost: bool = False,
) -> EfficientFrontier:
    """Build the frontier of the options whose damage and money can be compared.

    Damage without any plan is taken from ``base_option``. ``excluded_by_option`` has for each
    option the kinds of figures that cannot be compared with the base. A plan that does not carry
    its scenario is left out, since its present value is not known. With ``use_net_cost``, money is
    the net cost to public funders (outlay less returns) in place of their outlay.
    """
    points = [
        OptionPoint(
            option,
            public_cost.cost_meur if use_net_cost else public_cost.paid_present_meur,
            damage,
            "objective" not in excluded_figures,
        )
        for option, excluded_figures in zip(options, excluded_by_option, strict=True)
        for public_cost, damage in [(option.cost.public, option.benefit.expected.with_plan)]
        if not {"damage", "money"} & {*excluded_figures}
        and public_cost.paid_present_meur is not None
    ]
    points.sort(key=lambda point: point.money)
    return EfficientFrontier(
        OptionPoint(None, 0.0, base_option.benefit.expected.without_plan), points
    )


def _lower_convex_hull(points: Sequence[OptionPoint]) -> list[OptionPoint]:
    """Return the lower convex hull of points that are sorted by increasing money and decreasing
    damage."""
    hull_points: list[OptionPoint] = []
    for point in points:
        if hull_points and point.equals(hull_points[-1]):
            continue
        while len(hull_points) > 1 and _lies_above(hull_points[-2], hull_points[-1], point):
            hull_points.pop()
        hull_points.append(point)
    return hull_points


def _lies_above(left: OptionPoint, middle: OptionPoint, right: OptionPoint) -> bool:
    """Return whether the middle point lies above the straight line between the two outer points."""
    money_span, damage_span = right.money - left.money, right.damage - left.damage
    excess = (middle.damage - left.damage) * money_span - (middle.money - left.money) * damage_span
    return excess > FIGURE_TOLERANCE * max(1.0, abs(money_span)) * max(1.0, abs(damage_span))


MIN_TONNES = 1e-6
"""Tonnes (one gram) up to which an amount counts as zero."""
CHANGE_TOLERANCE = 0.005
"""Relative difference of tonnes or cost of a stock that counts as none."""
MONEY_TOLERANCE = 1e-9
"""Million EUR up to which a difference counts as rounding."""
AllSomeNone = Literal["all", "some", "none"]


def project_choices(plans: Mapping[str, Plan]) -> Iterator[results.ProjectChoice]:
    """Yield for each candidate project of all plans how each plan builds it, in the order of the
    scenario files."""
    built_by_option = {label: built_projects(plan) for label, plan in plans.items()}
    materials_by_project: dict[str, tuple[str, ...]] = {}
    for plan in plans.values():
        if plan.case is not None:
            for p, project in plan.case.projects.items():
                materials_by_project.setdefault(p, tuple(project.output_t_per_year))
        for _, project_plan in plan.projects_with_probability:
            materials_by_project.setdefault(project_plan.id, ())
    for p, materials in materials_by_project.items():
        options = {
            label: _describe_project(plans[label], *projects[p])
            for label, projects in built_by_option.items()
            if p in projects
        }
        built_in = _all_some_or_none(options, plans)
        yield results.ProjectChoice(
            project=p, materials=materials, built_in=built_in, options=options
        )


def stockpile_choices(plans: Mapping[str, Plan]) -> Iterator[results.StockpileChoice]:
    """Yield for each stockpile of all plans how much each plan buys and holds, in the order of the
    scenario files."""
    material_by_stockpile: dict[str, str] = {}
    for plan in plans.values():
        for stockpile in plan.stockpiles:
            material_by_stockpile.setdefault(stockpile.id, stockpile.material)
    for h, material in material_by_stockpile.items():
        options = {
            label: choice
            for label, plan in plans.items()
            for stockpile in plan.stockpiles
            if stockpile.id == h
            and (choice := _describe_stockpile(stockpile)).bought_t > MIN_TONNES
        }
        bought_in = _all_some_or_none(options, plans)
        yield results.StockpileChoice(
            stockpile=h, material=material, bought_in=bought_in, options=options
        )


def _all_some_or_none(options: Mapping[str, object], plans: Mapping[str, Plan]) -> AllSomeNone:
    """Return whether all, some or none of the plans choose an item.

    ``options`` has an entry for each plan that chooses the item.
    """
    if not options:
        return "none"
    return "all" if len(options) == len(plans) else "some"


def _describe_project(
    plan: Plan, project_plan: ProjectPlan, probability: float
) -> results.OptionProject:
    """Return when a plan builds a project, with which probability, and with how much public
    money."""
    public_funders = {funder.id for funder in plan.funders if funder.kind == "public"}
    funders = {} if plan.case is None else plan.case.funders
    return results.OptionProject(
        start=project_plan.start,
        probability=probability,
        first_output=project_plan.first_output,
        public_share=math.fsum(
            share
            for f, instrument_shares in project_plan.shares.items()
            for i, share in instrument_shares.items()
            if f in public_funders and (not funders or funders[f].instruments[i].type.carries_capex)
        ),
        public_meur=math.fsum(
            math.fsum(position.paid_meur.values())
            for position in plan.accounts
            if position.project == project_plan.id and position.funder in public_funders
        ),
    )


def _describe_stockpile(stockpile: StockpilePlan) -> results.OptionStockpile:
    """Return how many tonnes a plan buys for a stockpile, the most that it holds, and the cost."""
    return results.OptionStockpile(
        bought_t=math.fsum(stockpile.buy_t.values()),
        held_t=max(stockpile.planned_t.values(), default=0.0),
        cost_meur=math.fsum(stockpile.cost_meur.values()),
    )


def _project_changes(
    base_plan: Plan, option_plan: Plan, diff: DecisionDiff
) -> Iterator[results.ProjectChange]:
    """Yield the projects that an option adds, drops, moves to another year, or finances differently
    from the base."""
    base_projects, option_projects = built_projects(base_plan), built_projects(option_plan)
    change_by_project: dict[str, Literal["added", "dropped", "moved", "refinanced"]] = {
        **dict.fromkeys(diff.leaving, "dropped"),
        **dict.fromkeys(diff.entering, "added"),
        **dict.fromkeys(diff.moved, "moved"),
        **dict.fromkeys(diff.refinanced, "refinanced"),
    }
    for p in (*base_projects, *diff.entering):
        if p in change_by_project:
            case = option_plan.case if p in option_projects else base_plan.case
            yield results.ProjectChange(
                project=p,
                materials=tuple(case.projects[p].output_t_per_year) if case else (),
                change=change_by_project[p],
                base=_describe_project(base_plan, *base_projects[p])
                if p in base_projects
                else None,
                option=_describe_project(option_plan, *option_projects[p])
                if p in option_projects
                else None,
            )


def _stockpile_changes(
    base_plan: Plan, option_plan: Plan, diff: DecisionDiff
) -> Iterator[results.StockpileChange]:
    """Yield the stockpiles for which an option holds a different amount than the base, or has a
    different cost."""
    materials = {x.id: x.material for plan in (base_plan, option_plan) for x in plan.stockpiles}
    costs = diff.stock_cost_meur
    for h, held in diff.stocks_t.items():
        if any(
            differs(*value_pair, CHANGE_TOLERANCE, MIN_TONNES) for value_pair in (held, costs[h])
        ):
            yield results.StockpileChange(
                stockpile=h,
                material=materials[h],
                held_t=held[1] - held[0],
                cost_meur=costs[h][1] - costs[h][0],
            )


def option_difference(
    base_plan: Plan,
    option_plan: Plan,
    options: tuple[Option, Option],
    excluded: frozenset[results.ExcludedFigures],
) -> results.OptionDifference:
    """Compute the difference of an option from the base: figures of the option less those of the
    base.

    ``options`` are the base and the option with their figures. Figures of the kinds ``excluded``,
    which cannot be compared, are None or empty in the result.
    """
    base_option, compared_option = options
    compares_damage, compares_money = "damage" not in excluded, "money" not in excluded
    diff = DecisionDiff.between(Decisions.of_plan(base_plan), Decisions.of_plan(option_plan))
    project_changes = tuple(_project_changes(base_plan, option_plan, diff))
    stockpile_changes = tuple(_stockpile_changes(base_plan, option_plan, diff))
    expected_damage_difference = (
        option_plan.outcome.expected - base_plan.outcome.expected if compares_damage else None
    )
    objective = resolution = None
    if "objective" not in excluded:
        objective = compared_option.proof.objective - base_option.proof.objective
        resolution = combined_slack(base_option, compared_option)

    def cost_difference(path: str) -> float | None:
        get = attrgetter(path)
        return get(compared_option.cost) - get(base_option.cost) if compares_money else None

    by_material = tuple(
        _material_differences(base_plan, option_plan, project_changes, stockpile_changes)
    )
    return results.OptionDifference(
        option=compared_option.label,
        expected=expected_damage_difference,
        cvar=option_plan.outcome.cvar - base_plan.outcome.cvar if "tail" not in excluded else None,
        worst=option_plan.outcome.worst - base_plan.outcome.worst if compares_damage else None,
        by_material=by_material if compares_damage else (),
        by_consumer=_expected_damage_differences("consumers", base_plan, option_plan)
        if compares_damage
        else {},
        objective=objective,
        resolution=resolution,
        significant=is_significant(expected_damage_difference, objective, resolution),
        public_paid_meur=cost_difference("public.paid_meur"),
        private_paid_meur=cost_difference("private.paid_meur"),
        market_meur=cost_difference("market_meur"),
        net_cost_meur=option_plan.outcome.net_cost_meur - base_plan.outcome.net_cost_meur
        if compares_money
        else None,
        money=tuple(_money_differences(base_option.cost.parts, compared_option.cost.parts))
        if compares_money
        else (),
        avoided_per_extra_public_euro=_extra_euro_ratio(
            expected_damage_difference, base_option, compared_option
        )
        if compares_money
        else None,
        projects=project_changes,
        stockpiles=stockpile_changes,
    )


def _material_differences(
    base_plan: Plan,
    option_plan: Plan,
    project_changes: Sequence[results.ProjectChange],
    stockpile_changes: Sequence[results.StockpileChange],
) -> Iterator[results.MaterialDifference]:
    """Yield the difference of expected damage in each material, largest first, with the changes of
    projects and stockpiles that affect it."""
    damage_differences = _expected_damage_differences("materials", base_plan, option_plan)
    for m in sorted(damage_differences, key=lambda m: -abs(damage_differences[m])):
        yield results.MaterialDifference(
            material=m,
            damage=damage_differences[m],
            projects=tuple(change for change in project_changes if m in change.materials),
            stockpiles=tuple(change for change in stockpile_changes if change.material == m),
        )


def _expected_damage_differences(kind: str, base_plan: Plan, option_plan: Plan) -> dict[str, float]:
    """Return differences of expected damage by id; ``kind`` is ``materials`` or ``consumers``."""
    base_damage, option_damage = (
        {x.id: x.expected for x in getattr(plan, kind)} for plan in (base_plan, option_plan)
    )
    return differences(base_damage, option_damage)


def _money_differences(
    base_money: Sequence[FunderMoney], option_money: Sequence[FunderMoney]
) -> Iterator[results.MoneyDifference]:
    """Yield the differences of payments and of net cost for each funder and budget class."""
    paid_differences, cost_differences = (
        differences(
            *(
                {(p.funder, p.kind, p.budget_class): getattr(p.sums, field) for p in parts}
                for parts in (base_money, option_money)
            )
        )
        for field in ("paid_meur", "cost_meur")
    )
    for (funder, kind, budget_class), paid in paid_differences.items():
        cost = cost_differences[funder, kind, budget_class]
        if max(abs(paid), abs(cost)) > MONEY_TOLERANCE:
            yield results.MoneyDifference(
                funder=funder, kind=kind, budget_class=budget_class, paid_meur=paid, cost_meur=cost
            )


def _extra_euro_ratio(
    damage_difference: float | None, base_option: Option, option: Option
) -> float | None:
    """Return the additional damage avoided for each additional public euro.

    Return None if damage is not compared or not measured in money, a present value is not known, or
    no public money is added.
    """
    base_paid_meur, option_paid_meur = (
        x.cost.public.paid_present_meur for x in (base_option, option)
    )
    if damage_difference is None or base_paid_meur is None or option_paid_meur is None:
        return None
    return avoided_per_extra_euro(
        -damage_difference, option_paid_meur - base_paid_meur, base_option
    )
