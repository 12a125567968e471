"""What an option sets otherwise than the base, in words: names of parts, fields and values."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, Shape, shape_of_step
from models.files.tabs import display_word, tab_at, translate_label
from models.language import tr
from models.results.comparison import ComparisonNames, ValueChange
from models.results.option import BilingualName
from optimizer.report.number_format import format_exact, format_percent, sanitize
from optimizer.report.scenario_workbook.fields import (
    ENGLISH_TEXTS,
    Field,
    field_label,
    find_field,
    referenced_section,
)
from optimizer.report.wording import capitalize, join_with_and

MAX_NAMED = 3
"""Items or values that are named one by one."""
MAX_STATEMENTS = 8
"""Statements that are made of an option."""
ARROW = " → "
ZERO_DEFAULT_FIELDS = frozenset({
    "budget_by_year_meur", "by_year_meur", "delay_years",
    "paid_by", "storage_paid_by", "financing_paid_by", "premium_paid_by",
})  # fmt: skip
"""Fields whose keys that are not named are 0; elsewhere another rule holds, or none."""


class SettingOwner(NamedTuple):
    """An item that a setting belongs to, by its section and its id, or position."""

    section: tuple[str, ...]
    id: str


@dataclass(frozen=True)
class ChangedSetting:
    """A field of a scenario and what of it changes: all of it, or values by their keys."""

    owners: tuple[
        SettingOwner, ...
    ]  # an item, and one within it; none of a field of the whole scenario
    field: Field
    label: str
    changes: Sequence[tuple[str, ValueChange]]  # keys are empty where all of it changes

    @property
    def is_whole_item(self) -> bool:
        """Whether an item itself is what one of both lacks."""
        return not self.label


def changed_settings(changes: Sequence[ValueChange]) -> list[ChangedSetting]:
    """What changes, one a field."""
    read = [(_parse_path(change.path), change) for change in changes]
    found = []
    for (owners, fields), some in groupby(read, lambda pair: pair[0][:2]):
        several = [(at[2], change) for at, change in some]
        path = tuple(fields)
        own = () if owners and path == owners[-1].section else path
        found.append(
            ChangedSetting(
                owners,
                _field_at(path),
                capitalize(translate_label(field_label(path))) if own else "",
                several,
            )
        )
    return found


def _parse_path(path: str) -> tuple[tuple[SettingOwner, ...], tuple[str, ...], str]:
    """The items, the field and the key within it that a path leads to."""
    shape: Shape = SCENARIO_SHAPE
    owners: list[SettingOwner] = []
    fields: list[str] = []
    steps = path.split(".")
    for n, step in enumerate(steps):
        inside = shape_of_step(shape, step) or ANY_SHAPE
        if shape.kind in ("model", "any"):
            fields.append(step)
        elif tab_at(tuple(fields)) is not None:
            owners.append(SettingOwner(tuple(fields), step))
        elif inside.kind != "model":
            return tuple(owners), tuple(fields), ".".join(steps[n:])
        shape = inside
    return tuple(owners), tuple(fields), ""


def _field_at(path: Sequence[str]) -> Field:
    shape: Shape = SCENARIO_SHAPE
    for step in path[:-1]:
        inside = shape_of_step(shape, step) or ANY_SHAPE
        # Of items and positions any one will do.
        shape = (shape_of_step(inside, "0") or ANY_SHAPE) if inside.kind != "model" else inside
    return find_field(shape, path[-1])


@dataclass(frozen=True)
class SettingDescriber:
    """Settings in the words of the current language, with the names of a comparison."""

    names: ComparisonNames
    to_text: Callable[[BilingualName], str]
    currency: str

    def describe_changes(self, changes: Sequence[ValueChange]) -> list[str]:
        """What changes, the same field of several items together; the rest is counted."""
        found: list[tuple[str, str]] = []
        by_field: dict[Any, list[ChangedSetting]] = {}
        for one in changed_settings(changes):
            named = one.owners if len(one.owners) > 1 or one.is_whole_item else ()
            key = (one.owners[-1].section, one.label, named) if one.owners else one.label
            by_field.setdefault(key, []).append(one)
        for several in by_field.values():
            found += self._describe_field(several)
        parts = [
            ": ".join(filter(None, (owner, ", ".join(text for _, text in some))))
            for owner, some in groupby(found, lambda pair: pair[0])
        ]
        if len(parts) > MAX_STATEMENTS:
            rest = tr("{count} more settings", count=len(parts) - MAX_STATEMENTS + 1)
            parts = [*parts[: MAX_STATEMENTS - 1], rest]
        return parts

    def _describe_field(
        self, settings_of_field: Sequence[ChangedSetting]
    ) -> Iterator[tuple[str, str]]:
        """What is said of one field, by whose it is."""
        by_text: dict[str, list[str]] = {}
        for one in settings_of_field:
            by_text.setdefault(self._describe_change(one), []).append(self._owner_name(one))
        if len(by_text) == 1 or len(settings_of_field) <= MAX_NAMED:
            for text, owners in by_text.items():
                yield self._describe_owners(owners, settings_of_field[0]), text
            return
        ends = {self._new_value_text(one) for one in settings_of_field}
        first, end = settings_of_field[0], ends.pop() if len(ends) == 1 else ""
        text = f"{first.label}{ARROW}{end}" if end else _changed_statement(first)
        yield (
            self._describe_owners([self._owner_name(one) for one in settings_of_field], first),
            text,
        )

    def _describe_owners(self, owners: Sequence[str], setting: ChangedSetting) -> str:
        if (
            not setting.owners
            or setting.is_whole_item
            or (len(owners) <= MAX_NAMED and all(owners))
        ):
            return join_with_and(list(dict.fromkeys(filter(None, owners))))
        tab = tab_at(setting.owners[0].section)
        return f"{tab.title if tab else ''} ({len(owners)})"

    def _owner_name(self, setting: ChangedSetting) -> str:
        """The items that a setting is of; of a row without an id nothing."""
        some = setting.owners[:-1] if setting.is_whole_item else setting.owners
        return ", ".join(filter(None, (self._item_name(o, setting.owners[0].id) for o in some)))

    def _item_name(self, owner: SettingOwner, outer: str) -> str:
        tab = tab_at(owner.section)
        if tab is None or not tab.has_ids:
            return ""
        known: Any = getattr(self.names, owner.section[-1], {})
        known = known.get(outer, {}) if len(owner.section) > 1 else known
        return self.to_text(known[owner.id]) if owner.id in known else id_as_words(owner.id)

    def _describe_change(self, setting: ChangedSetting) -> str:
        """What changes of a field, with its label."""
        if setting.is_whole_item:
            (_, change), *_ = setting.changes
            last = setting.owners[-1]
            item = self._item_name(last, setting.owners[0].id)
            if not item:
                tab = tab_at(last.section)
                item = tab.title if tab else id_as_words(last.section[-1])
            if change.base is None:
                return tr("{project} in addition", project=item)
            return tr("without {project}", project=item) if change.value is None else item
        if all(not key for key, _ in setting.changes):
            (_, change), *_ = setting.changes
            before, after = (
                self._format_json(change.base, setting),
                self._format_json(change.value, setting),
            )
            if before is None or after is None:
                return _changed_statement(setting)
            return f"{setting.label} {self._format_change(before, after, setting)}"
        return f"{setting.label} {', '.join(self._describe_changes_by_key(setting))}"

    def _describe_changes_by_key(self, setting: ChangedSetting) -> Iterator[str]:
        """What changes by key; years in a row that change alike are told together."""
        told = []
        absent = "0" if setting.field.name in ZERO_DEFAULT_FIELDS else None
        for place, (key, change) in enumerate(setting.changes):
            pair = [self._format_json(x or absent, setting) for x in (change.base, change.value)]
            before, after = (tr("other") if text is None else text for text in pair)
            row = int(key) - place if key.isdecimal() else None
            told.append((key, (self._format_change(before, after, setting), row)))
        for (text, row), some in groupby(told, lambda pair: pair[1]):
            keys = [key for key, _ in some]
            years = len(keys) > 1 and row is not None
            name = (
                f"{keys[0]}–{keys[-1]}"
                if years
                else ", ".join(self._key_name(k, setting) for k in keys)
            )
            yield f"{name} {text}"

    def _key_name(self, key: str, setting: ChangedSetting) -> str:
        known: Mapping[str, BilingualName] = getattr(
            self.names, referenced_section(setting.field.name), {}
        )
        if setting.field.name == "charges" and setting.owners:
            known = self.names.budget_lines.get(setting.owners[0].id, {})
        return self.to_text(known[key]) if key in known else id_as_words(key)

    def _new_value_text(self, setting: ChangedSetting) -> str:
        """What a field becomes, where that is one value."""
        if len(setting.changes) > 1 or setting.changes[0][0]:
            return ""
        value = self._format_json(setting.changes[0][1].value, setting)
        return "" if value is None else self._format_change("", value, setting).strip()

    def _format_change(self, before: str, after: str, setting: ChangedSetting) -> str:
        text = f"{before}{ARROW}{after}" if before else after
        unit = "" if setting.field.is_percent or setting.field.is_year else setting.field.unit
        if not unit or not any(sign.isdigit() for sign in text):
            return text
        return f"{text} {translate_label(unit).replace('EUR', self.currency)}"

    def _format_json(self, text: str | None, setting: ChangedSetting) -> str | None:
        """A value in words; None where it has too many parts for it."""
        if text is None:
            return tr("not set")
        try:
            value = json.loads(text)
        except ValueError:
            return None  # cut off
        return self._format_value(value, setting)

    def _format_value(self, value: Any, setting: ChangedSetting) -> str | None:
        if isinstance(value, bool):
            return tr("yes") if value else tr("no")
        if isinstance(value, int | float):
            if setting.field.is_year:
                return str(value)
            return format_percent(value) if setting.field.is_percent else format_exact(float(value))
        if isinstance(value, str):
            return (
                self._key_name(value, setting)
                if referenced_section(setting.field.name)
                else sanitize(display_word(value))
            )
        parts = value.values() if isinstance(value, dict) else value
        if len(parts) > MAX_NAMED or any(isinstance(part, dict | list) for part in parts):
            return None
        words = [self._format_value(part, setting) or "" for part in parts]
        if isinstance(value, dict):
            words = [f"{self._key_name(k, setting)} {w}" for k, w in zip(value, words, strict=True)]
        return join_with_and(words) if words else tr("not set")


def _changed_statement(setting: ChangedSetting) -> str:
    """That a field changes, where its values are too many to be told."""
    return tr("“{setting}” changed", setting=setting.label.rstrip(":"))


def id_as_words(id: str) -> str:
    """An id or the name of a field as words, where nothing else names it."""
    return sanitize(id.replace("_", " ").replace(".", ", "))


def subject_name(subject: str) -> str:
    """What two scenarios differ in: a section or a field of the scenario."""
    if subject == "outcome.without_plan":
        return tr("what is expected without any plan")
    if subject in ENGLISH_TEXTS["groups"]:
        return translate_label(ENGLISH_TEXTS["groups"][subject])
    tab = tab_at((subject,))
    return (
        tab.title
        if tab is not None
        else capitalize(translate_label(field_label(tuple(subject.split(".")))))
    )
