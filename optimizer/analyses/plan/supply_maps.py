"""Maps of where materials come from, without the plan and with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results.option import MaterialDependence, SupplyConcentration
from optimizer.analyses.comparison.benefit import MAX_COUNTRY_SHARE
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart, supply_map
from optimizer.report.countries import country_name
from optimizer.report.document import PAGE, Column, Table
from optimizer.report.number_format import format_number, format_percent, format_rounded_percent

MIN_SHARE_CHANGE = 0.005
"""From which difference of a share on the plan changes suppliers, and a material has two maps."""
TOP_SUPPLIERS, LARGE_SHARE_CHANGE, MAX_NAMED_SUPPLIERS = 3, 0.03, 6
"""Suppliers named on each map, from which difference on others are named too, and how many in all;
home is named besides."""
MAX_MAP_ROWS, MAX_MAP_PAIRS, MAX_SINGLE_MAPS = 4, 3, 4
"""Rows of maps, materials with two maps, and materials with one."""


class MaterialFlow(NamedTuple):
    """A material, the damage without the plan, and shares of supply by country, the largest first,
    without the plan and with it."""

    dependence: MaterialDependence
    name: str
    damage_without_plan: float
    shares_before: Mapping[str, float]
    shares_after: Mapping[str, float]

    @property
    def countries(self) -> list[str]:
        """Countries that supply in either case."""
        return list(dict.fromkeys([*self.shares_after, *self.shares_before]))

    def share_change(self, country_code: str) -> float:
        """How much the share of a country changes."""
        return abs(
            self.shares_after.get(country_code, 0.0) - self.shares_before.get(country_code, 0.0)
        )

    @property
    def max_share_change(self) -> float:
        """The largest change of a share."""
        return max(map(self.share_change, self.countries))


def supply_map_parts(
    wording: PlanWording, dependences: Sequence[MaterialDependence], year: int
) -> Iterator[doc.Part]:
    """Maps of the materials from abroad with the largest damage."""
    homes = () if wording.case is None else wording.case.home
    some = [
        flow
        for flow in _material_flows(wording, dependences, year)
        if set(flow.countries) - set(homes)
    ]
    ranked = sorted(some, key=lambda flow: (-flow.damage_without_plan, -flow.max_share_change))
    pairs = [flow for flow in ranked if flow.max_share_change >= MIN_SHARE_CHANGE][:MAX_MAP_PAIRS]
    most = min(MAX_SINGLE_MAPS, 2 * (MAX_MAP_ROWS - len(pairs)))
    alike = [flow for flow in ranked if flow.max_share_change < MIN_SHARE_CHANGE][:most]
    if not ranked:
        return
    ends = tr("Without plan"), tr("With plan")
    home = homes[0] if homes else ""
    rows = [[_material_map(one, ends[0], one.dependence.without_plan, one.shares_before, home),
             _material_map(one, ends[1], one.dependence.with_plan, one.shares_after, home)] for one in pairs]  # fmt: skip
    same = tr("With and without plan")
    singles = [
        _material_map(one, same, one.dependence.with_plan, one.shares_after, home) for one in alike
    ]
    rows += [singles[at : at + 2] for at in range(0, len(singles), 2)]

    rule = tr(
        "The maps show the materials from abroad with the largest damage without the plan: up to "
        "{pairs} whose suppliers the plan changes, then up to {alike} others.",
        pairs=format_number(MAX_MAP_PAIRS),
        alike=format_number(MAX_SINGLE_MAPS),
    )
    told = tr(
        "The darker a country, the larger its share of supply. The three largest suppliers are "
        "named, and others whose share the plan changes by {points} percentage points or more; "
        "▲ more than {share} from one third country.",
        points=format_number(100 * LARGE_SHARE_CHANGE),
        share=format_percent(MAX_COUNTRY_SHARE),
    )
    if home:
        lines = tr(
            "The thicker a line to {country}, the more it supplies.", country=country_name(home)
        )
        told = f"{told} {lines}"
    yield doc.Text(f"{rule} {told}", PAGE)
    shown = [*pairs, *alike]
    title = tr("Where supply comes from in {year}, without and with the plan", year=year)
    told = " ".join([told, *map(_describe_largest_suppliers, shown)])
    chart = Chart("flows", title, told, lambda: supply_map.draw_supply_maps(rows, home))
    columns = [
        Column(tr("Material"), lambda row: row[0].name, "text"),
        Column(tr("Country"), lambda row: country_name(row[1]), "text"),
        Column(
            ends[0],
            lambda row: row[0].shares_before.get(row[1], 0.0),
            "share",
            decimals_group="share",
        ),
        Column(
            ends[1],
            lambda row: row[0].shares_after.get(row[1], 0.0),
            "share",
            decimals_group="share",
        ),
    ]
    by_country = [(flow, code) for flow in shown for code in flow.countries]
    caption = tr("Shares of supply on the maps in {year}", year=year)
    yield Table(caption, by_country, columns, "flows", chart=chart, is_folded=True, media=PAGE)


def _material_flows(
    wording: PlanWording, dependences: Sequence[MaterialDependence], year: int
) -> Iterator[MaterialFlow]:
    by_id = {m.id: m for m in wording.plan.materials}
    for row in dependences:
        material = by_id[row.material]
        of = material.by_year[str(year)]
        mixes = (of.supply_without_plan, of.supply)
        before, after = (mix.by_country if mix else {} for mix in mixes)
        name = wording.name("materials", row.material)
        yield MaterialFlow(row, name, material.expected_without_plan, before, after)


def _material_map(
    flow: MaterialFlow,
    case_title: str,
    suppliers: SupplyConcentration,
    country_shares: Mapping[str, float],
    home_country: str,
) -> supply_map.SupplyMap:
    largest = list(country_shares)[:TOP_SUPPLIERS]
    more = [
        code
        for code in country_shares
        if code not in largest and flow.share_change(code) >= LARGE_SHARE_CHANGE
    ]
    named = [*largest, *more][:MAX_NAMED_SUPPLIERS]
    named += [home_country] if home_country in country_shares and home_country not in named else []
    marked = suppliers.third_country if suppliers.third_share > MAX_COUNTRY_SHARE else None
    return supply_map.SupplyMap(flow.name, case_title, country_shares, named, marked or "")


def _describe_largest_suppliers(flow: MaterialFlow) -> str:
    """The largest supplier, before and after, for those who do not see the map."""
    ends = [
        f"{country_name(of.largest_country or '')} {format_rounded_percent(of.largest_share)}"
        for of in (flow.dependence.without_plan, flow.dependence.with_plan)
    ]
    return f"{flow.name}: {' → '.join(dict.fromkeys(ends))}."
