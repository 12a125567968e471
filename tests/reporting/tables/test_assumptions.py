"""Every figure of a scenario, with its place, its unit and its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from everything import everything
from pydantic import BaseModel

from models.scenario.case import Case
from models.scenario.quantities import Number, Yearly
from optimizer.analyses.plan.assumptions import assumptions, unit
from optimizer.analyses.plan.evidence import figures


def types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from types_in(part)


def models(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    for one in types_in(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in seen:
            seen.add(one)
            yield one
            for field in one.model_fields.values():
                yield from models(field.annotation, seen)


def test_every_number_of_the_format_has_a_unit() -> None:
    numbers = {
        field.alias or name
        for model in models(Case, set())
        for name, field in model.model_fields.items()
        if {Number, Yearly} & set(types_in(field.annotation))
    }
    assert {"capex_meur", "eur_per_t", "discount_rate"} <= numbers
    assert [name for name in sorted(numbers) if not unit(name, "EUR")] == []


def test_nothing_is_left_out_or_told_twice() -> None:
    case = Case.model_validate(everything())
    found = list(assumptions(case))
    paths = [figure.path for figure in found]
    assert len(paths) == len(set(paths))
    assert "projects.upper_rhine.capex_profile.1" in paths
    assert "stockpiles.federal.max_t" in paths
    assert "materials.lithium.price_eur_per_t.2028" in paths
    # The count of figures by source leaves out years and settings of the run.
    counted = sorted(figure.value for figure in figures(case))
    own = [
        figure.value for figure in found
        if unit(figure.field, "EUR") != "year" and "sample" not in figure.path
        and figure.field != "periods_per_year"
    ]  # fmt: skip
    assert sorted(own) == counted


def test_a_figure_without_a_source_goes_with_the_one_before_it() -> None:
    raw = everything()
    raw["projects"]["upper_rhine"]["ramp_up"] = [{"value": 0.5, "source": "press"}, 1.0]
    found = {f.path: f for f in assumptions(Case.model_validate(raw))}
    assert found["projects.upper_rhine.ramp_up.1"].source == "press"
    assert found["projects.upper_rhine.ramp_up.1"].standing == "other"
    assert found["projects.upper_rhine.capex_meur"].standing == "none"
