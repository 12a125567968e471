"""Solution of the same problem by mpi-sppy, a general tool for stochastic programs, for comparison.

    pip install . mpi-sppy==0.14.0 mpi4py==4.1.2 mpich==5.0.2   # into an environment of its data
    python benchmarks/against_mpi_sppy.py scenarios/tutorial.yaml
    python benchmarks/against_mpi_sppy.py --states 10 --materials 5 --projects 8 --time-limit 300

Without a file it solves the yardstick. Each state becomes a Pyomo model with the rules of this
project: the variables of ``build_commitment`` are the first stage, and ``add_recourse`` adds the
second. Two methods of mpi-sppy are run, each in a separate process, with HiGHS and without CVaR:

- ``ef``: its extensive form, one model with a copy of the first stage for each state;
- ``lshaped``: its L-shaped method (Benders), with a cut for each state and iteration.

Both end at a time limit or gap; the L-shaped method is stopped between iterations only, so that it
may exceed the limit. Every run prints a line of JSON. ``objective`` is that of the best commitment
found, with its damage recomputed by this project, so that both methods and ``vorrat solve`` are
comparable.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from extensive_form import peak_mb
from yardstick import check_pinned, make_yardstick, write

SOLVER = "highs"
"""Name of Pyomo's newer interface to HiGHS. The L-shaped method of mpi-sppy fails with the APPSI
interface: Pyomo's cuts infer the sign of duals from the solver's name, and it has none."""
REQUIRED_PACKAGES = ("mpi-sppy", "mpi4py")
HERE = Path(__file__).resolve()


class Problem:
    """A scenario in the form that mpi-sppy takes: names of states, and a model for each."""

    def __init__(self, path: str, settings: list[str]) -> None:
        from models.files import read_case
        from optimizer.model.instance import read_instance
        from optimizer.model.states import read_states

        case = read_case(path, settings=settings).case
        if float(case.objective.cvar.weight) > 0:
            sys.exit("mpi-sppy is compared without weight on the tail: objective.cvar.weight=0")
        self.instance = read_instance(case)
        self.cost_weight = float(case.objective.cost_weight)
        self.states = {f"state{s}": x for s, x in enumerate(read_states(self.instance))}
        self.names = list(self.states)

    def model(self, name: str, **_: Any) -> Any:
        """Return the model of one state, with its root node attached."""
        import pyomo.environ as pyo
        from mpisppy.utils import sputils

        from optimizer.model.formulation import build_commitment
        from optimizer.model.formulation.recourse import (
            add_deliveries,
            add_recourse,
            chains_in_state,
        )
        from optimizer.model.scenario_data import compute_scenario_data

        state = self.states[name]
        data = compute_scenario_data(self.instance, state)
        model = build_commitment(self.instance)
        commitment = list(model.component_objects(pyo.Var))
        add_deliveries(model, self.instance, [data])
        model.recourse = pyo.Block()
        add_recourse(
            model.recourse, self.instance, list(chains_in_state(self.instance, data, model)), model
        )
        cost = self.cost_weight * model.net_cost
        model.objective = pyo.Objective(expr=model.recourse.damage + cost)
        sputils.attach_root_node(model, cost, commitment)
        model._mpisppy_probability = state.probability
        return model

    def recomputed_objective(self, model: Any) -> float:
        """Return the objective of the commitment in a solved model, with exact recourse."""
        from optimizer.model.commitment import net_cost
        from optimizer.model.formulation import read_commitment
        from optimizer.solve.outcomes import evaluate_commitments

        commitment = read_commitment(self.instance, model)
        states = tuple(self.states.values())
        [evaluation] = evaluate_commitments(self.instance, states, [commitment])
        return evaluation.expected + self.cost_weight * net_cost(self.instance, commitment)


def solve_extensive_form(problem: Problem, args: argparse.Namespace) -> dict[str, Any]:
    """Solve by the extensive form of mpi-sppy, and return the figures of the run."""
    from mpisppy.opt.ef import ExtensiveForm

    began = time.perf_counter()
    form = ExtensiveForm({"solver": SOLVER}, problem.names, problem.model)
    built = time.perf_counter()
    options = {
        "threads": args.threads,
        "mip_rel_gap": args.gap,
        "time_limit": max(1.0, args.time_limit - (built - began)),
    }
    results = form.solve_extensive_form(solver_options=options)
    ended = time.perf_counter()
    has_solution = form.tree_solution_available
    root_model = form.local_scenarios[problem.names[0]]
    return {
        "build": built - began,
        "solve": ended - built,
        "ended": str(results.solver.termination_condition),
        "own_objective": form.get_objective_value(),
        "objective": problem.recomputed_objective(root_model) if has_solution else None,
        "bound": float(results.problem.lower_bound),
    }


def solve_l_shaped(problem: Problem, args: argparse.Namespace) -> dict[str, Any]:
    """Solve by the L-shaped method of mpi-sppy, and return the figures of the run."""
    import pyomo.environ as pyo
    from mpisppy.opt.lshaped import LShapedMethod
    from pyomo.common.collections import ComponentMap
    from pyomo.core.expr.visitor import identify_variables

    class ReducedLShaped(LShapedMethod):
        """L-shaped method that fixes in a subproblem only the first-stage variables that occur in
        its constraints: purchases and offtake."""

        def create_subproblem(self, scenario_name: str) -> Any:
            instance, root_of = super().create_subproblem(scenario_name)
            rows = instance.component_data_objects(pyo.Constraint, active=True)
            used_ids = {id(variable) for row in rows for variable in identify_variables(row.body)}
            return instance, ComponentMap((r, v) for r, v in root_of.items() if id(v) in used_ids)

    class Watch:
        """Converger: called after each iteration to evaluate its commitment and to stop."""

        def __init__(self, method: Any, *_: Any) -> None:
            self.method, self.best, self.iterations = method, float("inf"), 0
            self.bound = float("-inf")
            method.watch = self

        def convergence_value(self) -> None:
            self.iterations += 1
            self.best = min(self.best, problem.recomputed_objective(self.method.root))
            self.bound = max(self.bound, float(self.method._LShaped_bound))
            if args.verbose:
                seconds = time.perf_counter() - began
                print(f"{seconds:.0f} s {self.bound:.2f} {self.best:.2f}", file=sys.stderr)

        def is_converged(self) -> bool:
            is_late = time.perf_counter() - began > args.time_limit
            return is_late or self.best - self.bound <= args.gap * abs(self.best)

    began = time.perf_counter()
    options = {
        "root_solver": SOLVER,
        "sp_solver": SOLVER,
        # A tenth of the requested gap, so that the gap of the root does not limit the bound.
        "root_solver_options": {"threads": args.threads, "mip_rel_gap": args.gap / 10},
        # HiGHS has one number of threads per process, and fails if another is requested.
        "sp_solver_options": {"threads": args.threads},
        "valid_eta_lb": dict.fromkeys(problem.names, 0.0),  # damage is never negative
        "max_iter": args.iterations,
        "verbose": False,
    }
    if args.root_states:
        options["root_scenarios"] = problem.names[: args.root_states]
    method = ReducedLShaped(options, problem.names, problem.model)
    built = time.perf_counter()
    method.lshaped_algorithm(converger=Watch)
    ended = time.perf_counter()
    watch: Any = vars(method)["watch"]
    if method.tree_solution_available:  # it ended without cuts, and did not call Watch again
        watch.convergence_value()
    is_optimal = watch.best - watch.bound <= args.gap * abs(watch.best)
    is_late = ended - began > args.time_limit
    return {
        "build": built - began,
        "solve": ended - built,
        "ended": "optimal"
        if is_optimal
        else "time limit"
        if is_late
        else "no more cuts or iterations",
        "iterations": watch.iterations,
        "objective": watch.best,
        "bound": watch.bound,
    }


METHODS = {"ef": solve_extensive_form, "lshaped": solve_l_shaped}


def run_here(method: str, args: argparse.Namespace) -> None:
    """Run one method in this process, and print its line of JSON; other output goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        problem = Problem(args.scenario, args.settings)
        answer = METHODS[method](problem, args)
    objective, bound = answer["objective"], answer["bound"]
    gap = None if objective is None else (objective - bound) / max(abs(objective), 1e-9)
    line = {"method": method, "states": len(problem.names), "gap": gap, "peak_mb": peak_mb()}
    print(json.dumps({**line, **answer, "mpi-sppy": version("mpi-sppy")}), flush=True)


def check_installed() -> None:
    """Exit with a message if mpi-sppy is missing or MPI cannot be loaded."""
    try:
        import mpisppy  # noqa: F401
        from mpi4py import MPI  # noqa: F401
    except (ImportError, RuntimeError) as error:
        sys.exit(
            f"this comparison needs {' and '.join(REQUIRED_PACKAGES)}, see its docstring: {error}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", help="by default the yardstick")
    parser.add_argument("--states", type=int, help="sampled states; of the yardstick, 10")
    parser.add_argument("--materials", type=int, default=20, help="of the yardstick")
    parser.add_argument("--projects", type=int, default=40, help="of the yardstick")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--time-limit", type=float, default=600.0, help="seconds for each method")
    parser.add_argument("--iterations", type=int, default=10_000, help="of the L-shaped method")
    parser.add_argument("--root-states", type=int, default=0, help="states in its root problem")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="bound and best of each iteration")
    parser.add_argument("--here", choices=list(METHODS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    check_installed()
    args.settings = [f"uncertainty.sample.states={args.states}"] if args.states else []
    if args.here:
        run_here(args.here, args)
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments = sys.argv[1:]
        if args.scenario is None:
            check_pinned()
            path = Path(folder) / "yardstick.yaml"
            size = {"materials": args.materials, "projects": args.projects}
            write(make_yardstick(**size, states=args.states or 10), path)
            arguments = [str(path), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        for method in args.methods:
            command = [sys.executable, str(HERE), *arguments, "--here", method]
            subprocess.run(command, check=False, env=environment)


if __name__ == "__main__":
    main()
