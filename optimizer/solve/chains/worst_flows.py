"""Flows of a chain in one year: undisturbed, and in the states that are worst without a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from models import results
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.model.risk import tail_weights
from optimizer.model.states import State
from optimizer.solve.chains.multipliers import Forms, Seen
from optimizer.solve.sweep import Recourse
from optimizer.solve.sweep.flows import Flow, Flows
from optimizer.solve.sweep.state_classes import ChainLooks

UNDISTURBED = State("undisturbed", 1.0)


class Side(NamedTuple):
    """Tonnes in the year: flows of each form, and what each plant makes."""

    forms: dict[str, results.FormFlow]
    made: dict[str, float]  # by label


class WorstStates:
    """The states that are worst without a plan. ``calm`` is what flows undisturbed without one,
    ``struck`` the mean of the worst states without it."""

    def __init__(self, forms: Forms, none: Seen) -> None:
        it = forms.instance
        damage = np.append(none.damage, 0.0)[forms.looks.of_state]  # the last where a state is calm
        level = float(it.case.objective.cvar.level)
        weights = tail_weights(forms.recourse.probability, damage, level)
        worst = [int(s) for s in np.flatnonzero(weights)]
        states = [*(forms.states[s] for s in worst), UNDISTURBED]
        self._few = Recourse(it, states, merge=False, like=forms.recourse)
        head = forms.looks.chains[0].head
        self._looks = next(own for own in self._few.together if own.chains[0].head == head)
        self._forms, self._mean = forms, np.append(weights[worst], 0.0)
        bare = _Tonnes(forms, self._few, self._looks, Commitment())
        self.calm = bare.mean(np.append(np.zeros(len(worst)), 1.0))
        self.struck = bare.mean(self._mean)

    def flows(self, commitment: Commitment) -> Side:
        """The mean of them with a plan."""
        return _Tonnes(self._forms, self._few, self._looks, commitment).mean(self._mean)


class _Tonnes:
    """Tonnes of a commitment in each of a few states."""

    def __init__(
        self, forms: Forms, few: Recourse, looks: ChainLooks, commitment: Commitment
    ) -> None:
        it, point = forms.instance, few.columns.point(commitment)
        names, count = results.FormFlow.model_fields, looks.count
        self._flows = {m: {name: np.zeros(count) for name in names} for m in forms.names}
        self._made = {label: np.zeros(count) for label in forms.plants}
        year = slice(forms.y * it.per_year, (forms.y + 1) * it.per_year)
        for chain in looks.chains:
            one = few.program(chain, looks, point, np.ones((1, count)), False)
            solved = Flows(it, chain, one.template).solve(one.given(slice(None)), one.open)
            for u, flow in enumerate(solved):
                for v in chain.nodes:
                    node, lot = it.nodes[v], it.lot_t[it.nodes[v].material]
                    makers = ((p.label, 1.0) for p in chain.plants if p.output == v)
                    takers = ((p.label, p.inputs[v]) for p in chain.plants if v in p.inputs)
                    lots = {
                        "supply_t": flow.supply[v],
                        "projects_t": flow.projects[v],
                        "made_t": _sum(flow, makers),
                        "released_t": flow.released[v],
                        "missing_t": flow.missing[v],
                        "demand_t": few.nodes[v].demand[looks.forms[node.material].row[u]],
                        "taken_t": _sum(flow, takers),
                        "unused_t": flow.unused[v],
                    }
                    for name, own in lots.items():
                        self._flows[node.material][name][u] += lot * own[year].sum()
                for plant in chain.plants:
                    lot = it.lot_t[it.nodes[plant.output].material]
                    self._made[plant.label][u] += lot * flow.made[plant.label][year].sum()

    def mean(self, weights: Floats) -> Side:
        """Of the states, by weights (U)."""
        flows = {
            form: results.FormFlow(**{name: float(weights @ t) for name, t in own.items()})
            for form, own in self._flows.items()
        }
        return Side(flows, {label: float(weights @ t) for label, t in self._made.items()})


def _sum(flow: Flow, plants: Iterable[tuple[str, float]]) -> Floats:
    """(K) lots that plants make, each times a ratio."""
    total = np.zeros(len(next(iter(flow.unused.values()))))
    for label, ratio in plants:
        total = total + ratio * flow.made[label]
    return total
