"""Random small cases, as plain dictionaries, for any source of choices.

`pick` chooses one of a list of values: hypothesis does so in a way that shrinks, `random.Random`
evenly. Figures are round but unlike, so that two plans seldom tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Raw = dict[str, Any]
Pick = Callable[[Sequence[Any]], Any]


def maybe(pick: Pick, **fields: Sequence[Any]) -> Raw:
    """A dictionary in which each of the fields may be absent."""
    return {name: pick(values) for name, values in fields.items() if pick([False, True])}


def rarely(pick: Pick, **fields: Sequence[Any]) -> Raw:
    """The same, with each of the fields mostly absent."""
    return {name: pick(values) for name, values in fields.items() if pick([False] * 5 + [True])}


def some_of(pick: Pick, values: Sequence[Any]) -> list[Any]:
    """One or more of the values, in order."""
    first = pick(range(len(values)))
    return [value for i, value in enumerate(values) if i == first or pick([False, True])]


def projects(pick: Pick, materials: list[str], years: list[int]) -> Raw:
    names = ["alpha", "beta", "gamma"][: pick([1, 2, 2, 3])]
    found: Raw = {}
    for name in names:
        first = pick(years[:2])
        found[name] = {
            "name": name,
            "country": pick(["CN", "CL", "DE", "DE"]),
            "output_t_per_year": {m: pick([15, 40, 83]) for m in some_of(pick, materials)},
            "capex_meur": pick([1.7, 3.1, 9.9]),
            "earliest_start": first,
            "latest_start": min(first + pick([0, 1, 1]), years[-1]),
            "market_finance_max": pick([0.2, 0.5, 0.7, 0.9]),
        }
        found[name] |= rarely(
            pick,
            construction_years=[1],
            offtake_max=[0.4, 0.8],
            delay_years=[{0: 0.5, 1: 0.5}],
            success_probability=[0.5],
        )
        found[name] |= maybe(
            pick,
            lifetime_years=[1, 2],
            ramp_up=[[0.5, 1.0], [0.3, 0.6, 0.9]],
            capex_profile=[[0.4, 0.6], [0.5, 0.25, 0.25]],
            home_share=[0.1, 0.3],
            tags=[["domestic"], ["domestic", "strategic"]],
        )
    if len(names) > 1:
        found[names[0]] |= rarely(pick, requires=[[names[1]]])
        found[names[-1]] |= rarely(pick, excludes=[[names[0]]])
    return found


KINDS = (["public"], ["public", "company"], ["public", "private"], ["company", "public"])


def funders(pick: Pick, years: list[int], kinds: Sequence[list[str]] = KINDS) -> Raw:
    found: Raw = {}
    for kind in pick(kinds):
        equity = {
            "max_share": pick([0.25, 0.5, 0.8, 1.0]),
            "offtake_per_share": pick([1.0, 1.0, 0.8, 1.3]),
            "budget_class": "financial_transaction",
        }
        equity |= maybe(pick, ticket_min_meur=[0.6, 1.5, 4.0], recovery=[0.7, 0.4])
        equity |= rarely(
            pick,
            ticket_max_meur=[2.5, 6.0],
            budget_charge=[0.2, 0.9],
            grant_equivalent=[0.5, 1.0],
            eligible=[{"countries": ["DE", "CL"]}, {"tags": ["strategic"]}, {"materials": ["ore"]}],
        )
        by_year = [{years[0]: 4.0}, {years[-1]: 6.0}, dict.fromkeys(years, 2.5)]
        it: Raw = {"kind": kind, "name": kind, "instruments": {"equity": equity}}
        it |= maybe(pick, budget_meur=[3.0, 8.0, 20.0])
        it |= rarely(pick, budget_by_year_meur=by_year)
        it |= maybe(pick, carry_over=[True, False])
        found["maker" if kind == "company" else kind] = it
    return found


def stockpiles(
    pick: Pick, materials: list[str], consumers: list[str], payers: list[str]
) -> list[Raw]:
    found = []
    for number in range(pick([0, 1, 1, 2, 2])):
        it: Raw = {
            "id": f"store_{number}",
            "material": pick(materials),
            "paid_by": pick([{payers[0]: 1.0}, dict.fromkeys(payers, 1 / len(payers))]),
        }
        it |= maybe(
            pick,
            initial_t=[5, 12],
            max_t=[20, 60],
            max_purchase_t_per_year=[8, 25],
            storage_eur_per_t_year=[400],
            annual_loss=[0.1, 0.25],
            max_release_t_per_period=[3, 10],
            serves=[*[[name] for name in consumers], "all"],
        )
        it |= rarely(
            pick,
            purchase_premium=[0.05],
            financing_rate=[0.03],
            min_days_of_demand=[{2026: 5}, {2026: 5, 2028: 25}, {2027: 10}],
        )
        found.append(it)
    return found


def hazards(pick: Pick, materials: list[str]) -> Raw:
    loss = [[1.0], [0.5, 0.2], [0.9, 0.6, 0.3]]
    broad = [{"country": "CN", "loss": pick(loss)}]
    narrow = [
        {"country": "CN", "materials": ["ore"], "loss": pick(loss)},
        {"country": "CL", "materials": materials, "loss": pick(loss)},
    ]
    return {
        "broad": {"name": "Broad", "annual_probability": 0.1, "effects": broad},
        "narrow": {"name": "Narrow", "annual_probability": 0.1, "effects": narrow},
    }


def states(pick: Pick, names: list[str], years: list[int], periods: int) -> list[Raw]:
    chances = pick([[1.0], [0.75, 0.25], [0.5, 0.3, 0.2], [0.8, 0.15, 0.05]])
    found = []
    for number, chance in enumerate(chances):
        it: Raw = {"name": f"state {number}", "probability": chance}
        if number or len(chances) == 1:
            it["events"] = [
                {
                    "hazard": pick(["broad", "narrow"]),
                    "start": pick(years),
                    "period": pick(range(1, periods + 1)),
                }
                for _ in range(pick([1, 1, 2]))
            ]
            it |= rarely(
                pick,
                failed_projects=[[name] for name in names],
                delayed_projects=[{name: 1} for name in names] + [{names[-1]: 2}],
            )
        found.append(it)
    return found


def policy(pick: Pick, names: list[str]) -> Raw:
    must = pick([names, []])[:1]
    free = [name for name in names if name not in must]
    return rarely(
        pick,
        budget_meur=[4.0, 10.0],
        max_public_share=[0.3, 0.49],
        state_aid=[{"max_intensity": 0.35}, {"max_intensity": 0.35, "max_meur": 1.2}],
        max_projects=[1, 2],
        must_build=[must],
        must_not_build=[free[-1:]],
        max_country_share=[
            {"limit": 0.45},
            {"limit": 0.4, "from_year": 2026, "materials": ["ore"], "except": ["CL"]},
        ],
    )


def small_case(pick: Pick) -> Raw:
    """A case small enough for all its whole decisions to be tried."""
    length, per_year = pick([(1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, 2), (1, 4)])
    years = list(range(2026, 2026 + length))
    materials = ["ore", "spice"][: pick([1, 1, 2])]
    payers = funders(pick, years)
    consumers: Raw = {"industry": {"name": "Industry"}}
    if pick([True, True, False]):
        consumers["works"] = {"name": "Works"}
    if "maker" in payers:
        consumers[pick(list(consumers))]["company"] = "maker"
    candidates = projects(pick, materials, years)
    steps = [
        [{"share": 1.0, "eur_per_t": 61_000}],
        [{"share": 0.4, "eur_per_t": 31_000}, {"share": 0.6, "eur_per_t": 197_000}],
    ]
    damage: list[Raw] = [{"material": m, "steps": pick(steps)} for m in materials]
    if pick([False, True]):
        damage.append({"material": "ore", "consumer": "industry", "steps": pick(steps)})
    prices = [8_000, {2026: 20_000, 2029: 35_000}]
    tonnes = [41, 97, {2026: 50, 2028: 110}]
    weight, level = pick([(0.0, 0.95), (0.0, 0.5), (0.3, 0.9), (1.0, 0.6)])
    return {
        "schema_version": 1,
        "title": "A random case",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {
            "first_year": years[0],
            "last_year": years[-1],
            "periods_per_year": per_year,
            "discount_rate": pick([0.0, 0.05]),
        },
        "materials": {m: {"name": m, "price_eur_per_t": pick(prices)} for m in materials},
        "consumers": consumers,
        "demand": [
            {"consumer": u, "material": m, "t_per_year": pick(tonnes)}
            for u in consumers
            for m in materials
        ],
        "damage": damage,
        "supply": [
            {"material": m, "country": c, "share": pick([0.3, 0.5])}
            for m in materials
            for c in ["CN", "CL"]
        ],
        "projects": candidates,
        "funders": payers,
        "stockpiles": stockpiles(pick, materials, list(consumers), list(payers)),
        "hazards": hazards(pick, materials),
        "uncertainty": {"states": states(pick, list(candidates), years, per_year)},
        "policy": policy(pick, list(candidates)),
        "objective": {
            "measure": pick(["damage", "damage", "tonnes", "share_of_demand"]),
            "allocation": pick(["pooled", "entitled"]),
            "cost_weight": pick([0.001, 0.001, 0.1, 1.0]),
            "cvar": {"level": level, "weight": weight},
        },
    }


def crowded_case(pick: Pick) -> Raw:
    """A small case with what small ones seldom have, drawn after everything else.

    Stocks of one material that lose at different rates and release at most so much, sampled
    states, late and failing projects, and measures, allocations and tails in equal number.
    """
    raw = small_case(pick)
    consumers, payer = list(raw["consumers"]), next(iter(raw["funders"]))
    losses = pick([[0.0, 0.3], [0.1, 0.2], [0.2, 0.2]])
    for number, loss in enumerate(losses):
        it: Raw = {"id": f"depot_{number}", "material": "ore", "paid_by": {payer: 1.0}}
        it |= {"annual_loss": loss, "initial_t": pick([0, 4, 9])}
        it |= maybe(
            pick,
            max_release_t_per_period=[2, 7],
            max_purchase_t_per_year=[15],
            max_t=[30],
            serves=[consumers[:1], consumers[-1:], "all"],
        )
        raw["stockpiles"].append(it)
    for project in raw["projects"].values():
        project |= rarely(pick, success_probability=[0.5], delay_years=[{0: 0.6, 1: 0.4}])
    if pick([False, True]):
        raw["uncertainty"] = {"sample": {"states": pick([6, 15]), "seed": pick(range(100))}}
        for hazard in raw["hazards"].values():
            hazard["annual_probability"] = pick([0.2, 0.5])
    weight, level = pick([(0.0, 0.9), (0.3, 0.9), (0.3, 0.5), (1.0, 0.6), (1.0, 0.95)])
    raw["objective"] |= {
        "measure": pick(["damage", "tonnes", "share_of_demand"]),
        "allocation": pick(["pooled", "entitled"]),
        "cvar": {"level": level, "weight": weight},
    }
    return raw


def lines(pick: Pick, years: list[int]) -> Raw:
    """Some of the kinds of budget lines."""
    money = [
        {"total_meur": 6.0},
        {"by_year_meur": dict.fromkeys(years, 3.0), "carry_over": True},
        {"by_year_meur": {years[0]: 5.0}, "total_meur": 4.0},
    ]
    authority = [{"total_meur": 0.3}, {"total_meur": 4.0}, {"by_year_meur": {years[0]: 1.5}}]
    stock = [0.7, {years[0]: 2.0, 2029: 4.0}]
    kinds: Raw = {
        "money": {"kind": "cash"} | pick(money),
        "authority": {"kind": "commitment"} | pick(authority) | {"stock_charge": pick([0.0, 0.5])},
        "stock": {"kind": "guarantee_stock", "limit_meur": pick(stock)},
    }
    return {name: kinds[name] for name in some_of(pick, list(kinds))}


LOANS = ("loan", "subordinated_loan")


def instrument(pick: Pick, kind: str, materials: list[str]) -> Raw:
    """An instrument of a kind, with most of its terms."""
    it: Raw = {"kind": kind, "max_share": pick([0.4, 0.7, 1.0])}
    it |= maybe(pick, offtake_per_share=[0.5, 1.0])
    it |= rarely(pick, grant_equivalent=[0.3], budget_charge=[0.2], recovery=[0.3])
    if kind in (*LOANS, "guarantee", "interest_subsidy", "equity"):
        it["term_years"] = pick([1, 3, 10])
        it |= rarely(pick, ticket_min_meur=[0.7])
    if kind in (*LOANS, "guarantee", "interest_subsidy"):
        it |= maybe(pick, grace_years=[1])
    if kind in (*LOANS, "guarantee", "equity"):
        it["failure_probability"] = pick([0.0, 0.1, 0.4])
        it |= maybe(pick, loss_given_failure=[0.5, 0.9])
    if kind in (*LOANS, "interest_subsidy"):
        it["interest_rate"] = pick([0.02, 0.08])
    if kind == "equity":
        it["expected_return"] = pick([0.0, 0.07])
    if kind == "guarantee":
        it |= maybe(pick, fee_per_year=[0.01])
        if pick([False, True]):
            it = {key: x for key, x in it.items() if key not in ("term_years", "grace_years")}
    if kind in ("interest_subsidy", "price_floor"):
        it["market_finance_per_share"] = pick([0.2, 0.4])
    if kind == "price_floor":
        it["floor_eur_per_t"] = {m: pick([12_000, {2026: 9_000, 2029: 40_000}]) for m in materials}
        it |= maybe(pick, term_years=[1, 2], upside_share=[0.3])
        if "upside_share" in it:
            it |= maybe(pick, upside_from_eur_per_t=[{materials[0]: 45_000}])
    return it


def treasury_case(pick: Pick) -> Raw:
    """A small case with budget lines, instruments of several kinds, price states and stock costs
    that are split, drawn after everything else."""
    raw = small_case(pick)
    materials, payers = list(raw["materials"]), list(raw["funders"])
    years = list(range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1))
    carriers = ["equity", *LOANS, "guarantee", "guarantee", "grant", "interest_subsidy"]
    for funder in raw["funders"].values():
        kinds = [pick(carriers), pick(["price_floor", "interest_subsidy"])]
        for number, kind in enumerate(kinds[: pick([1, 2])]):
            named = some_of(pick, materials)
            funder["instruments"][f"{kind}_{number}"] = instrument(pick, kind, named)
        if pick([True, True, False]):
            funder["budget_lines"] = lines(pick, years)
            for it in funder["instruments"].values():
                it |= rarely(pick, charges=[{next(iter(funder["budget_lines"])): 0.3}])
                it |= rarely(pick, budget_class=["guarantee"])
    prices = [
        {"probability": 0.4, "eur_per_t": 6_000},
        {"probability": 0.6, "eur_per_t": {2026: 20_000, 2029: 50_000}},
    ]
    for material in raw["materials"].values():
        material |= maybe(pick, price_states=[prices])
    for project in raw["projects"].values():
        project["market_finance_max"] = pick([0.2, 0.5])
    for stock in raw["stockpiles"]:
        stock |= {"storage_eur_per_t_year": 900, "financing_rate": 0.05}
        stock |= maybe(
            pick,
            storage_paid_by=[{payers[-1]: 1.0}],
            financing_paid_by=[{payers[-1]: 1.0}, dict.fromkeys(payers, 1 / len(payers))],
        )
    return raw


def lasting_case(pick: Pick) -> Raw:
    """A case with treasuries in which stocks and projects count for something at the end, drawn
    after everything else. Stocks have room for so much, or a rising price would fill them."""
    raw = treasury_case(pick)
    raw["horizon"] |= {"residual_value": pick([0.0, 0.4, 0.9])}
    for part in (*raw["projects"].values(), *raw["stockpiles"]):
        part |= maybe(pick, residual_value=[0.0, 0.3, 0.8, 1.0])
    for stock in raw["stockpiles"]:
        stock.setdefault("max_t", 60)
    return raw


def unsettled(pick: Pick, raw: Raw) -> Raw:
    """The same case, whose users adapt to shortages and whose demand states change, drawn after
    everything else."""
    for entry in raw["damage"]:
        adaptation = {"per_year": pick([0.3, 0.9, 1.0])}
        adaptation |= maybe(
            pick, floor=[0.1, 0.5], trigger_loss=[0.0, 0.1, 0.5], reset_periods=[1, 2, 3]
        )
        entry |= maybe(pick, adaptation=[adaptation])
    for row in raw["supply"]:
        if "share" in row and pick([False, False, True]):
            row["t_per_year"] = row.pop("share") * 100
    uncertainty, materials = raw["uncertainty"], list(raw["materials"])
    for state in uncertainty.get("states", ()):
        state |= maybe(pick, demand=[{m: pick([0.4, 0.8, 1.7]) for m in some_of(pick, materials)}])
    chances = [{"factor": 0.5, "probability": 0.4}, {"factor": 1.3, "probability": 0.6}]
    if "sample" in uncertainty:
        uncertainty["demand"] = {pick(materials): chances}
    return raw


def deals_case(pick: Pick) -> Raw:
    """A case with treasuries in which secured output costs a premium, capex may overrun and few
    projects can be started in a year, drawn after everything else."""
    raw = treasury_case(pick)
    payers = list(raw["funders"])
    years = range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1)
    for material in raw["materials"].values():
        if pick([True, True, False]):
            premium = pick([3_000, 40_000, {2026: 9_000, 2028: 30_000}])
            material["secured_premium_eur_per_t"] = premium
            shares = [{payers[0]: 1.0}, {payers[-1]: 1.0}, dict.fromkeys(payers, 1 / len(payers))]
            material["premium_paid_by"] = pick(shares)
    for project in raw["projects"].values():
        low, high = pick([(0.0, 0.2), (0.1, 0.9), (0.3, 1.5)])
        overruns = [{"by": high, "probability": 0.25}, {"by": low, "probability": 0.75}]
        project |= maybe(pick, capex_overrun=[overruns])
    for funder in raw["funders"].values():
        funder |= maybe(pick, premium_charge=[0.0, 0.4, 2.0])
        for line in funder.get("budget_lines", {}).values():
            line |= maybe(pick, premium_charge=[0.3]) if line["kind"] == "cash" else {}
    raw["policy"] |= maybe(pick, contingency=[0.5, 0.75, 0.9])
    few = {year: pick([0, 1, 1, 2]) for year in years}
    raw["policy"] |= maybe(pick, max_starts_by_year=[few, {years[0]: 0}, {years[-1]: 1}])
    if pick([False, True]):
        raw["horizon"]["residual_value"] = 0.4
        for stock in raw["stockpiles"]:
            stock.setdefault("max_t", 60)
    return raw
