"""Document on an evaluation: the performance of a plan in states it was not made for."""

from collections.abc import Iterable, Iterator
from typing import Any

from models import results
from models.language import tr
from models.results import Estimate, Evaluation
from models.results.plan import WHOLE_BUDGET
from models.scenario.chains import chain_links
from optimizer.analyses.evaluation import answer
from optimizer.analyses.evaluation.answer import (
    EvaluationWording,
    answer_sentences,
    cautions,
    format_percentage,
    format_sampled_estimate,
    key_facts,
    other_scenario_name,
)
from optimizer.analyses.shared_wording import stock_use_caption, stock_use_columns
from optimizer.report import document as doc
from optimizer.report.charts import Chart, analysis_charts as charts, plan_charts as damage_charts
from optimizer.report.document import Column, Part, Section, Table
from optimizer.report.number_format import (
    NO_VALUE,
    format_number,
    format_percent,
    format_small_percent,
)
from optimizer.report.wording import Wording, pair_table

MAX_ROWS = 10
"""Maximum number of materials and of consumers on a terminal, largest damage first."""
LEVELS_SHOWN = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Levels of the distribution that are shown."""


def build_document(result: Evaluation) -> doc.Document:
    """Build the document on an evaluation: avoided damage with its error, optimality gap, value of
    information."""
    wording = Wording(result)
    first_sentence, *other_sentences = answer_sentences(wording)
    proof: list[Part] = [_states_note(result), _proof_table(wording)]
    return wording.build_document(
        tr("Vorrat: a plan judged on states it was not made for"),
        [
            first_sentence,
            doc.Facts(list(key_facts(wording)), doc.PAGE_AND_SHEET),
            *other_sentences,
            doc.Caution(list(cautions(wording))),
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
            *answer.build_sections(wording),
            Section("proof", tr("How good the proof is"), proof),
        ],
        title=tr("How good is the plan? {title}", title=wording.title),
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


def _outcome_table(wording: EvaluationWording) -> Table:
    """Return the table of damage without a plan, with the plan and foresight, and with the plan
    under each release policy."""
    result, fresh_evaluation = wording.result, wording.result.fresh
    performances: list[tuple[str, results.Performance, Estimate | None, str]] = [
        (tr("Without plan"), fresh_evaluation.without_plan, None, "without"),
        (tr("With plan, foresight"), fresh_evaluation.with_plan, None, "foresight"),
    ]
    for policy in sorted(result.rules, key=lambda rule: rule.reserve):
        name = charts.rule_label(format_percent(policy.reserve))
        performances.append((name, policy.performance, policy.above_foresight, "rule"))
    rows: list[Any] = [
        (name, outcome.expected, outcome.cvar, outcome.worst, above_foresight)
        for name, outcome, above_foresight, _ in performances
    ]
    rows.append((tr("Avoided with foresight"), fresh_evaluation.avoided, None, None, None))
    tail_label = _tail_label(result)

    def policy_bars(measure: str) -> list[charts.PolicyBar]:
        ordered = [performances[0], *performances[2:], performances[1]]
        figures = [(name, getattr(outcome, measure), style) for name, outcome, _, style in ordered]
        return [
            charts.PolicyBar(name, x.value, x.standard_error, style) for name, x, style in figures
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
    policy_note = tr(
        "With foresight: each state's releases are the best for that state, as if it were known. "
        "Rule: stock is released at once while demand is not covered; the reserve, a share of "
        "planned stock, only for shortages dearer than the mean tonne."
    )
    sampled_note = tr("± holds the true figure in 95 of 100 samples.")
    chain_note = tr(
        "Where one material is made into another the nearest form is released first, and of what "
        "it is made of only what plants can take in."
    )
    has_chains = wording.case is not None and any(chain_links(wording.case))
    notes = [policy_note, *([chain_note] if has_chains else [])] if result.rules else []
    notes += [sampled_note] * fresh_evaluation.sampled
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
    """Return the table and chart of the distribution of damage; nothing for a single state."""
    fresh_evaluation, distribution = wording.result.fresh, wording.result.fresh.distribution
    if fresh_evaluation.states < 2:
        return []
    damage_without_plan, damage_with_plan = (
        fresh_evaluation.without_plan,
        fresh_evaluation.with_plan,
    )
    curves = distribution.levels, distribution.without_plan, distribution.with_plan
    chart_marks = [
        (tr("Expected"), damage_without_plan.expected.value, damage_with_plan.expected.value),
        (_tail_label(wording.result), damage_without_plan.cvar.value, damage_with_plan.cvar.value),
        (tr("Worst state"), damage_without_plan.worst, damage_with_plan.worst),
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
        lambda: damage_charts.exceedance_curves(*curves, chart_marks, wording.unit),
    )
    quantiles = zip(*curves, strict=True)
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
    fresh_evaluation, unit = wording.result.fresh, wording.unit

    def table(
        id_suffix: str,
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
        return Table(caption, rows, columns, f"fresh-{id_suffix}", max_terminal_rows=max_rows)

    def ranked(kind: str) -> list[tuple[str, Any]]:
        ranked_items = sorted(getattr(fresh_evaluation, kind), key=lambda item: -item.expected)
        return [(wording.name(kind, item.id, item.name), item) for item in ranked_items]

    year_caption = tr("Expected by year ({unit})", unit=unit)
    yield table("years", tr("Year"), year_caption, fresh_evaluation.by_year.items())
    material_caption = tr("Expected by material ({unit})", unit=unit)
    yield table("materials", tr("Material"), material_caption, ranked("materials"), MAX_ROWS)
    consumer_caption = tr("Expected by consumer ({unit})", unit=unit)
    yield table("consumers", tr("Consumer"), consumer_caption, ranked("consumers"), MAX_ROWS)


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
        if odds.line == WHOLE_BUDGET:
            return funder
        return f"{funder}: {wording.budget_line_name(odds.funder, odds.line)}"

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
    result, fresh_evaluation = wording.result, wording.result.fresh
    rows = [
        (tr("States of the plan"), format_number(result.own_states)),
        (tr("Gap of the plan on its own states"), format_small_percent(result.own_gap)),
        (tr("Objective on its own states"), wording.amount(result.own_objective)),
        (tr("States that it is judged on"), format_number(fresh_evaluation.states)),
        (
            tr("Objective on the states it is judged on"),
            format_sampled_estimate(wording, fresh_evaluation.objective),
        ),
        (
            tr("Seed of the fresh states"),
            NO_VALUE if fresh_evaluation.seed is None else str(fresh_evaluation.seed),
        ),
        (tr("Net cost"), wording.money_amount(result.net_cost_meur)),
    ]
    if result.net_cost_there_meur is not None:
        rows.append((tr("Net cost there"), wording.money_amount(result.net_cost_there_meur)))
    rows += [
        (tr("Time"), f"{format_number(sum(result.seconds.values()))} s"),
        *wording.version_rows(),
    ]
    return pair_table(tr("What it takes to repeat this"), rows, "proof")
