"""A plan as a document: what it recommends, what that costs, what remains and how sure it is."""

from __future__ import annotations

from dataclasses import replace

from models.language import tr
from models.results import Frontier, Plan, Split
from optimizer.analyses.frontier.document import beside_plan
from optimizer.analyses.frontier.document import checks as frontier_checks
from optimizer.analyses.plan import (
    accounts,
    budgets,
    certificate,
    damage,
    dependence,
    evidence,
    funding,
    key_figures,
    positions,
    projects,
    stocks,
)
from optimizer.analyses.plan.answer import answer
from optimizer.analyses.plan.method import method, terms
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.split import document as split_document
from optimizer.report.document import PAGE, TEXT, Check, Document, Section, Terms


def document(plan: Plan, frontier: Frontier | None = None, split: Split | None = None) -> Document:
    """The document of a plan; a frontier and a split of its scenario get sections of their own."""
    say = PlanWording(plan)
    beside, more = _beside(plan, frontier, split)
    amounts = [plan.outcome.net_cost_meur, *(p.capex_meur for p in plan.projects)]
    amounts += [cost for pile in plan.stockpiles for cost in pile.cost_meur.values()]
    parts = (projects, positions, budgets, damage, dependence, stocks, certificate)
    return say.document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        [*answer(say), *key_figures.parts(say)],
        [*_sections(say, beside), *_sheets(say)],
        checks=[*(check for part in parts for check in part.checks(say)), *more],
        amounts=amounts,
        outcomes=(plan.outcome.without_plan.worst, plan.outcome.worst),
    )


def sections(plan: Plan) -> list[Section]:
    """All sections of a plan but the answer, for the texts of another document."""
    found = _sections(PlanWording(plan), [])
    return [replace(one, on=one.on & TEXT) for one in found if one.on & TEXT]


def _sections(say: PlanWording, beside: list[Section]) -> list[Section]:
    """All sections but the answer; ``beside`` are those of what was found with the plan."""
    made = [
        *projects.sections(say),
        *funding.sections(say),
        *stocks.sections(say),
        dependence.section(say),
        damage.section(say),
        *beside,
        accounts.section(say),
        evidence.section(say),
        Section("method", tr("How it was computed"), list(method(say)), PAGE),
        certificate.certificate(say),
        glossary(say.plan),
    ]
    return [section for section in made if section.parts]


def _sheets(say: PlanWording) -> list[Section]:
    """What stands in sheets alone."""
    return [
        *budgets.sheets(say),
        *positions.sheets(say),
        *damage.sheets(say),
        *dependence.sheets(say),
        *evidence.sheets(say),
        positions.reconciliation(say),
    ]


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
        sections, checks = split_document.beside_plan(split)
        made, must = [*made, *sections], [*must, *checks]
    return made, must
