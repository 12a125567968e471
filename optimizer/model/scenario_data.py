"""Scenario data of a state: supply, output and demand as arrays.

The arrays are linear in the states, so that a mean of several states is again scenario data. This
module also computes what follows from them before any plan: in which periods shortages are
possible, and in which stocks can be refilled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import (
    SHORTAGE_TOLERANCE,
    YearConversion,
    material_chains,
    order_materials,
    solve_conversion_problems,
)
from optimizer.model import states as shortage_clock
from optimizer.model.instance import (
    COMMON_GROUP,
    COVERAGE_TOLERANCE,
    Chain,
    Floats,
    Instance,
    Node,
    Realization,
)
from optimizer.model.states import State

Integers = NDArray[np.int64]


def compute_availability(instance: Instance, state: State) -> dict[tuple[str, str], Floats]:
    """Return the share of supply and output that hazards leave in a state, by origin (material and
    country), in each period (K). The shares of several events are multiplied."""
    share_left = np.ones((len(instance.origins), len(instance.periods)))
    for profile_id, start in state.events:
        for origin_index, shares in instance.profiles[profile_id].effects:
            end = min(start + len(shares), share_left.shape[1])
            share_left[origin_index, start:end] *= shares[: end - start]
    return dict(zip(instance.origins, share_left, strict=True))


class HazardPatterns:
    """Effects of hazards on each origin in the given states."""

    def __init__(self, instance: Instance, states: Sequence[State]) -> None:
        self.period_count, self.state_count = len(instance.periods), len(states)
        self._origins = instance.origins
        self._effects_by_origin: dict[int, list[tuple[str, Floats]]] = {}
        for profile in instance.profiles.values():
            for origin_index, shares in profile.effects:
                self._effects_by_origin.setdefault(origin_index, []).append((profile.id, shares))
        events: dict[str, list[tuple[int, int]]] = {id: [] for id in instance.profiles}
        for s, state in enumerate(states):
            for profile_id, start_period in state.events:
                events[profile_id].append((start_period, s))
        self._events_by_profile: dict[str, tuple[Integers, Integers]] = {}
        for profile_name, pairs in events.items():
            start, state_of = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
            self._events_by_profile[profile_name] = start, state_of

    def share_left(self, origin: tuple[str, str]) -> Floats:
        """Return the share of an origin's supply that hazards leave in each state and period (S,
        K)."""
        rows, state_rows = self.distinct_patterns(self._origins.index(origin))
        return rows[state_rows]

    def distinct_patterns(self, position: int) -> tuple[Floats, Integers]:
        """Return the rows (R, K) of shares that hazards leave of an origin's supply, and the index
        of its row for each state (S). Row 0 is the undisturbed one."""
        effects = self._effects_by_origin.get(position, [])
        state_lists = [self._events_by_profile[profile_id][1] for profile_id, _ in effects]
        hit_states = (
            np.unique(np.concatenate(state_lists)) if state_lists else np.zeros(0, dtype=np.int64)
        )
        state_rows = np.zeros(self.state_count, dtype=np.int64)
        state_rows[hit_states] = np.arange(1, len(hit_states) + 1)
        share_left = np.ones((len(hit_states) + 1, self.period_count))
        for profile_id, shares in effects:
            start, event_states = self._events_by_profile[profile_id]
            for offset, share in enumerate(shares):
                inside = start + offset < self.period_count
                # Unbuffered, since two events may reach the same element.
                np.multiply.at(
                    share_left, (state_rows[event_states[inside]], start[inside] + offset), share
                )
        return share_left, state_rows


MAX_OUTPUT_TO_DEMAND = 100.0  # offtake is capped if output is a larger multiple of demand


def cap_surplus_offtake(instance: Instance, states: Sequence[State]) -> Instance:
    """Return the instance with smaller limits on the offtake of projects whose output is far larger
    than demand. Without them an offtake within the solver's tolerance could cover all demand. No
    plan is lost: offtake earns nothing, and what is cut off is surplus in every state, even with
    the worst hazards and in the lowest year of the ramp-up."""
    max_use = {
        m: max(
            float(need.max()),
            *(float(lots.max()) for origin, lots in instance.supply.items() if origin[0] == m),
            0.0,
        )
        * max([1.0, *(np.max(x) for state in states for q, x in state.demand_factors if q == m)])
        for m, need in instance.need.items()
    }
    # Smallest positive share of output that belongs to a node.
    min_node_share = dict.fromkeys(max_use, 1.0)
    for node in instance.nodes:
        for share in node.group_share.values():
            min_node_share[node.material] = min([min_node_share[node.material], *share[share > 0]])
    for p in instance.projects.values():
        for m, ratio in p.inputs.items():  # needed for the output only
            max_use[m] += ratio * sum(p.output.values()) / min_node_share[m]
    large_projects = [
        p
        for p in instance.projects.values()
        if any(0 < MAX_OUTPUT_TO_DEMAND * max_use[m] < lots for m, lots in p.output.items())
    ]
    if not large_projects:
        return instance
    share_left = HazardPatterns(instance, states).share_left
    projects = dict(instance.projects)
    for p in large_projects:
        useful_share = 0.0
        for m, lots in p.output.items():
            shares = share_left((m, p.country))
            min_share = float(shares[shares > 0].min(initial=1.0))
            min_share *= min(share for share in (*p.ramp_up, 1.0) if share > 0)
            useful_share = max(useful_share, max_use[m] / (lots * min_share))
        fixed_offtake = (
            lots for (q, *_), lots in instance.fixed_decisions.offtake.items() if q == p.id
        )
        limit = max(2 * len(instance.offtake_groups) * useful_share, math.fsum(fixed_offtake))
        projects[p.id] = replace(p, offtake_max=min(p.offtake_max, limit))
    return replace(instance, projects=projects)


@dataclass(frozen=True, eq=False)
class ScenarioData:
    """Data of a state on which recourse depends, or the mean of these data over several states."""

    share_left: dict[tuple[str, str], Floats]  # (K) share of each origin's supply
    output_share: dict[tuple[str, str, Realization], Floats]
    """(K) share of output, by project, material and realization."""
    market_lots: dict[str, Floats]  # (K) lots, by material
    demand: dict[str, Floats]  # (K) lots, by label of the node
    step_limit: dict[str, Floats]  # (J, K) lots on each damage step, by label of the node
    is_covered: dict[str, Floats]
    """(K) 1 where a period is covered, else 0, by material of stocks that are refilled."""

    @property
    def realizations(self) -> dict[str, tuple[Realization, ...]]:
        """Realizations of each project, by project. The mean of several states can have several."""
        by_project: dict[str, set[Realization]] = {}
        for p, _, realization in self.output_share:
            by_project.setdefault(p, set()).add(realization)
        return {p: tuple(sorted(values)) for p, values in by_project.items()}


def compute_scenario_data(instance: Instance, state: State) -> ScenarioData:
    """Compute the scenario data of a state."""
    share_left = compute_availability(instance, state)
    factors = collect_demand_factors(instance, [state])
    factors = {m: by_state[0] for m, by_state in factors.items()}
    adaptation_left = adaptation_shares_left(instance, factors, share_left.__getitem__)
    market, demand, step_limit = {}, {}, {}
    for node in instance.nodes:
        m, factor = node.material, factors.get(node.material, np.ones(1))
        if m not in market:
            market[m] = shortage_clock.compute_market_lots(
                instance, m, factor, share_left.__getitem__
            )
        demand[node.label] = factor * node.demand[instance.year_index]
        step_limit[node.label] = node.step_limits(instance.year_index, factor, adaptation_left(m))
    output_share = {}
    prices = deciding_price_states(instance, [state])
    for p in instance.projects.values():
        if p.id in state.failed_projects:
            continue
        price = prices.get(p.cash_cost_material or "", np.zeros(1, dtype=np.intp))[0]
        realization = state.realization(p.id)
        running_share = shortage_clock.compute_running_share(
            instance, p, price, factors, share_left.__getitem__
        )
        for material in p.output:
            output_share[p.id, material, realization] = (
                share_left[material, p.country] * running_share
            )
            if instance.price_floors(p.id):
                floored_realization = Realization(realization.delay, floored=True)
                output_share[p.id, material, floored_realization] = share_left[
                    material, p.country
                ] * (1 - running_share)
    is_covered = find_covered_periods(instance, share_left.__getitem__, factors)
    return ScenarioData(share_left, output_share, market, demand, step_limit, is_covered)


def compute_mean_scenario_data(instance: Instance, states: Sequence[State]) -> ScenarioData:
    """Compute the mean of the scenario data of states, weighted by their probabilities. It need not
    be the data of any state: a project can have several realizations, and delivers a part of its
    output in each."""
    mean = ScenarioData({}, {}, {}, {}, {}, {})
    total = math.fsum(state.probability for state in states)
    for state in states:
        data, weight = compute_scenario_data(instance, state), state.probability / total
        for name in (field.name for field in fields(ScenarioData)):
            totals = getattr(mean, name)
            for key, lots in getattr(data, name).items():
                totals[key] = totals.get(key, 0.0) + weight * lots
    return mean


def collect_demand_factors(instance: Instance, states: Sequence[State]) -> dict[str, Floats]:
    """Return the factor on demand in each state, for each material whose factor differs from 1 in
    some state: one for all periods (S, 1), or one for each (S, K) if it changes over the years in
    some state."""
    factors: dict[str, Floats] = {}
    year_count = len(instance.years)
    for s, state in enumerate(states):
        for m, factor in state.demand_factors:
            width = 1 if isinstance(factor, float) else year_count
            by_state = factors.setdefault(m, np.ones((len(states), width)))
            if width > by_state.shape[1]:
                factors[m] = by_state = np.repeat(by_state, year_count, axis=1)
            by_state[s] = factor
    return {
        m: by_state if by_state.shape[1] == 1 else by_state[:, instance.year_index]
        for m, by_state in factors.items()
    }


def deciding_price_states(
    instance: Instance, states: Sequence[State]
) -> dict[str, NDArray[np.intp]]:
    """Return the price state in each state (S), by material, for materials whose price decides
    whether plants run."""
    materials = {
        p.cash_cost_material: None
        for p in instance.projects.values()
        if p.cash_cost_material is not None
    }
    return {
        m: np.array([dict(s.price_states).get(m, instance.prices[m].most_likely) for s in states])
        for m in materials
    }


def adaptation_shares_left(
    instance: Instance, demand_factors: Mapping[str, Floats], share_left: shortage_clock.ShareLeft
) -> Callable[[str], Floats]:
    """Return a function of the material that gives the share (..., E, K) of the later damage steps
    that each of its E adaptations leaves. ``demand_factors`` (..., 1 or K) are by material;
    ``share_left`` gives the share of an origin's supply that hazards leave."""

    def of_material(material: str) -> Floats:
        shares = [
            adaptation.share_left(
                shortage_clock.compute_clock_ages(
                    shortage_clock.find_hit_periods(
                        instance, material, adaptation.trigger_loss, demand_factors, share_left
                    ),
                    adaptation.reset_periods,
                )
            )
            for adaptation in instance.adaptations.get(material, ())
        ]
        return np.stack(shares, axis=-2) if shares else np.ones((0, len(instance.periods)))

    return of_material


def market_supply(instance: Instance, node: Node, data: ScenarioData) -> Floats:
    """Return the lots that the market delivers to a node in each period (K), without any plan."""
    return data.market_lots[node.material] * node.group_share[COMMON_GROUP][instance.year_index]


def find_short_periods(
    chain: Chain,
    demand: Mapping[int, Floats],
    market: Mapping[int, Floats],
    capacity: Mapping[str, Floats],
) -> NDArray[np.bool_]:
    """Return whether the market and conversions may leave some of the demand of a chain uncovered
    in each period (..., K). ``demand`` and ``market`` are lots (..., K) by node, and ``capacity``
    is lots (..., K) by conversion. If several conversions make one form, a period may be marked
    although it is covered."""
    needed_lots = dict(demand)
    is_short = np.zeros(next(iter(market.values())).shape, dtype=bool)
    for v in reversed(chain.nodes):
        uncovered_lots = needed_lots[v] - market[v]
        for plant in chain.plants if len(chain.nodes) > 1 else ():
            if plant.output == v and plant.capacity is not None:
                output = np.clip(uncovered_lots, 0.0, capacity[plant.id])
                uncovered_lots = uncovered_lots - output
                for i, lots in plant.inputs.items():
                    needed_lots[i] = needed_lots[i] + lots * output
        is_short |= uncovered_lots > COVERAGE_TOLERANCE * needed_lots[v]
    return is_short


def find_covered_periods(
    instance: Instance,
    share_left: shortage_clock.ShareLeft,
    demand_factors: Mapping[str, Floats],
    materials: Collection[str] | None = None,
) -> dict[str, Floats]:
    """Return 1 for covered periods and 0 for others (..., K), by material whose stocks are
    refilled; only for ``materials`` if these are given. A period is covered if the market and
    conversions, without a plan, meet all direct demand for the material and for all forms in its
    chain, up to ``SHORTAGE_TOLERANCE``."""
    covered: dict[str, Floats] = {}
    forms_by_material = {m: forms for forms in material_chains(instance.case, False) for m in forms}
    for stockpile in instance.stockpiles.values():
        m = stockpile.material
        if (
            stockpile.max_refill.any()
            and m not in covered
            and (materials is None or m in materials)
        ):
            forms = forms_by_material.get(m, (m,))
            is_covered = _market_covers_demand(instance, forms, share_left, demand_factors).astype(
                float
            )
            covered |= {
                form: is_covered for form in forms if materials is None or form in materials
            }
    return covered


def _market_covers_demand(
    instance: Instance,
    forms: Sequence[str],
    share_left: shortage_clock.ShareLeft,
    demand_factors: Mapping[str, Floats],
) -> NDArray[np.bool_]:
    """Return for each period (..., K) whether the market and conversions meet all direct demand for
    ``forms``."""
    year_of, width = instance.year_index, len(forms)
    outputs_first = [m for m in reversed(order_materials(instance.case)) if m in forms]
    plants = [
        conversion
        for m in outputs_first
        for conversion in instance.conversions.values()
        if conversion.output == m
    ]
    factor = {m: demand_factors.get(m, np.ones(1)) for m in outputs_first}
    demand = [factor[m] * instance.material_demand[m][year_of] for m in outputs_first]
    market = [
        shortage_clock.compute_market_lots(instance, m, factor[m], share_left)
        for m in outputs_first
    ]
    capacity = [
        conversion.capacity[year_of] * share_left((conversion.output, conversion.country))
        for conversion in plants
    ]
    columns = np.stack(np.broadcast_arrays(*demand, *market, *capacity), axis=-1)
    is_met = np.ones(columns.shape[:-1], dtype=bool)
    required_lots = {
        m: (1 - SHORTAGE_TOLERANCE) * columns[..., n] - columns[..., width + n]
        for n, m in enumerate(outputs_first)
    }
    for m in outputs_first:
        for n, conversion in enumerate(plants):
            if conversion.output == m:
                output = np.clip(required_lots[m], 0.0, columns[..., 2 * width + n])
                required_lots[m] = required_lots[m] - output
                for input_material, ratio in conversion.inputs.items():
                    required_lots[input_material] = required_lots[input_material] + ratio * output
        is_met &= required_lots[m] <= 0
    if len({conversion.output for conversion in plants}) < len(plants) and not is_met.all():
        # The allocation to several plants that make one form is a linear program.
        rows, row_index = np.unique(columns[~is_met], axis=0, return_inverse=True)
        problems = []
        for row in rows:
            row_demand, row_market = (
                dict(zip(outputs_first, values, strict=False)) for values in (row, row[width:])
            )
            capacities = zip(plants, row[2 * width :], strict=True)
            conversions = [
                YearConversion(conversion.output, float(lots), conversion.inputs)
                for conversion, lots in capacities
            ]
            problems.append((conversions, row_demand, row_market))
        solvable = solve_conversion_problems(outputs_first, problems)
        is_met[~is_met] = np.array(solvable)[row_index.ravel()]
    return is_met


def project_output_lots(
    instance: Instance, node: Node, data: ScenarioData
) -> dict[tuple[str, Realization], Floats]:
    """Return the lots of a node's material that each project makes in each period (K) with all of
    its nameplate running, by project and realization."""
    return {
        (p, realization): instance.projects[p].output[material] * share
        for (p, material, realization), share in data.output_share.items()
        if material == node.material
    }
