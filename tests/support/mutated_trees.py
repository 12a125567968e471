"""Scenarios changed node by node, so that most changes get past the parser."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import yaml

from models.files.shapes import (
    ANY_SHAPE,
    SCENARIO_SHAPE,
    Shape,
    is_required,
    shape_of,
    shape_of_step,
)

Step = str | int
Tree = Any
"""Mappings, lists and texts: scalars as they are written."""
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

NUMBERS = (
    "0", "1", "-1", "0.5", "1.0", "2", "5", "12", "100", "1.500", "1e3", "1.0e+3", "1.0e+308",
    "-0.0", ".inf", "-.inf", ".nan", "2026", "2027", "2030", "9999", "10000", "0x10", "1_000",
    "010", "1,5", "50 %", "1.5 mio", "9" * 20, "9" * 400, "1.0e-320", "0.7", "0.3",
)  # fmt: skip
WORDS = ("null", "~", "true", "false", "NO", "on", '""', "DE", "de", "CN", "guess", "all", "any",
         "a.b", "lithium", "fund", "automotive", "low", "hgih", "EUR", "[]", "{}", "{value: 1}",
         "{value: {2026: 1}, source: guess}", "{2026: 1, 2028: 2}", "{table: t.csv}", "{en: x}",
         "{source: guess}", "!!str 3", '"\\e[31m"', '"\\0"', '"\\ud800"', '"a\\nb"', "=1+1",
         "ä" * 70, "Ⅷ", "٣", "²", "{{x}}", "{x}", "&a b", "*a", "<<", "a" * 300)  # fmt: skip
_PLAIN = re.compile(r"[\w.+-][\w.+-]*|\.inf|~")


class _Raw(str):
    """A text that is written as it stands."""

    __slots__ = ()


def parsed(text: str) -> Tree:
    """The tree of a YAML text; None where it is none."""
    try:
        tree = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def written(tree: Tree) -> str:
    """A tree as YAML: two levels in lines, what lies deeper in braces."""
    return "".join(_section(str(key), value) for key, value in tree.items())


def _section(key: str, value: Tree) -> str:
    if isinstance(value, dict) and value:
        return f"{_scalar(key)}:\n" + "".join(
            f"  {_scalar(str(name))}: {_flow(item)}\n" for name, item in value.items()
        )
    if isinstance(value, list) and value:
        return f"{_scalar(key)}:\n" + "".join(f"  - {_flow(item)}\n" for item in value)
    return f"{_scalar(key)}: {_flow(value)}\n"


def _flow(tree: Tree) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{_scalar(str(k))}: {_flow(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_flow, tree)) + "]"
    return _scalar(str(tree))


def _scalar(text: str) -> str:
    if isinstance(text, _Raw) or _PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def mutated_tree(text: str, dice: Random, others: tuple[str, ...] = (), changes: int = 2) -> str:
    """A scenario with some of its nodes changed; ``others`` lend their parts.

    A text that is no mapping in YAML stays as it is.
    """
    tree = parsed(text)
    if not tree:
        return text
    for _ in range(changes):
        _change(tree, dice, others)
        if not tree:
            break
    return written(tree)


def _change(tree: Tree, dice: Random, others: tuple[str, ...]) -> None:
    at = dice.choice(_paths(tree, SCENARIO_SHAPE))
    parent, step, shape, above = at
    kind = dice.random()
    if kind < 0.12:
        del parent[step]
    elif kind < 0.40:
        parent[step] = made(shape, dice, tree)
    elif kind < 0.62:
        parent[step] = _Raw(dice.choice(NUMBERS if dice.random() < 0.6 else WORDS))
    elif kind < 0.72:
        _insert(parent, step, above, dice, tree)
    elif kind < 0.80:
        other = dice.choice(_paths(tree, SCENARIO_SHAPE))
        parent[step] = _copied(other[0][other[1]])
    elif kind < 0.86:
        _rename(parent, step, above, dice, tree)
    elif kind < 0.92:
        parent[step] = {"value": _copied(parent[step]), "source": "guess"}
    elif others:
        lent = parsed(dice.choice(others))
        if lent:
            name = dice.choice(list(lent))
            tree[name] = lent[name]


def _paths(tree: Tree, shape: Shape) -> list[tuple[Tree, Step, Shape, Shape]]:
    """Every place of a tree: what holds it, the step, its shape and that of what holds it."""
    found: list[tuple[Tree, Step, Shape, Shape]] = []
    waiting: list[tuple[Tree, Shape]] = [(tree, shape)]
    while waiting and len(found) < 2000:
        node, of = waiting.pop()
        steps: Any = node.items() if isinstance(node, dict) else enumerate(node)
        for step, child in steps:
            inside = shape_of_step(of, step) or ANY_SHAPE
            found.append((node, step, inside, of))
            if isinstance(child, (dict, list)):
                waiting.append((child, inside))
    return found or [({"": ""}, "", ANY_SHAPE, ANY_SHAPE)]


def _copied(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return list(map(_copied, tree)) if isinstance(tree, list) else tree


def _insert(parent: Tree, step: Step, above: Shape, dice: Random, tree: Tree) -> None:
    if isinstance(parent, list):
        parent.insert(int(step), _copied(parent[int(step)]))
    elif above.keys:
        key = dice.choice(above.keys)
        parent[key] = made(shape_of_step(above, key) or ANY_SHAPE, dice, tree)
    else:
        parent[_id(dice, tree)] = _copied(parent[step])


def _rename(parent: Tree, step: Step, above: Shape, dice: Random, tree: Tree) -> None:
    if isinstance(parent, list):
        dice.shuffle(parent)
        return
    names = above.keys or ("2026", "2040", "0", "x y", "1,5", "[key]", _id(dice, tree))
    name = dice.choice((dice.choice(names), f"{step}s", _Raw(dice.choice(WORDS[:16]))))
    parent[name] = parent.pop(step)


def _id(dice: Random, tree: Tree) -> str:
    """An id of some section, or a new one."""
    section = tree.get(dice.choice(list(tree))) if tree else None
    ids = list(section) if isinstance(section, dict) else []
    return dice.choice([*ids, "x", "all", "9"])


def made(shape: Shape, dice: Random, tree: Tree, depth: int = 0) -> Tree:
    """A value that the models may take at a shape, or nearly."""
    if depth > 4:
        return _Raw("null")
    if shape.kind == "model":
        keys = [key for key in shape.keys if is_required(shape, key) or dice.random() < 0.15]
        return {
            key: made(shape_of_step(shape, key) or ANY_SHAPE, dice, tree, depth + 1) for key in keys
        }
    if shape.kind == "mapping":
        return {_id(dice, tree): made(shape_of(shape.item), dice, tree, depth + 1)}
    if shape.kind == "years":
        years = dice.sample(("0", "1", "2026", "2027", "2030"), dice.randint(1, 3))
        return {year: made(shape_of(shape.item), dice, tree, depth + 1) for year in years}
    if shape.kind == "list":
        count = dice.randint(0, 3)
        return [made(shape_of(shape.item), dice, tree, depth + 1) for _ in range(count)]
    if shape.kind == "yearly" and dice.random() < 0.4:
        return {"2026": _Raw(dice.choice(NUMBERS)), "2030": _Raw(dice.choice(NUMBERS))}
    if shape.kind in ("number", "yearly", "whole"):
        return _Raw(dice.choice(NUMBERS))
    if shape.kind in ("choice", "names") and shape.choices and dice.random() < 0.7:
        return dice.choice(shape.choices)
    if shape.kind == "names":
        return [_id(dice, tree) for _ in range(dice.randint(0, 2))]
    if shape.kind == "country":
        return dice.choice(("DE", "CN", "CL", "NO", "de", "XYZ"))
    if shape.kind == "flag":
        return dice.choice(("true", "false"))
    if shape.kind == "texts" and dice.random() < 0.3:
        return {"en": "Name", "de": "Name"}
    return _id(dice, tree) if dice.random() < 0.7 else _Raw(dice.choice(WORDS))
