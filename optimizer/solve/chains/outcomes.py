"""All that a plan tells of its chains, read off sweeps of two commitments: the plan and none."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models import results
from optimizer.errors import SolverError
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve.accounts import by_year
from optimizer.solve.chains.multipliers import Forms, bottlenecks, seen
from optimizer.solve.chains.parts import Parts
from optimizer.solve.chains.worst_flows import WorstStates
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep import Recourse


def chain_outcomes(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    without_plan: Evaluation,
    recourse: Recourse | None = None,
) -> tuple[tuple[results.ChainOutcome, ...], tuple[str, ...]]:
    """What there is to say of each chain of several forms, in the order of the file; and the forms
    of those that the solver fails on. ``recourse`` is that in these states, where it is there."""
    if all(len(chain.nodes) == 1 for chain in instance.chains):
        return (), ()
    recourse = (recourse or Recourse(instance, states)).seen(instance)
    several = [
        Forms(recourse, states, looks, without_plan)
        for looks in recourse.together
        if any(len(chain.nodes) > 1 for chain in looks.chains)
    ]
    for forms in several:  # Pyomo builds one program at a time
        forms.build()

    def told(forms: Forms) -> results.ChainOutcome | None:
        try:
            return _outcome(forms, commitment)
        except SolverError:  # what is told of a plan must not be its end
            return None

    with ThreadPoolExecutor(recourse.threads) as pool:
        found = dict(zip(several, pool.map(told, several), strict=True))
    failed = [name for forms, own in found.items() if own is None for name in forms.names]
    return tuple(own for own in found.values() if own is not None), tuple(failed)


def _outcome(forms: Forms, commitment: Commitment) -> results.ChainOutcome:
    it, chance, y = forms.instance, forms.chance, forms.y
    level = float(it.case.objective.cvar.level)
    key = forms.looks.chains[0].head, y, level, np.array(forms.unit).tobytes(), repr(it.lot_t)
    memory = forms.recourse.memory  # doing nothing is the same whatever the plan
    if key not in memory:
        none = seen(forms, Commitment())
        memory[key] = none, WorstStates(forms, none)
    none, worst = memory[key]
    plan = seen(forms, commitment, like=none)
    helped = worst.flows(commitment)
    value, bare = (np.tensordot(chance, own.value, 1) for own in (plan, none))
    capacity, idle = (np.tensordot(chance, own.capacity, 1)[:, y] for own in (plan, none))
    parts = Parts(forms, commitment, plan, none)
    return results.ChainOutcome(
        year=it.years[y],
        short=float(chance @ plan.short),
        short_without_plan=float(chance @ none.short),
        forms=tuple(
            results.ChainForm(
                material=form,
                undisturbed=worst.calm.forms[form],
                worst_without_plan=worst.struck.forms[form],
                worst=helped.forms[form],
                value_per_t=by_year(it, value[m]),
                value_without_plan_per_t=by_year(it, bare[m]),
            )
            for m, form in enumerate(forms.names)
        ),
        plants=tuple(
            results.ChainPlant(
                id=plant.id,
                project=plant.project,
                output=plant.output,
                inputs_t_per_t=plant.inputs,
                undisturbed_t=worst.calm.made[label],
                worst_without_plan_t=worst.struck.made[label],
                worst_t=helped.made[label],
                value_per_t=float(capacity[p]),
                value_without_plan_per_t=float(idle[p]),
            )
            for p, (label, plant) in enumerate(forms.plants.items())
        ),
        bottlenecks=tuple(bottlenecks(forms, plan, none)),
        projects=tuple(parts.projects()),
        stockpiles=tuple(parts.stockpiles()),
        stages=tuple(parts.stages()),
    )
