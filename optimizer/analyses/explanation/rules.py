"""Rules as clauses of a sentence: what stops something, and what leaves it no room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from models.language import marked, tr
from models.results import BindingRule
from optimizer.analyses.explanation import words
from optimizer.analyses.explanation.words import Say
from optimizer.report.countries import country
from optimizer.report.figures import number, percent

FINANCING = {
    "market_finance_limit",
    "share_limit",
    "public_share_limit",
    "state_aid_limit",
    "ticket_min",
    "ticket_max",
}
"""Rules on who carries how much: where only these stop a project, it lacks another investor."""

SAYS = {
    "earliest_start": marked("it cannot start before {years}"),
    "market_finance_limit": marked("lenders and other investors carry at most {share} of it"),
    "share_limit": marked("{funder} ({instrument}) carries at most {share} of a project"),
    "ticket_min": marked("{funder} ({instrument}) puts at least {money} into a project"),
    "ticket_max": marked("{funder} ({instrument}) puts at most {money} into a project"),
    "offtake_right": marked("its output goes only to those who hold a share"),
    "offtake_limit": marked("at most {share} of its output can be reserved"),
    "public_share_limit": marked("public funders together carry at most {share} of a project"),
    "state_aid_limit": marked("state aid to it is limited to {money}"),
    "requires": marked("{project} needs {other} to start no later"),
    "excludes": marked("{project} and {other} exclude each other"),
    "must_build": marked("the scenario demands {project}"),
    "must_not_build": marked("the scenario rules out {project}"),
    "max_projects": marked("of all projects at most {number} may be built"),
    "purchase_limit": marked("the market gives {stockpile} only so much a year"),
    "storage_limit": marked("{stockpile} has room for {tonnes}"),
    "days_of_demand": marked("{stockpile} must cover so many days of demand"),
    "funder_budget": marked("what is left of the budget of {funder} ({money}) does not suffice"),
    "funder_budget_by_year": marked(
        "what is left of the budget of {funder} for {years} does not suffice"
    ),
    "public_budget": marked("what is left of the public budget ({money}) does not suffice"),
    "budget_line_by_year": marked(
        "what is left of the line {line} of {funder} for {years} does not suffice"
    ),
    "budget_line_total": marked(
        "what is left of the line {line} of {funder} ({money}) does not suffice"
    ),
    "guarantee_stock_limit": marked(
        "what is left of the guarantees of {funder} ({line}) in {years} does not suffice"
    ),
    "country_share_limit": marked(
        "{country} may supply at most {share} of the demand for {material}"
    ),
}
"""A rule that stops something, beside the plan or altogether."""

FULL = {
    "purchase_limit": marked("the market gives no more in {years}"),
    "storage_limit": marked("there is no room for more than {tonnes}"),
    "days_of_demand": marked("it must cover so many days of demand in {years}"),
    "funder_budget": marked("the budget of {funder} ({money}) is used up"),
    "funder_budget_by_year": marked("the budget of {funder} for {years} is used up"),
    "public_budget": marked("the public budget ({money}) is used up"),
    "budget_line_by_year": marked("the line {line} of {funder} for {years} is used up"),
    "budget_line_total": marked("the line {line} of {funder} ({money}) is used up"),
    "guarantee_stock_limit": marked("the guarantees of {funder} ({line}) are used up in {years}"),
}
"""The same where it leaves no room around what is chosen, if that is said otherwise."""

DEMANDS = {
    "funder_budget": marked("the budget of {funder} ({money}) does not suffice"),
    "funder_budget_by_year": marked("the budget of {funder} for {years} does not suffice"),
    "public_budget": marked("the public budget ({money}) does not suffice"),
    "budget_line_by_year": marked("the line {line} of {funder} for {years} does not suffice"),
    "budget_line_total": marked("the line {line} of {funder} ({money}) does not suffice"),
    "guarantee_stock_limit": marked(
        "the guarantees of {funder} ({line}) in {years} do not suffice"
    ),
}
"""The same where no plan at all keeps it, so that nothing is left of anything."""


TOGETHER = {
    "funder_budget": (
        marked("what is left of the budgets of {funders} does not suffice"),
        marked("the budgets of {funders} do not suffice"),
        marked("the budgets of {funders} are used up"),
    )
}
"""Several of a kind in one clause: what stops it beside the plan, altogether, and around it."""
KINDS: tuple[dict[str, str], ...] = ({}, DEMANDS, FULL)


def stopping(say: Say, rules: Iterable[BindingRule]) -> str:
    """What stops something beside the plan, as clauses."""
    return "; ".join(_clauses(say, rules, {}))


def conflicting(say: Say, rules: Iterable[BindingRule]) -> str:
    """What no plan can keep together, as clauses."""
    return "; ".join(_clauses(say, rules, DEMANDS))


def binding(say: Say, rules: Iterable[BindingRule]) -> str:
    """What leaves no room, as clauses."""
    return "; ".join(_clauses(say, rules, FULL))


def lacks_investor(rules: Iterable[BindingRule]) -> bool:
    """Whether nothing but limits on who carries how much stops a project."""
    names = {rule.name for rule in rules}
    return bool(names) and names <= FINANCING and "market_finance_limit" in names


def _clauses(say: Say, rules: Iterable[BindingRule], other: dict[str, str]) -> Iterator[str]:
    """A clause for each rule with its tag, the years of one budget together."""

    def alike(rule: BindingRule) -> tuple[str, tuple[tuple[str, str], ...]]:
        own = () if rule.name in TOGETHER else tuple(sorted(rule.about.items()))
        return rule.name, own

    # What others use up comes before what holds of the project whatever others do.
    order = {name: (name in FINANCING, n) for n, name in enumerate(SAYS)}
    last = (True, len(order))

    def rank(rule: BindingRule) -> tuple[tuple[bool, int], Any]:
        return order.get(rule.name, last), alike(rule)

    for _, group in groupby(sorted(rules, key=rank), alike):
        some = list(group)
        name = some[0].name
        says = other.get(name) or SAYS.get(name, name)  # a result may be of a later version
        if len(some) > 1 and some[0].name in TOGETHER:
            says = TOGETHER[some[0].name][KINDS.index(other)]
        clause = tr(says, **_values(say, some))
        yield f"{clause} ({some[0].tag})"


def _values(say: Say, rules: list[BindingRule]) -> dict[str, str]:
    about, limit = rules[0].about, rules[0].limit
    f = about.get("funder", "")
    forms: dict[str, Callable[[float], str]] = {
        "share": percent, "money": say.money, "tonnes": words.tonnes, "number": number,
    }  # fmt: skip
    return {
        "funders": words.listed([say.name("funders", r.about.get("funder", "")) for r in rules], 9),
        "project": say.name("projects", about.get("project", "")),
        "other": say.name("projects", about.get("other", "")),
        "funder": say.name("funders", f),
        "instrument": say.instrument(f, about.get("instrument", "")),
        "line": say.budget_line(f, about.get("line", "")),
        "stockpile": say.name("stockpiles", about.get("stockpile", "")),
        "material": say.name("materials", about.get("material", "")),
        "country": country(about.get("country", "")),
        "years": words.years({year for rule in rules for year in rule.years}),
        **{key: "" if limit is None else said(limit) for key, said in forms.items()},
    }
