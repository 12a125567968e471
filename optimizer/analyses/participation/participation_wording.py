"""Names of a participation, and which of its curves and points are told of first."""

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.report.number_format import format_percent
from optimizer.report.wording import Wording, join_texts

SHARE_TOLERANCE = 1e-9
"""Shares so close are one."""


class ParticipationWording(Wording[Participation]):
    """A participation in the words of the current language."""

    @property
    def company_name(self) -> str:
        """The name of the company."""
        return self.name("funders", self.result.company, self.result.name)

    @property
    def subject_name(self) -> str:
        """What it takes a share of, by itself."""
        if self.result.project is None:
            return tr("all projects together")
        return self.name("projects", self.result.project, self.result.project_name)

    @property
    def share_phrase(self) -> str:
        """What it takes a share of, behind that share."""
        if self.result.project is None:
            return tr("of the capex of all that is built")
        return tr("of the capex of {project}", project=self.subject_name)

    @property
    def tail_share(self) -> str:
        """The share of states that are the worst ones."""
        return format_percent(1 - self.result.cvar_level)

    def projects_text(self, point: SharePoint) -> str:
        """The projects that are built, with their start years."""
        named = self.result.project_names
        return join_texts(
            [
                f"{self.name('projects', id, named.get(id))} ({start})"
                for id, start in point.projects.items()
            ]
        )

    @property
    def all_points(self) -> list[SharePoint]:
        """The points of all curves."""
        return [point for curve in self.result.curves for point in curve.points]

    @property
    def has_ranges(self) -> bool:
        """Whether equally good plans were compared at any point."""
        return any(point.range for point in self.all_points)

    @property
    def main_curves(self) -> list[ShareCurve]:
        """The curve of each way of the others, deciding anew first: that on which public funders
        are free, or else that with the lowest public share."""
        ways = ([c for c in self.result.curves if c.others == w] for w in ("reoptimize", "held"))
        return [next((c for c in some if c.public_share is None), some[0]) for some in ways if some]


def pooled_supply_note() -> str:
    """What a payer must know where allocation is ``pooled``."""
    return tr(
        "Supplies are pooled: every tonne is allocated to minimise damage, no matter who paid. "
        "A share buys no tonnes of its own."
    )


def curve_name(curve: ShareCurve) -> str:
    """A curve in a few words: how the others behave, and what public funders carry."""
    anew = curve.others == "reoptimize"
    way = tr("Others decide anew") if anew else tr("Others stick to the plan")
    if curve.public_share is None:
        return way
    return tr("{way}, public share {share}", way=way, share=format_percent(curve.public_share))


def points_with_plan(curve: ShareCurve) -> list[SharePoint]:
    """The points with a plan."""
    return [point for point in curve.points if point.standing is not None]


def is_same_share(share: float, other_share: float | None) -> bool:
    """Whether two shares are one; a share that is not known is no other."""
    return other_share is not None and abs(share - other_share) <= SHARE_TOLERANCE


def point_at(curve: ShareCurve, share: float | None) -> SharePoint | None:
    """The point at a share, if it was tried and has a plan."""
    return next(
        (point for point in points_with_plan(curve) if is_same_share(point.share, share)), None
    )


def best_point(curve: ShareCurve) -> SharePoint | None:
    """The point at which the company's total is least."""
    return point_at(curve, curve.best_share)


def total_outlay_meur(point: SharePoint) -> float | None:
    """Undiscounted million EUR that the company pays in all years; None without a plan."""
    return None if point.standing is None else sum(point.outlay_by_year_meur.values())


def point_remark(curve: ShareCurve, point: SharePoint) -> str:
    """How a point ended, and whether it answers a question; nothing where something is built that
    was solved to the gap."""
    told = [
        {
            "optimal": "" if point.built else tr("not built"),
            "limit": tr("stopped early"),
            "infeasible": tr("no plan has this share"),
            "none": tr("no plan found"),
        }[point.status]
    ]
    if point.standing is not None:
        told += [tr("best")] * is_same_share(point.share, curve.best_share)
        told += [tr("no worse than none up to here")] * is_same_share(
            point.share, curve.indifferent_share
        )
    return "; ".join(filter(None, told))
