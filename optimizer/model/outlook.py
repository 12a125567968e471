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

from models.scenario.chains import chains, order
from models.scenario.undisturbed import TOLERANCE, Maker, can_meet
from optimizer.model import clock
from optimizer.model.instance import COMMON, COVERED, Chain, Coming, Floats, Instance, Node
from optimizer.model.states import State

Places = NDArray[np.int64]


def availability(instance: Instance, state: State) -> dict[tuple[str, str], Floats]:
    """(K) share that hazards leave of each origin's supply and output; every event counts."""
    left = np.ones((len(instance.origins), len(instance.periods)))
    for way, start in state.events:
        for position, remains in instance.profiles[way].effects:
            end = min(start + len(remains), left.shape[1])
            left[position, start:end] *= remains[: end - start]
    return dict(zip(instance.origins, left, strict=True))


class Patterns:
    """When and where hazards strike in the given states."""

    def __init__(self, instance: Instance, states: Sequence[State]) -> None:
        self.periods, self.states = len(instance.periods), len(states)
        self._origins = instance.origins
        self._effects: dict[int, list[tuple[str, Floats]]] = {}
        for way in instance.profiles.values():
            for position, remains in way.effects:
                self._effects.setdefault(position, []).append((way.id, remains))
        strikes: dict[str, list[tuple[int, int]]] = {id: [] for id in instance.profiles}
        for s, state in enumerate(states):
            for struck, at in state.events:
                strikes[struck].append((at, s))
        # When and in which states each hazard strikes.
        self._strikes: dict[str, tuple[Places, Places]] = {}
        for name, pairs in strikes.items():
            start, state_of = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
            self._strikes[name] = start, state_of

    def left(self, origin: tuple[str, str]) -> Floats:
        """(S, K) share that hazards leave of an origin."""
        rows, of_state = self.of_origin(self._origins.index(origin))
        return rows[of_state]

    def of_origin(self, position: int) -> tuple[Floats, Places]:
        """(R, K) what hazards leave of an origin, undisturbed first, and (S) the row of each
        state."""
        effects = self._effects.get(position, [])
        parts = [self._strikes[hazard][1] for hazard, _ in effects]
        struck = np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
        of_state = np.zeros(self.states, dtype=np.int64)
        of_state[struck] = np.arange(1, len(struck) + 1)
        left = np.ones((len(struck) + 1, self.periods))
        for hazard, remains in effects:
            start, own = self._strikes[hazard]
            for later, share in enumerate(remains):
                inside = start + later < self.periods
                # Every event counts, even the same one twice.
                np.multiply.at(left, (of_state[own[inside]], start[inside] + later), share)
        return left, of_state


SURPLUS = 100.0  # a project with more output than so many times the demand is held to less


def without_surplus(instance: Instance, states: Sequence[State]) -> Instance:
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
        * max([1.0, *(x for state in states for own, x in state.demand if own == m)])
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
        if any(0 < SURPLUS * most[m] < lots for m, lots in p.output.items())
    ]
    if not large:
        return instance
    left = Patterns(instance, states).left
    projects = dict(instance.projects)
    for p in large:
        used = 0.0
        for m, lots in p.output.items():
            shares = left((m, p.country))
            least = float(shares[shares > 0].min(initial=1.0))
            least *= min(share for share in (*p.ramp, 1.0) if share > 0)
            used = max(used, most[m] / (lots * least))
        settled = (lots for (q, *_), lots in instance.held.offtake.items() if q == p.id)
        limit = max(2 * len(instance.groups) * used, math.fsum(settled))
        projects[p.id] = replace(p, offtake_max=min(p.offtake_max, limit))
    return replace(instance, projects=projects)


@dataclass(frozen=True, eq=False)
class Outlook:
    """All that recourse depends on of a state, or of the mean of several: arrays that add up."""

    left: dict[tuple[str, str], Floats]  # (K) share of each origin's supply
    comes: dict[tuple[str, str, Coming], Floats]
    """(K) share of output, by project, material and how the project comes."""
    market: dict[str, Floats]  # (K) lots of each material from the market
    demand: dict[str, Floats]  # (K) lots, by label of the node
    limit: dict[str, Floats]  # (J, K) lots of it on each step
    covered: dict[str, Floats]
    """(K) 1 where a period is covered, by material of which stocks are filled again; else 0."""

    @property
    def coming(self) -> dict[str, tuple[Coming, ...]]:
        """How each project comes."""
        found: dict[str, set[Coming]] = {}
        for p, _, own in self.comes:
            found.setdefault(p, set()).add(own)
        return {p: tuple(sorted(own)) for p, own in found.items()}


def outlook(instance: Instance, state: State) -> Outlook:
    """What a state leaves of supply and of output, and what it makes of demand."""
    left = availability(instance, state)
    factors = {m: np.array(factor) for m, factor in state.demand}
    kept = shares_left(instance, factors, left.__getitem__)
    market, demand, limit = {}, {}, {}
    for node in instance.nodes:
        m, factor = node.material, factors.get(node.material, np.ones(()))
        if m not in market:
            market[m] = clock.market(instance, m, factor, left.__getitem__)
        demand[node.label] = factor * node.demand[instance.year_of]
        limit[node.label] = node.limits(instance.year_of, factor, kept(m))
    comes = {}
    prices = price_states(instance, [state])
    for p in instance.projects.values():
        if p.id in state.failed:
            continue
        price = prices.get(p.cash_of or "", np.zeros(1, dtype=np.intp))[0]
        coming, runs = state.coming(p.id), clock.runs(instance, p, price, factors, left.__getitem__)
        for material in p.output:
            comes[p.id, material, coming] = left[material, p.country] * runs
            if instance.floors_of(p.id):
                own = Coming(coming.late, floored=True)
                comes[p.id, material, own] = left[material, p.country] * (1 - runs)
    covered = covered_periods(instance, left.__getitem__, factors)
    return Outlook(left, comes, market, demand, limit, covered)


def mean_outlook(instance: Instance, states: Sequence[State]) -> Outlook:
    """The mean of what states leave, by their probabilities. It is no state: a project comes with a
    part of its output in each way that it comes in any of them."""
    mean = Outlook({}, {}, {}, {}, {}, {})
    total = math.fsum(state.probability for state in states)
    for state in states:
        own, chance = outlook(instance, state), state.probability / total
        for name in (field.name for field in fields(Outlook)):
            into = getattr(mean, name)
            for key, lots in getattr(own, name).items():
                into[key] = into.get(key, 0.0) + chance * lots
    return mean


def price_states(instance: Instance, states: Sequence[State]) -> dict[str, NDArray[np.intp]]:
    """(S) the state that the price of each material is in which decides whether plants run."""
    deciding = {p.cash_of: None for p in instance.projects.values() if p.cash_of is not None}
    return {
        m: np.array([dict(s.prices).get(m, instance.prices[m].usual) for s in states])
        for m in deciding
    }


def shares_left(
    instance: Instance, factors: Mapping[str, Floats], left: clock.Left
) -> Callable[[str], Floats]:
    """(..., E, K) of the entries of a material with adaptation, what is left of their later steps,
    by factors (...) on demand and what hazards leave."""

    def of_material(material: str) -> Floats:
        found = [
            own.left(
                clock.ages(clock.struck(instance, material, own.trigger, factors, left), own.reset)
            )
            for own in instance.adaptations.get(material, ())
        ]
        return np.stack(found, axis=-2) if found else np.ones((0, len(instance.periods)))

    return of_material


def market_supply(instance: Instance, node: Node, outlook: Outlook) -> Floats:
    """(K) lots that reach a node in a state before any investment."""
    return outlook.market[node.material] * node.group_share[COMMON][instance.year_of]


def is_short(
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
        short |= rest > COVERED * needed[v]
    return short


def covered_periods(
    instance: Instance,
    left: clock.Left,
    factors: Mapping[str, Floats],
    materials: Collection[str] | None = None,
) -> dict[str, Floats]:
    """(..., K) 1 where a period is covered, else 0, by material (of some, or of all) of which
    stocks are filled again: where the market and conversions meet all direct demand for it and for
    all that conversions tie it to, up to ``TOLERANCE`` of it, for all consumers, without a plan."""
    found: dict[str, Floats] = {}
    tied = {m: forms for forms in chains(instance.case, False) for m in forms}
    for pile in instance.stockpiles.values():
        m = pile.material
        if pile.refill.any() and m not in found and (materials is None or m in materials):
            forms = tied.get(m, (m,))
            met = _market_meets(instance, forms, left, factors).astype(float)
            found |= {other: met for other in forms if materials is None or other in materials}
    return found


def _market_meets(
    instance: Instance, forms: Sequence[str], left: clock.Left, factors: Mapping[str, Floats]
) -> NDArray[np.bool_]:
    """(..., K) whether the market and conversions meet all direct demand for some forms."""
    year_of, width = instance.year_of, len(forms)
    outputs_first = [m for m in reversed(order(instance.case)) if m in forms]
    plants = [c for m in outputs_first for c in instance.conversions.values() if c.output == m]
    factor = {m: factors.get(m, np.ones(())) for m in outputs_first}
    demand = [factor[m][..., None] * instance.material_demand[m][year_of] for m in outputs_first]
    market = [clock.market(instance, m, factor[m], left) for m in outputs_first]
    capacity = [c.capacity[year_of] * left((c.output, c.country)) for c in plants]
    columns = np.stack(np.broadcast_arrays(*demand, *market, *capacity), axis=-1)
    meets = np.ones(columns.shape[:-1], dtype=bool)
    asked = {
        m: (1 - TOLERANCE) * columns[..., n] - columns[..., width + n]
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
            makers = [Maker(c.output, float(lots), c.inputs) for c, lots in most]
            problems.append((makers, wanted, comes))
        can = can_meet(outputs_first, problems)
        meets[~meets] = np.array(can)[number.ravel()]
    return meets


def project_output(
    instance: Instance, node: Node, outlook: Outlook
) -> dict[tuple[str, Coming], Floats]:
    """(K) lots of the node's material that each project delivers at full nameplate, by project and
    how it comes."""
    return {
        (p, coming): instance.projects[p].output[material] * share
        for (p, material, coming), share in outlook.comes.items()
        if material == node.material
    }
