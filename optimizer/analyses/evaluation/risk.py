"""How an objective weighs what may come: the mean, and the mean of the worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.scenario.case import Case
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.variation import TAIL, written
from optimizer.model.instance import Floats, read_instance
from optimizer.solve.outcomes import mean_of_worst
from optimizer.solve.planner import Problem


@dataclass(frozen=True)
class Risk:
    """The measure (1 - weight) E + weight CVaR of a total over the states.

    It is monotone, and moves along with a constant that is added to all states (Rockafellar and
    Uryasev 2000), so that damage and cost may be added state by state before it is taken.
    """

    level: float
    weight: float

    @classmethod
    def of(cls, case: Case) -> Risk:
        """That of a scenario's objective."""
        cvar = case.objective.cvar
        return cls(float(cvar.level), float(cvar.weight))

    def __call__(self, chance: Floats, total: Floats) -> float:
        """Of totals (S) that come with a chance (S)."""
        mean = float(chance @ total / chance.sum())
        if self.weight == 0:
            return mean
        return (1 - self.weight) * mean + self.weight * mean_of_worst(chance, total, self.level)

    def influence(self, chance: Floats, total: Floats) -> Floats:
        """(S) what each state adds, but for a constant: the spread of these is that of an estimate
        from a sample (of CVaR: Trindade, Uryasev, Shapiro and Zrazhevsky 2007)."""
        order = np.argsort(total, kind="stable")
        reached = np.cumsum(chance[order]) / chance.sum()
        at = min(int(np.searchsorted(reached, self.level - 1e-9)), len(total) - 1)
        quantile = float(total[order[at]])
        excess = np.maximum(total - quantile, 0.0) / (1 - self.level)
        added: Floats = (1 - self.weight) * total + self.weight * excess
        return added


def weighing(given: GivenPlan, weight: float) -> Problem:
    """The plan's problem with another weight of the tail; its recourse stays."""
    case = given.reading.changed([f"{TAIL}={written(weight)}"]).case
    own = given.problem
    return Problem(read_instance(case), own.states, 0.0, own.recourse)
