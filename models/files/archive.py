"""Checks of ZIP archives that users supply, such as workbooks, before they are opened.

The directory of an archive may state wrong sizes, a few kilobytes can unpack to gigabytes, and XML
can define entities that expand exponentially. Therefore every part is unpacked once, in chunks, and
its bytes are counted. In an archive that passes, the stated sizes are correct.
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
