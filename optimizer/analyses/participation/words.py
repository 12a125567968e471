"""Names and amounts of a participation, and which of its curves and points are told of first."""

from __future__ import annotations

from typing import Literal

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.report.figures import NONE, number, percent
from optimizer.report.wording import Wording

Others = Literal["reoptimize", "held"]
WAYS: tuple[Others, ...] = ("reoptimize", "held")
"""How the others may behave, in the order in which it is told."""
NEAR = 1e-9
"""Shares so close are one."""


class Say(Wording[Participation]):
    """A participation in the words of the current language."""

    @property
    def company(self) -> str:
        """The name of the company."""
        return self.name("funders", self.found.company, self.found.name)

    @property
    def consumers(self) -> str:
        """The consumers whose damage is its own."""
        return self.names("consumers", self.found.consumers) or tr("none")

    @property
    def subject(self) -> str:
        """What it takes a share of, by itself."""
        if self.found.project is None:
            return tr("all projects together")
        return self.name("projects", self.found.project, self.found.project_name)

    @property
    def shared(self) -> str:
        """What it takes a share of, behind that share."""
        if self.found.project is None:
            return tr("of the capex of all that is built")
        return tr("of the capex of {project}", project=self.subject)

    @property
    def tail(self) -> str:
        """The share of states that are the worst ones."""
        return percent(1 - self.found.cvar_level)

    def material(self, id: str) -> str:
        """The name of a material."""
        return self.name("materials", id, self.found.material_names.get(id))

    def projects(self, point: SharePoint) -> str:
        """The projects that are built, with their start years."""
        names = (
            f"{self.name('projects', id, self.found.project_names.get(id))} ({start})"
            for id, start in point.projects.items()
        )
        return ", ".join(names) or NONE

    @property
    def points(self) -> list[SharePoint]:
        """The points of all curves."""
        return [point for curve in self.found.curves for point in curve.points]

    @property
    def ranged(self) -> bool:
        """Whether equally good plans were compared at any point."""
        return any(point.range for point in self.points)

    @property
    def main(self) -> list[ShareCurve]:
        """The curve of each way of the others, deciding anew first: that on which public funders
        are free, or else that with the lowest public share."""
        ways = ([c for c in self.found.curves if c.others == others] for others in WAYS)
        return [next((c for c in some if c.public_share is None), some[0]) for some in ways if some]

    def co_financed(self, others: Others) -> list[ShareCurve]:
        """Curves with a stated public share, rising."""
        some = [c for c in self.found.curves if c.others == others and c.public_share is not None]
        return sorted(some, key=lambda curve: curve.public_share or 0.0)


def way(curve: ShareCurve) -> str:
    """How the others behave, at the head of a column or row."""
    if curve.others == "reoptimize":
        return tr("Others decide anew")
    return tr("Others stick to the plan")


def curve_name(curve: ShareCurve) -> str:
    """A curve in a few words."""
    if curve.public_share is None:
        return way(curve)
    return tr("{way}, public share {share}", way=way(curve), share=percent(curve.public_share))


def same(share: float, other: float | None) -> bool:
    """Whether two shares are one; a share that is not known is no other."""
    return other is not None and abs(share - other) <= NEAR


def planned(curve: ShareCurve) -> list[SharePoint]:
    """The points with a plan."""
    return [point for point in curve.points if point.standing is not None]


def point_at(curve: ShareCurve, share: float | None) -> SharePoint | None:
    """The point at a share, if it was tried and has a plan."""
    return next((point for point in planned(curve) if same(point.share, share)), None)


def best_point(curve: ShareCurve) -> SharePoint | None:
    """The point at which the company's total is least."""
    return point_at(curve, curve.best_share)


def outlay_meur(point: SharePoint) -> float | None:
    """Undiscounted million EUR that the company pays in all years; None without a plan."""
    return None if point.standing is None else sum(point.outlay_by_year_meur.values())


def percentage_points(share: float) -> str:
    """A difference of shares."""
    return tr("{number} percentage points", number=number(round(100 * share, 6)))


def remark(curve: ShareCurve, point: SharePoint) -> str:
    """What is special about a point: how it ended, and whether it answers a question; nothing
    where something is built that was solved to the gap."""
    told = [
        {
            "optimal": "" if point.built else tr("not built"),
            "limit": tr("stopped early"),
            "infeasible": tr("no plan has this share"),
            "none": tr("no plan found"),
        }[point.status]
    ]
    if point.standing is not None:
        told += [tr("best")] * same(point.share, curve.best_share)
        told += [tr("no worse than none up to here")] * same(point.share, curve.indifferent_share)
    return "; ".join(filter(None, told))
