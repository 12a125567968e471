"""What happens in a state of the world (R1 to R5).

A period of a node is *open* in a state if its demand exceeds what the market still supplies:
only there can anything be missing, so shortage, release and their rules exist for open periods
alone, and between two of them a stock only keeps and grows. This is exact.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from optimizer.model.instance import COVERED, Floats, Instance, Node
from optimizer.model.states import Outlook, market_supply, project_output

FADED = 0.01  # so much is left between two rows of a stock, so that no coefficient fades


@dataclass(frozen=True, eq=False)
class Situation:
    """One node in one state: what is open, and what projects could deliver."""

    position: int  # of the node in the instance
    node: Node
    gap: Floats  # (K) lots of demand that the market does not cover
    open: tuple[int, ...]  # open periods
    output: dict[tuple[str, int], Floats]  # (K) lots of projects at full nameplate, by delay

    def held(self, keeps: float) -> tuple[int, ...]:
        """Periods at which a stock is accounted for: the open ones, and some between them where
        so much is lost over the closed ones that a single coefficient could not tell it."""
        longest = self.open[-1] + 1
        if keeps < 1:
            longest = max(1, int(math.log(FADED, keeps))) if keeps > 0 else 1
        periods: list[int] = []
        for k in self.open:
            before = periods[-1] if periods else -1
            periods += [*range(before + longest, k, longest), k]
        return tuple(periods)


def situations(instance: Instance, outlook: Outlook) -> Iterator[Situation]:
    """The nodes that have open periods, as a state or a mean of states leaves them."""
    for position, node in enumerate(instance.nodes):
        demand = node.demand[instance.year_of]
        gap = demand - market_supply(instance, node, outlook.left)
        open_periods = tuple(int(k) for k in (gap > COVERED * demand).nonzero()[0] if demand[k] > 0)
        if open_periods:
            output = project_output(instance, node, outlook)
            yield Situation(position, node, gap, open_periods, output)


def add_delivered(model: Any, instance: Instance, outlooks: Sequence[Outlook]) -> None:
    """Add what reaches each node of a project's output, by delay (R5)."""
    delays: dict[str, set[int]] = {p: set() for p in instance.projects}
    for outlook in outlooks:
        for p, late in outlook.delays.items():
            delays[p].update(late)
    keys = [
        (node.label, p.id, delay, year)
        for node in instance.nodes
        for p in instance.projects.values()
        if node.material in p.output and instance.holders(p.id)
        for delay in sorted(delays[p.id])
        for year in instance.years
        if any(p.runs(year, start, delay) > 0 for start in p.starts)
    ]
    nodes = {node.label: node for node in instance.nodes}
    model.delivered = pyo.Var(
        keys, domain=pyo.NonNegativeReals, doc="share of nameplate that reaches a node in a year"
    )

    @model.Constraint(keys, doc="(R5) what reaches a node is what is reserved for it and runs")
    def delivered_definition(model: Any, v: str, p: str, delay: int, year: int) -> Any:
        position = year - instance.years[0]
        reserved = sum(
            instance.projects[p].runs(year, start, delay)
            * nodes[v].group_share[group][position]
            * model.offtake[p, start, group]
            for start in instance.projects[p].starts
            for group in instance.holders(p)
        )
        return model.delivered[v, p, delay, year] == reserved


def add_recourse(block: Any, instance: Instance, outlook: Outlook, commitment: Any) -> None:
    """Add releases, shortages and rules R1 to R4 of one state, its ``damage``, and what of that is
    ``counted`` in the mean; a mean of states is one more. ``commitment`` holds ``buy`` and
    ``delivered``."""
    nodes = {s.node.label: s for s in situations(instance, outlook)}
    year_of, first = instance.year_of, instance.years[0]
    accounts = [
        (v, h, k)
        for v, s in nodes.items()
        for h in s.node.accounts
        for k in s.held(instance.stockpiles[h].keeps)
    ]
    releases = [(v, h, k) for v, h, k in accounts if k in nodes[v].open]
    steps = [
        (v, j, k)
        for v, s in nodes.items()
        for j, step in enumerate(s.node.steps)
        for k in s.open
        if step.limit[year_of[k]] > 0
    ]

    def most_released(_block: Any, v: str, h: str, _k: int) -> tuple[float, float | None]:
        limit = instance.stockpiles[h].max_release * nodes[v].node.accounts[h]
        return 0, limit if math.isfinite(limit) else None

    def most_missing(_block: Any, v: str, j: int, k: int) -> tuple[float, float]:
        return 0, float(nodes[v].node.steps[j].limit[year_of[k]])

    block.stock = pyo.Var(accounts, domain=pyo.NonNegativeReals, doc="stock at a period's end")
    block.release = pyo.Var(releases, bounds=most_released, doc="(R2) lots released in a period")
    block.shortage = pyo.Var(steps, bounds=most_missing, doc="(R4) lots missing on a damage step")

    @block.Constraint(accounts, doc="(R1) stock is what keeps, plus what was bought, less releases")
    def stock_balance(block: Any, v: str, h: str, k: int) -> Any:
        brought = _brought(block, instance, commitment, nodes[v], h, k)
        released = block.release[v, h, k] if (v, h, k) in block.release else 0
        return block.stock[v, h, k] == brought - released

    @block.Constraint(
        [(v, k) for v, s in nodes.items() for k in s.open],
        doc="(R3) supply, output, releases and shortage meet demand",
    )
    def demand_balance(block: Any, v: str, k: int) -> Any:
        s, year = nodes[v], first + int(year_of[k])
        output = _output(s, commitment, v, year, k)
        released = sum(block.release[v, h, k] for h in s.node.accounts)
        missing = sum(
            block.shortage[v, j, k] for j in range(len(s.node.steps)) if (v, j, k) in block.shortage
        )
        return output + released + missing >= float(s.gap[k])

    weight = {(v, j, k): float(nodes[v].node.steps[j].weight[year_of[k]]) for v, j, k in steps}
    block.damage = pyo.Expression(
        expr=pyo.quicksum(weight[key] * block.shortage[key] for key in steps)
    )
    block.counted = pyo.Expression(
        expr=pyo.quicksum(
            nodes[key[0]].node.counts * weight[key] * block.shortage[key] for key in steps
        )
    )


def _output(s: Situation, commitment: Any, v: str, year: int, k: int) -> Any:
    """Lots that projects deliver to a node in a period."""
    delivered = commitment.delivered
    return sum(
        float(lots[k]) * delivered[v, p, delay, year]
        for (p, delay), lots in s.output.items()
        if lots[k] > 0 and (v, p, delay, year) in delivered
    )


def _brought(block: Any, instance: Instance, commitment: Any, s: Situation, h: str, k: int) -> Any:
    """What an account holds in a period before any release: kept from its row before."""
    pile, share, n = instance.stockpiles[h], s.node.accounts[h], instance.per_year
    before = max((j for j in s.held(pile.keeps) if j < k), default=-1)
    kept = block.stock[s.node.label, h, before] if before >= 0 else share * pile.initial
    bought: dict[int, float] = {}
    for j in range(before + 1, k + 1):
        year = instance.years[0] + j // n
        bought[year] = bought.get(year, 0.0) + share * pile.keeps ** (k - j) / n
    purchases = sum(part * commitment.buy[h, year] for year, part in bought.items())
    return pile.keeps ** (k - before) * kept + purchases
