"""Cuts as a proof states them: by the names of the columns, with the point and the states that
each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.master_columns import MasterColumns
from optimizer.solve.recourse import FirstStageColumns, FirstStagePoint

LeafColumn = tuple[int, str]
"""A column by the position of its leaf, and its name in the model of the leaf."""
Point = dict[str, float]
"""Values of the decisions in one leaf that are not 0, by name in the model of the leaf."""


@dataclass(frozen=True)
class CutPart:
    """What a cut states of one chain: for all decisions x, the damage of the chain, summed over the
    states with the weights of the cut, is at least ``right_side`` minus the sum of the
    ``coefficients`` times x."""

    leaf: int
    chain: int  # id of the chain
    right_side: float
    coefficients: dict[str, float]


@dataclass(frozen=True)
class CutRecord:
    """A cut: ``column`` plus the coefficients of all parts times the decisions is at least the sum
    of their right sides."""

    column: LeafColumn
    parts: tuple[CutPart, ...]
    points: tuple[tuple[int, Point], ...]
    """Decisions at which the cut was made, by leaf; empty for a cut that combines multipliers of
    several points."""
    is_tight: bool  # whether the cut equals the damage at its points
    weights: tuple[tuple[int, tuple[float, ...]], ...] = ()
    """Weights of the states (S) by leaf; empty for their probabilities, which a cut on the mean
    damage of a chain has."""
    tail_weights: tuple[tuple[int, tuple[float, ...]], ...] = ()
    """Weights of the CVaR alone, in the same form."""


def record_cuts(master: MasterColumns, cuts: Sequence[Cut]) -> list[CutRecord]:
    """Return the records of cuts of a master problem. Cuts on columns that it lacks are omitted."""
    first_nodes = [part.first_node for part in master.part_columns]
    leaf_of_set: dict[int, int] = {}
    for n, one in enumerate(master.tree.leaves):
        leaf_of_set.setdefault(one.set_index, n)
    layout = master.layout.columns

    def leaf_of(node: int) -> int:
        return int(np.searchsorted(first_nodes, node, side="right")) - 1

    def part(leaf: int, chain: Sequence[int], cut: Cut) -> CutPart:
        coefficients: dict[str, float] = {}
        for node in chain:
            cut_columns = master.cut_columns(node)
            entries = cut_columns.coefficients(cut.subgradients[node])
            for c, entry in zip(cut_columns.columns.tolist(), entries.tolist(), strict=True):
                if entry:
                    name = local_name(*layout[c][:2])
                    coefficients[name] = coefficients.get(name, 0.0) + entry
        right_side = sum(float(cut.subgradients[node].constant[0]) for node in chain)
        first_node = master.part_columns[leaf].first_node
        return CutPart(leaf, chain[0] - first_node, right_side, coefficients)

    records = []
    for cut in cuts:
        by_chain: dict[tuple[int, int], list[int]] = {}
        for node in cut.subgradients:
            leaf = leaf_of(node)
            recourse = master.part_columns[leaf].recourse
            local = node - first_nodes[leaf]
            (chain,) = (v for v, nodes in recourse.nodes_by_chain.items() if local in nodes)
            by_chain.setdefault((leaf, chain), []).append(node)
        parts = tuple(part(leaf, sorted(nodes), cut) for (leaf, _), nodes in by_chain.items())
        if cut.is_tail:
            leaves = sorted({leaf for leaf, _ in by_chain} or {0})
            set_index = master.tree.leaves[leaves[0]].set_index
            leaves = [n for n, x in enumerate(master.tree.leaves) if x.set_index == set_index]
            column = (leaf_of_set[set_index], local_name("tail_cost", "all"))
            sources = list(zip(leaves, cut.joint_parts, strict=True)) if cut.joint_parts else []
            points = tuple((n, named_point(master, n, x.point)) for n, x in sources)
            weights = tuple((n, tuple(x.weights.tolist())) for n, x in sources)
            tail_weights = tuple((n, tuple(x.tail_weights.tolist())) for n, x in sources)
        else:
            ((leaf, chain),) = by_chain
            column = (leaf, local_name("cost_to_go", chain))
            has_point = cut.point is not None
            points = ((leaf, named_point(master, leaf, cut.point)),) if has_point else ()
            weights = tail_weights = ()
        is_tight = cut.is_exact and bool(points)
        records.append(CutRecord(column, parts, points, is_tight, weights, tail_weights))
    return records


def local_name(component: str, index: Any) -> str:
    """Return the name that Pyomo gives to a variable."""
    text = ",".join(map(str, index)) if isinstance(index, tuple) else str(index)
    return f"{component}[{text}]"


def named_point(master: MasterColumns, leaf: int, point: FirstStagePoint | None) -> Point:
    """Return the values of a first-stage point that are not 0, by name."""
    assert point is not None
    instance = master.tree.leaves[leaf].instance
    recourse = master.part_columns[leaf].recourse
    known = master.reduced_program.part_indices[leaf].column_index
    values = {}
    for key, value in point_values(instance, recourse.columns, point):
        if value and key in known:
            values[local_name(*key)] = value
    return values


def point_values(
    instance: Instance, columns: FirstStageColumns, point: FirstStagePoint
) -> Iterator[tuple[tuple[str, Any], float]]:
    """Yield each decision of a first-stage point by component and index, with its value."""
    special: dict[Any, tuple[str, Any]] = {
        columns.unaided_column(instance, p): ("unaided", p) for p in instance.unaided_projects
    }
    special |= {columns.floored_column(key): ("floored", key) for key in instance.floored_offtakes}
    for key, value in zip(columns.offtake_columns, point.offtake.tolist(), strict=True):
        yield special.get(key, ("offtake", key)), value
    for h, lots in zip(columns.stockpiles, point.buy.tolist(), strict=True):
        for year, value in zip(instance.years, lots, strict=True):
            yield ("buy", (h, year)), value


def records_to_json(
    records: Sequence[CutRecord],
    file_name: Mapping[LeafColumn, str],
    chain_labels: Mapping[tuple[int, int], str],
) -> dict[str, Any]:
    """Return the records as JSON data, with the names of columns in the program file."""

    def named(leaf: int, values: Mapping[str, float]) -> dict[str, float]:
        return {file_name[leaf, name]: x for name, x in values.items() if (leaf, name) in file_name}

    return {
        "cuts": [
            {
                "row": cut_name(number),
                "column": file_name[record.column],
                "parts": [
                    {
                        "leaf": part.leaf,
                        "chain": part.chain,
                        "nodes": chain_labels[part.leaf, part.chain],
                        "right_side": part.right_side,
                        "coefficients": named(part.leaf, part.coefficients),
                    }
                    for part in record.parts
                ],
                "points": {str(leaf): named(leaf, point) for leaf, point in record.points},
                "tight": record.is_tight,
                "state_weights": {str(leaf): list(q) for leaf, q in record.weights} or None,
                "tail_weights": {str(leaf): list(q) for leaf, q in record.tail_weights} or None,
            }
            for number, record in enumerate(records)
        ]
    }


def records_from_json(content: Any, leaf_column: Mapping[str, LeafColumn]) -> list[CutRecord]:
    """Read records of cuts. Raise KeyError, TypeError, ValueError or AttributeError if the content
    does not have their form."""

    def local(values: Any) -> dict[str, float]:
        return {leaf_column[name][1]: float(x) for name, x in values.items()}

    return [
        CutRecord(
            leaf_column[item["column"]],
            tuple(
                CutPart(
                    int(part["leaf"]),
                    int(part["chain"]),
                    float(part["right_side"]),
                    local(part["coefficients"]),
                )
                for part in item["parts"]
            ),
            tuple((int(leaf), local(point)) for leaf, point in item["points"].items()),
            bool(item["tight"]),
            *(
                tuple((int(leaf), tuple(map(float, q))) for leaf, q in (item[key] or {}).items())
                for key in ("state_weights", "tail_weights")
            ),
        )
        for item in content["cuts"]
    ]


def cut_name(number: int) -> str:
    """Return the name of the row of a cut in the program file."""
    return f"cut({number + 1})"


def weights_by_leaf(record: CutRecord, probabilities: Mapping[int, Floats]) -> dict[int, Floats]:
    """Return the weights of the states (S) in a cut, by leaf: its own, or the probabilities."""
    if record.weights:
        return {leaf: np.array(q) for leaf, q in record.weights}
    return dict(probabilities)
