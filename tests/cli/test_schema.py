"""``vorrat schema KIND``: results as they are written fit it, others do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from evaluations import by_hand
from participations import participation
from samples import explanation, frontier, sensitivity
from saved_plans import nothing, rich, tutorial
from side_by_side import large, small, stock
from splits import sampled, split

from models.results import Comparison
from models.results.base import JsonDocument, document_models
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.cli import run_command_line


def compared() -> Comparison:
    return compare_plans([small(), large(), stock()], ["small", "large", "stock"])


MADE: tuple[Callable[[], JsonDocument], ...] = (
    tutorial,
    rich,
    nothing,
    compared,
    by_hand,
    explanation,
    sensitivity,
    participation,
    split,
    sampled,
)


def schema(kind: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert run_command_line(["schema", kind]) == 0
    return json.loads(capsys.readouterr().out)


def properties(part: Any) -> Iterator[tuple[str, Any]]:
    for one in (part, *part.get("$defs", {}).values()):
        yield from one.get("properties", {}).items()


@pytest.mark.parametrize("kind", document_models())
def test_each_kind_has_a_schema_that_describes_every_field(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = schema(kind, capsys)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["properties"]["kind"]["const"] == kind
    assert [name for name, field in properties(made) if not field.get("description")] == []


@pytest.mark.parametrize("make", MADE, ids=lambda make: f"{make.__module__}.{make.__name__}")
def test_results_fit_as_they_are_written(
    make: Callable[[], JsonDocument], capsys: pytest.CaptureFixture[str]
) -> None:
    written = json.loads(make().model_dump_json())
    made = jsonschema.Draft202012Validator(schema(written["kind"], capsys))
    made.validate(written)
    assert not made.is_valid({**written, "another": 1})
    assert not made.is_valid({key: item for key, item in written.items() if key != "title"})


def test_a_frontier_fits_and_a_share_above_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    written = json.loads(frontier().model_dump_json())
    made = jsonschema.Draft202012Validator(schema("frontier", capsys))
    made.validate(written)
    assert not made.is_valid({**written, "cvar_level": 1.5})


def test_another_kind_is_refused_and_the_kinds_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command_line(["schema", "plans"]) == 2
    reported = capsys.readouterr().err
    assert "there is no result of kind 'plans'" in reported
    assert all(kind in reported for kind in document_models())
