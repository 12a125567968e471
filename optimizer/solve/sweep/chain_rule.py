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
those of its node. For a node by itself this is what :mod:`optimizer.solve.sweep.release_rule` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERED, Chain, Floats
from optimizer.solve.sweep.nodes import NodeData, Point
from optimizer.solve.sweep.period_program import live_by_rule
from optimizer.solve.sweep.recourse import Recourse
from optimizer.solve.sweep.state_classes import ChainLooks, Integers

DEAR, DEAR_FREE, CHEAP, CHEAP_FREE, RELEASED, ORDER = range(6)  # aims
FOR_DEAR = np.array([DEAR, DEAR_FREE, RELEASED, ORDER])
FOR_ALL = np.array([DEAR, DEAR_FREE, CHEAP, CHEAP_FREE, RELEASED, ORDER])
INPUTS = 2.0  # a lot of an input counts so many times what is made of it


@dataclass(frozen=True, eq=False)
class Ruled:
    """A chain in all its looks under the rule, in lots."""

    missing: dict[int, Floats]  # (U, J, K) by node, on its steps of equal value merged
    made: Floats  # (U, C, K) by plant
    released: dict[int, Floats]  # (U, H, K) by node, of its accounts
    gone: dict[int, Floats]  # (U, H) of what each account would hold at the end
    refilled: dict[int, Floats]  # (U, H) that come back in all periods


@dataclass(frozen=True, eq=False)
class ByPeriod:
    """What a chain has in each look and period, whatever is released."""

    nodes: Mapping[int, NodeData]
    chain: Chain
    supply: Floats  # (U, V, K) of each form, from the market and projects without inputs
    capacity: Floats  # (U, C, K) of each plant
    open: NDArray[np.bool_]  # (U, K)
    row: Integers  # (U) of demand and limits
    bought: Floats  # (H, K) in all accounts, node by node
    planned: Floats  # (H, K) that each account holds if nothing is ever released
    back: Floats  # (U, H, K) that can come back


def by_period(recourse: Recourse, chain: Chain, looks: ChainLooks, point: Point) -> ByPeriod:
    """A chain with a commitment."""
    own = {v: recourse.nodes[v] for v in chain.nodes}
    supply: list[Floats] = []
    delivers: dict[tuple[int, str], Floats] = {}
    for v, node in own.items():
        form = looks.forms[node.node.material]
        comes = node.part * form.supply
        for project, rows, lots in node.arrivals(form, point):
            if recourse.instance.projects[project].inputs:
                delivers.setdefault((v, project), np.zeros_like(comes))[rows] += lots
            else:
                comes[rows] += lots
        supply.append(comes)
    count, length = looks.open.shape
    year_of = own[chain.head].year_of
    capacity = np.zeros((count, len(chain.plants), length))
    for c, plant in enumerate(chain.plants):
        if plant.capacity is not None:
            capacity[:, c] = plant.capacity[year_of] * looks.left[plant.id]
        elif (plant.output, plant.id) in delivers:
            capacity[:, c] = delivers[plant.output, plant.id]
    held = [stock.held() for node in own.values() for stock in node.each_stock(point)]
    return ByPeriod(
        nodes=own,
        chain=chain,
        supply=np.stack(supply, axis=1),
        capacity=capacity,
        open=looks.open,
        row=next(iter(looks.forms.values())).row,
        bought=np.concatenate([node.bought(point) for node in own.values()]),
        planned=np.reshape(held, (-1, length)),
        back=np.concatenate(
            [node.back(looks.forms[node.node.material]) for node in own.values()], axis=1
        ),
    )


def released_in(chain: ByPeriod, reserve: float) -> Ruled:
    """Live through all looks by the rule, a share of planned stock being the reserve."""
    nodes = list(chain.nodes.values())
    limit = np.concatenate([node.limit for node in nodes], axis=1)
    keeps, initial, most = (
        np.concatenate([getattr(node, name) for node in nodes])
        for name in ("keeps", "initial", "most")
    )
    matrix = _matrix(chain)
    (count, length), steps_in_all = chain.open.shape, limit.shape[1]
    found = np.zeros((count, matrix.shape[1], length))
    left, refilled = np.zeros((2, count, len(keeps)))
    live_by_rule(
        matrix, _aims(chain), FOR_DEAR, FOR_ALL, chain.row, limit, chain.supply,
        chain.capacity, chain.open, keeps, initial, chain.bought, most, reserve * chain.planned,
        chain.planned, chain.back, found, left, refilled,
    )  # fmt: skip
    short, released, gone, again = {}, {}, {}, {}
    step, account = 0, 0
    first = steps_in_all + len(chain.chain.plants)
    for v, node in chain.nodes.items():
        steps = slice(step, step := step + len(node.weight))
        accounts = slice(account, account := account + len(node.keeps))
        short[v] = node.limit[chain.row] - found[:, steps]
        rounding = COVERED * node.demand[chain.row][:, None]
        short[v][(short[v] < rounding) | ~chain.open[:, None]] = 0.0
        released[v] = found[:, first:][:, accounts]
        gone[v] = chain.planned[accounts, -1] - left[:, accounts]
        again[v] = refilled[:, accounts]
    return Ruled(short, found[:, steps_in_all:first], released, gone, again)


def _matrix(chain: ByPeriod) -> Floats:
    """(V, N) what a unit of each column takes of each form: a step of its own, a plant of its
    inputs, of its output it gives, an account gives; what is left over is taken."""
    row = {v: i for i, v in enumerate(chain.nodes)}
    columns = [_unit(row[v], len(row)) for v, node in chain.nodes.items() for _ in node.weight]
    for plant in chain.chain.plants:
        makes = -_unit(row[plant.output], len(row))
        for v, lots in plant.inputs.items():
            makes[row[v]] += lots
        columns.append(makes)
    columns += [-_unit(row[v], len(row)) for v, node in chain.nodes.items() for _ in node.keeps]
    return np.array([*columns, *np.eye(len(row))]).T.copy()


def _unit(at: int, length: int) -> Floats:
    unit = np.zeros(length)
    unit[at] = 1.0
    return unit


def _aims(chain: ByPeriod) -> Floats:
    """(R, A, N, K) what a unit of each column gains, by row of demand and aim, the most being
    one."""
    nodes = list(chain.nodes.values())
    weight = np.concatenate([node.weight for node in nodes])
    dear = np.concatenate([_dear(node) for node in nodes], axis=1)
    first = len(weight) + len(chain.chain.plants)
    distance = distances(chain.chain)
    far = np.array([distance[v] for v, node in chain.nodes.items() for _ in node.keeps])
    keeps = np.concatenate([node.keeps for node in nodes])
    accounts = slice(first, first + len(keeps))
    aims = np.zeros((len(dear), 6, accounts.stop + len(nodes), weight.shape[1]))
    for aim, steps in ((DEAR, dear), (CHEAP, ~dear)):
        worth = np.where(steps, weight, 0.0)
        most = worth.max(axis=1, initial=0.0)[:, None]
        gain = np.divide(worth, most, out=np.zeros_like(worth), where=most > 0)
        aims[:, aim, : len(weight)] = gain
        aims[:, aim + 1, : len(weight)] = steps & (weight == 0)
    if len(keeps):
        order = np.argsort(np.argsort(keeps, kind="stable")) + 1.0
        aims[:, RELEASED, accounts] = -(far / far.max())[:, None]
        aims[:, ORDER, accounts] = -(order / order.max())[:, None]
    return aims


def _dear(node: NodeData) -> NDArray[np.bool_]:
    """(R, J, K) dear steps; where none is dearer than the others, all are dear."""
    none: NDArray[np.bool_] = ~np.logical_or.reduce(node.dear, axis=1)
    return node.dear | none[:, None]


def distances(chain: Chain) -> dict[int, float]:
    """What a lot released of each form counts: so much that those nearest to demand come first."""
    found: dict[int, float] = {}
    for v in reversed(chain.nodes):
        saved = [found[c.output] / c.inputs[v] for c in chain.plants if v in c.inputs]
        found[v] = INPUTS * max(saved) if saved else 1.0
    return found
