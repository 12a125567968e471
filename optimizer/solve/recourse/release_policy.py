"""Recourse of a commitment under a release policy that knows only the past and the present.

The policy knows what has arrived, what plants can make now and what is in store. In each period it
pursues aims in lexicographic order:

1. avert as much damage as possible on high-damage steps;
2. release as little as possible for that, nearest form first: a lot of input counts at least twice
   the lot of output made from it; among accounts of one form, those with the largest losses are
   released first, then in the order of the file;
3. avert as much damage as possible on the other steps, where an account releases at most what it
   holds above the reserve, or what the high-damage steps take of it if that is more;
4. release as little as possible for all steps together, as in 2.

Finally stocks are refilled in covered periods.

Steps without damage come after those with damage, high-damage or not. High-damage steps of a
form are those of its node. For a single node this equals
:mod:`optimizer.solve.recourse.release_policy`.

In a short period the stocks of a node are released at once; in a covered period they are refilled
as far as possible. Each stock keeps a reserve for high-damage steps: a share of the stock that
there would be without any releases. High-damage steps are those above the demand-weighted mean
damage of the node's steps. The policy is feasible in the second stage, so it is never better than
foresight. While a high-damage step is short, nothing is released for a low-damage step; so
shortages always fall on the steps of least damage. In chains,
:mod:`optimizer.solve.recourse.release_policy` decides which form is released.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.results.plan import StockUse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats, Instance
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.states import State
from optimizer.solve.recourse.class_programs import simulate_periods
from optimizer.solve.recourse.evaluator import RecourseEvaluator
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData
from optimizer.solve.recourse.state_classes import (
    ChainStateClasses,
    Integers,
    StateClasses,
    find_realizations,
)

STATES_PER_BLOCK = 5000  # evaluated together, to bound memory


def evaluators_by_block(
    instance: Instance,
    states: Sequence[State],
    *,
    threads: int | None = None,
    evaluator: RecourseEvaluator | None = None,
    reuse_from: RecourseEvaluator | None = None,
) -> Iterator[tuple[slice, RecourseEvaluator]]:
    """Yield blocks of at most ``STATES_PER_BLOCK`` states, each with its evaluator, so that memory
    is bounded. If ``evaluator`` is given, yield it once for all states.

    Data of the instance are taken from ``reuse_from``, an evaluator for other states, if its
    realizations include those of these states.
    """
    if evaluator is not None:
        yield slice(0, len(states)), evaluator
        return
    all_realizations = find_realizations(instance, states)
    previous = (
        reuse_from
        if reuse_from is not None and reuse_from.covers_realizations(all_realizations)
        else None
    )
    for start in range(0, len(states), STATES_PER_BLOCK):
        block = slice(start, min(start + STATES_PER_BLOCK, len(states)))
        previous = RecourseEvaluator(
            instance,
            states[block],
            threads=threads,
            reuse_from=previous,
            realizations=all_realizations,
        )
        yield block, previous


def sum_by_key(block_sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of each key's values over blocks of states. The order of summation is fixed,
    so that rounding is reproducible."""
    return {key: reduce(operator.add, (sums[key] for sums in block_sums)) for key in block_sums[0]}


(
    HIGH_DAMAGE,
    HIGH_DAMAGE_UNWEIGHTED,
    LOW_DAMAGE,
    LOW_DAMAGE_UNWEIGHTED,
    MIN_RELEASE,
    RELEASE_ORDER,
) = range(6)  # numbers of the aims
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
INPUT_WEIGHT = 2.0  # weight of a lot of input relative to the output made from it


@dataclass(frozen=True, eq=False)
class ChainPolicyResult:
    """Outcome of a chain under the release policy in all its state classes, in lots."""

    missing_by_node: dict[int, Floats]  # (U, J, K) by node, on merged damage steps
    made_lots: Floats  # (U, C, K) by plant
    released_by_node: dict[int, Floats]  # (U, H, K) by node
    stock_used_by_node: dict[int, Floats]  # (U, H) planned minus final stock, by node
    refilled_by_node: dict[int, Floats]  # (U, H) in all periods, by node


@dataclass(frozen=True, eq=False)
class ChainPeriods:
    """Data of a chain that do not depend on releases, for each state class and period, in lots."""

    nodes: Mapping[int, NodeData]
    chain: Chain
    supply: Floats  # (U, V, K) of each form, from the market and projects without inputs
    capacity: Floats  # (U, C, K) of each plant
    is_open: NDArray[np.bool_]  # (U, K)
    demand_row: Integers  # (U) row of demand and step limits
    purchases: Floats  # (H, K) in all accounts, node by node
    planned_stock: Floats  # (H, K) stock of each account if nothing is ever released
    max_refill: Floats  # (U, H, K)


def build_chain_periods(
    recourse: RecourseEvaluator, chain: Chain, classes: ChainStateClasses, point: FirstStagePoint
) -> ChainPeriods:
    """Build the data of a chain that the release policy needs, for the commitment at a first-stage
    point."""
    nodes = {v: recourse.node_data[v] for v in chain.nodes}
    supply: list[Floats] = []
    project_lots: dict[tuple[int, str], Floats] = {}
    for v, node in nodes.items():
        form_classes = classes.by_material[node.node.material]
        arrivals = node.market_share * form_classes.market_lots
        for project, rows, lots in node.project_arrivals(form_classes, point):
            if recourse.instance.projects[project].inputs:
                project_lots.setdefault((v, project), np.zeros_like(arrivals))[rows] += lots
            else:
                arrivals[rows] += lots
        supply.append(arrivals)
    class_count, length = classes.is_open.shape
    year_index = nodes[chain.id].year_index
    capacity = np.zeros((class_count, len(chain.plants), length))
    for c, plant in enumerate(chain.plants):
        if plant.capacity is not None:
            capacity[:, c] = plant.capacity[year_index] * classes.capacity_left[plant.id]
        elif (plant.output, plant.id) in project_lots:
            capacity[:, c] = project_lots[plant.output, plant.id]
    planned_stock = [
        stock.planned_stock() for node in nodes.values() for stock in node.list_stocks(point)
    ]
    return ChainPeriods(
        nodes=nodes,
        chain=chain,
        supply=np.stack(supply, axis=1),
        capacity=capacity,
        is_open=classes.is_open,
        demand_row=next(iter(classes.by_material.values())).demand_row,
        purchases=np.concatenate([node.purchases(point) for node in nodes.values()]),
        planned_stock=np.reshape(planned_stock, (-1, length)),
        max_refill=np.concatenate(
            [
                node.refill_by_class(classes.by_material[node.node.material])
                for node in nodes.values()
            ],
            axis=1,
        ),
    )


def simulate_chain_policy(chain_periods: ChainPeriods, reserve: float) -> ChainPolicyResult:
    """Simulate the release policy in all state classes.

    ``reserve`` is the share of planned stock that is kept for high-damage steps.
    """
    nodes = list(chain_periods.nodes.values())
    step_limit = np.concatenate([node.step_limit for node in nodes], axis=1)
    retention, initial_lots, max_release = (
        np.concatenate([getattr(node, name) for node in nodes])
        for name in ("retention", "initial_lots", "max_release")
    )
    matrix = _column_matrix(chain_periods)
    (class_count, length), step_count = chain_periods.is_open.shape, step_limit.shape[1]
    column_values = np.zeros((class_count, matrix.shape[1], length))
    final_stock, refilled_lots = np.zeros((2, class_count, len(retention)))
    simulate_periods(
        matrix, _aim_gains(chain_periods), HIGH_DAMAGE_AIMS, ALL_AIMS, chain_periods.demand_row,
        step_limit, chain_periods.supply, chain_periods.capacity, chain_periods.is_open, retention,
        initial_lots, chain_periods.purchases, max_release, reserve * chain_periods.planned_stock,
        chain_periods.planned_stock, chain_periods.max_refill, column_values, final_stock,
        refilled_lots,
    )  # fmt: skip
    missing_by_node, released_by_node, stock_used_by_node, refilled_by_node = {}, {}, {}, {}
    first_step, first_node_account = 0, 0
    first_account = step_count + len(chain_periods.chain.plants)
    for v, node in chain_periods.nodes.items():
        steps = slice(first_step, first_step := first_step + len(node.step_weight))
        accounts = slice(
            first_node_account, first_node_account := first_node_account + len(node.retention)
        )
        missing_by_node[v] = node.step_limit[chain_periods.demand_row] - column_values[:, steps]
        rounding = COVERAGE_TOLERANCE * node.demand[chain_periods.demand_row][:, None]
        missing_by_node[v][(missing_by_node[v] < rounding) | ~chain_periods.is_open[:, None]] = 0.0
        released_by_node[v] = column_values[:, first_account:][:, accounts]
        stock_used_by_node[v] = chain_periods.planned_stock[accounts, -1] - final_stock[:, accounts]
        refilled_by_node[v] = refilled_lots[:, accounts]
    return ChainPolicyResult(
        missing_by_node,
        column_values[:, step_count:first_account],
        released_by_node,
        stock_used_by_node,
        refilled_by_node,
    )


def _column_matrix(chain_periods: ChainPeriods) -> Floats:
    """Return the lots of each form (V) that one unit of each column (N) takes.

    A step takes its form; a plant takes its inputs and gives its output (negative); an account
    gives its form. Slack columns take the surplus of a form.
    """
    form_index = {v: i for i, v in enumerate(chain_periods.nodes)}
    columns = [
        _unit_vector(form_index[v], len(form_index))
        for v, node in chain_periods.nodes.items()
        for _ in node.step_weight
    ]
    for plant in chain_periods.chain.plants:
        column = -_unit_vector(form_index[plant.output], len(form_index))
        for v, lots in plant.inputs.items():
            column[form_index[v]] += lots
        columns.append(column)
    columns += [
        -_unit_vector(form_index[v], len(form_index))
        for v, node in chain_periods.nodes.items()
        for _ in node.retention
    ]
    return np.array([*columns, *np.eye(len(form_index))]).T.copy()


def _unit_vector(index: int, length: int) -> Floats:
    unit = np.zeros(length)
    unit[index] = 1.0
    return unit


def _aim_gains(chain_periods: ChainPeriods) -> Floats:
    """Return the gain of one unit of each column (R, A, N, K), for R rows of demand and A aims.
    Gains are scaled to at most 1."""
    nodes = list(chain_periods.nodes.values())
    step_weight = np.concatenate([node.step_weight for node in nodes])
    is_high = np.concatenate([_high_damage_steps(node) for node in nodes], axis=1)
    first_account = len(step_weight) + len(chain_periods.chain.plants)
    weight_by_form = release_weights(chain_periods.chain)
    account_weight = np.array(
        [weight_by_form[v] for v, node in chain_periods.nodes.items() for _ in node.retention]
    )
    retention = np.concatenate([node.retention for node in nodes])
    accounts = slice(first_account, first_account + len(retention))
    aims = np.zeros((len(is_high), 6, accounts.stop + len(nodes), step_weight.shape[1]))
    for aim, steps in ((HIGH_DAMAGE, is_high), (LOW_DAMAGE, ~is_high)):
        value = np.where(steps, step_weight, 0.0)
        max_value = value.max(axis=1, initial=0.0)[:, None]
        gain = np.divide(value, max_value, out=np.zeros_like(value), where=max_value > 0)
        aims[:, aim, : len(step_weight)] = gain
        aims[:, aim + 1, : len(step_weight)] = steps & (step_weight == 0)
    if len(retention):
        order = np.argsort(np.argsort(retention, kind="stable")) + 1.0
        aims[:, MIN_RELEASE, accounts] = -(account_weight / account_weight.max())[:, None]
        aims[:, RELEASE_ORDER, accounts] = -(order / order.max())[:, None]
    return aims


def _high_damage_steps(node: NodeData) -> NDArray[np.bool_]:
    """Return whether each step is a high-damage step (R, J, K). If all steps have the same damage,
    all are."""
    has_no_high_step: NDArray[np.bool_] = ~np.logical_or.reduce(node.is_high_damage, axis=1)
    return node.is_high_damage | has_no_high_step[:, None]


def release_weights(chain: Chain) -> dict[int, float]:
    """Return the weight of releasing a lot of each form, by node. Forms that are nearer to demand
    have smaller weights, so that they are released first."""
    weights: dict[int, float] = {}
    for v in reversed(chain.nodes):
        output_weights = [weights[c.output] / c.inputs[v] for c in chain.plants if v in c.inputs]
        weights[v] = INPUT_WEIGHT * max(output_weights) if output_weights else 1.0
    return weights


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

    def add_weighted(self, branch_result: ReleasePolicyResult, probability: float) -> None:
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
