"""The seal of a document: a hash of its content, by which a reader sees whether it was changed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

SEAL = "document_sha256"
"""The field that holds it, at the top of the document."""


def seal_of(document: Any) -> str:
    """SHA-256 of a document in JSON without its seal.

    Neither the order of keys, nor blanks, nor whether a whole number is written 1 or 1.0 counts, so
    that other programs may write the document anew.
    """
    return hash_of(_plain({key: value for key, value in document.items() if key != SEAL}))


def hash_of(content: Any) -> str:
    """SHA-256 of a content in canonical JSON: keys sorted, no blanks, UTF-8."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
