"""The tables of rules and groups: what each rule leaves to each player, and who would leave.

Formulas find what each bears in ``split-players``, what rules leave in ``gains``, and groups in
``coalitions``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from models import results
from models.language import tr
from models.results import Coalition, Interval, SharingRule
from optimizer.analyses.split.split_wording import NON_PLAYERS_ID, SplitWording, rule_name
from optimizer.analyses.split.tables import interval_columns, money_column, player_figure
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Media, Table, sheet_only_column
from optimizer.report.number_format import NO_VALUE
from optimizer.report.wording import join_texts
from optimizer.report.workbook import expressions as cell
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow

MAX_PAGE_GROUPS = 25
"""Groups that the page lists; a workbook has all."""
RULE_CHOICE = "rule"
"""The choice of a rule in a workbook."""
ALONE_ROW, CHOSEN_RULE_ROW = 0, 1
"""Rows of the table above the groups: what each player bears alone, and gains by that rule."""


# Rules


def rule_columns(
    wording: SplitWording,
    prefix: str,
    share_getter: Callable[[results.MemberShare], float | None],
    formula: Callable[[FormulaRow, str], Expression] | None = None,
    **more: Any,
) -> list[Column]:
    """A column a rule of what it gives a player; formulas find it by ``prefix`` and rule."""

    def column(rule: SharingRule) -> Column:
        made = None if formula is None else lambda line: formula(line, rule.rule)
        return money_column(rule_name(rule.rule), lambda one: share_getter(rule.members[one.id]),
                     f"{prefix} {rule.rule}", formula=made, **more)  # fmt: skip

    return [column(rule) for rule in wording.result.rules]


def gains_table(wording: SplitWording) -> Table:
    """What each rule leaves to each player."""
    title = tr("What each rule leaves to each player ({unit})", unit=wording.money_unit)
    core, rules = wording.result.core, wording.result.rules
    columns = [
        Column(tr("Player"), lambda one: wording.funder_name(one.id), "text"),
        *rule_columns(wording, "gain", lambda of: of.gain.value, decimals_group="gain", total=True),
    ]
    if core is not None:
        columns.append(
            money_column(tr("Least core"), lambda one: core.members.get(one.id), "core", decimals_group="gain",
                  total=True)
        )  # fmt: skip
    columns += [
        *rule_columns(wording, "low", lambda of: of.gain.low, group=tr("At least"), media=SHEET),
        *rule_columns(wording, "high", lambda of: of.gain.high, group=tr("At most"), media=SHEET),
        doc.id_column(tr("Id"), "id", "id"),
    ]
    series = {
        rule_name(rule.rule): [
            _chart_range(wording, rule.members[id].gain) for id in wording.players_by_id
        ]
        for rule in rules
    }
    about = tr(
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
            "gains", title, about, lambda: charts.gain_bars(names, series, wording.money_unit)
        ),
        row_key=lambda one: one.id,
    )


def _chart_range(wording: SplitWording, interval: Interval) -> charts.Range:
    """A figure as it is drawn: what is open shows where it is not negligible."""
    low, value, high = interval.low, interval.value, interval.high
    return (low, value, high) if wording.is_wide_range(interval) else (value, value, value)


def payments_table(wording: SplitWording) -> Table:
    """What each player pays with each rule, and to whom."""

    def pays(line: FormulaRow, rule: str) -> Expression:
        gain = line.tables["gains"].find_cell(line.row.id, f"gain {rule}")
        return player_figure(line) - gain - player_figure(line, "damage")

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
            Column(tr("Player"), lambda one: wording.funder_name(one.id), "text"),
            money_column(tr("Net outlay with all"), lambda one: wording.player_outlay(one.id), "outlay", decimals_group="paid",
                  total=True, formula=lambda line: player_figure(line, "outlay")),
            *rule_columns(wording, "pays", lambda of: of.pays_meur, group=tr("Pays in all"),
                     decimals_group="paid", total=True),
            *rule_columns(wording, "transfer", lambda of: of.transfer_meur,
                     lambda line, rule: line[f"pays {rule}"] - line["outlay"],
                     group=tr("Of that to the others"), decimals_group="paid", media=PAGE_AND_SHEET, total=True),
            *(doc.deviation_column(f"pays {rule}", partial(pays, rule=rule), f"deviation {rule}")
              for rule in (one.rule for one in wording.result.rules)),
        ],
        "payments",
        note,
        total_label=tr("All"),
    )  # fmt: skip


def verdicts_table(wording: SplitWording) -> Table:
    """Who would rather leave with each rule."""

    def eager(read: Callable[[results.BlockingCoalition], Any]) -> Callable[[SharingRule], Any]:
        return lambda rule: read(rule.leaving[0]) if rule.leaving else None

    def more(line: FormulaRow) -> Expression | None:
        rule: SharingRule = line.row
        if not rule.leaving:
            return None
        found, gain = line.tables["gains"], f"gain {rule.rule}"
        group = rule.leaving[0].members
        gets = cell.sum_of(*(found.find_cell(id, gain) for id in group))
        return line.tables["coalitions"].find_cell(wording.group_key(group), "worth") - gets

    columns = [
        Column(tr("Shared by"), lambda rule: rule_name(rule.rule), "text"),
        Column(tr("Would leave"), _leaving_label, "text"),
        Column(tr("Most eager"), eager(lambda group: wording.group_name(group.members)), "text"),
        money_column(tr("Has more by leaving"), eager(lambda group: group.gain), "more", decimals_group="more"),
        money_column(tr("At most"), eager(lambda group: group.most), decimals_group="more"),
        doc.deviation_column("more", more),
    ]  # fmt: skip
    if wording.result.sampling is None:
        keep = tr("Public money to keep all")
        columns += interval_columns(keep, "contribution", "contribution", "contribution")
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
    """Whether a rule leaves nobody better off outside, in a word or two."""
    if rule.core == "undecided":
        return tr("some group might") if rule.leaving else tr("open")
    return tr("nobody") if rule.core == "inside" else tr("some group")


def _leaving_chart(wording: SplitWording) -> Chart | None:
    rows = []
    for rule in wording.result.rules:
        for eager in rule.leaving[:1]:
            more, most = eager.gain, eager.most
            told = more <= 0 or wording.is_wide_range(Interval(low=more, value=more, high=most))
            ends = (more, more, most if told else more)
            rows.append(
                charts.ExitIncentive(rule_name(rule.rule), wording.group_name(eager.members), ends)
            )
    about = tr(
        "One bar a rule with which some group might leave, for the group that has most to gain by "
        "it. Where a thin line crosses zero, the proofs leave it open."
    )
    title = tr(
        "What the group most eager to leave has more by leaving ({unit})", unit=wording.money_unit
    )
    drawn = Chart(
        "leaving", title, about, lambda: charts.exit_incentive_bars(rows, wording.money_unit)
    )
    return drawn if rows else None


# Groups


def chosen_rule_table(wording: SplitWording) -> Table:
    """What each player bears alone, and its gain by the rule that the reader chooses."""
    rules = [f"gain {rule.rule}" for rule in wording.result.rules]
    rows = [tr("Alone: damage and net cost"), *([tr("Gain by this rule")] if rules else [])]

    def column(place: int, id: str) -> Column:
        def formula(line: FormulaRow) -> Expression:
            if line.row_index == ALONE_ROW:
                return line.tables["split-players"].find_cell(id, "alone")
            found, ends = line.tables["gains"], (rules[0], rules[-1])
            choice = line.tables.choices[RULE_CHOICE]
            return cell.sum_where(found.row_area(place, *ends), (found.header_area(*ends), choice))

        return sheet_only_column(wording.funder_name(id), f"p {id}", formula, "money")

    columns = [column(place, id) for place, id in enumerate(wording.players_by_id)]
    return Table("", rows, [Column("", str, "text"), *columns], "chosen", media=SHEET)


def coalitions_table(wording: SplitWording, groups: Sequence[Coalition], on: Media) -> Table:
    """What groups gain by themselves, against what their members get by the chosen rule."""
    inner = [f"p {id}" for id in wording.players_by_id]

    def inside(id: str) -> Column:
        return Column(wording.funder_name(id), lambda one: float(id in one.members), "count", media=SHEET,
                      key=f"p {id}", width=13)  # fmt: skip

    def of_members(line: FormulaRow, row: int) -> Expression:
        above = line.tables["chosen"]
        return cell.sum_product(
            line.row_area(inner[0], inner[-1]), above.row_area(row, inner[0], inner[-1])
        )

    def worth(line: FormulaRow) -> Expression:
        alone = of_members(line, ALONE_ROW)
        if wording.non_players is not None:
            alone = alone + line.tables["split-players"].find_cell(NON_PLAYERS_ID, "alone")
        return alone - line["found"]

    def gets(line: FormulaRow) -> Expression | None:
        return of_members(line, CHOSEN_RULE_ROW) if wording.result.rules else None

    def more(line: FormulaRow) -> Expression | None:
        if not wording.result.rules or len(line.row.members) == len(inner):
            return None  # all have nowhere to leave to
        return line["worth"] - line["gets"]

    def most(line: FormulaRow) -> Expression | None:
        return None if more(line) is None else line["more"] + line["found"] - line["bound"]

    second = any(one.worth_if_others_act is not None for one in groups)
    acting = tr("Gain if the others act alone")
    columns = [
        Column(tr("Group"), lambda one: wording.group_name(one.members), "text"),
        *map(inside, wording.players_by_id),
        Column(tr("Players"), lambda one: len(one.members), "count"),
        *interval_columns(tr("Gain"), "worth", "worth", "gain"),
        sheet_only_column(tr("Its share by the rule"), "gets", gets, "money"),
        sheet_only_column(tr("Has more by leaving"), "more", more, "money"),
        sheet_only_column(tr("At most"), "most", most, "money"),
        *([money_column(acting, "worth_if_others_act.value")] if second else []),
        money_column(tr("Their damage"), "damage", decimals_group="theirs"),
        money_column(tr("Their net cost"), "net_cost_meur", decimals_group="theirs"),
        money_column(tr("Spares the others"), "spillover", decimals_group="theirs"),
        money_column(tr("Both together"), "found", "found", media=SHEET),
        money_column(tr("No plan has less"), "bound", "bound", media=SHEET),
        doc.deviation_column("worth", worth),
        Column(
            tr("Builds"),
            lambda one: join_texts([*map(wording.project_name, one.projects)]) or NO_VALUE,
            "text",
        ),
        doc.id_column(tr("Id"), "id", lambda one: wording.group_key(one.members)),
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
        media=on,
        row_key=lambda one: wording.group_key(one.members),
        frozen_columns=1,
    )


def staying_out_table(wording: SplitWording) -> Table:
    """What each company has if it stays out while the others go on."""
    title = tr(
        "What each company gains by staying out, and by taking part ({unit})",
        unit=wording.money_unit,
    )
    free, rule = wording.result.free_riding, wording.reference_rule
    riders = [wording.players_by_id[id] for id in free]
    columns = [
        Column(tr("Stays out"), lambda one: wording.funder_name(one.id), "text"),
        *interval_columns(tr("Gain of the others"), lambda one: free[one.id].others, "others", "others"),
        money_column(tr("Alone, nobody else acts"), "alone.value", "alone", decimals_group="borne", formula=player_figure),
        money_column(tr("Idle beside the others"), lambda one: free[one.id].idle, decimals_group="borne"),
        *interval_columns(tr("Acting beside the others"), lambda one: free[one.id].acting, "acting",
                  "borne"),
        *interval_columns(tr("Gain by staying out"), lambda one: free[one.id].gain, "gain", "gain"),
        doc.deviation_column("gain", lambda line: line["alone"] - line["acting"]),
    ]  # fmt: skip
    series = {tr("Stays out"): [_chart_range(wording, of.gain) for of in free.values()]}
    if rule is not None:
        key, name = f"gain {rule.rule}", rule_name(rule.rule)
        columns += [
            money_column(tr("Share: {rule}", rule=name), lambda one: wording.reference_gain(one.id), "share",
                  decimals_group="gain", formula=lambda line: line.tables["gains"].find_cell(line.row.id, key)),
            money_column(tr("More than its share"),
                  lambda one: free[one.id].gain.value - wording.reference_gain(one.id),
                  decimals_group="gain", formula=lambda line: line["gain"] - line["share"]),
        ]  # fmt: skip
        series[tr("Takes part: {rule}", rule=name)] = [
            (wording.reference_gain(id),) * 3 for id in free
        ]
    names = [*map(wording.funder_name, free)]
    about = tr("One pair of bars a company. The figures are in the table below.")
    note = tr(
        "Alone, idle and acting: its damage and net cost. Gain by staying out: what it has more "
        "than standing alone with nobody acting, if it does what is best for itself beside the "
        "others."
    )
    chart = Chart(
        "staying-out", title, about, lambda: charts.gain_bars(names, series, wording.money_unit)
    )
    return Table(title, riders, columns, "staying-out", note, chart=chart)


def acting_outsiders_table(wording: SplitWording, second_game: results.Externality) -> Table:
    """What each bears and gains if outsiders act for themselves."""
    after, core = second_game.alone, second_game.core.members

    def own(header: str, of: doc.ValueGetter, key: str, like: str, **more: Any) -> Column:
        return money_column(header, of, key, decimals_group=like, total=True, **more)

    columns = [
        Column(tr("Player"), lambda one: wording.funder_name(one.id), "text"),
        own(tr("Alone, nobody else acts"), "alone.value", "before", "borne", formula=player_figure),
        *interval_columns(tr("Alone, all act alone"), lambda one: after[one.id], "after", "borne",
                  total=True),
        own(tr("Spared by the others"), lambda one: one.alone.value - after[one.id].value, "spared",
            "borne", formula=lambda line: line["before"] - line["after"]),
        own(tr("Gain by Shapley value"), lambda one: second_game.shapley[one.id], "shapley", "gain"),
        own(tr("Gain at the least core"), lambda one: core.get(one.id), "core", "gain"),
    ]  # fmt: skip
    title = tr("The same game with outsiders acting ({unit})", unit=wording.money_unit)
    note = tr("Damage and net cost if each does what is best for itself, and how all then share.")
    rows = [wording.players_by_id[id] for id in after]
    return Table(title, rows, columns, "outsiders", note, total_label=tr("All"))
