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
from optimizer.analyses.plan_diff import (
    DecisionDiff,
    Decisions,
    built_projects,
    differences,
    differs,
)

MIN_TONNES = 1e-6
"""Tonnes (one gram) up to which an amount counts as zero."""
CHANGE_TOLERANCE = 0.005
"""Relative difference of tonnes or cost of a stock that counts as none."""
MONEY_TOLERANCE = 1e-9
"""Million EUR up to which a difference counts as rounding."""
AllSomeNone = Literal["all", "some", "none"]


def project_choices(plans: Mapping[str, Plan]) -> Iterator[results.ProjectChoice]:
    """Yield for each candidate project of all plans how each plan builds it, in the order of the
    scenario files."""
    built_by_option = {label: built_projects(plan) for label, plan in plans.items()}
    materials_by_project: dict[str, tuple[str, ...]] = {}
    for plan in plans.values():
        if plan.case is not None:
            for p, project in plan.case.projects.items():
                materials_by_project.setdefault(p, tuple(project.output_t_per_year))
        for _, project_plan in plan.projects_with_probability:
            materials_by_project.setdefault(project_plan.id, ())
    for p, materials in materials_by_project.items():
        options = {
            label: _describe_project(plans[label], *projects[p])
            for label, projects in built_by_option.items()
            if p in projects
        }
        built_in = _all_some_or_none(options, plans)
        yield results.ProjectChoice(
            project=p, materials=materials, built_in=built_in, options=options
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
        bought_in = _all_some_or_none(options, plans)
        yield results.StockpileChoice(
            stockpile=h, material=material, bought_in=bought_in, options=options
        )


def _all_some_or_none(options: Mapping[str, object], plans: Mapping[str, Plan]) -> AllSomeNone:
    """Return whether all, some or none of the plans choose an item.

    ``options`` has an entry for each plan that chooses the item.
    """
    if not options:
        return "none"
    return "all" if len(options) == len(plans) else "some"


def _describe_project(
    plan: Plan, project_plan: ProjectPlan, probability: float
) -> results.OptionProject:
    """Return when a plan builds a project, with which probability, and with how much public
    money."""
    public_funders = {funder.id for funder in plan.funders if funder.kind == "public"}
    funders = {} if plan.case is None else plan.case.funders
    return results.OptionProject(
        start=project_plan.start,
        probability=probability,
        first_output=project_plan.first_output,
        public_share=math.fsum(
            share
            for f, instrument_shares in project_plan.shares.items()
            for i, share in instrument_shares.items()
            if f in public_funders and (not funders or funders[f].instruments[i].type.carries_capex)
        ),
        public_meur=math.fsum(
            math.fsum(position.paid_meur.values())
            for position in plan.accounts
            if position.project == project_plan.id and position.funder in public_funders
        ),
    )


def _describe_stockpile(stockpile: StockpilePlan) -> results.OptionStockpile:
    """Return how many tonnes a plan buys for a stockpile, the most that it holds, and the cost."""
    return results.OptionStockpile(
        bought_t=math.fsum(stockpile.buy_t.values()),
        held_t=max(stockpile.planned_t.values(), default=0.0),
        cost_meur=math.fsum(stockpile.cost_meur.values()),
    )


def _project_changes(
    base_plan: Plan, option_plan: Plan, diff: DecisionDiff
) -> Iterator[results.ProjectChange]:
    """Yield the projects that an option adds, drops, moves to another year, or finances differently
    from the base."""
    base_projects, option_projects = built_projects(base_plan), built_projects(option_plan)
    change_by_project: dict[str, Literal["added", "dropped", "moved", "refinanced"]] = {
        **dict.fromkeys(diff.leaving, "dropped"),
        **dict.fromkeys(diff.entering, "added"),
        **dict.fromkeys(diff.moved, "moved"),
        **dict.fromkeys(diff.refinanced, "refinanced"),
    }
    for p in (*base_projects, *diff.entering):
        if p in change_by_project:
            case = option_plan.case if p in option_projects else base_plan.case
            yield results.ProjectChange(
                project=p,
                materials=tuple(case.projects[p].output_t_per_year) if case else (),
                change=change_by_project[p],
                base=_describe_project(base_plan, *base_projects[p])
                if p in base_projects
                else None,
                option=_describe_project(option_plan, *option_projects[p])
                if p in option_projects
                else None,
            )


def _stockpile_changes(
    base_plan: Plan, option_plan: Plan, diff: DecisionDiff
) -> Iterator[results.StockpileChange]:
    """Yield the stockpiles for which an option holds a different amount than the base, or has a
    different cost."""
    materials = {x.id: x.material for plan in (base_plan, option_plan) for x in plan.stockpiles}
    costs = diff.stock_cost_meur
    for h, held in diff.stocks_t.items():
        if any(
            differs(*value_pair, CHANGE_TOLERANCE, MIN_TONNES) for value_pair in (held, costs[h])
        ):
            yield results.StockpileChange(
                stockpile=h,
                material=materials[h],
                held_t=held[1] - held[0],
                cost_meur=costs[h][1] - costs[h][0],
            )


def option_difference(
    base_plan: Plan,
    option_plan: Plan,
    options: tuple[Option, Option],
    excluded: frozenset[results.ExcludedFigures],
) -> results.OptionDifference:
    """Compute the difference of an option from the base: figures of the option less those of the
    base.

    ``options`` are the base and the option with their figures. Figures of the kinds ``excluded``,
    which cannot be compared, are None or empty in the result.
    """
    base_option, compared_option = options
    compares_damage, compares_money = "damage" not in excluded, "money" not in excluded
    diff = DecisionDiff.between(Decisions.of_plan(base_plan), Decisions.of_plan(option_plan))
    project_changes = tuple(_project_changes(base_plan, option_plan, diff))
    stockpile_changes = tuple(_stockpile_changes(base_plan, option_plan, diff))
    expected_damage_difference = (
        option_plan.outcome.expected - base_plan.outcome.expected if compares_damage else None
    )
    objective = resolution = None
    if "objective" not in excluded:
        objective = compared_option.proof.objective - base_option.proof.objective
        resolution = combined_slack(base_option, compared_option)

    def cost_difference(path: str) -> float | None:
        get = attrgetter(path)
        return get(compared_option.cost) - get(base_option.cost) if compares_money else None

    by_material = tuple(
        _material_differences(base_plan, option_plan, project_changes, stockpile_changes)
    )
    return results.OptionDifference(
        option=compared_option.label,
        expected=expected_damage_difference,
        cvar=option_plan.outcome.cvar - base_plan.outcome.cvar if "tail" not in excluded else None,
        worst=option_plan.outcome.worst - base_plan.outcome.worst if compares_damage else None,
        by_material=by_material if compares_damage else (),
        by_consumer=_expected_damage_differences("consumers", base_plan, option_plan)
        if compares_damage
        else {},
        objective=objective,
        resolution=resolution,
        significant=is_significant(expected_damage_difference, objective, resolution),
        public_paid_meur=cost_difference("public.paid_meur"),
        private_paid_meur=cost_difference("private.paid_meur"),
        market_meur=cost_difference("market_meur"),
        net_cost_meur=option_plan.outcome.net_cost_meur - base_plan.outcome.net_cost_meur
        if compares_money
        else None,
        money=tuple(_money_differences(base_option.cost.parts, compared_option.cost.parts))
        if compares_money
        else (),
        avoided_per_extra_public_euro=_extra_euro_ratio(
            expected_damage_difference, base_option, compared_option
        )
        if compares_money
        else None,
        projects=project_changes,
        stockpiles=stockpile_changes,
    )


def _material_differences(
    base_plan: Plan,
    option_plan: Plan,
    project_changes: Sequence[results.ProjectChange],
    stockpile_changes: Sequence[results.StockpileChange],
) -> Iterator[results.MaterialDifference]:
    """Yield the difference of expected damage in each material, largest first, with the changes of
    projects and stockpiles that affect it."""
    damage_differences = _expected_damage_differences("materials", base_plan, option_plan)
    for m in sorted(damage_differences, key=lambda m: -abs(damage_differences[m])):
        yield results.MaterialDifference(
            material=m,
            damage=damage_differences[m],
            projects=tuple(change for change in project_changes if m in change.materials),
            stockpiles=tuple(change for change in stockpile_changes if change.material == m),
        )


def _expected_damage_differences(kind: str, base_plan: Plan, option_plan: Plan) -> dict[str, float]:
    """Return differences of expected damage by id; ``kind`` is ``materials`` or ``consumers``."""
    base_damage, option_damage = (
        {x.id: x.expected for x in getattr(plan, kind)} for plan in (base_plan, option_plan)
    )
    return differences(base_damage, option_damage)


def _money_differences(
    base_money: Sequence[FunderMoney], option_money: Sequence[FunderMoney]
) -> Iterator[results.MoneyDifference]:
    """Yield the differences of payments and of net cost for each funder and budget class."""
    paid_differences, cost_differences = (
        differences(
            *(
                {(p.funder, p.kind, p.budget_class): getattr(p.sums, field) for p in parts}
                for parts in (base_money, option_money)
            )
        )
        for field in ("paid_meur", "cost_meur")
    )
    for (funder, kind, budget_class), paid in paid_differences.items():
        cost = cost_differences[funder, kind, budget_class]
        if max(abs(paid), abs(cost)) > MONEY_TOLERANCE:
            yield results.MoneyDifference(
                funder=funder, kind=kind, budget_class=budget_class, paid_meur=paid, cost_meur=cost
            )


def _extra_euro_ratio(
    damage_difference: float | None, base_option: Option, option: Option
) -> float | None:
    """Return the additional damage avoided for each additional public euro.

    Return None if damage is not compared or not measured in money, a present value is not known, or
    no public money is added.
    """
    base_paid_meur, option_paid_meur = (
        x.cost.public.paid_present_meur for x in (base_option, option)
    )
    if damage_difference is None or base_paid_meur is None or option_paid_meur is None:
        return None
    return avoided_per_extra_euro(
        -damage_difference, option_paid_meur - base_paid_meur, base_option
    )
