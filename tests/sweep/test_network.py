"""Recourse of chains as a network without gains, against linear programs in tonnes of each form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from optimizer.solve.recourse.network_evaluation import allocate_workspace, build_network
from optimizer.solve.recourse.network_kernel import solve_network

Floats = NDArray[np.float64]
LIMITLESS = 1e300


@dataclass(frozen=True)
class StateClass:
    """What strikes a chain: in tonnes of each form, of each period."""

    supply: Floats  # (F, K)
    capacity: Floats  # (C, K) of output
    arrives: Floats  # (H, K)
    back: Floats  # (H, K) that can come back


@dataclass(frozen=True)
class Chain:
    """Forms of all kinds, in tonnes of each; a tonne made takes in as much as it contains."""

    content: Floats  # (F) contained tonnes in a tonne
    takes: NDArray[np.int64]  # (C)
    gives: NDArray[np.int64]  # (C)
    form: NDArray[np.int64]  # (H)
    most: Floats  # (H, K)
    limit: Floats  # (F, J, K)
    value: Floats  # (F, J, K)
    keep: float  # left of a stock after a period

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Forms, steps, periods, conversions, stocks."""
        return (*self.limit.shape, len(self.takes), len(self.form))

    def lots(self, tonnes: Floats, forms: Any) -> Floats:
        """Tonnes of forms as contained, first-period tonnes; periods are the last axis."""
        content = self.content[forms].reshape(-1, *[1] * (tonnes.ndim - 1))
        return tonnes * content * self.keep ** -np.arange(float(tonnes.shape[-1]))


def drawn_chain(
    rng: np.random.Generator, forms: int, periods: int, conversions: int, stocks: int, steps: int
) -> Chain:
    """A chain of a tree or diamonds: conversions lead from a form to a later one."""
    content = rng.choice([0.3, 0.5, 1.0, 1.4], forms)
    takes = rng.integers(0, max(forms - 1, 1), conversions)
    gives = rng.integers(takes + 1, forms) if conversions else takes
    most = rng.choice([0.0, 2.0, 5.0, LIMITLESS], (stocks, 1)) * np.ones(periods)
    limit = rng.choice([0.0, 1.0, 4.0], (forms, steps, periods)) * rng.uniform(0.5, 1, periods)
    limit *= rng.random((forms, 1, 1)) < 0.8
    whole = rng.integers(1, 6, (forms, steps, 1)) * np.ones(periods)
    value = whole if rng.random() < 0.5 else whole * rng.uniform(0.5, 1, (forms, steps, periods))
    return Chain(
        content,
        takes,
        gives,
        rng.integers(0, forms, stocks),
        most,
        limit,
        value,
        rng.choice([1.0, 0.9]),
    )


def random_state_class(rng: np.random.Generator, chain: Chain) -> StateClass:
    """A random state class with failures and incoming stock."""
    forms, _, periods, conversions, stocks = chain.shape
    supply = rng.uniform(0, 1.5, (forms, periods)) * chain.limit.sum(axis=1)
    supply += rng.choice([0.0, 3.0], (forms, periods))
    supply *= rng.random((forms, periods)) < 0.6
    capacity = rng.choice([0.0, 1.0, 3.0, LIMITLESS], (conversions, 1), p=[0.1, 0.3, 0.5, 0.1])
    capacity = capacity * rng.choice([0.0, 0.5, 1.0], (conversions, periods), p=[0.2, 0.2, 0.6])
    arrives = rng.uniform(0, 8, (stocks, periods)) * (rng.random((stocks, periods)) < 0.3)
    return StateClass(supply, capacity, arrives, np.zeros_like(arrives))


def with_refills(rng: np.random.Generator, state_class: StateClass) -> StateClass:
    """The same state class with refills of some stocks."""
    shape = state_class.arrives.shape
    back = rng.choice([0.5, 2.0, 9.0], shape) * (rng.random(shape) < rng.choice([0.1, 0.6]))
    return replace(state_class, back=back * (rng.random((shape[0], 1)) < 0.8))


def program(chain: Chain, state_class: StateClass) -> float:
    """Least damage of a state class by a linear program over tonnes, with levels of stock."""
    forms, steps, periods, conversions, stocks = chain.shape
    sizes = {"x": conversions, "release": stocks, "level": stocks, "back": stocks}
    sizes["short"] = forms * steps
    start: dict[str, int] = {}
    width = 0
    for name, size in sizes.items():
        start[name] = width
        width += size * periods

    def at(name: str, index: int, k: int) -> int:
        return start[name] + index * periods + k

    rows: list[tuple[int, int, float]] = []  # balance: taken - delivered <= supply - demand
    right = np.zeros(forms * periods)
    equal: list[tuple[int, int, float]] = []  # level - kept + release - back = arrivals
    for k in range(periods):
        for f in range(forms):
            row = f * periods + k
            right[row] = state_class.supply[f, k] - chain.limit[f, :, k].sum()
            rows += [(row, at("short", f * steps + j, k), -1.0) for j in range(steps)]
        for c, (source, made) in enumerate(zip(chain.takes, chain.gives, strict=True)):
            rows.append((int(made) * periods + k, at("x", c, k), -1.0))
            ratio = float(chain.content[made] / chain.content[source])
            rows.append((int(source) * periods + k, at("x", c, k), ratio))
        for h, f in enumerate(chain.form):
            rows.append((int(f) * periods + k, at("release", h, k), -1.0))
            equal += [(h * periods + k, at(name, h, k), 1.0) for name in ("level", "release")]
            equal.append((h * periods + k, at("back", h, k), -1.0))
            if k > 0:
                equal.append((h * periods + k, at("level", h, k - 1), -chain.keep))
    top = np.full(width, np.inf)
    top[: start["release"]] = state_class.capacity.ravel()
    top[start["release"] : start["level"]] = chain.most.ravel()
    top[start["back"] : start["short"]] = state_class.back.ravel()
    planned = np.zeros(stocks)
    for k in range(periods if stocks else 0):
        planned = planned * chain.keep + state_class.arrives[:, k]
        top[[at("level", h, k) for h in range(stocks)]] = planned
    top[start["short"] :] = chain.limit.ravel()
    top[top >= LIMITLESS] = np.inf
    cost = np.zeros(width)
    cost[start["short"] :] = chain.value.ravel()
    solved = linprog(
        cost,
        A_ub=matrix(rows, (len(right), width)),
        b_ub=right,
        A_eq=matrix(equal, (stocks * periods, width)) if stocks else None,
        b_eq=state_class.arrives.ravel() if stocks else None,
        bounds=np.column_stack([np.zeros(width), top]),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert solved.status == 0
    return float(solved.fun)


def matrix(entries: list[tuple[int, int, float]], shape: tuple[int, int]) -> Any:
    """A sparse matrix of entries (row, column, value)."""
    row, column, value = zip(*entries, strict=True)
    return coo_array((value, (row, column)), shape=shape).tocsr()


class Asked:
    """The network of a chain, and arrays to solve state classes in."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        forms, steps, periods, _, stocks = chain.shape
        every = np.arange(forms)
        back = 1 / chain.lots(np.ones((forms, steps, periods)), every)
        most = np.minimum(chain.lots(chain.most, chain.form), LIMITLESS)
        self.network = build_network(
            chain.takes,
            chain.gives,
            chain.form,
            most,
            chain.lots(chain.limit, every)[None],
            chain.value * back,
        )
        self.room = allocate_workspace(self.network)
        self.short = np.full((forms, steps, periods), np.nan)
        self.price = np.full((forms, periods), np.nan)
        self.worth = np.full((stocks, periods), np.nan)

    def scaled(self, state_class: StateClass) -> tuple[Floats, Floats, Floats]:
        """Supply, capacity, and arrivals up to a period, in first-period contained tonnes."""
        chain = self.chain
        return (
            chain.lots(state_class.supply, np.arange(len(chain.content))),
            np.minimum(chain.lots(state_class.capacity, chain.gives), LIMITLESS),
            np.cumsum(chain.lots(state_class.arrives, chain.form), axis=1),
        )

    def serve(self, state_class: StateClass) -> float:
        """Compute the damage of a state class, and set the other results."""
        supply, capacity, arrived = self.scaled(state_class)
        self.room.max_refill[:] = self.chain.lots(state_class.back, self.chain.form)
        found: float = solve_network(
            self.network, 0, supply, capacity, arrived, self.room,
            self.short, self.price, self.worth,
        )  # fmt: skip
        return found

    def proven(self, state_class: StateClass) -> float:
        """The lower bound on the damage of a state class from the potentials."""
        chain, network, price, worth = self.chain, self.network, self.price, self.worth
        supply, capacity, arrived = self.scaled(state_class)
        gain = np.maximum(0.0, price[chain.gives] - price[chain.takes])
        lost = np.maximum(0.0, price[chain.form] - worth)
        proof = (price * (network.total_demand[0] - supply)).sum()
        proof -= (
            network.step_demand[0] * np.maximum(0.0, price[:, None] - network.step_value)
        ).sum()
        proof -= (capacity * gain).sum() + (network.max_release * lost).sum()
        proof -= (chain.lots(state_class.back, chain.form) * worth).sum()
        return float(
            proof - (self.room.arrival_value * np.diff(arrived, axis=1, prepend=0.0)).sum()
        )


def drawn(seed: int) -> tuple[np.random.Generator, Asked]:
    """A chain drawn by a seed, every tenth of full size."""
    rng = np.random.default_rng(seed)
    forms, periods, conversions, stocks, steps = rng.integers([1, 1, 0, 0, 1], [6, 15, 9, 5, 4])
    if seed % 10 == 0:
        forms, periods, conversions, stocks, steps = 4, 60, 8, 4, 3
    conversions *= forms > 1
    return rng, Asked(drawn_chain(rng, forms, periods, conversions, stocks, steps))


@pytest.mark.quick(every=11, ci=5)
@pytest.mark.parametrize("refills", [False, True])
@pytest.mark.parametrize("first", range(0, 500, 50))
def test_damage_is_that_of_a_linear_program_and_the_potentials_prove_it(
    first: int, refills: bool
) -> None:
    """Value, dual identity, values that never rise without refills, and cuts valid in other classes
    with the same refills."""
    for seed in range(first, first + 50):
        rng, network = drawn(seed)
        state_class, other = (random_state_class(rng, network.chain) for _ in range(2))
        if refills:
            state_class = with_refills(rng, state_class)
            other = replace(other, back=state_class.back)
        damage = network.serve(state_class)
        size = float((network.network.step_demand[0] * network.network.step_value).sum())
        assert damage == pytest.approx(
            program(network.chain, state_class), rel=1e-7, abs=1e-8 * size
        )
        assert damage == pytest.approx(
            (network.short * network.network.step_value).sum(), rel=1e-12
        )
        assert network.proven(state_class) == pytest.approx(damage, rel=1e-9, abs=1e-10 * size)
        assert (network.short >= 0).all()
        assert (network.short <= network.network.step_demand[0]).all()
        assert (network.price >= 0).all()
        assert refills or (np.diff(network.worth, axis=1) <= 0).all()
        bound = network.proven(other)
        assert bound <= network.serve(other) * (1 + 1e-9) + 1e-10 * size


def magnets(stock: float, capacity: float) -> Asked:
    """Oxide and magnets, all imports lost: a demand of 100 magnets, damage 1 a tonne."""
    index = np.arange(2)
    chain = Chain(
        content=np.ones(2),
        takes=index[:1],
        gives=index[1:],
        form=index[:1],
        most=np.full((1, 1), LIMITLESS),
        limit=np.array([[[0.0]], [[100.0]]]),
        value=np.ones((2, 1, 1)),
        keep=1.0,
    )
    network = Asked(chain)
    none = np.zeros((1, 1))
    network.serve(StateClass(np.zeros((2, 1)), np.array([[capacity]]), np.array([[stock]]), none))
    return network


@pytest.mark.parametrize(
    ("stock", "capacity", "missing"), [(50, 10, 90), (50, 40, 60), (50, 70, 50), (0, 70, 100)]
)
def test_oxide_helps_where_it_can_be_made_into_magnets(
    stock: float, capacity: float, missing: float
) -> None:
    network = magnets(stock, capacity)
    assert network.short[1, 0, 0] == pytest.approx(missing, rel=1e-12)
    assert network.price[1, 0] == 1.0
    assert network.worth[0, 0] == (1.0 if capacity > stock else 0.0)


def test_forms_must_not_run_in_a_circle() -> None:
    two, none = np.array([0, 1]), np.zeros((0, 1))
    with pytest.raises(ValueError, match="circle"):
        build_network(two, two[::-1], two[:0], none, np.ones((1, 2, 1, 1)), np.ones((2, 1, 1)))
