"""Chains of materials: links by conversions and projects, order of materials, and needs.

A conversion, or a project with inputs, links each of its inputs to its output.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from models.scenario.sections import Sections


class ChainLink(NamedTuple):
    """A link of a chain: one input of a conversion or project, and the output made from it."""

    input: str
    output: str
    ratio: float  #: Tonnes of input per tonne of output.
    path: tuple[str, ...]  #: Path of the input in the scenario.


def chain_links(case: Sections, projects: bool = True) -> Iterator[ChainLink]:
    """Yield all links between materials, in the order of the file.

    If ``projects`` is False, only the links of conversions are yielded.
    """
    for name, conversion in case.conversions.items():
        for input_name, ratio in conversion.inputs_t_per_t.items():
            path = ("conversions", name, "inputs_t_per_t", input_name)
            yield ChainLink(input_name, conversion.output, ratio, path)
    for name, project in case.projects.items() if projects else ():
        for input_name, ratio in project.inputs_t_per_t.items():
            path = ("projects", name, "inputs_t_per_t", input_name)
            yield from (
                ChainLink(input_name, output_name, ratio, path)
                for output_name in project.output_t_per_year
            )


def order_materials(case: Sections) -> list[str]:
    """Return all materials, each after its inputs, and otherwise in the order of the file.

    Materials that are part of a cycle, or made from such materials, are omitted.
    """
    position = {name: n for n, name in enumerate(case.materials)}
    missing_inputs: dict[str, set[str]] = {name: set() for name in position}
    outputs: dict[str, set[str]] = {name: set() for name in position}
    for input_name, output_name, *_ in chain_links(case):
        if input_name in position and output_name in position and input_name != output_name:
            missing_inputs[output_name].add(input_name)
            outputs[input_name].add(output_name)
    ready_positions = [position[name] for name, inputs in missing_inputs.items() if not inputs]
    names, ordered_materials = list(position), []
    while ready_positions:
        ordered_materials.append(name := names[heapq.heappop(ready_positions)])
        for output_name in outputs[name]:
            missing_inputs[output_name].discard(name)
            if not missing_inputs[output_name]:
                heapq.heappush(ready_positions, position[output_name])
    return ordered_materials


def find_cycles(case: Sections) -> Iterator[list[ChainLink]]:
    """Yield cycles of links; no two of these cycles share a material, and others may exist.

    Each cycle ends with the link that is last in the file. A material that is its direct input is
    not reported as a cycle.
    """
    ordered_materials = set(order_materials(case))
    link_by_output: dict[str, ChainLink] = {}
    position_of_link: dict[ChainLink, int] = {}
    for position, link in enumerate(chain_links(case)):
        position_of_link[link] = position
        exists = {link.input, link.output} <= case.materials.keys()
        if exists and link.input not in ordered_materials and link.input != link.output:
            link_by_output.setdefault(link.output, link)
    # Going from each unordered material to an unordered input of it must lead into a cycle.
    visited_materials: set[str] = set()
    for start in link_by_output:
        path: dict[str, None] = {}
        name = start
        while name in link_by_output and name not in visited_materials:
            visited_materials.add(name)
            path[name] = None
            name = link_by_output[name].input
        if name in path:  # not in an earlier walk
            path_names = list(path)
            cycle = [
                link_by_output[material]
                for material in reversed(path_names[path_names.index(name) :])
            ]
            last_link = max(range(len(cycle)), key=lambda i: position_of_link[cycle[i]])
            yield cycle[last_link + 1 :] + cycle[: last_link + 1]


def material_chains(case: Sections, projects: bool = True) -> tuple[tuple[str, ...], ...]:
    """Return the chains: tuples of materials that are linked directly or indirectly.

    Chains, and materials in them, are in the order of the file. A material without links belongs to
    no chain. If ``projects`` is False, only the links of conversions count.
    """
    chain: dict[str, list[str]] = {}
    for input_name, output_name, *_ in chain_links(case, projects):
        input_chain, output_chain = (
            chain.setdefault(name, [name]) for name in (input_name, output_name)
        )
        if input_chain is not output_chain:
            smaller_chain, larger_chain = sorted((input_chain, output_chain), key=len)
            larger_chain += smaller_chain
            chain.update(dict.fromkeys(smaller_chain, larger_chain))
    chains: dict[int, list[str]] = {}
    for name in case.materials:
        if name in chain:
            chains.setdefault(id(chain[name]), []).append(name)
    return tuple(map(tuple, chains.values()))


def chain_of(case: Sections, material: str) -> tuple[str, ...]:
    """Return the materials of the chain that contains ``material``, or this material alone."""
    return next((chain for chain in material_chains(case) if material in chain), (material,))


def yearly_demand(case: Sections, year: int) -> dict[tuple[str, str], float]:
    """Return the demand in a year in tonnes, by consumer and material, in the order of
    consumers."""
    demand: dict[tuple[str, str], float] = defaultdict(float)
    for row in case.demand:
        demand[row.consumer, row.material] += row.t_per_year.at(year)
    position = {consumer: n for n, consumer in enumerate(case.consumers)}
    return dict(sorted(demand.items(), key=lambda item: position.get(item[0][0], len(position))))


def material_needs(case: Sections, year: int) -> dict[str, float]:
    """Return the need for each material in a year, in tonnes.

    It is the demand of all consumers plus the input of conversions at full capacity; materials
    without need may be missing.
    """
    needs: dict[str, float] = defaultdict(float)
    for (_, material), tonnes in yearly_demand(case, year).items():
        needs[material] += tonnes
    for conversion in case.conversions.values():
        capacity = conversion.capacity_t_per_year.at(year)
        for input_name, ratio in conversion.inputs_t_per_t.items():
            needs[input_name] += float(ratio) * capacity
    return needs


def demanded_materials(case: Sections) -> set[str]:
    """Return the materials that have demand, or from which one with demand can be made."""
    inputs: dict[str, list[str]] = defaultdict(list)
    for input_name, output_name, *_ in chain_links(case):
        inputs[output_name].append(input_name)
    return _reachable([row.material for row in case.demand], inputs)


def downstream_materials(case: Sections, material: str) -> set[str]:
    """Return a material and all materials made from it, by conversions or projects."""
    outputs: dict[str, list[str]] = defaultdict(list)
    for input_name, output_name, *_ in chain_links(case):
        outputs[input_name].append(output_name)
    return _reachable([material], outputs)


def upstream_materials(case: Sections, material: str) -> set[str]:
    """Return a material and all materials from which conversions make it."""
    inputs: dict[str, list[str]] = defaultdict(list)
    for input_name, output_name, *_ in chain_links(case, projects=False):
        inputs[output_name].append(input_name)
    return _reachable([material], inputs)


def _reachable(start: Iterable[str], successors: dict[str, list[str]]) -> set[str]:
    """Return all nodes of a graph that can be reached from ``start``."""
    reached_nodes = set(start)
    pending_nodes = list(reached_nodes)
    while pending_nodes:
        new_nodes = set(successors.get(pending_nodes.pop(), ())) - reached_nodes
        reached_nodes |= new_nodes
        pending_nodes += new_nodes
    return reached_nodes
