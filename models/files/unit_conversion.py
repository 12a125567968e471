"""Conversion of figures with a unit, ``{value: 67, unit: kt}``, to the unit of their field.

It takes place in the tree of nodes, before patches are applied and before the models validate. A
converted figure keeps what was written as ``written``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from models.faults import Fault, PathStep
from models.files.nodes import FaultReporter, Node, NodePath, node_at
from models.files.patches import Patch
from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, Shape, shape_of_step
from models.files.yaml_source import thousands_warning
from models.scenario.case import Case
from models.scenario.quantities import UNIT_KEYS, UNREADABLE_NUMBER
from models.scenario.user_rules import SENSES, RuleBound, RuleLevel
from models.units import UnitError, field_unit, parse_unit


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
