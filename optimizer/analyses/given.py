"""A saved plan as analyses take it: its scenario, its states and what it commits to."""

import json
import time
from dataclasses import dataclass

from models.files import Reading, read_case_text
from models.language import tr
from models.results import Plan
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment, weighed_cost
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.plan_document import commitment_of, unknown_in
from optimizer.solve.planner import Problem
from optimizer.solve.sweep import Recourse
from optimizer.solve.verification import check_commitment

SAME = 1e-6
"""How far the objective of a saved plan may be from what is reckoned anew, as a share."""


@dataclass(frozen=True, eq=False)
class GivenPlan:
    """A plan that was saved, with all that it rests on read and reckoned anew."""

    plan: Plan
    reading: Reading
    """Its scenario as it was solved; ``reading.changed`` varies it."""
    problem: Problem
    """That scenario's instance and states, with recourse."""
    found: Found
    """The plan's commitment, checked, with its outcomes on its own states and its certificate."""


def given(plan: Plan, name: str = "plan.json", threads: int | None = None) -> GivenPlan:
    """Read a saved plan, check its commitment and reckon its outcomes anew.

    ``name`` stands for its scenario in messages. Raises ScenarioError if that has faults, and
    CheckFailed if the plan speaks of what its scenario lacks, breaks a rule, or its objective is
    not what it says: the file was changed, or another version made it.
    """
    began = time.perf_counter()
    reading = read_case_text(json.dumps(plan.scenario), name)
    read = Problem.of(reading.case)
    instance, states = read.instance, read.states
    recourse = Recourse(instance, states, threads=threads)
    problem = Problem(instance, states, time.perf_counter() - began, recourse)
    if unknown := unknown_in(instance, plan):
        names = ", ".join(dict.fromkeys(unknown))
        raise CheckFailed(
            tr("the plan speaks of {names}, which its scenario does not have", names=names)
        )
    commitment = commitment_of(instance, plan)
    check_commitment(instance, commitment)
    with_plan, without = outcomes.evaluate(
        instance, states, [commitment, Commitment()], threads=threads, recourse=recourse
    )
    objective = outcomes.objective(instance, with_plan, weighed_cost(instance, commitment))
    claimed = plan.certificate.objective
    if abs(objective - claimed) > SAME * max(1.0, abs(objective)):
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, its file says {claimed:.9g}",
                objective=objective,
                claimed=claimed,
            )
        )
    certificate = plan.certificate.model_copy(update={"objective": objective})
    found = Found(instance, states, commitment, with_plan, without, certificate)
    return GivenPlan(plan, reading, problem, found)
