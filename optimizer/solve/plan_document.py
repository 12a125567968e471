"""The plan as a document: what is decided, what it leads to, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models import results
from models.base import display_name
from models.results import Certificate, Plan
from models.results.plan import QUANTILE_LEVELS
from models.scenario.case import Case
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, combine_branches, planned_stock
from optimizer.model.instance import COMMON_GROUP, Floats, Instance, company_group
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.states import State
from optimizer.model.supply_mix import compute_crma_shares, compute_supply_mixes
from optimizer.solve import accounts
from optimizer.solve.accounts import values_by_year

if TYPE_CHECKING:  # compiled code comes with it, which those who read a plan do without
    from optimizer.solve.outcomes import PlanEvaluation


def commitment_from_plan(instance: Instance, plan: Plan) -> Commitment:
    """The commitment that a plan describes, in an instance of its scenario or one like it. What a
    plan leaves out is zero; nothing is checked here
    (:func:`optimizer.solve.verification.check_commitment` does)."""
    if plan.review is not None:
        return combine_branches(
            [_commitment_from_decisions(instance, own) for own in plan.review.groups], instance
        )
    return _commitment_from_decisions(instance, plan)


def _commitment_from_decisions(instance: Instance, plan: Plan | results.ReviewGroup) -> Commitment:
    share, offtake, floored = {}, {}, {}
    for built in plan.projects:
        for held in (built.shares, built.supports):
            for f, instruments in held.items():
                share.update({(built.id, f, i): x for i, x in instruments.items()})
        companies = {company_group(c): own for c, own in built.floored_by_company.items()}
        for group, by_funder in {COMMON_GROUP: built.floored_common, **companies}.items():
            for f, floors in by_funder.items():
                floored.update({(built.id, group, f, i): x for i, x in floors.items()})
        if built.offtake_common > 0:
            offtake[built.id, COMMON_GROUP] = built.offtake_common
        for f, x in built.offtake_by_company.items():
            offtake[built.id, company_group(f)] = x
    buy = {}
    for stockpile in plan.stockpiles:
        tonnes = np.array([stockpile.buy_t.get(str(year), 0.0) for year in instance.years])
        if tonnes.any():
            buy[stockpile.id] = tonnes / instance.lot_tonnes[stockpile.material]
    return Commitment(
        start={built.id: built.start for built in plan.projects},
        share=share,
        market={built.id: built.market_share for built in plan.projects if built.market_share},
        offtake=offtake,
        buy=buy,
        floored=floored,
    )


def unknown_ids(instance: Instance, plan: Plan) -> list[str]:
    """Projects, stockpiles and instruments that a plan decides on and its instance lacks."""
    told = [built.id for built in plan.projects if built.id not in instance.projects]
    told += [pile.id for pile in plan.stockpiles if pile.id not in instance.stockpiles]
    held = [own for built in plan.projects for own in (built.shares, built.supports)]
    terms = [(f, i) for own in held for f, instruments in own.items() for i in instruments]
    return told + [f"{f}.{i}" for f, i in terms if (f, i) not in instance.instrument_by_key]


MEASURE_UNITS = {
    "damage": "million {currency}",
    "tonnes": "t",
    "share_of_demand": "years of demand",
}


def build_plan(
    instance: Instance,
    commitment: Commitment,
    *,
    certificate: Certificate,
    with_plan: PlanEvaluation,
    without_plan: PlanEvaluation,
    title: str,
    variant: str | None,
    unaided: tuple[results.UnaidedProject, ...] = (),
    avoided_anyway: float | None = None,
    idle: tuple[results.IdleProject, ...] = (),
    chains: tuple[results.ChainOutcome, ...] = (),
    chains_untold: tuple[str, ...] = (),
    adaptation: tuple[results.AdaptationOutcome, ...] = (),
    clustering: results.Clustering | None = None,
    stock_use: tuple[results.StockUse, ...] = (),
    under: tuple[results.AssumptionSetOutcome, ...] = (),
    review: results.ReviewDecisions | None = None,
    scenario: Case | None = None,
) -> Plan:
    """The plan as a document; ``scenario`` is the file as it stands, where the instance is not of
    that."""
    case = instance.case
    level = float(case.objective.cvar.level)
    return Plan(
        title=title,
        variant=variant,
        certificate=certificate,
        outcome=results.Outcome(
            **stateless_outcome_fields(instance, commitment),
            expected=with_plan.expected,
            cvar=with_plan.cvar(level),
            worst=with_plan.worst,
            worst_mean=ambiguous_mean(instance, with_plan),
            windfall_meur=math.fsum(one.windfall_meur for one in unaided),
            without_plan=results.WithoutPlan(
                expected=without_plan.expected,
                cvar=without_plan.cvar(level),
                worst=without_plan.worst,
                worst_mean=ambiguous_mean(instance, without_plan),
                avoided_anyway=avoided_anyway,
            ),
            distribution=damage_distribution(with_plan, without_plan),
        ),
        materials=material_outcomes(instance, commitment, with_plan, without_plan),
        consumers=consumer_outcomes(instance, with_plan, without_plan),
        unaided=unaided,
        idle=idle,
        chains=chains,
        chains_untold=chains_untold,
        adaptation=adaptation,
        clustering=clustering,
        stock_use=stock_use,
        under=under,
        review=review,
        scenario=solved_scenario_json(scenario or case, variant),
        **commitment_fields(instance, commitment),
    )


def ambiguous_mean(instance: Instance, evaluation: PlanEvaluation) -> float | None:
    """The mean by the least favourable probabilities; None where the scenario has no ball."""
    risk = RiskMeasure.from_case(instance.case)
    return None if risk.ambiguity is None else evaluation.worst_mean(risk)


def stateless_outcome_fields(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """What an outcome says that no state of the world has a part in, by field of ``Outcome``."""
    case = instance.case
    return {
        "measure": case.objective.measure,
        "unit": MEASURE_UNITS[case.objective.measure].format(currency=case.currency),
        "cvar_level": float(case.objective.cvar.level),
        "net_cost_meur": plans.net_cost(instance, commitment),
        "residual_meur": plans.residual_value(instance, commitment),
    }


def commitment_fields(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """What a plan says that follows from its commitment alone, by field of ``Plan``."""
    case, money = instance.case, (plans.budget_use, plans.expected_outlay)
    spent, committed = (
        {f: values_by_year(instance, x) for f, x in of(instance, commitment).items()}
        for of in money
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
    }


def solved_scenario_json(case: Case, variant: str | None) -> dict[str, Any]:
    """A scenario in JSON, without nulls, and of its variants only the one that was applied and the
    one that plans are compared with."""
    content: dict[str, Any] = case.model_dump(
        mode="json", by_alias=True, exclude={"variants"}, exclude_none=True
    )
    kept = {
        name: case.variants[name]
        for name in (variant, case.counterfactual)
        if name in case.variants
    }
    if kept:
        content["variants"] = {name: one.model_dump(mode="json") for name, one in kept.items()}
    return content


def damage_distribution(
    with_plan: PlanEvaluation, without_plan: PlanEvaluation
) -> results.Distribution:
    """How damage is spread over the states, with a plan and without."""
    chance = with_plan.probability
    return results.Distribution(
        levels=QUANTILE_LEVELS,
        with_plan=weighted_quantiles(with_plan.damage, chance, QUANTILE_LEVELS),
        without_plan=weighted_quantiles(without_plan.damage, chance, QUANTILE_LEVELS),
        avoided=weighted_quantiles(without_plan.damage - with_plan.damage, chance, QUANTILE_LEVELS),
    )


def weighted_quantiles(
    values: Floats, probability: Floats, levels: Sequence[float]
) -> tuple[float, ...]:
    """The least of the values that is not exceeded with each of the probabilities. Values without
    any probability play no part."""
    order = np.argsort(values, kind="stable")
    order = order[probability[order] > 0]
    reached = np.cumsum(probability[order]) / probability.sum()
    # What rounding leaves of a sum of probabilities must not lead to the next state.
    at = np.searchsorted(reached, np.asarray(levels) - 1e-9, side="left")
    at[np.asarray(levels) == 1] = -1  # the worst, also where it is rarer than that
    return tuple(float(value) for value in values[order[at]])


def project_plans(instance: Instance, commitment: Commitment) -> Iterator[results.ProjectPlan]:
    """Projects that are built, in the order of the file."""
    for p, project in instance.projects.items():
        if p not in commitment.start:
            continue
        shares: dict[str, dict[str, float]] = {}
        supports: dict[str, dict[str, float]] = {}
        for (q, f, i), share in commitment.share.items():
            if q == p:
                carries = instance.instrument_by_key[f, i].carries_capex
                (shares if carries else supports).setdefault(f, {})[i] = share
        floored: dict[str, dict[str, dict[str, float]]] = {}
        for (q, g, f, i), x in commitment.floored.items():
            if q == p:
                floored.setdefault(g, {}).setdefault(f, {})[i] = x
        held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        companies = {f: company_group(f) for f in instance.case.funders}
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
            offtake=math.fsum(held.values()),
            offtake_common=held.get(COMMON_GROUP, 0.0),
            offtake_by_company={f: held[group] for f, group in companies.items() if group in held},
            shares=shares,
            supports=supports,
            floored_common=floored.get(COMMON_GROUP, {}),
            floored_by_company={
                f: floored[group] for f, group in companies.items() if group in floored
            },
        )


def unaided_project_outcomes(
    instance: Instance, commitment: Commitment, states: Sequence[State]
) -> Iterator[results.UnaidedProject]:
    """Projects that come unaided in any of the states, and what the plan's money adds."""
    for p, project in instance.projects.items():
        chance = math.fsum(s.probability for s in states if p in s.unaided_projects)
        if project.unaided_year is None or chance == 0:
            continue
        home = min(project.home_share, project.offtake_max)
        offtake, taken = 0.0, 0.0  # of what is started, and of what comes unaided where it is not
        for likely, _, plan in plans.weighted_branches(instance, commitment):
            if p in plan.start:
                offtake += likely * math.fsum(x for (q, _), x in plan.offtake.items() if q == p)
            else:
                taken += likely * chance * home
        full = {
            m: lots * project.ramp_up[-1] * instance.periods_per_year * instance.lot_tonnes[m]
            for m, lots in project.output.items()
        }
        paid = math.fsum(
            share * float(money.expected_payments.sum())
            for q, *_, share, money in plans.funding_cash_flows(instance, commitment)
            if q == p
        )
        paid += math.fsum(
            float(own.sum())
            for q, _, own in plans.secured_output_premiums(instance, commitment)
            if q == p
        )
        yield results.UnaidedProject(
            id=p,
            year=project.unaided_year,
            probability=min(1.0, chance),
            without_plan_t={m: chance * home * t for m, t in full.items()},
            with_plan_t={m: (offtake + taken) * t for m, t in full.items()},
            paid_meur=paid,
            windfall_meur=paid * min(1.0, chance) * (min(1.0, home / offtake) if offtake else 1.0),
        )


def stockpile_plans(instance: Instance, commitment: Commitment) -> Iterator[results.StockpilePlan]:
    """All stockpiles, in the order of the file."""
    for stockpile in instance.case.stockpiles:
        h, lot = stockpile.id, instance.lot_tonnes[stockpile.material]
        planned = planned_stock(instance, commitment, h)[
            instance.periods_per_year - 1 :: instance.periods_per_year
        ]
        yield results.StockpilePlan(
            id=h,
            name=display_name(stockpile.name, h),
            material=stockpile.material,
            buy_t=values_by_year(instance, commitment.expected_purchases(instance, h) * lot),
            planned_t=values_by_year(instance, planned * lot),
            cost_meur=values_by_year(instance, plans.stock_cost(instance, commitment, h)),
        )


def consumer_outcomes(
    instance: Instance, with_plan: PlanEvaluation, without_plan: PlanEvaluation
) -> tuple[results.ConsumerOutcome, ...]:
    """What falls on each consumer."""
    before, after = without_plan.damage_by_consumer, with_plan.damage_by_consumer
    return tuple(
        results.ConsumerOutcome(
            id=u, name=display_name(it.name, u), expected=after[u], expected_without_plan=before[u]
        )
        for u, it in instance.case.consumers.items()
    )


def material_outcomes(
    instance: Instance,
    commitment: Commitment,
    with_plan: PlanEvaluation,
    without_plan: PlanEvaluation,
) -> tuple[results.MaterialOutcome, ...]:
    """How exposed each material stays."""
    held = material_exposure(instance, commitment)

    def in_year(m: str, y: int, known: dict[str, Any]) -> results.MaterialYear:
        lot = instance.lot_tonnes[m]
        return results.MaterialYear(
            **known,
            expected_shortage_t=float(with_plan.expected_shortage[m][y] * lot),
            expected_shortage_without_plan_t=float(without_plan.expected_shortage[m][y] * lot),
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
            by_year={year: in_year(m, y, known) for y, (year, known) in enumerate(held[m].items())},
        )
        for m, material in instance.case.materials.items()
    )


def material_exposure(
    instance: Instance, commitment: Commitment
) -> dict[str, dict[str, dict[str, Any]]]:
    """What is told of each material and year that no state of the world has a part in, by field
    of ``MaterialYear``."""
    n = instance.periods_per_year
    mixes, before = (
        compute_supply_mixes(instance, commitment),
        compute_supply_mixes(instance, Commitment()),
    )
    found = {}
    for m in instance.case.materials:
        held = np.zeros(len(instance.years))
        for h, pile in instance.stockpiles.items():
            if pile.material == m:
                held = held + planned_stock(instance, commitment, h)[n - 1 :: n]
        demand, need = instance.material_demand[m] * n, instance.need[m] * n
        found[m] = {
            str(year): {
                "demand_t": float(demand[y] * instance.lot_tonnes[m]),
                "need_t": float(need[y] * instance.lot_tonnes[m]),
                "days_of_cover": float(held[y] / need[y] * 365) if need[y] > 0 else None,
                "supply": mixes[m][y],
                "supply_without_plan": before[m][y],
            }
            for y, year in enumerate(instance.years)
        }
    return found
