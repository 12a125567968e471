"""Base model of all scenario models, and types that they share: years, ids, countries, texts."""

import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictStr, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models import countries
from models.faults import PathStep
from models.field_marks import InSection
from models.language import LANGUAGES, Language, conventions, detect_language

PartFault = tuple[tuple[PathStep, ...], str, str]
"""A fault of a part of a value: path from the value to the part, message and hint. A last step
``[key]`` means the key itself, as in pydantic."""


class Base(BaseModel):
    """Base of all scenario models: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


_SHORT_REPR = reprlib.Repr()
_SHORT_REPR.maxlevel, _SHORT_REPR.maxtuple, _SHORT_REPR.maxdict, _SHORT_REPR.maxother = 1, 2, 2, 80
MAX_REPR_LENGTH = 600  #: Characters.


def short_repr(model: BaseModel) -> str:
    """Return a representation of a large model: its first fields with abbreviated values."""
    fields = ((name, getattr(model, name)) for name in type(model).model_fields)
    text = ", ".join(f"{name}={_SHORT_REPR.repr(value)}" for name, value in fields)
    text = text if len(text) <= MAX_REPR_LENGTH else f"{text[:MAX_REPR_LENGTH]}..."
    return f"{type(model).__name__}({text})"


def validation_error(
    message: str, hint: str = "", path: tuple[PathStep, ...] = ()
) -> PydanticCustomError:
    """Return an error that pydantic reports at the location of the value.

    ``path`` leads from the value to the part that is faulty; ``hint`` says what would be correct.
    """
    return combined_error([(path, message, hint)])


def combined_error(faults: list[PartFault]) -> PydanticCustomError:
    """Return one error for several faults of a value."""
    context = {"message": faults[0][1], "faults": faults}
    return PydanticCustomError("scenario", "{message}", context)


def faults_under_step(error: PydanticCustomError, step: PathStep) -> list[PartFault]:
    """Return the faults of an error with ``step`` prepended to their paths.

    The faults of a part become faults of the value that contains it: ``step`` leads from the value
    to the part.
    """
    return [
        ((step, *path), message, hint) for path, message, hint in (error.context or {})["faults"]
    ]


def describe_container(value: Any, fallback: str) -> str:
    """Return "a mapping" or "a list" in the current language, or ``fallback`` for other values."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else fallback


def _is_container_or_none(value: Any) -> bool:
    return value is None or isinstance(value, (Mapping, list, tuple))


def read_year(value: Any) -> int:
    """Return the calendar year that a key or a value of a scenario file stands for.

    Raises PydanticCustomError for anything but a whole number from 0 to 9999, also as text.
    """
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value):
        return int(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and value == int(value):
        if 0 <= value <= 9999:
            return int(value)
        description = f"{value:g}"
    else:
        quotes = conventions().quotes if isinstance(value, str) else ""
        quoted_value = f"{quotes[:1]}{value}{quotes[1:]}" if quotes else repr(value)
        description = describe_container(value, quoted_value)
    message = f"{description} is not a calendar year"
    raise validation_error(message, "write a year such as 2030")


class FieldReader:
    """Base class of annotations that define how pydantic reads, writes and describes a type."""

    def read(self, value: Any) -> Any:
        """Convert a value of a scenario file to the value of the field.

        Raises PydanticCustomError, created by :func:`validation_error`.
        """
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """Convert the value of the field to the form used in scenario files."""
        return value.to_file_value()

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what :meth:`read` accepts."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, _type: Any, _handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            metadata={"pydantic_js_functions": [lambda _schema, _handler: self.json_schema()]},
            serialization=core_schema.plain_serializer_function_ser_schema(self.write),
        )


@dataclass(frozen=True)
class NamesOrKeyword(FieldReader):
    """Reader of a list of names, or of a keyword that stands for all of them."""

    keyword: Literal["all", "any"]
    read_name: Callable[[Any], str] | None = None  #: Check of a name; None if any text is valid.

    def read(self, value: Any) -> tuple[str, ...] | None:
        """Return the names as a tuple, or None if the value is the keyword or None.

        Raises PydanticCustomError for other values and for names that ``read_name`` refuses.
        """
        if value is None or value == self.keyword:
            return None
        if isinstance(value, str):
            message = f"a list or the word '{self.keyword}' is expected here, not '{value}'"
            raise validation_error(message, "write {value}".format(value=f"[{value}]"))
        if not isinstance(value, (list, tuple)):
            raise validation_error(f"a list or the word '{self.keyword}' is expected here")
        faults: list[PartFault] = []
        for position, name in enumerate(value):
            try:
                if self.read_name is not None and name != UNREADABLE_TEXT:
                    self.read_name(name)
                elif not isinstance(name, str):
                    message = f"'{str(name).lower()}' is not a text"
                    raise validation_error("nothing is not a text" if name is None else message)
            except PydanticCustomError as error:
                faults += faults_under_step(error, position)
        if faults:
            raise combined_error(faults)
        return tuple(value)

    def write(self, value: tuple[str, ...] | None) -> str | list[str]:
        """Return the names as a list, or the keyword for None."""
        return self.keyword if value is None else list(value)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema that accepts the keyword or a list of strings."""
        return {"anyOf": [{"const": self.keyword}, {"type": "array", "items": {"type": "string"}}]}


UNREADABLE_TEXT = "\0"
"""Placeholder for an id or a text that is faulty; see :mod:`models.files.fault_recovery`."""
VALUES_ONLY_CONTEXT: dict[str, Any] = {"left_out": ("order", "sum")}
"""Validation context in which only single values are checked."""
WITHOUT_SUMS_CONTEXT: dict[str, Any] = {"left_out": ("sum",)}
"""Validation context in which shares need not add up to 1."""


def skips_check(check: Literal["order", "sum"], info: ValidationInfo) -> bool:
    """Return whether the validation context switches off a check.

    The check ``order`` compares the fields of an item with each other; ``sum`` adds up the shares
    of one field.
    """
    return check in (info.context or {}).get("left_out", ())


def sum_faults(shares: Iterable[float], description: str) -> list[PartFault]:
    """Return a list with one fault if the shares do not add up to 1 (within 1e-6), else empty.

    The list is also empty if a share is NaN. ``description`` names the shares in the message.
    """
    sum_of_shares = math.fsum(shares)
    if not abs(sum_of_shares - 1) > 1e-6:
        return []
    message = f"{description} adds up to {sum_of_shares:.10g}, not 1"
    hint = f"{sum_of_shares - 1:.6g} too much"
    return [((), message, f"{1 - sum_of_shares:.6g} is missing" if sum_of_shares < 1 else hint)]


def sums_to_one(
    *field_names: str, description: str = "", share_field: str = "", allow_empty: bool = False
) -> Any:
    """Return a pydantic validator that requires the shares in each of some fields to add up to 1.

    A field holds the shares as a list or as the values of a mapping. If its entries are items,
    ``share_field`` names the field of an item that holds the share. ``description`` names the
    shares in messages; ``allow_empty`` accepts an empty field.
    """

    def check(value: Any, info: ValidationInfo) -> Any:
        if value is not None and (value or not allow_empty) and not skips_check("sum", info):
            entries = value.values() if isinstance(value, dict) else value
            shares = [getattr(item, share_field) for item in entries] if share_field else entries
            if faults := sum_faults(shares, description if description else str(info.field_name)):
                raise combined_error(faults)
        return value

    return pydantic.field_validator(*field_names)(check)


def must_not_be_empty(field_name: str, message: str, hint: str) -> Any:
    """Return a pydantic validator that refuses an empty value of a field.

    ``message`` and ``hint`` are English templates that were marked with :func:`mark_translatable`.
    """

    def check(value: Any) -> Any:
        if not value:
            raise validation_error(message, hint)
        return value

    return pydantic.field_validator(field_name)(check)


def read_id(value: Any) -> str:
    """Return the id that a value of a scenario file stands for.

    Raises PydanticCustomError if it is not a text that can be an id.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        message = f"'{value}' is a number where an id is expected"
        raise validation_error(message, "write {value}".format(value=f'"{value}"'))
    if not isinstance(value, str):
        raise validation_error("an id is a text such as upper_rhine")
    if not re.fullmatch(r"[^\s.=][^.=\n]*", value):  # paths and settings (path=value) need them
        message = f"'{value}' cannot be an id"
        raise validation_error(message, "use letters, digits, - and _, and no dots or equals signs")
    return value


def read_country(value: Any) -> str:
    """Check a country code and return it.

    Raises PydanticCustomError if it does not consist of two capital letters.
    """
    if value is False:
        raise validation_error("'no' is read as false", 'write "NO" for Norway')
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2}", value):
        hint = "write a two-letter code such as DE"
        code = value.upper() if isinstance(value, str) and value.isascii() else ""
        if suggestion := countries.corrected_code(code) or (
            code if countries.is_country_code(code) else ""
        ):
            hint = f"write {suggestion}"
        raise validation_error(f"'{value}' is not an ISO 3166 country code", hint)
    return value


Stage = Literal["extraction", "processing", "recycling"]
"""Stage of a supply chain, as in the Critical Raw Materials Act."""
Country = Annotated[
    str, BeforeValidator(read_country), InSection("countries")
]  #: An ISO 3166 country code such as DE.
Id = Annotated[str, BeforeValidator(read_id)]
MaterialId = Annotated[Id, InSection("materials")]
ConsumerId = Annotated[Id, InSection("consumers")]
ProjectId = Annotated[Id, InSection("projects")]
FunderId = Annotated[Id, InSection("funders")]
VariantId = Annotated[Id, InSection("variants")]
BudgetYear = Annotated[int, BeforeValidator(read_year), InSection("later years")]
"""A calendar year as the key of a mapping."""
CountriesOrAny = Annotated[
    tuple[Annotated[str, InSection("countries")], ...] | None, NamesOrKeyword("any", read_country)
]
MaterialsOrAny = Annotated[tuple[MaterialId, ...] | None, NamesOrKeyword("any")]
NamesOrAny = Annotated[tuple[str, ...] | None, NamesOrKeyword("any")]
"""A list of names, or ``any`` (kept as None)."""
MaterialsOrAll = Annotated[tuple[MaterialId, ...] | None, NamesOrKeyword("all")]
"""Ids of materials, or ``all`` (kept as None)."""


class LocalizedText(Base):
    """A text in English, in German, or in both; a bare text serves for both."""

    en: StrictStr | None = None  #: English.
    de: StrictStr | None = None  #: German.

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_bare_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return dict.fromkeys(LANGUAGES, value)
        if isinstance(value, (Mapping, LocalizedText)):
            return value
        text = str(value).lower() if isinstance(value, bool) else str(value)
        message = f"a text is expected here, not {describe_container(value, text)}"
        hint = "write a text or {en: ..., de: ...}"
        if (
            isinstance(value, (list, tuple))
            and len(value) > 1
            and not any(map(_is_container_or_none, value))
        ):
            text = ", ".join(map(str, value))
            hint = "put a text with a comma into quotes" + f': "{text}"'
        raise validation_error(message, hint)

    @pydantic.model_serializer
    def _serialize(self) -> str | dict[str, str]:
        return self.texts if self.common_text is None else self.common_text

    @property
    def common_text(self) -> str | None:
        """The text if it is the same in all languages, else None."""
        first_text, *other_texts = (getattr(self, language) for language in LANGUAGES)
        return first_text if all(text == first_text for text in other_texts) else None

    @property
    def texts(self) -> dict[str, str]:
        """The text in each language that the file states."""
        by_language = ((language, getattr(self, language)) for language in LANGUAGES)
        return {language: text for language, text in by_language if text is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: Any) -> dict[str, Any]:
        string = {"type": "string"}
        mapping = {"type": "object", "properties": dict.fromkeys(LANGUAGES, string)}
        return {"anyOf": [string, {**mapping, "additionalProperties": False, "minProperties": 1}]}

    def in_language(self, language: str = "en") -> str:
        """Return the text in a language, else the text in another language, else an empty text."""
        texts = (getattr(self, code) for code in sorted(LANGUAGES, key=language.__ne__))
        return next(filter(None, texts), "")

    def displayed_language(self, preferred: Language) -> Language | None:
        """Return the language of the text that :meth:`in_language` returns.

        If one text serves for all languages, its language is detected from its words. None if it
        is unclear, or if there is no text.
        """
        if self.common_text is not None:
            return detect_language(self.common_text)
        stated_languages = [language for language in LANGUAGES if self.texts.get(language)]
        return preferred if preferred in stated_languages else next(iter(stated_languages), None)


def display_name(name: LocalizedText | None, fallback: str, language: str = "en") -> str:
    """Return the name of an item, or ``fallback`` (its id) if it has none."""
    return (name.in_language(language) if name else "") or fallback
