"""Stockpiles (S1 to S4), and recourse in a state of the world (R1 to R7).

A period of a chain is *open* in a state if the market and conversions may leave demand uncovered.
Shortages, releases, production and their rules exist only for open periods. Between two open
periods a stock changes only by purchases and losses, so this is exact. A stock that is refilled has
one more row, at the last *covered* period between two open ones. Until then the difference between
planned and actual stock can only shrink, so it suffices to check it there.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import COMMON_GROUP, Chain, Floats, Instance, Node, Plant, Realization
from optimizer.model.scenario_data import (
    ScenarioData,
    find_short_periods,
    market_supply,
    project_output_lots,
)


def add_stockpiles(model: Any, instance: Instance) -> None:
    """Add purchases and planned stock, and rules S1 to S4."""
    stockpiles, years, periods = instance.stockpiles, instance.years, instance.periods
    n, first_year = instance.periods_per_year, years[0]
    model.buy = pyo.Var(
        list(stockpiles), list(years), domain=pyo.NonNegativeReals, doc="lots bought in a year"
    )
    model.planned = pyo.Var(
        list(stockpiles),
        list(periods),
        domain=pyo.NonNegativeReals,
        doc="stock at a period's end if nothing is released",
    )
    buyable_keys = [
        (h, year)
        for h, stockpile in stockpiles.items()
        for year in years
        if math.isfinite(stockpile.max_purchase[year - first_year])
    ]

    @model.Constraint(buyable_keys, doc="(S1) purchases in a year are limited")
    def purchase_limit(model: Any, h: str, year: int) -> Any:
        return model.buy[h, year] <= stockpiles[h].max_purchase[year - first_year]

    @model.Constraint(
        list(stockpiles),
        list(periods),
        doc="(S2) planned stock is the rest of the earlier stock plus purchases",
    )
    def planned_stock_definition(model: Any, h: str, k: int) -> Any:
        previous_stock = model.planned[h, k - 1] if k > 0 else stockpiles[h].initial_lots
        purchased_lots = model.buy[h, first_year + k // n] / n
        return model.planned[h, k] == stockpiles[h].retention * previous_stock + purchased_lots

    limited_stockpiles = [
        h for h, stockpile in stockpiles.items() if math.isfinite(stockpile.max_stock)
    ]

    @model.Constraint(
        limited_stockpiles, list(periods), doc="(S3) planned stock fits into the store"
    )
    def storage_limit(model: Any, h: str, k: int) -> Any:
        return model.planned[h, k] <= stockpiles[h].max_stock

    min_stock_keys = [
        (h, year)
        for h, stockpile in stockpiles.items()
        for year in years
        if stockpile.min_stock[year - first_year] > 0
    ]

    @model.Constraint(min_stock_keys, doc="(S4) planned stock at a year's end reaches its minimum")
    def days_of_demand(model: Any, h: str, year: int) -> Any:
        last_period = (year - first_year + 1) * n - 1
        return model.planned[h, last_period] >= stockpiles[h].min_stock[year - first_year]


def stock_cost(model: Any, instance: Instance, h: str, year: int, funder: str | None = None) -> Any:
    """Return an expression of the undiscounted cost of a stockpile in a year, in million EUR:
    purchases, and holding of the mean planned stock. With ``funder`` return the part that this
    funder pays."""
    stockpile = instance.stockpiles[h]
    n = instance.periods_per_year
    year_position = year - instance.years[0]
    mean_stock = (
        sum(model.planned[h, k] for k in range(year_position * n, (year_position + 1) * n)) / n
    )
    buying, holding = stockpile.buying_cost, stockpile.holding_cost
    if funder is not None:
        buying, holding = stockpile.costs_of_funder(funder)
    return buying[year_position] * model.buy[h, year] + holding[year_position] * mean_stock


def stock_residual_value(model: Any, instance: Instance, h: str, funder: str | None = None) -> Any:
    """Return an expression of the discounted residual value of planned stock, in million EUR: all
    of it, or the part of one funder."""
    stockpile = instance.stockpiles[h]
    share = 1.0 if funder is None else stockpile.purchase_paid_by.get(funder, 0.0)
    value = share * float(instance.discount_factor[-1]) * stockpile.end_value_per_lot
    return value * model.planned[h, instance.periods[-1]]


MIN_STOCK_COEFFICIENT = 0.01  # smallest retention between two consecutive rows of a stock


@dataclass(frozen=True, eq=False)
class ChainInState:
    """Data of one chain in one state. Lots are numbers, or model columns in their place."""

    chain: Chain
    open_periods: tuple[int, ...]
    demand: Mapping[int, Any]  # (K) lots of each node
    step_limit: Mapping[int, Any]  # (J, K) lots of demand on each damage step
    market: Mapping[int, Any]  # (K) lots that reach each node from the market
    capacity: Mapping[str, Any]  # (K) lots that each conversion can make
    node_projects: Mapping[int, Sequence[str]]  # projects that deliver to each node
    delivery: Callable[[int, str, int], Any]  # lots of a project that reach a node in a period
    max_refill: Mapping[str, Floats]
    """(K) lots that can be refilled in a period, by stockpile."""

    def accounting_periods(self, h: str, retention: float) -> tuple[int, ...]:
        """Return the periods for which a stock has a row: the open periods, and for a stock that is
        refilled the last covered period between two open ones. More periods are added where the
        retention from one row to the next would be below ``MIN_STOCK_COEFFICIENT``."""
        max_distance = self.open_periods[-1] + 1
        if retention < 1:
            max_distance = (
                max(1, int(math.log(MIN_STOCK_COEFFICIENT, retention))) if retention > 0 else 1
            )
        periods: list[int] = []
        for k in self.open_periods:
            previous_period = periods[-1] if periods else -1
            row_periods = [k]
            if h in self.max_refill and periods:
                refill_periods = self.max_refill[h][previous_period + 1 : k].nonzero()[0]
                row_periods = [*map(int, previous_period + 1 + refill_periods[-1:]), k]
            for end in row_periods:
                periods += [*range(previous_period + max_distance, end, max_distance), end]
                previous_period = end
        return tuple(periods)

    def refill_limit(self, h: str, retention: float, k: int) -> float:
        """Return the largest number of lots that refills after the previous row of a stockpile, up
        to and including period k, leave at the end of period k."""
        if h not in self.max_refill or k < self.open_periods[0]:
            return 0.0
        first_period = (
            max(
                j
                for j in (self.open_periods[0] - 1, *self.accounting_periods(h, retention))
                if j < k
            )
            + 1
        )
        return math.fsum(
            retention ** (k - j) * self.max_refill[h][j] for j in range(first_period, k + 1)
        )

    def node_plants(self, node: int) -> Iterator[tuple[Plant, float]]:
        """Yield pairs of a plant and its lots at a node per lot of output: 1 for a plant that
        delivers to the node, and minus its input for one that takes lots from it."""
        for plant in self.chain.plants:
            if plant.output == node:
                yield plant, 1.0
            elif node in plant.inputs:
                yield plant, -plant.inputs[node]


def chains_in_state(
    instance: Instance, data: ScenarioData, first_stage: Any, *, all_periods: bool = False
) -> Iterator[ChainInState]:
    """Yield each chain that has open periods in a state, or in the mean of several states. With
    ``all_periods`` yield all chains, with every period open."""
    for chain in instance.chains:
        demand = {v: data.demand[instance.nodes[v].label] for v in chain.nodes}
        step_limits = {v: data.step_limit[instance.nodes[v].label] for v in chain.nodes}
        market = {v: market_supply(instance, instance.nodes[v], data) for v in chain.nodes}
        capacity = {
            plant.id: plant.capacity[instance.year_index] * data.share_left[plant.origin]
            for plant in chain.plants
            if plant.capacity is not None
        }
        is_open = find_short_periods(chain, demand, market, capacity) | all_periods
        if is_open.any():
            delivery = _delivery_function(instance, chain, data, first_stage)
            node_projects = {
                v: [
                    p
                    for p, x in instance.projects.items()
                    if instance.nodes[v].material in x.output
                ]
                for v in chain.nodes
            }
            open_periods = tuple(map(int, is_open.nonzero()[0]))
            max_refill = {
                h: stockpile.max_refill[instance.year_index] * data.is_covered[stockpile.material]
                for h, stockpile in instance.stockpiles.items()
                if stockpile.max_refill.any()
            }
            yield ChainInState(
                chain,
                open_periods,
                demand,
                step_limits,
                market,
                capacity,
                node_projects,
                delivery,
                max_refill,
            )


def _delivery_function(
    instance: Instance, chain: Chain, data: ScenarioData, first_stage: Any
) -> Callable[[int, str, int], Any]:
    """Return a function of node, project and period that gives the lots that the project delivers,
    as an expression in the ``delivered`` columns."""
    first_year, delivered = instance.years[0], first_stage.delivered
    lots_by_realization: dict[tuple[int, str], list[tuple[Realization, Floats]]] = {}
    for v in chain.nodes:
        for (p, realization), lots in project_output_lots(
            instance, instance.nodes[v], data
        ).items():
            lots_by_realization.setdefault((v, p), []).append((realization, lots))

    def delivered_lots(v: int, p: str, k: int) -> Any:
        label, year = instance.nodes[v].label, first_year + int(instance.year_index[k])
        return sum(
            float(lots[k]) * delivered[label, p, realization.label, year]
            for realization, lots in lots_by_realization.get((v, p), ())
            if lots[k] > 0 and (label, p, realization.label, year) in delivered
        )

    return delivered_lots


def add_deliveries(model: Any, instance: Instance, scenario_data: Sequence[ScenarioData]) -> None:
    """Add ``delivered``: the share of a project's output that reaches each node, for each
    realization of the project (R5)."""
    realizations: dict[str, set[Realization]] = {p: set() for p in instance.projects}
    for data in scenario_data:
        for p, project_realizations in data.realizations.items():
            realizations[p].update(project_realizations)
    delivered_keys = [
        (node.label, p.id, realization.label, year)
        for node in instance.nodes
        for p in instance.projects.values()
        if node.material in p.output and instance.groups_with_right(p.id)
        for realization in sorted(realizations[p.id])
        for year in instance.years
        if any(p.running_share(year, start, realization.delay) > 0 for start in p.start_years)
        or p.unaided_home_share(realization, year) > 0
    ]
    nodes = {node.label: node for node in instance.nodes}
    realization_by_label = {
        realization.label: realization
        for project_realizations in realizations.values()
        for realization in project_realizations
    }
    model.delivered = pyo.Var(
        delivered_keys,
        domain=pyo.NonNegativeReals,
        doc="share of nameplate that reaches a node in a year",
    )

    @model.Constraint(delivered_keys, doc="(R5) a node receives the running output reserved for it")
    def delivered_definition(model: Any, v: str, p: str, d: int | str, year: int) -> Any:
        year_position = year - instance.years[0]
        project = instance.projects[p]
        realization = realization_by_label[d]
        group_shares = {
            group: float(yearly_share[year_position])
            for group, yearly_share in nodes[v].group_share.items()
        }
        reserved_share = sum(
            project.running_share(year, start, realization.delay)
            * group_shares[group]
            * model.offtake[p, start, group]
            for start in project.start_years
            for group in instance.groups_with_right(p)
        )
        if realization.floored:
            return model.delivered[v, p, d, year] == sum(
                project.share_under_floor(
                    instance.instrument_by_key[key[3:]], year, key[1], realization
                )
                * group_shares[key[2]]
                * column
                for key, column in model.floored.items()
                if key[0] == p
            )
        if (home_share := project.unaided_home_share(realization, year)) > 0:
            reserved_share += home_share * group_shares[COMMON_GROUP] * model.unaided[p]
        return model.delivered[v, p, d, year] == reserved_share


def add_recourse(
    block: Any, instance: Instance, open_chains: Sequence[ChainInState], first_stage: Any
) -> None:
    """Add the recourse of one state, or of the mean of several states: variables, and rules R1 to
    R4, R6 and R7. Also add the expressions ``damage``, and ``counted``, the damage with the weights
    of consumers, from which the mean is computed. ``first_stage`` is the model with the purchases
    ``buy``, and with ``planned``, the planned stock of stockpiles that are refilled."""
    nodes = {instance.nodes[v].label: (s, v) for s in open_chains for v in s.chain.nodes}
    node_of = {label: instance.nodes[v] for label, (_, v) in nodes.items()}
    year_index = instance.year_index
    stock_keys = [
        (v, h, k)
        for v, (s, _) in nodes.items()
        for h in node_of[v].stockpile_shares
        for k in s.accounting_periods(h, instance.stockpiles[h].retention)
    ]
    refill_limits = {
        (v, h, k): node_of[v].stockpile_shares[h] * limit
        for v, h, k in stock_keys
        if (limit := nodes[v][0].refill_limit(h, instance.stockpiles[h].retention, k)) > 0
    }
    release_keys = [(v, h, k) for v, h, k in stock_keys if k in nodes[v][0].open_periods]
    step_limits = {
        (v, j, k): s.step_limit[position][j][k]
        for v, (s, position) in nodes.items()
        for j in range(len(node_of[v].steps))
        for k in s.open_periods
    }
    keys_limited_by_column = [
        key for key, lots in step_limits.items() if not isinstance(lots, float)
    ]
    shortage_keys = [
        key for key, lots in step_limits.items() if not isinstance(lots, float) or lots > 0
    ]
    producer_by_key = {
        (instance.nodes[plant.output].label, plant.label, k): (s, plant)
        for s in open_chains
        for plant in s.chain.plants
        for k in s.open_periods
    }

    def release_bounds(_block: Any, v: str, h: str, _k: int) -> tuple[float, float | None]:
        lots = instance.stockpiles[h].max_release * node_of[v].stockpile_shares[h]
        return 0, lots if math.isfinite(lots) else None

    def shortage_bounds(_block: Any, v: str, j: int, k: int) -> tuple[float, float | None]:
        lots = step_limits[v, j, k]
        return 0, float(lots) if isinstance(lots, float) else None

    block.stock = pyo.Var(stock_keys, domain=pyo.NonNegativeReals, doc="stock at a period's end")
    block.release = pyo.Var(
        release_keys, bounds=release_bounds, doc="(R2) lots released in a period"
    )
    block.refill = pyo.Var(
        list(refill_limits),
        bounds=lambda _block, *key: (0, refill_limits[key]),
        doc="(R7) lots refilled since the previous row of the stock",
    )
    block.shortage = pyo.Var(
        shortage_keys, bounds=shortage_bounds, doc="(R4) shortage in lots on a damage step"
    )
    block.made = pyo.Var(
        list(producer_by_key), domain=pyo.NonNegativeReals, doc="lots that a plant makes"
    )

    @block.Constraint(
        stock_keys, doc="(R1) stock is the rest of the earlier stock plus inflows minus releases"
    )
    def stock_balance(block: Any, v: str, h: str, k: int) -> Any:
        before_release = _stock_before_release(
            block, instance, first_stage, nodes[v][0], node_of[v], h, k
        )
        released_lots = block.release[v, h, k] if (v, h, k) in block.release else 0
        refilled_lots = block.refill[v, h, k] if (v, h, k) in refill_limits else 0
        return block.stock[v, h, k] == before_release + refilled_lots - released_lots

    @block.Constraint(
        list(refill_limits), doc="(R7) a refilled stock does not exceed the planned stock"
    )
    def refill_limit(block: Any, v: str, h: str, k: int) -> Any:
        return block.stock[v, h, k] <= node_of[v].stockpile_shares[h] * first_stage.planned[h, k]

    @block.Constraint(
        [(v, k) for v, (s, _) in nodes.items() for k in s.open_periods],
        doc="(R3) supply, output, releases, production and shortage cover demand and inputs",
    )
    def demand_balance(block: Any, v: str, k: int) -> Any:
        s, position = nodes[v]
        output_lots = sum(
            s.delivery(position, p, k)
            for p in s.node_projects[position]
            if not instance.projects[p].inputs
        )
        released_lots = sum(block.release[v, h, k] for h in node_of[v].stockpile_shares)
        short_lots = sum(
            block.shortage[v, j, k]
            for j in range(len(node_of[v].steps))
            if (v, j, k) in block.shortage
        )
        produced_lots = sum(
            lots * block.made[instance.nodes[plant.output].label, plant.label, k]
            for plant, lots in s.node_plants(position)
        )
        uncovered_lots = s.demand[position][k] - s.market[position][k]
        total_lots = output_lots + released_lots + short_lots + produced_lots
        # Skip forms that nothing makes, stores or takes in.
        return (
            pyo.Constraint.Skip
            if isinstance(total_lots, int | float)
            else total_lots >= uncovered_lots
        )

    @block.Constraint(list(producer_by_key), doc="(R6) a plant stays within its capacity")
    def conversion_limit(block: Any, v: str, plant: str, k: int) -> Any:
        s, producer = producer_by_key[v, plant, k]
        is_project = producer.capacity is None
        capacity = (
            s.delivery(producer.output, producer.id, k)
            if is_project
            else s.capacity[producer.id][k]
        )
        return block.made[v, plant, k] <= capacity

    if keys_limited_by_column:

        @block.Constraint(
            keys_limited_by_column, doc="(R4) shortage is within the demand on a damage step"
        )
        def shortage_limit(block: Any, v: str, j: int, k: int) -> Any:
            return block.shortage[v, j, k] <= step_limits[v, j, k]

    step_weights = {
        (v, j, k): float(node_of[v].steps[j].weight[year_index[k]]) for v, j, k in shortage_keys
    }
    block.damage = pyo.Expression(
        expr=pyo.quicksum(step_weights[key] * block.shortage[key] for key in shortage_keys)
    )
    block.counted = pyo.Expression(
        expr=pyo.quicksum(
            node_of[key[0]].damage_weight * step_weights[key] * block.shortage[key]
            for key in shortage_keys
        )
    )


def _stock_before_release(
    block: Any, instance: Instance, first_stage: Any, s: ChainInState, node: Node, h: str, k: int
) -> Any:
    """Return an expression of the lots that a node has in a stockpile in a period, before any
    release or refill in that period."""
    stockpile = instance.stockpiles[h]
    share = node.stockpile_shares[h]
    n = instance.periods_per_year
    previous_period = max(
        (j for j in s.accounting_periods(h, stockpile.retention) if j < k), default=-1
    )
    previous_stock = (
        block.stock[node.label, h, previous_period]
        if previous_period >= 0
        else share * stockpile.initial_lots
    )
    coefficients: dict[int, float] = {}
    for j in range(previous_period + 1, k + 1):
        year = instance.years[0] + j // n
        coefficients[year] = (
            coefficients.get(year, 0.0) + share * stockpile.retention ** (k - j) / n
        )
    purchases = sum(
        coefficient * first_stage.buy[h, year] for year, coefficient in coefficients.items()
    )
    return stockpile.retention ** (k - previous_period) * previous_stock + purchases
