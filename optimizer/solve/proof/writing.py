"""Writing of a proof: the files from which another solver can confirm a bound and a plan."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np

from models.results import BoundProof, Plan, proof as proofs
from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.highs import LinearProgram
from optimizer.model.instance import Floats
from optimizer.model.program_files import render_mps, symbol_map
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.exported_program import capped_tree, states_of_leaves
from optimizer.solve.problem import Problem
from optimizer.solve.proof.cut_records import local_name, record_cuts, records_to_json
from optimizer.solve.proof.proof_program import (
    FIXING_TOLERANCES,
    ProofProgram,
    fixed_at,
    program_for_file,
    violation,
)
from optimizer.solve.solver_result import SolverResult

MAX_VIOLATION = 1e-5  # of the plan in the program, relative to the terms of the row


def build_proof(
    problem: Problem, result: SolverResult, solution: CheckedSolution, plan: Plan
) -> dict[str, bytes] | None:
    """Return the files of the proof of a plan's bound by name; None if no bound was proven."""
    certificate = solution.certificate
    if certificate.bound is None:
        return None
    tree = replace(capped_tree(problem), measure=solution.measure)
    proof_program = ProofProgram.build(tree, states_of_leaves(problem, tree), result.method)
    records = []
    if result.method == "decomposition":
        master = result.search.master
        records = [
            record
            for record in record_cuts(master, list((master.traced_cuts or {}).values()))
            if proof_program.can_state(record)
        ]
    program = proof_program.with_cuts(records)
    named = program_for_file(program)
    known = _recourse_values(proof_program, result, solution.commitment)
    values = _complete_values(program, proof_program, solution.commitment, known)
    labels = {
        (n, chain.id): " ".join(leaf.instance.nodes[v].label for v in chain.nodes)
        for n, leaf in enumerate(tree.leaves)
        for chain in leaf.instance.chains
    }
    cuts = records_to_json(records, proof_program.file_name, labels)
    renamed = symbol_map(program, named)
    files = {
        proofs.PROGRAM_FILE: render_mps(named).encode(),
        proofs.CUTS_FILE: _json_bytes(cuts),
        proofs.SOLUTION_FILE: _render_solution(named, values).encode(),
        proofs.PROOF_PLAN_FILE: plan.model_dump_json(indent=2).encode() + b"\n",
        proofs.SCENARIO_FILE: _json_bytes(plan.scenario),
    }
    files |= {} if renamed is None else {proofs.PROGRAM_NAMES_FILE: renamed.encode()}
    proof = BoundProof(
        method=result.method,
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        gap_target=certificate.gap_target,
        status="optimal" if certificate.status == "optimal" else "limit",
        cuts=len(records),
        states=certificate.states,
        input_sha256=certificate.input_sha256,
        files={name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        versions=certificate.versions,
    )
    return files | {proofs.PROOF_FILE: proof.model_dump_json(indent=2).encode() + b"\n"}


def _json_bytes(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _recourse_values(
    proof_program: ProofProgram, result: SolverResult, plan: Commitment
) -> dict[int, float]:
    """Return the exact values of the columns that cuts bound, for a plan, by position."""
    if result.method != "decomposition":
        return {}
    oracle = result.search.cut_oracle
    outcome = oracle(oracle.recourse_points(plan), with_cuts=False)
    values = {}
    first_leaf = 0
    for oracles, cost in zip(oracle.oracles_by_set, outcome.recourse_costs, strict=True):
        mean = 0.0
        for n, part in enumerate(oracles):
            of_part = {v: outcome.damage_by_chain[part.first_node + v] for v in part.chain_ids}
            mean += part.weighted_mean(of_part)
            for v, damage in of_part.items():
                values[first_leaf + n, local_name("cost_to_go", v)] = damage
        weight = oracles[0].tail_weight
        if weight > 0:
            tail = (cost - (1 - weight) * mean) / weight
            for n in range(len(oracles)):
                values[first_leaf + n, local_name("tail_cost", "all")] = tail
        first_leaf += len(oracles)
    position = proof_program.position
    return {position[key]: value for key, value in values.items() if key in position}


def _complete_values(
    program: LinearProgram, proof_program: ProofProgram, plan: Commitment, known: dict[int, float]
) -> Floats:
    """Return the values of all columns for a plan: the remaining ones follow from its decisions.
    Raise SolverError if the plan does not fit into the program."""
    decisions = proof_program.decisions(plan)
    for tolerance in FIXING_TOLERANCES:
        # Cuts may exceed the damage by rounding.
        recourse = fixed_at(program, known, max(tolerance, 1e-9))
        fixed = fixed_at(recourse, decisions, tolerance)
        solution = highs.solve(fixed)
        if solution.ending == "optimal" and solution.values is not None:
            values = solution.values
            for c, value in (decisions | known).items():
                values[c] = value
            if violation(program, values)[0] <= MAX_VIOLATION:
                return values
    raise SolverError("the plan could not be written as a solution of the program of its proof")


def _render_solution(named: LinearProgram, values: Floats) -> str:
    """Return a solution file as SCIP and the solvers of MIPLIB read it: the objective, and each
    column that is not 0."""
    objective = math.fsum([*(named.cost * values).tolist(), named.offset])
    lines = [f"=obj= {objective!r}"]
    lines += [
        f"{named.column_names[c]} {float(values[c])!r}" for c in np.flatnonzero(values).tolist()
    ]
    if named.offset:
        lines.append("constant 1.0")
    return "\n".join(lines) + "\n"
