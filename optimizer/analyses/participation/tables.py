"""Tables of a participation: cases, curves and points, with what a workbook calculates of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import ShareCurve, SharePoint, Standing, StandingRange
from optimizer.analyses.participation import prose, share_formulas
from optimizer.analyses.participation.share_formulas import (
    CURVES,
    POINTS,
    STANDINGS,
    row_of,
)
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
from optimizer.report.charts import Chart
from optimizer.report.document import (
    EVERYWHERE,
    PAGE,
    SHEET,
    TERMINAL,
    Check,
    Column,
    Media,
    SheetChart,
    Table,
    sheet_only,
)
from optimizer.report.figures import percent
from optimizer.report.workbook.expressions import (
    Expression,
    of,
    total,
)
from optimizer.report.workbook.formulas import Line


class Case(NamedTuple):
    """A case in which the company fares in one way."""

    name: str
    standing: Standing


class At(NamedTuple):
    """A share that was tried, on its curve; of tables by year, one material of its offtake."""

    curve: ShareCurve
    point: SharePoint
    material: str = ""


def every_point(say: Say) -> list[At]:
    """The points of all curves."""
    return [At(curve, point) for curve in say.found.curves for point in curve.points]


def cases(say: Say) -> Iterator[Case]:
    """What the best share is measured against, and itself: nobody acts, alone, waiting ..."""
    found = say.found
    yield Case(tr("Nobody acts"), found.without_plan)
    if found.alone is not None:
        yield Case(tr("It acts alone"), found.alone)
    for curve in say.main:
        none = point_at(curve, 0.0)
        if none is not None and none.standing is not None:
            yield Case(tr("No share: {way}", way=_inside(curve)), none.standing)
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


def _fares(standing: Callable[[Any], Standing | None]) -> list[Column]:
    """How the company fares: columns that share their decimals, since they are added across."""

    def column(header: str, field: str, **more: Any) -> Column:
        def read(row: Any) -> float | None:
            here = standing(row)
            return None if here is None else getattr(here, field)

        return Column(header, read, more.pop("form", "outcome"), like="fares", key=field, **more)

    def added(line: Line) -> Expression | None:
        if standing(line.row) is None:
            return None
        return line["expected"] + line["net_cost_meur"]

    return [
        column(tr("Mean damage"), "expected"),
        column(tr("CVaR"), "cvar"),
        column(tr("Net cost"), "net_cost_meur", form="money"),
        column(tr("Damage plus cost"), "total", formula=added),
    ]


def standings(say: Say) -> Table:
    """The best share against acting alone and against waiting."""

    def less(line: Line) -> Expression:
        return line.table.cell(0, "total") - line["total"]

    return Table(
        tr("How {company} fares ({unit})", company=say.company, unit=say.million),
        list(cases(say)),
        [
            Column(tr("If"), "name", "text"),
            *_fares(lambda case: case.standing),
            sheet_only(tr("Less than if nobody acts"), "less", less, "outcome"),
        ],
        STANDINGS,
        tr(
            "Its own damage and its own money. CVaR: mean of the worst {tail} of states. Damage "
            "plus cost: mean damage plus net cost; the less, the better.",
            tail=say.tail,
        ),
    )


def summary(
    say: Say,
    caption: str,
    curves: Sequence[ShareCurve],
    name: str,
    on: Media = EVERYWHERE,
    chart: Chart | None = None,
) -> Table:
    """Best and indifferent share of curves, and what the best one leads to."""

    def there(read: Callable[[Standing], float]) -> Callable[[ShareCurve], float | None]:
        def of_best(curve: ShareCurve) -> float | None:
            best = best_point(curve)
            return None if best is None or best.standing is None else read(best.standing)

        return of_best

    def gain(curve: ShareCurve) -> float | None:
        best = best_point(curve)
        return None if best is None else best.gain

    def cell(key: str) -> Callable[[Line], Expression | None]:
        def formula(line: Line) -> Expression | None:
            row = row_of(line.book, line.row, line.row.best_share)
            return None if row is None else line.book[POINTS].cell(row, key)

        return formula

    def named(name: str) -> Callable[[ShareCurve], str]:
        return lambda curve: name if curve is say.main[0] else ""

    def within(curve: ShareCurve) -> float | None:
        return None if curve.indifferent_within is None else 100 * curve.indifferent_within

    best = [
        Column(tr("Best share"), "best_share", "share", key="best", name=named("best_share")),
        Column(
            tr("Net cost there"),
            there(lambda here: here.net_cost_meur), "money",
            formula=cell("net_cost_meur"), name=named("best_share_net_cost"),
        ),
        Column(
            tr("Damage plus cost there"), there(lambda here: here.total),
            "outcome", key="total", formula=cell("total"),
        ),
        sheet_only(tr("Least at any share"), "least", share_formulas.least, "outcome"),
        Column(tr("Gain there"), gain, "outcome", formula=cell("gain"),
               name=named("best_share_gain")),
    ]  # fmt: skip
    limits = [
        Column(tr("No worse than none up to"), "indifferent_share", "share",
               name=named("indifferent_share")),
        Column(tr("True one at most higher by, percentage points"), within),
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
               formula=share_formulas.outlay),
        *_fares(lambda at: at.point.standing),
        *(
            _ranges(lambda at: at.point, tr("Equally good plans"), SHEET)
            if any(at.point.range for at in rows)
            else []
        ),
        Column(tr("Gain"), "point.gain", "outcome", key="gain", formula=share_formulas.gain),
        Column(tr("Gain per {currency}", **per), "point.gain_per_euro", "ratio",
               formula=share_formulas.gain_per),
        Column(tr("Avoided"), "point.avoided", "outcome", key="avoided",
               formula=share_formulas.avoided, on=SHEET),
        Column(tr("Avoided per {currency}", **per), "point.avoided_per_euro", "ratio",
               formula=share_formulas.avoided_per),
        Column(tr("To others"), "point.to_others", "share"),
        *_offtakes(say, rows),
        Column(tr("Objective"), "point.objective", "objective", on=SHEET, key="objective"),
        Column(tr("Bound"), "point.bound", "objective", on=SHEET, key="bound"),
        Column(tr("Gap"), "point.gap", "gap", on=SHEET, key="gap", formula=share_formulas.gap),
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

    def column(header: str, read: Callable[[StandingRange], float | None], on: Media) -> Column:
        def of_row(row: Any) -> float | None:
            here = point(row)
            return None if here is None or here.range is None else read(here.range)

        return Column(header, of_row, "outcome", group, on=on)

    return [
        column(tr("at best"), lambda r: r.best.total, EVERYWHERE),
        column(tr("at worst"), lambda r: r.worst.total, EVERYWHERE),
        column(tr("none below"), lambda r: r.least, proven),
        column(tr("none above"), lambda r: r.most, proven),
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

    def total_of(curve: ShareCurve, share: float) -> float | None:
        here = point_at(curve, share)
        return None if here is None or here.standing is None else here.standing.total

    columns = [Column(tr("Share of capex"), lambda share: share, "share")]
    for curve in main:
        name = curve_name(curve)
        columns.append(Column(tr("Damage plus cost"), partial(total_of, curve), "outcome", name))
        if any(point.range for point in curve.points):
            columns += _ranges(at(curve), name)
    tried = sorted({point.share for curve in main for point in curve.points})
    return Table(
        chart.title,
        tried,
        columns,
        "share-totals",
        prose.ranges(say, proven=True),
        chart=chart,
        on=PAGE,
    )


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
        *(
            least(n, curve)
            for n, curve in enumerate(say.found.curves)
            if best_point(curve) is not None
        ),
    ]  # fmt: skip
    if any(point.standing for point in some):
        made += [
            sums(tr("Mean damage and net cost give damage plus cost, at all shares"), POINTS,
                 "total", [p.standing.total for p in some if p.standing is not None]),
            sums(tr("Gains follow from damage plus cost, at all shares"), POINTS, "gain",
                 [p.gain for p in some]),
            sums(tr("Damage avoided follows from mean damage, at all shares"), POINTS, "avoided",
                 [p.avoided for p in some]),
            sums(tr("Gaps follow from objectives and bounds"), POINTS, "gap",
                 [p.gap for p in some]),
        ]  # fmt: skip
    return made
