"""The world the model knows, solved by hand: the contract's examples, identities and more.

A missing tonne costs 1 million EUR where nothing else is said, so that damage counts tonnes; money
is million EUR and weighs nothing. Each case is solved by the oracle and by both of the product's
methods, pooled and entitled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from forms import BOTH, METHODS, chain, dear, imports, kept, makers, works
from oracle import best
from oracle_outcome import without_plan
from small import CHINA, Raw, case, cut, funder, near, project, state, stockpile

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan


@dataclass(frozen=True)
class Found:
    """Objective and expected damage of the best plan, and damage without any."""

    objective: float
    expected: float
    without: float


pytestmark = pytest.mark.quick(every=7, ci=3)

Solve = Callable[[Raw], Found | None]


def by_oracle(raw: Raw) -> Found | None:
    answer = best(raw)
    if answer is None:
        return None
    chances = [it["probability"] for it in raw["uncertainty"]["states"]]
    lost = zip(chances, without_plan(raw), strict=True)
    return Found(answer.objective, answer.expected, sum(chance * x for chance, x in lost))


def by_product(raw: Raw) -> Found | None:
    """Both methods, which have to agree."""
    found = []
    for method in METHODS:
        try:
            it = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)
        except Infeasible:
            found.append(None)
            continue
        outcome = it.outcome
        found.append(
            Found(it.certificate.objective, outcome.expected, outcome.without_plan.expected)
        )
    one, other = found
    if one is None or other is None:
        assert one is other
        return None
    figures = [one.objective, one.expected, one.without]
    assert [other.objective, other.expected, other.without] == near(figures)
    return one


@pytest.fixture(params=[by_oracle, by_product], ids=["oracle", "product"])
def solver(request: pytest.FixtureRequest) -> Solve:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=BOTH)
def solve(request: pytest.FixtureRequest, solver: Solve) -> Solve:
    """A solver, by each allocation where the case names none."""

    def solved(raw: Raw) -> Found | None:
        objective = {"allocation": request.param} | raw["objective"]
        return solver(raw | {"objective": objective})

    return solved


def damage(solve: Solve, raw: Raw) -> float:
    found = solve(raw)
    assert found is not None
    return found.expected


def avoided(solve: Solve, raw: Raw) -> tuple[float, float]:
    """Damage without plan and with the best one."""
    found = solve(raw)
    assert found is not None
    return found.without, found.expected


def objective(solve: Solve, raw: Raw) -> float:
    found = solve(raw | {"objective": {"cost_weight": 1.0}})
    assert found is not None
    return found.objective


def states(*found: Raw) -> Raw:
    return {"states": list(found)}


def world(*starts: int, last_year: int = 2026, being: Raw | None = None, **sections: Any) -> Raw:
    """100 t of ore a year come from China, nothing in the years given; one certain state."""
    own = {
        "supply": CHINA,
        "hazards": cut([1.0]),
        "damage": [dear("ore")],
        "objective": {"cost_weight": 0.0},
        "uncertainty": states(state("only", 1.0, *starts, **(being or {}))),
    }
    return case(last_year, **(own | sections))


def two_users(**sections: Any) -> Raw:
    """Of 100 t a needs 60 at 1 million EUR a missing tonne, b 40 at 3 million."""
    return sections | {
        "consumers": {"a": {"name": "A"}, "b": {"name": "B"}},
        "demand": [
            {"consumer": "a", "material": "ore", "t_per_year": 60},
            {"consumer": "b", "material": "ore", "t_per_year": 40},
        ],
        "damage": [dear("ore"), dear("ore", 3, consumer="b")],
    }


# What would happen anyway

POOR = {"fund": funder(budget=0)}


def mine(year: int = 2026, **fields: Any) -> Raw:
    """A mine of 100 t that is there anyway in a year; a tenth of its output comes home."""
    own = {"home_share": 0.1, "market_finance_max": 0.9, "latest_start": 2026}
    return {"mine": project(anyway={"year": year, "probability": 1.0}, **(own | fields))}


def unaided(*starts: int, year: int = 2026, being: Raw | None = None, **fields: Any) -> Raw:
    """A world with such a mine, in the one state in which it is built, and no money."""
    last_year = fields.pop("last_year", 2026)
    sections = {"projects": mine(year, **fields), "funders": POOR}
    named = {"anyway": ["mine"]} | (being or {})
    return world(*(starts or (2026,)), last_year=last_year, being=named, **sections)


def test_a_plan_is_not_credited_with_what_comes_anyway(solve: Solve) -> None:
    """The contract: 10 t come anyway; a tenth in equity brings another 10 t, not 20.

    A start takes the place of what comes anyway: 100 - 10 without plan, 100 - 10 - 10 with it.
    """
    raw = unaided() | {"funders": {"fund": funder(max_share=0.1)}}
    assert avoided(solve, raw) == (near(90), near(80))


def test_without_money_a_plan_avoids_nothing_if_all_projects_are_unaided(solve: Solve) -> None:
    """The contract's identity: the market carries nine tenths only, and the fund has nothing."""
    assert avoided(solve, unaided()) == (near(90), near(90))


def test_what_a_state_does_not_name_does_not_come(solve: Solve) -> None:
    """10 t come in half of the cases: 0.5 · 90 + 0.5 · 100."""
    both = states(state("built", 0.5, 2026, anyway=["mine"]), state("not", 0.5, 2026))
    assert avoided(solve, unaided() | {"uncertainty": both}) == (near(95), near(95))


def test_the_worst_state_is_the_one_in_which_nothing_comes(solve: Solve) -> None:
    """With all weight on the worse half of two states, 90 and 100, the objective is 100."""
    both = states(state("built", 0.5, 2026, anyway=["mine"]), state("not", 0.5, 2026))
    aim = {"cost_weight": 0.0, "cvar": {"level": 0.5, "weight": 1.0}}
    found = solve(unaided() | {"uncertainty": both, "objective": aim})
    assert found is not None
    assert (found.objective, found.expected) == (near(100), near(95))


def test_no_more_comes_anyway_than_may_be_reserved(solve: Solve) -> None:
    """Half comes home, of which 30 % at most may: min(50, 30)."""
    assert damage(solve, unaided(home_share=0.5, offtake_max=0.3)) == near(70)


def test_what_comes_anyway_can_fail(solve: Solve) -> None:
    """The mine is built and produces nothing: all 100 are missing, as without it."""
    assert avoided(solve, unaided(being={"failed_projects": ["mine"]})) == (near(100), near(100))


def test_what_comes_anyway_can_be_late(solve: Solve) -> None:
    """A year late: 100 in the first of two years, 90 in the second."""
    raw = unaided(2026, 2027, last_year=2027, being={"delayed_projects": {"mine": 1}})
    assert avoided(solve, raw) == (near(190), near(190))


def test_unaided_projects_ramp_up_from_their_year(solve: Solve) -> None:
    """Decided in 2027, built for a year, half of it in 2028 and all in 2029: 5 and 10 t come.

    100 + 100 + 95 + 90.
    """
    raw = unaided(*range(2026, 2030), year=2027, last_year=2029)
    raw["projects"] = mine(2027, construction_years=1, ramp_up=[0.5, 1.0])
    assert damage(solve, raw) == near(385)


def test_an_earlier_start_replaces_the_later_unaided_one(solve: Solve) -> None:
    """Anyway in 2027: 100 + 90 without plan. The market alone builds it in 2026: 90 + 90."""
    raw = unaided(2026, 2027, year=2027, last_year=2027, market_finance_max=1.0)
    assert avoided(solve, raw) == (near(190), near(180))


def test_a_start_never_adds_to_what_comes_anyway(solve: Solve) -> None:
    """Started as it has to be, the mine brings its tenth once: 90, not 80."""
    raw = unaided(market_finance_max=1.0) | {"policy": {"must_build": ["mine"]}}
    assert damage(solve, raw) == near(90)


def test_what_comes_anyway_is_common(solver: Solve) -> None:
    """10 t: where pooled all for b, 60 + 3 · 30; where entitled 6 and 4: 54 + 3 · 36."""
    raw = two_users(**unaided())
    for allocation, lost in (("pooled", 150), ("entitled", 162)):
        aim = {"cost_weight": 0.0, "allocation": allocation}
        assert damage(solver, raw | {"objective": aim}) == near(lost)


@pytest.mark.parametrize(
    "rule", [{"must_not_build": ["mine"]}, {"max_projects": 0}, {"max_starts_by_year": {2026: 0}}]
)
def test_an_unaided_project_counts_as_no_start(solve: Solve, rule: Raw) -> None:
    """Rules on starts leave its 10 t alone, even where the market would build it."""
    raw = unaided(market_finance_max=1.0) | {"policy": rule}
    assert damage(solve, raw) == near(90)


def test_an_unaided_project_satisfies_no_requirement(solve: Solve) -> None:
    """A smelter of 50 t requires a start of the mine, which nobody can pay: 90, not 40."""
    raw = unaided()
    raw["projects"] |= {"smelter": works(50, "ore", requires=["mine"])}
    assert damage(solve, raw) == near(90)


def test_unaided_output_does_not_count_for_country_limits(solve: Solve) -> None:
    """China supplies 100, of which 60 may stay: 40 from elsewhere, which nobody can pay.

    What comes anyway, 50 t, would do, but does not count; a stake of 40 % does.
    """
    raw = unaided(home_share=0.5) | {"policy": {"max_country_share": {"limit": 0.6}}}
    assert solve(raw) is None
    funders = {"fund": funder(max_share=0.4)}
    raw["projects"] = mine(home_share=0.0, market_finance_max=0.6)
    assert damage(solve, raw | {"funders": funders}) == near(60)


@pytest.mark.parametrize(("stock", "missing"), [(30, 70), (50, 60)])
def test_an_unaided_plant_uses_available_inputs(solve: Solve, stock: float, missing: float) -> None:
    """40 t of its 100 are for home: it makes min(stock, 40)."""
    plant = works(100, home_share=0.4, market_finance_max=0.5, inputs_t_per_t={"oxide": 1.0})
    plant["anyway"] = {"year": 2026, "probability": 1.0}
    raw = chain(conversions={}, stockpiles=[kept(stock)], projects={"plant": plant}, funders=POOR)
    raw["stockpiles"][0]["paid_by"] = {"fund": 1.0}
    raw["uncertainty"] = states({"name": "built", "probability": 1.0, "anyway": ["plant"]})
    assert damage(solve, raw) == near(missing)


# How many deals there can be


def pair(last_year: int = 2027, **fields: Any) -> Raw:
    """Two works of 50 t that the market builds, in a cut of all years."""
    both = {name: works(50, "ore", **fields) for name in ("one", "two")}
    return world(*range(2026, last_year + 1), last_year=last_year, projects=both)


@pytest.mark.parametrize(
    ("most", "missing"),
    [({}, 0), ({2026: 1}, 50), ({2026: 0}, 100), ({2026: 0, 2027: 1}, 150), ({2027: 0}, 0)],
)
def test_no_more_start_in_a_year_than_may(solve: Solve, most: Raw, missing: float) -> None:
    """Works that may not start in 2026 start in 2027, where that is not limited either."""
    assert damage(solve, pair() | {"policy": {"max_starts_by_year": most}}) == near(missing)


def test_what_has_to_be_built_has_to_be_allowed_to_start(solve: Solve) -> None:
    """Both have to start in 2026 or 2027, one a year may: 50 + 0; none in 2027: no plan."""
    raw = pair() | {"policy": {"must_build": ["one", "two"], "max_starts_by_year": {2026: 1}}}
    assert damage(solve, raw) == near(50)
    raw["policy"]["max_starts_by_year"] = {2026: 1, 2027: 0}
    assert solve(raw) is None


def test_a_project_starts_no_earlier_than_its_requirement(solve: Solve) -> None:
    """Two requires one, one deal a year: 50 missing in 2026, none after; 2026: 0 leaves 100 + 50.

    With one deal in 2027 and three years: 100 + 50 + 0.
    """
    raw = pair(2028)
    raw["projects"]["two"]["requires"] = ["one"]
    raw["policy"] = {"max_starts_by_year": {2026: 1}}
    assert damage(solve, raw) == near(50)
    raw["policy"] = {"max_starts_by_year": {2026: 0, 2027: 1}}
    assert damage(solve, raw) == near(150)


# What secured output costs above the market


def secured(*starts: int, rate: Any = 20_000, last_year: int = 2026, **fields: Any) -> Raw:
    """Works of 100 t that the market builds; a secured tonne costs 20 000 EUR more: 2 million."""
    raw = world(*(starts or (2026,)), last_year=last_year)
    raw["materials"]["ore"] |= {"secured_premium_eur_per_t": rate, "premium_paid_by": {"fund": 1.0}}
    return raw | {"projects": {"works": works(100, "ore", **fields)}}


def with_fund(raw: Raw, **fields: Any) -> Raw:
    return raw | {"funders": {"fund": funder() | fields}}


def test_a_premium_is_a_cost(solve: Solve) -> None:
    """100 t at 20 000 EUR; with an even chance of success one half, also in written-out states."""
    assert objective(solve, secured()) == near(2)
    assert objective(solve, secured(success_probability=0.5)) == near(1)


def test_a_premium_is_discounted_as_a_cost_and_not_as_spend(solve: Solve) -> None:
    """2 + 2 / 1.25 as a cost. Of spend, 4 in two years, 3 million allow 75 %: 25 + 25 / 1.25."""
    raw = secured(2026, 2027, last_year=2027)
    raw["horizon"]["discount_rate"] = 0.25
    assert objective(solve, raw) == near(3.6)
    assert damage(solve, with_fund(raw, budget_meur=3)) == near(45)


@pytest.mark.parametrize(("budget", "missing"), [(2, 0), (1, 50), (0, 100)])
def test_a_budget_pays_for_so_much_secured_output(
    solve: Solve, budget: float, missing: float
) -> None:
    """A million secures 50 t, by a funder's budget or by that over all public funders."""
    assert damage(solve, with_fund(secured(), budget_meur=budget)) == near(missing)
    assert damage(solve, secured() | {"policy": {"budget_meur": budget}}) == near(missing)


def test_a_premium_falls_in_its_years(solve: Solve) -> None:
    """Half the output in 2026, all in 2027: 1 and 2 million; 1 and 1 allow one half.

    25 t of 100 in 2026 and 50 in 2027: 75 + 50.
    """
    raw = secured(2026, 2027, last_year=2027, ramp_up=[0.5, 1.0])
    raw = with_fund(raw, budget_by_year_meur={2026: 1, 2027: 1})
    assert damage(solve, raw) == near(125)
    raw["materials"]["ore"]["secured_premium_eur_per_t"] = {2026: 20_000, 2027: 10_000}
    assert damage(solve, raw) == near(50)


def test_the_charge_of_a_funder_counts_in_its_budgets_alone(solve: Solve) -> None:
    """At a charge of one half 0.5 million pays for 50 t; the cost is 2 million all the same."""
    raw = with_fund(secured(), premium_charge=0.5)
    half = with_fund(secured(), premium_charge=0.5, budget_meur=0.5)
    assert damage(solve, half) == near(50)
    assert damage(solve, raw | {"policy": {"budget_meur": 0.5}}) == near(50)
    assert objective(solve, raw) == near(2)


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ({"kind": "cash", "total_meur": 1}, 50),
        ({"kind": "cash", "total_meur": 0.25, "premium_charge": 0.25}, 50),
        ({"kind": "cash", "total_meur": 0, "premium_charge": 0}, 0),
        ({"kind": "commitment", "total_meur": 0}, 0),
        ({"kind": "guarantee_stock", "limit_meur": 0}, 0),
    ],
)
def test_a_line_of_cash_counts_a_premium_by_its_own_charge(
    solve: Solve, line: Raw, missing: float
) -> None:
    """2 million times the charge of the line, whatever that of the funder; other lines none."""
    raw = with_fund(secured(), premium_charge=0.1, budget_lines={"line": line})
    assert damage(solve, raw) == near(missing)


def test_two_share_a_premium(solve: Solve) -> None:
    """A bank pays a quarter, 0.5 million of 2, and has 0.25: one half is secured."""
    raw = secured()
    raw["funders"] = {"fund": funder(), "bank": funder("private", budget=0.25)}
    raw["materials"]["ore"]["premium_paid_by"] = {"fund": 0.75, "bank": 0.25}
    assert damage(solve, raw) == near(50)


def test_a_premium_is_paid_for_output_that_does_not_come(solve: Solve) -> None:
    """It fails in one of two states: 0.5 · 100 missing, and 2 million for both: 52.

    A year late, 100 are missing in the first of two years, and 2 · 2 million are paid: 104.
    """
    both = states(state("fine", 0.5, 2026), state("ill", 0.5, 2026, failed_projects=["works"]))
    assert objective(solve, secured() | {"uncertainty": both}) == near(52)
    late = states(state("late", 1.0, 2026, 2027, delayed_projects={"works": 1}))
    raw = secured(last_year=2027) | {"uncertainty": late}
    assert objective(solve, raw) == near(104)


def test_a_premium_is_no_state_aid_and_no_money_is_lent_on_it(solve: Solve) -> None:
    """The fund has no share in the works, so that neither aid nor a share of the public counts."""
    raw = secured() | {"policy": {"state_aid": {"max_meur": 0}, "max_public_share": 0}}
    assert damage(solve, raw) == near(0)


def test_output_for_a_company_costs_a_premium_as_well(solver: Solve) -> None:
    """Half of the output can be the maker's, half comes by home_share: 2 million for both.

    The fund has 1: 50 t of either, and all are for the maker's industry in the end.
    """
    raw = secured(home_share=0.5, market_finance_max=0.5)
    raw["consumers"] = {"industry": {"name": "Industry", "company": "maker"}}
    raw["funders"] = {"fund": funder(budget=1), "maker": funder("company")}
    raw["funders"]["fund"]["instruments"] = {}
    for allocation in BOTH:
        aim = {"cost_weight": 0.0, "allocation": allocation}
        assert damage(solver, raw | {"objective": aim}) == near(50)


@pytest.mark.parametrize(("budget", "missing"), [(0, 50), (1, 50), (1.5, 25), (2, 0)])
def test_what_comes_anyway_costs_no_premium(solve: Solve, budget: float, missing: float) -> None:
    """50 t come anyway. A start takes their place, and then each tonne is charged, these too:
    75 t cost 1.5 million.
    """
    raw = secured(anyway={"year": 2026, "probability": 1.0}, home_share=0.5)
    raw["projects"]["works"]["market_finance_max"] = 0.5
    being = states(state("built", 1.0, 2026, anyway=["works"]))
    raw = with_fund(raw, budget_meur=budget) | {"uncertainty": being}
    raw["funders"]["fund"]["instruments"]["equity"]["budget_charge"] = 0.0
    assert avoided(solve, raw) == (near(50), near(missing))


def test_output_that_comes_home_is_charged_once_it_is_started(solve: Solve) -> None:
    """Nothing comes unaided. Of the 50 t of home_share 0.4 million pay for 20."""
    raw = with_fund(secured(home_share=0.5), budget_meur=0.4)
    assert damage(solve, raw) == near(80)


# What projects cost in the end

TABLE = [
    {"by": 0.0, "probability": 0.4},
    {"by": 0.3, "probability": 0.4},
    {"by": 0.8, "probability": 0.2},
]


def overrun(contingency: float | None = None, table: Any = TABLE, **terms: Any) -> Raw:
    """Works of 100 t and 10 million: a share of output for each of capex. The mean is 0.28."""
    raw = world(2026, projects={"works": project(capex_overrun=table, market_finance_max=1.0)})
    raw["funders"] = {"fund": funder(**terms)}
    return raw if contingency is None else raw | {"policy": {"contingency": contingency}}


@pytest.mark.parametrize("contingency", [None, 0.1, 0.9])
def test_net_cost_counts_the_mean(solve: Solve, contingency: float | None) -> None:
    """All of capex for all of output: 10 · 1.28, or half of it where half comes back."""
    assert objective(solve, overrun(contingency)) == near(12.8)
    assert objective(solve, overrun(contingency, recovery=0.5)) == near(6.4)


def test_instalments_are_discounted_with_what_they_come_to(solve: Solve) -> None:
    """Half in 2026, half in 2027, a year of 25 %: 12.8 · (0.5 + 0.5 / 1.25) for no damage."""
    raw = overrun() | {"horizon": {"first_year": 2026, "last_year": 2027, "discount_rate": 0.25}}
    raw["projects"]["works"]["capex_profile"] = [0.5, 0.5]
    assert objective(solve, raw) == near(11.52)


@pytest.mark.parametrize(
    ("contingency", "budget"), [(None, 6.4), (0.4, 5.0), (0.8, 6.5), (0.81, 9.0), (1.0, 9.0)]
)
def test_a_budget_carries_the_contingency(
    solve: Solve, contingency: float | None, budget: float
) -> None:
    """Half of 10 · 1.28 by default; else of 10, of 13 and of 18. Half of the output is missing."""
    raw = overrun(contingency)
    assert damage(solve, with_fund(raw, budget_meur=budget)) == near(50)
    policy = raw.get("policy", {}) | {"budget_meur": budget}
    assert damage(solve, raw | {"policy": policy}) == near(50)


def test_a_quantile_is_reached_up_to_rounding(solve: Solve) -> None:
    """0.7 + 0.1 is a little less than 0.8 in floating point, and counts: 15 · 0.5, not 20."""
    table = [{"by": by, "probability": x} for by, x in ((1.0, 0.2), (0.0, 0.7), (0.5, 0.1))]
    assert damage(solve, with_fund(overrun(0.8, table), budget_meur=7.5)) == near(50)


@pytest.mark.parametrize(
    "line",
    [
        {"kind": "cash", "total_meur": 6.5},
        {"kind": "commitment", "total_meur": 6.5},
        {"kind": "guarantee_stock", "limit_meur": 6.5},
    ],
)
def test_lines_carry_the_contingency(solve: Solve, line: Raw) -> None:
    """Half of 13 million is 6.5, whatever kind of line the instrument charges."""
    raw = overrun(0.8, charges={"line": 1.0})
    assert damage(solve, with_lines(raw, line)) == near(50)


def with_lines(raw: Raw, line: Raw) -> Raw:
    fund = raw["funders"]["fund"]
    return raw | {"funders": {"fund": fund | {"budget_lines": {"line": line}}}}


def test_the_charge_of_a_ticket_is_of_what_it_comes_to(solve: Solve) -> None:
    """A line charged with a tenth: 1.3 million for all of capex, 0.65 for half of it."""
    raw = overrun(0.8, charges={"line": 0.1})
    assert damage(solve, with_lines(raw, {"kind": "cash", "total_meur": 0.65})) == near(50)


def test_tickets_and_aid_go_by_what_was_announced(solve: Solve) -> None:
    """At most 5 million of 10, or 4 million of aid: half, and 40 %, whatever it comes to."""
    assert damage(solve, overrun(0.9, ticket_max_meur=5)) == near(50)
    raw = overrun(0.9, grant_equivalent=1.0)
    raw["policy"]["state_aid"] = {"max_meur": 4}
    assert damage(solve, raw) == near(60)
    raw["policy"]["state_aid"] = {"max_intensity": 0.4}
    assert damage(solve, raw) == near(60)


@pytest.mark.parametrize(("least", "missing"), [(5, 50), (5.1, 100)])
def test_the_least_ticket_is_of_what_was_announced(
    solve: Solve, least: float, missing: float
) -> None:
    """6.5 million pay for half of 13: 5 million as announced, which is a ticket of 5, not 5.1."""
    raw = overrun(0.8, ticket_min_meur=least)
    fund = raw["funders"]["fund"] | {"budget_meur": 6.5}
    assert damage(solve, raw | {"funders": {"fund": fund}}) == near(missing)


def test_interest_is_paid_on_what_a_project_comes_to(solve: Solve) -> None:
    """A tenth of 13 million in the year after, here the last: 1.3, of which 0.65 is half.

    As a cost, with the loan for all of capex: a tenth of 12.8.
    """
    raw = overrun(0.8)
    terms = {"kind": "interest_subsidy", "term_years": 1, "interest_rate": 0.1}
    terms |= {"offtake_per_share": 1.0}
    raw["funders"]["fund"]["instruments"] = {"interest": terms}
    assert objective(solve, raw) == near(1.28)
    raw["funders"]["fund"]["budget_meur"] = 0.65
    assert damage(solve, raw) == near(50)


def test_a_budget_carries_overruns_and_premiums(solve: Solve) -> None:
    """13 million and 2 of premium for all of the output: 7.5 for half of it."""
    raw = overrun(0.8)
    raw["materials"]["ore"] |= {
        "secured_premium_eur_per_t": 20_000,
        "premium_paid_by": {"fund": 1.0},
    }
    raw["funders"]["fund"]["budget_meur"] = 7.5
    assert damage(solve, raw) == near(50)
    raw["funders"]["fund"].pop("budget_meur")
    assert objective(solve, raw) == near(14.8)


# How users adapt

STEPS = [{"share": 0.2, "eur_per_t": 1e6}, {"share": 0.8, "eur_per_t": 1e7}]


def users(steps: Any = STEPS, **fields: Any) -> list[Raw]:
    """Half of the dear step is gone a year later."""
    return [{"material": "ore", "steps": steps, "adaptation": {"per_year": 0.5} | fields}]


def adapting(
    *starts: int, last_year: int = 2028, loss: Any = (1.0,), steps: Any = STEPS, **fields: Any
) -> Raw:
    return world(
        *starts, last_year=last_year, damage=users(steps, **fields), hazards=cut(list(loss))
    )


@pytest.mark.parametrize(("stock", "lost"), [(0, 1560), (80, 760), (200, 100)])
def test_users_adapt(solve: Solve, stock: float, lost: float) -> None:
    """The contract: 20 + 800, 60 + 400 and 80 + 200. At 10 are 140 t in all, the rest at 1."""
    raw = adapting(2026, loss=[1, 1, 1]) | {"stockpiles": [kept(stock, "ore")]}
    assert damage(solve, raw) == near(lost)


def test_a_floor_of_what_cannot_be_adapted(solve: Solve) -> None:
    """All but a tenth of 80 % is gone after a year: 820, then 92 + 80 twice."""
    assert damage(solve, adapting(2026, loss=[1, 1, 1], per_year=1.0, floor=0.1)) == near(1164)


def test_a_year_of_quarters(solve: Solve) -> None:
    """15/16 a year is one half a quarter; 100 t a quarter, three of them lost: as in the contract.

    The clock starts with the second quarter: before it nothing is gone.
    """
    raw = adapting(last_year=2026, loss=[1, 1, 1], per_year=15 / 16)
    raw["horizon"]["periods_per_year"] = 4
    raw["demand"][0]["t_per_year"] = 400
    event = {"hazard": "cut", "start": 2026, "period": 2}
    raw["uncertainty"] = states({"name": "cut", "probability": 1.0, "events": [event]})
    assert damage(solve, raw) == near(1560)


@pytest.mark.parametrize(("loss", "lost"), [(0.2, 220), (0.25, 185)])
def test_a_period_is_struck_below_the_trigger(solve: Solve, loss: float, lost: float) -> None:
    """Steps of 10 % at 1 and 90 % at 10. 20 % lost is no strike: 10 + 100, twice.

    25 % is: 10 + 150, then 25 at 1, since the first step has become 55 %.
    """
    steps = [{"share": 0.1, "eur_per_t": 1e6}, {"share": 0.9, "eur_per_t": 1e7}]
    raw = adapting(2026, last_year=2027, loss=[loss, loss], steps=steps)
    assert damage(solve, raw) == near(lost)


@pytest.mark.parametrize(
    ("again", "reset", "lost"), [(2028, 1, 1640), (2028, 2, 1100), (2029, 2, 1640), (2029, 3, 1010)]
)
def test_a_clock_runs_through_the_last_quiet_period(
    solve: Solve, again: int, reset: int, lost: float
) -> None:
    """Struck in 2026 and again: 820 + 820 by a new clock; 280 at age 2, 90 + 100 at age 3."""
    raw = adapting(2026, again, last_year=2029, reset_periods=reset)
    assert damage(solve, raw) == near(lost)


def test_a_quiet_period_is_counted_by_the_clock_and_ends_with_a_strike(solve: Solve) -> None:
    """Struck, quiet, struck, quiet, struck with a reset of 2: ages 0, 2 and 4.

    820 + 280 + (95 + 50).
    """
    raw = adapting(2026, 2028, 2030, last_year=2030, reset_periods=2)
    assert damage(solve, raw) == near(1245)


def test_users_of_two_kinds_have_clocks_of_their_own(solve: Solve) -> None:
    """50 t each, half lost in two years. For a, 25 at 10, then at 1: half has adapted.

    For b, whose trigger is 0.9, no strike: 250 twice. Pooled, b goes first: 25 + 250 + 500 as well.
    """
    steps = [{"share": 0.0, "eur_per_t": 1e6}, {"share": 1.0, "eur_per_t": 1e7}]
    raw = adapting(2026, last_year=2027, loss=[0.5, 0.5], steps=steps)
    raw |= {"consumers": {"a": {"name": "A"}, "b": {"name": "B"}}}
    raw["demand"] = [{"consumer": u, "material": "ore", "t_per_year": 50} for u in "ab"]
    raw["damage"] += [users(steps, trigger_loss=0.9)[0] | {"consumer": "b"}]
    assert damage(solve, raw) == near(775)


@pytest.mark.parametrize(("made", "lost"), [(True, 1280), (False, 1640)])
def test_a_strike_upon_what_a_form_is_made_of(solve: Solve, made: bool, lost: float) -> None:
    """Oxide is lost in two years. Makers tie magnets to it: 820 + 460; a candidate does not.

    No magnets are imported, so that nothing of theirs can be lost: 820 twice.
    """
    raw = chain(100 if made else 0, supply=[imports("oxide", 100)], hazards=cut([1, 1]))
    raw["horizon"]["last_year"] = 2027
    raw["damage"] = [users()[0] | {"material": "magnet"}]
    if not made:
        plant = works(100, inputs_t_per_t={"oxide": 1.0})
        raw |= {"conversions": {}, "projects": {"plant": plant}}
    raw["uncertainty"] = states(state("cut", 1.0, 2026))
    assert damage(solve, raw) == near(lost)


def test_a_strike_upon_the_first_form_of_three(solve: Solve) -> None:
    """Ore is made into oxide and oxide into magnets; ore is lost in two years: 820 + 460."""
    ready = {"separators": makers(100, "oxide", ore=1.0), "makers": makers(100, oxide=1.0)}
    raw = chain(conversions=ready, supply=[imports("ore", 100)], hazards=cut([1, 1]))
    raw["materials"]["ore"] = {"name": "Ore", "price_eur_per_t": 1_000}
    raw["horizon"]["last_year"] = 2027
    raw["damage"] = [users()[0] | {"material": "magnet"}]
    raw["uncertainty"] = states(state("cut", 1.0, 2026))
    assert damage(solve, raw) == near(1280)


def test_a_stock_of_oxide_for_users_of_magnets_who_adapt(solve: Solve) -> None:
    """80 t at a ratio of 2 are 40 t of magnets, all for those at 10: 820 + 460 - 400."""
    raw = chain(100, 2.0, supply=[imports("oxide", 200)], hazards=cut([1, 1]))
    raw["horizon"]["last_year"] = 2027
    raw["damage"] = [users()[0] | {"material": "magnet"}]
    raw |= {"stockpiles": [kept(80)], "uncertainty": states(state("cut", 1.0, 2026))}
    assert damage(solve, raw) == near(880)


def test_a_strike_at_the_makers_is_none_on_the_market(solve: Solve) -> None:
    """Makers stand still for two years while oxide comes: 820 twice."""
    raw = chain(100, supply=[imports("oxide", 100)], hazards=cut([1, 1], "DE"))
    raw["horizon"]["last_year"] = 2027
    raw["damage"] = [users()[0] | {"material": "magnet"}]
    raw["uncertainty"] = states(state("cut", 1.0, 2026))
    assert damage(solve, raw) == near(1640)


def test_tonnes_are_missing_however_well_users_adapt(solve: Solve) -> None:
    """100 t in each of three years, whatever step they fall on."""
    raw = adapting(2026, loss=[1, 1, 1])
    raw["objective"] = {"measure": "tonnes", "cost_weight": 0.0}
    assert damage(solve, raw) == near(300)


def test_works_that_come_late_help_those_who_have_adapted_less(solve: Solve) -> None:
    """Works of 50 t from 2027 on: 820, then 60 at 1 and 40 at 10, less 40 at 10 and 10 at 1.

    460 - 400 - 10 = 50, and in 2028 280 - 200 - 30 = 50.
    """
    raw = adapting(2026, loss=[1, 1, 1])
    raw["projects"] = {"works": works(50, "ore", construction_years=1)}
    assert damage(solve, raw) == near(920)


# How long events last


def of_two_kinds(last_year: int = 2028, **sections: Any) -> Raw:
    """Events of one year in 6 of 10 states, of three in the others."""
    profiles = {
        "short": {"probability": 0.6, "effects": [{"country": "CN", "loss": [1.0]}]},
        "long": {"probability": 0.4, "effects": [{"country": "CN", "loss": [1.0, 1.0, 1.0]}]},
    }
    drawn = [
        {"name": it, "probability": chance, "events": [event_of(it)]}
        for it, chance in (("short", 0.6), ("long", 0.4))
    ]
    hazards = {"cut": {"name": "Cut", "annual_probability": 0.1, "profiles": profiles}}
    return (
        world(last_year=last_year) | {"hazards": hazards, "uncertainty": states(*drawn)} | sections
    )


def event_of(profile: str, start: int = 2026) -> Raw:
    return {"hazard": "cut", "start": start, "profile": profile}


def test_an_event_lasts_as_its_profile_says(solve: Solve) -> None:
    """0.6 · 100 + 0.4 · 300; past the horizon nothing is lost: of two years 0.4 · 200."""
    assert damage(solve, of_two_kinds()) == near(180)
    assert damage(solve, of_two_kinds(2027)) == near(140)


def test_two_events_of_two_profiles(solve: Solve) -> None:
    """Half lost for three years, and all of what is left in the second: 50 + 100 + 50."""
    raw = of_two_kinds()
    raw["hazards"]["cut"]["profiles"]["long"]["effects"][0]["loss"] = [0.5, 0.5, 0.5]
    both = {
        "name": "both",
        "probability": 1.0,
        "events": [event_of("long"), event_of("short", 2027)],
    }
    assert damage(solve, raw | {"uncertainty": states(both)}) == near(200)


def test_users_adapt_to_long_events_alone(solve: Solve) -> None:
    """0.6 · 820 + 0.4 · 1560."""
    assert damage(solve, of_two_kinds(damage=users())) == near(1116)


def test_a_stock_is_worth_more_in_short_events(solve: Solve) -> None:
    """A stock of 50, filled again in a year: 0.6 · (50 + 50) + 0.4 · 250, where 2028 is cut again.

    Short: 50, covered 2027, 50 in 2028. Long: 300 - 50, whatever else begins in 2028.
    """
    raw = of_two_kinds(stockpiles=[kept(50, "ore", refill_t_per_year=50)])
    for it in raw["uncertainty"]["states"]:
        it["events"].append(event_of("short", 2028))
    assert damage(solve, raw) == near(160)


# What is demanded


@pytest.mark.parametrize(("factor", "missing"), [(0.0, 0), (0.5, 25), (1.0, 50), (2.0, 100)])
def test_shares_of_supply_follow_demand(solve: Solve, factor: float, missing: float) -> None:
    """Half of what comes is lost: half of what is demanded, however much that is."""
    raw = world(2026, being={"demand": {"ore": factor}}, hazards=cut([0.5]))
    assert damage(solve, raw) == near(missing)


@pytest.mark.parametrize(("factor", "missing"), [(0.5, 0), (1.0, 50), (2.0, 150)])
def test_tonnes_of_supply_do_not(solve: Solve, factor: float, missing: float) -> None:
    """50 t are left of 100, for a demand of 50, 100 or 200."""
    raw = world(2026, being={"demand": {"ore": factor}}, hazards=cut([0.5]))
    assert damage(solve, raw | {"supply": [imports("ore", 100)]}) == near(missing)


@pytest.mark.parametrize(("factors", "missing"), [({"oxide": 0.5}, 75), ({"magnet": 0.5}, 0)])
def test_the_part_for_makers_follows_the_factor_of_the_form(
    solve: Solve, factors: Raw, missing: float
) -> None:
    """Half of the 100 t that makers need comes: 50 t, or 25 at the factor of oxide.

    The factor of magnets halves their demand, not what makers need: 50 t are made of 50.
    """
    raw = chain(100, supply=[{"material": "oxide", "country": "CN", "share": 0.5}])
    raw["uncertainty"] = states({"name": "less", "probability": 1.0, "demand": factors})
    assert damage(solve, raw) == near(missing)


def test_a_share_of_demand_is_of_the_demand_of_the_file(solve: Solve) -> None:
    """50 t are missing of 50; as a share of the 100 t of the file: 0.5."""
    raw = world(2026, being={"demand": {"ore": 0.5}})
    raw["objective"] = {"measure": "share_of_demand", "cost_weight": 0.0}
    assert damage(solve, raw) == near(0.5)


def test_days_of_cover_are_of_the_demand_of_the_file(solve: Solve) -> None:
    """36.5 days of 100 t are 10, which is all there is room for; at a factor of 2 190 are missing.

    A budget of 0.1 million pays for just these 10 t.
    """
    pile = stockpile(min_days_of_demand=36.5, max_t=10)
    raw = world(2026, being={"demand": {"ore": 2.0}}, stockpiles=[pile])
    assert damage(solve, with_fund(raw, budget_meur=0.1)) == near(190)


def test_demand_depends_on_the_state(solve: Solve) -> None:
    """30 t in store: 0.3 · max(0, 50 - 30) + 0.7 · (100 - 30)."""
    both = states(state("less", 0.3, 2026, demand={"ore": 0.5}), state("as filed", 0.7, 2026))
    raw = world(uncertainty=both, stockpiles=[kept(30, "ore")])
    assert damage(solve, raw) == near(55)


def test_a_limit_of_a_country_is_of_the_need_of_the_file(solve: Solve) -> None:
    """China supplies 100 of 100 in the file; 40 have to come from elsewhere, whatever the state.

    Works of 40 t do; at a demand of one half all lost, 10 are missing.
    """
    raw = world(2026, being={"demand": {"ore": 0.5}}, projects={"works": works(40, "ore")})
    raw["policy"] = {"max_country_share": {"limit": 0.6}}
    assert damage(solve, raw) == near(10)
    raw["projects"] = {"works": works(39, "ore")}
    assert solve(raw) is None


def test_unaided_output_does_not_grow_with_demand(solve: Solve) -> None:
    """10 t of the 200 that are demanded at a factor of 2; 40 of 50 at one half."""
    assert damage(solve, unaided(being={"demand": {"ore": 2.0}})) == near(190)
    assert damage(solve, unaided(being={"demand": {"ore": 0.5}})) == near(40)


def test_steps_are_of_the_demand_of_the_state(solve: Solve) -> None:
    """Half of the contract's 1560, step by step."""
    raw = adapting(2026, loss=[1, 1, 1])
    raw["uncertainty"]["states"][0]["demand"] = {"ore": 0.5}
    assert damage(solve, raw) == near(780)


def test_more_demand_is_no_strike(solve: Solve) -> None:
    """100 t come and 200 are demanded: 40 at 1 and 60 at 10, twice: no clock begins."""
    raw = adapting(last_year=2027) | {"supply": [imports("ore", 100)]}
    raw["uncertainty"]["states"][0]["demand"] = {"ore": 2.0}
    assert damage(solve, raw) == near(1280)


# Stocks that are filled again


def store(tonnes: float = 50, refill: Any = 30, **fields: Any) -> Raw:
    return kept(tonnes, "ore", refill_t_per_year=refill, **fields)


def twice(*piles: Raw, **sections: Any) -> Raw:
    """A year without imports, one with, and one without."""
    return world(2026, 2028, last_year=2028, stockpiles=list(piles), **sections)


@pytest.mark.parametrize(("refill", "missing"), [(0, 150), (30, 120), (50, 100), (100, 100)])
def test_a_stock_is_filled_again_to_what_was_planned(
    solve: Solve, refill: float, missing: float
) -> None:
    """50 t are released in 2026, min(refill, 50) come back in 2027 and are released in 2028."""
    assert damage(solve, twice(store(refill=refill))) == near(missing)


def test_nothing_comes_back_while_the_market_is_short(solve: Solve) -> None:
    """Half is lost in 2027, too: 100 + 50 + 100, less the 50 t of the stock."""
    raw = twice(store()) | {"hazards": cut([1.0, 0.5])}
    raw["uncertainty"] = states(state("cut", 1.0, 2026, 2028))
    assert damage(solve, raw) == near(200)


def test_a_quarter_brings_back_a_quarter(solve: Solve) -> None:
    """100 t a quarter, lost in the first and last: 50 are released, 2 · 10 come back: 50 + 80."""
    raw = world(stockpiles=[store(refill=40)])
    raw["horizon"]["periods_per_year"] = 4
    raw["demand"][0]["t_per_year"] = 400
    events = [{"hazard": "cut", "start": 2026, "period": k} for k in (1, 4)]
    raw["uncertainty"] = states({"name": "cut", "probability": 1.0, "events": events})
    assert damage(solve, raw) == near(130)


def test_no_more_comes_back_than_would_be_left_of_a_stock(solve: Solve) -> None:
    """Half is lost a year: 80 t are 40, 20 and 10. 40 are released in 2026, 20 come back.

    Of these 10 are there in 2028: 60 + 90.
    """
    assert damage(solve, twice(store(80, 100, annual_loss=0.5))) == near(150)


def test_purchases_are_refilled_too(solve: Solve) -> None:
    """50 t are bought in 2026 and released, come back in 2027 and are released in 2028.

    Half a million pays for the 50 t; no budget sees what comes back.
    """
    pile = stockpile(max_purchase_t_per_year={2026: 50, 2027: 0}, refill_t_per_year=50)
    assert damage(solve, with_fund(twice(pile), budget_meur=0.5)) == near(100)


def test_refills_cost_nothing(solve: Solve) -> None:
    """100 t are missing, and net cost is what the initial stock costs to keep: 3 · 50 · 2 000."""
    raw = twice(store(refill=50, storage_eur_per_t_year=2_000))
    assert objective(solve, raw) == near(100.3)


def test_a_refill_changes_over_the_years(solve: Solve) -> None:
    """10 in 2026, 20 in 2027, 30 in 2028; only 2027 is covered: 20 come back."""
    assert damage(solve, twice(store(refill={2026: 10, 2028: 30}))) == near(130)


def test_accounts_are_filled_again_by_their_shares(solver: Solve) -> None:
    """Pooled: 40 t for b in 2026, 10 are kept, 30 come back: 40 for b again: 60 + 60.

    Entitled: 30 and 18 t of 120 for a, 20 and 12 of 80 for b: 72 + 3 · 48.
    """
    for allocation, lost in (("pooled", 120), ("entitled", 216)):
        raw = two_users(**twice(store()))
        raw["objective"] = {"cost_weight": 0.0, "allocation": allocation}
        assert damage(solver, raw) == near(lost)


def test_a_stock_for_one_is_filled_again_for_one(solver: Solve) -> None:
    """Entitled: 50 t for a in 2026, 30 in 2028: 10 + 30 + 3 · 80."""
    raw = two_users(**twice(store(serves=["a"])))
    raw["objective"] = {"cost_weight": 0.0, "allocation": "entitled"}
    assert damage(solver, raw) == near(280)


@pytest.mark.parametrize(("capacity", "missing"), [(100, 120), (90, 160)])
def test_a_stock_of_oxide_waits_for_magnets(solve: Solve, capacity: float, missing: float) -> None:
    """50 + 0 + 70; makers of 90 t never cover 100 of magnets: 50 + 10 + 100."""
    raw = chain(capacity, supply=[imports("oxide", 100)], hazards=cut([1.0]))
    raw["horizon"]["last_year"] = 2028
    raw["stockpiles"] = [kept(50, refill_t_per_year=30)]
    raw["uncertainty"] = states(state("cut", 1.0, 2026, 2028))
    assert damage(solve, raw) == near(missing)


def test_a_candidate_does_not_tie_a_stock_to_what_it_makes(solve: Solve) -> None:
    """Nobody demands oxide, so each year is covered: 30 t come back in each, and are made.

    50 + 30 t in 2026 and 30 in 2027 of 200: 90 are missing.
    """
    plant = works(100, inputs_t_per_t={"oxide": 1.0})
    raw = chain(conversions={}, projects={"plant": plant})
    raw["horizon"]["last_year"] = 2027
    raw["stockpiles"] = [kept(50, refill_t_per_year=30)]
    raw["uncertainty"] = states({"name": "only", "probability": 1.0})
    assert damage(solve, raw) == near(90)


def test_unaided_output_makes_no_covered_period(solve: Solve) -> None:
    """In 2027 60 t come and 40 anyway: none missing, yet the market alone is short: no refill.

    100 - 40 in 2026 and in 2028, less the stock of 50.
    """
    raw = unaided(2026, 2028, last_year=2028, home_share=0.4, latest_start=2026)
    raw |= {"supply": [imports("ore", 60)], "stockpiles": [store()]}
    assert damage(solve, raw) == near(70)


@pytest.mark.parametrize(("factor", "missing"), [(1.0, 120), (1.5, 300)])
def test_a_market_that_covers_the_file_need_not_cover_a_state(
    solve: Solve, factor: float, missing: float
) -> None:
    """100 t come in 2027: enough for 100, not for 150: 150 + 50 + 150 less 50."""
    raw = twice(store(), supply=[imports("ore", 100)])
    raw["uncertainty"]["states"][0]["demand"] = {"ore": factor}
    assert damage(solve, raw) == near(missing)


@pytest.mark.parametrize(("factor", "missing"), [(0.5, 20), (1.2, 210)])
def test_a_stock_of_oxide_waits_for_the_magnets_of_its_state(
    solve: Solve, factor: float, missing: float
) -> None:
    """50 t a year: 0 + 0 + 20, as 30 come back. 120 t, of which 100 can be made: 70 + 20 + 120."""
    raw = chain(100, supply=[imports("oxide", 100)], hazards=cut([1.0]))
    raw["horizon"]["last_year"] = 2028
    raw["stockpiles"] = [kept(50, refill_t_per_year=30)]
    raw["uncertainty"] = states(state("cut", 1.0, 2026, 2028, demand={"magnet": factor}))
    assert damage(solve, raw) == near(missing)


@pytest.mark.parametrize(("refill", "lost"), [(0, 300), (10, 200), (20, 100), (50, 70)])
def test_users_who_have_adapted_need_less_of_what_came_back(
    solve: Solve, refill: float, lost: float
) -> None:
    """80 t at 10 in 2026: 20. In 2028, at age 2, 20 t are at 10 and 80 at 1: 280 less refills.

    20 + 280 - 10 · 10 at 10, 20 at 20, and 20 + 280 - 200 - 30 at 50.
    """
    raw = twice(store(80, refill), damage=users())
    assert damage(solve, raw) == near(lost)


# Plants that run only when it pays

PRICES = [
    {"name": "low", "probability": 0.5, "eur_per_t": 50_000},
    {"name": "high", "probability": 0.5, "eur_per_t": 80_000},
]


def floor(max_share: float = 1.0, material: str = "ore", at: float = 60_000, **terms: Any) -> Raw:
    own = {"kind": "price_floor", "floor_eur_per_t": {material: at}, "max_share": max_share}
    return own | {"market_finance_per_share": 0.1} | terms


def by_floors(*floors: Raw, **fields: Any) -> Raw:
    """Funders, of which each has a floor."""
    return {
        f"fund{i or ''}": {"kind": "public", "name": "Fund", "instruments": {"floor": it}} | fields
        for i, it in enumerate(floors)
    }


def choosy(*floors: Raw, restart: int = 1, last_year: int = 2026, **fields: Any) -> Raw:
    """Works of 100 t that run below 60 000 EUR only under a floor or once a clock has run.

    Imports are lost in 2026; prices are low or high at one half each.
    """
    own = {"cash_cost_eur_per_t": {"ore": 60_000}, "restart_periods": restart}
    raw = world(last_year=last_year, projects={"works": works(100, "ore", **(own | fields))})
    raw["materials"]["ore"]["price_states"] = PRICES
    raw["uncertainty"] = priced()
    return raw | {"funders": by_floors(*floors) or {"fund": funder()}}


def priced(*starts: int, low: float = 0.5, **fields: Any) -> Raw:
    """States of a low and a high price, in which imports are lost all the same."""
    chances = {"low": low, "high": 1 - low}
    return states(
        *(
            state(name, chance, *(starts or (2026,)), prices={"ore": name}, **fields)
            for name, chance in chances.items()
            if chance
        )
    )


@pytest.mark.parametrize(("share", "missing"), [(0, 50), (0.4, 30), (1, 0)])
def test_output_under_a_floor_always_runs(solve: Solve, share: float, missing: float) -> None:
    """The contract: at a low price, one half, 100, 60 or 0 are missing."""
    assert damage(solve, choosy(*([floor(share)] if share else []))) == near(missing)


@pytest.mark.parametrize(("cost", "missing"), [(50_000, 0), (50_001, 50), (80_001, 100)])
def test_works_run_at_their_cash_cost(solve: Solve, cost: float, missing: float) -> None:
    """Prices are 50 000 and 80 000 EUR: only below cash cost do they stand still."""
    assert damage(solve, choosy(cash_cost_eur_per_t={"ore": cost})) == near(missing)


def test_works_that_start_again_at_once(solve: Solve) -> None:
    """restart_periods is 0 unless it is said: they run from the strike on."""
    raw = choosy(restart=0)
    assert damage(solve, raw) == near(0)
    del raw["projects"]["works"]["restart_periods"]
    assert damage(solve, raw) == near(0)


def test_works_idle_in_calm_times(solve: Solve) -> None:
    """Nothing is imported, so that nothing is lost: no clock ever runs; 0.5 · 100."""
    assert damage(solve, choosy(restart=0) | {"supply": []}) == near(50)


def test_works_run_until_the_clock_ends(solve: Solve) -> None:
    """Of 100 t 50 come, none in 2026; a reset of 1 and a restart of 1: 100, then 0, then 50.

    The clock still runs in 2027, its only quiet year, and is over in 2028.
    """
    raw = choosy(last_year=2028) | {"supply": [imports("ore", 50)], "uncertainty": priced(low=1.0)}
    raw["damage"][0]["adaptation"] = {"per_year": 0.5, "reset_periods": 1}
    raw["projects"]["works"]["output_t_per_year"] = {"ore": 50}
    assert damage(solve, raw) == near(150)


def test_a_clock_without_adaptation_runs_through_four_quiet_periods(solve: Solve) -> None:
    """Of 100 t 50 come, none in 2026; works of 50 t start again in 2027 and stop in 2031.

    100 in 2026, and 50 in 2031: the four quiet years are 2027 to 2030.
    """
    raw = choosy(last_year=2031) | {"supply": [imports("ore", 50)], "uncertainty": priced(low=1.0)}
    raw["projects"]["works"]["output_t_per_year"] = {"ore": 50}
    assert damage(solve, raw) == near(150)


@pytest.mark.parametrize(("trigger", "missing"), [(0.4, 0), (0.6, 50)])
def test_works_start_again_by_the_trigger_of_users(
    solve: Solve, trigger: float, missing: float
) -> None:
    """Half is lost at a low price. It is a strike by 0.4, and none by 0.6."""
    raw = choosy(restart=0) | {"hazards": cut([0.5]), "uncertainty": priced(low=1.0)}
    raw["damage"][0]["adaptation"] = {"per_year": 0.5, "trigger_loss": trigger}
    assert damage(solve, raw) == near(missing)


def test_works_go_by_the_entry_that_names_the_material_alone(solve: Solve) -> None:
    """Half is lost, a strike by 0.2 of old, whatever the trigger of industry's own entry."""
    raw = choosy(restart=0) | {"hazards": cut([0.5]), "uncertainty": priced(low=1.0)}
    own = {"adaptation": {"per_year": 0.5, "trigger_loss": 0.9}}
    raw["damage"].append(dear("ore", consumer="industry") | own)
    assert damage(solve, raw) == near(0)


def test_users_adapt_while_works_start_again(solve: Solve) -> None:
    """Three years lost, restart 2, price low: 820, 460 and none by works of 100 t."""
    raw = choosy(restart=2, last_year=2028) | {"damage": users(), "hazards": cut([1, 1, 1])}
    raw["uncertainty"] = priced(low=1.0)
    assert damage(solve, raw) == near(1280)


def test_works_run_longer_in_long_events(solve: Solve) -> None:
    """Of 100 t 50 come. Works run from the second year on, and a quiet year longer.

    Short: 100, 0 and 50; long: 100, 0 and 0: 0.6 · 150 + 0.4 · 100.
    """
    raw = of_two_kinds(projects=choosy()["projects"], supply=[imports("ore", 50)])
    raw["damage"][0]["adaptation"] = {"per_year": 0.5, "reset_periods": 1}
    assert damage(solve, raw) == near(130)


@pytest.mark.parametrize(("named", "missing"), [(0.6, 0), (0.4, 100), (0.5, 100)])
def test_a_price_that_no_state_names_is_the_most_likely(
    solve: Solve, named: float, missing: float
) -> None:
    """High at 0.6, low at 0.6; of equally likely ones the first, which is low."""
    raw = choosy() | {"uncertainty": states(state("cut", 1.0, 2026))}
    raw["materials"]["ore"]["price_states"] = [
        PRICES[0] | {"probability": 1 - named},
        PRICES[1] | {"probability": named},
    ]
    assert damage(solve, raw) == near(missing)


def test_without_price_states_there_is_the_one_price(solve: Solve) -> None:
    """Ore at 10 000 EUR is below 60 000: all are missing."""
    raw = choosy() | {"uncertainty": states(state("cut", 1.0, 2026))}
    del raw["materials"]["ore"]["price_states"]
    assert damage(solve, raw) == near(100)


def test_prices_and_costs_change_over_the_years(solve: Solve) -> None:
    """Low in 2026, at cost in 2027: 100 + 0, with imports lost in both."""
    raw = choosy(restart=9, last_year=2027) | {"uncertainty": priced(2026, 2027, low=1.0)}
    raw["materials"]["ore"]["price_states"] = [
        PRICES[0] | {"eur_per_t": {2026: 50_000, 2027: 60_000}},
        PRICES[1],
    ]
    assert damage(solve, raw) == near(100)


def test_unaided_plants_idle_as_well(solve: Solve) -> None:
    """40 t come anyway, at a high price alone: 0.5 · 100 + 0.5 · 60."""
    raw = choosy(anyway={"year": 2026, "probability": 1.0}, home_share=0.4, market_finance_max=0.5)
    raw |= {"uncertainty": priced(anyway=["works"]), "funders": POOR}
    assert avoided(solve, raw) == (near(80), near(80))


def test_a_price_floor_keeps_an_unaided_project_running(solve: Solve) -> None:
    """The same 40 t, started with a floor for all output: 60 are missing at either price."""
    raw = choosy(floor(), anyway={"year": 2026, "probability": 1.0}, home_share=0.4)
    raw["uncertainty"] = priced(anyway=["works"])
    assert avoided(solve, raw) == (near(80), near(60))


@pytest.mark.parametrize(("late", "missing"), [(0, 100), (1, 100), (2, 200)])
def test_the_term_of_a_floor_begins_with_output(solve: Solve, late: int, missing: float) -> None:
    """A floor of one year in two: in time 2026 runs and 2027 does not; a year late the other way.

    Two years late nothing comes.
    """
    raw = choosy(floor(term_years=1), restart=9, last_year=2027)
    delayed = {"delayed_projects": {"works": late}} if late else {}
    raw["uncertainty"] = priced(2026, 2027, low=1.0, **delayed)
    assert damage(solve, raw) == near(missing)


def test_floors_of_two_add_up(solve: Solve) -> None:
    """0.3 and 0.3 of 100 t: 40 are missing at a low price, one half."""
    assert damage(solve, choosy(floor(0.3), floor(0.3))) == near(20)


def test_floors_of_two_terms_each_end_on_their_own(solve: Solve) -> None:
    """0.3 for a year and 0.5 for two, at a low price: 20 + 50."""
    raw = choosy(floor(0.3, term_years=1), floor(0.5, term_years=2), restart=9, last_year=2027)
    raw["uncertainty"] = priced(2026, 2027, low=1.0)
    assert damage(solve, raw) == near(70)


def test_no_more_runs_under_a_floor_than_is_reserved(solve: Solve) -> None:
    """Half may be reserved; a floor for 0.8 keeps 50 t running, as at a high price."""
    assert damage(solve, choosy(floor(0.8), offtake_max=0.5)) == near(50)


@pytest.mark.parametrize(("chance", "missing"), [(1.0, 50), (0.5, 0)])
def test_a_floor_pays_by_the_prices_of_the_states(
    solve: Solve, chance: float, missing: float
) -> None:
    """The price is low in the only state: 10 000 EUR on 100 t, times the chance of success.

    Half a million pays for a share of 0.5 / (1 · chance); what it leaves stands still.
    """
    raw = choosy(floor(), success_probability=chance) | {"uncertainty": priced(low=1.0)}
    raw["funders"]["fund"]["budget_meur"] = 0.5
    assert damage(solve, raw) == near(missing)


def test_a_price_is_drawn_where_a_state_names_it(solve: Solve) -> None:
    """No cash cost. Lenders carry a half, a floor for all output the other; ore is low in 0.2.

    A floor pays 0.2 · 1 million, and 0.5 by price states if no state names one.
    """
    it = floor(market_finance_per_share=0.5)
    raw = choosy(it, market_finance_max=0.5) | {"uncertainty": priced(low=0.2)}
    del raw["projects"]["works"]["cash_cost_eur_per_t"], raw["projects"]["works"]["restart_periods"]
    assert objective(solve, raw) == near(0.2)
    raw["uncertainty"] = states(state("cut", 1.0, 2026))
    assert objective(solve, raw) == near(0.5)


@pytest.mark.parametrize(("low", "net"), [(0.0, -1.0), (0.5, 0.0), (1.0, 1.0)])
def test_income_of_a_floor_goes_by_the_states(solve: Solve, low: float, net: float) -> None:
    """Low: 1 million is paid on 100 t. High: half of the 20 000 EUR above the floor comes back.

    Works start again at once, so that nothing is missing; a lender asks for the whole floor.
    """
    it = floor(upside_share=0.5, market_finance_per_share=1.0)
    raw = choosy(it, restart=0, market_finance_max=0.0) | {"uncertainty": priced(low=low)}
    assert objective(solve, raw) == near(net)


def test_the_exposure_of_a_floor_is_that_of_the_worst_price(solve: Solve) -> None:
    """Authority of 0.4 million for a worst case of 1: 0.4 of the output: 0.5 · 60.

    It is the same where prices are low in a tenth of the states only: 0.1 · 60.
    """
    raw = choosy(floor())
    line = {"kind": "commitment", "total_meur": 0.4}
    raw["funders"]["fund"]["budget_lines"] = {"line": line}
    assert damage(solve, raw) == near(30)
    assert damage(solve, raw | {"uncertainty": priced(low=0.1)}) == near(6)


def test_aid_of_a_floor_goes_by_the_states(solve: Solve) -> None:
    """Low in 0.2: aid of 0.2 million for all output; 0.1 is allowed, so 50 t stand still: 10."""
    raw = choosy(floor(grant_equivalent=1.0)) | {"uncertainty": priced(low=0.2)}
    raw["policy"] = {"state_aid": {"max_meur": 0.1}}
    assert damage(solve, raw) == near(10)


def of_two_outputs(*floors: Raw) -> Raw:
    """Works of 100 t of ore, by whose price they go, and of 100 t of salt, at a low price."""
    raw = choosy(*floors, output_t_per_year={"ore": 100, "salt": 100})
    raw["materials"]["salt"] = {"name": "Salt", "price_eur_per_t": 1_000}
    raw["demand"].append({"consumer": "industry", "material": "salt", "t_per_year": 100})
    raw["damage"].append(dear("salt"))
    return raw | {"uncertainty": priced(low=1.0)}


def test_all_outputs_stand_still_together(solve: Solve) -> None:
    """100 t of both are missing; a floor for 0.4 of ore keeps 40 t of both running."""
    assert damage(solve, of_two_outputs()) == near(200)
    assert damage(solve, of_two_outputs(floor(0.4))) == near(120)


def test_a_floor_for_another_output_keeps_nothing_running(solve: Solve) -> None:
    """Works go by ore; a floor for salt pays, and nothing comes."""
    assert damage(solve, of_two_outputs(floor(1.0, "salt", at=2_000))) == near(200)


def test_a_floor_of_a_company_and_of_all(solver: Solve) -> None:
    """Half of the output is the maker's, whose a needs 50 t; half is common, 25 t each for a and b.

    A floor for half, at a low price: common output avoids 25 + 3 · 25, the maker's 50 at most.
    So 25 + 75 are lost at a low price, 75 at a high one. Pooled: 50 t for b at 3, 50 for a: none at
    a high price, 50 at a low one.
    """
    raw = choosy(floor(0.5), home_share=0.5, market_finance_max=0.5)
    raw["consumers"] = {"a": {"name": "A", "company": "maker"}, "b": {"name": "B"}}
    raw["demand"] = [{"consumer": u, "material": "ore", "t_per_year": 50} for u in "ab"]
    raw["damage"].append(dear("ore", 3, consumer="b"))
    raw["funders"]["maker"] = funder("company")
    for allocation, lost in (("pooled", 25), ("entitled", 87.5)):
        aim = {"cost_weight": 0.0, "allocation": allocation}
        assert damage(solver, raw | {"objective": aim}) == near(lost)


def test_a_floor_for_a_plant_with_inputs(solve: Solve) -> None:
    """50 t of oxide, a plant of 100 t with a floor for 0.3: 30 t at a low price, 50 at a high one.

    0.5 · 70 + 0.5 · 50.
    """
    plant = works(100, inputs_t_per_t={"oxide": 1.0}, cash_cost_eur_per_t={"magnet": 60_000})
    raw = chain(conversions={}, projects={"plant": plant}, stockpiles=[kept(50)])
    raw["materials"]["magnet"]["price_states"] = PRICES
    raw["funders"] = by_floors(floor(0.3, "magnet"))
    raw["uncertainty"] = states(
        *({"name": it, "probability": 0.5, "prices": {"magnet": it}} for it in ("low", "high"))
    )
    assert damage(solve, raw) == near(60)


def test_a_plant_starts_again_once_what_is_made_of_oxide_is_struck(solve: Solve) -> None:
    """Makers of 10 t tie magnets to oxide, of which 60 t are lost: the plant runs at a low price.

    A stock of 50 t of oxide is made into 50 t by both together; without makers into none.
    """
    plant = works(100, inputs_t_per_t={"oxide": 1.0}, cash_cost_eur_per_t={"magnet": 60_000})
    raw = chain(10, projects={"plant": plant}, stockpiles=[kept(50)], hazards=cut([1.0]))
    raw |= {"supply": [imports("oxide", 60)], "uncertainty": states(state("cut", 1.0, 2026))}
    assert damage(solve, raw) == near(50)
    assert damage(solve, raw | {"conversions": {}}) == near(100)


def test_demand_that_falls_is_no_strike_for_works(solve: Solve) -> None:
    """Half of demand and of supply as a share, nothing lost; imports are half of what is needed.

    At a low price no clock runs: 25 are missing. At a high price none.
    """
    raw = choosy(restart=0) | {"supply": [CHINA[0] | {"share": 0.5}]}
    drawn = [
        {"name": it, "probability": 0.5, "prices": {"ore": it}, "demand": {"ore": 0.5}}
        for it in ("low", "high")
    ]
    assert damage(solve, raw | {"uncertainty": states(*drawn)}) == near(12.5)


def test_a_premium_is_paid_for_idle_works(solve: Solve) -> None:
    """50 missing on average, and 2 million for 100 t that are reserved whatever the price."""
    raw = choosy()
    raw["materials"]["ore"] |= {
        "secured_premium_eur_per_t": 20_000,
        "premium_paid_by": {"fund": 1.0},
    }
    assert objective(solve, raw) == near(52)


def test_idle_works_count_against_a_country(solve: Solve) -> None:
    """China supplies 100, of which none may stay: 100 t elsewhere, idle or not: 0.5 · 100."""
    raw = choosy() | {"policy": {"max_country_share": {"limit": 0.0}}}
    assert damage(solve, raw) == near(50)


def test_a_floor_does_not_cost_more_with_an_overrun(solve: Solve) -> None:
    """1 million on 100 t at a low price, whatever the works come to: half a million for half."""
    raw = choosy(floor(), capex_overrun=TABLE) | {"uncertainty": priced(low=1.0)}
    raw |= {"policy": {"contingency": 0.9}}
    raw["funders"]["fund"]["budget_meur"] = 0.5
    assert damage(solve, raw) == near(50)


def test_idle_works_leave_a_market_covered(solve: Solve) -> None:
    """All comes in 2027, so that a stock is filled again whether works run or not.

    Low: 2026 at age 0 idle, 50 left by a stock of 50; 2028 at age 2 they run, and none are missing.
    """
    raw = choosy(restart=2, last_year=2028) | {"stockpiles": [store(refill=50)]}
    raw["stockpiles"][0]["paid_by"] = {"fund": 1.0}
    assert damage(solve, raw | {"uncertainty": priced(2026, 2028, low=1.0)}) == near(50)
    raw["projects"]["works"]["restart_periods"] = 3
    assert damage(solve, raw | {"uncertainty": priced(2026, 2028, low=1.0)}) == near(100)


# All of it together


def test_a_file_with_all_of_it(solve: Solve) -> None:
    """Ore is lost in 2026 and 2027: 820 and 460. The mine is built anyway in one state of two.

    There 10 t less are missing without plan, at 10: 720 and 360. Half of the mine is bought, which
    brings 60 t in both states: 820 - 600 and 460 - 400 - 20. It costs 5 · 1.28 and 1.2 a year.
    """
    raw = adapting(2026, last_year=2027, loss=[1, 1])
    raw["projects"] = mine(capex_overrun=TABLE)
    raw["funders"] = {"fund": funder(max_share=0.5)}
    raw["materials"]["ore"] |= {
        "secured_premium_eur_per_t": 20_000,
        "premium_paid_by": {"fund": 1.0},
    }
    raw["policy"] = {"max_starts_by_year": {2026: 1}}
    raw["uncertainty"] = states(state("built", 0.5, 2026, anyway=["mine"]), state("not", 0.5, 2026))
    assert avoided(solve, raw) == (near(0.5 * 1080 + 0.5 * 1280), near(260))
    assert objective(solve, raw) == near(260 + 6.4 + 2 * 1.2)
