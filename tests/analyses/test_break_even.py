"""From where on a plan is worth its money: known by hand, and true whatever the case.

Imports of 100 t stop in 2026 with a chance of a half, which costs 10 million EUR: 5 are expected.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from documents import one_line
from frontier_cases import reading
from random_cases import small_case
from review_cases import SEEN, lasting_cut
from small import case as bare, chance_of_cut, cut, near, project, state

import vorrat
from models.results import Comparison, Plan
from optimizer.analyses.break_even import (
    BREAK_EVEN_SETTINGS,
    ScaledQuantity,
    _settings_by_quantity,
    add_break_even,
    stretch_losses,
)
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.cli import run_command_line
from optimizer.model.commitment import net_cost
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan

Raw = dict[str, Any]


def half(*capex: float, **sections: Any) -> Raw:
    """Works that share 100 t, of these costs."""
    works = {f"works_{n}": project(100 / len(capex), cost) for n, cost in enumerate(capex)}
    return bare(**(chance_of_cut(0.5) | {"projects": works} | sections))


def bounds(raw: Raw) -> dict[ScaledQuantity, tuple[float | None, float | None]]:
    found = add_break_even(solve_to_plan(reading(raw).case, gap=1e-9))
    return {one.of: (one.plan, one.any_plan) for one in found.worth_from}


@pytest.mark.parametrize("capex", [2.0, 3.0, 4.0])
def test_the_only_works_are_worth_what_they_save(capex: float) -> None:
    """They avoid 5 f for their cost, whatever f multiplies: a chance, a year lost, or a price."""
    found = bounds(half(capex))
    assert found["damage"] == (near(capex / 5), near(capex / 5))
    for of in ("rate", "duration"):
        own, any_plan = found[of]
        assert own == pytest.approx(capex / 5, rel=0.011)
        assert any_plan == own


def test_the_best_ratio_bounds_any_plan() -> None:
    """Works that avoid half of it for 1, and for 3: 4 / 5 together, 1 / 2.5 for the cheap ones."""
    found = bounds(half(1, 3))
    assert found["damage"] == (near(0.8), near(0.4))
    assert found["rate"][0] == pytest.approx(0.8, rel=0.011)
    assert found["rate"][1] == pytest.approx(0.4, rel=0.011)


@pytest.mark.slow
def test_longer_events_make_more_works_worth_it() -> None:
    """Of a stop that is certain 10 f are lost in a year that is struck for a part f of it.

    Both works cost 4; below 0.5 the cheap ones make all of it good, for 1.
    """
    raw = half(1, 3, **chance_of_cut(1.0))
    found = bounds(raw)
    assert found["duration"][0] == pytest.approx(0.4, rel=0.011)
    assert found["duration"][1] == pytest.approx(0.1, rel=0.03)
    raw["uncertainty"]["states"] = raw["uncertainty"]["states"][1:]
    assert "rate" not in bounds(raw)  # there is no other state to take from


def test_a_plan_that_avoids_too_little_is_not_worth_it_at_any_rate() -> None:
    """Built because it must be: for 60, where 10 are lost at most."""
    found = bounds(half(60, policy={"must_build": ["works_0"]}))
    assert found["damage"][0] == near(12)
    assert found["rate"] == (None, 10)
    assert found["duration"] == (None, 10)


@pytest.mark.slow
def test_rates_of_a_sample_are_multiplied_up_to_one() -> None:
    """With every second chance a year lost: those of 400 states spread evenly."""
    raw = half(4)
    raw["hazards"]["cut"]["annual_probability"] = 0.5
    raw["uncertainty"] = {"sample": {"states": 400, "method": "stratified"}}
    assert bounds(raw)["rate"][0] == pytest.approx(0.8, rel=0.02)
    (setting,) = _settings_by_quantity(reading(raw).case)["rate"](3.0)
    assert setting == "hazards.cut.annual_probability=1"
    raw["hazards"]["cut"]["annual_probability"] = {2026: 0.25, 2030: 0.5}
    (setting,) = _settings_by_quantity(reading(raw).case)["rate"](3.0)
    assert setting == "hazards.cut.annual_probability={2026: 0.75, 2030: 1}"


@pytest.mark.parametrize(
    ("losses", "factor", "longer"),
    [
        ([1.0, 0.5], 1, [1.0, 0.5]),
        ([1.0], 0.5, [0.5]),
        ([1.0], 1.5, [1.0, 0.5]),
        ([0.2, 1.0], 0.5, [0.6]),
        ([1.0, 0.4], 2, [1.0, 1.0, 0.4, 0.4]),
        ([1.0, 0.4], 1.5, [1.0, 0.7, 0.4]),
        ([1.0, 0.4], 0, [0.0]),
    ],
)
def test_losses_are_stretched_in_time(
    losses: list[float], factor: float, longer: list[float]
) -> None:
    """As high as before, and in all the factor times as much."""
    assert stretch_losses(losses, factor) == near(longer)


def test_events_of_profiles_last_longer_too() -> None:
    raw = half(4, hazards=cut([1.0]))
    (effects,) = (raw["hazards"]["cut"].pop("effects"),)
    raw["hazards"]["cut"]["profiles"] = {"long": {"probability": 1.0, "effects": effects}}
    events = [{"hazard": "cut", "start": 2026, "profile": "long"}]
    raw["uncertainty"] = {"states": [state("calm", 0.5), state("cut", 0.5, events=events)]}
    (setting,) = _settings_by_quantity(reading(raw).case)["duration"](0.5)
    assert setting == "hazards.cut.profiles.long.effects.0.loss=[0.5]"
    assert bounds(raw)["duration"][0] == pytest.approx(0.8, rel=0.011)


def test_no_break_even_without_damage_or_cost() -> None:
    assert bounds(half(4, objective={"measure": "tonnes", "cost_weight": 0.0})) == {}
    assert bounds(half(60, objective={"cost_weight": 1.0})) == {}


@pytest.mark.slow
def test_bounds_of_random_cases_are_ordered_and_turn_where_they_say() -> None:
    """Of damage by the extremes of net cost and damage avoided, on both sides of each bound."""
    rng, with_break_even = random.Random(9), 0
    for _ in range(25):
        raw = small_case(rng.choice)
        raw["objective"] = {"cost_weight": rng.choice([0.0, 0.5, 1.0])}
        read = reading(raw)
        try:
            own = solve_and_certify(Problem.from_case(read.case), gap=1e-9).to_plan()
        except vorrat.Infeasible:
            continue
        for one in add_break_even(own).worth_from:
            settings = _settings_by_quantity(read.case)[one.of]
            with_break_even += one.plan is not None and one.plan > 0
            if one.plan is not None and one.any_plan is not None:
                assert one.any_plan <= one.plan * 1.000001
            for factor, sign in ((one.plan, 1), (one.plan and one.plan * 0.985, -1)):
                if factor:
                    assert (
                        sign
                        * gain(own, read.with_settings([*BREAK_EVEN_SETTINGS, *settings(factor)]))
                        >= -1e-6
                    )
            if one.any_plan:
                at = read.with_settings([*BREAK_EVEN_SETTINGS, *settings(one.any_plan)])
                best = solve_and_certify(Problem.from_case(at.case), gap=1e-9)
                without = best.without_plan.expected
                assert best.certificate.bound is not None
                assert best.certificate.bound >= 0.99 * without - 1e-6
    assert with_break_even >= 20


def gain(own: Plan, changed: Any) -> float:
    """What a plan avoids in a changed scenario, less its net cost."""
    from optimizer.model.commitment import Commitment
    from optimizer.solve import outcomes

    problem = Problem.from_case(changed.case)
    made = commitment_from_plan(problem.instance, own)
    reached, without = outcomes.evaluate_commitments(
        problem.instance, problem.states, [made, Commitment()]
    )
    weight = float(changed.case.objective.cost_weight)
    return without.expected - reached.expected - weight * net_cost(problem.instance, made)


@pytest.mark.slow
def test_reports_say_it_in_both_languages() -> None:
    found = add_break_even(solve_to_plan(reading(half(1, 3)).case, gap=1e-9))
    said = one_line(found)
    assert "This plan is worth its money" in said
    assert "a tonne missing costs at least 0.80 times what the scenario says (below" in said
    german = one_line(found, "de")
    assert "Dieser Plan lohnt sich" in german
    assert "mindestens das 0,80-Fache" in german
    assert "(unter dem 0,40-Fachen lohnt sich gar kein Plan)" in german
    side = compare_plans([found, found], ["japan", "other"])
    assert "„japan“ lohnt sich" in one_line(side, "de", plans={"japan": found, "other": found})
    poor = add_break_even(
        solve_to_plan(reading(half(60, policy={"must_build": ["works_0"]})).case, gap=1e-9)
    )
    never = "This plan is not found to be worth its money at up to 10 times the frequency of events"
    assert never in one_line(poor)
    assert "bis zum Zehnfachen nicht" in one_line(poor, "de")


@pytest.mark.slow
def test_commands_take_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "half.json"
    file.write_text(json.dumps(half(4) | {"variants": {"dear": {
        "title": "Dear", "set": {"projects.works_0.capex_meur": 4.5}}}}))  # fmt: skip
    out = tmp_path / "out"
    assert (
        run_command_line(["compare", str(file), "--variants", "--break-even", "--out", str(out)])
        == 0
    )
    assert "“Dear” is worth its money" in " ".join(capsys.readouterr().out.split())
    found = Comparison.model_validate_json((out / "comparison.json").read_text())
    assert [o.worth_from[0].plan for o in found.options] == [near(0.8), near(0.9)]
    assert run_command_line(["solve", str(file), "--break-even", "--json"]) == 0
    assert Plan.model_validate_json(capsys.readouterr().out).worth_from[0].plan == near(0.8)
    scenario = vorrat.read(file)
    assert vorrat.solve(scenario, break_even=True).result.worth_from[0].plan == near(0.8)
    assert run_command_line(["compare", str(out / "plans" / "half"), "--break-even"]) == 2


SETS = {"low": {"weight": 0.5, "set": {"projects.works_0.capex_meur": 4}}}
SETS |= {"high": {"weight": 0.5, "set": {"projects.works_0.capex_meur": 5}}}


@pytest.mark.parametrize(
    ("sections", "refusal"),
    [
        ({"objective": {"ambiguity": {"kind": "total_variation", "radius": 0.1}}}, "ambiguous"),
        ({"assumptions": SETS, "objective": {"over_assumptions": "mean"}}, "sets of assumptions"),
        (lasting_cut(SEEN), "a review"),
    ],
)
def test_unsupported_scenarios_are_refused_by_every_interface(
    sections: Raw, refusal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = half(4) | sections
    file = tmp_path / "half.json"
    file.write_text(json.dumps(raw))
    for command in ("solve", "compare"):
        assert run_command_line([command, str(file), "--break-even"]) == 2
        assert "This analysis does not work" in (one_line := capsys.readouterr().err)
        assert refusal in one_line
    for function in (vorrat.solve, vorrat.compare):
        with pytest.raises(vorrat.Misuse, match=f"This analysis does not work.*{refusal}"):
            function(vorrat.read(file), break_even=True)
