"""How a plan was computed, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.scenario.case import Case
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import Bullets, Heading, Part
from optimizer.report.figures import NOISE, exact, number, percent
from optimizer.report.wording import listed, materials_counted


def method(say: PlanWording) -> Iterator[Part]:
    """What goes in, what is chosen, what is asked of it, and what it does not say."""
    if say.case is None:
        return
    yield tr(
        "The program chooses which projects to support when and with which instruments, and what "
        "to buy for stock in each year. It searches all combinations that budgets and rules allow "
        "for the one with the best result over all states of the world."
    )
    yield Bullets(list(_steps(say, say.case)))
    yield Heading(tr("Rules that the plan keeps"))
    yield Bullets(list(_rules(say, say.case)))
    yield Heading(tr("What the model does not say"))
    yield Bullets(list(_limits(say)))


def _steps(say: PlanWording, case: Case) -> Iterator[str]:
    plan = say.plan
    periods = int(case.horizon.periods_per_year)
    yield tr(
        "The scenario covers {span} {periods}: {what}.",
        span=say.span,
        periods={1: tr("in years"), 4: tr("in quarters"), 12: tr("in months")}.get(
            periods, tr("in half years")
        ),
        what=listed(_counted(case)),
    )
    if plan.certificate.seed is not None:
        yield tr(
            "{states} states of the world are drawn at random (seed {seed}): which of {hazards} "
            "hazards strike when, which projects fail, and how late the others are.",
            states=number(plan.certificate.states),
            seed=plan.certificate.seed,
            hazards=number(len(case.hazards)),
        )
    elif plan.certificate.states > 1:
        yield tr(
            "The scenario writes out {states} states of the world with their probabilities.",
            states=number(plan.certificate.states),
        )
    else:
        yield tr("There is one state of the world; nothing in it is left to chance.")
    if say.of_damage:
        yield tr(
            "In each state, supply is allocated and stocks are released to minimise damage. What "
            "is still missing counts by the steps of the damage curve: first what can be saved "
            "cheaply, last what stops production."
        )
    else:
        yield tr(
            "In each state, supply is allocated and stocks are released so that least is missing."
        )
    weight = float(case.objective.cvar.weight)
    if weight > 0:
        yield tr(
            "The plan is judged by the mean over all states and, with a weight of {weight}, by the "
            "mean of the worst {share} of them.",
            weight=percent(weight),
            share=say.worst_share,
        )
    else:
        yield tr("The plan is judged by the mean over all states.")
    yield tr(
        "Net cost counts with a weight of {weight} per {currency}; costs are discounted at {rate} "
        "a year.",
        weight=exact(float(case.objective.cost_weight)),
        currency=plan.currency,
        rate=percent(float(case.horizon.discount_rate)),
    )


def _counted(case: Case) -> list[str]:
    """How many parts of each kind the scenario has."""
    consumers, projects, piles = len(case.consumers), len(case.projects), len(case.stockpiles)
    return [
        materials_counted(len(case.materials)),
        tr("1 consumer") if consumers == 1 else tr("{count} consumers", count=number(consumers)),
        tr("1 candidate project")
        if projects == 1
        else tr("{count} candidate projects", count=number(projects)),
        tr("1 stockpile") if piles == 1 else tr("{count} stockpiles", count=number(piles)),
    ]


def _rules(say: PlanWording, case: Case) -> Iterator[str]:
    policy = case.policy
    yield tr("Every budget is kept in every year, and every project is financed in full.")
    if policy.budget_meur is not None:
        yield tr(
            "All public funders together spend {amount} at most.",
            amount=say.money(float(policy.budget_meur)),
        )
    if policy.max_public_share is not None:
        yield tr(
            "Public funders carry {share} of a project's capital cost at most.",
            share=percent(float(policy.max_public_share)),
        )
    aid = policy.state_aid
    if aid is not None and aid.max_intensity is not None:
        yield tr(
            "State aid is {share} of a project's capital cost at most.",
            share=percent(float(aid.max_intensity)),
        )
    if aid is not None and aid.max_meur is not None:
        yield tr("State aid is {amount} a project at most.", amount=say.money(float(aid.max_meur)))
    limit = policy.max_country_share
    if limit is not None:
        yield tr(
            "No country supplies more than {share} of the demand for a material.",
            share=percent(float(limit.limit)),
        )
    if policy.max_projects is not None:
        yield tr("{count} projects are built at most.", count=number(float(policy.max_projects)))
    for ids, text in (
        (policy.must_build, tr("Must be built:")),
        (policy.must_not_build, tr("Must not be built:")),
    ):
        if ids:
            yield f"{text} {say.names('projects', ids)}."


def _limits(say: PlanWording) -> Iterator[str]:
    yield tr(
        "It is no forecast: states of the world and their probabilities are assumptions. A plan is "
        "optimal under these assumptions, not necessarily in reality."
    )
    if say.of_damage:
        yield tr(
            "What a missing tonne costs an economy is known roughly at best. Other values can "
            "lead to another plan."
        )
    yield tr(
        "Releases assume foresight: the model knows how long a disruption lasts. An agency does "
        "not, and does less well."
    )
    yield tr(
        "Decisions are taken up front, before it is known which state occurs; the plan does not "
        "wait and see."
    )
    yield tr(
        "Prices do not react to what is bought, and nothing is worth anything after {year}.",
        year=say.years[-1],
    )
    if say.cost.public_charged_meur > NOISE:
        yield tr("Other benefits and costs, such as jobs or the environment, are not counted.")


def terms(say: PlanWording) -> list[tuple[str, str]]:
    """What the words mean, in alphabetical order."""
    entries = {
        tr("Budget class"): tr(
            "How a budget books money: a financial transaction (a stake or a loan that is "
            "worth something in return), a guarantee, a grant, or expenditure."
        ),
        tr("Expected shortfall (CVaR, conditional value at risk)"): tr(
            "The mean of the worst states; here of the worst {level} by probability.",
            level=say.worst_share,
        ),
        tr("Damage"): tr(
            "What missing tonnes cost the economy: {unit} by the damage curve of the scenario, "
            "discounted and summed over the years.",
            unit=say.million,
        ),
        tr("Days of cover"): tr("Stock at a year's end, divided by that year's demand, times 365."),
        tr("Expected"): tr("The mean over all states of the world, weighted by their probability."),
        tr("Expected loss and maximum loss"): tr(
            "Of money committed: what is lost on average by the stated probabilities of "
            "failure, and what is lost if everything fails; neither is discounted."
        ),
        tr("Gap and bound"): tr(
            "The bound is a value below which no plan can fall; the gap is the distance of "
            "this plan from it."
        ),
        tr("HHI (Herfindahl-Hirschman index)"): tr(
            "Sum of the squared shares of supplying countries in percent: {most} for a single "
            "supplier, {fifth} for five equal ones.",
            most=number(10_000),
            fifth=number(2_000),
        ),
        tr("Import dependency"): tr(
            "Share of supply that comes from outside the countries that the scenario calls "
            "domestic."
        ),
        tr("Net cost"): tr(
            "What all funders pay for projects and stocks less what is expected to come back; "
            "a present value. Money of lenders is no cost here."
        ),
        tr("Present value"): tr(
            "Amounts of later years, discounted to the first year of the horizon."
        ),
        tr("Provision"): tr(
            "What a guarantee takes from a budget: a share of the amount guaranteed. It is "
            "neither the expected loss nor the net cost."
        ),
        tr("State of the world"): tr(
            "One way the coming years may go: which disruptions strike when, which projects "
            "fail or come late."
        ),
        tr("Without plan"): tr(
            "The same states if no project is supported and nothing is bought for stock."
        ),
    }
    if say.plan.outcome.residual_meur:
        says = tr(
            "What the scenario lets stocks and projects be worth when its last year ends; "
            "discounted. Stock counts as if none were released. It lowers the net cost and brings "
            "no budget."
        )
        entries[tr("Residual value")] = says
    return sorted(entries.items(), key=lambda entry: entry[0].casefold())
