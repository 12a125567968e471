"""Patches of assumption sets, and checks of the changes that they make.

An assumption set may change figures only, since the decisions and their dates must be the same for
all sets. A patch that adds or removes an item, moves the horizon or changes the measure of the
objective is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from models.faults import Fault, PathStep
from models.field_marks import collect_values
from models.files.patches import Patch
from models.scenario.case import Case
from models.scenario.hazards import TableStates

FIXED_SECTIONS = (
    "assumptions",
    "variants",
    "review",
    "include",
    "schema_version",
    "counterfactual",
)
"""Sections that no assumption set may change."""


def text_without_sets(case: Case) -> str:
    """Return a scenario as JSON text, without assumption sets, a risk measure over them, and the
    states of a table."""
    excluded_fields: Any = {"assumptions": True, "objective": {"over_assumptions"}}
    if case.uncertainty is not None and isinstance(case.uncertainty.states, TableStates):
        excluded_fields["uncertainty"] = {"states"}
    content = case.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude=excluded_fields
    )
    return json.dumps(content)


def settings_of_set(case: Case, name: str) -> list[str]:
    """Return the patches of an assumption set as ``path=value`` texts.

    A path that ends in ``value`` and a year is shortened to end in the year, since the JSON text of
    :func:`text_without_sets` has no ``value`` there.
    """
    patches = case.assumptions[name].set.items()
    settings = [(re.sub(r"\.value\.(\d+)$", r".\1", path), value) for path, value in patches]
    return [f"{path}={_yaml_numbers(json.dumps(value))}" for path, value in settings]


def _yaml_numbers(text: str) -> str:
    """Return JSON text with numbers that YAML reads as numbers: 5.0e-05 in place of 5e-05."""
    texts_or_numbers = r'("(?:[^"\\]|\\.)*")|(?<![\d.])(\d+)(?=e[-+])'
    return re.sub(texts_or_numbers, lambda found: found[1] or f"{found[2]}.0", text)


def fixed_section_fault(patch: Patch) -> Fault | None:
    """Return a fault if a patch changes one of the ``FIXED_SECTIONS``, else None."""
    section = patch.dotted_path.partition(".")[0]
    if section not in FIXED_SECTIONS:
        return None
    message = f"a set of assumptions cannot change {section}"
    return patch.path_fault(message, "change figures only")


def structural_change_faults(
    case: Case, changed_case: Case, patches: list[Patch]
) -> Iterator[Fault]:
    """Yield a fault for each change of an assumption set that is not a change of a figure.

    ``case`` is the scenario without the set, ``changed_case`` the scenario with its ``patches``.
    Each fault is located at the patch that caused it.
    """
    fixed_values = [
        ("horizon", case.horizon.years, changed_case.horizon.years),
        ("horizon", case.horizon.periods_per_year, changed_case.horizon.periods_per_year),
    ]
    fixed_values.append(("uncertainty", _sample_seed(case), _sample_seed(changed_case)))
    for field in ("measure", "allocation", "over_assumptions", "ambiguity"):
        fixed_values.append(
            ("objective", getattr(case.objective, field), getattr(changed_case.objective, field))
        )
    for section, old_value, new_value in fixed_values:
        if old_value != new_value:
            message = f"a set of assumptions cannot change {section}"
            if section == "horizon":
                message = "a set of assumptions cannot change the years or their periods"
            if section == "uncertainty":
                message = "a set of assumptions cannot change the seed of its states"
            if section == "objective":
                message = "a set of assumptions cannot change what a plan is measured by"
            yield _fault_at_nearest_patch(patches, (section,), message)
    old_paths, new_paths = _item_paths(case), _item_paths(changed_case)
    for path in [path for path in new_paths if path not in old_paths]:
        message = "a set of assumptions cannot add {item}".format(item=".".join(map(str, path)))
        yield _fault_at_nearest_patch(patches, path, message)
    for path in [path for path in old_paths if path not in new_paths]:
        message = "a set of assumptions cannot take {item} away".format(
            item=".".join(map(str, path))
        )
        yield _fault_at_nearest_patch(patches, path, message)


def _sample_seed(case: Case) -> float | None:
    sample = None if case.uncertainty is None else case.uncertainty.sample
    return None if sample is None else sample.seed


def _item_paths(case: Case) -> dict[tuple[PathStep, ...], None]:
    """Return the paths of the items of all lists and mappings, as keys.

    Ids of items replace their positions. The ``FIXED_SECTIONS`` are left out, and so are
    written-out states, since each assumption set may have its own.
    """
    paths = dict[tuple[PathStep, ...], None]()
    for located in collect_values(case):
        holds_items = (
            located.field_type.item_type is not None
            and located.field_type.item_type.model is not None
        )
        section = located.path[:1]
        if (
            holds_items
            and located.path[:2] != ("uncertainty", "states")
            and section not in [(name,) for name in FIXED_SECTIONS]
        ):
            entries = (
                located.value.items()
                if isinstance(located.value, dict)
                else enumerate(located.value)
            )
            for step, item in entries:
                paths[*located.path, getattr(item, "id", step)] = None
    return paths


def _fault_at_nearest_patch(
    patches: list[Patch], path: tuple[PathStep, ...], message: str
) -> Fault:
    """Return a fault at the patch whose path shares the most leading steps with ``path``."""

    def common_steps(patch: Patch) -> int:
        step_pairs = zip(patch.dotted_path.split("."), map(str, path), strict=False)
        steps_agree = [step == path_step for step, path_step in step_pairs]
        return steps_agree.index(False) if False in steps_agree else len(steps_agree)

    nearest_patch = max(patches, key=common_steps)
    return nearest_patch.path_fault(message, "change figures only")
