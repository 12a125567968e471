"""The answer of a plan on one page, which is also its brief."""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from models.language import tr
from models.results import Brief, ReferenceIncrement
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan import review_decisions, risks, set_outcomes
from optimizer.analyses.plan.method import certificate_cautions
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    decidable_projects,
    option_name,
    relative_reduction,
)
from optimizer.analyses.plan.preferred_options import describe_better_options
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE,
    TERMINAL,
    TERMINAL_AND_PAGE,
    Bullets,
    Check,
    Column,
    Fact,
    Part,
    Table,
    Text,
)
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import (
    capitalize,
    join_with_and,
    material_count_text,
    project_count_text,
)
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.placed_tables import FormulaRow

MAX_YEAR_RUNS = 3
"""Largest number of runs of years with equal amounts that a text lists."""
MAX_YEAR_COLUMNS = 5
"""Years of decision with columns of their own; later years share one."""
AMOUNT_TOLERANCE = 0.005
"""Relative difference below which amounts of two years count as equal."""


def build_answer(wording: PlanWording) -> Iterator[Part]:
    """Yield the parts of the answer: recommendation, approvals, increments, risks and break-even
    points."""
    review_sentences = review_decisions.describe_review(wording, wording.plan.review)
    outcome_sentences = [
        *_describe_increments(wording),
        *set_outcomes.describe_set_outcomes(wording),
        *_describe_budget_risk(wording),
    ]
    yield " ".join(
        [
            describe_recommendation(wording),
            *describe_better_options(wording),
            *review_sentences,
            *outcome_sentences,
        ]
    )
    if points := list(_describe_disputes_and_review(wording)):
        yield Bullets(points)
    # A page lists these under what would change the decision.
    yield from (
        Text(text, TERMINAL)
        for text in break_even_sentences(wording.plan.worth_from, tr("This plan"))
    )
    yield doc.Facts(list(_key_facts(wording)), TERMINAL_AND_PAGE)
    yield from _comparison_tables(wording)
    yield _approvals_table(wording)
    risk_sentences = list(risks.describe_risks(wording))
    turning_points = list(risks.describe_turning_points(wording))
    if risk_sentences:
        yield doc.Heading(tr("What may go wrong"), PAGE)
        yield Bullets(risk_sentences, PAGE)
    if turning_points:
        yield doc.Heading(tr("What would turn the decision"), PAGE)
        yield Bullets(turning_points, PAGE)
    yield doc.Caution(
        [*certificate_cautions(wording.plan), *risks.describe_assumption_shares(wording)]
    )
    yield Text(" ".join(_describe_basis(wording)), PAGE)


def _describe_disputes_and_review(wording: PlanWording) -> Iterator[str]:
    """Yield, if known, where experts agree or differ, and what a plan with a review would defer."""
    companions = wording.companions
    if companions.disagreement and (
        text := " ".join(set_outcomes.describe_disputes(wording, companions.disagreement))
    ):
        yield text
    if companions.waiting is not None and wording.plan.review is None:
        yield " ".join(
            review_decisions.describe_deferrable_decisions(wording, companions.waiting.review)
        )


def describe_recommendation(wording: PlanWording) -> str:
    """Return the recommendation in one or two sentences."""
    plan = wording.plan
    with_plan, without_plan = plan.outcome.expected, plan.outcome.without_plan.expected
    values = {
        "noun": wording.expected_outcome,
        "during": wording.horizon_phrase,
        "after": wording.amount_for_sentence(with_plan),
    }
    actions = list(_recommended_actions(wording))
    if not actions:
        return tr("The plan is to build and buy nothing: {noun}{during} is {after}.", **values)
    values |= {
        "what": join_with_and(actions),
        "before": wording.amount_for_sentence(without_plan),
        "lead": tr("Recommended"),
    }
    if (
        wording.case is not None
        and float(wording.case.objective.cost_weight) < 1
        and wording.counts_damage
    ):
        # Net cost has little weight: budgets are used as far as they lower damage.
        values["lead"] = tr("Least damage within the budgets")
    if abs(with_plan - without_plan) <= ZERO_TOLERANCE * max(1.0, abs(without_plan)):
        return tr("{lead}: {what}. With it {noun}{during} stays at {after}.", **values)
    change = relative_reduction(with_plan, without_plan)
    if change is None:
        return tr("{lead}: {what}. With it {noun}{during} goes from {before} to {after}.", **values)
    values["by"] = format_rounded_percent(abs(change))
    sentences = (
        tr("{lead}: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
            **values),
        tr("{lead}: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
            **values),
    )  # fmt: skip
    return sentences[change < 0]


def _recommended_actions(wording: PlanWording) -> Iterator[str]:
    plan = wording.plan
    if plan.projects and wording.case is not None:
        yield tr(
            "support {count} of {of} candidate projects",
            count=format_number(len(plan.projects)),
            of=format_number(len(list(decidable_projects(wording.case)))),
        )
    elif plan.projects:
        yield tr("support {projects}", projects=project_count_text(len(plan.projects)))
    if plan.review is not None and (late := review_decisions.later_projects(plan.review)):
        yield tr(
            "support up to {projects} from {year} on",
            projects=project_count_text(len(late)),
            year=plan.review.year,
        )
    stocked = {
        s.material for s in plan.stockpiles if any(t > ZERO_TOLERANCE for t in s.buy_t.values())
    }
    if stocked:
        yield tr("buy stocks of {materials}", materials=material_count_text(len(stocked)))


def _comparison_label(comparison: ReferenceIncrement) -> str:
    """Return the label of a reference plan next to its bar."""
    if comparison.to == "nothing":
        return tr("No plan")
    return comparison.title or tr("Best plan without public money")


def _comparisons(brief: Brief) -> list[ReferenceIncrement]:
    """Return the reference plans with which the plan is compared.

    Options that the comparison ranks above the plan replace the next cheaper option.
    """
    increments = [x for x in brief.increments if x.to != "option" or not brief.better]
    labels = {increment.over for increment in increments}
    return [*increments, *(increment for increment in brief.better if increment.over not in labels)]


def _describe_increments(wording: PlanWording) -> Iterator[str]:
    """Describe what the plan adds to the reference plan and to the next cheaper option."""
    for increment in wording.brief.increments[1:]:
        if wording.brief.better and (
            increment.to == "option" or increment.significant is not False
        ):
            continue  # shown only among the key facts, for lack of room
        values = {
            "other": option_name(increment),
            "avoided": wording.amount_for_sentence(abs(increment.avoided)),
        }
        if increment.avoided < 0:
            yield tr("Compared with {other}, it leaves {avoided} more.", **values)
        elif increment.avoided_per_euro is None:
            yield tr("Compared with {other}, it avoids {avoided} more.", **values)
        else:
            yield tr(
                "Compared with {other}, it avoids {avoided} more for {paid} more of public money "
                "(present value): {per_euro} {currency} for each {currency}.",
                paid=wording.money_amount(increment.public_present_meur),
                per_euro=_format_per_euro(increment.avoided_per_euro),
                currency=wording.currency,
                **values,
            )
        if increment.significant is False:
            yield tr("That is no more than the proofs of both leave open.")


def _describe_budget_risk(wording: PlanWording) -> Iterator[str]:
    """Yield the probability that all budgets suffice if capital expenditure may overrun."""
    evaluation = wording.companions.evaluation
    if evaluation is None or evaluation.budget_risk is None:
        return
    probability = evaluation.budget_risk.all_hold.value
    yield tr(
        "All budgets together are enough with a probability of {share}.",
        share=format_rounded_percent(probability),
    )
    contingency = None if wording.case is None else wording.case.policy.contingency
    if contingency is not None and probability < contingency:
        yield tr(
            "The money of each project by itself is to be enough with {share}.",
            share=format_percent(float(contingency)),
        )


def _format_per_euro(ratio: float) -> str:
    return format_number(ratio, 1 if ratio >= 1 else 2)


def _key_facts(wording: PlanWording) -> Iterator[Fact]:
    plan, brief = wording.plan, wording.brief
    yield from _first_approval_facts(wording)
    if wording.public_positions:
        public, home_share = wording.cost.public, brief.fiscal.home_share
        detail = tr(
            "{present} put up, less what is expected to come back, as present values; {paid} not "
            "discounted",
            present=wording.money_amount(public.paid_present_meur or 0.0),
            paid=wording.money_amount(public.paid_meur),
        )
        if wording.has_contingency:
            detail += tr(", with expected overruns")
        if home_share is not None and wording.case is not None and wording.case.home:
            detail += "; " + tr(
                "{share} of what goes to projects stays in {home}",
                share=format_rounded_percent(home_share),
                home=join_with_and([country_name(code) for code in wording.case.home]),
            )
        yield Fact(tr("Net cost to public funders"), wording.money_amount(public.cost_meur), detail)
    if (borrowed := brief.fiscal.debt_brake_by_year_meur) is not None and wording.public_positions:
        yearly_amounts = _describe_yearly_amounts(wording, borrowed)
        loss = brief.fiscal.expected_loss_meur
        loss_note = tr("stakes and guarantees count only where they are lost")
        if loss is not None and loss > ZERO_TOLERANCE:
            loss_note += " " + tr(
                "({loss} expected over all years, not discounted)", loss=wording.money_amount(loss)
            )
        total = wording.money_amount(sum(borrowed.values()))
        yield Fact(
            tr("Counts under the debt brake"), total, "; ".join([*yearly_amounts, loss_note])
        )
    compared_with_nothing, *others = brief.increments
    label = (
        tr("Expected damage avoided") if wording.counts_damage else tr("Expected shortage avoided")
    )
    detail = tr(
        "{before} without the plan, {after} with it",
        before=wording.amount_for_sentence(compared_with_nothing.left),
        after=wording.amount_for_sentence(plan.outcome.expected),
    )
    if wording.companions.evaluation is not None:  # its figures are those of other states
        detail += " " + tr("on the states that it was chosen on")
    if compared_with_nothing.avoided_per_euro is not None:
        average = _format_per_euro(compared_with_nothing.avoided_per_euro)
        detail += "; " + tr("on average {per_euro} {currency} for each public {currency}",
                            per_euro=average, currency=wording.currency)  # fmt: skip
        if wording.cost.private.paid_meur > ZERO_TOLERANCE:
            detail += tr(", with what companies achieve")
    yield Fact(label, wording.amount_for_sentence(compared_with_nothing.avoided), detail)
    for increment in others[:1]:
        detail = tr("{before} left there", before=wording.amount_for_sentence(increment.left))
        if increment.avoided_per_euro is not None:
            detail += "; " + tr(
                "{per_euro} {currency} for each public {currency} more",
                per_euro=_format_per_euro(increment.avoided_per_euro),
                currency=wording.currency,
            )
        label = tr("Avoided compared with {other}", other=option_name(increment))
        yield Fact(label, wording.amount_for_sentence(increment.avoided), detail)
    tail = brief.tail
    if tail.fresh_with_plan is not None and tail.fresh_without_plan is not None:
        detail = tr(
            "{before} without it, on {states} fresh states; {own} on those it was chosen on",
            before=wording.amount_for_sentence(tail.fresh_without_plan),
            states=format_number(tail.fresh_states),
            own=wording.amount_for_sentence(tail.with_plan),
        )
        yield Fact(wording.tail_label, wording.amount_for_sentence(tail.fresh_with_plan), detail)
    else:
        detail = tr(
            "{before} without the plan; on the {states} states that it was chosen on",
            before=wording.amount_for_sentence(tail.without_plan),
            states=format_number(tail.states),
        )
        yield Fact(wording.tail_label, wording.amount_for_sentence(tail.with_plan), detail)


def _describe_yearly_amounts(wording: PlanWording, amounts: Mapping[str, float]) -> list[str]:
    """Return texts on amounts by year, in which runs of equal amounts are merged.

    Of many runs, only the largest amount is stated.
    """
    runs: list[tuple[int, int, float]] = []
    for year, amount in sorted((int(y), a) for y, a in amounts.items() if a > ZERO_TOLERANCE):
        first, last, previous = runs[-1] if runs else (year, year, 0.0)
        if last == year - 1 and abs(amount - previous) <= AMOUNT_TOLERANCE * previous:
            runs[-1] = first, year, previous
        else:
            runs.append((year, year, amount))
    texts = []
    for first, last, amount in (
        runs if len(runs) <= MAX_YEAR_RUNS else [max(runs, key=itemgetter(2))]
    ):
        span = str(first) if first == last else tr("{first} to {last}", first=first, last=last)
        values = {"amount": wording.money_amount(amount), "years": span}
        if len(runs) <= MAX_YEAR_RUNS:
            texts.append(tr("{amount} a year in {years}", **values))
        else:
            texts.append(tr("at most {amount} a year, in {years}", **values))
    return texts


def _first_approval_facts(wording: PlanWording) -> Iterator[Fact]:
    """Yield the amounts to be approved in the first year that has an approval."""
    first = wording.brief.fiscal.first_year
    if first is None:
        return
    amounts: dict[str, float] = {}
    for approval in wording.brief.fiscal.approvals:
        if approval.year == first:
            amounts[approval.funder] = amounts.get(approval.funder, 0.0) + approval.meur
    parts = [f"{wording.payer_name(f)} {format_rounded(amount)}" for f, amount in amounts.items()]
    detail = tr("{parts}; by year of decision, not of payment", parts=join_with_and(parts))
    if wording.plan.review is not None and first >= wording.plan.review.year:
        detail += "; " + tr("a mean over what may have been seen")
    yield Fact(
        tr("To be approved first, in {year}", year=first),
        wording.money_amount(sum(amounts.values())),
        detail,
    )


def _comparison_tables(wording: PlanWording) -> Iterator[Part]:
    """Yield tables of the remaining damage with the plan and with the plans it is compared with."""
    rows = [(_comparison_label(x), x.left, x.left_cvar) for x in _comparisons(wording.brief)]
    plan_label = tr("This plan")
    if wording.case is not None and wording.case.variants and wording.plan.variant is None:
        plan_label += f" ({tr('base case')})"
    rows.append((plan_label, wording.plan.outcome.expected, wording.plan.outcome.cvar))
    names, mean, tail = zip(*rows, strict=True)
    titles = (
        tr("Expected damage") if wording.counts_damage else tr("Expected shortage"),
        tr("Mean of the worst {share}", share=wording.worst_share),
    )
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
        caption, rows, columns, "against", chart=chart, is_folded=True, media=TERMINAL_AND_PAGE
    )


def _approvals_table(wording: PlanWording) -> Table:
    """Return a table of the public money to be approved, by funder and year of decision."""
    fiscal = wording.brief.fiscal
    years = sorted({approval.year for approval in fiscal.approvals})
    shown = years if len(years) <= MAX_YEAR_COLUMNS + 1 else years[:MAX_YEAR_COLUMNS]
    options: dict[str, Any] = {"decimals_group": "years", "total": True}
    rows: dict[str, dict[int, float]] = {}
    for approval in fiscal.approvals:
        by_year = rows.setdefault(approval.funder, {})
        by_year[approval.year] = by_year.get(approval.year, 0.0) + approval.meur

    def year_column(year: int) -> Column:
        return Column(year, lambda row: row[1].get(year, 0.0), "money", key=str(year), **options)

    def later_amount(row: Any) -> float:
        return float(sum(amount for year, amount in row[1].items() if year not in shown))

    def total(line: FormulaRow) -> ex.Expression:
        return ex.sum_of(*(line[key] for key in keys))

    def committed(line: FormulaRow) -> ex.Expression:
        return col.sum_where("accounts", "committed", {"funder_id": line["funder_id"]})(line.tables)

    columns = [
        Column(tr("Funder"), lambda row: wording.payer_header(row[0]), "text"),
        *map(year_column, shown),
    ]
    if len(shown) < len(years):
        columns.append(col.figure_column(tr("Later"), "later", getter=later_amount, **options))
    keys = [approval.key for approval in columns[1:]]
    columns += [
        col.formula_column(
            tr("All years"), "all", total, getter=lambda row: sum(row[1].values()), **options
        ),
        doc.deviation_column("all", committed),
        *col.id_columns(funder_id="0"),
    ]
    note = tr("Guarantees with the loans that they cover, stocks by year of payment.")
    if wording.has_contingency:
        note += " " + tr("With the overruns that budgets allow for.")
    if wording.plan.review is not None:
        note += " " + tr("From {year} on: means over the groups.", year=wording.plan.review.year)
    return Table(
        tr("To be approved, by year of decision ({unit})", unit=wording.money_unit),
        list(rows.items()),
        columns,
        "approvals",
        note,
        total_label=tr("Sum"),
    )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield a check that the approvals of each funder equal the commitments in its accounts."""
    if wording.brief.fiscal.approvals:
        statement = tr("What is to be approved of each funder is what its accounts commit")
        yield doc.no_deviation_check(statement, "approvals", col.column_sum("approvals", "all"))


def slide_contents(wording: PlanWording) -> Iterator[tuple[str, str, str]]:
    """Yield (table name, title, text) for each slide."""
    plan = wording.plan
    yield (
        "against",
        tr("What the plan avoids"),
        " ".join(
            [
                describe_recommendation(wording),
                *describe_better_options(wording),
                *_describe_increments(wording),
            ]
        ),
    )
    if wording.public_positions:
        yield (
            "committed",
            tr("Who pays, and when"),
            tr(
                "Public funders put up {paid}, companies and others {private}; to be approved: "
                "{approved}.",
                paid=wording.money_amount(wording.cost.public.paid_meur),
                private=wording.money_amount(
                    wording.cost.private.paid_meur + wording.cost.market_meur
                ),
                approved=wording.money_amount(
                    sum(approval.meur for approval in wording.brief.fiscal.approvals)
                ),
            ),
        )
    if plan.projects:
        first = min(project.first_output for project in plan.projects)
        yield (
            "projects",
            tr("What is built"),
            tr(
                "{count}; the first output is due in {year} if nothing is delayed.",
                count=capitalize(project_count_text(len(plan.projects))),
                year=first,
            ),
        )
    remaining_damage = next(iter(risks.describe_remaining_damage(wording)), "")
    yield "by-material", tr("What stays exposed"), remaining_damage
    tail = wording.brief.tail
    yield (
        "gain",
        tr("How bad it can get"),
        tr(
            "Mean of the worst {share}: {after} with the plan, {before} without it.",
            share=wording.worst_share,
            after=wording.amount_for_sentence(tail.with_plan),
            before=wording.amount_for_sentence(tail.without_plan),
        ),
    )


def _describe_basis(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on proof, states, price year, author and date."""
    certificate = wording.plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "Optimal under these assumptions, not necessarily in reality: no other plan is better "
            "by more than {gap} of the objective, and that is proven.",
            gap=format_small_percent(max(certificate.gap, certificate.gap_target)),
        )
    if certificate.states > 1:
        yield tr(
            "Computed for {states} states of the world, which are assumptions with probabilities.",
            states=format_number(certificate.states),
        )
    if wording.case is not None and wording.case.price_year is not None:
        yield tr("Prices of {year}.", year=int(wording.case.price_year))
    if wording.author and wording.date:
        yield f"{sanitize(wording.author)}, {sanitize(wording.date)}."
    elif wording.author or wording.date:
        yield f"{sanitize(wording.author or wording.date)}."
