"""What a plan rests on: figures of its scenario, their sources, and how far they are trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from models.language import language, tr
from models.results import Plan
from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.assumptions import Assumption, Standing, assumptions, standing, unit
from optimizer.analyses.plan.parts import field_name, part_name
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import PAGE, SHEET, Column, Form, Heading, Part, Section, Table
from optimizer.report.figures import NONE, clean, exact, number, percent
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

STANDINGS: tuple[Standing, ...] = ("read", "reported", "assumption", "other", "none")
KINDS = ("damage", "demand", "supply", "frequency", "severity")
"""Kinds of figures that a material's damage depends on."""
SETTINGS = {("uncertainty", "sample"), ("horizon", "periods_per_year")}
"""Where numbers are settings of the run and need no source."""


@dataclass(frozen=True)
class Figure:
    """A figure of the scenario: part of the file, field, value and what is said of it."""

    part: str
    field: str
    value: float
    source: str | None
    confidence: str | None
    standing: Standing


def figures(case: Case | None) -> Iterator[Figure]:
    """Every figure of a scenario that is not at its default; settings and calendar years apart."""
    for found in () if case is None else assumptions(case):
        path = tuple(found.path.split("."))
        if not found.calendar and path[:2] not in SETTINGS:
            field = f"steps.{found.field}" if "steps" in path[:-1] else found.field
            source = found.source_id or found.source
            yield Figure(found.part, field, found.value, source, found.confidence, found.standing)


def resting(plan: Plan) -> dict[str, dict[str, dict[Standing, float]]]:
    """By material and kind of figure: the shares of its figures of that kind by their standing.

    They are weighted by their size: EUR per tonne times share of demand, tonnes of demand, share
    of supply, probability a year, share lost. Kinds of which a material has no figure are left out.
    """
    case = plan.case
    found: dict[str, dict[str, dict[Standing, float]]] = {}
    for material in plan.materials if case is not None else ():
        assert case is not None
        kinds = KINDS if plan.outcome.measure == "damage" else KINDS[1:]
        shares = {kind: _shares(case, _weighted(case, material.id, kind)) for kind in kinds}
        found[material.id] = {kind: of for kind, of in shares.items() if of}
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


def _shares(case: Case, weighted: Iterable[tuple[Number, float]]) -> dict[Standing, float]:
    sums = dict.fromkeys(STANDINGS, 0.0)
    for figure, weight in weighted:
        sums[standing(case, figure.source)] += weight
    total = sum(sums.values())
    return {one: weight / total for one, weight in sums.items()} if total > 0 else {}


def _weighted(case: Case, material: str, kind: str) -> Iterator[tuple[Number, float]]:
    """The figures of one kind that a material's damage depends on, with their sizes."""
    if kind == "damage":
        for damage in case.damage:
            for step in damage.steps if damage.material == material else ():
                yield step.eur_per_t, float(step.share) * float(step.eur_per_t)
    elif kind == "demand":
        for demand in case.demand:
            if demand.material == material:
                yield from ((figure, float(figure)) for figure in demand.t_per_year.values)
    elif kind == "supply":
        for supply in case.supply:
            yearly = supply.share if supply.share is not None else supply.t_per_year
            if supply.material == material and yearly is not None:
                yield from ((figure, float(figure)) for figure in yearly.values)
    else:
        yield from _of_hazards(case, material, kind)


def _of_hazards(case: Case, material: str, kind: str) -> Iterator[tuple[Number, float]]:
    countries = {supply.country for supply in case.supply if supply.material == material}
    for hazard in case.hazards.values():
        striking = [
            effect
            for effect in hazard.effects
            if effect.country in countries
            and (effect.materials is None or material in effect.materials)
        ]
        if kind == "frequency" and striking:
            yield hazard.annual_probability, float(hazard.annual_probability)
        for effect in striking if kind == "severity" else ():
            before: Number | None = None
            for loss in effect.loss:
                before = loss if loss.source is not None or before is None else before
                yield before, float(loss)


def section(say: PlanWording) -> Section:
    """Shares of figures and of benefit that rest on assumptions, and every source, for a page."""
    return Section("evidence", tr("Assumptions and sources"), list(_told(say)), PAGE)


def _told(say: PlanWording) -> Iterator[Part]:
    found = list(figures(say.case))
    if not found:
        return
    count = Counter(figure.standing for figure in found)
    yield tr(
        "The scenario has {total} figures; {assumed} of them ({share}) are assumptions with a "
        "written reason, and {unsourced} carry no source.",
        total=number(len(found)),
        assumed=number(count["assumption"]),
        share=percent(count["assumption"] / len(found)),
        unsourced=number(count["none"]),
    )
    yield from _benefit(say)
    yield Heading(tr("Figures by part of the scenario"))
    yield _by_part(found)
    yield Heading(tr("Every source and what rests on it"))
    yield from _sources(say, found)


def _benefit(say: PlanWording) -> Iterator[Part]:
    rows = list(rests_on(say.plan).items())
    if not rows:
        return
    columns = [Column(tr("Kind of figure"), lambda row: capital(kind_name(row[0])), "text")]
    columns += _by_standing(rows, "share")
    note = tr(
        "Each material's part of what is avoided is split by the sources of its figures of that "
        "kind, weighted by their size. Each row adds up to 100 %: what is avoided needs figures of "
        "all kinds."
    )
    yield Heading(tr("What share of the benefit rests on assumptions"))
    caption = tr("Share of the benefit by kind of figure and of source")
    yield Table(caption, rows, columns, "rests-on", note)
    yield _by_material(say)


def _by_material(say: PlanWording) -> Table:
    shares = resting(say.plan)
    avoided = {m.id: m.expected_without_plan - m.expected for m in say.plan.materials}

    def assumed(kind: str) -> Callable[[str], float | None]:
        return lambda m: shares[m][kind]["assumption"] if kind in shares[m] else None

    columns = [
        Column(tr("Material"), lambda m: say.name("materials", m), "text"),
        Column(tr("Avoided, {unit}", unit=say.unit), lambda m: avoided[m], "outcome"),
    ]
    columns += [
        Column(
            capital(kind_name(kind)),
            assumed(kind),
            "share",
            group=tr("Share that is assumed, of figures on"),
        )
        for kind in KINDS
        if any(kind in of for of in shares.values())
    ]
    order = sorted(shares, key=lambda m: -avoided[m])
    return Table(tr("Assumed figures by material"), order, columns, "assumed-by-material")


def _by_standing(
    rows: Sequence[tuple[str, Mapping[Standing, float]]], form: Form, **more: Any
) -> list[Column]:
    """A column for each kind of source that has any part in the rows."""

    def part(one: Standing) -> Callable[[tuple[str, Mapping[Standing, float]]], float]:
        return lambda row: row[1][one]

    return [
        Column(capital(standing_name(one)), part(one), form, **more)
        for one in STANDINGS
        if any(of[one] > 0 for _, of in rows)
    ]


def _by_part(found: list[Figure]) -> Table:
    by_part: dict[str, Counter[Standing]] = {}
    for figure in found:
        by_part.setdefault(figure.part, Counter())[figure.standing] += 1
    rows = list(by_part.items())
    columns = [Column(tr("Part"), lambda row: part_name(row[0]), "text")]
    columns += _by_standing(rows, "count", total=True)
    whole = sum(figure.standing == "assumption" for figure in found) / len(found)
    columns += [
        Column(tr("Figures"), lambda row: row[1].total(), "count", total=True),
        Column(
            tr("Share assumed"),
            lambda row: row[1]["assumption"] / row[1].total(),
            "share",
            whole=lambda rows: whole,
        ),
    ]
    note = tr(
        "Read: somebody opened the source. Reported: taken from a report of it. Assumption: "
        "reasoned judgement. What stands at the default of the format is not counted."
    )
    caption = tr("Figures of the scenario by part and kind of source")
    return Table(caption, rows, columns, "figures", note, total=tr("Sum"))


def _sources(say: PlanWording, found: list[Figure]) -> Iterator[Table]:
    by_source: dict[str, list[Figure]] = {}
    for figure in found:
        by_source.setdefault(figure.source or "", []).append(figure)
    groups: Mapping[Standing, str] = {
        "assumption": tr("Assumptions, by number of figures"),
        "read": tr("Sources that were read"),
        "reported": tr("Sources known from reports"),
        "other": tr("Sources that are no entry of the bibliography"),
        "none": tr("Figures without a source"),
    }
    for one, caption in groups.items():
        rows = [(s, of) for s, of in by_source.items() if of[0].standing == one]
        rows.sort(key=lambda row: -len(row[1]))
        if rows:
            yield _source_table(say, rows, caption, f"sources-{one}")


def _source_table(
    say: PlanWording, rows: list[tuple[str, list[Figure]]], caption: str, name: str
) -> Table:
    known = {} if say.case is None else say.case.sources

    def told(row: tuple[str, list[Figure]]) -> str:
        entry = known.get(row[0])
        if entry is None:
            return clean(row[0]) or NONE
        return f"{clean(entry.text.read(language()))} [{row[0]}]"

    def address(row: tuple[str, list[Figure]]) -> str:
        url = known[row[0]].url if row[0] in known else None
        return url if url and urlsplit(url).scheme in ("http", "https") else ""

    columns = [
        Column(
            tr("Source or reason"),
            told,
            "text",
            link=address,
            mark=lambda row: "break" if row[0] in known else "",
        ),
        Column(
            tr("What rests on it (figures, smallest to largest)"), lambda row: _used(row[1]), "text"
        ),
        Column(tr("Confidence"), lambda row: _confidence(row[1]), "text"),
        Column(tr("Figures"), lambda row: len(row[1]), "count"),
    ]
    return Table(caption, rows, columns, name)


def _used(found: list[Figure]) -> str:
    groups: dict[tuple[str, str], list[float]] = {}
    for figure in found:
        groups.setdefault((figure.part, figure.field), []).append(figure.value)
    return "; ".join(
        f"{part_name(part)}: {field_name(field)} ({_range(values)})"
        for (part, field), values in groups.items()
    )


def _range(values: list[float]) -> str:
    low, high = exact(min(values)), exact(max(values))
    between = low if low == high else tr("{low} to {high}", low=low, high=high)
    return f"{number(len(values))}: {between}"


def _confidence(found: list[Figure]) -> str:
    words_of = {**_levels(), "unsaid": tr("not stated")}
    counts = Counter(figure.confidence or "unsaid" for figure in found)
    met = [level for level in words_of if counts[level]]
    if len(met) == 1:
        return capital(words_of[met[0]])
    return ", ".join(f"{words_of[level]} {number(counts[level])}" for level in met)


def _levels() -> dict[str, str]:
    return {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}


def standing_name(standing: Standing) -> str:
    """The kind of a source in words."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[standing]


def kind_name(kind: str) -> str:
    """A kind of figures that damage depends on, in words."""
    return {
        "damage": tr("damage per missing tonne"),
        "demand": tr("demand"),
        "supply": tr("origin of supply"),
        "frequency": tr("frequency of disruptions"),
        "severity": tr("severity of disruptions"),
    }[kind]


def sheets(say: PlanWording) -> list[Section]:
    """Every figure of the scenario, and every source with the number of figures it carries."""
    if say.case is None:
        return []
    about = tr(
        "All figures that the scenario gives, as they were solved; what it leaves open has the "
        "format's default. Full texts of sources stand on the next sheet. A change here changes no "
        "plan: change the scenario and solve it again."
    )
    kinds = tr(
        "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, not "
        "observed."
    )
    title, given = tr("The figures that the plan rests on"), _assumptions(say, say.case)
    origin = tr("Where the figures come from")
    return [
        Section("figures", title, [about, given], SHEET, tab=tr("Assumptions")),
        Section("sources", origin, [kinds, _bibliography(say.case)], SHEET, tab=tr("Sources")),
    ]


def _assumptions(say: PlanWording, case: Case) -> Table:
    confidence = _levels()

    def form(row: Assumption) -> Form:
        return "year" if row.calendar else "exact"

    columns = [
        col.text(tr("Of what"), lambda row: row.item or NONE, width=38, wrap=False),
        col.text(tr("Field"), "field", width=22, wrap=False),
        col.given(tr("Value"), "value", form, origin="scenario"),
        col.text(tr("Unit"), lambda row: unit(row.field, say.currency), width=16, wrap=False),
        col.text(tr("Kind"), lambda row: standing_name(row.standing), width=13, wrap=False),
        col.text(tr("Confidence"), lambda row: confidence.get(row.confidence or "")),
        col.text(tr("Id of the source"), "source_id", key="source_id", width=22, wrap=False),
        col.text(tr("Source"), "source", width=70, wrap=False),
        col.text(tr("Note"), "note", width=44),
        *col.keys(path="path"),
    ]
    return Table("", list(assumptions(case)), columns, "assumptions")


def _bibliography(case: Case) -> Table:
    def resting(line: Line) -> ex.Expression:
        return ex.count_of(line.book["assumptions"].area("source_id"), line["id"])

    columns = [
        col.text(tr("Id of the source"), lambda row: row[0], key="id"),
        col.text(tr("Kind"), lambda row: standing_name(row[1].kind)),
        col.calc(tr("Figures that rest on it"), "count", resting, "count"),
        col.text(tr("Source"), lambda row: row[1].text.read(language()), width=85),
        col.text(tr("Address"), lambda row: row[1].url, link=lambda row: row[1].url or ""),
    ]
    empty = tr("The scenario names no sources.")
    return Table("", list(case.sources.items()), columns, "sources_list", empty=empty)
