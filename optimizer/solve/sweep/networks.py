"""A chain in all its looks, served as a network without gains (see the module ``network``)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERED, Chain, Floats
from optimizer.solve.sweep.looking import Pass, Slopes, no_slopes, worth_of_purchases
from optimizer.solve.sweep.network import sweep_network
from optimizer.solve.sweep.nodes import GONE, LIMITLESS, NodeData, Point, rounded
from optimizer.solve.sweep.state_classes import ChainLooks

Ints = NDArray[np.int64]

NO_FORMS = np.zeros((0, 0, 0, 0))
AGREED = 1e-12  # products of ratios that differ by a smaller share are one


class Network(NamedTuple):
    """What all looks at a chain share: F forms, C conversions, H stocks, J steps, K periods; and
    the demand of each, in N rows."""

    most: Floats  # (H, K) that can be released in a period, 1e300 without limit
    limit: Floats  # (N, F, J, K) demand of a step
    value: Floats  # (F, J, K) of a tonne of it, not negative
    form: Ints  # (H) form of a stock
    order: Ints  # (3, F*J*K) form, step and period of all steps by falling value
    own: Ints  # (2, K, F*J) form and step of the steps of a period by falling value
    total: Floats  # (N, F, K) demand of all steps
    first: Ints  # (F + 1) where the ways into a form begin among ``ways``
    plain: Ints  # (F) where those end that do not lead from a stock
    ways: Ints  # c: conversion c makes the form; C + c: it takes the form in; 2*C + h: stock h
    near: Ints  # (C, 2) form a conversion takes in, and the one it makes
    late: Ints  # (F) forms, each after all that are made of it


class Room(NamedTuple):
    """Room to work in, one for each thread. Columns n < N <= K stand for periods that are short,
    nodes ``n * F + f`` for a form in one."""

    need: Floats  # (F) of a form in a period
    periods: Ints  # (K) period of a column
    column: Ints  # (K) column of a period, -1 without
    flow: Floats  # (K, C) made
    free: Floats  # (K, C) that could be made yet
    used: Floats  # (H, K) released
    left: Floats  # (H, K) that could be released yet
    brought: Floats  # (H, K) come in by then
    slack: Floats  # (H, K) come in by then and not gone
    gone: Floats  # (H, K) released by then and not come back
    back: Floats  # (H, K) that can come back in a column yet
    drain: Floats  # (H, K) that can come back in a period of a look
    buys: Floats  # (H, K) what a tonne that comes in is worth
    exit: Ints  # (H, K) where what is released leaves what is gone
    level: Ints  # (H, K) number of the last search that was here
    spare: Floats  # (K*F) supply left
    where: Ints  # (K*F) column of a node
    seen: Ints  # (K*F) number of the last search that was here
    queue: Ints  # (K*F) nodes seen by a search
    via: Ints  # (K*F) way by which a node was reached
    from_: Ints  # (K*F) node it was reached from
    searches: Ints  # (1) how many there have been
    rows: Floats  # (F+C, K) supply and capacity of a look
    gain: Floats  # (F+C, K) what a lot more of them is worth
    shortage: Floats  # (F, J, K) of a look, as the next two
    price: Floats  # (F, K)
    worth: Floats  # (H, K)


def chain_network(
    takes: Ints, gives: Ints, form: Ints, most: Floats, limit: Floats, value: Floats
) -> Network:
    """The network of a chain: forms that conversions take in and make (C), the rest as there."""
    (forms, steps, _), conversions = value.shape, len(takes)
    ways: list[int] = []
    first, plain = [0], []
    for f in range(forms):
        ways += [c for c in range(conversions) if gives[c] == f]
        ways += [conversions + c for c in range(conversions) if takes[c] == f]
        plain.append(len(ways))
        ways += [2 * conversions + h for h in range(len(form)) if form[h] == f]
        first.append(len(ways))
    late: list[int] = []
    for _ in range(forms):
        early = {t for t, g in zip(takes, gives, strict=True) if g not in late}
        late += [f for f in range(forms) if f not in late and f not in early]
    if len(late) < forms:
        raise ValueError("forms run in a circle")
    of_form, step, period = (index.ravel() for index in np.indices(value.shape))
    order = np.lexsort((step, of_form, period, -value.ravel()))
    own = np.argsort(-value.reshape(forms * steps, -1), axis=0, kind="stable").T
    return Network(
        most=np.array(most, dtype=np.float64, order="C"),
        limit=np.array(limit, dtype=np.float64, order="C"),
        value=np.array(value, dtype=np.float64, order="C"),
        form=np.array(form, dtype=np.int64),
        order=np.array([of_form[order], step[order], period[order]], dtype=np.int64),
        own=np.array([own // steps, own % steps], dtype=np.int64),
        total=np.array(limit.sum(axis=2), dtype=np.float64, order="C"),
        first=np.array(first, dtype=np.int64),
        plain=np.array(plain, dtype=np.int64),
        ways=np.array(ways, dtype=np.int64),
        near=np.array(np.transpose([takes, gives]), dtype=np.int64, order="C"),
        late=np.array(late, dtype=np.int64),
    )


def network_room(network: Network) -> Room:
    """Room for looks at a network."""
    forms, _, length = network.value.shape
    plants, stocks = len(network.near), len(network.form)
    arrays = [np.empty(forms), *np.zeros((2, length), dtype=np.int64)]
    arrays += [*np.empty((2, length, plants)), *np.zeros((8, stocks, length))]
    arrays += [*np.zeros((2, stocks, length), dtype=np.int64), np.empty(length * forms)]
    arrays += [np.arange(length * forms) // forms, *np.zeros((4, length * forms), dtype=np.int64)]
    arrays += [np.zeros(1, dtype=np.int64), *np.empty((2, forms + plants, length))]
    arrays += [np.empty(network.value.shape), np.empty((forms, length)), np.empty((stocks, length))]
    return Room._make(arrays)


def contained(chain: Chain) -> dict[int, float] | None:
    """Contained tonnes in a lot of each node, as multiples of what is in a lot of the first; None
    where a plant takes in several forms, or ways between two forms disagree."""
    content: dict[int, float] = {}
    if any(len(plant.inputs) > 1 for plant in chain.plants):
        return None
    ways = [(taken, c.output, ratio) for c in chain.plants for taken, ratio in c.inputs.items()]
    for v in chain.nodes:
        reached = [] if v in content else [v]
        content.setdefault(v, 1.0)
        for i in reached:
            for taken, made, ratio in ways:
                if i == taken and made not in content:
                    content[made] = content[taken] * ratio
                    reached.append(made)
                if i == made and taken not in content:
                    content[taken] = content[made] / ratio
                    reached.append(taken)
    agree = all(
        abs(content[made] / (content[taken] * ratio) - 1) <= AGREED for taken, made, ratio in ways
    )
    return content if agree else None


class Contents:
    """What lots of a chain contain, and who adds to what in which look: all that does not depend
    on a commitment. Rows are the F nodes, and behind them the C plants; P projects, node by node.
    """

    def __init__(
        self, chain: Chain, content: dict[int, float], nodes: dict[int, NodeData], looks: ChainLooks
    ) -> None:
        self.nodes, self.plants = {v: nodes[v] for v in chain.nodes}, chain.plants
        self.looks = {v: looks.forms[node.node.material] for v, node in self.nodes.items()}
        self.open, self.left = looks.open, looks.left
        none = np.zeros(looks.open.shape)
        covered = [none if own.covered is None else own.covered for own in self.looks.values()]
        self.covered = np.stack(covered, axis=1)  # (U, F, K)
        place = {v: f for f, v in enumerate(chain.nodes)}
        self.takes = np.array([place[min(c.inputs)] for c in chain.plants], dtype=np.int64)
        self.gives = np.array([place[c.output] for c in chain.plants], dtype=np.int64)
        contained = np.array([content[v] for v in chain.nodes])
        self.content = np.concatenate([contained, contained[self.gives]])  # (F+C) of a lot
        made = {c.id: len(place) + n for n, c in enumerate(chain.plants) if c.capacity is None}
        into = [made.get(p, place[v]) for v, own in self.looks.items() for p in own.projects]
        self.into = np.array(into, dtype=np.int64)  # (P) row
        every = list(self.looks.values())
        before = np.cumsum([0, *(len(own.available) for own in every)])
        # Of each look and project as of all, and rows of all nodes below each other.
        self.pattern = np.hstack(
            [own.pattern + n for own, n in zip(every, before[:-1], strict=True)]
        )
        self.delay = np.hstack([own.delay for own in every])
        self.row = every[0].row  # (U) of demand, the same for all forms
        self.available = np.vstack([own.available for own in every])
        self.plate = np.concatenate([node.plate for node in self.nodes.values()])
        self.delays = max(node.delays for node in self.nodes.values())

    def keeps(self, point: Point) -> float | None:
        """What stocks that hold anything at a commitment all keep of a lot over a period; None
        where they are unlike, or lose nearly all."""
        kept = {float(x) for node in self.nodes.values() for x in node.keeps[node.holds(point)]}
        keeps = kept.pop() if kept else 1.0
        return None if kept or keeps ** (self.open.shape[1] - 1) < GONE else keeps

    def given(self, part: slice) -> Floats:
        """(U, F+C, K) lots that come, or can be made, without projects in a part of the looks."""
        year_of, plants = next(iter(self.nodes.values())).year_of, len(self.nodes)
        given = np.zeros((len(self.open[part]), len(self.content), len(year_of)))
        for f, (v, node) in enumerate(self.nodes.items()):
            given[:, f] = node.part * self.looks[v].supply[part]
        for c, plant in enumerate(self.plants):
            if plant.capacity is not None:
                given[:, plants + c] = plant.capacity[year_of] * self.left[plant.id][part]
        return given


class NetworkPass(Pass):
    """A chain as a network, its stocks all keeping the same share of a lot over a period."""

    def __init__(
        self,
        contents: Contents,
        keeps: float,
        looks: ChainLooks,
        point: Point,
        chance: Floats,
        priced: bool,
        short: bool,
    ) -> None:
        nodes, content = contents.nodes, contents.content
        super().__init__(nodes, looks, point, chance, priced, short)
        self._contents = contents
        self._stocks = {v: node.stocks(point, keeps) for v, node in nodes.items()}
        keep = next(iter(self._stocks.values())).keep
        self._unit = content[:, None] / keep
        steps = max(1, *(len(node.weight) for node in nodes.values()))
        weight = np.zeros((len(nodes), steps, len(keep)))
        limit = np.zeros((len(next(iter(nodes.values())).limit), *weight.shape))
        for f, node in enumerate(nodes.values()):
            own = len(node.weight)
            limit[:, f, :own], weight[f, :own] = node.limit, node.weight
        unit = self._unit[: len(nodes), None]
        self._exact = weight / unit
        stocks = list(enumerate(self._stocks.values()))
        self._arrived = np.concatenate([content[f] * own.arrived for f, own in stocks])
        self._initial = np.concatenate([content[f] * own.initial for f, own in stocks])
        self._refill = np.concatenate([content[f] * own.refill for f, own in stocks])
        self._idle = np.concatenate([own.idle for _, own in stocks])
        self._idle_form = np.array([f for f, own in stocks for _ in own.idle], dtype=np.int64)
        self._network = chain_network(
            contents.takes,
            contents.gives,
            np.array([f for f, own in stocks for _ in own.initial], dtype=np.int64),
            np.minimum(np.concatenate([content[f] * own.most for f, own in stocks]), LIMITLESS),
            limit * unit,
            rounded(self._exact),
        )
        self._running = np.zeros((len(contents.plate), contents.delays, len(keep)))
        first = 0
        for node in nodes.values():
            rows, first = slice(first, first + len(node.plate)), first + len(node.plate)
            running = node.running(point)[:, :, node.year_of] * node.plate[:, None, None]
            self._running[rows, : node.delays] = running
        sets, years = len(chance), int(node.year_of[-1]) + 1
        self._shapes = (
            (sets,),
            (sets, len(contents.plate), contents.delays, years),
            (sets, len(self._initial), len(keep)),
            (sets, len(self._idle), len(keep)),
        )

    def _sweep(self, start: int, end: int) -> None:
        it, part = self._contents, slice(start, end)
        found = [np.zeros(shape) for shape in self._shapes]
        short = np.zeros((end - start, *self._exact.shape)) if self._short else NO_FORMS
        sweep_network(
            self._network, network_room(self._network), it.row[part], it.given(part),
            it.open[part], self._unit, self._exact, it.pattern[part], it.delay[part], it.available,
            self._running, it.plate, it.into, it.covered[part], self._refill,
            self._nodes[self.head].year_of, self._arrived, self._initial, self._idle,
            self._idle_form, np.ascontiguousarray(self.chance[:, part]), self._priced, COVERED,
            self.damage[part], short, *found,
        )  # fmt: skip
        for f, (v, node) in enumerate(self._nodes.items() if self._short else ()):
            by_step = node.split(short[:, f, : len(node.weight)], it.row[part])
            self._is_missing(v, start, end, by_step)
        if self._priced:
            self._found[start] = found

    def _summed(self, ordered: list[Any]) -> dict[int, Slopes]:
        slopes = {v: no_slopes(node, len(self.chance)) for v, node in self._nodes.items()}
        if not ordered:
            return slopes
        constant, output, by_row, by_idle = (
            np.sum(own, axis=0) for own in zip(*ordered, strict=True)
        )
        slopes[self.head].constant[:] = constant
        project = row = idle = 0
        for content, (v, node) in zip(self._contents.content, self._nodes.items(), strict=False):
            stocks, own = self._stocks[v], slopes[v]
            projects, rows, idles = len(node.plate), len(stocks.initial), len(stocks.idle)
            own.output[:] = output[:, project : project + projects, : node.delays]
            own.purchases[:] = worth_of_purchases(
                node, stocks, content * by_row[:, row : row + rows], by_idle[:, idle : idle + idles]
            )
            project, row, idle = project + projects, row + rows, idle + idles
        return slopes
