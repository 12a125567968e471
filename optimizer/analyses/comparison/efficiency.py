"""Which options are efficient in public money and damage, and what each step adds."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from models.results import comparison as results
from models.results.comparison import ExcludedFigures
from models.results.option import Option

FIGURE_TOLERANCE = 1e-6
"""Figures that differ by a smaller part, or by less of a million EUR or unit, are equal."""
ZERO_FUNDING_MEUR = 1e-3
"""Million EUR: an option that takes less public money shows what is done without any."""


@dataclass(frozen=True)
class OptionPoint:
    """An option, or no plan where there is none, as a point of two figures."""

    option: Option | None
    money: float  # public money, present value in million EUR
    damage: float  # expected damage, in the unit of the measure
    same_objective: bool = True  # whether its objective compares with those of others

    @property
    def label(self) -> str | None:
        """The label of the option."""
        return None if self.option is None else self.option.label

    def dominates(self, other: "OptionPoint") -> bool:
        """Whether it is no worse in either figure and better in one."""
        apart = self._differences_to(other)
        return max(apart) <= 0 and min(apart) < 0

    def equals(self, other: "OptionPoint") -> bool:
        """Whether both figures are the same."""
        return not any(self._differences_to(other))

    def _differences_to(self, other: "OptionPoint") -> list[float]:
        """By how much each figure is above that of another; 0 where that is arithmetic."""
        pairs = ((self.money, other.money), (self.damage, other.damage))
        return [
            a - b if abs(a - b) > FIGURE_TOLERANCE * max(1.0, abs(b)) else 0.0 for a, b in pairs
        ]


def combined_slack(first: Option | None, second: Option | None) -> float | None:
    """What the proofs of both leave open, added up: nothing of no plan, None where nothing is
    proven of one."""
    proofs = [option.proof for option in (first, second) if option is not None]
    slacks = [max(0.0, p.objective - p.bound) for p in proofs if p.bound is not None]
    return math.fsum(slacks) if len(slacks) == len(proofs) else None


def is_significant(
    damage_difference: float | None, objective_difference: float | None, slack: float | None
) -> bool | None:
    """Whether differences of damage and of objective both exceed what is left open."""
    if damage_difference is None or objective_difference is None or slack is None:
        return None
    return min(abs(damage_difference), abs(objective_difference)) > slack


def avoided_per_extra_euro(
    damage_avoided: float, extra_funding: float, option: Option
) -> float | None:
    """Damage avoided per public euro, both in addition; None where it is not money, or none is."""
    return (
        damage_avoided / extra_funding
        if extra_funding > FIGURE_TOLERANCE and option.benefit.measure == "damage"
        else None
    )


def compute_increment(option: OptionPoint, reference: OptionPoint) -> results.Increment:
    """What an option takes and avoids in addition to another point."""
    assert option.option is not None
    avoided, extra = reference.damage - option.damage, option.money - reference.money
    alike = option.same_objective and reference.same_objective
    # What is proven over sets of assumptions says nothing of the one that damage is told of.
    options = [own.option for own in (option, reference) if own.option is not None]
    alike &= all(own.proof.over_assumptions is None for own in options)
    room = combined_slack(option.option, reference.option) if alike else None
    objective = avoided  # against no plan, whose objective nobody searched for
    if reference.option is not None:
        objective = option.option.proof.objective - reference.option.proof.objective
    return results.Increment(
        option=option.option.label,
        over=reference.label,
        public_present_meur=extra,
        avoided=avoided,
        avoided_per_euro=avoided_per_extra_euro(avoided, extra, option.option),
        resolution=room,
        significant=is_significant(avoided, objective, room),
    )


@dataclass(frozen=True)
class EfficientFrontier:
    """The options whose damage and money can be compared, beside no plan."""

    no_plan: OptionPoint
    points: Sequence[OptionPoint]  # by public money

    @cached_property
    def efficient(self) -> list[OptionPoint]:
        """Those that nothing dominates."""
        every = (self.no_plan, *self.points)
        return [p for p in self.points if not any(other.dominates(p) for other in every)]

    def steps(self) -> list[results.EfficientOption]:
        """Each efficient option against the one before it."""
        corners = _lower_convex_hull([self.no_plan, *self.efficient])
        before = [self.no_plan, *self.efficient]
        return [
            results.EfficientOption(
                **dict(compute_increment(p, over)), convex=any(map(p.equals, corners))
            )
            for p, over in zip(self.efficient, before, strict=False)
        ]

    def best_by_damage_value(self) -> list[results.BestOptionRange]:
        """Which option is best from which worth of an avoided EUR on; of damage alone."""
        known = [
            point
            for point, step in zip(self.efficient, self.steps(), strict=True)
            if step.significant is not False and step.avoided_per_euro is not None
        ]
        free = [point for point in self.efficient if point.money <= ZERO_FUNDING_MEUR]
        corners = _lower_convex_hull([self.no_plan, *free, *(p for p in known if p not in free)])
        found: list[results.BestOptionRange] = []
        for before, point in pairwise([None, *corners]):
            worth, more = 0.0, 0.0
            if before is not None and point is not None:
                more = point.money - before.money
            if before is not None and point is not None and more > 0:
                worth = more / (before.damage - point.damage)
            if found and worth <= 0:
                found.pop()
            found.append(results.BestOptionRange(option=point and point.label, worth=worth))
        return found if known else []

    def dominated_increments(self) -> list[results.Increment]:
        """All others against the efficient one that leaves least for no more money."""
        found = []
        for point in self.points:
            better = [p for p in self.efficient if p.dominates(point)]
            if better or self.no_plan.dominates(point):
                over = min(better, key=lambda p: p.damage, default=self.no_plan)
                found.append(compute_increment(point, over))
        return found

    @cached_property
    def unfunded(self) -> OptionPoint | None:
        """What is done without public money."""
        free = [p for p in self.points if abs(p.money) < ZERO_FUNDING_MEUR]
        return min(free, key=lambda p: p.damage, default=None)

    def increments_over_unfunded(self) -> list[results.Increment]:
        """All others against what is done without public money."""
        alone = self.unfunded
        return (
            []
            if alone is None
            else [compute_increment(p, alone) for p in self.points if p is not alone]
        )


def efficient_frontier(
    options: Sequence[Option],
    base: Option,
    excluded: Sequence[Collection[ExcludedFigures]],
    use_net_cost: bool = False,
) -> EfficientFrontier:
    """The options whose damage and money are compared; without any plan there is what the base has
    then. ``bars`` are for each the figures that are not compared with the base's.

    Of a plan that does not carry its scenario the present value is not known: it is left out.
    ``net``: money is the net cost to public funders, less what comes back, not what they put up.
    """
    points = [
        OptionPoint(
            option,
            of.cost_meur if use_net_cost else of.paid_present_meur,
            left,
            "objective" not in bar,
        )
        for option, bar in zip(options, excluded, strict=True)
        for of, left in [(option.cost.public, option.benefit.expected.with_plan)]
        if not {"damage", "money"} & {*bar} and of.paid_present_meur is not None
    ]
    points.sort(key=lambda point: point.money)
    return EfficientFrontier(OptionPoint(None, 0.0, base.benefit.expected.without_plan), points)


def _lower_convex_hull(points: Sequence[OptionPoint]) -> list[OptionPoint]:
    """The points on the lower convex line, of points by money whose damage falls."""
    kept: list[OptionPoint] = []
    for point in points:
        if kept and point.equals(kept[-1]):
            continue
        while len(kept) > 1 and _lies_above(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _lies_above(left: OptionPoint, middle: OptionPoint, right: OptionPoint) -> bool:
    """Whether a point lies above the straight line between two others."""
    across, down = right.money - left.money, right.damage - left.damage
    over = (middle.damage - left.damage) * across - (middle.money - left.money) * down
    return over > FIGURE_TOLERANCE * max(1.0, abs(across)) * max(1.0, abs(down))
