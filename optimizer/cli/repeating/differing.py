"""What differs between the outputs of a run and those of the same run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.files.json_document import NotPlainError, parse_json
from models.results.manifest import FirstDifference, Manifest, ManifestOutput
from models.results.volatile import content_hash, content_of

LONGEST = 200
"""Characters of a value that are shown."""
ABSENT = object()


@dataclass
class Compared:
    """What a comparison of all outputs found."""

    same: int = 0
    differing: int = 0
    first: FirstDifference | None = None
    equally_good: bool | None = None
    changed_since: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """How many were compared."""
        return self.same + len(self._different)

    def __post_init__(self) -> None:
        self._different: set[str] = set()

    def differs(self, output: str, path: str, then: Any, now: Any) -> None:
        """Take note of a value that differs."""
        self.differing += 1
        self._different.add(output)
        if self.first is None:
            self.first = FirstDifference(
                output=output,
                path=path,
                then=_shown(then),
                now=_shown(now),
                relative=_relative(then, now),
            )


def compare(manifest: Manifest, before: Path, after: Path) -> Compared:
    """Compare the outputs in a folder with those that a manifest lists, which lie in another.

    An output that is not there any more as it was written is compared by its hash alone.
    """
    found = Compared()
    changed: list[str] = []
    for output in manifest.outputs:
        old = content(before / output.path, output.size)
        if old is None or _sha256(old) != output.sha256:
            changed.append(output.path)
            old = None
        new = content(after / output.path)
        if new is None:
            found.differs(output.path, "", output.sha256, None)
        elif output.volatile == ("*",):
            found.not_compared += (output.path,)
        elif output.content_sha256 is None:
            _whole(output, new, found)
        else:
            _document(output, old, new, found)
    found.changed_since = tuple(changed)
    return found


def content(path: Path, size: int | None = None) -> bytes | None:
    """A file; None where there is none that can be read, or one of another size in bytes."""
    try:
        if not path.is_file() or size not in (None, path.stat().st_size):
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _whole(output: ManifestOutput, new: bytes, found: Compared) -> None:
    if _sha256(new) == output.sha256:
        found.same += 1
    else:
        found.differs(output.path, "", output.sha256, _sha256(new))


def _document(output: ManifestOutput, old: bytes | None, new: bytes, found: Compared) -> None:
    now = json.loads(new)
    own = content_hash(now, output.volatile)
    if own == output.content_sha256:
        found.same += 1
        return
    try:
        then = None if old is None else parse_json(old)
    except NotPlainError:
        then = None  # A manifest may call anything a document.
    if then is None:
        found.differs(output.path, "", output.content_sha256, own)
        return
    contents = (content_of(then, output.volatile), content_of(now, output.volatile))
    for path, one, other in _differences(*contents, ()):
        found.differs(output.path, path, one, other)
    if found.equally_good is None:
        found.equally_good = equally_good(then, now)


def _differences(then: Any, now: Any, at: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            pair = (then.get(key, ABSENT), now.get(key, ABSENT))
            yield from _differences(*pair, (*at, str(key)))
    elif isinstance(then, list) and isinstance(now, list):
        for n in range(max(len(then), len(now))):
            one, other = (items[n] if n < len(items) else ABSENT for items in (then, now))
            yield from _differences(one, other, (*at, str(n)))
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield ".".join(at), then, now


def equally_good(then: Any, now: Any) -> bool | None:
    """Whether two plans both lie within their gap of the best that either of them proves."""
    proofs = [
        document.get("certificate") if isinstance(document, dict) else None
        for document in (then, now)
    ]
    found: list[tuple[float, float, float]] = []
    for proof in proofs:
        if not isinstance(proof, dict):
            return None
        proven: list[Any] = [proof.get(name) for name in ("objective", "bound", "gap_target")]
        if not all(isinstance(number, (int, float)) for number in proven):
            return None
        found.append((proven[0], proven[1], proven[2]))
    best = max(bound for _, bound, _ in found)
    return all(value - best <= gap * max(abs(value), 1e-6) for value, _, gap in found)


def _shown(value: Any) -> Any:
    """A value as a result can hold it: whole, unless it is long."""
    if value is ABSENT:
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _relative(then: Any, now: Any) -> float | None:
    both = (then, now)
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in both):
        return None
    largest = max(abs(value) for value in both)
    return abs(then - now) / largest if largest else 0.0


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
