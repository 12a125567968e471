"""What a plan rests on: figures of its scenario, their sources, and how far they are trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from models.base import Text, named
from models.language import language, tr
from models.results import Plan
from models.scenario.case import Case, Source
from models.scenario.chains import made_from
from models.scenario.quantities import CalendarYear, Number, Yearly
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import DETAIL, PAGE, SHEET, Column, Part, Section, Table
from optimizer.report.document import Text as Paragraph
from optimizer.report.figures import NONE, number, percent
from optimizer.report.scenario_workbook.fields import Field
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

Standing = Literal["read", "reported", "assumption", "other", "none"]
"""The kind of a figure's source; ``other`` for one that is no entry of ``sources``."""
STANDINGS: tuple[Standing, ...] = ("read", "reported", "assumption", "other", "none")
KINDS = ("damage", "demand", "supply", "frequency", "severity")
"""Kinds of figures that a material's damage depends on."""
WEB = ("http://", "https://")
"""Only such addresses are links: a scenario may come from anywhere."""
SETTINGS = {("uncertainty", "sample"), ("horizon", "periods_per_year")}
"""Where numbers are settings of the run and need no source."""


@dataclass(frozen=True)
class Figure:
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
    standing: Standing = "none"
    confidence: str | None = None
    note: str | None = None

    @property
    def part(self) -> str:
        """The part of the file."""
        return self.path[0]

    def into(self, step: object, item: str = "") -> Figure:
        """A step further on the way to a figure."""
        return replace(self, path=(*self.path, str(step)), item=item or self.item)


def every_figure(case: Case) -> Iterator[Figure]:
    """Every figure that the scenario gives, in the order of the format; defaults are left out.

    In a list of figures, one without a source of its own goes with the one before it, and so do
    the years of a quantity over time.
    """
    return _within(case, case, Figure(), None)


def figures(case: Case | None) -> Iterator[Figure]:
    """The same without settings of the run and calendar years, which need no source."""
    for one in () if case is None else every_figure(case):
        if one.unit != tr("year") and one.path[:2] not in SETTINGS:
            yield one


def standing(case: Case, source: str | None) -> Standing:
    """What kind of source a figure has."""
    if source is None:
        return "none"
    return case.sources[source].kind if source in case.sources else "other"


def _within(case: Case, value: Any, at: Figure, before: Number | None) -> Iterator[Figure]:
    if isinstance(value, Number | CalendarYear):
        known = before if value.source is None and before is not None else value
        yield replace(
            at, value=float(value), source=known.source, standing=standing(case, known.source),
            confidence=known.confidence, note=value.note,
        )  # fmt: skip
    elif isinstance(value, Yearly):
        for year, one in zip(value.years or ("",), value.values, strict=True):
            yield from _within(case, one, at.into(year) if year else at, before)
            before = one if one.source else before
    elif isinstance(value, BaseModel):
        left_out = ("sources", "variants") if isinstance(value, Case) else ()
        for name, about in type(value).model_fields.items():
            inside = getattr(value, name)
            given = inside != about.default or getattr(inside, "source", None) is not None
            if name not in left_out and given:
                unit = _unit(Field(about.alias or name, about), case.currency)
                further = replace(at.into(about.alias or name), field=name, unit=unit)
                yield from _within(case, inside, further, None)
    elif isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _within(case, inside, at.into(key, _name(case, inside, key)), None)
    elif isinstance(value, tuple):
        for position, inside in enumerate(value):
            step = getattr(inside, "id", position)
            yield from _within(case, inside, at.into(step, _name(case, inside, step)), before)
            before = inside if isinstance(inside, Number) and inside.source else before


def _unit(field: Field, currency: str) -> str:
    known = {"%": tr("share"), "EUR per EUR": tr("share"), "": tr("number")}
    return known.get(field.unit) or tr(field.unit).replace("EUR", currency)


def _name(case: Case, inside: Any, key: object) -> str:
    """What an item of the scenario is called; nothing for a bare figure."""
    if not isinstance(inside, BaseModel):
        return ""
    name = getattr(inside, "name", None)
    if isinstance(name, Text) or isinstance(key, str):
        return named(name, str(key), language())
    some: list[tuple[str, Mapping[str, Any]]] = [
        ("material", case.materials), ("consumer", case.consumers), ("country", {}),
    ]  # fmt: skip
    ids = [(getattr(inside, of, None) or "", known) for of, known in some]
    return ", ".join(
        named(known[id].name, id, language()) if id in known else id for id, known in ids if id
    )


def resting(plan: Plan) -> dict[str, dict[str, dict[Standing, float]]]:
    """By material and kind of figure: the shares of its figures of that kind by their standing.

    They are weighted by their size: EUR per tonne times share of demand, tonnes of demand, share
    of supply, probability a year, share lost. Kinds of which a material has no figure are left out.
    """
    found: dict[str, dict[str, dict[Standing, float]]] = {}
    for material in plan.materials if plan.case is not None else ():
        assert plan.case is not None
        sums: dict[str, dict[Standing, float]] = {}
        for kind, figure, size in _weighted(plan.case, material.id):
            if kind != "damage" or plan.outcome.measure == "damage":
                of = sums.setdefault(kind, dict.fromkeys(STANDINGS, 0.0))
                of[standing(plan.case, figure.source)] += size
        found[material.id] = {
            kind: {one: size / total for one, size in sums[kind].items()}
            for kind in KINDS
            if kind in sums and (total := sum(sums[kind].values())) > 0
        }
    return {material: of for material, of in found.items() if of}


def rests_on(plan: Plan) -> dict[str, dict[Standing, float]]:
    """By kind of figure: the shares of all outcome avoided by the standing of those figures."""
    avoided = {m.id: m.expected_without_plan - m.expected for m in plan.materials}
    found, shares = {}, resting(plan)
    for kind in KINDS:
        of = {m: avoided[m] for m in shares if kind in shares[m] and avoided[m] > 0}
        total = sum(of.values())
        if total > 0:
            found[kind] = {
                one: sum(shares[m][kind][one] * part for m, part in of.items()) / total
                for one in STANDINGS
            }
    return found


def _weighted(case: Case, material: str) -> Iterator[tuple[str, Number, float]]:
    """The figures that a material's damage depends on: their kinds and sizes. Of what it is made
    of, supply and what strikes it count as well."""
    forms = {name for name in case.materials if material in made_from(case, name)}
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
            for effects in hazard.courses.values()
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


def sections(say: PlanWording) -> list[Section]:
    """Which part of the benefit rests on assumptions, all sources, and, in a sheet, all figures."""
    if say.case is None:
        return []
    about = tr(
        "All figures that the scenario gives, as they were solved; what it leaves open has the "
        "format's default. Full texts of sources stand on the next sheet. A change here changes no "
        "plan: change the scenario and solve it again."
    )
    title = tr("The figures that the plan rests on")
    every: list[Part] = [about, _assumptions(say.case)]
    sources = list(_told(say, say.case))
    return [
        Section("figures", title, every, SHEET, tab=tr("Assumptions")),
        Section("evidence", tr("Assumptions and sources"), sources, DETAIL, tab=tr("Sources")),
    ]


def _told(say: PlanWording, case: Case) -> Iterator[Part]:
    found = list(figures(case))
    count = Counter(figure.standing for figure in found)
    if found:
        text = tr(
            "Figures of the scenario: {total}; of these, assumptions with a written reason: "
            "{assumed} ({share}), without a source: {unsourced}.",
            total=number(len(found)),
            assumed=number(count["assumption"]),
            share=percent(count["assumption"] / len(found)),
            unsourced=number(count["none"]),
        )
        yield Paragraph(text, PAGE)
    rests = rests_on(say.plan)
    shown = [one for one in STANDINGS if any(of[one] > 0 for of in rests.values())]
    rows = [(capital(kind_name(kind)), *map(of.get, shown)) for kind, of in rests.items()]
    columns = [Column(tr("Kind of figure"), "0", "text")]
    columns += [
        Column(capital(standing_name(one)), str(n), "share") for n, one in enumerate(shown, 1)
    ]
    note = tr(
        "Each material's part of what is avoided is split by the sources of its figures of that "
        "kind, weighted by their size. Each row adds up to 100 %: what is avoided needs figures of "
        "all kinds."
    )
    caption = tr("Share of the benefit by kind of figure and of source")
    yield Table(caption, rows, columns, "rests-on", note, on=PAGE)
    yield _sources(case, Counter(figure.source for figure in every_figure(case)))


def _sources(case: Case, resting: Mapping[str | None, int]) -> Table:
    def counted(line: Line) -> ex.Expression:
        return ex.count_of(line.book["assumptions"].area("source_id"), line["id"])

    columns = [
        col.text(tr("Id of the source"), "0", key="id", on=SHEET),
        col.text(
            tr("Source"), lambda row: row[1].text.read(language()), width=85,
            link=lambda row: url if (url := row[1].url or "").startswith(WEB) else "",
            lang=lambda row: row[1].text.spoken_in(language()),
        ),
        col.text(tr("Kind"), lambda row: standing_name(row[1].kind)),
        col.calc(
            tr("Figures that rest on it"), "count", counted, "count", lambda row: resting[row[0]]
        ),
        col.text(tr("Address"), lambda row: row[1].url, on=SHEET),
    ]  # fmt: skip
    note = tr(
        "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, not "
        "observed."
    )
    rows: list[tuple[str, Source]] = sorted(case.sources.items(), key=lambda row: -resting[row[0]])
    empty = tr("The scenario names no sources.")
    return Table(tr("Sources"), rows, columns, "sources_list", note, folded=True, empty=empty)


def standing_name(standing: Standing) -> str:
    """The kind of a source in words."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[standing]


def confidence_name(confidence: str) -> str:
    """How far a figure is trusted, in words."""
    return {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}[confidence]


def kind_name(kind: str) -> str:
    """A kind of figures that damage depends on, in words."""
    return {
        "damage": tr("damage per missing tonne"),
        "demand": tr("demand"),
        "supply": tr("origin of supply"),
        "frequency": tr("frequency of disruptions"),
        "severity": tr("severity of disruptions"),
    }[kind]


def _assumptions(case: Case) -> Table:
    def source(row: Figure) -> str | None:
        known = case.sources.get(row.source or "")
        return known.text.read(language()) if known else row.source

    columns = [
        col.text(tr("Of what"), lambda row: row.item or NONE, width=38, wrap=False),
        col.text(tr("Field"), "field", width=22, wrap=False),
        col.given(
            tr("Value"), "value", lambda row: "year" if row.unit == tr("year") else "exact",
            origin="scenario",
        ),
        col.text(tr("Unit"), "unit", width=16, wrap=False),
        col.text(tr("Kind"), lambda row: standing_name(row.standing), width=13, wrap=False),
        col.text(
            tr("Confidence"), lambda row: row.confidence and confidence_name(row.confidence)
        ),
        col.text(
            tr("Id of the source"),
            lambda row: row.source if row.source in case.sources else None,
            key="source_id", width=22, wrap=False,
        ),
        col.text(tr("Source"), source, width=70, wrap=False),
        col.text(tr("Note"), "note", width=44),
        *col.keys(path=lambda row: ".".join(row.path)),
    ]  # fmt: skip
    return Table("", list(every_figure(case)), columns, "assumptions")
