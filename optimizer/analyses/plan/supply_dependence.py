"""Whom supply depends on, before and after, and where it comes from by year."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from models.language import tr
from models.results import CrmaShare, SupplyMix
from models.results.option import MaterialDependence
from models.scenario.countries import EU_27
from optimizer.analyses.comparison.benefit import MAX_COUNTRY_SHARE
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import CellContent, SheetRow
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.plan.supply_maps import supply_map_parts
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import dependence as charts
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL_AND_PAGE,
    Column,
    DisplayedValue,
    Table,
)
from optimizer.report.number_format import format_number, format_percent
from optimizer.report.wording import capitalize
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.placed_tables import FormulaRow

MAX_COUNTRY_COLUMNS = 11
"""Countries that have a column of their own."""
MAX_CHART_MATERIALS = 15
"""Materials in the chart of largest suppliers, those with the largest shares."""


def build_sections(wording: PlanWording) -> list[doc.Section]:
    """Largest suppliers, origins and benchmarks; a sheet has the shares of every year."""
    title = tr("Dependence before and after")
    note = tr("Shares of supply, undisturbed and on time.") + _plant_counting_note(wording)
    by_year = tr("Where supply comes from, with the plan and without it")
    return [
        doc.Section(
            "dependence", title, list(_dependence_parts(wording)), sheet_name=tr("Dependence")
        ),
        doc.Section(
            "supply", by_year, [note, _supply_table(wording)], SHEET, sheet_name=tr("Supply")
        ),
    ]


def _plant_counting_note(wording: PlanWording) -> str:
    """How plants that make one material of others count, where there are any."""
    case = wording.case
    if case is None or not (
        case.conversions or any(p.inputs_t_per_t for p in case.projects.values())
    ):
        return ""
    return " " + tr(
        "Plants count for their country as if they had all that they take in, those that run today "
        "at full capacity."
    )


def _dependence_parts(wording: PlanWording) -> Iterator[doc.Part]:
    found = wording.benefit.dependence
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
        before=format_number(len(found.above_limit_without_plan)),
        after=format_number(len(found.above_limit)),
        count=format_number(len(rows)),
        share=format_percent(MAX_COUNTRY_SHARE),
    )
    yield doc.Text(text + _plant_counting_note(wording), TERMINAL_AND_PAGE)
    yield _largest_suppliers_table(wording, rows, found.year)
    yield _origins_table(wording, [row.material for row in rows], found.year)
    yield from _benchmark_parts(wording)
    yield from supply_map_parts(wording, rows, found.year)


def _largest_suppliers_table(
    wording: PlanWording, rows: list[MaterialDependence], year: int
) -> Table:
    ends = {"without_plan": tr("Without plan"), "with_plan": tr("With plan")}

    def marks(row: MaterialDependence) -> charts.LargestSupplier:
        (place, share), (later, after) = (
            (of.largest_country or "", of.largest_share) for of in (row.without_plan, row.with_plan)
        )
        return charts.LargestSupplier(
            wording.name("materials", row.material), place, share, later, after
        )

    def of_suppliers(end: str) -> Iterator[Column]:
        def share(row: MaterialDependence) -> DisplayedValue:
            of = getattr(row, end)
            mark = "▲ " if of.third_share > MAX_COUNTRY_SHARE else ""
            return DisplayedValue(f"{mark}{format_percent(of.largest_share)}", of.largest_share)

        def over(row: MaterialDependence) -> str:
            return "over" if getattr(row, end).third_share > MAX_COUNTRY_SHARE else ""

        def largest(row: MaterialDependence) -> str:
            return country_name(getattr(row, end).largest_country or "")

        # Columns that stand under one header share their decimals unless they say theirs.
        of: dict[str, Any] = {"group": ends[end]}
        yield Column(tr("Largest supplier"), largest, "text", **of)
        yield Column(
            tr("Share"), share, "share", decimals_group=f"share {end}", css_class=over, **of
        )
        yield Column("HHI", f"{end}.hhi", "count", decimals_group=f"hhi {end}", decimals=0, **of)
        if any(row.with_plan.imports is not None for row in rows):
            header = tr("Import dependency")
            yield Column(header, f"{end}.imports", "share", decimals_group=f"imports {end}", **of)

    told = tr(
        "One line a material: a hollow mark without the plan, a full one with it, each with the "
        "code of the country. A dashed line marks 65 %."
    )
    title = tr("Share of the largest supplier in {year}, without and with the plan", year=year)
    if len(rows) > MAX_CHART_MATERIALS:
        title += " " + tr("(the {count} largest)", count=format_number(MAX_CHART_MATERIALS))
    largest = sorted(
        rows, key=lambda row: -max(row.without_plan.largest_share, row.with_plan.largest_share)
    )[:MAX_CHART_MATERIALS]
    drawn = [marks(row) for row in rows if row in largest]
    chart = Chart(
        "dependence", title, told, lambda: charts.largest_supplier_chart(drawn, MAX_COUNTRY_SHARE)
    )
    columns = [Column(tr("Material"), lambda row: wording.name("materials", row.material), "text")]
    columns += [column for end in ends for column in of_suppliers(end)]
    note = tr(
        "▲ more than 65 % from one third country, which Regulation (EU) 2024/1252 aims to avoid. "
        "HHI: Herfindahl-Hirschman index, from 0 (many suppliers) to {most} (one).",
        most=format_number(10_000),
    )
    caption = tr("Largest supplier of each material in {year}", year=year)
    return Table(
        caption, rows, columns, "suppliers", note, chart=chart, is_folded=True, media=PAGE_AND_SHEET
    )


def _origins_table(wording: PlanWording, materials: list[str], year: int) -> Table:
    """Shares of countries, before and after, as a matrix."""
    by_id = {m.id: m.by_year[str(year)] for m in wording.plan.materials}
    mixes = {m: (by_id[m].supply_without_plan, by_id[m].supply) for m in materials}
    shares = {m: [of.by_country if of else {} for of in mixes[m]] for m in materials}
    weight: dict[str, float] = {}
    for of in (of for pair in shares.values() for of in pair):
        for code, share in of.items():
            weight[code] = weight.get(code, 0.0) + share
    top = sorted(weight, key=lambda code: (-weight[code], code))[:MAX_COUNTRY_COLUMNS]
    home = () if wording.case is None else wording.case.home

    def column(name: str, codes: list[str]) -> Column:
        third = len(codes) == 1 and codes[0] not in EU_27 and codes[0] not in home

        def pair(material: str) -> list[float]:
            return [sum(of.get(code, 0.0) for code in codes) for of in shares[material]]

        def moved(material: str) -> DisplayedValue:
            before, after = pair(material)
            old, new = (format_number(round(100 * share), 0) for share in (before, after))
            if max(before, after) < 0.005:
                return DisplayedValue("–")
            text = new if old == new else f"{old} → {new}"
            return DisplayedValue(
                f"▲ {text}" if third and after > MAX_COUNTRY_SHARE else text, 100 * after
            )

        def mark(material: str) -> str:
            before, after = pair(material)
            if max(before, after) < 0.005:
                return "none"
            shade = f"s{1 + sum(after >= step for step in (0.2, 0.4, 0.65))}"
            shown = shade if after >= 0.05 else ""
            return f"{shown} over" if third and after > MAX_COUNTRY_SHARE else shown

        return Column(name, moved, "share", css_class=mark)

    columns = [Column(tr("Material"), lambda m: wording.name("materials", m), "text")]
    columns += [column(country_name(code), [code]) for code in top]
    if rest := [code for code in weight if code not in top]:
        columns.append(column(tr("Others"), rest))
    note = tr(
        "Shading grows with the share with the plan; ▲ more than 65 % from one third country. One "
        "figure alone means that the plan changes nothing."
    )
    caption = tr("Share of supply by country in {year}, without → with the plan (%)", year=year)
    return Table(caption, materials, columns, "origins", note, is_folded=True, media=PAGE)


def _benchmark_parts(wording: PlanWording) -> Iterator[doc.Part]:
    found: dict[tuple[str, str], CrmaShare] = {(x.material, x.stage): x for x in wording.plan.crma}
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

        def shown(material: str) -> DisplayedValue | None:
            share = getattr(found.get((material, stage)), end, None)
            mark = "▽ " if short(material) else ""
            return (
                None if share is None else DisplayedValue(f"{mark}{format_percent(share)}", share)
            )

        mark = {True: "short", False: ""}
        return Column(header, shown, "share", group=group, css_class=lambda m: mark[short(m)])

    columns = [Column(tr("Material"), lambda m: wording.name("materials", m), "text")]
    reached: list[str] = []
    for stage, name in stages.items():
        those = [one for (_, at), one in found.items() if at == stage]
        if those:
            target = format_percent(those[0].target)
            before, after = (
                sum(getattr(one, end) >= one.target - 1e-9 for one in those)
                for end in ("share_without_plan", "share")
            )
            text = tr("{stage} ({target}): {after} of {count} with the plan, {before} without",
                      stage=capitalize(name), target=target, after=format_number(after),
                      count=format_number(len(those)), before=format_number(before))  # fmt: skip
            reached.append(text)
            group = tr("{stage}: {target}", stage=capitalize(name), target=target)
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
    materials = list(dict.fromkeys(share.material for share in wording.plan.crma))
    text = tr(
        "In {year}, so many materials reach the benchmarks of Regulation (EU) 2024/1252, Article "
        "5, for the Union's share, here of this scenario's need: {stages}.",
        year=year,
        stages="; ".join(reached),
    )
    yield doc.Text(text, PAGE)
    long = len(materials) > MAX_CHART_MATERIALS
    yield Table(
        caption, materials, columns, "benchmarks", note, is_folded=long, media=PAGE_AND_SHEET
    )


def _supply_table(wording: PlanWording) -> Table:
    """Where each material comes from by year, and what follows from it, with and without plan."""
    sides = {"supply": tr("With plan"), "supply_without_plan": tr("Without plan")}
    rows: list[SheetRow] = []
    for material in wording.plan.materials:
        name, known = wording.name("materials", material.id), material.by_year.items()
        for side, called in sides.items():
            mixes = {y: mix for y, of in known if (mix := getattr(of, side)) is not None}
            about: dict[str, CellContent] = {
                "name": name,
                "material_id": material.id,
                "side": called,
            }
            codes = list(dict.fromkeys(c for mix in mixes.values() for c in mix.by_country))
            for code in codes:
                shares = {year: mix.by_country.get(code, 0.0) for year, mix in mixes.items()}
                its = {"country": country_name(code), "field": side, **shares}
                rows.append(SheetRow("share", {**about, **its}))
            if codes:
                home = [code in wording.case.home for code in codes] if wording.case else []
                rows += _derived_rows(about, len(rows) - len(codes), len(codes), home, mixes)
    columns = [
        *col.text_columns(name=tr("Material"), side=tr("Case"), country=tr("Country or figure")),
        *col.year_columns(wording.year_keys),
        col.row_column(tr("Deviation"), "deviation", "deviation"),
        *col.id_columns("material_id", "field"),
    ]
    empty = tr("The plan does not say where supply comes from.")
    return Table("", rows, columns, "supply", empty_text=empty, frozen_columns=3)


def _derived_rows(
    shared_cells: Mapping[str, CellContent],
    first_row: int,
    country_count: int,
    home_flags: list[bool],
    mixes: Mapping[str, SupplyMix],
) -> Iterator[SheetRow]:
    """What follows from the shares of ``count`` countries, whose rows begin at ``top``."""

    def row(
        figure: str,
        field: str,
        form: doc.ValueForm,
        of: Mapping[str, CellContent],
        **more: CellContent,
    ) -> SheetRow:
        return SheetRow(form, {**shared_cells, "country": figure, "field": field, **of, **more})

    def each(of: Callable[[ex.CellArea], ex.Expression]) -> dict[str, CellContent]:
        return col.formulas_by_year(
            mixes,
            lambda line, y: of(line.table.row_range_area(first_row, first_row + country_count, y)),
        )

    def imports(line: FormulaRow, year: str) -> ex.Expression:
        inside = [
            line.table.cell_reference(first_row + n, year)
            for n, is_home in enumerate(home_flags)
            if is_home
        ]
        return ex.as_expression(1) - ex.sum_of(ex.as_expression(0), *inside)

    def uneven(line: FormulaRow) -> ex.Expression:
        return ex.sum_abs_deviations(col.row_year_cells(line), 1)

    def apart(line: FormulaRow) -> ex.Expression:
        return ex.sum_abs_differences(col.row_year_cells(line), col.row_year_cells(line, -1))

    index = each(lambda shares: ex.sum_squares(shares) * ex.as_expression(10_000))
    stated: dict[str, CellContent] = {year: mix.hhi for year, mix in mixes.items()}
    yield row(tr("All together"), "sum", "share", each(ex.sum_of), deviation=uneven)
    yield row(tr("largest supplier's share"), "largest", "share", each(ex.max_of))
    yield row("HHI", "hhi", "count", index)
    yield row(tr("HHI, as the plan has it"), "hhi_of_plan", "count", stated, deviation=apart)
    if any(mix.imports is not None for mix in mixes.values()):
        yield row(tr("imports"), "imports", "share", col.formulas_by_year(mixes, imports))


def build_checks(wording: PlanWording) -> Iterator[doc.Check]:
    """Shares of all countries add up to 1, and give the index of concentration."""
    years = [of for material in wording.plan.materials for of in material.by_year.values()]

    def check(says: str, field: str, scale: float) -> doc.Check:
        apart = col.sum_where("supply", "deviation", field=field)
        return doc.Check(
            says, "supply", apart, lambda _: ex.as_expression(scale), is_deviation_sum=True
        )

    if any(of.supply or of.supply_without_plan for of in years):
        says = tr("Shares of supply add up to 1 for each material in each year")
        yield check(says, "sum", 1)
        yield check(tr("The HHI is the sum of squared shares"), "hhi_of_plan", 10_000)
