"""Specification of a batch: values of grids, files of patterns, names of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, strategies as st

from optimizer.cli import batch_runs, output_files
from optimizer.cli.batch_runs import PlannedRun, expand_patterns, parse_grids, value_combinations

OPTION: Any = None
LONGEST = output_files.MAX_NAME_LENGTH + 3 + batch_runs.KEY_DIGITS


def read(*texts: str) -> dict[str, tuple[str, ...]]:
    return parse_grids(OPTION, OPTION, texts)


def names(*runs: tuple[PlannedRun, str]) -> list[str]:
    for run, key in runs:
        run.key = key
    batch_runs.assign_run_names([run for run, _ in runs])
    return [run.run for run, _ in runs]


@pytest.mark.parametrize(
    ("listed", "values"),
    [
        ("2035,2040", ("2035", "2040")),
        (" 1 , 2 ", ("1", "2")),
        ("1,1", ("1",)),
        ("null", ("null",)),
        ("[a, b],[c]", ("[a, b]", "[c]")),
        ("{2026: 1, 2027: 2},3", ("{2026: 1, 2027: 2}", "3")),
        ("'a,b',c", ("'a,b'", "c")),
        ("it's,b", ("it's", "b")),
        ("2035:2045:5", ("2035", "2040", "2045")),
        ("0:1000:500,7", ("0", "500", "1000", "7")),
        ("0:1:0.3", ("0", "0.3", "0.6", "0.9")),
        ("5:5:1", ("5",)),
        ("-1:0:0.5", ("-1", "-0.5", "0")),
        ("a:b:c", ("a:b:c",)),
        ("1:2", ("1:2",)),
        ("'1:2:1'", ("'1:2:1'",)),
        ("nan:1:1", ("nan:1:1",)),
    ],
)
def test_values_stand_between_commas_and_ranges_between_colons(
    listed: str, values: tuple[str, ...]
) -> None:
    assert read(f"a.b={listed}") == {"a.b": values}


def test_a_range_meets_its_end_as_decimals_do() -> None:
    """0.1 + 0.1 + 0.1 is more than 0.3 as floats, and a last value would be lost."""
    assert read("a=0.1:0.3:0.1")["a"] == ("0.1", "0.2", "0.3")
    assert len(read("a=0:1:0.001")["a"]) == 1001


def test_a_path_that_comes_again_gets_further_values() -> None:
    assert read("a=1,2", "b=x", "a=2,3") == {"a": ("1", "2", "3"), "b": ("x",)}


@pytest.mark.parametrize(
    "text",
    ["a", "=1", "a=", "a=1,,2", "a=1,", "a=1:2:0", "a=2:1:1", "a=1:2:-1", "a=0:1:1e-9",
     "a=0:1e30:1"],
)  # fmt: skip
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        read(text)


def test_the_last_path_moves_fastest() -> None:
    found = list(value_combinations({"a": ("1", "2"), "b": ("x", "y")}))
    assert [(one["a"], one["b"]) for one in found] == [
        ("1", "x"),
        ("1", "y"),
        ("2", "x"),
        ("2", "y"),
    ]
    assert list(value_combinations({})) == [{}]


def test_patterns_are_resolved_here_as_windows_leaves_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deep/er").mkdir(parents=True)
    Path("folder.yaml").mkdir()
    for name in ("b.yaml", "a.yaml", "c.txt", "deep/d.yaml", "deep/er/e.yaml", "[x].yaml"):
        Path(name).write_text("", encoding="utf-8")
    reported = [Path(name).as_posix() for name in expand_patterns(["*.yaml", "b.yaml"])]
    assert reported == ["[x].yaml", "a.yaml", "b.yaml"]
    assert expand_patterns(["[x].yaml"]) == ["[x].yaml"]
    assert expand_patterns(["b.yaml", "*.yaml"])[0] == "b.yaml"
    deep = [Path(name).as_posix() for name in expand_patterns(["**/*.yaml"])]
    assert {"a.yaml", "deep/d.yaml", "deep/er/e.yaml"} < set(deep)
    assert expand_patterns(["missing.yaml"]) == ["missing.yaml"]  # its reader reports the fault
    assert expand_patterns([str(tmp_path / "?.yaml")]) == [
        str(tmp_path / f"{n}.yaml") for n in "ab"
    ]
    with pytest.raises(click.UsageError, match=r"No file matches 'z\*\.yaml'"):
        expand_patterns(["z*.yaml"])
    with pytest.raises(click.UsageError, match="is a folder"):
        expand_patterns(["deep"])


def test_patterns_pass_over_what_was_left_beside_scenarios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.xlsx",
        "~$a.xlsx",
        "a-results.xlsx",
        "a-fund-results-new.xlsx",
        "a-faults.xlsx",
        "other.xlsx",
        "deep/own.xlsx",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("", encoding="utf-8")
    found = [Path(name).as_posix() for name in expand_patterns(["**/*.xlsx"])]
    assert found == ["a.xlsx", "deep/own.xlsx", "other.xlsx"]
    assert expand_patterns(["a-results.xlsx"]) == [
        "a-results.xlsx"
    ]  # by its name: its reader reports the fault


def test_links_and_many_stars_lead_no_pattern_round_and_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two links that lead up make 2 ** 40 paths, and each further ** multiplies those there are."""
    monkeypatch.chdir(tmp_path)
    Path("a/.hidden").mkdir(parents=True)
    for name in ("x.yaml", "a/x.yaml", "a/.hidden/x.yaml"):
        Path(name).write_text("", encoding="utf-8")
    try:
        for name in ("up", "again"):
            Path("a", name).symlink_to("..", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    inside = str(Path("a/x.yaml"))
    assert expand_patterns(["**/*.yaml"]) == sorted([inside, "x.yaml"])
    assert expand_patterns(["**/**/**/**/x.yaml"]) == sorted([inside, "x.yaml"])
    assert [Path(name) for name in expand_patterns(["?/**"])] == [Path(inside)]
    assert [Path(name) for name in expand_patterns([f"{tmp_path}/a/**/*.yaml"])] == [
        tmp_path / inside
    ]


def of(stem: str, variant: str | None = None, **varied: str) -> PlannedRun:
    return PlannedRun(f"some/{stem}.yaml", variant, (), varied)


def test_a_name_says_what_the_run_is() -> None:
    run = PlannedRun("a/germany-2026.yaml", "larger fund", (), {"horizon.last_year": "2040"})
    assert names((run, "0123456789abcdef")) == [
        "germany-2026--larger_fund--last_year=2040--0123456789"
    ]


@given(
    stem=st.text(min_size=1, max_size=300),
    variant=st.text(max_size=300) | st.none(),
    value=st.text(max_size=300),
)
def test_a_name_is_one_of_a_folder_on_every_system(
    stem: str, variant: str | None, value: str
) -> None:
    run = PlannedRun(stem, variant, (), {"a.b": value})
    for (name,) in (names((run, "0123456789ab")), names((run, ""))):
        assert not set(name) & set('<>:"/\\|?*\0\n\r\t')
        assert len(name) <= LONGEST
        assert name == name.strip(" .")
        assert not output_files.RESERVED_NAMES.fullmatch(name.split(".")[0])
        assert len(name.encode()) <= 255


@pytest.mark.parametrize(
    "stem", ["con", "COM1", "nul.v2", ".hidden", "..", " ", "x" * 300, "\U0001d49c" * 99]
)
def test_names_that_systems_keep_for_themselves_are_changed(stem: str) -> None:
    (name,) = names((PlannedRun(stem, None, (), {}), "0123456789ab"))
    assert not output_files.RESERVED_NAMES.fullmatch(name.split(".")[0])
    assert not name.startswith(".")
    assert len(name) <= LONGEST


def test_names_differ_where_a_file_system_knows_no_capitals() -> None:
    same = "0123456789ab"
    found = names((of("A"), same), (of("a"), same), (of("a"), same), (of("a"), "ffff456789ab"))
    assert len({name.casefold() for name in found}) == 4
