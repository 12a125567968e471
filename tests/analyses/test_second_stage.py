"""The second stage of a plan in every state: identities of its long tables, and cases by hand."""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from random_cases import Raw, lasting_case, small_case
from random_chains import chain_case
from random_reviews import drawn_with_review
from random_sets import drawn_with_sets
from random_worlds import world_case
from small import CHINA, case

import vorrat
from models.faults import ScenarioError
from models.scenario.references import Case
from optimizer.analyses.second_stage import EvaluatedStates, long_table
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible
from optimizer.model.scenario_data import compute_scenario_data, market_supply
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.outcomes import evaluate_commitments
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.recourse import RecourseEvaluator

KINDS: dict[str, Any] = {"small": small_case, "lasting": lasting_case, "world": world_case}
KINDS |= {"chain": chain_case, "review": None, "sets": None}
TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"
NODE = ["state", "material", "consumer", "year", "period"]


def refills_nothing(solution: CheckedSolution) -> bool:
    """The bounds of refills depend on the states, so that they are no constants of the program."""
    return not any(pile.max_refill.any() for pile in solution.instance.stockpiles.values())


@cache
def solved(
    kind: str, seed: int, fits: Callable[[CheckedSolution], bool] = lambda _: True
) -> tuple[Raw, CheckedSolution]:
    """A random case of this kind that has a plan which fits, and its plan."""
    for number in itertools.count(seed, 1000):
        if kind == "review":
            raw = drawn_with_review("world", number, world_case)
        elif kind == "sets":
            raw = drawn_with_sets("world", number, world_case, "mean")
        else:
            raw = KINDS[kind](random.Random(f"{kind} {number}").choice)
        raw["policy"] = raw.get("policy", {}) | {"budget_meur": 1000}
        try:
            problem = Problem.from_case(Case.model_validate(raw)).with_recourse(1)
            solution = solve_and_certify(problem, gap=1e-4, threads=1)
        except (Infeasible, ScenarioError):
            continue
        if fits(solution):
            return raw, solution
    raise AssertionError


def evaluated(solution: CheckedSolution) -> EvaluatedStates:
    return EvaluatedStates(
        solution.instance, solution.states, solution.commitment, solution.recourse
    )


def of_states(test: Any) -> Any:
    """Run a test on random cases: one of each kind, and more in the slow tests."""
    seeds = pytest.mark.parametrize("seed", range(12))
    return pytest.mark.quick(every=13, ci=3)(pytest.mark.parametrize("kind", KINDS)(seeds(test)))


@of_states
def test_figures_of_states_add_up_to_those_of_the_plan(kind: str, seed: int) -> None:
    _, solution = solved(kind, seed)
    states, instance = evaluated(solution), solution.instance
    outcome, count = solution.with_plan, len(solution.states)
    frame = long_table("by_state", states)
    damage = frame.groupby("state", sort=False)["damage"].sum().reindex(
        [state.name for state in solution.states]
    )  # fmt: skip
    assert len(set(frame["state"])) == count
    np.testing.assert_allclose(damage.fillna(0.0), outcome.damage, rtol=1e-9, atol=1e-9)
    expected = long_table("by_state", states, ["material", "year"])
    for m, lots in outcome.expected_shortage.items():
        of_material = expected[expected["material"] == m]["shortage_t"].to_numpy()
        tonnes = lots * instance.lot_tonnes[m]
        if not len(of_material):  # no consumer has a right to any of it
            assert not tonnes.any()
            continue
        np.testing.assert_allclose(of_material, tonnes, rtol=1e-9, atol=1e-9)
    by_consumer = long_table("by_state", states, ["consumer"]).set_index("consumer")["damage"]
    for consumer, value in outcome.damage_by_consumer.items():
        assert by_consumer.get(consumer, 0.0) == pytest.approx(value, rel=1e-9, abs=1e-9)
    weighted = frame.assign(shortage_t=frame["probability"] * frame["shortage_t"])
    pd.testing.assert_series_equal(
        weighted.groupby(["material", "year"])["shortage_t"].sum(),
        expected.groupby(["material", "year"])["shortage_t"].sum(),
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip


@of_states
def test_flows_balance_in_every_state_and_period(kind: str, seed: int) -> None:
    _, solution = solved(kind, seed)
    states, instance = evaluated(solution), solution.instance
    by_state, flows = long_table("by_state", states), long_table("flows", states)
    # What consumers receive and what they lack is their demand.
    to_consumers = flows[flows["destination_kind"] == "consumer"].groupby(NODE)["tonnes"].sum()
    figures = by_state.groupby(NODE)[["demand_t", "shortage_t", "released_t"]].sum()
    served = figures["demand_t"] - figures["shortage_t"]
    received = to_consumers.reindex(served.index, fill_value=0.0)
    scale = max(1.0, served.max())
    np.testing.assert_allclose(received, served, rtol=1e-9, atol=1e-8 * scale)
    # Stockpiles release what the other table says.
    own = ["state", "material", "year", "period"]
    released = flows[flows["source_kind"] == "stockpile"].groupby(own)["tonnes"].sum()
    other = figures.groupby(own)["released_t"].sum()
    np.testing.assert_allclose(
        released.reindex(other.index, fill_value=0.0), other, rtol=1e-6, atol=1e-8 * scale
    )
    # The market delivers what the states leave of it, used or not.
    market = flows[flows["source_kind"] == "market"].groupby(own)["tonnes"].sum()
    n = instance.periods_per_year
    for state in solution.states:
        data = compute_scenario_data(instance, state)
        for node in instance.nodes if instance.case.objective.allocation == "pooled" else ():
            lots = market_supply(instance, node, data) * instance.lot_tonnes[node.material]
            for k, tonnes in enumerate(lots):
                key = state.name, node.material, instance.years[k // n], k % n + 1
                assert market.get(key, 0.0) == pytest.approx(tonnes, rel=1e-7, abs=1e-7)
    # Plants take in what their output needs.
    recipes = {("conversion", c): x.inputs_t_per_t for c, x in instance.case.conversions.items()}
    recipes |= {("project", p): x.inputs_t_per_t for p, x in instance.case.projects.items()}
    time = ["state", "year", "period"]
    for (plant_kind, plant), inputs in recipes.items():
        if not inputs:
            continue
        is_output = (flows["source_kind"] == plant_kind) & (flows["source"] == plant)
        is_input = (flows["destination_kind"] == plant_kind) & (flows["destination"] == plant)
        made = flows[is_output].groupby(time)["tonnes"].sum()
        for m, ratio in inputs.items():
            taken = flows[is_input & (flows["material"] == m)].groupby(time)["tonnes"].sum()
            total = made.reindex(made.index.union(taken.index), fill_value=0.0)
            taken = taken.reindex(total.index, fill_value=0.0)
            np.testing.assert_allclose(taken, float(ratio) * total, rtol=1e-6, atol=1e-7 * scale)


def dual_objectives(states: EvaluatedStates) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each state, and its damage by shortages and by multipliers."""
    values = long_table("values", states)
    keys = ["state", "rule", "material", "consumer", "of", "year", "period"]
    value_of = values.set_index(keys)["value"].to_dict()
    n = states.instance.periods_per_year
    for _, flows in states.parts(range(len(states.states))):
        instance = flows.instance
        totals, damage = np.zeros(flows.shape[0]), np.zeros(flows.shape[0])
        for chain in instance.chains:
            chain_flows = flows.flows(chain, states.templates)
            evaluation = flows._evaluations[chain.id]
            given, at = evaluation.parameter_values(slice(None)), evaluation.template
            for v in chain.nodes:
                node, data = instance.nodes[v], flows.recourse.node_data[v]
                point = evaluation._point
                limits = flows.step_demand(v)
                damage += (flows.missing[v] * data.file_step_weight).sum(axis=(1, 2))
                output = sum(x for (w, _), x in chain_flows.output.items() if w == v)
                rows: list[tuple[str, str, str, Any]] = [
                    ("demand_balance", node.consumer or "", "",
                     flows.demand(v) - chain_flows.market[v] - output),
                ]  # fmt: skip
                rows += [
                    ("shortage", step.consumer, f"step {j + 1}", -limits[:, j])
                    for j, step in enumerate(node.steps)
                ]
                for h, stock in zip(node.stockpile_shares, data.list_stocks(point), strict=True):
                    rows.append(("stock_balance", node.consumer or "", h, -stock.inflows()))
                    if np.isfinite(stock.max_release):
                        limit = np.full(flows.shape[1], -stock.max_release)
                        rows.append(("release", node.consumer or "", h, limit))
                for plant in chain.plants:
                    if plant.output == v:
                        key = (
                            ("capacity", plant.id)
                            if plant.capacity is not None
                            else ("delivers", (v, plant.id))
                        )
                        capacity = given[:, at.parameter_positions[key]]
                        rows.append(("conversion_limit", node.consumer or "", plant.id, -capacity))
                for rule, consumer, of, amounts in rows:
                    tonnes = np.broadcast_to(amounts, flows.shape)
                    tonnes = tonnes * instance.lot_tonnes[node.material]
                    for s, state in enumerate(flows.states):
                        for k in range(flows.shape[1]):
                            key = (state.name, rule, node.material, consumer, of,
                                   instance.years[k // n], k % n + 1)  # fmt: skip
                            totals[s] += value_of.get(key, 0.0) * tonnes[s, k]
        yield from zip((state.name for state in flows.states), damage, totals, strict=True)


@of_states
def test_multipliers_satisfy_strong_duality(kind: str, seed: int) -> None:
    """Each constraint's right-hand side, times its multiplier, adds up to the damage."""
    _, solution = solved(kind, seed, refills_nothing)
    for name, damage, total in dual_objectives(evaluated(solution)):
        assert total == pytest.approx(damage, rel=1e-6, abs=1e-6), name


@of_states
def test_multipliers_bound_the_damage_with_other_stocks(kind: str, seed: int) -> None:
    """A subgradient: with more or less in a stockpile, damage falls by no more than the multiplier
    says, or rises by no less."""
    raw, solution = solved(kind, seed)
    if solution.commitment.branches:
        return  # stocks that differ between branches cannot be changed in the scenario
    instance, states = solution.instance, evaluated(solution)
    values = long_table("values", states)
    first = (values["year"] == instance.years[0]) & (values["period"] == 1)
    balances = values[first & (values["rule"] == "stock_balance")]
    names = [state.name for state in solution.states]
    for position, pile in enumerate(raw.get("stockpiles", [])):
        if any(pile.get(name) for name in ("refill_t_per_year", "max_t", "days_of_demand")):
            continue
        before = float(pile.get("initial_t", 0.0))
        shares = {
            node.consumer or "": node.stockpile_shares[pile["id"]]
            for node in instance.nodes
            if pile["id"] in node.stockpile_shares
        }
        own = balances[balances["of"] == pile["id"]]
        if own.empty:
            continue
        worth = own.assign(value=own["value"] * own["consumer"].map(shares))
        slopes = worth.groupby("state")["value"].sum().reindex(names, fill_value=0.0).to_numpy()
        kept = instance.stockpiles[pile["id"]].retention
        for change in (5.0, -0.5 * before):
            piles = [dict(x) for x in raw["stockpiles"]]
            piles[position]["initial_t"] = before + change
            other = Problem.from_case(Case.model_validate(raw | {"stockpiles": piles}))
            recourse = RecourseEvaluator(other.instance, solution.states, threads=1)
            (outcome,) = evaluate_commitments(
                other.instance, solution.states, [solution.commitment], recourse=recourse
            )
            least = solution.with_plan.damage - slopes * kept * change
            assert (outcome.damage >= least - 1e-6 * (1 + np.abs(least))).all()


def test_the_tutorial_by_hand() -> None:
    """Without a stockpile, the refinery leaves 30 of 40 t missing in a stop: 20 t at 1 million and
    10 t at 4 million. A tonne more avoids 4 million; a wider first step avoids 4 - 1."""
    no_stock = "stockpiles.reserve.max_purchase_t_per_year=0"
    plan = vorrat.solve(vorrat.read(TUTORIAL, settings=no_stock), gap=0)
    frame = plan.by_state(["state"]).set_index("state")
    assert frame["damage"].tolist() == pytest.approx([0.0, 60.0, 120.0])
    values = plan.values()
    supply = values[values["rule"] == "demand_balance"]
    assert supply[["state", "year"]].to_numpy().tolist() == [
        ["a stop in 2027", 2027],
        ["a stop in 2027 and 2028", 2027],
        ["a stop in 2027 and 2028", 2028],
    ]
    assert supply["value"].tolist() == pytest.approx([4.0, 4.0, 4.0])
    assert supply["in_objective"].tolist() == pytest.approx([0.8, 0.4, 0.4])
    steps = values[values["rule"] == "shortage"]
    assert set(steps["of"]) == {"step 1", "step 3"}  # the first of each consumer
    assert steps["value"].tolist() == pytest.approx([3.0] * len(steps))
    assert set(values["tag"]) == {"R1", "R3", "R4"}
    sources = plan.flows(["source"], states=["a stop in 2027"]).set_index("source")["tonnes"]
    # Of probability 0.2: 10 t from the refinery in each of two years, 40 t from China twice.
    assert sources.to_dict() == pytest.approx({"CN": 0.2 * 80, "refinery": 0.2 * 20})
    nothing = plan.by_state([], without_plan=True)["damage"]
    assert nothing.tolist() == pytest.approx([plan.result.outcome.without_plan.expected])


def test_weights_are_those_of_the_tail() -> None:
    """With λ = 0.5 on the worst 10 %, the only state of the tail counts 0.5 · 0.1 + 0.5."""
    settings = ["objective.cvar.weight=0.5", "objective.cvar.level=0.9"]
    plan = vorrat.solve(vorrat.read(TUTORIAL, settings=settings))
    weights = plan.values().groupby("state")["weight"].first().to_dict()
    assert weights["a stop in 2027 and 2028"] == pytest.approx(0.55)
    assert weights.get("a stop in 2027", 0.1) == pytest.approx(0.1)


def test_evaluations_have_the_states_that_they_drew(tmp_path: Path) -> None:
    sample = "uncertainty={sample: {states: 30, seed: 1}}"
    plan = vorrat.solve(vorrat.read(TUTORIAL, settings=sample))
    drawn = vorrat.evaluate(plan, quick=True, states=40)
    plan.save(tmp_path)
    drawn.save(tmp_path / "evaluation.json")
    for evaluation in (drawn, vorrat.load(tmp_path / "evaluation.json")):
        frame = evaluation.by_state(["state"])
        assert len(frame) == 40
        assert (frame["probability"] * frame["damage"]).sum() == pytest.approx(
            drawn.result.fresh.with_plan.expected.value, rel=1e-9
        )


def test_plans_are_sent_to_other_processes() -> None:
    plan = vorrat.solve(vorrat.read(TUTORIAL))
    frame = plan.by_state()
    again = pickle.loads(pickle.dumps(plan))
    pd.testing.assert_frame_equal(again.by_state(), frame)


def test_datasets_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = vorrat.solve(vorrat.read(TUTORIAL))
    frame = plan.by_state(["state", "material", "year"])
    dataset = frame.to_xarray()
    assert dict(dataset.sizes) == {"state": 3, "material": 1, "year": 3}
    mean = float((dataset["damage"] * dataset["probability"]).sum())
    assert mean == pytest.approx(plan.result.outcome.expected)
    plan.save(tmp_path)
    for name in ("by-state", "flows", "values"):
        out = tmp_path / f"{name}.parquet"
        assert run_command_line(["details", str(tmp_path), "--table", name, "--out", str(out)]) == 0
        method = getattr(plan, name.replace("-", "_"))
        pd.testing.assert_frame_equal(
            pd.read_parquet(out), pd.DataFrame(method()), check_dtype=False
        )
        assert run_command_line(["details", str(tmp_path), "--table", name, "--out", str(out)]) == 2
    capsys.readouterr()
    arguments = ["--table", "by_state", "--by", "material,year"]
    assert run_command_line(["details", str(tmp_path), *arguments]) == 0
    assert capsys.readouterr().out.startswith("material,year,demand_t,")
    assert run_command_line(["details", str(tmp_path), "--by", "year"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "year,demand_t,shortage_t,damage,released_t"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "yeer"], "did you mean 'year'?"),
        (["--state", "calmm"], "did you mean 'calm'?"),
        (["--out", "x.xls"], "ends in .parquet or .csv"),
        (["--table", "values", "--by", "state"], "--by does not go with --table values"),
    ],
)
def test_details_refuses(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vorrat.solve(vorrat.read(TUTORIAL)).save(tmp_path)
    assert run_command_line(["details", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pyarrow", "xarray"])
def test_missing_libraries_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from optimizer.report.render import data_frames

    monkeypatch.setattr(data_frames, "find_spec", lambda module: None)
    frame = vorrat.solve(vorrat.read(TUTORIAL)).by_state(["year"])
    with pytest.raises(vorrat.Misuse, match=f"{name}, which is not installed: pip install"):
        frame.to_xarray() if name == "xarray" else data_frames.render_frame(frame, ".parquet")


@pytest.mark.parametrize("damage", [100_000, 90_000])
def test_ties_between_consumers_are_noted(
    damage: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = case(consumers={"industry": {}, "army": {}})
    raw["demand"].append(raw["demand"][0] | {"consumer": "army"})
    own = raw["damage"][0] | {"consumer": "army", "steps": [{"share": 1, "eur_per_t": damage}]}
    raw |= {"damage": [*raw["damage"], own], "supply": [CHINA[0] | {"share": 0.5}]}
    plan = vorrat.solve(vorrat.read(raw))
    plan.save(tmp_path)
    depends_on_order = damage == 100_000
    assert ("depend on this order" in plan.tables["by-consumer"].attrs["note"]) is depends_on_order
    for by, is_noted in (("consumer", depends_on_order), ("year", False)):
        assert run_command_line(["details", str(tmp_path), "--by", by]) == 0
        assert ("depend on this order" in capsys.readouterr().err) is is_noted
