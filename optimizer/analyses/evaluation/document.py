"""An evaluation as a document: what a plan does in states that it was not made for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from models import results
from models.language import tr
from models.results import Estimate, Evaluation
from models.results.plan import OWN_LINE
from models.scenario.chains import links
from optimizer.analyses.evaluation import yardsticks
from optimizer.analyses.evaluation.yardsticks import Say, estimated, worth
from optimizer.analyses.plan.stocks import use_columns, used_caption
from optimizer.report import document as doc
from optimizer.report.cells import TWO_SIDED, about, error
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as damage_charts
from optimizer.report.charts import evaluation as charts
from optimizer.report.document import Column, Fact, Part, Section, Table
from optimizer.report.figures import NOISE, NONE, clean, number, percent, rounded, small_percent
from optimizer.report.wording import FEW_STATES, Wording, pairs

MOST_ROWS = 10
"""Materials and consumers that a terminal shows, those that lose most first."""
LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Levels of the distribution that are shown."""
FEW_WORST = 100
"""With fewer states in the tail its interval holds the true CVaR less often than it promises: 84
times of 100 with ten of them, 92 with a hundred (docs/benchmarks.md)."""
FAR = 4.0
"""Two estimates of one figure that are so many standard errors apart are not both right."""


def document(found: Evaluation) -> doc.Document:
    """What a plan avoids, how sure that is, how far it is from the best, and what it is worth to
    know what comes."""
    say = Wording(found)
    first, *others = _answers(say)
    cautions = doc.Caution(list(_cautions(say)))
    proof: list[Part] = [_about_states(found), _proof(say)]
    return say.document(
        tr("Vorrat: a plan judged on states it was not made for"),
        [
            first,
            doc.Facts(list(_facts(say)), doc.DETAIL),
            *others,
            cautions,
            _between(say),
            *_use(say),
        ],
        [
            Section("chance", tr("How bad it can get"), _chance(say)),
            Section("under", tr("Under each set of assumptions"), list(_under(say))),
            Section("parts", tr("When, in what, and on whom it falls"), list(_parts(say))),
            Section("overruns", tr("How likely budgets hold"), list(_budgets(say))),
            *yardsticks.sections(say),
            Section("proof", tr("How good the proof is"), proof),
        ],
        title=tr("How good is the plan? {title}", title=say.title),
        amounts=[found.net_cost_meur],
        outcomes=[found.fresh.without_plan.worst],
    )


def _under(say: Say) -> Iterator[Part]:
    """What the plan does in fresh states of each set of assumptions."""
    columns = [
        Column(tr("Set of assumptions"), lambda one: say.assumptions(one.id, one.title), "text"),
        Column(tr("Weight"), "weight", "share"),
        Column(tr("Without plan"), "without_plan.expected", "estimate", like="damage"),
        Column(tr("With plan"), "with_plan.expected", "estimate", like="damage"),
        Column(tr("Avoided"), "avoided", "estimate", like="damage"),
    ]
    caption = tr("In fresh states of each set of assumptions, {unit}", unit=say.unit)
    yield Table(caption, say.found.under, columns, "under")


def world(found: Evaluation) -> str:
    """The other scenario in whose states the plan is looked at."""
    other = found.states_of
    assert other is not None
    if other.variant is None:
        return clean(other.title)
    return f"{clean(other.title)} ({clean(other.variant_title or other.variant)})"


def _best_rule(found: Evaluation) -> results.RuleOutcome | None:
    """The rule with the least expected damage."""
    return min(found.rules, key=lambda rule: rule.performance.expected.value, default=None)


def _share_from_best(found: Evaluation) -> float | None:
    """How far from the best it can be, as a share of its objective."""
    objective = abs(found.fresh.objective.value)
    return None if found.gap is None or objective <= NOISE else found.gap.upper / objective


def _answers(say: Say) -> Iterator[str]:
    """One question a paragraph: what it avoids, without foresight, how far from the best, what
    uncertainty is worth."""
    found, gap, known, rule = say.found, say.found.gap, say.found.information, _best_rule(say.found)
    yield " ".join(_avoided(say))
    if rule is not None:
        foresight = abs(found.fresh.with_plan.expected.value)
        as_well = rule.above_foresight.value <= NOISE * max(1.0, foresight)
        yield (
            tr("An agency that cannot foresee the state releases stock just as well.")
            if as_well
            else tr(
                "That figure assumes that releases foresee how long each disruption lasts. An "
                "agency that knows only past and present, and keeps {reserve} of planned stock for "
                "the dearer shortages, leaves {rule}: the best that can be reached lies between.",
                reserve=percent(rule.reserve),
                rule=estimated(say, rule.performance.expected),
            )
        )
    if gap is not None:
        yield tr(
            "With {confidence} confidence no other plan has an objective that is better by more "
            "than {upper}, which is {share} of it.",
            confidence=percent(gap.confidence),
            upper=say.amount(gap.upper),
            share=small_percent(_share_from_best(found)),
        )
    if (risk := found.budget_risk) is not None:
        yield tr(
            "Projects may cost more than was announced: with {share} % probability every budget is "
            "enough all the same.",
            share=percentage(risk.all_hold),
        )
    if known is not None:
        chance = TWO_SIDED * (known.wait_and_see_error or 0.0)
        foreseen = tr(
            "To know before deciding which state comes would be worth {evpi}: no forecast can be "
            "worth more to what is decided now.",
            evpi=worth(say, known.evpi) + (f" (± {rounded(chance)})" if chance else ""),
        )
        vss = worth(say, known.vss)
        planned = tr("To plan for many states rather than for their mean gains {vss}.", vss=vss)
        yield f"{foreseen} {planned}"


def _avoided(say: Say) -> Iterator[str]:
    found, fresh = say.found, say.found.fresh
    if found.states_of is not None:
        other = world(found)
        yield tr(
            "The plan is judged in the states of {other}, which it was not made for.", other=other
        )
    elif fresh.sampled:
        count = number(fresh.states)
        yield tr("The plan is judged on {states} states that it was not made for.", states=count)
    else:
        yield tr(
            "The scenario writes its states out, so that there are no others to judge the plan by."
        )
    yield tr(
        "The plan avoids {avoided} of {what}: {without} without it, {with_} with it.",
        avoided=estimated(say, fresh.avoided),
        what=say.expected,
        without=about(fresh.without_plan.expected),
        with_=about(fresh.with_plan.expected),
    )
    figures = {"own": say.amount(found.own_expected), "moved": about(fresh.optimism)}
    if found.states_of is not None:
        yield tr("On its own states {own} would be left.", **figures)
    elif fresh.sampled and abs(fresh.optimism.value) <= error(fresh.optimism):
        yield tr(
            "On its own states {own} would be left: the difference of {moved} may be chance alone.",
            **figures,
        )
    elif fresh.sampled:
        yield tr(
            "On its own states {own} would be left: the difference of {moved} is more than chance "
            "explains.",
            **figures,
        )


def _facts(say: Say) -> Iterator[Fact]:
    """The same in figures that are shown large."""
    found, fresh = say.found, say.found.fresh
    exact = fresh.avoided.standard_error is None
    yield Fact(
        tr("Damage avoided, mean") if say.of_damage else tr("Shortage avoided, mean"),
        estimated(say, fresh.avoided),
        tr("exact: all states are known") if exact else tr("± (95 %)"),
    )
    rule = _best_rule(found)
    if rule is not None:
        left = say.amount(fresh.avoided.value - rule.above_foresight.value)
        by_rule = tr("by the best rule, reserve {share}", share=percent(rule.reserve))
        yield Fact(tr("Of that without foresight"), left, by_rule)
    if found.gap is not None and (far := _share_from_best(found)) is not None:
        sure = tr("with {confidence} confidence", confidence=percent(found.gap.confidence))
        yield Fact(tr("From the best at most"), small_percent(far), sure)
    if found.information is not None:
        vss, against = worth(say, found.information.vss), tr("against a plan for the mean")
        yield Fact(tr("Planning for uncertainty is worth"), vss, against)


def _cautions(say: Say) -> Iterator[str]:
    """What must be read with the answer."""
    found, gap, rare = say.found, say.found.gap, say.found.rare
    if found.own_states < FEW_STATES:
        own = number(found.own_states)
        yield tr(
            "For illustration only: the plan was made for {states} states of the world.", states=own
        )
    worst = (1 - found.cvar_level) * found.fresh.states
    if found.fresh.sampled and worst < FEW_WORST:
        yield tr(
            "Of the fresh states, {count} are among the worst: what chance does to the CVaR is "
            "understated below {enough} of them.",
            count=number(worst, 0),
            enough=number(FEW_WORST),
        )
    if gap is not None and (gap.mean.standard_error or 0.0) <= NOISE:
        yield tr(
            "All samples tell the same distance from the best: chance does not show in so few. "
            "Take more of them, or more states in each."
        )
    if rare is not None and max(abs(rare.deviation_expected), abs(rare.deviation_cvar)) > FAR:
        yield tr(
            "States with more rare events tell another figure than the fresh ones, by more than "
            "chance explains: take more of both."
        )


def _between(say: Say) -> Table:
    """What is left without a plan, with it under each rule, and with foresight."""
    found, fresh = say.found, say.found.fresh
    looked: list[tuple[str, results.Performance, Estimate | None, str]] = [
        (tr("Without plan"), fresh.without_plan, None, "without"),
        (tr("With plan, foresight"), fresh.with_plan, None, "foresight"),
    ]
    for of in sorted(found.rules, key=lambda rule: rule.reserve):
        name = charts.marked(percent(of.reserve))
        looked.append((name, of.performance, of.above_foresight, "rule"))
    rows: list[Any] = [
        (name, of.expected, of.cvar, of.worst, above) for name, of, above, _ in looked
    ]
    rows.append((tr("Avoided with foresight"), fresh.avoided, None, None, None))
    worst = _worst(found)

    def bars(of: str) -> list[charts.Bar]:
        drawn = [looked[0], *looked[2:], looked[1]]
        figures: list[tuple[str, Estimate, str]] = [(r[0], getattr(r[1], of), r[3]) for r in drawn]
        return [charts.Bar(name, f.value, f.standard_error, look) for name, f, look in figures]

    groups = [(tr("Mean of all states"), bars("expected")), (worst, bars("cvar"))]
    chart = Chart(
        "between",
        tr("What is left with the plan, between foresight and rule ({unit})", unit=say.unit),
        tr(
            "Bars from above: without any plan, with the plan under each rule, and with foresight. "
            "The best that can be reached lies between the best of these rules and foresight. "
            "Lines at the ends of bars show the sampling error (95 %)."
        ),
        lambda: charts.between(groups, say.unit),
    )
    columns = [
        Column(tr("Stocks released"), "0", "text"),
        Column(tr("Expected"), "1", "estimate"),
        Column(f"{worst} (CVaR)", "2", "estimate"),
        Column(tr("Worst state"), "3", "outcome"),
        *([Column(tr("Above foresight"), "4", "estimate")] if found.rules else []),
    ]
    ruled_note = tr(
        "With foresight: each state's releases are the best for that state, as if it were known. "
        "Rule: stock is released at once while demand is not covered; the reserve, a share of "
        "planned stock, only for shortages dearer than the mean tonne."
    )
    sampled_note = tr("± holds the true figure in 95 of 100 samples.")
    chain_note = tr(
        "Where one material is made into another the nearest form is released first, and of what "
        "it is made of only what plants can take in."
    )
    notes = [ruled_note] * bool(found.rules)
    notes += [chain_note] * (bool(found.rules) and say.case is not None and any(links(say.case)))
    notes += [sampled_note] * fresh.sampled
    return Table(_states(say), rows, columns, "between", " ".join(notes), chart=chart)


def _use(say: Say) -> Iterator[Table]:
    """How often stocks that are filled again are used under each rule."""
    rows = [
        (charts.marked(percent(rule.reserve)), use)
        for rule in sorted(say.found.rules, key=lambda rule: rule.reserve)
        for use in rule.stock_use
    ]
    if rows:
        columns = [
            Column(tr("Stocks released"), "0", "text"),
            *use_columns(say, lambda row: row[1]),
        ]
        yield Table(used_caption(), rows, columns, "stock-use")


def _worst(found: Evaluation) -> str:
    return tr("Mean of the worst {share}", share=percent(1 - found.cvar_level))


def _states(say: Say) -> str:
    """Of which states figures are, with their unit."""
    found, states, unit = say.found, say.found.fresh.states, say.unit
    if found.states_of is not None:
        return tr("In the states of {other} ({unit})", other=world(found), unit=unit)
    if found.fresh.sampled:
        return tr("On {states} fresh states ({unit})", states=number(states), unit=unit)
    return tr("On the {states} states of the scenario ({unit})", states=number(states), unit=unit)


def _chance(say: Say) -> list[Part]:
    """How damage is spread over the states."""
    fresh, of = say.found.fresh, say.found.fresh.distribution
    if fresh.states < 2:
        return []
    before, after = fresh.without_plan, fresh.with_plan
    marks = [
        (tr("Expected"), before.expected.value, after.expected.value),
        (_worst(say.found), before.cvar.value, after.cvar.value),
        (tr("Worst state"), before.worst, after.worst),
    ]
    chart = Chart(
        "fresh-distribution",
        tr("Chance of more damage than a value ({unit})", unit=say.unit)
        if say.of_damage
        else tr("Chance of more shortage than a value ({unit})", unit=say.unit),
        tr(
            "Left, a dashed curve without the plan and a full one with it. Right, bars of the "
            "mean, of the worst states and of the worst one."
        ),
        lambda: damage_charts.exceedance(of.levels, of.without_plan, of.with_plan, marks, say.unit),
    )
    every = zip(of.levels, of.without_plan, of.with_plan, strict=True)
    rows = [row for row in every if round(row[0], 6) in LEVELS]

    def name(row: tuple[float, ...]) -> str:
        least, share = tr("Least state"), percent(row[0])
        return tr("Not exceeded in {share} of states", share=share) if row[0] else least

    columns = [
        Column("", name, "text"),
        Column(tr("Without plan"), "1", "outcome", like="damage"),
        Column(tr("With plan"), "2", "outcome", like="damage"),
    ]
    return [Table(_states(say), rows, columns, "fresh-distribution", chart=chart)]


def _parts(say: Say) -> Iterator[Table]:
    """Expected damage by year, material and consumer."""
    fresh, unit = say.found.fresh, say.unit

    def table(
        name: str, of: str, caption: str, some: Iterable[tuple[str, Any]], most: int | None = None
    ) -> Table:
        rows = [(name, one.expected_without_plan, one.expected) for name, one in some]
        columns = [
            Column(of, "0", "text"),
            Column(tr("Without plan"), "1", "outcome", like="damage"),
            Column(tr("With plan, foresight"), "2", "outcome", like="damage"),
        ]
        return Table(caption, rows, columns, f"fresh-{name}", most=most)

    def ranked(kind: str, some: Sequence[Any]) -> list[tuple[str, Any]]:
        first = sorted(some, key=lambda one: -one.expected)
        return [(say.name(kind, one.id, one.name), one) for one in first]

    by_year = tr("Expected by year ({unit})", unit=unit)
    yield table("years", tr("Year"), by_year, fresh.by_year.items())
    by_material = tr("Expected by material ({unit})", unit=unit)
    materials = ranked("materials", fresh.materials)
    yield table("materials", tr("Material"), by_material, materials, MOST_ROWS)
    by_consumer = tr("Expected by consumer ({unit})", unit=unit)
    consumers = ranked("consumers", fresh.consumers)
    yield table("consumers", tr("Consumer"), by_consumer, consumers, MOST_ROWS)


def percentage(share: Estimate) -> str:
    """A probability in percent, with what chance leaves open."""
    error = share.standard_error
    of_hundred = None if error is None else 100 * error
    return about(Estimate(value=100 * share.value, standard_error=of_hundred))


def _budgets(say: Say) -> Iterator[Part]:
    """How likely each budget and line holds, and what is missing where it does not."""
    risk = say.found.budget_risk
    if risk is None:
        return
    whole, every = tr("All public funders together"), tr("all years")

    def name(one: results.BudgetOdds) -> str:
        if one.funder is None:
            return whole
        funder = say.name("funders", one.funder)
        return (
            funder if one.line == OWN_LINE else f"{funder}: {say.budget_line(one.funder, one.line)}"
        )

    columns = [
        Column(tr("Budget line"), name, "text"),
        Column(tr("Year"), lambda one: every if one.year is None else str(one.year), "text"),
        Column(tr("Available"), "available_meur", "money", like="all"),
        Column(tr("Used as planned"), "planned_meur", "money", like="all"),
        Column(tr("Used in the mean"), "mean_meur", "money", like="all"),
        Column(tr("Is enough, %"), lambda one: percentage(one.holds), "text"),
        Column(tr("Missing where it is not"), "missing_meur", "money", like="all"),
    ]
    caption = tr("How likely budgets are enough ({unit}, not discounted)", unit=say.million)
    note = tr(
        "{draws} draws of what projects cost above their announced capex. "
        "As planned: with the contingency of the scenario.",
        draws=number(risk.draws),
    )
    yield Table(caption, risk.budgets, columns, "overruns", note)


def _about_states(found: Evaluation) -> str:
    """What the states do not say."""
    if found.states_of is not None:
        return tr(
            "The states are those of {other}: they show how the plan fares there, not how likely "
            "that world is.",
            other=world(found),
        )
    if found.fresh.sampled:
        return tr(
            "Fresh states come from the same hazards and probabilities as the plan's own. They "
            "show what chance in sampling does, not whether the assumptions are right; vorrat "
            "sensitivity asks that."
        )
    return tr(
        "The scenario's states are taken for all there are. Whether they and their "
        "probabilities are right is not shown; vorrat sensitivity asks that."
    )


def _proof(say: Say) -> Table:
    """What it takes to judge and to repeat it."""
    found, fresh = say.found, say.found.fresh
    there = found.net_cost_there_meur
    rows = [
        (tr("States of the plan"), number(found.own_states)),
        (tr("Gap of the plan on its own states"), small_percent(found.own_gap)),
        (tr("Objective on its own states"), say.amount(found.own_objective)),
        (tr("States that it is judged on"), number(fresh.states)),
        (tr("Objective on the states it is judged on"), estimated(say, fresh.objective)),
        (tr("Seed of the fresh states"), NONE if fresh.seed is None else str(fresh.seed)),
        (tr("Net cost"), say.money(found.net_cost_meur)),
        *([] if there is None else [(tr("Net cost there"), say.money(there))]),
        (tr("Time"), f"{number(sum(found.seconds.values()))} s"),
        *say.made_of(),
    ]
    return pairs(tr("What it takes to repeat this"), rows, "proof")
