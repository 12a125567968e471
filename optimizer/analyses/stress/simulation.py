"""Recourse of a commitment in one state of the world, period by period."""

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.formulation.recourse import ChainInState, add_recourse, chains_in_state
from optimizer.model.instance import COMMON_GROUP, COVERAGE_TOLERANCE, Floats, Instance, Plant
from optimizer.model.scenario_data import compute_scenario_data
from optimizer.model.states import State
from optimizer.solve.recourse import FirstStagePoint, NodeData, RecourseEvaluator
from optimizer.solve.recourse.node_data import NodeStock
from optimizer.solve.recourse.release_policy import release_weights
from optimizer.solve.recourse.state_classes import StateClasses

RELEASE_TOLERANCE = 1e-9
"""Releases below this share of demand are zero."""
UNMET_COST = 1e3
"""Cost of a lot that no stock releases; a lot released costs about its stock's rank by loss."""
SHORTAGE_SLACK = 1e-10
"""Share of demand by which the solver may exceed the given shortage of a chain."""
SMALL_COST = 1e-3
"""Cost of making a lot, and relative addition to the cost of a release for each rank of its stock
by loss."""


class PeriodFigures(NamedTuple):
    """Flows of a material, summed over its nodes: (K) lots each."""

    demand: Floats
    need: Floats
    """Demand, and what conversions take in at full capacity."""
    market: Floats
    """Deliveries of the market in the state."""
    delivered: Floats
    """Deliveries of projects; of projects with inputs what they make."""
    made: Floats
    """What conversions make."""
    taken_in: Floats
    """What conversions and projects take in."""
    uncovered: Floats
    """Demand and intake that market, projects and conversions do not cover: released or missing."""
    released: Floats
    missing: Floats


class PlantFigures(NamedTuple):
    """Capacity and output, period by period, of a conversion or of a project with inputs."""

    plant: Plant
    output: str
    """The material that it makes."""
    could_make: Floats
    """(K) lots that hazards leave of its capacity."""
    made: Floats
    """(K) lots that it makes."""

    def plus(self, other: "PlantFigures | None") -> "PlantFigures":
        """Return the sum of this and another part of the same plant, which belongs to another
        consumer."""
        if other is None:
            return self
        return self._replace(
            could_make=self.could_make + other.could_make, made=self.made + other.made
        )


class Simulation(NamedTuple):
    """Flows, shortages, damage and stocks of a commitment in one state."""

    materials: dict[str, PeriodFigures]
    """Figures of each material that has demand, or goes into one that has."""
    missing: dict[tuple[str, str], Floats]
    """(K) missing lots, by consumer and material."""
    damage: dict[tuple[str, str], float]
    """By consumer and material, in the unit of the measure."""
    stock_left: dict[str, Floats]
    """(K) lots in each stockpile at the end of each period."""
    released: dict[str, Floats]
    """(K) lots that each stockpile releases."""
    plants: tuple[PlantFigures, ...]
    """Figures of conversions and of projects with inputs, summed over nodes."""


def simulate_state(instance: Instance, state: State, commitment: Commitment) -> Simulation:
    """Return the optimal recourse of a commitment in a state, with foresight.

    Shortages are those of the recourse evaluation; releases of each stockpile are chosen to fit
    them.
    """
    recourse = RecourseEvaluator(instance, [state], merge_classes=False, threads=1)
    point = recourse.columns.to_point(commitment)
    materials: dict[str, PeriodFigures] = {}
    missing_by_consumer: dict[tuple[str, str], Floats] = {}
    damage: dict[tuple[str, str], float] = {}
    zeros = np.zeros(len(instance.periods))
    stock_left = {h: planned_stock(instance, commitment, h) for h in instance.stockpiles}
    released = dict.fromkeys(instance.stockpiles, zeros)
    shortage_parts = list(recourse.shortages(point))
    shortages = {
        node_number: shortage
        for part in shortage_parts
        for node_number, shortage in part.expected_by_step.items()
    }
    tied_nodes, plants = _simulate_tied_nodes(instance, state, commitment, shortages)
    for part in shortage_parts:
        m = part.classes.material
        total_figures = PeriodFigures(*[zeros] * len(PeriodFigures._fields))
        for node_number, shortage in part.expected_by_step.items():
            node = recourse.node_data[node_number]
            stocks, refills = node.list_stocks(point), node.refill_by_class(part.classes)[0]
            if node_number in tied_nodes:
                figures, releases = tied_nodes[node_number]
            else:
                figures = _node_figures(node, part.classes, point, shortage.sum(axis=0))
                releases = split_release(stocks, figures.released)
            total_figures = PeriodFigures(*map(np.add, total_figures, figures))
            for h, stock, release, refill in zip(
                node.node.stockpile_shares, stocks, releases, refills, strict=True
            ):
                released[h] = released[h] + release
                stock_left[h] = stock_left[h] - (
                    stock.planned_stock() - _stock_left(stock, release, refill)
                )
            cost = (shortage * node.file_step_weight).sum(axis=1)
            for j, step in enumerate(node.node.steps):
                key = step.consumer, m
                missing_by_consumer[key] = missing_by_consumer.get(key, zeros) + shortage[j]
                damage[key] = damage.get(key, 0.0) + float(cost[j])
        # Intake of conversions at full capacity is added to the demand of the state.
        full_intake = (instance.need[m] - instance.material_demand[m])[instance.year_index]
        materials[m] = total_figures._replace(need=total_figures.demand + full_intake)
    return Simulation(
        materials, missing_by_consumer, damage, stock_left, released, tuple(plants.values())
    )


def _node_figures(
    node: NodeData, state_classes: StateClasses, point: FirstStagePoint, missing_lots: Floats
) -> PeriodFigures:
    """Return the figures of a node in the only state class; ``missing_lots`` is an array (K)."""
    demand = node.demand[state_classes.demand_row[0]]
    market = node.market_share * state_classes.market_lots[0]
    running = node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
    delivered_lots = np.zeros(node.period_count)
    for p, realization in enumerate(state_classes.realization_index[0]):
        if realization >= 0:
            delivered_lots += (
                running[p, realization]
                * state_classes.available_share[state_classes.available_row[0, p]]
            )
    uncovered = demand - market - delivered_lots
    uncovered[uncovered <= COVERAGE_TOLERANCE * demand] = 0.0
    released = uncovered - missing_lots
    released[released <= RELEASE_TOLERANCE * demand] = 0.0
    zeros = np.zeros(node.period_count)
    return PeriodFigures(
        demand, demand, market, delivered_lots, zeros, zeros, uncovered, released, missing_lots
    )


def _simulate_tied_nodes(
    instance: Instance, state: State, commitment: Commitment, shortages: dict[int, Floats]
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Simulate the nodes that plants connect to others, or that have a stock with refills.

    ``shortages`` has, for each node, (J, K) lots by damage step. Returns for each node its figures
    and the (H, K) lots that its stocks release, and the figures of plants by label.
    """
    scenario_data = compute_scenario_data(instance, state)
    delivered_by_node = {}
    for node in instance.nodes:
        for p, _, realization in scenario_data.output_share:
            project = instance.projects[p]
            for y, year in enumerate(instance.years):
                start_year = commitment.start.get(p)
                if realization.floored and start_year is not None:
                    delivered_by_node[node.label, p, realization.label, year] = math.fsum(
                        project.share_under_floor(
                            instance.instrument_by_key[f, instrument], year, start_year, realization
                        )
                        * float(node.group_share[group][y])
                        * x
                        for (q, group, f, instrument), x in commitment.floored.items()
                        if q == p
                    )
                    continue
                if start_year is not None:
                    running = project.running_share(year, start_year, realization.delay)
                    offtake = {g: x for (q, g), x in commitment.offtake.items() if q == p}
                else:
                    running = project.unaided_home_share(realization, year)
                    offtake = {COMMON_GROUP: 1.0}
                delivered_by_node[node.label, p, realization.label, year] = running * math.fsum(
                    float(node.group_share[group][y]) * x for group, x in offtake.items()
                )
    buy = {
        (h, year): float(lots)
        for h in instance.stockpiles
        for year, lots in zip(
            instance.years, commitment.expected_purchases(instance, h), strict=True
        )
    }
    planned_stocks = {
        (h, k): float(lots)
        for h in instance.stockpiles
        for k, lots in enumerate(planned_stock(instance, commitment, h))
    }
    fixed_decisions = SimpleNamespace(delivered=delivered_by_node, buy=buy, planned=planned_stocks)
    node_results: dict[int, tuple[PeriodFigures, Floats]] = {}
    plants: dict[str, PlantFigures] = {}
    for chain_state in chains_in_state(instance, scenario_data, fixed_decisions, all_periods=True):
        chain_nodes = [instance.nodes[v] for v in chain_state.chain.nodes]
        has_refills = any(
            instance.stockpiles[h].max_refill.any()
            for node in chain_nodes
            for h in node.stockpile_shares
        )
        if len(chain_nodes) > 1 or has_refills:
            chain_results, chain_plants = _simulate_chain(
                instance, chain_state, fixed_decisions, shortages
            )
            node_results |= chain_results
            for label, figures in chain_plants.items():
                plants[label] = figures.plus(plants.get(label))
    return node_results, plants


def _simulate_chain(
    instance: Instance,
    chain_state: ChainInState,
    fixed_decisions: Any,
    shortages: dict[int, Floats],
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Compute the releases of a chain that lead to the given shortages.

    Releases are minimal, and release of a form near to demand is preferred to release of its
    inputs. Plants make no more than these releases and demand require. Returns the same as
    :func:`_simulate_tied_nodes`. Raises SolverError if no releases lead to the shortages.
    """
    model = pyo.ConcreteModel()
    add_recourse(model, instance, [chain_state], fixed_decisions)
    nodes = {node_number: instance.nodes[node_number] for node_number in chain_state.chain.nodes}
    node_index = {node.label: node_number for node_number, node in nodes.items()}
    periods = list(instance.periods)
    for (label, j, k), column in model.shortage.items():
        node_number = node_index[label]
        column.setub(
            shortages[node_number][j, k]
            + SHORTAGE_SLACK * float(chain_state.demand[node_number][k])
        )
    order = sorted(instance.stockpiles, key=lambda h: instance.stockpiles[h].retention)
    priorities = release_weights(chain_state.chain)
    cost = {
        id(column): priorities[node_index[label]]
        * (1 + SMALL_COST * order.index(h) * (2 - k / len(periods)))
        for (label, h, k), column in model.release.items()
    }
    cost |= {id(column): SMALL_COST for column in model.made.values()}
    costed_columns = [*model.release.values(), *model.made.values()]
    model.least = pyo.Objective(expr=pyo.quicksum(cost[id(x)] * x for x in costed_columns))
    compiled = highs.compile_model(model)
    solution = highs.solve(compiled.program, options={"primal_feasibility_tolerance": 1e-10})
    if solution.values is None:
        raise SolverError("stocks of a chain do not give what is released")
    columns = map(id, compiled.variables)
    value_by_column = dict(zip(columns, np.maximum(solution.values, 0.0), strict=True))

    def column_values(variable: Any, *index: Any) -> Floats:
        return np.array([value_by_column.get(id(variable[(*index, k)]), 0.0) for k in periods])

    made_by_plant = {
        x.label: column_values(model.made, nodes[x.output].label, x.label)
        for x in chain_state.chain.plants
    }
    node_results = {}
    for node_number, node in nodes.items():
        releases = np.array(
            [column_values(model.release, node.label, h) for h in node.stockpile_shares]
        )
        releases = releases.reshape(len(node.stockpile_shares), len(periods))
        releases[
            releases <= RELEASE_TOLERANCE * max(1.0, chain_state.demand[node_number].max())
        ] = 0.0
        direct_projects = [
            p for p in chain_state.node_projects[node_number] if not instance.projects[p].inputs
        ]
        deliveries = [
            np.array([float(chain_state.delivery(node_number, p, k)) for k in periods])
            for p in direct_projects
        ]
        made_lots, taken_in = np.zeros(len(periods)), np.zeros(len(periods))
        for plant, share in chain_state.node_plants(node_number):
            if share < 0:
                taken_in -= share * made_by_plant[plant.label]
            elif plant.capacity is None:
                deliveries.append(made_by_plant[plant.label])
            else:
                made_lots += made_by_plant[plant.label]
        demand, market = (
            chain_state.demand[node_number],
            np.array(chain_state.market[node_number], dtype=float),
        )
        delivered_lots = np.sum([np.zeros(len(periods)), *deliveries], axis=0)
        released, missing_lots = releases.sum(axis=0), shortages[node_number].sum(axis=0)
        figures = PeriodFigures(
            demand, demand, market, delivered_lots, made_lots, taken_in,
            released + missing_lots, released, missing_lots,
        )  # fmt: skip
        node_results[node_number] = figures, releases
    plants = {}
    for x in chain_state.chain.plants:
        capacity = [
            chain_state.capacity[x.id][k]
            if x.capacity is not None
            else chain_state.delivery(x.output, x.id, k)
            for k in periods
        ]
        material = nodes[x.output].material
        plants[x.label] = PlantFigures(
            x, material, np.array(capacity, dtype=float), made_by_plant[x.label]
        )
    return node_results, plants


def split_release(stocks: Sequence[NodeStock], released: Floats) -> Floats:
    """Return the (H, K) lots that each stock releases, given the (K) lots ``released`` in total.

    The stock with the highest loss rate releases first; of equal ones, the first in the file.
    Raises SolverError if the stocks cannot release that much.
    """
    periods = np.flatnonzero(released > 0)
    releases = np.zeros((len(stocks), len(released)))
    if len(stocks) == 1:
        releases[0] = released
    if len(stocks) < 2 or not len(periods):
        return releases
    stock_count, period_count = len(stocks), len(periods)
    # A column for each stock and period, and one for what no stock releases in a period.
    column_count = (stock_count + 1) * period_count
    matrix = np.zeros((period_count * (1 + stock_count), column_count))
    upper_bounds, cost = np.full(column_count, np.inf), np.full(column_count, UNMET_COST)
    row_lower = np.concatenate([released[periods], np.full(stock_count * period_count, -np.inf)])
    row_upper = np.concatenate([released[periods], np.zeros(stock_count * period_count)])
    for row in range(period_count):
        matrix[row, np.arange(stock_count + 1) * period_count + row] = 1.0
    for rank, h in enumerate(sorted(range(stock_count), key=lambda h: stocks[h].retention)):
        stock_columns, planned_lots = (
            h * period_count + np.arange(period_count),
            stocks[h].planned_stock(),
        )
        upper_bounds[stock_columns] = stocks[h].max_release
        # Late releases cost less, so that stocks with the highest loss release first.
        cost[stock_columns] = rank * (2 - np.arange(period_count) / period_count)
        for row, k in enumerate(periods):
            elapsed_periods = (k - periods[: row + 1]).astype(float)
            matrix[(1 + h) * period_count + row, stock_columns[: row + 1]] = (
                stocks[h].retention ** elapsed_periods
            )
            row_upper[(1 + h) * period_count + row] = planned_lots[k]
    matrix[np.abs(matrix) < highs.MIN_COEFFICIENT] = 0.0
    program = highs.program_from_arrays(
        cost, matrix, row_lower, row_upper, np.zeros(column_count), upper_bounds
    )
    solution = highs.solve(program)
    if solution.values is None:
        raise SolverError("stocks do not give what is released")
    releases[:, periods] = np.maximum(solution.values[: stock_count * period_count], 0.0).reshape(
        stock_count, period_count
    )
    return releases


def _stock_left(stock: NodeStock, releases: Floats, max_refills: Floats) -> Floats:
    """Return the (K) lots in a stock at the end of each period.

    ``releases`` and ``max_refills``, the upper limits of refills, have (K) lots.
    """
    lots_left, stock_lots, planned_stock = (
        np.zeros(len(releases)),
        stock.initial_lots,
        stock.planned_stock(),
    )
    for k, (bought_lots, release) in enumerate(zip(stock.purchases, releases, strict=True)):
        stock_lots = stock.retention * stock_lots + bought_lots - release
        lots_left[k] = stock_lots = max(
            0.0, stock_lots + min(max_refills[k], max(0.0, planned_stock[k] - stock_lots))
        )
    return lots_left
