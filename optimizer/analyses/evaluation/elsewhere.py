"""A plan in the states of another scenario, such as the path that came."""

from __future__ import annotations

import time

from models.files import Reading
from models.language import tr
from optimizer.analyses.given import GivenPlan
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import Found
from optimizer.solve.plan_document import commitment_of
from optimizer.solve.planner import Problem
from optimizer.solve.sweep import Recourse


def in_world_of(given: GivenPlan, reading: Reading, threads: int | None = None) -> GivenPlan:
    """The same plan in another scenario, or in a variant of its own: its decisions alone go along.

    Hazards, demand, damage, prices and what comes of projects are those of the other scenario.
    Whether the plan would keep the other's budgets is not asked, and its certificate says nothing
    there.

    Raises CheckFailed where the other scenario has other years, materials, consumers, projects,
    funders, instruments or stockpiles, so that the plan means nothing there, or another measure or
    currency, so that figures of the two cannot be put side by side.
    """
    began = time.perf_counter()
    read = Problem.of(reading.case)
    instance, states = read.instance, read.states
    _check_alike(given.problem.instance, instance)
    commitment = commitment_of(instance, given.plan)
    recourse = Recourse(instance, states, threads=threads)
    problem = Problem(instance, states, time.perf_counter() - began, recourse)
    with_plan, without = outcomes.evaluate(
        instance, states, [commitment, Commitment()], threads=threads, recourse=recourse
    )
    certificate = given.found.certificate
    found = Found(instance, states, commitment, with_plan, without, certificate)
    return GivenPlan(given.plan, reading, problem, found)


def _check_alike(own: Instance, other: Instance) -> None:
    """Refuse an instance in which decisions or figures of the other would stand for something
    else."""
    apart = _decided(own) ^ _decided(other)
    if apart:
        raise CheckFailed(
            tr(
                "the plan cannot be put on these states: only one of the two scenarios has {names}",
                names=", ".join(sorted(apart)),
            )
        )


def _decided(instance: Instance) -> set[str]:
    """What a plan speaks of and in which units, as it is called in messages."""
    case = instance.case
    return {
        f"periods_per_year={instance.per_year}",
        f"measure={case.objective.measure}",
        f"currency={case.currency}",
        *(str(year) for year in instance.years),
        *case.materials,
        *case.consumers,
        *case.projects,
        *(f"{i.funder}.{i.id}" for i in instance.instruments),
        *(f"{stockpile.id} ({stockpile.material})" for stockpile in case.stockpiles),
    }
