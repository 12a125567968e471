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
from optimizer.model.formulation.recourse import Situation, add_recourse, situations
from optimizer.model.instance import COMMON, COVERED, Floats, Instance, Plant
from optimizer.model.outlook import outlook
from optimizer.model.states import State
from optimizer.solve.sweep import NodeData, Point, Recourse
from optimizer.solve.sweep.chain_rule import distances
from optimizer.solve.sweep.nodes import Stock
from optimizer.solve.sweep.state_classes import Looks

ROUNDING = 1e-9
"""Nothing is released where less than this share of demand would be."""
UNMET = 1e3
"""What a lot counts that no stock gives, where stocks count their place in the order of loss."""
SPARE = 1e-10
"""Share of demand by which what is missing in a chain is left to the solver."""
LITTLE = 1e-3
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
    taken: Floats
    """What conversions and projects take in."""
    open: Floats
    """What is demanded and taken in, and not covered by any of these: released or missing."""
    released: Floats
    missing: Floats


class PlantFigures(NamedTuple):
    """A conversion, or a project with inputs."""

    plant: Plant
    output: str
    """The material that it makes."""
    could: Floats
    """(K) lots that it could make, if no input lacked."""
    made: Floats
    """(K) lots that it makes."""

    def with_(self, other: "PlantFigures | None") -> "PlantFigures":
        """Its part that belongs to one consumer and that of another together."""
        if other is None:
            return self
        return self._replace(could=self.could + other.could, made=self.made + other.made)


class Lived(NamedTuple):
    """A commitment in one state."""

    materials: dict[str, PeriodFigures]
    """Of each that has demand, or goes into what has."""
    missing: dict[tuple[str, str], Floats]
    """(K) lots, by consumer and material."""
    damage: dict[tuple[str, str], float]
    """By consumer and material, in the unit of the measure."""
    left: dict[str, Floats]
    """(K) lots in each stockpile at a period's end."""
    released: dict[str, Floats]
    """(K) lots that each stockpile gives."""
    plants: tuple[PlantFigures, ...]
    """What makes materials of others, in all nodes."""


def live_through(instance: Instance, state: State, commitment: Commitment) -> Lived:
    """The recourse of a commitment in a state, the best there is with foresight.

    What is missing is what every evaluation reckons; releases of each stockpile are chosen so that
    they give just that.
    """
    recourse = Recourse(instance, [state], merge=False, threads=1)
    point = recourse.columns.point(commitment)
    materials: dict[str, PeriodFigures] = {}
    missing: dict[tuple[str, str], Floats] = {}
    damage: dict[tuple[str, str], float] = {}
    none = np.zeros(len(instance.periods))
    left = {h: planned_stock(instance, commitment, h) for h in instance.stockpiles}
    released = dict.fromkeys(instance.stockpiles, none)
    parts = list(recourse.shortages(point))
    steps = {v: short for part in parts for v, short in part.by_step.items()}
    tied, plants = _tied(instance, state, commitment, steps)
    for part in parts:
        m = part.looks.material
        total = PeriodFigures(*[none] * len(PeriodFigures._fields))
        for v, short in part.by_step.items():
            node = recourse.nodes[v]
            stocks, back = node.each_stock(point), node.back(part.looks)[0]
            if v in tied:
                own, drawn = tied[v]
            else:
                own = _figures(node, part.looks, point, short.sum(axis=0))
                drawn = draw(stocks, own.released)
            total = PeriodFigures(*map(np.add, total, own))
            for h, stock, *given in zip(node.node.accounts, stocks, drawn, back, strict=True):
                released[h] = released[h] + given[0]
                left[h] = left[h] - (stock.held() - _left(stock, *given))
            cost = (short * node.weight_in_file).sum(axis=1)
            for j, step in enumerate(node.node.steps):
                key = step.consumer, m
                missing[key] = missing.get(key, none) + short[j]
                damage[key] = damage.get(key, 0.0) + float(cost[j])
        # What conversions take in at most goes on top of demand as the state has it.
        taken_in = (instance.need[m] - instance.material_demand[m])[instance.year_of]
        materials[m] = total._replace(need=total.demand + taken_in)
    return Lived(materials, missing, damage, left, released, tuple(plants.values()))


def _figures(node: NodeData, looks: Looks, point: Point, missing: Floats) -> PeriodFigures:
    """Of one node in the only look."""
    demand, market = node.demand[looks.row[0]], node.part * looks.supply[0]
    running = node.running(point)[:, :, node.year_of] * node.plate[:, None, None]
    delivered = np.zeros(node.length)
    for p, delay in enumerate(looks.delay[0]):
        if delay >= 0:
            delivered += running[p, delay] * looks.available[looks.pattern[0, p]]
    open_ = demand - market - delivered
    open_[open_ <= COVERED * demand] = 0.0
    released = open_ - missing
    released[released <= ROUNDING * demand] = 0.0
    none = np.zeros(node.length)
    return PeriodFigures(demand, demand, market, delivered, none, none, open_, released, missing)


def _tied(
    instance: Instance, state: State, commitment: Commitment, short: dict[int, Floats]
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Of each node that is tied to others, or has a stock that is filled again, its figures, and
    (H, K) lots that each of its stocks gives; what plants make, by label. ``short`` (J, K) is what
    is missing on the steps of each."""
    own = outlook(instance, state)
    reached = {}
    for node in instance.nodes:
        for p, _, coming in own.comes:
            project = instance.projects[p]
            for y, year in enumerate(instance.years):
                start = commitment.start.get(p)
                if coming.floored and start is not None:
                    reached[node.label, p, coming.label, year] = math.fsum(
                        project.under_floor(instance.instrument[f, i], year, start, coming)
                        * float(node.group_share[group][y])
                        * x
                        for (q, group, f, i), x in commitment.floored.items()
                        if q == p
                    )
                    continue
                if start is not None:
                    runs = project.runs(year, start, coming.late)
                    held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
                else:
                    runs, held = project.at_home(coming, year), {COMMON: 1.0}
                reached[node.label, p, coming.label, year] = runs * math.fsum(
                    float(node.group_share[group][y]) * x for group, x in held.items()
                )
    buy = {
        (h, year): float(lots)
        for h in instance.stockpiles
        for year, lots in zip(instance.years, commitment.bought(instance, h), strict=True)
    }
    planned = {
        (h, k): float(lots)
        for h in instance.stockpiles
        for k, lots in enumerate(planned_stock(instance, commitment, h))
    }
    fixed = SimpleNamespace(delivered=reached, buy=buy, planned=planned)
    found: dict[int, tuple[PeriodFigures, Floats]] = {}
    plants: dict[str, PlantFigures] = {}
    for situation in situations(instance, own, fixed, whole=True):
        own_nodes = [instance.nodes[v] for v in situation.chain.nodes]
        again = any(instance.stockpiles[h].refill.any() for x in own_nodes for h in x.accounts)
        if len(own_nodes) > 1 or again:
            nodes, made = _lived_together(instance, situation, fixed, short)
            found |= nodes
            for label, one in made.items():
                plants[label] = one.with_(plants.get(label))
    return found, plants


def _lived_together(
    instance: Instance, own: Situation, fixed: Any, short: dict[int, Floats]
) -> tuple[dict[int, tuple[PeriodFigures, Floats]], dict[str, PlantFigures]]:
    """Releases that lead to what is missing: as few as can be, of forms near to demand rather than
    of what these are made of, and no more is made than they and demand ask for. Raises SolverError
    if there are none."""
    model = pyo.ConcreteModel()
    add_recourse(model, instance, [own], fixed)
    nodes = {v: instance.nodes[v] for v in own.chain.nodes}
    place = {node.label: v for v, node in nodes.items()}
    periods = list(instance.periods)
    for (label, j, k), column in model.shortage.items():
        v = place[label]
        column.setub(short[v][j, k] + SPARE * float(own.demand[v][k]))
    order = sorted(instance.stockpiles, key=lambda h: instance.stockpiles[h].keeps)
    far = distances(own.chain)
    cost = {
        id(column): far[place[label]] * (1 + LITTLE * order.index(h) * (2 - k / len(periods)))
        for (label, h, k), column in model.release.items()
    }
    cost |= {id(column): LITTLE for column in model.made.values()}
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

    made = {x.label: at(model.made, nodes[x.output].label, x.label) for x in own.chain.plants}
    found = {}
    for v, node in nodes.items():
        given = np.array([at(model.release, node.label, h) for h in node.accounts])
        given = given.reshape(len(node.accounts), len(periods))
        given[given <= ROUNDING * max(1.0, own.demand[v].max())] = 0.0
        direct = [p for p in own.projects[v] if not instance.projects[p].inputs]
        comes = [np.array([float(own.delivers(v, p, k)) for k in periods]) for p in direct]
        by_conversions, taken = np.zeros(len(periods)), np.zeros(len(periods))
        for plant, share in own.plants(v):
            if share < 0:
                taken -= share * made[plant.label]
            elif plant.capacity is None:
                comes.append(made[plant.label])
            else:
                by_conversions += made[plant.label]
        demand, market = own.demand[v], np.array(own.market[v], dtype=float)
        delivered = np.sum([np.zeros(len(periods)), *comes], axis=0)
        released, missing = given.sum(axis=0), short[v].sum(axis=0)
        figures = PeriodFigures(
            demand, demand, market, delivered, by_conversions, taken,
            released + missing, released, missing,
        )  # fmt: skip
        found[v] = figures, given
    plants = {}
    for x in own.chain.plants:
        most = [
            own.capacity[x.id][k] if x.capacity is not None else own.delivers(x.output, x.id, k)
            for k in periods
        ]
        material = nodes[x.output].material
        plants[x.label] = PlantFigures(x, material, np.array(most, dtype=float), made[x.label])
    return found, plants


def draw(stocks: Sequence[Stock], released: Floats) -> Floats:
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
    upper, cost = np.full(columns, np.inf), np.full(columns, UNMET)
    row_lower = np.concatenate([released[periods], np.full(width * rows, -np.inf)])
    row_upper = np.concatenate([released[periods], np.zeros(width * rows)])
    for row in range(rows):
        matrix[row, np.arange(width + 1) * rows + row] = 1.0
    for place, h in enumerate(sorted(range(width), key=lambda h: stocks[h].keeps)):
        own, held = h * rows + np.arange(rows), stocks[h].held()
        upper[own] = stocks[h].most
        # Late releases count less, so that those who lose most give before the others do.
        cost[own] = place * (2 - np.arange(rows) / rows)
        for row, k in enumerate(periods):
            earlier = (k - periods[: row + 1]).astype(float)
            matrix[(1 + h) * rows + row, own[: row + 1]] = stocks[h].keeps ** earlier
            row_upper[(1 + h) * rows + row] = held[k]
    matrix[np.abs(matrix) < highs.SMALLEST] = 0.0
    program = highs.arrays(cost, matrix, row_lower, row_upper, np.zeros(columns), upper)
    solution = highs.solve(program)
    if solution.values is None:
        raise SolverError("stocks do not give what is released")
    given[:, periods] = np.maximum(solution.values[: width * rows], 0.0).reshape(width, rows)
    return given


def _left(stock: Stock, given: Floats, back: Floats) -> Floats:
    """(K) lots at each period's end after releases, what can come back (K) doing so at once."""
    left, total, planned = np.zeros(len(given)), stock.initial, stock.held()
    for k, (bought, out) in enumerate(zip(stock.bought, given, strict=True)):
        total = stock.keeps * total + bought - out
        left[k] = total = max(0.0, total + min(back[k], max(0.0, planned[k] - total)))
    return left
