"""Valid scenario files at the edges of what a file may say, as plain dictionaries.

Sizes span eight decades, shares and probabilities are often 0, 1 or next to it, and items are
often equal to one another. Most cases are small; in some, one or two dimensions are large:
materials, projects, periods or states. Some cases are infeasible.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from oracle import count_patterns

Raw = dict[str, Any]

SHARES = (0, 1, 0, 1, 0, 1, 0.5, 1e-6, 1e-9, 1 - 1e-9)
"""Shares and probabilities at the edge."""
COUNTRIES = ("CN", "CL", "DE", "AU")
KINDS = (
    None,
    "equity",
    "loan",
    "subordinated_loan",
    "guarantee",
    "grant",
    "interest_subsidy",
    "price_floor",
)
LOANS = ("loan", "subordinated_loan")


class Draw:
    """Choices of one case, which takes the usual values at its own rate, and else extreme ones."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.pick = rng.choice
        self.rate = rng.choice([0.03, 0.1, 0.3])
        """How often a value is extreme."""

    def yes(self, chance: float) -> bool:
        """True with a probability."""
        return self.rng.random() < chance

    def size(self, low: float, high: float) -> float:
        """A number to three digits, evenly drawn over the decades."""
        return float(f"{10 ** self.rng.uniform(math.log10(low), math.log10(high)):.3g}")

    def of(self, usual: Sequence[Any], extreme: Sequence[Any]) -> Any:
        """One of the usual values, or one of the extreme ones at the rate of the case."""
        return self.pick(extreme if self.yes(self.rate) else usual)

    def share(self, *usual: float) -> float:
        """One of the usual shares, or one at the edge."""
        return self.of(usual, SHARES)

    def about(self, size: float) -> float:
        """A number near a size, or one that is far too small or far too large."""
        if self.yes(self.rate):
            return self.pick([0.0, self.size(1e-6, 1e-2), 1.0, self.size(1e2, 1e6)]) * size
        return size * self.size(0.1, 3)

    def some(self, values: Sequence[Any]) -> list[Any]:
        """One or more of the values, in order; none of none."""
        if not values:
            return []
        first = self.pick(range(len(values)))
        return [value for i, value in enumerate(values) if i == first or self.yes(0.5)]

    def maybe(self, chance: float, **fields: Any) -> Raw:
        """Each of the fields with a probability; a field may be a function that draws it."""
        taken = {name: value for name, value in fields.items() if self.yes(chance)}
        return {name: value() if callable(value) else value for name, value in taken.items()}

    def parts(self, count: int) -> list[float]:
        """Shares that add up to 1."""
        if count == 1:
            return [1.0]
        if self.yes(self.rate):
            little = self.pick([0.0, 1e-9, 1e-3])
            return [*[little] * (count - 1), 1 - little * (count - 1)]
        weights = [self.pick([1, 2, 5]) for _ in range(count)]
        return [weight / sum(weights) for weight in weights]

    def yearly(self, value: float, years: Sequence[int]) -> Any:
        """A value over time: constant, growing, or nothing at first or at last."""
        shape = self.of(["constant"] * 3 + ["growing"], ["from nothing", "to nothing", "gap"])
        first, last = years[0], years[-1]
        if shape == "constant" or len(years) == 1:
            return value
        if shape == "gap":
            return {first: value, years[len(years) // 2]: 0, last + 1: value}
        return {
            "growing": {first: value, last: 2.4 * value},
            "from nothing": {first: 0, last: value},
            "to nothing": {first: value, last: 0},
        }[shape]


def edge_case(rng: random.Random) -> Raw:
    """A valid scenario at the edges."""
    return Maker(Draw(rng)).case()


def size(raw: Raw) -> int:
    """Pairs of a node and a period in all states: how large the extensive form of a case is."""
    horizon, uncertainty = raw["horizon"], raw.get("uncertainty", {})
    years = horizon["last_year"] - horizon["first_year"] + 1
    nodes = len(raw["materials"])
    if raw["objective"]["allocation"] == "entitled":
        nodes = len({(row["consumer"], row["material"]) for row in raw["demand"]})
    states = uncertainty.get("sample", {}).get("states") or len(uncertainty.get("states", [1]))
    return int(nodes * years * horizon["periods_per_year"] * states)


def is_searchable(raw: Raw) -> bool:
    """Whether a case can be searched exhaustively: its matrices are dense, its states written."""
    written = "sample" not in raw.get("uncertainty", {})
    if not written or size(raw) > 200 or len(raw["projects"]) > 4:
        return False
    windows = [it["latest_start"] - it["earliest_start"] for it in raw["projects"].values()]
    return math.prod(2 + window for window in windows) <= 60 and count_patterns(raw) <= 60


class Maker:
    """One case in the making: what its parts have in common, and each part."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        kinds = ["materials", "projects", "periods", "states"]
        large = set(draw.rng.sample(kinds, draw.pick([0] * 10 + [1] * 5 + [2])))

        def count(kind: str, few: list[Any], many: list[Any]) -> Any:
            return draw.pick(many if kind in large else few)

        self.materials = [f"m{i}" for i in range(count("materials", [1, 1, 1, 2, 3], [12, 60]))]
        self.project_names = [
            f"p{i}" for i in range(count("projects", [0, 1, 2, 2, 3, 4], [8, 12]))
        ]
        self.states = count("states", [1, 2, 3, 4], [40, 200])
        short, long = [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (1, 4), (1, 12)], [(10, 4), (30, 1)]
        length, self.periods = count("periods", short, [*long, (5, 12), (30, 12)])
        first = draw.of([2026], [0, 2090, 9999 - length])
        self.years = list(range(first, first + length))
        self.consumers = [f"c{i}" for i in range(draw.pick([1, 1, 2, 3]))]
        # Materials of one case are of similar size, or each as large as it happens to be.
        one = draw.size(0.1, 1e7) if draw.yes(0.5) else None
        self.tonnes = {m: one or draw.size(0.1, 1e7) for m in self.materials}
        free = draw.yes(0.05)
        self.prices = {m: 0.0 if free else draw.size(10, 1e6) for m in self.materials}
        self.funder_names = [f"f{i}" for i in range(draw.pick([1, 1, 2, 3]))]
        self.funder_kinds = {
            f: draw.pick(["public", "public", "company", "private"]) for f in self.funder_names
        }
        self.hazard_names = [f"h{i}" for i in range(draw.of([1, 2, 3], [0]))]
        self.capex: dict[str, float] = {}

    def case(self) -> Raw:
        """The whole file."""
        draw = self.draw
        self._leave_out()
        raw: Raw = {
            "schema_version": 1,
            "title": "A case at the edge",
            "horizon": self.horizon(),
            "materials": {m: self.material(m) for m in self.materials},
            "consumers": self.buyers(),
            "demand": self.demand(),
            "damage": self.damage(),
            "supply": self.supply(),
            "projects": self.projects(),
            "funders": self.funders(),
            "stockpiles": self.stockpiles(),
            "hazards": {h: self.hazard() for h in self.hazard_names},
            "policy": self.policy(),
            "objective": self.objective(),
        }
        raw |= draw.maybe(0.85, uncertainty=self.uncertainty)
        if self.project_names and draw.yes(0.02):
            raw["policy"]["must_build"] = self.project_names[:1]
            for funder in raw["funders"].values():
                funder["budget_meur"] = 0
        for stock in raw["stockpiles"]:
            # Where the price rises, or is low, a residual value makes it worth filling any room.
            if stock.get("residual_value", raw["horizon"].get("residual_value", 0)) > 0:
                stock.setdefault("max_t", 10 * self.tonnes[stock["material"]] + stock["initial_t"])
        return raw

    def _leave_out(self) -> None:
        """Now and then nobody demands anything, or there are no consumers, funders or supply."""
        draw = self.draw
        self.nobody, self.no_supply = draw.yes(0.02), draw.yes(0.06)
        if draw.yes(0.02):
            self.consumers = []
        if draw.yes(0.05):
            self.funder_names, self.funder_kinds = [], {}

    def horizon(self) -> Raw:
        draw = self.draw
        return {
            "first_year": self.years[0],
            "last_year": self.years[-1],
            "periods_per_year": self.periods,
            "discount_rate": draw.of([0, 0.03, 0.03, 0.1], [1.0, 1e-6, 100]),
        } | draw.maybe(0.15, residual_value=draw.share(0.3, 0.8))

    def material(self, name: str) -> Raw:
        draw, price = self.draw, self.prices[name]

        def states() -> list[Raw]:
            factors = [0.3, 1, 2.5][: draw.pick([1, 2, 3])]
            chances = draw.parts(len(factors))
            return [
                {"probability": chance, "eur_per_t": draw.yearly(factor * price, self.years)}
                for chance, factor in zip(chances, factors, strict=True)
            ]

        it = {"price_eur_per_t": draw.yearly(price, self.years)}
        return it | draw.maybe(0.2, price_states=states)

    def buyers(self) -> Raw:
        draw = self.draw
        companies = [f for f, kind in self.funder_kinds.items() if kind == "company"]
        found: Raw = {u: {} for u in self.consumers}
        for company in companies:
            if self.consumers and draw.yes(0.8):
                found[draw.pick(self.consumers)] = {"company": company}
        return found

    def demand(self) -> list[Raw]:
        draw = self.draw
        rows = []
        for m in self.materials:
            for u in self.consumers:
                tonnes = 0.0 if self.nobody else draw.of([1.0, 0.4, 0.1], [0.0, 1e-6, 1e-3])
                tonnes *= self.tonnes[m]
                if u == self.consumers[0] or draw.yes(0.9):
                    row = {"consumer": u, "material": m}
                    rows.append(row | {"t_per_year": draw.yearly(tonnes, self.years)})
        if rows and draw.yes(0.05):
            rows.append(dict(draw.pick(rows)))  # rows of a pair add up
        return rows

    def damage(self) -> list[Raw]:
        entries: list[Raw] = [{"material": m, "steps": self.steps(m)} for m in self.materials]
        if self.consumers and self.draw.yes(0.3):
            m, u = self.draw.pick(self.materials), self.draw.pick(self.consumers)
            entries.append({"material": m, "consumer": u, "steps": self.steps(m)})
        return entries

    def steps(self, material: str) -> list[Raw]:
        draw = self.draw
        price = self.prices[material]
        first = draw.size(1e-3, 1e8) if draw.yes(0.3) else draw.about(3 * price)
        factors = draw.of([[1], [1, 5], [1, 5, 30]], [[1, 1], [1, 1, 1], [0, 1], [1, 1e6]])
        shares = draw.parts(len(factors))
        return [
            {"share": share, "eur_per_t": min(factor * first, 1e12)}
            for share, factor in zip(shares, factors, strict=True)
        ]

    def supply(self) -> list[Raw]:
        draw = self.draw
        rows: list[Raw] = []
        for m in [] if self.no_supply else self.materials:
            countries = draw.some(COUNTRIES[:3])
            whole = draw.of([0.6, 0.9, 1, 1, 1.1], [0, 1e-9, 1 - 1e-9, 10])
            for country, part in zip(countries, draw.parts(len(countries)), strict=True):
                row: Raw = {"material": m, "country": country}
                if draw.yes(0.7):
                    row["share"] = draw.yearly(whole * part, self.years)
                else:
                    tonnes = draw.about(part * self.tonnes[m])
                    row["t_per_year"] = draw.yearly(tonnes, self.years)
                rows.append(row)
        return rows

    def projects(self) -> Raw:
        draw = self.draw
        found: Raw = {}
        for p in self.project_names:
            if found and draw.yes(0.2):
                found[p] = deepcopy(draw.pick(list(found.values())))
                continue
            found[p] = self.project()
        for p, it in found.items():
            self.capex[p] = it["capex_meur"]
            others = [q for q in found if q != p]
            bound = draw.some(others[:3]) if others else []
            if bound and draw.yes(0.1):
                it["requires"] = bound
            elif bound and draw.yes(0.15):
                it["excludes"] = bound
        return found

    def project(self) -> Raw:
        draw = self.draw
        first = draw.pick(self.years[:2])
        last = draw.pick(self.years[self.years.index(first) :][:3])
        it: Raw = {
            "country": draw.pick(COUNTRIES),
            "output_t_per_year": {
                m: draw.about(0.5 * self.tonnes[m]) for m in draw.some(self.materials[:5])
            },
            "capex_meur": draw.of([draw.size(0.3, 300)], [0, 1e-3, 1e5]),
            "earliest_start": first,
            "latest_start": last,
            "market_finance_max": draw.share(0.2, 0.5, 0.8),
            "home_share": draw.share(0, 0.1, 0.3),
        }
        delays = [{0: 0.5, 1: 0.5}, {0: 0.3, 2: 0.5, 5: 0.2}, {1: 1}, {0: 1 - 1e-9, 1: 1e-9}]
        return it | draw.maybe(
            0.25,
            construction_years=lambda: draw.of([1, 2], [4, 50]),
            lifetime_years=lambda: draw.of([1, 2, 20], [500]),
            ramp_up=lambda: draw.of([[0.5, 1], [0.3, 0.7, 1]], [[0, 1], [0], [1, 0], [1e-9]]),
            capex_profile=lambda: draw.parts(draw.pick([1, 2, 3, 5])),
            offtake_max=lambda: draw.share(0.4, 0.8),
            success_probability=lambda: draw.share(0.5, 0.9),
            delay_years=lambda: draw.pick(delays),
            residual_value=lambda: draw.share(0.5),
            tags=lambda: draw.pick([["domestic"], ["domestic", "strategic"]]),
        )

    def money(self) -> float:
        """A budget beside what projects and stocks cost."""
        draw = self.draw
        whole = sum(self.capex.values())
        usual = [draw.about(0.3 * whole), draw.about(whole)] if whole else [draw.size(0.1, 1e3)]
        return min(draw.of(usual, [0, 1e-3, 1e6, 1e6]), 1e6)

    def by_year(self) -> Raw:
        named = self.draw.some(self.years[:5])
        return {year: self.money() for year in named}

    def funders(self) -> Raw:
        draw = self.draw
        found: Raw = {}
        for f in self.funder_names:
            it: Raw = {"kind": self.funder_kinds[f]}
            it |= draw.maybe(0.4, budget_meur=self.money)
            it |= draw.maybe(0.15, budget_by_year_meur=self.by_year)
            it |= draw.maybe(0.3, carry_over=True)
            it |= draw.maybe(0.2, budget_lines=self.lines)
            count = draw.of([1, 1, 2, 3], [0, 1])
            it["instruments"] = {f"i{n}": self.instrument(it) for n in range(count)}
            found[f] = it
        return found

    def lines(self) -> Raw:
        draw = self.draw
        cash: Raw = {"kind": "cash"} | draw.maybe(0.7, total_meur=self.money)
        cash |= draw.maybe(0.4, by_year_meur=self.by_year)
        if "by_year_meur" in cash:
            cash["carry_over"] = draw.yes(0.5)
        kinds: Raw = {
            "cash": cash | draw.maybe(0.4, stock_charge=lambda: draw.share(0.5)),
            "authority": {"kind": "commitment", "total_meur": self.money()},
            "stock": {
                "kind": "guarantee_stock",
                "limit_meur": draw.yearly(self.money(), self.years),
            },
        }
        return {name: kinds[name] for name in draw.some(list(kinds))}

    def instrument(self, funder: Raw) -> Raw:
        """An instrument of any kind that the terms of the kind allow."""
        draw = self.draw
        kind = draw.pick(KINDS)
        it: Raw = {"kind": kind} if kind else {}
        it |= {
            "max_share": draw.share(0.25, 0.5, 0.8),
            "offtake_per_share": draw.of([1, 1, 0.5], [0, 1e-6, 100]),
        }
        if kind != "price_floor":
            ticket = draw.about(0.2 * max(self.capex.values(), default=1.0))
            it |= draw.maybe(0.3, ticket_min_meur=ticket)
            it |= draw.maybe(0.2, ticket_max_meur=draw.about(3 * ticket))
        it |= draw.maybe(
            0.15,
            budget_charge=lambda: draw.of([0.2, 1], [0, 1e-9, 10]),
            grant_equivalent=lambda: draw.share(0.3),
            eligible=lambda: draw.pick(
                [
                    {"countries": ["DE", "CL"]},
                    {"tags": ["strategic"]},
                    {"materials": ["m0"]},
                    {"tags": []},
                ]
            ),
        )
        if kind in (*LOANS, "interest_subsidy", "equity") or (
            kind == "guarantee" and draw.yes(0.6)
        ):
            it["term_years"] = draw.of([1, 3, 10], [1, 100])
        if kind in (*LOANS, "interest_subsidy", "guarantee") and "term_years" in it:
            it |= draw.maybe(0.3, grace_years=draw.pick([0, 1, it["term_years"]]))
        if kind in (*LOANS, "interest_subsidy"):
            it["interest_rate"] = draw.of([0.02, 0.08], [0, 1, 1e-9])
        if kind == "equity":
            it["expected_return"] = draw.of([0.0, 0.07], [0.2, 1e-9])
        if kind in (None, "equity", *LOANS, "guarantee") and draw.yes(0.4):
            it["failure_probability"] = draw.share(0.1, 0.4)
            it |= draw.maybe(0.4, loss_given_failure=draw.share(0.5))
            it |= {"fee_per_year": draw.of([0.01], [0, 1])} if kind == "guarantee" else {}
        it |= draw.maybe(0.3, recovery=draw.of([0.3, 0.7], [0, 1, 1 - 1e-9, 1.2]))
        if kind in ("interest_subsidy", "price_floor"):
            it["market_finance_per_share"] = draw.of([0.2, 0.5], [0, 1, 100])
        if kind == "price_floor":
            it |= self.floor()
        lines = list(funder.get("budget_lines", ()))
        it |= {"charges": {draw.pick(lines): draw.share(0.3)}} if lines and draw.yes(0.3) else {}
        return it

    def floor(self) -> Raw:
        draw = self.draw
        named = draw.some(self.materials[:3])
        floors = {m: draw.yearly(draw.about(self.prices[m] or 1.0), self.years) for m in named}
        it: Raw = {"floor_eur_per_t": floors} | draw.maybe(0.4, term_years=draw.pick([1, 2, 20]))
        if draw.yes(0.4):
            it["upside_share"] = draw.share(0.3)
            above = {named[0]: 2 * self.prices[named[0]]}
            it |= draw.maybe(0.5, upside_from_eur_per_t=above) if it["upside_share"] else {}
        return it

    def paid_by(self) -> Raw:
        names = self.draw.some(self.funder_names)
        return dict(zip(names, self.draw.parts(len(names)), strict=True))

    def stockpiles(self) -> list[Raw]:
        draw = self.draw
        found: list[Raw] = []
        for number in range(draw.pick([0, 1, 1, 2, 3]) if self.funder_names else 0):
            twin = found and draw.yes(0.2)
            stock = deepcopy(found[-1]) if twin else self.stockpile()
            found.append(stock | {"id": f"s{number}"})
        return found

    def stockpile(self) -> Raw:
        draw = self.draw
        m = draw.pick(self.materials[:3])
        tonnes, price = self.tonnes[m], self.prices[m]
        it: Raw = {
            "id": "",
            "material": m,
            "paid_by": self.paid_by(),
            "initial_t": draw.pick([0, 0, draw.about(0.2 * tonnes)]),
            "annual_loss": draw.of([0, 0, 0.01, 0.1, 0.25], [1e-9, 0.5, 0.999999, 1 - 1e-12]),
        }
        room = it["initial_t"] + draw.about(0.5 * tonnes)
        it |= draw.maybe(
            0.4,
            max_t=draw.of([room], [it["initial_t"]]),
            max_purchase_t_per_year=lambda: draw.yearly(draw.about(0.2 * tonnes), self.years),
            max_release_t_per_period=lambda: draw.about(0.1 * tonnes),
            storage_eur_per_t_year=lambda: draw.of([0.02 * price], [0, 1e-3, 100 * price]),
            financing_rate=lambda: draw.of([0.03], [0, 1, 1e-9]),
        )
        it |= draw.maybe(
            0.2,
            purchase_premium=lambda: draw.of([0.05], [0, 100]),
            residual_value=lambda: draw.share(0.3, 0.8),
            serves=lambda: draw.of([draw.some(self.consumers)], [[], "all"]),
            storage_paid_by=self.paid_by,
            financing_paid_by=self.paid_by,
        )
        days = draw.of([5, 20], [0, 1e-6, 365, 1000])
        least = draw.pick([days, {draw.pick(self.years): days}, draw.yearly(days, self.years)])
        return it | draw.maybe(0.12, min_days_of_demand=least)

    def hazard(self) -> Raw:
        draw = self.draw

        def effect() -> Raw:
            count = draw.of([1, 2, 3, 6], [1, 400])
            loss = [draw.share(0.2, 0.5, 0.9) for _ in range(min(count, 12))]
            return {
                "country": draw.pick(COUNTRIES),
                "loss": loss * (count // len(loss)),
                "materials": draw.pick(["all", draw.some(self.materials)]),
            }

        effects = [effect() for _ in range(draw.pick([1, 1, 2]))]
        return {"annual_probability": draw.share(0.1, 0.3), "effects": effects}

    def uncertainty(self) -> Raw:
        draw, count = self.draw, self.states
        if draw.yes(0.35):
            method = draw.pick(["random", "stratified"])
            return {"sample": {"states": count, "seed": draw.pick(range(100)), "method": method}}
        states: list[Raw] = []
        for number, chance in enumerate(draw.parts(count)):
            state: Raw = {"probability": chance} | draw.maybe(0.5, name=f"state {number}")
            if self.hazard_names:
                state["events"] = [self.event() for _ in range(draw.pick([0, 1, 1, 2]))]
            if self.project_names:
                state |= draw.maybe(
                    0.15,
                    failed_projects=lambda: draw.some(self.project_names),
                    delayed_projects=lambda: {draw.pick(self.project_names): draw.pick([1, 2, 50])},
                )
            states.append(state)
        return {"states": states}

    def event(self) -> Raw:
        draw = self.draw
        period = draw.pick(range(1, self.periods + 1))
        hazard = draw.pick(self.hazard_names)
        return {"hazard": hazard, "start": draw.pick(self.years), "period": period}

    def policy(self) -> Raw:
        draw, names = self.draw, self.project_names
        it = draw.maybe(
            0.12,
            budget_meur=self.money,
            max_public_share=lambda: draw.share(0.3, 0.49),
            state_aid=lambda: draw.maybe(
                0.7, max_intensity=draw.share(0.35), max_meur=draw.of([1.2, 50.0], [0, 1e-6])
            ),
            max_projects=lambda: draw.of([1, 2], [0]),
        )
        if names:
            it |= draw.maybe(0.1, must_build=lambda: draw.some(names[:2]))
            it |= draw.maybe(0.1, must_not_build=lambda: draw.some(names[-2:]))
        if draw.yes(0.12):
            limit: Raw = {"limit": draw.share(0.5, 0.65, 0.9)}
            it["max_country_share"] = limit | draw.maybe(
                0.4,
                from_year=draw.pick(self.years),
                materials=draw.some(self.materials),
                **{"except": [draw.pick(COUNTRIES)]},
            )
        return it

    def objective(self) -> Raw:
        draw = self.draw
        return {
            "measure": draw.pick(["damage", "damage", "tonnes", "share_of_demand"]),
            "allocation": draw.pick(["pooled", "entitled"]),
            "cost_weight": draw.of([0.001, 0.001, 1], [0, 1e-6, 1e3]),
            "cvar": {
                "level": draw.of([0.95, 0.9, 0.5], [0, 0.999, 1e-9]),
                "weight": draw.share(0, 0.3, 1),
            },
        }
