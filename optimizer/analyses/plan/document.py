"""A plan as a document: what it recommends, what that costs, what remains and how sure it is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from models.language import tr
from models.results import Brief, Plan
from optimizer.analyses.assumption_dependence import document as disagreement_document
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.frontier import document as frontier_document
from optimizer.analyses.plan import (
    accounts,
    chains,
    companion_sections,
    damage,
    figure_sources,
    fiscal,
    funding,
    method,
    projects,
    review_decisions,
    set_outcomes,
    stocks,
    supply_dependence,
)
from optimizer.analyses.plan.companion_results import CompanionResults
from optimizer.analyses.plan.executive_summary import build_answer, slide_contents
from optimizer.analyses.plan.executive_summary import build_checks as first_checks
from optimizer.analyses.plan.key_figures import key_figures
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.split import document as split_document
from optimizer.analyses.stress import plan_sections as stress
from optimizer.report.document import PAGE, TERMINAL_AND_PAGE, Check, Document, Section, Table

COMPANION_SECTIONS: dict[str, Callable[[Any], tuple[list[Section], list[Check]]]] = {
    "frontier": frontier_document.sections_for_plan_report,
    "stress": stress.sections_for_plan_report,
    "split": split_document.sections_for_plan_report,
    "disagreement": disagreement_document.sections_for_plan_report,
    "waiting": waiting_document.sections_for_plan_report,
}
"""By kind, what a result that goes with a plan adds to its document, in this order."""
NO_PLANS: Mapping[str, Plan] = MappingProxyType({})


def build_document(plan: Plan, others: Mapping[str, Plan] = NO_PLANS, **beside: Any) -> Document:
    """The document of a plan, with what goes with it, by kind: the fields of :class:`Beside`.

    ``others`` are plans that it is compared with, by label.
    """
    say = PlanWording(plan, CompanionResults(**beside), others)
    also = say.companions.available
    parts = (projects, accounts, fiscal, damage, chains, supply_dependence, stocks, method)
    checks = [*first_checks(say), *(check for part in parts for check in part.build_checks(say))]
    added: list[Section] = []
    for kind, adds in COMPANION_SECTIONS.items():
        if kind in also:
            its_sections, its_checks = adds(also[kind])
            added += its_sections
            checks += its_checks
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    return say.build_document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        [*build_answer(say), *key_figures(say)],
        _all_sections(say, added),
        checks=checks,
        money_amounts=amounts,
        outcome_amounts=(plan.outcome.without_plan.worst, plan.outcome.worst),
    )


def brief_document(
    plan: Plan,
    compared_plans: Mapping[str, Plan] = NO_PLANS,
    author: str = "",
    date: str = "",
    **companions: Any,
) -> Document:
    """The first page by itself, for those who decide, with who wrote it and when; else as above."""
    say = PlanWording(plan, CompanionResults(**companions), compared_plans, author, date)
    return say.build_document(
        tr("Vorrat: brief"), list(build_answer(say)), [], answer_title=tr("In brief")
    )


def brief_figures(
    plan: Plan, compared_plans: Mapping[str, Plan] = NO_PLANS, **companions: Any
) -> Brief:
    """The figures of the first page; arguments as of :func:`document`."""
    return PlanWording(plan, CompanionResults(**companions), compared_plans).brief


def slides_document(
    plan: Plan, compared_plans: Mapping[str, Plan] = NO_PLANS, **companions: Any
) -> Document:
    """Five charts of the report with a sentence each; arguments as of :func:`document`."""
    made = build_document(plan, compared_plans, **companions)
    tables = {
        part.name: part
        for section in made.sections_for(PAGE)
        for part in section.parts
        if isinstance(part, Table) and part.chart is not None
    }
    say = PlanWording(plan, CompanionResults(**companions), compared_plans)
    told = [
        (one, title, text, replace(tables[one], note=""))
        for one, title, text in slide_contents(say)
        if one in tables
    ]
    return replace(
        made,
        kicker=tr("Vorrat: brief"),
        answer=[],
        sections=[Section(one, title, [text, table], PAGE) for one, title, text, table in told],
        checks=(),
    )


def _all_sections(wording: PlanWording, added_sections: list[Section]) -> list[Section]:
    """All sections but the answer; ``added`` are those of what goes with the plan."""
    unsure, *rejected = companion_sections.build_sections(wording)
    hints = _section_hints()
    found = [
        unsure,
        projects.projects_section(wording),
        review_decisions.review_section(wording, wording.plan.review),
        *rejected,
        funding.funding_section(wording),
        fiscal.fiscal_section(wording),
        *accounts.build_sections(wording),
        stocks.stocks_section(wording),
        *supply_dependence.build_sections(wording),
        *damage.build_sections(wording),
        *chains.build_sections(wording),
        set_outcomes.set_outcomes_section(wording),
        *added_sections,
        *figure_sources.build_sections(wording),
        method.method_section(wording),
        method.certificate_section(wording),
        method.glossary_section(wording),
    ]
    return [replace(one, contents_hint=hints.get(one.id, "")) for one in found]


def _section_hints() -> dict[str, str]:
    """What those who ask look for in sections, by id, where their titles do not say it."""
    return {
        "unsure": tr("fresh states, releases without foresight, what turns the decision"),
        "projects": tr("what would be built anyway, windfall"),
        "review": tr("now and later: what depends on what has been seen"),
        "rejected": tr("why not this project, and at what price"),
        "fiscal": tr("share that stays at home, state aid by project, return, output by purse"),
        "accounts": tr("losses, provision for guarantees, debt brake, averages per EUR"),
        "stocks": tr("who pays, how long they last"),
        "damage": tr("worst states, materials, consumers"),
        "under": tr("how it does where experts disagree"),
        "disagreement": tr("the best plan of each expert, and what each costs the others"),
        "waiting": tr("what it is worth to decide later, and to look"),
        "stress": tr("what fails when, with the plan and without"),
    }


def build_sections(plan: Plan) -> list[Section]:
    """All sections of a plan but the answer, for the texts of another document."""
    found = _all_sections(PlanWording(plan), [])
    return [
        replace(one, media=one.media & TERMINAL_AND_PAGE)
        for one in found
        if one.media & TERMINAL_AND_PAGE
    ]


def plan_glossary(plan: Plan) -> Section:
    """What the words mean that the documents of several plans use."""
    return method.glossary_section(PlanWording(plan))
