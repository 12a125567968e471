"""A split in words: names, groups and rules, and figures that several sections share."""

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
"""Stand for lenders and investors, and for output that all share, where an id would stand."""
NON_PLAYERS_ID = ""
"""Stands for those who are no players where an id would stand."""
WIDE_RANGE_SHARE = 0.005
"""Share of the worth of all: what the proofs leave open is told where it is more."""
MAX_LISTED_MEMBERS = 3
"""A group of more is told by those it lacks, where these are fewer."""


class CostBearer(NamedTuple):
    """A player, or those who are none but count in every group: what they bear."""

    id: str
    name: str
    demand: float | None
    """Value of its demand."""
    without: float | None
    """Damage if nobody acts."""
    alone: Interval
    """Damage and net cost alone; of those who are no players, without any company."""
    damage: float
    """Damage when all act together."""
    outlay: float
    """Net cost when all act together."""

    @property
    def before(self) -> float:
        """Its gain before transfers."""
        return self.alone.value - self.damage - self.outlay


class SplitWording(Wording[Split]):
    """A split as its document speaks of it."""

    @cached_property
    def players_by_id(self) -> dict[str, Player]:
        """The players by their ids, in the order of the file."""
        return {player.id: player for player in self.result.players}

    @property
    def state_mode(self) -> results.PublicMoneyMode:
        """Where public money stands: nowhere if the scenario has no public funder."""
        case = self.case
        if case is not None and all(f.kind != "public" for f in case.funders.values()):
            return "none"
        return self.result.state

    @property
    def all_players_phrase(self) -> str:
        """All players in words, as the subject of a sentence."""
        count = format_number(sum(player.kind == "company" for player in self.result.players))
        return {
            "player": tr("the {count} companies and the state", count=count),
            "every": tr("the {count} companies, with the state behind them,", count=count),
        }.get(self.state_mode, tr("the {count} companies", count=count))

    def funder_name(self, id: str) -> str:
        """The name of a player, of another funder, or of what stands for one."""
        if id in (MARKET_ID, COMMON_ID) and id not in self.players_by_id:
            return tr("lenders and investors") if id == MARKET_ID else tr("all consumers")
        known = self.players_by_id.get(id)
        if known is not None and known.kind == "state":
            return tr("State")
        return self.name("funders", id, None if known is None else known.name)

    def project_name(self, id: str) -> str:
        """The name of a project."""
        known = next((item.name for item in self.result.plan.projects if item.id == id), None)
        return self.name("projects", id, known)

    def group_name(self, members: Iterable[str]) -> str:
        """The names of a group; of most players, the names of those that are missing."""
        inside = list(members)
        missing = [id for id in self.players_by_id if id not in inside]
        if not missing:
            return tr("all together")
        if len(inside) > MAX_LISTED_MEMBERS and 2 * len(missing) < len(inside):
            return tr("all but {names}", names=join_with_and([*map(self.funder_name, missing)]))
        return join_with_and([*map(self.funder_name, inside)])

    def group_key(self, members: Iterable[str]) -> str:
        """The key of a group, whatever order its members come in; ids have no plus sign."""
        inside = set(members)
        return "+".join(id for id in self.players_by_id if id in inside)

    def shares_text(self, shares_by_id: dict[str, float]) -> str:
        """Who carries how much of a project, or for whom how much of its output is reserved."""
        told = [
            f"{self.funder_name(id)} {format_percent(x)}"
            for id, x in shares_by_id.items()
            if x > ZERO_TOLERANCE
        ]
        return capitalize(join_texts(told)) or NO_VALUE

    def player_outlay(self, id: str) -> float:
        """What a player pays for projects and stocks in the plan of all."""
        plan = self.result.plan
        return (
            plan.public_meur
            if self.players_by_id[id].kind == "state"
            else plan.outlay_meur.get(id, 0)
        )

    @cached_property
    def cost_bearers(self) -> list[CostBearer]:
        """What each player bears; those who are no players last, where they bear anything."""
        damage = self.result.plan.damage
        some = [
            CostBearer(p, self.funder_name(p), one.demand_meur, one.without_plan, one.alone, damage[p],
                   self.player_outlay(p))
            for p, one in self.players_by_id.items()
        ]  # fmt: skip
        return some if self.non_players is None else [*some, self.non_players]

    @cached_property
    def non_players(self) -> CostBearer | None:
        """Those who are no players, but count; None where nobody does, or they bear nothing."""
        split, plan = self.result, self.result.plan
        if split.baseline is None:
            return None
        state = split.state == "every"
        outlay = sum(paid for id, paid in plan.outlay_meur.items() if id not in self.players_by_id)
        outlay -= 0.0 if state else plan.public_meur
        if not state and max(abs(outlay), abs(split.baseline.value)) <= ZERO_TOLERANCE:
            return None  # private funders who put in nothing
        told = sum(plan.damage[id] + self.player_outlay(id) for id in self.players_by_id)
        name = tr("State and other funders") if state else tr("Private funders")
        damage = plan.objective - told - outlay if state else 0.0
        return CostBearer(NON_PLAYERS_ID, name, None, None, split.baseline, damage, outlay)

    @property
    def total_cost_alone(self) -> float:
        """What is borne with each player standing alone, by those who are none as well."""
        return sum(one.alone.value for one in self.cost_bearers)

    @cached_property
    def reference_rule(self) -> SharingRule | None:
        """The rule that others are held against: the Shapley value, if it is there."""
        rules = self.result.rules
        return next((rule for rule in rules if rule.rule == "shapley"), next(iter(rules), None))

    def reference_gain(self, id: str) -> float:
        """What the reference rule gives a player; nothing where there is none."""
        return 0.0 if self.reference_rule is None else self.reference_rule.members[id].gain.value

    @property
    def tempted_companies(self) -> list[str]:
        """Companies that gain more by staying out than the reference rule gives them."""
        riders = {} if self.reference_rule is None else self.result.free_riding
        return [
            id
            for id, of in riders.items()
            if of.gain.value > self.reference_gain(id) + ZERO_TOLERANCE
        ]

    @property
    def largest_gap(self) -> float:
        """The largest gap of a group."""
        gaps = (abs(c.found - c.bound) / max(abs(c.found), 1e-6) for c in self.result.coalitions)
        return max(gaps, default=0.0)

    def is_wide_range(self, interval: Interval) -> bool:
        """Whether the proofs leave more of a figure open than can be passed over."""
        return max_deviation(interval) > max(
            WIDE_RANGE_SHARE * abs(self.result.worth.value), ZERO_TOLERANCE
        )

    def amount_with_range(self, interval: Interval) -> str:
        """A figure with its unit, and with the range of the proofs where that is wide."""
        amount = self.money_amount(interval.value)
        if not self.is_wide_range(interval):
            return amount
        low, high = round_outwards(interval)
        return tr(
            "{amount} (between {low} and {high} by the proofs)", amount=amount, low=low, high=high
        )


def rule_name(rule: str) -> str:
    """A rule at the head of a column or row."""
    return {
        "shapley": tr("Shapley value"),
        "nucleolus": tr("Nucleolus"),
        "demand": tr("By demand"),
        "avoided_damage": tr("By damage avoided"),
        "equal": tr("Equal parts"),
    }[rule]


def rule_meaning(rule: str) -> str:
    """What a rule does, in a sentence."""
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
    """How public money stands in the game, in a sentence."""
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
    """How far the proofs leave a figure open, to the wider side."""
    return max(interval.high - interval.value, interval.value - interval.low)


def round_outwards(interval: Interval) -> tuple[str, str]:
    """The ends of a range, rounded so that what is said of them stays true."""
    most = max(abs(interval.low), abs(interval.high))
    whole = all(abs(end - round(end)) < ZERO_TOLERANCE for end in (interval.low, interval.high))
    places = 0 if whole or most >= 100 else decimals_needed([most])
    scale = 10.0**places
    # What an end differs from a round number by is arithmetic where it is a billionth.
    low = math.floor(interval.low * scale + 1e-6) / scale
    high = math.ceil(interval.high * scale - 1e-6) / scale
    return format_number(low, places), format_number(high, places)
