"""What a run knows: its best plan, its bound, its limits, and the ways to cut off a solution."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.model.commitment import Commitment, carried
from optimizer.model.highs import Progress
from optimizer.model.instance import Floats, Instance
from optimizer.model.together import Places
from optimizer.solve.decomposition.cuts import Appraisal, Appraiser
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.tree import Frontier
from optimizer.solve.solver_result import Teller

FEASIBLE = 1e-7  # broken rules by less than this are the solver's tolerance
STILL = 1e-9  # a cut that is violated by less, as a share of its side, is not worth a row
UNKNOWN = 0.02  # the gap of a plan that is still to be found, as a share
UNSWEPT = 0.1  # share of what is expected to be lacking that a round leaves unswept
PATIENCE = 0.5  # weight of what was seen before against what was just seen
LEAST = 0.05  # share of a move that is always doubted
KNOWN = 0.03  # the same of cuts that are known of former sweeps, as a share of the gap asked for
TOLD = 1 / 11  # what may stay open of a difference, so that it is a tenth of what is proven of it
CLOSED, DONE = 0.99, 0.999  # shares of the gap asked for at which a branch and a search end
RECALLED = 1e-6  # a cut on the shelf that is violated by less is left there


class Focus:
    """Which chains to sweep: those whose cuts are likely to be furthest from the truth. What cuts
    lack in a node is guessed from how far the master's view of it has moved since it was last
    swept, and from how much of such moves turned out to be wrong. A guess only decides where to
    look: bounds rest on cuts, and plans on sweeps of all chains."""

    def __init__(self, heads: Collection[int], counts: Mapping[int, float] | None = None) -> None:
        self.heads, self._counts = tuple(heads), counts or dict.fromkeys(heads, 1.0)
        self._value = dict.fromkeys(heads, math.nan)
        self._doubt = dict.fromkeys(heads, 1.0)

    def lacks(self, claimed: Mapping[int, float]) -> dict[int, float]:
        """What cuts are expected to lack by node, as the objective counts it, where they claim
        this; infinite if unknown."""
        moved = {v: abs(claimed[v] - seen) for v, seen in self._value.items()}
        return {
            v: math.inf if math.isnan(move) else self._counts[v] * self._doubt[v] * move
            for v, move in moved.items()
        }

    def learn(
        self, claimed: Mapping[int, float], swept: Mapping[int, float], lacked: Mapping[int, float]
    ) -> None:
        """Take note of what cuts claimed, what sweeps have found, and what was lacking."""
        for v, value in swept.items():
            move = abs(claimed[v] - self._value[v])
            if move > 0:  # and known
                share = min(1.0, max(LEAST, lacked.get(v, 0.0) / move))
                self._doubt[v] = PATIENCE * self._doubt[v] + (1 - PATIENCE) * share
            self._value[v] = value


def worth_sweeping(lacks: Mapping[int, float], leave: float) -> list[int]:
    """The fewest chains such that the others lack no more than ``leave`` together, and something
    finite."""
    left = 0.0
    ranked = sorted(lacks, key=lambda v: lacks[v])
    for count, v in enumerate(ranked):
        left += lacks[v]
        if left > leave or math.isinf(left):
            return ranked[count:]
    return []


@dataclass(frozen=True, eq=False)
class Known:
    """A plan of another problem, and what it was found to lead to."""

    plan: Commitment
    lots: dict[str, float]  # tonnes in a lot there
    damages: dict[Any, tuple[float, ...]]  # what recourse adds to objectives that see the same

    def there(self, instance: Instance) -> Known:
        """The same in another instance."""
        plan = self.plan if instance.lot_t == self.lots else carried(self.plan, self.lots, instance)
        return Known(plan, instance.lot_t, self.damages)

    def swept(self, appraise: Appraiser) -> bool:
        """Whether it is known what recourse adds to an objective."""
        return appraise.key in self.damages

    def worth(self, appraise: Appraiser) -> float:
        """The objective, swept where it is not known."""
        key = appraise.key
        if key not in self.damages:
            self.damages[key] = appraise.damages(self.plan)
        return appraise.together.worth(self.plan, self.damages[key])


Broken = Callable[[Commitment], Collection[str]]


class Stopped(Exception):
    """A limit was met or the user asked to stop."""


class Unlimited(Exception):
    """Nothing limits what a plan can earn."""


@dataclass(eq=False)
class Run:
    """The state of one solve: ``upper`` is the objective of the best plan so far, exact for all
    states; ``lower`` is proven by the master."""

    master: Master
    appraise: Appraiser
    gap: float
    least: float = 1e-6  # an objective counts as no smaller than this where shares of it are taken
    deadline: float = math.inf
    enough: float = -math.inf  # the run ends once a plan is as good as this, or none can be
    against: float | None = None  # what objectives are told the difference from, if from anything
    on_progress: Callable[[Progress], None] | None = None
    teller: Teller | None = None
    upper: float = math.inf
    lower: float = -math.inf
    best: Floats | None = None
    nodes: int = 0
    node_limit: float = math.inf
    at_node_limit: bool = False  # whether that is what ended the search
    began: float = field(default_factory=time.perf_counter)
    stop: threading.Event = field(default_factory=threading.Event)  # set by the user
    unlimited: bool = False  # whether nothing limits what a plan can earn
    looks_up: bool = True  # whether cuts are made of what sweeps before them have proven
    hints: list[Places] = field(default_factory=list)  # start years of plans good elsewhere
    known: list[Known] = field(default_factory=list)  # plans of other problems
    broken: Broken | None = None  # tells which rules one of them breaks here
    frontiers: list[Frontier] = field(default_factory=list)  # where a search may begin
    left_over: Frontier | None = None  # where the next may
    history: list[Progress] = field(default_factory=list)
    _told: float = 0.0

    focus: Focus = field(init=False)

    def __post_init__(self) -> None:
        self.focus = Focus(self.appraise.heads, self.appraise.counts)

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.stop.is_set()

    @property
    def separable(self) -> bool:
        """Whether some chains can be swept without the others."""
        return self.appraise.separable

    def size(self, objective: float) -> float:
        """What shares of an objective are shares of."""
        return max(abs(objective), self.least)

    @property
    def within(self) -> float:
        """The gap to close, as a share: the one asked for, or what leaves a tenth of the difference
        from what the plan is compared with open, if that is more. As plans become better no cutoff
        rises by it."""
        apart = 0.0 if self.against is None else abs(self.upper - self.against)
        if not math.isfinite(self.upper) or not apart:
            return self.gap
        return max(self.gap, TOLD * apart / self.size(self.upper))

    @property
    def cutoff(self) -> float:
        """A branch whose bound is above this cannot hold anything better by the gap asked for, or
        anything good enough."""
        return self._below(CLOSED)

    @property
    def settled(self) -> float:
        """The gap is closed if nothing can be below this. It is a hair less than the cutoff, so
        that a branch that was cut off stays so where its bound is reckoned anew."""
        return self._below(DONE)

    def _below(self, share: float) -> float:
        if self.upper > self.enough > -math.inf:
            return self.enough
        if not math.isfinite(self.upper):
            return math.inf
        return self.upper - share * self.within * self.size(self.upper)

    @property
    def done(self) -> bool:
        """Whether the gap is closed, or the question of what is good enough."""
        return self.upper <= self.enough or self.lower >= self.settled

    @property
    def limited(self) -> bool:
        """Whether a limit or the user ended the search."""
        return self.interrupted or self.at_node_limit or time.perf_counter() > self.deadline

    @property
    def distance(self) -> float:
        """How far the bound is from the plan; infinite without one."""
        return self.upper - self.lower

    @property
    def open(self) -> float:
        """The gap of the best plan, as a share; without a plan, as it usually is at first."""
        found = math.isfinite(self.distance)
        return max(0.0, self.distance) / self.size(self.upper) if found else UNKNOWN

    def left(self, objective: float) -> float:
        """What is open of an objective, or would be with the gap asked for."""
        return max(self.open, self.within) * self.size(objective)

    def check(self) -> None:
        """Raise Stopped where a limit is met."""
        if self.interrupted or time.perf_counter() > self.deadline:
            raise Stopped
        if self.teller is not None:
            self.teller.tell(self.best, self.upper, self.lower)

    def enter_node(self) -> None:
        """Count a node of the search; Stopped if no more are allowed."""
        if self.nodes >= self.node_limit:
            self.at_node_limit = True
            raise Stopped
        self.nodes += 1

    def tell(self, always: bool = False) -> None:
        """Report progress now and then."""
        now = time.perf_counter() - self.began
        if not always and now - self._told < 0.25:
            return
        self._told = now
        gap = max(0.0, self.distance) / self.size(self.upper)
        gap = gap if math.isfinite(gap) else math.inf
        line = Progress(now, self.upper, self.lower, gap, self.nodes)
        self.history.append(line)
        if self.on_progress is not None:
            # What goes wrong in showing progress must not cost the plan.
            with contextlib.suppress(Exception):
                self.on_progress(line)

    def raise_lower(self, bound: float) -> None:
        """Take note of a proven bound on all plans."""
        if bound > self.lower:
            self.lower = bound
            self.tell()

    def rule_out(self) -> None:
        """Take note that the rules allow no plan. One of another problem that kept them but for the
        tolerance of the check is none either: a search from nothing would not find it."""
        self.upper, self.best = math.inf, None
        self.raise_lower(math.inf)

    def value(self, x: Floats, appraisal: Appraisal) -> float:
        """The objective of a point, exact for all states."""
        values = self.master.known_costs(x) + appraisal.damages
        return self.appraise.together.objective(values)

    def _lacks(self, x: Floats) -> tuple[dict[int, float], Floats]:
        """What cuts are expected to lack at a solution, by node, and the objective under each set
        of assumptions as they know it, less what it is compared with."""
        claimed, together = self.master.claimed(x), self.appraise.together
        values = self.master.known_costs(x) - together.best
        values += self.appraise.of_sets({v: self._counts[v] * own for v, own in claimed.items()})
        return self.focus.lacks(claimed), values

    @property
    def _counts(self) -> Mapping[int, float]:
        return self.appraise.counts

    def _in_all(self, lacks: Mapping[int, float], values: Floats) -> float:
        """What of the objective is lacking, where so much is lacking by node."""
        if self.appraise.together.adds_up:
            return math.fsum(lacks.values())
        return float((values + self.appraise.of_sets(lacks)).max() - values.max())

    def _worth(self, lacks: Mapping[int, float], values: Floats, leave: float) -> list[int]:
        """The fewest chains such that no more of the objective is lacking in the others: where the
        worst set counts, all may be lacking in a set that stays below it."""
        if self.appraise.together.adds_up:
            return worth_sweeping(lacks, leave)
        found: list[int] = []
        for of_set, room in zip(self.appraise.sets, values.max() + leave - values, strict=True):
            own = {v: lacks[v] for seen in of_set for v in seen.counts if v in lacks}
            found += worth_sweeping(own, float(room))
        return found

    def offer(self, x: Floats, value: float) -> bool:
        """Take a plan, whose integers are whole, if it is the best so far."""
        if value >= self.upper:
            return False
        self.upper, self.best = value, x.copy()
        self.tell(always=True)
        return True

    def solve(self, *, sure: bool = True) -> str:
        """Solve the relaxation of the current branch, with all the rules that wait, and be ``sure``
        if there is no solution."""
        simplex, before = self.master.simplex, -math.inf
        while True:
            self.check()
            if self.master.empty:
                return "infeasible"
            outcome = simplex.solve(sure=sure)
            if outcome == "unbounded":
                raise Unlimited
            if outcome != "optimal":
                return outcome
            x = simplex.values()
            if self.master.call_in(x, FEASIBLE) or self.master.recall(x, RECALLED):
                continue
            # What former sweeps prove here is called in as long as it raises the bound.
            least = KNOWN * self.within
            raised = simplex.objective - before
            before = simplex.objective
            if not self.looks_up or raised < least * self.size(before):
                self.master.let_go()
                return outcome
            known = self.appraise.known(self.master.point(x))
            if not self.master.add(known, x, max(RECALLED, least)):
                self.master.let_go()
                return outcome

    def relax(
        self, accuracy: float, *, cutoff: float = math.inf, rounds: int = 500, stall: float = 0.0
    ) -> tuple[float, Floats | None, float]:
        """Close in on the relaxation of the current branch by cuts; returns its bound (infinite
        where nothing is feasible), the best point that all chains were swept at, and its value.
        Points are swept half way between the master's solution and the point swept before (in-out
        separation: Ben-Ameur and Neto 2007; a centre that always moves on: Neame 1999), in the
        chains that are worth it. It ends when bound and best point are within ``accuracy`` of each
        other, or five rounds have raised the bound by less than ``stall``, both as shares."""
        master, simplex = self.master, self.master.simplex
        inside: Floats | None = None
        centre: Floats | None = None
        upper, lower, bounds = math.inf, -math.inf, list[float]()
        simplex.set_cutoff(cutoff)
        for number in range(rounds):
            outcome = self.solve()
            if outcome == "infeasible":
                return math.inf, None, math.inf
            if outcome == "cutoff":
                return max(lower, cutoff), inside, upper
            lower = max(lower, simplex.objective)
            near = upper < math.inf and lower >= upper - accuracy * self.size(upper)
            if lower >= cutoff or near:
                return lower, inside, upper
            outside = simplex.values()
            enough = accuracy * self.size(lower)
            at, heads = self._next(centre, outside, enough)
            # Where hardly anything can be lacking this is likely to be the last sweep.
            appraisal, added = self._cut(at, heads, outside, STILL, rough=heads is not None)
            sound = at is outside and self.separable and self._found(added, at) <= enough
            if not appraisal.whole if sound else not added and at is not outside:
                at = outside
                appraisal, added = self._cut(at, None, outside, STILL)
            if appraisal.whole and (value := self.value(at, appraisal)) < upper:
                upper, inside = value, at
            centre = at
            bounds.append(lower)
            if not added or (number >= 5 and lower - bounds[-6] < stall * self.size(lower)):
                return lower, inside, upper
            if number % 5 == 4:
                master.grow_older()
            if number % 25 == 24:
                master.purge(10)
        if centre is not None:
            appraisal, _ = self._cut(centre, None, centre, STILL)
            if (value := self.value(centre, appraisal)) < upper:
                upper, inside = value, centre
        return lower, inside, upper

    def _next(
        self, centre: Floats | None, outside: Floats, enough: float
    ) -> tuple[Floats, Collection[int] | None]:
        """Where to sweep next, and which chains, all where None: the master's solution itself at
        first, and all of it when hardly more than enough can be lacking there."""
        if not self.separable:
            return outside if centre is None else 0.5 * (centre + outside), None
        lacks, values = self._lacks(outside)
        total = self._in_all(lacks, values)
        if total <= enough or math.isinf(total):
            return outside, None
        heads = self._worth(lacks, values, UNSWEPT * total)
        return outside if centre is None else 0.5 * (centre + outside), heads

    def _cut(
        self,
        at: Floats,
        heads: Collection[int] | None,
        outside: Floats,
        least: float,
        rough: bool = False,
    ) -> tuple[Appraisal, dict[int, float]]:
        """Sweep a point and add what cuts off the master's solution; by how much, by node."""
        self.check()
        appraisal = self.appraise(self.master.point(at), heads, rough)
        added = self.master.add(appraisal.cuts, outside, least)
        if self.separable:
            self.focus.learn(self.master.claimed(outside), appraisal.by_chain, added)
        return appraisal, added

    def _found(self, added: Mapping[int, float], x: Floats) -> float:
        """What of the objective was lacking at a solution, by what cuts were lacking by node."""
        lacking = {v: self._counts[v] * own for v, own in added.items()}
        return self._in_all(lacking, self._lacks(x)[1])

    def sound(self, x: Floats, leave: float, least: float) -> tuple[float, int]:
        """Sweep the master's solution in the chains that may lack more than ``leave`` together:
        what cuts lacked there, as far as known, and how many joined that it violates by more than
        ``least`` of their side."""
        if not self.separable:
            appraisal, added = self._cut(x, None, x, least)
            return self.value(x, appraisal) - self.master.simplex.objective, len(added)
        lacks, values = self._lacks(x)
        heads = self._worth(lacks, values, leave)
        added = self._cut(x, heads, x, least, rough=True)[1] if heads else {}
        left = {v: own for v, own in lacks.items() if v not in heads}
        for v, own in added.items():
            left[v] = left.get(v, 0.0) + self._counts[v] * own
        return self._in_all(left, values), len(added)
