"""ZIP files that others have packed, such as workbooks, bounded before anything reads them.

What the directory of an archive says of sizes may be a lie, a few kilobytes can unpack to
gigabytes, and XML can define entities that multiply. So all parts are unpacked once, a piece at a
time, and counted. An archive that passes is what its directory says it is.
"""

import copy
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from xml.parsers import expat

_CHUNK_BYTES = 1 << 18
_ENTRY_SIGNATURE = b"PK\x01\x02"
_ROW_TAG = re.compile(rb"<(?:\w+:)?(?:row|si)\b")
_NON_CELL_TAG = re.compile(rb"<(?!/?(?:\w+:)?(?:row|c|v|f|is|si|r|t)\b)")
_MAX_ATTRIBUTES_PER_TAG = 12  #: How many attributes tags have on average, at most.


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold: parts, bytes in all, and times its own size.

    ``tags`` bounds the tags of a part (``<`` is counted) and their attributes, since each becomes
    an object. Parts whose names begin with one of ``tables`` are read row by row: they may have
    thirty times as many tags, of which half of ``tags`` may stand in one row, and ``tags`` outside
    of cells.
    """

    max_parts: int
    max_unpacked: int
    max_ratio: int
    max_tags: int | None = None
    table_prefixes: tuple[str, ...] = ()


class ArchiveRefused(Exception):
    """An archive that is more than it may be; ``size`` is what it unpacks to, at least."""

    def __init__(self, problem: str, size: int = 0) -> None:
        self.problem = problem
        """``size``, ``parts``, ``tags``, ``entities`` or ``sizes`` (which are not as stated)."""
        self.size = size
        super().__init__(problem)


def check_archive(raw: bytes, limits: ArchiveLimits) -> None:
    """Refuse an archive beyond the bounds, one that lies, and XML that declares entities.

    Raises Unpacking, or zipfile.BadZipFile where it is no archive or damaged.
    """
    if raw.count(_ENTRY_SIGNATURE) > limits.max_parts:
        raise ArchiveRefused("parts")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            entries = packed.infolist()
            if len(entries) > limits.max_parts:
                raise ArchiveRefused("parts")
            limit = min(limits.max_unpacked, limits.max_ratio * len(raw) + 1_000_000)
            stated = sum(entry.file_size for entry in entries)
            if stated > limit:
                raise ArchiveRefused("size", stated)
            if len({entry.filename for entry in entries}) < len(entries):
                raise zipfile.BadZipFile("two parts of one name")
            for entry in entries:
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise zipfile.BadZipFile("compression")
                if _measure_unpacked(packed, entry, limit, limits) != entry.file_size:
                    raise ArchiveRefused("sizes")
                limit -= entry.file_size
    except (ValueError, OSError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        # What zipfile and zlib say of damaged and of encrypted parts.
        raise zipfile.BadZipFile(str(error)) from None


def _measure_unpacked(
    packed: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, limits: ArchiveLimits
) -> int:
    """How much a part unpacks to, whatever the directory states; it is not kept."""
    endless = copy.copy(entry)
    endless.file_size = limit + 1
    size = 0
    tags = None
    if limits.max_tags is not None:
        tags = _TagCounter(
            limits.max_tags, is_table=entry.filename.lstrip("/").startswith(limits.table_prefixes)
        )
    with packed.open(endless) as part:
        while piece := part.read(_CHUNK_BYTES):
            size += len(piece)
            if size > limit:
                raise ArchiveRefused("size", size)
            if tags is not None:
                tags.feed(piece)
    return size


class _TagCounter:
    """Counts the tags of a part, and refuses entities, which only the prolog can declare.

    The prolog is read as XML up to the first element; what is no XML has none.
    """

    def __init__(self, limit: int, is_table: bool) -> None:
        self.limit = limit
        self.is_table = is_table
        self.total = self.outside_cells = self.in_row = self.attributes = 0
        self._in_prolog = True
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._on_declaration
        self._parser.StartElementHandler = self._on_declaration

    def _on_declaration(self, *about: object) -> None:
        if len(about) > 2:  # a document type, of which more is said than of an element
            raise ArchiveRefused("entities")
        self._in_prolog = False

    def feed(self, chunk: bytes) -> None:
        """More of the part."""
        for start in range(0, len(chunk), 4096):
            if not self._in_prolog:
                break
            try:
                self._parser.Parse(chunk[start : start + 4096], False)
            except expat.ExpatError:
                self._in_prolog = False
        # UTF-16 has a zero in each sign, and no patterns of bytes.
        chunk = chunk.replace(b"\0", b"")
        self.total += chunk.count(b"<")
        self.attributes += chunk.count(b'="') + chunk.count(b"='")
        if self.attributes > _MAX_ATTRIBUTES_PER_TAG * (self.total + 500):
            raise ArchiveRefused("tags")
        if self.is_table:
            first, *rows = _ROW_TAG.split(chunk)
            for number, row in enumerate((first, *rows)):
                self.in_row = row.count(b"<") + (0 if number else self.in_row)
                if self.in_row > self.limit // 2:
                    raise ArchiveRefused("tags")
            self.outside_cells += len(_NON_CELL_TAG.findall(chunk))
        if (
            self.total > self.limit * (30 if self.is_table else 1)
            or self.outside_cells > self.limit
        ):
            raise ArchiveRefused("tags")
