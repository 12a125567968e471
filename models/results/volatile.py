"""What of a result may differ between two runs that are the same, and what is left without it.

The fields that are volatile are marked where they stand in the models; all else is content.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, get_args

from models.results.base import Document, Result, documents
from models.results.seal import SEAL, hash_of

EACH = "*"
"""Stands in a path for every item of a list and every key of a mapping."""


@cache
def volatile_in(kind: str) -> tuple[str, ...]:
    """Paths of the volatile fields in a document of some kind: ``points.*.seconds``.

    None for a kind that is not known.
    """
    model = documents().get(kind)
    return () if model is None else tuple(sorted(set(_paths(model, (), ()))))


def content_of(document: Any, volatile: Sequence[str]) -> Any:
    """A document without what lies at these paths; the document itself stays as it is."""
    for path in volatile:
        document = _without(document, path.split("."))
    return document


def content_hash(document: Any, volatile: Sequence[str]) -> str:
    """SHA-256 of a document without what is volatile in it, in canonical JSON."""
    return hash_of(content_of(document, volatile))


def _paths(annotation: Any, at: tuple[str, ...], inside: tuple[type[Result], ...]) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Result):
        if annotation in inside:
            return
        if issubclass(annotation, Document):
            yield ".".join((*at, SEAL))  # which is of what is volatile too
        for name, field in annotation.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("volatile"):
                yield ".".join((*at, name))
            else:
                yield from _paths(field.annotation, (*at, name), (*inside, annotation))
        return
    many = getattr(annotation, "__origin__", None) in (list, tuple, dict)
    for part in get_args(annotation):
        yield from _paths(part, (*at, EACH) if many else at, inside)


def _without(document: Any, steps: Sequence[str]) -> Any:
    first, rest = steps[0], steps[1:]
    if isinstance(document, list) and first == EACH:
        return [_without(item, rest) for item in document]
    if not isinstance(document, dict):
        return document
    if not rest and first != EACH:
        return {key: value for key, value in document.items() if key != first}
    return {
        key: _without(value, rest) if first in (EACH, key) else value
        for key, value in document.items()
    }
