"""What the sections of a report are about, and words that several of them use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.language import tr
from models.results import Frontier, Plan
from models.scenario.case import Case
from optimizer.errors import VorratError
from optimizer.report import prose
from optimizer.report.document import Section
from optimizer.report.figures import NOISE, clean, number, rounded
from optimizer.report.names import Names
from optimizer.report.tables import MARKET, money
from optimizer.report.tables.evidence import rests_on
from optimizer.report.tables.frame import records

CLASSES = ("financial_transaction", "loan", "guarantee", "grant", "expenditure", "private", "")
"""Budget classes in the order in which reports list them; an empty one is not said."""


class NoReport(VorratError):
    """A plan that no report can be made of."""

    exit_code = 2


@dataclass(frozen=True)
class Subject:
    """A plan with what else is known of it."""

    plan: Plan
    frontier: Frontier | None = None
    split: Section | None = None
    """On a split of the same scenario."""

    @cached_property
    def names(self) -> Names:
        """What its parts are called."""
        return Names(self.plan)

    @cached_property
    def case(self) -> Case:
        """The scenario it was made for."""
        if self.plan.case is None:
            raise NoReport("the plan does not carry its scenario; solve it again to report on it")
        return self.plan.case

    @property
    def years(self) -> list[int]:
        """The years of the horizon."""
        return list(self.case.horizon.years)

    @property
    def span(self) -> str:
        """The horizon in words."""
        first, last = self.years[0], self.years[-1]
        return str(first) if first == last else tr("{first} to {last}", first=first, last=last)

    @property
    def during(self) -> str:
        """The horizon as part of a sentence."""
        first, last = self.years[0], self.years[-1]
        if first == last:
            return tr("in {year}", year=first)
        return tr("in the years {first} to {last}", first=first, last=last)

    @property
    def million(self) -> str:
        """The unit of money."""
        return prose.million(self.plan)

    @property
    def unit(self) -> str:
        """The unit of the outcome."""
        return prose.unit(self.plan)

    @property
    def of_damage(self) -> bool:
        """Whether damage is counted, and not what is missing."""
        return self.plan.outcome.measure == "damage"

    def name(self, kind: str, *ids: str) -> str:
        """The name of a part on one line."""
        found: str = getattr(self.names, kind)(*ids)
        return clean(found)

    def payer(self, source: str) -> str:
        """The name of a funder, or of the market."""
        return tr("lenders and investors") if source == MARKET else self.name("funder", source)

    def source(self, source: str) -> str:
        """The name of a payer at the head of a row or column."""
        return capital(self.payer(source))

    def amount(self, value: float) -> str:
        """An amount of money with its unit."""
        return f"{rounded(value)} {self.million}"

    def outcome(self, value: float) -> str:
        """An outcome with its unit."""
        return f"{number(value)} {self.unit}"

    @cached_property
    def sources(self) -> Any:
        """Money put up, as :func:`optimizer.report.tables.money.sources`."""
        return money.sources(self.plan)

    @cached_property
    def positions(self) -> Any:
        """Positions, as :func:`optimizer.report.tables.money.positions`."""
        return money.positions(self.plan)

    @cached_property
    def charged(self) -> float:
        """What the budgets of all public funders are charged, over all years."""
        public = {funder.id for funder in self.plan.funders if funder.kind == "public"}
        return sum(
            sum(by_year.values()) for f, by_year in self.plan.spend_meur.items() if f in public
        )

    @cached_property
    def guaranteed(self) -> tuple[float, tuple[int, int] | None]:
        """Guarantees of public funders outstanding at most, and the first and last year of that."""
        out = money.outstanding(self.plan)
        out = out[(out["budget_class"] == "guarantee") & (out["kind"] == "public")]
        by_year = out.groupby("year")["meur"].sum()
        most = float(by_year.max()) if len(by_year) else 0.0
        if most <= NOISE:
            return 0.0, None
        peak = by_year[by_year >= most * (1 - 1e-9)].index
        return most, (int(peak.min()), int(peak.max()))

    @cached_property
    def assumed(self) -> dict[str, float]:
        """Share of the outcome avoided that rests on assumptions, by kind of figure."""
        found = rests_on(self.plan)
        return {row["kind"]: row["assumption"] for row in records(found)}


def capital(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def listed(texts: list[str]) -> str:
    """Texts as one: a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{most} and {last}", most=", ".join(texts[:-1]), last=texts[-1])


def class_name(budget_class: str) -> str:
    """A budget class in words."""
    return {
        "financial_transaction": tr("financial transaction"),
        "loan": tr("loan"),
        "guarantee": tr("public guarantee"),
        "grant": tr("grant"),
        "expenditure": tr("expenditure on stocks"),
        "private": tr("private money"),
        "": tr("class not stated"),
    }[budget_class]


def projects_counted(count: int) -> str:
    """So many projects, in words."""
    return tr("1 project") if count == 1 else tr("{count} projects", count=number(count))


def materials_counted(count: int) -> str:
    """So many materials, in words."""
    return tr("1 material") if count == 1 else tr("{count} materials", count=number(count))


def candidates_counted(count: int) -> str:
    """So many candidate projects, in words."""
    if count == 1:
        return tr("1 candidate project")
    return tr("{count} candidate projects", count=number(count))


def consumers_counted(count: int) -> str:
    """So many consumers, in words."""
    return tr("1 consumer") if count == 1 else tr("{count} consumers", count=number(count))


def stockpiles_counted(count: int) -> str:
    """So many stockpiles, in words."""
    return tr("1 stockpile") if count == 1 else tr("{count} stockpiles", count=number(count))
