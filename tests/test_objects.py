"""Objects in and out of the Python package: scenarios as mappings, changes by their paths, batches,
callbacks, and types of options."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import vorrat
from optimizer.analyses.batch.document import batch_as_csv
from optimizer.analyses.registry import ANALYSES_BY_NAME

TUTORIAL = Path(__file__).parents[1] / "scenarios" / "tutorial.yaml"


def content() -> dict[str, Any]:
    """The tutorial as nested mappings."""
    found: dict[str, Any] = yaml.safe_load(TUTORIAL.read_text(encoding="utf-8"))
    return found


def messages(changed: Any) -> list[str]:
    return [str(fault) for fault in vorrat.validate(changed)]


@pytest.mark.slow
def test_a_mapping_is_read_as_its_file() -> None:
    of_file, of_mapping = vorrat.read(TUTORIAL), vorrat.read(content())
    plans = [vorrat.solve(x, gap=0).result for x in (of_file, of_mapping)]
    assert plans[0].certificate.input_sha256 == plans[1].certificate.input_sha256
    assert plans[0].outcome == plans[1].outcome
    small = of_mapping.changed({"policy.budget_meur": 5}, variant="small_tickets")
    expected = of_file.changed("policy.budget_meur=5", variant="small_tickets")
    assert (small.case, small.label) == (expected.case, "small_tickets")
    compared = vorrat.compare(of_mapping, variants=True)
    assert list(compared.plans) == ["scenario", *of_file.variants]


def test_a_mapping_has_the_content_of_its_file() -> None:
    of_file, of_mapping = vorrat.read(TUTORIAL), vorrat.read(content())
    assert of_mapping.case == of_file.case
    assert of_mapping.variants == of_file.variants


def test_a_mapping_is_copied_when_it_is_read() -> None:
    raw = content()
    scenario = vorrat.read(raw)
    raw["policy"] = {"budget_meur": 1}
    assert scenario.changed("price_year=2024").case.policy == scenario.case.policy


def test_values_of_numpy_and_python_are_read() -> None:
    raw = content()
    raw["horizon"] |= {"last_year": np.int64(2028), "discount_rate": np.float64(0.0)}
    raw["hazards"]["export_stop"]["effects"][0]["loss"] = np.array([1.0])
    raw["demand"][0]["t_per_year"] = {2026: 30, 2028: 30.0}
    assert vorrat.read(raw).case.horizon == vorrat.read(TUTORIAL).case.horizon


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("projects", "refinery", "capex_meur"), -1, "scenario:projects.refinery.capex_meur: "),
        (("projects", "refinery", "capex_mio"), 1, "did you mean 'capex_meur'?"),
        (("stockpiles", 0, "material"), "galium", "scenario:stockpiles.reserve.material: "),
        (("demand", 1, "consumer"), "industri", "scenario:demand.1.consumer: "),
        (("horizon", "last_year"), float("nan"), "scenario:horizon.last_year: error: nan is not"),
        (("policy",), {"budget_meur": object()}, "scenario:policy.budget_meur: error: a value of"),
        (("consumers", True), {}, "scenario:consumers: error: 'True' is no key"),
        (("variants", "small_tickets", "set"), {"no.such": 1}, "small_tickets.set.no.such"),
    ],
)  # fmt: skip
def test_faults_name_the_dotted_path(path: tuple[Any, ...], value: Any, said: str) -> None:
    raw = content()
    part: Any = raw
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert any(said in message for message in messages(raw))
    with pytest.raises(vorrat.ScenarioError):
        vorrat.read(raw)


def test_a_mapping_that_contains_itself_ends() -> None:
    raw = content()
    raw["projects"]["refinery"]["name"] = raw
    assert any("nested deeper than 50 levels" in message for message in messages(raw))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5, "5"),
        (1e-7, "0.0000001"),
        (np.float64(2.5), "2.5"),
        (True, "true"),
        (None, "null"),
        (["a", "b: c"], '["a", "b: c"]'),
        ({"de": "„ü“", "en": 'x"y'}, '{"de": "„ü“", "en": "x\\"y"}'),
        ({2026: 1.5}, '{"2026": 1.5}'),
    ],
)
def test_changes_are_written_as_settings(value: Any, written: str) -> None:
    from vorrat.arguments import convert_settings

    assert convert_settings({"a.b": value}) == (f"a.b={written}",)


def test_changes_reach_the_scenario() -> None:
    changes = {
        "title": {"en": 'A "title": x', "de": "Ein Titel"},
        "policy.must_build": ["refinery"],
    }
    changes |= {"funders.fund.budget_meur": 1e-5}
    scenario = vorrat.read(TUTORIAL, settings=changes)
    assert scenario.title == 'A "title": x'
    assert scenario.case.policy.must_build == ("refinery",)
    assert float(scenario.case.funders["fund"].budget_meur or 0) == 1e-5
    session = vorrat.Session(scenario.changed({"policy.must_build": []}))
    answers = [session.ask({"policy.budget_meur": 0}), *session.ask_each([{"price_year": 2024}])]
    assert [answer.settings for answer in answers if isinstance(answer, vorrat.Answer)] == [
        ("policy.budget_meur=0",),
        ("price_year=2024",),
    ]
    with pytest.raises(vorrat.ScenarioError, match="did you mean 'budget_meur'"):
        scenario.changed({"policy.budgt_meur": 5})
    for wrong in ({"policy.budget_meur": object()}, {5: 5}, {"a": float("inf")}):
        with pytest.raises(vorrat.Misuse, match="'settings' has to be a text such as"):
            scenario.changed(wrong)  # type: ignore[arg-type]


def test_a_batch_solves_all_combinations(tmp_path: Path) -> None:
    scenario = vorrat.read(TUTORIAL)
    steps: list[vorrat.Progress] = []
    plans: list[vorrat.Found[Any]] = []
    grid = {"policy.budget_meur": [0, np.float64(20)], "policy.max_projects": (1,)}
    variants = ["small_tickets", "no_company"]
    done = vorrat.batch(
        scenario, variants=variants, grid=grid, jobs=1, progress=steps.append, on_plan=plans.append
    )
    assert [(run.variant, run.varied) for run in done.result.runs] == [
        (variant, {"policy.budget_meur": budget, "policy.max_projects": "1"})
        for variant in variants
        for budget in ("0", "20.0")
    ]
    assert [(step.done, step.total) for step in steps] == [(n, 4) for n in range(1, 5)]
    assert [plan.result for plan in plans] == [
        done.plans[run.run].result for run in done.result.runs
    ]
    changes = {"policy.budget_meur": 20.0, "policy.max_projects": 1}
    alone = vorrat.solve(scenario.changed(changes, variant="no_company"), threads=1)
    assert done.plans[done.result.runs[3].run].result.outcome == alone.result.outcome
    assert done.complete
    done.save(tmp_path)
    again = vorrat.load(tmp_path)
    assert again.result == done.result
    assert {name: again.plans[name].result for name in again.plans} == {
        name: done.plans[name].result for name in done.plans
    }


def test_runs_of_a_batch_may_fail() -> None:
    scenario = vorrat.read(TUTORIAL)
    grid = {"policy.must_build": [["recycling"], ["nothing"], []]}
    with pytest.raises(vorrat.ScenarioError, match="no project 'nothing'"):
        vorrat.batch(scenario, grid=grid, jobs=1)
    done = vorrat.batch(scenario, grid=grid, keep_going=True, jobs=1)
    assert [run.status for run in done.result.runs] == ["infeasible", "faulty", "optimal"]
    assert (done.complete, len(done.failures), len(done.plans)) == (False, 2, 1)
    with pytest.raises(vorrat.Misuse, match="there is nothing to solve"):
        vorrat.batch()
    with pytest.raises(vorrat.Misuse, match="batch has no option 'gpa'; did you mean 'gap'"):
        vorrat.batch(scenario, gpa=1)  # type: ignore[call-arg]


def test_the_table_of_a_batch_has_all_figures_of_the_csv_file_with_units() -> None:
    grid = {"policy.budget_meur": [20], "policy.must_build": [[], ["recycling"]]}
    done = vorrat.batch(vorrat.read(TUTORIAL), grid=grid, keep_going=True, jobs=1)
    table, runs = done.tables["runs"], list(csv.DictReader(StringIO(batch_as_csv(done.result))))
    headers = {
        **{name: name.capitalize() for name in ("run", "file", "projects", "plan", "error")},
        "exit_code": "Exit code",
        "stocks": "Stocks, t",
        "gap": "Final gap",
        "seconds": "Time, s",
        "policy.budget_meur": "budget_meur",
    }
    money = {"objective": "Objective", "bound": "Bound", "expected": "Expected", "tail": "CVaR"}
    money |= {"worst": "Worst state", "expected_without_plan": "Without a plan"}
    money |= {"net_cost_meur": "Net cost", "public_meur": "Public money"}
    headers |= {name: f"{header} (million EUR)" for name, header in money.items()}
    others = {"variant", "policy.must_build", "status", "unit", "currency"}
    assert set(runs[0]) == {*headers, *others}
    for name, header in headers.items():
        for written, value in zip([run[name] for run in runs], table[header], strict=True):
            if not written:
                assert pd.isna(value)
            elif isinstance(value, str):
                assert value == (Path(written).stem if name == "file" else written)
            else:
                assert value == pytest.approx(float(written), rel=1e-11)
    assert list(table["Status"]) == ["solved", "no plan keeps all rules"]
    # In another currency, and one in tonnes.
    first = done.result.runs[0]
    other = first.model_copy(update={"unit": "t", "currency": "USD"})
    mixed = vorrat.Found(done.result.model_copy(update={"runs": (first, other)}), "mixed")
    assert list(mixed.tables["runs"]["Currency"]) == ["EUR", "USD"]
    long = mixed.tables.long("runs").set_index("figure")
    assert [*long.loc["Expected", "unit"], *long.loc["Net cost", "unit"]] == [
        "million EUR", "t", "million EUR", "million USD",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["solve", "frontier", "compare", "target", "Session"])
def test_callbacks_are_called_wherever_something_is_solved(name: str) -> None:
    scenario = vorrat.read(TUTORIAL)
    steps: list[vorrat.Progress] = []
    plans: list[Any] = []
    seen: dict[str, Any] = {"progress": steps.append, "on_plan": plans.append}
    if name == "Session":
        best = vorrat.Session(scenario).ask(**seen).objective
    elif name == "target":
        vorrat.analyse("target", scenario, reduction=0.6, **seen)
        best = min(plan.objective for plan in plans)
    elif name == "solve":
        best = vorrat.solve(scenario, method="decomposition", **seen).result.certificate.objective
    else:
        options: Any = {"values": [0, 20]} if name == "frontier" else {}
        found = getattr(vorrat, name)(scenario, **options, **seen)
        best = min(plan.result.certificate.objective for plan in found.plans.values())
    assert min(plan.objective for plan in plans) == pytest.approx(best, rel=1e-4)
    assert all(plan.bound is None or plan.bound <= plan.objective + 1e-6 for plan in plans)
    assert [step for step in steps if step.objective is not None]
    plans.clear()
    vorrat.solve(scenario)  # a later call is not observed
    assert not plans


def test_plans_and_answers_say_what_they_are() -> None:
    scenario = vorrat.read(TUTORIAL)
    text = repr(vorrat.solve(scenario))
    for part in (
        "optimal",
        "objective 27.5",
        "gap 0",
        "refinery",
        "12 million EUR",
        "15.5 million",
    ):
        assert part in text
    assert text.count("\n") < 10
    assert "objective 34.0714" in repr(vorrat.Session(scenario).ask({"policy.budget_meur": 5}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "analysis", [one for one in ANALYSES_BY_NAME.values() if one.run_module], ids=lambda x: x.name
)
def test_every_result_is_loaded_as_it_was_saved(analysis: Any, tmp_path: Path) -> None:
    plan = vorrat.solve(vorrat.read(TUTORIAL))
    needed: dict[str, Any] = {
        "target": {"reduction": 0.6},
        "participate": {"company": "chip_maker"},
        "stress": {"state": "a stop in 2027"},
        "evaluate": {"quick": True},
    }
    given: Any = plan if analysis.input_kind == "plan" else vorrat.read(TUTORIAL)
    try:
        found = vorrat.analyse(analysis.name, given, **needed.get(analysis.name, {}))
    except vorrat.VorratError:
        assert analysis.name in ("split", "assumptions", "review")  # it needs more
        return
    found.save(tmp_path / "saved")
    again = vorrat.load(tmp_path / "saved")
    assert (again.result, again.complete) == (found.result, found.complete)
    assert list(again.plans) == list(found.plans)
    assert {k: x.result for k, x in again.plans.items()} == {
        k: x.result for k, x in found.plans.items()
    }


@pytest.mark.slow
def test_type_checkers_know_the_options(tmp_path: Path) -> None:
    from mypy import api

    file = tmp_path / "script.py"
    calls = ["solve(s, {}=0.1)", "frontier(s, {}=0.1)", "compare(s, {}=0.1)", "batch(s, {}=0.1)"]
    calls += ["evaluate(vorrat.solve(s), {}=0.1)", "analyse('target', s, {}=0.1)"]
    calls.append("analyse('explain', vorrat.solve(s), {}=0.1)")
    lines = ["import vorrat", "s = vorrat.read('x.yaml')"]
    lines += [f"vorrat.{call.format(name)}" for call in calls for name in ("gap", "gpa")]
    lines.append("vorrat.solve(s, gap='x')")
    file.write_text("\n".join(lines), encoding="utf-8")
    flags = ["--no-incremental", "--follow-imports=silent", "--ignore-missing-imports"]
    output, _, code = api.run([*flags, f"--cache-dir={tmp_path / 'cache'}", str(file)])
    wrong = [int(line.split(":")[1]) for line in output.splitlines() if ": error: " in line]
    assert code == 1
    assert list(dict.fromkeys(wrong)) == [*range(4, 3 + 2 * len(calls), 2), len(lines)]
