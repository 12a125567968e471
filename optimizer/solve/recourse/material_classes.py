"""State classes of one material: states that lead to the same subproblems of its nodes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import (
    COMMON_GROUP,
    COVERAGE_TOLERANCE,
    Floats,
    Instance,
    Node,
    Realization,
)
from optimizer.model.scenario_data import HazardPatterns

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
