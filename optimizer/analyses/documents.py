"""The document of each kind of result, found by its class and imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from models.results import Result
from optimizer.analyses.registry import ANALYSES
from optimizer.report.document import Document

MODULES = {one.model: one.document for one in ANALYSES}
"""By the class of a result, the module whose function ``document`` takes it."""


def document_of(found: Result, **beside: Any) -> Document:
    """The document of a result, in the current language.

    ``beside`` are other results that go into it, such as the plans of a comparison.

    Raises KeyError for a kind without one.
    """
    module = import_module(f"optimizer.analyses.{MODULES[type(found).__name__]}")
    document: Document = module.document(found, **beside)
    return document
