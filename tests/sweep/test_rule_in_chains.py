"""The release rule in chains: by hand, within R1 to R6 as the contract has them, best within each
period, and never above foresight.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from oracle import EXACT, Reading
from oracle_outcome import damages
from oracle_recourse import nodes_of
from random_cases import crowded_case
from random_chains import KINDS, chain_case, commitment
from recourse_feasibility import damage_if_possible
from refills import filled_again
from scipy.optimize import linprog
from small import Raw, case, near, project, stockpile

from models.scenario.case import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Chain, Instance, read_instance
from optimizer.model.states import read_states
from optimizer.solve import outcomes
from optimizer.solve.recourse import RecourseEvaluator, ReleasePolicyResult, simulate_release_policy
from optimizer.solve.recourse.release_policy import (
    ChainPeriods,
    ChainPolicyResult,
    build_chain_periods,
    simulate_chain_policy,
    simulate_node_release,
    uncovered_demand,
)

LONG = ((2, 4), (3, 4), (6, 1), (1, 12))
DRAWN = [(kind, seed) for seed in range(100) for kind in KINDS]
RESERVES = (0.0, 0.4, 1.0)


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def drawn(kind: str, seed: int) -> tuple[Raw, Instance, Any, Commitment]:
    """A chain, and a commitment, in tonnes and in lots."""
    pick = random.Random(f"rule {kind} {seed}").choice
    raw = chain_case(pick, kind, **({"lengths": LONG} if seed % 2 else {}))
    start, offtake, buy = commitment(pick, raw)
    instance = read(raw)
    lots = {h: instance.lot_tonnes[pile.material] for h, pile in instance.stockpiles.items()}
    bought = {h: np.array(tonnes) / lots[h] for h, tonnes in buy.items()}
    held = {key: share for key, share in offtake.items() if share > 0}
    return raw, instance, (start, offtake, buy), Commitment(start=start, offtake=held, buy=bought)


def chains_of(
    instance: Instance, decided: Commitment
) -> list[tuple[RecourseEvaluator, ChainPeriods]]:
    """All chains of several forms, with a state class for each state."""
    recourse = RecourseEvaluator(instance, read_states(instance), merge_classes=False, threads=1)
    point = recourse.columns.to_point(decided)
    return [
        (recourse, build_chain_periods(recourse, chain, state_classes, point))
        for state_classes in recourse.chain_classes
        for chain in state_classes.chains
        if len(chain.nodes) > 1
    ]


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize(("kind", "seed"), DRAWN)
def test_it_is_never_better_than_foresight(kind: str, seed: int) -> None:
    raw, instance, plain, decided = drawn(kind, seed)
    best = np.array([sum(nodes.values()) for nodes in damages(raw, *plain)])
    for rule in simulate_release_policy(instance, read_states(instance), decided, RESERVES):
        assert (rule.damage >= best - 1e-7 * (1 + best)).all()
        assert rule.probability @ rule.damage == near(sum(rule.damage_by_material.values()))
        assert all(lots >= -1e-9 for lots in rule.final_stock.values())


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize(("kind", "seed"), DRAWN)
def test_what_it_does_is_possible(kind: str, seed: int) -> None:
    """R1 to R6 in tonnes, and the damage of each state."""
    raw, instance, plain, decided = drawn(kind, seed)
    found = chains_of(instance, decided)
    for reserve in RESERVES:
        ruled = [simulate_chain_policy(given, reserve) for _, given in found]
        damage = states_within(raw, plain, found, ruled)
        (rule,) = simulate_release_policy(instance, read_states(instance), decided, [reserve])
        if len(found) == len(instance.chains):
            assert rule.damage == pytest.approx(damage, rel=1e-6, abs=1e-6)
        assert (rule.damage >= damage - 1e-6 * (1 + damage)).all()


def states_within(raw: Raw, plain: Any, found: Any, ruled: list[ChainPolicyResult]) -> np.ndarray:
    """(S) damage of all chains of several forms, whose figures the contract allows."""
    case = Reading(raw)
    total = np.zeros(len(case.states))
    for (recourse, given), own in zip(found, ruled, strict=True):
        nodes = [node.node for node in given.nodes.values()]
        forms, consumer = {node.material for node in nodes}, nodes[0].consumer
        (node,) = (n for n in nodes_of(case) if n[0] == consumer and forms <= {*n[1]})
        for s, state in enumerate(case.states):
            said = in_tonnes(recourse.instance, given, own, s)
            total[s] += damage_if_possible(case, node, state, plain, said)
    return total


def in_tonnes(
    instance: Instance, given: ChainPeriods, own: ChainPolicyResult, s: int
) -> dict[Any, float]:
    """Releases of the policy in a state; production is undefined in periods that are not open."""
    said: dict[Any, float] = {}
    for v, node in given.nodes.items():
        lot = instance.lot_tonnes[node.node.material]
        for h, lots in zip(node.node.stockpile_shares, own.released_by_node[v][s], strict=True):
            said |= {("release", h, k): x * lot for k, x in enumerate(lots)}
        of: dict[str, int] = {}
        for step, lots in zip(
            node.node.steps,
            node.split_to_file_steps(own.missing_by_node[v][s], given.demand_row[s]),
            strict=True,
        ):
            j = of[step.consumer] = of.get(step.consumer, -1) + 1
            said |= {
                ("short", step.consumer, node.node.material, j, k): x * lot
                for k, x in enumerate(lots)
            }
    for plant, lots in zip(given.chain.plants, own.made_lots[s], strict=True):
        lot = instance.lot_tonnes[instance.nodes[plant.output].material]
        said |= {("made", plant.id, k): x * lot for k, x in enumerate(lots) if given.is_open[s, k]}
    return said


# The best of each period, one aim after the other


@pytest.mark.quick(every=79, ci=29)
@pytest.mark.parametrize(("kind", "seed"), DRAWN)
def test_it_is_the_best_of_each_period(kind: str, seed: int) -> None:
    """From what is in store in each period of the rule, as linear programs have it: the damage on
    dear steps, that on others, and what is released."""
    _, instance, _, decided = drawn(kind, seed)
    for _, given in chains_of(instance, decided):
        for reserve in (0.0, 0.4):
            own = simulate_chain_policy(given, reserve)
            for u, k in zip(*given.is_open.nonzero(), strict=True):
                now = Now(given, own, u, k, reserve)
                assert now.reached() == pytest.approx(now.best(), rel=1e-6, abs=1e-6)


class Now:
    """A period in a state: columns are steps served, what is made, and what is released."""

    def __init__(
        self, given: ChainPeriods, own: ChainPolicyResult, u: int, k: int, reserve: float
    ) -> None:
        nodes = given.nodes
        steps = [(v, j) for v, node in nodes.items() for j in range(len(node.step_weight))]
        accounts = [(v, h) for v, node in nodes.items() for h in range(len(node.retention))]
        stock = np.array([self.held(given, own, v, h, u, k) for v, h in accounts])
        planned = given.planned_stock[:, k] * reserve
        most = np.array([nodes[v].max_release[h] for v, h in accounts])
        self.stock = np.minimum(stock, most)
        self.free = np.maximum(0.0, np.minimum(stock - planned, most))
        plants = given.chain.plants
        r = given.demand_row[u]
        limit = [nodes[v].step_limit[r, j, k] for v, j in steps]
        self.upper = np.array([*limit, *given.capacity[u, :, k]])
        self.takes = np.array(
            [
                [float(v == w) for w, _ in steps]
                + [c.inputs.get(v, 0.0) - float(c.output == v) for c in plants]
                + [-float(v == w) for w, _ in accounts]
                for v in nodes
            ]
        )
        self.supply = given.supply[u, :, k]
        served = [nodes[v].step_limit[r, j, k] - own.missing_by_node[v][u, j, k] for v, j in steps]
        out = [own.released_by_node[v][u, h, k] for v, h in accounts]
        self.did = np.array([*served, *own.made_lots[u, :, k], *out])
        dear = [
            (nodes[v].is_high_damage[r, j, k] or not nodes[v].is_high_damage[r, :, k].any())
            for v, j in steps
        ]
        worth = np.array([nodes[v].step_weight[j, k] for v, j in steps])
        far: dict[int, float] = {}
        for v in reversed(given.chain.nodes):
            more = [2 * far[c.output] / c.inputs[v] for c in plants if v in c.inputs]
            far[v] = max(more, default=1.0)
        rest = [0.0] * (len(plants) + len(accounts))
        self.aims = [
            np.array([*sign, *rest])
            for part in (dear, np.logical_not(dear))
            for sign in (-np.where(part, worth, 0.0), -1.0 * (np.array(part) & (worth == 0)))
        ]
        cost = [far[v] for v, _ in accounts]
        keeps = np.array([nodes[v].retention[h] for v, h in accounts])
        order = np.argsort(np.argsort(keeps, kind="stable")) + 1.0
        none = [0.0] * (len(steps) + len(plants))
        self.last = [np.array([*none, *cost]), np.array([*none, *order])]

    def held(
        self, given: ChainPeriods, own: ChainPolicyResult, v: int, h: int, u: int, k: int
    ) -> float:
        """In an account before anything is released."""
        place = [(w, i) for w, node in given.nodes.items() for i in range(len(node.retention))]
        stock = float(given.nodes[v].initial_lots[h])
        for before in range(k + 1):
            stock = (
                stock * given.nodes[v].retention[h] + given.purchases[place.index((v, h)), before]
            )
            if before < k:
                stock -= own.released_by_node[v][u, h, before]
        return max(0.0, stock)

    def reached(self) -> list[float]:
        return [float(aim @ self.did) for aim in (*self.aims, self.last[0])]

    def best(self) -> list[float]:
        first = self.lexicographic([*self.aims[:2], *self.last], self.stock)[1]
        room = np.maximum(first[len(self.upper) :], self.free)
        return self.lexicographic([*self.aims, self.last[0]], room)[0]

    def lexicographic(self, aims: list[Any], room: Any) -> tuple[list[float], Any]:
        """The least of each aim, one after the other, and the columns at the last one."""
        bounds = [(0.0, most) for most in (*self.upper, *room)]
        rows, sides, found = self.takes, self.supply, []
        for aim in aims:
            size = max(1.0, np.abs(aim).max(initial=0.0))
            solved = linprog(aim / size, rows, sides, bounds=bounds, method="highs", options=EXACT)
            assert solved.status == 0, solved.message
            found.append(float(solved.fun) * size)
            rows = np.vstack([rows, aim / size])
            sides = np.append(sides, solved.fun + 1e-9)
        return found, solved.x


@pytest.mark.slow
@pytest.mark.quick(every=19, ci=7)
@pytest.mark.parametrize("seed", range(40))
def test_a_node_by_itself_goes_by_the_same_rule(seed: int) -> None:
    pick = random.Random(seed)
    raw = crowded_case(pick.choice)
    instance = read(filled_again(pick.choice, raw) if seed % 2 else raw)
    recourse = RecourseEvaluator(instance, read_states(instance), threads=1)
    buy = {h: np.array([pick.uniform(0, 2) for _ in instance.years]) for h in instance.stockpiles}
    point = recourse.columns.to_point(Commitment(buy=buy))
    for state_classes in recourse.material_classes:
        for v in state_classes.nodes:
            node = recourse.node_data[v]
            uncovered, bought = uncovered_demand(node, state_classes, point), node.purchases(point)
            held = [stock.planned_stock() for stock in node.list_stocks(point)]
            planned = np.reshape(held, (-1, node.period_count))
            supply = node.demand[state_classes.demand_row] - uncovered
            none = np.zeros((state_classes.class_count, 0, node.period_count))
            every = np.ones((state_classes.class_count, node.period_count), dtype=bool)
            given = ChainPeriods(
                nodes={v: node},
                chain=Chain((v,)),
                supply=supply[:, None].copy(),
                capacity=none,
                is_open=every,
                demand_row=state_classes.demand_row,
                purchases=bought,
                planned_stock=planned,
                max_refill=node.refill_by_class(state_classes),
            )
            for reserve in (0.0, 0.35, 1.0):
                lived = simulate_node_release(
                    node,
                    state_classes.demand_row,
                    uncovered,
                    bought,
                    planned,
                    reserve,
                    given.max_refill,
                )
                own = simulate_chain_policy(given, reserve)
                assert own.missing_by_node[v].sum(axis=1) == pytest.approx(
                    lived.missing_lots, abs=1e-9
                )
                assert planned[:, -1] - own.stock_used_by_node[v] == pytest.approx(
                    lived.final_stock, abs=1e-9
                )
                assert own.released_by_node[v].sum(axis=2) == pytest.approx(
                    lived.released_lots, abs=1e-9
                )
                assert own.refilled_by_node[v] == pytest.approx(lived.refilled_lots, abs=1e-9)


# By hand: 100 t of magnets are needed in a year, and nothing arrives. Magnets are made of oxide.

BOTH = pytest.mark.parametrize("allocation", ["pooled", "entitled"])
TWO_STEPS = [{"share": 0.5, "eur_per_t": 1e6}, {"share": 0.5, "eur_per_t": 1e7}]


def magnets(capacity: float = 100, **sections: Any) -> Raw:
    allocation = sections.pop("allocation", "pooled")
    makers = {
        "name": "Makers",
        "country": "DE",
        "output": "magnet",
        "inputs_t_per_t": {"oxide": 1.0},
        "capacity_t_per_year": capacity,
    }
    fixed: Raw = {
        "materials": {
            m: {"name": m, "price_eur_per_t": 1e4} for m in ("terbium", "oxide", "magnet")
        },
        "demand": [{"consumer": "industry", "material": "magnet", "t_per_year": 100}],
        "damage": [{"material": "magnet", "steps": [{"share": 1.0, "eur_per_t": 1e6}]}],
        "conversions": {"makers": makers},
        "objective": {"allocation": allocation},
    }
    return case(**(fixed | sections))


def store(tonnes: float, material: str = "oxide", **fields: Any) -> Raw:
    return stockpile(id=material, material=material, initial_t=tonnes, **fields)


def lived(raw: Raw, reserve: float = 0.0, **decided: Any) -> tuple[float, dict[str, float]]:
    """Damage, which is tonnes missing where each costs a million, and tonnes left."""
    instance = read(raw)
    states = read_states(instance)
    (rule,) = simulate_release_policy(instance, states, Commitment(**decided), [reserve])
    left = {
        h: lots * instance.lot_tonnes[instance.stockpiles[h].material]
        for h, lots in rule.final_stock.items()
    }
    return float(rule.damage[0]), left


@BOTH
@pytest.mark.parametrize(
    ("stock", "capacity", "missing"), [(50, 10, 90), (50, 40, 60), (50, 70, 50), (0, 70, 100)]
)
def test_no_more_is_released_than_can_be_made(
    stock: float, capacity: float, missing: float, allocation: str
) -> None:
    raw = magnets(capacity, stockpiles=[store(stock)], allocation=allocation)
    assert lived(raw) == (near(missing), {"oxide": near(stock - (100 - missing))})


@BOTH
def test_a_project_with_inputs_delivers_nothing_without_them(allocation: str) -> None:
    works = project(100, output_t_per_year={"magnet": 100}, inputs_t_per_t={"oxide": 2.0})
    decided: Raw = {"start": {"works": 2026}, "offtake": {("works", "common"): 0.3}}
    for stock, missing in ((0, 100), (20, 90), (500, 70)):
        raw = magnets(0, projects={"works": works}, stockpiles=[store(stock)])
        raw["objective"]["allocation"] = allocation
        left = stock - 2 * (100 - missing)
        assert lived(raw, **decided) == (near(missing), {"oxide": near(left)})


@BOTH
def test_the_nearest_form_comes_first(allocation: str) -> None:
    """20 t of magnets go before 75 t of oxide, though these halve every year and magnets keep."""
    piles = [store(150, annual_loss=0.5), store(20, "magnet")]
    raw = magnets(stockpiles=piles, allocation=allocation)
    assert lived(raw) == (near(5.0), {"oxide": near(0.0), "magnet": near(0.0)})
    raw["demand"][0]["t_per_year"] = 60
    assert lived(raw) == (near(0.0), {"oxide": near(35.0), "magnet": near(0.0)})
    raw["demand"][0]["t_per_year"] = 15
    assert lived(raw) == (near(0.0), {"oxide": near(75.0), "magnet": near(5.0)})


def test_nothing_is_released_beside_an_input_that_lacks() -> None:
    """2 t of terbium at 0.1 make 20 t, for which 20 t of oxide are taken."""
    raw = magnets(stockpiles=[store(50), store(2, "terbium")])
    raw["conversions"]["makers"]["inputs_t_per_t"] = {"oxide": 1.0, "terbium": 0.1}
    assert lived(raw) == (near(80), {"oxide": near(30), "terbium": near(0)})


@BOTH
def test_foresight_keeps_what_the_rule_gives(allocation: str) -> None:
    """Two years in which half of the magnets cost 1 and half 10 million a tonne, and 60 t of oxide.

    The rule takes all 60 t at once: 40 t are missing at 1, then all, 50 t at 1 and 50 t at 10.
    Foresight covers 60 t of the 100 t that are dear: 40 t are missing at 10, 100 t at 1. So does
    the rule that keeps all for the dear steps; one that keeps 40 % releases 50 + 0 t, then 10 t.
    """
    raw = magnets(stockpiles=[store(60)], last_year=2027, allocation=allocation)
    raw["damage"][0]["steps"] = TWO_STEPS
    instance = read(raw)
    (best,) = outcomes.evaluate_commitments(instance, read_states(instance), [Commitment()])
    assert best.damage[0] == near(40 * 10 + 100)
    assert lived(raw, 0.0)[0] == near(40 + 50 + 500)
    assert lived(raw, 0.4)[0] == near(50 + 50 + 400)
    assert lived(raw, 1.0)[0] == near(40 * 10 + 100)


def test_dear_steps_take_what_the_market_and_plants_give_first() -> None:
    """20 t of magnets arrive, and plants make 40 t: 60 t, of which 50 t for the dear step. For that
    30 t of oxide are released, below the reserve of 40 t of 50; nothing is for the cheap step."""
    supply = [{"material": "magnet", "country": "CN", "t_per_year": 20}]
    raw = magnets(40, stockpiles=[store(50)], supply=supply)
    raw["damage"][0]["steps"] = TWO_STEPS
    assert lived(raw, 0.8) == (near(50), {"oxide": near(20)})
    assert lived(raw, 0.2) == (near(40), {"oxide": near(10)})
    assert lived(raw, 0.0) == (near(40), {"oxide": near(10)})


def test_scarce_oxide_goes_to_what_it_is_worth_most_in() -> None:
    """50 t of oxide: makers of motors, at 3 million a tonne and 2 t a tonne, have 1.5 million for a
    tonne of it, those of magnets 1 million; 10 t of oxide wanted itself cost 1.2 million each."""
    raw = magnets(stockpiles=[store(50)])
    raw["materials"]["motor"] = {"name": "Motor", "price_eur_per_t": 1e5}
    raw["demand"] += [
        {"consumer": "industry", "material": m, "t_per_year": t}
        for m, t in (("motor", 10), ("oxide", 10))
    ]
    raw["damage"] += [
        {"material": m, "steps": [{"share": 1.0, "eur_per_t": eur}]}
        for m, eur in (("motor", 3e6), ("oxide", 1.2e6))
    ]
    raw["conversions"]["motors"] = raw["conversions"]["makers"] | {
        "output": "motor",
        "inputs_t_per_t": {"oxide": 2.0},
    }
    assert lived(raw) == (near(80.0), {"oxide": near(0.0)})


def test_blocks_of_states_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from optimizer.solve.recourse import release_policy

    for seed in range(6):
        _, instance, _, decided = drawn("program", seed)
        states = read_states(instance)
        whole = simulate_release_policy(instance, states, decided, [0.3])[0]
        monkeypatch.setattr(release_policy, "STATES_PER_BLOCK", 1)
        parts: ReleasePolicyResult = simulate_release_policy(instance, states, decided, [0.3])[0]
        monkeypatch.undo()
        assert np.array_equal(parts.damage, whole.damage)
        assert parts.final_stock == pytest.approx(whole.final_stock)
