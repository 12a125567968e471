"""Cost of a plan: totals of positions, use of budgets, leverage, damage avoided per euro."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping

from models.results import BudgetClass, BudgetLineUse, Plan, Position
from models.results import option as results

MONEY_TOLERANCE = 1e-6
"""Million EUR (one euro) up to which an amount counts as zero."""
USED_UP_TOLERANCE = 1e-3
"""Remaining share of a budget up to which it counts as used up."""
NO_BUDGET_CLASS = "none"


def compute_cost(
    plan: Plan, benefit: results.Benefit, federal: Collection[str] | None = None
) -> results.Cost:
    """Compute the cost of a plan.

    ``federal`` are the ids of the public funders that count as federal; None stands for all public
    funders.
    """
    funder_kinds = {funder.id: funder.kind for funder in plan.funders}
    by_class: dict[str, list[Position]] = {}
    by_funder: dict[str, list[Position]] = {f: [] for f in funder_kinds}
    by_part: dict[tuple[str, BudgetClass | None], list[Position]] = {}
    for position in plan.accounts:
        by_funder[position.funder].append(position)
        by_part.setdefault((position.funder, position.budget_class), []).append(position)
        if funder_kinds[position.funder] == "public":
            by_class.setdefault(position.budget_class or NO_BUDGET_CLASS, []).append(position)
    public_funders = [f for f, kind in funder_kinds.items() if kind == "public"]
    federal_funders = {f for f in public_funders if federal is None or f in federal}
    add_positions = position_adder(plan)
    public_totals = add_positions(p for p in plan.accounts if funder_kinds[p.funder] == "public")
    return results.Cost(
        public=public_totals,
        private=add_positions(p for p in plan.accounts if funder_kinds[p.funder] != "public"),
        market_meur=market_funding(plan),
        windfall_meur=plan.outcome.windfall_meur,
        by_class={name: add_positions(positions) for name, positions in by_class.items()},
        by_funder={f: add_positions(positions) for f, positions in by_funder.items() if positions},
        parts=tuple(
            results.FunderMoney(
                funder=f,
                kind=funder_kinds[f],
                federal=f in federal_funders,
                budget_class=budget_class,
                sums=add_positions(positions),
            )
            for (f, budget_class), positions in by_part.items()
        ),
        charged_by_year_meur=plan.spend_meur,
        public_charged_meur=math.fsum(total_charged(plan, f) for f in public_funders),
        budgets=tuple(budget_uses(plan)),
        leverage=compute_leverage(plan, federal_funders, with_stocks=False),
        leverage_with_stocks=compute_leverage(plan, federal_funders, with_stocks=True),
        avoided_per_public_euro=avoided_per_euro(benefit, public_totals.paid_present_meur),
        avoided_per_net_euro=avoided_per_euro(benefit, public_totals.cost_meur),
    )


def lacks_accounts(plan: Plan) -> bool:
    """Return whether a plan commits money without positions, as plans of early versions do."""
    committed = map(math.fsum, (by_year.values() for by_year in plan.committed_meur.values()))
    return any(amount > MONEY_TOLERANCE for amount in committed) and not plan.accounts


def market_funding(plan: Plan) -> float:
    """Return the capex in million EUR that lenders and other investors carry."""
    return math.fsum(
        probability * project_plan.market_share * project_plan.mean_capex_meur
        for probability, project_plan in plan.projects_with_probability
    )


def position_adder(plan: Plan) -> Callable[[Iterable[Position]], results.MoneyTotals]:
    """Return a function that computes the totals of any positions of this plan."""
    horizon = None if plan.case is None else plan.case.horizon

    def factor(year: str) -> float:
        """Return the discount factor of a year, as in the plan's net cost."""
        assert horizon is not None
        return float((1 + float(horizon.discount_rate)) ** -(int(year) - horizon.first_year))

    def add(positions: Iterable[Position]) -> results.MoneyTotals:
        positions = list(positions)
        paid_by_year_meur = _sum_by_year(position.paid_meur for position in positions)
        outstanding_by_year = _sum_by_year(position.outstanding_meur for position in positions)
        net_cost = math.fsum(position.cost_meur for position in positions)
        residual_value = math.fsum(position.residual_meur for position in positions)
        present_value_meur = None
        if horizon is not None:
            present_value_meur = math.fsum(
                factor(year) * amount for year, amount in paid_by_year_meur.items()
            )
        peak = max(outstanding_by_year.values(), default=0.0)
        peak_years = (int(y) for y, x in outstanding_by_year.items() if x >= peak > MONEY_TOLERANCE)
        positions_with_known_loss = [p for p in positions if p.expected_loss_meur is not None]
        expected_loss_meur = math.fsum(
            p.expected_loss_meur or 0.0 for p in positions_with_known_loss
        )
        maximum_loss_where_expected_known = math.fsum(
            p.maximum_loss_meur for p in positions_with_known_loss
        )
        maximum_loss = math.fsum(p.maximum_loss_meur for p in positions)
        return results.MoneyTotals(
            committed_meur=math.fsum(p.committed_meur for p in positions),
            paid_meur=math.fsum(paid_by_year_meur.values()),
            paid_by_year_meur=paid_by_year_meur,
            paid_present_meur=present_value_meur,
            returned_present_meur=None
            if present_value_meur is None
            else present_value_meur - net_cost - residual_value,
            returned_by_year_meur=_sum_by_year(p.returned_meur for p in positions),
            returned_known_for_meur=math.fsum(
                p.committed_meur for p in positions if p.returned_meur
            ),
            outstanding_by_year_meur=outstanding_by_year,
            peak_meur=peak,
            peak_year=next(iter(peak_years), None),
            expected_loss_meur=None
            if maximum_loss > MONEY_TOLERANCE >= maximum_loss_where_expected_known
            else expected_loss_meur,
            expected_loss_known_for_meur=maximum_loss_where_expected_known,
            maximum_loss_meur=maximum_loss,
            cost_meur=net_cost,
            residual_meur=residual_value,
        )

    return add


def _sum_by_year(figures: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the sums of several series of amounts by year."""
    total_by_year: dict[str, float] = {}
    for by_year in figures:
        for year, amount in by_year.items():
            total_by_year[year] = total_by_year.get(year, 0.0) + amount
    return dict(sorted(total_by_year.items(), key=lambda entry: int(entry[0])))


def instrument_term(
    plan: Plan, position: Position, term_name: str, without_instrument: float
) -> float | None:
    """Return the term ``term_name`` of a position's instrument.

    For a position without an instrument, which pays for stocks or a premium, return
    ``without_instrument``. Return None if the plan does not carry its scenario, or if the
    instrument has no such term.
    """
    if position.instrument is None:
        return without_instrument
    funder = plan.case.funders.get(position.funder) if plan.case else None
    instrument = funder.instruments.get(position.instrument) if funder else None
    value = getattr(instrument, term_name, None)
    return None if value is None else float(value)


def budget_charge(plan: Plan, position: Position) -> float | None:
    """Return the amount charged to a budget for each euro that a position provides; None if the
    plan does not carry its scenario."""
    funder = plan.case.funders.get(position.funder) if plan.case else None
    if position.instrument is None and position.project is not None:
        return None if funder is None else float(funder.premium_charge)
    charge = instrument_term(plan, position, "budget_charge", 1.0)
    instrument = funder.instruments.get(position.instrument or "") if funder else None
    project_plans = [x for _, x in plan.projects_with_probability if x.id == position.project]
    if (
        charge is None
        or instrument is None
        or not instrument.type.follows_capex
        or not project_plans
    ):
        return charge
    project_plan = project_plans[0]
    budgeted, expected_capex = project_plan.budgeted_capex_meur, project_plan.expected_capex_meur
    return charge * budgeted / expected_capex if budgeted is not None and expected_capex else charge


def total_charged(plan: Plan, funder: str) -> float:
    """Return the amount in million EUR that is charged to a funder's budget over all years."""
    return math.fsum(plan.spend_meur.get(funder, {}).values())


def compute_leverage(plan: Plan, federal: Collection[str], with_stocks: bool) -> results.Leverage:
    """Compute private money per public euro, and all other money per federal euro.

    In the first ratio all state-backed money is public, including guaranteed loans. In the second,
    all money is other money except what federal funders pay themselves. Premiums and stocks count
    only if ``with_stocks`` is true.
    """
    public_funders = {funder.id for funder in plan.funders if funder.kind == "public"}
    public_meur = private_meur = federal_money = 0.0
    for position in plan.accounts:
        # A premium finances no project and counts with stocks.
        if position.instrument is None and not with_stocks:
            continue
        paid_meur = math.fsum(position.paid_meur.values())
        if position.funder in public_funders:
            public_meur += paid_meur
        else:
            private_meur += paid_meur
        if position.funder in federal and position.budget_class != "guarantee":
            federal_money += paid_meur
    private_meur += market_funding(plan)
    nonfederal_money = public_meur + private_meur - federal_money
    return results.Leverage(
        public_meur=public_meur,
        private_meur=private_meur,
        private_per_public=private_meur / public_meur if public_meur > MONEY_TOLERANCE else None,
        federal_meur=federal_money,
        other_meur=nonfederal_money,
        other_per_federal=nonfederal_money / federal_money
        if federal_money > MONEY_TOLERANCE
        else None,
    )


def avoided_per_euro(benefit: results.Benefit, meur: float | None) -> results.AvoidedPerEuro | None:
    """Compute the damage avoided for each of ``meur`` million euros (present value).

    Return None if damage is not measured in money or ``meur`` is None; the ratio is None if
    ``meur`` is not positive.
    """
    if benefit.measure != "damage" or meur is None:
        return None
    if meur <= MONEY_TOLERANCE:
        return results.AvoidedPerEuro(meur=meur, expected=None, range=None)
    avoided_range = benefit.avoided_range
    per_euro = avoided_range and results.QuantileRange(
        low=avoided_range.low / meur, high=avoided_range.high / meur
    )
    expected_ratio = benefit.expected.avoided / meur
    return results.AvoidedPerEuro(meur=meur, expected=expected_ratio, range=per_euro)


def budget_uses(plan: Plan) -> Iterable[results.BudgetUse]:
    """Yield the use of each budget and budget line, and last that of the limit on all public
    funders together, if there is one."""
    for line in plan.budget_lines:
        yield _budget_line_use(plan, line)
    limit = plan.case.policy.budget_meur if plan.case else None
    if limit is not None:
        used_meur = math.fsum(total_charged(plan, f.id) for f in plan.funders if f.kind == "public")
        yield results.BudgetUse(
            funder=None,
            line="budget",
            name="budget",
            kind="budget",
            used_meur=used_meur,
            granted_meur=float(limit),
            used_up=_is_used_up(used_meur, float(limit)),
            full_years=(),
        )


def _budget_line_use(plan: Plan, line: BudgetLineUse) -> results.BudgetUse:
    """Compute how much of a budget line is used, and whether it is used up.

    A limit on payments is the smaller of the line's total and the sum of its yearly amounts. For
    outstanding guarantees, use and limit are those of the year with the highest use.
    """
    used_meur, available_meur, granted_meur = line.used_meur, line.available_meur, line.total_meur
    full_years = [
        int(y) for y, limit in (available_meur or {}).items() if _is_used_up(used_meur[y], limit)
    ]
    if line.kind == "guarantee_stock":
        year = max(used_meur, key=lambda y: used_meur[y], default="")
        used_amount = used_meur.get(year, 0.0)
        granted_meur = available_meur[year] if year and available_meur is not None else None
    else:
        used_amount = math.fsum(used_meur.values())
        if available_meur is not None:
            granted_by_years = math.fsum(available_meur.values())
            if _carries_over(plan, line):
                # With carry-over, a year's available amount includes what earlier years left.
                last_year = max(available_meur, key=int)
                used_before = math.fsum(x for y, x in used_meur.items() if y != last_year)
                granted_by_years = available_meur[last_year] + used_before
            granted_meur = (
                granted_by_years if granted_meur is None else min(granted_meur, granted_by_years)
            )
    used_up = granted_meur is not None and _is_used_up(used_amount, granted_meur)
    return results.BudgetUse(
        funder=line.funder,
        line=line.line,
        name=line.name,
        kind=line.kind,
        used_meur=used_amount,
        granted_meur=granted_meur,
        used_up=bool(full_years) if line.kind == "guarantee_stock" else used_up,
        full_years=tuple(full_years),
    )


def _carries_over(plan: Plan, line: BudgetLineUse) -> bool:
    """Return whether unspent amounts of a budget may be spent in later years; False if the plan
    does not carry its scenario."""
    if plan.case is None:
        return False
    funder = plan.case.funders[line.funder]
    line_terms = funder if line.line == "budget" else funder.budget_lines.get(line.line)
    return bool(getattr(line_terms, "carry_over", False))


def _is_used_up(used_meur: float, granted: float) -> bool:
    """Return whether the amount used reaches the amount granted, within the tolerance."""
    return granted > MONEY_TOLERANCE and used_meur >= (1 - USED_UP_TOLERANCE) * granted
