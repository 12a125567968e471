"""Hash of the data that recourse depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optimizer.model.instance import Floats, Instance
from optimizer.solve.recourse.first_stage_point import FirstStageColumns
from optimizer.solve.recourse.material_classes import StateClasses
from optimizer.solve.recourse.node_data import NodeData
from optimizer.solve.recourse.state_classes import ChainStateClasses


def hash_recourse_data(
    instance: Instance,
    columns: FirstStageColumns,
    probability: Floats,
    realizations: Mapping[str, Any],
    material_classes: Sequence[StateClasses],
    chain_classes: Sequence[ChainStateClasses],
    node_data: Mapping[int, NodeData],
) -> str:
    """Return the SHA-256 hash of all data that an evaluation of recourse depends on."""
    digest = hashlib.sha256(
        repr((columns.offtake_columns, columns.stockpiles, realizations)).encode()
    )

    def add(description: Any, arrays: list[Any]) -> None:
        digest.update(repr(description).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())

    add(None, [probability])
    for classes in material_classes:
        arrays = [
            classes.class_of_state,
            classes.market_lots,
            classes.available_row,
            classes.realization_index,
            classes.available_share,
            classes.demand_row,
        ]
        arrays += [] if classes.is_covered is None else [classes.is_covered]
        add((classes.material, classes.nodes, classes.outlets), arrays)
    for tied_classes in chain_classes:
        add(
            [tied_classes.is_open.tobytes(), list(tied_classes.capacity_left)],
            list(tied_classes.capacity_left.values()),
        )
    for chain in instance.chains:
        for plant in chain.plants:
            arrays = [] if plant.capacity is None else [plant.capacity]
            add((plant.label, plant.output, plant.inputs), arrays)
    array_names = [
        "demand",
        "market_share",
        "step_limit",
        "step_weight",
        "stockpile_index",
        "stockpile_share",
        "retention",
        "initial_lots",
        "max_release",
        "max_refill",
        "nameplate",
    ]
    for node in node_data.values():
        arrays, arrivals = [getattr(node, name) for name in array_names], node.arrival_matrix
        add(
            (node.node.label, node.step_members),
            [*arrays, arrivals.indptr, arrivals.indices, arrivals.data],
        )
    return digest.hexdigest()
