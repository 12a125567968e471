"""Names, units and sentences of a comparison in the current language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from models.language import current_language, tr
from models.results import Comparison, Plan
from models.results.comparison import (
    ComparabilityIssue,
    ExcludedFigures,
    FailedOption,
    OptionDifference,
)
from models.results.option import BilingualName, BudgetUse, Option
from optimizer.analyses.comparison.setting_words import ARROW, SettingDescriber, subject_name
from optimizer.report.cells import format_value
from optimizer.report.number_format import NO_VALUE, format_rounded, sanitize
from optimizer.report.wording import Wording, capitalize, join_with_and

MAX_NAMED_COLUMNS = 5
"""Number of options up to which columns have their names as headers; above, numbers."""


def localized(text: BilingualName) -> str:
    """Return a bilingual name in the current language."""
    return sanitize(getattr(text, current_language()))


@dataclass(frozen=True)
class ComparisonWording(Wording[Comparison]):
    """Names, units and sentences of a comparison of plans, in the current language.

    ``plans`` maps the labels of the options to their plans, and is empty if these are not
    available. Options are ordered by public money, or as they were given if ``in_given_order`` is
    true.
    """

    plans: Mapping[str, Plan] = field(default_factory=dict)
    in_given_order: bool = False

    @property
    def title(self) -> str:
        """The title of the base's scenario."""
        return localized(self.result.title)

    @cached_property
    def options(self) -> Sequence[Option]:
        """The options by increasing public money; those whose money is not compared come last.

        With ``in_given_order``, the options are in the order of the result.
        """
        if self.in_given_order:
            return self.result.options

        def order(option: Option) -> tuple[bool, float]:
            public_cost = option.cost.public
            paid_present_meur = public_cost.paid_present_meur
            sorting_amount = (
                public_cost.paid_meur if paid_present_meur is None else paid_present_meur
            )
            return self.is_excluded(option.label, "money"), sorting_amount

        return sorted(self.result.options, key=order)

    @cached_property
    def differences(self) -> Sequence[OptionDifference]:
        """The difference of each other option from the base, in the order of the options."""
        by_label = {difference.option: difference for difference in self.result.differences}
        return [by_label[option.label] for option in self.options if option.label in by_label]

    @cached_property
    def base(self) -> Option:
        """The option with which the others are compared."""
        return self.option(self.result.base)

    def option(self, label: str) -> Option:
        """Return the option that has this label."""
        return next(o for o in self.result.options if o.label == label)

    @property
    def currency(self) -> str:
        """The currency of the base plan."""
        return self.base.currency

    @property
    def measure(self) -> str:
        """The measure of shortages in the base plan: ``damage``, ``tonnes`` or
        ``share_of_demand``."""
        return self.base.benefit.measure

    @cached_property
    def _option_names(self) -> dict[str, str]:
        plain_names = {option.label: self._plain_name(option) for option in self.options}
        names = list(plain_names.values())
        return {
            label: f"{name} ({sanitize(label)})" if names.count(name) > 1 else name
            for label, name in plain_names.items()
        }

    def option_name(self, label: str) -> str:
        """Return the name of an option: the title of its variant, "base case", or its label.

        If several options have the same name, the label is appended.
        """
        return self._option_names.get(label) or sanitize(label)

    @property
    def uses_numbers(self) -> bool:
        """Whether column headers show numbers instead of names, since there are too many
        options."""
        return len(self.options) > MAX_NAMED_COLUMNS

    def option_number(self, label: str) -> int:
        """Return the position of an option in the order of the options, counted from 1."""
        return [option.label for option in self.options].index(label) + 1

    def numbered_name(self, label: str) -> str:
        """Return the name of an option, preceded by its number if column headers show numbers."""
        name = self.option_name(label)
        return f"{self.option_number(label)} {name}" if self.uses_numbers else name

    def short_name(self, label: str) -> str:
        """Return the number of an option if column headers show numbers, or else its quoted
        name."""
        if self.uses_numbers:
            return tr("option {number}", number=self.option_number(label))
        return tr("“{option}”", option=self.option_name(label))

    def with_legend(self, note: str = "") -> str:
        """Append the names of all numbered options to a note, if column headers show numbers."""
        names = ", ".join(self.numbered_name(option.label) for option in self.options)
        legend = tr("Options: {names}.", names=names) if self.uses_numbers else ""
        return f"{note} {legend}".strip()

    def is_excluded(self, label: str, *figures: ExcludedFigures) -> bool:
        """Return whether any of these kinds of figures cannot be compared between an option and the
        base."""
        issues = [issue for issue in self.result.unlike if issue.option == label]
        kinds = {kind for issue in issues for kind in issue.bars}
        kinds |= {"tail", "objective"} if "damage" in kinds else set()
        return bool(kinds & set(figures))

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """Return the name of an item from the plans, or else ``fallback``, or else its id.

        ``kind`` is the section of the item, such as ``materials`` or ``projects``.
        """
        names: Mapping[str, BilingualName] = getattr(self.result.names, kind, {})
        return localized(names[id]) if id in names else sanitize(fallback or id)

    def budget_name(self, budget_use: BudgetUse) -> str:
        """Return the name of a budget: that of its funder, or of all public funders, and that of
        the budget line if it is one."""
        if budget_use.funder is None:
            return tr("all public funders together")
        funder_name = self.name("funders", budget_use.funder)
        if budget_use.line == "budget":
            return funder_name
        line_names = self.result.names.budget_lines.get(budget_use.funder, {})
        line_name = line_names.get(budget_use.line)
        name = sanitize(budget_use.name) if line_name is None else localized(line_name)
        return f"{funder_name}, {name}"

    def list_options(self, options: Sequence[Option]) -> str:
        """Return the names of several options as a list for a sentence."""
        if len(options) == len(self.options):
            return tr("all options")
        return join_with_and([self.option_name(option.label) for option in options])

    def format_signed(self, value: float) -> str:
        """Format a difference with its sign, for a sentence."""
        return format_value(value, "signed", 0 if abs(value) >= 100 else None)

    def explain_failure(self, failed: FailedOption) -> str:
        """Return a sentence that explains why an option has no plan and is left out."""
        name = sanitize(failed.label) if failed.variant is None else localized(failed.title)
        if failed.reason != "infeasible":
            reason = sanitize(tr(failed.message))
            return tr("“{option}” is left out, since there is no plan: {message}.",
                      option=name, message=reason)  # fmt: skip
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
        return tr("“{option}” is left out: no plan keeps all of these rules together. {rules}.",
                  option=name, rules=sanitize(rules))  # fmt: skip

    def describe_issue(self, issue: ComparabilityIssue) -> str:
        """Describe how the scenario of an option differs from that of the base, and which figures
        are not compared for that reason."""
        names = {
            "option": self.option_name(issue.option),
            "base": self.option_name(self.result.base),
        }
        if issue.subject == "scenario":
            sentence = tr("“{option}” and “{base}”: one of the plans does not carry its scenario, "
                          "so that what they have in common is unknown.", **names)  # fmt: skip
        else:
            changes = "; ".join(self._describe_subject(issue))
            sentence = tr("“{option}” differs from “{base}”: {changes}.", changes=changes, **names)
        if not issue.bars:
            return sentence
        figures = {
            "damage": self.outcome_word,
            "tail": tr("the worst states"),
            "money": tr("money"),
            "objective": tr("the objective"),
            "dependence": tr("dependence"),
        }
        excluded_text = join_with_and([figures[kind] for kind in issue.bars])
        return f"{sentence} {tr('Not compared for that reason: {figures}.', figures=excluded_text)}"

    def _describe_subject(self, issue: ComparabilityIssue) -> list[str]:
        """Return texts on the changes that make up an issue."""
        if not issue.subject.startswith("outcome"):
            return self._setting_describer.describe_changes(issue.changes)
        base_and_new_values = [
            (change.base or "0", change.value or "0") for change in issue.changes
        ]
        return [
            f"{subject_name(issue.subject)} {format_rounded(float(base_value))}{ARROW}"
            f"{self.amount(float(new_value))}"
            for base_value, new_value in base_and_new_values
        ]

    def describe_changes(self, label: str) -> str:
        """Return a text on the settings in which an option differs from the base."""
        changes = self.result.changes.get(label, ())
        return "; ".join(self._setting_describer.describe_changes(changes)) or NO_VALUE

    @property
    def _setting_describer(self) -> SettingDescriber:
        return SettingDescriber(self.result.names, localized, self.currency)

    def _plain_name(self, option: Option) -> str:
        """Return the name of an option before repeated names are made unique.

        This is the title of its variant. An option without a variant is named the base case if its
        label is ``base`` or if it is the only one of several options, and else by its label.
        """
        if option.variant is not None:
            return localized(option.title)
        unvaried_count = sum(other.variant is None for other in self.result.options)
        if option.label == "base" or unvaried_count == 1 < len(self.result.options):
            return capitalize(tr("base case"))
        return sanitize(option.label)
