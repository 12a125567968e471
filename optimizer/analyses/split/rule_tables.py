"""Tables of sharing rules and coalitions."""

from collections.abc import Callable, Sequence
from typing import Any

from models import results
from models.language import tr
from models.results import Coalition, Interval, SharingRule
from optimizer.analyses.split.tables import SplitWording, interval_columns, money_column, rule_name
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Media, Table, ValueGetter
from optimizer.report.number_format import NO_VALUE
from optimizer.report.wording import join_texts

MAX_PAGE_GROUPS = 25
"""Largest number of coalitions that a page lists; a workbook has all of them."""
# Rules


def rule_columns(
    wording: SplitWording,
    share_getter: Callable[[results.MemberShare], float | None],
    **options: Any,
) -> list[Column]:
    """Return a column for each sharing rule, with the same figure of each player in it.

    ``share_getter`` returns the figure from a player's share.
    """

    def column(rule: SharingRule) -> Column:
        return money_column(
            rule_name(rule.rule), lambda player: share_getter(rule.members[player.id]), **options
        )

    return [column(rule) for rule in wording.result.rules]


def gains_table(wording: SplitWording) -> Table:
    """Return the table of each player's gain under each rule."""
    title = tr("What each rule leaves to each player ({unit})", unit=wording.money_unit)
    core, rules = wording.result.core, wording.result.rules
    columns = [
        Column(tr("Player"), lambda player: wording.funder_name(player.id), "text"),
        *rule_columns(wording, lambda share: share.gain.value, decimals_group="gain", total=True),
    ]
    if core is not None:
        columns.append(
            money_column(tr("Least core"), lambda player: core.members.get(player.id),
                decimals_group="gain", total=True)
        )  # fmt: skip
    columns += [
        *rule_columns(wording, lambda share: share.gain.low, group=tr("At least"), media=SHEET),
        *rule_columns(wording, lambda share: share.gain.high, group=tr("At most"), media=SHEET),
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
                decimals_group="paid", total=True),
            *rule_columns(wording, lambda share: share.pays_meur, group=tr("Pays in all"),
                decimals_group="paid", total=True),
            *rule_columns(wording, lambda share: share.transfer_meur,
                group=tr("Of that to the others"), decimals_group="paid", media=PAGE_AND_SHEET,
                total=True),
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

    columns = [
        Column(tr("Shared by"), lambda rule: rule_name(rule.rule), "text"),
        Column(tr("Would leave"), _leaving_label, "text"),
        Column(tr("Most eager"), first_leaving(lambda group: wording.group_name(group.members)),
            "text"),
        money_column(tr("Has more by leaving"), first_leaving(lambda group: group.gain),
            decimals_group="more"),
        money_column(tr("At most"), first_leaving(lambda group: group.most), decimals_group="more"),
    ]  # fmt: skip
    if wording.result.sampling is None:
        subsidy_header = tr("Public money to keep all")
        columns += interval_columns(subsidy_header, "contribution", "contribution")
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


def coalitions_table(wording: SplitWording, groups: Sequence[Coalition], media: Media) -> Table:
    """Return the table of the coalitions' gains."""

    def membership_column(id: str) -> Column:
        return Column(wording.funder_name(id), lambda group: float(id in group.members), "count",
                      media=SHEET)  # fmt: skip

    has_second_game = any(group.worth_if_others_act is not None for group in groups)
    acting_header = tr("Gain if the others act alone")
    columns = [
        Column(tr("Group"), lambda group: wording.group_name(group.members), "text"),
        *map(membership_column, wording.players_by_id),
        Column(tr("Players"), lambda group: len(group.members), "count"),
        *interval_columns(tr("Gain"), "worth", "gain"),
        *([money_column(acting_header, "worth_if_others_act.value")] if has_second_game else []),
        money_column(tr("Their damage"), "damage", decimals_group="theirs"),
        money_column(tr("Their net cost"), "net_cost_meur", decimals_group="theirs"),
        money_column(tr("Spares the others"), "spillover", decimals_group="theirs"),
        money_column(tr("Both together"), "found", media=SHEET),
        money_column(tr("No plan has less"), "bound", media=SHEET),
        Column(
            tr("Builds"),
            lambda group: join_texts([*map(wording.project_name, group.projects)]) or NO_VALUE,
            "text",
        ),
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
            "others"),
        money_column(tr("Alone, nobody else acts"), "alone.value", decimals_group="borne"),
        money_column(tr("Idle beside the others"), lambda row: riders_by_id[row.id].idle,
            decimals_group="borne"),
        *interval_columns(tr("Acting beside the others"), lambda row: riders_by_id[row.id].acting,
            "borne"),
        *interval_columns(tr("Gain by staying out"), lambda row: riders_by_id[row.id].gain,
            "gain"),
    ]  # fmt: skip
    series = {
        tr("Stays out"): [_chart_range(wording, rider.gain) for rider in riders_by_id.values()]
    }
    if rule is not None:
        name = rule_name(rule.rule)
        columns += [
            money_column(tr("Share: {rule}", rule=name), lambda row: wording.reference_gain(row.id),
                decimals_group="gain"),
            money_column(tr("More than its share"),
                lambda row: riders_by_id[row.id].gain.value - wording.reference_gain(row.id),
                decimals_group="gain"),
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
        header: str, getter: ValueGetter, decimals_group: str, **options: Any
    ) -> Column:
        return money_column(header, getter, decimals_group=decimals_group, total=True, **options)

    columns = [
        Column(tr("Player"), lambda player: wording.funder_name(player.id), "text"),
        total_column(tr("Alone, nobody else acts"), "alone.value", "borne"),
        *interval_columns(tr("Alone, all act alone"), lambda player: costs_alone[player.id],
            "borne", total=True),
        total_column(tr("Spared by the others"),
            lambda player: player.alone.value - costs_alone[player.id].value, "borne"),
        total_column(tr("Gain by Shapley value"), lambda player: second_game.shapley[player.id],
            "gain"),
        total_column(tr("Gain at the least core"), lambda player: core.get(player.id), "gain"),
    ]  # fmt: skip
    title = tr("The same game with outsiders acting ({unit})", unit=wording.money_unit)
    note = tr("Damage and net cost if each does what is best for itself, and how all then share.")
    rows = [wording.players_by_id[id] for id in costs_alone]
    return Table(title, rows, columns, "outsiders", note, total_label=tr("All"))
