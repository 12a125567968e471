"""``vorrat redact``: options, files, texts and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from redacting import two_consumers
from small import case, funder, project

from models.files import read_case
from models.results import Plan, Redaction
from optimizer.cli import run_command_line

Capture = pytest.CaptureFixture[str]
WHO = ("--consumer", "chips", "--company", "chip_co")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return write(two_consumers())


def write(raw: dict[str, Any]) -> str:
    Path("ore.yaml").write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return "ore.yaml"


def redaction(capfd: Capture, *args: str, code: int = 0) -> Redaction:
    assert run_command_line(["redact", *args, "--json", "--quiet"]) == code
    return Redaction.model_validate_json(capfd.readouterr().out)


@pytest.mark.slow
def test_what_is_public_lies_apart_from_what_is_the_owners(file: str, capfd: Capture) -> None:
    found = redaction(capfd, file, *WHO, "--out", "results")
    written = sorted(str(path) for path in Path("results").rglob("*.*") if path.is_file())
    assert written == [
        "results/owner/redaction.json",
        "results/public/plan.json",
        "results/public/scenario.yaml",
        "results/public/stand-in.yaml",
    ]
    assert Redaction.model_validate_json(Path(written[0]).read_bytes()) == found
    public = read_case("results/public/scenario.yaml", check_variants=True)
    assert public.warnings == ()
    plan = Plan.model_validate_json(Path(written[1]).read_bytes())
    assert plan.case == public.case
    for path in written[1:]:
        assert "41.7" not in Path(path).read_text(encoding="utf-8")
    assert (found.method, found.width, found.consumers) == ("band", 0.25, ("chips",))


def test_the_scenario_alone_goes_to_a_file(file: str, capfd: Capture) -> None:
    redaction(capfd, file, *WHO, "--no-solve", "--band", "50%", "--out", "sent/chips.yaml")
    assert [path.name for path in Path("sent").iterdir()] == ["chips.yaml"]
    reported = read_case("sent/chips.yaml").case.demand[0].t_per_year.values[0].source
    assert reported == "redacted: band of 50 %"


def test_nothing_is_overwritten_unasked(file: str, capfd: Capture) -> None:
    args = [file, *WHO, "--no-solve", "--out", "results"]
    redaction(capfd, *args)
    assert run_command_line(["redact", *args, "--quiet"]) == 2
    assert "'results/public/scenario.yaml' exists already" in capfd.readouterr().err
    redaction(capfd, *args, "--force")


@pytest.mark.slow
def test_a_plan_of_an_earlier_redaction_does_not_stay(file: str, capfd: Capture) -> None:
    redaction(capfd, file, *WHO, "--out", "results")
    redaction(capfd, file, *WHO, "--no-solve", "--band", "50%", "--out", "results", "--force")
    assert not Path("results/public/plan.json").exists()


def test_the_same_seed_gives_the_same_factors_and_is_not_written(file: str, capfd: Capture) -> None:
    seed = "nobody could ever guess this"
    args = [file, *WHO, "--no-solve", "--scale", "0.3", "--seed", seed, "--out"]
    redaction(capfd, *args, "one")
    redaction(capfd, *args, "two")
    other = redaction(capfd, file, *WHO, "--no-solve", "--scale", "0.3", "--out", "three")
    texts = [Path(name, "public/scenario.yaml").read_text() for name in ("one", "two", "three")]
    assert texts[0] == texts[1] != texts[2]
    assert other.method == "scale"
    for path in Path("one").rglob("*.*"):
        assert seed not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "Whose figures? Name --consumer or --company."),
        (["--consumer", "chip"], "There is no consumer 'chip'; there are chips, others."),
        (["--company", "fund"], "There is no company 'fund'; there are chip_co."),
        ([*WHO, "--band", "1%"], "'1%' is not a width such as 25% or 0.25"),
        ([*WHO, "--band", "x"], "'x' is not a width such as 25% or 0.25"),
        ([*WHO, "--band", "25%", "--scale", "25%"], "--band and --scale exclude each other."),
        ([*WHO, "--seed", "nobody could ever guess this"], "--seed goes with --scale"),
        ([*WHO, "--scale", "25%", "--seed", "42"], "--seed is shorter than 16 characters"),
    ],
)
def test_wrong_usage_is_refused(file: str, capfd: Capture, args: list[str], said: str) -> None:
    assert run_command_line(["redact", file, *args, "--quiet"]) == 2
    assert said in capfd.readouterr().err


def test_a_figure_that_agrees_with_hidden_ones_is_refused_hidden_or_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    """41.7 t are hidden, and a plant is sized for half of them; nothing is written until the owner
    says what of it."""
    monkeypatch.chdir(tmp_path)
    plant = {"country": "DE", "output": "ore", "inputs_t_per_t": {"powder": 1}}
    materials = {name: {"price_eur_per_t": 10_000} for name in ("ore", "powder")}
    mill = {"mill": plant | {"capacity_t_per_year": 20.85}}
    name = write(two_consumers(conversions=mill, materials=materials))
    path = "conversions.mill.capacity_t_per_year"
    args = [name, *WHO, "--no-solve", "--out", "results"]
    assert run_command_line(["redact", *args, "--quiet"]) == 2
    line = 1 + Path(name).read_text().splitlines().index("    capacity_t_per_year: 20.85")
    said = capfd.readouterr().err
    assert f"{name}:{line}:26: {path} is 0.5 times demand.0.t_per_year" in said
    assert f"--also {path}" in said
    assert not Path("results").exists()
    also = redaction(capfd, *args, "--also", path)
    assert path in {one.path for one in also.figures}
    assert also.figures[0].error == pytest.approx(1.25**0.5 - 1)
    left = redaction(capfd, *args, "--allow", path, "--force")
    assert ("follows", path) in {(one.reason, one.path) for one in left.hints}
    assert left.figures[0].error < 1e-3
    assert run_command_line(["redact", name, *WHO, "--also", "conversions.mil", "--quiet"]) == 2
    assert "There is no figure with a unit at 'conversions.mil'" in capfd.readouterr().err


def test_texts_are_kept_on_request(file: str, capfd: Capture) -> None:
    for more, kept in ((), False), (("--keep-texts",), True):
        redaction(capfd, file, *WHO, "--no-solve", "--out", "one.yaml", "--force", *more)
        assert ("Nothing rests on it" in Path("one.yaml").read_text(encoding="utf-8")) is kept


def test_a_company_without_figures_has_none_to_hide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    name = write(case(funders={"maker": funder("company")}))
    assert run_command_line(["redact", name, "--company", "maker", "--quiet"]) == 2
    assert "There is no figure to hide" in capfd.readouterr().err


def test_no_plan_has_its_exit_code_and_the_scenario_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    name = write(
        case(
            projects={"works": project(100, 14)},
            funders={"maker": funder("company", 14.4)},
            policy={"must_build": ["works"]},
        )
    )
    found = redaction(capfd, name, "--company", "maker", "--out", "results", code=3)
    assert found.answer == "redacted_infeasible"
    assert Path("results/public/scenario.yaml").exists()
    assert not Path("results/public/plan.json").exists()
    assert run_command_line(["redact", name, "--company", "maker", "--quiet"]) == 3
    assert "cannot stand for the true one" in capfd.readouterr().out


@pytest.mark.slow
def test_the_owner_reads_what_is_lost_and_what_tells(file: str, capfd: Capture) -> None:
    assert run_command_line(["redact", file, *WHO, "--values"]) == 0
    said = capfd.readouterr()
    text = " ".join(said.out.split())
    assert "5 figures of chips, chip_co are replaced by the middle of bands 25 % wide." in text
    assert "Do not publish results of the true scenario beside it" in text
    assert "it is for their owner alone" in text
    assert "41.7" in text
    assert "materials.by_year.demand_t" in text
    assert "1 material" in said.err


@pytest.mark.slow
def test_german(file: str, capfd: Capture) -> None:
    assert run_command_line(["redact", file, *WHO, "--quiet", "--language", "de"]) == 0
    text = " ".join(capfd.readouterr().out.split())
    assert "5 Zahlen von chips, chip_co sind durch die Mitte von Bändern ersetzt" in text
    assert "Was vom wahren Szenario nicht zu veröffentlichen ist" in text
