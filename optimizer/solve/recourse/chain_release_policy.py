"""The release rule in a chain: what is released, made and missing, period by period.

An agency knows what has arrived, what plants can make now and what is in store. In each period it
does as much as can be done, one aim after the other and each without loss to those before:

1. of the damage on dear steps as much is averted as stocks, plants and what arrives allow;
2. for that as little as can be is released, the nearest form first: a lot of an input counts
   at least twice what the lot counts that is made of it; of the accounts of one form that which
   loses most gives first, then the order of the file;
3. the same for the other steps, for which an account gives no more than lies above the reserve, or
   than the dear steps take of it;
4. for both together as little as can be is released, as in 2.

What can come back of a stock in a covered period does, after all that.

Steps worth nothing come after those that are worth something, dear or not. A form's dear steps are
those of its node. For a node by itself this is what :mod:`optimizer.solve.recourse.release_policy` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats
from optimizer.solve.recourse.evaluator import RecourseEvaluator
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData
from optimizer.solve.recourse.period_program import simulate_periods
from optimizer.solve.recourse.state_classes import ChainStateClasses, Integers

(
    HIGH_DAMAGE,
    HIGH_DAMAGE_UNWEIGHTED,
    LOW_DAMAGE,
    LOW_DAMAGE_UNWEIGHTED,
    MIN_RELEASE,
    RELEASE_ORDER,
) = range(6)  # aims
HIGH_DAMAGE_AIMS = np.array([HIGH_DAMAGE, HIGH_DAMAGE_UNWEIGHTED, MIN_RELEASE, RELEASE_ORDER])
ALL_AIMS = np.array(
    [
        HIGH_DAMAGE,
        HIGH_DAMAGE_UNWEIGHTED,
        LOW_DAMAGE,
        LOW_DAMAGE_UNWEIGHTED,
        MIN_RELEASE,
        RELEASE_ORDER,
    ]
)
INPUT_WEIGHT = 2.0  # a lot of an input counts so many times what is made of it


@dataclass(frozen=True, eq=False)
class ChainPolicyResult:
    """A chain in all its looks under the rule, in lots."""

    missing: dict[int, Floats]  # (U, J, K) by node, on its steps of equal value merged
    made: Floats  # (U, C, K) by plant
    released: dict[int, Floats]  # (U, H, K) by node, of its accounts
    stock_used: dict[int, Floats]  # (U, H) of what each account would hold at the end
    refilled: dict[int, Floats]  # (U, H) that come back in all periods


@dataclass(frozen=True, eq=False)
class ChainPeriods:
    """What a chain has in each look and period, whatever is released."""

    nodes: Mapping[int, NodeData]
    chain: Chain
    supply: Floats  # (U, V, K) of each form, from the market and projects without inputs
    capacity: Floats  # (U, C, K) of each plant
    is_open: NDArray[np.bool_]  # (U, K)
    demand_row: Integers  # (U) of demand and limits
    purchases: Floats  # (H, K) in all accounts, node by node
    planned_stock: Floats  # (H, K) that each account holds if nothing is ever released
    max_refill: Floats  # (U, H, K) that can come back


def build_chain_periods(
    recourse: RecourseEvaluator, chain: Chain, classes: ChainStateClasses, point: FirstStagePoint
) -> ChainPeriods:
    """A chain with a commitment."""
    own = {v: recourse.node_data[v] for v in chain.nodes}
    supply: list[Floats] = []
    delivers: dict[tuple[int, str], Floats] = {}
    for v, node in own.items():
        form = classes.by_material[node.node.material]
        comes = node.market_share * form.market_lots
        for project, rows, lots in node.project_arrivals(form, point):
            if recourse.instance.projects[project].inputs:
                delivers.setdefault((v, project), np.zeros_like(comes))[rows] += lots
            else:
                comes[rows] += lots
        supply.append(comes)
    count, length = classes.is_open.shape
    year_of = own[chain.id].year_index
    capacity = np.zeros((count, len(chain.plants), length))
    for c, plant in enumerate(chain.plants):
        if plant.capacity is not None:
            capacity[:, c] = plant.capacity[year_of] * classes.capacity_left[plant.id]
        elif (plant.output, plant.id) in delivers:
            capacity[:, c] = delivers[plant.output, plant.id]
    held = [stock.planned_stock() for node in own.values() for stock in node.list_stocks(point)]
    return ChainPeriods(
        nodes=own,
        chain=chain,
        supply=np.stack(supply, axis=1),
        capacity=capacity,
        is_open=classes.is_open,
        demand_row=next(iter(classes.by_material.values())).demand_row,
        purchases=np.concatenate([node.purchases(point) for node in own.values()]),
        planned_stock=np.reshape(held, (-1, length)),
        max_refill=np.concatenate(
            [
                node.refill_by_class(classes.by_material[node.node.material])
                for node in own.values()
            ],
            axis=1,
        ),
    )


def simulate_chain_policy(chain: ChainPeriods, reserve: float) -> ChainPolicyResult:
    """Live through all looks by the rule, a share of planned stock being the reserve."""
    nodes = list(chain.nodes.values())
    limit = np.concatenate([node.step_limit for node in nodes], axis=1)
    keeps, initial, most = (
        np.concatenate([getattr(node, name) for node in nodes])
        for name in ("retention", "initial_lots", "max_release")
    )
    matrix = _column_matrix(chain)
    (count, length), steps_in_all = chain.is_open.shape, limit.shape[1]
    found = np.zeros((count, matrix.shape[1], length))
    left, refilled = np.zeros((2, count, len(keeps)))
    simulate_periods(
        matrix, _aim_gains(chain), HIGH_DAMAGE_AIMS, ALL_AIMS, chain.demand_row, limit, chain.supply,
        chain.capacity, chain.is_open, keeps, initial, chain.purchases, most, reserve * chain.planned_stock,
        chain.planned_stock, chain.max_refill, found, left, refilled,
    )  # fmt: skip
    short, released, gone, again = {}, {}, {}, {}
    step, account = 0, 0
    first = steps_in_all + len(chain.chain.plants)
    for v, node in chain.nodes.items():
        steps = slice(step, step := step + len(node.step_weight))
        accounts = slice(account, account := account + len(node.retention))
        short[v] = node.step_limit[chain.demand_row] - found[:, steps]
        rounding = COVERAGE_TOLERANCE * node.demand[chain.demand_row][:, None]
        short[v][(short[v] < rounding) | ~chain.is_open[:, None]] = 0.0
        released[v] = found[:, first:][:, accounts]
        gone[v] = chain.planned_stock[accounts, -1] - left[:, accounts]
        again[v] = refilled[:, accounts]
    return ChainPolicyResult(short, found[:, steps_in_all:first], released, gone, again)


def _column_matrix(chain: ChainPeriods) -> Floats:
    """(V, N) what a unit of each column takes of each form: a step of its own, a plant of its
    inputs, of its output it gives, an account gives; what is left over is taken."""
    row = {v: i for i, v in enumerate(chain.nodes)}
    columns = [
        _unit_vector(row[v], len(row)) for v, node in chain.nodes.items() for _ in node.step_weight
    ]
    for plant in chain.chain.plants:
        makes = -_unit_vector(row[plant.output], len(row))
        for v, lots in plant.inputs.items():
            makes[row[v]] += lots
        columns.append(makes)
    columns += [
        -_unit_vector(row[v], len(row)) for v, node in chain.nodes.items() for _ in node.retention
    ]
    return np.array([*columns, *np.eye(len(row))]).T.copy()


def _unit_vector(index: int, length: int) -> Floats:
    unit = np.zeros(length)
    unit[index] = 1.0
    return unit


def _aim_gains(chain: ChainPeriods) -> Floats:
    """(R, A, N, K) what a unit of each column gains, by row of demand and aim, the most being
    one."""
    nodes = list(chain.nodes.values())
    weight = np.concatenate([node.step_weight for node in nodes])
    dear = np.concatenate([_high_damage_steps(node) for node in nodes], axis=1)
    first = len(weight) + len(chain.chain.plants)
    distance = release_priorities(chain.chain)
    far = np.array([distance[v] for v, node in chain.nodes.items() for _ in node.retention])
    keeps = np.concatenate([node.retention for node in nodes])
    accounts = slice(first, first + len(keeps))
    aims = np.zeros((len(dear), 6, accounts.stop + len(nodes), weight.shape[1]))
    for aim, steps in ((HIGH_DAMAGE, dear), (LOW_DAMAGE, ~dear)):
        worth = np.where(steps, weight, 0.0)
        most = worth.max(axis=1, initial=0.0)[:, None]
        gain = np.divide(worth, most, out=np.zeros_like(worth), where=most > 0)
        aims[:, aim, : len(weight)] = gain
        aims[:, aim + 1, : len(weight)] = steps & (weight == 0)
    if len(keeps):
        order = np.argsort(np.argsort(keeps, kind="stable")) + 1.0
        aims[:, MIN_RELEASE, accounts] = -(far / far.max())[:, None]
        aims[:, RELEASE_ORDER, accounts] = -(order / order.max())[:, None]
    return aims


def _high_damage_steps(node: NodeData) -> NDArray[np.bool_]:
    """(R, J, K) dear steps; where none is dearer than the others, all are dear."""
    none: NDArray[np.bool_] = ~np.logical_or.reduce(node.is_high_damage, axis=1)
    return node.is_high_damage | none[:, None]


def release_priorities(chain: Chain) -> dict[int, float]:
    """What a lot released of each form counts: so much that those nearest to demand come first."""
    found: dict[int, float] = {}
    for v in reversed(chain.nodes):
        saved = [found[c.output] / c.inputs[v] for c in chain.plants if v in c.inputs]
        found[v] = INPUT_WEIGHT * max(saved) if saved else 1.0
    return found
