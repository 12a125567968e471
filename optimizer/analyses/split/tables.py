"""Tables of a split: joint plan, cost of each player, joint gain, and checks."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from models import results
from models.language import tr
from models.results import Coalition, Interval, Player, SharingRule, Split
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.document import PAGE_AND_SHEET, SHEET, Column, Table
from optimizer.report.number_format import (
    NO_VALUE,
    ZERO_TOLERANCE,
    decimals_needed,
    format_number,
    format_percent,
)
from optimizer.report.wording import Wording, capitalize, join_texts, join_with_and

MARKET_ID, COMMON_ID = "market", "common"
"""Stand-in ids for lenders and investors, and for output that all consumers share."""
NON_PLAYERS_ID = ""
"""Stand-in id for all funders and consumers that are not players."""
WIDE_RANGE_SHARE = 0.005
"""Share of the joint gain above which the range of a figure is stated."""
MAX_LISTED_MEMBERS = 3
"""A larger coalition is named by its missing players, if these are fewer."""


class CostBearer(NamedTuple):
    """Costs in million of a player, or of the non-players that count in every coalition."""

    id: str
    name: str
    demand: float | None
    """Value of its demand."""
    without: float | None
    """Damage if nobody acts."""
    alone: Interval
    """Damage and net cost alone; of non-players, without any company."""
    damage: float
    """Damage when all act together."""
    outlay: float
    """Net cost when all act together."""

    @property
    def before(self) -> float:
        """The gain before transfers: cost alone, less damage and outlay in the joint plan."""
        return self.alone.value - self.damage - self.outlay


class SplitWording(Wording[Split]):
    """Names and figures of a split, as its document uses them."""

    @cached_property
    def players_by_id(self) -> dict[str, Player]:
        """The players by id, in the order of the file."""
        return {player.id: player for player in self.result.players}

    @property
    def state_mode(self) -> results.PublicMoneyMode:
        """The role of public money in the game; ``none`` if the scenario has no public funder."""
        case = self.case
        if case is not None and all(f.kind != "public" for f in case.funders.values()):
            return "none"
        return self.result.state

    @property
    def all_players_phrase(self) -> str:
        """A phrase for all players, used as the subject of a sentence."""
        count = format_number(sum(player.kind == "company" for player in self.result.players))
        return {
            "player": tr("the {count} companies and the state", count=count),
            "every": tr("the {count} companies, with the state behind them,", count=count),
        }.get(self.state_mode, tr("the {count} companies", count=count))

    def funder_name(self, id: str) -> str:
        """Return the name of a player, of another funder, of the market, or of all consumers
        together."""
        if id in (MARKET_ID, COMMON_ID) and id not in self.players_by_id:
            return tr("lenders and investors") if id == MARKET_ID else tr("all consumers")
        player = self.players_by_id.get(id)
        if player is not None and player.kind == "state":
            return tr("State")
        return self.name("funders", id, None if player is None else player.name)

    def project_name(self, id: str) -> str:
        """Return the name of a project."""
        name = next((item.name for item in self.result.plan.projects if item.id == id), None)
        return self.name("projects", id, name)

    def group_name(self, members: Iterable[str]) -> str:
        """Return the names of a coalition's members.

        If more than ``MAX_LISTED_MEMBERS`` and two thirds of the players are members, the names of
        the players that are missing are given instead.
        """
        member_ids = list(members)
        missing_players = [id for id in self.players_by_id if id not in member_ids]
        if not missing_players:
            return tr("all together")
        if len(member_ids) > MAX_LISTED_MEMBERS and 2 * len(missing_players) < len(member_ids):
            return tr(
                "all but {names}", names=join_with_and([*map(self.funder_name, missing_players)])
            )
        return join_with_and([*map(self.funder_name, member_ids)])

    def shares_text(self, shares_by_id: dict[str, float]) -> str:
        """Return the names of funders or consumers with their shares in percent, as a list in
        words."""
        texts = [
            f"{self.funder_name(id)} {format_percent(x)}"
            for id, x in shares_by_id.items()
            if x > ZERO_TOLERANCE
        ]
        return capitalize(join_texts(texts)) or NO_VALUE

    def player_outlay(self, id: str) -> float:
        """Return the net outlay of a player for projects and stocks in the joint plan, in
        million."""
        plan = self.result.plan
        return (
            plan.public_meur
            if self.players_by_id[id].kind == "state"
            else plan.outlay_meur.get(id, 0)
        )

    @cached_property
    def cost_bearers(self) -> list[CostBearer]:
        """The costs of each player, followed by those of non-players if they bear any."""
        damage = self.result.plan.damage
        bearers = [
            CostBearer(p, self.funder_name(p), player.demand_meur, player.without_plan,
                player.alone, damage[p], self.player_outlay(p))
            for p, player in self.players_by_id.items()
        ]  # fmt: skip
        return bearers if self.non_players is None else [*bearers, self.non_players]

    @cached_property
    def non_players(self) -> CostBearer | None:
        """The costs that are counted but borne by no player; None if there are none."""
        split, plan = self.result, self.result.plan
        if split.baseline is None:
            return None
        state_counts = split.state == "every"
        outlay = sum(
            paid_meur for id, paid_meur in plan.outlay_meur.items() if id not in self.players_by_id
        )
        outlay -= 0.0 if state_counts else plan.public_meur
        if not state_counts and max(abs(outlay), abs(split.baseline.value)) <= ZERO_TOLERANCE:
            return None  # private funders that pay nothing
        player_total = sum(plan.damage[id] + self.player_outlay(id) for id in self.players_by_id)
        name = tr("State and other funders") if state_counts else tr("Private funders")
        damage = plan.objective - player_total - outlay if state_counts else 0.0
        return CostBearer(NON_PLAYERS_ID, name, None, None, split.baseline, damage, outlay)

    @property
    def total_cost_alone(self) -> float:
        """The total cost in million if each player acts alone, including the costs of
        non-players."""
        return sum(bearer.alone.value for bearer in self.cost_bearers)

    @cached_property
    def reference_rule(self) -> SharingRule | None:
        """The rule that others are compared with: the Shapley value, or else the first rule; None
        without rules."""
        rules = self.result.rules
        return next((rule for rule in rules if rule.rule == "shapley"), next(iter(rules), None))

    def reference_gain(self, id: str) -> float:
        """Return a player's gain, in million EUR, under the reference rule; 0 without rules."""
        return 0.0 if self.reference_rule is None else self.reference_rule.members[id].gain.value

    @property
    def tempted_companies(self) -> list[str]:
        """The ids of companies that gain more by staying out than under the reference rule."""
        riders = {} if self.reference_rule is None else self.result.free_riding
        return [
            id
            for id, rider in riders.items()
            if rider.gain.value > self.reference_gain(id) + ZERO_TOLERANCE
        ]

    @property
    def largest_gap(self) -> float:
        """The largest relative gap of a coalition."""
        relative_gaps = (
            abs(c.found - c.bound) / max(abs(c.found), 1e-6) for c in self.result.coalitions
        )
        return max(relative_gaps, default=0.0)

    def is_wide_range(self, interval: Interval) -> bool:
        """Return whether the range of a figure is too wide to be left out of a text."""
        return max_deviation(interval) > max(
            WIDE_RANGE_SHARE * abs(self.result.worth.value), ZERO_TOLERANCE
        )

    def amount_with_range(self, interval: Interval) -> str:
        """Format a figure with its unit, and with its proven range if this is wide."""
        amount = self.money_amount(interval.value)
        if not self.is_wide_range(interval):
            return amount
        low, high = round_outwards(interval)
        return tr(
            "{amount} (between {low} and {high} by the proofs)", amount=amount, low=low, high=high
        )


def rule_name(rule: str) -> str:
    """Return the name of a sharing rule in the current language."""
    return {
        "shapley": tr("Shapley value"),
        "nucleolus": tr("Nucleolus"),
        "demand": tr("By demand"),
        "avoided_damage": tr("By damage avoided"),
        "equal": tr("Equal parts"),
    }[rule]


def rule_meaning(rule: str) -> str:
    """Return a sentence that explains a sharing rule."""
    return {
        "shapley": tr(
            "Shapley value: each gets what it adds on average, over all orders in which they may "
            "join (Shapley 1953)."
        ),
        "nucleolus": tr(
            "Nucleolus: the group with most to gain by leaving has as little as possible, then "
            "the next one, and so on (Schmeidler 1969)."
        ),
        "demand": tr("By demand: in proportion to the value of each one's demand."),
        "avoided_damage": tr(
            "By damage avoided: in proportion to what the plan of all spares each one, against "
            "nobody doing anything."
        ),
        "equal": tr("Equal parts: each gets the same."),
    }[rule]


def state_meaning(state: str) -> str:
    """Return a sentence that explains the role of public money in the game."""
    return {
        "none": tr("There is no public money in this game."),
        "every": tr(
            "Public funders take part in every group, and their net cost counts with that of the "
            "members: what these gain is net of all public money."
        ),
        "player": tr("The state is a player: it may join or stay out, be paid or pay."),
        "gift": tr("Public money stands behind every group and costs its members nothing."),
        "joint": tr(
            "Public money comes only if all join, and costs them nothing; smaller groups have none."
        ),
    }[state]


def max_deviation(interval: Interval) -> float:
    """Return the distance of an interval's value from the farther end."""
    return max(interval.high - interval.value, interval.value - interval.low)


def round_outwards(interval: Interval) -> tuple[str, str]:
    """Return the texts of an interval's ends, rounded outwards so that they remain bounds."""
    largest_end = max(abs(interval.low), abs(interval.high))
    are_integers = all(
        abs(end - round(end)) < ZERO_TOLERANCE for end in (interval.low, interval.high)
    )
    places = 0 if are_integers or largest_end >= 100 else decimals_needed([largest_end])
    scale = 10.0**places
    # Deviations of a billionth from a round number are rounding errors.
    low = math.floor(interval.low * scale + 1e-6) / scale
    high = math.ceil(interval.high * scale - 1e-6) / scale
    return format_number(low, places), format_number(high, places)


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
