"""A saved plan as analyses take it: its scenario, its states and what it commits to."""

import json
import time
from dataclasses import dataclass, replace

from models.files import LoadedScenario, read_case_text
from models.language import tr
from models.results import Plan
from optimizer.errors import CheckFailed
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum
from optimizer.solve.plan_document import commitment_from_plan, unknown_ids
from optimizer.solve.planner import Problem, recompute_plan

OBJECTIVE_TOLERANCE = 1e-6
"""How far the objective of a saved plan may be from what is reckoned anew, as a share."""


@dataclass(frozen=True, eq=False)
class SavedPlan:
    """A plan that was saved, with all that it rests on read and reckoned anew."""

    plan: Plan
    reading: LoadedScenario
    """Its scenario as it was solved; ``reading.changed`` varies it."""
    problem: Problem
    """That scenario's instance and states, with recourse."""
    solution: CheckedSolution
    """The plan's commitment, checked, with its outcomes on its own states and its certificate."""


def load_saved_plan(
    plan: Plan, source_name: str = "plan.json", threads: int | None = None
) -> SavedPlan:
    """Read a saved plan, check its commitment and reckon its outcomes anew.

    ``name`` stands for its scenario in messages. Raises ScenarioError if that has faults, and
    CheckFailed if the plan speaks of what its scenario lacks, breaks a rule, or its objective is
    not what it says: the file was changed, or another version made it.
    """
    began = time.perf_counter()
    reading = read_case_text(json.dumps(plan.scenario), source_name)
    read = Problem.from_case(reading.case)
    instance, kept = read.instance, {own.id: own for own in plan.under}
    seen, seconds = read.with_recourse(threads), time.perf_counter() - began
    best = [
        ReferenceOptimum(own.best, own.best_bound)
        for name in reading.case.assumptions
        if (own := kept.get(name)) is not None and own.best is not None
    ]
    problem = replace(
        seen, read_seconds=seconds, reference_optima=tuple(best) if read.set_problems else ()
    )
    if best and len(best) != len(read.set_problems):
        raise CheckFailed(tr("the plan does not tell the best plan of each set of assumptions"))
    if unknown := unknown_ids(instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        raise CheckFailed(
            tr("the plan speaks of {names}, which its scenario does not have", names=names)
        )
    commitment = commitment_from_plan(instance, plan)
    reckoned = recompute_plan(problem, commitment, threads=threads)
    objective = reckoned.objective
    claimed = plan.certificate.objective
    if abs(objective - claimed) > OBJECTIVE_TOLERANCE * max(1.0, abs(objective)):
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, its file says {claimed:.9g}",
                objective=objective,
                claimed=claimed,
            )
        )
    certificate = plan.certificate.model_copy(update={"objective": objective})
    return SavedPlan(
        plan, reading, problem, reckoned.to_checked_solution(certificate, threads=threads)
    )
