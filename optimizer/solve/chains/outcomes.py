"""Outcomes of a plan's chains, from recourse evaluations with the plan and without any plan."""

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
    """Return the outcome of each chain with more than one form, in the order of the scenario file,
    and the forms of the chains on which the solver fails.

    ``recourse`` is the recourse evaluator of these states; it is built if None.
    """
    if all(len(chain.nodes) == 1 for chain in instance.chains):
        return (), ()
    recourse = (recourse or RecourseEvaluator(instance, states)).for_instance(instance)
    analyses = [
        ChainAnalysis(recourse, states, classes, without_plan)
        for classes in recourse.chain_classes
        if any(len(chain.nodes) > 1 for chain in classes.chains)
    ]
    for analysis in analyses:  # Pyomo builds one program at a time
        analysis.build_programs()

    def outcome_or_none(chain_analysis: ChainAnalysis) -> results.ChainOutcome | None:
        try:
            return _chain_outcome(chain_analysis, commitment)
        except SolverError:  # a plan is reported even if the outcome of a chain fails
            return None

    with ThreadPoolExecutor(recourse.threads) as pool:
        outcome_by_analysis = dict(zip(analyses, pool.map(outcome_or_none, analyses), strict=True))
    failed_forms = [
        material
        for analysis, outcome in outcome_by_analysis.items()
        if outcome is None
        for material in analysis.materials
    ]
    return tuple(outcome for outcome in outcome_by_analysis.values() if outcome is not None), tuple(
        failed_forms
    )


def _chain_outcome(analysis: ChainAnalysis, commitment: Commitment) -> results.ChainOutcome:
    instance = analysis.instance
    class_probability = analysis.class_probability
    y = analysis.reported_index
    level = float(instance.case.objective.cvar.level)
    key = (
        analysis.classes.chains[0].id,
        y,
        level,
        np.array(analysis.money_factor).tobytes(),
        repr(instance.lot_tonnes),
    )
    memo = analysis.recourse.memo  # values without a plan do not depend on the plan
    if key not in memo:
        without_plan = evaluate_chain(analysis, Commitment())
        memo[key] = without_plan, WorstStates(analysis, without_plan)
    without_plan, worst_states = memo[key]
    with_plan = evaluate_chain(analysis, commitment, warm_start=without_plan)
    flows_with_plan = worst_states.mean_flows(commitment)
    mean_value, mean_value_without_plan = (
        np.tensordot(class_probability, values.value_per_tonne, 1)
        for values in (with_plan, without_plan)
    )
    capacity_value, capacity_value_without_plan = (
        np.tensordot(class_probability, values.capacity_value, 1)[:, y]
        for values in (with_plan, without_plan)
    )
    contributions = PlanContributions(analysis, commitment, with_plan, without_plan)
    return results.ChainOutcome(
        year=instance.years[y],
        short=float(class_probability @ with_plan.is_short),
        short_without_plan=float(class_probability @ without_plan.is_short),
        forms=tuple(
            results.ChainForm(
                material=form,
                undisturbed=worst_states.undisturbed_flows.flows_by_material[form],
                worst_without_plan=worst_states.worst_flows_without_plan.flows_by_material[form],
                worst=flows_with_plan.flows_by_material[form],
                value_per_t=values_by_year(instance, mean_value[m]),
                value_without_plan_per_t=values_by_year(instance, mean_value_without_plan[m]),
            )
            for m, form in enumerate(analysis.materials)
        ),
        plants=tuple(
            results.ChainPlant(
                id=plant.id,
                project=plant.is_project,
                output=plant.output,
                inputs_t_per_t=plant.input_tonnes,
                undisturbed_t=worst_states.undisturbed_flows.made_by_plant[label],
                worst_without_plan_t=worst_states.worst_flows_without_plan.made_by_plant[label],
                worst_t=flows_with_plan.made_by_plant[label],
                value_per_t=float(capacity_value[p]),
                value_without_plan_per_t=float(capacity_value_without_plan[p]),
            )
            for p, (label, plant) in enumerate(analysis.plants.items())
        ),
        bottlenecks=tuple(find_bottlenecks(analysis, with_plan, without_plan)),
        projects=tuple(contributions.project_contributions()),
        stockpiles=tuple(contributions.stockpile_contributions()),
        stages=tuple(contributions.stage_contributions()),
    )
