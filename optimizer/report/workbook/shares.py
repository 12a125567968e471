"""The sheets of a participation on its shares: each with its figures, by year and in tonnes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint, Standing
from optimizer.report.participating import picking, words
from optimizer.report.workbook.book import Book, Column, Line, Sheet, Table, printed, years
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.expressions import Expression, absolute, largest, of, ratio, total
from optimizer.report.workbook.styles import Form, objective


@dataclass
class Shares:
    """A participation in the making as a workbook."""

    book: Book
    found: Participation
    checks: list[Check] = field(default_factory=list)
    outlays: dict[int, Expression] = field(default_factory=dict)
    """What is paid over all years, by the place of a point among all."""
    lines: dict[int, Line] = field(default_factory=dict)
    """The row of each point with a plan, by its place among all."""

    @property
    def numbered(self) -> Iterator[tuple[int, ShareCurve, SharePoint]]:
        """All points with their place among all and their curve."""
        every = [(curve, point) for curve in self.found.curves for point in curve.points]
        return ((place, curve, point) for place, (curve, point) in enumerate(every))

    @property
    def unit(self) -> str:
        """The unit of money."""
        return words.unit(self.found)

    def line_at(self, curve: ShareCurve, share: float | None) -> Line | None:
        """The row of a share of a curve, where it has a plan."""
        point = picking.point_at(curve, share)
        if point is None:
            return None
        return next(self.lines[place] for place, _, other in self.numbered if other is point)

    def rows_of(self, curve: ShareCurve) -> tuple[int, int] | None:
        """The first and the last row of a curve with a plan, if it has one."""
        places = (place for place, other, _ in self.numbered if other is curve)
        rows = [self.lines[place].row for place in places if place in self.lines]
        return (min(rows), max(rows)) if rows else None


def named(curve: ShareCurve) -> list[tuple[str, str]]:
    """What tells curves apart: the others, and the public share."""
    return [("others", words.way(curve)), ("public", words.public_share(curve))]


def naming() -> list[Column]:
    """The columns of these."""
    return [
        Column("others", tr("The others"), width=25),
        Column("public", tr("Public share"), width=13),
    ]


def standing(line: Line, standing: Standing) -> Expression:
    """Damage and cost of a row, and the formula of their sum."""
    expected = line.optimizer("expected", standing.expected)
    line.optimizer("cvar", standing.cvar)
    return line.put("total", expected + line.optimizer("cost", standing.net_cost_meur))


def outlay(made: Shares) -> None:
    """What the company pays in each year at each share."""
    title = tr("Outlay by year ({unit}, undiscounted)", unit=made.unit)
    sheet = made.book.sheet(tr("Outlay"), title)
    known = {year for _, _, point in made.numbered for year in point.outlay_by_year_meur}
    table = sheet.table(
        [
            *naming(),
            Column("share", tr("Share"), "share", 10),
            *years(sorted(known, key=int), "money", 10),
            Column("all", tr("All years"), "money", 12),
        ]
    )
    for place, curve, point in made.numbered:
        if point.standing is None:
            continue
        line = _line(table, curve, point)
        line.by_year(point.outlay_by_year_meur)
        if known:
            area = line.area(min(known, key=int), max(known, key=int))
            made.outlays[place] = line.put("all", total(area))
    _finished(table, tr("No plan was found."))


def _line(table: Table, curve: ShareCurve, point: SharePoint) -> Line:
    """The next row, with what tells a point from all others."""
    line = table.line(ruled=point is curve.points[0])
    for key, text in named(curve):
        line.words(key, text)
    line.scenario("share", point.share)
    return line


def _finished(table: Table, otherwise: str) -> None:
    if not table.count:
        table.nothing(otherwise)
    table.sheet.freeze(table, 3)


def offtake(made: Shares) -> None:
    """Tonnes reserved for the company in each year, by material."""
    sheet = made.book.sheet(tr("Offtake"), tr("Offtake by year (t)"))
    of_points = [point.offtake_t for _, _, point in made.numbered]
    known = {year for of in of_points for by_year in of.values() for year in by_year}
    columns = [
        *naming(),
        Column("share", tr("Share"), "share", 10),
        Column("material", tr("Material"), width=22),
        *years(sorted(known, key=int), "tonnes_1", 10),
        Column("all", tr("All years"), "tonnes_1", 12),
    ]
    sheet.set_widths(columns)
    sheet.note(tr("At full running, without delay or failure."), printed(columns))
    table = sheet.table(columns)
    for _, curve, point in made.numbered:
        for material, by_year in point.offtake_t.items():
            line = _line(table, curve, point)
            line.words("material", words.material(made.found, material))
            line.by_year(by_year)
            line.put("all", total(line.area(min(known, key=int), max(known, key=int))))
    _finished(table, tr("Nothing is reserved."))


def _point_columns(made: Shares) -> list[Column]:
    currency, unit = made.found.currency, made.unit
    damage = words.damage_unit(made.found)
    return [
        *naming(),
        Column("share", tr("Share"), "share", 10),
        Column("status", tr("Status"), width=19),
        Column("projects", tr("Projects built"), "count", 10),
        Column("stake", tr("Capex carried, {unit}", unit=unit), "money", 13),
        Column("outlay", tr("Outlay, {unit}", unit=unit), "money", 13),
        Column("expected", tr("Mean damage, {unit}", unit=damage), "outcome", 13),
        Column("cvar", tr("CVaR, {unit}", unit=damage), "outcome", 13),
        Column("cost", tr("Net cost, discounted, {unit}", unit=unit), "money", 13),
        Column("total", tr("Damage plus cost, {unit}", unit=damage), "outcome", 13),
        Column("gain", tr("Gain against no share, {unit}", unit=damage), "signed_outcome", 13),
        Column("gain_per", tr("Gain per {currency}", currency=currency), "ratio", 11),
        Column("avoided", tr("Avoided, {unit}", unit=damage), "outcome", 13),
        Column("avoided_per", tr("Avoided per {currency}", currency=currency), "ratio", 11),
        Column("to_others", tr("To others"), "share", 10),
        Column("best", tr("At best, {unit}", unit=damage), "outcome", 13),
        Column("worst", tr("At worst, {unit}", unit=damage), "outcome", 13),
        Column("least", tr("None below, {unit}", unit=damage), "outcome", 13),
        Column("most", tr("None above, {unit}", unit=damage), "outcome", 13),
        Column("objective", tr("Objective"), _fine(made.found), 13),
        Column("bound", tr("Bound"), _fine(made.found), 13),
        Column("gap", tr("Gap"), "gap", 10),
    ]


def _fine(found: Participation) -> Form:
    return objective(point.objective for curve in found.curves for point in curve.points)


def points(made: Shares, sheet: Sheet) -> None:
    """One row a share: what is given, and what follows from it as formulas."""
    found = made.found
    columns = _point_columns(made)
    sheet.set_widths(columns)
    note = tr(
        "Each row is a plan of its own. Gain and gain per {currency} are against the share 0 of "
        "the same curve; avoided is against nobody acting. Damage and net cost are discounted, "
        "capex and outlay are not. At best and at worst: damage plus cost, over plans as good by "
        "the objective of the scenario.",
        currency=found.currency,
    )
    sheet.note(note, 12)
    nobody = sheet.put(1, 3, found.without_plan.expected, "optimizer", "outcome")
    sheet.put(1, 0, tr("Own mean damage if nobody acts"), "words", "text")
    table = sheet.table(columns)
    for place, curve, point in made.numbered:
        line = _line(table, curve, point)
        line.words("status", words.status(point) or tr("to the gap"))
        if point.standing is not None:
            made.lines[place] = line
            _figures(made, line, place, point, nobody)
            _against_none(made, line, curve, point)
        bound = line.optimizer("bound", point.bound)
        if point.objective is not None:
            chosen = line.optimizer("objective", point.objective)
            if point.bound is not None:
                gap = largest(of(0), chosen - bound) / largest(absolute(chosen), of(1e-6))
                line.put("gap", gap)
    sheet.freeze(table, 3)
    made.checks += _sums(made, table)
    _draw(made, table)


def _figures(made: Shares, line: Line, place: int, point: SharePoint, nobody: Expression) -> None:
    assert point.standing is not None
    line.optimizer("projects", len(point.projects))
    line.optimizer("stake", point.stake_meur)
    if place in made.outlays:
        line.put("outlay", made.outlays[place])
    standing(line, point.standing)
    avoided = line.put("avoided", nobody - line.cells["expected"])
    if point.avoided_per_euro is not None:
        line.put("avoided_per", ratio(avoided, line.cells["cost"]))
    line.optimizer("to_others", point.to_others)
    if point.range is not None:
        line.optimizer("best", point.range.best.total)
        line.optimizer("worst", point.range.worst.total)
        line.optimizer("least", point.range.least)
        line.optimizer("most", point.range.most)


def _against_none(made: Shares, line: Line, curve: ShareCurve, point: SharePoint) -> None:
    # Points stand by rising share, so that the row of share 0 is there before all others.
    none = made.line_at(curve, 0.0)
    if none is None:
        return
    line.put("gain", none.cells["total"] - line.cells["total"])
    if point.gain_per_euro is not None:
        avoided = none.cells["expected"] - line.cells["expected"]
        line.put("gain_per", ratio(avoided, line.cells["cost"] - none.cells["cost"]))


def _sums(made: Shares, table: Table) -> Iterator[Check]:
    """What formulas give against what the document states."""
    points = [point for _, _, point in made.numbered]
    totals = [point.standing.total for point in points if point.standing is not None]
    if not totals:
        return
    for key, says, stated in (
        ("total", tr("Mean damage and net cost give damage plus cost, at all shares"), totals),
        ("gain", tr("Gains follow from damage plus cost, at all shares"),
         [point.gain for point in points]),
        ("avoided", tr("Damage avoided follows from mean damage, at all shares"),
         [point.avoided for point in points]),
        ("gap", tr("Gaps follow from objectives and bounds"), [point.gap for point in points]),
    ):  # fmt: skip
        right = of(sum(value for value in stated if value is not None))
        yield Check(says, table.sheet, total(table.area(key)), right)


def _draw(made: Shares, table: Table) -> None:
    """Damage plus cost against the share, a line for each way of the others."""
    book, sheet, at = made.book, table.sheet, table.at
    chart = book.workbook.add_chart({"type": "scatter", "subtype": "straight_with_markers"})
    for curve, dash in zip(picking.main_curves(made.found), ("solid", "dash"), strict=False):
        rows = made.rows_of(curve)
        if rows is None:
            continue
        top, bottom = rows
        chart.add_series(
            {
                "name": words.curve_name(curve),
                "categories": [sheet.tab, top, at("share"), bottom, at("share")],
                "values": [sheet.tab, top, at("total"), bottom, at("total")],
                "line": {"dash_type": dash, "width": 2},
            }
        )
    if not chart.series:
        return
    title = tr(
        "Its mean damage plus net cost, by its share ({unit})", unit=words.damage_unit(made.found)
    )
    chart.set_title({"name": title, "name_font": {"size": 11}})
    chart.set_x_axis({"name": tr("Share of capex"), "num_format": "0%", "min": 0})
    chart.set_y_axis({"num_format": book.styles.axis})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    sheet.worksheet.insert_chart(sheet.row + 1, 0, chart, {"description": title})
    sheet.lowest = sheet.row + 28
