"""Every analysis of a whole chain, in both allocations: it runs, and what must hold of it holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import is_whole_in_all_media
from mine_to_magnet import mine_to_magnet
from small import near

import vorrat
from models.language import Language
from models.results import Evaluation, Plan
from models.scenario.references import Case
from optimizer.analyses.analysis_options import parse_events
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import run_command_line
from optimizer.solve import planner

pytestmark = pytest.mark.quick(1)
GAP = 1e-6


@dataclass
class Whole:
    """The chain in one allocation."""

    path: Path

    @cached_property
    def scenario(self) -> vorrat.Scenario:
        return vorrat.read(self.path)

    @cached_property
    def solved(self) -> vorrat.Found[Plan]:
        return vorrat.solve(self.scenario, gap=GAP)

    @property
    def plan(self) -> Plan:
        return self.solved.result

    @cached_property
    def judged(self) -> Evaluation:
        asked = {"replications": 2, "wait_and_see": 4, "gap": GAP}
        return vorrat.evaluate(self.solved, states=200, **asked).result

    def analysed(self, name: str, **options: Any) -> Any:
        """What an analysis finds, of the plan where it takes one."""
        given = self.scenario if ANALYSES_BY_NAME[name].input_kind == "scenario" else self.solved
        return vorrat.analyse(name, given, **options).result


@pytest.fixture(scope="module", params=["pooled", "entitled"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    raw = mine_to_magnet(request.param, states=10)
    raw["horizon"]["last_year"] = 2028
    path = tmp_path_factory.mktemp(request.param) / "chain.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return Whole(path)


def test_a_plan_of_the_whole_chain_is_worth_solving_for(whole: Whole) -> None:
    """It builds at two stages, stocks two forms, and leaves damage of both that are demanded."""
    found = whole.plan
    assert len(found.projects) >= 2
    assert {stock.id for stock in found.stockpiles} == {"oxide_store", "magnet_store"}
    damage = {one.id: one.expected for one in found.materials}
    assert damage["magnet"] > 0 == damage["ore"]


@pytest.mark.slow
def test_evaluate(whole: Whole) -> None:
    found = whole.judged
    fresh, known = found.fresh, found.information
    for parts in (fresh.materials, fresh.consumers):
        assert sum(one.expected for one in parts) == near(fresh.with_plan.expected.value)
    total = fresh.with_plan.expected.value
    for rule in found.rules:
        assert rule.above_foresight.value >= -1e-9
        assert rule.performance.expected.value == near(total + rule.above_foresight.value)
        assert sum(one.expected for one in rule.materials) == near(rule.performance.expected.value)
        for one in rule.materials:
            assert one.expected >= 0
    assert known is not None
    assert found.gap is not None
    best = known.recourse_problem
    assert known.wait_and_see.low <= best.high
    assert known.mean_value_problem.low <= best.high
    assert known.mean_plan >= best.low
    assert all(one.gap >= -GAP * abs(one.bound) for one in found.gap.replications)
    assert known.evpi.high >= 0


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_an_evaluation_tells_of_the_rule(
    whole: Whole, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(whole.judged, language, untranslated)


def test_stress_adds_up(whole: Whole) -> None:
    found = whole.analysed("stress", events=parse_events(("ban 2026",)))
    assert found.damage["plan"] <= found.damage["market"]
    for at in found.cases:
        for parts in (found.materials, found.consumers):
            assert sum(one.damage[at] for one in parts) == near(found.damage[at])
        made: dict[str, float] = {}
        for one in found.plants:
            made[one.output] = made.get(one.output, 0.0) + sum(one.made_t[at])
        for one in found.materials:
            direct = sum(one.delivered_t[at]) + sum(one.made_t[at])
            assert direct >= made.get(one.id, 0.0) - 1e-5
            released = sum(s.released_t[at] for s in found.stocks if s.material == one.id)
            assert sum(one.released_t[at]) == pytest.approx(released, abs=1e-5)


@pytest.mark.slow
def test_explain(whole: Whole) -> None:
    """No other decision is better, and selected decisions are reported."""
    found = whole.analysed("explain", values=False, gap=GAP)
    own = whole.plan
    assert found.objective == near(own.certificate.objective)
    chosen = {one.id for one in found.items if one.chosen and one.kind == "project"}
    assert chosen == {project.id for project in own.projects}
    regrets = [one.regret for one in found.items if one.regret is not None]
    assert regrets
    for one in regrets:
        if one.high is not None:
            assert one.high >= -GAP * abs(found.objective)
            assert one.damage + one.cost == near(one.objective - found.objective)


@pytest.mark.slow
def test_alternatives(whole: Whole) -> None:
    found = whole.analysed("alternatives", count=3, assumptions=False, gap=GAP)
    assert found.alternatives
    for one in found.alternatives:
        assert found.bound - 1e-6 <= one.plan.objective <= found.limit + 1e-6


@pytest.mark.slow
def test_a_batch_finds_the_points_of_a_frontier(whole: Whole, tmp_path: Path) -> None:
    values = [0.0, 10.0, 30.0]
    drawn = vorrat.frontier(whole.scenario, values=values, gap=GAP).result
    found = [point.objective for point in drawn.points]
    assert found == sorted(found, reverse=True)
    path, out = whole.path, tmp_path / "out"
    asked = [
        "batch", str(path), "--out", str(out), "--gap", str(GAP),
        "--grid", "funders.state.budget_meur=0,10,30",
    ]  # fmt: skip
    assert run_command_line(asked) == 0
    batch = yaml.safe_load((out / "batch.json").read_text(encoding="utf-8"))
    assert [one["objective"] for one in batch["runs"]] == [
        pytest.approx(value, rel=1e-5) for value in found
    ]


@pytest.mark.slow
def test_target(whole: Whole) -> None:
    half = whole.plan.outcome
    goal = (half.without_plan.expected + half.expected) / 2
    found = whole.analysed("target", below=goal)
    assert found.status == "proven"
    assert found.plan is not None
    assert found.plan.outcome.expected <= goal + 1e-6
    assert 0 < found.feasible_at <= 30


@pytest.mark.slow
def test_sensitivity(whole: Whole) -> None:
    found = whole.analysed("sensitivity", gap=GAP, only=("hazards", "demand"), steps=0)
    assert found.own.objective == near(whole.plan.certificate.objective)
    for one in found.inputs:
        for point in (one.low, one.high):
            assert point.best is not None
            assert point.broken or point.own.objective >= point.best.objective.low - 1e-6


@pytest.mark.slow
def test_split(whole: Whole) -> None:
    found = whole.analysed("split", gap=GAP, jobs=1)
    for rule in found.rules:
        assert sum(one.gain.value for one in rule.members.values()) == near(found.worth.value)
    assert sum(found.plan.damage.values()) >= 0
    whole = max(found.coalitions, key=lambda one: len(one.members))
    assert whole.worth.high >= -1e-6
    for one in found.coalitions:
        assert one.bound <= one.found + 1e-6


@pytest.mark.slow
def test_participate(whole: Whole) -> None:
    found = whole.analysed(
        "participate", company="car_maker", steps=2, refine=0, public=1, ranges=False, gap=GAP
    )
    assert found.alone.total <= found.without_plan.total + 1e-6
    first = found.curves[0]
    assert first.points
    for point in first.points:
        if point.standing is not None:
            avoided = found.without_plan.expected - point.standing.expected
            assert point.avoided == near(avoided)


def test_compare(whole: Whole) -> None:
    poorer = whole.scenario.changed("funders.state.budget_meur=10")
    found = vorrat.compare(whole.solved, poorer, gap=GAP).result
    rich, poor = found.options
    (moved,) = found.differences
    assert rich.proof.objective == near(whole.plan.certificate.objective)
    assert poor.proof.objective >= rich.proof.objective - 1e-6
    assert sum(part.damage for part in moved.by_material) == near(moved.expected)
    assert sum(moved.by_consumer.values()) == near(moved.expected)


@pytest.mark.slow
def test_single_and_grand_coalitions_equal_separate_scenarios(tmp_path: Path) -> None:
    """What a company attains alone is the optimum where nobody else pays or suffers; what all do
    together is that of the scenario, where every consumer is some company's."""
    raw = mine_to_magnet("entitled", states=10)
    raw["horizon"]["last_year"] = 2028
    raw["consumers"]["glass"]["company"] = "turbine_maker"
    raw["funders"]["car_maker"] |= {"budget_meur": 60}
    raw["funders"]["car_maker"]["instruments"]["equity"]["max_share"] = 1.0
    oxide = raw["stockpiles"][0] | {"id": "own", "serves": ["cars"], "paid_by": {"car_maker": 1}}
    raw["stockpiles"].append(oxide | {"max_t": 60})
    raw["objective"] = {"allocation": "entitled", "cost_weight": 1.0}
    path = tmp_path / "chain.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    found = vorrat.analyse("split", vorrat.read(path), mode="every", gap=GAP).result
    assert found.plan.objective == near(best(raw))
    found = vorrat.analyse("split", vorrat.read(path), mode="none", gap=GAP).result
    free = [{"share": 1, "eur_per_t": 0}]
    raw["damage"] += [
        {"material": m, "consumer": u, "steps": free}
        for u, m in (("wind", "magnet"), ("glass", "oxide"))
    ]
    for other in ("state", "turbine_maker"):
        raw["funders"][other]["budget_meur"] = 0
    alone = {player.id: player.alone.value for player in found.players}
    idle = {player.id: player.without_plan for player in found.players}
    assert alone["car_maker"] == near(best(raw))
    assert alone["car_maker"] < idle["car_maker"] - 1


def best(raw: Any) -> float:
    return planner.solve_to_plan(Case.model_validate(raw), gap=GAP).certificate.objective
