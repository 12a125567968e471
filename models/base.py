"""What all parts of a scenario are made of: the base model, faults, years, ids and texts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictStr,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models.language import language, tr


class Base(BaseModel):
    """Base of all models: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def fault(message: str, hint: str = "", at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """An error that pydantic reports at the value's place, with a hint of what would be right.

    ``at`` leads on from there to the part that is meant.
    """
    return PydanticCustomError(
        "scenario", "{message}", {"message": message, "hint": hint, "at": at}
    )


def faults_together(faults: list[tuple[tuple[str | int, ...], str, str]]) -> PydanticCustomError:
    """Several faults of one value, each with the steps that lead to its part.

    The step ``[key]`` at the end means the key itself, as it does for pydantic.
    """
    at, message, hint = faults[0]
    return PydanticCustomError(
        "scenario", "{message}", {"message": message, "hint": hint, "at": at, "faults": faults}
    )


def relocated(error: PydanticCustomError, step: str | int) -> list[tuple[Any, str, str]]:
    """The faults of a part, told from the whole: steps, message and hint of each."""
    about: dict[str, Any] = error.context or {}
    found = about.get("faults") or [(about.get("at", ()), about["message"], about["hint"])]
    return [((step, *at), message, hint) for at, message, hint in found]


def shape_of_value(value: Any, shown: str) -> str:
    """What a value is called in a message: a mapping, a list, or as it is shown."""
    if isinstance(value, Mapping):
        return tr("a mapping")
    return tr("a list") if isinstance(value, (list, tuple)) else shown


def read_year(value: Any) -> int:
    """A calendar year from a key or a value of a scenario file."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value):
        return int(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value):
        raise _no_year(shape_of_value(value, _quoted(value)))
    if not 0 <= value <= 9999:
        raise _no_year(f"{value:g}")
    return int(value)


def _quoted(value: Any) -> str:
    german = isinstance(value, str) and language() == "de"
    return f"„{value}“" if german else repr(value)


def _no_year(shown: str) -> PydanticCustomError:
    message = tr("{shown} is not a calendar year", shown=shown)
    return fault(message, tr("write a year such as 2030"))


class Reader:
    """Marks a type whose values pydantic is to read, to write and to describe by these methods."""

    def read(self, value: Any) -> Any:
        """The value that something in a file stands for; raises what :func:`fault` gives."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """The value as a scenario file writes it."""
        return value.written()

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of what is read."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(
        self, source_type: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            metadata={"pydantic_js_functions": [lambda _schema, _handler: self.json_schema()]},
            serialization=core_schema.plain_serializer_function_ser_schema(self.write),
        )


@dataclass(frozen=True)
class Choice(Reader):
    """Reads a list of names, or the word that means every one of them."""

    word: Literal["all", "any"]

    def read(self, value: Any) -> tuple[str, ...] | None:
        """The names, or None for every one."""
        if value is None or value == self.word:
            return None
        if isinstance(value, str):
            about = {"word": self.word, "value": value}
            message = tr("a list or the word '{word}' is expected here, not '{value}'", **about)
            raise fault(message, tr("write {value}", value=f"[{value}]"))
        if not isinstance(value, (list, tuple)):
            raise fault(tr("a list or the word '{word}' is expected here", word=self.word))
        for position, name in enumerate(value):
            if name is None:
                raise fault(tr("nothing is not a text"), at=(position,))
            if not isinstance(name, str):
                message = tr("'{value}' is not a text", value=str(name).lower())
                raise fault(message, at=(position,))
        return tuple(value)

    def write(self, value: tuple[str, ...] | None) -> str | list[str]:
        """The names as a list, or the word."""
        return self.word if value is None else list(value)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema: the word, or a list of texts."""
        return {"anyOf": [{"const": self.word}, {"type": "array", "items": {"type": "string"}}]}


BareYear = Annotated[int, BeforeValidator(read_year)]
"""A calendar year as the key of a mapping."""
AllOf = Annotated[tuple[str, ...] | None, Choice("all")]
"""A list of names, or ``all`` (kept as None)."""
AnyOf = Annotated[tuple[str, ...] | None, Choice("any")]
"""A list of names, or ``any`` (kept as None)."""


UNREADABLE_TEXT = "\0"
"""Stands in for an id or a text that could not be read; see :mod:`models.files.partial`."""
VALUES_ONLY: dict[str, Any] = {"left_out": ("order", "sum")}
"""The context in which every value is checked by itself alone."""
WITHOUT_SUMS: dict[str, Any] = {"left_out": ("sum",)}
"""The context in which shares need not add up."""


def left_out(check: Literal["order", "sum"], info: ValidationInfo) -> bool:
    """Whether a check is left out: of the fields of an item, or of sums within one field."""
    return check in (info.context or {}).get("left_out", ())


def _read_id(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        message = tr("'{value}' is a number where an id is expected", value=value)
        raise fault(message, tr("write {value}", value=f'"{value}"'))
    if not isinstance(value, str):
        raise fault(tr("an id is a text such as upper_rhine"))
    if not re.fullmatch(r"[^\s.][^.\n]*", value):
        message = tr("'{value}' cannot be an id", value=value)
        raise fault(message, tr("use letters, digits, - and _, and no dots"))
    return value


def read_country(value: Any) -> str:
    """A country code."""
    if value is False:
        raise fault(tr("'no' is read as false"), tr('write "NO" for Norway'))
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2,3}", value):
        hint = tr("write a code such as DE")
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,3}", value):
            hint = tr("write {value}", value=value.upper())
        raise fault(tr("'{value}' is not an ISO 3166 country code", value=value), hint)
    return value


Stage = Literal["extraction", "processing", "recycling"]
"""Stage of a supply chain, as the Critical Raw Materials Act tells them apart."""
Id = Annotated[str, BeforeValidator(_read_id)]
Country = Annotated[str, BeforeValidator(read_country)]
"""An ISO 3166 country code such as DE."""


class Text(Base):
    """A text in English, in German, or in both; a bare text serves for both."""

    en: StrictStr | None = None
    """English."""
    de: StrictStr | None = None
    """German."""

    @model_validator(mode="before")
    @classmethod
    def _from_bare_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"en": value, "de": value}
        if isinstance(value, (Mapping, Text)):
            return value
        shown = shape_of_value(value, str(value).lower() if isinstance(value, bool) else str(value))
        message = tr("a text is expected here, not {shown}", shown=shown)
        raise fault(message, tr("write a text or {en: ..., de: ...}"))

    @model_serializer
    def _written(self) -> str | dict[str, str]:
        if self.en is not None and self.en == self.de:
            return self.en
        return {k: v for k, v in (("en", self.en), ("de", self.de)) if v is not None}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        string = {"type": "string"}
        both = {"type": "object", "properties": {"en": string, "de": string}}
        return {"anyOf": [string, {**both, "additionalProperties": False, "minProperties": 1}]}

    def read(self, language: str = "en") -> str:
        """The text in a language, or in the other where only that was given."""
        first, second = (self.de, self.en) if language == "de" else (self.en, self.de)
        return first or second or ""


def named(name: Text | None, fallback: str, language: str = "en") -> str:
    """The name of an item, or its id where it has none."""
    return (name.read(language) if name else "") or fallback
