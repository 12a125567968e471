"""Every figure of a saved result, edited and sealed again: refused, or listed as unverifiable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
import yaml
from refills import twice
from saved_plans import chains, rich, tutorial
from small import case
from two_sets import sampled

import vorrat
from models.files import read_case, read_case_text
from models.results import Disagreement, Plan, Result
from models.results.base import SEAL_FIELD
from models.results.inconsistencies import find_inconsistencies
from models.scenario.case import Case
from optimizer.analyses.assumption_dependence.cross_evaluation import cross_evaluate_sets
from optimizer.analyses.assumption_dependence.options import AssumptionsOptions
from optimizer.cli import saved_results
from optimizer.solve.consistency import find_discrepancies
from optimizer.solve.planner import solve_to_plan as solve

EFFORT = "what the search took; nothing else is made of it"
EVALUATED = "what states lead to, which only a sweep can say again; kept within bounds alone"
ALONE: dict[str, str] = {
    "certificate.gap_target": "what was asked for: the command in the manifest says it too",
    "certificate.model_size.*": EFFORT,
    "certificate.seconds": EFFORT,
    "certificate.seconds_by_step.*": EFFORT,
    "certificate.work.*": EFFORT,
    "chains.*.forms.*.worst.unused_t": EVALUATED,
    "chains.*.forms.*.worst_without_plan.unused_t": EVALUATED,
    "chains.*.forms.*.value_per_t.*": EVALUATED,
    "chains.*.forms.*.value_without_plan_per_t.*": EVALUATED,
    "chains.*.plants.*.value_per_t": EVALUATED,
    "chains.*.plants.*.value_without_plan_per_t": EVALUATED,
    "chains.*.stockpiles.*.avoided": EVALUATED,
    "materials.*.by_year.*.probability_of_shortage": EVALUATED,
    "outcome.distribution.avoided.*": EVALUATED,
    "outcome.distribution.with_plan.*": EVALUATED,
    "outcome.distribution.without_plan.*": EVALUATED,
    "outcome.without_plan.avoided_anyway": EVALUATED,
    "stock_use.*.refilled_t": EVALUATED,
    "under.*.cvar": EVALUATED,
    "under.*.without_plan.*": EVALUATED,
    "under.*.worst": EVALUATED,
}
"""Fields that have no identity, and why."""
OWN = "what only the plan that it is of, or another of its solves, says"
ALONE_IN_OTHERS: dict[str, str] = {
    "*.days_of_cover": OWN,
    "*.probability_of_shortage": EVALUATED,
    "*.seed": "what was asked for",
    "*.standard_error": EVALUATED,
    "*.stocks_t.*": OWN,
    "*.under.*.expected": EVALUATED,
    "counterfactual.cvar": "of no weight in the objective",
    "counterfactual.public_meur": OWN,
    "deciding.*.count": "how figures are grouped",
    "deciding.*.gain_without": EVALUATED,
    "fresh.distribution.*": EVALUATED,
    "fresh.states": "what was asked for",
    "gap.confidence": "what was asked for",
    "gap.states": "what was asked for",
    "gap.upper": "what follows from standard errors",
    "gap_target": "what was asked for",
    "information.distinct": EFFORT,
    "information.evpi.low": OWN,
    "information.mean_value_problem.*": OWN,
    "information.wait_and_see.high": OWN,
    "longer.avoided_within": EVALUATED,
    "longer.net_cost_meur": OWN,
    "longer.residual_meur": OWN,
    "longer.with*_plan.*": EVALUATED,
    "own_cvar": "of no weight in the objective",
    "own_gap": OWN,
    "points.*.bound*": "what was proven",
    "points.*.c*": EVALUATED,
    "points.*.expected_bound": "what was proven",
    "points.*.plan_of": "where it was found",
    "points.*.projects.*": OWN,
    "points.*.seconds": EFFORT,
    "points.*.spend_meur.*": OWN,
    "points.*.worst": EVALUATED,
    "rules.*.performance.*": EVALUATED,
    "rules.*.reserve": "what was asked for",
    "seconds*": EFFORT,
    "sets.*.without_plan.*": EVALUATED,
    "tail.*": OWN,
    "under.*.with*_plan.*": EVALUATED,
    "without_plan.*": EVALUATED,
}
"""Patterns of the same of other results."""
OF_ZERO = {"certificate.bound", "certificate.gap"}
"""The gap of a regret of zero can only be checked to lie within bounds."""
MOST, MORE = 1, 12  # figures that are edited of each field, in quick tests and in slow ones
SPARSE = 16  # of the fields of a large plan, each check of which takes a second, one in so many


def _drawn(over: str) -> Plan:
    return solve(Case.model_validate(sampled(over)))


def _germany(*settings: str) -> Plan:
    asked = ("uncertainty.sample.states=12", "horizon.last_year=2031", *settings)
    return solve(read_case("scenarios/germany-2026.yaml", None, asked).case, gap=0.5)


def _disagreed(over: Any) -> Disagreement:
    reading = read_case_text(yaml.safe_dump(sampled("mean")))
    return cross_evaluate_sets(reading, AssumptionsOptions(over=over, gap=0.0))[0]


OTHERS: dict[str, Callable[[], Result]] = {
    "evaluation": lambda: vorrat.evaluate(tutorial()).result,
    "evaluation of a sample": lambda: (
        vorrat.evaluate(solve(Case.model_validate(sampled(None))), states=50, jobs=1).result
    ),
    "frontier": lambda: (
        vorrat.frontier(
            vorrat.read("scenarios/tutorial.yaml"), vary="policy.budget_meur", values=[0, 8, 16]
        ).result
    ),
    **{
        f"disagreement by {over}": lambda over=over: _disagreed(over)
        for over in ("mean", "worst", "regret")
    },
}
MADE: dict[str, Callable[[], Result]] = {
    **OTHERS,
    "tutorial": tutorial,
    "rules": rich,
    "chains": chains,
    "sets": lambda: _drawn("mean"),
    "regret": lambda: _drawn("regret"),
    "refills": lambda: solve(Case.model_validate(twice())),
    "germany": _germany,
    "review": lambda: _germany("review.in_plans=true"),
}
LONG = ("germany", "review")
QUICK = ("chains", "frontier")


@cache
def _written(name: str) -> str:
    return MADE[name]().model_dump_json()


def _figures(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)) and (*at, key) != ("scenario",):
            yield from _figures(item, (*at, key))
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            yield (*at, key)


FREE = ("model_size", "seconds_by_step", "work")  # keys that are words, not fields


def _field(at: tuple[Any, ...]) -> str:
    """The path of a figure, with ``*`` for items of lists and keys of mappings."""
    return ".".join(
        "*" if isinstance(key, int) or key.isdigit() or (k and at[k - 1] in FREE) else key
        for k, key in enumerate(at)
    )


def _is_refused(content: dict[str, Any]) -> bool:
    try:
        result: Result = saved_results.RESULT_MODELS[content["kind"]].model_validate(
            {k: v for k, v in content.items() if k != SEAL_FIELD}
        )
    except ValueError:
        return True
    return any(True for _ in find_inconsistencies(result)) or any(
        True for _ in find_discrepancies(result)
    )


def _passes(name: str, most: int) -> Iterator[str]:
    """Fields of which some edited figure is not refused."""
    content = json.loads(_written(name))
    assert not _is_refused(content)
    by_field: dict[str, list[tuple[Any, ...]]] = {}
    for at in _figures(content):
        by_field.setdefault(_field(at), []).append(at)
    for field, places in list(by_field.items())[:: SPARSE if name in LONG else 1]:
        for at in places[:: -(-len(places) // most)]:
            inside = content
            for key in at[:-1]:
                inside = inside[key]
            value = inside[at[-1]]
            for edit in (value * 10, value * 1.1, value / 2, value + 1):
                inside[at[-1]] = int(edit) if isinstance(value, int) else edit
                apart = abs(inside[at[-1]] - value)
                if apart > 1e-5 * max(1e-1, abs(value)) and not _is_refused(content):
                    yield field
            inside[at[-1]] = value


def _is_listed(field: str, name: str) -> bool:
    if "regret" in name and field.replace("compromise", "certificate") in OF_ZERO:
        return True
    if name in OTHERS:
        return any(fnmatchcase(field, one) for one in ALONE_IN_OTHERS)
    return any(field in (one, f"{one[:-1]}{field.rsplit('.', 1)[-1]}") for one in ALONE)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] * (name not in QUICK)
            + [pytest.mark.exhaustive] * (name == "germany"),
        )
        for name in MADE
    ],
)
def test_an_edited_figure_is_refused(name: str) -> None:
    assert {field for field in _passes(name, MOST) if not _is_listed(field, name)} == set()


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [name for name in MADE if name not in LONG])
def test_so_are_more_of_each_field(name: str) -> None:
    assert {field for field in _passes(name, MORE) if not _is_listed(field, name)} == set()


@pytest.mark.parametrize("field", ["expected_shortage_t", "expected_shortage_without_plan_t"])
def test_tonnes_that_are_missing_are_those_of_the_damage(field: str) -> None:
    """3 t in 2028 made 30, and the total with it: one step of damage a tonne says what it costs."""
    content = json.loads(tutorial().model_dump_json())
    (gallium,) = content["materials"]
    gallium["by_year"]["2028"][field] += 27
    gallium[field] += 27
    found = [one.location for one in find_discrepancies(Plan.model_validate(content))]
    assert "materials.gallium.expected" + ("_without_plan" if "without" in field else "") in found


def test_shares_above_all_of_a_project_are_reported() -> None:
    """They are no plan at all, and were an error of ours before."""
    content = json.loads(rich().model_dump_json())
    content["projects"][1]["offtake_by_company"]["motor_co"] = 0.99
    assert [one.location for one in find_discrepancies(Plan.model_validate(content))]


def test_a_plan_that_does_nothing_is_whole() -> None:
    assert not _is_refused(json.loads(solve(Case.model_validate(case())).model_dump_json()))
