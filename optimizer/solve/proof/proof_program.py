"""Files of a proof: the program and its cuts as they are built, written and read back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from models.files import read_case_text
from models.results import BoundProof, Plan, manifest as proofs
from optimizer.errors import CheckFailed, SolverError
from optimizer.model import formulation, highs
from optimizer.model.commitment import Commitment, decision_values
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import MIN_COEFFICIENT, LinearProgram, compile_model
from optimizer.model.instance import Floats, Instance
from optimizer.model.program_files import file_names, named_program, render_mps, symbol_map
from optimizer.model.stacked_problem import SHARED_COLUMNS, join_models
from optimizer.model.states import State
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.master_columns import MasterColumns
from optimizer.solve.exported_program import capped_tree, leaf_model, states_of_leaves
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.problem import Problem
from optimizer.solve.recourse import FirstStageColumns, FirstStagePoint
from optimizer.solve.solver_result import Method, SolverResult

LeafColumn = tuple[int, str]
"""A column by the position of its leaf, and its name in the model of the leaf."""
Point = dict[str, float]
"""Values of the decisions in one leaf that are not 0, by name in the model of the leaf."""


@dataclass(frozen=True)
class CutPart:
    """What a cut states of one chain: for all decisions x, the damage of the chain, summed over the
    states with the weights of the cut, is at least ``right_side`` minus the sum of the
    ``coefficients`` times x."""

    leaf: int
    chain: int  # id of the chain
    right_side: float
    coefficients: dict[str, float]


@dataclass(frozen=True)
class CutRecord:
    """A cut: ``column`` plus the coefficients of all parts times the decisions is at least the sum
    of their right sides."""

    column: LeafColumn
    parts: tuple[CutPart, ...]
    points: tuple[tuple[int, Point], ...]
    """Decisions at which the cut was made, by leaf; empty for a cut that combines multipliers of
    several points."""
    is_tight: bool  # whether the cut equals the damage at its points
    weights: tuple[tuple[int, tuple[float, ...]], ...] = ()
    """Weights of the states (S) by leaf; empty for their probabilities, which a cut on the mean
    damage of a chain has."""
    tail_weights: tuple[tuple[int, tuple[float, ...]], ...] = ()
    """Weights of the CVaR alone, in the same form."""


def record_cuts(master: MasterColumns, cuts: Sequence[Cut]) -> list[CutRecord]:
    """Return the records of cuts of a master problem. Cuts on columns that it lacks are omitted."""
    first_nodes = [part.first_node for part in master.part_columns]
    leaf_of_set: dict[int, int] = {}
    for n, one in enumerate(master.tree.leaves):
        leaf_of_set.setdefault(one.set_index, n)
    layout = master.layout.columns

    def leaf_of(node: int) -> int:
        return int(np.searchsorted(first_nodes, node, side="right")) - 1

    def part(leaf: int, chain: Sequence[int], cut: Cut) -> CutPart:
        coefficients: dict[str, float] = {}
        for node in chain:
            cut_columns = master.cut_columns(node)
            entries = cut_columns.coefficients(cut.subgradients[node])
            for c, entry in zip(cut_columns.columns.tolist(), entries.tolist(), strict=True):
                if entry:
                    name = local_name(*layout[c][:2])
                    coefficients[name] = coefficients.get(name, 0.0) + entry
        right_side = sum(float(cut.subgradients[node].constant[0]) for node in chain)
        first_node = master.part_columns[leaf].first_node
        return CutPart(leaf, chain[0] - first_node, right_side, coefficients)

    records = []
    for cut in cuts:
        by_chain: dict[tuple[int, int], list[int]] = {}
        for node in cut.subgradients:
            leaf = leaf_of(node)
            recourse = master.part_columns[leaf].recourse
            local = node - first_nodes[leaf]
            (chain,) = (v for v, nodes in recourse.nodes_by_chain.items() if local in nodes)
            by_chain.setdefault((leaf, chain), []).append(node)
        parts = tuple(part(leaf, sorted(nodes), cut) for (leaf, _), nodes in by_chain.items())
        if cut.is_tail:
            leaves = sorted({leaf for leaf, _ in by_chain} or {0})
            set_index = master.tree.leaves[leaves[0]].set_index
            leaves = [n for n, x in enumerate(master.tree.leaves) if x.set_index == set_index]
            column = (leaf_of_set[set_index], local_name("tail_cost", "all"))
            sources = list(zip(leaves, cut.joint_parts, strict=True)) if cut.joint_parts else []
            points = tuple((n, named_point(master, n, x.point)) for n, x in sources)
            weights = tuple((n, tuple(x.weights.tolist())) for n, x in sources)
            tail_weights = tuple((n, tuple(x.tail_weights.tolist())) for n, x in sources)
        else:
            ((leaf, chain),) = by_chain
            column = (leaf, local_name("cost_to_go", chain))
            has_point = cut.point is not None
            points = ((leaf, named_point(master, leaf, cut.point)),) if has_point else ()
            weights = tail_weights = ()
        is_tight = cut.is_exact and bool(points)
        records.append(CutRecord(column, parts, points, is_tight, weights, tail_weights))
    return records


def local_name(component: str, index: Any) -> str:
    """Return the name that Pyomo gives to a variable."""
    text = ",".join(map(str, index)) if isinstance(index, tuple) else str(index)
    return f"{component}[{text}]"


def named_point(master: MasterColumns, leaf: int, point: FirstStagePoint | None) -> Point:
    """Return the values of a first-stage point that are not 0, by name."""
    assert point is not None
    instance = master.tree.leaves[leaf].instance
    recourse = master.part_columns[leaf].recourse
    known = master.reduced_program.part_indices[leaf].column_index
    values = {}
    for key, value in point_values(instance, recourse.columns, point):
        if value and key in known:
            values[local_name(*key)] = value
    return values


def point_values(
    instance: Instance, columns: FirstStageColumns, point: FirstStagePoint
) -> Iterator[tuple[tuple[str, Any], float]]:
    """Yield each decision of a first-stage point by component and index, with its value."""
    special: dict[Any, tuple[str, Any]] = {
        columns.unaided_column(instance, p): ("unaided", p) for p in instance.unaided_projects
    }
    special |= {columns.floored_column(key): ("floored", key) for key in instance.floored_offtakes}
    for key, value in zip(columns.offtake_columns, point.offtake.tolist(), strict=True):
        yield special.get(key, ("offtake", key)), value
    for h, lots in zip(columns.stockpiles, point.buy.tolist(), strict=True):
        for year, value in zip(instance.years, lots, strict=True):
            yield ("buy", (h, year)), value


def records_to_json(
    records: Sequence[CutRecord],
    file_name: Mapping[LeafColumn, str],
    chain_labels: Mapping[tuple[int, int], str],
) -> dict[str, Any]:
    """Return the records as JSON data, with the names of columns in the program file."""

    def named(leaf: int, values: Mapping[str, float]) -> dict[str, float]:
        return {file_name[leaf, name]: x for name, x in values.items() if (leaf, name) in file_name}

    return {
        "cuts": [
            {
                "row": cut_name(number),
                "column": file_name[record.column],
                "parts": [
                    {
                        "leaf": part.leaf,
                        "chain": part.chain,
                        "nodes": chain_labels[part.leaf, part.chain],
                        "right_side": part.right_side,
                        "coefficients": named(part.leaf, part.coefficients),
                    }
                    for part in record.parts
                ],
                "points": {str(leaf): named(leaf, point) for leaf, point in record.points},
                "tight": record.is_tight,
                "state_weights": {str(leaf): list(q) for leaf, q in record.weights} or None,
                "tail_weights": {str(leaf): list(q) for leaf, q in record.tail_weights} or None,
            }
            for number, record in enumerate(records)
        ]
    }


def records_from_json(content: Any, leaf_column: Mapping[str, LeafColumn]) -> list[CutRecord]:
    """Read records of cuts. Raise KeyError, TypeError, ValueError or AttributeError if the content
    does not have their form."""

    def local(values: Any) -> dict[str, float]:
        return {leaf_column[name][1]: float(x) for name, x in values.items()}

    return [
        CutRecord(
            leaf_column[item["column"]],
            tuple(
                CutPart(
                    int(part["leaf"]),
                    int(part["chain"]),
                    float(part["right_side"]),
                    local(part["coefficients"]),
                )
                for part in item["parts"]
            ),
            tuple((int(leaf), local(point)) for leaf, point in item["points"].items()),
            bool(item["tight"]),
            *(
                tuple((int(leaf), tuple(map(float, q))) for leaf, q in (item[key] or {}).items())
                for key in ("state_weights", "tail_weights")
            ),
        )
        for item in content["cuts"]
    ]


def cut_name(number: int) -> str:
    """Return the name of the row of a cut in the program file."""
    return f"cut({number + 1})"


def weights_by_leaf(record: CutRecord, probabilities: Mapping[int, Floats]) -> dict[int, Floats]:
    """Return the weights of the states (S) in a cut, by leaf: its own, or the probabilities."""
    if record.weights:
        return {leaf: np.array(q) for leaf, q in record.weights}
    return dict(probabilities)


FIXING_TOLERANCES = (0.0, 1e-9, 1e-7, 1e-6)
"""Tolerances with which the decisions of a plan are tried in a program, since plans keep rules only
up to rounding."""


@dataclass(frozen=True, eq=False)
class ProofProgram:
    """The program of a proof, with the position of each column of a leaf."""

    tree: DecisionTree
    program: LinearProgram
    position: dict[LeafColumn, int]

    @classmethod
    def build(
        cls, tree: DecisionTree, states: Sequence[Sequence[State]], method: Method
    ) -> ProofProgram:
        """Build the first stage without cuts, or the extensive form. ``states`` are those of each
        leaf."""
        models = [
            formulation.build_master(leaf.instance)
            if method == "decomposition"
            else formulation.build_extensive_form(leaf.instance, tuple(leaf_states))
            for leaf, leaf_states in zip(tree.leaves, states, strict=True)
        ]
        joint = join_models(tree, models)
        compiled = compile_model(joint)
        blocks = {id(leaf_model(joint, tree, n)): n for n in range(len(tree.leaves))}
        position = {
            (blocks[id(variable.parent_block())], str(variable.local_name)): c
            for c, variable in enumerate(compiled.variables)
            if id(variable.parent_block()) in blocks
        }
        return cls(tree, compiled.program, position)

    @property
    def file_name(self) -> dict[LeafColumn, str]:
        """Name in the program file of each column of a leaf."""
        names = file_names(self.program.column_names)
        return {key: names[c] for key, c in self.position.items()}

    def with_cuts(self, records: Sequence[CutRecord]) -> LinearProgram:
        """Return the program with the rows of cuts."""
        program = self.program
        if not records:
            return program
        rows, columns, entries, lower = list[int](), list[int](), list[float](), list[float]()
        for r, record in enumerate(records):
            coefficients: dict[int, float] = {self.position[record.column]: 1.0}
            right_side = 0.0
            for part in record.parts:
                right_side += part.right_side
                for name, entry in part.coefficients.items():
                    c = self.position[part.leaf, name]
                    coefficients[c] = coefficients.get(c, 0.0) + entry
            for c, entry in coefficients.items():
                # Solvers drop such entries; without them, the row has to be weaker.
                if abs(entry) <= MIN_COEFFICIENT and np.isfinite(program.upper[c]):
                    right_side -= max(entry, 0.0) * float(program.upper[c])
                    continue
                rows.append(r)
                columns.append(c)
                entries.append(entry)
            lower.append(right_side)
        shape = (len(records), len(program.cost))
        cuts = sparse.csc_array((np.array(entries), (rows, columns)), shape=shape)
        return replace(
            program,
            matrix=sparse.csc_array(sparse.vstack([program.matrix, cuts])),
            row_lower=np.concatenate([program.row_lower, lower]),
            row_upper=np.concatenate([program.row_upper, np.full(len(records), np.inf)]),
            row_names=[*program.row_names, *map(cut_name, range(len(records)))],
        )

    def decisions(self, plan: Commitment) -> dict[int, float]:
        """Return the value of each decision of a plan, by position; 0 for those that it does not
        make."""
        values = {
            c: 0.0 for (_, name), c in self.position.items() if name.split("[")[0] in SHARED_COLUMNS
        }
        for n, leaf in enumerate(self.tree.leaves):
            branch_plan = plan.on_branch(leaf.branch)
            for key, value in decision_values(leaf.instance, branch_plan).items():
                if (c := self.position.get((n, local_name(*key)))) is not None:
                    values[c] = value
        return values

    def can_state(self, record: CutRecord) -> bool:
        """Return whether all columns of a cut are in the program. A leaf that no state reaches has
        no weight in the objective, and the program lacks its columns."""
        keys = [(part.leaf, name) for part in record.parts for name in part.coefficients]
        return all(key in self.position for key in (record.column, *keys))


def program_for_file(program: LinearProgram) -> LinearProgram:
    """Return the program with the names that it has in the file."""
    return named_program(program)


def fixed_at(program: LinearProgram, values: dict[int, float], tolerance: float) -> LinearProgram:
    """Return the relaxation of a program with some columns fixed at values, to a tolerance."""
    lower, upper = program.lower.copy(), program.upper.copy()
    for c, value in values.items():
        slack = tolerance * (1 + abs(value))
        lower[c] = min(max(lower[c], value - slack), upper[c])
        upper[c] = max(min(upper[c], value + slack), lower[c])
    return replace(program.relaxation(), lower=lower, upper=upper)


def violation(program: LinearProgram, x: Floats) -> tuple[float, str]:
    """Return the largest violation of a row, bound or integrality by ``x``, relative to the terms
    of the row, and the name of the row or column."""
    matrix = sparse.csr_array(program.matrix)
    activity = matrix @ x
    size = 1 + abs(matrix) @ np.abs(x)
    excess: list[tuple[Any, Any]] = [
        (np.maximum(program.row_lower - activity, activity - program.row_upper) / size,
         program.row_names),
        (np.maximum(program.lower - x, x - program.upper) / (1 + np.abs(x)), program.column_names),
        (np.where(program.is_integer, np.abs(x - np.round(x)), 0.0), program.column_names),
    ]  # fmt: skip
    worst = [
        (float(values[place]), str(names[place]))
        for values, names in excess
        if len(values) and (place := int(np.argmax(values))) >= 0
    ]
    return max(worst, default=(0.0, ""))


TOLERANCE = 1e-6  # of bound, objective and decisions, relative to their size
MIN_SCALE = 1e-3  # smallest objective to which tolerances are relative: solvers resolve 1e-9


class LimitReached(CheckFailed):
    """A limit ended a solve, so that nothing is decided."""


@dataclass(frozen=True)
class Check:
    """One check of a proof: its name, whether it holds (None if a limit ended it), its figures and
    its time in seconds."""

    name: str
    holds: bool | None
    details: str
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class LoadedProof:
    """The files of a proof, as far as they can be read without a check."""

    proof: BoundProof
    plan: Plan
    files: dict[str, bytes]

    @cached_property
    def problem(self) -> Problem:
        """The problem of the plan's scenario, with the reference optima that the plan states."""
        case = read_case_text(json.dumps(self.plan.scenario), proofs.PROOF_PLAN_FILE).case
        problem = Problem.from_case(case)
        saved = {outcome.id: outcome for outcome in self.plan.under}
        optima = [
            ReferenceOptimum(outcome.best, outcome.best_bound)
            for name in case.assumptions
            if (outcome := saved.get(name)) is not None and outcome.best is not None
        ]
        if problem.uses_reference_optima and len(optima) != len(problem.set_problems):
            raise CheckFailed("the plan does not contain the best plan of each set of assumptions")
        return replace(problem, reference_optima=tuple(optima)) if problem.set_problems else problem

    @cached_property
    def tree(self) -> DecisionTree:
        """The decision tree of the problem, as it was solved."""
        return capped_tree(self.problem)

    @cached_property
    def states(self) -> list[tuple[State, ...]]:
        """The states of each leaf."""
        return states_of_leaves(self.problem, self.tree)

    @cached_property
    def program(self) -> ProofProgram:
        """The program without cuts, built from the scenario."""
        return ProofProgram.build(self.tree, self.states, self.proof.method)

    @cached_property
    def records(self) -> list[CutRecord]:
        """The cuts. Raise CheckFailed if the file does not have their form."""
        local = {name: key for key, name in self.program.file_name.items()}
        try:
            return records_from_json(json.loads(self.files[proofs.CUTS_FILE]), local)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"'{proofs.CUTS_FILE}' cannot be read: {error}"
            raise CheckFailed(message) from None

    @cached_property
    def program_with_cuts(self) -> LinearProgram:
        """The program with cuts, with the names of the file."""
        return program_for_file(self.program.with_cuts(self.records))

    @cached_property
    def commitment(self) -> Commitment:
        """The commitment that the plan states."""
        return commitment_from_plan(self.problem.instance, self.plan)

    @cached_property
    def solution(self) -> Floats:
        """The values of all columns in the solution file."""
        named = self.program_with_cuts
        position = {name: c for c, name in enumerate(named.column_names)}
        values = np.zeros(len(position))
        try:
            for line in self.files[proofs.SOLUTION_FILE].decode().splitlines()[1:]:
                name, value = line.split()
                if name != "constant":
                    values[position[name]] = float(value)
        except (KeyError, ValueError) as error:
            file = proofs.SOLUTION_FILE
            raise CheckFailed(f"'{file}' cannot be read: {error}") from None
        return values

    @property
    def scale(self) -> float:
        """The size of the objective, to which tolerances are relative. A regret may be zero, so the
        objectives of which it is the difference count as well."""
        floor = max(self.problem.objective_floor, MIN_SCALE)
        return max(abs(self.proof.objective), abs(self.proof.bound), floor)


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
