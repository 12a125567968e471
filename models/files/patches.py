"""Patches of a scenario: those of its variants and assumption sets, settings, and their checks.

An assumption set may change figures only, since the decisions and their dates must be the same for
all sets. A patch that adds or removes an item, moves the horizon or changes the measure of the
objective is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.faults import Fault, PathStep, SourceLocation
from models.field_marks import collect_values
from models.files.nodes import (
    CopiedContainers,
    FaultReporter,
    Node,
    NodePath,
    node_at,
    with_child,
    without_child,
)
from models.files.shapes import (
    SCENARIO_SHAPE,
    SOURCED_KEYS,
    Shape,
    is_item,
    shape_of,
    shape_of_step,
)
from models.files.state_table import StatesNode
from models.files.yaml_source import parse_setting
from models.scenario.case import Case
from models.scenario.hazards import TableStates
from models.scenario.user_rules import RuleLevel
from models.spelling import unknown_key_hint


@dataclass(frozen=True)
class Patch:
    """A value to be set at a dotted path; ``place`` is the location where the path was written."""

    dotted_path: str
    value: Node
    place: SourceLocation

    def path_fault(self, message: str, hint: str) -> Fault:
        """Return a fault located at the path of the patch."""
        return Fault((self.dotted_path,), message, hint, at_key=True, location=self.place)


class _NoSuchPathError(Exception):
    """Error raised for a path that does not exist; its arguments are a message and a hint."""


def parse_settings(texts: tuple[str, ...], report: FaultReporter) -> Iterator[Patch]:
    """Yield a patch for each ``path=value`` text; report texts that are not of this form."""
    for text in texts:
        place = SourceLocation(f"--set {text}")
        dotted_path, equals_sign, value = text.partition("=")
        if equals_sign and dotted_path.strip():
            yield Patch(dotted_path.strip(), parse_setting(value.strip(), place, report), place)
        else:
            hint = "write {value}".format(value="path=value")
            report(Fault((), "a setting needs a path and a value", hint, location=place))


def item_patches(root: Node, section: Literal["variants", "assumptions"], name: str) -> list[Patch]:
    """Return the patches of a variant or an assumption set; empty if it has no readable ones."""
    patches = node_at(root, (section, name, "set"))
    if patches is None or not isinstance(patches.value, dict):
        return []
    patch_values = patches.value.items()
    return [
        Patch(dotted_path, value, value.key_location or value.location)
        for dotted_path, value in patch_values
    ]


def changes_include(patch: Patch) -> bool:
    """Return whether a patch changes ``include``; such patches are applied before all others."""
    return patch.dotted_path.split(".")[0] == "include"


def include_list(root: Node, patches: Iterable[Patch], report: FaultReporter) -> Node | None:
    """Return the node of ``include`` as the last patch of it, or else the file, has set it.

    None if neither sets it. A patch below ``include`` is reported.
    """
    entries = root.child("include")
    for patch in patches:
        if patch.dotted_path == "include":
            entries = replace(patch.value, key_location=patch.place)
        elif changes_include(patch):
            message = f"there is no '{patch.dotted_path}' to change"
            report(patch.path_fault(message, "set {path}".format(path="include")))
    return entries


def apply_patches(root: Node, patches: Iterable[Patch], report: FaultReporter) -> Node:
    """Return the tree with patches applied.

    A patch whose path does not exist is reported and skipped.
    """
    copied_containers: CopiedContainers = {}
    for patch in patches:
        steps = patch.dotted_path.split(".")
        value = replace(patch.value, key_location=patch.place)
        try:
            if steps[0] == "variants":
                raise _NoSuchPathError("a patch cannot change variants", "")
            root = _set_at(root, SCENARIO_SHAPE, steps, (), value, copied_containers)
        except _NoSuchPathError as error:
            report(patch.path_fault(*error.args))
    return root


def _set_at(
    node: Node,
    shape: Shape,
    steps: list[str],
    parents: NodePath,
    value: Node,
    copied_containers: CopiedContainers,
) -> Node:
    """Return ``node`` with ``value`` set at the path ``steps`` below it.

    Nodes on the path are copied at most once for all patches; ``copied_containers`` lists those
    already copied.
    """
    if isinstance(node, StatesNode):
        node = node.expanded()
    name, remaining_steps = steps[0], steps[1:]
    if name == "value" and shape.model is RuleLevel and node.child("value") is None:
        # The number itself is the value: at_least: 2.
        if not remaining_steps:
            return value
        level_shape = shape_of_step(shape, name) or Shape("any")
        return _set_at(node, level_shape, remaining_steps, parents, value, copied_containers)
    if shape.kind in ("number", "yearly") and isinstance(node.value, dict):
        value_node = node.child("value")
        if (
            value_node is not None
            and isinstance(value_node.value, dict)
            and name not in SOURCED_KEYS
        ):
            changed_child = _set_at(value_node, shape, steps, parents, value, copied_containers)
            return with_child(node, "value", changed_child, copied_containers)
    if parents == ("policy", "rules") and not remaining_steps and isinstance(value.value, dict):
        # Nothing refers to a rule, so that a new one is no misspelt name.
        return with_child(node, name, value, copied_containers)
    step, child = _find_step(node, shape, name, parents)
    if not remaining_steps:
        if shape.kind in ("number", "yearly") and name == "value" and node.child("written"):
            node = without_child(node, "written")
        if shape.kind in ("list", "mapping", "years") and shape_of(shape.item).kind == "number":
            # If the new value makes a sum wrong, the fault belongs to the patch.
            node = replace(node, location=value.location)
        if value.value is None and not value.faulty and is_item(shape):
            # In a file, an item without a value has defaults only; a patch removes it.
            return without_child(node, step)
        return with_child(node, step, value, copied_containers)
    child_shape = shape_of_step(shape, step) or Shape("any")
    if child is None or child.value is None:
        if child_shape.kind != "model" and not (
            (child_shape.kind == "years" or is_item(child_shape)) and len(remaining_steps) == 1
        ):
            message = f"there is no '{_join_path((*parents, name))}' to change"
            raise _NoSuchPathError(message, "set it whole")
        child = Node({}, value.location, value.key_location)
    changed_child = _set_at(
        child, child_shape, remaining_steps, (*parents, name), value, copied_containers
    )
    return with_child(node, step, changed_child, copied_containers)


def _join_path(path: NodePath) -> str:
    return ".".join(map(str, path))


def _find_step(
    node: Node, shape: Shape, name: str, parents: NodePath
) -> tuple[PathStep, Node | None]:
    """Return the key or position that a step of a dotted path denotes, and the child found there.

    The child is None if the key is valid but has no value yet. Raises _NoSuchPathError for other
    names.
    """
    known_names: tuple[str, ...] = shape.keys
    if isinstance(node.value, list):
        id_nodes = [item.child("id") for item in node.value]
        ids = [None if id_node is None else str(id_node.value) for id_node in id_nodes]
        if name in ids:
            return (position := ids.index(name)), node.value[position]
        if name.isdecimal() and len(name) < 9 and int(name) < len(ids):
            return int(name), node.value[int(name)]
        known_names = tuple(item_id for item_id in ids if item_id is not None)
    elif not isinstance(node.value, dict):
        path = _join_path(parents)
        message = f"'{path}' is a single value and has no '{name}'"
        raise _NoSuchPathError(message, f"set {path}")
    elif (child := node.child(name)) is not None:
        return name, child
    elif _can_be_added(shape, node, name):
        return name, None
    elif shape.kind != "model":
        known_names = tuple(node.value)
    message, hint = f"there is no '{name}'", unknown_key_hint(name, known_names)
    if parents:
        message = f"there is no '{name}' in {_join_path(parents)}"
    if isinstance(node.value, list) and not known_names:
        hint = "the list is empty"
        if node.value:
            hint = f"positions run from 0 to {len(node.value) - 1}"
    raise _NoSuchPathError(message, hint)


def _can_be_added(shape: Shape, node: Node, name: str) -> bool:
    if shape_of_step(shape, name) is None:
        return False
    if shape.kind == "years" or (shape.kind == "yearly" and node.child("value") is None):
        return name.isdecimal()
    return shape.kind in ("model", "number", "texts", "any") or (
        shape.kind == "yearly" and name in SOURCED_KEYS
    )


def periods_per_year(root: Node) -> float:
    """Return the number of periods per year that the tree states, or 1 if it states none."""
    node = node_at(root, ("horizon", "periods_per_year"))
    if node is not None and isinstance(node.value, dict):
        node = node.child("value")
    return node.value if node is not None and isinstance(node.value, (int, float)) else 1


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
