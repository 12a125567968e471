"""What a file at the edges holds, in words that can be counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

Raw = dict[str, Any]

ID = re.compile(r"[mcpfhsi]\d+|cash|authority|stock")
KEPT = ("kind", "measure", "allocation", "method", "serves")
"""Fields whose texts are counted."""


def features(raw: Raw) -> set[str]:
    """Everything that a file holds: fields, and where their values lie."""
    return {*_sizes(raw), *_ties(raw), *_fields(raw)}


def _sizes(raw: Raw) -> Iterator[str]:
    horizon, uncertainty = raw["horizon"], raw.get("uncertainty", {})
    years = horizon["last_year"] - horizon["first_year"] + 1
    states = len(uncertainty.get("states", [1]))
    states = uncertainty["sample"]["states"] if "sample" in uncertainty else states
    counted = {
        "materials": len(raw["materials"]),
        "projects": len(raw["projects"]),
        "periods": years * horizon["periods_per_year"],
        "states": states,
    }
    for name, count in counted.items():
        least = max(step for step in (0, 1, 2, 5, 20, 100, 300) if step <= count)
        yield f"# {name}: {least} or more"
    for key in (
        "consumers",
        "demand",
        "supply",
        "projects",
        "funders",
        "stockpiles",
        "hazards",
        "policy",
    ):
        if not raw[key]:
            yield f"# no {key}"
    if not any(value for path, value in _leaves(raw["demand"]) if path == ("t_per_year",)):
        yield "# nobody demands anything"
    if "uncertainty" not in raw:
        yield "# one certain state"


def _ties(raw: Raw) -> Iterator[str]:
    projects = [{**it, "requires": 0, "excludes": 0} for it in raw["projects"].values()]
    stocks = [{**it, "id": ""} for it in raw["stockpiles"]]
    for name, items in (("projects", projects), ("stockpiles", stocks)):
        if any(one in items[:place] for place, one in enumerate(items)):
            yield f"# equal {name}"
    losses = {it["annual_loss"] for it in stocks if it["material"] == stocks[0]["material"]}
    if len(losses) > 1:
        yield "# stocks of a material that lose at different rates"
    for entry in raw["damage"]:
        if any(a["eur_per_t"] == b["eur_per_t"] for a, b in pairwise(entry["steps"])):
            yield "# equal damage steps"
    built = raw["policy"].get("must_build", ())
    if built and any(it.get("budget_meur") == 0 for it in raw["funders"].values()):
        yield "# a purse of nothing, and a project that must be built"


def _fields(raw: Raw) -> Iterator[str]:
    for path, value in _leaves(raw):
        name = ".".join(path)
        yield name
        if isinstance(value, str):
            if path[-1] in KEPT:
                yield f"{name} = {'a list' if ID.fullmatch(value) else value}"
        elif value in (0, 1):
            yield f"{name} = {value:g}"
        elif 0 < value < 1e-3:
            yield f"{name} < 0.001"
        elif 0.999 < value < 1:
            yield f"{name} > 0.999"
        elif value >= 1e6:
            yield f"{name} >= 1e6"


def _leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with its path, in which ids and years are left out."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            kept = isinstance(key, str) and not ID.fullmatch(key)
            yield from _leaves(value, (*path, key) if kept else path)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, path)
    else:
        yield path, node
