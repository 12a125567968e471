"""Plans of earlier problems, from which a search can start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.model.commitment import Commitment, convert_lots
from optimizer.model.instance import Instance
from optimizer.solve.decomposition.cuts import CutOracle


@dataclass(frozen=True, eq=False)
class KnownPlan:
    """Plan of another problem, with its recourse costs where they are known."""

    plan: Commitment
    lot_t: dict[str, float]  # tonnes per lot in the plan's problem
    # Recourse part of the objective, by ``CutOracle.objective_key``.
    recourse_costs: dict[Any, tuple[float, ...]]

    def transferred_to(self, instance: Instance) -> KnownPlan:
        """Return the plan with quantities converted to the lots of another instance."""
        plan = (
            self.plan
            if instance.lot_tonnes == self.lot_t
            else convert_lots(self.plan, self.lot_t, instance)
        )
        return KnownPlan(plan, instance.lot_tonnes, self.recourse_costs)

    def is_evaluated(self, cut_oracle: CutOracle) -> bool:
        """Return whether the recourse costs of the plan under this oracle are known."""
        return cut_oracle.objective_key in self.recourse_costs

    def objective(self, cut_oracle: CutOracle) -> float:
        """Return the objective of the plan under this oracle. Recourse costs are evaluated if they
        are unknown."""
        key = cut_oracle.objective_key
        if key not in self.recourse_costs:
            self.recourse_costs[key] = cut_oracle.recourse_costs(self.plan)
        return cut_oracle.tree.plan_objective(self.plan, self.recourse_costs[key])
