"""Rules of the user for the oracle, from docs/formulation.md and the plain dictionary alone."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oracle_recourse import groups_of
from oracle_terms import at_year, moved
from oracle_world import overruns

if TYPE_CHECKING:
    from oracle import Reading

Raw = Mapping[str, Any]
Terms = dict[Hashable, float]
Pick = Callable[[Sequence[Any]], Any]
KIND = {"public_money": "public", "company_money": "company"}
TONNES = ("output_t", "secured_t", "stock_t", "bought_t")
SUPPORTS = ("interest_subsidy", "price_floor")


@dataclass
class Row:
    """``terms >= side`` (at_least), ``<=`` or ``=``; only once a project starts by a year."""

    terms: Terms
    side: float
    sense: str
    condition: tuple[str, int] | None


def names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def amounts(case: Reading, quantity: str, year: int) -> Iterator[tuple[dict[str, set[str]], Terms]]:
    """What a quantity comes to in a year, part by part, with what each part is known by."""
    for p, it in case.projects.items():
        of = {"project": {p}, "country": {it["country"]}, "tag": set(it.get("tags", ()))}
        made = set(it["output_t_per_year"])
        of |= {"output": made, "material": made}
        for t in case.start_years(p):
            start = ("start", p, t)
            if quantity == "starts" and t == year:
                yield of, {start: 1.0}
            if quantity == "capex" and t == year:
                yield of, {start: it["capex_meur"]}
            if quantity == "market_money":
                due = case.instalments(p, t)[year] * it["capex_meur"]
                yield of, {("market", p, t): due * (1 + overruns(case, p)[1])}
            for m in made if quantity in ("output_t", "secured_t") else ():
                tonnes = case.nameplate(p, m, t, year, 0)
                mine = of | {"output": {m}, "material": {m}}
                if quantity == "output_t":
                    yield mine, {start: tonnes}
                else:
                    yield mine, {("offtake", p, t, g): tonnes for g in groups_of(case)}
            for f, i, rule in case.instruments(p):
                known = of | {"funder": {f}, "instrument": {i}}
                known |= {"class": {rule.get("budget_class", "")}}
                share = ("share", p, f, i, t)
                if quantity == "grant_equivalent" and t == year:
                    counted = it["capex_meur"]
                    if rule.get("kind") in SUPPORTS:
                        counted = sum(moved(case, p, rule, t).paid.values())
                    yield known, {share: counted * rule.get("grant_equivalent", 0.0)}
                elif is_money(case, quantity, f):
                    paid = moved(case, p, rule, t, overruns(case, p)[1]).paid.get(year, 0.0)
                    yield known, {share: rule.get("budget_charge", 1.0) * paid}
            for f, funder in case.funders.items() if quantity != "grant_equivalent" else ():
                if not is_money(case, quantity, f):
                    continue
                rate = 0.0
                for m in made:
                    material = case.raw["materials"][m]
                    per_t = at_year(material.get("secured_premium_eur_per_t") or 0.0, year)
                    per_t *= (material.get("premium_paid_by") or {}).get(f, 0.0)
                    rate += per_t * case.nameplate(p, m, t, year, 0) / 1e6
                rate *= it.get("success_probability", 1.0) * funder.get("premium_charge", 1.0)
                yield of | {"funder": {f}}, {("offtake", p, t, g): rate for g in groups_of(case)}
    from oracle import stock_cost

    for h, it in case.stocks.items():
        of = {"stockpile": {h}, "material": {it["material"]}}
        last = max(k for k, (y, _) in enumerate(case.periods) if y == year)
        if quantity == "stock_t":
            yield of, {("planned", h, last): 1.0}
        elif quantity == "bought_t":
            yield of, {("buy", h, year): 1.0}
        elif quantity == "stock_cost":
            yield of, stock_cost(case, h, year)
        for f in case.funders if quantity != "grant_equivalent" else ():
            if is_money(case, quantity, f):
                yield of | {"funder": {f}}, stock_cost(case, h, year, f)


def is_money(case: Reading, quantity: str, funder: str) -> bool:
    return quantity == "money" or KIND.get(quantity) == case.funders[funder]["kind"]


def total(case: Reading, term: Raw, years: Sequence[int], factor: float, **more: str) -> Terms:
    """The sum of a term over years, of what its filter and one more condition leave."""
    where = {key: names(value) for key, value in (term.get("where") or {}).items()}
    where |= {key: [value] for key, value in more.items()}
    found: Terms = defaultdict(float)
    for year in years:
        for of, terms in amounts(case, term["quantity"], year):
            if all(of.get(key, set()) & set(wanted) for key, wanted in where.items()):
                for key, weight in terms.items():
                    found[key] += factor * weight
    return found


def rows_of(case: Reading, rule: Raw) -> Iterator[Row]:
    bound = rule.get("then", rule)
    terms = [bound["sum"]] if isinstance(bound["sum"], Mapping) else bound["sum"]
    (sense,) = {"at_least", "at_most", "equals"} & set(bound)
    condition = (rule.get("if") or {}).get("start")
    first, last = rule.get("from", case.years[0]), rule.get("by", rule.get("to", case.years[-1]))
    years = sorted(rule.get("years", range(first, last + 1)))
    each = next((t["each"] for t in terms if t.get("each", "year") != "year"), None)
    keys: list[str | None] = [None]
    if each is not None:
        chosen = [
            of
            for t in terms
            if t.get("each") == each
            for y in case.years
            for of, _ in amounts(case, t["quantity"], y)
            if all(of.get(key, set()) & set(names(v)) for key, v in (t.get("where") or {}).items())
        ]
        keys = sorted({name for of in chosen for name in of.get(each, ())})
    yearly = rule.get("every_year") or any(t.get("each") == "year" for t in terms)
    if yearly:
        spans = [(y, [y]) for y in years]
    elif condition is not None and not {"by", "from", "to", "years"} & set(rule):
        spans = [(y, [x for x in case.years if x <= y]) for y in case.years]
    else:
        spans = [(years[-1], years)]

    def counted(quantity: str, last: int, span: list[int]) -> list[int]:
        if quantity == "stock_t":
            return [last]
        if yearly and condition is not None and quantity in ("starts", "capex"):
            return [x for x in case.years if x <= last]
        return span

    for key, (last, span) in itertools.product(keys, spans):
        found: Terms = defaultdict(float)
        for t in terms:
            more = {each: key} if each is not None and t.get("each") == each else {}
            part = total(case, t, counted(t["quantity"], last, span), t.get("factor", 1.0), **more)
            for column, weight in part.items():
                found[column] += weight
        level = bound[sense]
        side = 0.0
        if isinstance(level, Mapping) and "times" in level:
            over = counted(level["quantity"], last, span)
            for column, weight in total(case, level, over, -level["times"]).items():
                found[column] += weight
        else:
            side = at_year(level, last)
        yield Row(found, side, sense, None if condition is None else (condition, last))


def user_rows(case: Reading) -> list[Row]:
    rules = (case.policy.get("rules") or {}).values()
    return [row for rule in rules for row in rows_of(case, rule)]


# Random rules


def random_rule(pick: Pick, raw: Raw) -> dict[str, Any]:
    """A rule that fits a case; a random level may be out of reach."""
    years = list(range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1))
    quantity = pick(
        ["starts", "starts", "capex", "money", "public_money", "market_money", "output_t"]
        + ["secured_t", "grant_equivalent"]
        + (["stock_t", "bought_t", "stock_cost"] if raw["stockpiles"] else [])
        + (["company_money"] if "maker" in raw["funders"] else [])
    )
    stock = quantity in ("stock_t", "bought_t", "stock_cost")
    if quantity == "public_money" and "public" not in raw["funders"]:
        quantity = "money"
    term: dict[str, Any] = {"quantity": quantity}
    if pick([False, True]):
        term["where"] = _random_filter(pick, raw, quantity)
    groupings = ["material"] if stock else ["country", "project", "material"]
    groupings += ["funder"] if quantity == "money" else []
    if pick([False, False, True]):
        term["each"] = pick(groupings)
    level: Any = pick(
        [0, 1, 2] if quantity == "starts" else [3.0, 10.0, 40.0]
        if quantity in TONNES else [0.5, 1.7, 4.0, 9.0]
    )  # fmt: skip
    sense = pick(["at_least", "at_most", "at_most"])
    if pick([False, False, True]) and sense == "at_most":
        level = {"times": pick([0.3, 0.5, 0.8]), "quantity": quantity}
    elif len(years) > 1 and pick([False, False, True]):
        level = {years[0]: level, years[-1]: level + pick([0, 1])}
    bound: dict[str, Any] = {"sum": term, sense: level}
    if pick([False, False, True]):
        bound["sum"] = [term, {"quantity": quantity, "factor": pick([0.5, -0.4])}]
        if stock:
            del bound["sum"][1]
    period = pick(["none", "by", "years", "window", "every_year"])
    rule: dict[str, Any] = {}
    if period == "by" or (quantity == "stock_t" and period != "every_year"):
        rule["by"] = pick(years)
    elif period == "years":
        rule["years"] = sorted({pick(years), pick(years)})
    elif period == "window":
        rule["from"] = pick(years)
    elif period == "every_year":
        rule["every_year"] = True
    if pick([False, False, True]):
        return rule | {"if": {"start": pick(list(raw["projects"]))}, "then": bound}
    return rule | bound


def _random_filter(pick: Pick, raw: Raw, quantity: str) -> dict[str, Any]:
    if quantity in ("stock_t", "bought_t", "stock_cost"):
        return {"stockpile": pick(raw["stockpiles"])["id"]}
    project = pick(list(raw["projects"]))
    it = raw["projects"][project]
    return pick(
        [
            {"project": [project]},
            {"country": it["country"]},
            {"output": next(iter(it["output_t_per_year"]))},
            {"material": next(iter(it["output_t_per_year"])), "country": it["country"]},
        ]
    )
