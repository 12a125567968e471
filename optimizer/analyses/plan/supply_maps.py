"""Maps of the origins of materials, with and without the plan."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results.option import MaterialDependence, SupplyConcentration
from optimizer.analyses.comparison.benefit import MAX_COUNTRY_SHARE
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart, supply_charts
from optimizer.report.countries import country_name
from optimizer.report.document import PAGE, Column, Table
from optimizer.report.number_format import format_number, format_percent, format_rounded_percent

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
