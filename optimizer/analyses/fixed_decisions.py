"""Decisions of a plan that some funders keep while others decide again."""

from collections.abc import Callable, Collection, Mapping

from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, FixedDecisions, Instance, company_group


def fix_decisions(
    instance: Instance,
    plan: Commitment,
    funders: Collection[str],
    certain_starts: Callable[[Commitment], Mapping[str, int]],
) -> FixedDecisions:
    """Return the decisions of a plan that funders keep, on each review branch.

    These are their shares and offtake in projects that are started, and purchases for stockpiles
    that any of them pays for. ``certain_starts`` returns the start years of projects that are built
    in any case; offtake of the common group is reserved for all.
    """
    if plan.branches:
        branch_plans = enumerate(plan.branches)
        fixed_branches = tuple(
            fix_decisions(instance.on_branch(g), branch_plan, funders, certain_starts)
            for g, branch_plan in branch_plans
        )
        return FixedDecisions(frozenset(funders), branches=fixed_branches)
    groups = frozenset(map(company_group, funders)) & frozenset(instance.offtake_groups)
    share = {
        (p, plan.start[p], f, i): share
        for (p, f, i), share in plan.share.items()
        if f in funders and p in plan.start
    }
    offtake = {
        (p, year, g): plan.offtake.get((p, g), 0.0)
        for p, year in plan.start.items()
        for g in (COMMON_GROUP, *groups)
        if g in instance.groups_with_right(p)
    }
    paid_stockpiles = [
        h for h, x in instance.stockpiles.items() if any(f in funders for f in x.payers)
    ]
    buy = {h: plan.expected_purchases(instance, h) for h in paid_stockpiles}
    return FixedDecisions(frozenset(funders), groups, certain_starts(plan), share, offtake, buy)
