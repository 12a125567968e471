"""A plan as a document: what it recommends, what that costs, what remains and how sure it is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from models.language import tr
from models.results import Brief, Plan
from optimizer.analyses.disagreement import document as disagreement_document
from optimizer.analyses.frontier import document as frontier_document
from optimizer.analyses.plan import (
    accounts,
    after_review,
    chains,
    companions,
    damage,
    dependence,
    evidence,
    fiscal,
    funding,
    method,
    projects,
    stocks,
    under,
)
from optimizer.analyses.plan.answer import answer, told_by_charts
from optimizer.analyses.plan.answer import checks as first_checks
from optimizer.analyses.plan.beside import Beside
from optimizer.analyses.plan.key_figures import key_figures
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.split import document as split_document
from optimizer.analyses.stress import beside as stress
from optimizer.analyses.waiting import document as waiting_document
from optimizer.report.document import PAGE, TEXT, Check, Document, Section, Table

SECTIONS: dict[str, Callable[[Any], tuple[list[Section], list[Check]]]] = {
    "frontier": frontier_document.beside_plan,
    "stress": stress.beside_plan,
    "split": split_document.beside_plan,
    "disagreement": disagreement_document.beside_plan,
    "waiting": waiting_document.beside_plan,
}
"""By kind, what a result that goes with a plan adds to its document, in this order."""
NO_PLANS: Mapping[str, Plan] = MappingProxyType({})


def document(plan: Plan, others: Mapping[str, Plan] = NO_PLANS, **beside: Any) -> Document:
    """The document of a plan, with what goes with it, by kind: the fields of :class:`Beside`.

    ``others`` are plans that it is compared with, by label.
    """
    say = PlanWording(plan, Beside(**beside), others)
    also = say.beside.given
    parts = (projects, accounts, fiscal, damage, chains, dependence, stocks, method)
    checks = [*first_checks(say), *(check for part in parts for check in part.checks(say))]
    added: list[Section] = []
    for kind, adds in SECTIONS.items():
        if kind in also:
            its_sections, its_checks = adds(also[kind])
            added += its_sections
            checks += its_checks
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    return say.document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        [*answer(say), *key_figures(say)],
        _sections(say, added),
        checks=checks,
        amounts=amounts,
        outcomes=(plan.outcome.without_plan.worst, plan.outcome.worst),
    )


def brief(
    plan: Plan,
    others: Mapping[str, Plan] = NO_PLANS,
    author: str = "",
    date: str = "",
    **beside: Any,
) -> Document:
    """The first page by itself, for those who decide, with who wrote it and when; else as above."""
    say = PlanWording(plan, Beside(**beside), others, author, date)
    return say.document(tr("Vorrat: brief"), list(answer(say)), [], answer_title=tr("In brief"))


def figures(plan: Plan, others: Mapping[str, Plan] = NO_PLANS, **beside: Any) -> Brief:
    """The figures of the first page; arguments as of :func:`document`."""
    return PlanWording(plan, Beside(**beside), others).brief


def slides(plan: Plan, others: Mapping[str, Plan] = NO_PLANS, **beside: Any) -> Document:
    """Five charts of the report with a sentence each; arguments as of :func:`document`."""
    made = document(plan, others, **beside)
    tables = {
        part.name: part
        for section in made.on(PAGE)
        for part in section.parts
        if isinstance(part, Table) and part.chart is not None
    }
    say = PlanWording(plan, Beside(**beside), others)
    told = [
        (one, title, text, replace(tables[one], note=""))
        for one, title, text in told_by_charts(say)
        if one in tables
    ]
    return replace(
        made,
        kicker=tr("Vorrat: brief"),
        answer=[],
        sections=[Section(one, title, [text, table], PAGE) for one, title, text, table in told],
        checks=(),
    )


def _sections(say: PlanWording, added: list[Section]) -> list[Section]:
    """All sections but the answer; ``added`` are those of what goes with the plan."""
    unsure, *rejected = companions.sections(say)
    hints = _hints()
    found = [
        unsure,
        projects.section(say),
        after_review.section(say, say.plan.review),
        *rejected,
        funding.section(say),
        fiscal.section(say),
        *accounts.sections(say),
        stocks.section(say),
        *dependence.sections(say),
        *damage.sections(say),
        *chains.sections(say),
        under.section(say),
        *added,
        *evidence.sections(say),
        method.section(say),
        method.certificate(say),
        method.glossary(say),
    ]
    return [replace(one, hint=hints.get(one.id, "")) for one in found]


def _hints() -> dict[str, str]:
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


def sections(plan: Plan) -> list[Section]:
    """All sections of a plan but the answer, for the texts of another document."""
    found = _sections(PlanWording(plan), [])
    return [replace(one, on=one.on & TEXT) for one in found if one.on & TEXT]


def glossary(plan: Plan) -> Section:
    """What the words mean that the documents of several plans use."""
    return method.glossary(PlanWording(plan))
