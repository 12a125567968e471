"""Nodes and chains of an instance, with their damage steps and adaptation."""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from models.scenario import materials
from models.scenario.case import Case
from models.scenario.chains import material_chains, order_materials
from models.scenario.equal_steps import find_damage_entry
from models.scenario.materials import Damage
from models.scenario.quantities import Number
from optimizer.model.instance.components import (
    COMMON_GROUP,
    Adaptation,
    Chain,
    Floats,
    Node,
    NodeDamageStep,
    Plant,
    StockpileData,
    company_group,
)
from optimizer.model.instance.data import Instance
from optimizer.model.instance.need import MaterialNeed


def build_nodes(instance: Instance, need: MaterialNeed) -> Iterator[Node]:
    """Yield the nodes, ordered by material and then by consumer."""
    case, measure = instance.case, instance.case.objective.measure
    zeros = np.zeros(len(instance.years))
    wanted_materials = set[
        str
    ]()  # materials needed by consumers, or as inputs of projects for these
    for m in reversed(order_materials(case)):
        outputs = (p.output for p in instance.projects.values() if m in p.inputs)
        if need.max_per_year(m) or any(
            not wanted_materials.isdisjoint(output) for output in outputs
        ):
            wanted_materials.add(m)
    for m in case.materials:
        claims = {u: t for (u, material), t in need.claims.items() if material == m and t.any()}
        entitled = case.objective.allocation == "entitled"
        # A material without claims belongs to no consumer, but if pooled it may serve all.
        if not claims if entitled else m not in wanted_materials:
            continue
        demand = {u: instance.demand.get((u, m), zeros) for u in claims}
        total_demand = np.sum([zeros, *demand.values()], axis=0)
        if measure == "tonnes":
            damage_unit = np.full(len(instance.years), instance.lot_tonnes[m])
        elif measure == "share_of_demand":
            damage_unit = np.divide(
                1 / instance.periods_per_year,
                total_demand,
                out=np.zeros_like(total_demand),
                where=total_demand > 0,
            )
        else:
            damage_unit = instance.discount_factor * instance.lot_tonnes[m] / 1e6
        by_price = measure == "damage"
        stockpiles = [h for h in instance.stockpiles.values() if h.material == m]
        steps = {
            u: tuple(_build_damage_steps(case, u, m, d, damage_unit, by_price)) if d.any() else ()
            for u, d in demand.items()
        }
        if entitled:
            for u, d in demand.items():
                claim_total, groups = need.claim_total(m), instance.offtake_groups
                shares = _group_shares(case, u, claims, claim_total, groups)
                stock_shares = _stockpile_shares(u, claims, stockpiles)
                ranges = _adaptation_ranges(instance, m, {u: steps[u]})
                yield Node(
                    f"{m}.{u}", m, u, d, shares, stock_shares, steps[u], adaptation_ranges=ranges
                )
        else:
            shares = {group: np.ones(len(instance.years)) for group in instance.offtake_groups}
            stock_shares = {h.id: 1.0 for h in stockpiles}
            all_steps = tuple(itertools.chain.from_iterable(steps.values()))
            ranges = _adaptation_ranges(instance, m, steps)
            yield Node(
                m, m, None, total_demand, shares, stock_shares, all_steps, adaptation_ranges=ranges
            )


def build_chains(instance: Instance) -> Iterator[Chain]:
    """Yield the chains, ordered by their first nodes."""
    node_position = {(node.material, node.consumer): v for v, node in enumerate(instance.nodes)}
    forms_by_material = {m: forms for forms in material_chains(instance.case) for m in forms}
    order = {m: n for n, m in enumerate(order_materials(instance.case))}
    assigned_nodes: set[int] = set()
    for v, node in enumerate(instance.nodes):
        if v in assigned_nodes:
            continue
        forms = sorted(
            forms_by_material.get(node.material, (node.material,)), key=order.__getitem__
        )
        positions = {
            m: node_position[m, node.consumer] for m in forms if (m, node.consumer) in node_position
        }
        assigned_nodes.update(positions.values())
        yield Chain(tuple(positions.values()), tuple(_build_plants(instance, positions)))


def _build_plants(instance: Instance, node_position: dict[str, int]) -> Iterator[Plant]:
    """Yield the plants that make the material of a node in ``node_position`` from those of others.
    Plants with an input that has no node are left out."""
    common_share = {
        m: instance.nodes[v].group_share[COMMON_GROUP] for m, v in node_position.items()
    }
    for c in instance.conversions.values():
        if (
            c.output in node_position
            and c.capacity.any()
            and node_position.keys() >= c.inputs.keys()
        ):
            inputs = {node_position[m]: ratio for m, ratio in c.inputs.items()}
            capacity = c.capacity * common_share[c.output]
            yield Plant(
                c.id, c.id, (c.output, c.country), node_position[c.output], inputs, capacity
            )
    for p in instance.projects.values():
        output = next(iter(p.output), None)
        if p.inputs and output in node_position and node_position.keys() >= p.inputs.keys():
            inputs = {node_position[m]: ratio for m, ratio in p.inputs.items()}
            label = f"{p.id}." if p.id in instance.conversions else p.id  # no id has a dot
            yield Plant(p.id, label, (output, p.country), node_position[output], inputs, None)


def read_adaptation(case: Case, entry: Damage) -> Adaptation | None:
    """Read the adaptation of a damage entry; None if it has no effect."""
    settings = entry.adaptation
    if (
        settings is None
        or settings.per_year <= 0
        or settings.floor >= 1
        or case.objective.measure != "damage"
    ):
        return None
    if not any(step.share > 0 for step in entry.steps[1:]):
        return None
    retention = (1 - float(settings.per_year)) ** (1 / int(case.horizon.periods_per_year))
    return Adaptation(
        retention, float(settings.floor), float(settings.trigger_loss), int(settings.reset_periods)
    )


def _adaptation_ranges(
    instance: Instance, material: str, steps: Mapping[str, tuple[NodeDamageStep, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """Return the ranges of damage steps of a node that adaptation shrinks, one for each damage
    entry with adaptation: index of the adaptation, first step, and end. ``steps`` has the steps by
    consumer."""
    ranges, end = [], 0
    for consumer, consumer_steps in steps.items():
        first_step, end = end, end + len(consumer_steps)
        entry = (
            read_adaptation(instance.case, find_damage_entry(instance.case, consumer, material))
            if consumer_steps
            else None
        )
        if entry is not None:
            ranges.append((instance.adaptations[material].index(entry), first_step, end))
    return tuple(ranges)


def read_clock_settings(case: Case, material: str) -> tuple[float, int]:
    """Return trigger loss and reset periods of the shortage clock of a material. They are those of
    its damage entry for all consumers, or else the defaults."""
    settings = (d.adaptation for d in case.damage if d.material == material and d.consumer is None)
    adaptation = next(settings, None) or materials.Adaptation(per_year=Number(0))
    return float(adaptation.trigger_loss), int(adaptation.reset_periods)


def distinct_adaptations(case: Case) -> dict[str, tuple[Adaptation, ...]]:
    """Return the distinct adaptations of each material."""
    by_material: dict[str, tuple[Adaptation, ...]] = {}
    for entry in case.damage:
        adaptation, earlier_adaptations = (
            read_adaptation(case, entry),
            by_material.get(entry.material, ()),
        )
        if adaptation is not None and adaptation not in earlier_adaptations:
            by_material[entry.material] = (*earlier_adaptations, adaptation)
    return by_material


def _build_damage_steps(
    case: Case, consumer: str, material: str, demand: Floats, damage_unit: Floats, by_price: bool
) -> Iterator[NodeDamageStep]:
    entry = find_damage_entry(case, consumer, material)
    total_share = math.fsum(step.share for step in entry.steps)  # 1 up to rounding in the file
    adapts = read_adaptation(case, entry) is not None  # then the first step may grow
    for number, step in enumerate(entry.steps):
        if step.share > 0 or (adapts and number == 0):
            yield NodeDamageStep(
                consumer=consumer,
                limit=demand * float(step.share) / total_share,
                weight=damage_unit * float(step.eur_per_t) if by_price else damage_unit,
            )


def _group_shares(
    case: Case,
    consumer: str,
    claims: dict[str, Floats],
    claim_total: Floats,
    groups: tuple[str, ...],
) -> dict[str, Floats]:
    """Return the share (Y) of each group's offtake that belongs to a consumer. A group's tonnes are
    divided among its consumers in proportion to their claims."""

    def proportion(total: Floats) -> Floats:
        shares: Floats = np.divide(claim, total, out=np.zeros_like(claim), where=total > 0)
        return shares

    claim = claims[consumer]
    shares = {COMMON_GROUP: proportion(claim_total)}
    for group in groups[1:]:
        members = {u: case.consumers[u].company for u in claims}
        group_members = [u for u, f in members.items() if f and company_group(f) == group]
        group_total = (
            np.sum([claims[u] for u in group_members], axis=0)
            if consumer in group_members
            else 0 * claim
        )
        shares[group] = proportion(group_total)
    return shares


def _stockpile_shares(
    consumer: str, claims: dict[str, Floats], stockpiles: list[StockpileData]
) -> dict[str, float]:
    """Return the share of each stockpile that belongs to a consumer, by claims over the whole
    horizon."""
    claims_by_stockpile = {
        stockpile.id: math.fsum(float(claims[u].sum()) for u in claims if u in stockpile.consumers)
        for stockpile in stockpiles
        if consumer in stockpile.consumers
    }
    return {
        h: float(claims[consumer].sum()) / tonnes
        for h, tonnes in claims_by_stockpile.items()
        if tonnes > 0
    }
