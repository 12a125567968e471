"""Where the decisions are among the columns of the master, and what values of these say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.assumption_sets import Integers
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import CutColumns, CutOracle, RecoursePoints
from optimizer.solve.decomposition.master_model import (
    MasterModel,
    PartIndex,
    ReducedProgram,
    StackedMasterModel,
)
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator

ColumnIndices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class VariableBounds:
    """What a branch of the search still allows: a project, on one path if it may start after the
    review, starts at a place of its start years from ``first`` to ``last``, if at all, and for
    certain where ``must``; a ticket is taken where ``least`` is 1, and cannot be where ``most`` is
    0."""

    first_start: Integers
    last_start: Integers
    must_start: Integers
    min_ticket: Integers
    max_ticket: Integers

    def with_project_bounds(
        self, p: int, first_start: int, last_start: int, must_start: int
    ) -> VariableBounds:
        """The same with one project held to these places; it never starts from 1 to 0."""
        values = np.array([self.first_start, self.last_start, self.must_start])
        values[:, p] = first_start, last_start, must_start
        return replace(self, first_start=values[0], last_start=values[1], must_start=values[2])

    def with_fixed_starts(self, start_indices: Integers) -> VariableBounds:
        """The same with each project at one place, -1 for never."""
        built = start_indices >= 0
        first, last = np.where(built, start_indices, 1), np.where(built, start_indices, 0)
        return replace(self, first_start=first, last_start=last, must_start=built.astype(np.int64))


class PartColumns:
    """Where the columns are that recourse of a part sees: those that the model lacks are zero.
    ``offtake`` lists columns of offtake, ``offtake_of`` their projects; its chains have numbers
    from ``first`` on, so that no two parts have one in common."""

    def __init__(
        self,
        instance: Instance,
        recourse: RecourseEvaluator,
        reduced_program: ReducedProgram,
        part_index: PartIndex,
        first_node: int,
    ) -> None:
        self.recourse, self.first_node, column = recourse, first_node, part_index.column_index
        columns, known = recourse.columns, dict[Any, int]()
        for (name, index), c in column.items():
            if name == "offtake":
                known[index] = c
            elif name == "unaided":
                known[columns.unaided_column(instance, index)] = c
            elif name == "floored":
                known[columns.floored_column(index)] = c
        self._recourse_offtake_columns = np.array(
            [known.get(key, -1) for key in columns.offtake_columns], np.int64
        )
        # Of these, those of offtake that the model has.
        self._modelled_offtake = np.flatnonzero(
            [("offtake", key) in column for key in columns.offtake_columns]
        )
        held = [columns.offtake_columns[c] for c in self._modelled_offtake]
        self.offtake_columns = self._recourse_offtake_columns[self._modelled_offtake]
        self.offtake_projects = [p for p, *_ in held]
        self.offtake_start_columns = np.array(
            [column["start", (p, y)] for p, y, _ in held], np.int64
        )
        self.offtake_max = np.array([instance.projects[p].offtake_max for p, *_ in held])
        # A right that became a bound has no row.
        rights = np.array(
            [part_index.row_index.get(("offtake_right", key), -1) for key in held], np.int64
        )
        program = reduced_program.program
        rows = sparse.diags_array((rights >= 0).astype(float))
        self._right_rows = sparse.csr_array(rows @ sparse.csr_array(program.matrix)[rights])
        self._right_limits = np.where(rights >= 0, program.row_upper[rights], 0.0)
        years, piles = instance.years, columns.stockpiles
        self.purchase_columns = np.array(
            [[column["buy", (h, y)] for y in years] for h in piles], np.int64
        ).reshape(len(piles), len(years))
        self.cost_to_go_columns = {
            first_node + v: c for (name, v), c in column.items() if name == "cost_to_go"
        }
        self.tail_cost_column = column.get(("tail_cost", "all"))

    def recourse_point(self, x: Floats) -> FirstStagePoint:
        """What recourse sees of values of the columns. The solver takes a little more offtake than
        there is a right to, and of a project that is not started: of one far larger than demand
        that little would be worth much."""
        offtake = np.where(
            self._recourse_offtake_columns >= 0, x[self._recourse_offtake_columns], 0.0
        )
        most = self.offtake_max * np.clip(x[self.offtake_start_columns], 0.0, 1.0)
        surplus = np.maximum(self._right_rows @ x - self._right_limits, 0.0)
        offtake[self._modelled_offtake] = np.minimum(
            offtake[self._modelled_offtake] - surplus, most
        )
        return FirstStagePoint(
            np.clip(offtake, 0.0, 1.0), np.maximum(x[self.purchase_columns], 0.0)
        )

    def cut_columns(self, v: int) -> CutColumns:
        """Columns that the damage of a node depends on."""
        node = self.recourse.node_data[v - self.first_node]
        own = np.unique(node.arrival_matrix.indices)
        own = own[self._recourse_offtake_columns[own] >= 0]
        columns = np.concatenate(
            [
                self._recourse_offtake_columns[own],
                self.purchase_columns[node.stockpile_index].ravel(),
            ]
        )
        once, place = np.unique(columns, return_inverse=True)
        return CutColumns(once.astype(np.int32), place, node.arrival_matrix.T.tocsr()[own])


class MasterColumns:
    """The master's columns. ``projects`` are those that can start, of those that can after the
    review one for each path (``path``); ``start`` lists the columns of each one's start years in
    order, ``ticket`` those of tickets with a minimum; ``start_of`` is, of a column that is offtake,
    that of its start, else -1. What is closer to a whole number than ``whole`` is one."""

    integrality_tolerance = 1e-9

    def __init__(
        self, cut_oracle: CutOracle, master_model: MasterModel | StackedMasterModel
    ) -> None:
        self.assumption_sets, parts = cut_oracle.assumption_sets, cut_oracle.assumption_sets.blocks
        self.instance, self.master_model, self.reduced_program = (
            self.assumption_sets.first_instance,
            master_model,
            master_model.reduced_program,
        )
        self.program, self.layout = self.reduced_program.program, self.reduced_program.layout
        places = self.reduced_program.part_indices
        self.part_columns = [
            PartColumns(part.instance, seen.recourse, self.reduced_program, where, seen.first_node)
            for part, seen, where in zip(parts, cut_oracle.part_oracles, places, strict=True)
        ]
        self.projects: list[str] = []
        self.branch: list[int | None] = []
        self.start_columns: list[ColumnIndices] = []
        once = list[int]()
        starts = {
            p: own.start_years for p, own in self.instance.projects.items() if own.start_years
        }
        for p, years in starts.items():
            early = self.instance.is_decided_before_review(years[-1])
            for part, where in zip(parts, places, strict=True):
                if part.set_index or (early and part.branch_index):
                    continue
                self.projects.append(p)
                self.branch.append(None if early else part.branch_index)
                columns = [where.column_index["start", (p, y)] for y in years]
                self.start_columns.append(np.array(columns, np.int32))
                once.append(where.row_index["start_once", p])
        # Of each ticket the columns of the shares behind it, and what of the least ticket a whole
        # share comes to: under several sets of assumptions, where it comes to least.
        tickets: dict[int, tuple[Integers, float]] = {}
        for part, where in zip(parts, places, strict=True):
            for (name, key), c in where.column_index.items():
                if name == "takes_part":
                    p, f, i = key
                    shares = np.array(
                        [where.column_index["share", (*key, y)] for y in starts.get(p, ())]
                    )
                    own = part.instance
                    least = own.projects[p].capex / own.instrument_by_key[f, i].ticket_min
                    if c in tickets:
                        least = min(least, tickets[c][1])
                    tickets[c] = shares.astype(np.int64), least
        self.ticket_columns = np.array(list(tickets), np.int32)
        self._ticket_shares = list(tickets.values())
        self.start_once_rows: ColumnIndices = np.array(once, np.int32)
        self.start_offsets = np.cumsum([0, *(len(own) for own in self.start_columns)])
        # What is started before the review is a column of all paths.
        of_starts = np.concatenate([*self.start_columns, np.zeros(0, np.int32)])
        once_each, first = np.unique(of_starts, return_index=True)
        order = np.argsort(first)
        self.binary_columns: ColumnIndices = np.concatenate(
            [once_each[order], self.ticket_columns]
        ).astype(np.int32)
        at = {int(c): n for n, c in enumerate(self.binary_columns)}
        self.binary_index = np.array(
            [at[int(c)] for c in of_starts], np.int64
        )  # among the binaries
        self.start_column_of = np.full(len(self.program.cost), -1, dtype=np.int64)
        for view in self.part_columns:
            self.start_column_of[view.offtake_columns] = view.offtake_start_columns
        self.cost_to_go_columns: dict[int, int] = {
            v: c for view in self.part_columns for v, c in view.cost_to_go_columns.items()
        }
        self._cut_columns_by_node: dict[int, CutColumns] = {}

    # Points

    def recourse_points(self, x: Floats) -> RecoursePoints:
        """What recourse sees of values of the columns, in each part."""
        return tuple(view.recourse_point(x) for view in self.part_columns)

    def cost_to_go_values(self, x: Floats) -> dict[int, float]:
        """Mean damage of each node as cuts know it."""
        return {v: float(x[column]) for v, column in self.cost_to_go_columns.items()}

    def part_columns_of(self, v: int) -> PartColumns:
        """The part that a node is of."""
        return next(view for view in reversed(self.part_columns) if view.first_node <= v)

    def cut_columns(self, v: int) -> CutColumns:
        """Columns that node v's damage depends on."""
        if v not in self._cut_columns_by_node:
            self._cut_columns_by_node[v] = self.part_columns_of(v).cut_columns(v)
        return self._cut_columns_by_node[v]

    # Decisions

    def root_bounds(self) -> VariableBounds:
        """No restriction beyond the master's own."""
        count, tickets = len(self.projects), len(self.ticket_columns)
        last = np.array([len(own) - 1 for own in self.start_columns], np.int64)
        none, all_ = np.zeros(max(count, tickets), np.int64), np.ones(tickets, np.int64)
        return VariableBounds(none[:count], last, none[:count], none[:tickets], all_)

    def binary_bounds(
        self, variable_bounds: VariableBounds, fixed_to_zero: NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Floats]:
        """Bounds of the binaries in a branch."""
        count = np.diff(self.start_offsets)
        place = np.arange(self.start_offsets[-1]) - np.repeat(self.start_offsets[:-1], count)
        first, last = (
            np.repeat(variable_bounds.first_start, count),
            np.repeat(variable_bounds.last_start, count),
        )
        tickets = len(self.binary_columns) - len(self.ticket_columns)
        upper, lower = np.ones(len(self.binary_columns)), np.zeros(len(self.binary_columns))
        allowed = ((place >= first) & (place <= last)).astype(float)
        np.minimum.at(upper, self.binary_index, allowed)
        upper[tickets:], lower[tickets:] = variable_bounds.max_ticket, variable_bounds.min_ticket
        if fixed_to_zero is not None:
            upper[fixed_to_zero] = 0.0
        lower = np.maximum(lower, self.program.lower[self.binary_columns])
        upper = np.minimum(upper, self.program.upper[self.binary_columns])
        return lower, upper

    def cumulative_starts(self, x: Floats) -> list[Floats]:
        """Share of each project that is started up to each of its start years."""
        return [np.cumsum(np.clip(x[own], 0.0, 1.0)) for own in self.start_columns]

    def ticket_fractions(self, x: Floats) -> Floats:
        """Share of capex behind each ticket, as a share of the least there may be."""
        return np.array([least * x[shares].sum() for shares, least in self._ticket_shares])

    def fractional_tickets(self, x: Floats) -> Integers:
        """Tickets that are worth something, but less than the least."""
        taken = self.ticket_fractions(x)
        return np.flatnonzero(
            (taken > self.integrality_tolerance) & (taken < 1 - self.integrality_tolerance)
        )

    def bounds_fixed_at(self, start_indices: Integers, x: Floats) -> VariableBounds:
        """The branch that starts each project at a place of its start years, -1 for never, and
        takes the tickets that ``x`` takes, or more than half takes."""
        takes = (self.ticket_fractions(x) > 0.5).astype(np.int64)
        there = self.root_bounds().with_fixed_starts(self._make_nonanticipative(start_indices))
        return replace(there, min_ticket=takes, max_ticket=takes.copy())

    @property
    def project_labels(self) -> list[str]:
        """Of each project that can start what it is called, with the path that it is on."""
        pairs = zip(self.projects, self.branch, strict=True)
        return [p if g is None else f"{p} {g}" for p, g in pairs]

    def with_start_moved(
        self, start_indices: Integers, project_index: int, new_index: int
    ) -> Integers:
        """Places with that of one project changed; on all paths where either is before the
        review."""
        start_indices, years = (
            start_indices.copy(),
            self.instance.projects[self.projects[project_index]].start_years,
        )
        ends = [years[at] for at in (start_indices[project_index], new_index) if at >= 0]
        if self.branch[project_index] is None or not any(
            map(self.instance.is_decided_before_review, ends)
        ):
            start_indices[project_index] = new_index
        else:
            start_indices[[p == self.projects[project_index] for p in self.projects]] = new_index
        return start_indices

    def _make_nonanticipative(self, start_indices: Integers) -> Integers:
        """Places of start years on all paths, such that what starts before the review on the paths
        that are likelier than the others together starts so on all, and else on none."""
        if not self.instance.branches:
            return start_indices
        start_indices, at = start_indices.copy(), dict[str, list[int]]()
        for n, p in enumerate(self.projects):
            at.setdefault(p, []).append(n)
        for p, several in at.items():
            years, chance = self.instance.projects[p].start_years, dict[int, float]()
            for n in several if len(several) > 1 else ():
                early = start_indices[n] >= 0 and self.instance.is_decided_before_review(
                    years[start_indices[n]]
                )
                own = int(start_indices[n]) if early else -1
                chance[own] = (
                    chance.get(own, 0.0) + self.instance.branches[self.branch[n] or 0].probability
                )
            if not chance:
                continue
            most = max(chance, key=lambda own: chance[own])
            for n in several:
                if most >= 0:
                    start_indices[n] = most
                elif start_indices[n] >= 0 and self.instance.is_decided_before_review(
                    years[start_indices[n]]
                ):
                    later = [y for y, year in enumerate(years) if year >= self._review_year]
                    start_indices[n] = later[0]
        return start_indices

    @property
    def _review_year(self) -> float:
        review = self.instance.case.planned_review
        return math.inf if review is None else float(review.year)

    def column_values(self, plan: Commitment) -> Floats:
        """The columns of a plan's decisions; the others, which follow from these, are 0."""
        found = np.zeros(len(self.layout.columns))
        for part, where in zip(
            self.assumption_sets.blocks, self.reduced_program.part_indices, strict=True
        ):
            for key, value in self._decision_values(plan.on_branch(part.branch_index)).items():
                if key in where.column_index:
                    found[where.column_index[key]] = value
        return found

    def _decision_values(self, plan: Commitment) -> dict[tuple[str, Any], float]:
        start, values = plan.start, dict[tuple[str, Any], float]()
        for p, year in start.items():
            values["start", (p, year)] = 1.0
            values["market", (p, year)] = plan.market.get(p, 0.0)
        for (p, f, i), share in plan.share.items():
            if p in start:
                values["share", (p, f, i, start[p])] = share
                values["takes_part", (p, f, i)] = 1.0
        for (p, group), share in plan.offtake.items():
            values["offtake", (p, start.get(p), group)] = share
        for (p, group, f, i), share in plan.floored.items():
            values["floored", (p, start.get(p), group, f, i)] = share
        for h, lots in plan.buy.items():
            values |= {
                ("buy", (h, year)): float(x)
                for year, x in zip(self.instance.years, lots, strict=True)
            }
        return values
