"""How forms of a material become others: what is tied to what, in which order, and what is needed.

A conversion, or a project with inputs, ties each material that it takes in to the one it makes.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from models.scenario.case import Case


class ChainLink(NamedTuple):
    """One input of a conversion or of a project: what it is and what is made of it."""

    input: str
    output: str
    ratio: float  #: Tonnes taken in for a tonne made.
    path: tuple[str, ...]  #: Where the input stands in the scenario.


def chain_links(case: Case, projects: bool = True) -> Iterator[ChainLink]:
    """All links in the order of the file; those of projects unless they are left out."""
    for name, conversion in case.conversions.items():
        for taken, ratio in conversion.inputs_t_per_t.items():
            at = ("conversions", name, "inputs_t_per_t", taken)
            yield ChainLink(taken, conversion.output, ratio, at)
    for name, project in case.projects.items() if projects else ():
        for taken, ratio in project.inputs_t_per_t.items():
            at = ("projects", name, "inputs_t_per_t", taken)
            yield from (ChainLink(taken, made, ratio, at) for made in project.output_t_per_year)


def order_materials(case: Case) -> list[str]:
    """All materials from inputs to outputs, each behind all that it is made of, else in the order
    of the file.

    Materials that no order can place, since forms run in a circle, are left out.
    """
    number = {name: n for n, name in enumerate(case.materials)}
    made_of: dict[str, set[str]] = {name: set() for name in number}
    made_into: dict[str, set[str]] = {name: set() for name in number}
    for taken, made, *_ in chain_links(case):
        if taken in number and made in number and taken != made:
            made_of[made].add(taken)
            made_into[taken].add(made)
    ready = [number[name] for name, inputs in made_of.items() if not inputs]
    names, placed = list(number), []
    while ready:
        placed.append(name := names[heapq.heappop(ready)])
        for made in made_into[name]:
            made_of[made].discard(name)
            if not made_of[made]:
                heapq.heappush(ready, number[made])
    return placed


def find_cycles(case: Case) -> Iterator[list[ChainLink]]:
    """Circles of links, no two of which share a material; mending them may leave others.

    Each ends with the link that stands last in the file. A material made of itself is no circle.
    """
    placed = set(order_materials(case))
    made_by: dict[str, ChainLink] = {}
    at: dict[ChainLink, int] = {}
    for number, link in enumerate(chain_links(case)):
        at[link] = number
        known = {link.input, link.output} <= case.materials.keys()
        if known and link.input not in placed and link.input != link.output:
            made_by.setdefault(link.output, link)
    # From a material that is not placed to an input of it that is not: at last one comes again.
    seen: set[str] = set()
    for start in made_by:
        walked: dict[str, None] = {}
        name = start
        while name in made_by and name not in seen:
            seen.add(name)
            walked[name] = None
            name = made_by[name].input
        if name in walked:  # not in an earlier walk
            names = list(walked)
            found = [made_by[one] for one in reversed(names[names.index(name) :])]
            last = max(range(len(found)), key=lambda n: at[found[n]])
            yield found[last + 1 :] + found[: last + 1]


def material_chains(case: Case, projects: bool = True) -> tuple[tuple[str, ...], ...]:
    """The materials that are tied to others, directly or by way of others, by conversions and,
    unless left out, by projects with inputs: one tuple a chain, all in the order of the file.

    A material that is tied to none is in no chain.
    """
    chain: dict[str, list[str]] = {}
    for taken, made, *_ in chain_links(case, projects):
        one, other = (chain.setdefault(name, [name]) for name in (taken, made))
        if one is not other:
            small, large = sorted((one, other), key=len)
            large += small
            chain.update(dict.fromkeys(small, large))
    found: dict[int, list[str]] = {}
    for name in case.materials:
        if name in chain:
            found.setdefault(id(chain[name]), []).append(name)
    return tuple(map(tuple, found.values()))


def chain_of(case: Case, material: str) -> tuple[str, ...]:
    """The chain that a material is in; the material alone where it is in none."""
    return next((chain for chain in material_chains(case) if material in chain), (material,))


def material_needs(case: Case, year: int) -> dict[str, float]:
    """What each material is needed for in a year, in tonnes: demand of all consumers, and what
    conversions take in at full capacity; materials that nobody needs may be left out.
    """
    found = conversion_inputs(case, year)
    for row in case.demand:
        found[row.material] += row.t_per_year.at(year)
    return found


def conversion_inputs(case: Case, year: int) -> dict[str, float]:
    """What conversions at full capacity take in of each material in a year, in tonnes."""
    found: dict[str, float] = defaultdict(float)
    for conversion in case.conversions.values():
        capacity = conversion.capacity_t_per_year.at(year)
        for taken, ratio in conversion.inputs_t_per_t.items():
            found[taken] += float(ratio) * capacity
    return found


def demanded_materials(case: Case) -> set[str]:
    """The materials that are demanded themselves, or from which one that is can be made."""
    made_of: dict[str, list[str]] = defaultdict(list)
    for taken, made, *_ in chain_links(case):
        made_of[made].append(taken)
    return _reachable([row.material for row in case.demand], made_of)


def downstream_materials(case: Case, material: str) -> set[str]:
    """A material and all that is made of it, by conversions and projects with inputs."""
    made_into: dict[str, list[str]] = defaultdict(list)
    for taken, made, *_ in chain_links(case):
        made_into[taken].append(made)
    return _reachable([material], made_into)


def upstream_materials(case: Case, material: str) -> set[str]:
    """A material and all forms that it is made of by conversions."""
    inputs: dict[str, list[str]] = defaultdict(list)
    for taken, made, *_ in chain_links(case, projects=False):
        inputs[made].append(taken)
    return _reachable([material], inputs)


def _reachable(start: Iterable[str], successors: dict[str, list[str]]) -> set[str]:
    """All that can be reached by steps from one to those after it."""
    found = set(start)
    ahead = list(found)
    while ahead:
        new = set(successors.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found
