"""The reduced first stage: the same optimum, and a point that keeps every rule of the full one."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cutting import random_cuts, run_of
from random_cases import crowded_case, small_case
from scipy import sparse

from models.scenario.references import Case
from optimizer.model import highs
from optimizer.model.formulation import build_master
from optimizer.model.highs import CompiledModel, LinearProgram
from optimizer.model.instance import read_instance
from optimizer.solve.decomposition.master_model import ReducedProgram, reduce_program

Raw = dict[str, Any]


def drawn(seed: int) -> Raw:
    draw = small_case if seed % 2 else crowded_case
    return draw(random.Random(f"reduced {seed}").choice)


def compiled_at_random(seed: int) -> CompiledModel:
    """A master with costs that make a plan of it: shares are gains, purchases and stock are not."""
    compiled = highs.compile_model(build_master(read_instance(Case.model_validate(drawn(seed)))))
    rng, names = np.random.default_rng(seed), compiled.program.column_names
    cost = rng.random(len(names))
    gains = [name.startswith(("offtake", "share", "start", "market")) for name in names]
    cost[gains] -= 1.5
    cost[[name.startswith("planned") for name in names]] -= 0.3 * rng.choice([0, 1])
    return replace(compiled, program=replace(compiled.program, cost=cost).relaxation())


def with_waiting(reduced: ReducedProgram) -> LinearProgram:
    """The reduced program with all delayed rows."""
    program, waiting = reduced.program, reduced.lazy_rows
    return replace(
        program,
        matrix=sparse.csc_array(sparse.vstack([program.matrix, waiting])),
        row_lower=np.concatenate([program.row_lower, np.full(waiting.shape[0], -np.inf)]),
        row_upper=np.concatenate([program.row_upper, reduced.lazy_upper]),
        row_names=[*program.row_names, *(f"waiting {r}" for r in range(waiting.shape[0]))],
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_optimum_is_that_of_the_full_program(seed: int) -> None:
    compiled = compiled_at_random(seed)
    reduced = reduce_program(compiled)
    full, small = highs.solve(compiled.program), highs.solve(with_waiting(reduced))
    assert full.ending == small.ending
    if full.values is None or small.values is None or full.objective is None:
        return
    assert small.objective == pytest.approx(full.objective, rel=1e-7, abs=1e-7)
    expanded = reduced.expand(small.values)
    assert highs.max_violation(compiled.program, expanded) < 1e-6
    value = compiled.program.cost @ expanded + compiled.program.offset
    assert value == pytest.approx(full.objective, rel=1e-7, abs=1e-7)
    kept = set(reduced.layout.columns)
    inside = full.values[[key in kept for key in compiled.column_keys]]
    assert highs.max_violation(with_waiting(reduced), inside) < 1e-6


def test_rows_wait_and_stock_is_put_in() -> None:
    """Nothing would be tested if nothing were reduced."""
    whole = [compiled_at_random(seed) for seed in range(10)]
    pairs = [(own, reduce_program(own).layout) for own in whole]
    assert sum(len(layout.lazy_rows) for _, layout in pairs) > 20
    assert sum(len(own.column_keys) - len(layout.columns) for own, layout in pairs) > 20
    assert sum(len(own.row_keys) - len(layout.rows) for own, layout in pairs) > 20


@pytest.mark.parametrize("seed", range(15))
def test_rules_that_wait_are_called_in(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relaxation with cuts, solved as runs do, is that of all rules at once."""
    run, rng = run_of(drawn(seed)), np.random.default_rng(seed)
    master = run.master
    cuts = random_cuts(rng, run, 4)
    # What sweeps of programs prove beside these cuts is another matter.
    monkeypatch.setattr(run.cut_oracle, "cached_cuts", lambda point: [])
    master.add_violated_cuts(cuts[::2])
    master.deactivate_cuts(cuts[1::2])
    master.apply_bounds(master.root_bounds())
    outcome = run.solve_relaxation()
    whole = with_waiting(master.reduced_program).relaxation()
    rows = [master.cut_row(cut) for cut in cuts]
    entries = np.zeros((len(rows), len(whole.cost)))
    for row, (columns, values, _) in enumerate(rows):
        entries[row, columns] = values
    program = replace(
        whole,
        matrix=sparse.csc_array(sparse.vstack([whole.matrix, sparse.csr_array(entries)])),
        row_lower=np.concatenate([whole.row_lower, [side for *_, side in rows]]),
        row_upper=np.concatenate([whole.row_upper, np.full(len(rows), np.inf)]),
        row_names=[*whole.row_names, *(f"cut {r}" for r in range(len(rows)))],
    )
    once = highs.solve(program)
    assert outcome == once.ending
    if once.objective is not None:
        assert master.simplex.objective == pytest.approx(once.objective, rel=3e-6, abs=1e-6)
