"""The plan as a document: what is decided, what it leads to, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models import results
from models.base import named
from models.results import Certificate, Plan
from models.results.plan import LEVELS
from models.scenario.case import Case
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, of_paths, planned_stock
from optimizer.model.dependence import crma_shares, supply_mixes
from optimizer.model.instance import COMMON, Floats, Instance, group_of
from optimizer.model.risk import Risk
from optimizer.model.states import State
from optimizer.solve import accounts
from optimizer.solve.accounts import by_year

if TYPE_CHECKING:  # compiled code comes with it, which those who read a plan do without
    from optimizer.solve.outcomes import Evaluation


def commitment_of(instance: Instance, plan: Plan) -> Commitment:
    """The commitment that a plan describes, in an instance of its scenario or one like it. What a
    plan leaves out is zero; nothing is checked here
    (:func:`optimizer.solve.verification.check_commitment` does)."""
    if plan.review is not None:
        return of_paths([_decided(instance, own) for own in plan.review.groups], instance)
    return _decided(instance, plan)


def _decided(instance: Instance, plan: Plan | results.Group) -> Commitment:
    share, offtake, floored = {}, {}, {}
    for built in plan.projects:
        for held in (built.shares, built.supports):
            for f, instruments in held.items():
                share.update({(built.id, f, i): x for i, x in instruments.items()})
        companies = {group_of(c): own for c, own in built.floored_by_company.items()}
        for group, by_funder in {COMMON: built.floored_common, **companies}.items():
            for f, floors in by_funder.items():
                floored.update({(built.id, group, f, i): x for i, x in floors.items()})
        if built.offtake_common > 0:
            offtake[built.id, COMMON] = built.offtake_common
        for f, x in built.offtake_by_company.items():
            offtake[built.id, group_of(f)] = x
    buy = {}
    for stockpile in plan.stockpiles:
        tonnes = np.array([stockpile.buy_t.get(str(year), 0.0) for year in instance.years])
        if tonnes.any():
            buy[stockpile.id] = tonnes / instance.lot_t[stockpile.material]
    return Commitment(
        start={built.id: built.start for built in plan.projects},
        share=share,
        market={built.id: built.market_share for built in plan.projects if built.market_share},
        offtake=offtake,
        buy=buy,
        floored=floored,
    )


def unknown_in(instance: Instance, plan: Plan) -> list[str]:
    """Projects, stockpiles and instruments that a plan decides on and its instance lacks."""
    told = [built.id for built in plan.projects if built.id not in instance.projects]
    told += [pile.id for pile in plan.stockpiles if pile.id not in instance.stockpiles]
    held = [own for built in plan.projects for own in (built.shares, built.supports)]
    terms = [(f, i) for own in held for f, instruments in own.items() for i in instruments]
    return told + [f"{f}.{i}" for f, i in terms if (f, i) not in instance.instrument]


UNITS = {"damage": "million {currency}", "tonnes": "t", "share_of_demand": "years of demand"}


def describe(
    instance: Instance,
    commitment: Commitment,
    *,
    certificate: Certificate,
    with_plan: Evaluation,
    without_plan: Evaluation,
    title: str,
    variant: str | None,
    unaided: tuple[results.UnaidedProject, ...] = (),
    avoided_anyway: float | None = None,
    idle: tuple[results.IdleProject, ...] = (),
    chains: tuple[results.ChainOutcome, ...] = (),
    chains_untold: tuple[str, ...] = (),
    adaptation: tuple[results.Adapting, ...] = (),
    clustering: results.Clustering | None = None,
    stock_use: tuple[results.StockUse, ...] = (),
    under: tuple[results.UnderAssumptions, ...] = (),
    review: results.AfterReview | None = None,
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
            **measured(instance, commitment),
            expected=with_plan.expected,
            cvar=with_plan.cvar(level),
            worst=with_plan.worst,
            worst_mean=worst_mean(instance, with_plan),
            windfall_meur=math.fsum(one.windfall_meur for one in unaided),
            without_plan=results.WithoutPlan(
                expected=without_plan.expected,
                cvar=without_plan.cvar(level),
                worst=without_plan.worst,
                worst_mean=worst_mean(instance, without_plan),
                avoided_anyway=avoided_anyway,
            ),
            distribution=distribution(with_plan, without_plan),
        ),
        materials=materials_of(instance, commitment, with_plan, without_plan),
        consumers=consumers_of(instance, with_plan, without_plan),
        unaided=unaided,
        idle=idle,
        chains=chains,
        chains_untold=chains_untold,
        adaptation=adaptation,
        clustering=clustering,
        stock_use=stock_use,
        under=under,
        review=review,
        scenario=as_solved(scenario or case, variant),
        **committed_to(instance, commitment),
    )


def worst_mean(instance: Instance, seen: Evaluation) -> float | None:
    """The mean by the least favourable probabilities; None where the scenario has no ball."""
    risk = Risk.of(instance.case)
    return None if risk.ball is None else seen.worst_mean(risk)


def measured(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """What an outcome says that no state of the world has a part in, by field of ``Outcome``."""
    case = instance.case
    return {
        "measure": case.objective.measure,
        "unit": UNITS[case.objective.measure].format(currency=case.currency),
        "cvar_level": float(case.objective.cvar.level),
        "net_cost_meur": plans.net_cost(instance, commitment),
        "residual_meur": plans.residual(instance, commitment),
    }


def committed_to(instance: Instance, commitment: Commitment) -> dict[str, Any]:
    """What a plan says that follows from its commitment alone, by field of ``Plan``."""
    case, money = instance.case, (plans.spend, plans.outlay)
    spent, committed = (
        {f: by_year(instance, x) for f, x in of(instance, commitment).items()} for of in money
    )
    return {
        "currency": case.currency,
        "projects": tuple(projects(instance, commitment)),
        "stockpiles": tuple(stockpiles(instance, commitment)),
        "funders": tuple(
            results.FunderInfo(id=f, name=named(funder.name, f), kind=funder.kind)
            for f, funder in case.funders.items()
        ),
        "spend_meur": spent,
        "committed_meur": committed,
        "accounts": tuple(accounts.positions(instance, commitment)),
        "budget_lines": tuple(accounts.budget_lines(instance, commitment)),
        "crma": tuple(crma_shares(instance, commitment)),
    }


def as_solved(case: Case, variant: str | None) -> dict[str, Any]:
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


def distribution(with_plan: Evaluation, without_plan: Evaluation) -> results.Distribution:
    """How damage is spread over the states, with a plan and without."""
    chance = with_plan.probability
    return results.Distribution(
        levels=LEVELS,
        with_plan=quantiles(with_plan.damage, chance, LEVELS),
        without_plan=quantiles(without_plan.damage, chance, LEVELS),
        avoided=quantiles(without_plan.damage - with_plan.damage, chance, LEVELS),
    )


def quantiles(values: Floats, chance: Floats, levels: Sequence[float]) -> tuple[float, ...]:
    """The least of the values that is not exceeded with each of the probabilities. Values without
    any probability play no part."""
    order = np.argsort(values, kind="stable")
    order = order[chance[order] > 0]
    reached = np.cumsum(chance[order]) / chance.sum()
    # What rounding leaves of a sum of probabilities must not lead to the next state.
    at = np.searchsorted(reached, np.asarray(levels) - 1e-9, side="left")
    at[np.asarray(levels) == 1] = -1  # the worst, also where it is rarer than that
    return tuple(float(value) for value in values[order[at]])


def projects(instance: Instance, commitment: Commitment) -> Iterator[results.ProjectPlan]:
    """Projects that are built, in the order of the file."""
    for p, project in instance.projects.items():
        if p not in commitment.start:
            continue
        shares: dict[str, dict[str, float]] = {}
        supports: dict[str, dict[str, float]] = {}
        for (q, f, i), share in commitment.share.items():
            if q == p:
                carries = instance.instrument[f, i].carries_capex
                (shares if carries else supports).setdefault(f, {})[i] = share
        floored: dict[str, dict[str, dict[str, float]]] = {}
        for (q, g, f, i), x in commitment.floored.items():
            if q == p:
                floored.setdefault(g, {}).setdefault(f, {})[i] = x
        held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        companies = {f: group_of(f) for f in instance.case.funders}
        yield results.ProjectPlan(
            id=p,
            name=named(instance.case.projects[p].name, p),
            start=commitment.start[p],
            first_output=commitment.start[p] + project.construction,
            capex_meur=project.capex,
            expected_capex_meur=project.capex * project.expected if project.overruns else None,
            budgeted_capex_meur=project.capex * project.budgeted if project.overruns else None,
            market_share=commitment.market.get(p, 0.0),
            offtake=math.fsum(held.values()),
            offtake_common=held.get(COMMON, 0.0),
            offtake_by_company={f: held[group] for f, group in companies.items() if group in held},
            shares=shares,
            supports=supports,
            floored_common=floored.get(COMMON, {}),
            floored_by_company={
                f: floored[group] for f, group in companies.items() if group in floored
            },
        )


def unaided_projects(
    instance: Instance, commitment: Commitment, states: Sequence[State]
) -> Iterator[results.UnaidedProject]:
    """Projects that come unaided in any of the states, and what the plan's money adds."""
    for p, project in instance.projects.items():
        chance = math.fsum(s.probability for s in states if p in s.unaided)
        if project.unaided is None or chance == 0:
            continue
        home = min(project.home_share, project.offtake_max)
        offtake, taken = 0.0, 0.0  # of what is started, and of what comes unaided where it is not
        for likely, _, plan in plans.by_chance(instance, commitment):
            if p in plan.start:
                offtake += likely * math.fsum(x for (q, _), x in plan.offtake.items() if q == p)
            else:
                taken += likely * chance * home
        full = {
            m: lots * project.ramp[-1] * instance.per_year * instance.lot_t[m]
            for m, lots in project.output.items()
        }
        paid = math.fsum(
            share * float(money.paid.sum())
            for q, *_, share, money in plans.moved(instance, commitment)
            if q == p
        )
        paid += math.fsum(
            float(own.sum()) for q, _, own in plans.premiums(instance, commitment) if q == p
        )
        yield results.UnaidedProject(
            id=p,
            year=project.unaided,
            probability=min(1.0, chance),
            without_plan_t={m: chance * home * t for m, t in full.items()},
            with_plan_t={m: (offtake + taken) * t for m, t in full.items()},
            paid_meur=paid,
            windfall_meur=paid * min(1.0, chance) * (min(1.0, home / offtake) if offtake else 1.0),
        )


def stockpiles(instance: Instance, commitment: Commitment) -> Iterator[results.StockpilePlan]:
    """All stockpiles, in the order of the file."""
    for stockpile in instance.case.stockpiles:
        h, lot = stockpile.id, instance.lot_t[stockpile.material]
        planned = planned_stock(instance, commitment, h)[instance.per_year - 1 :: instance.per_year]
        yield results.StockpilePlan(
            id=h,
            name=named(stockpile.name, h),
            material=stockpile.material,
            buy_t=by_year(instance, commitment.bought(instance, h) * lot),
            planned_t=by_year(instance, planned * lot),
            cost_meur=by_year(instance, plans.stock_cost(instance, commitment, h)),
        )


def consumers_of(
    instance: Instance, with_plan: Evaluation, without_plan: Evaluation
) -> tuple[results.ConsumerOutcome, ...]:
    """What falls on each consumer."""
    before, after = without_plan.by_consumer, with_plan.by_consumer
    return tuple(
        results.ConsumerOutcome(
            id=u, name=named(it.name, u), expected=after[u], expected_without_plan=before[u]
        )
        for u, it in instance.case.consumers.items()
    )


def materials_of(
    instance: Instance, commitment: Commitment, with_plan: Evaluation, without_plan: Evaluation
) -> tuple[results.MaterialOutcome, ...]:
    """How exposed each material stays."""
    held = exposure(instance, commitment)

    def in_year(m: str, y: int, known: dict[str, Any]) -> results.MaterialYear:
        lot = instance.lot_t[m]
        return results.MaterialYear(
            **known,
            expected_shortage_t=float(with_plan.shortage[m][y] * lot),
            expected_shortage_without_plan_t=float(without_plan.shortage[m][y] * lot),
            probability_of_shortage=min(1.0, float(with_plan.short[m][y])),
        )

    return tuple(
        results.MaterialOutcome(
            id=m,
            name=named(material.name, m),
            expected=with_plan.by_material[m],
            expected_without_plan=without_plan.by_material[m],
            expected_shortage_t=math.fsum(with_plan.shortage[m] * instance.lot_t[m]),
            expected_shortage_without_plan_t=math.fsum(
                without_plan.shortage[m] * instance.lot_t[m]
            ),
            by_year={year: in_year(m, y, known) for y, (year, known) in enumerate(held[m].items())},
        )
        for m, material in instance.case.materials.items()
    )


def exposure(instance: Instance, commitment: Commitment) -> dict[str, dict[str, dict[str, Any]]]:
    """What is told of each material and year that no state of the world has a part in, by field
    of ``MaterialYear``."""
    n = instance.per_year
    mixes, before = supply_mixes(instance, commitment), supply_mixes(instance, Commitment())
    found = {}
    for m in instance.case.materials:
        held = np.zeros(len(instance.years))
        for h, pile in instance.stockpiles.items():
            if pile.material == m:
                held = held + planned_stock(instance, commitment, h)[n - 1 :: n]
        demand, need = instance.material_demand[m] * n, instance.need[m] * n
        found[m] = {
            str(year): {
                "demand_t": float(demand[y] * instance.lot_t[m]),
                "need_t": float(need[y] * instance.lot_t[m]),
                "days_of_cover": float(held[y] / need[y] * 365) if need[y] > 0 else None,
                "supply": mixes[m][y],
                "supply_without_plan": before[m][y],
            }
            for y, year in enumerate(instance.years)
        }
    return found
