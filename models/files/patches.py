"""Patches on a scenario: variants of the file, and settings of the command line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from models.faults import Fault, Place, Step
from models.files.nodes import Copied, Node, Path, Report, node_at, with_child, without_child
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
        if equals and dotted.strip():
            yield Patch(dotted.strip(), parse_setting(value.strip(), place, report), place)
        else:
            hint = tr("write {value}", value=tr("path=value"))
            report(Fault((), tr("a setting needs a path and a value"), hint, place=place))


def of_item(root: Node, section: Literal["variants", "assumptions"], name: str) -> list[Patch]:
    """The patches of a variant or a set of assumptions; none where it cannot be read."""
    patches = node_at(root, (section, name, "set"))
    if patches is None or not isinstance(patches.value, dict):
        return []
    values = patches.value.items()
    return [Patch(dotted, value, value.key_place or value.place) for dotted, value in values]


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


def apply(root: Node, patches: Iterable[Patch], report: Report) -> Node:
    """The tree with patches; without one, and a fault reported, where its path leads nowhere."""
    copied: Copied = {}
    for patch in patches:
        steps = patch.dotted.split(".")
        value = replace(patch.value, key_place=patch.place)
        try:
            if steps[0] == "variants":
                raise _NoSuchPathError(tr("a patch cannot change variants"), "")
            root = _put(root, ROOT, steps, (), value, copied)
        except _NoSuchPathError as error:
            report(patch.faulty(*error.args))
    return root


def _put(
    node: Node, shape: Shape, steps: list[str], above: Path, value: Node, copied: Copied
) -> Node:
    """``node`` with ``value`` at the end of the steps; what is on the way is copied once."""
    name, rest = steps[0], steps[1:]
    if shape.kind in ("number", "yearly") and isinstance(node.value, dict):
        inner = node.child("value")
        if inner is not None and isinstance(inner.value, dict) and name not in ABOUT:
            put = _put(inner, shape, steps, above, value, copied)
            return with_child(node, "value", put, copied)
    step, child = _find(node, shape, name, above)
    if not rest:
        if shape.kind in ("list", "mapping", "years") and shape_of(shape.item).kind == "number":
            # A sum that the new value upsets is upset here, not where the list was written.
            node = replace(node, place=value.place)
        if value.value is None and not value.faulty and is_item(shape):
            # An item without a value would be one with defaults; a patch takes it away.
            return without_child(node, step)
        return with_child(node, step, value, copied)
    inside = step_into(shape, step) or Shape("any")
    if child is None or child.value is None:
        if inside.kind != "model" and not (inside.kind == "years" and len(rest) == 1):
            message = tr("there is no '{path}' to change", path=_dotted((*above, name)))
            raise _NoSuchPathError(message, tr("set it whole"))
        child = Node({}, value.place, value.key_place)
    put = _put(child, inside, rest, (*above, name), value, copied)
    return with_child(node, step, put, copied)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _find(node: Node, shape: Shape, name: str, above: Path) -> tuple[Step, Node | None]:
    """The step that a part of a dotted path means, and what stands there."""
    known: tuple[str, ...] = shape.keys
    if isinstance(node.value, list):
        ids = [item.child("id") for item in node.value]
        names = [str(one.value) if one is not None else None for one in ids]
        if name in names:
            return (position := names.index(name)), node.value[position]
        if name.isdecimal() and len(name) < 9 and int(name) < len(names):
            return int(name), node.value[int(name)]
        known = tuple(one for one in names if one is not None)
    elif not isinstance(node.value, dict):
        whole = _dotted(above)
        message = tr("'{path}' is a single value and has no '{name}'", path=whole, name=name)
        raise _NoSuchPathError(message, tr("set {path}", path=whole))
    elif (child := node.child(name)) is not None:
        return name, child
    elif _may_be_added(shape, node, name):
        return name, None
    elif shape.kind != "model":
        known = tuple(node.value)
    message, hint = tr("there is no '{name}'", name=name), suggestion(name, known)
    if above:
        message = tr("there is no '{name}' in {path}", name=name, path=_dotted(above))
    if isinstance(node.value, list) and not known:
        hint = tr("the list is empty")
        if node.value:
            hint = tr("positions run from 0 to {last}", last=len(node.value) - 1)
    raise _NoSuchPathError(message, hint)


def _may_be_added(shape: Shape, node: Node, name: str) -> bool:
    if step_into(shape, name) is None:
        return False
    if shape.kind == "years" or (shape.kind == "yearly" and node.child("value") is None):
        return name.isdecimal()
    return shape.kind in ("model", "number", "texts", "any") or (
        shape.kind == "yearly" and name in ABOUT
    )


def periods_of(root: Node) -> float:
    """How many periods a year has."""
    node = node_at(root, ("horizon", "periods_per_year"))
    if node is not None and isinstance(node.value, dict):
        node = node.child("value")
    return node.value if node is not None and isinstance(node.value, (int, float)) else 1
