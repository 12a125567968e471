"""Whom supply depends on, before and after, and where it comes from by year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from models.language import tr
from models.results import CrmaShare, MaterialOutcome, SupplyMix
from models.results.option import MaterialDependence
from models.scenario.countries import EU_27
from optimizer.analyses.comparison.benefit import LIMIT
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import dependence as charts
from optimizer.report.countries import country
from optimizer.report.document import (
    PAGE,
    SHEET,
    TEXT,
    Check,
    Column,
    Form,
    Heading,
    Part,
    Section,
    Shown,
    Table,
)
from optimizer.report.figures import number, percent
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

MOST_COUNTRIES = 11
"""Countries that have a column of their own."""


def section(say: PlanWording) -> Section:
    """Largest suppliers, origins and benchmarks, for those who read."""
    return Section("dependence", tr("Dependence before and after"), list(_told(say)), TEXT)


def sheets(say: PlanWording) -> list[Section]:
    """Where each material comes from by year, with the plan and without it."""
    shares = tr(
        "Shares of supply, undisturbed and on time. Index: Herfindahl-Hirschman, the sum of "
        "squared shares in percent, from 0 to 10,000. The Critical Raw Materials Act names 65 % as "
        "the most from one country."
    )
    sides = {
        "supply": (tr("Supply"), tr("Where supply comes from, with the plan")),
        "supply_without_plan": (
            tr("Supply without plan"),
            tr("Where supply comes from, without the plan"),
        ),
    }
    return [
        Section(side, title, [shares, _supply(say, side)], SHEET, tab=tab)
        for side, (tab, title) in sides.items()
    ]


def _told(say: PlanWording) -> Iterator[Part]:
    found = say.benefit.dependence
    if not found.materials:
        return
    rows = sorted(
        found.materials,
        key=lambda row: (-row.without_plan.largest_share, -row.with_plan.largest_share),
    )
    text = tr(
        "In {year}, {before} of {count} materials come to more than {share} from one third "
        "country without the plan, and {after} with it. Supply is counted undisturbed and on time.",
        year=found.year,
        before=number(len(found.above_limit_without_plan)),
        after=number(len(found.above_limit)),
        count=number(len(rows)),
        share=percent(LIMIT),
    )
    yield text
    yield _largest(say, rows, found.year)
    yield Heading(tr("Where supply comes from"), PAGE)
    yield _origins(say, [row.material for row in rows], found.year)
    yield from _benchmarks(say)


def _largest(say: PlanWording, rows: list[MaterialDependence], year: int) -> Table:
    marks = [
        charts.Largest(
            name=say.name("materials", row.material),
            country_before=row.without_plan.largest_country or "",
            before=row.without_plan.largest_share,
            country_after=row.with_plan.largest_country or "",
            after=row.with_plan.largest_share,
        )
        for row in rows
    ]
    chart = Chart(
        "dependence",
        tr("Share of the largest supplier in {year}, without and with the plan", year=year),
        tr(
            "One line a material: a hollow mark without the plan, a full one with it, each with "
            "the code of the country. A dashed line marks 65 %."
        ),
        lambda: charts.largest(marks, LIMIT),
    )
    columns = [Column(tr("Material"), lambda row: say.name("materials", row.material), "text")]
    imports = any(row.with_plan.imports is not None for row in rows)
    for end, group in (("without_plan", tr("Without plan")), ("with_plan", tr("With plan"))):
        columns += _of_suppliers(end, group, imports)
    note = tr(
        "▲ more than 65 % from one third country, which Regulation (EU) 2024/1252 aims to avoid. "
        "HHI: Herfindahl-Hirschman index, from 0 (many suppliers) to {most} (one).",
        most=number(10_000),
    )
    caption = tr("Largest supplier of each material in {year}", year=year)
    return Table(caption, rows, columns, "suppliers", note, chart=chart, on=PAGE)


def _of_suppliers(end: str, group: str, imports: bool) -> Iterator[Column]:
    """The columns of the largest supplier, with the plan or without."""

    def share(row: MaterialDependence) -> Shown:
        of = getattr(row, end)
        over = of.third_share > LIMIT
        text = percent(of.largest_share)
        return Shown(f"▲ {text}" if over else text, of.largest_share)

    def over(row: MaterialDependence) -> str:
        return "over" if getattr(row, end).third_share > LIMIT else ""

    yield Column(
        tr("Largest supplier"),
        lambda row: country(getattr(row, end).largest_country or ""),
        "text",
        group=group,
    )
    # Columns that stand under one header share their decimals unless they say theirs.
    yield Column(tr("Share"), share, "share", group=group, like=f"share {end}", mark=over)
    yield Column("HHI", f"{end}.hhi", "count", group=group, like=f"hhi {end}", places=0)
    if imports:
        yield Column(
            tr("Import dependency"), f"{end}.imports", "share", group=group, like=f"imports {end}"
        )


class Origin(NamedTuple):
    """Whom a material comes from, with the plan and without."""

    material: str
    after: Mapping[str, float]
    before: Mapping[str, float]

    def pair(self, *countries: str) -> tuple[float, float]:
        """Shares of countries together, before and after."""
        return (
            sum(self.before.get(one, 0.0) for one in countries),
            sum(self.after.get(one, 0.0) for one in countries),
        )


def _origins(say: PlanWording, materials: list[str], year: int) -> Table:
    """Shares of countries, before and after, as a matrix."""
    by_id = {m.id: m.by_year[str(year)] for m in say.plan.materials}
    rows = [
        Origin(m, _shares(by_id[m].supply), _shares(by_id[m].supply_without_plan))
        for m in materials
    ]
    weight: dict[str, float] = {}
    for row in rows:
        for code in {**row.before, **row.after}:
            weight[code] = weight.get(code, 0.0) + sum(row.pair(code))
    top = sorted(weight, key=lambda code: (-weight[code], code))[:MOST_COUNTRIES]
    home = () if say.case is None else say.case.home
    columns = [Column(tr("Material"), lambda row: say.name("materials", row.material), "text")]
    columns += [
        _origin(country(code), [code], third=code not in EU_27 and code not in home) for code in top
    ]
    rest = [code for code in weight if code not in top]
    if rest:
        columns.append(_origin(tr("Others"), rest, third=False))
    note = tr(
        "Shading grows with the share with the plan; ▲ more than 65 % from one third country. One "
        "figure alone means that the plan changes nothing."
    )
    caption = tr("Share of supply by country in {year}, without → with the plan (%)", year=year)
    return Table(caption, rows, columns, "origins", note, on=PAGE)


def _shares(mix: SupplyMix | None) -> Mapping[str, float]:
    return {} if mix is None else mix.by_country


def _origin(name: str, codes: list[str], third: bool) -> Column:
    """The column of a country, or of several together."""

    def moved(row: Origin) -> Shown:
        before, after = row.pair(*codes)
        old, new = (number(round(100 * share), 0) for share in (before, after))
        if max(before, after) < 0.005:
            return Shown("–")
        text = new if old == new else f"{old} → {new}"
        return Shown(f"▲ {text}" if third and after > LIMIT else text, 100 * after)

    def mark(row: Origin) -> str:
        before, after = row.pair(*codes)
        if max(before, after) < 0.005:
            return "none"
        shade = 1 + (after >= 0.2) + (after >= 0.4) + (after >= 0.65)
        shown = f"s{shade}" if after >= 0.05 else ""
        return f"{shown} over" if third and after > LIMIT else shown

    return Column(name, moved, "share", mark=mark)


def _benchmarks(say: PlanWording) -> Iterator[Part]:
    found = {(share.material, share.stage): share for share in say.plan.crma}
    if not found:
        return
    stages = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }
    columns = [Column(tr("Material"), lambda m: say.name("materials", m), "text")]
    for stage, name in stages.items():
        of = {m: share for (m, at), share in found.items() if at == stage}
        if of:
            target = next(iter(of.values())).target
            group = tr("{stage}: {target}", stage=capital(name), target=percent(target))
            columns.append(_benchmark(tr("Without plan"), "share_without_plan", of, group))
            columns.append(_benchmark(tr("With plan"), "share", of, group))
    notes = [
        tr(
            "▽ short of the benchmark. Regulation (EU) 2024/1252, Article 5, aims at 10 % from "
            "extraction, 40 % from processing and 25 % from recycling in the Union by 2030, of the "
            "Union's consumption; here of the demand of this scenario."
        ),
        tr(
            "Stages are counted each for itself: output that is recycled and refined in the Union "
            "counts in both, and the stages of a material do not add up."
        ),
    ]
    if any(share.share > 1 for share in found.values()):
        notes.append(
            tr(
                "More than 100 %: output in the Union is more than the demand of this scenario, so "
                "that not all of it can be used here."
            )
        )
    yield Heading(tr("Benchmarks of the Critical Raw Materials Act"), PAGE)
    year = next(iter(found.values())).year
    caption = tr("Shares of demand from the Union in {year}, by stage", year=year)
    materials = list(dict.fromkeys(share.material for share in say.plan.crma))
    yield Table(caption, materials, columns, "benchmarks", " ".join(notes), on=PAGE)


def _benchmark(header: str, end: str, of: Mapping[str, CrmaShare], group: str) -> Column:
    """A column of shares, marked where they miss their benchmark."""

    def short(material: str) -> bool:
        return material in of and getattr(of[material], end) < of[material].target - 1e-9

    def shown(material: str) -> Shown | None:
        if material not in of:
            return None
        share = getattr(of[material], end)
        return Shown(f"▽ {percent(share)}" if short(material) else percent(share), share)

    return Column(header, shown, "share", group=group, mark=lambda m: "short" if short(m) else "")


def _supply(say: PlanWording, side: str) -> Table:
    """Where supply comes from, with the plan or without it."""
    columns = [
        *col.words(name=tr("Material"), country=tr("Country or figure")),
        *col.years(say.horizon),
        col.deviation(),
        *col.keys("material_id", "field"),
    ]
    return Table(
        "", [row for one in say.plan.materials for row in _mix(say, side, one)], columns, side,
        empty=tr("The plan does not say where supply comes from."), freeze=2,
        ruled=lambda row: row["first"] is not None,
    )  # fmt: skip


def _mixes(side: str, material: MaterialOutcome) -> dict[str, SupplyMix]:
    """Where a material comes from in the years of which it is known."""
    found = {year: getattr(known, side) for year, known in material.by_year.items()}
    return {year: mix for year, mix in found.items() if mix is not None}


def _mix(say: PlanWording, side: str, material: MaterialOutcome) -> Iterator[Row]:
    """The shares of a material's countries, their sum and what they mean for dependence."""
    mixes, home = _mixes(side, material), say.case.home if say.case else ()
    countries = list(dict.fromkeys(c for mix in mixes.values() for c in mix.by_country))
    count, name = len(countries), say.name("materials", material.id)

    def row(figure: str, field: str, form: Form, **more: Cell) -> Row:
        about = {"name": name, "country": figure, "material_id": material.id, "field": field}
        return Row(form, {**about, **more})

    def shares(line: Line, year: str, below: int) -> ex.Area:
        """The shares of all countries, so many rows below them."""
        top = line.place - below - count
        return line.table.part(top, top + count, year)

    def imports(line: Line, year: str) -> ex.Expression:
        top = line.place - 4 - count
        inside = [line.table.cell(top + n, year) for n, c in enumerate(countries) if c in home]
        return ex.of(1) - (ex.total(*inside) if inside else ex.of(0))

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line), col.over_years(line, 1))

    if not mixes:
        return
    for n, code in enumerate(countries):
        figures = {year: mix.by_country.get(code, 0.0) for year, mix in mixes.items()}
        yield row(code, "by_country", "share", first=None if n else "", **figures)
    together = col.each(mixes, lambda line, year: ex.total(shares(line, year, 0)))
    together["deviation"] = lambda line: ex.distance_to(col.over_years(line), 1)
    leading = col.each(mixes, lambda line, year: ex.largest(shares(line, year, 1)))
    index = col.each(mixes, lambda line, year: ex.squares(shares(line, year, 2)) * ex.of(10_000))
    index["deviation"] = apart
    stated = {year: mix.hhi for year, mix in mixes.items()}
    yield row(tr("All together"), "sum", "share", **together)
    yield row(tr("largest supplier's share"), "largest", "share", **leading)
    yield row(tr("index of concentration"), "hhi", "count", **index)
    yield row(tr("index, as the plan has it"), "hhi_of_plan", "count", **stated)
    if home:
        yield row(tr("imports"), "imports", "share", **col.each(mixes, imports))


def checks(say: PlanWording) -> Iterator[Check]:
    """Shares add up, and give the index of concentration."""

    def mixed(says: str, side: str, field: str, scale: float) -> list[Check]:
        known = any(_mixes(side, one) for one in say.plan.materials)
        apart = col.where(side, "deviation", field=field)
        return [Check(says, side, apart, lambda _: ex.of(scale), summed=True)] if known else []

    bare = "supply_without_plan"
    says = tr("Shares of supply add up to 1 in each year, with the plan")
    yield from mixed(says, "supply", "sum", 1.0)
    says = tr("The index of concentration is the sum of squared shares, with the plan")
    yield from mixed(says, "supply", "hhi", 10_000.0)
    says = tr("Shares of supply add up to 1 in each year, without the plan")
    yield from mixed(says, bare, "sum", 1.0)
    says = tr("The index of concentration is the sum of squared shares, without the plan")
    yield from mixed(says, bare, "hhi", 10_000.0)
