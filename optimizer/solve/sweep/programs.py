"""A chain in all its looks, as linear programs: each exactly, or as far as is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERED, Chain, Floats
from optimizer.solve.sweep import outlets
from optimizer.solve.sweep.looking import Pass, Slopes, no_slopes
from optimizer.solve.sweep.nodes import NodeData, Point
from optimizer.solve.sweep.passes import strongest
from optimizer.solve.sweep.state_classes import ChainLooks, Looks
from optimizer.solve.sweep.template import Objects, Template

MOST_SWEEPS = 8  # sweeps whose multipliers are kept, look by look
MOST_NUMBERS = 2**22  # numbers that they may take at most, of one chain
GROWS = 1.5  # what a look may lack, when it has not been solved once more
MOVED = ("delivers", "buy")  # kinds of given columns that depend on the commitment
ROUGH = 0.98  # share of what looks are likely to lack that a rough sweep finds


@dataclass(frozen=True, eq=False)
class Support:
    """What the multipliers of each look prove of any commitment: that its damage is at least
    ``constant - slopes . columns``. Columns (D) are the share of nameplate that runs of each
    outlet, a project at a node, year by year, and the lots bought for each account, likewise."""

    constant: Floats  # (U)
    slopes: Floats  # (U, D)
    bases: Objects  # (U) of the programs that proved it


class Known:
    """What former sweeps proved of a chain, and by which bases: a program goes on from the one that
    proves most of it, which is dual feasible whatever is given."""

    def __init__(self, looks: int) -> None:
        self.doubt = np.ones(looks)  # how much more than known was found of each look, last time
        self.asked: Any = None  # what was last asked for, since which nothing was learnt
        self._constant, self._slopes = np.zeros((0, looks)), np.zeros((0, looks, 0))
        self._bases = np.empty((0, looks), dtype=object)
        self._sweeps = 0

    @classmethod
    def of_looks(cls, looks: Sequence[bytes], others: Sequence[bytes], known: Known) -> Known:
        """What is known of looks that are among others, of which ``known`` knows; of the rest it is
        known that nothing is less than no damage."""
        place = {digest: u for u, digest in enumerate(others)}
        at = np.array([place.get(digest, -1) for digest in looks], dtype=np.int64)
        there = at >= 0
        found = cls(len(looks))
        found.doubt[:] = known.doubt.max(initial=1.0)
        found.doubt[there] = known.doubt[at[there]]
        most, width = known._slopes.shape[0], known._slopes.shape[2]
        found._slopes = np.zeros((most, len(looks), width))
        found._constant = np.zeros((most, len(looks)))
        found._bases = np.empty((most, len(looks)), dtype=object)
        for own, before in ((found._slopes, known._slopes), (found._constant, known._constant)):
            own[:, there] = before[:, at[there]]
        found._bases[:, there] = known._bases[:, at[there]]
        found._sweeps = known._sweeps
        return found

    def learn(self, support: Support) -> None:
        """Add what a sweep proved; the oldest goes."""
        if not len(self._slopes):
            most = MOST_NUMBERS // max(1, support.slopes.size)
            most = max(2, min(MOST_SWEEPS, most))
            self._slopes = np.zeros((most, *support.slopes.shape))
            self._constant = np.full((most, len(support.constant)), -np.inf)
            self._bases = np.empty(self._constant.shape, dtype=object)
        place = self._sweeps % len(self._slopes)
        self._slopes[place], self._constant[place] = support.slopes, support.constant
        self._bases[place] = support.bases
        self._sweeps += 1
        self.asked = None

    def strongest(self, columns: Floats) -> tuple[Support, Floats] | None:
        """Of each look what proves most of it at given columns (U, D), and how much (U); None
        without any sweep."""
        if not self._sweeps:
            return None
        says = np.zeros(len(columns))
        best = strongest(self._constant, self._slopes, columns, says)
        looks = np.arange(len(best))
        kept = (self._constant, self._slopes, self._bases)
        return Support(*(own[best, looks] for own in kept)), says


class ChainPass(Pass):
    """A chain, or a node of unlike stocks, as linear programs. A ``rough`` one solves those of the
    looks that are likely to lack most: of the others it takes what is known, which is no more than
    their damage."""

    def __init__(
        self,
        template: Template,
        known: Known,
        chain: Chain,
        nodes: dict[int, NodeData],
        looks: Looks | ChainLooks,
        point: Point,
        chance: Floats,
        priced: bool,
        short: bool,
        rough: bool,
    ) -> None:
        super().__init__({v: nodes[v] for v in chain.nodes}, looks, point, chance, priced, short)
        self.template, self.chain, self._learnt = template, chain, known
        if isinstance(looks, ChainLooks):
            self._looks = {v: looks.forms[node.node.material] for v, node in self._nodes.items()}
            self._left, self.open = looks.left, looks.open
        else:
            node = nodes[chain.head]
            self._looks, self._left = {chain.head: looks}, {}
            demand = node.demand[looks.row]
            self.open = demand - node.part * looks.supply > COVERED * demand
        self._running = {v: node.running(point) for v, node in self._nodes.items()}
        # Where columns of supports begin: outlets by node, then accounts.
        years = point.buy.shape[1]
        width = [years * len(own.projects) for own in self._looks.values()]
        self._at = dict(zip(self._looks, np.cumsum([0, *width]).tolist(), strict=False))
        self._width = sum(width)
        self._accounts = [(v, n) for v, node in self._nodes.items() for n in range(len(node.piles))]
        self._rough = rough
        self._knows: tuple[Support, Floats] | None = None
        self._solves = np.asarray((chance > 0).any(axis=0))

    def _place(self, v: int, n: int, kind: str) -> NDArray[np.int64]:
        """Where what a project delivers, or an account buys, stands among what is given."""
        if kind in ("buy", "covered"):
            return self.template.place[kind, list(self._nodes[v].node.accounts)[n]]
        return self.template.place[kind, (v, self._looks[v].projects[n])]

    def _outlets(self, v: int, part: slice) -> tuple[Any, ...]:
        """Of the outlets of a node, what :mod:`optimizer.solve.sweep.outlets` takes."""
        node, looks, place = self._nodes[v], self._looks[v], self.template.place
        first = np.array([place["delivers", (v, p)][0] for p in looks.projects], dtype=np.int64)
        arrives = looks.delay[part], looks.pattern[part], looks.available
        return first, node.plate, node.year_of, *arrives

    def given(self, part: slice) -> Floats:
        """(U, G) what is given in a part of the looks."""
        count = len(range(self.count)[part])
        given, place = np.zeros((count, self.template.given)), self.template.place
        year_of = self._nodes[self.head].year_of
        for v, node in self._nodes.items():
            row = self._looks[v].row[part]
            given[:, place["market", v]] = node.part * self._looks[v].supply[part]
            if ("demand", v) in place:
                given[:, place["demand", v]] = node.demand[row]
                for j in range(len(node.node.steps)):
                    given[:, place["limit", (v, j)]] = node.in_file[row, j]
        for plant in self.chain.plants:
            if plant.capacity is not None:
                most = plant.capacity[year_of] * self._left[plant.id][part]
                given[:, place["capacity", plant.id]] = most
        for v, running in self._running.items():
            first, plate, *rest = self._outlets(v, part)
            outlets.deliver(given, first, plate, running, *rest)
        for v, n in self._accounts:
            given[:, self._place(v, n, "buy")] = self._point.buy[self._nodes[v].piles[n]]
            covered = self._looks[v].covered
            if covered is not None and self._nodes[v].refill[n].any():
                given[:, self._place(v, n, "covered")] = covered[part]
        return given

    def look_up(self) -> None:
        """Look up what former sweeps prove at the point."""
        self._knows = self._learnt.strongest(self._columns())

    def parts(self) -> list[Callable[[], None]]:
        """What there is to do, once what is known is looked up."""
        if self._rough and self._knows is not None:
            lacks = np.where(self._solves, self.chance.sum(axis=0) * self._learnt.doubt, 0.0)
            ranked = np.argsort(-lacks, kind="stable")
            enough = np.cumsum(lacks[ranked]) - lacks[ranked] >= ROUGH * lacks.sum()
            self._solves[ranked[enough]] = False
            self._learnt.doubt[ranked[enough]] *= GROWS
            self.damage[:] = np.maximum(self._knows[1], 0.0)
        return super().parts()

    def _sweep(self, start: int, end: int) -> None:
        part = slice(start, end)
        given = self.given(part)
        if self._short:
            self._list_missing(part, given)
            return
        solves = np.flatnonzero(self._solves[part])
        at = start + solves
        bases = [None] * len(at) if self._knows is None else list(self._knows[0].bases[at])
        solved = self.template.solve(given[solves], self.open[at], bases)
        self.damage[at] = solved.damage
        if self._priced:
            by_given, proven = np.zeros(given.shape), np.zeros(len(given))
            by_given[solves], proven[solves] = solved.by_given, solved.proven
            kept = np.empty(len(given), dtype=object)
            kept[solves] = bases
            found = self._support(part, given, by_given, proven, kept)
            if self._knows is not None:
                known, says = self._knows
                self._learnt.doubt[at] = np.maximum(solved.damage - says[at], 0.0)
                others = ~self._solves[part]
                found.constant[others] = known.constant[part][others]
                found.slopes[others] = known.slopes[part][others]
                found.bases[others] = known.bases[part][others]
            self._found[start] = found

    def _support(
        self, part: slice, given: Floats, by_given: Floats, proven: Floats, bases: Objects
    ) -> Support:
        """What multipliers prove in a part of the looks."""
        slopes = np.zeros((len(given), self._width))
        for v, at in self._at.items():
            outlets.worth(slopes, at, by_given, *self._outlets(v, part))
        bought = [-by_given[:, self._place(v, n, "buy")] for v, n in self._accounts]
        moves = [at for (kind, _), at in self.template.place.items() if kind in MOVED]
        own = np.concatenate([np.zeros(0, np.int64), *moves])
        constant = proven - (by_given[:, own] * given[:, own]).sum(axis=1)
        return Support(constant, np.hstack([slopes, *bought]), bases)

    def _list_missing(self, part: slice, given: Floats) -> None:
        by_step = {
            v: np.zeros((len(given), len(node.node.steps), node.length))
            for v, node in self._nodes.items()
        }
        label = {node.node.label: v for v, node in self._nodes.items()}
        demand = {v: self._nodes[v].demand[own.row[part]] for v, own in self._looks.items()}
        found = self.template.shortages(given, self.open[part])
        for (kind, index), lots in zip(self.template.columns, found.T, strict=True):
            if kind == "shortage":
                name, j, k = index
                v = label[name]
                by_step[v][:, j, k] = np.where(lots > COVERED * demand[v][:, k], lots, 0.0)
        for v, own in by_step.items():
            self._is_missing(v, part.start, part.stop, own)
            self.damage[part] += self.damage_by_step[v][part].sum(axis=1)

    def _summed(self, ordered: list[Any]) -> dict[int, Slopes]:
        if not ordered:
            return {v: no_slopes(node, len(self.chance)) for v, node in self._nodes.items()}
        kept = ((own.constant, own.slopes, own.bases) for own in ordered)
        whole = Support(*(np.concatenate(own) for own in zip(*kept, strict=True)))
        self._knows = None  # as much again as the pass itself
        self._learnt.learn(whole)
        return self._weighed(whole)

    def _weighed(self, support: Support) -> dict[int, Slopes]:
        """The sums of what is proven of each look, by its chances."""
        slopes = {v: no_slopes(node, len(self.chance)) for v, node in self._nodes.items()}
        slopes[self.head].constant[:] = self.chance @ support.constant
        years, at = self._point.buy.shape[1], self._width
        for v, first in self._at.items():
            outlets.weighed(
                slopes[v].output, support.slopes, first, self._looks[v].delay, self.chance
            )
        for v, n in self._accounts:
            slopes[v].purchases[:, n] = self.chance @ support.slopes[:, at : at + years]
            at += years
        return slopes

    def known(self) -> dict[int, Slopes] | None:
        """The strongest cut at the point that former sweeps prove, of each look what proves most of
        it there, once it is looked up; None without any. It costs no program (bunching: Wets
        1983)."""
        return None if self._knows is None else self._weighed(self._knows[0])

    def _columns(self) -> Floats:
        """(U, D) the columns of supports at the point."""
        bought = [self._point.buy[self._nodes[v].piles[n]] for v, n in self._accounts]
        columns = np.zeros((self.count, self._width + sum(map(len, bought))))
        columns[:, self._width :] = np.concatenate([np.zeros(0), *bought])
        for v, at in self._at.items():
            outlets.running_in(columns, at, self._running[v], self._looks[v].delay)
        return columns
