"""Whom supply depends on, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from models.language import tr
from models.results import CrmaShare, SupplyMix
from models.results.option import MaterialDependence
from models.scenario.countries import EU_27
from optimizer.analyses.comparison.benefit import LIMIT
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import dependence as charts
from optimizer.report.countries import country
from optimizer.report.document import PAGE, Column, Heading, Part, Shown, Table
from optimizer.report.figures import number, percent
from optimizer.report.wording import capital

MOST_COUNTRIES = 11
"""Countries that have a column of their own."""


def dependence(say: PlanWording) -> Iterator[Part]:
    """Largest suppliers, origins and benchmarks."""
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
