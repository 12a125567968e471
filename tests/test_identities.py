"""What must be equal, or never smaller, whatever the case: random cases, no magic numbers."""

from __future__ import annotations

import copy
import itertools
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from random_cases import lasting_case, small_case
from random_chains import chain_case

from models.results import Outcome, Plan
from models.scenario.case import Case
from optimizer.errors import CheckFailed, Infeasible
from optimizer.model.commitment import (
    Commitment,
    net_cost,
    net_cost_by_funder,
    residual_value,
    weighted_cost,
)
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import read_states
from optimizer.solve import outcomes
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.verification import check_commitment

Raw = dict[str, Any]

quick = settings(
    max_examples=settings.default.max_examples * 2 // 25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def cases(draw: st.DrawFn) -> Raw:
    return small_case(lambda values: draw(st.sampled_from(values)))


def evenly() -> st.SearchStrategy[Raw]:
    """Examples that shrink cluster near the simplest; these are spread evenly."""
    return st.integers(0, 10**6).map(lambda seed: small_case(random.Random(seed).choice))


def of_chains() -> st.SearchStrategy[Raw]:
    """Materials that are made of others."""
    return st.integers(0, 10**6).map(lambda seed: chain_case(random.Random(seed).choice))


anything = st.one_of(cases(), evenly(), evenly(), of_chains())


def solved(raw: Raw) -> Plan | None:
    """The plan, proven optimal; None where the rules allow none."""
    try:
        return solve_to_plan(Case.model_validate(raw), gap=0.0)
    except Infeasible:
        return None


def best(raw: Raw) -> float | None:
    answer = solved(raw)
    return None if answer is None else answer.certificate.objective


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-6, abs=1e-6)


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def scaled(value: Any, factor: float) -> Any:
    """A number, or each of a yearly quantity."""
    if isinstance(value, dict):
        return {key: scaled(x, factor) for key, x in value.items()}
    return value * factor


def rescaled(raw: Raw, **factors: float) -> Raw:
    """A copy in which every field whose name holds one of the words is scaled."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(one) for one in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for key, one in value.items():
            words = [factors[word] for word in factors if word in str(key)]
            found[key] = scaled(one, float(np.prod(words))) if words else walk(one)
        return found

    return dict(walk(raw))


MONEY = ("_meur", "eur_per_t")
TONNES = ("t_per_year", "initial_t", "max_t", "_t_per_period")


def in_money(raw: Raw) -> Raw:
    return raw | {"objective": raw["objective"] | {"measure": "damage"}}


def weighed(raw: Raw, outcome: Outcome, cost: float) -> float:
    """The objective of an outcome, from the plain weights."""
    aim = raw["objective"]
    weight = aim["cvar"]["weight"]
    tail = weight * outcome.cvar
    return float((1 - weight) * outcome.expected + tail + aim["cost_weight"] * cost)


@quick
@given(anything, st.sampled_from([0.5, 0.25, 0.9]))
def test_splitting_a_state_in_two_changes_nothing(raw: Raw, part: float) -> None:
    split = copy.deepcopy(raw)
    states = split["uncertainty"]["states"]
    twin = copy.deepcopy(states[-1]) | {"name": "twin"}
    twin["probability"] *= part
    states[-1]["probability"] *= 1 - part
    states.append(twin)
    one, two = solved(raw), solved(split)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert two.certificate.objective == near(one.certificate.objective)
        for value, again in (
            (one.outcome.without_plan.expected, two.outcome.without_plan.expected),
            (one.outcome.without_plan.cvar, two.outcome.without_plan.cvar),
            (one.outcome.without_plan.worst, two.outcome.without_plan.worst),
        ):
            assert again == near(value)


@quick
@given(anything, st.sampled_from([1.1, 2.0]))
def test_more_budget_never_hurts(raw: Raw, factor: float) -> None:
    value, richer = best(raw), best(rescaled(raw, budget_meur=factor, budget_by_year=factor))
    if value is not None:
        assert richer is not None
        assert richer <= value + 1e-6 * (1 + abs(value))


@quick
@given(anything, st.sampled_from([0.3, 7.0]))
def test_money_scales_the_objective(raw: Raw, factor: float) -> None:
    raw = in_money(raw)
    value = best(raw)
    again = best(rescaled(raw, **dict.fromkeys(MONEY, factor)))
    assert again == near(None if value is None else factor * value)


@pytest.mark.slow
@quick
@given(anything)
def test_another_unit_of_mass_changes_nothing_but_tonnes(raw: Raw) -> None:
    raw = in_money(raw)
    kilos = dict.fromkeys(TONNES, 1000.0) | {"eur_per_t": 1 / 1000}
    one, two = solved(raw), solved(rescaled(raw, **kilos))
    assert (one is None) == (two is None)
    if one is None or two is None:
        return
    assert two.certificate.objective == near(one.certificate.objective)
    assert two.outcome.without_plan.expected == near(one.outcome.without_plan.expected)
    for material, again in zip(one.materials, two.materials, strict=True):
        for year, it in material.by_year.items():
            other = again.by_year[year]
            assert other.demand_t == near(1000 * it.demand_t)
            short = 1000 * it.expected_shortage_without_plan_t
            assert other.expected_shortage_without_plan_t == near(short)


@quick
@given(anything)
def test_parts_of_a_plan_agree(raw: Raw) -> None:
    """The tail is no better than the mean and the worst no better than the tail; parts add up."""
    answer = solved(raw)
    assume(answer is not None)
    assert answer is not None
    it = answer.outcome
    rounding = 1e-9 * (1 + it.worst)
    for one in (it, it.without_plan):
        assert one.expected <= one.cvar + rounding
        assert one.cvar <= one.worst + rounding
    assert answer.certificate.objective == near(weighed(raw, it, it.net_cost_meur))
    assert sum(m.expected for m in answer.materials) == near(it.expected)
    assert sum(u.expected for u in answer.consumers) == near(it.expected)
    assert Plan.model_validate_json(answer.model_dump_json()) == answer


@quick
@given(anything)
def test_a_plan_is_no_worse_than_none(raw: Raw) -> None:
    """Where doing nothing keeps all rules, its objective is an upper bound: stock costs alone."""
    instance, nothing = read(raw), Commitment()
    try:
        check_commitment(instance, nothing)
    except CheckFailed:
        return
    value = best(raw)
    assert value is not None
    found = outcomes.evaluate_commitments(instance, read_states(instance), [nothing])[0]
    idle = outcomes.objective_value(instance, found, weighted_cost(instance, nothing))
    assert value <= idle + 1e-6 * (1 + abs(idle))


def commitment_of(instance: Instance, answer: Plan) -> Commitment:
    """A plan's decisions, as a reader of its JSON would take them."""
    return Commitment(
        start={p.id: p.start for p in answer.projects},
        share={
            (p.id, f, i): share
            for p in answer.projects
            for own_by_funder in (p.shares, p.supports)
            for f, own in own_by_funder.items()
            for i, share in own.items()
        },
        market={p.id: p.market_share for p in answer.projects},
        offtake={
            (p.id, g): share
            for p in answer.projects
            for g, share in [("common", p.offtake_common), *p.offtake_by_company.items()]
        },
        buy={
            h.id: np.array(list(h.buy_t.values())) / instance.lot_tonnes[h.material]
            for h in answer.stockpiles
        },
    )


@quick
@given(anything)
def test_a_plan_evaluated_on_its_own_states_is_what_it_says(raw: Raw) -> None:
    answer = solved(raw)
    assume(answer is not None)
    assert answer is not None
    instance = read(raw)
    commitment = commitment_of(instance, answer)
    check_commitment(instance, commitment)
    found = outcomes.evaluate_commitments(instance, read_states(instance), [commitment])[0]
    it = answer.outcome
    assert found.expected == near(it.expected)
    assert found.cvar(it.cvar_level) == near(it.cvar)
    assert found.worst == near(it.worst)
    assert net_cost(instance, commitment) == near(it.net_cost_meur)


@quick
@given(anything)
def test_what_belongs_to_all_is_worth_more(raw: Raw) -> None:
    """Entitled recourse is a pooled one: the optimum is no smaller, and plans exist for both."""
    both = {
        allocation: best(raw | {"objective": raw["objective"] | {"allocation": allocation}})
        for allocation in ("pooled", "entitled")
    }
    pooled, entitled = both["pooled"], both["entitled"]
    assert (pooled is None) == (entitled is None)
    if pooled is not None and entitled is not None:
        assert entitled >= pooled - 1e-6 * (1 + abs(pooled))


@pytest.mark.slow
@quick
@given(anything, st.sampled_from([0.2, 0.6]))
def test_more_weight_on_the_tail_never_lowers_the_optimum(raw: Raw, level: float) -> None:
    """CVaR is no less than the mean, for every commitment and so for the best."""
    values = [
        best(raw | {"objective": raw["objective"] | {"cvar": {"level": level, "weight": weight}}})
        for weight in (0.0, 0.5, 1.0)
    ]
    assert len({value is None for value in values}) == 1
    found = [value for value in values if value is not None]
    for low, high in itertools.pairwise(found):
        assert low <= high + 1e-6 * (1 + abs(high))


def without_residuals(raw: Raw) -> Raw:
    """A copy in which nothing counts at the end."""
    bare = copy.deepcopy(raw)
    bare["horizon"]["residual_value"] = 0
    for part in (*bare["projects"].values(), *bare["stockpiles"]):
        part.pop("residual_value", None)
    return bare


@quick
@given(st.integers(0, 10**6).map(lambda seed: lasting_case(random.Random(seed).choice)))
def test_residual_values_add_up(raw: Raw) -> None:
    """By account, by funder and in all; and nothing else of the cost is touched by them."""
    answer = solved(raw)
    assume(answer is not None)
    assert answer is not None
    whole, outcome = read(raw), answer.outcome
    commitment = commitment_of(whole, answer)
    assert outcome.net_cost_meur == near(net_cost(whole, commitment))
    assert outcome.residual_meur == near(residual_value(whole, commitment))
    assert sum(p.cost_meur for p in answer.accounts) == near(outcome.net_cost_meur)
    assert sum(p.residual_meur for p in answer.accounts) == near(outcome.residual_meur)
    own = net_cost_by_funder(whole, commitment)
    assert sum(own.values()) == near(outcome.net_cost_meur)
    for f, cost in own.items():
        assert sum(p.cost_meur for p in answer.accounts if p.funder == f) == near(cost)
    bare = read(without_residuals(raw))
    cost = net_cost(bare, commitment)
    assert residual_value(bare, commitment) == 0
    assert cost - outcome.residual_meur == near(outcome.net_cost_meur)
    assert sum(sum(p.paid_meur.values()) for p in answer.accounts) == near(
        sum(sum(by_year.values()) for by_year in answer.committed_meur.values())
    )
