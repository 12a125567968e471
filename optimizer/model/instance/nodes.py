"""Where supply meets demand: the nodes of both allocations, their steps and shares."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from models.scenario.case import Case
from optimizer.model.instance.data import COMMON, Node, Step, StockpileData, group_of
from optimizer.model.instance.money import Floats


def read_nodes(
    case: Case,
    years: range,
    n: int,
    discount: Floats,
    lot: dict[str, float],
    demand: dict[tuple[str, str], Floats],
    groups: tuple[str, ...],
    stockpiles: dict[str, StockpileData],
) -> Iterator[Node]:
    """Nodes in the order of the materials, then of the consumers."""
    measure, entitled = case.objective.measure, case.objective.allocation == "entitled"
    for material in case.materials:
        parts = {u: d for (u, m), d in demand.items() if m == material}
        if not parts:
            continue
        total = np.sum(list(parts.values()), axis=0)
        if measure == "tonnes":
            unit = np.full(len(years), lot[material])
        elif measure == "share_of_demand":
            unit = np.divide(1 / n, total, out=np.zeros_like(total), where=total > 0)
        else:
            unit = discount * lot[material] / 1e6
        steps = {
            u: tuple(_steps(case, u, material, d, unit, measure == "damage"))
            for u, d in parts.items()
        }
        piles = [h for h in stockpiles.values() if h.material == material]
        if not entitled:
            yield Node(
                label=material,
                material=material,
                demand=total,
                group_share={group: np.ones(len(years)) for group in groups},
                accounts={h.id: 1.0 for h in piles},
                steps=tuple(step for own in steps.values() for step in own),
            )
            continue
        for u, own in parts.items():
            yield Node(
                label=f"{material}.{u}",
                material=material,
                demand=own,
                group_share=_group_shares(case, u, parts, groups),
                accounts=_accounts(u, parts, piles),
                steps=steps[u],
            )


def _steps(
    case: Case, consumer: str, material: str, demand: Floats, unit: Floats, priced: bool
) -> Iterator[Step]:
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    entry = max(entries, key=lambda d: d.consumer is not None)
    covered = math.fsum(step.share for step in entry.steps)  # 1, but for rounding in the file
    for step in entry.steps:
        if step.share > 0:
            yield Step(
                consumer=consumer,
                limit=demand * float(step.share) / covered,
                weight=unit * float(step.eur_per_t) if priced else unit,
            )


def _group_shares(
    case: Case, consumer: str, parts: dict[str, Floats], groups: tuple[str, ...]
) -> dict[str, Floats]:
    """(Y) share of each group's tonnes that belongs to a consumer: in proportion to demand."""

    def proportion(members: list[str]) -> Floats:
        own = parts[consumer] if consumer in members else np.zeros_like(parts[consumer])
        total = np.sum([parts[u] for u in members], axis=0) if members else own
        shares: Floats = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return shares

    shares = {COMMON: proportion(list(parts))}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in parts}
        shares[group] = proportion([u for u, f in members.items() if f and group_of(f) == group])
    return shares


def _accounts(
    consumer: str, parts: dict[str, Floats], piles: list[StockpileData]
) -> dict[str, float]:
    """Share of each stockpile that belongs to a consumer, by demand over the whole horizon."""
    accounts: dict[str, float] = {}
    for pile in piles:
        served = math.fsum(float(parts[u].sum()) for u in parts if u in pile.consumers)
        if consumer in pile.consumers and served > 0:
            accounts[pile.id] = float(parts[consumer].sum()) / served
    return accounts
