"""Names and sentences of a comparison in the current language, and texts on the settings in which
an option differs from the base.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

from models.files.shapes import (
    ANY_SHAPE,
    SCENARIO_SHAPE,
    Shape,
    display_word,
    shape_of_step,
    tab_at,
    translate_label,
)
from models.language import current_language, tr
from models.results import Comparison, Plan
from models.results.comparison import (
    ComparabilityIssue,
    ComparisonNames,
    ExcludedFigures,
    FailedOption,
    OptionDifference,
    ValueChange,
)
from models.results.option import BilingualName, BudgetUse, Option
from optimizer.report.cells import format_value
from optimizer.report.number_format import (
    NO_VALUE,
    format_exact,
    format_percent,
    format_rounded,
    sanitize,
)
from optimizer.report.scenario_workbook.columns import (
    ENGLISH_TEXTS,
    Field,
    field_label,
    find_field,
    referenced_section,
)
from optimizer.report.wording import Wording, capitalize, join_with_and

MAX_NAMED = 3
"""Maximum number of items or values that are named one by one."""
MAX_STATEMENTS = 8
"""Maximum number of statements on an option."""
ARROW = " → "
ZERO_DEFAULT_FIELDS = frozenset({
    "budget_by_year_meur", "by_year_meur", "delay_years",
    "paid_by", "storage_paid_by", "financing_paid_by", "premium_paid_by",
})  # fmt: skip
"""Mappings in which a missing key means 0; in others it has another default, or none."""


class SettingOwner(NamedTuple):
    """An item of the scenario to which a setting belongs, given by its section and its id or
    position."""

    section: tuple[str, ...]
    id: str


@dataclass(frozen=True)
class ChangedSetting:
    """A field of a scenario with its changes.

    Either the whole value changes, or values under some of its keys.
    """

    owners: tuple[SettingOwner, ...]  # outermost first; empty for a field of the scenario itself
    field: Field
    label: str
    changes: Sequence[tuple[str, ValueChange]]  # the key is empty if the whole value changes

    @property
    def is_whole_item(self) -> bool:
        """Whether an item of the scenario is added, removed or replaced as a whole."""
        return not self.label


def changed_settings(changes: Sequence[ValueChange]) -> list[ChangedSetting]:
    """Group consecutive changed values that belong to the same field."""
    parsed_changes = [(_parse_path(change.path), change) for change in changes]
    settings = []
    for (owners, path), group in groupby(parsed_changes, lambda pair: pair[0][:2]):
        changes_by_key = [(key, change) for (_, _, key), change in group]
        is_whole_item = bool(owners) and path == owners[-1].section
        label = "" if is_whole_item else capitalize(translate_label(field_label(path)))
        settings.append(ChangedSetting(owners, _field_at(path), label, changes_by_key))
    return settings


def _parse_path(path: str) -> tuple[tuple[SettingOwner, ...], tuple[str, ...], str]:
    """Split a dotted path into (1) ids of list or mapping items, each with its section, (2) field
    names, and (3) the rest inside the last field, empty if there is none. For example,
    ``projects.smelter.output_t_per_year.tin.2030`` has the item ``smelter``, the fields
    ``projects`` and ``output_t_per_year``, and the rest ``tin.2030``."""
    shape: Shape = SCENARIO_SHAPE
    owners: list[SettingOwner] = []
    fields: list[str] = []
    steps = path.split(".")
    for n, step in enumerate(steps):
        child_shape = shape_of_step(shape, step) or ANY_SHAPE
        if shape.kind in ("model", "any"):
            fields.append(step)
        elif tab_at(tuple(fields)) is not None:
            owners.append(SettingOwner(tuple(fields), step))
        elif child_shape.kind != "model":
            return tuple(owners), tuple(fields), ".".join(steps[n:])
        shape = child_shape
    return tuple(owners), tuple(fields), ""


def _field_at(path: Sequence[str]) -> Field:
    """Return the description of the scenario field at a path."""
    shape: Shape = SCENARIO_SHAPE
    for step in path[:-1]:
        child_shape = shape_of_step(shape, step) or ANY_SHAPE
        if child_shape.kind != "model":  # all items of a list have the same shape
            child_shape = shape_of_step(child_shape, "0") or ANY_SHAPE
        shape = child_shape
    return find_field(shape, path[-1])


@dataclass(frozen=True)
class SettingDescriber:
    """Describes changed settings in the current language.

    ``names`` are those of items in a comparison, ``to_text`` returns a name in the current
    language, and ``currency`` replaces EUR in units.
    """

    names: ComparisonNames
    to_text: Callable[[BilingualName], str]
    currency: str

    def describe_changes(self, changes: Sequence[ValueChange]) -> list[str]:
        """Return texts on changes, in which changes of the same field of several items are joined.

        If there are more than ``MAX_STATEMENTS`` texts, the last one states how many are left out.
        """
        statements: list[tuple[str, str]] = []
        settings_by_field: dict[Any, list[ChangedSetting]] = {}
        for setting in changed_settings(changes):
            owners = setting.owners if len(setting.owners) > 1 or setting.is_whole_item else ()
            section = setting.owners[-1].section if setting.owners else ()
            settings_by_field.setdefault((section, setting.label, owners), []).append(setting)
        for settings in settings_by_field.values():
            statements += self._describe_field(settings)
        change_texts = [
            ": ".join(filter(None, (owner, ", ".join(text for _, text in group))))
            for owner, group in groupby(statements, lambda pair: pair[0])
        ]
        if len(change_texts) > MAX_STATEMENTS:
            remainder = tr("{count} more settings", count=len(change_texts) - MAX_STATEMENTS + 1)
            change_texts = [*change_texts[: MAX_STATEMENTS - 1], remainder]
        return change_texts

    def _describe_field(
        self, settings_of_field: Sequence[ChangedSetting]
    ) -> Iterator[tuple[str, str]]:
        """Yield pairs of the owners' names and a text for the changes of one field of several
        items."""
        owners_by_text: dict[str, list[str]] = {}
        for setting in settings_of_field:
            text = self._describe_change(setting)
            owners_by_text.setdefault(text, []).append(self._owner_name(setting))
        if len(owners_by_text) == 1 or len(settings_of_field) <= MAX_NAMED:
            for text, owners in owners_by_text.items():
                yield self._describe_owners(owners, settings_of_field[0]), text
            return
        new_values = {self._new_value_text(setting) for setting in settings_of_field}
        first_setting, new_value = (
            settings_of_field[0],
            new_values.pop() if len(new_values) == 1 else "",
        )
        text = (
            f"{first_setting.label}{ARROW}{new_value}"
            if new_value
            else _changed_statement(first_setting)
        )
        yield (
            self._describe_owners([*map(self._owner_name, settings_of_field)], first_setting),
            text,
        )

    def _describe_owners(self, owners: Sequence[str], setting: ChangedSetting) -> str:
        """Return the names of the items to which a field belongs, or the title of their tab and
        their number if there are many."""
        are_few = len(owners) <= MAX_NAMED and all(owners)
        if not setting.owners or setting.is_whole_item or are_few:
            return join_with_and(list(dict.fromkeys(filter(None, owners))))
        tab = tab_at(setting.owners[0].section)
        return f"{tab.title if tab else ''} ({len(owners)})"

    def _owner_name(self, setting: ChangedSetting) -> str:
        """Return the names of the items to which a setting belongs; empty if they have no ids.

        An item that is itself added or removed is not named.
        """
        owners = setting.owners[:-1] if setting.is_whole_item else setting.owners
        names = (self._item_name(owner, setting.owners[0].id) for owner in owners)
        return ", ".join(filter(None, names))

    def _item_name(self, owner: SettingOwner, outer_id: str) -> str:
        """Return the name of an item, or else its id in words; empty if items of its section have
        no ids. ``outer_id`` is the id of the outermost item to which it belongs."""
        tab = tab_at(owner.section)
        if tab is None or not tab.has_ids:
            return ""
        names: Any = getattr(self.names, owner.section[-1], {})
        names = names.get(outer_id, {}) if len(owner.section) > 1 else names
        return self.to_text(names[owner.id]) if owner.id in names else id_as_words(owner.id)

    def _describe_change(self, setting: ChangedSetting) -> str:
        """Return a text on the change of a field, beginning with its label, or on the addition,
        removal or replacement of a whole item."""
        if setting.is_whole_item:
            (_, change), *_ = setting.changes
            last_owner = setting.owners[-1]
            item = self._item_name(last_owner, setting.owners[0].id)
            if not item:
                tab = tab_at(last_owner.section)
                item = tab.title if tab else id_as_words(last_owner.section[-1])
            if change.base is None:
                return tr("{project} in addition", project=item)
            return tr("without {project}", project=item) if change.value is None else item
        if all(not key for key, _ in setting.changes):
            (_, change), *_ = setting.changes
            text_before = self._format_json(change.base, setting)
            text_after = self._format_json(change.value, setting)
            if text_before is None or text_after is None:
                return _changed_statement(setting)
            return f"{setting.label} {self._format_change(text_before, text_after, setting)}"
        return f"{setting.label} {', '.join(self._describe_changes_by_key(setting))}"

    def _describe_changes_by_key(self, setting: ChangedSetting) -> Iterator[str]:
        """Yield a text for each changed key of a field; consecutive years with the same change are
        joined."""
        texts_by_key = []
        absent_value = "0" if setting.field.name in ZERO_DEFAULT_FIELDS else None
        for index, (key, change) in enumerate(setting.changes):
            texts = [
                self._format_json(x or absent_value, setting) for x in (change.base, change.value)
            ]
            text_before, text_after = (tr("other") if text is None else text for text in texts)
            offset = int(key) - index if key.isdecimal() else None
            change_text = self._format_change(text_before, text_after, setting)
            texts_by_key.append((key, (change_text, offset)))
        for (text, offset), group in groupby(texts_by_key, lambda pair: pair[1]):
            keys = [key for key, _ in group]
            name = ", ".join(self._key_name(k, setting) for k in keys)
            if len(keys) > 1 and offset is not None:
                name = f"{keys[0]}–{keys[-1]}"
            yield f"{name} {text}"

    def _key_name(self, key: str, setting: ChangedSetting) -> str:
        """Return the name of the item to which a key refers, or else the key in words."""
        section = referenced_section(setting.field.name)
        names: Mapping[str, BilingualName] = getattr(self.names, section, {})
        if setting.field.name == "charges" and setting.owners:
            names = self.names.budget_lines.get(setting.owners[0].id, {})
        return self.to_text(names[key]) if key in names else id_as_words(key)

    def _new_value_text(self, setting: ChangedSetting) -> str:
        """Return the new value of a field as text.

        The text is empty if only values under keys of the field change, or if the new value cannot
        be shown.
        """
        if len(setting.changes) > 1 or setting.changes[0][0]:
            return ""
        value = self._format_json(setting.changes[0][1].value, setting)
        return "" if value is None else self._format_change("", value, setting).strip()

    def _format_change(self, before: str, after: str, setting: ChangedSetting) -> str:
        """Format the old value (unless it is empty) and the new value, with the field's unit."""
        text = f"{before}{ARROW}{after}" if before else after
        unit = "" if setting.field.is_percent or setting.field.is_year else setting.field.unit
        if not unit or not any(character.isdigit() for character in text):
            return text
        return f"{text} {translate_label(unit).replace('EUR', self.currency)}"

    def _format_json(self, text: str | None, setting: ChangedSetting) -> str | None:
        """Format a value that is given as JSON text.

        None is formatted as "not set". Return None if the value has too many parts or is truncated.
        """
        if text is None:
            return tr("not set")
        try:
            value = json.loads(text)
        except ValueError:
            return None  # truncated
        return self._format_value(value, setting)

    def _format_value(self, value: Any, setting: ChangedSetting) -> str | None:
        """Format a value of a field; return None if it has too many parts or nested ones."""
        if isinstance(value, bool):
            return tr("yes") if value else tr("no")
        if isinstance(value, int | float):
            if setting.field.is_year:
                return str(value)
            return format_percent(value) if setting.field.is_percent else format_exact(float(value))
        if isinstance(value, str):
            if referenced_section(setting.field.name):
                return self._key_name(value, setting)
            return sanitize(display_word(value))
        values = value.values() if isinstance(value, dict) else value
        if len(values) > MAX_NAMED or any(isinstance(part, dict | list) for part in values):
            return None
        words = [self._format_value(part, setting) or "" for part in values]
        if isinstance(value, dict):
            words = [f"{self._key_name(k, setting)} {w}" for k, w in zip(value, words, strict=True)]
        return join_with_and(words) if words else tr("not set")


def _changed_statement(setting: ChangedSetting) -> str:
    """Return a statement that a field changes, without its old and new value."""
    return tr("“{setting}” changed", setting=setting.label.rstrip(":"))


def id_as_words(id: str) -> str:
    """Return an id or a field name in words, for something that has no name."""
    return sanitize(id.replace("_", " ").replace(".", ", "))


def subject_name(subject: str) -> str:
    """Return the name of a subject of a :class:`ComparabilityIssue` in the current language."""
    if subject == "outcome.without_plan":
        return tr("what is expected without any plan")
    if subject in ENGLISH_TEXTS["groups"]:
        return translate_label(ENGLISH_TEXTS["groups"][subject])
    tab = tab_at((subject,))
    if tab is not None:
        return tab.title
    return capitalize(translate_label(field_label(tuple(subject.split(".")))))


MAX_NAMED_COLUMNS = 5
"""Number of options up to which columns have their names as headers; above, numbers."""


def localized(text: BilingualName) -> str:
    """Return a bilingual name in the current language."""
    return sanitize(getattr(text, current_language()))


@dataclass(frozen=True)
class ComparisonWording(Wording[Comparison]):
    """Names, units and sentences of a comparison of plans, in the current language.

    ``plans`` maps the labels of the options to their plans, and is empty if these are not
    available. Options are ordered by public money, or as they were given if ``in_given_order`` is
    true.
    """

    plans: Mapping[str, Plan] = field(default_factory=dict)
    in_given_order: bool = False

    @property
    def title(self) -> str:
        """The title of the base's scenario."""
        return localized(self.result.title)

    @cached_property
    def options(self) -> Sequence[Option]:
        """The options by increasing public money; those whose money is not compared come last.

        With ``in_given_order``, the options are in the order of the result.
        """
        if self.in_given_order:
            return self.result.options

        def order(option: Option) -> tuple[bool, float]:
            public_cost = option.cost.public
            paid_present_meur = public_cost.paid_present_meur
            sorting_amount = (
                public_cost.paid_meur if paid_present_meur is None else paid_present_meur
            )
            return self.is_excluded(option.label, "money"), sorting_amount

        return sorted(self.result.options, key=order)

    @cached_property
    def differences(self) -> Sequence[OptionDifference]:
        """The difference of each other option from the base, in the order of the options."""
        by_label = {difference.option: difference for difference in self.result.differences}
        return [by_label[option.label] for option in self.options if option.label in by_label]

    @cached_property
    def base(self) -> Option:
        """The option with which the others are compared."""
        return self.option(self.result.base)

    def option(self, label: str) -> Option:
        """Return the option that has this label."""
        return next(o for o in self.result.options if o.label == label)

    @property
    def currency(self) -> str:
        """The currency of the base plan."""
        return self.base.currency

    @property
    def measure(self) -> str:
        """The measure of shortages in the base plan: ``damage``, ``tonnes`` or
        ``share_of_demand``."""
        return self.base.benefit.measure

    @cached_property
    def _option_names(self) -> dict[str, str]:
        plain_names = {option.label: self._plain_name(option) for option in self.options}
        names = list(plain_names.values())
        return {
            label: f"{name} ({sanitize(label)})" if names.count(name) > 1 else name
            for label, name in plain_names.items()
        }

    def option_name(self, label: str) -> str:
        """Return the name of an option: the title of its variant, "base case", or its label.

        If several options have the same name, the label is appended.
        """
        return self._option_names.get(label) or sanitize(label)

    @property
    def uses_numbers(self) -> bool:
        """Whether column headers show numbers instead of names, since there are too many
        options."""
        return len(self.options) > MAX_NAMED_COLUMNS

    def option_number(self, label: str) -> int:
        """Return the position of an option in the order of the options, counted from 1."""
        return [option.label for option in self.options].index(label) + 1

    def numbered_name(self, label: str) -> str:
        """Return the name of an option, preceded by its number if column headers show numbers."""
        name = self.option_name(label)
        return f"{self.option_number(label)} {name}" if self.uses_numbers else name

    def short_name(self, label: str) -> str:
        """Return the number of an option if column headers show numbers, or else its quoted
        name."""
        if self.uses_numbers:
            return tr("option {number}", number=self.option_number(label))
        return tr("“{option}”", option=self.option_name(label))

    def with_legend(self, note: str = "") -> str:
        """Append the names of all numbered options to a note, if column headers show numbers."""
        names = ", ".join(self.numbered_name(option.label) for option in self.options)
        legend = tr("Options: {names}.", names=names) if self.uses_numbers else ""
        return f"{note} {legend}".strip()

    def is_excluded(self, label: str, *figures: ExcludedFigures) -> bool:
        """Return whether any of these kinds of figures cannot be compared between an option and the
        base."""
        issues = [issue for issue in self.result.unlike if issue.option == label]
        kinds = {kind for issue in issues for kind in issue.bars}
        kinds |= {"tail", "objective"} if "damage" in kinds else set()
        return bool(kinds & set(figures))

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """Return the name of an item from the plans, or else ``fallback``, or else its id.

        ``kind`` is the section of the item, such as ``materials`` or ``projects``.
        """
        names: Mapping[str, BilingualName] = getattr(self.result.names, kind, {})
        return localized(names[id]) if id in names else sanitize(fallback or id)

    def budget_name(self, budget_use: BudgetUse) -> str:
        """Return the name of a budget: that of its funder, or of all public funders, and that of
        the budget line if it is one."""
        if budget_use.funder is None:
            return tr("all public funders together")
        funder_name = self.name("funders", budget_use.funder)
        if budget_use.line == "budget":
            return funder_name
        line_names = self.result.names.budget_lines.get(budget_use.funder, {})
        line_name = line_names.get(budget_use.line)
        name = sanitize(budget_use.name) if line_name is None else localized(line_name)
        return f"{funder_name}, {name}"

    def list_options(self, options: Sequence[Option]) -> str:
        """Return the names of several options as a list for a sentence."""
        if len(options) == len(self.options):
            return tr("all options")
        return join_with_and([self.option_name(option.label) for option in options])

    def format_signed(self, value: float) -> str:
        """Format a difference with its sign, for a sentence."""
        return format_value(value, "signed", 0 if abs(value) >= 100 else None)

    def explain_failure(self, failed: FailedOption) -> str:
        """Return a sentence that explains why an option has no plan and is left out."""
        name = sanitize(failed.label) if failed.variant is None else localized(failed.title)
        if failed.reason != "infeasible":
            reason = sanitize(tr(failed.message))
            return tr("“{option}” is left out, since there is no plan: {message}.",
                      option=name, message=reason)  # fmt: skip
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
        return tr("“{option}” is left out: no plan keeps all of these rules together. {rules}.",
                  option=name, rules=sanitize(rules))  # fmt: skip

    def describe_issue(self, issue: ComparabilityIssue) -> str:
        """Describe how the scenario of an option differs from that of the base, and which figures
        are not compared for that reason."""
        names = {
            "option": self.option_name(issue.option),
            "base": self.option_name(self.result.base),
        }
        if issue.subject == "scenario":
            sentence = tr("“{option}” and “{base}”: one of the plans does not carry its scenario, "
                          "so that what they have in common is unknown.", **names)  # fmt: skip
        else:
            changes = "; ".join(self._describe_subject(issue))
            sentence = tr("“{option}” differs from “{base}”: {changes}.", changes=changes, **names)
        if not issue.bars:
            return sentence
        figures = {
            "damage": self.outcome_word,
            "tail": tr("the worst states"),
            "money": tr("money"),
            "objective": tr("the objective"),
            "dependence": tr("dependence"),
        }
        excluded_text = join_with_and([figures[kind] for kind in issue.bars])
        return f"{sentence} {tr('Not compared for that reason: {figures}.', figures=excluded_text)}"

    def _describe_subject(self, issue: ComparabilityIssue) -> list[str]:
        """Return texts on the changes that make up an issue."""
        if not issue.subject.startswith("outcome"):
            return self._setting_describer.describe_changes(issue.changes)
        base_and_new_values = [
            (change.base or "0", change.value or "0") for change in issue.changes
        ]
        return [
            f"{subject_name(issue.subject)} {format_rounded(float(base_value))}{ARROW}"
            f"{self.amount(float(new_value))}"
            for base_value, new_value in base_and_new_values
        ]

    def describe_changes(self, label: str) -> str:
        """Return a text on the settings in which an option differs from the base."""
        changes = self.result.changes.get(label, ())
        return "; ".join(self._setting_describer.describe_changes(changes)) or NO_VALUE

    @property
    def _setting_describer(self) -> SettingDescriber:
        return SettingDescriber(self.result.names, localized, self.currency)

    def _plain_name(self, option: Option) -> str:
        """Return the name of an option before repeated names are made unique.

        This is the title of its variant. An option without a variant is named the base case if its
        label is ``base`` or if it is the only one of several options, and else by its label.
        """
        if option.variant is not None:
            return localized(option.title)
        unvaried_count = sum(other.variant is None for other in self.result.options)
        if option.label == "base" or unvaried_count == 1 < len(self.result.options):
            return capitalize(tr("base case"))
        return sanitize(option.label)
