"""Further analyses of ``vorrat run --everything``: evaluation, comparison of variants, frontier and
stress test, and the value of deferral if the scenario has a review."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from models.countries import EU_27
from models.files import read_case
from models.results import Comparison, Plan, Result
from optimizer.analyses.analysis_options import (
    AssumptionsOptions,
    EvaluateOptions,
    FrontierOptions,
    ReviewOptions,
    StressOptions,
    parse_events,
)
from optimizer.analyses.options import CompareOptions, PlanOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.cli import child_process, exit_codes, saved_results
from optimizer.cli.analysis_commands import nested_output, run_nested
from optimizer.cli.compare import compare_items
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.report import quick_evaluation_options

GAP = 0.001
COARSE_GAP = 0.005
"""Gap of plans with several assumption sets or review branches, which are larger problems."""
FRONTIER_POINTS = 6
STRESS_YEARS = 2
"""Years over which the losses of events are compared, to choose the event of the stress test."""


class FurtherResults(NamedTuple):
    """Results of further analyses of a plan."""

    results: list[Result]  # the results that its report includes
    comparison: Comparison | None  # of its variants
    compared_plans: dict[str, Plan]  # the plans of this comparison, by label
    other_plans: dict[str, Plan]  # those of compared_plans whose scenario is not that of the plan
    is_complete: bool  # whether no step failed


Step = tuple[str, Path, Callable[[], tuple[int, Any]]]
"""The name of a further analysis, the file that it writes, and a function that runs it and returns
its exit code and its answer. The answer is a result, or a comparison with its plans by label."""


def run_further_analyses(
    file: Path, plan_options: PlanOptions, plan: Plan, plan_file: Path
) -> FurtherResults:
    """Run further analyses of a saved plan, and write them to a folder beside ``plan_file``.

    If an analysis fails, this is reported and the next one starts. After Ctrl-C no further one
    starts.
    """
    steps = list(_analysis_steps(file, plan_options, plan, plan_file))
    results: list[Result] = []
    comparison, plans, is_complete = None, dict[str, Plan](), True
    for number, (name, result_file, run) in enumerate(steps, start=1):
        click.echo(f"Step {number} of {len(steps)}: {name}")
        result_file.unlink(missing_ok=True)
        child_process.announce_search()
        # Decided by the answer, not the exit code: a comparison may lack one option only.
        _, answer = run()
        if answer is None:
            is_complete = False
            click.echo("That failed; what was found before is kept.")
        elif isinstance(answer, Result):
            results.append(answer)
        else:
            comparison, plans = answer
        if child_process.was_stop_requested():
            is_complete = False
            break
    sha256 = plan.certificate.input_sha256
    other_plans = {k: p for k, p in plans.items() if p.certificate.input_sha256 != sha256}
    return FurtherResults(results, comparison, plans, other_plans, is_complete)


def _analysis_steps(
    file: Path, plan_options: PlanOptions, plan: Plan, plan_file: Path
) -> Iterator[Step]:
    """Yield the further analyses of a plan."""
    folder, case, variant = saved_results.results_folder(plan_file), plan.case, plan_options.variant
    progress = ProgressDisplay(child_process.is_recovery())
    shared_options: dict[str, Any] = {"listener": progress}
    if plan_options.time_limit is not None:
        shared_options["time_limit"] = plan_options.time_limit
    file_options = shared_options if variant is None else {**shared_options, "variant": variant}

    def step(name: str, command: str, given: Path, options: Any, **texts: Any) -> Step:
        result_file = folder / ANALYSES_BY_NAME[command].result_file
        return name, result_file, partial(run_nested, command, given, options, folder, **texts)

    evaluate_options = EvaluateOptions(**quick_evaluation_options(plan), **shared_options)
    name = "fresh states, and what would be done without the plan"
    yield step(name, "evaluate", plan_file, evaluate_options)
    if case is None:
        return
    if case.assumptions:
        name = "the best plan of each set of assumptions"
        gap = GAP if case.planned_review is None else COARSE_GAP
        yield step(name, "assumptions", file, AssumptionsOptions(gap=gap, **file_options))
    if case.review is not None:
        name = "what it is worth to decide again"
        yield step(name, "review", file, ReviewOptions(gap=COARSE_GAP, **file_options))
    event = _worst_event(plan) if case.planned_review is None else None
    if event is not None:
        stress_options = StressOptions(events=parse_events((event,)), **shared_options)
        yield step("a stress test", "stress", plan_file, stress_options, events=(event,))
    has_public_funder = any(funder.kind == "public" for funder in case.funders.values())
    if has_public_funder and case.planned_review is None:
        frontier_options = FrontierOptions(points=FRONTIER_POINTS, gap=GAP, **file_options)
        yield step("more and less public money", "frontier", file, frontier_options)
    # The file is read, since a plan contains only the variant that it solves.
    variants = list(read_case(file).case.variants)
    if variants:
        # The plan is compared as saved; if it is of a variant, the base case is a further option.
        compared_files = (str(plan_file), *([str(file)] if variant is not None else []))
        compared_files += tuple(f"{file}@{other}" for other in variants if other != variant)
        compare_options = CompareOptions(gap=GAP, **shared_options)
        output = nested_output(
            "compare", {"given": compared_files}, compare_options, folder / "options"
        )
        result_file = folder / "options" / saved_results.COMPARISON_FILE
        compare = partial(compare_items, compared_files, compare_options, output)
        name = "the variants side by side"
        yield name, result_file, partial(exit_codes.run_nested, compare)


def _worst_event(plan: Plan) -> str | None:
    """Return the event that, if it starts in the second year, removes the supply of highest value
    from outside the EU. It is named as in ``vorrat stress``. Return None if no hazard affects such
    supply."""
    case = plan.case
    assert case is not None
    years = list(case.horizon.years)
    year = years[min(1, len(years) - 1)]
    period_count = STRESS_YEARS * int(case.horizon.periods_per_year)
    lost_values: dict[str, float] = {}
    for name, hazard in case.hazards.items():
        for profile, effects in hazard.effects_by_profile.items():
            losses: dict[tuple[str, str], float] = {}
            for effect in effects:
                # Nothing is lost in periods that the effect does not list.
                share = math.fsum(effect.loss[:period_count]) / period_count
                for m in effect.materials or case.materials:
                    losses[effect.country, m] = max(share, losses.get((effect.country, m), 0.0))
            event = f"{name}.{profile} {year}" if profile else f"{name} {year}"
            lost_values[event] = sum(
                share * _undisturbed_supply_value(plan, m, country, year)
                for (country, m), share in losses.items()
                if country not in EU_27
            )
    worst_event = max(lost_values, key=lambda event: lost_values[event], default=None)
    return worst_event if worst_event is not None and lost_values[worst_event] > 0 else None


def _undisturbed_supply_value(plan: Plan, material: str, country: str, year: int) -> float:
    """Return the value in EUR of the material that a country delivers in a year if no hazard occurs
    and there is no plan."""
    assert plan.case is not None
    year_figures = next(item for item in plan.materials if item.id == material).by_year[str(year)]
    supply = year_figures.supply_without_plan
    share = supply.by_country.get(country, 0.0) if supply is not None else 0.0
    return share * year_figures.need_t * plan.case.materials[material].price_eur_per_t.at(year)
