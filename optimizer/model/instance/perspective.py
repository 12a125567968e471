"""Whose damage and money a problem counts, who takes part in it, and what is already settled.

A scenario asks what is best for all. A company asks what is best for itself, and a coalition what
is best for its members: the same rules and the same recourse, seen from another standpoint.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.model.instance.instrument_terms import Floats

if TYPE_CHECKING:
    from optimizer.model.instance.components import StockpileData
    from optimizer.model.instance.data import Instance


@dataclass(frozen=True, eq=False)
class Stake:
    """A share of the capex of projects together that some funders carry, no more and no less."""

    projects: tuple[str, ...]
    funders: tuple[str, ...]
    share: float


@dataclass(frozen=True, eq=False)
class FixedDecisions:
    """What others have settled, and stick to. Shares and offtake are those of a project that is
    started in its year, if it is; the same funders bring nothing to other projects or years."""

    funders: frozenset[str] = frozenset()  # those that stick to ``share``
    groups: frozenset[str] = frozenset()  # those that stick to ``offtake`` and reserve nothing else
    certain_starts: Mapping[str, int] = field(
        default_factory=dict
    )  # start years, built in any case
    share: Mapping[tuple[str, int, str, str], float] = field(default_factory=dict)
    """By project, start year, funder and instrument."""
    offtake: Mapping[tuple[str, int, str], float] = field(default_factory=dict)
    """By project, start year and group; of a group that does not stick to it, the least."""
    buy: Mapping[str, Floats] = field(default_factory=dict)  # (Y) lots, where they are settled
    min_total_purchases: Mapping[str, float] = field(default_factory=dict)
    """Lots bought in all years together, at least, of stockpiles that are to be bought up."""
    branches: tuple[
        FixedDecisions, ...
    ] = ()  # what is settled on each path, where that is not alike


NOTHING_FIXED = FixedDecisions()


def change_perspective(
    instance: Instance,
    *,
    damage_weights: Mapping[str, float] | None = None,
    cost_weights: Mapping[str, float] | None = None,
    inactive_funders: Collection[str] = (),
    stakes: Sequence[Stake] = (),
    fixed_decisions: FixedDecisions | None = None,
) -> Instance:
    """The same problem from another standpoint: ``counts`` is how much the mean damage of consumers
    counts (the CVaR is that of all damage), ``cost_counts`` how much the net cost of funders does;
    where nothing is said, as in the instance. ``idle`` funders finance nothing, and no stock is
    bought, nor any output secured, that one of them would pay for. ValueError if consumers of one
    node are to count differently, as they cannot when supply is pooled."""
    weight = {**instance.damage_weights, **(damage_weights or {})}
    nodes = list(instance.nodes)
    for chain in instance.chains:
        steps = [step for v in chain.nodes for step in nodes[v].steps]
        own = {weight.get(step.consumer, 1.0) for step in steps} or {1.0}
        if len(own) > 1:
            raise ValueError("damage of one consumer cannot be told from another's when pooled")
        for v in chain.nodes:
            nodes[v] = replace(nodes[v], damage_weight=max(own))
    inactive_funders = frozenset(inactive_funders)
    instruments = tuple(i for i in instance.instruments if i.funder not in inactive_funders)
    stockpiles = {
        h: _without_purchases(pile) if inactive_funders.intersection(pile.payers) else pile
        for h, pile in instance.stockpiles.items()
    }
    premium, projects = instance.premium_per_lot, dict(instance.projects)
    for p, x in instance.projects.items():
        if any(inactive_funders.intersection(premium.get(m, ())) for m in x.output):
            projects[p] = replace(x, offtake_max=0.0)
    return replace(
        instance,
        damage_weights=weight,
        projects=projects,
        nodes=tuple(nodes),
        cost_weights={**instance.cost_weights, **(cost_weights or {})},
        instruments=instruments,
        stockpiles=stockpiles,
        stakes=(*instance.stakes, *stakes),
        fixed_decisions=instance.fixed_decisions if fixed_decisions is None else fixed_decisions,
    )


def _without_purchases(stockpile: StockpileData) -> StockpileData:
    """The stockpile without any purchase; what lies there stays."""
    none = np.zeros_like(stockpile.max_purchase)
    return replace(stockpile, max_purchase=none, min_stock=none)
