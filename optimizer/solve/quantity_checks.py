"""Identities between the quantities of a plan: tonnes, probabilities and flows of chains.

Outcomes that require a recourse evaluation are not computed again. Outcomes that follow from the
states alone are: unaided projects, clustering of events and durations of shortages.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np

from models.results import ChainForm, ChainOutcome, FormFlow, FreshOutcome, MaterialOutcome, Plan
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Instance
from optimizer.model.review import branch_state_indices
from optimizer.model.states import State, count_states, read_states
from optimizer.solve import plan_document
from optimizer.solve.clustering import event_clustering
from optimizer.solve.figure_checks import (
    ABSOLUTE_TOLERANCE,
    RELATIVE_TOLERANCE,
    SHORTAGE_TOLERANCE,
    Discrepancies,
    Discrepancy,
    check_between,
    check_equal,
)

MAX_RESAMPLED_STATES = 10_000
"""Largest number of states that are drawn again for a check (about a second); larger plans need a
rerun."""
MAX_ENUMERATED_STATES = 10  # largest number of stated states for which all subsets are enumerated


def check_quantities(
    plan: Plan, instance: Instance, commitment: Commitment, location: str
) -> Discrepancies:
    """Check the quantities of a plan against its commitment, its scenario and one another."""
    is_possible = _probability_test(instance)
    exposure = plan_document.material_exposure(instance, commitment)
    for material in plan.materials:
        yield from _check_material(material, exposure[material.id], instance, is_possible, location)
    for number, chain in enumerate(plan.chains):
        yield from _check_chain(plan, chain, instance, is_possible, f"{location}chains.{number}.")
    for use in plan.stock_use:
        stockpile = instance.stockpiles[use.id]
        max_planned = (
            planned_stock(instance, commitment, use.id).max()
            * instance.lot_tonnes[stockpile.material]
        )
        use_location = f"{location}stock_use.{use.id}."
        times = use.released_t / max_planned if max_planned > 0 else None
        yield from check_equal(f"{use_location}times", use.times, times)
        yield from check_between(f"{use_location}refilled_t", use.refilled_t, 0.0, use.released_t)
    yield from _check_state_sections(plan, instance, commitment, location)


def check_fresh_materials(fresh: FreshOutcome, instance: Instance, location: str) -> Discrepancies:
    """Check the material outcomes of an evaluation in newly drawn states, for which the commitment
    is not known."""
    is_possible = _probability_test(instance, fresh.states if fresh.sampled else None)
    exposure = plan_document.material_exposure(instance, Commitment())
    for material in fresh.materials:
        expected = {
            year: {name: figures[name] for name in ("demand_t", "need_t", "supply_without_plan")}
            for year, figures in exposure[material.id].items()
        }
        yield from _check_material(material, expected, instance, is_possible, location)


def _check_material(
    material: MaterialOutcome,
    expected: dict[str, dict[str, object]],
    instance: Instance,
    is_possible: Callable[[float], bool],
    location: str,
) -> Discrepancies:
    location = f"{location}materials.{material.id}."
    yield from _check_damage(material, instance, location)
    for year, figures in expected.items():
        yield from _check_material_year(
            material, year, figures, instance, is_possible, f"{location}by_year.{year}."
        )


def check_yearly_shortages(material: MaterialOutcome, location: str) -> Discrepancies:
    """Check that the yearly shortages of a material add up to its total."""
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        total, years = getattr(material, name), material.by_year.values()
        if total is not None:  # missing in results of earlier versions
            yield from check_equal(
                f"{location}{name}", total, math.fsum(getattr(figures, name) for figures in years)
            )


def _check_damage(material: MaterialOutcome, instance: Instance, location: str) -> Discrepancies:
    """Check that the damage of a material lies between its shortages valued at the lowest and at
    the highest damage step of each year."""
    nodes = [node for node in instance.nodes if node.material == material.id]
    steps = [step.weight for node in nodes for step in node.steps] or [np.zeros(1)]
    lot = instance.lot_tonnes[material.id]
    for suffix in ("", "_without_plan"):
        years = material.by_year.values()
        lots = np.array(
            [getattr(figures, f"expected_shortage{suffix}_t") / lot for figures in years]
        )
        min_damage, max_damage = (
            float(lots @ (extreme(steps, axis=0) + 0 * lots)) for extreme in (np.min, np.max)
        )
        name = f"expected{suffix}"
        yield from check_between(
            f"{location}{name}", getattr(material, name), min_damage, max_damage, max_damage
        )


def _check_material_year(
    material: MaterialOutcome,
    year: str,
    expected: dict[str, object],
    instance: Instance,
    is_possible: Callable[[float], bool],
    location: str,
) -> Discrepancies:
    """Check a material in one year: demand, cover, and the size and probability of shortages."""
    figures, factor = material.by_year[year], instance.max_demand_factor.get(material.id)
    for name, value in expected.items():
        yield from check_equal(f"{location}{name}", getattr(figures, name), value)
    max_demand = figures.demand_t * (factor or 1.0)
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        yield from check_between(f"{location}{name}", getattr(figures, name), 0.0, max_demand)
    # At most all demand is missing in short states, and at most the tolerance in others.
    shortage, probability = figures.expected_shortage_t, figures.probability_of_shortage
    yield from check_between(
        f"{location}expected_shortage_t",
        shortage,
        0.0,
        (probability + SHORTAGE_TOLERANCE) * max_demand,
    )
    min_shortage = (
        SHORTAGE_TOLERANCE * figures.demand_t / instance.periods_per_year if factor is None else 0.0
    )
    if min_shortage > 0:
        yield from check_between(
            f"{location}probability_of_shortage", probability, 0.0, shortage / min_shortage
        )
    yield from _check_probability(is_possible, f"{location}probability_of_shortage", probability)


def _probability_test(
    instance: Instance, drawn_states: int | None = None
) -> Callable[[float], bool]:
    """Return a function that checks whether a number can be the probability of a set of states. If
    there are too many stated states, it accepts every number."""
    uncertainty = instance.case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        count = drawn_states or int(uncertainty.sample.states)
        return lambda probability: (
            abs(probability * count - round(probability * count)) <= ABSOLUTE_TOLERANCE * count
        )
    probabilities = [state.probability for state in read_states(instance)]
    if len(probabilities) > MAX_ENUMERATED_STATES:
        return lambda probability: True
    sums = {0.0}
    for state_probability in probabilities:
        sums |= {total + state_probability for total in sums}
    return lambda probability: any(abs(probability - total) <= ABSOLUTE_TOLERANCE for total in sums)


def _check_probability(
    is_possible: Callable[[float], bool], location: str, probability: float
) -> Discrepancies:
    if not is_possible(probability):
        yield from check_equal(location, probability, None)


def _check_chain(
    plan: Plan,
    chain: ChainOutcome,
    instance: Instance,
    is_possible: Callable[[float], bool],
    location: str,
) -> Discrepancies:
    """Check the flows of a chain, and the damage that its stages avoid jointly and separately."""
    outcome_by_material = {material.id: material for material in plan.materials}
    form_outcomes = [outcome_by_material[form.material] for form in chain.forms]
    missing_tonnes = {
        year: math.fsum(
            outcome.by_year[year].expected_shortage_without_plan_t for outcome in form_outcomes
        )
        for year in (form_outcomes[0].by_year if form_outcomes else ())
    }
    max_missing = max(missing_tonnes.values(), default=0.0)
    if (
        missing_tonnes
        and missing_tonnes[str(chain.year)]
        < max_missing * (1 - RELATIVE_TOLERANCE) - ABSOLUTE_TOLERANCE
    ):
        yield from check_equal(
            f"{location}year", chain.year, int(max(missing_tonnes, key=lambda y: missing_tonnes[y]))
        )
    total_probability = math.fsum(
        outcome.by_year[str(chain.year)].probability_of_shortage for outcome in form_outcomes
    )
    yield from check_between(f"{location}short", chain.short, 0.0, total_probability)
    for name in ("short", "short_without_plan"):
        yield from _check_probability(is_possible, f"{location}{name}", getattr(chain, name))
        share_field = "share" + name.removeprefix("short")
        total = math.fsum(getattr(stage, share_field) for stage in chain.bottlenecks)
        yield from check_equal(
            f"{location}bottlenecks: {share_field}", total, float(getattr(chain, name) > 0)
        )
    y = instance.years.index(chain.year)
    for form in chain.forms:
        yield from _check_chain_form(form, chain, instance, y, f"{location}forms.{form.material}.")
    for plant in chain.plants:
        case, item_location = instance.case, f"{location}plants.{plant.id}"
        plant_data = (case.projects if plant.project else case.conversions).get(plant.id)
        if plant_data is None:
            yield Discrepancy(item_location, plant.id, None)
            continue
        expected = {m: float(ratio) for m, ratio in plant_data.inputs_t_per_t.items()}
        yield from check_equal(f"{item_location}.inputs_t_per_t", plant.inputs_t_per_t, expected)
    projects = {project.id: project.avoided for project in chain.projects}
    stockpiles = {stockpile.id: stockpile.avoided for stockpile in chain.stockpiles}
    for stage in chain.stages:
        item_location, scale = f"{location}stages.{stage.output}.", abs(stage.both)
        for first, second in (
            (stage.later, stage.earlier_alone),
            (stage.earlier, stage.later_alone),
        ):
            yield from check_equal(f"{item_location}both", stage.both, first + second, scale)
        later_projects = [projects.get(p) for p in stage.projects]
        earlier_projects = [projects.get(p) for p in stage.earlier_projects]
        earlier_projects += [stockpiles.get(h) for h in stage.earlier_stockpiles]
        for name, parts in (("later", later_projects), ("earlier", earlier_projects)):
            if len(parts) == 1:
                yield from check_equal(
                    f"{item_location}{name}", getattr(stage, name), parts[0], scale
                )


def _check_chain_form(
    form: ChainForm, chain: ChainOutcome, instance: Instance, year_index: int, location: str
) -> Discrepancies:
    """Check, for one form of a chain, the tonnes that plants make and take in, and its market
    supply."""
    m = form.material
    tonnes_per_year = instance.periods_per_year * instance.lot_tonnes[form.material]
    for name in ("undisturbed", "worst_without_plan", "worst"):
        flow, made_field = getattr(form, name), f"{name}_t"
        made_tonnes = [getattr(p, made_field) for p in chain.plants if p.output == m]
        taken_tonnes = [
            p.inputs_t_per_t[m] * getattr(p, made_field)
            for p in chain.plants
            if m in p.inputs_t_per_t
        ]
        yield from check_equal(f"{location}{name}.made_t", flow.made_t, math.fsum(made_tonnes))
        yield from check_equal(f"{location}{name}.taken_t", flow.taken_t, math.fsum(taken_tonnes))
    supply = math.fsum(
        float(yearly_supply[year_index])
        for (material, _), yearly_supply in instance.supply.items()
        if material == m
    )
    undisturbed_flow, supply_t = form.undisturbed, supply * tonnes_per_year
    # Supply entitled to a plant whose output nobody demands is in no flow.
    min_supply_t = supply_t if instance.case.objective.allocation == "pooled" else 0.0
    yield from check_between(
        f"{location}undisturbed: market",
        _market_supply(undisturbed_flow),
        min_supply_t,
        supply_t,
        supply_t,
    )
    demand = float(instance.material_demand[m][year_index]) * tonnes_per_year
    yield from check_equal(f"{location}undisturbed.demand_t", undisturbed_flow.demand_t, demand)
    worst_without_plan, worst_flow = form.worst_without_plan, form.worst
    yield from check_equal(
        f"{location}worst.demand_t", worst_flow.demand_t, worst_without_plan.demand_t
    )
    projects_without_inputs = [
        x for x in instance.projects.values() if m in x.output and not x.inputs
    ]
    if not projects_without_inputs:  # else their output adds to the market supply
        yield from check_equal(
            f"{location}worst: market",
            _market_supply(worst_flow),
            _market_supply(worst_without_plan),
        )


def _market_supply(flow: FormFlow) -> float:
    """Return the tonnes that the market and projects without inputs can deliver, used or not."""
    return flow.supply_t + flow.projects_t + flow.unused_t


def _check_state_sections(
    plan: Plan, instance: Instance, commitment: Commitment, location: str
) -> Discrepancies:
    """Check those sections of a plan that follow from the states without a recourse evaluation."""
    sections = plan.clustering, plan.unaided, plan.idle, plan.adaptation, plan.review
    if not any(sections):
        return
    if count_states(instance.case) > MAX_RESAMPLED_STATES:
        return
    states = read_states(instance)
    unaided = tuple(plan_document.unaided_project_outcomes(instance, commitment, states))
    yield from check_equal(f"{location}unaided", plan.unaided, unaided)
    if plan.clustering is not None:
        yield from check_equal(
            f"{location}clustering", plan.clustering, event_clustering(instance, states)
        )
    if plan.review is not None:
        expected = [len(indices) for indices in branch_state_indices(instance, states)]
        stated = [group.states for group in plan.review.groups]
        yield from check_equal(f"{location}review.groups: states", stated, expected)
    if plan.idle or plan.adaptation:
        yield from _check_idling_and_adaptation(plan, instance, commitment, states, location)


def _check_idling_and_adaptation(
    plan: Plan, instance: Instance, commitment: Commitment, states: Iterable[State], location: str
) -> Discrepancies:
    # Imported late, since it loads compiled code, which other plans do not need.
    from optimizer.solve.adaptation_and_idling import adaptation_outcomes, idle_project_outcomes

    state_tuple = tuple(states)
    if plan.idle:
        yield from check_equal(
            f"{location}idle",
            plan.idle,
            tuple(idle_project_outcomes(instance, state_tuple, commitment)),
        )
    evaluated_fields = {"shortage_months", "shortage_months_without_plan"}
    expected = adaptation_outcomes(instance, state_tuple)
    yield from check_equal(f"{location}adaptation", len(plan.adaptation), len(expected))
    for number, (stated, recomputed) in enumerate(zip(plan.adaptation, expected, strict=False)):
        yield from check_equal(
            f"{location}adaptation.{number}",
            stated.model_dump(exclude=evaluated_fields),
            recomputed.model_dump(exclude=evaluated_fields),
        )
