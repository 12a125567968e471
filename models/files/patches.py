"""Patches on a scenario: variants of the file, and settings of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from models.faults import Fault, Place, Step
from models.files.nodes import Node, Path, Report, with_child, without_child
from models.files.shapes import ABOUT, ROOT, Shape, is_item, shape_of, step_into
from models.files.yaml_source import parse_setting
from models.language import tr
from models.spelling import suggestion


@dataclass(frozen=True)
class Patch:
    """One value to put at a dotted path; ``place`` is where the path was written."""

    dotted: str
    value: Node
    place: Place

    def faulty(self, message: str, hint: str) -> Fault:
        """A fault of the path itself."""
        return Fault((self.dotted,), message, hint, at_key=True, place=self.place)


class _NoSuchPathError(Exception):
    """The path of a patch leads nowhere: the message and a hint."""


def settings(texts: tuple[str, ...], report: Report) -> Iterator[Patch]:
    """The patches of ``path=value`` texts."""
    for text in texts:
        place = Place(f"--set {text}")
        dotted, equals, value = text.partition("=")
        if not equals or not dotted.strip():
            message = tr("a setting needs a path and a value")
            hint = tr("write {value}", value=tr("path=value"))
            report(Fault((), message, hint, place=place))
            continue
        yield Patch(dotted.strip(), parse_setting(value.strip(), place, report), place)


def of_variant(root: Node, name: str) -> list[Patch]:
    """The patches of a variant; none where it cannot be read."""
    variant = root.child("variants")
    node = variant.child(name) if variant else None
    patches = node.child("set") if node else None
    if patches is None or not isinstance(patches.value, dict):
        return []
    return [
        Patch(dotted, value, value.key_place or value.place)
        for dotted, value in patches.value.items()
    ]


def of_include(patch: Patch) -> bool:
    """Whether a patch changes what is included, which comes before all other patches."""
    return patch.dotted.split(".")[0] == "include"


def included(root: Node, patches: Iterable[Patch], report: Report) -> Node | None:
    """What the scenario lists under ``include``; of patches the last one decides."""
    names = root.child("include")
    for patch in patches:
        if patch.dotted == "include":
            names = replace(patch.value, key_place=patch.place)
        elif of_include(patch):
            message = tr("there is no '{path}' to change", path=patch.dotted)
            report(patch.faulty(message, tr("set {path}", path="include")))
    return names


def apply(root: Node, patch: Patch, report: Report) -> Node:
    """The tree with one patch; as it was, and a fault reported, where the path leads nowhere."""
    steps = patch.dotted.split(".")
    try:
        if steps[0] == "variants":
            raise _NoSuchPathError(tr("a patch cannot change variants"), "")
        return _put(root, ROOT, steps, (), replace(patch.value, key_place=patch.place))
    except _NoSuchPathError as error:
        message, hint = error.args
        report(patch.faulty(message, hint))
        return root


def _put(node: Node, shape: Shape, steps: list[str], above: Path, value: Node) -> Node:
    """A copy of ``node`` in which ``value`` stands at the end of the steps."""
    name, rest = steps[0], steps[1:]
    if shape.kind in ("number", "yearly") and isinstance(node.value, dict):
        inner = node.child("value")
        if inner is not None and isinstance(inner.value, dict) and name not in ABOUT:
            return with_child(node, "value", _put(inner, shape, steps, above, value))
    step, child = _find(node, shape, name, above)
    if not rest:
        if shape.kind in ("list", "mapping", "years") and shape_of(shape.item).kind == "number":
            # A sum that the new value upsets is upset here, not where the list was written.
            node = replace(node, place=value.place)
        if value.value is None and not value.faulty and is_item(shape):
            # An item without a value would be one with defaults; a patch takes it away.
            return without_child(node, step)
        return with_child(node, step, value)
    inside = step_into(shape, step) or Shape("any")
    if child is None or child.value is None:
        if inside.kind != "model" and not (inside.kind == "years" and len(rest) == 1):
            message = tr("there is no '{path}' to change", path=_dotted(above, name))
            raise _NoSuchPathError(message, tr("set it whole"))
        child = Node({}, value.place, value.key_place)
    return with_child(node, step, _put(child, inside, rest, (*above, name), value))


def _dotted(above: Path, name: str) -> str:
    return ".".join(map(str, (*above, name)))


def _find(node: Node, shape: Shape, name: str, above: Path) -> tuple[Step, Node | None]:
    """The step that a part of a dotted path means, and what stands there."""
    if isinstance(node.value, list):
        return _in_list(node.value, name, above)
    if not isinstance(node.value, dict):
        whole = ".".join(map(str, above))
        message = tr("'{path}' is a single value and has no '{name}'", path=whole, name=name)
        raise _NoSuchPathError(message, tr("set {path}", path=whole))
    child = node.child(name)
    if child is not None:
        return name, child
    if shape.kind == "model":
        if step_into(shape, name) is None:
            raise _nothing(name, above, shape.keys)
        return name, None
    grows = shape.kind in ("years", "yearly", "number", "texts", "any")
    if grows and step_into(shape, name) is not None and _may_be_added(shape, node, name):
        return name, None
    raise _nothing(name, above, tuple(node.value))


def _may_be_added(shape: Shape, node: Node, name: str) -> bool:
    if shape.kind == "years" or (shape.kind == "yearly" and node.child("value") is None):
        return name.isdecimal()
    return shape.kind != "yearly" or name in ABOUT


def _in_list(items: list[Node], name: str, above: Path) -> tuple[Step, Node]:
    ids = [item.child("id") for item in items]
    names = [str(one.value) if one is not None else None for one in ids]
    if name in names:
        position = names.index(name)
        return position, items[position]
    if name.isdecimal() and len(name) < 9 and int(name) < len(items):
        return int(name), items[int(name)]
    known = tuple(one for one in names if one is not None)
    if known:
        raise _nothing(name, above, known)
    hint = tr("the list is empty")
    if items:
        hint = tr("positions run from 0 to {last}", last=len(items) - 1)
    raise _NoSuchPathError(_not_in(name, above), hint)


def _nothing(name: str, above: Path, names: tuple[str, ...]) -> _NoSuchPathError:
    return _NoSuchPathError(_not_in(name, above), suggestion(name, names))


def _not_in(name: str, above: Path) -> str:
    if not above:
        return tr("there is no '{name}'", name=name)
    return tr("there is no '{name}' in {path}", name=name, path=".".join(map(str, above)))


def changed_periods(before: Node, after: Node) -> bool:
    """Whether patches changed how many periods a year has."""

    def periods(root: Node) -> float:
        horizon = root.child("horizon")
        node = horizon.child("periods_per_year") if horizon else None
        if node is not None and isinstance(node.value, dict):
            node = node.child("value")
        return node.value if node is not None and isinstance(node.value, (int, float)) else 1

    return periods(before) != periods(after)
