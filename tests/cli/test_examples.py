"""``vorrat examples``, ``vorrat init --from``, and names of scenarios that come with Vorrat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

import vorrat
from models.files import shipped_files
from models.results.base import document_models
from models.results.manifest import Manifest
from models.schema import result_schema, scenario_schema
from optimizer.cli import open_page, output_files, run_command_line
from optimizer.errors import NotWritten

SHELF = Path(__file__).parents[2] / "scenarios"
NAMES = ["consortium", "germany-2026", "japan-2010", "tutorial"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def below(place: Path) -> dict[str, bytes]:
    """The files in a folder, by their paths from it."""
    files = (one for one in place.rglob("*") if one.is_file())
    return {one.relative_to(place).as_posix(): one.read_bytes() for one in files}


def of(name: str) -> dict[str, bytes]:
    """A shipped scenario and its folder."""
    return {at: raw for at, raw in below(SHELF).items() if at.partition("/")[0] in
            (name, f"{name}.yaml")}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Tutorial: one metal, one export stop"),
        ("de", "Einführung: ein Metall, ein Exportstopp"),
    ],
)
def test_examples_are_listed_with_their_titles(
    language: str, title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["examples", "--language", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert lines[-1] == f"tutorial      {title}"


def test_an_example_is_printed_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["examples", "tutorial"]) == 0
    assert capsys.readouterr().out == (SHELF / "tutorial.yaml").read_text(encoding="utf-8")


def test_an_unknown_example_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["examples", "tutorail"]) == 2
    assert f"There is no scenario 'tutorail'; there are {', '.join(NAMES)}." in (
        capsys.readouterr().err
    )


@pytest.mark.slow
@pytest.mark.quick(every=2)
@pytest.mark.parametrize("name", NAMES)
def test_init_writes_a_scenario_and_all_that_belongs_to_it(name: str, folder: Path) -> None:
    assert run_command_line(["init", "--from", name]) == 0
    assert below(folder) == of(name)
    assert len(below(folder)) == {"consortium": 5, "germany-2026": 8}.get(name, 1)
    assert run_command_line(["validate", f"{name}.yaml"]) == 0


@pytest.mark.slow
def test_init_takes_another_name_and_says_what_it_writes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine").mkdir()
    assert (
        run_command_line(["--language", "de", "init", "--from", "consortium", "mine/ours.yaml"])
        == 0
    )
    reported = capsys.readouterr().err.splitlines()
    assert reported[0] == "mine/ours.yaml is written; try: vorrat validate mine/ours.yaml"
    assert "mine/consortium/supply.csv is in the same folder" in reported
    due = {f"mine/{at}": raw for at, raw in of("consortium").items()}
    due["mine/ours.yaml"] = due.pop("mine/consortium.yaml")
    assert below(folder) == due
    assert run_command_line(["validate", "mine/ours.yaml"]) == 0


@pytest.mark.slow
def test_init_writes_over_nothing_without_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there as it would be written is no hindrance; what differs is, wherever it lies."""
    assert run_command_line(["init", "--from", "consortium"]) == 0
    assert run_command_line(["init", "--from", "consortium", "second.yaml"]) == 0
    table = folder / "consortium" / "demand.csv"
    table.write_text("mine")
    (folder / "consortium.yaml").unlink()
    capsys.readouterr()
    assert run_command_line(["init", "--from", "consortium"]) == 2
    assert "demand.csv' exists already; --force overwrites it." in capsys.readouterr().err
    assert not (folder / "consortium.yaml").exists()
    assert table.read_text() == "mine"
    assert run_command_line(["init", "--from", "consortium", "--force"]) == 0
    assert below(folder).items() >= of("consortium").items()


def test_init_reports_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written by then is whole."""
    taken: list[Path] = []

    def full(new: Path, place: Path) -> None:
        taken.append(place)
        if len(taken) == 2:
            raise OSError(28, "No space left on device")
        place_of(new, place)

    place_of = output_files._move_into_place
    monkeypatch.setattr(output_files, "_move_into_place", full)
    assert run_command_line(["init", "--from", "consortium"]) == NotWritten.exit_code
    assert len(taken) == 2
    assert below(folder).items() < of("consortium").items()


def test_init_copies_a_file_with_all_that_it_names(folder: Path) -> None:
    """Nothing else of its folder, and no preset."""
    there = folder / "there"
    (there / "lists").mkdir(parents=True)
    (there / "base.yaml").write_bytes((SHELF / "tutorial.yaml").read_bytes())
    (there / "own.yaml").write_text(
        "include: [state_aid_c_area, base.yaml]\ndemand: {table: lists/demand.csv}\n"
    )
    (there / "lists" / "demand.csv").write_text(
        "consumer,material,t_per_year\nindustry,gallium,30\nchip_maker,gallium,10\n"
    )
    (there / "notes.txt").write_text("not named")
    assert run_command_line(["init", "--from", "there/own.yaml"]) == 0
    found = {at for at in below(folder) if not at.startswith("there/")}
    assert found == {"own.yaml", "base.yaml", "lists/demand.csv"}
    assert run_command_line(["validate", "own.yaml"]) == 0


def test_init_prints_an_example(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["init", "--from", "germany-2026", "-"]) == 0
    assert capsys.readouterr().out.encode() == (SHELF / "germany-2026.yaml").read_bytes()
    assert below(folder) == {}


def test_python_reads_an_example_by_its_name(folder: Path) -> None:
    scenario = vorrat.read("tutorial")
    assert (scenario.label, len(scenario.variants)) == ("tutorial", 3)
    assert scenario.reading.case == vorrat.read(SHELF / "tutorial.yaml").reading.case
    changed = scenario.changed("policy.budget_meur=5", variant="no_company")
    assert float(changed.case.policy.budget_meur or 0) == 5


def test_local_files_take_precedence_over_examples(folder: Path) -> None:
    """A file of that name, or with another extension, takes precedence over the example."""
    text = (SHELF / "tutorial.yaml").read_text(encoding="utf-8")
    (folder / "tutorial").write_text(text.replace("budget_meur: {value: 20", "budget_meur: 7 #"))
    assert float(vorrat.read("tutorial").case.funders["fund"].budget_meur or 0) == 7
    (folder / "tutorial").rename(folder / "tutorial.yaml")
    with pytest.raises(vorrat.ScenarioError, match=r"did you mean 'tutorial.yaml'\?"):
        vorrat.read("tutorial")
    (folder / "germany-2026").mkdir()
    with pytest.raises(vorrat.ScenarioError, match="cannot be read"):
        vorrat.read("germany-2026")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tutorail", "; did you mean 'tutorial'?"),
        ("scenarios/tutorial.yaml", "; did you mean 'tutorial'?"),
        ("nothing-near", ""),
    ],
)
def test_a_name_that_is_none_is_reported_with_the_nearest(
    name: str, hint: str, folder: Path
) -> None:
    with pytest.raises(vorrat.ScenarioError) as refused:
        vorrat.read(name)
    assert str(refused.value) == (
        f"{name}: error: '{name}' cannot be read: no such file or directory{hint}"
    )


@pytest.mark.slow
def test_commands_take_an_example_and_can_be_run_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", "tutorial", "--out", "plan", "--quiet"]) == 0
    manifest = Manifest.model_validate_json(Path("plan/plan.manifest.json").read_bytes())
    asked = next(one for one in manifest.parameters if one.name == "file")
    assert asked.value == "tutorial"
    capsys.readouterr()
    assert run_command_line(["rerun", "plan"]) == 0
    assert "Reproduced" in capsys.readouterr().out


@pytest.mark.slow
def test_a_comparison_takes_variants_of_an_example(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = ["tutorial", "tutorial@half_the_fund"]
    assert run_command_line(["compare", *items, "--out", "both", "--quiet", "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert [option["label"] for option in reported["options"]] == ["tutorial", "half_the_fund"]
    assert run_command_line(["rerun", "both"]) == 0


def test_the_page_takes_an_example_as_the_one_it_has(folder: Path) -> None:
    from optimizer.page.scenario_store import ScenarioStore

    assert ScenarioStore().add_file(Path("tutorial")).kind == "shipped"


def test_open_takes_an_example_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serves(*_: object) -> None:
        pass

    monkeypatch.setattr(open_page, "_run_server", serves)
    assert run_command_line(["open", "tutorial", "--no-browser"]) == 0
    assert "/board?scenario=tutorial&token=" in capsys.readouterr().err
    assert run_command_line(["open", "nothing"]) == 2
    assert "There is no file 'nothing'." in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.quick(every=4)
@pytest.mark.parametrize(
    ("origin", "path"),
    [("tutorial", "out.xlsx"), ("tutorial", "out.json"), ("tutorial", "out"), ("book.xlsx", "-"),
     ("book.xlsx", "out.yaml")],
)  # fmt: skip
def test_a_copy_keeps_the_kind_of_what_it_copies(
    origin: str, path: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["init", "--excel", "--from", "tutorial", "book.xlsx"]) == 0
    before = below(folder)
    assert run_command_line(["init", "--from", origin, path]) == 2
    assert f"'{path}' has to end like" in capsys.readouterr().err
    assert below(folder) == before


@pytest.mark.slow
@pytest.mark.quick(every=2)
@pytest.mark.parametrize("name", NAMES)
def test_examples_fit_the_schema_by_its_name(name: str) -> None:
    """As a program finds it that knows several schemas, and takes each by its ``$id``."""
    schema = scenario_schema()
    store = Registry[Any]().with_resource(schema["$id"], Resource.from_contents(schema))
    fits = jsonschema.Draft202012Validator({"$ref": "urn:vorrat:scenario:1"}, registry=store)
    content = json.loads(
        json.dumps(yaml.safe_load(shipped_files.read_source_text(SHELF / f"{name}.yaml")))
    )
    fits.validate(content)
    assert content["schema_version"] == 1
    assert not fits.is_valid({**content, "schema_version": 2})
    assert not fits.is_valid({**content, "another": 1})


@pytest.mark.parametrize("kind", document_models())
def test_schemas_of_results_are_named_by_kind_and_format(kind: str) -> None:
    schema = result_schema(kind)
    version = schema["properties"]["schema_version"]["const"]
    assert schema["$id"] == f"urn:vorrat:result:{kind}:{version}"
    jsonschema.Draft202012Validator.check_schema(schema)
