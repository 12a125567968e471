"""Selection of nodes to evaluate: a heuristic that does not change results."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from cutting import random_point, recourse_of, run_of
from random_cases import crowded_case

from models.scenario.case import Case
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.decomposition.cuts import ChainSelector, CutOracle, smallest_selection


@pytest.mark.parametrize("leave", [0.0, 1.0, 2.5, 4.0, 9.0, 11.0])
def test_what_is_left_out_is_as_little_as_asked(leave: float) -> None:
    """And no smaller choice would do, by trying all of them."""
    lacks = {0: 1.0, 1: 5.0, 2: 0.0, 3: 2.0, 4: 3.0}
    chosen = smallest_selection(lacks, leave)
    assert sum(lacks[v] for v in lacks if v not in chosen) <= leave
    for smaller in itertools.combinations(lacks, max(0, len(chosen) - 1)):
        if chosen:
            assert sum(lacks[v] for v in lacks if v not in smaller) > leave


def test_unevaluated_nodes_are_always_selected() -> None:
    lacks = ChainSelector([0, 1]).estimated_cut_errors({0: 0.0, 1: 0.0})
    assert lacks == {0: math.inf, 1: math.inf}
    assert sorted(smallest_selection(lacks, 1e9)) == [0, 1]
    assert smallest_selection({0: 3.0, 1: math.inf}, math.inf) == [1]


def test_a_node_that_has_not_moved_lacks_nothing() -> None:
    focus = ChainSelector([0, 1])
    focus.record_errors({0: 1.0, 1: 2.0}, {0: 4.0, 1: 6.0}, {})
    assert focus.estimated_cut_errors({0: 4.0, 1: 3.0}) == {0: 0.0, 1: 3.0}


def test_moves_that_turned_out_right_are_doubted_less() -> None:
    """And those that turned out wrong more: half of what was seen before, half of the last."""
    focus = ChainSelector([0])
    focus.record_errors({0: 0.0}, {0: 10.0}, {0: 10.0})
    focus.record_errors({0: 6.0}, {0: 6.4}, {0: 0.4})  # a move of 4, of which a tenth was wrong
    assert focus.estimated_cut_errors({0: 7.4})[0] == pytest.approx(0.5 + 0.5 * 0.1)
    focus.record_errors({0: 7.4}, {0: 9.4}, {0: 2.0})  # a move of 1, all of it wrong
    assert focus.estimated_cut_errors({0: 10.4})[0] == pytest.approx(0.5 * 0.55 + 0.5)


def test_some_nodes_are_evaluated_as_they_are_with_all() -> None:
    raw = crowded_case(random.Random("some").choice)
    raw["objective"]["cvar"] = {"weight": 0.0, "level": 0.9}
    recourse = recourse_of(raw)
    assert len(recourse.node_data) > 1
    point = random_point(np.random.default_rng(1), recourse)
    appraise = CutOracle(DecisionTree.of(recourse.instance), [recourse])
    all_, (one, *_) = appraise((point,)), recourse.node_data
    some = appraise((point,), [one])
    assert all_.is_complete
    assert not some.is_complete
    assert some.damage_by_chain == {one: all_.damage_by_chain[one]}
    assert [cut.chain_id for cut in some.cuts] == [one]
    assert appraise.node_evaluation_count == len(recourse.node_data) + 1


def test_the_tail_takes_all_nodes() -> None:
    """It is that of their sum."""
    raw = crowded_case(random.Random("some").choice)
    raw["objective"]["cvar"] = {"weight": 0.3, "level": 0.9}
    run = run_of(raw)
    recourse = run.cut_oracle.part_oracles[0].recourse
    point = random_point(np.random.default_rng(1), recourse)
    assert run.cut_oracle((point,), list(recourse.node_data)[:1]).is_complete
    assert not run.is_separable


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["blind", "sure"])
def test_a_wrong_guess_costs_no_truth(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether nothing or everything is expected to be lacking, the optimum is the same, proven."""
    guess = {"blind": 0.0, "sure": 1.0}[kind]

    def lacks(_: ChainSelector, claimed: dict[int, float]) -> dict[int, float]:
        return dict.fromkeys(claimed, guess)

    for seed in range(12):
        raw = crowded_case(random.Random(f"guess {seed}").choice)
        raw["objective"]["cvar"] = {"weight": 0.0, "level": 0.9}
        instance = read_instance(Case.model_validate(raw))
        states = read_states(instance)
        found = solve_by_decomposition(
            DecisionTree.of(instance), [states], gap=1e-6, threads=1
        ).solution
        with monkeypatch.context() as patch:
            patch.setattr(ChainSelector, "estimated_cut_errors", lacks)
            other = solve_by_decomposition(
                DecisionTree.of(instance), [states], gap=1e-6, threads=1
            ).solution
        assert other.ending == found.ending
        if found.objective is not None:
            assert other.objective == pytest.approx(found.objective, rel=3e-6, abs=1e-7)
            assert other.bound is not None
            assert other.bound <= found.objective * (1 + 3e-6) + 1e-7
