"""A scenario under each of its sets of assumptions, and patches that are none.

A set changes figures. What there is to decide on, and when, is the same for all of them: a patch
that adds or takes away an item, moves the horizon or changes what a plan is measured by is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from models.faults import Fault, PathStep
from models.field_marks import collect_values
from models.files.patches import Patch
from models.language import tr
from models.scenario.case import Case

FIXED_SECTIONS = (
    "assumptions",
    "variants",
    "review",
    "include",
    "schema_version",
    "counterfactual",
)
"""Sections that no set of assumptions changes."""


def text_without_sets(case: Case) -> str:
    """A scenario without its sets, as a text that reads back as itself."""
    apart: Any = {"assumptions": True, "objective": {"over_assumptions"}}
    content = case.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=apart)
    return json.dumps(content)


def settings_of_set(case: Case, name: str) -> list[str]:
    """The patches of a set, as ``path=value``. Years stand right below their quantity in a text,
    also where the file has them beside a source."""
    patches = case.assumptions[name].set.items()
    plain = [(re.sub(r"\.value\.(\d+)$", r".\1", path), value) for path, value in patches]
    return [f"{path}={json.dumps(value)}" for path, value in plain]


def fixed_section_fault(patch: Patch) -> Fault | None:
    """The fault of a patch of something that all sets have in common."""
    section = patch.dotted_path.partition(".")[0]
    if section not in FIXED_SECTIONS:
        return None
    message = tr("a set of assumptions cannot change {section}", section=section)
    return patch.path_fault(message, tr("change figures only"))


def structural_change_faults(case: Case, changed: Case, patches: list[Patch]) -> Iterator[Fault]:
    """What a set changes beside figures, each at the patch that does."""
    common = [
        ("horizon", case.horizon.years, changed.horizon.years),
        ("horizon", case.horizon.periods_per_year, changed.horizon.periods_per_year),
    ]
    common.append(("uncertainty", _sample_seed(case), _sample_seed(changed)))
    for field in ("measure", "allocation", "over_assumptions", "ambiguity"):
        common.append(
            ("objective", getattr(case.objective, field), getattr(changed.objective, field))
        )
    for section, before, after in common:
        if before != after:
            message = tr("a set of assumptions cannot change {section}", section=section)
            if section == "horizon":
                message = tr("a set of assumptions cannot change the years or their periods")
            if section == "uncertainty":
                message = tr("a set of assumptions cannot change the seed of its states")
            if section == "objective":
                message = tr("a set of assumptions cannot change what a plan is measured by")
            yield _fault_at_nearest_patch(patches, (section,), message)
    before, after = _item_paths(case), _item_paths(changed)
    for at in [at for at in after if at not in before]:
        message = tr("a set of assumptions cannot add {item}", item=".".join(map(str, at)))
        yield _fault_at_nearest_patch(patches, at, message)
    for at in [at for at in before if at not in after]:
        message = tr("a set of assumptions cannot take {item} away", item=".".join(map(str, at)))
        yield _fault_at_nearest_patch(patches, at, message)


def _sample_seed(case: Case) -> float | None:
    sample = None if case.uncertainty is None else case.uncertainty.sample
    return None if sample is None else sample.seed


def _item_paths(case: Case) -> dict[tuple[PathStep, ...], None]:
    """Where the items of all lists and mappings stand, by their ids as far as they have any."""
    found = dict[tuple[PathStep, ...], None]()
    for own in collect_values(case):
        of_items = (
            own.field_type.item_type is not None and own.field_type.item_type.model is not None
        )
        if of_items and own.path[:1] not in [(section,) for section in FIXED_SECTIONS]:
            named = own.value.items() if isinstance(own.value, dict) else enumerate(own.value)
            for step, item in named:
                found[*own.path, getattr(item, "id", step)] = None
    return found


def _fault_at_nearest_patch(
    patches: list[Patch], path: tuple[PathStep, ...], message: str
) -> Fault:
    """A fault at the patch that comes nearest to a path."""

    def common(patch: Patch) -> int:
        steps = patch.dotted_path.split(".")
        pairs = zip(steps, map(str, path), strict=False)
        same = [own == other for own, other in pairs]
        return same.index(False) if False in same else len(same)

    nearest = max(patches, key=common)
    return nearest.path_fault(message, tr("change figures only"))
