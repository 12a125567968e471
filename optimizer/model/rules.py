"""Rules of the first stage that a scenario file states. Each is declared once.

The declaration provides the sentence in a conflict, the clause in an explanation, what happens if
the rule's number is varied, lines of reports, and controls of the page. The constraint is built in
optimizer/model/formulation under the same name, checked in optimizer/solve/verification.py, and
stated in docs/formulation.md. docs/extending.md describes how to add a rule.
"""

from collections.abc import Iterator

from models.base import display_name
from models.language import current_language, mark_translatable, tr
from models.scenario.case import Case
from models.scenario.sections import COMMON_GROUP, Policy
from models.scenario.user_rules import ALL
from optimizer.model.rule_declaration import Parts, PolicyLimit, RuleContext, RuleDeclaration


def _has_supports(instance: RuleContext, parts: Parts) -> bool:
    supports = (i for i in instance.instruments if i.market_finance_per_share > 0)
    return any(i.max_share > 0 and parts["project"] in i.eligible_projects for i in supports)


RULES: dict[str, RuleDeclaration] = {
    rule.name: rule
    for rule in (
        RuleDeclaration(
            "funder_budget",
            "B1",
            ("funder",),
            "funders.{funder}.budget_meur",
            mark_translatable("{funder} spends at most {value} million in all"),
            clause=mark_translatable("the budget of {funder} is {money}"),
            only_loosens=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "funder_budget_by_year",
            "B1",
            ("funder", "year"),
            "funders.{funder}.budget_by_year_meur.{year}",
            mark_translatable("{funder} has {value} million for {year}"),
            clause=mark_translatable("the budget of {funder} is limited in {years}"),
            only_loosens=True,
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "public_budget",
            "B2",
            (),
            "policy.budget_meur",
            mark_translatable("public funders together spend at most {value} million"),
            clause=mark_translatable("the public budget is {money}"),
            policy_limits=(
                PolicyLimit(
                    "budget_meur",
                    mark_translatable("All public funders together spend at most"),
                    "money",
                    on_page=True,
                ),
            ),
            is_shared=True,
        ),
        RuleDeclaration(
            "budget_line_by_year",
            "B3",
            ("funder", "line", "year"),
            "funders.{funder}.budget_lines.{line}.by_year_meur.{year}",
            mark_translatable("the line {line} of {funder} has {value} million in all"),
            other_text=mark_translatable(
                "the line {line} of {funder} has {value} million for {year}"
            ),
            clause=mark_translatable("the line {line} of {funder} is limited in {years}"),
            only_loosens=True,
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "budget_line_total",
            "B3",
            ("funder", "line"),
            "funders.{funder}.budget_lines.{line}.total_meur",
            mark_translatable("the line {line} of {funder} has {value} million in all"),
            clause=mark_translatable("the line {line} of {funder} is {money}"),
            only_loosens=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "guarantee_stock_limit",
            "B4",
            ("funder", "line", "year"),
            "funders.{funder}.budget_lines.{line}.limit_meur.{year?}",
            mark_translatable(
                "of the line {line} of {funder} at most {value} million may be outstanding"
            ),
            other_text=mark_translatable(
                "of the line {line} of {funder} at most {value} million may be outstanding at the "
                "end of {year}"
            ),
            clause=mark_translatable("guarantees of {funder} ({line}) are limited in {years}"),
            only_loosens=True,
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "offtake_right",
            "P6",
            ("project", "", "funder"),
            "projects.{project}.home_share",
            mark_translatable(
                "output of {project} reaches domestic consumers by its home_share and by what "
                "funders other than companies hold of it"
            ),
            other_text=mark_translatable(
                "{funder} gets output of {project} only for the share it holds"
            ),
            uses_other_text=lambda _, parts: bool(parts["funder"] != COMMON_GROUP),
            other_path="funders.{funder}.instruments",
            clause=mark_translatable("its output goes only to those who hold a share"),
            has_number=False,
            is_reported=False,
        ),
        RuleDeclaration(
            "offtake_limit",
            "P6",
            ("project", ""),
            "projects.{project}.offtake_max",
            mark_translatable("at most {value} of the output of {project} can be reserved"),
            clause=mark_translatable("at most {share} of its output can be reserved"),
            is_project_share=True,
        ),
        RuleDeclaration(
            "requires",
            "P9",
            ("project", "other", ""),
            "projects.{project}.requires.{other}",
            mark_translatable("{project} needs {other} to start no later"),
            clause=mark_translatable("{project} needs {other} to start no later"),
            is_reported=False,
        ),
        RuleDeclaration(
            "excludes",
            "P9",
            ("project", "other"),
            "projects.{project}.excludes.{other}",
            mark_translatable("{project} and {other} exclude each other"),
            clause=mark_translatable("{project} and {other} exclude each other"),
            is_reported=False,
            is_shared=True,
        ),
        RuleDeclaration(
            "must_build",
            "P9",
            ("project",),
            "policy.must_build.{project}",
            mark_translatable("{project} must be built"),
            clause=mark_translatable("the scenario demands {project}"),
        ),
        RuleDeclaration(
            "must_not_build",
            "P9",
            ("project",),
            "policy.must_not_build.{project}",
            mark_translatable("{project} must not be built"),
            clause=mark_translatable("the scenario rules out {project}"),
        ),
        RuleDeclaration(
            "starts_by_year",
            "P9",
            ("year",),
            "policy.max_starts_by_year.{year}",
            mark_translatable("at most {value} projects are started in {year}"),
            clause=mark_translatable("only so many projects may be started in {years}"),
            policy_limits=(
                PolicyLimit(
                    "max_starts_by_year.{year}",
                    mark_translatable("Projects started each year, {key}, at most"),
                    "count",
                ),
            ),
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "max_projects",
            "P9",
            (),
            "policy.max_projects",
            mark_translatable("at most {value} projects are built"),
            clause=mark_translatable("of all projects at most {number} may be built"),
            policy_limits=(
                PolicyLimit(
                    "max_projects",
                    mark_translatable("Number of projects, at most"),
                    "count",
                    on_page=True,
                ),
            ),
            is_shared=True,
        ),
        RuleDeclaration(
            "purchase_limit",
            "S1",
            ("stockpile", "year"),
            "stockpiles.{stockpile}.max_purchase_t_per_year",
            mark_translatable("the market gives {stockpile} only so much a year"),
            clause=mark_translatable("the market gives {stockpile} only so much a year"),
            only_loosens=True,
        ),
        RuleDeclaration(
            "storage_limit",
            "S3",
            ("stockpile", "period"),
            "stockpiles.{stockpile}.max_t",
            mark_translatable("{stockpile} has room for only so much"),
            clause=mark_translatable("{stockpile} has room for {tonnes}"),
            only_loosens=True,
        ),
        RuleDeclaration(
            "days_of_demand",
            "S4",
            ("stockpile", "year"),
            "stockpiles.{stockpile}.min_days_of_demand",
            mark_translatable("{stockpile} must cover so many days of need"),
            clause=mark_translatable("{stockpile} must cover so many days of need"),
            has_number=False,
        ),
        RuleDeclaration(
            "country_share_limit",
            "G1",
            ("material", "country", "year"),
            "policy.max_country_share.limit",
            mark_translatable("at most {value} of the need for {material} may come from {country}"),
            clause=mark_translatable(
                "{country} may supply at most {share} of the need for {material}"
            ),
            policy_limits=(
                PolicyLimit(
                    "max_country_share.limit",
                    mark_translatable("Share of a country in the need for a material, at most"),
                    "share",
                ),
            ),
        ),
        RuleDeclaration(
            "market_finance_limit",
            "P3",
            ("project", ""),
            "projects.{project}.market_finance_max",
            mark_translatable("lenders and other investors carry at most {value} of {project}"),
            other_text=mark_translatable(
                "lenders and other investors carry at most {value} of {project}, and what "
                "subsidies and price floors add to it"
            ),
            uses_other_text=_has_supports,
            clause=mark_translatable("lenders and other investors carry at most {share} of it"),
            is_financing=True,
            only_loosens=True,
            is_project_share=True,
        ),
        RuleDeclaration(
            "share_limit",
            "P4",
            ("", "funder", "instrument"),
            "funders.{funder}.instruments.{instrument}.max_share",
            mark_translatable("{funder} ({instrument}) carries at most {value} of a project"),
            clause=mark_translatable(
                "{funder} ({instrument}) carries at most {share} of a project"
            ),
            is_financing=True,
            only_loosens=True,
            is_project_share=True,
        ),
        RuleDeclaration(
            "share_needs_start",
            "P4",
            ("", "funder", "instrument", ""),
            "funders.{funder}.instruments.{instrument}.max_share",
            mark_translatable("{funder} ({instrument}) carries at most {value} of a project"),
            is_reported=False,
            reported_as="share_limit",
        ),
        RuleDeclaration(
            "ticket_min",
            "P5",
            ("", "funder", "instrument"),
            "funders.{funder}.instruments.{instrument}.ticket_min_meur",
            mark_translatable(
                "{funder} ({instrument}) puts at least {value} million into a project"
            ),
            clause=mark_translatable(
                "{funder} ({instrument}) puts at least {money} into a project"
            ),
            is_financing=True,
        ),
        RuleDeclaration(
            "ticket_max",
            "P5",
            ("", "funder", "instrument"),
            "funders.{funder}.instruments.{instrument}.ticket_max_meur",
            mark_translatable(
                "{funder} ({instrument}) puts at most {value} million into a project"
            ),
            clause=mark_translatable("{funder} ({instrument}) puts at most {money} into a project"),
            is_financing=True,
            only_loosens=True,
        ),
        RuleDeclaration(
            "public_share_limit",
            "P7",
            (),
            "policy.max_public_share",
            mark_translatable("public funders together carry at most {value} of a project"),
            clause=mark_translatable("public funders together carry at most {share} of a project"),
            is_financing=True,
            policy_limits=(
                PolicyLimit(
                    "max_public_share",
                    mark_translatable("Public share of a project's capital cost, at most"),
                    "share",
                    on_page=True,
                ),
            ),
            is_project_share=True,
        ),
        RuleDeclaration(
            "state_aid_limit",
            "P8",
            ("project",),
            "policy.state_aid",
            mark_translatable("state aid to {project} is limited"),
            clause=mark_translatable("state aid to it is limited to {money}"),
            is_financing=True,
            policy_limits=(
                PolicyLimit(
                    "state_aid.max_intensity",
                    mark_translatable("State aid, of a project's capital cost, at most"),
                    "share",
                ),
                PolicyLimit(
                    "state_aid.max_meur",
                    mark_translatable("State aid, of a project, at most"),
                    "money",
                ),
            ),
        ),
        RuleDeclaration(
            "user_rule",
            "U1",
            ("rule", "of", "year"),
            "policy.rules.{rule}.{level}",
            mark_translatable("the rule '{rule}' holds"),
            other_text=mark_translatable("the rule '{rule}' holds for {of}"),
            uses_other_text=lambda _, parts: bool(parts["of"] != ALL),
            clause=mark_translatable("the rule '{rule}'"),
            is_shared=True,
        ),
        RuleDeclaration(
            "extra_rule",
            "U2",
            ("constraint",),
            "",
            mark_translatable("the rule '{constraint}' of {place} holds"),
            clause=mark_translatable("the rule '{constraint}' in Python"),
            has_number=False,
            is_shared=True,
        ),
    )
}
"""All rules by the name of their constraint, in the order in which explanations list them."""


LEVEL_LABELS = {
    "at_least": mark_translatable("{title}: at least"),
    "at_most": mark_translatable("{title}: at most"),
    "equals": mark_translatable("{title}: exactly"),
}
MULTIPLE_LABELS = {
    "at_least": mark_translatable("{title}: at least, as a multiple"),
    "at_most": mark_translatable("{title}: at most, as a multiple"),
    "equals": mark_translatable("{title}: exactly, as a multiple"),
}


def policy_limits(case: Case | None = None) -> list[PolicyLimit]:
    """Return the limits in the policy section, in the order of its fields. If ``case`` is given,
    include those of its own rules."""
    fields = list(Policy.model_fields)
    limits = [limit for rule in RULES.values() for limit in rule.policy_limits]
    own_limits = () if case is None else user_rule_limits(case)
    return [*sorted(limits, key=lambda limit: fields.index(limit.field.split(".")[0])), *own_limits]


def user_rule_limits(case: Case) -> Iterator[PolicyLimit]:
    """Yield the limits of the rules that a scenario states itself, where they are the same in all
    years. Their labels are in the current language."""
    for name, rule in case.policy.rules.items():
        if rule.level.constant is not None:
            labels = LEVEL_LABELS if rule.level.value is not None else MULTIPLE_LABELS
            label = tr(labels[rule.sense], title=display_name(rule.title, name, current_language()))
            path = ".".join(("rules", name, *rule.level_path))
            yield PolicyLimit(path, label, rule.unit, on_page=True)
