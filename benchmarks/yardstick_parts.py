"""Parts of the yardstick: materials, projects, stockpiles, funders and hazards.

Each has a random stream of its own (``Draws``); ``yardstick.py`` combines them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

Document = dict[str, Any]
T = TypeVar("T")

FIRST, MIDDLE, LAST = 2026, 2033, 2040
"""Years for which yearly quantities are stated, regardless of the horizon."""
COMPANIES = ("volta", "ferrum", "aero")
CONSUMERS = ("industry", "energy", *COMPANIES)
# Earlier countries are suppliers more often.
COUNTRIES = ["CN", "AU", "CL", "CD", "ZA", "RU", "ID", "BR", "IN",
             "CA", "KZ", "TR", "VN", "PE", "NO", "MZ", "MY", "US"]  # fmt: skip
PROJECT_COUNTRIES = ["DE", "FI", "CZ", "FR", "AU", "CA", "CL", "BR", "ZA", "IN", "KZ", "NO"]
TAGS = ("mining", "refining", "recycling")
EUROPE = {"FI", "CZ", "FR", "NO"}
STRUCK_FIRST = ["CN", "CN", "CN", "RU", "CD", "ZA", "CL", "AU", "ID", "BR", "IN", "KZ", "TR", "VN"]
"""First country that each hazard hits; others are drawn."""
PROFILES = {2: [0.6, 0.4], 3: [0.4, 0.4, 0.2], 4: [0.3, 0.3, 0.3, 0.1], 5: [0.2] * 5}
DELAYS = ({0: 0.6, 1: 0.3, 2: 0.1}, {0: 0.4, 1: 0.4, 2: 0.2}, {0: 0.8, 1: 0.2})


class Draws:
    """Random numbers of the stream that a key identifies. Only the raw doubles of Philox and basic
    arithmetic are used, which do not depend on the platform or the version of NumPy."""

    def __init__(self, *key: int | str) -> None:
        digest = hashlib.sha256(repr(key).encode()).digest()
        philox = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
        self._stream = np.random.Generator(philox)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self._stream.random())

    def whole(self, low: int, high: int) -> int:
        """Return an integer between ``low`` and ``high``, both included."""
        return low + int(self.between(0, high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.between(0, 1) < probability

    def pick(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]


def figure(value: float, digits: int = 2) -> float | int:
    """Return a number rounded to significant digits, as an integer if possible."""
    short = float(f"{value:.{digits}g}")
    return int(short) if short == int(short) else short


def frame(title: str, years: int, periods_per_year: int) -> Document:
    """Return a document without materials and all that depends on them."""
    return {
        "schema_version": 1,
        "title": title,
        "description": "Made up from random numbers to measure solvers with; says nothing.",
        "horizon": {
            "first_year": FIRST,
            "last_year": FIRST + years - 1,
            "periods_per_year": periods_per_year,
            "discount_rate": 0.03,
        },
        "materials": {},
        "consumers": {c: {"company": c} if c in COMPANIES else {} for c in CONSUMERS},
        "demand": [],
        "damage": [],
        "supply": [],
        "projects": {},
        "stockpiles": [],
    }


def complete(
    document: Document,
    market: list[tuple[float, float]],
    states: int,
    seed: int,
    allocation: str,
    cvar_weight: float,
) -> Document:
    """Add funders, hazards, uncertainty, policy and objective to a document. ``market`` has price
    and tonnes per year of each material."""
    horizon = document["horizon"]
    document["funders"] = funders(document, market, horizon["last_year"] - FIRST + 1)
    document["hazards"] = hazards(document, seed, horizon["periods_per_year"])
    document["uncertainty"] = {"sample": {"states": states, "seed": seed, "method": "stratified"}}
    public = [document["funders"][f]["budget_by_year_meur"] for f in ("fund", "agency")]
    available = math.fsum(math.fsum(budget.values()) for budget in public)
    document["policy"] = {
        "budget_meur": figure(0.85 * available),
        "max_public_share": 0.45,
        "state_aid": {"max_intensity": 0.2, "max_meur": 60},
    }
    document["objective"] = {
        "measure": "damage",
        "cost_weight": 0.01,
        "cvar": {"level": 0.95, "weight": cvar_weight},
        "allocation": allocation,
    }
    return document


def material_id(m: int) -> str:
    return f"m{m:02}"


def project_id(p: int) -> str:
    return f"p{p:02}"


def add_material(document: Document, seed: int, m: int) -> tuple[float, float]:
    """Add a material with demand, damage and supply. Return its price and tonnes needed in 2026."""
    draws, name = Draws(seed, "material", m), material_id(m)
    price = figure(draws.between(1, 10) * 10 ** draws.whole(3, 5))
    demand = figure(draws.between(100, 400) * 1e6 / price)
    growth = (draws.between(1.05, 1.4), draws.between(1.1, 1.9))
    later = figure(price * draws.between(0.9, 1.4))
    document["materials"][name] = {"price_eur_per_t": {FIRST: price, LAST: later}}
    add_demand(document, seed, m, price, (demand, demand * growth[0], demand * growth[1]))
    add_supply(document, draws, name)
    return price, demand


def add_demand(
    document: Document, seed: int, m: int, price: float, tonnes: tuple[float, ...]
) -> None:
    """Divide demand among consumers, each with damage steps of its own. Every company needs at
    least every third material, so that it has something to finance."""
    weights: dict[str, float] = {}
    draws = {c: Draws(seed, "demand", m, c) for c in CONSUMERS}
    for c in CONSUMERS:
        often = {"industry": 1.0, "energy": 0.5}.get(c, 0.3)
        needed = draws[c].chance(often) or c == COMPANIES[m % len(COMPANIES)]
        weight = draws[c].between(0.5, 1.5)
        if needed:
            weights[c] = weight
    total = math.fsum(weights.values())
    for c, weight in weights.items():
        yearly = [figure(x * weight / total, 3) for x in tonnes]
        by_year = dict(zip((FIRST, MIDDLE, LAST), yearly, strict=True))
        document["demand"].append(
            {"consumer": c, "material": material_id(m), "t_per_year": by_year}
        )
        steps = _steps(draws[c], price)
        document["damage"].append({"material": material_id(m), "consumer": c, "steps": steps})


def _steps(draws: Draws, price: float) -> list[Document]:
    """Return two or three damage steps: savings, reduced production, standstill."""
    thrift = round(draws.between(0.1, 0.3), 2)
    middle = round(draws.between(0.2, 0.4), 2) if draws.chance(0.5) else 0.0
    costs = [draws.between(1.5, 4), draws.between(6, 14), draws.between(15, 60)]
    shares = [thrift, middle, round(1 - thrift - middle, 2)]
    return [
        {"share": share, "eur_per_t": figure(cost * price)}
        for share, cost in zip(shares, costs, strict=True)
        if share > 0
    ]


def add_supply(
    document: Document, draws: Draws, name: str, part: float = 1.0, may_fall: bool = True
) -> None:
    """Add supply from four to six countries that together cover the share ``part`` of need, or with
    ``may_fall`` in some draws a little less after 2030."""
    rank = {c: draws.between(0, 1) / (1 + 0.05 * i) for i, c in enumerate(COUNTRIES)}
    count = draws.whole(4, 6)
    countries = sorted(COUNTRIES, key=lambda c: -rank[c])[:count]
    leading = round(draws.between(0.35, 0.65), 3)
    weights = [draws.between(0.5, 1.5) for _ in countries[1:]]
    shares = [round((1 - leading) * w / math.fsum(weights), 3) for w in weights[:-1]]
    shares = [leading, *shares, round(1 - leading - math.fsum(shares), 3)]
    short, missing = draws.chance(0.4), round(draws.between(0.03, 0.1), 3)
    for country, whole in zip(countries, shares, strict=True):
        share = round(whole * part, 3)
        falls = may_fall and short and country == countries[0]
        value = {2030: share, LAST: round(share - part * missing, 3)} if falls else share
        document["supply"].append({"material": name, "country": country, "share": value})


def a_project(seed: int, p: int, market: list[tuple[float, float]], last_year: int) -> Document:
    draws = Draws(seed, "project", p)
    country, construction = draws.pick(PROJECT_COUNTRIES), draws.whole(2, 5)
    main, other = p % len(market), int(draws.between(0, 1) * len(market))
    # Always drawn, used or not, so that later draws do not depend on their use.
    part, by_product, second = (
        draws.between(0.08, 0.22),
        draws.chance(0.4),
        draws.between(0.03, 0.1),
    )
    output = {main: part} | ({other: second} if by_product and other != main else {})
    worth = math.fsum(x * market[m][0] * market[m][1] / 1e6 for m, x in output.items())
    dear, domestic = draws.between(1.5, 3), country == "DE"
    project: Document = {
        "country": country,
        "output_t_per_year": {material_id(m): figure(x * market[m][1]) for m, x in output.items()},
        "latest_start": last_year - construction - 1,
        "construction_years": construction,
        "ramp_up": draws.pick(([0.3, 0.6, 0.9], [0.5, 0.8, 0.95], [0.4, 0.7, 0.9, 1.0])),
        "lifetime_years": draws.whole(8, 20),
        "capex_meur": figure(worth * dear),
        "capex_profile": PROFILES[construction],
        "market_finance_max": round(draws.between(0.6, 0.9), 2),
        "home_share": 0.3 if domestic else 0.1 if country in EUROPE else 0,
        "offtake_max": 1.0 if domestic else 0.8 if country in EUROPE else 0.6,
        "success_probability": round(draws.between(0.8, 1), 2),
        "delay_years": draws.pick(DELAYS),
        "tags": [TAGS[p // 2 % len(TAGS)]],
    }
    # Required and excluded projects have lower numbers, so that they always exist.
    if p % 10 == 7:
        project["requires"] = [project_id(p - 3)]
    if p % 10 in (5, 9):
        project["excludes"] = [project_id(p - 2)]
    return project


def two_stockpiles(
    seed: int, m: int, price: float, demand: float, periods_per_year: int
) -> list[Document]:
    """Return a federal and a company stockpile with equal loss rates and different limits."""
    draws, company = Draws(seed, "stockpile", m), COMPANIES[m % len(COMPANIES)]
    loss = draws.pick((0, 0, 0.01, 0.02, 0.03))
    initial = figure(demand * draws.between(0.02, 0.04)) if m % 7 == 3 else 0
    piles = []
    for owner, buys, leaves, room, paid_by in (
        ("federal", (0.04, 0.08), (0.25, 0.45), 0.1, {"agency": 1.0}),
        ("company", (0.01, 0.03), (0.10, 0.20), 0.04, {company: 0.8, "agency": 0.2}),
    ):
        a_quarter = draws.between(*leaves) * demand / 4
        pile = {
            "id": f"{material_id(m)}_{owner}",
            "material": material_id(m),
            "max_t": figure(room * demand),
            "max_purchase_t_per_year": figure(draws.between(*buys) * demand),
            "purchase_premium": round(draws.between(0.03, 0.12), 2),
            "storage_eur_per_t_year": figure(price * draws.between(0.005, 0.02), 1),
            "financing_rate": 0.02,
            "annual_loss": loss,
            "max_release_t_per_period": figure(a_quarter * 4 / periods_per_year),
            "paid_by": paid_by,
        }
        piles.append(pile | ({"initial_t": initial} if initial and owner == "federal" else {}))
    return piles


def funders(document: Document, market: list[tuple[float, float]], years: int) -> Document:
    """Return two public funders and three companies, with budgets far below capex and stocks."""
    capex = math.fsum(p["capex_meur"] for p in document["projects"].values())
    stocks = math.fsum(price * demand / 1e6 for price, demand in market)

    def by_year(whole: float, front: float) -> dict[int, float | int]:
        """Divide an amount among the years, with ``front`` times as much in the first third."""
        early = years // 3
        later = whole / (front * early + years - early)
        return {FIRST + y: figure(later * (front if y < early else 1)) for y in range(years)}

    def equity(**changes: Any) -> Document:
        return {"offtake_per_share": 1.0, "recovery": 0.5, **changes}

    def company(name: str, **budget: Any) -> Document:
        needed = [d["material"] for d in document["demand"] if d["consumer"] == name]
        ticket = {"volta": 5, "ferrum": 0, "aero": 5}[name]
        stake = equity(max_share=0.3, ticket_min_meur=ticket, budget_class="private")
        stake["eligible"] = {"materials": needed}
        return {"kind": "company", **budget, "instruments": {"stake": stake}}

    fund = {
        "equity": equity(max_share=0.3, ticket_min_meur=10, ticket_max_meur=80),
        "loan": {
            "max_share": 0.25,
            "ticket_min_meur": 5,
            "offtake_per_share": 0.5,
            "budget_charge": 0.4,
            "recovery": 0.8,
            "grant_equivalent": 0.1,
        },
    }
    grant = {
        "max_share": 0.25,
        "offtake_per_share": 1.2,
        "grant_equivalent": 1.0,
        "eligible": {"tags": ["refining", "recycling"]},
    }
    return {
        "fund": {
            "kind": "public",
            "budget_by_year_meur": by_year(0.09 * capex, 2),
            "carry_over": True,
            "instruments": fund,
        },
        "agency": {
            "kind": "public",
            "budget_by_year_meur": by_year(0.06 * capex + 0.05 * stocks, 1.5),
            "carry_over": True,
            "instruments": {"grant": grant},
        },
        "volta": company("volta", budget_meur=figure(0.06 * capex)),
        "ferrum": company("ferrum", budget_meur=figure(0.06 * capex)),
        "aero": company("aero", budget_meur=figure(0.05 * capex)),
    }


def hazards(document: Document, seed: int, periods_per_year: int) -> Document:
    """Return hazards that hit one to three countries and some or all of their materials."""
    origins = {(s["country"], s["material"]) for s in document["supply"]}
    origins |= {(c["country"], c["output"]) for c in document.get("conversions", {}).values()}
    for p in document["projects"].values():
        origins |= {(p["country"], material) for material in p["output_t_per_year"]}
    found: Document = {}
    for i, first in enumerate(STRUCK_FIRST):
        draws = Draws(seed, "hazard", i)
        probability, breadth = round(draws.between(0.02, 0.15), 2), draws.pick((0.4, 0.7, 1.0))
        countries = [first, draws.pick(COUNTRIES), draws.pick(COUNTRIES)]
        countries = list(dict.fromkeys(countries[: draws.pick((1, 1, 1, 2, 3))]))
        worst = draws.between(0.7, 1.0) if probability < 0.06 else draws.between(0.4, 0.8)
        quarters = _losses(draws, worst)
        effects = []
        for country in countries:
            hit = [m for m in document["materials"] if (country, m) in origins]
            hit = [m for m in hit if Draws(seed, "hit", i, m).chance(breadth)]
            if hit:
                loss = _in_periods(quarters, periods_per_year)
                effects.append({"country": country, "materials": hit, "loss": loss})
        if effects:
            found[f"h{i:02}"] = {"annual_probability": probability, "effects": effects}
    return found


def _losses(draws: Draws, worst: float) -> list[float]:
    """Return the losses in two to eight quarters: constant at first, then declining."""
    count, peak = draws.whole(2, 8), draws.whole(1, 3)
    fading = [worst * (count - k) / (count - peak + 1) for k in range(peak, count)]
    return [round(x, 2) for x in ([worst] * peak + fading)[:count]]


def _in_periods(quarters: list[float], periods_per_year: int) -> list[float]:
    """Convert losses by quarter to periods: repeated in shorter ones, averaged in longer ones."""
    if periods_per_year >= 4:
        return [x for x in quarters for _ in range(periods_per_year // 4)]
    size = 4 // periods_per_year
    parts = [quarters[k : k + size] for k in range(0, len(quarters), size)]
    return [round(math.fsum(part) / size, 2) for part in parts]
