"""Search for the portfolio that is farthest from known ones, with a limit on the objective.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011). A portfolio
is the set of projects that are built and of stockpiles that are filled by purchases. The distance
of two portfolios is the number of items in which they differ. The program is the master problem
with its objective as a constraint, a binary for each stockpile, and the smallest distance to the
known portfolios as its objective. The original objective is known only through cuts.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.highs import LinearProgram
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Cut, CutOracle, rows_to_matrix
from optimizer.solve.decomposition.master import Master

PortfolioItem = tuple[str, str]  # ``project`` or ``stockpile``, and its id
Portfolio = frozenset[PortfolioItem]  # what is built and bought up

VIOLATION_TOLERANCE = 1e-6  # cuts and lazy rows with a smaller relative violation are not added
MAX_CUTS_PER_ROUND = 80  # cuts added at a time
MAX_GUESS_NODES = 2000  # node limit of ``guess_portfolio``

# Columns, entries, lower and upper bound.
_ProgramRow = tuple[NDArray[np.int64], Floats, float, float]


@dataclass(frozen=True, eq=False)
class DistantPortfolio:
    """Portfolio that is far from all known portfolios, if one was found, and an upper bound on the
    distance of any portfolio from its nearest known portfolio."""

    portfolio: Portfolio | None  # None if none was found
    max_distance: float  # -inf if no portfolio is feasible
    is_complete: bool  # whether the program was solved to optimality


class FarthestPortfolioProgram:
    """Integer program for the farthest portfolio, to which cuts are added.

    ``min_lots`` gives for each stockpile the purchases in lots from which it counts as bought up.
    Other stockpiles are unrestricted and belong to no portfolio. A stockpile that is not bought up
    buys nothing.
    """

    def __init__(self, cut_oracle: CutOracle, min_lots: Mapping[str, float]) -> None:
        self.master = Master(cut_oracle)
        self.projects = self.master.projects
        self.stockpiles = list(min_lots)
        self.items: list[PortfolioItem] = [("project", p) for p in self.projects]
        self.items += [("stockpile", h) for h in self.stockpiles]
        self._master_column_count = len(self.master.program.cost)
        # Column of the smallest distance, the last.
        self._min_distance_column = self._master_column_count + len(self.stockpiles)
        self._start_columns = dict(zip(self.projects, self.master.start_columns, strict=True))
        part = self.master.part_columns[0]  # purchase columns are shared by all assumption sets
        self._purchase_columns = dict(
            zip(part.recourse.columns.stockpiles, part.purchase_columns, strict=True)
        )
        self._min_lots = min_lots
        instances = cut_oracle.tree.instances
        self._max_lots = {
            h: max(max_useful_lots(instance, h) for instance in instances) for h in self.stockpiles
        }
        self._fixed_items: Portfolio = frozenset()
        self._cuts: dict[int, Cut] = {}
        self._cut_rows: list[_ProgramRow] = []  # rows of the cuts, in the same order
        self._active_cuts: set[int] = set()
        self._active_lazy_rows: set[int] = set()

    # Cuts

    def add_cuts(self, cuts: Iterable[Cut]) -> None:
        """Add cuts that bound the original objective from below."""
        for cut in cuts:
            if id(cut) not in self._cuts and self.master.bounded_column_or_none(cut) is not None:
                self._cuts[id(cut)] = cut
                columns, entries, rhs = self.master.cut_row(cut)
                self._cut_rows.append((columns.astype(np.int64), entries, rhs, math.inf))

    # Items

    def fix_items(self, items: Collection[PortfolioItem]) -> None:
        """Fix items as in the first known portfolio, where no plan within the limit on the
        objective differs from it."""
        self._fixed_items = frozenset(items)

    def _item_columns(self, item: PortfolioItem) -> NDArray[np.int64]:
        """Return the columns whose sum is 1 if the item belongs to the portfolio, otherwise 0."""
        kind, item_id = item
        if kind == "project":
            return self._start_columns[item_id].astype(np.int64)
        return np.array([self._master_column_count + self.stockpiles.index(item_id)])

    def _distance_expression(self, portfolio: Portfolio) -> tuple[NDArray[np.int64], Floats, int]:
        """Return the columns, the entries and the constant of the linear expression for the
        distance of the portfolio that is searched for from ``portfolio``."""
        column_lists = [self._item_columns(item) for item in self.items]
        signs = [-1.0 if item in portfolio else 1.0 for item in self.items]
        entries = np.repeat(signs, [len(columns) for columns in column_lists])
        return np.concatenate([*column_lists, []]).astype(np.int64), entries, len(portfolio)

    # The program

    def find_farthest(
        self,
        known_portfolios: Sequence[Portfolio],
        excluded_portfolios: Collection[Portfolio],
        objective_limit: float,
        *,
        node_limit: int,
        time_limit: float | None = None,
    ) -> DistantPortfolio:
        """Find the portfolio farthest from the known ones whose objective is at most
        ``objective_limit``.

        The smallest distance to a known portfolio is maximized first, and then the sum of the
        distances to all known portfolios.
        Portfolios in ``excluded_portfolios`` are not returned. Since cuts are lower bounds, the
        true objective may exceed the limit.
        """
        base_rows = self._base_rows(known_portfolios, excluded_portfolios, objective_limit)
        cost = np.zeros(self._min_distance_column + 1)
        cost[self._min_distance_column] = -1.0
        for portfolio in known_portfolios:
            columns, entries, _ = self._distance_expression(portfolio)
            # The sum of distances weighs less than one unit of the smallest.
            np.add.at(cost, columns, -entries / (len(self.items) * len(known_portfolios) + 1))
        constant = sum(map(len, known_portfolios)) / (len(self.items) * len(known_portfolios) + 1)
        while True:  # add the rows that the relaxation violates
            relaxed_solution = highs.solve(
                self._build_program(base_rows, cost).relaxation(), threads=1
            )
            if relaxed_solution.ending == "infeasible":
                return DistantPortfolio(None, -math.inf, is_complete=True)
            if relaxed_solution.values is None or not self._add_violated_rows(
                relaxed_solution.values
            ):
                break
        solution = highs.solve(
            self._build_program(base_rows, cost),
            gap=0.0,
            time_limit=time_limit,
            threads=1,
            options={"mip_max_nodes": node_limit, "mip_feasibility_tolerance": 1e-7},
        )
        if solution.ending == "infeasible":
            return DistantPortfolio(None, -math.inf, is_complete=True)
        bound = float(len(self.items)) if solution.bound is None else -solution.bound + constant
        max_distance = min(math.floor(bound + 1e-6), len(self.items))
        if solution.values is None:
            return DistantPortfolio(None, max_distance, is_complete=False)
        self._add_violated_rows(solution.values)
        x = solution.values
        portfolio = frozenset(
            item for item in self.items if x[self._item_columns(item)].sum() > 0.5
        )
        return DistantPortfolio(portfolio, max_distance, is_complete=solution.ending == "optimal")

    def guess_portfolio(
        self,
        known_portfolios: Sequence[Portfolio],
        excluded_portfolios: Collection[Portfolio],
        item_costs: Mapping[PortfolioItem, float],
        max_cost: float,
    ) -> Portfolio | None:
        """Guess a portfolio that is far from the known ones, from the cost of changing single items
        of the first known portfolio.

        The changes may cost at most ``max_cost`` in total. Items without a cost are not changed.
        Return None if there is no such portfolio.
        """
        first_portfolio, item_count = known_portfolios[0], len(self.items)
        # Columns: whether each item is changed, and the smallest distance.
        cost = np.zeros(item_count + 1)
        cost[item_count] = -1.0
        rows, row_lower, row_upper = [], [], []
        for portfolio in [*known_portfolios, *excluded_portfolios]:
            flip_signs = np.array(
                [
                    1.0 if (item in first_portfolio) == (item in portfolio) else -1.0
                    for item in self.items
                ]
            )
            distance = len(first_portfolio ^ portfolio)
            is_known = portfolio in known_portfolios
            rows.append(np.append(flip_signs, -1.0 if is_known else 0.0))
            row_lower.append(-float(distance) if is_known else 1.0 - distance)
            row_upper.append(math.inf)
            if is_known:
                cost[:item_count] -= flip_signs / (item_count * len(known_portfolios) + 1)
        rows.append(np.append([item_costs.get(item, 0.0) for item in self.items], 0.0))
        row_lower.append(-math.inf)
        row_upper.append(max_cost)
        max_change = np.array([1.0 if item in item_costs else 0.0 for item in self.items])
        program = highs.program_from_arrays(
            cost,
            np.array(rows),
            row_lower,
            row_upper,
            np.append(0 * max_change, 1.0),
            np.append(max_change, item_count),
        )
        integer_program = replace(program, is_integer=np.ones(item_count + 1, dtype=bool))
        solution = highs.solve(
            integer_program, gap=1e-3, threads=1, options={"mip_max_nodes": MAX_GUESS_NODES}
        )
        if solution.values is None:
            return None
        flipped_items = {
            item for item, x in zip(self.items, solution.values, strict=False) if x > 0.5
        }
        return first_portfolio ^ flipped_items

    def _add_violated_rows(self, x: Floats) -> bool:
        """Add the cuts and lazy rows that a solution violates. Return whether any were added."""
        violated_cuts = []
        for n, (columns, entries, rhs, _) in enumerate(self._cut_rows):
            if n not in self._active_cuts:
                excess = (rhs - float(entries @ x[columns])) / max(1.0, abs(rhs))
                if excess > VIOLATION_TOLERANCE:
                    violated_cuts.append((-excess, n))
        new_cuts = [n for _, n in sorted(violated_cuts)[:MAX_CUTS_PER_ROUND]]
        reduced_program = self.master.reduced_program
        lazy_excess = (
            reduced_program.lazy_rows @ x[: self._master_column_count] - reduced_program.lazy_upper
        )
        new_lazy_rows = (
            set(np.flatnonzero(lazy_excess > VIOLATION_TOLERANCE).tolist()) - self._active_lazy_rows
        )
        self._active_cuts.update(new_cuts)
        self._active_lazy_rows |= new_lazy_rows
        return bool(new_cuts or new_lazy_rows)

    def _base_rows(
        self,
        known_portfolios: Sequence[Portfolio],
        excluded_portfolios: Collection[Portfolio],
        objective_limit: float,
    ) -> list[_ProgramRow]:
        """Return the rows that are added to those of the master problem: the limit on the
        objective, the definitions of the items and the distances from the given portfolios."""
        program = self.master.program
        cost_columns = np.flatnonzero(program.cost)
        rows: list[_ProgramRow] = [
            (cost_columns, program.cost[cost_columns], -math.inf, objective_limit - program.offset)
        ]
        for h in self.stockpiles:
            columns = np.append(self._purchase_columns[h], self._item_columns(("stockpile", h)))
            ones = np.ones(len(self._purchase_columns[h]))
            rows.append((columns, np.append(ones, -self._min_lots[h]), 0.0, math.inf))
            rows.append((columns, np.append(ones, -self._max_lots[h]), -math.inf, 0.0))
        for item in self.items:
            if item in self._fixed_items:
                item_columns = self._item_columns(item)
                value = 1.0 if item in known_portfolios[0] else 0.0
                rows.append((item_columns, np.ones(len(item_columns)), value, value))
        for portfolio in known_portfolios:
            columns, entries, constant = self._distance_expression(portfolio)
            columns = np.append(columns, self._min_distance_column)
            entries = np.append(entries, -1.0)
            rows.append((columns, entries, -float(constant), math.inf))
        for portfolio in excluded_portfolios:
            columns, entries, constant = self._distance_expression(portfolio)
            rows.append((columns, entries, 1.0 - constant, math.inf))
        return rows

    def _build_program(self, base_rows: Sequence[_ProgramRow], cost: Floats) -> LinearProgram:
        master_program, reduced_program = self.master.program, self.master.reduced_program
        rows = [*base_rows, *(self._cut_rows[n] for n in sorted(self._active_cuts))]
        for r in sorted(self._active_lazy_rows):
            entries = slice(
                reduced_program.lazy_rows.indptr[r], reduced_program.lazy_rows.indptr[r + 1]
            )
            columns = reduced_program.lazy_rows.indices[entries].astype(np.int64)
            rows.append(
                (
                    columns,
                    reduced_program.lazy_rows.data[entries],
                    -math.inf,
                    float(reduced_program.lazy_upper[r]),
                )
            )
        extra_rows = rows_to_matrix(rows, len(cost))
        extra_rows.sum_duplicates()
        extra_rows.eliminate_zeros()
        extra_column_count = len(cost) - self._master_column_count
        empty_columns = sparse.csr_array((master_program.matrix.shape[0], extra_column_count))
        widened = sparse.hstack([sparse.csr_array(master_program.matrix), empty_columns])
        ones = np.ones(len(self.stockpiles))
        return LinearProgram(
            cost=cost,
            offset=0.0,
            matrix=sparse.csc_array(sparse.vstack([widened, extra_rows])),
            row_lower=np.concatenate([master_program.row_lower, [low for _, _, low, _ in rows]]),
            row_upper=np.concatenate([master_program.row_upper, [high for _, _, _, high in rows]]),
            lower=np.concatenate([master_program.lower, 0 * ones, [1.0]]),
            upper=np.concatenate([master_program.upper, ones, [float(len(self.items))]]),
            is_integer=np.concatenate([master_program.is_integer, ones > 0, [True]]),
            row_names=[*master_program.row_names, *(f"beside {n}" for n in range(len(rows)))],
            column_names=[
                *master_program.column_names,
                *(f"mark of {h}" for h in self.stockpiles),
                "smallest",
            ],
        )


def max_useful_lots(instance: Instance, h: str) -> float:
    """Return the largest quantity that is useful for a stockpile to buy over all years, in lots. It
    never exceeds what the stockpile may buy."""
    stockpile, period_count = instance.stockpiles[h], len(instance.periods)
    retained_share = stockpile.retention**period_count
    storable_lots = stockpile.max_stock / retained_share
    usable_lots = (
        float(instance.max_useful_lots[stockpile.material].sum()) * instance.periods_per_year
    )
    # More than what can be used or is required by rule S4 has no use.
    useful_lots = (usable_lots + float(stockpile.min_stock.max(initial=0.0))) / retained_share
    return min(float(stockpile.max_purchase.sum()), storable_lots, useful_lots)
