"""Damage of chains, computed by other solvers (HiGHS, SCIP and Gurobi) with linear programs of
states.

One linear program over all decisions and all states is too large for many states. The least sum of
damage and a linear function of the decisions is therefore found by Benders decomposition (Benders
1962): the groups are subproblems, whose dual values bound their damage from below.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import CheckFailed, Misuse
from optimizer.model import highs
from optimizer.model.formulation import build_commitment
from optimizer.model.formulation.recourse import (
    ChainInState,
    add_deliveries,
    add_recourse,
    chains_in_state,
)
from optimizer.model.highs import FileSolution, LinearProgram, ProgramOptimum, compile_model
from optimizer.model.instance import Chain, Floats, Instance
from optimizer.model.program_files import named_program, render_mps
from optimizer.model.scenario_data import ScenarioData, project_output_lots
from optimizer.solve.proof.proof_program import LimitReached, Point

DEFINITIONS = ("delivered_definition", "planned_stock_definition")
"""First-stage constraints of the program: those that define what recourse depends on."""
FIRST_STAGE = ("offtake", "floored", "unaided", "buy")
"""Decisions that recourse depends on."""


@dataclass(frozen=True, eq=False)
class ChainProgram:
    """Program that minimizes the damage of a chain in its state classes for given decisions.

    States whose data agree in all open periods form one class.
    """

    program: LinearProgram  # its cost is zero
    damage: sparse.csr_array  # (U, columns) damage of each class
    class_of_state: NDArray[np.int64]  # (S); -1 where no shortage is possible
    column_index: dict[str, int]

    def class_weights(self, state_weights: Floats) -> Floats:
        """Return the sum of the weights of the states (S) in each class (U)."""
        is_open = self.class_of_state >= 0
        classes, weights = self.class_of_state[is_open], state_weights[is_open]
        return np.bincount(classes, weights, self.damage.shape[0]).astype(float)

    def expand(self, class_damage: Floats) -> Floats:
        """Return the damage in each state (S) from that in each class (U)."""
        return np.append(class_damage, 0.0)[self.class_of_state]


class ChainPrograms:
    """Builder of the programs of all chains of one leaf. ``data`` has the scenario data of each
    state."""

    def __init__(self, instance: Instance, data: Sequence[ScenarioData]) -> None:
        self._instance, self.state_count = instance, len(data)
        self._model = build_commitment(instance)
        add_deliveries(self._model, instance, data)
        for constraint in self._model.component_objects(pyo.Constraint):
            if constraint.local_name not in DEFINITIONS:
                constraint.deactivate()
        self._classes: dict[int, dict[Any, ChainInState]] = {c.id: {} for c in instance.chains}
        self._keys: dict[int, dict[int, Any]] = {c.id: {} for c in instance.chains}
        for s, state_data in enumerate(data):
            for chain in chains_in_state(instance, state_data, self._model):
                key = tuple(_content(instance, chain, state_data))
                self._classes[chain.chain.id].setdefault(key, chain)
                self._keys[chain.chain.id][s] = key

    def build(self, chain_id: int, states: range) -> ChainProgram:
        """Build the program of a chain in some of the states."""
        model, keys = self._model, self._keys[chain_id]
        classes = {keys[s]: self._classes[chain_id][keys[s]] for s in states if s in keys}
        number_of = {key: number for number, key in enumerate(classes)}
        class_of_state = np.array([number_of[keys[s]] if s in keys else -1 for s in states])
        model.state = pyo.Block(range(len(classes)))
        for number, chain in enumerate(classes.values()):
            add_recourse(model.state[number], self._instance, [chain], model)
        # The cost of each column tells its class, and its damage when divided by the number.
        damages = ((number + 1) * model.state[number].damage for number in model.state)
        model.objective = pyo.Objective(expr=pyo.quicksum(damages) + model.nothing)
        compiled = compile_model(model)
        in_state = {id(model.state[number]): number for number in model.state}
        class_of_column = np.array(
            [in_state.get(id(x.parent_block()), -1) for x in compiled.variables]
        )
        is_decision = np.array(
            [x.parent_component().local_name in FIRST_STAGE for x in compiled.variables]
        )
        program = compiled.program
        matrix = sparse.csr_array(program.matrix)
        of_state = np.array([id(row.parent_block()) in in_state for row in compiled.constraints])
        # A definition is kept if a state uses what it defines, directly or by other definitions.
        is_kept, is_linked = of_state, np.zeros_like(of_state)
        while (is_kept != is_linked).any():
            is_linked = is_kept
            is_used = np.diff(sparse.csc_array(matrix[np.flatnonzero(is_linked)]).indptr) > 0
            is_kept = of_state | (abs(matrix) @ (is_used & ~is_decision).astype(float) > 0)
        rows = np.flatnonzero(is_kept)
        matrix = matrix[rows]
        is_used = np.diff(sparse.csc_array(matrix).indptr) > 0
        columns = np.flatnonzero(is_used | is_decision | (class_of_column >= 0))
        names = [compiled.variables[c].name for c in columns.tolist()]
        row_names = [compiled.constraints[r].name for r in rows.tolist()]
        cost = program.cost[columns]
        costly = np.flatnonzero((cost != 0) & (class_of_column[columns] >= 0))
        of_class = class_of_column[columns][costly]
        damage = sparse.csr_array(
            (cost[costly] / (of_class + 1), (of_class, costly)), shape=(len(classes), len(columns))
        )
        for component in ("state", "objective"):
            model.del_component(component)
        return ChainProgram(
            LinearProgram(
                cost=np.zeros(len(columns)),
                offset=0.0,
                matrix=sparse.csc_array(matrix[:, columns]),
                row_lower=program.row_lower[rows],
                row_upper=program.row_upper[rows],
                lower=program.lower[columns],
                upper=program.upper[columns],
                is_integer=np.zeros(len(columns), dtype=bool),
                row_names=row_names,
                column_names=names,
            ),
            damage,
            class_of_state,
            {name: c for c, name in enumerate(names)},
        )


def _content(instance: Instance, chain: ChainInState, data: ScenarioData) -> Iterator[Any]:
    """Yield all data of a state that the recourse of a chain depends on."""
    periods = list(chain.open_periods)
    yield chain.open_periods
    for v in chain.chain.nodes:
        yield chain.demand[v][periods].tobytes()
        yield chain.step_limit[v][:, periods].tobytes()
        yield chain.market[v][periods].tobytes()
        for key, lots in sorted(project_output_lots(instance, instance.nodes[v], data).items()):
            yield key, lots[periods].tobytes()
    for plant in chain.chain.plants:
        if plant.id in chain.capacity:
            yield chain.capacity[plant.id][periods].tobytes()
    for h, lots in chain.max_refill.items():
        yield h, lots.tobytes()


SolverName = Literal["scip", "highs", "gurobi"]
TOLERANCE = 1e-9  # of rows, bounds and integrality


class LinearFile(Protocol):
    """A linear program of a file, which is minimized with several costs, fixed columns and further
    rows."""

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` (columns in the order of the file) with some columns fixed."""

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""


class FileSolver(NamedTuple):
    """A solver of programs in files. ``solve`` minimizes a program: it takes the path of the file,
    a bound at which it may stop (infinite for none), and a time limit in seconds (None for none).
    ``read_linear`` takes the path of a linear program, and the time limit of each of its solves."""

    label: str  # its name and version
    solve: Callable[[Path, float, float | None], FileSolution]
    read_linear: Callable[[Path, float | None], LinearFile]


def find_solver(name: SolverName) -> FileSolver:
    """Return a solver by name. Raise Misuse if it is not installed."""
    if name == "highs":
        label = f"HiGHS {highs.solver_version()[0]}"
        return FileSolver(label, _solve_by_highs, highs.FileProgram)
    module, package = (
        ("pyscipopt", "'vorrat[verify]'") if name == "scip" else ("gurobipy", "gurobipy")
    )
    if find_spec(module) is None:
        raise Misuse(f"The solver {name} is not installed: pip install {package}")
    if name == "scip":
        from pyscipopt import Model

        return FileSolver(f"SCIP {Model().version():.1f}", _solve_by_scip, _ScipLinearFile)
    return FileSolver(f"Gurobi {version('gurobipy')}", _solve_by_gurobi, _GurobiLinearFile)


def _solve_by_highs(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    return highs.solve_file(path, target_bound=target_bound, time_limit=time_limit)


def _solve_by_scip(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    from pyscipopt import Model

    model: Any = Model()
    model.hideOutput()
    model.readProblem(str(path))
    model.setParams({"numerics/feastol": TOLERANCE, "numerics/dualfeastol": TOLERANCE})
    if math.isfinite(target_bound) and "limits/dual" in model.getParams():
        model.setParam("limits/dual", target_bound)
    if time_limit is not None:
        model.setParam("limits/time", time_limit)
    model.optimize()
    status = str(model.getStatus())
    names = {"inforunbd": "unbounded", "timelimit": "limit", "duallimit": "limit"}
    ending = names.get(status, status)
    has_bound = ending in ("optimal", "limit")
    bound = float(model.getDualbound()) if has_bound else -math.inf
    if abs(bound) >= model.infinity():
        bound = -math.inf
    has_solution = has_bound and model.getNSols() > 0
    return FileSolution(ending, bound, float(model.getObjVal()) if has_solution else math.inf)


class _ScipLinearFile:
    """A linear program in the solver of linear programs that SCIP uses."""

    def __init__(self, path: Path, time_limit: float | None) -> None:
        from pyscipopt import LP, SCIP_LPPARAM

        self._lp: Any = LP()
        self._lp.readLP(str(path).encode())
        self._has_limit = time_limit is not None
        settings = {SCIP_LPPARAM.FEASTOL: TOLERANCE, SCIP_LPPARAM.DUALFEASTOL: TOLERANCE}
        settings |= {} if time_limit is None else {SCIP_LPPARAM.LPTILIM: time_limit}
        for parameter, value in settings.items():
            self._lp.setRealParam(parameter, value)
        self._bounds = list(zip(*self._lp.getBounds(), strict=True))
        self._cost: Floats = np.full(self._lp.ncols(), np.nan)
        self._fixed: dict[int, float] = {}
        self._has_new_rows = False

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""
        rows = [
            list(zip(*(x[a:b].tolist() for x in (matrix.indices, matrix.data)), strict=True))
            for a, b in itertools.pairwise(matrix.indptr.tolist())
        ]
        self._lp.addRows(rows, lower.tolist(), [self._lp.infinity()] * len(rows))
        self._has_new_rows = True

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` with some columns fixed."""
        for c in np.flatnonzero(cost != self._cost).tolist():
            self._lp.chgObj(c, float(cost[c]))
        for c in self._fixed.keys() | fixed.keys():
            value = fixed.get(c)
            self._lp.chgBound(c, *(self._bounds[c] if value is None else (value, value)))
        self._cost, self._fixed = cost.copy(), dict(fixed)
        # If only the costs have changed, the basis is still feasible.
        self._lp.solve(dual=bool(fixed) or self._has_new_rows)
        self._has_new_rows = False
        if not self._lp.isOptimal():
            is_unbounded = self._lp.getPrimalRay() is not None
            ending = "limit" if self._has_limit and not is_unbounded else "not optimal"
            return ProgramOptimum(ending, math.inf, np.zeros(0), np.zeros(0))
        values, reduced = (np.array(x) for x in (self._lp.getPrimal(), self._lp.getRedcost()))
        return ProgramOptimum("optimal", float(cost @ values), values, reduced)


def _solve_by_gurobi(path: Path, target_bound: float, time_limit: float | None) -> FileSolution:
    model = _read_by_gurobi(path, time_limit)
    settings: dict[str, float] = {"IntFeasTol": TOLERANCE, "MIPGap": 0.0, "MIPGapAbs": 0.0}
    if math.isfinite(target_bound) and model.IsMIP:
        settings["BestBdStop"] = target_bound
    for name, value in settings.items():
        model.setParam(name, value)
    model.optimize()
    ending = GUROBI_ENDINGS.get(model.Status, f"status {model.Status}")
    bound = -math.inf
    if ending in ("optimal", "limit"):
        bound = float(model.ObjBound if model.IsMIP or ending == "limit" else model.ObjVal)
    return FileSolution(ending, bound, float(model.ObjVal) if model.SolCount else math.inf)


GUROBI_ENDINGS = {2: "optimal", 3: "infeasible", 4: "unbounded", 5: "unbounded", 9: "limit"}
GUROBI_ENDINGS |= {15: "limit"}  # the bound of BestBdStop is reached


def _read_by_gurobi(path: Path, time_limit: float | None) -> Any:
    import gurobipy

    model = gurobipy.read(str(path), gurobipy.Env(params={"OutputFlag": 0}))
    settings: dict[str, float] = {"FeasibilityTol": TOLERANCE, "OptimalityTol": TOLERANCE}
    settings |= {} if time_limit is None else {"TimeLimit": time_limit}
    for name, value in settings.items():
        model.setParam(name, value)
    return model


class _GurobiLinearFile:
    """A linear program in Gurobi."""

    def __init__(self, path: Path, time_limit: float | None) -> None:
        self._model: Any = _read_by_gurobi(path, time_limit)
        self._variables: Any = self._model.getVars()
        self._bounds = [(x.LB, x.UB) for x in self._variables]

    def minimize(self, cost: Floats, fixed: Mapping[int, float]) -> ProgramOptimum:
        """Minimize ``cost`` with some columns fixed."""
        lower, upper = (np.array(x) for x in zip(*self._bounds, strict=True))
        for c, value in fixed.items():
            lower[c] = upper[c] = value
        self._model.setAttr("Obj", self._variables, cost.tolist())
        self._model.setAttr("LB", self._variables, lower.tolist())
        self._model.setAttr("UB", self._variables, upper.tolist())
        self._model.optimize()
        ending = GUROBI_ENDINGS.get(self._model.Status, f"status {self._model.Status}")
        if ending != "optimal":
            return ProgramOptimum(ending, math.inf, np.zeros(0), np.zeros(0))
        values, reduced = (
            np.array(self._model.getAttr(name, self._variables)) for name in ("X", "RC")
        )
        return ProgramOptimum(ending, float(self._model.ObjVal), values, reduced)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats) -> None:
        """Add the rows ``matrix @ x >= lower``."""
        self._model.addMConstr(matrix, self._variables, ">", lower)


GROUP_SIZE = 300  # forms of a chain times states in one linear program
MAX_ITERATIONS = 1000  # evaluations of all groups for one minimum
MIN_CUT_VIOLATION = 1e-9  # relative to damage: of a known cut that is added to the master problem


class ProgramFolder(NamedTuple):
    """Where files of programs are written, and the time limit of each solve in seconds."""

    folder: Path
    time_limit: float | None

    def read(self, program: LinearProgram, solver: FileSolver) -> LinearFile:
        """Pass a linear program to a solver, as a file."""
        path = self.folder / "linear.mps"
        path.write_text(render_mps(named_program(program)), encoding="utf-8")
        return solver.read_linear(path, self.time_limit)


class Minimum(NamedTuple):
    """The least value of a function, as far as needed: a lower bound that is high enough, or a
    value that is too low. Without either, ``ending`` is not ``optimal``."""

    ending: str
    value: float

    @classmethod
    def of(cls, optimum: ProgramOptimum) -> Minimum:
        """Return the minimum of a linear program: minus infinity without an optimum."""
        is_optimal = optimum.ending == "optimal"
        return cls(optimum.ending, optimum.objective if is_optimal else -math.inf)


@dataclass(frozen=True, eq=False)
class _Group:
    """The program of a group of states, in the solver."""

    states: range
    program: ChainProgram
    linear_file: LinearFile
    decision_columns: NDArray[np.int64]  # (D)

    def minimize(self, cost: Floats, decisions: Floats | None) -> tuple[float, Floats, Floats]:
        """Return the least ``cost``, its columns, and its derivatives (D) by the decisions, which
        are fixed unless they are None. Raise LimitReached or CheckFailed without an optimum."""
        fixed = (
            {}
            if decisions is None
            else dict(zip(self.decision_columns.tolist(), decisions.tolist(), strict=True))
        )
        optimum = self.linear_file.minimize(cost, fixed)
        if optimum.ending != "optimal":
            error = LimitReached if optimum.ending == "limit" else CheckFailed
            raise error(f"the solver ends with '{optimum.ending}' on a linear program")
        return optimum.objective, optimum.values, optimum.reduced_costs[self.decision_columns]


@dataclass(eq=False)
class _KnownCuts:
    """Lower bounds on the damage of each group (G) with certain weights of the states (S):
    ``constants + slopes @ decisions`` (D)."""

    weights: Floats
    costs: list[Floats]  # of the program of each group
    least: Floats  # (G) damage over all decisions
    constants: Floats  # (K, G)
    slopes: Floats  # (K, G, D)

    def evaluate(self, groups: Sequence[_Group], decisions: Floats) -> float:
        """Return the damage of all groups at given decisions, and add its cut."""
        results = [g.minimize(cost, decisions) for g, cost in zip(groups, self.costs, strict=True)]
        damage = np.array([value for value, _, _ in results])
        slopes = np.array([slope for _, _, slope in results])
        self.constants = np.vstack([self.constants, damage - slopes @ decisions])
        self.slopes = np.concatenate([self.slopes, slopes[None]])
        return math.fsum(damage)

    def violated(self, decisions: Floats, damage: Floats) -> list[tuple[int, int]]:
        """Return the strongest cut (position, group) on each group that exceeds ``damage`` (G)."""
        bounds = self.constants + self.slopes @ decisions
        strongest = bounds.argmax(axis=0)
        excess = bounds.max(axis=0) - damage
        limit = MIN_CUT_VIOLATION * (1 + np.abs(damage))
        return [(int(strongest[g]), int(g)) for g in np.flatnonzero(excess > limit)]


class ChainDamage:
    """Damage of a chain in the states (S) of one leaf, computed by another solver."""

    def __init__(
        self,
        leaf: int,
        chain: Chain,
        programs: ChainPrograms,
        solver: FileSolver,
        folder: ProgramFolder,
    ) -> None:
        self.leaf, self.id = leaf, chain.id
        self._solver, self._folder = solver, folder
        self._groups: list[_Group] = []
        size = max(GROUP_SIZE // len(chain.nodes), 1)
        for start in range(0, programs.state_count, size):
            states = range(start, min(start + size, programs.state_count))
            program = programs.build(chain.id, states)
            columns = [c for x, c in program.column_index.items() if x.split("[")[0] in FIRST_STAGE]
            linear_file = folder.read(program.program, solver)
            self._groups.append(_Group(states, program, linear_file, np.array(columns)))
        first = self._groups[0]
        names, linear = list(first.program.column_index), first.program.program
        self.decisions = {names[c]: n for n, c in enumerate(first.decision_columns.tolist())}
        """Position of each decision (D), by name."""
        self._lower = linear.lower[first.decision_columns]
        self._upper = linear.upper[first.decision_columns]
        self._known: _KnownCuts | None = None

    def _values(self, point: Mapping[str, float]) -> Floats:
        values = np.zeros(len(self.decisions))
        for name, value in point.items():
            if name in self.decisions:
                values[self.decisions[name]] = value
        return values

    def damage_at(self, point: Point) -> Floats:
        """Return the damage in each state (S) at given decisions."""
        decisions = np.clip(self._values(point), self._lower, self._upper)
        parts = []
        for group in self._groups:
            program = group.program
            cost = np.ones(program.damage.shape[0]) @ program.damage
            _, values, _ = group.minimize(cost, decisions)
            parts.append(program.expand(np.asarray(program.damage @ values)))
        return np.concatenate(parts)

    def minimize(
        self, weights: Floats, coefficients: Mapping[str, float], point: Point, threshold: float
    ) -> Minimum:
        """Compare with a threshold the least sum, over all decisions, of the damage with weights of
        the states (S) and the coefficients times the decisions. The search begins at ``point``."""
        entries = self._values(coefficients)
        costs = [
            group.program.class_weights(weights[group.states]) @ group.program.damage
            for group in self._groups
        ]
        if len(self._groups) == 1:
            costs[0][self._groups[0].decision_columns] += entries
            optimum = self._groups[0].linear_file.minimize(costs[0], {})
            return Minimum.of(optimum)
        if self._known is None or not np.array_equal(self._known.weights, weights):
            least = [g.minimize(cost, None)[0] for g, cost in zip(self._groups, costs, strict=True)]
            shape = (0, len(least), len(entries))
            self._known = _KnownCuts(
                weights, costs, np.array(least), np.zeros(shape[:2]), np.zeros(shape)
            )
        known, damage = self._known, self._known.least
        x = np.clip(self._values(point), self._lower, self._upper)
        master, cost = self._read_master(known), np.append(entries, np.ones(len(self._groups)))
        for _ in range(MAX_ITERATIONS):
            value = known.evaluate(self._groups, x) + float(entries @ x)
            if value < threshold or not (cuts := known.violated(x, damage)):
                return Minimum("optimal", value)
            while cuts:
                master.add_rows(*_rows(known, cuts))
                optimum = master.minimize(cost, {})
                if optimum.ending != "optimal" or optimum.objective >= threshold:
                    return Minimum.of(optimum)
                x, damage = np.split(optimum.values, [len(x)])
                x = np.clip(x, self._lower, self._upper)
                cuts = known.violated(x, damage)
        return Minimum("limit", -math.inf)

    def _read_master(self, known: _KnownCuts) -> LinearFile:
        """Pass a program to the solver whose columns are the decisions and the damage of each
        group, without cuts."""
        count = len(self.decisions) + len(known.least)
        return self._folder.read(
            LinearProgram(
                cost=np.zeros(count),
                offset=0.0,
                matrix=sparse.csc_array((0, count)),
                row_lower=np.zeros(0),
                row_upper=np.zeros(0),
                lower=np.append(self._lower, known.least),
                upper=np.append(self._upper, np.full(len(known.least), np.inf)),
                is_integer=np.zeros(count, dtype=bool),
                row_names=[],
                column_names=[*self.decisions, *(f"group[{g}]" for g in range(len(known.least)))],
            ),
            self._solver,
        )


def _rows(known: _KnownCuts, cuts: Sequence[tuple[int, int]]) -> tuple[sparse.csr_array, Floats]:
    """Return cuts as rows of the master problem, and their right sides."""
    numbers, groups = (list(x) for x in zip(*cuts, strict=True))
    slopes = sparse.csr_array(-known.slopes[numbers, groups])
    damage = sparse.csr_array(np.eye(len(known.least))[groups])
    return sparse.csr_array(sparse.hstack([slopes, damage])), known.constants[numbers, groups]
