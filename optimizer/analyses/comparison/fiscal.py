"""Figures of a plan for a budget committee: approvals, spending by country, state aid, provision,
returns."""

import math
from collections.abc import Iterator, Mapping

from models.countries import EU_27
from models.results import Plan, Position, ProjectPlan
from models.results import brief as results
from models.scenario.case import Case
from models.scenario.funding import Funder
from models.scenario.projects import Project
from optimizer.analyses.comparison.money import (
    MONEY_TOLERANCE,
    USED_UP_TOLERANCE,
    budget_charge,
    position_adder,
)

NOT_NET_BORROWING = frozenset({"financial_transaction", "loan", "guarantee"})
"""Classes that are no net borrowing when they are given (Basic Law, Article 115; Act on Article
115, section 3)."""
REPAID_CLASSES = frozenset({"financial_transaction", "loan"})
MIN_RATE, MAX_RATE = -0.99, 10.0
"""Bounds of the search for a rate of return."""


def fiscal_figures(plan: Plan) -> results.Fiscal:
    """Compute the figures of a plan for a budget committee: when public money is approved, where it
    goes, and at what risk.

    Figures that need the scenario are left out if the plan does not carry it.
    """
    funder_kinds = {funder.id: funder.kind for funder in plan.funders}
    public_positions = [p for p in plan.accounts if funder_kinds[p.funder] == "public"]
    countries = tuple(_money_by_country(plan, funder_kinds))
    projects_meur = math.fsum(country.public_meur for country in countries)
    home_meur = math.fsum(country.public_meur for country in countries if country.home)
    return results.Fiscal(
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


def approvals(plan: Plan, positions: list[Position]) -> Iterator[results.Approval]:
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
        yield results.Approval(
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
) -> Iterator[results.CountryMoney]:
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
        yield results.CountryMoney(
            country=country,
            home=country in plan.case.home,
            union=country in EU_27,
            **{f"{kind}_meur": by_kind.get(kind, 0.0) for kind in ("public", "private", "market")},
        )


def _state_aid(plan: Plan) -> Iterator[results.StateAidUse]:
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
        yield results.StateAidUse(
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


def _guarantee_provision(plan: Plan, positions: list[Position]) -> results.Provision | None:
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
    return results.Provision(
        face_meur=position_totals.committed_meur,
        provision_meur=provision,
        expected_loss_meur=loss,
        cost_meur=position_totals.cost_meur,
        missing_meur=None if loss is None else max(0.0, loss - provision),
    )


def _returns_by_funder(plan: Plan, positions: list[Position]) -> Iterator[results.FunderReturn]:
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
        yield results.FunderReturn(
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


def _funder_contributions(plan: Plan) -> Iterator[results.FunderContribution]:
    """Yield payments, net cost and contracted output of each funder that pays anything."""
    add_positions = position_adder(plan)
    for funder in plan.funders:
        positions = [p for p in plan.accounts if p.funder == funder.id]
        funder_totals = add_positions(positions)
        if funder_totals.paid_meur > MONEY_TOLERANCE:
            yield results.FunderContribution(
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
