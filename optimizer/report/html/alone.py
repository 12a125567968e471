"""Pages of results that stand alone: everything but plans and what goes beside one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from models.results import (
    Evaluation,
    Participation,
    Result,
)
from models.results.reservations import NONE, Doubts
from optimizer.report.charts import Chart
from optimizer.report.evaluating import words as evaluating
from optimizer.report.html import (
    evaluation,
    participation,
)
from optimizer.report.html.page import page
from optimizer.report.html.parts import Section
from optimizer.report.participating import words as participating


@dataclass(frozen=True)
class Alone:
    """A page before it is set: its sections, and what stands at its head and its end."""

    sections: Sequence[Section]
    title: str
    kicker: str
    subtitle: str
    versions: Mapping[str, str]
    input_sha256: str


def report_on(found: Result, doubts: Doubts = NONE) -> str:
    """The report on a result as an HTML page, in the current language.

    ``doubts`` are sentences at its head that speak against the result.
    """
    alone = alone_of(found)
    return page(
        alone.sections,
        title=alone.title,
        kicker=alone.kicker,
        subtitle=alone.subtitle,
        closing=closing(alone.versions, alone.input_sha256),
        doubts=doubts,
    )


def charts_on(found: Result) -> list[Chart]:
    """The charts of the report on a result, in order."""
    return [chart for section in alone_of(found).sections for chart in section.charts]


def alone_of(found: Result) -> Alone:
    """The page of a result, before it is set."""
    return _OF[type(found)](found)


def closing(versions: Mapping[str, str], input_sha256: str) -> str:
    """The line at the end of a page: what made it, and from what."""
    return tr(
        "Made by Vorrat {version} from the scenario with SHA-256 {sha}.",
        version=versions.get("vorrat", ""),
        sha=input_sha256[:16],
    )


def _variant(variant: str | None) -> str:
    return "" if variant is None else tr("Variant: {variant}", variant=variant)


def _participation(found: Participation) -> Alone:
    variant, title = participating.variant(found), participating.title(found)
    return Alone(
        participation.all_of(found),
        tr(
            "{company}: which share of {subject}?",
            company=participating.company(found),
            subject=participating.subject(found),
        ),
        tr("Vorrat: what a company's share buys it"),
        title if variant is None else f"{title}. {_variant(variant)}",
        found.versions,
        found.input_sha256,
    )


def _evaluation(found: Evaluation) -> Alone:
    return Alone(
        evaluation.all_of(found),
        tr("How good is the plan? {title}", title=evaluating.title(found)),
        tr("Vorrat: a plan judged on states it was not made for"),
        _variant(evaluating.variant(found)),
        found.versions,
        found.input_sha256,
    )


_OF: dict[type[Result], Callable[[Any], Alone]] = {
    Participation: _participation,
    Evaluation: _evaluation,
}
