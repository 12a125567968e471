"""Whom supply depends on, before and after, and where it comes from by year."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from models.language import tr
from models.results import CrmaShare, SupplyMix
from models.results.option import MaterialDependence
from models.scenario.countries import EU_27
from optimizer.analyses.comparison.benefit import LIMIT
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.flows import maps
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import dependence as charts
from optimizer.report.countries import country
from optimizer.report.document import DETAIL, PAGE, SHEET, TEXT, Column, Shown, Table
from optimizer.report.figures import number, percent
from optimizer.report.wording import capital
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

MOST_COUNTRIES = 11
"""Countries that have a column of their own."""
MOST_DRAWN = 15
"""Materials in the chart of largest suppliers, those with the largest shares."""


def sections(say: PlanWording) -> list[doc.Section]:
    """Largest suppliers, origins and benchmarks; a sheet has the shares of every year."""
    title = tr("Dependence before and after")
    note = tr("Shares of supply, undisturbed and on time.") + _how_plants_count(say)
    by_year = tr("Where supply comes from, with the plan and without it")
    return [
        doc.Section("dependence", title, list(_told(say)), tab=tr("Dependence")),
        doc.Section("supply", by_year, [note, _supply(say)], SHEET, tab=tr("Supply")),
    ]


def _how_plants_count(say: PlanWording) -> str:
    """How plants that make one material of others count, where there are any."""
    case = say.case
    if case is None or not (
        case.conversions or any(p.inputs_t_per_t for p in case.projects.values())
    ):
        return ""
    return " " + tr(
        "Plants count for their country as if they had all that they take in, those that run today "
        "at full capacity."
    )


def _told(say: PlanWording) -> Iterator[doc.Part]:
    found = say.benefit.dependence
    if not found.materials:
        return
    rows = sorted(
        found.materials,
        key=lambda row: (-row.without_plan.largest_share, -row.with_plan.largest_share),
    )
    text = tr(
        "In {year}, {before} of the {count} materials that are needed then come to more than "
        "{share} from one third country without the plan, and {after} with it. Supply is counted "
        "undisturbed and on time.",
        year=found.year,
        before=number(len(found.above_limit_without_plan)),
        after=number(len(found.above_limit)),
        count=number(len(rows)),
        share=percent(LIMIT),
    )
    yield doc.Text(text + _how_plants_count(say), TEXT)
    yield _largest(say, rows, found.year)
    yield _origins(say, [row.material for row in rows], found.year)
    yield from _benchmarks(say)
    yield from maps(say, rows, found.year)


def _largest(say: PlanWording, rows: list[MaterialDependence], year: int) -> Table:
    ends = {"without_plan": tr("Without plan"), "with_plan": tr("With plan")}

    def marks(row: MaterialDependence) -> charts.Largest:
        (place, share), (later, after) = (
            (of.largest_country or "", of.largest_share) for of in (row.without_plan, row.with_plan)
        )
        return charts.Largest(say.name("materials", row.material), place, share, later, after)

    def of_suppliers(end: str) -> Iterator[Column]:
        def share(row: MaterialDependence) -> Shown:
            of = getattr(row, end)
            mark = "▲ " if of.third_share > LIMIT else ""
            return Shown(f"{mark}{percent(of.largest_share)}", of.largest_share)

        def over(row: MaterialDependence) -> str:
            return "over" if getattr(row, end).third_share > LIMIT else ""

        def largest(row: MaterialDependence) -> str:
            return country(getattr(row, end).largest_country or "")

        # Columns that stand under one header share their decimals unless they say theirs.
        of: dict[str, Any] = {"group": ends[end]}
        yield Column(tr("Largest supplier"), largest, "text", **of)
        yield Column(tr("Share"), share, "share", like=f"share {end}", mark=over, **of)
        yield Column("HHI", f"{end}.hhi", "count", like=f"hhi {end}", places=0, **of)
        if any(row.with_plan.imports is not None for row in rows):
            header = tr("Import dependency")
            yield Column(header, f"{end}.imports", "share", like=f"imports {end}", **of)

    told = tr(
        "One line a material: a hollow mark without the plan, a full one with it, each with the "
        "code of the country. A dashed line marks 65 %."
    )
    title = tr("Share of the largest supplier in {year}, without and with the plan", year=year)
    if len(rows) > MOST_DRAWN:
        title += " " + tr("(the {count} largest)", count=number(MOST_DRAWN))
    largest = sorted(
        rows, key=lambda row: -max(row.without_plan.largest_share, row.with_plan.largest_share)
    )[:MOST_DRAWN]
    drawn = [marks(row) for row in rows if row in largest]
    chart = Chart("dependence", title, told, lambda: charts.largest(drawn, LIMIT))
    columns = [Column(tr("Material"), lambda row: say.name("materials", row.material), "text")]
    columns += [column for end in ends for column in of_suppliers(end)]
    note = tr(
        "▲ more than 65 % from one third country, which Regulation (EU) 2024/1252 aims to avoid. "
        "HHI: Herfindahl-Hirschman index, from 0 (many suppliers) to {most} (one).",
        most=number(10_000),
    )
    caption = tr("Largest supplier of each material in {year}", year=year)
    return Table(caption, rows, columns, "suppliers", note, chart=chart, folded=True, on=DETAIL)


def _origins(say: PlanWording, materials: list[str], year: int) -> Table:
    """Shares of countries, before and after, as a matrix."""
    by_id = {m.id: m.by_year[str(year)] for m in say.plan.materials}
    mixes = {m: (by_id[m].supply_without_plan, by_id[m].supply) for m in materials}
    shares = {m: [of.by_country if of else {} for of in mixes[m]] for m in materials}
    weight: dict[str, float] = {}
    for of in (of for pair in shares.values() for of in pair):
        for code, share in of.items():
            weight[code] = weight.get(code, 0.0) + share
    top = sorted(weight, key=lambda code: (-weight[code], code))[:MOST_COUNTRIES]
    home = () if say.case is None else say.case.home

    def column(name: str, codes: list[str]) -> Column:
        third = len(codes) == 1 and codes[0] not in EU_27 and codes[0] not in home

        def pair(material: str) -> list[float]:
            return [sum(of.get(code, 0.0) for code in codes) for of in shares[material]]

        def moved(material: str) -> Shown:
            before, after = pair(material)
            old, new = (number(round(100 * share), 0) for share in (before, after))
            if max(before, after) < 0.005:
                return Shown("–")
            text = new if old == new else f"{old} → {new}"
            return Shown(f"▲ {text}" if third and after > LIMIT else text, 100 * after)

        def mark(material: str) -> str:
            before, after = pair(material)
            if max(before, after) < 0.005:
                return "none"
            shade = f"s{1 + sum(after >= step for step in (0.2, 0.4, 0.65))}"
            shown = shade if after >= 0.05 else ""
            return f"{shown} over" if third and after > LIMIT else shown

        return Column(name, moved, "share", mark=mark)

    columns = [Column(tr("Material"), lambda m: say.name("materials", m), "text")]
    columns += [column(country(code), [code]) for code in top]
    if rest := [code for code in weight if code not in top]:
        columns.append(column(tr("Others"), rest))
    note = tr(
        "Shading grows with the share with the plan; ▲ more than 65 % from one third country. One "
        "figure alone means that the plan changes nothing."
    )
    caption = tr("Share of supply by country in {year}, without → with the plan (%)", year=year)
    return Table(caption, materials, columns, "origins", note, folded=True, on=PAGE)


def _benchmarks(say: PlanWording) -> Iterator[doc.Part]:
    found: dict[tuple[str, str], CrmaShare] = {(x.material, x.stage): x for x in say.plan.crma}
    if not found:
        return
    stages = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }

    def column(header: str, end: str, stage: str, group: str) -> Column:
        """Shares of a stage, marked where they miss their benchmark."""

        def short(material: str) -> bool:
            one = found.get((material, stage))
            return one is not None and getattr(one, end) < one.target - 1e-9

        def shown(material: str) -> Shown | None:
            share = getattr(found.get((material, stage)), end, None)
            mark = "▽ " if short(material) else ""
            return None if share is None else Shown(f"{mark}{percent(share)}", share)

        mark = {True: "short", False: ""}
        return Column(header, shown, "share", group=group, mark=lambda m: mark[short(m)])

    columns = [Column(tr("Material"), lambda m: say.name("materials", m), "text")]
    reached: list[str] = []
    for stage, name in stages.items():
        those = [one for (_, at), one in found.items() if at == stage]
        if those:
            target = percent(those[0].target)
            before, after = (
                sum(getattr(one, end) >= one.target - 1e-9 for one in those)
                for end in ("share_without_plan", "share")
            )
            text = tr("{stage} ({target}): {after} of {count} with the plan, {before} without",
                      stage=capital(name), target=target, after=number(after),
                      count=number(len(those)), before=number(before))  # fmt: skip
            reached.append(text)
            group = tr("{stage}: {target}", stage=capital(name), target=target)
            columns.append(column(tr("Without plan"), "share_without_plan", stage, group))
            columns.append(column(tr("With plan"), "share", stage, group))
    note = tr(
        "▽ short of the benchmark. Regulation (EU) 2024/1252, Article 5, aims at 10 % from "
        "extraction, 40 % from processing and 25 % from recycling in the Union by 2030, of the "
        "Union's consumption; here of the need of this scenario. Stages are counted each for "
        "itself: output that is recycled and refined in the Union counts in both, and the stages "
        "of a material do not add up."
    )
    if any(share.share > 1 for share in found.values()):
        note += " " + tr(
            "More than 100 %: output in the Union is more than the need of this scenario, so "
            "that not all of it can be used here."
        )
    year = next(iter(found.values())).year
    caption = tr("Shares of need from the Union in {year}, by stage", year=year)
    materials = list(dict.fromkeys(share.material for share in say.plan.crma))
    text = tr(
        "In {year}, so many materials reach the benchmarks of Regulation (EU) 2024/1252, Article "
        "5, for the Union's share, here of this scenario's need: {stages}.",
        year=year,
        stages="; ".join(reached),
    )
    yield doc.Text(text, PAGE)
    long = len(materials) > MOST_DRAWN
    yield Table(caption, materials, columns, "benchmarks", note, folded=long, on=DETAIL)


def _supply(say: PlanWording) -> Table:
    """Where each material comes from by year, and what follows from it, with and without plan."""
    sides = {"supply": tr("With plan"), "supply_without_plan": tr("Without plan")}
    rows: list[Row] = []
    for material in say.plan.materials:
        name, known = say.name("materials", material.id), material.by_year.items()
        for side, called in sides.items():
            mixes = {y: mix for y, of in known if (mix := getattr(of, side)) is not None}
            about: dict[str, Cell] = {"name": name, "material_id": material.id, "side": called}
            codes = list(dict.fromkeys(c for mix in mixes.values() for c in mix.by_country))
            for code in codes:
                shares = {year: mix.by_country.get(code, 0.0) for year, mix in mixes.items()}
                its = {"country": country(code), "field": side, **shares}
                rows.append(Row("share", {**about, **its}))
            if codes:
                home = [code in say.case.home for code in codes] if say.case else []
                rows += _follows(about, len(rows) - len(codes), len(codes), home, mixes)
    columns = [
        *col.words(name=tr("Material"), side=tr("Case"), country=tr("Country or figure")),
        *col.years(say.horizon),
        col.cell(tr("Deviation"), "deviation", "deviation"),
        *col.keys("material_id", "field"),
    ]
    empty = tr("The plan does not say where supply comes from.")
    return Table("", rows, columns, "supply", empty=empty, freeze=3)


def _follows(
    about: Mapping[str, Cell],
    top: int,
    count: int,
    home: list[bool],
    mixes: Mapping[str, SupplyMix],
) -> Iterator[Row]:
    """What follows from the shares of ``count`` countries, whose rows begin at ``top``."""

    def row(figure: str, field: str, form: doc.Form, of: Mapping[str, Cell], **more: Cell) -> Row:
        return Row(form, {**about, "country": figure, "field": field, **of, **more})

    def each(of: Callable[[ex.Area], ex.Expression]) -> dict[str, Cell]:
        return col.each(mixes, lambda line, y: of(line.table.part(top, top + count, y)))

    def imports(line: Line, year: str) -> ex.Expression:
        inside = [line.table.cell(top + n, year) for n, is_home in enumerate(home) if is_home]
        return ex.of(1) - ex.total(ex.of(0), *inside)

    def uneven(line: Line) -> ex.Expression:
        return ex.distance_to(col.over_years(line), 1)

    def apart(line: Line) -> ex.Expression:
        return ex.distance(col.over_years(line), col.over_years(line, -1))

    index = each(lambda shares: ex.squares(shares) * ex.of(10_000))
    stated: dict[str, Cell] = {year: mix.hhi for year, mix in mixes.items()}
    yield row(tr("All together"), "sum", "share", each(ex.total), deviation=uneven)
    yield row(tr("largest supplier's share"), "largest", "share", each(ex.largest))
    yield row("HHI", "hhi", "count", index)
    yield row(tr("HHI, as the plan has it"), "hhi_of_plan", "count", stated, deviation=apart)
    if any(mix.imports is not None for mix in mixes.values()):
        yield row(tr("imports"), "imports", "share", col.each(mixes, imports))


def checks(say: PlanWording) -> Iterator[doc.Check]:
    """Shares of all countries add up to 1, and give the index of concentration."""
    years = [of for material in say.plan.materials for of in material.by_year.values()]

    def check(says: str, field: str, scale: float) -> doc.Check:
        apart = col.where("supply", "deviation", field=field)
        return doc.Check(says, "supply", apart, lambda _: ex.of(scale), summed=True)

    if any(of.supply or of.supply_without_plan for of in years):
        says = tr("Shares of supply add up to 1 for each material in each year")
        yield check(says, "sum", 1)
        yield check(tr("The HHI is the sum of squared shares"), "hhi_of_plan", 10_000)
