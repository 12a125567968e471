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
from optimizer.solve.decomposition.cuts import Cut, Row, stacked

if TYPE_CHECKING:
    from optimizer.solve.decomposition.columns import Windows
    from optimizer.solve.decomposition.master import Master

ROUNDING = 1e-6  # a reduced cost of the wrong sign that is less, in the solver's units, is none
MOST_LEAVES = 2000  # larger trees are forgotten: to look through them takes longer than to search


Beyond = Cut | int | Row
"""A row that is not of the program itself: a cut, the number of a rule that waits, or what follows
from a cut."""


Statuses = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Proof:
    """Multipliers of rows: of those that the program has without cuts, and of those beyond; and the
    basis that they come from, rows beyond being in it unless they have a multiplier."""

    base: Floats  # (R) of the program's rows
    beyond: tuple[Beyond, ...]
    of_beyond: Floats
    of_rows: Statuses  # (R)
    of_columns: Statuses


@dataclass(frozen=True, eq=False)
class Leaf:
    """A branch that was not looked into further, and what was proven of it, or of one that holds
    it."""

    windows: Windows
    proof: Proof | None


@dataclass(frozen=True, eq=False)
class Layout:
    """Rows and columns by component and index: what has to be alike for proofs to be of use."""

    columns: Sequence[Any]
    rows: Sequence[Any]
    waiting: Sequence[Any]


@dataclass(frozen=True, eq=False)
class Frontier:
    """All leaves of a tree, which together hold every plan."""

    leaves: tuple[Leaf, ...]
    whole: tuple[Proof, ...]  # proofs of the whole tree, by which binaries were left out of leaves
    layout: Layout
    recourse: str  # the hash of all that cuts depend on
    level: float  # of the CVaR; those of the tail hold for higher ones as well

    def there(self, layout: Layout, recourse: str, level: float) -> Frontier | None:
        """The same in another problem: where rows are in another order, or others, and without
        proofs where cuts do not hold; None where columns are others."""
        if self.layout.columns != layout.columns or len(self.leaves) > MOST_LEAVES:
            return None
        if self.recourse != recourse or self.level > level:
            bare = tuple(Leaf(leaf.windows, None) for leaf in self.leaves)
            return Frontier(bare, (), layout, recourse, level)
        if self.layout.rows == layout.rows and self.layout.waiting == layout.waiting:
            return self
        row = {key: r for r, key in enumerate(layout.rows)}
        at = np.array([row.get(key, -1) for key in self.layout.rows], dtype=np.int64)
        waits = {key: r for r, key in enumerate(layout.waiting)}
        moved: dict[int, Proof] = {}

        def there(proof: Proof | None) -> Proof | None:
            if proof is None:
                return None
            if id(proof) not in moved:
                base, of_rows = np.zeros(len(layout.rows)), np.ones(len(layout.rows), np.int8)
                base[at[at >= 0]] = proof.base[at >= 0]
                of_rows[at[at >= 0]] = proof.of_rows[at >= 0]
                # The multiplier of a rule that is gone proves nothing any more.
                beyond = [
                    waits.get(self.layout.waiting[own], -1) if isinstance(own, int) else own
                    for own in proof.beyond
                ]
                kept = [n for n, own in enumerate(beyond) if own != -1]
                own, of_beyond = tuple(beyond[n] for n in kept), proof.of_beyond[kept]
                moved[id(proof)] = Proof(base, own, of_beyond, of_rows, proof.of_columns)
            return moved[id(proof)]

        leaves = tuple(Leaf(leaf.windows, there(leaf.proof)) for leaf in self.leaves)
        whole = tuple(own for own in map(there, self.whole) if own is not None)
        return Frontier(leaves, whole, layout, recourse, level)


class Prover:
    """What some proofs prove of branches of a master's problem."""

    def __init__(self, master: Master, proofs: Sequence[Proof]) -> None:
        self._place = {id(proof): n for n, proof in enumerate(proofs)}
        self._kept = proofs  # as long as their identities count
        self._master, program = master, master.program
        used: dict[Any, int] = {}
        for proof in proofs:
            for own in proof.beyond:
                used.setdefault(own if isinstance(own, int) else id(own), len(used))
        rows: list[Any] = [None] * len(used)
        for proof in proofs:
            for own in proof.beyond:
                n = used[own if isinstance(own, int) else id(own)]
                if rows[n] is None:
                    rows[n] = master.row_of(own)
        multipliers = np.zeros((len(proofs), len(program.row_lower) + len(used)))
        for n, proof in enumerate(proofs):
            multipliers[n, : len(proof.base)] = proof.base
            for own, y in zip(proof.beyond, proof.of_beyond, strict=True):
                at = used[own if isinstance(own, int) else id(own)]
                multipliers[n, len(proof.base) + at] = y
        lower = np.concatenate([program.row_lower, [row[2] for row in rows]])
        lower[master.once] = 0.0  # branches set it
        upper = np.concatenate([program.row_upper, [row[3] for row in rows]])
        # A multiplier of the wrong sign is the solver's tolerance.
        multipliers = np.where(np.isinf(lower), np.minimum(multipliers, 0.0), multipliers)
        multipliers = np.where(np.isinf(upper), np.maximum(multipliers, 0.0), multipliers)
        matrix = sparse.vstack(
            [sparse.csr_array(program.matrix), stacked(rows, len(program.cost))], format="csr"
        )
        reduced = program.cost - (matrix.T @ multipliers.T).T
        once = master.once
        self._once = multipliers[:, once].copy()
        multipliers[:, once] = 0.0
        finite_lower = np.where(np.isinf(lower), 0.0, lower)
        finite_upper = np.where(np.isinf(upper), 0.0, upper)
        sides = np.maximum(multipliers, 0.0) @ finite_lower
        sides += np.minimum(multipliers, 0.0) @ finite_upper
        self.of_binaries = reduced[:, master.binaries]
        reduced[:, master.binaries] = 0.0
        # Nor is a reduced cost of a column that nothing bounds.
        size = np.abs(reduced) * master.simplex.units / master.unit
        free = np.where(reduced < 0, np.isinf(program.upper), np.isinf(program.lower))
        reduced = np.where(free & (size <= ROUNDING), 0.0, reduced)
        bounds = np.where(reduced < 0, program.upper, program.lower)
        with np.errstate(invalid="ignore"):
            worth = np.where(reduced == 0, 0.0, reduced * bounds)
        self._fixed: Floats = program.offset + sides + worth.sum(axis=1)

    def bounds(self, leaves: Sequence[Leaf], out: NDArray[np.bool_]) -> Floats:
        """(L) what is proven of each leaf by its own proof, with some binaries left out; minus
        infinity of those that have none."""
        at = np.array([self._place.get(id(leaf.proof), -1) for leaf in leaves], dtype=np.int64)
        pairs = [self._master.bounds_of(leaf.windows, out) for leaf in leaves]
        lower, upper = (np.array(own) for own in zip(*pairs, strict=True))
        must = np.array([leaf.windows.must for leaf in leaves], dtype=float)
        if not len(self._fixed):
            return np.full(len(leaves), -np.inf)
        costs, once = self.of_binaries[at], self._once[at]
        found: Floats = self._fixed[at] + np.where(costs > 0, costs * lower, costs * upper).sum(1)
        found += np.where(once > 0, once * must, once).sum(axis=1)
        found[at < 0] = -np.inf
        found[(lower > upper).any(axis=1)] = np.inf
        return found
