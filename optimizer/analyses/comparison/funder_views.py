"""The options as a company sees them, or a public funder that is not federal."""

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
    """The view of each such funder that pays in any option, in the order of the files."""
    kinds: dict[str, Literal["public", "company"]] = {}
    for option in options:
        for part in option.cost.parts:
            if (
                part.kind != "private"
                and not part.federal
                and part.sums.paid_meur > MONEY_TOLERANCE
            ):
                kinds.setdefault(part.funder, part.kind)
    for f in dict.fromkeys(funder.id for plan in plans.values() for funder in plan.funders):
        if f in kinds:
            gains = {label: _funder_gain(plan, f) for label, plan in plans.items() if plan.case}
            consumers = dict.fromkeys(
                c for plan in plans.values() for c in _consumers_of_funder(plan, f)
            )
            yield results.FunderView(
                funder=f, kind=kinds[f], consumers=tuple(consumers), options=gains
            )


def approvals_by_year(plan: Plan, funder: str) -> dict[str, float]:
    """Million EUR that a funder commits to, by year of decision
    (:class:`models.results.brief.Approval`)."""
    found: dict[str, float] = {}
    for one in fiscal.approvals(plan, [p for p in plan.accounts if p.funder == funder]):
        found[str(one.year)] = found.get(str(one.year), 0.0) + one.meur
    return found


def payments_by_item(plan: Plan, funder: str) -> dict[tuple[str, str], float]:
    """Million EUR that a funder pays, undiscounted, for each project and stockpile, by what it is
    (``projects`` or ``stockpiles``) and its id."""
    found: dict[tuple[str, str], float] = {}
    for one in plan.accounts:
        what = ("projects", one.project) if one.project else ("stockpiles", one.stockpile or "")
        if one.funder == funder and (paid := math.fsum(one.paid_meur.values())) > MONEY_TOLERANCE:
            found[what] = found.get(what, 0.0) + paid
    return found


def _consumers_of_funder(plan: Plan, funder: str) -> list[str]:
    """Ids of the consumers whose purse a funder is."""
    known = plan.case.consumers.items() if plan.case else ()
    return [c for c, consumer in known if consumer.company == funder]


def _funder_gain(plan: Plan, funder: str) -> results.FunderGain:
    assert plan.case is not None
    own = set(_consumers_of_funder(plan, funder))
    hit = [consumer for consumer in plan.consumers if consumer.id in own]
    return results.FunderGain(
        output_t=fiscal.contracted_output(plan, funder),
        expected=math.fsum(c.expected for c in hit) if hit else None,
        expected_without_plan=math.fsum(c.expected_without_plan for c in hit) if hit else None,
    )
