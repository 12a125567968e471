"""Which curves and points of a participation are told of first."""

from __future__ import annotations

from typing import Literal

from models.results import Participation, ShareCurve, SharePoint

Others = Literal["reoptimize", "held"]
WAYS: tuple[Others, ...] = ("reoptimize", "held")
"""How the others may behave, in the order in which it is told."""

NEAR = 1e-9
"""Shares so close are one."""


def curve_of(found: Participation, others: Others) -> ShareCurve | None:
    """The curve with the others behaving in one way: public shares free, or else the lowest."""
    some = [curve for curve in found.curves if curve.others == others]
    free = [curve for curve in some if curve.public_share is None]
    return next(iter([*free, *some]), None)


def main_curves(found: Participation) -> list[ShareCurve]:
    """The curve of each way of the others, deciding anew first."""
    both = (curve_of(found, others) for others in WAYS)
    return [curve for curve in both if curve is not None]


def co_financed(found: Participation, others: Others) -> list[ShareCurve]:
    """Curves with a stated public share, rising."""
    some = [c for c in found.curves if c.others == others and c.public_share is not None]
    return sorted(some, key=lambda curve: curve.public_share or 0.0)


def same(share: float, other: float | None) -> bool:
    """Whether two shares are one; a share that is not known is no other."""
    return other is not None and abs(share - other) <= NEAR


def point_at(curve: ShareCurve, share: float | None) -> SharePoint | None:
    """The point at a share, if it was tried and has a plan."""
    return next((point for point in planned(curve) if same(point.share, share)), None)


def best_point(curve: ShareCurve) -> SharePoint | None:
    """The point at which the company's total is least."""
    return point_at(curve, curve.best_share)


def planned(curve: ShareCurve) -> list[SharePoint]:
    """The points with a plan."""
    return [point for point in curve.points if point.standing is not None]


def counting(curve: ShareCurve) -> list[SharePoint]:
    """Those of them that can be best: no share, and shares of what is built."""
    return [point for point in planned(curve) if point.built or not point.share]


def outlay_meur(point: SharePoint) -> float:
    """Undiscounted million EUR that the company pays in all years."""
    return sum(point.outlay_by_year_meur.values())


def offtake_t(point: SharePoint) -> dict[str, float]:
    """Tonnes reserved for it over all years, by material."""
    return {material: sum(by_year.values()) for material, by_year in point.offtake_t.items()}
