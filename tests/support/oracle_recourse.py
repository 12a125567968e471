"""What happens in one state, for the oracle: R1 to R7 node by node, from the contract alone.

A node is a chain of materials, and a consumer where allocation is entitled. Everything is counted
in tonnes and in every period of the horizon.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from oracle_chains import Maker, chains
from oracle_terms import at_year
from oracle_world import floors, in_term, is_covered, is_idle, market

if TYPE_CHECKING:
    from oracle import Program, Reading

Raw = Mapping[str, Any]
Terms = dict[Hashable, float]
Node = tuple[str | None, tuple[str, ...]]


def groups_of(case: Reading) -> list[str]:
    return [f for f, it in case.funders.items() if it["kind"] == "company"] + ["common"]


def nodes_of(case: Reading) -> list[Node]:
    """Chains and, where entitled, the consumers that can get anything of one."""
    if case.goal.get("allocation", "pooled") != "entitled":
        return [(None, chain) for chain in chains(case.raw)]
    return [
        (u, chain)
        for chain in chains(case.raw)
        for u in case.consumers
        if len(chain) > 1 or (u, chain[0]) in case.pairs
    ]


def delivered(
    case: Reading, consumer: str | None, project: str, material: str, k: int, state: Raw
) -> tuple[Terms, float]:
    """What a project brings to a node of a material in a period (R5): terms, and what comes anyway.

    Where it is idle, only output under a floor comes: terms in offtake, or in its floored part.
    """
    it, y, terms = case.projects[project], case.periods[k][0], {}
    still, unaided = is_idle(case, project, k, state), 0.0
    for g in groups_of(case):
        mine = 1.0
        if consumer is not None and g == "common":
            mine = case.needs.sigma(consumer, material, y)
        elif consumer is not None:
            mine = case.needs.held(consumer, g, material, y)
        for t in case.start_years(project):
            tonnes = mine * case.output(project, material, t, k, state)
            if not still:
                terms["offtake", project, t, g] = tonnes
            for f, i, rule in floors(case, project) if still else ():
                if in_term(case, project, rule, t, k, state):
                    terms["floored", project, t, g, f, i] = tonnes
        if g == "common" and project in (state.get("anyway") or []) and not still:
            home = min(it.get("home_share", 0.0), it.get("offtake_max", 1.0))
            unaided = home * mine
            unaided *= case.output(project, material, it["anyway"]["year"], k, state)
            terms |= {("start", project, t): -unaided for t in case.start_years(project)}
    return terms, unaided


def recourse_rows(lp: Program, case: Reading, s: int, state: Raw) -> Terms:
    """R1-R7 in one state; gives back the state's damage in the chosen measure."""
    damage: Terms = {}
    for node in nodes_of(case):
        damage |= node_rows(lp, case, node, s, state)
    return damage


def node_rows(lp: Program, case: Reading, node: Node, s: int, state: Raw) -> Terms:
    """The same of one node."""
    consumer, chain = node
    damage: Terms = {}
    makers = [c for c in [*case.needs.conversions, *case.needs.plants] if c.output in chain]
    stocks = {
        h: 1.0 if consumer is None else case.account(h, consumer)
        for h, it in case.stocks.items()
        if it["material"] in chain
    }
    for k, (y, _) in enumerate(case.periods):
        made = {c: made_column(lp, case, consumer, c, k, s, state) for c in makers}
        release = {
            h: stock_row(lp, case, consumer, h, part, k, s, state) for h, part in stocks.items()
        }
        for m in chain:
            terms: Terms = defaultdict(float)
            unaided = 0.0
            for p, it in case.projects.items():
                if m in it["output_t_per_year"] and not it.get("inputs_t_per_t"):
                    brought, more = delivered(case, consumer, p, m, k, state)
                    terms, unaided = terms | brought, unaided + more
            for c, column in made.items():
                terms[column] += (c.output == m) - c.inputs.get(m, 0.0)
            for h, column in release.items():
                terms[column] = 1.0 * (case.stocks[h]["material"] == m)
            part = 1.0 if consumer is None else case.needs.sigma(consumer, m, y)
            here = market(case, m, k, state)[1] / case.n
            wanted = 0.0
            for u in [u for u, own in case.pairs if own == m and consumer in (None, u)]:
                demand = case.demand(u, m, y) * case.factor(m, state) / case.n
                wanted += demand
                for j, (share, eur_per_t) in enumerate(case.steps(u, m, k, state)):
                    short = lp.column(("short", u, m, j, k, s), share * demand)
                    terms[short] = 1.0
                    damage[short] = case.weight(m, y, eur_per_t) if demand else 0.0
            lp.ge(terms, wanted - part * here - unaided)
    return damage


def made_column(
    lp: Program, case: Reading, consumer: str | None, maker: Maker, k: int, s: int, state: Raw
) -> Hashable:
    """What a conversion or a project with inputs makes in a period, and its limit (R6)."""
    key, m, y = ("made", maker, consumer, k, s), maker.output, case.periods[k][0]
    if maker.is_project:
        made = lp.column(key)
        limit, unaided = delivered(case, consumer, maker.id, m, k, state)
        lp.le({made: 1.0} | {column: -tonnes for column, tonnes in limit.items()}, unaided)
        return made
    part = 1.0 if consumer is None else case.needs.sigma(consumer, m, y)
    runs = part * case.runs(maker.id, k, state) / case.n
    return lp.column(key, runs * case.needs.capacity(maker.id, y))


def stock_row(
    lp: Program,
    case: Reading,
    consumer: str | None,
    stock: str,
    part: float,
    k: int,
    s: int,
    state: Raw,
) -> Hashable:
    """What a node's part of a stockpile releases in a period, its limits and balance (R1, R2, R7).

    What comes back does so in covered periods, up to what was planned, written in purchases.
    """
    it, y, keeps = case.stocks[stock], case.periods[k][0], case.keeps(stock)
    limit = it.get("max_release_t_per_period")
    release = lp.column(
        ("release", stock, consumer, k, s), math.inf if limit is None else part * limit
    )
    closing = lp.column(("stock", stock, consumer, k, s))
    row = {closing: 1.0, ("buy", stock, y): -part / case.n, release: 1.0}
    if k:
        row["stock", stock, consumer, k - 1, s] = -keeps
    opening = 0.0 if k else part * it.get("initial_t", 0.0)
    if it.get("refill_t_per_year") is not None:
        yearly = at_year(it["refill_t_per_year"], y)
        back = part * yearly / case.n if is_covered(case, it["material"], k, state) else 0.0
        row[lp.column(("refill", stock, consumer, k, s), back)] = -1.0
        planned: Terms = defaultdict(float)
        for age, (year, _) in enumerate(case.periods[k::-1]):
            planned["buy", stock, year] -= part * keeps**age / case.n
        lp.le(planned | {closing: 1.0}, part * keeps ** (k + 1) * it.get("initial_t", 0.0))
    lp.eq(row, keeps * opening)
    return release


def country_rows(lp: Program, case: Reading) -> None:
    """G1: offtake from elsewhere makes up for what a country supplies above the limit."""
    rule = case.policy.get("max_country_share")
    if not rule:
        return
    named = rule.get("materials", "all")
    groups = groups_of(case)
    for m, y, c in itertools.product(case.materials, case.years, case.suppliers()):
        if (named != "all" and m not in named) or c in (rule.get("except") or []):
            continue
        above = case.supply(m, c, y) - rule["limit"] * case.needs.total(m, y)
        if y < rule.get("from_year", case.years[0]) or above <= 0:
            continue
        lp.ge(
            {
                ("offtake", p, t, g): case.nameplate(p, m, t, y, 0)
                for p, it in case.projects.items()
                if it["country"] != c
                for t in case.start_years(p)
                for g in groups
            },
            above,
        )
