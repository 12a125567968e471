"""The extensive form in files of other solvers, and as a Pyomo model."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highspy
import pyomo.environ as pyo
import pytest
from random_cases import small_case
from random_chains import chain_case
from random_reviews import drawn_with_review, drawn_with_sets_and_review
from random_sets import drawn_with_sets
from random_worlds import world_case
from smps_reader import optimum

import vorrat
from models.scenario.case import Case
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible, Misuse
from optimizer.model import highs
from optimizer.model.program_files import FILE_FORMATS, file_names, named_program, symbol_map
from optimizer.solve.exported_program import (
    build_model,
    build_program,
    render_smps,
    with_state_count,
)
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.problem import Problem

TUTORIAL = "scenarios/tutorial.yaml"


def with_risk(raw: dict[str, Any], kind: str) -> dict[str, Any]:
    risk = {"ambiguity": {"kind": "total_variation", "radius": 0.2}}
    risk = risk if kind == "ambiguity" else {"cvar": {"weight": 0.5, "level": 0.8}}
    return {**raw, "objective": raw.get("objective", {}) | risk}


DRAWN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "small": small_case,
    "chain": chain_case,
    "world": world_case,
    "cvar": lambda pick: with_risk(chain_case(pick), "cvar"),
    "ambiguity": lambda pick: with_risk(small_case(pick), "ambiguity"),
}
STACKED: dict[str, Callable[[int], dict[str, Any]]] = {
    "mean of sets": lambda seed: drawn_with_sets("export", seed, small_case, "mean"),
    "worst set": lambda seed: drawn_with_sets("export", seed, small_case, "worst"),
    "review": lambda seed: drawn_with_review("export", seed, small_case),
    "sets and review": lambda seed: drawn_with_sets_and_review("export", seed, small_case, "worst"),
}


def drawn_case(kind: str, seed: int) -> Case:
    if kind in STACKED:
        return Case.model_validate(STACKED[kind](seed))
    return Case.model_validate(DRAWN[kind](random.Random(f"export {kind} {seed}").choice))


def stated_optimum(case: Case) -> float | None:
    try:
        return solve_to_plan(case, method="extensive", gap=0.0).certificate.objective
    except Infeasible:
        return None


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [*DRAWN, *STACKED])
def test_files_have_the_optimum_of_the_extensive_form(tmp_path: Path, kind: str, seed: int) -> None:
    """HiGHS reads the LP and MPS files itself; a two-stage problem also has it as SMPS files."""
    case = drawn_case(kind, seed)
    expected, problem = stated_optimum(case), Problem.from_case(case)
    if expected is None:
        return
    named = named_program(build_program(problem))
    for suffix, render in FILE_FORMATS.items():
        path = tmp_path / f"program.{suffix}"
        path.write_text(render(named), encoding="utf-8")
        assert highs.solve_file(path).objective == near(expected)
        assert render(named_program(build_program(problem))) == render(named)
    if kind not in STACKED:
        for suffix, text in render_smps(problem).items():
            (tmp_path / f"two_stage{suffix}").write_text(text, encoding="utf-8")
        assert optimum(tmp_path / "two_stage") == near(expected)


def test_the_tutorial_in_each_format(tmp_path: Path) -> None:
    """The optimum of the tutorial is 27.5 million EUR."""
    problem = Problem.from_case(vorrat.read(TUTORIAL).case)
    named = named_program(build_program(problem))
    for suffix, render in FILE_FORMATS.items():
        path = tmp_path / f"program.{suffix}"
        path.write_text(render(named), encoding="utf-8")
        assert highs.solve_file(path).objective == near(27.5)
    for suffix, text in render_smps(problem).items():
        (tmp_path / f"program{suffix}").write_text(text, encoding="utf-8")
    assert optimum(tmp_path / "program") == near(27.5)


def test_the_file_of_a_solver_has_every_digit(tmp_path: Path) -> None:
    """What HiGHS reads from the MPS file is the program itself, bit by bit."""
    program = named_program(build_program(Problem.from_case(vorrat.read(TUTORIAL).case)))
    path = tmp_path / "program.mps"
    path.write_text(FILE_FORMATS["mps"](program), encoding="utf-8")
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.readModel(str(path))
    lp = solver.getLp()
    assert list(lp.col_names_) == list(program.column_names)
    assert list(lp.row_names_) == list(program.row_names)
    assert list(lp.col_cost_) == program.cost.tolist()
    assert list(lp.a_matrix_.value_) == program.matrix.tocsc().data.tolist()
    assert list(lp.row_lower_) == program.row_lower.tolist()
    assert list(lp.col_upper_) == program.upper.tolist()


def test_names_are_unique_and_reported_where_they_had_to_change() -> None:
    long = "x" * 300
    names = file_names(["a[b]", "a(b)", "ein Lager", f"{long}1", f"{long}2", "objective"])
    assert names[:3] == ["a(b)", "a(b)_2", "ein_Lager"]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 120
    program = build_program(Problem.from_case(vorrat.read(TUTORIAL).case))
    assert symbol_map(program, named_program(program)) is None


def test_the_pyomo_model_is_the_extensive_form() -> None:
    scenario = vorrat.read(TUTORIAL)
    plan = vorrat.solve(scenario, gap=0)
    model = vorrat.model(scenario)
    solution = highs.solve(highs.compile_model(model).program, gap=0)
    assert solution.objective == near(plan.result.certificate.objective)
    model.own = pyo.Constraint(expr=model.start["refinery", 2026] == 0)
    restricted = highs.solve(highs.compile_model(model).program, gap=0)
    without = vorrat.solve(scenario.changed("policy.must_not_build=[refinery]"), gap=0)
    assert restricted.objective == near(without.result.certificate.objective)


def test_states_are_a_sample_of_that_size_or_the_first_that_are_written() -> None:
    raw = small_case(random.Random(1).choice)
    samples = [{"sample": {"states": count, "seed": 5}} for count in (40, 3)]
    many, few = (Case.model_validate({**raw, "uncertainty": sample}) for sample in samples)
    assert with_state_count(many, 3) == few
    assert len(Problem.from_case(with_state_count(few, 7)).states) == 7
    written = vorrat.read(TUTORIAL).case
    assert with_state_count(written, 9) is written
    kept = with_state_count(written, 2).uncertainty
    assert kept is not None
    assert [float(state.probability) for state in kept.states or ()] == pytest.approx(
        [7 / 9, 2 / 9]
    )
    assert len(build_model(Problem.from_case(with_state_count(written, 2))).state) == 2


def test_what_has_no_such_form_is_refused() -> None:
    raw = small_case(random.Random(1).choice)
    raw["objective"] = {"ambiguity": {"kind": "modified_chi_square", "radius": 0.1}}
    with pytest.raises(Misuse, match="modified_chi_square"):
        build_model(Problem.from_case(Case.model_validate(raw)))
    with pytest.raises(Misuse, match="over sets of assumptions"):
        render_smps(Problem.from_case(drawn_case("mean of sets", 0)))


def test_the_command_writes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(TUTORIAL).resolve()
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["export", str(file)]) == 0
    assert run_command_line(["export", str(file), "--format", "lp", "--states", "2"]) == 0
    assert run_command_line(["export", str(file), "--format", "smps", "--out", "two.smps"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"tutorial.mps", "tutorial.lp", "two.cor", "two.tim", "two.sto"}
    assert "tutorial.lp is written" in capsys.readouterr().err
    first = Path("tutorial.mps").read_bytes()
    assert run_command_line(["export", str(file)]) == 2
    assert run_command_line(["export", str(file), "--out", "tutorial.mps"]) == 2
    assert "tutorial.mps' exists already" in capsys.readouterr().err
    assert run_command_line(["export", str(file), "--out", "tutorial.mps", "--force"]) == 0
    assert Path("tutorial.mps").read_bytes() == first
