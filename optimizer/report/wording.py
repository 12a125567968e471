"""Names, units, amounts, recurring sentences and figures of a result, in the current language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from models.base import display_name
from models.language import current_language, tr
from models.scenario.references import Case
from optimizer.report.cells import attribute_getter
from optimizer.report.document import (
    ALL_MEDIA,
    Column,
    Document,
    Media,
    Part,
    Section,
    Table,
    ValueForm,
)
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
    """Provider of the texts for a result in the current language.

    ``result`` is any result that holds its scenario. If the scenario does not name an item, its
    name in the result is used, and otherwise its id.
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
        """The scenario of the result; a target has it in its plan."""
        has_case = hasattr(self.result, "case")
        owner = self.result if has_case else getattr(self.result, "plan", None)
        case: Case | None = getattr(owner, "case", None)
        return case

    @property
    def title(self) -> str:
        """The title of the scenario."""
        return self._localized_name(
            None if self.case is None else self.case.title, self._untyped_result.title
        )

    @property
    def variant_title(self) -> str | None:
        """The title of the applied variant; None if there is none."""
        variant_id = getattr(self.result, "variant", None)
        variant = (
            None if self.case is None or variant_id is None else self.case.variants.get(variant_id)
        )
        return (
            variant_id
            if variant is None or variant_id is None
            else self._localized_name(variant.title, variant_id)
        )

    @property
    def subtitle(self) -> str:
        """The line that names the variant; empty if there is none."""
        variant = self.variant_title
        return "" if variant is None else tr("Variant: {variant}", variant=sanitize(variant))

    @property
    def currency(self) -> str:
        """The currency of the scenario."""
        currency: str = self._untyped_result.currency
        return currency

    @property
    def money_unit(self) -> str:
        """The unit of money, such as million EUR."""
        return tr("million {currency}", currency=self.currency)

    @property
    def measure(self) -> str:
        """The measure of outcomes: ``damage``, ``tonnes`` or ``share_of_demand``."""
        outcome = getattr(self.result, "outcome", self._untyped_result)
        # Some results have only the unit.
        units = {"t": "tonnes", "years of demand": "share_of_demand"}
        measure: str = (
            outcome.measure if hasattr(outcome, "measure") else units.get(outcome.unit, "damage")
        )
        return measure

    @property
    def counts_damage(self) -> bool:
        """Whether outcomes are measured as damage rather than as shortage."""
        return self.measure == "damage"

    @property
    def unit(self) -> str:
        """The unit of outcomes: a unit of money, tonnes, or years of demand."""
        if self.counts_damage:
            return self.money_unit
        return tr("t") if self.measure == "tonnes" else tr("years of demand")

    @property
    def units_by_form(self) -> dict[str, str]:
        """The unit of each kind of figure (``ValueForm``) that has one."""
        if not hasattr(self, "currency"):
            return {}
        money = dict.fromkeys(("money", "signed"), self.money_unit)
        outcomes = ("outcome", "signed_outcome", "objective")
        return {**money, **dict.fromkeys(outcomes, self.unit), "tonnes": tr("t")}

    @property
    def outcome_word(self) -> str:
        """The word for damage or shortage."""
        return tr("damage") if self.counts_damage else tr("shortage")

    @property
    def expected_outcome(self) -> str:
        """The term for the mean outcome over the states: expected damage or expected shortage."""
        return tr("expected damage") if self.counts_damage else tr("expected shortage")

    @property
    def expected_title(self) -> str:
        """The term for the mean outcome as a heading."""
        return tr("Expected damage") if self.counts_damage else tr("Expected shortage")

    def amount(self, value: float) -> str:
        """Return an outcome as text with its unit."""
        return f"{format_rounded(value)} {self.unit}"

    def amount_for_sentence(self, value: float) -> str:
        """Return an outcome as text for a sentence, with about three digits; damage is in billions
        from 1 000 million on."""
        if not self.counts_damage or abs(value) < 1000:
            return self.amount(value)
        figure = format_number(value / 1000, decimals_needed([value / 1000]))
        text = tr("{currency} {figure} billion", currency=self.currency, figure=figure)
        return text.replace(" ", NO_BREAK_SPACE)

    def money_amount(self, value: float) -> str:
        """Return an amount of money, in millions, as text with its unit."""
        return f"{format_rounded(value)} {self.money_unit}"

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """Return the display name of an item of the scenario. If it has none, return
        ``fallback`` or its id.

        ``kind`` is the section that holds the item, such as ``projects`` or ``stockpiles``.
        """
        item = _items_by_id(getattr(self.case, kind, {})).get(id)
        if item is not None:
            return self._localized_name(item.name, fallback or id)
        if fallback is None:
            item = _items_by_id(getattr(self.result, kind, {})).get(id)
        return sanitize(getattr(item, "name", fallback or id))

    def names(self, kind: str, ids: Iterable[str]) -> str:
        """Return the display names of several items of one section as one text."""
        return ", ".join(self.name(kind, id) for id in ids)

    def user_rule_title(self, rule: str) -> str:
        """Return the title of a rule that the scenario states itself, or else its id."""
        rules = {} if self.case is None else self.case.policy.rules
        return self._localized_name(rules[rule].title, rule) if rule in rules else sanitize(rule)

    def instrument_name(self, funder: str, instrument: str) -> str:
        """Return the display name of an instrument of a funder."""
        return self._part_name("funders", funder, "instruments", instrument)

    def budget_line_name(self, funder: str, line: str) -> str:
        """Return the display name of a budget line of a funder."""
        return self._part_name("funders", funder, "budget_lines", line)

    def profile_name(self, hazard: str, profile: str) -> str:
        """Return the display name of an event profile of a hazard."""
        return self._part_name("hazards", hazard, "profiles", profile)

    def assumption_set_title(self, id: str, fallback: str | None = None) -> str:
        """Return the title of an assumption set, or ``fallback`` or its id if it has none."""
        assumption_set = None if self.case is None else self.case.assumptions.get(id)
        title = None if assumption_set is None else assumption_set.title
        return self._localized_name(title, fallback or id)

    def regime_name(self, id: str) -> str:
        """Return the name of a regime."""
        uncertainty = None if self.case is None else self.case.uncertainty
        chain = None if uncertainty is None else uncertainty.regimes
        return self._localized_name(None if chain is None else chain.names.get(id), id)

    def _part_name(self, kind: str, owner: str, part: str, id: str) -> str:
        owner_item = None if self.case is None else getattr(self.case, kind).get(owner)
        item = getattr(owner_item, part, {}).get(id)
        return sanitize(id) if item is None else self._localized_name(item.name, id)

    def _localized_name(self, name: Any, fallback: str) -> str:
        return sanitize(display_name(name, fallback, current_language()))

    @property
    def state_count(self) -> int:
        """Number of states of the world in the result."""
        states: int = self._certificate.states
        return states

    def few_states_caution(self) -> list[str]:
        """Return a list with a caution if the result rests on few states; empty otherwise."""
        caution = tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=format_number(self.state_count),
        )
        return [caution] if self.state_count < MIN_STATES else []

    def proof_table(self, *extra_rows: tuple[str, str], title: str | None = None) -> Table:
        """Return a table with what a reader needs to assess and repeat a result: states, gap, time,
        versions.

        ``extra_rows`` are placed after the gap.
        """
        certificate = self._certificate
        rows = [
            (tr("States of the world"), format_number(self.state_count)),
            (tr("Gap asked for"), format_small_percent(certificate.gap_target)),
            *extra_rows,
            (tr("Time"), f"{format_number(certificate.seconds)} s"),
            *self.version_rows(),
        ]
        return pair_table(title or tr("How good the proof is"), rows, "proof")

    def version_rows(self) -> list[tuple[str, str]]:
        """Return a list with one row on the program versions; empty if they are not known."""
        versions = ", ".join(f"{name} {version}" for name, version in self._versions.items())
        return [(tr("Versions"), versions)] if versions else []

    @property
    def _versions(self) -> dict[str, str]:
        versions: dict[str, str] = getattr(self._certificate, "versions", {})
        return versions

    def build_document(
        self,
        document_kind: str,
        answer: Sequence[Part],
        sections: Sequence[Section],
        **overrides: Any,
    ) -> Document:
        """Return a document with the title, units and versions of this result.

        ``overrides`` replaces fields of the document.
        """
        metadata: dict[str, Any] = {"units": self.units_by_form, "versions": self._versions}
        fields = {"title": self.title, "subtitle": self.subtitle, **metadata}
        return Document(
            document_kind=document_kind, answer=answer, sections=sections, **{**fields, **overrides}
        )


def _items_by_id(items: Any) -> dict[str, Any]:
    """Return the items of a mapping or of a list by id."""
    if isinstance(items, dict):
        return items
    return {item.id: item for item in items if hasattr(item, "id")}


def pair_table(
    caption: str, rows: Sequence[tuple[str, Any]], name: str = "", media: Media = ALL_MEDIA
) -> Table:
    """Return a table without headers whose rows are a label and a text or figure."""
    columns = [Column("", "0", "text"), Column("", "1", "text")]
    return Table(caption, rows, columns, name, has_header=False, media=media)


def capitalize(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def join_with_and(texts: Sequence[str]) -> str:
    """Return texts as an enumeration: a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return tr("{most} and {last}", most=join_texts(texts[:-1]), last=texts[-1])


def join_texts(texts: Sequence[str]) -> str:
    """Return texts joined by commas, or by semicolons if one of them contains a comma."""
    return ("; " if any(", " in text for text in texts) else ", ").join(texts)


BUDGET_CLASSES = (
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "premium", "private", ""
)  # fmt: skip
"""Budget classes in the order of reports; the empty one means not stated."""


def budget_class_name(budget_class: str | None) -> str:
    """Return the display name of a budget class; None gives the text for an unknown class."""
    names = {
        "financial_transaction": tr("financial transaction"),
        "loan": tr("loan"),
        "guarantee": tr("public guarantee"),
        "grant": tr("grant"),
        "expenditure": tr("expenditure on stocks"),
        "premium": tr("premium on secured output"),
        "private": tr("private funders"),
    }
    return names.get(budget_class or "", tr("class not stated"))


def benchmark_stages() -> dict[str, str]:
    """Return the names of the stages that have benchmarks in the Critical Raw Materials Act."""
    return {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }


def project_count_text(count: int) -> str:
    """Return a text such as "3 projects"."""
    return tr("1 project") if count == 1 else tr("{count} projects", count=format_number(count))


def stockpile_count_text(count: int) -> str:
    """Return a text such as "3 stockpiles"."""
    return tr("1 stockpile") if count == 1 else tr("{count} stockpiles", count=format_number(count))


def material_count_text(count: int) -> str:
    """Return a text such as "3 materials"."""
    return tr("1 material") if count == 1 else tr("{count} materials", count=format_number(count))


FigurePath = str | Callable[[Any], Any]


@dataclass(frozen=True)
class Metric:
    """A figure of plans: its key, name, kind and location.

    Its unit follows from ``form``, by ``Wording.units_by_form``.
    """

    key: str  #: Id of the figure.
    name: str
    form: ValueForm
    path: FigurePath
    """Attributes that lead from a plan or option to the figure, or a function that reads it."""

    def read(self, item: Any) -> Any:
        """Return the figure of a plan or option; None if it has none."""
        return read_figure(item, self.path)


def read_figure(item: Any, path: FigurePath) -> Any:
    """Return the figure at ``path`` of an object; None if the path leads nowhere."""
    if callable(path):
        return path(item)
    return attribute_getter(path)(item) if path else None


def plan_metrics(wording: Wording[Any]) -> dict[str, Metric]:
    """Return the figures that results have in common, by key. Of each a smaller value is better."""
    unit, money_unit = wording.unit, wording.money_unit
    metrics = [
        Metric("expected", tr("Expected, {unit}", unit=unit), "outcome", "expected"),
        Metric("cvar", tr("CVaR, {unit}", unit=unit), "outcome", "cvar"),
        Metric("worst", tr("Worst, {unit}", unit=unit), "outcome", "worst"),
        Metric("without", tr("Without plan"), "outcome", "expected_without_plan"),
        Metric("with", tr("With plan"), "outcome", "expected"),
        Metric("net_cost", tr("Net cost, {unit}", unit=money_unit), "money", "net_cost_meur"),
        Metric("cost", tr("Net cost"), "money", "net_cost_meur"),
        Metric("objective", tr("Objective"), "objective", "objective"),
        Metric("bound", tr("Bound"), "objective", "bound"),
        Metric("gap", tr("Gap"), "gap", "gap"),
        Metric("gap_left", tr("Gap left"), "gap", "gap"),
    ]
    return {metric.key: metric for metric in metrics}


def metric_columns(
    wording: Wording[Any], *keys: str, owner: str = "", **options: Any
) -> list[Column]:
    """Return columns with figures of plans, by their keys in the catalog.

    ``owner`` are the attributes from a row to the object that has the figures, ending in a dot.
    """
    metrics = plan_metrics(wording)
    return [
        Column(metric.name, f"{owner}{metric.path}", metric.form, **options)
        for metric in map(metrics.__getitem__, keys)
    ]
