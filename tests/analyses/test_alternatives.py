"""Alternatives against all portfolios of small cases, each solved as a whole; and by hand."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from chained import chained
from random_cases import small_case
from small import CHINA, case, chance_of_cut, funder, project, stockpile

from models.files import read_case_text
from models.results import Alternatives, RobustnessCase
from models.scenario.case import Case
from optimizer.analyses.alternatives import document as words, near_optimal
from optimizer.analyses.alternatives.near_optimal import (
    OBJECTIVE_SLACK,
    AlternativesResult,
    find_alternatives,
)
from optimizer.analyses.alternatives.portfolios import (
    frequency_word,
    min_lots_by_stockpile,
    plan_portfolio,
    robustness_indices,
    share_with_item,
    with_fixed_items,
)
from optimizer.analyses.analysis_options import AlternativesOptions, StatedAssumptions
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.solve.certification import solve_problem
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import max_useful_lots
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.solver_result import relative_gap
from optimizer.solve.verification import check_commitment

Raw = dict[str, Any]
EXACT = {"gap": 1e-6}


def search(raw: Raw, within: float, count: int = 6, **more: Any) -> AlternativesResult:
    return find_alternatives(
        read_case_text(json.dumps(raw)),
        AlternativesOptions(within=within, count=count, assumptions=False, **EXACT),
        **more,
    )


def test_a_stockpile_of_a_form_goes_by_what_is_needed_of_it() -> None:
    """A day of the motors' 60 t of oxide; of terbium, where the plant alone takes it in, of 8 t."""
    oxide = read_instance(Case.model_validate(chained()))
    assert min_lots_by_stockpile(oxide, 1.0) == {"reserve": pytest.approx(60 / 365 / 16)}
    # Oxide is needed for 100 t, and the plant of 32 t could take in 40 more.
    assert max_useful_lots(oxide, "reserve") == pytest.approx((100 + 40 + 6) / 16)
    terbium = [stockpile(material="terbium")]
    raw = chained(conversions={}, policy={}, stockpiles=terbium)
    instance = read_instance(Case.model_validate(raw))
    assert min_lots_by_stockpile(instance, 1.0) == {
        "reserve": pytest.approx(8 / 365 / instance.lot_tonnes["terbium"])
    }


def all_portfolios(raw: Raw) -> dict[frozenset[tuple[str, str]], float]:
    """The least objective of every portfolio that keeps all rules, by the extensive form."""
    problem = Problem.from_case(read_case_text(json.dumps(raw)).case)
    least = min_lots_by_stockpile(problem.instance, 1.0)
    marks = [("project", p) for p, own in problem.instance.projects.items() if own.start_years]
    marks += [("stockpile", h) for h in least]
    found = {}
    for size in range(len(marks) + 1):
        for some in combinations(marks, size):
            lacks = [mark for mark in marks if mark not in some]
            settled = with_fixed_items(problem.instance, some, lacks, least)
            solved = solve_problem(
                Problem(settled, problem.states, 0.0), gap=1e-9, method="extensive"
            )
            if solved.solution.objective is not None:
                found[frozenset(some)] = solved.solution.objective
    return found


def portfolio(own: Any) -> frozenset[tuple[str, str]]:
    return frozenset(
        [*(("project", p) for p in own.projects), *(("stockpile", h) for h in own.stockpiles)]
    )


@pytest.mark.quick(every=17, ci=7)
@pytest.mark.parametrize("seed", [*range(6), 8])
@pytest.mark.parametrize("within", [0.0, 0.1, 0.6, 3.0])
def test_each_is_as_far_as_any_within_the_limit(seed: int, within: float) -> None:
    raw = small_case(random.Random(f"alternatives {seed}").choice)
    try:
        found = search(raw, within).alternatives
    except Infeasible:
        assert all_portfolios(raw) == {}
        return
    spare = OBJECTIVE_SLACK * max(1.0, abs(found.bound))
    least = all_portfolios(raw)
    # No portfolio of these cases lies just at the limit: nobody could say on which side it is.
    assert within == 0 or all(abs(value - found.limit) >= 10 * spare for value in least.values())
    allowed = {some for some, value in least.items() if value <= found.limit + spare}
    known = [portfolio(found.plan)]
    for own in found.alternatives:
        mine = portfolio(own.plan)
        assert mine in allowed
        assert own.plan.objective == pytest.approx(least[mine], rel=1e-5, abs=1e-5)

        def distance(some: frozenset[tuple[str, str]], known: Any = tuple(known)) -> Any:
            apart = [len(some ^ other) for other in known]
            return min(apart), sum(apart)

        assert distance(mine) == max(distance(some) for some in allowed - set(known))
        assert own.unlike == own.unlike_at_most == distance(mine)[0]
        assert own.unlike_proven
        known.append(mine)
    assert found.exhausted == (allowed <= set(known)) or len(known) == 7
    if len(known) < 7:
        assert allowed <= set(known)
    for item in found.items:
        holds = {(item.kind, item.id) in some for some in allowed | {known[0]}}
        assert item.within in ("open", "in all" if holds == {True} else "in none"), item
        if len(holds) == 2:
            assert item.within == "open"
        else:
            assert item.within != "open"


def two_works() -> Raw:
    """One year, 100 t that fail to arrive with certainty, 10 million EUR of damage without them.

    Works A gives 100 t for 4 million EUR, works B for 5, all home; the fund pays. A stock of 100 t
    costs 1 million EUR. With cost_weight 1 the stock alone costs 1, A alone 4, B alone 5; A and
    the stock 4 and the least stock that counts, 100/365 t for 0.00274 million EUR.
    """
    home: Raw = {"home_share": 1.0, "construction_years": 0}
    return case(
        projects={"a": project(100, 4, **home), "b": project(100, 5, **home)},
        stockpiles=[stockpile()],
        objective={"cost_weight": 1},
    )


def test_a_case_by_hand() -> None:
    """Within 500 % (objective at most 6): nothing (10) and A with B (9) are out; what is left is
    stock, A, B, A + stock, B + stock. From {stock}: {a} and {b} are 2 away, and so farthest;
    {a, b} is not within. A second one: {b} is 2 from both. The rest are 1 away."""
    found = search(two_works(), 5.0, count=10).alternatives
    assert found.plan.objective == pytest.approx(1.0, abs=1e-6)
    assert [own.unlike for own in found.alternatives] == [2, 2, 1, 1]
    first, second, *rest = (portfolio(own.plan) for own in found.alternatives)
    assert {first, second} == {frozenset([("project", "a")]), frozenset([("project", "b")])}
    assert all(("stockpile", "reserve") in some for some in rest)
    assert found.exhausted
    worth = {portfolio(own.plan): own.plan.objective for own in found.alternatives}
    stock = 100 / 365 * 10_000 / 1e6
    assert worth[rest[0]] == pytest.approx(4 + stock, abs=1e-5) or worth[rest[0]] == pytest.approx(
        5 + stock, abs=1e-5
    )


def test_within_nothing_only_ties_remain() -> None:
    """Two works alike: each is as good as the other, and nothing else is."""
    raw = two_works() | {"stockpiles": []}
    raw["projects"]["b"]["capex_meur"] = 4
    found = search(raw, 0.0).alternatives
    (only,) = found.alternatives
    assert only.plan.objective == pytest.approx(found.plan.objective, rel=1e-6)
    assert (only.entering, only.leaving) in ((("a",), ("b",)), (("b",), ("a",)))
    assert found.exhausted


def test_proofs_hold_and_plans_keep_the_rules_of_the_scenario() -> None:
    raw = small_case(random.Random("alternatives 3").choice)
    sighted = search(raw, 0.6)
    found = sighted.alternatives
    problem = Problem.from_case(read_case_text(json.dumps(raw)).case)
    for own in found.alternatives:
        plan = sighted.plans[own.number]
        assert own.plan.objective <= found.limit * (1 + 1e-5)
        assert own.portfolio_bound <= own.plan.objective + 1e-5
        assert plan.certificate.bound == found.bound
        assert plan.certificate.gap == relative_gap(own.plan.objective, found.bound)
        assert plan.scenario == sighted.plans[0].scenario
        back = load_saved_plan(plan)
        check_commitment(problem.instance, back.solution.commitment)
        least = min_lots_by_stockpile(problem.instance, 1.0)
        assert plan_portfolio(problem.instance, back.solution.commitment, least) == portfolio(
            own.plan
        )


def as_reported(found: Alternatives) -> dict[str, Any]:
    content = found.model_dump(exclude={"seconds"})
    content["others"] = [{k: x for k, x in o.items() if k != "seconds"} for o in content["others"]]
    return content


def test_bound_and_limit_are_distinguished_and_the_bound_is_no_higher_than_proven() -> None:
    """Within a thousandth of a percent three digits would make one figure of all."""
    found = search(two_works(), 5.0, count=1).alternatives
    near = found.model_copy(update={"bound": 33.49966, "limit": 33.49966 * 1.00001})
    assert words._format_objective(near, near.bound, round_down=True) == "33.49966"
    assert words._format_objective(near, near.limit) == "33.49999"
    wide = found.model_copy(update={"bound": 33.49966, "limit": 40.0})
    assert words._format_objective(wide, wide.bound, round_down=True) == "33.4"


@pytest.mark.slow
def test_the_same_question_has_the_same_answer() -> None:
    raw = small_case(random.Random("alternatives 5").choice)
    assert as_reported(search(raw, 0.3).alternatives) == as_reported(search(raw, 0.3).alternatives)


@pytest.mark.slow
def test_a_document_loads_back_equal() -> None:
    found = search(two_works(), 5.0, count=3).alternatives
    assert Alternatives.model_validate_json(found.model_dump_json()) == found


@pytest.mark.slow
def test_a_given_plan_stays_the_one_compared_with() -> None:
    """A plan that is not the best: its certificate uses the bound of the best plan."""
    raw = two_works()
    worse = read_case_text(json.dumps(raw | {"policy": {"must_build": ["a"]}}))
    from optimizer.solve.planner import solve_to_plan

    dear = solve_to_plan(worse.case)
    free = json.loads(json.dumps(dear.scenario))
    del free["policy"]["must_build"]
    back = load_saved_plan(dear.model_copy(update={"scenario": free}))
    found = find_alternatives(
        back.reading,
        AlternativesOptions(within=5.0, count=2, assumptions=False, **EXACT),
        saved_plan=back,
    )
    assert found.alternatives.given
    assert found.alternatives.plan.projects == {"a": 2026}
    assert found.alternatives.bound == pytest.approx(1.0, abs=1e-5)
    assert found.alternatives.plan.above == pytest.approx(3.0, abs=0.01)


def test_stated_assumptions_and_variants_are_solved_and_counted() -> None:
    """The stock is bought as long as ore is cheap; at 200 000 EUR/t nobody buys it."""
    reading = read_case_text(json.dumps(two_works()))
    dear = reading.with_settings(["materials.ore.price_eur_per_t=200000"]).case
    found = find_alternatives(
        reading,
        AlternativesOptions(
            within=0.0,
            count=1,
            stated=(StatedAssumptions("no a", ("policy.must_not_build=[a]",)),),
            assumptions=False,
            **EXACT,
        ),
        variants={"dear": dear},
    ).alternatives
    assert [(o.kind, o.id, o.status) for o in found.others] == [
        ("variant", "dear", "optimal"),
        ("assumption", "no a", "optimal"),
    ]
    of = {item.id: item for item in found.items}
    assert (of["reserve"].variants, of["reserve"].assumptions) == (0.0, 1.0)
    assert of["reserve"].alternatives is None
    assert of["reserve"].index == pytest.approx(0.5)
    assert (of["a"].variants, of["a"].index, of["a"].says) == (1.0, 0.5, "in most")
    assert of["b"].says == "never"


def test_a_stop_among_other_cases_ends_them_and_keeps_those_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search that is stopped comes back with the plan it has, and must not pass for solved."""
    from optimizer.solve import session

    reading = read_case_text(json.dumps(two_works()))
    asked = AlternativesOptions(
        within=0.0,
        count=1,
        stated=tuple(StatedAssumptions(n, ()) for n in "xyz"),
        assumptions=False,
        **EXACT,
    )
    calls: list[CheckedSolution] = []

    def find_until_stopped(*of: Any, **how: Any) -> CheckedSolution:
        calls.append(solve_and_certify(*of, **how))
        return replace(calls[-1], interrupted=len(calls) == 3)  # the first is of the plan itself

    monkeypatch.setattr(session, "solve_and_certify", find_until_stopped)
    found = find_alternatives(reading, asked).alternatives
    assert [one.id for one in found.others] == ["x"]
    assert found.ended == "interrupted"
    assert len(calls) == 3


@pytest.mark.slow
def test_usual_assumptions_are_the_ends_of_each_group() -> None:
    raw = case(
        projects={"a": project(100, 4, home_share=1.0)},
        stockpiles=[stockpile()],
        objective={"cost_weight": 1},
        **chance_of_cut(0.5),
    )
    found = find_alternatives(
        read_case_text(json.dumps(raw)), AlternativesOptions(within=0.5, count=1, **EXACT)
    ).alternatives
    ends: dict[str, list[float | None]] = {}
    for other in found.others:
        assert other.kind == "assumption"
        ends.setdefault(other.id, []).append(other.factor)
    assert all(len(pair) == 2 for pair in ends.values())
    assert ends["damage"] == [0.5, 2.0]
    assert {"capex", "demand", "price", "hazard"} <= set(ends)


def other(kind: str, projects: tuple[str, ...], status: str = "optimal") -> RobustnessCase:
    return RobustnessCase.model_validate(
        {
            "kind": kind,
            "id": "x",
            "title": "x",
            "factor": None,
            "settings": (),
            "status": status,
            "objective": 1.0,
            "gap": 0.0,
            "projects": projects,
            "stockpiles": (),
            "seconds": 0.0,
        }
    )


def test_the_index_is_the_mean_of_the_shares_that_exist() -> None:
    """Of 4 alternatives 3 have it, of 2 variants with a plan 1, and no assumption was asked."""
    mark = ("project", "a")
    some = [frozenset([mark])] * 3 + [frozenset()]
    others = [other("variant", ("a",)), other("variant", ()), other("variant", ("a",), "none")]
    others.append(other("variant", ("a",), "limit"))  # its best plan may do without
    (item,) = robustness_indices([mark], frozenset([mark]), {mark: True}, some, others)
    assert (item.alternatives, item.variants, item.assumptions) == (0.75, 0.5, None)
    assert item.index == 0.625  # (0.75 + 0.5) / 2
    assert (item.says, item.within, item.in_plan) == ("in most", "in all", True)
    assert share_with_item(mark, []) is None


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (1.0, "always"),
        (0.9, "nearly always"),
        (0.899, "in most"),
        (0.5, "in most"),
        (0.01, "in some"),
        (0.0, "never"),
    ],
)
def test_shares_in_words(index: float, says: str) -> None:
    assert frequency_word(index) == says


def test_a_stockpile_that_cannot_hold_a_day_is_no_choice() -> None:
    raw = two_works()
    raw["stockpiles"] = [stockpile(max_t=0.1)]
    found = search(raw, 0.2).alternatives
    assert [item.id for item in found.items] == ["a", "b"]


def test_no_alternative_without_anything_to_choose() -> None:
    found = search(case(supply=CHINA, funders={"fund": funder()}), 0.5).alternatives
    assert (found.alternatives, found.items, found.exhausted) == ((), (), True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 4, 5])
def test_where_the_search_ends_early_all_that_is_reported_is_proven(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in large problems: branches are cut short, and portfolios are guessed."""
    monkeypatch.setattr(near_optimal, "FIRST_NODE_LIMIT", 0)
    monkeypatch.setattr(near_optimal, "SMALL_PROGRAM_INTEGERS", -1)
    raw = small_case(random.Random(f"alternatives {seed}").choice)
    found = search(raw, 0.6).alternatives
    spare = OBJECTIVE_SLACK * max(1.0, abs(found.bound))
    allowed = {some for some, worth in all_portfolios(raw).items() if worth <= found.limit + spare}
    known = [portfolio(found.plan)]
    for own in found.alternatives:
        mine = portfolio(own.plan)
        assert mine in allowed - set(known)
        farthest = max(min(len(some ^ o) for o in known) for some in allowed - set(known))
        assert own.unlike == min(len(mine ^ other) for other in known)
        assert own.unlike <= farthest <= own.unlike_at_most
        known.append(mine)
    if found.exhausted:
        assert allowed <= set(known)
