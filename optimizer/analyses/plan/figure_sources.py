"""The figures of a plan's scenario with their sources and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from models.base import LocalizedText, display_name
from models.language import current_language, tr
from models.results import Plan
from models.scenario.case import Case
from models.scenario.chains import downstream_materials
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity
from models.scenario.sections import Source
from models.scenario.user_rules import RuleBound, RuleLevel, RuleTerm, UserRule
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.document import (
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    Column,
    Part,
    Section,
    Table,
    Text as Paragraph,
)
from optimizer.report.number_format import NO_VALUE, format_number, format_percent
from optimizer.report.scenario_workbook.columns import Field
from optimizer.report.wording import capitalize

SourceKind = Literal["read", "reported", "assumption", "other", "none"]
"""Kind of a figure's source; ``other`` for one that is not listed under ``sources``."""
SOURCE_KINDS: tuple[SourceKind, ...] = ("read", "reported", "assumption", "other", "none")
FIGURE_KINDS = ("damage", "demand", "supply", "frequency", "severity")
"""Kinds of figures on which a material's damage depends."""
WEB_PREFIXES = ("http://", "https://")
"""Prefixes of addresses that become links; others may be unsafe, as scenarios are untrusted."""
SETTING_PATHS = {("uncertainty", "sample"), ("horizon", "periods_per_year")}
"""Paths of numbers that are settings of the run and need no source."""


@dataclass(frozen=True)
class ScenarioFigure:
    """A figure as the scenario file states it, with its path, source, confidence and note."""

    path: tuple[str, ...] = ()
    """Path as for ``--set``; its last step is a year if the figure is one of a yearly quantity."""
    item: str = ""
    """Name of the item that the figure belongs to, if it has one."""
    field: str = ""
    unit: str = ""
    value: float = 0.0
    source: str | None = None
    """Text of the source, or its id under ``sources``."""
    source_kind: SourceKind = "none"
    confidence: str | None = None
    note: str | None = None
    written: str | None = None
    """The figure as the file states it, if it was converted from another unit."""

    @property
    def file_section(self) -> str:
        """The section of the file that holds the figure."""
        return self.path[0]

    def with_step(self, step: object, item: str = "") -> ScenarioFigure:
        """Return this object with its path extended by one step, and with ``item`` as its item if
        given."""
        return replace(self, path=(*self.path, str(step)), item=item or self.item)


def all_figures(case: Case) -> Iterator[ScenarioFigure]:
    """Yield every figure that the scenario file states, in file order; defaults are left out.

    In a list or a quantity over time, a figure without a source has the source of the figure before
    it.
    """
    return _walk_figures(case, case, ScenarioFigure(), None)


def figures_needing_source(case: Case | None) -> Iterator[ScenarioFigure]:
    """Yield the figures that need a source: all but settings of the run and calendar years."""
    for figure in () if case is None else all_figures(case):
        if figure.unit != tr("year") and figure.path[:2] not in SETTING_PATHS:
            yield figure


def classify_source(case: Case, source: str | None) -> SourceKind:
    """Return the kind of a source, which is a text or an id in the ``sources`` of the case."""
    if source is None:
        return "none"
    return case.sources[source].kind if source in case.sources else "other"


def _walk_figures(
    case: Case, value: Any, location: ScenarioFigure, previous_number: Number | None
) -> Iterator[ScenarioFigure]:
    if isinstance(value, Number | CalendarYear):
        with_source = (
            previous_number if value.source is None and previous_number is not None else value
        )
        yield replace(
            location, value=float(value), source=with_source.source,
            source_kind=classify_source(case, with_source.source),
            confidence=with_source.confidence, note=value.note, written=value.written,
        )  # fmt: skip
    elif isinstance(value, YearlyQuantity):
        for year, number in zip(value.years or ("",), value.values, strict=True):
            yield from _walk_figures(
                case, number, location.with_step(year) if year else location, previous_number
            )
            previous_number = number if number.source else previous_number
    elif isinstance(value, BaseModel):
        skipped_sections = ("sources", "variants") if isinstance(value, Case) else ()
        # The source of a rule of the user is that of its figures, which lie below several models.
        if isinstance(value, UserRule):
            previous_number = Number(0, source=value.source) if value.source else None
        elif not isinstance(value, RuleBound | RuleLevel | RuleTerm):
            previous_number = None
        for name, field_info in type(value).model_fields.items():
            item = getattr(value, name)
            is_stated = item != field_info.default or getattr(item, "source", None) is not None
            if name not in skipped_sections and is_stated:
                unit = _field_unit(Field(field_info.alias or name, field_info), case.currency)
                field_location = replace(
                    location.with_step(field_info.alias or name), field=name, unit=unit
                )
                yield from _walk_figures(case, item, field_location, previous_number)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            is_rate = location.path[:1] == ("units",)
            name = str(key) if is_rate else _item_name(case, item, key)
            yield from _walk_figures(case, item, location.with_step(key, name), None)
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            step = getattr(item, "id", position)
            yield from _walk_figures(
                case, item, location.with_step(step, _item_name(case, item, step)), previous_number
            )
            previous_number = item if isinstance(item, Number) and item.source else previous_number


def _field_unit(field: Field, currency: str) -> str:
    names = {"%": tr("share"), "EUR per EUR": tr("share"), "": tr("number")}
    return names.get(field.unit) or tr(field.unit).replace("EUR", currency)


def _item_name(case: Case, item: Any, key: object) -> str:
    """Return the name of a scenario item; empty for a bare figure."""
    if not isinstance(item, BaseModel):
        return ""
    name = getattr(item, "name", None)
    if isinstance(name, LocalizedText) or isinstance(key, str):
        return display_name(name, str(key), current_language())
    reference_fields: list[tuple[str, Mapping[str, Any]]] = [
        ("material", case.materials), ("consumer", case.consumers), ("country", {}),
    ]  # fmt: skip
    ids = [(getattr(item, field, None) or "", entities) for field, entities in reference_fields]
    return ", ".join(
        display_name(entities[id].name, id, current_language()) if id in entities else id
        for id, entities in ids
        if id
    )


def source_shares_by_material(plan: Plan) -> dict[str, dict[str, dict[SourceKind, float]]]:
    """Return the share of each kind of source, by material and kind of figure.

    Figures are weighted by their size: EUR per tonne times share of demand, tonnes of demand, share
    of supply, probability a year, or share lost. Kinds without figures are left out.
    """
    shares_by_material: dict[str, dict[str, dict[SourceKind, float]]] = {}
    for material in plan.materials if plan.case is not None else ():
        assert plan.case is not None
        sums_by_kind: dict[str, dict[SourceKind, float]] = {}
        for kind, source, size in _weighted_figures(plan.case, material.id):
            if kind != "damage" or plan.outcome.measure == "damage":
                by_kind = sums_by_kind.setdefault(kind, dict.fromkeys(SOURCE_KINDS, 0.0))
                by_kind[classify_source(plan.case, source)] += size
        shares_by_material[material.id] = {
            kind: {
                source_kind: size / kind_total for source_kind, size in sums_by_kind[kind].items()
            }
            for kind in FIGURE_KINDS
            if kind in sums_by_kind and (kind_total := sum(sums_by_kind[kind].values())) > 0
        }
    return {material: by_kind for material, by_kind in shares_by_material.items() if by_kind}


def benefit_source_shares(plan: Plan) -> dict[str, dict[SourceKind, float]]:
    """Return the share of each kind of source by kind of figure, weighted by the outcome that the
    plan avoids."""
    avoided = {m.id: m.expected_without_plan - m.expected for m in plan.materials}
    shares_by_kind, material_shares = {}, source_shares_by_material(plan)
    for kind in FIGURE_KINDS:
        weights = {
            m: avoided[m] for m in material_shares if kind in material_shares[m] and avoided[m] > 0
        }
        if (total_weight := sum(weights.values())) > 0:
            shares_by_kind[kind] = {
                x: sum(material_shares[m][kind][x] * weight for m, weight in weights.items())
                / total_weight
                for x in SOURCE_KINDS
            }
    return shares_by_kind


def _weighted_figures(case: Case, material: str) -> Iterator[tuple[str, str | None, float]]:
    """Yield (kind, source, size) for the figures on which the damage of a material depends.

    They include supply and hazards of all materials from which it is made.
    """
    forms = {name for name in case.materials if material in downstream_materials(case, name)}
    steps = (step for damage in case.damage if damage.material == material for step in damage.steps)
    for step in steps:
        yield "damage", step.eur_per_t.source, float(step.share) * float(step.eur_per_t)
    for demand in case.demand:
        if demand.material == material:
            yield from _with_sources("demand", demand.t_per_year.values)
    supplies = [supply for supply in case.supply if supply.material in forms]
    for supply in supplies:
        yearly_figures = supply.share if supply.share is not None else supply.t_per_year
        if yearly_figures is not None:
            yield from _with_sources("supply", yearly_figures.values)
    origins = {(supply.country, supply.material) for supply in supplies}
    origins |= {(conversion.country, conversion.output) for conversion in case.conversions.values()}
    for hazard in case.hazards.values():
        effects_on_material = [
            effect
            for effects in hazard.effects_by_profile.values()
            for effect in effects
            if any(
                effect.country == country
                and form in forms
                and (effect.materials is None or form in effect.materials)
                for country, form in origins
            )
        ]
        if effects_on_material:
            yield from _with_sources("frequency", hazard.annual_probability.values)
        for effect in effects_on_material:
            yield from _with_sources("severity", effect.loss)


def _with_sources(kind: str, figures: Iterable[Number]) -> Iterator[tuple[str, str | None, float]]:
    """Yield (kind, source, size) for the figures of a list or a yearly quantity. A figure without a
    source has the source of the figure before it."""
    source = None
    for figure in figures:
        source = figure.source or source
        yield kind, source, float(figure)


def build_sections(wording: PlanWording) -> list[Section]:
    """Build the sections on figures and on sources; there are none if the scenario is not known."""
    if wording.case is None:
        return []
    note = tr(
        "All figures that the scenario gives, as they were solved; what it leaves open has the "
        "format's default. Full texts of sources stand on the next sheet. A change here changes no "
        "plan: change the scenario and solve it again."
    )
    title = tr("The figures that the plan rests on")
    figure_parts: list[Part] = [note, _figures_table(wording.case)]
    source_parts = list(_evidence_parts(wording, wording.case))
    return [
        Section("figures", title, figure_parts, SHEET, sheet_name=tr("Assumptions")),
        Section(
            "evidence",
            tr("Assumptions and sources"),
            source_parts,
            PAGE_AND_SHEET,
            sheet_name=tr("Sources"),
        ),
    ]


def _evidence_parts(wording: PlanWording, case: Case) -> Iterator[Part]:
    figures = list(figures_needing_source(case))
    count_by_kind = Counter(figure.source_kind for figure in figures)
    if figures:
        text = tr(
            "Figures of the scenario: {total}; of these, assumptions with a written reason: "
            "{assumed} ({share}), without a source: {unsourced}.",
            total=format_number(len(figures)),
            assumed=format_number(count_by_kind["assumption"]),
            share=format_percent(count_by_kind["assumption"] / len(figures)),
            unsourced=format_number(count_by_kind["none"]),
        )
        yield Paragraph(text, PAGE)
    shares_by_kind = benefit_source_shares(wording.plan)
    shown_kinds = [
        x for x in SOURCE_KINDS if any(shares[x] > 0 for shares in shares_by_kind.values())
    ]
    rows = [
        (capitalize(figure_kind_name(kind)), *map(shares.get, shown_kinds))
        for kind, shares in shares_by_kind.items()
    ]
    columns = [Column(tr("Kind of figure"), "0", "text")]
    columns += [
        Column(capitalize(source_kind_name(x)), str(n), "share")
        for n, x in enumerate(shown_kinds, 1)
    ]
    note = tr(
        "Each material's part of what is avoided is split by the sources of its figures of that "
        "kind, weighted by their size. Each row adds up to 100 %: what is avoided needs figures of "
        "all kinds."
    )
    caption = tr("Share of the benefit by kind of figure and of source")
    yield Table(caption, rows, columns, "rests-on", note, media=PAGE)
    yield _sources_table(case, Counter(figure.source for figure in all_figures(case)))


def _sources_table(case: Case, figure_counts: Mapping[str | None, int]) -> Table:
    columns = [
        Column(tr("Id of the source"), "0", "text", media=SHEET),
        Column(
            tr("Source"),
            lambda row: row[1].text.in_language(current_language()),
            "text",
            link=lambda row: url if (url := row[1].url or "").startswith(WEB_PREFIXES) else "",
            lang=lambda row: row[1].text.displayed_language(current_language()),
        ),
        Column(tr("Kind"), lambda row: source_kind_name(row[1].kind), "text"),
        Column(tr("Figures that rest on it"), lambda row: figure_counts[row[0]], "count"),
        Column(tr("Address"), lambda row: row[1].url, "text", media=SHEET),
    ]
    note = tr(
        "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, not "
        "observed."
    )
    rows: list[tuple[str, Source]] = sorted(
        case.sources.items(), key=lambda row: -figure_counts[row[0]]
    )
    no_sources_note = tr("The scenario names no sources.")
    return Table(
        tr("Sources"),
        rows,
        columns,
        "sources_list",
        note,
        is_collapsed=True,
        empty_text=no_sources_note,
    )


def source_kind_name(source_kind: SourceKind) -> str:
    """Return the name of a kind of source."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[source_kind]


def confidence_name(confidence: str) -> str:
    """Return the name of a confidence level."""
    return {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}[confidence]


def figure_kind_name(kind: str) -> str:
    """Return the display name of a kind of figure on which damage depends."""
    return {
        "damage": tr("damage per missing tonne"),
        "demand": tr("demand"),
        "supply": tr("origin of supply"),
        "frequency": tr("frequency of disruptions"),
        "severity": tr("severity of disruptions"),
    }[kind]


def _figures_table(case: Case) -> Table:
    def source_text(row: ScenarioFigure) -> str | None:
        source_entry = case.sources.get(row.source or "")
        return source_entry.text.in_language(current_language()) if source_entry else row.source

    figures = list(all_figures(case))
    has_units = any(figure.written for figure in figures)
    columns = [
        Column(tr("Of what"), lambda row: row.item or NO_VALUE, "text"),
        Column(tr("Field"), "field", "text"),
        Column(tr("Value"), "value", lambda row: "year" if row.unit == tr("year") else "exact"),
        Column(tr("Unit"), "unit", "text"),
        *([Column(tr("As written"), "written", "text")] if has_units else ()),
        Column(tr("Kind"), lambda row: source_kind_name(row.source_kind), "text"),
        Column(
            tr("Confidence"), lambda row: row.confidence and confidence_name(row.confidence), "text"
        ),
        Column(
            tr("Id of the source"),
            lambda row: row.source if row.source in case.sources else None,
            "text",
        ),
        Column(tr("Source"), source_text, "text"),
        Column(tr("Note"), "note", "text"),
    ]
    return Table("", figures, columns, "assumptions")
