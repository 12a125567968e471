"""What is left of a tree when its search ends, and what that proves of the next problem.

Reoptimization (Gamrath, Hiller and Witzig 2015). Where only sides, bounds and costs of a program
have changed, the leaves of the last tree still hold every plan, and the multipliers of a leaf still
prove a bound of it, by weak duality: the same where rules became tighter, less where they became
looser. A search goes on in those that this leaves below its best plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import Cut, CutRow, rows_to_matrix

if TYPE_CHECKING:
    from optimizer.solve.decomposition.master import Master
    from optimizer.solve.decomposition.master_columns import VariableBounds

REDUCED_COST_TOLERANCE = (
    1e-6  # a reduced cost of the wrong sign that is less, in the solver's units, is none
)
MAX_LEAVES = 2000  # larger trees are forgotten: to look through them takes longer than to search


ExtraRow = Cut | int | CutRow
"""A row that is not of the program itself: a cut, the number of a rule that waits, or what follows
from a cut."""


BasisStatuses = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class DualProof:
    """Multipliers of rows: of those that the program has without cuts, and of those beyond; and the
    basis that they come from, rows beyond being in it unless they have a multiplier."""

    base_duals: Floats  # (R) of the program's rows
    extra_rows: tuple[ExtraRow, ...]
    extra_duals: Floats
    row_statuses: BasisStatuses  # (R)
    column_statuses: BasisStatuses


@dataclass(frozen=True, eq=False)
class Leaf:
    """A branch that was not looked into further, and what was proven of it, or of one that holds
    it."""

    variable_bounds: VariableBounds
    proof: DualProof | None


@dataclass(frozen=True, eq=False)
class ProgramLayout:
    """Rows and columns by component and index: what has to be alike for proofs to be of use."""

    columns: Sequence[Any]
    rows: Sequence[Any]
    lazy_rows: Sequence[Any]


@dataclass(frozen=True, eq=False)
class SearchFrontier:
    """All leaves of a tree, which together hold every plan."""

    leaves: tuple[Leaf, ...]
    root_proofs: tuple[
        DualProof, ...
    ]  # proofs of the whole tree, by which binaries were left out of leaves
    layout: ProgramLayout
    recourse_hash: str  # the hash of all that cuts depend on
    cvar_level: float  # of the CVaR; those of the tail hold for higher ones as well

    def transferred_to(
        self, layout: ProgramLayout, recourse_hash: str, cvar_level: float
    ) -> SearchFrontier | None:
        """The same in another problem: where rows are in another order, or others, and without
        proofs where cuts do not hold; None where columns are others."""
        if self.layout.columns != layout.columns or len(self.leaves) > MAX_LEAVES:
            return None
        if self.recourse_hash != recourse_hash or self.cvar_level > cvar_level:
            bare = tuple(Leaf(leaf.variable_bounds, None) for leaf in self.leaves)
            return SearchFrontier(bare, (), layout, recourse_hash, cvar_level)
        if self.layout.rows == layout.rows and self.layout.lazy_rows == layout.lazy_rows:
            return self
        row = {key: r for r, key in enumerate(layout.rows)}
        at = np.array([row.get(key, -1) for key in self.layout.rows], dtype=np.int64)
        waits = {key: r for r, key in enumerate(layout.lazy_rows)}
        moved: dict[int, DualProof] = {}

        def there(proof: DualProof | None) -> DualProof | None:
            if proof is None:
                return None
            if id(proof) not in moved:
                base, of_rows = np.zeros(len(layout.rows)), np.ones(len(layout.rows), np.int8)
                base[at[at >= 0]] = proof.base_duals[at >= 0]
                of_rows[at[at >= 0]] = proof.row_statuses[at >= 0]
                # The multiplier of a rule that is gone proves nothing any more.
                beyond = [
                    waits.get(self.layout.lazy_rows[own], -1) if isinstance(own, int) else own
                    for own in proof.extra_rows
                ]
                kept = [n for n, own in enumerate(beyond) if own != -1]
                own, of_beyond = tuple(beyond[n] for n in kept), proof.extra_duals[kept]
                moved[id(proof)] = DualProof(base, own, of_beyond, of_rows, proof.column_statuses)
            return moved[id(proof)]

        leaves = tuple(Leaf(leaf.variable_bounds, there(leaf.proof)) for leaf in self.leaves)
        whole = tuple(own for own in map(there, self.root_proofs) if own is not None)
        return SearchFrontier(leaves, whole, layout, recourse_hash, cvar_level)


class ProofEvaluator:
    """What some proofs prove of branches of a master's problem."""

    def __init__(self, master: Master, proofs: Sequence[DualProof]) -> None:
        self._proof_index = {id(proof): n for n, proof in enumerate(proofs)}
        self._proofs = proofs  # as long as their identities count
        self._master, program = master, master.program
        used: dict[Any, int] = {}
        for proof in proofs:
            for own in proof.extra_rows:
                used.setdefault(own if isinstance(own, int) else id(own), len(used))
        rows: list[Any] = [None] * len(used)
        for proof in proofs:
            for own in proof.extra_rows:
                n = used[own if isinstance(own, int) else id(own)]
                if rows[n] is None:
                    rows[n] = master.extra_row(own)
        multipliers = np.zeros((len(proofs), len(program.row_lower) + len(used)))
        for n, proof in enumerate(proofs):
            multipliers[n, : len(proof.base_duals)] = proof.base_duals
            for own, y in zip(proof.extra_rows, proof.extra_duals, strict=True):
                at = used[own if isinstance(own, int) else id(own)]
                multipliers[n, len(proof.base_duals) + at] = y
        lower = np.concatenate([program.row_lower, [row[2] for row in rows]])
        lower[master.start_once_rows] = 0.0  # branches set it
        upper = np.concatenate([program.row_upper, [row[3] for row in rows]])
        # A multiplier of the wrong sign is the solver's tolerance.
        multipliers = np.where(np.isinf(lower), np.minimum(multipliers, 0.0), multipliers)
        multipliers = np.where(np.isinf(upper), np.maximum(multipliers, 0.0), multipliers)
        matrix = sparse.vstack(
            [sparse.csr_array(program.matrix), rows_to_matrix(rows, len(program.cost))],
            format="csr",
        )
        reduced = program.cost - (matrix.T @ multipliers.T).T
        once = master.start_once_rows
        self._start_once_duals = multipliers[:, once].copy()
        multipliers[:, once] = 0.0
        finite_lower = np.where(np.isinf(lower), 0.0, lower)
        finite_upper = np.where(np.isinf(upper), 0.0, upper)
        sides = np.maximum(multipliers, 0.0) @ finite_lower
        sides += np.minimum(multipliers, 0.0) @ finite_upper
        self.binary_reduced_costs = reduced[:, master.binary_columns]
        reduced[:, master.binary_columns] = 0.0
        # Nor is a reduced cost of a column that nothing bounds.
        size = np.abs(reduced) * master.simplex.column_units / master.objective_unit
        free = np.where(reduced < 0, np.isinf(program.upper), np.isinf(program.lower))
        reduced = np.where(free & (size <= REDUCED_COST_TOLERANCE), 0.0, reduced)
        bounds = np.where(reduced < 0, program.upper, program.lower)
        with np.errstate(invalid="ignore"):
            worth = np.where(reduced == 0, 0.0, reduced * bounds)
        self._constants: Floats = program.offset + sides + worth.sum(axis=1)

    def leaf_bounds(self, leaves: Sequence[Leaf], fixed_to_zero: NDArray[np.bool_]) -> Floats:
        """(L) what is proven of each leaf by its own proof, with some binaries left out; minus
        infinity of those that have none."""
        at = np.array(
            [self._proof_index.get(id(leaf.proof), -1) for leaf in leaves], dtype=np.int64
        )
        pairs = [self._master.binary_bounds(leaf.variable_bounds, fixed_to_zero) for leaf in leaves]
        lower, upper = (np.array(own) for own in zip(*pairs, strict=True))
        must = np.array([leaf.variable_bounds.must_start for leaf in leaves], dtype=float)
        if not len(self._constants):
            return np.full(len(leaves), -np.inf)
        costs, once = self.binary_reduced_costs[at], self._start_once_duals[at]
        found: Floats = self._constants[at] + np.where(costs > 0, costs * lower, costs * upper).sum(
            1
        )
        found += np.where(once > 0, once * must, once).sum(axis=1)
        found[at < 0] = -np.inf
        found[(lower > upper).any(axis=1)] = np.inf
        return found
