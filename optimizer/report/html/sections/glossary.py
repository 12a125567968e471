"""Words that the report uses, and what they mean."""

from __future__ import annotations

from models.language import tr
from optimizer.report.figures import number, percent
from optimizer.report.html.parts import Section, Terms
from optimizer.report.html.subject import Subject


def glossary(subject: Subject) -> Section:
    """Terms in alphabetical order."""
    level = percent(1 - subject.plan.outcome.cvar_level)
    entries = [
        (
            tr("Budget class"),
            tr(
                "How a budget books money: a financial transaction (a stake or a loan that is "
                "worth something in return), a guarantee, a grant, or expenditure."
            ),
        ),
        (
            tr("CVaR (conditional value at risk)"),
            tr(
                "The mean of the worst states; here of the worst {level} by probability.",
                level=level,
            ),
        ),
        (
            tr("Damage"),
            tr(
                "What missing tonnes cost the economy: {unit} by the damage curve of the scenario, "
                "discounted and summed over the years.",
                unit=subject.million,
            ),
        ),
        (
            tr("Days of cover"),
            tr("Stock at a year's end, divided by that year's demand, times 365."),
        ),
        (
            tr("Expected"),
            tr("The mean over all states of the world, weighted by their probability."),
        ),
        (
            tr("Expected loss and maximum loss"),
            tr(
                "Of money put up: what is lost on average by the stated probabilities of failure, "
                "and what is lost if everything fails."
            ),
        ),
        (
            tr("Gap and bound"),
            tr(
                "The bound is a value that no plan can beat; the gap is the distance of this plan "
                "from it."
            ),
        ),
        (
            tr("HHI (Herfindahl-Hirschman index)"),
            tr(
                "Sum of the squared shares of supplying countries in percent: {most} for a single "
                "supplier, {fifth} for five equal ones.",
                most=number(10_000),
                fifth=number(2_000),
            ),
        ),
        (
            tr("Import dependency"),
            tr("Share of supply that comes from outside the countries the scenario calls home."),
        ),
        (
            tr("Net cost"),
            tr(
                "What all funders put up, less what is expected to come back, and what stocks "
                "cost; discounted. Money of lenders is no cost here."
            ),
        ),
        (
            tr("Present value"),
            tr("Amounts of later years, discounted to the first year of the horizon."),
        ),
        (
            tr("Provision"),
            tr("What a guarantee takes from a budget: a share of the amount guaranteed."),
        ),
        (
            tr("State of the world"),
            tr(
                "One way the coming years may go: which disruptions strike when, which projects "
                "fail or come late."
            ),
        ),
        (
            tr("Without plan"),
            tr("The same states if no project is supported and nothing is bought for stock."),
        ),
    ]
    if subject.plan.outcome.residual_meur:
        says = tr(
            "What the scenario lets stocks and projects be worth when its last year ends; "
            "discounted. Stock counts as if none were released. It lowers the net cost and brings "
            "no budget."
        )
        entries.append((tr("Residual value"), says))
    entries.sort(key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(entries)])
