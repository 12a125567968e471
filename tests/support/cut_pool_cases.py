"""A case with every rule, changes of it, and the cuts that a pool gives to the changed case."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from cutting import exact, excess, random_point, run_of
from everything import everything

from models.results import Certificate
from models.scenario.references import Case
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import CutPool
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.recourse import FirstStagePoint

Raw = dict[str, Any]
Changes = dict[str, Any]

GAP = 1e-6
TRUE = 1e-9


def base(allocation: str = "entitled", **aim: Any) -> Raw:
    """Everything, the motor company held to domestic projects, so that columns are missing."""
    raw = everything()
    raw["objective"] |= {"allocation": allocation} | aim
    equity = raw["funders"]["motor_co"]["instruments"]["equity"]
    equity["eligible"] = {"tags": ["domestic"]}
    raw["stockpiles"][1] |= {"initial_t": 100, "max_release_t_per_period": 600}
    return raw


def changed(raw: Raw, changes: Changes) -> Raw:
    """A copy with values set by dotted path; a number in a path is a place in a list."""
    raw = copy.deepcopy(raw)
    for path, value in changes.items():
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        at: Any = raw
        for step in way:
            at = at[step] if isinstance(at, list) else at.setdefault(step, {})
        if isinstance(at, list) and last == len(at):
            at.append(value)
        elif value is None:
            del at[last]
        else:
            at[last] = value
    return raw


def optimum(raw: Raw) -> float:
    """By the extensive form."""
    instance = read_instance(Case.model_validate(raw))
    solution = solve_extensive_form(
        DecisionTree.of(instance), [read_states(instance)], gap=GAP, threads=1
    ).solution
    assert solution.objective is not None
    return solution.objective


def certified(raw: Raw, pool: CutPool | None = None) -> Certificate:
    """By the decomposition."""
    case = Case.model_validate(raw)
    return solve_to_plan(case, gap=GAP, threads=1, method="decomposition", pool=pool).certificate


def made(raw: Raw) -> CutPool:
    """The pool that solving a case leaves."""
    pool = CutPool()
    certified(raw, pool)
    return pool


def again(pool: CutPool) -> CutPool:
    """A copy that can be lent without changing the original."""
    return replace(pool, cuts=list(pool.cuts), portable_points=list(pool.portable_points))


def lent(pool: CutPool, raw: Raw) -> tuple[str, SearchRun, list[Cut]]:
    """How a copy of a pool answers to a case, and the cuts that the case's run has then."""
    run = run_of(raw, GAP)
    answer = again(pool).pass_to(run)
    return answer, run, run.master.all_cuts()


def points(run: SearchRun, seed: int, count: int = 6) -> list[FirstStagePoint]:
    """Nothing, and points at random in all columns that recourse knows."""
    recourse, rng = run.cut_oracle.part_oracles[0].recourse, np.random.default_rng(seed)
    nothing = run.master.recourse_points(np.zeros(len(run.master.program.cost)))[0]
    return [nothing, *(random_point(rng, recourse) for _ in range(count))]


def most_excess(run: SearchRun, cuts: list[Cut], at: list[FirstStagePoint]) -> float:
    """By how much the worst of the cuts claims more than there is, of its size."""
    recourse, level = run.cut_oracle.part_oracles[0].recourse, run.cut_oracle.cvar_level
    return max(excess(recourse, cut, point, level) for cut in cuts for point in at)


def most_excess_of_rows(run: SearchRun, cuts: list[Cut], seed: int) -> float:
    """The same of their rows, at values of the master's columns."""
    recourse, rng, worst = (
        run.cut_oracle.part_oracles[0].recourse,
        np.random.default_rng(seed),
        -np.inf,
    )
    for _ in range(3):
        x = np.minimum(rng.random(len(run.master.program.cost)), run.master.program.upper)
        x[rng.random(len(x)) < 0.5] = 0.0
        (point,) = run.master.recourse_points(x)
        for cut in cuts:
            columns, entries, side = run.master.cut_row(cut)
            ahead = run.master.bounded_column(cut)
            rest = columns != ahead
            says = side - entries[rest] @ x[columns[rest]]
            value = exact(recourse, cut, point, run.cut_oracle.cvar_level)
            worst = max(worst, (says - value) / max(1.0, abs(side)))
    return worst
