"""What is short although nothing happens: warned of, since a plan is credited with filling it.

Undisturbed means market supply and conversions at full capacity, without initial stocks and
projects. Materials that conversions tie are judged together: their direct demand is met if one way
of running the conversions meets all of it at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from models.faults import Fault
from models.language import tr
from models.scenario import chains

if TYPE_CHECKING:
    from models.scenario.case import Case
    from models.scenario.materials import Conversion

SHORTAGE_TOLERANCE = 1e-6  #: Share of demand that may lack.
_ROUNDING = 1e-12


def baseline_shortage_warnings(case: Case) -> Iterator[Fault]:
    """A warning for each material, or each chain, that is short, with the years; and for each stock
    that can never be filled again since that is so in all years."""
    place = {name: n for n, name in enumerate(chains.order_materials(case))}
    if len(place) < len(case.materials):
        return  # Forms run in a circle, which is a fault.
    group_of: dict[str, tuple[str, ...]] = {name: (name,) for name in case.materials}
    for chain in chains.material_chains(case, projects=False):
        group_of.update(dict.fromkeys(chain, chain))
    makers_of: dict[str, list[Conversion]] = defaultdict(list)
    for conversion in case.conversions.values():
        makers_of[conversion.output].append(conversion)
    short: dict[tuple[str, ...], list[int]] = {}
    for year in case.horizon.years:
        demand, supply = _demand_and_supply(case, year)
        lacking = [name for name, tonnes in demand.items() if _is_short(tonnes, supply[name])]
        for group in dict.fromkeys(group_of[name] for name in lacking if name in group_of):
            outputs_first = sorted(group, key=place.__getitem__, reverse=True)
            makers = [
                YearConversion(name, one.capacity_t_per_year.at(year), one.inputs_t_per_t)
                for name in outputs_first
                for one in makers_of[name]
            ]
            if not demand_can_be_met(outputs_first, makers, demand, supply):
                short.setdefault(group, []).append(year)
    for group in dict.fromkeys(group_of.values()):
        if group in short:
            yield _shortage_warning(group, short[group])
    for number, pile in enumerate(case.stockpiles):
        again = pile.refill_t_per_year
        years = short.get(group_of.get(pile.material, ()), [])
        if again is not None and any(again.values) and len(years) == len(case.horizon.years):
            message = tr(
                "never filled again: '{material}', or what conversions tie it to, is short in all "
                "years although nothing happens",
                material=pile.material,
            )
            hint = tr("stocks are filled where market supply and conversions meet demand")
            yield Fault(("stockpiles", number, "refill_t_per_year"), message, hint, "warning")


def _demand_and_supply(case: Case, year: int) -> tuple[dict[str, float], dict[str, float]]:
    """Direct demand and market supply of each material in a year, in tonnes."""
    demand: dict[str, float] = defaultdict(float)
    for row in case.demand:
        demand[row.material] += row.t_per_year.at(year)
    supply: dict[str, float] = defaultdict(float)
    need = chains.material_needs(case, year)
    for one in case.supply:
        share, tonnes = one.share, one.t_per_year
        supply[one.material] += share.at(year) * need.get(one.material, 0.0) if share else 0.0
        supply[one.material] += tonnes.at(year) if tonnes else 0.0
    return demand, supply


def _is_short(demand: float, supply: float) -> bool:
    return supply < demand * (1 - SHORTAGE_TOLERANCE - _ROUNDING)


@dataclass(frozen=True)
class YearConversion:
    """A conversion in one year."""

    output: str
    capacity: float  #: Tonnes of output at most.
    inputs: Mapping[str, float]


def demand_can_be_met(
    outputs_first: Sequence[str],
    conversions: Sequence[YearConversion],
    demand: Mapping[str, float],
    supply: Mapping[str, float],
) -> bool:
    """Whether conversions can meet the demand for all materials of a chain; ``order`` has outputs
    before their inputs, and so have ``makers``.

    Makers of one output are called on in their order. Where each output has but one, this is the
    only way not to waste any; else a linear program looks for another where it fails.
    """
    required = {name: demand[name] * (1 - SHORTAGE_TOLERANCE) for name in outputs_first}
    by_output: dict[str, list[YearConversion]] = defaultdict(list)
    for maker in conversions:
        by_output[maker.output].append(maker)
    enough = True
    for name in outputs_first:
        lacking = required[name] - supply[name]
        for maker in by_output[name]:
            made = min(maker.capacity, max(0.0, lacking))
            lacking -= made
            for taken, ratio in maker.inputs.items():
                required[taken] = required.get(taken, 0.0) + float(ratio) * made
        enough = enough and lacking <= _ROUNDING * required[name]
    if enough or all(len(some) <= 1 for some in by_output.values()):
        return enough
    return solve_conversion_problems(outputs_first, [(conversions, demand, supply)])[0]


ConversionProblem = tuple[Sequence[YearConversion], Mapping[str, float], Mapping[str, float]]
"""Makers, demand and supply."""


def solve_conversion_problems(
    outputs_first: Sequence[str], problems: Sequence[ConversionProblem]
) -> list[bool]:
    """Whether conversions can meet all demand of a chain, whichever makers of an output are called
    on: one linear program for many, since most of what it costs is to call the solver."""
    import numpy as np
    from scipy import sparse
    from scipy.optimize import linprog

    blocks = [_shortage_program(outputs_first, *problem) for problem in problems]
    # The solver takes sparse arrays, which the annotations of its function leave out.
    matrix: Any = sparse.block_diag([sparse.csr_array(b) for b, _ in blocks], format="csr")
    ends = np.cumsum([block.shape[1] for block, _ in blocks]) - 1
    cost = np.zeros(matrix.shape[1])
    cost[ends] = 1
    sides = np.concatenate([side for _, side in blocks])
    found = linprog(cost, A_ub=matrix, b_ub=sides, bounds=(0, 1))
    if found.x is None:
        # To lack all is always possible: what fails is arithmetic, in one of them.
        half = len(problems) // 2
        parts = (problems[:half], problems[half:]) if half else ()
        return [
            own for part in parts for own in solve_conversion_problems(outputs_first, part)
        ] or [False]
    return [bool(lack <= SHORTAGE_TOLERANCE) for lack in found.x[ends]]


def _shortage_program(
    outputs_first: Sequence[str],
    conversions: Sequence[YearConversion],
    demand: Mapping[str, float],
    supply: Mapping[str, float],
) -> tuple[Any, Any]:
    """Rows and sides of a program in the output of each maker, as a share of what could be used of
    it, and, last, the least share that lacks of the demand for every material of a chain."""
    import numpy as np

    row = {name: n for n, name in enumerate(outputs_first)}
    useful = {name: demand[name] for name in outputs_first}
    matrix = np.zeros((len(outputs_first), len(conversions) + 1))
    for column, maker in enumerate(conversions):
        most = min(maker.capacity, useful[maker.output])
        matrix[row[maker.output], column] = -most
        for taken, ratio in maker.inputs.items():
            if taken in row:
                useful[taken] += float(ratio) * most
                matrix[row[taken], column] += float(ratio) * most
    needs = np.array([demand[name] for name in outputs_first])
    matrix[:, -1] = -needs
    limits = np.array([supply[name] for name in outputs_first]) - needs
    # Rows in shares of demand, or of what could be taken in where nothing is demanded.
    sizes = np.where(needs > 0, needs, np.abs(matrix).max(axis=1))
    sizes[sizes == 0] = 1
    return matrix / sizes[:, None], limits / sizes


def _shortage_warning(group: tuple[str, ...], years: Sequence[int]) -> Fault:
    years_said = format_years(years)
    message = tr(
        "'{material}' is short in {years} although nothing happens",
        material=group[0],
        years=years_said,
    )
    hint = tr("supply is less than demand; a plan that fills the gap is credited with it")
    if len(group) > 1:
        message = tr(
            "one of {materials} is short in {years} although nothing happens",
            materials=", ".join(group),
            years=years_said,
        )
        hint = tr(
            "supply and conversions at full capacity are less than demand; a plan that fills the "
            "gap is credited with it"
        )
    return Fault(("materials", group[0]), message, hint, "warning", at_key=True)


def format_years(years: Sequence[int]) -> str:
    """Years in rising order, three or more in a row as the first and the last."""
    breaks = [n for n, (one, next_) in enumerate(pairwise(years), start=1) if next_ != one + 1]
    runs = [years[a:b] for a, b in pairwise([0, *breaks, len(years)])]
    parts: list[str] = []
    for run in runs:
        long = len(run) > 2
        parts += [tr("{first} to {last}", first=run[0], last=run[-1])] if long else map(str, run)
    return ", ".join(parts)
