"""Random small cases: the planner against an exhaustive search that shares no code with it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.case import Case
from optimizer.errors import Infeasible
from optimizer.planner import plan
from oracle import best, count_patterns

Raw = dict[str, Any]
MOST_PATTERNS = 120
COUNTRIES = ["CN", "CL", "DE"]


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Raw]:
    """A dictionary in which each of the fields may be absent."""
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def projects(draw: st.DrawFn, materials: list[str], years: list[int]) -> Raw:
    names = ["alpha", "beta", "gamma"][: draw(some(1, 1, 2, 2, 3))]
    found: Raw = {}
    for name in names:
        first = draw(st.sampled_from(years))
        it = draw(
            optional(
                construction_years=some(0, 1),
                ramp_up=some([0.5, 1.0], [0.3, 0.6, 0.9]),
                lifetime_years=some(1, 2),
                capex_profile=some([0.4, 0.6], [0.5, 0.25, 0.25]),
                market_finance_max=some(0.5, 0.7, 1.0),
                home_share=some(0.1, 0.3),
                offtake_max=some(0.4, 0.8),
                tags=some(["domestic"], ["domestic", "strategic"]),
            )
        )
        made = draw(st.lists(st.sampled_from(materials), min_size=1, unique=True))
        found[name] = it | {
            "name": name,
            "country": draw(st.sampled_from(COUNTRIES)),
            "output_t_per_year": {m: draw(some(15, 40, 80)) for m in made},
            "capex_meur": draw(some(2.0, 5.0, 12.0)),
            "earliest_start": first,
            "latest_start": min(first + draw(some(0, 1)), years[-1]),
        }
    if len(names) > 1:
        found[names[0]] |= draw(
            some({}, {}, {"requires": [names[1]]}, {"excludes": [names[1]]})
        )
    return found


@st.composite
def funders(draw: st.DrawFn, years: list[int]) -> Raw:
    found: Raw = {}
    kinds = draw(
        some(["public"], ["public", "company"], ["public", "private"], ["company", "public"])
    )
    for kind in kinds:
        terms = draw(
            optional(
                max_share=some(0.25, 0.5, 0.8),
                ticket_min_meur=some(0.6, 1.5, 4.0),
                ticket_max_meur=some(2.5, 6.0),
                offtake_per_share=some(1.0, 0.8, 1.3),
                budget_charge=some(0.2, 0.9),
                recovery=some(0.7, 0.4),
                grant_equivalent=some(0.5, 1.0),
                eligible=some({"countries": ["DE", "CL"]}, {"tags": ["strategic"]}),
            )
        )
        money = draw(
            optional(
                budget_meur=some(3.0, 8.0, 20.0),
                budget_by_year_meur=some(
                    {years[0]: 4.0}, {years[-1]: 6.0}, {year: 2.5 for year in years}
                ),
                carry_over=st.booleans(),
            )
        )
        known = {"kind": kind, "name": kind}
        equity = {"offtake_per_share": 1.0, "budget_class": "financial_transaction"} | terms
        found["maker" if kind == "company" else kind] = (
            known | money | {"instruments": {"equity": equity}}
        )
    return found


@st.composite
def stockpiles(
    draw: st.DrawFn, materials: list[str], consumers: list[str], payers: list[str]
) -> list[Raw]:
    found = []
    for number in range(draw(some(0, 1, 1, 2))):
        it = draw(
            optional(
                initial_t=some(5, 12),
                max_t=some(20, 60),
                max_purchase_t_per_year=some(8, 25),
                purchase_premium=some(0.05),
                storage_eur_per_t_year=some(400),
                financing_rate=some(0.03),
                annual_loss=some(0.1, 0.25),
                max_release_t_per_period=some(3, 10),
                serves=some(*[[name] for name in consumers], "all"),
            )
        )
        if draw(some(False, False, False, True)):
            it["min_days_of_demand"] = {2026: draw(some(5, 20))}
        shares = {payers[0]: 1.0} if draw(st.booleans()) else {payers[0]: 0.6, payers[-1]: 0.4}
        found.append(
            it
            | {
                "id": f"store_{number}",
                "material": draw(st.sampled_from(materials)),
                "paid_by": {payers[0]: 1.0} if len(payers) == 1 else shares,
            }
        )
    return found


@st.composite
def states(draw: st.DrawFn, names: list[str], years: list[int], periods: int) -> list[Raw]:
    chances = draw(some([1.0], [0.75, 0.25], [0.5, 0.3, 0.2], [0.8, 0.15, 0.05]))
    found = []
    for number, chance in enumerate(chances):
        events = []
        for _ in range(draw(some(0, 1, 1, 2)) if number or len(chances) == 1 else 0):
            event = {"hazard": draw(some("first", "second")), "start": draw(st.sampled_from(years))}
            if periods > 1:
                event["period"] = draw(st.integers(1, periods))
            events.append(event)
        it: Raw = {"name": f"state {number}", "probability": chance, "events": events}
        if number and draw(some(False, False, True)):
            it["failed_projects"] = [draw(st.sampled_from(names))]
        if number and draw(some(False, False, True)):
            it["delayed_projects"] = {draw(st.sampled_from(names)): draw(some(1, 2))}
        found.append(it)
    return found


@st.composite
def policies(draw: st.DrawFn, names: list[str]) -> Raw:
    return draw(
        some({}, {})
        | optional(
            budget_meur=some(4.0, 10.0),
            max_public_share=some(0.3, 0.49),
            state_aid=some({"max_intensity": 0.35}, {"max_intensity": 0.35, "max_meur": 1.2}),
            max_projects=some(1, 2),
            must_build=some([names[0]], []),
            must_not_build=some([names[-1]], []),
        )
        | some(
            {"max_country_share": {"limit": 0.8}},
            {"max_country_share": {"limit": 0.7, "from_year": 2026, "except": ["CN"]}},
        )
    )


@st.composite
def cases(draw: st.DrawFn) -> Raw:
    """A case small enough that all its whole decisions can be tried."""
    allocation = draw(some("pooled", "entitled"))
    measure = draw(some("damage", "damage", "tonnes", "share_of_demand"))
    weight, level = draw(some((0.0, 0.95), (0.3, 0.9), (1.0, 0.6), (0.0, 0.5)))
    length, per_year = draw(some((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, 2), (1, 4)))
    years = list(range(2026, 2026 + length))
    materials = ["ore", "spice"][: draw(some(1, 1, 2))]
    payers = draw(funders(years))
    consumers: Raw = {"industry": {"name": "Industry"}}
    if draw(st.booleans()):
        consumers["works"] = {"name": "Works"}
        if "maker" in payers:
            consumers["works"]["company"] = "maker"
    candidates = draw(projects(materials, years))
    steps = some(
        [{"share": 1.0, "eur_per_t": 60_000}],
        [{"share": 0.4, "eur_per_t": 30_000}, {"share": 0.6, "eur_per_t": 200_000}],
    )
    damage = [{"material": m, "steps": draw(steps)} for m in materials]
    if draw(some(False, False, True)):
        damage.append({"material": "ore", "consumer": "industry", "steps": draw(steps)})
    flat_or_rising = some(40, 100, {2026: 50, 2028: 110})
    loss = some([1.0], [0.5, 0.2], [0.9, 0.6, 0.3])
    raw: Raw = {
        "schema_version": 1,
        "title": "A random case",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {
            "first_year": years[0],
            "last_year": years[-1],
            "periods_per_year": per_year,
            "discount_rate": draw(some(0.0, 0.05)),
        },
        "materials": {
            m: {"name": m, "price_eur_per_t": draw(some(8_000, {2026: 20_000, 2029: 35_000}))}
            for m in materials
        },
        "consumers": consumers,
        "demand": [
            {"consumer": u, "material": m, "t_per_year": draw(flat_or_rising)}
            for u in consumers
            for m in materials
        ],
        "damage": damage,
        "supply": [
            {"material": m, "country": c, "share": draw(some(0.3, 0.5))}
            for m in materials
            for c in ["CN", "CL"]
        ],
        "projects": candidates,
        "funders": payers,
        "stockpiles": draw(stockpiles(materials, list(consumers), list(payers))),
        "hazards": {
            "first": {
                "name": "First",
                "annual_probability": 0.1,
                "effects": [{"country": "CN", "loss": draw(loss)}],
            },
            "second": {
                "name": "Second",
                "annual_probability": 0.1,
                "effects": [
                    {"country": "CN", "materials": ["ore"], "loss": draw(loss)},
                    {"country": "CL", "materials": materials, "loss": draw(loss)},
                ],
            },
        },
        "uncertainty": {"states": draw(states(list(candidates), years, per_year))},
        "policy": draw(policies(list(candidates))),
        "objective": {
            "measure": measure,
            "allocation": allocation,
            "cost_weight": draw(some(0.001, 0.1, 1.0)),
            "cvar": {"level": level, "weight": weight},
        },
    }
    assume(count_patterns(raw) <= MOST_PATTERNS)
    return raw


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(cases())
def test_the_planner_finds_what_exhaustion_finds(raw: Raw) -> None:
    answer = best(raw)
    try:
        found = plan(Case.model_validate(raw), gap=0.0)
    except Infeasible:
        assert answer is None, "the planner calls a case infeasible that has a plan"
        return
    assert answer is not None, "the planner has a plan for an infeasible case"
    allowed = 1e-6 + 1e-6 * abs(answer.objective)
    assert abs(found.certificate.objective - answer.objective) <= allowed
    outcome = found.outcome
    aim = raw["objective"]
    weight = aim["cvar"]["weight"]
    parts = (1 - weight) * outcome.expected + weight * outcome.cvar
    parts += aim["cost_weight"] * outcome.net_cost_meur
    assert abs(parts - answer.objective) <= allowed
