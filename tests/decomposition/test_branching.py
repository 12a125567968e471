"""What branches are chosen by: gains that were measured, and those that were seen."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from cutting import run_of
from random_cases import crowded_case

from optimizer.solve.decomposition.branch_and_cut import (
    RELIABLE_GAIN_COUNT,
    BranchCandidate,
    BranchSelector,
    NodeOrigin,
    PseudoCosts,
)
from optimizer.solve.decomposition.search_tree import Leaf


def test_a_gain_counts_by_unit_of_distance() -> None:
    gains = PseudoCosts()
    gains.record(0, 3.0, 0.5)
    gains.record(0, 1.0, 0.25)
    gains.record(1, math.inf, 0.5)  # nothing was feasible: no number
    assert gains.mean_gain(0, 7.0) == pytest.approx((6.0 + 4.0) / 2)
    assert gains.mean_gain(1, 7.0) == 7.0


def test_a_loss_counts_as_no_gain() -> None:
    """A bound that a few steps have not reached again."""
    gains = PseudoCosts()
    gains.record(1, -2.0, 0.5)
    gains.record(1, 4.0, 0.5)
    assert gains.mean_gain(1, 9.0) == pytest.approx(4.0)


def test_the_branch_that_turned_out_to_gain_is_chosen_again() -> None:
    """Of two that are as far from whole, both measured often enough, though a few simplex
    iterations had shown no difference."""
    run = run_of(crowded_case(random.Random("branching").choice))
    branching = BranchSelector(run, np.zeros(len(run.master.binary_columns), dtype=bool))
    everything = run.master.root_bounds()
    branches = [BranchCandidate(("ever", p), everything, everything, 0.5) for p in (0, 1)]
    for branch, side, _ in itertools.product(branches, (0, 1), range(RELIABLE_GAIN_COUNT)):
        branching.pseudo_costs.setdefault(branch.key, PseudoCosts()).record(side, 0.0, 0.5)
    leaf = Leaf(everything, None)
    assert branching.choose(10.0, leaf, branches)[0] is branches[0]
    for side in (0, 1):
        branching.record_gain(NodeOrigin(("ever", 1), side, 0.5, 10.0), 14.0)
    branching.record_gain(None, 99.0)  # the root comes from no split
    assert branching.choose(10.0, leaf, branches)[0] is branches[1]
    assert branching.pseudo_costs["ever", 1].mean_gain(0, 0.0) == pytest.approx(
        8.0 / (RELIABLE_GAIN_COUNT + 1)
    )
