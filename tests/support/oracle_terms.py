"""What instruments of each kind move and give back, for the oracle; from the formulation alone."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from oracle import Reading

Raw = Mapping[str, Any]


def at_year(value: Any, year: int) -> float:
    """A number, or a mapping of years to numbers: linear between, constant outside."""
    if not isinstance(value, Mapping):
        return float(value)
    years = sorted(int(y) for y in value)
    table = {int(y): float(v) for y, v in value.items()}
    return float(np.interp(year, years, [table[y] for y in years]))


@dataclass(frozen=True)
class Moved:
    """What a whole share of an instrument moves, in million EUR by year."""

    paid: dict[int, float]
    amount: float
    income: dict[int, float]


def price_rows(case: Reading, material: str) -> list[Raw]:
    """The price states of a material, or its one price as one."""
    it = case.raw["materials"][material]
    return it.get("price_states") or [{"probability": 1.0, "eur_per_t": it["price_eur_per_t"]}]


def price_chances(case: Reading, material: str) -> list[tuple[float, Any]]:
    """Chance and price by which a floor pays: of the states of the world where the price is drawn.

    It is where a project has a cash cost in the material, or a written-out state names its price.
    """
    costs = (it.get("cash_cost_eur_per_t") or {} for it in case.projects.values())
    named = (state.get("prices") or {} for state in case.priced)
    if not any(material in it for it in (*costs, *named)):
        return [(row["probability"], row["eur_per_t"]) for row in price_rows(case, material)]
    return [(state["probability"], case.price(material, state)) for state in case.priced]


def moved(case: Reading, project: str, rule: Raw, start: int, overrun: float = 0.0) -> Moved:
    """Capex, interest on a loan of the capex, or what a price floor for all output pays.

    Capex is what is announced times 1 + ``overrun``.
    """
    it, last = case.projects[project], case.years[-1]
    capex: float = it["capex_meur"] * (1 + overrun)
    kind = rule.get("kind")
    paid: dict[int, float] = defaultdict(float)
    income: dict[int, float] = defaultdict(float)
    if kind == "interest_subsidy":
        for drawn, part in case.instalments(project, start).items():
            for age, owed in enumerate(owed_at_the_end(rule)):
                paid[min(drawn + age + 1, last)] += capex * part * owed * rule["interest_rate"]
        return Moved(paid, sum(paid.values()), income)
    if kind != "price_floor":
        for year, part in case.instalments(project, start).items():
            paid[year] = capex * part
        return Moved(paid, capex, income)
    chance = it.get("success_probability", 1.0)
    first = start + it.get("construction_years", 0)
    exposure = 0.0
    for m, floor in rule["floor_eur_per_t"].items():
        begins = (rule.get("upside_from_eur_per_t") or {}).get(m, floor)
        years = [y for y in case.years if y - first < rule.get("term_years", 1000)]
        tonnes = {y: case.nameplate(project, m, start, y, 0) for y in years}
        for y, (likely, price) in itertools.product(years, price_chances(case, m)):
            gap = at_year(floor, y) - at_year(price, y)
            above = max(0.0, at_year(price, y) - at_year(begins, y)) * rule.get("upside_share", 0.0)
            paid[y] += chance * likely * max(0.0, gap) * tonnes[y] / 1e6
            income[y] += chance * likely * above * tonnes[y] / 1e6
        exposure += max(
            sum(
                max(0.0, at_year(floor, y) - at_year(row["eur_per_t"], y)) * tonnes[y] / 1e6
                for y in years
            )
            for row in price_rows(case, m)
        )
    return Moved(paid, exposure, income)


def owed_at_the_end(rule: Raw) -> list[float]:
    """What is owed of one EUR at the end of each year before the last, from the payment on."""
    term, grace = rule["term_years"], rule.get("grace_years", 0)
    if grace == term:
        return [1.0] * term
    return [1.0 if y <= grace else 1 - (y - grace) / (term - grace) for y in range(term)]


def recovered(case: Reading, rule: Raw) -> float:
    """Present value that comes back per EUR, as stated or by the terms."""
    if rule.get("recovery") is not None:
        return float(rule["recovery"])
    kind, term, r = rule.get("kind"), rule.get("term_years"), case.rate
    lost = rule.get("failure_probability", 0.0) * rule.get("loss_given_failure", 1.0)
    if kind in ("loan", "subordinated_loan") and term is not None:
        worth, owed = 0.0, [*owed_at_the_end(rule), 0.0]
        for y in range(1, term + 1):
            due = owed[y - 1] - owed[y] + rule.get("interest_rate", 0.0) * owed[y - 1]
            worth += due / (1 + r) ** y
        return (1 - lost) * worth
    if kind == "equity" and term is not None:
        return float((1 - lost) * ((1 + rule["expected_return"]) / (1 + r)) ** term)
    if kind == "guarantee" and "failure_probability" in rule:
        fee = rule.get("fee_per_year", 0.0)
        if term is None:
            return float(1 - lost + fee)
        fees = sum(fee * x / (1 + r) ** (y + 1) for y, x in enumerate(owed_at_the_end(rule)))
        return float(1 - lost / (1 + r) ** (term / 2) + fees)
    return 0.0
