"""A rule of the second stage that no compiled pass knows is solved exactly, with no other code.

Made up: all stocks of a node together release no more than a fifth of its highest demand in a
period.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from random_cases import crowded_case
from random_chains import chain_case

from models.scenario.references import Case
from optimizer.model import formulation
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.recourse import program_template

Raw = dict[str, Any]


def with_gates(add: Callable[..., None]) -> Callable[..., None]:
    """The rules of a state, and one more."""

    def added(block: Any, instance: Any, found: Any, commitment: Any) -> None:
        add(block, instance, found, commitment)
        nodes = {v: instance.nodes[v] for s in found for v in s.chain.nodes}
        periods = {v: s.open_periods for s in found for v in s.chain.nodes}
        most = {v: 0.2 * float(node.demand.max()) for v, node in nodes.items()}
        gates = [(v, k) for v, node in nodes.items() if node.stockpile_shares for k in periods[v]]

        @block.Constraint(gates)
        def gate(block: Any, v: int, k: int) -> Any:
            node = nodes[v]
            return sum(block.release[node.label, h, k] for h in node.stockpile_shares) <= most[v]

    return added


def objectives(raw: Raw) -> list[Any]:
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    return [
        solve(DecisionTree.of(instance), [states], gap=1e-7, threads=1).solution.objective
        for solve in (solve_extensive_form, solve_by_decomposition)
    ]


@pytest.mark.quick(every=13, ci=5)
@pytest.mark.parametrize("seed", range(48))
def test_a_rule_that_is_added_is_followed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pick = random.Random(f"another rule {seed}")
    raw = crowded_case(pick.choice) if seed % 2 else chain_case(pick.choice)
    for module in (formulation, program_template):
        monkeypatch.setattr(module, "add_recourse", with_gates(module.add_recourse))
    whole, decomposed = objectives(raw)
    if whole is None:
        assert decomposed is None
    else:
        assert decomposed == pytest.approx(whole, rel=3e-6, abs=1e-6)


@pytest.mark.slow
def test_the_rule_changes_what_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """In some of the cases: else nothing would be shown."""
    changed = 0
    for seed in range(8):
        pick = random.Random(f"another rule {seed}")
        raw = crowded_case(pick.choice) if seed % 2 else chain_case(pick.choice)
        before = objectives(raw)[1]
        with monkeypatch.context() as patch:
            for module in (formulation, program_template):
                patch.setattr(module, "add_recourse", with_gates(module.add_recourse))
            after = objectives(raw)[1]
        changed += before is not None and after > before + 1e-6
    assert changed >= 2
