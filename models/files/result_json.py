"""Reading of saved results in JSON, with bounds on size, number of values and nesting, and checks
of ZIP archives before they are opened.

The directory of an archive may state wrong sizes, a few kilobytes can unpack to gigabytes, and XML
can define entities that expand exponentially. Therefore every part is unpacked once, in chunks, and
its bytes are counted. In an archive that passes, the stated sizes are correct.

The module ``json`` accepts more than the format allows: NaN and infinity, and duplicate keys, of
which some programs take the first and others the last. All of these are refused.
"""

import copy
import io
import json
import math
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from models.faults import ScenarioError, SourceLocation
from models.files.decoding import find_unprintable, read_bytes

_CHUNK_BYTES = 1 << 18
_ENTRY_SIGNATURE = b"PK\x01\x02"
_ROW_TAG = re.compile(rb"<(?:\w+:)?(?:row|si)\b")
_NON_CELL_TAG = re.compile(rb"<(?!/?(?:\w+:)?(?:row|c|v|f|is|si|r|t)\b)")
_MAX_ATTRIBUTES_PER_TAG = 12  #: Bound on the mean number of attributes of a tag.


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits on an archive: number of parts, unpacked bytes, and ratio of unpacked to packed size.

    ``max_tags`` limits the XML tags of a part (counted as ``<``) and their attributes, since each
    becomes an object. Parts whose names begin with one of ``table_prefixes`` are read row by row:
    they may have thirty times as many tags, but at most half of ``max_tags`` in one row, and at
    most ``max_tags`` outside of cells.
    """

    max_parts: int
    max_unpacked: int
    max_ratio: int
    max_tags: int | None = None
    table_prefixes: tuple[str, ...] = ()


class ArchiveRefused(Exception):
    """Error raised for a refused archive; ``size`` is the unpacked size in bytes if known."""

    def __init__(self, problem: str, size: int = 0) -> None:
        self.problem = problem
        """``size``, ``parts``, ``tags``, ``entities``, or ``sizes`` that are not as stated."""
        self.size = size
        super().__init__(problem)


def check_archive(raw: bytes, limits: ArchiveLimits) -> None:
    """Check that an archive keeps its limits, states correct sizes and declares no XML entities.

    Raises ArchiveRefused if it does not, or zipfile.BadZipFile if the archive is damaged or not a
    ZIP file.
    """
    if raw.count(_ENTRY_SIGNATURE) > limits.max_parts:
        raise ArchiveRefused("parts")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > limits.max_parts:
                raise ArchiveRefused("parts")
            limit = min(limits.max_unpacked, limits.max_ratio * len(raw) + 1_000_000)
            stated_size = sum(entry.file_size for entry in entries)
            if stated_size > limit:
                raise ArchiveRefused("size", stated_size)
            if len({entry.filename for entry in entries}) < len(entries):
                raise zipfile.BadZipFile("two parts of one name")
            for entry in entries:
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise zipfile.BadZipFile("compression")
                if _measure_unpacked(archive, entry, limit, limits) != entry.file_size:
                    raise ArchiveRefused("sizes")
                limit -= entry.file_size
    except (ValueError, OSError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        # These are what zipfile and zlib raise for damaged and encrypted parts.
        raise zipfile.BadZipFile(str(error)) from None


def _measure_unpacked(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, limits: ArchiveLimits
) -> int:
    """Unpack a part and return its size in bytes, ignoring the size stated in the directory.

    Raises ArchiveRefused if the size exceeds ``limit``, or the tags exceed ``limits``.
    """
    unbounded_entry = copy.copy(entry)
    unbounded_entry.file_size = limit + 1
    size = 0
    tag_counter = None
    if limits.max_tags is not None:
        tag_counter = _TagCounter(
            limits.max_tags, is_table=entry.filename.lstrip("/").startswith(limits.table_prefixes)
        )
    with archive.open(unbounded_entry) as part:
        while chunk := part.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise ArchiveRefused("size", size)
            if tag_counter is not None:
                tag_counter.feed(chunk)
    return size


class _TagCounter:
    """Counter of the XML tags of a part; it also refuses XML entities.

    Entities can be declared only in the prolog, which is parsed as XML up to the first element.
    """

    def __init__(self, max_tags: int, is_table: bool) -> None:
        self.max_tags = max_tags
        self.is_table = is_table
        self.total = self.outside_cells = self.in_row = self.attributes = 0
        self._in_prolog = True
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._on_declaration
        self._parser.StartElementHandler = self._on_declaration

    def _on_declaration(self, *arguments: object) -> None:
        if len(arguments) > 2:  # a document type; the handler of elements gets two arguments
            raise ArchiveRefused("entities")
        self._in_prolog = False

    def feed(self, chunk: bytes) -> None:
        """Count the tags of the next chunk.

        Raises ArchiveRefused for too many tags or a document type declaration.
        """
        for start in range(0, len(chunk), 4096):
            if not self._in_prolog:
                break
            try:
                self._parser.Parse(chunk[start : start + 4096], False)
            except expat.ExpatError:
                self._in_prolog = False
        # In UTF-16 the patterns of bytes match only without the zero bytes.
        chunk = chunk.replace(b"\0", b"")
        self.total += chunk.count(b"<")
        self.attributes += chunk.count(b'="') + chunk.count(b"='")
        if self.attributes > _MAX_ATTRIBUTES_PER_TAG * (self.total + 500):
            raise ArchiveRefused("tags")
        if self.is_table:
            for index, row in enumerate(_ROW_TAG.split(chunk)):
                self.in_row = row.count(b"<") + (0 if index else self.in_row)
                if self.in_row > self.max_tags // 2:
                    raise ArchiveRefused("tags")
            self.outside_cells += len(_NON_CELL_TAG.findall(chunk))
        if (
            self.total > self.max_tags * (30 if self.is_table else 1)
            or self.outside_cells > self.max_tags
        ):
            raise ArchiveRefused("tags")


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
