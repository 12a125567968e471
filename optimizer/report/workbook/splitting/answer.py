"""The first sheet of a split: the answer in words and figures, and how to read the rest."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import rule_name
from optimizer.report.workbook.book import Column, Sheet
from optimizer.report.workbook.checks import Verdict, show
from optimizer.report.workbook.guide import contents, legend
from optimizer.report.workbook.splitting.written import Written


def answer(written: Written, sheet: Sheet, verdict: Verdict) -> None:
    """Fill the first sheet; all its figures are formulas over the others."""
    game = written.game
    rules = [rule.rule for rule in game.split.rules]
    across = max(5, len(rules) + 1)
    widths = (45, 18, *[18] * (across - 2))
    sheet.set_widths([Column(str(n), "", width=width) for n, width in enumerate(widths)])
    sheet.row = 1
    about = [tr("Amounts in {unit}.", unit=game.million)]
    if game.variant is not None:
        about.insert(0, tr("Variant: {variant}", variant=game.variant))
    sheet.note("  ·  ".join(about), across)
    show(sheet, verdict, across)
    sheet.row += 1
    for paragraph in prose.headline(game):
        sheet.note(paragraph, across, "lead")
    _gain(written, sheet)
    if rules:
        _shares(written, sheet, rules)
    legend(sheet, across)
    contents(sheet, second=3)
    sheet.worksheet.fit_to_pages(1, 1)


def _gain(written: Written, sheet: Sheet) -> None:
    sheet.heading(tr("What all gain"))
    table = sheet.table([Column("what", tr("Figure")), Column("amount", tr("Amount"), "money")])
    for key, what in (
        ("alone", tr("Damage and net cost of all, each alone")),
        ("together", tr("Damage and net cost of all together")),
        ("worth", tr("Gain of all")),
        ("share", tr("Gain, as a share of what they bear alone")),
    ):
        line = table.line()
        line.words("what", what)
        line.put("amount", written.cells[key], "share" if key == "share" else None)


def _shares(written: Written, sheet: Sheet, rules: Sequence[str]) -> None:
    game = written.game
    sheet.heading(tr("What each rule leaves to each player ({unit})", unit=game.million))
    columns = [Column("name", tr("Player"))]
    columns += [Column(rule, rule_name(rule), "money") for rule in rules]
    table = sheet.table(columns)
    for player in game.players:
        line = table.line()
        line.words("name", game.player(player))
        for rule in rules:
            line.put(rule, written.gains[rule, player].cells["gain"])
    table.totals(tr("All"), rules)
