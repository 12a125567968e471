"""Labels, units, bounds and references of fields, from the models.

A field without a label is named by its name without the unit.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, get_args

from pydantic.fields import FieldInfo

from models.files.shapes import Shape
from models.scenario.case import Case
from models.scenario.quantities import NumberBounds, YearlyBounds, YearReader
from optimizer.model.rules import policy_limits

ENGLISH_TEXTS: dict[str, dict[str, str]] = tomllib.loads(
    (files("optimizer.report.scenario_workbook") / "words.toml").read_text(encoding="utf-8")
)
"""English texts: labels of fields, units, descriptions of sheets, headings of settings, the
guide."""

_PERCENT_NAMES = re.compile(
    r"(?<!per_)share$|(rate|premium|probability|return|fee_per_year|loss)$|^paid_by$"
)
_SECTION_PATTERNS = (
    (r"^company$|paid_by$", "funders"),
    (r"(requires|excludes|must_build|must_not_build|_projects)$", "projects"),
    (r"^serves$", "consumers"),
    (r"^output$|(output_t_per_year|inputs_t_per_t|_eur_per_t)$", "materials"),
)
"""Section whose ids a field holds, where it does not follow from the field's name."""


@dataclass(frozen=True)
class Field:
    """A field of a model, with its metadata."""

    name: str
    info: FieldInfo | None = None

    @cached_property
    def _metadata(self) -> list[Any]:
        if self.info is None:
            return []
        return [*self.info.metadata, *_nested_metadata(self.info.annotation)]

    @property
    def bounds(self) -> NumberBounds | None:
        """The bounds of the field's numbers; None if there are none."""
        bound_marks = (
            mark.bounds if isinstance(mark, YearlyBounds) else mark for mark in self._metadata
        )
        return next((mark for mark in bound_marks if isinstance(mark, NumberBounds)), None)

    @property
    def is_year(self) -> bool:
        """Whether the field is a calendar year."""
        return any(isinstance(mark, YearReader) for mark in self._metadata)

    @property
    def is_percent(self) -> bool:
        """Whether the field's numbers are shown as percentages, as shares and rates are."""
        bounds = self.bounds
        is_share = bounds is not None and not bounds.whole and 1 in (bounds.le, bounds.lt)
        return is_share or (bounds is not None and _PERCENT_NAMES.search(self.name) is not None)

    @property
    def unit(self) -> str:
        """The unit of the field in English; empty if it has none."""
        listed_unit = (
            _first_match(ENGLISH_TEXTS["units"].items(), self.name)
            if self.name != "delay_years"
            else ""
        )
        return listed_unit or ("year" if self.is_year else "%" if self.is_percent else "")


def _first_match(patterns: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for pattern, value in patterns if re.search(pattern, name)), "")


def _nested_metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _nested_metadata(part)


def find_field(shape: Shape, key: str) -> Field:
    """Return the field of a model that has this key in scenario files."""
    fields = shape.model.model_fields.items() if shape.model is not None else ()
    return Field(key, next((info for name, info in fields if key == (info.alias or name)), None))


def field_label(path: tuple[str, ...]) -> str:
    """Return the English label of a field: the listed one, else that of its policy limit, else its
    name. ``path`` is its path without list positions and keys that the user chose (ids, years)."""
    for start in range(len(path)):
        label = ENGLISH_TEXTS["labels"].get(".".join(path[start:]))
        if label is not None:
            return label
    limits = {("policy", *limit.field.split(".")): limit.label for limit in policy_limits()}
    if path in limits:
        return limits[path]
    words = re.sub(r"_(meur|eur_per_t|t_per_year|t)$", "", path[-1]).replace("_", " ")
    return words[:1].upper() + words[1:]


def referenced_section(name: str) -> str:
    """Return the scenario section whose ids a field, or its keys, refer to; empty if none."""
    if name == "demand":  # factors on it, by material
        return "materials"
    sections = (section for section in (f"{name}s", name) if section in Case.model_fields)
    return next(sections, "") or _first_match(_SECTION_PATTERNS, name)
