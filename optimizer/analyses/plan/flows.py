"""Maps of where materials come from, without the plan and with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results.option import MaterialDependence, Suppliers
from optimizer.analyses.comparison.benefit import LIMIT
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart, flows
from optimizer.report.countries import country
from optimizer.report.document import PAGE, Column, Table
from optimizer.report.figures import number, percent, rounded_percent

MOVED = 0.005
"""From which difference of a share on the plan changes suppliers, and a material has two maps."""
NAMED, MUCH, MOST_NAMED = 3, 0.03, 6
"""Suppliers named on each map, from which difference on others are named too, and how many in all;
home is named besides."""
MOST_ROWS, MOST_PAIRS, MOST_ALIKE = 4, 3, 4
"""Rows of maps, materials with two maps, and materials with one."""


class Flow(NamedTuple):
    """A material, the damage without the plan, and shares of supply by country, the largest first,
    without the plan and with it."""

    of: MaterialDependence
    name: str
    damage: float
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def codes(self) -> list[str]:
        """Countries that supply in either case."""
        return list(dict.fromkeys([*self.after, *self.before]))

    def moved(self, code: str) -> float:
        """How much the share of a country changes."""
        return abs(self.after.get(code, 0.0) - self.before.get(code, 0.0))

    @property
    def most_moved(self) -> float:
        """The largest change of a share."""
        return max(map(self.moved, self.codes))


def maps(say: PlanWording, found: Sequence[MaterialDependence], year: int) -> Iterator[doc.Part]:
    """Maps of the materials from abroad with the largest damage."""
    homes = () if say.case is None else say.case.home
    some = [flow for flow in _flows(say, found, year) if set(flow.codes) - set(homes)]
    ranked = sorted(some, key=lambda flow: (-flow.damage, -flow.most_moved))
    pairs = [flow for flow in ranked if flow.most_moved >= MOVED][:MOST_PAIRS]
    most = min(MOST_ALIKE, 2 * (MOST_ROWS - len(pairs)))
    alike = [flow for flow in ranked if flow.most_moved < MOVED][:most]
    if not ranked:
        return
    ends = tr("Without plan"), tr("With plan")
    home = homes[0] if homes else ""
    rows = [[_map(one, ends[0], one.of.without_plan, one.before, home),
             _map(one, ends[1], one.of.with_plan, one.after, home)] for one in pairs]  # fmt: skip
    same = tr("With and without plan")
    singles = [_map(one, same, one.of.with_plan, one.after, home) for one in alike]
    rows += [singles[at : at + 2] for at in range(0, len(singles), 2)]

    rule = tr(
        "The maps show the materials from abroad with the largest damage without the plan: up to "
        "{pairs} whose suppliers the plan changes, then up to {alike} others.",
        pairs=number(MOST_PAIRS),
        alike=number(MOST_ALIKE),
    )
    told = tr(
        "The darker a country, the larger its share of supply. The three largest suppliers are "
        "named, and others whose share the plan changes by {points} percentage points or more; "
        "▲ more than {share} from one third country.",
        points=number(100 * MUCH),
        share=percent(LIMIT),
    )
    if home:
        lines = tr("The thicker a line to {country}, the more it supplies.", country=country(home))
        told = f"{told} {lines}"
    yield doc.Text(f"{rule} {told}", PAGE)
    shown = [*pairs, *alike]
    title = tr("Where supply comes from in {year}, without and with the plan", year=year)
    told = " ".join([told, *map(_largest, shown)])
    chart = Chart("flows", title, told, lambda: flows.flows(rows, home))
    columns = [
        Column(tr("Material"), lambda row: row[0].name, "text"),
        Column(tr("Country"), lambda row: country(row[1]), "text"),
        Column(ends[0], lambda row: row[0].before.get(row[1], 0.0), "share", like="share"),
        Column(ends[1], lambda row: row[0].after.get(row[1], 0.0), "share", like="share"),
    ]
    by_country = [(flow, code) for flow in shown for code in flow.codes]
    caption = tr("Shares of supply on the maps in {year}", year=year)
    yield Table(caption, by_country, columns, "flows", chart=chart, folded=True, on=PAGE)


def _flows(say: PlanWording, found: Sequence[MaterialDependence], year: int) -> Iterator[Flow]:
    by_id = {m.id: m for m in say.plan.materials}
    for row in found:
        material = by_id[row.material]
        of = material.by_year[str(year)]
        mixes = (of.supply_without_plan, of.supply)
        before, after = (mix.by_country if mix else {} for mix in mixes)
        name = say.name("materials", row.material)
        yield Flow(row, name, material.expected_without_plan, before, after)


def _map(flow: Flow, case: str, of: Suppliers, shares: Mapping[str, float], home: str) -> flows.Map:
    largest = list(shares)[:NAMED]
    more = [code for code in shares if code not in largest and flow.moved(code) >= MUCH]
    named = [*largest, *more][:MOST_NAMED]
    named += [home] if home in shares and home not in named else []
    marked = of.third_country if of.third_share > LIMIT else None
    return flows.Map(flow.name, case, shares, named, marked or "")


def _largest(flow: Flow) -> str:
    """The largest supplier, before and after, for those who do not see the map."""
    ends = [
        f"{country(of.largest_country or '')} {rounded_percent(of.largest_share)}"
        for of in (flow.of.without_plan, flow.of.with_plan)
    ]
    return f"{flow.name}: {' → '.join(dict.fromkeys(ends))}."
