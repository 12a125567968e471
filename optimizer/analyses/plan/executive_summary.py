"""The answer to a plan on one page, for those who read no further: also the brief by itself."""

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
"""Runs of years with one amount each that are told one by one."""
MAX_YEAR_COLUMNS = 5
"""Years of decision that have a column of their own, where later ones do not."""
AMOUNT_TOLERANCE = 0.005
"""Amounts of years that differ by a smaller share are called the same."""


def build_answer(wording: PlanWording) -> Iterator[Part]:
    """What is asked for, what to approve when, what it buys compared with what, what may go wrong,
    and what would turn the decision."""
    again = review_decisions.describe_review(wording, wording.plan.review)
    after = [
        *_describe_increments(wording),
        *set_outcomes.describe_set_outcomes(wording),
        *_describe_budget_risk(wording),
    ]
    yield " ".join(
        [describe_recommendation(wording), *describe_better_options(wording), *again, *after]
    )
    if points := list(_describe_disputes_and_review(wording)):
        yield Bullets(points)
    # A page has these among what would turn the decision.
    yield from (
        Text(text, TERMINAL)
        for text in break_even_sentences(wording.plan.worth_from, tr("This plan"))
    )
    yield doc.Facts(list(_key_facts(wording)), TERMINAL_AND_PAGE)
    yield from _comparison_tables(wording)
    yield _approvals_table(wording)
    wrong, turns = list(risks.describe_risks(wording)), list(risks.describe_turning_points(wording))
    if wrong:
        yield doc.Heading(tr("What may go wrong"), PAGE)
        yield Bullets(wrong, PAGE)
    if turns:
        yield doc.Heading(tr("What would turn the decision"), PAGE)
        yield Bullets(turns, PAGE)
    yield doc.Caution(
        [*certificate_cautions(wording.plan), *risks.describe_assumption_shares(wording)]
    )
    yield Text(" ".join(_describe_basis(wording)), PAGE)


def _describe_disputes_and_review(wording: PlanWording) -> Iterator[str]:
    """What experts agree on and argue about, and what a plan with a review would leave to it, as
    far as that was found."""
    found = wording.companions
    if found.disagreement and (
        said := " ".join(set_outcomes.describe_disputes(wording, found.disagreement))
    ):
        yield said
    if found.waiting is not None and wording.plan.review is None:
        yield " ".join(
            review_decisions.describe_deferrable_decisions(wording, found.waiting.review)
        )


def describe_recommendation(wording: PlanWording) -> str:
    """The answer in one sentence or two."""
    plan = wording.plan
    reached, without = plan.outcome.expected, plan.outcome.without_plan.expected
    about = {
        "noun": wording.expected_outcome,
        "during": wording.horizon_phrase,
        "after": wording.amount_for_sentence(reached),
    }
    what = list(_recommended_actions(wording))
    if not what:
        return tr("The plan is to build and buy nothing: {noun}{during} is {after}.", **about)
    about |= {
        "what": join_with_and(what),
        "before": wording.amount_for_sentence(without),
        "lead": tr("Recommended"),
    }
    if (
        wording.case is not None
        and float(wording.case.objective.cost_weight) < 1
        and wording.counts_damage
    ):
        # Net cost hardly counts: every budget is used as far as it lowers damage.
        about["lead"] = tr("Least damage within the budgets")
    if abs(reached - without) <= ZERO_TOLERANCE * max(1.0, abs(without)):
        return tr("{lead}: {what}. With it {noun}{during} stays at {after}.", **about)
    change = relative_reduction(reached, without)
    if change is None:
        return tr("{lead}: {what}. With it {noun}{during} goes from {before} to {after}.", **about)
    about["by"] = format_rounded_percent(abs(change))
    says = (
        tr("{lead}: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
           **about),
        tr("{lead}: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
           **about),
    )  # fmt: skip
    return says[change < 0]


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
    """The same beside a bar."""
    if comparison.to == "nothing":
        return tr("No plan")
    return comparison.title or tr("Best plan without public money")


def _comparisons(brief: Brief) -> list[ReferenceIncrement]:
    """What the plan is compared with; what the comparison prefers to it takes the room of the next
    cheaper option on the page."""
    kept = [one for one in brief.increments if one.to != "option" or not brief.better]
    labels = {one.over for one in kept}
    return [*kept, *(one for one in brief.better if one.over not in labels)]


def _describe_increments(wording: PlanWording) -> Iterator[str]:
    """What the plan adds to what would be done otherwise, and to the next cheaper option."""
    for one in wording.brief.increments[1:]:
        if wording.brief.better and (one.to == "option" or one.significant is not False):
            continue  # the page has room for it among the facts alone
        about = {
            "other": option_name(one),
            "avoided": wording.amount_for_sentence(abs(one.avoided)),
        }
        if one.avoided < 0:
            yield tr("Compared with {other}, it leaves {avoided} more.", **about)
        elif one.avoided_per_euro is None:
            yield tr("Compared with {other}, it avoids {avoided} more.", **about)
        else:
            yield tr(
                "Compared with {other}, it avoids {avoided} more for {paid} more of public money "
                "(present value): {per_euro} {currency} for each {currency}.",
                paid=wording.money_amount(one.public_present_meur),
                per_euro=_format_per_euro(one.avoided_per_euro),
                currency=wording.currency,
                **about,
            )
        if one.significant is False:
            yield tr("That is no more than the proofs of both leave open.")


def _describe_budget_risk(wording: PlanWording) -> Iterator[str]:
    """How likely the budgets are enough, where capital costs may overrun."""
    found = wording.companions.evaluation
    if found is None or found.budget_risk is None:
        return
    likely = found.budget_risk.all_hold.value
    yield tr(
        "All budgets together are enough with a probability of {share}.",
        share=format_rounded_percent(likely),
    )
    asked = None if wording.case is None else wording.case.policy.contingency
    if asked is not None and likely < asked:
        yield tr(
            "The money of each project by itself is to be enough with {share}.",
            share=format_percent(float(asked)),
        )


def _format_per_euro(ratio: float) -> str:
    return format_number(ratio, 1 if ratio >= 1 else 2)


def _key_facts(wording: PlanWording) -> Iterator[Fact]:
    plan, brief = wording.plan, wording.brief
    yield from _first_approval_facts(wording)
    if wording.public_positions:
        public, at_home = wording.cost.public, brief.fiscal.home_share
        beside = tr(
            "{present} put up, less what is expected to come back, as present values; {paid} not "
            "discounted",
            present=wording.money_amount(public.paid_present_meur or 0.0),
            paid=wording.money_amount(public.paid_meur),
        )
        if wording.has_contingency:
            beside += tr(", with expected overruns")
        if at_home is not None and wording.case is not None and wording.case.home:
            beside += "; " + tr(
                "{share} of what goes to projects stays in {home}",
                share=format_rounded_percent(at_home),
                home=join_with_and([country_name(code) for code in wording.case.home]),
            )
        yield Fact(tr("Net cost to public funders"), wording.money_amount(public.cost_meur), beside)
    if (borrowed := brief.fiscal.debt_brake_by_year_meur) is not None and wording.public_positions:
        told = _describe_yearly_amounts(wording, borrowed)
        loss = brief.fiscal.expected_loss_meur
        lost = tr("stakes and guarantees count only where they are lost")
        if loss is not None and loss > ZERO_TOLERANCE:
            lost += " " + tr(
                "({loss} expected over all years, not discounted)", loss=wording.money_amount(loss)
            )
        total = wording.money_amount(sum(borrowed.values()))
        yield Fact(tr("Counts under the debt brake"), total, "; ".join([*told, lost]))
    nothing, *others = brief.increments
    what = (
        tr("Expected damage avoided") if wording.counts_damage else tr("Expected shortage avoided")
    )
    beside = tr(
        "{before} without the plan, {after} with it",
        before=wording.amount_for_sentence(nothing.left),
        after=wording.amount_for_sentence(plan.outcome.expected),
    )
    if wording.companions.evaluation is not None:  # which has figures of other states
        beside += " " + tr("on the states that it was chosen on")
    if nothing.avoided_per_euro is not None:
        average = _format_per_euro(nothing.avoided_per_euro)
        beside += "; " + tr("on average {per_euro} {currency} for each public {currency}",
                            per_euro=average, currency=wording.currency)  # fmt: skip
        if wording.cost.private.paid_meur > ZERO_TOLERANCE:
            beside += tr(", with what companies achieve")
    yield Fact(what, wording.amount_for_sentence(nothing.avoided), beside)
    for one in others[:1]:
        beside = tr("{before} left there", before=wording.amount_for_sentence(one.left))
        if one.avoided_per_euro is not None:
            beside += "; " + tr(
                "{per_euro} {currency} for each public {currency} more",
                per_euro=_format_per_euro(one.avoided_per_euro),
                currency=wording.currency,
            )
        what = tr("Avoided compared with {other}", other=option_name(one))
        yield Fact(what, wording.amount_for_sentence(one.avoided), beside)
    tail = brief.tail
    if tail.fresh_with_plan is not None and tail.fresh_without_plan is not None:
        beside = tr(
            "{before} without it, on {states} fresh states; {own} on those it was chosen on",
            before=wording.amount_for_sentence(tail.fresh_without_plan),
            states=format_number(tail.fresh_states),
            own=wording.amount_for_sentence(tail.with_plan),
        )
        yield Fact(wording.tail_label, wording.amount_for_sentence(tail.fresh_with_plan), beside)
    else:
        before = tr(
            "{before} without the plan; on the {states} states that it was chosen on",
            before=wording.amount_for_sentence(tail.without_plan),
            states=format_number(tail.states),
        )
        yield Fact(wording.tail_label, wording.amount_for_sentence(tail.with_plan), before)


def _describe_yearly_amounts(wording: PlanWording, amounts: Mapping[str, float]) -> list[str]:
    """Amounts of years, those of years in a row together that are alike; else the largest."""
    runs: list[tuple[int, int, float]] = []
    for year, amount in sorted((int(y), a) for y, a in amounts.items() if a > ZERO_TOLERANCE):
        first, last, before = runs[-1] if runs else (year, year, 0.0)
        if last == year - 1 and abs(amount - before) <= AMOUNT_TOLERANCE * before:
            runs[-1] = first, year, before
        else:
            runs.append((year, year, amount))
    told = []
    for first, last, amount in (
        runs if len(runs) <= MAX_YEAR_RUNS else [max(runs, key=itemgetter(2))]
    ):
        span = str(first) if first == last else tr("{first} to {last}", first=first, last=last)
        about = {"amount": wording.money_amount(amount), "years": span}
        if len(runs) <= MAX_YEAR_RUNS:
            told.append(tr("{amount} a year in {years}", **about))
        else:
            told.append(tr("at most {amount} a year, in {years}", **about))
    return told


def _first_approval_facts(wording: PlanWording) -> Iterator[Fact]:
    """What has to be approved in the first year in which anything has."""
    first = wording.brief.fiscal.first_year
    if first is None:
        return
    amounts: dict[str, float] = {}
    for one in wording.brief.fiscal.approvals:
        if one.year == first:
            amounts[one.funder] = amounts.get(one.funder, 0.0) + one.meur
    parts = [f"{wording.payer_name(f)} {format_rounded(amount)}" for f, amount in amounts.items()]
    beside = tr("{parts}; by year of decision, not of payment", parts=join_with_and(parts))
    if wording.plan.review is not None and first >= wording.plan.review.year:
        beside += "; " + tr("a mean over what may have been seen")
    yield Fact(
        tr("To be approved first, in {year}", year=first),
        wording.money_amount(sum(amounts.values())),
        beside,
    )


def _comparison_tables(wording: PlanWording) -> Iterator[Part]:
    """What is left with the plan, beside what it is compared with."""
    rows = [
        (_comparison_label(one), one.left, one.left_cvar) for one in _comparisons(wording.brief)
    ]
    own = tr("This plan")
    if wording.case is not None and wording.case.variants and wording.plan.variant is None:
        own += f" ({tr('base case')})"
    rows.append((own, wording.plan.outcome.expected, wording.plan.outcome.cvar))
    names, mean, worst = zip(*rows, strict=True)
    titles = (
        tr("Expected damage") if wording.counts_damage else tr("Expected shortage"),
        tr("Mean of the worst {share}", share=wording.worst_share),
    )
    caption = tr("What is left on the states that it was chosen on ({unit})", unit=wording.unit)
    told = tr("Two bars a line: the mean of all states, and that of the worst {share}.",
              share=wording.worst_share)  # fmt: skip
    headed = (f"{titles[0]} ({wording.unit})", titles[1])  # once, for names may be long
    chart = Chart(
        "against", caption, told, lambda: charts.paired_bars(names, (mean, worst), headed)
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
    """Public money by funder and year of decision."""
    fiscal = wording.brief.fiscal
    years = sorted({one.year for one in fiscal.approvals})
    shown = years if len(years) <= MAX_YEAR_COLUMNS + 1 else years[:MAX_YEAR_COLUMNS]
    more: dict[str, Any] = {"decimals_group": "years", "total": True}
    rows: dict[str, dict[int, float]] = {}
    for one in fiscal.approvals:
        of = rows.setdefault(one.funder, {})
        of[one.year] = of.get(one.year, 0.0) + one.meur

    def at(year: int) -> Column:
        return Column(year, lambda row: row[1].get(year, 0.0), "money", key=str(year), **more)

    def later(row: Any) -> float:
        return float(sum(amount for year, amount in row[1].items() if year not in shown))

    def whole(line: FormulaRow) -> ex.Expression:
        return ex.sum_of(*(line[key] for key in keys))

    def committed(line: FormulaRow) -> ex.Expression:
        return col.sum_where("accounts", "committed", {"funder_id": line["funder_id"]})(line.tables)

    columns = [
        Column(tr("Funder"), lambda row: wording.payer_header(row[0]), "text"),
        *map(at, shown),
    ]
    if len(shown) < len(years):
        columns.append(col.figure_column(tr("Later"), "later", getter=later, **more))
    keys = [one.key for one in columns[1:]]
    columns += [
        col.formula_column(
            tr("All years"), "all", whole, getter=lambda row: sum(row[1].values()), **more
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
    """What is to be approved is what accounts commit."""
    if wording.brief.fiscal.approvals:
        says = tr("What is to be approved of each funder is what its accounts commit")
        yield doc.no_deviation_check(says, "approvals", col.column_sum("approvals", "all"))


def slide_contents(wording: PlanWording) -> Iterator[tuple[str, str, str]]:
    """Tables of the report whose charts tell most, each with a title and a sentence."""
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
                    sum(one.meur for one in wording.brief.fiscal.approvals)
                ),
            ),
        )
    if plan.projects:
        first = min(built.first_output for built in plan.projects)
        yield (
            "projects",
            tr("What is built"),
            tr(
                "{count}; the first output is due in {year} if nothing is delayed.",
                count=capitalize(project_count_text(len(plan.projects))),
                year=first,
            ),
        )
    remains = next(iter(risks.describe_remaining_damage(wording)), "")
    yield "by-material", tr("What stays exposed"), remains
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
    """Proof, states, prices, and who says so when."""
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
