"""Figures of the options for a company, or for a public funder that is not federal."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from models.results import Plan
from models.results import comparison as results
from models.results.option import Option
from optimizer.analyses.comparison import fiscal
from optimizer.analyses.comparison.money import MONEY_TOLERANCE


def build_funder_views(
    plans: Mapping[str, Plan], options: Sequence[Option]
) -> Iterator[results.FunderView]:
    """Yield the views of all companies and non-federal public funders that pay in any option, in
    the order of the scenario files."""
    kind_by_funder: dict[str, Literal["public", "company"]] = {}
    for option in options:
        for part in option.cost.parts:
            if (
                part.kind != "private"
                and not part.federal
                and part.sums.paid_meur > MONEY_TOLERANCE
            ):
                kind_by_funder.setdefault(part.funder, part.kind)
    for f in dict.fromkeys(funder.id for plan in plans.values() for funder in plan.funders):
        if f in kind_by_funder:
            gains = {label: _funder_gain(plan, f) for label, plan in plans.items() if plan.case}
            consumers = dict.fromkeys(
                c for plan in plans.values() for c in _consumers_of_funder(plan, f)
            )
            yield results.FunderView(
                funder=f, kind=kind_by_funder[f], consumers=tuple(consumers), options=gains
            )


def approvals_by_year(plan: Plan, funder: str) -> dict[str, float]:
    """Return the amounts in million EUR to which a funder commits itself, by year of decision.

    See :class:`models.results.brief.Approval`.
    """
    amounts: dict[str, float] = {}
    for approval in fiscal.approvals(plan, [p for p in plan.accounts if p.funder == funder]):
        amounts[str(approval.year)] = amounts.get(str(approval.year), 0.0) + approval.meur
    return amounts


def payments_by_item(plan: Plan, funder: str) -> dict[tuple[str, str], float]:
    """Return a funder's undiscounted payments for each project and stockpile, in million EUR.

    Keys are pairs of the kind (``projects`` or ``stockpiles``) and the id.
    """
    payments: dict[tuple[str, str], float] = {}
    for position in plan.accounts:
        item = (
            ("projects", position.project)
            if position.project
            else ("stockpiles", position.stockpile or "")
        )
        if (
            position.funder == funder
            and (paid_meur := math.fsum(position.paid_meur.values())) > MONEY_TOLERANCE
        ):
            payments[item] = payments.get(item, 0.0) + paid_meur
    return payments


def _consumers_of_funder(plan: Plan, funder: str) -> list[str]:
    """Return the ids of the consumers that belong to a company; empty if the plan does not carry
    its scenario."""
    consumers = plan.case.consumers.items() if plan.case else ()
    return [c for c, consumer in consumers if consumer.company == funder]


def _funder_gain(plan: Plan, funder: str) -> results.FunderGain:
    """Return the output contracted to a company, and the expected damage of its consumers with and
    without the plan, which is None if it has no consumers."""
    assert plan.case is not None
    consumer_ids = set(_consumers_of_funder(plan, funder))
    consumers = [consumer for consumer in plan.consumers if consumer.id in consumer_ids]
    return results.FunderGain(
        output_t=fiscal.contracted_output(plan, funder),
        expected=math.fsum(c.expected for c in consumers) if consumers else None,
        expected_without_plan=math.fsum(c.expected_without_plan for c in consumers)
        if consumers
        else None,
    )
