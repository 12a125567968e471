"""The first-stage decisions as plain numbers, apart from any model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.model.instance import CashFlows, Floats, Instance, InstrumentData

SHARE_TOLERANCE = 1e-7  # a share that is lacking by less is rounding


@dataclass(frozen=True, eq=False)
class Commitment:
    """What is decided before the state of the world is known. Shares are of capex (of a price
    floor: of output), offtake is a share of output, purchases are lots per year (Y)."""

    start: dict[str, int] = field(default_factory=dict)  # start year of each project that is built
    share: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """By project, funder and instrument."""
    market: dict[str, float] = field(default_factory=dict)  # by project
    offtake: dict[tuple[str, str], float] = field(default_factory=dict)  # by project and group
    buy: dict[str, Floats] = field(default_factory=dict)  # by stockpile; none where absent
    floored: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Offtake that runs whatever the price, by project, group, funder and price floor."""
    branches: tuple["Commitment", ...] = ()
    """What is decided in all on each path that the instance has; what is decided before the review
    then stands above. None without a review, and where all paths are alike."""

    def on_branch(self, g: int | None) -> "Commitment":
        """What is decided on a path."""
        return self.branches[g] if self.branches and g is not None else self

    @property
    def branches_or_self(self) -> tuple["Commitment", ...]:
        """What is decided on each path, or in any case."""
        return self.branches or (self,)

    @property
    def earliest_starts(self) -> dict[str, int]:
        """The start year of each project that is built on any path, the earliest."""
        found = dict(self.start)
        for own in self.branches:
            found |= {p: min(year, found.get(p, year)) for p, year in own.start.items()}
        return found

    def expected_purchases(self, instance: Instance, stockpile: str) -> Floats:
        """(Y) lots that a stockpile buys in each year, as expected over all paths."""
        total = np.zeros(len(instance.years))
        if not self.branches:
            return self.buy.get(stockpile, total)
        for chance, _, own in weighted_branches(instance, self):
            total = total + chance * own.buy.get(stockpile, 0.0)
        return total


def combine_branches(branches: Sequence[Commitment], instance: Instance) -> Commitment:
    """The plan that goes these paths, on all of which it decides the same before the review."""

    def early(p: str) -> bool:
        return p in first.start and instance.is_decided_before_review(first.start[p])

    first = branches[0]
    start = {p: year for p, year in first.start.items() if early(p)}
    common = np.array([instance.is_decided_before_review(year) for year in instance.years])
    return Commitment(
        start=start,
        share={key: x for key, x in first.share.items() if key[0] in start},
        market={p: x for p, x in first.market.items() if p in start},
        offtake={key: x for key, x in first.offtake.items() if key[0] in start},
        buy={h: lots * common for h, lots in first.buy.items() if (lots * common).any()},
        floored={key: x for key, x in first.floored.items() if key[0] in start},
        branches=tuple(branches),
    )


def weighted_branches(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[float, Instance, Commitment]]:
    """What is decided on each path, and with which chance; a plan without paths is by itself."""
    if not commitment.branches:
        yield 1.0, instance, commitment
        return
    for g, (path, own) in enumerate(zip(instance.branches, commitment.branches, strict=True)):
        yield path.probability, instance.on_branch(g), own


def convert_lots(
    commitment: Commitment, source_lot_tonnes: Mapping[str, float], target: Instance
) -> Commitment:
    """The same tonnes and shares in another instance, whose lots may be of another size; ``lots``
    are tonnes in a lot where the commitment is from."""
    size = {
        h: source_lot_tonnes[x.material] / target.lot_tonnes[x.material]
        for h, x in target.stockpiles.items()
    }
    return replace(
        commitment,
        buy={h: bought * size[h] for h, bought in commitment.buy.items()},
        branches=tuple(convert_lots(own, source_lot_tonnes, target) for own in commitment.branches),
    )


def clip_floored_offtake(
    floored: Mapping[tuple[str, str, str, str], float],
    offtake: Mapping[tuple[str, str], float],
    share: Mapping[tuple[str, str, str], float],
) -> dict[tuple[str, str, str, str], float]:
    """What runs under price floors, without the trace that the solver takes beyond the offtake of a
    group and the share of a floor."""
    kept, of_offtake, of_share = {}, dict(offtake), dict(share)
    for (p, group, f, i), value in floored.items():
        least = min(value, of_offtake.get((p, group), 0.0), of_share.get((p, f, i), 0.0))
        if least > 0:
            kept[p, group, f, i] = least
            of_offtake[p, group] -= least
            of_share[p, f, i] -= least
    return kept


def planned_stock(instance: Instance, commitment: Commitment, stockpile: str) -> Floats:
    """(K) lots at each period's end if nothing is released (S2)."""
    pile, n = instance.stockpiles[stockpile], instance.periods_per_year
    bought = commitment.expected_purchases(instance, stockpile)
    planned, stock = np.zeros(len(instance.periods)), pile.initial_lots
    for k in instance.periods:
        stock = pile.retention * stock + bought[k // n] / n
        planned[k] = stock
    return planned


def stock_cost(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> Floats:
    """(Y) million EUR that a stockpile costs, undiscounted: whoever pays, or one funder."""
    pile = instance.stockpiles[stockpile]
    planned = planned_stock(instance, commitment, stockpile)
    mean = planned.reshape(len(instance.years), instance.periods_per_year).mean(axis=1)
    bought = commitment.expected_purchases(instance, stockpile)
    buying, holding = pile.buying_cost, pile.holding_cost
    if funder is not None:
        buying, holding = pile.costs_of_funder(funder)
    cost: Floats = buying * bought + holding * mean
    return cost


def funding_cash_flows(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, str, float, CashFlows]]:
    """Every share in what is built, and what a whole one moves; a share on a path counts by the
    chance of that."""
    for chance, own, plan in weighted_branches(instance, commitment):
        for (p, f, i), share in plan.share.items():
            start = plan.start.get(p)
            if start is not None:
                yield p, f, i, chance * share, own.cash_flows(p, f, i, start)


def stock_payments(instance: Instance, commitment: Commitment) -> Iterator[tuple[str, Floats]]:
    """(Y) million EUR that funders pay for stockpiles, undiscounted."""
    for h, pile in instance.stockpiles.items():
        for f in pile.payers:
            yield f, stock_cost(instance, commitment, h, f)


def secured_output_premiums(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, Floats]]:
    """(Y) million EUR above the market that funders pay for secured output, undiscounted, by
    project and funder; what is paid on a path counts by the chance of that."""
    for chance, own, plan in weighted_branches(instance, commitment):
        for p, start in plan.start.items():
            offtake = math.fsum(x for (q, _), x in plan.offtake.items() if q == p)
            for f, paid in own.premium_by_funder(p, start).items() if offtake > 0 else ():
                yield p, f, chance * offtake * paid


def expected_outlay(
    instance: Instance, commitment: Commitment, *, budget_charge_only: bool = False
) -> dict[str, Floats]:
    """(Y) million EUR that each funder is expected to pay for projects, secured output and
    stockpiles, undiscounted; or what of it, with the contingency, is ``charged`` to the budget."""
    paid = {f: np.zeros(len(instance.years)) for f in instance.case.funders}
    for _, f, _, share, money in funding_cash_flows(instance, commitment):
        part = money.instrument.budget_charge if budget_charge_only else 1.0
        paid[f] = paid[f] + part * (
            share * (money.budgeted_payments if budget_charge_only else money.expected_payments)
        )
    for f, cost in stock_payments(instance, commitment):
        paid[f] = paid[f] + cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        part = float(instance.case.funders[f].premium_charge) if budget_charge_only else 1.0
        paid[f] = paid[f] + part * premium
    return paid


def budget_use(instance: Instance, commitment: Commitment) -> dict[str, Floats]:
    """(Y) million EUR of each funder's budget that is used, undiscounted."""
    return expected_outlay(instance, commitment, budget_charge_only=True)


def budget_line_use(instance: Instance, commitment: Commitment) -> dict[tuple[str, str], Floats]:
    """(Y) million EUR of each budget line, by funder and id: what is used of it in a year; of
    guarantee stock, what is outstanding at the year's end."""
    used = {key: np.zeros(len(instance.years)) for key in instance.budget_lines}
    for _, f, _, share, money in funding_cash_flows(instance, commitment):
        for id in money.instrument.line_charges:
            used[f, id] = used[f, id] + share * money.budget_line_use(instance.budget_lines[f, id])
    for f, cost in stock_payments(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                used[f, id] = used[f, id] + line.stock_charge * cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                used[f, id] = used[f, id] + line.premium_charge * premium
    return used


def stock_residual_value(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> float:
    """Discounted million EUR that the planned stock at the end counts for: in all, or the part of
    a funder who pays for purchases."""
    pile = instance.stockpiles[stockpile]
    if pile.end_value_per_lot == 0:
        return 0.0
    part = 1.0 if funder is None else pile.purchase_paid_by.get(funder, 0.0)
    left = float(planned_stock(instance, commitment, stockpile)[-1])
    return part * float(instance.discount_factor[-1]) * pile.end_value_per_lot * left


def residual_value(instance: Instance, commitment: Commitment) -> float:
    """Discounted million EUR that stocks and projects count for at the end of the horizon."""
    total = 0.0
    for *_, share, money in funding_cash_flows(instance, commitment):
        total += share * money.residual_value
    return total + math.fsum(
        stock_residual_value(instance, commitment, h) for h in instance.stockpiles
    )


def net_cost(instance: Instance, commitment: Commitment) -> float:
    """Discounted million EUR: money put up less what comes back, premiums and stocks, whoever pays;
    less what counts at the end."""
    total = 0.0
    for *_, share, money in funding_cash_flows(instance, commitment):
        total += share * money.net_cost
    for *_, premium in secured_output_premiums(instance, commitment):
        total += float(instance.discount_factor @ premium)
    for h in instance.stockpiles:
        total += float(instance.discount_factor @ stock_cost(instance, commitment, h))
        total -= stock_residual_value(instance, commitment, h)
    return total


def net_cost_by_funder(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Discounted million EUR of each funder: money put up less what comes back, premiums and
    stocks; less what counts at the end."""
    cost = dict.fromkeys(instance.case.funders, 0.0)
    for _, f, _, share, money in funding_cash_flows(instance, commitment):
        cost[f] += share * money.net_cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        cost[f] += float(instance.discount_factor @ premium)
    for f, paid in stock_payments(instance, commitment):
        cost[f] += float(instance.discount_factor @ paid)
    for h, pile in instance.stockpiles.items():
        for f in pile.purchase_paid_by:
            cost[f] -= stock_residual_value(instance, commitment, h, f)
    return cost


def weighted_cost(instance: Instance, commitment: Commitment) -> float:
    """What the net cost adds to the objective."""
    weights = set(instance.cost_weights.values())
    if len(weights) <= 1:
        alike = weights.pop() if weights else float(instance.case.objective.cost_weight)
        return alike * net_cost(instance, commitment)
    own = net_cost_by_funder(instance, commitment)
    return math.fsum(weight * own[f] for f, weight in instance.cost_weights.items())


def drop_unused(instance: Instance, commitment: Commitment) -> Commitment:
    """The same commitment without supports that nothing rests on, and projects for no use."""
    return drop_unused_projects(instance, drop_unused_supports(instance, commitment))


def weighted_damage(
    instance: Instance, expected_damage: float, cvar: float, by_consumer: Mapping[str, float]
) -> float:
    """What damage adds to the objective, by its mean, its tail and what falls on each consumer."""
    weight = float(instance.case.objective.cvar.weight)
    mean = expected_damage
    for consumer, counts in instance.damage_weights.items():
        mean += (counts - 1) * by_consumer[consumer]
    return (1 - weight) * mean + weight * cvar


def drop_unused_projects(instance: Instance, commitment: Commitment) -> Commitment:
    """The same commitment without projects that nobody pays for, wants or needs. A project that the
    market pays in full costs nothing here, so that building it for no use is no worse than leaving
    it; a plan does not name it."""
    projects = instance.case.projects
    needed = {*instance.case.policy.must_build, *instance.fixed_decisions.certain_starts}
    needed.update(other for p in commitment.start for other in projects[p].requires)
    used = {p for p, _ in commitment.offtake}
    for p, *_, money in funding_cash_flows(instance, commitment):
        if money.instrument.carries_capex or money.net_cost < 0:
            used.add(p)
    start = {p: year for p, year in commitment.start.items() if p in used or p in needed}
    market = {p: share for p, share in commitment.market.items() if p in start}
    share = {key: x for key, x in commitment.share.items() if key[0] in start}
    floored = {key: x for key, x in commitment.floored.items() if key[0] in start}
    return replace(commitment, start=start, market=market, share=share, floored=floored)


def drop_unused_supports(instance: Instance, commitment: Commitment) -> Commitment:
    """The same commitment without subsidies and price floors that nothing rests on. A floor below
    every price costs nothing, so that a share of it is no worse than none. Each support falls to
    what the market's share and the output reserved need of it, or, where it has a least ticket,
    away if nothing does. One that earns more than it costs stays."""
    share = dict(commitment.share)
    for (p, f, i), held in commitment.share.items():
        instrument, start = instance.instrument_by_key[f, i], commitment.start.get(p)
        if instrument.carries_capex or start is None or f in instance.fixed_decisions.funders:
            continue
        if instance.cash_flows(p, f, i, start).net_cost < 0:
            continue
        rest = {key: x for key, x in share.items() if key != (p, f, i)}
        needed = _required_support_share(instance, replace(commitment, share=rest), p, instrument)
        if needed <= SHARE_TOLERANCE * instrument.max_share:
            share = rest
        elif instrument.ticket_min == 0:
            share[p, f, i] = min(held, needed)
    return replace(commitment, share=share)


def _required_support_share(
    instance: Instance, commitment_without: Commitment, p: str, instrument: InstrumentData
) -> float:
    """Share of an instrument that a commitment without it lacks in P3 and P6; infinite where no
    share would do."""
    project = instance.projects[p]
    others = {key[1:]: x for key, x in commitment_without.share.items() if key[0] == p}
    lent = math.fsum(
        instance.instrument_by_key[key].market_finance_per_share * x for key, x in others.items()
    )
    market = commitment_without.market.get(p, 0.0)
    per_share = instrument.market_finance_per_share
    lacking = [(market - project.market_finance_max - lent, market, per_share)]
    for (q, group), offtake in commitment_without.offtake.items():
        if q == p and instrument in instance.offtake_instruments(p, group):
            held = instance.offtake_right(p, group, commitment_without.share)
            lacking.append((offtake - held, offtake, instrument.offtake_per_share))
    kept = math.fsum(
        x
        for (q, _, *own), x in commitment_without.floored.items()
        if (q, *own) == (p, *instrument.key)
    )
    lacking.append((kept, kept, 1.0))
    needed = [(lack, each) for lack, whole, each in lacking if lack > SHARE_TOLERANCE * whole]
    return max((lack / each if each > 0 else math.inf for lack, each in needed), default=0.0)
