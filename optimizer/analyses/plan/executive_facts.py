"""Key figures of the first page of a plan, and its tables of reference plans and approvals."""

import math
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from models.language import current_language, tr
from models.results import Brief, ReferenceIncrement
from optimizer.analyses.comparison.money import MONEY_TOLERANCE
from optimizer.analyses.plan.plan_wording import PlanWording, option_name
from optimizer.report.charts import Chart, plan_charts as charts
from optimizer.report.countries import country_name
from optimizer.report.document import TERMINAL_AND_PAGE, Check, Column, Fact, Part, Table
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_rounded,
    format_rounded_percent,
    sanitize,
)
from optimizer.report.wording import join_with_and

MAX_YEAR_RUNS = 3
"""Largest number of runs of years with equal amounts that a text lists."""
MAX_YEAR_COLUMNS = 5
"""Number of years of decision with separate columns, if later years share one."""
AMOUNT_TOLERANCE = 0.005
"""Relative difference up to which amounts of two years count as equal."""


def _comparison_label(increment: ReferenceIncrement) -> str:
    """Return the label of a reference plan next to its bar."""
    if increment.to == "nothing":
        return tr("No plan")
    return increment.title or tr("Best plan without public money")


def compared_references(brief: Brief) -> list[ReferenceIncrement]:
    """Return the reference plans with which the plan is compared.

    Options that the comparison ranks above the plan replace the next cheaper option.
    """
    increments = [x for x in brief.increments if x.to != "option" or not brief.better]
    labels = {increment.over for increment in increments}
    return [*increments, *(increment for increment in brief.better if increment.over not in labels)]


def format_per_euro(ratio: float) -> str:
    """Format an amount for each unit of public money."""
    return format_number(ratio, 1 if ratio >= 1 else 2)


def key_facts(wording: PlanWording) -> Iterator[Fact]:
    """Yield facts on approvals, public cost, avoided damage, and damage in the worst states."""
    plan, brief = wording.plan, wording.brief
    yield from _first_approval_facts(wording)
    if wording.public_positions:
        public_cost, home_share = wording.cost.public, brief.fiscal.home_share
        detail = tr(
            "{present} put up, less what is expected to come back, as present values; {paid} not "
            "discounted",
            present=wording.money_amount(public_cost.paid_present_meur or 0.0),
            paid=wording.money_amount(public_cost.paid_meur),
        )
        if wording.has_contingency:
            detail += tr(", with expected overruns")
        if home_share is not None and wording.case is not None and wording.case.home:
            detail += "; " + tr(
                "{share} of what goes to projects stays in {home}",
                share=format_rounded_percent(home_share),
                home=join_with_and([country_name(code) for code in wording.case.home]),
            )
        yield Fact(
            tr("Net cost to public funders"), wording.money_amount(public_cost.cost_meur), detail
        )
    borrowed_by_year = brief.fiscal.debt_brake_by_year_meur
    if borrowed_by_year is not None and wording.public_positions:
        yearly_amounts = _describe_yearly_amounts(wording, borrowed_by_year)
        loss = brief.fiscal.expected_loss_meur
        loss_note = tr("stakes and guarantees count only where they are lost")
        if loss is not None and loss > ZERO_TOLERANCE:
            loss_note += " " + tr(
                "({loss} expected over all years, not discounted)", loss=wording.money_amount(loss)
            )
        total_text = wording.money_amount(sum(borrowed_by_year.values()))
        detail = "; ".join([*yearly_amounts, loss_note])
        yield Fact(tr("Counts under the debt brake"), total_text, detail)
    compared_with_nothing, *other_increments = brief.increments
    is_damage = wording.counts_damage
    label = tr("Expected damage avoided") if is_damage else tr("Expected shortage avoided")
    detail = tr(
        "{before} without the plan, {after} with it",
        before=wording.amount_for_sentence(compared_with_nothing.left),
        after=wording.amount_for_sentence(plan.outcome.expected),
    )
    if wording.companions.evaluation is not None:  # its figures are those of other states
        detail += " " + tr("on the states that it was chosen on")
    if compared_with_nothing.avoided_per_euro is not None:
        average = format_per_euro(compared_with_nothing.avoided_per_euro)
        detail += "; " + tr("on average {per_euro} {currency} for each public {currency}",
                            per_euro=average, currency=wording.currency)  # fmt: skip
        if wording.cost.private.paid_meur > ZERO_TOLERANCE:
            detail += tr(", with what companies achieve")
    yield Fact(label, wording.amount_for_sentence(compared_with_nothing.avoided), detail)
    for increment in other_increments[:1]:
        detail = tr("{before} left there", before=wording.amount_for_sentence(increment.left))
        if increment.avoided_per_euro is not None:
            detail += "; " + tr(
                "{per_euro} {currency} for each public {currency} more",
                per_euro=format_per_euro(increment.avoided_per_euro),
                currency=wording.currency,
            )
        label = tr("Avoided compared with {other}", other=option_name(increment))
        yield Fact(label, wording.amount_for_sentence(increment.avoided), detail)
    tail, with_plan = brief.tail, brief.tail.with_plan
    detail = tr("{before} without the plan; on the {states} states that it was chosen on",
                before=wording.amount_for_sentence(tail.without_plan),
                states=format_number(tail.states))  # fmt: skip
    if tail.fresh_with_plan is not None and tail.fresh_without_plan is not None:
        with_plan = tail.fresh_with_plan
        detail = tr(
            "{before} without it, on {states} fresh states; {own} on those it was chosen on",
            before=wording.amount_for_sentence(tail.fresh_without_plan),
            states=format_number(tail.fresh_states),
            own=wording.amount_for_sentence(tail.with_plan),
        )
    yield Fact(wording.tail_label, wording.amount_for_sentence(with_plan), detail)


def _describe_yearly_amounts(wording: PlanWording, amounts: Mapping[str, float]) -> list[str]:
    """Return texts on amounts by year, in which runs of equal amounts are merged.

    Of many runs, only the largest amount is stated.
    """
    runs: list[tuple[int, int, float]] = []
    for year, amount in sorted((int(y), a) for y, a in amounts.items() if a > ZERO_TOLERANCE):
        first_year, last_year, previous_amount = runs[-1] if runs else (year, year, 0.0)
        if (
            last_year == year - 1
            and abs(amount - previous_amount) <= AMOUNT_TOLERANCE * previous_amount
        ):
            runs[-1] = first_year, year, previous_amount
        else:
            runs.append((year, year, amount))

    def run_fields(run: tuple[int, int, float]) -> dict[str, str]:
        first_year, last_year, amount = run
        span = (
            str(first_year)
            if first_year == last_year
            else tr("{first} to {last}", first=first_year, last=last_year)
        )
        return {"amount": wording.money_amount(amount), "years": span}

    if len(runs) > MAX_YEAR_RUNS:
        largest_run = max(runs, key=itemgetter(2))
        return [tr("at most {amount} a year, in {years}", **run_fields(largest_run))]
    return [tr("{amount} a year in {years}", **run_fields(run)) for run in runs]


def _first_approval_facts(wording: PlanWording) -> Iterator[Fact]:
    """Yield the fact with the amounts to be approved in the first year that has an approval."""
    first_approval_year = wording.brief.fiscal.first_year
    if first_approval_year is None:
        return
    amounts: dict[str, float] = {}
    for approval in wording.brief.fiscal.approvals:
        if approval.year == first_approval_year:
            amounts[approval.funder] = amounts.get(approval.funder, 0.0) + approval.meur
    approval_texts = [
        f"{wording.payer_name(f)} {format_rounded(amount)}" for f, amount in amounts.items()
    ]
    detail = tr("{parts}; by year of decision, not of payment", parts=join_with_and(approval_texts))
    if wording.plan.review is not None and first_approval_year >= wording.plan.review.year:
        detail += "; " + tr("a mean over what may have been seen")
    yield Fact(
        tr("To be approved first, in {year}", year=first_approval_year),
        wording.money_amount(sum(amounts.values())),
        detail,
    )


def comparison_tables(wording: PlanWording) -> Iterator[Part]:
    """Yield the table of the remaining damage with the plan and with its reference plans."""
    rows = [(_comparison_label(x), x.left, x.left_cvar) for x in compared_references(wording.brief)]
    plan_label = tr("This plan")
    if wording.case is not None and wording.case.variants and wording.plan.variant is None:
        plan_label += f" ({tr('base case')})"
    rows.append((plan_label, wording.plan.outcome.expected, wording.plan.outcome.cvar))
    names, mean, tail = zip(*rows, strict=True)
    titles = (wording.expected_title, tr("Mean of the worst {share}", share=wording.worst_share))
    caption = tr("What is left on the states that it was chosen on ({unit})", unit=wording.unit)
    description = tr("Two bars a line: the mean of all states, and that of the worst {share}.",
              share=wording.worst_share)  # fmt: skip
    # The unit stands in one header only, as names may be long.
    headers = (f"{titles[0]} ({wording.unit})", titles[1])
    chart = Chart(
        "against", caption, description, lambda: charts.paired_bars(names, (mean, tail), headers)
    )
    columns = [
        Column(tr("Option"), "0", "text"),
        *(
            Column(title, str(n), "outcome", decimals_group="left")
            for n, title in enumerate(titles, 1)
        ),
    ]
    yield Table(
        caption, rows, columns, "against", chart=chart, is_collapsed=True, media=TERMINAL_AND_PAGE
    )


def approvals_table(wording: PlanWording) -> Table:
    """Return a table of the public money to be approved, by funder and year of decision."""
    fiscal = wording.brief.fiscal
    years = sorted({approval.year for approval in fiscal.approvals})
    shown_years = years if len(years) <= MAX_YEAR_COLUMNS + 1 else years[:MAX_YEAR_COLUMNS]
    options: dict[str, Any] = {"decimals_group": "years", "total": True}
    amounts_by_funder: dict[str, dict[int, float]] = {}
    for approval in fiscal.approvals:
        by_year = amounts_by_funder.setdefault(approval.funder, {})
        by_year[approval.year] = by_year.get(approval.year, 0.0) + approval.meur

    def year_column(year: int) -> Column:
        return Column(year, lambda row: row[1].get(year, 0.0), "money", **options)

    columns = [
        Column(tr("Funder"), lambda row: wording.payer_header(row[0]), "text"),
        *map(year_column, shown_years),
    ]
    if len(shown_years) < len(years):
        columns.append(
            Column(
                tr("Later"),
                lambda row: sum(x for year, x in row[1].items() if year not in shown_years),
                "money",
                **options,
            )
        )
    columns.append(Column(tr("All years"), lambda row: sum(row[1].values()), "money", **options))
    note = tr("Guarantees with the loans that they cover, stocks by year of payment.")
    if wording.has_contingency:
        note += " " + tr("With the overruns that budgets allow for.")
    if wording.plan.review is not None:
        note += " " + tr("From {year} on: means over the groups.", year=wording.plan.review.year)
    return Table(
        tr("To be approved, by year of decision ({unit})", unit=wording.money_unit),
        list(amounts_by_funder.items()),
        columns,
        "approvals",
        note,
        total_label=tr("Sum"),
    )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield a check that the amounts to be approved of each funder equal the amounts committed in
    its accounts."""
    approved: dict[str, float] = {}
    for approval in wording.brief.fiscal.approvals:
        approved[approval.funder] = approved.get(approval.funder, 0.0) + approval.meur
    for funder, amount in approved.items():
        statement = tr(
            "{funder}: what is to be approved is what its accounts commit",
            funder=wording.payer_header(funder),
        )
        positions = [x for x in wording.plan.accounts if x.funder == funder]
        yield Check(statement, amount, math.fsum(x.committed_meur for x in positions))


def describe_better_options(wording: PlanWording) -> Iterator[str]:
    """Yield a sentence that names the better options, if the comparison found any."""
    if not wording.brief.better:
        return
    title = sanitize(getattr(wording.brief.option.title, current_language()))
    is_base = wording.plan.variant is None
    plan_name = tr("the base case") if is_base else tr("“{option}”", option=title)
    yield tr(
        "This is about {plan} alone. Of the options compared with it ({count}), the comparison "
        "finds better: {options}; each compared with this plan, by {measures}.",
        plan=plan_name,
        count=format_number(wording.brief.compared),
        options="; ".join(_describe_option(wording, option) for option in wording.brief.better),
        measures=tr("expected damage and the present value of public funding")
        if wording.counts_damage
        else tr("expected shortage and the present value of public funding"),
    )


def _describe_option(wording: PlanWording, increment: ReferenceIncrement) -> str:
    """Return a text on a better option: how its damage and public money differ from the plan's."""
    extra_money = increment.public_present_meur
    sentence_fields = {
        "option": option_name(increment),
        "left": wording.amount_for_sentence(abs(increment.avoided)),
    }
    sentence_fields["paid"] = wording.money_amount(abs(extra_money))
    if increment.avoided > 0:
        return tr("{option} leaves {left} more for {paid} less", **sentence_fields)
    if extra_money > MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} less", **sentence_fields)
    if extra_money < -MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} more", **sentence_fields)
    return tr("{option} leaves {left} less for the same", **sentence_fields)
