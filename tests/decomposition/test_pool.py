"""One pool of cuts for problems that share recourse: which cuts stay valid after a change.

Rule (a): changes outside recourse keep cuts. (b): changes that keep the multipliers rebuild cuts.
(c): changes of the multipliers drop them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from cut_pool_cases import (
    TRUE,
    Changes,
    Raw,
    again,
    base,
    certified,
    changed,
    lent,
    made,
    most_excess,
    most_excess_of_rows,
    optimum,
    points,
)
from cutting import random_cuts, run_of

from optimizer.solve.decomposition import CutPool
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.recourse import FirstStagePoint

fund, equity = "funders.fund.", "funders.fund.instruments.equity."
grant, company = "funders.fund.instruments.grant.", "funders.motor_co."

OUTSIDE: dict[str, Changes] = {
    "budget": {fund + "budget_meur": 220},
    "budget by year": {fund + "budget_by_year_meur": {2026: 150, 2027: 60, 2028: 90}},
    "carry over": {fund + "carry_over": False},
    "budget of all": {"policy.budget_meur": 210},
    "ticket_min": {equity + "ticket_min_meur": 35},
    "ticket_max": {equity + "ticket_max_meur": 30},
    "max_share": {grant + "max_share": 0.1, equity + "max_share": 0.6},
    "eligible projects": {equity + "eligible": {}, grant + "eligible": {"countries": ["FR"]}},
    "eligible for a company": {company + "instruments.equity.eligible": {}},
    "offtake_per_share": {grant + "offtake_per_share": 0.0},
    "budget_charge": {grant + "budget_charge": 0.6},
    "a new instrument": {
        company + "instruments.loan": {"offtake_per_share": 0.9, "budget_class": "private"}
    },
    "kinds and terms": {
        equity + "kind": "equity",
        equity + "recovery": None,
        equity + "term_years": 8,
        equity + "expected_return": 0.02,
        grant + "kind": "subordinated_loan",
        grant + "term_years": 5,
        grant + "interest_rate": 0.01,
        grant + "failure_probability": 0.3,
    },
    "a line of the budget": {
        fund + "budget_lines": {
            "cash": {"kind": "cash", "by_year_meur": {2026: 110, 2027: 100, 2028: 50}}
        }
    },
    "a floor and interest": {
        "materials.dysprosium.price_states": [
            {"probability": 0.5, "eur_per_t": 100_000},
            {"probability": 0.5, "eur_per_t": 300_000},
        ],
        fund + "instruments.floor": {
            "kind": "price_floor",
            "floor_eur_per_t": {"dysprosium": 250_000},
            "market_finance_per_share": 0.3,
            "offtake_per_share": 0.4,
        },
        company + "instruments.interest": {
            "kind": "interest_subsidy",
            "term_years": 4,
            "interest_rate": 0.05,
            "market_finance_per_share": 0.4,
        },
    },
    "state aid": {"policy.state_aid": {"max_intensity": 0.1}},
    "grant_equivalent": {equity + "grant_equivalent": 0.5},
    "max_public_share": {"policy.max_public_share": 0.3},
    "country share": {"policy.max_country_share": None},
    "must_build": {"policy.must_build": ["upper_rhine"], "policy.must_not_build": []},
    "max_projects": {"policy.max_projects": 1},
    "starts": {"policy.max_starts_by_year": {2026: 1}},
    "premium": {
        "materials.dysprosium.secured_premium_eur_per_t": 400_000,
        "materials.dysprosium.premium_paid_by": {"fund": 0.5, "motor_co": 0.5},
        fund + "premium_charge": 0.5,
    },
    "overruns": {
        "projects.separation.capex_overrun": [
            {"by": 0.0, "probability": 0.5},
            {"by": 0.6, "probability": 0.5},
        ],
        "policy.contingency": 0.9,
    },
    "price": {"materials.dysprosium.price_eur_per_t": 700_000},
    "storage cost": {"stockpiles.0.storage_eur_per_t_year": 90_000},
    "financing rate": {"stockpiles.0.financing_rate": 0.3},
    "paid_by": {"stockpiles.0.paid_by": {"motor_co": 1.0}},
    "who pays for storage": {
        "stockpiles.0.storage_paid_by": {"fund": 1.0},
        "stockpiles.0.financing_paid_by": {"motor_co": 1.0},
    },
    "stock limits": {"stockpiles.0.max_t": 20, "stockpiles.1.max_purchase_t_per_year": 50},
    "days of demand": {"stockpiles.0.min_days_of_demand": {2026: 20}},
    "recovery": {equity + "recovery": 0.1},
    "residual values": {
        "horizon.residual_value": 0.5,
        "stockpiles.0.residual_value": 0.9,
        "projects.separation.residual_value": 0.0,
    },
    "cost_weight": {"objective.cost_weight": 0.5},
    "capex": {"projects.separation.capex_meur": 160},
    "market finance": {"projects.separation.market_finance_max": 0.1},
    "home_share": {"projects.magnets.home_share": 0.5},
    "offtake_max": {"projects.separation.offtake_max": 0.5},
    "excludes": {"projects.magnets.excludes": []},
    "risk weight": {"objective.cvar.weight": 0.8},
}

NEW_PROJECT: Raw = {
    "country": "DE",
    "output_t_per_year": {"dysprosium": 25, "lithium": 700},
    "latest_start": 2027,
    "capex_meur": 20,
    "market_finance_max": 0.5,
    "tags": ["domestic"],
}
NEW_STOCK: Raw = {
    "id": "second",
    "material": "dysprosium",
    "initial_t": 3,
    "annual_loss": 0.02,
    "paid_by": {"fund": 1.0},
}
NEW_COMPANY: Raw = {
    "kind": "company",
    "budget_meur": 60,
    "instruments": {"equity": {"offtake_per_share": 1.0, "budget_class": "private"}},
}

SEEN: dict[str, Changes] = {
    "demand": {"demand.0.t_per_year": 92},
    "step shares": {"damage.0.steps.0.share": 0.4, "damage.0.steps.1.share": 0.6},
    "supply": {"supply.1.share": 0.09, "supply.2.share": 0.55},
    "hazard": {"hazards.export_stop.effects.0.loss": [0.9, 0.5]},
    "probabilities": {
        "uncertainty.states.0.probability": 0.8,
        "uncertainty.states.1.probability": 0.1,
    },
    "one more state": {
        "uncertainty.states.0.probability": 0.4,
        "uncertainty.states.3": {
            "probability": 0.2,
            "events": [{"hazard": "strike", "start": 2028, "period": 1}],
        },
    },
    "output": {"projects.separation.output_t_per_year.dysprosium": 75},
    "ramp": {"projects.upper_rhine.ramp_up": [0.9, 1.0]},
    "lifetime": {"projects.separation.lifetime_years": 3},
    "construction": {"projects.magnets.construction_years": 1},
    "delays": {"uncertainty.states.1.delayed_projects": {"magnets": 1}},
    "failures": {"uncertainty.states.2.failed_projects": ["separation"]},
    "initial stock": {"stockpiles.0.initial_t": 15},
    "release limit": {"stockpiles.0.max_release_t_per_period": 50},
    "no release limit": {"stockpiles.1.max_release_t_per_period": None},
    "stock split": {"stockpiles.0.serves": ["motors"]},
    "new project": {"projects.recycling": NEW_PROJECT},
    "new start years": {"projects.upper_rhine.latest_start": 2028},
    "fewer start years": {"projects.upper_rhine.latest_start": 2026},
    "new stockpile": {"stockpiles.2": NEW_STOCK},
    "new company": {"funders.cell_co": NEW_COMPANY, "consumers.cells.company": "cell_co"},
}

DROPPING: dict[str, Changes] = {
    "discount rate": {"horizon.discount_rate": 0.02},
    "eur_per_t": {"damage.0.steps.0.eur_per_t": 390_000},
    "annual_loss": {"stockpiles.0.annual_loss": 0.05},
    "periods": {"horizon.periods_per_year": 1, "uncertainty": None},
    "years": {"horizon.last_year": 2029, "policy.max_country_share": None},
    "measure": {"objective.measure": "tonnes"},
}


@cache
def pool_of(allocation: str) -> CutPool:
    return made(base(allocation))


@pytest.mark.quick(every=17, ci=3)
@pytest.mark.parametrize("change", OUTSIDE)
def test_changes_outside_recourse_keep_cuts(change: str) -> None:
    """(a) All of them are lent, are true in columns old and new, and lead to the optimum."""
    for allocation in ("entitled", "pooled") if "eligible" in change else ("entitled",):
        pool, raw = pool_of(allocation), changed(base(allocation), OUTSIDE[change])
        answer, run, cuts = lent(pool, raw)
        assert answer == "as it stands"
        assert len(cuts) == len(pool.cuts)
        assert most_excess(run, cuts, points(run, 1)) <= TRUE
        assert most_excess_of_rows(run, cuts[::3], 2) <= TRUE
        check_optimum(pool, raw)


def check_optimum(pool: CutPool, raw: Raw) -> None:
    """With the pool and by the extensive form."""
    best = optimum(raw)
    with_pool = certified(raw, again(pool))
    assert with_pool.objective == pytest.approx(best, rel=3e-6)
    assert with_pool.status == "optimal"
    assert with_pool.bound is not None
    assert with_pool.bound <= best * (1 + 3e-6)


def test_the_pool_is_worth_lending() -> None:
    """Cuts of each node and of the tail, and the change of a company's terms adds columns."""
    pool = pool_of("entitled")
    _, run, cuts = lent(pool, base())
    assert {min(cut.subgradients) for cut in cuts if not cut.is_tail} == set(
        run.cut_oracle.part_oracles[0].recourse.node_data
    )
    assert sum(cut.is_tail for cut in cuts) > 2
    _, other, _ = lent(pool, changed(base(), OUTSIDE["eligible for a company"]))
    new = {index for name, index in other.master.layout.columns if name == "offtake"}
    new -= {index for _, index in run.master.layout.columns}
    assert {key[2] for key in new} == {"motor_co"}


IN_BOTH = ["demand", "supply", "delays", "release limit", "stock split", "new company"]
"""Changes tried in both allocations."""


@pytest.mark.quick(every=9, ci=2)
@pytest.mark.parametrize(
    ("change", "allocation"),
    [(change, "entitled") for change in SEEN] + [(change, "pooled") for change in IN_BOTH],
)
def test_a_change_of_recourse_data_makes_cuts_again(change: str, allocation: str) -> None:
    """(b) New cuts at the old points are true and lead to the optimum."""
    pool, raw = pool_of(allocation), changed(base(allocation), SEEN[change])
    answer, run, cuts = lent(pool, raw)
    if change == "stock split" and allocation == "pooled":
        assert answer == "as it stands"  # there all consumers draw on all stocks
        return
    assert answer == "rebuilt"
    assert len(cuts) >= len(run.cut_oracle.part_oracles[0].recourse.node_data)
    assert not {id(cut) for cut in cuts} & {id(cut) for cut in pool.cuts}
    assert most_excess(run, cuts[::4], points(run, 3, count=2)) <= TRUE
    check_optimum(pool, raw)


MILDER = [
    "demand",
    "step shares",
    "supply",
    "hazard",
    "probabilities",
    "output",
    "initial stock",
    "release limit",
    "no release limit",
]
"""Changes that leave less damage at some point, and all shapes as they are.

Not what shifts a project's output in time: a cut is kept by what it says of arrivals.
"""


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("change", MILDER)
def test_cuts_from_before_would_be_false(change: str) -> None:
    """As they stand they claim more damage than there is, at the points they were made at."""
    before, run = run_of(base()), run_of(changed(base(), SEEN[change]))
    at = points(before, 11)
    cuts = [cut for point in at for cut in before.cut_oracle((point,)).cuts]
    assert most_excess(run, cuts, at) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("change", DROPPING)
def test_changes_of_multipliers_drop_the_pool(change: str) -> None:
    """(c) The pool gives no cuts, and is filled by the run."""
    pool, raw = pool_of("entitled"), changed(base(), DROPPING[change])
    answer, _, cuts = lent(pool, raw)
    assert (answer, cuts) == ("dropped", [])
    check_optimum(pool, raw)
    used = again(pool)
    certified(raw, used)
    assert lent(used, raw)[0] == "as it stands"
    assert lent(used, base())[0] == "dropped"


def test_an_allocation_does_not_serve_the_other() -> None:
    for one, other in (("pooled", "entitled"), ("entitled", "pooled")):
        answer, _, cuts = lent(pool_of(one), base(other))
        assert (answer, cuts) == ("dropped", [])
        check_optimum(pool_of(one), base(other))


@pytest.mark.parametrize("change", ["discount rate", "eur_per_t"])
def test_figures_without_weight_in_the_risk_measure_keep_cuts(change: str) -> None:
    """Tonnes are neither discounted nor priced."""
    raw = base(measure="tonnes")
    pool = made(raw)
    assert lent(pool, changed(raw, DROPPING[change]))[0] == "as it stands"
    check_optimum(pool, changed(raw, DROPPING[change]))


def test_demand_drops_a_pool_of_shares_of_demand() -> None:
    """There a missing lot weighs one over demand."""
    raw = base(measure="share_of_demand")
    pool = made(raw)
    assert lent(pool, changed(raw, SEEN["demand"]))[0] == "dropped"
    assert lent(pool, changed(raw, SEEN["supply"]))[0] == "rebuilt"
    check_optimum(pool, changed(raw, SEEN["supply"]))


def test_the_deepest_cut_of_each_kind_is_recalled() -> None:
    """Of those that a solution violates, one for each column they bound; others stay at hand."""
    run = run_of(base(cvar={"weight": 0.3, "level": 0.9}))
    rng = np.random.default_rng(8)
    cuts = random_cuts(rng, run, 5)
    run.master.deactivate_cuts(cuts)
    x = np.zeros(len(run.master.program.cost))
    sides: dict[object, list[float]] = {}
    for cut in cuts:
        _, _, side = run.master.cut_row(cut)
        if side > 0:
            sides.setdefault("tail" if cut.is_tail else cut.chain_id, []).append(side)
    assert run.master.activate_violated_cuts(x, 1e-6) == len(sides) > 1
    assert len(run.master.all_cuts()) == len(cuts)
    for cut in run.master.extra_rows:
        assert isinstance(cut, Cut)
        kind = "tail" if cut.is_tail else cut.chain_id
        assert run.master.cut_row(cut)[2] == max(sides[kind])


def test_an_empty_pool_lends_nothing() -> None:
    answer, _, cuts = lent(CutPool(), base())
    assert (answer, cuts) == ("dropped", [])


# The tail


def own_points(cuts: list[Cut]) -> list[FirstStagePoint]:
    """Some points at which cuts were made: there they claim most."""
    return [cut.point for cut in cuts[:12] + cuts[-12:] if cut.point is not None]


def tail(weight: float, level: float) -> Raw:
    return base(cvar={"weight": weight, "level": level})


@pytest.mark.quick(1)
@pytest.mark.parametrize(("level", "serves"), [(0.9, True), (0.95, True), (0.8, False)])
def test_cuts_of_the_tail_serve_their_level_and_higher_ones(level: float, serves: bool) -> None:
    """A pool of level 0.9; cuts of the mean serve every level."""
    pool, raw = made(tail(0.3, 0.9)), tail(0.3, level)
    answer, run, cuts = lent(pool, raw)
    assert answer == "as it stands"
    assert any(cut.is_tail for cut in cuts) == serves
    assert any(not cut.is_tail for cut in cuts)
    assert most_excess(run, cuts, own_points(cuts)) <= TRUE
    check_optimum(pool, raw)


def test_cuts_of_the_tail_would_be_false_for_a_lower_level() -> None:
    pool = made(tail(0.3, 0.9))
    run = run_of(tail(0.3, 0.5))
    tails = [cut for cut in pool.cuts if cut.is_tail]
    assert most_excess(run, tails, own_points(tails)) > 1e-3


def test_a_pool_keeps_the_level_its_cuts_hold_for() -> None:
    """From 0.9 to 0.8, again, to 0.95 and 0.5: each time the optimum."""
    pool = CutPool()
    for level in (0.9, 0.8, 0.8, 0.95, 0.5):
        raw = tail(0.6, level)
        _, run, cuts = lent(pool, raw)
        if cuts:
            assert most_excess(run, cuts, own_points(cuts)) <= TRUE
        best = optimum(raw)
        assert certified(raw, pool).objective == pytest.approx(best, rel=3e-6)


@pytest.mark.slow
def test_weights_of_the_tail_share_a_pool() -> None:
    """From 0 to 0.3 to 1 and back to 0; cuts of the mean outlive a run that has no use for them."""
    pool = CutPool()
    ways = [(0.0, set()), (0.3, {False}), (1.0, {True}), (0.0, {False}), (1.0, {True})]
    for weight, kinds in ways:
        raw = tail(weight, 0.8)
        answer, _, cuts = lent(pool, raw)
        assert answer == ("as it stands" if kinds else "dropped")
        assert {cut.is_tail for cut in cuts} == kinds
        best = optimum(raw)
        assert certified(raw, pool).objective == pytest.approx(best, rel=3e-6)


def test_budgets_one_after_the_other_from_one_pool() -> None:
    """A frontier: sweeps and optima of each budget, with fewer sweeps than without the pool."""
    pool, with_pool, without = CutPool(), 0, 0
    for budget in (60, 180, 300):
        free = {"stockpiles.0.min_days_of_demand": None, "policy.must_build": []}
        free["policy.max_country_share"] = None
        raw = changed(base(), {"policy.budget_meur": budget} | free)
        alone, reusing = certified(raw), certified(raw, pool)
        assert reusing.objective == pytest.approx(alone.objective, rel=3e-6)
        with_pool += reusing.work["sweeps"]
        without += alone.work["sweeps"]
    assert with_pool < without
