"""Recourse of a commitment under a release policy that knows only the past and the present.

In a short period the stocks of a node are released at once; in a covered period they are refilled
as far as possible. Each stock keeps a reserve for high-damage steps: a share of the stock that
there would be without any releases. High-damage steps are those above the demand-weighted mean
damage of the node's steps. The policy is feasible in the second stage, so it is never better than
foresight. While a high-damage step is short, nothing is released for a low-damage step; so
shortages always fall on the steps of least damage. In chains,
:mod:`optimizer.solve.recourse.chain_release_policy` decides which form is released.
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
from optimizer.solve.recourse.evaluator import RecourseEvaluator
from optimizer.solve.recourse.first_stage_point import FirstStagePoint
from optimizer.solve.recourse.material_classes import Integers, StateClasses
from optimizer.solve.recourse.node_data import NodeData
from optimizer.solve.recourse.state_blocks import evaluators_by_block, sum_by_key
from optimizer.solve.recourse.state_classes import ChainStateClasses


@dataclass(frozen=True, eq=False)
class ReleasePolicyResult:
    """Outcome of a commitment under the release policy, in given states."""

    reserve_share: float  # share of the planned stock that is kept for high-damage steps
    probability: Floats  # (S)
    damage: Floats  # (S) in the unit of the measure
    damage_by_material: dict[str, float]  # expected, in the unit of the measure
    final_stock: dict[str, float]  # expected lots in each stockpile at the end of the horizon
    released: dict[str, float]  # expected lots released of each stockpile in all years
    refilled: dict[str, float]  # expected lots refilled of each stockpile in all years

    def add_weighted(self, branch_result: "ReleasePolicyResult", probability: float) -> None:
        """Add the sums of a review branch to this result, weighted by the branch's probability."""
        for name in ("damage_by_material", "final_stock", "released", "refilled"):
            sums = getattr(self, name)
            for key, value in getattr(branch_result, name).items():
                sums[key] += probability * value

    def stock_use(self, instance: Instance, commitment: Commitment) -> tuple[StockUse, ...]:
        """Return the use of each stockpile that is refilled: tonnes released and refilled, and how
        often its largest planned stock is released (None if nothing is planned)."""
        uses = []
        for h, stockpile in instance.stockpiles.items():
            lot_tonnes = instance.lot_tonnes[stockpile.material]
            max_planned = planned_stock(instance, commitment, h).max()
            if stockpile.max_refill.any():
                released, refilled = self.released[h] * lot_tonnes, self.refilled[h] * lot_tonnes
                times = self.released[h] / float(max_planned) if max_planned > 0 else None
                uses.append(StockUse(id=h, released_t=released, refilled_t=refilled, times=times))
        return tuple(uses)


def simulate_release_policy(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    reserve_shares: Sequence[float],
    *,
    threads: int | None = None,
    evaluator: RecourseEvaluator | None = None,
) -> tuple[ReleasePolicyResult, ...]:
    """Simulate the release policy in all states. Return one result for each reserve share.

    ``evaluator`` is the recourse evaluator of these states; it is built if None.
    """
    probability = np.array([state.probability for state in states])
    planned_lots = dict.fromkeys(instance.stockpiles, 0.0)
    if not commitment.branches:
        for h in planned_lots:
            planned_lots[h] = float(probability.sum() * planned_stock(instance, commitment, h)[-1])
    results = tuple(
        ReleasePolicyResult(
            reserve_share=reserve,
            probability=probability,
            damage=np.zeros(len(states)),
            damage_by_material=dict.fromkeys(instance.case.materials, 0.0),
            final_stock=dict(planned_lots),
            released=dict.fromkeys(planned_lots, 0.0),
            refilled=dict.fromkeys(planned_lots, 0.0),
        )
        for reserve in reserve_shares
    )
    for g, indices in enumerate(
        branch_state_indices(instance, states) if commitment.branches else ()
    ):
        if len(indices):
            branch_arguments = (
                instance.on_branch(g),
                states_on_branch(states, indices),
                commitment.branches[g],
                reserve_shares,
            )
            probability_of_branch = float(probability[indices].sum())
            for total, branch_result in zip(
                results, simulate_release_policy(*branch_arguments, threads=threads), strict=True
            ):
                total.damage[indices] = branch_result.damage
                total.add_weighted(branch_result, probability_of_branch)
    if commitment.branches:
        return results
    for block, block_evaluator in evaluators_by_block(
        instance, states, threads=threads, evaluator=evaluator
    ):
        point = block_evaluator.columns.to_point(commitment)
        tied_nodes = {
            v for nodes in block_evaluator.nodes_by_chain.values() if len(nodes) > 1 for v in nodes
        }
        for classes in block_evaluator.material_classes:
            single_nodes = [v for v in classes.nodes if v not in tied_nodes]
            _add_material(block_evaluator, classes, single_nodes, point, block, results)
        for chain_classes in block_evaluator.chain_classes:
            for chain in chain_classes.chains:
                if len(chain.nodes) > 1:
                    _add_chain(block_evaluator, chain_classes, chain, point, block, results)
    return results


def join_blocks(results: Sequence[ReleasePolicyResult]) -> ReleasePolicyResult:
    """Join the results of successive blocks of states into one."""
    return ReleasePolicyResult(
        reserve_share=results[0].reserve_share,
        probability=np.concatenate([result.probability for result in results]),
        damage=np.concatenate([result.damage for result in results]),
        damage_by_material=sum_by_key([result.damage_by_material for result in results]),
        final_stock=sum_by_key([result.final_stock for result in results]),
        released=sum_by_key([result.released for result in results]),
        refilled=sum_by_key([result.refilled for result in results]),
    )


def _add_material(
    evaluator: RecourseEvaluator,
    classes: StateClasses,
    nodes: Sequence[int],
    point: FirstStagePoint,
    block: slice,
    results: Sequence[ReleasePolicyResult],
) -> None:
    """Add to ``results`` the outcomes of a material's nodes in a block of states."""
    class_probability = classes.sum_by_class(evaluator.probability[None])[0]
    for v in nodes:
        node = evaluator.node_data[v]
        uncovered_lots, purchases = uncovered_demand(node, classes, point), node.purchases(point)
        planned_lots = np.array([stock.planned_stock() for stock in node.list_stocks(point)])
        planned_lots = planned_lots.reshape(len(node.retention), node.period_count)
        for result in results:
            simulation = simulate_node_release(
                node,
                classes.demand_row,
                uncovered_lots,
                purchases,
                planned_lots,
                result.reserve_share,
                node.refill_by_class(classes),
            )
            damage = shortage_damage(node, classes.demand_row, simulation.missing_lots)
            stock_used = planned_lots[:, -1] - simulation.final_stock
            by_account = stock_used, simulation.released_lots, simulation.refilled_lots
            _record_node(
                result, node, classes.class_of_state, block, class_probability, damage, *by_account
            )


def _add_chain(
    evaluator: RecourseEvaluator,
    classes: ChainStateClasses,
    chain: Chain,
    point: FirstStagePoint,
    block: slice,
    results: Sequence[ReleasePolicyResult],
) -> None:
    """Add to ``results`` the outcomes of a chain in a block of states."""
    class_probability = classes.sum_by_class(evaluator.probability[None])[0]
    periods = build_chain_periods(evaluator, chain, classes, point)
    for result in results:
        simulation = simulate_chain_policy(periods, result.reserve_share)
        for v, node in periods.nodes.items():
            damage = (simulation.missing_by_node[v] * node.step_weight).sum(axis=(1, 2))
            by_account = (
                simulation.stock_used_by_node[v],
                simulation.released_by_node[v].sum(axis=2),
                simulation.refilled_by_node[v],
            )
            _record_node(
                result, node, classes.class_of_state, block, class_probability, damage, *by_account
            )


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
    """Add to ``result`` the damage (U) of a node and, for each account (U, H), the stock used by
    the end of the horizon and the lots released and refilled.

    In calm states nothing is released.
    """
    has_class = class_of_state >= 0
    result.damage[block][has_class] += damage[class_of_state[has_class]]
    result.damage_by_material[node.node.material] += float(class_probability @ damage)
    for h, stockpile in enumerate(node.node.stockpile_shares):
        result.final_stock[stockpile] -= float(class_probability @ stock_used[:, h])
        result.released[stockpile] += float(class_probability @ released[:, h])
        result.refilled[stockpile] += float(class_probability @ refilled[:, h])


def uncovered_demand(node: NodeData, classes: StateClasses, point: FirstStagePoint) -> Floats:
    """Return the demand (U, K) that neither the market nor projects cover, in lots."""
    demand = node.demand[classes.demand_row]
    uncovered_lots = demand - node.market_share * classes.market_lots
    for _, producing_classes, lots in node.project_arrivals(classes, point):
        uncovered_lots[producing_classes] -= lots
    uncovered_lots[uncovered_lots <= COVERAGE_TOLERANCE * demand] = 0.0
    return uncovered_lots


@dataclass(frozen=True, eq=False)
class NodePolicyResult:
    """Outcome of a node under the release policy; quantities in lots."""

    missing_lots: Floats  # (U, K) after releases
    final_stock: Floats  # (U, H) in the accounts at the end
    released_lots: Floats  # (U, H) in all periods
    refilled_lots: Floats  # (U, H)


def simulate_node_release(
    node: NodeData,
    demand_row: Integers,
    uncovered_lots: Floats,
    purchases: Floats,
    planned_lots: Floats,
    reserve_share: float,
    max_refill: Floats,
) -> NodePolicyResult:
    """Simulate the release policy at a node that lacks ``uncovered_lots`` (U, K) lots.

    High-damage steps are served first, from the whole stock; low-damage steps from the part above
    the reserve, which is a share of the planned stock of each account. Accounts with the largest
    losses are released first, then in the order of the file. After all releases of a period, up to
    ``max_refill`` (U, H, K) is refilled, but not beyond the planned stock. ``demand_row`` (U) is
    the row of demand of each state class.

    Example: in each of three periods 30 t are needed and nothing arrives; 20 t of the demand are on
    a low-damage step and 10 t on a high-damage step. Half of a stock of 40 t without losses is the
    reserve. In the first period the high-damage step takes 10 t, and the low-damage step takes the
    10 t above the reserve, so 10 t are missing. In each of the other periods the high-damage step
    takes 10 t, and 20 t are missing.
    """
    missing_lots = uncovered_lots.copy()
    stock_lots = np.tile(node.initial_lots, (len(uncovered_lots), 1))
    released_lots, refilled_lots = np.zeros((2, *stock_lots.shape))
    release_order = np.argsort(node.retention, kind="stable")
    low_damage = low_damage_demand(node)[demand_row]
    reserve = reserve_share * planned_lots
    for k in range(uncovered_lots.shape[1]):
        stock_lots *= node.retention
        stock_lots += purchases[:, k]
        high_short = np.maximum(missing_lots[:, k] - low_damage[:, k], 0.0)
        low_short = missing_lots[:, k] - high_short
        released_now = np.zeros_like(stock_lots)
        for h in release_order:
            released_now[:, h] = np.minimum(
                np.minimum(stock_lots[:, h], node.max_release[h]), high_short
            )
            high_short -= released_now[:, h]
        for h in release_order:
            available_lots = np.maximum(stock_lots[:, h] - released_now[:, h] - reserve[h, k], 0.0)
            additional_lots = np.minimum(
                np.minimum(available_lots, node.max_release[h] - released_now[:, h]), low_short
            )
            released_now[:, h] += additional_lots
            low_short -= additional_lots
        refill_lots = np.clip(
            planned_lots[:, k] - (stock_lots - released_now), 0.0, max_refill[:, :, k]
        )
        stock_lots += refill_lots - released_now
        released_lots += released_now
        refilled_lots += refill_lots
        missing_lots[:, k] = high_short + low_short
    missing_lots[missing_lots < COVERAGE_TOLERANCE * node.demand[demand_row]] = 0.0
    return NodePolicyResult(missing_lots, stock_lots, released_lots, refilled_lots)


def low_damage_demand(node: NodeData) -> Floats:
    """Return the demand (N, K) on steps that are not high-damage steps, in lots; 0 if all steps
    have the same damage."""
    is_high = node.is_high_damage
    demand: Floats = np.where(
        is_high.any(axis=1), np.where(is_high, 0.0, node.step_limit).sum(axis=1), 0.0
    )
    return demand


def shortage_damage(node: NodeData, demand_row: Integers, missing_lots: Floats) -> Floats:
    """Return the damage (U) of missing lots (U, K), which fall on the steps of least damage.

    ``demand_row`` (U) is the row of demand of each state class.
    """
    remaining, damage = missing_lots.copy(), np.zeros(len(missing_lots))
    for j in reversed(range(len(node.step_weight))):
        step_shortage: NDArray[np.float64] = np.minimum(remaining, node.step_limit[demand_row, j])
        damage += step_shortage @ node.step_weight[j]
        remaining -= step_shortage
    return damage
