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

from models.scenario.chains import chains
from optimizer.model import clock
from optimizer.model.instance import COMMON, COVERED, Chain, Coming, Floats, Instance, Node
from optimizer.model.outlook import (
    Patterns,
    covered_periods,
    is_short,
    price_states,
    shares_left,
)
from optimizer.model.states import State

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Looks:
    """The looks of one material, U of them, S states having been merged into these."""

    material: str
    nodes: tuple[int, ...]  # positions of the material's nodes in the instance
    projects: tuple[str, ...]
    """The P outlets: projects that give it, and again what of them runs under floors alone."""
    delays: tuple[tuple[Coming, ...], ...]  # ways that each project comes; D is the most of any
    of_state: Integers  # (S) look of each state; -1 where it is calm
    supply: Floats  # (U, K) lots from the market
    pattern: Integers  # (U, P) row of ``available`` that holds for a project
    delay: Integers  # (U, P) place of the way among ``delays``; -1 where the project fails
    available: Floats  # (R, K) share of output that hazards leave
    row: Integers  # (U) row of the next two that holds
    factor: Floats  # (N) on demand
    kept: Floats  # (N, E, K) share of later steps that is left, by entry with adaptation
    covered: Floats | None = None
    """(U, K) 1 where a period is covered, else 0; None where no stock is filled again."""

    @property
    def demanded(self) -> Floats:
        """(U) factor on demand."""
        return self.factor[self.row]

    @property
    def count(self) -> int:
        """Number of looks."""
        return len(self.supply)

    def weights(self, by_state: Floats) -> Floats:
        """(..., U) sums of the weights (..., S) of the states that have each look."""
        weights = np.zeros((*by_state.shape[:-1], self.count))
        struck = self.of_state >= 0
        for into, own in zip(np.atleast_2d(weights), np.atleast_2d(by_state), strict=True):
            np.add.at(into, self.of_state[struck], own[struck])
        return weights


@dataclass(frozen=True, eq=False)
class ChainLooks:
    """The looks of forms that are made into one another, or of one of which stocks are filled
    again, U of them."""

    chains: tuple[Chain, ...]  # one, or one for each consumer
    of_state: Integers  # (S) look of each state; -1 where it is calm
    forms: dict[str, Looks]  # the same looks, by material
    left: dict[str, Floats]  # (U, K) share of its capacity that hazards leave each conversion
    open: NDArray[np.bool_]  # (U, K) periods in which anything may be missing
    digest: tuple[bytes, ...]  # (U) of all that tells one from others, whichever states there are

    @property
    def count(self) -> int:
        """Number of looks."""
        return len(self.open)

    def weights(self, by_state: Floats) -> Floats:
        """(..., U) sums of the weights (..., S) of the states that have each look."""
        return next(iter(self.forms.values())).weights(by_state)


def delays_of(instance: Instance, states: Sequence[State]) -> dict[str, tuple[Coming, ...]]:
    """Ways in which each project comes, on time among them, in any of the states."""
    ways = {p: {Coming()} for p in instance.projects}
    for state in states:
        for p in _told(state):
            ways[p].add(state.coming(p))
    return {p: tuple(sorted(own)) for p, own in ways.items()}


def _told(state: State) -> set[str]:
    """Projects that do not come on time, or come unaided."""
    return {*state.unaided, *(p for p, _ in state.delays)}


def read_looks(
    instance: Instance,
    states: Sequence[State],
    *,
    delays: dict[str, tuple[Coming, ...]] | None = None,
    merge: bool = True,
) -> tuple[tuple[Looks, ...], tuple[ChainLooks, ...]]:
    """The looks of every material that has nodes, and of those that are made into others, or of
    which stocks are filled again, together; ``delays`` are those that projects can have, where
    these states are not all there are. Without ``merge`` there is one look for each state."""
    patterns = Patterns(instance, states)
    possible = delays or delays_of(instance, states)
    of_material: dict[str, list[int]] = {}
    for position, node in enumerate(instance.nodes):
        of_material.setdefault(node.material, []).append(position)
    place = {p: {coming: d for d, coming in enumerate(own)} for p, own in possible.items()}
    late = {p: np.full(len(states), own[Coming()], np.int64) for p, own in place.items()}
    for s, state in enumerate(states):
        for p in _told(state):
            late[p][s] = place[p][state.coming(p)]
        for p in state.failed:
            late[p][s] = -1
    wants, runs = _wants(instance, states, patterns)
    tied = {m: forms for forms in chains(instance.case) for m in forms}
    groups: dict[tuple[str, ...], list[Chain]] = {}
    for chain in instance.chains:
        material = instance.nodes[chain.head].material
        groups.setdefault(tied.get(material, (material,)), []).append(chain)
    in_chain: dict[str, ChainLooks] = {}
    for own in groups.values():
        piles = {h for chain in own for v in chain.nodes for h in instance.nodes[v].accounts}
        again = any(instance.stockpiles[h].refill.any() for h in piles)
        if all(len(chain.nodes) == 1 for chain in own) and not again:
            continue
        names = dict.fromkeys(instance.nodes[v].material for chain in own for v in chain.nodes)
        apart = {
            m: _read(
                instance, m, tuple(of_material[m]), patterns, possible, late, wants(m), runs, False
            )
            for m in names
        }
        together = _together(instance, tuple(own), apart, patterns, factors_in(states), merge)
        in_chain.update(dict.fromkeys(names, together))
    looks = tuple(
        in_chain[material].forms[material]
        if material in in_chain
        else _read(
            instance, material, tuple(nodes), patterns, possible, late, wants(material), runs, merge
        )
        for material, nodes in of_material.items()
    )
    return looks, tuple(dict.fromkeys(in_chain.values()))


def _together(
    instance: Instance,
    own_chains: tuple[Chain, ...],
    apart: dict[str, Looks],
    patterns: Patterns,
    factors: dict[str, Floats],
    merge: bool,
) -> ChainLooks:
    """The looks of forms of which each was read state by state."""
    plants = (plant for own in own_chains for plant in own.plants if plant.capacity is not None)
    conversions, left = {plant.id: plant.origin for plant in plants}, {}
    for c, origin in conversions.items():
        left[c] = patterns.left(origin)
    open_ = np.zeros((patterns.states, patterns.periods), dtype=bool)
    year_of = instance.year_of
    for chain in own_chains:
        nodes = {v: instance.nodes[v] for v in chain.nodes}
        market = {
            v: node.group_share[COMMON][year_of] * apart[node.material].supply
            for v, node in nodes.items()
        }
        demand = {
            v: apart[node.material].demanded[:, None] * node.demand[year_of]
            for v, node in nodes.items()
        }
        capacity = {
            plant.id: plant.capacity[year_of] * left[plant.id]
            for plant in chain.plants
            if plant.capacity is not None
        }
        open_ |= is_short(chain, demand, market, capacity)
    covered = {
        m: np.broadcast_to(own, open_.shape)
        for m, own in covered_periods(instance, patterns.left, factors, apart).items()
    }
    kept = of_state = np.arange(patterns.states)
    digest: tuple[bytes, ...] = ()
    if merge:
        struck = np.flatnonzero(open_.any(axis=1))
        # In a calm period there is nothing to tell states apart by.
        seen: list[Floats] = [open_[struck].astype(float)]
        seen += [own[struck] * open_[struck] for own in left.values()]
        seen += [own[struck] for own in covered.values()]
        for own in apart.values():
            seen += [own.supply[struck] * open_[struck], _wanted(own, struck, open_)]
            for p in range(len(own.projects)):
                seen.append(own.available[own.pattern[struck, p]] * open_[struck])
                seen.append(own.delay[struck, p : p + 1].astype(float))
        rows = np.hstack(seen)
        first, number = _distinct(rows) if len(struck) else (struck, struck)
        # Looks with like open periods side by side: one program goes on from the other.
        alike = [open_[struck[n]].tobytes() for n in first]
        order = np.array(sorted(range(len(first)), key=alike.__getitem__), dtype=np.int64)
        first, number = first[order], np.argsort(order)[number]
        digest = tuple(hashlib.blake2b(rows[n].tobytes(), digest_size=16).digest() for n in first)
        kept = struck[first]
        of_state = np.full(patterns.states, -1, dtype=np.int64)
        of_state[struck] = number
    wanted = [_wanted(own, kept, open_) for own in apart.values()]
    shared, row = _distinct(np.hstack(wanted))  # the same rows for all forms
    forms = {}
    for (m, own), says in zip(apart.items(), wanted, strict=True):
        factor, own_left = _unfolded(own, says[shared])
        rows, pattern = np.unique(own.pattern[kept], return_inverse=True)
        forms[m] = replace(
            own,
            of_state=of_state,
            supply=own.supply[kept],
            pattern=pattern.reshape(own.pattern[kept].shape).astype(np.int64),
            delay=own.delay[kept],
            available=own.available[rows],
            row=row,
            factor=factor,
            kept=own_left,
            covered=covered[m][kept] if m in covered else None,
        )
    return ChainLooks(
        own_chains,
        of_state,
        forms,
        {c: own[kept] for c, own in left.items()},
        open_[kept],
        digest,
    )


def factors_in(states: Sequence[State]) -> dict[str, Floats]:
    """(S) factors on the demand for each material that has others than 1."""
    factors: dict[str, Floats] = {}
    for s, state in enumerate(states):
        for m, factor in state.demand:
            factors.setdefault(m, np.ones(len(states)))[s] = factor
    return factors


def _wants(
    instance: Instance, states: Sequence[State], patterns: Patterns
) -> tuple[Callable[[str], tuple[Floats, Floats]], dict[str, Floats]]:
    """Of a material (S) the factor on demand, and (S, E, K) the share of later steps that is left,
    of entries with adaptation; (S, K) what of projects runs whose price decides."""
    factors = factors_in(states)
    kept = shares_left(instance, factors, patterns.left)
    count, length = len(states), len(instance.periods)

    def of_material(material: str) -> tuple[Floats, Floats]:
        own = kept(material)
        own = np.broadcast_to(own, (count, own.shape[-2], length))
        return factors.get(material, np.ones(count)), own

    prices = price_states(instance, states)
    runs = {
        p.id: np.broadcast_to(
            clock.runs(instance, p, prices[p.cash_of], factors, patterns.left), (count, length)
        )
        for p in instance.projects.values()
        if p.cash_of is not None
    }
    return of_material, runs


def _wanted(looks: Looks, at: Integers, open_: NDArray[np.bool_]) -> Floats:
    """(.., 1 + E*K) what tells looks at places apart of demand: its factor and, in open periods
    (U, K), what is left of later steps."""
    kept = np.where(open_[at, None], looks.kept[looks.row[at]], 1.0)
    return np.hstack([looks.demanded[at, None], kept.reshape(len(at), math.prod(kept.shape[1:]))])


def _unfolded(looks: Looks, wanted: Floats) -> tuple[Floats, Floats]:
    """Factors and what is left, of rows as :func:`_wanted` has them."""
    return wanted[:, 0], wanted[:, 1:].reshape(len(wanted), *looks.kept.shape[1:])


def _read(
    instance: Instance,
    material: str,
    nodes: tuple[int, ...],
    patterns: Patterns,
    delays: dict[str, tuple[Coming, ...]],
    late: dict[str, Integers],
    wants: tuple[Floats, Floats],
    runs: dict[str, Floats],
    merge: bool,
) -> Looks:
    origins = [o for o, (m, _) in enumerate(instance.origins) if m == material]
    projects = tuple(p.id for p in instance.projects.values() if material in p.output)
    floored = tuple(p for p in projects if instance.floors_of(p))
    place = {instance.origins[o]: n for n, o in enumerate(origins)}
    struck = [patterns.of_origin(o) for o in origins]
    # Row 0 serves where a project fails; the rows of the origins follow.
    available = np.concatenate([np.ones((1, patterns.periods)), *(rows for rows, _ in struck)])
    shift = np.cumsum([1, *(len(rows) for rows, _ in struck)])
    by_origin = np.zeros((patterns.states, len(origins)), dtype=np.int64)
    for n, (_, of_state) in enumerate(struck):
        by_origin[:, n] = of_state + shift[n]
    ways = [delays[p] for p in projects]
    delay = np.zeros((len(by_origin), len(projects) + len(floored)), dtype=np.int64)
    for n, p in enumerate(projects):
        delay[:, n] = late[p]
    for n, p in enumerate(floored, start=len(projects)):
        ways.append(tuple(sorted({Coming(own.late, floored=True) for own in delays[p]})))
        place_of = [ways[n].index(Coming(own.late, floored=True)) for own in delays[p]]
        delay[:, n] = np.array([*place_of, -1])[late[p]]
    outlets = (*projects, *floored)
    at = [place[material, instance.projects[p].country] for p in outlets]
    pattern = by_origin[:, at]
    for n, p in enumerate(outlets):
        if p in runs:  # rows of their own
            own = runs[p] if n < len(projects) else 1 - runs[p]
            once, pattern_of = _distinct(available[pattern[:, n]] * own)
            pattern[:, n] = pattern_of + len(available)
            available = np.concatenate([available, (available[by_origin[:, at[n]]] * own)[once]])
    pattern = np.where(delay >= 0, pattern, 0)
    supplied = [o for o in range(len(origins)) if instance.origins[origins[o]] in instance.supply]
    factor, kept = wants
    folded = np.hstack([factor[:, None], kept.reshape(len(kept), math.prod(kept.shape[1:]))])
    wanted, row = _distinct(folded)
    keys = np.hstack([by_origin[:, supplied], pattern, delay, row[:, None]])
    if merge:
        first, of_state = _distinct(keys)
    else:
        first = of_state = np.arange(len(keys))
    supply = np.zeros((len(first), patterns.periods))
    more = factor[first, None] - 1
    for o in supplied:
        origin = instance.origins[origins[o]]
        lots = instance.supply[origin][instance.year_of]
        lots = lots + more * instance.following[origin][instance.year_of]
        supply += lots * available[by_origin[first, o]]
    looks = Looks(
        material=material,
        nodes=nodes,
        projects=outlets,
        delays=tuple(ways),
        of_state=of_state,
        supply=supply,
        pattern=pattern[first],
        delay=delay[first],
        available=available,
        row=row[first],
        factor=factor[wanted],
        kept=kept[wanted],
    )
    return _merged(looks, [instance.nodes[v] for v in nodes], instance.year_of) if merge else looks


def _distinct(rows: NDArray[Any]) -> tuple[Integers, Integers]:
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


def _merged(looks: Looks, nodes: list[Node], year_of: NDArray[np.intp]) -> Looks:
    """Merge looks that differ in calm periods only, and leave out those that are calm."""
    open_ = np.zeros(looks.supply.shape, dtype=bool)
    for node in nodes:
        demand = looks.demanded[:, None] * node.demand[year_of]
        part = node.group_share[COMMON][year_of]
        open_ |= demand - part * looks.supply > COVERED * demand
    struck = np.flatnonzero(open_.any(axis=1))
    # In a calm period supply may be anything that covers demand: let it be the undisturbed one.
    calm = looks.supply.max(axis=0, initial=0.0)
    supply = np.where(open_, looks.supply, calm)
    wanted = _wanted(looks, struck, open_)
    seen = [supply[struck], wanted]
    for p in range(len(looks.projects)):
        left = looks.available[looks.pattern[struck, p]] * open_[struck]
        seen += [left, looks.delay[struck, p : p + 1].astype(float)]
    if not len(struck):
        first, number = struck, struck
    else:
        first, number = _distinct(np.hstack(seen))
    of_look = np.full(looks.count, -1, dtype=np.int64)
    of_look[struck] = number
    kept = struck[first]
    shared, row = _distinct(wanted[first])
    factor, left = _unfolded(looks, wanted[first][shared])
    rows, pattern = np.unique(looks.pattern[kept], return_inverse=True)
    return Looks(
        material=looks.material,
        nodes=looks.nodes,
        projects=looks.projects,
        delays=looks.delays,
        of_state=of_look[looks.of_state],
        supply=supply[kept],
        pattern=pattern.reshape(looks.pattern[kept].shape).astype(np.int64),
        delay=looks.delay[kept],
        available=looks.available[rows],
        row=row,
        factor=factor,
        kept=left,
    )
