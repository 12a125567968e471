"""The proof of a plan: another solver confirms it, and refuses it when any figure is changed."""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from random_cases import small_case
from random_chains import chain_case
from random_reviews import drawn_with_review, drawn_with_sets_and_review
from random_sets import drawn_with_sets
from random_worlds import world_case

import vorrat
from models.results import BoundProof, Plan
from models.results.manifest import PROOF_FILES
from models.scenario.case import Case
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible, Misuse, NotWritten
from optimizer.model.highs import FileSolution
from optimizer.model.program_files import render_mps
from optimizer.model.risk_measure import ModifiedChiSquareMean, RiskMeasure, TotalVariationMean
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.proof import chain_damage, chain_damage as solvers, recomputation
from optimizer.solve.proof.proof_program import Check, LoadedProof
from optimizer.solve.proof.recomputation import checks

TUTORIAL = "scenarios/tutorial.yaml"
Raw = dict[str, Any]


def with_objective(raw: Raw, **objective: Any) -> Raw:
    return {**raw, "objective": raw.get("objective", {}) | objective}


def tail(raw: Raw) -> Raw:
    return with_objective(raw, cvar={"weight": 0.5, "level": 0.8})


def ambiguous(raw: Raw, kind: str, weight: float) -> Raw:
    ambiguity, cvar = {"kind": kind, "radius": 0.2}, {"weight": weight, "level": 0.8}
    return with_objective(raw, ambiguity=ambiguity, cvar=cvar)


def picker(seed: int) -> Any:
    return random.Random(f"proof {seed}").choice


KINDS: dict[str, Callable[[int], Raw]] = {
    "small": lambda seed: small_case(picker(seed)),
    "chain": lambda seed: chain_case(picker(seed)),
    "world": lambda seed: world_case(picker(seed)),
    "tail": lambda seed: tail(chain_case(picker(seed))),
    "total variation": lambda n: ambiguous(small_case(picker(n)), "total_variation", 0.3 * (n % 2)),
    "chi-square": lambda n: ambiguous(small_case(picker(n)), "modified_chi_square", 0.3 * (n % 2)),
    "mean of sets": lambda seed: drawn_with_sets("proof", seed, small_case, "mean"),
    "worst set": lambda seed: drawn_with_sets("proof", seed, chain_case, "worst"),
    "regret": lambda seed: drawn_with_sets("proof", seed, small_case, "regret"),
    "review": lambda seed: drawn_with_review("proof", seed, small_case),
    "tail at a review": lambda seed: tail(drawn_with_review("proof", seed, small_case)),
    "sets and review": lambda n: drawn_with_sets_and_review("proof", n, small_case, "regret"),
}


def keep_proof(raw: Raw, folder: Path, method: Any = "decomposition") -> Plan:
    kept: list[dict[str, bytes] | None] = []
    case = Case.model_validate(raw)
    plan = solve_to_plan(case, method=method, threads=1, on_proof=kept.append)
    (files,) = kept
    assert files is not None
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return plan


def load(folder: Path) -> LoadedProof:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    proof = BoundProof.model_validate_json(files["proof.json"])
    return LoadedProof(proof, Plan.model_validate_json(files["plan.json"]), files)


def verified(folder: Path, solver: Any = "highs", cuts: int | None = None) -> list[Check]:
    return list(checks(folder, load(folder), solvers.find_solver(solver), cuts, None))


def refused(folder: Path) -> set[str]:
    return {check.name for check in verified(folder) if not check.holds}


def seal(folder: Path) -> None:
    """State the hashes of the files as they are now, as somebody would who changes them."""
    content = json.loads((folder / "proof.json").read_bytes())
    for name in content["files"]:
        content["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "proof.json").write_text(json.dumps(content), encoding="utf-8")


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The proof of a plan with a project, purchases and a tail."""
    folder = tmp_path_factory.mktemp("proofs") / "kept"
    plan = keep_proof(tail(small_case(picker(11))), folder)
    assert plan.projects
    return folder


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def test_all_checks_hold(kept: Path) -> None:
    done = verified(kept)
    assert all(check.holds for check in done), done
    names = [check.name for check in done]
    assert names == ["files", "statements", "program", "bound", "weights of states", "cuts",
                     "solution", "objective"]  # fmt: skip
    assert set(PROOF_FILES) <= {path.name for path in kept.iterdir()}
    assert len(load(kept).records) > 1


def test_a_change_of_any_file_is_seen(copy: Path) -> None:
    for name in set(PROOF_FILES) - {"proof.json"}:
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content + b"\n")
        first = next(checks(copy, load(copy), NO_SOLVER, 0, None))
        assert (first.name, first.holds) == ("files", False)
        (copy / name).write_bytes(content)


def test_no_figure_of_the_program_can_be_changed(copy: Path) -> None:
    """With hashes to fit: every 25th line with a figure, by a thousandth."""
    path = copy / "program.mps"
    lines = path.read_text(encoding="utf-8").splitlines()
    places = [n for n, line in enumerate(lines) if _is_number(line.split()[-1])]
    for n in places[::25]:
        words = lines[n].split()
        words[-1] = repr(float(words[-1]) * 1.001 or 0.001)
        changed = [*lines[:n], " " + " ".join(words), *lines[n + 1 :]]
        path.write_text("\n".join(changed) + "\n", encoding="utf-8")
        seal(copy)
        loaded = load(copy)
        solver = NO_SOLVER
        done = {x.name: x.holds for x in checks(copy, loaded, solver, 0, None)}
        assert done["program"] is False, lines[n]
        assert done["files"] is True


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _no_solver(_path: Path, _target: float, _limit: float | None) -> FileSolution:
    return FileSolution("limit", -math.inf, math.inf)


NO_SOLVER = solvers.FileSolver("none", _no_solver, solvers.find_solver("highs").read_linear)


def change_cut(folder: Path, change: Callable[[Any], None], to_match: bool) -> None:
    """Change a cut, with ``to_match`` also in the program, and seal the files."""
    edit(folder / "cuts.json", lambda content: change(content["cuts"][-1]))
    if to_match:
        text = render_mps(load(folder).program_with_cuts)
        (folder / "program.mps").write_text(text, encoding="utf-8")
    seal(folder)


def scale_right_side(factor: float) -> Callable[[Any], None]:
    def change(cut: Any) -> None:
        part = max(cut["parts"], key=lambda part: abs(part["right_side"]))
        part["right_side"] *= factor

    return change


def scale_coefficient(factor: float) -> Callable[[Any], None]:
    def change(cut: Any) -> None:
        parts = [part for part in cut["parts"] if part["coefficients"]]
        values = max((part["coefficients"] for part in parts), key=lambda x: max(x.values()))
        name = max(values, key=lambda name: values[name])
        values[name] *= factor

    return change


def move_weight(cut: Any) -> None:
    (weights,) = cut["state_weights"].values()
    weights[0], weights[-1] = weights[0] + 0.3, weights[-1] - 0.3


def repeat(cut: Any) -> None:
    """Count a chain twice, with a part that is valid in itself."""
    cut["parts"].append(cut["parts"][-1])


@pytest.mark.parametrize(
    "change",
    [scale_right_side(1.01), scale_right_side(0.99), scale_coefficient(0.9), move_weight, repeat],
    ids=["stronger", "weaker", "coefficient", "weights", "repeated"],
)
@pytest.mark.parametrize("to_match", [False, True], ids=["only the record", "the program as well"])
def test_no_cut_can_be_changed(copy: Path, change: Any, to_match: bool) -> None:
    change_cut(copy, change, to_match)
    names = refused(copy)
    assert "files" not in names
    assert names & {"cuts", "weights of states"}
    if to_match:
        assert "program" not in names
    elif change is not move_weight:
        assert "program" in names


def test_a_stronger_coefficient_elsewhere_is_refused(tmp_path: Path) -> None:
    """A coefficient of a decision that is 0 at the cut's point does not show there: only the
    linear program over all decisions finds the error."""
    folder = tmp_path / "proof"
    vorrat.solve(vorrat.read(TUTORIAL), method="decomposition", keep_proof=folder)
    record = load(folder).records[0]
    assert not dict(record.points)[0]  # made without any plan
    change_cut(folder, scale_coefficient(0.8), to_match=True)
    assert "cuts" in refused(folder)


@pytest.mark.parametrize("solver", ["highs", "scip"])
@pytest.mark.parametrize(("kind", "seed"), [("tail", 1), ("chain", 11), ("total variation", 11)])
def test_groups_of_states_decide_as_one_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, solver: Any, kind: str, seed: int
) -> None:
    """The checks of cuts are decomposed where states are many: here, all but the smallest."""
    monkeypatch.setattr(chain_damage, "GROUP_SIZE", 2)
    keep_proof(KINDS[kind](seed), tmp_path / "proof")
    done = verified(tmp_path / "proof", solver)
    assert all(check.holds for check in done), done
    for change in (scale_right_side(1.01), scale_coefficient(0.9)):
        folder = Path(shutil.copytree(tmp_path / "proof", tmp_path / "changed"))
        change_cut(folder, change, to_match=True)
        names = {check.name for check in verified(folder, solver) if check.holds is False}
        assert "cuts" in names
        shutil.rmtree(folder)


def test_purchases_of_all_earlier_years_count(tmp_path: Path) -> None:
    """A refilled stock is limited by the planned one, which years without shortage define, too."""
    events = [{"hazard": "export_stop", "start": year} for year in (2028, 2030)]
    states = [
        {"name": "calm", "probability": 0.4},
        {"name": "two stops", "probability": 0.6, "events": events},
    ]
    scenario = vorrat.read(TUTORIAL).changed(
        {
            "uncertainty.states": states,
            "horizon.last_year": 2030,
            "stockpiles.reserve.refill_t_per_year": 3,
        }
    )
    vorrat.solve(scenario, method="decomposition", keep_proof=tmp_path / "proof")
    done = verified(tmp_path / "proof")
    assert all(check.holds for check in done), done


def set_figure(name: str, factor: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        edit(folder / "proof.json", lambda x: x.update({name: x[name] * factor}))
        edit(
            folder / "plan.json",
            lambda x: x["certificate"].update({name: x["certificate"][name] * factor}),
        )

    return change


def change_decision(folder: Path) -> None:
    def change(plan: Any) -> None:
        project = plan["projects"][0]
        project["offtake_common"] *= 0.9

    edit(folder / "plan.json", change)


def change_solution(folder: Path) -> None:
    path = folder / "plan.sol"
    lines = path.read_text(encoding="utf-8").splitlines()
    n = next(n for n, line in enumerate(lines) if line.startswith("offtake("))
    name, value = lines[n].split()
    lines[n] = f"{name} {float(value) * 0.99!r}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def change_scenario(folder: Path) -> None:
    def change(scenario: Any) -> None:
        entry = scenario["demand"][0]
        values = entry["t_per_year"]
        entry["t_per_year"] = (
            {year: x * 1.01 for year, x in values.items()}
            if isinstance(values, dict)
            else values * 1.01
        )

    edit(folder / "scenario.json", change)
    edit(folder / "plan.json", lambda plan: change(plan["scenario"]))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda folder: edit(folder / "proof.json", lambda x: x.update(bound=x["bound"] * 0.9)),
         "statements"),
        (set_figure("bound", 1.001), "bound"),
        (set_figure("objective", 0.999), "objective"),
        (set_figure("objective", 1.001), "objective"),
        (change_decision, "solution"),
        (change_solution, "solution"),
        (change_scenario, "statements"),
    ],
    ids=["bound", "both bounds", "better", "worse", "decision", "solution", "scenario"],
)  # fmt: skip
def test_no_statement_can_be_changed(copy: Path, change: Any, expected: str) -> None:
    change(copy)
    seal(copy)
    names = refused(copy)
    assert expected in names
    assert "files" not in names


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_proofs_of_random_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int
) -> None:
    """Both solvers confirm the proof of every class of scenarios, with all its cuts."""
    if seed == 1:
        monkeypatch.setattr(chain_damage, "GROUP_SIZE", 2)
    raw = KINDS[kind](seed)
    try:
        keep_proof(raw, tmp_path / "cuts")
    except Infeasible:
        return
    folders = [tmp_path / "cuts"]
    if kind != "chi-square":
        keep_proof(raw, tmp_path / "extensive", "extensive")
        folders.append(tmp_path / "extensive")
    for folder in folders:
        for solver in ("highs", "scip"):
            done = verified(folder, solver)
            assert all(check.holds for check in done), (folder.name, solver, done)


@pytest.mark.slow
def test_the_commands_with_scip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the scenario to the verdict of SCIP, and its refusal of one changed coefficient."""
    folder = tmp_path / "proof"
    solve = ["solve", TUTORIAL, "--method", "decomposition", "--quiet", "--keep-proof", str(folder)]
    assert run_command_line(solve) == 0
    assert run_command_line(solve) == 2
    assert "exists already" in capsys.readouterr().err
    assert run_command_line(["verify", str(folder), "--solver", "scip", "--cuts", "all"]) == 0
    out = capsys.readouterr().out
    assert "SCIP" in out
    assert "Verified" in out
    change_cut(folder, scale_right_side(1.1), to_match=True)
    assert run_command_line(["verify", str(folder), "--json"]) == 5
    verdict = json.loads(capsys.readouterr().out)
    assert {x["name"] for x in verdict["checks"] if not x["holds"]} >= {"cuts"}


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_rows_of_a_function_are_named_and_refused_without_it(tmp_path: Path, method: Any) -> None:
    def rules(model: Any, _scenario: Any) -> None:
        model.cost = pyo.Constraint(expr=(0, model.net_cost, 12))
        model.late = pyo.Constraint([2027, 2028], rule=lambda m, y: m.buy["reserve", y] <= 1.1)

    folder = tmp_path / "proof"
    plan = vorrat.solve(vorrat.read(TUTORIAL), method=method, extra=rules, keep_proof=folder)
    done = verified(folder)
    assert all(check.holds for check in done), done
    program = next(check for check in done if check.name == "program")
    assert "; 4 rows of the function '" in program.details
    assert plan.result.outcome.net_cost_meur == pytest.approx(12)
    edit(folder / "plan.json", lambda content: content.pop("extra"))
    assert "program" in refused(folder)  # rows that nothing declares


def test_the_proof_of_an_extensive_form(tmp_path: Path) -> None:
    scenario = vorrat.read(TUTORIAL)
    vorrat.solve(scenario, method="extensive", keep_proof=tmp_path / "proof")
    done = verified(tmp_path / "proof")
    assert all(check.holds for check in done), done
    assert [check.name for check in done] == ["files", "statements", "program", "bound",
                                              "solution", "objective"]  # fmt: skip
    with pytest.raises(NotWritten, match="exists already"):
        vorrat.solve(scenario, keep_proof=tmp_path / "proof")


def test_wrong_use_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["verify", str(tmp_path), "--solver", "highs"]) == 2
    assert "holds no proof" in capsys.readouterr().err
    assert run_command_line(["verify", str(tmp_path), "--cuts", "some"]) == 2
    reuse = ["solve", TUTORIAL, f"--reuse={tmp_path / 'pool'}", "--keep-proof", str(tmp_path / "p")]
    assert run_command_line(reuse) == 2
    assert "--reuse" in capsys.readouterr().err
    monkeypatch.setattr(solvers, "find_spec", lambda name: None)
    with pytest.raises(Misuse, match=r"pip install 'vorrat\[verify\]'"):
        solvers.find_solver("scip")


def test_a_limit_leaves_a_check_undecided(copy: Path) -> None:
    for name in ("highs", "scip"):
        done = list(checks(copy, load(copy), solvers.find_solver(name), 1, 1e-9))
        outcomes = [check.holds for check in done]
        assert None in outcomes
        assert False not in outcomes, done


@pytest.mark.parametrize("seed", range(5))
def test_measures_from_their_definitions(seed: int) -> None:
    """Values and weights agree with those that the search uses, and moved weights are refused."""
    rng = np.random.default_rng(seed)
    probability, damage = rng.dirichlet(np.ones(9)), rng.choice([0.0, 1.0, 5.0, 7.5], 9)
    for mean in (None, TotalVariationMean(0.2), ModifiedChiSquareMean(0.4)):
        for weight in (0.4, 1.0) if mean is None else (0.0, 0.4):
            risk = RiskMeasure(0.7, weight, *([] if mean is None else [mean]))
            weights = risk.joint_weights(probability, damage)
            tail_weights = RiskMeasure(0.7, 1.0).joint_weights(probability, damage)
            value = recomputation.joint_value(risk, probability, damage)
            assert value == pytest.approx(float(weights @ damage), rel=1e-9, abs=1e-12)
            assert recomputation.are_weights_allowed(risk, probability, weights, tail_weights)
            moved = weights.copy()
            moved[np.argmax(damage)] += 0.05
            assert not recomputation.are_weights_allowed(risk, probability, moved, tail_weights)
            worse = np.eye(9)[np.argmin(probability)]
            assert not recomputation.are_weights_allowed(risk, probability, worse, tail_weights)
