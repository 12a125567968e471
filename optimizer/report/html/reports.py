"""From plans to pages."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from models.results import Comparison, Frontier, Plan
from models.results.reservations import NONE, Doubts
from optimizer.report.charts import Chart
from optimizer.report.document import Section
from optimizer.report.figures import clean
from optimizer.report.html import comparing, sections
from optimizer.report.html.alone import closing
from optimizer.report.html.comparing.side import Side, said
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


def comparison_report(plans: Sequence[Plan], comparison: Comparison) -> str:
    """The report on several plans as an HTML page, in the current language: side by side first.

    ``plans`` are those of ``comparison.options``, in that order.

    Raises NoReport for a plan that does not carry its scenario.
    """
    side, subjects = Side(comparison), [Subject(plan) for plan in plans]
    base = next(n for n, o in enumerate(comparison.options) if o.label == comparison.base)
    made = comparing.all_of(side)
    for place, (name, subject) in enumerate(zip(side.names, subjects, strict=True), start=1):
        made.append(sections.short(subject, f"plan-{place}", tr("Option: {name}", name=name)))
    made.append(sections.glossary(subjects[base]))
    return page(
        made,
        title=clean(said(comparison.title)),
        kicker=tr("Vorrat: funding options side by side"),
        subtitle=tr("Compared with: {base}", base=side.name(side.base)),
        closing=_closing(plans[base]),
        doubts=comparison.said,
    )


def comparison_charts(comparison: Comparison) -> list[Chart]:
    """The charts of the report on several plans, in order."""
    return [chart for section in comparing.all_of(Side(comparison)) for chart in section.charts]


def charts(
    plan: Plan, *, frontier: Frontier | None = None, split: Section | None = None
) -> list[Chart]:
    """The charts of the report, in order."""
    made = sections.all_of(Subject(plan, frontier, split))
    return [chart for section in made for chart in section.charts]


def _closing(plan: Plan) -> str:
    return closing(plan.certificate.versions, plan.certificate.input_sha256)
