"""Foresight is worth something and so is planning for uncertainty, whatever the case."""

from __future__ import annotations

import copy
import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from random_cases import crowded_case, small_case
from small import CHINA, case, cut, near, project, state, stockpile

from models.results.evaluation import ProvenRange
from models.scenario.case import Case
from optimizer.analyses.evaluation.information_value import (
    MeanCVaR,
    compute_information_value,
    compute_tail_premium,
    select_states,
    solve_mean_state,
    solve_states_separately,
    with_tail_weight,
)
from optimizer.analyses.saved_plan import SavedPlan, load_saved_plan as read_back
from optimizer.errors import Infeasible
from optimizer.model.commitment import weighted_cost
from optimizer.solve import outcomes, problem
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.recourse.state_classes import find_realizations

Raw = dict[str, Any]

quick = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
seeds = st.integers(0, 10**6)
crowded = seeds.map(lambda seed: crowded_case(random.Random(seed).choice))
small = seeds.map(lambda seed: small_case(random.Random(seed).choice))
anything = st.one_of(small, crowded)


def judged(raw: Raw, gap: float = 0.0) -> SavedPlan | None:
    """The plan of a case, read back; None where the rules allow none."""
    try:
        return read_back(solve_to_plan(Case.model_validate(raw), gap=gap))
    except Infeasible:
        return None


def optimum(raw: Raw) -> float:
    return solve_to_plan(Case.model_validate(raw), gap=0.0).certificate.objective


def slack(value: float) -> float:
    return 1e-5 * (1 + abs(value))


def within(value: float, found: ProvenRange) -> bool:
    return found.low - slack(value) <= value <= found.high + slack(value)


@pytest.mark.slow
@quick
@given(anything)
def test_to_know_is_no_worse_than_to_plan_and_to_plan_no_worse_than_to_guess(raw: Raw) -> None:
    """WS <= RP <= EEV and EV <= RP, of solves that know nothing of each other."""
    own = judged(raw)
    assume(own is not None)
    assert own is not None
    instance, states = own.problem.instance, own.problem.states
    neutral, best = with_tail_weight(own, 0.0), own.solution.objective
    seen = solve_states_separately(
        neutral.instance,
        states,
        realizations=find_realizations(instance, states),
        gap=0.0,
        time_limit=None,
        jobs=1,
        on_done=None,
    )
    totals = own.solution.with_plan.damage + weighted_cost(instance, own.solution.commitment)
    for (low, high), total in zip(seen, totals, strict=True):
        assert low <= high + slack(high)
        assert high <= total + slack(total)
    risk = MeanCVaR.from_case(own.reading.case)
    chance = own.solution.with_plan.probability
    assert risk(chance, np.array([high for _, high in seen])) <= best + slack(best)
    for_mean, (low, high) = solve_mean_state(neutral, gap=0.0)
    assert low <= high + slack(best)
    assert high <= best + slack(best)
    (reached,) = outcomes.evaluate_commitments(instance, states, [for_mean])
    guessed = outcomes.objective_value(instance, reached, weighted_cost(instance, for_mean))
    assert guessed >= best - slack(best)
    found = compute_information_value(own, gap=0.0, jobs=1)
    assert within(best, found.recourse_problem)
    assert found.mean_plan == near(guessed)
    assert within(guessed - best, found.vss)
    assert -slack(best) <= found.vss.low <= found.vss.high
    assert 0 <= found.evpi.low <= found.evpi.high


@pytest.mark.slow
@quick
@given(small)
def test_wait_and_see_is_what_each_state_by_itself_comes_to(raw: Raw) -> None:
    own = judged(raw)
    assume(own is not None)
    assert own is not None
    aim = raw["objective"] | {"cvar": {"level": 0.5, "weight": 0.0}}
    alone = [
        optimum(raw | {"uncertainty": {"states": [it | {"probability": 1.0}]}, "objective": aim})
        for it in raw["uncertainty"]["states"]
    ]
    found = compute_information_value(own, gap=0.0, jobs=1)
    chance = own.solution.with_plan.probability
    seen = MeanCVaR.from_case(own.reading.case)(chance, np.array(alone))
    assert within(seen, found.wait_and_see)
    assert found.wait_and_see.high - found.wait_and_see.low <= slack(seen)
    assert within(own.solution.objective - seen, found.evpi)


@pytest.mark.slow
@quick
@given(small, st.sampled_from([0.05, 0.3]))
def test_ranges_of_coarse_solves_hold_the_exact_figures(raw: Raw, gap: float) -> None:
    exact, coarse = judged(raw), judged(raw, gap)
    assume(exact is not None)
    assert exact is not None
    assert coarse is not None
    truth, reported = (
        compute_information_value(exact, gap=0.0, jobs=1),
        compute_information_value(coarse, gap=gap, jobs=1),
    )
    for one, other in (
        (truth.recourse_problem, reported.recourse_problem),
        (truth.wait_and_see, reported.wait_and_see),
        (truth.mean_value_problem, reported.mean_value_problem),
        (truth.evpi, reported.evpi),
    ):
        assert within(one.high, other)
    best = exact.solution.objective
    assert within(reported.mean_plan - best, reported.vss)


@pytest.mark.slow
@quick
@given(small)
def test_with_stocks_alone_the_mean_is_no_dearer_than_foresight(raw: Raw) -> None:
    """Purchases are continuous and imports stand on the right side: EV <= WS <= RP <= EEV."""
    raw = copy.deepcopy(raw) | {"projects": {}, "policy": {}}
    for it in raw["uncertainty"]["states"]:
        it.pop("failed_projects", None)
        it.pop("delayed_projects", None)
    for own_funder in raw["funders"].values():
        own_funder["instruments"]["equity"].pop("eligible", None)
    own = judged(raw)
    assume(own is not None)
    assert own is not None
    found = compute_information_value(own, gap=0.0, jobs=1)
    chain = [
        found.mean_value_problem.high,
        found.wait_and_see.high,
        found.recourse_problem.high,
        found.mean_plan,
    ]
    for low, high in itertools.pairwise(chain):
        assert low <= high + slack(high)


HALF_YEAR: Raw = {"first_year": 2026, "last_year": 2029, "periods_per_year": 2}


def mean_value(raw: Raw) -> float:
    own = judged(raw)
    assert own is not None
    _, (low, high) = solve_mean_state(with_tail_weight(own, 0.0), gap=0.0)
    assert low == near(high)
    return high


def uncertain(states: list[Raw] | None, works: Raw, **sections: Any) -> Raw:
    sections |= {} if states is None else {"uncertainty": {"states": states}}
    return case(
        horizon=HALF_YEAR,
        supply=[{"material": "ore", "country": "CN", "share": 0.7}],
        projects={"works": project(60, 3, **works)},
        stockpiles=[stockpile(initial_t=4, max_purchase_t_per_year=9, annual_loss=0.1)],
        objective={"cost_weight": 1.0},
        **sections,
    )


def test_the_mean_of_cuts_is_a_smaller_cut() -> None:
    """80 % for a quarter of the time is 20 % for certain."""
    several = uncertain([state("calm", 0.75), state("cut", 0.25, 2027)], {}, hazards=cut([0.8] * 3))
    sure = uncertain([state("cut", 1.0, 2027)], {}, hazards=cut([0.2] * 3))
    assert mean_value(several) == near(optimum(sure))
    assert optimum(several) > optimum(sure) + 1e-3


def test_the_mean_of_failures_is_a_smaller_project() -> None:
    states = [state("good", 0.6), state("bad", 0.4, failed_projects=["works"])]
    smaller = {"output_t_per_year": {"ore": 36}}
    assert mean_value(uncertain(states, {})) == near(optimum(uncertain(None, smaller)))


def test_the_mean_of_delays_is_a_slower_and_longer_project() -> None:
    """Half in time and half a year late: half the output in the first year and in a last one."""
    states = [state("in time", 0.5), state("late", 0.5, delayed_projects={"works": 1})]
    several = uncertain(states, {"lifetime_years": 2})
    slower = uncertain(None, {"lifetime_years": 3, "ramp_up": [0.5, 1.0, 0.5]})
    assert mean_value(several) == near(optimum(slower))


def test_a_failure_and_a_cut_at_once_count_together() -> None:
    """A cut strikes the works, which deliver in that state alone: their mean is not the product
    of the means, (1 - 0.5 * 0.5) * 0.5, but 0.5 * 0.5 in the year of the cut."""
    hazards = cut([0.5] * 2, "DE")
    states = [state("struck", 0.5, 2026), state("failed", 0.5, failed_projects=["works"])]
    several = uncertain(states, {}, hazards=hazards)
    slower = uncertain(None, {"ramp_up": [0.25, 0.5], "latest_start": 2026})
    several["projects"]["works"]["latest_start"] = 2026
    assert mean_value(several) == near(optimum(slower))


def test_states_that_look_alike_are_solved_once() -> None:
    """A failure of what gives nothing here, and a cut where there is enough, change nothing."""
    states = [state("cut", 0.2, 2026), state("again", 0.3, 2026), state("calm", 0.5)]
    raw = case(
        supply=CHINA, hazards=cut([0.9]), uncertainty={"states": states}, stockpiles=[stockpile()]
    )
    own = judged(raw)
    assert own is not None
    reported: list[tuple[int, int]] = []
    found = compute_information_value(
        own, gap=0.0, jobs=1, on_done=lambda done, of: reported.append((done, of))
    )
    assert (found.states, found.of_states, found.distinct) == (3, 3, 2)
    assert reported == [(1, 2), (2, 2)]
    assert found.wait_and_see_error is None


def sampled(states: int) -> Raw:
    hazards = cut([0.9, 0.4])
    hazards["cut"]["annual_probability"] = 0.3
    works = project(70, 3, success_probability=0.6, delay_years={0: 0.5, 1: 0.5})
    return case(
        2029,
        supply=[{"material": "ore", "country": "CN", "share": 0.8}],
        hazards=hazards,
        projects={"works": works},
        stockpiles=[stockpile(initial_t=5)],
        uncertainty={"sample": {"states": states, "seed": 4}},
        objective={"cost_weight": 1.0, "cvar": {"level": 0.8, "weight": 0.3}},
    )


@pytest.mark.slow
def test_estimates_from_few_states_are_within_their_error() -> None:
    own = judged(sampled(120))
    assert own is not None
    whole = compute_information_value(own, gap=0.0, jobs=1, max_states=120)
    part = compute_information_value(own, gap=0.0, jobs=1, max_states=20)
    assert whole.wait_and_see_error is None
    assert (part.states, part.of_states) == (20, 120)
    assert part.distinct <= 20 < whole.distinct
    assert part.recourse_problem == whole.recourse_problem
    error = part.wait_and_see_error
    assert error is not None
    assert 0 < error < whole.evpi.high
    assert abs(part.evpi.high - whole.evpi.high) < 3 * error
    assert compute_information_value(own, gap=0.0, jobs=1, max_states=20) == part


@pytest.mark.slow
def test_two_processes_find_what_one_finds() -> None:
    own = judged(sampled(12))
    assert own is not None
    assert compute_information_value(own, gap=0.0, jobs=2) == compute_information_value(
        own, gap=0.0, jobs=1
    )


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 6])
def test_states_solved_on_a_shared_frame_equal_separate_solves(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decomposition compiles the first stage once for all states; a state leaves nothing in it
    that changes the next."""
    own = judged(crowded_case(random.Random(seed).choice))
    assert own is not None
    weighed = with_tail_weight(own, 0.0)
    reported = {}
    for small in (problem.MAX_EXTENSIVE_SIZE, 0):
        monkeypatch.setattr(problem, "MAX_EXTENSIVE_SIZE", small)
        reported[small] = solve_states_separately(
            weighed.instance,
            weighed.states,
            realizations=find_realizations(weighed.instance, weighed.states),
            gap=0.0,
            time_limit=None,
            jobs=1,
            on_done=None,
        )
    whole, framed = reported.values()
    for (low, high), (other_low, other_high) in zip(whole, framed, strict=True):
        assert other_high == pytest.approx(high, abs=slack(high))
        assert other_low == pytest.approx(low, abs=slack(low))


@pytest.mark.parametrize("alike", [True, False])
def test_the_error_is_the_spread_of_the_estimate(alike: bool) -> None:
    """Over many choices the estimate is right on average, and strays as far as its error says."""
    stream = np.random.default_rng(7)
    chance = np.ones(300) if alike else stream.uniform(0.2, 1.5, 300)
    chance /= chance.sum()
    value = stream.gamma(0.8, 5.0, 300)
    estimates, errors = [], []
    for seed in range(600):
        chosen = select_states(chance, np.arange(300), 60, seed=seed)
        assert chosen.probability.sum() == pytest.approx(1)
        own = value[chosen.indices]
        estimates.append(float(chosen.probability @ own))
        error = chosen.standard_error(own)
        assert error is not None
        errors.append(error)
    truth, spread = float(chance @ value), float(np.std(estimates))
    assert abs(np.mean(estimates) - truth) < 4 * spread / math.sqrt(600)
    assert math.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.1)


def test_the_influence_of_states_adds_up_to_the_error_of_a_tail() -> None:
    """Estimates of CVaR from many samples stray as far as their influence says."""
    risk, stream = MeanCVaR(0.8, 0.6), np.random.default_rng(3)
    chance = np.full(400, 1 / 400)
    estimates, errors = [], []
    for _ in range(500):
        total = stream.gamma(2.0, 3.0, 400)
        estimates.append(risk(chance, total))
        errors.append(np.std(risk.influence(chance, total)) / math.sqrt(400))
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.1)


@pytest.mark.slow
@quick
@given(small, st.sampled_from([0.3, 1.0]))
def test_caring_for_the_tail_never_pays_in_the_mean_nor_costs_in_the_tail(
    raw: Raw, weight: float
) -> None:
    own = judged(raw)
    assume(own is not None)
    assert own is not None
    found = compute_tail_premium(own, weight=weight, gap=0.0)
    size = abs(found.averse.cvar) + abs(found.averse.net_cost_meur)
    assert 0 <= found.premium.low <= found.premium.high
    assert found.premium.high - found.premium.low <= slack(size)
    assert found.averse.weight == weight
    # What the tail costs in the mean it brings back, by its weight.
    assert (1 - weight) * found.premium.low <= weight * (
        found.bought + cost_difference(raw, found)
    ) + slack(size)


def cost_difference(raw: Raw, found: Any) -> float:
    """By how much the averse plan's weighed cost is below the neutral one's."""
    weight = raw["objective"]["cost_weight"]
    return float(weight * (found.neutral.net_cost_meur - found.averse.net_cost_meur))
