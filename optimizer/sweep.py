"""Exact recourse of one commitment in many states of the world.

Recourse separates by state and node. In a node, supply covers the dearest steps of its own
period. Stock is then counted in first-period tonnes (a tonne released in period k uses keep^-k
of them) and given to the step of greatest weight times keep^k that it can still reach, one
after the other: prefixes of periods, periods and steps are a laminar family, so the greedy
choice is optimal (Edmonds 1970). Stocks of equal loss without release limits add up to one; any
other mix of stocks in a node is solved as a linear program.

Among equally good recourses the earliest period is served first, then the order of the file,
so that reported tonnes are unique.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer import highs
from optimizer.commitment import Commitment
from optimizer.errors import SolverError
from optimizer.instance import Floats, Instance, Node
from optimizer.states import State, availability, market_supply, project_output

NOTHING = 1e-12
"""Shortages and stocks below this share of demand are rounding."""


@dataclass(frozen=True, eq=False)
class NodeOutcome:
    """What is missing in one node of one state."""

    node: Node
    shortage: Floats
    """(J, K) lots missing on each damage step."""
    damage: Floats
    """(J,) in the unit of the measure, per step."""


@dataclass(frozen=True, eq=False)
class Account:
    """A stockpile's part that belongs to a node, in lots."""

    keeps: float
    initial: float
    bought: Floats
    """(K) in each period."""
    max_release: float

    def reach(self) -> Floats:
        """(K) first-period lots that have come in by the end of each period."""
        k = np.arange(len(self.bought))
        return self.keeps * self.initial + np.cumsum(self.bought * self.keeps ** -k.astype(float))


def sweep(
    instance: Instance, states: Sequence[State], commitment: Commitment
) -> Iterator[list[NodeOutcome]]:
    """The outcome of all nodes, state by state."""
    accounts = [_accounts(instance, node, commitment) for node in instance.nodes]
    for state in states:
        left = availability(instance, state)
        yield [
            _recourse(instance, node, own, state, left, commitment)
            for node, own in zip(instance.nodes, accounts, strict=True)
        ]


def _accounts(instance: Instance, node: Node, commitment: Commitment) -> list[Account]:
    """The node's accounts, those that add up exactly already added."""
    single: list[Account] = []
    for h, share in node.accounts.items():
        pile = instance.stockpiles[h]
        bought = commitment.bought(instance, h)[instance.year_of] / instance.per_year
        account = Account(
            pile.keeps, share * pile.initial, share * bought, share * pile.max_release
        )
        if account.initial > 0 or account.bought.any():
            single.append(account)
    together: dict[float, list[Account]] = {}
    limited: list[Account] = []
    for account in single:
        if math.isfinite(account.max_release):
            limited.append(account)
        else:
            together.setdefault(account.keeps, []).append(account)
    merged = [
        Account(
            keeps,
            sum(a.initial for a in members),
            np.sum([a.bought for a in members], axis=0),
            math.inf,
        )
        for keeps, members in together.items()
    ]
    return merged + limited


def _recourse(
    instance: Instance,
    node: Node,
    accounts: list[Account],
    state: State,
    left: dict[tuple[str, str], Floats],
    commitment: Commitment,
) -> NodeOutcome:
    supply = market_supply(instance, node, left)
    supply = supply + _delivered(instance, node, state, left, commitment)
    demand = node.demand[instance.year_of]
    weight = np.array([step.weight for step in node.steps])[:, instance.year_of]
    limit = np.array([step.limit for step in node.steps])[:, instance.year_of]
    uncovered = demand - supply
    uncovered[uncovered < NOTHING * demand] = 0.0
    shortage = _cheapest_steps(uncovered, weight, limit)
    if accounts and uncovered.any():
        if len(accounts) == 1:
            _serve_dearest(shortage, weight, accounts[0])
        else:
            shortage = _serve_by_program(shortage, weight, accounts)
        shortage[shortage < NOTHING * demand] = 0.0
    return NodeOutcome(node, shortage, (weight * shortage).sum(axis=1))


def _delivered(
    instance: Instance,
    node: Node,
    state: State,
    left: dict[tuple[str, str], Floats],
    commitment: Commitment,
) -> Floats:
    """(K) lots that the projects of a commitment deliver to a node."""
    lots = np.zeros(len(instance.periods))
    if not commitment.start:
        return lots
    for p, output in project_output(instance, node, state, left).items():
        if p not in commitment.start:
            continue
        running = instance.projects[p].running(instance.years, commitment.start[p], state.delay(p))
        belongs = sum(
            (
                share * node.group_share[group]
                for (q, group), share in commitment.offtake.items()
                if q == p
            ),
            np.zeros(len(instance.years)),
        )
        lots += output * (running * belongs)[instance.year_of]
    return lots


def _cheapest_steps(uncovered: Floats, weight: Floats, limit: Floats) -> Floats:
    """(J, K) what is uncovered falls on the cheapest steps; of equals on the last in the file."""
    shortage = np.zeros_like(limit)
    for k in np.flatnonzero(uncovered):
        rest = uncovered[k]
        for j in np.lexsort((-np.arange(len(limit)), weight[:, k])):
            shortage[j, k] = min(rest, limit[j, k])
            rest -= shortage[j, k]
            if rest <= 0:
                break
    return shortage


def _serve_dearest(shortage: Floats, weight: Floats, account: Account) -> None:
    """Give one stock to the shortages where it is worth most, in place."""
    periods = np.arange(shortage.shape[1])
    keep = account.keeps ** periods.astype(float)
    slack, released = account.reach(), np.full(len(periods), account.max_release) / keep
    steps, at = np.nonzero(shortage > 0)
    order = np.lexsort((steps, at, -(weight[steps, at] * keep[at])))
    for position in order:
        j, k = steps[position], at[position]
        given = min(slack[k:].min(), released[k], shortage[j, k] / keep[k])
        if given > 0:
            slack[k:] -= given
            released[k] -= given
            shortage[j, k] -= given * keep[k]


def _serve_by_program(shortage: Floats, weight: Floats, accounts: list[Account]) -> Floats:
    """(J, K) shortage after the best releases from several unlike stocks, by linear program."""
    steps, at = np.nonzero(shortage > 0)
    periods = np.unique(at)
    count, stocks, rows = len(steps), len(accounts), len(periods)
    columns = count + stocks * rows
    matrix = np.zeros((rows + stocks * rows, columns))
    upper = np.concatenate([shortage[steps, at], np.full(stocks * rows, np.inf)])
    row_lower = np.concatenate([shortage.sum(axis=0)[periods], np.full(stocks * rows, -np.inf)])
    row_upper = np.full(rows + stocks * rows, np.inf)
    matrix[np.searchsorted(periods, at), np.arange(count)] = 1.0
    for a, account in enumerate(accounts):
        columns_of = count + a * rows + np.arange(rows)
        matrix[np.arange(rows), columns_of] = 1.0
        # Counted at each release's own period, so that no coefficient grows with the horizon.
        held = account.reach() * account.keeps ** np.arange(len(account.bought), dtype=float)
        for row, k in enumerate(periods):
            matrix[rows + a * rows + row, columns_of[: row + 1]] = account.keeps ** (
                k - periods[: row + 1]
            ).astype(float)
            row_upper[rows + a * rows + row] = held[k]
        upper[columns_of] = account.max_release
    matrix[np.abs(matrix) < highs.SMALLEST] = 0.0
    scale = float(weight[steps, at].max()) or 1.0
    cost = np.concatenate([weight[steps, at] / scale, np.zeros(stocks * rows)])
    first = _optimum(cost, matrix, row_lower, row_upper, upper)
    # Of the equally good recourses, the one that serves early periods and early steps first.
    best = float(cost @ first)
    # Ranks weigh value, not tonnes: equal value is all that can be exchanged at the optimum. What
    # is worth nothing comes last, but does come: no stock lies idle beside a shortage.
    rank = (at * (steps.max() + 1) + steps) / float(shortage.size)
    late = np.concatenate([1e-6 - (cost[:count] + 1e-6) * rank, np.zeros(stocks * rows)])
    second = _optimum(
        late,
        np.vstack([matrix, cost]),
        np.append(row_lower, -np.inf),
        np.append(row_upper, best * (1 + 1e-9) + 1e-12),
        upper,
    )
    missing = np.zeros_like(shortage)
    missing[steps, at] = np.clip(second[:count], 0.0, shortage[steps, at])
    return missing


def _optimum(
    cost: Floats, matrix: Floats, row_lower: Floats, row_upper: Floats, upper: Floats
) -> Floats:
    program = highs.arrays(cost, matrix, row_lower, row_upper, np.zeros(len(cost)), upper)
    solution = highs.solve(program)
    if solution.values is None or solution.ending != "optimal":
        raise SolverError(f"recourse of a node ended {solution.ended}")
    return solution.values
