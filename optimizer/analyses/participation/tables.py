"""Tables of a participation: cases, curves and points, with what a workbook calculates of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from models.language import tr
from models.results import ShareCurve, SharePoint, Standing
from optimizer.analyses.participation import words
from optimizer.analyses.participation.words import Say
from optimizer.report import document as doc
from optimizer.report.cells import along
from optimizer.report.charts import Chart
from optimizer.report.document import EVERYWHERE, SHEET, Column, Media, Table, sheet_only
from optimizer.report.figures import percent
from optimizer.report.workbook import expressions as cell
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line

STANDINGS, CURVES, POINTS, YEARS = "standings", "curves", "points", "years"
"""Names of tables that formulas refer to."""
CALCULATED = ("gain", "gain_per_euro", "avoided", "avoided_per_euro", "gap")
"""Fields of a point that a workbook calculates."""


class At(NamedTuple):
    """A share that was tried, on its curve; of the table by year, one material of its offtake."""

    curve: ShareCurve
    point: SharePoint
    material: str = ""

    @property
    def yearly(self) -> Mapping[str, float]:
        """Tonnes of the material, or million EUR that are paid, by year."""
        point = self.point
        return point.offtake_t[self.material] if self.material else point.outlay_by_year_meur


def every(say: Say) -> list[At]:
    """All points, curve by curve."""
    return [At(curve, point) for curve in say.found.curves for point in curve.points]


# The answer


def cases(say: Say) -> Iterator[tuple[str, Standing]]:
    """What the best share is measured against, and itself: nobody acts, alone, waiting ..."""
    found = say.found
    yield tr("Nobody acts"), found.without_plan
    if found.alone is not None:
        yield tr("It acts alone"), found.alone
    ways = [(curve, words.curve_name(curve)) for curve in say.main]
    ways = [(curve, name[:1].lower() + name[1:]) for curve, name in ways]
    for curve, way in ways:
        none = words.point_at(curve, 0.0)
        if none is not None and none.standing is not None:
            yield tr("No share: {way}", way=way), none.standing
    if found.free is not None:
        own = tr("The scenario's own plan, share {share}", share=percent(found.free_share))
        yield (tr("The scenario's own plan") if found.free_share is None else own), found.free
    for curve, way in ways:
        best = words.best_point(curve)
        if best is not None and best.standing is not None and best.share > words.NEAR:
            share = percent(best.share)
            yield tr("Best share, {share}: {way}", share=share, way=way), best.standing


def _fares(standing: str) -> list[Column]:
    """How the company fares, which a path leads to: columns that share their decimals, since they
    are added across."""

    def added(line: Line) -> Expression | None:
        known = along(standing)(line.row) is not None
        return line["expected"] + line["net_cost_meur"] if known else None

    fields: list[tuple[str, str, doc.Form]] = [
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
        [Column(tr("If"), "0", "text"), *_fares("1")],
        STANDINGS,
        tr(
            "Its own damage and its own money. CVaR: mean of the worst {tail} of states. Net cost: "
            "what it pays, less what is expected to come back; discounted. Damage plus cost: mean "
            "damage plus net cost; the less, the better. Alone: only {company} invests, as is best "
            "for itself. Without a share it benefits from what others build.",
            tail=say.tail,
            company=say.company,
        ),
    )


def summary(say: Say, caption: str, name: str, on: Media, chart: Chart | None = None) -> Table:
    """Best and indifferent share of each curve, and what the best one leads to."""

    def there(header: str, path: str, form: doc.Form, named: str = "") -> Column:
        key = path.rpartition(".")[2]

        def formula(line: Line) -> Expression | None:
            row = _row_of(line.book, words.best_point(line.row))
            return None if row is None else line.book[POINTS].cell(row, key)

        def read(curve: ShareCurve) -> Any:
            return along(path)(words.best_point(curve))

        return Column(header, read, form, key=key, formula=formula, name=first(named))

    def first(name: str) -> Callable[[ShareCurve], str]:
        return lambda curve: name if curve is say.main[0] else ""

    def least(line: Line) -> Expression | None:
        """Of shares that can be best: none, and those of what is built."""
        counting = [p for p in words.planned(line.row) if p.built or not p.share]
        rows = [_row_of(line.book, point) for point in counting]
        cells = [line.book[POINTS].cell(row, "total") for row in rows if row is not None]
        return cell.smallest(*cells) if words.best_point(line.row) else None

    free = tr("Where no public share is named, public funders carry what the plan chooses.")
    stated = {curve.public_share is None for curve in say.found.curves}
    columns = [
        Column(tr("The others"), words.curve_name, "text", width=44),
        Column(tr("Best share"), "best_share", "share", name=first("best_share")),
        there(tr("Net cost there"), "standing.net_cost_meur", "money", "best_share_net_cost"),
        there(tr("Damage plus cost there"), "standing.total", "outcome"),
        sheet_only(tr("Least at any share"), "least", least, "outcome"),
        there(tr("Gain there"), "gain", "outcome", "best_share_gain"),
        Column(tr("No worse than none up to"), "indifferent_share", "share",
               name=first("indifferent_share")),
        Column(tr("Limit by the rules"), "limit", "share"),
    ]  # fmt: skip
    note = free if len(stated) > 1 else ""
    return Table(caption, say.found.curves, columns, name, note, chart=chart, on=on)


# Shares


def points(
    say: Say, rows: Sequence[At], name: str, on: Media, caption: str, chart: Chart | None = None
) -> Table:
    """Shares that were tried: what each takes, and what it brings."""
    per = {"currency": say.currency}

    def made(header: str, key: str, form: doc.Form, on: Media = EVERYWHERE) -> Column:
        formula = _calculated(key) if key in CALCULATED else None
        return Column(header, f"point.{key}", form, on=on, key=key, formula=formula)

    ranged = any(at.point.range for at in rows)
    ranges = [
        Column(header, f"point.range.{path}", "outcome", tr("Equally good plans"), on=on)
        for header, path, on in (
            (tr("at best"), "best.total", EVERYWHERE),
            (tr("at worst"), "worst.total", EVERYWHERE),
            (tr("none below"), "least", SHEET),
            (tr("none above"), "most", SHEET),
        )
    ]
    status = Column(tr("Status"), lambda at: words.remark(*at[:2]), "text", empty="", width=24)
    columns = [
        Column(tr("The others"), lambda at: words.curve_name(at.curve), "text", on=doc.DETAIL,
               width=36),
        Column(tr("Share"), "point.share", "share", key="share", origin="scenario"),
        *([status] if any(words.remark(at.curve, at.point) for at in rows) else []),
        Column(tr("Projects built"), lambda at: at.point.standing and len(at.point.projects),
               "count", on=SHEET),
        made(tr("Capex carried"), "stake_meur", "money", doc.DETAIL),
        Column(tr("Outlay"), lambda at: words.outlay_meur(at.point), "money", formula=_outlay),
        *_fares("point.standing"),
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
        tail=say.tail,
        **per,
    )
    found = tr(
        "At best and at worst: damage plus cost, of the plans that were found as good by the "
        "objective of the scenario."
    )
    drawn = [
        (words.curve_name(one), partial(_planned_on, one)) for one in say.main if words.planned(one)
    ]
    sheet_chart = doc.SheetChart(
        "scatter", by_share_title(say), "share", ("total",), tr("Share of capex"), lines=drawn
    )
    first = name == POINTS or (rows and rows[0].curve is say.found.curves[0])
    note = f"{told} {found if ranged else ''}".strip() if first else ""
    return Table(
        caption, rows, columns, name, note, on=on, freeze=2, ruled=_first_of_curve,
        chart=chart, sheet_chart=sheet_chart if drawn else None,
    )  # fmt: skip


def by_share_title(say: Say) -> str:
    """What charts of damage plus cost against the share are called."""
    return tr("Its mean damage plus net cost, by its share ({unit})", unit=say.million)


def _planned_on(curve: ShareCurve, at: At) -> bool:
    return at.curve is curve and at.point.standing is not None


def _first_of_curve(at: At) -> bool:
    """Whether a row is the first of its curve, and has a line above it in a sheet."""
    return at.point is at.curve.points[0] and not at.material


# By year


def at_best(say: Say) -> Iterator[doc.Part]:
    """Outlay and offtake by year at the best share, and what is built then."""
    best = words.best_point(say.main[0]) if say.main else None
    if best is None or best.share <= words.NEAR or not best.outlay_by_year_meur:
        return
    rows = [At(say.main[0], best, key) for key in ("", *best.offtake_t)]
    yield Table(
        "",
        sorted({int(year) for at in rows for year in at.yearly}),
        [
            Column(tr("Year"), int, "year"),
            *(Column(_what(say, at), partial(_in_year, at), _form(at), total=True) for at in rows),
        ],
        "money",
        tr("Outlay is undiscounted; tonnes are at full running, without delay or failure."),
        total=tr("All years"),
    )
    yield tr("Built then: {projects}.", projects=say.projects(best)) if best.projects else ""


def _in_year(at: At, year: int) -> float:
    return at.yearly.get(str(year), 0.0)


def _what(say: Say, at: At) -> str:
    """What is paid or reserved, with its unit."""
    if not at.material:
        return tr("Outlay, {unit}", unit=say.million)
    named = say.found.material_names.get(at.material)
    return tr("{material}, t", material=say.name("materials", at.material, named))


def _form(at: At) -> doc.Form:
    return "tonnes" if at.material else "money"


def years(say: Say, every: Sequence[At]) -> Table:
    """What each share takes and brings: a column a year, with sums as formulas."""
    with_plan = [at for at in every if at.point.standing is not None]
    rows = [At(*at[:2], key) for at in with_plan for key in ("", *at.point.offtake_t)]
    known = sorted({int(year) for at in rows for year in at.yearly})

    def summed(line: Line) -> Expression | None:
        return cell.total(line.span(str(known[0]), str(known[-1]))) if known else None

    columns = [
        Column(tr("The others"), lambda at: words.curve_name(at.curve), "text", width=36),
        Column(tr("Share"), "point.share", "share", origin="scenario"),
        Column(tr("What"), partial(_what, say), "text", width=28),
        *doc.by_year(known, lambda at: at.yearly, _form),
        Column(
            tr("All years"), lambda at: sum(at.yearly.values()), _form, key="all", formula=summed
        ),
    ]
    note = tr("Outlay is undiscounted; tonnes are at full running, without delay or failure.")
    return Table("", rows, columns, YEARS, note, freeze=3, ruled=_first_of_curve,
                 empty=tr("No plan was found."))  # fmt: skip


# What a workbook calculates and checks


def checks(say: Say) -> list[doc.Check]:
    """What must hold between the cells of a workbook."""

    def sums(says: str, table: str, key: str, stated: Iterable[float | None]) -> doc.Check:
        right = cell.of(sum(value for value in stated if value is not None))
        return doc.Check(
            says, table, lambda book: cell.total(book[table].area(key)), lambda _: right
        )

    def least(n: int, curve: ShareCurve) -> doc.Check:
        return doc.Check(
            tr("{curve}: the best share has least damage plus cost", curve=words.curve_name(curve)),
            CURVES,
            lambda book: book[CURVES].cell(n, "total"),
            lambda book: book[CURVES].cell(n, "least"),
        )

    made = [
        sums(tr("Mean damage and net cost give damage plus cost, in each case"), STANDINGS,
             "total", [standing.total for _, standing in cases(say)]),
        *(least(n, curve) for n, curve in enumerate(say.found.curves) if words.best_point(curve)),
    ]  # fmt: skip
    if any(point.standing for point in say.points):
        made += [
            sums(says, POINTS, path.rpartition(".")[2], map(along(path), say.points))
            for says, path in (
                (tr("Mean damage and net cost give damage plus cost, at all shares"),
                 "standing.total"),
                (tr("Gains follow from damage plus cost, at all shares"), "gain"),
                (tr("Damage avoided follows from mean damage, at all shares"), "avoided"),
                (tr("Gaps follow from objectives and bounds"), "gap"),
            )
        ]  # fmt: skip
    return made


def _row_of(book: Formulas, point: SharePoint | None, table: str = POINTS) -> int | None:
    """The first row of a point in a table, where it has one."""
    rows = enumerate(book[table].table.rows)
    return next((n for n, at in rows if at.point is point), None)


def _calculated(key: str) -> doc.Formula:
    """What a sheet calculates of a share, wherever the document has that figure."""

    def formula(line: Line) -> Expression | None:
        at, book, table = line.row, line.book, line.table
        if along(f"point.{key}")(at) is None:
            return None
        # No share on the same curve; what is held against it is only there where that has a plan.
        none = _row_of(book, words.point_at(at.curve, 0.0)) or 0
        if key == "gain":
            return table.cell(none, "total") - line["total"]
        if key == "gain_per_euro":
            less = table.cell(none, "expected") - line["expected"]
            return cell.ratio(less, line["net_cost_meur"] - table.cell(none, "net_cost_meur"))
        if key == "avoided":
            return book[STANDINGS].cell(0, "expected") - line["expected"]
        if key == "avoided_per_euro":
            return cell.ratio(line["avoided"], line["net_cost_meur"])
        off = cell.largest(cell.of(0), line["objective"] - line["bound"])
        return off / cell.largest(cell.absolute(line["objective"]), cell.of(1e-6))

    return formula


def _outlay(line: Line) -> Expression | None:
    """What is paid over all years, from the table by year."""
    row = _row_of(line.book, line.row.point, YEARS)
    return None if row is None else line.book[YEARS].cell(row, "all")
