"""Tables of a participation: cases, curves and points, with formulas for a workbook."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import CompanyOutcome, Participation, ShareCurve, SharePoint
from optimizer.report import document as doc
from optimizer.report import expressions as cell
from optimizer.report.cells import attribute_getter
from optimizer.report.charts import Chart
from optimizer.report.document import ALL_MEDIA, SHEET, Column, Media, Table, sheet_only_column
from optimizer.report.expressions import Expression
from optimizer.report.number_format import format_percent
from optimizer.report.wording import Wording, join_texts
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables

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


STANDINGS_TABLE, CURVES_TABLE, POINTS_TABLE, YEARS_TABLE = "standings", "curves", "points", "years"
"""Names of tables that formulas refer to."""
CALCULATED_FIELDS = ("gain", "gain_per_euro", "avoided", "avoided_per_euro", "gap")
"""Fields of a point that a workbook calculates."""


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

    def total_formula(row_cells: FormulaRow) -> Expression | None:
        has_standing = attribute_getter(standing_path)(row_cells.row) is not None
        return row_cells["expected"] + row_cells["net_cost_meur"] if has_standing else None

    fields: list[tuple[str, str, doc.ValueForm]] = [
        (tr("Mean damage"), "expected", "outcome"),
        (tr("CVaR"), "cvar", "outcome"),
        (tr("Net cost"), "net_cost_meur", "money"),
        (tr("Damage plus cost"), "total", "outcome"),
    ]
    return [
        Column(header, f"{standing_path}.{field}", form, decimals_group="fares", key=field,
            formula=total_formula if field == "total" else None)
        for header, field, form in fields
    ]  # fmt: skip


def standings_table(wording: ParticipationWording) -> Table:
    """Return the table that compares the best share with acting alone and with having no share."""
    return Table(
        tr("How {company} fares ({unit})", company=wording.company_name, unit=wording.money_unit),
        list(standing_cases(wording)),
        [Column(tr("If"), "0", "text"), *_standing_columns("1")],
        STANDINGS_TABLE,
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
    wording: ParticipationWording, caption: str, id: str, media: Media, chart: Chart | None = None
) -> Table:
    """Return the table of the best and the indifferent share of each curve, with the outcome at the
    best share."""

    def best_share_column(header: str, path: str, form: doc.ValueForm, name: str = "") -> Column:
        key = path.rpartition(".")[2]

        def formula(row_cells: FormulaRow) -> Expression | None:
            row = _row_index(row_cells.tables, best_point(row_cells.row))
            return None if row is None else row_cells.tables[POINTS_TABLE].cell_reference(row, key)

        def read(curve: ShareCurve) -> Any:
            return attribute_getter(path)(best_point(curve))

        return Column(
            header, read, form, key=key, formula=formula, cell_name=name_on_main_curve(name)
        )

    def name_on_main_curve(name: str) -> Callable[[ShareCurve], str]:
        return lambda curve: name if curve is wording.main_curves[0] else ""

    def min_total(row_cells: FormulaRow) -> Expression | None:
        """Return a formula for the least total of a curve, over share 0 and all shares at which
        something is built; None without a best share."""
        candidates = [p for p in points_with_plan(row_cells.row) if p.built or not p.share]
        points = row_cells.tables[POINTS_TABLE]
        rows = [_row_index(row_cells.tables, point) for point in candidates]
        cells = [points.cell_reference(row, "total") for row in rows if row is not None]
        return cell.min_of(*cells) if best_point(row_cells.row) else None

    public_share_note = tr(
        "Where no public share is named, public funders carry what the plan chooses."
    )
    public_share_kinds = {curve.public_share is None for curve in wording.result.curves}
    columns = [
        Column(tr("The others"), curve_name, "text", width=44),
        Column(tr("Best share"), "best_share", "share", cell_name=name_on_main_curve("best_share")),
        best_share_column(tr("Net cost there"), "standing.net_cost_meur", "money",
            "best_share_net_cost"),
        best_share_column(tr("Damage plus cost there"), "standing.total", "outcome"),
        sheet_only_column(tr("Least at any share"), "least", min_total, "outcome"),
        best_share_column(tr("Gain there"), "gain", "outcome", "best_share_gain"),
        Column(tr("No worse than none up to"), "indifferent_share", "share",
            cell_name=name_on_main_curve("indifferent_share")),
        Column(tr("Limit by the rules"), "limit", "share"),
    ]  # fmt: skip
    note = public_share_note if len(public_share_kinds) > 1 else ""
    return Table(caption, wording.result.curves, columns, id, note, chart=chart, media=media)


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
        formula = _calculated_formula(key) if key in CALCULATED_FIELDS else None
        return Column(header, f"point.{key}", form, media=shown, key=key, formula=formula)

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
        tr("Status"), lambda row: point_remark(*row[:2]), "text", empty_text="", width=24
    )
    has_remarks = any(point_remark(row.curve, row.point) for row in rows)
    columns = [
        Column(tr("The others"), lambda row: curve_name(row.curve), "text",
            media=doc.PAGE_AND_SHEET, width=36),
        Column(tr("Share"), "point.share", "share", key="share", origin="scenario"),
        *([status_column] if has_remarks else []),
        Column(tr("Projects built"), lambda row: row.point.standing and len(row.point.projects),
            "count", media=SHEET),
        point_column(tr("Capex carried"), "stake_meur", "money", doc.PAGE_AND_SHEET),
        Column(tr("Outlay"), lambda row: total_outlay_meur(row.point),
            "money", formula=_outlay_formula),
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
    line_filters = [
        (
            curve_name(curve),
            lambda row, curve=curve: row.curve is curve and row.point.standing is not None,
        )
        for curve in wording.main_curves
        if points_with_plan(curve)
    ]
    sheet_chart = doc.SheetChart(
        "scatter",
        totals_chart_title(wording),
        "share",
        ("total",),
        tr("Share of capex"),
        line_filters=line_filters,
    )
    is_first_table = id == POINTS_TABLE or (rows and rows[0].curve is wording.result.curves[0])
    note = f"{base_note} {range_note if has_ranges else ''}".strip() if is_first_table else ""
    return Table(
        caption, rows, columns, id, note, media=media, frozen_columns=2,
        has_rule_above=_is_first_of_curve,
        chart=chart, sheet_chart=sheet_chart if line_filters else None,
    )  # fmt: skip


def totals_chart_title(wording: ParticipationWording) -> str:
    """Return the title of the charts that show damage plus cost against the share."""
    return tr("Its mean damage plus net cost, by its share ({unit})", unit=wording.money_unit)


def _is_first_of_curve(tried_share: TriedShare) -> bool:
    """Return whether a row is the first of its curve."""
    return tried_share.point is tried_share.curve.points[0] and not tried_share.material


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
    """Return the table of outlay and offtake by year at each share; sums over the years are
    formulas."""
    solved_rows = [row for row in tried_shares if row.point.standing is not None]
    rows = [TriedShare(*row[:2], key) for row in solved_rows for key in ("", *row.point.offtake_t)]
    years = sorted({int(year) for row in rows for year in row.yearly_amounts})

    def sum_over_years(row_cells: FormulaRow) -> Expression | None:
        return cell.sum_of(row_cells.row_area(str(years[0]), str(years[-1]))) if years else None

    columns = [
        Column(tr("The others"), lambda row: curve_name(row.curve), "text", width=36),
        Column(tr("Share"), "point.share", "share", origin="scenario"),
        Column(tr("What"), partial(_amount_header, wording), "text", width=28),
        *doc.year_columns(years, lambda row: row.yearly_amounts, _amount_form),
        Column(
            tr("All years"),
            lambda row: sum(row.yearly_amounts.values()),
            _amount_form,
            key="all",
            formula=sum_over_years,
        ),
    ]
    return Table("", rows, columns, YEARS_TABLE, _amounts_note(), frozen_columns=3,
        has_rule_above=_is_first_of_curve,
                 empty_text=tr("No plan was found."))  # fmt: skip


# Formulas and checks of a workbook


def build_checks(wording: ParticipationWording) -> list[doc.Check]:
    """Return checks that figures in the cells of a workbook agree with each other."""

    def sum_check(
        statement: str, table: str, key: str, stated_values: Iterable[float | None]
    ) -> doc.Check:
        right_side = cell.as_expression(sum(value for value in stated_values if value is not None))
        return doc.Check(
            statement,
            table,
            lambda book: cell.sum_of(book[table].column_area(key)),
            lambda _: right_side,
        )

    def best_share_check(n: int, curve: ShareCurve) -> doc.Check:
        return doc.Check(
            tr("{curve}: the best share has least damage plus cost", curve=curve_name(curve)),
            CURVES_TABLE,
            lambda book: book[CURVES_TABLE].cell_reference(n, "total"),
            lambda book: book[CURVES_TABLE].cell_reference(n, "least"),
        )

    checks = [
        sum_check(tr("Mean damage and net cost give damage plus cost, in each case"),
            STANDINGS_TABLE, "total", [standing.total for _, standing in standing_cases(wording)]),
        *(best_share_check(n, curve) for n,
            curve in enumerate(wording.result.curves) if best_point(curve)),
    ]  # fmt: skip
    if any(point.standing for point in wording.all_points):
        checks += [
            sum_check(statement, POINTS_TABLE, path.rpartition(".")[2],
                map(attribute_getter(path), wording.all_points))
            for statement, path in (
                (tr("Mean damage and net cost give damage plus cost, at all shares"),
                 "standing.total"),
                (tr("Gains follow from damage plus cost, at all shares"), "gain"),
                (tr("Damage avoided follows from mean damage, at all shares"), "avoided"),
                (tr("Gaps follow from objectives and bounds"), "gap"),
            )
        ]  # fmt: skip
    return checks


def _row_index(
    book: WorkbookTables, point: SharePoint | None, table: str = POINTS_TABLE
) -> int | None:
    """Return the index of the first row of a point in a table of a workbook; None if it has no
    row."""
    rows = enumerate(book[table].table.rows)
    return next((n for n, row in rows if row.point is point), None)


def _calculated_formula(key: str) -> doc.FormulaBuilder:
    """Return a function that builds the formula for a field of a point.

    It returns None for points in which the field has no value.
    """

    def formula(row_cells: FormulaRow) -> Expression | None:
        row, book, table = row_cells.row, row_cells.tables, row_cells.table
        if attribute_getter(f"point.{key}")(row) is None:
            return None
        # Share 0 on the same curve; gains exist only if it has a plan.
        base_index = _row_index(book, point_at(row.curve, 0.0)) or 0
        if key == "gain":
            return table.cell_reference(base_index, "total") - row_cells["total"]
        if key == "gain_per_euro":
            avoided = table.cell_reference(base_index, "expected") - row_cells["expected"]
            return cell.ratio_or_empty(
                avoided,
                row_cells["net_cost_meur"] - table.cell_reference(base_index, "net_cost_meur"),
            )
        if key == "avoided":
            return book[STANDINGS_TABLE].cell_reference(0, "expected") - row_cells["expected"]
        if key == "avoided_per_euro":
            return cell.ratio_or_empty(row_cells["avoided"], row_cells["net_cost_meur"])
        excess = cell.max_of(cell.as_expression(0), row_cells["objective"] - row_cells["bound"])
        return excess / cell.max_of(
            cell.absolute_value(row_cells["objective"]), cell.as_expression(1e-6)
        )

    return formula


def _outlay_formula(row_cells: FormulaRow) -> Expression | None:
    """Return a reference to a point's total outlay in the table by year; None if it is not
    there."""
    row = _row_index(row_cells.tables, row_cells.row.point, YEARS_TABLE)
    return None if row is None else row_cells.tables[YEARS_TABLE].cell_reference(row, "all")
