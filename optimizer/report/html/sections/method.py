"""How the answer was computed, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import NOISE, exact, number, percent
from optimizer.report.html.parts import Bullets, Heading, Section
from optimizer.report.html.subject import (
    Subject,
    candidates_counted,
    consumers_counted,
    listed,
    materials_counted,
    stockpiles_counted,
)


def method(subject: Subject) -> Section:
    """What goes in, what is chosen, what is asked of it, and what it does not say."""
    return Section(
        "method",
        tr("How it was computed"),
        [
            tr(
                "The program chooses which projects to support when and with which instruments, "
                "and what to buy for stock in each year. It searches all combinations that "
                "budgets and rules allow for the one with the best result over all states of the "
                "world."
            ),
            Bullets(list(_steps(subject))),
            Heading(tr("Rules that the plan keeps")),
            Bullets(list(_rules(subject))),
            Heading(tr("What the model does not say")),
            Bullets(list(_limits(subject))),
        ],
    )


def _steps(subject: Subject) -> Iterator[str]:
    case, plan = subject.case, subject.plan
    periods = int(case.horizon.periods_per_year)
    yield tr(
        "The scenario covers {span} {periods}: {what}.",
        span=subject.span,
        periods={1: tr("in years"), 4: tr("in quarters"), 12: tr("in months")}.get(
            periods, tr("in half years")
        ),
        what=listed(
            [
                materials_counted(len(case.materials)),
                consumers_counted(len(case.consumers)),
                candidates_counted(len(case.projects)),
                stockpiles_counted(len(case.stockpiles)),
            ]
        ),
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
    if subject.of_damage:
        yield tr(
            "In each state, what is there is shared out and stocks are released so that least is "
            "lost. What is still missing counts by the steps of the damage curve: first what can "
            "be saved cheaply, last what stops production."
        )
    else:
        yield tr(
            "In each state, what is there is shared out and stocks are released so that least is "
            "missing."
        )
    weight = float(case.objective.cvar.weight)
    rate = float(case.horizon.discount_rate)
    if weight > 0:
        yield tr(
            "The plan is judged by the mean over all states and, with a weight of {weight}, by the "
            "mean of the worst {share} of them.",
            weight=percent(weight),
            share=percent(1 - plan.outcome.cvar_level),
        )
    else:
        yield tr("The plan is judged by the mean over all states.")
    yield tr(
        "Net cost counts with a weight of {weight} per {currency}; costs are discounted at {rate} "
        "a year.",
        weight=exact(float(case.objective.cost_weight)),
        currency=plan.currency,
        rate=percent(rate),
    )


def _rules(subject: Subject) -> Iterator[str]:
    case = subject.case
    policy = case.policy
    yield tr("Every budget is kept in every year, and every project is financed in full.")
    if policy.budget_meur is not None:
        yield tr(
            "All public funders together spend {amount} at most.",
            amount=subject.amount(float(policy.budget_meur)),
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
        yield tr(
            "State aid is {amount} a project at most.", amount=subject.amount(float(aid.max_meur))
        )
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
            yield f"{text} {', '.join(subject.name('project', p) for p in ids)}."


def _limits(subject: Subject) -> Iterator[str]:
    yield tr(
        "It is no forecast: states of the world and their probabilities are assumptions. A plan is "
        "best against them, not against the future."
    )
    if subject.of_damage:
        yield tr(
            "What a missing tonne costs an economy is known roughly at best. Other values can "
            "lead to another plan."
        )
    yield tr(
        "The release of stocks knows how long a disruption lasts; an agency does not, and does "
        "less well."
    )
    yield tr("All is decided before the state is known; the plan does not wait and see.")
    yield tr(
        "Prices do not react to what is bought, and nothing is worth anything after {year}.",
        year=subject.years[-1],
    )
    if subject.charged > NOISE:
        yield tr("Other benefits and costs, such as jobs or the environment, are not counted.")
