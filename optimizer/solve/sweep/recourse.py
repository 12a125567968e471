"""Exact recourse of a commitment in many states at once: damage, shortages, and cuts.

Recourse separates by chain and by look (:mod:`optimizer.solve.sweep.state_classes`), so a sweep is
a set of passes over looks that run side by side. Where stocks lose at one rate, a node by itself
goes through :mod:`optimizer.solve.sweep.chain`, a chain without gains, or a node with stocks that
are filled again, through :mod:`optimizer.solve.sweep.network`; all else is solved as linear
programs, look by look (:mod:`optimizer.solve.sweep.template`).
"""

from __future__ import annotations

import copy
import hashlib
import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.cores import usable_cores
from optimizer.model.instance import Chain, Coming, Floats, Instance
from optimizer.model.review import by_path, on_path
from optimizer.model.states import State
from optimizer.solve.sweep.looking import NodePass, Pass, Slopes
from optimizer.solve.sweep.networks import Contents, NetworkPass, contained
from optimizer.solve.sweep.nodes import Columns, NodeData, Point, read_node
from optimizer.solve.sweep.programs import ChainPass, Known
from optimizer.solve.sweep.state_classes import ChainLooks, Looks, delays_of, read_looks
from optimizer.solve.sweep.template import Template, has_known_rules, of_chain

REMEMBERED = 20  # sweeps of each node that are kept: a search often changes what few nodes see
LISTED = 4  # listings of what is missing that are kept of each chain: plans come back in turns
BLOCK = 5000  # states that are swept together
PATHS = "paths"  # what recourse on paths is remembered by
MANY = 64  # looks that are worth the seconds it takes, once, to compile a method for them


@dataclass(frozen=True, eq=False)
class Swept:
    """One commitment in all states."""

    damage: Floats  # (S)
    by_chain: dict[int, Floats]  # (W) weighted damage of each chain, by its head
    slopes: dict[int, Slopes]  # by node; empty where they were not asked for


@dataclass(frozen=True, eq=False)
class Shortages:
    """What is missing of one material."""

    looks: Looks
    chance: Floats  # (U) probability of each look
    missing: Floats  # (U, K) lots, in all its nodes
    by_step: dict[int, Floats]  # (J, K) expected lots missing by step, of each node by position
    damage: Floats  # (U) in all its nodes
    damage_by_step: dict[int, Floats]  # (U, J) by step, of each node by position

    def by_state(self, of_look: NDArray[Any]) -> NDArray[Any]:
        """(S, ...) what holds of the look of each state; zero where it is calm."""
        of_state = np.zeros((len(self.looks.of_state), *of_look.shape[1:]), dtype=of_look.dtype)
        struck = self.looks.of_state >= 0
        of_state[struck] = of_look[self.looks.of_state[struck]]
        return of_state


class Recourse:
    """Recourse of an instance in given states, in ``threads`` (all usable cores where None).
    Without ``merge`` every state is swept by itself; ``like`` is recourse in other states of the
    instance that has all delays these have, ``delays`` are those that others to be made like this
    one can have."""

    def __init__(
        self,
        instance: Instance,
        states: Sequence[State],
        *,
        merge: bool = True,
        threads: int | None = None,
        like: Recourse | None = None,
        delays: dict[str, tuple[Coming, ...]] | None = None,
    ) -> None:
        self.instance = instance
        self.columns: Columns = like.columns if like else Columns(instance)
        self.probability = np.array([state.probability for state in states])
        self.delays: dict[str, tuple[Coming, ...]] = (
            like.delays if like else delays or delays_of(instance, states)
        )
        self.looks, self.together = read_looks(instance, states, delays=self.delays, merge=merge)
        self.threads = threads or usable_cores()
        self.remembered = REMEMBERED
        self._known: OrderedDict[tuple[Any, ...], Pass] = OrderedDict()
        self._listed: OrderedDict[tuple[Any, ...], Pass] = OrderedDict()  # with what is missing
        self.chains: dict[int, tuple[int, ...]] = {c.head: c.nodes for c in instance.chains}
        self._contents: dict[int, Contents | None] = {}  # of chains that were asked for
        # Programs of chains, built once they are asked for.
        self._templates: dict[int, Template] = like._templates if like else {}
        self._learnt: dict[int, Known] = {}  # of former sweeps of chains
        # What doing nothing leads to, in brief or not, and what is told of it.
        self.memory: dict[Any, Any] = {}
        self._known_rules: bool = like._known_rules if like else has_known_rules(instance)
        self.nodes: dict[int, NodeData] = {
            v: like.nodes[v].wanting(own) if like else read_node(instance, v, own, self.columns)
            for own in self.looks
            for v in own.nodes
        }

    def in_states(self, instance: Instance, states: Sequence[State]) -> Recourse | None:
        """Recourse in other states of an instance to which it looks alike, with what is known of
        looks that are there again; None where projects come later in some of them than here."""
        if not self._covers(delays_of(instance, states)):
            return None
        other = Recourse(instance, states, threads=self.threads, like=self)
        before = {own.chains[0].head: own for own in self.together}
        for looks in other.together:
            last = before.get(looks.chains[0].head)
            for chain in looks.chains:
                known = self._learnt.get(chain.head)
                if last is not None and known is not None and last.digest:
                    learnt = Known.of_looks(looks.digest, last.digest, known)
                    other._learnt[chain.head] = learnt
        return other

    def on_paths(self, states: Sequence[State]) -> list[Recourse]:
        """Recourse in those of its states that go each path, whose probabilities add up to 1."""
        paths = self.instance.paths
        key = PATHS, self.instance.case.review, tuple(path.sight for path in paths)
        if key not in self.memory:
            places = by_path(self.instance, states)
            self.memory[key] = [
                Recourse(self.instance, on_path(states, at), threads=self.threads, like=self)
                for at in places
            ]
        return [own.seen(self.instance.on_path(g)) for g, own in enumerate(self.memory[key])]

    def forget_paths(self) -> None:
        """Let go of recourse on single paths."""
        for key in [key for key in self.memory if isinstance(key, tuple) and key[0] == PATHS]:
            del self.memory[key]

    def _covers(self, delays: dict[str, tuple[Coming, ...]]) -> bool:
        """Whether all delays of projects, by project, are among those that it can have."""
        return all(set(ways) <= set(self.delays[p]) for p, ways in delays.items())

    def shares(self, other: Recourse) -> bool:
        """Whether another is the same from another standpoint."""
        return self._known is other._known

    def forget(self) -> None:
        """Let go of sweeps, on single paths as well; what they taught is kept."""
        self._known.clear()
        self._listed.clear()
        for key, several in self.memory.items():
            for own in several if isinstance(key, tuple) and key[0] == PATHS else ():
                own.forget()

    def seen(self, instance: Instance) -> Recourse:
        """The same recourse for another standpoint, which changes nothing of it; what is known of
        sweeps is shared."""
        other = copy.copy(self)
        other.instance, other.content = instance, self.content
        return other

    @cached_property
    def content(self) -> str:
        """SHA-256 of all that recourse depends on: where it is equal, cuts hold as they stand."""
        columns = self.columns
        digest = hashlib.sha256(repr((columns.offtake, columns.stockpiles, self.delays)).encode())

        def add(says: Any, arrays: list[Any]) -> None:
            digest.update(repr(says).encode())
            for array in arrays:
                digest.update(np.ascontiguousarray(array).tobytes())

        add(None, [self.probability])
        for seen in self.looks:
            own = [seen.of_state, seen.supply, seen.pattern, seen.delay, seen.available, seen.row]
            own += [] if seen.covered is None else [seen.covered]
            add((seen.material, seen.nodes, seen.projects), own)
        for together in self.together:
            add([together.open.tobytes(), list(together.left)], list(together.left.values()))
        for chain in self.instance.chains:
            for plant in chain.plants:
                own = [] if plant.capacity is None else [plant.capacity]
                add((plant.label, plant.output, plant.inputs), own)
        names = [
            "demand",
            "part",
            "limit",
            "weight",
            "piles",
            "share",
            "keeps",
            "initial",
            "most",
            "refill",
            "plate",
        ]
        for node in self.nodes.values():
            own, comes = [getattr(node, name) for name in names], node.arriving
            add((node.node.label, node.members), [*own, comes.indptr, comes.indices, comes.data])
        return digest.hexdigest()

    @property
    def node_states(self) -> int:
        """Pairs of a node and a look that one sweep goes through."""
        return sum(looks.count * len(looks.nodes) for looks in self.looks)

    def sweep(
        self,
        point: Point,
        weights: Floats,
        *,
        priced: bool = True,
        heads: Collection[int] | None = None,
        rough: bool = False,
    ) -> Swept:
        """Damage of a commitment in every state, and, where ``priced``, the slopes of its
        expectations by ``weights`` (W, S); a state that has none in any set counts as free of
        damage, as do the chains that are not in ``heads`` (all where None). A ``rough`` sweep may
        say less than the damage, and prove less, where it would have to solve linear programs."""
        weighed = hash(weights.tobytes())
        passes: list[Pass] = []
        new: list[Pass] = []
        keys: list[tuple[Any, ...]] = []
        chances: dict[int, Floats] = {}
        for chain, looks in self._in_order():
            if heads is not None and chain.head not in heads:
                continue
            seen = (part for v in chain.nodes for part in self.nodes[v].seen(point))
            roughly = rough and len(chain.nodes) > 1
            key = (chain.head, weighed, priced, roughly, *seen)
            if not priced and (chain.head, weighed, True, *key[3:]) in self._known:
                key = (chain.head, weighed, True, *key[3:])
            known = self._known.get(key)
            if known is None:
                if id(looks) not in chances:
                    chances[id(looks)] = looks.weights(weights)
                chance = chances[id(looks)]
                known = self._pass(chain, looks, point, chance, priced, rough=roughly)
                new.append(known)
            passes.append(known)
            keys.append(key)
        self.run([one.look_up for one in new if isinstance(one, ChainPass)])
        self.run([part for one in new for part in one.parts()])
        for key, one in zip(keys, passes, strict=True):  # only what has been swept to the end
            self._known[key] = one
            self._known.move_to_end(key)
        while len(self._known) > self.remembered * len(self.nodes):
            self._known.popitem(last=False)
        damage = np.zeros(len(self.probability))
        for one in passes:
            struck = one.of_state >= 0
            damage[struck] += one.damage[one.of_state[struck]]
        by_chain = {one.head: one.chance @ one.damage for one in passes}
        slopes = {v: own for one in passes for v, own in one.slopes.items()} if priced else {}
        return Swept(damage, by_chain, slopes)

    def known(self, point: Point, heads: Collection[int]) -> dict[int, dict[int, Slopes]]:
        """What former sweeps prove of some chains at a point, where they were linear programs: the
        slopes of each node, by the head of its chain. A chain that sees the same as last time, and
        of which nothing was learnt since, is left out."""
        passes: list[ChainPass] = []
        for chain, looks in self._in_order():
            if chain.head not in heads or chain.head not in self._learnt:
                continue
            asked = [part for v in chain.nodes for part in self.nodes[v].seen(point)]
            if self._learnt[chain.head].asked == asked:
                continue
            self._learnt[chain.head].asked = asked
            chance = looks.weights(self.probability[None])
            one = self._pass(chain, looks, point, chance, True)
            if isinstance(one, ChainPass):
                passes.append(one)
        self.run([one.look_up for one in passes])
        known = {one.head: one.known() for one in passes}
        return {head: slopes for head, slopes in known.items() if slopes is not None}

    def _in_order(self) -> Iterator[tuple[Chain, Looks | ChainLooks]]:
        """Each chain, and the looks that it is swept in."""
        looks: dict[int, Looks | ChainLooks] = {v: own for own in self.looks for v in own.nodes}
        looks |= {chain.head: own for own in self.together for chain in own.chains}
        return ((chain, looks[chain.head]) for chain in self.instance.chains)

    def _pass(
        self,
        chain: Chain,
        looks: Looks | ChainLooks,
        point: Point,
        chance: Floats,
        priced: bool,
        short: bool = False,
        rough: bool = False,
    ) -> Pass:
        """The way to sweep a chain at a point."""
        node = self.nodes[chain.head]
        if not (self._known_rules or self._template(chain).known):
            pass  # a rule that compiled passes would not heed
        elif len(chain.nodes) == 1 and not node.refill.any():
            own = looks if isinstance(looks, Looks) else looks.forms[node.node.material]
            stocks = node.stocks(point)
            if not stocks.unlike:
                return NodePass(node, chain.head, own, point, stocks, chance, priced, short)
        elif isinstance(looks, ChainLooks):
            if chain.head not in self._contents:
                lots = contained(chain)
                known = Contents(chain, lots, self.nodes, looks) if lots else None
                self._contents[chain.head] = known
            contents = self._contents[chain.head]
            keeps = contents.keeps(point) if contents else None
            if contents and keeps is not None:
                return NetworkPass(contents, keeps, looks, point, chance, priced, short)
        return self.program(chain, looks, point, chance, priced, short, rough)

    def _template(self, chain: Chain) -> Template:
        if chain.head not in self._templates:
            self._templates[chain.head] = template = of_chain(self.instance, chain)
            looks = next(own for other, own in self._in_order() if other.head == chain.head)
            template.compiled = looks.count >= MANY
        return self._templates[chain.head]

    def program(
        self,
        chain: Chain,
        looks: Looks | ChainLooks,
        point: Point,
        chance: Floats,
        priced: bool,
        short: bool = False,
        rough: bool = False,
    ) -> ChainPass:
        """A chain at a point as linear programs, whatever else might be quicker."""
        if chain.head not in self._learnt:
            self._learnt[chain.head] = Known(looks.count)
        learnt = self._learnt[chain.head]
        parts = (self._template(chain), learnt, chain, self.nodes, looks, point, chance)
        return ChainPass(*parts, priced, short, rough)

    def slow(self, point: Point) -> list[int]:
        """Heads of the chains that take linear programs to sweep at a point."""
        in_order = self._in_order()
        return [c.head for c, looks in in_order if self.compiled(c, looks, point) is None]

    def compiled(self, chain: Chain, looks: Looks | ChainLooks, point: Point) -> Pass | None:
        """A pass for the damage of a chain that solves no linear program; None where it has to."""
        one = self._pass(chain, looks, point, looks.weights(self.probability[None]), False)
        return None if isinstance(one, ChainPass) else one

    def shortages(self, point: Point) -> Iterator[Shortages]:
        """What is missing, material by material."""
        listed: dict[tuple[Any, ...], Pass] = {}
        of_node: dict[int, Pass] = {}
        new: list[Pass] = []
        for chain, looks in self._in_order():
            key = (chain.head, *(part for v in chain.nodes for part in self.nodes[v].seen(point)))
            one = self._listed.get(key)
            if one is None:
                chance = looks.weights(self.probability[None])
                one = self._pass(chain, looks, point, chance, False, True)
                new.append(one)
            listed[key] = one
            of_node.update(dict.fromkeys(chain.nodes, one))
        self.run([part for one in new for part in one.parts()])
        for key, one in listed.items():  # only what has been swept to the end
            self._listed[key] = one
            self._listed.move_to_end(key)
        while len(self._listed) > LISTED * len(self.chains):
            self._listed.popitem(last=False)
        for looks in self.looks:
            passes = {v: of_node[v] for v in looks.nodes}
            chance = looks.weights(self.probability[None])
            yield Shortages(
                looks,
                chance[0],
                np.sum([one.missing[v] for v, one in passes.items()], axis=0),
                {v: one.by_step(v) for v, one in passes.items()},
                np.sum([one.damage_of[v] for v, one in passes.items()], axis=0),
                {v: one.damage_by_step[v] for v, one in passes.items()},
            )

    def run(self, parts: list[Callable[[], None]]) -> None:
        """Do what parts of passes have to do, side by side."""
        if self.threads == 1 or len(parts) == 1:
            for part in parts:
                part()
            return
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(part) for part in parts]:
                done.result()


def in_blocks(
    instance: Instance,
    states: Sequence[State],
    *,
    threads: int | None = None,
    recourse: Recourse | None = None,
    like: Recourse | None = None,
) -> Iterator[tuple[slice, Recourse]]:
    """Recourse in all states, ``BLOCK`` at a time, so that memory does not grow with them; at once
    where it is there already. What depends on the instance alone is taken from ``like``, recourse
    in other states of it, where that covers the delays of these."""
    if recourse is not None:
        yield slice(0, len(states)), recourse
        return
    delays = delays_of(instance, states)
    last = like if like is not None and like._covers(delays) else None
    for start in range(0, len(states), BLOCK):
        block = slice(start, min(start + BLOCK, len(states)))
        last = Recourse(instance, states[block], threads=threads, like=last, delays=delays)
        yield block, last


def added(sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of blocks of states by key, in the order of the blocks: alike to the last digit."""
    return {key: reduce(operator.add, (one[key] for one in sums)) for key in sums[0]}
