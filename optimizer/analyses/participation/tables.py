"""Tables of a participation: cases, curves and points."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import CompanyOutcome, ShareCurve, SharePoint
from optimizer.analyses.participation import participation_wording
from optimizer.analyses.participation.participation_wording import ParticipationWording
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.charts import Chart
from optimizer.report.document import ALL_MEDIA, SHEET, Column, Media, Table
from optimizer.report.number_format import format_percent

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
    labeled_curves = [(x, participation_wording.curve_name(x)) for x in wording.main_curves]
    labeled_curves = [(curve, name[:1].lower() + name[1:]) for curve, name in labeled_curves]
    for curve, curve_label in labeled_curves:
        point_without_share = participation_wording.point_at(curve, 0.0)
        if point_without_share is not None and point_without_share.standing is not None:
            yield tr("No share: {way}", way=curve_label), point_without_share.standing
    if result.free is not None:
        name = tr("The scenario's own plan")
        if result.free_share is not None:
            share = format_percent(result.free_share)
            name = tr("The scenario's own plan, share {share}", share=share)
        yield name, result.free
    for curve, curve_label in labeled_curves:
        best_point = participation_wording.best_point(curve)
        if (
            best_point is not None
            and best_point.standing is not None
            and best_point.share > participation_wording.SHARE_TOLERANCE
        ):
            share = format_percent(best_point.share)
            yield (
                tr("Best share, {share}: {way}", share=share, way=curve_label),
                best_point.standing,
            )


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
            return attribute_getter(path)(participation_wording.best_point(curve))

        return Column(header, read, form)

    public_share_note = tr(
        "Where no public share is named, public funders carry what the plan chooses."
    )
    public_share_kinds = {curve.public_share is None for curve in wording.result.curves}
    columns = [
        Column(tr("The others"), participation_wording.curve_name, "text"),
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
    status_column = Column(
        tr("Status"),
        lambda row: participation_wording.point_remark(*row[:2]),
        "text",
        empty_text="",
    )
    has_remarks = any(participation_wording.point_remark(row.curve, row.point) for row in rows)
    columns = [
        Column(tr("The others"), lambda row: participation_wording.curve_name(row.curve), "text",
            media=doc.PAGE_AND_SHEET),
        Column(tr("Share"), "point.share", "share"),
        *([status_column] if has_remarks else []),
        Column(tr("Projects built"), lambda row: row.point.standing and len(row.point.projects),
            "count", media=SHEET),
        point_column(tr("Capex carried"), "stake_meur", "money", doc.PAGE_AND_SHEET),
        Column(tr("Outlay"), lambda row: participation_wording.total_outlay_meur(row.point),
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
    best_point = (
        participation_wording.best_point(wording.main_curves[0]) if wording.main_curves else None
    )
    if (
        best_point is None
        or best_point.share <= participation_wording.SHARE_TOLERANCE
        or not best_point.outlay_by_year_meur
    ):
        return
    rows = [
        TriedShare(wording.main_curves[0], best_point, key) for key in ("", *best_point.offtake_t)
    ]

    def column(row: TriedShare) -> Column:
        return Column(_amount_header(wording, row),
                      lambda year: row.yearly_amounts.get(str(year), 0.0),
                      _amount_form(row), total=True)  # fmt: skip

    years = sorted({int(year) for row in rows for year in row.yearly_amounts})
    columns = [Column(tr("Year"), int, "year"), *map(column, rows)]
    yield Table("", years, columns, "money", _amounts_note(), total_label=tr("All years"))
    if best_point.projects:
        yield tr("Built then: {projects}.", projects=wording.projects_text(best_point))


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
        Column(tr("The others"), lambda row: participation_wording.curve_name(row.curve), "text"),
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
        best_point = participation_wording.best_point(curve)
        candidates = [
            point.standing.total
            for point in participation_wording.points_with_plan(curve)
            if point.standing is not None and (point.built or not point.share)
        ]
        if best_point is not None and best_point.standing is not None and candidates:
            statement = tr(
                "{curve}: the best share has least damage plus cost",
                curve=participation_wording.curve_name(curve),
            )
            yield doc.Check(statement, best_point.standing.total, min(candidates))
        base = participation_wording.point_at(curve, 0.0)
        if base is not None and base.standing is not None:
            gains = [
                (base.standing.total - point.standing.total, point.gain)
                for point in curve.points
                if point.standing is not None and point.gain is not None
            ]
            statement = tr(
                "{curve}: gains follow from damage plus cost",
                curve=participation_wording.curve_name(curve),
            )
            derived, stated = map(math.fsum, zip(*gains, strict=True)) if gains else (0.0, 0.0)
            yield doc.Check(statement, derived, stated, base.standing.total)
