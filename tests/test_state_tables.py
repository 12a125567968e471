"""Drawn states that are written as tables and lists, and read back, have the same best plan."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawing import drawing
from random_cases import Raw

from models.faults import ScenarioError
from models.files import read_case
from models.files.reading import cases_by_assumption_set
from models.scenario.references import Case
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.planner import Problem, solve_and_certify

FORMATS = ["csv", "parquet", "json"]


def written(folder: Path, raw: Raw, suffix: str, *options: str) -> Raw:
    """The case with what `vorrat states` writes in place of its sample."""
    (folder / "drawn.json").write_text(json.dumps(raw), encoding="utf-8")
    out = folder / f"states.{suffix}"
    command = ["states", str(folder / "drawn.json"), "--out", str(out), "--force", *options]
    assert run_command_line(command) == 0
    states: Any = {"table": out.name}
    if suffix == "json":
        states = json.loads(out.read_text(encoding="utf-8"))
    rest = {k: x for k, x in raw["uncertainty"].items() if k != "sample"}
    return {**raw, "uncertainty": {"states": states, **rest}}


def case_of(folder: Path, raw: Raw) -> Case:
    (folder / "read.yaml").write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return read_case(folder / "read.yaml").case


def answer(case: Case, method: Any) -> Any:
    """All that must be equal: the plan, its objective and its bound."""
    try:
        found = solve_and_certify(Problem.from_case(case), method=method, gap=1e-6)
    except (Infeasible, ScenarioError) as error:  # the latter for too many review branches
        return str(error)
    plan = found.to_plan("a plan", None)
    certificate = plan.certificate
    left_out = {"certificate", "scenario", "clustering", "seal", "input_sha256"}
    return certificate.objective, certificate.bound, plan.model_dump(exclude=left_out)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("seed", range(24))
@pytest.mark.quick(every=36, ci=6)
def test_states_that_are_written_and_read_have_the_same_optimum(
    tmp_path: Path, seed: int, kind: int
) -> None:
    raw = drawing(random.Random(f"{kind} {seed}").choice, kind)
    case = Case.model_validate(raw)
    states = read_states(read_instance(case))
    by_method = {method: answer(case, method) for method in ("extensive", "decomposition")}
    for suffix in FORMATS if seed % 6 == 0 else FORMATS[seed % 3 :][:1]:
        read_back = case_of(tmp_path, written(tmp_path, raw, suffix))
        assert read_states(read_instance(read_back)) == states
        for method, expected in by_method.items():
            assert answer(read_back, method) == expected


def test_the_kinds_of_random_cases_hold_all_that_a_state_can() -> None:
    pairs = [(kind, seed) for kind in range(3) for seed in range(24)]
    cases = [drawing(random.Random(f"{kind} {seed}").choice, kind) for kind, seed in pairs]
    states = [s for raw in cases for s in read_states(read_instance(Case.model_validate(raw)))]
    for name in ("events", "failed_projects", "delays", "unaided_projects", "regimes"):
        assert sum(bool(getattr(state, name)) for state in states) > 10, name
    assert sum(bool(state.demand_factors) for state in states) > 10
    assert sum(bool(state.price_states) for state in states) > 10
    assert sum("review" in raw for raw in cases) > 10
    assert sum("assumptions" in raw for raw in cases) > 10


@pytest.mark.slow
def test_assumption_sets_that_draw_other_states_have_separate_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = drawing(random.Random("sets").choice, 0)
    likelier = {f"hazards.{h}.annual_probability": 0.9 for h in raw["hazards"]}
    raw["assumptions"] = {
        "as_stated": {"weight": 0.4, "set": {}},
        "likelier": {"weight": 0.6, "set": likelier},
    }
    raw["objective"] = {**raw.get("objective", {}), "over_assumptions": "mean"}
    expected = answer(Case.model_validate(raw), "extensive")
    read_back = written(tmp_path, raw, "csv")
    (tmp_path / "states.csv").rename(tmp_path / "stated.csv")
    assert "sets of assumptions draw other states: likelier;" in capsys.readouterr().err
    written(tmp_path, raw, "csv", "--under", "likelier")
    (tmp_path / "states.csv").rename(tmp_path / "likelier.csv")
    read_back["uncertainty"]["states"] = {"table": "stated.csv"}
    likelier_states = {"uncertainty.states": {"table": "likelier.csv"}}
    read_back["assumptions"] = {
        **raw["assumptions"],
        "likelier": {"weight": 0.6, "set": likelier_states},
    }
    case = case_of(tmp_path, read_back)
    drawn = cases_by_assumption_set(Case.model_validate(raw))
    for name, one in cases_by_assumption_set(case).items():
        assert read_states(read_instance(one)) == read_states(read_instance(drawn[name]))
    assert answer(case, "extensive")[:2] == expected[:2]
    assert answer(case, "decomposition") == answer(Case.model_validate(raw), "decomposition")
