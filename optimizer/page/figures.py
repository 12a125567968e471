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

from models.base import named
from models.files.tabs import worded
from models.language import language, tr
from models.scenario.case import Case
from models.scenario.quantities import Number, Yearly
from optimizer.analyses.assumptions import Numbers, inside
from optimizer.analyses.plan.evidence import (
    Figure,
    confidence_name,
    every_figure,
    standing_name,
)
from optimizer.analyses.variation import written
from optimizer.report.figures import clean, exact
from optimizer.report.scenario_workbook.fields import Field, label_of

FACTOR = "×"
"""The unit of a control that multiplies."""
NOT_FIGURES = ("sources", "variants", "schema_version", "price_year", "home")
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
    whole: bool = False  # whether only whole numbers fit
    unit: str = ""
    most: float = math.inf  # that may be asked for
    scale: float = 1.0  # what a value is multiplied by where it is shown: 100 for a percentage
    is_factor: bool = False  # whether it multiplies figures as they stand, rather than replaces one
    names: tuple[str, ...] = ()  # of a choice: what may be chosen
    says: tuple[str, ...] = ()  # what these are called, where that is not said elsewhere
    about: str = ""  # what is said of it beside its label
    of: str = ""  # what the group is called that the label rests on, where it does

    @property
    def called(self) -> str:
        """What it is called outside of its group."""
        return f"{self.of}: {self.label}" if self.of else self.label

    @property
    def step(self) -> float:
        """What a slider moves by."""
        if self.whole:
            return 1.0
        span = min(self.high, 1e9) - self.low
        return 10.0 ** (math.floor(math.log10(span)) - 2) if span > 0 else 1.0

    def read(self, text: str) -> float | str:
        """A value as an address has it. Raises ValueError where it is none."""
        if self.names:
            if text not in self.names:
                raise ValueError(text)
            return text
        value = float(text)
        if not math.isfinite(value) or (self.whole and not value.is_integer()):
            raise ValueError(text)
        # Of a single figure the format itself says what it may be.
        if self.is_factor and (value < 0 or (value == 0 and self.low > 0)):
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class Group:
    """Controls that belong together; ``parts`` are folded away below them."""

    id: str
    title: str
    controls: tuple[Control, ...]
    parts: tuple[Group, ...] = ()


def figures(case: Case) -> Iterator[str]:
    """The dotted paths of all single figures of a scenario."""
    for name in type(case).model_fields:
        if name not in NOT_FIGURES:
            yield from _below(getattr(case, name), name)


def _below(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Yearly):
        years = zip(value.years, value.values, strict=True)
        yield from (f"{path}.{year}" for year, _ in years) if value.years else (path,)
    elif isinstance(value, Number):
        yield path
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _below(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _below(item, f"{path}.{key}")
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _below(item, f"{path}.{getattr(item, 'id', place)}")


def rests_on(case: Case) -> Callable[[Control], str]:
    """A function that tells the source of the figures that a control moves, where all have the same
    one: what it is, whether somebody read or assumed it, and how far the figure is trusted."""
    known: dict[str, list[Figure]] = {}
    for one in every_figure(case):
        for count in range(1, len(one.path) + 1):
            known.setdefault(".".join(one.path[:count]), []).append(one)

    def told(control: Control) -> str:
        if control.about or isinstance(control.base, str):
            return control.about
        moved = control.settings(1.5 * control.base or 1.0)  # by a factor of 1 nothing is moved
        some = [one for text in moved for one in known.get(text.partition("=")[0], ())]
        sources = {(one.source, one.standing, one.confidence) for one in some}
        source, kind, confidence = sources.pop() if len(sources) == 1 else (None, "none", None)
        if source is None:
            return ""
        about = [standing_name(kind)] if kind in ("read", "reported", "assumption") else []
        if confidence:
            about.append(tr("confidence: {level}", level=confidence_name(confidence)))
        text = case.sources[source].text.read(language()) if source in case.sources else source
        said = [one.note for one in some if one.note] if len(some) == 1 else []
        if len(some) == 1 and control.unit == FACTOR:
            said.append(f"{words(case, '.'.join(some[0].path))}: {exact(some[0].value)}.")
        whole = f"{text} ({', '.join(about)})" if about else str(text)
        return clean(" ".join([tr("Source: {source}", source=whole), *said]))

    return told


def words(case: Case, path: str) -> str:
    """A dotted path in words: names of items, then what the field is called."""
    at: Any = case
    said: list[str] = []
    fields: list[str] = []
    for step in path.split("."):
        below = inside(at, step)
        if isinstance(at, BaseModel):
            fields.append(step)
        else:
            # Places in a list count from 1.
            name = str(int(step) + 1) if isinstance(at, tuple) and step.isdecimal() else step
            named_as = _item(case, below, step)
            said.append(name if named_as == step else named_as)
        at = below
    label = worded(label_of(tuple(fields)))
    if label.endswith(":"):  # it says what its keys are
        return clean(": ".join([*said[:-1], f"{label} {said[-1]}"]))
    return clean(": ".join([*said, label]))


def _item(case: Case, item: Any, id: str) -> str:
    """What an item of a list or mapping is called: by its name, by what has its id, by what it is
    of, or by its place from 1."""
    if isinstance(item, BaseModel):
        if getattr(item, "name", None) is not None:
            return named_item(item, id)
        of = [
            str(x)
            for x in (getattr(item, n, None) for n in ("material", "consumer", "country"))
            if x
        ]
        if of and id.isdecimal():
            return ", ".join(_item(case, None, one) for one in of)
    for kind in (case.materials, case.consumers, case.projects, case.funders, case.hazards):
        if id in kind:
            return named_item(kind[id], id)
    return id


def named_item(item: Any, id: str) -> str:
    """The name of an item in the current language; its id where it has none."""
    name = getattr(item, "name", None)
    return name if isinstance(name, str) else named(name, id, language())


def under(id: str, title: str, some: Iterable[Control]) -> Group:
    """A group without whose title its controls cannot be understood."""
    return Group(id, title, tuple(replace(one, of=title) for one in some))


def figure(case: Case, path: str, base: float, label: str = "", **more: Any) -> Control:
    """A single figure of the scenario."""
    name = next((step for step in reversed(path.split(".")) if not step.isdecimal()), path)
    field = _field(case, path)
    bounds, percent = field.bounds, field.is_percent
    most = 1.0 if percent and bounds is not None and 1 in (bounds.le, bounds.lt) else math.inf
    unit = "%" if percent else unit_of(case, name)
    high = min(most, max(2 * base, 1.0 if percent else 10.0))
    told: dict[str, Any] = {
        "label": label or words(case, path), "base": base, "unit": unit, "high": high,
        "most": most, "scale": 100.0 if percent else 1.0, **more,
    }  # fmt: skip
    return Control(path, settings=lambda value: [f"{path}={_text(value)}"], **told)


def _field(case: Case, path: str) -> Field:
    """The field of the format that a dotted path leads to."""
    at: Any = case
    found = Field("")
    for step in path.split("."):
        if isinstance(at, BaseModel):
            found = Field(step, type(at).model_fields.get(step))
        at = inside(at, step)
    return found


def unit_of(case: Case, name: str) -> str:
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


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else written(float(f"{value:.12g}"))


def together(id: str, label: str, base: float, numbers: Sequence[Numbers], **more: Any) -> Control:
    """Figures that move together; the value divided by ``base`` is the factor upon each."""

    def settings(value: float | str) -> list[str]:
        return [text for one in numbers for text in one.settings(float(value) / base)]

    return Control(id, label, base, settings, is_factor=True, **more)


def of_years(path: str, by_year: Mapping[Any, float]) -> Numbers:
    """Figures by year as one setting."""
    values = tuple(map(float, by_year.values()))
    return Numbers((path,), lambda f: [f * x for x in values], tuple(map(str, by_year)))
