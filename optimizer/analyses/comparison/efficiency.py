"""Options that are efficient in public money and damage, and the increments between them."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from models.results import comparison as results
from models.results.comparison import ExcludedFigures
from models.results.option import Option

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
