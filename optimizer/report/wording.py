"""Names, units, amounts and recurring sentences of a result, in the current language."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from models.base import display_name
from models.language import current_language, tr
from models.scenario.case import Case
from optimizer.report.document import ALL_MEDIA, Column, Document, Media, Part, Section, Table
from optimizer.report.number_format import (
    NO_BREAK_SPACE,
    decimals_needed,
    format_number,
    format_rounded,
    format_small_percent,
    sanitize,
)

MIN_STATES = 100
"""Results on fewer states are illustrations."""


ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Wording(Generic[ResultT]):
    """A result in the words of the current language.

    ``found`` is any result that carries its scenario; names fall back to those that the result
    itself lists, and at last to ids.
    """

    result: ResultT

    @property
    def _untyped_result(self) -> Any:
        return self.result

    @property
    def _certificate(self) -> Any:
        return getattr(self.result, "certificate", self.result)

    @cached_property
    def case(self) -> Case | None:
        """The scenario that the result carries; a target carries it in its plan."""
        of = (
            self._untyped_result
            if hasattr(self.result, "case")
            else getattr(self.result, "plan", None)
        )
        case: Case | None = getattr(of, "case", None)
        return case

    @property
    def title(self) -> str:
        """The title of the scenario."""
        return self._localized_name(
            None if self.case is None else self.case.title, self._untyped_result.title
        )

    @property
    def variant_title(self) -> str | None:
        """The title of the variant that was applied, if one was."""
        name = getattr(self.result, "variant", None)
        known = None if self.case is None or name is None else self.case.variants.get(name)
        return name if known is None or name is None else self._localized_name(known.title, name)

    @property
    def subtitle(self) -> str:
        """The line that names the variant; empty where there is none."""
        variant = self.variant_title
        return "" if variant is None else tr("Variant: {variant}", variant=sanitize(variant))

    @property
    def currency(self) -> str:
        """The currency of the scenario."""
        currency: str = self._untyped_result.currency
        return currency

    @property
    def money_unit(self) -> str:
        """The unit of money."""
        return tr("million {currency}", currency=self.currency)

    @property
    def measure(self) -> str:
        """What is counted: damage, tonnes or share_of_demand."""
        of = getattr(self.result, "outcome", self._untyped_result)
        # Some results have the unit alone.
        units = {"t": "tonnes", "years of demand": "share_of_demand"}
        measure: str = of.measure if hasattr(of, "measure") else units.get(of.unit, "damage")
        return measure

    @property
    def counts_damage(self) -> bool:
        """Whether damage is counted, and not what is missing."""
        return self.measure == "damage"

    @property
    def unit(self) -> str:
        """The unit of damage, or of what is missing."""
        if self.counts_damage:
            return self.money_unit
        return tr("t") if self.measure == "tonnes" else tr("years of demand")

    @property
    def units_by_form(self) -> dict[str, str]:
        """The units of figures by their forms."""
        if not hasattr(self, "currency"):
            return {}
        money = dict.fromkeys(("money", "signed"), self.money_unit)
        outcomes = ("outcome", "signed_outcome", "objective")
        return {**money, **dict.fromkeys(outcomes, self.unit), "tonnes": tr("t")}

    @property
    def outcome_word(self) -> str:
        """What is counted, in a word."""
        return tr("damage") if self.counts_damage else tr("shortage")

    @property
    def expected_outcome(self) -> str:
        """The mean over the states, in words."""
        return tr("expected damage") if self.counts_damage else tr("expected shortage")

    def amount(self, value: float) -> str:
        """A figure of damage with its unit."""
        return f"{format_rounded(value)} {self.unit}"

    def amount_for_sentence(self, value: float) -> str:
        """A figure of damage for a sentence: three digits, from 1 000 million on in billions."""
        if not self.counts_damage or abs(value) < 1000:
            return self.amount(value)
        figure = format_number(value / 1000, decimals_needed([value / 1000]))
        said = tr("{currency} {figure} billion", currency=self.currency, figure=figure)
        return said.replace(" ", NO_BREAK_SPACE)

    def money_amount(self, value: float) -> str:
        """An amount of money with its unit."""
        return f"{format_rounded(value)} {self.money_unit}"

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """The name of a part of the scenario (``projects``, ``stockpiles`` ...), or its id."""
        item = _items_by_id(getattr(self.case, kind, {})).get(id)
        if item is not None:
            return self._localized_name(item.name, fallback or id)
        own = None if fallback is not None else _items_by_id(getattr(self.result, kind, {})).get(id)
        return sanitize(getattr(own, "name", fallback or id))

    def names(self, kind: str, ids: Iterable[str]) -> str:
        """Several names."""
        return ", ".join(self.name(kind, id) for id in ids)

    def instrument_name(self, funder: str, instrument: str) -> str:
        """The name of a funder's instrument."""
        return self._funder_part_name(funder, "instruments", instrument)

    def budget_line_name(self, funder: str, line: str) -> str:
        """The name of a line of a funder's budget."""
        return self._funder_part_name(funder, "budget_lines", line)

    def profile_name(self, hazard: str, profile: str) -> str:
        """The name of a way in which events of a hazard may go."""
        return self._part_name("hazards", hazard, "profiles", profile)

    def assumption_set_title(self, id: str, fallback: str | None = None) -> str:
        """The title of a set of assumptions."""
        told = None if self.case is None else self.case.assumptions.get(id)
        return self._localized_name(None if told is None else told.title, fallback or id)

    def regime_name(self, id: str) -> str:
        """The name of a regime."""
        told = None if self.case is None else self.case.uncertainty
        chain = None if told is None else told.regimes
        return self._localized_name(None if chain is None else chain.names.get(id), id)

    def _funder_part_name(self, funder: str, kind: str, id: str) -> str:
        return self._part_name("funders", funder, kind, id)

    def _part_name(self, kind: str, owner: str, part: str, id: str) -> str:
        known = None if self.case is None else getattr(self.case, kind).get(owner)
        item = getattr(known, part, {}).get(id)
        return sanitize(id) if item is None else self._localized_name(item.name, id)

    def _localized_name(self, name: Any, fallback: str) -> str:
        return sanitize(display_name(name, fallback, current_language()))

    @property
    def state_count(self) -> int:
        """How many states of the world the result rests on."""
        states: int = self._certificate.states
        return states

    def few_states_caution(self) -> list[str]:
        """The caution that belongs beside what rests on few states."""
        few = tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=format_number(self.state_count),
        )
        return [few] if self.state_count < MIN_STATES else []

    def proof_table(self, *extra_rows: tuple[str, str], title: str | None = None) -> Table:
        """What it takes to judge and to repeat a result; ``more`` stands in its middle."""
        proof = self._certificate
        rows = [
            (tr("States of the world"), format_number(self.state_count)),
            (tr("Gap asked for"), format_small_percent(proof.gap_target)),
            *extra_rows,
            (tr("Time"), f"{format_number(proof.seconds)} s"),
            *self.version_rows(),
        ]
        return pair_table(title or tr("How good the proof is"), rows, "proof")

    def version_rows(self) -> list[tuple[str, str]]:
        """Versions of the programs, where they are known."""
        versions = ", ".join(f"{name} {version}" for name, version in self._versions.items())
        return [(tr("Versions"), versions)] if versions else []

    @property
    def _versions(self) -> dict[str, str]:
        versions: dict[str, str] = getattr(self._certificate, "versions", {})
        return versions

    def build_document(
        self, kicker: str, answer: Sequence[Part], sections: Sequence[Section], **overrides: Any
    ) -> Document:
        """A document with the head of this result, where ``more`` says nothing else."""
        about: dict[str, Any] = {"units": self.units_by_form, "versions": self._versions}
        head = {"title": self.title, "subtitle": self.subtitle, **about}
        return Document(kicker=kicker, answer=answer, sections=sections, **{**head, **overrides})


def _items_by_id(items: Any) -> dict[str, Any]:
    """The items of a mapping or of a list by their ids."""
    if isinstance(items, dict):
        return items
    return {item.id: item for item in items if hasattr(item, "id")}


def pair_table(
    caption: str, rows: Sequence[tuple[str, Any]], name: str = "", media: Media = ALL_MEDIA
) -> Table:
    """A table of two columns without headers: what it is, and the text or figure."""
    columns = [Column("", "0", "text"), Column("", "1", "text", width=40)]
    return Table(caption, rows, columns, name, has_header=False, media=media)


def capitalize(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def join_with_and(texts: Sequence[str]) -> str:
    """Texts as one: a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{most} and {last}", most=join_texts(texts[:-1]), last=texts[-1])


def join_texts(texts: Sequence[str]) -> str:
    """Texts in a row; where one has a comma itself, semicolons stand between them."""
    return ("; " if any(", " in text for text in texts) else ", ").join(texts)


BUDGET_CLASSES = (
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "premium", "private", ""
)  # fmt: skip
"""Budget classes in the order in which reports list them; an empty one is not said."""


def budget_class_name(budget_class: str | None) -> str:
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


def project_count_text(count: int) -> str:
    """So many projects, in words."""
    return tr("1 project") if count == 1 else tr("{count} projects", count=format_number(count))


def stockpile_count_text(count: int) -> str:
    """So many stockpiles, in words."""
    return tr("1 stockpile") if count == 1 else tr("{count} stockpiles", count=format_number(count))


def material_count_text(count: int) -> str:
    """So many materials, in words."""
    return tr("1 material") if count == 1 else tr("{count} materials", count=format_number(count))
