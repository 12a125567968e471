"""``vorrat presets``: what there is, and what is in one."""

from __future__ import annotations

from pathlib import Path

from models.files import shipped_files
from optimizer.cli import run_command_line

FOLDER = Path(__file__).parents[2] / "scenarios" / "presets"


def test_presets_are_listed_in_both_languages(capsys):
    assert run_command_line(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[::3] == sorted(path.stem for path in FOLDER.glob("*.yaml"))
    place = lines.index("state_aid_a_area")
    assert lines[place + 1].startswith("  State aid in assisted 'a' areas: Limits the grant")
    assert lines[place + 2].startswith("  Staatliche Beihilfe in A-Fördergebieten: Begrenzt den")


def test_a_preset_is_printed_as_it_is_written(capsys):
    assert run_command_line(["presets", "state_aid_c_area"]) == 0
    assert capsys.readouterr().out == (FOLDER / "state_aid_c_area.yaml").read_text(encoding="utf-8")


def test_an_unknown_preset_names_all(capsys):
    assert run_command_line(["presets", "xyz"]) == 2
    assert f"There are {', '.join(shipped_files.preset_files())}." in capsys.readouterr().err


def test_a_preset_may_lack_title_and_description(tmp_path, monkeypatch, capsys):
    (tmp_path / "bare.yaml").write_text("policy: {}\n")
    (tmp_path / "short.yaml").write_text("title: One\ndescription: {de: Zwei}\n")
    monkeypatch.setattr(shipped_files, "preset_folder", lambda: tmp_path)
    assert run_command_line(["presets"]) == 0
    assert capsys.readouterr().out.splitlines()[3:] == ["short", "  One: Zwei", "  One: Zwei"]


def test_a_conflict_names_the_line_of_the_preset(tmp_path, monkeypatch, capsys):
    """A plant that only grants could pay, which the preset allows 15 % of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.yaml").write_text(
        """\
include: [state_aid_standard]
horizon: {first_year: 2026, last_year: 2026}
materials: {lithium: {price_eur_per_t: 1}}
consumers: {industry: {}}
demand: [{consumer: industry, material: lithium, t_per_year: 1}]
damage: [{material: lithium, steps: [{share: 1, eur_per_t: 1}]}]
projects: {plant: {country: DE, output_t_per_year: {lithium: 1}, capex_meur: 100}}
funders: {state: {kind: public, instruments: {grant: {grant_equivalent: 1}}}}
policy: {must_build: [plant]}
""",
        encoding="utf-8",
    )
    assert run_command_line(["solve", "scenario.yaml", "--quiet"]) == 3
    path = FOLDER / "state_aid_standard.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    number = lines.index("  state_aid:") + 2
    assert f"{path}:{number}:5: P8 state_aid_limit" in capsys.readouterr().err
