"""A plan on the states of another scenario: what it promised, and what it does in a world it was
not made for, such as the path that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.case import Case
from models.language import tr
from optimizer import outcomes
from optimizer.analyses.given import GivenPlan
from optimizer.commitment import Commitment, net_cost
from optimizer.errors import CheckFailed
from optimizer.instance import Floats, Instance
from optimizer.outcomes import Evaluation
from optimizer.plan_document import commitment_of
from optimizer.planner import Problem
from optimizer.states import State
from optimizer.sweep import Recourse


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A plan in the states of another scenario, and nothing done in the same states."""

    given: GivenPlan
    instance: Instance
    """That of the other scenario."""
    states: Sequence[State]
    commitment: Commitment
    """The plan's, in that instance."""
    with_plan: Evaluation
    """Stocks are released with foresight: on a single path, in full knowledge of it."""
    without_plan: Evaluation
    by_year: dict[str, Floats]
    """(Y) expected damage with the plan by material, in the unit of the measure."""
    by_year_without_plan: dict[str, Floats]
    """The same without any plan."""

    @property
    def sampled(self) -> bool:
        """Whether the states are a sample, so that figures have errors; written ones are exact."""
        uncertainty = self.instance.case.uncertainty
        return uncertainty is not None and uncertainty.sample is not None

    @property
    def avoided(self) -> float:
        """Expected damage that the plan avoids there."""
        return self.without_plan.expected - self.with_plan.expected

    @property
    def net_cost(self) -> float:
        """Discounted net cost of the plan in the other scenario's prices and terms."""
        return net_cost(self.instance, self.commitment)


def on_states_of(given: GivenPlan, case: Case, threads: int | None = None) -> Elsewhere:
    """The commitment of a plan in the states of another scenario, or of a variant of its own.

    Hazards, demand, damage, prices and what comes of projects are those of the other scenario; the
    plan brings its decisions alone. Whether it would keep the other's budgets is not asked.

    Raises CheckFailed where the other scenario has other years, materials, consumers, projects,
    funders, instruments or stockpiles, so that the plan means nothing there.
    """
    problem = Problem.of(case)
    instance, states = problem.instance, problem.states
    _check_alike(given.problem.instance, instance)
    commitment = commitment_of(instance, given.plan)
    recourse = Recourse(instance, states, threads=threads)
    with_plan, without = outcomes.evaluate(
        instance, states, [commitment, Commitment()], threads=threads, recourse=recourse
    )
    return Elsewhere(
        given,
        instance,
        states,
        commitment,
        with_plan,
        without,
        _by_year(instance, recourse, commitment),
        _by_year(instance, recourse, Commitment()),
    )


def _check_alike(own: Instance, other: Instance) -> None:
    """Refuse an instance in which decisions of the other would stand for something else."""
    apart = _decided(own) ^ _decided(other)
    if apart:
        raise CheckFailed(
            tr(
                "the plan cannot be put on these states: only one of the two scenarios has {names}",
                names=", ".join(sorted(apart)),
            )
        )


def _decided(instance: Instance) -> set[str]:
    """What a plan speaks of, as it is called in messages."""
    case = instance.case
    return {
        f"periods_per_year={instance.per_year}",
        *(str(year) for year in instance.years),
        *case.materials,
        *case.consumers,
        *case.projects,
        *(f"{i.funder}.{i.id}" for i in instance.instruments),
        *(f"{stockpile.id} ({stockpile.material})" for stockpile in case.stockpiles),
    }


def _by_year(instance: Instance, recourse: Recourse, commitment: Commitment) -> dict[str, Floats]:
    """(Y) expected damage by material."""
    years, n = len(instance.years), instance.per_year
    damage = {m: np.zeros(years) for m in instance.case.materials}
    for part in recourse.shortages(recourse.columns.point(commitment)):
        for v, lots in part.by_step.items():
            value = (lots * recourse.nodes[v].as_in_file[0]).sum(axis=0)
            damage[part.looks.material] += value.reshape(years, n).sum(axis=1)
    return damage
