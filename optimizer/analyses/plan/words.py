"""Names, sums and recurring words of a plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.language import tr
from models.results import Against, Brief, Plan, Position
from models.results.option import Benefit, Cost, Sums
from models.scenario.case import Case
from optimizer.analyses.comparison.benefit import benefit
from optimizer.analyses.comparison.increments import brief
from optimizer.analyses.comparison.money import adder, cost
from optimizer.analyses.plan.beside import Beside
from optimizer.report.countries import country
from optimizer.report.document import Column, Form, Of
from optimizer.report.figures import clean, percent
from optimizer.report.wording import Wording, capital, listed

MARKET = ".market"
"""Stands for lenders and investors among the ids of funders, which have no dots."""
MOST_COUNTRIES = 2
"""Of more countries than these, consumers are called domestic."""


@dataclass(frozen=True)
class PlanWording(Wording[Plan]):
    """A plan in the words of the current language, with the sums of a comparison of plans."""

    beside: Beside = field(default_factory=Beside)
    """What else was found of it."""
    others: Mapping[str, Plan] = field(default_factory=dict)  # options it is compared with
    author: str = ""
    date: str = ""

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.found

    @cached_property
    def years(self) -> list[int]:
        """The years of the horizon."""
        if self.case is not None:
            return list(self.case.horizon.years)
        of_money = {year for by_year in self.plan.spend_meur.values() for year in by_year}
        of_materials = {year for material in self.plan.materials for year in material.by_year}
        return sorted(map(int, of_money | of_materials))

    @property
    def span(self) -> str:
        """The horizon in words."""
        first, last = self.years[0], self.years[-1]
        return str(first) if first == last else tr("{first} to {last}", first=first, last=last)

    @property
    def during(self) -> str:
        """The horizon as part of a sentence, with a space before it."""
        if len(self.years) < 2:
            return " " + tr("in {year}", year=self.years[0]) if self.years else ""
        return " " + tr("in the years {first} to {last}", first=self.years[0], last=self.years[-1])

    @cached_property
    def benefit(self) -> Benefit:
        """What the plan buys."""
        return benefit(self.plan)

    @cached_property
    def cost(self) -> Cost:
        """What the plan costs."""
        return cost(self.plan, self.benefit)

    @cached_property
    def brief(self) -> Brief:
        """What a decision maker must find of the plan."""
        also = self.beside
        return brief(self.plan, also.evaluation, also.explanation, self.others)

    def add(self, positions: Iterable[Position]) -> Sums:
        """Positions added up."""
        return adder(self.plan)(positions)

    @cached_property
    def horizon(self) -> list[str]:
        """The years of the horizon, as the keys of figures by year."""
        return list(map(str, self.years))

    def filled(self, figures: Mapping[str, float]) -> dict[str, Any]:
        """Figures of all years of the horizon: 0 in years without one."""
        return {**dict.fromkeys(self.horizon, 0.0), **figures}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What each funder is: public, company or private; lenders are the market."""
        return {funder.id: funder.kind for funder in self.plan.funders} | {MARKET: "market"}

    @cached_property
    def public(self) -> list[Position]:
        """Positions of public funders."""
        return [p for p in self.plan.accounts if self.kinds.get(p.funder) == "public"]

    def kind(self, funder: str) -> str:
        """The kind of a funder in words; nothing where the plan does not list its funders."""
        return kinds().get(self.kinds.get(funder, ""), "")

    def payer(self, funder: str) -> str:
        """The name of a funder, or of the market."""
        return tr("lenders and investors") if funder == MARKET else self.name("funders", funder)

    def source(self, funder: str) -> str:
        """The same at the head of a row or column."""
        return capital(self.payer(funder))

    def how(self, position: Position) -> str:
        """The instrument of a position, or that it pays for stocks or a premium."""
        if position.instrument is None:
            return capital(tr("stocks") if position.project is None else tr("premium"))
        return self.instrument(position.funder, position.instrument)

    def purpose(self, position: Position) -> str:
        """What a position pays for."""
        if position.project is not None:
            return self.name("projects", position.project)
        return self.name("stockpiles", position.stockpile or "")

    @property
    def capex(self) -> str:
        """The header of capital cost, which is expected to be more where overruns are foreseen."""
        if all(built.expected_capex_meur is None for built in self.plan.projects):
            return tr("Capex, {unit}", unit=self.million)
        return tr("Capex expected, {unit}", unit=self.million)

    @property
    def has_contingency(self) -> bool:
        """Whether budgets allow for more overruns than are expected, so that what is committed
        exceeds what is paid."""
        return any(built.budgeted_capex_meur is not None for built in self.plan.projects)

    @property
    def overruns(self) -> str:
        """With which overruns commitments and payments are counted; empty where they are alike."""
        if not self.has_contingency:
            return ""
        return " " + tr(
            "What is committed has the overruns that budgets allow for, what is paid expected ones."
        )

    def line_kind(self, kind: str) -> str:
        """A kind of budget line in words."""
        return {
            "budget": tr("budget"),
            "commitment": tr("commitment authority"),
            "cash": tr("cash by year"),
            "guarantee_stock": tr("guarantees outstanding"),
        }[kind]

    def _line_name(self, funder: str, line: str) -> str:
        known = self.case.funders.get(funder) if self.case else None
        item = known.budget_lines.get(line) if known else None
        own = {(use.funder, use.line): use.name for use in self.plan.budget_lines}
        return self._named(item.name, line) if item else clean(own.get((funder, line), line))

    def budget_line(self, funder: str | None, line: str) -> str:
        """The name of a budget or of a line of it; without a funder that of all public ones."""
        if funder is None:
            return tr("All public funders together")
        source = self.source(funder)
        return source if line == "budget" else f"{source}: {self._line_name(funder, line)}"

    @property
    def contracted(self) -> str:
        """What is called the share of output that consumers at home receive by contract."""
        home = () if self.case is None else self.case.home
        if not 0 < len(home) <= MOST_COUNTRIES:
            return tr("Contracted to domestic consumers")
        return tr("Contracted to {home}", home=listed([country(code) for code in home]))

    @property
    def worst_share(self) -> str:
        """Which share of the states are the worst ones."""
        return percent(1 - self.plan.outcome.cvar_level)

    @property
    def tail(self) -> str:
        """The mean of the worst states, in words."""
        of = {"share": self.worst_share}
        if self.of_damage:
            return tr("Expected shortfall (CVaR): mean damage in the worst {share} of states", **of)
        return tr("Expected shortfall (CVaR): mean shortage in the worst {share} of states", **of)


def kinds() -> dict[str, str]:
    """The kinds of those who pay, in words."""
    return {
        "public": tr("public funders"),
        "company": tr("companies"),
        "private": tr("other private funders"),
        "market": tr("lenders and investors"),
    }


def summed(header: str, of: Of, form: Form = "money", **more: Any) -> Column:
    """A column of amounts that is summed up, with the decimals of its neighbours of this kind."""
    return Column(header, of, form, like="all", total=True, **more)


def reduction(reached: float, without: float) -> float | None:
    """By which share a figure falls compared with doing nothing; None where there is nothing."""
    return (without - reached) / without if without > 0 else None


def called(one: Against) -> str:
    """What a plan is compared with, within a sentence."""
    if one.title:
        return tr("“{option}”", option=one.title)
    return tr("the best plan without public money")


def decidable(case: Case) -> Iterator[str]:
    """Candidates that can still be decided."""
    years = {y for y in case.horizon.years if case.policy.max_starts_by_year.get(y, 1) > 0}
    for id, project in case.projects.items():
        if years & {*project.starts(case.horizon.years)} and id not in case.policy.must_not_build:
            yield id
