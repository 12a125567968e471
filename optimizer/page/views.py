"""Views of plans, and files that are made from them. Both are parts of the documents of reports, so
that the page and reports state the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from models.language import mark_translatable, tr
from models.results import Comparison, Plan
from optimizer.analyses.registry import build_result_document
from optimizer.errors import VorratError
from optimizer.page import answer_changes
from optimizer.report.document import PAGE, Document, Part, Section, Table, parts_for_medium

DOWNLOADS = {
    "brief": ("brief.html", "text/html; charset=utf-8"),
    "word": (
        "brief.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "report": ("report.html", "text/html; charset=utf-8"),
    "workbook": (
        "results.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "plan": ("plan.json", "application/json"),
}
"""Downloads by name: file name and content type."""

PLAN_VIEWS: dict[str, tuple[str, Collection[str]]] = {
    "brief": (mark_translatable("In brief"), ("answer",)),
    "projects": (mark_translatable("Projects"), ("projects",)),
    "money": (mark_translatable("Money"), ("funding", "fiscal", "accounts", "budgets")),
    "stocks": (mark_translatable("Stocks"), ("stocks",)),
    "exposure": (mark_translatable("Dependence"), ("dependence",)),
    "map": (mark_translatable("Map"), ("dependence",)),
    "damage": (mark_translatable("Damage"), ("damage",)),
}
"""Views of one plan: title, and the ids of their sections."""
COMPARISON_VIEWS = {
    "changed": mark_translatable("What has changed"),
    "board": mark_translatable("Options"),
}
"""Views of several plans side by side."""
STRESS_VIEWS = {"stress": mark_translatable("Stress test")}
FUNDER_VIEWS = {"company": mark_translatable("What a funder gains")}
ALL_VIEWS = (
    {name: title for name, (title, _) in PLAN_VIEWS.items()}
    | COMPARISON_VIEWS
    | STRESS_VIEWS
    | FUNDER_VIEWS
)
"""Titles of all views by name."""
KEEP_ONLY = "keep"
"""View without content: a request for it makes the worker keep the document of a plan."""
FLOWS_TABLE = "flows"
"""Name of the table that the view ``map`` shows, and ``exposure`` leaves out."""


class NothingToShow(VorratError):
    """Raised for a view that would have no content."""


class PlanNotKept(VorratError):
    """Raised for a plan that is no longer kept and has to be solved again."""


def plan_view(name: str, document: Document) -> str:
    """Return the view with this name as HTML, from the document of a plan. Raises NothingToShow if
    it is empty, as do the other views."""
    wanted_sections = PLAN_VIEWS[name][1]
    sections = [
        section
        for section in document.sections_for(PAGE, tr("In brief"))
        if section.id in wanted_sections
    ]
    if name in ("map", "exposure"):
        on_map = name == "map"
        sections = [replace(s, parts=list(_map_parts(s.parts, on_map))) for s in sections]
    return _render_sections(document, sections)


def _map_parts(parts: Iterable[Part], on_map: bool) -> Iterable[Part]:
    for part in parts:
        if (isinstance(part, Table) and part.name == FLOWS_TABLE) == on_map:
            yield part


def changes_view(plan_before: Plan, plan_after: Plan) -> str:
    """Return the differences between two plans as HTML."""
    document = _comparison_document([plan_before, plan_after], ["before", "after"], as_given=True)
    wanted_sections = ("projects", "costs")
    sections = [section for section in document.sections_for(PAGE) if section.id in wanted_sections]
    return _render_sections(
        document,
        [_section_on_page(answer_changes.changes_section(plan_before, plan_after)), *sections],
    )


def _section_on_page(section: Section) -> Section:
    return replace(section, parts=parts_for_medium(section.parts, PAGE))


def options_view(plans: Sequence[Plan]) -> str:
    """Return several plans side by side as HTML, with benefits and costs."""
    document = _comparison_document(plans, [f"option {n}" for n in range(1, len(plans) + 1)])
    wanted_sections = ("answer", "steps", "benefits", "costs", "differences")
    return _render_sections(
        document,
        [
            section
            for section in document.sections_for(PAGE, tr("Options"))
            if section.id in wanted_sections
        ],
    )


def _comparison_document(
    plans: Sequence[Plan], labels: Sequence[str], as_given: bool = False
) -> Document:
    comparison, by_label = _compare_plans(plans, labels)
    return build_result_document(comparison, plans=by_label, as_given=as_given)


def _compare_plans(
    plans: Sequence[Plan], labels: Sequence[str], federal: Collection[str] | None = None
) -> tuple[Comparison, dict[str, Plan]]:
    from optimizer.analyses.comparison.plan_comparison import compare_plans

    comparison = compare_plans(plans, labels, base=labels[0], federal=federal)
    return comparison, dict(zip(labels, plans, strict=True))


def funder_view(funder: str, taking_part: Plan, staying_out: Plan) -> str:
    """Return, as HTML, what a funder gains by taking part rather than staying out."""
    from optimizer.analyses.comparison.funder_page import build_funder_page

    federal = {f.id for f in taking_part.funders if f.kind == "public" and f.id != funder}
    plans = [taking_part, staying_out]
    comparison, by_label = _compare_plans(plans, ["taking part", "staying out"], federal)
    if funder not in {view.funder for view in comparison.own_views}:
        raise NothingToShow(tr("It pays for nothing in this plan, so staying out changes nothing."))
    document = build_funder_page(comparison, by_label, funder)
    section = answer_changes.gained_section(funder, comparison, taking_part, staying_out)
    return _render_sections(document, [_section_on_page(section), *document.sections_for(PAGE)])


def stress_view(result: Any) -> str:
    """Return a stress test as HTML, period by period."""
    document = build_result_document(result)
    return _render_sections(
        document, [s for s in document.sections_for(PAGE, tr("What happens")) if s.id != "method"]
    )


def _render_sections(document: Document, sections: Sequence[Section]) -> str:
    from optimizer.report.render.html import render_sections

    sections = [section for section in sections if section.parts]
    if not sections:
        raise NothingToShow(tr("This plan has nothing of that to show."))
    return render_sections(sections, document.units)


def render_download(name: str, plan: Plan) -> bytes:
    """Return the content of the file ``name`` (a key of ``DOWNLOADS``) that is made from a plan, in
    the current language."""
    from optimizer.analyses.plan.document import brief_document
    from optimizer.report.render import html, word, workbook

    renderers: dict[str, Callable[[], bytes]] = {
        "brief": lambda: html.render_page(brief_document(plan)).encode(),
        "word": lambda: word.render_word(brief_document(plan)),
        "report": lambda: html.render_page(build_result_document(plan)).encode(),
        "workbook": lambda: workbook.render_workbook(build_result_document(plan)),
        "plan": lambda: f"{plan.model_dump_json(indent=2)}\n".encode(),
    }
    return renderers[name]()


DOWNLOADS_WITH_CHAINS = ("report", "workbook", "plan")
"""Files that also describe chains, which takes further recourse evaluations."""
