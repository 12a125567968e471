"""Presets and other files under a scenario: what lies over what, and what is refused where."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings, strategies as st
from mutations import mutated
from small_scenario import VALID, broken

from models.faults import ScenarioError, SourceLocation
from models.files import read_case, read_case_text, shipped_files
from models.schema import scenario_schema
from optimizer.solve.checked_solution import input_hash

SHIPPED = ", ".join(shipped_files.preset_files())
HEADER = "id,country,output_t_per_year.lithium,capex_meur"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with presets ``shelf`` and ``other`` beside those that ship."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def including(*names: str, text: str = VALID) -> str:
    return f"include: [{', '.join(names)}]\n{text}"


def lines(text: str, **options) -> list[str]:
    """What is printed for a scenario."""
    save(scenario=text)
    try:
        found = read_case("scenario.yaml", check_variants=True, **options).warnings
    except ScenarioError as error:
        found = error.faults
    return [str(fault) for fault in found]


def read(text: str, **options):
    save(scenario=text)
    return read_case("scenario.yaml", **options)


def without(section: str, until: str, text: str = VALID) -> str:
    return text[: text.index(f"{section}:\n")] + text[text.index(f"{until}:") :]


def test_what_a_file_leaves_out_comes_from_what_it_includes(folder):
    begin, end = VALID.index("stockpiles:\n"), VALID.index("uncertainty:\n")
    save(shelf=VALID[begin:end])
    whole = read_case_text(VALID).case
    reading = read(including("shelf.yaml", text=VALID[:begin] + VALID[end:]))
    assert reading.case == whole
    assert reading.warnings == ()
    assert reading.location(("stockpiles", 0, "max_t")) == SourceLocation("shelf.yaml", 4, 12)
    assert reading.location(("funders", "fund")).file == "scenario.yaml"


def test_a_preset_written_out_has_the_same_hash(folder):
    """Whether by hand or included: the case is the same, and ``include`` is no part of it."""
    preset = yaml.safe_load(
        shipped_files.read_source_text(shipped_files.preset_files()["state_aid_c_area"])
    )
    out = yaml.safe_load(VALID)
    out["sources"] |= preset["sources"]
    out["policy"] |= preset["policy"]
    by_hand = read_case_text(json.dumps(out), "scenario.json").case
    included = read(including("state_aid_c_area")).case
    assert included == by_hand
    assert input_hash(included) == input_hash(by_hand) != input_hash(read_case_text(VALID).case)
    assert "include" not in included.model_dump()


def test_a_shipped_preset_keeps_its_place(folder):
    reading = read(including("state_aid_a_area"))
    place = reading.location(("policy", "state_aid", "max_meur"))
    path = shipped_files.preset_files()["state_aid_a_area"]
    assert place.file == str(path)
    text = path.read_text(encoding="utf-8").splitlines()[place.line - 1]
    assert text[place.column - 1 :].startswith("{value: 350")
    assert reading.case.policy.max_public_share == 0.49
    assert reading.case.title is not None
    assert reading.case.title.in_language() == "A test"


def test_the_file_lies_over_the_later_over_the_earlier(folder):
    save(
        first="policy: {max_projects: 1, budget_meur: 1, max_public_share: 0.1}\n"
        "variants: {a: {title: first, set: {policy.max_projects: 7}}}\n",
        second="policy: {max_projects: 2, budget_meur: 2}\n"
        "variants: {a: {title: second}, b: {set: {policy.max_projects: 8}}}\n",
    )
    case = read(including("first.yaml", "second.yaml")).case
    policy = case.policy
    assert (policy.max_projects, policy.budget_meur, policy.max_public_share) == (2, 2, 0.49)
    assert list(case.variants) == ["no_state", "a", "b"]
    assert case.variants["a"].title is not None
    assert case.variants["a"].title.in_language() == "second"
    assert read(including("first.yaml", "second.yaml"), variant="a").case.policy.max_projects == 7


@pytest.mark.parametrize(
    ("below", "over", "path", "value"),
    [
        (
            "capex_meur: {value: 5, source: guess, confidence: low}",
            "capex_meur: {value: 6, note: mine}",
            "projects.x.capex_meur",
            {"value": 6, "note": "mine"},
        ),
        ("name: {en: a, de: b}", "name: {en: c}", "projects.x.name", {"en": "c"}),
        ("ramp_up: [0.1, 0.2]", "ramp_up: [0.5]", "projects.x.ramp_up", [0.5]),
        ("delay_years: {0: 0.5, 1: 0.5}", "delay_years: {2: 1}", "projects.x.delay_years", {2: 1}),
        (
            "output_t_per_year: {lithium: 1, dysprosium: 2}",
            "output_t_per_year: {lithium: 3, dysprosium: null}",
            "projects.x.output_t_per_year",
            {"lithium": 3},
        ),
        (
            "output_t_per_year: {lithium: 1, dysprosium: 2}",
            "output_t_per_year: {lithium: 3}",
            "projects.x.output_t_per_year",
            {"lithium": 3, "dysprosium": 2},
        ),
        ("tags: [a]", "tags: null", "projects.x.tags", []),
    ],
    ids=["number", "text", "list", "shares", "taken away", "mapping", "null"],
)
def test_what_is_one_value_and_what_goes_by_key(folder, below, over, path, value):
    fields = {
        "country": "country: DE",
        "output_t_per_year": "output_t_per_year: {lithium: 1}",
        "capex_meur": "capex_meur: 1",
    }
    lower = {**fields, below.split(":")[0]: below}
    save(shelf="projects:\n  x: {" + ", ".join(lower.values()) + "}\n")
    text = broken(("projects:\n", "projects:\n  x: {" + over + "}\n"))
    found = read(including("shelf.yaml", text=text)).case.model_dump(mode="json")
    for step in path.split("."):
        found = found[step]
    assert (
        found == {str(key): one for key, one in value.items()}
        if isinstance(value, dict)
        else (found == value)
    )


def test_yearly_quantities_are_one_value_and_budgets_of_years_go_by_year(folder):
    save(
        shelf="materials: {dysprosium: {price_eur_per_t: {2020: 1, 2040: 2}}}\n"
        "funders: {fund: {budget_by_year_meur: {2027: 5, 2028: 6, 2029: 7}}}\n"
    )
    text = broken(("{2026: 200, 2027: 200}", "{2026: 200, 2027: 200, 2029: null}"))
    case = read(including("shelf.yaml", text=text)).case
    assert case.materials["dysprosium"].price_eur_per_t.years == (2026, 2030)
    assert case.funders["fund"].budget_by_year_meur == {2026: 200, 2027: 200, 2028: 6}


def test_nothing_takes_an_item_or_a_section_away(folder):
    save(shelf="funders: {extra: {kind: private}}\nvariants: {x: {}}\n")
    text = broken(("  motor_co: {kind: company}\n", "  motor_co: {kind: company}\n  extra:\n"))
    assert list(read(including("shelf.yaml", text=text)).case.funders) == ["fund", "motor_co"]
    both = including("shelf.yaml", "gone.yaml")
    save(gone="funders: null\nhazards: null\n")
    assert list(read(both).case.funders) == ["fund", "motor_co"]
    # Where there is nothing to take away, an item without a value has all defaults, as ever.
    text = broken(("  automotive: {}\n", "  automotive:\n"))
    assert "automotive" in read(including("gone.yaml", text=text)).case.consumers


def test_stockpiles_are_matched_by_their_ids(folder):
    save(
        shelf="stockpiles:\n"
        "  - {id: second, material: lithium, paid_by: {fund: 1}}\n"
        "  - {id: reserve, material: lithium, max_t: 5, storage_eur_per_t_year: 7, "
        "paid_by: {fund: 1}}\n"
    )
    text = broken(("paid_by: {fund: 0.7, motor_co: 0.3}", "paid_by: {motor_co: 1}"))
    reading = read(including("shelf.yaml", text=text))
    first, second = reading.case.stockpiles
    assert (first.id, first.material, first.max_t) == ("reserve", "dysprosium", 200)
    assert (first.storage_eur_per_t_year, first.paid_by) == (7, {"motor_co": 1})
    assert second.id == "second"
    assert reading.location(("stockpiles", 0, "storage_eur_per_t_year")).file == "shelf.yaml"


def test_tables_lie_beside_the_file_that_names_them(folder):
    save(
        sub__shelf="projects: {table: more.csv}\n"
        "variants: {swap: {set: {projects: {table: less.csv}}}}\n"
    )
    Path("sub/more.csv").write_text(f"{HEADER}\nupper_rhine,FR,1,2\nmore,DE,3,4\n")
    Path("sub/less.csv").write_text(f"{HEADER}\nupper_rhine,AT,1,2\n")
    Path("less.csv").write_text(f"{HEADER}\nupper_rhine,CH,1,2\n")
    text = including("sub/shelf.yaml")
    reading = read(text)
    assert list(reading.case.projects) == ["upper_rhine", "recycling", "more"]
    assert reading.case.projects["upper_rhine"].country == "DE"
    assert reading.location(("projects", "more", "capex_meur")) == SourceLocation(
        "sub/more.csv", 3, 11
    )
    assert read(text, variant="swap").case.projects["upper_rhine"].country == "AT"
    of_setting = read(text, settings=["projects={table: less.csv}"]).case
    assert of_setting.projects["upper_rhine"].country == "CH"


def test_what_is_included_may_include(folder):
    save(
        sub__outer="include: [inner.yaml, state_aid_c_area]\npolicy: {max_projects: 3}\n",
        sub__inner="policy: {max_projects: 2, budget_meur: 9}\n",
    )
    policy = read(including("sub/outer.yaml")).case.policy
    assert (policy.max_projects, policy.budget_meur) == (3, 9)
    assert policy.state_aid is not None
    assert policy.state_aid.max_meur == 200


def test_a_variant_and_a_setting_may_include(folder):
    save(shelf="policy: {max_projects: 1}\nvariants: {later: {set: {policy.max_projects: 5}}}\n")
    text = including("state_aid_a_area").replace(
        "variants:\n",
        "variants:\n"
        "  other: {set: {policy.state_aid.max_intensity: 0.1, include: [state_aid_c_area]}}\n"
        "  own: {set: {include: [shelf.yaml]}}\n"
        "  none: {set: {include: null}}\n",
    )
    aid = {name: read(text, variant=name).case.policy.state_aid for name in (None, "other")}
    assert [(one.max_meur, one.max_intensity) for one in aid.values() if one] == [
        (350, 0.35),
        (200, 0.1),
    ]
    own = read(text, variant="own").case.policy
    assert (own.state_aid, own.max_projects) == (None, 1)
    assert read(text, variant="none").case.policy.state_aid is None
    settings = ["include=[shelf.yaml]"]
    assert read(text, variant="other", settings=["policy.state_aid=null", *settings]).case.policy \
        .max_projects == 1  # fmt: skip
    assert read(text, variant="later", settings=settings).case.policy.max_projects == 5
    assert lines(text) == []


def test_a_variant_patches_what_comes_from_a_preset(folder):
    text = including("state_aid_c_area").replace(
        "variants:\n", "variants:\n  more: {set: {policy.state_aid.max_meur: 300}}\n"
    )
    policy = read(text, variant="more").case.policy
    assert policy.state_aid is not None
    assert (policy.state_aid.max_meur, policy.state_aid.max_intensity) == (300, 0.2)


def test_faults_are_named_in_the_file_that_they_stand_in(folder):
    save(
        sub__shelf="title: 5\nschema_version: 2\npolicy: {max_projects: -1, polcy: 2}\n"
        "funders:\n  extra: {kind: public, budget_by_year_meur: {2020: 1}}\n"
        "supply: {table: no.csv}\n"
    )
    assert [one[:70] for one in lines(including("sub/shelf.yaml"))] == [
        "sub/shelf.yaml:1:8: error: a text is expected here, not 5; write a tex",
        "sub/shelf.yaml:2:17: error: this version of Vorrat does not know forma",
        "sub/shelf.yaml:3:24: error: -1 is negative; write a number of 0 or mor",
        "sub/shelf.yaml:3:28: error: 'polcy' is not known in policy; known here",
        "sub/shelf.yaml:5:47: error: 2020 lies outside the horizon; write a yea",
        "sub/shelf.yaml:6:17: error: 'sub/no.csv' cannot be read: no such file ",
    ]


@pytest.mark.parametrize(
    ("include", "line"),
    [
        (
            "[state_ad_standard]",
            "1:11: error: there is no preset 'state_ad_standard'; did you mean "
            "'state_aid_standard'? there are",
        ),
        (
            "[xyz]",
            "1:11: error: there is no preset 'xyz'; there are "
            + ", ".join(shipped_files.preset_files()),
        ),
        ("[shelf]", "1:11: error: there is no preset 'shelf'; write shelf.yaml"),
        ("one", "1:10: error: a list is expected here, not 'one'; write [one]"),
        ("{table: a.csv}", "1:10: error: a list is expected here, not a mapping; write [sta"),
        ("[5]", "1:11: error: 5 is no name; write the name of a preset, or that of a file"),
        ("[null]", "1:11: error: nothing is no name; write the name"),
        ("[[one]]", "1:11: error: a list is no name; write the name"),
        ("[shelf.yaml, shelf.yaml]", "1:23: error: 'shelf.yaml' is included twice; keep one"),
        ("[../shelf.yaml]", "1:11: error: what is included lies in the folder of the file that"),
        ("[/shelf.yaml]", "1:11: error: what is included lies in the folder of the file that"),
        ("[no.yaml]", "1:11: error: 'no.yaml' cannot be read: no such file or directory"),
        ("[shelf.csv]", "1:11: error: '.csv' is no kind of scenario file; its name ends in .yaml"),
        ("[folder/shelf]", "1:11: error: 'folder/shelf' is no kind of scenario file"),
        ("[scenario.yaml]", "1:11: error: 'scenario.yaml' includes itself; take it off the list"),
    ],
)
def test_what_cannot_be_included(folder, include, line):
    save(shelf="policy: {max_projects: 1}\n")
    (found,) = lines(f"include: {include}\n{VALID}")
    assert found.startswith(f"scenario.yaml:{line}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "error: the file is empty; what is included begins with keys"),
        ("- a\n", "1:1: error: the file does not hold a mapping"),
        ("policy: [\n", "error: this is not valid YAML"),
        ("include: [loop.yaml]\n", "1:11: error: 'loop.yaml' includes itself; loop.yaml > "
         "shelf.yaml > loop.yaml"),
        ("include: [state_aid]\n", "1:11: error: there is no preset 'state_aid'; did you mean"),
        ("include: [../scenario.yaml]\n", "1:11: error: what is included lies in the folder of"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_included(folder, text, line):
    save(shelf=text, loop="include: [shelf.yaml]\n")
    (found,) = lines(including("loop.yaml"))
    assert found.startswith("shelf.yaml:") or line.startswith("error")
    assert line in found


def test_all_faults_of_a_list_come_at_once(folder):
    assert [one.split(": error")[0] for one in lines(including("a", "b.csv", "c.yaml"))] == [
        "scenario.yaml:1:11",
        "scenario.yaml:1:14",
        "scenario.yaml:1:21",
    ]


def test_what_a_variant_cannot_include_is_reported_with_its_name(folder):
    text = VALID + "  japan: {set: {include: [state_ad_a_area], include.0: one}}\n"
    first, second = lines(text)
    assert ":64:27: error: with variant 'japan': there is no preset 'state_ad_a_area'" in first
    assert "with variant 'japan': there is no 'include.0' to change; set include" in second
    with pytest.raises(ScenarioError, match=r"^--set include=\[x\]: error: there is no preset"):
        read(VALID, settings=["include=[x]"])


def test_a_misspelt_include_is_suggested(folder):
    (found,) = lines(f"inclde: [state_aid_a_area]\n{VALID}")
    assert found.endswith("'inclde' is not known; did you mean 'include'?")


def test_a_broken_table_of_a_preset_breaks_its_section_only(folder):
    save(shelf="projects: {table: none.csv}\n")
    (found,) = lines(including("shelf.yaml"))
    assert found.startswith("shelf.yaml:1:19: error: 'none.csv' cannot be read")


def test_a_bibliography_asks_for_ids_only_in_its_own_file(folder):
    """A preset brings sources; words that name none are doubtful there, not in the file."""
    save(
        shelf="sources: {known: {text: a, kind: read}, unused: {text: b, kind: read}}\n"
        "policy: {max_projects: {value: 1, source: known}, budget_meur: {value: 1, source: knwn}}\n"
    )
    text = VALID.replace("sources:\n  guess: {text: a guess, kind: assumption}\n", "").replace(
        "capex_meur: 60", "capex_meur: {value: 60, source: hearsay}"
    )
    assert lines(text) == []
    assert lines(including("shelf.yaml", text=text)) == [
        "shelf.yaml:2:83: warning: there is no 'knwn' under sources; did you mean 'known'?"
    ]
    assert any("'hearsay'" in one for one in lines(text + "sources: {x: {text: y, kind: read}}\n"))


def test_a_text_without_a_file_may_include_presets():
    case = read_case_text(including("state_aid_standard")).case
    assert case.policy.state_aid is not None
    assert case.policy.state_aid.max_meur == 150


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_any_include_gives_a_case_or_located_faults(tmp_path_factory, seed):
    """Halves of the valid file as its own preset, with random changes in both."""
    folder = tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    middle = VALID.index("projects:\n")
    (folder / "shelf.yaml").write_text(mutated(VALID[:middle] + "policy: {}\n", seed), "utf-8")
    text = mutated(f"include: [shelf.yaml, state_aid_c_area]\n{VALID[middle:]}", seed + 1)
    try:
        faults = read_case_text(text, str(folder / "scenario.yaml"), check_variants=True).warnings
    except ScenarioError as error:
        faults = error.faults
        assert faults
    assert all(fault.location is not None and fault.message for fault in faults)


def test_the_schema_knows_include():
    validator = jsonschema.Draft202012Validator(scenario_schema())
    whole = yaml.load(VALID, yaml.BaseLoader)
    assert validator.is_valid({"include": ["state_aid_a_area", "own.yaml"]})
    assert validator.is_valid({"include": None, "horizon": None}) is False
    assert not validator.is_valid({})
    assert not validator.is_valid({**whole, "include": "own.yaml"})
    assert not validator.is_valid({"include": ["own.yaml", "own.yaml"]})
