"""Building of the document on any kind of result; the builders are imported on demand."""

from importlib import import_module
from typing import Any

from models.results import Result
from optimizer.analyses.registry import PACKAGES
from optimizer.report.document import Document


def build_result_document(result: Result, **companions: Any) -> Document:
    """Build the document on a result, in the current language.

    ``companions`` are other results that the document uses, for example the plans of a comparison.
    """
    kind = type(result).__name__.lower()
    module = import_module(f"optimizer.analyses.{PACKAGES.get(kind, kind)}.document")
    document: Document = module.build_document(result, **companions)
    return document
