"""A comparison in the words of the current language: options, units, parts of a scenario."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from models.language import language, tr
from models.results import Comparison, Plan
from models.results.comparison import Barred, Difference, Failed, Unlike
from models.results.option import BudgetUse, Option
from models.results.option import Wording as InBoth
from optimizer.analyses.comparison.settings import ARROW, Speaker, part_called
from optimizer.report.cells import written
from optimizer.report.figures import NONE, clean, rounded
from optimizer.report.wording import Wording, capital, listed

FEW = 5
"""Options of which columns are headed by their names."""


def said(name: InBoth) -> str:
    """A name in the current language."""
    return clean(name.de if language() == "de" else name.en)


@dataclass(frozen=True)
class Side(Wording[Comparison]):
    """Several plans side by side; ``plans`` by label, empty where they are not at hand. Options
    stand by public money, or ``as_given``."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    as_given: bool = False

    @property
    def title(self) -> str:
        """The title of the base's scenario."""
        return said(self.found.title)

    @cached_property
    def options(self) -> Sequence[Option]:
        """The options by public money, the least first; those whose money is not compared last."""
        if self.as_given:
            return self.found.options

        def order(option: Option) -> tuple[bool, float]:
            public = option.cost.public
            known = public.paid_present_meur
            return self.bars(option.label, "money"), public.paid_meur if known is None else known

        return sorted(self.found.options, key=order)

    @cached_property
    def differences(self) -> Sequence[Difference]:
        """Each option but the base against it, in the order of the options."""
        by_label = {one.option: one for one in self.found.differences}
        return [by_label[o.label] for o in self.options if o.label in by_label]

    @cached_property
    def base(self) -> Option:
        """What the others are compared with."""
        return self.option(self.found.base)

    def option(self, label: str) -> Option:
        """The option of a label."""
        return next(o for o in self.found.options if o.label == label)

    @property
    def currency(self) -> str:
        """The currency of the base."""
        return self.base.currency

    @property
    def measure(self) -> str:
        """What is counted in the base: damage, tonnes or share_of_demand."""
        return self.base.benefit.measure

    @cached_property
    def _called(self) -> dict[str, str]:
        plain = {option.label: self._plain_name(option) for option in self.options}
        names = list(plain.values())
        return {
            label: f"{name} ({clean(label)})" if names.count(name) > 1 else name
            for label, name in plain.items()
        }

    def called(self, label: str) -> str:
        """What an option is called: by the title of its variant, or else by its label; the label
        stands behind a name that comes twice."""
        return self._called.get(label) or clean(label)

    @property
    def numbered(self) -> bool:
        """Whether options are so many that columns are headed by their numbers."""
        return len(self.options) > FEW

    def number(self, label: str) -> int:
        """The place of an option by public money, from 1 on."""
        return [option.label for option in self.options].index(label) + 1

    def tagged(self, label: str) -> str:
        """What an option is called, with its number where they have one."""
        name = self.called(label)
        return f"{self.number(label)} {name}" if self.numbered else name

    def short(self, label: str) -> str:
        """The number of an option where it has one, or else its name."""
        if self.numbered:
            return tr("option {number}", number=self.number(label))
        return tr("“{option}”", option=self.called(label))

    def noted(self, note: str = "") -> str:
        """A note with the names behind numbers, where columns have numbers."""
        names = ", ".join(self.tagged(option.label) for option in self.options)
        legend = tr("Options: {names}.", names=names) if self.numbered else ""
        return f"{note} {legend}".strip()

    def key(self, label: str) -> str:
        """The word by which formulas find the column of an option."""
        return f"option_{list(self._called).index(label)}"

    def bars(self, label: str, *needs: Barred) -> bool:
        """Whether any of these figures of an option is not compared with the base."""
        bars = {bar for one in self.found.unlike if one.option == label for bar in one.bars}
        bars |= {"tail", "objective"} if "damage" in bars else set()
        return bool(bars & set(needs))

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """The name of an item (``materials``, ``projects`` ...) in the plans, or its id."""
        names: Mapping[str, InBoth] = getattr(self.found.names, kind, {})
        return said(names[id]) if id in names else clean(fallback or id)

    def budget(self, use: BudgetUse) -> str:
        """A budget by its funder, with the name of the line where it has one of its own."""
        if use.funder is None:
            return tr("all public funders together")
        of = self.name("funders", use.funder)
        if use.line == "budget":
            return of
        lines = self.found.names.budget_lines.get(use.funder, {})
        return f"{of}, {said(lines[use.line]) if use.line in lines else clean(use.name)}"

    def listed(self, some: Sequence[Option]) -> str:
        """The names of several options in a sentence."""
        if len(some) == len(self.options):
            return tr("all options")
        return listed([self.called(option.label) for option in some])

    def signed(self, value: float) -> str:
        """A difference with its sign, for a sentence."""
        return written(value, "signed", 0 if abs(value) >= 100 else None)

    def left_out(self, failed: Failed) -> str:
        """Why an option is not among the others."""
        name = clean(failed.label) if failed.variant is None else said(failed.title)
        if failed.reason != "infeasible":
            why = clean(tr(failed.message))
            return tr("“{option}” is left out, since there is no plan: {message}.",
                      option=name, message=why)  # fmt: skip
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
        return tr("“{option}” is left out: no plan keeps all of these rules together. {rules}.",
                  option=name, rules=clean(rules))  # fmt: skip

    def unlike(self, one: Unlike) -> str:
        """In what an option is not like the base, and what is not compared for that."""
        about = {"option": self.called(one.option), "base": self.called(self.found.base)}
        if one.subject == "scenario":
            differs = tr(
                "“{option}” and “{base}”: one of the plans does not carry its scenario, so that "
                "nobody can tell what they have in common.",
                **about,
            )
        else:
            differs = tr(
                "“{option}” differs from “{base}”: {changes}.",
                **about,
                changes="; ".join(self._of_subject(one)),
            )
        if not one.bars:
            return differs
        figures = {
            "damage": self.counted,
            "tail": tr("the worst states"),
            "money": tr("money"),
            "objective": tr("the objective"),
            "dependence": tr("dependence"),
        }
        bars = listed([figures[bar] for bar in one.bars])
        return f"{differs} {tr('Not compared for that reason: {figures}.', figures=bars)}"

    def _of_subject(self, one: Unlike) -> list[str]:
        if not one.subject.startswith("outcome"):
            return self._speaker.statements(one.changes)
        pairs = [(change.base or "0", change.value or "0") for change in one.changes]
        return [
            f"{part_called(one.subject)} {rounded(float(before))}{ARROW}{self.amount(float(after))}"
            for before, after in pairs
        ]

    def changes(self, label: str) -> str:
        """What an option sets otherwise than the base."""
        return "; ".join(self._speaker.statements(self.found.changes.get(label, ()))) or NONE

    @property
    def _speaker(self) -> Speaker:
        return Speaker(self.found.names, said, self.currency)

    def _plain_name(self, option: Option) -> str:
        """The title of its variant; of the one option without any among others the base case."""
        if option.variant is not None:
            return said(option.title)
        plain = sum(other.variant is None for other in self.found.options)
        if option.label == "base" or plain == 1 < len(self.found.options):
            return capital(tr("base case"))
        return clean(option.label)
