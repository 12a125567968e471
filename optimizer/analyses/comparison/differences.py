"""An option against the base, taken apart so that the parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from models.results import BudgetClass, Plan
from models.results.comparison import (
    Barred,
    Difference,
    MaterialDifference,
    MoneyDifference,
    ProjectChange,
    StockpileChange,
)
from models.results.option import FunderMoney, Option
from optimizer.analyses.comparison import choices

EXACT = 1e-9
"""Money that differs by less is arithmetic."""
EXTRA = 1e-6
"""Million EUR: less is no extra euro."""


def difference(
    base: Plan, option: Plan, options: tuple[Option, Option], bars: frozenset[Barred]
) -> Difference:
    """An option less the base; ``options`` are both as options, ``bars`` what is not compared."""
    of_base, of_option = options
    damage, money = "damage" not in bars, "money" not in bars
    built = tuple(choices.project_changes(base, option))
    held = tuple(choices.stockpile_changes(base, option))
    expected = option.outcome.expected - base.outcome.expected if damage else None
    objective = resolution = None
    if "objective" not in bars:
        objective = of_option.proof.objective - of_base.proof.objective
        resolution = _resolution(of_base, of_option)
    cost_base, cost_option = of_base.cost, of_option.cost
    return Difference(
        option=of_option.label,
        expected=expected,
        cvar=option.outcome.cvar - base.outcome.cvar if "tail" not in bars else None,
        worst=option.outcome.worst - base.outcome.worst if damage else None,
        by_material=tuple(_by_material(base, option, built, held)) if damage else (),
        by_consumer=_by_consumer(base, option) if damage else {},
        objective=objective,
        resolution=resolution,
        significant=_significant(expected, objective, resolution),
        public_paid_meur=(
            cost_option.public.paid_meur - cost_base.public.paid_meur if money else None
        ),
        private_paid_meur=(
            cost_option.private.paid_meur - cost_base.private.paid_meur if money else None
        ),
        market_meur=cost_option.market_meur - cost_base.market_meur if money else None,
        net_cost_meur=(
            option.outcome.net_cost_meur - base.outcome.net_cost_meur if money else None
        ),
        money=tuple(_money(cost_base.parts, cost_option.parts)) if money else (),
        avoided_per_extra_public_euro=(
            _per_extra_euro(expected, of_base, of_option) if money else None
        ),
        projects=built,
        stockpiles=held,
    )


def _resolution(base: Option, option: Option) -> float | None:
    slacks = [
        None if of.proof.bound is None else max(0.0, of.proof.objective - of.proof.bound)
        for of in (base, option)
    ]
    return None if None in slacks else math.fsum(slack for slack in slacks if slack is not None)


def _significant(
    expected: float | None, objective: float | None, resolution: float | None
) -> bool | None:
    if expected is None or objective is None or resolution is None:
        return None
    return min(abs(expected), abs(objective)) > resolution


def _by_material(
    base: Plan,
    option: Plan,
    built: Sequence[ProjectChange],
    held: Sequence[StockpileChange],
) -> Iterator[MaterialDifference]:
    before, after = ({m.id: m.expected for m in plan.materials} for plan in (base, option))
    parts = {m: after.get(m, 0.0) - before.get(m, 0.0) for m in dict.fromkeys((*before, *after))}
    for m in sorted(parts, key=lambda m: -abs(parts[m])):
        yield MaterialDifference(
            material=m,
            damage=parts[m],
            projects=tuple(change for change in built if m in change.materials),
            stockpiles=tuple(change for change in held if change.material == m),
        )


def _by_consumer(base: Plan, option: Plan) -> dict[str, float]:
    before, after = ({c.id: c.expected for c in plan.consumers} for plan in (base, option))
    return {c: after.get(c, 0.0) - before.get(c, 0.0) for c in dict.fromkeys((*before, *after))}


def _money(base: Sequence[FunderMoney], option: Sequence[FunderMoney]) -> Iterator[MoneyDifference]:
    before, after = _by_key(base), _by_key(option)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        paid = (new.sums.paid_meur if new else 0.0) - (old.sums.paid_meur if old else 0.0)
        cost = (new.sums.cost_meur if new else 0.0) - (old.sums.cost_meur if old else 0.0)
        part = new or old
        assert part is not None
        if max(abs(paid), abs(cost)) > EXACT:
            yield MoneyDifference(
                funder=part.funder,
                kind=part.kind,
                budget_class=part.budget_class,
                paid_meur=paid,
                cost_meur=cost,
            )


def _by_key(
    parts: Sequence[FunderMoney],
) -> Mapping[tuple[str, str, BudgetClass | None], FunderMoney]:
    return {(part.funder, part.kind, part.budget_class): part for part in parts}


def _per_extra_euro(expected: float | None, base: Option, option: Option) -> float | None:
    before, after = base.cost.public.paid_present_meur, option.cost.public.paid_present_meur
    if expected is None or before is None or after is None or base.benefit.measure != "damage":
        return None
    extra = after - before
    return -expected / extra if extra > EXTRA else None
