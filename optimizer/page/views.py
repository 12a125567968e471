"""What is shown of plans, and the files that are made of them: parts of the documents that reports
are made of, so that the page says nothing otherwise than they do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from models.language import marked, tr
from models.results import Comparison, Plan
from optimizer.analyses.documents import document_of
from optimizer.errors import VorratError
from optimizer.page import turns
from optimizer.report.document import PAGE, Document, Part, Section, Table, shown

FILES = {
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
"""What can be taken away, by name: the file, and its type."""

OF_PLAN: dict[str, tuple[str, Collection[str]]] = {
    "brief": (marked("In brief"), ("answer",)),
    "projects": (marked("Projects"), ("projects",)),
    "money": (marked("Money"), ("funding", "fiscal", "accounts", "budgets")),
    "stocks": (marked("Stocks"), ("stocks",)),
    "exposure": (marked("Dependence"), ("dependence",)),
    "map": (marked("Map"), ("dependence",)),
    "damage": (marked("Damage"), ("damage",)),
}
"""Views of one plan: what each is called, and the sections that are in it."""
OF_SEVERAL = {"changed": marked("What has changed"), "board": marked("Options")}
"""Views of several plans side by side."""
STRESS = {"stress": marked("Stress test")}
COMPANY = {"company": marked("What a funder gains")}
ALL = {name: title for name, (title, _) in OF_PLAN.items()} | OF_SEVERAL | STRESS | COMPANY
"""All views, by name."""
KEEP = "keep"
"""Asks for nothing to be shown, only for the document of a plan to be made and kept."""
FLOWS = "flows"
"""The table of the map, which is a view of its own."""


class Unseen(VorratError):
    """A view that has nothing to show."""


class Gone(VorratError):
    """A plan that is not kept any more, and has to be found again."""


def of_plan(name: str, made: Document) -> str:
    """A view of the document of a plan as a piece of a page."""
    wanted = OF_PLAN[name][1]
    sections = [one for one in made.on(PAGE, tr("In brief")) if one.id in wanted]
    if name in ("map", "exposure"):
        on_map = name == "map"
        sections = [replace(s, parts=list(_apart(s.parts, on_map))) for s in sections]
    return _pieces(made, sections)


def _apart(parts: Iterable[Part], on_map: bool) -> Iterable[Part]:
    for part in parts:
        if (isinstance(part, Table) and part.name == FLOWS) == on_map:
            yield part


def changed(before: Plan, after: Plan) -> str:
    """What two plans have in common and what not, and why."""
    made = _compared([before, after], ["before", "after"], as_given=True)
    wanted = ("projects", "costs")
    sections = [one for one in made.on(PAGE) if one.id in wanted]
    return _pieces(made, [_shown(turns.changed(before, after)), *sections])


def _shown(section: Section) -> Section:
    return replace(section, parts=shown(section.parts, PAGE))


def board(plans: Sequence[Plan]) -> str:
    """Several plans side by side, and which of them are worth their money."""
    made = _compared(plans, [f"option {n}" for n in range(1, len(plans) + 1)])
    wanted = ("answer", "steps", "benefits", "costs", "differences")
    return _pieces(made, [one for one in made.on(PAGE, tr("Options")) if one.id in wanted])


def _compared(plans: Sequence[Plan], labels: Sequence[str], as_given: bool = False) -> Document:
    found, by_label = _comparison(plans, labels)
    return document_of(found, plans=by_label, as_given=as_given)


def _comparison(
    plans: Sequence[Plan], labels: Sequence[str], federal: Collection[str] | None = None
) -> tuple[Comparison, dict[str, Plan]]:
    from optimizer.analyses.comparison.compare import compare

    found = compare(plans, labels, base=labels[0], federal=federal)
    return found, dict(zip(labels, plans, strict=True))


def company(funder: str, taking_part: Plan, staying_out: Plan) -> str:
    """What a funder has of taking part, compared with staying out."""
    from optimizer.analyses.comparison.own_page import page

    federal = {f.id for f in taking_part.funders if f.kind == "public" and f.id != funder}
    plans = [taking_part, staying_out]
    found, by_label = _comparison(plans, ["taking part", "staying out"], federal)
    if funder not in {view.funder for view in found.own_views}:
        raise Unseen(tr("It pays for nothing in this plan, so staying out changes nothing."))
    made = page(found, by_label, funder)
    gained = turns.gained(funder, found, taking_part, staying_out)
    return _pieces(made, [_shown(gained), *made.on(PAGE)])


def stressed(result: Any) -> str:
    """A disruption, period by period."""
    made = document_of(result)
    return _pieces(made, [one for one in made.on(PAGE, tr("What happens")) if one.id != "method"])


def _pieces(document: Document, sections: Sequence[Section]) -> str:
    from optimizer.report.render.html import pieces

    sections = [one for one in sections if one.parts]
    if not sections:
        raise Unseen(tr("This plan has nothing of that to show."))
    return pieces(sections, document.units)


def file(name: str, plan: Plan) -> bytes:
    """A file that is made of a plan, in the current language."""
    from optimizer.analyses.plan.document import brief
    from optimizer.report.render import html, word, workbook

    makers: dict[str, Callable[[], bytes]] = {
        "brief": lambda: html.render(brief(plan)).encode(),
        "word": lambda: word.render(brief(plan)),
        "report": lambda: html.render(document_of(plan)).encode(),
        "workbook": lambda: workbook.render(document_of(plan)),
        "plan": lambda: f"{plan.model_dump_json(indent=2)}\n".encode(),
    }
    return makers[name]()


WHOLE = ("report", "workbook", "plan")
"""Files that tell of chains as well, which takes sweeps of its own."""
