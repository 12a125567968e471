"""A comparison in the words of the current language: options, units, parts of a scenario."""

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
from models.results.option import BilingualName as InBoth
from models.results.option import BudgetUse, Option
from optimizer.analyses.comparison.setting_words import ARROW, SettingDescriber, subject_name
from optimizer.report.cells import format_value
from optimizer.report.number_format import NO_VALUE, format_rounded, sanitize
from optimizer.report.wording import Wording, capitalize, join_with_and

MAX_NAMED_COLUMNS = 5
"""Options of which columns are headed by their names."""


def localized(text: InBoth) -> str:
    """A name in the current language."""
    return sanitize(text.de if current_language() == "de" else text.en)


@dataclass(frozen=True)
class ComparisonWording(Wording[Comparison]):
    """Several plans side by side; ``plans`` by label, empty where they are not at hand. Options
    stand by public money, or ``as_given``."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    in_given_order: bool = False

    @property
    def title(self) -> str:
        """The title of the base's scenario."""
        return localized(self.result.title)

    @cached_property
    def options(self) -> Sequence[Option]:
        """The options by public money, the least first; those whose money is not compared last."""
        if self.in_given_order:
            return self.result.options

        def order(option: Option) -> tuple[bool, float]:
            public = option.cost.public
            known = public.paid_present_meur
            return self.is_excluded(
                option.label, "money"
            ), public.paid_meur if known is None else known

        return sorted(self.result.options, key=order)

    @cached_property
    def differences(self) -> Sequence[OptionDifference]:
        """Each option but the base against it, in the order of the options."""
        by_label = {one.option: one for one in self.result.differences}
        return [by_label[o.label] for o in self.options if o.label in by_label]

    @cached_property
    def base(self) -> Option:
        """What the others are compared with."""
        return self.option(self.result.base)

    def option(self, label: str) -> Option:
        """The option of a label."""
        return next(o for o in self.result.options if o.label == label)

    @property
    def currency(self) -> str:
        """The currency of the base."""
        return self.base.currency

    @property
    def measure(self) -> str:
        """What is counted in the base: damage, tonnes or share_of_demand."""
        return self.base.benefit.measure

    @cached_property
    def _option_names(self) -> dict[str, str]:
        plain = {option.label: self._plain_name(option) for option in self.options}
        names = list(plain.values())
        return {
            label: f"{name} ({sanitize(label)})" if names.count(name) > 1 else name
            for label, name in plain.items()
        }

    def option_name(self, label: str) -> str:
        """What an option is called: by the title of its variant, or else by its label; the label
        stands behind a name that comes twice."""
        return self._option_names.get(label) or sanitize(label)

    @property
    def uses_numbers(self) -> bool:
        """Whether options are so many that columns are headed by their numbers."""
        return len(self.options) > MAX_NAMED_COLUMNS

    def option_number(self, label: str) -> int:
        """The place of an option by public money, from 1 on."""
        return [option.label for option in self.options].index(label) + 1

    def numbered_name(self, label: str) -> str:
        """What an option is called, with its number where they have one."""
        name = self.option_name(label)
        return f"{self.option_number(label)} {name}" if self.uses_numbers else name

    def short_name(self, label: str) -> str:
        """The number of an option where it has one, or else its name."""
        if self.uses_numbers:
            return tr("option {number}", number=self.option_number(label))
        return tr("“{option}”", option=self.option_name(label))

    def with_legend(self, note: str = "") -> str:
        """A note with the names behind numbers, where columns have numbers."""
        names = ", ".join(self.numbered_name(option.label) for option in self.options)
        legend = tr("Options: {names}.", names=names) if self.uses_numbers else ""
        return f"{note} {legend}".strip()

    def column_key(self, label: str) -> str:
        """The word by which formulas find the column of an option."""
        return f"option_{list(self._option_names).index(label)}"

    def is_excluded(self, label: str, *figures: ExcludedFigures) -> bool:
        """Whether any of these figures of an option is not compared with the base."""
        bars = {bar for one in self.result.unlike if one.option == label for bar in one.bars}
        bars |= {"tail", "objective"} if "damage" in bars else set()
        return bool(bars & set(figures))

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """The name of an item (``materials``, ``projects`` ...) in the plans, or its id."""
        names: Mapping[str, InBoth] = getattr(self.result.names, kind, {})
        return localized(names[id]) if id in names else sanitize(fallback or id)

    def budget_name(self, budget_use: BudgetUse) -> str:
        """A budget by its funder, with the name of the line where it has one of its own."""
        if budget_use.funder is None:
            return tr("all public funders together")
        of = self.name("funders", budget_use.funder)
        if budget_use.line == "budget":
            return of
        lines = self.result.names.budget_lines.get(budget_use.funder, {})
        return f"{of}, {localized(lines[budget_use.line]) if budget_use.line in lines else sanitize(budget_use.name)}"

    def list_options(self, options: Sequence[Option]) -> str:
        """The names of several options in a sentence."""
        if len(options) == len(self.options):
            return tr("all options")
        return join_with_and([self.option_name(option.label) for option in options])

    def format_signed(self, value: float) -> str:
        """A difference with its sign, for a sentence."""
        return format_value(value, "signed", 0 if abs(value) >= 100 else None)

    def explain_failure(self, failed: FailedOption) -> str:
        """Why an option is not among the others."""
        name = sanitize(failed.label) if failed.variant is None else localized(failed.title)
        if failed.reason != "infeasible":
            why = sanitize(tr(failed.message))
            return tr("“{option}” is left out, since there is no plan: {message}.",
                      option=name, message=why)  # fmt: skip
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
        return tr("“{option}” is left out: no plan keeps all of these rules together. {rules}.",
                  option=name, rules=sanitize(rules))  # fmt: skip

    def describe_difference(self, difference: ComparabilityIssue) -> str:
        """In what an option is not like the base, and what is not compared for that."""
        about = {
            "option": self.option_name(difference.option),
            "base": self.option_name(self.result.base),
        }
        if difference.subject == "scenario":
            differs = tr(
                "“{option}” and “{base}”: one of the plans does not carry its scenario, so that "
                "nobody can tell what they have in common.",
                **about,
            )
        else:
            differs = tr(
                "“{option}” differs from “{base}”: {changes}.",
                **about,
                changes="; ".join(self._describe_subject(difference)),
            )
        if not difference.bars:
            return differs
        figures = {
            "damage": self.outcome_word,
            "tail": tr("the worst states"),
            "money": tr("money"),
            "objective": tr("the objective"),
            "dependence": tr("dependence"),
        }
        bars = join_with_and([figures[bar] for bar in difference.bars])
        return f"{differs} {tr('Not compared for that reason: {figures}.', figures=bars)}"

    def _describe_subject(self, difference: ComparabilityIssue) -> list[str]:
        if not difference.subject.startswith("outcome"):
            return self._setting_describer.describe_changes(difference.changes)
        pairs = [(change.base or "0", change.value or "0") for change in difference.changes]
        return [
            f"{subject_name(difference.subject)} {format_rounded(float(before))}{ARROW}{self.amount(float(after))}"
            for before, after in pairs
        ]

    def describe_changes(self, label: str) -> str:
        """What an option sets otherwise than the base."""
        return (
            "; ".join(self._setting_describer.describe_changes(self.result.changes.get(label, ())))
            or NO_VALUE
        )

    @property
    def _setting_describer(self) -> SettingDescriber:
        return SettingDescriber(self.result.names, localized, self.currency)

    def _plain_name(self, option: Option) -> str:
        """The title of its variant; of the one option without any among others the base case."""
        if option.variant is not None:
            return localized(option.title)
        plain = sum(other.variant is None for other in self.result.options)
        if option.label == "base" or plain == 1 < len(self.result.options):
            return capitalize(tr("base case"))
        return sanitize(option.label)
