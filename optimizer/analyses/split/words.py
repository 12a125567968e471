"""A split in words: names, groups and rules, and figures that several sections share."""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from models import results
from models.language import tr
from models.results import Interval, Player, SharingRule, Split
from optimizer.report.figures import NOISE, NONE, decimals, number, percent
from optimizer.report.wording import Wording, capital, joined, listed

MARKET, COMMON = "market", "common"
"""Stand for lenders and investors, and for output that all share, where an id would stand."""
OTHERS = ""
"""Stands for those who are no players where an id would stand."""
WIDE = 0.005
"""Share of the worth of all: what the proofs leave open is told where it is more."""
MANY = 3
"""A group of more is told by those it lacks, where these are fewer."""


class Bearer(NamedTuple):
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


class Game(Wording[Split]):
    """A split as its document speaks of it."""

    @cached_property
    def players(self) -> dict[str, Player]:
        """The players by their ids, in the order of the file."""
        return {player.id: player for player in self.found.players}

    @property
    def state(self) -> results.StateMode:
        """Where public money stands: nowhere if the scenario has no public funder."""
        case = self.case
        if case is not None and all(f.kind != "public" for f in case.funders.values()):
            return "none"
        return self.found.state

    @property
    def everybody(self) -> str:
        """All players in words, as the subject of a sentence."""
        count = number(sum(player.kind == "company" for player in self.found.players))
        return {
            "player": tr("the {count} companies and the state", count=count),
            "every": tr("the {count} companies, with the state behind them,", count=count),
        }.get(self.state, tr("the {count} companies", count=count))

    def funder(self, id: str) -> str:
        """The name of a player, of another funder, or of what stands for one."""
        if id in (MARKET, COMMON) and id not in self.players:
            return tr("lenders and investors") if id == MARKET else tr("all consumers")
        known = self.players.get(id)
        if known is not None and known.kind == "state":
            return tr("State")
        return self.name("funders", id, None if known is None else known.name)

    def project(self, id: str) -> str:
        """The name of a project."""
        known = next((item.name for item in self.found.plan.projects if item.id == id), None)
        return self.name("projects", id, known)

    def group(self, members: Iterable[str]) -> str:
        """The names of a group; of most players, the names of those that are missing."""
        inside = list(members)
        missing = [id for id in self.players if id not in inside]
        if not missing:
            return tr("all together")
        if len(inside) > MANY and 2 * len(missing) < len(inside):
            return tr("all but {names}", names=listed([*map(self.funder, missing)]))
        return listed([*map(self.funder, inside)])

    def key(self, members: Iterable[str]) -> str:
        """The key of a group, whatever order its members come in; ids have no plus sign."""
        inside = set(members)
        return "+".join(id for id in self.players if id in inside)

    def shares(self, of: dict[str, float]) -> str:
        """Who carries how much of a project, or for whom how much of its output is reserved."""
        told = [f"{self.funder(id)} {percent(x)}" for id, x in of.items() if x > NOISE]
        return capital(joined(told)) or NONE

    def outlay(self, id: str) -> float:
        """What a player pays for projects and stocks in the plan of all."""
        plan = self.found.plan
        return plan.public_meur if self.players[id].kind == "state" else plan.outlay_meur.get(id, 0)

    @cached_property
    def bearers(self) -> list[Bearer]:
        """What each player bears; those who are no players last, where they bear anything."""
        damage = self.found.plan.damage
        some = [
            Bearer(p, self.funder(p), one.demand_meur, one.without_plan, one.alone, damage[p],
                   self.outlay(p))
            for p, one in self.players.items()
        ]  # fmt: skip
        return some if self.others is None else [*some, self.others]

    @cached_property
    def others(self) -> Bearer | None:
        """Those who are no players, but count; None where nobody does, or they bear nothing."""
        split, plan = self.found, self.found.plan
        if split.baseline is None:
            return None
        state = split.state == "every"
        outlay = sum(paid for id, paid in plan.outlay_meur.items() if id not in self.players)
        outlay -= 0.0 if state else plan.public_meur
        if not state and max(abs(outlay), abs(split.baseline.value)) <= NOISE:
            return None  # private funders who put in nothing
        told = sum(plan.damage[id] + self.outlay(id) for id in self.players)
        name = tr("State and other funders") if state else tr("Private funders")
        damage = plan.objective - told - outlay if state else 0.0
        return Bearer(OTHERS, name, None, None, split.baseline, damage, outlay)

    @property
    def alone(self) -> float:
        """What is borne with each player standing alone, by those who are none as well."""
        return sum(one.alone.value for one in self.bearers)

    @cached_property
    def reference(self) -> SharingRule | None:
        """The rule that others are held against: the Shapley value, if it is there."""
        rules = self.found.rules
        return next((rule for rule in rules if rule.rule == "shapley"), next(iter(rules), None))

    def share(self, id: str) -> float:
        """What the reference rule gives a player; nothing where there is none."""
        return 0.0 if self.reference is None else self.reference.members[id].gain.value

    @property
    def tempted(self) -> list[str]:
        """Companies that gain more by staying out than the reference rule gives them."""
        riders = {} if self.reference is None else self.found.free_riding
        return [id for id, of in riders.items() if of.gain.value > self.share(id) + NOISE]

    @property
    def largest_gap(self) -> float:
        """The largest gap of a group."""
        gaps = (abs(c.found - c.bound) / max(abs(c.found), 1e-6) for c in self.found.coalitions)
        return max(gaps, default=0.0)

    def is_wide(self, figure: Interval) -> bool:
        """Whether the proofs leave more of a figure open than can be passed over."""
        return opened(figure) > max(WIDE * abs(self.found.worth.value), NOISE)

    def proven(self, figure: Interval) -> str:
        """A figure with its unit, and with the range of the proofs where that is wide."""
        amount = self.money(figure.value)
        if not self.is_wide(figure):
            return amount
        low, high = outwards(figure)
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


def opened(figure: Interval) -> float:
    """How far the proofs leave a figure open, to the wider side."""
    return max(figure.high - figure.value, figure.value - figure.low)


def outwards(figure: Interval) -> tuple[str, str]:
    """The ends of a range, rounded so that what is said of them stays true."""
    most = max(abs(figure.low), abs(figure.high))
    whole = all(abs(end - round(end)) < NOISE for end in (figure.low, figure.high))
    places = 0 if whole or most >= 100 else decimals([most])
    scale = 10.0**places
    # What an end differs from a round number by is arithmetic where it is a billionth.
    low = math.floor(figure.low * scale + 1e-6) / scale
    high = math.ceil(figure.high * scale - 1e-6) / scale
    return number(low, places), number(high, places)
