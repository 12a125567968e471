"""Money of a plan: cost, budgets, leverage, approvals, state aid, provisions and returns."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from models.countries import EU_27
from models.results import (
    BudgetClass,
    BudgetLineUse,
    Plan,
    Position,
    ProjectPlan,
    comparison as brief_results,
    option as results,
)
from models.scenario.case import Case
from models.scenario.projects import Project
from models.scenario.sections import Funder

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


NOT_NET_BORROWING = frozenset({"financial_transaction", "loan", "guarantee"})
"""Classes that are no net borrowing when they are given (Basic Law, Article 115; Act on Article
115, section 3)."""
REPAID_CLASSES = frozenset({"financial_transaction", "loan"})
MIN_RATE, MAX_RATE = -0.99, 10.0
"""Bounds of the search for a rate of return."""


def fiscal_figures(plan: Plan) -> brief_results.Fiscal:
    """Compute the figures of a plan for a budget committee: when public money is approved, where it
    goes, and at what risk.

    Figures that need the scenario are left out if the plan does not carry it.
    """
    funder_kinds = {funder.id: funder.kind for funder in plan.funders}
    public_positions = [p for p in plan.accounts if funder_kinds[p.funder] == "public"]
    countries = tuple(_money_by_country(plan, funder_kinds))
    projects_meur = math.fsum(country.public_meur for country in countries)
    home_meur = math.fsum(country.public_meur for country in countries if country.home)
    return brief_results.Fiscal(
        approvals=tuple(approvals(plan, public_positions)),
        debt_brake_by_year_meur=_net_borrowing_by_year(plan, public_positions),
        expected_loss_meur=_expected_loss(
            [p for p in public_positions if p.budget_class in NOT_NET_BORROWING]
        ),
        countries=countries,
        home_share=home_meur / projects_meur
        if projects_meur > MONEY_TOLERANCE and plan.case is not None and plan.case.home
        else None,
        stocks_meur=math.fsum(_total_paid(p) for p in public_positions if p.project is None),
        aid=tuple(_state_aid(plan)),
        provision=_guarantee_provision(plan, public_positions),
        returns=tuple(_returns_by_funder(plan, public_positions)),
        purses=tuple(_funder_contributions(plan)),
    )


def _total_paid(position: Position) -> float:
    """Return the undiscounted payments of a position over all years, in million EUR."""
    return math.fsum(position.paid_meur.values())


def approvals(plan: Plan, positions: list[Position]) -> Iterator[brief_results.Approval]:
    """Yield the amounts that are approved with these positions.

    There is one for each year of decision, funder, budget class and project, sorted by year and
    funder. Positions without a year of decision are approved as they are paid.
    """
    start_by_project = {project.id: project.start for project in plan.projects}
    approved_meur: dict[tuple[int, str, str | None, str | None], float] = {}
    for position in positions:
        key = position.funder, position.budget_class, position.project
        decision_year = position.decided or start_by_project.get(position.project or "")
        # Premiums on projects decided at a review count in the years of payment.
        amounts = {int(year): amount for year, amount in position.paid_meur.items()}
        if decision_year is not None:
            amounts = {decision_year: position.committed_meur}
        for year, amount in amounts.items():
            if amount > MONEY_TOLERANCE:
                approved_meur[year, *key] = approved_meur.get((year, *key), 0.0) + amount
    funder_order = {funder.id: index for index, funder in enumerate(plan.funders)}
    ranked_approvals = sorted(
        approved_meur.items(), key=lambda item: (item[0][0], funder_order[item[0][1]])
    )
    for (year, funder, budget_class, project), amount in ranked_approvals:
        yield brief_results.Approval(
            year=year, funder=funder, budget_class=budget_class, project=project, meur=amount
        )


def _net_borrowing_by_year(plan: Plan, positions: list[Position]) -> dict[str, float] | None:
    """Return payments by year (million EUR) that are net borrowing under the German debt brake.

    Return None if Germany is not a home country of the scenario.
    """
    if plan.case is None or "DE" not in plan.case.home:
        return None
    counted_positions = [p for p in positions if p.budget_class not in NOT_NET_BORROWING]
    return position_adder(plan)(counted_positions).paid_by_year_meur if counted_positions else {}


def _expected_loss(positions: list[Position]) -> float | None:
    """Return the sum of the positions' expected losses in million EUR; None if one of them is not
    known."""
    losses = [p.expected_loss_meur for p in positions if p.expected_loss_meur is not None]
    return math.fsum(losses) if len(losses) == len(positions) else None


def _money_by_country(
    plan: Plan, funder_kinds: Mapping[str, str]
) -> Iterator[brief_results.CountryMoney]:
    """Yield what public funders, other funders and the market pay for the projects in each country,
    largest total first; nothing if the plan does not carry its scenario."""
    if plan.case is None:
        return
    country_of_project = {p: project.country for p, project in plan.case.projects.items()}
    meur_by_kind: dict[str, dict[str, float]] = {}
    for position in plan.accounts:
        if position.project is not None:
            by_kind = meur_by_kind.setdefault(country_of_project[position.project], {})
            kind = "public" if funder_kinds[position.funder] == "public" else "private"
            by_kind[kind] = by_kind.get(kind, 0.0) + _total_paid(position)
    for probability, project_plan in plan.projects_with_probability:
        by_kind = meur_by_kind.setdefault(country_of_project[project_plan.id], {})
        market_capex_meur = project_plan.market_share * project_plan.mean_capex_meur
        by_kind["market"] = by_kind.get("market", 0.0) + probability * market_capex_meur
    for country, by_kind in sorted(
        meur_by_kind.items(), key=lambda item: -math.fsum(item[1].values())
    ):
        yield brief_results.CountryMoney(
            country=country,
            home=country in plan.case.home,
            union=country in EU_27,
            **{f"{kind}_meur": by_kind.get(kind, 0.0) for kind in ("public", "private", "market")},
        )


def _state_aid(plan: Plan) -> Iterator[brief_results.StateAidUse]:
    """Yield the state aid to each project and its limit, for each year in which the project may be
    decided."""
    if plan.case is None:
        return
    aid_rule = plan.case.policy.state_aid
    by_decision: dict[tuple[str, int], tuple[float, ProjectPlan]] = {}
    for probability, project_plan in plan.projects_with_probability:
        key = project_plan.id, project_plan.start
        earlier_probability, _ = by_decision.get(key, (0.0, project_plan))
        by_decision[key] = earlier_probability + probability, project_plan
    for probability, project_plan in by_decision.values():
        project = plan.case.projects[project_plan.id]
        positions = (p for p in plan.accounts if p.decided in (None, project_plan.start))
        # Positions at a review are expected values over its branches.
        aid = math.fsum(_grant_equivalent(plan.case.funders, project_plan, p) for p in positions)
        aid = aid / probability if probability > 0 else 0.0
        limits = [] if aid_rule is None or aid_rule.max_meur is None else [float(aid_rule.max_meur)]
        if aid_rule is not None and aid_rule.max_intensity is not None:
            limits.append(float(aid_rule.max_intensity) * project_plan.capex_meur)
        limit = min(limits, default=None)
        yield brief_results.StateAidUse(
            project=project_plan.id,
            country=project.country,
            aid_meur=aid,
            capex_meur=project_plan.capex_meur,
            limit_meur=limit,
            most_meur=_max_state_aid(plan.case, project, project_plan.capex_meur),
            binds=limit is not None and aid >= (1 - USED_UP_TOLERANCE) * limit - MONEY_TOLERANCE,
        )


def _max_state_aid(case: Case, project: Project, capex_meur: float) -> float | None:
    """Return the largest state aid in million EUR that all instruments together could give to a
    project.

    Return None if an instrument with a grant equivalent does not carry capex, so that the aid has
    no such maximum.
    """
    max_aid = 0.0
    for funder in case.funders.values():
        for i in funder.instruments.values():
            equivalent = float(i.grant_equivalent)
            if not i.accepts_project(project) or equivalent <= 0:
                continue
            if not i.type.carries_capex:
                return None
            max_ticket = math.inf if i.ticket_max_meur is None else float(i.ticket_max_meur)
            max_aid += equivalent * min(float(i.max_share) * capex_meur, max_ticket)
    return max_aid


def _grant_equivalent(
    funders: dict[str, Funder], project_plan: ProjectPlan, position: Position
) -> float:
    """Return the part of a position, in million EUR, that counts as state aid to a project.

    For instruments whose payments grow with capex overruns, it is computed without overruns; for
    price floors, from all expected payments.
    """
    if position.project != project_plan.id or position.instrument is None:
        return 0.0
    terms = funders[position.funder].instruments[position.instrument]
    share_without_overrun = 1.0
    if terms.type.follows_capex and project_plan.mean_capex_meur > 0:
        share_without_overrun = project_plan.capex_meur / project_plan.mean_capex_meur
    return float(terms.grant_equivalent) * share_without_overrun * _total_paid(position)


def _guarantee_provision(plan: Plan, positions: list[Position]) -> brief_results.Provision | None:
    """Compute the provision for guarantees; None if there are no guarantees or the plan does not
    carry its scenario."""
    guarantee_positions = [
        p for p in positions if p.budget_class == "guarantee" and p.instrument is not None
    ]
    if plan.case is None or not guarantee_positions:
        return None
    position_totals = position_adder(plan)(guarantee_positions)
    is_loss_unknown = any(p.expected_loss_meur is None for p in guarantee_positions)
    loss = None if is_loss_unknown else position_totals.expected_loss_meur
    provision = math.fsum(
        (budget_charge(plan, p) or 0.0) * _total_paid(p) for p in guarantee_positions
    )
    return brief_results.Provision(
        face_meur=position_totals.committed_meur,
        provision_meur=provision,
        expected_loss_meur=loss,
        cost_meur=position_totals.cost_meur,
        missing_meur=None if loss is None else max(0.0, loss - provision),
    )


def _returns_by_funder(
    plan: Plan, positions: list[Position]
) -> Iterator[brief_results.FunderReturn]:
    """Yield the rate of return of each public funder whose equity and loans all have returns."""
    for funder in plan.funders:
        own_positions = [position for position in positions if position.funder == funder.id]
        repaid_positions = [p for p in own_positions if p.budget_class in REPAID_CLASSES]
        if not repaid_positions or not all(p.returned_meur for p in repaid_positions):
            continue
        flow_by_year: dict[int, float] = {}
        for position in repaid_positions:
            for sign, by_year in ((-1, position.paid_meur), (1, position.returned_meur)):
                for year, amount in by_year.items():
                    flow_by_year[int(year)] = flow_by_year.get(int(year), 0.0) + sign * amount
        yield brief_results.FunderReturn(
            funder=funder.id,
            paid_meur=math.fsum(_total_paid(p) for p in repaid_positions),
            returned_meur=math.fsum(x for p in repaid_positions for x in p.returned_meur.values()),
            rate=rate_of_return(flow_by_year),
        )


def rate_of_return(flow_by_year: dict[int, float]) -> float | None:
    """Compute the internal rate of return of a series of amounts by year, by bisection.

    Return None unless the present value is positive at ``MIN_RATE`` and negative at ``MAX_RATE``.
    """
    first_year = min(flow_by_year, default=0)

    def present_value(rate: float) -> float:
        return math.fsum(x * (1 + rate) ** (first_year - year) for year, x in flow_by_year.items())

    low, high = MIN_RATE, MAX_RATE
    if not present_value(low) > 0 > present_value(high):
        return None
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if present_value(middle) > 0 else (low, middle)
    return (low + high) / 2


def _funder_contributions(plan: Plan) -> Iterator[brief_results.FunderContribution]:
    """Yield payments, net cost and contracted output of each funder that pays anything."""
    add_positions = position_adder(plan)
    for funder in plan.funders:
        positions = [p for p in plan.accounts if p.funder == funder.id]
        funder_totals = add_positions(positions)
        if funder_totals.paid_meur > MONEY_TOLERANCE:
            yield brief_results.FunderContribution(
                funder=funder.id,
                paid_meur=funder_totals.paid_meur,
                stocks_meur=math.fsum(_total_paid(p) for p in positions if p.project is None),
                cost_meur=funder_totals.cost_meur,
                output_t=contracted_output(plan, funder.id),
            )


def contracted_output(plan: Plan, company: str) -> dict[str, float]:
    """Return the yearly output in tonnes that is contracted to a company's consumers, by material.

    It is the output at full operation; empty if the plan does not carry its scenario.
    """
    output_t: dict[str, float] = {}
    if plan.case is None:
        return output_t
    for probability, project_plan in plan.projects_with_probability:
        share = probability * project_plan.offtake_by_company.get(company, 0.0)
        for material, tonnes in _full_output(plan.case.projects[project_plan.id]).items():
            if share * tonnes > MONEY_TOLERANCE:
                output_t[material] = output_t.get(material, 0.0) + share * tonnes
    return output_t


def _full_output(project: Project) -> dict[str, float]:
    """Return a project's yearly output in tonnes at full operation, by material."""
    share = float(project.ramp_up[-1])
    return {m: float(tonnes) * share for m, tonnes in project.output_t_per_year.items()}
