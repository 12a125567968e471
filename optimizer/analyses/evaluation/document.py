"""Document on an evaluation: the performance of a plan in states it was not made for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from models import results
from models.language import tr
from models.results import Estimate, Evaluation
from models.results.plan import WHOLE_BUDGET
from models.scenario.chains import chain_links
from optimizer.analyses.evaluation import reference_sections
from optimizer.analyses.evaluation.reference_sections import (
    EvaluationWording,
    format_nonnegative_range,
    format_sampled_estimate,
)
from optimizer.analyses.plan.stocks import stock_use_caption, stock_use_columns
from optimizer.report import document as doc
from optimizer.report.cells import Z_95, format_estimate, half_width_95
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as damage_charts
from optimizer.report.charts import evaluation as charts
from optimizer.report.document import Column, Fact, Part, Section, Table
from optimizer.report.number_format import (
    NO_VALUE,
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import MIN_STATES, Wording, pair_table

MAX_ROWS = 10
"""Maximum number of materials and of consumers on a terminal, largest damage first."""
LEVELS_SHOWN = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Levels of the distribution that are shown."""
MIN_TAIL_STATES = 100
"""With fewer states in the tail its interval contains the true CVaR less often than stated: 84
times of 100 with ten of them, 92 with a hundred (docs/benchmarks.md)."""
MAX_STANDARD_ERRORS = 4.0
"""Distance of two estimates of one figure, in standard errors, from which on they contradict."""


def build_document(result: Evaluation) -> doc.Document:
    """Build the document on an evaluation: avoided damage with its error, optimality gap, value of
    information."""
    wording = Wording(result)
    first, *other_sentences = _answer_sentences(wording)
    cautions = doc.Caution(list(_cautions(wording)))
    proof: list[Part] = [_states_note(result), _proof_table(wording)]
    return wording.build_document(
        tr("Vorrat: a plan judged on states it was not made for"),
        [
            first,
            doc.Facts(list(_facts(wording)), doc.PAGE_AND_SHEET),
            *other_sentences,
            cautions,
            _outcome_table(wording),
            *_stock_use_tables(wording),
        ],
        [
            Section("chance", tr("How bad it can get"), _distribution_parts(wording)),
            Section(
                "under", tr("Under each set of assumptions"), list(_assumption_set_tables(wording))
            ),
            Section(
                "parts", tr("When, in what, and on whom it falls"), list(_breakdown_tables(wording))
            ),
            Section("overruns", tr("How likely budgets hold"), list(_budget_parts(wording))),
            *reference_sections.build_sections(wording),
            Section("proof", tr("How good the proof is"), proof),
        ],
        title=tr("How good is the plan? {title}", title=wording.title),
        money_amounts=[result.net_cost_meur],
        outcome_amounts=[result.fresh.without_plan.worst],
    )


def _assumption_set_tables(wording: EvaluationWording) -> Iterator[Part]:
    """Yield the table of the plan's performance under each assumption set, in fresh states of that
    set."""
    columns = [
        Column(
            tr("Set of assumptions"),
            lambda outcome: wording.assumption_set_title(outcome.id, outcome.title),
            "text",
        ),
        Column(tr("Weight"), "weight", "share"),
        Column(tr("Without plan"), "without_plan.expected", "estimate", decimals_group="damage"),
        Column(tr("With plan"), "with_plan.expected", "estimate", decimals_group="damage"),
        Column(tr("Avoided"), "avoided", "estimate", decimals_group="damage"),
    ]
    caption = tr("In fresh states of each set of assumptions, {unit}", unit=wording.unit)
    yield Table(caption, wording.result.under, columns, "under")


def other_scenario_name(result: Evaluation) -> str:
    """Return the name of the other scenario in whose states the plan is evaluated."""
    other = result.states_of
    assert other is not None
    if other.variant is None:
        return sanitize(other.title)
    return f"{sanitize(other.title)} ({sanitize(other.variant_title or other.variant)})"


def _best_release_policy(result: Evaluation) -> results.ReleasePolicyOutcome | None:
    """Return the release policy with the least expected damage; None without any."""
    return min(result.rules, key=lambda rule: rule.performance.expected.value, default=None)


def _gap_share(result: Evaluation) -> float | None:
    """Return the upper confidence limit of the optimality gap, as a share of the objective; None if
    it was not computed."""
    objective = abs(result.fresh.objective.value)
    return (
        None if result.gap is None or objective <= ZERO_TOLERANCE else result.gap.upper / objective
    )


def _answer_sentences(wording: EvaluationWording) -> Iterator[str]:
    """Yield a paragraph for each question: avoided damage, release policy, optimality gap, budgets,
    information."""
    result = wording.result
    gap = wording.result.gap
    information = wording.result.information
    policy = _best_release_policy(wording.result)
    yield " ".join(_avoided_sentences(wording))
    if policy is not None:
        foresight = abs(result.fresh.with_plan.expected.value)
        is_equal = policy.above_foresight.value <= ZERO_TOLERANCE * max(1.0, foresight)
        yield (
            tr("An agency that cannot foresee the state releases stock just as well.")
            if is_equal
            else tr(
                "That figure assumes that releases foresee how long each disruption lasts. An "
                "agency that knows only past and present, and keeps {reserve} of planned stock for "
                "the dearer shortages, leaves {rule}: the best that can be reached lies between.",
                reserve=format_percent(policy.reserve),
                rule=format_sampled_estimate(wording, policy.performance.expected),
            )
        )
    if gap is not None:
        yield tr(
            "With {confidence} confidence no other plan has an objective that is better by more "
            "than {upper}, which is {share} of it.",
            confidence=format_percent(gap.confidence),
            upper=wording.amount(gap.upper),
            share=format_small_percent(_gap_share(result)),
        )
    if (risk := result.budget_risk) is not None:
        yield tr(
            "Projects may cost more than was announced: with {share} % probability every budget is "
            "enough all the same.",
            share=format_percentage(risk.all_hold),
        )
    if information is not None:
        half_width = Z_95 * (information.wait_and_see_error or 0.0)
        foreseen = tr(
            "To know before deciding which state comes would be worth {evpi}: no forecast can be "
            "worth more to what is decided now.",
            evpi=format_nonnegative_range(wording, information.evpi)
            + (f" (± {format_rounded(half_width)})" if half_width else ""),
        )
        vss = format_nonnegative_range(wording, information.vss)
        planned = tr("To plan for many states rather than for their mean gains {vss}.", vss=vss)
        yield f"{foreseen} {planned}"


def _avoided_sentences(wording: EvaluationWording) -> Iterator[str]:
    """Yield sentences on the states used, the avoided damage, and the difference from the damage in
    the plan's original states."""
    result, fresh = wording.result, wording.result.fresh
    if result.states_of is not None:
        other = other_scenario_name(result)
        yield tr(
            "The plan is judged in the states of {other}, which it was not made for.", other=other
        )
    elif fresh.sampled:
        count = format_number(fresh.states)
        yield tr("The plan is judged on {states} states that it was not made for.", states=count)
    else:
        yield tr(
            "The scenario writes its states out, so that there are no others to judge the plan by."
        )
    yield tr(
        "The plan avoids {avoided} of {what}: {without} without it, {with_} with it.",
        avoided=format_sampled_estimate(wording, fresh.avoided),
        what=wording.expected_outcome,
        without=format_estimate(fresh.without_plan.expected),
        with_=format_estimate(fresh.with_plan.expected),
    )
    args = {"own": wording.amount(result.own_expected), "moved": format_estimate(fresh.optimism)}
    if result.states_of is not None:
        yield tr("On its own states {own} would be left.", **args)
    elif fresh.sampled and abs(fresh.optimism.value) <= half_width_95(fresh.optimism):
        yield tr(
            "On its own states {own} would be left: the difference of {moved} may be chance alone.",
            **args,
        )
    elif fresh.sampled:
        yield tr(
            "On its own states {own} would be left: the difference of {moved} is more than chance "
            "explains.",
            **args,
        )


def _facts(wording: EvaluationWording) -> Iterator[Fact]:
    """Yield the key figures that the document displays in large type."""
    result, fresh = wording.result, wording.result.fresh
    is_exact = fresh.avoided.standard_error is None
    yield Fact(
        tr("Damage avoided, mean") if wording.counts_damage else tr("Shortage avoided, mean"),
        format_sampled_estimate(wording, fresh.avoided),
        tr("exact: all states are known") if is_exact else tr("± (95 %)"),
    )
    policy = _best_release_policy(result)
    if policy is not None:
        avoided_by_policy = wording.amount(fresh.avoided.value - policy.above_foresight.value)
        policy_note = tr("by the best rule, reserve {share}", share=format_percent(policy.reserve))
        yield Fact(tr("Of that without foresight"), avoided_by_policy, policy_note)
    if result.gap is not None and (gap_share := _gap_share(result)) is not None:
        confidence_note = tr(
            "with {confidence} confidence", confidence=format_percent(result.gap.confidence)
        )
        yield Fact(tr("From the best at most"), format_small_percent(gap_share), confidence_note)
    if result.information is not None:
        vss = format_nonnegative_range(wording, result.information.vss)
        vss_note = tr("against a plan for the mean")
        yield Fact(tr("Planning for uncertainty is worth"), vss, vss_note)


def _cautions(wording: EvaluationWording) -> Iterator[str]:
    """Yield cautions that limit the answer, for example small samples."""
    result, gap, rare = wording.result, wording.result.gap, wording.result.rare
    if result.own_states < MIN_STATES:
        own_states = format_number(result.own_states)
        yield tr(
            "For illustration only: the plan was made for {states} states of the world.",
            states=own_states,
        )
    tail_states = (1 - result.cvar_level) * result.fresh.states
    if result.fresh.sampled and tail_states < MIN_TAIL_STATES:
        yield tr(
            "Of the fresh states, {count} are among the worst: what chance does to the CVaR is "
            "understated below {enough} of them.",
            count=format_number(tail_states, 0),
            enough=format_number(MIN_TAIL_STATES),
        )
    if gap is not None and (gap.mean.standard_error or 0.0) <= ZERO_TOLERANCE:
        yield tr(
            "All samples give the same distance from the best: chance does not show in so "
            "few. Take more of them, or more states in each."
        )
    if (
        rare is not None
        and max(abs(rare.deviation_expected), abs(rare.deviation_cvar)) > MAX_STANDARD_ERRORS
    ):
        yield tr(
            "States with more rare events give another figure than the fresh ones, by more "
            "than chance explains: take more of both."
        )


def _outcome_table(wording: EvaluationWording) -> Table:
    """Return the table of damage without a plan, with the plan and foresight, and with the plan
    under each release policy."""
    result, fresh = wording.result, wording.result.fresh
    performances: list[tuple[str, results.Performance, Estimate | None, str]] = [
        (tr("Without plan"), fresh.without_plan, None, "without"),
        (tr("With plan, foresight"), fresh.with_plan, None, "foresight"),
    ]
    for policy in sorted(result.rules, key=lambda rule: rule.reserve):
        name = charts.rule_label(format_percent(policy.reserve))
        performances.append((name, policy.performance, policy.above_foresight, "rule"))
    rows: list[Any] = [
        (name, performance.expected, performance.cvar, performance.worst, above_foresight)
        for name, performance, above_foresight, _ in performances
    ]
    rows.append((tr("Avoided with foresight"), fresh.avoided, None, None, None))
    tail_label = _tail_label(result)

    def policy_bars(measure: str) -> list[charts.PolicyBar]:
        drawn = [performances[0], *performances[2:], performances[1]]
        figures: list[tuple[str, Estimate, str]] = [
            (r[0], getattr(r[1], measure), r[3]) for r in drawn
        ]
        return [
            charts.PolicyBar(name, f.value, f.standard_error, style) for name, f, style in figures
        ]

    groups = [
        (tr("Mean of all states"), policy_bars("expected")),
        (tail_label, policy_bars("cvar")),
    ]
    chart = Chart(
        "between",
        tr("What is left with the plan, between foresight and rule ({unit})", unit=wording.unit),
        tr(
            "Bars from above: without any plan, with the plan under each rule, and with foresight. "
            "The best that can be reached lies between the best of these rules and foresight. "
            "Lines at the ends of bars show the sampling error (95 %)."
        ),
        lambda: charts.policy_bars(groups, wording.unit),
    )
    columns = [
        Column(tr("Stocks released"), "0", "text"),
        Column(tr("Expected"), "1", "estimate"),
        Column(f"{tail_label} (CVaR)", "2", "estimate"),
        Column(tr("Worst state"), "3", "outcome"),
        *([Column(tr("Above foresight"), "4", "estimate")] if result.rules else []),
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
    notes = [ruled_note] * bool(result.rules)
    notes += [chain_note] * (
        bool(result.rules) and wording.case is not None and any(chain_links(wording.case))
    )
    notes += [sampled_note] * fresh.sampled
    return Table(_states_caption(wording), rows, columns, "between", " ".join(notes), chart=chart)


def _stock_use_tables(wording: EvaluationWording) -> Iterator[Table]:
    """Yield the table of how often refilled stocks are used under each release policy."""
    rows = [
        (charts.rule_label(format_percent(rule.reserve)), use)
        for rule in sorted(wording.result.rules, key=lambda rule: rule.reserve)
        for use in rule.stock_use
    ]
    if rows:
        columns = [
            Column(tr("Stocks released"), "0", "text"),
            *stock_use_columns(wording, lambda row: row[1]),
        ]
        yield Table(stock_use_caption(), rows, columns, "stock-use")


def _tail_label(result: Evaluation) -> str:
    """Return the label for the mean over the worst states, which names their share."""
    return tr("Mean of the worst {share}", share=format_percent(1 - result.cvar_level))


def _states_caption(wording: EvaluationWording) -> str:
    """Return a table caption that names the states of the evaluation and the unit."""
    result, states, unit = wording.result, wording.result.fresh.states, wording.unit
    if result.states_of is not None:
        return tr("In the states of {other} ({unit})", other=other_scenario_name(result), unit=unit)
    if result.fresh.sampled:
        return tr("On {states} fresh states ({unit})", states=format_number(states), unit=unit)
    return tr(
        "On the {states} states of the scenario ({unit})", states=format_number(states), unit=unit
    )


def _distribution_parts(wording: EvaluationWording) -> list[Part]:
    """Return the table and chart of the distribution of damage over the states."""
    fresh, distribution = wording.result.fresh, wording.result.fresh.distribution
    if fresh.states < 2:
        return []
    before, after = fresh.without_plan, fresh.with_plan
    marks = [
        (tr("Expected"), before.expected.value, after.expected.value),
        (_tail_label(wording.result), before.cvar.value, after.cvar.value),
        (tr("Worst state"), before.worst, after.worst),
    ]
    chart = Chart(
        "fresh-distribution",
        tr("Chance of more damage than a value ({unit})", unit=wording.unit)
        if wording.counts_damage
        else tr("Chance of more shortage than a value ({unit})", unit=wording.unit),
        tr(
            "Left, a dashed curve without the plan and a full one with it. Right, bars of the "
            "mean, of the worst states and of the worst one."
        ),
        lambda: damage_charts.exceedance_curves(
            distribution.levels,
            distribution.without_plan,
            distribution.with_plan,
            marks,
            wording.unit,
        ),
    )
    quantiles = zip(
        distribution.levels, distribution.without_plan, distribution.with_plan, strict=True
    )
    rows = [row for row in quantiles if round(row[0], 6) in LEVELS_SHOWN]

    def name(row: tuple[float, ...]) -> str:
        smallest, share = tr("Least state"), format_percent(row[0])
        return tr("Not exceeded in {share} of states", share=share) if row[0] else smallest

    columns = [
        Column("", name, "text"),
        Column(tr("Without plan"), "1", "outcome", decimals_group="damage"),
        Column(tr("With plan"), "2", "outcome", decimals_group="damage"),
    ]
    return [Table(_states_caption(wording), rows, columns, "fresh-distribution", chart=chart)]


def _breakdown_tables(wording: EvaluationWording) -> Iterator[Table]:
    """Yield the tables of expected damage by year, by material and by consumer."""
    fresh, unit = wording.result.fresh, wording.unit

    def table(
        name: str,
        header: str,
        caption: str,
        items: Iterable[tuple[str, Any]],
        max_rows: int | None = None,
    ) -> Table:
        rows = [(label, x.expected_without_plan, x.expected) for label, x in items]
        columns = [
            Column(header, "0", "text"),
            Column(tr("Without plan"), "1", "outcome", decimals_group="damage"),
            Column(tr("With plan, foresight"), "2", "outcome", decimals_group="damage"),
        ]
        return Table(caption, rows, columns, f"fresh-{name}", max_terminal_rows=max_rows)

    def ranked(kind: str, items: Sequence[Any]) -> list[tuple[str, Any]]:
        by_damage = sorted(items, key=lambda item: -item.expected)
        return [(wording.name(kind, item.id, item.name), item) for item in by_damage]

    by_year = tr("Expected by year ({unit})", unit=unit)
    yield table("years", tr("Year"), by_year, fresh.by_year.items())
    by_material = tr("Expected by material ({unit})", unit=unit)
    materials = ranked("materials", fresh.materials)
    yield table("materials", tr("Material"), by_material, materials, MAX_ROWS)
    by_consumer = tr("Expected by consumer ({unit})", unit=unit)
    consumers = ranked("consumers", fresh.consumers)
    yield table("consumers", tr("Consumer"), by_consumer, consumers, MAX_ROWS)


def format_percentage(estimate: Estimate) -> str:
    """Format an estimated probability and its sampling error as percentages."""
    error = estimate.standard_error
    error_percent = None if error is None else 100 * error
    return format_estimate(Estimate(value=100 * estimate.value, standard_error=error_percent))


def _budget_parts(wording: EvaluationWording) -> Iterator[Part]:
    """Yield the table of the probability that each budget is enough, and of the mean amount that is
    missing if it is not."""
    risk = wording.result.budget_risk
    if risk is None:
        return
    all_funders, all_years = tr("All public funders together"), tr("all years")

    def name(odds: results.BudgetOdds) -> str:
        if odds.funder is None:
            return all_funders
        funder = wording.name("funders", odds.funder)
        return (
            funder
            if odds.line == WHOLE_BUDGET
            else f"{funder}: {wording.budget_line_name(odds.funder, odds.line)}"
        )

    columns = [
        Column(tr("Budget line"), name, "text"),
        Column(tr("Year"), lambda row: all_years if row.year is None else str(row.year), "text"),
        Column(tr("Available"), "available_meur", "money", decimals_group="all"),
        Column(tr("Used as planned"), "planned_meur", "money", decimals_group="all"),
        Column(tr("Used in the mean"), "mean_meur", "money", decimals_group="all"),
        Column(tr("Is enough, %"), lambda row: format_percentage(row.holds), "text"),
        Column(tr("Missing where it is not"), "missing_meur", "money", decimals_group="all"),
    ]
    caption = tr("How likely budgets are enough ({unit}, not discounted)", unit=wording.money_unit)
    note = tr(
        "{draws} draws of what projects cost above their announced capex. "
        "As planned: with the contingency of the scenario.",
        draws=format_number(risk.draws),
    )
    yield Table(caption, risk.budgets, columns, "overruns", note)


def _states_note(result: Evaluation) -> str:
    """Return a note on what an evaluation in these states cannot show."""
    if result.states_of is not None:
        return tr(
            "The states are those of {other}: they show how the plan fares there, not how likely "
            "that world is.",
            other=other_scenario_name(result),
        )
    if result.fresh.sampled:
        return tr(
            "Fresh states come from the same hazards and probabilities as the plan's own. They "
            "show what chance in sampling does, not whether the assumptions are right; vorrat "
            "sensitivity asks that."
        )
    return tr(
        "The scenario's states are taken for all there are. Whether they and their "
        "probabilities are right is not shown; vorrat sensitivity asks that."
    )


def _proof_table(wording: EvaluationWording) -> Table:
    """Return the table of the settings that are needed to repeat the evaluation."""
    result, fresh = wording.result, wording.result.fresh
    net_cost_there = result.net_cost_there_meur
    rows = [
        (tr("States of the plan"), format_number(result.own_states)),
        (tr("Gap of the plan on its own states"), format_small_percent(result.own_gap)),
        (tr("Objective on its own states"), wording.amount(result.own_objective)),
        (tr("States that it is judged on"), format_number(fresh.states)),
        (
            tr("Objective on the states it is judged on"),
            format_sampled_estimate(wording, fresh.objective),
        ),
        (tr("Seed of the fresh states"), NO_VALUE if fresh.seed is None else str(fresh.seed)),
        (tr("Net cost"), wording.money_amount(result.net_cost_meur)),
        *(
            []
            if net_cost_there is None
            else [(tr("Net cost there"), wording.money_amount(net_cost_there))]
        ),
        (tr("Time"), f"{format_number(sum(result.seconds.values()))} s"),
        *wording.version_rows(),
    ]
    return pair_table(tr("What it takes to repeat this"), rows, "proof")
