"""Check of a commitment, independent of the solver.

Every rule of the first stage is checked again from the arrays of the instance, without Pyomo and
without the matrix that was solved; only rules that the user states in Python are checked by their
Pyomo constraints. The recourse comes from :mod:`optimizer.solve.recourse`, which
is feasible by construction. A commitment that fails the check is an error and is never returned as
a plan.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optimizer.errors import CheckFailed
from optimizer.model.commitment import (
    Commitment,
    budget_line_use,
    budget_use,
    combine_branches,
    planned_stock,
)
from optimizer.model.instance import COVERAGE_TOLERANCE, Floats, Instance
from optimizer.model.user_rule_values import (
    ABSOLUTE_TOLERANCE,
    RELATIVE_TOLERANCE,
    user_rule_values,
)

FIXED_DECISION_TOLERANCE = 1e-5  # of decisions that are fixed in advance (H3 to H6)


def check_commitment(instance: Instance, commitment: Commitment) -> None:
    """Check all rules P1 to H7 and V1. Raise CheckFailed with every rule that is broken and by how
    much."""
    rule_violations = broken_rules(instance, commitment)
    if rule_violations:
        raise CheckFailed("the solver's answer breaks " + "; ".join(rule_violations))


def broken_rules(instance: Instance, commitment: Commitment) -> list[str]:
    """Return a description of every rule that a commitment breaks in any review branch: tag, name
    and amount of the violation.

    The rules are P1 to H7, and V1 (nonanticipativity).
    """
    if commitment.branches:
        rule_violations = list(_broken_nonanticipativity_rules(instance, commitment))
        for branch_index, branch_commitment in enumerate(commitment.branches):
            rule_violations += broken_rules(instance.on_branch(branch_index), branch_commitment)
        return list(dict.fromkeys(rule_violations))
    project_checks = (
        _broken_project_rules,
        _broken_financing_rules,
        _broken_offtake_rules,
        _broken_stockpile_rules,
        _broken_support_rules,
    )
    money_checks = (
        _broken_budget_rules,
        _broken_budget_line_rules,
        _broken_public_limit_rules,
        _broken_country_rules,
        _broken_fixed_decision_rules,
        _broken_user_rules,
        _broken_extra_rules,
    )
    return [
        text
        for find_violations in (*project_checks, *money_checks)
        for text in find_violations(instance, commitment)
    ]


def _broken_nonanticipativity_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    """Yield a description of each decision before the review that is not the same in all review
    branches."""
    if len(commitment.branches) != len(instance.branches):
        yield f"V1 review: {len(commitment.branches)} paths of {len(instance.branches)}"
        return
    for branch in commitment.branches:
        early_decisions = combine_branches([branch], instance)
        for name in ("start", "share", "market", "offtake", "floored"):
            branch_values, common_values = getattr(early_decisions, name), getattr(commitment, name)
            for key in branch_values.keys() | common_values.keys():
                if (
                    abs(branch_values.get(key, 0.0) - common_values.get(key, 0.0))
                    > RELATIVE_TOLERANCE
                ):
                    yield f"V1 review: {name} of {key} is not the same on all paths"
        for h, stockpile in instance.stockpiles.items():
            purchases = [np.asarray(x.buy.get(h, 0.0)) for x in (early_decisions, commitment)]
            max_lots = max(
                float(np.max(stockpile.max_stock)) if np.isfinite(stockpile.max_stock) else 1.0, 1.0
            )
            if np.max(np.abs(purchases[0] - purchases[1])) > RELATIVE_TOLERANCE * max_lots:
                yield f"V1 review: purchases of {h} are not the same on all paths"


def _exceeds(value: float, limit: float, scale: float = 0.0) -> bool:
    """Return whether ``value`` exceeds ``limit`` by more than the tolerance.

    The tolerance is relative to the largest of both and of ``scale``, the size of the other
    terms of the rule.
    """
    size = max(abs(value), abs(scale), 0.0 if math.isinf(limit) else abs(limit))
    return value - limit > RELATIVE_TOLERANCE * size + ABSOLUTE_TOLERANCE


def _broken_project_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    case, start_years = instance.case, commitment.start
    for p, year in start_years.items():
        if year not in instance.projects[p].start_years:
            yield f"P1 start_once: {p} cannot start in {year}"
        for other in case.projects[p].requires:
            if start_years.get(other, math.inf) > year:
                yield f"P9 requires: {p} needs {other} by {year}"
        for other in case.projects[p].excludes:
            if other in start_years:
                yield f"P9 excludes: {p} and {other}"
    for p in case.policy.must_build:
        if p not in start_years:
            yield f"P9 must_build: {p}"
    for p in case.policy.must_not_build:
        if p in start_years:
            yield f"P9 must_not_build: {p}"
    for year, max_starts in case.policy.max_starts_by_year.items():
        if (count := list(start_years.values()).count(year)) > max_starts:
            yield f"P9 starts_by_year: {count} are started in {year}"
    max_project_count = case.policy.max_projects
    if max_project_count is not None and len(start_years) > max_project_count:
        yield f"P9 max_projects: {len(start_years)} are built"


def _broken_financing_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    shares = commitment.share
    for p, f, i in shares:
        if p not in commitment.start or p not in instance.instrument_by_key[f, i].eligible_projects:
            yield f"P4 share_limit: {f} {i} takes part in {p}"
    for p in commitment.start:
        project = instance.projects[p]
        market_share = commitment.market.get(p, 0.0)
        carried_shares = {key: share for key, share in shares.items() if key[0] == p}
        if min([market_share, *carried_shares.values()]) < -RELATIVE_TOLERANCE:
            yield f"P2 fully_financed: a share of {p} is negative"
        total_share, max_market_share = market_share, project.market_finance_max
        for (_, f, i), share in carried_shares.items():
            instrument = instance.instrument_by_key[f, i]
            total_share += share if instrument.carries_capex else 0.0
            max_market_share += instrument.market_finance_per_share * share
        if abs(total_share - 1) > RELATIVE_TOLERANCE:
            yield f"P2 fully_financed: shares of {p} add up to {total_share:.9g}"
        if _exceeds(market_share, max_market_share):
            yield f"P3 market_finance_limit: the market carries {market_share:.9g} of {p}"
        for (_, f, i), share in carried_shares.items():
            ticket, instrument = project.capex * share, instance.instrument_by_key[f, i]
            if _exceeds(share, instrument.max_share):
                yield f"P4 share_limit: {f} {i} carries {share:.9g} of {p}"
            if share > RELATIVE_TOLERANCE * instrument.max_share and _exceeds(
                instrument.ticket_min, ticket, project.capex
            ):
                yield f"P5 ticket_min: {f} {i} puts {ticket:.9g} into {p}"
            if _exceeds(ticket, instrument.ticket_max, project.capex):
                yield f"P5 ticket_max: {f} {i} puts {ticket:.9g} into {p}"


def _broken_support_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for p in commitment.start:
        subsidized_share, floored_shares = 0.0, dict.fromkeys(instance.projects[p].output, 0.0)
        for (q, f, i), share in commitment.share.items():
            instrument = instance.instrument_by_key[f, i]
            if q == p and instrument.type.subsidizes_loans:
                subsidized_share += share
            for material in instrument.floor_prices if q == p else ():
                if material in floored_shares:
                    floored_shares[material] += share
        if _exceeds(subsidized_share, commitment.market.get(p, 0.0)):
            yield f"P3 subsidised_loan_limit: {subsidized_share:.9g} of {p} is a subsidized loan"
        for material, share in floored_shares.items():
            if _exceeds(share, 1.0):
                yield f"P3 price_floor_limit: {share:.9g} of the {material} of {p} has a floor"


def _broken_offtake_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for p in commitment.start:
        project = instance.projects[p]
        offtake_by_group = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        for group, offtake in offtake_by_group.items():
            max_offtake = instance.offtake_right(p, group, commitment.share)
            if _exceeds(offtake, max_offtake) or offtake < -RELATIVE_TOLERANCE:
                yield f"P6 offtake_right: {group} gets {offtake:.9g} of {p}, not {max_offtake:.9g}"
        if _exceeds(math.fsum(offtake_by_group.values()), project.offtake_max):
            yield f"P6 offtake_limit: {math.fsum(offtake_by_group.values()):.9g} of {p} is reserved"
    floored_totals: dict[tuple[str, ...], float] = {}
    for (p, group, f, i), x in commitment.floored.items():
        if x < -RELATIVE_TOLERANCE or instance.instrument_by_key[f, i] not in instance.price_floors(
            p
        ):
            yield f"P6 floored_offtake: {f} {i} is no price floor of {p} for {group}"
        for total_key in ((p, f, i), (p, group)):
            floored_totals[total_key] = floored_totals.get(total_key, 0.0) + x
    for key, x in floored_totals.items():
        limits: Mapping[Any, float] = commitment.share if len(key) == 3 else commitment.offtake
        max_offtake = limits.get(key, 0.0)
        rule = "floored_offtake" if len(key) == 3 else "floored_limit"
        if _exceeds(x, max_offtake):
            yield f"P6 {rule}: {x:.9g} of {max_offtake:.9g} runs under floors: {', '.join(key)}"
    for p, group in commitment.offtake:
        if p not in commitment.start:
            yield f"P6 offtake_right: {group} gets output of {p}, which is not built"


def _broken_stockpile_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for h, stockpile in instance.stockpiles.items():
        purchased_lots = commitment.expected_purchases(instance, h)
        planned_lots = planned_stock(instance, commitment, h)
        end_lots = planned_lots[instance.periods_per_year - 1 :: instance.periods_per_year]
        for y, year in enumerate(instance.years):
            if purchased_lots[y] < -RELATIVE_TOLERANCE or _exceeds(
                purchased_lots[y], stockpile.max_purchase[y]
            ):
                yield f"S1 purchase_limit: {h} buys {purchased_lots[y]:.9g} lots in {year}"
            if stockpile.min_stock[y] > 0 and _exceeds(stockpile.min_stock[y], end_lots[y]):
                yield f"S4 days_of_demand: {h} holds {end_lots[y]:.9g} lots at the end of {year}"
        if _exceeds(float(planned_lots.max()), stockpile.max_stock):
            yield f"S3 storage_limit: {h} holds {planned_lots.max():.9g} lots"


def _broken_budget_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    used_by_funder = budget_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        total_spending, yearly_budget = float(used_by_funder[f].sum()), funder.budget_by_year_meur
        if funder.budget_meur is not None and _exceeds(total_spending, funder.budget_meur):
            yield f"B1 funder_budget: {f} spends {total_spending:.9g}"
        if yearly_budget is not None:
            granted_amounts = [float(yearly_budget.get(year, 0.0)) for year in instance.years]
            for y in _overspent_years(used_by_funder[f], granted_amounts, funder.carry_over):
                spent_amount, year = used_by_funder[f][y], instance.years[y]
                yield f"B1 funder_budget_by_year: {f} spends {spent_amount:.9g} in {year}"
    public_budget = instance.case.policy.budget_meur
    public_spending = math.fsum(float(used_by_funder[f].sum()) for f in instance.public_funders)
    if public_budget is not None and _exceeds(public_spending, public_budget):
        yield f"B2 public_budget: public funders spend {public_spending:.9g}"


def _broken_budget_line_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for (f, id), used_amounts in budget_line_use(instance, commitment).items():
        line, total_use = instance.budget_lines[f, id], float(used_amounts.sum())
        if line.kind == "guarantee_stock":
            for year, x, limit in zip(
                instance.years, used_amounts, line.guarantee_limit, strict=True
            ):
                if _exceeds(float(x), float(limit)):
                    yield f"B4 guarantee_stock_limit: {x:.9g} of {id} is outstanding in {year}"
        elif _exceeds(total_use, line.total):
            yield f"B3 budget_line_total: {f} uses {total_use:.9g} of {id}"
        if line.yearly_budget is not None:
            for y in _overspent_years(used_amounts, line.yearly_budget, line.carry_over):
                year = instance.years[y]
                yield f"B3 budget_line_by_year: {f} uses {used_amounts[y]:.9g} of {id} in {year}"


def _overspent_years(
    used_amounts: Floats, granted_amounts: Sequence[float] | Floats, carry_over: bool
) -> Iterator[int]:
    """Yield the indices of years in which more is used than granted. With ``carry_over``, unused
    amounts of earlier years are available as well."""
    unused_amount, total_use = 0.0, float(used_amounts.sum())
    for y, (x, granted_amount) in enumerate(zip(used_amounts, granted_amounts, strict=True)):
        available = float(granted_amount) + (unused_amount if carry_over else 0.0)
        if _exceeds(float(x), available, total_use if carry_over else 0.0):
            yield y
        unused_amount = max(0.0, available - float(x))


def _broken_public_limit_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    policy = instance.case.policy
    for p in commitment.start:
        capex = instance.projects[p].capex
        project_shares = {k[1:]: share for k, share in commitment.share.items() if k[0] == p}
        held_instruments = [
            (instance.instrument_by_key[key], x) for key, x in project_shares.items()
        ]
        public_share = math.fsum(
            x for i, x in held_instruments if i.funder_kind == "public" and i.carries_capex
        )
        if policy.max_public_share is not None and _exceeds(public_share, policy.max_public_share):
            yield f"P7 public_share_limit: public funders carry {public_share:.9g} of {p}"
        if policy.state_aid is None:
            continue
        start = commitment.start[p]
        aid = math.fsum(
            x * i.grant_equivalent * instance.cash_flows(p, i.funder, i.id, start).state_aid_base
            for i, x in held_instruments
        )
        max_intensity, max_aid = policy.state_aid.max_intensity, policy.state_aid.max_meur
        if (max_intensity is not None and _exceeds(aid, max_intensity * capex, capex)) or (
            max_aid is not None and _exceeds(aid, max_aid, capex)
        ):
            yield f"P8 state_aid_limit: {p} gets {aid:.9g} of aid"


def _broken_country_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    limit = instance.case.policy.max_country_share
    if limit is None:
        return
    for (material, country), country_supply in instance.supply.items():
        if country in limit.except_ or not (limit.materials is None or material in limit.materials):
            continue
        need = instance.need[material]
        oversupply = country_supply - float(limit.limit) * need
        reserved_lots = np.zeros(len(instance.years))
        for (p, _group), offtake in commitment.offtake.items():
            project = instance.projects[p]
            if material in project.output and project.country != country:
                running_share = project.running_shares(instance.years, commitment.start[p])
                reserved_lots = reserved_lots + project.output[material] * offtake * running_share
        for y, year in enumerate(instance.years):
            is_limited = (limit.from_year is None or year >= limit.from_year) and oversupply[
                y
            ] > COVERAGE_TOLERANCE
            if is_limited and _exceeds(float(oversupply[y]), float(reserved_lots[y]), need[y]):
                yield f"G1 country_share_limit: {material} from {country} in {year}"


def _broken_user_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for x in user_rule_values(instance, commitment):
        if x.is_broken:
            limit = f"{x.row.sense} {x.limit:.9g}"
            yield (
                f"U1 user_rule: {x.row.rule} ({x.row.of}, {x.row.year}) is {x.value:.9g}, "
                f"but has to be {limit}"
            )


def _broken_extra_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    """Yield the rules in Python that are broken: only their constraints say what they are."""
    if instance.extra_rules is None:
        return
    # Deferred, since reports check saved plans without loading Pyomo.
    from pyomo.repn import generate_standard_repn

    from optimizer.model.commitment import CommitmentColumns
    from optimizer.model.formulation import build_commitment

    model = build_commitment(instance)
    CommitmentColumns(instance, commitment).load(model)
    for name, row in model.extra_rule.items():
        linear = generate_standard_repn(row.body)
        terms = [
            factor * (variable.value or 0.0)
            for factor, variable in zip(linear.linear_coefs, linear.linear_vars, strict=True)
        ]
        value, scale = math.fsum([linear.constant, *terms]), max(map(abs, terms), default=0.0)
        too_low = row.lower is not None and _exceeds(float(row.lower), value, scale)
        if too_low or (row.upper is not None and _exceeds(value, float(row.upper), scale)):
            yield f"U2 extra_rule: {name} is {value:.9g}, but has to be {row.expr}"


def _broken_fixed_decision_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    fixed_decisions, start_years = instance.fixed_decisions, commitment.start
    for stake in instance.stakes:
        carried = started = 0.0
        for p in stake.projects:
            if p in start_years:
                capex = instance.projects[p].capex if len(stake.projects) > 1 else 1.0
                started += capex
                carried += capex * math.fsum(
                    share
                    for (q, f, i), share in commitment.share.items()
                    if q == p
                    and f in stake.funders
                    and instance.instrument_by_key[f, i].carries_capex
                )
        if abs(carried - stake.share * started) > RELATIVE_TOLERANCE * started + ABSOLUTE_TOLERANCE:
            yield f"H1 stake: {', '.join(stake.funders)} carry {carried:.9g} of {started:.9g}"
    for p, year in fixed_decisions.certain_starts.items():
        if start_years.get(p) != year:
            yield f"H2 held_start: {p} does not start in {year}"
    for p, year in start_years.items():
        for key in instance.tickets:
            is_settled = (
                key[1] in fixed_decisions.funders
                and instance.instrument_by_key[key[1:]].max_share > 0
            )
            if key[0] == p and is_settled:
                settled = fixed_decisions.share.get((p, year, *key[1:]), 0.0)
                if abs(commitment.share.get(key, 0.0) - settled) > FIXED_DECISION_TOLERANCE:
                    yield f"H3 held_share: {key[1]} {key[2]} does not carry {settled:.9g} of {p}"
        for group in instance.offtake_groups:
            settled = fixed_decisions.offtake.get((p, year, group), 0.0)
            surplus = commitment.offtake.get((p, group), 0.0) - settled
            if group in fixed_decisions.groups and abs(surplus) > FIXED_DECISION_TOLERANCE:
                yield f"H4 held_offtake: {group} does not get {settled:.9g} of {p}"
            elif surplus < -FIXED_DECISION_TOLERANCE:
                yield f"H5 held_least: {group} gets less than {settled:.9g} of {p}"
    for h, settled_lots in fixed_decisions.buy.items():
        difference = np.abs(commitment.expected_purchases(instance, h) - settled_lots).max(
            initial=0.0
        )
        if difference > FIXED_DECISION_TOLERANCE * (1 + settled_lots.max(initial=0.0)):
            yield f"H6 held_purchase: {h} does not buy what was settled"
    for h, min_lots in fixed_decisions.min_total_purchases.items():
        lots = float(commitment.expected_purchases(instance, h).sum())
        if _exceeds(min_lots, lots):
            yield f"H7 held_least_purchase: {h} buys {lots:.9g} lots of at least {min_lots:.9g}"
