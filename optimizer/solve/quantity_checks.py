"""Identities between the quantities of a plan: tonnes, probabilities, flows of chains.

What states of the world lead to is not computed again, since that takes a sweep. What depends on
states but on no sweep (projects that come unaided, how events cluster, clocks of shortages) is.
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
"""States that are drawn again to check a plan, in a second; larger plans take a rerun."""
MAX_ENUMERATED_STATES = (
    10  # so many states that are written out have so few subsets that all can be looked at
)


def check_quantities(
    plan: Plan, instance: Instance, commitment: Commitment, location: str
) -> Discrepancies:
    """Quantities that are not what the commitment, the scenario and one another make of them."""
    possible = _probability_test(instance)
    exposed = plan_document.material_exposure(instance, commitment)
    for material in plan.materials:
        yield from _check_material(material, exposed[material.id], instance, possible, location)
    for number, chain in enumerate(plan.chains):
        yield from _check_chain(plan, chain, instance, possible, f"{location}chains.{number}.")
    for use in plan.stock_use:
        pile = instance.stockpiles[use.id]
        most = (
            planned_stock(instance, commitment, use.id).max() * instance.lot_tonnes[pile.material]
        )
        here, times = f"{location}stock_use.{use.id}.", use.released_t / most if most > 0 else None
        yield from check_equal(f"{here}times", use.times, times)
        yield from check_between(f"{here}refilled_t", use.refilled_t, 0.0, use.released_t)
    yield from _check_state_sections(plan, instance, commitment, location)


def check_fresh_materials(fresh: FreshOutcome, instance: Instance, location: str) -> Discrepancies:
    """The same of materials in other states, of which the commitment is not known."""
    possible = _probability_test(instance, fresh.states if fresh.sampled else None)
    exposed = plan_document.material_exposure(instance, Commitment())
    for material in fresh.materials:
        due = {
            year: {name: of[name] for name in ("demand_t", "need_t", "supply_without_plan")}
            for year, of in exposed[material.id].items()
        }
        yield from _check_material(material, due, instance, possible, location)


def _check_material(
    material: MaterialOutcome,
    expected: dict[str, dict[str, object]],
    instance: Instance,
    is_possible: Callable[[float], bool],
    location: str,
) -> Discrepancies:
    location = f"{location}materials.{material.id}."
    yield from _check_damage(material, instance, location)
    for year, of in expected.items():
        yield from _check_material_year(
            material, year, of, instance, is_possible, f"{location}by_year.{year}."
        )


def check_yearly_shortages(material: MaterialOutcome, location: str) -> Discrepancies:
    """Whether the tonnes of all years are those that are missing in all."""
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        total, years = getattr(material, name), material.by_year.values()
        if total is not None:  # results of earlier versions do not say it
            yield from check_equal(
                f"{location}{name}", total, math.fsum(getattr(of, name) for of in years)
            )


def _check_damage(material: MaterialOutcome, instance: Instance, location: str) -> Discrepancies:
    """Damage is what is missing times what a tonne costs: in each year between its cheapest and its
    dearest step, so that there is no choice where there is one step."""
    nodes = [node for node in instance.nodes if node.material == material.id]
    steps = [step.weight for node in nodes for step in node.steps] or [np.zeros(1)]
    lot = instance.lot_tonnes[material.id]
    for ending in ("", "_without_plan"):
        years = material.by_year.values()
        lots = np.array([getattr(of, f"expected_shortage{ending}_t") / lot for of in years])
        least, most = (float(lots @ (f(steps, axis=0) + 0 * lots)) for f in (np.min, np.max))
        name = f"expected{ending}"
        yield from check_between(f"{location}{name}", getattr(material, name), least, most, most)


def _check_material_year(
    material: MaterialOutcome,
    year: str,
    expected: dict[str, object],
    instance: Instance,
    is_possible: Callable[[float], bool],
    location: str,
) -> Discrepancies:
    """One material in one year: demand and cover, and how much can be missing how often."""
    figures, factor = material.by_year[year], instance.max_demand_factor.get(material.id)
    for name, value in expected.items():
        yield from check_equal(f"{location}{name}", getattr(figures, name), value)
    most = figures.demand_t * (factor or 1.0)
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        yield from check_between(f"{location}{name}", getattr(figures, name), 0.0, most)
    # All of demand is missing at most in states that are short, and next to nothing in the others.
    short, chance = figures.expected_shortage_t, figures.probability_of_shortage
    yield from check_between(
        f"{location}expected_shortage_t", short, 0.0, (chance + SHORTAGE_TOLERANCE) * most
    )
    least = (
        SHORTAGE_TOLERANCE * figures.demand_t / instance.periods_per_year if factor is None else 0.0
    )
    if least > 0:
        yield from check_between(f"{location}probability_of_shortage", chance, 0.0, short / least)
    yield from _check_probability(is_possible, f"{location}probability_of_shortage", chance)


def _probability_test(
    instance: Instance, drawn_states: int | None = None
) -> Callable[[float], bool]:
    """Whether a probability can be that of some of the states, or of so many others."""
    asked = instance.case.uncertainty
    if asked is not None and asked.sample is not None:
        count = drawn_states or int(asked.sample.states)
        return lambda chance: (
            abs(chance * count - round(chance * count)) <= ABSOLUTE_TOLERANCE * count
        )
    chances = [state.probability for state in read_states(instance)]
    if len(chances) > MAX_ENUMERATED_STATES:
        return lambda chance: True
    sums = {0.0}
    for one in chances:
        sums |= {total + one for total in sums}
    return lambda chance: any(abs(chance - total) <= ABSOLUTE_TOLERANCE for total in sums)


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
    """Flows of a chain, and what its stages are worth together and apart."""
    by_id = {material.id: material for material in plan.materials}
    forms = [by_id[form.material] for form in chain.forms]
    missing = {
        year: math.fsum(of.by_year[year].expected_shortage_without_plan_t for of in forms)
        for year in (forms[0].by_year if forms else ())
    }
    most = max(missing.values(), default=0.0)
    if missing and missing[str(chain.year)] < most * (1 - RELATIVE_TOLERANCE) - ABSOLUTE_TOLERANCE:
        yield from check_equal(
            f"{location}year", chain.year, int(max(missing, key=lambda y: missing[y]))
        )
    either = math.fsum(of.by_year[str(chain.year)].probability_of_shortage for of in forms)
    yield from check_between(f"{location}short", chain.short, 0.0, either)
    for name in ("short", "short_without_plan"):
        yield from _check_probability(is_possible, f"{location}{name}", getattr(chain, name))
        of_stages = "share" + name.removeprefix("short")
        total = math.fsum(getattr(one, of_stages) for one in chain.bottlenecks)
        yield from check_equal(
            f"{location}bottlenecks: {of_stages}", total, float(getattr(chain, name) > 0)
        )
    y = instance.years.index(chain.year)
    for form in chain.forms:
        yield from _check_chain_form(form, chain, instance, y, f"{location}forms.{form.material}.")
    for plant in chain.plants:
        case, here = instance.case, f"{location}plants.{plant.id}"
        made = (case.projects if plant.project else case.conversions).get(plant.id)
        if made is None:
            yield Discrepancy(here, plant.id, None)
            continue
        due = {m: float(ratio) for m, ratio in made.inputs_t_per_t.items()}
        yield from check_equal(f"{here}.inputs_t_per_t", plant.inputs_t_per_t, due)
    projects = {one.id: one.avoided for one in chain.projects}
    stockpiles = {one.id: one.avoided for one in chain.stockpiles}
    for stage in chain.stages:
        here, scale = f"{location}stages.{stage.output}.", abs(stage.both)
        for one, other in ((stage.later, stage.earlier_alone), (stage.earlier, stage.later_alone)):
            yield from check_equal(f"{here}both", stage.both, one + other, scale)
        later = [projects.get(p) for p in stage.projects]
        earlier = [projects.get(p) for p in stage.earlier_projects]
        earlier += [stockpiles.get(h) for h in stage.earlier_stockpiles]
        for name, parts in (("later", later), ("earlier", earlier)):
            if len(parts) == 1:
                yield from check_equal(f"{here}{name}", getattr(stage, name), parts[0], scale)


def _check_chain_form(
    form: ChainForm, chain: ChainOutcome, instance: Instance, year_index: int, location: str
) -> Discrepancies:
    """What is made and taken in by plants, and what the market has."""
    m, tonnes = form.material, instance.periods_per_year * instance.lot_tonnes[form.material]
    for name in ("undisturbed", "worst_without_plan", "worst"):
        flow, made = getattr(form, name), f"{name}_t"
        making = [getattr(p, made) for p in chain.plants if p.output == m]
        taking = [
            p.inputs_t_per_t[m] * getattr(p, made) for p in chain.plants if m in p.inputs_t_per_t
        ]
        yield from check_equal(f"{location}{name}.made_t", flow.made_t, math.fsum(making))
        yield from check_equal(f"{location}{name}.taken_t", flow.taken_t, math.fsum(taking))
    supply = math.fsum(
        float(own[year_index]) for (of, _), own in instance.supply.items() if of == m
    )
    calm, due = form.undisturbed, supply * tonnes
    # What is entitled to a maker of something that nobody demands reaches no flow.
    least = due if instance.case.objective.allocation == "pooled" else 0.0
    yield from check_between(
        f"{location}undisturbed: market", _market_supply(calm), least, due, due
    )
    demand = float(instance.material_demand[m][year_index]) * tonnes
    yield from check_equal(f"{location}undisturbed.demand_t", calm.demand_t, demand)
    bare, helped = form.worst_without_plan, form.worst
    yield from check_equal(f"{location}worst.demand_t", helped.demand_t, bare.demand_t)
    raw = [x for x in instance.projects.values() if m in x.output and not x.inputs]
    if not raw:  # else they add to it
        yield from check_equal(
            f"{location}worst: market", _market_supply(helped), _market_supply(bare)
        )


def _market_supply(flow: FormFlow) -> float:
    """What the market and projects without inputs would deliver."""
    return flow.supply_t + flow.projects_t + flow.unused_t


def _check_state_sections(
    plan: Plan, instance: Instance, commitment: Commitment, location: str
) -> Discrepancies:
    """What follows from the states without a sweep."""
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
        due = [len(places) for places in branch_state_indices(instance, states)]
        said = [group.states for group in plan.review.groups]
        yield from check_equal(f"{location}review.groups: states", said, due)
    if plan.idle or plan.adaptation:
        yield from _check_idling_and_adaptation(plan, instance, commitment, states, location)


def _check_idling_and_adaptation(
    plan: Plan, instance: Instance, commitment: Commitment, states: Iterable[State], location: str
) -> Discrepancies:
    # Compiled code comes with it, which other plans are read without.
    from optimizer.solve.adaptation_and_idling import adaptation_outcomes, idle_project_outcomes

    drawn = tuple(states)
    if plan.idle:
        yield from check_equal(
            f"{location}idle", plan.idle, tuple(idle_project_outcomes(instance, drawn, commitment))
        )
    lasting = {"shortage_months", "shortage_months_without_plan"}  # which take a sweep
    due = adaptation_outcomes(instance, drawn)
    yield from check_equal(f"{location}adaptation", len(plan.adaptation), len(due))
    for number, (one, anew) in enumerate(zip(plan.adaptation, due, strict=False)):
        said, own = (x.model_dump(exclude=lasting) for x in (one, anew))
        yield from check_equal(f"{location}adaptation.{number}", said, own)
