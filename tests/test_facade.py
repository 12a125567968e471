"""Vorrat from Python: what its functions take and give, and that their examples work."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Required, get_args, get_origin, get_overloads, get_type_hints

import pandas as pd
import pytest
from code_blocks import files_described
from openpyxl import load_workbook
from pages import read as read_page, tables as tables_of

import vorrat
import vorrat.analyses
import vorrat.analysis_result
import vorrat.scenario
import vorrat.session
from models.language import using
from models.results import Plan
from optimizer.analyses.options import CompareOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import saved_results
from vorrat import option_types
from vorrat.arguments import option_names

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
MODULES = (
    vorrat,
    vorrat.analyses,
    vorrat.analysis_result,
    vorrat.session,
    vorrat.analysis_result,
    vorrat.analyses,
    vorrat.scenario,
)
EXAMPLES = [
    test for module in MODULES for test in doctest.DocTestFinder().find(module) if test.examples
]
PAGE = ROOT / "docs" / "python.md"
HEAVY = {"pyomo", "highspy", "numba", "numpy", "scipy", "pandas", "matplotlib", "jinja2",
         "openpyxl", "xlsxwriter", "click", "rich"}  # fmt: skip
FUNCTIONS = [one for name in vorrat.__all__ if inspect.isfunction(one := getattr(vorrat, name))]


@cache
def scenario() -> vorrat.Scenario:
    return vorrat.read(TUTORIAL)


@cache
def plan() -> vorrat.Found[Plan]:
    return vorrat.solve(scenario())


@cache
def drawn() -> vorrat.Found[Any]:
    return vorrat.frontier(scenario(), values=range(0, 30, 10))


@cache
def judged() -> vorrat.Found[Any]:
    return vorrat.evaluate(plan(), quick=True)


@cache
def compared() -> vorrat.Found[Any]:
    return vorrat.compare(plan(), scenario().changed(variant="small_tickets"), labels=["mine"])


def named(one: Any) -> str:
    return str(getattr(one, "name", getattr(one, "__name__", one)))


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_examples_work(example: doctest.DocTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.DocTestRunner().run(example)
    assert tried
    assert not failed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python.md", "from-pypsa.md"])
def test_examples_of_a_page_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ROOT / "docs" / name
    (tmp_path / "scenarios").mkdir()
    shutil.copyfile(TUTORIAL, tmp_path / "scenarios" / TUTORIAL.name)
    for file, text in files_described(page).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 5
    assert not found.failed


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_every_function_is_described_with_an_example(function: Any) -> None:
    text = inspect.getdoc(function) or ""
    heads = ["Parameters\n---", "Returns\n---", "Examples\n---"]
    assert all(head in text for head in heads)
    assert function.__name__ in PAGE.read_text(encoding="utf-8")
    assert f"{function.__module__}.{function.__name__}" in [one.name for one in EXAMPLES]


def test_importing_it_is_light() -> None:
    code = "import sys, vorrat; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "vorrat" in done.stdout.split()
    assert not {*done.stdout.split()} & HEAVY


# Reading


def test_all_faults_come_at_once() -> None:
    wrong = ("horizon.last_year=soon", "policy.budget_meur=-1")
    with pytest.raises(vorrat.ScenarioError) as raised:
        vorrat.read(TUTORIAL, settings=wrong)
    assert len(raised.value.faults) == 2
    assert vorrat.validate(TUTORIAL, settings=wrong) == list(raised.value.faults)
    assert vorrat.validate(TUTORIAL) == []
    (missing,) = vorrat.validate(ROOT / "nowhere.yaml")
    assert missing.severity == "error"


def test_changes_come_on_top_of_those_before() -> None:
    changed = vorrat.read(TUTORIAL, "small_tickets", "policy.budget_meur=5").changed(
        "price_year=2024"
    )
    assert changed.settings == ("policy.budget_meur=5", "price_year=2024")
    assert (changed.variant, changed.label) == ("small_tickets", "small_tickets")
    assert float(changed.case.policy.budget_meur or 0) == 5
    assert changed.case.price_year == 2024
    assert changed.changed(variant="no_company").label == "no_company"


# Options


OWN_KEYWORDS = {"compare": ["labels"], "batch": ["variants", "grid", "keep_going"]}


@pytest.mark.parametrize("name", ["solve", "evaluate", "frontier", "compare", "batch"])
def test_keywords_are_the_options_of_the_analysis(name: str) -> None:
    analysis = ANALYSES_BY_NAME[name]
    found = {
        one.name: one.default
        for one in inspect.signature(getattr(vorrat, name)).parameters.values()
        if one.kind == one.KEYWORD_ONLY
        and one.name not in ["progress", "on_plan", "extra", *OWN_KEYWORDS.get(name, ())]
    }
    of_file = {"variant", "settings"} if name in ("frontier", "solve") else set()
    assert {*found} == {*analysis.options_class.user_fields()} - of_file
    assert found == {
        option: analysis.options_class.model_fields[option].get_default(call_default_factory=True)
        for option in found
    }
    reported = inspect.getdoc(getattr(vorrat, name)) or ""
    assert all(f"\n{option}\n    " in reported for option in found)
    assert not re.search(r"--\w", reported)  # flags are of the command line
    typed = getattr(option_types, f"{name.capitalize()}Keywords")
    assert {*get_type_hints(typed)} == {*found}


def test_the_types_of_analyse_are_those_of_its_analyses() -> None:
    typed = []
    for overloaded in get_overloads(vorrat.analyse):
        hints = get_type_hints(overloaded)
        (name,), (options,) = get_args(hints["name"]), get_args(hints["options"])
        typed.append(name)
        analysis, own = ANALYSES_BY_NAME[name], {"progress", "on_plan", "extra"}
        known, plans = option_names(analysis), vorrat.Found[Plan] | Plan
        given = {"scenario": vorrat.Scenario, "plan": plans, "either": vorrat.Scenario | plans}
        assert hints["given"] == given[analysis.input_kind]
        assert hints["return"] == vorrat.Found[analysis.result_class]
        fields = analysis.options_class.model_fields
        marked = get_type_hints(options, localns={"Incumbent": Any}, include_extras=True)
        types = get_type_hints(options, localns={"Incumbent": Any})
        assert types.keys() == {*known} | own
        required = {option for option, kind in marked.items() if get_origin(kind) is Required}
        assert required == {option for option in known if fields[option].is_required()}
        declared = get_type_hints(analysis.options_class)
        for option in known:  # any iterable or mapping becomes a tuple or dict
            if "tuple" not in str(declared[option]) and "dict" not in str(declared[option]):
                assert types[option] == declared[option], option
    assert typed == [x.name for x in ANALYSES_BY_NAME.values() if x.run_module]


def test_what_is_no_option_is_refused() -> None:
    with pytest.raises(vorrat.Misuse, match="frontier has no option 'variant'"):
        vorrat.frontier(scenario(), variant="small_tickets")
    with pytest.raises(vorrat.Misuse, match="'gap' has to be at least 0, not -1"):
        vorrat.solve(scenario(), gap=-1)
    with pytest.raises(vorrat.Misuse, match="exclude each other"):
        vorrat.frontier(scenario(), values=[1], first=0)
    with pytest.raises(vorrat.Misuse, match="frontier: 'given' has to be a scenario"):
        vorrat.analyse("frontier", plan())
    with pytest.raises(vorrat.Misuse, match="explain: 'given' has to be a plan"):
        vorrat.analyse("explain", scenario())
    with pytest.raises(vorrat.Misuse, match=r"no analysis 'solve'; call vorrat\.solve"):
        vorrat.analyse("solve", scenario())


def test_an_option_without_effect_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="without effect: 'states'"):
        vorrat.evaluate(plan(), quick=True, states=50)


@pytest.mark.slow
def test_options_reach_what_is_run() -> None:
    assert plan().result.certificate.gap_target == ANALYSES_BY_NAME["solve"].options_class().gap
    assert vorrat.solve(scenario(), gap=0.5).result.certificate.gap_target == 0.5
    assert vorrat.solve(scenario(), method="decomposition").result.certificate.method != (
        plan().result.certificate.method
    )
    assert [point.value for point in drawn().result.points] == [0, 10, 20]
    assert "gap" in CompareOptions.user_fields()
    assert vorrat.compare(scenario(), budget=5).result.options[0].cost.public.paid_meur <= 5


# What comes back


def test_an_analysis_accepts_a_plan_with_or_without_accompanying_results() -> None:
    alone = vorrat.evaluate(plan().result, quick=True)
    assert alone.result.fresh == judged().result.fresh
    assert (judged().label, alone.label) == ("tutorial", plan().result.title)


@pytest.mark.slow
def test_options_without_a_plan_are_named_beside_the_others() -> None:
    never = scenario().changed("policy.must_build=[recycling]")
    found = vorrat.compare(scenario(), never)
    assert list(found.plans) == ["tutorial"]
    assert not found.complete
    assert [one.reason for one in found.result.failed] == ["infeasible"]
    assert found.failures[0].startswith("tutorial-2: no plan keeps all of these rules")
    with pytest.raises(vorrat.Infeasible, match="no plan keeps all"):
        vorrat.compare(never)
    with pytest.raises(vorrat.Misuse, match="nothing to compare"):
        vorrat.compare()


def test_plans_of_a_frontier_come_with_it() -> None:
    assert list(drawn().plans) == ["0", "10", "20"]
    assert drawn().plans["20"].result.outcome.expected == drawn().result.points[-1].expected
    assert drawn().complete


@pytest.mark.parametrize("of", [plan, drawn, judged, compared])
def test_every_table_holds_figures_with_their_units(of: Any) -> None:
    found = of().tables
    assert len(found) > 2
    for name in found:
        frame = found[name]
        assert len(frame) > 0
        assert all(isinstance(column, str) and column for column in frame.columns), name
        assert {"caption", "note"} <= frame.attrs.keys()
        texts = [value for column in frame.columns for value in frame[column].tolist()]
        texts = [value for value in texts if isinstance(value, str)]
        if name != "certificate":  # its rows are of different kinds, so that they are texts
            assert not [text for text in texts if re.fullmatch(r"[-+]?\d+[.,]\d+", text)], name


def test_tables_hold_what_the_result_says() -> None:
    frame = drawn().tables["frontier"]
    assert isinstance(frame, pd.DataFrame)
    points = drawn().result.points
    assert frame["Expected, million EUR"].tolist() == [point.expected for point in points]
    assert frame["Projects"].tolist() == [0, 0, 1]
    materials = plan().tables["by-material"].iloc[0]
    (gallium,) = plan().result.materials
    before = gallium.expected_without_plan
    assert materials["With plan (million EUR)"] == pytest.approx(gallium.expected)
    # A formula in the sheet, a figure here.
    assert materials["Avoided (million EUR)"] == pytest.approx(before - gallium.expected)
    with using("de"):
        assert "Mit Plan (Mio. EUR)" in plan().tables["by-material"].columns


@pytest.mark.parametrize("of", [plan, drawn, judged, compared])
def test_long_tables_hold_the_same_figures(of: Any) -> None:
    """One row for each cell with a figure, apart from the column of years."""
    found = of().tables
    for name in found:
        wide, long = found[name], found.long(name)
        numbers = wide.drop(columns="Year", errors="ignore").select_dtypes("number")
        assert sorted(long["value"]) == sorted(numbers.stack().dropna()), name
        assert long.attrs == wide.attrs
        assert not long["figure"].str.fullmatch(r"\d{4}").any()


def test_long_tables_have_years_and_units() -> None:
    stocks = plan().tables.long("stockpiles")
    bought = stocks[stocks["Figure"] == "Bought, t"].dropna(subset="year")
    (reserve,) = plan().result.stockpiles
    by_year = dict(zip(bought["year"].astype(str), bought["value"], strict=True))
    assert by_year == dict(reserve.buy_t)
    assert set(bought["unit"]) == {"t"}
    funding = plan().tables.long("funding").set_index("figure")["unit"]
    assert funding["Share of capex"].tolist() == ["1"] * 3
    yearly = plan().tables.long("spend").dropna(subset="year")
    assert yearly["unit"].unique().tolist() == ["million EUR"]
    cost = drawn().tables.long("frontier")
    assert set(cost[cost["figure"] == "Net cost"]["unit"]) == {"million EUR"}
    with pytest.raises(KeyError, match="did you mean 'funding'"):
        plan().tables.long("fundin")


def test_units_are_those_of_the_scenario() -> None:
    found = vorrat.solve(scenario().changed("currency=USD", "objective.measure=tonnes"))
    columns = found.tables["by-material"].columns
    assert "With plan (t)" in columns
    assert "Granted (million USD)" in found.tables["lines"].columns


@pytest.mark.parametrize("of", [plan, drawn, judged, compared])
def test_a_notebook_shows_it_without_scripts(of: Any) -> None:
    text = of()._repr_html_()
    root = read_page(text)
    elements = list(root.all())
    (whole,) = [part for part in root.content if not isinstance(part, str)]
    assert (whole.tag, whole.attributes["class"]) == ("div", "vorrat")
    assert not {one.tag for one in elements} & {"script", "iframe", "object", "img", "link", "svg"}
    attributes = {name for one in elements for name in one.attributes}
    assert "id" not in attributes  # a notebook may show it twice
    assert not [name for name in attributes if name.startswith("on")]
    (style,) = root.all("style")
    rules = re.findall(r"^(.*?) \{", "".join(map(str, style.content)), re.MULTILINE)
    selectors = [one.strip() for rule in rules for one in rule.split(",")]
    assert selectors
    assert all(one.startswith(".vorrat") for one in selectors)
    assert "url(" not in text
    assert "@import" not in text
    assert of().result.options if of is compared else of().result.title in root.text
    assert tables_of(root)


def test_markup_of_a_scenario_is_shown_as_text() -> None:
    hostile = scenario().changed(
        "title.en=<script>alert(1)</script>", "projects.refinery.name.en=<b>x</b>"
    )
    text = vorrat.solve(hostile)._repr_html_()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "<b>" not in text


# Files


def test_a_result_is_saved_as_the_command_line_does(tmp_path: Path) -> None:
    file = plan().save(tmp_path / "results")
    assert file == tmp_path / "results" / "plan.json"
    found = saved_results.read_result(str(file))
    assert found.result == plan().result
    assert found.warning == ""
    other = plan().save(tmp_path / "mine.json")
    assert other.read_text("utf-8") == plan().json() == file.read_text("utf-8")
    with pytest.raises(vorrat.NotWritten, match="exists already"):
        plan().save(file.parent)
    plan().save(file.parent, force=True)


@pytest.mark.slow
def test_plans_are_saved_beside_their_result(tmp_path: Path) -> None:
    drawn().save(tmp_path / "drawn")
    names = {path.parent.name for path in (tmp_path / "drawn" / "plans").glob("*/plan.json")}
    assert names == {"0", "10", "20"}
    compared().save(tmp_path / "compared")
    found, plans = saved_results.read_results([str(tmp_path / "compared")])
    assert list(plans) == ["mine", "small_tickets"]
    assert saved_results.exit_code_of(found) == 0
    reached = vorrat.analyse("target", scenario(), reduction=0.6)
    reached.save(tmp_path / "target")
    assert json.loads((tmp_path / "target" / "plan.json").read_text("utf-8"))["kind"] == "plan"


@pytest.mark.slow
@pytest.mark.parametrize("of", [plan, drawn, judged, compared])
def test_pages_and_workbooks_are_those_of_the_document(of: Any, tmp_path: Path) -> None:
    page = of().report(tmp_path / "report.html")
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    book = load_workbook(of().workbook(tmp_path / "results.xlsx"), data_only=True)
    assert len(book.sheetnames) > 2
    with pytest.raises(vorrat.NotWritten):
        of().report(page)
