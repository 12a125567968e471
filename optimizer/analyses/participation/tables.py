"""Tables of a participation: cases, curves and points, with what a workbook calculates of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import ShareCurve, SharePoint, Standing
from optimizer.analyses.participation import prose
from optimizer.analyses.participation.words import (
    NEAR,
    Say,
    best_point,
    curve_name,
    outlay_meur,
    planned,
    point_at,
    remark,
)
from optimizer.report.cells import along
from optimizer.report.charts import Chart
from optimizer.report.document import (
    EVERYWHERE,
    PAGE,
    SHEET,
    TERMINAL,
    Check,
    Column,
    Form,
    Media,
    SheetChart,
    Table,
    sheet_only,
)
from optimizer.report.figures import percent
from optimizer.report.workbook.expressions import (
    Expression,
    absolute,
    largest,
    of,
    ratio,
    smallest,
    total,
)
from optimizer.report.workbook.formulas import Formulas, Line

STANDINGS, CURVES, POINTS, OUTLAYS = "standings", "curves", "points", "outlays"
"""Names of tables that formulas refer to."""


class Case(NamedTuple):
    """A case in which the company fares in one way."""

    name: str
    standing: Standing


class At(NamedTuple):
    """A share that was tried, on its curve; of tables by year, one material of its offtake."""

    curve: ShareCurve
    point: SharePoint
    material: str = ""


def cases(say: Say) -> Iterator[Case]:
    """What the best share is measured against, and itself: nobody acts, alone, waiting ..."""
    found = say.found
    yield Case(tr("Nobody acts"), found.without_plan)
    if found.alone is not None:
        yield Case(tr("It acts alone"), found.alone)
    for curve in say.main:
        none = along("standing")(point_at(curve, 0.0))
        if none is not None:
            yield Case(tr("No share: {way}", way=_inside(curve)), none)
    if found.free is not None:
        name = tr("The scenario's own plan")
        if found.free_share is not None:
            name = tr("The scenario's own plan, share {share}", share=percent(found.free_share))
        yield Case(name, found.free)
    for curve in say.main:
        best = best_point(curve)
        if best is not None and best.standing is not None and best.share > NEAR:
            share = percent(best.share)
            name = tr("Best share, {share}: {way}", share=share, way=_inside(curve))
            yield Case(name, best.standing)


def _inside(curve: ShareCurve) -> str:
    """The name of a curve within a text."""
    name = curve_name(curve)
    return name[:1].lower() + name[1:]


def _fares(standing: str) -> list[Column]:
    """How the company fares, which a path leads to: columns that share their decimals, since they
    are added across."""

    def added(line: Line) -> Expression | None:
        known = along(standing)(line.row) is not None
        return line["expected"] + line["net_cost_meur"] if known else None

    fields: list[tuple[str, str, Form]] = [
        (tr("Mean damage"), "expected", "outcome"),
        (tr("CVaR"), "cvar", "outcome"),
        (tr("Net cost"), "net_cost_meur", "money"),
        (tr("Damage plus cost"), "total", "outcome"),
    ]
    return [
        Column(header, f"{standing}.{field}", form, like="fares", key=field,
               formula=added if field == "total" else None)
        for header, field, form in fields
    ]  # fmt: skip


def standings(say: Say) -> Table:
    """The best share against acting alone and against waiting."""

    return Table(
        tr("How {company} fares ({unit})", company=say.company, unit=say.million),
        list(cases(say)),
        [
            Column(tr("If"), "name", "text"),
            *_fares("standing"),
            sheet_only(
                tr("Less than if nobody acts"), "less",
                lambda line: line.table.cell(0, "total") - line["total"], "outcome",
            ),
        ],
        STANDINGS,
        tr(
            "Its own damage and its own money. CVaR: mean of the worst {tail} of states. Damage "
            "plus cost: mean damage plus net cost; the less, the better.",
            tail=say.tail,
        ),
    )  # fmt: skip


def summary(
    say: Say,
    caption: str,
    curves: Sequence[ShareCurve],
    name: str,
    on: Media = EVERYWHERE,
    chart: Chart | None = None,
) -> Table:
    """Best and indifferent share of curves, and what the best one leads to."""

    def there(path: str) -> Callable[[ShareCurve], Any]:
        return lambda curve: along(path)(best_point(curve))

    def cell(key: str) -> Callable[[Line], Expression | None]:
        def formula(line: Line) -> Expression | None:
            row = _row_of(line.book, line.row, line.row.best_share)
            return None if row is None else line.book[POINTS].cell(row, key)

        return formula

    def named(name: str) -> Callable[[ShareCurve], str]:
        return lambda curve: name if curve is say.main[0] else ""

    best = [
        Column(tr("Best share"), "best_share", "share", key="best", name=named("best_share")),
        Column(
            tr("Net cost there"),
            there("standing.net_cost_meur"), "money",
            formula=cell("net_cost_meur"), name=named("best_share_net_cost"),
        ),
        Column(
            tr("Damage plus cost there"), there("standing.total"),
            "outcome", key="total", formula=cell("total"),
        ),
        sheet_only(tr("Least at any share"), "least", _least, "outcome"),
        Column(tr("Gain there"), there("gain"), "outcome", formula=cell("gain"),
               name=named("best_share_gain")),
    ]  # fmt: skip
    limits = [
        Column(tr("No worse than none up to"), "indifferent_share", "share",
               name=named("indifferent_share")),
        Column(tr("True one at most higher by, percentage points"),
               lambda curve: curve.indifferent_within and 100 * curve.indifferent_within),
        Column(tr("Limit by the rules"), "limit", "share"),
    ]  # fmt: skip
    free = tr("Where no public share is named, public funders carry what the plan chooses.")
    co_financed = any(curve.public_share is not None for curve in curves)
    note = free if co_financed and any(curve.public_share is None for curve in curves) else ""
    first = Column(tr("The others"), curve_name, "text", width=44)
    return Table(caption, curves, [first, *best, *limits], name, note, chart=chart, on=on)


def points(say: Say, rows: Sequence[At], name: str, on: Media, caption: str, note: str) -> Table:
    """Shares that were tried: what each takes, and what it brings.

    Sheets have one table of all curves, named :data:`POINTS`; others have one for each curve.
    """
    remarks = any(remark(at.curve, at.point) for at in rows)
    per = {"currency": say.currency}
    status = Column(tr("Status"), lambda at: remark(*at[:2]), "text", empty="", width=24)
    columns = [
        Column(tr("The others"), lambda at: curve_name(at.curve), "text", on=SHEET, width=36),
        Column(tr("Share"), "point.share", "share", key="share", origin="scenario"),
        *([status] if remarks else []),
        Column(tr("Projects built"), lambda at: at.point.standing and len(at.point.projects),
               "count", on=SHEET),
        Column(tr("Capex carried"), "point.stake_meur", "money", on=PAGE | SHEET),
        Column(tr("Outlay"), lambda at: outlay_meur(at.point), "money",
               formula=_outlay),
        *_fares("point.standing"),
        *(_ranges(lambda at: at.point, tr("Equally good plans"), SHEET)
          if any(at.point.range for at in rows) else []),
        Column(tr("Gain"), "point.gain", "outcome", key="gain", formula=_gain),
        Column(tr("Gain per {currency}", **per), "point.gain_per_euro", "ratio",
               formula=_gain_per),
        Column(tr("Avoided"), "point.avoided", "outcome", key="avoided",
               formula=_avoided, on=SHEET),
        Column(tr("Avoided per {currency}", **per), "point.avoided_per_euro", "ratio",
               formula=_avoided_per),
        Column(tr("To others"), "point.to_others", "share"),
        *_offtakes(say, rows),
        Column(tr("Objective"), "point.objective", "objective", on=SHEET, key="objective"),
        Column(tr("Bound"), "point.bound", "objective", on=SHEET, key="bound"),
        Column(tr("Gap"), "point.gap", "gap", on=SHEET, key="gap", formula=_gap),
    ]  # fmt: skip
    drawn = [(curve_name(one), partial(_planned_on, one)) for one in say.main if planned(one)]
    chart = SheetChart(
        "scatter", by_share_title(say), "share", ("total",), tr("Share of capex"), lines=drawn
    )
    return Table(
        caption, rows, columns, name, note, on=on, freeze=2, ruled=first_of_curve,
        sheet_chart=chart if drawn else None,
    )  # fmt: skip


def by_share_title(say: Say) -> str:
    """What charts of damage plus cost against the share are called."""
    return tr("Its mean damage plus net cost, by its share ({unit})", unit=say.million)


def _planned_on(curve: ShareCurve, at: At) -> bool:
    return at.curve is curve and at.point.standing is not None


def _ranges(
    point: Callable[[Any], SharePoint | None], group: str, proven: Media = EVERYWHERE
) -> list[Column]:
    """Damage plus cost over equally good plans: found, and ``proven`` of all."""

    def column(header: str, path: str, on: Media = EVERYWHERE) -> Column:
        return Column(header, lambda row: along(path)(point(row)), "outcome", group, on=on)

    return [
        column(tr("at best"), "range.best.total"),
        column(tr("at worst"), "range.worst.total"),
        column(tr("none below"), "range.least", proven),
        column(tr("none above"), "range.most", proven),
    ]


def _offtakes(say: Say, rows: Sequence[At]) -> list[Column]:
    """Tonnes reserved over all years, by material, of a terminal that has no table by year."""

    def tonnes(material: str, at: At) -> float | None:
        by_year = at.point.offtake_t.get(material, {})
        return None if at.point.standing is None else sum(by_year.values())

    return [
        Column(tr("{material}, t in all years", material=say.material(id)), partial(tonnes, id),
               "tonnes", on=TERMINAL)
        for id in dict.fromkeys(id for at in rows for id in at.point.offtake_t)
    ]  # fmt: skip


def by_share(say: Say, main: Sequence[ShareCurve], chart: Chart) -> Table:
    """Damage plus cost of both ways of the others, share by share."""

    def at(curve: ShareCurve) -> Callable[[float], SharePoint | None]:
        return lambda share: point_at(curve, share)

    def total_of(curve: ShareCurve, share: float) -> Any:
        return along("standing.total")(point_at(curve, share))

    columns = [Column(tr("Share of capex"), float, "share")]
    for curve in main:
        name = curve_name(curve)
        columns.append(Column(tr("Damage plus cost"), partial(total_of, curve), "outcome", name))
        if any(point.range for point in curve.points):
            columns += _ranges(at(curve), name)
    tried = sorted({point.share for curve in main for point in curve.points})
    note = prose.ranges(say, proven=True)
    return Table(chart.title, tried, columns, "share-totals", note, chart=chart, on=PAGE)


def first_of_curve(at: At) -> bool:
    """Whether a row is the first of its curve, and has a line above it in a sheet."""
    return at.point is at.curve.points[0]


def checks(say: Say) -> list[Check]:
    """What must hold between the cells of a workbook."""

    def sums(says: str, table: str, key: str, stated: Iterable[float | None]) -> Check:
        right = of(sum(value for value in stated if value is not None))
        return Check(says, table, lambda book: total(book[table].area(key)), lambda _: right)

    def least(n: int, curve: ShareCurve) -> Check:
        return Check(
            tr("{curve}: the best share has least damage plus cost", curve=curve_name(curve)),
            CURVES,
            lambda book: book[CURVES].cell(n, "total"),
            lambda book: book[CURVES].cell(n, "least"),
        )

    some = say.points
    made = [
        sums(tr("Mean damage and net cost give damage plus cost, in each case"), STANDINGS,
             "total", [case.standing.total for case in cases(say)]),
        *(least(n, curve) for n, curve in enumerate(say.found.curves) if best_point(curve)),
    ]  # fmt: skip
    if any(point.standing for point in some):
        made += [
            sums(says, POINTS, path.rpartition(".")[2], map(along(path), some))
            for says, path in (
                (tr("Mean damage and net cost give damage plus cost, at all shares"),
                 "standing.total"),
                (tr("Gains follow from damage plus cost, at all shares"), "gain"),
                (tr("Damage avoided follows from mean damage, at all shares"), "avoided"),
                (tr("Gaps follow from objectives and bounds"), "gap"),
            )
        ]  # fmt: skip
    return made


# What a workbook calculates of the shares that were tried; a row is one share on its curve


def _row_of(book: Formulas, curve: ShareCurve, share: float | None) -> int | None:
    """The row of a share of a curve among all points, where it has a plan."""
    point, rows = point_at(curve, share), book[POINTS].table.rows
    return next((n for n, at in enumerate(rows) if at.point is point), None) if point else None


def _least(line: Line) -> Expression | None:
    """The least damage plus cost of a curve at shares that can be best: none, and those of what is
    built."""
    curve = line.row
    if _row_of(line.book, curve, curve.best_share) is None:
        return None
    counting = [point for point in planned(curve) if point.built or not point.share]
    rows = [_row_of(line.book, curve, point.share) for point in counting]
    return smallest(*(line.book[POINTS].cell(n, "total") for n in rows if n is not None))


def _none(line: Line) -> int | None:
    """The row of no share on the same curve, for a row with a plan."""
    at = line.row
    return None if at.point.standing is None else _row_of(line.book, at.curve, 0.0)


def _outlay(line: Line) -> Expression | None:
    """What is paid over all years, from the table by year."""
    rows = line.book[OUTLAYS].table.rows
    row = next((n for n, at in enumerate(rows) if at.point is line.row.point), None)
    return None if row is None else line.book[OUTLAYS].cell(row, "all")


def _gain(line: Line) -> Expression | None:
    """Damage plus cost of no share, less that of this one."""
    none = _none(line)
    return None if none is None else line.table.cell(none, "total") - line["total"]


def _gain_per(line: Line) -> Expression | None:
    """Damage avoided against no share, by additional net cost."""
    none = _none(line)
    if none is None or line.row.point.gain_per_euro is None:
        return None
    less = line.table.cell(none, "expected") - line["expected"]
    return ratio(less, line["net_cost_meur"] - line.table.cell(none, "net_cost_meur"))


def _avoided(line: Line) -> Expression | None:
    """Mean damage if nobody acts, less that with this share."""
    known = line.row.point.standing is not None
    return line.book[STANDINGS].cell(0, "expected") - line["expected"] if known else None


def _avoided_per(line: Line) -> Expression | None:
    """The same by net cost."""
    known = line.row.point.avoided_per_euro is not None
    return ratio(line["avoided"], line["net_cost_meur"]) if known else None


def _gap(line: Line) -> Expression | None:
    """How far the objective may be from its bound, as a share of it."""
    if line.row.point.objective is None or line.row.point.bound is None:
        return None
    objective = line["objective"]
    return largest(of(0), objective - line["bound"]) / largest(absolute(objective), of(1e-6))
