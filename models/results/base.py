"""What all results have in common."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SerializationInfo, SerializerFunctionWrapHandler

from models.base import short_repr
from models.results import ids
from models.scenario.case import Case

VOLATILE = Field(json_schema_extra={"volatile": True})
"""Marks what may differ between two runs that are the same: how long something took, and what a
manifest compares by itself."""


@dataclass(frozen=True)
class UnitMark:
    """Marks what a figure is in, where neither its type nor its name says so."""

    name: str  #: In words, or the field of the document that says it.


InMeasureUnit = Annotated[float, UnitMark("`unit`")]
"""In the unit of the scenario's measure, which ``unit`` of the document names."""
Money = Annotated[float, UnitMark("million EUR")]  #: Money in a field whose name does not say so.
VariedNumber = Annotated[
    float, UnitMark("`varied_unit`")
]  #: In the unit of the number that is varied.
PerVariedUnit = Annotated[float, UnitMark("`unit` per `varied_unit`")]
"""What a unit more of the number that is varied brings."""
UnboundedShare = Annotated[
    float, UnitMark("share")
]  #: A share that may be above 1 or below 0, such as a gap.
Seconds = Annotated[float, Field(ge=0), VOLATILE, UnitMark("s")]  #: Wall time.
Versions = Annotated[dict[str, str], VOLATILE]
"""Versions of the project and of what it rests on, by name."""
SHARE_TOLERANCE = 1e-6
Share = Annotated[float, Field(ge=-SHARE_TOLERANCE, le=1 + SHARE_TOLERANCE), UnitMark("share")]
"""A share or a probability, to the rounding of a solver."""
Measure = Literal["damage", "tonnes", "share_of_demand"]  #: What is counted.
Status = Literal["optimal", "limit", "infeasible", "none"]  #: How a solve ended.
Completion = Literal["complete", "interrupted"]  #: Whether the user stopped it.
SEAL_FIELD = "document_sha256"  #: The field that holds it, at the top of the document.


def compute_seal(document: Any) -> str:
    """SHA-256 of a document in JSON without its seal.

    Neither the order of keys, nor blanks, nor whether a whole number is written 1 or 1.0 counts, so
    that other programs may write the document anew.
    """
    return canonical_hash(
        _normalize_numbers({key: value for key, value in document.items() if key != SEAL_FIELD})
    )


def canonical_hash(content: Any) -> str:
    """SHA-256 of a content in canonical JSON: keys sorted, no blanks, UTF-8."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _normalize_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normalize_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normalize_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Result(BaseModel):
    """Base of all results: frozen, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    __repr__ = __str__ = short_repr


class JsonDocument(Result):
    """A result that stands by itself as a JSON document, and says of what kind it is."""

    schema_version: Literal[1] = 1  #: Version of this format.
    kind: str  #: What this document is.


class SealedDocument(JsonDocument):
    """One that is sealed when it is written.

    The scenario comes last in a document that carries it, since it is the longest by far.
    """

    @pydantic.model_serializer(mode="wrap")
    def _serialize_sealed(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if "scenario" in content:
            content["scenario"] = content.pop("scenario")
        if info.mode == "json" and info.include is None and info.exclude is None:
            content[SEAL_FIELD] = compute_seal(content)
        return content

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_seal(cls, content: Any) -> Any:
        # Whether it is right is for those to ask who have the document as it was written.
        if isinstance(content, dict) and SEAL_FIELD in content:
            return {key: value for key, value in content.items() if key != SEAL_FIELD}
        return content


class TitledDocument(SealedDocument):
    """A document that says which scenario it is of."""

    title: str  #: Title of the scenario, or the name of its file.
    variant: ids.Variant | None  #: Id of the variant, if one was applied.
    currency: str  #: Label of all amounts, as in ISO 4217; the names of fields keep ``meur``.


class ScenarioDocument(TitledDocument):
    """A document that carries the scenario it is of."""

    scenario: dict[str, Any] | None = None
    """The scenario as it was given to the solver, in JSON, nulls left out, of its variants only the
    one applied; null only in a document that something else has written."""

    @cached_property
    def case(self) -> Case | None:
        """The scenario; None in a document that does not carry it.

        Raises pydantic.ValidationError where it has been tampered with.
        """
        return None if self.scenario is None else Case.model_validate(self.scenario)


class ScenarioResult(ScenarioDocument):
    """What an analysis of one scenario found, and which scenario and versions that rests on."""

    input_sha256: str  #: SHA-256 of the scenario, as in the certificate of a plan.
    versions: Versions  #: Versions of Vorrat and of what its results rest on, by name.


class MeasuredResult(Result):
    """The head of results that speak of damage in the unit of the scenario's measure.

    It and :class:`Solved` stand before the other bases of a result, whose fields then come first.
    """

    measure: Measure  #: What is counted.
    unit: str  #: Its unit: million EUR (or the scenario's currency), t, or years of demand.
    cvar_level: Share  #: The level of the CVaR: 0.95 means the worst 5 %.


class SolveSummary(Result):
    """The head of results behind which several problems were solved."""

    states: int  #: States of the world that plans were made for.
    gap_target: UnboundedShare  #: The gap that was asked for of each problem.
    seconds: Seconds  #: Wall time.


class SearchResult(Result):
    """The head of what was sought by one solve."""

    status: Status
    """``optimal``: the gap is within its target; ``limit``: stopped with a plan; ``infeasible``:
    no plan keeps all rules; ``none``: stopped before any plan was found."""
    seconds: Seconds  #: Wall time.


class PlanDiff(Result):
    """What one plan does otherwise than another."""

    entering: tuple[ids.Project, ...]  #: Projects that are built in the other plan alone.
    leaving: tuple[ids.Project, ...]  #: Projects that are built in the first plan alone.
    moved: dict[ids.Project, tuple[ids.YearNumber, ids.YearNumber]]
    """Start years that change: from, to."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes by which what a stockpile holds at most rises or falls, where that is over 1 %."""


class InterruptibleStudy(SolveSummary, MeasuredResult, ScenarioResult):
    """An analysis that may be interrupted and then tells what it has so far."""

    ended: Completion  #: Whether all that was asked for is there; ``interrupted`` by the user otherwise.


def document_models() -> dict[str, type[JsonDocument]]:
    """The models of documents, by the kind that these state."""
    found: dict[str, type[JsonDocument]] = {}
    waiting = [JsonDocument]
    for model in waiting:
        waiting.extend(model.__subclasses__())
        kind = model.model_fields["kind"].default
        if isinstance(kind, str):
            found[kind] = model
    return found


ANY_ITEM = "*"  #: Stands in a path for every item of a list and every key of a mapping.


@cache
def volatile_paths(kind: str) -> tuple[str, ...]:
    """Paths of the volatile fields in a document of some kind: ``points.*.seconds``.

    None for a kind that is not known.
    """
    model = document_models().get(kind)
    return () if model is None else tuple(sorted(set(_walk_volatile_paths(model, (), ()))))


def without_volatile(document: Any, volatile: Sequence[str]) -> Any:
    """A document without what lies at these paths; the document itself stays as it is."""
    for path in volatile:
        document = _remove_path(document, path.split("."))
    return document


def content_hash(document: Any, volatile: Sequence[str]) -> str:
    """SHA-256 of a document without what is volatile in it, in canonical JSON."""
    return canonical_hash(without_volatile(document, volatile))


def _walk_volatile_paths(
    annotation: Any, path: tuple[str, ...], ancestors: tuple[type[Result], ...]
) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Result):
        if annotation in ancestors:
            return
        if issubclass(annotation, SealedDocument):
            yield ".".join((*path, SEAL_FIELD))  # which is of what is volatile too
        for name, field in annotation.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("volatile"):
                yield ".".join((*path, name))
            else:
                yield from _walk_volatile_paths(
                    field.annotation, (*path, name), (*ancestors, annotation)
                )
        return
    many = getattr(annotation, "__origin__", None) in (list, tuple, dict)
    for part in get_args(annotation):
        yield from _walk_volatile_paths(part, (*path, ANY_ITEM) if many else path, ancestors)


def _remove_path(document: Any, steps: Sequence[str]) -> Any:
    first, rest = steps[0], steps[1:]
    if isinstance(document, list) and first == ANY_ITEM:
        return [_remove_path(item, rest) for item in document]
    if not isinstance(document, dict):
        return document
    if not rest and first != ANY_ITEM:
        return {key: value for key, value in document.items() if key != first}
    return {
        key: _remove_path(value, rest) if first in (ANY_ITEM, key) else value
        for key, value in document.items()
    }
