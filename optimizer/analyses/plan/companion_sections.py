"""Sections of a plan's document that show its evaluation, sensitivity analysis and explanation."""

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from optimizer.analyses.evaluation import document as evaluation
from optimizer.analyses.explanation import document as explanation
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.sensitivity import document as sensitivity
from optimizer.report.document import TERMINAL_AND_PAGE, Part, Section, Table

SHOWN_ON = TERMINAL_AND_PAGE
"""Media of these sections; the workbooks of companion results have the sheets."""


def build_sections(wording: PlanWording) -> list[Section]:
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
