"""Projects and stockpiles that plans choose, and the parts of an option's difference from the base.

The parts add up to the difference.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Literal

from models.results import Plan, ProjectPlan, StockpilePlan
from models.results import comparison as results
from models.results.option import FunderMoney, Option
from optimizer.analyses.comparison.efficiency import (
    avoided_per_extra_euro,
    combined_slack,
    is_significant,
)

MIN_TONNES = 1e-6
"""Tonnes (one gram) up to which an amount counts as zero."""
CHANGE_TOLERANCE = 0.005
"""Difference of capex shares, or relative difference of stocks, that counts as none."""
MONEY_TOLERANCE = 1e-9
"""Million EUR up to which a difference counts as rounding."""
AllSomeNone = Literal["all", "some", "none"]


def project_choices(plans: Mapping[str, Plan]) -> Iterator[results.ProjectChoice]:
    """Yield for each candidate project of all plans how each plan builds it, in the order of the
    scenario files."""
    built = {label: _built_projects(plan) for label, plan in plans.items()}
    candidates: dict[str, tuple[str, ...]] = {}
    for plan in plans.values():
        if plan.case is not None:
            for p, project in plan.case.projects.items():
                candidates.setdefault(p, tuple(project.output_t_per_year))
        for _, project_plan in plan.projects_with_probability:
            candidates.setdefault(project_plan.id, ())
    for p, materials in candidates.items():
        options = {
            label: _describe_project(plans[label], *built_projects[p])
            for label, built_projects in built.items()
            if p in built_projects
        }
        yield results.ProjectChoice(
            project=p,
            materials=materials,
            built_in=_all_some_or_none(options, plans),
            options=options,
        )


def stockpile_choices(plans: Mapping[str, Plan]) -> Iterator[results.StockpileChoice]:
    """Yield for each stockpile of all plans how much each plan buys and holds, in the order of the
    scenario files."""
    material_by_stockpile: dict[str, str] = {}
    for plan in plans.values():
        for stockpile in plan.stockpiles:
            material_by_stockpile.setdefault(stockpile.id, stockpile.material)
    for h, material in material_by_stockpile.items():
        options = {
            label: choice
            for label, plan in plans.items()
            for stockpile in plan.stockpiles
            if stockpile.id == h
            and (choice := _describe_stockpile(stockpile)).bought_t > MIN_TONNES
        }
        yield results.StockpileChoice(
            stockpile=h,
            material=material,
            bought_in=_all_some_or_none(options, plans),
            options=options,
        )


def _project_materials(plan: Plan, project: str) -> tuple[str, ...]:
    """Return the ids of the materials that a project delivers; empty if the plan does not carry its
    scenario."""
    return tuple(plan.case.projects[project].output_t_per_year) if plan.case else ()


def _all_some_or_none(options: Mapping[str, object], plans: Mapping[str, Plan]) -> AllSomeNone:
    """Return whether all, some or none of the plans choose an item.

    ``options`` has an entry for each plan that chooses it.
    """
    if not options:
        return "none"
    return "all" if len(options) == len(plans) else "some"


def _built_projects(plan: Plan) -> dict[str, tuple[ProjectPlan, float]]:
    """Return the projects that a plan builds, by id.

    Each is given as decided in its earliest year, with the total probability that it is built.
    """
    built: dict[str, tuple[ProjectPlan, float]] = {}
    for probability, project_plan in plan.projects_with_probability:
        first, probability_before = built.get(project_plan.id, (project_plan, 0.0))
        earliest = project_plan if project_plan.start < first.start else first
        built[project_plan.id] = earliest, min(1.0, probability_before + probability)
    return {id: entry for id, entry in built.items() if entry[1] > 0}


def _describe_project(
    plan: Plan, project_plan: ProjectPlan, probability: float
) -> results.OptionProject:
    """Return when a plan builds a project, with which probability, and with how much public
    money."""
    public = {funder.id for funder in plan.funders if funder.kind == "public"}
    return results.OptionProject(
        start=project_plan.start,
        probability=probability,
        first_output=project_plan.first_output,
        public_share=math.fsum(
            share
            for f, shares in project_plan.shares.items()
            for i, share in shares.items()
            if f in public and _carries_capex(plan, f, i)
        ),
        public_meur=math.fsum(
            math.fsum(position.paid_meur.values())
            for position in plan.accounts
            if position.project == project_plan.id and position.funder in public
        ),
    )


def _carries_capex(plan: Plan, funder: str, instrument: str) -> bool:
    """Return whether an instrument carries capex; True if the plan does not carry its scenario."""
    case = plan.case
    return case is None or case.funders[funder].instruments[instrument].carries_capex


def _describe_stockpile(stockpile: StockpilePlan) -> results.OptionStockpile:
    """Return how many tonnes a plan buys for a stockpile, the most that it holds, and the cost."""
    return results.OptionStockpile(
        bought_t=math.fsum(stockpile.buy_t.values()),
        held_t=max(stockpile.planned_t.values(), default=0.0),
        cost_meur=math.fsum(stockpile.cost_meur.values()),
    )


def _project_changes(base: Plan, option: Plan) -> Iterator[results.ProjectChange]:
    """Yield the projects that an option adds, drops, moves to another year, or finances differently
    from the base."""
    built_projects = [_built_projects(plan) for plan in (base, option)]
    before, after = ({p: entry for p, (entry, _) in by_id.items()} for by_id in built_projects)
    for p in dict.fromkeys((*before, *after)):
        old, new = before.get(p), after.get(p)
        change = _kind_of_change(old, new)
        if change is None:
            continue
        plan, project_plan = (option, new) if new is not None else (base, old)
        assert project_plan is not None
        yield results.ProjectChange(
            project=p,
            materials=_project_materials(plan, p),
            change=change,
            base=None if old is None else _describe_project(base, *built_projects[0][p]),
            option=None if new is None else _describe_project(option, *built_projects[1][p]),
        )


def _kind_of_change(
    before_change: ProjectPlan | None, after_change: ProjectPlan | None
) -> Literal["added", "dropped", "moved", "refinanced"] | None:
    """Return the kind of change between two plans for a project; None if there is no change."""
    if before_change is None or after_change is None:
        return "added" if before_change is None else "dropped"
    if before_change.start != after_change.start:
        return "moved"
    before, after = _financing(before_change), _financing(after_change)
    differs = any(
        abs(before.get(key, 0.0) - after.get(key, 0.0)) > CHANGE_TOLERANCE
        for key in {*before, *after}
    )
    return "refinanced" if differs else None


def _financing(project_plan: ProjectPlan) -> dict[tuple[str, str], float]:
    """Return the shares of a project's capex by funder and instrument.

    The share of the market is under the key ``("", "")``.
    """
    shares = {
        (f, i): share
        for f, by_instrument in project_plan.shares.items()
        for i, share in by_instrument.items()
    }
    return {**shares, ("", ""): project_plan.market_share}


def _stockpile_changes(base: Plan, option: Plan) -> Iterator[results.StockpileChange]:
    """Yield the stockpiles for which an option holds a different amount than the base, or has a
    different cost."""
    before, after = (
        {stockpile.id: stockpile for stockpile in plan.stockpiles} for plan in (base, option)
    )
    for h in dict.fromkeys((*before, *after)):
        old, new = (
            (_describe_stockpile(stockpiles[h]) if h in stockpiles else _EMPTY_STOCKPILE)
            for stockpiles in (before, after)
        )
        held_difference, cost_difference = new.held_t - old.held_t, new.cost_meur - old.cost_meur
        tolerance_t = max(MIN_TONNES, CHANGE_TOLERANCE * max(old.held_t, new.held_t))
        tolerance_meur = max(
            MIN_TONNES, CHANGE_TOLERANCE * max(abs(old.cost_meur), abs(new.cost_meur))
        )
        if abs(held_difference) > tolerance_t or abs(cost_difference) > tolerance_meur:
            material = (after.get(h) or before[h]).material
            yield results.StockpileChange(
                stockpile=h, material=material, held_t=held_difference, cost_meur=cost_difference
            )


_EMPTY_STOCKPILE = results.OptionStockpile(bought_t=0.0, held_t=0.0, cost_meur=0.0)


def option_difference(
    base: Plan,
    option: Plan,
    options: tuple[Option, Option],
    excluded: frozenset[results.ExcludedFigures],
) -> results.OptionDifference:
    """Compute the difference of an option from the base: figures of the option less those of the
    base.

    ``options`` are the base and the option with their figures. ``excluded`` are the kinds of
    figures that cannot be compared; they are None or empty in the result.
    """
    before, after = options
    damage, money = "damage" not in excluded, "money" not in excluded
    project_changes = tuple(_project_changes(base, option))
    stockpile_changes = tuple(_stockpile_changes(base, option))
    expected = option.outcome.expected - base.outcome.expected if damage else None
    objective = resolution = None
    if "objective" not in excluded:
        objective = after.proof.objective - before.proof.objective
        resolution = combined_slack(before, after)

    def cost_difference(path: str) -> float | None:
        get = attrgetter(path)
        return get(after.cost) - get(before.cost) if money else None

    by_consumer = _expected_differences("consumers", base, option) if damage else {}
    return results.OptionDifference(
        option=after.label,
        expected=expected,
        cvar=option.outcome.cvar - base.outcome.cvar if "tail" not in excluded else None,
        worst=option.outcome.worst - base.outcome.worst if damage else None,
        by_material=tuple(_material_differences(base, option, project_changes, stockpile_changes))
        if damage
        else (),
        by_consumer=by_consumer,
        objective=objective,
        resolution=resolution,
        significant=is_significant(expected, objective, resolution),
        public_paid_meur=cost_difference("public.paid_meur"),
        private_paid_meur=cost_difference("private.paid_meur"),
        market_meur=cost_difference("market_meur"),
        net_cost_meur=(
            option.outcome.net_cost_meur - base.outcome.net_cost_meur if money else None
        ),
        money=tuple(_money_differences(before.cost.parts, after.cost.parts)) if money else (),
        avoided_per_extra_public_euro=_extra_euro_ratio(expected, before, after) if money else None,
        projects=project_changes,
        stockpiles=stockpile_changes,
    )


def _material_differences(
    base: Plan,
    option: Plan,
    project_changes: Sequence[results.ProjectChange],
    stockpile_changes: Sequence[results.StockpileChange],
) -> Iterator[results.MaterialDifference]:
    """Yield the difference of expected damage in each material, largest first, with the changes of
    projects and stockpiles that affect it."""
    parts = _expected_differences("materials", base, option)
    for m in sorted(parts, key=lambda m: -abs(parts[m])):
        yield results.MaterialDifference(
            material=m,
            damage=parts[m],
            projects=tuple(change for change in project_changes if m in change.materials),
            stockpiles=tuple(change for change in stockpile_changes if change.material == m),
        )


def _expected_differences(section: str, base: Plan, option: Plan) -> dict[str, float]:
    """Return the difference of expected damage by material or by consumer.

    ``section`` is ``materials`` or ``consumers``.
    """
    before, after = ({x.id: x.expected for x in getattr(plan, section)} for plan in (base, option))
    return {x: after.get(x, 0.0) - before.get(x, 0.0) for x in dict.fromkeys((*before, *after))}


def _money_differences(
    base: Sequence[FunderMoney], option: Sequence[FunderMoney]
) -> Iterator[results.MoneyDifference]:
    """Yield the differences of payments and of net cost for each funder and budget class."""
    before, after = (
        {(p.funder, p.kind, p.budget_class): p.sums for p in x} for x in (base, option)
    )
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        paid = (new.paid_meur if new else 0.0) - (old.paid_meur if old else 0.0)
        cost = (new.cost_meur if new else 0.0) - (old.cost_meur if old else 0.0)
        if max(abs(paid), abs(cost)) > MONEY_TOLERANCE:
            yield results.MoneyDifference(
                funder=key[0], kind=key[1], budget_class=key[2], paid_meur=paid, cost_meur=cost
            )


def _extra_euro_ratio(
    damage_difference: float | None, base: Option, option: Option
) -> float | None:
    """Return the additional damage avoided for each additional public euro; None if it is not
    defined."""
    before, after = base.cost.public.paid_present_meur, option.cost.public.paid_present_meur
    if damage_difference is None or before is None or after is None:
        return None
    return avoided_per_extra_euro(-damage_difference, after - before, base)
