"""The sheet on what a split rests on."""

from __future__ import annotations

from models.language import tr
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import state_meaning
from optimizer.report.workbook.book import Column
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.expressions import Expression, absolute, largest, of
from optimizer.report.workbook.splitting.written import Written
from optimizer.report.workbook.styles import Form, objective


def vouching(written: Written) -> None:
    """Gaps and states as figures, the rest in words."""
    game, split = written.game, written.game.split
    sheet = written.book.sheet(tr("Split"), tr("What the split rests on"))
    columns = [
        Column("what", tr("Figure"), width=34),
        Column("figure", tr("Value"), "figure", 18),
        Column("remark", tr("Remark"), width=75),
    ]
    table = sheet.table(columns)

    def given(what: str, value: float, form: Form, remark: str = "") -> Expression:
        line = table.line()
        line.words("what", what)
        line.words("remark", remark, wrap=True)
        return line.optimizer("figure", value, form)

    given(tr("Groups solved"), len(split.coalitions), "count")
    given(tr("States of the world"), split.states, "count")
    given(tr("Gap that was asked for"), split.gap_target, "gap")
    given(tr("Largest gap"), game.largest_gap, "gap", tr("Of all groups."))
    fine = objective([split.plan.objective])
    found = given(tr("Objective of the plan of all"), split.plan.objective, fine)
    bound = given(tr("Bound"), split.plan.bound, fine, tr("No plan can have a lower objective."))
    gap = given(tr("Gap"), split.plan.gap, "gap")
    line = table.line()
    line.words("what", tr("Gap, from objective and bound"))
    derived = line.put(
        "figure", largest(of(0), found - bound) / largest(absolute(found), of(1e-6)), "gap"
    )
    given(tr("Public funders, net"), split.plan.public_meur, "money", state_meaning(split.state))
    given(tr("Time, s"), split.seconds, "count")
    if split.sampling is not None:
        given(tr("Orders sampled"), split.sampling.orders, "count", prose.sampled(game))
    written.checks.append(
        Check(
            tr("The gap of the plan of all follows from objective and bound"), sheet, derived, gap
        )
    )
    sheet.row += 1
    for what, text in (
        (tr("Set aside"), ", ".join(split.set_aside) or tr("nothing")),
        (tr("Versions"), ", ".join(f"{name} {known}" for name, known in split.versions.items())),
        (tr("Scenario, SHA-256"), split.input_sha256),
        (tr("Scenario"), game.title),
        (tr("Variant"), game.variant or tr("none")),
    ):
        sheet.put(sheet.row, 0, what, "words", "text")
        sheet.put(sheet.row, 1, text, "words", "text")
        sheet.row += 1
