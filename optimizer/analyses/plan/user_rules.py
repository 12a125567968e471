"""The section of a plan's document on the rules that the scenario states itself (U1)."""

from models.language import tr
from models.results import UserRuleOutcome
from models.scenario.baseline_shortage import format_years
from models.scenario.user_rules import ALL
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.countries import country_name
from optimizer.report.document import Column, Section, Table
from optimizer.report.number_format import format_exact, sanitize

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
