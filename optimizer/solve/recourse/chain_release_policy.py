"""Release policy in a chain: releases, production and shortages, period by period.

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
:mod:`optimizer.solve.recourse.release_policy`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats
from optimizer.solve.recourse.evaluator import RecourseEvaluator
from optimizer.solve.recourse.first_stage_point import FirstStagePoint
from optimizer.solve.recourse.material_classes import Integers
from optimizer.solve.recourse.node_data import NodeData
from optimizer.solve.recourse.period_program import simulate_periods
from optimizer.solve.recourse.state_classes import ChainStateClasses

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
