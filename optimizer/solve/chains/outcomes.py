"""All that a plan tells of its chains, read off sweeps of two commitments: the plan and none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models import results
from optimizer.errors import SolverError
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve.accounts import by_year
from optimizer.solve.chains.multipliers import Forms, bottlenecks, seen
from optimizer.solve.chains.parts import Parts
from optimizer.solve.chains.worst_flows import worst_flows
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep import Recourse


def chain_outcomes(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    without_plan: Evaluation,
    threads: int | None = None,
) -> tuple[tuple[results.ChainOutcome, ...], tuple[str, ...]]:
    """What there is to say of each chain of several forms, in the order of the file; and the forms
    of those that the solver fails on."""
    if all(len(chain.nodes) == 1 for chain in instance.chains):
        return (), ()
    recourse, found, failed = Recourse(instance, states, threads=threads), [], list[str]()
    for looks in recourse.together:
        if all(len(chain.nodes) == 1 for chain in looks.chains):
            continue
        forms = Forms(recourse, states, looks, without_plan)
        try:
            found.append(_outcome(forms, commitment))
        except SolverError:  # what is told of a plan must not be its end
            failed += forms.names
    return tuple(found), tuple(failed)


def _outcome(forms: Forms, commitment: Commitment) -> results.ChainOutcome:
    it, chance, y = forms.instance, forms.chance, forms.y
    plan = seen(forms, commitment)
    none = seen(forms, Commitment(), like=plan)
    value, bare = (np.tensordot(chance, own.value, 1) for own in (plan, none))
    capacity, idle = (np.tensordot(chance, own.capacity, 1)[:, y] for own in (plan, none))
    calm, struck, helped = worst_flows(forms, none, commitment)
    parts = Parts(forms, commitment, plan, none)
    return results.ChainOutcome(
        year=it.years[y],
        short=float(chance @ plan.short),
        short_without_plan=float(chance @ none.short),
        forms=tuple(
            results.ChainForm(
                material=form,
                undisturbed=calm.forms[form],
                worst_without_plan=struck.forms[form],
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
                undisturbed_t=calm.made[label],
                worst_without_plan_t=struck.made[label],
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
