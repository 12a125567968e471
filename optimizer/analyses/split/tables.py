"""Tables of a split: joint plan, cost of each player, joint gain, and checks."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from models.language import tr
from models.results import Coalition, Interval
from optimizer.analyses.split.split_wording import SplitWording, rule_name
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Table


def money_column(header: str, getter: doc.ValueGetter, **options: Any) -> Column:
    """Return a column of amounts of money."""
    return Column(header, getter, "money", **options)


def interval_columns(
    header: str, getter: doc.ValueGetter, decimals_group: str, **options: Any
) -> list[Column]:
    """Return a column with the value of an interval, and (in a sheet only) two columns with its
    ends."""
    read_interval = attribute_getter(getter) if isinstance(getter, str) else getter

    def end_of(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(read_interval(row), name, None)

    return [
        money_column(header, end_of("value"), decimals_group=decimals_group, **options),
        money_column(
            tr("At least"), end_of("low"), group=header, decimals_group=decimals_group, media=SHEET
        ),
        money_column(
            tr("At most"), end_of("high"), group=header, decimals_group=decimals_group, media=SHEET
        ),
    ]


# Joint plan and costs of players


def joint_projects_table(wording: SplitWording) -> Table:
    """Return the table of the joint plan's projects, with those who carry them and those who
    receive their output."""
    carriers = list(
        dict.fromkeys(id for item in wording.result.plan.projects for id in item.shares)
    )

    def share_column(id: str) -> Column:
        return Column(wording.funder_name(id), lambda item: item.shares.get(id, 0.0), "share",
                      media=SHEET, group=tr("Carried by"))  # fmt: skip

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
            money_column(tr("Capex, {unit}", unit=wording.money_unit), "capex_meur"),
            Column(tr("Carried by"), lambda item: wording.shares_text(item.shares), "text"),
            Column(tr("Output for"), lambda item: wording.shares_text(item.offtake), "text"),
            *map(share_column, carriers),
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
            lambda year: paid_by_year[funder].get(str(year), 0.0),
                     decimals_group="paid", total=True)  # fmt: skip

    def total_in_year(year: int) -> float:
        return sum(by_year.get(str(year), 0.0) for by_year in paid_by_year.values())

    total_column = money_column(tr("All"), total_in_year, decimals_group="paid", total=True)
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
        return money_column(header, key, decimals_group="borne", total=True, **options)

    return Table(
        tr("What each bears, alone and with all ({unit})", unit=wording.money_unit),
        wording.cost_bearers,
        [
            Column(tr("Player"), "name", "text"),
            money_column(tr("Value of its demand"), "demand", media=SHEET, total=True),
            cost_column(tr("Damage if nobody acts"), "without"),
            *interval_columns(tr("Damage and net cost alone"), "alone", "borne",
                total=True),
            cost_column(tr("Damage with all"), "damage"),
            cost_column(tr("Net outlay with all"), "outlay"),
            cost_column(tr("Gain before transfers"), "before"),
        ],
        "split-players",
        note,
        total_label=tr("All"),
    )  # fmt: skip


def joint_gain_table(wording: SplitWording) -> Table:
    """Return the table of the cost of all players alone and together, the joint gain and the core,
    for a sheet."""
    split, plan, core = wording.result, wording.result.plan, wording.result.core
    alone = Interval(
        low=sum(bearer.alone.low for bearer in wording.cost_bearers),
        value=wording.total_cost_alone,
        high=sum(bearer.alone.high for bearer in wording.cost_bearers),
    )
    joint_cost = Interval(low=plan.bound, value=plan.objective, high=plan.objective)
    rows = [
        (tr("Damage and net cost of all, each alone"), alone, ""),
        (tr("Damage and net cost of all together"), joint_cost, ""),
        (tr("Gain of all"), split.worth, ""),
    ]
    if core is not None:
        core_note = tr("What the group with most to gain has by leaving, made least")
        contribution_note = tr("On top of the gain of all, shared at best")
        rows.append((tr("Least core"), core.least_core, core_note))
        rows.append((tr("Public money to keep all"), core.contribution, contribution_note))

    return Table(
        tr("What all gain ({unit})", unit=wording.money_unit),
        rows,
        [
            Column(tr("Figure"), "0", "text"),
            money_column(tr("At least"), "1.low"),
            money_column(tr("By the plans"), "1.value"),
            money_column(tr("At most"), "1.high"),
            Column(tr("Remark"), "2", "text", empty_text=""),
        ],
        "joint-gain",
        media=SHEET,
    )  # fmt: skip


# Checks


def build_checks(wording: SplitWording) -> Iterator[doc.Check]:
    """Yield checks that figures of the split agree with each other."""
    split, plan, core = wording.result, wording.result.plan, wording.result.core
    worth, scale = split.worth.value, wording.total_cost_alone
    alone = {bearer.id: bearer.alone.value for bearer in wording.cost_bearers}
    others_alone = 0.0 if wording.non_players is None else wording.non_players.alone.value
    worth_by_group = {frozenset(x.members): x.worth.value for x in split.coalitions}

    def members_alone(group: Coalition) -> float:
        return others_alone + sum(alone[id] for id in group.members)

    statement = tr("What all bear alone, less what they bear together, is their gain")
    yield doc.Check(statement, scale - plan.objective, worth, scale)
    statement = tr("What the members of each group bear alone, less what they bear, is its gain")
    deviations = [members_alone(x) - x.found - x.worth.value for x in split.coalitions]
    yield _no_deviation_check(statement, deviations, scale)
    statement = tr("The gap of the plan of all follows from objective and bound")
    gap = max(0.0, plan.objective - plan.bound) / max(abs(plan.objective), 1e-6)
    yield doc.Check(statement, gap, plan.gap)
    if any(item.shares for item in plan.projects):
        statement = tr("The shares of each joint project add up to 1")
        deviations = [math.fsum(item.shares.values()) - 1 for item in plan.projects]
        yield _no_deviation_check(statement, deviations, 1.0)
    for rule in split.rules:
        statement = tr("{rule}: the gains add up to the gain of all", rule=rule_name(rule.rule))
        gains = {id: share.gain.value for id, share in rule.members.items()}
        yield doc.Check(statement, math.fsum(gains.values()), worth, scale)
        statement = tr(
            "{rule}: what each pays is what it bears alone, less its gain and its damage with all",
            rule=rule_name(rule.rule),
        )
        deviations = [
            share.pays_meur - alone[id] + share.gain.value + plan.damage[id]
            for id, share in rule.members.items()
        ]
        yield _no_deviation_check(statement, deviations, scale)
        statement = tr(
            "{rule}: what a group has more by leaving is its gain less its share by the rule",
            rule=rule_name(rule.rule),
        )
        deviations = [
            group.gain
            - worth_by_group[frozenset(group.members)]
            + sum(gains[id] for id in group.members)
            for group in rule.leaving
        ]
        yield _no_deviation_check(statement, deviations, scale)
    at_core = tr("The gains at the least core add up to the gain of all")
    if core is not None and split.rules:
        yield doc.Check(at_core, math.fsum(core.members.values()), worth, scale)
    if split.free_riding:
        statement = tr("What one bears alone, less what it bears beside the others, is its gain")
        deviations = [
            alone[id] - rider.acting.value - rider.gain.value
            for id, rider in split.free_riding.items()
        ]
        yield _no_deviation_check(statement, deviations, scale)
    if split.externality is not None:
        second_game = split.externality
        statement = tr("With outsiders acting, the gains add up to the gain of all")
        shapley_sum = math.fsum(second_game.shapley.values())
        yield doc.Check(statement, shapley_sum, second_game.worth.value, scale)
        core_sum = math.fsum(second_game.core.members.values())
        yield doc.Check(at_core, core_sum, second_game.worth.value, scale)


def _no_deviation_check(statement: str, deviations: Sequence[float], scale: float) -> doc.Check:
    """Return a check that none of the deviations is more than rounding."""
    return doc.Check(statement, max(map(abs, deviations), default=0.0), scale=scale)
