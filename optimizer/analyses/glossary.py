"""Glossary of documents on one or several plans."""

from models.language import tr
from models.results import Plan
from optimizer.report.document import PAGE, Section, Terms
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording


def glossary_section(wording: Wording[Plan]) -> Section:
    """Build the glossary section for a document of one or several plans; ``wording`` is that of one
    of them."""
    entries = {
        tr("Budget class"): tr(
            "How a budget books money: a financial transaction (a stake or a loan that is "
            "worth something in return), a guarantee, a grant, or expenditure."
        ),
        tr("Damage"): tr(
            "What missing tonnes cost the economy: {unit} by the damage curve of the scenario, "
            "discounted and summed over the years.",
            unit=wording.money_unit,
        ),
        tr("Gap and bound"): tr(
            "Plans are measured by their objective, the outcome over all states and weighted net "
            "cost; less is better. The bound is a value below which no plan can fall; the gap is "
            "the distance of this plan from it."
        ),
        tr("HHI (Herfindahl-Hirschman index)"): tr(
            "Sum of the squared shares of supplying countries in percent: {most} for a single "
            "supplier, {fifth} for five equal ones.",
            most=format_number(10_000),
            fifth=format_number(2_000),
        ),
        tr("Import dependency"): tr(
            "Share of supply that comes from outside the countries that the scenario calls "
            "domestic."
        ),
        tr("Need"): tr(
            "Of a material in a year: demand of all consumers, and what plants that run today take "
            "in of it, at full capacity, to make other materials."
        ),
        tr("State of the world"): tr(
            "One way the coming years may go: which disruptions strike when, which projects "
            "fail or come late."
        ),
    }
    if wording.result.outcome.residual_meur:
        entries[tr("Residual value")] = tr(
            "What the scenario lets stocks and projects be worth when its last year ends; "
            "discounted. Stock counts as if none were released. It lowers the net cost and brings "
            "no budget."
        )
    ordered_entries = sorted(entries.items(), key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(ordered_entries)], PAGE)
