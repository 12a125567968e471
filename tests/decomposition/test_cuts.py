"""Cuts and the rows made of them: tight where they were made, true everywhere else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cutting import claimed, exact, excess, random_point, recourse_of, run_of
from random_cases import crowded_case

from optimizer.model.decision_tree import DecisionTree
from optimizer.model.risk_measure import tail_weights
from optimizer.solve.decomposition.cuts import Cut, CutOracle
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.recourse import FirstStagePoint, Subgradient

Raw = dict[str, Any]

SEEDS = range(40)
TRUE = 1e-9
"""Claims of more than there is by less than this share of the cut's size are rounding."""


def drawn(seed: int, **aim: Any) -> Raw:
    raw = crowded_case(random.Random(f"cuts {seed}").choice)
    return raw | {"objective": raw["objective"] | aim}


def level_of(raw: Raw) -> float:
    return float(raw["objective"]["cvar"]["level"])


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_is_tight_at_its_point_and_true_everywhere(seed: int) -> None:
    """Of each node's mean and of the tail; the tail's for higher levels as well."""
    raw = drawn(seed, cvar={"weight": 0.3, "level": random.Random(seed).choice([0.3, 0.6, 0.9])})
    recourse, level, rng = recourse_of(raw), level_of(raw), np.random.default_rng(seed)
    appraise = CutOracle(DecisionTree.of(recourse.instance), [recourse])
    points = [random_point(rng, recourse) for _ in range(4)]
    for point in points[:2]:
        appraisal = appraise((point,))
        assert len(appraisal.cuts) == len(recourse.node_data) + 1
        for cut in appraisal.cuts:
            value = exact(recourse, cut, point, level)
            assert claimed(recourse, cut, point) == pytest.approx(value, rel=1e-9, abs=1e-9)
            for other in points:
                for wider in (level, (1 + level) / 2) if cut.is_tail else (level,):
                    assert excess(recourse, cut, other, wider) <= TRUE


def test_an_appraisal_adds_up() -> None:
    """Mean and tail of a point are those of its damage, state by state."""
    raw = drawn(1, cvar={"weight": 0.3, "level": 0.7})
    recourse = recourse_of(raw)
    point = random_point(np.random.default_rng(5), recourse)
    appraisal = CutOracle(DecisionTree.of(recourse.instance), [recourse])((point,))
    damage = recourse.evaluate(point, recourse.probability[None]).damage
    assert sum(appraisal.damage_by_chain.values()) == pytest.approx(
        recourse.probability @ damage, rel=1e-12
    )
    worst = np.sort(damage)[::-1]
    (damage,) = appraisal.recourse_costs  # 0.7 of the mean and 0.3 of the tail
    tail = (damage - 0.7 * sum(appraisal.damage_by_chain.values())) / 0.3
    assert sum(appraisal.damage_by_chain.values()) <= tail <= worst[0] * (1 + 1e-12)


def test_the_tail_splits_the_state_at_the_quantile() -> None:
    """Of chances 0.1, 0.2, 0.7 the worst 0.25 are the first and three quarters of the second."""
    weights = tail_weights(np.array([0.2, 0.7, 0.1]), np.array([5.0, 1.0, 9.0]), 0.75)
    assert weights == pytest.approx([0.6, 0.0, 0.4])


def test_a_cut_of_the_tail_is_false_for_a_lower_level() -> None:
    """Were it not, a pool would not have to keep the level."""
    false = 0
    for seed in range(10):
        raw = drawn(seed, cvar={"weight": 1.0, "level": 0.9})
        recourse = recourse_of(raw)
        point = random_point(np.random.default_rng(seed), recourse)
        (cut,) = CutOracle(DecisionTree.of(recourse.instance), [recourse])((point,)).cuts
        false += excess(recourse, cut, point, 0.2) > TRUE
    assert false > 3


# Rows of the master


def columns_at_random(rng: np.random.Generator, run: SearchRun) -> np.ndarray:
    """Values of all columns of the master: shares up to 1, purchases of any size."""
    x = rng.random(len(run.master.program.cost)) * rng.choice([0.0, 1.0], p=[0.4, 0.6])
    bought = [c for c, name in enumerate(run.master.program.column_names) if name.startswith("buy")]
    x[bought] *= rng.choice([0.2, 5.0, 50.0])
    return x


def set_offtake(run: SearchRun, x: np.ndarray, point: FirstStagePoint) -> None:
    """Put the offtake of a point, which there is a right to, into the columns."""
    place = {name: c for c, name in enumerate(run.master.program.column_names)}
    for (p, year, group), share in zip(
        run.cut_oracle.part_oracles[0].recourse.columns.offtake_columns, point.offtake, strict=True
    ):
        name = f"offtake[{p},{year},{group}]"
        if name in place:
            x[place[name]] = share


def row_says(run: SearchRun, cut: Cut, x: np.ndarray) -> float:
    """The least that the row leaves for the column that the cut bounds."""
    columns, entries, side = run.master.cut_row(cut)
    ahead = run.master.bounded_column(cut)
    rest = columns != ahead
    (own,) = entries[~rest]
    return float((side - entries[rest] @ x[columns[rest]]) / own)


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("seed", range(25))
def test_a_row_says_what_its_cut_says(seed: int) -> None:
    run = run_of(drawn(seed, cvar={"weight": 0.3, "level": 0.6}))
    recourse, rng = run.cut_oracle.part_oracles[0].recourse, np.random.default_rng(seed)
    for cut in run.cut_oracle((random_point(rng, recourse),)).cuts:
        for _ in range(3):
            x = columns_at_random(rng, run)
            (point,) = run.master.recourse_points(x)
            set_offtake(run, x, point)
            said = claimed(recourse, cut, point)
            assert row_says(run, cut, x) == pytest.approx(said, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_a_point_has_no_more_offtake_than_a_right_to_it(seed: int) -> None:
    """Whatever the columns say: of a project far larger than demand a little more is a lot."""
    run, rng = run_of(drawn(seed)), np.random.default_rng(seed)
    master, most = run.master, 0.0
    for _ in range(20):
        x = columns_at_random(rng, run)
        (point,) = master.recourse_points(x)
        set_offtake(run, x, point)
        program = master.program
        excess = program.matrix @ x - program.row_upper
        rights = [r for r, name in enumerate(program.row_names) if name.startswith("offtake_right")]
        assert rights
        assert max(excess[rights]) <= 1e-12
        started = dict.fromkeys(master.instance.start_options, 0.0)
        for c, name in enumerate(program.column_names):
            if name.startswith("start["):
                p, year = name[6:-1].split(",")
                started[p, int(year)] = x[c]
        for (p, year, _), share in zip(
            run.cut_oracle.part_oracles[0].recourse.columns.offtake_columns,
            point.offtake,
            strict=True,
        ):
            assert share <= started[p, year] + 1e-12
            most = max(most, float(share))
    assert most > 0


@pytest.mark.parametrize("size", [1e-7, 1e-8, 1e-9, 1e-12, 1e-30])
def test_a_tiny_entry_never_makes_a_row_stronger(size: float) -> None:
    """Purchases with and without a limit, and offtake: the solver takes the row as it is."""
    raw = drawn(3, cvar={"weight": 0.3, "level": 0.6})
    raw["stockpiles"][0]["max_purchase_t_per_year"] = 20
    raw["stockpiles"][-1].pop("max_purchase_t_per_year", None)
    run, rng = run_of(raw), np.random.default_rng(7)
    recourse = run.cut_oracle.part_oracles[0].recourse
    for cut in run.cut_oracle((random_point(rng, recourse),)).cuts:
        shrunk = {
            v: Subgradient(
                s.constant, (s.output_value > 0) * size, np.full_like(s.purchase_value, size)
            )
            for v, s in cut.subgradients.items()
        }
        tiny = Cut(shrunk, is_tail=cut.is_tail)
        top = run.master.program.upper
        for _ in range(5):
            x = np.minimum(columns_at_random(rng, run), top)
            said = claimed(recourse, tiny, run.master.recourse_points(x)[0])
            assert row_says(run, tiny, x) <= said + 1e-14 * max(1.0, abs(said))
        assert len(run.master.add_violated_cuts([tiny])) == 1


def test_a_cut_is_added_only_where_it_is_broken() -> None:
    run = run_of(drawn(2, cvar={"weight": 0.0, "level": 0.9}))
    recourse = run.cut_oracle.part_oracles[0].recourse
    x = np.zeros(len(run.master.program.cost))
    appraisal = run.cut_oracle(run.master.recourse_points(x))
    (point,) = run.master.recourse_points(x)
    costly = [cut for cut in appraisal.cuts if exact(recourse, cut, point, 0.9) > 0]
    assert costly
    assert set(run.master.add_violated_cuts(appraisal.cuts, x, 1e-9)) == {
        cut.chain_id for cut in costly
    }
    for v, column in run.master.cost_to_go_columns.items():
        x[column] = recourse.evaluate(
            appraisal.points[0], recourse.probability[None]
        ).damage_by_chain[v][0]
    assert run.master.add_violated_cuts(appraisal.cuts, x, 1e-9) == {}
