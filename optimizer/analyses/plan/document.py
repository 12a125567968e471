"""A plan as a document: what it recommends, what that costs, what remains and how sure it is."""

from dataclasses import replace

from models.language import tr
from models.results import Frontier, Plan, Split
from optimizer.analyses.frontier.document import beside_plan
from optimizer.analyses.frontier.document import checks as frontier_checks
from optimizer.analyses.plan import (
    accounts,
    chains,
    damage,
    dependence,
    evidence,
    funding,
    method,
    projects,
    stocks,
)
from optimizer.analyses.plan.answer import answer, key_figures
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.split import document as split_document
from optimizer.report.document import TEXT, Document, Section


def document(plan: Plan, frontier: Frontier | None = None, split: Split | None = None) -> Document:
    """The document of a plan; a frontier and a split of its scenario get sections of their own."""
    say = PlanWording(plan)
    parts = (projects, accounts, damage, chains, dependence, stocks, method)
    checks = [check for part in parts for check in part.checks(say)]
    beside: list[Section] = []
    if frontier is not None:
        beside += beside_plan(frontier)
        checks += frontier_checks(frontier) if beside else []
    if split is not None:
        its_sections, its_checks = split_document.beside_plan(split)
        beside += its_sections
        checks += its_checks
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    return say.document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        [*answer(say), *key_figures(say)],
        _sections(say, beside),
        checks=checks,
        amounts=amounts,
        outcomes=(plan.outcome.without_plan.worst, plan.outcome.worst),
    )


def _sections(say: PlanWording, beside: list[Section]) -> list[Section]:
    """All sections but the answer; ``beside`` are those of what was found with the plan."""
    return [
        projects.section(say),
        funding.section(say),
        stocks.section(say),
        *dependence.sections(say),
        *damage.sections(say),
        *chains.sections(say),
        *beside,
        *accounts.sections(say),
        *evidence.sections(say),
        method.section(say),
        method.certificate(say),
        method.glossary(say),
    ]


def sections(plan: Plan) -> list[Section]:
    """All sections of a plan but the answer, for the texts of another document."""
    found = _sections(PlanWording(plan), [])
    return [replace(one, on=one.on & TEXT) for one in found if one.on & TEXT]


def short_sections(plan: Plan, id: str, title: str) -> list[Section]:
    """The answer alone, as that of one of several options; those say where they are worth it."""
    said = PlanWording(plan.model_copy(update={"worth_from": ()}))
    return [Section(id, title, list(answer(said)), TEXT, one_page=True)]


def glossary(plan: Plan) -> Section:
    """What the words mean that the documents of several plans use."""
    return method.glossary(PlanWording(plan))
