"""Names, sums and recurring words of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.language import tr
from models.results import Plan, Position
from models.results.option import Benefit, Cost, Sums
from optimizer.analyses.comparison.benefit import benefit
from optimizer.analyses.comparison.money import adder, charged, cost
from optimizer.report.countries import country
from optimizer.report.document import Column, Form, Of
from optimizer.report.figures import NOISE, clean, number, percent, small_percent
from optimizer.report.wording import Wording, capital, listed

MARKET = ".market"
"""Stands for lenders and investors among the ids of funders, which have no dots."""
MOST_COUNTRIES = 2
"""Of more countries than these, consumers are called domestic."""


@dataclass(frozen=True)
class PlanWording(Wording[Plan]):
    """A plan in the words of the current language, with the sums that several sections show.

    Sums, shares and figures per euro are those of a comparison of plans
    (:mod:`optimizer.analyses.comparison`), so that there is one definition of each.
    """

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
        if not self.years:
            return ""
        first, last = self.years[0], self.years[-1]
        return str(first) if first == last else tr("{first} to {last}", first=first, last=last)

    @property
    def during(self) -> str:
        """The horizon as part of a sentence, with a space before it."""
        if not self.years:
            return ""
        first, last = self.years[0], self.years[-1]
        if first == last:
            return " " + tr("in {year}", year=first)
        return " " + tr("in the years {first} to {last}", first=first, last=last)

    @cached_property
    def benefit(self) -> Benefit:
        """What the plan buys."""
        return benefit(self.plan)

    @cached_property
    def cost(self) -> Cost:
        """What the plan costs."""
        return cost(self.plan, self.benefit)

    def add(self, positions: Iterable[Position]) -> Sums:
        """Positions added up."""
        return adder(self.plan)(positions)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What each funder is: public, company or private; lenders are the market."""
        return {funder.id: funder.kind for funder in self.plan.funders} | {MARKET: "market"}

    @cached_property
    def public(self) -> list[Position]:
        """Positions of public funders."""
        return [p for p in self.plan.accounts if self.kinds.get(p.funder) == "public"]

    def charged(self, funder: str) -> float:
        """What the budget of a funder is charged over all years."""
        return charged(self.plan, funder)

    @property
    def builds_nothing(self) -> bool:
        """Whether nothing is started and nothing is bought."""
        bought = any(t > NOISE for stock in self.plan.stockpiles for t in stock.buy_t.values())
        return not self.plan.projects and not bought

    def payer(self, funder: str) -> str:
        """The name of a funder, or of the market."""
        return tr("lenders and investors") if funder == MARKET else self.name("funders", funder)

    def source(self, funder: str) -> str:
        """The same at the head of a row or column."""
        return capital(self.payer(funder))

    def how(self, position: Position) -> str:
        """The instrument of a position, or that it pays for stocks."""
        if position.instrument is None:
            return capital(tr("stocks"))
        return self.instrument(position.funder, position.instrument)

    def budget_line(self, funder: str | None, line: str) -> str:
        """The name of a budget or of a line of it; without a funder that of all public ones."""
        if funder is None:
            return tr("All public funders together")
        if line == "budget":
            return self.source(funder)
        item = None if self.case is None else self.case.funders[funder].budget_lines.get(line)
        listed = {(use.funder, use.line): use.name for use in self.plan.budget_lines}
        name = clean(listed.get((funder, line), line))
        return f"{self.source(funder)}: {name if item is None else self._named(item.name, line)}"

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
        if self.of_damage:
            return tr(
                "Expected shortfall (CVaR): mean damage in the worst {share} of states",
                share=self.worst_share,
            )
        return tr(
            "Expected shortfall (CVaR): mean shortage in the worst {share} of states",
            share=self.worst_share,
        )

    @property
    def worst(self) -> str:
        """The worst state, in words."""
        return tr("Worst of the states computed")


def summed(header: str, of: Of, form: Form = "money", **more: Any) -> Column:
    """A column of amounts that is summed up, with the decimals of its neighbours of this kind."""
    return Column(header, of, form, like="all", total=True, **more)


def reduction(reached: float, without: float) -> float | None:
    """By which share a figure falls compared with doing nothing; None where there is nothing."""
    return (without - reached) / without if without > 0 else None


def illustration(plan: Plan) -> list[str]:
    """What few states mean, where there are few."""
    if not plan.certificate.illustrative:
        return []
    if plan.certificate.states == 1:
        return [
            tr(
                "For illustration only: the plan rests on 1 state of the world. Fewer than 100 "
                "show how the parts work together, but not how likely or how bad rare events are."
            )
        ]
    return [
        tr(
            "For illustration only: the plan rests on {states} states of the world. Fewer than "
            "100 show how the parts work together, but not how likely or how bad rare events are.",
            states=number(plan.certificate.states),
        )
    ]


def stopped(plan: Plan) -> list[str]:
    """That the search was stopped early, where it was."""
    if plan.certificate.status != "limit":
        return []
    if plan.certificate.gap is None:
        return [
            tr(
                "Stopped early: the plan keeps all rules, but how much better another could be is "
                "not known."
            )
        ]
    return [
        tr(
            "Stopped early: the plan keeps all rules, and another plan can improve its objective "
            "by {gap} at most.",
            gap=small_percent(plan.certificate.gap),
        )
    ]


def status(plan: Plan) -> str:
    """How the solve ended."""
    certificate = plan.certificate
    if certificate.status == "optimal":
        return tr("optimal: the gap is within its target")
    return tr(
        "stopped early, before the gap reached its target (solver: {ended})",
        ended=certificate.ended,
    )


def bound(plan: Plan) -> str:
    """What the bound says."""
    if plan.certificate.bound is None:
        return tr("none was proven")
    proven = number(plan.certificate.bound)
    return tr("{bound} (no plan can have a lower objective)", bound=proven)


def gap(plan: Plan) -> str:
    """How far the plan may be from the best, and how far it was allowed to be."""
    target = small_percent(plan.certificate.gap_target)
    if plan.certificate.gap is None:
        return tr("not known (target {target})", target=target)
    reached = small_percent(plan.certificate.gap)
    return tr("{gap} (target {target})", gap=reached, target=target)


def method(plan: Plan) -> str:
    """How the problem was solved, and the size of the model."""
    certificate = plan.certificate
    known = {
        "rows": tr("rows"),
        "columns": tr("columns"),
        "integers": tr("integers"),
        "nonzeros": tr("nonzeros"),
        "cuts": tr("cuts"),
    }
    size = ", ".join(
        f"{number(count)} {known.get(what, what)}" for what, count in certificate.model_size.items()
    )
    if certificate.method == "extensive":
        return tr("extensive form: {size}", size=size) if size else tr("extensive form")
    if size:
        return tr("decomposition, master: {size}", size=size)
    return tr("decomposition, master")


def states(plan: Plan) -> str:
    """The states of the world and where they come from."""
    certificate = plan.certificate
    count = number(certificate.states)
    if certificate.seed is not None:
        return tr("{count}, sampled with seed {seed}", count=count, seed=certificate.seed)
    if certificate.states > 1:
        return tr("{count}, written out in the scenario", count=count)
    return tr("{count}, no chance in it", count=count)


def with_sum(items: Sequence[tuple[str, float]]) -> str:
    """Names with their figures, as part of a sentence."""
    return listed(
        [f"{name} {number(figure, 0 if figure >= 10 else None)}" for name, figure in items]
    )
