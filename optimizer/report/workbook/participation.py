"""A workbook on what a company's share buys it: every share, by year, with live formulas."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from models.results import Participation, ShareCurve
from models.results.reservations import NONE, Doubts
from optimizer.report.participating import picking, prose, words
from optimizer.report.participating.sections import named_standings
from optimizer.report.workbook import shares
from optimizer.report.workbook.book import Book, Column, Line, Sheet
from optimizer.report.workbook.checks import Check, checks, show
from optimizer.report.workbook.expressions import Expression, of, smallest, total
from optimizer.report.workbook.guide import contents, legend
from optimizer.report.workbook.shares import Shares
from optimizer.report.workbook.styles import Form, places

SMALL = 100
"""Below so many million, amounts are shown with two decimals."""
_ACROSS = 7


def write_participation(found: Participation, doubts: Doubts = NONE) -> bytes:
    """A participation as an Excel workbook in the current language."""
    points = [point for curve in found.curves for point in curve.points]
    money = [point.stake_meur or 0.0 for point in points]
    money += [point.standing.net_cost_meur for point in points if point.standing is not None]
    fine = 2 if max(map(abs, money), default=0.0) < SMALL else 1
    spread = (found.without_plan.cvar, found.without_plan.expected)
    book = Book(words.title(found), fine, places(spread), doubts)
    made = Shares(book, found)
    title = tr(
        "{company}: which share of {subject}?",
        company=words.company(found),
        subject=words.subject(found),
    )
    first, curves = book.sheet(tr("Answer"), title), book.sheet(tr("Curves"), tr("Curve by curve"))
    by_share = book.sheet(tr("Shares"), tr("All shares that were tried"))
    _standings(made)
    shares.outlay(made)
    shares.offtake(made)
    shares.points(made, by_share)
    rows = _curves(made, curves)
    _certificate(made)
    _answer(made, first, rows)
    return book.finished()


def _standings(made: Shares) -> None:
    found = made.found
    title = tr("How {company} fares ({unit})", company=words.company(found), unit=made.unit)
    sheet = made.book.sheet(tr("Standings"), title)
    table = sheet.table(
        [
            Column("name", tr("If"), width=48),
            Column("expected", tr("Mean damage"), "outcome", 14),
            Column("cvar", tr("CVaR"), "outcome", 14),
            Column("cost", tr("Net cost, discounted"), "money", 14),
            Column("total", tr("Damage plus cost"), "outcome", 14),
            Column("less", tr("Less than if nobody acts"), "signed_outcome", 16),
        ]
    )
    nobody: Expression | None = None
    rows = named_standings(found)
    for name, standing in rows:
        line = table.line()
        line.words("name", name)
        added = shares.standing(line, standing)
        nobody = nobody or added
        line.put("less", nobody - added)
    sheet.freeze(table, 1)
    stated = of(sum(standing.total for _, standing in rows))
    says = tr("Mean damage and net cost give damage plus cost, in each case")
    made.checks.append(Check(says, sheet, total(table.area("total")), stated))


def _curves(made: Shares, sheet: Sheet) -> list[tuple[ShareCurve, Line]]:
    """One row a curve: its best and indifferent share, and what they lead to."""
    damage = words.damage_unit(made.found)
    table = sheet.table(
        [
            *shares.naming(),
            Column("best", tr("Best share"), "share", 11),
            Column("cost", tr("Net cost there, {unit}", unit=made.unit), "money", 14),
            Column("total", tr("Damage plus cost there, {unit}", unit=damage), "outcome", 15),
            Column("least", tr("Least at any share, {unit}", unit=damage), "outcome", 14),
            Column("gain", tr("Gain there, {unit}", unit=damage), "signed_outcome", 14),
            Column("indifferent", tr("No worse than none up to"), "share", 14),
            Column("within", tr("True one at most higher by"), "share", 14),
            Column("limit", tr("Limit by the rules"), "share", 12),
        ]
    )
    written = []
    for curve in made.found.curves:
        line = table.line()
        for key, text in shares.named(curve):
            line.words(key, text)
        line.optimizer("best", curve.best_share)
        line.optimizer("indifferent", curve.indifferent_share)
        line.optimizer("within", curve.indifferent_within)
        line.optimizer("limit", curve.limit)
        best = made.line_at(curve, curve.best_share)
        if best is not None:
            line.put("cost", best.cells["cost"])
            reached = line.put("total", best.cells["total"])
            line.put("gain", best.cells.get("gain"))
            least = line.put("least", smallest(*_totals(made, curve)))
            says = tr(
                "{curve}: the best share has least damage plus cost", curve=words.curve_name(curve)
            )
            made.checks.append(Check(says, sheet, reached, least))
        written.append((curve, line))
    sheet.freeze(table, 2)
    return written


def _totals(made: Shares, curve: ShareCurve) -> list[Expression]:
    """The cells of damage plus cost of a curve at shares that count: none, and those of what is
    built."""
    lines = (made.line_at(curve, point.share) for point in picking.counting(curve))
    return [line.cells["total"] for line in lines if line is not None]


def _certificate(made: Shares) -> None:
    found = made.found
    sheet = made.book.sheet(tr("Certificate"), tr("How good the proof is"))
    table = sheet.table([Column("what", tr("Figure"), width=40), Column("figure", "", "count", 66)])
    points = [point for _, _, point in made.numbered]
    stopped = sum(point.status in ("limit", "none") for point in points)
    figures: Sequence[tuple[str, float | None, Form]] = (
        (tr("Points"), len(points), "count"),
        (tr("Points stopped early"), stopped, "count"),
        (tr("Gap asked for"), found.gap_target, "gap"),
        (tr("Plans count as equally good within"), found.tolerance, "gap"),
        (tr("Level of the CVaR"), found.cvar_level, "share"),
        (tr("States of the world"), found.states, "count"),
        (tr("Time, s"), found.seconds, "count"),
    )
    for what, value, form in figures:
        line = table.line()
        line.words("what", what)
        line.optimizer("figure", value, form)
    complete = found.ended == "complete"
    for what, text in (
        (
            tr("Computation"),
            tr("complete") if complete else tr("stopped early: points are missing"),
        ),
        (tr("Scenario"), words.title(found)),
        (tr("Variant"), words.variant(found) or tr("none")),
        (tr("Versions"), ", ".join(f"{name} {known}" for name, known in found.versions.items())),
        (tr("Scenario, SHA-256"), found.input_sha256),
    ):
        line = table.line()
        line.words("what", what)
        line.words("figure", text)


def _answer(made: Shares, sheet: Sheet, rows: list[tuple[ShareCurve, Line]]) -> None:
    """Whether all adds up, the answer in words, and key figures as formulas over other sheets."""
    damage = words.damage_unit(made.found)
    columns = [
        Column("name", tr("If"), width=44),
        Column("best", tr("Best share"), "share", 42),
        Column("cost", tr("Net cost there, {unit}", unit=made.unit), "money", 16),
        Column("total", tr("Damage plus cost there, {unit}", unit=damage), "outcome", 16),
        Column("gain", tr("Gain there, {unit}", unit=damage), "signed_outcome", 42),
        Column("indifferent", tr("No worse than none up to"), "share", 16),
        Column("limit", tr("Limit by the rules"), "share", 14),
    ]
    sheet.set_widths(columns)
    show(sheet, checks(made.book, made.checks), _ACROSS)
    sheet.row += 1
    for sentence in (*prose.headline(made.found), *prose.cautions(made.found)):
        sheet.note(sentence, _ACROSS, "lead")
    sheet.row += 1
    table = sheet.table(columns)
    for curve, known in rows:
        line = table.line()
        line.words("name", words.curve_name(curve))
        for key in ("best", "cost", "total", "gain", "indifferent", "limit"):
            cell = known.cells.get(key)
            if cell is not None and cell.value != "":
                line.put(key, cell)
        if curve is next(iter(picking.main_curves(made.found)), None):
            _name(made, line)
    legend(sheet, _ACROSS)
    contents(sheet)
    sheet.worksheet.fit_to_pages(1, 1)


def _name(made: Shares, line: Line) -> None:
    """Names for formulas, of the curve that the answer is about."""
    for key, name in (
        ("best", "best_share"),
        ("cost", "best_share_net_cost"),
        ("gain", "best_share_gain"),
        ("indifferent", "indifferent_share"),
    ):
        if key in line.cells:
            made.book.name(name, line.cells[key])
