"""Names, units, amounts and recurring sentences of a result, in the current language."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from models.base import named
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.document import EVERYWHERE, Column, Document, Media, Part, Section, Table
from optimizer.report.figures import NO_BREAK, clean, decimals, number, rounded, small_percent

FEW_STATES = 100
"""Results on fewer states are illustrations."""


R = TypeVar("R")


@dataclass(frozen=True)
class Wording(Generic[R]):
    """A result in the words of the current language.

    ``found`` is any result that carries its scenario; names fall back to those that the result
    itself lists, and at last to ids.
    """

    found: R

    @property
    def _any(self) -> Any:
        return self.found

    @property
    def _proof(self) -> Any:
        return getattr(self.found, "certificate", self.found)

    @cached_property
    def case(self) -> Case | None:
        """The scenario that the result carries; a target carries it in its plan."""
        of = self._any if hasattr(self.found, "case") else getattr(self.found, "plan", None)
        case: Case | None = getattr(of, "case", None)
        return case

    @property
    def title(self) -> str:
        """The title of the scenario."""
        return self._named(None if self.case is None else self.case.title, self._any.title)

    @property
    def variant(self) -> str | None:
        """The title of the variant that was applied, if one was."""
        name = getattr(self.found, "variant", None)
        known = None if self.case is None or name is None else self.case.variants.get(name)
        return name if known is None or name is None else self._named(known.title, name)

    @property
    def subtitle(self) -> str:
        """The line that names the variant; empty where there is none."""
        variant = self.variant
        return "" if variant is None else tr("Variant: {variant}", variant=clean(variant))

    @property
    def currency(self) -> str:
        """The currency of the scenario."""
        currency: str = self._any.currency
        return currency

    @property
    def million(self) -> str:
        """The unit of money."""
        return tr("million {currency}", currency=self.currency)

    @property
    def measure(self) -> str:
        """What is counted: damage, tonnes or share_of_demand."""
        of = getattr(self.found, "outcome", self._any)
        # Some results have the unit alone.
        units = {"t": "tonnes", "years of demand": "share_of_demand"}
        measure: str = of.measure if hasattr(of, "measure") else units.get(of.unit, "damage")
        return measure

    @property
    def of_damage(self) -> bool:
        """Whether damage is counted, and not what is missing."""
        return self.measure == "damage"

    @property
    def unit(self) -> str:
        """The unit of damage, or of what is missing."""
        if self.of_damage:
            return self.million
        return tr("t") if self.measure == "tonnes" else tr("years of demand")

    @property
    def units(self) -> dict[str, str]:
        """The units of figures by their forms."""
        if not hasattr(self, "currency"):
            return {}
        money = dict.fromkeys(("money", "signed"), self.million)
        outcomes = ("outcome", "signed_outcome", "objective")
        return {**money, **dict.fromkeys(outcomes, self.unit), "tonnes": tr("t")}

    @property
    def counted(self) -> str:
        """What is counted, in a word."""
        return tr("damage") if self.of_damage else tr("shortage")

    @property
    def expected(self) -> str:
        """The mean over the states, in words."""
        return tr("expected damage") if self.of_damage else tr("expected shortage")

    def amount(self, value: float) -> str:
        """A figure of damage with its unit."""
        return f"{rounded(value)} {self.unit}"

    def spoken(self, value: float) -> str:
        """A figure of damage for a sentence: three digits, from 1 000 million on in billions."""
        if not self.of_damage or abs(value) < 1000:
            return self.amount(value)
        figure = number(value / 1000, decimals([value / 1000]))
        said = tr("{currency} {figure} billion", currency=self.currency, figure=figure)
        return said.replace(" ", NO_BREAK)

    def money(self, value: float) -> str:
        """An amount of money with its unit."""
        return f"{rounded(value)} {self.million}"

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """The name of a part of the scenario (``projects``, ``stockpiles`` ...), or its id."""
        item = _by_id(getattr(self.case, kind, {})).get(id)
        if item is not None:
            return self._named(item.name, fallback or id)
        own = None if fallback is not None else _by_id(getattr(self.found, kind, {})).get(id)
        return clean(getattr(own, "name", fallback or id))

    def names(self, kind: str, some: Iterable[str]) -> str:
        """Several names."""
        return ", ".join(self.name(kind, id) for id in some)

    def instrument(self, funder: str, instrument: str) -> str:
        """The name of a funder's instrument."""
        return self._of_funder(funder, "instruments", instrument)

    def budget_line(self, funder: str, line: str) -> str:
        """The name of a line of a funder's budget."""
        return self._of_funder(funder, "budget_lines", line)

    def profile(self, hazard: str, profile: str) -> str:
        """The name of a way in which events of a hazard may go."""
        return self._within("hazards", hazard, "profiles", profile)

    def assumptions(self, id: str, fallback: str | None = None) -> str:
        """The title of a set of assumptions."""
        told = None if self.case is None else self.case.assumptions.get(id)
        return self._named(None if told is None else told.title, fallback or id)

    def regime(self, id: str) -> str:
        """The name of a regime."""
        told = None if self.case is None else self.case.uncertainty
        chain = None if told is None else told.regimes
        return self._named(None if chain is None else chain.names.get(id), id)

    def _of_funder(self, funder: str, kind: str, id: str) -> str:
        return self._within("funders", funder, kind, id)

    def _within(self, kind: str, owner: str, part: str, id: str) -> str:
        known = None if self.case is None else getattr(self.case, kind).get(owner)
        item = getattr(known, part, {}).get(id)
        return clean(id) if item is None else self._named(item.name, id)

    def _named(self, name: Any, fallback: str) -> str:
        return clean(named(name, fallback, language()))

    @property
    def states(self) -> int:
        """How many states of the world the result rests on."""
        states: int = self._proof.states
        return states

    def illustration(self) -> list[str]:
        """The caution that belongs beside what rests on few states."""
        few = tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(self.states),
        )
        return [few] if self.states < FEW_STATES else []

    def proof(self, *more: tuple[str, str], title: str | None = None) -> Table:
        """What it takes to judge and to repeat a result; ``more`` stands in its middle."""
        proof = self._proof
        rows = [
            (tr("States of the world"), number(self.states)),
            (tr("Gap asked for"), small_percent(proof.gap_target)),
            *more,
            (tr("Time"), f"{number(proof.seconds)} s"),
            *self.made_of(),
        ]
        return pairs(title or tr("How good the proof is"), rows, "proof")

    def made_of(self) -> list[tuple[str, str]]:
        """Versions of the programs, where they are known."""
        versions = ", ".join(f"{name} {version}" for name, version in self._versions.items())
        return [(tr("Versions"), versions)] if versions else []

    @property
    def _versions(self) -> dict[str, str]:
        versions: dict[str, str] = getattr(self._proof, "versions", {})
        return versions

    def document(
        self, kicker: str, answer: Sequence[Part], sections: Sequence[Section], **more: Any
    ) -> Document:
        """A document with the head of this result, where ``more`` says nothing else."""
        about: dict[str, Any] = {"units": self.units, "versions": self._versions}
        head = {"title": self.title, "subtitle": self.subtitle, **about}
        return Document(kicker=kicker, answer=answer, sections=sections, **{**head, **more})


def _by_id(items: Any) -> dict[str, Any]:
    """The items of a mapping or of a list by their ids."""
    if isinstance(items, dict):
        return items
    return {item.id: item for item in items if hasattr(item, "id")}


def pairs(
    caption: str, rows: Sequence[tuple[str, Any]], name: str = "", on: Media = EVERYWHERE
) -> Table:
    """A table of two columns without headers: what it is, and the text or figure."""
    columns = [Column("", "0", "text"), Column("", "1", "text", width=40)]
    return Table(caption, rows, columns, name, headed=False, on=on)


def capital(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def listed(texts: Sequence[str]) -> str:
    """Texts as one: a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{most} and {last}", most=joined(texts[:-1]), last=texts[-1])


def joined(texts: Sequence[str]) -> str:
    """Texts in a row; where one has a comma itself, semicolons stand between them."""
    return ("; " if any(", " in text for text in texts) else ", ").join(texts)


CLASSES = (
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "premium", "private", ""
)  # fmt: skip
"""Budget classes in the order in which reports list them; an empty one is not said."""


def class_name(budget_class: str | None) -> str:
    """A budget class in words."""
    known = {
        "financial_transaction": tr("financial transaction"),
        "loan": tr("loan"),
        "guarantee": tr("public guarantee"),
        "grant": tr("grant"),
        "expenditure": tr("expenditure on stocks"),
        "premium": tr("premium on secured output"),
        "private": tr("private funders"),
    }
    return known.get(budget_class or "", tr("class not stated"))


def projects_counted(count: int) -> str:
    """So many projects, in words."""
    return tr("1 project") if count == 1 else tr("{count} projects", count=number(count))


def stockpiles_counted(count: int) -> str:
    """So many stockpiles, in words."""
    return tr("1 stockpile") if count == 1 else tr("{count} stockpiles", count=number(count))


def materials_counted(count: int) -> str:
    """So many materials, in words."""
    return tr("1 material") if count == 1 else tr("{count} materials", count=number(count))
