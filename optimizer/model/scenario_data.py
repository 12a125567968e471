"""What a state of the world leaves of supply and output, and what it makes of demand.

All that recourse depends on of a state, in arrays that add up, and what follows from them without
any plan: where something can be missing, and where stocks can be filled again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from models.scenario.baseline_shortage import (
    SHORTAGE_TOLERANCE,
    YearConversion,
    solve_conversion_problems,
)
from models.scenario.chains import material_chains, order_materials
from optimizer.model import shortage_clock
from optimizer.model.instance import (
    COMMON_GROUP,
    COVERAGE_TOLERANCE,
    Chain,
    Floats,
    Instance,
    Node,
    Realisation,
)
from optimizer.model.states import State

Integers = NDArray[np.int64]


def compute_availability(instance: Instance, state: State) -> dict[tuple[str, str], Floats]:
    """(K) share that hazards leave of each origin's supply and output; every event counts."""
    left = np.ones((len(instance.origins), len(instance.periods)))
    for way, start in state.events:
        for position, remains in instance.profiles[way].effects:
            end = min(start + len(remains), left.shape[1])
            left[position, start:end] *= remains[: end - start]
    return dict(zip(instance.origins, left, strict=True))


class HazardPatterns:
    """When and where hazards strike in the given states."""

    def __init__(self, instance: Instance, states: Sequence[State]) -> None:
        self.period_count, self.state_count = len(instance.periods), len(states)
        self._origins = instance.origins
        self._effects_by_origin: dict[int, list[tuple[str, Floats]]] = {}
        for way in instance.profiles.values():
            for position, remains in way.effects:
                self._effects_by_origin.setdefault(position, []).append((way.id, remains))
        strikes: dict[str, list[tuple[int, int]]] = {id: [] for id in instance.profiles}
        for s, state in enumerate(states):
            for struck, at in state.events:
                strikes[struck].append((at, s))
        # When and in which states each hazard strikes.
        self._events_by_profile: dict[str, tuple[Integers, Integers]] = {}
        for name, pairs in strikes.items():
            start, state_of = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
            self._events_by_profile[name] = start, state_of

    def share_left(self, origin: tuple[str, str]) -> Floats:
        """(S, K) share that hazards leave of an origin."""
        rows, of_state = self.distinct_patterns(self._origins.index(origin))
        return rows[of_state]

    def distinct_patterns(self, position: int) -> tuple[Floats, Integers]:
        """(R, K) what hazards leave of an origin, undisturbed first, and (S) the row of each
        state."""
        effects = self._effects_by_origin.get(position, [])
        parts = [self._events_by_profile[hazard][1] for hazard, _ in effects]
        struck = np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
        of_state = np.zeros(self.state_count, dtype=np.int64)
        of_state[struck] = np.arange(1, len(struck) + 1)
        left = np.ones((len(struck) + 1, self.period_count))
        for hazard, remains in effects:
            start, own = self._events_by_profile[hazard]
            for later, share in enumerate(remains):
                inside = start + later < self.period_count
                # Every event counts, even the same one twice.
                np.multiply.at(left, (of_state[own[inside]], start[inside] + later), share)
        return left, of_state


MAX_OUTPUT_TO_DEMAND = (
    100.0  # a project with more output than so many times the demand is held to less
)


def cap_surplus_offtake(instance: Instance, states: Sequence[State]) -> Instance:
    """The same problem with no more offtake of very large projects than anybody can use. Of a
    project a million times as large as demand, a millionth that the solver takes for nothing covers
    all. No plan is lost: offtake earns nothing, and what is held back would be surplus in every
    state, the worst of hazards and the lowest year of the ramp included."""
    most = {
        m: max(
            float(need.max()),
            *(float(lots.max()) for (own, _), lots in instance.supply.items() if own == m),
            0.0,
        )
        * max([1.0, *(x for state in states for own, x in state.demand_factors if own == m)])
        for m, need in instance.need.items()
    }
    part = dict.fromkeys(most, 1.0)  # of what comes, the least that belongs to anybody
    for node in instance.nodes:
        for share in node.group_share.values():
            part[node.material] = min([part[node.material], *share[share > 0]])
    for p in instance.projects.values():
        for m, ratio in p.inputs.items():  # for whose output alone somebody may need it
            most[m] += ratio * sum(p.output.values()) / part[m]
    large = [
        p
        for p in instance.projects.values()
        if any(0 < MAX_OUTPUT_TO_DEMAND * most[m] < lots for m, lots in p.output.items())
    ]
    if not large:
        return instance
    left = HazardPatterns(instance, states).share_left
    projects = dict(instance.projects)
    for p in large:
        used = 0.0
        for m, lots in p.output.items():
            shares = left((m, p.country))
            least = float(shares[shares > 0].min(initial=1.0))
            least *= min(share for share in (*p.ramp_up, 1.0) if share > 0)
            used = max(used, most[m] / (lots * least))
        settled = (lots for (q, *_), lots in instance.fixed_decisions.offtake.items() if q == p.id)
        limit = max(2 * len(instance.offtake_groups) * used, math.fsum(settled))
        projects[p.id] = replace(p, offtake_max=min(p.offtake_max, limit))
    return replace(instance, projects=projects)


@dataclass(frozen=True, eq=False)
class ScenarioData:
    """All that recourse depends on of a state, or of the mean of several: arrays that add up."""

    share_left: dict[tuple[str, str], Floats]  # (K) share of each origin's supply
    output_share: dict[tuple[str, str, Realisation], Floats]
    """(K) share of output, by project, material and how the project comes."""
    market_lots: dict[str, Floats]  # (K) lots of each material from the market
    demand: dict[str, Floats]  # (K) lots, by label of the node
    step_limit: dict[str, Floats]  # (J, K) lots of it on each step
    is_covered: dict[str, Floats]
    """(K) 1 where a period is covered, by material of which stocks are filled again; else 0."""

    @property
    def realisations(self) -> dict[str, tuple[Realisation, ...]]:
        """How each project comes."""
        found: dict[str, set[Realisation]] = {}
        for p, _, own in self.output_share:
            found.setdefault(p, set()).add(own)
        return {p: tuple(sorted(own)) for p, own in found.items()}


def compute_scenario_data(instance: Instance, state: State) -> ScenarioData:
    """What a state leaves of supply and of output, and what it makes of demand."""
    left = compute_availability(instance, state)
    factors = {m: np.array(factor) for m, factor in state.demand_factors}
    kept = adaptation_shares_left(instance, factors, left.__getitem__)
    market, demand, limit = {}, {}, {}
    for node in instance.nodes:
        m, factor = node.material, factors.get(node.material, np.ones(()))
        if m not in market:
            market[m] = shortage_clock.compute_market_lots(instance, m, factor, left.__getitem__)
        demand[node.label] = factor * node.demand[instance.year_index]
        limit[node.label] = node.step_limits(instance.year_index, factor, kept(m))
    comes = {}
    prices = deciding_price_states(instance, [state])
    for p in instance.projects.values():
        if p.id in state.failed_projects:
            continue
        price = prices.get(p.cash_cost_material or "", np.zeros(1, dtype=np.intp))[0]
        coming, runs = (
            state.realisation(p.id),
            shortage_clock.compute_running_share(instance, p, price, factors, left.__getitem__),
        )
        for material in p.output:
            comes[p.id, material, coming] = left[material, p.country] * runs
            if instance.price_floors(p.id):
                own = Realisation(coming.delay, floored=True)
                comes[p.id, material, own] = left[material, p.country] * (1 - runs)
    covered = find_covered_periods(instance, left.__getitem__, factors)
    return ScenarioData(left, comes, market, demand, limit, covered)


def compute_mean_scenario_data(instance: Instance, states: Sequence[State]) -> ScenarioData:
    """The mean of what states leave, by their probabilities. It is no state: a project comes with a
    part of its output in each way that it comes in any of them."""
    mean = ScenarioData({}, {}, {}, {}, {}, {})
    total = math.fsum(state.probability for state in states)
    for state in states:
        own, chance = compute_scenario_data(instance, state), state.probability / total
        for name in (field.name for field in fields(ScenarioData)):
            into = getattr(mean, name)
            for key, lots in getattr(own, name).items():
                into[key] = into.get(key, 0.0) + chance * lots
    return mean


def deciding_price_states(
    instance: Instance, states: Sequence[State]
) -> dict[str, NDArray[np.intp]]:
    """(S) the state that the price of each material is in which decides whether plants run."""
    deciding = {
        p.cash_cost_material: None
        for p in instance.projects.values()
        if p.cash_cost_material is not None
    }
    return {
        m: np.array([dict(s.price_states).get(m, instance.prices[m].most_likely) for s in states])
        for m in deciding
    }


def adaptation_shares_left(
    instance: Instance, demand_factors: Mapping[str, Floats], share_left: shortage_clock.ShareLeft
) -> Callable[[str], Floats]:
    """(..., E, K) of the entries of a material with adaptation, what is left of their later steps,
    by factors (...) on demand and what hazards leave."""

    def of_material(material: str) -> Floats:
        found = [
            own.share_left(
                shortage_clock.compute_clock_ages(
                    shortage_clock.find_hit_periods(
                        instance, material, own.trigger_loss, demand_factors, share_left
                    ),
                    own.reset_periods,
                )
            )
            for own in instance.adaptations.get(material, ())
        ]
        return np.stack(found, axis=-2) if found else np.ones((0, len(instance.periods)))

    return of_material


def market_supply(instance: Instance, node: Node, data: ScenarioData) -> Floats:
    """(K) lots that reach a node in a state before any investment."""
    return data.market_lots[node.material] * node.group_share[COMMON_GROUP][instance.year_index]


def find_short_periods(
    chain: Chain,
    demand: Mapping[int, Floats],
    market: Mapping[int, Floats],
    capacity: Mapping[str, Floats],
) -> NDArray[np.bool_]:
    """(..., K) whether the market (..., K) by node and conversions, by what each can make (..., K),
    may leave some demand (..., K) of a chain uncovered. Where they do not, they cover it for
    certain; where several conversions make one form they may, and it counts as short all the
    same."""
    needed = dict(demand)
    short = np.zeros(next(iter(market.values())).shape, dtype=bool)
    for v in reversed(chain.nodes):
        rest = needed[v] - market[v]
        for plant in chain.plants if len(chain.nodes) > 1 else ():
            if plant.output == v and plant.capacity is not None:
                made = np.clip(rest, 0.0, capacity[plant.id])
                rest = rest - made
                for i, lots in plant.inputs.items():
                    needed[i] = needed[i] + lots * made
        short |= rest > COVERAGE_TOLERANCE * needed[v]
    return short


def find_covered_periods(
    instance: Instance,
    share_left: shortage_clock.ShareLeft,
    demand_factors: Mapping[str, Floats],
    materials: Collection[str] | None = None,
) -> dict[str, Floats]:
    """(..., K) 1 where a period is covered, else 0, by material (of some, or of all) of which
    stocks are filled again: where the market and conversions meet all direct demand for it and for
    all that conversions tie it to, up to ``TOLERANCE`` of it, for all consumers, without a plan."""
    found: dict[str, Floats] = {}
    tied = {m: forms for forms in material_chains(instance.case, False) for m in forms}
    for pile in instance.stockpiles.values():
        m = pile.material
        if pile.max_refill.any() and m not in found and (materials is None or m in materials):
            forms = tied.get(m, (m,))
            met = _market_covers_demand(instance, forms, share_left, demand_factors).astype(float)
            found |= {other: met for other in forms if materials is None or other in materials}
    return found


def _market_covers_demand(
    instance: Instance,
    forms: Sequence[str],
    share_left: shortage_clock.ShareLeft,
    demand_factors: Mapping[str, Floats],
) -> NDArray[np.bool_]:
    """(..., K) whether the market and conversions meet all direct demand for some forms."""
    year_of, width = instance.year_index, len(forms)
    outputs_first = [m for m in reversed(order_materials(instance.case)) if m in forms]
    plants = [c for m in outputs_first for c in instance.conversions.values() if c.output == m]
    factor = {m: demand_factors.get(m, np.ones(())) for m in outputs_first}
    demand = [factor[m][..., None] * instance.material_demand[m][year_of] for m in outputs_first]
    market = [
        shortage_clock.compute_market_lots(instance, m, factor[m], share_left)
        for m in outputs_first
    ]
    capacity = [c.capacity[year_of] * share_left((c.output, c.country)) for c in plants]
    columns = np.stack(np.broadcast_arrays(*demand, *market, *capacity), axis=-1)
    meets = np.ones(columns.shape[:-1], dtype=bool)
    asked = {
        m: (1 - SHORTAGE_TOLERANCE) * columns[..., n] - columns[..., width + n]
        for n, m in enumerate(outputs_first)
    }
    for m in outputs_first:
        for n, c in enumerate(plants):
            if c.output == m:
                made = np.clip(asked[m], 0.0, columns[..., 2 * width + n])
                asked[m] = asked[m] - made
                for taken, ratio in c.inputs.items():
                    asked[taken] = asked[taken] + ratio * made
        meets &= asked[m] <= 0
    if len({c.output for c in plants}) < len(plants) and not meets.all():
        # Which of several plants makes a form is a choice.
        rows, number = np.unique(columns[~meets], axis=0, return_inverse=True)
        problems = []
        for row in rows:
            wanted, comes = (
                dict(zip(outputs_first, own, strict=False)) for own in (row, row[width:])
            )
            most = zip(plants, row[2 * width :], strict=True)
            makers = [YearConversion(c.output, float(lots), c.inputs) for c, lots in most]
            problems.append((makers, wanted, comes))
        can = solve_conversion_problems(outputs_first, problems)
        meets[~meets] = np.array(can)[number.ravel()]
    return meets


def project_output_lots(
    instance: Instance, node: Node, data: ScenarioData
) -> dict[tuple[str, Realisation], Floats]:
    """(K) lots of the node's material that each project delivers at full nameplate, by project and
    how it comes."""
    return {
        (p, coming): instance.projects[p].output[material] * share
        for (p, material, coming), share in data.output_share.items()
        if material == node.material
    }
