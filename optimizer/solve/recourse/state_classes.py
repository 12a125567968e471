"""State classes: states that lead to the same second-stage subproblem of a material are merged.

The subproblem of a material depends on market supply and on the remaining output of each project,
in the periods in which shortages are possible. A period is calm if there can be no shortage for any
commitment; a state is calm if all its periods are.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import material_chains
from optimizer.model import states as shortage_clock
from optimizer.model.instance import (
    COMMON_GROUP,
    COVERAGE_TOLERANCE,
    Chain,
    Floats,
    Instance,
    Node,
    Realization,
)
from optimizer.model.scenario_data import (
    HazardPatterns,
    adaptation_shares_left,
    collect_demand_factors,
    deciding_price_states,
    find_covered_periods,
    find_short_periods,
)
from optimizer.model.states import State

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StateClasses:
    """State classes of one material: U classes for S states."""

    material: str
    nodes: tuple[int, ...]  # positions of the material's nodes in the instance
    outlets: tuple[str, ...]
    """P outlets: projects that deliver the material, and again their output under price floors."""
    realizations: tuple[tuple[Realization, ...], ...]  # of each outlet; D is the largest number
    class_of_state: Integers  # (S) class of each state; -1 if it is calm
    market_lots: Floats  # (U, K) lots from the market
    available_row: Integers  # (U, P) row of ``available_share``
    realization_index: Integers  # (U, P) index in ``realizations``; -1 if the project fails
    available_share: Floats  # (R, K) share of output that hazards leave
    demand_row: Integers  # (U) row of ``demand_factor`` and ``step_share_left``
    demand_factor: Floats  # (N, W) for all periods (W is 1) or for each period (W is K)
    step_share_left: Floats  # (N, E, K) share of later damage steps left, by entry with adaptation
    is_covered: Floats | None = None
    """(U, K) 1 where a period is covered, else 0; None if no stock is refilled."""

    @property
    def class_demand_factor(self) -> Floats:
        """Factor on demand in each state class (U, W)."""
        return self.demand_factor[self.demand_row]

    @property
    def class_count(self) -> int:
        """Number of state classes."""
        return len(self.market_lots)

    def sum_by_class(self, state_weights: Floats) -> Floats:
        """Return the sum of the states' weights (..., S) in each state class (..., U)."""
        weights = np.zeros((*state_weights.shape[:-1], self.class_count))
        has_class = self.class_of_state >= 0
        for class_row, state_row in zip(
            np.atleast_2d(weights), np.atleast_2d(state_weights), strict=True
        ):
            np.add.at(class_row, self.class_of_state[has_class], state_row[has_class])
        return weights


def demand_signature(
    classes: StateClasses, indices: Integers, is_open: NDArray[np.bool_]
) -> Floats:
    """Return rows (..., W + E*K) that are equal only for classes with equal demand: the factor on
    demand and, in open periods (U, K), the remaining share of later damage steps."""
    shares_left = np.where(
        is_open[indices, None], classes.step_share_left[classes.demand_row[indices]], 1.0
    )
    return np.hstack(
        [
            classes.class_demand_factor[indices],
            shares_left.reshape(len(indices), math.prod(shares_left.shape[1:])),
        ]
    )


def split_signature(classes: StateClasses, signature: Floats) -> tuple[Floats, Floats]:
    """Return the demand factors and the remaining shares of later damage steps that rows of
    :func:`demand_signature` contain."""
    width = classes.demand_factor.shape[1]
    return signature[:, :width], signature[:, width:].reshape(
        len(signature), *classes.step_share_left.shape[1:]
    )


def build_material_classes(
    instance: Instance,
    material: str,
    nodes: tuple[int, ...],
    patterns: HazardPatterns,
    realizations: dict[str, tuple[Realization, ...]],
    state_realization: dict[str, Integers],
    demand: tuple[Floats, Floats],
    running_share_by_project: dict[str, Floats],
    merge: bool,
) -> StateClasses:
    """Build the state classes of one material.

    ``state_realization`` holds the index of each project's realization (S) in ``realizations``, -1
    if it fails; ``demand`` the factor on demand (S, W) and the remaining share of later steps
    (S, E, K); ``running_share_by_project`` the share (S, K) that runs at the deciding price, for
    projects that depend on one. Unless ``merge`` is set, there is one class for each state.
    """
    origin_indices = [o for o, (m, _) in enumerate(instance.origins) if m == material]
    projects = tuple(p.id for p in instance.projects.values() if material in p.output)
    floored = tuple(p for p in projects if instance.price_floors(p))
    origin_position = {instance.origins[o]: n for n, o in enumerate(origin_indices)}
    patterns_by_origin = [patterns.distinct_patterns(o) for o in origin_indices]
    # Row 0 is for projects that fail; the rows of the origins follow.
    available = np.concatenate(
        [np.ones((1, patterns.period_count)), *(rows for rows, _ in patterns_by_origin)]
    )
    pattern_offsets = np.cumsum([1, *(len(rows) for rows, _ in patterns_by_origin)])
    origin_row = np.zeros((patterns.state_count, len(origin_indices)), dtype=np.int64)
    for n, (_, state_rows) in enumerate(patterns_by_origin):
        origin_row[:, n] = state_rows + pattern_offsets[n]
    outlet_realizations = [realizations[p] for p in projects]
    realization_index = np.zeros((len(origin_row), len(projects) + len(floored)), dtype=np.int64)
    for n, p in enumerate(projects):
        realization_index[:, n] = state_realization[p]
    for n, p in enumerate(floored, start=len(projects)):
        outlet_realizations.append(
            tuple(
                sorted(
                    {
                        Realization(realization.delay, floored=True)
                        for realization in realizations[p]
                    }
                )
            )
        )
        floored_index = [
            outlet_realizations[n].index(Realization(realization.delay, floored=True))
            for realization in realizations[p]
        ]
        realization_index[:, n] = np.array([*floored_index, -1])[state_realization[p]]
    outlets = (*projects, *floored)
    outlet_origin = [origin_position[material, instance.projects[p].country] for p in outlets]
    available_row = origin_row[:, outlet_origin]
    for n, p in enumerate(outlets):
        if p in running_share_by_project:  # depends on a price, so it needs additional rows
            running_share = (
                running_share_by_project[p]
                if n < len(projects)
                else 1 - running_share_by_project[p]
            )
            first_rows, row_number = distinct_rows(available[available_row[:, n]] * running_share)
            available_row[:, n] = row_number + len(available)
            available = np.concatenate(
                [
                    available,
                    (available[origin_row[:, outlet_origin[n]]] * running_share)[first_rows],
                ]
            )
    available_row = np.where(realization_index >= 0, available_row, 0)
    supplied_origins = [
        o
        for o in range(len(origin_indices))
        if instance.origins[origin_indices[o]] in instance.supply
    ]
    factor, share_left = demand
    demand_rows = np.hstack(
        [factor, share_left.reshape(len(share_left), math.prod(share_left.shape[1:]))]
    )
    distinct_demand, demand_row = distinct_rows(demand_rows)
    keys = np.hstack(
        [origin_row[:, supplied_origins], available_row, realization_index, demand_row[:, None]]
    )
    if merge:
        first_states, state_rows = distinct_rows(keys)
    else:
        first_states = state_rows = np.arange(len(keys))
    supply = np.zeros((len(first_states), patterns.period_count))
    extra_factor = factor[first_states] - 1
    for o in supplied_origins:
        origin = instance.origins[origin_indices[o]]
        lots = instance.supply[origin][instance.year_index]
        lots = lots + extra_factor * instance.need_linked_supply[origin][instance.year_index]
        supply += lots * available[origin_row[first_states, o]]
    classes = StateClasses(
        material=material,
        nodes=nodes,
        outlets=outlets,
        realizations=tuple(outlet_realizations),
        class_of_state=state_rows,
        market_lots=supply,
        available_row=available_row[first_states],
        realization_index=realization_index[first_states],
        available_share=available,
        demand_row=demand_row[first_states],
        demand_factor=factor[distinct_demand],
        step_share_left=share_left[distinct_demand],
    )
    return (
        merge_calm(classes, [instance.nodes[v] for v in nodes], instance.year_index)
        if merge
        else classes
    )


def distinct_rows(rows: NDArray[Any]) -> tuple[Integers, Integers]:
    """Return the index at which each distinct row occurs first, and for each row the number of its
    distinct row."""
    packed = np.ascontiguousarray(rows)
    # A dictionary of bytes is ten times faster than sorting rows as numpy.unique does.
    content, width = packed.tobytes(), packed.itemsize * packed.shape[1]
    number_of_content: dict[bytes, int] = {}
    first_positions: list[int] = []
    number_of_row = np.empty(len(packed), dtype=np.int64)
    for r in range(len(packed)):
        key = content[r * width : (r + 1) * width]
        row_number = number_of_content.setdefault(key, len(first_positions))
        if row_number == len(first_positions):
            first_positions.append(r)
        number_of_row[r] = row_number
    return np.array(first_positions, dtype=np.int64), number_of_row


def merge_calm(
    classes: StateClasses, nodes: list[Node], year_index: NDArray[np.intp]
) -> StateClasses:
    """Merge classes that differ only in calm periods, and remove those whose periods are all
    calm."""
    is_open = np.zeros(classes.market_lots.shape, dtype=bool)
    for node in nodes:
        demand = classes.class_demand_factor * node.demand[year_index]
        market_share = node.group_share[COMMON_GROUP][year_index]
        is_open |= demand - market_share * classes.market_lots > COVERAGE_TOLERANCE * demand
    open_classes = np.flatnonzero(is_open.any(axis=1))
    # In a calm period any supply that covers demand is equivalent: use the undisturbed one.
    undisturbed_lots = classes.market_lots.max(axis=0, initial=0.0)
    supply = np.where(is_open, classes.market_lots, undisturbed_lots)
    open_demand = demand_signature(classes, open_classes, is_open)
    signatures = [supply[open_classes], open_demand]
    for p in range(len(classes.outlets)):
        available = (
            classes.available_share[classes.available_row[open_classes, p]] * is_open[open_classes]
        )
        signatures += [available, classes.realization_index[open_classes, p : p + 1].astype(float)]
    if not len(open_classes):
        first_classes, class_number = open_classes, open_classes
    else:
        first_classes, class_number = distinct_rows(np.hstack(signatures))
    new_class = np.full(classes.class_count, -1, dtype=np.int64)
    new_class[open_classes] = class_number
    kept_classes = open_classes[first_classes]
    distinct_signatures, demand_row = distinct_rows(open_demand[first_classes])
    factor, share_left = split_signature(classes, open_demand[first_classes][distinct_signatures])
    rows, available_row = np.unique(classes.available_row[kept_classes], return_inverse=True)
    return StateClasses(
        material=classes.material,
        nodes=classes.nodes,
        outlets=classes.outlets,
        realizations=classes.realizations,
        class_of_state=new_class[classes.class_of_state],
        market_lots=supply[kept_classes],
        available_row=available_row.reshape(classes.available_row[kept_classes].shape).astype(
            np.int64
        ),
        realization_index=classes.realization_index[kept_classes],
        available_share=classes.available_share[rows],
        demand_row=demand_row,
        demand_factor=factor,
        step_share_left=share_left,
    )


@dataclass(frozen=True, eq=False)
class ChainStateClasses:
    """State classes (U) of forms that plants connect, or of a form whose stocks are refilled."""

    chains: tuple[Chain, ...]  # one, or one for each consumer
    class_of_state: Integers  # (S) class of each state; -1 if it is calm
    by_material: dict[str, StateClasses]  # the same classes, by material
    capacity_left: dict[str, Floats]  # (U, K) share of capacity that hazards leave, by conversion
    is_open: NDArray[np.bool_]  # (U, K) periods in which shortages are possible
    class_digests: tuple[bytes, ...]  # (U) hashes that identify classes across sets of states

    @property
    def class_count(self) -> int:
        """Number of state classes."""
        return len(self.is_open)

    def sum_by_class(self, state_weights: Floats) -> Floats:
        """Return the sum of the states' weights (..., S) in each state class (..., U)."""
        return next(iter(self.by_material.values())).sum_by_class(state_weights)


def find_realizations(
    instance: Instance, states: Sequence[State]
) -> dict[str, tuple[Realization, ...]]:
    """Return all realizations of each project that occur in the states, always including the one on
    time."""
    by_project = {p: {Realization()} for p in instance.projects}
    for state in states:
        for p in _unusual_projects(state):
            by_project[p].add(state.realization(p))
    return {p: tuple(sorted(values)) for p, values in by_project.items()}


def _unusual_projects(state: State) -> set[str]:
    """Return the ids of projects that are delayed, or decided without support, in a state."""
    return {*state.unaided_projects, *(p for p, _ in state.delays)}


def build_state_classes(
    instance: Instance,
    states: Sequence[State],
    *,
    realizations: dict[str, tuple[Realization, ...]] | None = None,
    merge: bool = True,
) -> tuple[tuple[StateClasses, ...], tuple[ChainStateClasses, ...]]:
    """Build the state classes of every material with nodes, and those of connected forms and of
    forms with stocks that are refilled.

    ``realizations`` are all realizations that projects can have, if these states do not contain all
    of them. Unless ``merge`` is set, there is one class for each state.
    """
    patterns = HazardPatterns(instance, states)
    all_realizations = realizations or find_realizations(instance, states)
    nodes_by_material: dict[str, list[int]] = {}
    for position, node in enumerate(instance.nodes):
        nodes_by_material.setdefault(node.material, []).append(position)
    realization_index = {
        p: {realization: d for d, realization in enumerate(values)}
        for p, values in all_realizations.items()
    }
    state_realization = {
        p: np.full(len(states), index[Realization()], np.int64)
        for p, index in realization_index.items()
    }
    for s, state in enumerate(states):
        for p in _unusual_projects(state):
            state_realization[p][s] = realization_index[p][state.realization(p)]
        for p in state.failed_projects:
            state_realization[p][s] = -1
    material_demand, running_share = _demand_and_running(instance, states, patterns)
    forms_by_material = {m: forms for forms in material_chains(instance.case) for m in forms}
    chains_by_forms: dict[tuple[str, ...], list[Chain]] = {}
    for chain in instance.chains:
        material = instance.nodes[chain.id].material
        chains_by_forms.setdefault(forms_by_material.get(material, (material,)), []).append(chain)
    chain_classes: dict[str, ChainStateClasses] = {}
    for tied_chains in chains_by_forms.values():
        stockpiles = {
            h
            for chain in tied_chains
            for v in chain.nodes
            for h in instance.nodes[v].stockpile_shares
        }
        has_refill = any(instance.stockpiles[h].max_refill.any() for h in stockpiles)
        if all(len(chain.nodes) == 1 for chain in tied_chains) and not has_refill:
            continue
        materials = dict.fromkeys(
            instance.nodes[v].material for chain in tied_chains for v in chain.nodes
        )
        separate = {
            m: build_material_classes(
                instance,
                m,
                tuple(nodes_by_material[m]),
                patterns,
                all_realizations,
                state_realization,
                material_demand(m),
                running_share,
                False,
            )
            for m in materials
        }
        tied_classes = _build_chain_classes(
            instance,
            tuple(tied_chains),
            separate,
            patterns,
            collect_demand_factors(instance, states),
            merge,
        )
        chain_classes.update(dict.fromkeys(materials, tied_classes))
    classes = tuple(
        chain_classes[material].by_material[material]
        if material in chain_classes
        else build_material_classes(
            instance,
            material,
            tuple(nodes),
            patterns,
            all_realizations,
            state_realization,
            material_demand(material),
            running_share,
            merge,
        )
        for material, nodes in nodes_by_material.items()
    )
    return classes, tuple(dict.fromkeys(chain_classes.values()))


def _build_chain_classes(
    instance: Instance,
    tied_chains: tuple[Chain, ...],
    by_material: dict[str, StateClasses],
    patterns: HazardPatterns,
    demand_factors: dict[str, Floats],
    merge: bool,
) -> ChainStateClasses:
    """Merge states that lead to the same subproblem in all ``tied_chains`` into one class.

    ``by_material`` holds the classes of each material, with one class for each state.
    """
    plants = (
        plant for chain in tied_chains for plant in chain.plants if plant.capacity is not None
    )
    conversion_origins, capacity_left = {plant.id: plant.origin for plant in plants}, {}
    for c, origin in conversion_origins.items():
        capacity_left[c] = patterns.share_left(origin)
    is_open = np.zeros((patterns.state_count, patterns.period_count), dtype=bool)
    year_index = instance.year_index
    for chain in tied_chains:
        nodes = {v: instance.nodes[v] for v in chain.nodes}
        market = {
            v: node.group_share[COMMON_GROUP][year_index] * by_material[node.material].market_lots
            for v, node in nodes.items()
        }
        demand = {
            v: by_material[node.material].class_demand_factor * node.demand[year_index]
            for v, node in nodes.items()
        }
        capacity = {
            plant.id: plant.capacity[year_index] * capacity_left[plant.id]
            for plant in chain.plants
            if plant.capacity is not None
        }
        is_open |= find_short_periods(chain, demand, market, capacity)
    is_covered = {
        m: np.broadcast_to(shares, is_open.shape)
        for m, shares in find_covered_periods(
            instance, patterns.share_left, demand_factors, by_material
        ).items()
    }
    kept_states = class_of_state = np.arange(patterns.state_count)
    digests: tuple[bytes, ...] = ()
    if merge:
        open_states = np.flatnonzero(is_open.any(axis=1))
        # Differences in calm periods do not matter.
        signatures: list[Floats] = [is_open[open_states].astype(float)]
        signatures += [
            shares[open_states] * is_open[open_states] for shares in capacity_left.values()
        ]
        signatures += [shares[open_states] for shares in is_covered.values()]
        for classes in by_material.values():
            signatures += [
                classes.market_lots[open_states] * is_open[open_states],
                demand_signature(classes, open_states, is_open),
            ]
            for p in range(len(classes.outlets)):
                signatures.append(
                    classes.available_share[classes.available_row[open_states, p]]
                    * is_open[open_states]
                )
                signatures.append(classes.realization_index[open_states, p : p + 1].astype(float))
        rows = np.hstack(signatures)
        first, number = distinct_rows(rows) if len(open_states) else (open_states, open_states)
        # Classes with equal open periods are adjacent: their programs are solved in sequence.
        open_patterns = [is_open[open_states[n]].tobytes() for n in first]
        order = np.array(sorted(range(len(first)), key=open_patterns.__getitem__), dtype=np.int64)
        first, number = first[order], np.argsort(order)[number]
        digests = tuple(hashlib.blake2b(rows[n].tobytes(), digest_size=16).digest() for n in first)
        kept_states = open_states[first]
        class_of_state = np.full(patterns.state_count, -1, dtype=np.int64)
        class_of_state[open_states] = number
    demand_signatures = [
        demand_signature(classes, kept_states, is_open) for classes in by_material.values()
    ]
    distinct, demand_row = distinct_rows(np.hstack(demand_signatures))  # common to all forms
    merged_by_material = {}
    for (m, classes), signature in zip(by_material.items(), demand_signatures, strict=True):
        factor, shares_left = split_signature(classes, signature[distinct])
        rows, available_row = np.unique(classes.available_row[kept_states], return_inverse=True)
        merged_by_material[m] = replace(
            classes,
            class_of_state=class_of_state,
            market_lots=classes.market_lots[kept_states],
            available_row=available_row.reshape(classes.available_row[kept_states].shape).astype(
                np.int64
            ),
            realization_index=classes.realization_index[kept_states],
            available_share=classes.available_share[rows],
            demand_row=demand_row,
            demand_factor=factor,
            step_share_left=shares_left,
            is_covered=is_covered[m][kept_states] if m in is_covered else None,
        )
    return ChainStateClasses(
        tied_chains,
        class_of_state,
        merged_by_material,
        {c: shares[kept_states] for c, shares in capacity_left.items()},
        is_open[kept_states],
        digests,
    )


def _demand_and_running(
    instance: Instance, states: Sequence[State], patterns: HazardPatterns
) -> tuple[Callable[[str], tuple[Floats, Floats]], dict[str, Floats]]:
    """Return demand and running shares by state.

    The first result is a function that returns, for a material, the factor on demand (S, 1 or K)
    and the remaining share of later damage steps (S, E, K). The second is the share of each project
    that runs at the deciding price (S, K), by project id.
    """
    factors = collect_demand_factors(instance, states)
    shares_left = adaptation_shares_left(instance, factors, patterns.share_left)
    count, length = len(states), len(instance.periods)

    def demand_of_material(material: str) -> tuple[Floats, Floats]:
        share_left = shares_left(material)
        share_left = np.broadcast_to(share_left, (count, share_left.shape[-2], length))
        return factors.get(material, np.ones((count, 1))), share_left

    prices = deciding_price_states(instance, states)
    running_share = {
        p.id: np.broadcast_to(
            shortage_clock.compute_running_share(
                instance, p, prices[p.cash_cost_material], factors, patterns.share_left
            ),
            (count, length),
        )
        for p in instance.projects.values()
        if p.cash_cost_material is not None
    }
    return demand_of_material, running_share
