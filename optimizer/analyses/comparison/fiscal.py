"""What a budget committee asks of a plan: approvals, countries, aid, provision, return, purses."""

import math
from collections.abc import Iterator, Mapping

from models.results import Plan, Position, ProjectPlan
from models.results import brief as results
from models.scenario.case import Case
from models.scenario.countries import EU_27
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
"""Between these a rate of return is sought."""


def fiscal_figures(plan: Plan) -> results.Fiscal:
    """When public money is approved, where it goes, and at what risk; what the scenario has to say
    is left out of a plan that does not carry it."""
    kinds = {funder.id: funder.kind for funder in plan.funders}
    public = [p for p in plan.accounts if kinds[p.funder] == "public"]
    countries = tuple(_money_by_country(plan, kinds))
    invested = math.fsum(one.public_meur for one in countries)
    at_home = math.fsum(one.public_meur for one in countries if one.home)
    return results.Fiscal(
        approvals=tuple(approvals(plan, public)),
        debt_brake_by_year_meur=_net_borrowing_by_year(plan, public),
        expected_loss_meur=_expected_loss(
            [p for p in public if p.budget_class in NOT_NET_BORROWING]
        ),
        countries=countries,
        home_share=at_home / invested
        if invested > MONEY_TOLERANCE and _has_home_countries(plan)
        else None,
        stocks_meur=math.fsum(_total_paid(p) for p in public if p.project is None),
        aid=tuple(_state_aid(plan)),
        provision=_guarantee_provision(plan, public),
        returns=tuple(_returns_by_funder(plan, public)),
        purses=tuple(_totals_by_payer(plan)),
    )


def _total_paid(position: Position) -> float:
    return math.fsum(position.paid_meur.values())


def approvals(plan: Plan, positions: list[Position]) -> Iterator[results.Approval]:
    """What is approved with these positions, by year of decision."""
    start = {project.id: project.start for project in plan.projects}
    found: dict[tuple[int, str, str | None, str | None], float] = {}
    for one in positions:
        about = one.funder, one.budget_class, one.project
        decided = one.decided or start.get(one.project or "")
        if decided is not None:  # premiums on what is decided at a review go by their years
            amounts = {decided: one.committed_meur}
        else:
            amounts = {int(year): amount for year, amount in one.paid_meur.items()}
        for year, amount in amounts.items():
            if amount > MONEY_TOLERANCE:
                found[year, *about] = found.get((year, *about), 0.0) + amount
    order = {funder.id: place for place, funder in enumerate(plan.funders)}
    for (year, funder, booked, project), amount in sorted(
        found.items(), key=lambda item: (item[0][0], order[item[0][1]])
    ):
        yield results.Approval(
            year=year, funder=funder, budget_class=booked, project=project, meur=amount
        )


def _net_borrowing_by_year(plan: Plan, positions: list[Position]) -> dict[str, float] | None:
    if plan.case is None or "DE" not in plan.case.home:
        return None
    counted = [p for p in positions if p.budget_class not in NOT_NET_BORROWING]
    return position_adder(plan)(counted).paid_by_year_meur if counted else {}


def _has_home_countries(plan: Plan) -> bool:
    return plan.case is not None and bool(plan.case.home)


def _expected_loss(positions: list[Position]) -> float | None:
    losses = [one.expected_loss_meur for one in positions if one.expected_loss_meur is not None]
    return math.fsum(losses) if len(losses) == len(positions) else None


def _money_by_country(plan: Plan, kinds: Mapping[str, str]) -> Iterator[results.CountryMoney]:
    if plan.case is None:
        return
    place = {p: project.country for p, project in plan.case.projects.items()}
    money: dict[str, dict[str, float]] = {}
    for one in plan.accounts:
        if one.project is not None:
            of = money.setdefault(place[one.project], {})
            kind = "public" if kinds[one.funder] == "public" else "private"
            of[kind] = of.get(kind, 0.0) + _total_paid(one)
    for chance, built in plan.projects_with_probability:
        of, paid = money.setdefault(place[built.id], {}), built.market_share * built.mean_capex_meur
        of["market"] = of.get("market", 0.0) + chance * paid
    for country, of in sorted(money.items(), key=lambda item: -math.fsum(item[1].values())):
        yield results.CountryMoney(
            country=country,
            home=country in plan.case.home,
            union=country in EU_27,
            **{f"{kind}_meur": of.get(kind, 0.0) for kind in ("public", "private", "market")},
        )


def _state_aid(plan: Plan) -> Iterator[results.StateAidUse]:
    if plan.case is None:
        return
    rule = plan.case.policy.state_aid
    late: dict[tuple[str, int], tuple[float, ProjectPlan]] = {}
    for chance, built in plan.projects_with_probability:  # by the years in which it may be decided
        before = late.get((built.id, built.start), (0.0, built))[0]
        late[built.id, built.start] = before + chance, built
    for chance, built in late.values():
        project = plan.case.projects[built.id]
        own = (p for p in plan.accounts if p.decided in (None, built.start))
        # Positions of a review are means: of the groups that decide it, this is what they give.
        given = math.fsum(_grant_equivalent(plan.case.funders, built, p) for p in own)
        given = given / chance if chance > 0 else 0.0
        limits = [] if rule is None or rule.max_meur is None else [float(rule.max_meur)]
        if rule is not None and rule.max_intensity is not None:
            limits.append(float(rule.max_intensity) * built.capex_meur)
        limit = min(limits, default=None)
        yield results.StateAidUse(
            project=built.id,
            country=project.country,
            aid_meur=given,
            capex_meur=built.capex_meur,
            limit_meur=limit,
            most_meur=_max_state_aid(plan.case, project, built.capex_meur),
            binds=limit is not None and given >= (1 - USED_UP_TOLERANCE) * limit - MONEY_TOLERANCE,
        )


def _max_state_aid(case: Case, project: Project, capex_meur: float) -> float | None:
    """What instruments can give a project at most; None where one of them is no part of capex."""
    most = 0.0
    for funder in case.funders.values():
        for i in funder.instruments.values():
            equivalent = float(i.grant_equivalent)
            if not i.accepts_project(project) or equivalent <= 0:
                continue
            if not i.carries_capex:
                return None
            ticket = math.inf if i.ticket_max_meur is None else float(i.ticket_max_meur)
            most += equivalent * min(float(i.max_share) * capex_meur, ticket)
    return most


def _grant_equivalent(
    funders: dict[str, Funder], project_plan: ProjectPlan, position: Position
) -> float:
    """What of a position counts as state aid of a project: of what goes by capex without any
    overrun, of a price floor all that it is expected to pay."""
    if position.project != project_plan.id or position.instrument is None:
        return 0.0
    terms = funders[position.funder].instruments[position.instrument]
    announced = 1.0
    if terms.kind != "price_floor" and project_plan.mean_capex_meur > 0:
        announced = project_plan.capex_meur / project_plan.mean_capex_meur
    return float(terms.grant_equivalent) * announced * _total_paid(position)


def _guarantee_provision(plan: Plan, positions: list[Position]) -> results.Provision | None:
    some = [p for p in positions if p.budget_class == "guarantee" and p.instrument is not None]
    if plan.case is None or not some:
        return None
    sums = position_adder(plan)(some)
    unknown = any(p.expected_loss_meur is None for p in some)
    loss = None if unknown else sums.expected_loss_meur
    provision = math.fsum((budget_charge(plan, p) or 0.0) * _total_paid(p) for p in some)
    return results.Provision(
        face_meur=sums.committed_meur,
        provision_meur=provision,
        expected_loss_meur=loss,
        cost_meur=sums.cost_meur,
        missing_meur=None if loss is None else max(0.0, loss - provision),
    )


def _returns_by_funder(plan: Plan, positions: list[Position]) -> Iterator[results.FunderReturn]:
    for funder in plan.funders:
        some = [p for p in positions if p.funder == funder.id and p.budget_class in REPAID_CLASSES]
        if not some or not all(p.returned_meur for p in some):
            continue
        flows: dict[int, float] = {}
        for one in some:
            for sign, by_year in ((-1, one.paid_meur), (1, one.returned_meur)):
                for year, amount in by_year.items():
                    flows[int(year)] = flows.get(int(year), 0.0) + sign * amount
        yield results.FunderReturn(
            funder=funder.id,
            paid_meur=math.fsum(_total_paid(p) for p in some),
            returned_meur=math.fsum(x for p in some for x in p.returned_meur.values()),
            rate=rate_of_return(flows),
        )


def rate_of_return(flows: dict[int, float]) -> float | None:
    """The yearly rate at which amounts by year are worth nothing together, by halving; None where
    there is none between -99 % and 1,000 %."""
    first = min(flows, default=0)

    def worth(rate: float) -> float:
        return math.fsum(x * (1 + rate) ** (first - year) for year, x in flows.items())

    low, high = MIN_RATE, MAX_RATE
    if not worth(low) > 0 > worth(high):
        return None
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle) > 0 else (low, middle)
    return (low + high) / 2


def _totals_by_payer(plan: Plan) -> Iterator[results.FunderContribution]:
    add = position_adder(plan)
    for funder in plan.funders:
        own = [p for p in plan.accounts if p.funder == funder.id]
        sums = add(own)
        if sums.paid_meur > MONEY_TOLERANCE:
            yield results.FunderContribution(
                funder=funder.id,
                paid_meur=sums.paid_meur,
                stocks_meur=math.fsum(_total_paid(p) for p in own if p.project is None),
                cost_meur=sums.cost_meur,
                output_t=contracted_output(plan, funder.id),
            )


def contracted_output(plan: Plan, company: str) -> dict[str, float]:
    """Tonnes a year by material that a company's consumers are contracted to receive."""
    found: dict[str, float] = {}
    if plan.case is None:
        return found
    for chance, built in plan.projects_with_probability:
        share = chance * built.offtake_by_company.get(company, 0.0)
        for material, tonnes in _full_output(plan.case.projects[built.id]).items():
            if share * tonnes > MONEY_TOLERANCE:
                found[material] = found.get(material, 0.0) + share * tonnes
    return found


def _full_output(project: Project) -> dict[str, float]:
    """Tonnes a year at full output."""
    share = float(project.ramp_up[-1])
    return {m: float(tonnes) * share for m, tonnes in project.output_t_per_year.items()}
