"""A commitment in one state of the world, period by period: what comes, goes and is missing."""

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
from optimizer.solve.recourse.chain_release_policy import release_priorities
from optimizer.solve.recourse.node_data import NodeStock
from optimizer.solve.recourse.state_classes import StateClasses

RELEASE_TOLERANCE = 1e-9
"""Nothing is released where less than this share of demand would be."""
UNMET_COST = 1e3
"""What a lot counts that no stock gives, where stocks count their place in the order of loss."""
SHORTAGE_SLACK = 1e-10
"""Share of demand by which what is missing in a chain is left to the solver."""
SMALL_COST = 1e-3
"""What making a lot counts, and each place in the order of loss, where a lot released counts 1."""


class PeriodFigures(NamedTuple):
    """(K) lots, of a material in all its nodes."""

    demand: Floats
    need: Floats
    """Demand, and what conversions take in at full capacity."""
    market: Floats
    """What the market still delivers."""
    delivered: Floats
    """What projects deliver; of those with inputs what they make."""
    made: Floats
    """What conversions make."""
    taken_in: Floats
    """What conversions and projects take in."""
    uncovered: Floats
    """What is demanded and taken in, and not covered by any of these: released or missing."""
    released: Floats
    missing: Floats


class PlantFigures(NamedTuple):
    """A conversion, or a project with inputs."""

    plant: Plant
    output: str
    """The material that it makes."""
    could_make: Floats
    """(K) lots that it could make, if no input lacked."""
    made: Floats
    """(K) lots that it makes."""

    def plus(self, other: "PlantFigures | None") -> "PlantFigures":
        """Its part that belongs to one consumer and that of another together."""
        if other is None:
            return self
        return self._replace(
            could_make=self.could_make + other.could_make, made=self.made + other.made
        )


class Simulation(NamedTuple):
    """A commitment in one state."""

    materials: dict[str, PeriodFigures]
    """Of each that has demand, or goes into what has."""
    missing: dict[tuple[str, str], Floats]
    """(K) lots, by consumer and material."""
    damage: dict[tuple[str, str], float]
    """By consumer and material, in the unit of the measure."""
    stock_left: dict[str, Floats]
    """(K) lots in each stockpile at a period's end."""
    released: dict[str, Floats]
    """(K) lots that each stockpile gives."""
    plants: tuple[PlantFigures, ...]
    """What makes materials of others, in all nodes."""


def simulate_state(instance: Instance, state: State, commitment: Commitment) -> Simulation:
    """The recourse of a commitment in a state, the best there is with foresight.

    What is missing is what every evaluation reckons; releases of each stockpile are chosen so that
    they give just that.
    """
    recourse = RecourseEvaluator(instance, [state], merge_classes=False, threads=1)
    point = recourse.columns.to_point(commitment)
    materials: dict[str, PeriodFigures] = {}
    missing: dict[tuple[str, str], Floats] = {}
    damage: dict[tuple[str, str], float] = {}
    none = np.zeros(len(instance.periods))
    left = {h: planned_stock(instance, commitment, h) for h in instance.stockpiles}
    released = dict.fromkeys(instance.stockpiles, none)
    parts = list(recourse.shortages(point))
    steps = {v: short for part in parts for v, short in part.expected_by_step.items()}
    tied, plants = _simulate_tied_nodes(instance, state, commitment, steps)
    for part in parts:
        m = part.classes.material
        total = PeriodFigures(*[none] * len(PeriodFigures._fields))
        for v, short in part.expected_by_step.items():
            node = recourse.node_data[v]
            stocks, back = node.list_stocks(point), node.refill_by_class(part.classes)[0]
            if v in tied:
                own, drawn = tied[v]
            else:
                own = _node_figures(node, part.classes, point, short.sum(axis=0))
                drawn = split_release(stocks, own.released)
            total = PeriodFigures(*map(np.add, total, own))
            for h, stock, *given in zip(
                node.node.stockpile_shares, stocks, drawn, back, strict=True
            ):
                released[h] = released[h] + given[0]
                left[h] = left[h] - (stock.planned_stock() - _stock_left(stock, *given))
            cost = (short * node.file_step_weight).sum(axis=1)
            for j, step in enumerate(node.node.steps):
                key = step.consumer, m
                missing[key] = missing.get(key, none) + short[j]
                damage[key] = damage.get(key, 0.0) + float(cost[j])
        # What conversions take in at most goes on top of demand as the state has it.
        taken_in = (instance.need[m] - instance.material_demand[m])[instance.year_index]
        materials[m] = total._replace(need=total.demand + taken_in)
    return Simulation(materials, missing, damage, left, released, tuple(plants.values()))


def _node_figures(
    node: NodeData, state_classes: StateClasses, point: FirstStagePoint, missing: Floats
) -> PeriodFigures:
    """Of one node in the only look."""
    demand, market = (
        node.demand[state_classes.demand_row[0]],
        node.market_share * state_classes.market_lots[0],
    )
    running = node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
    delivered = np.zeros(node.period_count)
    for p, delay in enumerate(state_classes.realisation_index[0]):
        if delay >= 0:
            delivered += (
                running[p, delay] * state_classes.available_share[state_classes.available_row[0, p]]
            )
    open_ = demand - market - delivered
    open_[open_ <= COVERAGE_TOLERANCE * demand] = 0.0
    released = open_ - missing
    released[released <= RELEASE_TOLERANCE * demand] = 0.0
    none = np.zeros(node.period_count)
    return PeriodFigures(demand, demand, market, delivered, none, none, open_, released, missing)


def _simulate_tied_nodes(
    instance: Instance, state: State, commitment: Commitment, shortages: dict[int, Floats]
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Of each node that is tied to others, or has a stock that is filled again, its figures, and
    (H, K) lots that each of its stocks gives; what plants make, by label. ``short`` (J, K) is what
    is missing on the steps of each."""
    own = compute_scenario_data(instance, state)
    reached = {}
    for node in instance.nodes:
        for p, _, coming in own.output_share:
            project = instance.projects[p]
            for y, year in enumerate(instance.years):
                start = commitment.start.get(p)
                if coming.floored and start is not None:
                    reached[node.label, p, coming.label, year] = math.fsum(
                        project.share_under_floor(
                            instance.instrument_by_key[f, i], year, start, coming
                        )
                        * float(node.group_share[group][y])
                        * x
                        for (q, group, f, i), x in commitment.floored.items()
                        if q == p
                    )
                    continue
                if start is not None:
                    runs = project.running_share(year, start, coming.delay)
                    held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
                else:
                    runs, held = project.unaided_home_share(coming, year), {COMMON_GROUP: 1.0}
                reached[node.label, p, coming.label, year] = runs * math.fsum(
                    float(node.group_share[group][y]) * x for group, x in held.items()
                )
    buy = {
        (h, year): float(lots)
        for h in instance.stockpiles
        for year, lots in zip(
            instance.years, commitment.expected_purchases(instance, h), strict=True
        )
    }
    planned = {
        (h, k): float(lots)
        for h in instance.stockpiles
        for k, lots in enumerate(planned_stock(instance, commitment, h))
    }
    fixed = SimpleNamespace(delivered=reached, buy=buy, planned=planned)
    found: dict[int, tuple[PeriodFigures, Floats]] = {}
    plants: dict[str, PlantFigures] = {}
    for situation in chains_in_state(instance, own, fixed, all_periods=True):
        own_nodes = [instance.nodes[v] for v in situation.chain.nodes]
        again = any(
            instance.stockpiles[h].max_refill.any() for x in own_nodes for h in x.stockpile_shares
        )
        if len(own_nodes) > 1 or again:
            nodes, made = _simulate_chain(instance, situation, fixed, shortages)
            found |= nodes
            for label, one in made.items():
                plants[label] = one.plus(plants.get(label))
    return found, plants


def _simulate_chain(
    instance: Instance, situation: ChainInState, fixed: Any, shortages: dict[int, Floats]
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Releases that lead to what is missing: as few as can be, of forms near to demand rather than
    of what these are made of, and no more is made than they and demand ask for. Raises SolverError
    if there are none."""
    model = pyo.ConcreteModel()
    add_recourse(model, instance, [situation], fixed)
    nodes = {v: instance.nodes[v] for v in situation.chain.nodes}
    place = {node.label: v for v, node in nodes.items()}
    periods = list(instance.periods)
    for (label, j, k), column in model.shortage.items():
        v = place[label]
        column.setub(shortages[v][j, k] + SHORTAGE_SLACK * float(situation.demand[v][k]))
    order = sorted(instance.stockpiles, key=lambda h: instance.stockpiles[h].retention)
    far = release_priorities(situation.chain)
    cost = {
        id(column): far[place[label]] * (1 + SMALL_COST * order.index(h) * (2 - k / len(periods)))
        for (label, h, k), column in model.release.items()
    }
    cost |= {id(column): SMALL_COST for column in model.made.values()}
    counted = [*model.release.values(), *model.made.values()]
    model.least = pyo.Objective(expr=pyo.quicksum(cost[id(x)] * x for x in counted))
    compiled = highs.compile_model(model)
    solution = highs.solve(compiled.program, options={"primal_feasibility_tolerance": 1e-10})
    if solution.values is None:
        raise SolverError("stocks of a chain do not give what is released")
    columns = map(id, compiled.variables)
    value = dict(zip(columns, np.maximum(solution.values, 0.0), strict=True))

    def at(variable: Any, *index: Any) -> Floats:
        return np.array([value.get(id(variable[(*index, k)]), 0.0) for k in periods])

    made = {x.label: at(model.made, nodes[x.output].label, x.label) for x in situation.chain.plants}
    found = {}
    for v, node in nodes.items():
        given = np.array([at(model.release, node.label, h) for h in node.stockpile_shares])
        given = given.reshape(len(node.stockpile_shares), len(periods))
        given[given <= RELEASE_TOLERANCE * max(1.0, situation.demand[v].max())] = 0.0
        direct = [p for p in situation.node_projects[v] if not instance.projects[p].inputs]
        comes = [np.array([float(situation.delivery(v, p, k)) for k in periods]) for p in direct]
        by_conversions, taken = np.zeros(len(periods)), np.zeros(len(periods))
        for plant, share in situation.node_plants(v):
            if share < 0:
                taken -= share * made[plant.label]
            elif plant.capacity is None:
                comes.append(made[plant.label])
            else:
                by_conversions += made[plant.label]
        demand, market = situation.demand[v], np.array(situation.market[v], dtype=float)
        delivered = np.sum([np.zeros(len(periods)), *comes], axis=0)
        released, missing = given.sum(axis=0), shortages[v].sum(axis=0)
        figures = PeriodFigures(
            demand, demand, market, delivered, by_conversions, taken,
            released + missing, released, missing,
        )  # fmt: skip
        found[v] = figures, given
    plants = {}
    for x in situation.chain.plants:
        most = [
            situation.capacity[x.id][k]
            if x.capacity is not None
            else situation.delivery(x.output, x.id, k)
            for k in periods
        ]
        material = nodes[x.output].material
        plants[x.label] = PlantFigures(x, material, np.array(most, dtype=float), made[x.label])
    return found, plants


def split_release(stocks: Sequence[NodeStock], released: Floats) -> Floats:
    """(H, K) lots that each stock gives of what (K) all of them release together.

    The stock that loses most gives first, of equals the first in the file. Raises SolverError if
    they cannot give as much.
    """
    periods = np.flatnonzero(released > 0)
    given = np.zeros((len(stocks), len(released)))
    if len(stocks) == 1:
        given[0] = released
    if len(stocks) < 2 or not len(periods):
        return given
    width, rows = len(stocks), len(periods)
    # A column for each stock and period, and one for what nobody gives in a period.
    columns = (width + 1) * rows
    matrix = np.zeros((rows * (1 + width), columns))
    upper, cost = np.full(columns, np.inf), np.full(columns, UNMET_COST)
    row_lower = np.concatenate([released[periods], np.full(width * rows, -np.inf)])
    row_upper = np.concatenate([released[periods], np.zeros(width * rows)])
    for row in range(rows):
        matrix[row, np.arange(width + 1) * rows + row] = 1.0
    for place, h in enumerate(sorted(range(width), key=lambda h: stocks[h].retention)):
        own, held = h * rows + np.arange(rows), stocks[h].planned_stock()
        upper[own] = stocks[h].max_release
        # Late releases count less, so that those who lose most give before the others do.
        cost[own] = place * (2 - np.arange(rows) / rows)
        for row, k in enumerate(periods):
            earlier = (k - periods[: row + 1]).astype(float)
            matrix[(1 + h) * rows + row, own[: row + 1]] = stocks[h].retention ** earlier
            row_upper[(1 + h) * rows + row] = held[k]
    matrix[np.abs(matrix) < highs.MIN_COEFFICIENT] = 0.0
    program = highs.program_from_arrays(
        cost, matrix, row_lower, row_upper, np.zeros(columns), upper
    )
    solution = highs.solve(program)
    if solution.values is None:
        raise SolverError("stocks do not give what is released")
    given[:, periods] = np.maximum(solution.values[: width * rows], 0.0).reshape(width, rows)
    return given


def _stock_left(stock: NodeStock, releases: Floats, refillable: Floats) -> Floats:
    """(K) lots at each period's end after releases, what can come back (K) doing so at once."""
    left, total, planned = np.zeros(len(releases)), stock.initial_lots, stock.planned_stock()
    for k, (bought, out) in enumerate(zip(stock.purchases, releases, strict=True)):
        total = stock.retention * total + bought - out
        left[k] = total = max(0.0, total + min(refillable[k], max(0.0, planned[k] - total)))
    return left
