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
from optimizer.solve.accounts import values_by_year
from optimizer.solve.chains.chain_values import ChainAnalysis, evaluate_chain, find_bottlenecks
from optimizer.solve.chains.plan_contributions import PlanContributions
from optimizer.solve.chains.worst_flows import WorstStates
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse import RecourseEvaluator


def chain_outcomes(
    instance: Instance,
    states: Sequence[State],
    commitment: Commitment,
    without_plan: PlanEvaluation,
    recourse: RecourseEvaluator | None = None,
) -> tuple[tuple[results.ChainOutcome, ...], tuple[str, ...]]:
    """What there is to say of each chain of several forms, in the order of the file; and the forms
    of those that the solver fails on. ``recourse`` is that in these states, where it is there."""
    if all(len(chain.nodes) == 1 for chain in instance.chains):
        return (), ()
    recourse = (recourse or RecourseEvaluator(instance, states)).for_instance(instance)
    several = [
        ChainAnalysis(recourse, states, looks, without_plan)
        for looks in recourse.chain_classes
        if any(len(chain.nodes) > 1 for chain in looks.chains)
    ]
    for forms in several:  # Pyomo builds one program at a time
        forms.build_programs()

    def told(forms: ChainAnalysis) -> results.ChainOutcome | None:
        try:
            return _chain_outcome(forms, commitment)
        except SolverError:  # what is told of a plan must not be its end
            return None

    with ThreadPoolExecutor(recourse.threads) as pool:
        found = dict(zip(several, pool.map(told, several), strict=True))
    failed = [name for forms, own in found.items() if own is None for name in forms.materials]
    return tuple(own for own in found.values() if own is not None), tuple(failed)


def _chain_outcome(analysis: ChainAnalysis, commitment: Commitment) -> results.ChainOutcome:
    it, chance, y = analysis.instance, analysis.class_probability, analysis.y
    level = float(it.case.objective.cvar.level)
    key = (
        analysis.classes.chains[0].id,
        y,
        level,
        np.array(analysis.money_factor).tobytes(),
        repr(it.lot_tonnes),
    )
    memory = analysis.recourse.memo  # doing nothing is the same whatever the plan
    if key not in memory:
        none = evaluate_chain(analysis, Commitment())
        memory[key] = none, WorstStates(analysis, none)
    none, worst = memory[key]
    plan = evaluate_chain(analysis, commitment, warm_start=none)
    helped = worst.mean_flows(commitment)
    value, bare = (np.tensordot(chance, own.value_per_tonne, 1) for own in (plan, none))
    capacity, idle = (np.tensordot(chance, own.capacity_value, 1)[:, y] for own in (plan, none))
    parts = PlanContributions(analysis, commitment, plan, none)
    return results.ChainOutcome(
        year=it.years[y],
        short=float(chance @ plan.is_short),
        short_without_plan=float(chance @ none.is_short),
        forms=tuple(
            results.ChainForm(
                material=form,
                undisturbed=worst.undisturbed_flows.flows_by_material[form],
                worst_without_plan=worst.worst_flows_without_plan.flows_by_material[form],
                worst=helped.flows_by_material[form],
                value_per_t=values_by_year(it, value[m]),
                value_without_plan_per_t=values_by_year(it, bare[m]),
            )
            for m, form in enumerate(analysis.materials)
        ),
        plants=tuple(
            results.ChainPlant(
                id=plant.id,
                project=plant.is_project,
                output=plant.output,
                inputs_t_per_t=plant.input_tonnes,
                undisturbed_t=worst.undisturbed_flows.made_by_plant[label],
                worst_without_plan_t=worst.worst_flows_without_plan.made_by_plant[label],
                worst_t=helped.made_by_plant[label],
                value_per_t=float(capacity[p]),
                value_without_plan_per_t=float(idle[p]),
            )
            for p, (label, plant) in enumerate(analysis.plants.items())
        ),
        bottlenecks=tuple(find_bottlenecks(analysis, plan, none)),
        projects=tuple(parts.project_contributions()),
        stockpiles=tuple(parts.stockpile_contributions()),
        stages=tuple(parts.stage_contributions()),
    )
