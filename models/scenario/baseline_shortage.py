"""Warnings of shortages that occur without any event; a plan would be credited with removing them.

Only market supply and conversions at full capacity are counted, without initial stocks and
projects. The materials of one chain are checked together: their direct demand is met if the
conversions can be operated so that all of it is met at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from models.faults import Fault
from models.scenario import chains
from models.scenario.materials import Conversion
from models.scenario.sections import Sections

SHORTAGE_TOLERANCE = 1e-6  #: Share of demand that may be missing.
_ROUNDING_FACTOR = 1e-12


def baseline_shortage_warnings(case: Sections) -> Iterator[Fault]:
    """Yield a warning, with the years, for each material or chain that is short even without any
    disruption, and one for each stockpile that can never be refilled because its chain is short in
    every year."""
    material_order = {name: n for n, name in enumerate(chains.order_materials(case))}
    if len(material_order) < len(case.materials):
        return  # The forms contain a cycle, which is reported as a fault elsewhere.
    chain_by_material: dict[str, tuple[str, ...]] = {name: (name,) for name in case.materials}
    for chain in chains.material_chains(case, projects=False):
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
    need = chains.material_needs(case, year)
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
