"""Differences between the scenarios of two plans, and the figures that cannot be compared because
of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.language import LANGUAGES
from models.results import Plan
from models.results.comparison import ComparabilityIssue, ExcludedFigures, ValueChange
from models.scenario.quantities import REMARK_KEYS

DAMAGE_TOLERANCE = 1e-9
"""Relative difference of damage that counts as rounding."""
MAX_VALUE_LENGTH = 120
"""Maximum number of characters of the JSON text of a value."""
ALL_FIGURES: tuple[ExcludedFigures, ...] = ("damage", "money", "dependence")

EXCLUDED_BY_SUBJECT: Mapping[str, tuple[ExcludedFigures, ...]] = {
    "currency": ("damage", "money"),
    "price_year": ("damage", "money"),
    "horizon": ("damage", "money"),
    "horizon.periods_per_year": ("damage",),
    "horizon.residual_value": ("money", "objective"),
    "objective.measure": ("damage",),
    "objective.cvar.level": ("tail", "objective"),
    "objective.cvar.weight": ("objective",),
    "objective.cost_weight": ("objective",),
    "objective.ambiguity": ("objective",),
    "objective.allocation": (),
    "objective.over_assumptions": ("objective",),
    "assumptions": (),
    "review": (),
    "demand": ("damage", "dependence"),
    "supply": ("damage", "dependence"),
    "conversions": ("damage", "dependence"),
    "damage": ("damage",),
    "hazards": ("damage",),
    "uncertainty": ("damage",),
    "home": ("dependence",),
    "materials": (),
    "consumers": (),
    "projects": (),
}
"""Parts of a scenario other than funding, with the figures that are not compared if they differ."""
TEXT_FIELDS = frozenset({"name", "title", "description"})
IGNORED_FIELDS = frozenset(
    {"variants", "sources", "title", "description", "schema_version", "units"}
)


def changed_values(base_plan: Plan, option_plan: Plan) -> tuple[ValueChange, ...]:
    """Return all values that differ between the scenarios of two plans, section by section.

    Names, titles and sources are ignored. The result is empty if a plan does not carry its
    scenario.
    """
    if base_plan.case is None or option_plan.case is None:
        return ()
    if base_plan.certificate.input_sha256 == option_plan.certificate.input_sha256:
        return ()
    return tuple(_diff_values(_scenario_content(base_plan), _scenario_content(option_plan), ()))


def comparability_issues(
    base_plan: Plan, option_plan: Plan, label: str, value_changes: Sequence[ValueChange]
) -> list[ComparabilityIssue]:
    """Return the differences between the scenarios of an option and of the base, by subject.

    ``label`` is the label of the option, and ``value_changes`` are the values that differ between
    the two scenarios. A difference in damage without any plan that these do not explain is added.
    """

    def issue(
        subject: str, bars: tuple[ExcludedFigures, ...], *changes: ValueChange
    ) -> ComparabilityIssue:
        return ComparabilityIssue(option=label, subject=subject, changes=changes, bars=bars)

    has_same_input = base_plan.certificate.input_sha256 == option_plan.certificate.input_sha256
    if (base_plan.case is None or option_plan.case is None) and not has_same_input:
        hashes = [
            None if p.case is None else p.certificate.input_sha256 for p in (base_plan, option_plan)
        ]
        change = ValueChange(path="scenario", base=hashes[0], value=hashes[1])
        return [issue("scenario", ALL_FIGURES, change)]
    changes_by_subject: dict[str, list[ValueChange]] = {}
    for change in value_changes:
        subject = _subject_of_path(change.path)
        if subject is not None:
            changes_by_subject.setdefault(subject, []).append(change)
    issues = [
        issue(subject, EXCLUDED_BY_SUBJECT.get(subject, ()), *subject_changes)
        for subject, subject_changes in changes_by_subject.items()
    ]
    if _reported_set_settings(base_plan) != _reported_set_settings(option_plan):
        # The figures of a plan over assumption sets are those of the file, or of the first set.
        ids = [
            None if p.reported_set is None else p.reported_set.id for p in (base_plan, option_plan)
        ]
        change = ValueChange(path="assumptions", base=ids[0], value=ids[1])
        issues.append(issue("assumptions", ("damage",), change))
    if "damage" not in excluded_figures(issues):
        issues += [
            issue("outcome.without_plan", (), change)
            for change in _damage_without_plan_changes(base_plan, option_plan)
        ]
    return issues


def _reported_set_settings(plan: Plan) -> Mapping[str, Any]:
    """Return the settings of the assumption set for which a plan's figures are reported; empty
    without assumption sets."""
    reported_set = plan.reported_set
    return (
        {}
        if reported_set is None or plan.case is None
        else plan.case.assumptions[reported_set.id].set
    )


def _damage_without_plan_changes(base_plan: Plan, option_plan: Plan) -> Iterator[ValueChange]:
    """Yield the difference in expected damage without any plan, unless it is within the tolerance.

    It may come from initial stocks or from the allocation, for example.
    """
    base_damage, option_damage = (
        plan.outcome.without_plan.expected for plan in (base_plan, option_plan)
    )
    if abs(base_damage - option_damage) > DAMAGE_TOLERANCE * max(
        1.0, abs(base_damage), abs(option_damage)
    ):
        path = "outcome.without_plan.expected"
        yield ValueChange(
            path=path, base=_shortened_json(base_damage), value=_shortened_json(option_damage)
        )


def excluded_figures(issues: Sequence[ComparabilityIssue]) -> frozenset[ExcludedFigures]:
    """Return the kinds of figures that these issues exclude from the comparison.

    If damage is excluded, the tail and the objective are excluded as well.
    """
    kinds = {kind for issue in issues for kind in issue.bars}
    return frozenset(kinds | {"tail", "objective"} if "damage" in kinds else kinds)


def _subject_of_path(path: str) -> str | None:
    """Return the longest known subject that a dotted path begins with; None if there is none."""
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        if (subject := ".".join(steps[:length])) in EXCLUDED_BY_SUBJECT:
            return subject
    return None


def _scenario_content(plan: Plan) -> dict[str, Any]:
    """Return the scenario of a plan as JSON data without titles and sources."""
    assert plan.case is not None
    # The case is dumped as parsed, so fields added since the plan was made have their defaults.
    data = plan.case.model_dump(
        mode="json", by_alias=True, exclude=set(IGNORED_FIELDS), exclude_none=True
    )
    content: dict[str, Any] = _without_metadata(data)
    return content


def _without_metadata(value: Any) -> Any:
    """Return JSON data without remarks such as sources, texts such as names, and empty parts.

    Lists whose items have ids become mappings from the id to the item.
    """
    if isinstance(value, Mapping):
        if "value" in value and set(value) <= {"value", *REMARK_KEYS}:
            return _without_metadata(value["value"])
        kept_items = {
            str(key): _without_metadata(item)
            for key, item in value.items()
            if not (key in TEXT_FIELDS and _is_text(item)) and key not in REMARK_KEYS
        }
        return {key: item for key, item in kept_items.items() if item not in ({}, [])}
    if isinstance(value, list):
        if value and all(isinstance(item, Mapping) and "id" in item for item in value):
            return {
                item["id"]: _without_metadata({k: x for k, x in item.items() if k != "id"})
                for item in value
            }
        return [_without_metadata(item) for item in value]
    return value


def _is_text(value: Any) -> bool:
    """Return whether a JSON value is a text, either a string or a mapping from language to
    string."""
    return isinstance(value, str) or (isinstance(value, Mapping) and set(value) <= LANGUAGES.keys())


def _diff_values(base_value: Any, value: Any, path: tuple[str, ...]) -> Iterator[ValueChange]:
    """Yield the values that differ between two JSON trees, each with its dotted path."""
    if base_value == value:
        return
    if len(path) < 2 and (base_value is None or value is None):
        # If only one scenario has a section, list its items.
        base_value, value = (
            {} if tree is None and isinstance(other_tree, Mapping) else tree
            for tree, other_tree in ((base_value, value), (value, base_value))
        )
    if isinstance(base_value, Mapping) and isinstance(value, Mapping):
        for key in dict.fromkeys((*base_value, *value)):
            yield from _diff_values(base_value.get(key), value.get(key), (*path, key))
    elif _is_list_of_mappings(base_value) and _is_list_of_mappings(value):
        for index in range(max(len(base_value), len(value))):
            items = [rows[index] if index < len(rows) else None for rows in (base_value, value)]
            yield from _diff_values(items[0], items[1], (*path, str(index)))
    else:
        yield ValueChange(
            path=".".join(path), base=_shortened_json(base_value), value=_shortened_json(value)
        )


def _is_list_of_mappings(value: Any) -> bool:
    """Return whether a value is a list of mappings."""
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _shortened_json(value: Any) -> str | None:
    """Return a value as JSON text of at most ``MAX_VALUE_LENGTH`` characters; None if the value is
    None."""
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"
