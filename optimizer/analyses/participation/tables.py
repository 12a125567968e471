"""Names, figures and tables of a participation."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import CompanyOutcome, Participation, ShareCurve, SharePoint
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.charts import Chart
from optimizer.report.document import ALL_MEDIA, SHEET, Column, Media, Table
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


POINTS_TABLE = "points"
"""Name of the table of all points."""


class TriedShare(NamedTuple):
    """A share that was tried, on its curve.

    In the table by year, ``material`` states the material whose offtake a row has; it is empty for
    outlay.
    """

    curve: ShareCurve
    point: SharePoint
    material: str = ""

    @property
    def yearly_amounts(self) -> Mapping[str, float]:
        """The offtake of the material in tonnes by year, or the outlay in million by year."""
        point = self.point
        return point.offtake_t[self.material] if self.material else point.outlay_by_year_meur


def all_tried_shares(wording: ParticipationWording) -> list[TriedShare]:
    """Return all points of all curves, curve by curve."""
    return [TriedShare(curve, point) for curve in wording.result.curves for point in curve.points]


# The answer


def standing_cases(wording: ParticipationWording) -> Iterator[tuple[str, CompanyOutcome]]:
    """Yield the cases with which the best share is compared, then the best share, as pairs of name
    and outcome."""
    result = wording.result
    yield tr("Nobody acts"), result.without_plan
    if result.alone is not None:
        yield tr("It acts alone"), result.alone
    labeled_curves = [(x, curve_name(x)) for x in wording.main_curves]
    labeled_curves = [(curve, name[:1].lower() + name[1:]) for curve, name in labeled_curves]
    for curve, curve_label in labeled_curves:
        point_without_share = point_at(curve, 0.0)
        if point_without_share is not None and point_without_share.standing is not None:
            yield tr("No share: {way}", way=curve_label), point_without_share.standing
    if result.free is not None:
        name = tr("The scenario's own plan")
        if result.free_share is not None:
            share = format_percent(result.free_share)
            name = tr("The scenario's own plan, share {share}", share=share)
        yield name, result.free
    for curve, curve_label in labeled_curves:
        best = best_point(curve)
        if best is not None and best.standing is not None and best.share > SHARE_TOLERANCE:
            share = format_percent(best.share)
            yield (tr("Best share, {share}: {way}", share=share, way=curve_label), best.standing)


def _standing_columns(standing_path: str) -> list[Column]:
    """Return columns for the company's outcome that is at ``standing_path`` of a row; their
    decimals are the same."""

    fields: list[tuple[str, str, doc.ValueForm]] = [
        (tr("Mean damage"), "expected", "outcome"),
        (tr("CVaR"), "cvar", "outcome"),
        (tr("Net cost"), "net_cost_meur", "money"),
        (tr("Damage plus cost"), "total", "outcome"),
    ]
    return [
        Column(header, f"{standing_path}.{field}", form, decimals_group="fares")
        for header, field, form in fields
    ]  # fmt: skip


def standings_table(wording: ParticipationWording) -> Table:
    """Return the table that compares the best share with acting alone and with having no share."""
    return Table(
        tr("How {company} fares ({unit})", company=wording.company_name, unit=wording.money_unit),
        list(standing_cases(wording)),
        [Column(tr("If"), "0", "text"), *_standing_columns("1")],
        "standings",
        tr(
            "Its own damage and its own money. CVaR: mean of the worst {tail} of states. Net cost: "
            "what it pays, less what is expected to come back; discounted. Damage plus cost: mean "
            "damage plus net cost; the less, the better. Alone: only {company} invests, as is best "
            "for itself. Without a share it benefits from what others build.",
            tail=wording.tail_share,
            company=wording.company_name,
        ),
    )


def summary_table(
    wording: ParticipationWording, caption: str, name: str, chart: Chart | None = None
) -> Table:
    """Return the table of the best and the indifferent share of each curve, with the outcome at the
    best share."""

    def best_share_column(header: str, path: str, form: doc.ValueForm) -> Column:
        def read(curve: ShareCurve) -> Any:
            return attribute_getter(path)(best_point(curve))

        return Column(header, read, form)

    public_share_note = tr(
        "Where no public share is named, public funders carry what the plan chooses."
    )
    public_share_kinds = {curve.public_share is None for curve in wording.result.curves}
    columns = [
        Column(tr("The others"), curve_name, "text"),
        Column(tr("Best share"), "best_share", "share"),
        best_share_column(tr("Net cost there"), "standing.net_cost_meur", "money"),
        best_share_column(tr("Damage plus cost there"), "standing.total", "outcome"),
        best_share_column(tr("Gain there"), "gain", "outcome"),
        Column(tr("No worse than none up to"), "indifferent_share", "share"),
        Column(tr("Limit by the rules"), "limit", "share"),
    ]  # fmt: skip
    note = public_share_note if len(public_share_kinds) > 1 else ""
    return Table(caption, wording.result.curves, columns, name, note, chart=chart)


# Shares


def points_table(
    wording: ParticipationWording,
    rows: Sequence[TriedShare],
    id: str,
    media: Media,
    caption: str,
    chart: Chart | None = None,
) -> Table:
    """Return the table of the shares that were tried, with the company's costs and benefits."""
    caption_fields = {"currency": wording.currency}

    def point_column(
        header: str, key: str, form: doc.ValueForm, shown: Media = ALL_MEDIA
    ) -> Column:
        return Column(header, f"point.{key}", form, media=shown)

    has_ranges = any(row.point.range for row in rows)
    range_columns = [
        Column(header, f"point.range.{path}", "outcome", tr("Equally good plans"), media=shown)
        for header, path, shown in (
            (tr("at best"), "best.total", ALL_MEDIA),
            (tr("at worst"), "worst.total", ALL_MEDIA),
            (tr("none below"), "least", SHEET),
            (tr("none above"), "most", SHEET),
        )
    ]
    status_column = Column(tr("Status"), lambda row: point_remark(*row[:2]), "text", empty_text="")
    has_remarks = any(point_remark(row.curve, row.point) for row in rows)
    columns = [
        Column(tr("The others"), lambda row: curve_name(row.curve), "text",
            media=doc.PAGE_AND_SHEET),
        Column(tr("Share"), "point.share", "share"),
        *([status_column] if has_remarks else []),
        Column(tr("Projects built"), lambda row: row.point.standing and len(row.point.projects),
            "count", media=SHEET),
        point_column(tr("Capex carried"), "stake_meur", "money", doc.PAGE_AND_SHEET),
        Column(tr("Outlay"), lambda row: total_outlay_meur(row.point),
            "money"),
        *_standing_columns("point.standing"),
        *(range_columns if has_ranges else []),
        point_column(tr("Gain"), "gain", "outcome"),
        point_column(tr("Gain per {currency}", **caption_fields), "gain_per_euro", "ratio"),
        point_column(tr("Avoided"), "avoided", "outcome", SHEET),
        point_column(tr("Avoided per {currency}", **caption_fields), "avoided_per_euro", "ratio"),
        point_column(tr("To others"), "to_others", "share"),
        point_column(tr("Objective"), "objective", "objective", SHEET),
        point_column(tr("Bound"), "bound", "objective", SHEET),
        point_column(tr("Gap"), "gap", "gap", SHEET),
    ]  # fmt: skip
    base_note = tr(
        "Capex carried and outlay are undiscounted, all else is discounted. Damage and CVaR are "
        "its own; CVaR is the mean of the worst {tail} of states. Gain: against no share, with "
        "the others behaving alike. Gain per {currency}: damage avoided against no share, per "
        "{currency} of additional net cost. Avoided per {currency}: own damage avoided against "
        "nobody acting, per {currency} of net cost. To others: their part of all damage that is "
        "avoided.",
        tail=wording.tail_share,
        **caption_fields,
    )
    range_note = tr(
        "At best and at worst: damage plus cost, of the plans that were found as good by the "
        "objective of the scenario."
    )
    is_first_table = id == POINTS_TABLE or (rows and rows[0].curve is wording.result.curves[0])
    note = f"{base_note} {range_note if has_ranges else ''}".strip() if is_first_table else ""
    return Table(caption, rows, columns, id, note, media=media, chart=chart)


def totals_chart_title(wording: ParticipationWording) -> str:
    """Return the title of the charts that show damage plus cost against the share."""
    return tr("Its mean damage plus net cost, by its share ({unit})", unit=wording.money_unit)


# By year


def best_share_parts(wording: ParticipationWording) -> Iterator[doc.Part]:
    """Yield outlay and offtake by year at the best share, and the projects that are built."""
    best = best_point(wording.main_curves[0]) if wording.main_curves else None
    if best is None or best.share <= SHARE_TOLERANCE or not best.outlay_by_year_meur:
        return
    rows = [TriedShare(wording.main_curves[0], best, key) for key in ("", *best.offtake_t)]

    def column(row: TriedShare) -> Column:
        return Column(_amount_header(wording, row),
                      lambda year: row.yearly_amounts.get(str(year), 0.0),
                      _amount_form(row), total=True)  # fmt: skip

    years = sorted({int(year) for row in rows for year in row.yearly_amounts})
    columns = [Column(tr("Year"), int, "year"), *map(column, rows)]
    yield Table("", years, columns, "money", _amounts_note(), total_label=tr("All years"))
    if best.projects:
        yield tr("Built then: {projects}.", projects=wording.projects_text(best))


def _amounts_note() -> str:
    return tr("Outlay is undiscounted; tonnes are at full running, without delay or failure.")


def _amount_header(wording: ParticipationWording, tried_share: TriedShare) -> str:
    """Return the header for a row's amounts, either outlay or offtake, with the unit."""
    if not tried_share.material:
        return tr("Outlay, {unit}", unit=wording.money_unit)
    material_name = wording.result.material_names.get(tried_share.material)
    return tr(
        "{material}, t", material=wording.name("materials", tried_share.material, material_name)
    )


def _amount_form(tried_share: TriedShare) -> doc.ValueForm:
    return "tonnes" if tried_share.material else "money"


def years_table(wording: ParticipationWording, tried_shares: Sequence[TriedShare]) -> Table:
    """Return the table of outlay and offtake by year at each share."""
    solved_rows = [row for row in tried_shares if row.point.standing is not None]
    rows = [TriedShare(*row[:2], key) for row in solved_rows for key in ("", *row.point.offtake_t)]
    years = sorted({int(year) for row in rows for year in row.yearly_amounts})

    columns = [
        Column(tr("The others"), lambda row: curve_name(row.curve), "text"),
        Column(tr("Share"), "point.share", "share"),
        Column(tr("What"), partial(_amount_header, wording), "text"),
        *doc.year_columns(years, lambda row: row.yearly_amounts, _amount_form),
        Column(tr("All years"), lambda row: sum(row.yearly_amounts.values()), _amount_form),
    ]
    empty_text = tr("No plan was found.")
    return Table("", rows, columns, "years", _amounts_note(), empty_text=empty_text)


# Checks


def build_checks(wording: ParticipationWording) -> Iterator[doc.Check]:
    """Yield checks that figures follow from each other."""
    points = [point for point in wording.all_points if point.standing is not None]
    outcomes = [outcome for _, outcome in standing_cases(wording)]
    outcomes += [point.standing for point in points if point.standing is not None]
    statement = tr("Mean damage and net cost give damage plus cost, in each case")
    totals = math.fsum(outcome.total for outcome in outcomes)
    yield doc.Check(statement, math.fsum(x.expected + x.net_cost_meur for x in outcomes), totals)
    for curve in wording.result.curves:
        best = best_point(curve)
        candidates = [
            point.standing.total
            for point in points_with_plan(curve)
            if point.standing is not None and (point.built or not point.share)
        ]
        if best is not None and best.standing is not None and candidates:
            statement = tr(
                "{curve}: the best share has least damage plus cost", curve=curve_name(curve)
            )
            yield doc.Check(statement, best.standing.total, min(candidates))
        base = point_at(curve, 0.0)
        if base is not None and base.standing is not None:
            gains = [
                (base.standing.total - point.standing.total, point.gain)
                for point in curve.points
                if point.standing is not None and point.gain is not None
            ]
            statement = tr("{curve}: gains follow from damage plus cost", curve=curve_name(curve))
            derived, stated = map(math.fsum, zip(*gains, strict=True)) if gains else (0.0, 0.0)
            yield doc.Check(statement, derived, stated, base.standing.total)
