"""What an option sets otherwise than the base, in words: names of parts, fields and values."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from models.files.shapes import ANYTHING, ROOT, Shape, step_into
from models.files.tabs import tab_at, word_shown, worded
from models.language import tr
from models.results.comparison import Change, Names
from models.results.option import Wording
from optimizer.report.figures import clean, exact, percent
from optimizer.report.scenario_workbook.fields import WORDS, Field, field_of, label_of, section_of
from optimizer.report.wording import capital, listed

FEW = 3
"""Items or values that are named one by one."""
MOST = 8
"""Statements that are made of an option."""
ARROW = " → "
NOTHING = frozenset({
    "budget_by_year_meur", "by_year_meur", "delay_years",
    "paid_by", "storage_paid_by", "financing_paid_by", "premium_paid_by",
})  # fmt: skip
"""Fields whose keys that are not named are 0; elsewhere another rule holds, or none."""


class Owner(NamedTuple):
    """An item that a setting belongs to, by its section and its id, or position."""

    section: tuple[str, ...]
    id: str


@dataclass(frozen=True)
class Setting:
    """A field of a scenario and what of it changes: all of it, or values by their keys."""

    owners: tuple[Owner, ...]  # an item, and one within it; none of a field of the whole scenario
    field: Field
    label: str
    changes: Sequence[tuple[str, Change]]  # keys are empty where all of it changes

    @property
    def is_whole(self) -> bool:
        """Whether an item itself is what one of both lacks."""
        return not self.label


def settings(changes: Sequence[Change]) -> list[Setting]:
    """What changes, one a field."""
    read = [(_read(change.path), change) for change in changes]
    found = []
    for (owners, fields), some in groupby(read, lambda pair: pair[0][:2]):
        several = [(at[2], change) for at, change in some]
        path = tuple(fields)
        own = () if owners and path == owners[-1].section else path
        found.append(
            Setting(owners, _field(path), capital(worded(label_of(path))) if own else "", several)
        )
    return found


def _read(path: str) -> tuple[tuple[Owner, ...], tuple[str, ...], str]:
    """The items, the field and the key within it that a path leads to."""
    shape: Shape = ROOT
    owners: list[Owner] = []
    fields: list[str] = []
    steps = path.split(".")
    for n, step in enumerate(steps):
        inside = step_into(shape, step) or ANYTHING
        if shape.kind in ("model", "any"):
            fields.append(step)
        elif tab_at(tuple(fields)) is not None:
            owners.append(Owner(tuple(fields), step))
        elif inside.kind != "model":
            return tuple(owners), tuple(fields), ".".join(steps[n:])
        shape = inside
    return tuple(owners), tuple(fields), ""


def _field(path: Sequence[str]) -> Field:
    shape: Shape = ROOT
    for step in path[:-1]:
        inside = step_into(shape, step) or ANYTHING
        # Of items and positions any one will do.
        shape = (step_into(inside, "0") or ANYTHING) if inside.kind != "model" else inside
    return field_of(shape, path[-1])


@dataclass(frozen=True)
class Speaker:
    """Settings in the words of the current language, with the names of a comparison."""

    names: Names
    said: Callable[[Wording], str]
    currency: str

    def statements(self, changes: Sequence[Change]) -> list[str]:
        """What changes, the same field of several items together; the rest is counted."""
        found: list[tuple[str, str]] = []
        by_field: dict[Any, list[Setting]] = {}
        for one in settings(changes):
            named = one.owners if len(one.owners) > 1 or one.is_whole else ()
            key = (one.owners[-1].section, one.label, named) if one.owners else one.label
            by_field.setdefault(key, []).append(one)
        for several in by_field.values():
            found += self._together(several)
        parts = [
            ": ".join(filter(None, (owner, ", ".join(text for _, text in some))))
            for owner, some in groupby(found, lambda pair: pair[0])
        ]
        if len(parts) > MOST:
            rest = tr("{count} more settings", count=len(parts) - MOST + 1)
            parts = [*parts[: MOST - 1], rest]
        return parts

    def _together(self, several: Sequence[Setting]) -> Iterator[tuple[str, str]]:
        """What is said of one field, by whose it is."""
        by_text: dict[str, list[str]] = {}
        for one in several:
            by_text.setdefault(self._change(one), []).append(self._owner(one))
        if len(by_text) == 1 or len(several) <= FEW:
            for text, owners in by_text.items():
                yield self._whose(owners, several[0]), text
            return
        ends = {self._after(one) for one in several}
        first, end = several[0], ends.pop() if len(ends) == 1 else ""
        text = f"{first.label}{ARROW}{end}" if end else _changed(first)
        yield self._whose([self._owner(one) for one in several], first), text

    def _whose(self, owners: Sequence[str], one: Setting) -> str:
        if not one.owners or one.is_whole or (len(owners) <= FEW and all(owners)):
            return listed(list(dict.fromkeys(filter(None, owners))))
        tab = tab_at(one.owners[0].section)
        return f"{tab.title if tab else ''} ({len(owners)})"

    def _owner(self, one: Setting) -> str:
        """The items that a setting is of; of a row without an id nothing."""
        some = one.owners[:-1] if one.is_whole else one.owners
        return ", ".join(filter(None, (self._item(o, one.owners[0].id) for o in some)))

    def _item(self, owner: Owner, outer: str) -> str:
        tab = tab_at(owner.section)
        if tab is None or not tab.has_ids:
            return ""
        known: Any = getattr(self.names, owner.section[-1], {})
        known = known.get(outer, {}) if len(owner.section) > 1 else known
        return self.said(known[owner.id]) if owner.id in known else spelt(owner.id)

    def _change(self, one: Setting) -> str:
        """What changes of a field, with its label."""
        if one.is_whole:
            (_, change), *_ = one.changes
            last = one.owners[-1]
            item = self._item(last, one.owners[0].id)
            if not item:
                tab = tab_at(last.section)
                item = tab.title if tab else spelt(last.section[-1])
            if change.base is None:
                return tr("{project} in addition", project=item)
            return tr("without {project}", project=item) if change.value is None else item
        if all(not key for key, _ in one.changes):
            (_, change), *_ = one.changes
            before, after = self._value(change.base, one), self._value(change.value, one)
            if before is None or after is None:
                return _changed(one)
            return f"{one.label} {self._arrow(before, after, one)}"
        return f"{one.label} {', '.join(self._keyed(one))}"

    def _keyed(self, one: Setting) -> Iterator[str]:
        """What changes by key; years in a row that change alike are told together."""
        told = []
        absent = "0" if one.field.name in NOTHING else None
        for place, (key, change) in enumerate(one.changes):
            pair = [self._value(x or absent, one) for x in (change.base, change.value)]
            before, after = (tr("other") if text is None else text for text in pair)
            row = int(key) - place if key.isdecimal() else None
            told.append((key, (self._arrow(before, after, one), row)))
        for (text, row), some in groupby(told, lambda pair: pair[1]):
            keys = [key for key, _ in some]
            years = len(keys) > 1 and row is not None
            name = f"{keys[0]}–{keys[-1]}" if years else ", ".join(self._key(k, one) for k in keys)
            yield f"{name} {text}"

    def _key(self, key: str, one: Setting) -> str:
        known: Mapping[str, Wording] = getattr(self.names, section_of(one.field.name), {})
        if one.field.name == "charges" and one.owners:
            known = self.names.budget_lines.get(one.owners[0].id, {})
        return self.said(known[key]) if key in known else spelt(key)

    def _after(self, one: Setting) -> str:
        """What a field becomes, where that is one value."""
        if len(one.changes) > 1 or one.changes[0][0]:
            return ""
        value = self._value(one.changes[0][1].value, one)
        return "" if value is None else self._arrow("", value, one).strip()

    def _arrow(self, before: str, after: str, one: Setting) -> str:
        text = f"{before}{ARROW}{after}" if before else after
        unit = "" if one.field.is_percent or one.field.is_year else one.field.unit
        if not unit or not any(sign.isdigit() for sign in text):
            return text
        return f"{text} {worded(unit).replace('EUR', self.currency)}"

    def _value(self, text: str | None, one: Setting) -> str | None:
        """A value in words; None where it has too many parts for it."""
        if text is None:
            return tr("not set")
        try:
            value = json.loads(text)
        except ValueError:
            return None  # cut off
        return self._said(value, one)

    def _said(self, value: Any, one: Setting) -> str | None:
        if isinstance(value, bool):
            return tr("yes") if value else tr("no")
        if isinstance(value, int | float):
            if one.field.is_year:
                return str(value)
            return percent(value) if one.field.is_percent else exact(float(value))
        if isinstance(value, str):
            return self._key(value, one) if section_of(one.field.name) else clean(word_shown(value))
        parts = value.values() if isinstance(value, dict) else value
        if len(parts) > FEW or any(isinstance(part, dict | list) for part in parts):
            return None
        words = [self._said(part, one) or "" for part in parts]
        if isinstance(value, dict):
            words = [f"{self._key(k, one)} {w}" for k, w in zip(value, words, strict=True)]
        return listed(words) if words else tr("not set")


def _changed(one: Setting) -> str:
    """That a field changes, where its values are too many to be told."""
    return tr("“{setting}” changed", setting=one.label.rstrip(":"))


def spelt(id: str) -> str:
    """An id or the name of a field as words, where nothing else names it."""
    return clean(id.replace("_", " ").replace(".", ", "))


def part_called(subject: str) -> str:
    """What two scenarios differ in: a section or a field of the scenario."""
    if subject == "outcome.without_plan":
        return tr("what is expected without any plan")
    if subject in WORDS["groups"]:
        return worded(WORDS["groups"][subject])
    tab = tab_at((subject,))
    return tab.title if tab is not None else capital(worded(label_of(tuple(subject.split(".")))))
