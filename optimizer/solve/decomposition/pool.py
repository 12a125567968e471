"""One pool of cuts for all problems that share recourse, and how it is kept in a file.

What changes outside recourse (budgets, tickets, share limits, eligibility, terms, state aid,
policy, prices and costs of stocks, recovery, cost_weight) leaves every cut as it stands: a cut is
kept by what it says of arrivals and purchases, so that a column it was not made for gets its
slope. What changes recourse but keeps multipliers feasible (demand, supply, hazards and states,
output, delays, initial stock, limits, new projects) makes every cut anew: a sweep at the point it
came from is exact for the new data, and tight there. What changes the multipliers themselves
drops the pool: its ``key`` is the hash of that.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.files.archive import Bounds, check
from models.files.json_document import parse_json
from models.language import tr
from optimizer.errors import PoolRefused
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.model.together import Places, Together
from optimizer.solve.decomposition.cuts import Appraiser, Cut
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.run import Focus, Known, Run
from optimizer.solve.decomposition.tree import Frontier
from optimizer.solve.sweep import Point, Recourse, Slopes

MOST_CUTS = 2000
MOST_POINTS = 24  # points that are swept again when recourse changes: each costs a sweep
FEW_POINTS = 8  # of these, where leaves of a tree tell as well where to look
MOST_PLANS = 6
MOST_TREES = 4
MOST_ELSEWHERE = 2  # other recourse of which cuts are kept
MOST_KNOWN = 11  # plans, beside the first, that are reckoned anew
TRACE = 1e-9
FORMAT = 3  # of files
MAX_BYTES = 1_000_000_000
BOUNDS = Bounds(parts=2, unpacked=2 * MAX_BYTES, ratio=1000)


@dataclass(frozen=True, eq=False)
class Trial:
    """A point in words that outlive an instance: tonnes and ids."""

    offtake: dict[tuple[str, int, str], float]
    buy_t: dict[tuple[str, int], float]


@dataclass(eq=False)
class CutPool:
    """Cuts and the points they came from."""

    key: str = ""  # the hash of what drops cuts; empty as long as the pool is
    keeps: dict[str, float] = field(default_factory=dict)  # by stockpile, of those cuts hold for
    recourse: str = ""  # the hash of all that recourse depends on
    level: float = 0.0  # of the CVaR that the tail cuts hold for
    cuts: list[Cut] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    plans: list[dict[str, int]] = field(default_factory=list)  # start years, the latest best first
    frontiers: list[Frontier] = field(default_factory=list, repr=False)
    """Of the first tree and the last ones; like what follows these are not written to files."""
    known: list[Known] = field(default_factory=list, repr=False)
    """Plans that were found, the last one first."""
    elsewhere: dict[str, tuple[float, list[Cut]]] = field(default_factory=dict, repr=False)
    """Cuts that hold for other recourse, by its hash, should that come back, and their level."""
    _nothing: tuple[Any, tuple[float, ...]] | None = field(default=None, repr=False)
    focus: Focus | None = field(default=None, repr=False)
    master: Master | None = field(default=None, repr=False)
    """The last one, with its basis; not sent to other processes."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "master": None}

    def lend(self, run: Run) -> str:
        """Give a run what holds for its problem; returns ``as it stands``, ``made anew`` or
        ``dropped``."""
        instance, appraise = run.master.instance, run.appraise
        run.hints = [_places(plan, run.master) for plan in self.plans]
        run.known = [own.there(instance) for own in self.known if _fits(own.plan, instance)]
        key, keeps, data = *_key_of(appraise.together), appraise.content
        changed = any(keeps.get(h, kept) != kept for h, kept in self.keeps.items())
        self.keeps = keeps
        if key != self.key or changed:
            self.key, self.recourse, self.cuts, self.trials = key, data, [], []
            self.frontiers, self.elsewhere, self.focus, self.master = [], {}, None, None
            return "dropped"
        level = appraise.level
        moved = (own.there(run.master.layout, data, level) for own in self.frontiers)
        run.frontiers = [own for own in moved if own is not None]
        if data != self.recourse and data in self.elsewhere:
            aside = self.elsewhere.pop(data)
            self._lay_aside()
            self.level, self.cuts = aside
            self.recourse, self.focus, self.master = data, None, None
        if data == self.recourse:
            hold = [c for c in self.cuts if not c.tail or self.level <= level]
            there: set[int] = set()
            if self.master is not None and len(hold) == len(self.cuts):
                there = run.master.resume(self.master)
            run.master.shelve([c for c in hold if id(c) not in there])
            if self.focus is not None and self.focus.heads == run.focus.heads:
                run.focus = self.focus
            # Cuts of the same recourse say what its former sweeps prove.
            run.looks_up = False
            return "as it stands"
        self._lay_aside()
        self.recourse, self.cuts, self.focus, self.master = data, [], None, None
        for trial in self.trials[: FEW_POINTS if run.frontiers else MOST_POINTS]:
            run.check()
            seen = (own.recourse for own in appraise.parts)
            at = tuple(_point(trial, recourse.instance, recourse) for recourse in seen)
            run.master.shelve(run.appraise(at, rough=True).cuts)
        return "made anew"

    def remember(self, plan: Commitment, instance: Instance) -> None:
        """Take in a plan that a search has found."""
        self.known = [Known(plan, instance.lot_t, {}), *self.known]
        del self.known[MOST_KNOWN:-1]

    def at_hand(self, appraise: Appraiser) -> Iterator[tuple[Commitment, float]]:
        """Plans that a problem has all names of, and their objective, as far as it is known."""
        instance = appraise.together.first
        for own in self.known:
            if own.swept(appraise) and _fits(own.plan, instance):
                there = own.there(instance)
                yield there.plan, there.worth(appraise)

    def without_plan(self, appraise: Appraiser) -> tuple[float, ...]:
        """What recourse adds to the objective under each set if nothing is done, swept again only
        where that may have changed."""
        key = appraise.content, [(seen.weight, seen.level) for seen in appraise.parts]
        if self._nothing is None or self._nothing[0] != key:
            self._nothing = key, appraise(appraise.points(Commitment())).damages
        return self._nothing[1]

    def sent(self) -> CutPool:
        """A copy as another process gets it, so that answers are the same wherever they are
        found."""
        return copy.deepcopy(self)

    def for_problem(self, instance: Instance | Together) -> CutPool:
        """A copy that a problem may start from and add to, and that leaves this one as it is. Where
        the cuts do not hold, not even made anew from their multipliers, the points they came from
        are swept again: a sweep is exact for whatever data it is made with."""
        own = replace(self, keeps=dict(self.keeps), cuts=[*self.cuts])
        own.trials, own.plans, own.known = [*self.trials], [*self.plans], [*self.known]
        own.elsewhere = dict(self.elsewhere)
        own.frontiers, own.focus = [*self.frontiers], copy.deepcopy(self.focus)
        own.turn_to(instance)
        return own

    def turn_to(self, problem: Instance | Together) -> None:
        """Serve another problem, whatever has changed: where cuts do not hold, the points they came
        from are swept again."""
        together = problem if isinstance(problem, Together) else Together((problem,))
        key, keeps = _key_of(together)
        if self.key and (key, keeps) != (self.key, self.keeps):
            self._lay_aside()
            self.key, self.keeps, self.recourse, self.cuts = key, keeps, "", []

    def _lay_aside(self) -> None:
        """Keep cuts for the recourse that they hold for."""
        if self.recourse:
            self.elsewhere[self.recourse] = self.level, self.cuts
        while len(self.elsewhere) > MOST_ELSEWHERE:
            del self.elsewhere[next(iter(self.elsewhere))]

    def keep(self, run: Run) -> None:
        """Take in what a run has found."""
        master = self.master = run.master
        self.focus = run.focus
        if run.left_over is not None and (run.nodes or not run.frontiers):
            self.frontiers = [*self.frontiers[:1], run.left_over, *self.frontiers[1:]]
            del self.frontiers[MOST_TREES:]
        if run.best is not None:
            plan = _starts(run.best, master)
            self.plans = [plan, *(other for other in self.plans if other != plan)][:MOST_PLANS]
        cuts = master.all_cuts()
        instance = master.instance
        level = run.appraise.level
        if any(cut.tail for cut in cuts) or not any(cut.tail for cut in self.cuts):
            kept = [cut for cut in self.cuts if not cut.tail or level == self.level]
            self.level = level
        else:
            kept = self.cuts
        known = {id(cut) for cut in cuts}
        self.cuts = (cuts + [cut for cut in kept if id(cut) not in known])[:MOST_CUTS]
        if len(run.appraise.parts) == 1:  # points of several sets are not swept again
            points = [cut.point for cut in cuts if cut.point is not None]
            points = list({id(point): point for point in points}.values())[:MOST_POINTS]
            recourse = run.appraise.parts[0].recourse
            new = [_trial(point, instance, recourse) for point in points]
            self.trials = (new + self.trials)[:MOST_POINTS]


def _key_of(together: Together) -> tuple[str, dict[str, float]]:
    """What drops cuts when it changes: the key of a pool, and losses of stockpiles."""
    keys = [pool_key(part.instance) for part in together.parts]
    if len(keys) == 1:
        return keys[0], {h: pile.keeps for h, pile in together.first.stockpiles.items()}
    keeps = {
        f"{h}.{k}": pile.keeps
        for k, own in enumerate(together.instances)
        for h, pile in own.stockpiles.items()
    }
    return hashlib.sha256(repr(keys).encode()).hexdigest(), keeps


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


def _fits(plan: Commitment, instance: Instance) -> bool:
    """Whether an instance has all that a plan names."""
    if plan.paths:
        return len(plan.paths) == len(instance.paths) and all(
            _fits(own, replace(instance, paths=())) for own in plan.paths
        )
    supports = {(f, i) for _, f, i in plan.share}
    groups = {group for _, group in plan.offtake}
    return (
        plan.start.keys() <= instance.projects.keys()
        and supports <= instance.instrument.keys()
        and plan.buy.keys() <= instance.stockpiles.keys()
        and all(len(lots) == len(instance.years) for lots in plan.buy.values())
        and groups <= set(instance.groups)
        and {(f, i) for _, _, f, i in plan.floored} <= instance.instrument.keys()
    )


def _starts(x: Floats, master: Master) -> dict[str, int]:
    """Start year of each project that is built, on each path that it may be built on."""
    return {
        name: master.instance.projects[p].starts[int(np.argmax(x[own]))]
        for name, p, own in zip(master.names, master.projects, master.start, strict=True)
        if x[own].max() > 0.5
    }


def _places(plan: dict[str, int], master: Master) -> Places:
    """Places of start years, as far as the instance has them."""
    found = []
    for name, p in zip(master.names, master.projects, strict=True):
        starts, year = master.instance.projects[p].starts, plan.get(name, plan.get(p))
        found.append(starts.index(year) if year in starts else -1)
    return np.array(found, dtype=np.int64)


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
            buy[place[h], year - first] = tonnes / instance.lot_t[instance.stockpiles[h].material]
    return Point(offtake, buy)


def write_pool(pool: CutPool) -> bytes:
    """A pool as the content of a file."""
    parts: list[np.ndarray[Any, Any]] = []
    cuts = []
    for cut in pool.cuts:
        nodes = []
        for v, slopes in cut.slopes.items():
            nodes.append([v, list(slopes.output.shape), list(slopes.purchases.shape)])
            parts += [slopes.constant, slopes.output.ravel(), slopes.purchases.ravel()]
        cuts.append([cut.tail, nodes])
    trials = [
        [[[*key, x] for key, x in own.items()] for own in (trial.offtake, trial.buy_t)]
        for trial in pool.trials
    ]
    told = {name: getattr(pool, name) for name in ("key", "keeps", "recourse", "level", "plans")}
    header = {"format": FORMAT, **told, "cuts": cuts, "trials": trials}
    content = io.BytesIO()
    np.savez_compressed(
        content,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        numbers=np.concatenate(parts) if parts else np.zeros(0),
    )
    return content.getvalue()


def read_pool(content: bytes, name: str) -> CutPool:
    """The pool in the content of a file; PoolRefused if it is none, or one of another format."""
    try:
        check(content, BOUNDS)  # numpy makes room for what an array states, not for what it holds
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            header = parse_json(_array(packed.read("header.npy"), np.uint8).tobytes())
            numbers = _array(packed.read("numbers.npy"), np.float64)
        if header["format"] != FORMAT:
            raise PoolRefused(
                tr(
                    "'{file}' is a pool of cuts of format {format}, not {known}",
                    file=name,
                    format=header["format"],
                    known=FORMAT,
                )
            )
        return _pool(header, numbers)
    except PoolRefused:
        raise
    except Exception as error:  # a damaged file can fail in any of zip, numpy, JSON and here
        raise PoolRefused(
            tr("'{file}' is not a pool of cuts, or damaged; remove it", file=name)
        ) from error


def _array(content: bytes, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """A flat array in the format NPY, made of the bytes that are there and of nothing else."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    shape, _, stated = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or stated != np.dtype(dtype) or len(shape) != 1:
        raise ValueError("array")
    array = np.frombuffer(content, dtype, offset=file.tell())
    if array.shape != shape:
        raise ValueError("length")
    return array


def _pool(header: dict[str, Any], numbers: np.ndarray[Any, Any]) -> CutPool:
    at = 0

    def take(shape: list[int]) -> np.ndarray[Any, Any]:
        nonlocal at
        size = int(np.prod(shape))
        part = numbers[at : at + size].reshape(shape)
        at += size
        return part

    if numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        raise ValueError("numbers")
    cuts = []
    for tail, nodes in header["cuts"]:
        slopes = {
            int(v): Slopes(take([1]), take(output), take(purchases))
            for v, output, purchases in nodes
        }
        cuts.append(Cut(slopes, tail=bool(tail)))
    trials = [
        Trial(
            {(p, int(start), g): float(x) for p, start, g, x in offtake},
            {(h, int(year)): float(x) for h, year, x in buy},
        )
        for offtake, buy in header["trials"]
    ]
    if at != len(numbers):
        raise ValueError("length")
    return CutPool(
        key=str(header["key"]),
        keeps={str(h): float(x) for h, x in header["keeps"].items()},
        recourse=str(header["recourse"]),
        level=float(header["level"]),
        cuts=cuts,
        trials=trials,
        plans=[{str(p): int(year) for p, year in plan.items()} for plan in header["plans"]],
    )
