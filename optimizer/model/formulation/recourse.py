"""What happens in a state of the world (R1 to R7).

A period of a chain is *open* in a state if the market and conversions may leave some of its demand
uncovered: only there can anything be missing, so shortage, release, what is made and their rules
exist for open periods alone, and between two of them a stock only keeps and grows. This is exact.
Stocks that are filled again are accounted for at the last *covered* period between two open ones as
well: what comes back until then never exceeds what is gone, as it can only shrink meanwhile.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import COMMON_GROUP, Chain, Floats, Instance, Node, Plant, Realisation
from optimizer.model.scenario_data import (
    ScenarioData,
    find_short_periods,
    market_supply,
    project_output_lots,
)

MIN_STOCK_COEFFICIENT = (
    0.01  # so much is left between two rows of a stock, so that no coefficient fades
)


@dataclass(frozen=True, eq=False)
class ChainInState:
    """One chain in one state; lots may be numbers, or columns that stand for them."""

    chain: Chain
    open_periods: tuple[int, ...]  # open periods
    demand: Mapping[int, Any]  # (K) lots of each node
    step_limit: Mapping[int, Any]  # (J, K) lots of it on each damage step
    market: Mapping[int, Any]  # (K) lots that reach each node from the market
    capacity: Mapping[str, Any]  # (K) lots that each conversion can make
    node_projects: Mapping[int, Sequence[str]]  # those that make lots for each node
    delivery: Callable[[int, str, int], Any]  # lots of a project that reach a node in a period
    max_refill: Mapping[str, Floats]
    """(K) lots that can come back in a period, by stockpile that is filled again, and by state."""

    def accounting_periods(self, h: str, retention: float) -> tuple[int, ...]:
        """Periods at which a stock is accounted for: the open ones, the last between two of them in
        which it is filled again, and some where so much is lost over the closed ones that a single
        coefficient could not tell it."""
        longest = self.open_periods[-1] + 1
        if retention < 1:
            longest = (
                max(1, int(math.log(MIN_STOCK_COEFFICIENT, retention))) if retention > 0 else 1
            )
        periods: list[int] = []
        for k in self.open_periods:
            before = periods[-1] if periods else -1
            ends = [k]
            if h in self.max_refill and periods:
                refilled = self.max_refill[h][before + 1 : k].nonzero()[0]
                ends = [*map(int, before + 1 + refilled[-1:]), k]
            for end in ends:
                periods += [*range(before + longest, end, longest), end]
                before = end
        return tuple(periods)

    def refill_limit(self, h: str, retention: float, k: int) -> float:
        """Lots of a stockpile that can come back since its row before, up to period k of a row."""
        if h not in self.max_refill or k < self.open_periods[0]:
            return 0.0
        since = (
            max(
                j
                for j in (self.open_periods[0] - 1, *self.accounting_periods(h, retention))
                if j < k
            )
            + 1
        )
        return math.fsum(retention ** (k - j) * self.max_refill[h][j] for j in range(since, k + 1))

    def node_plants(self, node: int) -> Iterator[tuple[Plant, float]]:
        """Plants that make lots for a node (1), or take lots of it in (less the lots for a lot)."""
        for plant in self.chain.plants:
            if plant.output == node:
                yield plant, 1.0
            elif node in plant.inputs:
                yield plant, -plant.inputs[node]


def chains_in_state(
    instance: Instance, data: ScenarioData, first_stage: Any, *, all_periods: bool = False
) -> Iterator[ChainInState]:
    """The chains that have open periods, as a state or a mean of states leaves them; all chains in
    all periods if ``whole``."""
    for chain in instance.chains:
        demand = {v: data.demand[instance.nodes[v].label] for v in chain.nodes}
        limit = {v: data.step_limit[instance.nodes[v].label] for v in chain.nodes}
        market = {v: market_supply(instance, instance.nodes[v], data) for v in chain.nodes}
        capacity = {
            plant.id: plant.capacity[instance.year_index] * data.share_left[plant.origin]
            for plant in chain.plants
            if plant.capacity is not None
        }
        short = find_short_periods(chain, demand, market, capacity) | all_periods
        if short.any():
            delivers = _delivery_function(instance, chain, data, first_stage)
            projects = {
                v: [
                    p
                    for p, x in instance.projects.items()
                    if instance.nodes[v].material in x.output
                ]
                for v in chain.nodes
            }
            periods = tuple(map(int, short.nonzero()[0]))
            refill = {
                h: pile.max_refill[instance.year_index] * data.is_covered[pile.material]
                for h, pile in instance.stockpiles.items()
                if pile.max_refill.any()
            }
            yield ChainInState(
                chain, periods, demand, limit, market, capacity, projects, delivers, refill
            )


def _delivery_function(
    instance: Instance, chain: Chain, data: ScenarioData, first_stage: Any
) -> Callable[[int, str, int], Any]:
    """What projects deliver to the nodes of a chain, by ``delivered`` of the commitment."""
    first, delivered = instance.years[0], first_stage.delivered
    output: dict[tuple[int, str], list[tuple[Realisation, Floats]]] = {}
    for v in chain.nodes:
        for (p, coming), lots in project_output_lots(instance, instance.nodes[v], data).items():
            output.setdefault((v, p), []).append((coming, lots))

    def delivers(v: int, p: str, k: int) -> Any:
        label, year = instance.nodes[v].label, first + int(instance.year_index[k])
        return sum(
            float(lots[k]) * delivered[label, p, coming.label, year]
            for coming, lots in output.get((v, p), ())
            if lots[k] > 0 and (label, p, coming.label, year) in delivered
        )

    return delivers


def add_deliveries(model: Any, instance: Instance, scenario_data: Sequence[ScenarioData]) -> None:
    """Add what reaches each node of a project's output, by how the project comes (R5)."""
    ways: dict[str, set[Realisation]] = {p: set() for p in instance.projects}
    for outlook in scenario_data:
        for p, own in outlook.realisations.items():
            ways[p].update(own)
    keys = [
        (node.label, p.id, coming.label, year)
        for node in instance.nodes
        for p in instance.projects.values()
        if node.material in p.output and instance.groups_with_right(p.id)
        for coming in sorted(ways[p.id])
        for year in instance.years
        if any(p.running_share(year, start, coming.delay) > 0 for start in p.start_years)
        or p.unaided_home_share(coming, year) > 0
    ]
    nodes = {node.label: node for node in instance.nodes}
    way = {coming.label: coming for own in ways.values() for coming in own}
    model.delivered = pyo.Var(
        keys, domain=pyo.NonNegativeReals, doc="share of nameplate that reaches a node in a year"
    )

    @model.Constraint(keys, doc="(R5) what reaches a node is what is its own and runs")
    def delivered_definition(model: Any, v: str, p: str, d: int | str, year: int) -> Any:
        position, project, coming = year - instance.years[0], instance.projects[p], way[d]
        parts = {group: float(own[position]) for group, own in nodes[v].group_share.items()}
        reserved = sum(
            project.running_share(year, start, coming.delay)
            * parts[group]
            * model.offtake[p, start, group]
            for start in project.start_years
            for group in instance.groups_with_right(p)
        )
        if coming.floored:
            return model.delivered[v, p, d, year] == sum(
                project.share_under_floor(instance.instrument_by_key[key[3:]], year, key[1], coming)
                * parts[key[2]]
                * column
                for key, column in model.floored.items()
                if key[0] == p
            )
        if (home := project.unaided_home_share(coming, year)) > 0:
            reserved += home * parts[COMMON_GROUP] * model.unaided[p]
        return model.delivered[v, p, d, year] == reserved


def add_recourse(
    block: Any, instance: Instance, open_chains: Sequence[ChainInState], first_stage: Any
) -> None:
    """Add releases, refills, shortages, what is made and rules R1 to R4, R6 and R7 of one state,
    its ``damage``, and what of that is ``counted`` in the mean; a mean of states is one more.
    ``commitment`` holds ``buy``, and ``planned`` of stocks that are filled again."""
    nodes = {instance.nodes[v].label: (s, v) for s in open_chains for v in s.chain.nodes}
    of = {label: instance.nodes[v] for label, (_, v) in nodes.items()}
    year_of = instance.year_index
    accounts = [
        (v, h, k)
        for v, (s, _) in nodes.items()
        for h in of[v].stockpile_shares
        for k in s.accounting_periods(h, instance.stockpiles[h].retention)
    ]
    refills = {
        (v, h, k): of[v].stockpile_shares[h] * most
        for v, h, k in accounts
        if (most := nodes[v][0].refill_limit(h, instance.stockpiles[h].retention, k)) > 0
    }
    releases = [(v, h, k) for v, h, k in accounts if k in nodes[v][0].open_periods]
    limits = {
        (v, j, k): s.step_limit[position][j][k]
        for v, (s, position) in nodes.items()
        for j in range(len(of[v].steps))
        for k in s.open_periods
    }
    of_columns = [key for key, lots in limits.items() if not isinstance(lots, float)]
    steps = [key for key, lots in limits.items() if not isinstance(lots, float) or lots > 0]
    made = {
        (instance.nodes[plant.output].label, plant.label, k): (s, plant)
        for s in open_chains
        for plant in s.chain.plants
        for k in s.open_periods
    }

    def most_released(_block: Any, v: str, h: str, _k: int) -> tuple[float, float | None]:
        limit = instance.stockpiles[h].max_release * of[v].stockpile_shares[h]
        return 0, limit if math.isfinite(limit) else None

    def most_missing(_block: Any, v: str, j: int, k: int) -> tuple[float, float | None]:
        lots = limits[v, j, k]
        return 0, float(lots) if isinstance(lots, float) else None

    block.stock = pyo.Var(accounts, domain=pyo.NonNegativeReals, doc="stock at a period's end")
    block.release = pyo.Var(releases, bounds=most_released, doc="(R2) lots released in a period")
    block.refill = pyo.Var(
        list(refills),
        bounds=lambda _block, *key: (0, refills[key]),
        doc="(R7) lots that come back since the row before",
    )
    block.shortage = pyo.Var(steps, bounds=most_missing, doc="(R4) lots missing on a damage step")
    block.made = pyo.Var(list(made), domain=pyo.NonNegativeReals, doc="lots made of other forms")

    @block.Constraint(accounts, doc="(R1) stock is what keeps and what comes in, less releases")
    def stock_balance(block: Any, v: str, h: str, k: int) -> Any:
        brought = _stock_before_release(block, instance, first_stage, nodes[v][0], of[v], h, k)
        released = block.release[v, h, k] if (v, h, k) in block.release else 0
        back = block.refill[v, h, k] if (v, h, k) in refills else 0
        return block.stock[v, h, k] == brought + back - released

    @block.Constraint(list(refills), doc="(R7) what comes back was planned, and released before")
    def refill_limit(block: Any, v: str, h: str, k: int) -> Any:
        return block.stock[v, h, k] <= of[v].stockpile_shares[h] * first_stage.planned[h, k]

    @block.Constraint(
        [(v, k) for v, (s, _) in nodes.items() for k in s.open_periods],
        doc="(R3) supply, output, releases, what is made or missing meet demand and what is taken",
    )
    def demand_balance(block: Any, v: str, k: int) -> Any:
        s, position = nodes[v]
        output = sum(
            s.delivery(position, p, k)
            for p in s.node_projects[position]
            if not instance.projects[p].inputs
        )
        released = sum(block.release[v, h, k] for h in of[v].stockpile_shares)
        missing = sum(
            block.shortage[v, j, k] for j in range(len(of[v].steps)) if (v, j, k) in block.shortage
        )
        left = sum(
            lots * block.made[instance.nodes[plant.output].label, plant.label, k]
            for plant, lots in s.node_plants(position)
        )
        gap = s.demand[position][k] - s.market[position][k]
        total = output + released + missing + left
        # Of a form that nothing makes, holds or takes in there is nothing to say.
        return pyo.Constraint.Skip if isinstance(total, int | float) else total >= gap

    @block.Constraint(list(made), doc="(R6) no more is made than plants can make")
    def conversion_limit(block: Any, v: str, plant: str, k: int) -> Any:
        s, own = made[v, plant, k]
        of_project = own.capacity is None
        most = s.delivery(own.output, own.id, k) if of_project else s.capacity[own.id][k]
        return block.made[v, plant, k] <= most

    if of_columns:

        @block.Constraint(of_columns, doc="(R4) no more is missing than is demanded on a step")
        def shortage_limit(block: Any, v: str, j: int, k: int) -> Any:
            return block.shortage[v, j, k] <= limits[v, j, k]

    weight = {(v, j, k): float(of[v].steps[j].weight[year_of[k]]) for v, j, k in steps}
    block.damage = pyo.Expression(
        expr=pyo.quicksum(weight[key] * block.shortage[key] for key in steps)
    )
    block.counted = pyo.Expression(
        expr=pyo.quicksum(
            of[key[0]].damage_weight * weight[key] * block.shortage[key] for key in steps
        )
    )


def _stock_before_release(
    block: Any, instance: Instance, first_stage: Any, s: ChainInState, node: Node, h: str, k: int
) -> Any:
    """What an account holds in a period before any release: kept from its row before."""
    pile, share, n = instance.stockpiles[h], node.stockpile_shares[h], instance.periods_per_year
    before = max((j for j in s.accounting_periods(h, pile.retention) if j < k), default=-1)
    kept = block.stock[node.label, h, before] if before >= 0 else share * pile.initial_lots
    bought: dict[int, float] = {}
    for j in range(before + 1, k + 1):
        year = instance.years[0] + j // n
        bought[year] = bought.get(year, 0.0) + share * pile.retention ** (k - j) / n
    purchases = sum(part * first_stage.buy[h, year] for year, part in bought.items())
    return pile.retention ** (k - before) * kept + purchases
