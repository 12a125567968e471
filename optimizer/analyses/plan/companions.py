"""Sections on a plan that other results of it bring: how much is unsure, and what is left out."""

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from optimizer.analyses.evaluation import document as evaluation
from optimizer.analyses.explanation import document as explanation
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.sensitivity import document as sensitivity
from optimizer.report.document import TEXT, Part, Section, Table

SHOWN = TEXT
"""Their sheets are those of their own workbooks."""


def sections(say: PlanWording) -> list[Section]:
    """How much is unsure, by the evaluation and the sensitivity analysis of the plan, and why
    candidates are left out, by its explanation."""
    found = [Section("unsure", tr("How much is unsure"), list(_unsure(say)), SHOWN)]
    if say.beside.explanation is not None:
        table = explanation.left_out(say.beside.explanation)
        found.append(Section("rejected", tr("Candidates that are left out"), [table], SHOWN))
    return found


def _unsure(say: PlanWording) -> Iterator[Part]:
    if say.beside.sensitivity is not None:
        for one in sensitivity.document(say.beside.sensitivity).sections:
            yield from map(_drawn, one.parts if one.id in ("swings", "turns") else ())
    if say.beside.evaluation is not None:
        for part in evaluation.document(say.beside.evaluation).answer:
            if isinstance(part, str) or (isinstance(part, Table) and part.name == "between"):
                yield _drawn(part)


def _drawn(part: Part) -> Part:
    """A part whose chart stands for its table."""
    return replace(part, folded=part.chart is not None) if isinstance(part, Table) else part
