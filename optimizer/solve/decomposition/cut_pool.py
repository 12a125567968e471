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

from models.files.archive import ArchiveLimits, check_archive
from models.files.result_json import parse_json
from models.language import tr
from optimizer.errors import InvalidCutPool
from optimizer.model.assumption_sets import AssumptionSets, Integers
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Cut, CutOracle
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.search_run import ChainSelector, KnownPlan, SearchRun
from optimizer.solve.decomposition.search_tree import SearchFrontier
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, Subgradient

MAX_CUTS = 2000
MAX_POINTS = 24  # points that are swept again when recourse changes: each costs a sweep
MAX_POINTS_WITH_TREE = 8  # of these, where leaves of a tree tell as well where to look
MAX_START_PLANS = 6
MAX_TREES = 4
MAX_OTHER_RECOURSES = 2  # other recourse of which cuts are kept
MAX_KNOWN_PLANS = 11  # plans, beside the first, that are reckoned anew
MIN_QUANTITY = 1e-9
POOL_FORMAT = 3  # of files
MAX_POOL_BYTES = 1_000_000_000
ARCHIVE_BOUNDS = ArchiveLimits(max_parts=2, max_unpacked=2 * MAX_POOL_BYTES, max_ratio=1000)


@dataclass(frozen=True, eq=False)
class PortablePoint:
    """A point in words that outlive an instance: tonnes and ids."""

    offtake: dict[tuple[str, int, str], float]
    buy_t: dict[tuple[str, int], float]


@dataclass(eq=False)
class CutPool:
    """Cuts and the points they came from."""

    key: str = ""  # the hash of what drops cuts; empty as long as the pool is
    keeps: dict[str, float] = field(default_factory=dict)  # by stockpile, of those cuts hold for
    recourse_hash: str = ""  # the hash of all that recourse depends on
    cvar_level: float = 0.0  # of the CVaR that the tail cuts hold for
    cuts: list[Cut] = field(default_factory=list)
    portable_points: list[PortablePoint] = field(default_factory=list)
    start_plans: list[dict[str, int]] = field(
        default_factory=list
    )  # start years, the latest best first
    frontiers: list[SearchFrontier] = field(default_factory=list, repr=False)
    """Of the first tree and the last ones; like what follows these are not written to files."""
    known_plans: list[KnownPlan] = field(default_factory=list, repr=False)
    """Plans that were found, the last one first."""
    other_recourse_cuts: dict[str, tuple[float, list[Cut]]] = field(
        default_factory=dict, repr=False
    )
    """Cuts that hold for other recourse, by its hash, should that come back, and their level."""
    _costs_without_plan: tuple[Any, tuple[float, ...]] | None = field(default=None, repr=False)
    chain_selector: ChainSelector | None = field(default=None, repr=False)
    master: Master | None = field(default=None, repr=False)
    """The last one, with its basis; not sent to other processes."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "master": None}

    def lend_to(self, run: SearchRun) -> str:
        """Give a run what holds for its problem; returns ``as it stands``, ``made anew`` or
        ``dropped``."""
        instance, appraise = run.master.instance, run.cut_oracle
        run.start_hints = [_start_indices(plan, run.master) for plan in self.start_plans]
        run.known_plans = [
            own.transferred_to(instance)
            for own in self.known_plans
            if _plan_fits(own.plan, instance)
        ]
        key, keeps, data = *_pool_key_and_keeps(appraise.assumption_sets), appraise.recourse_hash
        changed = any(keeps.get(h, kept) != kept for h, kept in self.keeps.items())
        self.keeps = keeps
        if key != self.key or changed:
            self.key, self.recourse_hash, self.cuts, self.portable_points = key, data, [], []
            self.frontiers, self.other_recourse_cuts, self.chain_selector, self.master = (
                [],
                {},
                None,
                None,
            )
            return "dropped"
        level = appraise.cvar_level
        moved = (own.transferred_to(run.master.layout, data, level) for own in self.frontiers)
        run.earlier_frontiers = [own for own in moved if own is not None]
        if data != self.recourse_hash and data in self.other_recourse_cuts:
            aside = self.other_recourse_cuts.pop(data)
            self._store_current_cuts()
            self.cvar_level, self.cuts = aside
            self.recourse_hash, self.chain_selector, self.master = data, None, None
        if data == self.recourse_hash:
            hold = [c for c in self.cuts if not c.is_tail or self.cvar_level <= level]
            there: set[int] = set()
            if self.master is not None and len(hold) == len(self.cuts):
                there = run.master.resume_from(self.master)
            run.master.deactivate_cuts([c for c in hold if id(c) not in there])
            if (
                self.chain_selector is not None
                and self.chain_selector.chain_ids == run.chain_selector.chain_ids
            ):
                run.chain_selector = self.chain_selector
            # Cuts of the same recourse say what its former sweeps prove.
            run.uses_cached_cuts = False
            return "as it stands"
        self._store_current_cuts()
        self.recourse_hash, self.cuts, self.chain_selector, self.master = data, [], None, None
        for trial in self.portable_points[
            : MAX_POINTS_WITH_TREE if run.earlier_frontiers else MAX_POINTS
        ]:
            run.check_limits()
            seen = (own.recourse for own in appraise.part_oracles)
            at = tuple(_to_recourse_point(trial, recourse.instance, recourse) for recourse in seen)
            run.master.deactivate_cuts(run.cut_oracle(at, approximate=True).cuts)
        return "made anew"

    def remember_plan(self, plan: Commitment, instance: Instance) -> None:
        """Take in a plan that a search has found."""
        self.known_plans = [KnownPlan(plan, instance.lot_tonnes, {}), *self.known_plans]
        del self.known_plans[MAX_KNOWN_PLANS:-1]

    def candidates(self, cut_oracle: CutOracle) -> Iterator[tuple[Commitment, float]]:
        """Plans that a problem has all names of, and their objective, as far as it is known."""
        instance = cut_oracle.assumption_sets.first_instance
        for own in self.known_plans:
            if own.is_evaluated(cut_oracle) and _plan_fits(own.plan, instance):
                there = own.transferred_to(instance)
                yield there.plan, there.objective(cut_oracle)

    def costs_without_plan(self, cut_oracle: CutOracle) -> tuple[float, ...]:
        """What recourse adds to the objective under each set if nothing is done, swept again only
        where that may have changed."""
        key = (
            cut_oracle.recourse_hash,
            [(seen.tail_weight, seen.cvar_level) for seen in cut_oracle.part_oracles],
        )
        if self._costs_without_plan is None or self._costs_without_plan[0] != key:
            self._costs_without_plan = (
                key,
                cut_oracle(cut_oracle.recourse_points(Commitment())).recourse_costs,
            )
        return self._costs_without_plan[1]

    def copy_for_process(self) -> CutPool:
        """A copy as another process gets it, so that answers are the same wherever they are
        found."""
        return copy.deepcopy(self)

    def copy_for_problem(self, instance: Instance | AssumptionSets) -> CutPool:
        """A copy that a problem may start from and add to, and that leaves this one as it is. Where
        the cuts do not hold, not even made anew from their multipliers, the points they came from
        are swept again: a sweep is exact for whatever data it is made with."""
        own = replace(self, keeps=dict(self.keeps), cuts=[*self.cuts])
        own.portable_points, own.start_plans, own.known_plans = (
            [*self.portable_points],
            [*self.start_plans],
            [*self.known_plans],
        )
        own.other_recourse_cuts = dict(self.other_recourse_cuts)
        own.frontiers, own.chain_selector = [*self.frontiers], copy.deepcopy(self.chain_selector)
        own.rebase(instance)
        return own

    def rebase(self, problem: Instance | AssumptionSets) -> None:
        """Serve another problem, whatever has changed: where cuts do not hold, the points they came
        from are swept again."""
        together = problem if isinstance(problem, AssumptionSets) else AssumptionSets((problem,))
        key, keeps = _pool_key_and_keeps(together)
        if self.key and (key, keeps) != (self.key, self.keeps):
            self._store_current_cuts()
            self.key, self.keeps, self.recourse_hash, self.cuts = key, keeps, "", []

    def _store_current_cuts(self) -> None:
        """Keep cuts for the recourse that they hold for."""
        if self.recourse_hash:
            self.other_recourse_cuts[self.recourse_hash] = self.cvar_level, self.cuts
        while len(self.other_recourse_cuts) > MAX_OTHER_RECOURSES:
            del self.other_recourse_cuts[next(iter(self.other_recourse_cuts))]

    def store_results_of(self, run: SearchRun) -> None:
        """Take in what a run has found."""
        master = self.master = run.master
        self.chain_selector = run.chain_selector
        if run.final_frontier is not None and (run.node_count or not run.earlier_frontiers):
            self.frontiers = [*self.frontiers[:1], run.final_frontier, *self.frontiers[1:]]
            del self.frontiers[MAX_TREES:]
        if run.best_solution is not None:
            plan = _start_years(run.best_solution, master)
            self.start_plans = [plan, *(other for other in self.start_plans if other != plan)][
                :MAX_START_PLANS
            ]
        cuts = master.all_cuts()
        instance = master.instance
        level = run.cut_oracle.cvar_level
        if any(cut.is_tail for cut in cuts) or not any(cut.is_tail for cut in self.cuts):
            kept = [cut for cut in self.cuts if not cut.is_tail or level == self.cvar_level]
            self.cvar_level = level
        else:
            kept = self.cuts
        known = {id(cut) for cut in cuts}
        self.cuts = (cuts + [cut for cut in kept if id(cut) not in known])[:MAX_CUTS]
        if len(run.cut_oracle.part_oracles) == 1:  # points of several sets are not swept again
            points = [cut.point for cut in cuts if cut.point is not None]
            points = list({id(point): point for point in points}.values())[:MAX_POINTS]
            recourse = run.cut_oracle.part_oracles[0].recourse
            new = [_to_portable_point(point, instance, recourse) for point in points]
            self.portable_points = (new + self.portable_points)[:MAX_POINTS]


def _pool_key_and_keeps(assumption_sets: AssumptionSets) -> tuple[str, dict[str, float]]:
    """What drops cuts when it changes: the key of a pool, and losses of stockpiles."""
    keys = [pool_key(part.instance) for part in assumption_sets.blocks]
    if len(keys) == 1:
        return keys[0], {
            h: pile.retention for h, pile in assumption_sets.first_instance.stockpiles.items()
        }
    keeps = {
        f"{h}.{k}": pile.retention
        for k, own in enumerate(assumption_sets.instances)
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
        "periods": instance.periods_per_year,
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
            m: (lots * instance.lot_tonnes[m]).tolist()
            for m, lots in instance.material_demand.items()
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _plan_fits(plan: Commitment, instance: Instance) -> bool:
    """Whether an instance has all that a plan names."""
    if plan.branches:
        return len(plan.branches) == len(instance.branches) and all(
            _plan_fits(own, replace(instance, branches=())) for own in plan.branches
        )
    supports = {(f, i) for _, f, i in plan.share}
    groups = {group for _, group in plan.offtake}
    return (
        plan.start.keys() <= instance.projects.keys()
        and supports <= instance.instrument_by_key.keys()
        and plan.buy.keys() <= instance.stockpiles.keys()
        and all(len(lots) == len(instance.years) for lots in plan.buy.values())
        and groups <= set(instance.offtake_groups)
        and {(f, i) for _, _, f, i in plan.floored} <= instance.instrument_by_key.keys()
    )


def _start_years(x: Floats, master: Master) -> dict[str, int]:
    """Start year of each project that is built, on each path that it may be built on."""
    return {
        name: master.instance.projects[p].start_years[int(np.argmax(x[own]))]
        for name, p, own in zip(
            master.project_labels, master.projects, master.start_columns, strict=True
        )
        if x[own].max() > 0.5
    }


def _start_indices(start_years: dict[str, int], master: Master) -> Integers:
    """Places of start years, as far as the instance has them."""
    found = []
    for name, p in zip(master.project_labels, master.projects, strict=True):
        starts, year = (
            master.instance.projects[p].start_years,
            start_years.get(name, start_years.get(p)),
        )
        found.append(starts.index(year) if year in starts else -1)
    return np.array(found, dtype=np.int64)


def _to_portable_point(
    point: FirstStagePoint, instance: Instance, recourse: RecourseEvaluator
) -> PortablePoint:
    columns = recourse.columns
    lots = {h: instance.lot_tonnes[pile.material] for h, pile in instance.stockpiles.items()}
    return PortablePoint(
        {
            columns.offtake_columns[c]: float(point.offtake[c])
            for c in np.flatnonzero(point.offtake > MIN_QUANTITY)
        },
        {
            (h, year): float(point.buy[n, y] * lots[h])
            for n, h in enumerate(columns.stockpiles)
            for y, year in enumerate(instance.years)
            if point.buy[n, y] > MIN_QUANTITY
        },
    )


def _to_recourse_point(
    portable: PortablePoint, instance: Instance, recourse: RecourseEvaluator
) -> FirstStagePoint:
    """The point in an instance, as far as the instance knows its ids."""
    columns, first = recourse.columns, instance.years[0]
    offtake, buy = (
        np.zeros(len(columns.offtake_columns)),
        np.zeros((len(columns.stockpiles), columns.year_count)),
    )
    for key, share in portable.offtake.items():
        if key in columns.column_index:
            offtake[columns.column_index[key]] = share
    place = {h: n for n, h in enumerate(columns.stockpiles)}
    for (h, year), tonnes in portable.buy_t.items():
        if h in place and year in instance.years:
            buy[place[h], year - first] = (
                tonnes / instance.lot_tonnes[instance.stockpiles[h].material]
            )
    return FirstStagePoint(offtake, buy)


def write_pool(pool: CutPool) -> bytes:
    """A pool as the content of a file."""
    parts: list[np.ndarray[Any, Any]] = []
    cuts = []
    for cut in pool.cuts:
        nodes = []
        for v, slopes in cut.subgradients.items():
            nodes.append([v, list(slopes.output_value.shape), list(slopes.purchase_value.shape)])
            parts += [slopes.constant, slopes.output_value.ravel(), slopes.purchase_value.ravel()]
        cuts.append([cut.is_tail, nodes])
    trials = [
        [[[*key, x] for key, x in own.items()] for own in (trial.offtake, trial.buy_t)]
        for trial in pool.portable_points
    ]
    header = {
        "format": POOL_FORMAT,
        "key": pool.key,
        "keeps": pool.keeps,
        "recourse": pool.recourse_hash,
        "level": pool.cvar_level,
        "plans": pool.start_plans,
        "cuts": cuts,
        "trials": trials,
    }
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
        check_archive(
            content, ARCHIVE_BOUNDS
        )  # numpy makes room for what an array states, not for what it holds
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            header = parse_json(_read_flat_array(packed.read("header.npy"), np.uint8).tobytes())
            numbers = _read_flat_array(packed.read("numbers.npy"), np.float64)
        if header["format"] != POOL_FORMAT:
            raise InvalidCutPool(
                tr(
                    "'{file}' is a pool of cuts of format {format}, not {known}",
                    file=name,
                    format=header["format"],
                    known=POOL_FORMAT,
                )
            )
        return _build_pool(header, numbers)
    except InvalidCutPool:
        raise
    except Exception as error:  # a damaged file can fail in any of zip, numpy, JSON and here
        raise InvalidCutPool(
            tr("'{file}' is not a pool of cuts, or damaged; remove it", file=name)
        ) from error


def _read_flat_array(content: bytes, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
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


def _build_pool(header: dict[str, Any], numbers: np.ndarray[Any, Any]) -> CutPool:
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
            int(v): Subgradient(take([1]), take(output), take(purchases))
            for v, output, purchases in nodes
        }
        cuts.append(Cut(slopes, is_tail=bool(tail)))
    trials = [
        PortablePoint(
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
        recourse_hash=str(header["recourse"]),
        cvar_level=float(header["level"]),
        cuts=cuts,
        portable_points=trials,
        start_plans=[{str(p): int(year) for p, year in plan.items()} for plan in header["plans"]],
    )
