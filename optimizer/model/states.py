"""States of the world: written out in the file, or sampled from its hazards.

Random draws come from one counter-based stream for each seed, kind of draw, id and calendar
year; state number s takes the s-th number of each. A new project, hazard or variant leaves all
other draws as they were, and of independent draws the first N of 2N states are the same N;
stratified ones are spread anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import chains, order
from models.scenario.hazards import Sample
from models.scenario.hazards import State as WrittenState
from models.scenario.quantities import Number
from models.scenario.undisturbed import TOLERANCE, Maker, met
from optimizer.model import clock
from optimizer.model.instance import (
    COMMON,
    COVERED,
    Chain,
    Coming,
    Floats,
    Instance,
    Node,
)
from optimizer.model.instance.prices import draw_prices, named_price
from optimizer.model.streams import chosen, project_draws, uniforms


@dataclass(frozen=True)
class State:
    """One way the coming years may go."""

    name: str
    probability: float
    events: tuple[tuple[str, int], ...] = ()
    """What strikes, by the ids of ``Instance.profiles``, and its first period."""
    failed: frozenset[str] = frozenset()  # projects that never produce
    delays: tuple[tuple[str, int], ...] = ()  # years of delay of the first output, if any
    unaided: frozenset[str] = frozenset()  # projects that are decided without anybody's money
    regimes: tuple[str, ...] = ()  # (Y) empty texts where it is not said; none without regimes
    demand: tuple[tuple[str, float], ...] = ()  # factors on demand, by material; 1 where not named
    prices: tuple[tuple[str, int], ...] = ()
    """Price states, by material whose price is drawn; the most likely where not named."""

    def coming(self, project: str) -> Coming:
        """How a project comes that does not fail."""
        return Coming(dict(self.delays).get(project, 0), project in self.unaided)


@dataclass(frozen=True, eq=False)
class Chances:
    """Probabilities that states are drawn with."""

    strikes: dict[str, Floats]
    """(R, Y) that a hazard starts in each year, where no event of it runs, by its regime: one row
    for each of ``regimes``, or a single one where there are none."""
    fails: dict[str, float]  # that a project never produces

    @classmethod
    def of(cls, instance: Instance) -> Chances:
        """Those of the scenario."""
        names = regimes(instance) or ("",)
        strikes = {
            h.id: np.minimum(
                np.outer([h.regime_factors.get(r, 1.0) for r in names], h.annual_probability), 1.0
            )
            for h in instance.hazards
        }
        return cls(strikes, {p.id: 1 - p.success_probability for p in instance.projects.values()})


def regimes(instance: Instance) -> tuple[str, ...]:
    """The regimes of the chain of years that states are drawn by; none without one."""
    uncertainty = instance.case.uncertainty
    chain = uncertainty.regimes if uncertainty is not None else None
    return tuple(chain.yearly) if chain is not None else ()


def regime_of(instance: Instance, states: Sequence[State]) -> NDArray[np.intp]:
    """(S, Y) position of each year's regime in drawn states; 0 where there are none."""
    names = {name: number for number, name in enumerate(regimes(instance))}
    if not names:
        return np.zeros((len(states), len(instance.years)), dtype=np.intp)
    return np.array([[names[name] for name in state.regimes] for state in states], dtype=np.intp)


def read_states(instance: Instance) -> tuple[State, ...]:
    """The states of the world that a scenario asks for."""
    uncertainty = instance.case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        every = slice(0, int(uncertainty.sample.states))
        return _sampled(instance, uncertainty.sample, None, every)
    if uncertainty is not None and uncertainty.states is not None:
        total = math.fsum(state.probability for state in uncertainty.states)
        # A file may round them; what is rounding of ours is left alone.
        total = total if abs(total - 1) > 1e-12 else 1.0
        return tuple(
            _written(instance, state, number, total)
            for number, state in enumerate(uncertainty.states)
        )
    return (State("undisturbed", 1.0),)


def draw_states(
    instance: Instance,
    count: int,
    seed: int,
    method: Literal["random", "stratified"] = "random",
    chances: Chances | None = None,
    block: slice | None = None,
) -> tuple[State, ...]:
    """So many states, drawn from a scenario's hazards, success and delay whatever it asks for;
    with other chances than the scenario's, where they are given. Of a ``block`` of them, those
    alone, each as it is among all."""
    sample = Sample(
        states=Number(count),
        seed=Number(seed),
        method=method,
        project_correlation=project_correlation(instance),
    )
    return _sampled(instance, sample, chances, block or slice(0, count))


def project_correlation(instance: Instance) -> Number:
    """That of a scenario's projects; 0 where it samples no states."""
    uncertainty = instance.case.uncertainty
    sample = uncertainty.sample if uncertainty is not None else None
    return sample.project_correlation if sample is not None else Number(0)


def never_striking(instance: Instance, states: tuple[State, ...]) -> tuple[str, ...]:
    """Hazards that strike in none of the states."""
    striking = {instance.profiles[way].hazard for state in states for way, _ in state.events}
    return tuple(h.id for h in instance.hazards if h.id not in striking)


def _written(instance: Instance, state: WrittenState, number: int, total: float) -> State:
    first, n = instance.years[0], instance.per_year
    named = dict(sorted(state.regimes.items()))
    held = [max((y for y in named if y <= year), default=None) for year in instance.years]
    events = (
        (
            event.hazard if event.profile is None else f"{event.hazard}.{event.profile}",
            (event.start - first) * n + int(event.period) - 1,
        )
        for event in state.events
    )
    return State(
        name=state.name or f"state {number + 1}",
        probability=float(state.probability) / total,
        events=tuple(events),
        failed=frozenset(state.failed_projects),
        delays=tuple((p, int(d)) for p, d in state.delayed_projects.items() if d > 0),
        unaided=frozenset(state.anyway),
        regimes=tuple("" if year is None else named[year] for year in held) if named else (),
        demand=tuple((m, float(x)) for m, x in state.demand.items() if float(x) != 1),
        prices=tuple(
            (m, named_price(data, instance.case.materials[m], m, state))
            for m, data in instance.prices.items()
            if data.drawn
        ),
    )


def _sampled(
    instance: Instance, sample: Sample, chances: Chances | None, block: slice
) -> tuple[State, ...]:
    count, n = block.stop - block.start, instance.per_year
    chances = chances or Chances.of(instance)
    names = regimes(instance)
    regime = _regimes(instance, sample, block)
    events: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    for hazard in instance.hazards:
        ways = hazard.profiles
        length = np.array([way.length for way in ways])
        running_until = np.zeros(count, dtype=np.intp)
        for position, year in enumerate(instance.years):
            strikes = uniforms(sample, block, "hazard", hazard.id, year, "strikes")
            period = uniforms(sample, block, "hazard", hazard.id, year, "period")
            start = position * n + np.minimum((period * n).astype(np.intp), n - 1)
            chance = chances.strikes[hazard.id][regime[position], position]
            begins = (strikes < chance) & (start >= running_until)
            way = np.zeros(count, dtype=np.intp)
            if len(ways) > 1:
                draws = uniforms(sample, block, "hazard", hazard.id, year, "profile")
                way = chosen([own.probability for own in ways], draws)
            running_until = np.where(begins, start + length[way], running_until)
            for s in np.flatnonzero(begins):
                events[s].append((ways[way[s]].id, int(start[s])))
    failed: list[set[str]] = [set() for _ in range(count)]
    delays: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    unaided: list[set[str]] = [set() for _ in range(count)]
    for p in instance.projects.values():
        fails = project_draws(sample, block, "success", p.id) >= 1 - chances.fails[p.id]
        for s in np.flatnonzero(fails):
            failed[s].add(p.id)
        late = _delays(p.delays, project_draws(sample, block, "delay", p.id))
        for s in np.flatnonzero(late):
            delays[s].append((p.id, int(late[s])))
        if p.unaided is not None:
            for s in np.flatnonzero(uniforms(sample, block, "anyway", p.id) < p.unaided_chance):
                unaided[s].add(p.id)
    demand: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    uncertainty = instance.case.uncertainty
    for m, factors in uncertainty.demand.items() if uncertainty else ():
        chance = [float(one.probability) for one in factors]
        drawn = chosen(chance, uniforms(sample, block, "demand", m))
        for number, place in enumerate(drawn):
            if float(factors[place].factor) != 1:
                demand[number].append((m, float(factors[place].factor)))
    prices = {
        m: draw_prices(data, m, sample, block) for m, data in instance.prices.items() if data.drawn
    }
    return tuple(
        State(
            f"sampled {block.start + s + 1}",
            1 / int(sample.states),
            tuple(events[s]),
            frozenset(failed[s]),
            tuple(delays[s]),
            frozenset(unaided[s]),
            tuple(names[r] for r in regime[:, s]) if names else (),
            tuple(demand[s]),
            tuple((m, int(own[s])) for m, own in prices.items()),
        )
        for s in range(count)
    )


def _delays(chances: Mapping[int, float], draws: Floats) -> NDArray[np.intp]:
    years = sorted(chances)
    at = chosen([chances[d] for d in years], draws)
    return np.array(years, dtype=np.intp)[at]


def _regimes(instance: Instance, sample: Sample, block: slice) -> NDArray[np.intp]:
    """(Y, B) position of each year's regime in ``regimes``; 0 where there are none."""
    found = np.zeros((len(instance.years), block.stop - block.start), dtype=np.intp)
    names, uncertainty = regimes(instance), instance.case.uncertainty
    if uncertainty is None or uncertainty.regimes is None:
        return found
    chain = uncertainty.regimes
    shares = np.array(
        [[row.get(to, 0.0) for to in names] for row in (chain.first, *chain.yearly.values())]
    )
    shares /= shares.sum(axis=1, keepdims=True)  # 1, but for rounding in the file
    before = np.full(found.shape[1], -1)
    for position, year in enumerate(instance.years):
        draws = uniforms(sample, block, "regime", year)
        for number in np.unique(before):
            own = before == number
            found[position, own] = chosen(shares[number + 1].tolist(), draws[own])
        before = found[position]
    return found


def draw_overruns(instance: Instance, project: str, count: int, seed: int) -> Floats:
    """(N) shares of its capex that a project costs more, in as many states as are drawn with the
    same seed."""
    correlation, overruns = project_correlation(instance), instance.projects[project].overruns
    sample = Sample(states=Number(count), seed=Number(seed), project_correlation=correlation)
    draws = project_draws(sample, slice(0, count), "overrun", project)
    values = np.array([by for by, _ in overruns])
    return values[chosen([chance for _, chance in overruns], draws)]


def availability(instance: Instance, state: State) -> dict[tuple[str, str], Floats]:
    """(K) share that hazards leave of each origin's supply and output; every event counts."""
    left = np.ones((len(instance.origins), len(instance.periods)))
    for way, start in state.events:
        for position, remains in instance.profiles[way].effects:
            end = min(start + len(remains), left.shape[1])
            left[position, start:end] *= remains[: end - start]
    return dict(zip(instance.origins, left, strict=True))


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
    left = [availability(instance, state) for state in states]
    projects = dict(instance.projects)
    for p in large:
        used = 0.0
        for m, lots in p.output.items():
            shares = np.concatenate([own[m, p.country] for own in left])
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
        can = []
        for row in rows:
            wanted, comes = (
                dict(zip(outputs_first, own, strict=False)) for own in (row, row[width:])
            )
            most = zip(plants, row[2 * width :], strict=True)
            makers = [Maker(c.output, float(lots), c.inputs) for c, lots in most]
            can.append(met(outputs_first, makers, wanted, comes))
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
