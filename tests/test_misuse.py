"""Whatever functions of the Python package are given that does not fit, they say what would."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import vorrat
from optimizer.analyses.registry import ANALYSES_BY_NAME
from vorrat.arguments import option_names

TUTORIAL = Path(__file__).parents[1] / "scenarios" / "tutorial.yaml"
RUN = [one for one in ANALYSES_BY_NAME.values() if one.run_module]


@cache
def scenario() -> vorrat.Scenario:
    return vorrat.read(TUTORIAL)


@cache
def plan() -> vorrat.Found[Any]:
    return vorrat.solve(scenario())


@cache
def answer() -> vorrat.Answer:
    return vorrat.Session(scenario()).ask("policy.budget_meur=5")


def surface() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Every public function and method, with arguments that fit."""
    session = vorrat.Session(scenario())
    return {
        "read": (vorrat.read, {"path": TUTORIAL}),
        "validate": (vorrat.validate, {"path": TUTORIAL}),
        "solve": (vorrat.solve, {"scenario": scenario()}),
        "model": (vorrat.model, {"scenario": scenario()}),
        "Scenario.with_states": (scenario().with_states, {"states": pd.DataFrame()}),
        "evaluate": (vorrat.evaluate, {"plan": plan()}),
        "frontier": (vorrat.frontier, {"scenario": scenario()}),
        "compare": (vorrat.compare, {"given": plan()}),
        "analyse": (vorrat.analyse, {"name": "explain", "given": plan()}),
        "Session": (vorrat.Session, {"scenario": scenario()}),
        "Session.ask": (session.ask, {}),
        "Session.ask_each": (session.ask_each, {"questions": []}),
        "Session.stop": (session.stop, {}),
        "Scenario.changed": (scenario().changed, {}),
        "Answer.plan": (answer().plan, {}),
        "batch": (vorrat.batch, {"given": scenario()}),
        "load": (vorrat.load, {"path": TUTORIAL}),
        "Found.by_state": (plan().by_state, {}),
        "Found.flows": (plan().flows, {}),
        "Found.values": (plan().values, {}),
        "Found.json": (plan().json, {}),
        "Found.save": (plan().save, {"path": "there"}),
        "Found.report": (plan().report, {"path": "there"}),
        "Found.workbook": (plan().workbook, {"path": "there"}),
    }


def public() -> Iterator[str]:
    """The names of all public functions and methods, and of the class that users make."""
    for name in vorrat.__all__:
        one = getattr(vorrat, name)
        if inspect.isfunction(one):
            yield name
        elif not issubclass(one, Exception) and one is not vorrat.Fault:
            own = {at for at, value in vars(one).items() if inspect.isfunction(value)}
            yield from (f"{name}.{at}" for at in own if not at.startswith("_"))
    yield "Session"


def arguments_of(function: Any) -> list[str]:
    known = inspect.signature(function).parameters.values()
    return [one.name for one in known if one.kind != one.VAR_KEYWORD]


def called(function: Any, arguments: Mapping[str, Any]) -> Any:
    """A call with arguments by name; one that may come often stands alone."""
    known = inspect.signature(function).parameters
    positional, named = [], {}
    for name, value in arguments.items():
        if name in known and known[name].kind == inspect.Parameter.VAR_POSITIONAL:
            positional.append(value)
        else:
            named[name] = value
    return function(*positional, **named)


def test_the_whole_surface_is_tried() -> None:
    assert sorted(public()) == sorted(surface())


def test_every_argument_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object without any use is refused by the name of the argument."""
    monkeypatch.chdir(tmp_path)
    junk = ("\0", {"policy.budget_meur": 5}, [object()], 5j, b"x", float("nan"), -1)
    for name, (function, good) in surface().items():
        for argument in arguments_of(function):
            named = rf"'{argument}(\.\d)?' has to be .*, not <object"
            with pytest.raises(vorrat.Misuse, match=named):
                called(function, good | {argument: object()})
            for wrong in junk:
                if name == "validate" and isinstance(wrong, str | dict):
                    continue  # it gives the faults of a text or a mapping
                if argument == "settings" and isinstance(wrong, dict):
                    continue  # changes by their paths
                with pytest.raises(vorrat.VorratError):
                    called(function, good | {argument: wrong})
    assert not list(tmp_path.iterdir())


def test_calls_that_are_no_calls_are_refused() -> None:
    for name, (function, good) in surface().items():
        known = [one for one in arguments_of(function) if one not in ("given", "settings")]
        if known and name != "analyse":
            with pytest.raises(vorrat.Misuse, match=f"no option .*did you mean '{known[-1]}'"):
                called(function, good | {f"{known[-1]}x": 1})
        with pytest.raises(vorrat.VorratError):
            function(*[5] * 20)
    for made in (vorrat.Scenario, vorrat.Found, vorrat.Answer):
        with pytest.raises(vorrat.Misuse, match=f"{made.__name__}: the arguments do not fit"):
            made("x")  # type: ignore[call-arg]
    with pytest.raises(vorrat.Misuse, match="Found: 'result' has to be the result of an analysis"):
        vorrat.Found(3, "x")  # type: ignore[type-var]


@pytest.mark.parametrize("analysis", RUN, ids=lambda one: one.name)
def test_every_option_of_every_analysis_says_what_it_takes(analysis: Any) -> None:
    given = plan() if analysis.input_kind == "plan" else scenario()
    options = option_names(analysis)
    needed = {"company": "maker"} if analysis.name == "participate" else {}
    for option in options:
        with pytest.raises(vorrat.Misuse, match=rf"{analysis.name}: '{option}.*' has to be "):
            vorrat.analyse(analysis.name, given, **needed | {option: object()})
        for wrong in ({5: 5}, [object()], float("nan"), {"x": "y"}):
            with pytest.raises(vorrat.VorratError):
                vorrat.analyse(analysis.name, given, **needed | {option: wrong})
    with pytest.raises(vorrat.Misuse, match=f"did you mean '{options[0]}'"):
        vorrat.analyse(analysis.name, given, **{f"{options[0]}e": 1})
    with pytest.raises(vorrat.Misuse, match=f"did you mean '{analysis.name}'"):
        vorrat.analyse(f"{analysis.name[:-2]}{analysis.name[-1]}", given)


@pytest.mark.parametrize(
    ("name", "option", "wrong"),
    [
        ("solve", "break_even", "yes"),
        ("solve", "break_even", 1),
        ("solve", "threads", True),
        ("solve", "threads", "2"),
        ("solve", "gap", "0.1"),
        ("solve", "gap", np.True_),
        ("solve", "budget", True),
        ("solve", "budget", "5"),
        ("solve", "time_limit", "5"),
        ("compare", "year", "2027"),
        ("compare", "variants", 1),
        ("frontier", "values", []),
        ("frontier", "values", ["5"]),
        ("Session", "gap", "1"),
        ("Session", "threads", True),
    ],
)
def test_values_are_not_converted_between_types(name: str, option: str, wrong: Any) -> None:
    with pytest.raises(vorrat.Misuse, match=rf"{name}: '{option}(\.0)?' has to be "):
        getattr(vorrat, name)(scenario(), **{option: wrong})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("frontier", {"values": np.array([0, 20]), "gap": 0}),
        ("frontier", {"values": [np.int64(0), np.float32(20)], "jobs": np.int64(1)}),
        ("target", {"days": {"gallium": np.int64(1)}, "tolerance": np.array(0.1)}),
        ("stress", {"events": [["export_stop", np.int64(2027), 1, 2]]}),
    ],
)
def test_numbers_of_numpy_and_whole_numbers_are_taken(name: str, options: Any) -> None:
    assert vorrat.analyse(name, scenario(), **options).result is not None


def test_messages_name_arguments_of_python(tmp_path: Path) -> None:
    for name, given, options, expected in (
        ("frontier", scenario(), {"first": 5, "last": 1}, "'last' must lie above 'first'"),
        ("target", scenario(), {}, "'below', 'reduction' or 'days'"),
        ("stress", plan(), {}, "either 'events' or 'state'"),
        ("evaluate", plan(), {"settings": ["x"]}, "'variant' and 'settings' go with 'states_of'"),
        ("frontier", scenario(), {"--to": 5}, "no option '--to'"),
        ("solve", scenario(), {}, "call vorrat.solve"),
        ("compare", scenario(), {}, "call vorrat.compare"),
    ):
        with pytest.raises(vorrat.Misuse, match=expected):
            vorrat.analyse(name, given, **options)
    with pytest.raises(vorrat.Misuse, match="'last' must lie above 'first'"):
        vorrat.frontier(scenario(), first=5, last=1)
    plan().save(tmp_path)
    with pytest.raises(vorrat.NotWritten, match="exists already; force=True overwrites it"):
        plan().save(tmp_path)
    with pytest.raises(vorrat.Misuse, match="'path' has to be the path of a folder, or of a file"):
        plan().save(3)  # type: ignore[arg-type]


def test_limits_of_the_command_hold_here_as_well() -> None:
    """Those that the command finds where it reads a text."""
    for name, options in (
        ("target", {"reduction": 60}),
        ("target", {"days": {"gallium": -1}}),
        ("alternatives", {"within": -0.1}),
        ("stress", {"events": [("export_stop", 2027, 1, 5, "weeks")]}),
        ("stress", {"events": [("export_stop", 2027, 1, 5, "period", 7)]}),
    ):
        with pytest.raises(vorrat.Misuse, match=r"has to be (at|more|one of)"):
            vorrat.analyse(name, scenario(), **options)
    with pytest.raises(vorrat.Misuse, match="go with scenario files"):
        vorrat.compare(plan(), budget=5)
    with pytest.raises(vorrat.Misuse, match="there are the options tutorial"):
        vorrat.compare(scenario(), base="tutoral")
    with pytest.raises(vorrat.Misuse, match="the horizon of 'tutorial' is 2026 to 2028"):
        vorrat.compare(scenario(), year=1900)
    with pytest.raises(vorrat.Misuse, match="the public funders are fund"):
        vorrat.compare(plan(), federal=["nobody"])


def test_a_base_without_a_plan_is_replaced_as_the_command_does() -> None:
    never = scenario().changed("policy.must_build=[recycling]")
    with pytest.warns(UserWarning, match="never has no plan; the others are compared with good"):
        found = vorrat.compare(never, plan(), labels=["never", "good"], base="never")
    assert found.result.base == "good"


def test_answers_are_shown_in_few_lines() -> None:
    drawn = vorrat.frontier(scenario(), values=[0, 20])
    asked = vorrat.Session(scenario())
    shown = [scenario(), plan(), answer(), asked, drawn, drawn.result, plan().result.outcome]
    shown += [scenario().reading, scenario().case, plan().result, plan().tables, answer().solved]
    texts = list(map(repr, shown))
    assert max(map(len, texts)) < 1_000
    assert all(text.count("\n") < 10 for text in texts)
    assert str(plan().result) == repr(plan().result)
    assert "expected damage 12 million EUR" in repr(plan())
    assert "'policy.budget_meur=5'" in repr(answer())
    assert "projects 2" in repr(asked)
    assert "plans 2, complete" in repr(drawn)
    with pytest.raises(KeyError, match="did you mean 'lines'"):
        plan().tables["line"]
    with pytest.raises(KeyError, match="no plan '21'; there are 0, 20"):
        drawn.plans["21"]
    with pytest.raises(KeyError, match="no plan '20'; names are texts: write '20'"):
        drawn.plans[20]
    with pytest.raises(KeyError, match="no plan 'a'; there are none here"):
        plan().plans["a"]
