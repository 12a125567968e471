"""Recourse of a commitment by a rule that knows the past and the present only.

In a period that is short, a node's stocks are released at once; in a covered one what can come back
of them does. A reserve, a share of what would
be there had nothing ever been released, is kept in each stock for the dear steps: those dearer
than the demand-weighted mean of the node's steps. What the rule does is feasible in the second
stage, so that it is never better than foresight. While a dear step is short nothing is released
for a cheap one: whatever is released, what is missing falls on the cheapest steps. Where forms are
made into others, :mod:`optimizer.solve.recourse.chain_release_policy` says what is released of which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.results.plan import StockUse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats, Instance
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.states import State
from optimizer.solve.recourse.chain_release_policy import build_chain_periods, simulate_chain_policy
from optimizer.solve.recourse.evaluator import RecourseEvaluator, evaluators_by_block, sum_by_key
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData
from optimizer.solve.recourse.state_classes import ChainStateClasses, Integers, StateClasses


@dataclass(frozen=True, eq=False)
class ReleasePolicyResult:
    """What a commitment leads to in the given states under the rule."""

    reserve_share: float  # share of the planned stock that is kept for the dear steps
    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    damage_by_material: dict[str, float]  # expected, in the unit of the measure
    final_stock: dict[str, float]  # expected lots in each stockpile at the end of the horizon
    released: dict[str, float]  # expected lots released of each stockpile in all years
    refilled: dict[str, float]  # expected lots that come back to it

    def add_weighted(self, branch_result: "ReleasePolicyResult", probability: float) -> None:
        """Add the sums of states that have this chance, in which the rule came to this."""
        for name in ("damage_by_material", "final_stock", "released", "refilled"):
            sums = getattr(self, name)
            for key, value in getattr(branch_result, name).items():
                sums[key] += probability * value

    def stock_use(self, instance: Instance, commitment: Commitment) -> tuple[StockUse, ...]:
        """How often stockpiles that are filled again are used."""
        found = []
        for h, pile in instance.stockpiles.items():
            lot, most = (
                instance.lot_tonnes[pile.material],
                planned_stock(instance, commitment, h).max(),
            )
            if pile.max_refill.any():
                released, refilled = self.released[h] * lot, self.refilled[h] * lot
                times = self.released[h] / float(most) if most > 0 else None
                found.append(StockUse(id=h, released_t=released, refilled_t=refilled, times=times))
        return tuple(found)


def simulate_release_policy(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    reserve_shares: Sequence[float],
    *,
    threads: int | None = None,
    evaluator: RecourseEvaluator | None = None,
) -> tuple[ReleasePolicyResult, ...]:
    """Live through the states by the rule, once with each reserve; by the recourse of these states,
    where it is there already."""
    probability = np.array([state.probability for state in states])
    planned = dict.fromkeys(instance.stockpiles, 0.0)
    if not commitment.branches:
        for h in planned:
            planned[h] = float(probability.sum() * planned_stock(instance, commitment, h)[-1])
    found = tuple(
        ReleasePolicyResult(
            reserve_share=reserve,
            probability=probability,
            damage=np.zeros(len(states)),
            damage_by_material=dict.fromkeys(instance.case.materials, 0.0),
            final_stock=dict(planned),
            released=dict.fromkeys(planned, 0.0),
            refilled=dict.fromkeys(planned, 0.0),
        )
        for reserve in reserve_shares
    )
    for g, places in enumerate(
        branch_state_indices(instance, states) if commitment.branches else ()
    ):
        if len(places):
            own = (
                instance.on_branch(g),
                states_on_branch(states, places),
                commitment.branches[g],
                reserve_shares,
            )
            chance = float(probability[places].sum())
            for whole, part in zip(
                found, simulate_release_policy(*own, threads=threads), strict=True
            ):
                whole.damage[places] = part.damage
                whole.add_weighted(part, chance)
    if commitment.branches:
        return found
    for block, of_block in evaluators_by_block(
        instance, states, threads=threads, evaluator=evaluator
    ):
        point = of_block.columns.to_point(commitment)
        tied = {v for own in of_block.nodes_by_chain.values() if len(own) > 1 for v in own}
        for looks in of_block.material_classes:
            alone = [v for v in looks.nodes if v not in tied]
            _add_material(of_block, looks, alone, point, block, found)
        for together in of_block.chain_classes:
            for chain in together.chains:
                if len(chain.nodes) > 1:
                    _add_chain(of_block, together, chain, point, block, found)
    return found


def join_blocks(results: Sequence[ReleasePolicyResult]) -> ReleasePolicyResult:
    """The same rule in all states, of what it does in blocks of them, added in their order."""
    return ReleasePolicyResult(
        reserve_share=results[0].reserve_share,
        probability=np.concatenate([part.probability for part in results]),
        damage=np.concatenate([part.damage for part in results]),
        damage_by_material=sum_by_key([part.damage_by_material for part in results]),
        final_stock=sum_by_key([part.final_stock for part in results]),
        released=sum_by_key([part.released for part in results]),
        refilled=sum_by_key([part.refilled for part in results]),
    )


def _add_material(
    evaluator: RecourseEvaluator,
    classes: StateClasses,
    nodes: Sequence[int],
    point: FirstStagePoint,
    block: slice,
    results: Sequence[ReleasePolicyResult],
) -> None:
    """Add what is missing at nodes of a material in a block of states."""
    chance = classes.sum_by_class(evaluator.probability[None])[0]
    for v in nodes:
        node = evaluator.node_data[v]
        uncovered, bought = uncovered_demand(node, classes, point), node.purchases(point)
        planned = np.array([stock.planned_stock() for stock in node.list_stocks(point)])
        planned = planned.reshape(len(node.retention), node.period_count)
        for rule in results:
            lived = simulate_node_release(
                node,
                classes.demand_row,
                uncovered,
                bought,
                planned,
                rule.reserve_share,
                node.refill_by_class(classes),
            )
            damage = shortage_damage(node, classes.demand_row, lived.missing)
            gone = planned[:, -1] - lived.final_stock
            of_piles = gone, lived.released, lived.refilled
            _record_node(rule, node, classes.class_of_state, block, chance, damage, *of_piles)


def _add_chain(
    evaluator: RecourseEvaluator,
    classes: ChainStateClasses,
    chain: Chain,
    point: FirstStagePoint,
    block: slice,
    results: Sequence[ReleasePolicyResult],
) -> None:
    """Add what is missing of the forms of a chain in a block of states."""
    chance = classes.sum_by_class(evaluator.probability[None])[0]
    given = build_chain_periods(evaluator, chain, classes, point)
    for rule in results:
        ruled = simulate_chain_policy(given, rule.reserve_share)
        for v, node in given.nodes.items():
            damage = (ruled.missing[v] * node.step_weight).sum(axis=(1, 2))
            of_piles = ruled.stock_used[v], ruled.released[v].sum(axis=2), ruled.refilled[v]
            _record_node(rule, node, classes.class_of_state, block, chance, damage, *of_piles)


def _record_node(
    result: ReleasePolicyResult,
    node: NodeData,
    class_of_state: NDArray[np.int64],
    block: slice,
    class_probability: Floats,
    damage: Floats,
    stock_used: Floats,
    released: Floats,
    refilled: Floats,
) -> None:
    """Count the damage of a node by look (U), and (U, H) what is gone of the planned stock in the
    end, what was given and what came back: calm states release nothing."""
    struck = class_of_state >= 0
    result.damage[block][struck] += damage[class_of_state[struck]]
    result.damage_by_material[node.node.material] += float(class_probability @ damage)
    for h, stockpile in enumerate(node.node.stockpile_shares):
        result.final_stock[stockpile] -= float(class_probability @ stock_used[:, h])
        result.released[stockpile] += float(class_probability @ released[:, h])
        result.refilled[stockpile] += float(class_probability @ refilled[:, h])


def uncovered_demand(node: NodeData, classes: StateClasses, point: FirstStagePoint) -> Floats:
    """(U, K) lots that neither the market nor projects deliver, look by look."""
    demand = node.demand[classes.demand_row]
    uncovered = demand - node.market_share * classes.market_lots
    for _, own, lots in node.project_arrivals(classes, point):
        uncovered[own] -= lots
    uncovered[uncovered <= COVERAGE_TOLERANCE * demand] = 0.0
    return uncovered


@dataclass(frozen=True, eq=False)
class NodePolicyResult:
    """What a node leads to by the rule, in lots."""

    missing: Floats  # (U, K) after releases
    final_stock: Floats  # (U, H) in the accounts at the end
    released: Floats  # (U, H) in all periods
    refilled: Floats  # (U, H)


def simulate_node_release(
    node: NodeData,
    demand_row: Integers,
    uncovered: Floats,
    purchases: Floats,
    planned: Floats,
    reserve_share: float,
    max_refill: Floats,
) -> NodePolicyResult:
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
    stock = np.tile(node.initial_lots, (len(uncovered), 1))
    gone, refilled = np.zeros((2, *stock.shape))
    first = np.argsort(node.retention, kind="stable")
    cheap = low_damage_demand(node)[demand_row]
    kept = reserve_share * planned
    for k in range(uncovered.shape[1]):
        stock *= node.retention
        stock += purchases[:, k]
        for_dear = np.maximum(missing[:, k] - cheap[:, k], 0.0)
        for_cheap = missing[:, k] - for_dear
        given = np.zeros_like(stock)
        for h in first:
            given[:, h] = np.minimum(np.minimum(stock[:, h], node.max_release[h]), for_dear)
            for_dear -= given[:, h]
        for h in first:
            free = np.maximum(stock[:, h] - given[:, h] - kept[h, k], 0.0)
            more = np.minimum(np.minimum(free, node.max_release[h] - given[:, h]), for_cheap)
            given[:, h] += more
            for_cheap -= more
        more = np.clip(planned[:, k] - (stock - given), 0.0, max_refill[:, :, k])
        stock += more - given
        gone += given
        refilled += more
        missing[:, k] = for_dear + for_cheap
    missing[missing < COVERAGE_TOLERANCE * node.demand[demand_row]] = 0.0
    return NodePolicyResult(missing, stock, gone, refilled)


def low_damage_demand(node: NodeData) -> Floats:
    """(N, K) lots of demand on steps no dearer than the mean; none if all are equally dear. The
    mean of the damage per lot is weighted by demand."""
    dear = node.is_high_damage
    cheap: Floats = np.where(
        dear.any(axis=1), np.where(dear, 0.0, node.step_limit).sum(axis=1), 0.0
    )
    return cheap


def shortage_damage(node: NodeData, demand_row: Integers, missing: Floats) -> Floats:
    """(U) damage of what (U, K) is missing in looks of given rows (U), which falls on the cheapest
    steps."""
    rest, damage = missing.copy(), np.zeros(len(missing))
    for j in reversed(range(len(node.step_weight))):
        part: NDArray[np.float64] = np.minimum(rest, node.step_limit[demand_row, j])
        damage += part @ node.step_weight[j]
        rest -= part
    return damage
