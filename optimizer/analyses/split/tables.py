"""Tables of a split: joint plan, cost of each player, joint gain, and checks.

Formulas refer to the tables ``joint-gain``, ``split-players``, ``gains`` and ``coalitions``.
"""

from collections.abc import Callable
from typing import Any

from models.language import tr
from models.results import Interval
from optimizer.analyses.split.split_wording import SplitWording, rule_name
from optimizer.report import document as doc
from optimizer.report import expressions as cell
from optimizer.report.cells import attribute_getter
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Table
from optimizer.report.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables


def money_column(header: str, getter: doc.ValueGetter, key: str = "", **options: Any) -> Column:
    """Return a column of amounts of money."""
    return Column(header, getter, "money", key=key, **options)


def interval_columns(
    header: str, getter: doc.ValueGetter, key: str, decimals_group: str, **options: Any
) -> list[Column]:
    """Return a column with the value of an interval, and (in a sheet only) two columns with its
    ends."""
    read_interval = attribute_getter(getter) if isinstance(getter, str) else getter

    def end_of(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(read_interval(row), name, None)

    return [
        money_column(header, end_of("value"), key, decimals_group=decimals_group, **options),
        money_column(
            tr("At least"), end_of("low"), group=header, decimals_group=decimals_group, media=SHEET
        ),
        money_column(
            tr("At most"), end_of("high"), group=header, decimals_group=decimals_group, media=SHEET
        ),
    ]


def player_figure(row_cells: FormulaRow, key: str = "alone") -> Expression:
    """Return a reference to a cell of the table of players, in the row of this line's player.

    ``key`` is the column of the cell.
    """
    return row_cells.tables["split-players"].find_cell(row_cells.row.id, key)


def joint_gain_figure(book: WorkbookTables, row: str = "worth", key: str = "value") -> Expression:
    """Return a reference to a cell of the table of the joint gain.

    By default it is the joint gain; ``row`` is ``alone`` or ``together`` for the cost of all
    players. ``key`` is the column: ``value``, or ``low`` for the lower bound.
    """
    return book["joint-gain"].find_cell(row, key)


# Joint plan and costs of players


def joint_projects_table(wording: SplitWording) -> Table:
    """Return the table of the joint plan's projects, with those who carry them and those who
    receive their output."""
    carriers = list(
        dict.fromkeys(id for item in wording.result.plan.projects for id in item.shares)
    )

    def share_column(id: str) -> Column:
        return Column(wording.funder_name(id), lambda item: item.shares.get(id, 0.0), "share",
            media=SHEET,
                      group=tr("Carried by"), key=f"f {id}")  # fmt: skip

    def funded_capex(row_cells: FormulaRow) -> Expression:
        share_cells = row_cells.row_area(f"f {carriers[0]}", f"f {carriers[-1]}")
        return cell.sum_of(share_cells) * row_cells["capex"]

    probability_columns = [Column(tr("Probability"), "probability", "share")]
    if all(item.probability == 1 for item in wording.result.plan.projects):
        probability_columns = []  # no project is decided at a review

    return Table(
        tr("Projects of all, and who carries them"),
        wording.result.plan.projects,
        [
            Column(tr("Project"), lambda item: wording.project_name(item.id), "text"),
            Column(tr("Start"), "start", "year"),
            *probability_columns,
            money_column(tr("Capex, {unit}", unit=wording.money_unit), "capex_meur", "capex"),
            Column(tr("Carried by"), lambda item: wording.shares_text(item.shares), "text"),
            Column(tr("Output for"), lambda item: wording.shares_text(item.offtake), "text"),
            *map(share_column, carriers),
            *([doc.deviation_column("capex", funded_capex)] if carriers else []),
        ],
        "joint-projects",
        tr("Capex is not discounted. Shares are of capex, and of output."),
        empty_text=tr("Nothing is built."),
    )


def joint_stocks_table(wording: SplitWording) -> Table:
    """Return the table of the largest holding in tonnes of each stockpile in the joint plan."""
    columns = [
        Column(tr("Stockpile"), lambda row: wording.name("stockpiles", row[0]), "text"),
        # Decimals by row: some materials come in tonnes, others in thousands of tonnes.
        Column(tr("Held at most, t"), "1", lambda _: "tonnes"),
    ]
    return Table(
        tr("Stocks of all"), [*wording.result.plan.stocks_t.items()], columns, "joint-stocks"
    )


def outlay_table(wording: SplitWording) -> Table:
    """Return the table of each funder's payments by year in the joint plan."""
    paid_by_year = wording.result.plan.outlay_by_year_meur
    years = sorted({int(year) for by_year in paid_by_year.values() for year in by_year})

    def funder_column(funder: str) -> Column:
        return money_column(wording.funder_name(funder),
            lambda year: paid_by_year[funder].get(str(year), 0.0), funder,
                     decimals_group="paid", total=True)  # fmt: skip

    def total_formula(row_cells: FormulaRow) -> Expression:
        return cell.sum_of(row_cells.row_area(next(iter(paid_by_year)), [*paid_by_year][-1]))

    def total_in_year(year: int) -> float:
        return sum(by_year.get(str(year), 0.0) for by_year in paid_by_year.values())

    total_column = money_column(
        tr("All"), total_in_year, decimals_group="paid", total=True, formula=total_formula
    )
    title = tr(
        "What each pays by year in the plan of all ({unit}, not discounted)",
        unit=wording.money_unit,
    )
    columns = [Column(tr("Year"), int, "year"), *map(funder_column, paid_by_year), total_column]
    return Table(title, years, columns, "joint-outlay", total_label=tr("Sum"), media=PAGE_AND_SHEET)


def players_table(wording: SplitWording) -> Table:
    """Return the table of each player's costs, alone and in the joint plan before transfers."""
    note = tr(
        "Means over the states, discounted. Damage: what missing tonnes cost, by the scenario's "
        "damage curve. Net cost: what is paid, less what is expected to come back. Alone: damage "
        "and net cost of a player that does what is best for itself while nobody else acts. Gain "
        "before transfers: what it bears alone, less damage and outlay with all; together that is "
        "the gain of all."
    )
    if wording.non_players is not None:
        note += " " + tr(
            "Last come those who are no players but count in every group: alone is what they bear "
            "without any company, and figures of players come on top of that."
        )

    def cost_column(header: str, key: str, **options: Any) -> Column:
        return money_column(header, key, key, decimals_group="borne", total=True, **options)

    return Table(
        tr("What each bears, alone and with all ({unit})", unit=wording.money_unit),
        wording.cost_bearers,
        [
            Column(tr("Player"), "name", "text"),
            money_column(tr("Value of its demand"), "demand", media=SHEET, total=True),
            cost_column(tr("Damage if nobody acts"), "without"),
            *interval_columns(tr("Damage and net cost alone"), "alone", "alone", "borne",
                total=True),
            cost_column(tr("Damage with all"), "damage"),
            cost_column(tr("Net outlay with all"), "outlay"),
            cost_column(tr("Gain before transfers"), "before", formula=lambda row_cells:
                row_cells["alone"] - row_cells["damage"] - row_cells["outlay"]),
            doc.id_column(tr("Id"), "id", "id"),
        ],
        "split-players",
        note,
        total_label=tr("All"),
        row_key=lambda bearer: bearer.id,
    )  # fmt: skip


def joint_gain_table(wording: SplitWording) -> Table:
    """Return the table of the cost of all players alone and together, the joint gain and the core,
    for a sheet."""
    split, plan, core = wording.result, wording.result.plan, wording.result.core
    joint_cost = Interval(low=plan.bound, value=plan.objective, high=plan.objective)
    rows = [
        (tr("Damage and net cost of all, each alone"), None, "alone", ""),
        (tr("Damage and net cost of all together"), joint_cost, "together", ""),
        (tr("Gain of all"), split.worth, "worth", ""),
    ]
    if core is not None:
        core_note = tr("What the group with most to gain has by leaving, made least")
        contribution_note = tr("On top of the gain of all, shared at best")
        rows.append((tr("Least core"), core.least_core, "core", core_note))
        rows.append(
            (tr("Public money to keep all"), core.contribution, "contribution", contribution_note)
        )

    def alone_formula(row_cells: FormulaRow) -> Expression | None:
        return (
            row_cells.tables["split-players"].column_total("alone")
            if row_cells.row[2] == "alone"
            else None
        )

    return Table(
        tr("What all gain ({unit})", unit=wording.money_unit),
        rows,
        [
            Column(tr("Figure"), "0", "text"),
            money_column(tr("At least"), "1.low", "low"),
            money_column(tr("By the plans"), "1.value", "value", formula=alone_formula,
                  cell_name=lambda row: "joint_gain" if row[2] == "worth" else ""),
            money_column(tr("At most"), "1.high"),
            Column(tr("Remark"), "3", "text", empty_text="", width=34),
        ],
        "joint-gain",
        media=SHEET,
        row_key=lambda row: row[2],
    )  # fmt: skip


# Checks


def build_checks(wording: SplitWording) -> list[doc.Check]:
    """Return checks that figures of the split agree with each other, as formulas over its
    sheets."""
    split, rules, core = wording.result, wording.result.rules, wording.result.core

    def alone(book: WorkbookTables) -> Expression:
        return joint_gain_figure(book, "alone")

    def add_sum_check(
        statement: str, table: str, key: str, expected_sum: Callable[[WorkbookTables], Expression]
    ) -> None:
        checks.append(
            doc.Check(statement, table, lambda book: book[table].column_total(key), expected_sum)
        )

    def gap(book: WorkbookTables) -> Expression:
        objective, bound = (joint_gain_figure(book, "together", key) for key in ("value", "low"))
        excess = cell.max_of(cell.as_expression(0), objective - bound)
        return excess / cell.max_of(cell.absolute_value(objective), cell.as_expression(1e-6))

    statement = tr("What all bear alone, less what they bear together, is their gain")
    groups = tr("What the members of each group bear alone, less what they bear, is its gain")
    checks = [
        doc.Check(
            statement,
            "split-players",
            lambda book: alone(book) - joint_gain_figure(book, "together"),
            joint_gain_figure,
        ),
        doc.no_deviation_check(groups, "coalitions", alone),
        doc.Check(
            tr("The gap of the plan of all follows from objective and bound"),
            "joint-gain",
            gap,
            lambda _: cell.as_expression(split.plan.gap),
        ),
    ]
    if any(item.shares for item in split.plan.projects):
        statement = tr("The shares of each joint project add up to 1")

        def capex(book: WorkbookTables) -> Expression:
            return book["joint-projects"].column_total("capex")

        checks.append(doc.no_deviation_check(statement, "joint-projects", capex))
    if rules:
        statement = tr(
            "What each pays is what it bears alone, less its gain and its damage with all"
        )
        keys = [f"deviation {rule.rule}" for rule in rules]
        checks.append(doc.no_deviation_check(statement, "payments", alone, *keys))
        statement = tr("What a group has more by leaving is its gain less its share by the rule")
        checks.append(doc.no_deviation_check(statement, "verdicts", alone))
    for rule in rules:
        statement = tr("{rule}: the gains add up to the gain of all", rule=rule_name(rule.rule))
        add_sum_check(statement, "gains", f"gain {rule.rule}", joint_gain_figure)
    at_core = tr("The gains at the least core add up to the gain of all")
    if core is not None and rules:
        add_sum_check(at_core, "gains", "core", joint_gain_figure)
    if split.free_riding:
        statement = tr("What one bears alone, less what it bears beside the others, is its gain")
        checks.append(doc.no_deviation_check(statement, "staying-out", alone))
    if split.externality is not None:
        joint_gain = cell.as_expression(split.externality.worth.value)
        statement = tr("With outsiders acting, the gains add up to the gain of all")
        add_sum_check(statement, "outsiders", "shapley", lambda _: joint_gain)
        add_sum_check(at_core, "outsiders", "core", lambda _: joint_gain)
    return checks
