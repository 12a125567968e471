"""Tables of a participation: cases, curves and points, with what a workbook calculates of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import CompanyOutcome, ShareCurve, SharePoint
from optimizer.analyses.participation import participation_wording
from optimizer.analyses.participation.participation_wording import ParticipationWording
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.charts import Chart
from optimizer.report.document import ALL_MEDIA, SHEET, Column, Media, Table, sheet_only_column
from optimizer.report.number_format import format_percent
from optimizer.report.workbook import expressions as cell
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables

STANDINGS_TABLE, CURVES_TABLE, POINTS_TABLE, YEARS_TABLE = "standings", "curves", "points", "years"
"""Names of tables that formulas refer to."""
CALCULATED_FIELDS = ("gain", "gain_per_euro", "avoided", "avoided_per_euro", "gap")
"""Fields of a point that a workbook calculates."""


class TriedShare(NamedTuple):
    """A share that was tried, on its curve; of the table by year, one material of its offtake."""

    curve: ShareCurve
    point: SharePoint
    material: str = ""

    @property
    def yearly_amounts(self) -> Mapping[str, float]:
        """Tonnes of the material, or million EUR that are paid, by year."""
        point = self.point
        return point.offtake_t[self.material] if self.material else point.outlay_by_year_meur


def all_tried_shares(wording: ParticipationWording) -> list[TriedShare]:
    """All points, curve by curve."""
    return [TriedShare(curve, point) for curve in wording.result.curves for point in curve.points]


# The answer


def standing_cases(wording: ParticipationWording) -> Iterator[tuple[str, CompanyOutcome]]:
    """What the best share is measured against, and itself: nobody acts, alone, waiting ..."""
    found = wording.result
    yield tr("Nobody acts"), found.without_plan
    if found.alone is not None:
        yield tr("It acts alone"), found.alone
    ways = [(curve, participation_wording.curve_name(curve)) for curve in wording.main_curves]
    ways = [(curve, name[:1].lower() + name[1:]) for curve, name in ways]
    for curve, way in ways:
        none = participation_wording.point_at(curve, 0.0)
        if none is not None and none.standing is not None:
            yield tr("No share: {way}", way=way), none.standing
    if found.free is not None:
        own = tr("The scenario's own plan, share {share}", share=format_percent(found.free_share))
        yield (tr("The scenario's own plan") if found.free_share is None else own), found.free
    for curve, way in ways:
        best = participation_wording.best_point(curve)
        if (
            best is not None
            and best.standing is not None
            and best.share > participation_wording.SHARE_TOLERANCE
        ):
            share = format_percent(best.share)
            yield tr("Best share, {share}: {way}", share=share, way=way), best.standing


def _standing_columns(standing_path: str) -> list[Column]:
    """How the company fares, which a path leads to: columns that share their decimals, since they
    are added across."""

    def added(line: FormulaRow) -> Expression | None:
        known = attribute_getter(standing_path)(line.row) is not None
        return line["expected"] + line["net_cost_meur"] if known else None

    fields: list[tuple[str, str, doc.ValueForm]] = [
        (tr("Mean damage"), "expected", "outcome"),
        (tr("CVaR"), "cvar", "outcome"),
        (tr("Net cost"), "net_cost_meur", "money"),
        (tr("Damage plus cost"), "total", "outcome"),
    ]
    return [
        Column(header, f"{standing_path}.{field}", form, decimals_group="fares", key=field,
               formula=added if field == "total" else None)
        for header, field, form in fields
    ]  # fmt: skip


def standings_table(wording: ParticipationWording) -> Table:
    """The best share against acting alone and against waiting."""
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
    wording: ParticipationWording, caption: str, name: str, on: Media, chart: Chart | None = None
) -> Table:
    """Best and indifferent share of each curve, and what the best one leads to."""

    def there(header: str, path: str, form: doc.ValueForm, named: str = "") -> Column:
        key = path.rpartition(".")[2]

        def formula(line: FormulaRow) -> Expression | None:
            row = _row_index(line.tables, participation_wording.best_point(line.row))
            return None if row is None else line.tables[POINTS_TABLE].cell_reference(row, key)

        def read(curve: ShareCurve) -> Any:
            return attribute_getter(path)(participation_wording.best_point(curve))

        return Column(header, read, form, key=key, formula=formula, cell_name=first(named))

    def first(name: str) -> Callable[[ShareCurve], str]:
        return lambda curve: name if curve is wording.main_curves[0] else ""

    def least(line: FormulaRow) -> Expression | None:
        """Of shares that can be best: none, and those of what is built."""
        counting = [
            p for p in participation_wording.points_with_plan(line.row) if p.built or not p.share
        ]
        rows = [_row_index(line.tables, point) for point in counting]
        cells = [
            line.tables[POINTS_TABLE].cell_reference(row, "total")
            for row in rows
            if row is not None
        ]
        return cell.min_of(*cells) if participation_wording.best_point(line.row) else None

    free = tr("Where no public share is named, public funders carry what the plan chooses.")
    stated = {curve.public_share is None for curve in wording.result.curves}
    columns = [
        Column(tr("The others"), participation_wording.curve_name, "text", width=44),
        Column(tr("Best share"), "best_share", "share", cell_name=first("best_share")),
        there(tr("Net cost there"), "standing.net_cost_meur", "money", "best_share_net_cost"),
        there(tr("Damage plus cost there"), "standing.total", "outcome"),
        sheet_only_column(tr("Least at any share"), "least", least, "outcome"),
        there(tr("Gain there"), "gain", "outcome", "best_share_gain"),
        Column(tr("No worse than none up to"), "indifferent_share", "share",
               cell_name=first("indifferent_share")),
        Column(tr("Limit by the rules"), "limit", "share"),
    ]  # fmt: skip
    note = free if len(stated) > 1 else ""
    return Table(caption, wording.result.curves, columns, name, note, chart=chart, media=on)


# Shares


def points_table(
    wording: ParticipationWording,
    rows: Sequence[TriedShare],
    name: str,
    on: Media,
    caption: str,
    chart: Chart | None = None,
) -> Table:
    """Shares that were tried: what each takes, and what it brings."""
    per = {"currency": wording.currency}

    def made(header: str, key: str, form: doc.ValueForm, on: Media = ALL_MEDIA) -> Column:
        formula = _calculated_formula(key) if key in CALCULATED_FIELDS else None
        return Column(header, f"point.{key}", form, media=on, key=key, formula=formula)

    ranged = any(at.point.range for at in rows)
    ranges = [
        Column(header, f"point.range.{path}", "outcome", tr("Equally good plans"), media=on)
        for header, path, on in (
            (tr("at best"), "best.total", ALL_MEDIA),
            (tr("at worst"), "worst.total", ALL_MEDIA),
            (tr("none below"), "least", SHEET),
            (tr("none above"), "most", SHEET),
        )
    ]
    status = Column(
        tr("Status"),
        lambda at: participation_wording.point_remark(*at[:2]),
        "text",
        empty_text="",
        width=24,
    )
    columns = [
        Column(tr("The others"), lambda at: participation_wording.curve_name(at.curve), "text", media=doc.PAGE_AND_SHEET,
               width=36),
        Column(tr("Share"), "point.share", "share", key="share", origin="scenario"),
        *([status] if any(participation_wording.point_remark(at.curve, at.point) for at in rows) else []),
        Column(tr("Projects built"), lambda at: at.point.standing and len(at.point.projects),
               "count", media=SHEET),
        made(tr("Capex carried"), "stake_meur", "money", doc.PAGE_AND_SHEET),
        Column(tr("Outlay"), lambda at: participation_wording.total_outlay_meur(at.point), "money", formula=_outlay_formula),
        *_standing_columns("point.standing"),
        *(ranges if ranged else []),
        made(tr("Gain"), "gain", "outcome"),
        made(tr("Gain per {currency}", **per), "gain_per_euro", "ratio"),
        made(tr("Avoided"), "avoided", "outcome", SHEET),
        made(tr("Avoided per {currency}", **per), "avoided_per_euro", "ratio"),
        made(tr("To others"), "to_others", "share"),
        made(tr("Objective"), "objective", "objective", SHEET),
        made(tr("Bound"), "bound", "objective", SHEET),
        made(tr("Gap"), "gap", "gap", SHEET),
    ]  # fmt: skip
    told = tr(
        "Capex carried and outlay are undiscounted, all else is discounted. Damage and CVaR are "
        "its own; CVaR is the mean of the worst {tail} of states. Gain: against no share, with "
        "the others behaving alike. Gain per {currency}: damage avoided against no share, per "
        "{currency} of additional net cost. Avoided per {currency}: own damage avoided against "
        "nobody acting, per {currency} of net cost. To others: their part of all damage that is "
        "avoided.",
        tail=wording.tail_share,
        **per,
    )
    found = tr(
        "At best and at worst: damage plus cost, of the plans that were found as good by the "
        "objective of the scenario."
    )
    drawn = [
        (participation_wording.curve_name(one), partial(_is_planned_on, one))
        for one in wording.main_curves
        if participation_wording.points_with_plan(one)
    ]
    sheet_chart = doc.SheetChart(
        "scatter",
        totals_chart_title(wording),
        "share",
        ("total",),
        tr("Share of capex"),
        line_filters=drawn,
    )
    first = name == POINTS_TABLE or (rows and rows[0].curve is wording.result.curves[0])
    note = f"{told} {found if ranged else ''}".strip() if first else ""
    return Table(
        caption, rows, columns, name, note, media=on, frozen_columns=2, has_rule_above=_is_first_of_curve,
        chart=chart, sheet_chart=sheet_chart if drawn else None,
    )  # fmt: skip


def totals_chart_title(wording: ParticipationWording) -> str:
    """What charts of damage plus cost against the share are called."""
    return tr("Its mean damage plus net cost, by its share ({unit})", unit=wording.money_unit)


def _is_planned_on(curve: ShareCurve, tried_share: TriedShare) -> bool:
    return tried_share.curve is curve and tried_share.point.standing is not None


def _is_first_of_curve(tried_share: TriedShare) -> bool:
    """Whether a row is the first of its curve, and has a line above it in a sheet."""
    return tried_share.point is tried_share.curve.points[0] and not tried_share.material


# By year


def best_share_parts(wording: ParticipationWording) -> Iterator[doc.Part]:
    """Outlay and offtake by year at the best share, and what is built then."""
    best = participation_wording.best_point(wording.main_curves[0]) if wording.main_curves else None
    if (
        best is None
        or best.share <= participation_wording.SHARE_TOLERANCE
        or not best.outlay_by_year_meur
    ):
        return
    rows = [TriedShare(wording.main_curves[0], best, key) for key in ("", *best.offtake_t)]
    yield Table(
        "",
        sorted({int(year) for at in rows for year in at.yearly_amounts}),
        [
            Column(tr("Year"), int, "year"),
            *(
                Column(
                    _amount_header(wording, at),
                    partial(_amount_in_year, at),
                    _amount_form(at),
                    total=True,
                )
                for at in rows
            ),
        ],
        "money",
        tr("Outlay is undiscounted; tonnes are at full running, without delay or failure."),
        total_label=tr("All years"),
    )
    yield (
        tr("Built then: {projects}.", projects=wording.projects_text(best)) if best.projects else ""
    )


def _amount_in_year(tried_share: TriedShare, year: int) -> float:
    return tried_share.yearly_amounts.get(str(year), 0.0)


def _amount_header(wording: ParticipationWording, tried_share: TriedShare) -> str:
    """What is paid or reserved, with its unit."""
    if not tried_share.material:
        return tr("Outlay, {unit}", unit=wording.money_unit)
    named = wording.result.material_names.get(tried_share.material)
    return tr("{material}, t", material=wording.name("materials", tried_share.material, named))


def _amount_form(tried_share: TriedShare) -> doc.ValueForm:
    return "tonnes" if tried_share.material else "money"


def years_table(wording: ParticipationWording, tried_shares: Sequence[TriedShare]) -> Table:
    """What each share takes and brings: a column a year, with sums as formulas."""
    with_plan = [at for at in tried_shares if at.point.standing is not None]
    rows = [TriedShare(*at[:2], key) for at in with_plan for key in ("", *at.point.offtake_t)]
    known = sorted({int(year) for at in rows for year in at.yearly_amounts})

    def summed(line: FormulaRow) -> Expression | None:
        return cell.sum_of(line.row_area(str(known[0]), str(known[-1]))) if known else None

    columns = [
        Column(
            tr("The others"),
            lambda at: participation_wording.curve_name(at.curve),
            "text",
            width=36,
        ),
        Column(tr("Share"), "point.share", "share", origin="scenario"),
        Column(tr("What"), partial(_amount_header, wording), "text", width=28),
        *doc.year_columns(known, lambda at: at.yearly_amounts, _amount_form),
        Column(
            tr("All years"),
            lambda at: sum(at.yearly_amounts.values()),
            _amount_form,
            key="all",
            formula=summed,
        ),
    ]
    note = tr("Outlay is undiscounted; tonnes are at full running, without delay or failure.")
    return Table("", rows, columns, YEARS_TABLE, note, frozen_columns=3, has_rule_above=_is_first_of_curve,
                 empty_text=tr("No plan was found."))  # fmt: skip


# What a workbook calculates and checks


def build_checks(wording: ParticipationWording) -> list[doc.Check]:
    """What must hold between the cells of a workbook."""

    def sums(says: str, table: str, key: str, stated: Iterable[float | None]) -> doc.Check:
        right = cell.as_expression(sum(value for value in stated if value is not None))
        return doc.Check(
            says, table, lambda book: cell.sum_of(book[table].column_area(key)), lambda _: right
        )

    def least(n: int, curve: ShareCurve) -> doc.Check:
        return doc.Check(
            tr(
                "{curve}: the best share has least damage plus cost",
                curve=participation_wording.curve_name(curve),
            ),
            CURVES_TABLE,
            lambda book: book[CURVES_TABLE].cell_reference(n, "total"),
            lambda book: book[CURVES_TABLE].cell_reference(n, "least"),
        )

    made = [
        sums(tr("Mean damage and net cost give damage plus cost, in each case"), STANDINGS_TABLE,
             "total", [standing.total for _, standing in standing_cases(wording)]),
        *(least(n, curve) for n, curve in enumerate(wording.result.curves) if participation_wording.best_point(curve)),
    ]  # fmt: skip
    if any(point.standing for point in wording.all_points):
        made += [
            sums(says, POINTS_TABLE, path.rpartition(".")[2], map(attribute_getter(path), wording.all_points))
            for says, path in (
                (tr("Mean damage and net cost give damage plus cost, at all shares"),
                 "standing.total"),
                (tr("Gains follow from damage plus cost, at all shares"), "gain"),
                (tr("Damage avoided follows from mean damage, at all shares"), "avoided"),
                (tr("Gaps follow from objectives and bounds"), "gap"),
            )
        ]  # fmt: skip
    return made


def _row_index(
    book: WorkbookTables, point: SharePoint | None, table: str = POINTS_TABLE
) -> int | None:
    """The first row of a point in a table, where it has one."""
    rows = enumerate(book[table].table.rows)
    return next((n for n, at in rows if at.point is point), None)


def _calculated_formula(key: str) -> doc.FormulaBuilder:
    """What a sheet calculates of a share, wherever the document has that figure."""

    def formula(line: FormulaRow) -> Expression | None:
        at, book, table = line.row, line.tables, line.table
        if attribute_getter(f"point.{key}")(at) is None:
            return None
        # No share on the same curve; what is held against it is only there where that has a plan.
        none = _row_index(book, participation_wording.point_at(at.curve, 0.0)) or 0
        if key == "gain":
            return table.cell_reference(none, "total") - line["total"]
        if key == "gain_per_euro":
            less = table.cell_reference(none, "expected") - line["expected"]
            return cell.ratio_or_empty(
                less, line["net_cost_meur"] - table.cell_reference(none, "net_cost_meur")
            )
        if key == "avoided":
            return book[STANDINGS_TABLE].cell_reference(0, "expected") - line["expected"]
        if key == "avoided_per_euro":
            return cell.ratio_or_empty(line["avoided"], line["net_cost_meur"])
        off = cell.max_of(cell.as_expression(0), line["objective"] - line["bound"])
        return off / cell.max_of(cell.absolute_value(line["objective"]), cell.as_expression(1e-6))

    return formula


def _outlay_formula(line: FormulaRow) -> Expression | None:
    """What is paid over all years, from the table by year."""
    row = _row_index(line.tables, line.row.point, YEARS_TABLE)
    return None if row is None else line.tables[YEARS_TABLE].cell_reference(row, "all")
