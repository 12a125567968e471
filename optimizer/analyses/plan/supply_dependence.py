"""Dependence on supplying countries with and without the plan: figures, origins, and maps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.countries import EU_27
from models.language import tr
from models.results import CrmaShare, SupplyMix
from models.results.option import MaterialDependence, SupplyConcentration
from optimizer.analyses.comparison.benefit import MAX_COUNTRY_SHARE
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    SheetRow,
    row_year_columns,
    text_columns,
)
from optimizer.report import document as doc
from optimizer.report.charts import Chart, supply_charts, supply_charts as charts
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
from optimizer.report.number_format import format_number, format_percent, format_rounded_percent
from optimizer.report.wording import benchmark_stages, capitalize

MIN_SHARE_CHANGE = 0.005
"""Change of a supply share from which on a material has two maps."""
TOP_SUPPLIERS, LARGE_SHARE_CHANGE, MAX_NAMED_SUPPLIERS = 3, 0.03, 6
"""Suppliers named on each map; change of share from which on others are named; and the largest
number of names. The home country is named in addition."""
MAX_MAP_ROWS, MAX_MAP_PAIRS, MAX_SINGLE_MAPS = 4, 3, 4
"""Largest numbers of rows of maps, of materials with two maps, and of materials with one."""


class MaterialFlow(NamedTuple):
    """Countries' shares in the supply of a material, largest first, with and without the plan."""

    dependence: MaterialDependence
    name: str
    damage_without_plan: float
    shares_before: Mapping[str, float]
    shares_after: Mapping[str, float]

    @property
    def countries(self) -> list[str]:
        """The countries that supply the material with or without the plan."""
        return list(dict.fromkeys([*self.shares_after, *self.shares_before]))

    def share_change(self, country_code: str) -> float:
        """Return the absolute change of a country's share by the plan."""
        return abs(
            self.shares_after.get(country_code, 0.0) - self.shares_before.get(country_code, 0.0)
        )

    @property
    def max_share_change(self) -> float:
        """The largest absolute change of a country's share by the plan."""
        return max(map(self.share_change, self.countries))


def supply_map_parts(
    wording: PlanWording, dependences: Sequence[MaterialDependence], year: int
) -> Iterator[doc.Part]:
    """Yield maps and a table of the imported materials with most damage without the plan."""
    homes = () if wording.case is None else wording.case.home
    foreign_flows = [
        x for x in _material_flows(wording, dependences, year) if set(x.countries) - set(homes)
    ]
    ranked_flows = sorted(
        foreign_flows, key=lambda flow: (-flow.damage_without_plan, -flow.max_share_change)
    )
    changed_flows = [flow for flow in ranked_flows if flow.max_share_change >= MIN_SHARE_CHANGE][
        :MAX_MAP_PAIRS
    ]
    max_singles = min(MAX_SINGLE_MAPS, 2 * (MAX_MAP_ROWS - len(changed_flows)))
    unchanged_flows = [flow for flow in ranked_flows if flow.max_share_change < MIN_SHARE_CHANGE][
        :max_singles
    ]
    if not ranked_flows:
        return
    case_titles = tr("Without plan"), tr("With plan")
    home = homes[0] if homes else ""
    map_rows = [
        [
            _material_map(x, case_titles[0], x.dependence.without_plan, x.shares_before, home),
            _material_map(x, case_titles[1], x.dependence.with_plan, x.shares_after, home),
        ]
        for x in changed_flows
    ]
    single_title = tr("With and without plan")
    single_maps = [
        _material_map(x, single_title, x.dependence.with_plan, x.shares_after, home)
        for x in unchanged_flows
    ]
    map_rows += [single_maps[start : start + 2] for start in range(0, len(single_maps), 2)]

    selection_note = tr(
        "The maps show the materials from abroad with the largest damage without the plan: up to "
        "{pairs} whose suppliers the plan changes, then up to {alike} others.",
        pairs=format_number(MAX_MAP_PAIRS),
        alike=format_number(MAX_SINGLE_MAPS),
    )
    description = tr(
        "The darker a country, the larger its share of supply. The three largest suppliers are "
        "named, and others whose share the plan changes by {points} percentage points or more; "
        "▲ more than {share} from one third country.",
        points=format_number(100 * LARGE_SHARE_CHANGE),
        share=format_percent(MAX_COUNTRY_SHARE),
    )
    if home:
        line_note = tr(
            "The thicker a line to {country}, the more it supplies.", country=country_name(home)
        )
        description = f"{description} {line_note}"
    yield doc.Text(f"{selection_note} {description}", PAGE)
    shown_flows = [*changed_flows, *unchanged_flows]
    title = tr("Where supply comes from in {year}, without and with the plan", year=year)
    description = " ".join([description, *map(_describe_largest_suppliers, shown_flows)])
    chart = Chart(
        "flows", title, description, lambda: supply_charts.draw_supply_maps(map_rows, home)
    )
    columns = [
        Column(tr("Material"), lambda row: row[0].name, "text"),
        Column(tr("Country"), lambda row: country_name(row[1]), "text"),
        Column(case_titles[0], lambda row: row[0].shares_before.get(row[1], 0.0), "share",
               decimals_group="share"),
        Column(case_titles[1], lambda row: row[0].shares_after.get(row[1], 0.0), "share",
               decimals_group="share"),
    ]  # fmt: skip
    table_rows = [(flow, code) for flow in shown_flows for code in flow.countries]
    caption = tr("Shares of supply on the maps in {year}", year=year)
    yield Table(caption, table_rows, columns, "flows", chart=chart, is_collapsed=True, media=PAGE)


def _material_flows(
    wording: PlanWording, dependences: Sequence[MaterialDependence], year: int
) -> Iterator[MaterialFlow]:
    outcomes = {m.id: m for m in wording.plan.materials}
    for entry in dependences:
        material = outcomes[entry.material]
        material_year = material.by_year[str(year)]
        mixes = (material_year.supply_without_plan, material_year.supply)
        shares_before, shares_after = (mix.by_country if mix else {} for mix in mixes)
        name = wording.name("materials", entry.material)
        yield MaterialFlow(entry, name, material.expected_without_plan, shares_before, shares_after)


def _material_map(
    flow: MaterialFlow,
    case_title: str,
    suppliers: SupplyConcentration,
    country_shares: Mapping[str, float],
    home_country: str,
) -> supply_charts.SupplyMap:
    largest_suppliers = list(country_shares)[:TOP_SUPPLIERS]
    changed_suppliers = [
        x
        for x in country_shares
        if x not in largest_suppliers and flow.share_change(x) >= LARGE_SHARE_CHANGE
    ]
    named_suppliers = [*largest_suppliers, *changed_suppliers][:MAX_NAMED_SUPPLIERS]
    named_suppliers += (
        [home_country]
        if home_country in country_shares and home_country not in named_suppliers
        else []
    )
    marked_country = suppliers.third_country if suppliers.third_share > MAX_COUNTRY_SHARE else None
    return supply_charts.SupplyMap(
        flow.name, case_title, country_shares, named_suppliers, marked_country or ""
    )


def _describe_largest_suppliers(flow: MaterialFlow) -> str:
    """Return a text on the largest supplier with and without the plan, as the map's alternative
    text."""
    concentrations = flow.dependence.without_plan, flow.dependence.with_plan
    labels = [
        f"{country_name(side.largest_country or '')} {format_rounded_percent(side.largest_share)}"
        for side in concentrations
    ]
    return f"{flow.name}: {' → '.join(dict.fromkeys(labels))}."


MAX_COUNTRY_COLUMNS = 11
"""Largest number of countries with columns of their own."""
MAX_CHART_MATERIALS = 15
"""Largest number of materials in the chart of largest suppliers."""


def build_sections(wording: PlanWording) -> list[doc.Section]:
    """Build the sections on suppliers, origins and benchmarks, and on supply shares by year."""
    title = tr("Dependence before and after")
    note = tr("Shares of supply, undisturbed and on time.") + _plant_counting_note(wording)
    supply_title = tr("Where supply comes from, with the plan and without it")
    section_parts = list(_dependence_parts(wording))
    supply_parts: list[doc.Part] = [note, _supply_table(wording)]
    return [
        doc.Section("dependence", title, section_parts, sheet_name=tr("Dependence")),
        doc.Section("supply", supply_title, supply_parts, SHEET, sheet_name=tr("Supply")),
    ]


def _plant_counting_note(wording: PlanWording) -> str:
    """Return a note on how plants count as origins; empty if there are no conversions or projects
    with inputs."""
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
    dependence = wording.benefit.dependence
    if not dependence.materials:
        return
    rows = sorted(
        dependence.materials,
        key=lambda row: (-row.without_plan.largest_share, -row.with_plan.largest_share),
    )
    text = tr(
        "In {year}, {before} of the {count} materials that are needed then come to more than "
        "{share} from one third country without the plan, and {after} with it. Supply is counted "
        "undisturbed and on time.",
        year=dependence.year,
        before=format_number(len(dependence.above_limit_without_plan)),
        after=format_number(len(dependence.above_limit)),
        count=format_number(len(rows)),
        share=format_percent(MAX_COUNTRY_SHARE),
    )
    yield doc.Text(text + _plant_counting_note(wording), TERMINAL_AND_PAGE)
    yield _largest_suppliers_table(wording, rows, dependence.year)
    yield _origins_table(wording, [row.material for row in rows], dependence.year)
    yield from _benchmark_parts(wording)
    yield from supply_map_parts(wording, rows, dependence.year)


def _largest_suppliers_table(
    wording: PlanWording, rows: list[MaterialDependence], year: int
) -> Table:
    case_titles = {"without_plan": tr("Without plan"), "with_plan": tr("With plan")}

    def chart_row(row: MaterialDependence) -> charts.LargestSupplier:
        before, after = (
            (x.largest_country or "", x.largest_share) for x in (row.without_plan, row.with_plan)
        )
        return charts.LargestSupplier(wording.name("materials", row.material), *before, *after)

    def supplier_columns(field: str) -> Iterator[Column]:
        def share(row: MaterialDependence) -> DisplayedValue:
            concentration = getattr(row, field)
            mark = "▲ " if concentration.third_share > MAX_COUNTRY_SHARE else ""
            return DisplayedValue(
                f"{mark}{format_percent(concentration.largest_share)}", concentration.largest_share
            )

        def limit_class(row: MaterialDependence) -> str:
            return "over" if getattr(row, field).third_share > MAX_COUNTRY_SHARE else ""

        def supplier_name(row: MaterialDependence) -> str:
            return country_name(getattr(row, field).largest_country or "")

        # Columns under one header share their decimals unless they name a group.
        options: dict[str, Any] = {"group": case_titles[field]}
        yield Column(tr("Largest supplier"), supplier_name, "text", **options)
        yield Column(tr("Share"), share, "share", decimals_group=f"share {field}",
                     css_class=limit_class, **options)  # fmt: skip
        yield Column(
            "HHI", f"{field}.hhi", "count", decimals_group=f"hhi {field}", decimals=0, **options
        )
        if any(row.with_plan.imports is not None for row in rows):
            header = tr("Import dependency")
            yield Column(
                header, f"{field}.imports", "share", decimals_group=f"imports {field}", **options
            )

    description = tr(
        "One line a material: a hollow mark without the plan, a full one with it, each with the "
        "code of the country. A dashed line marks 65 %."
    )
    title = tr("Share of the largest supplier in {year}, without and with the plan", year=year)
    if len(rows) > MAX_CHART_MATERIALS:
        title += " " + tr("(the {count} largest)", count=format_number(MAX_CHART_MATERIALS))
    largest_suppliers = sorted(
        rows, key=lambda row: -max(row.without_plan.largest_share, row.with_plan.largest_share)
    )[:MAX_CHART_MATERIALS]
    chart_rows = [chart_row(row) for row in rows if row in largest_suppliers]
    chart = Chart(
        "dependence",
        title,
        description,
        lambda: charts.largest_supplier_chart(chart_rows, MAX_COUNTRY_SHARE),
    )
    columns = [Column(tr("Material"), lambda row: wording.name("materials", row.material), "text")]
    columns += [column for field in case_titles for column in supplier_columns(field)]
    note = tr(
        "▲ more than 65 % from one third country, which Regulation (EU) 2024/1252 aims to avoid. "
        "HHI: Herfindahl-Hirschman index, from 0 (many suppliers) to {most} (one).",
        most=format_number(10_000),
    )
    caption = tr("Largest supplier of each material in {year}", year=year)
    return Table(
        caption, rows, columns, "suppliers", note, chart=chart, is_collapsed=True,
        media=PAGE_AND_SHEET,
    )  # fmt: skip


def _origins_table(wording: PlanWording, materials: list[str], year: int) -> Table:
    """Return a table of supply shares in one year by material and country, with and without the
    plan."""
    outcomes = {m.id: m.by_year[str(year)] for m in wording.plan.materials}
    mixes = {m: (outcomes[m].supply_without_plan, outcomes[m].supply) for m in materials}
    country_shares = {m: [mix.by_country if mix else {} for mix in mixes[m]] for m in materials}
    totals: dict[str, float] = {}
    for by_country in (shares for share_pair in country_shares.values() for shares in share_pair):
        for code, share in by_country.items():
            totals[code] = totals.get(code, 0.0) + share
    top_countries = sorted(totals, key=lambda code: (-totals[code], code))[:MAX_COUNTRY_COLUMNS]
    home = () if wording.case is None else wording.case.home

    def column(name: str, codes: list[str]) -> Column:
        is_third_country = len(codes) == 1 and codes[0] not in EU_27 and codes[0] not in home

        def shares_before_and_after(material: str) -> list[float]:
            pair = country_shares[material]
            return [sum(shares.get(code, 0.0) for code in codes) for shares in pair]

        def change_text(material: str) -> DisplayedValue:
            share_before, share_after = shares_before_and_after(material)
            old_text, new_text = (
                format_number(round(100 * share), 0) for share in (share_before, share_after)
            )
            if max(share_before, share_after) < 0.005:
                return DisplayedValue("–")
            text = new_text if old_text == new_text else f"{old_text} → {new_text}"
            return DisplayedValue(
                f"▲ {text}" if is_third_country and share_after > MAX_COUNTRY_SHARE else text,
                100 * share_after,
            )

        def css_class(material: str) -> str:
            share_before, share_after = shares_before_and_after(material)
            if max(share_before, share_after) < 0.005:
                return "none"
            shade = f"s{1 + sum(share_after >= step for step in (0.2, 0.4, 0.65))}"
            shown_shade = shade if share_after >= 0.05 else ""
            return (
                f"{shown_shade} over"
                if is_third_country and share_after > MAX_COUNTRY_SHARE
                else shown_shade
            )

        return Column(name, change_text, "share", css_class=css_class)

    columns = [Column(tr("Material"), lambda m: wording.name("materials", m), "text")]
    columns += [column(country_name(code), [code]) for code in top_countries]
    if other_countries := [code for code in totals if code not in top_countries]:
        columns.append(column(tr("Others"), other_countries))
    note = tr(
        "Shading grows with the share with the plan; ▲ more than 65 % from one third country. One "
        "figure alone means that the plan changes nothing."
    )
    caption = tr("Share of supply by country in {year}, without → with the plan (%)", year=year)
    return Table(caption, materials, columns, "origins", note, is_collapsed=True, media=PAGE)


def _benchmark_parts(wording: PlanWording) -> Iterator[doc.Part]:
    benchmark_shares: dict[tuple[str, str], CrmaShare] = {
        (x.material, x.stage): x for x in wording.plan.crma
    }
    if not benchmark_shares:
        return

    def column(header: str, field: str, stage: str, group: str) -> Column:
        """Return a column with the shares of a stage; shares below their benchmark are marked."""

        def misses_benchmark(material: str) -> bool:
            stage_share = benchmark_shares.get((material, stage))
            if stage_share is None:
                return False
            return bool(getattr(stage_share, field) < stage_share.target - 1e-9)

        def shown(material: str) -> DisplayedValue | None:
            share = getattr(benchmark_shares.get((material, stage)), field, None)
            mark = "▽ " if misses_benchmark(material) else ""
            return (
                None if share is None else DisplayedValue(f"{mark}{format_percent(share)}", share)
            )

        classes = {True: "short", False: ""}
        return Column(
            header, shown, "share", group=group, css_class=lambda m: classes[misses_benchmark(m)]
        )

    columns = [Column(tr("Material"), lambda m: wording.name("materials", m), "text")]
    stage_texts: list[str] = []
    for stage, name in benchmark_stages().items():
        stage_shares = [share for share in benchmark_shares.values() if share.stage == stage]
        if stage_shares:
            target = format_percent(stage_shares[0].target)
            share_before, share_after = (
                sum(getattr(x, field) >= x.target - 1e-9 for x in stage_shares)
                for field in ("share_without_plan", "share")
            )
            text = tr("{stage} ({target}): {after} of {count} with the plan, {before} without",
                      stage=capitalize(name), target=target, after=format_number(share_after),
                      count=format_number(len(stage_shares)),
                      before=format_number(share_before))  # fmt: skip
            stage_texts.append(text)
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
    if any(share.share > 1 for share in benchmark_shares.values()):
        note += " " + tr(
            "More than 100 %: output in the Union is more than the need of this scenario, so "
            "that not all of it can be used here."
        )
    year = next(iter(benchmark_shares.values())).year
    caption = tr("Shares of need from the Union in {year}, by stage", year=year)
    materials = list(dict.fromkeys(share.material for share in wording.plan.crma))
    text = tr(
        "In {year}, so many materials reach the benchmarks of Regulation (EU) 2024/1252, Article "
        "5, for the Union's share, here of this scenario's need: {stages}.",
        year=year,
        stages="; ".join(stage_texts),
    )
    yield doc.Text(text, PAGE)
    is_long = len(materials) > MAX_CHART_MATERIALS
    yield Table(
        caption, materials, columns, "benchmarks", note, is_collapsed=is_long, media=PAGE_AND_SHEET
    )


def _supply_table(wording: PlanWording) -> Table:
    """Return a table of each material's supply shares by country and year, with their
    concentration."""
    case_titles = {"supply": tr("With plan"), "supply_without_plan": tr("Without plan")}
    rows: list[SheetRow] = []
    for material in wording.plan.materials:
        for field, case_title in case_titles.items():
            mixes: dict[str, SupplyMix] = {
                year: mix
                for year, outcome in material.by_year.items()
                if (mix := getattr(outcome, field)) is not None
            }
            cells = {"name": wording.name("materials", material.id), "side": case_title}
            codes = list(dict.fromkeys(c for mix in mixes.values() for c in mix.by_country))
            for code in codes:
                shares = {year: mix.by_country.get(code, 0.0) for year, mix in mixes.items()}
                rows.append(SheetRow("share", {**cells, "country": country_name(code), **shares}))
            if codes:
                hhi = {year: mix.hhi for year, mix in mixes.items()}
                rows.append(SheetRow("count", {**cells, "country": "HHI", **hhi}))
            if any(mix.imports is not None for mix in mixes.values()):
                imports = {year: mix.imports for year, mix in mixes.items()}
                rows.append(SheetRow("share", {**cells, "country": tr("imports"), **imports}))
    columns = [
        *text_columns(name=tr("Material"), side=tr("Case"), country=tr("Country or figure")),
        *row_year_columns(wording.year_keys),
    ]
    no_supply_note = tr("The plan does not say where supply comes from.")
    return Table("", rows, columns, "supply", empty_text=no_supply_note)


def build_checks(wording: PlanWording) -> Iterator[doc.Check]:
    """Yield checks that supply shares add up to 1 and reproduce the Herfindahl-Hirschman index."""
    material_years = [x for material in wording.plan.materials for x in material.by_year.values()]
    mixes = [mix for x in material_years for mix in (x.supply, x.supply_without_plan) if mix]
    if mixes:
        statement = tr("Shares of supply add up to 1 for each material in each year")
        deviations = [abs(1 - math.fsum(mix.by_country.values())) for mix in mixes]
        yield doc.Check(statement, max(deviations))
        statement = tr("The HHI is the sum of squared shares")
        deviations = [
            abs(mix.hhi - 10_000 * math.fsum(x * x for x in mix.by_country.values()))
            for mix in mixes
        ]
        yield doc.Check(statement, max(deviations), scale=10_000)
