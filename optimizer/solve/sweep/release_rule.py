"""Recourse of a commitment by a rule that knows the past and the present only.

In a period that is short, a node's stocks are released at once; in a covered one what can come back
of them does. A reserve, a share of what would
be there had nothing ever been released, is kept in each stock for the dear steps: those dearer
than the demand-weighted mean of the node's steps. What the rule does is feasible in the second
stage, so that it is never better than foresight. While a dear step is short nothing is released
for a cheap one: whatever is released, what is missing falls on the cheapest steps. Where forms are
made into others, :mod:`optimizer.solve.sweep.chain_rule` says what is released of which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.results.plan import StockUse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import COVERED, Chain, Floats, Instance
from optimizer.model.review import by_path, on_path
from optimizer.model.states import State
from optimizer.solve.sweep.chain_rule import by_period, released_in
from optimizer.solve.sweep.nodes import NodeData, Point
from optimizer.solve.sweep.recourse import Recourse, added, in_blocks
from optimizer.solve.sweep.state_classes import ChainLooks, Integers, Looks


@dataclass(frozen=True, eq=False)
class ByRule:
    """What a commitment leads to in the given states under the rule."""

    reserve: float  # share of the planned stock that is kept for the dear steps
    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    by_material: dict[str, float]  # expected, in the unit of the measure
    left: dict[str, float]  # expected lots in each stockpile at the end of the horizon
    released: dict[str, float]  # expected lots released of each stockpile in all years
    refilled: dict[str, float]  # expected lots that come back to it

    def add(self, part: "ByRule", chance: float) -> None:
        """Add the sums of states that have this chance, in which the rule came to this."""
        for name in ("by_material", "left", "released", "refilled"):
            sums = getattr(self, name)
            for key, value in getattr(part, name).items():
                sums[key] += chance * value

    def stock_use(self, instance: Instance, commitment: Commitment) -> tuple[StockUse, ...]:
        """How often stockpiles that are filled again are used."""
        found = []
        for h, pile in instance.stockpiles.items():
            lot, most = instance.lot_t[pile.material], planned_stock(instance, commitment, h).max()
            if pile.refill.any():
                released, refilled = self.released[h] * lot, self.refilled[h] * lot
                times = self.released[h] / float(most) if most > 0 else None
                found.append(StockUse(id=h, released_t=released, refilled_t=refilled, times=times))
        return tuple(found)


def by_rule(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    reserves: Sequence[float],
    *,
    threads: int | None = None,
    recourse: Recourse | None = None,
) -> tuple[ByRule, ...]:
    """Live through the states by the rule, once with each reserve; by the recourse of these states,
    where it is there already."""
    probability = np.array([state.probability for state in states])
    planned = dict.fromkeys(instance.stockpiles, 0.0)
    if not commitment.paths:
        for h in planned:
            planned[h] = float(probability.sum() * planned_stock(instance, commitment, h)[-1])
    found = tuple(
        ByRule(
            reserve=reserve,
            probability=probability,
            damage=np.zeros(len(states)),
            by_material=dict.fromkeys(instance.case.materials, 0.0),
            left=dict(planned),
            released=dict.fromkeys(planned, 0.0),
            refilled=dict.fromkeys(planned, 0.0),
        )
        for reserve in reserves
    )
    for g, places in enumerate(by_path(instance, states) if commitment.paths else ()):
        if len(places):
            own = instance.on_path(g), on_path(states, places), commitment.paths[g], reserves
            chance = float(probability[places].sum())
            for whole, part in zip(found, by_rule(*own, threads=threads), strict=True):
                whole.damage[places] = part.damage
                whole.add(part, chance)
    if commitment.paths:
        return found
    for block, of_block in in_blocks(instance, states, threads=threads, recourse=recourse):
        point = of_block.columns.point(commitment)
        tied = {v for own in of_block.chains.values() if len(own) > 1 for v in own}
        for looks in of_block.looks:
            alone = [v for v in looks.nodes if v not in tied]
            _add(of_block, looks, alone, point, block, found)
        for together in of_block.together:
            for chain in together.chains:
                if len(chain.nodes) > 1:
                    _add_chain(of_block, together, chain, point, block, found)
    return found


def joined(parts: Sequence[ByRule]) -> ByRule:
    """The same rule in all states, of what it does in blocks of them, added in their order."""
    return ByRule(
        reserve=parts[0].reserve,
        probability=np.concatenate([part.probability for part in parts]),
        damage=np.concatenate([part.damage for part in parts]),
        by_material=added([part.by_material for part in parts]),
        left=added([part.left for part in parts]),
        released=added([part.released for part in parts]),
        refilled=added([part.refilled for part in parts]),
    )


def _add(
    recourse: Recourse,
    looks: Looks,
    nodes: Sequence[int],
    point: Point,
    block: slice,
    found: Sequence[ByRule],
) -> None:
    """Add what is missing at nodes of a material in a block of states."""
    chance = looks.weights(recourse.probability[None])[0]
    for v in nodes:
        node = recourse.nodes[v]
        uncovered, bought = uncovered_demand(node, looks, point), node.bought(point)
        planned = np.array([stock.held() for stock in node.each_stock(point)])
        planned = planned.reshape(len(node.keeps), node.length)
        for rule in found:
            lived = released(
                node, looks.row, uncovered, bought, planned, rule.reserve, node.back(looks)
            )
            damage = damage_of(node, looks.row, lived.missing)
            gone = planned[:, -1] - lived.left
            of_piles = gone, lived.released, lived.refilled
            _count(rule, node, looks.of_state, block, chance, damage, *of_piles)


def _add_chain(
    recourse: Recourse,
    looks: ChainLooks,
    chain: Chain,
    point: Point,
    block: slice,
    found: Sequence[ByRule],
) -> None:
    """Add what is missing of the forms of a chain in a block of states."""
    chance = looks.weights(recourse.probability[None])[0]
    given = by_period(recourse, chain, looks, point)
    for rule in found:
        ruled = released_in(given, rule.reserve)
        for v, node in given.nodes.items():
            damage = (ruled.missing[v] * node.weight).sum(axis=(1, 2))
            of_piles = ruled.gone[v], ruled.released[v].sum(axis=2), ruled.refilled[v]
            _count(rule, node, looks.of_state, block, chance, damage, *of_piles)


def _count(
    rule: ByRule,
    node: NodeData,
    of_state: NDArray[np.int64],
    block: slice,
    chance: Floats,
    damage: Floats,
    gone: Floats,
    given: Floats,
    refilled: Floats,
) -> None:
    """Count the damage of a node by look (U), and (U, H) what is gone of the planned stock in the
    end, what was given and what came back: calm states release nothing."""
    struck = of_state >= 0
    rule.damage[block][struck] += damage[of_state[struck]]
    rule.by_material[node.node.material] += float(chance @ damage)
    for h, stockpile in enumerate(node.node.accounts):
        rule.left[stockpile] -= float(chance @ gone[:, h])
        rule.released[stockpile] += float(chance @ given[:, h])
        rule.refilled[stockpile] += float(chance @ refilled[:, h])


def uncovered_demand(node: NodeData, looks: Looks, point: Point) -> Floats:
    """(U, K) lots that neither the market nor projects deliver, look by look."""
    demand = node.demand[looks.row]
    uncovered = demand - node.part * looks.supply
    for _, own, lots in node.arrivals(looks, point):
        uncovered[own] -= lots
    uncovered[uncovered <= COVERED * demand] = 0.0
    return uncovered


@dataclass(frozen=True, eq=False)
class Lived:
    """What a node leads to by the rule, in lots."""

    missing: Floats  # (U, K) after releases
    left: Floats  # (U, H) in the accounts at the end
    released: Floats  # (U, H) in all periods
    refilled: Floats  # (U, H)


def released(
    node: NodeData,
    row: Integers,
    uncovered: Floats,
    bought: Floats,
    planned: Floats,
    reserve: float,
    back: Floats,
) -> Lived:
    """Live through what is ``uncovered`` (U, K) with accounts of which ``back`` (U, H, K) can come
    back, up to what is planned, after all releases of the period. Dear steps are met first and may
    draw on everything; cheap ones on what lies above the reserve, a share of the planned stock, of
    each account. The account that loses most gives first, then the order of the file. Looks have
    given rows (U) of demand.

    By hand: in each of three periods 30 t are needed and none arrive, 20 t on a cheap step and 10 t
    on a dear one. Half of the 40 t in store, which lose nothing, are the reserve. First the dear
    step takes 10 t and the cheap one the 10 t above the reserve: 10 t are missing. Then the dear
    step takes 10 t twice, and 20 t are missing in either period."""
    missing = uncovered.copy()
    stock = np.tile(node.initial, (len(uncovered), 1))
    gone, refilled = np.zeros((2, *stock.shape))
    first = np.argsort(node.keeps, kind="stable")
    cheap = cheap_demand(node)[row]
    kept = reserve * planned
    for k in range(uncovered.shape[1]):
        stock *= node.keeps
        stock += bought[:, k]
        for_dear = np.maximum(missing[:, k] - cheap[:, k], 0.0)
        for_cheap = missing[:, k] - for_dear
        given = np.zeros_like(stock)
        for h in first:
            given[:, h] = np.minimum(np.minimum(stock[:, h], node.most[h]), for_dear)
            for_dear -= given[:, h]
        for h in first:
            free = np.maximum(stock[:, h] - given[:, h] - kept[h, k], 0.0)
            more = np.minimum(np.minimum(free, node.most[h] - given[:, h]), for_cheap)
            given[:, h] += more
            for_cheap -= more
        more = np.clip(planned[:, k] - (stock - given), 0.0, back[:, :, k])
        stock += more - given
        gone += given
        refilled += more
        missing[:, k] = for_dear + for_cheap
    missing[missing < COVERED * node.demand[row]] = 0.0
    return Lived(missing, stock, gone, refilled)


def cheap_demand(node: NodeData) -> Floats:
    """(N, K) lots of demand on steps no dearer than the mean; none if all are equally dear. The
    mean of the damage per lot is weighted by demand."""
    dear = node.dear
    cheap: Floats = np.where(dear.any(axis=1), np.where(dear, 0.0, node.limit).sum(axis=1), 0.0)
    return cheap


def damage_of(node: NodeData, row: Integers, missing: Floats) -> Floats:
    """(U) damage of what (U, K) is missing in looks of given rows (U), which falls on the cheapest
    steps."""
    rest, damage = missing.copy(), np.zeros(len(missing))
    for j in reversed(range(len(node.weight))):
        part: NDArray[np.float64] = np.minimum(rest, node.limit[row, j])
        damage += part @ node.weight[j]
        rest -= part
    return damage
