"""Controls, which are inputs of the page that change a scenario, and names of the figures of a
scenario.

The id of a control is part of addresses. For a single figure it is the dotted path, as in
``--set``. For several figures it is a word, such as ``hazards`` for the probabilities of all
hazards; the value is then a factor, or what the label states.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from models.base import display_name
from models.files.shapes import translate_label
from models.language import current_language, tr
from models.scenario.case import Case, child_at
from models.scenario.quantities import Number, YearlyQuantity
from models.scenario.user_rules import RuleLevel
from optimizer.analyses.assumptions import LinkedNumbers
from optimizer.analyses.plan.figure_sources import (
    ScenarioFigure,
    all_figures,
    confidence_name,
    source_kind_name,
)
from optimizer.analyses.variation import format_setting
from optimizer.report.number_format import format_exact, sanitize
from optimizer.report.scenario_workbook.columns import Field, field_label

FACTOR_UNIT = "×"
"""The unit of a control whose value is a factor."""
SECTIONS_WITHOUT_FIGURES = ("sources", "variants", "schema_version", "price_year", "units", "home")
"""Sections and fields without figures that could be changed."""


@dataclass(frozen=True)
class Control:
    """An input of the page that changes a scenario. It has a range of values, and a function that
    returns the settings for a value."""

    id: str
    label: str
    base: float | str
    settings: Callable[[float | str], list[str]]
    low: float = 0.0
    high: float = math.inf
    is_integer: bool = False  # whether only whole numbers fit
    unit: str = ""
    max_value: float = math.inf  # the largest value that is accepted
    scale: float = 1.0  # factor for display: 100 for a percentage
    is_factor: bool = False  # whether it multiplies the current figures rather than replaces one
    choices: tuple[str, ...] = ()  # the values of a choice; empty for a number
    choice_labels: tuple[str, ...] = ()  # labels of the choices, if they have their own
    explanation: str = ""  # text beside the label
    group_title: str = ""  # title of the group, if the label cannot be understood without it

    @property
    def full_label(self) -> str:
        """The label of the control where its group is not shown."""
        return f"{self.group_title}: {self.label}" if self.group_title else self.label

    @property
    def step(self) -> float:
        """Step of the slider, in the unit of the value."""
        if self.is_integer:
            return 1.0
        span = min(self.high, 1e9) - self.low
        return 10.0 ** (math.floor(math.log10(span)) - 2) if span > 0 else 1.0

    def parse_value(self, text: str) -> float | str:
        """Return the value that a text in an address states. Raise ValueError if it is invalid."""
        if self.choices:
            if text not in self.choices:
                raise ValueError(text)
            return text
        value = float(text)
        if not math.isfinite(value) or (self.is_integer and not value.is_integer()):
            raise ValueError(text)
        # The range of a single figure is checked when the scenario is read.
        if self.is_factor and (value < 0 or (value == 0 and self.low > 0)):
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class ControlGroup:
    """Controls that belong together. Subgroups are shown only when they are opened."""

    id: str
    title: str
    controls: tuple[Control, ...]
    subgroups: tuple[ControlGroup, ...] = ()


def figure_paths(case: Case) -> Iterator[str]:
    """Yield the dotted path of each single figure of a scenario."""
    for name in type(case).model_fields:
        if name not in SECTIONS_WITHOUT_FIGURES:
            yield from _paths_below(getattr(case, name), name)


def _paths_below(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, YearlyQuantity):
        years = zip(value.years, value.values, strict=True)
        yield from (f"{path}.{year}" for year, _ in years) if value.years else (path,)
    elif isinstance(value, Number):
        yield path
    elif isinstance(value, RuleLevel) and value.value is not None:
        yield from _paths_below(value.value, path)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths_below(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths_below(item, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _paths_below(item, f"{path}.{getattr(item, 'id', index)}")


def source_describer(case: Case) -> Callable[[Control], str]:
    """Return a function that describes the source of a control's figures: its text, whether the
    figure was read or assumed, and the confidence in it. The source is described only if all
    figures of the control have the same."""
    figures_by_path: dict[str, list[ScenarioFigure]] = {}
    for figure in all_figures(case):
        for count in range(1, len(figure.path) + 1):
            figures_by_path.setdefault(".".join(figure.path[:count]), []).append(figure)

    def describe(control: Control) -> str:
        if control.explanation or isinstance(control.base, str):
            return control.explanation
        # Not the current value, which would change nothing.
        moved_settings = control.settings(1.5 * control.base or 1.0)
        figures = [
            figure
            for text in moved_settings
            for figure in figures_by_path.get(text.partition("=")[0], ())
        ]
        sources = {(figure.source, figure.source_kind, figure.confidence) for figure in figures}
        source, kind, confidence = sources.pop() if len(sources) == 1 else (None, "none", None)
        if source is None:
            return ""
        details = [source_kind_name(kind)] if kind in ("read", "reported", "assumption") else []
        if confidence:
            details.append(tr("confidence: {level}", level=confidence_name(confidence)))
        text = (
            case.sources[source].text.in_language(current_language())
            if source in case.sources
            else source
        )
        notes = [figure.note for figure in figures if figure.note] if len(figures) == 1 else []
        written = [figure.written for figure in figures if figure.written]
        if written:
            notes.append(tr("In the file: {figures}.", figures=", ".join(written)))
        if len(figures) == 1 and control.unit == FACTOR_UNIT:
            name = path_in_words(case, ".".join(figures[0].path))
            notes.append(f"{name}: {format_exact(figures[0].value)}.")
        description = f"{text} ({', '.join(details)})" if details else str(text)
        return sanitize(" ".join([tr("Source: {source}", source=description), *notes]))

    return describe


def path_in_words(case: Case, path: str) -> str:
    """Return a text for a dotted path: the names of the items on it, and the label of the field."""
    value: Any = case
    names: list[str] = []
    fields: list[str] = []
    for step in path.split("."):
        child = child_at(value, step)
        if isinstance(value, BaseModel):
            fields.append(step)
        else:
            # Items of a list are counted from 1.
            name = str(int(step) + 1) if isinstance(value, tuple) and step.isdecimal() else step
            item_name = _item_name(case, child, step)
            names.append(name if item_name == step else item_name)
        value = child
    label = translate_label(field_label(tuple(fields)))
    if label.endswith(":"):  # such a label describes the keys of a mapping
        return sanitize(": ".join([*names[:-1], f"{label} {names[-1]}"]))
    return sanitize(": ".join([*names, label]))


def _item_name(case: Case, item: Any, id: str) -> str:
    """Return the name of an item of a list or mapping. It is the item's name, else (in a list) the
    names of the objects to which it refers, else that of the object with its id, else the id."""
    if isinstance(item, BaseModel):
        if getattr(item, "name", None) is not None:
            return name_of_item(item, id)
        references = (getattr(item, name, None) for name in ("material", "consumer", "country"))
        ids = [str(reference) for reference in references if reference]
        if ids and id.isdecimal():
            return ", ".join(_item_name(case, None, reference) for reference in ids)
    for kind in (case.materials, case.consumers, case.projects, case.funders, case.hazards):
        if id in kind:
            return name_of_item(kind[id], id)
    return id


def name_of_item(item: Any, id: str) -> str:
    """Return the name of an item in the current language, or its id if it has no name."""
    name = getattr(item, "name", None)
    return name if isinstance(name, str) else display_name(name, id, current_language())


def titled_group(id: str, title: str, controls: Iterable[Control]) -> ControlGroup:
    """Return a group of controls whose labels need the title of the group to be understood."""
    return ControlGroup(
        id, title, tuple(replace(control, group_title=title) for control in controls)
    )


def figure_control(
    case: Case, path: str, base_value: float, label: str = "", **control_fields: Any
) -> Control:
    """Return the control of the single figure at ``path``. ``base_value`` is its value in the
    file."""
    field_name = next((step for step in reversed(path.split(".")) if not step.isdecimal()), path)
    field = _field_at(case, path)
    bounds, percent = field.bounds, field.is_percent
    limit = 1.0 if percent and bounds is not None and 1 in (bounds.le, bounds.lt) else math.inf
    unit = "%" if percent else unit_of_field(case, field_name)
    high = min(limit, max(2 * base_value, 1.0 if percent else 10.0))
    fields: dict[str, Any] = {
        "label": label or path_in_words(case, path), "base": base_value, "unit": unit, "high": high,
        "max_value": limit, "scale": 100.0 if percent else 1.0, **control_fields,
    }  # fmt: skip
    return Control(path, settings=lambda value: [f"{path}={_setting_text(value)}"], **fields)


def _field_at(case: Case, path: str) -> Field:
    """Return the field of the scenario format to which a dotted path leads."""
    value: Any = case
    field = Field("")
    for step in path.split("."):
        if isinstance(value, BaseModel):
            field = Field(step, type(value).model_fields.get(step))
        value = child_at(value, step)
    return field


def unit_of_field(case: Case, name: str) -> str:
    """Return the unit of a field, which the ending of its name states; empty if the ending is
    unknown."""
    for ending, unit in (
        ("_meur", tr("million {currency}", currency=case.currency)),
        ("eur_per_t", f"{case.currency}/t"),
        ("_t_per_year", tr("t a year")),
        ("_t", "t"),
        ("_years", tr("years")),
    ):
        if name.endswith(ending):
            return unit
    return ""


def _setting_text(value: float | str) -> str:
    return value if isinstance(value, str) else format_setting(float(f"{value:.12g}"))


def joint_control(
    id: str, label: str, base_value: float, numbers: Sequence[LinkedNumbers], **control_fields: Any
) -> Control:
    """Return a control of several figures that change together. They are multiplied by its value
    divided by ``base_value``."""

    def settings(value: float | str) -> list[str]:
        return [
            text
            for linked_numbers in numbers
            for text in linked_numbers.settings_at(float(value) / base_value)
        ]

    return Control(id, label, base_value, settings, is_factor=True, **control_fields)


def yearly_numbers(path: str, by_year: Mapping[Any, float]) -> LinkedNumbers:
    """Return the figures of all years, which one setting of ``path`` changes by a factor."""
    yearly_values = tuple(map(float, by_year.values()))
    return LinkedNumbers(
        (path,), lambda f: [f * x for x in yearly_values], tuple(map(str, by_year))
    )
