"""Rules of the first stage that a scenario file states. Each is declared once.

The declaration provides the sentence in a conflict, the clause in an explanation, what happens if
the rule's number is varied, lines of reports, and controls of the page. The constraint is built in
optimizer/model/formulation under the same name, checked in optimizer/solve/verification.py, and
stated in docs/formulation.md. CONTRIBUTING describes how to add a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from models.base import display_name
from models.language import current_language, mark_translatable, tr
from models.scenario.case import Case
from models.scenario.sections import Policy
from optimizer.errors import Rule
from optimizer.model import rule_locations as locations
from optimizer.model.rule_locations import RuleContext, RuleLocation

Locator = Callable[["RuleContext", Any, str], RuleLocation]


class PolicyLimit(NamedTuple):
    """A number in the policy section of a scenario that is the limit of a rule."""

    path: str  # below ``policy``, dotted
    label: str  # its label in a report, to be translated
    unit: Literal["money", "share", "count"]
    on_page: bool = False  # whether the page has a control for it

    def value(self, case: Case) -> float | None:
        """Return this limit in a scenario; None if it states none."""
        value: Any = case.policy
        for step in self.path.split("."):
            value = None if value is None else getattr(value, step)
        return None if value is None else float(value)


@dataclass(frozen=True)
class RuleDeclaration:
    """Declaration of a rule: its constraint, its place in the scenario file, its sentences, and how
    results treat it."""

    name: str  # of its constraint
    tag: str  # as in docs/formulation.md
    index_roles: tuple[str, ...]
    """Roles of the parts of the constraint's index: project, other (project), funder, instrument,
    line, stockpile, material, country, year, period; "" for one that does not tell rules apart."""
    locator: Locator
    field: str  # of the scenario file, below what the locator finds
    text: str
    """Sentence of a conflict, to be translated, with the values that the locator gives."""
    other_text: str = ""  # the sentence where the locator says so
    clause: str = ""  # the rule as part of a sentence of an explanation, to be translated
    is_financing: bool = False  # whether it limits who carries how much of a project
    loosened_by: str = ""
    """Pattern of the number that only loosens it: raising the number keeps every plan feasible and
    changes neither damage nor cost. Policy limits have one of their own."""
    policy_limits: tuple[PolicyLimit, ...] = ()
    is_yearly: bool = False  # whether each year is a rule by itself
    has_number: bool = True  # False where its path leads to several numbers, or none
    is_reported: bool = True  # False where it is tight around nearly everything
    is_shared: bool = False  # whether it keeps something from a project because others have it
    is_project_share: bool = False  # whether its limit is a share of a project, so that 1 is none
    reported_as: str = ""  # the name of the rule that stands for it in reports

    @property
    def loosening_paths(self) -> tuple[str, ...]:
        """Path patterns of all numbers that make the rule looser when they are raised, and change
        nothing else."""
        policy = tuple(f"policy.{limit.path}" for limit in self.policy_limits)
        return (*policy, self.loosened_by) if self.loosened_by else policy

    def describe(self, instance: RuleContext, index: Any) -> Rule:
        """Return the rule of the constraint row with this index, in the form in which conflicts and
        results state it."""
        location = self.locator(instance, index, self.field)
        use_other = location.uses_alternative_text and self.other_text
        text, values = self.other_text if use_other else self.text, location.sentence_values
        names = {key: _display_name(instance, key, values) for key in values}
        name = self.reported_as or self.name
        return Rule(self.tag, name, tr(text, **values), location.path, tr(text, **names))


def _display_name(instance: RuleContext, key: str, values: Mapping[str, Any]) -> Any:
    """Return the name of an object that a sentence mentions, in the current language, or its id if
    it has no name. ``key`` is the role of the object, as in ``values``."""
    case, id = instance.case, values[key]
    funder = case.funders.get(str(values.get("f", "")).removesuffix("."))
    sections: dict[str, Mapping[Any, Any]] = {
        "p": case.projects,
        "other": case.projects,
        "m": case.materials,
        "h": {pile.id: pile for pile in case.stockpiles},
        "f": {values.get("f"): funder},
        "i": {} if funder is None else funder.instruments,
        "id": {} if funder is None else funder.budget_lines,
    }
    item = sections.get(key, {}).get(id) if isinstance(id, str) else None
    return id if item is None else display_name(getattr(item, "name", None), id, current_language())


RULES: dict[str, RuleDeclaration] = {
    rule.name: rule
    for rule in (
        RuleDeclaration(
            "funder_budget",
            "B1",
            ("funder",),
            locations.of_funder,
            "budget_meur",
            mark_translatable("{f} spends at most {value} million in all"),
            clause=mark_translatable("the budget of {funder} is {money}"),
            loosened_by="funders.*.budget_meur",
            is_shared=True,
        ),
        RuleDeclaration(
            "funder_budget_by_year",
            "B1",
            ("funder", "year"),
            locations.of_funder,
            "budget_by_year_meur",
            mark_translatable("{f} has {value} million for {year}"),
            clause=mark_translatable("the budget of {funder} is limited in {years}"),
            loosened_by="funders.*.budget_by_year_meur.*",
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "public_budget",
            "B2",
            (),
            locations.of_policy,
            "budget_meur",
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
            locations.of_budget_line,
            "by_year_meur",
            mark_translatable("the line {id} of {f} has {value} million in all"),
            other_text=mark_translatable("the line {id} of {f} has {value} million for {year}"),
            clause=mark_translatable("the line {line} of {funder} is limited in {years}"),
            loosened_by="funders.*.budget_lines.*.by_year_meur.*",
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "budget_line_total",
            "B3",
            ("funder", "line"),
            locations.of_budget_line,
            "total_meur",
            mark_translatable("the line {id} of {f} has {value} million in all"),
            other_text=mark_translatable("the line {id} of {f} has {value} million for {year}"),
            clause=mark_translatable("the line {line} of {funder} is {money}"),
            loosened_by="funders.*.budget_lines.*.total_meur",
            is_shared=True,
        ),
        RuleDeclaration(
            "guarantee_stock_limit",
            "B4",
            ("funder", "line", "year"),
            locations.of_budget_line,
            "limit_meur",
            mark_translatable("of the line {id} of {f} at most {value} million may be outstanding"),
            other_text=mark_translatable(
                "of the line {id} of {f} at most {value} million may be outstanding at the end of "
                "{year}"
            ),
            clause=mark_translatable("guarantees of {funder} ({line}) are limited in {years}"),
            loosened_by="funders.*.budget_lines.*.limit_meur",
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "offtake_right",
            "P6",
            ("project", "", "funder"),
            locations.of_offtake_right,
            "home_share",
            mark_translatable(
                "output of {p} reaches domestic consumers by its home_share and by what funders "
                "other than companies hold of it"
            ),
            other_text=mark_translatable("{f} gets output of {p} only for the share it holds"),
            clause=mark_translatable("its output goes only to those who hold a share"),
            has_number=False,
            is_reported=False,
        ),
        RuleDeclaration(
            "offtake_limit",
            "P6",
            ("project", ""),
            locations.of_project,
            "offtake_max",
            mark_translatable("at most {value} of the output of {p} can be reserved"),
            clause=mark_translatable("at most {share} of its output can be reserved"),
            is_project_share=True,
        ),
        RuleDeclaration(
            "requires",
            "P9",
            ("project", "other", ""),
            locations.of_project_pair,
            "requires",
            mark_translatable("{p} needs {other} to start no later"),
            clause=mark_translatable("{project} needs {other} to start no later"),
            is_reported=False,
        ),
        RuleDeclaration(
            "excludes",
            "P9",
            ("project", "other"),
            locations.of_project_pair,
            "excludes",
            mark_translatable("{p} and {other} exclude each other"),
            clause=mark_translatable("{project} and {other} exclude each other"),
            is_reported=False,
            is_shared=True,
        ),
        RuleDeclaration(
            "must_build",
            "P9",
            ("project",),
            locations.of_policy,
            "must_build",
            mark_translatable("{p} must be built"),
            clause=mark_translatable("the scenario demands {project}"),
        ),
        RuleDeclaration(
            "must_not_build",
            "P9",
            ("project",),
            locations.of_policy,
            "must_not_build",
            mark_translatable("{p} must not be built"),
            clause=mark_translatable("the scenario rules out {project}"),
        ),
        RuleDeclaration(
            "starts_by_year",
            "P9",
            ("year",),
            locations.of_starts_by_year,
            "max_starts_by_year",
            mark_translatable("at most {value} projects are started in {year}"),
            clause=mark_translatable("only so many projects may be started in {years}"),
            loosened_by="policy.max_starts_by_year.*",
            is_yearly=True,
            is_shared=True,
        ),
        RuleDeclaration(
            "max_projects",
            "P9",
            (),
            locations.of_policy,
            "max_projects",
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
            locations.of_stockpile,
            "max_purchase_t_per_year",
            mark_translatable("the market gives {h} only so much a year"),
            clause=mark_translatable("the market gives {stockpile} only so much a year"),
            loosened_by="stockpiles.*.max_purchase_t_per_year",
        ),
        RuleDeclaration(
            "storage_limit",
            "S3",
            ("stockpile", "period"),
            locations.of_stockpile,
            "max_t",
            mark_translatable("{h} has room for only so much"),
            clause=mark_translatable("{stockpile} has room for {tonnes}"),
            loosened_by="stockpiles.*.max_t",
        ),
        RuleDeclaration(
            "days_of_demand",
            "S4",
            ("stockpile", "year"),
            locations.of_stockpile,
            "min_days_of_demand",
            mark_translatable("{h} must cover so many days of need"),
            clause=mark_translatable("{stockpile} must cover so many days of need"),
            has_number=False,
        ),
        RuleDeclaration(
            "country_share_limit",
            "G1",
            ("material", "country", "year"),
            locations.of_policy,
            "max_country_share.limit",
            mark_translatable("at most {value} of the need for {m} may come from {country}"),
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
            locations.of_market_finance,
            "market_finance_max",
            mark_translatable("lenders and other investors carry at most {value} of {p}"),
            other_text=mark_translatable(
                "lenders and other investors carry at most {value} of {p}, and what subsidies and "
                "price floors add to it"
            ),
            clause=mark_translatable("lenders and other investors carry at most {share} of it"),
            is_financing=True,
            loosened_by="projects.*.market_finance_max",
            is_project_share=True,
        ),
        RuleDeclaration(
            "share_limit",
            "P4",
            ("", "funder", "instrument"),
            locations.of_instrument,
            "max_share",
            mark_translatable("{f} ({i}) carries at most {value} of a project"),
            clause=mark_translatable(
                "{funder} ({instrument}) carries at most {share} of a project"
            ),
            is_financing=True,
            loosened_by="funders.*.instruments.*.max_share",
            is_project_share=True,
        ),
        RuleDeclaration(
            "share_needs_start",
            "P4",
            ("", "funder", "instrument", ""),
            locations.of_instrument,
            "max_share",
            mark_translatable("{f} ({i}) carries at most {value} of a project"),
            is_reported=False,
            reported_as="share_limit",
        ),
        RuleDeclaration(
            "ticket_min",
            "P5",
            ("", "funder", "instrument"),
            locations.of_instrument,
            "ticket_min_meur",
            mark_translatable("{f} ({i}) puts at least {value} million into a project"),
            clause=mark_translatable(
                "{funder} ({instrument}) puts at least {money} into a project"
            ),
            is_financing=True,
        ),
        RuleDeclaration(
            "ticket_max",
            "P5",
            ("", "funder", "instrument"),
            locations.of_instrument,
            "ticket_max_meur",
            mark_translatable("{f} ({i}) puts at most {value} million into a project"),
            clause=mark_translatable("{funder} ({instrument}) puts at most {money} into a project"),
            is_financing=True,
            loosened_by="funders.*.instruments.*.ticket_max_meur",
        ),
        RuleDeclaration(
            "public_share_limit",
            "P7",
            (),
            locations.of_policy,
            "max_public_share",
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
            locations.of_policy,
            "state_aid",
            mark_translatable("state aid to {p} is limited"),
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
    )
}
"""All rules by the name of their constraint, in the order in which explanations list them."""


def policy_limits() -> list[PolicyLimit]:
    """Return the limits in the policy section, in the order of its fields."""
    fields = list(Policy.model_fields)
    limits = [limit for rule in RULES.values() for limit in rule.policy_limits]
    return sorted(limits, key=lambda limit: fields.index(limit.path.split(".")[0]))
