"""Chains of materials and their needs, equal damage steps, and warnings of shortages without any
event.

A conversion, or a project with inputs, links each of its inputs to its output.

Only market supply and conversions at full capacity are counted, without initial stocks and
projects. The materials of one chain are checked together: their direct demand is met if the
conversions can be operated so that all of it is met at once.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from models.faults import Fault
from models.language import tr
from models.scenario.materials import Conversion, Damage
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


def find_damage_entry(case: Sections, consumer: str, material: str) -> Damage:
    """Return the damage entry for the demand of a consumer for a material: the consumer's, or else
    the one for all consumers."""
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    return max(entries, key=lambda d: d.consumer is not None)


def equal_steps_note(case: Sections) -> str:
    """Return a note if consumers of a material have damage steps of equal damage per tonne, so that
    their parts of a pooled shortage depend on their order in the file; else empty."""
    if case.objective.allocation == "entitled":
        return ""
    by_price = case.objective.measure == "damage"
    seen: dict[tuple[str, float], str] = {}
    for demand in case.demand:
        steps = find_damage_entry(case, demand.consumer, demand.material).steps
        for damage in {float(step.eur_per_t) if by_price else 1.0 for step in steps if step.share}:
            if seen.setdefault((demand.material, damage), demand.consumer) != demand.consumer:
                return tr(
                    "Of consumers with equal damage per missing tonne, the one that is first in "
                    "the file is served first: their separate figures depend on this order, their "
                    "sum does not."
                )
    return ""


SHORTAGE_TOLERANCE = 1e-6  #: Share of demand that may be missing.
_ROUNDING_FACTOR = 1e-12


def baseline_shortage_warnings(case: Sections) -> Iterator[Fault]:
    """Yield a warning, with the years, for each material or chain that is short even without any
    disruption, and one for each stockpile that can never be refilled because its chain is short in
    every year."""
    material_order = {name: n for n, name in enumerate(order_materials(case))}
    if len(material_order) < len(case.materials):
        return  # The forms contain a cycle, which is reported as a fault elsewhere.
    chain_by_material: dict[str, tuple[str, ...]] = {name: (name,) for name in case.materials}
    for chain in material_chains(case, projects=False):
        chain_by_material.update(dict.fromkeys(chain, chain))
    conversions_by_output: dict[str, list[Conversion]] = defaultdict(list)
    for conversion in case.conversions.values():
        conversions_by_output[conversion.output].append(conversion)
    short_years: dict[tuple[str, ...], list[int]] = {}
    for year in case.horizon.years:
        demand, supply = _demand_and_supply(case, year)
        short_materials = [
            name for name, tonnes in demand.items() if _is_short(tonnes, supply[name])
        ]
        for materials in dict.fromkeys(
            chain_by_material[name] for name in short_materials if name in chain_by_material
        ):
            outputs_first = sorted(materials, key=material_order.__getitem__, reverse=True)
            conversions = [
                YearConversion(name, maker.capacity_t_per_year.at(year), maker.inputs_t_per_t)
                for name in outputs_first
                for maker in conversions_by_output[name]
            ]
            if not demand_can_be_met(outputs_first, conversions, demand, supply):
                short_years.setdefault(materials, []).append(year)
    for materials in dict.fromkeys(chain_by_material.values()):
        if materials in short_years:
            yield _shortage_warning(materials, short_years[materials])
    for position, stockpile in enumerate(case.stockpiles):
        refill = stockpile.refill_t_per_year
        years = short_years.get(chain_by_material.get(stockpile.material, ()), [])
        if refill is not None and any(refill.values) and len(years) == len(case.horizon.years):
            message = (
                f"never filled again: '{stockpile.material}', or what "
                "conversions tie it to, is short in all "
                "years although nothing happens"
            )
            hint = "stocks are filled where market supply and conversions meet demand"
            yield Fault(("stockpiles", position, "refill_t_per_year"), message, hint, "warning")


def _demand_and_supply(case: Sections, year: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return direct demand and market supply of each material in a year, in tonnes."""
    demand: dict[str, float] = defaultdict(float)
    for row in case.demand:
        demand[row.material] += row.t_per_year.at(year)
    supply: dict[str, float] = defaultdict(float)
    need = material_needs(case, year)
    for entry in case.supply:
        share, tonnes = entry.share, entry.t_per_year
        supply[entry.material] += share.at(year) * need.get(entry.material, 0.0) if share else 0.0
        supply[entry.material] += tonnes.at(year) if tonnes else 0.0
    return demand, supply


def _is_short(demand: float, supply: float) -> bool:
    return supply < demand * (1 - SHORTAGE_TOLERANCE - _ROUNDING_FACTOR)


@dataclass(frozen=True)
class YearConversion:
    """A conversion with its maximum output in one year."""

    output: str
    max_output: float  #: In tonnes, or in another unit of mass.
    inputs: Mapping[str, float]  #: Tonnes of each input per tonne of output.


def demand_can_be_met(
    outputs_first: Sequence[str],
    conversions: Sequence[YearConversion],
    demand: Mapping[str, float],
    supply: Mapping[str, float],
) -> bool:
    """Return whether the conversions can meet the demand for all materials of a chain at once.

    ``outputs_first`` lists each material before its inputs; demand and supply are in tonnes by
    material. Conversions with the same output are used in their order. This greedy operation is
    optimal if each output has a single conversion. Otherwise, if it does not meet the demand, a
    linear program decides.
    """
    required_t = {name: demand[name] * (1 - SHORTAGE_TOLERANCE) for name in outputs_first}
    by_output: dict[str, list[YearConversion]] = defaultdict(list)
    for conversion in conversions:
        by_output[conversion.output].append(conversion)
    is_met = True
    for name in outputs_first:
        missing_t = required_t[name] - supply[name]
        for conversion in by_output[name]:
            output = min(conversion.max_output, max(0.0, missing_t))
            missing_t -= output
            for input_name, ratio in conversion.inputs.items():
                required_t[input_name] = required_t.get(input_name, 0.0) + float(ratio) * output
        is_met = is_met and missing_t <= _ROUNDING_FACTOR * required_t[name]
    if is_met or all(len(makers) <= 1 for makers in by_output.values()):
        return is_met
    return solve_conversion_problems(outputs_first, [(conversions, demand, supply)])[0]


ConversionProblem = tuple[Sequence[YearConversion], Mapping[str, float], Mapping[str, float]]
"""Conversions, demand and supply of one year."""


def solve_conversion_problems(
    outputs_first: Sequence[str], problems: Sequence[ConversionProblem]
) -> list[bool]:
    """Return for each problem whether the conversions can meet all demand of the chain.

    The problems are solved as blocks of one linear program, since calling the solver takes most of
    the time for a small program.
    """
    import numpy as np
    from scipy import sparse
    from scipy.optimize import linprog

    blocks = [_shortage_program(outputs_first, *problem) for problem in problems]
    # linprog accepts sparse arrays, though its annotations do not say so.
    matrix: Any = sparse.block_diag([sparse.csr_array(b) for b, _ in blocks], format="csr")
    shortage_columns = np.cumsum([block.shape[1] for block, _ in blocks]) - 1
    cost = np.zeros(matrix.shape[1])
    cost[shortage_columns] = 1
    right_hand_sides = np.concatenate([right_hand_side for _, right_hand_side in blocks])
    result = linprog(cost, A_ub=matrix, b_ub=right_hand_sides, bounds=(0, 1))
    if result.x is None:
        # Every block is feasible, so the failure is numerical: halve the problems to isolate it.
        half_count = len(problems) // 2
        problem_halves = (problems[:half_count], problems[half_count:]) if half_count else ()
        return [
            is_met
            for part in problem_halves
            for is_met in solve_conversion_problems(outputs_first, part)
        ] or [False]
    return [bool(shortage <= SHORTAGE_TOLERANCE) for shortage in result.x[shortage_columns]]


def _shortage_program(
    outputs_first: Sequence[str],
    conversions: Sequence[YearConversion],
    demand: Mapping[str, float],
    supply: Mapping[str, float],
) -> tuple[Any, Any]:
    """Return the matrix and the right-hand side of a linear program, with one row per material.

    The variables are the output of each conversion, as a share of its useful capacity, followed by
    the missing share of demand. The latter is the same for all materials of the chain and is
    minimized.
    """
    import numpy as np

    row_of_material = {name: n for n, name in enumerate(outputs_first)}
    useful_t = {name: demand[name] for name in outputs_first}
    matrix = np.zeros((len(outputs_first), len(conversions) + 1))
    for column, conversion in enumerate(conversions):
        useful_output_t = min(conversion.max_output, useful_t[conversion.output])
        matrix[row_of_material[conversion.output], column] = -useful_output_t
        for input_name, ratio in conversion.inputs.items():
            if input_name in row_of_material:
                useful_t[input_name] += float(ratio) * useful_output_t
                matrix[row_of_material[input_name], column] += float(ratio) * useful_output_t
    demands = np.array([demand[name] for name in outputs_first])
    matrix[:, -1] = -demands
    surplus_t = np.array([supply[name] for name in outputs_first]) - demands
    # Rows are scaled by demand, or by the largest possible intake without demand.
    row_scales = np.where(demands > 0, demands, np.abs(matrix).max(axis=1))
    row_scales[row_scales == 0] = 1
    return matrix / row_scales[:, None], surplus_t / row_scales


def _shortage_warning(materials: tuple[str, ...], years: Sequence[int]) -> Fault:
    year_text = format_years(years)
    message = f"'{materials[0]}' is short in {year_text} although nothing happens"
    hint = "supply is less than demand; a plan that fills the gap is credited with it"
    if len(materials) > 1:
        message = "one of {materials} is short in {years} although nothing happens".format(
            materials=", ".join(materials), years=year_text
        )
        hint = (
            "supply and conversions at full capacity are less than demand; a plan that fills the "
            "gap is credited with it"
        )
    return Fault(("materials", materials[0]), message, hint, "warning", at_key=True)


def format_years(years: Sequence[int]) -> str:
    """Return rising years as text, with three or more consecutive years as a range."""
    range_starts = [
        n for n, (year, next_year) in enumerate(pairwise(years), start=1) if next_year != year + 1
    ]
    runs = [years[start:end] for start, end in pairwise([0, *range_starts, len(years)])]
    range_texts: list[str] = []
    for run in runs:
        is_range = len(run) > 2
        range_texts += [f"{run[0]} to {run[-1]}"] if is_range else map(str, run)
    return ", ".join(range_texts)
