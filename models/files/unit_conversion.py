"""Units that a figure of a scenario may carry, and the conversion of such figures to the unit of
their field.

A unit is a product of known words such as ``kt``, ``USD/lb`` or ``million EUR``; other texts never
reach the library that converts, since scenarios are untrusted.

It takes place in the tree of nodes, before patches are applied and before the models validate. A
converted figure keeps what was written as ``written``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

from models.faults import Fault, PathStep
from models.files.nodes import FaultReporter, Node, NodePath, node_at
from models.files.patches import Patch
from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, Shape, shape_of_step
from models.files.yaml_source import thousands_warning
from models.language import tr
from models.scenario.case import Case
from models.scenario.quantities import UNIT_KEYS, UNREADABLE_NUMBER
from models.scenario.user_rules import SENSES, RuleBound, RuleLevel
from models.spelling import closest_name
from models.unit_names import CURRENCY_CODES

_DEFINITIONS = (
    "kilo- = 1000",
    "mega- = 1000000",
    "milli- = 0.001",
    "tonne = [mass]",
    "gram = 0.000001 * tonne",
    "pound = 453.59237 * gram",
    "troy_ounce = 31.1034768 * gram",
    "short_ton = 2000 * pound",
    "long_ton = 2240 * pound",
    "year = [time]",
    "quarter = year / 4",
    "month = year / 12",
    "day = year / 365",
    "week = 7 * day",
    "period = [period]",
    "money = [money]",
    "percent = 0.01",
    "permille = 0.001",
    "basis_point = 0.0001",
    "parts_per_million = 0.000001",
)
_WORDS = {
    **dict.fromkeys(("t", "tonne", "tonnes"), "tonne"),
    **dict.fromkeys(("kt", "kilotonnes"), "kilotonne"),
    **dict.fromkeys(("Mt", "megatonnes"), "megatonne"),
    **dict.fromkeys(("kg", "kilograms"), "kilogram"),
    **dict.fromkeys(("g", "grams"), "gram"),
    "mg": "milligram",
    **dict.fromkeys(("lb", "lbs", "pounds"), "pound"),
    **dict.fromkeys(("oz_t", "troy_ounces"), "troy_ounce"),
    "short_ton": "short_ton",
    "long_ton": "long_ton",
    **dict.fromkeys(("year", "years", "yr", "y", "a"), "year"),
    **dict.fromkeys(("quarter", "quarters"), "quarter"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("day", "days", "d"), "day"),
    **dict.fromkeys(("period", "periods"), "period"),
    **dict.fromkeys(("percent", "%"), "percent"),
    "permille": "permille",
    "bp": "basis_point",
    "ppm": "parts_per_million",
    "1": "dimensionless",
}
"""Words for units, and their names in ``_DEFINITIONS``, with prefixes."""
_SHARES = frozenset(("percent", "permille", "basis_point", "parts_per_million", "dimensionless"))
_TIMES = frozenset(("year", "quarter", "month", "week", "day", "period"))
_MAX_DENOMINATORS = 3
_PREFIXES = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "M": 10**6,
    "bn": 10**9,
}  #: Of currency codes, as in ``MEUR``.
_MULTIPLIERS = {"thousand": 10**3, "million": 10**6, "mn": 10**6, "billion": 10**9, "bn": 10**9}
_AMBIGUOUS = {
    **dict.fromkeys(("ton", "tons"), "t, short_ton or long_ton"),
    **dict.fromkeys(("mt", "MT"), "t or Mt"),
    "oz": "oz_t (troy) or lb",
    **dict.fromkeys(("m", "M"), "month or million"),
    "TEUR": "kEUR",
    "$": "USD, if US dollars are meant",
}  #: Words with several meanings, and what to write instead.
_CENTS = frozenset(("USc", "USC", "US¢", "¢", "c", "ct", "cent", "cents"))
_SYMBOLS = {"US$": "USD", "€": "EUR", "£": "GBP"}  #: Signs of money with one meaning.
_FIELD_UNITS = (
    (r"eur_per_t_year$", "money / tonne / year", "{currency}/t/year"),
    (r"eur_per_t$", "money / tonne", "{currency}/t"),
    (r"meur$|^(.*_)?money$|^capex$|^grant_equivalent$|^stock_cost$", "money", "M{currency}"),
    (r"^(.*_)?t_per_year$", "tonne / year", "t/year"),
    (r"_t_per_t$", "dimensionless", "t/t"),
    (r"_t_per_period$", "tonne / period", "t/period"),
    (r"_t$", "tonne", "t"),
    (r"^delay_years$", "dimensionless", "1"),
    (r"_years$|^delayed_projects$", "year", "year"),
    (r"_periods$", "period", "period"),
    (r"^min_days_of_demand$", "day", "day"),
    (r"(_rate|^annual_.*|^expected_return|^(fee_)?per_year)$", "1 / year", "1/year"),
)
"""Patterns of names of fields, with their unit for the library, and as a file writes it."""
_WITHOUT_UNIT = re.compile(
    r"(price_|first_|last_|from_)?year|((earliest_|latest_)?start)|states|seed|period|regime"
    r"|max_projects|max_starts_by_year|periods_per_year|schema_version|exchange_rates|deflators"
    r"|at_least|at_most|equals|starts"
)  #: Names of fields that are calendar years, counts, or numbers whose unit depends on others.
_EXAMPLES = {
    "money / tonne / year": "{currency}/t/year, {currency}/kg/month",
    "money / tonne": "{currency}/t, USD/lb, USD/kg",
    "money": "M{currency}, million USD, {currency}",
    "tonne / year": "t/year, kt, kg/month",
    "tonne / period": "t/period, kt/period",
    "tonne": "t, kt, kg",
    "year": "years, months",
    "period": "periods",
    "day": "days, weeks, months",
    "1 / year": "percent, 1/year",
    "dimensionless": "percent, permille, ppm",
}  #: Units that a hint names, by the unit of the field.


class UnitError(Exception):
    """Error raised for a text that is no unit of a field, with a message and a hint."""


class ParsedUnit(NamedTuple):
    """The currency of a unit, empty without money, and one unit as a multiple of the field's."""

    currency: str
    factor: Fraction


def field_unit(field: str, currency: str) -> str:
    """Return the unit of the numbers of a field, as a file writes it; empty if it takes none.

    ``field`` is its name, and ``currency`` the code of the file.
    """
    if _WITHOUT_UNIT.fullmatch(field):
        return ""
    return _field_units(field)[1].format(currency=currency)


@lru_cache(1024)
def _field_units(field: str) -> tuple[str, str]:
    found = (units for pattern, *units in _FIELD_UNITS if re.search(pattern, field))
    target, text = next(found, ("dimensionless", "1"))
    return target, text


@cache
def _registry() -> Any:
    # Deferred: few files have units, and the library takes half a second to import.
    import pint

    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@lru_cache(4096)
def parse_unit(text: str, field: str, currency: str) -> ParsedUnit:
    """Return the currency of a unit and its size in the unit of a field.

    Raises UnitError, with what would be right, if it is unknown or measures something else.
    """
    target, _ = _field_units(field)
    example_hint = tr("write one of {names}", names=_EXAMPLES[target].format(currency=currency))
    if _WITHOUT_UNIT.fullmatch(field):
        message = tr("the field {field} takes no unit", field=field)
        raise UnitError(message, tr("write the number alone"))
    spelled_out = re.sub(r"^([kM]?t)pa$", r"\1/year", text.strip())
    numerator, *denominators = re.split(r"/|\s+per\s+", spelled_out)
    multiplier, _, unit = numerator.strip().rpartition(" ")
    factor = _MULTIPLIERS.get(multiplier.lower(), 0) if multiplier else 1
    if not factor or len(denominators) > _MAX_DENOMINATORS:
        raise UnitError(tr("there is no unit '{unit}'", unit=text), example_hint)
    codes: list[str] = []
    words = [word.strip() for word in (unit, *denominators)]
    names = []
    for word in words:
        size, name = _resolve_word(word, codes, example_hint)
        factor *= size
        names.append(name)
    is_wrong = len(codes) != ("money" in target) or "money" in names[1:]
    # Rates and probabilities compound, so that those of other periods cannot be converted.
    is_wrong |= target == "1 / year" and names[1:] not in ([], ["year"])
    is_wrong |= not _SHARES.isdisjoint(names[1:])
    is_wrong |= target == "dimensionless" and names[1:] != [] and not field.endswith("_t_per_t")
    is_wrong |= field.endswith("_t_per_t") and not _TIMES.isdisjoint(names)
    if not is_wrong:
        quantity = _registry().Quantity(Fraction(factor), " / ".join(names))
        implied = "year" if len(names) == 1 and target in ("tonne / year", "1 / year") else ""
        ratio = quantity / _registry().Quantity(Fraction(1), implied)
        ratio = (ratio / _registry().Quantity(Fraction(1), target)).to_base_units()
        if ratio.dimensionless:
            scale = 10**6 if target == "money" else 1
            return ParsedUnit(codes[0] if codes else "", Fraction(ratio.magnitude) / scale)
    raise UnitError(tr("'{unit}' is no unit of {field}", unit=text, field=field), example_hint)


def _resolve_word(word: str, codes: list[str], example_hint: str) -> tuple[int, str]:
    """Return a factor and the library's name for a word of a unit; add a currency to ``codes``.

    Raises UnitError for an unknown word.
    """
    if word in _WORDS:
        return 1, _WORDS[word]
    for prefix, size in _PREFIXES.items():
        code = word.removeprefix(prefix)
        code = _SYMBOLS.get(code, code)
        if word.startswith(prefix) and code in CURRENCY_CODES:
            codes.append(code)
            return size, "money"
    message = tr("there is no unit '{unit}'", unit=word)
    if word in _AMBIGUOUS:
        message = tr("'{unit}' has several meanings", unit=word)
        raise UnitError(message, tr("write {value}", value=_AMBIGUOUS[word]))
    if word in _CENTS:
        raise UnitError(message, tr("write the amount in {currency}, not in cents", currency="USD"))
    if dollars := re.fullmatch(r"(k|M|m|bn)?(?:US)?\$ ?(k|M|m|bn)?", word):
        size_prefix = (dollars[1] or dollars[2] or "").replace("m", "M")
        raise UnitError(message, tr("write {value}", value=f"{size_prefix}USD"))
    if suggestion := closest_name(word, [*_WORDS, *CURRENCY_CODES]):
        raise UnitError(message, tr("did you mean '{name}'?", name=suggestion))
    raise UnitError(message, example_hint)


def convert_units(root: Node, report: FaultReporter) -> Node:
    """Return a scenario with all figures in the units of their fields.

    Nodes without such figures are the same objects as before. Figures that cannot be converted are
    reported and marked as faulty.
    """
    return _Converter(root, report).convert(root, SCENARIO_SHAPE, "", ())


def convert_patch(patch: Patch, root: Node, report: FaultReporter) -> Patch:
    """Return a patch of the scenario ``root`` with its figures in the units of their fields."""
    shape: Shape | None = SCENARIO_SHAPE
    field, path = "", tuple(patch.dotted_path.split("."))
    for position, step in enumerate(path):
        if shape is not None and shape.kind in ("number", "yearly") and step in UNIT_KEYS:
            message = f"'{step}' of a figure cannot be set alone"
            hint = "set the figure as a whole: {value}".format(value="{value: 1.2, unit: kt}")
            report(patch.path_fault(message, hint))
        if shape is not None and shape.kind == "model" and shape.model is not RuleLevel:
            field = _limit_field(step, shape, node_at(root, path[:position]))
        elif shape is not None and shape.kind == "model" and step != "value":
            field = step
        is_position = shape is not None and shape.kind in ("list", "names")
        shape = shape_of_step(shape, 0 if is_position else step) if shape is not None else None
    converter = _Converter(root, report)
    value = converter.convert(patch.value, shape or ANY_SHAPE, field, path)
    return patch if value is patch.value else replace(patch, value=value)


class _ConversionError(Exception):
    """Error raised for a figure that cannot be converted: message, hint, and the faulty node.

    The message is empty if the cause is a fault that validation reports elsewhere.
    """


@dataclass
class _Converter:
    """Converter with the exchange rates and deflators of the scenario ``root``."""

    root: Node
    report: FaultReporter

    def convert(self, node: Node, shape: Shape, field: str, path: NodePath) -> Node:
        """Return a node with all its figures converted; ``field`` is the field it belongs to."""
        is_limit = shape.model is RuleLevel and isinstance(node.value, dict)
        if is_limit and RuleLevel.OWN_KEYS.isdisjoint(node.value):
            limit = self._convert_figure(node, field, path, None, None)
            # An unreadable limit is not missing.
            return replace(limit, value=UNREADABLE_NUMBER) if limit.faulty else limit
        if shape.kind in ("number", "yearly"):
            if isinstance(node.value, dict):
                return self._convert_figure(node, field, path, None, None)
            return node
        if isinstance(node.value, dict):
            children: dict[PathStep, Node] = dict(node.value)
        elif isinstance(node.value, list):
            children = dict(enumerate(node.value))
        else:
            return node
        changed: dict[PathStep, Node] = {}
        for step, child in children.items():
            if not isinstance(child.value, (dict, list)):
                continue
            child_shape = shape_of_step(shape, step)
            if child_shape is not None and child_shape.kind not in ("any", "text", "texts"):
                child_field = _limit_field(step, shape, node) if shape.kind == "model" else field
                converted = self.convert(child, child_shape, child_field, (*path, step))
                if converted is not child:
                    changed[step] = converted
        if not changed:
            return node
        merged = {**children, **changed}
        is_list = isinstance(node.value, list)
        return replace(node, value=list(merged.values()) if is_list else merged)

    def _convert_figure(
        self, node: Node, field: str, path: NodePath, unit: Node | None, year: Node | None
    ) -> Node:
        """Return a number or a yearly quantity without units.

        ``unit`` and ``year`` are those of the quantity that the number belongs to.
        """
        if not isinstance(node.value, dict):
            return node if unit is None and year is None else self._number(
                node, node, field, path, unit, year
            )  # fmt: skip
        unit, year = node.child("unit") or unit, node.child("year") or year
        value = node.child("value")
        if value is not None:
            rest = {k: child for k, child in node.value.items() if k not in ("unit", "year")}
            if isinstance(value.value, dict):
                converted = self._convert_figure(value, field, (*path, "value"), unit, year)
                if converted.faulty:
                    return replace(node, value=None, faulty=True)
                if converted is value and rest.keys() == node.value.keys():
                    return node
                return replace(node, value={**rest, "value": converted})
            if unit is None and year is None:
                return node
            return self._number(replace(node, value=rest), value, field, path, unit, year)
        children = {
            key: self._convert_figure(child, field, (*path, key), unit, year)
            if key.isdecimal()
            else child
            for key, child in node.value.items()
        }
        if any(child.faulty and not node.value[key].faulty for key, child in children.items()):
            return replace(node, value=None, faulty=True)
        if all(children[key] is child for key, child in node.value.items()):
            return node
        return replace(node, value=children)

    def _number(
        self,
        figure: Node,
        value: Node,
        field: str,
        path: NodePath,
        unit: Node | None,
        year: Node | None,
    ) -> Node:
        """Return ``figure``, a number or a mapping with one, with its ``value`` converted."""
        if isinstance(value.value, bool) or not isinstance(value.value, (int, float)):
            return figure  # validation refuses it
        try:
            factor, written = self._factor(field, value, unit, year)
            exact = Fraction(repr(value.value)) * factor
            number = float(f"{float(exact):.15g}")  # the digits that workbooks keep
        except _ConversionError as error:
            message, hint, faulty = error.args
            if message:
                self.report(Fault(path, message, hint, location=faulty.location))
            return replace(figure, value=None, faulty=True)
        except (ValueError, OverflowError):
            return figure  # not finite
        if isinstance(value.value, float) and (doubt := thousands_warning(value, path)):
            self.report(doubt)
        if number == 0 != exact:
            number = sys.float_info.min  # validation refuses it as too small
        plain = int(number) if number.is_integer() and abs(number) < 2**53 else number
        children = figure.value if isinstance(figure.value, dict) else {}
        return replace(
            figure,
            value={
                **children,
                "value": replace(value, value=plain, raw_text=""),
                "written": Node(written, value.location),
            },
            raw_text="",
        )

    def _factor(
        self, field: str, value: Node, unit: Node | None, year: Node | None
    ) -> tuple[Fraction, str]:
        """Return the factor of a figure and the text of what was written.

        Raises _ConversionError if the unit is wrong, or if a rate or a price index is missing.
        """
        own_currency = self._text_at("currency") or "EUR"
        text = field_unit(field, own_currency) if unit is None else unit.value
        if not isinstance(text, str):
            message = "a unit is a text such as {example}".format(example="kt")
            raise _ConversionError(message, "", unit or value)
        try:
            currency, factor = parse_unit(text, field, own_currency)
        except UnitError as error:
            raise _ConversionError(*error.args, unit or year or value) from None
        written = f"{value.raw_text or format(value.value, '.15g')} {text}"
        if year is not None:
            if not currency:
                message = "'year' is for amounts of money"
                raise _ConversionError(message, "leave it out", year)
            factor *= self._inflation(currency, year, value)
            written += f" ({year.raw_text or year.value})"
        if currency and currency != own_currency:
            factor *= self._exchange_rate(currency, own_currency, value)
        return factor, written

    def _inflation(self, currency: str, year: Node, value: Node) -> Fraction:
        """Return the growth of prices from a year to ``price_year``, by the deflator."""
        price_year = self._number_at(("price_year",))
        if price_year is None:
            message = "a figure with a year needs the price_year of the file"
            raise _ConversionError(message, "add {value}".format(value="price_year: 2025"), value)
        if not isinstance(year.value, int) or isinstance(year.value, bool):
            message = "{shown} is not a calendar year".format(shown=f"'{year.value}'")
            raise _ConversionError(message, "write a year such as 2030", year)
        if year.value == price_year:
            return Fraction(1)
        index = []
        for needed in (int(price_year), year.value):
            # The years may stand below ``value``, beside the source of all of them.
            places = ((), ("value",))
            paths = (("units", "deflators", currency, *place, str(needed)) for place in places)
            level = next(filter(None, map(self._number_at, paths)), None)
            if level is None:
                message = f"there is no price index of {currency} for {needed}"
                example = f"units: {{deflators: {{{currency}: {{{year.value}: 100, "
                example += f"{int(price_year)}: ...}}}}}}"
                raise _ConversionError(message, f"add {example}", value)
            index.append(level)
        return index[0] / index[1]

    def _exchange_rate(self, currency: str, own: str, value: Node) -> Fraction:
        """Return the units of the file's currency ``own`` for one unit of another currency."""
        direct = self._number_at(("units", "exchange_rates", f"{own}_per_{currency}"))
        inverse = self._number_at(("units", "exchange_rates", f"{currency}_per_{own}"))
        if direct is not None:
            return direct
        if inverse is not None:
            return 1 / inverse
        message = f"there is no exchange rate of {currency} to {own}"
        example = f"units: {{exchange_rates: {{{own}_per_{currency}: ...}}}}"
        raise _ConversionError(message, f"add {example}", value)

    def _text_at(self, key: str) -> str:
        node = self.root.child(key)
        return node.value if node is not None and isinstance(node.value, str) else ""

    def _number_at(self, path: tuple[str, ...]) -> Fraction | None:
        """Return a number of the scenario, with or without remarks; None if there is none.

        Raises _ConversionError, without a message, if it is not positive.
        """
        node = node_at(self.root, path)
        if node is not None and isinstance(node.value, dict):
            node = node.child("value")
        if node is None:
            return None
        is_number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        if not is_number or not 0 < node.value < float("inf"):
            raise _ConversionError("", "", node)
        return Fraction(repr(node.value))


def _limit_field(step: PathStep, shape: Shape, node: Node | None) -> str:
    """Return the field that determines the unit of what stands at a step of a model.

    It is the step itself, but for the limit of a user's rule the first quantity of its sum.
    """
    if node is None or step not in SENSES or not issubclass(shape.model or Case, RuleBound):
        return str(step)
    quantity = node_at(node, ("sum", 0, "quantity"))
    name = None if quantity is None else quantity.value
    return name if isinstance(name, str) else str(step)


def relabeling_warnings(root: Node, patches: Iterable[Patch]) -> Iterator[Fault]:
    """Yield warnings of patches of the currency or of the year of prices: no amount is converted.

    ``root`` is the scenario before the patches.
    """
    own_currency, own_year = _value_at(root, "currency"), _value_at(root, "price_year")
    own_currency = own_currency or "EUR"
    for patch in patches:
        value = patch.value.child("value") or patch.value
        if patch.dotted_path == "currency" and value.value != own_currency:
            message = f"amounts are not converted: they stay in {own_currency}"
            hint = "change the amounts as well, or leave the currency"
        elif patch.dotted_path == "price_year" and own_year not in (None, value.value):
            message = f"amounts are not converted: they stay in prices of {own_year}"
            hint = "change the amounts as well, or leave the year"
        else:
            continue
        yield Fault((patch.dotted_path,), message, hint, "warning", location=patch.place)


def _value_at(root: Node, key: str) -> Any:
    """Return the value of a figure or a text with or without remarks; None if there is none."""
    node = root.child(key)
    return None if node is None else (node.child("value") or node).value


def refused_patch(patch: Patch) -> Fault | None:
    """Return a fault if a patch changes ``units``, which are used before patches, else None."""
    if patch.dotted_path.split(".")[0] != "units":
        return None
    return patch.path_fault(
        "a patch cannot change units: figures are converted before it",
        "change the figures, or write another file",
    )
