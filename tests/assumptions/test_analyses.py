"""Analyses of plans over sets of assumptions, and their reports on every set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from review_cases import SEEN, lasting_cut
from small import Raw, near
from two_sets import MISSING, sampled, two_sets

import vorrat
from models.files import read_case_text
from models.files.reading import cases_by_assumption_set
from models.results import Comparison, Disagreement, Evaluation, Frontier, Plan
from models.scenario.case import Case
from optimizer.analyses.analysis_options import AssumptionsOptions
from optimizer.analyses.assumption_dependence.cross_evaluation import cross_evaluate_sets
from optimizer.analyses.plan.damage import describe_disputes
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.analyses.shared_wording import agreement_sentences, best_plan_by_set
from optimizer.cli import run_command_line
from optimizer.errors import Misuse
from optimizer.report.document import Bullets, Table
from optimizer.report.wording import Wording
from optimizer.solve.checked_solution import ReferenceOptimum, input_hash
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan


def disagreed(raw: Raw, over: Any = None) -> Disagreement:
    reading = read_case_text(yaml.safe_dump(raw))
    found, _ = cross_evaluate_sets(reading, AssumptionsOptions(over=over, gap=0.0))
    return found


@pytest.mark.parametrize("over", ["mean", "worst", "regret"])
def test_the_square_of_regrets(over: str) -> None:
    """What each plan leaves missing of ore and of tin, above 0 and 6."""
    found = disagreed(two_sets(None), over)
    regrets = {plan.of: [one.regret for one in plan.under.values()] for plan in found.plans}
    assert regrets["ore_hurts"] == near([0, 6])
    assert regrets["tin_hurts"] == near([20, 0])
    works = {"mean": "first", "worst": "even", "regret": "between"}[over]
    assert found.compromise is not None
    assert list(found.compromise.projects) == [works]
    ore, tin = MISSING[works]
    assert [one.regret for one in found.compromise.under.values()] == near([ore, tin - 6])
    assert found.over == over
    assert found.ended == "complete"


def test_experts_do_not_differ_where_the_plan_of_one_is_best_for_both() -> None:
    """Within its gap the search for an expert may end with a plan that is worse for him than the
    one that was found for another."""
    found = disagreed(two_sets(None))
    assert [list(plan.projects) for plan in best_plan_by_set(found).values()] == [
        ["first"],
        ["second"],
    ]
    first, second = found.plans
    under = {
        id: reported.model_copy(update={"regret": 0.0}) for id, reported in first.under.items()
    }
    worse = second.under["tin_hurts"].model_copy(update={"regret": 0.01})
    second = second.model_copy(update={"under": {**second.under, "tin_hurts": worse}})
    first = first.model_copy(update={"under": under})
    found = found.model_copy(update={"plans": (first, second)})
    assert [list(plan.projects) for plan in best_plan_by_set(found).values()] == [
        ["first"],
        ["first"],
    ]
    said = " ".join(agreement_sentences(Wording(found)))
    assert "all build first. They differ in no project" in said
    assert "the plan of “ore_hurts” is better for “tin_hurts” than its own" in said


def test_no_regret_is_negative_where_the_search_of_an_expert_left_room() -> None:
    """Best plans that were found are 50 and 50; the plan for both is better for each of them, and
    becomes what regret is taken from."""
    problem = Problem.from_case(Case.model_validate(two_sets("regret")))
    loose = replace(
        problem, reference_optima=(ReferenceOptimum(50.0, 0.0), ReferenceOptimum(50.0, 0.0))
    )
    found = solve_and_certify(loose, gap=0.0)
    reported = found.to_plan()
    assert found.objective == reported.certificate.objective == 0.0
    assert [own.regret for own in reported.under] == [0.0, 0.0]
    assert all(own.best is not None and own.best < 50 for own in reported.under)


def test_regrets_are_reported_from_the_plan_for_all_where_it_is_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """-4 stood in the square before, for a compromise that is better within the gap."""
    beaten = (ReferenceOptimum(9.0, 0.0), ReferenceOptimum(10.0, 0.0))
    monkeypatch.setattr(
        "optimizer.analyses.assumption_dependence.cross_evaluation.best_reference_optima",
        lambda *_: beaten,
    )
    found = disagreed(two_sets(None), "worst")
    assert found.compromise is not None
    regrets = [reported.regret for reported in found.compromise.under.values()]
    assert min(reported.regret for plan in found.all_plans for reported in plan.under.values()) >= 0
    assert min(regrets) == 0


def argued_of(raw: Raw) -> str:
    """What the page on a scenario's plan says of what experts would do."""
    found, made = disagreed(raw), solve_to_plan(Case.model_validate(raw), gap=0.0)
    return " ".join(describe_disputes(PlanWording(made), found))


def test_where_all_experts_would_do_otherwise() -> None:
    raw = two_sets(None)
    raw["assumptions"]["ore_hurts"]["set"] = raw["assumptions"]["tin_hurts"]["set"]
    said = argued_of(raw)
    assert "projects (1), the best plans of 2 sets of assumptions all build 0." in said
    assert "All of them build in addition: second. None of them builds: first." in said
    assert "dispute" not in said
    assert "proven to 0\xa0% of its objective" in said


@pytest.mark.slow
def test_a_plan_that_is_left_to_a_review_is_built() -> None:
    raw = lasting_cut(SEEN)
    raw["assumptions"] = {id: {"weight": 0.5, "set": {}} for id in ("one", "two")}
    said = argued_of(raw)
    assert "projects (1), the best plans of 2 sets of assumptions all build 1. Each" in said


@pytest.mark.slow
def test_one_expert_is_no_agreement() -> None:
    found = disagreed(two_sets(None))
    found = found.model_copy(update={"plans": found.plans[:1], "compromise": None})
    made = solve_to_plan(Case.model_validate(two_sets(None)), gap=0.0)
    said = ["Stopped early: the best plans of 1 of 2 sets of assumptions were found."]
    assert list(describe_disputes(PlanWording(made), found)) == said
    assert list(agreement_sentences(Wording(found))) == []
    alone = found.model_copy(update={"sets": found.sets[:1], "compromise": found.plans[0]})
    (answer, *parts) = build_result_document(made, disagreement=alone).answer
    assert isinstance(answer, str)
    assert not isinstance(parts[0], Bullets)


@pytest.mark.slow
def test_a_plan_that_beats_the_best_of_an_expert_is_his() -> None:
    raw = two_sets(None)
    found, made = disagreed(raw), solve_to_plan(Case.model_validate(raw), gap=0.0)
    worse = {
        id: one.model_copy(update={"objective": 99.0}) for id, one in found.plans[1].under.items()
    }
    plans = found.plans[0], found.plans[1].model_copy(update={"under": worse})
    said = " ".join(describe_disputes(PlanWording(made), found.model_copy(update={"plans": plans})))
    assert "all build 1. Each" in said


def test_which_figures_decide() -> None:
    """Were ore as dear to it as in the file, who sees tin hurt alone would lose 11 by its own plan,
    which leaves 20 t of ore missing and 6 of tin, where the compromise leaves 5 and 10."""
    found = disagreed(two_sets(None), "regret")
    reported = {(one.of, one.figures): (one.gain, one.gain_without) for one in found.deciding}
    assert reported["tin_hurts", "damage.0"] == near([4, -11])
    assert reported["tin_hurts", "damage.1"] == near([4, 4])


def test_the_compromise_is_what_the_file_asks_for() -> None:
    found = disagreed(two_sets("worst"))
    assert found.over == "worst"
    assert disagreed(two_sets(None)).over == "mean"


def test_a_rule_that_a_plan_breaks_under_a_set_is_reported() -> None:
    """Ten million are enough for the works by one set, and not by the other."""
    raw = two_sets(None)
    raw["funders"]["fund"]["budget_meur"] = 5.0
    raw["assumptions"]["tin_hurts"]["set"]["funders.fund.budget_meur"] = 0.5
    found = disagreed(raw)
    own = {plan.of: plan for plan in found.plans}
    assert own["ore_hurts"].under["tin_hurts"].broken_rules
    assert not own["tin_hurts"].under["ore_hurts"].broken_rules
    tables = [part for section in build_result_document(found).sections for part in section.parts]
    (regrets,) = (
        part for part in tables if isinstance(part, Table) and part.name == "experts_regret"
    )
    assert len(regrets.rows) == 3


def test_no_sets_no_disagreement() -> None:
    raw = two_sets(None)
    del raw["assumptions"]
    with pytest.raises(Misuse, match="no sets of assumptions"):
        disagreed(raw)


@pytest.mark.parametrize("over", ["mean", "worst", "regret"])
def test_a_saved_plan_comes_back_as_it_was(over: str) -> None:
    """All figures agree when they are recomputed under all sets."""
    made = solve_to_plan(Case.model_validate(sampled(over)))
    again = load_saved_plan(Plan.model_validate_json(made.model_dump_json()))
    assert again.solution.objective == near(made.certificate.objective)
    assert [one.expected for one in again.solution.to_plan().under] == near(
        [one.expected for one in made.under]
    )


def test_each_set_has_states_of_its_own() -> None:
    made = solve_to_plan(Case.model_validate(sampled("mean")))
    assert made.certificate.states == 400
    first, second = made.under
    assert second.without_plan.expected > 2 * first.without_plan.expected
    assert first.expected == near(made.outcome.expected)
    weighed = 0.6 * first.objective + 0.4 * second.objective
    assert made.certificate.objective == near(weighed)


def test_a_set_is_what_it_is_by_itself() -> None:
    """The outcome under a set is that of the scenario that the set makes."""
    raw = sampled("mean")
    made = solve_to_plan(Case.model_validate(raw))
    alone = cases_by_assumption_set(Case.model_validate(raw))["often"]
    own = solve_to_plan(alone)
    reported = made.under[1].without_plan
    assert reported.expected == near(own.outcome.without_plan.expected)
    assert made.under[1].objective >= own.certificate.objective * (1 - 1e-4)


@pytest.mark.slow
def test_evaluation_tells_each_set_on_fresh_states(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(sampled("mean")), encoding="utf-8")
    saved = str(tmp_path / "out")
    assert run_command_line(["solve", str(file), "--out", saved, "--quiet"]) == 0
    assert run_command_line(["evaluate", saved, "--states", "400", "--out", saved, "--quiet"]) == 0
    found = Evaluation.model_validate_json(Path(saved, "evaluation.json").read_bytes())
    filed, often = found.under
    assert (filed.id, often.id) == ("as_filed", "often")
    assert filed.with_plan.expected.value == near(found.fresh.with_plan.expected.value)
    assert often.without_plan.expected.value > 2 * filed.without_plan.expected.value
    assert found.gap is None


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("over", ["mean", "regret"])
def test_a_frontier_over_sets(over: str, tmp_path: Path) -> None:
    """Each point is the plan over sets at its budget."""
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(sampled(over, 100)), encoding="utf-8")
    found = vorrat.frontier(vorrat.read(file), values=[0, 6, 12])
    result = found.result
    assert isinstance(result, Frontier)
    for point in result.points:
        settings = [f"policy.budget_meur={point.value}"]
        at = read_case_text(yaml.safe_dump(sampled(over, 100)), settings=settings).case
        assert point.objective is not None
        assert abs(point.objective - solve_to_plan(at).certificate.objective) <= 1e-3
        assert point.expected_bound is None
        assert point.expected_under["as_filed"] == near(point.expected or 0.0)
        assert point.expected_under["often"] > point.expected_under["as_filed"]
    tables = [one for section in build_result_document(result).sections for one in section.parts]
    (under,) = (one for one in tables if isinstance(one, Table) and one.name == "under")
    assert len(under.columns) == 3


def test_a_plan_of_a_higher_budget_names_the_scenario_of_the_lower(tmp_path: Path) -> None:
    """The fund has 10, so the plan at 30 is the best at 20. The second set changes nothing."""
    raw = sampled("mean", 100)
    raw["assumptions"] = dict(reversed(raw["assumptions"].items()))
    raw["assumptions"]["often"]["set"]["stockpiles.reserve.storage_eur_per_t_year"] = 5_000
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    found = vorrat.frontier(vorrat.read(file), values=[20, 30])
    assert isinstance(found.result, Frontier)
    assert found.result.points[0].plan_of == 30
    for value in ("20", "30"):
        plan = found.plans[value].result
        case = plan.case
        assert case is not None
        assert case.policy.budget_meur == float(value)
        assert plan.certificate.input_sha256 == input_hash(case)
        assert plan.outcome.expected == plan.under[1].expected
        assert plan.outcome.net_cost_meur == plan.under[1].net_cost_meur


@pytest.mark.parametrize("command", ["sensitivity", "split"])
def test_other_analyses_refuse_plans_over_sets(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(sampled("mean", 20)), encoding="utf-8")
    assert run_command_line([command, str(file), "--quiet", "--language", "en"]) == 2
    assert "over_assumptions=null" in capsys.readouterr().err


def test_a_comparison_tells_each_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, raw = tmp_path / "case.yaml", sampled(None, 60)
    raw["variants"] = {"none": {"set": {"funders.fund.budget_meur": 0}}}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    out = tmp_path / "out"
    assert run_command_line(["compare", str(file), "--variants", "--out", str(out), "--quiet"]) == 0
    assert "Under each set of assumptions" in capsys.readouterr().out
    found = Comparison.model_validate_json((out / "comparison.json").read_bytes())
    for option in found.options:
        plan = Plan.model_validate_json((out / "plans" / option.label / "plan.json").read_bytes())
        assert [own.expected for own in option.under] == [own.expected for own in plan.under]
        assert [own.title.en for own in option.under] == ["As filed", "Often"]


@pytest.mark.slow
def test_a_report_lists_decisions_common_to_all_sets(tmp_path: Path) -> None:
    """The first page and a separate section contain it."""
    file, out = tmp_path / "case.yaml", str(tmp_path / "out")
    file.write_text(yaml.safe_dump(two_sets(None)), encoding="utf-8")
    assert run_command_line(["solve", str(file), "--out", out, "--quiet"]) == 0
    assert (
        run_command_line(["assumptions", str(file), "--over", "regret", "--out", out, "--quiet"])
        == 0
    )
    assert run_command_line(["report", out, "--language", "en"]) == 0
    page = Path(out, "report.html").read_text(encoding="utf-8")
    first, _, rest = page.partition('id="projects"')
    assert "(1), the best plans of 2 sets of assumptions all build 0." in first
    assert "In dispute: first and second." in first
    assert "What experts disagree on" in rest
    assert "Under 2 sets of assumptions" in first


@pytest.mark.slow
def test_the_command_writes_the_files_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(sampled(None, 50)), encoding="utf-8")
    out = tmp_path / "out"
    words = ["assumptions", str(file), "--over", "regret", "--out", str(out), "--quiet"]
    assert run_command_line([*words, "--language", "de"]) == 0
    assert "Ein Plan für alle" in capsys.readouterr().out
    kind = json.loads((out / "disagreement.json").read_bytes())["kind"]
    plans = sorted(path.parent.name for path in out.glob("sets/*/plan.json"))
    assert (kind, plans) == ("disagreement", ["as_filed", "compromise", "often"])


@pytest.mark.slow
def test_a_workbook_holds_sets(tmp_path: Path) -> None:
    """And gives them back."""
    file = tmp_path / "case.yaml"
    raw = sampled("mean")
    raw["assumptions"]["often"]["set"]["demand.0.t_per_year"] = {"value": 120, "note": "more"}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    book = str(tmp_path / "case.xlsx")
    assert run_command_line(["init", book, "--excel", "--from", str(file)]) == 0
    read = vorrat.read(book).case
    assert read.assumptions == vorrat.read(file).case.assumptions
    assert read.objective.over_assumptions == "mean"
