"""Method of a plan: model, rules, also those that the scenario states itself (U1), limitations and
certificate.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

from models.language import tr
from models.results import Plan, UserRuleOutcome
from models.scenario.case import Case
from models.scenario.chains import format_years
from models.scenario.user_rules import ALL
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    SheetRow,
    decidable_projects,
    row_column,
    text_columns,
)
from optimizer.model.rules import policy_limits
from optimizer.report import cells, document as doc
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL_AND_PAGE,
    Bullets,
    Check,
    Column,
    Heading,
    Section,
    Table,
)
from optimizer.report.number_format import (
    format_exact,
    format_number,
    format_percent,
    format_small_percent,
    sanitize,
)

TIGHT_TOLERANCE = 1e-5  # of the larger of value and limit


def user_rules_section(wording: PlanWording) -> Section:
    """Return the section; without rules of the user it is empty."""
    rows = wording.plan.user_rules
    title = tr("Rules of the scenario's own")
    if not rows or wording.case is None:
        return Section("rules", title, [])
    # Rows that differ only by the year, such as those of a condition that is not met, are one row.
    years_of: dict[UserRuleOutcome, list[int]] = {}
    for row in rows:
        years_of.setdefault(row.model_copy(update={"year": 0}), []).append(int(row.year))
    columns = [
        Column(tr("Rule"), lambda row: wording.user_rule_title(row.rule), "text"),
        Column(tr("For"), lambda row: _group_name(wording, row), "text", empty_text=""),
        Column(tr("Until"), lambda row: format_years(sorted(years_of[row])), "text"),
        Column(tr("Unit"), lambda row: _unit(wording, row.rule), "text"),
        Column(tr("In the plan"), "value", "number", key="value"),
        Column(tr("Kind of limit"), _kind_of_limit, "text"),
        Column(tr("Value of the limit"), "limit", "number", key="limit"),
        Column(tr("Does it bind?"), _state, "text"),
    ]
    note = tr(
        "Each rule was checked from the figures of the scenario, outside the solver. A tight rule "
        "leaves no room; the command 'explain' says what loosening it brings. Money is in prices "
        "of the file and not discounted."
    )
    return Section("rules", title, [Table("", list(years_of), columns, "user-rules", note)])


def _group_name(wording: PlanWording, row: UserRuleOutcome) -> str:
    assert wording.case is not None
    if row.of == ALL:
        return ""
    grouping = wording.case.policy.rules[row.rule].grouping
    if grouping == "country":
        return country_name(row.of)
    kinds = {"project": "projects", "material": "materials", "funder": "funders"}
    return wording.name(kinds[grouping], row.of) if grouping in kinds else sanitize(row.of)


def _unit(wording: PlanWording, rule: str) -> str:
    assert wording.case is not None
    unit = wording.case.policy.rules[rule].sum_unit
    return {"money": wording.money_unit, "tonnes": tr("t")}.get(unit, tr("projects"))


def _kind_of_limit(row: UserRuleOutcome) -> str:
    senses = {"at_least": tr("at least"), "at_most": tr("at most"), "equals": tr("exactly")}
    return senses[row.sense]


def _state(row: UserRuleOutcome) -> str:
    """Return whether the rule leaves room, or does not apply."""
    if not row.applies:
        return tr("does not apply")
    size = max(abs(row.value), abs(row.limit))
    is_tight = abs(row.value - row.limit) <= TIGHT_TOLERANCE * size
    return tr("tight") if is_tight else tr("kept, room of {amount}", amount=format_exact(
        float(f"{abs(row.value - row.limit):.3g}")))  # fmt: skip


def method_section(wording: PlanWording) -> Section:
    """Build the section on the model, the rules and the limitations."""
    method_parts = () if wording.case is None else (
        tr(
            "The program chooses which projects to support when and with which instruments, and "
            "what to buy for stock in each year. It searches all combinations that budgets and "
            "rules allow for the one with the best result over all states of the world."
        ),
        Bullets(list(_describe_model(wording, wording.case))),
        Heading(tr("Rules that the plan keeps")),
        Bullets(list(_describe_rules(wording, wording.case))),
        Heading(tr("What the model does not say")),
        Bullets(list(_describe_limitations(wording))),
    )  # fmt: skip
    return Section("method", tr("How it was computed"), method_parts, PAGE)


def _describe_model(wording: PlanWording, case: Case) -> Iterator[str]:
    weight = float(case.objective.cvar.weight)
    counts = [
        tr("materials: {count}", count=format_number(len(case.materials))),
        tr(
            "projects: {count}, of which can still be decided: {open}",
            count=format_number(len(case.projects)),
            open=format_number(len(list(decidable_projects(case)))),
        ),
        tr("consumers: {count}", count=format_number(len(case.consumers))),
        tr("stockpiles: {count}", count=format_number(len(case.stockpiles))),
        tr("hazards: {count}", count=format_number(len(case.hazards))),
    ]
    period_names = {1: tr("in years"), 4: tr("in quarters"), 12: tr("in months")}
    yield tr(
        "The scenario covers {span} {periods}; {what}.",
        span=wording.horizon_text,
        periods=period_names.get(int(case.horizon.periods_per_year), tr("in half years")),
        what=", ".join(counts),
    )
    if case.conversions or any(project.inputs_t_per_t for project in case.projects.values()):
        yield tr(
            "A plant that makes one material of others makes as much as its capacity and the "
            "scarcest of them allow; what is missing of an input shows as what is missing of the "
            "products."
        )
    if wording.counts_damage:
        yield tr(
            "In each state, supply is allocated and stocks are released to minimize damage. What "
            "is still missing counts by the steps of the damage curve: first what can be saved "
            "cheaply, last what stops production."
        )
    else:
        yield tr(
            "In each state, supply is allocated and stocks are released so that least is missing."
        )
    if weight > 0:
        yield tr("The plan is judged by the mean over all states and, with a weight of {weight}, "
                 "by the mean of the worst {share} of them.",
                 weight=format_percent(weight), share=wording.worst_share)  # fmt: skip
    else:
        yield tr("The plan is judged by the mean over all states.")
    ambiguity = case.objective.ambiguity
    if ambiguity is not None:
        yield tr(
            "That mean is by the least favorable probabilities in an ambiguity set around "
            "those of the states ({kind}, radius {radius}), since nobody knows them better.",
            kind=tr("total variation") if ambiguity.kind == "total_variation" else tr("chi-square"),
            radius=format_exact(float(ambiguity.radius)),
        )
    yield tr(
        "Net cost counts with a weight of {weight} per {currency}; costs are discounted at a real "
        "rate of {rate} a year.",
        weight=format_exact(float(case.objective.cost_weight)),
        currency=wording.currency,
        rate=format_percent(float(case.horizon.discount_rate)),
    )


def _describe_rules(wording: PlanWording, case: Case) -> Iterator[str]:
    policy = case.policy
    formats: dict[str, Callable[[float], str]] = {
        "money": wording.money_amount, "share": format_percent, "count": format_number,
        "tonnes": lambda value: f"{format_number(value)} t", "factor": format_exact,
    }  # fmt: skip
    yield tr("Every budget is kept in every year, and every project is financed in full.")
    for limit in policy_limits(case):
        for key, value in _combine_years(limit.values(case)):
            yield f"{limit.label_of(key)}: {formats[limit.unit](value)}."
    if any(project.capex_overrun for project in case.projects.values()):
        yield (
            tr("Budgets allow for the mean of what projects may cost above their announced capex.")
            if policy.contingency is None
            else tr(
                "Budgets hold what a project costs with a probability of {share} at least.",
                share=format_percent(float(policy.contingency)),
            )
        )
    if policy.must_build:
        yield f"{tr('Must be built:')} {wording.names('projects', policy.must_build)}."
    if policy.must_not_build:
        yield f"{tr('Must not be built:')} {wording.names('projects', policy.must_not_build)}."
    if wording.plan.extra is not None:
        name = sanitize(wording.plan.extra.name)
        yield tr("Rules of the Python function '{name}' are kept as well.", name=name)


def _combine_years(limits: Mapping[Any, float]) -> Iterator[tuple[str, float]]:
    """Yield pairs of a key (a country, or years) as text and its limit; successive years with the
    same limit are combined."""
    if not all(isinstance(key, int) for key in limits):
        yield from ((country_name(key or ""), value) for key, value in limits.items())
        return
    numbered_limits = enumerate(sorted(limits.items()))
    for (limit, _), years_with_limit in groupby(
        numbered_limits, lambda entry: (entry[1][1], entry[1][0] - entry[0])
    ):
        (first_year, _), *other_years = (year_pair for _, year_pair in years_with_limit)
        last_year = other_years[-1][0] if other_years else first_year
        yield (
            tr("{first} to {last}", first=first_year, last=last_year)
            if other_years
            else str(first_year),
            limit,
        )


def _describe_limitations(wording: PlanWording) -> Iterator[str]:
    yield tr(
        "It is no forecast: states of the world and their probabilities are assumptions. A plan is "
        "optimal under these assumptions, not necessarily in reality."
    )
    if wording.counts_damage:
        yield tr(
            "What a missing tonne costs an economy is known roughly at best. Other values can "
            "lead to another plan."
        )
    yield tr(
        "Releases assume foresight: the model knows how long a disruption lasts. An agency does "
        "not, and does less well."
    )
    yield tr(
        "Decisions are taken up front, before it is known which state occurs; the plan does not "
        "wait and see."
    )
    yield tr(
        "Prices do not react to what is bought, and damage after {year} does not count.",
        year=wording.years[-1],
    )
    if wording.case is not None:
        yield from _describe_omissions(wording.case)
    yield tr("Other benefits and costs, such as jobs or the environment, are not counted.")


def _describe_omissions(case: Case) -> Iterator[str]:
    """Yield sentences on the features of the model that the scenario does not use."""
    projects = case.projects.values()
    if projects and not any(p.anyway for p in projects):
        yield tr("No project comes without the plan: what would be built anyway is credited to it.")
    if projects and not any(p.cash_cost_eur_per_t for p in projects):
        yield tr("Plants run whatever the price.")
    if not any(entry.adaptation for entry in case.damage):
        yield tr(
            "Users do not adapt: a missing tonne costs the same however long a shortage lasts."
        )
    if case.stockpiles and not any(stockpile.refill_t_per_year for stockpile in case.stockpiles):
        yield tr("A stock that was released is not filled again.")


def certificate_section(wording: PlanWording) -> Section:
    """Build the section on objective, bound, gap and how to repeat the run."""
    text = tr(
        "The gap says how much better another plan can be at most, for this scenario. It says "
        "nothing about how well the scenario fits the world."
    )
    note = tr(
        "Re-running the file with the same versions reproduces the plan, or one within the gap. "
        "The hash proves that it is the same file: `vorrat solve` prints that of a scenario at its "
        "end, and plan.json holds the whole scenario."
    )
    title = tr("How good the proof is")
    columns = [
        *text_columns(what=tr("Entry")),
        Column(
            tr("Content"),
            _figure_text,
            "text",
            css_class=lambda row: "break",
            media=TERMINAL_AND_PAGE,
        ),
        row_column(tr("Content"), "figure", media=SHEET),
        row_column(tr("Remark"), "remark", "text", media=SHEET),
    ]
    table = Table(title, list(_certificate_rows(wording)), columns, "proven")
    section_parts: list[doc.Part] = [doc.Text(text, PAGE), table, doc.Text(note, PAGE)]
    return Section("certificate", title, section_parts, sheet_name=tr("Certificate"))


def _figure_text(row: SheetRow) -> str:
    """Return the figure of a row as text, followed by its remark in parentheses."""
    figure, remark = row["figure"], row["remark"]
    text = figure if isinstance(figure, str) else cells.format_value(figure, row.form, None)
    return f"{text} ({remark})" if remark else text


def _certificate_rows(wording: PlanWording) -> Iterator[SheetRow]:
    plan, proof = wording.plan, wording.plan.certificate

    def row(
        label: str, figure: float | str, form: doc.ValueForm = "text", remark: str = ""
    ) -> SheetRow:
        return SheetRow(form, {"what": label, "figure": figure, "remark": remark})

    target_note = tr("target {target}", target=format_small_percent(proof.gap_target))
    optimal_note = tr("optimal: the gap is within its target")
    stopped_note = tr(
        "stopped early, before the gap reached its target (solver: {ended})", ended=proof.ended
    )
    is_extensive = proof.method == "extensive"
    method_name = tr("extensive form") if is_extensive else tr("decomposition")
    yield row(tr("Status"), optimal_note if proof.status == "optimal" else stopped_note)
    yield row(tr("Objective"), proof.objective, "objective")
    if proof.bound is None:
        yield row(tr("Bound"), tr("none was proven"))
    else:
        remark = tr("no plan can have a lower objective")
        yield row(tr("Bound"), proof.bound, "objective", remark)
    if proof.gap is None:
        yield row(tr("Gap"), tr("not known"), remark=target_note)
    else:
        yield row(tr("Gap"), proof.gap, "gap", target_note)
    states_remark = tr("no chance in it")
    if proof.seed is not None:
        states_remark = tr("sampled with seed {seed}", seed=proof.seed)
    elif proof.states > 1:
        states_remark = tr("written out in the scenario")
    yield row(tr("States of the world"), proof.states, "count", states_remark)
    yield row(tr("Method"), method_name)
    yield row(tr("Time, s"), proof.seconds, "number")
    yield row(
        tr("Variant"), f"{wording.variant_title} ({plan.variant})" if plan.variant else tr("none")
    )
    if wording.case is not None:
        year = wording.case.price_year
        yield row(tr("Prices of"), str(year) if year else tr("not stated"))
    for label, version in wording.version_rows():
        yield row(label, version)


def _min_gap_scale(wording: PlanWording) -> float:
    """Return the smallest denominator of a relative gap, as in ``Certificate.gap``."""
    without_plan = wording.plan.outcome.without_plan
    weight = 0.0 if wording.case is None else float(wording.case.objective.cvar.weight)
    mean = without_plan.expected if without_plan.worst_mean is None else without_plan.worst_mean
    objective_without_plan = (1 - weight) * mean + weight * without_plan.cvar
    return 1e-6 * (objective_without_plan if objective_without_plan > 1e-6 else 1.0)


def certificate_cautions(plan: Plan) -> Iterator[str]:
    """Yield cautions if the search stopped early or the plan rests on few states."""
    proof = plan.certificate
    if proof.status == "limit" and proof.gap is None:
        yield tr(
            "Stopped early: the plan keeps all rules, but how much better another could be is "
            "not known."
        )
    elif proof.status == "limit":
        yield tr(
            "Stopped early: the plan keeps all rules, and another plan can improve its objective "
            "by {gap} at most.",
            gap=format_small_percent(proof.gap),
        )
    if proof.illustrative:
        states = tr("1 state of the world") if proof.states == 1 else tr(
            "{states} states of the world", states=format_number(proof.states)
        )  # fmt: skip
        yield tr(
            "For illustration only: the plan rests on {states}. Fewer than 100 show how the parts "
            "work together, but not how likely or how bad rare events are.",
            states=states,
        )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that objective and gap follow from their parts."""

    outcome, proof = wording.plan.outcome, wording.plan.certificate
    if wording.case is not None:
        objective = wording.case.objective
        tail, cost_weight = float(objective.cvar.weight), float(objective.cost_weight)
        mean = outcome.expected if outcome.worst_mean is None else outcome.worst_mean
        derived = (1 - tail) * mean + tail * outcome.cvar + cost_weight * outcome.net_cost_meur
        yield Check(tr("The objective follows from its parts"), derived, proof.objective)
    if proof.bound is not None and proof.gap is not None:
        excess = max(0.0, proof.objective - proof.bound)
        gap = excess / max(abs(proof.objective), _min_gap_scale(wording))
        yield Check(tr("The gap follows from objective and bound"), gap, proof.gap)
