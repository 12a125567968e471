"""One thing that can be moved on the page, and the figures of a scenario by name.

A control has an id, which stands in addresses. Where it moves one figure that is its dotted path,
as in ``--set``; where it moves several it is a word of its own, such as ``hazards`` for the
probability of all hazards, and its value is a factor or what the label says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from models.base import display_name
from models.files.tabs import translate_label
from models.language import current_language, tr
from models.scenario.case import Case
from models.scenario.quantities import Number, YearlyQuantity
from optimizer.analyses.assumptions import LinkedNumbers, child_at
from optimizer.analyses.plan.figure_sources import (
    ScenarioFigure,
    all_figures,
    confidence_name,
    source_kind_name,
)
from optimizer.analyses.variation import format_setting
from optimizer.report.number_format import format_exact, sanitize
from optimizer.report.scenario_workbook.fields import Field, field_label

FACTOR_UNIT = "×"
"""The unit of a control that multiplies."""
SECTIONS_WITHOUT_FIGURES = ("sources", "variants", "schema_version", "price_year", "home")
"""Sections and fields without a figure that could be moved."""


@dataclass(frozen=True)
class Control:
    """One thing that can be moved, from ``low`` to ``high``, and what it makes of a scenario."""

    id: str
    label: str
    base: float | str
    settings: Callable[[float | str], list[str]]
    low: float = 0.0
    high: float = math.inf
    is_integer: bool = False  # whether only whole numbers fit
    unit: str = ""
    max_value: float = math.inf  # that may be asked for
    scale: float = 1.0  # what a value is multiplied by where it is shown: 100 for a percentage
    is_factor: bool = False  # whether it multiplies figures as they stand, rather than replaces one
    choices: tuple[str, ...] = ()  # of a choice: what may be chosen
    choice_labels: tuple[str, ...] = ()  # what these are called, where that is not said elsewhere
    explanation: str = ""  # what is said of it beside its label
    group_title: str = ""  # what the group is called that the label rests on, where it does

    @property
    def full_label(self) -> str:
        """What it is called outside of its group."""
        return f"{self.group_title}: {self.label}" if self.group_title else self.label

    @property
    def step(self) -> float:
        """What a slider moves by."""
        if self.is_integer:
            return 1.0
        span = min(self.high, 1e9) - self.low
        return 10.0 ** (math.floor(math.log10(span)) - 2) if span > 0 else 1.0

    def parse_value(self, text: str) -> float | str:
        """A value as an address has it. Raises ValueError where it is none."""
        if self.choices:
            if text not in self.choices:
                raise ValueError(text)
            return text
        value = float(text)
        if not math.isfinite(value) or (self.is_integer and not value.is_integer()):
            raise ValueError(text)
        # Of a single figure the format itself says what it may be.
        if self.is_factor and (value < 0 or (value == 0 and self.low > 0)):
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class ControlGroup:
    """Controls that belong together; ``parts`` are folded away below them."""

    id: str
    title: str
    controls: tuple[Control, ...]
    subgroups: tuple[ControlGroup, ...] = ()


def figure_paths(case: Case) -> Iterator[str]:
    """The dotted paths of all single figures of a scenario."""
    for name in type(case).model_fields:
        if name not in SECTIONS_WITHOUT_FIGURES:
            yield from _paths_below(getattr(case, name), name)


def _paths_below(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, YearlyQuantity):
        years = zip(value.years, value.values, strict=True)
        yield from (f"{path}.{year}" for year, _ in years) if value.years else (path,)
    elif isinstance(value, Number):
        yield path
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths_below(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths_below(item, f"{path}.{key}")
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _paths_below(item, f"{path}.{getattr(item, 'id', place)}")


def source_describer(case: Case) -> Callable[[Control], str]:
    """A function that tells the source of the figures that a control moves, where all have the same
    one: what it is, whether somebody read or assumed it, and how far the figure is trusted."""
    known: dict[str, list[ScenarioFigure]] = {}
    for one in all_figures(case):
        for count in range(1, len(one.path) + 1):
            known.setdefault(".".join(one.path[:count]), []).append(one)

    def told(control: Control) -> str:
        if control.explanation or isinstance(control.base, str):
            return control.explanation
        moved = control.settings(1.5 * control.base or 1.0)  # by a factor of 1 nothing is moved
        some = [one for text in moved for one in known.get(text.partition("=")[0], ())]
        sources = {(one.source, one.source_kind, one.confidence) for one in some}
        source, kind, confidence = sources.pop() if len(sources) == 1 else (None, "none", None)
        if source is None:
            return ""
        about = [source_kind_name(kind)] if kind in ("read", "reported", "assumption") else []
        if confidence:
            about.append(tr("confidence: {level}", level=confidence_name(confidence)))
        text = (
            case.sources[source].text.in_language(current_language())
            if source in case.sources
            else source
        )
        said = [one.note for one in some if one.note] if len(some) == 1 else []
        if len(some) == 1 and control.unit == FACTOR_UNIT:
            said.append(
                f"{path_in_words(case, '.'.join(some[0].path))}: {format_exact(some[0].value)}."
            )
        whole = f"{text} ({', '.join(about)})" if about else str(text)
        return sanitize(" ".join([tr("Source: {source}", source=whole), *said]))

    return told


def path_in_words(case: Case, path: str) -> str:
    """A dotted path in words: names of items, then what the field is called."""
    at: Any = case
    said: list[str] = []
    fields: list[str] = []
    for step in path.split("."):
        below = child_at(at, step)
        if isinstance(at, BaseModel):
            fields.append(step)
        else:
            # Places in a list count from 1.
            name = str(int(step) + 1) if isinstance(at, tuple) and step.isdecimal() else step
            named_as = _item_name(case, below, step)
            said.append(name if named_as == step else named_as)
        at = below
    label = translate_label(field_label(tuple(fields)))
    if label.endswith(":"):  # it says what its keys are
        return sanitize(": ".join([*said[:-1], f"{label} {said[-1]}"]))
    return sanitize(": ".join([*said, label]))


def _item_name(case: Case, item: Any, id: str) -> str:
    """What an item of a list or mapping is called: by its name, by what has its id, by what it is
    of, or by its place from 1."""
    if isinstance(item, BaseModel):
        if getattr(item, "name", None) is not None:
            return name_of_item(item, id)
        of = [
            str(x)
            for x in (getattr(item, n, None) for n in ("material", "consumer", "country"))
            if x
        ]
        if of and id.isdecimal():
            return ", ".join(_item_name(case, None, one) for one in of)
    for kind in (case.materials, case.consumers, case.projects, case.funders, case.hazards):
        if id in kind:
            return name_of_item(kind[id], id)
    return id


def name_of_item(item: Any, id: str) -> str:
    """The name of an item in the current language; its id where it has none."""
    name = getattr(item, "name", None)
    return name if isinstance(name, str) else display_name(name, id, current_language())


def titled_group(id: str, title: str, controls: Iterable[Control]) -> ControlGroup:
    """A group without whose title its controls cannot be understood."""
    return ControlGroup(id, title, tuple(replace(one, group_title=title) for one in controls))


def figure_control(
    case: Case, path: str, base: float, label: str = "", **control_fields: Any
) -> Control:
    """A single figure of the scenario."""
    name = next((step for step in reversed(path.split(".")) if not step.isdecimal()), path)
    field = _field_at(case, path)
    bounds, percent = field.bounds, field.is_percent
    most = 1.0 if percent and bounds is not None and 1 in (bounds.le, bounds.lt) else math.inf
    unit = "%" if percent else unit_of_field(case, name)
    high = min(most, max(2 * base, 1.0 if percent else 10.0))
    told: dict[str, Any] = {
        "label": label or path_in_words(case, path), "base": base, "unit": unit, "high": high,
        "max_value": most, "scale": 100.0 if percent else 1.0, **control_fields,
    }  # fmt: skip
    return Control(path, settings=lambda value: [f"{path}={_setting_text(value)}"], **told)


def _field_at(case: Case, path: str) -> Field:
    """The field of the format that a dotted path leads to."""
    at: Any = case
    found = Field("")
    for step in path.split("."):
        if isinstance(at, BaseModel):
            found = Field(step, type(at).model_fields.get(step))
        at = child_at(at, step)
    return found


def unit_of_field(case: Case, name: str) -> str:
    """What a figure is counted in, where its name tells."""
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
    id: str, label: str, base: float, numbers: Sequence[LinkedNumbers], **control_fields: Any
) -> Control:
    """Figures that move together; the value divided by ``base`` is the factor upon each."""

    def settings(value: float | str) -> list[str]:
        return [text for one in numbers for text in one.settings_at(float(value) / base)]

    return Control(id, label, base, settings, is_factor=True, **control_fields)


def yearly_numbers(path: str, by_year: Mapping[Any, float]) -> LinkedNumbers:
    """Figures by year as one setting."""
    values = tuple(map(float, by_year.values()))
    return LinkedNumbers((path,), lambda f: [f * x for x in values], tuple(map(str, by_year)))
