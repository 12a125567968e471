"""A comparison with the names and units of the current language."""

from __future__ import annotations

from dataclasses import dataclass

from models.language import language, tr
from models.results import Comparison
from models.results.option import Option, Wording
from optimizer.report.figures import clean, rounded
from optimizer.report.html.subject import capital


@dataclass(frozen=True)
class Side:
    """Several plans side by side."""

    comparison: Comparison

    @property
    def options(self) -> tuple[Option, ...]:
        """The options, in the order given."""
        return self.comparison.options

    @property
    def base(self) -> Option:
        """What the others are compared with."""
        return next(o for o in self.options if o.label == self.comparison.base)

    @property
    def million(self) -> str:
        """The unit of money, of the base."""
        return tr("million {currency}", currency=self.base.currency)

    @property
    def of_damage(self) -> bool:
        """Whether damage is counted, and not what is missing."""
        return self.base.benefit.measure == "damage"

    @property
    def unit(self) -> str:
        """The unit of the outcome."""
        if self.of_damage:
            return self.million
        return "t" if self.base.benefit.measure == "tonnes" else tr("years of demand")

    def name(self, option: Option) -> str:
        """What an option is called: by the title of its variant, or else by its label."""
        if option.variant is None:
            return capital(tr("base case")) if option.label == "base" else clean(option.label)
        return said(option.title)

    def called(self, label: str) -> str:
        """The name of an option by its label."""
        return next((self.name(o) for o in self.options if o.label == label), clean(label))

    @property
    def names(self) -> list[str]:
        """The names of all options; a label stands beside a name that comes twice."""
        plain = [self.name(option) for option in self.options]
        return [
            f"{name} ({clean(option.label)})" if plain.count(name) > 1 else name
            for name, option in zip(plain, self.options, strict=True)
        ]

    def item(self, kind: str, item: str) -> str:
        """The name of a material, project, ... of the comparison."""
        names: dict[str, Wording] = getattr(self.comparison.names, kind)
        return said(names[item]) if item in names else clean(item)

    def amount(self, value: float) -> str:
        """An amount of money with its unit."""
        return f"{rounded(value)} {self.million}"

    def barred(self, what: str) -> set[str]:
        """Labels of options whose figures of a kind are not compared."""
        return {u.option for u in self.comparison.unlike if what in u.bars}

    def likely(self, what: str, values: list[float | None]) -> list[float | None]:
        """Values of the options, None where they are not compared."""
        barred = self.barred(what)
        return [
            None if option.label in barred else value
            for option, value in zip(self.options, values, strict=True)
        ]


def said(name: Wording) -> str:
    """A name in the current language."""
    return clean(name.de if language() == "de" else name.en)
