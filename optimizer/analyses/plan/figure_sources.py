"""What a plan rests on: figures of its scenario, their sources, and how far they are trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from models.base import LocalizedText, display_name
from models.language import current_language, tr
from models.results import Plan
from models.scenario.case import Case, Source
from models.scenario.chains import downstream_materials
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.document import PAGE, PAGE_AND_SHEET, SHEET, Column, Part, Section, Table
from optimizer.report.document import Text as Paragraph
from optimizer.report.number_format import NO_VALUE, format_number, format_percent
from optimizer.report.scenario_workbook.fields import Field
from optimizer.report.wording import capitalize
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.placed_tables import FormulaRow

SourceKind = Literal["read", "reported", "assumption", "other", "none"]
"""The kind of a figure's source; ``other`` for one that is no entry of ``sources``."""
SOURCE_KINDS: tuple[SourceKind, ...] = ("read", "reported", "assumption", "other", "none")
FIGURE_KINDS = ("damage", "demand", "supply", "frequency", "severity")
"""Kinds of figures that a material's damage depends on."""
WEB_PREFIXES = ("http://", "https://")
"""Only such addresses are links: a scenario may come from anywhere."""
SETTING_PATHS = {("uncertainty", "sample"), ("horizon", "periods_per_year")}
"""Where numbers are settings of the run and need no source."""


@dataclass(frozen=True)
class ScenarioFigure:
    """A figure of a scenario, as its file gives it."""

    path: tuple[str, ...] = ()
    """As ``--set`` takes it; a year of a quantity over time is its last step."""
    item: str = ""
    """Name of what it is a figure of, where that has one."""
    field: str = ""
    unit: str = ""
    value: float = 0.0
    source: str | None = None
    """The text of the source, or its id under ``sources``."""
    source_kind: SourceKind = "none"
    confidence: str | None = None
    note: str | None = None

    @property
    def file_section(self) -> str:
        """The part of the file."""
        return self.path[0]

    def with_step(self, step: object, item: str = "") -> ScenarioFigure:
        """A step further on the way to a figure."""
        return replace(self, path=(*self.path, str(step)), item=item or self.item)


def all_figures(case: Case) -> Iterator[ScenarioFigure]:
    """Every figure that the scenario gives, in the order of the format; defaults are left out.

    In a list of figures, one without a source of its own goes with the one before it, and so do
    the years of a quantity over time.
    """
    return _walk_figures(case, case, ScenarioFigure(), None)


def figures_needing_source(case: Case | None) -> Iterator[ScenarioFigure]:
    """The same without settings of the run and calendar years, which need no source."""
    for one in () if case is None else all_figures(case):
        if one.unit != tr("year") and one.path[:2] not in SETTING_PATHS:
            yield one


def classify_source(case: Case, source: str | None) -> SourceKind:
    """What kind of source a figure has."""
    if source is None:
        return "none"
    return case.sources[source].kind if source in case.sources else "other"


def _walk_figures(
    case: Case, value: Any, location: ScenarioFigure, previous: Number | None
) -> Iterator[ScenarioFigure]:
    if isinstance(value, Number | CalendarYear):
        known = previous if value.source is None and previous is not None else value
        yield replace(
            location, value=float(value), source=known.source, source_kind=classify_source(case, known.source),
            confidence=known.confidence, note=value.note,
        )  # fmt: skip
    elif isinstance(value, YearlyQuantity):
        for year, one in zip(value.years or ("",), value.values, strict=True):
            yield from _walk_figures(
                case, one, location.with_step(year) if year else location, previous
            )
            previous = one if one.source else previous
    elif isinstance(value, BaseModel):
        left_out = ("sources", "variants") if isinstance(value, Case) else ()
        for name, about in type(value).model_fields.items():
            inside = getattr(value, name)
            given = inside != about.default or getattr(inside, "source", None) is not None
            if name not in left_out and given:
                unit = _field_unit(Field(about.alias or name, about), case.currency)
                further = replace(location.with_step(about.alias or name), field=name, unit=unit)
                yield from _walk_figures(case, inside, further, None)
    elif isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _walk_figures(
                case, inside, location.with_step(key, _item_name(case, inside, key)), None
            )
    elif isinstance(value, tuple):
        for position, inside in enumerate(value):
            step = getattr(inside, "id", position)
            yield from _walk_figures(
                case, inside, location.with_step(step, _item_name(case, inside, step)), previous
            )
            previous = inside if isinstance(inside, Number) and inside.source else previous


def _field_unit(field: Field, currency: str) -> str:
    known = {"%": tr("share"), "EUR per EUR": tr("share"), "": tr("number")}
    return known.get(field.unit) or tr(field.unit).replace("EUR", currency)


def _item_name(case: Case, item: Any, key: object) -> str:
    """What an item of the scenario is called; nothing for a bare figure."""
    if not isinstance(item, BaseModel):
        return ""
    name = getattr(item, "name", None)
    if isinstance(name, LocalizedText) or isinstance(key, str):
        return display_name(name, str(key), current_language())
    some: list[tuple[str, Mapping[str, Any]]] = [
        ("material", case.materials), ("consumer", case.consumers), ("country", {}),
    ]  # fmt: skip
    ids = [(getattr(item, of, None) or "", known) for of, known in some]
    return ", ".join(
        display_name(known[id].name, id, current_language()) if id in known else id
        for id, known in ids
        if id
    )


def source_shares_by_material(plan: Plan) -> dict[str, dict[str, dict[SourceKind, float]]]:
    """By material and kind of figure: the shares of its figures of that kind by their standing.

    They are weighted by their size: EUR per tonne times share of demand, tonnes of demand, share
    of supply, probability a year, share lost. Kinds of which a material has no figure are left out.
    """
    found: dict[str, dict[str, dict[SourceKind, float]]] = {}
    for material in plan.materials if plan.case is not None else ():
        assert plan.case is not None
        sums: dict[str, dict[SourceKind, float]] = {}
        for kind, figure, size in _weighted_figures(plan.case, material.id):
            if kind != "damage" or plan.outcome.measure == "damage":
                of = sums.setdefault(kind, dict.fromkeys(SOURCE_KINDS, 0.0))
                of[classify_source(plan.case, figure.source)] += size
        found[material.id] = {
            kind: {one: size / total for one, size in sums[kind].items()}
            for kind in FIGURE_KINDS
            if kind in sums and (total := sum(sums[kind].values())) > 0
        }
    return {material: of for material, of in found.items() if of}


def benefit_source_shares(plan: Plan) -> dict[str, dict[SourceKind, float]]:
    """By kind of figure: the shares of all outcome avoided by the standing of those figures."""
    avoided = {m.id: m.expected_without_plan - m.expected for m in plan.materials}
    found, shares = {}, source_shares_by_material(plan)
    for kind in FIGURE_KINDS:
        of = {m: avoided[m] for m in shares if kind in shares[m] and avoided[m] > 0}
        total = sum(of.values())
        if total > 0:
            found[kind] = {
                one: sum(shares[m][kind][one] * part for m, part in of.items()) / total
                for one in SOURCE_KINDS
            }
    return found


def _weighted_figures(case: Case, material: str) -> Iterator[tuple[str, Number, float]]:
    """The figures that a material's damage depends on: their kinds and sizes. Of what it is made
    of, supply and what strikes it count as well."""
    forms = {name for name in case.materials if material in downstream_materials(case, name)}
    steps = (step for of in case.damage if of.material == material for step in of.steps)
    for step in steps:
        yield "damage", step.eur_per_t, float(step.share) * float(step.eur_per_t)
    for demand in case.demand:
        for figure in demand.t_per_year.values if demand.material == material else ():
            yield "demand", figure, float(figure)
    supplies = [supply for supply in case.supply if supply.material in forms]
    for supply in supplies:
        yearly = supply.share if supply.share is not None else supply.t_per_year
        for figure in yearly.values if yearly is not None else ():
            yield "supply", figure, float(figure)
    origins = {(supply.country, supply.material) for supply in supplies}
    origins |= {(one.country, one.output) for one in case.conversions.values()}
    for hazard in case.hazards.values():
        striking = [
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
        for figure in hazard.annual_probability.values if striking else ():
            yield "frequency", figure, float(figure)
        for effect in striking:
            before = effect.loss[0]
            for loss in effect.loss:
                before = loss if loss.source is not None else before
                yield "severity", before, float(loss)


def build_sections(wording: PlanWording) -> list[Section]:
    """Which part of the benefit rests on assumptions, all sources, and, in a sheet, all figures."""
    if wording.case is None:
        return []
    about = tr(
        "All figures that the scenario gives, as they were solved; what it leaves open has the "
        "format's default. Full texts of sources stand on the next sheet. A change here changes no "
        "plan: change the scenario and solve it again."
    )
    title = tr("The figures that the plan rests on")
    every: list[Part] = [about, _figures_table(wording.case)]
    sources = list(_evidence_parts(wording, wording.case))
    return [
        Section("figures", title, every, SHEET, sheet_name=tr("Assumptions")),
        Section(
            "evidence",
            tr("Assumptions and sources"),
            sources,
            PAGE_AND_SHEET,
            sheet_name=tr("Sources"),
        ),
    ]


def _evidence_parts(wording: PlanWording, case: Case) -> Iterator[Part]:
    found = list(figures_needing_source(case))
    count = Counter(figure.source_kind for figure in found)
    if found:
        text = tr(
            "Figures of the scenario: {total}; of these, assumptions with a written reason: "
            "{assumed} ({share}), without a source: {unsourced}.",
            total=format_number(len(found)),
            assumed=format_number(count["assumption"]),
            share=format_percent(count["assumption"] / len(found)),
            unsourced=format_number(count["none"]),
        )
        yield Paragraph(text, PAGE)
    rests = benefit_source_shares(wording.plan)
    shown = [one for one in SOURCE_KINDS if any(of[one] > 0 for of in rests.values())]
    rows = [(capitalize(figure_kind_name(kind)), *map(of.get, shown)) for kind, of in rests.items()]
    columns = [Column(tr("Kind of figure"), "0", "text")]
    columns += [
        Column(capitalize(source_kind_name(one)), str(n), "share") for n, one in enumerate(shown, 1)
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
    def counted(line: FormulaRow) -> ex.Expression:
        return ex.count_equal(line.tables["assumptions"].column_area("source_id"), line["id"])

    columns = [
        col.text_column(tr("Id of the source"), "0", key="id", media=SHEET),
        col.text_column(
            tr("Source"), lambda row: row[1].text.in_language(current_language()), width=85,
            link=lambda row: url if (url := row[1].url or "").startswith(WEB_PREFIXES) else "",
            lang=lambda row: row[1].text.displayed_language(current_language()),
        ),
        col.text_column(tr("Kind"), lambda row: source_kind_name(row[1].kind)),
        col.formula_column(
            tr("Figures that rest on it"), "count", counted, "count", lambda row: figure_counts[row[0]]
        ),
        col.text_column(tr("Address"), lambda row: row[1].url, media=SHEET),
    ]  # fmt: skip
    note = tr(
        "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, not "
        "observed."
    )
    rows: list[tuple[str, Source]] = sorted(
        case.sources.items(), key=lambda row: -figure_counts[row[0]]
    )
    empty = tr("The scenario names no sources.")
    return Table(
        tr("Sources"), rows, columns, "sources_list", note, is_folded=True, empty_text=empty
    )


def source_kind_name(source_kind: SourceKind) -> str:
    """The kind of a source in words."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[source_kind]


def confidence_name(confidence: str) -> str:
    """How far a figure is trusted, in words."""
    return {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}[confidence]


def figure_kind_name(kind: str) -> str:
    """A kind of figures that damage depends on, in words."""
    return {
        "damage": tr("damage per missing tonne"),
        "demand": tr("demand"),
        "supply": tr("origin of supply"),
        "frequency": tr("frequency of disruptions"),
        "severity": tr("severity of disruptions"),
    }[kind]


def _figures_table(case: Case) -> Table:
    def source(row: ScenarioFigure) -> str | None:
        known = case.sources.get(row.source or "")
        return known.text.in_language(current_language()) if known else row.source

    columns = [
        col.text_column(tr("Of what"), lambda row: row.item or NO_VALUE, width=38, wraps_text=False),
        col.text_column(tr("Field"), "field", width=22, wraps_text=False),
        col.figure_column(
            tr("Value"), "value", lambda row: "year" if row.unit == tr("year") else "exact",
            origin="scenario",
        ),
        col.text_column(tr("Unit"), "unit", width=16, wraps_text=False),
        col.text_column(tr("Kind"), lambda row: source_kind_name(row.source_kind), width=13, wraps_text=False),
        col.text_column(
            tr("Confidence"), lambda row: row.confidence and confidence_name(row.confidence)
        ),
        col.text_column(
            tr("Id of the source"),
            lambda row: row.source if row.source in case.sources else None,
            key="source_id", width=22, wraps_text=False,
        ),
        col.text_column(tr("Source"), source, width=70, wraps_text=False),
        col.text_column(tr("Note"), "note", width=44),
        *col.id_columns(path=lambda row: ".".join(row.path)),
    ]  # fmt: skip
    return Table("", list(all_figures(case)), columns, "assumptions")
