"""The document of each kind of result, found by its kind and imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from models.results import Result
from optimizer.report.document import Document

MODULES = {
    "alternatives": "optimizer.analyses.alternatives.document",
    "batch": "optimizer.analyses.batch.document",
    "redaction": "optimizer.analyses.redaction.document",
    "explanation": "optimizer.analyses.explanation.document",
    "frontier": "optimizer.analyses.frontier.document",
    "comparison": "optimizer.analyses.comparison.document",
    "sensitivity": "optimizer.analyses.sensitivity.document",
    "split": "optimizer.analyses.split.document",
}
"""Modules whose function ``document`` takes a result of the kind."""


def document_of(found: Result, **beside: Any) -> Document:
    """The document of a result, in the current language; ``beside`` are results that go with it,
    by the names that its function has for them.

    Raises KeyError for a kind without one.
    """
    module = import_module(MODULES[str(getattr(found, "kind", ""))])
    document: Document = module.document(found, **beside)
    return document


def has_document(found: Result) -> bool:
    """Whether there is a document for this kind of result."""
    return getattr(found, "kind", None) in MODULES
