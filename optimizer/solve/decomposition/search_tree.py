"""Leaves of a search tree with their dual proofs, for reoptimization.

Gamrath, Hiller and Witzig (2015). If only right-hand sides, bounds and costs of a program change,
the leaves of the previous tree still cover all plans, and the dual multipliers of a leaf still
prove a bound by weak duality. The search resumes in those leaves whose bound is below the objective
of the best plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import rows_to_matrix
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.master_model import DualProof, ProgramLayout, VariableBounds

# Reduced costs of the wrong sign below this count as zero (solver's units).
REDUCED_COST_TOLERANCE = 1e-6
MAX_LEAVES = 2000  # larger trees are dropped: evaluating them takes longer than a new search


@dataclass(frozen=True, eq=False)
class Leaf:
    """Node that was not explored further, with a dual proof for this node or for one of its
    ancestors (None if there is no proof)."""

    variable_bounds: VariableBounds
    proof: DualProof | None


@dataclass(frozen=True, eq=False)
class SearchFrontier:
    """All leaves of a search tree, which together cover every plan."""

    leaves: tuple[Leaf, ...]
    root_proofs: tuple[DualProof, ...]  # proofs of the root, by which binaries were fixed to zero
    layout: ProgramLayout
    recourse_hash: str  # hash of everything that cuts depend on
    cvar_level: float  # CVaR level; cuts on the CVaR stay valid for higher ones
    cost: Floats  # objective coefficients of the problem that the proofs come from

    def transferred_to(
        self, layout: ProgramLayout, recourse_hash: str, cvar_level: float
    ) -> SearchFrontier | None:
        """Return the frontier for another problem, with the rows of its proofs in the order of that
        problem. Proofs are dropped if the cuts are not valid there.

        Return None if the columns of the problems differ, or if there are too many leaves.
        """
        if self.layout.columns != layout.columns or len(self.leaves) > MAX_LEAVES:
            return None
        if self.recourse_hash != recourse_hash or self.cvar_level > cvar_level:
            leaves_without_proofs = tuple(Leaf(leaf.variable_bounds, None) for leaf in self.leaves)
            return replace(
                self,
                leaves=leaves_without_proofs,
                root_proofs=(),
                layout=layout,
                recourse_hash=recourse_hash,
                cvar_level=cvar_level,
            )
        if self.layout.rows == layout.rows and self.layout.lazy_rows == layout.lazy_rows:
            return self
        row_index = {key: r for r, key in enumerate(layout.rows)}
        new_rows = np.array([row_index.get(key, -1) for key in self.layout.rows], dtype=np.int64)
        lazy_row_index = {key: r for r, key in enumerate(layout.lazy_rows)}
        transferred: dict[int, DualProof] = {}

        def transfer(proof: DualProof | None) -> DualProof | None:
            if proof is None:
                return None
            if id(proof) not in transferred:
                base_duals = np.zeros(len(layout.rows))
                row_statuses = np.ones(len(layout.rows), np.int8)
                base_duals[new_rows[new_rows >= 0]] = proof.base_duals[new_rows >= 0]
                row_statuses[new_rows[new_rows >= 0]] = proof.row_statuses[new_rows >= 0]
                # Multipliers of rows that no longer exist are dropped.
                extra_rows = [
                    lazy_row_index.get(self.layout.lazy_rows[row], -1)
                    if isinstance(row, int)
                    else row
                    for row in proof.extra_rows
                ]
                kept_indices = [n for n, row in enumerate(extra_rows) if row != -1]
                transferred[id(proof)] = DualProof(
                    base_duals,
                    tuple(extra_rows[n] for n in kept_indices),
                    proof.extra_duals[kept_indices],
                    row_statuses,
                    proof.column_statuses,
                )
            return transferred[id(proof)]

        leaves = tuple(Leaf(leaf.variable_bounds, transfer(leaf.proof)) for leaf in self.leaves)
        root_proofs = tuple(proof for proof in map(transfer, self.root_proofs) if proof is not None)
        return replace(
            self,
            leaves=leaves,
            root_proofs=root_proofs,
            layout=layout,
            recourse_hash=recourse_hash,
            cvar_level=cvar_level,
        )


class ProofEvaluator:
    """Evaluation of the bounds that dual proofs give for nodes of a search tree."""

    def __init__(self, master: Master, proofs: Sequence[DualProof]) -> None:
        self._proof_index = {id(proof): n for n, proof in enumerate(proofs)}
        self._proofs = proofs  # kept alive, since ``_proof_index`` uses identities
        self._master, program = master, master.program
        position: dict[Any, int] = {}
        for proof in proofs:
            for extra in proof.extra_rows:
                position.setdefault(extra if isinstance(extra, int) else id(extra), len(position))
        rows: list[Any] = [None] * len(position)
        for proof in proofs:
            for extra in proof.extra_rows:
                n = position[extra if isinstance(extra, int) else id(extra)]
                if rows[n] is None:
                    rows[n] = master.extra_row(extra)
        multipliers = np.zeros((len(proofs), len(program.row_lower) + len(position)))
        for n, proof in enumerate(proofs):
            multipliers[n, : len(proof.base_duals)] = proof.base_duals
            for extra, y in zip(proof.extra_rows, proof.extra_duals, strict=True):
                column = position[extra if isinstance(extra, int) else id(extra)]
                multipliers[n, len(proof.base_duals) + column] = y
        lower = np.concatenate([program.row_lower, [row[2] for row in rows]])
        lower[master.start_once_rows] = 0.0  # depends on the branch
        upper = np.concatenate([program.row_upper, [row[3] for row in rows]])
        # Multipliers of the wrong sign are within the solver's tolerance; drop them.
        multipliers = np.where(np.isinf(lower), np.minimum(multipliers, 0.0), multipliers)
        multipliers = np.where(np.isinf(upper), np.maximum(multipliers, 0.0), multipliers)
        matrix = sparse.vstack(
            [sparse.csr_array(program.matrix), rows_to_matrix(rows, len(program.cost))],
            format="csr",
        )
        reduced_costs = program.cost - (matrix.T @ multipliers.T).T
        start_once = master.start_once_rows
        self._start_once_duals = multipliers[:, start_once].copy()
        multipliers[:, start_once] = 0.0
        finite_lower = np.where(np.isinf(lower), 0.0, lower)
        finite_upper = np.where(np.isinf(upper), 0.0, upper)
        row_terms = np.maximum(multipliers, 0.0) @ finite_lower
        row_terms += np.minimum(multipliers, 0.0) @ finite_upper
        self.binary_reduced_costs = reduced_costs[:, master.binary_columns]
        reduced_costs[:, master.binary_columns] = 0.0
        # Small reduced costs of unbounded columns are within the tolerance too.
        scaled_cost = np.abs(reduced_costs) * master.simplex.column_units / master.objective_unit
        is_unbounded = np.where(reduced_costs < 0, np.isinf(program.upper), np.isinf(program.lower))
        reduced_costs = np.where(
            is_unbounded & (scaled_cost <= REDUCED_COST_TOLERANCE), 0.0, reduced_costs
        )
        bounds = np.where(reduced_costs < 0, program.upper, program.lower)
        with np.errstate(invalid="ignore"):
            column_terms = np.where(reduced_costs == 0, 0.0, reduced_costs * bounds)
        self._constants: Floats = program.offset + row_terms + column_terms.sum(axis=1)

    def leaf_bounds(self, leaves: Sequence[Leaf], fixed_to_zero: NDArray[np.bool_]) -> Floats:
        """Return the bound (L) that each leaf's dual proof gives, with the binaries in
        ``fixed_to_zero`` fixed to zero.

        The bound is minus infinity for leaves without a proof.
        """
        proof_index = np.array(
            [self._proof_index.get(id(leaf.proof), -1) for leaf in leaves], dtype=np.int64
        )
        pairs = [self._master.binary_bounds(leaf.variable_bounds, fixed_to_zero) for leaf in leaves]
        lower, upper = (np.array(bound) for bound in zip(*pairs, strict=True))
        must_start = np.array([leaf.variable_bounds.must_start for leaf in leaves], dtype=float)
        if not len(self._constants):
            return np.full(len(leaves), -np.inf)
        costs = self.binary_reduced_costs[proof_index]
        start_once_duals = self._start_once_duals[proof_index]
        bounds: Floats = self._constants[proof_index] + np.where(
            costs > 0, costs * lower, costs * upper
        ).sum(1)
        bounds += np.where(
            start_once_duals > 0, start_once_duals * must_start, start_once_duals
        ).sum(axis=1)
        bounds[proof_index < 0] = -np.inf
        bounds[(lower > upper).any(axis=1)] = np.inf
        return bounds
