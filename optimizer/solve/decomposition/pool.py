"""One pool of cuts for all problems that share recourse.

What changes outside recourse (budgets, tickets, share limits, eligibility, terms, state aid,
policy, prices and costs of stocks, recovery, cost_weight) leaves every cut as it stands: a cut is
kept by what it says of arrivals and purchases, so that a column it was not made for gets its
slope. What changes recourse but keeps multipliers feasible (demand, supply, hazards and states,
output, delays, initial stock, limits, new projects) makes every cut anew: a sweep at the point it
came from is exact for the new data, and tight there. What changes the multipliers themselves
drops the pool: its ``key`` is the hash of that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.master import Master, Places
from optimizer.solve.decomposition.run import Run
from optimizer.solve.sweep import Point, Recourse

MOST_CUTS = 2000
MOST_POINTS = 24
"""Points that are swept again when recourse changes: each costs a sweep."""
MOST_PLANS = 6
TRACE = 1e-9


@dataclass(frozen=True, eq=False)
class Trial:
    """A point in words that outlive an instance: tonnes and ids."""

    offtake: dict[tuple[str, int, str], float]
    buy_t: dict[tuple[str, int], float]


@dataclass(eq=False)
class CutPool:
    """Cuts and the points they came from.

    ``key`` and ``recourse`` are hashes, empty as long as the pool is: of what drops cuts, and of
    all that recourse depends on. ``level`` is that of the CVaR its tail cuts hold for.
    """

    key: str = ""
    keeps: dict[str, float] = field(default_factory=dict)
    """What each stockpile keeps of a lot over a period: of those that stay it must stay."""
    recourse: str = ""
    level: float = 0.0
    cuts: list[Cut] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    plans: list[dict[str, int]] = field(default_factory=list)
    """Start years of the best plans found, the latest first: a place to begin elsewhere."""

    def lend(self, run: Run) -> str:
        """Give a run what holds for its problem; returns ``as it stands``, ``made anew`` or
        ``dropped``."""
        instance, recourse = run.master.instance, run.appraise.recourse
        run.hints = [_places(plan, run.master) for plan in self.plans]
        key, data = pool_key(instance), recourse_hash(recourse, len(run.appraise.groups))
        keeps = {h: pile.keeps for h, pile in instance.stockpiles.items()}
        changed = any(keeps.get(h, kept) != kept for h, kept in self.keeps.items())
        self.keeps = keeps
        if key != self.key or changed:
            self.key, self.recourse, self.cuts, self.trials = key, data, [], []
            return "dropped"
        if data == self.recourse:
            level = float(instance.case.objective.cvar.level)
            run.master.shelve([c for c in self.cuts if not c.tail or self.level <= level])
            return "as it stands"
        self.recourse, self.cuts = data, []
        for trial in self.trials:
            run.check()
            run.master.shelve(run.appraise(_point(trial, instance, recourse)).cuts)
        return "made anew"

    def for_problem(self, instance: Instance) -> CutPool:
        """A copy that a problem may start from and add to, and that leaves this one as it is.

        Where the cuts do not hold, not even made anew from their multipliers, the points they came
        from are swept again: a sweep is exact for whatever data it is made with.
        """
        own = CutPool(
            self.key,
            dict(self.keeps),
            self.recourse,
            self.level,
            list(self.cuts),
            list(self.trials),
            list(self.plans),
        )
        key = pool_key(instance)
        if self.key and key != self.key:
            own.key, own.recourse, own.cuts = key, "", []
        return own

    def keep(self, run: Run) -> None:
        """Take in what a run has found."""
        master = run.master
        if run.best is not None:
            plan = _starts(run.best, master)
            self.plans = [plan, *(other for other in self.plans if other != plan)][:MOST_PLANS]
        cuts = master.all_cuts()
        instance = master.instance
        level = float(instance.case.objective.cvar.level)
        if any(cut.tail for cut in cuts) or not any(cut.tail for cut in self.cuts):
            kept = [cut for cut in self.cuts if not cut.tail or level == self.level]
            self.level = level
        else:
            kept = self.cuts
        known = {id(cut) for cut in cuts}
        self.cuts = (cuts + [cut for cut in kept if id(cut) not in known])[:MOST_CUTS]
        points = [cut.point for cut in cuts if cut.point is not None]
        points = list({id(point): point for point in points}.values())[:MOST_POINTS]
        new = [_trial(point, instance, run.appraise.recourse) for point in points]
        self.trials = (new + self.trials)[:MOST_POINTS]


def pool_key(instance: Instance) -> str:
    """SHA-256 of what drops cuts when it changes; losses of stockpiles are compared one by one."""
    case, years = instance.case, instance.years
    measure = case.objective.measure
    content: dict[str, Any] = {
        "measure": measure,
        "allocation": case.objective.allocation,
        "years": [years[0], years[-1]],
        "periods": instance.per_year,
        "nodes": [node.label for node in instance.nodes],
    }
    if measure == "damage":
        content["discount"] = float(case.horizon.discount_rate)
        content["eur_per_t"] = [
            [entry.material, entry.consumer, [float(step.eur_per_t) for step in entry.steps]]
            for entry in case.damage
        ]
    elif measure == "share_of_demand":
        content["demand"] = {
            m: (lots * instance.lot_t[m]).tolist() for m, lots in instance.material_demand.items()
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def recourse_hash(recourse: Recourse, groups: int) -> str:
    """SHA-256 of all that recourse and its groups of states depend on: where it is equal, cuts hold
    as they stand."""
    digest = hashlib.sha256(repr((groups, recourse.columns.offtake)).encode())
    digest.update(repr((recourse.columns.stockpiles, recourse.delays)).encode())
    digest.update(recourse.probability.tobytes())
    for looks in recourse.looks:
        digest.update(repr((looks.material, looks.nodes, looks.projects)).encode())
        for array in (looks.of_state, looks.supply, looks.pattern, looks.delay, looks.available):
            digest.update(np.ascontiguousarray(array).tobytes())
    for node in recourse.nodes.values():
        digest.update(repr((node.node.label, node.members)).encode())
        arriving = node.arriving
        own: tuple[NDArray[Any], ...] = (
            node.demand, node.part, node.limit, node.weight, node.piles, node.share, node.keeps,
            node.initial, node.most, node.plate, arriving.indptr, arriving.indices, arriving.data,
        )  # fmt: skip
        for array in own:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _starts(x: Floats, master: Master) -> dict[str, int]:
    """Start year of each project that is built."""
    return {
        p: master.instance.projects[p].starts[int(np.argmax(x[own]))]
        for p, own in zip(master.projects, master.start, strict=True)
        if x[own].max() > 0.5
    }


def _places(plan: dict[str, int], master: Master) -> Places:
    """Places of start years, as far as the instance has them."""
    starts = {p: master.instance.projects[p].starts for p in master.projects}
    return np.array(
        [starts[p].index(plan[p]) if plan.get(p) in starts[p] else -1 for p in master.projects],
        dtype=np.int64,
    )


def _trial(point: Point, instance: Instance, recourse: Recourse) -> Trial:
    columns = recourse.columns
    lots = {h: instance.lot_t[pile.material] for h, pile in instance.stockpiles.items()}
    return Trial(
        {
            columns.offtake[c]: float(point.offtake[c])
            for c in np.flatnonzero(point.offtake > TRACE)
        },
        {
            (h, year): float(point.buy[n, y] * lots[h])
            for n, h in enumerate(columns.stockpiles)
            for y, year in enumerate(instance.years)
            if point.buy[n, y] > TRACE
        },
    )


def _point(trial: Trial, instance: Instance, recourse: Recourse) -> Point:
    """The point in an instance, as far as the instance knows its ids."""
    columns, first = recourse.columns, instance.years[0]
    offtake, buy = (
        np.zeros(len(columns.offtake)),
        np.zeros((len(columns.stockpiles), columns.years)),
    )
    for key, share in trial.offtake.items():
        if key in columns.place:
            offtake[columns.place[key]] = share
    place = {h: n for n, h in enumerate(columns.stockpiles)}
    for (h, year), tonnes in trial.buy_t.items():
        if h in place and year in instance.years:
            lot = instance.lot_t[instance.stockpiles[h].material]
            buy[place[h], year - first] = tonnes / lot
    return Point(offtake, buy)
