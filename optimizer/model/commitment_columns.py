"""Values of all first-stage variables that a commitment stands for."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.model import commitment as committed
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance


class CommitmentColumns:
    """The values of first-stage variables at a commitment without branches, by name and index."""

    def __init__(self, instance: Instance, commitment: Commitment) -> None:
        self.instance, self.commitment = instance, commitment

    def load(self, model: Any) -> None:
        """Set all variables of a first-stage model."""
        for variable in model.component_data_objects(pyo.Var):
            component = variable.parent_component()
            variable.set_value(self.value(component.local_name, variable.index()), True)

    def value(self, kind: str, index: Any) -> float:
        """Return the value of a first-stage column in the plan; ``kind`` and ``index`` are its name
        and index."""
        commitment, first_year = self.commitment, self.instance.years[0]
        match kind, index:
            case "unaided", p:
                return float(p not in commitment.start)
            case "buy", (h, year):
                return float(commitment.expected_purchases(self.instance, h)[year - first_year])
            case "planned", (h, k):
                return float(committed.planned_stock(self.instance, commitment, h)[k])
            case (("unspent" | "line_unspent"), (*owner, year)):
                return float(self._unspent_by_year[tuple(owner)][year - first_year])
        return self._decisions.get((kind, index), 0.0)

    @cached_property
    def _decisions(self) -> dict[tuple[str, Any], float]:
        return committed.decision_values(self.instance, self.commitment)

    @cached_property
    def _unspent_by_year(self) -> dict[tuple[str, ...], Floats]:
        """The unspent amounts (Y) of each budget with yearly amounts, in million EUR.

        Keys are the funder, or the funder and the budget line.
        """
        instance = self.instance
        unspent_by_key: dict[tuple[str, ...], Floats] = {}
        use_by_funder = committed.budget_use(instance, self.commitment)
        for f, funder in instance.case.funders.items():
            by_year = funder.budget_by_year_meur
            if by_year is not None:
                granted = [float(by_year.get(year, 0.0)) for year in instance.years]
                unspent_by_key[f,] = _compute_unspent(granted, use_by_funder[f], funder.carry_over)
        use_by_line = committed.budget_line_use(instance, self.commitment)
        for key, line in instance.budget_lines.items():
            if line.yearly_budget is not None:
                unspent_by_key[key] = _compute_unspent(
                    line.yearly_budget, use_by_line[key], line.carry_over
                )
        return unspent_by_key


def _compute_unspent(
    granted: Sequence[float] | Floats, used_amounts: Floats, carries_over: bool
) -> Floats:
    """Compute the unspent amounts (Y) of a budget at the end of each year."""
    carried_amount, unspent_amounts = 0.0, np.zeros(len(used_amounts))
    for y, amount in enumerate(granted):
        carried_amount = max(
            0.0, float(amount) + (carried_amount if carries_over else 0.0) - float(used_amounts[y])
        )
        unspent_amounts[y] = carried_amount
    return unspent_amounts
