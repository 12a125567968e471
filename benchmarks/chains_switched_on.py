"""What changes in the plan of germany-2026 as its chains are switched on, one after the other.

    python benchmarks/chains_switched_on.py [--states 1000] [--gap 0.001]

With no chain it is tests/scenarios/germany-2026-oxides.yaml, with all of them
scenarios/germany-2026.yaml; in between, each row is of the file that its material's chain says.
What is of no chain is the same in both. Damage is discounted, in million EUR.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from models.files import read_case
from models.scenario.case import Case

ROOT = Path(__file__).resolve().parent.parent
WITHOUT = ROOT / "tests" / "scenarios" / "germany-2026-oxides.yaml"
WITH = ROOT / "scenarios" / "germany-2026.yaml"
CHAINS = {
    "magnets": ("re_carbonate", "ndpr", "dysprosium", "terbium", "magnet_metal", "magnets"),
    "batteries": (
        "lithium_technical", "lithium", "pcam", "cathode", "anode_graphite", "cells",
        "graphite", "manganese_hp",
    ),
    "cobalt": ("cobalt_hydroxide", "cobalt"),
    "antimony": ("antimony", "antimony_oxide"),
    "germanium": ("germanium_feed", "germanium", "gallium"),
}  # fmt: skip
"""The materials of each chain in either file, in the order in which chains are switched on."""

Item = TypeVar("Item")


def switched(on: Iterable[str], settings: Sequence[str] = ()) -> Case:
    """The case in which the chains ``on`` stand as in the new file, others as in the old one."""
    old, new = (read_case(file, settings=settings).case for file in (WITHOUT, WITH))
    put_back = {m for chain, materials in CHAINS.items() if chain not in on for m in materials}

    def rows(
        after: Iterable[Item], before: Iterable[Item], of: Callable[[Item], Any]
    ) -> tuple[Item, ...]:
        kept = [row for row in after if of(row) not in put_back]
        return (*kept, *(row for row in before if of(row) in put_back))

    def items(
        after: Mapping[str, Item], before: Mapping[str, Item], of: Callable[[str, Item], Any]
    ) -> dict[str, Item]:
        return dict(rows(after.items(), before.items(), lambda row: of(*row)))

    hazards = {}
    for name, hazard in new.hazards.items():
        everywhere = [e for e in hazard.effects or () if e.materials is None]
        named = [
            effect.model_copy(update={"materials": struck})
            for effects, old_file in ((hazard.effects, False), (old.hazards[name].effects, True))
            for effect in effects or ()
            if (struck := [m for m in effect.materials or () if (m in put_back) is old_file])
        ]
        hazards[name] = hazard.model_copy(update={"effects": (*everywhere, *named)})
    changed = {
        "materials": items(new.materials, old.materials, lambda m, _: m),
        "demand": rows(new.demand, old.demand, lambda row: row.material),
        "damage": rows(new.damage, old.damage, lambda row: row.material),
        "supply": rows(new.supply, old.supply, lambda row: row.material),
        "stockpiles": rows(new.stockpiles, old.stockpiles, lambda row: row.material),
        "conversions": items(new.conversions, {}, lambda _, made: made.output),
        "projects": items(
            new.projects, old.projects, lambda _, project: next(iter(project.output_t_per_year))
        ),
        "hazards": hazards,
        "sources": {**old.sources, **new.sources},
        "variants": {},
    }
    return Case.model_validate(new.model_copy(update=changed).model_dump())


def main() -> None:
    from optimizer.solve.planner import plan

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--gap", type=float, default=0.001)
    chosen = parser.parse_args()
    heads = ["chains", "without plan", "with it", "avoided", "net cost", "stocks"]
    print(f"| {' | '.join(heads)} | projects dropped | added | seconds |")
    print("|---|---:|---:|---:|---:|---:|---|---|---:|")
    built: set[str] = set()
    for count in range(len(CHAINS) + 1):
        on = list(CHAINS)[:count]
        began = time.perf_counter()
        case = switched(on, [f"uncertainty.sample.states={chosen.states}"])
        found = plan(case, gap=chosen.gap, threads=2)
        without, left = found.outcome.without_plan.expected, found.outcome.expected
        now = {project.id for project in found.projects}
        stocks = sum(sum(stock.cost_meur.values()) for stock in found.stockpiles)
        cells = [on[-1] if on else "none", *(f"{x:,.0f}" for x in (without, left))]
        cells += [f"{1 - left / without:.0%}"]
        cells += [f"{x:,.0f}" for x in (found.outcome.net_cost_meur, stocks)]
        cells += [", ".join(sorted(some)) for some in (built - now, now - built)]
        cells += [f"{time.perf_counter() - began:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
        built = now


if __name__ == "__main__":
    main()
