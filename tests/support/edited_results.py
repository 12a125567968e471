"""Saved results with edits by hand: one to three changed figures, keys or entries."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from models.results.base import SEAL_FIELD, compute_seal

Place = tuple[Any, Any]
"""A mapping or a list, and a key or a number in it."""

BEYOND = "@beyond@"
"""Stands for a number in the text that is larger than a float can be."""
OF_FIGURES = 0.6
"""Share of edits that are of a figure."""
IN_SCENARIO = 0.15
"""Share of edits that are of the scenario which a result carries: it is most of many files."""


def edited(document: dict[str, Any], seed: int, *, resealed: bool = False) -> str:
    """A document with one to three edits, as JSON, or what an editor makes of it.

    ``resealed`` recomputes the seal after the edits.
    """
    dice = random.Random(seed)
    content = copy.deepcopy(document)
    for _ in range(dice.randint(1, 3)):
        root = content
        if "scenario" in content and content["scenario"] and dice.random() < IN_SCENARIO:
            root = content["scenario"]
        places = list(_places(root, skip="scenario" if root is content else ""))
        figures = [place for place in places if _is_figure(place[0][place[1]])]
        if figures and dice.random() < OF_FIGURES:
            _change(dice, *dice.choice(figures))
        elif places:
            _edit(dice, *dice.choice(places))
    if resealed and SEAL_FIELD in content:
        content[SEAL_FIELD] = compute_seal(content)
    return json.dumps(content, indent=2).replace(f'"{BEYOND}"', "1e999")


def _places(value: Any, skip: str = "") -> Iterator[Place]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        if key != skip:
            yield value, key
            yield from _places(item)


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _edit(dice: random.Random, inside: Any, key: Any) -> None:
    value = inside[key]
    ways: list[Callable[[random.Random, Any, Any], None]] = [_drop, _swap, _replace]
    if isinstance(inside, dict):
        ways += [_rename, _rename]
    else:
        ways += [_twice]
    if isinstance(value, (bool, int, float, str)) or value is None:
        ways += [_change] * 8
    dice.choice(ways)(dice, inside, key)


def _drop(_: random.Random, inside: Any, key: Any) -> None:
    del inside[key]


def _twice(_: random.Random, inside: Any, key: Any) -> None:
    inside.insert(key, copy.deepcopy(inside[key]))


def _swap(dice: random.Random, inside: Any, key: Any) -> None:
    keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
    other = dice.choice(keys)
    inside[key], inside[other] = inside[other], inside[key]


def _replace(dice: random.Random, inside: Any, key: Any) -> None:
    inside[key] = dice.choice([None, [], {}, "", 0, -1, True, "lithium", [1, 2], {"2030": 1.0}])


def _rename(dice: random.Random, inside: Any, key: str) -> None:
    name = dice.choice(
        ["20x6", "1999", "99999", "", f"{key}x", key.upper(), key[:-1], "2027", "a b"]
    )
    inside[name] = inside.pop(key)


def _change(dice: random.Random, inside: Any, key: Any) -> None:
    inside[key] = _other(dice, inside[key])


def _other(dice: random.Random, value: Any) -> Any:
    if isinstance(value, bool):
        return dice.choice([not value, None, int(value), "true"])
    if isinstance(value, (int, float)):
        odd = [BEYOND, float("inf"), float("nan"), f"{value}", "many", None, True, [value], 1e308]
        factors = [0.0, -1.0, 0.5, 0.9, 1.0001, 1.01, 2.0, 10.0, 1e3, 1e-3, 1e15]
        if dice.random() < 0.1:
            return dice.choice(odd)
        if isinstance(value, int) and dice.random() < 0.7:
            return value + dice.choice([-1, 1, 7, -value, 10**6, 10**30])
        return value * dice.choice(factors) + dice.choice([0.0, 0.0, 0.0, 1.0])
    if value is None:
        return dice.choice([0, 1.5, "", "lithium", True, [], {}])
    words = [
        "",
        value + "x",
        value[:-1],
        value.upper(),
        "optimal",
        "infeasible",
        "state",
        "<b>x</b>",
    ]
    return dice.choice([*words, "<b>x</b>", 7, None, [value]])
