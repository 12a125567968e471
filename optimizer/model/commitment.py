"""First-stage decisions as plain numbers, independent of any model object."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.model.instance import CashFlows, Floats, Instance, InstrumentData

SHARE_TOLERANCE = 1e-7  # smaller relative deficits of a share are rounding


@dataclass(frozen=True, eq=False)
class Commitment:
    """First-stage decisions. Shares are of capex (of a price floor: of output), offtake is a share
    of output, purchases are lots per year (Y)."""

    start: dict[str, int] = field(default_factory=dict)  # start year of each project that is built
    share: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """By project, funder and instrument."""
    market: dict[str, float] = field(default_factory=dict)  # by project
    offtake: dict[tuple[str, str], float] = field(default_factory=dict)  # by project and group
    buy: dict[str, Floats] = field(default_factory=dict)  # by stockpile; none where absent
    floored: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Offtake that runs whatever the price, by project, group, funder and price floor."""
    branches: tuple["Commitment", ...] = ()
    """All decisions on each review branch of the instance; the fields above then contain those made
    before the review. Empty without a review, and where all branches are equal."""

    def on_branch(self, g: int | None) -> "Commitment":
        """Return the decisions on a review branch."""
        return self.branches[g] if self.branches and g is not None else self

    @property
    def branches_or_self(self) -> tuple["Commitment", ...]:
        """The decisions on each review branch, or these if there are none."""
        return self.branches or (self,)

    @property
    def earliest_starts(self) -> dict[str, int]:
        """Earliest start year, over all branches, of each project that is built on any."""
        starts = dict(self.start)
        for branch in self.branches:
            starts |= {p: min(year, starts.get(p, year)) for p, year in branch.start.items()}
        return starts

    def expected_purchases(self, instance: Instance, stockpile: str) -> Floats:
        """Return expected lots (Y) that a stockpile buys in each year, over all review branches."""
        total = np.zeros(len(instance.years))
        if not self.branches:
            return self.buy.get(stockpile, total)
        for probability, _, branch in weighted_branches(instance, self):
            total = total + probability * branch.buy.get(stockpile, 0.0)
        return total


def combine_branches(branches: Sequence[Commitment], instance: Instance) -> Commitment:
    """Combine the plans of review branches, which all decide the same before the review."""

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
    """Yield probability, instance and decisions of each review branch; a plan without any is
    one."""
    if not commitment.branches:
        yield 1.0, instance, commitment
        return
    for g, (branch, decisions) in enumerate(
        zip(instance.branches, commitment.branches, strict=True)
    ):
        yield branch.probability, instance.on_branch(g), decisions


def convert_lots(
    commitment: Commitment, source_lot_tonnes: Mapping[str, float], target: Instance
) -> Commitment:
    """Convert a commitment to an instance with other lot sizes. ``source_lot_tonnes`` are the
    tonnes in a lot of the commitment's instance."""
    lots_ratio = {
        h: source_lot_tonnes[stockpile.material] / target.lot_tonnes[stockpile.material]
        for h, stockpile in target.stockpiles.items()
    }
    return replace(
        commitment,
        buy={h: lots * lots_ratio[h] for h, lots in commitment.buy.items()},
        branches=tuple(
            convert_lots(branch, source_lot_tonnes, target) for branch in commitment.branches
        ),
    )


def clip_floored_offtake(
    floored: Mapping[tuple[str, str, str, str], float],
    offtake: Mapping[tuple[str, str], float],
    share: Mapping[tuple[str, str, str], float],
) -> dict[tuple[str, str, str, str], float]:
    """Clip floored output to the offtake of its group and the share of its price floor; solver
    tolerances may exceed them slightly."""
    clipped, offtake_left, share_left = {}, dict(offtake), dict(share)
    for (p, group, f, i), value in floored.items():
        floored_share = min(
            value, offtake_left.get((p, group), 0.0), share_left.get((p, f, i), 0.0)
        )
        if floored_share > 0:
            clipped[p, group, f, i] = floored_share
            offtake_left[p, group] -= floored_share
            share_left[p, f, i] -= floored_share
    return clipped


def planned_stock(instance: Instance, commitment: Commitment, stockpile: str) -> Floats:
    """Return lots (K) in a stockpile at each period's end if nothing is released (S2)."""
    data, n = instance.stockpiles[stockpile], instance.periods_per_year
    purchases = commitment.expected_purchases(instance, stockpile)
    planned, stock = np.zeros(len(instance.periods)), data.initial_lots
    for k in instance.periods:
        stock = data.retention * stock + purchases[k // n] / n
        planned[k] = stock
    return planned


def stock_cost(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> Floats:
    """Return undiscounted cost (Y, million EUR) of a stockpile, in total or of one funder."""
    data = instance.stockpiles[stockpile]
    planned = planned_stock(instance, commitment, stockpile)
    mean_stock = planned.reshape(len(instance.years), instance.periods_per_year).mean(axis=1)
    purchases = commitment.expected_purchases(instance, stockpile)
    buying, holding = data.buying_cost, data.holding_cost
    if funder is not None:
        buying, holding = data.costs_of_funder(funder)
    cost: Floats = buying * purchases + holding * mean_stock
    return cost


def funding_cash_flows(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, str, float, CashFlows]]:
    """Yield project, funder, instrument, share and the cash flows of a full share; shares on a
    review branch are weighted by its probability."""
    for probability, branch_instance, plan in weighted_branches(instance, commitment):
        for (p, f, i), share in plan.share.items():
            start = plan.start.get(p)
            if start is not None:
                yield p, f, i, probability * share, branch_instance.cash_flows(p, f, i, start)


def stock_payments(instance: Instance, commitment: Commitment) -> Iterator[tuple[str, Floats]]:
    """Yield each funder's undiscounted payments (Y, million EUR) for each stockpile."""
    for h, data in instance.stockpiles.items():
        for f in data.payers:
            yield f, stock_cost(instance, commitment, h, f)


def secured_output_premiums(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, Floats]]:
    """Yield project, funder and undiscounted premiums (Y, million EUR) for secured output; those on
    a review branch are weighted by its probability."""
    for probability, branch_instance, plan in weighted_branches(instance, commitment):
        for p, start in plan.start.items():
            offtake = math.fsum(x for (q, _), x in plan.offtake.items() if q == p)
            for f, premium in (
                branch_instance.premium_by_funder(p, start).items() if offtake > 0 else ()
            ):
                yield p, f, probability * offtake * premium


def expected_outlay(
    instance: Instance, commitment: Commitment, *, budget_charge_only: bool = False
) -> dict[str, Floats]:
    """Return undiscounted expected payments (Y, million EUR) of each funder for projects, secured
    output and stockpiles; or, including the contingency, the part that is charged to the budget."""
    outlay = {f: np.zeros(len(instance.years)) for f in instance.case.funders}
    for _, f, _, share, flows in funding_cash_flows(instance, commitment):
        charge = flows.instrument.budget_charge if budget_charge_only else 1.0
        outlay[f] = outlay[f] + charge * (
            share * (flows.budgeted_payments if budget_charge_only else flows.expected_payments)
        )
    for f, cost in stock_payments(instance, commitment):
        outlay[f] = outlay[f] + cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        charge = float(instance.case.funders[f].premium_charge) if budget_charge_only else 1.0
        outlay[f] = outlay[f] + charge * premium
    return outlay


def budget_use(instance: Instance, commitment: Commitment) -> dict[str, Floats]:
    """Return undiscounted use (Y, million EUR) of each funder's budget."""
    return expected_outlay(instance, commitment, budget_charge_only=True)


def budget_line_use(instance: Instance, commitment: Commitment) -> dict[tuple[str, str], Floats]:
    """Return undiscounted use (Y, million EUR) of each budget line, by funder and id; of guarantee
    stock the amount outstanding at the year's end."""
    use = {key: np.zeros(len(instance.years)) for key in instance.budget_lines}
    for _, f, _, share, flows in funding_cash_flows(instance, commitment):
        for id in flows.instrument.line_charges:
            use[f, id] = use[f, id] + share * flows.budget_line_use(instance.budget_lines[f, id])
    for f, cost in stock_payments(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                use[f, id] = use[f, id] + line.stock_charge * cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                use[f, id] = use[f, id] + line.premium_charge * premium
    return use


def stock_residual_value(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> float:
    """Return the discounted residual value (million EUR) of the planned stock: all of it, or the
    part of a funder who pays for purchases."""
    data = instance.stockpiles[stockpile]
    if data.end_value_per_lot == 0:
        return 0.0
    share = 1.0 if funder is None else data.purchase_paid_by.get(funder, 0.0)
    end_stock = float(planned_stock(instance, commitment, stockpile)[-1])
    return share * float(instance.discount_factor[-1]) * data.end_value_per_lot * end_stock


def residual_value(instance: Instance, commitment: Commitment) -> float:
    """Return the discounted residual value (million EUR) of stocks and projects."""
    total = 0.0
    for *_, share, flows in funding_cash_flows(instance, commitment):
        total += share * flows.residual_value
    return total + math.fsum(
        stock_residual_value(instance, commitment, h) for h in instance.stockpiles
    )


def net_cost(instance: Instance, commitment: Commitment) -> float:
    """Return the discounted net cost (million EUR) of all funders: payments minus repayments, plus
    premiums and stock costs, minus residual values."""
    total = 0.0
    for *_, share, flows in funding_cash_flows(instance, commitment):
        total += share * flows.net_cost
    for *_, premium in secured_output_premiums(instance, commitment):
        total += float(instance.discount_factor @ premium)
    for h in instance.stockpiles:
        total += float(instance.discount_factor @ stock_cost(instance, commitment, h))
        total -= stock_residual_value(instance, commitment, h)
    return total


def net_cost_by_funder(instance: Instance, commitment: Commitment) -> dict[str, float]:
    """Return the discounted net cost (million EUR) of each funder."""
    cost = dict.fromkeys(instance.case.funders, 0.0)
    for _, f, _, share, flows in funding_cash_flows(instance, commitment):
        cost[f] += share * flows.net_cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        cost[f] += float(instance.discount_factor @ premium)
    for f, paid in stock_payments(instance, commitment):
        cost[f] += float(instance.discount_factor @ paid)
    for h, data in instance.stockpiles.items():
        for f in data.purchase_paid_by:
            cost[f] -= stock_residual_value(instance, commitment, h, f)
    return cost


def weighted_cost(instance: Instance, commitment: Commitment) -> float:
    """Return the cost term of the objective."""
    weights = set(instance.cost_weights.values())
    if len(weights) <= 1:
        common_weight = weights.pop() if weights else float(instance.case.objective.cost_weight)
        return common_weight * net_cost(instance, commitment)
    cost_by_funder = net_cost_by_funder(instance, commitment)
    return math.fsum(weight * cost_by_funder[f] for f, weight in instance.cost_weights.items())


def drop_unused(instance: Instance, commitment: Commitment) -> Commitment:
    """Remove supports on which no decision depends, and projects without any use."""
    return drop_unused_projects(instance, drop_unused_supports(instance, commitment))


def weighted_damage(
    instance: Instance, expected_damage: float, cvar: float, by_consumer: Mapping[str, float]
) -> float:
    """Return the damage term of the objective from mean, CVaR and mean damage by consumer."""
    cvar_weight = float(instance.case.objective.cvar.weight)
    mean = expected_damage
    for consumer, consumer_weight in instance.damage_weights.items():
        mean += (consumer_weight - 1) * by_consumer[consumer]
    return (1 - cvar_weight) * mean + cvar_weight * cvar


def drop_unused_projects(instance: Instance, commitment: Commitment) -> Commitment:
    """Remove projects that nobody pays for, uses or requires. The model gains nothing by leaving
    out a project that the market pays in full, so a solution may contain useless ones."""
    projects = instance.case.projects
    needed = {*instance.case.policy.must_build, *instance.fixed_decisions.certain_starts}
    needed.update(required for p in commitment.start for required in projects[p].requires)
    useful = {p for p, _ in commitment.offtake}
    for p, *_, flows in funding_cash_flows(instance, commitment):
        if flows.instrument.carries_capex or flows.net_cost < 0:
            useful.add(p)
    start = {p: year for p, year in commitment.start.items() if p in useful or p in needed}
    market = {p: share for p, share in commitment.market.items() if p in start}
    share = {key: x for key, x in commitment.share.items() if key[0] in start}
    floored = {key: x for key, x in commitment.floored.items() if key[0] in start}
    return replace(commitment, start=start, market=market, share=share, floored=floored)


def drop_unused_supports(instance: Instance, commitment: Commitment) -> Commitment:
    """Remove subsidies and price floors on which no decision depends. A floor below every price
    costs nothing, so a solution may contain useless ones. Each support is reduced to what the
    market's share and the offtake need of it, or, if it has a minimum ticket, removed if nothing
    does. A support with negative net cost stays."""
    share = dict(commitment.share)
    for (p, f, i), current_share in commitment.share.items():
        instrument, start = instance.instrument_by_key[f, i], commitment.start.get(p)
        if instrument.carries_capex or start is None or f in instance.fixed_decisions.funders:
            continue
        if instance.cash_flows(p, f, i, start).net_cost < 0:
            continue
        other_shares = {key: x for key, x in share.items() if key != (p, f, i)}
        needed = _required_support_share(
            instance, replace(commitment, share=other_shares), p, instrument
        )
        if needed <= SHARE_TOLERANCE * instrument.max_share:
            share = other_shares
        elif instrument.ticket_min == 0:
            share[p, f, i] = min(current_share, needed)
    return replace(commitment, share=share)


def _required_support_share(
    instance: Instance, commitment_without: Commitment, p: str, instrument: InstrumentData
) -> float:
    """Return the share of an instrument that P3 and P6 require in addition to a commitment without
    it; infinite if no share suffices."""
    project = instance.projects[p]
    shares_by_instrument = {
        key[1:]: x for key, x in commitment_without.share.items() if key[0] == p
    }
    market_limit_gain = math.fsum(
        instance.instrument_by_key[key].market_finance_per_share * x
        for key, x in shares_by_instrument.items()
    )
    market = commitment_without.market.get(p, 0.0)
    per_share = instrument.market_finance_per_share
    deficits = [(market - project.market_finance_max - market_limit_gain, market, per_share)]
    for (q, group), offtake in commitment_without.offtake.items():
        if q == p and instrument in instance.offtake_instruments(p, group):
            offtake_right = instance.offtake_right(p, group, commitment_without.share)
            deficits.append((offtake - offtake_right, offtake, instrument.offtake_per_share))
    floored_share = math.fsum(
        x
        for (q, _, *instrument_key), x in commitment_without.floored.items()
        if (q, *instrument_key) == (p, *instrument.key)
    )
    deficits.append((floored_share, floored_share, 1.0))
    needed = [
        (deficit, gain_per_share)
        for deficit, total, gain_per_share in deficits
        if deficit > SHARE_TOLERANCE * total
    ]
    return max(
        (
            deficit / gain_per_share if gain_per_share > 0 else math.inf
            for deficit, gain_per_share in needed
        ),
        default=0.0,
    )
