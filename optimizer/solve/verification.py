"""Check of a commitment, independent of the solver.

Every rule of the first stage is checked again from the arrays of the instance, without Pyomo and
without the matrix that was solved. The recourse comes from :mod:`optimizer.solve.recourse`, which
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

RELATIVE_TOLERANCE = 2e-6  # of what a rule adds up or allows; the solver is asked for less
ABSOLUTE_TOLERANCE = 1e-30  # in any case: less than any figure of a file leads to
FIXED_DECISION_TOLERANCE = 1e-5  # of what others have settled, which has a little give (H3 to H6)


def check_commitment(instance: Instance, commitment: Commitment) -> None:
    """Check all rules P1 to H7 and V1. Raise CheckFailed with every rule that is broken and by how
    much."""
    broken = broken_rules(instance, commitment)
    if broken:
        raise CheckFailed("the solver's answer breaks " + "; ".join(broken))


def broken_rules(instance: Instance, commitment: Commitment) -> list[str]:
    """Return a description of every rule that a commitment breaks in any review branch: tag, name
    and amount of the violation.

    The rules are P1 to H7, and V1 (nonanticipativity).
    """
    if commitment.branches:
        found = list(_nonanticipativity_rules(instance, commitment))
        for g, own in enumerate(commitment.branches):
            found += broken_rules(instance.on_branch(g), own)
        return list(dict.fromkeys(found))
    of_projects = (
        _project_rules,
        _financing_rules,
        _offtake_rules,
        _stockpile_rules,
        _support_rules,
    )
    of_money = (
        _budget_rules,
        _budget_line_rules,
        _public_limit_rules,
        _country_rules,
        _fixed_decision_rules,
    )
    return [text for rule in (*of_projects, *of_money) for text in rule(instance, commitment)]


def _nonanticipativity_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    """Yield a description of each decision before the review that is not the same in all review
    branches."""
    if len(commitment.branches) != len(instance.branches):
        yield f"V1 review: {len(commitment.branches)} paths of {len(instance.branches)}"
        return
    for own in commitment.branches:
        early = combine_branches([own], instance)
        for name in ("start", "share", "market", "offtake", "floored"):
            here, there = getattr(early, name), getattr(commitment, name)
            for key in here.keys() | there.keys():
                if abs(here.get(key, 0.0) - there.get(key, 0.0)) > RELATIVE_TOLERANCE:
                    yield f"V1 review: {name} of {key} is not the same on all paths"
        for h, pile in instance.stockpiles.items():
            bought = [np.asarray(x.buy.get(h, 0.0)) for x in (early, commitment)]
            most = max(float(np.max(pile.max_stock)) if np.isfinite(pile.max_stock) else 1.0, 1.0)
            if np.max(np.abs(bought[0] - bought[1])) > RELATIVE_TOLERANCE * most:
                yield f"V1 review: purchases of {h} are not the same on all paths"


def _exceeds(left: float, right: float, scale: float = 0.0) -> bool:
    """Return whether ``left`` exceeds ``right`` by more than the tolerance.

    The tolerance is relative to the largest of both values and of ``scale``, the size of the other
    terms of the rule.
    """
    size = max(abs(left), abs(scale), 0.0 if math.isinf(right) else abs(right))
    return left - right > RELATIVE_TOLERANCE * size + ABSOLUTE_TOLERANCE


def _project_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    case, start = instance.case, commitment.start
    for p, year in start.items():
        if year not in instance.projects[p].start_years:
            yield f"P1 start_once: {p} cannot start in {year}"
        for other in case.projects[p].requires:
            if start.get(other, math.inf) > year:
                yield f"P9 requires: {p} needs {other} by {year}"
        for other in case.projects[p].excludes:
            if other in start:
                yield f"P9 excludes: {p} and {other}"
    for p in case.policy.must_build:
        if p not in start:
            yield f"P9 must_build: {p}"
    for p in case.policy.must_not_build:
        if p in start:
            yield f"P9 must_not_build: {p}"
    for year, most in case.policy.max_starts_by_year.items():
        if (count := list(start.values()).count(year)) > most:
            yield f"P9 starts_by_year: {count} are started in {year}"
    limit = case.policy.max_projects
    if limit is not None and len(start) > limit:
        yield f"P9 max_projects: {len(start)} are built"


def _financing_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    shares = commitment.share
    for p, f, i in shares:
        if p not in commitment.start or p not in instance.instrument_by_key[f, i].eligible_projects:
            yield f"P4 share_limit: {f} {i} takes part in {p}"
    for p in commitment.start:
        project = instance.projects[p]
        market = commitment.market.get(p, 0.0)
        carried = {key: share for key, share in shares.items() if key[0] == p}
        if min([market, *carried.values()]) < -RELATIVE_TOLERANCE:
            yield f"P2 fully_financed: a share of {p} is negative"
        total, most = market, project.market_finance_max
        for (_, f, i), share in carried.items():
            instrument = instance.instrument_by_key[f, i]
            total += share if instrument.carries_capex else 0.0
            most += instrument.market_finance_per_share * share
        if abs(total - 1) > RELATIVE_TOLERANCE:
            yield f"P2 fully_financed: shares of {p} add up to {total:.9g}"
        if _exceeds(market, most):
            yield f"P3 market_finance_limit: the market carries {market:.9g} of {p}"
        for (_, f, i), share in carried.items():
            ticket, instrument = project.capex * share, instance.instrument_by_key[f, i]
            if _exceeds(share, instrument.max_share):
                yield f"P4 share_limit: {f} {i} carries {share:.9g} of {p}"
            if share > RELATIVE_TOLERANCE * instrument.max_share and _exceeds(
                instrument.ticket_min, ticket, project.capex
            ):
                yield f"P5 ticket_min: {f} {i} puts {ticket:.9g} into {p}"
            if _exceeds(ticket, instrument.ticket_max, project.capex):
                yield f"P5 ticket_max: {f} {i} puts {ticket:.9g} into {p}"


def _support_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for p in commitment.start:
        subsidized, covered = 0.0, dict.fromkeys(instance.projects[p].output, 0.0)
        for (q, f, i), share in commitment.share.items():
            instrument = instance.instrument_by_key[f, i]
            if q == p and instrument.type.subsidizes_loans:
                subsidized += share
            for material in instrument.floor_prices if q == p else ():
                if material in covered:
                    covered[material] += share
        if _exceeds(subsidized, commitment.market.get(p, 0.0)):
            yield f"P3 subsidized_loan_limit: {subsidized:.9g} of {p} is a subsidized loan"
        for material, share in covered.items():
            if _exceeds(share, 1.0):
                yield f"P3 price_floor_limit: {share:.9g} of the {material} of {p} has a floor"


def _offtake_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for p in commitment.start:
        project = instance.projects[p]
        held = {g: x for (q, g), x in commitment.offtake.items() if q == p}
        for group, offtake in held.items():
            right = instance.offtake_right(p, group, commitment.share)
            if _exceeds(offtake, right) or offtake < -RELATIVE_TOLERANCE:
                yield f"P6 offtake_right: {group} gets {offtake:.9g} of {p}, not {right:.9g}"
        if _exceeds(math.fsum(held.values()), project.offtake_max):
            yield f"P6 offtake_limit: {math.fsum(held.values()):.9g} of {p} is reserved"
    under: dict[tuple[str, ...], float] = {}
    for (p, group, f, i), x in commitment.floored.items():
        if x < -RELATIVE_TOLERANCE or instance.instrument_by_key[f, i] not in instance.price_floors(
            p
        ):
            yield f"P6 floored_offtake: {f} {i} is no price floor of {p} for {group}"
        for own in ((p, f, i), (p, group)):
            under[own] = under.get(own, 0.0) + x
    for key, x in under.items():
        limits: Mapping[Any, float] = commitment.share if len(key) == 3 else commitment.offtake
        most = limits.get(key, 0.0)
        rule = "floored_offtake" if len(key) == 3 else "floored_limit"
        if _exceeds(x, most):
            yield f"P6 {rule}: {x:.9g} of {most:.9g} runs under floors: {', '.join(key)}"
    for p, group in commitment.offtake:
        if p not in commitment.start:
            yield f"P6 offtake_right: {group} gets output of {p}, which is not built"


def _stockpile_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for h, pile in instance.stockpiles.items():
        bought, planned = (
            commitment.expected_purchases(instance, h),
            planned_stock(instance, commitment, h),
        )
        at_end = planned[instance.periods_per_year - 1 :: instance.periods_per_year]
        for y, year in enumerate(instance.years):
            if bought[y] < -RELATIVE_TOLERANCE or _exceeds(bought[y], pile.max_purchase[y]):
                yield f"S1 purchase_limit: {h} buys {bought[y]:.9g} lots in {year}"
            if pile.min_stock[y] > 0 and _exceeds(pile.min_stock[y], at_end[y]):
                yield f"S4 days_of_demand: {h} holds {at_end[y]:.9g} lots at the end of {year}"
        if _exceeds(float(planned.max()), pile.max_stock):
            yield f"S3 storage_limit: {h} holds {planned.max():.9g} lots"


def _budget_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    used = budget_use(instance, commitment)
    for f, funder in instance.case.funders.items():
        total, yearly = float(used[f].sum()), funder.budget_by_year_meur
        if funder.budget_meur is not None and _exceeds(total, funder.budget_meur):
            yield f"B1 funder_budget: {f} spends {total:.9g}"
        if yearly is not None:
            granted = [float(yearly.get(year, 0.0)) for year in instance.years]
            for y in _overspent_years(used[f], granted, funder.carry_over):
                spent, year = used[f][y], instance.years[y]
                yield f"B1 funder_budget_by_year: {f} spends {spent:.9g} in {year}"
    limit = instance.case.policy.budget_meur
    public = math.fsum(float(used[f].sum()) for f in instance.public_funders)
    if limit is not None and _exceeds(public, limit):
        yield f"B2 public_budget: public funders spend {public:.9g}"


def _budget_line_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    for (f, id), used in budget_line_use(instance, commitment).items():
        line, total = instance.budget_lines[f, id], float(used.sum())
        if line.kind == "guarantee_stock":
            for year, x, limit in zip(instance.years, used, line.guarantee_limit, strict=True):
                if _exceeds(float(x), float(limit)):
                    yield f"B4 guarantee_stock_limit: {x:.9g} of {id} is outstanding in {year}"
        elif _exceeds(total, line.total):
            yield f"B3 budget_line_total: {f} uses {total:.9g} of {id}"
        if line.yearly_budget is not None:
            for y in _overspent_years(used, line.yearly_budget, line.carry_over):
                year = instance.years[y]
                yield f"B3 budget_line_by_year: {f} uses {used[y]:.9g} of {id} in {year}"


def _overspent_years(
    used: Floats, granted: Sequence[float] | Floats, carry_over: bool
) -> Iterator[int]:
    """Yield the indices of years in which more is used than granted. With ``carry_over``, unused
    amounts of earlier years are available as well."""
    left, total = 0.0, float(used.sum())
    for y, (x, grant) in enumerate(zip(used, granted, strict=True)):
        available = float(grant) + (left if carry_over else 0.0)
        if _exceeds(float(x), available, total if carry_over else 0.0):
            yield y
        left = max(0.0, available - float(x))


def _public_limit_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    policy = instance.case.policy
    for p in commitment.start:
        capex = instance.projects[p].capex
        own = {k[1:]: share for k, share in commitment.share.items() if k[0] == p}
        held = [(instance.instrument_by_key[key], x) for key, x in own.items()]
        public = math.fsum(x for i, x in held if i.funder_kind == "public" and i.carries_capex)
        if policy.max_public_share is not None and _exceeds(public, policy.max_public_share):
            yield f"P7 public_share_limit: public funders carry {public:.9g} of {p}"
        if policy.state_aid is None:
            continue
        start = commitment.start[p]
        aid = math.fsum(
            x * i.grant_equivalent * instance.cash_flows(p, i.funder, i.id, start).state_aid_base
            for i, x in held
        )
        intensity, most = policy.state_aid.max_intensity, policy.state_aid.max_meur
        if (intensity is not None and _exceeds(aid, intensity * capex, capex)) or (
            most is not None and _exceeds(aid, most, capex)
        ):
            yield f"P8 state_aid_limit: {p} gets {aid:.9g} of aid"


def _country_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    limit = instance.case.policy.max_country_share
    if limit is None:
        return
    for (material, country), supply in instance.supply.items():
        if country in limit.except_ or not (limit.materials is None or material in limit.materials):
            continue
        need = instance.need[material]
        needed = supply - float(limit.limit) * need
        reserved = np.zeros(len(instance.years))
        for (p, _group), offtake in commitment.offtake.items():
            project = instance.projects[p]
            if material in project.output and project.country != country:
                running = project.running_shares(instance.years, commitment.start[p])
                reserved = reserved + project.output[material] * offtake * running
        for y, year in enumerate(instance.years):
            counts = (limit.from_year is None or year >= limit.from_year) and needed[
                y
            ] > COVERAGE_TOLERANCE
            if counts and _exceeds(float(needed[y]), float(reserved[y]), need[y]):
                yield f"G1 country_share_limit: {material} from {country} in {year}"


def _fixed_decision_rules(instance: Instance, commitment: Commitment) -> Iterator[str]:
    held, start = instance.fixed_decisions, commitment.start
    for own in instance.stakes:
        carried = started = 0.0
        for p in own.projects:
            if p in start:
                capex = instance.projects[p].capex if len(own.projects) > 1 else 1.0
                started += capex
                carried += capex * math.fsum(
                    share
                    for (q, f, i), share in commitment.share.items()
                    if q == p
                    and f in own.funders
                    and instance.instrument_by_key[f, i].carries_capex
                )
        if abs(carried - own.share * started) > RELATIVE_TOLERANCE * started + ABSOLUTE_TOLERANCE:
            yield f"H1 stake: {', '.join(own.funders)} carry {carried:.9g} of {started:.9g}"
    for p, year in held.certain_starts.items():
        if start.get(p) != year:
            yield f"H2 held_start: {p} does not start in {year}"
    for p, year in start.items():
        for key in instance.tickets:
            settles = key[1] in held.funders and instance.instrument_by_key[key[1:]].max_share > 0
            if key[0] == p and settles:
                settled = held.share.get((p, year, *key[1:]), 0.0)
                if abs(commitment.share.get(key, 0.0) - settled) > FIXED_DECISION_TOLERANCE:
                    yield f"H3 held_share: {key[1]} {key[2]} does not carry {settled:.9g} of {p}"
        for group in instance.offtake_groups:
            settled = held.offtake.get((p, year, group), 0.0)
            surplus = commitment.offtake.get((p, group), 0.0) - settled
            if group in held.groups and abs(surplus) > FIXED_DECISION_TOLERANCE:
                yield f"H4 held_offtake: {group} does not get {settled:.9g} of {p}"
            elif surplus < -FIXED_DECISION_TOLERANCE:
                yield f"H5 held_least: {group} gets less than {settled:.9g} of {p}"
    for h, settled_lots in held.buy.items():
        apart = np.abs(commitment.expected_purchases(instance, h) - settled_lots).max(initial=0.0)
        if apart > FIXED_DECISION_TOLERANCE * (1 + settled_lots.max(initial=0.0)):
            yield f"H6 held_purchase: {h} does not buy what was settled"
    for h, least in held.min_total_purchases.items():
        lots = float(commitment.expected_purchases(instance, h).sum())
        if _exceeds(least, lots):
            yield f"H7 held_least_purchase: {h} buys {lots:.9g} lots of at least {least:.9g}"
