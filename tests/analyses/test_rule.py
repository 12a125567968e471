"""Release policy compared with foresight, as reported by an evaluation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from small import CHINA, Raw, case, cut, near, state, stockpile

from models.scenario.case import Case
from optimizer.analyses.evaluation.fresh_states import SampledStates, release_policy_outcomes
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State, read_states
from optimizer.solve import outcomes
from optimizer.solve.recourse import release_policy, simulate_release_policy

TWO_STEPS: Raw = {"material": "ore", "steps": [
    {"share": 0.6, "eur_per_t": 10_000}, {"share": 0.4, "eur_per_t": 100_000},
]}  # fmt: skip


def embargo(**sections: Any) -> tuple[Instance, tuple[State, ...]]:
    """25 t in each of four periods, 15 t of them at little cost; 40 t in store."""
    fixed: Raw = {
        "horizon": {"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
        "damage": [TWO_STEPS],
        "supply": CHINA,
        "hazards": cut([1.0, 1.0, 1.0, 0.0]),
        "uncertainty": {"states": [state("embargo", 0.25, 2026), state("calm", 0.75)]},
        "stockpiles": [stockpile(initial_t=40)],
    }
    instance = read_instance(Case.model_validate(case(**(fixed | sections))))
    return instance, read_states(instance)


def test_written_states_give_exact_figures() -> None:
    """With foresight 40 t cover 30 t of the dear steps and 10 t of the cheap: 35 t are missing,
    0.35 million. Greedy release loses 1.25 (tests/sweep), and half kept for the dear steps 0.35.
    """
    instance, states = embargo()
    (foresight,) = outcomes.evaluate_commitments(instance, states, [Commitment()])
    greedy, kept = release_policy_outcomes(
        instance, states, Commitment(), [0.0, 0.5], foresight, 0.9
    )
    assert (greedy.reserve, kept.reserve) == (0.0, 0.5)
    assert greedy.performance.expected.value == near(1.25 / 4)
    assert greedy.performance.cvar.value == greedy.performance.worst == near(1.25)
    assert greedy.above_foresight.value == near(0.9 / 4)
    assert kept.above_foresight.value == near(0.0)
    assert greedy.materials[0].name == "Ore"
    assert greedy.materials[0].expected == near(1.25 / 4)
    assert greedy.materials[0].expected_with_foresight == near(0.35 / 4)
    estimates = [greedy.performance.expected, greedy.performance.cvar, greedy.above_foresight]
    assert [one.standard_error for one in estimates] == [None] * 3


def test_the_difference_to_foresight_is_taken_within_each_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its error is that of the differences; and blocks of states change nothing."""
    instance, states = embargo(uncertainty={"sample": {"states": 300, "seed": 3}})
    (foresight,) = outcomes.evaluate_commitments(instance, states, [Commitment()])
    draw = SampledStates(instance, 300, 3)
    (found,) = release_policy_outcomes(instance, draw, Commitment(), [0.25], foresight, 0.9, jobs=1)
    (own,) = simulate_release_policy(instance, states, Commitment(), [0.25])
    difference = own.damage - foresight.damage
    assert found.above_foresight.value == pytest.approx(difference.mean())
    error = difference.std(ddof=1) / math.sqrt(300)
    assert found.above_foresight.standard_error == pytest.approx(error) != 0.0
    assert found.performance.cvar.value == pytest.approx(
        outcomes.tail_mean(own.probability, own.damage, 0.9)
    )
    monkeypatch.setattr(release_policy, "STATES_PER_BLOCK", 7)
    (blocks,) = simulate_release_policy(instance, states, Commitment(), [0.25])
    assert np.array_equal(blocks.damage, own.damage)
    assert blocks.final_stock == pytest.approx(own.final_stock)
    assert blocks.damage_by_material == pytest.approx(own.damage_by_material)
