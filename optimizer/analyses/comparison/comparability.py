"""In what the scenarios of two plans differ, and which figures that keeps from being compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.results import Plan
from models.results.comparison import ComparabilityIssue, ExcludedFigures, ValueChange
from models.scenario.quantities import REMARK_KEYS

DAMAGE_TOLERANCE = 1e-9
"""Damage that differs by a smaller part is arithmetic."""
MAX_VALUE_LENGTH = 120
"""Characters of a value that are shown."""
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
"""What plans rest on that is no option of funding, and the figures that a difference bars."""
TEXT_FIELDS = frozenset({"name", "title", "description"})
IGNORED_FIELDS = frozenset({"variants", "sources", "title", "description", "schema_version"})


def changed_values(base: Plan, option: Plan) -> tuple[ValueChange, ...]:
    """All values of the scenario that differ, in the order of its sections; names apart."""
    if base.case is None or option.case is None:
        return ()
    if base.certificate.input_sha256 == option.certificate.input_sha256:
        return ()
    return tuple(_diff_values(_scenario_content(base), _scenario_content(option), ()))


def differences_by_subject(
    base: Plan, option: Plan, label: str, value_changes: Sequence[ValueChange]
) -> list[ComparabilityIssue]:
    """In what an option is not like the base, ``found`` being what differs between them."""
    same = base.certificate.input_sha256 == option.certificate.input_sha256
    if (base.case is None or option.case is None) and not same:
        written = tuple(
            None if p.case is None else p.certificate.input_sha256 for p in (base, option)
        )
        change = ValueChange(path="scenario", base=written[0], value=written[1])
        return [
            ComparabilityIssue(
                option=label, subject="scenario", changes=(change,), bars=ALL_FIGURES
            )
        ]
    by_subject: dict[str, list[ValueChange]] = {}
    for change in value_changes:
        subject = _subject_of_path(change.path)
        if subject is not None:
            by_subject.setdefault(subject, []).append(change)
    told = [
        ComparabilityIssue(
            option=label,
            subject=subject,
            changes=tuple(some),
            bars=EXCLUDED_BY_SUBJECT.get(subject, ()),
        )
        for subject, some in by_subject.items()
    ]
    if _assumption_set_changes(base) != _assumption_set_changes(option):
        # A plan over sets is told of the file as it stands, or of the first of its sets.
        ids = [None if p.reported_set is None else p.reported_set.id for p in (base, option)]
        change = ValueChange(path="assumptions", base=ids[0], value=ids[1])
        told.append(
            ComparabilityIssue(
                option=label, subject="assumptions", changes=(change,), bars=("damage",)
            )
        )
    if (
        "damage" not in excluded_figures(told)
        and (start := _damage_without_plan_change(base, option)) is not None
    ):
        told.append(
            ComparabilityIssue(
                option=label, subject="outcome.without_plan", changes=(start,), bars=()
            )
        )
    return told


def _assumption_set_changes(plan: Plan) -> Mapping[str, Any]:
    """What the figures of a plan over sets of assumptions change of its file."""
    seen = plan.reported_set
    return {} if seen is None or plan.case is None else plan.case.assumptions[seen.id].set


def _damage_without_plan_change(base: Plan, option: Plan) -> ValueChange | None:
    """What comes without any plan, where that differs: by initial stocks, say, or allocation."""
    before, after = (plan.outcome.without_plan.expected for plan in (base, option))
    if abs(before - after) <= DAMAGE_TOLERANCE * max(1.0, abs(before), abs(after)):
        return None
    path = "outcome.without_plan.expected"
    return ValueChange(path=path, base=_shortened_json(before), value=_shortened_json(after))


def excluded_figures(differences: Sequence[ComparabilityIssue]) -> frozenset[ExcludedFigures]:
    """All figures that are not compared, with those that follow from others."""
    bars = {bar for one in differences for bar in one.bars}
    return frozenset(bars | {"tail", "objective"} if "damage" in bars else bars)


def _subject_of_path(path: str) -> str | None:
    """The longest known subject that a path lies in."""
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        if (known := ".".join(steps[:length])) in EXCLUDED_BY_SUBJECT:
            return known
    return None


def _scenario_content(plan: Plan) -> dict[str, Any]:
    # The case as it is read today: fields that came later stand there with their defaults.
    assert plan.case is not None
    written = plan.case.model_dump(
        mode="json", by_alias=True, exclude=set(IGNORED_FIELDS), exclude_none=True
    )
    content: dict[str, Any] = _without_metadata(written)
    return content


def _without_metadata(value: Any) -> Any:
    """A value without sources and names, its empty parts left out, lists with ids as mappings."""
    if isinstance(value, Mapping):
        if "value" in value and set(value) <= {"value", *REMARK_KEYS}:
            return _without_metadata(value["value"])
        kept = {
            str(key): _without_metadata(of)
            for key, of in value.items()
            if not (key in TEXT_FIELDS and _is_text(of)) and key not in REMARK_KEYS
        }
        return {key: of for key, of in kept.items() if of not in ({}, [])}
    if isinstance(value, list):
        if value and all(isinstance(of, Mapping) and "id" in of for of in value):
            return {
                of["id"]: _without_metadata({k: x for k, x in of.items() if k != "id"})
                for of in value
            }
        return [_without_metadata(of) for of in value]
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and set(value) <= {"en", "de"})


def _diff_values(base: Any, value: Any, path: tuple[str, ...]) -> Iterator[ValueChange]:
    if base == value:
        return
    if len(path) < 2 and (base is None or value is None):
        # Of a whole section that only one has, its items are told.
        base, value = (
            {} if of is None and isinstance(other, Mapping) else of
            for of, other in ((base, value), (value, base))
        )
    if isinstance(base, Mapping) and isinstance(value, Mapping):
        for key in dict.fromkeys((*base, *value)):
            yield from _diff_values(base.get(key), value.get(key), (*path, key))
    elif _is_list_of_mappings(base) and _is_list_of_mappings(value):
        for at in range(max(len(base), len(value))):
            of = [rows[at] if at < len(rows) else None for rows in (base, value)]
            yield from _diff_values(of[0], of[1], (*path, str(at)))
    else:
        yield ValueChange(
            path=".".join(path), base=_shortened_json(base), value=_shortened_json(value)
        )


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(of, Mapping) for of in value)


def _shortened_json(value: Any) -> str | None:
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"
