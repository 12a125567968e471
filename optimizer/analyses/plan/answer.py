"""The answer to a plan on one page, for those who read no further: also the brief by itself."""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from models.language import tr
from models.results import Against, Brief
from optimizer.analyses.plan import after_review, risks, under
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.method import cautions
from optimizer.analyses.plan.preferred import better
from optimizer.analyses.plan.words import PlanWording, called, decidable, reduction
from optimizer.analyses.worth import sentences
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.countries import country
from optimizer.report.document import (
    PAGE,
    TERMINAL,
    TEXT,
    Bullets,
    Check,
    Column,
    Fact,
    Part,
    Table,
    Text,
)
from optimizer.report.figures import (
    NOISE,
    clean,
    number,
    percent,
    rounded,
    rounded_percent,
    small_percent,
)
from optimizer.report.wording import capital, listed, materials_counted, projects_counted
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

MOST_RUNS = 3
"""Runs of years with one amount each that are told one by one."""
YEARS_SHOWN = 5
"""Years of decision that have a column of their own, where later ones do not."""
ALIKE = 0.005
"""Amounts of years that differ by a smaller share are called the same."""


def answer(say: PlanWording) -> Iterator[Part]:
    """What is asked for, what to approve when, what it buys compared with what, what may go wrong,
    and what would turn the decision."""
    again = after_review.sentences(say, say.plan.review)
    after = [*_adds(say), *under.sentences(say), *_enough(say)]
    yield " ".join([lead(say), *better(say), *again, *after])
    if points := list(_argued_or_open(say)):
        yield Bullets(points)
    # A page has these among what would turn the decision.
    yield from (Text(text, TERMINAL) for text in sentences(say.plan.worth_from, tr("This plan")))
    yield doc.Facts(list(_facts(say)), TEXT)
    yield from _against(say)
    yield _approvals(say)
    wrong, turns = list(risks.risks(say)), list(risks.turns(say))
    if wrong:
        yield doc.Heading(tr("What may go wrong"), PAGE)
        yield Bullets(wrong, PAGE)
    if turns:
        yield doc.Heading(tr("What would turn the decision"), PAGE)
        yield Bullets(turns, PAGE)
    yield doc.Caution([*cautions(say.plan), *risks.assumed(say)])
    yield Text(" ".join(_made(say)), PAGE)


def _argued_or_open(say: PlanWording) -> Iterator[str]:
    """What experts agree on and argue about, and what a plan with a review would leave to it, as
    far as that was found."""
    found = say.beside
    if found.disagreement and (said := " ".join(under.argued(say, found.disagreement))):
        yield said
    if found.waiting is not None and say.plan.review is None:
        yield " ".join(after_review.left_open(say, found.waiting.review))


def lead(say: PlanWording) -> str:
    """The answer in one sentence or two."""
    plan = say.plan
    reached, without = plan.outcome.expected, plan.outcome.without_plan.expected
    about = {"noun": say.expected, "during": say.during, "after": say.spoken(reached)}
    what = list(_what(say))
    if not what:
        return tr("The plan is to build and buy nothing: {noun}{during} is {after}.", **about)
    about |= {"what": listed(what), "before": say.spoken(without), "lead": tr("Recommended")}
    if say.case is not None and float(say.case.objective.cost_weight) < 1 and say.of_damage:
        # Net cost hardly counts: every budget is used as far as it lowers damage.
        about["lead"] = tr("Least damage within the budgets")
    if abs(reached - without) <= NOISE * max(1.0, abs(without)):
        return tr("{lead}: {what}. With it {noun}{during} stays at {after}.", **about)
    change = reduction(reached, without)
    if change is None:
        return tr("{lead}: {what}. With it {noun}{during} goes from {before} to {after}.", **about)
    about["by"] = rounded_percent(abs(change))
    says = (
        tr("{lead}: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
           **about),
        tr("{lead}: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
           **about),
    )  # fmt: skip
    return says[change < 0]


def _what(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    if plan.projects and say.case is not None:
        yield tr(
            "support {count} of {of} candidate projects",
            count=number(len(plan.projects)),
            of=number(len(list(decidable(say.case)))),
        )
    elif plan.projects:
        yield tr("support {projects}", projects=projects_counted(len(plan.projects)))
    if plan.review is not None and (late := after_review.later(plan.review)):
        yield tr(
            "support up to {projects} from {year} on",
            projects=projects_counted(len(late)),
            year=plan.review.year,
        )
    stocked = {s.material for s in plan.stockpiles if any(t > NOISE for t in s.buy_t.values())}
    if stocked:
        yield tr("buy stocks of {materials}", materials=materials_counted(len(stocked)))


def _label(one: Against) -> str:
    """The same beside a bar."""
    if one.to == "nothing":
        return tr("No plan")
    return one.title or tr("Best plan without public money")


def _compared(brief: Brief) -> list[Against]:
    """What the plan is compared with; what the comparison prefers to it takes the room of the next
    cheaper option on the page."""
    kept = [one for one in brief.increments if one.to != "option" or not brief.better]
    labels = {one.over for one in kept}
    return [*kept, *(one for one in brief.better if one.over not in labels)]


def _adds(say: PlanWording) -> Iterator[str]:
    """What the plan adds to what would be done otherwise, and to the next cheaper option."""
    for one in say.brief.increments[1:]:
        if say.brief.better and (one.to == "option" or one.significant is not False):
            continue  # the page has room for it among the facts alone
        about = {"other": called(one), "avoided": say.spoken(abs(one.avoided))}
        if one.avoided < 0:
            yield tr("Compared with {other}, it leaves {avoided} more.", **about)
        elif one.avoided_per_euro is None:
            yield tr("Compared with {other}, it avoids {avoided} more.", **about)
        else:
            yield tr(
                "Compared with {other}, it avoids {avoided} more for {paid} more of public money "
                "(present value): {per_euro} {currency} for each {currency}.",
                paid=say.money(one.public_present_meur),
                per_euro=_per_euro(one.avoided_per_euro),
                currency=say.currency,
                **about,
            )
        if one.significant is False:
            yield tr("That is no more than the proofs of both leave open.")


def _enough(say: PlanWording) -> Iterator[str]:
    """How likely the budgets are enough, where capital costs may overrun."""
    found = say.beside.evaluation
    if found is None or found.budget_risk is None:
        return
    likely = found.budget_risk.all_hold.value
    yield tr(
        "All budgets together are enough with a probability of {share}.",
        share=rounded_percent(likely),
    )
    asked = None if say.case is None else say.case.policy.contingency
    if asked is not None and likely < asked:
        yield tr(
            "The money of each project by itself is to be enough with {share}.",
            share=percent(float(asked)),
        )


def _per_euro(ratio: float) -> str:
    return number(ratio, 1 if ratio >= 1 else 2)


def _facts(say: PlanWording) -> Iterator[Fact]:
    plan, brief = say.plan, say.brief
    yield from _first_approvals(say)
    if say.public:
        public, at_home = say.cost.public, brief.fiscal.home_share
        beside = tr(
            "{present} put up, less what is expected to come back, as present values; {paid} not "
            "discounted",
            present=say.money(public.paid_present_meur or 0.0),
            paid=say.money(public.paid_meur),
        )
        if say.has_contingency:
            beside += tr(", with expected overruns")
        if at_home is not None and say.case is not None and say.case.home:
            beside += "; " + tr(
                "{share} of what goes to projects stays in {home}",
                share=rounded_percent(at_home),
                home=listed([country(code) for code in say.case.home]),
            )
        yield Fact(tr("Net cost to public funders"), say.money(public.cost_meur), beside)
    if (borrowed := brief.fiscal.debt_brake_by_year_meur) is not None and say.public:
        told = _by_year(say, borrowed)
        loss = brief.fiscal.expected_loss_meur
        lost = tr("stakes and guarantees count only where they are lost")
        if loss is not None and loss > NOISE:
            lost += " " + tr(
                "({loss} expected over all years, not discounted)", loss=say.money(loss)
            )
        total = say.money(sum(borrowed.values()))
        yield Fact(tr("Counts under the debt brake"), total, "; ".join([*told, lost]))
    nothing, *others = brief.increments
    what = tr("Expected damage avoided") if say.of_damage else tr("Expected shortage avoided")
    beside = tr(
        "{before} without the plan, {after} with it",
        before=say.spoken(nothing.left),
        after=say.spoken(plan.outcome.expected),
    )
    if say.beside.evaluation is not None:  # which has figures of other states
        beside += " " + tr("on the states that it was chosen on")
    if nothing.avoided_per_euro is not None:
        average = _per_euro(nothing.avoided_per_euro)
        beside += "; " + tr("on average {per_euro} {currency} for each public {currency}",
                            per_euro=average, currency=say.currency)  # fmt: skip
        if say.cost.private.paid_meur > NOISE:
            beside += tr(", with what companies achieve")
    yield Fact(what, say.spoken(nothing.avoided), beside)
    for one in others[:1]:
        beside = tr("{before} left there", before=say.spoken(one.left))
        if one.avoided_per_euro is not None:
            beside += "; " + tr(
                "{per_euro} {currency} for each public {currency} more",
                per_euro=_per_euro(one.avoided_per_euro),
                currency=say.currency,
            )
        what = tr("Avoided compared with {other}", other=called(one))
        yield Fact(what, say.spoken(one.avoided), beside)
    tail = brief.tail
    if tail.fresh_with_plan is not None and tail.fresh_without_plan is not None:
        beside = tr(
            "{before} without it, on {states} fresh states; {own} on those it was chosen on",
            before=say.spoken(tail.fresh_without_plan),
            states=number(tail.fresh_states),
            own=say.spoken(tail.with_plan),
        )
        yield Fact(say.tail, say.spoken(tail.fresh_with_plan), beside)
    else:
        before = tr(
            "{before} without the plan; on the {states} states that it was chosen on",
            before=say.spoken(tail.without_plan),
            states=number(tail.states),
        )
        yield Fact(say.tail, say.spoken(tail.with_plan), before)


def _by_year(say: PlanWording, amounts: Mapping[str, float]) -> list[str]:
    """Amounts of years, those of years in a row together that are alike; else the largest."""
    runs: list[tuple[int, int, float]] = []
    for year, amount in sorted((int(y), a) for y, a in amounts.items() if a > NOISE):
        first, last, before = runs[-1] if runs else (year, year, 0.0)
        if last == year - 1 and abs(amount - before) <= ALIKE * before:
            runs[-1] = first, year, before
        else:
            runs.append((year, year, amount))
    told = []
    for first, last, amount in runs if len(runs) <= MOST_RUNS else [max(runs, key=itemgetter(2))]:
        span = str(first) if first == last else tr("{first} to {last}", first=first, last=last)
        about = {"amount": say.money(amount), "years": span}
        if len(runs) <= MOST_RUNS:
            told.append(tr("{amount} a year in {years}", **about))
        else:
            told.append(tr("at most {amount} a year, in {years}", **about))
    return told


def _first_approvals(say: PlanWording) -> Iterator[Fact]:
    """What has to be approved in the first year in which anything has."""
    first = say.brief.fiscal.first_year
    if first is None:
        return
    amounts: dict[str, float] = {}
    for one in say.brief.fiscal.approvals:
        if one.year == first:
            amounts[one.funder] = amounts.get(one.funder, 0.0) + one.meur
    parts = [f"{say.payer(f)} {rounded(amount)}" for f, amount in amounts.items()]
    beside = tr("{parts}; by year of decision, not of payment", parts=listed(parts))
    if say.plan.review is not None and first >= say.plan.review.year:
        beside += "; " + tr("a mean over what may have been seen")
    yield Fact(
        tr("To be approved first, in {year}", year=first), say.money(sum(amounts.values())), beside
    )


def _against(say: PlanWording) -> Iterator[Part]:
    """What is left with the plan, beside what it is compared with."""
    rows = [(_label(one), one.left, one.left_cvar) for one in _compared(say.brief)]
    own = tr("This plan")
    if say.case is not None and say.case.variants and say.plan.variant is None:
        own += f" ({tr('base case')})"
    rows.append((own, say.plan.outcome.expected, say.plan.outcome.cvar))
    names, mean, worst = zip(*rows, strict=True)
    titles = (
        tr("Expected damage") if say.of_damage else tr("Expected shortage"),
        tr("Mean of the worst {share}", share=say.worst_share),
    )
    caption = tr("What is left on the states that it was chosen on ({unit})", unit=say.unit)
    told = tr("Two bars a line: the mean of all states, and that of the worst {share}.",
              share=say.worst_share)  # fmt: skip
    headed = (f"{titles[0]} ({say.unit})", titles[1])  # once, for names may be long
    chart = Chart("against", caption, told, lambda: charts.against(names, (mean, worst), headed))
    columns = [
        Column(tr("Option"), "0", "text"),
        *(Column(title, str(n), "outcome", like="left") for n, title in enumerate(titles, 1)),
    ]
    yield Table(caption, rows, columns, "against", chart=chart, folded=True, on=TEXT)


def _approvals(say: PlanWording) -> Table:
    """Public money by funder and year of decision."""
    fiscal = say.brief.fiscal
    years = sorted({one.year for one in fiscal.approvals})
    shown = years if len(years) <= YEARS_SHOWN + 1 else years[:YEARS_SHOWN]
    more: dict[str, Any] = {"like": "years", "total": True}
    rows: dict[str, dict[int, float]] = {}
    for one in fiscal.approvals:
        of = rows.setdefault(one.funder, {})
        of[one.year] = of.get(one.year, 0.0) + one.meur

    def at(year: int) -> Column:
        return Column(year, lambda row: row[1].get(year, 0.0), "money", key=str(year), **more)

    def later(row: Any) -> float:
        return float(sum(amount for year, amount in row[1].items() if year not in shown))

    def whole(line: Line) -> ex.Expression:
        return ex.total(*(line[key] for key in keys))

    def committed(line: Line) -> ex.Expression:
        return col.where("accounts", "committed", {"funder_id": line["funder_id"]})(line.book)

    columns = [Column(tr("Funder"), lambda row: say.source(row[0]), "text"), *map(at, shown)]
    if len(shown) < len(years):
        columns.append(col.given(tr("Later"), "later", of=later, **more))
    keys = [one.key for one in columns[1:]]
    columns += [
        col.calc(tr("All years"), "all", whole, of=lambda row: sum(row[1].values()), **more),
        doc.deviation("all", committed),
        *col.keys(funder_id="0"),
    ]
    note = tr("Guarantees with the loans that they cover, stocks by year of payment.")
    if say.has_contingency:
        note += " " + tr("With the overruns that budgets allow for.")
    if say.plan.review is not None:
        note += " " + tr("From {year} on: means over the groups.", year=say.plan.review.year)
    return Table(
        tr("To be approved, by year of decision ({unit})", unit=say.million),
        list(rows.items()),
        columns,
        "approvals",
        note,
        total=tr("Sum"),
    )


def checks(say: PlanWording) -> Iterator[Check]:
    """What is to be approved is what accounts commit."""
    if say.brief.fiscal.approvals:
        says = tr("What is to be approved of each funder is what its accounts commit")
        yield doc.check_rows(says, "approvals", col.summed("approvals", "all"))


def told_by_charts(say: PlanWording) -> Iterator[tuple[str, str, str]]:
    """Tables of the report whose charts tell most, each with a title and a sentence."""
    plan = say.plan
    yield "against", tr("What the plan avoids"), " ".join([lead(say), *better(say), *_adds(say)])
    if say.public:
        yield (
            "committed",
            tr("Who pays, and when"),
            tr(
                "Public funders put up {paid}, companies and others {private}; to be approved: "
                "{approved}.",
                paid=say.money(say.cost.public.paid_meur),
                private=say.money(say.cost.private.paid_meur + say.cost.market_meur),
                approved=say.money(sum(one.meur for one in say.brief.fiscal.approvals)),
            ),
        )
    if plan.projects:
        first = min(built.first_output for built in plan.projects)
        yield (
            "projects",
            tr("What is built"),
            tr(
                "{count}; the first output is due in {year} if nothing is delayed.",
                count=capital(projects_counted(len(plan.projects))),
                year=first,
            ),
        )
    remains = next(iter(risks.remains(say)), "")
    yield "by-material", tr("What stays exposed"), remains
    tail = say.brief.tail
    yield (
        "gain",
        tr("How bad it can get"),
        tr(
            "Mean of the worst {share}: {after} with the plan, {before} without it.",
            share=say.worst_share,
            after=say.spoken(tail.with_plan),
            before=say.spoken(tail.without_plan),
        ),
    )


def _made(say: PlanWording) -> Iterator[str]:
    """Proof, states, prices, and who says so when."""
    certificate = say.plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "Optimal under these assumptions, not necessarily in reality: no other plan is better "
            "by more than {gap} of the objective, and that is proven.",
            gap=small_percent(max(certificate.gap, certificate.gap_target)),
        )
    if certificate.states > 1:
        yield tr(
            "Computed for {states} states of the world, which are assumptions with probabilities.",
            states=number(certificate.states),
        )
    if say.case is not None and say.case.price_year is not None:
        yield tr("Prices of {year}.", year=int(say.case.price_year))
    if say.author and say.date:
        yield f"{clean(say.author)}, {clean(say.date)}."
    elif say.author or say.date:
        yield f"{clean(say.author or say.date)}."
