"""Faults of tables of states, each at its line and column, and what tables may look like."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import vorrat
from models.faults import ScenarioError
from models.files import read_case
from models.scenario.hazards import State
from models.schema import scenario_schema
from optimizer.cli import run_command_line

TUTORIAL = Path(__file__).parents[3] / "scenarios" / "tutorial.yaml"
HEADER = "state,probability,kind,id,year,period,value"
SOUND = f"""{HEADER}
calm,0.7,,,,,
stop,0.3,event,export_stop,2027,1,
stop,,demand,gallium,2026,,1
stop,,demand,gallium,2028,,1.25
stop,,price,gallium,,,250000
stop,,delayed_project,recycling,,,1
"""
SETTINGS = ("uncertainty.states={table: states.csv}",)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.yaml").write_bytes(TUTORIAL.read_bytes())
    return tmp_path


def states(table: str | bytes, name: str = "states.csv") -> tuple[State, ...]:
    raw = table.encode() if isinstance(table, str) else table
    Path(name).write_bytes(raw)
    case = read_case("scenario.yaml", settings=[f"uncertainty.states={{table: {name}}}"]).case
    assert case.uncertainty is not None
    assert case.uncertainty.states is not None
    return case.uncertainty.states


def errors(table: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        states(table)
    return [str(fault) for fault in caught.value.faults if fault.severity == "error"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("stop,,evnt,export_stop,2027,1,", "8:7: error: the kind 'evnt' is not known; did you"),
        ("stop,,,export_stop,2027,1,", "8:8: error: the cell 'kind' is empty; there are event"),
        (",,event,export_stop,2027,1,", "8:1: error: the cell 'state' is empty"),
        ("stop,,event,exports,2026,,", "8:13: error: there is no hazard 'exports'; did you mean"),
        ("stop,,event,export_stop,2099,,", "8:25: error: 2099 lies outside the horizon; write a"),
        ("stop,,event,export_stop,soon,,", "8:25: error: 'soon' is not a calendar year"),
        ("stop,,event,export_stop,,1,", "8:25: error: 'year' is empty in a row of the kind"),
        ("stop,,event,export_stop,2026,2,", "8:30: error: a year has no period 2; write 1"),
        ("stop,,event,export_stop,2026,,x", "8:31: error: the hazard 'export_stop' has no profile"),
        ("stop,,event,export_stop,2027,1,", "8:13: error: 'stop event export_stop 2027 1' is wr"),
        ("stop,,demand,germanium,2026,,1", "8:14: error: there is no material 'germanium'"),
        ("stop,,demand,gallium,,,1", "8:14: error: 'stop demand gallium' is written twice; first"),
        ("calm,,demand,gallium,2031,,1", "8:22: error: 2031 lies outside the horizon; write a"),
        ("calm,,demand,gallium,,,-1", "8:24: error: -1 is negative; write a number of 0 or more"),
        ("calm,,demand,gallium,,,nan", "8:24: error: 'nan' is not a number"),
        ('calm,,demand,gallium,,,"1,2"', "8:24: error: '1,2' is not a number; a decimal comma"),
        ("calm,,demand,gallium,,,", "8:24: error: 'value' is empty in a row of the kind 'demand'"),
        ("calm,,demand,gallium,,1,1", "8:23: error: a row of the kind 'demand' takes no 'period'"),
        ("calm,,price,gallium,,,high", "8:23: error: 'gallium' has no price state 'high'"),
        ("calm,,price,gallium,2026,,high", "8:27: error: 'high' is not a number"),
        ("calm,,delayed_project,recycling,,,0.5", "8:35: error: 0.5 is not a whole number"),
        ("calm,,failed_project,smelter,,,", "8:22: error: there is no project 'smelter'"),
        ("calm,,anyway,recycling,,,", "8:14: error: the project 'recycling' does not come anyway"),
        ("stop,0.4,regime,tense,2026,,", "8:6: error: 'stop' has the probability 0.4 here and 0.3"),
        ("stop,,regime,tense,,,", "8:20: error: 'year' is empty in a row of the kind 'regime'"),
        ("new,,,,,,", "8:1: error: 'new' has no probability; fill 'probability' in one of its"),
        ("new,1.2,,,,,", "8:5: error: 1.2 is above 1"),
    ],
)
def test_each_fault_is_reported_at_its_cell(row: str, expected: str) -> None:
    (found,) = errors(f"{SOUND}{row}\n")
    assert found.startswith(f"states.csv:{expected}")


def test_probabilities_have_to_add_up() -> None:
    (found,) = errors(SOUND.replace("0.3", "0.2"))
    assert "the probability of the states adds up to 0.9, not 1; 0.1 is missing" in found


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named_without_further_faults(column: str) -> None:
    frame = pd.DataFrame([["calm", 1.0, *[""] * 5]], columns=HEADER.split(","))
    assert errors(frame.drop(columns=column).to_csv(index=False)) == [
        f"states.csv:1:1: error: the table has no column '{column}'; "
        f"its columns are {', '.join(HEADER.split(','))}"
    ]


def test_a_column_of_another_name_or_twice_is_a_fault() -> None:
    found = errors("state,probability,kind,id,year,period,value,valu,year\ncalm,1,,,,,,,\n")
    assert "1:45: error: the column 'valu' is not known; did you mean 'value'?" in found[0]
    assert "1:50: error: the column 'year' stands twice" in found[1]


def test_a_number_that_may_be_a_thousand_is_reported_once() -> None:
    Path("states.csv").write_text(SOUND.replace("1.25", "1.250") + "calm,,demand,gallium,,,1.250\n")
    reading = read_case("scenario.yaml", settings=SETTINGS)
    reported = [str(fault) for fault in reading.warnings if "is read as" in fault.message]
    assert reported[0].startswith(
        "states.csv:8:24: warning: 1.250 is read as 1.25; if 1250 is meant"
    )
    assert len(reported) == 1


def test_tables_in_other_formats_give_the_same_states() -> None:
    expected = states(SOUND)
    assert [state.name for state in expected] == ["calm", "stop"]
    semicolons = b"\xef\xbb\xbf" + SOUND.replace(",", ";").replace("\n", "\r\n").encode()
    assert states(semicolons) == expected
    frame = pd.read_csv("states.csv", sep=";")
    assert frame["year"].dtype == float  # 2027.0 is a year as well
    assert states(frame.to_csv(index=False)) == expected
    frame.to_parquet("states.parquet")
    assert states(Path("states.parquet").read_bytes(), "states.parquet") == expected
    frame.to_excel("states.xlsx", index=False)
    assert states(Path("states.xlsx").read_bytes(), "states.xlsx") == expected
    for one in (frame, frame.convert_dtypes(), frame.astype(object)):
        case = vorrat.read("scenario.yaml").with_states(one).case
        assert case.uncertainty.states == expected


def test_rows_of_a_state_may_stand_apart() -> None:
    first, second, *others = SOUND.splitlines()[1:]
    assert states("\n".join([HEADER, second, *others, first])) == states(SOUND)[::-1]


def test_a_frame_is_kept_by_further_changes_and_its_faults_name_rows() -> None:
    frame = pd.read_csv(pd.io.common.StringIO(SOUND))
    scenario = vorrat.read("scenario.yaml").with_states(frame).changed("policy.budget_meur=5")
    assert [state.name for state in scenario.case.uncertainty.states] == ["calm", "stop"]
    assert float(scenario.case.policy.budget_meur) == 5
    frame.loc[1, "id"] = "exports"
    with pytest.raises(ScenarioError, match="table of states:3:4: error: there is no hazard"):
        scenario.with_states(frame)
    with pytest.raises(vorrat.Misuse, match="a pandas frame with a table of states"):
        scenario.with_states([1])
    with pytest.raises(ScenarioError, match="the column 'period' stands twice"):
        scenario.with_states(frame.set_axis([*HEADER.split(",")[:-1], "period"], axis=1))


def test_states_of_a_table_can_be_changed() -> None:
    Path("states.csv").write_text(SOUND)
    text = Path("scenario.yaml").read_text(encoding="utf-8")
    start, end = text.index("uncertainty:"), text.index("objective:")
    section = "uncertainty: {states: {table: states.csv}}\n"
    Path("scenario.yaml").write_text(text[:start] + section + text[end:], encoding="utf-8")
    moved = [f"uncertainty.states.{n}.probability={x}" for n, x in enumerate((0.6, 0.4))]
    moved.append("uncertainty.states.1.demand.gallium.2028=2")
    case = read_case("scenario.yaml", settings=moved).case
    calm, stop = case.uncertainty.states
    assert (calm.probability, stop.probability) == (0.6, 0.4)
    assert stop.demand["gallium"].values == (1, 2)


@pytest.mark.slow
def test_one_fault_among_a_hundred_thousand_rows() -> None:
    count = 33_333
    rows = [
        f"s{n},{1 / count!r},event,export_stop,2027,1,\ns{n},,demand,gallium,,,{1 + n / 1e6!r}\n"
        f"s{n},,failed_project,recycling,,,"
        for n in range(count)
    ]
    rows[30_000] = rows[30_000].replace("recycling", "recyclin")
    started_at = time.process_time()
    (found,) = errors("\n".join([HEADER, *rows]))
    assert found.startswith("states.csv:90004:24: error: there is no project 'recyclin'; did you")
    assert time.process_time() - started_at < 20


def test_without_pyarrow_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ScenarioError, match=r"pip install 'vorrat\[data\]'"):
        states(b"PAR1", "states.parquet")
    assert run_command_line(["states", "scenario.yaml", "--out", "new.parquet"]) == 2
    assert "pip install 'vorrat[data]'" in " ".join(capsys.readouterr().err.split())


def test_what_is_no_parquet_file_is_a_fault() -> None:
    with pytest.raises(ScenarioError, match=r"'states.parquet' is no Parquet file"):
        states(SOUND, "states.parquet")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--out", "states.txt"], "ends in none of .csv, .parquet, .json"),
        (["--out", "scenario.yaml"], "ends in none of"),
        (["--out", "s.csv", "--seed", "3"], "The file draws no states: add --states."),
        (["--out", "s.csv", "--under", "x"], "There is no set of assumptions 'x'; there are -."),
        (["--out", "taken.csv"], "taken.csv"),
        ([], "Missing option '--out'"),
    ],
)
def test_misuse_of_the_command(
    options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken.csv").write_text("mine")
    assert run_command_line(["states", "scenario.yaml", *options]) == 2
    assert expected in " ".join(capsys.readouterr().err.split())
    assert Path("taken.csv").read_text() == "mine"


def test_the_schema_knows_tables_and_paths_of_states() -> None:
    schema = scenario_schema()
    part = {**schema["$defs"]["Uncertainty"], "$defs": schema["$defs"]}
    made = jsonschema.Draft202012Validator(part)
    assert made.is_valid({"states": {"table": "states.csv"}})
    path = {"probability": 1, "demand": {"ore": {"2027": 1.5}}, "prices": {"ore": {"2027": 9}}}
    assert made.is_valid({"states": [path, {"probability": 0, "prices": {"ore": "high"}}]})
    assert not made.is_valid({"states": [{"probability": 1, "demand": {"ore": "high"}}]})
