"""Perspective: whose damage and cost count, which funders take part, and which decisions are fixed.

A scenario is optimized for all together, a company for itself, and a coalition for its members.
Rules and recourse are the same for each.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optimizer.model.instance.components import FixedDecisions, Stake, StockpileData
from optimizer.model.instance.data import Instance


def change_perspective(
    instance: Instance,
    *,
    damage_weights: Mapping[str, float] | None = None,
    cost_weights: Mapping[str, float] | None = None,
    inactive_funders: Collection[str] = (),
    stakes: Sequence[Stake] = (),
    fixed_decisions: FixedDecisions | None = None,
) -> Instance:
    """Return the instance from another perspective.

    ``damage_weights`` are weights of the mean damage of consumers in the objective (CVaR is always
    that of all damage), and ``cost_weights`` are weights of the net cost of funders. Consumers and
    funders that are not listed keep their weights. Funders in ``inactive_funders`` finance nothing;
    stocks and secured output for which one of them would pay are not bought. ``stakes`` are added
    to those of the instance. Raise ValueError if consumers at nodes of one chain would have
    different weights, since pooled supply does not allow this.
    """
    weights = {**instance.damage_weights, **(damage_weights or {})}
    nodes = list(instance.nodes)
    for chain in instance.chains:
        steps = [step for v in chain.nodes for step in nodes[v].steps]
        chain_weights = {weights.get(step.consumer, 1.0) for step in steps} or {1.0}
        if len(chain_weights) > 1:
            raise ValueError(
                "damage of one consumer cannot be separated from another's when pooled"
            )
        for v in chain.nodes:
            nodes[v] = replace(nodes[v], damage_weight=max(chain_weights))
    inactive_funders = frozenset(inactive_funders)
    instruments = tuple(i for i in instance.instruments if i.funder not in inactive_funders)
    stockpiles = {
        h: _without_purchases(stockpile)
        if inactive_funders.intersection(stockpile.payers)
        else stockpile
        for h, stockpile in instance.stockpiles.items()
    }
    premiums, projects = instance.premium_per_lot, dict(instance.projects)
    for p, project in instance.projects.items():
        if any(inactive_funders.intersection(premiums.get(m, ())) for m in project.output):
            projects[p] = replace(project, offtake_max=0.0)
    return replace(
        instance,
        damage_weights=weights,
        projects=projects,
        nodes=tuple(nodes),
        cost_weights={**instance.cost_weights, **(cost_weights or {})},
        instruments=instruments,
        stockpiles=stockpiles,
        stakes=(*instance.stakes, *stakes),
        fixed_decisions=instance.fixed_decisions if fixed_decisions is None else fixed_decisions,
    )


def _without_purchases(stockpile: StockpileData) -> StockpileData:
    """Return the stockpile with no purchases allowed. Its initial stock remains."""
    zeros = np.zeros_like(stockpile.max_purchase)
    return replace(stockpile, max_purchase=zeros, min_stock=zeros)
