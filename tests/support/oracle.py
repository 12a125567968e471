"""An independent answer for small cases: every start, every ticket, one linear program for each.

Written from the formulation alone and from the plain dictionary a scenario file holds: nothing of
`models` or `optimizer` is used here. One linear program with all columns and rows is written down
once, as dense arrays; each pattern of whole decisions then only fixes bounds.
Only written-out states (or none) are understood; sampled ones are not. Numbers must be plain.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from oracle_chains import Needs
from oracle_recourse import country_rows, groups_of, recourse_rows
from oracle_rules import Row, user_rows
from oracle_terms import at_year, moved, recovered
from oracle_world import adapted, clock, floors, overruns, price_in
from scipy.optimize import linprog

Raw = Mapping[str, Any]
Terms = dict[Hashable, float]
SUPPORTS = ("interest_subsidy", "price_floor")


@dataclass(frozen=True)
class Answer:
    """The least objective and the columns that reach it."""

    objective: float
    expected: float
    cvar: float
    net_cost: float
    columns: dict[Hashable, float]
    damages: list[float]


@dataclass
class Program:
    """A linear program in the making: named columns, rows of `terms <= side` or `terms = side`."""

    upper: dict[Hashable, float] = field(default_factory=dict)
    lower: dict[Hashable, float] = field(default_factory=dict)
    at_most: list[tuple[Terms, float]] = field(default_factory=list)
    equal: list[tuple[Terms, float]] = field(default_factory=list)

    def column(self, key: Hashable, upper: float = math.inf, lower: float = 0.0) -> Hashable:
        self.upper[key], self.lower[key] = upper, lower
        return key

    def le(self, terms: Terms, side: float) -> None:
        self.at_most.append((dict(terms), side))

    def ge(self, terms: Terms, side: float) -> None:
        self.le({key: -weight for key, weight in terms.items()}, -side)

    def eq(self, terms: Terms, side: float) -> None:
        self.equal.append((dict(terms), side))

    def dense(self, rows: list[tuple[Terms, float]]) -> tuple[np.ndarray, np.ndarray]:
        place = {key: j for j, key in enumerate(self.upper)}
        matrix = np.zeros((len(rows), len(place)))
        for i, (terms, _) in enumerate(rows):
            for key, weight in terms.items():
                matrix[i, place[key]] += weight
        return matrix, np.array([side for _, side in rows], dtype=float)


class Reading:
    """The data of the formulation, read off the raw dictionary."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        horizon = raw["horizon"]
        self.n: int = horizon.get("periods_per_year", 1)
        self.years = list(range(horizon["first_year"], horizon["last_year"] + 1))
        self.rate: float = horizon.get("discount_rate", 0.0)
        self.periods = [(y, j) for y in self.years for j in range(1, self.n + 1)]
        self.materials = list(raw["materials"])
        self.consumers = list(raw["consumers"])
        self.projects: Raw = raw.get("projects") or {}
        self.funders: Raw = raw.get("funders") or {}
        self.stocks = {h["id"]: h for h in raw.get("stockpiles") or []}
        self.policy: Raw = raw.get("policy") or {}
        self.goal: Raw = raw.get("objective") or {}
        states = (raw.get("uncertainty") or {}).get("states")
        self.states = states or [{"name": "certain", "probability": 1.0}]
        self.priced = self.states  # those that a floor is paid by
        self.pairs = [
            (u, m)
            for m in self.materials
            for u in self.consumers
            if any(d["consumer"] == u and d["material"] == m for d in raw["demand"])
        ]
        self.needs = Needs(self)

    def discount(self, year: int) -> float:
        return (1 + self.rate) ** -(year - self.years[0])

    def demand(self, consumer: str | None, material: str, year: int) -> float:
        """Tonnes in a year; of all consumers where none is named."""
        return sum(
            at_year(d["t_per_year"], year)
            for d in self.raw["demand"]
            if d["material"] == material and consumer in (None, d["consumer"])
        )

    def factor(self, material: str, state: Raw | None) -> float:
        """What a state makes of demand, and of supply given as a share of need."""
        return float(((state or {}).get("demand") or {}).get(material, 1.0))

    def supply(self, material: str, country: str, year: int, state: Raw | None = None) -> float:
        """Tonnes in a year before hazards; by the file, where no state is named."""
        total = 0.0
        for row in self.raw.get("supply") or []:
            if (row["material"], row["country"]) == (material, country):
                if row.get("share") is not None:
                    needed = self.needs.total(material, year) * self.factor(material, state)
                    total += at_year(row["share"], year) * needed
                else:
                    total += at_year(row["t_per_year"], year)
        return total

    def suppliers(self) -> list[str]:
        return list(dict.fromkeys(row["country"] for row in self.raw.get("supply") or []))

    def steps(self, consumer: str, material: str, k: int, state: Raw) -> list[tuple[float, float]]:
        """Share of demand and EUR a tonne of each damage step, once users have adapted."""
        rows = [d for d in self.raw["damage"] if d["material"] == material]
        own = [d for d in rows if d.get("consumer") == consumer]
        (entry,) = own or [d for d in rows if d.get("consumer") is None]
        rule = entry.get("adaptation")
        age = None if rule is None else clock(self, material, state, rule)[k]
        return adapted(entry, age, self.n)

    def price(self, material: str, state: Raw) -> Any:
        """The price of a material in a state, by year."""
        return price_in(self, material, state)

    def left(self, material: str, country: str, k: int, state: Raw) -> float:
        """What hazards leave of what comes from a country in the k-th period."""
        left = 1.0
        for event in state.get("events") or []:
            first = self.periods.index((event["start"], event.get("period", 1)))
            hazard = self.raw["hazards"][event["hazard"]]
            if event.get("profile") is not None:
                hazard = hazard["profiles"][event["profile"]]
            for effect in hazard["effects"]:
                named = effect.get("materials", "all")
                hit = effect["country"] == country and (named == "all" or material in named)
                if hit and 0 <= k - first < len(effect["loss"]):
                    left *= 1 - effect["loss"][k - first]
        return left

    def runs(self, conversion: str, k: int, state: Raw) -> float:
        """What hazards leave of the capacity of a conversion."""
        it = self.raw["conversions"][conversion]
        return self.left(it["output"], it["country"], k, state)

    def start_years(self, project: str) -> list[int]:
        it = self.projects[project]
        years = (it.get("earliest_start"), it.get("latest_start"))  # of which 0 is one
        first, last = (
            end if year is None else year
            for year, end in zip(years, (self.years[0], self.years[-1]), strict=True)
        )
        return list(range(first, last + 1))

    def nameplate(self, project: str, material: str, start: int, year: int, delay: int) -> float:
        """Tonnes in a year by ramp and lifetime, before hazards."""
        it = self.projects[project]
        age = year - (start + it.get("construction_years", 0) + delay)
        life = it.get("lifetime_years")
        if age < 0 or (life is not None and age >= life):
            return 0.0
        ramp = it.get("ramp_up", [1.0])
        return it["output_t_per_year"].get(material, 0.0) * ramp[min(age, len(ramp) - 1)]

    def output(self, project: str, material: str, start: int, k: int, state: Raw) -> float:
        if project in (state.get("failed_projects") or []):
            return 0.0
        delay = (state.get("delayed_projects") or {}).get(project, 0)
        yearly = self.nameplate(project, material, start, self.periods[k][0], delay)
        country = self.projects[project]["country"]
        return yearly / self.n * self.left(material, country, k, state)

    def instalments(self, project: str, start: int) -> dict[int, float]:
        """Share of capex due in each year; years past the horizon fall in the last."""
        due: dict[int, float] = defaultdict(float)
        for i, part in enumerate(self.projects[project].get("capex_profile", [1.0])):
            due[min(start + i, self.years[-1])] += part
        return due

    def instruments(self, project: str) -> list[tuple[str, str, Raw]]:
        """Funder, instrument and terms wherever the project is eligible."""
        it = self.projects[project]
        found = []
        for f, funder in self.funders.items():
            for i, terms in (funder.get("instruments") or {}).items():
                rule = terms.get("eligible") or {}
                delivers = {m for m, tonnes in it["output_t_per_year"].items() if tonnes}
                asked = [
                    (rule.get("countries", "any"), {it["country"]}),
                    (rule.get("materials", "any"), delivers),
                    (rule.get("tags", "any"), set(it.get("tags") or [])),
                ]
                floors = terms.get("floor_eur_per_t")
                if floors is not None and not delivers & set(floors):
                    continue
                if all(want == "any" or set(want) & has for want, has in asked):
                    found.append((f, i, terms))
        return found

    def served(self, stock: str) -> list[str]:
        named = self.stocks[stock].get("serves", "all")
        return self.consumers if named == "all" else list(named)

    def account(self, stock: str, consumer: str) -> float:
        """The part of a stockpile kept for a consumer."""
        return self.needs.kappa(consumer, self.stocks[stock]["material"], self.served(stock))

    def keeps(self, stock: str) -> float:
        """What a period leaves of a stock; less than a billionth is nothing."""
        keeps = (1 - self.stocks[stock].get("annual_loss", 0.0)) ** (1 / self.n)
        return keeps if keeps > 1e-9 else 0.0

    def weight(self, material: str, year: int, eur_per_t: float) -> float:
        """What a missing tonne weighs in the chosen measure."""
        measure = self.goal.get("measure", "damage")
        if measure == "tonnes":
            return 1.0
        if measure == "share_of_demand":
            return 1.0 / self.demand(None, material, year)
        return self.discount(year) * eur_per_t / 1e6


def project_rows(lp: Program, case: Reading) -> None:
    """P1-P9: start, financing, tickets, offtake, public shares, state aid, lists of the policy."""
    companies = [f for f, it in case.funders.items() if it["kind"] == "company"]
    started: dict[str, Terms] = {}
    for p, it in case.projects.items():
        starts, tickets, capex = case.start_years(p), case.instruments(p), it["capex_meur"]
        started[p] = {lp.column(("start", p, t), 1.0): 1.0 for t in starts}
        lp.le(started[p], 1)
        for f, i, _ in tickets:
            lp.column(("takes_part", p, f, i), 1.0)
        for t in starts:
            start = ("start", p, t)
            market = lp.column(("market", p, t))
            shares = {lp.column(("share", p, f, i, t)): terms for f, i, terms in tickets}
            more = {s: -x.get("market_finance_per_share", 0.0) for s, x in shares.items()}
            lp.le({market: 1, start: -it.get("market_finance_max", 0.0), **more}, 0)
            carried = {s: 1.0 for s, x in shares.items() if x.get("kind") not in SUPPORTS}
            lp.eq({**carried, market: 1, start: -1}, 0)
            lent = {s: 1.0 for s, x in shares.items() if x.get("kind") == "interest_subsidy"}
            lp.le({**lent, market: -1}, 0)
            for m in it["output_t_per_year"]:
                floored = {s: 1.0 for s, x in shares.items() if m in x.get("floor_eur_per_t", ())}
                lp.le({**floored, start: -1}, 0)
            rights: dict[str, Terms] = {g: {} for g in [*companies, "common"]}
            rights["common"][start] = -it.get("home_share", 0.0)
            public: Terms = {start: -case.policy.get("max_public_share", 1e9)}
            for f, i, terms in tickets:
                share = ("share", p, f, i, t)
                lp.le({share: 1, start: -terms.get("max_share", 1.0)}, 0)
                rights[f if f in companies else "common"][share] = -terms.get(
                    "offtake_per_share", 0.0
                )
                if case.funders[f]["kind"] == "public" and terms.get("kind") not in SUPPORTS:
                    public[share] = 1.0
            for g, right in rights.items():
                lp.le({lp.column(("offtake", p, t, g)): 1, **right}, 0)
            for f, i, _ in floors(case, p):
                kept = {lp.column(("floored", p, t, g, f, i)): 1.0 for g in rights}
                lp.le({**kept, ("share", p, f, i, t): -1}, 0)
            for g in rights if floors(case, p) else ():
                kept = {("floored", p, t, g, f, i): 1.0 for f, i, _ in floors(case, p)}
                lp.le({**kept, ("offtake", p, t, g): -1}, 0)
            total: Terms = {("offtake", p, t, g): 1.0 for g in rights}
            lp.le({**total, start: -it.get("offtake_max", 1.0)}, 0)
            if case.policy.get("max_public_share") is not None:
                lp.le(public, 0)
        aid: Terms = {}
        for f, i, terms in tickets:
            takes = ("takes_part", p, f, i)
            whole = {("share", p, f, i, t): 1.0 for t in starts}
            lp.le({**whole, takes: -terms.get("max_share", 1.0)}, 0)
            money = dict.fromkeys(whole, capex)
            lp.ge({**money, takes: -terms.get("ticket_min_meur", 0.0)}, 0)
            if terms.get("ticket_max_meur") is not None:
                lp.le({**money, takes: -terms["ticket_max_meur"]}, 0)
            for t in starts:
                counted = capex
                if terms.get("kind") in SUPPORTS:
                    counted = sum(moved(case, p, terms, t).paid.values())
                aid["share", p, f, i, t] = counted * terms.get("grant_equivalent", 0.0)
        rule = case.policy.get("state_aid") or {}
        limits = [rule["max_intensity"] * capex] if rule.get("max_intensity") is not None else []
        limits += [rule["max_meur"]] if rule.get("max_meur") is not None else []
        if limits:
            lp.le(aid, min(limits))
    for p, it in case.projects.items():
        for q in it.get("requires") or []:
            for t in case.start_years(p):
                before = {("start", q, w): -1.0 for w in case.start_years(q) if w <= t}
                lp.le({("start", p, t): 1, **before}, 0)
        for q in it.get("excludes") or []:
            lp.le({**started[p], **started[q]}, 1)
    for p in case.policy.get("must_build") or []:
        lp.ge(started[p], 1)
    for p in case.policy.get("must_not_build") or []:
        lp.le(started[p], 0)
    if case.policy.get("max_projects") is not None:
        lp.le({key: 1.0 for row in started.values() for key in row}, case.policy["max_projects"])
    for t, most in (case.policy.get("max_starts_by_year") or {}).items():
        lp.le({key: 1.0 for row in started.values() for key in row if key[2] == int(t)}, most)  # type: ignore[index]


def stock_rows(lp: Program, case: Reading) -> None:
    """S1-S4: purchases, the planned stock, its limit and the days of demand it must cover."""
    for h, it in case.stocks.items():
        for y in case.years:
            limit = it.get("max_purchase_t_per_year")
            lp.column(("buy", h, y), math.inf if limit is None else at_year(limit, y))
        for k, (y, j) in enumerate(case.periods):
            top = math.inf if it.get("max_t") is None else it["max_t"]
            planned = lp.column(("planned", h, k), top)
            terms = {planned: 1.0, ("buy", h, y): -1 / case.n}
            side = 0.0
            if k:
                terms["planned", h, k - 1] = -case.keeps(h)
            else:
                side = case.keeps(h) * it.get("initial_t", 0.0)
            lp.eq(terms, side)
            days = it.get("min_days_of_demand")
            named = min(map(int, days)) if isinstance(days, Mapping) else case.years[0]
            if days is not None and j == case.n and y >= named:
                served = sum(case.needs.of(u, it["material"], y) for u in case.served(h))
                lp.ge({planned: 1}, at_year(days, y) / 365 * served)


def stock_cost(case: Reading, stock: str, year: int, payer: str | None = None) -> Terms:
    """Million EUR a stockpile costs in a year, all or one payer: purchases, storage, financing."""
    it = case.stocks[stock]

    def part(who: str) -> float:
        return 1.0 if payer is None else float((it.get(who) or it["paid_by"]).get(payer, 0.0))

    price = at_year(case.raw["materials"][it["material"]]["price_eur_per_t"], year)
    hold = part("storage_paid_by") * it.get("storage_eur_per_t_year", 0.0)
    hold += part("financing_paid_by") * it.get("financing_rate", 0.0) * price
    buy = part("paid_by") * price * (1 + it.get("purchase_premium", 0.0))
    terms: Terms = {("buy", stock, year): buy / 1e6}
    for k, (y, _) in enumerate(case.periods):
        if y == year:
            terms["planned", stock, k] = hold / case.n / 1e6
    return terms


def premium_terms(case: Reading, year: int, payer: str | None = None) -> Terms:
    """Million EUR that secured output costs above the market in a year, all or one payer."""
    terms: Terms = defaultdict(float)
    for p, it in case.projects.items():
        for m, t in itertools.product(it["output_t_per_year"], case.start_years(p)):
            material = case.raw["materials"][m]
            rate = at_year(material.get("secured_premium_eur_per_t") or 0.0, year)
            if payer is not None:
                rate *= (material.get("premium_paid_by") or {}).get(payer, 0.0)
            rate *= it.get("success_probability", 1.0) * case.nameplate(p, m, t, year, 0)
            for g in groups_of(case) if rate else ():
                terms["offtake", p, t, g] += rate / 1e6
    return terms


def spend_terms(case: Reading, funder: str, year: int) -> Terms:
    terms: Terms = defaultdict(float)
    for p in case.projects:
        for f, i, rule in case.instruments(p):
            for t in case.start_years(p) if f == funder else []:
                paid = moved(case, p, rule, t, overruns(case, p)[1]).paid.get(year, 0.0)
                terms["share", p, f, i, t] += rule.get("budget_charge", 1.0) * paid
    for key, weight in premium_terms(case, year, funder).items():
        terms[key] += case.funders[funder].get("premium_charge", 1.0) * weight
    for h in case.stocks:
        for key, weight in stock_cost(case, h, year, funder).items():
            terms[key] += weight
    return dict(terms)


def line_terms(case: Reading, funder: str, name: str, year: int) -> Terms:
    """What a year uses of a budget line; of guarantee stock, what is outstanding at its end."""
    line = case.funders[funder]["budget_lines"][name]
    kind = line["kind"]
    terms: Terms = defaultdict(float)
    for p in case.projects:
        for f, i, rule in case.instruments(p):
            if f != funder:
                continue
            charge = (rule.get("charges") or {}).get(name)
            if charge is None and kind == "guarantee_stock":
                charge = float((rule.get("kind") or rule.get("budget_class")) == "guarantee")
            elif charge is None:
                charge = 1.0 if kind == "commitment" else rule.get("budget_charge", 1.0)
            for t in case.start_years(p):
                it = moved(case, p, rule, t, overruns(case, p)[1])
                if kind == "cash":
                    used = it.paid.get(year, 0.0)
                elif kind == "commitment":
                    used = it.amount if t == year else 0.0
                else:
                    used = it.amount if t <= year < t + rule.get("term_years", 1000) else 0.0
                terms["share", p, f, i, t] += charge * used
    for h in case.stocks if kind != "guarantee_stock" else ():
        for key, weight in stock_cost(case, h, year, funder).items():
            terms[key] += line.get("stock_charge", 1.0) * weight
    for key, weight in premium_terms(case, year, funder).items() if kind == "cash" else ():
        terms[key] += line.get("premium_charge", 1.0) * weight
    return dict(terms)


def line_rows(lp: Program, case: Reading) -> None:
    """B3-B4: each line in each year and over all of them."""
    for f, funder in case.funders.items():
        for name, line in (funder.get("budget_lines") or {}).items():
            whole: Terms = defaultdict(float)
            for y in case.years:
                used = line_terms(case, f, name, y)
                for key, weight in used.items():
                    whole[key] += weight
                if line["kind"] == "guarantee_stock":
                    lp.le(used, at_year(line["limit_meur"], y))
                if line.get("by_year_meur") is None:
                    continue
                row = {**used, lp.column(("left", f, name, y)): 1.0}
                if line.get("carry_over", False) and y > case.years[0]:
                    row["left", f, name, y - 1] = -1.0
                lp.eq(row, {int(k): v for k, v in line["by_year_meur"].items()}.get(y, 0.0))
            if line.get("total_meur") is not None:
                lp.le(whole, line["total_meur"])


def budget_rows(lp: Program, case: Reading) -> None:
    """B1-B2: each funder's budget, and the one over all public funders."""
    public: Terms = defaultdict(float)
    for f, it in case.funders.items():
        whole: Terms = defaultdict(float)
        yearly = it.get("budget_by_year_meur")
        for y in case.years:
            spend = spend_terms(case, f, y)
            for key, weight in spend.items():
                whole[key] += weight
                if it["kind"] == "public":
                    public[key] += weight
            if yearly is None:
                continue
            row = {**spend, lp.column(("unspent", f, y)): 1.0}
            if it.get("carry_over", False) and y > case.years[0]:
                row["unspent", f, y - 1] = -1.0
            lp.eq(row, {int(k): v for k, v in yearly.items()}.get(y, 0.0))
        if it.get("budget_meur") is not None:
            lp.le(whole, it["budget_meur"])
    if case.policy.get("budget_meur") is not None:
        lp.le(public, case.policy["budget_meur"])


def net_cost_terms(case: Reading) -> Terms:
    cost: Terms = defaultdict(float)
    for p in case.projects:
        for f, i, rule in case.instruments(p):
            for t in case.start_years(p):
                it = moved(case, p, rule, t, overruns(case, p)[0])
                for y in case.years:
                    lost = it.paid.get(y, 0.0) * (1 - recovered(case, rule))
                    cost["share", p, f, i, t] += case.discount(y) * (lost - it.income.get(y, 0.0))
    for h, y in itertools.product(case.stocks, case.years):
        for key, weight in stock_cost(case, h, y).items():
            cost[key] += case.discount(y) * weight
    for y in case.years:
        for key, weight in premium_terms(case, y).items():
            cost[key] += case.discount(y) * weight
    for key, weight in residual_terms(case).items():
        cost[key] -= weight
    return cost


def residual_terms(case: Reading) -> Terms:
    """What stocks and projects count for when the last year ends, discounted as that year is."""
    worth: Terms = defaultdict(float)
    last, usual = case.years[-1], case.raw["horizon"].get("residual_value", 0.0)
    for h, it in case.stocks.items():
        price = at_year(case.raw["materials"][it["material"]]["price_eur_per_t"], last)
        share = usual if it.get("residual_value") is None else it["residual_value"]
        worth["planned", h, len(case.periods) - 1] = case.discount(last) * share * price / 1e6
    for p, it in case.projects.items():
        share = usual if it.get("residual_value") is None else it["residual_value"]
        for t in case.start_years(p):
            over = t + it.get("construction_years", 0) + it.get("lifetime_years", 1000)
            for f, i, rule in case.instruments(p) if over > last + 1 else ():
                if rule.get("kind") not in SUPPORTS:
                    left = share * it["capex_meur"] * (1 + overruns(case, p)[0])
                    left *= max(0.0, 1 - recovered(case, rule))
                    worth["share", p, f, i, t] = case.discount(last) * left
    return worth


def patterns(case: Reading) -> Iterator[tuple[set[Hashable], set[Hashable]]]:
    """All starts, and for each all tickets: the columns that are one.

    A ticket without a minimum binds nobody who takes it, so there taking part is never worse.
    """
    choices = [[None, *case.start_years(p)] for p in case.projects]
    for starts in itertools.product(*choices):
        built = [(p, t) for p, t in zip(case.projects, starts, strict=True) if t is not None]
        free: set[Hashable] = set()
        bound: list[Hashable] = []
        for p, _ in built:
            for f, i, terms in case.instruments(p):
                ticket = ("takes_part", p, f, i)
                if terms.get("ticket_min_meur", 0.0) > 0:
                    bound.append(ticket)
                else:
                    free.add(ticket)
        for taken in itertools.product([False, True], repeat=len(bound)):
            yield (
                {("start", p, t) for p, t in built},
                free | {ticket for ticket, yes in zip(bound, taken, strict=True) if yes},
            )


EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("highs", EXACT),
    ("highs", {**EXACT, "presolve": False}),
    ("highs", {"presolve": False}),
    ("highs", {}),
    ("highs-ipm", {}),
)
"""Method and options of the solver, each for where it found nothing that keeps all rows with those
before."""
WITHIN = 2e-6
"""Of the terms of a row: what it may be broken by."""
NOTHING = 1e-25
"""What a scaled column comes to that is rounding."""
ROUNDING = 1e-10
"""Of the largest entry of a row: what the row comes to that is rounding."""


def even_scales(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Powers of two by which rows and columns are multiplied to bring the entries near 1.

    Tolerances of a solver are absolute: beside a budget in million EUR the cost of a tonne is
    nothing, and beside demand of ten million tonnes they are less than rounding.
    """
    rows, columns = np.zeros(len(matrix)), np.zeros(matrix.shape[1])
    filled = matrix != 0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log2(np.abs(matrix))
        for _ in range(4):
            for axis, scales in ((1, rows), (0, columns)):
                left = logs + rows[:, None] + columns
                least = left.min(axis=axis, initial=np.inf, where=filled)
                most = left.max(axis=axis, initial=-np.inf, where=filled)
                scales -= np.where(filled.any(axis=axis), (least + most) / 2, 0.0)
    return np.exp2(np.round(rows)), np.exp2(np.round(columns))


def at_most(matrix: np.ndarray, sides: np.ndarray, x: np.ndarray) -> bool:
    """Whether rows come to no more than their sides; a purse of nothing is one."""
    room = np.where(sides == 0, WITHIN * size_of(matrix, sides, x), give(matrix, sides, x))
    return bool((matrix @ x - sides <= room).all())


def size_of(matrix: np.ndarray, sides: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What rows add up to in size, sides included."""
    return np.asarray(np.abs(matrix) @ np.abs(x) + np.abs(sides))


def give(matrix: np.ndarray, sides: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What rows may be broken by: a small share of their terms, or rounding."""
    return WITHIN * size_of(matrix, sides, x) + ROUNDING * np.abs(matrix).max(axis=1, initial=0.0)


def count_patterns(raw: Raw) -> int:
    return sum(1 for _ in patterns(Reading(raw)))


def cvar_of(damages: list[float], chances: list[float], level: float) -> float:
    """The mean of the worst 1 - level of the states, splitting the one at the quantile."""
    room = tail = 1 - level
    total = 0.0
    for damage, chance in sorted(zip(damages, chances, strict=True), reverse=True):
        total += min(room, chance) * damage
        room -= min(room, chance)
    return total / tail


def loosen(lp: Program, given: float) -> None:
    """Let rules be broken by a share of what they add up or allow."""
    rows = list(lp.at_most)
    equal = []
    for terms, side in lp.equal:
        if any(key[0] == "start" for key in terms):  # type: ignore[index]
            rows += [(terms, side), ({key: -weight for key, weight in terms.items()}, -side)]
        else:
            equal.append((terms, side))
    lp.equal = equal
    lp.at_most = [
        (
            {key: weight * (1 + given * (weight < 0)) for key, weight in terms.items()},
            side + given * abs(side),
        )
        for terms, side in rows
    ]


@dataclass
class Whole:
    """The program of a case, its objective, and what that is made of."""

    lp: Program
    aim: Terms
    damages: list[Terms]  # of each state
    net: Terms


def program_of(case: Reading, given: float = 0.0) -> Whole:
    """All rules and all states of a case; ``given`` as for :func:`best`."""
    lp = Program()
    project_rows(lp, case)
    stock_rows(lp, case)
    budget_rows(lp, case)
    line_rows(lp, case)
    country_rows(lp, case)
    for row in user_rows(case):
        if row.condition is None:
            add_row(lp, row)
    if given:
        loosen(lp, given)
    cvar = case.goal.get("cvar") or {}
    level, weight = cvar.get("level", 0.95), cvar.get("weight", 0.0)
    cost_weight = case.goal.get("cost_weight", 0.001)
    aim: Terms = defaultdict(float)
    eta = lp.column("eta", lower=-math.inf)
    aim[eta] += weight
    damages = [recourse_rows(lp, case, s, state) for s, state in enumerate(case.states)]
    chances = [state["probability"] for state in case.states]
    for s, (chance, damage) in enumerate(zip(chances, damages, strict=True)):
        above = lp.column(("above", s))
        lp.le({**damage, eta: -1.0, above: -1.0}, 0)
        aim[above] += weight * chance / (1 - level)
        for key, cost in damage.items():
            aim[key] += (1 - weight) * chance * cost
    net = net_cost_terms(case)
    for key, cost in net.items():
        aim[key] += cost_weight * cost
    return Whole(lp, aim, damages, net)


def best(raw: Raw, given: float = 0.0) -> Answer | None:
    """The optimum by exhaustion; None where no commitment is allowed.

    Rules may be broken by a share ``given`` of what they add up or allow.
    """
    case = Reading(raw)
    whole = program_of(case, given)
    found = with_conditions(case, whole)
    if found is None:
        return None
    least, values = found
    lost = [sum(cost * values[key] for key, cost in row.items()) for row in whole.damages]
    chances = [state["probability"] for state in case.states]
    return Answer(
        objective=least,
        expected=sum(c * d for c, d in zip(chances, lost, strict=True)),
        cvar=cvar_of(lost, chances, (case.goal.get("cvar") or {}).get("level", 0.95)),
        net_cost=sum(cost * values[key] for key, cost in whole.net.items()),
        columns=values,
        damages=lost,
    )


def add_row(lp: Program, row: Row) -> None:
    add = {"at_least": lp.ge, "at_most": lp.le, "equals": lp.eq}[row.sense]
    add(row.terms, row.side)


def with_conditions(case: Reading, whole: Whole) -> tuple[float, dict[Hashable, float]] | None:
    """The least objective, where each pattern of starts keeps the rows whose condition it meets."""
    conditional = [row for row in user_rows(case) if row.condition is not None]
    by_rows: dict[tuple[int, ...], list[tuple[set[Hashable], set[Hashable]]]] = {}
    for starts, taken in patterns(case):
        by_year = {p: t for _, p, t in starts}  # type: ignore[misc]
        kept = tuple(
            n
            for n, row in enumerate(conditional)
            if row.condition and by_year.get(row.condition[0], math.inf) <= row.condition[1]
        )
        by_rows.setdefault(kept, []).append((starts, taken))
    found = []
    for kept, decisions in by_rows.items():
        lp = Program(whole.lp.upper, whole.lp.lower, [*whole.lp.at_most], [*whole.lp.equal])
        for n in kept:
            add_row(lp, conditional[n])
        if (answer := exhausted(lp, whole.aim, decisions)) is not None:
            found.append(answer)
    return min(found, key=lambda answer: answer[0], default=None)


Patterns = Iterable[tuple[set[Hashable], set[Hashable]]]


def exhausted(
    lp: Program, aim: Terms, decisions: Patterns
) -> tuple[float, dict[Hashable, float]] | None:
    """The least objective over all patterns of whole decisions, and the columns that reach it."""
    keys = list(lp.upper)
    cost_row = np.array([aim.get(key, 0.0) for key in keys])
    a_ub, b_ub = lp.dense(lp.at_most)
    a_eq, b_eq = lp.dense(lp.equal)
    bounds = np.array([(lp.lower[key], lp.upper[key]) for key in keys])
    limited = np.isfinite(bounds[:, 1])
    rows, columns = even_scales(
        np.block(
            [
                [a_ub, b_ub[:, None]],
                [a_eq, b_eq[:, None]],
                [np.eye(len(keys))[limited], bounds[limited, 1:]],
            ]
        )
    )
    # The last column is that of the sides: `columns` is now what a unit of each column is worth.
    columns, sides = columns[:-1] / columns[-1], columns[-1]
    r_ub, r_eq, _ = np.split(rows * sides, [len(a_ub), len(a_ub) + len(a_eq)])
    a_ub, b_ub = a_ub * r_ub[:, None] * columns, b_ub * r_ub
    a_eq, b_eq = a_eq * r_eq[:, None] * columns, b_eq * r_eq
    cost_row, bounds = cost_row * columns, bounds / columns[:, None]
    costs = np.abs(cost_row[cost_row != 0])
    unit = math.sqrt(costs.min() * costs.max()) if costs.size else 1.0
    whole = [j for j, key in enumerate(keys) if key[0] in ("start", "takes_part")]
    # Of a purse only rounding may be missing: one of nothing is one.
    purse = [any(key[0] in ("unspent", "left") for key in terms) for terms, _ in lp.equal]  # type: ignore[index]
    least, point = math.inf, None
    for starts, taken in decisions:
        for j in whole:
            bounds[j] = (keys[j] in starts or keys[j] in taken) / columns[j]
        endings = set()
        for method, options in WAYS:
            solved = linprog(
                cost_row / unit, a_ub, b_ub, a_eq, b_eq, bounds, method=method, options=options
            )
            endings.add(solved.status)
            if solved.status != 0:
                continue
            x = np.clip(np.where(np.abs(solved.x) < NOTHING, 0.0, solved.x), *bounds.T)
            room = np.where(purse, WITHIN * size_of(a_eq, b_eq, x), give(a_eq, b_eq, x))
            if (np.abs(a_eq @ x - b_eq) <= room).all() and at_most(a_ub, b_ub, x):
                if float(cost_row @ x) < least:
                    least, point = float(cost_row @ x), x * columns
                break
        else:
            if 2 not in endings:
                raise AssertionError(solved.message)
    if point is None:
        return None
    return least, dict(zip(keys, point.tolist(), strict=True))
