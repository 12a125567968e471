"""Pool of cuts for problems that share recourse, and its files.

Cuts stay valid if a change does not affect recourse (budgets, tickets, share limits, eligibility,
terms, state aid, policy, prices and costs of stocks, recovery, cost_weight). They are stored as
functions of arrivals and purchases, so that they also have coefficients for new columns. If a
change affects recourse but keeps dual multipliers feasible (demand, supply, hazards and states,
output, delays, initial stock, limits, new projects), new cuts are computed at the points that the
old ones came from. If a change affects the feasibility of the multipliers, the pool is emptied; its
``key`` is the hash of the data concerned.
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

from models.files.result_json import ArchiveLimits, check_archive, parse_json
from optimizer.errors import InvalidCutPool
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree, Integers
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import ChainSelector, Cut, CutOracle, KnownPlan
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.decomposition.search_tree import SearchFrontier
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, Subgradient

MAX_CUTS = 2000
MAX_POINTS = 24  # points that are evaluated again when recourse changes
MAX_POINTS_WITH_TREE = 8  # such points if an earlier tree is available as well
MAX_START_PLANS = 6
MAX_TREES = 4
MAX_OTHER_RECOURSES = 2  # number of other recourse problems whose cuts are kept
MAX_KNOWN_PLANS = 11  # latest plans kept besides the first one found
MIN_QUANTITY = 1e-9  # smaller shares and lots count as 0


@dataclass(frozen=True, eq=False)
class PortablePoint:
    """First-stage point in tonnes and by ids, so that it can be used with any instance."""

    offtake: dict[tuple[str, int, str], float]
    buy_t: dict[tuple[str, int], float]


@dataclass(eq=False)
class CutPool:
    """Cuts, the points at which they were computed, and the plans and search trees of earlier
    problems."""

    key: str = ""  # hash of the data whose change empties the pool; empty before first use
    # Retention of each stockpile with which the cuts were computed.
    retention_by_stockpile: dict[str, float] = field(default_factory=dict)
    recourse_hash: str = ""  # hash of everything that recourse depends on
    cvar_level: float = 0.0  # CVaR level of the cuts on the CVaR
    cuts: list[Cut] = field(default_factory=list)
    portable_points: list[PortablePoint] = field(default_factory=list)
    # Start years of best plans, the latest first.
    start_plans: list[dict[str, int]] = field(default_factory=list)
    frontiers: list[SearchFrontier] = field(default_factory=list, repr=False)
    """Leaves of the first tree and of the latest ones. This and the following fields are not
    written to files."""
    known_plans: list[KnownPlan] = field(default_factory=list, repr=False)
    """Plans found, the latest first."""
    other_recourse_cuts: dict[str, tuple[float, list[Cut]]] = field(
        default_factory=dict, repr=False
    )
    """CVaR level and cuts for other recourse problems, by hash, in case they return."""
    _costs_without_plan: tuple[Any, tuple[float, ...]] | None = field(default=None, repr=False)
    chain_selector: ChainSelector | None = field(default=None, repr=False)
    master: Master | None = field(default=None, repr=False)
    """The latest master with its basis; not sent to other processes."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "master": None}

    def pass_to(self, run: SearchRun) -> str:
        """Pass to a run all cuts, plans and trees that are valid for its problem.

        Return ``as it stands`` if the cuts are reused, ``rebuilt`` if new cuts were computed at the
        stored points, or ``dropped`` if the pool was emptied.
        """
        instance, cut_oracle = run.master.instance, run.cut_oracle
        run.start_hints = [_start_indices(plan, run.master) for plan in self.start_plans]
        run.known_plans = [
            known_plan.transferred_to(instance)
            for known_plan in self.known_plans
            if _plan_fits(known_plan.plan, instance)
        ]
        key, retention_by_stockpile, recourse_hash = (
            *_pool_key_and_retentions(cut_oracle.tree),
            cut_oracle.recourse_hash,
        )
        retention_changed = any(
            retention_by_stockpile.get(h, retention) != retention
            for h, retention in self.retention_by_stockpile.items()
        )
        self.retention_by_stockpile = retention_by_stockpile
        if key != self.key or retention_changed:
            self.key = key
            self.recourse_hash = recourse_hash
            self.cuts = []
            self.portable_points = []
            self.frontiers = []
            self.other_recourse_cuts = {}
            self.chain_selector = None
            self.master = None
            return "dropped"
        cvar_level = cut_oracle.cvar_level
        transferred = (
            tree.transferred_to(run.master.layout, recourse_hash, cvar_level)
            for tree in self.frontiers
        )
        run.earlier_frontiers = [tree for tree in transferred if tree is not None]
        if recourse_hash != self.recourse_hash and recourse_hash in self.other_recourse_cuts:
            level_and_cuts = self.other_recourse_cuts.pop(recourse_hash)
            self._store_current_cuts()
            self.cvar_level, self.cuts = level_and_cuts
            self.recourse_hash, self.chain_selector, self.master = recourse_hash, None, None
        if recourse_hash == self.recourse_hash:
            valid_cuts = [c for c in self.cuts if not c.is_tail or self.cvar_level <= cvar_level]
            active_ids: set[int] = set()
            if self.master is not None and len(valid_cuts) == len(self.cuts):
                active_ids = run.master.resume_from(self.master)
            run.master.deactivate_cuts([c for c in valid_cuts if id(c) not in active_ids])
            if (
                self.chain_selector is not None
                and self.chain_selector.chain_ids == run.chain_selector.chain_ids
            ):
                run.chain_selector = self.chain_selector
            # The pool's cuts contain what cached evaluations would prove.
            run.uses_cached_cuts = False
            return "as it stands"
        self._store_current_cuts()
        self.recourse_hash = recourse_hash
        self.cuts = []
        self.chain_selector = None
        self.master = None
        for portable in self.portable_points[
            : MAX_POINTS_WITH_TREE if run.earlier_frontiers else MAX_POINTS
        ]:
            run.check_limits()
            recourses = (oracle.recourse for oracle in cut_oracle.part_oracles)
            points = tuple(
                _to_recourse_point(portable, recourse.instance, recourse) for recourse in recourses
            )
            run.master.deactivate_cuts(run.cut_oracle(points, approximate=True).cuts)
        return "rebuilt"

    def remember_plan(self, plan: Commitment, instance: Instance) -> None:
        """Add a plan that a search has found to the known plans."""
        self.known_plans = [KnownPlan(plan, instance.lot_tonnes, {}), *self.known_plans]
        del self.known_plans[MAX_KNOWN_PLANS:-1]

    def candidates(self, cut_oracle: CutOracle) -> Iterator[tuple[Commitment, float]]:
        """Yield known plans, each with its objective in the problem of ``cut_oracle``.

        Plans are included only if the problem has all their ids and their objective is known.
        """
        instance = cut_oracle.tree.first_instance
        for known_plan in self.known_plans:
            if known_plan.is_evaluated(cut_oracle) and _plan_fits(known_plan.plan, instance):
                transferred = known_plan.transferred_to(instance)
                yield transferred.plan, transferred.objective(cut_oracle)

    def costs_without_plan(self, cut_oracle: CutOracle) -> tuple[float, ...]:
        """Return the recourse cost without a plan under each assumption set. It is evaluated only
        if it is unknown."""
        key = (
            cut_oracle.recourse_hash,
            [(oracle.tail_weight, oracle.cvar_level) for oracle in cut_oracle.part_oracles],
        )
        if self._costs_without_plan is None or self._costs_without_plan[0] != key:
            self._costs_without_plan = (
                key,
                cut_oracle(cut_oracle.recourse_points(Commitment())).recourse_costs,
            )
        return self._costs_without_plan[1]

    def copy_for_process(self) -> CutPool:
        """Return a complete copy for another process, so that results do not depend on which
        process solves a problem."""
        return copy.deepcopy(self)

    def copy_for_problem(self, instance: Instance | DecisionTree) -> CutPool:
        """Return a copy from which the solve of a problem can start and to which it can add, while
        this pool is unchanged."""
        pool = replace(
            self, retention_by_stockpile=dict(self.retention_by_stockpile), cuts=[*self.cuts]
        )
        pool.portable_points = [*self.portable_points]
        pool.start_plans = [*self.start_plans]
        pool.known_plans = [*self.known_plans]
        pool.other_recourse_cuts = dict(self.other_recourse_cuts)
        pool.frontiers, pool.chain_selector = [*self.frontiers], copy.deepcopy(self.chain_selector)
        pool.rebase(instance)
        return pool

    def rebase(self, problem: Instance | DecisionTree) -> None:
        """Adapt the pool to another problem: keep points and plans, and set cuts aside that are not
        valid there.

        New cuts can be computed at the points for any data, since the recourse evaluation is exact.
        """
        tree = DecisionTree.of(problem)
        key, retention_by_stockpile = _pool_key_and_retentions(tree)
        if self.key and (key, retention_by_stockpile) != (self.key, self.retention_by_stockpile):
            self._store_current_cuts()
            self.key = key
            self.retention_by_stockpile = retention_by_stockpile
            self.recourse_hash = ""
            self.cuts = []

    def _store_current_cuts(self) -> None:
        """Store the present cuts under the hash of the recourse that they are valid for."""
        if self.recourse_hash:
            self.other_recourse_cuts[self.recourse_hash] = self.cvar_level, self.cuts
        while len(self.other_recourse_cuts) > MAX_OTHER_RECOURSES:
            del self.other_recourse_cuts[next(iter(self.other_recourse_cuts))]

    def store_results_of(self, run: SearchRun) -> None:
        """Add the cuts, points, best plan and search tree of a run to the pool."""
        master = self.master = run.master
        self.chain_selector = run.chain_selector
        if run.final_frontier is not None and (run.node_count or not run.earlier_frontiers):
            self.frontiers = [*self.frontiers[:1], run.final_frontier, *self.frontiers[1:]]
            del self.frontiers[MAX_TREES:]
        if run.best_solution is not None:
            start_years = _start_years(run.best_solution, master)
            self.start_plans = [
                start_years,
                *(older_plan for older_plan in self.start_plans if older_plan != start_years),
            ][:MAX_START_PLANS]
        cuts = master.all_cuts()
        instance = master.instance
        cvar_level = run.cut_oracle.cvar_level
        if any(cut.is_tail for cut in cuts) or not any(cut.is_tail for cut in self.cuts):
            older_cuts = [
                cut for cut in self.cuts if not cut.is_tail or cvar_level == self.cvar_level
            ]
            self.cvar_level = cvar_level
        else:
            older_cuts = self.cuts
        new_ids = {id(cut) for cut in cuts}
        self.cuts = (cuts + [cut for cut in older_cuts if id(cut) not in new_ids])[:MAX_CUTS]
        if len(run.cut_oracle.part_oracles) == 1:  # points are stored for a single part only
            points = [cut.point for cut in cuts if cut.point is not None]
            points = list({id(point): point for point in points}.values())[:MAX_POINTS]
            recourse = run.cut_oracle.part_oracles[0].recourse
            new_points = [_to_portable_point(point, instance, recourse) for point in points]
            self.portable_points = (new_points + self.portable_points)[:MAX_POINTS]


def _pool_key_and_retentions(tree: DecisionTree) -> tuple[str, dict[str, float]]:
    """Return the pool key of a problem, and the retention per period of each stockpile."""
    keys = [pool_key(part.instance) for part in tree.leaves]
    if len(keys) == 1:
        return keys[0], {
            h: stockpile.retention for h, stockpile in tree.first_instance.stockpiles.items()
        }
    retention_by_stockpile = {
        f"{h}.{k}": stockpile.retention
        for k, instance in enumerate(tree.instances)
        for h, stockpile in instance.stockpiles.items()
    }
    return hashlib.sha256(repr(keys).encode()).hexdigest(), retention_by_stockpile


def pool_key(instance: Instance) -> str:
    """Return the SHA-256 hash of the data whose change empties a pool. Retention is compared
    separately."""
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
    """Return whether an instance has all ids of a plan."""
    if plan.branches:
        return len(plan.branches) == len(instance.branches) and all(
            _plan_fits(branch_plan, replace(instance, branches=())) for branch_plan in plan.branches
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
    """Return the start year of each project that a solution builds, by project label (id and review
    branch)."""
    return {
        label: master.instance.projects[p].start_years[int(np.argmax(x[columns]))]
        for label, p, columns in zip(
            master.project_labels, master.projects, master.start_columns, strict=True
        )
        if x[columns].max() > 0.5
    }


def _start_indices(start_years: dict[str, int], master: Master) -> Integers:
    """Convert start years by project label to start indices; -1 stands for a year that the instance
    does not allow, or for no start."""
    indices = []
    for label, p in zip(master.project_labels, master.projects, strict=True):
        starts = master.instance.projects[p].start_years
        year = start_years.get(label, start_years.get(p))
        indices.append(starts.index(year) if year in starts else -1)
    return np.array(indices, dtype=np.int64)


def _to_portable_point(
    point: FirstStagePoint, instance: Instance, recourse: RecourseEvaluator
) -> PortablePoint:
    columns = recourse.columns
    lot_tonnes = {
        h: instance.lot_tonnes[stockpile.material] for h, stockpile in instance.stockpiles.items()
    }
    return PortablePoint(
        {
            columns.offtake_columns[c]: float(point.offtake[c])
            for c in np.flatnonzero(point.offtake > MIN_QUANTITY)
        },
        {
            (h, year): float(point.buy[n, y] * lot_tonnes[h])
            for n, h in enumerate(columns.stockpiles)
            for y, year in enumerate(instance.years)
            if point.buy[n, y] > MIN_QUANTITY
        },
    )


def _to_recourse_point(
    portable: PortablePoint, instance: Instance, recourse: RecourseEvaluator
) -> FirstStagePoint:
    """Convert a portable point to a first-stage point of an instance. Ids that the instance does
    not have are dropped."""
    columns, first_year = recourse.columns, instance.years[0]
    offtake = np.zeros(len(columns.offtake_columns))
    buy = np.zeros((len(columns.stockpiles), columns.year_count))
    for key, share in portable.offtake.items():
        if key in columns.column_index:
            offtake[columns.column_index[key]] = share
    stockpile_index = {h: n for n, h in enumerate(columns.stockpiles)}
    for (h, year), tonnes in portable.buy_t.items():
        if h in stockpile_index and year in instance.years:
            buy[stockpile_index[h], year - first_year] = (
                tonnes / instance.lot_tonnes[instance.stockpiles[h].material]
            )
    return FirstStagePoint(offtake, buy)


POOL_FORMAT = 3  # version of the file format


MAX_POOL_BYTES = 1_000_000_000


ARCHIVE_BOUNDS = ArchiveLimits(max_parts=2, max_unpacked=2 * MAX_POOL_BYTES, max_ratio=1000)


def write_pool(pool: CutPool) -> bytes:
    """Return the content of a file that stores a pool."""
    parts: list[np.ndarray[Any, Any]] = []
    cuts = []
    for cut in pool.cuts:
        node_shapes = []
        for v, subgradient in cut.subgradients.items():
            node_shapes.append(
                [v, list(subgradient.output_value.shape), list(subgradient.purchase_value.shape)]
            )
            parts += [
                subgradient.constant,
                subgradient.output_value.ravel(),
                subgradient.purchase_value.ravel(),
            ]
        cuts.append([cut.is_tail, node_shapes])
    points = [
        [[[*key, x] for key, x in values.items()] for values in (point.offtake, point.buy_t)]
        for point in pool.portable_points
    ]
    header = {
        "format": POOL_FORMAT,
        "key": pool.key,
        "keeps": pool.retention_by_stockpile,
        "recourse": pool.recourse_hash,
        "level": pool.cvar_level,
        "plans": pool.start_plans,
        "cuts": cuts,
        "trials": points,
    }
    content = io.BytesIO()
    np.savez_compressed(
        content,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        numbers=np.concatenate(parts) if parts else np.zeros(0),
    )
    return content.getvalue()


def read_pool(content: bytes, name: str) -> CutPool:
    """Read a pool from the content of a file.

    Raise InvalidCutPool if the file is damaged or has another format.
    """
    try:
        # Numpy allocates the size that a header states, whatever the data.
        check_archive(content, ARCHIVE_BOUNDS)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            header = parse_json(_read_flat_array(archive.read("header.npy"), np.uint8).tobytes())
            numbers = _read_flat_array(archive.read("numbers.npy"), np.float64)
        if header["format"] != POOL_FORMAT:
            raise InvalidCutPool(
                "'{file}' is a pool of cuts of format {format}, not {known}".format(
                    file=name, format=header["format"], known=POOL_FORMAT
                )
            )
        return _build_pool(header, numbers)
    except InvalidCutPool:
        raise
    except Exception as error:  # a damaged file can fail in zip, numpy, JSON or here
        raise InvalidCutPool(f"'{name}' is not a pool of cuts, or damaged; remove it") from error


def _read_flat_array(content: bytes, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """Read a one-dimensional NPY array. No more memory is allocated than the content requires."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    shape, _, stated_dtype = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or stated_dtype != np.dtype(dtype) or len(shape) != 1:
        raise ValueError("array")
    array = np.frombuffer(content, dtype, offset=file.tell())
    if array.shape != shape:
        raise ValueError("length")
    return array


def _build_pool(header: dict[str, Any], numbers: np.ndarray[Any, Any]) -> CutPool:
    offset = 0

    def take(shape: list[int]) -> np.ndarray[Any, Any]:
        nonlocal offset
        size = int(np.prod(shape))
        part = numbers[offset : offset + size].reshape(shape)
        offset += size
        return part

    if numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        raise ValueError("numbers")
    cuts = []
    for is_tail, node_shapes in header["cuts"]:
        subgradients = {
            int(v): Subgradient(take([1]), take(output_shape), take(purchase_shape))
            for v, output_shape, purchase_shape in node_shapes
        }
        cuts.append(Cut(subgradients, is_tail=bool(is_tail)))
    points = [
        PortablePoint(
            {(p, int(start), g): float(x) for p, start, g, x in offtake},
            {(h, int(year)): float(x) for h, year, x in buy},
        )
        for offtake, buy in header["trials"]
    ]
    if offset != len(numbers):
        raise ValueError("length")
    return CutPool(
        key=str(header["key"]),
        retention_by_stockpile={str(h): float(x) for h, x in header["keeps"].items()},
        recourse_hash=str(header["recourse"]),
        cvar_level=float(header["level"]),
        cuts=cuts,
        portable_points=points,
        start_plans=[{str(p): int(year) for p, year in plan.items()} for plan in header["plans"]],
    )
