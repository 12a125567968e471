"""The answer to a plan on one page, for those who read no further, and a sheet of key figures."""

from collections.abc import Iterator
from typing import Any

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan import evidence
from optimizer.analyses.plan.damage import gain
from optimizer.analyses.plan.funding import payers
from optimizer.analyses.plan.method import cautions
from optimizer.analyses.plan.stocks import COST
from optimizer.analyses.plan.words import PlanWording, reduction
from optimizer.analyses.worth import sentences
from optimizer.report import document as doc
from optimizer.report.document import PAGE, SHEET, TEXT, Bullets, Fact, Part, Table, Text
from optimizer.report.figures import NOISE, number, percent, rounded, rounded_percent, small_percent
from optimizer.report.wording import listed, materials_counted, projects_counted
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.book import INSET
from optimizer.report.workbook.formulas import Line

MOST_NAMED = 3
"""Materials or consumers that the first page names."""


def answer(say: PlanWording) -> Iterator[Part]:
    """What is recommended, what it buys and costs, what remains, and how sure that is."""
    yield lead(say)
    yield from sentences(say.plan.worth_from, tr("This plan"))
    yield doc.Facts(list(_facts(say)), TEXT)
    blocks = (
        (tr("What it costs, and who pays"), list(_costs(say))),
        (tr("What is recommended"), list(_recommended(say))),
        (tr("What remains"), list(_remains(say))),
        (tr("How sure this is"), list(_sure(say))),
    )
    for title, items in blocks:
        if items:
            yield doc.Heading(title, PAGE)
            yield Bullets(items, PAGE)
    yield doc.Caution([*cautions(say.plan), *_rests_on_assumptions(say)])


def lead(say: PlanWording) -> str:
    """The answer in one sentence or two."""
    plan = say.plan
    reached, without = plan.outcome.expected, plan.outcome.without_plan.expected
    about = {"noun": say.expected, "during": say.during, "after": say.spoken(reached)}
    what = list(_what(say))
    if not what:
        return tr("The plan is to build and buy nothing: {noun}{during} is {after}.", **about)
    about |= {"what": listed(what), "before": say.spoken(without)}
    if abs(reached - without) <= NOISE * max(1.0, abs(without)):
        return tr("Recommended: {what}. With it {noun}{during} stays at {after}.", **about)
    change = reduction(reached, without)
    if change is None:
        return tr(
            "Recommended: {what}. With it {noun}{during} goes from {before} to {after}.", **about
        )
    about["by"] = rounded_percent(abs(change))
    says = (
        tr("Recommended: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
           **about),
        tr("Recommended: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
           **about),
    )  # fmt: skip
    return says[change < 0]


def _what(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    if plan.projects and say.case is not None:
        yield tr(
            "support {count} of {of} candidate projects",
            count=number(len(plan.projects)),
            of=number(len(say.case.projects.keys() - {*say.case.policy.must_not_build})),
        )
    elif plan.projects:
        yield tr("support {projects}", projects=projects_counted(len(plan.projects)))
    stocked = {s.material for s in plan.stockpiles if any(t > NOISE for t in s.buy_t.values())}
    if stocked:
        yield tr("buy stocks of {materials}", materials=materials_counted(len(stocked)))


def _facts(say: PlanWording) -> Iterator[Fact]:
    plan, cost = say.plan, say.cost
    reached, without = plan.outcome, plan.outcome.without_plan
    yield Fact(
        tr("Expected damage avoided") if say.of_damage else tr("Expected shortage avoided"),
        say.spoken(without.expected - reached.expected),
        tr("{before} without the plan, {after} with it",
           before=say.spoken(without.expected), after=say.spoken(reached.expected)),
    )  # fmt: skip
    before = tr("{before} without the plan", before=say.spoken(without.cvar))
    yield Fact(say.tail, say.spoken(reached.cvar), before)
    per_euro = cost.avoided_per_public_euro
    if per_euro is not None and per_euro.expected is not None and per_euro.range is not None:
        yield Fact(
            tr("Damage avoided per public {currency}, on average", currency=plan.currency),
            f"{number(per_euro.expected, 1)} {plan.currency}",
            tr(
                "{low} to {high} in 90 % of states; of {paid}, present value, guaranteed loans in "
                "full",
                low=number(per_euro.range.low, 1),
                high=number(per_euro.range.high, 1),
                paid=say.money(per_euro.meur),
            ),
        )
    if say.public:
        yield Fact(
            tr("Net cost to public funders"),
            say.money(cost.public.cost_meur),
            tr(
                "present value, less what is expected to come back; budgets are charged {charged}, "
                "not discounted",
                charged=say.money(cost.public_charged_meur),
            ),
        )
    guaranteed = cost.by_class.get("guarantee")
    if guaranteed is not None and guaranteed.peak_year is not None:
        peak = tr(
            "peak in {year}; loans of banks, which are not spending", year=guaranteed.peak_year
        )
        yield Fact(tr("Guarantees outstanding"), say.money(guaranteed.peak_meur), peak)
    private = cost.private.paid_meur + cost.market_meur
    if private > NOISE:
        whose = tr("of companies, lenders and investors, foreign states among them, not discounted")
        yield Fact(tr("Private funding"), say.money(private), whose)


def _costs(say: PlanWording) -> Iterator[str]:
    plan, cost = say.plan, say.cost
    public = [f.id for f in plan.funders if f.kind == "public"]
    charged = [(say.payer(f), sum(plan.spend_meur.get(f, {}).values())) for f in public]
    used = [(name, amount) for name, amount in charged if amount > NOISE]
    if used:
        yield tr(
            "Public budgets are charged {total}: {parts}.",
            total=say.money(cost.public_charged_meur),
            parts=listed([f"{name} {rounded(amount)}" for name, amount in used]),
        )
    yield tr(
        "The net cost of all funders is {cost}, {public} of it to public funders: present "
        "values of what they pay less what is expected to come back. Money of lenders is no "
        "cost here.",
        cost=say.money(plan.outcome.net_cost_meur),
        public=say.money(cost.public.cost_meur),
    )
    if plan.outcome.windfall_meur > NOISE:
        yield tr(
            "{windfall} of what funders pay is a windfall: it goes to output that would come home "
            "without it.",
            windfall=say.money(plan.outcome.windfall_meur),
        )
    risk = cost.public.maximum_loss_meur
    if risk > NOISE:
        yield tr(
            "If every project fails, public funders lose {loss}; what stocks cost is spent in any "
            "case.",
            loss=say.money(risk),
        )


def _recommended(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    starts: dict[int, list[str]] = {}
    for built in plan.projects:
        starts.setdefault(built.start, []).append(say.name("projects", built.id))
    for year in sorted(starts):
        yield tr(
            "Decide on {counted} in {year}: {projects}.",
            counted=projects_counted(len(starts[year])),
            year=year,
            projects=listed(starts[year]),
        )
    costs: dict[str, float] = {}
    for pile in plan.stockpiles:
        costs[pile.material] = costs.get(pile.material, 0.0) + sum(pile.cost_meur.values())
    total = sum(costs.values())
    if total > NOISE:
        top = sorted((m for m in costs if costs[m] > NOISE), key=lambda m: -costs[m])[:MOST_NAMED]
        yield tr(
            "Buy and keep stocks for {cost} in all; most of it for {materials}.",
            cost=say.money(total),
            materials=listed([f"{say.name('materials', m)} ({rounded(costs[m])})" for m in top]),
        )


def _remains(say: PlanWording) -> Iterator[str]:
    def top(kind: str) -> list[Any]:
        hit = [one for one in getattr(say.plan, kind) if one.expected > NOISE]
        return sorted(hit, key=lambda one: -one.expected)[:MOST_NAMED]

    def named(kind: str) -> str:
        return listed([f"{say.name(kind, x.id)} ({say.spoken(x.expected)})" for x in top(kind)])

    after, anyway = say.plan.outcome.expected, say.plan.outcome.without_plan.avoided_anyway
    if anyway is not None and anyway > NOISE:
        yield tr(
            "Projects that come without any plan avoid {avoided} more; the plan is not credited "
            "with it.",
            avoided=say.spoken(anyway),
        )
    if top("materials") and after > NOISE:
        yield tr(
            "Expected to remain: {after}, {share} of it of {materials}.",
            after=say.spoken(after),
            share=rounded_percent(sum(one.expected for one in top("materials")) / after),
            materials=named("materials"),
        )
    if len(top("consumers")) > 1:
        yield tr("Most affected: {consumers}.", consumers=named("consumers"))


def _sure(say: PlanWording) -> Iterator[str]:
    certificate = say.plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "The plan is optimal under these assumptions, not necessarily in reality: no other is "
            "better by more than {gap} of the objective, and that is proven.",
            gap=small_percent(max(certificate.gap, certificate.gap_target)),
        )
    if certificate.states > 1:
        yield tr(
            "The plan was computed for {states} states of the world. They are assumptions with "
            "probabilities, not a forecast.",
            states=number(certificate.states),
        )


def _rests_on_assumptions(say: PlanWording) -> Iterator[str]:
    """What must be read with the answer: how much of it depends on assumptions."""
    assumed = {kind: shares["assumption"] for kind, shares in evidence.rests_on(say.plan).items()}
    most = {evidence.kind_name(kind): share for kind, share in assumed.items() if share > 0.5}
    told = [f"{name} ({percent(share)})" for name, share in most.items()]
    if told:
        yield tr(
            "Most of the benefit depends on assumptions; shares of it that depend on assumed "
            "figures: {kinds}. The figures compare options; they do not predict losses.",
            kinds=listed(told),
        )
    standings = [figure.standing for figure in evidence.figures(say.case)]
    if "none" in standings:
        yield tr(
            "Figures of the scenario without a source: {count} of {total}.",
            count=number(standings.count("none")),
            total=number(len(standings)),
        )


def key_figures(say: PlanWording) -> list[Part]:
    """For a sheet: what is left with the plan and without it, and what it costs."""
    year, unit = say.case.price_year if say.case else None, say.million
    about = tr("Amounts in {unit}.", unit=unit)
    if year is not None:
        about = tr("Amounts in {unit}, prices of {year}.", unit=unit, year=int(year))
    columns = [
        *col.words(what=""),
        col.cell(tr("Amount"), "amount", name=lambda row: row["name"]),
        col.cell(tr("Share"), "share", "share"),
        *(col.text(""), col.text("")),
        *col.words(name=tr("Name for formulas")),
    ]
    caption, rows = tr("What it costs ({unit})", unit=unit), list(_amounts(say))
    cost = Table(caption, rows, columns, "cost", key=lambda row: row["name"], on=SHEET)
    return [Text(about, SHEET), gain(say, SHEET), cost]


def _amounts(say: PlanWording) -> Iterator[col.Row]:
    def row(what: str, name: str, amount: float | col.InBook, **more: col.Cell) -> col.Row:
        held = (lambda line: amount(line.book)) if callable(amount) else amount
        return col.Row("money", {"what": what, "name": name, "amount": held, **more})

    def ratio(what: str, name: str, amount: col.Cell) -> col.Row:
        return col.Row("ratio", {"what": what, "name": name, "amount": amount})

    def own(line: Line, name: str) -> ex.Expression:
        return line.table.find(name, "amount")

    def leverage(line: Line) -> ex.Expression:
        public = own(line, "capital_public")
        return ex.ratio(own(line, "capital_cost") - public, public)

    def part(line: Line) -> ex.Expression:
        return ex.ratio(line["amount"], own(line, "capital_cost"))

    def per_cost(line: Line) -> ex.Expression:
        return ex.ratio(line.book["gain"].find("expected", "avoided"), own(line, "net_cost"))

    reached = say.plan.outcome
    yield row(tr("Net cost, discounted"), "net_cost", reached.net_cost_meur)
    if reached.residual_meur:
        what = tr("Residual value at the end, discounted")
        yield row(what, "residual_value", reached.residual_meur)
    yield row(tr("Capital cost of projects"), "capital_cost", col.summed("projects", "mean_capex"))
    sources = {
        "public": tr("of that from public funders"),
        "company": tr("of that from companies"),
        "private": tr("of that from private funders"),
        "market": tr("of that from lenders and investors"),
    }
    paying = {say.kinds.get(one.funder) for one in payers(say) if one.meur}
    for kind in sources:
        if kind in {*paying, "public", "market"}:
            paid = col.where("funding", "meur", kind_id=kind)
            yield row(INSET + sources[kind], f"capital_{kind}", paid, share=part)
    yield row(tr("Cost of stockpiles, undiscounted"), "stockpile_cost", COST)
    if any(one.budget_class == "premium" for one in say.plan.accounts):
        premium = col.where("accounts", "paid", class_id="premium")
        yield row(tr("Premiums on secured output, undiscounted"), "premium", premium)
    charged = col.where("spend", "all", kind_id="public")
    yield row(tr("Charged to public budgets, undiscounted"), "public_budget_charge", charged)
    lost = col.summed("accounts", "maximum_loss")
    yield row(tr("Lost at most by all funders"), "maximum_loss", lost)
    yield ratio(tr("Other money per public unit of money, in projects"), "leverage", leverage)
    if say.of_damage:
        what = tr("Damage avoided per unit of net cost of all funders")
        yield ratio(what, "avoided_per_net_cost", per_cost)
