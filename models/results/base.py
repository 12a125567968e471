"""Base models and types of all results, ids and years among them, and hashes of documents."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler

from models.base import short_repr
from models.field_marks import InSection
from models.scenario.case import Case

Project = Annotated[str, InSection("projects")]
Stockpile = Annotated[str, InSection("stockpiles")]
Funder = Annotated[str, InSection("funders")]
Instrument = Annotated[str, InSection("instruments")]
Material = Annotated[str, InSection("materials")]
Consumer = Annotated[str, InSection("consumers")]
Variant = Annotated[str, InSection("variants")]
Assumptions = Annotated[str, InSection("assumptions")]
Hazard = Annotated[str, InSection("hazards")]
HorizonYear = Annotated[str, InSection("years")]
YearNumber = Annotated[int, InSection("years")]
Year = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]  #: It may lie outside the horizon.
ByYear = dict[HorizonYear, float]  #: A figure for each year of the horizon.


VOLATILE = Field(json_schema_extra={"volatile": True})
"""Marks fields that may differ between two equal runs, such as wall time, and versions, which a
manifest compares separately."""


@dataclass(frozen=True)
class UnitMark:
    """Mark with the unit of a figure, if neither its type nor its name says it."""

    name: str  #: The unit in words, or the field of the document that names it.


InMeasureUnit = Annotated[float, UnitMark("`unit`")]
"""In the unit of the scenario's measure, which ``unit`` of the document names."""
Money = Annotated[float, UnitMark("million EUR")]  #: Money in a field whose name does not say so.
VariedNumber = Annotated[float, UnitMark("`varied_unit`")]  #: In the unit of the varied number.
PerVariedUnit = Annotated[float, UnitMark("`unit` per `varied_unit`")]
"""Figure of damage per unit of the varied number."""
UnboundedShare = Annotated[
    float, UnitMark("share")
]  #: A share that may be above 1 or below 0, such as a gap.
Seconds = Annotated[float, Field(ge=0), VOLATILE, UnitMark("s")]  #: Wall time.
Versions = Annotated[dict[str, str], VOLATILE]
"""Versions of Vorrat and of the libraries it uses, by name."""
SHARE_TOLERANCE = 1e-6
Share = Annotated[float, Field(ge=-SHARE_TOLERANCE, le=1 + SHARE_TOLERANCE), UnitMark("share")]
"""A share or a probability, to the rounding of a solver."""
Measure = Literal["damage", "tonnes", "share_of_demand"]  #: Measure of damage.
Status = Literal["optimal", "limit", "infeasible", "none"]  #: How a solve ended.
Completion = Literal["complete", "interrupted"]  #: Whether the user stopped an analysis.


def canonical_hash(content: Any) -> str:
    """Return the SHA-256 of a content in canonical JSON: sorted keys, no white space, UTF-8."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Result(BaseModel):
    """Base class of all results: immutable; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    __repr__ = __str__ = short_repr


class JsonDocument(Result):
    """A result that forms a complete JSON document and states its kind."""

    schema_version: Literal[1] = 1  #: Version of this format.
    kind: str  #: Kind of this document.


class TitledDocument(JsonDocument):
    """A document with the title, variant and currency of its scenario."""

    title: str  #: Title of the scenario, or the name of its file.
    variant: Variant | None  #: Id of the applied variant; null without one.
    currency: str  #: ISO 4217 code of the currency of all amounts.


class ScenarioDocument(TitledDocument):
    """A document that contains the scenario from which it was computed.

    The scenario comes last in the written document, since it is by far the longest part.
    """

    scenario: dict[str, Any] | None = None
    """Scenario as given to the solver; null only if another program wrote the document."""

    @cached_property
    def case(self) -> Case | None:
        """The scenario; None in a document that does not contain it."""
        return None if self.scenario is None else Case.model_validate(self.scenario)

    @pydantic.model_serializer(mode="wrap")
    def _serialize_scenario_last(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if "scenario" in content:
            content["scenario"] = content.pop("scenario")
        return content


class ScenarioResult(ScenarioDocument):
    """A result of an analysis of one scenario, with the hash of its input and versions."""

    input_sha256: str  #: SHA-256 of the scenario, as in a plan's certificate.
    versions: Versions  #: Versions of Vorrat and its libraries, by name.


class MeasuredResult(Result):
    """The first fields of results that state damage in the unit of the scenario's measure.

    This class and :class:`SolveSummary` are the first bases of a result, so that their fields come
    first.
    """

    measure: Measure  #: ``objective.measure`` of the scenario.
    unit: str  #: Unit of the measure.
    cvar_level: Share  #: Level of the CVaR; 0.95 means the worst 5 % of states.


class SolveSummary(Result):
    """The first fields of results that needed the solution of several problems."""

    states: int  #: Number of states for which plans were made.
    gap_target: UnboundedShare  #: Relative gap that was requested.
    seconds: Seconds  #: Wall time.


class SearchResult(Result):
    """The first fields of a result of one solve."""

    status: Status
    """``optimal``: the gap is within its target; ``limit``: a limit stopped the solve after a plan
    was found; ``infeasible``: no plan satisfies all rules; ``none``: the solve stopped without a
    plan."""
    seconds: Seconds  #: Wall time.


class PlanDiff(Result):
    """The difference between two plans: what the second plan starts, omits or moves."""

    entering: tuple[Project, ...]  #: Projects that only the second plan builds.
    leaving: tuple[Project, ...]  #: Projects that only the first plan builds.
    moved: dict[Project, tuple[YearNumber, YearNumber]]
    """Projects with different start years: first plan, then second plan."""
    stocks_t: dict[Stockpile, float]
    """Largest planned stock of each stockpile: second plan minus first; only changes above 1 %."""


class InterruptibleStudy(SolveSummary, MeasuredResult, ScenarioResult):
    """The result of an analysis that may be interrupted; it then holds what was computed so far."""

    ended: Completion  #: ``interrupted`` if the user stopped the analysis before its end.


def document_models() -> dict[str, type[JsonDocument]]:
    """Return the model of each kind of document, by ``kind``."""
    models_by_kind: dict[str, type[JsonDocument]] = {}
    pending_models = [JsonDocument]
    for model in pending_models:
        pending_models.extend(model.__subclasses__())
        kind = model.model_fields["kind"].default
        if isinstance(kind, str):
            models_by_kind[kind] = model
    return models_by_kind


ANY_ITEM = "*"  #: Step of a path that means every item of a list and every key of a mapping.


@cache
def volatile_paths(kind: str) -> tuple[str, ...]:
    """Return the paths of the volatile fields of a kind of document: ``points.*.seconds``.

    Empty for an unknown kind.
    """
    model = document_models().get(kind)
    return () if model is None else tuple(sorted(set(_walk_volatile_paths(model, (), ()))))


def without_volatile(document: Any, volatile: Sequence[str]) -> Any:
    """Return a copy of a document without the values at the paths ``volatile``."""
    for path in volatile:
        document = _remove_path(document, path.split("."))
    return document


def content_hash(document: Any, volatile: Sequence[str]) -> str:
    """Return the SHA-256 of a document without its volatile values, in canonical JSON."""
    return canonical_hash(without_volatile(document, volatile))


def _walk_volatile_paths(
    annotation: Any, path: tuple[str, ...], ancestors: tuple[type[Result], ...]
) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Result):
        if annotation in ancestors:
            return
        for name, field in annotation.model_fields.items():
            schema_extra = field.json_schema_extra
            if isinstance(schema_extra, dict) and schema_extra.get("volatile"):
                yield ".".join((*path, name))
            else:
                yield from _walk_volatile_paths(
                    field.annotation, (*path, name), (*ancestors, annotation)
                )
        return
    is_collection = getattr(annotation, "__origin__", None) in (list, tuple, dict)
    for argument in get_args(annotation):
        yield from _walk_volatile_paths(
            argument, (*path, ANY_ITEM) if is_collection else path, ancestors
        )


def _remove_path(document: Any, steps: Sequence[str]) -> Any:
    step, remaining_steps = steps[0], steps[1:]
    if isinstance(document, list) and step == ANY_ITEM:
        return [_remove_path(item, remaining_steps) for item in document]
    if not isinstance(document, dict):
        return document
    if not remaining_steps and step != ANY_ITEM:
        return {key: value for key, value in document.items() if key != step}
    return {
        key: _remove_path(value, remaining_steps) if step in (ANY_ITEM, key) else value
        for key, value in document.items()
    }
