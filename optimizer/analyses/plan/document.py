"""The document of a plan: recommendation, costs, remaining damage and uncertainty."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from models.language import tr
from models.results import Brief, Plan
from optimizer.analyses.assumption_dependence import document as disagreement_document
from optimizer.analyses.deferral import document as waiting_document
from optimizer.analyses.evaluation import document as evaluation
from optimizer.analyses.explanation import document as explanation
from optimizer.analyses.frontier import document as frontier_document
from optimizer.analyses.plan import (
    accounts,
    chains,
    damage,
    figure_sources,
    funding,
    method,
    projects,
    supply_dependence,
)
from optimizer.analyses.plan.companion_results import CompanionResults
from optimizer.analyses.plan.executive_facts import build_checks as first_checks
from optimizer.analyses.plan.executive_summary import build_answer
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.sensitivity import document as sensitivity
from optimizer.analyses.shared_wording import glossary_section
from optimizer.analyses.split import document as split_document
from optimizer.analyses.stress import plan_sections as stress
from optimizer.report.document import TERMINAL_AND_PAGE, Check, Document, Part, Section, Table

SHOWN_ON = TERMINAL_AND_PAGE
"""Media of these sections; the workbooks of companion results have the sheets."""


def _uncertainty_sections(wording: PlanWording) -> list[Section]:
    """Build the sections on uncertainty and, if there is an explanation, on rejected candidates."""
    sections = [
        Section("unsure", tr("How much is unsure"), list(_uncertainty_parts(wording)), SHOWN_ON)
    ]
    if wording.companions.explanation is not None:
        table = explanation.left_out_table(wording.companions.explanation)
        sections.append(Section("rejected", tr("Candidates that are left out"), [table], SHOWN_ON))
    return sections


def _uncertainty_parts(wording: PlanWording) -> Iterator[Part]:
    if wording.companions.sensitivity is not None:
        for section in sensitivity.build_document(wording.companions.sensitivity).sections:
            yield from map(
                _fold_charted_table, section.parts if section.id in ("swings", "turns") else ()
            )
    if wording.companions.evaluation is not None:
        for part in evaluation.build_document(wording.companions.evaluation).answer:
            if isinstance(part, str) or (isinstance(part, Table) and part.name == "between"):
                yield _fold_charted_table(part)


def _fold_charted_table(part: Part) -> Part:
    """Return the part; a table is collapsed if it has a chart, and expanded if not."""
    return replace(part, is_collapsed=part.chart is not None) if isinstance(part, Table) else part


COMPANION_SECTIONS: dict[str, Callable[[Any], tuple[list[Section], list[Check]]]] = {
    "frontier": frontier_document.sections_for_plan_report,
    "stress": stress.sections_for_plan_report,
    "split": split_document.sections_for_plan_report,
    "disagreement": disagreement_document.sections_for_plan_report,
    "waiting": waiting_document.sections_for_plan_report,
}
"""Functions that build sections and checks from a companion result, by kind and in this order."""
NO_PLANS: Mapping[str, Plan] = MappingProxyType({})


def build_document(
    plan: Plan, other_plans: Mapping[str, Plan] = NO_PLANS, **companions: Any
) -> Document:
    """Build the document of a plan.

    ``other_plans`` are plans to compare it with, by label; ``companions`` are its companion
    results, as fields of :class:`CompanionResults`.
    """
    wording = PlanWording(plan, CompanionResults(**companions), other_plans)
    available = wording.companions.available
    check_builders: tuple[Callable[[PlanWording], Iterable[Check]], ...] = (
        first_checks,
        projects.project_checks,
        accounts.account_checks,
        accounts.fiscal_checks,
        damage.build_checks,
        chains.build_checks,
        supply_dependence.build_checks,
        projects.stock_checks,
        method.build_checks,
    )
    checks = [check for build_checks in check_builders for check in build_checks(wording)]
    added_sections: list[Section] = []
    for kind, build_companion_sections in COMPANION_SECTIONS.items():
        if kind in available:
            companion_sections_of_kind, companion_checks = build_companion_sections(available[kind])
            added_sections += companion_sections_of_kind
            checks += companion_checks
    return wording.build_document(
        tr("Vorrat: plan for stocks and investment in raw materials"),
        list(build_answer(wording)),
        _all_sections(wording, added_sections),
        checks=checks,
    )


def brief_document(
    plan: Plan,
    compared_plans: Mapping[str, Plan] = NO_PLANS,
    author: str = "",
    date: str = "",
    **companions: Any,
) -> Document:
    """Build a document of the first page alone, with author and date.

    The other arguments are those of :func:`build_document`.
    """
    wording = PlanWording(plan, CompanionResults(**companions), compared_plans, author, date)
    return wording.build_document(
        tr("Vorrat: brief"), list(build_answer(wording)), [], answer_title=tr("In brief")
    )


def brief_figures(
    plan: Plan, compared_plans: Mapping[str, Plan] = NO_PLANS, **companions: Any
) -> Brief:
    """Return the figures of the first page; arguments are those of :func:`build_document`."""
    return PlanWording(plan, CompanionResults(**companions), compared_plans).brief


def _all_sections(wording: PlanWording, added_sections: list[Section]) -> list[Section]:
    """Return all sections except the answer; ``added_sections`` are those of companion results."""
    unsure, *rejected = _uncertainty_sections(wording)
    hints = _section_hints()
    sections = [
        unsure,
        projects.projects_section(wording),
        waiting_document.review_section(wording, wording.plan.review),
        *rejected,
        funding.funding_section(wording),
        accounts.fiscal_section(wording),
        *accounts.build_sections(wording),
        projects.stocks_section(wording),
        *supply_dependence.build_sections(wording),
        *damage.build_sections(wording),
        *chains.build_sections(wording),
        method.user_rules_section(wording),
        damage.set_outcomes_section(wording),
        *added_sections,
        *figure_sources.build_sections(wording),
        method.method_section(wording),
        method.certificate_section(wording),
        glossary_section(wording),
    ]
    return [replace(section, contents_hint=hints.get(section.id, "")) for section in sections]


def _section_hints() -> dict[str, str]:
    """Return words for the table of contents that titles of sections lack, by section id."""
    return {
        "unsure": tr("fresh states, releases without foresight, what turns the decision"),
        "projects": tr("what would be built anyway, windfall"),
        "review": tr("now and later: what depends on what has been seen"),
        "rejected": tr("why not this project, and at what price"),
        "fiscal": tr("share that stays at home, state aid by project, return, output by funder"),
        "accounts": tr("losses, provision for guarantees, debt brake, averages per EUR"),
        "stocks": tr("who pays, how long they last"),
        "damage": tr("worst states, materials, consumers"),
        "under": tr("how it does where experts disagree"),
        "disagreement": tr("the best plan of each expert, and what each costs the others"),
        "waiting": tr("what it is worth to decide later, and to look"),
        "stress": tr("what fails when, with the plan and without"),
    }


def build_sections(plan: Plan) -> list[Section]:
    """Return the sections of a plan, without the answer and sheets, for another document."""
    sections = _all_sections(PlanWording(plan), [])
    return [
        replace(section, media=section.media & TERMINAL_AND_PAGE)
        for section in sections
        if section.media & TERMINAL_AND_PAGE
    ]
