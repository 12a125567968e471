"""Random small cases of the whole world: what comes anyway, what deals and projects cost, users who
adapt, events that last, demand that varies, stocks that are filled again and plants that idle.

For any source of choices, as in `random_cases`; states are written out. Each part of the world is
there in two cases of three, in any combination, and `without` takes one away. In half of the cases
materials are tied in a chain.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from oracle import count_patterns
from random_cases import (
    Pick,
    Raw,
    funders,
    instrument,
    lines,
    maybe,
    policy,
    projects,
    rarely,
    some_of,
    stockpiles,
)
from random_chains import FORMS, candidates, plants_of_today, stores, wanted

MOST_PATTERNS = 60
KINDS = (["public"], ["public", "company"], ["company", "public"], ["public", "company", "private"])
LENGTHS = ((1, 1), (2, 1), (3, 1), (3, 1), (2, 2), (2, 2), (1, 4), (3, 2), (2, 4))
CHANCES = ([0.6, 0.4], [0.5, 0.3, 0.2], [0.7, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1])
LOSSES = ([1.0], [0.9, 0.7], [1.0, 0.8, 0.6], [0.8, 0.8, 0.8, 0.5])
STEPS = (
    [{"share": 1.0, "eur_per_t": 61_000}],
    [{"share": 0.3, "eur_per_t": 21_000}, {"share": 0.7, "eur_per_t": 187_000}],
    [{"share": s, "eur_per_t": eur} for s, eur in ((0.2, 11_000), (0.3, 67_000), (0.5, 223_000))],
)
PRICES = [
    {"name": "low", "probability": 0.4, "eur_per_t": 6_000},
    {"name": "middle", "probability": 0.4, "eur_per_t": {2026: 18_000, 2028: 27_000}},
    {"name": "high", "probability": 0.2, "eur_per_t": 50_000},
]
TABLES = (
    [{"by": by, "probability": chance} for by, chance in ((0.0, 0.4), (0.3, 0.4), (0.8, 0.2))],
    [{"by": by, "probability": chance} for by, chance in ((0.5, 0.7), (0.1, 0.3))],
)


def world_case(pick: Pick) -> Raw:
    """A case of the whole world, small enough for all its whole decisions to be tried."""
    while True:
        raw = _bare(pick)
        for add in PARTS.values():
            if pick([True, True, False]):
                add(pick, raw, years_of(raw))
        if count_patterns(raw) <= MOST_PATTERNS:
            return raw


def years_of(raw: Raw) -> list[int]:
    return list(range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1))


def _bare(pick: Pick) -> Raw:
    """What has none of it: events strike often, and between them most of what is needed comes."""
    length, per_year = pick(LENGTHS)
    years = list(range(2026, 2026 + length))
    kind = pick(["apart", "apart", "network", "program"])
    materials = list(FORMS[: pick([1, 2, 2, 3] if kind == "apart" else [2, 2, 3])])
    payers = funders(pick, years, KINDS)
    for payer in payers.values():
        payer["instruments"]["equity"].pop("eligible", None)
        payer["instruments"]["equity"]["max_share"] = pick([0.4, 1.0])
        if "budget_meur" in payer:
            payer["budget_meur"] = pick([0.4, 1.1, 2.3, 6.0])
        if pick([True, False]):
            payer.pop("budget_by_year_meur", None)
    consumers: Raw = {"industry": {"name": "Industry"}}
    if pick([True, True, False]):
        consumers["works"] = {"name": "Works"}
    if "maker" in payers:
        consumers[pick(list(consumers))]["company"] = "maker"
    raw: Raw = {
        "schema_version": 1,
        "title": "A random world",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {
            "first_year": years[0],
            "last_year": years[-1],
            "periods_per_year": per_year,
            "discount_rate": pick([0.0, 0.05]),
        },
        "materials": {m: {"name": m, "price_eur_per_t": pick([8_000, 20_000])} for m in materials},
        "consumers": consumers,
        "funders": payers,
    }
    if kind == "apart":
        tonnes = [41, 97, {2026: 50, 2028: 110}]
        pairs = [(u, m) for u in consumers for m in materials]
        raw["demand"] = [
            {"consumer": u, "material": m, "t_per_year": pick(tonnes)} for u, m in pairs
        ]
        raw["projects"] = projects(pick, materials, years)
        raw["stockpiles"] = stockpiles(pick, materials, list(consumers), list(payers))
    else:
        raw["demand"] = wanted(pick, materials, list(consumers), years)
        raw["projects"] = candidates(pick, materials, years, kind)
        raw["conversions"] = plants_of_today(pick, materials, kind)
        raw["stockpiles"] = stores(pick, materials, list(consumers), list(payers), kind)[:2]
    for it in raw["projects"].values():
        it |= {"earliest_start": years[0], "latest_start": pick(years[:2])}
        it |= {"market_finance_max": pick([0.7, 0.8, 1.0]), "capex_meur": pick([0.7, 1.7, 2.9])}
        it |= {"country": pick(["CN", "DE", "DE", "DE"]), "home_share": pick([0.1, 0.3, 0.6])}
    for it in raw["stockpiles"]:
        it.pop("min_days_of_demand", None)
    named = list(dict.fromkeys(row["material"] for row in raw["demand"]))
    raw["damage"] = [{"material": m, "steps": pick(STEPS)} for m in named]
    if any(row["consumer"] == "industry" and row["material"] == named[0] for row in raw["demand"]):
        own = {"material": named[0], "consumer": "industry", "steps": pick(STEPS)}
        raw["damage"] += [own] if pick([True, False, False]) else []
    raw["supply"] = []
    for m in materials:
        rows: list[Raw] = [{"share": pick([0.6, 0.7])}, {"share": pick([0.2, 0.3, 0.4])}]
        rows = pick([rows, rows, [{"t_per_year": 70}, {"t_per_year": 30}]])
        for country, row in zip(("CN", "CL"), rows, strict=True):
            raw["supply"].append({"material": m, "country": country} | row)
    raw["hazards"] = _hazards(pick, materials)
    raw["uncertainty"] = {"states": _states(pick, list(raw["projects"]), years, per_year)}
    raw["policy"] = policy(pick, list(raw["projects"])) | {"must_build": []}
    if "max_country_share" in raw["policy"]:
        raw["policy"]["max_country_share"]["limit"] = pick([0.75, 0.79])
    if "must_not_build" in raw["policy"] and pick([True, True, False]):
        del raw["policy"]["must_not_build"]
    weight, level = pick([(0.0, 0.95), (0.0, 0.95), (0.3, 0.9), (0.5, 0.6), (1.0, 0.6)])
    raw["objective"] = {
        "measure": pick([*["damage"] * 4, "tonnes", "share_of_demand"]),
        "allocation": pick(["pooled", "entitled"]),
        "cost_weight": pick([0.001, 0.001, 0.01, 0.1, 0.7]),
        "cvar": {"level": level, "weight": weight},
    }
    if pick([False, False, True]):
        _treasury(pick, raw)
    return raw


def _hazards(pick: Pick, materials: list[str]) -> Raw:
    broad = [{"country": "CN", "loss": pick(LOSSES)}]
    narrow = [{"country": "CN", "materials": some_of(pick, materials), "loss": pick(LOSSES)}]
    narrow += [{"country": pick(["CL", "DE"]), "loss": pick(LOSSES)}]
    return {
        name: {"name": name, "annual_probability": 0.1, "effects": effects}
        for name, effects in (("broad", broad), ("narrow", narrow))
    }


def _states(pick: Pick, names: list[str], years: list[int], per_year: int) -> list[Raw]:
    """Two to four, each with up to two events: of two, often one early and one late."""
    found = []
    periods = [(y, k) for y in years for k in range(1, per_year + 1)]
    for number, chance in enumerate(pick(CHANCES)):
        moments = [[pick(periods)], [periods[0], periods[-1]], [pick(periods), pick(periods)]]
        begun = pick([*moments, moments[1]] if number else [[], moments[1], moments[1]])
        it: Raw = {"name": f"state {number}", "probability": chance}
        it["events"] = [
            {"hazard": pick(["broad", "broad", "narrow"]), "start": y, "period": k}
            for y, k in begun
        ]
        it |= rarely(
            pick,
            failed_projects=[[name] for name in names],
            delayed_projects=[{name: 1} for name in names],
        )
        found.append(it)
    return found


def _anyway(pick: Pick, raw: Raw, years: list[int]) -> None:
    """Now and then of a project that is too dear for those who might start it."""
    named = some_of(pick, list(raw["projects"]))
    for it in (raw["projects"][p] for p in named):
        year = pick([y for y in years if y >= it["latest_start"]][:2])
        it["anyway"] = {"year": year, "probability": pick([0.5, 0.9])}
    raw["projects"][named[-1]]["capex_meur"] = pick([1.7, 17.0])
    for state in raw["uncertainty"]["states"]:
        if pick([True, True, True, False]):
            state["anyway"] = some_of(pick, named)


def _starts(pick: Pick, raw: Raw, years: list[int]) -> None:
    least = [0, 1, 1] if len(years) > 1 else [1]
    raw["policy"]["max_starts_by_year"] = {y: pick(least) for y in some_of(pick, years)}


def _premium(pick: Pick, raw: Raw, years: list[int]) -> None:
    payers = list(raw["funders"])
    for m in some_of(pick, list(raw["materials"])):
        paid = [{payers[0]: 1.0}, {payers[-1]: 1.0}, dict.fromkeys(payers, 1 / len(payers))]
        rate = pick([3_000, 15_000, {2026: 5_000, 2028: 30_000}])
        raw["materials"][m] |= {"secured_premium_eur_per_t": rate, "premium_paid_by": pick(paid)}
    for funder in raw["funders"].values():
        funder |= rarely(pick, premium_charge=[0.3, 0.0])
        for line in funder.get("budget_lines", {}).values():
            line |= {"premium_charge": 0.4} if line["kind"] == "cash" and pick([0, 1]) else {}


def _overrun(pick: Pick, raw: Raw, years: list[int]) -> None:
    for it in raw["projects"].values():
        it |= {"capex_overrun": pick(TABLES)} if pick([True, True, False]) else {}
    raw["policy"] |= maybe(pick, contingency=[0.3, 0.95])
    if pick([True, False]):
        for funder in raw["funders"].values():
            funder["budget_meur"] = pick([0.5, 0.9, 1.3, 2.0])


def _adaptation(pick: Pick, raw: Raw, years: list[int]) -> None:
    for entry in raw["damage"]:
        entry["steps"] = pick(STEPS[1:])
        entry["adaptation"] = {"per_year": pick([0.4, 0.8, 0.95])}
        entry["adaptation"] |= rarely(pick, floor=[0.2], trigger_loss=[0.5], reset_periods=[1, 2])


def _profiles(pick: Pick, raw: Raw, years: list[int]) -> None:
    for name in some_of(pick, list(raw["hazards"])):
        effects = raw["hazards"][name].pop("effects")
        short = [effect | {"loss": effect["loss"][:1]} for effect in effects]
        long = [effect | {"loss": [1.0, 0.6, 0.6, 0.3]} for effect in effects]
        raw["hazards"][name]["profiles"] = {
            "short": {"probability": 0.6, "effects": short},
            "long": {"probability": 0.4, "effects": long},
        }
        for state in raw["uncertainty"]["states"]:
            for event in state["events"]:
                if event["hazard"] == name:
                    event["profile"] = pick(["short", "long"])


def _demand(pick: Pick, raw: Raw, years: list[int]) -> None:
    for state in raw["uncertainty"]["states"]:
        if pick([True, False]):
            named = some_of(pick, list(raw["materials"]))
            state["demand"] = {m: pick([0.4, 0.8, 1.3]) for m in named}


def _refill(pick: Pick, raw: Raw, years: list[int]) -> None:
    """Often with a short event early and another late, between which a stock can come back."""
    if not raw["stockpiles"]:
        payer = next(iter(raw["funders"]))
        it: Raw = {"id": "store_0", "material": pick(list(raw["materials"]))}
        raw["stockpiles"] = [it | {"paid_by": {payer: 1.0}, "max_t": 60}]
    for it in raw["stockpiles"]:
        it["refill_t_per_year"] = pick([15, 60, {2026: 10, 2028: 80}])
        it["initial_t"] = pick([8, 15, 20])
    if pick([True, True, False]):
        raw["hazards"]["broad"]["effects"][0]["loss"] = [1.0]
        ends = [(years[0], 1), (years[-1], raw["horizon"]["periods_per_year"])]
        for state in raw["uncertainty"]["states"][1:]:
            state["events"] = [{"hazard": "broad", "start": y, "period": k} for y, k in ends]
        for row in raw["supply"]:
            row.pop("t_per_year", None)
            row["share"] = {"CN": 0.6, "CL": 0.45}[row["country"]]


def _idle(pick: Pick, raw: Raw, years: list[int]) -> None:
    """Cash costs, prices and, mostly, a floor for what some project lives on."""
    for p in some_of(pick, list(raw["projects"])):
        it = raw["projects"][p]
        m = pick(list(it["output_t_per_year"]))
        it["cash_cost_eur_per_t"] = {m: pick([12_000, 20_000])}
        it |= maybe(pick, restart_periods=[1, 2])
    mains = {m for it in raw["projects"].values() for m in it.get("cash_cost_eur_per_t", ())}
    named = [m for m in raw["materials"] if m in mains or pick([False, False, True])]
    for m in named:
        raw["materials"][m]["price_states"] = PRICES
    for state in raw["uncertainty"]["states"]:
        if pick([True, True, False]):
            drawn = {m: pick(["low", "low", "middle", "high"]) for m in some_of(pick, named)}
            state["prices"] = drawn
    for funder in raw["funders"].values():
        if pick([True, True, False]):
            floors = [22_000, {2026: 21_000, 2028: 30_000}]
            terms: Raw = {"kind": "price_floor", "market_finance_per_share": 0.2}
            terms["floor_eur_per_t"] = {m: pick(floors) for m in named}
            terms |= {"max_share": pick([0.3, 0.6, 1.0])}
            terms |= rarely(pick, term_years=[1], upside_share=[0.3], grant_equivalent=[0.5])
            funder["instruments"]["floor"] = terms


def _treasury(pick: Pick, raw: Raw) -> None:
    """Budget lines, and an instrument of another kind."""
    kinds = ["loan", "guarantee", "interest_subsidy", "grant"]
    for funder in raw["funders"].values():
        kind = pick(kinds)
        funder["instruments"][kind] = instrument(pick, kind, list(raw["materials"]))
        if "budget_lines" not in funder and pick([True, False]):
            funder["budget_lines"] = lines(pick, years_of(raw))


PARTS: dict[str, Callable[[Pick, Raw, list[int]], None]] = {
    "refill": _refill,
    "anyway": _anyway,
    "starts": _starts,
    "premium": _premium,
    "overrun": _overrun,
    "adaptation": _adaptation,
    "profiles": _profiles,
    "demand": _demand,
    "idle": _idle,
}
FIELDS = {
    "anyway": ("anyway",),
    "starts": ("max_starts_by_year",),
    "premium": ("secured_premium_eur_per_t", "premium_paid_by", "premium_charge"),
    "overrun": ("capex_overrun", "contingency"),
    "contingency": ("contingency",),
    "adaptation": ("adaptation",),
    "refill": ("refill_t_per_year",),
    "idle": ("cash_cost_eur_per_t", "restart_periods"),
    "restart": ("restart_periods",),
    "prices": ("prices",),
}
"""Fields that a part adds, by which alone `without` takes it away; some are of another part."""


def has(raw: Raw, part: str) -> bool:
    """Whether anything of a part is there."""
    return without(raw, part) != raw


def without(raw: Raw, part: str) -> Raw:
    """The case as it would be without a part; events then have their first profile."""
    raw = copy.deepcopy(raw)
    if part == "demand":
        for state in raw["uncertainty"]["states"]:
            state.pop("demand", None)
    elif part == "profiles":
        for hazard in raw["hazards"].values():
            if "profiles" in hazard:
                hazard["effects"] = next(iter(hazard.pop("profiles").values()))["effects"]
        for state in raw["uncertainty"]["states"]:
            for event in state["events"]:
                event.pop("profile", None)
    else:
        _take_away(raw, FIELDS[part])
    return raw


def _take_away(part: Any, fields: tuple[str, ...]) -> None:
    for it in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _take_away(it, fields)
    if isinstance(part, dict):
        for name in fields:
            part.pop(name, None)
