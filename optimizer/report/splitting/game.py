"""A split with the names and units of the current language, and figures that several use."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from models.base import named
from models.language import language, tr
from models.results import (
    Coalition,
    Interval,
    JointProject,
    Leaving,
    Player,
    SharingRule,
    Split,
    StateMode,
)
from models.scenario.case import Case
from optimizer.report.figures import NOISE, clean, decimals, number, percent, rounded
from optimizer.report.tables.frame import MARKET

COMMON = "common"
"""Stands for output that all share where a company's id would stand."""
STATE = "state"
"""Id of the state as a player."""

WIDE = 0.005
"""Share of the worth of all: what the proofs leave open is told where it is more."""
MANY = 3
"""A group of more is told by those it lacks, where these are fewer."""


@dataclass(frozen=True)
class Others:
    """Those who are no players, but count in every coalition: what they bear."""

    name: str
    """What they are called."""
    alone: Interval
    """Damage and net cost without any company."""
    damage: float
    """Damage when all act together."""
    outlay: float
    """Net cost when all act together."""


@dataclass(frozen=True)
class Game:
    """A split as reports speak of it."""

    split: Split

    @cached_property
    def case(self) -> Case | None:
        """The scenario, if the split carries it."""
        return self.split.case

    @property
    def title(self) -> str:
        """The title of the scenario."""
        title = None if self.case is None else self.case.title
        return clean(named(title, self.split.title, language()))

    @property
    def variant(self) -> str | None:
        """The title of the variant that was applied, if one was."""
        name = self.split.variant
        found = None if self.case is None or name is None else self.case.variants.get(name)
        if name is None or found is None:
            return name
        return clean(named(found.title, name, language()))

    @property
    def million(self) -> str:
        """The unit of money."""
        return tr("million {currency}", currency=self.split.currency)

    def amount(self, value: float) -> str:
        """An amount of money with its unit, for a sentence."""
        return f"{rounded(value)} {self.million}"

    def is_wide(self, found: Interval) -> bool:
        """Whether the proofs leave more of a figure open than can be passed over."""
        apart = max(found.high - found.value, found.value - found.low)
        return apart > max(WIDE * abs(self.split.worth.value), NOISE)

    def proven(self, found: Interval) -> str:
        """A figure with its unit, and with the range of the proofs where that is wide."""
        if not self.is_wide(found):
            return self.amount(found.value)
        low, high = outwards(found)
        return tr(
            "{amount} (between {low} and {high} by the proofs)",
            amount=self.amount(found.value),
            low=low,
            high=high,
        )

    @cached_property
    def players(self) -> dict[str, Player]:
        """The players by their ids, in the order of the file."""
        return {player.id: player for player in self.split.players}

    @property
    def companies(self) -> list[Player]:
        """The players without the state."""
        return [player for player in self.split.players if player.kind == "company"]

    @property
    def state(self) -> StateMode:
        """Where public money stands: nowhere if the scenario has no public funder."""
        case = self.split.case
        if case is not None and all(f.kind != "public" for f in case.funders.values()):
            return "none"
        return self.split.state

    @property
    def everybody(self) -> str:
        """All players in words, as the subject of a sentence."""
        count = number(len(self.companies))
        if self.state == "player":
            return tr("the {count} companies and the state", count=count)
        if self.state == "every":
            return tr("the {count} companies, with the state behind them,", count=count)
        return tr("the {count} companies", count=count)

    def player(self, name: str) -> str:
        """The name of a player."""
        found = self.players.get(name)
        if found is not None and found.kind == "state":
            return tr("State")
        return self.funder(name)

    def funder(self, name: str) -> str:
        """The name of a funder, or of lenders and investors."""
        if name == MARKET:
            return tr("lenders and investors")
        item = None if self.case is None else self.case.funders.get(name)
        found = self.players.get(name)
        fallback = name if found is None else found.name
        return clean(named(None if item is None else item.name, fallback, language()))

    def group(self, members: Iterable[str]) -> str:
        """The names of a coalition; of most players, the names of those that are missing."""
        inside = list(members)
        missing = [name for name in self.players if name not in inside]
        if missing and len(inside) > MANY and 2 * len(missing) < len(inside):
            return tr("all but {names}", names=listed(map(self.player, missing)))
        return listed(map(self.player, inside))

    def project(self, item: JointProject) -> str:
        """The name of a project."""
        found = None if self.case is None else self.case.projects.get(item.id)
        return clean(named(None if found is None else found.name, item.name, language()))

    def project_of(self, name: str) -> str:
        """The name of a project by its id."""
        for item in self.split.plan.projects:
            if item.id == name:
                return self.project(item)
        found = None if self.case is None else self.case.projects.get(name)
        return clean(named(None if found is None else found.name, name, language()))

    def consumer(self, name: str) -> str:
        """The name of a consumer."""
        item = None if self.case is None else self.case.consumers.get(name)
        return clean(named(None if item is None else item.name, name, language()))

    def stockpile(self, name: str) -> str:
        """The name of a stockpile."""
        for pile in () if self.case is None else self.case.stockpiles:
            if pile.id == name:
                return clean(named(pile.name, name, language()))
        return clean(name)

    def carried(self, item: JointProject) -> str:
        """Who carries how much of a project."""
        return _shares(item.shares, self.funder)

    def reserved(self, item: JointProject) -> str:
        """For whom output of a project is reserved."""
        return _shares(
            item.offtake,
            lambda name: tr("all consumers") if name == COMMON else self.funder(name),
        )

    def outlay(self, name: str) -> float:
        """What a player pays for projects and stocks in the plan of all."""
        if self.players[name].kind == "state":
            return self.split.plan.public_meur
        return self.split.plan.outlay_meur.get(name, 0.0)

    @cached_property
    def others(self) -> Others | None:
        """Those who are no players, but count; None where nobody does, or they bear nothing."""
        split, plan = self.split, self.split.plan
        if split.baseline is None:
            return None
        outlay = sum(paid for f, paid in plan.outlay_meur.items() if f not in self.players)
        state = split.state == "every"
        if not state:
            outlay -= plan.public_meur
        if not state and max(abs(outlay), abs(split.baseline.value)) <= NOISE:
            return None  # private funders who put in nothing
        told = sum(plan.damage[name] + self.outlay(name) for name in self.players)
        return Others(
            tr("State and other funders") if state else tr("Private funders"),
            split.baseline,
            plan.objective - told - outlay if state else 0.0,
            outlay,
        )

    @property
    def alone(self) -> float:
        """What is borne with each player standing alone, by those who are none as well."""
        others = 0.0 if self.others is None else self.others.alone.value
        return others + sum(player.alone.value for player in self.split.players)

    @cached_property
    def reference(self) -> SharingRule | None:
        """The rule that others are held against: the Shapley value, if it is there."""
        rules = self.split.rules
        return next((rule for rule in rules if rule.rule == "shapley"), next(iter(rules), None))

    @property
    def tempted(self) -> list[str]:
        """Companies that gain more by staying out than the reference rule gives them."""
        rule = self.reference
        if rule is None:
            return []
        return [
            name
            for name, rider in self.split.free_riding.items()
            if rider.gain.value > rule.members[name].gain.value + NOISE
        ]

    @property
    def groups(self) -> list[Coalition]:
        """The coalitions that were solved, but that of all."""
        return [one for one in self.split.coalitions if len(one.members) < len(self.players)]

    def most_eager(self, rule: SharingRule) -> Leaving | None:
        """The group with most to gain by leaving, or least to lose, and how much that is.

        Of the groups that were solved; of a sampled game these are not all.
        """
        if rule.leaving:
            return rule.leaving[0]
        found = [
            (one.worth.value - sum(rule.members[p].gain.value for p in one.members), one)
            for one in self.groups
        ]
        if not found:
            return None
        gain, group = max(found, key=lambda pair: pair[0])
        return Leaving(members=group.members, gain=gain, most=gain + group.found - group.bound)

    @property
    def largest_gap(self) -> float:
        """The largest gap of a coalition."""
        return max(
            (abs(c.found - c.bound) / max(abs(c.found), 1e-6) for c in self.split.coalitions),
            default=0.0,
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


def core_word(rule: SharingRule) -> str:
    """Whether a rule leaves nobody better off outside, in a word or two."""
    if rule.core == "undecided":
        return tr("some group might") if rule.leaving else tr("open")
    return tr("nobody") if rule.core == "inside" else tr("some group")


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


def about_others() -> str:
    """What stands in the row of those who are no players."""
    return tr(
        "Last come those who are no players but count in every group: alone is what they bear "
        "without any company, and figures of players come on top of that."
    )


def listed(texts: Iterable[str]) -> str:
    """Texts as one: a, b and c."""
    several = list(texts)
    if len(several) < 2:
        return "".join(several)
    return tr("{most} and {last}", most=joined(several[:-1]), last=several[-1])


def joined(texts: Iterable[str]) -> str:
    """Texts in a row; where one has a comma itself, semicolons stand between them."""
    several = list(texts)
    return ("; " if any(", " in text for text in several) else ", ").join(several)


def outwards(found: Interval) -> tuple[str, str]:
    """The ends of a range, rounded so that what is said of them stays true."""
    most = max(abs(found.low), abs(found.high))
    whole = all(abs(end - round(end)) < NOISE for end in (found.low, found.high))
    places = 0 if whole or most >= 100 else decimals([most])
    scale = 10.0**places
    # What an end differs from a round number by is arithmetic where it is a billionth.
    low = math.floor(found.low * scale + 1e-6) / scale
    high = math.ceil(found.high * scale - 1e-6) / scale
    return number(low, places), number(high, places)


def _shares(of: Mapping[str, float], name: Callable[[str], str]) -> str:
    return joined(f"{name(one)} {percent(share)}" for one, share in of.items() if share > NOISE)
