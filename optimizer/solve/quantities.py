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
from optimizer.model.review import by_path
from optimizer.model.states import State, read_states, states_of
from optimizer.solve import plan_document
from optimizer.solve.clustering import clustering
from optimizer.solve.identities import NOTHING, SAME, SHORT, Disagreement, Found, between, equal

MOST_DRAWN = 10_000
"""States that are drawn again to check a plan, in a second; larger plans take a rerun."""
FEW = 10  # so many states that are written out have so few subsets that all can be looked at


def quantities(plan: Plan, instance: Instance, commitment: Commitment, at: str) -> Found:
    """Quantities that are not what the commitment, the scenario and one another make of them."""
    possible = _possible(instance)
    exposed = plan_document.exposure(instance, commitment)
    for material in plan.materials:
        yield from _material(material, exposed[material.id], instance, possible, at)
    for number, chain in enumerate(plan.chains):
        yield from _chain(plan, chain, instance, possible, f"{at}chains.{number}.")
    for use in plan.stock_use:
        pile = instance.stockpiles[use.id]
        most = planned_stock(instance, commitment, use.id).max() * instance.lot_t[pile.material]
        here, times = f"{at}stock_use.{use.id}.", use.released_t / most if most > 0 else None
        yield from equal(f"{here}times", use.times, times)
        yield from between(f"{here}refilled_t", use.refilled_t, 0.0, use.released_t)
    yield from _of_states(plan, instance, commitment, at)


def fresh_materials(fresh: FreshOutcome, instance: Instance, at: str) -> Found:
    """The same of materials in other states, of which the commitment is not known."""
    possible = _possible(instance, fresh.states if fresh.sampled else None)
    exposed = plan_document.exposure(instance, Commitment())
    for material in fresh.materials:
        due = {
            year: {name: of[name] for name in ("demand_t", "need_t", "supply_without_plan")}
            for year, of in exposed[material.id].items()
        }
        yield from _material(material, due, instance, possible, at)


def _material(
    material: MaterialOutcome,
    due: dict[str, dict[str, object]],
    instance: Instance,
    possible: Callable[[float], bool],
    at: str,
) -> Found:
    at = f"{at}materials.{material.id}."
    yield from _damage(material, instance, at)
    for year, of in due.items():
        yield from _year(material, year, of, instance, possible, f"{at}by_year.{year}.")


def by_year_adds_up(material: MaterialOutcome, at: str) -> Found:
    """Whether the tonnes of all years are those that are missing in all."""
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        total, years = getattr(material, name), material.by_year.values()
        if total is not None:  # results of earlier versions do not say it
            yield from equal(f"{at}{name}", total, math.fsum(getattr(of, name) for of in years))


def _damage(material: MaterialOutcome, instance: Instance, at: str) -> Found:
    """Damage is what is missing times what a tonne costs: in each year between its cheapest and its
    dearest step, so that there is no choice where there is one step."""
    nodes = [node for node in instance.nodes if node.material == material.id]
    steps = [step.weight for node in nodes for step in node.steps] or [np.zeros(1)]
    lot = instance.lot_t[material.id]
    for ending in ("", "_without_plan"):
        years = material.by_year.values()
        lots = np.array([getattr(of, f"expected_shortage{ending}_t") / lot for of in years])
        least, most = (float(lots @ (f(steps, axis=0) + 0 * lots)) for f in (np.min, np.max))
        name = f"expected{ending}"
        yield from between(f"{at}{name}", getattr(material, name), least, most, most)


def _year(
    material: MaterialOutcome,
    year: str,
    due: dict[str, object],
    instance: Instance,
    possible: Callable[[float], bool],
    at: str,
) -> Found:
    """One material in one year: demand and cover, and how much can be missing how often."""
    figures, factor = material.by_year[year], instance.most_demand.get(material.id)
    for name, value in due.items():
        yield from equal(f"{at}{name}", getattr(figures, name), value)
    most = figures.demand_t * (factor or 1.0)
    for name in ("expected_shortage_t", "expected_shortage_without_plan_t"):
        yield from between(f"{at}{name}", getattr(figures, name), 0.0, most)
    # All of demand is missing at most in states that are short, and next to nothing in the others.
    short, chance = figures.expected_shortage_t, figures.probability_of_shortage
    yield from between(f"{at}expected_shortage_t", short, 0.0, (chance + SHORT) * most)
    least = SHORT * figures.demand_t / instance.per_year if factor is None else 0.0
    if least > 0:
        yield from between(f"{at}probability_of_shortage", chance, 0.0, short / least)
    yield from _is_possible(possible, f"{at}probability_of_shortage", chance)


def _possible(instance: Instance, drawn: int | None = None) -> Callable[[float], bool]:
    """Whether a probability can be that of some of the states, or of so many others."""
    asked = instance.case.uncertainty
    if asked is not None and asked.sample is not None:
        count = drawn or int(asked.sample.states)
        return lambda chance: abs(chance * count - round(chance * count)) <= NOTHING * count
    chances = [state.probability for state in read_states(instance)]
    if len(chances) > FEW:
        return lambda chance: True
    sums = {0.0}
    for one in chances:
        sums |= {total + one for total in sums}
    return lambda chance: any(abs(chance - total) <= NOTHING for total in sums)


def _is_possible(possible: Callable[[float], bool], at: str, chance: float) -> Found:
    if not possible(chance):
        yield from equal(at, chance, None)


def _chain(
    plan: Plan,
    chain: ChainOutcome,
    instance: Instance,
    possible: Callable[[float], bool],
    at: str,
) -> Found:
    """Flows of a chain, and what its stages are worth together and apart."""
    by_id = {material.id: material for material in plan.materials}
    forms = [by_id[form.material] for form in chain.forms]
    missing = {
        year: math.fsum(of.by_year[year].expected_shortage_without_plan_t for of in forms)
        for year in (forms[0].by_year if forms else ())
    }
    most = max(missing.values(), default=0.0)
    if missing and missing[str(chain.year)] < most * (1 - SAME) - NOTHING:
        yield from equal(f"{at}year", chain.year, int(max(missing, key=lambda y: missing[y])))
    either = math.fsum(of.by_year[str(chain.year)].probability_of_shortage for of in forms)
    yield from between(f"{at}short", chain.short, 0.0, either)
    for name in ("short", "short_without_plan"):
        yield from _is_possible(possible, f"{at}{name}", getattr(chain, name))
        of_stages = "share" + name.removeprefix("short")
        total = math.fsum(getattr(one, of_stages) for one in chain.bottlenecks)
        yield from equal(f"{at}bottlenecks: {of_stages}", total, float(getattr(chain, name) > 0))
    y = instance.years.index(chain.year)
    for form in chain.forms:
        yield from _form(form, chain, instance, y, f"{at}forms.{form.material}.")
    for plant in chain.plants:
        case, here = instance.case, f"{at}plants.{plant.id}"
        made = (case.projects if plant.project else case.conversions).get(plant.id)
        if made is None:
            yield Disagreement(here, plant.id, None)
            continue
        due = {m: float(ratio) for m, ratio in made.inputs_t_per_t.items()}
        yield from equal(f"{here}.inputs_t_per_t", plant.inputs_t_per_t, due)
    projects = {one.id: one.avoided for one in chain.projects}
    stockpiles = {one.id: one.avoided for one in chain.stockpiles}
    for stage in chain.stages:
        here, scale = f"{at}stages.{stage.output}.", abs(stage.both)
        for one, other in ((stage.later, stage.earlier_alone), (stage.earlier, stage.later_alone)):
            yield from equal(f"{here}both", stage.both, one + other, scale)
        later = [projects.get(p) for p in stage.projects]
        earlier = [projects.get(p) for p in stage.earlier_projects]
        earlier += [stockpiles.get(h) for h in stage.earlier_stockpiles]
        for name, parts in (("later", later), ("earlier", earlier)):
            if len(parts) == 1:
                yield from equal(f"{here}{name}", getattr(stage, name), parts[0], scale)


def _form(form: ChainForm, chain: ChainOutcome, instance: Instance, y: int, at: str) -> Found:
    """What is made and taken in by plants, and what the market has."""
    m, tonnes = form.material, instance.per_year * instance.lot_t[form.material]
    for name in ("undisturbed", "worst_without_plan", "worst"):
        flow, made = getattr(form, name), f"{name}_t"
        making = [getattr(p, made) for p in chain.plants if p.output == m]
        taking = [
            p.inputs_t_per_t[m] * getattr(p, made) for p in chain.plants if m in p.inputs_t_per_t
        ]
        yield from equal(f"{at}{name}.made_t", flow.made_t, math.fsum(making))
        yield from equal(f"{at}{name}.taken_t", flow.taken_t, math.fsum(taking))
    supply = math.fsum(float(own[y]) for (of, _), own in instance.supply.items() if of == m)
    calm, due = form.undisturbed, supply * tonnes
    # What is entitled to a maker of something that nobody demands reaches no flow.
    least = due if instance.case.objective.allocation == "pooled" else 0.0
    yield from between(f"{at}undisturbed: market", _market(calm), least, due, due)
    demand = float(instance.material_demand[m][y]) * tonnes
    yield from equal(f"{at}undisturbed.demand_t", calm.demand_t, demand)
    bare, helped = form.worst_without_plan, form.worst
    yield from equal(f"{at}worst.demand_t", helped.demand_t, bare.demand_t)
    raw = [x for x in instance.projects.values() if m in x.output and not x.inputs]
    if not raw:  # else they add to it
        yield from equal(f"{at}worst: market", _market(helped), _market(bare))


def _market(flow: FormFlow) -> float:
    """What the market and projects without inputs would deliver."""
    return flow.supply_t + flow.projects_t + flow.unused_t


def _of_states(plan: Plan, instance: Instance, commitment: Commitment, at: str) -> Found:
    """What follows from the states without a sweep."""
    sections = plan.clustering, plan.unaided, plan.idle, plan.adaptation, plan.review
    if not any(sections):
        return
    if states_of(instance.case) > MOST_DRAWN:
        return
    states = read_states(instance)
    unaided = tuple(plan_document.unaided_projects(instance, commitment, states))
    yield from equal(f"{at}unaided", plan.unaided, unaided)
    if plan.clustering is not None:
        yield from equal(f"{at}clustering", plan.clustering, clustering(instance, states))
    if plan.review is not None:
        due = [len(places) for places in by_path(instance, states)]
        said = [group.states for group in plan.review.groups]
        yield from equal(f"{at}review.groups: states", said, due)
    if plan.idle or plan.adaptation:
        yield from _in_time(plan, instance, commitment, states, at)


def _in_time(
    plan: Plan, instance: Instance, commitment: Commitment, states: Iterable[State], at: str
) -> Found:
    # Compiled code comes with it, which other plans are read without.
    from optimizer.solve.adapting import adaptation_outcomes, idle_projects

    drawn = tuple(states)
    if plan.idle:
        yield from equal(f"{at}idle", plan.idle, tuple(idle_projects(instance, drawn, commitment)))
    lasting = {"shortage_months", "shortage_months_without_plan"}  # which take a sweep
    due = adaptation_outcomes(instance, drawn)
    yield from equal(f"{at}adaptation", len(plan.adaptation), len(due))
    for number, (one, anew) in enumerate(zip(plan.adaptation, due, strict=False)):
        said, own = (x.model_dump(exclude=lasting) for x in (one, anew))
        yield from equal(f"{at}adaptation.{number}", said, own)
