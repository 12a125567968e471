"""A plan as a document: what it recommends, what that costs, what remains and how sure it is."""

from __future__ import annotations

from models.language import tr
from models.results import Frontier, Plan, Split
from optimizer.analyses.frontier.document import beside_plan
from optimizer.analyses.frontier.document import checks as frontier_checks
from optimizer.analyses.plan.accounts import accounts
from optimizer.analyses.plan.answer import answer
from optimizer.analyses.plan.damage import damage
from optimizer.analyses.plan.damage import title as damage_title
from optimizer.analyses.plan.dependence import dependence
from optimizer.analyses.plan.evidence import evidence
from optimizer.analyses.plan.method import method, proof, terms
from optimizer.analyses.plan.projects import funding, projects
from optimizer.analyses.plan.sheets import answer_parts, checks, sheets
from optimizer.analyses.plan.stocks import stocks
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.split import document as split_document
from optimizer.report.document import PAGE, TEXT, Check, Document, Section, Terms


def document(plan: Plan, frontier: Frontier | None = None, split: Split | None = None) -> Document:
    """The document of a plan; a frontier and a split of its scenario get sections of their own."""
    say = PlanWording(plan)
    beside, more = _beside(plan, frontier, split)
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    return say.document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        [*answer(say), *answer_parts(plan)],
        [*sections(plan, beside), *sheets(plan)],
        checks=[*checks(plan), *more],
        amounts=amounts,
        outcomes=(plan.outcome.without_plan.worst, plan.outcome.worst),
    )


def sections(plan: Plan, beside: list[Section] | None = None) -> list[Section]:
    """All sections of a plan but the answer; ``beside`` are those of what was found with it."""
    say = PlanWording(plan)
    made = [
        Section("projects", tr("What to build, and when"), list(projects(say)), TEXT),
        Section("funding", tr("Funding by source and year"), list(funding(say)), TEXT),
        Section("stocks", tr("What to stock"), list(stocks(say)), TEXT),
        Section("dependence", tr("Dependence before and after"), list(dependence(say)), TEXT),
        Section("damage", damage_title(say), list(damage(say)), TEXT),
        *(beside or ()),
        Section("accounts", tr("What it costs, and fiscal accounts"), list(accounts(say)), TEXT),
        Section("evidence", tr("Assumptions and sources"), list(evidence(say)), PAGE),
        Section("method", tr("How it was computed"), list(method(say)), PAGE),
        Section("certificate", tr("How good the proof is"), list(proof(say)), TEXT),
        glossary(plan),
    ]
    return [section for section in made if section.parts]


def short_sections(plan: Plan, id: str, title: str) -> list[Section]:
    """The answer alone, as that of one of several options."""
    return [Section(id, title, list(answer(PlanWording(plan))), TEXT, one_page=True)]


def glossary(plan: Plan) -> Section:
    """What the words mean that the documents of a plan, or of several, use."""
    return Section("glossary", tr("Terms"), [Terms(terms(PlanWording(plan)))], PAGE)


def _beside(
    plan: Plan, frontier: Frontier | None, split: Split | None
) -> tuple[list[Section], list[Check]]:
    """The sections of what was found for the same scenario, and what must add up in them."""
    made: list[Section] = []
    must: list[Check] = []
    if frontier is not None:
        made += beside_plan(frontier, plan)
        must += frontier_checks(frontier) if made else []
    if split is not None:
        made += [*split_document.plan_sections(split), *split_document.plan_sheets(split)]
        must += split_document.plan_checks(split)
    return made, must
