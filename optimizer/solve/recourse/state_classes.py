"""What the states of the world look like to each material, states that look alike merged.

A state is a few events, failures and delays. To a material it looks as the market's supply, and
what is left of each project's output, in the periods in which anything can be missing. Where
nothing can be missing whatever is committed, a period is calm, and so is a look without others.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scenario.chains import material_chains
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
from optimizer.model.scenario_data import (
    HazardPatterns,
    adaptation_shares_left,
    deciding_price_states,
    find_covered_periods,
    find_short_periods,
)
from optimizer.model.states import State

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StateClasses:
    """The looks of one material, U of them, S states having been merged into these."""

    material: str
    nodes: tuple[int, ...]  # positions of the material's nodes in the instance
    outlets: tuple[str, ...]
    """The P outlets: projects that give it, and again what of them runs under floors alone."""
    realisations: tuple[
        tuple[Realisation, ...], ...
    ]  # ways that each project comes; D is the most of any
    class_of_state: Integers  # (S) look of each state; -1 where it is calm
    market_lots: Floats  # (U, K) lots from the market
    available_row: Integers  # (U, P) row of ``available`` that holds for a project
    realisation_index: (
        Integers  # (U, P) place of the way among ``delays``; -1 where the project fails
    )
    available_share: Floats  # (R, K) share of output that hazards leave
    demand_row: Integers  # (U) row of the next two that holds
    demand_factor: Floats  # (N) on demand
    step_share_left: Floats  # (N, E, K) share of later steps that is left, by entry with adaptation
    is_covered: Floats | None = None
    """(U, K) 1 where a period is covered, else 0; None where no stock is filled again."""

    @property
    def class_demand_factor(self) -> Floats:
        """(U) factor on demand."""
        return self.demand_factor[self.demand_row]

    @property
    def class_count(self) -> int:
        """Number of looks."""
        return len(self.market_lots)

    def sum_by_class(self, state_weights: Floats) -> Floats:
        """(..., U) sums of the weights (..., S) of the states that have each look."""
        weights = np.zeros((*state_weights.shape[:-1], self.class_count))
        struck = self.class_of_state >= 0
        for into, own in zip(np.atleast_2d(weights), np.atleast_2d(state_weights), strict=True):
            np.add.at(into, self.class_of_state[struck], own[struck])
        return weights


@dataclass(frozen=True, eq=False)
class ChainStateClasses:
    """The looks of forms that are made into one another, or of one of which stocks are filled
    again, U of them."""

    chains: tuple[Chain, ...]  # one, or one for each consumer
    class_of_state: Integers  # (S) look of each state; -1 where it is calm
    by_material: dict[str, StateClasses]  # the same looks, by material
    capacity_left: dict[
        str, Floats
    ]  # (U, K) share of its capacity that hazards leave each conversion
    is_open: NDArray[np.bool_]  # (U, K) periods in which anything may be missing
    class_digests: tuple[
        bytes, ...
    ]  # (U) of all that tells one from others, whichever states there are

    @property
    def class_count(self) -> int:
        """Number of looks."""
        return len(self.is_open)

    def sum_by_class(self, state_weights: Floats) -> Floats:
        """(..., U) sums of the weights (..., S) of the states that have each look."""
        return next(iter(self.by_material.values())).sum_by_class(state_weights)


def find_realisations(
    instance: Instance, states: Sequence[State]
) -> dict[str, tuple[Realisation, ...]]:
    """Ways in which each project comes, on time among them, in any of the states."""
    ways = {p: {Realisation()} for p in instance.projects}
    for state in states:
        for p in _unusual_projects(state):
            ways[p].add(state.realisation(p))
    return {p: tuple(sorted(own)) for p, own in ways.items()}


def _unusual_projects(state: State) -> set[str]:
    """Projects that do not come on time, or come unaided."""
    return {*state.unaided_projects, *(p for p, _ in state.delays)}


def build_state_classes(
    instance: Instance,
    states: Sequence[State],
    *,
    realisations: dict[str, tuple[Realisation, ...]] | None = None,
    merge: bool = True,
) -> tuple[tuple[StateClasses, ...], tuple[ChainStateClasses, ...]]:
    """The looks of every material that has nodes, and of those that are made into others, or of
    which stocks are filled again, together; ``delays`` are those that projects can have, where
    these states are not all there are. Without ``merge`` there is one look for each state."""
    patterns = HazardPatterns(instance, states)
    possible = realisations or find_realisations(instance, states)
    of_material: dict[str, list[int]] = {}
    for position, node in enumerate(instance.nodes):
        of_material.setdefault(node.material, []).append(position)
    place = {p: {coming: d for d, coming in enumerate(own)} for p, own in possible.items()}
    late = {p: np.full(len(states), own[Realisation()], np.int64) for p, own in place.items()}
    for s, state in enumerate(states):
        for p in _unusual_projects(state):
            late[p][s] = place[p][state.realisation(p)]
        for p in state.failed_projects:
            late[p][s] = -1
    wants, runs = _demand_and_running(instance, states, patterns)
    tied = {m: forms for forms in material_chains(instance.case) for m in forms}
    groups: dict[tuple[str, ...], list[Chain]] = {}
    for chain in instance.chains:
        material = instance.nodes[chain.id].material
        groups.setdefault(tied.get(material, (material,)), []).append(chain)
    in_chain: dict[str, ChainStateClasses] = {}
    for own in groups.values():
        piles = {
            h for chain in own for v in chain.nodes for h in instance.nodes[v].stockpile_shares
        }
        again = any(instance.stockpiles[h].max_refill.any() for h in piles)
        if all(len(chain.nodes) == 1 for chain in own) and not again:
            continue
        names = dict.fromkeys(instance.nodes[v].material for chain in own for v in chain.nodes)
        apart = {
            m: _build_material_classes(
                instance, m, tuple(of_material[m]), patterns, possible, late, wants(m), runs, False
            )
            for m in names
        }
        together = _build_chain_classes(
            instance, tuple(own), apart, patterns, collect_demand_factors(states), merge
        )
        in_chain.update(dict.fromkeys(names, together))
    looks = tuple(
        in_chain[material].by_material[material]
        if material in in_chain
        else _build_material_classes(
            instance, material, tuple(nodes), patterns, possible, late, wants(material), runs, merge
        )
        for material, nodes in of_material.items()
    )
    return looks, tuple(dict.fromkeys(in_chain.values()))


def _build_chain_classes(
    instance: Instance,
    tied_chains: tuple[Chain, ...],
    by_material: dict[str, StateClasses],
    patterns: HazardPatterns,
    demand_factors: dict[str, Floats],
    merge: bool,
) -> ChainStateClasses:
    """The looks of forms of which each was read state by state."""
    plants = (plant for own in tied_chains for plant in own.plants if plant.capacity is not None)
    conversions, left = {plant.id: plant.origin for plant in plants}, {}
    for c, origin in conversions.items():
        left[c] = patterns.share_left(origin)
    open_ = np.zeros((patterns.state_count, patterns.period_count), dtype=bool)
    year_of = instance.year_index
    for chain in tied_chains:
        nodes = {v: instance.nodes[v] for v in chain.nodes}
        market = {
            v: node.group_share[COMMON_GROUP][year_of] * by_material[node.material].market_lots
            for v, node in nodes.items()
        }
        demand = {
            v: by_material[node.material].class_demand_factor[:, None] * node.demand[year_of]
            for v, node in nodes.items()
        }
        capacity = {
            plant.id: plant.capacity[year_of] * left[plant.id]
            for plant in chain.plants
            if plant.capacity is not None
        }
        open_ |= find_short_periods(chain, demand, market, capacity)
    covered = {
        m: np.broadcast_to(own, open_.shape)
        for m, own in find_covered_periods(
            instance, patterns.share_left, demand_factors, by_material
        ).items()
    }
    kept = of_state = np.arange(patterns.state_count)
    digest: tuple[bytes, ...] = ()
    if merge:
        struck = np.flatnonzero(open_.any(axis=1))
        # In a calm period there is nothing to tell states apart by.
        seen: list[Floats] = [open_[struck].astype(float)]
        seen += [own[struck] * open_[struck] for own in left.values()]
        seen += [own[struck] for own in covered.values()]
        for own in by_material.values():
            seen += [own.market_lots[struck] * open_[struck], _demand_signature(own, struck, open_)]
            for p in range(len(own.outlets)):
                seen.append(own.available_share[own.available_row[struck, p]] * open_[struck])
                seen.append(own.realisation_index[struck, p : p + 1].astype(float))
        rows = np.hstack(seen)
        first, number = _distinct_rows(rows) if len(struck) else (struck, struck)
        # Looks with like open periods side by side: one program goes on from the other.
        alike = [open_[struck[n]].tobytes() for n in first]
        order = np.array(sorted(range(len(first)), key=alike.__getitem__), dtype=np.int64)
        first, number = first[order], np.argsort(order)[number]
        digest = tuple(hashlib.blake2b(rows[n].tobytes(), digest_size=16).digest() for n in first)
        kept = struck[first]
        of_state = np.full(patterns.state_count, -1, dtype=np.int64)
        of_state[struck] = number
    wanted = [_demand_signature(own, kept, open_) for own in by_material.values()]
    shared, row = _distinct_rows(np.hstack(wanted))  # the same rows for all forms
    forms = {}
    for (m, own), says in zip(by_material.items(), wanted, strict=True):
        factor, own_left = _split_signature(own, says[shared])
        rows, pattern = np.unique(own.available_row[kept], return_inverse=True)
        forms[m] = replace(
            own,
            class_of_state=of_state,
            market_lots=own.market_lots[kept],
            available_row=pattern.reshape(own.available_row[kept].shape).astype(np.int64),
            realisation_index=own.realisation_index[kept],
            available_share=own.available_share[rows],
            demand_row=row,
            demand_factor=factor,
            step_share_left=own_left,
            is_covered=covered[m][kept] if m in covered else None,
        )
    return ChainStateClasses(
        tied_chains,
        of_state,
        forms,
        {c: own[kept] for c, own in left.items()},
        open_[kept],
        digest,
    )


def collect_demand_factors(states: Sequence[State]) -> dict[str, Floats]:
    """(S) factors on the demand for each material that has others than 1."""
    factors: dict[str, Floats] = {}
    for s, state in enumerate(states):
        for m, factor in state.demand_factors:
            factors.setdefault(m, np.ones(len(states)))[s] = factor
    return factors


def _demand_and_running(
    instance: Instance, states: Sequence[State], patterns: HazardPatterns
) -> tuple[Callable[[str], tuple[Floats, Floats]], dict[str, Floats]]:
    """Of a material (S) the factor on demand, and (S, E, K) the share of later steps that is left,
    of entries with adaptation; (S, K) what of projects runs whose price decides."""
    factors = collect_demand_factors(states)
    kept = adaptation_shares_left(instance, factors, patterns.share_left)
    count, length = len(states), len(instance.periods)

    def of_material(material: str) -> tuple[Floats, Floats]:
        own = kept(material)
        own = np.broadcast_to(own, (count, own.shape[-2], length))
        return factors.get(material, np.ones(count)), own

    prices = deciding_price_states(instance, states)
    runs = {
        p.id: np.broadcast_to(
            shortage_clock.compute_running_share(
                instance, p, prices[p.cash_cost_material], factors, patterns.share_left
            ),
            (count, length),
        )
        for p in instance.projects.values()
        if p.cash_cost_material is not None
    }
    return of_material, runs


def _demand_signature(
    classes: StateClasses, indices: Integers, is_open: NDArray[np.bool_]
) -> Floats:
    """(.., 1 + E*K) what tells looks at places apart of demand: its factor and, in open periods
    (U, K), what is left of later steps."""
    kept = np.where(
        is_open[indices, None], classes.step_share_left[classes.demand_row[indices]], 1.0
    )
    return np.hstack(
        [
            classes.class_demand_factor[indices, None],
            kept.reshape(len(indices), math.prod(kept.shape[1:])),
        ]
    )


def _split_signature(classes: StateClasses, signature: Floats) -> tuple[Floats, Floats]:
    """Factors and what is left, of rows as :func:`_wanted` has them."""
    return signature[:, 0], signature[:, 1:].reshape(
        len(signature), *classes.step_share_left.shape[1:]
    )


def _build_material_classes(
    instance: Instance,
    material: str,
    nodes: tuple[int, ...],
    patterns: HazardPatterns,
    realisations: dict[str, tuple[Realisation, ...]],
    delay_index: dict[str, Integers],
    demand: tuple[Floats, Floats],
    running: dict[str, Floats],
    merge: bool,
) -> StateClasses:
    origins = [o for o, (m, _) in enumerate(instance.origins) if m == material]
    projects = tuple(p.id for p in instance.projects.values() if material in p.output)
    floored = tuple(p for p in projects if instance.price_floors(p))
    place = {instance.origins[o]: n for n, o in enumerate(origins)}
    struck = [patterns.distinct_patterns(o) for o in origins]
    # Row 0 serves where a project fails; the rows of the origins follow.
    available = np.concatenate([np.ones((1, patterns.period_count)), *(rows for rows, _ in struck)])
    shift = np.cumsum([1, *(len(rows) for rows, _ in struck)])
    by_origin = np.zeros((patterns.state_count, len(origins)), dtype=np.int64)
    for n, (_, of_state) in enumerate(struck):
        by_origin[:, n] = of_state + shift[n]
    ways = [realisations[p] for p in projects]
    delay = np.zeros((len(by_origin), len(projects) + len(floored)), dtype=np.int64)
    for n, p in enumerate(projects):
        delay[:, n] = delay_index[p]
    for n, p in enumerate(floored, start=len(projects)):
        ways.append(
            tuple(sorted({Realisation(own.delay, floored=True) for own in realisations[p]}))
        )
        place_of = [ways[n].index(Realisation(own.delay, floored=True)) for own in realisations[p]]
        delay[:, n] = np.array([*place_of, -1])[delay_index[p]]
    outlets = (*projects, *floored)
    at = [place[material, instance.projects[p].country] for p in outlets]
    pattern = by_origin[:, at]
    for n, p in enumerate(outlets):
        if p in running:  # rows of their own
            own = running[p] if n < len(projects) else 1 - running[p]
            once, pattern_of = _distinct_rows(available[pattern[:, n]] * own)
            pattern[:, n] = pattern_of + len(available)
            available = np.concatenate([available, (available[by_origin[:, at[n]]] * own)[once]])
    pattern = np.where(delay >= 0, pattern, 0)
    supplied = [o for o in range(len(origins)) if instance.origins[origins[o]] in instance.supply]
    factor, kept = demand
    folded = np.hstack([factor[:, None], kept.reshape(len(kept), math.prod(kept.shape[1:]))])
    wanted, row = _distinct_rows(folded)
    keys = np.hstack([by_origin[:, supplied], pattern, delay, row[:, None]])
    if merge:
        first, of_state = _distinct_rows(keys)
    else:
        first = of_state = np.arange(len(keys))
    supply = np.zeros((len(first), patterns.period_count))
    more = factor[first, None] - 1
    for o in supplied:
        origin = instance.origins[origins[o]]
        lots = instance.supply[origin][instance.year_index]
        lots = lots + more * instance.need_linked_supply[origin][instance.year_index]
        supply += lots * available[by_origin[first, o]]
    looks = StateClasses(
        material=material,
        nodes=nodes,
        outlets=outlets,
        realisations=tuple(ways),
        class_of_state=of_state,
        market_lots=supply,
        available_row=pattern[first],
        realisation_index=delay[first],
        available_share=available,
        demand_row=row[first],
        demand_factor=factor[wanted],
        step_share_left=kept[wanted],
    )
    return (
        _merge_calm(looks, [instance.nodes[v] for v in nodes], instance.year_index)
        if merge
        else looks
    )


def _distinct_rows(rows: NDArray[Any]) -> tuple[Integers, Integers]:
    """First occurrence of each distinct row, and the number of the distinct row of each."""
    packed = np.ascontiguousarray(rows)
    # A dictionary of bytes: sorting rows as numpy.unique does takes ten times as long.
    content, width = packed.tobytes(), packed.itemsize * packed.shape[1]
    number: dict[bytes, int] = {}
    first: list[int] = []
    of_row = np.empty(len(packed), dtype=np.int64)
    for r in range(len(packed)):
        key = content[r * width : (r + 1) * width]
        known = number.setdefault(key, len(first))
        if known == len(first):
            first.append(r)
        of_row[r] = known
    return np.array(first, dtype=np.int64), of_row


def _merge_calm(
    classes: StateClasses, nodes: list[Node], year_index: NDArray[np.intp]
) -> StateClasses:
    """Merge looks that differ in calm periods only, and leave out those that are calm."""
    open_ = np.zeros(classes.market_lots.shape, dtype=bool)
    for node in nodes:
        demand = classes.class_demand_factor[:, None] * node.demand[year_index]
        part = node.group_share[COMMON_GROUP][year_index]
        open_ |= demand - part * classes.market_lots > COVERAGE_TOLERANCE * demand
    struck = np.flatnonzero(open_.any(axis=1))
    # In a calm period supply may be anything that covers demand: let it be the undisturbed one.
    calm = classes.market_lots.max(axis=0, initial=0.0)
    supply = np.where(open_, classes.market_lots, calm)
    wanted = _demand_signature(classes, struck, open_)
    seen = [supply[struck], wanted]
    for p in range(len(classes.outlets)):
        left = classes.available_share[classes.available_row[struck, p]] * open_[struck]
        seen += [left, classes.realisation_index[struck, p : p + 1].astype(float)]
    if not len(struck):
        first, number = struck, struck
    else:
        first, number = _distinct_rows(np.hstack(seen))
    of_look = np.full(classes.class_count, -1, dtype=np.int64)
    of_look[struck] = number
    kept = struck[first]
    shared, row = _distinct_rows(wanted[first])
    factor, left = _split_signature(classes, wanted[first][shared])
    rows, pattern = np.unique(classes.available_row[kept], return_inverse=True)
    return StateClasses(
        material=classes.material,
        nodes=classes.nodes,
        outlets=classes.outlets,
        realisations=classes.realisations,
        class_of_state=of_look[classes.class_of_state],
        market_lots=supply[kept],
        available_row=pattern.reshape(classes.available_row[kept].shape).astype(np.int64),
        realisation_index=classes.realisation_index[kept],
        available_share=classes.available_share[rows],
        demand_row=row,
        demand_factor=factor,
        step_share_left=left,
    )
