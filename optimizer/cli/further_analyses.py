"""What ``vorrat run --everything`` adds to a plan: its evaluation, its variants compared, more and
less money, and a stress test; of a plan with a review what that is worth."""

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
"""For plans that decide on several paths, each a problem of its own."""
FRONTIER_OPTIONS = ("--points", "6", *GAP_OPTION)
STRESS_YEARS = 2
"""Years over which events are compared, to find the one for the stress test."""


class FurtherResults(NamedTuple):
    """What there is to say of a plan beside it."""

    results: list[Result]  # those that go into its report
    comparison_file: Path | None  # the comparison of its variants
    other_plans: dict[str, Plan]  # their plans by label, but that of the same scenario
    is_complete: bool  # whether no step failed


def run_further_analyses(
    file: Path, plan_options: PlanOptions, plan: Plan, plan_file: Path
) -> FurtherResults:
    """Find what else there is to say of a plan that was saved at ``path``, into a folder beside it.

    A step that fails is told, and the next one begins; after Ctrl-C none does.
    """
    folder = saved_results.results_folder(plan_file)
    limit = [] if plan_options.time_limit is None else [f"--time-limit={plan_options.time_limit}"]
    steps = list(_command_steps(file, plan_options.variant, plan, plan_file, folder))
    results, options, is_whole = [], None, True
    for place, (name, line, leaves) in enumerate(steps, start=1):
        click.echo(tr("Step {place} of {count}: {name}", place=place, count=len(steps), name=name))
        leaves.unlink(missing_ok=True)
        child_process.announce_search()
        cli.run_silently([*line, *limit, "--force"])
        # One option without a plan leaves a comparison of the others.
        if not leaves.is_file():
            is_whole = False
            click.echo(tr("That failed; what was found before is kept."))
        elif leaves.parent == folder:
            results.append(saved_results.read_result(str(leaves)).result)
        else:
            options = leaves
        if child_process.was_stop_requested():
            is_whole = False
            break
    others = (
        {} if options is None else saved_results.read_results([str(options)], show_doubts=False)[1]
    )
    own = plan.certificate.input_sha256
    others = {k: one for k, one in others.items() if one.certificate.input_sha256 != own}
    return FurtherResults(results, options, others, is_whole)


def _command_steps(
    file: Path, variant: str | None, plan: Plan, plan_file: Path, folder: Path
) -> Iterator[tuple[str, list[str], Path]]:
    """What each step is called, the command line of it, and the file that it leaves."""
    out, case = ["--out", str(folder)], plan.case
    name = tr("fresh states, and what would be done without the plan")
    yield (
        name,
        ["evaluate", str(plan_file), *quick_evaluation_options(plan), *out],
        folder / "evaluation.json",
    )
    if case is None:
        return
    of = ["--variant", variant] if variant is not None else []
    if case.assumptions:
        name = tr("the best plan of each set of assumptions")
        gap = GAP_OPTION if case.planned_review is None else COARSE_GAP_OPTION
        line = ["assumptions", str(file), *of, *gap, *out]
        yield name, line, folder / "disagreement.json"
    if case.review is not None:
        name = tr("what it is worth to decide again")
        yield name, ["review", str(file), *of, *COARSE_GAP_OPTION, *out], folder / "waiting.json"
    event = _worst_event(plan) if case.planned_review is None else None
    if event is not None:
        line = ["stress", str(plan_file), "--event", event, *out]
        yield tr("a stress test"), line, folder / "stress.json"
    public = any(funder.kind == "public" for funder in case.funders.values())
    if public and case.planned_review is None:
        line = ["frontier", str(file), *of, *FRONTIER_OPTIONS, *out]
        yield tr("more and less public money"), line, folder / "frontier.json"
    variants = _variant_ids(file)
    if variants:
        options = folder / "options"
        others = [f"{file}@{one}" for one in variants if one != variant]
        # The plan stands among them as it is in its report; of a variant the base is another.
        items = [str(plan_file), *([str(file)] if variant is not None else []), *others]
        line = ["compare", *items, *GAP_OPTION, "--out", str(options)]
        yield tr("the variants side by side"), line, options / "comparison.json"


def _variant_ids(file: Path) -> list[str]:
    """The variants of a scenario file; a plan carries none but its own."""
    from models.files import read_case

    return list(read_case(file).case.variants)


def _worst_event(plan: Plan) -> str | None:
    """The event that strikes most of what is needed from third countries, by value, in the second
    year; as ``vorrat stress`` takes it. None where no hazard strikes anything."""
    case = plan.case
    assert case is not None
    years = list(case.horizon.years)
    year = years[min(1, len(years) - 1)]
    found: dict[str, float] = {}
    for name, hazard in case.hazards.items():
        for profile, effects in hazard.effects_by_profile.items():
            lost: dict[tuple[str, str], float] = {}
            for effect in effects:
                first = effect.loss[: STRESS_YEARS * int(case.horizon.periods_per_year)]
                share = sum(map(float, first)) / len(first)
                for m in effect.materials or case.materials:
                    lost[effect.country, m] = max(share, lost.get((effect.country, m), 0.0))
            event = f"{name}.{profile} {year}" if profile else f"{name} {year}"
            found[event] = sum(
                share * _undisturbed_supply_value(plan, m, country, year)
                for (country, m), share in lost.items()
                if country not in EU_27
            )
    best = max(found, key=lambda event: found[event], default=None)
    return best if best is not None and found[best] > 0 else None


def _undisturbed_supply_value(plan: Plan, material: str, country: str, year: int) -> float:
    """EUR that a country delivers of a material in a year, undisturbed and without a plan."""
    assert plan.case is not None
    of = next(one for one in plan.materials if one.id == material).by_year[str(year)]
    mix = of.supply_without_plan
    share = mix.by_country.get(country, 0.0) if mix is not None else 0.0
    return share * of.need_t * plan.case.materials[material].price_eur_per_t.at(year)
