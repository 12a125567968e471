"""From plans to pages."""

from __future__ import annotations

from models.language import tr
from models.results import Frontier, Plan
from models.results.reservations import NONE, Doubts
from optimizer.report.charts import Chart
from optimizer.report.document import Section
from optimizer.report.figures import clean
from optimizer.report.html import sections
from optimizer.report.html.alone import closing
from optimizer.report.html.page import page
from optimizer.report.html.subject import Subject


def report(
    plan: Plan,
    *,
    frontier: Frontier | None = None,
    split: Section | None = None,
    doubts: Doubts = NONE,
) -> str:
    """The report on a plan as an HTML page, in the current language.

    A frontier of the same scenario gets a section of its own; ``split`` is the one of a split.
    ``doubts`` are sentences at its head that speak against any of them.

    Raises NoReport for a plan that does not carry its scenario.
    """
    subject = Subject(plan, frontier, split)
    variant = subject.names.variant()
    return page(
        sections.all_of(subject),
        title=clean(subject.names.title()),
        kicker=tr("Vorrat: plan for stocks and investment in raw materials"),
        subtitle="" if variant is None else tr("Variant: {variant}", variant=clean(variant)),
        closing=_closing(plan),
        doubts=doubts,
    )


def charts(
    plan: Plan, *, frontier: Frontier | None = None, split: Section | None = None
) -> list[Chart]:
    """The charts of the report, in order."""
    made = sections.all_of(Subject(plan, frontier, split))
    return [chart for section in made for chart in section.charts]


def _closing(plan: Plan) -> str:
    return closing(plan.certificate.versions, plan.certificate.input_sha256)
