"""The tables of a split: what all do together, what each bears, what all gain, and checks.

Formulas find the gain of all in ``joint-gain``, what each bears in ``split-players``, what rules
leave in ``gains``, and groups in ``coalitions``.
"""

from collections.abc import Callable
from typing import Any

from models.language import tr
from models.results import Interval
from optimizer.analyses.split.words import Game, rule_name
from optimizer.report import document as doc
from optimizer.report.cells import along
from optimizer.report.document import DETAIL, SHEET, Column, Table
from optimizer.report.workbook import expressions as cell
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line


def money(header: str, of: doc.Of, key: str = "", **more: Any) -> Column:
    """A column of money."""
    return Column(header, of, "money", key=key, **more)


def interval(header: str, figure: doc.Of, key: str, like: str, **more: Any) -> list[Column]:
    """A figure, read off a row as an interval; in a sheet, with what the proofs leave of it."""
    read = along(figure) if isinstance(figure, str) else figure

    def end(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(read(row), name, None)

    return [
        money(header, end("value"), key, like=like, **more),
        money(tr("At least"), end("low"), group=header, like=like, on=SHEET),
        money(tr("At most"), end("high"), group=header, like=like, on=SHEET),
    ]


def borne(line: Line, key: str = "alone") -> Expression:
    """What the player of a row bears, from the table of players."""
    return line.book["split-players"].find(line.row.id, key)


def gain_of_all(book: Formulas, row: str = "worth", key: str = "value") -> Expression:
    """The gain of all in a workbook, or what they bear ``alone`` or ``together``."""
    return book["joint-gain"].find(row, key)


# What all do together, and what each bears


def projects(game: Game) -> Table:
    """Projects of all: who carries them, and for whom output is reserved."""
    carriers = list(dict.fromkeys(id for item in game.found.plan.projects for id in item.shares))

    def carried(id: str) -> Column:
        return Column(game.funder(id), lambda item: item.shares.get(id, 0.0), "share", on=SHEET,
                      group=tr("Carried by"), key=f"f {id}")  # fmt: skip

    def funded(line: Line) -> Expression:
        shares = line.span(f"f {carriers[0]}", f"f {carriers[-1]}")
        return cell.total(shares) * line["capex"]

    unsure = [Column(tr("Probability"), "probability", "share")]
    if all(item.probability == 1 for item in game.found.plan.projects):
        unsure = []  # none is decided at a review

    return Table(
        tr("Projects of all, and who carries them"),
        game.found.plan.projects,
        [
            Column(tr("Project"), lambda item: game.project(item.id), "text"),
            Column(tr("Start"), "start", "year"),
            *unsure,
            money(tr("Capex, {unit}", unit=game.million), "capex_meur", "capex"),
            Column(tr("Carried by"), lambda item: game.shares(item.shares), "text"),
            Column(tr("Output for"), lambda item: game.shares(item.offtake), "text"),
            *map(carried, carriers),
            *([doc.deviation("capex", funded)] if carriers else []),
        ],
        "joint-projects",
        tr("Capex is not discounted. Shares are of capex, and of output."),
        empty=tr("Nothing is built."),
    )


def stocks(game: Game) -> Table:
    """What each stockpile holds at most."""
    columns = [
        Column(tr("Stockpile"), lambda row: game.name("stockpiles", row[0]), "text"),
        # Each with digits of its own: tonnes of gallium beside thousands of graphite.
        Column(tr("Held at most, t"), "1", lambda _: "tonnes"),
    ]
    return Table(tr("Stocks of all"), [*game.found.plan.stocks_t.items()], columns, "joint-stocks")


def outlay(game: Game) -> Table:
    """What each funder pays by year in the plan of all."""
    paid = game.found.plan.outlay_by_year_meur
    years = sorted({int(year) for by_year in paid.values() for year in by_year})

    def by(funder: str) -> Column:
        return money(game.funder(funder), lambda year: paid[funder].get(str(year), 0.0), funder,
                     like="paid", total=True)  # fmt: skip

    def whole(line: Line) -> Expression:
        return cell.total(line.span(next(iter(paid)), [*paid][-1]))

    def of_all(year: int) -> float:
        return sum(by_year.get(str(year), 0.0) for by_year in paid.values())

    total = money(tr("All"), of_all, like="paid", total=True, formula=whole)
    title = tr(
        "What each pays by year in the plan of all ({unit}, not discounted)", unit=game.million
    )
    columns = [Column(tr("Year"), int, "year"), *map(by, paid), total]
    return Table(title, years, columns, "joint-outlay", total=tr("Sum"), on=DETAIL)


def players(game: Game) -> Table:
    """What each bears alone, and with all before anything is shared."""
    note = tr(
        "Means over the states, discounted. Damage: what missing tonnes cost, by the scenario's "
        "damage curve. Net cost: what is paid, less what is expected to come back. Alone: damage "
        "and net cost of a player that does what is best for itself while nobody else acts. Gain "
        "before transfers: what it bears alone, less damage and outlay with all; together that is "
        "the gain of all."
    )
    if game.others is not None:
        note += " " + tr(
            "Last come those who are no players but count in every group: alone is what they bear "
            "without any company, and figures of players come on top of that."
        )

    def borne(header: str, key: str, **more: Any) -> Column:
        return money(header, key, key, like="borne", total=True, **more)

    return Table(
        tr("What each bears, alone and with all ({unit})", unit=game.million),
        game.bearers,
        [
            Column(tr("Player"), "name", "text"),
            money(tr("Value of its demand"), "demand", on=SHEET, total=True),
            borne(tr("Damage if nobody acts"), "without"),
            *interval(tr("Damage and net cost alone"), "alone", "alone", "borne", total=True),
            borne(tr("Damage with all"), "damage"),
            borne(tr("Net outlay with all"), "outlay"),
            borne(tr("Gain before transfers"), "before",
                  formula=lambda line: line["alone"] - line["damage"] - line["outlay"]),
            doc.ids(tr("Id"), "id", "id"),
        ],
        "split-players",
        note,
        total=tr("All"),
        key=lambda one: one.id,
    )  # fmt: skip


def joint_gain(game: Game) -> Table:
    """What all bear alone and together, what they gain, and the core, for a workbook."""
    split, plan, core = game.found, game.found.plan, game.found.core
    together = Interval(low=plan.bound, value=plan.objective, high=plan.objective)
    rows = [
        (tr("Damage and net cost of all, each alone"), None, "alone", ""),
        (tr("Damage and net cost of all together"), together, "together", ""),
        (tr("Gain of all"), split.worth, "worth", ""),
    ]
    if core is not None:
        least = tr("What the group with most to gain has by leaving, made least")
        best = tr("On top of the gain of all, shared at best")
        rows.append((tr("Least core"), core.least_core, "core", least))
        rows.append((tr("Public money to keep all"), core.contribution, "contribution", best))

    def alone(line: Line) -> Expression | None:
        return line.book["split-players"].total("alone") if line.row[2] == "alone" else None

    return Table(
        tr("What all gain ({unit})", unit=game.million),
        rows,
        [
            Column(tr("Figure"), "0", "text"),
            money(tr("At least"), "1.low", "low"),
            money(tr("By the plans"), "1.value", "value", formula=alone,
                  name=lambda row: "joint_gain" if row[2] == "worth" else ""),
            money(tr("At most"), "1.high"),
            Column(tr("Remark"), "3", "text", empty="", width=34),
        ],
        "joint-gain",
        on=SHEET,
        key=lambda row: row[2],
    )  # fmt: skip


# What must add up in a workbook


def checks(game: Game) -> list[doc.Check]:
    """Identities between the figures of a split, each a formula over its sheets."""
    split, rules, core = game.found, game.found.rules, game.found.core

    def alone(book: Formulas) -> Expression:
        return gain_of_all(book, "alone")

    def summed(says: str, table: str, key: str, right: Callable[[Formulas], Expression]) -> None:
        made.append(doc.Check(says, table, lambda book: book[table].total(key), right))

    def gap(book: Formulas) -> Expression:
        found, bound = (gain_of_all(book, "together", key) for key in ("value", "low"))
        off = cell.largest(cell.of(0), found - bound)
        return off / cell.largest(cell.absolute(found), cell.of(1e-6))

    says = tr("What all bear alone, less what they bear together, is their gain")
    groups = tr("What the members of each group bear alone, less what they bear, is its gain")
    made = [
        doc.Check(
            says,
            "split-players",
            lambda book: alone(book) - gain_of_all(book, "together"),
            gain_of_all,
        ),
        doc.check_rows(groups, "coalitions", alone),
        doc.Check(
            tr("The gap of the plan of all follows from objective and bound"),
            "joint-gain",
            gap,
            lambda _: cell.of(split.plan.gap),
        ),
    ]
    if any(item.shares for item in split.plan.projects):
        says = tr("The shares of each joint project add up to 1")

        def capex(book: Formulas) -> Expression:
            return book["joint-projects"].total("capex")

        made.append(doc.check_rows(says, "joint-projects", capex))
    if rules:
        says = tr("What each pays is what it bears alone, less its gain and its damage with all")
        keys = [f"deviation {rule.rule}" for rule in rules]
        made.append(doc.check_rows(says, "payments", alone, *keys))
        says = tr("What a group has more by leaving is its gain less its share by the rule")
        made.append(doc.check_rows(says, "verdicts", alone))
    for rule in rules:
        says = tr("{rule}: the gains add up to the gain of all", rule=rule_name(rule.rule))
        summed(says, "gains", f"gain {rule.rule}", gain_of_all)
    at_core = tr("The gains at the least core add up to the gain of all")
    if core is not None and rules:
        summed(at_core, "gains", "core", gain_of_all)
    if split.free_riding:
        says = tr("What one bears alone, less what it bears beside the others, is its gain")
        made.append(doc.check_rows(says, "staying-out", alone))
    if split.externality is not None:
        worth = cell.of(split.externality.worth.value)
        says = tr("With outsiders acting, the gains add up to the gain of all")
        summed(says, "outsiders", "shapley", lambda _: worth)
        summed(at_core, "outsiders", "core", lambda _: worth)
    return made
