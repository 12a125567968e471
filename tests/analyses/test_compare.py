"""What a comparison says of plans: figures worked by hand, and parts that add up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from everything import everything
from side_by_side import changed, large, raw, small, stock
from small import case, chance_of_cut, funder, near, project, solve, stockpile

from models.results import Comparison, Plan
from models.results.comparison import OptionDifference
from models.results.option import Option
from optimizer.analyses.comparison import efficiency
from optimizer.analyses.comparison.plan_comparison import compare_plans, make_unique

ROOT = Path(__file__).parents[2]
BY_HAND = ["small", "large", "stock"]


@pytest.fixture(scope="module")
def by_hand() -> Comparison:
    return compare_plans([small(), large(), stock()], BY_HAND)


def option(comparison: Comparison, label: str) -> Option:
    return next(o for o in comparison.options if o.label == label)


def difference(comparison: Comparison, label: str) -> OptionDifference:
    return next(d for d in comparison.differences if d.option == label)


def test_it_loads_back_equal(by_hand: Comparison) -> None:
    assert Comparison.model_validate_json(by_hand.model_dump_json()) == by_hand


def test_options_carry_titles_and_what_their_variant_sets(by_hand: Comparison) -> None:
    titles = [(o.title.en, o.title.de, o.variant) for o in by_hand.options]
    assert titles == [
        ("Ore", "Erz", None),
        ("A large fund", "Ein großer Fonds", "large"),
        ("A stock", "Ein Vorrat", "stock"),
    ]
    assert option(by_hand, "large").set == {"funders.fund.budget_meur": 10}
    assert by_hand.names.projects["works"].de == "Werk"
    assert by_hand.base == "small"


def test_damage_avoided(by_hand: Comparison) -> None:
    """5 - 3 = 2 expected, 40 %; state by state 0 or 4, so 0 to 4 from 5 % to 95 % of states."""
    benefit = option(by_hand, "small").benefit
    assert benefit.expected.model_dump() == near_all(
        with_plan=3, without_plan=5, avoided=2, share=0.4
    )
    assert benefit.worst.model_dump() == near_all(
        with_plan=6, without_plan=10, avoided=4, share=0.4
    )
    assert benefit.cvar.avoided == near(4)
    assert benefit.avoided_range is not None
    assert benefit.avoided_range.model_dump() == near_all(low=0, high=4)
    assert benefit.left_range is not None
    assert benefit.left_range.model_dump() == near_all(low=0, high=6)


def near_all(**figures: float) -> Any:
    return pytest.approx(figures, abs=1e-7)


def test_dependence(by_hand: Comparison) -> None:
    """40 t at home: 40 t of imports give way. CN 60 %, DE 40 %: HHI 3 600 + 1 600."""
    before = option(by_hand, "small").benefit.dependence.without_plan
    after = option(by_hand, "small").benefit.dependence.with_plan
    assert before is not None
    assert after is not None
    assert (before.third_share, before.hhi, before.imports) == near([1, 10_000, 1])
    assert (after.third_share, after.hhi, after.imports) == near([0.6, 5200, 0.6])
    of = option(by_hand, "small").benefit.dependence
    assert (of.above_limit, of.above_limit_without_plan) == ((), ("ore",))
    assert of.worst_material == "ore"


def test_home_output_above_the_limit_is_no_dependence(by_hand: Comparison) -> None:
    """All ore from Germany: the largest supplier is at 100 %, but none abroad."""
    of = option(by_hand, "large").benefit.dependence
    assert of.with_plan is not None
    assert of.with_plan.largest_share == near(1)
    assert of.with_plan.third_share == 0
    assert of.above_limit == ()
    assert of.worst_material is None


def test_the_eu_is_no_third_country() -> None:
    """80 % from France, 20 % from China: the largest supplier is above 65 %, but not abroad."""
    supply = [
        {"material": "ore", "country": country, "share": share}
        for country, share in (("CN", 0.2), ("FR", 0.8))
    ]
    of = option(
        compare_plans([solve(case(home=["DE"], supply=supply))], ["o"]), "o"
    ).benefit.dependence
    assert of.with_plan is not None
    assert (of.with_plan.largest_share, of.with_plan.third_share) == near([0.8, 0.2])
    assert (of.with_plan.imports, of.above_limit) == (near(1), ())
    assert of.materials[0].with_plan.third_country == "CN"


def test_cover_is_weighted_by_the_value_of_demand() -> None:
    """50 of 100 t of ore at 10 000 and 20 of 40 t of salt at 50 000 EUR/t last half a year, 182.5
    days; without any salt: 182.5 * 1 / (1 + 2), as salt's demand is worth twice that of ore."""
    materials = {"ore": {"price_eur_per_t": 10_000}, "salt": {"price_eur_per_t": 50_000}}
    salty = case(
        materials=materials,
        demand=[
            {"consumer": "industry", "material": "ore", "t_per_year": 100},
            {"consumer": "industry", "material": "salt", "t_per_year": 40},
        ],
        damage=[
            {"material": m, "steps": [{"share": 1, "eur_per_t": 1_000_000}]} for m in materials
        ],
        funders={"fund": funder()},
        stockpiles=[stockpile(initial_t=50, max_purchase_t_per_year=0)],
    )
    benefit = option(compare_plans([solve(salty)], ["only"]), "only").benefit
    assert benefit.cover.by_material == {"ore": near(182.5), "salt": near(0)}
    assert benefit.cover.days == near(182.5 / 3)


def test_cover_is_of_need_and_weighted_by_its_value() -> None:
    """Nobody demands ore, of which makers take in 200 t: 50 t last 91.25 days, and no alloy is in
    store. 200 t of ore are worth 2 million EUR, 100 t of alloy 6."""
    makers = {"country": "DE", "output": "alloy", "capacity_t_per_year": 100}
    forms = case(
        materials={"ore": {"price_eur_per_t": 10_000}, "alloy": {"price_eur_per_t": 60_000}},
        demand=[{"consumer": "industry", "material": "alloy", "t_per_year": 100}],
        damage=[{"material": "alloy", "steps": [{"share": 1, "eur_per_t": 1_000_000}]}],
        conversions={"makers": makers | {"inputs_t_per_t": {"ore": 2}}},
        stockpiles=[stockpile(initial_t=50, max_purchase_t_per_year=0)],
    )
    benefit = option(compare_plans([solve(forms)], ["only"]), "only").benefit
    assert benefit.cover.by_material == {"ore": near(91.25), "alloy": near(0)}
    assert benefit.cover.days == near(91.25 / 4)


def test_cover_of_the_stock(by_hand: Comparison) -> None:
    assert option(by_hand, "stock").benefit.cover.days == near(182.5)
    assert option(by_hand, "small").benefit.cover.days == 0


def test_first_tonne_with_ramp_and_delay() -> None:
    """Begun in 2026, a year of building, nothing in the first year of output: 2028. Half a chance
    of two years more: expected in 2029. A second works without delay comes in 2029 for sure; it is
    neither the first nor expected any earlier."""
    late = project(
        10,
        1,
        construction_years=1,
        ramp_up=[0, 1],
        success_probability=0.9,
        delay_years={0: 0.5, 2: 0.5},
        latest_start=2026,
    )
    other = project(10, 1, construction_years=3, latest_start=2026)
    of = case(
        2030,
        projects={"late": late, "other": other},
        policy={"must_build": ["late", "other"]},
        uncertainty={"sample": {"states": 4, "seed": 1}},
        funders={"fund": funder()},
    )
    benefit = option(compare_plans([solve(of)], ["only"]), "only").benefit
    assert benefit.first_tonne is not None
    assert benefit.first_tonne.model_dump() == {
        "year": 2028,
        "expected_year": near(2029),
        "project": "late",
    }
    assert benefit.first_tonne_by_material == {"ore": benefit.first_tonne}


def test_no_first_tonne_without_projects(by_hand: Comparison) -> None:
    assert option(by_hand, "stock").benefit.first_tonne is None


def test_money_of_the_small_fund(by_hand: Comparison) -> None:
    """4 of the fund, 6 of the market: 1.5 to one. 2 million avoided by 4 are 0.5, from 0 to 1."""
    cost = option(by_hand, "small").cost
    assert (cost.public.paid_meur, cost.private.paid_meur, cost.market_meur) == near([4, 0, 6])
    assert set(cost.by_class) == {"financial_transaction"}
    assert (cost.public.peak_meur, cost.public.maximum_loss_meur) == near([4, 4])
    assert cost.public.peak_year == 2026
    assert cost.public.expected_loss_meur is None
    assert cost.public.expected_loss_known_for_meur == 0
    assert (cost.leverage.private_per_public, cost.leverage.other_per_federal) == near([1.5, 1.5])
    per_euro = cost.avoided_per_public_euro
    assert per_euro is not None
    assert per_euro.model_dump() == {
        "meur": near(4),
        "expected": near(0.5),
        "range": near_all(low=0, high=1),
    }
    (use,) = cost.budgets
    assert (use.used_meur, use.granted_meur, use.used_up) == (near(4), 4, True)


@pytest.mark.parametrize(
    ("carry_over", "buy", "granted", "used_up", "full_years"),
    [
        (False, {"2026": 0.2, "2027": 0.4}, 0.8, False, (2027,)),
        (True, {"2026": 0.2, "2027": 0.4}, 0.8, False, ()),
        (True, {"2026": 0.2, "2027": 0.6}, 0.8, True, (2027,)),
        (False, {"2026": 0.4, "2027": 0.4}, 0.8, True, (2026, 2027)),
    ],
)
def test_yearly_budgets(
    carry_over: bool,
    buy: dict[str, float],
    granted: float,
    used_up: bool,
    full_years: tuple[int, ...],
) -> None:
    """0.4 million EUR a year: what 2026 leaves is lost, or may be spent in 2027."""
    fund = {**funder(), "budget_by_year_meur": {2026: 0.4, 2027: 0.4}, "carry_over": carry_over}
    plan = solve(case(2027, funders={"fund": fund}))
    (line,) = plan.budget_lines
    left = 0.4 - buy["2026"] if carry_over else 0.0
    line = line.model_copy(
        update={"used_meur": buy, "available_meur": {"2026": 0.4, "2027": 0.4 + left}}
    )
    plan = plan.model_copy(update={"budget_lines": (line,)})
    (use,) = option(compare_plans([plan], ["only"]), "only").cost.budgets
    assert (use.granted_meur, use.used_up) == (near(granted), used_up)
    assert use.full_years == full_years


def test_a_guarantee_stock_is_used_up_in_its_fullest_year() -> None:
    plan = solve(case(2027, funders={"fund": funder(budget=1)}))
    (line,) = plan.budget_lines
    stock_line = line.model_copy(
        update={
            "kind": "guarantee_stock",
            "line": "cover",
            "used_meur": {"2026": 30.0, "2027": 20.0},
            "available_meur": {"2026": 30.0, "2027": 40.0},
            "total_meur": None,
        }
    )
    plan = plan.model_copy(update={"budget_lines": (stock_line,)})
    (use,) = option(compare_plans([plan], ["only"]), "only").cost.budgets
    assert (use.used_meur, use.granted_meur) == (30, 30)
    assert (use.used_up, use.full_years) == (True, (2026,))


def test_stocks_stand_outside_the_leverage_of_projects(by_hand: Comparison) -> None:
    cost = option(by_hand, "stock").cost
    assert cost.leverage.private_per_public is None
    assert cost.leverage_with_stocks.private_per_public == 0
    assert cost.leverage_with_stocks.public_meur == near(0.5)


def test_what_comes_back_and_present_values() -> None:
    """10 million, half in 2026 and half in 2027, at 25 %: worth 5 + 4 = 9, of which 60 % return."""
    of = case(
        2027,
        horizon={"first_year": 2026, "last_year": 2027, "discount_rate": 0.25},
        projects={"works": project(capex_profile=[0.5, 0.5], latest_start=2026)},
        policy={"must_build": ["works"]},
        funders={"fund": funder(recovery=0.6)},
    )
    plan = solve(of)
    public = option(compare_plans([plan], ["only"]), "only").cost.public
    assert public.paid_by_year_meur == near_all(**{"2026": 5, "2027": 5})
    assert (public.paid_present_meur, public.returned_present_meur) == near([9, 5.4])
    assert public.cost_meur == near(3.6) == near(plan.outcome.net_cost_meur)
    assert (public.peak_meur, public.peak_year) == (near(10), 2027)


def test_a_residual_value_is_not_called_a_return() -> None:
    """10 million, of which 60 % return: 4 spent, and half of that is left."""
    of = case(
        projects={"works": project(residual_value=0.5)},
        policy={"must_build": ["works"]},
        funders={"fund": funder(recovery=0.6)},
    )
    public = option(compare_plans([solve(of)], ["only"]), "only").cost.public
    assert (public.paid_present_meur, public.returned_present_meur) == near([10, 6])
    assert (public.residual_meur, public.cost_meur) == near([2, 2])


def test_without_public_money_nothing_is_per_public_euro() -> None:
    of = raw(0, funders={"fund": funder(budget=0), "motor_co": funder("company", budget=4)})
    cost = option(compare_plans([solve(of)], ["only"]), "only").cost
    assert cost.private.paid_meur == near(4)
    assert cost.leverage.private_per_public is None
    assert cost.leverage.other_per_federal is None
    assert cost.avoided_per_public_euro is not None
    assert cost.avoided_per_public_euro.expected is None
    assert cost.avoided_per_public_euro.range is None
    assert cost.budgets[0].used_up is False


def test_tonnes_are_not_set_against_euros() -> None:
    of = raw() | {"objective": {"measure": "tonnes"}}
    plan = solve(of)
    chosen = option(compare_plans([plan, plan], ["a", "b"]), "a")
    assert chosen.benefit.unit == "t"
    assert chosen.cost.avoided_per_public_euro is None
    assert (
        compare_plans([plan, plan], ["a", "b"]).differences[0].avoided_per_extra_public_euro is None
    )


def financed(plan: Plan, total: float, **positions: tuple[str, str, float]) -> Plan:
    """The plan as if its only project had these positions: kind of funder, class and amount."""
    position = plan.accounts[0]
    (built,) = plan.projects
    paid = sum(amount for _, _, amount in positions.values())
    return plan.model_copy(
        update={
            "funders": tuple(
                plan.funders[0].model_copy(update={"id": f, "kind": kind})
                for f, (kind, _, _) in positions.items()
            ),
            "accounts": tuple(
                position.model_copy(
                    update={
                        "funder": f,
                        "budget_class": booked,
                        "committed_meur": amount,
                        "paid_meur": {"2026": amount},
                    }
                )
                for f, (_, booked, amount) in positions.items()
            ),
            "projects": (
                built.model_copy(
                    update={"capex_meur": total, "market_share": (total - paid) / total}
                ),
            ),
            "spend_meur": {},
            "budget_lines": (),
        }
    )


def test_leverage_of_vulcan_in_both_definitions() -> None:
    """Vulcan's financing of December 2025, 2,193 million EUR: 150 of the Rohstofffonds and 204 of
    German grants, 1,046 more of other states and state banks (1,400 state-backed in all), 793 of
    others. Counting only German money: (2193 - 354) / 354 = 5.2. If all that is state-backed is
    public: (2193 - 1400) / 1400 = 0.57."""
    plan = financed(
        small(),
        2193,
        fund=("public", "financial_transaction", 150),
        germany=("public", "grant", 204),
        state_banks=("public", "loan", 1046),
        investor=("private", "private", 133),
    )
    of = option(
        compare_plans([plan], ["vulcan"], federal=["fund", "germany"]), "vulcan"
    ).cost.leverage
    assert of.other_per_federal is not None
    assert of.private_per_public is not None
    assert round(of.other_per_federal, 1) == 5.2
    assert round(of.private_per_public, 2) == 0.57
    assert (of.federal_meur, of.public_meur, of.private_meur) == near([354, 1400, 793])


def test_a_guaranteed_loan_is_public_but_no_federal_euro() -> None:
    """100 million: 10 of the fund, 45 of a guaranteed loan, 45 of others. 45 / 55 and 90 / 10."""
    plan = financed(
        small(),
        100,
        fund=("public", "financial_transaction", 10),
        guarantees=("public", "guarantee", 45),
    )
    of = option(compare_plans([plan], ["only"]), "only").cost.leverage
    assert (of.private_per_public, of.other_per_federal) == near([45 / 55, 9])


def test_expected_loss_says_how_much_it_is_known_for() -> None:
    """Of 55 at risk the expected loss is known for 45: 2 million."""
    plan = financed(
        small(),
        100,
        fund=("public", "financial_transaction", 10),
        guarantees=("public", "guarantee", 45),
    )
    fund, guarantees = plan.accounts
    risky = (
        fund.model_copy(
            update={"maximum_loss_meur": 10, "outstanding_meur": {"2026": 10, "2027": 0}}
        ),
        guarantees.model_copy(
            update={
                "maximum_loss_meur": 45,
                "expected_loss_meur": 2.0,
                "outstanding_meur": {"2026": 20, "2027": 45},
                "returned_meur": {"2030": 43.0},
            }
        ),
    )
    public = option(
        compare_plans([plan.model_copy(update={"accounts": risky})], ["o"]), "o"
    ).cost.public
    assert (public.expected_loss_meur, public.expected_loss_known_for_meur) == (2, 45)
    assert public.maximum_loss_meur == 55
    assert (public.peak_meur, public.peak_year) == (45, 2027)
    assert public.returned_by_year_meur == {"2030": 43}
    assert public.returned_known_for_meur == 45


def test_difference_of_the_large_fund(by_hand: Comparison) -> None:
    """3 million less damage for 6 of public money more, which drives out 6 of the market."""
    of = difference(by_hand, "large")
    assert (of.expected, of.worst) == near([-3, -6])
    assert [(m.material, m.damage) for m in of.by_material] == [("ore", near(-3))]
    assert of.by_consumer == {"industry": near(-3)}
    assert (of.public_paid_meur, of.private_paid_meur, of.market_meur) == near([6, 0, -6])
    assert of.net_cost_meur == near(6)
    assert of.avoided_per_extra_public_euro == near(0.5)
    (change,) = of.projects
    assert change.change == "refinanced"
    assert change.base is not None
    assert change.option is not None
    assert (change.base.public_share, change.option.public_share) == near([0.4, 1])
    assert of.by_material[0].projects == (change,)
    assert of.significant is True


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("interest_subsidy", {"term_years": 10, "interest_rate": 0.02}),
        ("price_floor", {"floor_eur_per_t": {"ore": 12_000}}),
        ("loan", {}),
    ],
)
def test_a_public_share_is_one_of_capex(kind: str, terms: dict[str, Any]) -> None:
    """What lets lenders carry more carries nothing itself."""
    plan = small()
    assert plan.scenario is not None
    fund = plan.scenario["funders"]["fund"]
    instruments = fund["instruments"] | {"other": {"kind": kind, **terms}}
    scenario = plan.scenario | {"funders": {"fund": fund | {"instruments": instruments}}}
    (works,) = plan.projects
    shares = {"fund": {**works.shares["fund"], "other": 0.3}}
    works = works.model_copy(update={"shares": shares})
    plan = Plan.model_validate(
        plan.model_dump() | {"scenario": scenario, "projects": [works.model_dump()]}
    )
    (choice,) = efficiency.project_choices({"small": plan})
    assert choice.options["small"].public_share == near(0.7 if kind == "loan" else 0.4)


@pytest.mark.parametrize(("share", "differs"), [(0.004, False), (0.006, True)])
def test_what_differs_by_half_a_percent_at_most_is_the_same(share: float, differs: bool) -> None:
    """Shares of capex by so many points; tonnes and money of a stock relative to themselves."""
    (works,), (pile,) = small().projects, stock().stockpiles
    other = works.model_copy(update={"market_share": works.market_share - share})
    built = difference(
        compare_plans([small(), small().model_copy(update={"projects": (other,)})], ["a", "b"]), "b"
    ).projects
    assert [change.change for change in built] == ["refinanced"] * differs
    for field in ("planned_t", "cost_meur"):
        more = {year: x * (1 + share) for year, x in getattr(pile, field).items()}
        held = stock().model_copy(update={"stockpiles": (pile.model_copy(update={field: more}),)})
        found = difference(compare_plans([stock(), held], ["a", "b"]), "b").stockpiles
        assert [change.stockpile for change in found] == ["reserve"] * differs


@pytest.mark.parametrize(("tonnes", "bought"), [(0.9e-6, "none"), (1.1e-6, "all")])
def test_a_gram_is_no_stock(tonnes: float, bought: str) -> None:
    (pile,) = stock().stockpiles
    bare = pile.model_copy(update={"buy_t": {"2026": tonnes}})
    plan = stock().model_copy(update={"stockpiles": (bare,)})
    (choice,) = efficiency.stockpile_choices({"a": plan})
    assert choice.bought_in == bought


def test_difference_of_the_stock(by_hand: Comparison) -> None:
    of = difference(by_hand, "stock")
    assert of.expected == near(-0.5)
    assert [(c.project, c.change) for c in of.projects] == [("works", "dropped")]
    (held,) = of.stockpiles
    assert (held.stockpile, held.held_t, held.cost_meur) == ("reserve", near(50), near(0.5))
    assert of.avoided_per_extra_public_euro is None
    money = {(m.funder, m.budget_class): m.paid_meur for m in of.money}
    assert money == {
        ("fund", "financial_transaction"): near(-4),
        ("fund", "expenditure"): near(0.5),
    }


def test_a_project_may_move() -> None:
    """The same works, begun a year later."""
    early = small()
    (built,) = early.projects
    later = early.model_copy(update={"projects": (built.model_copy(update={"start": 2027}),)})
    (change,) = compare_plans([early, later], ["early", "later"]).differences[0].projects
    assert change.change == "moved"


def test_who_is_in_all_some_and_none(by_hand: Comparison) -> None:
    (works,) = by_hand.projects
    assert (works.built_in, set(works.options)) == ("some", {"small", "large"})
    (reserve,) = by_hand.stockpiles
    assert (reserve.bought_in, set(reserve.options)) == ("some", {"stock"})
    both = compare_plans([small(), large()], ["small", "large"])
    assert both.projects[0].built_in == "all"
    neither = compare_plans([stock()], ["stock"])
    assert neither.projects[0].built_in == "none"


def with_bound(plan: Plan, bound: float | None) -> Plan:
    certificate = plan.certificate.model_copy(update={"bound": bound})
    return plan.model_copy(update={"certificate": certificate})


@pytest.mark.parametrize(
    ("slack", "significant"),
    [((1.0, 1.9), True), ((1.0, 2.1), False), ((3.1, 0.0), False), ((None, 0.0), None)],
)
def test_a_difference_below_both_gaps_together_is_not_significant(
    slack: tuple[float | None, float], significant: bool | None
) -> None:
    """Damage differs by 3, objectives by 3 less a thousandth of the 6 million that it costs."""
    plans = [
        with_bound(plan, None if gap is None else plan.certificate.objective - gap)
        for plan, gap in zip((small(), large()), slack, strict=True)
    ]
    of = compare_plans(plans, ["small", "large"]).differences[0]
    assert of.objective == near(-3 + 0.006)
    assert of.significant is significant
    assert of.resolution == (None if slack[0] is None else near(sum(x or 0 for x in slack)))


def test_only_funding_differs(by_hand: Comparison) -> None:
    assert by_hand.unlike == ()
    changes = {c.path: (c.base, c.value) for c in by_hand.changes["large"]}
    assert changes == {"funders.fund.budget_meur": ("4", "10")}
    assert {c.path for c in by_hand.changes["stock"]} == {
        "funders.fund.budget_meur",
        "policy.max_projects",
        "stockpiles.reserve",
    }


@pytest.mark.parametrize(
    ("section", "value", "subject", "path", "bars"),
    [
        ("currency", "USD", "currency", "currency", {"damage", "money"}),
        ("price_year", 2026, "price_year", "price_year", {"damage", "money"}),
        (
            "horizon",
            {"first_year": 2026, "last_year": 2026, "discount_rate": 0.03},
            "horizon",
            "horizon.discount_rate",
            {"damage", "money"},
        ),
        (
            "horizon",
            {"first_year": 2026, "last_year": 2026, "residual_value": 0.5},
            "horizon.residual_value",
            "horizon.residual_value",
            {"money", "objective"},
        ),
        (
            "objective",
            {"cvar": {"level": 0.9}},
            "objective.cvar.level",
            "objective.cvar.level",
            {"tail", "objective"},
        ),
        (
            "objective",
            {"cost_weight": 1},
            "objective.cost_weight",
            "objective.cost_weight",
            {"objective"},
        ),
        ("objective", {"measure": "tonnes"}, "objective.measure", "objective.measure", {"damage"}),
        (
            "objective",
            {"allocation": "entitled"},
            "objective.allocation",
            "objective.allocation",
            set(),
        ),
        ("home", ["FR"], "home", "home", {"dependence"}),
        (
            "damage",
            [{"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 90_000}]}],
            "damage",
            "damage.0.steps.0.eur_per_t",
            {"damage"},
        ),
        (
            "demand",
            [{"consumer": "industry", "material": "ore", "t_per_year": 90}],
            "demand",
            "demand.0.t_per_year",
            {"damage", "dependence"},
        ),
        (
            "materials",
            {"ore": {"price_eur_per_t": 11_000}},
            "materials",
            "materials.ore.price_eur_per_t",
            set(),
        ),
    ],
)
def test_incomparable_figures_are_named_and_not_compared(
    section: str, value: Any, subject: str, path: str, bars: set[str]
) -> None:
    other = changed(small(), **{section: value})
    comparison = compare_plans([small(), other], ["one", "two"])
    (one,) = comparison.unlike
    assert (one.option, one.subject, set(one.bars)) == ("two", subject, bars)
    assert [change.path for change in one.changes] == [path]
    (of,) = comparison.differences
    assert (of.expected is None) == ("damage" in bars)
    assert (of.worst is None) == ("damage" in bars)
    assert bool(of.by_material) != ("damage" in bars)
    assert (of.cvar is None) == bool(bars & {"damage", "tail"})
    assert (of.objective is None) == bool(bars & {"damage", "objective"})
    assert (of.public_paid_meur is None) == ("money" in bars)
    assert (of.net_cost_meur is None) == ("money" in bars)


def test_other_states_are_not_compared() -> None:
    one, two = (
        solve(raw() | {"uncertainty": {"sample": {"states": 8, "seed": seed}}}) for seed in (1, 2)
    )
    (unlike,) = compare_plans([one, two], ["one", "two"]).unlike
    assert (unlike.subject, unlike.bars) == ("uncertainty", ("damage",))
    assert (unlike.changes[0].path, unlike.changes[0].value) == ("uncertainty.sample.seed", "2")
    assert compare_plans([one, one], ["one", "two"]).unlike == ()


def test_another_start_is_named() -> None:
    """10 t in stock from the start: without a plan 90 t are missing in the worse state."""
    held = solve(raw() | {"stockpiles": [stockpile(initial_t=10, max_purchase_t_per_year=0)]})
    comparison = compare_plans([small(), held], ["one", "two"])
    (one,) = comparison.unlike
    assert (one.subject, one.bars) == ("outcome.without_plan", ())
    assert one.changes[0].base is not None
    assert one.changes[0].value is not None
    assert float(one.changes[0].base) == near(5)
    assert float(one.changes[0].value) == near(4.5)
    assert comparison.differences[0].expected == near(-0.5)


def test_names_and_sources_are_no_difference() -> None:
    other = changed(
        small(),
        title="Other",
        materials={
            "ore": {"name": "Rock", "price_eur_per_t": {"value": 10_000, "source": "guess"}}
        },
    )
    comparison = compare_plans([small(), other], ["one", "two"])
    assert comparison.changes == {"two": ()}
    assert comparison.unlike == ()


def test_a_plan_without_its_scenario_is_not_compared() -> None:
    bare = changed(small()).model_copy(update={"scenario": None})
    comparison = compare_plans([small(), bare], ["one", "two"])
    (one,) = comparison.unlike
    assert (one.subject, set(one.bars)) == ("scenario", {"damage", "money", "dependence"})
    chosen = option(comparison, "two")
    assert chosen.cost.public.paid_present_meur is None
    assert chosen.cost.public.returned_present_meur is None
    assert chosen.cost.avoided_per_public_euro is None
    assert chosen.benefit.cover.days is None
    assert chosen.benefit.dependence.with_plan is None
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


@pytest.fixture(scope="module")
def of_everything() -> tuple[list[Plan], Comparison]:
    base = everything()
    rich = everything()
    rich["policy"] = {key: x for key, x in rich["policy"].items() if key != "max_projects"}
    for purse in rich["funders"].values():
        if "budget_meur" in purse:
            purse["budget_meur"] *= 2
    plans = [solve(base), solve(rich)]
    return plans, compare_plans(plans, ["base", "rich"])


def test_sums_add_up_to_the_plan(of_everything: tuple[list[Plan], Comparison]) -> None:
    plans, comparison = of_everything
    for plan, of in zip(plans, comparison.options, strict=True):
        cost = of.cost
        assert cost.public.cost_meur + cost.private.cost_meur == near(plan.outcome.net_cost_meur)
        committed = sum(sum(by_year.values()) for by_year in plan.committed_meur.values())
        assert cost.public.paid_meur + cost.private.paid_meur == near(committed)
        assert sum(s.paid_meur for s in cost.by_class.values()) == near(cost.public.paid_meur)
        assert sum(p.sums.cost_meur for p in cost.parts) == near(plan.outcome.net_cost_meur)
        assert sum(s.cost_meur for s in cost.by_funder.values()) == near(plan.outcome.net_cost_meur)
        for figure in ("paid_by_year_meur", "outstanding_by_year_meur"):
            for year, amount in getattr(cost.public, figure).items():
                parts = sum(getattr(s, figure).get(year, 0.0) for s in cost.by_class.values())
                assert parts == near(amount)
        projects = sum(p.capex_meur for p in plan.projects)
        leverage = cost.leverage
        assert leverage.public_meur + leverage.private_meur == near(projects)
        assert leverage.federal_meur + leverage.other_meur == near(projects)


def test_differences_add_up(of_everything: tuple[list[Plan], Comparison]) -> None:
    (base, rich), comparison = of_everything
    (of,) = comparison.differences
    assert of.expected == rich.outcome.expected - base.outcome.expected
    assert abs(of.expected) > 1e-3
    assert sum(part.damage for part in of.by_material) == near(of.expected)
    assert sum(of.by_consumer.values()) == near(of.expected)
    assert of.public_paid_meur is not None
    assert of.private_paid_meur is not None
    public = sum(m.paid_meur for m in of.money if m.kind == "public")
    private = sum(m.paid_meur for m in of.money if m.kind != "public")
    assert (public, private) == near([of.public_paid_meur, of.private_paid_meur])
    assert sum(m.cost_meur for m in of.money) == near(of.net_cost_meur or 0.0)


def test_another_base_and_year() -> None:
    of = case(2027, projects={}, **chance_of_cut(0.5))
    plan = solve(of)
    comparison = compare_plans([plan, plan], ["one", "two"], base="two", year=2026)
    assert (comparison.base, comparison.year) == ("two", 2026)
    assert [d.option for d in comparison.differences] == ["one"]
    assert {o.benefit.cover.year for o in comparison.options} == {2026}
    assert compare_plans([plan], ["one"]).year == 2027


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"labels": ["one"]}, "label of its own"),
        ({"labels": ["one", "one"]}, "label of its own"),
        ({"base": "three"}, "no option 'three'"),
        ({"year": 1999}, "no year 1999"),
        ({"federal": ["nobody"]}, "no public funder 'nobody'"),
    ],
)
def test_what_matches_nothing_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        compare_plans([small(), large()], **({"labels": ["one", "two"]} | arguments))
    with pytest.raises(ValueError, match="there is no plan"):
        compare_plans([])
    with pytest.raises(ValueError, match="has no accounts"):
        compare_plans([small().model_copy(update={"accounts": ()})])


def test_labels_are_made_distinct() -> None:
    assert make_unique(["a", "b", "a", "a-2", "a"]) == ["a", "b", "a-2", "a-2-2", "a-3"]
    names = [o.label for o in compare_plans([small(), large(), large()]).options]
    assert names == ["base", "large", "large-2"]


@pytest.mark.slow
def test_it_needs_neither_solver_nor_tables() -> None:
    code = (
        "import sys, optimizer.analyses.comparison.plan_comparison\n"
        "assert not {'pyomo', 'highspy', 'pandas', 'click', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
