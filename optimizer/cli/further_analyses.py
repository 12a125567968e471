"""Further analyses of ``vorrat run --everything``: evaluation, comparison of variants, frontier and
stress test, and the value of deferral if the scenario has a review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from models.language import tr
from models.results import Plan, Result
from models.scenario.countries import EU_27
from optimizer import cli
from optimizer.cli import child_process, saved_results
from optimizer.cli.report import quick_evaluation_options

if TYPE_CHECKING:
    from optimizer.analyses.options import PlanOptions

GAP_OPTION = ("--gap", "0.001")
COARSE_GAP_OPTION = ("--gap", "0.005")
"""Gap of plans with several assumption sets or review branches, which are larger problems."""
FRONTIER_OPTIONS = ("--points", "6", *GAP_OPTION)
STRESS_YEARS = 2
"""Years over which the losses of events are compared, to choose the event of the stress test."""


class FurtherResults(NamedTuple):
    """Results of further analyses of a plan."""

    results: list[Result]  # the results that its report includes
    comparison_file: Path | None  # the comparison of its variants
    other_plans: dict[str, Plan]  # of other scenarios in that comparison, by label
    is_complete: bool  # whether no step failed


def run_further_analyses(
    file: Path, plan_options: PlanOptions, plan: Plan, plan_file: Path
) -> FurtherResults:
    """Run further analyses of a saved plan, and write them to a folder beside ``plan_file``.

    If an analysis fails, this is reported and the next one starts. After Ctrl-C no further one
    starts.
    """
    folder = saved_results.results_folder(plan_file)
    limit = [] if plan_options.time_limit is None else [f"--time-limit={plan_options.time_limit}"]
    steps = list(_command_steps(file, plan_options.variant, plan, plan_file, folder))
    results, comparison_file, is_complete = [], None, True
    for number, (name, arguments, result_file) in enumerate(steps, start=1):
        click.echo(tr("Step {place} of {count}: {name}", place=number, count=len(steps), name=name))
        result_file.unlink(missing_ok=True)
        child_process.announce_search()
        cli.run_silently([*arguments, *limit, "--force"])
        # Decided by the file, not the exit code: a comparison may lack one option only.
        if not result_file.is_file():
            is_complete = False
            click.echo(tr("That failed; what was found before is kept."))
        elif result_file.parent == folder:
            results.append(saved_results.read_result(str(result_file)).result)
        else:
            comparison_file = result_file
        if child_process.was_stop_requested():
            is_complete = False
            break
    other_plans = (
        {}
        if comparison_file is None
        else saved_results.read_results([str(comparison_file)], show_doubts=False)[1]
    )
    sha256 = plan.certificate.input_sha256
    other_plans = {k: p for k, p in other_plans.items() if p.certificate.input_sha256 != sha256}
    return FurtherResults(results, comparison_file, other_plans, is_complete)


def _command_steps(
    file: Path, variant: str | None, plan: Plan, plan_file: Path, folder: Path
) -> Iterator[tuple[str, list[str], Path]]:
    """Yield for each further analysis its name, its command line, and the file that it writes."""
    out_options, case = ["--out", str(folder)], plan.case
    name = tr("fresh states, and what would be done without the plan")
    yield (
        name,
        ["evaluate", str(plan_file), *quick_evaluation_options(plan), *out_options],
        folder / "evaluation.json",
    )
    if case is None:
        return
    variant_options = ["--variant", variant] if variant is not None else []
    if case.assumptions:
        name = tr("the best plan of each set of assumptions")
        gap_option = GAP_OPTION if case.planned_review is None else COARSE_GAP_OPTION
        arguments = ["assumptions", str(file), *variant_options, *gap_option, *out_options]
        yield name, arguments, folder / "disagreement.json"
    if case.review is not None:
        name = tr("what it is worth to decide again")
        yield (
            name,
            ["review", str(file), *variant_options, *COARSE_GAP_OPTION, *out_options],
            folder / "waiting.json",
        )
    event = _worst_event(plan) if case.planned_review is None else None
    if event is not None:
        arguments = ["stress", str(plan_file), "--event", event, *out_options]
        yield tr("a stress test"), arguments, folder / "stress.json"
    has_public_funder = any(funder.kind == "public" for funder in case.funders.values())
    if has_public_funder and case.planned_review is None:
        arguments = ["frontier", str(file), *variant_options, *FRONTIER_OPTIONS, *out_options]
        yield tr("more and less public money"), arguments, folder / "frontier.json"
    variants = _variant_ids(file)
    if variants:
        comparison_folder = folder / "options"
        other_items = [f"{file}@{other}" for other in variants if other != variant]
        # The plan is compared as saved; if it is of a variant, the base case is a further option.
        items = [str(plan_file), *([str(file)] if variant is not None else []), *other_items]
        arguments = ["compare", *items, *GAP_OPTION, "--out", str(comparison_folder)]
        yield tr("the variants side by side"), arguments, comparison_folder / "comparison.json"


def _variant_ids(file: Path) -> list[str]:
    """Return the ids of all variants of a scenario file. The file has to be read for this, since a
    plan contains only the variant that it solves."""
    from models.files import read_case

    return list(read_case(file).case.variants)


def _worst_event(plan: Plan) -> str | None:
    """Return the event that takes away the most supply, by value, from outside the EU if it starts
    in the second year. It is named as in ``vorrat stress``. Return None if no hazard affects such
    supply."""
    case = plan.case
    assert case is not None
    years = list(case.horizon.years)
    year = years[min(1, len(years) - 1)]
    lost_values: dict[str, float] = {}
    for name, hazard in case.hazards.items():
        for profile, effects in hazard.effects_by_profile.items():
            losses: dict[tuple[str, str], float] = {}
            for effect in effects:
                first = effect.loss[: STRESS_YEARS * int(case.horizon.periods_per_year)]
                share = sum(map(float, first)) / len(first)
                for m in effect.materials or case.materials:
                    losses[effect.country, m] = max(share, losses.get((effect.country, m), 0.0))
            event = f"{name}.{profile} {year}" if profile else f"{name} {year}"
            lost_values[event] = sum(
                share * _undisturbed_supply_value(plan, m, country, year)
                for (country, m), share in losses.items()
                if country not in EU_27
            )
    worst = max(lost_values, key=lambda event: lost_values[event], default=None)
    return worst if worst is not None and lost_values[worst] > 0 else None


def _undisturbed_supply_value(plan: Plan, material: str, country: str, year: int) -> float:
    """Return the value in EUR of the material that a country delivers in a year if no hazard occurs
    and there is no plan."""
    assert plan.case is not None
    year_figures = next(item for item in plan.materials if item.id == material).by_year[str(year)]
    supply = year_figures.supply_without_plan
    share = supply.by_country.get(country, 0.0) if supply is not None else 0.0
    return share * year_figures.need_t * plan.case.materials[material].price_eur_per_t.at(year)
