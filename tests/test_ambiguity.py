"""The least favorable probabilities in an ambiguity set around those of the states."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from both_methods import by_both
from plan_workbooks import workbook_of_plan
from random_cases import Raw, small_case, treasury_case
from random_reviews import drawn_with_review, drawn_with_sets_and_review
from random_worlds import world_case
from review_cases import SEEN, lasting_cut
from scipy.optimize import linprog, minimize
from small import near
from spreadsheets import results

from models.files import read_case_text
from models.scenario.case import Case
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.plan_evaluation import evaluate_plan
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible, Misuse
from optimizer.model.risk_measure import (
    ModifiedChiSquareMean,
    worst_case_chi_square,
    worst_case_total_variation,
)
from optimizer.page.scenario_store import Question
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan, with_reference_optima

KINDS = ("total_variation", "modified_chi_square")
DRAWS: dict[str, Any] = {"small": small_case, "treasury": treasury_case, "world": world_case}


def ambiguity_set(kind: str, radius: float) -> Raw:
    return {"kind": kind, "radius": radius}


def some_states(seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilities, one of which may be zero, damages with ties, and a radius."""
    drawn = np.random.default_rng(seed)
    chance = drawn.dirichlet(np.ones(int(drawn.integers(1, 7))))
    if len(chance) > 2 and seed % 5 == 0:
        chance[0] = 0
        chance /= chance.sum()
    damage = np.round(10 * drawn.normal(size=len(chance)), int(drawn.integers(0, 3)))
    return chance, damage, float(drawn.choice([0, 0.1, 0.5, 0.9, 1.0, 2.5]))


@pytest.mark.parametrize("seed", range(40))
def test_no_probabilities_in_the_ball_are_worse(seed: int) -> None:
    """By a linear program, and by a general method that climbs."""
    chance, damage, radius = some_states(seed)
    some = chance > 0
    p, x = chance[some], damage[some]
    count = len(p)
    found = worst_case_total_variation(chance, damage, radius)
    apart = np.block([[np.eye(count), -np.eye(count)], [-np.eye(count), -np.eye(count)]])
    rows = np.vstack([apart, np.concatenate([np.zeros(count), np.ones(count)])])
    solved = linprog(
        np.concatenate([-x, np.zeros(count)]),
        rows,
        np.concatenate([p, -p, [2 * radius]]),
        np.concatenate([np.ones(count), np.zeros(count)])[None],
        [1.0],
    )
    assert found.sum() == near(1)
    assert float(found @ damage) == pytest.approx(-solved.fun, abs=1e-7)
    found = worst_case_chi_square(chance, damage, radius)
    assert found.sum() == near(1)
    assert found.min() >= 0
    assert float(((found[some] - p) ** 2 / p).sum()) <= radius**2 + 1e-8
    climbed = minimize(
        lambda q: -(q @ x),
        p,
        bounds=[(0, 1)] * count,
        constraints=[
            {"type": "eq", "fun": lambda q: q.sum() - 1},
            {"type": "ineq", "fun": lambda q: radius**2 - ((q - p) ** 2 / p).sum()},
        ],
        method="SLSQP",
        options={"maxiter": 300, "ftol": 1e-12},
    )
    if climbed.success:
        assert -climbed.fun <= float(found @ damage) + 1e-5


@pytest.mark.quick(every=5)
@pytest.mark.parametrize(
    ("kind", "radius", "objective"),
    [
        # Half of 20 without the works, which cost 6 and leave half of 10: they are left.
        ("total_variation", 0.0, 10.0),
        ("modified_chi_square", 0.0, 10.0),
        # The cut at 0.7: 14 without the works, and 6 and 7 with them.
        ("total_variation", 0.2, 13.0),
        ("modified_chi_square", 0.4, 13.0),
        # The worst state alone: 6 and 10.
        ("total_variation", 1.0, 16.0),
        ("modified_chi_square", 3.0, 16.0),
    ],
)
@pytest.mark.parametrize("method", ["auto", "decomposition"])
def test_by_hand(kind: str, radius: float, objective: float, method: Any) -> None:
    raw = lasting_cut()
    raw["objective"]["ambiguity"] = ambiguity_set(kind, radius)
    found = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)
    assert found.certificate.objective == near(objective)
    assert [p.id for p in found.projects] == ([] if objective == 10 else ["works"])
    assert found.outcome.expected == near(10 if objective == 10 else 5)
    assert found.outcome.worst_mean == near(objective - (0 if objective == 10 else 6))
    reported = [row[-1] for row in results(workbook_of_plan(found))["Checks"].values if row]
    assert "DOES NOT ADD UP" not in reported
    build_result_document(found)


def test_beside_the_worst_states_and_a_review() -> None:
    """In each its weight: 0.75 · (0.7 of 10) and 0.25 · 10, and 0.5 · 6 where the cut is seen."""
    raw = lasting_cut(SEEN)
    raw["objective"] |= {"ambiguity": ambiguity_set("total_variation", 0.2)}
    raw["objective"]["cvar"] = {"level": 0.75, "weight": 0.25}
    for method in ("extensive", "decomposition"):
        found = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)  # type: ignore[arg-type]
        assert found.certificate.objective == near(0.75 * 7 + 0.25 * 10 + 3)


def drawn(kind: str, seed: int) -> Raw:
    """Sets, a review, both or neither."""
    if seed % 3 == 0:
        over = ("mean", "worst", "regret")[seed // 3 % 3]
        return drawn_with_sets_and_review(kind, seed, DRAWS[kind], over)
    raw = drawn_with_review(kind, seed, DRAWS[kind])
    if seed % 3 == 1:
        raw.pop("review")
    return raw


@pytest.mark.quick(every=29, ci=13)
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", range(20))
def test_both_methods_find_one_optimum(kind: str, seed: int) -> None:
    raw = drawn(kind, 900 + seed)
    radius = (0.0, 0.1, 0.3, 0.7, 1.5)[seed % 5]
    raw.setdefault("objective", {})["ambiguity"] = ambiguity_set("total_variation", radius)
    try:
        problem = with_reference_optima(Problem.from_case(Case.model_validate(raw)), gap=1e-7)
    except Infeasible:
        return
    by_both(problem, 1e-6)


@pytest.mark.slow
@pytest.mark.quick(every=31, ci=11)
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", range(14))
def test_a_larger_ambiguity_set_is_no_better(kind: str, seed: int) -> None:
    """From the mean by the states to the worst of them, each proven. An ambiguity set of
    chi-square lies in that of total variation of half its radius (Cauchy and Schwarz)."""
    raw = drawn(kind, 901 + 3 * seed)  # by themselves
    objectives = []
    try:
        for kind_of, radius in [("modified_chi_square", r) for r in (0.0, 0.3, 1.0, 50.0)]:
            raw.setdefault("objective", {})["ambiguity"] = ambiguity_set(kind_of, radius)
            found = solve_and_certify(
                Problem.from_case(Case.model_validate(raw)), gap=1e-6, damage_only=True
            )
            assert found.certificate.status == "optimal"
            objectives.append(found.objective)
        raw["objective"]["ambiguity"] = ambiguity_set("total_variation", 1.0)
        worst = solve_and_certify(
            Problem.from_case(Case.model_validate(raw)), gap=1e-6, damage_only=True
        ).objective
        raw["objective"]["ambiguity"] = ambiguity_set("total_variation", 0.15)
        wider = solve_and_certify(
            Problem.from_case(Case.model_validate(raw)), gap=1e-6, damage_only=True
        ).objective
        raw["objective"].pop("ambiguity")
        plain = solve_and_certify(
            Problem.from_case(Case.model_validate(raw)), gap=1e-6, damage_only=True
        ).objective
    except Infeasible:
        return
    slack = 1e-5 * max(1.0, *map(abs, objectives))
    assert objectives[0] == pytest.approx(plain, abs=slack)
    assert all(a <= b + slack for a, b in itertools.pairwise(objectives))
    assert objectives[-1] <= worst + slack
    # Half the sum of |q - p| is at most half the root of Σ (q - p)² / p.
    assert objectives[1] <= wider + slack


def test_the_ball_that_no_linear_program_has() -> None:
    raw = lasting_cut()
    raw["objective"]["ambiguity"] = ambiguity_set("modified_chi_square", 0.4)
    with pytest.raises(Misuse, match="use decomposition"):
        solve_to_plan(Case.model_validate(raw), method="extensive")


def test_it_is_evaluated_on_fresh_states_and_refused_by_other_analyses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = lasting_cut()
    raw["objective"]["ambiguity"] = ambiguity_set("total_variation", 0.2)
    saved = load_saved_plan(solve_to_plan(Case.model_validate(raw), gap=0.0))
    found = evaluate_plan(saved, EvaluateOptions(states=100))
    assert found.fresh.objective.value == near(13)
    assert found.gap is None
    file = tmp_path / "ball.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    for command in ("sensitivity", "alternatives", "split"):
        assert run_command_line([command, str(file), "--language", "en"]) == 2
        assert "ambiguous probabilities" in capsys.readouterr().err
    asked, made = Question("ball").apply_to(read_case_text(yaml.safe_dump(raw)))
    assert asked.case.objective.ambiguity is None
    assert made == {"objective.ambiguity": "null"}


# A published value: SDDP.jl's test of its example of two hydro dams (docs/src/examples/
# hydro_valley.jl, version 1.11), three stages with three inflows each, whose worst means are taken
# stage by stage: 835 at the radius at which only the worst is left, 836.695 at 1/6, 838.33 without.

KNOTS = np.array([50.0, 60.0, 70.0])
POWER = np.array([55.0, 65.0, 70.0])
INFLOWS = np.array([[0.0, 20.0, 50.0], [0.0, 0.0, 20.0]])
PRICES = (1.0, 2.0, 3.0)
FULL = 200.0


def operate(
    stage: int, levels: np.ndarray, inflow: np.ndarray, cuts: list[tuple[float, np.ndarray]]
) -> tuple[float, np.ndarray, np.ndarray]:
    """The least cost of a stage and those after it, as cuts know them: that, the levels that are
    left, and what a unit more at its beginning is worth."""
    # Levels at the end, spill, inflow that is used, six shares of dispatch, cost of later stages.
    cost = np.concatenate([[0, 0, 1000, 1000, 0, 0], *[-PRICES[stage] * POWER] * 2, [1.0]])
    flow = [np.concatenate([KNOTS, np.zeros(3)]), np.concatenate([np.zeros(3), KNOTS])]
    first = np.concatenate([[1, 0, 1, 0, -1, 0], flow[0], [0.0]])
    second = np.concatenate([[0, 1, -1, 1, 0, -1], flow[1] - flow[0], [0.0]])
    dispatch = np.zeros((2, 13))
    dispatch[0, 6:9] = dispatch[1, 9:12] = 1.0
    rows, sides = [*dispatch], [1.0, 1.0]
    for constant, slope in cuts:  # later cost is at least constant + slope · levels
        rows.append(np.concatenate([slope, np.zeros(10), [-1.0]]))
        sides.append(-constant)
    bounds = [(0, FULL)] * 2 + [(0, None)] * 2 + [(0, most) for most in inflow] + [(0, 1)] * 6
    least = -1e6 if stage < 2 else 0.0
    solved = linprog(
        cost, np.array(rows), sides, np.array([first, second]), levels, [*bounds, (least, None)]
    )
    return float(solved.fun), solved.x[:2], solved.eqlin.marginals


def worth_of_the_valley(radius: float) -> float:
    """By nested cuts, each with the least favorable probabilities of the three inflows."""
    risk = ModifiedChiSquareMean(radius)
    chance = np.ones(3) / 3
    cuts: list[list[tuple[float, np.ndarray]]] = [[], [], []]
    value = -np.inf
    for _ in range(60):
        value, left, _ = operate(0, np.full(2, FULL), INFLOWS[:, 0], cuts[0])
        seconds = [operate(1, left, INFLOWS[:, k], cuts[1])[1] for k in range(3)]
        for stage, points in ((2, seconds), (1, [left])):
            for at in points:
                reported = [operate(stage, at, INFLOWS[:, k], cuts[stage]) for k in range(3)]
                costs = np.array([cost for cost, *_ in reported])
                least = risk.weights(chance, costs)
                slope = np.sum([q * one[2] for q, one in zip(least, reported, strict=True)], axis=0)
                cuts[stage - 1].append((float(least @ costs - slope @ at), slope))
    return -value


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("radius", "published"), [(0.0, 838.33), (np.sqrt(2 / 3) - 1e-6, 835.0), (1 / 6, 836.695)]
)
def test_the_hydro_valley_of_sddp_jl(radius: float, published: float) -> None:
    """Its radius is of the root of Σ (q - p)², which for three inflows is the root of 3 less."""
    assert worth_of_the_valley(np.sqrt(3) * radius) == pytest.approx(published, abs=0.01)
