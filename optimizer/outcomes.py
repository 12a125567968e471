"""What a commitment leads to: damage by state, and the plan as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.base import named
from models.results import (
    Certificate,
    ConsumerOutcome,
    FunderInfo,
    MaterialOutcome,
    MaterialYear,
    Outcome,
    Plan,
    ProjectPlan,
    StockpilePlan,
    WithoutPlan,
)
from optimizer.commitment import Commitment, instalments, planned_stock, spend, stock_cost
from optimizer.instance import COMMON, Floats, Instance, group_of
from optimizer.states import State
from optimizer.sweep import Recourse, in_blocks

SHORT = 1e-6
"""A period is short if more than this share of its demand is missing."""

UNITS = {
    "damage": "million {currency}",
    "tonnes": "t",
    "share_of_demand": "years of demand",
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a commitment leads to in the given states."""

    probability: Floats
    """(S)"""
    damage: Floats
    """(S) in the unit of the measure."""
    by_material: dict[str, float]
    """Expected, in the unit of the measure."""
    by_consumer: dict[str, float]
    """Expected, in the unit of the measure."""
    shortage: dict[str, Floats]
    """(Y) expected lots missing, by material."""
    short: dict[str, Floats]
    """(Y) probability that some period is short, by material."""

    @property
    def expected(self) -> float:
        """Mean over the states."""
        return float(self.probability @ self.damage)

    @property
    def worst(self) -> float:
        """The worst state that has a probability."""
        return float(self.damage[self.probability > 0].max())

    def cvar(self, level: float) -> float:
        """Mean of the worst ``1 - level`` of states, splitting the state at the quantile.

        Rockafellar and Uryasev (2000).
        """
        tail = (1 - level) * self.probability.sum()
        order = np.argsort(-self.damage, kind="stable")
        before = np.concatenate([[0.0], np.cumsum(self.probability[order])[:-1]])
        weight = np.clip(tail - before, 0.0, self.probability[order])
        return float(weight @ self.damage[order] / weight.sum())


def evaluate(
    instance: Instance,
    states: Sequence[State],
    commitments: Sequence[Commitment],
    *,
    threads: int | None = None,
) -> list[Evaluation]:
    """Sweep commitments through states and add up what is missing."""
    evaluations = [_nothing(instance, states) for _ in commitments]
    for block, recourse in in_blocks(instance, states, threads=threads):
        for commitment, evaluation in zip(commitments, evaluations, strict=True):
            _add(instance, recourse, block, commitment, evaluation)
    return evaluations


def _nothing(instance: Instance, states: Sequence[State]) -> Evaluation:
    years, materials = len(instance.years), instance.case.materials
    return Evaluation(
        probability=np.array([state.probability for state in states]),
        damage=np.zeros(len(states)),
        by_material=dict.fromkeys(materials, 0.0),
        by_consumer=dict.fromkeys(instance.case.consumers, 0.0),
        shortage={m: np.zeros(years) for m in materials},
        short={m: np.zeros(years) for m in materials},
    )


def _add(
    instance: Instance,
    recourse: Recourse,
    block: slice,
    commitment: Commitment,
    evaluation: Evaluation,
) -> None:
    """Add what is missing in a block of states."""
    years, n = len(instance.years), instance.per_year
    for part in recourse.shortages(recourse.columns.point(commitment)):
        m = part.looks.material
        evaluation.damage[block] += part.by_state(part.damage)
        evaluation.by_material[m] += float(part.chance @ part.damage)
        evaluation.shortage[m] += (part.chance @ part.missing).reshape(years, n).sum(axis=1)
        demand = instance.material_demand[m][instance.year_of]
        is_short = (part.missing > SHORT * demand).reshape(-1, years, n).any(axis=2)
        evaluation.short[m] += part.chance @ is_short
        for v, lots in part.by_step.items():
            damage = (lots * recourse.nodes[v].as_in_file[0]).sum(axis=1)
            for step, value in zip(instance.nodes[v].steps, damage, strict=True):
                evaluation.by_consumer[step.consumer] += float(value)


def objective(instance: Instance, evaluation: Evaluation, net_cost: float) -> float:
    """The objective of a commitment, from its damage and its cost."""
    what = instance.case.objective
    weight = float(what.cvar.weight)
    tail = evaluation.cvar(float(what.cvar.level)) if weight > 0 else 0.0
    mean = evaluation.expected
    return (1 - weight) * mean + weight * tail + float(what.cost_weight) * net_cost


def describe(
    instance: Instance,
    commitment: Commitment,
    *,
    certificate: Certificate,
    with_plan: Evaluation,
    without_plan: Evaluation,
    net_cost: float,
    title: str,
    variant: str | None,
) -> Plan:
    """The plan as a document."""
    case = instance.case
    level = float(case.objective.cvar.level)
    committed = {f: np.zeros(len(instance.years)) for f in case.funders}
    for _, f, _, due in instalments(instance, commitment):
        committed[f] = committed[f] + due
    for h, pile in instance.stockpiles.items():
        for f, part in pile.paid_by.items():
            committed[f] = committed[f] + part * stock_cost(instance, commitment, h)
    return Plan(
        title=title,
        variant=variant,
        currency=case.currency,
        certificate=certificate,
        outcome=Outcome(
            measure=case.objective.measure,
            unit=UNITS[case.objective.measure].format(currency=case.currency),
            expected=with_plan.expected,
            cvar=with_plan.cvar(level),
            cvar_level=level,
            worst=with_plan.worst,
            net_cost_meur=net_cost,
            without_plan=WithoutPlan(
                expected=without_plan.expected,
                cvar=without_plan.cvar(level),
                worst=without_plan.worst,
            ),
        ),
        projects=tuple(_projects(instance, commitment)),
        stockpiles=tuple(_stockpiles(instance, commitment)),
        funders=tuple(
            FunderInfo(id=f, name=named(funder.name, f), kind=funder.kind)
            for f, funder in case.funders.items()
        ),
        spend_meur={f: _by_year(instance, x) for f, x in spend(instance, commitment).items()},
        committed_meur={f: _by_year(instance, x) for f, x in committed.items()},
        materials=tuple(_materials(instance, commitment, with_plan, without_plan)),
        consumers=tuple(
            ConsumerOutcome(
                id=u,
                name=named(consumer.name, u),
                expected=with_plan.by_consumer[u],
                expected_without_plan=without_plan.by_consumer[u],
            )
            for u, consumer in case.consumers.items()
        ),
    )


def _by_year(instance: Instance, values: Floats) -> dict[str, float]:
    return {str(year): float(x) for year, x in zip(instance.years, values, strict=True)}


def _projects(instance: Instance, commitment: Commitment) -> list[ProjectPlan]:
    plans = []
    for p, project in instance.projects.items():
        if p not in commitment.start:
            continue
        shares: dict[str, dict[str, float]] = {}
        for (q, f, i), share in commitment.share.items():
            if q == p:
                shares.setdefault(f, {})[i] = share
        held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        plans.append(
            ProjectPlan(
                id=p,
                name=named(instance.case.projects[p].name, p),
                start=commitment.start[p],
                first_output=commitment.start[p] + project.construction,
                capex_meur=project.capex,
                market_share=commitment.market.get(p, 0.0),
                offtake=sum(held.values()),
                offtake_common=held.get(COMMON, 0.0),
                offtake_by_company={
                    f: held[group_of(f)] for f in instance.case.funders if group_of(f) in held
                },
                shares=shares,
            )
        )
    return plans


def _stockpiles(instance: Instance, commitment: Commitment) -> list[StockpilePlan]:
    plans = []
    for stockpile in instance.case.stockpiles:
        h, lot = stockpile.id, instance.lot_t[stockpile.material]
        planned = planned_stock(instance, commitment, h)[instance.per_year - 1 :: instance.per_year]
        plans.append(
            StockpilePlan(
                id=h,
                name=named(stockpile.name, h),
                material=stockpile.material,
                buy_t=_by_year(instance, commitment.bought(instance, h) * lot),
                planned_t=_by_year(instance, planned * lot),
                cost_meur=_by_year(instance, stock_cost(instance, commitment, h)),
            )
        )
    return plans


def _materials(
    instance: Instance, commitment: Commitment, with_plan: Evaluation, without_plan: Evaluation
) -> list[MaterialOutcome]:
    outcomes = []
    n = instance.per_year
    for m, material in instance.case.materials.items():
        lot = instance.lot_t[m]
        held = np.zeros(len(instance.years))
        for h, pile in instance.stockpiles.items():
            if pile.material == m:
                held = held + planned_stock(instance, commitment, h)[n - 1 :: n]
        demand = instance.material_demand[m] * n
        by_year = {
            str(year): MaterialYear(
                demand_t=float(demand[y] * lot),
                expected_shortage_t=float(with_plan.shortage[m][y] * lot),
                expected_shortage_without_plan_t=float(without_plan.shortage[m][y] * lot),
                probability_of_shortage=min(1.0, float(with_plan.short[m][y])),
                days_of_cover=float(held[y] / demand[y] * 365) if demand[y] > 0 else None,
            )
            for y, year in enumerate(instance.years)
        }
        outcomes.append(
            MaterialOutcome(
                id=m,
                name=named(material.name, m),
                expected=with_plan.by_material[m],
                expected_without_plan=without_plan.by_material[m],
                by_year=by_year,
            )
        )
    return outcomes
