"""Names for the document on a participation, and the main curves and points."""

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.report.number_format import format_percent
from optimizer.report.wording import Wording, join_texts

SHARE_TOLERANCE = 1e-9
"""Shares that differ by no more are equal."""


class ParticipationWording(Wording[Participation]):
    """Names and figures of a participation, as its document uses them."""

    @property
    def company_name(self) -> str:
        """The name of the company in the current language."""
        return self.name("funders", self.result.company, self.result.name)

    @property
    def subject_name(self) -> str:
        """The name of the project in question, or a phrase for all projects."""
        if self.result.project is None:
            return tr("all projects together")
        return self.name("projects", self.result.project, self.result.project_name)

    @property
    def share_phrase(self) -> str:
        """A phrase such as "of the capex of all that is built", which follows a share."""
        if self.result.project is None:
            return tr("of the capex of all that is built")
        return tr("of the capex of {project}", project=self.subject_name)

    @property
    def tail_share(self) -> str:
        """The share of states in the tail of the CVaR, as a percentage."""
        return format_percent(1 - self.result.cvar_level)

    def projects_text(self, point: SharePoint) -> str:
        """Return the names of the projects that are built at a point, with their start years."""
        project_names = self.result.project_names
        projects = point.projects.items()
        return join_texts(
            [f"{self.name('projects', p, project_names.get(p))} ({y})" for p, y in projects]
        )

    @property
    def all_points(self) -> list[SharePoint]:
        """The points of all curves."""
        return [point for curve in self.result.curves for point in curve.points]

    @property
    def has_ranges(self) -> bool:
        """Whether the range over equally good plans was computed at any point."""
        return any(point.range for point in self.all_points)

    @property
    def main_curves(self) -> list[ShareCurve]:
        """One curve for each mode of the other funders; that in which they optimize again comes
        first.

        Of the curves with the same mode, it is the one with a free public share, or else the one
        with the lowest public share.
        """
        curves_by_mode = (
            [c for c in self.result.curves if c.others == mode] for mode in ("reoptimize", "held")
        )
        return [
            next((c for c in curves if c.public_share is None), curves[0])
            for curves in curves_by_mode
            if curves
        ]


def pooled_supply_note() -> str:
    """Return a caution on pooled supply, in which a share gives the company no tonnes."""
    return tr(
        "Supplies are pooled: every tonne is allocated to minimize damage, no matter who paid. "
        "A share buys no tonnes of its own."
    )


def curve_name(curve: ShareCurve) -> str:
    """Return the name of a curve, which states what the other funders do and the public share."""
    reoptimizes = curve.others == "reoptimize"
    behavior = tr("Others decide again") if reoptimizes else tr("Others stick to the plan")
    if curve.public_share is None:
        return behavior
    return tr("{way}, public share {share}", way=behavior, share=format_percent(curve.public_share))


def points_with_plan(curve: ShareCurve) -> list[SharePoint]:
    """Return the points of a curve at which there is a plan."""
    return [point for point in curve.points if point.standing is not None]


def is_same_share(share: float, other_share: float | None) -> bool:
    """Return whether two shares are equal within the tolerance; False if ``other_share`` is
    None."""
    return other_share is not None and abs(share - other_share) <= SHARE_TOLERANCE


def point_at(curve: ShareCurve, share: float | None) -> SharePoint | None:
    """Return the point of a curve at a share; None if this share was not tried or has no plan."""
    points = points_with_plan(curve)
    return next((point for point in points if is_same_share(point.share, share)), None)


def best_point(curve: ShareCurve) -> SharePoint | None:
    """Return the point of a curve at the company's best share; None if there is none."""
    return point_at(curve, curve.best_share)


def total_outlay_meur(point: SharePoint) -> float | None:
    """Return the company's undiscounted outlay over all years, in million; None if the point has no
    plan."""
    return None if point.standing is None else sum(point.outlay_by_year_meur.values())


def point_remark(curve: ShareCurve, point: SharePoint) -> str:
    """Return a remark on a point: how its solve ended, and whether it is the best or the
    indifferent share.

    The remark is empty for any other point that was solved to the gap and builds something.
    """
    remarks = [
        {
            "optimal": "" if point.built else tr("not built"),
            "limit": tr("stopped early"),
            "infeasible": tr("no plan has this share"),
            "none": tr("no plan found"),
        }[point.status]
    ]
    if point.standing is not None:
        remarks += [tr("best")] * is_same_share(point.share, curve.best_share)
        remarks += [tr("no worse than none up to here")] * is_same_share(
            point.share, curve.indifferent_share
        )
    return "; ".join(filter(None, remarks))
