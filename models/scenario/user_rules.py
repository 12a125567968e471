"""Rules that a scenario file states itself: bounds on sums of first-stage quantities (U1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, StrictBool, StrictStr, ValidationInfo, model_serializer, model_validator
from pydantic_core import CoreSchema, core_schema

from models import base
from models.base import Base, Country, FieldReader, LocalizedText, MaterialId, ProjectId
from models.field_marks import InSection
from models.scenario.quantities import (
    NonNegative,
    Number,
    NumberBounds,
    Year,
    YearlyBounds,
    YearlyNonNegative,
    fraction_of_percentage,
)

Quantity = Literal[
    "starts", "capex", "money", "public_money", "company_money", "market_money",
    "grant_equivalent", "output_t", "secured_t", "stock_t", "bought_t", "stock_cost",
]  # fmt: skip
Grouping = Literal["country", "project", "material", "funder", "tag", "year"]
Sense = Literal["at_least", "at_most", "equals"]
SENSES: tuple[Sense, ...] = ("at_least", "at_most", "equals")
ALL = "all"  #: The group of a row of a rule without ``each``.


class QuantityType(NamedTuple):
    """Unit of a quantity, and what it can be selected by."""

    unit: Literal["count", "money", "tonnes"]
    filters: frozenset[str]
    is_level: bool = False  # a value at the end of a year, which is not added up over years


_PROJECT_FILTERS = frozenset({"project", "country", "region", "tag", "output", "material"})
_STOCK_FILTERS = frozenset({"stockpile", "material"})
_INSTRUMENT_FILTERS = frozenset({"funder", "instrument", "class"})
_MONEY = QuantityType("money", _PROJECT_FILTERS | _STOCK_FILTERS | _INSTRUMENT_FILTERS)
QUANTITIES: dict[Quantity, QuantityType] = {
    "starts": QuantityType("count", _PROJECT_FILTERS),
    "capex": QuantityType("money", _PROJECT_FILTERS),
    "money": _MONEY,
    "public_money": _MONEY,
    "company_money": _MONEY,
    "market_money": QuantityType("money", _PROJECT_FILTERS),
    "grant_equivalent": QuantityType("money", _PROJECT_FILTERS | _INSTRUMENT_FILTERS),
    "output_t": QuantityType("tonnes", _PROJECT_FILTERS),
    "secured_t": QuantityType("tonnes", _PROJECT_FILTERS),
    "stock_t": QuantityType("tonnes", _STOCK_FILTERS, is_level=True),
    "bought_t": QuantityType("tonnes", _STOCK_FILTERS),
    "stock_cost": QuantityType("money", _STOCK_FILTERS),
}
"""All quantities that a rule can sum up."""
FUNDER_KINDS = {"public_money": "public", "company_money": "company"}


@dataclass(frozen=True)
class OneOrMoreNames(FieldReader):
    """Reader of one name, or of a list of names."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Return the names as a tuple. Raises PydanticCustomError for other values."""
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names:
            raise base.validation_error("a name or a list of names is expected here")
        for position, name in enumerate(names):
            if not isinstance(name, str):
                message = f"'{str(name).lower()}' is not a text"
                hint = "write {value}".format(value='"NO"') if name is False else ""
                raise base.validation_error(message, hint, (position,))
        return tuple(names)

    def write(self, value: tuple[str, ...]) -> list[str]:
        """Return the names as a list."""
        return list(value)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema that accepts a string or a list of strings."""
        text = {"type": "string"}
        return {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}


class RuleFilter(Base):
    """Selection of what a rule counts; all conditions must hold, each by one of its names."""

    project: Annotated[tuple[ProjectId, ...], OneOrMoreNames()] = ()
    """Ids of projects."""
    country: Annotated[tuple[Country, ...], OneOrMoreNames()] = ()
    """Codes of the countries of projects."""
    region: Annotated[tuple[StrictStr, ...], OneOrMoreNames()] = ()
    """``home`` (the countries under ``home``) or ``EU`` (its member states)."""
    tag: Annotated[tuple[StrictStr, ...], OneOrMoreNames()] = ()  #: Tags of projects.
    output: Annotated[tuple[MaterialId, ...], OneOrMoreNames()] = ()
    """Ids of materials that a project delivers; of tonnes, only those of these materials count."""
    material: Annotated[tuple[MaterialId, ...], OneOrMoreNames()] = ()
    """Ids of materials: the same, and stockpiles of these materials."""
    funder: Annotated[tuple[Annotated[str, InSection("funders")], ...], OneOrMoreNames()] = ()
    """Ids of funders."""
    instrument: Annotated[tuple[StrictStr, ...], OneOrMoreNames()] = ()
    """Ids of instruments, of any funder."""
    class_: Annotated[tuple[StrictStr, ...], OneOrMoreNames()] = Field(default=(), alias="class")
    """Budget classes of instruments, such as ``grant`` or ``guarantee``."""
    stockpile: Annotated[tuple[StrictStr, ...], OneOrMoreNames()] = ()
    """Ids of stockpiles."""

    @model_serializer(mode="plain")
    def _serialize(self) -> dict[str, list[str]]:
        return {key: list(names) for key, names in self.names.items()}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The conditions that are stated, by their key in the file."""
        stated = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name.rstrip("_"): names for name, names in stated if names}


class QuantityTerm(Base):
    """A quantity, restricted by a filter."""

    quantity: Quantity
    """``starts``, ``capex``, ``money``, ``public_money``, ``company_money``, ``market_money``,
    ``grant_equivalent``, ``output_t``, ``secured_t``, ``stock_t``, ``bought_t``, ``stock_cost``."""
    where: RuleFilter = RuleFilter()  #: What counts; by default everything.


class RuleTerm(QuantityTerm):
    """A term of the sum that a rule limits."""

    each: Grouping | None = None
    """One row of the rule for each ``country``, ``project``, ``material``, ``funder``, ``tag`` or
    ``year``."""
    factor: Annotated[Number, NumberBounds()] = Number(1)  #: Factor of the term in the sum.


class RuleLevel(Base):
    """The right side of a rule: a number, which may change over the years, or a multiple of a
    quantity."""

    value: YearlyNonNegative | None = None
    """Number of projects, tonnes or million EUR, as the quantities of the sum."""
    times: NonNegative | None = None  #: Factor of ``quantity``.
    quantity: Quantity | None = None  #: Quantity that is multiplied, over the same years.
    where: RuleFilter = RuleFilter()  #: What counts of this quantity; by default everything.

    OWN_KEYS: ClassVar = frozenset({"times", "quantity", "where"})  #: Keys of a multiple.

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        if isinstance(value, RuleLevel) or (
            isinstance(value, Mapping)
            and (cls.OWN_KEYS.intersection(map(str, value)) or value.keys() == {"value"})
        ):
            cls._refuse_percentage(value.get("value") if isinstance(value, Mapping) else None)
            return value
        cls._refuse_percentage(value)
        return {"value": value}

    @staticmethod
    def _refuse_percentage(value: Any) -> None:
        """Raise an error for a limit such as ``40 %``: 0.4 would be 0.4 projects, tonnes or million
        EUR."""
        if isinstance(value, str) and (fraction := fraction_of_percentage(value)):
            multiple = f"{{times: {fraction}, quantity: ...}}"
            hint = f"for a share of a quantity write {multiple}"
            raise base.validation_error(f"'{value}' is not a number", hint)

    @model_validator(mode="after")
    def _is_complete(self) -> RuleLevel:
        if self.value is None and (self.times is None or self.quantity is None):
            hint = "write {value}".format(value="{times: 0.5, quantity: public_money}")
            raise base.validation_error("a multiple needs times and quantity", hint)
        if self.value is not None and (self.times, self.quantity) != (None, None):
            raise base.validation_error("a number and a multiple exclude each other")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        multiple = handler(schema)
        number = YearlyBounds(NumberBounds(ge=0)).json_schema()
        return {"anyOf": [number, handler.resolve_ref_schema(multiple)]}

    @property
    def term(self) -> QuantityTerm | None:
        """The quantity that is multiplied; None for a number."""
        if self.quantity is None:
            return None
        return QuantityTerm(quantity=self.quantity, where=self.where)

    @property
    def constant(self) -> float | None:
        """The number or the factor, if it is the same in all years."""
        if self.value is not None:
            return None if self.value.years else float(self.value.values[0])
        return float(self.times or 0)


class OneOrMoreTerms:
    """Mark of a list of terms for which a single term may stand."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        def as_list(value: Any) -> Any:
            if isinstance(value, str):
                hint = "write {value}".format(value=f"{{quantity: {value}}}")
                message = "a mapping is expected here, not {shown}".format(shown=f"'{value}'")
                raise base.validation_error(message, hint)
            return (value,) if isinstance(value, Mapping) else value

        return core_schema.no_info_before_validator_function(as_list, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        array = handler(schema)
        return {"anyOf": [array["items"], array]}


class RuleBound(Base):
    """A sum of first-stage quantities, and its limit."""

    sum: Annotated[tuple[RuleTerm, ...], OneOrMoreTerms()] = ()
    """One term or a list of terms, which are added up; required."""
    at_least: RuleLevel | None = None
    """Lower limit: a number (projects, tonnes or million EUR), one by year, or a multiple such as
    ``{times: 0.5, quantity: public_money}``."""
    at_most: RuleLevel | None = None  #: Upper limit, in the same form.
    equals: RuleLevel | None = None  #: Exact value, in the same form.


class RuleCondition(Base):
    """Condition of a rule."""

    start: ProjectId  #: Id of a project: the rule applies once it is started.


class UserRule(RuleBound):
    """A rule of the user: a sum of first-stage quantities and its limit, in a period."""

    title: LocalizedText | None = None  #: Title shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    source: StrictStr | None = None  #: Why the rule holds: a text, or an id under ``sources``.
    by: Annotated[Year, InSection("years")] | None = None
    """Sums run from the first year of the horizon to this one."""
    from_: Annotated[Year, InSection("years")] | None = Field(default=None, alias="from")
    """First year that counts; by default the first of the horizon."""
    to: Annotated[Year, InSection("years")] | None = None
    """Last year that counts; by default the last of the horizon."""
    years: tuple[Annotated[Year, InSection("years")], ...] = ()
    """Years that count, in place of ``from`` and ``to``."""
    every_year: StrictBool = False  #: Whether the rule holds in each of these years by itself.
    if_: RuleCondition | None = Field(default=None, alias="if")
    """Condition: the rule applies only if a project is started by the same year."""
    then: RuleBound | None = None  #: Sum and limit of a rule with a condition.

    @model_validator(mode="after")
    def _check_form(self, info: ValidationInfo) -> UserRule:
        if base.skips_check("order", info):
            return self
        own = [name for name in ("sum", *SENSES) if getattr(self, name)]
        if self.then is not None and (self.if_ is None or own):
            hint = "write {value}".format(value="{if: {start: ...}, then: {sum: ..., at_least: 1}}")
            raise base.validation_error("'then' follows 'if' and holds sum and limit", hint)
        if not self.bound.sum:
            hint = "write {value}".format(value="sum: {quantity: starts}")
            raise base.validation_error("a rule needs a sum", hint)
        if sum(getattr(self.bound, sense) is not None for sense in SENSES) != 1:
            message = "a rule has one of at_least, at_most and equals"
            raise base.validation_error(message, "write two rules for two limits")
        if self.if_ is not None and self.sense == "equals":
            message = "a rule with a condition has at_least or at_most"
            raise base.validation_error(message, "write two rules for two limits")
        periods = [name for name in ("by", "from_", "to", "years") if getattr(self, name)]
        excludes_others = "years" in periods or {"by", "to"} <= set(periods)
        if excludes_others and len(periods) > 1:
            names = ", ".join(name.rstrip("_") for name in periods)
            raise base.validation_error(f"{names} exclude each other")
        if len({term.each for term in self.bound.sum} - {None, "year"}) > 1:
            raise base.validation_error("all terms of a sum have the same 'each'", "", ("sum",))
        return self

    @property
    def bound(self) -> RuleBound:
        """The part that holds sum and limit: ``then``, or the rule itself."""
        return self if self.then is None else self.then

    @property
    def sense(self) -> Sense:
        """Whether the sum is limited from below, from above, or fixed."""
        return next(sense for sense in SENSES if getattr(self.bound, sense) is not None)

    @property
    def level(self) -> RuleLevel:
        """The right side."""
        level: RuleLevel = getattr(self.bound, self.sense)
        return level

    @property
    def level_path(self) -> tuple[str, ...]:
        """Path of the right side, below the rule."""
        path = (self.sense,) if self.then is None else ("then", self.sense)
        return path if self.level.value is not None else (*path, "times")

    @property
    def unit(self) -> Literal["count", "money", "tonnes", "factor"]:
        """Unit of the number on the right side."""
        return "factor" if self.level.value is None else self.sum_unit

    @property
    def sum_unit(self) -> Literal["count", "money", "tonnes"]:
        """Unit of the sum."""
        return QUANTITIES[self.bound.sum[0].quantity].unit

    @property
    def grouping(self) -> Grouping | None:
        """What the rows of the rule are for, other than years."""
        groupings = (term.each for term in self.bound.sum)
        return next((each for each in groupings if each not in (None, "year")), None)

    @property
    def is_yearly(self) -> bool:
        """Whether the rule has a row for each year."""
        return self.every_year or any(term.each == "year" for term in self.bound.sum)
