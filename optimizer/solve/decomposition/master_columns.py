"""Columns of the master problem: the column of each decision, and the decisions in a solution."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment, decision_values
from optimizer.model.decision_tree import Integers
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import CutColumns, CutOracle, RecoursePoints
from optimizer.solve.decomposition.master_model import (
    MasterModel,
    PartIndex,
    ReducedProgram,
    StackedMasterModel,
    VariableBounds,
)
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator

ColumnIndices = NDArray[np.int32]


class PartColumns:
    """Columns that the recourse of one part depends on. Columns that the model lacks count as zero.

    Nodes are numbered from ``first_node`` on, so that their numbers are unique over all parts.
    """

    def __init__(
        self,
        instance: Instance,
        recourse: RecourseEvaluator,
        reduced_program: ReducedProgram,
        part_index: PartIndex,
        first_node: int,
    ) -> None:
        self.recourse, self.first_node, column_index = recourse, first_node, part_index.column_index
        columns, column_by_key = recourse.columns, dict[Any, int]()
        for (name, index), c in column_index.items():
            if name == "offtake":
                column_by_key[index] = c
            elif name == "unaided":
                column_by_key[columns.unaided_column(instance, index)] = c
            elif name == "floored":
                column_by_key[columns.floored_column(index)] = c
        self._recourse_offtake_columns = np.array(
            [column_by_key.get(key, -1) for key in columns.offtake_columns], np.int64
        )
        # Indices of recourse offtake columns that are offtake columns of the model.
        self._modeled_offtake = np.flatnonzero(
            [("offtake", key) in column_index for key in columns.offtake_columns]
        )
        modeled_keys = [columns.offtake_columns[c] for c in self._modeled_offtake]
        self.offtake_columns = self._recourse_offtake_columns[self._modeled_offtake]
        self.offtake_projects = [p for p, *_ in modeled_keys]
        self.offtake_start_columns = np.array(
            [column_index["start", (p, y)] for p, y, _ in modeled_keys], np.int64
        )
        self.offtake_max = np.array([instance.projects[p].offtake_max for p, *_ in modeled_keys])
        # An offtake right that was turned into a bound has no row (-1).
        right_rows = np.array(
            [part_index.row_index.get(("offtake_right", key), -1) for key in modeled_keys], np.int64
        )
        program = reduced_program.program
        row_filter = sparse.diags_array((right_rows >= 0).astype(float))
        self._right_rows = sparse.csr_array(
            row_filter @ sparse.csr_array(program.matrix)[right_rows]
        )
        self._right_limits = np.where(right_rows >= 0, program.row_upper[right_rows], 0.0)
        years, stockpiles = instance.years, columns.stockpiles
        self.purchase_columns = np.array(
            [[column_index["buy", (h, y)] for y in years] for h in stockpiles], np.int64
        ).reshape(len(stockpiles), len(years))
        self.cost_to_go_columns = {
            first_node + v: c for (name, v), c in column_index.items() if name == "cost_to_go"
        }
        self.tail_cost_column = column_index.get(("tail_cost", "all"))

    def recourse_point(self, x: Floats) -> FirstStagePoint:
        """Return the first-stage point of a solution for this part.

        Offtake is reduced to what rights and starts allow exactly. The solver may exceed these
        limits within its tolerances, which would matter for a project that is much larger than
        demand.
        """
        offtake = np.where(
            self._recourse_offtake_columns >= 0, x[self._recourse_offtake_columns], 0.0
        )
        max_offtake = self.offtake_max * np.clip(x[self.offtake_start_columns], 0.0, 1.0)
        surplus = np.maximum(self._right_rows @ x - self._right_limits, 0.0)
        offtake[self._modeled_offtake] = np.minimum(
            offtake[self._modeled_offtake] - surplus, max_offtake
        )
        return FirstStagePoint(
            np.clip(offtake, 0.0, 1.0), np.maximum(x[self.purchase_columns], 0.0)
        )

    def cut_columns(self, v: int) -> CutColumns:
        """Return the columns that the damage of node ``v`` depends on."""
        node = self.recourse.node_data[v - self.first_node]
        offtake_indices = np.unique(node.arrival_matrix.indices)
        offtake_indices = offtake_indices[self._recourse_offtake_columns[offtake_indices] >= 0]
        columns = np.concatenate(
            [
                self._recourse_offtake_columns[offtake_indices],
                self.purchase_columns[node.stockpile_index].ravel(),
            ]
        )
        unique_columns, column_index = np.unique(columns, return_inverse=True)
        return CutColumns(
            unique_columns.astype(np.int32),
            column_index,
            node.arrival_matrix.T.tocsr()[offtake_indices],
        )


class MasterColumns:
    """Columns of the master problem and the decisions that they stand for.

    ``projects`` lists the projects that can start, once for each review branch (``branch``) if they
    may start after the review. ``start_columns`` holds the columns of each entry's start years in
    order, ``ticket_columns`` the columns of tickets with a minimum, and ``start_column_of`` the
    start column that belongs to each offtake column (-1 for other columns). Values closer to an
    integer than ``integrality_tolerance`` count as integer.
    """

    integrality_tolerance = 1e-9

    def __init__(
        self, cut_oracle: CutOracle, master_model: MasterModel | StackedMasterModel
    ) -> None:
        self.tree, leaves = cut_oracle.tree, cut_oracle.tree.leaves
        self.instance = self.tree.first_instance
        self.master_model = master_model
        self.reduced_program = master_model.reduced_program
        self.program, self.layout = self.reduced_program.program, self.reduced_program.layout
        part_indices = self.reduced_program.part_indices
        self.part_columns = [
            PartColumns(
                leaf.instance, oracle.recourse, self.reduced_program, part_index, oracle.first_node
            )
            for leaf, oracle, part_index in zip(
                leaves, cut_oracle.part_oracles, part_indices, strict=True
            )
        ]
        self.projects: list[str] = []
        self.branch: list[int | None] = []
        self.start_columns: list[ColumnIndices] = []
        start_once_rows = list[int]()
        start_years = {
            p: project.start_years
            for p, project in self.instance.projects.items()
            if project.start_years
        }
        for p, years in start_years.items():
            is_early = self.instance.is_decided_before_review(years[-1])
            for leaf, part_index in zip(leaves, part_indices, strict=True):
                if leaf.set_index or (is_early and leaf.branch):
                    continue
                self.projects.append(p)
                self.branch.append(None if is_early else leaf.branch)
                columns = [part_index.column_index["start", (p, y)] for y in years]
                self.start_columns.append(np.array(columns, np.int32))
                start_once_rows.append(part_index.row_index["start_once", p])
        # For each ticket: the columns of its shares, and capex divided by the minimum ticket; of
        # several assumption sets the smallest such ratio.
        tickets: dict[int, tuple[Integers, float]] = {}
        for leaf, part_index in zip(leaves, part_indices, strict=True):
            for (name, key), c in part_index.column_index.items():
                if name == "takes_part":
                    p, f, i = key
                    share_columns = np.array(
                        [
                            part_index.column_index["share", (*key, y)]
                            for y in start_years.get(p, ())
                        ]
                    )
                    instance = leaf.instance
                    capex_per_ticket = (
                        instance.projects[p].capex / instance.instrument_by_key[f, i].ticket_min
                    )
                    if c in tickets:
                        capex_per_ticket = min(capex_per_ticket, tickets[c][1])
                    tickets[c] = share_columns.astype(np.int64), capex_per_ticket
        self.ticket_columns = np.array(list(tickets), np.int32)
        self._ticket_data = list(tickets.values())
        self.start_once_rows: ColumnIndices = np.array(start_once_rows, np.int32)
        self.start_offsets = np.cumsum([0, *(len(columns) for columns in self.start_columns)])
        # Starts before the review share one column among all branches.
        all_start_columns = np.concatenate([*self.start_columns, np.zeros(0, np.int32)])
        unique_columns, first_positions = np.unique(all_start_columns, return_index=True)
        column_order = np.argsort(first_positions)
        self.binary_columns: ColumnIndices = np.concatenate(
            [unique_columns[column_order], self.ticket_columns]
        ).astype(np.int32)
        binary_position = {int(c): n for n, c in enumerate(self.binary_columns)}
        # Position of each start column among the binaries.
        self.binary_index = np.array([binary_position[int(c)] for c in all_start_columns], np.int64)
        self.start_column_of = np.full(len(self.program.cost), -1, dtype=np.int64)
        for part in self.part_columns:
            self.start_column_of[part.offtake_columns] = part.offtake_start_columns
        self.cost_to_go_columns: dict[int, int] = {
            v: c for part in self.part_columns for v, c in part.cost_to_go_columns.items()
        }
        self._cut_columns_by_node: dict[int, CutColumns] = {}

    # Points

    def recourse_points(self, x: Floats) -> RecoursePoints:
        """Return the first-stage point of a solution in each part."""
        return tuple(part.recourse_point(x) for part in self.part_columns)

    def cost_to_go_values(self, x: Floats) -> dict[int, float]:
        """Return the lower bound on each chain's mean damage that the cuts give in a solution, by
        chain id."""
        return {v: float(x[column]) for v, column in self.cost_to_go_columns.items()}

    def part_columns_of(self, v: int) -> PartColumns:
        """Return the columns of the part that contains node ``v``."""
        return next(part for part in reversed(self.part_columns) if part.first_node <= v)

    def cut_columns(self, v: int) -> CutColumns:
        """Return the columns that the damage of node ``v`` depends on."""
        if v not in self._cut_columns_by_node:
            self._cut_columns_by_node[v] = self.part_columns_of(v).cut_columns(v)
        return self._cut_columns_by_node[v]

    # Decisions

    def root_bounds(self) -> VariableBounds:
        """Return the variable bounds of the root node, which restrict nothing beyond the rules of
        the master problem."""
        project_count, ticket_count = len(self.projects), len(self.ticket_columns)
        last_start = np.array([len(columns) - 1 for columns in self.start_columns], np.int64)
        zeros = np.zeros(max(project_count, ticket_count), np.int64)
        ones = np.ones(ticket_count, np.int64)
        return VariableBounds(
            zeros[:project_count], last_start, zeros[:project_count], zeros[:ticket_count], ones
        )

    def binary_bounds(
        self, variable_bounds: VariableBounds, fixed_to_zero: NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Floats]:
        """Return the lower and upper bounds of the binary columns at a node of the search tree."""
        counts = np.diff(self.start_offsets)
        start_index = np.arange(self.start_offsets[-1]) - np.repeat(self.start_offsets[:-1], counts)
        first_start = np.repeat(variable_bounds.first_start, counts)
        last_start = np.repeat(variable_bounds.last_start, counts)
        first_ticket = len(self.binary_columns) - len(self.ticket_columns)
        upper, lower = np.ones(len(self.binary_columns)), np.zeros(len(self.binary_columns))
        is_allowed = ((start_index >= first_start) & (start_index <= last_start)).astype(float)
        np.minimum.at(upper, self.binary_index, is_allowed)
        upper[first_ticket:] = variable_bounds.max_ticket
        lower[first_ticket:] = variable_bounds.min_ticket
        if fixed_to_zero is not None:
            upper[fixed_to_zero] = 0.0
        lower = np.maximum(lower, self.program.lower[self.binary_columns])
        upper = np.minimum(upper, self.program.upper[self.binary_columns])
        return lower, upper

    def cumulative_starts(self, x: Floats) -> list[Floats]:
        """Return for each project the cumulative start shares in a solution, one for each of its
        start years."""
        return [np.cumsum(np.clip(x[columns], 0.0, 1.0)) for columns in self.start_columns]

    def ticket_fractions(self, x: Floats) -> Floats:
        """Return for each ticket the capex that it covers in a solution, as a share of the ticket's
        minimum."""
        return np.array(
            [capex_per_ticket * x[columns].sum() for columns, capex_per_ticket in self._ticket_data]
        )

    def fractional_tickets(self, x: Floats) -> Integers:
        """Return the indices of tickets that are positive in a solution but below their minimum."""
        fractions = self.ticket_fractions(x)
        return np.flatnonzero(
            (fractions > self.integrality_tolerance) & (fractions < 1 - self.integrality_tolerance)
        )

    def bounds_fixed_at(self, start_indices: Integers, x: Floats) -> VariableBounds:
        """Return the bounds that fix each project at its start index; -1 stands for never.

        A ticket is fixed to 1 if ``x`` uses more than half of its minimum, otherwise to 0.
        """
        tickets = (self.ticket_fractions(x) > 0.5).astype(np.int64)
        start_bounds = self.root_bounds().with_fixed_starts(
            self._make_nonanticipative(start_indices)
        )
        return replace(start_bounds, min_ticket=tickets, max_ticket=tickets.copy())

    @property
    def project_labels(self) -> list[str]:
        """Label of each project entry: the id, followed by the review branch if there is one."""
        pairs = zip(self.projects, self.branch, strict=True)
        return [p if g is None else f"{p} {g}" for p, g in pairs]

    def with_start_moved(
        self, start_indices: Integers, project_index: int, new_index: int
    ) -> Integers:
        """Return the start indices with one project's start changed. The start changes in all
        review branches if its old or new year is before the review."""
        start_indices = start_indices.copy()
        years = self.instance.projects[self.projects[project_index]].start_years
        affected_years = [
            years[index] for index in (start_indices[project_index], new_index) if index >= 0
        ]
        if self.branch[project_index] is None or not any(
            map(self.instance.is_decided_before_review, affected_years)
        ):
            start_indices[project_index] = new_index
        else:
            start_indices[[p == self.projects[project_index] for p in self.projects]] = new_index
        return start_indices

    def _make_nonanticipative(self, start_indices: Integers) -> Integers:
        """Return start indices that agree in all review branches where they are before the review.

        Each project gets the start before the review, or none, that has the largest probability
        over the branches.
        """
        if not self.instance.branches:
            return start_indices
        start_indices, entries_by_project = start_indices.copy(), dict[str, list[int]]()
        for n, p in enumerate(self.projects):
            entries_by_project.setdefault(p, []).append(n)
        for p, entries in entries_by_project.items():
            years, probability = self.instance.projects[p].start_years, dict[int, float]()
            for n in entries if len(entries) > 1 else ():
                is_early = start_indices[n] >= 0 and self.instance.is_decided_before_review(
                    years[start_indices[n]]
                )
                early_index = int(start_indices[n]) if is_early else -1
                probability[early_index] = (
                    probability.get(early_index, 0.0)
                    + self.instance.branches[self.branch[n] or 0].probability
                )
            if not probability:
                continue
            likeliest_index = max(probability, key=lambda early_index: probability[early_index])
            for n in entries:
                if likeliest_index >= 0:
                    start_indices[n] = likeliest_index
                elif start_indices[n] >= 0 and self.instance.is_decided_before_review(
                    years[start_indices[n]]
                ):
                    late_indices = [y for y, year in enumerate(years) if year >= self._review_year]
                    start_indices[n] = late_indices[0]
        return start_indices

    @property
    def _review_year(self) -> float:
        review = self.instance.case.planned_review
        return math.inf if review is None else float(review.year)

    def column_values(self, plan: Commitment) -> Floats:
        """Return the column values that represent a plan's decisions. Columns that follow from
        these decisions are 0."""
        values = np.zeros(len(self.layout.columns))
        for part, part_index in zip(
            self.tree.leaves, self.reduced_program.part_indices, strict=True
        ):
            for key, value in decision_values(self.instance, plan.on_branch(part.branch)).items():
                if key in part_index.column_index:
                    values[part_index.column_index[key]] = value
        return values
