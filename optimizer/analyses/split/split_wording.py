"""Names and figures of a split that several sections of its document use."""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from models import results
from models.language import tr
from models.results import Interval, Player, SharingRule, Split
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
