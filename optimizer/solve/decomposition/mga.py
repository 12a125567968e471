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
from optimizer.solve.decomposition.cuts import Appraiser, Cut, stacked
from optimizer.solve.decomposition.master import Master

Mark = tuple[str, str]  # ``project`` or ``stockpile``, and its id
Portfolio = frozenset[Mark]  # what is built and bought up

VIOLATED = 1e-6  # cuts and rules that are broken by less, as a share of their side, wait on
JOINING = 80  # cuts that join at a time
GUESSED = 2000  # branches of a guess

_Row = tuple[NDArray[np.int64], Floats, float, float]  # columns, entries, and the two sides


@dataclass(frozen=True, eq=False)
class Unlike:
    """A portfolio that was sought, and what is proven of all."""

    portfolio: Portfolio | None  # none where none was found
    most: float  # no portfolio in the limit is less like the known ones; -inf without any
    complete: bool  # whether the program was solved to its end


class Farthest:
    """The program, as cuts join it. ``least`` holds the lots from which on each stockpile counts as
    bought up; a stockpile that it lacks is free and has no mark. One that counts as not bought up
    buys nothing."""

    def __init__(self, appraise: Appraiser, least: Mapping[str, float]) -> None:
        self.master = Master(appraise)
        self.projects = self.master.projects
        self.stockpiles = list(least)
        self.marks: list[Mark] = [("project", p) for p in self.projects]
        self.marks += [("stockpile", h) for h in self.stockpiles]
        self._columns = len(self.master.program.cost)
        self._smallest = self._columns + len(self.stockpiles)  # smallest distance, the last
        self._own = dict(zip(self.projects, self.master.start, strict=True))
        view = self.master.views[0]  # purchases are columns that all sets of assumptions share
        self._bought = dict(zip(view.recourse.columns.stockpiles, view.purchases, strict=True))
        self._least = least
        instances = appraise.together.instances
        self._most = {h: max(most_lots(own, h) for own in instances) for h in self.stockpiles}
        self._settled: Portfolio = frozenset()
        self._cuts: dict[int, Cut] = {}
        self._rows: list[_Row] = []  # of the cuts, in their order
        self._inside: set[int] = set()
        self._called: set[int] = set()

    # Cuts

    def learn(self, cuts: Iterable[Cut]) -> None:
        """Take in cuts that were found elsewhere."""
        for cut in cuts:
            if id(cut) not in self._cuts and self.master.weighs(cut):
                self._cuts[id(cut)] = cut
                columns, entries, side = self.master.row(cut)
                self._rows.append((columns.astype(np.int64), entries, side, math.inf))

    # Marks

    def settle(self, marks: Collection[Mark]) -> None:
        """Hold marks as they are in the first known plan: no plan within the limit has another."""
        self._settled = frozenset(marks)

    def _of_mark(self, mark: Mark) -> NDArray[np.int64]:
        """Columns whose sum a mark is."""
        kind, name = mark
        if kind == "project":
            return self._own[name].astype(np.int64)
        return np.array([self._columns + self.stockpiles.index(name)])

    def _distance(self, portfolio: Portfolio) -> tuple[NDArray[np.int64], Floats, int]:
        """Columns, entries and constant of the distance to a portfolio."""
        places = [self._of_mark(mark) for mark in self.marks]
        signs = [-1.0 if mark in portfolio else 1.0 for mark in self.marks]
        entries = np.repeat(signs, [len(own) for own in places])
        return np.concatenate([*places, []]).astype(np.int64), entries, len(portfolio)

    # The program

    def seek(
        self,
        known: Sequence[Portfolio],
        ruled_out: Collection[Portfolio],
        limit: float,
        *,
        nodes: int,
        time_limit: float | None = None,
    ) -> Unlike:
        """The portfolio least like those known, with an objective of at most ``limit`` as far as
        cuts know; not one of those ``ruled_out``. The smallest distance counts first, the sum of
        all next. ``nodes`` limits the search."""
        fixed = self._fixed_rows(known, ruled_out, limit)
        cost = np.zeros(self._smallest + 1)
        cost[self._smallest] = -1.0
        for portfolio in known:
            columns, entries, _ = self._distance(portfolio)
            # All distances together count less than one step of the smallest.
            np.add.at(cost, columns, -entries / (len(self.marks) * len(known) + 1))
        constant = sum(map(len, known)) / (len(self.marks) * len(known) + 1)
        while True:  # the relaxation calls in what it breaks
            relaxed = highs.solve(self._program(fixed, cost).relaxation(), threads=1)
            if relaxed.ending == "infeasible":
                return Unlike(None, -math.inf, complete=True)
            if relaxed.values is None or not self._call_in(relaxed.values):
                break
        solved = highs.solve(
            self._program(fixed, cost),
            gap=0.0,
            time_limit=time_limit,
            threads=1,
            options={"mip_max_nodes": nodes, "mip_feasibility_tolerance": 1e-7},
        )
        if solved.ending == "infeasible":
            return Unlike(None, -math.inf, complete=True)
        bound = float(len(self.marks)) if solved.bound is None else -solved.bound + constant
        most = min(math.floor(bound + 1e-6), len(self.marks))
        if solved.values is None:
            return Unlike(None, most, complete=False)
        self._call_in(solved.values)
        x = solved.values
        portfolio = frozenset(m for m in self.marks if x[self._of_mark(m)].sum() > 0.5)
        return Unlike(portfolio, most, complete=solved.ending == "optimal")

    def guess(
        self,
        known: Sequence[Portfolio],
        barred: Collection[Portfolio],
        costs: Mapping[Mark, float],
        room: float,
    ) -> Portfolio | None:
        """The portfolio least like those known whose turned marks of the first of them cost no more
        than ``room``, if each costs what it costs alone; None where there is none. Marks without a
        cost are left as they are."""
        first, count = known[0], len(self.marks)
        # A column for each mark that is turned, and the smallest distance.
        cost = np.zeros(count + 1)
        cost[count] = -1.0
        rows, low, high = [], [], []
        for portfolio in [*known, *barred]:
            turned = np.array(
                [1.0 if (m in first) == (m in portfolio) else -1.0 for m in self.marks]
            )
            apart = len(first ^ portfolio)
            near = portfolio in known
            rows.append(np.append(turned, -1.0 if near else 0.0))
            low.append(-float(apart) if near else 1.0 - apart)
            high.append(math.inf)
            if near:
                cost[:count] -= turned / (count * len(known) + 1)
        rows.append(np.append([costs.get(mark, 0.0) for mark in self.marks], 0.0))
        low.append(-math.inf)
        high.append(room)
        free = np.array([1.0 if mark in costs else 0.0 for mark in self.marks])
        program = highs.arrays(
            cost, np.array(rows), low, high, np.append(0 * free, 1.0), np.append(free, count)
        )
        whole = replace(program, integer=np.ones(count + 1, dtype=bool))
        solved = highs.solve(whole, gap=1e-3, threads=1, options={"mip_max_nodes": GUESSED})
        if solved.values is None:
            return None
        turned_marks = {m for m, x in zip(self.marks, solved.values, strict=False) if x > 0.5}
        return first ^ turned_marks

    def _call_in(self, x: Floats) -> bool:
        """Let cuts and waiting rules join that a solution breaks; whether any did."""
        broken = []
        for n, (columns, entries, side, _) in enumerate(self._rows):
            if n not in self._inside:
                excess = (side - float(entries @ x[columns])) / max(1.0, abs(side))
                if excess > VIOLATED:
                    broken.append((-excess, n))
        joining = [n for _, n in sorted(broken)[:JOINING]]
        reduced = self.master.reduced
        over = reduced.waiting @ x[: self._columns] - reduced.upper
        called = set(np.flatnonzero(over > VIOLATED).tolist()) - self._called
        self._inside.update(joining)
        self._called |= called
        return bool(joining or called)

    def _fixed_rows(
        self, known: Sequence[Portfolio], ruled_out: Collection[Portfolio], limit: float
    ) -> list[_Row]:
        """Rows beside those of the master: the limit, marks, and distances."""
        program = self.master.program
        weighed = np.flatnonzero(program.cost)
        rows: list[_Row] = [(weighed, program.cost[weighed], -math.inf, limit - program.offset)]
        for h in self.stockpiles:
            columns = np.append(self._bought[h], self._of_mark(("stockpile", h)))
            ones = np.ones(len(self._bought[h]))
            rows.append((columns, np.append(ones, -self._least[h]), 0.0, math.inf))
            rows.append((columns, np.append(ones, -self._most[h]), -math.inf, 0.0))
        for mark in self.marks:
            if mark in self._settled:
                own = self._of_mark(mark)
                value = 1.0 if mark in known[0] else 0.0
                rows.append((own, np.ones(len(own)), value, value))
        for portfolio in known:
            columns, entries, constant = self._distance(portfolio)
            columns, entries = np.append(columns, self._smallest), np.append(entries, -1.0)
            rows.append((columns, entries, -float(constant), math.inf))
        for portfolio in ruled_out:
            columns, entries, constant = self._distance(portfolio)
            rows.append((columns, entries, 1.0 - constant, math.inf))
        return rows

    def _program(self, fixed: Sequence[_Row], cost: Floats) -> LinearProgram:
        base, reduced = self.master.program, self.master.reduced
        rows = [*fixed, *(self._rows[n] for n in sorted(self._inside))]
        for r in sorted(self._called):
            own = slice(reduced.waiting.indptr[r], reduced.waiting.indptr[r + 1])
            columns = reduced.waiting.indices[own].astype(np.int64)
            rows.append((columns, reduced.waiting.data[own], -math.inf, float(reduced.upper[r])))
        more = stacked(rows, len(cost))
        more.sum_duplicates()
        more.eliminate_zeros()
        extra = len(cost) - self._columns
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
            upper=np.concatenate([base.upper, marks, [float(len(self.marks))]]),
            integer=np.concatenate([base.integer, marks > 0, [True]]),
            rows=[*base.rows, *(f"beside {n}" for n in range(len(rows)))],
            columns=[*base.columns, *(f"mark of {h}" for h in self.stockpiles), "smallest"],
        )


def most_lots(instance: Instance, h: str) -> float:
    """Lots that a stockpile can buy over all years, or that are of any use."""
    pile, periods = instance.stockpiles[h], len(instance.periods)
    fades = pile.keeps**periods
    room = pile.max_stock / fades
    usable = float(instance.usable[pile.material].sum()) * instance.per_year
    # More than that, and what a rule asks to be kept, is of no use to anyone.
    useful = (usable + float(pile.min_stock.max(initial=0.0))) / fades
    return min(float(pile.max_purchase.sum()), room, useful)
