"""Verification of a proof by another solver.

The program is compared with the one that the scenario and the cuts give. A solver then proves its
bound; the linear programs of the second stage confirm cuts and the damage of the plan.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.results import proof as proofs
from optimizer.errors import CheckFailed, ScenarioError
from optimizer.model.program_files import render_mps
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.plan_document import unknown_ids
from optimizer.solve.proof.loaded_proof import TOLERANCE, Check, LimitReached, LoadedProof
from optimizer.solve.proof.recomputation import OnStep, check_cuts_and_plan
from optimizer.solve.proof.solvers import FileSolver

DIGIT_TOLERANCE = 1e-12  # relative difference of two figures that count as the same


def checks(
    folder: Path,
    loaded: LoadedProof,
    solver: FileSolver,
    cuts: int | None,
    time_limit: float | None,
    on_step: OnStep = lambda _done, _count, _name: None,
) -> Iterator[Check]:
    """Yield the checks of a proof, one after the other. ``cuts`` is the number of cuts that are
    recomputed, None for all. ``time_limit`` is that of each solve, in seconds."""
    started_at = time.perf_counter()
    for check in _untimed_checks(folder, loaded, solver, cuts, time_limit, on_step):
        seconds = time.perf_counter() - started_at
        yield replace(check, seconds=seconds)
        started_at = time.perf_counter()


def _untimed_checks(
    folder: Path,
    loaded: LoadedProof,
    solver: FileSolver,
    cuts: int | None,
    time_limit: float | None,
    on_step: OnStep,
) -> Iterator[Check]:
    proof = loaded.proof
    changed = [
        name
        for name, expected in proof.files.items()
        if hashlib.sha256(loaded.files.get(name, b"")).hexdigest() != expected
    ]
    yield Check(
        "files",
        not changed,
        "changed since they were written: {names}".format(names=", ".join(changed))
        if changed
        else f"the {len(proof.files)} files have the hashes that the proof states",
    )
    try:
        yield _check_statements(loaded)
        yield _check_program(loaded)
        yield _check_bound(folder, loaded, solver, time_limit)
        with tempfile.TemporaryDirectory(prefix="vorrat-") as temporary:
            yield from check_cuts_and_plan(
                loaded, solver, cuts, time_limit, Path(temporary), on_step
            )
    except LimitReached as error:
        yield Check("contents", None, str(error))
    except (CheckFailed, ScenarioError) as error:
        yield Check("contents", False, str(error))


def _check_statements(loaded: LoadedProof) -> Check:
    proof, plan = loaded.proof, loaded.plan
    certificate = plan.certificate
    problems = []
    try:
        scenario = json.loads(loaded.files[proofs.SCENARIO_FILE])
    except ValueError:
        scenario = None
    if scenario is None or scenario != plan.scenario:
        problems.append("the scenario is not that of the plan")
    case = loaded.problem.scenario or loaded.problem.instance.case
    if len({input_hash(case), proof.input_sha256, certificate.input_sha256}) > 1:
        problems.append("the hash of the scenario is not the one that is stated")
    for name in ("method", "objective", "bound", "gap", "gap_target", "states"):
        if getattr(proof, name) != getattr(certificate, name):
            problems.append(f"proof and plan state another {name}")
    if unknown := unknown_ids(loaded.problem.instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        message = f"the plan speaks of {names}, which its scenario does not have"
        raise CheckFailed(message)
    if sum(len(x.states) for x in loaded.problem.single_set_problems) != proof.states:
        problems.append("the scenario has another number of states")
    if proof.cuts != len(loaded.records):
        problems.append("the proof states another number of cuts")
    figures = (
        f"objective {proof.objective:.10g}, bound {proof.bound:.10g}, "
        f"{proof.states} states, {proof.cuts} cuts"
    )
    return Check("statements", not problems, "; ".join(problems) or figures)


def _check_program(loaded: LoadedProof) -> Check:
    """Compare the program file line by line with what the scenario and the cuts give.

    Rows of a function in Python are left out, since the files do not contain the function.
    """
    expected = render_mps(loaded.program_with_cuts).splitlines()
    found = loaded.files[proofs.PROGRAM_FILE].decode(errors="replace").splitlines()
    extra = loaded.plan.extra
    rows = [line for line in found if "extra_rule(" in line and len(line.split()) == 2]
    if extra is not None:
        found = [line for line in found if "extra_rule(" not in line]
    name = "program"
    for number, (line, other) in enumerate(zip(expected, found, strict=False), 1):
        if line != other and not _is_same_line(line, other):
            details = (
                f"line {number} is '{other.strip()}', but scenario and cuts give '{line.strip()}'"
            )
            return Check(name, False, details)
    if len(expected) != len(found):
        details = f"it has {len(found)} lines, but scenario and cuts give {len(expected)}"
        return Check(name, False, details)
    size = loaded.program_with_cuts.size
    details = (
        "{rows} rows, {columns} columns and {nonzeros} coefficients are those that scenario and "
        "cuts give"
    ).format(**{key: size[key] for key in ("rows", "columns", "nonzeros")})
    if extra is not None:
        details += "; " + f"{len(rows)} rows of the function '{extra.name}' are taken as they are"
    return Check(name, True, details)


def _is_same_line(line: str, other: str) -> bool:
    """Return whether two lines differ at most in the last digits of their figures, as they may on
    another machine."""
    words, other_words = line.split(), other.split()
    if len(words) != len(other_words) or not words or words[:-1] != other_words[:-1]:
        return False
    try:
        value, other_value = float(words[-1]), float(other_words[-1])
    except ValueError:
        return False
    return math.isclose(value, other_value, rel_tol=DIGIT_TOLERANCE)


def _check_bound(
    folder: Path, loaded: LoadedProof, solver: FileSolver, time_limit: float | None
) -> Check:
    proof, tolerance = loaded.proof, TOLERANCE * loaded.scale
    solution = solver.solve(folder / proofs.PROGRAM_FILE, proof.bound, time_limit)
    figures: dict[str, Any] = {
        "solver": solver.label,
        "proven": solution.bound,
        "bound": proof.bound,
        "ending": solution.ending,
    }
    name = "bound"
    if solution.bound >= proof.bound - tolerance:
        if solution.bound > proof.objective + tolerance:
            details = (
                "{solver} proves {proven:.10g}, more than the plan's objective {objective:.10g}: "
                "some cut is wrong"
            ).format(objective=proof.objective, **figures)
            return Check(name, False, details)
        return Check(
            name, True, "{solver} proves {proven:.10g}; stated: {bound:.10g}".format(**figures)
        )
    if solution.ending == "limit":
        details = "{solver} has proven {proven:.10g} at its limit; stated: {bound:.10g}".format(
            **figures
        )
        return Check(name, None, details)
    details = "{solver} proves {proven:.10g} ({ending}), less than the stated {bound:.10g}".format(
        **figures
    )
    return Check(name, False, details)
