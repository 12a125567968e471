"""What a field of the format is called, counted in, bounded by and refers to: read off the models.

A field that has no label of its own here is called by its name without the unit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models.files.shapes import Shape
from models.scenario.case import Case
from models.scenario.quantities import Bounds, YearlyBounds, YearReader

WORDS: dict[str, dict[str, str]] = tomllib.loads(
    (files("optimizer.report.scenario_workbook") / "words.toml").read_text(encoding="utf-8")
)
"""English texts: labels of fields, what sheets hold, and headings of settings."""

_UNITS = (
    (r"meur$", "million EUR"),
    (r"eur_per_t_year$", "EUR per t and year"),
    (r"eur_per_t$", "EUR per t"),
    (r"(^|_)t_per_year$", "t per year"),
    (r"(^|_)t_per_period$", "t per period"),
    (r"_t$", "t"),
    (r"_years$", "years"),
    (r"days_of_demand$", "days of demand"),
    (r"^(budget_charge|recovery|stock_charge|charges)$", "EUR per EUR"),
)
_PERCENT = re.compile(
    r"(?<!per_)share$|(rate|premium|probability|return|fee_per_year|loss)$|^paid_by$"
)
_ONE_AS = {"company": "funders"}
"""Fields with one id whose section does not follow from their name."""


@dataclass(frozen=True)
class Field:
    """One field of a model, as its type tells it."""

    name: str
    info: FieldInfo | None = None

    @property
    def bounds(self) -> Bounds | None:
        """What its numbers may be."""
        marks = list(_marks(self.info)) if self.info is not None else []
        found = (mark.bounds if isinstance(mark, YearlyBounds) else mark for mark in marks)
        return next((mark for mark in found if isinstance(mark, Bounds)), None)

    @property
    def is_year(self) -> bool:
        """Whether it is a calendar year."""
        return self.info is not None and any(isinstance(m, YearReader) for m in _marks(self.info))

    @property
    def is_percent(self) -> bool:
        """Whether its numbers are shown as percent: shares and rates."""
        bounds = self.bounds
        share = bounds is not None and not bounds.whole and 1 in (bounds.le, bounds.lt)
        return share or (bounds is not None and _PERCENT.search(self.name) is not None)

    @property
    def unit(self) -> str:
        """What it is counted in, in English; empty where it is no quantity."""
        for pattern, unit in _UNITS:
            if re.search(pattern, self.name) and self.name != "delay_years":
                return unit
        if self.is_year:
            return "year"
        return "%" if self.is_percent else ""


def _marks(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    yield from _inside(info.annotation)


def _inside(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _inside(part)


def field_of(shape: Shape, key: str) -> Field:
    """A field of a shape, by the key that files write."""
    model: type[BaseModel] | None = shape.model
    for name, info in model.model_fields.items() if model is not None else ():
        if key == (info.alias or name):
            return Field(key, info)
    return Field(key)


def label_of(path: tuple[str, ...]) -> str:
    """The English label of a path without positions and free keys."""
    for start in range(len(path)):
        label = WORDS["labels"].get(".".join(path[start:]))
        if label is not None:
            return label
    words = re.sub(r"_(meur|eur_per_t|t_per_year|t)$", "", path[-1]).replace("_", " ")
    return words[:1].upper() + words[1:]


def section_of(name: str) -> str:
    """The section whose ids a field holds, or whose ids its keys are; empty where none."""
    sections = Case.model_fields
    for candidate in (_ONE_AS.get(name, ""), f"{name}s", name):
        if candidate in sections:
            return candidate
    if name.endswith("paid_by"):
        return "funders"
    if re.search(r"(requires|excludes|must_build|must_not_build|_projects)$", name):
        return "projects"
    if name == "serves":
        return "consumers"
    return "materials" if re.search(r"(output_t_per_year|_eur_per_t)$", name) else ""
