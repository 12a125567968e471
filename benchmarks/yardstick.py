"""The yardstick: a random scenario of any size, the same on every machine.

    python benchmarks/yardstick.py --states 1000 --out yardstick.yaml
    python benchmarks/yardstick.py --materials 5 --projects 8 --states 10 --out small.json

Every material, project and hazard has a random stream of its own, so that a larger yardstick has
the draws of smaller ones: material 3 is the same among 5 and among 40 materials. Projects deliver
the materials that exist, and budgets grow with capex and stocks. The SHA-256 of the default size is
pinned; a changed generator refuses to run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from yardstick_parts import (
    FIRST,
    Document,
    a_project,
    add_material,
    complete,
    frame,
    project_id,
    two_stockpiles,
)

PINNED = "d652e6d4d89bf1d1fb1add78b13d1c2ed6b23b7f17c5b0dd5b6ead0241f5b42d"
"""SHA-256 of the canonical JSON of the default size."""


def make_yardstick(
    *,
    materials: int = 20,
    projects: int = 40,
    years: int = 15,
    periods_per_year: int = 4,
    states: int = 1000,
    seed: int = 2026,
    allocation: str = "pooled",
    cvar_weight: float = 0.0,
) -> Document:
    """Return the scenario document of the yardstick with this size, which is valid as
    ``models.scenario.references.Case``. Raise ValueError if it is too small."""
    if materials < 3 or projects < 5 or years < 8:
        raise ValueError("the yardstick needs 3 materials, 5 projects and 8 years at least")
    title = f"Yardstick: {materials} materials, {projects} projects"
    document = frame(title, years, periods_per_year)
    market = [add_material(document, seed, m) for m in range(materials)]
    for p in range(projects):
        document["projects"][project_id(p)] = a_project(seed, p, market, FIRST + years - 1)
    for m, (price, demand) in enumerate(market):
        document["stockpiles"] += two_stockpiles(seed, m, price, demand, periods_per_year)
    return complete(document, market, states, seed, allocation, cvar_weight)


def digest(document: Document) -> str:
    """Return the SHA-256 of the canonical JSON of a document."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_pinned(make: Callable[..., Document] = make_yardstick, pinned: str = PINNED) -> None:
    """Exit if the default size differs from the pinned one, for which figures were measured."""
    found = digest(make())
    if found != pinned:
        sys.exit(f"the yardstick has changed: its SHA-256 is {found}, pinned is {pinned}")


def write(document: Document, path: Path) -> None:
    """Write a document to a file: as JSON if its name ends in .json, otherwise as YAML."""
    is_json = path.suffix == ".json"
    text = json.dumps(document, indent=1) if is_json else yaml.safe_dump(document, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def main(
    make: Callable[..., Document] = make_yardstick, pinned: str = PINNED, doc: str = __doc__
) -> None:
    """Write a yardstick of the size that the command line states."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    for name, default in (make.__kwdefaults__ or {}).items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=f"{default}")
    parser.add_argument("--out", type=Path, help="file to write; else YAML to stdout")
    args = vars(parser.parse_args())
    out = args.pop("out")
    check_pinned(make, pinned)
    document = make(**args)
    print(f"SHA-256 {digest(document)}", file=sys.stderr)
    if out:
        write(document, out)
    else:
        print(yaml.safe_dump(document, sort_keys=False), end="")


if __name__ == "__main__":
    main()
