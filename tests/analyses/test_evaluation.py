"""Evaluations: errors that are what they say, fresh states, and how far from the best a plan is."""

from __future__ import annotations

import math
import pickle
from typing import Any, Literal

import numpy as np
import pytest
from evaluations import by_hand, judged, sampled, saved
from saved_plans import tutorial
from small import CHINA, case, cut, near, project

from models.results import Plan, Replication
from optimizer.analyses.evaluation import information_value
from optimizer.analyses.evaluation.fresh_states import (
    describe_fresh_evaluation,
    estimate_optimality_gap,
    evaluate_fresh_states,
    make_replication_solver,
    objective_with_threshold,
    replication_seeds,
    summarize_gaps,
)
from optimizer.analyses.evaluation.plan_evaluation import is_complete
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.model.states import sample_states
from optimizer.solve import outcomes

LEVEL = 0.9


def drawn(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).gamma(0.7, 3.0, count)


# Errors against repetition.


@pytest.mark.quick(1)
@pytest.mark.parametrize("what", ["mean", "tail", "objective"])
def test_standard_errors_are_what_repetition_shows(what: str) -> None:
    """The deviation of 1,500 estimates, each from 500 draws, is the error that they claim."""
    count, repetitions = 500, 1500
    found = []
    for seed in range(repetitions):
        damage = drawn(count, seed)
        chance = np.full(count, 1 / count)
        if what == "objective":
            risk = information_value.MeanCVaR(LEVEL, 0.4)
            both = risk(chance, damage), risk.influence(chance, damage)
            found.append(information_value.estimate_with_error(*both))
        elif what == "tail":
            value = outcomes.tail_mean(chance, damage, LEVEL)
            found.append(
                information_value.estimate_with_error(
                    value, information_value.tail_contributions(chance, damage, LEVEL)
                )
            )
        else:
            found.append(information_value.mean_estimate(chance, damage, sampled=True))
    shown = np.std([one.value for one in found], ddof=1)
    claimed = np.mean([one.standard_error for one in found])
    assert claimed == pytest.approx(shown, rel=0.06)


def test_a_difference_within_states_is_known_better_than_both() -> None:
    fresh = evaluate_fresh_states(judged(), 2000)
    reported = describe_fresh_evaluation(fresh)
    means = [reported.without_plan.expected, reported.with_plan.expected]
    assert reported.avoided.value == near(means[0].value - means[1].value)
    apart = information_value.difference_of_estimates(*means)
    assert reported.avoided.standard_error is not None
    assert apart.standard_error is not None
    assert 0 < reported.avoided.standard_error < 0.8 * apart.standard_error


def test_exact_figures_have_no_error() -> None:
    chance, damage = np.array([0.75, 0.25]), np.array([0.0, 8.0])
    assert information_value.mean_estimate(
        chance, damage, sampled=False
    ) == information_value.estimate_with_error(2.0, None)
    assert information_value.difference_of_estimates(
        information_value.estimate_with_error(3.0, None),
        information_value.estimate_with_error(1.0, None),
    ) == (information_value.estimate_with_error(2.0, None))


# Fresh states.


def test_a_mean_that_is_known() -> None:
    """Nothing may be done; 10 million are lost with a chance of one in ten: 1 million. With k of n
    states struck, the mean is 10 k / n and its error 10 root(k / n (1 - k / n) / (n - 1)); the
    worst tenth of states hold 10 million, as long as a tenth is struck.
    """
    n = 4000
    raw = case(supply=CHINA, hazards=cut([1.0]), uncertainty={"sample": {"states": 5, "seed": 1}})
    reported = describe_fresh_evaluation(evaluate_fresh_states(load_saved_plan(saved(raw)), n))
    expected = reported.with_plan.expected
    struck = expected.value / 10
    assert struck * n == near(round(struck * n))
    assert expected.standard_error == near(10 * math.sqrt(struck * (1 - struck) / (n - 1)))
    assert abs(expected.value - 1) < 4 * (expected.standard_error or 0)
    assert reported.avoided.value == 0
    assert reported.with_plan.worst == near(10)
    assert reported.seed == 2


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_on_its_states_a_plan_has_its_stated_figures(
    method: Literal["random", "stratified"],
) -> None:
    """Fresh states by the plan's own seed and method are its own."""
    back = judged(method=method)
    own = sample_states(back.problem.instance, 40, 7, method)
    assert own == back.problem.states
    (again,) = outcomes.evaluate_commitments(back.problem.instance, own, [back.solution.commitment])
    assert again.expected == near(back.plan.outcome.expected)


def test_written_states_are_all_there_are() -> None:
    back = load_saved_plan(Plan.model_validate_json(tutorial().model_dump_json()))
    reported = describe_fresh_evaluation(evaluate_fresh_states(back, 1000))
    plan = back.plan
    assert (reported.states, reported.sampled, reported.seed) == (3, False, None)
    assert reported.with_plan.expected == information_value.estimate_with_error(
        plan.outcome.expected, None
    )
    assert reported.with_plan.cvar.value == near(plan.outcome.cvar)
    assert reported.objective.value == near(plan.certificate.objective)
    assert reported.optimism == information_value.estimate_with_error(0.0, None)
    assert reported.materials == plan.materials
    assert reported.consumers == plan.consumers
    assert reported.distribution == plan.outcome.distribution


def test_parts_add_up_to_the_whole() -> None:
    back = judged(weight=0.3)
    reported = describe_fresh_evaluation(evaluate_fresh_states(back, 500))
    here, there = reported.with_plan.expected.value, reported.without_plan.expected.value
    assert sum(y.expected for y in reported.by_year.values()) == near(here)
    assert sum(y.expected_without_plan for y in reported.by_year.values()) == near(there)
    assert sum(m.expected for m in reported.materials) == near(here)
    assert sum(u.expected_without_plan for u in reported.consumers) == near(there)
    assert reported.objective.value == near(
        0.7 * here + 0.3 * reported.with_plan.cvar.value + back.solution.net_cost
    )


def test_the_same_seed_gives_the_same_figures_and_another_gives_others() -> None:
    one, same, other = (
        describe_fresh_evaluation(evaluate_fresh_states(judged(), 300, seed))
        for seed in (8, None, 9)
    )
    assert one == same
    assert one.with_plan != other.with_plan


def test_the_seed_of_its_own_states_is_refused() -> None:
    with pytest.raises(ValueError, match="seed 7"):
        evaluate_fresh_states(judged(), 100, 7)


# How far from the best.


def test_a_limit_by_students_t() -> None:
    """Of gaps 1, 2 and 3 the mean is 2 and its error 1 / root 3; t of two degrees is 2.91999."""
    reported = summarize_gaps(
        50,
        [
            Replication(seed=s, candidate=10 + g, found=10.5, bound=10, gap=g)
            for s, g in enumerate((1.0, 2.0, 3.0))
        ],
    )
    assert reported.upper == pytest.approx(2 + 2.919986 / math.sqrt(3), rel=1e-6)
    assert (reported.mean.value, reported.solver_share) == (2.0, 0.5)
    assert reported.mean.standard_error == near(1 / math.sqrt(3))
    assert reported.lower_bound == information_value.Estimate(value=10.0, standard_error=0.0)


def nothing_done(raw: dict[str, Any]) -> Plan:
    """The plan of a scenario with all that it builds taken out of it."""
    best = saved(raw)
    without = best.outcome.without_plan.expected
    certificate = best.certificate.model_copy(update={"objective": without})
    return best.model_copy(update={"projects": (), "certificate": certificate})


def test_missing_results_of_a_plan_are_computed() -> None:
    """100 t are missing for certain and cost 10 million. Works that give all of them cost 4: doing
    nothing is 6 worse than the best, in every sample."""
    raw = case(
        projects={"works": project(100, capex=4)},
        hazards=cut([1.0]),
        supply=[],
        objective={"cost_weight": 1},
        uncertainty={"sample": {"states": 5, "seed": 1}},
    )
    for saved_plan, lacks in ((saved(raw), 0.0), (nothing_done(raw), 6.0)):
        gap = estimate_optimality_gap(
            evaluate_fresh_states(load_saved_plan(saved_plan), 50), 3, gap=1e-9
        )
        assert gap.mean.value == near(lacks)
        assert gap.upper == near(lacks)
        assert [one.seed for one in gap.replications] == [3, 4, 5]
        assert gap.states == 5


@pytest.mark.slow
def test_replications_are_reproducible_and_never_below_what_is_found() -> None:
    fresh = evaluate_fresh_states(judged(3, weight=0.3), 400)
    one, again = (estimate_optimality_gap(fresh, 4, 30, gap=1e-6) for _ in range(2))
    assert one == again
    assert one.states == 30
    for r in one.replications:
        assert r.candidate >= r.found - 1e-6 >= r.bound - 2e-6
        assert r.gap == near(r.candidate - r.bound)
    assert one.upper > one.mean.value > 0


def test_what_is_asked_of_another_process_arrives_whole() -> None:
    back = judged()
    asked = (back.problem.instance, back.solution.commitment, 10.0, 30, "stratified", 1e-9, None, 1)
    arrived = pickle.loads(pickle.dumps(asked))
    assert make_replication_solver(*arrived)(9) == make_replication_solver(*asked)(9)


def test_fresh_seeds_exclude_the_seed_of_the_plan() -> None:
    """The seed of the plan is 7."""
    assert replication_seeds(judged(), 5, 3) == [6, 8, 9]
    assert replication_seeds(judged(), 8, 2) == [9, 10]


def test_a_tail_from_a_settled_threshold_is_no_less_than_that_of_the_sample() -> None:
    back = judged(weight=0.3)
    instance, there = back.problem.instance, back.solution.with_plan
    own = information_value.tail_quantile(there.probability, there.damage, 0.9)
    exact = outcomes.objective_value(instance, there, 1.0)
    assert objective_with_threshold(there, instance, own, 1.0) == near(exact)
    for threshold in (own - 3, own + 3):
        assert objective_with_threshold(there, instance, threshold, 1.0) >= exact - 1e-9


def test_written_states_have_no_samples() -> None:
    back = load_saved_plan(Plan.model_validate_json(tutorial().model_dump_json()))
    with pytest.raises(ValueError, match="written-out"):
        estimate_optimality_gap(evaluate_fresh_states(back, 10), 2, gap=0.0)


def test_an_evaluation_is_complete_where_all_solves_reached_the_gap() -> None:
    found = by_hand()
    assert is_complete(found, 0.02)
    assert not is_complete(found, 1e-5)
    assert is_complete(
        found.model_copy(update={"gap": None, "information": None, "tail": None}), 0.0
    )


@pytest.mark.slow
def test_a_smaller_sample_flatters_its_plan() -> None:
    """Plans made for 3 states look better there than they are, in the mean over many of them."""
    flattered = []
    for seed in range(0, 60, 2):
        back = load_saved_plan(saved(sampled(3, seed, objective={"cost_weight": 0.1})))
        flattered.append(
            describe_fresh_evaluation(evaluate_fresh_states(back, 500)).objective.value
        )
        flattered[-1] -= back.solution.objective
    assert np.mean(flattered) > 2 * np.std(flattered, ddof=1) / math.sqrt(len(flattered))
