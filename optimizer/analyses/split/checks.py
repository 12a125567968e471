"""What must add up in a workbook of a split."""

from __future__ import annotations

from collections.abc import Callable

from models.language import tr
from optimizer.analyses.split.tables import gain_of_all
from optimizer.analyses.split.words import Game, rule_name
from optimizer.report.document import Check
from optimizer.report.workbook.expressions import Expression, absolute, largest, of, total
from optimizer.report.workbook.formulas import Formulas


def checks(game: Game) -> list[Check]:
    """Identities between the figures of a split, each a formula over its sheets."""
    split, rules = game.found, game.found.rules
    made = [
        Check(
            tr("What all bear alone, less what they bear together, is their gain"),
            "split-players",
            lambda book: gain_of_all(book, "alone") - gain_of_all(book, "together"),
            gain_of_all,
        ),
        _apart(
            "coalitions",
            tr("What the members of each group bear alone, less what they bear, is its gain"),
        ),
        Check(
            tr("The gap of the plan of all follows from objective and bound"),
            "split-proof",
            _gap,
            lambda book: book["split-proof"].find("gap", "value"),
        ),
    ]
    if any(item.shares for item in split.plan.projects):
        says = tr("The shares of each joint project add up to 1")
        made.append(
            _apart("joint-projects", says, lambda book: total(book["joint-projects"].area("capex")))
        )
    if rules:
        says = tr("What each pays is what it bears alone, less its gain and its damage with all")
        ends = [f"deviation {rule.rule}" for rule in rules]
        made.append(_apart("payments", says, ends=(ends[0], ends[-1])))
        for rule in rules:
            says = tr("{rule}: the gains add up to the gain of all", rule=rule_name(rule.rule))
            made.append(_sum(says, "gains", f"gain {rule.rule}", gain_of_all))
    if any(rule.leaving for rule in rules):
        says = tr("What a group has more by leaving is its gain less its share by the rule")
        made.append(_apart("leaving", says))
    core = tr("The gains at the least core add up to the gain of all")
    if split.core is not None and rules:
        made.append(_sum(core, "gains", "core", gain_of_all))
    if split.free_riding:
        says = tr("What one bears alone, less what it bears beside the others, is its gain")
        made.append(_apart("staying-out", says))
    if split.externality is not None:
        says = tr("With outsiders acting, the gains add up to the gain of all")
        made.append(_sum(says, "outsiders", "shapley", _second_gain))
        made.append(_sum(core, "outsiders", "core", _second_gain))
    return made


def _second_gain(book: Formulas) -> Expression:
    return book["second-gain"].find("second", "value")


def _gap(book: Formulas) -> Expression:
    found, bound = (book["split-proof"].find(row, "value") for row in ("found", "bound"))
    return largest(of(0), found - bound) / largest(absolute(found), of(1e-6))


def _sum(says: str, table: str, key: str, right: Callable[[Formulas], Expression]) -> Check:
    return Check(says, table, lambda book: book[table].total(key), right)


def _apart(
    table: str,
    says: str,
    scale: Callable[[Formulas], Expression] = lambda book: gain_of_all(book, "alone"),
    ends: tuple[str, str] = ("deviation", "deviation"),
) -> Check:
    """That deviations of a table are none, measured by what all bear alone."""
    return Check(says, table, lambda book: total(book[table].area(*ends)), scale, summed=True)
