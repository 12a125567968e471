"""Which options are efficient in public money and damage, and what each step adds."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from models.results import comparison as results
from models.results.comparison import Barred
from models.results.option import Option

EXACT = 1e-6
"""Figures that differ by a smaller part, or by less of a million EUR or unit, are equal."""
NO_MONEY = 1e-3
"""Million EUR: an option that takes less public money shows what is done without any."""


@dataclass(frozen=True)
class Point:
    """An option, or no plan where there is none, as a point of two figures."""

    option: Option | None
    money: float  # public money, present value in million EUR
    damage: float  # expected damage, in the unit of the measure
    weighs_alike: bool = True  # whether its objective compares with those of others

    @property
    def label(self) -> str | None:
        """The label of the option."""
        return None if self.option is None else self.option.label

    def dominates(self, other: "Point") -> bool:
        """Whether it is no worse in either figure and better in one."""
        apart = self._apart(other)
        return max(apart) <= 0 and min(apart) < 0

    def equals(self, other: "Point") -> bool:
        """Whether both figures are the same."""
        return not any(self._apart(other))

    def _apart(self, other: "Point") -> list[float]:
        """By how much each figure is above that of another; 0 where that is arithmetic."""
        pairs = ((self.money, other.money), (self.damage, other.damage))
        return [a - b if abs(a - b) > EXACT * max(1.0, abs(b)) else 0.0 for a, b in pairs]


def left_open(one: Option | None, other: Option | None) -> float | None:
    """What the proofs of both leave open, added up: nothing of no plan, None where nothing is
    proven of one."""
    proofs = [option.proof for option in (one, other) if option is not None]
    slacks = [max(0.0, p.objective - p.bound) for p in proofs if p.bound is not None]
    return math.fsum(slacks) if len(slacks) == len(proofs) else None


def significant(expected: float | None, objective: float | None, room: float | None) -> bool | None:
    """Whether differences of damage and of objective both exceed what is left open."""
    if expected is None or objective is None or room is None:
        return None
    return min(abs(expected), abs(objective)) > room


def per_euro(avoided: float, extra: float, option: Option) -> float | None:
    """Damage avoided per public euro, both in addition; None where it is not money, or none is."""
    return avoided / extra if extra > EXACT and option.benefit.measure == "damage" else None


def increment(option: Point, over: Point) -> results.Increment:
    """What an option takes and avoids in addition to another point."""
    assert option.option is not None
    avoided, extra = over.damage - option.damage, option.money - over.money
    alike = option.weighs_alike and over.weighs_alike
    # What is proven over sets of assumptions says nothing of the one that damage is told of.
    options = [own.option for own in (option, over) if own.option is not None]
    alike &= all(own.proof.over_assumptions is None for own in options)
    room = left_open(option.option, over.option) if alike else None
    objective = avoided  # against no plan, whose objective nobody searched for
    if over.option is not None:
        objective = option.option.proof.objective - over.option.proof.objective
    return results.Increment(
        option=option.option.label,
        over=over.label,
        public_present_meur=extra,
        avoided=avoided,
        avoided_per_euro=per_euro(avoided, extra, option.option),
        resolution=room,
        significant=significant(avoided, objective, room),
    )


@dataclass(frozen=True)
class Line:
    """The options whose damage and money can be compared, beside no plan."""

    without: Point
    points: Sequence[Point]  # by public money

    @cached_property
    def efficient(self) -> list[Point]:
        """Those that nothing dominates."""
        every = (self.without, *self.points)
        return [p for p in self.points if not any(other.dominates(p) for other in every)]

    def steps(self) -> list[results.Step]:
        """Each efficient option against the one before it."""
        corners = _convex([self.without, *self.efficient])
        before = [self.without, *self.efficient]
        return [
            results.Step(**dict(increment(p, over)), convex=any(map(p.equals, corners)))
            for p, over in zip(self.efficient, before, strict=False)
        ]

    def best_from(self) -> list[results.BestFrom]:
        """Which option is best from which worth of an avoided EUR on; of damage alone."""
        known = [
            point
            for point, step in zip(self.efficient, self.steps(), strict=True)
            if step.significant is not False and step.avoided_per_euro is not None
        ]
        free = [point for point in self.efficient if point.money <= NO_MONEY]
        corners = _convex([self.without, *free, *(p for p in known if p not in free)])
        found: list[results.BestFrom] = []
        for before, point in pairwise([None, *corners]):
            worth, more = 0.0, 0.0
            if before is not None and point is not None:
                more = point.money - before.money
            if before is not None and point is not None and more > 0:
                worth = more / (before.damage - point.damage)
            if found and worth <= 0:
                found.pop()
            found.append(results.BestFrom(option=point and point.label, worth=worth))
        return found if known else []

    def dominated(self) -> list[results.Increment]:
        """All others against the efficient one that leaves least for no more money."""
        found = []
        for point in self.points:
            better = [p for p in self.efficient if p.dominates(point)]
            if better or self.without.dominates(point):
                over = min(better, key=lambda p: p.damage, default=self.without)
                found.append(increment(point, over))
        return found

    @cached_property
    def alone(self) -> Point | None:
        """What is done without public money."""
        free = [p for p in self.points if abs(p.money) < NO_MONEY]
        return min(free, key=lambda p: p.damage, default=None)

    def over_alone(self) -> list[results.Increment]:
        """All others against what is done without public money."""
        alone = self.alone
        return [] if alone is None else [increment(p, alone) for p in self.points if p is not alone]


def line(
    options: Sequence[Option],
    base: Option,
    bars: Sequence[Collection[Barred]],
    net: bool = False,
) -> Line:
    """The options whose damage and money are compared; without any plan there is what the base has
    then. ``bars`` are for each the figures that are not compared with the base's.

    Of a plan that does not carry its scenario the present value is not known: it is left out.
    ``net``: money is the net cost to public funders, less what comes back, not what they put up.
    """
    points = [
        Point(option, of.cost_meur if net else of.paid_present_meur, left, "objective" not in bar)
        for option, bar in zip(options, bars, strict=True)
        for of, left in [(option.cost.public, option.benefit.expected.with_plan)]
        if not {"damage", "money"} & {*bar} and of.paid_present_meur is not None
    ]
    points.sort(key=lambda point: point.money)
    return Line(Point(None, 0.0, base.benefit.expected.without_plan), points)


def _convex(points: Sequence[Point]) -> list[Point]:
    """The points on the lower convex line, of points by money whose damage falls."""
    kept: list[Point] = []
    for point in points:
        if kept and point.equals(kept[-1]):
            continue
        while len(kept) > 1 and _above(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _above(left: Point, middle: Point, right: Point) -> bool:
    """Whether a point lies above the straight line between two others."""
    across, down = right.money - left.money, right.damage - left.damage
    over = (middle.damage - left.damage) * across - (middle.money - left.money) * down
    return over > EXACT * max(1.0, abs(across)) * max(1.0, abs(down))
