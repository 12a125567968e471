"""What a terminal is told of each kind of result: its head, its headline and its sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from models.language import tr
from models.results import (
    Evaluation,
    Participation,
    Plan,
    Result,
    Target,
)
from optimizer.report import prose, sections
from optimizer.report.evaluating import prose as evaluating
from optimizer.report.evaluating import sections as evaluated
from optimizer.report.evaluating import words as judged
from optimizer.report.figures import clean
from optimizer.report.names import Names
from optimizer.report.participating import prose as participating
from optimizer.report.participating import sections as participated
from optimizer.report.participating import words as share
from optimizer.report.sections import Section
from optimizer.report.varying import target as reached
from optimizer.report.varying.words import title


@dataclass(frozen=True)
class Answer:
    """A result in the order in which it is told."""

    title: str
    variant: str | None
    headline: Iterable[str]
    sections: Iterable[Section]


def answer_of(found: Result, width: int) -> Answer:
    """What is told of a result in so many columns."""
    return _OF[type(found)](found, width)


def _plan(plan: Plan, width: int) -> Answer:
    names = Names(plan)
    variant = None
    if plan.variant is not None:
        named = names.variant() or ""
        variant = named if named == plan.variant else f"{named} ({plan.variant})"
    told = sections.all_of(plan, width)
    return Answer(clean(names.title()), variant, prose.headline(plan), told)


def _target(target: Target, width: int) -> Answer:
    told = list(reached.all_of(target))
    if target.plan is not None:
        told += sections.all_of(target.plan, width)
    return Answer(title(target), target.variant, reached.headline(target), told)


def _participation(found: Participation, _width: int) -> Answer:
    said = (*participating.headline(found), *participating.cautions(found))
    return Answer(share.title(found), share.variant(found), said, participated.all_of(found))


def _evaluation(found: Evaluation, _width: int) -> Answer:
    said = (*evaluating.headline(found), *evaluating.cautions(found))
    return Answer(judged.title(found), judged.variant(found), said, evaluated.all_of(found))


_OF: dict[type[Result], Callable[[Any, int], Answer]] = {
    Plan: _plan,
    Target: _target,
    Participation: _participation,
    Evaluation: _evaluation,
}


def variant_line(variant: str) -> str:
    """The line that names the variant."""
    return tr("Variant: {variant}", variant=clean(variant))
