"""The plan most unlike others within a limit on the objective, as far as cuts know the objective.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011). A *mark* is
1 where a project is built or a stockpile bought up, and 0 where not; two plans are as unlike as
many marks differ. The program is the master with its objective as a rule, marks of stockpiles as
further columns, and the smallest distance to the plans that are known as what is maximised.
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

VIOLATION_TOLERANCE = (
    1e-6  # cuts and rules that are broken by less, as a share of their side, wait on
)
MAX_CUTS_PER_ROUND = 80  # cuts that join at a time
MAX_GUESS_NODES = 2000  # branches of a guess

_ProgramRow = tuple[NDArray[np.int64], Floats, float, float]  # columns, entries, and the two sides


@dataclass(frozen=True, eq=False)
class DistantPortfolio:
    """A portfolio that was sought, and what is proven of all."""

    portfolio: Portfolio | None  # none where none was found
    max_distance: float  # no portfolio in the limit is less like the known ones; -inf without any
    is_complete: bool  # whether the program was solved to its end


class FarthestPortfolioProgram:
    """The program, as cuts join it. ``least`` holds the lots from which on each stockpile counts as
    bought up; a stockpile that it lacks is free and has no mark. One that counts as not bought up
    buys nothing."""

    def __init__(self, cut_oracle: CutOracle, min_lots: Mapping[str, float]) -> None:
        self.master = Master(cut_oracle)
        self.projects = self.master.projects
        self.stockpiles = list(min_lots)
        self.items: list[PortfolioItem] = [("project", p) for p in self.projects]
        self.items += [("stockpile", h) for h in self.stockpiles]
        self._master_column_count = len(self.master.program.cost)
        self._min_distance_column = self._master_column_count + len(
            self.stockpiles
        )  # smallest distance, the last
        self._start_columns = dict(zip(self.projects, self.master.start_columns, strict=True))
        view = self.master.part_columns[
            0
        ]  # purchases are columns that all sets of assumptions share
        self._purchase_columns = dict(
            zip(view.recourse.columns.stockpiles, view.purchase_columns, strict=True)
        )
        self._min_lots = min_lots
        instances = cut_oracle.assumption_sets.instances
        self._max_lots = {
            h: max(max_useful_lots(own, h) for own in instances) for h in self.stockpiles
        }
        self._fixed_items: Portfolio = frozenset()
        self._cuts: dict[int, Cut] = {}
        self._cut_rows: list[_ProgramRow] = []  # of the cuts, in their order
        self._active_cuts: set[int] = set()
        self._active_lazy_rows: set[int] = set()

    # Cuts

    def add_cuts(self, cuts: Iterable[Cut]) -> None:
        """Take in cuts that were found elsewhere."""
        for cut in cuts:
            if id(cut) not in self._cuts and self.master.has_bounded_column(cut):
                self._cuts[id(cut)] = cut
                columns, entries, side = self.master.cut_row(cut)
                self._cut_rows.append((columns.astype(np.int64), entries, side, math.inf))

    # Marks

    def fix_items(self, items: Collection[PortfolioItem]) -> None:
        """Hold marks as they are in the first known plan: no plan within the limit has another."""
        self._fixed_items = frozenset(items)

    def _item_columns(self, item: PortfolioItem) -> NDArray[np.int64]:
        """Columns whose sum a mark is."""
        kind, name = item
        if kind == "project":
            return self._start_columns[name].astype(np.int64)
        return np.array([self._master_column_count + self.stockpiles.index(name)])

    def _distance_row(self, portfolio: Portfolio) -> tuple[NDArray[np.int64], Floats, int]:
        """Columns, entries and constant of the distance to a portfolio."""
        places = [self._item_columns(mark) for mark in self.items]
        signs = [-1.0 if mark in portfolio else 1.0 for mark in self.items]
        entries = np.repeat(signs, [len(own) for own in places])
        return np.concatenate([*places, []]).astype(np.int64), entries, len(portfolio)

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
        """The portfolio least like those known, with an objective of at most ``limit`` as far as
        cuts know; not one of those ``ruled_out``. The smallest distance counts first, the sum of
        all next. ``nodes`` limits the search."""
        fixed = self._base_rows(known_portfolios, excluded_portfolios, objective_limit)
        cost = np.zeros(self._min_distance_column + 1)
        cost[self._min_distance_column] = -1.0
        for portfolio in known_portfolios:
            columns, entries, _ = self._distance_row(portfolio)
            # All distances together count less than one step of the smallest.
            np.add.at(cost, columns, -entries / (len(self.items) * len(known_portfolios) + 1))
        constant = sum(map(len, known_portfolios)) / (len(self.items) * len(known_portfolios) + 1)
        while True:  # the relaxation calls in what it breaks
            relaxed = highs.solve(self._build_program(fixed, cost).relaxation(), threads=1)
            if relaxed.ending == "infeasible":
                return DistantPortfolio(None, -math.inf, is_complete=True)
            if relaxed.values is None or not self._add_violated_rows(relaxed.values):
                break
        solved = highs.solve(
            self._build_program(fixed, cost),
            gap=0.0,
            time_limit=time_limit,
            threads=1,
            options={"mip_max_nodes": node_limit, "mip_feasibility_tolerance": 1e-7},
        )
        if solved.ending == "infeasible":
            return DistantPortfolio(None, -math.inf, is_complete=True)
        bound = float(len(self.items)) if solved.bound is None else -solved.bound + constant
        most = min(math.floor(bound + 1e-6), len(self.items))
        if solved.values is None:
            return DistantPortfolio(None, most, is_complete=False)
        self._add_violated_rows(solved.values)
        x = solved.values
        portfolio = frozenset(m for m in self.items if x[self._item_columns(m)].sum() > 0.5)
        return DistantPortfolio(portfolio, most, is_complete=solved.ending == "optimal")

    def guess_portfolio(
        self,
        known_portfolios: Sequence[Portfolio],
        excluded_portfolios: Collection[Portfolio],
        item_costs: Mapping[PortfolioItem, float],
        max_cost: float,
    ) -> Portfolio | None:
        """The portfolio least like those known whose turned marks of the first of them cost no more
        than ``room``, if each costs what it costs alone; None where there is none. Marks without a
        cost are left as they are."""
        first, count = known_portfolios[0], len(self.items)
        # A column for each mark that is turned, and the smallest distance.
        cost = np.zeros(count + 1)
        cost[count] = -1.0
        rows, low, high = [], [], []
        for portfolio in [*known_portfolios, *excluded_portfolios]:
            turned = np.array(
                [1.0 if (m in first) == (m in portfolio) else -1.0 for m in self.items]
            )
            apart = len(first ^ portfolio)
            near = portfolio in known_portfolios
            rows.append(np.append(turned, -1.0 if near else 0.0))
            low.append(-float(apart) if near else 1.0 - apart)
            high.append(math.inf)
            if near:
                cost[:count] -= turned / (count * len(known_portfolios) + 1)
        rows.append(np.append([item_costs.get(mark, 0.0) for mark in self.items], 0.0))
        low.append(-math.inf)
        high.append(max_cost)
        free = np.array([1.0 if mark in item_costs else 0.0 for mark in self.items])
        program = highs.program_from_arrays(
            cost, np.array(rows), low, high, np.append(0 * free, 1.0), np.append(free, count)
        )
        whole = replace(program, integer=np.ones(count + 1, dtype=bool))
        solved = highs.solve(whole, gap=1e-3, threads=1, options={"mip_max_nodes": MAX_GUESS_NODES})
        if solved.values is None:
            return None
        turned_marks = {m for m, x in zip(self.items, solved.values, strict=False) if x > 0.5}
        return first ^ turned_marks

    def _add_violated_rows(self, x: Floats) -> bool:
        """Let cuts and waiting rules join that a solution breaks; whether any did."""
        broken = []
        for n, (columns, entries, side, _) in enumerate(self._cut_rows):
            if n not in self._active_cuts:
                excess = (side - float(entries @ x[columns])) / max(1.0, abs(side))
                if excess > VIOLATION_TOLERANCE:
                    broken.append((-excess, n))
        joining = [n for _, n in sorted(broken)[:MAX_CUTS_PER_ROUND]]
        reduced = self.master.reduced_program
        over = reduced.lazy_rows @ x[: self._master_column_count] - reduced.lazy_upper
        called = set(np.flatnonzero(over > VIOLATION_TOLERANCE).tolist()) - self._active_lazy_rows
        self._active_cuts.update(joining)
        self._active_lazy_rows |= called
        return bool(joining or called)

    def _base_rows(
        self,
        known_portfolios: Sequence[Portfolio],
        excluded_portfolios: Collection[Portfolio],
        objective_limit: float,
    ) -> list[_ProgramRow]:
        """Rows beside those of the master: the limit, marks, and distances."""
        program = self.master.program
        weighed = np.flatnonzero(program.cost)
        rows: list[_ProgramRow] = [
            (weighed, program.cost[weighed], -math.inf, objective_limit - program.offset)
        ]
        for h in self.stockpiles:
            columns = np.append(self._purchase_columns[h], self._item_columns(("stockpile", h)))
            ones = np.ones(len(self._purchase_columns[h]))
            rows.append((columns, np.append(ones, -self._min_lots[h]), 0.0, math.inf))
            rows.append((columns, np.append(ones, -self._max_lots[h]), -math.inf, 0.0))
        for mark in self.items:
            if mark in self._fixed_items:
                own = self._item_columns(mark)
                value = 1.0 if mark in known_portfolios[0] else 0.0
                rows.append((own, np.ones(len(own)), value, value))
        for portfolio in known_portfolios:
            columns, entries, constant = self._distance_row(portfolio)
            columns, entries = (
                np.append(columns, self._min_distance_column),
                np.append(entries, -1.0),
            )
            rows.append((columns, entries, -float(constant), math.inf))
        for portfolio in excluded_portfolios:
            columns, entries, constant = self._distance_row(portfolio)
            rows.append((columns, entries, 1.0 - constant, math.inf))
        return rows

    def _build_program(self, base_rows: Sequence[_ProgramRow], cost: Floats) -> LinearProgram:
        base, reduced = self.master.program, self.master.reduced_program
        rows = [*base_rows, *(self._cut_rows[n] for n in sorted(self._active_cuts))]
        for r in sorted(self._active_lazy_rows):
            own = slice(reduced.lazy_rows.indptr[r], reduced.lazy_rows.indptr[r + 1])
            columns = reduced.lazy_rows.indices[own].astype(np.int64)
            rows.append(
                (columns, reduced.lazy_rows.data[own], -math.inf, float(reduced.lazy_upper[r]))
            )
        more = rows_to_matrix(rows, len(cost))
        more.sum_duplicates()
        more.eliminate_zeros()
        extra = len(cost) - self._master_column_count
        none = sparse.csr_array((base.matrix.shape[0], extra))
        whole = sparse.hstack([sparse.csr_array(base.matrix), none])
        marks = np.ones(len(self.stockpiles))
        return LinearProgram(
            cost=cost,
            offset=0.0,
            matrix=sparse.csc_array(sparse.vstack([whole, more])),
            row_lower=np.concatenate([base.row_lower, [low for _, _, low, _ in rows]]),
            row_upper=np.concatenate([base.row_upper, [high for _, _, _, high in rows]]),
            lower=np.concatenate([base.lower, 0 * marks, [1.0]]),
            upper=np.concatenate([base.upper, marks, [float(len(self.items))]]),
            integer=np.concatenate([base.integer, marks > 0, [True]]),
            row_names=[*base.row_names, *(f"beside {n}" for n in range(len(rows)))],
            column_names=[
                *base.column_names,
                *(f"mark of {h}" for h in self.stockpiles),
                "smallest",
            ],
        )


def max_useful_lots(instance: Instance, h: str) -> float:
    """Lots that a stockpile can buy over all years, or that are of any use."""
    pile, periods = instance.stockpiles[h], len(instance.periods)
    fades = pile.retention**periods
    room = pile.max_stock / fades
    usable = float(instance.max_useful_lots[pile.material].sum()) * instance.periods_per_year
    # More than that, and what a rule asks to be kept, is of no use to anyone.
    useful = (usable + float(pile.min_stock.max(initial=0.0))) / fades
    return min(float(pile.max_purchase.sum()), room, useful)
