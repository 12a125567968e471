"""The files of a proof, and what follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from models.files import read_case_text
from models.results import BoundProof, Plan, proof as proofs
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import LinearProgram
from optimizer.model.instance import Floats
from optimizer.model.states import State
from optimizer.solve.exported_program import capped_tree, states_of_leaves
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.problem import Problem
from optimizer.solve.proof.cut_records import CutRecord, records_from_json
from optimizer.solve.proof.proof_program import ProofProgram, program_for_file
from optimizer.solve.set_outcomes import ReferenceOptimum

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
