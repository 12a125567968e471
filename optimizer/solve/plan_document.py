"""The plan document: decisions, outcomes and costs of a commitment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models import results
from models.base import display_name
from models.results import Plan
from models.results.plan import QUANTILE_LEVELS
from models.scenario.case import Case
from optimizer.model import commitment as plans, states as shortage_clock
from optimizer.model.commitment import Commitment, combine_branches, planned_stock
from optimizer.model.instance import COMMON_GROUP, Floats, Instance, company_group, read_adaptation
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.scenario_data import (
    HazardPatterns,
    collect_demand_factors,
    deciding_price_states,
)
from optimizer.model.states import State
from optimizer.model.supply_mix import compute_crma_shares, compute_supply_mixes
from optimizer.model.user_rule_values import RowValue, user_rule_values
from optimizer.solve import accounts
from optimizer.solve.accounts import values_by_year
from optimizer.solve.outcomes import PlanEvaluation
from optimizer.solve.recourse.release_policy import STATES_PER_BLOCK

LATER_COST_MONTHS = 10  # the cost of a missing tonne is reported after so many months as well


def adaptation_outcomes(
    instance: Instance,
    states: Sequence[State],
    with_plan: PlanEvaluation | None = None,
    without_plan: PlanEvaluation | None = None,
) -> tuple[results.AdaptationOutcome, ...]:
    """Return the outcome of each damage entry with adaptation, in the order of the scenario file.

    Durations of shortages are reported only if the evaluations with and without the plan are given.
    """
    months_per_period, outcomes = 12 / instance.periods_per_year, []
    later_periods = max(1, round(LATER_COST_MONTHS / months_per_period))
    for entry in instance.case.damage:
        adaptation, m = read_adaptation(instance.case, entry), entry.material
        if adaptation is None:
            continue
        clock_probability, probability, length = _shortage_clocks(
            instance, states, m, adaptation.trigger_loss, adaptation.reset_periods
        )
        share = np.array([float(step.share) for step in entry.steps])
        step_cost = np.array([float(step.eur_per_t) for step in entry.steps])
        share_left = float(adaptation.share_left(np.array(later_periods)))
        first_cost = float(share @ step_cost / share.sum())
        outcomes.append(
            results.AdaptationOutcome(
                material=m,
                consumer=entry.consumer,
                clock=min(1.0, clock_probability),
                clock_months=_scaled_ratio(
                    np.array([probability @ length, probability.sum()]), months_per_period
                ),
                clock_months_median=_weighted_quantile(
                    probability, length * months_per_period, 0.5
                ),
                clock_months_ninety=_weighted_quantile(
                    probability, length * months_per_period, 0.9
                ),
                shortage_months=with_plan
                and _scaled_ratio(with_plan.short_periods_and_runs[m], months_per_period),
                shortage_months_without_plan=without_plan
                and _scaled_ratio(without_plan.short_periods_and_runs[m], months_per_period),
                first_eur_per_t=first_cost,
                later_months=later_periods * months_per_period,
                later_eur_per_t=float(step_cost[0] + share_left * (first_cost - step_cost[0])),
            )
        )
    return tuple(outcomes)


def _shortage_clocks(
    instance: Instance, states: Sequence[State], material: str, trigger: float, reset: int
) -> tuple[float, Floats, Floats]:
    """Find, in all states, the intervals during which a material's shortage clock counts.

    Return the probability that a state has such an interval and, for each interval, the probability
    of its state and its length in periods.
    """
    any_probability, probabilities, lengths = 0.0, list[Floats](), list[Floats]()
    for start in range(0, len(states), STATES_PER_BLOCK):
        state_block = states[start : start + STATES_PER_BLOCK]
        share_left = HazardPatterns(instance, state_block).share_left
        is_hit = shortage_clock.find_hit_periods(
            instance, material, trigger, collect_demand_factors(instance, state_block), share_left
        )
        is_hit = np.broadcast_to(is_hit, (len(state_block), len(instance.periods)))
        ages = shortage_clock.compute_clock_ages(is_hit, reset)
        probability = np.array([state.probability for state in state_block])
        any_probability += float(probability @ (ages >= 0).any(axis=1))
        next_ages = np.pad(ages[:, 1:], ((0, 0), (0, 1)), constant_values=-1)
        s, k = np.nonzero((ages >= 0) & (next_ages <= 0))
        probabilities.append(probability[s])
        lengths.append((ages[s, k] + 1).astype(float))
    return any_probability, np.concatenate(probabilities), np.concatenate(lengths)


def _scaled_ratio(sums: Floats, unit: float) -> float | None:
    """Return the first sum divided by the second, multiplied by ``unit``; None if the second sum is
    zero."""
    return float(sums[0] / sums[1] * unit) if sums[1] > 0 else None


def _weighted_quantile(probability: Floats, values: Floats, level: float) -> float | None:
    """Return the smallest value that is exceeded with a probability of at most ``1 - level``, given
    the probability of each value.

    Return None if all probabilities are zero.
    """
    if not probability.sum() > 0:
        return None
    order = np.argsort(values, kind="stable")
    is_reached = np.cumsum(probability[order]) >= level * probability.sum() * (1 - 1e-12)
    return float(values[order[int(np.argmax(is_reached))]])


def idle_project_outcomes(
    instance: Instance, states: Sequence[State], commitment: Commitment
) -> Iterator[results.IdleProject]:
    """Yield, for each project that runs only above its cash cost, how often its price is below that
    cost and how often it is idle.

    Projects are included whether or not the plan builds them.
    """
    projects = {p: x for p, x in instance.projects.items() if x.cash_cost_material is not None}
    below_cash_cost, idle = (dict.fromkeys(projects, 0.0) for _ in range(2))
    for start in range(0, len(states), STATES_PER_BLOCK):
        state_block = states[start : start + STATES_PER_BLOCK]
        share_left = HazardPatterns(instance, state_block).share_left
        prices = deciding_price_states(instance, state_block)
        probability = np.array([state.probability for state in state_block])
        for p, project in projects.items():
            m = project.cash_cost_material or ""
            is_below = instance.prices[m].price_by_state < project.cash_cost
            below_cash_cost[p] += float(probability @ is_below[prices[m]].mean(axis=1))
            running_share = shortage_clock.compute_running_share(
                instance,
                project,
                prices[m],
                collect_demand_factors(instance, state_block),
                share_left,
            )
            running_share = np.broadcast_to(
                running_share, (len(state_block), len(instance.periods))
            )
            idle[p] += float(probability @ (1 - running_share.mean(axis=1)))
    for p, project in projects.items():
        offtake = math.fsum(x for (q, _), x in commitment.offtake.items() if q == p)
        floored = math.fsum(x for (q, *_), x in commitment.floored.items() if q == p)
        yield results.IdleProject(
            id=p,
            material=project.cash_cost_material or "",
            below_cash_cost=min(1.0, below_cash_cost[p]),
            idle=min(1.0, idle[p]),
            floored=min(1.0, floored / offtake) if offtake > 0 else None,
        )


def commitment_from_plan(instance: Instance, plan: Plan) -> Commitment:
    """Return the commitment that a plan document describes, for an instance of its scenario or of a
    similar one.

    Decisions that the plan does not state are zero. No rules are checked here; see
    :func:`optimizer.solve.verification.check_commitment`.
    """
    if plan.review is not None:
        return combine_branches(
            [_commitment_from_decisions(instance, group) for group in plan.review.groups], instance
        )
    return _commitment_from_decisions(instance, plan)


def _commitment_from_decisions(instance: Instance, plan: Plan | results.ReviewGroup) -> Commitment:
    share, offtake, floored = {}, {}, {}
    for project in plan.projects:
        for shares_by_funder in (project.shares, project.supports):
            for f, instruments in shares_by_funder.items():
                share.update({(project.id, f, i): x for i, x in instruments.items()})
        companies = {
            company_group(c): floored_by_funder
            for c, floored_by_funder in project.floored_by_company.items()
        }
        for group, by_funder in {COMMON_GROUP: project.floored_common, **companies}.items():
            for f, floored_shares in by_funder.items():
                floored.update({(project.id, group, f, i): x for i, x in floored_shares.items()})
        if project.offtake_common > 0:
            offtake[project.id, COMMON_GROUP] = project.offtake_common
        for f, x in project.offtake_by_company.items():
            offtake[project.id, company_group(f)] = x
    buy = {}
    for stockpile in plan.stockpiles:
        tonnes = np.array([stockpile.buy_t.get(str(year), 0.0) for year in instance.years])
        if tonnes.any():
            buy[stockpile.id] = tonnes / instance.lot_tonnes[stockpile.material]
    return Commitment(
        start={project.id: project.start for project in plan.projects},
        share=share,
        market={
            project.id: project.market_share for project in plan.projects if project.market_share
        },
        offtake=offtake,
        buy=buy,
        floored=floored,
    )


def unknown_ids(instance: Instance, plan: Plan) -> list[str]:
    """Return the ids of projects, stockpiles and instruments that occur in a plan but not in an
    instance."""
    unknown_ids_of_plan = [
        project.id for project in plan.projects if project.id not in instance.projects
    ]
    unknown_ids_of_plan += [
        stockpile.id for stockpile in plan.stockpiles if stockpile.id not in instance.stockpiles
    ]
    holdings = [
        holding for project in plan.projects for holding in (project.shares, project.supports)
    ]
    instrument_keys = [
        (f, i) for holding in holdings for f, instruments in holding.items() for i in instruments
    ]
    return unknown_ids_of_plan + [
        f"{f}.{i}" for f, i in instrument_keys if (f, i) not in instance.instrument_by_key
    ]


MEASURE_UNITS = {
    "damage": "million {currency}",
    "tonnes": "t",
    "share_of_demand": "years of demand",
}


def ambiguous_mean(instance: Instance, evaluation: PlanEvaluation) -> float | None:
    """Return the mean damage under the worst distribution of the ambiguity set; None without such a
    set."""
    risk = RiskMeasure.from_case(instance.case)
    mean = risk.mean.value(evaluation.probability, evaluation.damage)
    return mean if risk.mean.is_ambiguous else None


def stateless_outcome_fields(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """Return those fields of ``Outcome`` that do not depend on the states of the world."""
    case = instance.case
    return {
        "measure": case.objective.measure,
        "unit": MEASURE_UNITS[case.objective.measure].format(currency=case.currency),
        "cvar_level": float(case.objective.cvar.level),
        "net_cost_meur": plans.net_cost(instance, commitment),
        "residual_meur": plans.residual_value(instance, commitment),
    }


def commitment_fields(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """Return those fields of ``Plan`` that follow from its commitment alone."""
    case, money_functions = instance.case, (plans.budget_use, plans.expected_outlay)
    spent, committed = (
        {f: values_by_year(instance, x) for f, x in money_function(instance, commitment).items()}
        for money_function in money_functions
    )
    return {
        "currency": case.currency,
        "projects": tuple(project_plans(instance, commitment)),
        "stockpiles": tuple(stockpile_plans(instance, commitment)),
        "funders": tuple(
            results.FunderInfo(id=f, name=display_name(funder.name, f), kind=funder.kind)
            for f, funder in case.funders.items()
        ),
        "spend_meur": spent,
        "committed_meur": committed,
        "accounts": tuple(accounts.account_positions(instance, commitment)),
        "budget_lines": tuple(accounts.budget_line_uses(instance, commitment)),
        "crma": tuple(compute_crma_shares(instance, commitment)),
        "user_rules": tuple(_user_rule_outcomes(instance, commitment)),
    }


def extra_rules_record(instance: Instance) -> results.ExtraRulesRecord | None:
    """Return name and hash of the rules in Python; None without any."""
    extra = instance.extra_rules
    return None if extra is None else results.ExtraRulesRecord(name=extra.name, sha256=extra.sha256)


def _user_rule_outcomes(
    instance: Instance, commitment: Commitment
) -> Iterator[results.UserRuleOutcome]:
    """Yield each row of the user's rules; of all branches, that which is closest to its limit."""
    values_by_row: dict[tuple[str, str, int], RowValue] = {}
    for _, branch_instance, branch in plans.weighted_branches(instance, commitment):
        for x in user_rule_values(branch_instance, branch):
            known = values_by_row.get(x.row.index)
            if known is None or (x.applies, x.violation) > (known.applies, known.violation):
                values_by_row[x.row.index] = x
    for (rule, of, year), x in values_by_row.items():
        yield results.UserRuleOutcome(
            rule=rule,
            of=of,
            year=year,
            sense=x.row.sense,
            value=x.value,
            limit=x.limit,
            applies=x.applies,
        )


def solved_scenario_json(case: Case, variant: str | None) -> dict[str, Any]:
    """Return the scenario that was solved as JSON data, without fields that are None.

    Of its variants, only the applied one and the counterfactual are included.
    """
    content: dict[str, Any] = case.model_dump(
        mode="json", by_alias=True, exclude={"variants"}, exclude_none=True
    )
    kept_variants = {
        name: case.variants[name]
        for name in (variant, case.counterfactual)
        if name in case.variants
    }
    if kept_variants:
        content["variants"] = {
            name: variant_data.model_dump(mode="json")
            for name, variant_data in kept_variants.items()
        }
    return content


def damage_distribution(
    with_plan: PlanEvaluation, without_plan: PlanEvaluation
) -> results.Distribution:
    """Return quantiles of damage over the states, with and without a plan."""
    probability = with_plan.probability
    return results.Distribution(
        levels=QUANTILE_LEVELS,
        with_plan=weighted_quantiles(with_plan.damage, probability, QUANTILE_LEVELS),
        without_plan=weighted_quantiles(without_plan.damage, probability, QUANTILE_LEVELS),
        avoided=weighted_quantiles(
            without_plan.damage - with_plan.damage, probability, QUANTILE_LEVELS
        ),
    )


def weighted_quantiles(
    values: Floats, probability: Floats, levels: Sequence[float]
) -> tuple[float, ...]:
    """Return for each level the smallest value such that this and smaller values have at least that
    probability.

    Values of probability zero are ignored.
    """
    order = np.argsort(values, kind="stable")
    order = order[probability[order] > 0]
    cumulative = np.cumsum(probability[order]) / probability.sum()
    # Rounding errors of summed probabilities must not select the next state.
    indices = np.searchsorted(cumulative, np.asarray(levels) - 1e-9, side="left")
    # The worst state, even if its probability is below the tolerance.
    indices[np.asarray(levels) == 1] = -1
    return tuple(float(value) for value in values[order[indices]])


def project_plans(instance: Instance, commitment: Commitment) -> Iterator[results.ProjectPlan]:
    """Yield the document entry of each project that the plan builds, in the order of the scenario
    file."""
    for p, project in instance.projects.items():
        if p not in commitment.start:
            continue
        shares: dict[str, dict[str, float]] = {}
        supports: dict[str, dict[str, float]] = {}
        for (q, f, i), share in commitment.share.items():
            if q == p:
                carries_capex = instance.instrument_by_key[f, i].carries_capex
                (shares if carries_capex else supports).setdefault(f, {})[i] = share
        floored: dict[str, dict[str, dict[str, float]]] = {}
        for (q, g, f, i), x in commitment.floored.items():
            if q == p:
                floored.setdefault(g, {}).setdefault(f, {})[i] = x
        offtake_by_group = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        company_groups = {f: company_group(f) for f in instance.case.funders}
        yield results.ProjectPlan(
            id=p,
            name=display_name(instance.case.projects[p].name, p),
            start=commitment.start[p],
            first_output=commitment.start[p] + project.construction_years,
            capex_meur=project.capex,
            expected_capex_meur=project.capex * project.expected_cost_factor
            if project.overruns
            else None,
            budgeted_capex_meur=project.capex * project.budgeted_cost_factor
            if project.overruns
            else None,
            market_share=commitment.market.get(p, 0.0),
            offtake=math.fsum(offtake_by_group.values()),
            offtake_common=offtake_by_group.get(COMMON_GROUP, 0.0),
            offtake_by_company={
                f: offtake_by_group[group]
                for f, group in company_groups.items()
                if group in offtake_by_group
            },
            shares=shares,
            supports=supports,
            floored_common=floored.get(COMMON_GROUP, {}),
            floored_by_company={
                f: floored[group] for f, group in company_groups.items() if group in floored
            },
        )


def unaided_project_outcomes(
    instance: Instance, commitment: Commitment, states: Sequence[State]
) -> Iterator[results.UnaidedProject]:
    """Yield, for each project that is decided without support in some state, the output and the
    payments that the plan adds."""
    for p, project in instance.projects.items():
        unaided_probability = math.fsum(s.probability for s in states if p in s.unaided_projects)
        if project.unaided_start_year is None or unaided_probability == 0:
            continue
        home_offtake = min(project.home_share, project.offtake_max)
        # Of the started project, and of the unaided one where it is not started.
        offtake, unaided_offtake = (0.0, 0.0)
        for branch_probability, _, plan in plans.weighted_branches(instance, commitment):
            if p in plan.start:
                offtake += branch_probability * math.fsum(
                    x for (q, _), x in plan.offtake.items() if q == p
                )
            else:
                unaided_offtake += branch_probability * unaided_probability * home_offtake
        yearly_tonnes = {
            m: lots * project.ramp_up[-1] * instance.periods_per_year * instance.lot_tonnes[m]
            for m, lots in project.output.items()
        }
        paid_amount = math.fsum(
            share * float(money.expected_payments.sum())
            for q, *_, share, money in plans.funding_cash_flows(instance, commitment)
            if q == p
        )
        paid_amount += math.fsum(
            float(premiums.sum())
            for q, _, premiums in plans.secured_output_premiums(instance, commitment)
            if q == p
        )
        yield results.UnaidedProject(
            id=p,
            year=project.unaided_start_year,
            probability=min(1.0, unaided_probability),
            without_plan_t={
                m: unaided_probability * home_offtake * t for m, t in yearly_tonnes.items()
            },
            with_plan_t={m: (offtake + unaided_offtake) * t for m, t in yearly_tonnes.items()},
            paid_meur=paid_amount,
            windfall_meur=paid_amount
            * min(1.0, unaided_probability)
            * (min(1.0, home_offtake / offtake) if offtake else 1.0),
        )


def stockpile_plans(instance: Instance, commitment: Commitment) -> Iterator[results.StockpilePlan]:
    """Yield the document entry of each stockpile, in the order of the scenario file."""
    for stockpile in instance.case.stockpiles:
        h, lot_tonnes = stockpile.id, instance.lot_tonnes[stockpile.material]
        stock_by_year = planned_stock(instance, commitment, h)[
            instance.periods_per_year - 1 :: instance.periods_per_year
        ]
        yield results.StockpilePlan(
            id=h,
            name=display_name(stockpile.name, h),
            material=stockpile.material,
            buy_t=values_by_year(instance, commitment.expected_purchases(instance, h) * lot_tonnes),
            planned_t=values_by_year(instance, stock_by_year * lot_tonnes),
            cost_meur=values_by_year(instance, plans.stock_cost(instance, commitment, h)),
        )


def consumer_outcomes(
    instance: Instance, with_plan: PlanEvaluation, without_plan: PlanEvaluation
) -> tuple[results.ConsumerOutcome, ...]:
    """Return the damage of each consumer, with and without the plan."""
    damage_without_plan = without_plan.damage_by_consumer
    damage_with_plan = with_plan.damage_by_consumer
    return tuple(
        results.ConsumerOutcome(
            id=u,
            name=display_name(consumer.name, u),
            expected=damage_with_plan[u],
            expected_without_plan=damage_without_plan[u],
        )
        for u, consumer in instance.case.consumers.items()
    )


def material_outcomes(
    instance: Instance,
    commitment: Commitment,
    with_plan: PlanEvaluation,
    without_plan: PlanEvaluation,
) -> tuple[results.MaterialOutcome, ...]:
    """Return the damage, the shortages and the supply exposure of each material, with and without
    the plan."""
    exposure = material_exposure(instance, commitment)

    def year_outcome(m: str, y: int, exposure_fields: dict[str, Any]) -> results.MaterialYear:
        lot_tonnes = instance.lot_tonnes[m]
        return results.MaterialYear(
            **exposure_fields,
            expected_shortage_t=float(with_plan.expected_shortage[m][y] * lot_tonnes),
            expected_shortage_without_plan_t=float(
                without_plan.expected_shortage[m][y] * lot_tonnes
            ),
            probability_of_shortage=min(1.0, float(with_plan.shortage_probability[m][y])),
        )

    return tuple(
        results.MaterialOutcome(
            id=m,
            name=display_name(material.name, m),
            expected=with_plan.damage_by_material[m],
            expected_without_plan=without_plan.damage_by_material[m],
            expected_shortage_t=math.fsum(with_plan.expected_shortage[m] * instance.lot_tonnes[m]),
            expected_shortage_without_plan_t=math.fsum(
                without_plan.expected_shortage[m] * instance.lot_tonnes[m]
            ),
            by_year={
                year: year_outcome(m, y, year_fields)
                for y, (year, year_fields) in enumerate(exposure[m].items())
            },
        )
        for m, material in instance.case.materials.items()
    )


def material_exposure(
    instance: Instance, commitment: Commitment
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return those fields of ``MaterialYear`` that do not depend on the states, by material and
    then by year."""
    n = instance.periods_per_year
    mixes = compute_supply_mixes(instance, commitment)
    mixes_without_plan = compute_supply_mixes(instance, Commitment())
    exposure = {}
    for m in instance.case.materials:
        stock_by_year = np.zeros(len(instance.years))
        for h, stockpile in instance.stockpiles.items():
            if stockpile.material == m:
                stock_by_year = stock_by_year + planned_stock(instance, commitment, h)[n - 1 :: n]
        demand, need = instance.material_demand[m] * n, instance.need[m] * n
        exposure[m] = {
            str(year): {
                "demand_t": float(demand[y] * instance.lot_tonnes[m]),
                "need_t": float(need[y] * instance.lot_tonnes[m]),
                "days_of_cover": float(stock_by_year[y] / need[y] * 365) if need[y] > 0 else None,
                "supply": mixes[m][y],
                "supply_without_plan": mixes_without_plan[m][y],
            }
            for y, year in enumerate(instance.years)
        }
    return exposure
