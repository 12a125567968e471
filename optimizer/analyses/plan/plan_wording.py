"""Names, sums and recurring phrases of a plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.language import tr
from models.results import Brief, Plan, Position, ReferenceIncrement
from models.results.option import Benefit, Cost, MoneyTotals
from models.scenario.references import Case
from optimizer.analyses.comparison.benefit import compute_benefit
from optimizer.analyses.comparison.money import compute_cost, position_adder
from optimizer.analyses.comparison.plan_comparison import compute_brief
from optimizer.analyses.plan.companion_results import CompanionResults
from optimizer.analyses.plan_diff import MARKET_ID
from optimizer.report.countries import country_name
from optimizer.report.document import Column, ValueForm, ValueGetter
from optimizer.report.number_format import format_percent, sanitize
from optimizer.report.wording import Wording, capitalize, join_with_and

MAX_NAMED_COUNTRIES = 2
"""Largest number of home countries that a header names; for more it says "domestic"."""


@dataclass(frozen=True)
class PlanWording(Wording[Plan]):
    """A plan with the names and sums that its documents use, in the current language."""

    companions: CompanionResults = field(default_factory=CompanionResults)
    """Companion results of the plan."""
    compared_plans: Mapping[str, Plan] = field(default_factory=dict)  # by label
    author: str = ""
    date: str = ""

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.result

    @cached_property
    def years(self) -> list[int]:
        """The years of the horizon."""
        if self.case is not None:
            return list(self.case.horizon.years)
        money_years = {year for by_year in self.plan.spend_meur.values() for year in by_year}
        material_years = {year for material in self.plan.materials for year in material.by_year}
        return sorted(map(int, money_years | material_years))

    @property
    def horizon_text(self) -> str:
        """The years of the horizon as text."""
        first_year, last_year = self.years[0], self.years[-1]
        return (
            str(first_year)
            if first_year == last_year
            else tr("{first} to {last}", first=first_year, last=last_year)
        )

    @property
    def horizon_phrase(self) -> str:
        """The horizon as a phrase within a sentence, with a leading space; empty without years."""
        if len(self.years) < 2:
            return " " + tr("in {year}", year=self.years[0]) if self.years else ""
        return " " + tr("in the years {first} to {last}", first=self.years[0], last=self.years[-1])

    @cached_property
    def benefit(self) -> Benefit:
        """What the plan achieves: avoided damage, days of cover, supplier concentration."""
        return compute_benefit(self.plan)

    @cached_property
    def cost(self) -> Cost:
        """The cost of the plan, by budget class and by kind of funder."""
        return compute_cost(self.plan, self.benefit)

    @cached_property
    def brief(self) -> Brief:
        """The figures of the first page, for decision makers."""
        evaluation, explanation = self.companions.evaluation, self.companions.explanation
        return compute_brief(self.plan, evaluation, explanation, self.compared_plans)

    def sum_positions(self, positions: Iterable[Position]) -> MoneyTotals:
        """Return the sums of the money of several positions."""
        return position_adder(self.plan)(positions)

    @cached_property
    def year_keys(self) -> list[str]:
        """The years of the horizon as texts, which are the keys of yearly figures."""
        return list(map(str, self.years))

    def fill_years(self, figures: Mapping[str, float]) -> dict[str, Any]:
        """Return yearly figures, with 0 for missing years of the horizon."""
        return {**dict.fromkeys(self.year_keys, 0.0), **figures}

    @cached_property
    def funder_kinds(self) -> dict[str, str]:
        """The kind of each funder by id: public, company or private; lenders are of the kind
        ``market``."""
        return {funder.id: funder.kind for funder in self.plan.funders} | {MARKET_ID: "market"}

    @cached_property
    def public_positions(self) -> list[Position]:
        """The positions of public funders."""
        return [p for p in self.plan.accounts if self.funder_kinds.get(p.funder) == "public"]

    def funder_kind_name(self, funder: str) -> str:
        """Return the name of a funder's kind; empty if the plan does not list its funders."""
        return payer_kind_names().get(self.funder_kinds.get(funder, ""), "")

    def payer_name(self, funder: str) -> str:
        """Return the display name of a funder, or the text for lenders and investors."""
        return tr("lenders and investors") if funder == MARKET_ID else self.name("funders", funder)

    def payer_header(self, funder: str) -> str:
        """Return the name of a funder as the header of a row or column."""
        return capitalize(self.payer_name(funder))

    def position_instrument(self, position: Position) -> str:
        """Return the name of a position's instrument, or "stocks" or "premium" if it has none."""
        if position.instrument is None:
            return capitalize(tr("stocks") if position.project is None else tr("premium"))
        return self.instrument_name(position.funder, position.instrument)

    def purpose_name(self, position: Position) -> str:
        """Return the name of the project or stockpile for which a position pays."""
        if position.project is not None:
            return self.name("projects", position.project)
        return self.name("stockpiles", position.stockpile or "")

    @property
    def capex_header(self) -> str:
        """The header of the capex column, which says whether overruns are included."""
        if all(project_plan.expected_capex_meur is None for project_plan in self.plan.projects):
            return tr("Capex, {unit}", unit=self.money_unit)
        return tr("Capex expected, {unit}", unit=self.money_unit)

    @property
    def has_contingency(self) -> bool:
        """Whether budgets cover more than expected overruns; commitments then exceed payments."""
        return any(
            project_plan.budgeted_capex_meur is not None for project_plan in self.plan.projects
        )

    @property
    def overruns_note(self) -> str:
        """A note on how commitments and payments treat overruns; empty without a contingency."""
        if not self.has_contingency:
            return ""
        return " " + tr(
            "What is committed has the overruns that budgets allow for, what is paid expected ones."
        )

    def line_kind_name(self, kind: str) -> str:
        """Return the name of a kind of budget line."""
        return {
            "budget": tr("budget"),
            "commitment": tr("commitment authority"),
            "cash": tr("cash by year"),
            "guarantee_stock": tr("guarantees outstanding"),
        }[kind]

    def _line_name(self, funder: str, line: str) -> str:
        funder_data = self.case.funders.get(funder) if self.case else None
        item = funder_data.budget_lines.get(line) if funder_data else None
        names = {(use.funder, use.line): use.name for use in self.plan.budget_lines}
        if item:
            return self._localized_name(item.name, line)
        return sanitize(names.get((funder, line), line))

    def budget_line_name(self, funder: str | None, line: str) -> str:
        """Return the name of a funder's budget line; None stands for all public funders."""
        if funder is None:
            return tr("All public funders together")
        source = self.payer_header(funder)
        return source if line == "budget" else f"{source}: {self._line_name(funder, line)}"

    @property
    def contracted_header(self) -> str:
        """The header for the share of output that is contracted to domestic consumers."""
        home = () if self.case is None else self.case.home
        if not 0 < len(home) <= MAX_NAMED_COUNTRIES:
            return tr("Contracted to domestic consumers")
        return tr("Contracted to {home}", home=join_with_and([country_name(code) for code in home]))

    @property
    def worst_share(self) -> str:
        """The probability of the CVaR tail as a percentage, such as 5 %."""
        return format_percent(1 - self.plan.outcome.cvar_level)

    @property
    def tail_label(self) -> str:
        """The label for the CVaR."""
        if self.counts_damage:
            return tr("Expected shortfall (CVaR): mean damage in the worst {share} of states",
                      share=self.worst_share)  # fmt: skip
        return tr("Expected shortfall (CVaR): mean shortage in the worst {share} of states",
                  share=self.worst_share)  # fmt: skip


def payer_kind_names() -> dict[str, str]:
    """Return the display name of each kind of payer: the funder kinds, and lenders ("market")."""
    return {
        "public": tr("public funders"),
        "company": tr("companies"),
        "private": tr("other private funders"),
        "market": tr("lenders and investors"),
    }


def amount_column(
    header: str, getter: ValueGetter, form: ValueForm = "money", **options: Any
) -> Column:
    """Return a column of amounts with a total.

    Neighboring columns of this kind show the same number of decimals.
    """
    return Column(header, getter, form, decimals_group="all", total=True, **options)


def relative_reduction(with_plan: float, without_plan: float) -> float | None:
    """Return the reduction by the plan relative to the figure without a plan; None unless that
    figure is positive."""
    return (without_plan - with_plan) / without_plan if without_plan > 0 else None


def option_name(increment: ReferenceIncrement) -> str:
    """Return the name of a reference plan for use within a sentence."""
    if increment.title:
        return tr("“{option}”", option=increment.title)
    return tr("the best plan without public money")


def decidable_projects(case: Case) -> Iterator[str]:
    """Yield the ids of candidates that can still be decided."""
    policy, horizon = case.policy, case.horizon.years
    years = {y for y in horizon if policy.max_starts_by_year.get(y, 1) > 0}
    for id, project in case.projects.items():
        if years & {*project.start_years(horizon)} and id not in policy.must_not_build:
            yield id


CellContent = float | str | None


@dataclass(frozen=True)
class SheetRow:
    """A row whose figures are all displayed in one ``form``."""

    form: ValueForm
    cells: Mapping[str, CellContent]

    def __getitem__(self, key: str) -> Any:
        return self.cells.get(key)


def row_column(
    header: str | int, key: str, form: ValueForm | None = None, **options: Any
) -> Column:
    """Return a column that shows one cell of each :class:`SheetRow`.

    Figures are displayed in the ``form``, by default that of the row.
    """
    get_form = form or (lambda row: row.form)
    return Column(header, lambda row: row[key], get_form, empty_text="", **options)


def text_columns(**headers: str) -> list[Column]:
    """Return text columns of a :class:`SheetRow`; each keyword is a cell key with its header."""
    return [row_column(header, key, "text") for key, header in headers.items()]


def row_year_columns(
    year_keys: Iterable[str], form: ValueForm | None = None, **options: Any
) -> list[Column]:
    """Return a column of :class:`SheetRow` cells for each year."""
    return [row_column(int(year), year, form, **options) for year in year_keys]
