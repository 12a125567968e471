"""Why a project or a stock is in or out: each reason by hand, each regret against all plans."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from documents import one_line
from explaining import best, explained, item, knapsack, value
from hypothesis import example, given, settings, strategies as st
from small import (
    CHINA,
    Raw,
    case,
    chance_of_cut,
    cut,
    funder,
    near,
    project,
    solve,
    state,
    stockpile,
)

from models.results import ExplainedDecision, Explanation
from optimizer.analyses.analysis_options import ExplainOptions
from optimizer.analyses.explanation.explain import PlanExplainer, explain_plan
from optimizer.analyses.explanation.subproblem import QueryReply
from optimizer.analyses.saved_plan import load_saved_plan as given_plan
from optimizer.solve.decomposition.heuristics import Heuristics
from optimizer.solve.session import Session


def two(**sections: Any) -> Raw:
    """A big and a small project, of which the fund can pay for one: the big one is built.

    Big avoids 6 of 10 million for 10, small 5 for 9; what is paid counts a thousandth.
    """
    both = {"big": project(60, 10), "small": project(50, 9)}
    return case(**({"projects": both, "funders": {"fund": funder(budget=10)}} | sections))


def one(fund: Raw, fields: Raw | None = None, **sections: Any) -> Raw:
    """A single project that brings all that is needed for 10 million."""
    works = project(**(fields or {}))
    return case(**({"projects": {"works": works}, "funders": {"fund": fund}} | sections))


def names(one: ExplainedDecision, of: str) -> list[str]:
    return [rule.name for rule in getattr(one, of)]


def check_regret(one: ExplainedDecision, expected: float) -> None:
    """The range holds the true figure and is narrow: a tenth, or what two solves may be off."""
    assert one.regret is not None
    assert one.regret.low is not None
    assert one.regret.high is not None
    assert 0 <= one.regret.low <= expected + 1e-5
    assert expected - 1e-5 <= one.regret.high <= one.regret.low + 0.1 * expected + 1e-4


def test_the_regret_of_an_excluded_project_includes_displaced_projects() -> None:
    small = item(explained(two()), "small")
    assert not small.chosen
    check_regret(small, 1 - 0.001)
    assert small.regret is not None
    assert small.regret.instead is not None
    assert small.regret.instead.entering == ("small",)
    assert small.regret.instead.leaving == ("big",)
    assert (small.regret.expected, small.regret.net_cost_meur) == (near(1), near(-1))
    assert small.regret.public_meur == near(9)
    (big,) = (one for one in explained(two()).items if one.chosen)
    assert big.regret is not None
    assert big.regret.public_meur is None
    assert small.regret.damage == near(1)
    assert small.regret.cost == near(-0.001)


def test_a_budget_over_all_years_stops_a_project() -> None:
    small = item(explained(two()), "small")
    assert set(names(small, "stops")) == {"funder_budget", "market_finance_limit"}
    assert all(rule.alone for rule in small.stops)
    (budget,) = [rule for rule in small.stops if rule.name == "funder_budget"]
    assert (budget.path, budget.limit) == ("funders.fund.budget_meur", 10)
    assert small.beside is None


def test_a_budget_of_a_year_stops_a_project_and_is_named_with_its_year() -> None:
    fund = funder() | {"budget_by_year_meur": {2026: 10}}
    found = explained(two(funders={"fund": fund}))
    (rule,) = [rule for rule in item(found, "small").stops if rule.tag == "B1"]
    assert (rule.name, rule.years, rule.about) == (
        "funder_budget_by_year",
        (2026,),
        {"funder": "fund"},
    )
    assert "funder_budget_by_year" in names(item(found, "big"), "tight")


def test_a_budget_with_money_left_does_not_bind() -> None:
    fund = funder() | {"budget_by_year_meur": {2026: 11}}
    big = item(explained(two(funders={"fund": fund})), "big")
    assert "funder_budget_by_year" not in names(big, "tight")


def test_a_ticket_limit_stops_a_project_without_other_funders() -> None:
    works = item(explained(one(funder(ticket_max_meur=5))), "works")
    assert set(names(works, "conflict")) == {"ticket_max", "market_finance_limit"}
    assert works.regret is not None
    assert works.regret.status == "infeasible"


def test_a_limit_on_public_shares_stops_a_project_without_other_funders() -> None:
    works = item(explained(one(funder(), policy={"max_public_share": 0.5})), "works")
    assert set(names(works, "conflict")) == {"public_share_limit", "market_finance_limit"}


def test_state_aid_stops_a_project() -> None:
    policy = {"state_aid": {"max_intensity": 0.5}}
    works = item(explained(one(funder(grant_equivalent=1), policy=policy)), "works")
    assert set(names(works, "conflict")) == {"state_aid_limit", "market_finance_limit"}
    aid = next(rule for rule in works.conflict if rule.name == "state_aid_limit")
    assert aid.limit == 5


def test_a_missing_investor_stops_a_project() -> None:
    raw = one(funder(max_share=0.25), {"market_finance_max": 0.5})
    works = item(explained(raw), "works")
    assert set(names(works, "conflict")) == {"share_limit", "market_finance_limit"}


def test_other_projects_stop_one_that_they_exclude() -> None:
    both = {"big": project(60, 10), "small": project(50, 9, excludes=["big"])}
    raw = two(projects=both, funders={"fund": funder(budget=100)})
    assert names(item(explained(raw), "small"), "stops") == ["excludes"]


def test_of_several_stopping_rules_the_one_met_by_other_projects_is_named() -> None:
    """The small one lacks the road that it needs as well, which is not worth its money."""
    small = project(50, 9, excludes=["big"], requires=["road"])
    all_ = {"big": project(60, 10), "small": small, "road": project(0.1, 50)}
    raw = two(projects=all_, funders={"fund": funder(budget=100)})
    (rule,) = item(explained(raw), "small").stops
    assert (rule.name, rule.alone) == ("excludes", False)


def test_no_rule_stops_an_unprofitable_project() -> None:
    """One chance in ten of 10 million of damage, for 10 million of cost that count in full."""
    raw = one(funder(), objective={"cost_weight": 1}, **chance_of_cut(0.1))
    works = item(explained(raw), "works")
    assert not works.chosen
    assert works.stops == ()
    assert works.beside is not None
    assert works.beside.avoided == near(1)
    assert works.beside.net_cost_meur == near(10)
    check_regret(works, 9)


def test_twins_are_a_tie() -> None:
    both = {"a": project(60, 10), "b": project(60, 10)}
    found = explained(two(projects=both))
    assert [one.tie for one in found.items] == [True, True]
    for twin in found.items:
        check_regret(twin, 0)


def test_a_project_that_the_scenario_demands_has_that_for_its_reason() -> None:
    raw = two(policy={"must_build": ["small"]})
    assert names(item(explained(raw), "small"), "conflict") == ["must_build"]


def test_binding_rules_of_a_project_are_reported() -> None:
    fields = {"market_finance_max": 0.5, "earliest_start": 2027}
    raw = one(funder(max_share=0.5, budget=5), fields, last_year=2027)
    works = item(explained(raw), "works")
    assert set(names(works, "tight")) == {
        "share_limit",
        "market_finance_limit",
        "funder_budget",
        "earliest_start",
    }
    wide = one(funder(max_share=1), {"market_finance_max": 0.5, "home_share": 1})
    assert "share_limit" not in names(item(explained(wide), "works"), "tight")


def test_a_share_of_one_is_no_binding_limit() -> None:
    """The fund carries all, and all output comes home: nobody could have more than that."""
    works = item(explained(one(funder())), "works")
    assert works.chosen
    assert names(works, "tight") == []


def stocked(**fields: Any) -> Raw:
    """Imports of 100 t fail in 2027 with one chance in ten, when a tonne costs 0.1 million.

    A tonne in stock costs 0.01 million, which counts in full, and avoids 0.01 of mean damage.
    """
    states = [state("calm", 0.9), state("cut", 0.1, 2027)]
    return case(
        2027,
        stockpiles=[stockpile(**fields)],
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": states},
    )


def test_a_stock_that_is_bought_is_worth_what_it_avoids() -> None:
    """20 t avoid 0.2 of mean damage (discounted 0) for 0.2 million that count a thousandth."""
    found = explained(stocked(max_purchase_t_per_year=20, max_t=30))
    reserve = item(found, "reserve")
    assert reserve.chosen
    assert reserve.held_t == near(30)
    assert reserve.regret is not None
    assert reserve.regret.instead is not None
    assert reserve.regret.expected == near(0.3)
    assert reserve.regret.instead.stocks_t == {"reserve": near(-30)}
    assert "storage_limit" in names(reserve, "tight")


def test_the_regret_of_an_empty_stock_is_that_of_days_of_demand() -> None:
    raw = stocked() | {"objective": {"cost_weight": 10}}
    reserve = item(explained(raw, days=36.5), "reserve")
    assert not reserve.chosen
    assert reserve.forced_days == near(36.5)
    assert reserve.regret is not None
    # 10 t by the end of 2027: they cost 0.1, ten times, and are there by then on average by half.
    assert reserve.regret.net_cost_meur == near(0.1)
    assert reserve.stops == ()
    assert reserve.beside is not None


def test_days_of_demand_are_limited_by_capacity() -> None:
    raw = stocked(max_t=5) | {"objective": {"cost_weight": 10}}
    assert item(explained(raw, days=36.5), "reserve").forced_days == near(18.25)
    raw = stocked(max_purchase_t_per_year=2) | {"objective": {"cost_weight": 10}}
    assert item(explained(raw, days=36.5), "reserve").forced_days == near(14.6)
    raw = stocked(max_purchase_t_per_year=0)
    none = item(explained(raw), "reserve")
    assert (none.forced_days, none.regret) == (None, None)


def test_days_of_demand_are_added_to_the_initial_stock() -> None:
    raw = stocked(initial_t=10) | {"objective": {"cost_weight": 10}}
    reserve = item(explained(raw, days=36.5), "reserve")
    assert reserve.regret is not None
    assert reserve.regret.net_cost_meur == near(0.1)


def test_the_first_search_starts_from_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file does not name a stock that buys nothing."""
    taken = given_plan(solve(stocked(initial_t=10) | {"objective": {"cost_weight": 10}}))
    recall, uppers = Heuristics.offer_known_plans, list[float]()

    def recalled(heuristics: Heuristics) -> None:
        recall(heuristics)
        uppers.append(heuristics.run.best_objective)

    monkeypatch.setattr(Heuristics, "offer_known_plans", recalled)
    PlanExplainer(taken, ExplainOptions(values=False, jobs=1))
    assert taken.solution.commitment.buy == {}
    assert uppers == [near(taken.solution.objective)]


def test_limits_on_budgets_are_treated_as_limits_on_decisions() -> None:
    found = explained(two(), values=True)
    assert found.cut_short_count == 0
    (budget, *others) = found.values
    late = [step.model_copy(update={"status": "limit"}) for step in budget.steps]
    cut = budget.model_copy(update={"steps": tuple(late)})
    assert found.model_copy(update={"values": (cut, *others)}).cut_short_count == 1


def test_an_unsolved_regret_is_no_tie() -> None:
    """No plan in time, and a bound that says nothing: neither as good nor worse."""
    taken = given_plan(solve(two()))
    talk = PlanExplainer(taken, ExplainOptions(values=False, gap=0.0, jobs=1))
    force = talk.opposite_decision("project", "small")
    assert force is not None
    talk.answers[force] = {0.0: QueryReply("none", 1.0, bound=0.0)}
    small = talk.explain_item("project", "small")
    assert small.regret is not None
    assert (small.regret.low, small.regret.high, small.tie) == (0, None, False)


def test_only_selected_decisions_are_explained() -> None:
    found = explained(two(), only=("small",))
    assert [one.id for one in found.items] == ["small"]


def test_an_explanation_loads_back_equal() -> None:
    found = explained(two(), values=True)
    assert Explanation.model_validate_json(found.model_dump_json()) == found


KNAPSACK = {"a": (40.0, 6.0), "b": (35.0, 5.0), "c": (30.0, 5.0), "d": (20.0, 4.0)}


@pytest.mark.slow
def test_the_marginal_value_of_a_budget_equals_that_of_all_plans() -> None:
    found = value(explained(knapsack(KNAPSACK, 11), values=True), "funders.fund.budget_meur")
    base = best(KNAPSACK, 11)
    assert base is not None
    assert found.unused_meur == near(0)
    for step in found.steps:
        more = best(KNAPSACK, 11 + step.step)
        assert more is not None
        gain = (base - more) / step.step
        assert step.low is not None
        assert step.high is not None
        assert step.low - 1e-5 <= gain <= step.high + 1e-5
        assert step.high - step.low <= 0.1 * gain + 1e-5
    # No other project costs a single million more: the first one brings nothing.
    assert found.visible == 10


def test_a_budget_with_money_left_may_have_a_marginal_value() -> None:
    """What is left does not pay for anything whole: unused is not the same as worth nothing."""
    found = value(explained(knapsack(KNAPSACK, 10.5), values=True), "funders.fund.budget_meur")
    assert found.unused_meur == near(0.5)
    (step,) = found.steps
    base, more = best(KNAPSACK, 10.5), best(KNAPSACK, 110.5)
    assert base is not None
    assert more is not None
    assert step.plans == pytest.approx((base - more) / 100, abs=1e-6)
    assert step.low is not None
    assert step.low > 0


@pytest.mark.slow
def test_the_marginal_value_of_a_share_limit() -> None:
    """The fund may carry half and the market 0.45: five points more build it, one does not."""
    raw = one(funder(max_share=0.5), {"market_finance_max": 0.45, "home_share": 1})
    other = {"small": project(10, 1, market_finance_max=0.5, home_share=1)}
    raw["projects"] |= other
    found = explained(raw, values=True)
    share = value(found, "funders.fund.instruments.equity.max_share")
    assert [step.step for step in share.steps] == [1, 5, 10]
    assert share.steps[0].high == 0
    assert share.visible == 5
    assert share.steps[1].instead is not None
    assert "works" in share.steps[1].instead.entering


@pytest.mark.parametrize(("carries_over", "years"), [(True, [2026, 2028, 2030]), (False, 5)])
def test_years_whose_money_is_carried_over_are_bracketed(
    carries_over: bool, years: list[int] | int
) -> None:
    """Each year buys 10 t for 0.1 million, all that budget and market allow."""
    fund = funder() | {
        "budget_by_year_meur": dict.fromkeys(range(2026, 2031), 0.1),
        "carry_over": carries_over,
    }
    states = [state("calm", 0.9), state("cut", 0.1, 2030)]
    raw = case(
        2030,
        funders={"fund": fund},
        stockpiles=[stockpile(max_purchase_t_per_year=10)],
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": states},
    )
    found = explained(raw, values=True, only=("none",))
    asked = [one.year for one in found.values]
    assert asked == (years if isinstance(years, list) else list(range(2026, 2031)))
    assert all(step.high == 0 for one in found.values for step in one.steps)


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 8, deadline=None)
@example([(13, 1), (12, 2), (12, 5), (5, 1)], 8)  # where a branch was measured below the cutoff
@given(
    st.lists(
        st.tuples(st.integers(5, 60), st.integers(1, 12)), min_size=2, max_size=4, unique=True
    ),
    st.integers(4, 20),
)
def test_regrets_are_those_of_all_plans(some: list[tuple[int, int]], budget: int) -> None:
    projects = {f"p{n}": (float(t), float(c)) for n, (t, c) in enumerate(some)}
    found = explained(knapsack(projects, float(budget)))
    base = best(projects, budget)
    assert base is not None
    assert found.objective == near(base)
    for one in found.items:
        own = frozenset({one.id})
        other = (
            best(projects, budget, without=own)
            if one.chosen
            else best(projects, budget, within=own)
        )
        assert one.regret is not None
        if other is None:
            assert one.regret.status == "infeasible"
            continue
        check_regret(one, other - base)


def test_a_limit_on_starts_keeps_one_of_two_out() -> None:
    """Both could be paid for, one can be started: it stops the other, and is tight around one."""
    raw = two(funders={"fund": funder()}, policy={"max_starts_by_year": {2026: 1}})
    found = explained(raw)
    (rule,) = item(found, "small").stops
    assert (rule.tag, rule.name, rule.years, rule.limit) == ("P9", "starts_by_year", (2026,), 1)
    assert rule.path == "policy.max_starts_by_year.2026"
    assert "starts_by_year" in names(item(found, "big"), "tight")
    assert "only so many projects may be started in 2026 (P9)" in one_line(found)


def test_the_cost_of_an_excluded_project_includes_its_premium() -> None:
    """Works that avoid 10 million for 0.01 and a premium of 11 as costs weigh: they stay out, and
    nothing stops them."""
    ore = {"price_eur_per_t": 10_000, "secured_premium_eur_per_t": 110_000}
    found = explained(
        one(funder(), materials={"ore": ore | {"premium_paid_by": {"fund": 1}}},
            objective={"cost_weight": 1})
    )  # fmt: skip
    works = item(found, "works")
    assert not works.chosen
    assert works.stops == ()
    assert works.beside is None or works.beside.weighed <= works.beside.weighed_cost


def test_a_plan_that_is_not_the_best_is_reported_and_not_compared_with() -> None:
    """A plan of b alone: what the better one does otherwise is no answer to any question."""
    raw = knapsack(KNAPSACK, 11)
    best_plan = solve(raw)
    poor = solve(raw | {"policy": {"must_build": ["b"], "max_projects": 1}})
    found = explain_plan(
        given_plan(poor.model_copy(update={"scenario": best_plan.scenario})),
        ExplainOptions(values=True, gap=0.0, jobs=1),
    )
    assert found.objective > found.best + 1
    assert found.best == near(best_plan.certificate.objective)
    budget = value(found, "funders.fund.budget_meur")
    (step,) = [one for one in budget.steps if one.step == 100]
    assert step.instead is not None
    # The best plan has a and b; against b alone a would seem to come in as well.
    assert step.instead.entering == ("c",)


def test_a_bound_that_was_proven_of_another_scenario_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plan whose file was changed by hand carries the bound of what it was solved for."""
    search = Session.search

    def search_in_haste(*of: Any, **how: Any) -> Any:
        answer = search(*of, **how)
        solution = replace(answer.result.solution, bound=0.5)
        return replace(answer, result=replace(answer.result, solution=solution))

    monkeypatch.setattr(Session, "search", search_in_haste)
    plan, asked = solve(two()), ExplainOptions(values=False, gap=0.0, jobs=1)
    cheaper = json.loads(json.dumps(plan.scenario))
    cheaper["projects"]["small"]["capex_meur"] = 10
    changed = PlanExplainer(given_plan(plan.model_copy(update={"scenario": cheaper})), asked)
    assert changed.context.bound == 0.5
    own = PlanExplainer(given_plan(plan), asked)
    assert own.context.bound == near(plan.certificate.objective)
