"""Reading of saved results in JSON, with bounds on size, number of values and nesting.

The module ``json`` accepts more than the format allows: NaN and infinity, and duplicate keys, of
which some programs take the first and others the last. All of these are refused.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from models.faults import ScenarioError, SourceLocation
from models.files.decoding import find_unprintable, read_bytes

MAX_BYTES = 200_000_000
MAX_VALUES = 10_000_000
MAX_DEPTH = 100
_TOO_DEEP = object()  #: Stands for content that is nested too deep for the parser.


class InvalidJsonError(Exception):
    """Error raised for a file that cannot be read or is not valid JSON; the message says why.

    ``readable`` is False if the file itself could not be read.
    """

    def __init__(self, message: str, readable: bool = True) -> None:
        self.readable = readable
        super().__init__(message)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. Raises InvalidJsonError if it cannot be read or parsed."""
    return parse_json(read_result_bytes(path))


def read_result_bytes(path: Path) -> bytes:
    """Return the bytes of a saved result.

    Raises InvalidJsonError if the file cannot be read.
    """
    try:
        return read_bytes(path, SourceLocation(str(path)), MAX_BYTES, "result")
    except ScenarioError as error:
        raise InvalidJsonError(error.faults[0].message, readable=False) from None


def parse_json(raw: bytes) -> Any:
    """Return the content of a text in UTF-8, UTF-16 or UTF-32.

    Raises InvalidJsonError if it is not valid JSON, or exceeds a limit on values or nesting.
    """
    if sum(raw.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise InvalidJsonError(f"it has more than {MAX_VALUES} values")
    try:
        content = json.loads(
            raw, parse_constant=_reject_constant, object_pairs_hook=_reject_duplicate_keys
        )
    except RecursionError:
        content = _TOO_DEEP
    except ValueError:
        raise InvalidJsonError("it is not JSON") from None
    _check_content(content)
    return content


def _reject_constant(name: str) -> Any:
    raise InvalidJsonError(f"{name} is no number of JSON")


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        duplicate = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise InvalidJsonError(f"the key '{duplicate[:60]}' stands twice")
    return mapping


def _check_content(content: Any) -> None:
    """Raise InvalidJsonError for deep nesting, infinite numbers and control characters.

    Works level by level, without recursion.
    """
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH or content is _TOO_DEEP:
            raise InvalidJsonError(f"it is nested deeper than {MAX_DEPTH} levels")
        children: list[Any] = []
        for value in level:
            texts = [value] if isinstance(value, str) else []
            if isinstance(value, dict):
                children.extend(value.values())
                texts = list(value)
            elif isinstance(value, list):
                children.extend(value)
            elif isinstance(value, float) and not math.isfinite(value):
                _reject_constant("1e999")
            for text in texts:
                if code := find_unprintable(text):
                    message = f"character {code} does not belong into a text"
                    raise InvalidJsonError(message)
        level = children
