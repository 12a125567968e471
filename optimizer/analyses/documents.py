"""The document of each kind of result, imported when it is asked for."""

from importlib import import_module
from typing import Any

from models.results import Result
from optimizer.report.document import Document


def document_of(found: Result, **beside: Any) -> Document:
    """The document of a result, in the current language.

    ``beside`` are other results that go into it, such as the plans of a comparison.
    """
    module = import_module(f"optimizer.analyses.{type(found).__name__.lower()}.document")
    document: Document = module.document(found, **beside)
    return document
