"""Forms of a chain for the oracle: who makes what of what, and who needs it; from the contract.

Need counts what conversions take in at full capacity. In a year in which nobody needs a form, what
projects with inputs could take in stands in for what consumers need of it, but only where something
is divided: not in supply shares, days of cover or limits of countries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oracle_terms import at_year

if TYPE_CHECKING:
    from oracle import Reading

Raw = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Maker:
    """A conversion, or a project with inputs."""

    id: str
    is_project: bool
    output: str
    inputs: Mapping[str, float]


def conversions(raw: Raw) -> list[Maker]:
    found = (raw.get("conversions") or {}).items()
    return [Maker(c, False, it["output"], it["inputs_t_per_t"]) for c, it in found]


def plants(raw: Raw) -> list[Maker]:
    """Projects with inputs; each has one output."""
    return [
        Maker(p, True, next(iter(it["output_t_per_year"])), it["inputs_t_per_t"])
        for p, it in (raw.get("projects") or {}).items()
        if it.get("inputs_t_per_t")
    ]


def chains(raw: Raw) -> list[tuple[str, ...]]:
    """Materials tied to each other, in the order of the file; most of them alone."""
    group = {m: {m} for m in raw["materials"]}
    for maker in [*conversions(raw), *plants(raw)]:
        for m in maker.inputs:
            together = group[maker.output] | group[m]
            group |= dict.fromkeys(together, together)
    return list(dict.fromkeys(tuple(m for m in group if m in group[own]) for own in group))


class Needs:
    """Tonnes needed in a year, and how what there is of a material is divided."""

    def __init__(self, case: Reading) -> None:
        self.case = case
        self.conversions, self.plants = conversions(case.raw), plants(case.raw)
        self._sigma: dict[tuple[str, str, int], float] = {}

    def capacity(self, conversion: str, year: int) -> float:
        return at_year(self.case.raw["conversions"][conversion]["capacity_t_per_year"], year)

    def total(self, material: str, year: int) -> float:
        """need(m): demand, and what conversions take in at full capacity."""
        return self.case.demand(None, material, year) + sum(
            c.inputs.get(material, 0.0) * self.capacity(c.id, year) for c in self.conversions
        )

    def of(self, consumer: str, material: str, year: int) -> float:
        """need(u,m): own demand, and a part of what conversions take in."""
        return self.case.demand(consumer, material, year) + sum(
            c.inputs[material] * self.capacity(c.id, year) * self.sigma(consumer, c.output, year)
            for c in self.conversions
            if material in c.inputs
        )

    def weight(self, consumer: str, material: str, year: int) -> float:
        """need(u,m), or what stands in for it in a year in which nobody needs the material."""
        if self.total(material, year) > 0:
            return self.of(consumer, material, year)
        return sum(
            p.inputs[material]
            * self.case.projects[p.id]["output_t_per_year"][p.output]
            * self.sigma(consumer, p.output, year)
            for p in self.plants
            if material in p.inputs
        )

    def sigma(self, consumer: str, material: str, year: int) -> float:
        """A consumer's part of a material; zero if nobody needs it."""
        key = consumer, material, year
        if key not in self._sigma:
            whole = self.total(material, year)
            if not whole:
                whole = sum(self.weight(u, material, year) for u in self.case.consumers)
            self._sigma[key] = self.weight(*key) / whole if whole else 0.0
        return self._sigma[key]

    def kappa(self, consumer: str, material: str, served: list[str]) -> float:
        """A consumer's part of a stockpile that serves some, by need over the whole horizon."""
        whole = {u: sum(self.weight(u, material, y) for y in self.case.years) for u in served}
        return whole.get(consumer, 0.0) / sum(whole.values()) if sum(whole.values()) else 0.0

    def held(self, consumer: str, company: str, material: str, year: int) -> float:
        """A consumer's part of what is reserved for a company; lost where none of its own needs."""
        people = self.case.raw["consumers"].items()
        own = {
            u: self.weight(u, material, year) for u, it in people if it.get("company") == company
        }
        return own.get(consumer, 0.0) / sum(own.values()) if sum(own.values()) else 0.0
