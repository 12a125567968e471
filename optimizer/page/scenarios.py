"""The scenarios that the page knows: shipped ones, files of this machine, and what was dropped."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from models.base import named
from models.faults import Fault
from models.files import Reading, presets, read_case, read_case_text
from models.files.decoding import decode
from models.files.reading import WORKBOOKS
from models.language import language, tr, using
from models.scenario.case import Case, Variant
from optimizer.page.controls import control, every_control
from optimizer.page.figures import Control
from optimizer.page.question import Question, Unasked
from optimizer.report.figures import NO_BREAK, exact

READ = 12
"""Readings that are kept if nothing else is said."""
DROPPED = 20
"""Files that one user of a server may have there at once."""
SHOWN = 3
"""Things that were moved which a title names."""


@dataclass(frozen=True)
class Source:
    """Where a scenario comes from."""

    id: str
    path: Path
    kind: str
    """``shipped``; ``own``, which variants can be saved into; ``dropped``, a copy; or ``offered``
    to all users of a server."""
    mended: tuple[str, ...] = ()
    """What was mended on the page, as ``path=value``."""

    @property
    def is_text(self) -> bool:
        """Whether it is in YAML, into which a variant can be written."""
        return self.path.suffix.lower() not in (*WORKBOOKS, ".json")


@dataclass
class Scenarios:
    """All of them, by id, and what was read of them. Those of one user of a server are those that
    are ``shared`` by all, and his own."""

    shared: Scenarios | None = None
    keep: int = READ
    """Readings that are kept."""
    found: dict[str, Source] = field(default_factory=dict)
    _read: OrderedDict[tuple[str, str | None], Reading] = field(default_factory=OrderedDict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __post_init__(self) -> None:
        if self.shared is not None:
            self.found |= self.shared.found
            return
        for name, path in presets.scenarios().items():
            self.found[name] = Source(name, path, "shipped")

    def is_shared(self, id: str) -> bool:
        """Whether all users have a scenario, as it is here."""
        return self.shared is not None and self.found.get(id) is self.shared.found.get(id)

    def add(self, path: Path, kind: str = "own") -> Source:
        """Take a file of this machine; a shipped one stays what it is."""
        whole = path.resolve()
        for known in self.found.values():
            if known.path.resolve() == whole:
                return known
        digest = hashlib.sha256(str(whole).encode()).hexdigest()[:6]
        return self._put(Source(f"{path.stem}-{digest}", path, kind))

    def drop(self, name: str, content: bytes) -> Source:
        """Take what was dropped on the page. Raises OSError where there is no room, and Unasked
        where a user of a server has dropped so much that no more is taken."""
        if self.shared is not None and len(self.found) - len(self.shared.found) >= DROPPED:
            raise Unasked(tr("you have dropped {count} files; remove them first", count=DROPPED))
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="vorrat-")
        digest = hashlib.sha256(content).hexdigest()[:12]
        own = Path(self._folder.name) / digest
        own.mkdir(exist_ok=True)
        path = own / (
            re.sub(r"[^\w.-]+", "-", Path(name).name)[-80:].lstrip(".-") or "scenario.yaml"
        )
        path.write_bytes(content)
        return self._put(Source(f"{path.stem}-{digest[:6]}", path, "dropped"))

    def mend(self, id: str, settings: Sequence[str]) -> Source:
        """Put values in place of faulty ones, for as long as the server runs."""
        source = self.source(id)
        both = dict(text.split("=", 1) for text in (*source.mended, *settings))
        return self._put(replace(source, mended=tuple(f"{k}={v}" for k, v in both.items())))

    def source(self, id: str) -> Source:
        """The source with an id. Raises Unasked where there is none."""
        if id not in self.found:
            raise Unasked(tr("there is no scenario '{id}' here; open its file first", id=id))
        return self.found[id]

    def base(self, id: str, variant: str | None = None) -> Reading:
        """A scenario as its file says, with a variant.

        Raises ScenarioError with every fault, and Unasked where there is none of that id.
        """
        if self.shared is not None and self.is_shared(id):
            return self.shared.base(id, variant)
        source, key = self.source(id), (self.stamp(id), variant)
        with suppress(KeyError):  # what is known does not wait for another to be read
            self._read.move_to_end(key)
            return self._read[key]
        with self._turn:
            if key not in self._read:
                check = variant is None
                own = read_case(source.path, variant, source.mended, check_variants=check)
                self._read[key] = own
                while len(self._read) > self.keep:
                    self._read.popitem(last=False)
            return self._read[key]

    def stamp(self, id: str) -> str:
        """What tells a scenario as it is now from what its file was before."""
        source = self.source(id)
        try:
            state = source.path.stat()
            when = f"{state.st_mtime_ns}-{state.st_size}"
        except OSError:
            when = ""
        return f"{id}-{when}-{hash(source.mended)}"

    def close(self) -> None:
        """Remove what was dropped, and forget what was read and mended."""
        self.found = {} if self.shared is None else dict(self.shared.found)
        self._read.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _put(self, source: Source) -> Source:
        self.found[source.id] = source
        return source


# A question as a variant


def title(question: Question, base: Case) -> str:
    """What a question asks, in the current language: its variant, and what was moved."""
    variant = base.variants.get(question.variant or "")
    said = [] if variant is None else [named(variant.title, question.variant or "", language())]
    moved, known = [], every_control(base)
    for id, value in question.moved:
        if (one := control(base, id, known)) is not None:
            moved.append(f"{one.called}{NO_BREAK}{shown(one, value)}")
    more = len(moved) - SHOWN
    moved = moved[:SHOWN] + ([tr("{count} more", count=more)] if more > 0 else [])
    return "; ".join([*said, *moved]) or tr("base case")


def shown(one: Control, value: str) -> str:
    """A value of a control as people read it."""
    if one.names:
        words = {"in": tr("is built in any case"), "out": tr("is not built")}
        return words.get(value, tr("left to the search"))
    figure = exact(float(value) * one.scale)
    return f"{one.unit}{NO_BREAK}{figure}" if one.unit == "×" else f"{figure}{NO_BREAK}{one.unit}"


def as_variant(question: Question, base: Case, settings: Mapping[str, str]) -> Variant:
    """A question as a variant of its scenario, titled in both languages."""
    titles = {}
    for spoken in ("en", "de"):
        with using(spoken):
            titles[spoken] = title(question, base).replace(NO_BREAK, " ")
    before = base.variants.get(question.variant or "")
    both = {**(before.set if before else {}), **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": titles, "set": both})


def with_variant(text: str, id: str, variant: Variant) -> str:
    """The text of a scenario file with one more variant, all else as it was written.

    It is written above the variants that there are, or with its own heading at the end. Raises
    Unasked where a file writes its variants so that nothing can be put among them.
    """
    about = variant.model_dump(mode="json", exclude_unset=True)
    own = yaml.safe_dump({id: about}, allow_unicode=True, sort_keys=False, width=100)
    heading = re.search(r"^variants:[ \t]*(#.*)?\r?$", text, re.MULTILINE)
    if heading is None and re.search(r"^variants[ \t]*:", text, re.MULTILINE):
        raise Unasked(
            tr("variants are written on one line there; write them on lines of their own")
        )
    indent = "  "
    if heading is not None:
        first = re.match(r"(?:[ \t]*(?:#.*)?\r?\n)*( +)\S", text[heading.end() :])
        indent = first[1] if first else indent
    end = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{end}{indent}{line}" for line in own.splitlines())
    if heading is None:
        own_line = "" if text.endswith(("\n", "\r")) else end
        return f"{text}{own_line}{end}variants:{block}{end}"
    at = heading.end() - heading[0].endswith("\r")
    return f"{text[:at]}{block}{text[at:]}"


def saved(source: Source, id: str, variant: Variant) -> bytes:
    """The file of a scenario with one more variant, read once more before it is kept.

    Raises ScenarioError if that does not read as it should, and Unasked for a workbook, or if the
    file has a variant of that id.
    """
    if not source.is_text:
        raise Unasked(tr("a variant can be written into a file in YAML alone"))
    raw, name = source.path.read_bytes(), str(source.path)
    before = decode(raw, name)
    if id in read_case_text(before, name, settings=source.mended).case.variants:
        raise Unasked(tr("the file has a variant “{id}” already", id=id))
    text = with_variant(before, id, variant)
    read_case_text(text, name, id, source.mended)
    return (codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def save(source: Source, id: str, variant: Variant) -> None:
    """Write one more variant into the file of a scenario, whole or not at all. Raises as
    :func:`saved`, and OSError where the file cannot be written."""
    content = saved(source, id, variant)
    path = source.path.resolve()  # what a link leads to
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# Faults


@dataclass(frozen=True)
class Mendable:
    """A fault, the line that it stands in, and where a value can be put in place of a wrong one."""

    fault: Fault
    line: str
    path: str  # dotted; empty where a single value would not mend it


def mendable(fault: Fault, source: Source) -> Mendable:
    """A fault as the page shows it."""
    line, place = "", fault.place
    if place is not None and place.line and source.is_text:
        try:
            lines = Path(place.file).read_text(encoding="utf-8", errors="replace").splitlines()
            line = lines[place.line - 1][:200] if place.line <= len(lines) else ""
        except OSError:
            line = ""
    single = bool(fault.path) and not fault.at_key and fault.severity == "error"
    path = ".".join(map(str, fault.path)).removesuffix(".value")  # of a figure with a source
    return Mendable(fault, line, path if single else "")
