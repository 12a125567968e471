"""Tables of sharing rules and coalitions.

Formulas refer to the tables ``split-players``, ``gains`` and ``coalitions``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from models import results
from models.language import tr
from models.results import Coalition, Interval, SharingRule
from optimizer.analyses.split.tables import (
    NON_PLAYERS_ID,
    SplitWording,
    interval_columns,
    money_column,
    player_figure,
    rule_name,
)
from optimizer.report import document as doc
from optimizer.report import expressions as cell
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Media, Table, sheet_only_column
from optimizer.report.expressions import Expression
from optimizer.report.number_format import NO_VALUE
from optimizer.report.wording import join_texts
from optimizer.report.workbook.placed_tables import FormulaRow

MAX_PAGE_GROUPS = 25
"""Largest number of coalitions that a page lists; a workbook has all of them."""
RULE_CHOICE = "rule"
"""Name of the workbook cell with the chosen rule."""
ALONE_ROW, CHOSEN_RULE_ROW = 0, 1
"""Rows above the coalitions: cost of each player alone, and gain by the chosen rule."""


# Rules


def rule_columns(
    wording: SplitWording,
    prefix: str,
    share_getter: Callable[[results.MemberShare], float | None],
    formula: Callable[[FormulaRow, str], Expression] | None = None,
    **options: Any,
) -> list[Column]:
    """Return a column for each sharing rule, with the same figure of each player in it.

    ``share_getter`` returns the figure from a player's share. The key of a column, by which
    formulas refer to it, is ``prefix`` and the rule.
    """

    def column(rule: SharingRule) -> Column:
        bound_formula = None if formula is None else lambda row_cells: formula(row_cells, rule.rule)
        return money_column(rule_name(rule.rule),
            lambda player: share_getter(rule.members[player.id]),
                     f"{prefix} {rule.rule}", formula=bound_formula, **options)  # fmt: skip

    return [column(rule) for rule in wording.result.rules]


def gains_table(wording: SplitWording) -> Table:
    """Return the table of each player's gain under each rule."""
    title = tr("What each rule leaves to each player ({unit})", unit=wording.money_unit)
    core, rules = wording.result.core, wording.result.rules
    columns = [
        Column(tr("Player"), lambda player: wording.funder_name(player.id), "text"),
        *rule_columns(
            wording, "gain", lambda share: share.gain.value, decimals_group="gain", total=True
        ),
    ]
    if core is not None:
        columns.append(
            money_column(tr("Least core"), lambda player: core.members.get(player.id), "core",
                decimals_group="gain", total=True)
        )  # fmt: skip
    columns += [
        *rule_columns(
            wording, "low", lambda share: share.gain.low, group=tr("At least"), media=SHEET
        ),
        *rule_columns(
            wording, "high", lambda share: share.gain.high, group=tr("At most"), media=SHEET
        ),
        doc.id_column(tr("Id"), "id", "id"),
    ]
    series = {
        rule_name(rule.rule): [
            _chart_range(wording, rule.members[id].gain) for id in wording.players_by_id
        ]
        for rule in rules
    }
    description = tr(
        "One group of bars a player, one bar a rule in the order of the table below; a thin line "
        "shows what proofs or the sample leave open."
    )
    names = [*map(wording.funder_name, wording.players_by_id)]
    return Table(
        title,
        wording.result.players,
        columns,
        "gains",
        total_label=tr("All"),
        chart=Chart(
            "gains", title, description, lambda: charts.gain_bars(names, series, wording.money_unit)
        ),
        row_key=lambda player: player.id,
    )


def _chart_range(wording: SplitWording, interval: Interval) -> charts.Range:
    """Return the low end, value and high end of an interval for a chart.

    If the interval is negligibly narrow, all three are the value.
    """
    low, value, high = interval.low, interval.value, interval.high
    return (low, value, high) if wording.is_wide_range(interval) else (value, value, value)


def payments_table(wording: SplitWording) -> Table:
    """Return the table of what each player pays under each rule, in total and to the other
    players."""

    def payment_formula(row_cells: FormulaRow, rule: str) -> Expression:
        gain = row_cells.tables["gains"].find_cell(row_cells.row.id, f"gain {rule}")
        return player_figure(row_cells) - gain - player_figure(row_cells, "damage")

    note = tr(
        "Outlay: net cost in the plan of all. Pays in all: what a player bears alone, less its "
        "gain and its damage with all. To the others: what it pays on top of its outlay; a "
        "negative figure is what it gets."
    )
    if wording.non_players is not None:
        note += " " + tr(
            "Transfers add up to what those who are no players bear more than without any company "
            "({others}).",
            others=wording.non_players.name,
        )
    return Table(
        tr("What each pays with each rule ({unit})", unit=wording.money_unit),
        wording.result.players,
        [
            Column(tr("Player"), lambda player: wording.funder_name(player.id), "text"),
            money_column(tr("Net outlay with all"), lambda player: wording.player_outlay(player.id),
                "outlay", decimals_group="paid", total=True,
                formula=lambda row_cells: player_figure(row_cells, "outlay")),
            *rule_columns(wording, "pays", lambda share: share.pays_meur, group=tr("Pays in all"),
                decimals_group="paid", total=True),
            *rule_columns(wording, "transfer", lambda share: share.transfer_meur,
                lambda row_cells, rule: row_cells[f"pays {rule}"] - row_cells["outlay"],
                group=tr("Of that to the others"), decimals_group="paid", media=PAGE_AND_SHEET,
                total=True),
            *(doc.deviation_column(f"pays {rule}", partial(payment_formula, rule=rule),
                f"deviation {rule}") for rule in (item.rule for item in wording.result.rules)),
        ],
        "payments",
        note,
        total_label=tr("All"),
    )  # fmt: skip


def verdicts_table(wording: SplitWording) -> Table:
    """Return the table of the coalitions that would rather leave, by rule."""

    def first_leaving(
        read: Callable[[results.BlockingCoalition], Any],
    ) -> Callable[[SharingRule], Any]:
        return lambda rule: read(rule.leaving[0]) if rule.leaving else None

    def excess_formula(row_cells: FormulaRow) -> Expression | None:
        rule: SharingRule = row_cells.row
        if not rule.leaving:
            return None
        gains, gain = row_cells.tables["gains"], f"gain {rule.rule}"
        group = rule.leaving[0].members
        group_gain = cell.sum_of(*(gains.find_cell(id, gain) for id in group))
        return (
            row_cells.tables["coalitions"].find_cell(wording.group_key(group), "worth") - group_gain
        )

    columns = [
        Column(tr("Shared by"), lambda rule: rule_name(rule.rule), "text"),
        Column(tr("Would leave"), _leaving_label, "text"),
        Column(tr("Most eager"), first_leaving(lambda group: wording.group_name(group.members)),
            "text"),
        money_column(tr("Has more by leaving"), first_leaving(lambda group: group.gain), "more",
            decimals_group="more"),
        money_column(tr("At most"), first_leaving(lambda group: group.most), decimals_group="more"),
        doc.deviation_column("more", excess_formula),
    ]  # fmt: skip
    if wording.result.sampling is None:
        subsidy_header = tr("Public money to keep all")
        columns += interval_columns(subsidy_header, "contribution", "contribution", "contribution")
        note = tr(
            "Nobody: proven that no group would rather leave. Some group: at least one has more, "
            "by a plan that was found. Some group might: the proofs leave it open."
        )
    else:
        note = tr(
            "Some group: at least one has more, by a plan that was found. Open: of the groups that "
            "were solved none has; of the others nothing is known."
        )
    title = tr("Who would rather leave with each rule ({unit})", unit=wording.money_unit)
    return Table(
        title, wording.result.rules, columns, "verdicts", note, chart=_leaving_chart(wording)
    )


def _leaving_label(rule: SharingRule) -> str:
    """Return a short verdict on whether a coalition would leave under a rule."""
    if rule.core == "undecided":
        return tr("some group might") if rule.leaving else tr("open")
    return tr("nobody") if rule.core == "inside" else tr("some group")


def _leaving_chart(wording: SplitWording) -> Chart | None:
    rows = []
    for rule in wording.result.rules:
        for coalition in rule.leaving[:1]:
            gain, max_gain = coalition.gain, coalition.most
            shows_range = gain <= 0 or wording.is_wide_range(
                Interval(low=gain, value=gain, high=max_gain)
            )
            bar_ends = (gain, gain, max_gain if shows_range else gain)
            rows.append(
                charts.ExitIncentive(
                    rule_name(rule.rule), wording.group_name(coalition.members), bar_ends
                )
            )
    description = tr(
        "One bar a rule with which some group might leave, for the group that has most to gain by "
        "it. Where a thin line crosses zero, the proofs leave it open."
    )
    title = tr(
        "What the group most eager to leave has more by leaving ({unit})", unit=wording.money_unit
    )
    chart = Chart(
        "leaving", title, description, lambda: charts.exit_incentive_bars(rows, wording.money_unit)
    )
    return chart if rows else None


# Groups


def chosen_rule_table(wording: SplitWording) -> Table:
    """Return the table of each player's cost alone, and its gain under the rule that is chosen in
    the workbook."""
    gain_keys = [f"gain {rule.rule}" for rule in wording.result.rules]
    rows = [tr("Alone: damage and net cost"), *([tr("Gain by this rule")] if gain_keys else [])]

    def column(index: int, id: str) -> Column:
        def formula(row_cells: FormulaRow) -> Expression:
            if row_cells.row_index == ALONE_ROW:
                return row_cells.tables["split-players"].find_cell(id, "alone")
            gains, first_and_last = row_cells.tables["gains"], (gain_keys[0], gain_keys[-1])
            choice = row_cells.tables.choices[RULE_CHOICE]
            return cell.sum_where(
                gains.row_area(index, *first_and_last), (gains.header_area(*first_and_last), choice)
            )

        return sheet_only_column(wording.funder_name(id), f"p {id}", formula, "money")

    columns = [column(index, id) for index, id in enumerate(wording.players_by_id)]
    return Table("", rows, [Column("", str, "text"), *columns], "chosen", media=SHEET)


def coalitions_table(wording: SplitWording, groups: Sequence[Coalition], media: Media) -> Table:
    """Return the table of the coalitions' gains, and of what their members receive under the chosen
    rule."""
    player_keys = [f"p {id}" for id in wording.players_by_id]

    def membership_column(id: str) -> Column:
        return Column(wording.funder_name(id), lambda group: float(id in group.members), "count",
            media=SHEET,
                      key=f"p {id}", width=13)  # fmt: skip

    def sum_over_members(row_cells: FormulaRow, row: int) -> Expression:
        chosen_table = row_cells.tables["chosen"]
        return cell.sum_product(
            row_cells.row_area(player_keys[0], player_keys[-1]),
            chosen_table.row_area(row, player_keys[0], player_keys[-1]),
        )

    def gain_formula(row_cells: FormulaRow) -> Expression:
        alone_sum = sum_over_members(row_cells, ALONE_ROW)
        if wording.non_players is not None:
            alone_sum += row_cells.tables["split-players"].find_cell(NON_PLAYERS_ID, "alone")
        return alone_sum - row_cells["found"]

    def rule_share(row_cells: FormulaRow) -> Expression | None:
        return sum_over_members(row_cells, CHOSEN_RULE_ROW) if wording.result.rules else None

    def excess(row_cells: FormulaRow) -> Expression | None:
        if not wording.result.rules or len(row_cells.row.members) == len(player_keys):
            return None  # the grand coalition cannot leave
        return row_cells["worth"] - row_cells["gets"]

    def max_excess(row_cells: FormulaRow) -> Expression | None:
        return (
            None
            if excess(row_cells) is None
            else row_cells["more"] + row_cells["found"] - row_cells["bound"]
        )

    has_second_game = any(group.worth_if_others_act is not None for group in groups)
    acting_header = tr("Gain if the others act alone")
    columns = [
        Column(tr("Group"), lambda group: wording.group_name(group.members), "text"),
        *map(membership_column, wording.players_by_id),
        Column(tr("Players"), lambda group: len(group.members), "count"),
        *interval_columns(tr("Gain"), "worth", "worth", "gain"),
        sheet_only_column(tr("Its share by the rule"), "gets", rule_share, "money"),
        sheet_only_column(tr("Has more by leaving"), "more", excess, "money"),
        sheet_only_column(tr("At most"), "most", max_excess, "money"),
        *([money_column(acting_header, "worth_if_others_act.value")] if has_second_game else []),
        money_column(tr("Their damage"), "damage", decimals_group="theirs"),
        money_column(tr("Their net cost"), "net_cost_meur", decimals_group="theirs"),
        money_column(tr("Spares the others"), "spillover", decimals_group="theirs"),
        money_column(tr("Both together"), "found", "found", media=SHEET),
        money_column(tr("No plan has less"), "bound", "bound", media=SHEET),
        doc.deviation_column("worth", gain_formula),
        Column(
            tr("Builds"),
            lambda group: join_texts([*map(wording.project_name, group.projects)]) or NO_VALUE,
            "text",
        ),
        doc.id_column(tr("Id"), "id", lambda group: wording.group_key(group.members)),
    ]
    return Table(
        tr("What groups gain by themselves ({unit})", unit=wording.money_unit),
        groups,
        columns,
        "coalitions",
        tr(
            "Gain: against each member standing alone, while all others start nothing. Spares the "
            "others: by how much their mean damage falls without their doing."
        ),
        media=media,
        row_key=lambda group: wording.group_key(group.members),
        frozen_columns=1,
    )


def staying_out_table(wording: SplitWording) -> Table:
    """Return the table of what each company gains by staying out while the others act together."""
    title = tr(
        "What each company gains by staying out, and by taking part ({unit})",
        unit=wording.money_unit,
    )
    riders_by_id, rule = wording.result.free_riding, wording.reference_rule
    riders = [wording.players_by_id[id] for id in riders_by_id]
    columns = [
        Column(tr("Stays out"), lambda row: wording.funder_name(row.id), "text"),
        *interval_columns(tr("Gain of the others"), lambda row: riders_by_id[row.id].others,
            "others", "others"),
        money_column(tr("Alone, nobody else acts"), "alone.value", "alone", decimals_group="borne",
            formula=player_figure),
        money_column(tr("Idle beside the others"), lambda row: riders_by_id[row.id].idle,
            decimals_group="borne"),
        *interval_columns(tr("Acting beside the others"), lambda row: riders_by_id[row.id].acting,
            "acting", "borne"),
        *interval_columns(tr("Gain by staying out"), lambda row: riders_by_id[row.id].gain, "gain",
            "gain"),
        doc.deviation_column("gain", lambda row_cells: row_cells["alone"] - row_cells["acting"]),
    ]  # fmt: skip
    series = {
        tr("Stays out"): [_chart_range(wording, rider.gain) for rider in riders_by_id.values()]
    }
    if rule is not None:
        key, name = f"gain {rule.rule}", rule_name(rule.rule)
        columns += [
            money_column(tr("Share: {rule}", rule=name), lambda row: wording.reference_gain(row.id),
                "share", decimals_group="gain", formula=lambda row_cells:
                row_cells.tables["gains"].find_cell(row_cells.row.id, key)),
            money_column(tr("More than its share"),
                lambda row: riders_by_id[row.id].gain.value - wording.reference_gain(row.id),
                decimals_group="gain",
                formula=lambda row_cells: row_cells["gain"] - row_cells["share"]),
        ]  # fmt: skip
        series[tr("Takes part: {rule}", rule=name)] = [
            (wording.reference_gain(id),) * 3 for id in riders_by_id
        ]
    names = [*map(wording.funder_name, riders_by_id)]
    description = tr("One pair of bars a company. The figures are in the table below.")
    note = tr(
        "Alone, idle and acting: its damage and net cost. Gain by staying out: what it has more "
        "than standing alone with nobody acting, if it does what is best for itself beside the "
        "others."
    )
    chart = Chart(
        "staying-out",
        title,
        description,
        lambda: charts.gain_bars(names, series, wording.money_unit),
    )
    return Table(title, riders, columns, "staying-out", note, chart=chart)


def acting_outsiders_table(wording: SplitWording, second_game: results.Externality) -> Table:
    """Return the table of each player's cost and gain in the game in which outsiders act for
    themselves."""
    costs_alone, core = second_game.alone, second_game.core.members

    def total_column(
        header: str, getter: doc.ValueGetter, key: str, decimals_group: str, **options: Any
    ) -> Column:
        return money_column(
            header, getter, key, decimals_group=decimals_group, total=True, **options
        )

    columns = [
        Column(tr("Player"), lambda player: wording.funder_name(player.id), "text"),
        total_column(tr("Alone, nobody else acts"), "alone.value", "before", "borne",
            formula=player_figure),
        *interval_columns(tr("Alone, all act alone"), lambda player: costs_alone[player.id],
            "after", "borne", total=True),
        total_column(tr("Spared by the others"),
            lambda player: player.alone.value - costs_alone[player.id].value, "spared", "borne",
            formula=lambda row_cells: row_cells["before"] - row_cells["after"]),
        total_column(tr("Gain by Shapley value"), lambda player: second_game.shapley[player.id],
            "shapley", "gain"),
        total_column(tr("Gain at the least core"), lambda player: core.get(player.id), "core",
            "gain"),
    ]  # fmt: skip
    title = tr("The same game with outsiders acting ({unit})", unit=wording.money_unit)
    note = tr("Damage and net cost if each does what is best for itself, and how all then share.")
    rows = [wording.players_by_id[id] for id in costs_alone]
    return Table(title, rows, columns, "outsiders", note, total_label=tr("All"))
