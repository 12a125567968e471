"""First-stage decisions as plain numbers, without any object of the model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.model.instance import CashFlows, Floats, Instance, InstrumentData

SHARE_TOLERANCE = 1e-7  # smaller relative deficits of a share are rounding


@dataclass(frozen=True, eq=False)
class Commitment:
    """First-stage decisions. Shares are shares of a project's capex, those of price floors and
    offtake are shares of its output. Purchases are lots in each year (Y)."""

    start: dict[str, int] = field(default_factory=dict)  # start year of each project that is built
    share: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """By project, funder and instrument."""
    market: dict[str, float] = field(default_factory=dict)  # by project
    offtake: dict[tuple[str, str], float] = field(default_factory=dict)  # by project and group
    buy: dict[str, Floats] = field(default_factory=dict)  # by stockpile; none where absent
    floored: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Offtake that a price floor keeps running, by project, group, funder and price floor."""
    branches: tuple["Commitment", ...] = ()
    """All decisions on each review branch of the instance; the fields above then contain those made
    before the review. Empty without a review, and where all branches are equal."""

    def on_branch(self, g: int | None) -> "Commitment":
        """Return the decisions on review branch ``g``; self if g is None or without branches."""
        return self.branches[g] if self.branches and g is not None else self

    @property
    def earliest_starts(self) -> dict[str, int]:
        """Start year of each project that is built on any review branch; the earliest one if
        branches differ."""
        starts = dict(self.start)
        for branch in self.branches:
            starts |= {p: min(year, starts.get(p, year)) for p, year in branch.start.items()}
        return starts

    def expected_purchases(self, instance: Instance, stockpile: str) -> Floats:
        """Return the lots that a stockpile buys in each year (Y), as expected value over the review
        branches."""
        total = np.zeros(len(instance.years))
        if not self.branches:
            return self.buy.get(stockpile, total)
        for probability, _, branch in weighted_branches(instance, self):
            total = total + probability * branch.buy.get(stockpile, 0.0)
        return total


def decision_values(instance: Instance, plan: Commitment) -> dict[tuple[str, Any], float]:
    """Return the values of a plan's decisions, without review branches, by component and index of
    the formulation. All other decisions are 0."""
    start, values = plan.start, dict[tuple[str, Any], float]()
    for p, year in start.items():
        values["start", (p, year)] = 1.0
        values["market", (p, year)] = plan.market.get(p, 0.0)
    for (p, f, i), share in plan.share.items():
        if p in start:
            values["share", (p, f, i, start[p])] = share
            values["takes_part", (p, f, i)] = 1.0
    for (p, group), share in plan.offtake.items():
        values["offtake", (p, start.get(p), group)] = share
    for (p, group, f, i), share in plan.floored.items():
        values["floored", (p, start.get(p), group, f, i)] = share
    for h, lots in plan.buy.items():
        values |= {
            ("buy", (h, year)): float(x) for year, x in zip(instance.years, lots, strict=True)
        }
    return values


def combine_branches(branches: Sequence[Commitment], instance: Instance) -> Commitment:
    """Combine the plans of all review branches, whose decisions before the review are equal, into
    one commitment."""

    def is_early(p: str) -> bool:
        return p in first_branch.start and instance.is_decided_before_review(first_branch.start[p])

    first_branch = branches[0]
    early_starts = {p: year for p, year in first_branch.start.items() if is_early(p)}
    is_early_year = np.array([instance.is_decided_before_review(year) for year in instance.years])
    return Commitment(
        start=early_starts,
        share={key: x for key, x in first_branch.share.items() if key[0] in early_starts},
        market={p: x for p, x in first_branch.market.items() if p in early_starts},
        offtake={key: x for key, x in first_branch.offtake.items() if key[0] in early_starts},
        buy={
            h: lots * is_early_year
            for h, lots in first_branch.buy.items()
            if (lots * is_early_year).any()
        },
        floored={key: x for key, x in first_branch.floored.items() if key[0] in early_starts},
        branches=tuple(branches),
    )


def weighted_branches(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[float, Instance, Commitment]]:
    """Yield probability, instance and decisions for each review branch. A plan without branches is
    yielded once, with probability 1."""
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
    """Return a commitment with its lots converted to the lot sizes of the instance ``target``.
    ``source_lot_tonnes`` has the present lot size in tonnes by material."""
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
    """Return floored offtake, limited to the offtake of its group and to the share of its price
    floor. Within the solver's tolerances it can exceed them slightly."""
    clipped_offtake, offtake_left, share_left = {}, dict(offtake), dict(share)
    for (p, group, f, i), value in floored.items():
        floored_share = min(
            value, offtake_left.get((p, group), 0.0), share_left.get((p, f, i), 0.0)
        )
        if floored_share > 0:
            clipped_offtake[p, group, f, i] = floored_share
            offtake_left[p, group] -= floored_share
            share_left[p, f, i] -= floored_share
    return clipped_offtake


def planned_stock(instance: Instance, commitment: Commitment, stockpile: str) -> Floats:
    """Return the planned stock (S2): lots in a stockpile at the end of each period (K) if nothing
    is released, as expected value over the review branches."""
    data, n = instance.stockpiles[stockpile], instance.periods_per_year
    purchases = commitment.expected_purchases(instance, stockpile)
    stock_by_period, stock = np.zeros(len(instance.periods)), data.initial_lots
    for k in instance.periods:
        stock = data.retention * stock + purchases[k // n] / n
        stock_by_period[k] = stock
    return stock_by_period


def stock_cost(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> Floats:
    """Return the undiscounted yearly cost (Y, million EUR) of a stockpile, or a funder's part."""
    data = instance.stockpiles[stockpile]
    stock_by_period = planned_stock(instance, commitment, stockpile)
    mean_stock = stock_by_period.reshape(len(instance.years), instance.periods_per_year).mean(
        axis=1
    )
    purchases = commitment.expected_purchases(instance, stockpile)
    buying_cost, holding_cost = data.buying_cost, data.holding_cost
    if funder is not None:
        buying_cost, holding_cost = data.costs_of_funder(funder)
    cost: Floats = buying_cost * purchases + holding_cost * mean_stock
    return cost


def funding_cash_flows(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, str, float, CashFlows]]:
    """Yield project, funder, instrument, share, and the cash flows that a share of 1 would have,
    for each share in the plan. A share on a review branch is multiplied by the probability of the
    branch."""
    for probability, branch_instance, plan in weighted_branches(instance, commitment):
        for (p, f, i), share in plan.share.items():
            start = plan.start.get(p)
            if start is not None:
                yield p, f, i, probability * share, branch_instance.cash_flows(p, f, i, start)


def stock_payments(instance: Instance, commitment: Commitment) -> Iterator[tuple[str, Floats]]:
    """Yield, for each stockpile and each funder that pays for it, the funder and its undiscounted
    payments in each year (Y, million EUR)."""
    for h, data in instance.stockpiles.items():
        for f in data.payers:
            yield f, stock_cost(instance, commitment, h, f)


def secured_output_premiums(
    instance: Instance, commitment: Commitment
) -> Iterator[tuple[str, str, Floats]]:
    """Yield project, funder and the undiscounted premiums for secured output in each year (Y,
    million EUR). Premiums on a review branch are multiplied by the probability of the branch."""
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
    """Return the undiscounted expected payments of each funder in each year (Y, million EUR) for
    projects, secured output and stockpiles. With ``budget_charge_only`` return the part that is
    charged to the funder's budget, with the contingency in place of the mean overrun."""
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
    """Return what is used of each funder's budget in each year (Y, million EUR, undiscounted)."""
    return expected_outlay(instance, commitment, budget_charge_only=True)


def budget_line_use(instance: Instance, commitment: Commitment) -> dict[tuple[str, str], Floats]:
    """Return what is used of each budget line in each year (Y, million EUR, undiscounted), by
    funder and id of the line. For a line of guarantee stock, this is the amount outstanding at the
    end of the year."""
    use_by_line = {key: np.zeros(len(instance.years)) for key in instance.budget_lines}
    for _, f, _, share, flows in funding_cash_flows(instance, commitment):
        for id in flows.instrument.line_charges:
            use_by_line[f, id] = use_by_line[f, id] + share * flows.budget_line_use(
                instance.budget_lines[f, id]
            )
    for f, cost in stock_payments(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                use_by_line[f, id] = use_by_line[f, id] + line.stock_charge * cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        for (funder, id), line in instance.budget_lines.items():
            if funder == f:
                use_by_line[f, id] = use_by_line[f, id] + line.premium_charge * premium
    return use_by_line


def stock_residual_value(
    instance: Instance, commitment: Commitment, stockpile: str, funder: str | None = None
) -> float:
    """Return the discounted residual value of a planned stock in million EUR: all of it, or the
    part of one funder, in proportion to what it pays for purchases."""
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
    cost_by_funder = dict.fromkeys(instance.case.funders, 0.0)
    for _, f, _, share, flows in funding_cash_flows(instance, commitment):
        cost_by_funder[f] += share * flows.net_cost
    for _, f, premium in secured_output_premiums(instance, commitment):
        cost_by_funder[f] += float(instance.discount_factor @ premium)
    for f, payments in stock_payments(instance, commitment):
        cost_by_funder[f] += float(instance.discount_factor @ payments)
    for h, data in instance.stockpiles.items():
        for f in data.purchase_paid_by:
            cost_by_funder[f] -= stock_residual_value(instance, commitment, h, f)
    return cost_by_funder


def weighted_cost(instance: Instance, commitment: Commitment) -> float:
    """Return the term of the objective for net cost."""
    weights = set(instance.cost_weights.values())
    if len(weights) <= 1:
        common_weight = weights.pop() if weights else float(instance.case.objective.cost_weight)
        return common_weight * net_cost(instance, commitment)
    cost_by_funder = net_cost_by_funder(instance, commitment)
    return math.fsum(weight * cost_by_funder[f] for f, weight in instance.cost_weights.items())


def drop_unused(instance: Instance, commitment: Commitment) -> Commitment:
    """Return the commitment without supports and projects that are not needed."""
    return drop_unused_projects(instance, drop_unused_supports(instance, commitment))


def weighted_damage(
    instance: Instance, expected_damage: float, cvar: float, by_consumer: Mapping[str, float]
) -> float:
    """Return the term of the objective for damage, from mean damage, CVaR, and mean damage by
    consumer."""
    cvar_weight = float(instance.case.objective.cvar.weight)
    mean = expected_damage
    for consumer, consumer_weight in instance.damage_weights.items():
        mean += (consumer_weight - 1) * by_consumer[consumer]
    return (1 - cvar_weight) * mean + cvar_weight * cvar


def drop_unused_projects(instance: Instance, commitment: Commitment) -> Commitment:
    """Return the commitment without projects that no funder pays for or earns from, that no
    offtake uses, and that no rule or other project requires. A solution may contain such projects,
    since a project that the market pays in full does not change the objective."""
    projects = instance.case.projects
    required_projects = {*instance.case.policy.must_build, *instance.fixed_decisions.certain_starts}
    required_projects.update(
        required_project for p in commitment.start for required_project in projects[p].requires
    )
    useful_projects = {p for p, _ in commitment.offtake}
    for p, *_, flows in funding_cash_flows(instance, commitment):
        if flows.instrument.carries_capex or flows.net_cost < 0:
            useful_projects.add(p)
    start = {
        p: year
        for p, year in commitment.start.items()
        if p in useful_projects or p in required_projects
    }
    market = {p: share for p, share in commitment.market.items() if p in start}
    share = {key: x for key, x in commitment.share.items() if key[0] in start}
    floored = {key: x for key, x in commitment.floored.items() if key[0] in start}
    return replace(commitment, start=start, market=market, share=share, floored=floored)


def drop_unused_supports(instance: Instance, commitment: Commitment) -> Commitment:
    """Return the commitment without subsidies and price floors that no decision depends on. A
    solution may contain such supports, since a price floor below all prices costs nothing. Each
    support is reduced to the share that the market's share and the offtake require; one with a
    minimum ticket is either removed or unchanged. Supports with negative net cost, and those of
    funders whose decisions are fixed, stay."""
    share = dict(commitment.share)
    for (p, f, i), current_share in commitment.share.items():
        instrument, start = instance.instrument_by_key[f, i], commitment.start.get(p)
        if instrument.carries_capex or start is None or f in instance.fixed_decisions.funders:
            continue
        if instance.cash_flows(p, f, i, start).net_cost < 0:
            continue
        other_shares = {key: x for key, x in share.items() if key != (p, f, i)}
        required_share = _required_support_share(
            instance, replace(commitment, share=other_shares), p, instrument
        )
        if required_share <= SHARE_TOLERANCE * instrument.max_share:
            share = other_shares
        elif instrument.ticket_min == 0:
            share[p, f, i] = min(current_share, required_share)
    return replace(commitment, share=share)


def _required_support_share(
    instance: Instance, commitment_without: Commitment, p: str, instrument: InstrumentData
) -> float:
    """Return the smallest share of an instrument with which ``commitment_without``, a commitment
    without it, satisfies rules P3 and P6; infinity if no share does."""
    project = instance.projects[p]
    shares_by_instrument = {
        key[1:]: x for key, x in commitment_without.share.items() if key[0] == p
    }
    market_limit_gain = math.fsum(
        instance.instrument_by_key[key].market_finance_per_share * x
        for key, x in shares_by_instrument.items()
    )
    market_share = commitment_without.market.get(p, 0.0)
    market_finance_per_share = instrument.market_finance_per_share
    deficits = [
        (
            market_share - project.market_finance_max - market_limit_gain,
            market_share,
            market_finance_per_share,
        )
    ]
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
    relevant_deficits = [
        (deficit, gain_per_share)
        for deficit, total, gain_per_share in deficits
        if deficit > SHARE_TOLERANCE * total
    ]
    return max(
        (
            deficit / gain_per_share if gain_per_share > 0 else math.inf
            for deficit, gain_per_share in relevant_deficits
        ),
        default=0.0,
    )


class CommitmentColumns:
    """The values of first-stage variables at a commitment without branches, by name and index."""

    def __init__(self, instance: Instance, commitment: Commitment) -> None:
        self.instance, self.commitment = instance, commitment

    def load(self, model: Any) -> None:
        """Set all variables of a first-stage model."""
        for variable in model.component_data_objects(pyo.Var):
            component = variable.parent_component()
            variable.set_value(self.value(component.local_name, variable.index()), True)

    def value(self, kind: str, index: Any) -> float:
        """Return the value of a first-stage column in the plan; ``kind`` and ``index`` are its name
        and index."""
        commitment, first_year = self.commitment, self.instance.years[0]
        match kind, index:
            case "unaided", p:
                return float(p not in commitment.start)
            case "buy", (h, year):
                return float(commitment.expected_purchases(self.instance, h)[year - first_year])
            case "planned", (h, k):
                return float(planned_stock(self.instance, commitment, h)[k])
            case (("unspent" | "line_unspent"), (*owner, year)):
                return float(self._unspent_by_year[tuple(owner)][year - first_year])
        return self._decisions.get((kind, index), 0.0)

    @cached_property
    def _decisions(self) -> dict[tuple[str, Any], float]:
        return decision_values(self.instance, self.commitment)

    @cached_property
    def _unspent_by_year(self) -> dict[tuple[str, ...], Floats]:
        """The unspent amounts (Y) of each budget with yearly amounts, in million EUR.

        Keys are the funder, or the funder and the budget line.
        """
        instance = self.instance
        unspent_by_key: dict[tuple[str, ...], Floats] = {}
        use_by_funder = budget_use(instance, self.commitment)
        for f, funder in instance.case.funders.items():
            by_year = funder.budget_by_year_meur
            if by_year is not None:
                granted = [float(by_year.get(year, 0.0)) for year in instance.years]
                unspent_by_key[f,] = _compute_unspent(granted, use_by_funder[f], funder.carry_over)
        use_by_line = budget_line_use(instance, self.commitment)
        for key, line in instance.budget_lines.items():
            if line.yearly_budget is not None:
                unspent_by_key[key] = _compute_unspent(
                    line.yearly_budget, use_by_line[key], line.carry_over
                )
        return unspent_by_key


def _compute_unspent(
    granted: Sequence[float] | Floats, used_amounts: Floats, carries_over: bool
) -> Floats:
    """Compute the unspent amounts (Y) of a budget at the end of each year."""
    carried_amount, unspent_amounts = 0.0, np.zeros(len(used_amounts))
    for y, amount in enumerate(granted):
        carried_amount = max(
            0.0, float(amount) + (carried_amount if carries_over else 0.0) - float(used_amounts[y])
        )
        unspent_amounts[y] = carried_amount
    return unspent_amounts
